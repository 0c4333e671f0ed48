from __future__ import annotations

from walead_async.bulk.outcomes import Batch
from walead_async.bulk.pieces import Piece
from walead_async.bulk.unclear import Unclear


def piece(*keys: str) -> Piece:
    return Piece(((Batch(0, keys, keys), range(len(keys))),))


def clear_answers(unclear: Unclear, count: int) -> None:
    for _ in range(count):
        unclear.clear_answer()


def test_one_read_back_asks_for_everything_that_waits() -> None:
    unclear = Unclear()
    unclear.add(piece("a", "b"))
    unclear.add(piece("c"))
    assert unclear.take().keys == ["a", "b", "c"]
    assert not unclear


def test_a_lone_unclear_batch_among_clear_ones_is_rare() -> None:
    unclear = Unclear()
    clear_answers(unclear, 20)
    unclear.add(piece("a"))
    assert not unclear.rare
    clear_answers(unclear, 8)
    assert unclear.rare


def test_the_more_were_unclear_the_longer_it_is_waited_for_more() -> None:
    unclear = Unclear()
    for _ in range(3):
        unclear.add(piece("a"))
        unclear.take()
    unclear.add(piece("a"))
    clear_answers(unclear, 31)
    assert not unclear.rare
    clear_answers(unclear, 1)
    assert unclear.rare


def test_each_unclear_answer_begins_the_wait_anew() -> None:
    unclear = Unclear()
    unclear.add(piece("a"))
    clear_answers(unclear, 7)
    unclear.add(piece("b"))
    clear_answers(unclear, 15)
    assert not unclear.rare
