"""The store: what services keep, in one database for all nodes.

One object is one connection, used by one thread at a time. New rows are gathered and written together, which
makes a hundred documents cheap; the audit is chained and signed when its transaction ends, because until then
another node may add to it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from structlog.contextvars import get_contextvars

from gateway.errors import EdiError, NotFoundError, RefusedError, TransportError
from gateway.partners.crossreference import KINDS
from gateway.store import tables as t
from gateway.store.access import Access
from gateway.store.alerts import Alerts
from gateway.store.audit import Seal
from gateway.store.channels import Channels, paused
from gateway.store.crossreference import CrossReference
from gateway.store.database import insert_rows, taken, told, upsert_of
from gateway.store.deadlines import Deadlines
from gateway.store.exchanges import Exchanges
from gateway.store.records import (
    APPROVAL,
    CANCELLED,
    DELIVERED,
    FAILED,
    GATEWAY,
    INBOUND,
    OPEN,
    OUTBOUND,
    PENDING,
    SENDING,
    SENT,
    WAITS,
    Delivery,
    Document,
    Entry,
    Message,
    as_text,
)
from gateway.store.remittances import Remittances
from gateway.store.retention import Retention
from gateway.store.ssccs import Ssccs

MAX_NAMED = 1000
"""Documents of one number that are looked at."""

MAX_UNTOLD = 1000
"""Audit entries kept in memory until their transaction is on disk; of more only their number is told."""

LAST_NUMBER = 999_999_999
"""Highest control number of an interchange (ISA13) or group (GS06): nine digits."""

_SKEW = timedelta(hours=1)
"""A slot that was taken farther ahead than this was taken by a clock that erred, and counts for nothing."""

_GATHERED = 1000
"""New rows of a table that are written at once."""

_Row = TypeVar("_Row", Message, Document, Delivery)
_TABLES: dict[type, Table] = {Message: t.messages, Document: t.documents, Delivery: t.deliveries}
_COLUMNS = {
    kind: [table.c[one.name] for one in fields(kind) if one.name in table.c]
    for kind, table in _TABLES.items()
}

_D = t.deliveries.c
_MINE = update(t.deliveries).where(_D.seq == bindparam("which"))
_SENDING = _MINE.where(_D.state == PENDING).values(state=SENDING)
_DELIVERED = _MINE.where(_D.state == SENDING).values(state=DELIVERED)


@dataclass(eq=False, slots=True)
class _Point:
    """A savepoint: how much was gathered before it, and, if that was written since, what it was."""

    marks: dict[Table, int]
    mark: int
    rows: dict[Table, list[dict[str, Any]]] | None = None
    entries: list[Entry] | None = None


class Store:
    """One connection to the store.

    Args:
        clock: the time now, UTC, for the rows.
        seal: adds to the audit.
        listener: is told every audit entry once it is on disk.
        actor: who does what is done.
        turn: held while it writes. SQLite has one writer at a time; others sleep, and mostly for too long.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], datetime],
        seal: Seal,
        listener: Callable[[Entry], None] = lambda _: None,
        actor: str = GATEWAY,
        turn: Lock | None = None,
    ) -> None:
        self.engine = engine
        self._turn = turn
        self.actor = actor
        self._clock = clock
        self._seal_with = seal
        self.exchanges = Exchanges(self)
        self.channels = Channels(self)
        self.deadlines = Deadlines(self)
        self.ssccs = Ssccs(self)
        self.crossreferences = {name: CrossReference(self, kind) for name, kind in KINDS.items()}
        self.alerts = Alerts(self)
        self.remittances = Remittances(self)
        self.retention = Retention(self)
        self.access = Access(self)
        self.alarm: Callable[[Sequence[Entry]], None] = lambda _: None
        """Is told entries of the audit before their transaction ends, and may add to it."""
        self.tally: Counter[tuple[str, ...]] = Counter()
        """What the open transaction does, for :mod:`gateway.observability.metrics`."""
        self.counted: Callable[[Counter[tuple[str, ...]]], None] = lambda _: None
        """Is given the tally of each transaction that is on disk."""
        self._listener = listener
        self.upsert = upsert = upsert_of(engine)
        # What every document needs is made once: making a statement costs more than running it.
        self._add_message = upsert(t.messages).on_conflict_do_nothing()
        # Once for every document, so in the words of the driver.
        claim = upsert(t.seen).on_conflict_do_nothing()
        self._claim = claim.compile(dialect=engine.dialect, column_keys=["key", "message_id"])
        last = t.control_numbers.c.last
        highest = func.greatest if engine.dialect.name == "postgresql" else func.max
        number = upsert(t.control_numbers).values(last=bindparam("first"))
        self._next_number = number.on_conflict_do_update(
            index_elements=["partner", "kind"], set_={"last": highest(last + 1, bindparam("first"))}
        ).returning(last)
        self._open: Connection | None = None
        self.is_writing = False
        self._points: list[_Point] = []
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self.enqueued: set[str] = set()
        """Keys of jobs that the open transaction has enqueued."""
        self._entries: list[Entry] = []
        self._told: list[Entry] = []
        self._more: Counter[tuple[str, str | None]] = Counter()

    def close(self) -> None:
        """Gives the connection back."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextmanager
    def acting(self, actor: str) -> Iterator[None]:
        """What is done until it ends is done by ``actor``."""
        before, self.actor = self.actor, actor
        try:
            yield
        finally:
            self.actor = before

    # --- transactions --------------------------------------------------------------------------------

    @property
    def connection(self) -> Connection:
        """The connection, for what takes part in a transaction, such as enqueuing a job."""
        if self._open is None:
            with told():
                # PostgreSQL's driver forgets how many rows an insert wrote, unless it is told not to.
                self._open = self.engine.connect().execution_options(preserve_rowcount=True)
        return self._open

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside happen together, and are on disk when it ends, or none does.

        Raises:
            TransportError: the store cannot be used for a while, such as for a full disk.
        """
        try:
            with taken(self._turn), self.connection.begin():
                self.is_writing = True
                yield
                self.write()
        except BaseException as error:
            self._rows, self._entries, self._told, self._more = {}, [], [], Counter()
            self.tally.clear()
            if not isinstance(error, EdiError):
                # It may have failed in the commit, after which SQLAlchemy rolls nothing back: the connection
                # would keep the lock that all others wait for. To the pool it goes without a transaction.
                self.close()
            if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
                with told():
                    raise
            raise
        finally:
            self.is_writing = False
            self._points.clear()
            self.enqueued.clear()
        entries, more = self._told, self._more
        self._told, self._more = [], Counter()
        if self.tally:
            self.counted(self.tally)
            self.tally.clear()
        for entry in entries:
            self._listener(entry)
        for (event, message_id), count in more.items():
            self._listener(Entry(self._clock(), event, message_id, {}, count))

    def write(self) -> None:
        """Writes what was gathered, so that what cannot be written fails now."""
        self.flush()
        self._seal()

    @contextmanager
    def savepoint(self) -> Iterator[Callable[[], None]]:
        """A part of a transaction; calling what it yields takes back everything done since.

        An exception that leaves it takes it back as well.
        """
        point = _Point({table: len(rows) for table, rows in self._rows.items()}, len(self._entries))
        told_before, more, tally = len(self._told), self._more.copy(), self.tally.copy()
        name = f"part{len(self._points)}"
        self.connection.exec_driver_sql(f"SAVEPOINT {name}")
        self._points.append(point)

        def take_back() -> None:
            self.connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")
            self.enqueued.clear()  # some of them were taken back
            # What was gathered before, and written since, was taken back as well: it is gathered again.
            if point.rows is None:
                for table, rows in self._rows.items():
                    del rows[point.marks.get(table, 0) :]
            else:
                self._rows = {table: list(rows) for table, rows in point.rows.items()}
            self._entries[:] = self._entries[: point.mark] if point.entries is None else point.entries
            del self._told[told_before:]
            self._more, self.tally = more.copy(), tally.copy()

        try:
            yield take_back
        except BaseException as error:
            if not (isinstance(error, DBAPIError) and error.connection_invalidated):
                take_back()  # without a connection everything is gone as it is
            raise
        finally:
            self._points.remove(point)
        self.connection.exec_driver_sql(f"RELEASE SAVEPOINT {name}")

    def _execute(self, statement: Executable, rows: Any = None) -> Any:
        return self.connection.execute(statement, rows)

    def _read(self, statement: Executable, values: Any = None) -> list[Any]:
        """All rows of a query; outside of a transaction in one of its own."""
        if self.is_writing:
            self.flush()
            return list(self.connection.execute(statement, values))
        try:
            with told(), self.connection.execution_options(reading=True).begin():
                return list(self.connection.execute(statement, values))
        except TransportError:
            self.close()
            raise
        finally:
            if self._open is not None:
                self._open.execution_options(reading=False)

    def _add(self, table: Table, **values: Any) -> None:
        rows = self._rows.setdefault(table, [])
        rows.append(values)
        if len(rows) >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """Writes the new rows that were gathered."""
        if not any(self._rows.values()):
            return
        for point in self._points:
            if point.rows is None:
                point.rows = {table: rows[: point.marks.get(table, 0)] for table, rows in self._rows.items()}
        rows, self._rows = self._rows, {}
        for table, gathered in rows.items():
            if gathered:
                insert_rows(self.connection, table, gathered)

    # --- audit ---------------------------------------------------------------------------------------

    def audit(
        self,
        event: str,
        message_id: str | None = None,
        *,
        document_id: str | None = None,
        partner: str | None = None,
        **facts: Any,
    ) -> None:
        """Adds an entry to the audit; told to the listener when the transaction is on disk."""
        if partner is not None:
            facts = {"partner": partner, **facts}
        if isinstance(why := facts.get("reason"), str):  # a person typed it: it need not be Unicode
            facts["reason"] = why.encode("utf-8", "replace").decode()
        entry = Entry(
            self._clock(),
            event,
            message_id,
            facts,
            document_id=document_id,
            partner=partner,
            actor=self.actor,
            bound=get_contextvars(),
        )
        self._entries.append(entry)
        if len(self._told) < MAX_UNTOLD:
            self._told.append(entry)
        else:
            self._more[event, message_id] += 1
        if len(self._entries) >= _GATHERED:
            self._seal()

    def _seal(self) -> None:
        """Chains the entries that were gathered to those before them."""
        if self._entries:
            for point in self._points:
                if point.entries is None:
                    point.entries = self._entries[: point.mark]
            entries, self._entries = self._entries, []
            self._seal_with.add(self.connection, entries)
            self.alarm(entries)

    # --- messages ------------------------------------------------------------------------------------

    def add_message(self, message: Message) -> bool:
        """Adds it; False, and no change, if its id is known."""
        return bool(self._execute(self._add_message, _values(message)).rowcount == 1)

    def add_written(self, message: Message) -> None:
        """Adds one we wrote; its id is new."""
        self._add(t.messages, **_values(message))

    def message(self, message_id: str) -> Message:
        """Raises NotFoundError."""
        if found := self._messages(t.messages.c.id == message_id):
            return found[0]
        raise NotFoundError(f"There is no message {message_id}.")

    def messages(self, ids: Sequence[str]) -> list[Message]:
        """Those of the messages that are there, oldest first."""
        return self._messages(t.messages.c.id.in_(ids))

    def unfinished(self, limit: int) -> list[str]:
        """Ids of messages with something left to do, oldest first; those on hold are not among them."""
        m, d = t.messages.c, t.deliveries.c
        # Literal, and || "", for the reasons that :mod:`gateway.store.gauges` has.
        received = select(m.id.concat("").label("id")).where(text("translation = 'received'"), m.hold == "")
        owners = select(d.owner).join(t.messages, m.id == d.message_id)
        owners = owners.where(text("state IN ('pending', 'sending')"), m.hold == "", _not_paused())
        return [str(row[0]) for row in self._read(received.union(owners).order_by("id").limit(limit))]

    def advance(self, message_id: str, moves: Mapping[str, tuple[str, str]], **notes: Any) -> None:
        """Moves statuses of a message, and notes what became known of it.

        Args:
            moves: from where to where, by the name of the status.

        Raises:
            RefusedError: one of them is not where it is said to be.
        """
        m = t.messages.c
        known = [m[status] == expected for status, (expected, _) in moves.items()]
        values = {status: to for status, (_, to) in moves.items()} | notes
        if any(to in t.NEEDS[status] for status, (_, to) in moves.items()):
            values["closed_at"] = ""
        if any(row["id"] == message_id for row in self._rows.get(t.messages, ())):
            self.flush()
        if self._execute(update(t.messages).where(m.id == message_id, *known).values(values)).rowcount != 1:
            told = ", ".join(f"{status} cannot go from {one} to {to}" for status, (one, to) in moves.items())
            raise RefusedError(f"Message {message_id} was changed meanwhile: {told}.")

    def note(self, message_id: str, **values: Any) -> None:
        """Notes what became known of a message: ``partner``, ``interchange``, ``hold``, ``erased_at``."""
        self._execute(update(t.messages).where(t.messages.c.id == message_id).values(values))

    def count_attempt(self, message_id: str) -> int:
        """One more attempt at translating; returns how many."""
        m = t.messages.c
        more = (
            update(t.messages).where(m.id == message_id).values(attempts=m.attempts + 1).returning(m.attempts)
        )
        return int(self._execute(more).scalar_one())

    def sent(self, partner: str, kind: Literal["group", "interchange"], number: str) -> Message | None:
        """The message we sent to a partner with this GS06 or ISA13."""
        m = t.messages.c
        return next(
            iter(self._messages(m.partner == partner, m.direction == OUTBOUND, m[kind] == number)), None
        )

    def last_received(self, partner: str, way: str, kind: str) -> datetime | None:
        """When the newest message came from a partner by a way, of those whose names begin so."""
        m = t.messages.c
        mine = (m.partner == partner, m.way == way, m.direction == INBOUND, m.name.startswith(kind))
        found = self._read(select(m.created_at).where(*mine).order_by(m.seq.desc()).limit(1))
        return datetime.fromisoformat(found[0][0]) if found else None

    def made_from(self, message_id: str) -> list[Message]:
        """What was made from a message: its answers, or the interchange it became."""
        return self._messages(t.messages.c.origin == message_id)

    def _messages(self, *where: ColumnElement[bool]) -> list[Message]:
        return self._select(Message, select(*_COLUMNS[Message]).where(*where).order_by(t.messages.c.seq))

    def _select(self, kind: type[_Row], statement: Executable) -> list[_Row]:
        made = []
        for row in self._read(statement):
            values = dict(row._mapping)
            if "created_at" in values:
                values["created_at"] = datetime.fromisoformat(values["created_at"])
            if values.get("body") is not None:
                values["body"] = zlib.decompress(values["body"])
            made.append(kind(**values))
        return made

    # --- duplicates and numbers ----------------------------------------------------------------------

    def claim(self, key: str, message_id: str, *, again: bool = False) -> str | None:
        """Claims what must be processed once; returns the message that had it before, or None.

        A claim lasts if its transaction does. Another node that claims the same waits for that.

        Args:
            again: take it over from the message that has it.
        """
        values = {"key": key, "message_id": message_id}
        if again:
            new = self.upsert(t.seen)
            taken = new.on_conflict_do_update(index_elements=["key"], set_={"message_id": message_id})
            self._execute(taken, values)
            return None
        order = self._claim.positiontup
        done = self.connection.exec_driver_sql(
            str(self._claim), values if order is None else tuple(values[name] for name in order)
        )
        return None if done.rowcount == 1 else self.claimed(key)

    def claimed(self, key: str) -> str | None:
        """The message that has a claim."""
        found = self._read(select(t.seen.c.message_id).where(t.seen.c.key == key))
        return str(found[0][0]) if found else None

    def release_claims(self, keys: Iterable[str], message_id: str) -> None:
        """Lets what a message claimed be processed again; claims of others stay."""
        mine = t.seen.c.message_id == message_id
        self._execute(delete(t.seen).where(t.seen.c.key.in_(list(keys)), mine))

    def next_number(self, partner: str, kind: str, first: int = 1, highest: int = LAST_NUMBER) -> int:
        """The next control number for what we send to a partner. Raises RefusedError when all are used.

        Args:
            first: where the numbers begin, for partners who know us from an earlier system.
        """
        values = {"partner": partner, "kind": kind, "first": first}
        number = int(self._execute(self._next_number, values).scalar_one())
        if number > highest:
            raise RefusedError(f"All {kind} control numbers for {partner} up to {highest} are used.")
        return number

    def once(self, scope: str, key: str, fingerprint: str = "", result: str = "") -> str | None:
        """Remembers that something was asked for; returns the result of the first time, None if this is it.

        Raises:
            RefusedError: the same key was used for something else.
        """
        values = {"scope": scope, "key": key, "fingerprint": fingerprint, "result": result, "at": self.now()}
        new = self.upsert(t.idempotency).values(values).on_conflict_do_nothing()
        if self._execute(new).rowcount == 1:
            return None
        c = t.idempotency.c
        (row,) = self._read(select(c.fingerprint, c.result).where(c.scope == scope, c.key == key))
        if row[0] != fingerprint:
            raise RefusedError(f"The key {key!r} was used before for something else ({row[1] or scope}).")
        return str(row[1])

    def take_slot(self, slot: str) -> bool:
        """Takes a moment of the clock; False if it was taken, unless that lies in the future: clocks err."""
        now = self.now()
        values = {"scope": "slot", "key": slot, "fingerprint": "", "result": "", "at": now}
        new = self.upsert(t.idempotency).values(values)
        later = t.idempotency.c.at > now
        taken = new.on_conflict_do_update(index_elements=["scope", "key"], set_={"at": now}, where=later)
        return bool(self._execute(taken).rowcount == 1)

    def take_run(self, name: str, slot: datetime) -> bool:
        """Takes a slot of a schedule; False if it, or a later one, was taken.

        A schedule that nobody knew begins now: what it would have done before is not made up for.
        """
        s, now = t.schedules.c, self.now()
        late = as_text(self._clock() + _SKEW)
        mine = (s.name == name, or_(s.slot < as_text(slot), s.slot > late))
        values = {"slot": as_text(slot), "taken_at": now, "ended_at": "", "result": ""}
        if self._execute(update(t.schedules).where(*mine).values(values)).rowcount == 1:
            return True
        first = {"name": name, "slot": now, "taken_at": "", "ended_at": "", "result": ""}
        self._execute(self.upsert(t.schedules).values(first).on_conflict_do_nothing())
        return False

    def end_run(self, name: str, result: str) -> None:
        """Says how the last job of a schedule ended, in words."""
        values = {"ended_at": self.now(), "result": result[:500]}
        self._execute(update(t.schedules).where(t.schedules.c.name == name).values(values))

    def result_of(self, scope: str, key: str) -> str:
        """What came of the first use of a key; empty if there was none."""
        c = t.idempotency.c
        found = self._read(select(c.result).where(c.scope == scope, c.key == key))
        return str(found[0][0]) if found else ""

    def forget_key(self, scope: str, key: str) -> None:
        """Lets a key be used for something else."""
        c = t.idempotency.c
        self._execute(delete(t.idempotency).where(c.scope == scope, c.key == key))

    def forget(self, scope: str, before: datetime) -> None:
        """Forgets keys of a scope that are older."""
        c = t.idempotency.c
        self._execute(delete(t.idempotency).where(c.scope == scope, c.at < as_text(before)))

    # --- documents -----------------------------------------------------------------------------------

    def add_document(self, document: Document) -> None:
        """Adds it; its id is new."""
        self._add(t.documents, **_values(document))
        for kind, value in dict.fromkeys(document.keys):
            self._add(
                t.document_keys, kind=kind, value=value, partner=document.partner, document_id=document.id
            )

    def document(self, document_id: str) -> Document:
        """Raises NotFoundError."""
        if found := self._documents(t.documents.c.id == document_id):
            return found[0]
        raise NotFoundError(f"There is no document {document_id}.")

    def documents(self, document_ids: Sequence[str]) -> list[Document]:
        """Documents by their ids; of those that are there."""
        return self._documents(t.documents.c.id.in_(document_ids))

    def bodies(self, document_ids: Sequence[str]) -> dict[str, bytes]:
        """The JSON of documents, by their ids; of those that still have it."""
        d = t.documents.c
        found = self._read(select(d.id, d.body).where(d.id.in_(document_ids), d.body.isnot(None)))
        return {str(one): zlib.decompress(body) for one, body in found}

    def documents_of(self, message_id: str) -> list[Document]:
        """Documents that came with a message or are sent in it."""
        return self._documents(or_(*(t.documents.c[one] == message_id for one in ("message_id", "sent_in"))))

    def newest_document(
        self, partner: str, types: Sequence[str], number: str, *, not_of: str = ""
    ) -> Document | None:
        """The newest that came from a partner with a number, in another message than ``not_of``."""
        d, k = t.documents.c, t.document_keys.c
        ids = select(k.document_id).where(k.value == number, k.kind == "po", k.partner == partner)
        where = (d.id.in_(ids), d.document_type.in_(types), d.direction == INBOUND, d.message_id != not_of)
        self.flush()
        found = select(*_COLUMNS[Document]).where(*where).order_by(d.seq.desc()).limit(1)
        return next(iter(self._select(Document, found)), None)

    def known_orders(self, partner: str, numbers: Sequence[str]) -> set[str]:
        """Those of the numbers of orders by which a document of a partner is known."""
        k = t.document_keys.c
        found = select(k.value).where(k.value.in_(numbers), k.kind == "po", k.partner == partner)
        self.flush()
        return {str(row[0]) for row in self._read(found)}

    def claimed_of(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that are claimed."""
        found = select(t.seen.c.key).where(t.seen.c.key.in_(keys))
        return {str(row[0]) for row in self._read(found)}

    def waiting_documents(self, batch: str, limit: int) -> list[Document]:
        """Documents that wait for a batch, oldest first."""
        return self._documents(t.documents.c.batch == batch, limit=limit)

    def waiting(self, batch: str) -> tuple[int, str | None]:
        """How many documents wait for a batch, and since when the first."""
        d = t.documents.c
        return tuple(self._read(select(func.count(), func.min(d.created_at)).where(d.batch == batch))[0])

    def batches(self) -> list[tuple[str, str]]:
        """Batches with documents that wait for others, and since when."""
        d = t.documents.c
        open_ = (d.batch.isnot(None), d.batch.not_like(f"{APPROVAL}%"))
        found = self._read(select(d.batch, func.min(d.created_at)).where(*open_).group_by(d.batch))
        return [(str(batch), str(since)) for batch, since in found]

    def documents_named(self, partner: str, kind: str, number: str, test: bool) -> list[Document]:
        """Documents of a partner that name a number, oldest first: what counts for it, and was not taken
        back.
        """
        d, k, m = t.documents.c, t.document_keys.c, t.messages.c
        ids = select(k.document_id).where(k.value == number, k.kind == kind, k.partner == partner)
        given_up = select(m.id).where(m.id == d.sent_in, m.delivery == "cancelled").exists()
        is_sent = or_(d.direction == INBOUND, d.sent_in.isnot(None), d.batch.not_like(f"{APPROVAL}%"))
        counts = (d.test == test, d.acknowledgment != "rejected", is_sent, ~given_up)
        return self._documents(d.id.in_(ids), *counts, limit=MAX_NAMED)

    def accepted(self, partner: str, document_type: str, enough: int) -> int:
        """How many documents of a type a partner's system has taken, up to ``enough``."""
        d = t.documents.c
        taken = d.acknowledgment.in_(("accepted", "accepted_with_errors"))
        mine = (d.partner == partner, d.document_type == document_type, d.direction == OUTBOUND, taken)
        return len(self._read(select(d.seq).where(*mine).limit(enough)))

    def move_to_batch(self, document: Document, batch: str) -> None:
        """Lets a document wait for another batch. Raises RefusedError if it no longer waits for its own."""
        d = t.documents.c
        mine = update(t.documents).where(d.id == document.id, d.batch == document.batch)
        if self._execute(mine.values(batch=batch)).rowcount != 1:
            raise RefusedError(f"Document {document.id} no longer waits for {document.batch}.")

    def send_documents(self, ids: Sequence[str], batch: str, message_id: str) -> None:
        """Says in which message documents of a batch are sent, as its sets 1, 2, …

        Raises:
            RefusedError: another node did it.
        """
        d = t.documents.c
        for number, document_id in enumerate(ids, 1):
            moved = update(t.documents).where(d.id == document_id, d.batch == batch)
            values = {"batch": None, "sent_in": message_id, "set_control": str(number)}
            if self._execute(moved.values(values)).rowcount != 1:
                raise RefusedError(f"Document {document_id} no longer waits for the batch {batch}.")

    def drop_documents(self, message_id: str) -> None:
        """Takes the documents of a message out of the batches they wait for."""
        d = t.documents.c
        dropped = update(t.documents).where(d.message_id == message_id, d.batch.isnot(None))
        self._execute(dropped.values(batch=None, acknowledgment="not_expected"))

    def acknowledge_documents(self, sent_in: str, set_control: str | None, status: str) -> list[Document]:
        """Sets the acknowledgment of the documents a message carries, or of the one with this ST02.

        Returns:
            Those documents.
        """
        d = t.documents.c
        where = (
            [d.sent_in == sent_in]
            if set_control is None
            else [d.sent_in == sent_in, d.set_control == set_control]
        )
        self.flush()
        self._execute(update(t.documents).where(*where).values(acknowledgment=status))
        return self._documents(*where)

    def _documents(self, *where: ColumnElement[bool], limit: int | None = None) -> list[Document]:
        found = select(*_COLUMNS[Document]).where(*where).order_by(t.documents.c.seq).limit(limit)
        return self._select(Document, found)

    # --- acknowledgments and expectations ------------------------------------------------------------

    def add_acknowledgment(
        self, kind: str, message_id: str, about: Message, set_control: str, status: str, words: Sequence[str]
    ) -> None:
        """Keeps what a partner said of a message, or of one set of it, in words."""
        told_in = {"kind": kind, "message_id": message_id, "about": about.id, "partner": about.partner or ""}
        said = {"set_control": set_control, "status": status, "words": "\n".join(words)}
        self._add(t.acknowledgments, at=self.now(), **told_in, **said)

    def expect(
        self,
        kind: str,
        message_id: str,
        due: datetime,
        next_at: datetime | None = None,
        *,
        document_id: str | None = None,
        answer: str | None = None,
        about: str = "",
    ) -> None:
        """Says that something about a message, or a document of it, must come until then: ``deadlines``."""
        known = {"message_id": message_id, "document_id": document_id, "answer": answer, "about": about}
        times = {"due_at": as_text(due), "next_at": as_text(next_at) if next_at else None}
        self._add(t.expectations, kind=kind, state="open", **known, **times)

    def settle(
        self, message_id: str, state: Literal["met", "overdue", "cancelled"], kind: str = "acknowledgment"
    ) -> None:
        """Ends what is expected about a message: an acknowledgment, or a ``receipt``."""
        e = t.expectations.c
        self.flush()
        open_ = e.state.in_(("open", "overdue")) if state == "met" else e.state == "open"
        mine = update(t.expectations).where(e.message_id == message_id, e.kind == kind, open_)
        self._execute(mine.values(state=state))

    def allowance(self, message_id: str) -> timedelta | None:
        """How much time the first acknowledgment of a message was given, None if none was expected."""
        e, m = t.expectations.c, t.messages.c
        found = select(m.created_at, e.due_at).join(t.expectations, e.message_id == m.id)
        mine = (m.id == message_id, e.kind == "acknowledgment")
        rows = self._read(found.where(*mine).order_by(e.seq).limit(1))
        return datetime.fromisoformat(rows[0][1]) - datetime.fromisoformat(rows[0][0]) if rows else None

    def due(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Kind and message of acknowledgments and receipts whose time is over, oldest first."""
        e = t.expectations.c
        late = select(e.kind, e.message_id).where(e.state == "open", e.due_at <= as_text(now))
        late = late.where(e.document_id.is_(None))
        return [(str(kind), str(one)) for kind, one in self._read(late.order_by(e.due_at).limit(limit))]

    # --- deliveries ----------------------------------------------------------------------------------

    def add_delivery(
        self,
        message_id: str,
        owner: str,
        channel: str,
        box: str,
        wanted: str,
        *,
        payload: str | None = None,
        document_id: str | None = None,
        waits: str = "",
    ) -> None:
        """Plans one; its content is a payload or the body of a document.

        Args:
            waits: for what it waits, in words; empty for nothing.
        """
        plan = {"message_id": message_id, "owner": owner, "channel": channel, "box": box, "wanted": wanted}
        content = {"payload": payload, "document_id": document_id, "name": None}
        now = self.now()
        state = {"state": WAITS if waits else PENDING, "token": "", "tries": 0, "error": waits[:500]}
        state |= {"planned_at": now, "at": now}
        self._add(t.deliveries, **plan, **content, **state)

    def deliveries(self, owners: Sequence[str], limit: int, after: int = 0) -> list[Delivery]:
        """What is still to be delivered by the jobs of some messages, oldest first.

        Nothing that is held, or goes to a channel that is paused.
        """
        d, m = t.deliveries.c, t.messages.c
        free = exists().where(m.id == d.message_id, m.hold == "")
        open_ = select(*_COLUMNS[Delivery]).where(d.owner.in_(owners), d.state.in_(OPEN), d.seq > after, free)
        open_ = open_.where(_not_paused())
        return self._select(Delivery, open_.order_by(d.seq).limit(limit))

    def deliveries_of(self, message_id: str) -> list[Delivery]:
        """All deliveries of a message."""
        d = t.deliveries.c
        return self._select(
            Delivery, select(*_COLUMNS[Delivery]).where(d.message_id == message_id).order_by(d.seq)
        )

    def times_delivered(self, delivery: Delivery) -> int:
        """How often the same was delivered there before."""
        same = (_D[name] == getattr(delivery, name) for name in ("message_id", "channel", "wanted"))
        document = _D.document_id.is_not_distinct_from(delivery.document_id)
        mine = select(func.count()).where(*same, document, _D.state == DELIVERED)
        return int(self._read(mine)[0][0])

    def waiting_deliveries(self, limit: int, after: int = 0, message_id: str = "") -> list[Delivery]:
        """Deliveries that wait for something, of one message or of all, oldest first."""
        mine = [_D.message_id == message_id] if message_id else []
        some = select(*_COLUMNS[Delivery]).where(_D.state == WAITS, _D.seq > after, *mine)
        return self._select(Delivery, some.order_by(_D.seq).limit(limit))

    def go_on(self, delivery: Delivery, payload: str | None = None) -> bool:
        """Says that a delivery waits no longer, and its content if that is new; False if it did not wait."""
        mine = update(t.deliveries).where(_D.seq == delivery.seq, _D.state == WAITS)
        values = {"state": PENDING, "error": "", "at": self.now()} | ({"payload": payload} if payload else {})
        return bool(self._execute(mine.values(values)).rowcount == 1)

    def wait_for(self, delivery: Delivery, words: str) -> None:
        """Says anew what a delivery waits for."""
        mine = update(t.deliveries).where(_D.seq == delivery.seq, _D.state == WAITS)
        self._execute(mine.values(error=words[:500]))

    def knows_channel(self, channel: str) -> bool:
        """Whether anything was ever received or delivered there."""
        d, m = t.deliveries.c, t.messages.c
        there = (select(d.seq).where(d.channel == channel), select(m.seq).where(m.channel == channel))
        return any(self._read(one.limit(1)) for one in there)

    def names(
        self, column: Literal["name", "wanted"], channel: str, names: Iterable[str]
    ) -> set[tuple[str, str]]:
        """Those names, with their boxes, that a file of the channel got or wants; none is given twice."""
        d = t.deliveries.c
        known = select(d.box, d[column]).where(d.channel == channel, d[column].in_(list(names)))
        return {(str(box), str(name)) for box, name in self._read(known)}

    def sent_as(self, channel: str, box: str, name: str) -> str | None:
        """The message whose file has this name there."""
        d = t.deliveries.c
        known = select(d.message_id).where(d.channel == channel, d.box == box, d.name == name)
        return next((str(one) for (one,) in self._read(known)), None)

    def mark_sending(self, names: Sequence[tuple[Delivery, str]], token: str) -> None:
        """Says under which names deliveries are about to appear, and by which attempt.

        Raises:
            RefusedError: another node did it.
            IntegrityError: a name was given meanwhile.
        """
        rows = [{"which": one.seq, "name": name, "token": token, "at": self.now()} for one, name in names]
        if self._execute(_SENDING, rows).rowcount != len(rows):
            raise RefusedError("Another process delivers the same.")

    def mark_renamed(self, delivery: Delivery, name: str) -> None:
        """Says that a delivery which is ``sending`` appears under another name. Raises as `mark_sending`."""
        self._mark(delivery, SENDING, _D.name == delivery.name, name=name)

    def mark_begun(self, delivery: Delivery, token: str) -> None:
        """Says that a delivery which gets no name there is about to be sent. Raises RefusedError."""
        self._mark(delivery, PENDING, state=SENDING, token=token)

    def mark_sent(self, delivery: Delivery) -> None:
        """Says that what is ``sending`` is gone, and its receipt is to come. Raises RefusedError."""
        self._mark(delivery, SENDING, state=SENT)

    def _mark(self, delivery: Delivery, was: str, *where: ColumnElement[bool], **values: str) -> None:
        mine = update(t.deliveries).where(_D.seq == delivery.seq, _D.state == was, *where)
        if self._execute(mine.values(at=self.now(), **values)).rowcount != 1:
            raise RefusedError("Another process delivers the same.")

    def settle_delivery(self, seq: int, to: str, error: str = "") -> bool:
        """Says how the sending of something ended; False if that was said already.

        Args:
            to: ``delivered``, also of what failed or waits for another try (a receipt may be late),
                ``failed``, or ``pending`` for another try; the latter two count as a try.
        """
        was = (PENDING, SENDING, SENT, FAILED) if to == DELIVERED else (SENDING, SENT)
        mine = update(t.deliveries).where(_D.seq == seq, _D.state.in_(was))
        tried = {} if to == DELIVERED else {"tries": _D.tries + 1}
        values = {"state": to, "error": error[:500], "at": self.now(), **tried}
        channel = self._execute(mine.values(values).returning(_D.channel)).scalar()
        if channel is not None:
            self.tally["attempt", str(channel), to] += 1
        return channel is not None

    def mark_delivered(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Says what has appeared; returns what nobody said before."""
        rows = [{"which": one.seq, "at": self.now()} for one in deliveries]
        d = t.deliveries.c
        left = select(d.seq).where(d.seq.in_([one.seq for one in deliveries]), d.state == SENDING)
        mine = {row[0] for row in self._read(left.with_for_update())}
        self._execute(_DELIVERED, rows)
        done = [one for one in deliveries if one.seq in mine]
        self.tally.update(("attempt", one.channel, DELIVERED) for one in done)
        return done

    def mark_failed(self, deliveries: Sequence[Delivery], error: str, state: str) -> None:
        """Notes a failed try; ``state`` is ``pending`` for another one, or ``failed``."""
        d = t.deliveries.c
        for delivery in deliveries:
            failed = update(t.deliveries).where(d.seq == delivery.seq, d.state == delivery.state)
            values = {"tries": delivery.tries + 1, "error": error[:500], "at": self.now()}
            again = {} if state == PENDING else {"state": state}
            number = self._execute(failed.values(values | again)).rowcount
            self.tally["attempt", delivery.channel, state] += number

    def end_deliveries(self, message_ids: Iterable[str]) -> None:
        """Says of messages that wait, or are ``sent``, what their deliveries say.

        With something left to deliver they wait, with something ``sent`` they are that, else ``delivered``.
        """
        d, m = t.deliveries.c, t.messages.c
        open_ = (*OPEN, WAITS)
        left, sent = (exists().where(d.message_id == m.id, d.state.in_(one)) for one in (open_, (SENT,)))
        is_now = case((left, "waiting"), (sent, SENT), else_=DELIVERED)
        mine = (m.id.in_(list(message_ids)), m.delivery.in_(("waiting", SENT)), m.delivery != is_now)
        self.flush()
        self._execute(update(t.messages).where(*mine).values(delivery=is_now))

    def cancel_deliveries(self, message_id: str) -> None:
        """Gives up what nobody saw. Raises RefusedError if something of the message was begun."""
        d = t.deliveries.c
        mine = and_(d.message_id == message_id, d.box != "quarantine")
        if self._read(select(d.seq).where(mine, d.state.in_((SENDING, SENT, DELIVERED)))):
            raise RefusedError(f"Message {message_id} is on its way or delivered; it cannot be cancelled.")
        if any(one.direction == OUTBOUND for one in self.exchanges.of_message(message_id)):
            raise RefusedError(f"Message {message_id} was sent, if in vain; the partner may have it.")
        self._execute(update(t.deliveries).where(mine).values(state=CANCELLED, at=self.now()))

    def now(self) -> str:
        """The time now as the store keeps it."""
        return as_text(self._clock())


def _not_paused() -> ColumnElement[bool]:
    return or_(_D.box == "quarantine", _D.channel.not_in(paused()))


def _values(row: Message | Document) -> dict[str, Any]:
    values = {one.name: getattr(row, one.name) for one in _COLUMNS[type(row)]}
    values["created_at"] = as_text(row.created_at)
    if values.get("body") is not None:
        values["body"] = zlib.compress(values["body"], 1)
    return values
