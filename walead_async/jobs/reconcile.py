"""What a fresh list says of the items of a plan, before anything is sent and after: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from walead_async.jobs import guards
from walead_async.jobs.targets import record_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from walead_async.jobs.records import Item

__all__ = ["VANISHED", "Change", "Found", "Showed", "after_sending", "before_sending"]

BLOCKED_MEANWHILE = "was blocked by somebody else since the plan"
GONE_BEFORE = "was gone before it was asked to be removed"
NOT_SEEN = "not seen on a list of which nobody knows whether it was read to its end"
NOT_ON_CLOSING_LIST = "was answered as done, and is not on the closing list"
STILL_LISTED = "was answered as done, and still stands on the closing list"
VANISHED = "was on the list before, and is not on the closing list"


class Change(NamedTuple):
    """An item gets another state, detail or record."""

    item: Item
    state: str
    detail: str | None
    record: str


class Found(NamedTuple):
    """A part of a list that was just read.

    `there` are its lines by their keys; `whole` says that it was read to its end, so that it also proves who is absent.
    """

    there: Mapping[bytes, Sequence[bytes]]
    whole: bool

    def texts(self, key: bytes) -> list[str]:
        """The records of a person, each as its `record_text`."""
        return [record_text(line) for line in self.there.get(key, ())]


def before_sending(
    items: Iterable[Item],
    wanted: Collection[bytes],
    found: Found,
    *,
    key_of: Callable[[str], bytes],
    why_kept: Callable[[bytes], str | None],
    first: bool,
    settled: bool,
) -> tuple[list[Change], list[bytes]]:
    """What is to be sent: the items that change by what the list shows, and the keys that are wanted beside them.

    Whoever is wanted and not on the list is blocked. A record is removed only if it stands there as it stood at the
    plan, and `why_kept` says nothing. `first` is True for the first list of an apply: then what was answered as done
    and is not so is sent again, a removal only if lists have `settled` since.
    """
    changes: list[Change] = []
    known: set[bytes] = set()
    for item in items:
        key = key_of(item.key)
        if item.action == "block":
            known.add(key)
            now = _block_now(item, found, key, first=first)
        else:
            now = _removal_now(item, found, key, why_kept(key), first=first, settled=settled)
        if now != (item.state, item.detail):
            changes.append(Change(item, *now, "" if item.action == "block" and now[0] == "open" else item.record))
    return changes, [key for key in wanted if key not in found.there and key not in known]


def _block_now(item: Item, found: Found, key: bytes, *, first: bool) -> tuple[str, str | None]:
    if key in found.there:
        if item.state in {"sent", "unknown"}:
            return "done", None
        return ("already", BLOCKED_MEANWHILE) if item.state in {"open", "refused"} else (item.state, item.detail)
    if item.state in {"sent", "unknown"} or first:
        return "open", None
    return item.state, item.detail


def _removal_now(
    item: Item, found: Found, key: bytes, why: str | None, *, first: bool, settled: bool
) -> tuple[str, str | None]:
    state, detail, texts = item.state, item.detail, found.texts(key)
    if state in {"withheld", "kept"}:
        return state, detail
    if item.record in texts:
        if state == "done":
            return ("open", None) if first and settled and why is None else (state, detail)
        if why is not None:
            return "kept", why
        return ("open", None) if first or state != "refused" else (state, detail)
    if state in {"done", "already"}:
        return state, detail
    if any(_same_id(item.record, text) for text in texts) or (texts and state == "open"):
        return "kept", guards.CHANGED
    if not found.whole:
        return "unknown", NOT_SEEN
    return ("done", None) if state in {"sent", "unknown"} else ("already", GONE_BEFORE)


def _same_id(one: str, other: str) -> bool:
    ours, theirs = one.partition("\x1f")[0], other.partition("\x1f")[0]
    return bool(ours) and ours == theirs


class Showed(NamedTuple):
    """What a closing list shows of one part.

    `missing` counts who is wanted and not there, `extra` the records that still stand though they were to be removed;
    `vanished` are the keys of those missing that have no item yet.
    """

    changes: list[Change]
    missing: int
    extra: int
    vanished: list[bytes]


def after_sending(
    items: Iterable[Item], wanted: Collection[bytes], found: Found, *, key_of: Callable[[str], bytes]
) -> Showed:
    """What became of the items: a block that was done gets the records that show it, so that it can be undone."""
    changes: list[Change] = []
    absent = {key for key in wanted if key not in found.there}
    known: set[bytes] = set()
    extra = 0
    for item in items:
        key = key_of(item.key)
        state, detail, record = item.state, item.detail, item.record
        if item.action == "block":
            known.add(key)
            if key not in found.there:
                absent.add(key)
                detail = NOT_ON_CLOSING_LIST if state == "done" else detail
            elif state in {"done", "sent", "unknown"}:
                state, detail, record = "done", None, record or "\n".join(found.texts(key))
            elif state in {"open", "refused"}:
                state, detail = "already", BLOCKED_MEANWHILE
        elif state not in {"withheld", "kept"}:
            texts = found.texts(key)
            if item.record in texts:
                extra += 1
                detail = STILL_LISTED if state == "done" else detail
            elif state in {"sent", "unknown"} and any(_same_id(item.record, text) for text in texts):
                state, detail = "kept", guards.CHANGED
            elif found.whole and state in {"done", "sent", "unknown"}:
                state, detail = "done", None
            elif found.whole and state in {"open", "refused"}:
                state, detail = "already", GONE_BEFORE
        if (state, detail, record) != (item.state, item.detail, item.record):
            changes.append(Change(item, state, detail, record))
    return Showed(changes, len(absent), extra, sorted(absent - known))
