"""Keep the block lists of WaLead and Phonely right, through their HTTP APIs.

`AsyncSession` is one WaLead workspace, `VoiceAgentSession` one Phonely user; everything else is what they take and
return. The command line (`walead`), the emulator (`walead_async.testing`) and work on files (`walead_async.jobs`) are
rooms of their own. Every name is loaded on its first use, so that a program pays only for what it touches.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from walead_async.errors import (
        APIError,
        AuthenticationError,
        BulkFailedError,
        ConfigurationError,
        ConflictError,
        ConnectionFailedError,
        DeadlineExceededError,
        InvalidInputError,
        InvalidRequestError,
        JournalError,
        NotFoundError,
        OutboxError,
        OutcomeUnknownError,
        PaginationError,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitedError,
        ServerError,
        SessionClosedError,
        SourceError,
        UnexpectedResponseError,
        WaleadError,
    )
    from walead_async.models import (
        BlockedLead,
        BulkReport,
        CampaignBlockedLead,
        Completeness,
        LeadToBlock,
        Outcome,
        Page,
        Status,
    )
    from walead_async.paging.listing import Listing
    from walead_async.session import AsyncSession, VoiceAgentSession
    from walead_async.transport.events import (
        BatchSettled,
        LimitWaited,
        PageRead,
        RequestSent,
        ResponseReceived,
        RetryScheduled,
    )
    from walead_async.transport.options import RateLimit, RateLimiter, RetryPolicy, Timeouts

__all__ = [
    "APIError",
    "AsyncSession",
    "AuthenticationError",
    "BatchSettled",
    "BlockedLead",
    "BulkFailedError",
    "BulkReport",
    "CampaignBlockedLead",
    "Completeness",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "DeadlineExceededError",
    "InvalidInputError",
    "InvalidRequestError",
    "JournalError",
    "LeadToBlock",
    "LimitWaited",
    "Listing",
    "NotFoundError",
    "OutboxError",
    "Outcome",
    "OutcomeUnknownError",
    "Page",
    "PageRead",
    "PaginationError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitedError",
    "RateLimiter",
    "RequestSent",
    "ResponseReceived",
    "RetryPolicy",
    "RetryScheduled",
    "ServerError",
    "SessionClosedError",
    "SourceError",
    "Status",
    "Timeouts",
    "UnexpectedResponseError",
    "VoiceAgentSession",
    "WaleadError",
]

#: The room of each public name.
_HOMES = {
    "errors": (
        "APIError",
        "AuthenticationError",
        "BulkFailedError",
        "ConfigurationError",
        "ConflictError",
        "ConnectionFailedError",
        "DeadlineExceededError",
        "InvalidInputError",
        "InvalidRequestError",
        "JournalError",
        "NotFoundError",
        "OutboxError",
        "OutcomeUnknownError",
        "PaginationError",
        "PayloadTooLargeError",
        "PermissionDeniedError",
        "RateLimitedError",
        "ServerError",
        "SessionClosedError",
        "SourceError",
        "UnexpectedResponseError",
        "WaleadError",
    ),
    "models": (
        "BlockedLead",
        "BulkReport",
        "CampaignBlockedLead",
        "Completeness",
        "LeadToBlock",
        "Outcome",
        "Page",
        "Status",
    ),
    "paging.listing": ("Listing",),
    "session": (
        "AsyncSession",
        "VoiceAgentSession",
    ),
    "transport.events": (
        "BatchSettled",
        "LimitWaited",
        "PageRead",
        "RequestSent",
        "ResponseReceived",
        "RetryScheduled",
    ),
    "transport.options": (
        "RateLimit",
        "RateLimiter",
        "RetryPolicy",
        "Timeouts",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
