"""Backups of a home, taken while it works: one tar file, which becomes a new home.

The checkpoints are taken before the database and the payloads after it, so that neither names what the
database does not have yet. What stands in the folders of channels is not in it: files there may be taken, or
come, while it is written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from sqlalchemy import Engine, exists, inspect, or_, select

from gateway.errors import RefusedError, TransportError
from gateway.settings import CHECKPOINTS, DATA, DATABASE, FOLDERS, KEYS, PAYLOADS, database_url, load
from gateway.store import tables as t
from gateway.store.audit import Seal
from gateway.store.database import REVISION, open_engine, reading, revision, sqlite_url
from gateway.store.records import OPEN, SENT
from gateway.store.sql import Store

DUMP = f"{DATA}/database.dump"
"""The database of a home on PostgreSQL, in the custom format of pg_dump."""

HELD = "restored from a backup: was it done after that? Then cancel it, else release it"
"""Why what was unfinished in a restored home stands still."""

_NOT_WHOLE = (FOLDERS, DATA, KEYS)


def write(home: Path, engine: Engine, out: BinaryIO, *, with_keys: bool = False) -> None:
    """Writes a backup.

    Args:
        with_keys: also what is secret; without it somebody who finds the file can read, but not sign.

    Raises:
        RefusedError: the database is on PostgreSQL, and its pg_dump is not here.
        TransportError: the database cannot be copied.
    """
    data = home / DATA
    checkpoints = data / CHECKPOINTS
    points = checkpoints.read_bytes() if checkpoints.exists() else b""
    with (
        TemporaryDirectory(prefix=".backup-", dir=data) as folder,
        tarfile.open(fileobj=out, mode="w|") as tar,
    ):
        copy = Path(folder) / "database"
        name = DUMP
        if engine.dialect.name == "sqlite":
            name = f"{DATA}/{DATABASE}"
            _copy_sqlite(engine, copy)
        else:
            _dump(engine, copy)
        tar.add(copy, name)
        info = tarfile.TarInfo(f"{DATA}/{CHECKPOINTS}")
        info.size, info.mode = len(points), 0o600
        tar.addfile(info, BytesIO(points))
        for path in _files(home, with_keys):
            tar.add(path, path.relative_to(home).as_posix(), recursive=False)


def _copy_sqlite(engine: Engine, copy: Path) -> None:
    """A copy of one moment, by SQLite's own backup; writers go on meanwhile."""
    target = open_engine(sqlite_url(copy))
    source: Any = engine.raw_connection()
    into: Any = target.raw_connection()
    try:
        source.driver_connection.backup(into.driver_connection)
    finally:
        into.close()
        source.close()
        target.dispose()


def _dump(engine: Engine, copy: Path) -> None:
    _postgres(engine, "pg_dump", "--format=custom", f"--file={copy}", "--dbname=")


def _load(home: Path) -> None:
    """Loads the dump of a home on PostgreSQL, whole or not at all; refuses a database of another version."""
    dump = home / DUMP
    engine = open_engine(database_url(home, load(home)))
    try:
        if dump.exists() is (engine.dialect.name == "sqlite"):
            asked = "an empty database on PostgreSQL" if dump.exists() else "nothing: it is of one on SQLite"
            raise RefusedError(f"For this backup EDIGW_DATABASE_URL must name {asked}.")
        if dump.exists():
            with reading(engine) as connection:
                if inspect(connection).get_table_names():
                    words = f"The database {engine.url.database} is not empty, and nothing was changed"
                    raise RefusedError(f"{words}: name an empty one by EDIGW_DATABASE_URL.")
            options = ("--no-owner", "--no-acl", "--exit-on-error", "--single-transaction")
            _postgres(engine, "pg_restore", *options, str(dump), "--dbname=")
            dump.unlink()
        with reading(engine) as connection:
            if (found := revision(connection)) != REVISION:
                words = f"The backup is of a database of revision {found}, and this version needs {REVISION}"
                raise RefusedError(f"{words}: restore it by the version that made it, and upgrade then.")
    finally:
        engine.dispose()


def _postgres(engine: Engine, *command: str) -> None:
    """Runs a program of PostgreSQL; the URL follows the last word."""
    url = engine.url._replace(drivername="postgresql", password=None).render_as_string()  # `set` keeps it
    command = (*command[:-1], command[-1] + url)
    if shutil.which(command[0]) is None:
        said = (
            f"{command[0]} is not on the PATH. Install the client programs of PostgreSQL, or run where it is"
        )
        raise RefusedError(f"{said}: {' '.join(command)}")
    password = {"PGPASSWORD": engine.url.password} if engine.url.password else {}
    done = subprocess.run(
        command, env={**os.environ, **password}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise TransportError(f"{command[0]} failed: {done.stderr.strip()[:500]}")


def _files(home: Path, with_keys: bool) -> Iterator[Path]:
    """Settings and payloads; folders before what is in them."""
    tops = [one for one in sorted(home.iterdir()) if one.name not in _NOT_WHOLE]
    tops = [one for one in tops if not one.name.startswith(".") and one.suffix != ".tar"]
    tops += [home / KEYS] if with_keys else []
    for top in (*tops, home / DATA / PAYLOADS):
        yield from [top] if top.exists() else []
        for path in sorted(top.rglob("*")):
            if path.is_dir() or (path.is_file() and not path.name.startswith(".writing-")):
                yield path


def read(file: Path, home: Path) -> None:
    """Makes a new home of a backup, whole or not at all.

    Raises:
        RefusedError: there is something at that place or in the database already, or the file is no backup,
            or one of another version.
        ConfigurationError: its settings or the database cannot be used.
        TransportError: the database cannot be loaded.
        OSError: it cannot be read or written.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise RefusedError(f"{home} is there already. Name a folder that is not, or is empty.")
    home.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{home.name}-", dir=home.parent) as folder:
        made = Path(folder) / "home"
        try:
            with tarfile.open(file) as tar:
                tar.extractall(made, filter="data")
        except tarfile.TarError as error:
            raise RefusedError(f"{file} is not a backup: {error}.") from None
        if not (made / "gateway.yaml").is_file():
            raise RefusedError(f"{file} is not a backup of a home: it has no gateway.yaml.")
        for name in (DATA, f"{DATA}/{PAYLOADS}", KEYS):
            (made / name).mkdir(exist_ok=True)
            (made / name).chmod(0o700)
        _load(made)
        made.rename(home)


def hold(engine: Engine, key: Path, backup: str, clock: Callable[[], datetime], actor: str) -> int:
    """Puts on hold what the old home may have done after the backup; returns how many messages.

    Args:
        key: the file with the key of the audit. Without it, nothing can be written into the audit.
    """
    m, d = t.messages.c, t.deliveries.c
    left = exists().where(d.message_id == m.id, d.state.in_((*OPEN, SENT)))
    open_ = select(m.id).where(or_(m.translation == "received", left), m.hold == "")
    seal = Seal.of(key) if key.exists() else Seal()
    store = Store(engine, clock, seal, actor=actor)
    with closing(store), store.transaction():
        ids = store.connection.execute(open_).scalars().all()
        for one in ids:
            store.note(one, hold=HELD)
        if key.exists():
            store.audit("home.restored", backup=backup, held=len(ids))
    return len(ids)
