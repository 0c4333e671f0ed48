"""All that the two services know: the workspace's list, the campaigns' lists and the agents' numbers."""

from __future__ import annotations

import random
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from walead_async.testing.checks import check_whole
from walead_async.testing.clock import Clock
from walead_async.testing.errors import BadSetting
from walead_async.testing.leads import LeadList
from walead_async.testing.settings import IdentifierCase, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["World"]

#: The version of the saved state.
FORMAT = 1
#: Leads made by one number.
MOST_LEADS = 10_000_000


class World:
    """The state behind both services. Pure: no socket, no file, and no time but its own clock.

    `agents` maps an agent's id to its numbers, kept in the order of adding. Changing it by hand is allowed.
    """

    def __init__(
        self, settings: Settings, *, seed: int, api_key: str, uid: str, workspace_id: str = "emulator-workspace"
    ) -> None:
        self.seed = seed
        self.api_key = api_key
        self.uid = uid
        self.workspace_id = workspace_id
        self.settings = settings
        #: Counts changes, so that a keeper of files knows when to save.
        self.changes = 0
        self.clear()

    def clear(self) -> None:
        """Forget every lead, campaign and number, and set the clock and the luck back: what follows, repeats."""
        settings = self.settings
        self.random = random.Random(self.seed)
        self.clock = Clock(datetime.fromisoformat(settings.clock_start), step=settings.clock_step, ties=settings.ties)
        self.leads = LeadList(self.clock, seed=self.seed, workspace_id=self.workspace_id)
        self.campaigns: dict[str, LeadList] = {}
        self.agents: dict[str, dict[str, None]] = {}
        self._pages = 0
        #: The list of which a page was read last, and the records on that page.
        self.last_read: tuple[LeadList, list[int]] | None = None
        self._fold()
        self.changes += 1

    def take(self, settings: Settings) -> None:
        """Behave by other settings from now on. The records stay; a new `clock_start` sets the clock."""
        old, self.settings = self.settings, settings
        self.clock.step, self.clock.ties = settings.clock_step, settings.ties
        if settings.clock_start != old.clock_start:
            self.clock.set(datetime.fromisoformat(settings.clock_start))
        self._fold()

    def add_leads(
        self, leads: int | Iterable[str | tuple[str, str | None]], created_at: datetime | None = None
    ) -> list[str]:
        """Add records to the workspace's list; `Emulator.add_leads` says what it takes. Raises `BadSetting`."""
        if created_at is not None and created_at.tzinfo is None:
            raise BadSetting(f"createdAt needs an offset from UTC: {created_at.isoformat()!r}")
        if isinstance(leads, str):
            raise BadSetting(f"leads takes a number, or a list of identifiers such as [{leads!r}], not {leads!r}")
        if isinstance(leads, int):
            check_whole("leads", leads, MOST_LEADS)
            return [self.leads.id_of(number) for number in self.fill(leads, created_at)]
        pairs = ((lead, None) if isinstance(lead, str) else lead for lead in leads)
        added = [self.leads.add(identifier, reason, created_at) for identifier, reason in pairs]
        self.changes += 1
        return [self.leads.id_of(number) for number in added]

    def fill(self, leads: int, created_at: datetime | None = None, *, into: LeadList | None = None) -> range:
        """Add so many made-up records, by default to the workspace's list, and return their numbers."""
        filled = self.leads if into is None else into
        made = range(filled.made, filled.made + leads)
        for number in made:
            filled.add(f"lead-{number + 1:07d}", None, created_at)
        self.changes += 1
        return made

    def next_page_size(self) -> int:
        """The size of the next page of the workspace's list."""
        sizes = self.settings.page_sizes
        if not sizes:
            return self.settings.page_size
        self._pages += 1
        return sizes[(self._pages - 1) % len(sizes)]

    def campaign(self, campaign_id: str) -> LeadList:
        """The list of a campaign, begun when it is first asked for."""
        if campaign_id not in self.campaigns:
            self.campaigns[campaign_id] = LeadList(self.clock, seed=self.seed)
            self._fold()
        return self.campaigns[campaign_id]

    def agent(self, agent_id: str) -> dict[str, None]:
        """The numbers of an agent, begun when it is first asked for."""
        return self.agents.setdefault(agent_id, {})

    def state(self) -> bytes:
        """Everything that is known, as JSON; settings are no part of it."""
        return orjson.dumps(
            {
                "emulator": FORMAT,
                "seed": self.leads.seed,
                "clock": self.clock.now,
                "leads": self.leads.state(),
                "campaigns": {name: leads.state() for name, leads in self.campaigns.items()},
                "agents": {name: list(numbers) for name, numbers in self.agents.items()},
            }
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave, its seed for ids included. What is no state raises whatever comes of it."""
        if state["emulator"] != FORMAT:
            raise ValueError("another format")
        self.clear()
        self.leads = LeadList(self.clock, seed=state["seed"], workspace_id=self.workspace_id)
        self.leads.restore(state["leads"])
        for name, leads in state["campaigns"].items():
            self.campaign(name).restore(leads)
        self.agents = {name: dict.fromkeys(numbers) for name, numbers in state["agents"].items()}
        self.clock.resume(state["clock"])
        self._fold()

    def _fold(self) -> None:
        folded = self.settings.identifier_case is not IdentifierCase.MATTERS
        for leads in (self.leads, *self.campaigns.values()):
            leads.fold_case(folded)
