"""One attempt over aiohttp, with proxy, TLS and time-outs: only this file imports its client."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import ssl as tls
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs
from aiohttp.http_exceptions import HttpProcessingError
from multidict import istr
from yarl import URL

from walead_async._version import __version__
from walead_async.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    SessionClosedError,
    UnexpectedResponseError,
    WaleadError,
)
from walead_async.transport.responses import MAX_BODY, PermanentConnectionError, decoded, too_large

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from aiohttp.connector import Connection

    from walead_async.config import Timeouts
    from walead_async.transport.messages import Request
    from walead_async.transport.secrets import SecretText

__all__ = ["Http", "Reply"]

T = TypeVar("T")

JSON = "application/json"
USER_AGENT = f"walead_async/{__version__}"
#: The longest header that is read, in bytes.
LONGEST_HEADER = 64 * 1024
#: How many URLs without a query are kept: a session has few paths, but one a campaign.
URLS_KEPT = 1024
#: How many idle connections of a pool may have sent something unasked, one after the other, before a call gives up.
MOST_STALE = 20
#: How long closing waits for the attempts under way to end, in seconds: only a resolver of the caller's can delay it.
CANCEL_GRACE = 1.0


class _BrokenConnectionError(aiohttp.ClientError):
    """Stands in for the errors after which aiohttp would send a GET or a DELETE again by itself."""


class _UnaskedAnswerError(aiohttp.ClientError):
    """A kept connection has something to read before anything was asked. Nothing was sent over it."""


#: What aiohttp raises before it sends anything, what it is to our callers, and in which words. Children come first.
NOTHING_SENT: tuple[tuple[type[Exception], type[WaleadError], str], ...] = (
    (aiohttp.ConnectionTimeoutError, DeadlineExceededError, "no connection to {where} within {connect:g} s"),
    (
        aiohttp.ClientConnectorCertificateError,
        PermanentConnectionError,
        "the TLS certificate of {where} was not accepted ({why}); a private certificate authority is named with ssl=",
    ),
    (
        aiohttp.ClientSSLError,
        ConnectionFailedError,
        "no TLS connection to {where}: is this its https address? ({why})",
    ),
    (aiohttp.ClientProxyConnectionError, ConnectionFailedError, "no connection to the proxy ({why})"),
    (aiohttp.ClientHttpProxyError, ConnectionFailedError, "the proxy refused to connect to {where} with {status}"),
    (aiohttp.ClientConnectorDNSError, ConnectionFailedError, "the host name {where} cannot be resolved ({why})"),
    (aiohttp.ClientConnectorError, ConnectionFailedError, "no connection to {where} ({why})"),
    (_UnaskedAnswerError, ConnectionFailedError, "{where} sends answers that nobody asked for"),
)


class Reply(NamedTuple):
    """What an attempt was answered with: any status, and the whole body without its content encoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """Sends single attempts to one service. Opens its own aiohttp session at the first attempt, and closes it."""

    def __init__(
        self,
        base_url: str,
        *,
        key_header: str,
        borrowed: aiohttp.ClientSession | None = None,
        proxy: str | Literal[False] | None = None,
        ssl: tls.SSLContext | str | os.PathLike[str] | None = None,
    ) -> None:
        """Check the options; nothing is connected. Raises `ConfigurationError`."""
        if borrowed is not None and not isinstance(borrowed, aiohttp.ClientSession):
            raise ConfigurationError(f"http must be an aiohttp.ClientSession, not {type(borrowed).__name__}")
        parts = urlsplit(base_url)
        self._scheme, self._authority, self._prefix = parts.scheme, parts.netloc, parts.path
        self.host: str = parts.hostname or ""
        self.port: int = parts.port or (443 if parts.scheme == "https" else 80)
        self._proxy = proxy_for(parts.scheme, self.host, proxy)
        # What aiohttp takes for granted costs time if it is said with every request.
        self._options: dict[str, Any] = {"proxy": self._proxy} if self._proxy else {}
        if ssl is not None:
            self._options["ssl"] = trusting(ssl)
        self._borrowed = borrowed
        # As aiohttp's own names of headers are: prepared for comparison without case.
        self._key_header = istr(key_header)
        self._key: SecretText | None = None
        self._urls: dict[str, URL] = {}
        self._limits = TaskTimeouts()
        self._client: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed: bool = False

    def usable(self) -> asyncio.AbstractEventLoop:
        """The running loop. Raises `SessionClosedError` if the session is closed, or belongs to another loop."""
        if self.closed:
            raise SessionClosedError("this session is closed: open a new one")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise SessionClosedError("this session belongs to another event loop: open one in each loop")
            self._loop = loop
        return loop

    async def exchange(
        self, request: Request, key: SecretText, timeouts: Timeouts, deadline: float, now: float
    ) -> Reply:
        """Send one attempt and read its answer before `deadline`; both times are of the loop's clock.

        Raises `ConnectionFailedError`, `DeadlineExceededError`, `UnexpectedResponseError` or `SessionClosedError`;
        their `maybe_applied` is False if no byte of the request was sent.
        """
        client = self._client
        if client is None or client.closed:
            client = self._open()
        if key is not self._key:
            self._hold(client, key)
        connect = min(timeouts.connect, deadline - now)
        until = min(deadline, now + timeouts.total)
        failure: WaleadError | None = None
        response: aiohttp.ClientResponse | None = None
        stale = 0
        task = asyncio.current_task()
        assert task is not None, "requests are sent from tasks"
        cancelling = task.cancelling()
        self._limits.begin(task, min(now + timeouts.read, until))
        try:
            while response is None:
                try:
                    response = await client.request(
                        request.method,
                        self._url(request),
                        data=request.body,
                        headers=self._headers(request, key) if request.body or self._proxy else None,
                        allow_redirects=False,
                        timeout=_to_connect(connect),
                        # aiohttp sends a POST once only
                        middlewares=None if request.method == "POST" else _NEVER_RESEND,
                        **self._options,
                    )
                except _UnaskedAnswerError:
                    stale += 1
                    if stale > MOST_STALE:
                        raise
            # A small answer is here as a whole already. No body is kept in a local: a traceback would show it.
            if response.content.is_eof():
                return _reply(response, response.content.read_nowait())
            return _reply(response, await self._read(response, task, timeouts.read, until))
        except asyncio.CancelledError:
            if not self._limits.ended_it(task, cancelling):
                raise
            failure = _too_slow(self.host, timeouts, until - now)
        except WaleadError as error:
            failure = error
        except Exception as error:
            failure = self._failure(error, timeouts, connect, until - now, answered=response is not None)
        finally:
            self._limits.end(task)
            if response is not None and response.connection is not None:
                response.close()
        # Raised here and without the frames below: aiohttp's errors hold the request's headers, the frames the answer.
        response = None
        raise failure.with_traceback(None)

    async def _read(
        self, response: aiohttp.ClientResponse, task: asyncio.Task[object], silence: float, until: float
    ) -> bytes:
        """The body as it came, with at most `silence` seconds between its parts. Raises `UnexpectedResponseError`."""
        if (response.content_length or 0) > MAX_BODY:
            raise too_large()
        chunks: list[bytes] = []
        size = 0
        self._limits.extend(task, silence, until)
        while chunk := await response.content.readany():
            self._limits.extend(task, silence, until)
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise too_large()
        return b"".join(chunks)

    async def unless_closed(self, wait: Coroutine[Any, Any, T]) -> T:
        """Await this. Closing ends it, with `SessionClosedError`."""
        task = asyncio.current_task()
        assert task is not None, "requests are sent from tasks"
        cancelling = task.cancelling()
        self._limits.begin(task, math.inf)
        try:
            return await wait
        except asyncio.CancelledError:
            if not self._limits.ended_it(task, cancelling):
                raise
        finally:
            self._limits.end(task)
        raise SessionClosedError("this session was closed before the request had its turn")

    async def close(self) -> None:
        """End the attempts under way and all waits, and close what was opened here; a borrowed session stays as it is.

        All this happens in the session's own loop, also if another thread's loop asks for it. If the session's loop
        does not run any more, nothing is under way.
        """
        self.closed = True
        loop = self._loop
        if loop is None or loop is asyncio.get_running_loop():
            await self._close()
        elif loop.is_running():
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._close(), loop))
        elif loop.is_closed() and self._client is not None:
            await self._client.close()

    async def _close(self) -> None:
        # The attempts abort their connections themselves: aiohttp would wait for what they still have to send.
        await self._limits.close()
        if self._client is not None:
            await self._client.close()

    def _open(self) -> aiohttp.ClientSession:
        """A client session of our own. Of a borrowed one it shares the connections, and nothing that could interfere.

        The borrowed session's default headers, cookies, time-outs, traces and middlewares stay out of our requests,
        and our answers' cookies stay out of it.
        """
        borrowed = self._borrowed
        if borrowed is not None and (borrowed.closed or borrowed.connector is None):
            raise SessionClosedError("the http session that was lent to this session is closed: lend an open one")
        self._key = None
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0) if borrowed is None else borrowed.connector,
            connector_owner=borrowed is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={hdrs.ACCEPT: JSON, hdrs.ACCEPT_ENCODING: "identity", hdrs.USER_AGENT: USER_AGENT},
            auto_decompress=False,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            request_class=_Request,
            response_class=_Response,
        )
        # What instruments aiohttp for the whole process would write down whom we search for.
        self._client.trace_configs.clear()
        return self._client

    def _hold(self, client: aiohttp.ClientSession, key: SecretText) -> None:
        """Put the key into the client's default headers, but not with a proxy: aiohttp repeats those in CONNECT."""
        # to give it with each request costs a sixtieth of that
        self._key = key
        if not self._proxy:
            client.headers[self._key_header] = key

    def _headers(self, request: Request, key: SecretText) -> dict[str, str]:
        """The headers of this request, besides those that the client sends with each."""
        headers: dict[str, str] = {self._key_header: key} if self._proxy else {}
        if request.body:
            headers[hdrs.CONTENT_TYPE] = JSON
        return headers

    def _url(self, request: Request) -> URL:
        if request.query:
            return self._built(request.path, request.query)
        url = self._urls.get(request.path)
        if url is None:
            if len(self._urls) >= URLS_KEPT:
                self._urls.clear()
            url = self._urls[request.path] = self._built(request.path, "")
        return url

    def _built(self, path: str, query: str) -> URL:
        return URL.build(
            scheme=self._scheme, authority=self._authority, path=self._prefix + path, query_string=query, encoded=True
        )

    def _failure(
        self, error: Exception, timeouts: Timeouts, connect: float, total: float, *, answered: bool
    ) -> WaleadError:
        """Our error for whatever an attempt raised, in our own words: others hold the query, headers or a password."""
        where, why = self.host, _reason(error)
        if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == 407:
            return PermanentConnectionError(
                "the proxy wants a user name and a password (407): write them into its URL, http://NAME:PASSWORD@HOST:PORT"
            )
        for theirs, ours, words in NOTHING_SENT:
            if isinstance(error, theirs):
                status = getattr(error, "status", None)
                return ours(words.format(where=where, why=why, connect=connect, status=status))
        if self._client is None or self._client.closed:
            closed = SessionClosedError("the connections of this session were closed in use: open a new one")
            # these two are raised before anything is sent
            closed.maybe_applied = not isinstance(error, RuntimeError) and str(error) != "Connector is closed."
            return closed
        if isinstance(error, TimeoutError):
            return _too_slow(where, timeouts, total)
        if isinstance(error, (aiohttp.ClientResponseError, HttpProcessingError)) and not answered:
            return _after_sending(UnexpectedResponseError(f"{where} answered with something that is not HTTP"))
        what = "the answer of {} broke off ({})" if answered else "the connection to {} broke ({})"
        return _after_sending(ConnectionFailedError(what.format(where, why)))


def _reply(response: aiohttp.ClientResponse, body: bytes) -> Reply:
    headers = response.headers
    return Reply(response.status, headers, decoded(body, headers.get(hdrs.CONTENT_ENCODING, "")))


def _after_sending(error: WaleadError) -> WaleadError:
    error.maybe_applied = True
    return error


def _too_slow(where: str, timeouts: Timeouts, total: float) -> WaleadError:
    limit = f"{timeouts.read:g} s of silence or {total:g} s in all"
    return _after_sending(DeadlineExceededError(f"no whole answer from {where} within {limit}"))


def _reason(error: BaseException) -> str:
    """Why, in a few words that can hold no header and no URL: the system's message, or the name of the error."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    if isinstance(error, _BrokenConnectionError):
        text = str(error)
    return text if isinstance(text, str) and text else type(inner).__name__


@lru_cache(64)
def _to_connect(seconds: float) -> aiohttp.ClientTimeout:
    """Only what aiohttp alone can limit: how long a connection takes to open. `TaskTimeouts` does the rest."""
    return aiohttp.ClientTimeout(total=None, connect=seconds)


async def _never_resend(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A client middleware: hide a broken connection from aiohttp's own re-sending, which asks nobody."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenConnectionError(_reason(error)) from None


_NEVER_RESEND = (_never_resend,)


class _Request(aiohttp.ClientRequest):
    """Refuses a kept connection on which an answer came that nobody asked for: it would be taken for ours."""

    def send(  # pyright: ignore[reportIncompatibleMethodOverride]  # it returns the coroutine of aiohttp's own
        self, conn: Connection
    ) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        if conn.protocol is not None and conn.protocol.should_close:
            raise _UnaskedAnswerError
        return super().send(conn)


class _Response(aiohttp.ClientResponse):
    """Aborts its connection where aiohttp closes it: a close waits for as long as the peer does not read."""

    def close(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        super().close()


class TaskTimeouts:
    """Cancels tasks whose attempt takes too long, with one timer for all of them: one each costs 3 % of a call.

    Closing cancels them all, so that those which only wait stand here too, due never. Times are those of the loop's
    clock. A task has one limit at a time.
    """

    __slots__ = ("_due", "_expired", "_next", "_one_ended", "_timer")

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf
        self._one_ended = asyncio.Event()

    def begin(self, task: asyncio.Task[object], due: float) -> None:
        """Cancel this task when `due`, unless its attempt has ended, or was given more time, before."""
        self._due[task] = due
        if due < self._next:
            self._look_at(due)

    def extend(self, task: asyncio.Task[object], silence: float, until: float) -> None:
        """This task has `silence` seconds more, but no longer than `until`."""
        self._due[task] = min(asyncio.get_running_loop().time() + silence, until)

    def end(self, task: asyncio.Task[object]) -> None:
        """The attempt is over. The timer stays: with others under way it is needed, and soon there are others."""
        self._due.pop(task, None)
        if self._expired:
            self._expired.discard(task)
            self._one_ended.set()

    def ended_it(self, task: asyncio.Task[object], cancelling: int) -> bool:
        """True if this CancelledError is our time-out and no outside cancellation.

        `cancelling` is what `task.cancelling()` was at the beginning.
        """
        return task in self._expired and task.uncancel() <= cancelling

    async def close(self) -> None:
        """Cancel every attempt and wait under way, and wait for them to end: for a second at most, if they do not."""
        self._expire(math.inf)
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_GRACE):
                while self._due:
                    self._one_ended.clear()
                    await self._one_ended.wait()

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        self._next = math.inf
        self._expire(asyncio.get_running_loop().time())
        upcoming = min((due for task, due in self._due.items() if task not in self._expired), default=math.inf)
        if upcoming < math.inf:
            self._look_at(upcoming)

    def _expire(self, now: float) -> None:
        for task, due in self._due.items():
            if due <= now and task not in self._expired:
                self._expired.add(task)
                task.cancel()


def proxy_for(scheme: str, host: str, proxy: str | Literal[False] | None) -> URL | None:
    """The URL of the proxy on the way to a host, None if there is none.

    Without one given, HTTPS_PROXY is used for https, unless NO_PROXY names the host; `False` is none in any case.
    Raises `ConfigurationError`.
    """
    if proxy is False:
        return None
    if proxy is not None:
        return _checked_proxy(proxy, "proxy", scheme)
    if scheme != "https" or not any(name.lower() == "https_proxy" for name in os.environ):
        return None
    # A third of what this package adds to an import.
    from urllib.request import getproxies_environment, proxy_bypass

    named = getproxies_environment().get("https")
    if not named or proxy_bypass(host):
        return None
    return _checked_proxy(named if "://" in named else f"http://{named}", "HTTPS_PROXY", scheme)


def _checked_proxy(proxy: object, name: str, scheme: str) -> URL:
    # The text may hold a password, so no message repeats it.
    try:
        url = URL(proxy) if isinstance(proxy, str) else None
    except ValueError:
        url = None
    if url is None or url.scheme not in {"http", "https"} or not url.host:
        way_out = "" if name == "proxy" else "; proxy=False uses none"
        raise ConfigurationError(f"{name} must be the URL of an HTTP proxy, such as http://proxy.example:3128{way_out}")
    if scheme != "https":
        raise ConfigurationError("a proxy would see the API key of an http base URL: use https, or no proxy")
    return url


def trusting(ssl: tls.SSLContext | str | os.PathLike[str]) -> tls.SSLContext:
    """Whose certificates are trusted instead of those that the system trusts. Raises `ConfigurationError`."""
    if isinstance(ssl, tls.SSLContext):
        return ssl
    if not isinstance(ssl, (str, os.PathLike)) or not os.fspath(ssl):
        raise ConfigurationError("ssl takes an ssl.SSLContext or the path of a file with a private CA's certificate")
    try:
        return tls.create_default_context(cafile=ssl)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"the CA file {os.fspath(ssl)!r} cannot be used: {why}") from None
