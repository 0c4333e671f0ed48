"""The API key: no repr, log line, traceback or text that a service sends back shows it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TYPE_CHECKING, NoReturn, TypeVar

from walead_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HIDDEN", "KeySource", "SecretText", "hidden"]

T = TypeVar("T")

HIDDEN = "***"
#: Keys of services are longer. A shorter one may well be part of a name or an id, so records keep it.
SHORTEST_IN_RECORDS = 8
#: What a hash of a key costs whoever tries keys: some 5 ms for each.
HASH_ROUNDS = 10_000
#: How many keys of a session are remembered, so that an answer which repeats an earlier one does not show it.
KEYS_REMEMBERED = 32


class SecretText(str):
    """Text that is sent as it is and shown as ***, also where another library prints a dict that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{HIDDEN}'"

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is never pickled: make a session where it is used")


class NotText(SecretText):
    """The name of the type of what was given as a key and is no text: it may hold one, so nothing else is kept."""

    __slots__ = ()


def hidden(given: T) -> T | SecretText:
    """Text as `SecretText`, None or a function as it is, anything else as `NotText`: no frame below shows a key."""
    if given is None or callable(given) or isinstance(given, SecretText):
        return given
    return SecretText(str.__str__(given)) if isinstance(given, str) else NotText(type(given).__name__)


class KeySource:
    """A key, or a function that returns it: asked again for each request, so that a rotated key is taken up."""

    __slots__ = ("_function", "_last", "_service", "_used")

    def __init__(self, given: str | Callable[[], str], *, service: str) -> None:
        """Check a key given as text at once, one given as a function at its first use."""
        self._service = service
        self._function: Callable[[], str] | None = None
        self._last = SecretText()
        self._used: list[SecretText] = []
        if asyncio.iscoroutinefunction(given):
            raise ConfigurationError(f"the function that returns the {service} API key must be a plain one, not async")
        if callable(given):
            self._function = given
        else:
            self._take(hidden(given))

    def __repr__(self) -> str:
        return f"KeySource({HIDDEN})"

    def hashed(self, salt: bytes) -> str:
        """A slow hash of the current key: it tells whether another key is the same, and nothing else."""
        return hashlib.pbkdf2_hmac("sha256", self.current().encode(), salt, HASH_ROUNDS).hex()

    def current(self) -> SecretText:
        """The key to send now. Raises `ConfigurationError` if the function fails or returns what cannot be a key."""
        if self._function is not None:
            # What the function raises may hold the key, so nothing of it is passed on but its class.
            failed = None
            given: object = None
            try:
                given = hidden(self._function())
            except (Exception, asyncio.CancelledError) as error:  # it awaits nothing: nobody has cancelled it
                failed = type(error).__name__
            if failed is not None:
                raise ConfigurationError(f"the function that returns the {self._service} API key raised {failed}")
            if given != self._last or not given:
                self._take(given)
        return self._last

    def was_replaced(self, key: SecretText) -> bool:
        """Whether another key than this one would be sent now."""
        try:
            return self.current() != key
        except ConfigurationError:
            return False

    def hide(self, text: str) -> str:
        """The text with *** for every key that this session sent (of the last 32)."""
        for key in self._longest_first():
            text = text.replace(str(key), HIDDEN)
        return text

    def hide_in_body(self, body: bytes, *, shortest: int = 1) -> bytes:
        r"""The same for bytes, also where JSON's escapes spell a key (`\u006b`, `\/`), for keys of `shortest` and more.

        It is done before anything of an answer is read or cut: whatever is made of it then holds no key.
        """
        # nearly no answer holds a backslash, and to look for one takes a tenth of the time
        escaped = b"\\" in body and (b"\\u00" in body or b"\\/" in body)
        for key in self._longest_first():
            if len(key) < shortest:
                continue
            plain = key.encode()
            if plain in body:
                body = body.replace(plain, HIDDEN.encode())
            if escaped:
                body = _spellings(plain).sub(HIDDEN.encode(), body)
        return body

    def _longest_first(self) -> list[SecretText]:
        """The keys, so that none is cut by another which is a part of it."""
        return sorted(self._used, key=len, reverse=True)

    def _take(self, given: object) -> None:
        if isinstance(given, NotText) or not isinstance(given, SecretText):
            kind = str(given) if isinstance(given, NotText) else type(given).__name__
            raise ConfigurationError(f"the {self._service} API key must be text, not {kind}")
        if not given.strip():
            raise ConfigurationError(f"the {self._service} API key is empty")
        if any(not "!" <= letter <= "~" for letter in given):
            raise ConfigurationError(
                f"the {self._service} API key holds a space, a line break or another character that no key has: "
                "check how it was copied (it is not shown here)"
            )
        self._last = given
        self._used = [given, *(key for key in self._used if key != given)][:KEYS_REMEMBERED]


def _spellings(key: bytes) -> re.Pattern[bytes]:
    """Every way in which JSON may write a key."""
    letters = [rb"(?:\\?%b|\\u00(?i:%02x))" % (re.escape(bytes([code])), code) for code in key]
    return re.compile(b"".join(letters))
