"""The API key: kept so that no repr, log line or traceback can show it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn, TypeVar

import orjson

from walead_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HIDDEN", "KeySource", "SecretText", "hidden"]

T = TypeVar("T")

HIDDEN = "***"
#: Keys of services are longer; what is shorter is a key of a test.
SHORTEST_HIDDEN = 8


class SecretText(str):
    """Text that is sent as it is and shown as ***, also where another library prints a dict that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{HIDDEN}'"

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is never pickled: make a session where it is used")


def hidden(given: T) -> T | SecretText:
    """Text as `SecretText`, anything else as it is: what is handed on prints as *** in every frame below."""
    return SecretText(str.__str__(given)) if isinstance(given, str) else given


class KeySource:
    """A key, or a function that returns it: asked again for each request, so that a rotated key is taken up."""

    __slots__ = ("_given", "_last", "_service")

    def __init__(self, given: str | Callable[[], str], *, service: str) -> None:
        """Check a key given as text at once, one given as a function at its first use."""
        self._service = service
        self._given: Callable[[], str] | None = None
        self._last = SecretText()
        if asyncio.iscoroutinefunction(given):
            raise ConfigurationError(f"the function that returns the {service} API key must be a plain one, not async")
        if callable(given):
            self._given = given
        else:
            self._last = self._checked(hidden(given))

    def __repr__(self) -> str:
        return f"KeySource({HIDDEN})"

    def current(self) -> SecretText:
        """The key to send now. Raises `ConfigurationError` if the function fails or returns what cannot be a key."""
        if self._given is not None:
            # What the function raises may hold the key, so nothing of it is passed on but its class.
            failed = None
            given: object = None
            try:
                given = hidden(self._given())
            except Exception as error:
                failed = type(error).__name__
            if failed is not None:
                raise ConfigurationError(f"the function that returns the {self._service} API key raised {failed}")
            if given != self._last or not given:
                self._last = self._checked(given)
        return self._last

    def hide(self, text: str) -> str:
        """The text with every occurrence of the last key replaced by ***."""
        return text.replace(str(self._last), HIDDEN) if self._last else text

    def hide_in_answer(self, body: bytes) -> bytes:
        """The answer to a change without the last key: its words may end in a report.

        A key so short that it may stand in a person's name is left alone.
        """
        if len(self._last) < SHORTEST_HIDDEN:
            return body
        key = self._last.encode()
        shown = body.replace(key, HIDDEN.encode()) if key in body else body
        # JSON has more than one way to write a letter.
        return self._hide_in_json(shown) if b"\\" in shown else shown

    def _hide_in_json(self, body: bytes) -> bytes:
        try:
            said = orjson.loads(body)
        except ValueError:
            return body
        told = self._hide_in(said)
        return body if told == said else orjson.dumps(told)

    def _hide_in(self, said: object) -> object:
        if isinstance(said, str):
            return self.hide(said)
        if isinstance(said, list):
            return [self._hide_in(one) for one in said]
        if isinstance(said, dict):
            return {self.hide(name): self._hide_in(one) for name, one in said.items()}
        return said

    def _checked(self, given: object) -> SecretText:
        if not isinstance(given, SecretText):
            raise ConfigurationError(f"the {self._service} API key must be text, not {type(given).__name__}")
        if not given.strip():
            raise ConfigurationError(f"the {self._service} API key is empty")
        if any(not "!" <= letter <= "~" for letter in given):
            raise ConfigurationError(
                f"the {self._service} API key holds a space, a line break or another character that no key has: "
                "check how it was copied (it is not shown here)"
            )
        return given
