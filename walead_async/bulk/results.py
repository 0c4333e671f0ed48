"""What an answer, an error or a verification means for items: pure functions, and the circuit breaker of a run."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from walead_async.bulk.outcomes import DONE, Result
from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    NotFoundError,
    OutcomeUnknownError,
    SessionClosedError,
    UnexpectedResponseError,
    WaleadError,
)
from walead_async.models import Status

if TYPE_CHECKING:
    from walead_async.bulk.operation import Answer, Operation, Verify

__all__ = [
    "CircuitBreaker",
    "Doubt",
    "Known",
    "Meaning",
    "after_count",
    "after_lone_refusal",
    "after_named",
    "given_up",
    "got_no_answer",
    "left_unsent",
    "meaning_of",
    "ours",
    "reading_is_hopeless",
    "unverified",
]

#: So many attempts in a row without an answer end a run.
SILENT_ATTEMPTS = 20
#: So many refusals of single items end a run in which nothing has succeeded so far.
REFUSED_ITEMS = 48

NO_SUCH_RECORD = Result(
    Status.ALREADY, "there is no such record; a person, with all their records, is unblocked by unblock_identifiers"
)
PERHAPS_NO_RECORD = Result(
    Status.DONE,
    "not there when last read; the service removed fewer records than asked for, so this may not have been one: a "
    "person, with all their records, is unblocked by unblock_identifiers",
)
BLOCKED_BEFORE = Result(Status.ALREADY, "was blocked before")
STILL_LISTED = (
    "the service answered that there is no such record, but its list still holds it: the list shows changes late, and"
    " shows that in a minute, or tell the service's support"
)
PERHAPS_DONE = "an earlier attempt may have been carried out, and the list, which may lag, does not show it"
BUDGET_SPENT = "not tried on its own, since the session's retry budget is spent"


class Known(Enum):
    """What is known of items after the attempts so far."""

    #: No attempt of theirs can have been carried out.
    NEW = "new"
    #: The same, and they were refused as part of a batch.
    REJECTED = "rejected"
    #: An attempt may have been carried out.
    MAYBE_APPLIED = "maybe applied"
    #: An attempt may have been carried out, and the list, read since then, shows that it was not.
    NOT_APPLIED = "not applied"

    @property
    def maybe_ours(self) -> bool:
        """Whether an earlier attempt of ours can be why an item is as wanted."""
        return self in {Known.MAYBE_APPLIED, Known.NOT_APPLIED}


class Doubt(NamedTuple):
    """Items that need a verification: `found` if they are as wanted, `missing` if not (None: they are sent again)."""

    found: Result
    missing: Result | None = None


class Meaning(Enum):
    """What an error says of the items in the request."""

    #: It is about the run: the next batch would meet the same.
    RUN = "run"
    #: An item of it, or its size, was not accepted, and nothing of it was carried out.
    REFUSED = "refused"
    #: Nothing of it was carried out, for a reason that is not the items'.
    NOT_TAKEN = "not taken"
    #: It may have been carried out, wholly or in part.
    UNCLEAR = "unclear"


def meaning_of(error: WaleadError, operation: Operation) -> Meaning:
    """What an error that stayed through the attempts of a request says of its items.

    | error                                      | meaning                                                   |
    |--------------------------------------------|-----------------------------------------------------------|
    | 401, 403; 404 of a campaign or an agent    | RUN                                                       |
    | 404 of a record; 400, 409, 413, 422, other 4xx | REFUSED                                               |
    | 425, 429                                   | NOT_TAKEN, or UNCLEAR if an earlier attempt may have acted |
    | 1xx, 3xx, 408, 5xx                         | UNCLEAR: they prove nothing                               |
    | no connection, no answer in time           | NOT_TAKEN if no byte was sent, or else UNCLEAR            |
    | an answer that cannot be read              | UNCLEAR                                                   |
    | any other: the session is closed, no key … | RUN                                                       |
    """
    if isinstance(error, APIError):
        status = error.status
        if status in {401, 403} or (status == 404 and operation.missing_means == "run"):
            return Meaning.RUN
        if status in {425, 429}:
            return Meaning.UNCLEAR if error.maybe_applied else Meaning.NOT_TAKEN
        return Meaning.UNCLEAR if got_no_answer(error) else Meaning.REFUSED
    if isinstance(error, (ConnectionFailedError, DeadlineExceededError)):
        return Meaning.UNCLEAR if error.maybe_applied else Meaning.NOT_TAKEN
    if isinstance(error, (UnexpectedResponseError, OutcomeUnknownError)):
        return Meaning.UNCLEAR
    return Meaning.RUN


def got_no_answer(error: WaleadError) -> bool:
    """Whether the service said nothing of use: no answer, 408, 5xx, or a redirect or another status below 400."""
    if isinstance(error, APIError):
        return error.status == 408 or error.status >= 500 or error.status < 400
    return isinstance(error, (ConnectionFailedError, DeadlineExceededError, OutcomeUnknownError))


def reading_is_hopeless(ended_by: WaleadError | None) -> bool:
    """Whether a verification cannot succeed any more, since what ended the run would end it too."""
    if ended_by is None:
        return False
    return got_no_answer(ended_by) or isinstance(ended_by, (AuthenticationError, SessionClosedError))


def ours(error: Exception, what: str, *, sent: bool = True) -> WaleadError:
    """An error as one of our tree, since a fault below or in an operation must lose no item.

    `sent`: a change may have been sent, so that its outcome is unknown.
    """
    if isinstance(error, WaleadError):
        return error
    wrapped = (OutcomeUnknownError if sent else WaleadError)(f"{what} failed unexpectedly ({type(error).__name__})")
    wrapped.__cause__ = error
    return wrapped


def already(operation: Operation, known: Known) -> Result:
    """The result of an item that is as wanted without having been changed by the last request."""
    if known.maybe_ours:
        return DONE
    return BLOCKED_BEFORE if operation.blocks else NO_SUCH_RECORD


def after_count(answer: Answer, asked: int, operation: Operation, known: Known) -> Result | Doubt:
    """What a count says of the items that were asked for."""
    if answer.count == asked:
        return DONE
    if answer.count == 0:
        return Doubt(already(operation, known))
    return Doubt(DONE if operation.blocks else PERHAPS_NO_RECORD)


def after_named(status: Status, words: str | None, operation: Operation, known: Known) -> Result:
    """What an answer that names an item, and does not refuse it, says of it."""
    if status is Status.ALREADY and not known.maybe_ours:
        return Result(Status.ALREADY, words or already(operation, known).detail)
    return DONE


def after_lone_refusal(
    error: WaleadError, operation: Operation, known: Known, verify: Verify, *, words: str | None = None
) -> Result | Doubt:
    """What the refusal of a single item says of it.

    `words` are those of a service that refused the item by name, and may mean that it is as wanted. A 404 of an
    unblock is believed if it is the service's own and the first answer to the item. Where the item may be as wanted
    already, the list is asked; all others are refused for good. After an attempt that may have been carried out the
    refusal may be due to that, and the list may show it late: if it does not show it, the item is UNKNOWN.
    """
    if known.maybe_ours:
        return Doubt(DONE, Result(Status.UNKNOWN, f"{error}; {PERHAPS_DONE}", error))
    refused = Result(Status.REFUSED, str(error), error)
    if isinstance(error, NotFoundError) and not operation.blocks:
        asks_less = verify == "never" or (verify == "unclear" and operation.missing_means == "item")
        if error.is_json and asks_less:
            return NO_SUCH_RECORD
        return Doubt(NO_SUCH_RECORD, Result(Status.REFUSED, STILL_LISTED, error))
    if verify != "never" and words is not None:
        return Doubt(Result(Status.ALREADY, words), refused)
    if verify != "never" and operation.blocks and isinstance(error, ConflictError):
        return Doubt(BLOCKED_BEFORE, refused)
    return refused


def left_unsent(known: Known, why: str, error: WaleadError | None) -> Result | Doubt:
    """What becomes of items that are sent no more."""
    if known is Known.MAYBE_APPLIED:
        return Doubt(DONE)
    return Result(Status.UNKNOWN if known.maybe_ours else Status.NOT_SENT, why, error)


def given_up(error: WaleadError | None, operation: Operation, known: Known) -> Result | Doubt:
    """What becomes of items that the retry budget has no token for."""
    left = left_unsent(known, BUDGET_SPENT, error)
    if isinstance(left, Result) and isinstance(error, ConflictError) and operation.blocks:
        # Most of them are blocked already, and one verification tells which.
        return Doubt(already(operation, known), left)
    return left


def unverified(doubt: Doubt, said: WaleadError | None, why: str, error: WaleadError | None = None) -> Result:
    """What becomes of items in doubt if the list is not read; `said` is the last answer to them."""
    if doubt.missing is not None and doubt.missing.status is Status.NOT_SENT:
        return doubt.missing
    return Result(Status.UNKNOWN, f"{said}; {why}", error or said)


class CircuitBreaker:
    """Ends a run after 20 attempts in a row without an answer, or after 48 refused items and no success."""

    def __init__(self) -> None:
        self._silent = 0
        self._refused = 0
        self._succeeded = False

    @property
    def open(self) -> bool:
        """Whether the run has to end."""
        return self._silent >= SILENT_ATTEMPTS or (self._refused >= REFUSED_ITEMS and not self._succeeded)

    def answered(self) -> None:
        """The service answered, whatever it said."""
        self._silent = 0

    def succeeded(self) -> None:
        """The service carried something out, or an item was found to be as wanted."""
        self._silent = 0
        self._succeeded = True

    def failed(self, error: WaleadError) -> None:
        """A request ended in this error, after all its attempts."""
        self._silent = self._silent + error.attempts if got_no_answer(error) else 0

    def refused(self, error: WaleadError, operation: Operation) -> None:
        """A single item was refused; that it is as wanted already is no refusal."""
        if not isinstance(error, ConflictError if operation.blocks else NotFoundError):
            self._refused += 1
