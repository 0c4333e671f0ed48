"""Keep the block lists of WaLead and Phonely right, through their HTTP APIs.

`AsyncSession` is one WaLead workspace, `VoiceAgentSession` one Phonely user; everything else is what they take and
return. The command line (`walead`), the emulator (`walead_async.testing`) and work on files (`walead_async.files`) are
rooms of their own. Every name is loaded on its first use, so that a program pays only for what it touches.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from walead_async._version import __version__ as __version__

if TYPE_CHECKING:
    from walead_async.bulk.api import BulkStream as BulkStream
    from walead_async.config import *
    from walead_async.errors import *
    from walead_async.events import *
    from walead_async.models import *
    from walead_async.outbox import Outbox as Outbox
    from walead_async.outbox import OutboxStatus as OutboxStatus
    from walead_async.outbox import Receipt as Receipt
    from walead_async.paging.index import BlockIndex as BlockIndex
    from walead_async.paging.listing import Listing as Listing
    from walead_async.resources.agents import Agent as Agent
    from walead_async.resources.agents import BlockList as BlockList
    from walead_async.resources.blocked_leads import BlockedLeads as BlockedLeads
    from walead_async.resources.campaigns import Campaign as Campaign
    from walead_async.resources.campaigns import CampaignBlockedLeads as CampaignBlockedLeads
    from walead_async.resources.everywhere import Everywhere as Everywhere
    from walead_async.session import *
    from walead_async.transport.messages import Response as Response

#: The public names, by the module that each is loaded from.
_NAMES = {
    "bulk.api": "BulkStream",
    "config": "RateLimit RateLimiter RetryPolicy Timeouts",
    "errors": (
        "APIError AuthenticationError BulkFailedError ConfigurationError ConflictError ConnectionFailedError "
        "DeadlineExceededError InvalidInputError InvalidRequestError JournalError NotFoundError OutboxError "
        "OutcomeUnknownError PaginationError PayloadTooLargeError PermissionDeniedError RateLimitedError ServerError "
        "SessionClosedError SourceError UnexpectedResponseError WaleadError"
    ),
    "events": (
        "BatchSettled Event Hook LimitWaited OutboxMeasured PageRead RequestFailed RequestSent ResponseReceived "
        "RetryScheduled"
    ),
    "models": (
        "AgentInfo BlockedLead BulkReport CampaignBlockedLead CampaignInfo Completeness LeadToBlock MissingNumbers "
        "Outcome Page Row Status"
    ),
    "outbox": "Outbox OutboxStatus Receipt",
    "paging.index": "BlockIndex",
    "paging.listing": "Listing",
    "resources.agents": "Agent BlockList",
    "resources.blocked_leads": "BlockedLeads",
    "resources.campaigns": "Campaign CampaignBlockedLeads",
    "resources.everywhere": "Everywhere",
    "session": "AsyncSession VoiceAgentSession",
    "transport.messages": "Response",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(["__version__", *_MODULE_OF])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
