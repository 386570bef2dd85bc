"""A gateway and the played Amazon: orders come, documents go, and what becomes of them is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import stamina
import yaml

from gateway import engine, resources
from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.errors import RefusedError
from gateway.services import partner, sp_api
from gateway.services.check import statuses
from gateway.services.proof import verify_payloads
from gateway.settings import load
from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Change, Fault, Line, Order, Outcome, Script
from gateway.sp_api import read_body
from gateway.store.audit import verify
from gateway.store.database import reading
from gateway.transports.sp_api import Answer, SpApiError
from tests.acceptance.test_both_channels import ACKNOWLEDGMENT, API_ORDER, X12_ORDER, plain
from tests.amazon import SECRETS
from tests.as2 import OURS, THEIRS, THEM, US, as2_home
from tests.homes import FakeClock, rows, set_in
from tests.played import PlayedPartner
from tests.ports import free_port

PO = "PO000001"
PARTIES = [
    {
        "role": role,
        "name": role,
        "id_scheme": "buyer_assigned",
        "id": name,
        "address": {
            "lines": ["1 Road"],
            "city": "RENO",
            "state": "NV",
            "postal_code": "89506",
            "country": "US",
        },
    }
    for role, name in (("ship_to", "PHX6"), ("ship_from", "REHRS"), ("seller", "REHRS"))
]
LINES = (Line(asin="B0C1KETTL3", sku="EX-KT-17", quantity=120, cost="18.40"),)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.removeprefix("env:"), value)
    return made


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


class Site:
    """A home that is connected to a played Amazon, on one clock."""

    def __init__(self, home: Path, amazon: Amazon, clock: FakeClock) -> None:
        self.home, self.amazon, self.clock = home, amazon, clock

    def check(self) -> None:
        """The audit is whole, and no status contradicts another."""
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            reading(gateway.engine) as connection,
        ):
            assert [*verify(connection), *verify_payloads(connection, gateway.payloads)] == []
            assert [one for one in statuses(connection) if not one.ok] == []

    def work(self, **later: float) -> Any:
        """One pass, some time later."""
        self.clock.goes_on(**later)
        with Gateway(self.home, load(self.home)) as gateway, closing(gateway.services.store):
            return gateway.run_once(patient=False)

    def got(self, kind: str = "purchase_order") -> list[dict[str, Any]]:
        """What our own system has of a type, oldest first."""
        found = (self.home / "folders/erp/outbox").glob(f"{kind}_[!a-z]*.json")
        return [json.loads(one.read_bytes()) for one in sorted(found, key=lambda one: one.stat().st_mtime_ns)]

    def drop(self, name: str, document: dict[str, Any]) -> None:
        (self.home / "folders/erp/inbox" / name).write_text(json.dumps(document))

    def sent(self) -> list[tuple[str, str]]:
        """Delivery and acknowledgment of what went to Amazon."""
        found = rows(
            self.home,
            "SELECT delivery, acknowledgment FROM messages WHERE way = 'api' AND direction = 'out'"
            " ORDER BY seq",
        )
        return [(str(one), str(other)) for one, other in found]

    def events(self, event: str) -> list[dict[str, Any]]:
        found = rows(self.home, "SELECT facts FROM audit WHERE event = ? ORDER BY seq", event)
        return [json.loads(one[0]) for one in found]


def connected(home: Path, url: str, **changes: Any) -> None:
    """The partner's file that leads to the played Amazon."""
    said = {
        "region": "na",
        "vendor_code": "REHRS",
        "client_id": "env:ID",
        "client_secret": "env:SECRET",
        "refresh_token": "env:TOKEN",
        "secret_made_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "base_url": url,
        "token_url": f"{url}/auth/o2/token",
    }
    text = yaml.safe_dump({"name": "Amazon", "sp_api": {**said, **changes}})
    (home / "partners/amazon-us.yaml").write_text(text)


@contextmanager
def listening(gateway: Gateway) -> Iterator[str]:
    """Where it takes in AS2 messages."""
    listener, stop = gateway.listener(), Event()
    thread = Thread(target=listener.run, args=(stop,))
    thread.start()
    try:
        assert listener.ready.wait(30)
        yield f"http://127.0.0.1:{listener.port}/as2"
    finally:
        stop.set()
        thread.join()


@contextmanager
def site(path: Path, clock: FakeClock, *faults: Fault, **script: Any) -> Iterator[Site]:
    told: dict[str, Any] = {"orders": (Order(number=PO, at_seconds=-60, lines=LINES),), "faults": faults}
    make_home(path / "home")
    set_in(path / "home", "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    with Amazon(Script(**{**told, **script}), now=clock.now, wait=lambda _seconds: None) as amazon:
        connected(path / "home", amazon.url)
        made = Site(path / "home", amazon, clock)
        yield made
        made.check()


def acknowledgment(number: str = PO, accepted: int = 120) -> dict[str, Any]:
    money, each = {"amount": "18.40", "currency": "USD"}, {"value": "120", "uom": "EA"}
    line: dict[str, Any] = {"line_no": "1", "ids": {"asin": "B0C1KETTL3"}, "quantity_ordered": each}
    line["unit_price"] = money
    line["responses"] = [{"code": "accepted", "quantity": {"value": str(accepted), "uom": "EA"}}]
    return {
        "document_type": "purchase_order_acknowledgment",
        "schema_version": "1",
        "partner_id": "amazon-us",
        "purpose": "original",
        "ack_type": "accepted",
        "po_number": number,
        "acknowledged_at": "2026-03-02",
        "lines": [line],
    }


def test_no_sample_goes_to_amazon(tmp_path: Path, clock: FakeClock) -> None:
    """Also if X12 was agreed: beside the API a folder is no way."""
    with site(tmp_path, clock) as one:
        with (one.home / "partners/amazon-us.yaml").open("a") as file:
            file.write("identifiers: [{qualifier: ZZ, id: AMAZON}]\nsend: [{set: '855', usage: T}]\n")
        settings = load(one.home)
        with Gateway(one.home, settings) as gateway, pytest.raises(RefusedError, match="has no tests"):
            partner.exchange(gateway.services, settings, settings.partners["amazon-us"], "855")
        one.work()
        assert one.sent() == []


def test_an_order_comes_once_and_its_answer_goes_and_is_followed(tmp_path: Path, clock: FakeClock) -> None:
    with site(tmp_path, clock) as one:
        done = one.work()
        assert (done.received, done.documents, done.trouble) == (1, 1, [])
        (order,) = one.got()
        assert (order["po_number"], order["partner_id"]) == (PO, "amazon-us")
        assert order["lines"][0]["ids"] == {"asin": "B0C1KETTL3", "vendor_sku": "EX-KT-17"}
        assert one.work(minutes=15).received == 0, "nothing new"
        one.drop("ack.json", acknowledgment())
        one.work()
        assert one.sent() == [("delivered", "waiting")], "202 says that it arrived, no more"
        one.work(minutes=1)
        assert one.sent() == [("delivered", "accepted")]
        assert one.amazon.submissions == {("submitAcknowledgement", PO): 1}
        assert one.work(minutes=15).received == 0, "its state alone is nothing new"
        (told,) = one.events("file.delivered")[-1:]
        assert told["box"] == "submitAcknowledgement"
        assert told["transaction_id"]
        assert told["request_id"]


def test_an_sscc_in_the_api_is_that_of_the_stored_notice(tmp_path: Path, clock: FakeClock) -> None:
    with site(tmp_path, clock) as one:
        set_in(
            one.home,
            "gateway.yaml",
            '  # gs1_prefixes: [{prefix: "0614141"',
            '  gs1_prefixes: [{prefix: "0614141"',
        )
        one.work()
        shipped = json.loads(resources.find("config/demo/ship-7KX2M41Q.json").read_bytes())
        (shipped["orders"][0]["cartons"][0]["sscc"], shipped["orders"][0]["po_number"]) = ("auto", PO)
        weight = {"cartons": 2, "weight": {"value": "340", "uom": "LB"}}
        one.drop(
            "ship.json", {**shipped, "partner_id": "amazon-us", "parties": PARTIES, "measurements": weight}
        )
        one.work()
        (told,) = one.events("submission.written")
        with (
            Gateway(one.home, load(one.home), works=False) as gateway,
            closing(gateway.services.store) as store,
        ):
            with gateway.payloads.open(told["payload"]) as file:
                (body,) = json.load(file)["shipmentConfirmations"]
            ((number,),) = rows(one.home, "SELECT id FROM documents WHERE document_type = 'ship_notice'")
            notice = json.loads(store.document(number).body or b"")
        sscc = notice["orders"][0]["cartons"][0]["sscc"]
        assert sscc == "00006141410000000005"
        sent = [one["cartonIdentifiers"][0]["containerIdentificationNumber"] for one in body["cartons"]]
        assert sent == [sscc, "00106141410000000026"]


def answer(one: Site, number: str = PO, **said: Any) -> None:
    """Our own system acknowledges an order, and a pass submits that."""
    one.drop(f"ack-{number}.json", acknowledgment(number, **said))


# --- orders ----------------------------------------------------------------------------------------------


def test_a_changed_order_is_a_change_that_is_named(tmp_path: Path, clock: FakeClock) -> None:
    changes = (Change(after_seconds=3600, line=1, quantity=60), Change(after_seconds=7200, ship_to="RNO4"))
    order = Order(number=PO, at_seconds=-60, lines=LINES, changes=changes)
    with site(tmp_path, clock, orders=(order,)) as one:
        one.work()
        one.work(hours=1)
        one.work(hours=1)
        one.work(hours=1)
        first, second = one.got("purchase_order_change")
        assert len(one.got()) == 1
        (line,) = first["lines"]
        assert (first["purpose"], line["change"], line["quantity"]["value"]) == (
            "change",
            "quantity_decrease",
            "60",
        )
        assert "lines" not in second
        places = {party["role"]: party["id"] for party in second["parties"]}
        assert places["ship_to"] == "RNO4"
        told = [change for event in one.events("document.created") for change in event.get("changes", ())]
        assert told == ["line 1: quantity 120 EA 1 -> 60 EA 1", "fulfilment centre PHX6 -> RNO4"]


def test_an_order_made_in_an_outage_of_empty_lists_comes_when_it_is_over(
    tmp_path: Path, clock: FakeClock
) -> None:
    orders = (Order(number=PO, at_seconds=-60, lines=LINES), Order(number="PO000002", at_seconds=86_400))
    days = 86_400
    outage = Fault(does="empty", operation="getPurchaseOrders", from_seconds=600, until_seconds=9 * days)
    with site(tmp_path, clock, outage, orders=orders) as one:
        one.work()
        for _ in range(9):
            one.work(days=1)
        assert [order["po_number"] for order in one.got()] == [PO, "PO000002"]


def test_overlapping_looks_bring_nothing_twice(tmp_path: Path, clock: FakeClock) -> None:
    orders = (Order(number=PO, count=130, at_seconds=-86_400, every_seconds=1000, lines=LINES),)
    with site(tmp_path, clock, orders=orders) as one:
        for _ in range(4):
            one.work(hours=6)
        numbers = [order["po_number"] for order in one.got()]
        assert len(numbers) == len(set(numbers)) == 130


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"does": "expire", "from_call": 2}, ""),
        ({"does": "throttle", "calls": 2}, ""),
        ({"does": "error", "calls": 2}, ""),
        ({"does": "page"}, ""),
        ({"does": "truncate"}, ""),
        ({"does": "deny", "calls": 2}, "may not use getPurchaseOrders"),
        ({"does": "error", "calls": 9}, "out of order"),
        ({"does": "page", "calls": 9}, "does not go on with a list"),
        ({"does": "garbage", "calls": 9}, "cannot be read"),
    ],
)
def test_a_fault_while_orders_are_asked_for_loses_and_doubles_nothing(
    tmp_path: Path, clock: FakeClock, fault: dict[str, Any], words: str
) -> None:
    orders = (Order(number=PO, count=130, at_seconds=-3600, lines=LINES),)
    with site(tmp_path, clock, Fault(operation="getPurchaseOrders", **fault), orders=orders) as one:
        done = one.work()
        assert (words in " ".join(done.trouble)) if words else done.trouble == []
        for _ in range(2):
            one.work(minutes=15)
        numbers = [order["po_number"] for order in one.got()]
        assert len(numbers) == len(set(numbers)) == 130


def test_the_next_page_is_asked_for_while_one_is_kept() -> None:
    asked = Event()

    def pages() -> Iterator[Answer]:
        yield page(b"1")
        asked.set()
        yield page(b"2")
        raise SpApiError("SPAPI-UNAVAILABLE", what="it is away")

    coming = sp_api._ahead(pages())
    assert next(coming).received == b"1"
    assert asked.wait(60)
    assert next(coming).received == b"2"
    with pytest.raises(SpApiError):  # what came before is kept by then
        next(coming)


def page(received: bytes) -> Answer:
    return Answer("getPurchaseOrders", 200, {}, "", b"", received)


# --- documents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("does", ["break", "break_after", "error", "truncate"])
def test_what_may_have_been_taken_is_looked_up_before_it_is_sent_again(
    tmp_path: Path, clock: FakeClock, does: str
) -> None:
    with site(tmp_path, clock, Fault(does=does, operation="submitAcknowledgement")) as one:
        one.work()
        answer(one)
        one.work()
        assert one.sent() == [("waiting", "waiting")]
        (told,) = one.events("submission.uncertain")
        assert "not known" in told["error"]
        one.work(minutes=1)
        assert len([call for call in one.amazon.calls if call[1] == "submitAcknowledgement"]) == 1, "it waits"
        one.work(minutes=10)
        one.work(minutes=1)
        one.work(minutes=1)
        assert one.sent() == [("delivered", "accepted")]
        assert one.amazon.submissions == {("submitAcknowledgement", PO): 1}


def test_an_invoice_of_which_nobody_knows_is_left_to_a_person(tmp_path: Path, clock: FakeClock) -> None:
    with site(tmp_path, clock, Fault(does="break_after", operation="submitInvoices")) as one:
        one.work()
        one.drop("invoice.json", invoice("INV-1"))
        one.work()
        one.work(hours=1)
        assert one.sent() == [("waiting", "waiting")]
        one.work(hours=24)
        assert one.sent() == [("failed", "waiting")]
        (told,) = one.events("delivery.failed")
        assert "nobody knows whether Amazon took it" in told["error"]
        assert one.amazon.submissions == {("submitInvoices", "INV-1"): 1}


@pytest.mark.parametrize(
    "fault", [{"does": "throttle", "calls": 5}, {"does": "deny", "calls": 1}, {"does": "expire"}]
)
def test_what_was_surely_not_taken_is_submitted_again(
    tmp_path: Path, clock: FakeClock, fault: dict[str, Any]
) -> None:
    with site(tmp_path, clock, Fault(operation="submitAcknowledgement", **fault)) as one:
        one.work()
        answer(one)
        one.work()
        for _ in range(3):
            one.work(minutes=20)
        assert one.sent() == [("delivered", "accepted")]
        assert one.amazon.submissions == {("submitAcknowledgement", PO): 1}


def test_what_amazon_refuses_is_told_to_our_own_system_and_its_number_is_free(
    tmp_path: Path, clock: FakeClock
) -> None:
    outcome = Outcome(key="INV-1", status="Failure", code="InvalidTax", message="Tax type GS is not known.")
    with site(tmp_path, clock, outcomes=(outcome,)) as one:
        one.work()
        one.drop("invoice.json", invoice("INV-1"))
        one.work()
        one.work(minutes=1)
        assert one.sent() == [("delivered", "rejected")]
        (report,) = (one.home / "folders/erp/quarantine").glob("*.problem.json")
        (problem,) = json.loads(report.read_text())["problems"]
        assert problem["code"] == "HOME-REFUSED-BY-PARTNER"
        assert "Invoice INV-1: InvalidTax: Tax type GS is not known." in problem["message"]
        one.drop("corrected.json", invoice("INV-1", "2207.90"))
        one.work()
        assert one.sent()[1:] == [("delivered", "waiting")]


def test_orders_are_not_looked_for_in_amazons_sandbox(tmp_path: Path, clock: FakeClock) -> None:
    with site(tmp_path, clock) as one:
        connected(one.home, one.amazon.url, sandbox=True)
        one.work()
        assert [each["test"] for each in one.got()] == [True], "a sandbox that is played has orders"
        connected(one.home, "", sandbox=True, base_url="", token_url="https://127.0.0.1:1/token")
        assert one.work(hours=1).trouble == []
        connected(one.home, "", base_url="https://127.0.0.1:1", token_url="https://127.0.0.1:1/token")
        assert "Amazon cannot be reached" in one.work(hours=1).trouble[0]


@pytest.mark.parametrize("sandbox", [False, True])
def test_a_test_is_submitted_in_the_sandbox_only(tmp_path: Path, clock: FakeClock, sandbox: bool) -> None:
    with site(tmp_path, clock) as one:
        set_in(
            one.home,
            "partners/amazon-us.yaml",
            "region: na",
            f"region: na\n  sandbox: {str(sandbox).lower()}",
        )
        one.work()
        one.drop("invoice.json", invoice("INV-1") | {"test": True})
        one.work()
        assert sum(one.amazon.submissions.values()) == sandbox
        found = [
            json.loads(report.read_text())["problems"][0]
            for report in (one.home / "folders/erp/quarantine").glob("*.problem.json")
        ]
        assert [one["code"] for one in found] == ([] if sandbox else ["HOME-TEST"])


def test_a_transaction_that_stays_in_work_is_an_exception_until_it_is_confirmed(
    tmp_path: Path, clock: FakeClock
) -> None:
    outcomes = (Outcome(key=PO, status="Processing"), Outcome(key="INV-1", status="Processing"))
    with site(tmp_path, clock, outcomes=outcomes) as one:
        one.work()
        answer(one)
        one.drop("invoice.json", invoice("INV-1"))
        one.work()
        for _ in range(4):
            one.work(minutes=10)
        assert one.sent() == [("delivered", "overdue")] * 2
        assert len(one.events("acknowledgment.overdue")) == 2
        bought = one.amazon._orders[PO]  # Amazon shows what its transaction does not tell
        bought.acknowledged, bought.answers = clock.now(), {"1": (120, 0)}
        one.work(hours=1)
        assert sorted(one.sent()) == [("delivered", "accepted"), ("delivered", "overdue")]


def test_what_is_no_body_of_amazon_is_refused_before_it_goes(tmp_path: Path, clock: FakeClock) -> None:
    with site(tmp_path, clock) as one:
        one.work()
        document = acknowledgment()
        del document["lines"][0]["quantity_ordered"]
        one.drop("ack.json", document)
        one.work()
        assert one.sent() == []
        report = json.loads((one.home / "folders/erp/quarantine/ack.json.problem.json").read_text())
        assert [(found["code"], found["location"]["pointer"]) for found in report["problems"]]
        assert not [call for call in one.amazon.calls if call[1] == "submitAcknowledgement"]


def test_what_a_rule_warns_of_is_submitted_when_a_person_approves_it(
    tmp_path: Path, clock: FakeClock
) -> None:
    with site(tmp_path, clock) as one:
        file = one.home / "partners/amazon-us.yaml"
        file.write_text(f"{file.read_text()}rules: {{change: {{A3: warn}}}}\n")
        one.work()
        document = acknowledgment()
        document["lines"][0]["unit_price"]["amount"] = "18.50"
        one.drop("ack.json", document)
        one.work()
        assert one.sent() == []
        ((held,),) = rows(one.home, "SELECT id FROM documents WHERE batch LIKE 'approval|%'")
        command = [
            "document",
            "approve",
            str(held),
            "--rule",
            "A3",
            "--reason",
            "agreed",
            "--config",
            str(one.home),
        ]
        assert main(command) == 0
        one.work()
        one.work(minutes=1)
        assert one.sent() == [("delivered", "accepted")]
        assert one.amazon.submissions == {("submitAcknowledgement", PO): 1}


def invoice(number: str, total: str = "2208.00") -> dict[str, Any]:
    """An invoice for the order."""
    ids, quantity = {"asin": "B0C1KETTL3"}, {"value": "120", "uom": "EA"}
    line: dict[str, Any] = {"line_no": "1", "ids": ids, "quantity": quantity, "po_number": PO}
    line["unit_price"] = {"amount": "18.40", "currency": "USD"}
    address = {"lines": ["1 Way"], "city": "Reno", "state": "NV", "postal_code": "89506", "country": "US"}
    parties = [
        {"role": role, "id": "REHRS", "name": "Example", "address": address}
        for role in ("remit_to", "bill_to")
    ]
    return {
        "document_type": "invoice",
        "schema_version": "1",
        "partner_id": "amazon-us",
        "invoice_number": number,
        "invoice_date": "2026-03-02",
        "po_number": PO,
        "currency": "USD",
        "parties": parties,
        "lines": [line],
        "total": {"amount": total, "currency": "USD"},
    }


# --- both ways -------------------------------------------------------------------------------------------


def test_the_same_order_by_the_api_and_by_x12_over_as2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.app.datetime", datetime)
    home = tmp_path / "home"
    script = Script(vendor_code="ACME1", transaction_seconds=0)
    with (
        PlayedPartner(THEIRS, OURS, THEM, US.certificate) as retailer,
        Amazon(script) as amazon,
    ):
        as2_home(home, retailer.url, free_port())
        connected(home, amazon.url, vendor_code="ACME1")
        amazon.publish(Order(number="8WL5Q2ZX", at_seconds=-60))
        amazon._orders["8WL5Q2ZX"].body = API_ORDER
        edi = X12_ORDER.replace(b"AMAZON         ", b"ACMERETAIL     ").replace(b"*AMAZON*", b"*ACMERETAIL*")
        edi = edi.replace(b"ACMESUPPLY     ", b"EXAMPLESUPPLIER").replace(
            b"*ACMESUPPLY*", b"*EXAMPLESUPPLIER*"
        )
        with (
            Gateway(home, load(home)) as gateway,
            closing(gateway.services.store),
            listening(gateway) as url,
        ):
            retailer.send(url, "order.edi", edi)
            gateway.run_once()
            orders = {one["partner_id"]: one for one in Site(home, amazon, FakeClock()).got()}
            assert orders.keys() == {"acme-retail", "amazon-us"}
            assert plain(orders["amazon-us"]) == plain(orders["acme-retail"])
            for partner in orders:
                answer = {**ACKNOWLEDGMENT, "partner_id": partner}
                (home / f"folders/erp/inbox/{partner}.json").write_text(json.dumps(answer))
            gateway.run_once()
        assert amazon.submissions == {("submitAcknowledgement", "8WL5Q2ZX"): 1}
        (sent,) = [one for one in retailer.got if one.name.startswith("855")]
        (told,) = engine.translate(sent.content)
        (body,) = [each.documents["8WL5Q2ZX"] for each in amazon.transactions.values()]
        (called,) = read_body("acknowledgement", body, engine.library()).documents
        assert plain(called) == plain(json.loads(json.dumps(told))) == plain(ACKNOWLEDGMENT)
