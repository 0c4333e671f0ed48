"""As in a container: a mounted secret, a proxy as the only way out, and SIGTERM from whoever stops it."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from tunnel import ConnectProxy, TlsFront

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from programs import Walead

    from walead_async.testing import Emulator

KEY = "wk_secret_123"


@pytest.fixture
async def proxy(walead: Walead, emulator: Emulator, tmp_path: Path) -> AsyncIterator[ConnectProxy]:
    """The only way to a WaLead whose name nobody here can resolve; `walead` has a read-only key file of its group."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("walead.invalid").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    secret = tmp_path / "secrets" / "walead_key"
    secret.parent.mkdir()
    secret.write_text(f"{KEY}\n", encoding="utf-8")
    secret.chmod(0o440)
    secret.parent.chmod(0o550)
    async with TlsFront(emulator.port, trust=context) as front, ConnectProxy(front.own_port) as proxy:
        walead.environment |= {
            "WALEAD_API_KEY_FILE": str(secret),
            "WALEAD_BASE_URL": "https://walead.invalid/walead",
            "HTTPS_PROXY": proxy.url,
        }
        del walead.environment["WALEAD_API_KEY"]
        yield proxy
    secret.parent.chmod(0o700)


async def test_through_a_tunnel_people_are_blocked_and_the_proxy_sees_neither_key_nor_person(
    walead: Walead, emulator: Emulator, proxy: ConnectProxy, tmp_path: Path
) -> None:
    done = await walead("block", "john-doe", "--ca", str(tmp_path / "ca.pem"))
    assert (done.code, done.out) == (0, "1 item: 1 done\n")
    assert "john-doe" in emulator.blocked_leads
    assert set(proxy.asked) == {"walead.invalid:443"}
    assert not [head for head in proxy.heads if KEY.encode() in head or b"x-api-key" in head.lower()]


async def test_what_no_proxy_names_goes_by_no_proxy(walead: Walead, proxy: ConnectProxy) -> None:
    done = await walead("list", NO_PROXY="walead.invalid")
    assert done.code == 1
    assert "cannot be resolved" in done.err
    assert proxy.asked == []


async def test_sigterm_in_the_middle_of_a_long_block_ends_it_with_a_tally(
    walead: Walead, emulator: Emulator, proxy: ConnectProxy, tmp_path: Path
) -> None:
    people = tmp_path / "people.txt"
    people.write_text("".join(f"person-{number:05d}\n" for number in range(20_000)), encoding="utf-8")
    emulator.faults.add("POST #3-:hang")
    program = await walead.start("block", "--file", str(people), "--json", "--ca", str(tmp_path / "ca.pem"))
    async with asyncio.timeout(20):
        while len(emulator.requests) < 8:  # noqa: ASYNC110  # what is waited for is another process
            await asyncio.sleep(0.01)
    program.terminate()
    done = await walead.end_of(program)
    assert done.code == 143
    assert done.err.splitlines()[-1] == "walead: interrupted"
    assert f"So far: {len(done.values()):,} items" in done.err
    assert len(emulator.blocked_leads) >= 250 + sum(value["status"] == "done" for value in done.values())
