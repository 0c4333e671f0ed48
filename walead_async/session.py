"""The two sessions: each owns its connections, its limits and its retry budget, and hands out the resources."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, cast

from walead_async.config import (
    RateLimit,
    RateLimiter,
    RetryPolicy,
    Timeouts,
    key_from_environment,
    text_from_environment,
)
from walead_async.config import base_url as checked_base_url
from walead_async.errors import ConfigurationError, InvalidInputError
from walead_async.identifiers import path_id, query_id
from walead_async.phones import number_reader
from walead_async.resources.agents import ALL, Agent, list_agents
from walead_async.resources.blocked_leads import BlockedLeads, ListMemory
from walead_async.resources.campaigns import Campaign
from walead_async.resources.everywhere import Everywhere
from walead_async.resources.other_calls import other_call
from walead_async.transport.client import Client
from walead_async.transport.http import Http
from walead_async.transport.limiter import Limiter, SpacedLimiter
from walead_async.transport.secrets import KeySource, hidden

if TYPE_CHECKING:
    import os
    import ssl as tls
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Literal, Self

    import aiohttp

    from walead_async.events import Event, Hook
    from walead_async.models import AgentInfo
    from walead_async.resources.other_calls import Param
    from walead_async.transport.messages import Response

__all__ = ["AsyncSession", "VoiceAgentSession"]


class _Session:
    """What both sessions have in common: configuration, life cycle and patience."""

    #: The service's name, the prefix of its environment variables, its address and the header that takes its key.
    _service: str
    _variables: str
    _default_url: str
    _key_header: str

    def __init__(
        self,
        api_key: str | Callable[[], str] | None = None,
        *,
        base_url: str | None = None,
        retry: RetryPolicy = RetryPolicy(),
        timeouts: Timeouts = Timeouts(),
        concurrency: int = 8,
        rate_limit: RateLimit | RateLimiter | None = None,
        http: aiohttp.ClientSession | None = None,
        proxy: str | Literal[False] | None = None,
        ssl: tls.SSLContext | str | os.PathLike[str] | None = None,
        hooks: Iterable[Hook] = (),
    ) -> None:
        api_key = hidden(api_key)
        _check_patience(retry, timeouts)
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise ConfigurationError(f"concurrency must be a whole number of at least 1, not {concurrency!r}")
        self._base_url = checked_base_url(base_url, variable=f"{self._variables}_BASE_URL", default=self._default_url)
        if api_key is None:
            api_key = hidden(key_from_environment(self._variables))
        self._owner = True
        # What is learned of the workspace's list; the views of `with_options` learn together.
        self._memory = ListMemory()
        self._client = Client(
            Http(self._base_url, key_header=self._key_header, borrowed=http, proxy=proxy, ssl=ssl),
            KeySource(api_key, service=self._service),
            Limiter(concurrency, _rate_limiter(rate_limit)),
            policy=retry,
            timeouts=timeouts,
            hooks=_listeners(hooks),
        )

    def __repr__(self) -> str:
        client: Client | None = getattr(self, "_client", None)
        if client is None:
            return f"<{type(self).__name__} that could not be made>"
        state = "closed" if client.http.closed else "open"
        return f"<{type(self).__name__} {state} {self._base_url}>"

    async def __aenter__(self) -> Self:
        self._client.http.usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections opened here, and end the calls under way; twice is once.

        It may be called from another thread's event loop: the session's own loop then closes it, while it runs.
        A borrowed `http` session stays open. On what `with_options` returned this does nothing: the session it came
        from owns the connections.
        """
        if self._owner:
            await self._client.close()

    @property
    def base_url(self) -> str:
        """The service's address, without a slash at its end."""
        return self._base_url

    def key_hash(self, salt: bytes) -> str:
        """A hash by which the key of this session is recognised, and from which it cannot be told.

        Raises `ConfigurationError` if the function that returns the key fails.
        """
        return self._client.key.hashed(salt)

    def with_options(
        self,
        *,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        hooks: Iterable[Callable[[Event], object]] = (),
    ) -> Self:
        """The same session, with its connections, limits and retry budget, and another patience.

        A web handler may need an answer in 2 s while a job on the same session has an hour. `hooks` hear of the calls
        made with what this returns, beside the session's own. Raises `ConfigurationError` for a wrong value.
        """
        _check_patience(RetryPolicy() if retry is None else retry, Timeouts() if timeouts is None else timeouts)
        view = copy.copy(self)
        # what was made of the old patience is made anew
        for made in ("blocked_leads", "everywhere"):
            vars(view).pop(made, None)
        view._owner = False
        view._client = self._client.view(retry, timeouts, _listeners(hooks))
        return view

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Param] | None = None,
        json: object = None,
        repeatable: bool = False,
    ) -> Response:
        """Make any other call of the same API, with this session's key, limits, deadline and errors.

        `path` stands below the base URL ("/v1/conversations") and holds no query: `params` does, of text, numbers and
        truth values, those that are None left out. `json` is the body. A GET is tried again as the session's `retry`
        says; any other method only if it is proven that the service did not carry it out, unless `repeatable` says
        that doing it twice is as good as once. The answer has a `status` and, by `json()`, a value.

        Raises `InvalidInputError` before anything is sent for a path that could lead to another host, out of the base
        URL or into a query, in whatever way it is encoded; and the errors of any request. Their `maybe_applied` is
        True if the service may have carried it out.
        """
        request = other_call(method, path, params, json, repeatable=repeatable)
        return await self._client.send(request, flow=object())


class AsyncSession(_Session):
    """One WaLead workspace: its block list and those of its campaigns.

    `async with AsyncSession() as session: ...`, or `await session.aclose()` when done. It may be used from many tasks
    at once, and serves them in turn.

    `api_key` is text or a function that returns it (asked before each request); without one the environment is asked:
    WALEAD_API_KEY, else the file named by WALEAD_API_KEY_FILE, else a keyring. `base_url` must be https or this
    machine (else WALEAD_BASE_URL, else the service's own). `retry`, `timeouts` and `rate_limit` are values of this
    package; `rate_limit` may also be any `RateLimiter`. `concurrency` is how many requests are under way at once.
    `http` is a borrowed `aiohttp.ClientSession`: its connections are used, and nothing else of it; it is never
    changed and never closed. `proxy` is the URL of an HTTP proxy; without it HTTPS_PROXY and NO_PROXY are honoured, and
    `False` uses none. `ssl` is an `ssl.SSLContext` or the path of a file with a private CA's certificate. `hooks` are
    functions of one event (`walead_async.events`); one whose parameter is annotated with some kinds of event is told of
    those only.

    Raises `ConfigurationError` for whatever is missing or wrong; nothing is connected before the first request.
    """

    _service = "WaLead"
    _variables = "WALEAD"
    _default_url = "https://app-api.walead.ai/api"
    _key_header = "x-api-key"

    @cached_property
    def blocked_leads(self) -> BlockedLeads:
        """The workspace's block list. It outranks the campaigns' own lists."""
        return BlockedLeads(self._client, self._memory)

    def campaign(self, campaign_id: str) -> Campaign:
        """One campaign of the workspace. Raises `InvalidInputError` if this cannot be the id of one."""
        return Campaign(self._client, path_id("campaign id", campaign_id))


class VoiceAgentSession(_Session):
    """One Phonely user: the block lists of the user's voice agents.

    `uid` is the user's id (else PHONELY_UID); the key comes from `api_key`, PHONELY_API_KEY, PHONELY_API_KEY_FILE or
    a keyring; the address from `base_url` or PHONELY_BASE_URL. With `validate_numbers` a number that cannot exist is
    INVALID and not sent. With `region`, a country in two capital letters ("CH"), numbers are validated too, and those
    without a country code are read as that country's: what is sent is E.164. Both need the extra walead_async[phone].
    All else is as in `AsyncSession`.

    Raises `ConfigurationError` for whatever is missing or wrong, `InvalidInputError` for a uid that cannot be one.
    """

    _service = "Phonely"
    _variables = "PHONELY"
    _default_url = "https://app.phonely.ai/api"
    _key_header = "X-Authorization"

    def __init__(
        self,
        api_key: str | Callable[[], str] | None = None,
        *,
        uid: str | None = None,
        base_url: str | None = None,
        validate_numbers: bool = False,
        region: str | None = None,
        retry: RetryPolicy = RetryPolicy(),
        timeouts: Timeouts = Timeouts(),
        concurrency: int = 8,
        rate_limit: RateLimit | RateLimiter | None = None,
        http: aiohttp.ClientSession | None = None,
        proxy: str | Literal[False] | None = None,
        ssl: tls.SSLContext | str | os.PathLike[str] | None = None,
        hooks: Iterable[Hook] = (),
    ) -> None:
        api_key = hidden(api_key)
        super().__init__(
            api_key,
            base_url=base_url,
            retry=retry,
            timeouts=timeouts,
            concurrency=concurrency,
            rate_limit=rate_limit,
            http=http,
            proxy=proxy,
            ssl=ssl,
            hooks=hooks,
        )
        uid = uid if uid is not None else text_from_environment("PHONELY_UID")
        if uid is None:
            raise ConfigurationError("there is no user id: pass uid, or set PHONELY_UID")
        self._uid = query_id("uid", uid)
        self._normalise = number_reader(region, validate=validate_numbers)

    @property
    def uid(self) -> str:
        """The user's id."""
        return self._uid

    def agent(self, agent_id: str) -> Agent:
        """One voice agent of the user. Raises `InvalidInputError` if this cannot be the id of one, as `all` cannot."""
        agent_id = query_id("agent id", agent_id)
        if agent_id.lower() == ALL:
            raise InvalidInputError("'all' is no agent: give the id of one, which agents() lists")
        return Agent(self._client, self._uid, agent_id, self._normalise)

    @cached_property
    def everywhere(self) -> Everywhere:
        """The block lists of all agents that the user has, together."""
        return Everywhere(self._client, self._uid, self._normalise)

    async def agents(self) -> list[AgentInfo]:
        """The voice agents of the user, in the order of the service (`POST /get-agents`); each call asks anew.

        Each has a block list of its own, and nothing says whether a new one gets the list of another. Agents may be
        listed whose block list this key may not read. Raises `UnexpectedResponseError` if the answer is no list of
        agents, naming agent and field, and the errors of any request.
        """
        return await list_agents(self._client, self._uid)


def _check_patience(retry: RetryPolicy, timeouts: Timeouts) -> None:
    if not isinstance(retry, RetryPolicy):
        raise ConfigurationError(f"retry must be a RetryPolicy, not {type(retry).__name__}")
    if not isinstance(timeouts, Timeouts):
        raise ConfigurationError(f"timeouts must be a Timeouts, not {type(timeouts).__name__}")


def _rate_limiter(rate_limit: RateLimit | RateLimiter | None) -> RateLimiter | None:
    if rate_limit is None:
        return None
    if isinstance(rate_limit, RateLimit):
        return SpacedLimiter(rate_limit)
    if asyncio.iscoroutinefunction(getattr(rate_limit, "acquire", None)):
        return rate_limit
    raise ConfigurationError("rate_limit must be a RateLimit, or have a method `async def acquire(self) -> None`")


def _listeners(hooks: Iterable[Hook]) -> tuple[Callable[[Event], object], ...]:
    listeners = tuple(hooks) if isinstance(hooks, Iterable) else ()
    if not isinstance(hooks, Iterable) or not all(map(callable, listeners)):
        raise ConfigurationError("hooks must be a list of functions of one event")
    if any(map(asyncio.iscoroutinefunction, listeners)):
        raise ConfigurationError("hooks must be plain functions, not async ones: nobody would await them")
    return tuple(map(_listener, listeners))


def _listener(hook: Hook) -> Callable[[Event], object]:
    """The hook, told only of the events that it is a function of."""
    from walead_async.events import EVENTS, events_of  # loaded where somebody listens

    wanted = events_of(hook)
    told = cast("Callable[[Event], object]", hook)
    return told if wanted == EVENTS else lambda event: told(event) if isinstance(event, wanted) else None
