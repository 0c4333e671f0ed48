"""What a program is tested against: both services, on a real socket, with their faults."""

from __future__ import annotations

from walead_async.testing.contract import openapi
from walead_async.testing.drifts import Drift, DriftName, DriftScript
from walead_async.testing.emulator import Emulator
from walead_async.testing.errors import BadSetting
from walead_async.testing.faults import Fault, FaultScript
from walead_async.testing.leads import EmulatedLead, LeadList
from walead_async.testing.log import LoggedRequest
from walead_async.testing.messages import Service
from walead_async.testing.moments import When
from walead_async.testing.program import run_emulator
from walead_async.testing.settings import (
    AgentList,
    BadItem,
    ErrorBody,
    IdentifierCase,
    Reblock,
    RetryAfter,
    SearchMatch,
    Settings,
    TieOrder,
    UnknownId,
)
from walead_async.testing.vocabulary import FaultName

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
