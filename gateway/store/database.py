"""Opens the database of a home: SQLite by default, PostgreSQL by URL.

SQLite runs in WAL mode with ``synchronous=FULL``. ``NORMAL`` would be faster, but may lose the last commits
in a power failure, and a commit is a promise here: the partner's file is removed after it.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError

from gateway.errors import ConfigurationError, TransportError
from gateway.store.tables import EMPTY_HEAD, audit_head, metadata

if TYPE_CHECKING:
    from gateway.store.audit import Seal

REVISION = "0014"
"""The newest migration. What the tables are after it is in :mod:`gateway.store.tables`."""

SESSIONS = f"edigw {uuid4().hex[:12]}"
"""What PostgreSQL calls the sessions of this process."""

_FIRST = "0001"
WAIT_SECONDS = 30
_PAUSE_SECONDS = 0.02
_STANDSTILL_SECONDS = 60
_READING = {"reading": True}
_INSERTS: dict[tuple[object, ...], tuple[str, list[str] | None]] = {}


def sqlite_url(path: Path) -> str:
    """The URL of a database file."""
    return f"sqlite:///{path}"


def open_engine(url: str) -> Engine:
    """Opens a database; connections are made when they are needed.

    Raises:
        ConfigurationError: the URL is wrong, or the driver is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(
                parsed,
                max_overflow=-1,
                connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if parsed.get_backend_name() != "postgresql":
            raise ConfigurationError(
                f"database: {parsed.get_backend_name()} is neither sqlite nor postgresql."
            )
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            max_overflow=-1,
            connect_args={"connect_timeout": 5, "application_name": SESSIONS},
        )
        event.listen(engine, "connect", _set_up_postgresql)
        return engine
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(f"The database URL cannot be used: {error}") from None
    except ModuleNotFoundError as error:
        words = f"PostgreSQL needs the extra packages: pip install 'edi-gateway[postgres]' ({error})."
        raise ConfigurationError(words) from None


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # While another one recovers what a killed process left, SQLite does not wait here by itself.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_PAUSE_SECONDS)
    connection.execute("PRAGMA synchronous = FULL")


def _set_up_postgresql(connection: Any, _: Any) -> None:
    # A node that stands still, or is gone without a word, must not keep its locks: the others wait for them.
    connection.autocommit = True
    connection.execute(f"SET idle_in_transaction_session_timeout = '{_STANDSTILL_SECONDS}s'")
    connection.execute("SET tcp_keepalives_idle = 10")
    connection.execute("SET tcp_keepalives_interval = 5")
    connection.execute("SET tcp_keepalives_count = 3")
    connection.autocommit = False


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes then could not wait for another writer.
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads, all of it from one moment.

    Raises:
        TransportError: the database cannot be used now.
    """
    # PostgreSQL shows each statement another moment unless it is asked not to.
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with told(), engine.connect().execution_options(**_READING, **level) as connection:
        if level:  # whoever reads a million rows takes pauses
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield connection


@contextmanager
def told() -> Iterator[None]:
    """Turns errors of the database into ours."""
    try:
        yield
    except DBAPIError as error:
        raise TransportError(f"The database cannot be used now: {_words(error)}.") from error


def _words(error: DBAPIError) -> str:
    """The first line of what the database says, without the password a URL may hold."""
    line = (str(error.orig).strip() or type(error).__name__).splitlines()[0]
    return re.sub(r"//[^@/\s]*@", "//***@", line).rstrip(".")


def prepare(engine: Engine) -> None:
    """Makes the tables of a new database, and checks those of an old one.

    Raises:
        ConfigurationError: it was written by another version of this software, or is no database.
        TransportError: it cannot be reached.
    """
    try:
        with engine.connect().execution_options(**_READING) as connection:
            found = revision(connection)
        if found is None:
            with engine.begin() as connection:
                if revision(connection) is None:
                    create(connection)
            found = REVISION
    except DatabaseError as error:
        if engine.dialect.name == "sqlite" and "locked" not in str(error) and "full" not in str(error):
            raise ConfigurationError(
                f"{engine.url.database} cannot be used as database: {_words(error)}"
            ) from error
        raise TransportError(f"The database cannot be used now: {_words(error)}.") from error
    if found > REVISION:
        raise ConfigurationError(f"The database was written by a newer version of this software ({found}).")
    if found < REVISION:
        raise ConfigurationError(
            f"The database is of an earlier version ({found}, not {REVISION}). Run `edigw db upgrade`, which "
            "makes a backup first."
        )


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """A database whose tables are those of this version, for as long as a command needs it; see `prepare`."""
    engine = open_engine(url)
    try:
        prepare(engine)
        yield engine
    finally:
        engine.dispose()


def revision(connection: Connection) -> str | None:
    """The last migration that was run, None for an empty database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    return _FIRST if "messages" in tables else None


def create(connection: Connection) -> None:
    """Makes all tables in an empty database."""
    if connection.dialect.name == "postgresql":
        # Two nodes may start on an empty database at the same time.
        connection.execute(text("SELECT pg_advisory_xact_lock(4711)"))
        if revision(connection) is not None:
            return
    metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:now)"), {"now": REVISION})
    connection.execute(audit_head.insert(), EMPTY_HEAD)
    if connection.dialect.name == "postgresql":
        from gateway.store.procrastinate import prepare as prepare_jobs

        prepare_jobs(connection)


def upgrade(engine: Engine, seal: Seal) -> list[str]:
    """Runs the migrations that are missing, all in one transaction.

    Args:
        seal: signs the audit that a migration makes of an older log.

    Returns:
        Their names, oldest first.

    Raises:
        ConfigurationError: the database was written by a newer version of this software.
        TransportError: it cannot be used now.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config(attributes={"seal": seal, "now": datetime.now(UTC)})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    done: list[str] = []
    with told(), engine.begin() as connection:
        found = revision(connection)
        if found is None:
            create(connection)
            return [REVISION]
        if found > REVISION:
            raise ConfigurationError(
                f"The database was written by a newer version of this software ({found})."
            )
        if found == _FIRST and "alembic_version" not in inspect(connection).get_table_names():
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:now)"), {"now": _FIRST})

        def steps(now: Any, _: Any) -> Any:
            found = scripts._upgrade_revs(REVISION, now)
            done.extend(str(step.revision.revision) for step in found)
            return found

        with EnvironmentContext(config, scripts, fn=steps) as context:
            context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
            context.run_migrations()
    return done


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows of the same columns, in the words of the driver: SQLAlchemy takes longer than SQLite."""
    known = (connection.dialect.name, table, *rows[0])
    if known not in _INSERTS:
        made = table.insert().inline().compile(dialect=connection.dialect, column_keys=[*rows[0]])
        _INSERTS[known] = str(made), made.positiontup
    words, order = _INSERTS[known]
    connection.exec_driver_sql(words, [*map(itemgetter(*order), rows)] if order else rows)


def upsert_of(engine: Engine) -> Any:
    """The INSERT of a database that knows ON CONFLICT; those of other databases take memory for nothing."""
    if engine.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as upsert
    else:
        from sqlalchemy.dialects.postgresql import insert as upsert  # type: ignore[assignment]
    return upsert


@contextmanager
def taken(turn: Lock | None) -> Iterator[None]:
    """Waits for a turn; after as long as SQLite would wait, that decides."""
    is_taken = turn is not None and turn.acquire(timeout=WAIT_SECONDS)
    try:
        yield
    finally:
        if turn is not None and is_taken:
            turn.release()
