import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from receiver import from_message
from standardwebhooks.webhooks import Webhook

SERVERS = {
    "fastapi": [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--workers", "4", "--port"],
    "aiohttp": [sys.executable, "aiohttp_app.py"],
}
SIGNING = Webhook("whsec_" + base64.b64encode(b"a secret of both sides").decode())
MESSAGE = {
    "leadId": "lead_1",
    "campaignId": "c-1",
    "linkedinUrl": "https://www.linkedin.com/in/jane-smith",
    "phone": "+14155550123",
    "message": "Please STOP writing to me",
}


class Server:
    def __init__(self, name, environment, log):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [*SERVERS[name], str(port)], env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
        )

    def send(self, path, body=None, headers=None):
        """The status of the answer; None while nobody answers."""
        try:
            with urlopen(Request(self.url + path, body, headers or {}), timeout=10) as answer:
                return answer.status
        except HTTPError as error:
            error.close()
            return error.code
        except URLError:
            return None

    def form(self, **fields):
        return self.send("/opt-out", urlencode(fields).encode())

    def signed(self, event, key="msg_1", at=None):
        body, at = json.dumps(event), at or datetime.now(UTC)
        headers = {
            "webhook-id": key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": SIGNING.sign(key, at, body),
        }
        return self.send("/hooks/signed", body.encode(), headers)


def until(condition, seconds=20):
    """Wait until this is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@pytest.fixture(params=SERVERS)
def server(request, walead_emulator, tmp_path):
    environment = {
        "WALEAD_API_KEY": walead_emulator.api_key,
        "WALEAD_BASE_URL": walead_emulator.walead_url,
        "PHONELY_API_KEY": walead_emulator.api_key,
        "PHONELY_BASE_URL": walead_emulator.phonely_url,
        "PHONELY_UID": walead_emulator.uid,
        "VOICE_AGENT": "agent-1",
        "OUTBOX": str(tmp_path / "opt-outs.db"),
        "WEBHOOK_SECRET": "a-long-random-text",
        "SIGNING_SECRET": "whsec_" + base64.b64encode(b"a secret of both sides").decode(),
    }
    with (tmp_path / "log").open("wb") as log:
        running = Server(request.param, environment, log)
        try:
            until(lambda: running.send("/health") == 200)
            yield running
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(30) in {0, -signal.SIGTERM}
        finally:
            if running.process.poll() is None:
                os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait()


def test_what_is_meant_is_taken_and_delivered_once_the_service_is_back(server, walead_emulator):
    assert server.form(profile="https://www.linkedin.com/company/acme/") == 422
    assert server.form(profile="") == 422
    assert server.send("/hooks/another-text/message-received", json.dumps(MESSAGE).encode()) == 404
    hook = "/hooks/a-long-random-text/message-received"
    assert server.send(hook, json.dumps(MESSAGE | {"message": "Tell me more"}).encode()) == 200
    assert server.send(hook, b"no JSON") == 422
    assert server.signed({"profile": "ann-lee"}, at=datetime.now(UTC) - timedelta(hours=1)) == 401
    assert server.send("/hooks/signed", b'{"profile": "ann-lee"}') == 401

    walead_emulator.faults.add("status=503")
    assert server.form(profile="https://www.linkedin.com/in/john-doe/", phone="") == 202
    assert server.send(hook, json.dumps(MESSAGE).encode()) == 202
    assert server.send(hook, json.dumps(MESSAGE).encode()) == 202
    assert server.signed({"profile": "ann-lee"}) == 202
    assert server.send("/health") == 200
    assert walead_emulator.blocked_leads.identifiers() == []

    walead_emulator.faults.clear()
    until(lambda: sorted(walead_emulator.blocked_leads.identifiers()) == ["ann-lee", "jane-smith", "john-doe"])
    until(lambda: list(walead_emulator.agents["agent-1"]) == ["+14155550123"])


def test_a_message_is_one_wish_however_often_it_comes():
    first, again = from_message(json.dumps(MESSAGE).encode()), from_message(json.dumps(MESSAGE).encode())
    other = from_message(json.dumps(MESSAGE | {"message": "unsubscribe"}).encode())
    assert first == again
    assert other.key != first.key
