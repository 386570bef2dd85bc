"""What needs somebody: the same on both databases, whatever became of it before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from gateway.errors import RefusedError
from gateway.partners.partner import Identifier, Partner, Partners
from gateway.services import operate, today
from gateway.services.today import DAYS_SHOWN, MOST
from gateway.settings import Settings
from gateway.store import tables as t
from gateway.store.database import reading
from gateway.store.keyring import Keyring
from gateway.store.queries import Wanted, first_documents, messages, quarantined
from gateway.store.records import as_text
from tests.homes import demo_home
from tests.homes import rows as table
from tests.unit.test_queries import NOW, SENT, Rows, connection, ids, rows  # noqa: F401 -- fixtures

PARTNERS = [
    Partner(id=one, name=one, identifiers=(Identifier(qualifier="ZZ", id=one.upper()),))
    for one in ("acme", "other")
]
SETTINGS = cast(Settings, SimpleNamespace(partners=Partners(PARTNERS), gateway=SimpleNamespace(expiries=())))


class _NoKeys:
    def groups(self) -> list[Any]:
        return []


def told(rows: Rows, partners: set[str] | None = None, hours: float = 1) -> dict[str, Any]:  # noqa: F811
    with reading(rows.engine) as connection:  # noqa: F811
        now = NOW + timedelta(hours=hours)
        return today.today(connection, SETTINGS, cast(Keyring, _NoKeys()), now, partners)


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {one["what"]: one["count"] for one in found["attention"]}


def test_each_status_is_counted_where_it_belongs(rows: Rows) -> None:  # noqa: F811
    assert told(rows)["attention"] == []
    rows.message("a", translation="failed")
    rows.message("b", translation="unprocessed", partner=None)
    rows.message("c", translation="rejected", partner="other", acknowledgment="not_expected")
    rows.message("d", **{**SENT, "acknowledgment": "partial"})
    rows.message("e", **{**SENT, "acknowledgment": "overdue", "delivery": "failed"})
    rows.message("f", hold="why", delivery="waiting")
    rows.message("g", translation="rejected", closed_at="2026-03-02")
    rows.message("h")
    rows.message("i", **SENT)
    found = told(rows)
    expected = {"failed": 1, "not_delivered": 1, "unprocessed": 2, "refused": 1}
    assert counts(found) == {**expected, "overdue_acknowledgments": 1, "held": 1}
    assert [one["tone"] for one in found["attention"]] == ["error"] * 3 + ["refused", "late", "wait"]
    assert counts(told(rows, {"other"})) == {"unprocessed": 1}
    assert found["volume"]["total"] == 9
    assert found["volume"]["partners"]["other"][-2:] == [1, 0]
    assert told(rows, hours=30)["volume"]["total"] == 0


def test_waiting_late_and_paused(rows: Rows) -> None:  # noqa: F811
    rows.message("in")
    rows.document("d1", "purchase_order", "1", ("po", "1"))
    rows.document("d2", "invoice", "2", batch="approval|d2", partner="other")
    waits = {
        "message_id": "in",
        "owner": "in",
        "channel": "erp",
        "box": "outbox",
        "wanted": "x",
        "state": "waits",
    }
    waits |= {"document_id": "d1", "token": "", "error": "item", "planned_at": "", "at": ""}
    rows.add(t.deliveries, waits)
    late = {"message_id": "in", "due_at": as_text(NOW), "state": "overdue", "document_id": "d1"}
    rows.add(t.expectations, *({**late, "kind": one} for one in ("ship_notice", "ship_notice", "invoice")))
    blank = dict.fromkeys((one.name for one in t.channels.c), "") | {"failures": 0}
    rows.add(t.channels, {**blank, "channel": "acme", "paused_at": "x"})
    rows.add(t.channels, {**blank, "channel": "erp", "stopped_at": "x", "paused_at": "x"})
    alert = {one.name: "" for one in t.alerts.c if one.name != "seq"} | {"times": 1, "step": 0}
    rows.add(t.alerts, {**alert, "partner": "acme"}, {**alert, "acknowledged_at": "x"})
    known = {"waiting": 1, "approvals": 1, "late_ship_notice": 2, "late_invoice": 1, "alerts": 1}
    assert counts(told(rows)) == {**known, "paused": 1, "stopped": 1}
    del known["approvals"]
    assert counts(told(rows, {"acme"})) == {**known, "paused": 1}


def test_figures_of_acknowledgments(rows: Rows) -> None:  # noqa: F811
    for number, state in enumerate(("met", "met", "overdue", "open", "cancelled")):
        rows.message(f"m{number}", **SENT)
        due = as_text(NOW + timedelta(minutes=30 if state != "open" else 600))
        rows.add(
            t.expectations,
            {"kind": "acknowledgment", "message_id": f"m{number}", "due_at": due, "state": state},
        )
    found = told(rows, hours=2)
    days = found["on_time"].pop("days")
    assert found["on_time"] == {"due": 3, "met": 2, "percent": 66.7}
    assert [one["day"] for one in days][:: DAYS_SHOWN - 1] == [f"{NOW - timedelta(13):%F}", f"{NOW:%F}"]
    assert days[-1] == {"day": f"{NOW:%F}", "due": 3, "met": 2, "percent": 66.7}
    assert days[0] | {"day": ""} == {"day": "", "due": 0, "met": 0, "percent": None}
    assert [(one["count"], one["overdue"]) for one in found["acknowledgments"]] == [
        (0, 0),
        (2, 1),
        (0, 0),
        (0, 0),
    ]
    others = told(rows, {"other"}, hours=2)["on_time"]
    assert {one["due"] for one in others.pop("days")} == {0}
    assert others == {"due": 0, "met": 0, "percent": None}


def test_more_than_is_counted_is_said(rows: Rows) -> None:  # noqa: F811
    rows.message("first", translation="rejected")
    found = told(rows)["attention"][0]
    assert (found["count"], found["more"]) == (1, False)
    (line,) = today._line("x", MOST + 1, "one", "many", "warn", "/")
    assert (line["count"], line["more"], line["words"]) == (MOST, True, "many")


def test_lists_of_what_is_open_or_held(rows: Rows, connection: Connection) -> None:  # noqa: F811
    rows.message("a", translation="rejected")
    rows.message("b", translation="rejected", closed_at="x")
    rows.message("c", hold="why", delivery="waiting")
    rows.message("d", translation="failed", partner="other")
    assert ids(messages(connection, Wanted(open=True))) == ["d", "c", "a"]
    assert ids(messages(connection, Wanted(open=True, translation=("rejected",)))) == ["a"]
    assert ids(messages(connection, Wanted(open=True, held=True))) == ["c"]
    assert ids(messages(connection, Wanted(open=True, partners=frozenset({"other"})))) == ["d"]
    assert ids(messages(connection, Wanted(open=True, text="po.edi"))) == ["d", "c", "a"]


def test_first_documents_and_reasons(rows: Rows, connection: Connection) -> None:  # noqa: F811
    rows.message("in")
    rows.message("out", **SENT)
    for number in range(6):
        rows.document(f"d{number}", "invoice", str(number), sent_in="out" if number == 5 else None)
    found = first_documents(connection, ["in", "out", "none"])
    assert {one: [row["id"] for row in some] for one, some in found.items()} == {
        "in": ["d0", "d1", "d2", "d3"],
        "out": ["d5"],
        "none": [],
    }
    assert first_documents(connection, []) == {}
    assert quarantined(connection, ["in"]) == {}


# --- closing ---------------------------------------------------------------------------------------------


def test_what_is_closed_is_open_again_when_it_gets_worse(tmp_path: Path) -> None:
    from gateway.app import Gateway
    from gateway.services import lifecycle
    from gateway.services.lifecycle import Delivery
    from gateway.settings import load

    home = demo_home(tmp_path / "home")
    ((scan,),) = table(home, "SELECT id FROM messages WHERE name = 'scan-0007.pdf'")
    with Gateway(home, load(home), works=False, actor="user:ann") as gateway:
        services = gateway.services
        store = services.store
        operate.close(services, scan, "an invoice on paper")
        with pytest.raises(RefusedError, match="needs nobody"):
            operate.close(services, scan, "twice")
        assert store.message(scan).closed_at
        with store.transaction():
            lifecycle.advance(store, store.message(scan), Delivery.WAITING)
        assert store.message(scan).closed_at  # that is not worse
        with store.transaction():
            lifecycle.advance(store, store.message(scan), Delivery.FAILED)
        assert store.message(scan).closed_at == ""
        assert operate.verbs({**_whole(gateway, scan)}) == ["resend", "reprocess", "cancel", "close"]
        store.close()
    ((actor, facts),) = table(home, "SELECT actor, facts FROM audit WHERE event = 'message.closed'")
    assert (actor, "an invoice on paper" in facts) == ("user:ann", True)


def _whole(gateway: Any, message_id: str) -> dict[str, Any]:
    from gateway.store.queries import message

    with reading(gateway.engine) as connection:  # noqa: F811
        return message(connection, message_id)
