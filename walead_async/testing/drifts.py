"""Drifts: changes that other people make to a list while somebody reads it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from walead_async.testing.schedule import ALWAYS, WHEN, Script, When, nearest
from walead_async.testing.settings import BadSetting

if TYPE_CHECKING:
    from walead_async.testing.store import LeadList, World

__all__ = ["Drift", "DriftName", "DriftScript"]

TEXT = re.compile(rf"(?:(?!\s*:){WHEN}\s*:\s*)?(?P<name>[A-Za-z-]+)(?:=(?P<number>\d{{1,12}}))?", re.VERBOSE)

#: Records that one drift may touch at a time.
MOST = 1_000_000


class DriftName(StrEnum):
    """The changes by name.

    REMOVE_RANDOM, REMOVE_OLDEST, REMOVE_NEWEST: records go. INSERT_NEWEST: new people are blocked. INSERT_RANDOM:
    records turn up with times of the past. REBLOCK: random records get the present time and keep their ids. REPLACE:
    random records are replaced by new ones of the same people. UNBLOCK_WHAT_WAS_READ: the first records of the last
    page go.
    """

    REMOVE_RANDOM = "remove-random"
    REMOVE_OLDEST = "remove-oldest"
    REMOVE_NEWEST = "remove-newest"
    INSERT_NEWEST = "insert-newest"
    INSERT_RANDOM = "insert-random"
    REBLOCK = "reblock"
    REPLACE = "replace"
    UNBLOCK_WHAT_WAS_READ = "unblock-what-was-read"


def _name(value: str) -> DriftName:
    try:
        return DriftName(value)
    except ValueError:
        raise nearest("drift", value, list(DriftName)) from None


@attrs.frozen
class Drift:
    """A change made to the workspace's list or a campaign's right after a page of it was read, before the next request.

    `name` is one of `DriftName`, or its text. `number` is how many records it touches, from 1 to 1,000,000: 1 by
    default, and all of the page for `unblock-what-was-read`. `when` says after which of the pages, by default each.
    `str` of a drift is the text that `parse` reads. Raises `BadSetting` for what is not known.
    """

    name: DriftName = attrs.field(converter=_name)
    number: int | None = None
    when: When = attrs.field(default=ALWAYS, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.number is not None and not 1 <= self.number <= MOST:
            raise BadSetting(f"the drift {self.name.value!r} takes a number from 1 to {MOST}, not {self.number}")

    @classmethod
    def parse(cls, text: str) -> Drift:
        """Read a drift from text: `[WHEN:]NAME[=NUMBER]`, such as `remove-random=2`, `%3:insert-newest`, `#1 :reblock`.

        WHEN is as for faults. Raises `BadSetting` for anything else.
        """
        match = TEXT.fullmatch(text.strip())
        if not match:
            raise BadSetting(f"{text!r} is not a drift: [WHEN:]NAME[=NUMBER] is, such as remove-random=1")
        try:
            number = None if match["number"] is None else int(match["number"])
            return cls(_name(match["name"]), number, when=When.found(match))
        except BadSetting as error:
            raise BadSetting(f"{text!r}: {error}") from None

    def __str__(self) -> str:
        when = str(self.when)
        what = self.name.value if self.number is None else f"{self.name.value}={self.number}"
        return f"{when}:{what}" if when else what

    def happen(self, world: World) -> None:
        """Change the list that was read last."""
        leads, read = world.last_read or (world.leads, [])
        if self.name is DriftName.UNBLOCK_WHAT_WAS_READ:
            leads.remove(read[: self.number])
        else:
            for _ in range(self.number or 1):
                _change(self.name, world, leads)
        world.changes += 1


class DriftScript(Script[Drift]):
    """The drifts of an emulator. After a page was read all that are due happen, in the order of adding.

    To loop over it gives each with `what` (the drift), `seen` (the pages read) and `fired` (how often it happened);
    `len` is how many there are.
    """

    def add(self, *drifts: Drift | str) -> None:
        """Add drifts, as values or as text. Raises `BadSetting`; then none is added."""
        for drift in [Drift.parse(drift) if isinstance(drift, str) else drift for drift in drifts]:
            self.schedule(drift)

    def happen(self, world: World) -> None:
        """Let everything that is due after a page happen."""
        for scheduled in self:
            if scheduled.due():
                scheduled.fired += 1
                scheduled.what.happen(world)


def _change(name: DriftName, world: World, leads: LeadList) -> None:
    """One change to one record; none if the list is empty and the change needs a record."""
    if name is DriftName.INSERT_NEWEST:
        world.fill(1, into=leads)
        return
    if not len(leads):
        return
    drawn = leads.at(world.random.randrange(len(leads)))
    if name is DriftName.REMOVE_RANDOM:
        leads.remove([drawn])
    elif name is DriftName.REMOVE_OLDEST:
        leads.remove([leads.at(0)])
    elif name is DriftName.REMOVE_NEWEST:
        leads.remove([leads.at(-1)])
    elif name is DriftName.INSERT_RANDOM:
        oldest, newest = leads.record(leads.at(0)).created_at, leads.record(leads.at(-1)).created_at
        world.fill(1, oldest + world.random.random() * (newest - oldest), into=leads)
    elif name is DriftName.REBLOCK:
        leads.renew(drawn, leads.record(drawn).reason)
    elif name is DriftName.REPLACE:
        old = leads.record(drawn)
        leads.remove([drawn])
        leads.add(old.public_identifier, old.reason)
