"""Where a session's key and address come from: arguments, then the environment, then a keyring; checked at once."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

from walead_async.errors import ConfigurationError

__all__ = ["base_url", "key_from_environment", "text_from_environment"]

#: The longest key file that is read, in bytes: a key is one line.
LONGEST_KEY_FILE = 8192


def text_from_environment(name: str) -> str | None:
    """An environment variable without surrounding space; None if it is not set or empty."""
    return os.environ.get(name, "").strip() or None


def base_url(given: str | None, *, variable: str, default: str) -> str:
    """The base URL to use, without a slash at its end: the one given, else the variable's, else the default.

    Raises `ConfigurationError` unless it is https, or http to this machine itself: a key must not cross a network in
    the clear.
    """
    url = given if given is not None else text_from_environment(variable) or default
    if not isinstance(url, str):
        raise ConfigurationError(f"base_url must be text, not {type(url).__name__}")
    if any(not "!" <= letter <= "~" for letter in url) or "\\" in url:
        raise ConfigurationError("the base URL holds a space or a character that no URL has")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"the base URL cannot be read: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the base URL holds a user name or a password: leave it out, the API key is enough")
    if parts.scheme not in {"https", "http"} or not host:
        raise ConfigurationError(f"the base URL must look like {default}, not {url!r}")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ConfigurationError(f"the base URL must end before any '?' or '#', not {url!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"the base URL {url!r} would send the API key in the clear: use https")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def key_from_environment(prefix: str) -> str:
    """The API key of the service whose variables begin with `prefix`.

    Looks at `<prefix>_API_KEY`, then at the file that `<prefix>_API_KEY_FILE` names, then at the keyring entry of
    that name if the keyring package is installed. Raises `ConfigurationError` if there is none, or if others can read
    the file.
    """
    variable = f"{prefix}_API_KEY"
    key = os.environ.get(variable)
    if key is not None:
        return key
    path = text_from_environment(f"{variable}_FILE")
    if path:
        return _key_from_file(Path(path), f"{variable}_FILE")
    key = _key_from_keyring(variable)
    if key:
        return key
    raise ConfigurationError(
        f"there is no API key: pass api_key, or set {variable}, or {variable}_FILE to a file that only you can read"
    )


def _key_from_file(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise ConfigurationError(f"{variable} names {str(path)!r}, which is not a file")
            if os.name == "posix" and state.st_mode & 0o077:
                raise ConfigurationError(f"others can read the key file {str(path)!r}: run chmod 600 on it")
            content = file.read(LONGEST_KEY_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"the key file {str(path)!r} of {variable} cannot be read: {error.strerror}") from None
    try:
        key = content.decode("utf-8-sig").strip() if len(content) <= LONGEST_KEY_FILE else ""
    except UnicodeDecodeError:
        key = ""
    # an error's frames may be shown with what they hold
    del content
    if not key:
        raise ConfigurationError(f"the key file {str(path)!r} of {variable} does not hold one line with a key")
    return key


def _key_from_keyring(variable: str) -> str | None:
    try:
        import keyring
    except ImportError:
        return None
    # A keyring without a backend raises errors of many kinds: no entry can be had from it, whichever it is.
    try:
        return keyring.get_password("walead_async", variable)
    except Exception:
        return None
