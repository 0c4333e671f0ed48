"""`walead doctor`: is everything there, and what is to be done if not."""

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
import click
from rich.text import Text

from walead_async import config
from walead_async.cli.options import ExitCode, ServiceOptions, common, in_event_loop, user_id
from walead_async.cli.output import console, error_words, fitted, visible, write_json
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
from walead_async.transport.http import proxy_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["PHONELY", "WALEAD", "Findings", "Service", "State", "doctor_command"]

#: How long a look-up, a connection or the answer to the one request may take, in seconds.
PATIENCE = 10.0
ONCE = RetryPolicy(attempts=1, deadline=PATIENCE)
SOON = Timeouts(connect=PATIENCE, read=PATIENCE, total=PATIENCE)


class State(StrEnum):
    """How a check ended. WRONG: the configuration; FAILED: the service or the way to it; SKIPPED: not looked at."""

    OK = "ok"
    WRONG = "wrong"
    FAILED = "failed"
    SKIPPED = "skipped"


STYLES = {State.OK: "green", State.WRONG: "bold red", State.FAILED: "bold red", State.SKIPPED: "dim"}


@attrs.frozen
class Service:
    """One of the two services: its name, the prefix of its variables and its usual address."""

    name: str
    prefix: str
    address: str

    @property
    def variables(self) -> list[str]:
        """The names of its variables that are set. Their values are nobody's business."""
        return sorted(name for name in os.environ if name.startswith(f"{self.prefix}_"))


WALEAD = Service("WaLead", "WALEAD", "https://app-api.walead.ai/api")
PHONELY = Service("Phonely", "PHONELY", "https://app.phonely.ai/api")


class Findings:
    """What was looked at, how it is, and what to do about it; printed as it is found, unless it goes out as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self.all: list[dict[str, str | None]] = []
        self._as_json = as_json

    def add(self, about: str, check: str, state: State, detail: str, advice: str | None = None) -> bool:
        """Keep and print the end of one check. True if it is well."""
        if not self._as_json:
            self._print(about, check, state, detail, advice)
        self.all.append({"about": about, "check": check, "state": state, "detail": detail, "advice": advice})
        return state is State.OK

    def _print(self, about: str, check: str, state: State, detail: str, advice: str | None) -> None:
        out = console()
        if not self.all or self.all[-1]["about"] != about:
            out.print(Text(f"\n{about}" if self.all else about, style="bold"))
        if advice and state is State.SKIPPED:
            detail, advice = f"{detail}: {advice}", None
        line = Text(fitted(f"  {state:<8}{check:<14}{visible(detail)}", sys.stdout, indent=24))
        line.stylize(STYLES[state], 2, 2 + len(state))
        out.print(line, soft_wrap=True)
        if advice:
            line = Text(fitted(f"{'':<24}{visible(advice)}", sys.stdout, indent=24), style="italic")
            out.print(line, soft_wrap=True)

    def code(self) -> ExitCode:
        """The exit code: a wrong configuration outranks a service that failed."""
        states = {finding["state"] for finding in self.all}
        if State.WRONG in states:
            return ExitCode.WRONG
        return ExitCode.NOT_DONE if State.FAILED in states else ExitCode.DONE


@click.command("doctor")
@click.option("--agent", metavar="AGENT", help="A Phonely agent whose list to read, which is the way to try that key.")
@user_id
@common
@in_event_loop
async def doctor_command(agent: str | None, uid: str | None, service: ServiceOptions, as_json: bool) -> int:
    """Check configuration, key and reachability, and say what to do.

    Nothing is changed: the most that is sent is one request that lists. Keys are never shown. Exits with 2 if the
    configuration is wrong, with 1 if a service cannot be reached or does not take the key.
    """

    async def read_leads(address: str) -> None:
        async with AsyncSession(
            base_url=address, proxy=service.proxy, ssl=service.ca, retry=ONCE, timeouts=SOON
        ) as session:
            await session.blocked_leads.list().first()

    async def read_numbers(address: str) -> None:
        async with VoiceAgentSession(
            uid=uid, base_url=address, proxy=service.proxy, ssl=service.ca, retry=ONCE, timeouts=SOON
        ) as phones:
            if agent is not None:
                await phones.agent(agent).block_list.list().first()

    findings = Findings(as_json=as_json)
    _examine_installation(findings)
    wants_phonely = bool(PHONELY.variables) or uid is not None or agent is not None
    if WALEAD.variables or service.base_url is not None or not wants_phonely:
        await _examine_service(findings, WALEAD, service, read_leads, "the list can be read with this key")
    else:
        _skip(findings, WALEAD)
    if wants_phonely:
        said = None if agent is None else "the agent's list can be read with this key"
        await _examine_service(findings, PHONELY, service._replace(base_url=None), read_numbers, said)
    else:
        _skip(findings, PHONELY)
    code = findings.code()
    if as_json:
        write_json([{"ok": code is ExitCode.DONE, "findings": findings.all}])
    else:
        console().print("\nAll is well." if code is ExitCode.DONE else "\nSomething is to be done: see above.")
    return code


def _skip(findings: Findings, service: Service) -> None:
    findings.add(service.name, "variables", State.SKIPPED, f"none is set, so {service.name} is not looked at")


def _examine_installation(findings: Findings) -> None:
    """The versions of the package and of what it needs, and which extras are installed."""
    findings.add("installation", "python", State.OK, ".".join(map(str, sys.version_info[:3])))
    needed: list[str] = []
    extras: dict[str, list[str]] = {}
    for requirement in metadata.requires("walead_async") or ():
        name = re.split(r"[^\w-]", requirement)[0]
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        if extra is None:
            needed.append(name)
        elif name != "walead_async" and extra[1] != "all":
            extras.setdefault(extra[1], []).append(name)
    version = metadata.version("walead_async")
    findings.add("installation", "walead_async", State.OK, f"{version}, {_versions(needed)}")
    for extra_name, names in extras.items():
        if (versions := _versions(names)) is not None:
            findings.add("installation", f"[{extra_name}]", State.OK, versions)
        else:
            advice = f'python -m pip install "walead_async[{extra_name}]"'
            findings.add("installation", f"[{extra_name}]", State.SKIPPED, "not installed", advice)


def _versions(names: list[str]) -> str | None:
    """The packages with their versions; None if one is not installed."""
    try:
        return ", ".join(f"{name} {metadata.version(name)}" for name in names)
    except metadata.PackageNotFoundError:
        return None


async def _examine_service(
    findings: Findings,
    service: Service,
    options: ServiceOptions,
    read: Callable[[str], Awaitable[None]],
    said: str | None,
) -> None:
    """What is to be found out of one service. It is asked for its list only if it can be reached and there is a key.

    `read` asks it, and `said` is what an answer proves; None if there is nothing to be asked for.
    """
    name = service.name
    findings.add(name, "variables", State.OK, ", ".join(service.variables) or "none is set")
    has_key = _examine_key(findings, service)
    try:
        address = config.base_url(options.base_url, variable=f"{service.prefix}_BASE_URL", default=service.address)
    except ConfigurationError as error:
        findings.add(name, "address", State.WRONG, error_words(error))
        return
    findings.add(name, "address", State.OK, address)
    try:
        parts = urlsplit(address)
        proxy = proxy_for(parts.scheme, parts.hostname or "", options.proxy)
    except ConfigurationError as error:
        findings.add(name, "proxy", State.WRONG, error_words(error))
        return
    if proxy is not None:
        # it looks the name up, and connects
        source = "--proxy" if options.proxy else "HTTPS_PROXY"
        findings.add(name, "proxy", State.OK, f"{proxy.with_user(None)}, from {source}")
    elif not await _examine_connection(findings, service, address):
        return
    if not has_key:
        return
    try:
        await read(address)
    except (ConfigurationError, InvalidInputError) as error:
        findings.add(name, "answer", State.WRONG, error_words(error))
    except WaleadError as error:
        findings.add(name, "answer", State.FAILED, error_words(error), _advice(error, service))
    else:
        if said is None:
            findings.add(name, "answer", State.SKIPPED, "only an agent's list can be read", "give --agent")
        else:
            findings.add(name, "answer", State.OK, said)


def _examine_key(findings: Findings, service: Service) -> bool:
    """Whether there is a key, and where it comes from."""
    variable = f"{service.prefix}_API_KEY"
    try:
        config.key_from_environment(service.prefix)
    except ConfigurationError as error:
        return findings.add(service.name, "key", State.WRONG, error_words(error))
    if variable in os.environ:
        source = variable
    elif os.environ.get(f"{variable}_FILE"):
        source = f"the file that {variable}_FILE names, which only you can read"
    else:
        source = "the keyring"
    return findings.add(service.name, "key", State.OK, f"from {source}")


async def _examine_connection(findings: Findings, service: Service, address: str) -> bool:
    """Whether the host has an address, and takes a connection. Nothing is sent over it."""
    parts = urlsplit(address)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)

    async def look_up() -> str:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return f"{host}: {', '.join(dict.fromkeys(str(entry[4][0]) for entry in found))}"

    async def connect() -> str:
        _, writer = await asyncio.open_connection(host, port, ssl=secure or None)
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        version = tls.version() if tls is not None else None
        writer.transport.abort()
        return f"port {port}, {version or 'without TLS, which is allowed on this machine itself'}"

    if not await _examine_step(findings, service, "name", look_up()):
        return False
    return await _examine_step(findings, service, "connection", connect())


async def _examine_step(findings: Findings, service: Service, check: str, step: Coroutine[object, object, str]) -> bool:
    """One step on the network, which says what it found."""
    try:
        async with asyncio.timeout(PATIENCE):
            found = await step
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
    else:
        return findings.add(service.name, check, State.OK, found)
    return findings.add(service.name, check, State.FAILED, detail, advice)


def _advice(error: WaleadError, service: Service) -> str | None:
    match error:
        case AuthenticationError():
            return f"copy the key again from {service.name}, or make a new one"
        case PermissionDeniedError():
            return "ask the owner of the workspace what this key may do"
        case RateLimitedError():
            return "wait a little; the key and the address are right"
        case ServerError():
            return "the service has a fault of its own: try again later"
        case APIError() | UnexpectedResponseError():
            return f"this is not {service.name}'s API: check the base URL (the usual one is {service.address})"
        case _:
            return None
