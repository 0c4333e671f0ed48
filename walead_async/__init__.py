"""Keep the block lists of WaLead and Phonely right, through their HTTP APIs.

`AsyncSession` is one WaLead workspace, `VoiceAgentSession` one Phonely user; everything else is what they take and
return. The command line (`walead`), the emulator (`walead_async.testing`) and work on files (`walead_async.jobs`) are
loaded on use.
"""

from __future__ import annotations

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
