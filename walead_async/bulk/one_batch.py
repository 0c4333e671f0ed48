"""A call whose whole input is one clean batch: most calls of an app, so it costs little more than its request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.bulk.batches import MAX_BYTES
from walead_async.bulk.outcomes import DONE, Batch
from walead_async.errors import WaleadError

if TYPE_CHECKING:
    from walead_async.bulk.operation import Operation
    from walead_async.transport.messages import Request, Response

__all__ = ["one_batch", "settles"]


def one_batch(operation: Operation, items: object, batch_size: int) -> tuple[Batch, Request] | None:
    """The batch and its request, if these items are one batch without a duplicate or an invalid item; else None."""
    if not isinstance(items, (list, tuple)) or len(items) > batch_size:
        return None
    keys, wires, invalid = operation.entries(items)
    if invalid or len(set(keys)) < len(keys):
        return None
    request = operation.request(wires)
    if len(request.body or b"") > MAX_BYTES:
        return None
    return Batch(0, tuple(items), keys), request


def settles(operation: Operation, batch: Batch, came: Response | WaleadError) -> bool:
    """Settle the batch if the answer counts as many items as it holds; False if anything else came."""
    if isinstance(came, WaleadError):
        return False
    try:
        answer = operation.answer(came, batch.keys)
    except WaleadError:
        return False
    if answer.ends is not None or answer.count != len(batch.items):
        return False
    batch.settle(range(len(batch.items)), DONE)
    return True
