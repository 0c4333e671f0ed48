"""Make a plan: read a source and the list, compare them, and keep what would change."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import zlib
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

import attrs
import orjson

from walead_async.errors import InvalidInputError, WaleadError
from walead_async.files.encoding import ends_with_line_end
from walead_async.files.sources import rows
from walead_async.jobs import guards, optouts, records
from walead_async.jobs.compare import Listed, compare, read_list
from walead_async.jobs.locks import whoami
from walead_async.jobs.parts import SEPARATOR, Spill
from walead_async.jobs.records import NewItem
from walead_async.jobs.store import POSTGRESQL, microseconds, open_store, without_password
from walead_async.jobs.targets import Session, Target, is_readable, record_text, target_of
from walead_async.jobs.values import Plan, Progress, ProgressCallback
from walead_async.jobs.wanted import RejectedRows, Source, people

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from walead_async.jobs.database import Connection
    from walead_async.jobs.journal import Journal
    from walead_async.models import Row

__all__ = [
    "Keep",
    "PlanOptions",
    "fingerprints",
    "hash_of_key",
    "made_plan",
    "nothing",
    "plan",
    "read_keep",
    "same_key",
    "store_items",
    "summary_of",
]

SourceFile = str | os.PathLike[str] | IO[bytes]

DAY = 24 * 3600 * 1_000_000
#: How long a source is kept that no plan needs, in microseconds.
KEPT_SOURCES = 30 * DAY
#: Items that are stored in one commit.
STORED_AT_ONCE = 20_000
#: The first bytes of an outbox.
SQLITE = b"SQLite format 3\0"


async def plan(
    journal: Journal,
    session: Session,
    source: SourceFile,
    *,
    mode: Literal["add", "mirror"] = "add",
    column: str | Sequence[str] | None = None,
    encoding: str | None = None,
    campaign: str | None = None,
    agent: str | None = None,
    max_removals: int | None = None,
    max_invalid: int = 0,
    min_rows: int = 0,
    keep: Sequence[str | os.PathLike[str]] = (),
    take_over: bool = False,
    rejected: str | os.PathLike[str] | None = None,
    note: str | None = None,
    by: str | None = None,
    progress: ProgressCallback | None = None,
) -> Plan:
    """Plan how the list is to become what a source wants, and keep that in the journal; nothing is sent.

    `source` is a file as `walead_async.files.rows` reads it, with `column` and `encoding` as there; "-" is standard
    input. `mode` is "add" (block who is not blocked) or "mirror" (and unblock whom the source does not hold). The list
    is the workspace's, or that of a `campaign`, or of an `agent` (with a `VoiceAgentSession`).

    Removals of a mirror are withheld if there are more than `max_removals` (by default more than 10 that are more than
    5 percent of the list), more invalid rows than `max_invalid`, fewer rows than `min_rows`, or a doubt whether source
    or list were read to their ends. Whom a file or an outbox in `keep` names stays, and so does a record that no plan
    of this journal made, unless `take_over` makes the records that stand there now the journal's own.

    Rows that cannot be used are written to `rejected`, by default a file beside the journal, if that is a file. `note`
    and `by` (default: user@host) are kept with the plan. `progress` is called in the event loop.

    Raises `InvalidInputError` for a call that cannot be made, `SourceError` for a file that cannot be used,
    `JournalError`, and the errors of a listing: then there is no plan.
    """
    options = PlanOptions(
        mode=mode,
        column=column,
        encoding=encoding,
        campaign=campaign,
        agent=agent,
        max_removals=max_removals,
        max_invalid=max_invalid,
        min_rows=min_rows,
        keep=keep,
        take_over=take_over,
        rejected=rejected,
        note=note,
        by=by,
    )
    made, listed = await made_plan(journal, session, source, options, progress)
    listed.close()
    return made


@attrs.frozen(kw_only=True)
class PlanOptions:
    """What `plan` takes beside journal, session and source."""

    mode: Literal["add", "mirror"]
    column: str | Sequence[str] | None
    encoding: str | None
    campaign: str | None
    agent: str | None
    max_removals: int | None
    max_invalid: int
    min_rows: int
    keep: Sequence[str | os.PathLike[str]]
    take_over: bool
    rejected: str | os.PathLike[str] | None
    note: str | None
    by: str | None

    def check(self, target: Target) -> None:
        """Raise `InvalidInputError` for options that do not fit each other, or this list."""
        if self.mode not in {"add", "mirror"}:
            raise InvalidInputError(f"mode is 'add' or 'mirror', not {self.mode!r}")
        if self.mode == "mirror" and target.no_removal:
            raise InvalidInputError(f"a mirror cannot be made of this list, since {target.no_removal}: use mode='add'")
        if isinstance(self.keep, (str, bytes, os.PathLike)):
            raise InvalidInputError("keep takes a list of files, not a single one: put it into a list")
        if any(without_password(os.fspath(file)) != os.fspath(file) for file in self.keep):
            raise InvalidInputError("keep stands in the journal: leave its password to PGPASSWORD or a passfile")
        if self.mode == "add" and (self.take_over or self.keep or self.max_removals is not None):
            raise InvalidInputError("max_removals, keep and take_over are about removals, which only a mirror makes")
        for name in ("max_removals", "max_invalid", "min_rows"):
            number = getattr(self, name)
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
                raise InvalidInputError(f"{name} is a whole number from 0, not {number!r}")

    def for_apply(self, key: str) -> str:
        """What `apply` needs to know, as JSON; `key` is a hash of the session's key."""
        keep = [str(file if os.fspath(file).startswith(POSTGRESQL) else Path(file).absolute()) for file in self.keep]
        return orjson.dumps({"max_invalid": self.max_invalid, "keep": keep, "key": key}).decode()


async def made_plan(
    journal: Journal, session: Session, source: SourceFile, options: PlanOptions, progress: ProgressCallback | None
) -> tuple[Plan, Listed]:
    """As `plan`; also returns the list as it was read, which the caller closes."""
    target = target_of(session, options.campaign, options.agent)
    options.check(target)
    mirror, take_over = options.mode == "mirror", options.take_over
    tell = progress or nothing
    plan_id, by = records.new_plan_id(), options.by or whoami()
    store, folder = journal.store, journal.folder
    place = _place_of_rejected(options, plan_id, source, journal)
    # It tells of a journal that cannot be written before anything is read.
    await store.write(lambda db: records.drop_unfinished(db, microseconds() - DAY))
    with ExitStack() as stack:
        refused = None if place is None else stack.enter_context(RejectedRows(place, target.kind))
        opened = _Opened(source, target.kind, options.column, options.encoding)
        given = stack.enter_context(
            Source(
                opened.rows, target.line_of, Spill(folder), target.plain, refused.add if refused is not None else None
            )
        )
        while await asyncio.to_thread(given.read):
            tell(Progress("reading", given.rows))
        cut = given.last_row() if given.ended_early is None and given.rows and not opened.ends_whole() else None
        kept = stack.enter_context(await read_keep(journal, target, options.keep))
        # Where nothing is removed and no reasons are compared, who stands there is enough.
        whole = mirror or given.has_reasons
        listed = await read_list(target, folder, lambda count: tell(Progress("listing", count)), whole=whole)
        closing = stack.enter_context(ExitStack())
        closing.callback(listed.close)
        key = await asyncio.to_thread(hash_of_key, session)
        owner = (session.base_url, listed.account or "", target.name)
        found = _Found(target, given, listed, kept, mirror=mirror, take_over=take_over)
        for part in records.parts():
            ours = await store.read(partial(records.ours, owner=owner, part=part)) if mirror else None
            await asyncio.to_thread(found.add, part, ours)
            tell(Progress("comparing", part + 1, len(records.parts())))
        why = guards.why_withheld(
            removals=found.removals,
            listed=len(listed),
            max_removals=options.max_removals,
            rows=given.rows,
            min_rows=options.min_rows,
            invalid=given.invalid,
            max_invalid=options.max_invalid,
            cut=cut is not None,
            ended_early=given.ended_early,
            verdict=listed.verdict,
            unreadable_keep=kept.unreadable,
        )
        made = Plan(
            id=plan_id,
            mode=options.mode,
            target=target.name,
            block=found.blocks,
            unblock=0 if why else found.removals,
            withheld=found.removals if why else 0,
            already=found.already,
            duplicate=given.duplicates,
            invalid=given.invalid,
            kept=found.why_kept.total(),
            reason_differs=found.reason_differs,
            rows=given.rows,
            listed=len(listed),
            verdict=listed.verdict,
            column=opened.column,
            invalid_rows=tuple(given.invalid_rows),
            rejected=place if refused is not None and refused.any else None,
            why_withheld=why,
            why_kept=dict(found.why_kept),
            ended_early=given.ended_early,
            cut=cut,
            note=options.note,
            by=by,
        )

        def begin(db: Connection) -> int:
            wanted = records.source_of(db, given.digest)
            if wanted is None:
                wanted = records.add_source(db, "wanted", given.digest, found.stored)
            if take_over:
                records.drop_owned(db, owner)
                records.add_source(db, "owned", plan_id, found.owned, owner)
            values = {"by_whom": by, "note": options.note, "options_json": options.for_apply(key)}
            return records.add_plan(db, plan_id, options.mode, owner, {**values, "source": wanted})

        number = await store.write(begin)
        await store_items(journal, number, found.items(), withheld=bool(why))
        if refused is not None:
            await asyncio.to_thread(refused.keep)
        await store.write(lambda db: _finish(db, number, made))
        closing.pop_all()
        return made, listed


def _place_of_rejected(options: PlanOptions, plan_id: str, source: SourceFile, journal: Journal) -> Path | None:
    """Where rejected rows go, None if nowhere. Raises `InvalidInputError` if they would take the place of a source."""
    if options.rejected is None:
        return None if journal.folder is None else Path(f"{journal.where}.{plan_id}.rejected.csv")
    place = Path(options.rejected).absolute()
    taken = [journal.where, *options.keep, *([source] if isinstance(source, (str, os.PathLike)) else [])]
    if place.resolve() in {Path(path).resolve() for path in taken}:
        raise InvalidInputError(f"rejected rows would take the place of {str(place)!r}: name another file for them")
    return place


def _finish(db: Connection, number: int, made: Plan) -> None:
    records.finish_plan(db, number, made.id, summary_of(made), made.by)
    records.drop_sources(db, microseconds() - KEPT_SOURCES)


def summary_of(made: Plan) -> dict[str, object]:
    """A plan's preview as plain values."""
    found: dict[str, object] = orjson.loads(orjson.dumps(attrs.asdict(made), default=_plain))
    return found


def _plain(value: object) -> str:
    return str(value)


async def store_items(
    journal: Journal, number: int, parts: Iterable[tuple[int, list[NewItem]]], *, withheld: bool = False
) -> None:
    """Store the items of a plan that nobody sees yet, in commits that hold up nobody for long."""
    for part, items in parts:
        if withheld:
            items = [item._replace(state="withheld") if item.action == "unblock" else item for item in items]
        for first in range(0, len(items), STORED_AT_ONCE):
            some = items[first : first + STORED_AT_ONCE]
            await journal.store.write(partial(records.add_items, plan=number, part=part, first=first, items=some))


def nothing(_: Progress) -> None:
    """Nobody wants to know."""


def hash_of_key(session: Session) -> str:
    """What stands for the account where no record shows it: a salted hash of the key."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{session.key_hash(salt)}"


def same_key(session: Session, hashed: str) -> bool:
    """Whether this is a hash of the session's key."""
    salt, _, found = hashed.partition(":")
    return session.key_hash(bytes.fromhex(salt)) == found


def fingerprints(texts: Iterable[str]) -> bytes:
    """The fingerprints of records, in order, as they stand in a part."""
    return b"".join(sorted(map(records.fingerprint, texts)))


class _Opened:
    """A source as rows, and what is known of its end once they were read."""

    def __init__(
        self,
        source: SourceFile,
        kind: Literal["lead", "number"],
        column: str | Sequence[str] | None,
        encoding: str | None,
    ) -> None:
        self._taken: dict[str, None] = {}
        self._path: Path | None = None
        self._stream: _LastLine | None = None
        if source == "-" or not isinstance(source, (str, os.PathLike)):
            self._stream = _LastLine(sys.stdin.buffer if isinstance(source, (str, os.PathLike)) else source)
            given: Path | IO[bytes] = cast("IO[bytes]", self._stream)
        else:
            given = self._path = Path(source)
        self.rows: Iterator[Row] = rows(given, kind=kind, column=column, encoding=encoding, taken=self._take)

    def _take(self, names: tuple[str, ...]) -> None:
        self._taken.update(dict.fromkeys(names))

    @property
    def column(self) -> str | None:
        """The names of the columns that were taken, None where there are none."""
        return ", ".join(self._taken) or None

    def ends_whole(self) -> bool:
        """Whether the last line has a line end, where the format has lines."""
        if self._stream is not None:
            return self._stream.whole
        return self._path is None or ends_with_line_end(self._path)


class _LastLine:
    """A stream of lines that remembers whether the last one had its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.whole = True

    def readline(self, limit: int) -> bytes:
        line = self._stream.readline(limit)
        if line:
            self.whole = line.endswith(b"\n")
        return line


class Keep:
    """Whom nobody may unblock: people in the journal's own outbox, and those of the files and outboxes of `keep`.

    `unreadable` says which of these could not be read whole, and why. `last` is the id of the last opt-out in it.
    """

    def __init__(self, kind: Literal["lead", "number"], own: Iterable[bytes], last: int, spill: Spill) -> None:
        self.last = last
        #: The fingerprints of whom the journal's own outbox, and the other ones, took and have removed since.
        self.removed: set[bytes] = set()
        self.removed_elsewhere: set[bytes] = set()
        self._kind: Literal["lead", "number"] = kind
        self._own = frozenset(own)
        self.unreadable: list[str] = []
        self._spill = spill

    def __enter__(self) -> Keep:
        return self

    def __exit__(self, *_: object) -> None:
        self._spill.close()

    def opted_out(self, key: bytes) -> bool:
        """Whether the journal's own outbox has taken this person, or number."""
        return key in self._own or self._is_among(self.removed, key)

    def is_listed(self, key: bytes, part: Collection[bytes]) -> bool:
        """Whether a file, of which `part` is the part of this key, or another outbox names them."""
        return key in part or self._is_among(self.removed_elsewhere, key)

    def _is_among(self, prints: Collection[bytes], key: bytes) -> bool:
        return bool(prints) and optouts.fingerprint(self._kind, key.decode()) in prints

    def part(self, part: int) -> set[bytes]:
        """The keys of one part of the files."""
        return set(people(self._spill.data(part)))


async def read_keep(journal: Journal, target: Target, files: Sequence[str | os.PathLike[str]]) -> Keep:
    """Read whom nobody may unblock. The caller closes it."""
    own, last, removed = await journal.store.read(
        lambda db: (optouts.taken_keys(db, target.kind), optouts.last_id(db), optouts.removed(db))
    )
    spill = Spill(journal.folder)
    keep = Keep(target.kind, map(target.key_of, own), last, spill)
    keep.removed = removed
    try:
        for file in files:
            try:
                why = await _read_keep_file(keep, spill, target, os.fspath(file))
            except (WaleadError, OSError) as error:
                why = str(error)
            if why is not None:
                keep.unreadable.append(why)
    except BaseException:
        spill.close()
        raise
    return keep


async def _read_keep_file(keep: Keep, spill: Spill, target: Target, file: str) -> str | None:
    """Read one file of people to keep, or an outbox; returns why it is not whole, None if it is."""
    path = Path(file)
    if file.startswith(POSTGRESQL) or await asyncio.to_thread(_is_outbox, path):
        async with open_store(file, create=False) as outbox:
            found, removed = await outbox.read(lambda db: (optouts.taken_keys(db, target.kind), optouts.removed(db)))
        keep.removed_elsewhere |= removed
        keys = list(map(target.key_of, found))
        spill.add(keys, keys)
        return None
    opened = _Opened(path, target.kind, None, None)
    given = Source(opened.rows, target.line_of, spill, target.plain)
    while await asyncio.to_thread(given.read):
        pass
    if given.ended_early is not None:
        return given.ended_early
    if given.invalid:
        first = given.invalid_rows[0]
        return f"{path}: {given.invalid:,} rows name nobody, the first in line {first.line}: {first.why}"
    return None if opened.ends_whole() else f"{path}: its last line has no line end, so it may have been cut off"


def _is_outbox(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


class _Found:
    """What a plan will change, part by part. Its items are kept compressed until they are stored."""

    def __init__(
        self, target: Target, given: Source, listed: Listed, keep: Keep, *, mirror: bool, take_over: bool
    ) -> None:
        self._target, self._given, self._listed, self._keep = target, given, listed, keep
        self._mirror, self._take_over = mirror, take_over
        self._items: list[bytes] = []
        self.stored: list[bytes] = []
        self.owned: list[bytes] = []
        self.blocks = self.removals = self.already = self.reason_differs = 0
        self.why_kept: Counter[str] = Counter()

    def add(self, part: int, ours: tuple[dict[str, str], set[bytes]] | None) -> None:
        """Compare one part; `ours` are the journal's own records there, None where nothing is removed."""
        wanted, stored = self._given.part(part)
        self.stored.append(stored)
        data = self._listed.data(part)
        found = compare(wanted, data, reasons=self._given.has_reasons)
        self.already += found.both
        self.reason_differs += found.reason_differs
        items = [("block", *self._target.item(key, wanted[key]), "") for key in found.missing]
        self.blocks += len(items)
        if self._mirror and ours is not None:
            keep = self._keep.part(part)
            removals = [item for line in found.unwanted if (item := self._removal(line, keep, ours)) is not None]
            self.removals += len(removals)
            items += removals
        if self._take_over:
            self.owned.append(fingerprints(map(record_text, data.split(b"\n")[:-1])))
        self._items.append(zlib.compress(orjson.dumps(items), 1))

    def _removal(
        self, line: bytes, keep: set[bytes], ours: tuple[dict[str, str], set[bytes]]
    ) -> tuple[str, str, str, str] | None:
        """The item that removes the record of this line, None if it is kept."""
        key, text = line.partition(SEPARATOR)[0], record_text(line)
        why = guards.why_kept(
            opted_out=self._keep.opted_out(key),
            keep_listed=self._keep.is_listed(key, keep),
            ours=self._take_over or text in ours[0] or records.fingerprint(text) in ours[1],
            readable=is_readable(key),
        )
        if why is None:
            # a number is removed as it was sent, in whatever way the list writes it
            return "unblock", ours[0].get(text) or self._target.removal(key, text), "", text
        self.why_kept[why] += 1
        return None

    def items(self) -> Iterator[tuple[int, list[NewItem]]]:
        """The items of each part."""
        for part, packed in enumerate(self._items):
            yield part, [NewItem(*item) for item in orjson.loads(zlib.decompress(packed))]
