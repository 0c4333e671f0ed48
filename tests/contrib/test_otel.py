"""Spans and metrics of real requests to the emulator, as the SDK of OpenTelemetry exports them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from walead_async import AsyncSession, Outbox, RateLimit, RetryPolicy, VoiceAgentSession, WaleadError
from walead_async.contrib.otel import instrument, url_template
from walead_async.jobs.delivery import Pace
from walead_async.testing import Emulator

PERSON = "somebody-who-asked"
NUMBER = "+14155550123"
QUICK = RetryPolicy(wait_initial=0.0)


class MeasuredOutbox(Outbox):
    """An outbox that measures without end, and waits for nothing long."""

    pace = Pace(gather=0.01, look=0.02, first=0.02, most=0.1, measure=0.0)


class Telemetry:
    """What a process exports: its spans, its metrics."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader])
        self.hook = instrument(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider)

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def metrics(self) -> str:
        data = self.reader.get_metrics_data()
        return data.to_json() if data else ""

    def points(self, name: str) -> dict[str, float]:
        """The sums or counts of a metric, by what its labels say."""
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        return {
            " ".join(f"{point.attributes[label]}" for label in sorted(point.attributes)): getattr(
                point, "value", getattr(point, "count", 0)
            )
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    made = Telemetry()
    yield made
    made.tracer_provider.shutdown()
    made.meter_provider.shutdown()


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v1/blocked-leads", "/v1/blocked-leads"),
        ("/v1/campaigns/spring-2024/blocked-leads", "/v1/campaigns/{id}/blocked-leads"),
        ("/v1/leads/john-doe/status", "/v1/leads/{id}/status"),
        ("/v1/conversations/urn:li:x/messages", "/v1/conversations/{id}/messages"),
        ("/somebody", "/{id}"),
    ],
)
def test_a_path_is_told_without_its_ids(path: str, template: str) -> None:
    assert url_template(path) == template


async def test_a_request_is_a_span_below_that_of_the_caller(emulator: Emulator, telemetry: Telemetry) -> None:
    tracer = telemetry.tracer_provider.get_tracer("the program")
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url, hooks=[telemetry.hook]) as session:
        with tracer.start_as_current_span("a job") as job:
            await session.blocked_leads.block([PERSON])
    (span, parent) = telemetry.spans()
    assert parent.name == "a job"
    assert span.parent is not None
    assert span.parent.span_id == job.get_span_context().span_id
    assert (span.name, span.kind, span.status.status_code) == (
        "POST /v1/blocked-leads",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert span.attributes is not None
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "url.template": "/v1/blocked-leads",
        "server.address": "127.0.0.1",
        "server.port": emulator.port,
        "http.request.body.size": span.attributes["http.request.body.size"],
        "http.response.status_code": 200,
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time > span.start_time


async def test_retries_waits_and_failures_are_told(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.add_leads(1)
    emulator.faults.add("GET#1:status=503")
    session = AsyncSession(
        emulator.api_key,
        base_url=emulator.walead_url,
        retry=QUICK,
        rate_limit=RateLimit(1000),
        hooks=[telemetry.hook],
    )
    async with session:
        await session.blocked_leads.list().first()
        await session.campaign("spring-campaign").get()
    first, second, third = telemetry.spans()
    assert first.attributes is not None
    assert (first.attributes["error.type"], first.status.status_code) == ("503", StatusCode.ERROR)
    assert second.attributes is not None
    assert second.attributes["http.request.resend_count"] == 1
    assert third.name == "GET /v1/campaigns/{id}"
    assert telemetry.points("walead.client.retries") == {"ServerError /v1/blocked-leads": 1}


async def test_an_attempt_without_an_answer_is_a_failed_span(telemetry: Telemetry) -> None:
    session = AsyncSession("key", base_url="http://127.0.0.1:9", retry=RetryPolicy.never(), hooks=[telemetry.hook])
    async with session:
        with pytest.raises(ConnectionError):
            await session.blocked_leads.list().collect()
    (span,) = telemetry.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ConnectionFailedError"


@pytest.mark.parametrize("instrumented", [False, True])
async def test_a_days_work_is_told_without_key_and_without_person(
    instrumented: bool, emulator: Emulator, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    instrumentor = AioHttpClientInstrumentor()
    if instrumented:
        instrumentor.instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    try:
        await a_days_work(emulator, telemetry)
    finally:
        if instrumented:
            instrumentor.uninstrument()
    told = "\n".join(span.to_json() for span in telemetry.spans()) + telemetry.metrics() + caplog.text
    assert "blocked-leads" in told
    for secret in (PERSON, NUMBER, NUMBER.lstrip("+"), emulator.api_key, "spring-campaign", "agent-7", "user-1"):
        assert secret not in told


async def a_days_work(emulator: Emulator, telemetry: Telemetry) -> None:
    async with AsyncSession(
        emulator.api_key, base_url=emulator.walead_url, retry=QUICK, hooks=[telemetry.hook]
    ) as session:
        emulator.faults.add("GET#1:status=503")
        await session.blocked_leads.block([PERSON, "not a person"], check=False)
        await session.blocked_leads.find(PERSON)
        await session.blocked_leads.list(search=PERSON).collect()
        await session.campaign("spring-campaign").blocked_leads.block([PERSON], check=False)
        await session.blocked_leads.unblock_identifiers([PERSON])
    async with VoiceAgentSession(
        emulator.api_key, uid="user-1", base_url=emulator.phonely_url, retry=QUICK, hooks=[telemetry.hook]
    ) as phones:
        await phones.agent("agent-7").block_list.block([NUMBER], check=False)
        await phones.agent("agent-7").block_list.list().collect()
    async with AsyncSession("a-wrong-key", base_url=emulator.walead_url, hooks=[telemetry.hook]) as session:
        with pytest.raises(WaleadError):
            await session.blocked_leads.find(PERSON)


async def test_items_of_bulk_calls_are_counted_by_their_end(emulator: Emulator, telemetry: Telemetry) -> None:
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url, hooks=[telemetry.hook]) as session:
        await session.blocked_leads.block(["one", "two", "two", "not a person"], check=False)
    assert telemetry.points("walead.client.items") == {
        "/v1/blocked-leads done": 2,
        "/v1/blocked-leads duplicate": 1,
        "/v1/blocked-leads invalid": 1,
    }


async def test_an_outbox_tells_how_much_waits_and_nobodys_name(
    emulator: Emulator, telemetry: Telemetry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    emulator.faults.add("status=503")
    session = AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=QUICK, hooks=[telemetry.hook])
    phones = VoiceAgentSession(
        emulator.api_key, uid="user-1", base_url=emulator.phonely_url, retry=QUICK, hooks=[telemetry.hook]
    )
    async with session, phones, MeasuredOutbox.open(tmp_path / "optouts.db", session, phones=phones) as outbox:
        receipt = await outbox.block(
            PERSON, campaigns=["spring-campaign"], numbers=[("agent-7", NUMBER)], idempotency_key="event-99"
        )
        async with asyncio.timeout(20):
            while telemetry.points("walead.outbox.depth") != {"": 3}:  # noqa: ASYNC110  # nothing tells of a gauge
                await asyncio.sleep(0.01)
        emulator.faults.clear()
        await receipt.settled()
    told = "\n".join(span.to_json() for span in telemetry.spans()) + telemetry.metrics() + caplog.text
    assert "walead.outbox.age" in told
    for secret in (PERSON, NUMBER, NUMBER.lstrip("+"), emulator.api_key, "spring-campaign", "agent-7", "event-99"):
        assert secret not in told
