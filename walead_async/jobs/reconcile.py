"""What a fresh list says of the items of a plan, before anything is sent and after: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from walead_async.jobs import guards
from walead_async.jobs.targets import record_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from walead_async.jobs.records import Item

__all__ = ["VANISHED", "Change", "Found", "Showed", "ToSend", "after_sending", "before_sending"]

BLOCKED_MEANWHILE = "was blocked by somebody else since the plan"
GONE_BEFORE = "was gone before it was asked to be removed"
NOT_SEEN = "not seen on a list of which nobody knows whether it was read to its end"
NOT_ON_CLOSING_LIST = "was answered as done, and is not on the closing list"
STILL_LISTED = "was answered as done, and still stands on the closing list"
VANISHED = "was on the list before, and is not on the closing list"


class Change(NamedTuple):
    """An item gets another state or detail."""

    item: Item
    state: str
    detail: str | None


class Found(NamedTuple):
    """A part of a list that was just read.

    `there` are its lines by their keys; `whole` says that it was read to its end, so that it also proves who is absent.
    """

    there: Mapping[bytes, bytes]
    whole: bool

    def texts(self, key: bytes) -> list[str]:
        """The records of a person, each as its `record_text`."""
        return [record_text(line) for line in self.there[key].split(b"\n")] if key in self.there else []


class ToSend(NamedTuple):
    """What is to be sent of one part: items that change by what the list shows, keys that are wanted beside them.

    `blocks` and `removals` count the items that are open then.
    """

    changes: list[Change]
    missing: list[bytes]
    blocks: int
    removals: int


def before_sending(
    items: Iterable[Item],
    wanted: Collection[bytes],
    found: Found,
    *,
    key_of: Callable[[str], bytes],
    why_kept: Callable[[bytes], str | None],
    first: bool,
    settled: bool,
    as_planned: Collection[bytes] = (),
) -> ToSend:
    """What is to be sent, by what a list shows.

    Whoever is wanted and not on the list is blocked. A record is removed only if it stands there as it stood at the
    plan, and `why_kept` says nothing. `first` is True for the first list of an apply: then what was answered as done
    and is not so is sent again, a removal only if lists have `settled` since. `as_planned` are further keys that wait
    to be blocked and are not listed.
    """
    changes: list[Change] = []
    known = set(as_planned)
    removals, blocks = 0, len(known)
    for item in items:
        key = key_of(item.key)
        if item.action == "block":
            known.add(key)
            now = _block_now(item, found, key, first=first)
            blocks += now[0] == "open"
        else:
            now = _removal_now(item, found, key, why_kept(key), first=first, settled=settled)
            removals += now[0] == "open"
        if now != (item.state, item.detail):
            changes.append(Change(item, *now))
    missing = [key for key in wanted if key not in found.there and key not in known]
    return ToSend(changes, missing, blocks + len(missing), removals)


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
    `vanished` are the keys of those missing that have no item yet. `made` are the records that the plan has made: lines
    of what was sent and the `record_text`. `removals` counts the items whose records should be gone.
    """

    changes: list[Change]
    missing: int
    extra: int
    vanished: list[bytes]
    made: list[bytes]
    removals: int


def after_sending(
    items: Iterable[Item],
    wanted: Collection[bytes],
    found: Found,
    *,
    key_of: Callable[[str], bytes],
    made: Mapping[bytes, bytes],
    as_answered: Iterable[str] = (),
) -> Showed:
    """What became of the items. `made` are the lines of the records that an earlier list showed, by their keys.

    `as_answered` are further people who were blocked and are listed. What was blocked and stands there is the plan's
    own, unless an earlier list showed another record of that person.
    """
    changes: list[Change] = []
    there = found.there
    answered = [(sent, key_of(sent)) for sent in as_answered]
    lines = [made.get(key) or _as_sent(sent.encode(), key, there[key]) for sent, key in answered]
    absent = {key for key in wanted if key not in found.there}
    known = {key for _, key in answered}
    extra = removals = 0
    for item in items:
        key = key_of(item.key)
        if item.action == "block":
            known.add(key)
            state, detail = _block_then(item, found, key)
            if key not in found.there:
                absent.add(key)
            if state == "done" and key in made:
                lines.append(made[key])
            elif state == "done" and key in found.there:
                lines.append(_as_sent(item.key.encode(), key, found.there[key]))
        else:
            removed = item.state not in {"withheld", "kept"}
            stands = removed and item.record in found.texts(key)
            extra, removals = extra + stands, removals + removed
            state, detail = _removal_then(item, found, key, stands=stands)
        if (state, detail) != (item.state, item.detail):
            changes.append(Change(item, state, detail))
    return Showed(changes, len(absent), extra, sorted(absent - known), lines, removals)


def _as_sent(sent: bytes, key: bytes, lines: bytes) -> bytes:
    """Lines of a list with what was sent in place of the key, where these differ."""
    return lines if sent == key else b"\n".join(sent + line[len(key) :] for line in lines.split(b"\n"))


def _block_then(item: Item, found: Found, key: bytes) -> tuple[str, str | None]:
    if key not in found.there:
        return item.state, NOT_ON_CLOSING_LIST if item.state == "done" else item.detail
    if item.state in {"done", "sent", "unknown"}:
        return "done", None
    return ("already", BLOCKED_MEANWHILE) if item.state in {"open", "refused"} else (item.state, item.detail)


def _removal_then(item: Item, found: Found, key: bytes, *, stands: bool) -> tuple[str, str | None]:
    if item.state in {"withheld", "kept"}:
        return item.state, item.detail
    if stands:
        return item.state, STILL_LISTED if item.state == "done" else item.detail
    if item.state in {"sent", "unknown"} and any(_same_id(item.record, text) for text in found.texts(key)):
        return "kept", guards.CHANGED
    if found.whole and item.state in {"done", "sent", "unknown"}:
        return "done", None
    if found.whole and item.state in {"open", "refused"}:
        return "already", GONE_BEFORE
    return item.state, item.detail
