"""The engine on a service in process."""

from __future__ import annotations

import pytest
from blocklist import Bulk, Service


@pytest.fixture
def bulk() -> Bulk:
    """The engine on a service that blocks, counts whom it changes, and lists nobody."""
    return Bulk(Service())
