"""Hooks of one kind of event, of several and of all. `nox -s types` checks this file too."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from walead_async import AsyncSession, Event, Hook, PageRead, RequestSent, ResponseReceived
from walead_async.testing import Emulator

if TYPE_CHECKING:
    from walead_async import PageRead as OnlyForTypeCheckers
    from walead_async import events

heard: list[object] = []


@pytest.fixture(autouse=True)
def nothing_heard_yet() -> None:
    heard.clear()


def on_page(event: PageRead) -> None:
    heard.append(event)


def on_page_by_a_name_for_type_checkers(event: events.PageRead) -> int:
    heard.append(event)
    return event.records


def on_sent_or_answered(event: RequestSent | ResponseReceived) -> None:
    heard.append(event)


def on_anything(event: Event) -> None:
    heard.append(event)


def on_any_object(event: object) -> None:
    heard.append(event)


def without_a_word(event) -> None:  # type: ignore[no-untyped-def]  # a program without types
    heard.append(event)


def on_page_of(list_name: str, event: PageRead) -> None:
    heard.append(event)


def on_nonsense(event: str) -> None:
    """No hook: the line below that gives it shows that a type checker says so."""


class Watch:
    """A hook that is an object, and one that is its method."""

    def __call__(self, event: PageRead) -> None:
        heard.append(event)

    def sent(self, event: RequestSent) -> None:
        heard.append(event)


async def kinds_told(*hooks: Hook) -> set[str]:
    """The kinds of event that these hooks are told of while a list of one page is read."""
    async with (
        Emulator(leads=3) as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, hooks=hooks) as session,
    ):
        await session.blocked_leads.list().collect()
    return {type(event).__name__ for event in heard}


async def test_a_hook_of_one_kind_of_event_is_told_of_that_kind() -> None:
    assert await kinds_told(on_page) == {"PageRead"}
    heard.clear()
    assert await kinds_told(on_sent_or_answered) == {"RequestSent", "ResponseReceived"}
    heard.clear()
    assert await kinds_told(on_page, on_sent_or_answered) == {"PageRead", "RequestSent", "ResponseReceived"}


async def test_a_hook_that_names_no_kind_is_told_of_everything() -> None:
    everything = {"PageRead", "RequestSent", "ResponseReceived"}
    for hook in (on_anything, on_any_object, without_a_word, heard.append):
        heard.clear()
        assert await kinds_told(hook) >= everything


async def test_methods_objects_and_partial_functions_are_hooks_too() -> None:
    assert await kinds_told(Watch()) == {"PageRead"}
    heard.clear()
    assert await kinds_told(Watch().sent) == {"RequestSent"}
    heard.clear()
    assert await kinds_told(functools.partial(on_page_of, "mine")) == {"PageRead"}


async def test_a_kind_that_is_imported_for_type_checkers_only_counts_by_its_name() -> None:
    assert await kinds_told(on_page_by_a_name_for_type_checkers) == {"PageRead"}


def test_a_session_takes_hooks_of_different_kinds() -> None:
    AsyncSession("k", hooks=[on_page, on_sent_or_answered, on_anything, Watch().sent])
    kept: list[Hook] = [on_page]
    AsyncSession("k", hooks=kept)


if TYPE_CHECKING:

    def on_page_by_another_name(event: OnlyForTypeCheckers) -> None: ...

    AsyncSession("k", hooks=[on_page_by_another_name])
    AsyncSession("k", hooks=[on_nonsense])  # type: ignore[list-item]
