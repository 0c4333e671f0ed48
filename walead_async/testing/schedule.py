"""When a fault or a drift is played: the nth time, every k-th, now and then, so many times at most."""

from __future__ import annotations

import random
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import attrs

from walead_async.testing.settings import BadSetting

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

__all__ = ["ALWAYS", "WHEN", "Scheduled", "Script", "When", "by_name"]

#: The text of a `When`, empty for always: `#3` or `#3-5` or `#3-`, `%10`, `~0.1`, ` x2`, in this order. For re.VERBOSE.
WHEN = r"""
    (?: \#(?P<first>\d{1,9}) (?P<to>-(?P<last>\d{1,9})?)? )?
    (?: \s* %(?P<every>\d{1,9}) )?
    (?: \s* ~(?P<probability>\d?\.?\d{1,15}) )?
    (?: \s* \b x(?P<count>\d{1,9}) )?
"""


@attrs.frozen(kw_only=True)
class When:
    """Which of the matching requests, counted from 1, are meant; all of them by default.

    `first` to `last` (None: and all later ones); of these every `every`-th; of these each with `probability`, drawn
    from the emulator's seed; and at most `count` altogether. As text: `#3-5 %2 ~0.1 x2`, each part only where it is
    not the default. Raises `BadSetting` for numbers that mean no request.
    """

    first: int = 1
    last: int | None = None
    every: int = 1
    probability: float = 1.0
    count: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.first < 1 or (self.last is not None and self.last < self.first):
            raise BadSetting("requests are counted from 1, and a range runs upwards")
        if self.every < 1 or (self.count is not None and self.count < 1):
            raise BadSetting("%k and xN take whole numbers from 1")
        if not 0 < self.probability <= 1:
            raise BadSetting(f"a probability is above 0 and at most 1, not {self.probability}")

    @classmethod
    def nth(cls, number: int) -> When:
        """The nth matching request alone, counted from 1. Raises `BadSetting` for a number below."""
        return cls(first=number, last=number)

    @classmethod
    def found(cls, match: re.Match[str]) -> When:
        """What a match of `WHEN` says."""
        groups = match.groupdict()
        first, last, every, count = (_whole(groups[name]) for name in ("first", "last", "every", "count"))
        return cls(
            first=1 if first is None else first,
            last=last if groups["to"] else first,
            every=1 if every is None else every,
            probability=float(groups["probability"] or 1),
            count=count,
        )

    def __str__(self) -> str:
        parts = []
        if self.first != 1 or self.last is not None:
            to = "" if self.last == self.first else f"-{self.last or ''}"
            parts.append(f"#{self.first}{to}")
        if self.every != 1:
            parts.append(f"%{self.every}")
        if self.probability != 1:
            parts.append("~" + f"{self.probability:.15f}".rstrip("0"))
        if self.count is not None:
            parts.append(f"x{self.count}")
        return " ".join(parts)


#: Every time.
ALWAYS = When()


class Scripted(Protocol):
    """A fault or a drift."""

    @property
    def when(self) -> When:
        """When it is played."""
        ...

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it from text. Raises `BadSetting`."""
        ...


T = TypeVar("T", bound=Scripted)


@attrs.define(repr=False)
class Scheduled(Generic[T]):
    """A fault or drift (`what`), how many matching requests it has `seen`, and how often it was played (`fired`)."""

    what: T
    random: random.Random
    seen: int = 0
    fired: int = 0

    def __repr__(self) -> str:
        return f"<{str(self.what)!r}: seen {self.seen}, fired {self.fired}>"

    def due(self) -> bool:
        """Count one more matching request and say whether it is meant."""
        self.seen += 1
        when = self.what.when
        return (
            (when.count is None or self.fired < when.count)
            and self.seen >= when.first
            and (when.last is None or self.seen <= when.last)
            and (self.seen - when.first + 1) % when.every == 0
            and (when.probability == 1 or self.random.random() < when.probability)
        )


class Script(Generic[T]):
    """Faults or drifts in the order of adding, each with its own counter and its own luck."""

    def __init__(self, seed: int, kind: type[T]) -> None:
        self._seed = seed
        self._kind = kind
        self._added = 0
        self._scheduled: list[Scheduled[T]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._scheduled}>"

    def __iter__(self) -> Iterator[Scheduled[T]]:
        return iter(self._scheduled)

    def __len__(self) -> int:
        return len(self._scheduled)

    def add(self, *given: T | str) -> None:
        """Add some, as values or as text; they count requests from now on. Raises `BadSetting`; then none is added."""
        for what in [self._read(one) for one in given]:
            self._scheduled.append(Scheduled(what, random.Random(f"{self._seed}/{self._added}")))
            self._added += 1

    def _read(self, one: T | str) -> T:
        what = self._kind.parse(one) if isinstance(one, str) else one
        if not isinstance(what, self._kind):
            raise BadSetting(f"{what!r} is neither a text nor a {self._kind.__name__}")
        return what

    def clear(self) -> None:
        """Forget all of them; what is added next counts, and draws, as the first."""
        self._scheduled.clear()
        self._added = 0

    def unfired(self) -> list[T]:
        """Those that were never played."""
        return [scheduled.what for scheduled in self._scheduled if not scheduled.fired]


E = TypeVar("E", bound=StrEnum)


def by_name(what: str, names: type[E], name: str) -> E:
    """The fault or drift of this name. Raises `BadSetting` with the name that was probably meant, if there is none."""
    for known in names:
        if known == name:
            return known
    meant = get_close_matches(name, list(names), 1)
    guess = f"; did you mean {str(meant[0])!r}?" if meant else "."
    raise BadSetting(f"there is no {what} {name!r}{guess} Known are {', '.join(names)}")


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)
