"""The WaLead service: the workspace's list, the campaigns and their lists, after the vendor's pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from walead_async.testing.faults import Reply
from walead_async.testing.handler import LoggedRequest, Perform, Refused, check_size
from walead_async.testing.settings import BadItem, IdentifierCase, IdentifierSpelling, Reblock, UnknownId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from walead_async.testing.settings import Settings
    from walead_async.testing.store import EmulatedLead, LeadList, Store

__all__ = ["CALLS"]

#: The most records of a campaign's list in one answer.
MOST_TAKEN = 100
#: Larger whole numbers are no offsets.
LARGEST = 2**53
#: Conversations on a page.
CONVERSATIONS = 15
#: When every campaign was created.
CAMPAIGN_CREATED = "2024-01-01T00:00:00.000Z"


async def list_leads(store: Store, call: LoggedRequest) -> Reply:
    """GET the workspace's list, or what a search finds in it."""
    sort = call.query.get("sort", "DESC")
    if sort not in ("ASC", "DESC"):
        raise Refused(400, "sort must be ASC or DESC")
    offset = _count(call.query, "offset", 0)
    search = call.query.get("search", "")
    page = store.leads.page(offset, store.next_page_size(), newest_first=sort == "DESC", search=search)
    return _shown(store, store.leads, page)


async def block_leads(store: Store, call: LoggedRequest) -> Reply:
    """POST people to the workspace's list."""
    leads = _items(store, call, "leads")
    wanted = []
    for place, lead in enumerate(leads):
        fields = lead if isinstance(lead, dict) else {}
        identifier, reason = fields.get("publicIdentifier"), fields.get("reason")
        if not isinstance(identifier, str):
            raise Refused(400, f"leads.{place}.publicIdentifier must be a string")
        if not isinstance(reason, str | None):
            raise Refused(400, f"leads.{place}.reason must be a string")
        wanted.append((identifier, reason))
    return _block(store, store.leads, wanted)


async def unblock_leads(store: Store, call: LoggedRequest) -> Reply:
    """DELETE records from the workspace's list by id."""
    body = call.body
    if not isinstance(body, list) or not all(isinstance(record_id, str) for record_id in body):
        raise Refused(400, "the body must be an array of record ids")
    check_size(store.settings, body)
    leads = [store.leads.by_id(record_id) for record_id in body]
    if None in leads and store.settings.unknown_id is UnknownId.FAILS:
        raise Refused(404, f"there is no blocked lead {body[leads.index(None)]!r}")
    store.remember()
    removed = store.leads.remove(lead for lead in leads if lead is not None)
    return _counted(store, "unblocked", removed, len(body))


async def get_campaign(store: Store, call: LoggedRequest, campaign: str) -> Reply:
    """GET a campaign's name and status."""
    _check_campaign(store, campaign)
    return _campaign(store, campaign)


async def activate_campaign(store: Store, call: LoggedRequest, campaign: str) -> Reply:
    """PUT a campaign to work."""
    return _set_status(store, campaign, "active")


async def pause_campaign(store: Store, call: LoggedRequest, campaign: str) -> Reply:
    """PUT a campaign to rest."""
    return _set_status(store, campaign, "paused")


async def list_campaign(store: Store, call: LoggedRequest, campaign: str) -> Reply:
    """GET the list of a campaign."""
    _check_campaign(store, campaign)
    skip, take = _count(call.query, "skip", 0), _count(call.query, "take", 10)
    if not 1 <= take <= MOST_TAKEN:
        raise Refused(400, f"take must be from 1 to {MOST_TAKEN}")
    leads = store.campaigns.get(campaign)
    if leads is None:
        return Reply.of([])
    page = leads.page(skip, take, newest_first=store.settings.campaign_newest_first)
    return _shown(store, leads, page)


async def block_in_campaign(store: Store, call: LoggedRequest, campaign: str) -> Reply:
    """POST people to the list of a campaign."""
    if not store.settings.campaign_licence:
        raise Refused(403, "Blocking in a campaign requires a Pro or Agency license")
    _check_campaign(store, campaign)
    wanted: list[tuple[str, str | None]] = []
    for identifier in _items(store, call, "publicIdentifiers"):
        if not isinstance(identifier, str):
            raise Refused(400, "each value in publicIdentifiers must be a string")
        wanted.append((identifier, None))
    return _block(store, store.campaign(campaign), wanted)


async def list_conversations(store: Store, call: LoggedRequest) -> Reply:
    """GET a page of the conversations; the first page is 1."""
    page = _count(call.query, "page", 1)
    if not page:
        raise Refused(400, "page must be a whole number from 1")
    return Reply.of(store.conversations[(page - 1) * CONVERSATIONS : page * CONVERSATIONS])


async def subscribe_hook(store: Store, call: LoggedRequest) -> Reply:
    """POST an address that is to be told of events of a type."""
    hook = _hook(call)
    if hook not in store.hooks:
        store.hooks.append(hook)
    return Reply.of({"success": True, **hook}, store.settings.block_status)


async def unsubscribe_hook(store: Store, call: LoggedRequest) -> Reply:
    """DELETE such an address."""
    hook = _hook(call)
    if hook not in store.hooks:
        raise Refused(404, "Hook not found")
    store.hooks.remove(hook)
    return Reply.of({"success": True})


async def list_hooks(store: Store, call: LoggedRequest) -> Reply:
    """GET the addresses that are told of events."""
    return Reply.of(store.hooks)


#: Each call by method and path.
CALLS: dict[tuple[str, str], Perform] = {
    ("GET", "/v1/blocked-leads"): list_leads,
    ("POST", "/v1/blocked-leads"): block_leads,
    ("DELETE", "/v1/blocked-leads"): unblock_leads,
    ("GET", "/v1/campaigns/{campaign}"): get_campaign,
    ("PUT", "/v1/campaigns/{campaign}/activate"): activate_campaign,
    ("PUT", "/v1/campaigns/{campaign}/pause"): pause_campaign,
    ("GET", "/v1/campaigns/{campaign}/blocked-leads"): list_campaign,
    ("POST", "/v1/campaigns/{campaign}/blocked-leads"): block_in_campaign,
    ("GET", "/v1/conversations"): list_conversations,
    ("POST", "/v1/zapier/hooks/subscribe"): subscribe_hook,
    ("DELETE", "/v1/zapier/hooks/unsubscribe"): unsubscribe_hook,
    ("GET", "/v1/hooks/list"): list_hooks,
}


def _shown(store: Store, leads: LeadList, page: list[EmulatedLead]) -> Reply:
    store.last_read = (leads, page)
    return Reply(200, b"[%b]" % b",".join([lead.json for lead in page]))


def _block(store: Store, leads: LeadList, wanted: Sequence[tuple[str, str | None]]) -> Reply:
    """Add who is new, treat the others by the settings, and answer with the count."""
    settings = store.settings
    bad = re.compile(settings.bad_identifier)
    good = [(_spelt(name, settings), reason) for name, reason in wanted if not bad.search(name)]
    if len(good) < len(wanted) and settings.bad_item is BadItem.FAILS:
        first = next(name for name, _ in wanted if bad.search(name))
        raise Refused(400, f"{first!r} is not a valid public identifier")
    if settings.reblock is Reblock.CONFLICTS:
        known = next((name for name, _ in good if name in leads), None)
        if known is not None:
            raise Refused(409, f"{known!r} is already blocked")
    store.remember()
    new = 0
    for name, reason in good:
        there = leads.of(name)
        if there:
            _block_again(leads, settings.reblock, there, name, reason)
        else:
            leads.add(name, reason)
            new += 1
    count = len(good) if settings.reblock_counts else new
    return _counted(store, "blocked", count, len(wanted), settings.block_status)


def _spelt(name: str, settings: Settings) -> str:
    """An identifier as the service stores it."""
    if settings.identifier_case is IdentifierCase.LOWERED:
        name = name.lower()
    return {
        IdentifierSpelling.AS_SENT: name,
        IdentifierSpelling.PERCENT_ENCODED: "".join(f"%{byte:02X}" for byte in name.encode()),
        IdentifierSpelling.LINK: f"https://www.linkedin.com/in/{quote(name)}/",
        IdentifierSpelling.SPACES: f" {name} ",
    }[settings.identifier_spelling]


def _block_again(leads: LeadList, rule: Reblock, there: list[EmulatedLead], name: str, reason: str | None) -> None:
    match rule:
        case Reblock.UPDATES:
            leads.change(there[-1], reason)
        case Reblock.RENEWS:
            leads.change(there[-1], reason, renew=True)
        case Reblock.REPLACES:
            leads.remove(there)
            leads.add(name, reason)
        case Reblock.ADDS:
            leads.add(name, reason)


def _counted(store: Store, field: str, count: int, asked: int, status: int = 200) -> Reply:
    success = count >= asked or not store.settings.short_is_failure
    message = f"{count} leads {field} successfully" if success else f"only {count} of {asked} leads {field}"
    return Reply.of({"success": success, "message": message, field: count}, status)


def _campaign(store: Store, campaign: str) -> Reply:
    name, status = store.named_campaigns.get(campaign, (f"Campaign {campaign}", "active"))
    return Reply.of({"id": campaign, "name": name, "status": status, "createdAt": CAMPAIGN_CREATED})


def _set_status(store: Store, campaign: str, status: str) -> Reply:
    _check_campaign(store, campaign)
    name, _ = store.named_campaigns.get(campaign, (f"Campaign {campaign}", ""))
    store.named_campaigns[campaign] = (name, status)
    return _campaign(store, campaign)


def _hook(call: LoggedRequest) -> dict[str, str]:
    """The address and the type of event that a call names."""
    body = call.body if isinstance(call.body, dict) else {}
    url, kind = body.get("url"), body.get("type")
    if not (isinstance(url, str) and url and isinstance(kind, str) and kind):
        raise Refused(400, "url and type must be strings and must not be empty")
    return {"url": url, "type": kind}


def _check_campaign(store: Store, campaign: str) -> None:
    if store.settings.campaigns is not None and campaign not in store.settings.campaigns:
        raise Refused(404, "Campaign not found")


def _items(store: Store, call: LoggedRequest, field: str) -> list[object]:
    body = call.body
    items = body.get(field) if isinstance(body, dict) else None
    if not isinstance(items, list) or not items:
        raise Refused(400, f"{field} must be an array and must not be empty")
    check_size(store.settings, items)
    return items


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 17 and int(text) <= LARGEST):
        raise Refused(400, f"{name} must be a whole number from 0")
    return int(text)
