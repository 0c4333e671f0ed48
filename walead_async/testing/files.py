"""The state of the emulator in a file: read at the start, replaced as a whole, readable by its owner alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from walead_async.testing.errors import BadSetting

if TYPE_CHECKING:
    from walead_async.testing.world import World

__all__ = ["Keeper", "load", "save"]

log = logging.getLogger(__name__)

#: What comes of reading JSON that is not a state.
DAMAGED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError)


def load(world: World, path: Path) -> bool:
    """Take the state from a file; False if there is none. Raises `BadSetting` if it cannot be read."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadSetting(f"the state {str(path)!r} cannot be read: {error.strerror}") from None
    try:
        world.restore(orjson.loads(text))
    except DAMAGED:
        raise BadSetting(f"the state {str(path)!r} was not written by this emulator, or is damaged") from None
    return True


def save(state: bytes, path: Path) -> None:
    """Replace the file by this state: the old one stands until the new one is whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class Keeper:
    """Saves a world: at most once in `pause` seconds while it changes, and at the end."""

    def __init__(self, world: World, path: Path, *, pause: float = 0.5) -> None:
        self._world = world
        self._path = path
        self._pause = pause
        self._saved = world.changes
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def notice(self) -> None:
        """Save soon, if something changed since the last time."""
        if self._world.changes != self._saved and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._save_soon())

    async def aclose(self) -> None:
        """Save for the last time. Raises `OSError` if the file cannot be written."""
        self._closing.set()
        if self._task is not None:
            await self._task
        # Tests change lists by hand, which nothing counts.
        await self._save()

    async def _save_soon(self) -> None:
        while self._world.changes != self._saved and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await self._closing.wait()
            try:
                await self._save()
            except OSError as error:
                log.warning("the state was not saved to %s: %s", self._path, error.strerror)

    async def _save(self) -> None:
        self._saved = self._world.changes
        await asyncio.to_thread(save, self._world.state(), self._path)
