"""A plan as one HTML file: what became of its changes, when, and by name whatever is not as wanted.

The file needs nothing from elsewhere and runs no script. Names, reasons and what services said are hostile text: each
is escaped, and what could turn a line of text around is spelled out.
"""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from walead_async.files.delimited import undefused
from walead_async.files.export import beside, put_in_place, told
from walead_async.jobs import records
from walead_async.jobs.journal import TOLD, status
from walead_async.jobs.parts import unescaped

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from walead_async.jobs.journal import Journal
    from walead_async.jobs.records import RemarkableItem, StoredPlan
    from walead_async.jobs.values import PlanStatus

__all__ = ["report"]

#: Items that are read from the journal at once.
AT_ONCE = 5_000
#: Bars of a chart, at most.
BARS = 120
WIDTH, HEIGHT = 720, 120

#: The ends of items, in the order in which they are told, each with what it means and what to do.
ENDS = {
    "unknown": "It may have been carried out or not. Apply the plan again: the list tells, and a block is repeated.",
    "refused": "The service did not take it. Its reason stands in each line.",
    "invalid": "It was not sent, since it cannot be one.",
    "not_sent": "Its turn did not come. Apply the plan again.",
    "withheld": "These would be removed, but for what is named above. They stay until somebody has looked at them and "
    "applies the plan with --allow-removals.",
    "kept": "These records stay.",
    "done": "It was answered as done, and the list shows otherwise.",
    "already": "Nothing had to be sent, for this reason.",
}
COLOURS = {"done": "good", "already": "pale", "kept": "calm", "withheld": "warm", "not_sent": "open"}


async def report(journal: Journal, plan_id: str, output: str | os.PathLike[str]) -> None:
    """Write what became of a plan to one HTML file, which only its owner can read.

    It names one by one whoever was not done, is withheld or kept, or does not stand on the closing list as wanted, and
    shows outcomes, requests and waits over time, and who did what. It is moved into place when it is whole.

    Raises `InvalidInputError` if there is no such plan, `JournalError` if there is no journal or it cannot be read, and
    `SourceError` if the file cannot be written.
    """
    store = journal.store
    [state] = await status(journal, plan_id)
    [plan] = await store.read(lambda db: records.plans(db, plan_id))
    counts = await store.read(lambda db: records.counts(db, plan.number))
    events = await store.read(lambda db: records.events(db, plan_id))
    path = Path(output)
    with told(path), beside(path) as (file, unfinished):
        _write(file, _head(plan, state, counts, events))
        nobody = ["<p>Nobody.</p>\n"]
        for action, end in sorted(counts, key=_order):
            title = f"{'To block' if action == 'block' else 'To unblock'}: {_told(end)}"
            about, at = [f"<h3>{_text(title)}</h3><p>{ENDS[_told(end)]}</p>"], (-1, -1)
            while True:
                page = partial(records.remarkable_items, plan=plan.number, action=action, state=end, after=at)
                items = await store.read(partial(page, count=AT_ONCE))
                if not items:
                    break
                at = (items[-1].part, items[-1].number)
                _write(file, [*about, _table(("who", "reason", "record", "dated", "why"), map(_item_cells, items))])
                about, nobody = [], []
        _write(file, nobody)
        _write(file, _tail(plan, events))
        await asyncio.to_thread(put_in_place, file, unfinished, path)


def _write(file: IO[bytes], pieces: Iterable[str]) -> None:
    for piece in pieces:
        file.write(piece.encode(errors="replace"))


def _told(end: str) -> str:
    return TOLD.get(end, end)


def _order(counted: tuple[str, str]) -> tuple[int, str]:
    return list(ENDS).index(_told(counted[1])), counted[0]


def _text(text: object) -> str:
    """Any text as HTML. What cannot be seen, or turns text around, is spelled out."""
    shown = str(text)
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in shown)
    return escape(shown)


def _moment(microseconds: int | None) -> str:
    if microseconds is None:
        return ""
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def _table(titles: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    head = "".join(f"<th>{_text(title)}</th>" for title in titles)
    body = "\n".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>\n"


def _item_cells(item: RemarkableItem) -> Iterator[object]:
    record_id, created, _, reason = map(unescaped, (item.record or "\x1f\x1f\x1f").split("\x1f"))
    return iter((item.key, item.reason or reason, record_id, created[:19].replace("T", " "), item.detail or ""))


def _head(
    plan: StoredPlan, state: PlanStatus, counts: Mapping[tuple[str, str], int], events: Sequence[records.Event]
) -> Iterator[str]:
    """All that stands above the names."""
    title = f"{plan.id}: {state.state}"
    yield (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<style>{STYLE}</style></head><body>\n<h1>{_text(title)}</h1>\n"
    )
    summary = plan.summary
    facts: list[tuple[str, object]] = [
        ("list", f"{plan.target} at {plan.base_url}"),
        ("mode", plan.mode),
        ("planned", f"{_moment(plan.made_at)} UTC by {plan.by_whom}"),
        ("note", plan.note or ""),
        ("last applied", f"{_moment(plan.applied_at)} UTC" if plan.applied_at else "never"),
        ("source", "" if plan.mode == "undo" else f"{_count(summary, 'rows')} rows"),
        ("of these", _of_these(summary) if plan.mode != "undo" else ""),
        ("missing", f"{state.missing:,} wanted, and not on the closing list" if state.missing else ""),
        ("extra", f"{state.extra:,} to be removed, and still on the closing list" if state.extra else ""),
    ]
    yield "<dl>" + "".join(f"<dt>{name}</dt><dd>{_text(fact)}</dd>" for name, fact in facts if fact) + "</dl>\n"
    yield "<h2>What became of the changes</h2>\n"
    yield from _outcomes(counts)
    yield "<h2>Requests and waits</h2>\n"
    yield from _over_time(events)
    yield from _guards(summary)
    yield "<h2>Not as wanted, withheld or kept</h2>\n"


def _count(summary: Mapping[str, Any], name: str) -> str:
    return f"{int(summary.get(name) or 0):,}"


def _of_these(summary: Mapping[str, Any]) -> str:
    names = ("block", "already", "duplicate", "invalid")
    return ", ".join(f"{_count(summary, name)} {'to block' if name == 'block' else name}" for name in names)


def _outcomes(counts: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """A bar for each kind of change, parted by ends."""
    if not counts:
        yield "<p>There was nothing to change.</p>\n"
        return
    for action in ("block", "unblock"):
        ends = [(_told(end), counts[one, end]) for one, end in sorted(counts, key=_order) if one == action]
        total = sum(count for _, count in ends)
        if not total:
            continue
        words = ", ".join(f"{count:,} {end}" for end, count in ends)
        bars, x = [], 0.0
        for end, count in ends:
            width = WIDTH * count / total
            bars.append(
                f'<rect class="{COLOURS.get(end, "bad")}" x="{x:.2f}" width="{max(width, 1.0):.2f}" height="18">'
                f"<title>{count:,} {end}</title></rect>"
            )
            x += width
        yield (
            f'<figure><figcaption>{total:,} to {action}: {words}</figcaption><svg viewBox="0 0 {WIDTH} 18" role="img" '
            f'aria-label="{total} to {action}: {words}">{"".join(bars)}</svg></figure>\n'
        )
    shown = list(dict.fromkeys(_told(end) for _, end in sorted(counts, key=_order)))
    yield "<p class='legend'>" + " ".join(f'<span class="{COLOURS.get(end, "bad")}">{end}</span>' for end in shown)
    yield "</p>\n"


class _Stretch(NamedTuple):
    """What was done in a stretch of time: when it began, how many seconds it lasted, and the sums of `Activity`."""

    begins: int
    seconds: float
    sums: Mapping[str, int]


def _stretches(events: Sequence[records.Event]) -> list[_Stretch]:
    """What applies have recorded, one stretch after the other; of many, neighbours are one."""
    activity = [event for event in events if event.what == "activity" and event.detail.get("lasted_ms")]
    together = -(-len(activity) // BARS) or 1
    found = []
    for at in range(0, len(activity), together):
        sums: Counter[str] = Counter()
        for event in activity[at : at + together]:
            sums.update(event.detail)
        begins = activity[at].at - 1000 * activity[at].detail["lasted_ms"]
        found.append(_Stretch(begins, sums["lasted_ms"] / 1000, sums))
    return found


def _over_time(events: Sequence[records.Event]) -> Iterator[str]:
    """Charts of all stretches."""
    stretches = _stretches(events)
    if not stretches:
        yield "<p>Nothing was recorded: it was not applied, or not for long enough.</p>\n"
        return
    yield from _chart("Items a second", stretches, {"settled": "good"})
    yield from _chart("Requests a second", stretches, {"answered": "line", "failed": "bad"})
    waits = {"waited_ms": "calm", "paused_ms": "warm"}
    yield from _chart(
        "Waiting at once: requests for a limit or a retry, the job for an outage or a list", stretches, waits
    )


def _chart(title: str, stretches: Sequence[_Stretch], series: Mapping[str, str]) -> Iterator[str]:
    """A bar for each stretch, as wide as it lasted: the sums of these a second, one upon the other."""
    last = stretches[-1]
    scale = WIDTH / sum(stretch.seconds for stretch in stretches)
    highest = max(sum(map(partial(_rate, stretch), series)) for stretch in stretches)
    totals = {name: sum(stretch.sums.get(name, 0) for stretch in stretches) for name in series}
    words = ", ".join(_amount(name, total) for name, total in totals.items())
    bars, x = [], 0.0
    for stretch in stretches:
        width, y = scale * stretch.seconds, float(HEIGHT)
        about = ", ".join(_amount(name, stretch.sums.get(name, 0)) for name in series)
        bars.append(f"<g><title>{_moment(stretch.begins)} UTC, {stretch.seconds:.0f} s: {about}</title>")
        for name, colour in series.items():
            height = HEIGHT * _rate(stretch, name) / highest if highest else 0.0
            y -= height
            bars.append(
                f'<rect class="{colour}" x="{x:.2f}" y="{y:.2f}" width="{max(width - 1, 0.5):.2f}" '
                f'height="{height:.2f}"/>'
            )
        bars.append("</g>\n")
        x += width
    keys = "".join(f'<span class="{colour}">{name.removesuffix("_ms")}</span>' for name, colour in series.items())
    ends = _moment(last.begins + round(1_000_000 * last.seconds))
    yield (
        f"<figure><figcaption>{title}, up to {highest:,.1f} ({words})</figcaption>\n"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 16}" role="img" aria-label="{title} over time: {words}">'
        f'{"".join(bars)}<line class="rule" x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}"/>'
        f'<text x="0" y="{HEIGHT + 13}">{_moment(stretches[0].begins)} UTC</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 13}" text-anchor="end">{ends} UTC</text></svg>\n'
        f'<p class="legend">{keys}</p></figure>\n'
    )


def _rate(stretch: _Stretch, name: str) -> float:
    """So many a second; of milliseconds, so many at once."""
    return stretch.sums.get(name, 0) / stretch.seconds / (1000 if name.endswith("_ms") else 1)


def _amount(name: str, total: int) -> str:
    return f"{total / 1000:,.1f} s {name.removesuffix('_ms')}" if name.endswith("_ms") else f"{total:,} {name}"


def _guards(summary: Mapping[str, Any]) -> Iterator[str]:
    """Why removals are withheld, records kept and changes not undone, as the plan found it."""
    whys = [f"{_count(summary, 'withheld')} withheld: {why}" for why in summary.get("why_withheld", ())]
    whys += [f"{count:,} kept: {why}" for why, count in summary.get("why_kept", {}).items()]
    whys += [f"{count:,} not undone: {why}" for why, count in summary.get("not_undone", {}).items()]
    if summary.get("ended_early"):
        whys.append(f"The source was not read to its end: {summary['ended_early']}")
    if whys:
        yield "<h2>What the plan held back</h2>\n<ul>" + "".join(f"<li>{_text(why)}</li>" for why in whys) + "</ul>\n"


def _tail(plan: StoredPlan, events: Sequence[records.Event]) -> Iterator[str]:
    """All that stands below the names."""
    summary = plan.summary
    if summary.get("invalid") or summary.get("cut"):
        yield f"<h2>Rows that cannot be used</h2>\n<p>{_text(summary.get('rejected') or '')}</p>\n"
        rows = _rejected_rows(summary)
        if summary.get("cut"):
            rows = [*rows, tuple(summary["cut"][name] for name in ("line", "text", "why"))]
        yield _table(("line", "text", "why"), rows)
    yield "<h2>Events</h2>\n"
    told = [event for event in events if event.what != "activity"]
    yield _table(
        ("at (UTC)", "who", "what", ""),
        ((_moment(event.at), event.by_whom, event.what, _detail(event.detail)) for event in told),
    )
    yield "</body></html>\n"


def _detail(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in detail.items() if value is not None)


def _rejected_rows(summary: Mapping[str, Any]) -> Sequence[tuple[object, ...]]:
    """The rows of the file of rejected rows if it is still there, else those that the preview showed."""
    shown = [(row["line"], row["text"], row["why"]) for row in summary.get("invalid_rows", ())]
    if not summary.get("rejected"):
        return shown
    try:
        with Path(str(summary["rejected"])).open(encoding="utf-8", newline="") as file:
            rows = [[undefused(cell) for cell in row] for row in csv.reader(file)][1:]
            return [(line, text, why) for line, text, _, why in rows]
    except (OSError, ValueError, csv.Error):
        return shown


#: Light by itself and on paper, dark where the reader's system is.
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2125; --quiet: #5b6570; --rule: #d4d9de; --line: #2f6db3;
  --good: #2c7a4b; --pale: #9cc3aa; --calm: #8a78b8; --warm: #c47a1c; --bad: #b4342c; --open: #8b949e; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e4e7ea; --quiet: #9aa4ae;
  --rule: #343b42; --line: #6ea8e5; --good: #58b37e; --pale: #3f6b50; --calm: #a998d8; --warm: #dd9c45; --bad: #e5726a;
  --open: #6d7780; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin-bottom: .2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; } dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 0 0 1.2rem; } figcaption { margin-bottom: .3rem; } svg { width: 100%; height: auto; display: block; }
svg text { font-size: 11px; fill: var(--quiet); } .rule { stroke: var(--rule); }
.legend { margin: .3rem 0; color: var(--quiet); font-size: .85rem; } .legend span { margin-right: 1rem; }
.legend span::before { content: ""; display: inline-block; width: .75em; height: .75em; margin-right: .35em;
  background: var(--of); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.good { fill: var(--good); --of: var(--good); } .pale { fill: var(--pale); --of: var(--pale); }
.calm { fill: var(--calm); --of: var(--calm); } .warm { fill: var(--warm); --of: var(--warm); }
.bad { fill: var(--bad); --of: var(--bad); } .open { fill: var(--open); --of: var(--open); }
.line { fill: var(--line); --of: var(--line); }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem; font-size: .87rem; }
th { text-align: left; color: var(--quiet); font-weight: 600; }
th, td { border-bottom: 1px solid var(--rule); padding: .25rem .8rem .25rem 0; vertical-align: top; }
td { overflow-wrap: anywhere; unicode-bidi: isolate; min-width: 4rem; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } h2, h3 { break-after: avoid; }
  tr, figure { break-inside: avoid; } }
"""
