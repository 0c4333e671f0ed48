"""Configuration: retry policy, time-outs and rate limit; the key and the address from the environment."""

from __future__ import annotations

import codecs
import ipaddress
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import urlsplit

import attrs
from attrs.validators import ge, gt, instance_of, le, not_

from walead_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "RateLimit",
    "RateLimiter",
    "RetryPolicy",
    "Timeouts",
]


def _number(takes: str, kind: type | tuple[type, ...], bound: Callable[..., None]) -> Callable[..., None]:
    """A validator made of attrs' own; a refusal is a `ConfigurationError` that names the field and what it takes."""
    checks: tuple[Callable[..., None], ...] = (
        instance_of(kind),
        not_(instance_of(bool)),
        le(sys.float_info.max),
        bound,
    )

    def validate(instance: object, field: attrs.Attribute[float], value: object) -> None:
        try:
            for check in checks:
                check(instance, field, value)
        except (TypeError, ValueError):
            name = f"{type(instance).__name__}({field.name}=...)"
            raise ConfigurationError(f"{name} takes a finite {takes}, not {value!r}") from None

    return validate


_positive = _number("number above 0", (int, float), gt(0))
_not_negative = _number("number of at least 0", (int, float), ge(0))
_at_least_one = _number("whole number of at least 1", int, ge(1))


@attrs.frozen
class RetryPolicy:
    """When a request is sent again, and when it is given up.

    A request is sent at most `attempts` times. `deadline`, in seconds, covers one request with its retries and waits.
    The wait before retry n is drawn at random from 0 to `wait_initial * 2**(n-1)` seconds, at most `wait_max`; a
    Retry-After of the service is honoured beyond that. Every retry takes a token from the session's budget, which
    starts at `budget_burst` tokens and regains `budget_ratio` of one with each first attempt sent, so that an outage is
    not multiplied. The budget belongs to the session: under `with_options` the session's own numbers stay in force.

    Raises `ConfigurationError` for a number out of range.
    """

    attempts: int = attrs.field(default=5, validator=_at_least_one)
    deadline: float = attrs.field(default=60.0, validator=_positive)
    wait_initial: float = attrs.field(default=0.2, validator=_not_negative)
    wait_max: float = attrs.field(default=20.0, validator=_not_negative)
    budget_burst: float = attrs.field(default=50, validator=_not_negative)
    budget_ratio: float = attrs.field(default=0.2, validator=_not_negative)

    @classmethod
    def never(cls) -> RetryPolicy:
        """The policy that sends each request once. Its deadline is the default."""
        return cls(attempts=1)


@attrs.frozen
class Timeouts:
    """Limits for one attempt, in seconds.

    `connect` covers opening a connection, `read` the longest silence before and while an answer arrives, `total` the
    whole attempt. Raises `ConfigurationError` for a number that is not above 0.
    """

    connect: float = attrs.field(default=5.0, validator=_positive)
    read: float = attrs.field(default=30.0, validator=_positive)
    total: float = attrs.field(default=60.0, validator=_positive)


@attrs.frozen
class RateLimit:
    """At most `requests` per `per` seconds, evenly spaced, over the whole session; `burst` of them may go at once.

    Raises `ConfigurationError` for a number out of range.
    """

    requests: float = attrs.field(validator=_positive)
    per: float = attrs.field(default=1.0, validator=_positive)
    burst: int = attrs.field(default=1, validator=_at_least_one)


@runtime_checkable
class RateLimiter(Protocol):
    """Anything that makes a request wait for its turn, for example a limit that many machines share."""

    async def acquire(self) -> None:
        """Return when the next request may go out. One call stands for one request."""
        ...


#: The longest key file that is read, in bytes: a key is one line.
LONGEST_KEY_FILE = 8192
#: Where Docker and Kubernetes mount secrets, with modes of their own: nobody else gets into the container.
SECRET_MOUNTS = ("/run/secrets", "/var/run/secrets")
#: The host of a URL and its port. Brackets hold an IPv6 address, and nothing stands around them.
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[([0-9A-Fa-f:.]+)\])(?::[0-9]*)?").fullmatch


def text_from_environment(name: str, holds: str = "its value") -> str | None:
    """An environment variable without surrounding space; None if it is not set. `holds` says what belongs into it.

    Raises `ConfigurationError` for one that is set, but empty: whatever should have filled it did not.
    """
    text = os.environ.get(name)
    if text is not None and not text.strip():
        raise ConfigurationError(f"{name} is set, but empty: give it {holds}, or unset it")
    return text and text.strip()


def base_url(given: str | None, *, variable: str, default: str) -> str:
    """The base URL to use, without a slash at its end: the one given, else the variable's, else the default.

    Raises `ConfigurationError` unless it is https, or http to this machine itself: a key must not cross a network in
    the clear.
    """
    url = given if given is not None else os.environ.get(variable, "").strip() or default
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
    if not _is_authority(parts.netloc):
        raise ConfigurationError(f"{parts.netloc!r} in the base URL is no host: it must look like {default}")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ConfigurationError(f"the base URL must end before any '?' or '#', not {url!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"the base URL {url!r} would send the API key in the clear: use https")
    return url.rstrip("/")


def _is_authority(text: str) -> bool:
    """Whether this is a host and perhaps a port in every reader's eyes: some take [::1].evil.com for ::1."""
    found = _AUTHORITY(text)
    if found is None or found[1] is None:
        return found is not None
    try:
        ipaddress.IPv6Address(found[1])
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def key_from_environment(prefix: str, *, mounts: Sequence[str] = SECRET_MOUNTS) -> str:
    """The API key of the service whose variables begin with `prefix`.

    Looks at `<prefix>_API_KEY`, then at the file that `<prefix>_API_KEY_FILE` names, then at the keyring entry of
    that name if the keyring package is installed. The group of a file may read it, others may not, unless it lies in
    a folder of `mounts`. Raises `ConfigurationError` if there is no key, or a variable is empty, or others can read
    the file.
    """
    variable = f"{prefix}_API_KEY"
    if text_from_environment(variable, "the key") is not None:
        return os.environ[variable]
    path = text_from_environment(f"{variable}_FILE", "the path of a file with the key")
    if path:
        return _key_from_file(path, f"{variable}_FILE", mounts)
    key = _key_from_keyring(variable)
    if key:
        return key
    raise ConfigurationError(
        f"there is no API key: pass api_key, or set {variable}, or {variable}_FILE to a file that only you can read"
    )


def _key_from_file(path: str, variable: str, mounts: Sequence[str]) -> str:
    try:
        # opening a pipe would wait for whoever writes into it
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise ConfigurationError(f"{variable} names {path!r}, which is not a file")
        # what is opened is what is judged: a link cannot lead out of a mount, nor can ..
        real = Path(path).resolve()
        with real.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & stat.S_IRWXO and not _is_below(real, mounts):
                raise _open_to_others(path, variable, mode)
            content = file.read(LONGEST_KEY_FILE + 1)
    except OSError as error:
        raise ConfigurationError(f"the key file {path!r} of {variable} cannot be read: {error.strerror}") from None
    try:
        # the codec utf-8-sig would be one more file to load, perhaps in a running loop
        key = content.removeprefix(codecs.BOM_UTF8).decode().strip() if len(content) <= LONGEST_KEY_FILE else ""
    except UnicodeDecodeError:
        key = ""
    # an error's frames may be shown with what they hold
    del content
    if not key:
        raise ConfigurationError(f"the key file {path!r} of {variable} does not hold one line with a key")
    return key


def _is_below(real: Path, folders: Sequence[str]) -> bool:
    """Whether a real path lies below one of these folders, which may be links themselves."""
    return any(real.is_relative_to(Path(folder).resolve()) for folder in folders)


def _open_to_others(path: str, variable: str, mode: int) -> ConfigurationError:
    from shlex import quote

    return ConfigurationError(
        f"others can read the key file {path!r} of {variable} (mode {stat.S_IMODE(mode):04o}): "
        f"run chmod 600 {quote(path)}, or chmod 640 if its group has to read it"
    )


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
