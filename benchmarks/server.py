"""The server that every subject talks to: as little HTTP as works, so that it is never the bottleneck.

A process of its own: `python -m benchmarks.server --records N --latency S` prints its port and serves until it is
ended. It pages through `/v1/blocked-leads` in pages of 100, in either order, finds one record by `search`, counts what
is blocked, and tells at `/stats` what it has seen and what CPU it has used. After `/keep` it forgets its records, and
lists whoever is blocked from then on.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from urllib.parse import unquote

PAGE = 100

_number = re.compile(rb"offset=(\d+)").search
_search = re.compile(rb"search=([^& ]*)").search
_names = re.compile(rb'"publicIdentifier":"([^"]*)"').findall
_length = re.compile(rb"content-length: *(\d+)", re.IGNORECASE).search


def record(number: int, name: bytes | None = None) -> bytes:
    """The JSON of a record, about as long as real ones are."""
    called = f"jane-doe-{number:08d}" if name is None else name.decode()
    minute, second = divmod(number // 1000, 60)
    return (
        f'{{"id":"6720c5f0a1b2c3d4{number:08x}","publicIdentifier":"{called}","reason":"asked by mail",'
        f'"createdAt":"2026-{1 + number // 3_600_000 % 12:02d}-07T{minute // 60 % 24:02d}:{minute % 60:02d}'
        f':{second:02d}.{number % 1000:03d}Z","workspaceId":"6720c5f0a1b2c3d4e5f60718"}}'
    ).encode()


class Service:
    """The lists, and what was seen."""

    def __init__(self, records: int, latency: float) -> None:
        self.records = [record(number) for number in range(records)]
        self.latency = latency
        self.requests = self.sent = self.changed = 0
        self.keeps = False

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The body that answers a request."""
        if b" /stats" in head[:16]:
            seen = (self.requests, self.sent, self.changed, time.process_time())
            return b'{"requests":%d,"sent":%d,"changed":%d,"cpu":%f}' % seen
        if b" /keep" in head[:16]:
            self.records, self.keeps = [], True
            return b"{}"
        self.requests += 1
        if head.startswith(b"GET"):
            return self._page(head)
        changed = body.count(b'"publicIdentifier"') or body.count(b",") + 1
        self.changed += changed
        if self.keeps:
            first = len(self.records)
            self.records += [record(number, name) for number, name in enumerate(_names(body), first)]
        return b'{"success":true,"message":"","blocked":%d,"unblocked":%d}' % (changed, changed)

    def _page(self, head: bytes) -> bytes:
        line = head[: head.index(b"\r\n")]
        searched, numbered = _search(line), _number(line)
        offset = int(numbered[1]) if numbered else 0
        if searched:
            number = int(unquote(searched[1].decode()).rpartition("-")[2])
            found = self.records[number : number + 1] if offset == 0 else []
        elif b"sort=DESC" in line:
            end = max(0, len(self.records) - offset)
            found = self.records[max(0, end - PAGE) : end][::-1]
        else:
            found = self.records[offset : offset + PAGE]
        self.sent += len(found)
        return b"[" + b",".join(found) + b"]"


class Connection(asyncio.Protocol):
    """One connection: requests in, answers out after the latency."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answers go there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[: end + 4]
            length = _length(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < size:
                return
            body, self._received = self._received[end + 4 : size], self._received[size:]
            answer = self._service.answer(head, body)
            whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
            if self._service.latency:
                self._loop.call_later(self._service.latency, self._write, whole + answer)
            else:
                self._write(whole + answer)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()
    service = Service(given.records, given.latency)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
