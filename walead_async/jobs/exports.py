"""Files out: a list of blocked leads, whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from walead_async.errors import InvalidInputError, SourceError
from walead_async.jobs.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterator

    from walead_async.models import BlockedLead

__all__ = ["SUFFIXES", "export_leads"]

SUFFIXES = tuple(FORMATS)
#: Records that are written at once.
BATCH = 1000


async def export_leads(path: str | Path, records: AsyncIterable[BlockedLead]) -> int:
    """Write records to a file and return how many; memory is bounded, whatever their number.

    The format goes by the suffix: .csv, .jsonl, .parquet or .xlsx (the last two need the extra `[files]`); the
    columns are `id, public_identifier, reason, created_at, workspace_id`. The file gets mode 0600 and stands in its
    place only when it is whole and on the disk: an error or a cancellation leaves what was there before.

    `read_leads` reads it back to the same identifiers and reasons. An empty reason and none at all look alike in CSV
    and Excel, so `read_leads` takes both for none in every format.

    Raises `InvalidInputError` for an unknown suffix before anything is read, and for more rows or longer cells than
    .xlsx allows; `SourceError` for a file that cannot be written; `ConfigurationError` where the extra is missing;
    and what reading `records` raises.
    """
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise InvalidInputError(f"{path}: the suffix names the format: give it one of {', '.join(SUFFIXES)}")
    count = 0
    batch: list[BlockedLead] = []
    iterator = aiter(records)
    try:
        with _beside(path) as (file, unfinished), closing(form(file, unfinished.parent)) as out:
            async for record in iterator:
                batch.append(record)
                if len(batch) == BATCH:
                    with _told(path):
                        out.write(batch)
                    count += len(batch)
                    batch = []
            with _told(path):
                out.write(batch)
                out.end()
                _put_in_place(file, unfinished, path)
    finally:
        # A listing that is left early would otherwise keep its requests until it is collected.
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()
    return count + len(batch)


@contextmanager
def _beside(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file of mode 0600, in a folder of its own beside its later place; the folder is gone afterwards.

    The folder also takes what a library needs on the disk meanwhile, so that no copy of the list stays elsewhere.
    """
    with _told(path):
        if path.is_dir():
            raise SourceError(f"{path}: a folder: give the name of a file in it")
        folder = Path(tempfile.mkdtemp(prefix=".walead-export-", dir=path.resolve().parent))
    try:
        with _told(path):
            unfinished = folder / "unfinished"
            file = os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        try:
            yield file, unfinished
        finally:
            # On a full disk closing fails once more; that error would hide the first.
            with suppress(OSError):
                file.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(file: IO[bytes], unfinished: Path, path: Path) -> None:
    """Bring the file to the disk, then under its name. A symbolic link stays one: what it points to is replaced."""
    file.flush()
    os.fsync(file.fileno())
    place = path.resolve()
    unfinished.replace(place)
    if sys.platform == "win32":  # where a folder cannot be opened
        return
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what goes wrong on the disk into an error that names the file."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from None
    except UnicodeEncodeError:
        raise SourceError(f"{path}: cannot be written: a record holds text that is not proper Unicode") from None
