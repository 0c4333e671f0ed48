from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from walead_async.cli.doctor import PHONELY, WALEAD
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Done, Walead

    from walead_async.testing import Emulator

NO_PHONELY = {"PHONELY_API_KEY": None, "PHONELY_BASE_URL": None, "PHONELY_UID": None}
NO_WALEAD = {"WALEAD_API_KEY": None, "WALEAD_BASE_URL": None}


def states(done: Done, about: str) -> dict[str, str]:
    """How each check of a service ended."""
    (value,) = done.values()
    findings = value["findings"]
    assert isinstance(findings, list)
    return {one["check"]: one["state"] for one in findings if one["about"] == about}


async def test_where_all_is_well_it_exits_0(walead: Walead, emulator: Emulator) -> None:
    done = await walead("doctor", "--agent", "a1", "--json")
    assert done.code == 0
    assert done.values()[0]["ok"] is True
    well = {"variables": "ok", "key": "ok", "address": "ok", "name": "ok", "connection": "ok", "answer": "ok"}
    assert states(done, "WaLead") == well
    assert states(done, "Phonely") == well
    assert [(request.method, request.service) for request in emulator.requests] == [
        ("GET", "walead"),
        ("GET", "phonely"),
    ]


async def test_for_people_it_is_a_line_a_check(walead: Walead) -> None:
    done = await walead("doctor")
    assert done.code == 0
    assert "key           from WALEAD_API_KEY" in done.out
    assert "only an agent's list can be read" in done.out
    assert done.out.endswith("All is well.\n")
    assert "\x1b" not in done.out


async def test_without_a_key_it_says_where_one_goes_and_exits_2(walead: Walead, emulator: Emulator) -> None:
    done = await walead("doctor", "--json", WALEAD_API_KEY=None, **NO_PHONELY)
    assert done.code == 2
    assert states(done, "WaLead")["key"] == "wrong"
    assert states(done, "Phonely") == {"variables": "skipped"}
    assert "WALEAD_API_KEY_FILE" in done.out
    assert not emulator.requests


async def test_a_key_file_that_others_can_read_is_wrong(walead: Walead, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("wk_secret_123", encoding="utf-8")
    file.chmod(0o644)
    done = await walead("doctor", "--json", WALEAD_API_KEY=None, WALEAD_API_KEY_FILE=str(file))
    assert (done.code, states(done, "WaLead")["key"]) == (2, "wrong")
    file.chmod(0o600)
    done = await walead("doctor", WALEAD_API_KEY=None, WALEAD_API_KEY_FILE=str(file))
    assert done.code == 0
    assert "WALEAD_API_KEY_FILE" in done.out


async def test_a_key_that_is_not_accepted_exits_1_with_advice(walead: Walead) -> None:
    done = await walead("doctor", WALEAD_API_KEY="another", **NO_PHONELY)
    assert done.code == 1
    assert "copy the key again from WaLead" in done.out


async def test_an_address_without_its_path_is_pointed_out(walead: Walead, emulator: Emulator) -> None:
    done = await walead("doctor", "--base-url", emulator.walead_url.removesuffix("/walead"), **NO_PHONELY)
    assert done.code == 1
    assert "check the base URL" in done.out


@pytest.mark.parametrize(
    ("address", "code", "check"),
    [
        ("http://127.0.0.1:1/api", 1, "connection"),
        ("https://nowhere.invalid/api", 1, "name"),
        ("http://example.com/api", 2, "address"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told_at_its_first_step(
    walead: Walead, address: str, code: int, check: str
) -> None:
    done = await walead("doctor", "--json", WALEAD_BASE_URL=address, **NO_PHONELY)
    assert done.code == code
    assert list(states(done, "WaLead").items())[-1] == (check, "wrong" if code == 2 else "failed")


async def test_a_certificate_of_somebody_else_is_told(walead: Walead) -> None:
    import asyncio

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        done = await walead("doctor", WALEAD_BASE_URL=f"https://localhost:{port}/api", **NO_PHONELY)
    assert done.code == 1
    assert "the certificate is not accepted" in done.out


async def test_who_uses_phonely_alone_is_not_asked_for_walead(walead: Walead) -> None:
    done = await walead("doctor", "--agent", "a1", "--json", **NO_WALEAD)
    assert done.code == 0
    assert states(done, "WaLead") == {"variables": "skipped"}
    assert states(done, "Phonely")["answer"] == "ok"


def test_the_usual_addresses_are_those_of_the_sessions() -> None:
    assert repr(AsyncSession("key")).endswith(f" {WALEAD.address}>")
    assert repr(VoiceAgentSession("key", uid="user")).endswith(f" {PHONELY.address}>")
