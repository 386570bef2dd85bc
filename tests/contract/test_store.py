"""What services rely on, for both databases: all or nothing, once, in order, and an audit that proves it."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from gateway.errors import ConfigurationError, NotFoundError, RefusedError, TransportError
from gateway.partners.crossreference import ITEM, LOCATION, Kind, Row
from gateway.store import sql
from gateway.store import tables as t
from gateway.store.audit import CHECKPOINT_ENTRIES, Seal, checkpoints, verify
from gateway.store.database import open_engine, prepare, reading, sqlite_url
from gateway.store.records import (
    DELIVERED,
    INBOUND,
    OUTBOUND,
    PENDING,
    SENDING,
    SENT,
    Delivery,
    Document,
    Entry,
    Exchange,
    Message,
    as_text,
)
from gateway.store.sql import LAST_NUMBER, MAX_UNTOLD, Store
from tests.databases import Server

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KINDS = ["sqlite", "postgres"]


def message(message_id: str = "m1", **changes: Any) -> Message:
    """A message that was received, but for the changes."""
    received = Message(
        id=message_id, direction=INBOUND, channel="acme", name="po.edi", payload="aa", size=3, created_at=NOW
    )
    return replace(received, **changes)


def document(document_id: str = "d1", **changes: Any) -> Document:
    """An order of ours that is sent in the message ``out``, but for the changes."""
    ours = Document(
        id=document_id, message_id="m1", direction=OUTBOUND, partner="acme", document_type="purchase_order",
        number="4711", test=False, set_control="1", created_at=NOW, body=b"{}", sha256="bb", sent_in="out",
        acknowledgment="waiting",
    )  # fmt: skip
    return replace(ours, **changes)


def exchange(exchange_id: str = "e1", **changes: Any) -> Exchange:
    """An AS2 message we are sending with the message ``m1``, but for the changes."""
    ours = Exchange(
        id=exchange_id, direction=OUTBOUND, channel="acme", partner="acme", message_id="m1", sender="US",
        receiver="Acme Inc", as2_id="<1@us>", state="sending",
    )  # fmt: skip
    return replace(ours, **changes)


@dataclass
class Database:
    """A database with stores on it; its clock stands still until somebody sets it."""

    engine: Engine
    seal: Seal
    now: datetime = NOW
    is_tampered: bool = False
    told: list[Entry] = field(default_factory=list)
    opened: list[Store] = field(default_factory=list)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def store(self, **options: Any) -> Store:
        """One more connection, as another process or thread has it."""
        known = {"listener": self.told.append, **options}
        self.opened.append(Store(self.engine, lambda: self.now, self.seal, **known))
        return self.opened[-1]

    def clear(self) -> None:
        """Empties it: that is faster than making another."""
        with self.engine.begin() as connection:
            for table in t.metadata.tables.values():
                connection.execute(delete(table))
            connection.execute(insert(t.audit_head), t.EMPTY_HEAD)
        self.told.clear()

    def rows(self, statement: Any) -> list[tuple[Any, ...]]:
        """What somebody else sees, who reads now."""
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def column(self, column: Any) -> list[Any]:
        return [row[0] for row in self.rows(select(column).order_by(column.table.c.seq))]

    def change(self, statement: Any) -> None:
        """What somebody does behind the gateway's back."""
        self.is_tampered = True
        with self.engine.begin() as connection:
            connection.execute(statement)

    def problems(self) -> list[str]:
        """What is wrong with the audit."""
        with reading(self.engine) as connection:
            return list(verify(connection))


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return Seal.of(tmp_path_factory.mktemp("keys") / "audit.pem")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    """Those in use, by their kinds."""
    found: dict[str, Engine] = {}
    yield found
    for engine in found.values():
        engine.dispose()


@pytest.fixture(params=KINDS)
def database(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    engines: dict[str, Engine],
    seal: Seal,
) -> Iterator[Database]:
    server: Server | None = request.getfixturevalue("postgres") if request.param == "postgres" else None
    if request.param not in engines:
        path = tmp_path_factory.mktemp("store") / "gateway.db"
        engines[request.param] = open_engine(server.database() if server else sqlite_url(path))
        prepare(engines[request.param])
    made = Database(engines[request.param], seal)
    made.clear()
    yield made
    assert made.is_tampered or made.problems() == []
    for store in made.opened:
        store.close()


@pytest.fixture
def store(database: Database) -> Store:
    return database.store()


# --- transactions ----------------------------------------------------------------------------------------


def test_a_commit_of_sqlite_is_on_disk_when_it_returns(tmp_path: Path, seal: Seal) -> None:
    engine = open_engine(sqlite_url(tmp_path / "gateway.db"))
    prepare(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


def test_what_is_in_a_transaction_others_see_when_it_ended(database: Database, store: Store) -> None:
    with store.transaction():
        store.add_message(message("m1"))
        store.add_written(message("m2"))
        store.audit("file.received", "m1")
        store.flush()
        assert database.column(t.messages.c.id) == database.column(t.audit.c.event) == []
    assert database.column(t.messages.c.id) == ["m1", "m2"]
    assert database.column(t.audit.c.event) == ["file.received"]


def test_what_was_gathered_is_read_in_its_transaction(store: Store) -> None:
    with store.transaction():
        store.add_written(message("m1"))
        store.add_document(document("d1"))
        assert store.message("m1") == message("m1")
        assert store.document("d1") == document("d1")
    assert store.message("m1") == message("m1")


def test_a_turn_is_held_while_a_store_writes_and_given_back_however_that_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = threading.Lock()
    store = database.store(turn=turn)
    with store.transaction():
        assert turn.locked()
    assert not turn.locked()
    with pytest.raises(ZeroDivisionError), store.transaction():
        raise ZeroDivisionError
    assert not turn.locked()
    monkeypatch.setattr("gateway.store.database.WAIT_SECONDS", 0)
    with turn, store.transaction():  # nobody gives it back: the database decides then
        store.add_message(message("m1"))
    assert store.message("m1") == message("m1")


def test_nothing_of_a_failed_transaction_stays_or_is_told(database: Database, store: Store) -> None:
    def failing() -> None:
        with store.transaction():
            store.add_message(message("m1"))
            store.add_written(message("m2"))
            store.audit("file.received", "m1")
            store.next_number("acme", "group")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert database.column(t.messages.c.id) == database.column(t.audit.c.event) == database.told == []
    with store.transaction():
        store.audit("next")
        assert store.next_number("acme", "group") == 1
    assert [entry.event for entry in database.told] == ["next"]


def test_a_commit_that_fails_unforeseen_keeps_no_lock_from_others(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("sqlalchemy.engine.default.DefaultDialect.do_commit", failing)
        with pytest.raises(MemoryError), store.transaction():
            store.add_message(message("m1"))
    for other in (database.store(), store):
        with other.transaction():
            assert other.next_number("acme", "group")
    assert database.column(t.messages.c.id) == []


def test_entries_are_told_when_they_are_on_disk(database: Database) -> None:
    seen: list[list[Any]] = []
    store = database.store(listener=lambda entry: seen.append(database.column(t.audit.c.event)))
    with store.transaction():
        store.audit("one")
        store.audit("two")
        assert seen == []
    assert seen == [["one", "two"]] * 2


def test_of_very_many_entries_only_the_number_is_told(database: Database, store: Store) -> None:
    with store.transaction():
        for _ in range(MAX_UNTOLD):
            store.audit("made", "m1", file="x")
        with store.savepoint() as take_back:
            store.audit("made", "m1", file="x")
            take_back()
        for _ in range(7):
            store.audit("made", "m1", file="x")
    assert [entry.count for entry in database.told] == [1] * MAX_UNTOLD + [7]
    last = database.told[-1]
    assert (last.event, last.message_id, last.facts) == ("made", "m1", {})
    assert database.column(t.audit.c.event) == ["made"] * (MAX_UNTOLD + 7)


def test_an_entry_says_who_what_and_when(database: Database) -> None:
    store = database.store(actor="jane")
    with store.transaction():
        store.audit("document.created", "m1", document_id="d1", partner="acme", number="4711")
    ((seq, at, event, message_id, document_id, partner, actor, facts, _),) = database.rows(select(t.audit))
    assert (seq, at, event, message_id) == (1, as_text(NOW), "document.created", "m1")
    assert (document_id, partner, actor) == ("d1", "acme", "jane")
    assert facts == '{"partner":"acme","number":"4711"}'
    (told,) = database.told
    assert (told.actor, told.facts) == ("jane", {"partner": "acme", "number": "4711"})


# --- savepoints ------------------------------------------------------------------------------------------


def test_a_savepoint_takes_back_rows_and_entries(database: Database, store: Store) -> None:
    with store.transaction():
        store.add_message(message("kept"))
        with store.savepoint() as outer:
            store.audit("outer")
            with store.savepoint() as inner:
                store.add_message(message("inner"))
                store.add_written(message("gathered"))
                store.audit("inner")
                inner()
            store.audit("after")
            outer()
            store.add_message(message("late"))
    assert database.column(t.messages.c.id) == ["kept", "late"]
    assert database.told == database.column(t.audit.c.event) == []


def test_an_exception_that_leaves_a_savepoint_takes_it_back(database: Database, store: Store) -> None:
    with store.transaction():
        store.audit("before")
        with pytest.raises(ZeroDivisionError), store.savepoint():  # noqa: PT012
            store.add_message(message("m1"))
            store.audit("inside")
            raise ZeroDivisionError
        store.add_message(message("m2"))
    assert database.column(t.messages.c.id) == ["m2"]
    assert database.column(t.audit.c.event) == ["before"]


def test_a_row_that_cannot_be_written_spoils_its_savepoint_only(database: Database, store: Store) -> None:
    with store.transaction():
        store.add_written(message("m1"))
        with pytest.raises(IntegrityError), store.savepoint():  # noqa: PT012
            store.add_written(message("m1", name="other.edi"))
            store.flush()
        store.add_written(message("m2"))
    assert database.column(t.messages.c.id) == ["m1", "m2"]
    assert store.message("m1").name == "po.edi"


def test_what_was_gathered_before_a_savepoint_survives_though_it_was_written_inside(
    database: Database, store: Store
) -> None:
    many = 1001
    with store.transaction():
        store.add_written(message("before"))
        store.audit("before")
        with store.savepoint() as take_back:
            for number in range(many):
                store.add_written(message(f"inside{number}"))
                store.audit("inside")
            assert len(store.messages(["before", "inside0"])) == 2
            take_back()
            assert [one.id for one in store.messages(["before", "inside0"])] == ["before"]
            store.audit("after")
        store.add_written(message("after"))
    assert database.column(t.messages.c.id) == ["before", "after"]
    assert database.column(t.audit.c.event) == ["before", "after"]
    assert [(entry.event, entry.count) for entry in database.told] == [("before", 1), ("after", 1)]


class _Taken(Exception):
    """Leaves a savepoint, or a transaction."""


@dataclass
class _Model:
    """What a transaction is to leave: rows of two tables, entries, and what is told of them."""

    messages: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    more: Counter[str] = field(default_factory=Counter)

    def copy(self) -> _Model:
        kept = (self.messages.copy(), self.answers.copy(), self.entries.copy())
        return _Model(*kept, self.told.copy(), self.more.copy())

    def become(self, other: _Model) -> None:
        self.__dict__ = other.copy().__dict__


_STEPS = st.sampled_from(
    ["gather", "answer", "insert", "audit", "audit", "audit", "flush", "read", "back", "back"]
)
_PROGRAMS = st.recursive(
    _STEPS,
    lambda inner: st.tuples(st.sampled_from(["ends", "raises"]), st.lists(inner, max_size=12)),
    max_leaves=30,
)
_ENDS = st.sampled_from(["ends", "ends", "raises"])
_TRANSACTIONS = st.lists(st.tuples(_ENDS, st.lists(_PROGRAMS)), min_size=1, max_size=3)


class _Run:
    """Does the same to a store and to the model."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.model = _Model()
        self.number = 0

    def steps(self, program: list[Any], take_back: Callable[[], None], before: _Model) -> None:
        for step in program:
            self.number += 1
            name = f"n{self.number}"
            match step:
                case "gather":
                    self.store.add_written(message(name))
                    self.model.messages.append(name)
                case "insert":
                    self.store.add_message(message(name))
                    self.model.messages.append(name)
                case "answer":
                    self.store.add_acknowledgment("997", "m", message("about"), name, "accepted", [])
                    self.model.answers.append(name)
                case "audit":
                    self.store.audit(name)
                    self.model.entries.append(name)
                    if len(self.model.told) < sql.MAX_UNTOLD:
                        self.model.told.append(name)
                    else:
                        self.model.more[name] += 1
                case "flush":
                    self.store.flush()
                case "read":
                    found = self.store.messages([f"n{number}" for number in range(self.number)])
                    assert {one.id for one in found} == set(self.model.messages)
                case "back":
                    take_back()
                    self.model.become(before)
                case (end, inner):
                    self.part(end, inner)

    def part(self, end: str, program: list[Any]) -> None:
        before = self.model.copy()
        try:
            with self.store.savepoint() as take_back:
                self.steps(program, take_back, before)
                if end == "raises":
                    raise _Taken
        except _Taken:
            self.model.become(before)

    def transaction(self, end: str, program: list[Any]) -> None:
        before = self.model.copy()
        self.model.told, self.model.more = [], Counter()
        try:
            with self.store.transaction():
                self.steps(program, lambda: None, self.model)
                if end == "raises":
                    raise _Taken
        except _Taken:
            self.model.become(before)
            self.model.told, self.model.more = [], Counter()


@pytest.mark.parametrize(("gathered", "untold"), [(2, 2), (1000, 1000)])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(transactions=_TRANSACTIONS)
def test_whatever_is_taken_back_and_written_the_rest_stays(
    database: Database, gathered: int, untold: int, transactions: list[tuple[str, list[Any]]]
) -> None:
    database.clear()
    store = database.store()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "_GATHERED", gathered)
        patch.setattr(sql, "MAX_UNTOLD", untold)
        run = _Run(store)
        for end, program in transactions:
            database.told.clear()
            run.transaction(end, program)
            told = Counter(run.model.told) + run.model.more
            assert [entry.event for entry in database.told][: len(run.model.told)] == run.model.told
            assert sum((Counter({entry.event: entry.count}) for entry in database.told), Counter()) == told
    store.close()
    # Rows are numbered when they are written, so those of one table may stand in another order.
    assert sorted(database.column(t.messages.c.id)) == sorted(run.model.messages)
    assert database.column(t.acknowledgments.c.set_control) == run.model.answers
    assert database.column(t.audit.c.event) == run.model.entries
    assert database.problems() == []


# --- messages --------------------------------------------------------------------------------------------


def test_a_message_is_added_once(store: Store) -> None:
    with store.transaction():
        assert store.add_message(message())
        assert not store.add_message(message(name="other.edi"))
    assert store.message("m1") == message()
    with pytest.raises(NotFoundError):
        store.message("m2")


def test_every_field_of_a_message_comes_back(store: Store) -> None:
    full = message(
        direction=OUTBOUND, payload=None, size=2**40, translation="written", delivery="waiting",
        acknowledgment="waiting", partner="acme", interchange="7", group="3", attempts=2, origin="m0",
        hold="a person looks", answers=False, erased_at=as_text(NOW),
        created_at=NOW + timedelta(microseconds=1),
    )  # fmt: skip
    with store.transaction():
        store.add_message(full)
    assert store.message("m1") == full


def test_a_step_that_comes_too_late_changes_nothing(store: Store) -> None:
    with store.transaction():
        store.add_message(message())
        store.advance("m1", {"translation": ("received", "translated")}, partner="acme")
    late = {"translation": ("received", "rejected"), "delivery": ("not_expected", "waiting")}
    with pytest.raises(RefusedError, match="from received to rejected"), store.transaction():  # noqa: PT012
        store.note("m1", interchange="9")
        store.advance("m1", late)
    found = store.message("m1")
    assert (found.translation, found.delivery) == ("translated", "not_expected")
    assert (found.partner, found.interchange) == ("acme", None)


def test_of_two_that_advance_a_message_at_once_one_does(database: Database) -> None:
    with database.store().transaction():
        database.opened[-1].add_message(message())
    meet = threading.Barrier(2)

    def advance(store: Store) -> str:
        meet.wait(10)
        try:
            with store.transaction():
                store.advance("m1", {"translation": ("received", "translated")})
                store.audit("moved", "m1")
        except RefusedError:
            return "refused"
        return "moved"

    assert sorted(in_threads([database.store(), database.store()], advance)) == ["moved", "refused"]
    assert database.column(t.audit.c.event) == ["moved"]


def test_attempts_are_counted(store: Store) -> None:
    with store.transaction():
        store.add_message(message())
        assert [store.count_attempt("m1") for _ in range(3)] == [1, 2, 3]
    assert store.message("m1").attempts == 3


def test_what_is_unfinished_is_found_but_not_what_is_held(store: Store) -> None:
    with store.transaction():
        for name, hold in (("a", ""), ("b", "wait"), ("c", ""), ("d", ""), ("e", "")):
            translation = "received" if name < "c" else "translated"
            store.add_message(message(name, translation=translation, hold=hold))
        store.add_delivery("c", "c", "erp", "outbox", "c.json")
        store.add_delivery("d", "e", "erp", "outbox", "d.json")
        store.note("c", hold="wait")
    assert store.unfinished(9) == ["a", "e"], "the owner of a delivery is who is to be woken"
    assert store.unfinished(1) == ["a"]


def test_what_was_made_from_a_message_is_found(store: Store) -> None:
    with store.transaction():
        store.add_message(message())
        store.add_message(message("m2", origin="m1"))
    assert [one.id for one in store.made_from("m1")] == ["m2"]


# --- duplicates and numbers ------------------------------------------------------------------------------


def in_threads(stores: list[Store], do: Callable[[Store], Any]) -> list[Any]:
    """What each thread with a store of its own returns; what one raises is raised."""
    results: list[Any] = [None] * len(stores)
    errors: list[BaseException] = []

    def run(number: int, store: Store) -> None:
        try:
            results[number] = do(store)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    return results


def test_a_claim_is_of_who_came_first(store: Store) -> None:
    with store.transaction():
        assert store.claim("content:a", "m1") is None
        assert store.claim("content:a", "m2") == "m1"
        assert store.claim("content:a", "m1") == "m1"
        assert store.claim("content:b", "m2") is None
        assert (store.claimed("content:a"), store.claimed("content:c")) == ("m1", None)


def test_a_claim_can_be_taken_over_and_released(store: Store) -> None:
    with store.transaction():
        store.claim("a", "m1")
        assert store.claim("a", "m2", again=True) is None
        assert store.claimed("a") == "m2"
        store.release_claims(["a", "unknown"], "m1")
        assert store.claimed("a") == "m2", "a claim of somebody else stays"
        store.release_claims(["a", "unknown"], "m2")
        assert store.claim("a", "m3") is None


def test_a_claim_of_a_failed_transaction_is_none(store: Store) -> None:
    with pytest.raises(_Taken), store.transaction():  # noqa: PT012
        store.claim("a", "m1")
        raise _Taken
    with store.transaction():
        assert store.claim("a", "m2") is None


@pytest.mark.parametrize("commits", [True, False])
def test_who_claims_the_same_at_the_same_time_waits_and_is_told(database: Database, commits: bool) -> None:
    first, second = database.store(), database.store()
    told: list[str | None] = []

    def claim() -> None:
        with second.transaction():
            told.append(second.claim("a", "m2"))

    waiting = threading.Thread(target=claim)
    try:
        with first.transaction():
            assert first.claim("a", "m1") is None
            waiting.start()
            if not database.is_sqlite:  # there the second cannot even begin
                lock = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
                while not database.rows(lock)[0][0]:
                    assert waiting.is_alive()
            assert told == []
            if not commits:
                raise _Taken
    except _Taken:
        pass
    waiting.join(30)
    assert told == (["m1"] if commits else [None])


def test_control_numbers_rise_for_each_partner_and_are_given_back_only_unused(store: Store) -> None:
    with store.transaction():
        assert [store.next_number("a", "group", highest=9) for _ in range(2)] == [1, 2]
        assert store.next_number("b", "group", highest=9) == 1
        assert store.next_number("a", "interchange", highest=9) == 1
    with pytest.raises(RefusedError), store.transaction():
        store.next_number("a", "group", highest=2)
    with store.transaction():
        assert store.next_number("a", "group", highest=3) == 3
    words = "All group control numbers for a up to 3 are used"
    with pytest.raises(RefusedError, match=words), store.transaction():
        store.next_number("a", "group", highest=3)


def test_control_numbers_begin_where_it_was_agreed_and_never_go_back(store: Store) -> None:
    with store.transaction():
        assert store.next_number("a", "group", first=5000) == 5000
        assert store.next_number("a", "group", first=5000) == 5001
        assert store.next_number("a", "group", first=1) == 5002
        assert store.next_number("a", "group", first=7000) == 7000, "the agreement was changed"
        assert store.next_number("a", "group", first=LAST_NUMBER) == LAST_NUMBER


def test_no_control_number_is_given_twice_and_the_audit_stays_one_chain(database: Database) -> None:
    workers, each = 4, 15

    def work(store: Store) -> list[int]:
        given = []
        for number in range(each):
            with store.transaction():
                given.append(store.next_number("acme", "interchange"))
                store.audit("interchange.written", control=given[-1])
                if number % 5 == 4:
                    store.audit("more")
        return given

    found = in_threads([database.store(listener=lambda _: None) for _ in range(workers)], work)
    assert all(one == sorted(one) for one in found)
    assert sorted(number for one in found for number in one) == list(range(1, workers * each + 1))
    assert database.column(t.audit.c.seq) == list(range(1, workers * each * 6 // 5 + 1))
    assert database.problems() == []


def test_what_was_asked_for_once_is_done_once(store: Store) -> None:
    with store.transaction():
        assert store.once("document", "4711", "print", "m1") is None
        assert store.once("document", "4711", "print", "m2") == "m1"
        assert store.once("other", "4711", "print", "m3") is None
    words = r"'4711' was used before for something else \(m1\)"
    with pytest.raises(RefusedError, match=words), store.transaction():
        store.once("document", "4711", "another print", "m4")


def test_a_moment_of_the_clock_is_taken_once(database: Database, store: Store) -> None:
    with store.transaction():
        assert store.take_slot("poll:acme:1")
        assert not store.take_slot("poll:acme:1")
        assert store.take_slot("poll:acme:2")
    other = database.store()
    database.now = NOW + timedelta(seconds=1)
    with other.transaction():
        assert not other.take_slot("poll:acme:1")


def test_a_moment_taken_in_the_future_was_an_error_of_a_clock(database: Database, store: Store) -> None:
    database.now = NOW + timedelta(days=900)
    with store.transaction():
        assert store.take_slot("poll:acme:1")
    database.now = NOW
    with store.transaction():
        assert store.take_slot("poll:acme:1")
        assert not store.take_slot("poll:acme:1"), "it was taken now"


def test_old_keys_of_a_scope_are_forgotten(database: Database, store: Store) -> None:
    with store.transaction():
        store.take_slot("old")
        store.once("rules", "old")
        database.now = NOW + timedelta(days=2)
        store.take_slot("new")
        store.forget("slot", NOW + timedelta(days=1))
    assert sorted(database.rows(select(t.idempotency.c.scope, t.idempotency.c.key))) == [
        ("rules", "old"),
        ("slot", "new"),
    ]


# --- documents and batches -------------------------------------------------------------------------------


def test_a_document_comes_back_with_its_body_and_is_found_by_its_numbers(
    database: Database, store: Store
) -> None:
    keys = (("po", "4711"), ("po", "4711"), ("invoice", "R1"))
    with store.transaction():
        store.add_document(document(body=b'{"a": 1}' * 99, keys=keys))
        store.add_document(document("d2", body=None))
    assert store.document("d1").body == b'{"a": 1}' * 99
    assert store.bodies(["d1", "d2", "d3"]) == {"d1": b'{"a": 1}' * 99}
    found = database.rows(select(t.document_keys.c.kind, t.document_keys.c.value))
    assert sorted(found) == [("invoice", "R1"), ("po", "4711")]
    with pytest.raises(NotFoundError):
        store.document("d3")


def test_documents_of_a_message_came_with_it_or_are_sent_in_it(store: Store) -> None:
    with store.transaction():
        store.add_document(document("d1", message_id="m1", sent_in=None))
        store.add_document(document("d2", message_id="m2", sent_in="m1"))
        store.add_document(document("d3", message_id="m2", sent_in="m3"))
    assert [one.id for one in store.documents_of("m1")] == ["d1", "d2"]


def waiting(document_id: str, minutes: int, batch: str = "acme|850|P") -> Document:
    return document(document_id, batch=batch, sent_in=None, created_at=NOW + timedelta(minutes=minutes))


def test_documents_wait_for_a_batch_in_their_order(store: Store) -> None:
    with store.transaction():
        for number in range(3):
            store.add_document(waiting(f"d{number}", number))
        store.add_document(waiting("other", 5, "acme|850|T"))
    assert store.waiting("acme|850|P") == (3, as_text(NOW))
    assert store.waiting("none") == (0, None)
    assert [one.id for one in store.waiting_documents("acme|850|P", 2)] == ["d0", "d1"]
    assert sorted(store.batches()) == [
        ("acme|850|P", as_text(NOW)),
        ("acme|850|T", as_text(NOW + timedelta(minutes=5))),
    ]


def test_sent_documents_of_a_batch_are_numbered_as_its_sets(store: Store) -> None:
    with store.transaction():
        for number in range(3):
            store.add_document(waiting(f"d{number}", number))
    with store.transaction():
        store.send_documents(["d0", "d1"], "acme|850|P", "out")
    found = {one.id: (one.set_control, one.batch) for one in store.documents_of("out")}
    assert found == {"d0": ("1", None), "d1": ("2", None)}
    assert store.waiting("acme|850|P")[0] == 1


def test_a_batch_that_somebody_else_sent_is_not_sent_again(store: Store) -> None:
    with store.transaction():
        store.add_document(waiting("d0", 0))
        store.add_document(waiting("d1", 1))
    with store.transaction():
        store.send_documents(["d1"], "acme|850|P", "out")
    with pytest.raises(RefusedError, match="d1 no longer waits"), store.transaction():
        store.send_documents(["d0", "d1"], "acme|850|P", "out2")
    assert store.documents_of("out2") == []


def test_a_dropped_document_waits_for_nothing(store: Store) -> None:
    with store.transaction():
        store.add_document(waiting("d0", 0))
        store.add_document(replace(waiting("d1", 1), message_id="m2"))
        store.add_document(document("d2"))
        store.flush()
        store.drop_documents("m1")
    found = [store.document(one) for one in ("d0", "d1", "d2")]
    assert [(one.batch, one.acknowledgment) for one in found] == [
        (None, "not_expected"),
        ("acme|850|P", "waiting"),
        (None, "waiting"),
    ]


# --- acknowledgments and expectations --------------------------------------------------------------------


def test_acknowledgments_find_what_was_sent(store: Store) -> None:
    sent = message("out", direction=OUTBOUND, partner="a", interchange="7", group="3", translation="written")
    with store.transaction():
        store.add_message(sent)
        store.add_document(document("d1"))
        assert store.acknowledge_documents("out", "2", "rejected") == []
    assert store.sent("a", "group", "3") == store.sent("a", "interchange", "7") == sent
    assert store.sent("a", "group", "4") is store.sent("b", "group", "3") is None
    assert store.document("d1").acknowledgment == "waiting"
    for control, status in (("1", "accepted"), (None, "rejected")):
        with store.transaction():
            (told,) = store.acknowledge_documents("out", control, status)
        assert told == store.document("d1")
        assert told.acknowledgment == status


def test_what_a_partner_says_is_kept_in_words(database: Database, store: Store) -> None:
    with store.transaction():
        about = message("out", partner="acme")
        store.add_acknowledgment("997", "m2", about, "1", "rejected", ["It is wrong.", "Very."])
    a = t.acknowledgments.c
    whose = database.rows(select(a.at, a.kind, a.partner, a.message_id, a.about))
    assert whose == [(as_text(NOW), "997", "acme", "m2", "out")]
    said = database.rows(select(a.set_control, a.status, a.words))
    assert said == [("1", "rejected", "It is wrong.\nVery.")]


def test_what_is_expected_becomes_due_and_is_met(store: Store) -> None:
    with store.transaction():
        for name, hours in (("m1", 2), ("m2", 1), ("m3", 3)):
            store.expect("acknowledgment", name, NOW + timedelta(hours=hours))
    assert store.due(NOW + timedelta(minutes=59), 9) == []
    late = NOW + timedelta(hours=2)
    assert store.due(late, 9) == [("acknowledgment", "m2"), ("acknowledgment", "m1")]
    assert store.due(late, 1) == [("acknowledgment", "m2")]
    with store.transaction():
        store.settle("m1", "met")
        store.settle("m2", "overdue")
    assert store.due(late, 9) == []


def test_what_is_overdue_can_be_met_and_what_is_met_stays_so(database: Database, store: Store) -> None:
    with store.transaction():
        store.expect("acknowledgment", "m1", NOW)
        store.settle("m1", "overdue")
        store.settle("m1", "cancelled")
    assert database.column(t.expectations.c.state) == ["overdue"]
    states: tuple[Literal["met", "overdue", "cancelled"], ...] = ("met", "overdue", "cancelled")
    for state in states:
        with store.transaction():
            store.settle("m1", state)
        assert database.column(t.expectations.c.state) == ["met"]


def test_receipts_and_acknowledgments_are_expected_apart(database: Database, store: Store) -> None:
    with store.transaction():
        store.add_message(message())
        store.expect("receipt", "m1", NOW)
        assert store.allowance("m1") is None
        store.expect("acknowledgment", "m1", NOW + timedelta(hours=1))
    assert store.due(NOW, 9) == [("receipt", "m1")]
    with store.transaction():
        store.settle("m1", "met", kind="receipt")
    assert database.column(t.expectations.c.state) == ["met", "open"]
    with store.transaction():
        store.expect("receipt", "m1", NOW)
        store.settle("m1", "cancelled")
    assert database.column(t.expectations.c.state) == ["met", "cancelled", "open"]


def test_the_time_an_answer_was_given_is_known(store: Store) -> None:
    with store.transaction():
        store.add_message(message())
        store.add_message(message("m2"))
        store.expect("receipt", "m1", NOW + timedelta(hours=1))
        store.expect("acknowledgment", "m1", NOW + timedelta(hours=30))
        store.expect("acknowledgment", "m1", NOW + timedelta(hours=50))
    assert store.allowance("m1") == timedelta(hours=30)
    assert store.allowance("m2") is None


# --- deliveries ------------------------------------------------------------------------------------------


def planned(store: Store, *names: str, message_id: str = "m1", box: str = "outbox") -> list[Delivery]:
    with store.transaction():
        store.add_message(message(message_id, delivery="waiting"))
        for name in names:
            store.add_delivery(message_id, message_id, "erp", box, name, payload="aa")
    return store.deliveries([message_id], 99)


def test_the_send_ledger_goes_one_way(store: Store) -> None:
    first, second = planned(store, "a.json", "b.json")
    assert (first.state, first.name, first.wanted, first.tries) == (PENDING, None, "a.json", 0)
    assert store.deliveries(["m2"], 99) == []
    assert store.names("wanted", "erp", ["a.json", "x"]) == {("outbox", "a.json")}
    assert store.names("name", "erp", ["a.json"]) == set()
    with store.transaction():
        store.mark_sending([(first, "a.json")], "token")
    sending = store.deliveries(["m1"], 99)[0]
    assert (sending.seq, sending.state, sending.name) == (first.seq, SENDING, "a.json")
    assert sending.key == f"{first.seq}-token"
    assert store.names("name", "erp", ["a.json"]) == {("outbox", "a.json")}
    with store.transaction():
        assert store.mark_delivered([sending, second]) == [sending]
        store.end_deliveries(["m1"])
    assert store.deliveries(["m1"], 99) == [second], "what was not sending cannot become delivered"
    assert store.message("m1").delivery == "waiting"
    with store.transaction():
        store.mark_sending([(second, "b.json")], "token")
        assert store.mark_delivered([first, second]) == [second], "the first is told once"
        store.end_deliveries(["m1"])
    assert store.deliveries(["m1"], 99) == []
    assert [one.state for one in store.deliveries_of("m1")] == [DELIVERED] * 2
    assert store.message("m1").delivery == "delivered"


def test_deliveries_come_in_parts_and_in_order(store: Store) -> None:
    found = planned(store, "a", "b", "c")
    assert store.deliveries(["m1"], 2) == found[:2]
    assert store.deliveries(["m1"], 2, after=found[1].seq) == found[2:]


def test_deliveries_of_a_held_message_wait(store: Store) -> None:
    planned(store, "a")
    with store.transaction():
        store.note("m1", hold="a person looks")
    assert store.deliveries(["m1"], 9) == []
    assert len(store.deliveries_of("m1")) == 1


@pytest.mark.parametrize("state", [SENDING, DELIVERED])
def test_what_somebody_else_began_is_not_begun_again(store: Store, state: str) -> None:
    first, second = planned(store, "a", "b")
    with store.transaction():
        store.mark_sending([(first, "a")], "theirs")
        if state == DELIVERED:
            store.mark_delivered([first])
    with pytest.raises(RefusedError), store.transaction():
        store.mark_sending([(second, "b"), (first, "a_2")], "ours")
    assert [(one.state, one.name, one.token) for one in store.deliveries_of("m1")] == [
        (state, "a", "theirs"),
        (PENDING, None, ""),
    ]


def test_no_name_is_given_twice_in_a_box(store: Store) -> None:
    first, second = planned(store, "a", "a")
    (elsewhere,) = planned(store, "a", message_id="m2", box="quarantine")
    with store.transaction():
        store.mark_sending([(first, "a"), (elsewhere, "a")], "token")
    with pytest.raises(IntegrityError), store.transaction():
        store.mark_sending([(second, "a")], "token")
    with store.transaction():
        store.mark_sending([(second, "a_2")], "token")


def test_a_failed_try_is_counted_with_its_reason(store: Store) -> None:
    first, second = planned(store, "a", "b")
    with store.transaction():
        store.mark_failed([first, second], "x" * 999, PENDING)
    assert [(one.state, one.tries, one.error) for one in store.deliveries(["m1"], 9)] == [
        (PENDING, 1, "x" * 500)
    ] * 2
    with store.transaction():
        store.mark_sending([(second, "b")], "token")
        store.mark_failed([replace(first, tries=1), second], "gone", "failed")
    first, second = store.deliveries_of("m1")
    assert (first.state, first.tries, first.error) == ("failed", 2, "gone")
    assert second.state == SENDING, "what somebody else began meanwhile did not fail"
    with store.transaction():
        store.end_deliveries(["m1"])
    assert store.message("m1").delivery == "waiting"


def test_only_what_nobody_saw_can_be_cancelled(store: Store) -> None:
    planned(store, "a")
    planned(store, "problem.txt", message_id="m2", box="quarantine")
    (seen,) = planned(store, "b", message_id="m3")
    with store.transaction():
        store.mark_sending([(seen, "b")], "token")
        store.cancel_deliveries("m1")
        store.cancel_deliveries("m2")
    with pytest.raises(RefusedError, match="on its way or delivered"), store.transaction():
        store.cancel_deliveries("m3")
    states = [store.deliveries_of(one)[0].state for one in ("m1", "m2", "m3")]
    assert states == ["cancelled", PENDING, SENDING], "a report stays, whatever becomes of the message"


# --- deliveries over AS2 ---


def over_as2(store: Store, *message_ids: str, wanted: str = "po.edi") -> list[Delivery]:
    """Deliveries that the job of the channel is to do."""
    with store.transaction():
        for message_id in message_ids:
            store.add_message(message(message_id, delivery="waiting"))
            store.add_delivery(message_id, "@acme", "acme", "outbox", wanted, payload="aa")
    return store.deliveries(["@acme"], 99)


def state_of(store: Store, message_id: str = "m1") -> tuple[str, list[str]]:
    return store.message(message_id).delivery, [one.state for one in store.deliveries_of(message_id)]


def test_what_a_channel_sends_is_sent_and_then_settled_by_its_receipt(store: Store) -> None:
    first, second = over_as2(store, "m1", "m2")
    assert store.unfinished(9) == ["@acme", "m1", "m2"], "nothing here was translated"
    with store.transaction():
        store.mark_begun(first, "token")
        store.mark_begun(second, "token")  # the same name, and none is given
    found = store.deliveries(["@acme"], 9)
    assert [(one.state, one.name, one.token) for one in found] == [(SENDING, None, "token")] * 2
    with store.transaction():
        store.mark_sent(first)
        store.end_deliveries(["m1", "m2"])
    assert state_of(store) == ("sent", [SENT])
    assert state_of(store, "m2") == ("waiting", [SENDING])
    assert [one.seq for one in store.deliveries(["@acme"], 9)] == [second.seq], "what is sent is not open"
    with store.transaction():
        assert store.settle_delivery(first.seq, "delivered")
        assert not store.settle_delivery(first.seq, "failed"), "a second receipt changes nothing"
        store.end_deliveries(["m1"])
    assert state_of(store) == ("delivered", [DELIVERED])
    assert store.deliveries_of("m1")[0].tries == 0


def test_a_message_is_sent_until_the_last_receipt_is_there(store: Store) -> None:
    (first,) = over_as2(store, "m1")
    with store.transaction():
        store.add_delivery("m1", "@acme", "acme", "outbox", "b.edi", payload="bb")
        store.mark_begun(first, "token")
        store.mark_sent(first)
        store.end_deliveries(["m1"])
    assert state_of(store) == ("waiting", [SENT, PENDING])
    _, second = store.deliveries_of("m1")
    with store.transaction():
        store.mark_begun(second, "token")
        store.settle_delivery(second.seq, "delivered")
        store.end_deliveries(["m1"])
    assert state_of(store) == ("sent", [SENT, DELIVERED])
    with store.transaction():
        store.settle_delivery(first.seq, "pending", "no receipt")
        store.end_deliveries(["m1"])
    assert state_of(store) == ("waiting", [PENDING, DELIVERED])
    with store.transaction():
        store.advance("m1", {"delivery": ("waiting", "failed")})
        store.end_deliveries(["m1"])
    assert store.message("m1").delivery == "failed"


@pytest.mark.parametrize("begun", [SENDING, SENT])
@pytest.mark.parametrize("to", ["pending", "failed"])
def test_a_try_over_as2_that_fails_is_counted(store: Store, begun: str, to: str) -> None:
    (one,) = over_as2(store, "m1")
    with store.transaction():
        assert not store.settle_delivery(one.seq, to), "nothing was begun"
        store.mark_begun(one, "token")
        if begun == SENT:
            store.mark_sent(one)
        assert store.settle_delivery(one.seq, to, "x" * 999)
    (found,) = store.deliveries_of("m1")
    assert (found.state, found.tries, found.error) == (to, 1, "x" * 500)


def test_over_as2_too_only_one_process_sends(store: Store) -> None:
    (one,) = over_as2(store, "m1")
    with pytest.raises(RefusedError), store.transaction():
        store.mark_sent(one)
    with store.transaction():
        store.mark_begun(one, "theirs")
    with pytest.raises(RefusedError), store.transaction():
        store.mark_begun(one, "ours")
    with store.transaction():
        store.mark_sent(one)
    with pytest.raises(RefusedError), store.transaction():
        store.mark_sent(one)
    assert [one.token for one in store.deliveries_of("m1")] == ["theirs"]


def test_what_is_sent_cannot_be_cancelled_and_waits_while_on_hold(store: Store) -> None:
    sent, _ = over_as2(store, "m1", "m2")
    with store.transaction():
        store.mark_begun(sent, "token")
        store.mark_sent(sent)
        store.note("m2", hold="a person looks")
    assert store.deliveries(["@acme"], 9) == []
    with pytest.raises(RefusedError, match="on its way or delivered"), store.transaction():
        store.cancel_deliveries("m1")


# --- what waits for an item or a place ---


def test_what_waits_is_delivered_by_nobody_until_it_goes_on(database: Database, store: Store) -> None:
    with store.transaction():
        store.add_message(message(translation="translated", delivery="waiting"))
        store.add_delivery("m1", "m1", "erp", "outbox", "a.json", document_id="d1", waits="item A")
        store.add_delivery("m1", "m1", "erp", "outbox", "b.json", document_id="d2")
    assert [one.wanted for one in store.deliveries(["m1"], 9)] == ["b.json"]
    (waiting,) = store.waiting_deliveries(9)
    assert (waiting.wanted, waiting.error, waiting.payload) == ("a.json", "item A", None)
    assert store.waiting_deliveries(9, waiting.seq) == store.waiting_deliveries(9, message_id="m2") == []
    assert store.waiting_deliveries(9, message_id="m1") == [waiting]
    (other,) = store.deliveries(["m1"], 9)
    with store.transaction():
        store.mark_sending([(other, "b.json")], "t")
        store.mark_delivered([other])
        store.end_deliveries(["m1"])
        store.wait_for(waiting, "x" * 999)
    assert store.message("m1").delivery == "waiting"
    assert store.unfinished(9) == []
    assert store.waiting_deliveries(9)[0].error == "x" * 500
    with store.transaction():
        assert store.go_on(waiting, "aa")
        assert not store.go_on(waiting, "bb")
        store.wait_for(waiting, "late")
    (left,) = store.deliveries(["m1"], 9)
    assert (left.payload, left.error, left.state) == ("aa", "", PENDING)
    assert store.unfinished(9) == ["m1"]


def test_of_two_nodes_one_lets_a_delivery_go_on(database: Database, store: Store) -> None:
    with store.transaction():
        store.add_message(message(translation="translated", delivery="waiting"))
        store.add_delivery("m1", "m1", "erp", "outbox", "a.json", document_id="d1", waits="item A")
    (waiting,) = store.waiting_deliveries(9)
    with store.transaction():
        store.cancel_deliveries("m1")
    other = database.store()
    with other.transaction():
        assert not other.go_on(waiting)
    assert other.waiting_deliveries(9) == []


def row(kind: Kind = ITEM, **given: str) -> Row:
    """A row of a cross-reference."""
    return dict.fromkeys(kind.columns, "") | given


def test_rows_are_kept_and_found_by_each_of_their_names(store: Store) -> None:
    items = store.crossreferences["item"]
    whole = {one: f"{one} ' % ü" for one in ITEM.columns}
    case = row(erp_sku="B", case_gtin="1", partner="x")
    with store.transaction():
        items.lock()
        items.save([whole, case, row(erp_sku="C", gtin="1")])
        items.save([])
    for name in ("erp_sku", "vendor_sku", "asin"):
        assert items.find({(name, whole[name])}) == [whole]
    assert items.find({("asin", whole["vendor_sku"])}) == []
    assert {one["erp_sku"] for one in items.find({("gtin", "1")})} == {"B", "C"}
    assert items.find({("gtin", "1")}, {"x"}) == [case]
    assert items.find(set()) == []
    assert sorted(one["erp_sku"] for one in items.rows()) == ["B", "C", whole["erp_sku"]]
    assert items.rows("x") == [case]
    many = {("asin", str(number)) for number in range(2000)} | {("asin", whole["asin"])}
    assert items.find(many) == [whole]


def test_a_row_takes_the_place_of_the_same_alone(store: Store) -> None:
    places = store.crossreferences["location"]
    first = row(LOCATION, erp_ship_to="S", code="1")
    other = row(LOCATION, erp_ship_to="S", code="1", partner="x")
    later = row(LOCATION, erp_ship_to="S", code="1", since="2026-01-01")
    with store.transaction():
        places.save([first, other, later])
        places.save([{**first, "code": "2"}])
    assert sorted(one["code"] for one in places.rows()) == ["1", "1", "2"]
    with store.transaction():
        places.remove(later)
        with pytest.raises(RefusedError, match="changed meanwhile"):
            places.remove(later)
    assert sorted(one["partner"] for one in places.rows()) == ["", "x"]


def test_rows_that_are_like_one(store: Store) -> None:
    items = store.crossreferences["item"]
    with store.transaction():
        items.save([row(erp_sku="AB1"), row(erp_sku="X", vendor_sku="AB2"), row(erp_sku="A%1")])
        items.save([row(erp_sku="AB3", partner="x"), row(erp_sku="Y", description="Steel Pot")])

    def like(*asked: Any) -> list[str]:
        return sorted(one["erp_sku"] for one in items.like(*asked))

    assert like("AB", "", [""], 9) == ["AB1", "X"]
    assert like("A%", "", [""], 9) == ["A%1"]
    assert like("", "steel pot", ["", "x"], 9) == ["Y"]
    assert like("AB", "", ["", "x"], 9) == ["AB1", "AB3", "X"]
    assert like("", "", [""], 9) == []
    assert len(like("A", "", [""], 1)) == 1


def test_rows_cannot_be_changed_by_two_at_once(database: Database, store: Store) -> None:
    """What was looked at stays until the end, so two imports cannot contradict each other."""
    order, other = list[str](), database.store()

    def second() -> None:
        with other.transaction():
            other.crossreferences["item"].lock()
            order.append(f"second sees {len(other.crossreferences['item'].rows())}")

    with store.transaction():
        store.crossreferences["item"].lock()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        store.crossreferences["item"].save([row(erp_sku="A")])
        order.append("first")
    thread.join()
    other.close()
    assert order == ["first", "second sees 1"]


# --- exchanges over AS2 ---


def test_an_exchange_is_kept_as_it_was_on_the_wire(database: Database, store: Store) -> None:
    headers = (("AS2-From", '"Acme Inc"'), ("Subject", "Grüße \t\x7f"), ("as2-to", "US"), ("AS2-From", ""))
    whole = exchange(
        delivery=7, disposition="processed", mic="abc=, sha-256", signed="aa", wire="bb", receipt="cc",
        headers=headers, receipt_url="https://a", tries=2, error="e", at=as_text(NOW - YEAR), ended_at="x",
    )  # fmt: skip
    with store.transaction():
        store.exchanges.add(whole)
        store.exchanges.add(exchange("e2"))
    assert store.exchanges.get("e1") == whole
    assert store.exchanges.get("e2") == exchange("e2", at=as_text(NOW))
    with pytest.raises(NotFoundError, match="no AS2 exchange e3"):
        store.exchanges.get("e3")
    assert [one.id for one in database.store().exchanges.of_message("m1")] == ["e1", "e2"]


def test_the_newest_exchange_is_found_by_its_delivery_and_by_exactly_its_names(store: Store) -> None:
    with store.transaction():
        for number in range(3):
            store.exchanges.add(exchange(f"e{number}", delivery=5 + number // 2))
        store.exchanges.add(exchange("in", direction=INBOUND, sender="Acme Inc", receiver="US"))
    found = [store.exchanges.of_delivery(seq) for seq in (5, 6, 7)]
    assert [one and one.id for one in found] == ["e1", "e2", None]
    for asked, wanted in {
        (OUTBOUND, "US", "Acme Inc", "<1@us>"): "e2",
        (INBOUND, "Acme Inc", "US", "<1@us>"): "in",
        (INBOUND, "US", "Acme Inc", "<1@us>"): None,
        (OUTBOUND, "us", "Acme Inc", "<1@us>"): None,
        (OUTBOUND, "US", "acme inc", "<1@us>"): None,
        (OUTBOUND, "US", "Acme Inc", "1@us"): None,
    }.items():
        one = store.exchanges.by_as2_id(*asked)
        assert (one and one.id) == wanted, asked


def test_an_exchange_is_changed_only_from_where_it_is_said_to_be(database: Database, store: Store) -> None:
    with store.transaction():
        store.exchanges.add(exchange(wire="bb"))
        store.exchanges.change("e1", "sending", state="waiting", tries=1)
        with pytest.raises(RefusedError, match="no longer sending"):
            store.exchanges.change("e1", "sending", state="failed")
    assert store.exchanges.get("e1") == exchange(state="waiting", tries=1, wire="bb", at=as_text(NOW))
    database.now += YEAR
    late = as_text(database.now)
    with store.transaction():
        store.exchanges.change("e1", ("sending", "waiting"), state="confirmed", receipt="cc")
        store.exchanges.change("e1", "confirmed", wire=None, error="x" * 999)
    found = store.exchanges.get("e1")
    assert (found.state, found.wire, found.receipt, found.ended_at) == ("confirmed", None, "cc", late)
    assert found.error == "x" * 500
    with store.transaction():
        store.exchanges.change("e1", "confirmed", state="sending")
    assert store.exchanges.get("e1").ended_at is None, "it goes on"


@pytest.mark.parametrize("state", ["answered", "refused", "answering"])
def test_what_is_answered_at_once_has_ended(store: Store, state: str) -> None:
    with store.transaction():
        store.exchanges.add(exchange(direction=INBOUND, state=state))
    ended = store.exchanges.get("e1").ended_at
    assert ended == (None if state == "answering" else as_text(NOW))
    assert store.exchanges.answering(9) == (["e1"] if state == "answering" else [])


def test_exchanges_that_were_taken_back_are_gone(store: Store) -> None:
    with store.transaction():
        store.exchanges.add(exchange("kept"))
        with store.savepoint() as take_back:
            store.exchanges.add(exchange("e1"))
            store.exchanges.change("kept", "sending", state="waiting")
            take_back()
    assert [(one.id, one.state) for one in store.exchanges.of_message("m1")] == [("kept", "sending")]


def test_a_channel_is_known_by_what_went_over_it(store: Store) -> None:
    planned(store, "a")
    assert [store.knows_channel(one) for one in ("acme", "erp", "other")] == [True, True, False]


# --- retention -------------------------------------------------------------------------------------------

YEAR = timedelta(days=365)


def keep(store: Store, message_id: str, years: float, types: tuple[str, ...] = (), **changes: Any) -> None:
    created = NOW - years * YEAR
    values = {"translation": "translated", "delivery": "delivered", "payload": message_id, **changes}
    with store.transaction():
        store.add_message(message(message_id, created_at=created, **values))
        for kind in types:
            known = {"document_type": kind, "keys": (("po", f"PO-{message_id}"),), "created_at": created}
            one = document(f"{message_id}-{kind}", message_id=message_id, sent_in=None, **known)
            store.add_document(one)


def expired(store: Store, limit: int = 99, **types: float) -> list[tuple[str, list[str]]]:
    limits = {kind: NOW - years * YEAR for kind, years in types.items()}
    return [(one.id, kinds) for one, kinds in store.retention.expired(NOW - 7 * YEAR, limits, limit)]


def test_what_is_old_enough_is_expired(store: Store) -> None:
    keep(store, "old", 7.1, ("purchase_order", "invoice"))
    keep(store, "older", 9)
    keep(store, "young", 6.9, ("purchase_order",))
    assert expired(store) == [("old", ["invoice", "purchase_order"]), ("older", [])]
    assert expired(store, limit=1) == [("old", ["invoice", "purchase_order"])]


def test_the_document_kept_longest_decides(store: Store) -> None:
    keep(store, "text", 3, ("text_message",))
    keep(store, "both", 3, ("text_message", "invoice"))
    keep(store, "invoice", 8, ("invoice",))
    assert expired(store, text_message=2, invoice=10) == [("text", ["text_message"])]


@pytest.mark.parametrize(
    "changes",
    [
        {"translation": "received"},
        {"delivery": "waiting"},
        {"delivery": "sent"},
        {"delivery": "failed"},
        {"acknowledgment": "waiting"},
        {"acknowledgment": "overdue"},
        {"erased_at": "2020"},
    ],
    ids=str,
)
def test_what_is_unfinished_or_gone_is_not_expired(store: Store, changes: dict[str, Any]) -> None:
    keep(store, "old", 8, **changes)
    assert expired(store) == []


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("all", "", True),
        ("partner", "acme", True),
        ("partner", "other", False),
        ("message", "old", True),
        ("message", "older", False),
        ("number", "PO-old", True),
        ("number", "PO-older", False),
    ],
)
def test_a_legal_hold_keeps_what_it_covers_until_it_is_released(
    database: Database, store: Store, kind: str, value: str, kept: bool
) -> None:
    keep(store, "old", 8, ("purchase_order",), partner="acme")
    with store.transaction():
        number = store.retention.add_hold(kind, value, "court")
    assert [one["reason"] for one in store.retention.holds()] == ["court"]
    assert [one for one, _ in expired(store)] == ([] if kept else ["old"])
    with store.transaction():
        store.retention.release_hold(number, "settled")
    assert [one for one, _ in expired(store)] == ["old"]
    assert store.retention.holds() == []
    assert database.column(t.audit.c.event) == ["hold.added", "hold.released"]


def test_a_hold_is_released_once(store: Store) -> None:
    with store.transaction():
        number = store.retention.add_hold("all", "", "court")
        store.retention.release_hold(number, "settled")
    with pytest.raises(NotFoundError, match=f"no legal hold {number}"), store.transaction():
        store.retention.release_hold(number, "settled")


def test_erasing_forgets_bytes_and_documents_but_not_that_they_were_there(store: Store) -> None:
    keep(store, "old", 8, ("purchase_order",))
    with store.transaction():
        assert store.retention.erase(store.message("old")) == ["old"]
    assert store.message("old").erased_at == as_text(NOW)
    assert store.document("old-purchase_order").body is None
    assert store.bodies(["old-purchase_order"]) == {}
    assert expired(store) == []


def test_what_proves_an_exchange_is_needed_as_long_as_its_message(store: Store) -> None:
    names = {"signed": "s", "wire": "w", "receipt": "r"}
    for name in ("old", "other"):
        keep(store, name, 8)
    with store.transaction():
        store.add_delivery("old", "old", "erp", "quarantine", "report", payload="d")
        store.exchanges.add(exchange("e1", message_id="old", **names))
        store.exchanges.add(exchange("e2", message_id="other", signed="s"))
        assert [one for one in ("s", "w", "r", "d", "old", "x") if not store.exchanges.needed(one)] == ["x"]
        store.exchanges.change("e1", "sending", wire=None)
        assert not store.exchanges.needed("w")
        assert store.retention.erase(store.message("old")) == ["d", "old", "r"]
        assert [one for one in ("s", "r", "d", "old") if store.exchanges.needed(one)] == ["s"]
        assert store.retention.erase(store.message("other")) == ["other", "s"]
    assert store.exchanges.get("e1").receipt == "r", "what it was is still told"


def test_a_payload_that_another_message_needs_stays(store: Store) -> None:
    keep(store, "first", 9, payload="same")
    keep(store, "again", 8, payload="same")
    keep(store, "none", 8, payload=None)
    erased = []
    for name in ("first", "again", "none"):
        with store.transaction():
            erased.append(store.retention.erase(store.message(name)))
    assert erased == [[], ["same"], []]


# --- the audit -------------------------------------------------------------------------------------------


def written(database: Database, entries: int = 5) -> Store:
    store = database.store(listener=lambda _: None)
    with store.transaction():
        for number in range(entries):
            store.audit("file.received", f"m{number}", file="po.edi")
    return store


def test_an_empty_audit_is_in_order(database: Database) -> None:
    assert database.problems() == []


def test_checkpoints_are_kept_and_signed(database: Database) -> None:
    written(database, CHECKPOINT_ENTRIES + 1)
    store = written(database, 1)
    with reading(database.engine) as connection:
        assert [one.seq for one in checkpoints(connection)] == [CHECKPOINT_ENTRIES, CHECKPOINT_ENTRIES + 2]
    with store.transaction():
        point = Seal.checkpoint(store.connection)
        assert Seal.checkpoint(store.connection) == point
    assert point.seq == CHECKPOINT_ENTRIES + 2
    with reading(database.engine) as connection:
        assert list(verify(connection, [point])) == []


_LAST = t.audit.c.seq == 5
TAMPERING: dict[str, list[Any]] = {
    "an entry says something else": [update(t.audit).where(t.audit.c.seq == 3).values(facts='{"file":"x"}')],
    "an entry is of another time": [update(t.audit).where(t.audit.c.seq == 1).values(at=as_text(NOW + YEAR))],
    "an entry is of another person": [update(t.audit).where(_LAST).values(actor="jane")],
    "two fields are blurred": [update(t.audit).where(_LAST).values(event="file.received\nm4", message_id="")],
    "an entry is gone": [delete(t.audit).where(t.audit.c.seq == 3)],
    "the first entry is gone": [delete(t.audit).where(t.audit.c.seq == 1)],
    "the last entry is gone": [delete(t.audit).where(_LAST)],
    "all entries are gone": [delete(t.audit)],
    "an entry was added": [
        insert(t.audit).values(
            seq=6, at=as_text(NOW), event="x", message_id="", document_id="", partner="", actor="",
            facts="{}", hash="0" * 64,
        )
    ],
    "the head was set back": [delete(t.audit).where(_LAST), update(t.audit_head).values(seq=4)],
    "the head is gone": [delete(t.audit_head)],
    "the head is empty": [update(t.audit_head).values(**t.EMPTY_HEAD)],
    "the key is another": [update(t.audit_head).values(public_key="ab" * 32)],
    "the signature is none": [update(t.audit_head).values(signature="")],
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_shows(database: Database, how: str) -> None:
    written(database)
    assert database.problems() == []
    for statement in TAMPERING[how]:
        database.change(statement)
    assert database.problems() != []


def test_an_older_copy_of_the_whole_database_shows_by_the_file_beside_it(database: Database) -> None:
    store = written(database)
    with store.transaction():
        point = Seal.checkpoint(store.connection)
    database.clear()
    written(database, 3)
    assert database.problems() == []
    with reading(database.engine) as connection:
        assert list(verify(connection, [point])) != []


def test_a_chain_made_anew_with_another_key_shows_by_the_file_beside_it(
    database: Database, tmp_path: Path
) -> None:
    store = written(database)
    with store.transaction():
        point = Seal.checkpoint(store.connection)
    database.clear()
    database.seal = Seal.of(tmp_path / "keys" / "audit.pem")
    written(database)
    assert database.problems() == []
    with reading(database.engine) as connection:
        assert list(verify(connection, [point])) != []


def test_a_node_with_another_key_adds_nothing(database: Database, tmp_path: Path) -> None:
    written(database)
    stranger = Store(database.engine, lambda: NOW, Seal.of(tmp_path / "keys" / "audit.pem"))
    with pytest.raises(ConfigurationError, match="another key"), stranger.transaction():  # noqa: PT012
        stranger.add_message(message())
        stranger.audit("file.received", "m1")
    stranger.close()
    assert database.column(t.messages.c.id) == []
    assert len(database.column(t.audit.c.seq)) == 5


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "audit.pem"
    assert Seal.of(path).public_key == Seal.of(path).public_key
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.write_bytes(b"no key")
    with pytest.raises(ConfigurationError, match="is no key in PEM form"):
        Seal.of(path)


# --- the database is away --------------------------------------------------------------------------------


def test_a_database_without_room_is_told_and_works_again_when_there_is_some(
    tmp_path: Path, seal: Seal
) -> None:
    engine = open_engine(sqlite_url(tmp_path / "gateway.db"))
    prepare(engine)
    store = Store(engine, lambda: NOW, seal)
    store.connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as many as there are
    store.connection.rollback()
    with pytest.raises(TransportError, match="now: database or disk is full"), store.transaction():  # noqa: PT012
        for number in range(500):
            store.add_message(message(f"m{number}", hold="x" * 500))
    with store.transaction():
        store.add_message(message())
    assert store.unfinished(9) == ["m1"]
    store.close()
    engine.dispose()


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.fixture
def away(postgres: Server, seal: Seal) -> Iterator[Database]:
    database = Database(open_engine(postgres.database()), seal)
    prepare(database.engine)
    yield database
    for store in database.opened:
        store.close()
    database.engine.dispose()


def test_a_database_that_is_away_is_told_and_the_next_transaction_works(
    postgres: Server, away: Database
) -> None:
    store = away.store()
    with store.transaction():
        store.add_message(message())
    with stopped(postgres):
        with pytest.raises(TransportError, match="cannot be used now"), store.transaction():
            store.add_message(message("m2"))
        with pytest.raises(TransportError, match="cannot be used now"):
            store.message("m1")
        with pytest.raises(TransportError), store.transaction():
            store.add_message(message("m3"))
    assert store.message("m1") == message()
    with store.transaction():
        store.add_message(message("m4"))
    assert away.column(t.messages.c.id) == ["m1", "m4"]


def test_a_database_that_goes_away_in_a_transaction_keeps_nothing_of_it(
    postgres: Server, away: Database
) -> None:
    store = away.store()

    def broken_off() -> None:
        with store.transaction():
            store.add_message(message())
            store.audit("file.received", "m1")
            with stopped(postgres), store.savepoint():
                store.add_message(message("m2"))

    with pytest.raises(TransportError, match="cannot be used now"):
        broken_off()
    with store.transaction():
        store.add_message(message("m3"))
        store.audit("file.received", "m3")
    assert away.column(t.messages.c.id) == ["m3"]
    assert [entry.message_id for entry in away.told] == ["m3"]
    assert away.problems() == []


# --- opening ---------------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_an_error_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all, but long enough to be one" * 100)
    engine = open_engine(sqlite_url(tmp_path / "x.db"))
    with pytest.raises(ConfigurationError, match="cannot be used"):
        prepare(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("version", "words"), [("9999", "newer version"), ("0001", "Run `edigw db upgrade`")]
)
def test_a_database_of_another_version_is_not_touched(database: Database, version: str, words: str) -> None:
    before = database.rows(text("SELECT version_num FROM alembic_version"))
    try:
        database.change(text(f"UPDATE alembic_version SET version_num = '{version}'"))
        with pytest.raises(ConfigurationError, match=words):
            prepare(database.engine)
    finally:
        database.change(text(f"UPDATE alembic_version SET version_num = '{before[0][0]}'"))
    prepare(database.engine)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://host/name", "neither sqlite nor postgresql"),
        ("nonsense", "cannot be used"),
        ("x://y", "x is neither"),
    ],
)
def test_a_url_that_cannot_be_used_is_an_error_of_configuration(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        open_engine(url)


def test_a_database_that_cannot_be_reached_is_told_without_its_password() -> None:
    engine = open_engine("postgresql://user:secret@127.0.0.1:1/name")
    with pytest.raises(TransportError, match="cannot be used now") as caught:
        prepare(engine)
    assert "secret" not in str(caught.value)


def test_whoever_comes_while_another_one_recovers_the_database_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says "locked" at once when the journal mode is set then; seen after a kill among eight."""
    path, pauses = tmp_path / "x.db", list[float]()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE one (a)")
        other.execute("BEGIN IMMEDIATE")

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                other.execute("ROLLBACK")

        monkeypatch.setattr("gateway.store.database.time.sleep", pause)
        engine = open_engine(sqlite_url(path))
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        engine.dispose()
    assert len(pauses) == 3


def test_waiting_for_the_journal_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, pauses, hands = tmp_path / "x.db", list[float](), itertools.count(step=10)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE one (a)")
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("gateway.store.database.time.sleep", pauses.append)
        monkeypatch.setattr("gateway.store.database.time.monotonic", lambda: float(next(hands)))
        engine = open_engine(sqlite_url(path))
        with pytest.raises(TransportError, match="database is locked"):
            prepare(engine)
        engine.dispose()
    assert 1 <= len(pauses) <= 10
