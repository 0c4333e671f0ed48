"""What the emulator raises when it is set up wrongly."""

from __future__ import annotations

__all__ = ["BadSetting"]


class BadSetting(ValueError):
    """A setting, fault, drift or number that the emulator does not know: the text says what it would take.

    It is no `WaleadError`, since the emulator knows nothing of the package that it tests.
    """
