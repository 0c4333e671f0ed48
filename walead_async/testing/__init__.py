"""What a program is tested against: both services, on a real socket, with their faults."""

from __future__ import annotations

from walead_async.testing.control import openapi
from walead_async.testing.drifts import Drift, DriftName, DriftScript
from walead_async.testing.emulator import Emulator
from walead_async.testing.faults import Fault, FaultName, FaultScript
from walead_async.testing.handler import LoggedRequest
from walead_async.testing.replies import Service
from walead_async.testing.schedule import When
from walead_async.testing.serve import run_emulator
from walead_async.testing.settings import (
    AgentList,
    BadItem,
    BadSetting,
    ErrorBody,
    IdentifierCase,
    Reblock,
    RetryAfter,
    SearchMatch,
    Settings,
    TieOrder,
    UnknownId,
)
from walead_async.testing.store import EmulatedLead, LeadList

__all__ = [
    "AgentList",
    "BadItem",
    "BadSetting",
    "Drift",
    "DriftName",
    "DriftScript",
    "EmulatedLead",
    "Emulator",
    "ErrorBody",
    "Fault",
    "FaultName",
    "FaultScript",
    "IdentifierCase",
    "LeadList",
    "LoggedRequest",
    "Reblock",
    "RetryAfter",
    "SearchMatch",
    "Service",
    "Settings",
    "TieOrder",
    "UnknownId",
    "When",
    "openapi",
    "run_emulator",
]
