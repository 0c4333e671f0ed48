"""Plain values for one call: what to send, what came back, and who can send it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from walead_async.events import Event

__all__ = ["Caller", "DeadlineFrom", "Request", "Response"]

#: When the deadline of a request begins: with the call, or with its turn.
DeadlineFrom: TypeAlias = Literal["call", "turn"]


class Request(NamedTuple):
    """One call of a service, before it has a host or a key.

    `path` stands below the base URL and is quoted already ("/v1/blocked-leads"); so is `query` (no "?"). `repeatable`
    says whether it may be sent again when nobody knows whether it was carried out: True for reads and blocks, False
    for unblocks.
    """

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    repeatable: bool = True


class Response(NamedTuple):
    """A successful answer (2xx) with its whole body, without content encoding, byte order mark or API key.

    `maybe_repeated`: an earlier attempt of this call may have been carried out too. `throttled`: an attempt of this
    call was answered with 429 or 503.
    """

    status: int
    body: bytes
    maybe_repeated: bool = False
    throttled: bool = False

    def json(self) -> object:
        """The body as JSON. Raises `UnexpectedResponseError` if it is none, as an empty body is."""
        from walead_async.transport.decode import json_of  # which knows the models

        return json_of(self.body)

    def __repr__(self) -> str:
        """Without the body, which holds people: reporters of errors write down what a frame holds."""
        return f"<Response {self.status} with {len(self.body)} bytes>"


class Caller(Protocol):
    """What a listing or a bulk run asks of the transport. Every method raises only errors of our tree."""

    @property
    def concurrency(self) -> int:
        """How many requests of this session may be under way at once."""
        ...

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        """Send one request, with its retries, and return its answer.

        `flow` is any object that stands for the run the request belongs to: runs are served in turn, so that a long
        one does not starve a short one. A single call has its deadline from the "call" on, and each request of a run,
        which must wait for the others, from its "turn" on.

        An error whose `maybe_applied` is True leaves it open whether the service carried the request out.
        """
        ...

    @property
    def observed(self) -> bool:
        """Whether anybody listens to events, so that none is made in vain."""
        ...

    def take_retry(self) -> bool:
        """Take one token of the session's retry budget; False if it is spent."""
        ...

    def emit(self, event: Event) -> None:
        """Tell the session's hooks and the log of something that happened."""
        ...
