"""A campaign, `/v1/campaigns/{id}`, and its own block list, `/v1/campaigns/{campaignId}/blocked-leads`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.bulk.api import bulk_report, bulk_stream
from walead_async.bulk.operation import Answer
from walead_async.identifiers import public_identifier
from walead_async.paging.index import Indexed, block_index
from walead_async.paging.listing import Listing
from walead_async.paging.lookup import key_of, keys_of, public_identifiers
from walead_async.paging.seen import Named
from walead_async.resources.items import identifier_entries
from walead_async.transport.decode import campaign_info, campaign_leads, change_count
from walead_async.transport.messages import DeadlineFrom, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
    from datetime import datetime

    from walead_async.bulk.api import BulkStream
    from walead_async.bulk.operation import Entries, Missing, Verify
    from walead_async.models import BulkReport, CampaignBlockedLead, CampaignInfo, LeadToBlock, Row
    from walead_async.paging.index import BlockIndex
    from walead_async.paging.reader import Ask, SecondLook
    from walead_async.transport.messages import Caller, Response

__all__ = ["Campaign", "CampaignBlockedLeads"]

#: The most records that the service gives in one page of a campaign's list.
TAKE = 100


class Campaign:
    """One campaign of a workspace."""

    def __init__(self, caller: Caller, campaign_id: str) -> None:
        self.id = campaign_id
        self.blocked_leads: CampaignBlockedLeads = CampaignBlockedLeads(caller, campaign_id)
        self._caller = caller

    def __repr__(self) -> str:
        return f"<Campaign {self.id}>"

    async def get(self) -> CampaignInfo:
        """What the campaign is called, and how it stands (`GET /v1/campaigns/{id}`); each call asks the service.

        Raises `NotFoundError` if there is no such campaign, `UnexpectedResponseError` if the answer is no campaign,
        naming the field, and the errors of any request.
        """
        response = await self._caller.send(Request("GET", f"/v1/campaigns/{self.id}"), flow=object())
        return campaign_info(response.body)


class CampaignBlockedLeads:
    """The block list of one campaign.

    The API has no campaign unblock: what is blocked here cannot be unblocked through it. The workspace's list outranks
    this one.
    """

    def __init__(self, caller: Caller, campaign_id: str) -> None:
        self._caller = caller
        self._path = f"/v1/campaigns/{campaign_id}/blocked-leads"

    def list(self, *, window: int = 8, resume: str | None = None) -> Listing[CampaignBlockedLead]:
        """The campaign's blocked leads, in pages of 100, with up to `window` requests ahead.

        The list has no ids and no stated order, so the identifiers that were read are remembered, as digests; if it
        changes while it is read, the verdict may be UNVERIFIED. Where the service shows a write late, the latest blocks
        may be missing, whatever the verdict. `resume` goes on from the cursor of an earlier read.

        Raises `InvalidInputError` for a wrong `window` or `resume`, and while it is read `NotFoundError` if there is
        no such campaign, `PaginationError`, `UnexpectedResponseError` and the errors of any request.
        """
        return Listing(CampaignPages(self._caller, self._path), window=window, resume=resume)

    async def index(self) -> BlockIndex:
        """Who is blocked in this campaign, in memory; it is always read whole, since the list has no order.

        The workspace's list, which outranks this one, is not in it. If the list changes while it is read, it cannot be
        told whether it was whole: then this raises `PaginationError`, and else the errors of a listing.
        """
        return await block_index(
            Indexed(
                whole=lambda: CampaignPages(self._caller, self._path),
                since=None,
                date=None,
                stored=lambda leads: keys_of([lead.public_identifier for lead in leads]),
                key=public_identifier,
                keys=public_identifiers,
            )
        )

    async def block(
        self,
        leads: Iterable[str | LeadToBlock | Row] | AsyncIterable[str | LeadToBlock | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = True,
    ) -> BulkReport:
        """Block leads in this campaign, and return what became of each, in the order given.

        This cannot be undone: the API has no campaign unblock. It needs a Pro or Agency licence. Reasons are not kept
        by the service here. `batch_size` is the most leads a request holds (vendor page:
        walead-post-campaign-blocked-leads). Where the list shows a write late, an unclear answer ends as UNKNOWN at
        worst: call again in a minute.

        Raises `BulkFailedError` (unless `check=False`), the error that ended the run (`NotFoundError` for an unknown
        campaign, `PermissionDeniedError` without the licence ...), or `InvalidInputError` for a call that cannot be
        made.
        """
        return await bulk_report(
            self._caller, self._operation(), leads, batch_size=batch_size, verify=verify, check=check
        )

    def block_stream(
        self,
        leads: Iterable[str | LeadToBlock | Row] | AsyncIterable[str | LeadToBlock | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
    ) -> BulkStream:
        """Block leads of an input of any length, and yield each outcome in order, in bounded memory.

        This cannot be undone: the API has no campaign unblock. Raises for the run, never for an item.
        """
        return bulk_stream(self._caller, self._operation(), leads, batch_size=batch_size, verify=verify)

    def _operation(self) -> CampaignBlock:
        return CampaignBlock(self._caller, self._path, self.list())


class CampaignPages:
    """The campaign's list as pages."""

    paged = True
    filtered = False
    second_look: SecondLook = "no"
    beyond: Callable[[CampaignBlockedLead], bool] | None = None

    def __init__(self, caller: Caller, path: str) -> None:
        self.caller = caller
        self.path: str = path
        self.identity: str = path
        self.page_size: int | None = None

    def seen(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Named[CampaignBlockedLead]:
        """Who was read: the list has neither ids nor an order."""
        return Named(_identity, ids=ids)

    def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Coroutine[object, object, Response]:
        """GET with skip and take."""
        request = Request("GET", self.path, f"skip={ask.offset}&take={TAKE}")
        return self.caller.send(request, flow=flow, deadline_from=deadline_from)

    def records(self, body: bytes) -> Sequence[CampaignBlockedLead]:
        """The array of records."""
        return campaign_leads(body)


class CampaignBlock:
    """Blocking in one campaign."""

    blocks = True
    missing_means: Missing = "run"

    def __init__(self, caller: Caller, path: str, listing: Listing[CampaignBlockedLead]) -> None:
        self.path = path
        self._listing = listing

    def entries(self, items: Sequence[object]) -> Entries:
        """Identifiers only: a campaign's blocks have no reasons."""
        return identifier_entries(items)

    def request(self, encoded: Sequence[bytes]) -> Request:
        """POST with the array `publicIdentifiers`."""
        return Request("POST", self.path, body=b'{"publicIdentifiers":[' + b",".join(encoded) + b"]}")

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """The count `blocked`."""
        change = change_count(response.body, "blocked")
        return Answer(count=change.count, message=change.message)

    async def present(self, items: Mapping[str, object]) -> Collection[str]:
        """Who of these stands in the campaign's list now.

        Where the list cannot be verified, who is not seen counts as absent: sending a block again errs to the safe
        side.
        """
        blocked = {key_of(lead.public_identifier) async for lead in self._listing}
        return blocked & items.keys()


def _identity(lead: CampaignBlockedLead) -> str:
    return lead.public_identifier
