"""What a program is tested against: both services, on a real socket, with their faults."""

from __future__ import annotations

from walead_async.testing.emulator import Emulator
from walead_async.testing.errors import BadSetting
from walead_async.testing.leads import EmulatedLead, LeadList
from walead_async.testing.log import LoggedRequest
from walead_async.testing.messages import Service
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

__all__ = [
    "AgentList",
    "BadItem",
    "BadSetting",
    "EmulatedLead",
    "Emulator",
    "ErrorBody",
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
]
