"""What `list`, `find` and `export` do: read, print a line for each, and say what the read was worth."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, TypeVar

from walead_async.cli.output import one_line, progress, say, write_json, write_words
from walead_async.cli.program import ExitCode, of_error
from walead_async.cli.summary import error_fields
from walead_async.errors import InvalidInputError, WaleadError
from walead_async.events import PageRead
from walead_async.identifiers import public_identifier
from walead_async.models import Completeness
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from walead_async.cli.inputs import Given
    from walead_async.events import Event
    from walead_async.models import BlockedLead, CampaignBlockedLead
    from walead_async.paging.listing import Listing

__all__ = ["MEANINGS", "counted", "export_leads", "find_leads", "list_campaign", "list_leads", "list_numbers"]

T = TypeVar("T")

#: What each verdict says of the list that was read.
MEANINGS = {
    Completeness.COMPLETE: "the list did not change while it was read",
    Completeness.CHANGED: "the list changed while it was read; everybody who was there throughout is in it once",
    Completeness.INCOMPLETE: "the read ended before the list did",
    Completeness.UNVERIFIED: "the answers do not tell whether this is the whole list",
}


async def list_leads(base_url: str | None, *, search: str | None, sort: Literal["ASC", "DESC"], as_json: bool) -> int:
    """Print the workspace's list."""
    async with AsyncSession(base_url=base_url) as session:
        listing = session.blocked_leads.list(search=search, sort=sort)
        return await _print_all(listing, _lead_fields if as_json else None, _lead_words)


async def list_campaign(base_url: str | None, campaign: str, *, as_json: bool) -> int:
    """Print a campaign's list."""
    async with AsyncSession(base_url=base_url) as session:
        listing = session.campaign(campaign).blocked_leads.list()
        return await _print_all(listing, _campaign_fields if as_json else None, _lead_words)


async def list_numbers(base_url: str | None, uid: str | None, agent: str, *, as_json: bool) -> int:
    """Print an agent's numbers."""
    async with VoiceAgentSession(uid=uid, base_url=base_url) as phones:
        listing = phones.agent(agent).block_list.list()
        return await _print_all(listing, _number_fields if as_json else None, str)


async def _print_all(
    listing: Listing[T], fields: Callable[[T], dict[str, object]] | None, words: Callable[[T], str]
) -> int:
    """Print every record, page by page: as JSON if `fields` is given, and else in words. The verdict comes last."""
    count = 0
    failure: WaleadError | None = None
    try:
        with progress("Reading the list", lines=True) as step:
            async with aclosing(listing.pages()) as pages:
                async for page in pages:
                    if fields is not None:
                        write_json(map(fields, page.records))
                    else:
                        write_words(map(words, page.records))
                    count += len(page.records)
                    step(len(page.records))
    except WaleadError as error:
        failure = error
        say(f"walead: {one_line(str(error))}")
    return _verdict(listing, count, failure)


def _verdict(listing: Listing[T], count: int, failure: WaleadError | None) -> ExitCode:
    """Say what the read was worth, and return what that means for the exit code."""
    verdict = Completeness.INCOMPLETE if failure else listing.verdict
    records = "1 record" if count == 1 else f"{count:,} records"
    why = listing.why if verdict is Completeness.UNVERIFIED else None
    say(f"{verdict.name}: {records}; {MEANINGS[verdict]}{f': {why}' if why else ''}")
    if failure is not None:
        return of_error(failure, sent=count > 0)
    return ExitCode.UNKNOWN if verdict is Completeness.UNVERIFIED else ExitCode.DONE


async def find_leads(base_url: str | None, given: Given, *, as_json: bool) -> int:
    """Say of everybody given whether they are blocked, or why they cannot be a person; who cannot is not looked for."""
    asked: list[tuple[str, int | None]] = []
    invalid: dict[str, InvalidInputError] = {}
    async for text in given.texts():
        asked.append((text, given.next_line()))
        try:
            public_identifier(text)
        except InvalidInputError as error:
            invalid[text] = error
    if not asked:
        say("walead: nobody to look for: the input is empty")
        return ExitCode.WRONG
    with progress("Records read") as step:

        def watch(event: Event) -> None:
            if isinstance(event, PageRead):
                step(event.records)

        async with AsyncSession(base_url=base_url, hooks=[watch]) as session:
            found = await session.blocked_leads.find_many(text for text, _ in asked if text not in invalid)
    if as_json:
        write_json(_found_fields(text, found.get(text), invalid.get(text)) for text, _ in asked)
        for text, line in asked:
            if text in invalid:
                say(_invalid_words(text, line, invalid[text]))
    else:
        write_words(
            _invalid_words(text, line, invalid[text]) if text in invalid else _found_words(text, found[text])
            for text, line in asked
        )
    return ExitCode.NOT_DONE if invalid else ExitCode.DONE


async def export_leads(base_url: str | None, output: str, *, as_json: bool) -> int:
    """Write the workspace's list to a file. It is not written if the read fails."""
    from walead_async.files.export import export_leads as export

    async with AsyncSession(base_url=base_url) as session:
        listing = session.blocked_leads.list()
        with progress("Records written") as step:
            count = await export(output, counted(listing, step))
    if as_json:
        write_json([{"output": output, "records": count, "verdict": listing.verdict.value}])
    else:
        write_words([f"{output}: {count:,} {'record' if count == 1 else 'records'}"])
    return _verdict(listing, count, None)


async def counted(records: Listing[T], step: Callable[[int], None]) -> AsyncGenerator[T]:
    """The records of a listing, each told to `step` as it passes."""
    async with aclosing(aiter(records)) as each:
        async for record in each:
            yield record
            step(1)


def _lead_fields(lead: BlockedLead) -> dict[str, object]:
    return {
        "id": lead.id,
        "public_identifier": lead.public_identifier,
        "reason": lead.reason,
        "created_at": lead.created_at,
        "workspace_id": lead.workspace_id,
    }


def _campaign_fields(lead: CampaignBlockedLead) -> dict[str, object]:
    return {"public_identifier": lead.public_identifier, "reason": lead.reason, "created_at": lead.created_at}


def _number_fields(number: str) -> dict[str, object]:
    return {"number": number}


def _found_fields(identifier: str, lead: BlockedLead | None, error: InvalidInputError | None) -> dict[str, object]:
    """What was found; for who cannot be a person also `error`, so that "not blocked" is not all that is said."""
    record = None if lead is None else _lead_fields(lead)
    fields: dict[str, object] = {"identifier": identifier, "blocked": lead is not None, "record": record}
    return fields if error is None else {**fields, "error": error_fields(error)}


def _lead_words(lead: BlockedLead | CampaignBlockedLead) -> str:
    return f"{lead.public_identifier:<40} {lead.created_at:%Y-%m-%d %H:%M}  {lead.reason or ''}".rstrip()


def _found_words(identifier: str, lead: BlockedLead | None) -> str:
    if lead is None:
        return f"{identifier}: not blocked"
    why = f": {lead.reason}" if lead.reason else ""
    return f"{identifier}: blocked since {lead.created_at:%Y-%m-%d %H:%M} UTC{why}"


def _invalid_words(text: str, line: int | None, error: InvalidInputError) -> str:
    place = "" if line is None else f"line {line}: "
    return f"{place}{text or repr(text)}: invalid: {one_line(str(error))}"
