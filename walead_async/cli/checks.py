"""What `walead doctor` looks at: each check is one finding, with what to do if it is bad."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import sys
from enum import StrEnum
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from walead_async import configuration
from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
    WaleadError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = [
    "PHONELY",
    "WALEAD",
    "Finding",
    "Service",
    "State",
    "connection",
    "installation",
    "key",
    "reading",
    "variables",
]

#: How long a look-up, a connection or the answer to the one request may take, in seconds.
PATIENCE = 10.0


class State(StrEnum):
    """How a check ended. WRONG: the configuration; FAILED: the service or the way to it; SKIPPED: not looked at."""

    OK = "ok"
    WRONG = "wrong"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class Finding:
    """One check: what was looked at, how it is, and what to do about it."""

    about: str
    check: str
    state: State
    detail: str
    advice: str | None = None


@attrs.frozen
class Service:
    """One of the two services: its name, the prefix of its variables and its usual address."""

    name: str
    prefix: str
    address: str


WALEAD = Service("WaLead", "WALEAD", "https://app-api.walead.ai/api")
PHONELY = Service("Phonely", "PHONELY", "https://app.phonely.ai/api")


def installation() -> Iterator[Finding]:
    """The versions of the package and of what it needs, and which extras are installed."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("installation", "python", State.OK, python)
    needed, extras = _requirements()
    yield Finding("installation", "walead_async", State.OK, f"{metadata.version('walead_async')}, {_versions(needed)}")
    for extra, names in extras.items():
        if any(_version(name) is None for name in names):
            advice = f'python -m pip install "walead_async[{extra}]"'
            yield Finding("installation", f"[{extra}]", State.SKIPPED, "not installed", advice)
        else:
            yield Finding("installation", f"[{extra}]", State.OK, _versions(names))


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    """What the base install and each extra need, by the package's own metadata."""
    needed: list[str] = []
    extras: dict[str, list[str]] = {}
    for requirement in metadata.requires("walead_async") or ():
        name = re.split(r"[^\w-]", requirement)[0]
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        if extra is None:
            needed.append(name)
        elif name != "walead_async":
            extras.setdefault(extra[1], []).append(name)
    return needed, {extra: names for extra, names in extras.items() if extra != "all"}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _versions(names: list[str]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in names)


def variables(service: Service) -> list[str]:
    """The names of the service's variables that are set. Their values are nobody's business."""
    return sorted(name for name in os.environ if name.startswith(f"{service.prefix}_"))


def key(service: Service) -> Finding:
    """Whether there is a key, and where it comes from."""
    variable = f"{service.prefix}_API_KEY"
    try:
        configuration.key_from_environment(service.prefix)
    except ConfigurationError as error:
        return Finding(service.name, "key", State.WRONG, str(error))
    if variable in os.environ:
        source = variable
    elif os.environ.get(f"{variable}_FILE"):
        source = f"the file that {variable}_FILE names, which only you can read"
    else:
        source = "the keyring"
    return Finding(service.name, "key", State.OK, f"from {source}")


async def connection(service: Service, address: str) -> list[Finding]:
    """Whether the host has an address, and takes a connection. Nothing is sent over it."""
    parts = urlsplit(address)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    loop = asyncio.get_running_loop()
    named = await _tried(
        service,
        "name",
        lambda: loop.getaddrinfo(host, port, type=socket.SOCK_STREAM),
        lambda found: f"{host}: {', '.join(dict.fromkeys(str(entry[4][0]) for entry in found))}",
    )
    if named.state is not State.OK:
        return [named]

    async def connect() -> str:
        _, writer = await asyncio.open_connection(host, port, ssl=secure or None)
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        version = tls.version() if tls is not None else None
        writer.transport.abort()
        return version or "without TLS, which is allowed on this machine itself"

    return [named, await _tried(service, "connection", connect, lambda how: f"port {port}, {how}")]


async def _tried(
    service: Service, check: str, attempt: Callable[[], Awaitable[object]], words: Callable[..., str]
) -> Finding:
    """The finding of one network step."""
    try:
        async with asyncio.timeout(PATIENCE):
            return Finding(service.name, check, State.OK, words(await attempt()))
    except TimeoutError:
        detail, advice = f"nothing within {PATIENCE:g} s", "a firewall may be in the way, or a proxy is needed"
    except ssl.SSLCertVerificationError as error:
        detail = f"the certificate is not accepted: {error.verify_message}"
        advice = "a proxy may stand in between, or this machine's clock or certificates are out of date"
    except ssl.SSLError as error:
        detail, advice = f"TLS failed: {error.reason}", "check the address and its port"
    except socket.gaierror as error:
        detail, advice = f"no address is known: {error.strerror}", "check the host's spelling, and this machine's DNS"
    except OSError as error:
        detail = error.strerror or type(error).__name__
        advice = "check the address and its port, and whether a firewall is in the way"
    return Finding(service.name, check, State.FAILED, detail, advice)


async def reading(service: Service, ask: Callable[[], Awaitable[str | None]]) -> Finding:
    """Whether the service answers a request that lists; `ask` sends it and says what came, None if it cannot."""
    try:
        answer = await ask()
    except (ConfigurationError, InvalidInputError) as error:
        return Finding(service.name, "answer", State.WRONG, str(error))
    except WaleadError as error:
        return Finding(service.name, "answer", State.FAILED, str(error), _advice(error, service))
    if answer is None:
        return Finding(service.name, "answer", State.SKIPPED, "only an agent's list can be read", "give --agent")
    return Finding(service.name, "answer", State.OK, answer)


def _advice(error: WaleadError, service: Service) -> str | None:
    if isinstance(error, AuthenticationError):
        return f"copy the key again from {service.name}, or make a new one"
    if isinstance(error, PermissionDeniedError):
        return "ask the owner of the workspace what this key may do"
    if isinstance(error, RateLimitedError):
        return "wait a little; the key and the address are right"
    if isinstance(error, ServerError):
        return "the service has a fault of its own: try again later"
    if isinstance(error, (APIError, UnexpectedResponseError)):
        return f"this is not {service.name}'s API: check the base URL (the usual one is {service.address})"
    return None
