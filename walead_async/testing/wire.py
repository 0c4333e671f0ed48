"""Putting an answer on the connection, whole or broken off: the only place that touches a transport."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from walead_async.testing.vocabulary import Delivery

if TYPE_CHECKING:
    from walead_async.testing.messages import Reply

__all__ = ["deliver"]

#: With this "linger" the operating system answers a close with a reset.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
BLANKS = b" " * 65_536


async def deliver(request: web.BaseRequest, reply: Reply, delivery: Delivery, pause: float) -> web.StreamResponse:
    """Answer a request. `pause` is the seconds between two bytes of a slow body."""
    if delivery is Delivery.WHOLE:
        return await _padded(request, reply) if reply.blanks else _whole(reply)
    if delivery is Delivery.SLOW_BODY:
        return await _slow(request, reply, pause)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the caller is gone")
    if delivery is Delivery.CLOSE_AFTER:
        transport.write(_head(reply) + reply.body)
        transport.close()
    elif delivery is not Delivery.HANG:
        _break_off(transport, reply, delivery)
    return await _end()


def _whole(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type, **reply.headers}
    )


async def _padded(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Send the answer with its blanks, a piece at a time, as fast as the caller reads."""
    response = await _begun(request, reply)
    await response.write(reply.body[:1])
    for _ in range(reply.blanks // len(BLANKS)):
        await response.write(BLANKS)
    await response.write(BLANKS[: reply.blanks % len(BLANKS)] + reply.body[1:])
    return response


async def _slow(request: web.BaseRequest, reply: Reply, pause: float) -> web.StreamResponse:
    response = await _begun(request, reply)
    for byte in reply.body:
        await asyncio.sleep(pause)
        await response.write(bytes((byte,)))
    return response


async def _begun(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """An answer whose headers are sent."""
    headers = {"Content-Type": reply.content_type, **reply.headers}
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.body) + reply.blanks
    await response.prepare(request)
    return response


def _break_off(transport: asyncio.Transport, reply: Reply, delivery: Delivery) -> None:
    """Write as much of the answer as is meant, then close or reset."""
    head, body = _head(reply), reply.body
    sent = {
        Delivery.CLOSE: b"",
        Delivery.RESET: b"",
        Delivery.RESET_IN_HEAD: head[: len(head) // 2],
        Delivery.RESET_BEFORE_BODY: head,
        Delivery.RESET_IN_BODY: head + body[: len(body) // 2],
        Delivery.RESET_AFTER_BODY: head + body,
        Delivery.CUT_BODY: head + body[: len(body) // 2],
    }[delivery]
    if sent:
        transport.write(sent)
    if delivery in (Delivery.CLOSE, Delivery.CUT_BODY):
        transport.close()
        return
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()


async def _end() -> web.StreamResponse:
    """Wait until the server ends this handler, which it does when the connection is gone or the emulator closes."""
    never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await never


def _head(reply: Reply) -> bytes:
    """Status line and headers of an answer on a connection that is said to stay open."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = {"Content-Type": reply.content_type, **reply.headers, "Content-Length": str(len(reply.body))}
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
