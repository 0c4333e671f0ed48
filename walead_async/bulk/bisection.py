"""How a refused batch is cut to find what is wrong with it: the sizes of the parts."""

from __future__ import annotations

from itertools import pairwise

__all__ = ["parts"]


def parts(count: int, *, too_large: bool) -> list[slice]:
    """Cut `count` items (two or more) into parts that are tried each on its own.

    A batch that was too large is halved. Any other is bisected twice at once: for one bad item that asks as many
    requests as going by halves, about 2 log2(n), for several it asks fewer, and it takes half the round trips.
    """
    ways = min(count, 2 if too_large else 4)
    edges = [count * part // ways for part in range(ways + 1)]
    return [slice(start, end) for start, end in pairwise(edges)]
