"""The exit codes of `walead`, and which of them an error means."""

from __future__ import annotations

from enum import IntEnum

from walead_async.errors import ConfigurationError, InvalidInputError, OutcomeUnknownError, SourceError, WaleadError

__all__ = ["ExitCode", "of_error"]


class ExitCode(IntEnum):
    """What a script learns of a command.

    DONE: all of it. NOT_DONE: something was not done, and the output says what. WRONG: wrong usage, input or
    configuration, and nothing was sent. UNKNOWN: an outcome is unknown, or a listing is unverified. INTERRUPTED: by
    Ctrl-C.
    """

    DONE = 0
    NOT_DONE = 1
    WRONG = 2
    UNKNOWN = 3
    INTERRUPTED = 130


def of_error(error: WaleadError, *, sent: bool = False) -> ExitCode:
    """The exit code of an error that ended a command; `sent` says that requests were sent before it."""
    if isinstance(error, OutcomeUnknownError):
        return ExitCode.UNKNOWN
    if isinstance(error, (ConfigurationError, InvalidInputError, SourceError)) and not sent:
        return ExitCode.WRONG
    return ExitCode.NOT_DONE
