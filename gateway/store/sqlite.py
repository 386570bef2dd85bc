"""The store of one machine: a SQLite file in WAL mode with ``synchronous=FULL``.

``NORMAL`` would be faster, but may lose the last commits in a power failure, and a commit is a promise here:
the partner's file is removed after it.
"""
# ruff: noqa: S608 - what is put together here are constants of this package; values are always bound

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import orjson

from gateway.errors import ConfigurationError, NotFoundError, RefusedError, TransportError
from gateway.store.records import (
    DELIVERED,
    INBOUND,
    OUTBOUND,
    PENDING,
    SENDING,
    Delivery,
    Document,
    Entry,
    InterchangeKey,
    Message,
)

MAX_UNTOLD = 1000
"""Log lines kept in memory until their transaction is on disk; of more only their number is told."""

LAST_NUMBER = 999_999_999
"""Highest control number of an interchange (ISA13) or group (GS06): nine digits."""

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
CREATE INDEX documents_number ON documents (number, partner) WHERE direction = 'out';
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

_TABLES: dict[type, str] = {Message: "messages", Document: "documents", Delivery: "deliveries"}
_Row = TypeVar("_Row", Message, Document, Delivery)


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
        self, path: Path, clock: Callable[[], datetime], listener: Callable[[Entry], None] = lambda _: None
    ) -> None:
        self._clock = clock
        self._listener = listener
        self._untold: list[Entry] = []
        self._more: Counter[tuple[str, str | None]] = Counter()
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
        """All changes inside happen together, and are on disk when it ends, or none does.

        Raises:
            TransportError: the store cannot be used for a while, such as for a full disk.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self._untold, self._more = [], Counter()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise TransportError(f"The database cannot be used now: {error}.") from error
            raise
        told, more = self._untold, self._more
        self._untold, self._more = [], Counter()
        for entry in told:
            self._listener(entry)
        for (event, message_id), count in more.items():
            self._listener(Entry(self._clock(), event, message_id, {}, count))

    @contextmanager
    def savepoint(self) -> Iterator[Callable[[], None]]:
        """A part of a transaction; calling what it yields takes back everything done since."""
        untold, more = len(self._untold), self._more.copy()
        self._db.execute("SAVEPOINT part")

        def take_back() -> None:
            self._db.execute("ROLLBACK TO part")
            del self._untold[untold:]
            self._more = more

        yield take_back
        self._db.execute("RELEASE part")

    def audit(self, event: str, message_id: str | None = None, **facts: Any) -> None:
        """Adds a line to the event log; told to the listener when the transaction is on disk."""
        entry = Entry(self._clock(), event, message_id, facts)
        self._insert(
            "log", at=entry.at, event=event, message_id=message_id, facts=orjson.dumps(facts).decode()
        )
        if len(self._untold) < MAX_UNTOLD:
            self._untold.append(entry)
        else:
            self._more[event, message_id] += 1

    def _insert(self, table: str, end: str = "", **values: Any) -> int:
        names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
        texts = [_text(one) if isinstance(one, datetime) else one for one in values.values()]
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks}) {end}"
        return self._db.execute(sql, texts).rowcount

    def _rows(self, kind: type[_Row], where: str, *values: Any) -> list[_Row]:
        names = kind.__slots__
        table = _TABLES[kind]
        columns = ", ".join(f'"{name}"' for name in names)
        found = self._db.execute(f"SELECT {columns} FROM {table} WHERE {where}", values)
        return [kind(**dict(zip(names, row, strict=True))) for row in found]

    # --- messages ------------------------------------------------------------------------------------

    def add_message(self, message: Message) -> bool:
        """Adds it; False, and no change, if its id is known."""
        return self._insert("messages", "ON CONFLICT DO NOTHING", **_values(message)) == 1

    def message(self, message_id: str) -> Message:
        """Raises NotFoundError."""
        if found := self._messages("id = ?", message_id):
            return found[0]
        raise NotFoundError(f"There is no message {message_id}.")

    def received(self) -> list[Message]:
        """Messages still to be translated, oldest first."""
        return self._messages("translation = 'received' ORDER BY seq")

    def advance(
        self,
        message_id: str,
        status: Literal["translation", "delivery", "acknowledgment"],
        expected: str,
        to: str,
        *,
        partner: str | None = None,
    ) -> None:
        """Moves one status of a message. Raises RefusedError when it is not the expected one."""
        done = self._db.execute(
            f"UPDATE messages SET {status} = ?, partner = coalesce(?, partner) WHERE id = ? AND {status} = ?",
            (to, partner, message_id, expected),
        )
        if done.rowcount != 1:
            raise RefusedError(f"Message {message_id} is no longer {expected}: {status} cannot become {to}.")

    def count_attempt(self, message_id: str, more: int = 1) -> int:
        """One more attempt at translating, or one less; returns how many."""
        row = self._db.execute(
            "UPDATE messages SET attempts = attempts + ? WHERE id = ? RETURNING attempts", (more, message_id)
        ).fetchone()
        return int(row[0])

    def translated_before(self, message: Message) -> Message | None:
        """An earlier inbound message with the same bytes that gave results."""
        where = (
            f"payload = ? AND direction = '{INBOUND}' AND id <> ?"
            " AND translation IN ('translated', 'partly_translated') ORDER BY seq LIMIT 1"
        )
        return next(iter(self._messages(where, message.payload, message.id)), None)

    def sent(self, partner: str, kind: Literal["group", "interchange"], number: str) -> Message | None:
        """The message we sent to a partner with this GS06 or ISA13."""
        where = f"partner = ? AND direction = '{OUTBOUND}' AND \"{kind}\" = ?"
        return next(iter(self._messages(where, partner, number)), None)

    def _messages(self, where: str, *values: Any) -> list[Message]:
        found = self._rows(Message, where, *values)
        return [replace(one, created_at=datetime.fromisoformat(str(one.created_at))) for one in found]

    # --- interchanges and numbers --------------------------------------------------------------------

    def add_interchange(self, message_id: str, key: InterchangeKey) -> None:
        """Remembers an inbound interchange that gave results."""
        self._insert("interchanges", message_id=message_id, **key._asdict())

    def interchange_before(self, key: InterchangeKey) -> str | None:
        """The message an equal interchange came with."""
        row = self._db.execute(
            "SELECT message_id FROM interchanges"
            " WHERE sender = ? AND receiver = ? AND usage = ? AND control_number = ?",
            key,
        ).fetchone()
        return None if row is None else str(row[0])

    def next_number(self, partner: str, kind: str, highest: int = LAST_NUMBER) -> int:
        """The next control number for what we send to a partner. Raises RefusedError when all are used."""
        row = self._db.execute(
            "INSERT INTO control_numbers (partner, kind, last) VALUES (?, ?, 1)"
            " ON CONFLICT (partner, kind) DO UPDATE SET last = last + 1 RETURNING last",
            (partner, kind),
        ).fetchone()
        if row[0] > highest:
            raise RefusedError(f"All {kind} control numbers for {partner} up to {highest} are used.")
        return int(row[0])

    # --- documents -----------------------------------------------------------------------------------

    def add_document(self, document: Document) -> None:
        """Adds it; its id is new."""
        self._insert("documents", **_values(document))

    def document_body(self, document_id: str) -> bytes:
        """Raises NotFoundError."""
        if found := self._rows(Document, "id = ?", document_id):
            return found[0].body
        raise NotFoundError(f"There is no document {document_id}.")

    def sent_documents(self, like: Document) -> list[Document]:
        """Documents of this type, number and test flag that we sent to this partner."""
        return self._rows(
            Document,
            f"number = ? AND partner = ? AND direction = '{OUTBOUND}' AND document_type = ? AND test = ?",
            *(like.number, like.partner, like.document_type, like.test),
        )

    def acknowledge_documents(self, sent_in: str, set_control: str | None, status: str) -> None:
        """Sets the acknowledgment of the documents a message carries, or of the one with this ST02."""
        self._db.execute(
            "UPDATE documents SET acknowledgment = ?"
            " WHERE sent_in = ? AND set_control = coalesce(?, set_control)",
            (status, sent_in, set_control),
        )

    # --- deliveries ----------------------------------------------------------------------------------

    def add_delivery(self, message_id: str, channel: str, box: str, wanted: str, **content: str) -> None:
        """Plans one; its content is a ``payload`` or the body of a document, ``document_id``."""
        plan: dict[str, Any] = {"channel": channel, "box": box, "wanted": wanted, **content}
        self._insert("deliveries", message_id=message_id, state=PENDING, at=self._clock(), **plan)

    def deliveries(self, channel: str, state: str, limit: int) -> list[Delivery]:
        """Deliveries of a channel in a state that is not the last one, oldest first."""
        where = f"channel = ? AND state = ? AND state <> '{DELIVERED}' ORDER BY id LIMIT ?"
        return self._rows(Delivery, where, channel, state, limit)

    def has_name(self, column: Literal["name", "wanted"], channel: str, box: str, name: str) -> bool:
        """Whether a file ever got this name (names are not given twice), or wants it."""
        sql = f"SELECT 1 FROM deliveries WHERE channel = ? AND box = ? AND {column} = ? LIMIT 1"
        return self._db.execute(sql, (channel, box, name)).fetchone() is not None

    def mark_sending(self, names: Sequence[tuple[Delivery, str]]) -> None:
        """Says under which names deliveries are about to appear."""
        self._db.executemany(
            f"UPDATE deliveries SET state = '{SENDING}', name = ?, at = ?"
            f" WHERE id = ? AND state <> '{DELIVERED}'",
            [(name, _text(self._clock()), delivery.id) for delivery, name in names],
        )

    def mark_delivered(self, deliveries: Sequence[Delivery]) -> None:
        """Says what has appeared; a message with nothing left to deliver is delivered."""
        self._db.executemany(
            f"UPDATE deliveries SET state = '{DELIVERED}', at = ? WHERE id = ? AND state = '{SENDING}'",
            [(_text(self._clock()), delivery.id) for delivery in deliveries],
        )
        self._db.executemany(
            "UPDATE messages SET delivery = 'delivered' WHERE id = ?1 AND delivery = 'waiting'"
            f" AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message_id = ?1 AND state <> '{DELIVERED}')",
            [(message_id,) for message_id in {delivery.message_id for delivery in deliveries}],
        )


def _values(row: Message | Document) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
