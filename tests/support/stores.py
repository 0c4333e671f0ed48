"""What a journal or an outbox holds, asked past the package, in a SQLite file or a PostgreSQL database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing


def stored(where: object, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """Carry out a statement, and return the rows that it finds."""
    if not str(where).startswith("postgresql://"):
        with closing(sqlite3.connect(str(where), timeout=20)) as connection:
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found
    import psycopg

    statement = re.sub(r"\b(event|item|optout|part|plan|source)\b(?= |$)", r"walead_\1", statement)
    with closing(psycopg.connect(str(where), autocommit=True)) as other:
        cursor = other.execute(statement.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []
