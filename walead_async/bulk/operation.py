"""What a resource tells a bulk run about one kind of change: pure, but for the verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from walead_async.errors import InvalidInputError
    from walead_async.models import Status
    from walead_async.transport.messages import Request, Response

__all__ = ["NO_REMARKS", "Answer", "Entries", "Missing", "Operation", "Verify"]

#: When to read back: where an answer leaves items open, after every batch, or never.
Verify = Literal["unclear", "always", "never"]

#: What a 404 is about: the campaign or agent of the "run", an "item" that has no such record, or a record that is
#: known to have been "listed", so that the list is asked before it is believed.
Missing: TypeAlias = Literal["run", "item", "listed"]


NO_REMARKS: Mapping[int, str] = {}


class Entries(NamedTuple):
    """Many items, normalised at once; `keys` and `encoded` have a place for each, in the order given.

    `keys` are the normalised identifiers, ids or numbers; `encoded` each item as JSON, as it stands in a request's
    array. An item that cannot be sent has "" and b"" there, and its reason in `invalid`, by its index. `remarks` are
    what is to be told of items that can be sent, by their indexes too.
    """

    keys: Sequence[str]
    encoded: Sequence[bytes]
    invalid: Mapping[int, InvalidInputError]
    remarks: Mapping[int, str] = NO_REMARKS


@attrs.frozen
class Answer:
    """What the answer to one batch says: a bare count, or a status for each key, or nothing of use.

    `count` is the number of items changed, None where the answer has none or says `success: false`. `named` maps keys
    to their status (DONE, ALREADY, REFUSED, or UNKNOWN for a refusal that may mean ALREADY) and the service's words.
    `message` is what the service said in general.
    """

    count: int | None = None
    named: Mapping[str, tuple[Status, str | None]] | None = None
    message: str | None = None


class Operation(Protocol):
    """One kind of change: blocking or unblocking, in one place."""

    @property
    def blocks(self) -> bool:
        """True for a block, False for an unblock. A block may be sent again on doubt, an unblock may not."""
        ...

    @property
    def path(self) -> str:
        """The path of its requests, for events and messages."""
        ...

    @property
    def missing_means(self) -> Missing:
        """What a 404 is about."""
        ...

    def entries(self, items: Sequence[object]) -> Entries:
        """Normalise items. Never raises: what cannot be sent is named in `invalid`.

        It is called with up to a batch at once, so that a batch of plain items can be checked and encoded as a whole:
        this is where the time of a large run goes.
        """
        ...

    def request(self, encoded: Sequence[bytes]) -> Request:
        """The request that changes these items: the encoded items joined by commas, in the envelope of the endpoint."""
        ...

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """Read the answer to a request for these keys. Raises `UnexpectedResponseError` if it cannot be read."""
        ...

    async def present(self, items: Mapping[str, object]) -> Collection[str]:
        """Ask the service which of these items, given by their keys, stand in its list now: the verification.

        Whoever is left out is proven to be absent, never guessed. Raises an error of our tree if the list could not be
        read to its end.
        """
        ...
