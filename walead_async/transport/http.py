"""One attempt over aiohttp, with proxy, TLS and time-outs: only this file imports its client."""

from __future__ import annotations

import asyncio
import math
import os
import ssl as tls
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp import hdrs
from aiohttp.http_exceptions import HttpProcessingError
from multidict import istr
from yarl import URL

from walead_async.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    SessionClosedError,
    UnexpectedResponseError,
    WaleadError,
)
from walead_async.transport.responses import MAX_BODY, UntrustedServerError, decoded, too_large

if TYPE_CHECKING:
    from collections.abc import Mapping

    from walead_async.config import Timeouts
    from walead_async.transport.messages import Request
    from walead_async.transport.secrets import SecretText

__all__ = ["Http", "Reply", "Watch", "checked_proxy", "trusting"]

JSON = "application/json"
#: How many URLs without a query are kept: a session has few paths, but one a campaign.
URLS_KEPT = 1024
#: How many limits for connecting are kept: one for each patience, and more only where deadlines cut it short.
TIMEOUTS_KEPT = 64


class Reply(NamedTuple):
    """What an attempt was answered with: any status, and the whole body without its content encoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _BrokenConnectionError(aiohttp.ClientError):
    """Stands in for the errors after which aiohttp would send a GET or a DELETE again by itself."""


async def _never_resend(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A client middleware: hide a broken connection from aiohttp's own re-sending, which asks nobody."""
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenConnectionError(_reason(error)) from None


_NEVER_RESEND = (_never_resend,)


class Http:
    """Sends single attempts to one service. Opens its own aiohttp session at the first attempt, and closes it."""

    def __init__(
        self,
        base_url: str,
        *,
        key_header: str,
        borrowed: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        ssl: tls.SSLContext | str | os.PathLike[str] | None = None,
    ) -> None:
        """Check the options; nothing is connected. Raises `ConfigurationError`."""
        if borrowed is not None and not isinstance(borrowed, aiohttp.ClientSession):
            raise ConfigurationError(f"http must be an aiohttp.ClientSession, not {type(borrowed).__name__}")
        parts = urlsplit(base_url)
        self._scheme, self._authority, self._prefix = parts.scheme, parts.netloc, parts.path
        self._host = parts.hostname or ""
        self._proxy = checked_proxy(proxy, scheme=parts.scheme)
        # What aiohttp takes for granted costs time if it is said with every request.
        self._route: dict[str, Any] = {"proxy": self._proxy} if self._proxy else {}
        if ssl is not None:
            self._route["ssl"] = trusting(ssl)
        self._borrowed = borrowed
        # As aiohttp's own names of headers are: prepared for comparison without case.
        self._key_header = istr(key_header)
        self._urls: dict[str, URL] = {}
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._watch = Watch()
        self._agent = _agent()
        self._client: aiohttp.ClientSession | None = None
        self._key: SecretText | None = None

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
        total = deadline - now
        failure: WaleadError | None = None
        response: aiohttp.ClientResponse | None = None
        task = asyncio.current_task()
        assert task is not None, "requests are sent from tasks"
        cancelling = task.cancelling()
        until = min(deadline, now + timeouts.total)
        self._watch.begin(task, min(now + timeouts.read, until))
        try:
            response = await client.request(
                request.method,
                self._url(request),
                data=request.body,
                headers=self._headers(request, key) if request.body or self._proxy else None,
                allow_redirects=False,
                timeout=self._timeout(min(timeouts.connect, total)),
                # aiohttp sends a POST once only
                middlewares=None if request.method == "POST" else _NEVER_RESEND,
                **self._route,
            )
            content = response.content
            # A small answer is here as a whole already.
            body = content.read_nowait() if content.is_eof() else await self._read(response, timeouts.read, until)
            encoding = response.headers.get(hdrs.CONTENT_ENCODING, "identity")
            if encoding and encoding.lower() != "identity" and body:
                body = decoded(body, encoding)
            return Reply(response.status, response.headers, body)
        except asyncio.CancelledError:
            if not self._watch.ended_it(task, cancelling):
                raise
            failure = self._silent(timeouts, total)
        except WaleadError as error:
            failure = error
        except (aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError, ValueError) as error:
            failure = self._translated(error, timeouts, total, answered=response is not None)
        finally:
            self._watch.end(task)
            if response is not None and response.connection is not None:
                response.release()
        # Raised here, not in the handler: aiohttp's error holds the request's headers, so it must not be the context.
        raise failure

    async def _read(self, response: aiohttp.ClientResponse, silence: float, until: float) -> bytes:
        """The whole body before `until`, unless it is larger than `MAX_BODY`. Raises `UnexpectedResponseError`."""
        if (response.content_length or 0) <= MAX_BODY:
            content = response.content
            chunks: list[bytes] = []
            size = 0
            self._watch.heard(silence, until)
            while chunk := await content.readany():
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_BODY:
                    break
                self._watch.heard(silence, until)
            else:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            # An error lives long, and its traceback would keep these.
            chunks.clear()
            del chunk
        response.close()
        raise too_large()

    async def close(self) -> None:
        """Close what was opened here; a borrowed session stays as it is."""
        self._watch.close()
        if self._client is not None:
            await self._client.close()

    def _open(self) -> aiohttp.ClientSession:
        """A client session of our own. Of a borrowed one it shares the connections, and nothing that could interfere.

        The borrowed session's default headers, cookies, time-outs, traces and middlewares stay out of our requests,
        and our answers' cookies stay out of it.
        """
        if self._borrowed is not None and (self._borrowed.closed or self._borrowed.connector is None):
            raise SessionClosedError("the http session that was lent to this session is closed: lend an open one")
        connector = self._borrowed.connector if self._borrowed is not None else aiohttp.TCPConnector(limit=0)
        self._key = None
        self._client = aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._borrowed is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                hdrs.ACCEPT: JSON,
                hdrs.ACCEPT_ENCODING: "identity",
                hdrs.USER_AGENT: self._agent,
            },
            auto_decompress=False,
        )
        return self._client

    def _hold(self, client: aiohttp.ClientSession, key: SecretText) -> None:
        """Let the client send this key with every request, unless there is a proxy: it is shown those headers too."""
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
            return self._build(request.path, request.query)
        url = self._urls.get(request.path)
        if url is None:
            if len(self._urls) >= URLS_KEPT:
                self._urls.clear()
            url = self._urls[request.path] = self._build(request.path, "")
        return url

    def _build(self, path: str, query: str) -> URL:
        return URL.build(
            scheme=self._scheme, authority=self._authority, path=self._prefix + path, query_string=query, encoded=True
        )

    def _timeout(self, connect: float) -> aiohttp.ClientTimeout:
        """Only what aiohttp alone can limit: how long a connection takes to open. The watch does the rest."""
        known = self._timeouts.get(connect)
        if known is None:
            known = aiohttp.ClientTimeout(total=None, connect=connect)
            if len(self._timeouts) < TIMEOUTS_KEPT:
                self._timeouts[connect] = known
        return known

    def _silent(self, timeouts: Timeouts, total: float) -> WaleadError:
        limit = f"{timeouts.read:g} s of silence or {min(total, timeouts.total):g} s in all"
        return _after_sending(DeadlineExceededError(f"no whole answer from {self._host} within {limit}"))

    def _translated(self, error: Exception, timeouts: Timeouts, total: float, *, answered: bool) -> WaleadError:
        """Our error for one of aiohttp's, in our own words: theirs may hold the query, the headers or a password."""
        where = self._host
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return DeadlineExceededError(f"no connection to {where} within {min(timeouts.connect, total):g} s")
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return UntrustedServerError(
                f"the TLS certificate of {where} was not accepted ({_reason(error)}); "
                "a private certificate authority is named with ssl="
            )
        if isinstance(error, aiohttp.ClientSSLError):
            return ConnectionFailedError(f"no TLS connection to {where}: is this its https address? ({_reason(error)})")
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return ConnectionFailedError(f"no connection to the proxy ({_reason(error)})")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return ConnectionFailedError(f"the proxy refused to connect to {where} with {error.status}")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return ConnectionFailedError(f"the host name {where} cannot be resolved ({_reason(error)})")
        if isinstance(error, aiohttp.ClientConnectorError):
            return ConnectionFailedError(f"no connection to {where} ({_reason(error)})")
        if isinstance(error, RuntimeError) or str(error) == "Connector is closed.":
            return SessionClosedError("the connections of this session were closed while it was in use: open a new one")
        if isinstance(error, TimeoutError):
            return self._silent(timeouts, total)
        if isinstance(error, (aiohttp.ClientResponseError, HttpProcessingError)) and not answered:
            return _after_sending(UnexpectedResponseError(f"{where} answered with something that is not HTTP"))
        if answered:
            return _after_sending(ConnectionFailedError(f"the answer of {where} broke off ({_reason(error)})"))
        return _after_sending(ConnectionFailedError(f"the connection to {where} broke ({_reason(error)})"))


def _after_sending(error: WaleadError) -> WaleadError:
    error.maybe_applied = True
    return error


def _reason(error: BaseException) -> str:
    """Why, in a few words that can hold no header and no URL: the system's message, or the name of the error."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    text = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    if isinstance(error, _BrokenConnectionError):
        text = str(error)
    return text if isinstance(text, str) and text else type(inner).__name__


def _agent() -> str:
    """The user agent."""
    from importlib.metadata import version  # a fifth of what this package would add to an import

    return f"walead_async/{version('walead_async')}"


class Watch:
    """Interrupts the tasks that go on for too long: each meets a CancelledError where it waits.

    Times are those of the loop's clock. A task has one limit at a time.
    """

    __slots__ = ("_due", "_expired", "_next", "_timer")

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def begin(self, task: asyncio.Task[object], due: float) -> None:
        """Interrupt this task when `due`, unless its attempt has ended, or something was heard, before."""
        self._due[task] = due
        if due < self._next:
            self._set_timer(due)

    def heard(self, silence: float, until: float) -> None:
        """Something arrived for the current task: it has `silence` seconds more, but no longer than `until`."""
        task = asyncio.current_task()
        if task in self._due:
            self._due[task] = min(asyncio.get_running_loop().time() + silence, until)

    def end(self, task: asyncio.Task[object]) -> None:
        """The attempt is over. The timer stays: with others under way it is needed, and soon there are others."""
        self._due.pop(task, None)

    def ended_it(self, task: asyncio.Task[object], cancelling: int) -> bool:
        """Asked on a CancelledError: True if it came from this watch and from nobody else.

        `cancelling` is what `task.cancelling()` was at the beginning.
        """
        if task not in self._expired:
            return False
        self._expired.discard(task)
        return task.uncancel() <= cancelling

    def close(self) -> None:
        """Interrupt every task that is watched, and watch no more."""
        for task in list(self._due):
            self._interrupt(task)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next = math.inf

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        self._next = math.inf
        now = asyncio.get_running_loop().time()
        for task in [task for task, due in self._due.items() if due <= now]:
            self._interrupt(task)
        if self._due:
            self._set_timer(min(self._due.values()))

    def _interrupt(self, task: asyncio.Task[object]) -> None:
        del self._due[task]
        self._expired.add(task)
        task.cancel()


def checked_proxy(proxy: str | None, *, scheme: str) -> URL | None:
    """The URL of a proxy for a service of this scheme. Raises `ConfigurationError`."""
    if proxy is None:
        return None
    # The text may hold a password, so no message repeats it.
    try:
        url = URL(proxy) if isinstance(proxy, str) else None
    except ValueError:
        url = None
    if url is None or url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("proxy must be the URL of an HTTP proxy, such as http://proxy.example:3128")
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
