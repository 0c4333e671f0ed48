"""What stands between a program and its PostgreSQL server: a way that can be cut or fall silent, and a pooler."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class _Listening:
    """A port of loopback; whoever connects is served by `_serve`."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        await self.cut()

    async def stop(self) -> None:
        """End every connection, and take none any more."""
        self._listening.close()
        await self.cut()

    async def cut(self) -> None:
        """End every connection."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with suppress(OSError, EOFError):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


class Way(_Listening):
    """Forwards every byte, until it is `silent`: then it takes what comes and says nothing."""

    silent = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, here))
                both.create_task(self._forward(there, writer))
        except* OSError:
            pass
        finally:
            here.close()

    async def _forward(self, source: asyncio.StreamReader, goal: asyncio.StreamWriter) -> None:
        while some := await source.read(65_536):
            if not self.silent:
                goal.write(some)
                await goal.drain()
        goal.close()


class TransactionPooler(_Listening):
    """Gives a client a connection to the server for one transaction, as PgBouncer does with `pool_mode=transaction`."""

    def __init__(self, server_port: int) -> None:
        super().__init__(server_port)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._all: list[asyncio.StreamWriter] = []

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        for server in self._all:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            startup = await reader.readexactly(length - 4)
            (code,) = struct.unpack("!i", startup[:4])
            if code == 196_608:  # version 3.0; what comes before asks for encryption
                break
            writer.write(b"N")
        startup = struct.pack("!i", length) + startup
        server, greeting = await self._connected(startup)
        self._free.append(server)
        writer.write(greeting)
        held: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while True:
            kind, message = await _message(reader)
            if kind == b"X":
                return
            if held is None:
                held = self._free.pop() if self._free else (await self._connected(startup))[0]
            held[1].write(message)
            while kind in b"QS":
                answer, message = await _message(held[0])
                writer.write(message)
                if answer == b"Z":
                    if message[-1:] == b"I":
                        self._free.append(held)
                        held = None
                    break

    async def _connected(self, startup: bytes) -> tuple[tuple[asyncio.StreamReader, asyncio.StreamWriter], bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._all.append(writer)
        writer.write(startup)
        greeting = b""
        kind = b""
        while kind != b"Z":
            kind, message = await _message(reader)
            greeting += message
        return (reader, writer), greeting


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next message: its kind, and all of it."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)
