"""The tests of the watch need it, and openapi-core: they are for `nox -s contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave them out of every other run."""
    if collection_path.name == "test_contract_watch.py" and not config.pluginmanager.has_plugin("contract_watch"):
        return True
    return None
