"""Lists, search, details and chains, the same on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert

from gateway.errors import NotFoundError
from gateway.store import remittances
from gateway.store import tables as t
from gateway.store.chains import chain, gaps, starts
from gateway.store.database import open_engine, prepare, reading, sqlite_url
from gateway.store.queries import (
    MAX_PARTNERS,
    MAX_RELATED,
    Wanted,
    acknowledgments,
    deadlines,
    document,
    documents,
    message,
    messages,
    resolve,
)
from gateway.store.records import INBOUND, OUTBOUND, Document, Message, as_text
from gateway.store.sql import _values

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENT = {"direction": OUTBOUND, "translation": "written", "delivery": "delivered", "acknowledgment": "waiting"}


@dataclass
class Rows:
    """Adds rows, a second apart."""

    engine: Engine
    now: datetime = NOW

    def add(self, table: Any, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            connection.execute(insert(table), list(rows))

    def message(self, message_id: str, name: str = "po.edi", **changes: Any) -> str:
        self.now += timedelta(seconds=1)
        known: dict[str, Any] = {"direction": INBOUND, "channel": "acme", "payload": "aa", "size": 3}
        known |= {"translation": "translated", "delivery": "delivered", "partner": "acme"}
        self.add(
            t.messages,
            _values(Message(id=message_id, name=name, created_at=self.now, **{**known, **changes})),
        )
        return message_id

    def document(
        self, document_id: str, kind: str, number: str, *keys: tuple[str, str], **changes: Any
    ) -> str:
        self.now += timedelta(seconds=1)
        known: dict[str, Any] = {"message_id": "in", "direction": INBOUND, "partner": "acme", "test": False}
        known |= {"set_control": "1", "body": b'{"a": 1}', "sha256": "bb"}
        made = Document(
            id=document_id, document_type=kind, number=number, created_at=self.now, **{**known, **changes}
        )
        self.add(t.documents, _values(made))
        for key, value in keys:
            row = {"kind": key, "value": value, "partner": made.partner, "document_id": document_id}
            self.add(t.document_keys, row)
        return document_id


@pytest.fixture(params=["sqlite", "postgresql"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rows]:
    is_sqlite = request.param == "sqlite"
    engine = open_engine(
        sqlite_url(tmp_path / "a.db") if is_sqlite else request.getfixturevalue("postgres_url")
    )
    prepare(engine)
    yield Rows(engine)
    engine.dispose()


@pytest.fixture
def connection(rows: Rows) -> Iterator[Connection]:
    """Reads what was there when it was first used."""
    with reading(rows.engine) as connection:
        yield connection


def ids(found: Any) -> list[str]:
    return [row["id"] for row in (found.rows if hasattr(found, "rows") else found)]


def test_pages_are_stable_while_messages_come(rows: Rows) -> None:
    for number in range(7):
        rows.message(f"m{number}")
    seen, cursor = [], None
    while True:
        with reading(rows.engine) as connection:
            page = messages(connection, Wanted(limit=3, cursor=cursor))
        seen += ids(page)
        rows.message(f"later{len(seen)}")
        if (cursor := page.cursor) is None:
            break
    assert seen == [f"m{number}" for number in reversed(range(7))]
    with reading(rows.engine) as connection:
        oldest = messages(connection, Wanted(limit=2, oldest_first=True))
        assert ids(oldest) == ["m0", "m1"]
        after = messages(connection, Wanted(limit=2, oldest_first=True, cursor=oldest.cursor))
        assert ids(after) == ["m2", "m3"]
        assert messages(connection, Wanted(partner="nobody")) == ([], None)


def test_filters_hold_together(rows: Rows, connection: Connection) -> None:
    rows.message("failed", translation="failed")
    rows.message("held", hold="asked for", delivery="waiting")
    rows.message("undelivered", delivery="failed", partner="other")
    rows.message("fine")
    rows.message("sent", **SENT)

    def found(**wanted: Any) -> list[str]:
        return ids(messages(connection, Wanted(**wanted)))

    assert found(person=True) == ["undelivered", "held", "failed"]
    assert found(person=True, partner="acme") == ["held", "failed"]
    assert found(delivery=("waiting", "failed")) == ["undelivered", "held"]
    assert found(direction=OUTBOUND) == ["sent"]
    assert found(since=NOW + timedelta(seconds=3), until=NOW + timedelta(seconds=5)) == [
        "fine",
        "undelivered",
    ]
    assert found(text="po", translation=("failed",)) == ["failed"]


def test_one_box_finds_all_that_people_know(rows: Rows, connection: Connection) -> None:
    rows.message("20260302T0930-in", "Orders_100%.EDI", interchange="1001")
    rows.message("20260302T0931-erp", "ship.json", channel="erp", partner=None)
    rows.message("8c1f9a77-0000", "856_SHP-1_7.edi", interchange="7", group="12", **SENT)
    rows.document("d0000001", "purchase_order", "4711", ("po", "4711"), message_id="20260302T0930-in")
    keys = [("shipment", "SHP-1"), ("po", "4711")]
    sent = {"message_id": "20260302T0931-erp", "sent_in": "8c1f9a77-0000"}
    rows.document("d0000002", "ship_notice", "SHP-1", *keys, direction=OUTBOUND, **sent)
    rows.message("other", "100x.edi", interchange="71", partner="else")

    def found(text: str) -> list[str]:
        return ids(messages(connection, Wanted(text=text)))

    assert found("4711") == ["8c1f9a77-0000", "20260302T0931-erp", "20260302T0930-in"]
    assert found("SHP-1") == ["8c1f9a77-0000", "20260302T0931-erp"]
    assert found("000000007") == found("7") == ["8c1f9a77-0000"]
    assert found("0012") == ["8c1f9a77-0000"]
    assert found("8c1f9a") == found("8c1f9a77-0000") == ["8c1f9a77-0000"]
    assert found("d0000001") == ["20260302T0930-in"]
    assert found("orders_1") == found("ERS_100%") == ["20260302T0930-in"]
    assert found("00_") == found("%z") == []
    assert found("else") == ["other"]
    assert found("20260302T") == ["20260302T0931-erp", "20260302T0930-in"]

    def listed(text: str, **wanted: Any) -> list[str]:
        return ids(documents(connection, Wanted(text=text, **wanted)))

    assert listed("4711") == ["d0000002", "d0000001"]
    assert listed("4711", document_type="ship_notice") == ["d0000002"]
    assert listed("0012") == listed("8c1f9a77-0000") == listed("d0000002") == ["d0000002"]
    assert listed("acme") == ["d0000002", "d0000001"]


def test_ids_are_known_by_their_beginning(rows: Rows, connection: Connection) -> None:
    for one in ("abcdef-1", "abcdef-2", "abcdef", "ABCDEF-9"):
        rows.message(one)
    assert resolve(connection, t.messages, "abcdef-1") == "abcdef-1"
    assert resolve(connection, t.messages, "abcdef") == "abcdef"
    assert resolve(connection, t.messages, "ABCDEF") == "ABCDEF-9"
    with pytest.raises(NotFoundError, match="Several messages begin with abcdef-: abcdef-1, abcdef-2"):
        resolve(connection, t.messages, "abcdef-")
    for wrong in ("abcde", "abcdex", "abcdef%"):
        with pytest.raises(NotFoundError, match="There is no message"):
            resolve(connection, t.messages, wrong)


def test_a_message_comes_with_all_about_it(rows: Rows, connection: Connection) -> None:
    rows.message("in")
    rows.message("sent", origin="in", **SENT)
    rows.document("d1", "invoice", "I1", ("invoice", "I1"), sent_in="sent", direction=OUTBOUND)
    entry = {"at": as_text(NOW), "event": "interchange.written", "message_id": "sent", "document_id": "d1"}
    rows.add(t.audit, {**entry, "seq": 1, "partner": "acme", "actor": "gateway", "facts": "{}", "hash": ""})
    answer = {"at": as_text(NOW), "kind": "997", "partner": "acme", "message_id": "said", "about": "sent"}
    rows.add(t.acknowledgments, {**answer, "set_control": "", "status": "accepted", "words": "A\nB"})
    due = {"kind": "acknowledgment", "message_id": "sent", "due_at": as_text(NOW), "state": "met"}
    rows.add(t.expectations, due, {**due, "kind": "receipt", "due_at": "2099"})
    found = message(connection, "sent")
    assert (found["id"], found["group"], found["truncated"]) == ("sent", None, [])
    assert {type(key) for key in found} == {str}
    assert "body" not in found["documents"][0]
    assert found["acknowledgments"][0]["words"] == "A\nB"
    assert found["history"][0]["facts"] == {}
    assert ids(message(connection, "in")["made_from_it"]) == ["sent"]
    assert document(connection, "d1")["body"] == {"a": 1}
    assert document(connection, "d1")["keys"] == [{"kind": "invoice", "value": "I1"}]
    (owed,) = acknowledgments(connection, Wanted()).rows
    assert (owed["due_at"], owed["words"]) == (as_text(NOW), ["A", "B"])


def test_a_message_is_found_by_its_as2_id_and_shown_with_the_exchange(
    rows: Rows, connection: Connection
) -> None:
    for name in ("m1", "m2"):
        rows.message(name)
    texts = {one.name: "" for one in t.exchanges.c if one.name not in ("seq", "delivery", "tries")}
    named = {"id": "e", "message_id": "m1", "as2_id": "<7@us>", "headers": '[["A","b"]]'}
    rows.add(t.exchanges, texts | named)
    for asked, wanted in {"<7@us>": ["m1"], "7@us": ["m1"], "7@": []}.items():
        assert ids(messages(connection, Wanted(text=asked))) == wanted
    (found,) = message(connection, "m1")["exchanges"]
    assert (found["id"], found["headers"]) == ("e", [["A", "b"]])
    assert message(connection, "m2")["exchanges"] == []


def test_more_than_is_shown_is_told(rows: Rows, connection: Connection) -> None:
    rows.message("in")
    made = [
        _values(Message(id=f"m{n}", direction=OUTBOUND, channel="acme", name="x", payload=None, size=0,
                        created_at=NOW, origin="in"))
        for n in range(MAX_RELATED + 1)
    ]  # fmt: skip
    rows.add(t.messages, *made)
    found = message(connection, "in")
    assert (len(found["made_from_it"]), found["truncated"]) == (MAX_RELATED, ["made_from_it"])


# --- chains ----------------------------------------------------------------------------------------------


@pytest.fixture
def order(rows: Rows) -> Rows:
    """Order A with its answers and payment, beside order B that shares a shipment and the payment."""
    rows.message("in", acknowledgment="not_expected")
    rows.message("997", "997_1.edi", direction=OUTBOUND, origin="in", translation="written")
    rows.message("erp", "x.json", channel="erp", delivery="not_expected")
    rows.message("sent", "856_S1.edi", **SENT)
    sent: dict[str, Any] = {"direction": OUTBOUND, "message_id": "erp", "sent_in": "sent"}
    rows.document("poA", "purchase_order", "A", ("po", "A"))
    rows.document("poB", "purchase_order", "B", ("po", "B"))
    rows.document("ship", "ship_notice", "S1", ("po", "A"), ("po", "B"), ("shipment", "S1"), **sent)
    rows.document("invA", "invoice", "IA", ("po", "A"), ("invoice", "IA"), acknowledgment="overdue", **sent)
    rows.document("invB", "invoice", "IB", ("po", "B"), ("invoice", "IB"), acknowledgment="rejected", **sent)
    paid = [("remittance", "R1"), ("invoice", "IA"), ("invoice", "IB")]
    rows.document("paid", "remittance_advice", "R1", *paid)
    rows.document("else", "purchase_order", "A", ("po", "A"), partner="other")
    rows.document("test", "purchase_order", "A", ("po", "A"), test=True)
    due = {"kind": "acknowledgment", "message_id": "sent", "due_at": as_text(NOW), "state": "overdue"}
    rows.add(t.expectations, due, {**due, "kind": "receipt", "due_at": "2099"})
    said = {"at": as_text(NOW), "kind": "997", "partner": "acme", "message_id": "said", "about": "sent"}
    said |= {"set_control": "2", "status": "rejected", "words": "No."}
    rows.add(t.acknowledgments, said, {**said, "set_control": "1", "status": "accepted", "words": "Yes."})
    return rows


def test_the_chain_of_one_order_leaves_out_the_others(order: Rows, connection: Connection) -> None:
    found = [chain(connection, *one) for one in starts(connection, "A", "acme")]
    assert [(one["test"], one["purchase_orders"]) for one in found] == [(True, ["A"]), (False, ["A"])]
    assert [ids(one["documents"]) for one in found] == [["test"], ["poA", "ship", "invA", "paid"]]
    assert starts(connection, "A", "other") == [(["else"], "A")]
    first, ship = found[1]["documents"][:2]
    assert ids(first["answers"]) == ["997"]
    assert (first["message"]["id"], first["sent"], first["due_at"]) == ("in", None, None)
    assert (ship["sent"]["id"], ship["due_at"]) == ("sent", as_text(NOW))
    assert [one["words"] for one in ship["acknowledgments"]] == ["Yes."]


@pytest.mark.parametrize("asked", ["IA", "invA", "poA"])
def test_any_number_or_document_leads_to_its_order(order: Rows, connection: Connection, asked: str) -> None:
    begin = [([asked], "")] if asked in ("invA", "poA") else starts(connection, asked)
    (found,) = [chain(connection, *one) for one in begin]
    assert ids(found["documents"]) == ["poA", "ship", "invA", "paid"]


def test_a_payment_leads_to_all_orders_it_pays(order: Rows, connection: Connection) -> None:
    (start,) = starts(connection, "R1")
    found = chain(connection, *start)
    assert found["purchase_orders"] == ["A", "B"]
    assert ids(found["documents"]) == ["poA", "poB", "ship", "invA", "invB", "paid"]


def test_documents_of_no_order_stand_alone(order: Rows, connection: Connection) -> None:
    order.document("stock", "inventory_advice", "V1", ("advice", "V1"), direction=OUTBOUND)
    ((start, number),) = starts(connection, "V1")
    found = chain(connection, start, number)
    assert (found["purchase_orders"], ids(found["documents"])) == ([], ["stock"])
    assert list(gaps(found, ["invoice"])) == []
    with pytest.raises(NotFoundError):
        starts(connection, "nothing")


def test_gaps_are_told_in_words(order: Rows, connection: Connection) -> None:
    found = chain(connection, ["paid"])
    told = list(gaps(found, ["purchase_order_acknowledgment", "ship_notice"]))
    assert [(one["kind"], one["wrong"], one["words"]) for one in told] == [
        ("document", False, "no purchase order acknowledgment yet"),
        ("acknowledgment", True, "no acknowledgment yet of invoice IA, due and late 2026-03-02 09:30 UTC"),
        ("rejected", True, "invoice IB was rejected by the partner, and nothing followed"),
    ]
    for row in found["documents"]:
        row["sent"] = {"delivery": "failed", "hold": "asked for"}
        row["batch"] = "x" if row["id"] == "ship" else None
    told = [one for one in gaps(found) if one["document_id"] in ("ship", "invA")]
    assert [one["kind"] for one in told] == ["hold", "delivery", "hold", "delivery"]
    assert [one["wrong"] for one in told] == [True, False, True, True]  # waits for its batch; failed
    found["documents"] = [{**found["documents"][0], "batch": None, "sent": {"delivery": "sent"}}]
    assert [one["words"] for one in gaps(found) if one["kind"] == "delivery"] == [
        "purchase order A was sent, the partner's receipt is not here yet"
    ]
    found["documents"] = []
    assert [one["words"] for one in gaps(found)] == ["the purchase order itself is not here"]


def test_a_number_that_very_many_documents_share(rows: Rows, connection: Connection) -> None:
    made = [
        _values(Document(id=f"d{n}", message_id="in", direction=OUTBOUND, partner="acme", number=f"I{n}",
                         document_type="invoice", test=False, set_control="1", created_at=NOW))
        for n in range(MAX_RELATED + 5)
    ]  # fmt: skip
    rows.add(t.documents, *made)
    key = {"kind": "po", "value": "BLANKET", "partner": "acme"}
    rows.add(t.document_keys, *({**key, "document_id": one["id"]} for one in made))
    (start,) = starts(connection, "BLANKET")
    found = chain(connection, *start)
    assert (len(found["documents"]), found["truncated"]) == (MAX_RELATED, True)


# --- what is of some partners ----------------------------------------------------------------------------

THEIRS = "zeta"
"""Everything of another partner has this in it."""


@pytest.fixture
def mixed(rows: Rows) -> Rows:
    """Messages and documents of three partners and of none, tied to each other in every way."""
    for one in ("acme", "beta", THEIRS):
        more: dict[str, Any] = {"partner": one, "channel": one}
        rows.message(f"{one}-in", f"{one}.edi", interchange="77", **more)
        rows.message(f"{one}-out", f"{one}-out.edi", origin=f"{one}-in", **{**SENT, **more})
        rows.message(f"{one}-made", f"{one}-made.edi", origin="acme-in", **{**SENT, **more})
        rows.message(f"{one}-bad", f"{one}-bad.edi", translation="failed", **more)
        rows.document(f"{one}-order", "purchase_order", "A", ("po", "A"), partner=one, message_id=f"{one}-in")
        sent = {"partner": one, "direction": OUTBOUND, "message_id": "erp-in", "sent_in": f"{one}-out"}
        rows.document(f"{one}-ship", "ship_notice", f"{one}-S", ("po", "A"), ("shipment", f"{one}-S"), **sent)
        crossed = {"partner": one, "message_id": "acme-in"}
        rows.document(
            f"{one}-crossed", "invoice", f"{one}-I", ("po", "A"), ("invoice", f"{one}-I"), **crossed
        )
        base = {"at": as_text(NOW), "kind": "997", "partner": one, "set_control": "", "status": one}
        for about in (f"{one}-out", "acme-out", "acme-in"):
            said = {**base, "message_id": f"{one}-in", "about": about, "words": f"{one} says"}
            rows.add(t.acknowledgments, said, {**said, "about": "x", "message_id": "acme-in"})
        due: dict[str, Any] = {"kind": "acknowledgment", "due_at": as_text(NOW), "state": "open"}
        for message_id, document_id in ((f"{one}-out", None), (f"{one}-in", f"{one}-order")):
            rows.add(t.expectations, {**due, "message_id": message_id, "document_id": document_id})
        wire = {"id": f"{one}-e", "direction": OUTBOUND, "channel": one, "partner": one, "mic": one}
        wire |= {"message_id": "acme-in", "sender": "US", "receiver": one, "as2_id": f"<{one}>"}
        wire |= {
            "state": "ok",
            "disposition": "",
            "headers": "[]",
            "receipt_url": "",
            "error": "",
            "at": as_text(NOW),
        }
        rows.add(t.exchanges, {**wire, "delivery": None, "tries": 0})
        sent = {"message_id": "acme-in", "owner": "x", "channel": one, "box": "outbox", "wanted": one}
        sent |= {"name": one, "document_id": f"{one}-crossed", "state": "pending", "token": ""}
        sent |= {"error": "", "planned_at": "", "at": ""}
        rows.add(t.deliveries, {**sent, "payload": None, "tries": 0})
        paid = {"partner": one, "trace": f"{one}-T", "document_id": "", "message_id": "", "received_at": ""}
        paid |= {"paid_on": "", "currency": "", "amount": "1", "state": "counted", "words": one}
        rows.add(t.remittances, {**paid, "seq": len(one) + ord(one[0]), "fingerprint": ""})
        part = {"remittance": len(one) + ord(one[0]), "line": 1, "step": 1, "partner": one, "place": ""}
        part |= {"ref": one, "root": "R", "kind": "unclassified", "amount": "1", "why": one, "actor": ""}
        rows.add(t.remittance_parts, part)
        account = dict.fromkeys((one.name for one in t.accounts.c if one.name != "seq"), "")
        rows.add(t.accounts, {**account, "partner": one, "number": "R", "remarks": one, "status": "open"})
    rows.message("erp-in", f"{THEIRS}.json", channel="erp", partner=None, direction=INBOUND)
    rows.message("erp-bad", f"{THEIRS}.json", channel="erp", partner=None, translation="failed")
    entry = {
        "at": as_text(NOW),
        "event": "document.routed",
        "message_id": "acme-in",
        "actor": "g",
        "hash": "",
    }
    rows.add(
        t.audit,
        *(
            {
                **entry,
                "seq": number,
                "document_id": f"{doc}-crossed",
                "partner": one,
                "facts": f'{{"to": "{one}"}}',
            }
            for number, (doc, one) in enumerate(
                [("acme", "acme"), (THEIRS, THEIRS), ("acme", THEIRS), (THEIRS, "acme"), ("beta", "")], 1
            )
        ),
    )
    return rows


ASKED: list[dict[str, Any]] = [
    *({}, {"person": True}, {"oldest_first": True}, {"direction": OUTBOUND}, {"limit": 2}),
    *({"delivery": ("delivered",)}, {"partner": THEIRS}, {"document_type": "invoice"}),
    *(
        {"text": text}
        for text in ("A", "77", THEIRS, f"{THEIRS}-", f"{THEIRS}-in", f"{THEIRS}-S", f"<{THEIRS}>")
    ),
    *({"text": text} for text in ("erp-in", ".edi", ".json", f"{THEIRS}-order", f"{THEIRS}-I")),
]


@pytest.mark.parametrize("more", [(), ("beta",), ("beta", *map(str, range(MAX_PARTNERS)))], ids=len)
def test_nothing_of_another_partner_is_in_a_list(
    mixed: Rows, connection: Connection, more: tuple[str, ...]
) -> None:
    mine = frozenset({"acme", *more})
    shown = 0
    for asked in ASKED:
        known: dict[str, Any] = {**asked}
        kind = known.pop("document_type", "")
        for get in (messages, documents, acknowledgments):
            if get is not messages and {"person", "delivery"} & set(known):
                continue
            typed = {"document_type": kind} if get is documents else {}
            wanted = Wanted(**known, **typed, partners=mine)
            found, every = (
                get(connection, wanted),
                get(connection, Wanted(**{**known, **typed, "limit": 500})),
            )
            assert THEIRS not in str(found)
            # Text may find a message by a document in it that others may not see.
            allowed = [one["id"] for one in every.rows if one["partner"] in mine]
            if "text" not in known:
                assert ids(found) == allowed[: wanted.limit]
            else:
                assert set(ids(found)) <= set(allowed)
            shown += len(ids(found))
    assert shown > 50
    theirs = Wanted(text=f"{THEIRS}-I", partners=mine)  # a document of theirs in a message of ours
    assert ids(messages(connection, theirs)) == ids(documents(connection, theirs)) == []
    for listed in (
        deadlines(connection, "open", "", 100, mine),
        remittances.remittances(connection, "", partners=mine),
        remittances.accounts(connection, "", partners=mine),
        [*remittances.parts(connection, "", partners=mine)],
    ):
        assert THEIRS not in str(listed)
        assert {row["partner"] for row in listed} == mine & {"acme", "beta"}
    for wrong in (
        deadlines(connection, "open", THEIRS, 100, mine),
        remittances.remittances(connection, THEIRS, partners=mine),
        remittances.accounts(connection, THEIRS, partners=mine),
        [*remittances.parts(connection, THEIRS, partners=mine)],
        messages(connection, Wanted(partners=frozenset())).rows,
    ):
        assert wrong == []


def test_nothing_of_another_partner_is_in_a_detail(mixed: Rows, connection: Connection) -> None:
    mine = frozenset({"acme"})
    found = message(connection, "acme-in", mine)
    assert THEIRS not in str(found)
    assert ids(found["documents"]) == ["acme-order", "acme-crossed"]
    assert ids(found["made_from_it"]) == ["acme-out", "acme-made"]
    assert [one["facts"] for one in found["routes"]] == [{"to": "acme"}]
    assert [len(found[name]) for name in ("deliveries", "exchanges", "acknowledgments", "history")] == [1] * 4
    assert THEIRS in str(message(connection, "acme-in"))
    assert document(connection, "acme-order", mine)["number"] == "A"
    for unknown in (f"{THEIRS}-in", "erp-in", "nothing"):
        with pytest.raises(NotFoundError) as caught:
            message(connection, unknown, mine)
        assert str(caught.value) == f"There is no message {unknown}."
        with pytest.raises(NotFoundError):
            resolve(connection, t.messages, unknown, mine)
    with pytest.raises(NotFoundError, match="There is no document"):
        document(connection, f"{THEIRS}-order", mine)
    with pytest.raises(NotFoundError, match="There is no document"):
        resolve(connection, t.documents, f"{THEIRS}-or", mine)
    assert resolve(connection, t.messages, "acme-o", mine) == "acme-out"


def test_nothing_of_another_partner_is_in_a_chain(mixed: Rows, connection: Connection) -> None:
    mine = frozenset({"acme"})
    (start,) = starts(connection, "A", partners=mine)
    found = chain(connection, *start, partners=mine)
    assert THEIRS not in str(found)
    assert THEIRS not in str([*gaps(found)])
    assert ids(found["documents"]) == ["acme-order", "acme-ship", "acme-crossed"]
    assert [one["message"] and one["message"]["id"] for one in found["documents"]] == [
        "acme-in",
        None,
        "acme-in",
    ]
    assert ids(found["documents"][0]["answers"]) == ["acme-out", "acme-made"]
    for asked in (f"{THEIRS}-S", f"{THEIRS}-order", f"{THEIRS}-I"):
        with pytest.raises(NotFoundError):
            starts(connection, asked, partners=mine)
    with pytest.raises(NotFoundError):
        starts(connection, "A", THEIRS, mine)
