"""`Outbox`: opt-outs that are safe on the disk in milliseconds, and delivered as soon as the services let them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from weakref import ref

import attrs

from walead_async.errors import ConfigurationError, InvalidInputError, OutboxError, WaleadError
from walead_async.identifiers import kind_of, path_id, public_identifier, query_id
from walead_async.jobs import optouts
from walead_async.jobs.delivery import Delivery, Pace, PhonelyDelivery, WaleadDelivery
from walead_async.jobs.locks import holder_in_words
from walead_async.jobs.optouts import WORKSPACE, OptOut, Settled
from walead_async.jobs.store import Store, microseconds, open_store
from walead_async.models import Outcome, Status
from walead_async.resources.agents import ALL
from walead_async.resources.items import check_reason
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self, TypeAlias

    from psycopg import AsyncConnection

    from walead_async.jobs.database import Connection
    from walead_async.jobs.optouts import Taken

    #: What callers gave who wait, and where each learns of its end.
    _Calls: TypeAlias = list[tuple[list[OptOut], asyncio.Future[list[Taken]]]]

__all__ = ["Outbox", "OutboxStatus", "Receipt", "read_status"]

#: How often a process that does not deliver looks what became of what its receipts wait for, in seconds.
LOOK = 0.25
#: How long an opening asks whose workspace this is, before it leaves that to the delivery, in seconds.
ASK = 2.0
#: Counting what waits may take this part of the writer's time.
COUNTING = 0.05

#: From the best end of an opt-out to the worst.
WORST = (
    Status.DONE,
    Status.ALREADY,
    Status.DUPLICATE,
    Status.NOT_SENT,
    Status.UNKNOWN,
    Status.INVALID,
    Status.REFUSED,
)
WAITS = "it is stored, and waits to be delivered"
ROLLED_BACK = "it is not stored: the transaction in which it was to be was rolled back"


@attrs.frozen
class OutboxStatus:
    """How an outbox stands, over all processes that share it.

    `depth` opt-outs wait to be delivered (those that were refused left out), the oldest of them for `oldest_seconds`
    (None if none waits); `delivered` and `failed` count those that have their end and were not removed. `last_error` is
    what keeps some from being delivered, or what refused them, without a person in it; None if all is well.
    `deliverers` are the processes that deliver, or did last, by service.
    """

    depth: int
    oldest_seconds: float | None
    delivered: int
    failed: int
    last_error: str | None
    deliverers: dict[str, str]


class Outbox:
    """Takes opt-outs and keeps them on the disk until WaLead and Phonely have them. Made by `Outbox.open`.

    Any number of processes of one machine may share a file, and of many machines a PostgreSQL database; one of them
    delivers, and another one takes over when it ends. There is no unblock: an opt-out is not taken back by a web form.
    """

    #: How long the delivery waits for what.
    pace: Pace = Pace()

    def __init__(
        self,
        path: str | os.PathLike[str],
        session: AsyncSession,
        phones: VoiceAgentSession | None,
        drain: float,
        max_depth: int,
    ) -> None:
        self._store = open_store(path, error=OutboxError)
        self._session = session
        self._phones = phones
        self._drain = drain
        self._depth = _Depth(max_depth)
        self._gathered: _Calls = []
        self._closed = "is not open: use `async with`"
        # What receipts that are still held wait for; an entry goes with its item.
        self._items: dict[int, ref[_Item]] = {}
        # Those whose receipts are waited for, and the task that looks what became of them.
        self._waited_for: dict[int, _Item] = {}
        self._looking: asyncio.Task[None] | None = None
        self._deliveries: list[Delivery] = []
        self._delivering: list[asyncio.Task[None]] = []

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        session: AsyncSession,
        *,
        phones: VoiceAgentSession | None = None,
        drain: float = 10.0,
        max_depth: int = 1_000_000,
    ) -> Self:
        """An outbox in this file, for `async with Outbox.open("optouts.db", session) as outbox`.

        The file is made if there is none; it has to be on a local disk, and may be a journal too. Or it stands in a
        PostgreSQL database, `postgresql://host/database`, which processes of several machines share. Open it after a
        fork, in the framework's own start-up. `session` delivers, and `phones` is needed for numbers; both must stay
        open for as long as the outbox is. At the end it delivers for at most `drain` seconds more, and keeps the rest
        for the next time. `max_depth` is how many opt-outs may wait; beyond that `block` raises.

        Raises `ConfigurationError` for a wrong option, and at the `async with` `OutboxError` for what cannot be
        used, or whose pending opt-outs are for another base URL, workspace or user than the session's.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise ConfigurationError(f"the path of an outbox is text, not {kind_of(path)}")
        if not isinstance(session, AsyncSession):
            raise ConfigurationError(f"session is an AsyncSession, not {kind_of(session)}")
        if phones is not None and not isinstance(phones, VoiceAgentSession):
            raise ConfigurationError(f"phones is a VoiceAgentSession or None, not {kind_of(phones)}")
        if isinstance(drain, bool) or not isinstance(drain, (int, float)) or not 0 <= drain < float("inf"):
            raise ConfigurationError(f"drain is a number of seconds from 0, not {drain!r}")
        if isinstance(max_depth, bool) or not isinstance(max_depth, int) or max_depth < 1:
            raise ConfigurationError(f"max_depth is a whole number of at least 1, not {max_depth!r}")
        return cls(path, session, phones, float(drain), max_depth)

    def __repr__(self) -> str:
        return f"<Outbox {'closed' if self._closed else 'open'} {self._store.where!r}>"

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        try:
            # made, and proven to take what is written
            accounts = await self._store.write(optouts.accounts)
            walead = WaleadDelivery(self._store, self.pace, self._session, self._settled)
            self._deliveries = [walead]
            if self._phones is not None:
                self._deliveries.append(PhonelyDelivery(self._store, self.pace, self._phones, self._settled))
            for delivery in self._deliveries:
                self._check(delivery, accounts)
            await self._check_workspace(walead, accounts)
        except BaseException:
            await self._store.close()
            raise
        self._closed = ""
        self._delivering = [asyncio.create_task(delivery.run()) for delivery in self._deliveries]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = "is closed"
        until = asyncio.get_running_loop().time() + self._drain
        try:
            for delivery in self._deliveries:
                delivery.drain(until)
            await asyncio.wait(self._delivering, timeout=self._drain)
        finally:
            tasks = [*self._delivering, *([self._looking] if self._looking else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._store.close()
            for item in self._waited_for.values():
                item.end(self._error("is closed: it is stored, and delivered the next time"))
            self._waited_for.clear()

    async def block(
        self,
        identifier: str,
        *,
        reason: str | None = None,
        campaigns: Iterable[str] = (),
        numbers: Iterable[tuple[str, str]] = (),
        idempotency_key: str | None = None,
        connection: AsyncConnection[object] | None = None,
    ) -> Receipt:
        """Take an opt-out: this person is to be blocked. Returns once it is safely on the disk, service or no service.

        `identifier` is a public identifier or a link to a profile. The person is blocked in the workspace, and in the
        `campaigns` of these ids too; `numbers` are pairs of a voice agent's id (or `all`) and a phone number, for which
        the outbox needs `phones`. The same `idempotency_key` for the same person and list is one opt-out, also after it
        was delivered; without a key only an identical one that still waits is. Nothing has to be done with the receipt.

        With `connection`, a psycopg `AsyncConnection` to the PostgreSQL database in which the outbox is, it is stored
        in the caller's own transaction: safe once that is committed, and gone if it is rolled back.

        Raises `InvalidInputError` if something cannot be what it should be: nothing is stored. Raises `OutboxError` if
        it cannot be stored (a full disk, a database that is away, one locked for more than 10 s, `max_depth`, a closed
        outbox): answer 503 and let the sender try again, since it may be stored all the same.
        """
        wanted, given = self._wanted(identifier, reason, campaigns, numbers, idempotency_key)
        if self._closed:
            raise self._error(self._closed)
        for delivery in self._deliveries:
            if delivery.refusal is not None:
                raise OutboxError(*delivery.refusal.args)
        if connection is None:
            taken = await self._stored_with_others(wanted)
            return Receipt(self, [self._item(each) for each in taken], given)
        await self._store.write(partial(self._allow, count=len(wanted)))
        taken, transaction = await self._store.database.take_within(connection, wanted)
        return Receipt(self, [self._item(each, transaction) for each in taken], given)

    def _item(self, taken: Taken, transaction: str | None = None) -> _Item:
        """What this process knows of an opt-out, for all its receipts."""
        known = self._items.get(taken.id)
        item = None if known is None else known()
        if item is None:
            item = _Item(taken, self._items, transaction)
            self._items[taken.id] = ref(item)
        if taken.state != "pending":
            item.learn(taken)
        return item

    async def status(self) -> OutboxStatus:
        """How the outbox stands, over all processes. Raises `OutboxError` if it cannot be read."""
        return await read_status(self._store)

    def _stored_with_others(self, opt_outs: list[OptOut]) -> asyncio.Future[list[Taken]]:
        """Have these stored, in one statement with those of everybody who calls in this turn of the loop."""
        self._store.check_open()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[Taken]] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append((opt_outs, done))
        return done

    def _hand_over(self) -> None:
        calls, self._gathered = self._gathered, []
        try:
            stored = self._store.write(partial(self._take, calls=[opt_outs for opt_outs, _ in calls]))
        except OutboxError as error:
            _tell_all(calls, [error] * len(calls))
            return
        stored.add_done_callback(partial(self._stored, calls))

    def _take(self, connection: Connection, calls: list[list[OptOut]]) -> list[list[Taken] | WaleadError]:
        """Store what each call gave, as far as the depth allows it."""
        allowed = self._depth.allowed(connection, list(map(len, calls)))
        taken = optouts.take(connection, [*chain.from_iterable(calls[:allowed])])
        told: list[list[Taken] | WaleadError] = []
        first = 0
        for call in calls[:allowed]:
            told.append(taken[first : first + len(call)])
            first += len(call)
        return told + [self._error(self._depth.too_deep())] * (len(calls) - allowed)

    def _allow(self, connection: Connection, count: int) -> None:
        """Raise `OutboxError` if so many more are too many."""
        if not self._depth.allowed(connection, [count]):
            raise self._error(self._depth.too_deep())

    def _stored(self, calls: _Calls, stored: asyncio.Future[list[list[Taken] | WaleadError]]) -> None:
        if stored.cancelled():
            return
        for delivery in self._deliveries:
            delivery.wake()
        error = stored.exception()
        if error is not None and not isinstance(error, WaleadError):
            error = self._error(f"cannot store this ({type(error).__name__})")
        _tell_all(calls, stored.result() if error is None else [error] * len(calls))

    def _wanted(
        self,
        identifier: object,
        reason: object,
        campaigns: object,
        numbers: object,
        idempotency_key: object,
    ) -> tuple[list[OptOut], list[str]]:
        """What is to be stored for each list, and what was given for it. Raises `InvalidInputError`."""
        key = public_identifier(identifier)
        check_reason(reason)
        why = reason if isinstance(reason, str) else None
        digest = None if idempotency_key is None else _digest(idempotency_key)
        walead = self._deliveries[0] if self._deliveries else None
        url, account = (walead.base_url, walead.account) if walead else ("", "")
        at = microseconds()
        wanted, given = [OptOut(url, account, WORKSPACE, key, why, digest, at)], [str(identifier)]
        if campaigns != ():
            for campaign in _several("campaigns", campaigns):
                destination = f"campaign:{path_id('campaign id', campaign)}"
                wanted.append(OptOut(url, account, destination, key, why, digest, at))
                given.append(str(identifier))
        if numbers != ():
            for pair in _several("numbers", numbers):
                wanted.append(self._wanted_number(pair, why, digest, at))
                given.append(str(pair[1]))  # type: ignore[index]
        return wanted, given

    def _wanted_number(self, pair: object, reason: str | None, digest: bytes | None, at: int) -> OptOut:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InvalidInputError(f"numbers are pairs of an agent's id and a phone number, not {kind_of(pair)}")
        if self._phones is None:
            raise InvalidInputError(
                "numbers need a Phonely session: open the outbox with phones=VoiceAgentSession(...)"
            )
        agent, number = pair
        agent_id = query_id("agent id", agent)
        destination = f"agent:{ALL if agent_id.lower() == ALL else agent_id}"
        key = self._phones._normalise(number)
        return OptOut(self._phones._base_url, self._phones._uid, destination, key, reason, digest, at)

    def _check(self, delivery: Delivery, accounts: set[tuple[str, str, str]]) -> None:
        """Raise the error if opt-outs wait for another base URL, or another Phonely user."""
        for service, base_url, account in accounts:
            if service != delivery.service:
                continue
            if base_url != delivery.base_url:
                raise self._error(f"holds opt-outs for {base_url}, and this session is of {delivery.base_url}")
            if delivery.account and account != delivery.account:
                raise self._error(f"holds opt-outs of the user {account}, and this session is of {delivery.account}")

    async def _check_workspace(self, walead: WaleadDelivery, accounts: set[tuple[str, str, str]]) -> None:
        """The same for the workspace, if the service tells in time; if not, the delivery asks before it sends."""
        known = {account for service, _, account in accounts if service == walead.service and account}
        if not known:
            return
        try:
            async with asyncio.timeout(ASK):
                await walead.check_account()
        except (TimeoutError, WaleadError):
            if walead.refusal is not None:
                raise OutboxError(*walead.refusal.args) from None

    def _settled(self, settled: Settled, said: WaleadError | None) -> None:
        """Tell the receipts of this process what the delivery brought."""
        for number in settled.ids:
            known = self._items.get(number)
            item = None if known is None else known()
            if item is not None:
                item.know(settled.status, settled.detail, said, ended=settled.state != "pending")
                if item.ended:
                    self._waited_for.pop(number, None)

    async def _wait_for(self, item: _Item) -> None:
        """Wait until an opt-out has its end."""
        if self._closed:
            raise self._error(self._closed)
        self._waited_for[item.id] = item
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await item.end_of_waiting()
        finally:
            if not item.waited_for:
                self._waited_for.pop(item.id, None)

    async def _look(self) -> None:
        """Look what other processes have delivered, as long as somebody waits for it."""
        while self._waited_for:
            await asyncio.sleep(LOOK)
            ids = list(self._waited_for)
            # before their rows are looked for, which are there once the transaction is committed
            transactions = {item.transaction for item in self._waited_for.values() if item.transaction is not None}
            try:
                under_way = await self._store.read(partial(_under_way, transactions=transactions))
                found = {each.id: each for each in await self._store.read(partial(_states, ids=ids))}
            except OutboxError as error:
                for number in ids:
                    if (item := self._waited_for.pop(number, None)) is not None:
                        item.end(error)
                return
            for number in ids:
                item = self._waited_for.get(number)
                if item is None:
                    continue
                if number in found:
                    item.learn(found[number])
                elif item.transaction is None:
                    item.know(Status.UNKNOWN, "it was removed from the outbox", None, ended=True)
                elif item.transaction not in under_way:
                    item.know(Status.NOT_SENT, ROLLED_BACK, None, ended=True)
                if item.ended:
                    del self._waited_for[number]

    def _error(self, words: str) -> OutboxError:
        return OutboxError(f"the outbox {self._store.where!r} {words}")


class Receipt:
    """What `block` returns: the opt-out is stored. `await receipt.settled()` waits until the services have it."""

    def __init__(self, outbox: Outbox, items: list[_Item], given: list[str]) -> None:
        self._outbox = outbox
        self._items = items
        self._given = given

    def __repr__(self) -> str:
        return f"<Receipt {', '.join(outcome.status for outcome in self.outcomes())}>"

    def outcomes(self) -> list[Outcome]:
        """What is known now of each list: the workspace, then the campaigns, then the agents, as they were given.

        NOT_SENT, or UNKNOWN after an attempt without an answer, is still to be delivered.
        """
        return [item.outcome(given) for item, given in zip(self._items, self._given, strict=True)]

    async def settled(self) -> Outcome:
        """Wait until every list has it, or refused it, and return the worst of the outcomes.

        To cancel this changes nothing. Raises `OutboxError` if the outbox is closed before: it is delivered the next
        time.
        """
        for item in self._items:
            if not item.ended:
                await self._outbox._wait_for(item)
        return max(self.outcomes(), key=lambda outcome: WORST.index(outcome.status))


class _Item:
    """What this process knows of one opt-out; its receipts share it."""

    __slots__ = (
        "__weakref__",
        "_detail",
        "_error",
        "_known",
        "_status",
        "_waiting",
        "ended",
        "id",
        "key",
        "transaction",
    )

    def __init__(self, opt_out: Taken, known: dict[int, ref[_Item]], transaction: str | None) -> None:
        self.id = opt_out.id
        self.key = opt_out.key
        #: The caller's own transaction in which it was stored, if it was.
        self.transaction = transaction
        self.ended = False
        self._known = known
        self._status = Status.NOT_SENT
        self._detail: str | None = WAITS
        self._error: WaleadError | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def __del__(self) -> None:
        self._known.pop(self.id, None)

    def outcome(self, given: str) -> Outcome:
        """How it stands."""
        return Outcome(given, self.key, self._status, self._detail, self._error)

    def learn(self, taken: Taken) -> None:
        """This stands in the file."""
        if taken.status is not None:
            self.know(Status(taken.status), taken.detail, self._error, ended=taken.state != "pending")

    def know(self, status: Status, detail: str | None, error: WaleadError | None, *, ended: bool) -> None:
        """This is how it stands; `ended` for good."""
        self._status, self._detail, self._error, self.ended = status, detail, error, ended
        if ended:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)
            self._waiting.clear()

    def end(self, error: OutboxError) -> None:
        """Nothing more is learned of it."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(OutboxError(*error.args))
        self._waiting.clear()

    @property
    def waited_for(self) -> bool:
        """Whether somebody waits for its end."""
        return bool(self._waiting)

    async def end_of_waiting(self) -> None:
        """Wait until it has its end."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future in self._waiting:
                self._waiting.remove(future)


class _Depth:
    """How many opt-outs wait, as the writer's thread counts them, and how many may."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._good_until = float("-inf")

    def allowed(self, connection: Connection, sizes: list[int]) -> int:
        """How many of these calls may be taken, in their order. Other processes are counted as often as is cheap."""
        began = time.monotonic()
        if began >= self._good_until:
            self._count = optouts.count_pending(connection)
            now = time.monotonic()
            self._good_until = now + (now - began) / COUNTING
        for number, size in enumerate(sizes):
            if self._count + size > self._most:
                return number
            self._count += size
        return len(sizes)

    def too_deep(self) -> str:
        """Why no more are taken."""
        return f"holds {self._count:,} opt-outs that wait, and may hold {self._most:,}: try again later"


def _tell_all(calls: _Calls, told: Sequence[list[Taken] | WaleadError]) -> None:
    """Give each call its result, or an error of its own: one that several raise would collect the traces of all."""
    for (_, done), each in zip(calls, told, strict=True):
        if done.done():
            continue
        if isinstance(each, WaleadError):
            done.set_exception(type(each)(*each.args))
        else:
            done.set_result(each)


class _Told(NamedTuple):
    """What the locks of the services say."""

    errors: dict[str, str]
    holders: dict[str, str]


async def read_status(store: Store) -> OutboxStatus:
    """How the outbox in this store stands. Raises `OutboxError` if it cannot be read."""
    counts = await store.read(optouts.counts)
    told = await _told(store)
    last = next(reversed(told.errors.values()), None)
    if last is None and counts.failed:
        last = "some opt-outs were refused: `walead outbox list` says which, and why"
    oldest = None if counts.oldest is None else max(0.0, (microseconds() - counts.oldest) / 1e6)
    return OutboxStatus(counts.depth, oldest, counts.delivered, counts.failed, last, told.holders)


async def _told(store: Store) -> _Told:
    told = _Told({}, {})
    for service in ("walead", "phonely"):
        found = await store.lock(f"{service}.deliver").told()
        if found:
            told.holders[service] = holder_in_words(found)
        errors = found.get("errors")
        if isinstance(errors, dict):
            told.errors.update({str(name): f"{name}: {said}" for name, said in errors.items()})
    return told


def _under_way(connection: Connection, transactions: set[str]) -> set[str]:
    """Which of these transactions, of callers with a connection of their own to PostgreSQL, have not ended."""
    running = "select 1 where pg_xact_status(cast(? as xid8)) = 'in progress'"
    return {each for each in transactions if connection.execute(running, (each,)).fetchall()}


def _states(connection: Connection, ids: list[int]) -> list[Taken]:
    return list(optouts.states(connection, ids))


def _several(name: str, given: object) -> Iterable[object]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InvalidInputError(f"{name} takes a list, not {kind_of(given)}: put it into a list")
    return given


def _digest(idempotency_key: object) -> bytes:
    if not isinstance(idempotency_key, str) or not idempotency_key:
        raise InvalidInputError(
            "an idempotency key is text that is not empty, for instance the id of a webhook's event"
        )
    try:
        return hashlib.sha256(idempotency_key.encode()).digest()[:16]
    except UnicodeEncodeError:
        raise InvalidInputError("the idempotency key is not proper Unicode text") from None
