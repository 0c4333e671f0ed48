"""The WaLead service: five calls on the workspace's list and the campaigns' lists, after the vendor's pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from walead_async.testing.replies import Call, Refused, Reply, answer
from walead_async.testing.settings import BadItem, IdentifierCase, Reblock, UnknownId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from walead_async.testing.store import LeadList, World

__all__ = ["carry_out"]

WORKSPACE = "/v1/blocked-leads"
CAMPAIGN = re.compile(r"/v1/campaigns/([^/]+)/blocked-leads")
#: The most records of a campaign's list in one answer.
MOST_TAKEN = 100
#: Larger whole numbers are no offsets.
LARGEST = 2**53


def carry_out(world: World, call: Call) -> Reply:
    """Do what a call asks and answer it. Raises `Refused` where the service says no; then nothing was changed."""
    if call.key != world.api_key:
        raise Refused(401, "Unauthorized: the x-api-key header is missing or wrong")
    if call.path == WORKSPACE:
        if call.method == "GET":
            return _list(world, call.query)
        if call.method == "POST":
            return _block(world, _json(call.body))
        if call.method == "DELETE":
            return _unblock(world, _json(call.body))
        raise Refused(405, f"{call.method} is not allowed here", {"Allow": "GET, POST, DELETE"})
    campaign = CAMPAIGN.fullmatch(call.path)
    if campaign:
        if call.method == "GET":
            return _list_campaign(world, campaign[1], call.query)
        if call.method == "POST":
            return _block_in_campaign(world, campaign[1], _json(call.body))
        raise Refused(405, f"{call.method} is not allowed here", {"Allow": "GET, POST"})
    raise Refused(404, f"Cannot {call.method} {call.path}")


def _list(world: World, query: Mapping[str, str]) -> Reply:
    settings = world.settings
    sort = query.get("sort", "DESC")
    if sort not in ("ASC", "DESC"):
        raise Refused(400, "sort must be ASC or DESC")
    offset = _count(query, "offset", 0)
    text = query.get("search", "")
    size = world.next_page_size()
    if text:
        numbers = world.leads.found(
            text,
            settings.search,
            settings.search_minds_case,
            offset=offset,
            size=size,
            newest_first=sort == "DESC",
            ties=settings.tie_order,
        )
    else:
        numbers = world.leads.page(offset=offset, size=size, newest_first=sort == "DESC", ties=settings.tie_order)
    world.last_read = (world.leads, numbers)
    return Reply(200, world.leads.rendered(numbers))


def _block(world: World, body: object) -> Reply:
    leads = body.get("leads") if isinstance(body, dict) else None
    if not isinstance(leads, list) or not leads:
        raise Refused(400, "leads must be an array and must not be empty")
    _check_size(world, leads)
    wanted = []
    for place, lead in enumerate(leads):
        identifier = lead.get("publicIdentifier") if isinstance(lead, dict) else None
        reason = lead.get("reason") if isinstance(lead, dict) else None
        if not isinstance(identifier, str):
            raise Refused(400, f"leads.{place}.publicIdentifier must be a string")
        if reason is not None and not isinstance(reason, str):
            raise Refused(400, f"leads.{place}.reason must be a string")
        wanted.append((identifier, reason))
    return _blocked(world, world.leads, wanted)


def _block_in_campaign(world: World, campaign_id: str, body: object) -> Reply:
    if not world.settings.campaign_licence:
        raise Refused(403, "Blocking in a campaign requires a Pro or Agency license")
    _check_campaign(world, campaign_id)
    identifiers = body.get("publicIdentifiers") if isinstance(body, dict) else None
    if not isinstance(identifiers, list) or not identifiers:
        raise Refused(400, "publicIdentifiers must be an array and must not be empty")
    if not all(isinstance(identifier, str) for identifier in identifiers):
        raise Refused(400, "each value in publicIdentifiers must be a string")
    _check_size(world, identifiers)
    return _blocked(world, world.campaign(campaign_id), [(identifier, None) for identifier in identifiers])


def _blocked(world: World, leads: LeadList, wanted: Sequence[tuple[str, str | None]]) -> Reply:
    """Add who is new, treat the others by the settings, and answer with the count."""
    settings = world.settings
    lowered = settings.identifier_case is IdentifierCase.LOWERED
    bad = re.compile(settings.bad_identifier)
    good = [(name.lower() if lowered else name, reason) for name, reason in wanted if not bad.search(name)]
    if len(good) < len(wanted) and settings.bad_item is BadItem.FAILS:
        first = next(name for name, _ in wanted if bad.search(name))
        raise Refused(400, f"{first!r} is not a valid public identifier")
    if settings.reblock is Reblock.CONFLICTS:
        known = next((name for name, _ in good if name in leads), None)
        if known is not None:
            raise Refused(409, f"{known!r} is already blocked")
    new = 0
    for name, reason in good:
        numbers = leads.numbers_of(name)
        if numbers:
            _block_again(leads, settings.reblock, numbers, name, reason)
        else:
            leads.add(name, reason)
            new += 1
    world.changes += 1
    count = len(good) if settings.reblock_counts else new
    return _counted(world, "blocked", count, len(wanted), settings.block_status)


def _block_again(leads: LeadList, rule: Reblock, numbers: tuple[int, ...], name: str, reason: str | None) -> None:
    if rule is Reblock.UPDATES:
        leads.give_reason(numbers[-1], reason)
    elif rule is Reblock.RENEWS:
        leads.renew(numbers[-1], reason)
    elif rule is Reblock.REPLACES:
        leads.remove(numbers)
        leads.add(name, reason)
    elif rule is Reblock.ADDS:
        leads.add(name, reason)


def _unblock(world: World, body: object) -> Reply:
    if not isinstance(body, list) or not all(isinstance(record_id, str) for record_id in body):
        raise Refused(400, "the body must be an array of record ids")
    _check_size(world, body)
    numbers = [world.leads.number_of(record_id) for record_id in body]
    if None in numbers and world.settings.unknown_id is UnknownId.FAILS:
        raise Refused(404, f"there is no blocked lead {body[numbers.index(None)]!r}")
    removed = world.leads.remove(number for number in numbers if number is not None)
    world.changes += 1
    return _counted(world, "unblocked", removed, len(body))


def _list_campaign(world: World, campaign_id: str, query: Mapping[str, str]) -> Reply:
    _check_campaign(world, campaign_id)
    skip, take = _count(query, "skip", 0), _count(query, "take", 10)
    if not 1 <= take <= MOST_TAKEN:
        raise Refused(400, f"take must be from 1 to {MOST_TAKEN}")
    leads = world.campaigns.get(campaign_id)
    if leads is None:
        return answer([])
    settings = world.settings
    numbers = leads.page(offset=skip, size=take, newest_first=settings.campaign_newest_first, ties=settings.tie_order)
    world.last_read = (leads, numbers)
    return Reply(200, leads.rendered(numbers))


def _counted(world: World, field: str, count: int, asked: int, status: int = 200) -> Reply:
    success = count >= asked or not world.settings.short_is_failure
    message = f"{count} leads {field} successfully" if success else f"only {count} of {asked} leads {field}"
    return answer({"success": success, "message": message, field: count}, status)


def _check_campaign(world: World, campaign_id: str) -> None:
    known = world.settings.campaigns
    if known is not None and campaign_id not in known:
        raise Refused(404, "Campaign not found")


def _check_size(world: World, items: Sequence[object]) -> None:
    limit = world.settings.batch_limit
    if limit is not None and len(items) > limit:
        raise Refused(world.settings.batch_limit_status, f"at most {limit} items may be sent at once")


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 17 and int(text) <= LARGEST):
        raise Refused(400, f"{name} must be a whole number from 0")
    return int(text)


def _json(body: bytes) -> object:
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    return parsed
