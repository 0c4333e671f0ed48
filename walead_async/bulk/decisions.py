"""What a failed request means for the items in it, and when a run has to end: tables and counters, no network."""

from __future__ import annotations

from enum import Enum

from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    DeadlineExceededError,
    OutcomeUnknownError,
    SessionClosedError,
    UnexpectedResponseError,
    WaleadError,
)

__all__ = ["Endings", "Meaning", "got_no_answer", "meaning_of", "reading_is_hopeless"]

#: So many attempts in a row without an answer end a run.
SILENT_ATTEMPTS = 20
#: So many refusals of single items, with nothing that went through, end a run ...
LONE_REFUSALS = 20
#: ... once one item from each of so many other batches was refused alone too.
OTHER_BATCHES = 3


class Meaning(Enum):
    """What an error says of the items in the request."""

    #: It is about the run: the next batch would meet the same.
    RUN = "run"
    #: An item of it, or its size, was not accepted, and nothing of it was carried out.
    REFUSED = "refused"
    #: Nothing of it was carried out, for a reason that is not the items'.
    TURNED_AWAY = "turned away"
    #: It may have been carried out, wholly or in part.
    OPEN = "open"


def meaning_of(error: WaleadError, *, missing_means: str) -> Meaning:
    """What an error that stayed through the attempts of a request says of its items.

    | error                                      | meaning                                             |
    |--------------------------------------------|-----------------------------------------------------|
    | 401, 403; 404 of a campaign or an agent    | RUN                                                 |
    | 404 of a record; 400, 409, 413, 422, other 4xx | REFUSED                                         |
    | 425, 429                                   | TURNED_AWAY, or OPEN if an earlier attempt may have acted |
    | 408, 5xx                                   | OPEN                                                |
    | a redirect, and other statuses             | RUN: the base URL is wrong                          |
    | no connection, no answer in time           | TURNED_AWAY if no byte was sent, or else OPEN       |
    | an answer that cannot be read              | OPEN                                                |
    | any other: the session is closed, no key … | RUN                                                 |
    """
    if isinstance(error, APIError):
        return _meaning_of_status(error.status, error, missing_means)
    if isinstance(error, (ConnectionFailedError, DeadlineExceededError)):
        return Meaning.OPEN if error.maybe_applied else Meaning.TURNED_AWAY
    if isinstance(error, (UnexpectedResponseError, OutcomeUnknownError)):
        return Meaning.OPEN
    return Meaning.RUN


def _meaning_of_status(status: int, error: WaleadError, missing_means: str) -> Meaning:
    if status in {401, 403} or (status == 404 and missing_means == "run"):
        return Meaning.RUN
    if status in {425, 429}:
        return Meaning.OPEN if error.maybe_applied else Meaning.TURNED_AWAY
    if status == 408 or status >= 500:
        return Meaning.OPEN
    return Meaning.REFUSED if status >= 400 else Meaning.RUN


def got_no_answer(error: WaleadError) -> bool:
    """Whether this counts towards the attempts in a row that got no answer: nothing at all, 408 or 5xx."""
    if isinstance(error, APIError):
        return error.status == 408 or error.status >= 500
    return isinstance(error, (ConnectionFailedError, DeadlineExceededError))


def reading_is_hopeless(ended_by: WaleadError | None) -> bool:
    """Whether a read-back cannot succeed any more, since what ended the run would end it too."""
    if ended_by is None:
        return False
    return got_no_answer(ended_by) or isinstance(ended_by, (AuthenticationError, SessionClosedError))


class Endings:
    """Counts what tells a hopeless run from one that goes on."""

    __slots__ = ("_lone_refusals", "_refused_anything", "_refused_in", "_silent", "_went_through")

    def __init__(self) -> None:
        self._silent = 0
        self._lone_refusals = 0
        self._refused_in: set[int] = set()
        self._refused_anything = False
        self._went_through = False

    def went_through(self) -> None:
        """The service carried something out, or said of a single record that it does not exist."""
        self._silent = 0
        self._went_through = True

    def answered(self) -> None:
        """The service answered, whatever it said."""
        self._silent = 0

    def was_silent(self, attempts: int) -> None:
        """So many attempts got no answer, 408 or 5xx."""
        self._silent += attempts

    def batch_refused(self) -> None:
        """A batch was refused."""
        self._refused_anything = True

    def item_refused(self, batch: int) -> None:
        """A single item was refused; `batch` is the position of its batch."""
        self._refused_anything = True
        if not self._went_through:
            self._lone_refusals += 1
            self._refused_in.add(batch)

    def is_suspect(self, batch: int) -> bool:
        """Whether an item of this batch was refused alone."""
        return batch in self._refused_in

    @property
    def cautious(self) -> bool:
        """Whether to send one request at a time: something was refused, and nothing went through so far."""
        return self._refused_anything and not self._went_through

    @property
    def try_another_batch(self) -> bool:
        """Whether items of other batches are to be tried alone now: twenty were refused, from too few batches."""
        return self._many_refused and len(self._refused_in) <= OTHER_BATCHES

    @property
    def hopeless(self) -> bool:
        """Whether the run has to end."""
        return self._silent >= SILENT_ATTEMPTS or (self._many_refused and len(self._refused_in) > OTHER_BATCHES)

    @property
    def _many_refused(self) -> bool:
        return self._lone_refusals >= LONE_REFUSALS and not self._went_through
