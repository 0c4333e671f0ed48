"""What a journal or an outbox holds, asked past the package, in a SQLite file or a PostgreSQL database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path


def on_disk(where: str) -> bytes:
    """Every byte of the files in which it is held."""
    if not where.startswith("postgresql://"):
        path = Path(where)
        return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    stored(where, "checkpoint")
    whose = "cast(oid as text) from pg_database where datname = current_database()"
    ((folder, number),) = stored(where, f"select current_setting('data_directory'), {whose}")
    return b"".join(each.read_bytes() for each in Path(str(folder), "base", str(number)).iterdir())


def stored(where: object, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """Carry out a statement, and return the rows that it finds."""
    if not str(where).startswith("postgresql://"):
        with closing(sqlite3.connect(str(where), timeout=20)) as connection:
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found
    import psycopg

    tables = r"\b(from|into|join|update) (event|item|optout|part|plan|source)\b"
    statement = re.sub(tables, r"\1 walead_\2", statement)
    with closing(psycopg.connect(str(where), autocommit=True)) as other:
        cursor = other.execute(statement.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []
