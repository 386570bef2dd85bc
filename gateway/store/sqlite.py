"""The store of one machine: a SQLite file in WAL mode with ``synchronous=FULL``.

``NORMAL`` would be faster, but may lose the last commits in a power failure, and a commit is a promise here:
the partner's file is removed after it.
"""
# ruff: noqa: S608 - what is put together here are constants of this module; values are always bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import ConfigurationError, NotFoundError, RefusedError, TransportError
from gateway.store.ports import (
    DELIVERED,
    PENDING,
    SENDING,
    Delivery,
    Document,
    Entry,
    InterchangeKey,
    Message,
)

_VERSION = 1

_SCHEMA = """
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, direction TEXT NOT NULL, channel TEXT NOT NULL,
  name TEXT NOT NULL, payload TEXT, size INTEGER NOT NULL, created_at TEXT NOT NULL,
  translation TEXT NOT NULL, delivery TEXT NOT NULL, acknowledgment TEXT NOT NULL,
  partner TEXT, interchange TEXT, "group" TEXT, attempts INTEGER NOT NULL, origin TEXT) STRICT;
CREATE INDEX messages_open ON messages (seq) WHERE translation = 'received';
CREATE INDEX messages_payload ON messages (payload);
CREATE INDEX messages_sent ON messages (partner, "group") WHERE direction = 'out';
CREATE TABLE documents (
  id TEXT PRIMARY KEY, message_id TEXT NOT NULL, direction TEXT NOT NULL, partner TEXT NOT NULL,
  document_type TEXT NOT NULL, number TEXT NOT NULL, test INTEGER NOT NULL, set_control TEXT NOT NULL,
  body BLOB NOT NULL, sent_in TEXT, acknowledgment TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX documents_sent ON documents (sent_in, set_control);
CREATE TABLE interchanges (
  sender TEXT NOT NULL, receiver TEXT NOT NULL, usage TEXT NOT NULL, control_number TEXT NOT NULL,
  message_id TEXT NOT NULL, PRIMARY KEY (sender, receiver, usage, control_number)) STRICT, WITHOUT ROWID;
CREATE TABLE control_numbers (
  partner TEXT NOT NULL, kind TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (partner, kind)) STRICT;
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, channel TEXT NOT NULL, box TEXT NOT NULL,
  wanted TEXT NOT NULL, name TEXT, payload TEXT, document_id TEXT, state TEXT NOT NULL, at TEXT NOT NULL,
  UNIQUE (channel, box, name)) STRICT;
CREATE INDEX deliveries_open ON deliveries (channel, state, id) WHERE state <> 'delivered';
CREATE INDEX deliveries_message ON deliveries (message_id, state);
CREATE INDEX deliveries_wanted ON deliveries (channel, box, wanted);
CREATE TABLE log (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, event TEXT NOT NULL, message_id TEXT,
  facts TEXT NOT NULL) STRICT;
CREATE INDEX log_message ON log (message_id);
"""

_MESSAGE = (
    "id, direction, channel, name, payload, size, created_at, translation, delivery, acknowledgment, partner,"
    ' interchange, "group", attempts, origin'
)
_DELIVERY = "id, message_id, channel, box, wanted, name, payload, document_id, state"
_STATUSES = ("translation", "delivery", "acknowledgment")


class SqliteStore:
    """One connection, one writer. It may pass from thread to thread, but only one uses it at a time.

    Args:
        path: the database file; made if it is not there.
        clock: the time now, for the rows.
        listener: is told every log entry once it is on disk.

    Raises:
        ConfigurationError: the file was written by a later version of this software, or is no database.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime],
        listener: Callable[[Entry], None] | None = None,
    ) -> None:
        self._clock = clock
        self._listener = listener
        self._untold: list[Entry] = []
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._db.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;"
                )
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"{path} cannot be used as database: {error}") from error
        if version > _VERSION:
            raise ConfigurationError(f"{path} was written by a newer version of this software ({version}).")

    def close(self) -> None:
        """Ends the use of the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self._untold.clear()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise TransportError(f"The database cannot be used now: {error}.") from error
            raise
        told, self._untold = self._untold, []
        if self._listener is not None:
            for entry in told:
                self._listener(entry)

    @contextmanager
    def savepoint(self) -> Iterator[Callable[[], None]]:
        untold = len(self._untold)
        self._db.execute("SAVEPOINT part")

        def take_back() -> None:
            self._db.execute("ROLLBACK TO part")
            del self._untold[untold:]

        yield take_back
        self._db.execute("RELEASE part")

    def audit(self, event: str, message_id: str | None = None, **facts: Any) -> None:
        entry = Entry(self._clock(), event, message_id, facts)
        self._db.execute(
            "INSERT INTO log (at, event, message_id, facts) VALUES (?, ?, ?, ?)",
            (_text(entry.at), event, message_id, orjson.dumps(facts).decode()),
        )
        self._untold.append(entry)

    # --- messages ------------------------------------------------------------------------------------

    def add_message(self, message: Message) -> bool:
        values = [getattr(message, name.strip(' "')) for name in _MESSAGE.split(",")]
        values[6] = _text(message.created_at)
        marks = ", ".join("?" * len(values))
        done = self._db.execute(
            f"INSERT INTO messages ({_MESSAGE}) VALUES ({marks}) ON CONFLICT DO NOTHING", values
        )
        return done.rowcount == 1

    def message(self, message_id: str) -> Message:
        found = self._messages("id = ?", message_id)
        if not found:
            raise NotFoundError(f"There is no message {message_id}.")
        return found[0]

    def received(self) -> list[Message]:
        return self._messages("translation = 'received' ORDER BY seq")

    def advance(
        self, message_id: str, status: str, expected: str, to: str, *, partner: str | None = None
    ) -> None:
        if status not in _STATUSES:
            raise ValueError(status)
        done = self._db.execute(
            f"UPDATE messages SET {status} = ?, partner = coalesce(?, partner) WHERE id = ? AND {status} = ?",
            (to, partner, message_id, expected),
        )
        if done.rowcount != 1:
            raise RefusedError(f"Message {message_id} is no longer {expected}: {status} cannot become {to}.")

    def count_attempt(self, message_id: str, more: int = 1) -> int:
        row = self._db.execute(
            "UPDATE messages SET attempts = attempts + ? WHERE id = ? RETURNING attempts", (more, message_id)
        ).fetchone()
        return int(row[0])

    def translated_before(self, message: Message) -> Message | None:
        found = self._messages(
            "payload = ? AND direction = 'in' AND id <> ?"
            " AND translation IN ('translated', 'partly_translated') ORDER BY seq LIMIT 1",
            message.payload,
            message.id,
        )
        return found[0] if found else None

    def _messages(self, where: str, *values: Any) -> list[Message]:
        rows = self._db.execute(f"SELECT {_MESSAGE} FROM messages WHERE {where}", values)
        names = [name.strip(' "') for name in _MESSAGE.split(",")]
        return [
            Message(**{**dict(zip(names, row, strict=True)), "created_at": datetime.fromisoformat(row[6])})
            for row in rows
        ]

    # --- interchanges and numbers --------------------------------------------------------------------

    def add_interchange(self, message_id: str, key: InterchangeKey) -> None:
        self._db.execute(
            "INSERT INTO interchanges (sender, receiver, usage, control_number, message_id)"
            " VALUES (?, ?, ?, ?, ?)",
            (key.sender, key.receiver, key.usage, key.control_number, message_id),
        )

    def interchange_before(self, key: InterchangeKey) -> str | None:
        row = self._db.execute(
            "SELECT message_id FROM interchanges"
            " WHERE sender = ? AND receiver = ? AND usage = ? AND control_number = ?",
            (key.sender, key.receiver, key.usage, key.control_number),
        ).fetchone()
        return None if row is None else str(row[0])

    def next_number(self, partner: str, kind: str, highest: int) -> int:
        row = self._db.execute(
            "INSERT INTO control_numbers (partner, kind, last) VALUES (?, ?, 1)"
            " ON CONFLICT (partner, kind) DO UPDATE SET last = last + 1 RETURNING last",
            (partner, kind),
        ).fetchone()
        if row[0] > highest:
            raise RefusedError(f"All {kind} control numbers for {partner} up to {highest} are used.")
        return int(row[0])

    def sent_group(self, partner: str, group: str) -> Message | None:
        found = self._messages("partner = ? AND direction = 'out' AND \"group\" = ?", partner, group)
        return found[0] if found else None

    def sent_interchange(self, partner: str, interchange: str) -> Message | None:
        found = self._messages("partner = ? AND direction = 'out' AND interchange = ?", partner, interchange)
        return found[0] if found else None

    # --- documents -----------------------------------------------------------------------------------

    def add_document(self, document: Document) -> None:
        names = Document.__slots__
        marks = ", ".join("?" * len(names))
        self._db.execute(
            f"INSERT INTO documents ({', '.join(names)}) VALUES ({marks})",
            [getattr(document, name) for name in names],
        )

    def document_body(self, document_id: str) -> bytes:
        row = self._db.execute("SELECT body FROM documents WHERE id = ?", (document_id,)).fetchone()
        if row is None:
            raise NotFoundError(f"There is no document {document_id}.")
        return bytes(row[0])

    def acknowledge_documents(self, sent_in: str, set_control: str | None, status: str) -> None:
        self._db.execute(
            "UPDATE documents SET acknowledgment = ?"
            " WHERE sent_in = ? AND set_control = coalesce(?, set_control)",
            (status, sent_in, set_control),
        )

    # --- deliveries ----------------------------------------------------------------------------------

    def add_delivery(
        self,
        message_id: str,
        channel: str,
        box: str,
        wanted: str,
        *,
        payload: str | None = None,
        document_id: str | None = None,
    ) -> None:
        self._db.execute(
            "INSERT INTO deliveries (message_id, channel, box, wanted, payload, document_id, state, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (message_id, channel, box, wanted, payload, document_id, PENDING, _text(self._clock())),
        )

    def deliveries(self, channel: str, state: str, limit: int) -> list[Delivery]:
        rows = self._db.execute(
            f"SELECT {_DELIVERY} FROM deliveries"
            " WHERE channel = ? AND state = ? AND state <> 'delivered' ORDER BY id LIMIT ?",
            (channel, state, limit),
        )
        names = _DELIVERY.split(", ")
        return [Delivery(**dict(zip(names, row, strict=True))) for row in rows]

    def name_given(self, channel: str, box: str, name: str) -> bool:
        return self._has("deliveries WHERE channel = ? AND box = ? AND name = ?", channel, box, name)

    def name_wanted(self, channel: str, box: str, name: str) -> bool:
        return self._has("deliveries WHERE channel = ? AND box = ? AND wanted = ?", channel, box, name)

    def _has(self, rows: str, *values: Any) -> bool:
        return self._db.execute(f"SELECT 1 FROM {rows} LIMIT 1", values).fetchone() is not None

    def mark_sending(self, names: Sequence[tuple[Delivery, str]]) -> None:
        self._db.executemany(
            f"UPDATE deliveries SET state = '{SENDING}', name = ?, at = ?"
            f" WHERE id = ? AND state <> '{DELIVERED}'",
            [(name, _text(self._clock()), delivery.id) for delivery, name in names],
        )

    def mark_delivered(self, deliveries: Sequence[Delivery]) -> None:
        self._db.executemany(
            f"UPDATE deliveries SET state = '{DELIVERED}', at = ? WHERE id = ? AND state = '{SENDING}'",
            [(_text(self._clock()), delivery.id) for delivery in deliveries],
        )
        self._db.executemany(
            "UPDATE messages SET delivery = 'delivered' WHERE id = ?1 AND delivery = 'waiting'"
            f" AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message_id = ?1 AND state <> '{DELIVERED}')",
            [(message_id,) for message_id in {delivery.message_id for delivery in deliveries}],
        )


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
