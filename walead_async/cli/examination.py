"""What `walead doctor` does: one check after the other, printed as they end."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import attrs
from rich.text import Text

from walead_async import configuration
from walead_async.cli import checks
from walead_async.cli.checks import PHONELY, WALEAD, Finding, Service, State
from walead_async.cli.codes import ExitCode
from walead_async.cli.output import console, write_json
from walead_async.cli.words import visible
from walead_async.errors import ConfigurationError
from walead_async.session import AsyncSession, VoiceAgentSession
from walead_async.transport.options import RetryPolicy, Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

__all__ = ["examine"]

ONCE = RetryPolicy(attempts=1, deadline=checks.PATIENCE)
SOON = Timeouts(connect=checks.PATIENCE, read=checks.PATIENCE, total=checks.PATIENCE)
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
    for finding in checks.installation():
        yield finding
    wants_phonely = bool(checks.variables(PHONELY)) or uid is not None or agent is not None
    wants_walead = bool(checks.variables(WALEAD)) or base_url is not None or not wants_phonely
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
    yield Finding(service.name, "variables", State.OK, ", ".join(checks.variables(service)) or "none is set")
    key = checks.key(service)
    yield key
    try:
        address = configuration.base_url(base_url, variable=f"{service.prefix}_BASE_URL", default=service.address)
    except ConfigurationError as error:
        yield Finding(service.name, "address", State.WRONG, str(error))
        return
    yield Finding(service.name, "address", State.OK, address)
    reached = await checks.connection(service, address)
    for finding in reached:
        yield finding
    if all(finding.state is State.OK for finding in (key, *reached)):
        yield await checks.reading(service, partial(ask, address))


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
