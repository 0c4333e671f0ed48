"""A server on this machine for one test: a URL, connections that are counted, and nothing left of it at the end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl as tls
from abc import ABC, abstractmethod
from typing import Self

import attrs


@attrs.define(kw_only=True)
class LoopbackServer(ABC):
    """Calls `serve` for each connection, and aborts the connection when that returns."""

    trust: tls.SSLContext | None = None
    url: str = ""
    connections: int = 0
    _server: asyncio.Server | None = None
    _handlers: set[asyncio.Task[None]] = attrs.Factory(set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.trust)
        scheme = "https" if self.trust else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for handler in list(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What is done with a connection."""

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.serve(reader, writer)
        finally:
            writer.transport.abort()
            self._handlers.discard(task)
