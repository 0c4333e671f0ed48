"""A proxy between a session and the emulator that plays what only the wire can do: requests that never arrive."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import Enum

import attrs
import orjson
from loopback import LoopbackServer

#: With this "linger" the operating system answers a close with a reset.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
#: What an error shows of a text ends in the middle of a key that follows so many characters.
LENGTH_OF_MESSAGE = 485


class WireFault(Enum):
    """What becomes of a request before it reaches the service."""

    RESET_IN_REQUEST = "the connection is reset while the request is on its way"
    HALF_OPEN = "the request is swallowed, and the connection stays open for ever"
    CLOSED_KEEP_ALIVE = "a connection that was kept is closed when the next request comes on it"
    ECHO = "the answer is 400 with the headers of the request, the key among them"
    ECHO_IN_200 = "the same with 200"
    ECHO_CUT = "the answer is 400 with so long a text that its end, with the key, is cut off in the middle of the key"


@attrs.define
class Passed:
    """One request as the proxy saw it; `status` is None if it was not answered, `arrived` if the service got it."""

    method: str
    body: object
    status: int | None = None
    arrived: bool = False


@attrs.define
class FaultProxy(LoopbackServer):
    """Passes requests on to a port of this machine, but those that `chooses` names: it is given method and number."""

    port: int
    fault: WireFault | None = None
    chooses: Callable[[str, int], bool] = lambda method, number: True
    seen: list[Passed] = attrs.Factory(list)
    played: int = 0

    def in_front_of(self, url: str) -> str:
        """The URL under which the proxy shows what stands at this one."""
        return f"{self.url}/{url.split('//', 1)[1].partition('/')[2]}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, upstream = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            number = 0
            while await self._pass_on(reader, writer, back, upstream, number):
                number += 1
        finally:
            upstream.transport.abort()

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
        passed.arrived = True
        upstream.write(head + body)
        answer = await back.readuntil(b"\r\n\r\n")
        passed.status = int(answer.split(b" ", 2)[1])
        writer.write(answer + await back.readexactly(_length(answer)))
        await writer.drain()
        return True

    async def _play(self, fault: WireFault, writer: asyncio.StreamWriter, head: bytes, passed: Passed) -> bool:
        """Let a request go wrong. True if its connection is still good."""
        self.played += 1
        if fault in {WireFault.ECHO, WireFault.ECHO_IN_200, WireFault.ECHO_CUT}:
            passed.status = 200 if fault is WireFault.ECHO_IN_200 else 400
            said = head.decode("latin-1")
            if fault is WireFault.ECHO_CUT:
                said = said.partition("authorization: ")[2] or said.partition("x-api-key: ")[2]
                said = "x" * LENGTH_OF_MESSAGE + said
            body = orjson.dumps({"message": said})
            writer.write(b"HTTP/1.1 %d Echo\r\nContent-Length: %d\r\n\r\n%b" % (passed.status, len(body), body))
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
