"""The emulator as a program of its own: serve until a signal comes."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from walead_async.testing.emulator import Emulator
from walead_async.testing.settings import BadSetting, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["run_emulator", "serve"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)

log = logging.getLogger(__name__)


async def serve(emulator: Emulator, ready: Callable[[dict[str, str]], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told the addresses and the key once requests are taken.

    A fault or drift that was never played is told at the end, in a warning. Raises `BadSetting` if the port is taken or
    the state cannot be saved.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        await _listen(emulator)
        try:
            ready(
                {
                    "walead_url": emulator.walead_url,
                    "phonely_url": emulator.phonely_url,
                    "control_url": emulator.control_url,
                    "api_key": emulator.api_key,
                }
            )
            await stop.wait()
            for unfired in (*emulator.unfired_faults(), *emulator.drifts.unfired()):
                log.warning("never played: %s", unfired)
        finally:
            await _close(emulator)
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def run_emulator(
    *,
    port: int,
    leads: int,
    page_size: int,
    latency: float,
    state: Path | None,
    faults: Sequence[str],
    drifts: Sequence[str],
    seed: int,
    ready: Callable[[dict[str, str]], None],
) -> None:
    """Serve an emulator until SIGINT or SIGTERM, as `walead emulator` does; only in the main thread.

    `page_size` (records) and `latency` (seconds) are those of `Settings`, the other options those of `Emulator`.
    `ready` is called once requests are taken, with `walead_url`, `phonely_url`, `control_url` and `api_key`. A fault or
    drift that was never played is told at the end, as a warning of the logger `walead_async.testing.serve`. Raises
    `BadSetting` for a wrong option, a port that is taken, or a state that cannot be read or saved.
    """
    emulator = Emulator(
        settings=Settings(page_size=page_size, latency=latency),
        leads=leads,
        seed=seed,
        port=port,
        state=state,
        faults=faults,
        drifts=drifts,
    )
    asyncio.run(serve(emulator, ready))


async def _listen(emulator: Emulator) -> None:
    try:
        await emulator.start()
    except OSError as error:
        raise BadSetting(f"port {emulator.port} cannot be listened on: {error.strerror}") from None


async def _close(emulator: Emulator) -> None:
    try:
        await emulator.aclose()
    except OSError as error:
        raise BadSetting(f"the state was not saved: {error.strerror}") from None
