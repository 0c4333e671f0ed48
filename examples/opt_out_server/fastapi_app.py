"""Takes opt-outs with FastAPI: `uvicorn fastapi_app:app --workers 4`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from receiver import TOO_OLD, OptOut, from_message, from_signed, is_secret

from walead_async import AsyncSession, InvalidInputError, Outbox, OutboxError, VoiceAgentSession


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One session for each service and one outbox, open as long as this worker runs."""
    async with (
        AsyncSession() as session,
        VoiceAgentSession() as phones,
        Outbox.open(os.environ["OUTBOX"], session, phones=phones) as outbox,
    ):
        app.state.outbox = outbox
        yield


app = FastAPI(lifespan=lifespan)


async def stored(opt_out: OptOut, reason: str) -> Response:
    """Answer once the opt-out is on the disk. A sender who gets 503 has to try again, and may."""
    outbox: Outbox = app.state.outbox
    try:
        await outbox.block(opt_out.profile, reason=reason, numbers=opt_out.numbers(), idempotency_key=opt_out.key)
    except InvalidInputError as error:
        return PlainTextResponse(str(error), 422)
    except OutboxError:
        return PlainTextResponse("Please try again in a minute.", 503, {"Retry-After": "60"})
    return PlainTextResponse("You will not be contacted again.", 202)


@app.post("/opt-out")
async def form(profile: Annotated[str, Form()], phone: Annotated[str | None, Form()] = None) -> Response:
    """The form on the web site."""
    return await stored(OptOut(profile, phone or None), "opt-out form")


@app.post("/hooks/{secret}/message-received")
async def message_received(secret: str, request: Request) -> Response:
    """WaLead's own webhook: a lead wrote something."""
    if not is_secret(secret):
        return Response(status_code=404)
    try:
        opt_out = from_message(await request.body())
    except ValueError:
        return PlainTextResponse("not a message_received event", 422)
    return Response(status_code=200) if opt_out is None else await stored(opt_out, "asked in a message")


@app.post("/hooks/signed")
async def signed(request: Request) -> Response:
    """A webhook of another system, signed by https://www.standardwebhooks.com."""
    opt_out = from_signed(await request.body(), request.headers)
    return Response(status_code=401) if opt_out is None else await stored(opt_out, "webhook")


@app.get("/health")
async def health() -> Response:
    """503 when the oldest opt-out waits for too long: for a load balancer, and for whoever is on call."""
    try:
        status = await app.state.outbox.status()
    except OutboxError as error:
        return JSONResponse({"error": str(error)}, 503)
    body = {"depth": status.depth, "oldest_seconds": status.oldest_seconds, "failed": status.failed}
    return JSONResponse(body, 503 if (status.oldest_seconds or 0.0) > TOO_OLD else 200)
