"""`walead doctor`: is everything there, and what is to be done if not."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import sys
from contextlib import aclosing
from enum import StrEnum
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
from rich.text import Text

from walead_async import config
from walead_async.cli.output import console, visible, write_json
from walead_async.cli.program import ExitCode
from walead_async.config import RetryPolicy, Timeouts
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
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

__all__ = [
    "PHONELY",
    "WALEAD",
    "Finding",
    "Service",
    "State",
    "connection",
    "examine",
    "installation",
    "key_finding",
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


def key_finding(service: Service) -> Finding:
    """Whether there is a key, and where it comes from."""
    variable = f"{service.prefix}_API_KEY"
    try:
        config.key_from_environment(service.prefix)
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


ONCE = RetryPolicy(attempts=1, deadline=PATIENCE)
SOON = Timeouts(connect=PATIENCE, read=PATIENCE, total=PATIENCE)
STYLES = {State.OK: "green", State.WRONG: "bold red", State.FAILED: "bold red", State.SKIPPED: "dim"}


async def examine(base_url: str | None, *, uid: str | None, agent: str | None, as_json: bool) -> int:
    """Make every check, print the findings and return the exit code."""
    findings: list[Finding] = []
    async with aclosing(_findings(base_url, uid, agent)) as found:
        async for finding in found:
            if not as_json:
                _print(finding, after=findings[-1] if findings else None)
            findings.append(finding)
    code = _code(findings)
    if as_json:
        write_json([{"ok": code is ExitCode.DONE, "findings": [attrs.asdict(finding) for finding in findings]}])
    else:
        console().print("\nAll is well." if code is ExitCode.DONE else "\nSomething is to be done: see above.")
    return code


async def _findings(base_url: str | None, uid: str | None, agent: str | None) -> AsyncGenerator[Finding]:
    """Every finding, as soon as it is known. A service that nothing is set for is left out, WaLead only for Phonely."""
    for finding in installation():
        yield finding
    wants_phonely = bool(variables(PHONELY)) or uid is not None or agent is not None
    wants_walead = bool(variables(WALEAD)) or base_url is not None or not wants_phonely
    for service, wanted, given, ask in (
        (WALEAD, wants_walead, base_url, _read_leads),
        (PHONELY, wants_phonely, None, partial(_read_numbers, uid, agent)),
    ):
        if not wanted:
            yield Finding(service.name, "variables", State.SKIPPED, f"none is set, so {service.name} is not looked at")
            continue
        async with aclosing(_service(service, given, ask)) as found:
            async for finding in found:
                yield finding


async def _service(
    service: Service, base_url: str | None, ask: Callable[[str], Awaitable[str | None]]
) -> AsyncGenerator[Finding]:
    """What is to be found out of one service. It is asked for its list only if it can be reached and there is a key."""
    yield Finding(service.name, "variables", State.OK, ", ".join(variables(service)) or "none is set")
    key = key_finding(service)
    yield key
    try:
        address = config.base_url(base_url, variable=f"{service.prefix}_BASE_URL", default=service.address)
    except ConfigurationError as error:
        yield Finding(service.name, "address", State.WRONG, str(error))
        return
    yield Finding(service.name, "address", State.OK, address)
    reached = await connection(service, address)
    for finding in reached:
        yield finding
    if all(finding.state is State.OK for finding in (key, *reached)):
        yield await reading(service, partial(ask, address))


async def _read_leads(address: str) -> str | None:
    async with AsyncSession(base_url=address, retry=ONCE, timeouts=SOON) as session:
        await session.blocked_leads.list().first()
    return "the list can be read with this key"


async def _read_numbers(uid: str | None, agent: str | None, address: str) -> str | None:
    async with VoiceAgentSession(uid=uid, base_url=address, retry=ONCE, timeouts=SOON) as phones:
        if agent is None:
            return None
        await phones.agent(agent).block_list.list().first()
    return "the agent's list can be read with this key"


def _code(findings: Sequence[Finding]) -> ExitCode:
    states = {finding.state for finding in findings}
    if State.WRONG in states:
        return ExitCode.WRONG
    return ExitCode.NOT_DONE if State.FAILED in states else ExitCode.DONE


def _print(finding: Finding, *, after: Finding | None) -> None:
    shown = console()
    if after is None or after.about != finding.about:
        shown.print(Text(finding.about if after is None else f"\n{finding.about}", style="bold"))
    detail, advice = visible(finding.detail), visible(finding.advice or "")
    if advice and finding.state is State.SKIPPED:
        detail, advice = f"{detail}: {advice}", ""
    state = (f"{finding.state:<8}", STYLES[finding.state])
    shown.print(Text.assemble("  ", state, f"{finding.check:<14}", detail), soft_wrap=True)
    if advice:
        shown.print(Text(f"{'':<24}{advice}", style="italic"), soft_wrap=True)
