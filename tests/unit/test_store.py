from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, NotFoundError, RefusedError
from gateway.store.payloads import PayloadFiles
from gateway.store.records import (
    DELIVERED,
    INBOUND,
    OUTBOUND,
    PENDING,
    SENDING,
    Document,
    Entry,
    InterchangeKey,
    Message,
)
from gateway.store.sqlite import MAX_UNTOLD, SqliteStore

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def told() -> list[Entry]:
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[Entry]) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "gateway.db", lambda: NOW, told.append)
    yield store
    store.close()


def message(message_id: str = "m1", **changes: object) -> Message:
    values: dict[str, object] = {
        "id": message_id,
        "direction": INBOUND,
        "channel": "acme",
        "name": "po.edi",
        "payload": "aa",
        "size": 3,
        "created_at": NOW,
        "translation": "received",
        "delivery": "not_expected",
        "acknowledgment": "not_expected",
    }
    return Message(**{**values, **changes})  # type: ignore[arg-type]


def test_commits_are_on_disk_before_they_are_told(tmp_path: Path, store: SqliteStore) -> None:
    reader = sqlite3.connect(tmp_path / "gateway.db")
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    reader.close()


def test_a_message_is_added_once(store: SqliteStore) -> None:
    with store.transaction():
        assert store.add_message(message())
        assert not store.add_message(message(name="other.edi"))
    assert store.message("m1") == message()
    with pytest.raises(NotFoundError):
        store.message("m2")


def test_nothing_of_a_failed_transaction_stays_or_is_told(store: SqliteStore, told: list[Entry]) -> None:
    def failing() -> None:
        with store.transaction():
            store.add_message(message())
            store.audit("file.received", "m1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert store.received() == []
    assert told == []
    with store.transaction():
        store.audit("next")
    assert [entry.event for entry in told] == ["next"]


def test_a_savepoint_takes_back_rows_and_log_lines(store: SqliteStore, told: list[Entry]) -> None:
    with store.transaction():
        store.add_message(message("kept"))
        with store.savepoint() as outer:
            store.audit("outer")
            with store.savepoint() as inner:
                store.add_message(message("inner"))
                store.audit("inner")
                inner()
            store.audit("after")
            outer()
            store.add_message(message("late"))
    assert [one.id for one in store.received()] == ["kept", "late"]
    assert told == []


def test_of_very_many_log_lines_only_the_number_is_told(store: SqliteStore, told: list[Entry]) -> None:
    with store.transaction():
        for _ in range(MAX_UNTOLD):
            store.audit("made", "m1", file="x")
        with store.savepoint() as take_back:
            store.audit("made", "m1", file="x")
            take_back()
        for _ in range(7):
            store.audit("made", "m1", file="x")
    assert [entry.count for entry in told] == [1] * MAX_UNTOLD + [7]
    assert (told[-1].event, told[-1].message_id, told[-1].facts) == ("made", "m1", {})
    assert store._db.execute("SELECT count(*) FROM log").fetchone() == (MAX_UNTOLD + 7,)


def test_a_step_that_comes_too_late_changes_nothing(store: SqliteStore) -> None:
    with store.transaction():
        store.add_message(message())
        store.advance("m1", "translation", "received", "translated", partner="acme")
    with pytest.raises(RefusedError), store.transaction():
        store.advance("m1", "translation", "received", "rejected")
    assert (store.message("m1").translation, store.message("m1").partner) == ("translated", "acme")


def test_earlier_results_of_the_same_bytes(store: SqliteStore) -> None:
    with store.transaction():
        store.add_message(message("failed", translation="rejected"))
        store.add_message(message("again"))
        assert store.translated_before(message("again")) is None
        store.advance("again", "translation", "received", "partly_translated")
    assert store.translated_before(message("third")) == message("again", translation="partly_translated")
    assert store.translated_before(message("third", payload="bb")) is None
    assert store.translated_before(message("again")) is None


def test_interchanges_are_known_by_parties_usage_and_number(store: SqliteStore) -> None:
    key = InterchangeKey(sender="ZZ/A", receiver="ZZ/B", usage="P", control_number="000000001")
    with store.transaction():
        store.add_interchange("m1", key)
    assert store.interchange_before(key) == "m1"
    assert (
        store.interchange_before(
            InterchangeKey(sender="ZZ/A", receiver="ZZ/B", usage="T", control_number="000000001")
        )
        is None
    )


def test_control_numbers_rise_for_each_partner_and_are_given_back_only_unused(store: SqliteStore) -> None:
    with store.transaction():
        assert [store.next_number("a", "group", 9) for _ in range(2)] == [1, 2]
        assert store.next_number("b", "group", 9) == 1
        assert store.next_number("a", "interchange", 9) == 1
    with pytest.raises(RefusedError), store.transaction():
        store.next_number("a", "group", 2)
    with store.transaction():
        assert store.next_number("a", "group", 3) == 3
    with pytest.raises(RefusedError), store.transaction():
        store.next_number("a", "group", 3)


def test_acknowledgments_find_what_was_sent(store: SqliteStore) -> None:
    sent = message("out", direction=OUTBOUND, partner="a", interchange="7", group="3", translation="written")
    document = Document(
        id="d", message_id="m1", direction=OUTBOUND, partner="a", document_type="purchase_order",
        number="4711", test=False, set_control="1", body=b"{}", sent_in="out", acknowledgment="waiting",
    )  # fmt: skip
    with store.transaction():
        store.add_message(sent)
        store.add_document(document)
        store.acknowledge_documents("out", "2", "rejected")
    assert store.sent("a", "group", "3") == store.sent("a", "interchange", "7") == sent
    assert store.sent("a", "group", "4") is store.sent("b", "group", "3") is None
    status = "SELECT acknowledgment FROM documents"
    assert store._db.execute(status).fetchall() == [("waiting",)]
    with store.transaction():
        store.acknowledge_documents("out", "1", "accepted")
    assert store._db.execute(status).fetchall() == [("accepted",)]
    with store.transaction():
        store.acknowledge_documents("out", None, "rejected")
    assert store._db.execute(status).fetchall() == [("rejected",)]
    assert store.document_body("d") == b"{}"


def test_the_send_ledger_goes_one_way(store: SqliteStore) -> None:
    with store.transaction():
        store.add_message(message(delivery="waiting"))
        for name in ("a.json", "b.json"):
            store.add_delivery("m1", "erp", "outbox", name, payload="aa")
    first, second = store.deliveries("erp", PENDING, 10)
    assert store.deliveries("acme", PENDING, 10) == []
    assert store.has_name("wanted", "erp", "outbox", "a.json")
    assert not store.has_name("name", "erp", "outbox", "a.json")
    with store.transaction():
        store.mark_sending([(first, "a.json")])
    (sending,) = store.deliveries("erp", SENDING, 10)
    assert (sending.id, sending.name) == (first.id, "a.json")
    assert store.has_name("name", "erp", "outbox", "a.json")
    with store.transaction():
        store.mark_delivered([sending, second])
    assert store.deliveries("erp", PENDING, 10) == [second], "what was not sending cannot become delivered"
    assert store.message("m1").delivery == "waiting"
    with store.transaction():
        store.mark_sending([(second, "b.json"), (first, "again.json")])
        store.mark_delivered([second])
    assert store.deliveries("erp", SENDING, 10) == store.deliveries("erp", DELIVERED, 10) == []
    assert store.message("m1").delivery == "delivered"


def test_a_file_that_is_no_database_is_an_error_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        SqliteStore(tmp_path / "x.db", lambda: NOW)


def test_a_database_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigurationError, match="newer version"):
        SqliteStore(tmp_path / "x.db", lambda: NOW)


def test_payloads_are_named_by_their_content_and_kept_once(tmp_path: Path) -> None:
    payloads = PayloadFiles(tmp_path / "payloads")
    content = b"ISA*" * 600_000
    sha256 = hashlib.sha256(content).hexdigest()
    assert payloads.put(BytesIO(content)) == payloads.put(BytesIO(content)) == (sha256, len(content))
    assert payloads.path(sha256).read_bytes() == content
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_payload_that_cannot_be_read_to_its_end_leaves_nothing_with_a_name(tmp_path: Path) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError("gone")
            return super().read(1)

    payloads = PayloadFiles(tmp_path / "payloads")
    with pytest.raises(OSError, match="gone"):
        payloads.put(Broken(b"xy"))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    payloads.clean()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
