"""OpenTelemetry: a session's requests as spans and metrics, by one hook. Needs the extra `[otel]`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from walead_async._version import __version__
from walead_async.events import (
    BatchSettled,
    LimitWaited,
    OutboxMeasured,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from walead_async.events import Event

__all__ = ["instrument"]

SCOPE = "walead_async"

#: The words that stand in paths of both services. Anything else in a path is an id, which no span or metric holds.
WORDS = frozenset(
    [
        "activate",
        "agent-block-list",
        "blocked-leads",
        "campaigns",
        "conversations",
        "get-agents",
        "get-orgs",
        "hooks",
        "leads",
        "list",
        "messages",
        "pause",
        "status",
        "subscribe",
        "unsubscribe",
        "v1",
        "zapier",
    ]
)

#: Boundaries of the durations, in seconds, that the conventions for HTTP recommend.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

Labels = dict[str, str | int]


def url_template(path: str) -> str:
    """The path with `{id}` in place of what is no word of the services' own paths."""
    return "/".join(part if part in WORDS or not part else "{id}" for part in path.split("/"))


def instrument(
    *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> Callable[[Event], None]:
    """A hook that makes a span of each attempt, and counts and measures: `AsyncSession(hooks=[instrument()])`.

    Spans are children of the caller's current span, and named as OpenTelemetry's conventions for HTTP clients say.
    Metrics: `http.client.request.duration` (seconds), `walead.client.retries`, `walead.client.wait.duration` (seconds
    a request waited for its turn), `walead.client.items` and `.batches` (of bulk calls, items by status), and of an
    outbox `walead.outbox.depth` and `.age` (seconds that the oldest opt-out waits). None of it holds a key, a person,
    an id or a query. Without providers the process's own are used. One hook serves any number of sessions.
    """
    tracer = trace.get_tracer(SCOPE, __version__, tracer_provider)
    meter = metrics.get_meter(SCOPE, __version__, meter_provider)
    durations = meter.create_histogram(
        "http.client.request.duration", "s", "Duration of an attempt.", explicit_bucket_boundaries_advisory=SECONDS
    )
    waits = meter.create_histogram(
        "walead.client.wait.duration", "s", "Wait for a turn.", explicit_bucket_boundaries_advisory=SECONDS
    )
    retries = meter.create_counter("walead.client.retries", "{retry}", "Attempts sent again after a failure.")
    batches = meter.create_counter("walead.client.batches", "{batch}", "Batches of bulk calls that have their end.")
    depth = meter.create_gauge("walead.outbox.depth", "{item}", "Opt-outs that wait to be delivered.")
    age = meter.create_gauge("walead.outbox.age", "s", "How long the oldest opt-out waits.")
    items = meter.create_counter("walead.client.items", "{item}", "Items of bulk calls that have their end.")
    # an attempt begins and ends in one task, which does nothing else meanwhile
    under_way: dict[asyncio.Task[object] | None, tuple[Span, Labels]] = {}

    def began(event: RequestSent) -> None:
        template = url_template(event.path)
        labels: Labels = {
            "http.request.method": event.method,
            "url.template": template,
            "server.address": event.host,
            "server.port": event.port,
        }
        span = tracer.start_span(f"{event.method} {template}", kind=SpanKind.CLIENT, attributes=labels)
        span.set_attribute("http.request.body.size", event.body_bytes)
        if event.attempt > 1:
            span.set_attribute("http.request.resend_count", event.attempt - 1)
        under_way[asyncio.current_task()] = (span, labels)

    def ended(seconds: float, status: int | None, failure: str | None) -> None:
        span, labels = under_way.pop(asyncio.current_task())
        if status is not None:
            labels["http.response.status_code"] = status
        if failure is not None:
            labels["error.type"] = failure
            span.set_status(StatusCode.ERROR)
        durations.record(seconds, labels)
        span.set_attributes(labels)
        span.end()

    def hook(event: Event) -> None:
        match event:
            case RequestSent():
                began(event)
            case ResponseReceived(status=status):
                ended(event.seconds, status, None if status < 400 else str(status))
            case RequestFailed():
                ended(event.seconds, None, event.cause)
            case RetryScheduled():
                retries.add(1, {"url.template": url_template(event.path), "error.type": event.cause})
            case LimitWaited():
                waits.record(event.seconds, {"url.template": url_template(event.path)})
            case OutboxMeasured():
                depth.set(event.depth)
                age.set(event.oldest_seconds)
            case BatchSettled():
                batches.add(1, {"url.template": url_template(event.path)})
                for name, count in event.counts.items():
                    items.add(count, {"url.template": url_template(event.path), "walead.status": name})
            case _:
                pass

    return hook
