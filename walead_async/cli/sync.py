"""`walead sync`: bring a list to what a file wants, by a plan that can be looked at, and go on from a journal."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import asynccontextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar, cast

import click

from walead_async import jobs
from walead_async.cli.journal import journal_option, opened_journal
from walead_async.cli.options import (
    FILE,
    ExitCode,
    Group,
    agreed,
    check_terminal,
    common,
    exit_code_of,
    in_event_loop,
    refuse_key,
    user_id,
    yes_option,
)
from walead_async.cli.output import count_of, error_words, one_line, progress, say, write_json, write_words
from walead_async.config import RateLimit
from walead_async.jobs.store import without_password
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

    from walead_async.cli.options import Decorator, ServiceOptions
    from walead_async.cli.output import ProgressDisplay
    from walead_async.jobs import ApplyReport, InvalidRow, Journal, Plan, PlanStatus

__all__ = ["sync_command"]

T = TypeVar("T")

NOTHING = "nothing was sent"
#: How much of a row's text is shown to people, and how many rows.
LONGEST = 60
SHOWN = 5


class PlanKeywords(TypedDict):
    """What `plan` and `run` of the library are told beside the source."""

    mode: Literal["add", "mirror"]
    column: tuple[str, ...] | None
    encoding: str | None
    campaign: str | None
    agent: str | None
    max_removals: int | None
    max_invalid: int
    min_rows: int
    keep: tuple[str, ...]
    take_over: bool
    rejected: str | None
    note: str | None
    by: str | None


class ApplyKeywords(TypedDict):
    """What `apply` and `run` of the library are told beside the plan."""

    allow_removals: int
    patience: float
    settle: float


def takes_plan_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add the source and the options of a plan; the command gets the options together, as `planning`."""

    @click.argument("source", type=FILE, metavar="SOURCE")
    @click.option(
        "--mode",
        type=click.Choice(["add", "mirror"]),
        default="add",
        help="add (the usual): block who is not blocked. mirror: also unblock whom SOURCE does not hold.",
    )
    @click.option(
        "--column",
        metavar="N",
        multiple=True,
        help="The column to take them from, if it is not plain; repeat it to take them from several.",
    )
    @click.option("--encoding", metavar="E", help="How a text file is written, if it is not plain.")
    @click.option("--campaign", metavar="C", help="The list of this campaign, whose blocks cannot be undone.")
    @click.option("--agent", metavar="A", help="The list of this Phonely voice agent; SOURCE holds numbers.")
    @click.option(
        "--max-removals",
        type=click.IntRange(min=0),
        metavar="N",
        help="Withhold removals if there are more than N; by default more than 10 that are more than 5 % of the list.",
    )
    @click.option(
        "--max-invalid",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="So many rows may be invalid (0) before removals are withheld, and the exit code of an apply is 1.",
    )
    @click.option(
        "--min-rows",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Withhold removals if SOURCE has fewer rows.",
    )
    @click.option(
        "--keep",
        type=FILE,
        metavar="F",
        multiple=True,
        help="Unblock nobody whom this file, or this outbox, names; repeatable.",
    )
    @click.option(
        "--take-over",
        is_flag=True,
        help="Make the records that stand there now the journal's own, so that it may unblock them, for good.",
    )
    @click.option(
        "--rejected", type=FILE, metavar="F", help="Where rows that cannot be used go, if not beside the journal."
    )
    @click.option("--note", metavar="TEXT", help="Why; kept with the plan.")
    @click.option("--by", metavar="WHO", help="Who plans this, if not user@host.")
    @user_id
    @wraps(command)
    def with_plan_options(source: str, uid: str | None, **given: object) -> T:
        planning = cast("PlanKeywords", {name: given.pop(name) for name in PlanKeywords.__annotations__})
        planning["column"] = planning["column"] or None
        _check(planning, uid)
        return command(source=source, planning=planning, uid=uid, **given)

    return with_plan_options


def _check(planning: PlanKeywords, uid: str | None) -> None:
    """Raise `click.UsageError` for options that do not fit each other."""
    removing = planning["take_over"] or planning["keep"] or planning["max_removals"] is not None
    if planning["campaign"] is not None and planning["agent"] is not None:
        raise click.UsageError("--campaign and --agent are two lists: make a plan for each")
    if uid is not None and planning["agent"] is None:
        raise click.UsageError("--uid is for --agent")
    if planning["mode"] == "mirror" and planning["campaign"] is not None:
        raise click.UsageError("--mode mirror is not for --campaign, since the API has no campaign unblock")
    if planning["mode"] == "mirror" and planning["agent"] == "all":
        raise click.UsageError("--mode mirror is not for --agent all: make a plan for each agent")
    if planning["mode"] == "add" and removing:
        raise click.UsageError("--max-removals, --keep and --take-over are about removals, which --mode mirror makes")


def takes_apply_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add the options of an apply; the command gets `yes`, `rate_limit`, and the others together, as `applying`."""

    @yes_option
    @click.option(
        "--allow-removals",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Release the removals that are withheld if there are no more than N: look at them first.",
    )
    @click.option(
        "--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="At most so many requests a second."
    )
    @click.option("--burst", type=click.IntRange(min=1), metavar="B", help="So many of them may go at once (1).")
    @click.option(
        "--patience",
        type=click.FloatRange(min=0),
        default=30.0,
        metavar="S",
        help="In an outage, wait until nothing has moved for so many seconds (30); at night, hours.",
    )
    @click.option(
        "--settle",
        type=click.FloatRange(min=0),
        default=15.0,
        metavar="S",
        help="Look at the list again until so many seconds after the last change (15), since lists may lag.",
    )
    @wraps(command)
    def with_apply_options(rate: float | None, burst: int | None, **given: object) -> T:
        if burst is not None and rate is None:
            raise click.UsageError("--burst is for --rate")
        rate_limit = None if rate is None else RateLimit(rate, burst=burst or 1)
        applying = cast("ApplyKeywords", {name: given.pop(name) for name in ApplyKeywords.__annotations__})
        return command(rate_limit=rate_limit, applying=applying, **given)

    return with_apply_options


plan_argument: Decorator = click.argument("plan_id", metavar="PLAN")


@asynccontextmanager
async def _opened_session(
    service: ServiceOptions, uid: str | None, rate_limit: RateLimit | None = None, *, phones: bool
) -> AsyncIterator[tuple[AsyncSession | VoiceAgentSession, ProgressDisplay]]:
    """The session of the workspace, or of a user's voice agents; and what shows on stderr how far a job is."""
    base_url, proxy, ca = service
    async with progress("rows read") as shown:
        session = (
            VoiceAgentSession(uid=uid, base_url=base_url, proxy=proxy, ssl=ca, rate_limit=rate_limit, hooks=[shown])
            if phones
            else AsyncSession(base_url=base_url, proxy=proxy, ssl=ca, rate_limit=rate_limit, hooks=[shown])
        )
        async with session:
            yield session, shown


@click.group("sync", cls=Group)
@refuse_key
def sync_command() -> None:
    """Bring a block list to what a file wants: plan, look, apply.

    A plan compares SOURCE with the list and changes nothing. An apply sends what is to change, and looks that it is so.
    Killed at any moment, it goes on when it is started again. The journal is one file: it keeps the plans, what became
    of each person, and who did what.
    """


@sync_command.command("plan")
@takes_plan_options
@journal_option
@common
@in_event_loop
async def plan_command(
    source: str, planning: PlanKeywords, uid: str | None, where: str, service: ServiceOptions, as_json: bool
) -> int:
    """Compare SOURCE with the list, and keep in the journal what would change.

    Nothing is sent. SOURCE goes by its suffix: .csv, .tsv, .txt, .jsonl, .xlsx or .parquet; - is standard input, one a
    line. Rows that cannot be used are shown, and written to a file of their own, to be mended; it exits with 0.
    """
    phones = planning["agent"] is not None
    async with (
        opened_journal(where, must_exist=False) as journal,
        _opened_session(service, uid, phones=phones) as (session, shown),
    ):
        try:
            plan = await jobs.plan(journal, session, source, **planning, progress=shown.step)
        except asyncio.CancelledError:
            say(f"So far: {shown}. No plan was made, and nothing was sent.")
            raise
    if as_json:
        write_json([_plan_fields(plan)])
    _print_plan(plan, planning, as_json=as_json)
    _print_words([], _next_steps(plan, where), as_json=as_json)
    return ExitCode.DONE if plan.ended_early is None else ExitCode.NOT_DONE


@sync_command.command("apply")
@plan_argument
@journal_option
@takes_apply_options
@user_id
@common
@in_event_loop
async def apply_command(
    plan_id: str,
    where: str,
    yes: bool,
    rate_limit: RateLimit | None,
    applying: ApplyKeywords,
    uid: str | None,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Send what a plan wants, and look that it is so.

    Blocks go first. Without --yes it asks, and where nobody can be asked it exits with 2, nothing sent. Stopped or
    killed, it goes on when it is started again. Exits with 0 only if the list was seen to be as wanted, and nothing was
    refused, is unknown or withheld, and no more rows were invalid than the plan's --max-invalid.
    """
    async with opened_journal(where) as journal:
        [plan] = await jobs.status(journal, plan_id)
        if plan.target.startswith("campaign:"):
            _say_for_good()
        if not yes:
            say(_status_words(plan))
            if not agreed("Apply it?", NOTHING):
                return ExitCode.NOT_DONE
        phones = plan.target.startswith("agent:")
        async with (
            _opened_session(service, uid, rate_limit, phones=phones) as (session, shown),
            _tally(journal, shown, plan_id),
        ):
            report = await jobs.apply(journal, session, plan_id, **applying, progress=shown.step)
    if as_json:
        write_json([_report_fields(report)])
    _print_words(_report_words(report), _failures(report, where), as_json=as_json)
    return _code_of(report)


@sync_command.command("run")
@takes_plan_options
@journal_option
@takes_apply_options
@common
@in_event_loop
async def run_command(
    source: str,
    planning: PlanKeywords,
    uid: str | None,
    where: str,
    yes: bool,
    rate_limit: RateLimit | None,
    applying: ApplyKeywords,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Plan and apply in one: the line for cron.

    The list is read once for both. A plan of the same list that was not finished is closed, since this one covers it.
    Without --yes it shows the plan and asks, and where nobody can be asked it exits with 2, nothing planned or sent.
    """
    if not yes:
        check_terminal(NOTHING, reads_standard_input=source == "-")
    if planning["campaign"] is not None:
        _say_for_good()
    opened_session = partial(_opened_session, service, uid, rate_limit, phones=planning["agent"] is not None)
    async with opened_journal(where, must_exist=False) as journal:
        if yes:
            async with opened_session() as (session, shown), _tally(journal, shown):
                plan, report = await jobs.run(journal, session, source, **planning, **applying, progress=shown.step)
            _print_plan(plan, planning, as_json=as_json)
        else:
            async with opened_session() as (session, shown), _tally(journal, shown):
                plan = await jobs.plan(journal, session, source, **planning, progress=shown.step)
            _print_plan(plan, planning, as_json=as_json)
            if not agreed("Apply it?", NOTHING):
                return ExitCode.NOT_DONE
            async with opened_session() as (session, shown), _tally(journal, shown, plan.id):
                report = await jobs.apply(journal, session, plan.id, **applying, progress=shown.step)
    if as_json:
        write_json([{**_plan_fields(plan), **_report_fields(report)}])
    _print_words(_report_words(report), _failures(report, where), as_json=as_json)
    code = _code_of(report)
    return ExitCode.NOT_DONE if code is ExitCode.DONE and plan.ended_early is not None else code


@asynccontextmanager
async def _tally(journal: Journal, shown: ProgressDisplay, plan_id: str | None = None) -> AsyncIterator[None]:
    """Where somebody interrupts, say on stderr how far it has come."""
    try:
        yield
    except asyncio.CancelledError:
        say(f"So far: {shown}. What was done is kept: start it again, and it goes on.")
        if plan_id is not None:
            [plan] = await jobs.status(journal, plan_id)
            say(_status_words(plan))
        raise


@sync_command.command("status")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@journal_option
@common
@in_event_loop
async def status_command(plan_id: str | None, where: str, service: ServiceOptions, as_json: bool) -> int:
    """Say how far a plan is, or each plan of the journal, a line a plan, the oldest first."""
    async with opened_journal(where) as journal:
        found = await jobs.status(journal, plan_id)
    if as_json:
        write_json(map(_status_fields, found))
    else:
        write_words(map(_status_words, found))
    return ExitCode.DONE


@sync_command.command("report")
@plan_argument
@journal_option
@click.option("--output", type=FILE, metavar="F.html", required=True, help="The file to write.")
@common
@in_event_loop
async def report_command(plan_id: str, where: str, output: str, service: ServiceOptions, as_json: bool) -> int:
    """Write what became of a plan as one HTML file, which only you can read.

    It names one by one whoever was not done, withheld or kept, and shows outcomes, requests and waits over time, and
    who did what. It needs nothing from elsewhere: open it in a browser, or print it.
    """
    async with opened_journal(where) as journal:
        await jobs.report(journal, plan_id, output)
    if as_json:
        write_json([{"plan": plan_id, "output": output}])
    else:
        write_words([output])
    return ExitCode.DONE


@sync_command.command("undo")
@plan_argument
@journal_option
@click.option("--note", metavar="TEXT", help="Why; kept with the new plan.")
@click.option("--by", metavar="WHO", help="Who takes it back, if not user@host.")
@user_id
@common
@in_event_loop
async def undo_command(
    plan_id: str,
    where: str,
    note: str | None,
    by: str | None,
    uid: str | None,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Make a plan that takes back what a plan has done; `walead sync apply` carries it out.

    It removes only records that were not there before and were there after, and blocks again whom the plan removed,
    with their reasons. What it leaves as it is, it says. A plan that was not finished is closed by it.
    """
    async with opened_journal(where) as journal:
        [undone] = await jobs.status(journal, plan_id)
        phones = undone.target.startswith("agent:")
        async with _opened_session(service, uid, phones=phones) as (session, shown):
            plan = await jobs.undo(journal, session, plan_id, note=note, by=by, progress=shown.step)
    if as_json:
        write_json([_plan_fields(plan)])
    _print_words(_plan_words(plan), [*_doubts(plan), *_next_steps(plan, where)], as_json=as_json)
    return ExitCode.DONE


def _print_plan(plan: Plan, planning: PlanKeywords, *, as_json: bool) -> None:
    """Write what a plan found."""
    _print_words(_plan_words(plan, named=planning["column"] is not None), _doubts(plan), as_json=as_json)


def _print_words(words: Iterable[str], troubles: Iterable[str], *, as_json: bool) -> None:
    """Write both for people; beside JSON, the troubles go to stderr."""
    if not as_json:
        write_words([*words, *troubles])
        return
    for line in troubles:
        say(line)


def _code_of(report: ApplyReport) -> ExitCode:
    if report.unknown:
        return ExitCode.UNKNOWN
    if report.error is not None:
        return exit_code_of(report.error, sent=True)
    return ExitCode.DONE if report.ok else ExitCode.NOT_DONE


def _plan_fields(plan: Plan) -> dict[str, object]:
    """A plan for JSON. `why_withheld` and `ended_early` are there if there is something to say."""
    fields: dict[str, object] = {
        "plan": plan.id,
        "block": plan.block,
        "unblock": plan.unblock,
        "withheld": plan.withheld,
        "already": plan.already,
        "duplicate": plan.duplicate,
        "invalid": plan.invalid,
        "kept": plan.kept,
        "reason_differs": plan.reason_differs,
        "rows": plan.rows,
        "column": plan.column,
        "invalid_rows": [{"line": row.line, "text": row.text, "why": row.why} for row in plan.invalid_rows],
        "rejected": None if plan.rejected is None else str(plan.rejected),
    }
    if plan.why_withheld:
        fields["why_withheld"] = plan.why_withheld
    if plan.ended_early is not None:
        fields["ended_early"] = plan.ended_early
    return fields


def _plan_words(plan: Plan, *, named: bool = False) -> Iterator[str]:
    """A plan as a table: what was read, and what would change. `named`: whether --column named the columns."""
    yield f"Plan {plan.id}: {plan.mode}, {plan.target}"
    taken = "one a line"
    if plan.column is not None:
        taken = f"from {plan.column!r}, {'as --column says' if named else 'a name that is known'}"
    differs = f"{plan.reason_differs:,} of them for another reason, which stays" if plan.reason_differs else ""
    read = [
        ("rows", plan.rows, taken),
        ("duplicate", plan.duplicate, ""),
        ("invalid", plan.invalid, "" if plan.rejected is None else f"all of them: {plan.rejected}"),
        ("already", plan.already, differs),
    ]
    change = [("block", plan.block, ""), ("unblock", plan.unblock, "")]
    held = [("withheld", plan.withheld, ""), ("kept", plan.kept, "")]
    listed = [("listed", plan.listed, f"on the list as it was read: {plan.verdict.name}")]
    if plan.mode == "undo":
        read = held = listed = []
    for name, count, why in [*read, *listed, *change, *(held if plan.mode == "mirror" else [])]:
        yield f"  {name:<10}{count:>12,}  {why}".rstrip()


def _doubts(plan: Plan) -> Iterator[str]:
    """What is not as one might think: invalid rows, guards that bite, what is kept or not undone."""
    for row in plan.invalid_rows[:SHOWN]:
        yield _row_words(row)
    if plan.invalid > SHOWN:
        yield f"  and {plan.invalid - min(SHOWN, len(plan.invalid_rows)):,} more invalid rows"
    if plan.ended_early is not None:
        yield f"The source was not read to its end: {one_line(plan.ended_early)}"
    if plan.cut is not None:
        unusable = plan.cut.line in {row.line for row in plan.invalid_rows}
        yield _row_words(plan.cut) + ("" if unusable else "; it is blocked all the same")
    for why in plan.why_withheld:
        yield f"{count_of(plan.withheld, 'removal')} withheld: {why}"
    for why, count in plan.why_kept.items():
        yield f"{count:,} kept: {why}"
    for why, count in plan.not_undone.items():
        yield f"{count:,} not undone: {why}"


def _row_words(row: InvalidRow) -> str:
    text = row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 3] + "..."
    return f"  line {row.line}: {text!r}: {one_line(row.why)}"


def _say_for_good() -> None:
    say("A campaign block cannot be undone: the API has no campaign unblock.")


def _next_steps(plan: Plan, where: str) -> Iterator[str]:
    journal = f" --journal {shlex.quote(without_password(where))}"
    if plan.rejected is not None and plan.mode == "add":
        yield f"Mend the rows in {plan.rejected}, and run that file as well."
    elif plan.rejected is not None:
        yield f"Mend the rows that stand in {plan.rejected} where they come from, and plan again."
    if plan.withheld:
        yield f"To see who is withheld: walead sync report {plan.id}{journal} --output report.html"
        yield f"To remove them all the same: walead sync apply {plan.id}{journal} --allow-removals {plan.withheld}"
    yield f"To carry it out: walead sync apply {plan.id}{journal}"


def _report_fields(report: ApplyReport) -> dict[str, object]:
    return {
        "plan": report.plan,
        "state": report.state,
        "counts": dict(report.counts),
        "verified": report.verified,
        "missing": report.missing,
        "extra": report.extra,
        "kept": report.kept,
        "withheld": report.withheld,
    }


def _report_words(report: ApplyReport) -> Iterator[str]:
    yield f"{report.plan}: {report.state}: {_counts_words(report.counts)}"


def _failures(report: ApplyReport, where: str) -> Iterator[str]:
    """What is not as wanted after an apply, and what to do."""
    journal = f" --journal {shlex.quote(without_password(where))}"
    if report.error is not None:
        yield f"walead: {error_words(report.error)}"
        yield f"To go on: walead sync apply {report.plan}{journal}"
    if report.missing:
        yield f"{report.missing:,} missing: wanted, and not on the closing list; apply it again"
    if report.extra:
        yield f"{report.extra:,} extra: to be removed, and still on the closing list; apply it again"
    if report.invalid > report.max_invalid:
        yield f"{count_of(report.invalid, 'row')} of the source could not be used"
    if not report.ok:
        yield f"Each of them by name: walead sync report {report.plan}{journal} --output report.html"


def _status_fields(plan: PlanStatus) -> dict[str, object]:
    return {
        "plan": plan.plan,
        "state": plan.state,
        "done": plan.done,
        "total": plan.total,
        "counts": dict(plan.counts),
    }


def _status_words(plan: PlanStatus) -> str:
    made = f"{plan.mode}, {plan.target}, {plan.created_at:%Y-%m-%d %H:%M} UTC by {plan.by}"
    note = f" ({one_line(plan.note)})" if plan.note else ""
    return f"{plan.plan}: {plan.state}: {plan.done:,} of {plan.total:,}: {_counts_words(plan.counts)}; {made}{note}"


def _counts_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {end}" for end, count in counts.items() if count) or "nothing to do"
