"""The one error tree: everything this package raises on purpose.

WaleadError
├── ConfigurationError (ValueError)      the session cannot be set up like this
├── InvalidInputError (ValueError)       the call cannot be made like this; nothing was sent
├── APIError                             the service answered with an error status
│   ├── InvalidRequestError              400, 422
│   ├── AuthenticationError              401
│   ├── PermissionDeniedError            403
│   ├── NotFoundError                    404
│   ├── ConflictError                    409
│   ├── PayloadTooLargeError             413
│   ├── RateLimitedError                 429
│   └── ServerError                      5xx
├── ConnectionFailedError (ConnectionError)
├── DeadlineExceededError (TimeoutError)
├── OutcomeUnknownError                  a change was sent, and nothing says whether it was made
├── UnexpectedResponseError              an answer that cannot be read
├── PaginationError                      a list that cannot be read without losing records
├── BulkFailedError                      items of a bulk call were not done
├── SessionClosedError
├── SourceError                          a file of leads that cannot be read
├── JournalError                         a journal of jobs that cannot be read or written
└── OutboxError                          an outbox that cannot take or keep what it is given
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from walead_async.models import BulkReport

__all__ = [
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
]


class WaleadError(Exception):
    """The root of every error this package raises.

    `report` is the `BulkReport` of the bulk call that this error ended, or None.
    `maybe_applied` is True where the call that failed may have been carried out by the service all the same, by its
    last attempt or by an earlier one. `attempts` is how many attempts of the call went out, if a call failed.
    """

    report: BulkReport | None = None
    maybe_applied: bool = False
    attempts: int = 1


class ConfigurationError(WaleadError, ValueError):
    """The session cannot be set up like this: a key, a base URL or an option is missing or wrong."""


class InvalidInputError(WaleadError, ValueError):
    """The call cannot be made like this. Nothing was sent."""


class APIError(WaleadError):
    """The service answered with a status that is not a success.

    `status` is the HTTP status, `message` what the service said (at most 500 characters, "" if it said nothing),
    `request_id` the service's own name for the request if it gave one; `method` and `path` name the call, without
    host or query. `retry_after` is the pause the service asked for, in seconds, None if it named none. `is_json` is
    True if the body was a JSON object, as the service's own errors are; a gateway's page is none.
    """

    is_json: bool = False

    def __init__(
        self,
        message: str,
        *,
        status: int,
        method: str,
        path: str,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.method = method
        self.path = path
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        said = f": {self.message}" if self.message else ""
        named = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.method} {self.path} was answered with {self.status}{self._advice()}{said}{named}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_api_error, (type(self), dict(self.__dict__))

    def _advice(self) -> str:
        return ""


def _rebuild_api_error(kind: type[APIError], state: dict[str, object]) -> APIError:
    """Make a pickled APIError again: its constructor has keyword-only arguments, which pickle cannot give."""
    error = kind.__new__(kind, state.get("message"))
    error.__dict__.update(state)
    return error


class InvalidRequestError(APIError):
    """400 or 422: the service found the request itself wrong."""


class AuthenticationError(APIError):
    """401: the service does not accept the API key."""

    def _advice(self) -> str:
        return ", the API key was not accepted (check that it is the right one and was not revoked)"


class PermissionDeniedError(APIError):
    """403: the key is known but may not do this, for example a campaign block without a Pro or Agency licence."""

    def _advice(self) -> str:
        return ", this key may not do that (campaign blocks need a Pro or Agency licence)"


class NotFoundError(APIError):
    """404: there is no such campaign, agent or record."""


class ConflictError(APIError):
    """409: the request does not fit the present state, for example because somebody is blocked already."""


class PayloadTooLargeError(APIError):
    """413: the request was larger than the service takes."""


class RateLimitedError(APIError):
    """429: too many requests. `retry_after` is the wait the service asked for in seconds, None if it named none."""

    def _advice(self) -> str:
        if self.retry_after is None:
            return ", too many requests"
        return f", too many requests (the service asks for {self.retry_after:g} s of pause)"


class ServerError(APIError):
    """5xx: the service failed. A change that was sent may have been made all the same."""


class ConnectionFailedError(WaleadError, ConnectionError):
    """No connection to the service, or it broke before the answer was whole.

    `maybe_applied` is False if no byte of the request was sent.
    """


class DeadlineExceededError(WaleadError, TimeoutError):
    """A time-out or the deadline of the call passed before an answer was there."""


class OutcomeUnknownError(WaleadError):
    """A change was sent, and neither an answer nor a read-back tells whether it was made."""

    maybe_applied = True


class UnexpectedResponseError(WaleadError):
    """The service answered, but not with what its documentation says: the text names the record and the field."""


class PaginationError(WaleadError):
    """The service pages its list in a way that cannot be read without losing records: the text says what it did.

    `unverified` is True if a list was read that has to be whole, and the answers leave it open whether it was.
    """

    unverified: bool = False


class BulkFailedError(WaleadError):
    """Items of a bulk call were not done. `report` holds the end of every item."""

    report: BulkReport

    def __init__(self, report: BulkReport) -> None:
        super().__init__(report)
        # Always there: narrower than in the root, where an error without a bulk call has none.
        self.report = report  # pyright: ignore[reportIncompatibleVariableOverride]

    def __str__(self) -> str:
        return self.report.describe()


class SessionClosedError(WaleadError):
    """The session, or the `http` session it borrowed, is closed: open a new one."""


class SourceError(WaleadError):
    """A file of leads cannot be read: the text names the file, the line and what is wrong.

    `ended_at` is the line at which a file ends early, by an open quote or a value that was cut off: the rows before it
    count. It is None where nothing can be said of the rows.
    """

    ended_at: int | None = None

    @classmethod
    def at_end(cls, words: str, line: int) -> Self:
        """The error of a file that cannot be read beyond this line, of which the rows before it count."""
        error = cls(words)
        error.ended_at = line
        return error


class JournalError(WaleadError):
    """A journal cannot be read or written, or somebody else works on it: the text names the file and what to do.

    `unusable` is True where the file is read-only, damaged or none of ours, and nothing was done before that showed.
    """

    unusable: bool = False


class OutboxError(WaleadError):
    """An outbox cannot take or keep what it is given: the text names the file and what to do.

    What was given may be stored all the same: answer 503, and let the sender try again. `unusable` is as in
    `JournalError`.
    """

    unusable: bool = False
