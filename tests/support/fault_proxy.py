"""A proxy between a session and the emulator that plays what only the wire can do: requests that never arrive."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl as tls
import struct
from collections.abc import Callable
from enum import Enum

import attrs
import orjson

#: With this "linger" the operating system answers a close with a reset.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
CHUNK = 65_536


class WireFault(Enum):
    """What becomes of a request before it reaches the service."""

    RESET_IN_REQUEST = "the connection is reset while the request is on its way"
    HALF_OPEN = "the request is swallowed, and the connection stays open for ever"
    CLOSED_KEEP_ALIVE = "a connection that was kept is closed when the next request comes on it"
    ECHO = "the answer is 400 with the headers of the request, the key among them"


@attrs.define
class Passed:
    """One request as the proxy saw it; `status` is None if it was not answered."""

    method: str
    body: object
    status: int | None = None


@attrs.define
class FaultProxy:
    """Passes requests on to a port of this machine, but those that `chooses` names: it is given method and number."""

    port: int
    fault: WireFault | None = None
    chooses: Callable[[str, int], bool] = lambda method, number: True
    trust: tls.SSLContext | None = None
    seen: list[Passed] = attrs.Factory(list)
    connections: int = 0
    played: int = 0
    _server: asyncio.Server | None = None
    _handlers: set[asyncio.Task[None]] = attrs.Factory(set)

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.trust)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for handler in list(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    def in_front_of(self, url: str) -> str:
        """The URL under which the proxy shows what stands at this one."""
        assert self._server is not None
        path = url.split("//", 1)[1].partition("/")[2]
        scheme = "https" if self.trust else "http"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{path}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        upstream: asyncio.StreamWriter | None = None
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                back, upstream = await asyncio.open_connection("127.0.0.1", self.port)
                number = 0
                while await self._pass_on(reader, writer, back, upstream, number):
                    number += 1
        finally:
            if upstream is not None:
                upstream.transport.abort()
            writer.transport.abort()
            self._handlers.discard(task)

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        number: int,
    ) -> bool:
        """One request of a connection; `number` is how many came on it before. False at the end."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        passed = Passed(head.split(b" ", 1)[0].decode(), orjson.loads(body) if body else None)
        self.seen.append(passed)
        nth = sum(other.method == passed.method for other in self.seen)
        kept_only = self.fault is WireFault.CLOSED_KEEP_ALIVE
        if self.fault and self.chooses(passed.method, nth) and (number or not kept_only):
            return await self._play(self.fault, writer, head, passed)
        upstream.write(head + body)
        answer = await back.readuntil(b"\r\n\r\n")
        passed.status = int(answer.split(b" ", 2)[1])
        writer.write(answer + await back.readexactly(_length(answer)))
        await writer.drain()
        return True

    async def _play(self, fault: WireFault, writer: asyncio.StreamWriter, head: bytes, passed: Passed) -> bool:
        """Let a request go wrong. True if its connection is still good."""
        self.played += 1
        if fault is WireFault.ECHO:
            passed.status = 400
            said = orjson.dumps({"message": head.decode("latin-1")})
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said))
            await writer.drain()
            return True
        if fault is WireFault.HALF_OPEN:
            await asyncio.Event().wait()
        if fault is WireFault.RESET_IN_REQUEST:
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        return False


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0
