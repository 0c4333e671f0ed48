"""What a resource tells the bulk engine about one kind of change: pure, but for the read-back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from walead_async.errors import InvalidInputError
    from walead_async.models import Status
    from walead_async.transport.messages import Request, Response

__all__ = ["Answer", "Entries", "Operation", "Verify"]

#: When to read back: where an answer leaves items open, after every batch, or never.
Verify = Literal["unclear", "always", "never"]


class Entries(NamedTuple):
    """Many items, normalised at once; `keys` and `wires` have a place for each, in the order given.

    `keys` are the normalised identifiers, ids or numbers; `wires` each item as JSON, as it stands in a request's
    array. An item that cannot be sent has "" and b"" there, and its reason in `invalid`, by its index.
    """

    keys: Sequence[str]
    wires: Sequence[bytes]
    invalid: Mapping[int, InvalidInputError]


@attrs.frozen
class Answer:
    """What the answer to one batch says: a bare count, or an end for each key, or nothing of use.

    `count` is the number of items changed, None where the answer has none or says `success: false`. `ends` maps keys
    to their status (DONE, ALREADY, REFUSED, or UNKNOWN for a refusal that may mean ALREADY) and the service's words.
    `message` is what the service said in general.
    """

    count: int | None = None
    ends: Mapping[str, tuple[Status, str | None]] | None = None
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
    def missing_means(self) -> str:
        """What a 404 means: "run" (no such campaign or agent: the run ends) or "item" (no such record)."""
        ...

    def entries(self, items: Sequence[object]) -> Entries:
        """Normalise items. Never raises: what cannot be sent is named in `invalid`.

        It is called with up to a batch at once, so that a batch of plain items can be checked and encoded as a whole:
        this is where the time of a large run goes.
        """
        ...

    def request(self, wires: Sequence[bytes]) -> Request:
        """The request that changes these items: the wires joined by commas, in the envelope of the endpoint."""
        ...

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """Read the answer to a request for these keys. Raises `UnexpectedResponseError` if it cannot be read."""
        ...

    async def present(self, keys: Collection[str]) -> Mapping[str, bool]:
        """Ask the service which of these keys stand in its list now: the read-back.

        Every key has an answer, and False is proven, never guessed. Raises an error of our tree if the list could not
        be read to its end.
        """
        ...
