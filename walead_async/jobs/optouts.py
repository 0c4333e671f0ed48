"""The opt-outs that an outbox has taken, in SQL: stored, read to be delivered, settled, counted, listed, removed."""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from walead_async.errors import InvalidInputError, OutboxError
from walead_async.identifiers import public_identifier
from walead_async.jobs import records
from walead_async.jobs.store import microseconds
from walead_async.phones import phone_number
from walead_async.resources.agents import digits_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from walead_async.jobs.database import Connection, Value
    from walead_async.models import Status

__all__ = [
    "WORKSPACE",
    "Counts",
    "Listed",
    "OptOut",
    "Pending",
    "Settled",
    "Taken",
    "accounts",
    "count_pending",
    "counts",
    "destinations",
    "erase",
    "event",
    "fingerprint",
    "forget_digests",
    "keys_of",
    "last_id",
    "listed",
    "pending",
    "prune",
    "removed",
    "retry",
    "service_of",
    "settle",
    "stamp",
    "states",
    "take",
    "taken_keys",
    "taking",
]

T = TypeVar("T")
#: A statement with its values, and a way to say several, each answered with the rows that it finds.
Statement: TypeAlias = "tuple[str, Sequence[Value]]"
Steps: TypeAlias = "Generator[Statement, list[tuple[Any, ...]], T]"

WORKSPACE = "workspace"
#: How many are listed at a time.
PAGE = 1000
#: How many ids, and how many new rows, one statement takes.
IDS = 500
ROWS = 100


class OptOut(NamedTuple):
    """One person and one list, as an outbox stores it; `destination` as in `schema.py`, `at` in microseconds."""

    base_url: str
    account: str
    destination: str
    key: str
    reason: str | None
    digest: bytes | None
    at: int


class Taken(NamedTuple):
    """How an opt-out stands."""

    id: int
    key: str
    state: str
    status: str | None
    detail: str | None


class Pending(NamedTuple):
    """An opt-out that is to be delivered."""

    id: int
    key: str
    reason: str | None


class Listed(NamedTuple):
    """An opt-out, as it is shown; `at` in microseconds."""

    id: int
    key: str
    destination: str
    reason: str | None
    at: int
    state: str
    tries: int
    detail: str | None


class Settled(NamedTuple):
    """What an attempt brought: the new state of these opt-outs ("pending" if it brought nothing)."""

    ids: list[int]
    state: str
    status: Status
    detail: str | None


class Counts(NamedTuple):
    """What the file holds; `oldest` is the moment of the oldest that waits."""

    depth: int
    oldest: int | None
    delivered: int
    failed: int


def service_of(destination: str) -> str:
    """Which service a destination is of: "walead" or "phonely"."""
    return "phonely" if destination.startswith("agent:") else "walead"


def take(connection: Connection, opt_outs: Sequence[OptOut]) -> list[Taken]:
    """Store these; one that is there already, by its digest or as an identical one that is pending, stays as it is."""
    steps = taking(opt_outs)
    try:
        statement = next(steps)
        while True:
            statement = steps.send(connection.execute(*statement).fetchall())
    except StopIteration as end:
        taken: list[Taken] = end.value
        return taken


def taking(opt_outs: Sequence[OptOut]) -> Steps[list[Taken]]:
    """The statements of `take`, each answered with the rows that it finds: for a connection that is awaited."""
    taken: list[Taken] = []
    for some in _portions(opt_outs, ROWS):
        ids = sorted((yield _insert(some)))
        if len(ids) == len(some):  # they were numbered in their order
            taken += [
                Taken(number, opt_out.key, "pending", None, None) for (number,), opt_out in zip(ids, some, strict=True)
            ]
        else:
            for opt_out in some:
                taken.append((yield from _there(opt_out)))
    return taken


def _insert(opt_outs: Sequence[OptOut]) -> Statement:
    return (
        f"insert into optout (base_url, account, destination, key, reason, digest, at) values {_places(len(opt_outs))} "
        "on conflict do nothing returning id",
        [*chain.from_iterable(opt_outs)],
    )


@cache
def _places(rows: int) -> str:
    return ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows)


def _there(opt_out: OptOut) -> Steps[Taken]:
    """How one stands that was there before, or has just come."""
    place: tuple[Value, ...] = (opt_out.key, opt_out.destination, opt_out.base_url)
    if opt_out.digest is not None:
        where, place = "digest = ?", (*place, opt_out.digest)
    else:
        where = "state = 'pending' and digest is null and coalesce(reason, '') = ?"
        place = (*place, opt_out.reason or "")
    columns = "id, key, state, status, detail"
    statement = f"select {columns} from optout where key = ? and destination = ? and base_url = ? and {where}"
    while not (found := (yield statement, place)):
        # Another process has settled or removed it meanwhile.
        yield _insert([opt_out])
    return Taken(*found[0])


def count_pending(connection: Connection) -> int:
    """How many opt-outs wait to be delivered."""
    ((count,),) = connection.execute("select count(*) from optout where state = 'pending'")
    return int(count)


def destinations(connection: Connection) -> list[str]:
    """The destinations for which something is pending: one look-up each, however many opt-outs wait."""
    found = connection.execute(
        "with recursive there (destination) as ("
        "select min(destination) from optout where state = 'pending' union all "
        "select (select min(destination) from optout where state = 'pending' and destination > there.destination) "
        "from there where there.destination is not null) "
        "select destination from there where destination is not null"
    )
    return [destination for (destination,) in found]


def pending(
    connection: Connection, destination: str, base_url: str, account: str, *, after: int = 0, limit: int
) -> list[Pending]:
    """The oldest opt-outs that wait for this destination, those with a larger id than `after`; "" is any account."""
    found = connection.execute(
        "select id, key, reason from optout where state = 'pending' and destination = ? and id > ? and base_url = ? "
        "and (? = '' or account in ('', ?)) order by id limit ?",
        (destination, after, base_url, account, account, limit),
    )
    return [*map(Pending._make, found)]


def settle(connection: Connection, settled: Iterable[Settled]) -> None:
    """Write down what an attempt brought."""
    for each in settled:
        for some in _portions(each.ids, IDS):
            connection.execute(
                "update optout set state = ?, status = ?, detail = ?, tries = tries + 1 "
                f"where state = 'pending' and id in ({_marks(some)})",
                (each.state, str(each.status), each.detail, *some),
            )


def states(connection: Connection, ids: Sequence[int]) -> Iterator[Taken]:
    """How these stand; one that was removed is left out."""
    for some in _portions(ids, IDS):
        found = connection.execute(
            f"select id, key, state, status, detail from optout where id in ({_marks(some)})", some
        )
        yield from map(Taken._make, found)


def counts(connection: Connection) -> Counts:
    """How many there are in each state."""
    settled = dict(
        connection.execute("select state, count(*) from optout where state <> 'pending' group by state").fetchall()
    )
    oldest = [
        connection.execute(
            "select at from optout where state = 'pending' and destination = ? order by id limit 1", (destination,)
        ).fetchall()[0][0]
        for destination in destinations(connection)
    ]
    return Counts(
        count_pending(connection),
        min(oldest, default=None),
        settled.get("delivered", 0),
        settled.get("failed", 0),
    )


def accounts(connection: Connection) -> set[tuple[str, str, str]]:
    """Whose lists the pending opt-outs are for: service, base URL and account ("" if it is not known)."""
    found = connection.execute(
        "select distinct case when destination like 'agent:%' then 'phonely' else 'walead' end, base_url, account "
        "from optout where state = 'pending'"
    )
    return {(service, base_url, account) for service, base_url, account in found}


def stamp(connection: Connection, base_url: str, workspace: str) -> None:
    """Write down which workspace the pending opt-outs of this base URL are for, now that it is known."""
    connection.execute(
        "update optout set account = ? where state = 'pending' and account = '' and base_url = ? "
        "and destination not like 'agent:%'",
        (workspace, base_url),
    )


def forget_digests(connection: Connection, base_url: str, workspace: str) -> None:
    """Idempotency keys of what was delivered to another workspace mean nothing in this one."""
    connection.execute(
        "update optout set digest = null where state = 'delivered' and digest is not null and base_url = ? "
        "and account <> '' and account <> ? and destination not like 'agent:%'",
        (base_url, workspace),
    )


def listed(connection: Connection, *, waiting: bool, after: int = 0) -> list[Listed]:
    """The next opt-outs that failed, or those that wait (`waiting`), oldest first, with an id above `after`."""
    found = connection.execute(
        "select id, key, destination, reason, at, state, tries, detail from optout where state = ? and id > ? "
        "order by id limit ?",
        ("pending" if waiting else "failed", after, PAGE),
    )
    return [*map(Listed._make, found)]


def taken_keys(connection: Connection, kind: Literal["lead", "number"], *, after: int = 0) -> list[str]:
    """All people, or all numbers, whom this file's outbox has taken, whatever became of it: nobody unblocks them.

    With `after` only those of opt-outs with a larger id.
    """
    where = "destination like 'agent:%'" if kind == "number" else "destination not like 'agent:%'"
    found = connection.execute(f"select distinct key from optout where id > ? and {where}", (after,))
    return [key for (key,) in found]


def last_id(connection: Connection) -> int:
    """The id of the opt-out that was taken last, 0 if there is none."""
    ((number,),) = connection.execute("select coalesce(max(id), 0) from optout")
    return int(number)


def retry(connection: Connection) -> int:
    """Have what failed delivered again; returns how many opt-outs wait now that did not."""
    found = connection.execute(
        "select id, key, destination, base_url, coalesce(reason, ''), digest from optout where state = 'failed' "
        "order by id"
    ).fetchall()
    there = {
        tuple(row)
        for row in connection.execute(
            "select key, destination, base_url, coalesce(reason, '') from optout "
            "where state = 'pending' and digest is null"
        ).fetchall()
    }
    twins, again = [], []
    for number, *place, digest in found:
        if digest is None and tuple(place) in there:
            twins.append((number,))
            continue
        again.append((number,))
        if digest is None:
            there.add(tuple(place))
    # an identical one waits already
    connection.executemany("delete from optout where id = ?", twins)
    connection.executemany("update optout set state = 'pending' where id = ?", again)
    return len(again)


def prune(connection: Connection, before: int) -> int:
    """Remove what was delivered and taken before this moment; returns how many. What waits or failed stays."""
    return _remove(connection, "state = 'delivered' and at < ?", (before,))


def erase(connection: Connection, identifier: str) -> int:
    """Remove every opt-out of a person or a number, given as people write it; returns how many.

    Raises `OutboxError` if one of them is pending, `InvalidInputError` if this is neither a person nor a number.
    """
    keys = keys_of(identifier)
    marks = _marks(keys)
    waiting = connection.execute(f"select count(*) from optout where state = 'pending' and key in ({marks})", keys)
    if waiting.fetchall()[0][0]:
        raise OutboxError("an opt-out of this person waits to be delivered: wait until it is, and then erase it")
    return _remove(connection, f"key in ({marks})", keys)


def _remove(connection: Connection, where: str, values: Sequence[Value]) -> int:
    """Remove opt-outs; returns how many. Fingerprints of their people stay, so that no mirror unblocks them."""
    gone = connection.execute(f"delete from optout where {where} returning key, destination", values).fetchall()
    prints = removed(connection)
    known = len(prints)
    for key, destination in gone:
        number = destination.startswith("agent:")
        prints.add(fingerprint("number", digits_of(key)) if number else fingerprint("lead", key))
    if len(prints) > known:
        connection.execute("delete from part where source in (select id from source where kind = 'opted out')")
        connection.execute("delete from source where kind = 'opted out'")
        records.add_source(connection, "opted out", "", [b"".join(sorted(prints))])
    return len(gone)


def removed(connection: Connection) -> set[bytes]:
    """The fingerprints of whom this file's outbox has taken, and who were removed from it since."""
    found = connection.execute(
        "select part.body from source join part on part.source = source.id where source.kind = 'opted out'"
    )
    return set().union(*(records.prints(body) for (body,) in found))


def fingerprint(kind: Literal["lead", "number"], key: str) -> bytes:
    """What stands for a person, or the digits of a number, who opted out."""
    return records.fingerprint(f"{kind} {key}")


def keys_of(identifier: str) -> list[str]:
    """The keys under which a person or a number may stand in the file. Raises `InvalidInputError` if there is none."""
    keys: dict[str, None] = {}
    failure = None
    for normalise in (public_identifier, phone_number):
        try:
            keys[normalise(identifier)] = None
        except InvalidInputError as error:
            failure = failure or error
    if not keys and failure is not None:
        raise failure
    return list(keys)


def event(connection: Connection, what: str, by: str, detail_json: str) -> None:
    """Write down that somebody did something, without a person in it."""
    connection.execute(
        "insert into event (at, by_whom, what, detail_json) values (?, ?, ?, ?)",
        (microseconds(), by, what, detail_json),
    )


def _portions(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """These in portions that a statement can take."""
    return (values[start : start + most] for start in range(0, len(values), most))


def _marks(values: Sequence[object]) -> str:
    """A ? for each."""
    return ",".join("?" * len(values))
