from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from asking import Asker, Start

from walead_async.testing import BadSetting, Emulator, Settings, TieOrder


async def test_an_emulator_listens_on_loopback_as_long_as_its_block_runs():
    async with Emulator() as emulator:
        base = f"http://127.0.0.1:{emulator.port}"

        assert emulator.port > 0
        assert (emulator.walead_url, emulator.phonely_url) == (f"{base}/walead", f"{base}/phonely")
        assert (emulator.control_url, emulator.api_key, emulator.uid) == (
            f"{base}/control",
            "emulator-key",
            "emulator-user",
        )


async def test_two_emulators_know_nothing_of_each_other(start: Start):
    one, other = await start(leads=1), await start()
    await one.block("a")

    assert (await other.walead("GET")).json == []


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open():
    async with Emulator() as emulator:
        with pytest.raises(OSError, match="address already in use"):
            await Emulator(port=emulator.port).start()


async def test_an_emulator_is_started_once():
    async with Emulator() as emulator:
        with pytest.raises(BadSetting, match="is serving already"):
            await emulator.start()


async def test_closing_twice_is_closing_once():
    emulator = Emulator()
    await emulator.start()
    await emulator.aclose()
    await emulator.aclose()


async def test_a_new_key_is_asked_for_at_once(start: Start):
    ask = await start()
    old, ask.emulator.api_key = ask.emulator.api_key, "new"

    assert [(await ask.walead("GET", key=key)).status for key in (old, "new")] == [401, 200]


async def test_settings_may_change_while_it_runs(start: Start):
    ask = await start(leads=9)
    ask.emulator.settings = ask.emulator.settings.changed({"page_size": 2})

    assert len((await ask.walead("GET")).json) == 2


async def test_leads_are_added_with_reasons_and_times(start: Start):
    ask = await start()
    at = datetime(2020, 5, 17, tzinfo=UTC)
    ids = ask.emulator.add_leads([("a", "asked"), "b"], created_at=at)

    assert [(lead.id, lead.public_identifier, lead.reason, lead.created_at) for lead in ask.emulator.blocked_leads] == [
        (ids[0], "a", "asked", at),
        (ids[1], "b", None, at),
    ]


@pytest.mark.parametrize("leads", ["john-doe", -1, True])
def test_leads_that_are_neither_a_number_nor_a_list_are_refused(leads: str | int):
    emulator = Emulator()

    with pytest.raises(BadSetting, match="leads takes a"):
        emulator.add_leads(leads)
    assert len(emulator.blocked_leads) == 0


def test_a_time_without_an_offset_is_refused():
    with pytest.raises(BadSetting, match="needs an offset from UTC"):
        Emulator().add_leads(["a"], created_at=datetime(2020, 5, 17))


async def test_the_same_seed_plays_the_same_run_again_also_after_a_new_beginning(start: Start):
    one, other, third = [await start(seed=seed) for seed in (5, 5, 6)]

    first = await played(one)
    assert await played(other) == first
    one.emulator.clear()
    assert await played(one) == first
    assert await played(third) != first


async def played(ask: Asker) -> list[object]:
    """What a run with everything that is drawn shows: faults, ids, drifts, and the order of ties."""
    ask.emulator.settings = Settings(page_size=20, ties=5, tie_order=TieOrder.UNSTABLE)
    ask.emulator.add_leads(40)
    ask.emulator.faults.add("GET~0.5:status=503", "GET~0.3 x2:null")
    ask.emulator.drifts.add("~0.5:remove-random=2", "reblock", "insert-random")
    shown: list[object] = []
    for _ in range(20):
        answer = await ask.walead("GET", sort="ASC")
        shown.append((answer.status, answer.body))
    return shown


async def test_numbered_leads_go_on_where_they_stopped(start: Start):
    ask = await start(leads=1)
    ask.emulator.add_leads(2)

    assert ask.emulator.blocked_leads.identifiers() == ["lead-0000001", "lead-0000002", "lead-0000003"]


async def test_ties_and_steps_of_the_clock_are_settings(start: Start):
    ask = await start(leads=4, settings=Settings(ties=2, clock_step=60, clock_start="2025-02-01T00:00:00+01:00"))
    times = [record["createdAt"] for record in (await ask.walead("GET", sort="ASC")).json]

    assert times == ["2025-01-31T23:00:00.000Z"] * 2 + ["2025-01-31T23:01:00.000Z"] * 2


@pytest.mark.parametrize(
    ("path", "status"),
    [("/other", 404), ("/", 404), ("/walead/v1/campaigns/../blocked-leads", 200), ("/walead/./v1/blocked-leads", 200)],
)
async def test_dots_in_a_path_are_resolved_as_a_proxy_does(start: Start, path: str, status: int):
    ask = await start()
    raw = ask.emulator.walead_url.removesuffix("/walead")

    assert await status_of(raw, path, ask.emulator.api_key) == status


async def status_of(base: str, path: str, key: str) -> int:
    """The status of a path that a client library would tidy up."""
    host, port = base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nx-api-key: {key}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"leads": -1}, "leads takes a whole number"),
        ({"leads": 10**12}, "leads takes a whole number from 0 to 10000000, not"),
        ({"port": 65_536}, "port takes a whole number"),
        ({"seed": "x"}, "seed takes a whole number"),
        ({"seed": True}, "seed takes a whole number"),
        ({"faults": ["wobble"]}, "there is no fault 'wobble'"),
        ({"drifts": ["wobble"]}, "there is no drift 'wobble'"),
        ({"faults": [503]}, "503 is neither a text nor a Fault"),
        ({"drifts": [None]}, "None is neither a text nor a Drift"),
        ({"faults": "reset"}, r"faults takes a list, such as \['reset'\]"),
        ({"drifts": "reblock"}, r"drifts takes a list, such as \['reblock'\]"),
        ({"state": Path("/nowhere/at/all")}, "there is no directory"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_listens(options: dict[str, object], said: str):
    with pytest.raises(BadSetting, match=said):
        Emulator(**options)  # type: ignore[arg-type]  # wrong on purpose


async def test_what_a_failing_assert_shows_of_an_emulator_can_be_read() -> None:
    async with Emulator(faults=["POST#2:status=503"], drifts=["reblock"]) as emulator, aiohttp.ClientSession() as http:
        assert repr(emulator.blocked_leads) == "<0 blocked: nobody>"
        emulator.add_leads([("john-doe", "asked"), "jane-doe"])
        emulator.add_leads(["jim"], campaign="c1")
        assert repr(emulator.blocked_leads) == "<2 blocked: 'john-doe', 'jane-doe'>"
        assert repr(emulator.campaigns) == "{'c1': <1 blocked: 'jim'>}"
        first, second = map(repr, emulator.blocked_leads)
        assert first.startswith("EmulatedLead('john-doe', reason='asked', id='")
        assert "reason" not in second
        url, headers = f"{emulator.walead_url}/v1/blocked-leads", {"x-api-key": emulator.api_key}
        await http.post(url, headers=headers, json={"leads": [{"publicIdentifier": "jill"}]})
        await http.get(url, params={"search": "ji"})
        await http.post(url, headers=headers, data=b"x" * 1000)
        assert [repr(request) for request in emulator.requests] == [
            '<walead POST /v1/blocked-leads {"leads": [{"publicIdentifier": "jill"}]} -> 200>',
            "<walead GET /v1/blocked-leads?search=ji -> 401>",
            f"<walead POST /v1/blocked-leads {'x' * 200}... -> 503 by 'POST #2:status=503'>",
        ]
        assert repr(emulator.faults) == "<FaultScript [<'POST #2:status=503': seen 2, fired 1>]>"
        assert repr(emulator.unfired_faults() + emulator.drifts.unfired()) == "[<Drift reblock>]"
        assert repr(emulator) == f"<Emulator on port {emulator.port}, 3 blocked, 3 requests>"
        emulator.add_leads(1000)
        assert repr(emulator.blocked_leads).startswith("<1003 blocked: ..., 'lead-000")
        assert len(repr(emulator.blocked_leads)) < 240
    assert repr(emulator) == "<Emulator closed, 1003 blocked, 3 requests>"
