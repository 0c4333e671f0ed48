"""The libraries of the extra [files], imported when a file needs one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from walead_async.errors import ConfigurationError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["library_for"]


def library_for(suffix: str, module: str) -> ModuleType:
    """Import the module that files of this suffix need. Raises `ConfigurationError`, which names the extra."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{suffix} files need a library that is not installed ({error}): pip install 'walead_async[files]'"
        ) from None
