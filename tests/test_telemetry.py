"""What OpenTelemetry, where a process instruments aiohttp with it, learns of our requests: nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import attrs
import pytest
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from walead_async import AsyncSession, VoiceAgentSession
from walead_async.testing import Emulator

KEY = "wk_a_key_that_nobody_may_see"
PERSON = "john-doe"
NUMBER = "14155550123"


@attrs.frozen
class Telemetry:
    """The spans and metrics of everything that aiohttp's clients did in this process."""

    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader

    def urls(self) -> list[str]:
        return [str((span.attributes or {})["http.url"]) for span in self.spans.get_finished_spans()]

    def everything(self) -> str:
        metrics = self.metrics.get_metrics_data()
        return " ".join(span.to_json() for span in self.spans.get_finished_spans()) + (
            metrics.to_json() if metrics else ""
        )


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    for which in ("REQUEST", "RESPONSE"):
        monkeypatch.setenv(f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_{which}", ".*")
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    tracing, measuring = TracerProvider(), MeterProvider([metrics])
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=tracing, meter_provider=measuring)
    try:
        yield Telemetry(spans, metrics)
    finally:
        instrumentor.uninstrument()
        tracing.shutdown()
        measuring.shutdown()


async def everything_is_called(emulator: Emulator, http: aiohttp.ClientSession | None) -> None:
    """Every kind of call, so that a name or a number stands in queries, in bodies and in answers."""
    async with (
        AsyncSession(KEY, base_url=emulator.walead_url, http=http) as session,
        VoiceAgentSession(KEY, uid="u-1", base_url=emulator.phonely_url, http=http) as phones,
    ):
        leads, numbers = session.blocked_leads, phones.agent("a-1").block_list
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: leads.block([PERSON]),
            lambda: leads.find(PERSON),
            lambda: leads.find_many([PERSON, "nobody"]),
            lambda: leads.list(search=PERSON).collect(),
            lambda: leads.unblock_identifiers([PERSON]),
            lambda: session.campaign("c-1").get(),
            lambda: session.campaign("c-1").blocked_leads.block([PERSON]),
            lambda: session.campaign("c-1").blocked_leads.list().collect(),
            lambda: numbers.block([NUMBER]),
            lambda: numbers.list().collect(),
            lambda: numbers.unblock([NUMBER]),
        ]
        for call in calls:
            await call()
    assert len(emulator.requests) >= len(calls)


async def test_spans_and_metrics_of_the_process_hold_none_of_our_requests(telemetry: Telemetry) -> None:
    async with Emulator(api_key=KEY) as emulator, aiohttp.ClientSession(headers={"x-other": "o"}) as http:
        await everything_is_called(emulator, None)
        assert telemetry.urls() == []
        # the process's own requests are seen, so that the silence above means something
        async with http.get(f"{emulator.control_url}/openapi.json") as response:
            await response.read()
    assert telemetry.urls() == [f"{emulator.control_url}/openapi.json"]
    told = telemetry.everything()
    assert "http.client" in told
    for secret in (KEY, PERSON, NUMBER, "blocked-leads?", "agent-block-list"):
        assert secret not in told


async def test_the_traces_of_a_borrowed_session_are_its_owner_s_alone(telemetry: Telemetry) -> None:
    seen: list[str] = []

    async def note(http: aiohttp.ClientSession, context: object, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(str(params.url))

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(note)
    async with Emulator(api_key=KEY) as emulator, aiohttp.ClientSession(trace_configs=[tracing]) as http:
        before = list(http.trace_configs)
        await everything_is_called(emulator, http)
        assert (seen, telemetry.urls()) == ([], [])
        assert http.trace_configs == before
        async with http.get(emulator.control_url) as response:
            await response.read()
    assert seen == telemetry.urls() == [emulator.control_url]


async def test_a_connector_of_the_owner_s_own_making_is_handed_each_request(telemetry: Telemetry) -> None:
    """SECURITY.md says so: whoever lends connections is trusted with what goes over them."""
    handed: list[tuple[str, str | None]] = []

    class Watching(aiohttp.TCPConnector):
        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109 - aiohttp's own signature
            handed.append((str(req.url), req.headers.get("x-api-key")))
            return await super().connect(req, traces, timeout)

    async with (
        Emulator(api_key=KEY) as emulator,
        aiohttp.ClientSession(connector=Watching()) as http,
        AsyncSession(KEY, base_url=emulator.walead_url, http=http) as session,
    ):
        await session.blocked_leads.list(search=PERSON).first()
    # the list is empty, and so is asked for twice
    assert handed == 2 * [(f"{emulator.walead_url}/v1/blocked-leads?sort=ASC&offset=0&search={PERSON}", KEY)]
    assert telemetry.urls() == []
