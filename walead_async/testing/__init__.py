"""What a program is tested against: both services, on a real socket, with their faults.

Every name is loaded on its first use: pytest imports this package for the plugin in it, also where no test uses one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from walead_async.testing.control import *
    from walead_async.testing.drifts import *
    from walead_async.testing.emulator import *
    from walead_async.testing.faults import *
    from walead_async.testing.handler import *
    from walead_async.testing.schedule import *
    from walead_async.testing.settings import *
    from walead_async.testing.store import *

#: The public names, by the module that each is loaded from.
_NAMES = {
    "control": "openapi",
    "drifts": "Drift DriftName DriftScript",
    "emulator": "Emulator run_emulator",
    "faults": "Fault FaultName FaultScript",
    "handler": "LoggedRequest",
    "schedule": "When",
    "settings": (
        "AgentList BadItem BadSetting ErrorBody IdentifierCase IdentifierSpelling NumberSpelling Reblock RetryAfter "
        "SearchMatch Service Settings TieOrder UnknownId"
    ),
    "store": "EmulatedLead LeadList",
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


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
