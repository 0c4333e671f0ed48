"""The end of a bulk command: counts, the first failures in words, and the exit code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from walead_async.cli.program import ExitCode, of_error
from walead_async.errors import APIError
from walead_async.models import SETTLED, LeadToBlock, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from walead_async.errors import WaleadError
    from walead_async.models import Outcome

__all__ = ["Tally", "error_fields", "outcome_fields"]

#: How many failures are spelled out for people; a program gets all of them by --json.
SHOWN = 20
LONGEST = 80


class Tally:
    """Counts outcomes, and keeps the first failures with their lines."""

    def __init__(self) -> None:
        self._counts: Counter[Status] = Counter()
        self._failures: list[tuple[Outcome, int | None]] = []

    def add(self, outcome: Outcome, line: int | None) -> None:
        """Count one outcome; `line` is the line of its file, None for an argument."""
        self._counts[outcome.status] += 1
        if outcome.status not in SETTLED and len(self._failures) < SHOWN:
            self._failures.append((outcome, line))

    @property
    def total(self) -> int:
        """How many outcomes were counted."""
        return self._counts.total()

    def summary(self) -> str:
        """The counts in one line."""
        total = self.total
        counts = ", ".join(f"{self._counts[status]:,} {status}" for status in Status if self._counts[status])
        return f"{total:,} {'item' if total == 1 else 'items'}: {counts or 'none'}"

    def lines(self) -> Iterator[str]:
        """The summary, and the first failures with their reasons."""
        yield self.summary()
        for outcome, line in self._failures:
            place = "" if line is None else f"line {line}: "
            why = outcome.detail or outcome.error or "no reason known"
            yield f"  {place}{_shortened(item_text(outcome.item))}: {outcome.status}: {why}"
        more = sum(count for status, count in self._counts.items() if status not in SETTLED) - len(self._failures)
        if more:
            yield f"  and {more:,} more; --json writes them all"

    def code(self, failure: WaleadError | None) -> ExitCode:
        """The exit code; `failure` is the error that ended the run, if one did."""
        if self._counts[Status.UNKNOWN]:
            return ExitCode.UNKNOWN
        if failure is not None:
            sent = self.total > self._counts[Status.INVALID] + self._counts[Status.NOT_SENT]
            return of_error(failure, sent=sent)
        return ExitCode.DONE if set(+self._counts) <= SETTLED else ExitCode.NOT_DONE


def outcome_fields(outcome: Outcome) -> dict[str, object]:
    """An outcome for JSON."""
    return {
        "item": item_text(outcome.item),
        "key": outcome.key,
        "status": outcome.status,
        "detail": outcome.detail,
        "error": None if outcome.error is None else error_fields(outcome.error),
    }


def error_fields(error: WaleadError) -> dict[str, object]:
    """An error for JSON: its `type`, its `message` and, for an HTTP answer, its `status`."""
    fields: dict[str, object] = {"type": type(error).__name__, "message": str(error)}
    return {**fields, "status": error.status} if isinstance(error, APIError) else fields


def item_text(item: object) -> str:
    """An item as it stood in its file or among the arguments."""
    return item.public_identifier if isinstance(item, LeadToBlock) else str(item)


def _shortened(text: str) -> str:
    return repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")
