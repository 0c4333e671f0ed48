"""Takes opt-outs with aiohttp.web: `python aiohttp_app.py 8080`."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator

from aiohttp import web
from receiver import TOO_OLD, OptOut, from_fields, from_message, from_signed, is_secret

from walead_async import AsyncSession, InvalidInputError, Outbox, OutboxError, VoiceAgentSession

OUTBOX = web.AppKey("outbox", Outbox)


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    """One session for each service and one outbox, open as long as the application runs."""
    async with (
        AsyncSession() as session,
        VoiceAgentSession() as phones,
        Outbox.open(os.environ["OUTBOX"], session, phones=phones) as outbox,
    ):
        app[OUTBOX] = outbox
        yield


async def stored(request: web.Request, opt_out: OptOut, reason: str) -> web.Response:
    """Answer once the opt-out is on the disk. A sender who gets 503 has to try again, and may."""
    try:
        await request.app[OUTBOX].block(
            opt_out.profile, reason=reason, numbers=opt_out.numbers(), idempotency_key=opt_out.key
        )
    except InvalidInputError as error:
        return web.Response(status=422, text=str(error))
    except OutboxError:
        return web.Response(status=503, text="Please try again in a minute.", headers={"Retry-After": "60"})
    return web.Response(status=202, text="You will not be contacted again.")


async def form(request: web.Request) -> web.Response:
    """The form on the web site."""
    return await stored(request, from_fields(await request.post()), "opt-out form")


async def message_received(request: web.Request) -> web.Response:
    """WaLead's own webhook: a lead wrote something."""
    if not is_secret(request.match_info["secret"]):
        return web.Response(status=404)
    try:
        opt_out = from_message(await request.read())
    except ValueError:
        return web.Response(status=422, text="not a message_received event")
    return web.Response() if opt_out is None else await stored(request, opt_out, "asked in a message")


async def signed(request: web.Request) -> web.Response:
    """A webhook of another system, signed by https://www.standardwebhooks.com."""
    opt_out = from_signed(await request.read(), request.headers)
    return web.Response(status=401) if opt_out is None else await stored(request, opt_out, "webhook")


async def health(request: web.Request) -> web.Response:
    """503 when the oldest opt-out waits for too long: for a load balancer, and for whoever is on call."""
    try:
        status = await request.app[OUTBOX].status()
    except OutboxError as error:
        return web.json_response({"error": str(error)}, status=503)
    body = {"depth": status.depth, "oldest_seconds": status.oldest_seconds, "failed": status.failed}
    return web.json_response(body, status=503 if (status.oldest_seconds or 0.0) > TOO_OLD else 200)


def application() -> web.Application:
    """The routes of the server."""
    app = web.Application()
    app.cleanup_ctx.append(lifespan)
    app.router.add_post("/opt-out", form)
    app.router.add_post("/hooks/signed", signed)
    app.router.add_post("/hooks/{secret}/message-received", message_received)
    app.router.add_get("/health", health)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
