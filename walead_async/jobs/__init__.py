"""Jobs on whole lists, and the durable files that they go on from.

A plan compares a file with a list and keeps in a journal what would change; an apply makes it so, and may be killed at
any instant; an undo takes it back. Every name is loaded on its first use.

```python
async with open_journal("nightly.db") as journal, AsyncSession() as session:
    made = await plan(journal, session, "crm.csv", mode="mirror")
    report = await apply(journal, session, made.id)
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from walead_async.jobs.applying import apply as apply
    from walead_async.jobs.applying import run as run
    from walead_async.jobs.journal import Journal as Journal
    from walead_async.jobs.journal import open_journal as open_journal
    from walead_async.jobs.journal import status as status
    from walead_async.jobs.planning import plan as plan
    from walead_async.jobs.removing import erase as erase
    from walead_async.jobs.removing import prune as prune
    from walead_async.jobs.reporting import report as report
    from walead_async.jobs.undoing import undo as undo
    from walead_async.jobs.values import ApplyReport as ApplyReport
    from walead_async.jobs.values import EraseReport as EraseReport
    from walead_async.jobs.values import InvalidRow as InvalidRow
    from walead_async.jobs.values import Mode as Mode
    from walead_async.jobs.values import Plan as Plan
    from walead_async.jobs.values import PlanState as PlanState
    from walead_async.jobs.values import PlanStatus as PlanStatus
    from walead_async.jobs.values import Progress as Progress
    from walead_async.jobs.values import ProgressCallback as ProgressCallback
    from walead_async.jobs.values import PruneReport as PruneReport

_NAMES = {
    "applying": "apply run",
    "journal": "Journal open_journal status",
    "planning": "plan",
    "removing": "erase prune",
    "reporting": "report",
    "undoing": "undo",
    "values": (
        "ApplyReport EraseReport InvalidRow Mode Plan PlanState PlanStatus Progress ProgressCallback PruneReport"
    ),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return found
