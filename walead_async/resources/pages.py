"""What the pages of every list have in common: whom they ask, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from walead_async.transport.events import Event
    from walead_async.transport.messages import Caller

__all__ = ["Pages"]


class Pages:
    """Pages that a session asks for."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def concurrency(self) -> int:
        """How many requests the session may have under way at once."""
        return self._caller.concurrency

    @property
    def observed(self) -> bool:
        """Whether anybody listens to events."""
        return self._caller.observed

    def emit(self, event: Event) -> None:
        """Tell the session's hooks."""
        self._caller.emit(event)
