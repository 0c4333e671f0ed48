"""Bulk runs on a service in process."""

from __future__ import annotations

import pytest
from blocklist import Bulk, Service


@pytest.fixture
def bulk() -> Bulk:
    """Bulk runs on a service that blocks, counts whom it changes, and lists nobody."""
    return Bulk(Service())
