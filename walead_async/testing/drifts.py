"""Drifts: changes that other people make to a list while somebody reads it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import attrs

from walead_async.testing.schedule import ALWAYS, WHEN, Script, When, by_name
from walead_async.testing.settings import BadSetting

if TYPE_CHECKING:
    from walead_async.testing.store import LeadList, Store

__all__ = ["Drift", "DriftName", "DriftScript"]

TEXT = re.compile(rf"(?:(?!\s*:){WHEN}\s*:\s*)?(?P<name>[A-Za-z-]+)(?:=(?P<number>\d{{1,12}}))?", re.VERBOSE)

#: Records that one drift may touch at a time.
MOST = 1_000_000


class DriftName(StrEnum):
    """The changes by name.

    REMOVE_RANDOM, REMOVE_OLDEST, REMOVE_NEWEST: records go. INSERT_NEWEST: new people are blocked. INSERT_RANDOM:
    records turn up with times of the past. REBLOCK: random records get the present time and keep their ids. REPLACE:
    random records are replaced by new ones of the same people. UNBLOCK_WHAT_WAS_READ: the first records of the last
    page go. CREATE_AGENT: the user gets new voice agents, whose lists are empty, right after the agents were listed.
    """

    REMOVE_RANDOM = "remove-random"
    REMOVE_OLDEST = "remove-oldest"
    REMOVE_NEWEST = "remove-newest"
    INSERT_NEWEST = "insert-newest"
    INSERT_RANDOM = "insert-random"
    REBLOCK = "reblock"
    REPLACE = "replace"
    UNBLOCK_WHAT_WAS_READ = "unblock-what-was-read"
    CREATE_AGENT = "create-agent"


def _name(name: str) -> DriftName:
    return by_name("drift", DriftName, name)


@attrs.frozen(repr=False)
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
    def parse(cls, text: str) -> Self:
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

    def __repr__(self) -> str:
        return f"<Drift {self}>"

    def __str__(self) -> str:
        when = str(self.when)
        what = self.name.value if self.number is None else f"{self.name.value}={self.number}"
        return f"{when}:{what}" if when else what

    def happen(self, store: Store) -> None:
        """Change the list that was read last."""
        store.remember()
        leads, read = store.last_read or (store.leads, [])
        if self.name is DriftName.CREATE_AGENT:
            for _ in range(self.number or 1):
                store.agents[f"agent-{store.random.getrandbits(32):08x}"] = {}
        elif self.name is DriftName.UNBLOCK_WHAT_WAS_READ:
            leads.remove(read[: self.number])
        else:
            for _ in range(self.number or 1):
                _change(self.name, store, leads)
        store.changes += 1


class DriftScript(Script[Drift]):
    """The drifts of an emulator. After a page was read all that are due happen, in the order of adding.

    To loop over it gives each with `what` (the drift), `seen` (the pages read) and `fired` (how often it happened);
    `len` is how many there are.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, Drift)

    def happen(self, store: Store) -> None:
        """Let everything that is due after a page happen."""
        for scheduled in self:
            of_agents = scheduled.what.name is DriftName.CREATE_AGENT
            if of_agents is store.agents_read and scheduled.due():
                scheduled.fired += 1
                scheduled.what.happen(store)


def _change(name: DriftName, store: Store, leads: LeadList) -> None:
    """One change to one record; none if the list is empty and the change needs a record."""
    if name is DriftName.INSERT_NEWEST:
        store.add_leads(1, into=leads)
        return
    if not len(leads):
        return
    drawn = leads[store.random.randrange(len(leads))]
    match name:
        case DriftName.REMOVE_RANDOM:
            leads.remove([drawn])
        case DriftName.REMOVE_OLDEST:
            leads.remove([leads[0]])
        case DriftName.REMOVE_NEWEST:
            leads.remove([leads[-1]])
        case DriftName.INSERT_RANDOM:
            oldest, newest = leads[0].created_at, leads[-1].created_at
            store.add_leads(1, oldest + store.random.random() * (newest - oldest), into=leads)
        case DriftName.REBLOCK:
            leads.change(drawn, drawn.reason, renew=True)
        case DriftName.REPLACE:
            leads.remove([drawn])
            leads.add(drawn.public_identifier, drawn.reason)
