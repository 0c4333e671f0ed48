"""A proxy that opens tunnels, and TLS in front of a server that has none: the way out of many a company's network."""

from __future__ import annotations

import asyncio
import contextlib

import attrs
from loopback import LoopbackServer


@attrs.define
class TlsFront(LoopbackServer):
    """Passes the bytes of each connection on to a port of this machine; with `trust` they came by TLS."""

    port: int

    @property
    def own_port(self) -> int:
        """The port on which it listens."""
        return int(self.url.rpartition(":")[2])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await piped(reader, writer, self.port)


@attrs.define
class ConnectProxy(LoopbackServer):
    """Answers CONNECT with a tunnel to a port of this machine, whatever was asked for, and keeps what was asked."""

    port: int
    asked: list[str] = attrs.Factory(list)
    #: Every byte that a caller sent outside of its tunnel.
    heads: list[bytes] = attrs.Factory(list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        method, where, _ = head.decode().split(" ", 2)
        self.asked.append(where)
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Only tunnels\r\nContent-Length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await piped(reader, writer, self.port)


async def piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass bytes on in both directions until either side ends."""
    back, upstream = await asyncio.open_connection("127.0.0.1", port)

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65_536):
                target.write(chunk)
                await target.drain()

    ways = [asyncio.create_task(pass_on(reader, upstream)), asyncio.create_task(pass_on(back, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        upstream.transport.abort()
