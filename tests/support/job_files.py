"""What tests of jobs share: sources as people bring them, and what the emulator saw."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from walead_async.testing import Emulator


class Files:
    """Writes sources."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def csv(self, people: Iterable[str], name: str = "crm.csv", reason: str | None = None) -> Path:
        """A CSV file of these people, each with a reason or without one."""
        rows = "".join(f"{person},{reason or ''}\n" for person in people)
        return self.text(f"public_identifier,reason\n{rows}", name)

    def text(self, content: str, name: str = "crm.csv") -> Path:
        """A file that holds this."""
        path = self.folder / name
        path.write_text(content, encoding="utf-8", newline="")
        return path


def people(count: int, first: int = 0) -> list[str]:
    return [f"person-{number:05d}" for number in range(first, first + count)]


def changes(emulator: Emulator, since: int = 0) -> list[str]:
    """The methods of the requests that change something."""
    return [request.method for request in emulator.requests[since:] if request.method in {"POST", "DELETE"}]


def blocked(emulator: Emulator) -> set[tuple[str, str | None]]:
    return {(lead.public_identifier, lead.reason) for lead in emulator.blocked_leads}
