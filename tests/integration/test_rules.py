"""Rules at work: what is stopped, what waits for a person, what goes on; on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.app import Gateway
from gateway.cli.main import main
from gateway.services import attend
from gateway.services.check import attention, statuses
from gateway.services.check import work as unfinished
from gateway.services.proof import verify_payloads
from gateway.settings import load
from gateway.store import tables as t
from gateway.store.audit import verify
from gateway.store.database import reading
from tests.databases import Server
from tests.homes import PARTNER, FakeClock, acknowledgment, put, set_in, work
from tests.orders import interchange, order

from tests.rules import TIMES, put as changed, story  # isort: skip

KETTLE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
MUGS = "24|CA|31.20|B0C1MUGS4X|EX-MG-04|MUGS"
PO = "7KX2M41Q"


class Site:
    """A home whose partner has rules."""

    def __init__(self, home: Path, clock: FakeClock) -> None:
        self.home, self.clock = home, clock
        assert main(["init", str(home)]) == 0
        set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
        self.agree("rules: {profile: retailer}")

    def agree(self, *lines: str) -> None:
        file = self.home / f"partners/{PARTNER}.yaml"
        mine = ("rules:", "  profile:", "  change:", "    ", "items:", "locations:")
        kept = [one for one in file.read_text().splitlines() if not one.startswith(mine) or " - " in one]
        file.write_text("\n".join([*kept, *lines, ""]))

    def run(self, *args: str) -> int:
        return main([*args, "--config", str(self.home)])

    def ordered(self) -> None:
        """The order of the story came."""
        self.clock.time = TIMES["order"]
        put(self.home, "po.edi", interchange(7, [order(1, PO, [KETTLE, MUGS])]))
        work(self.home)

    def sends(self, name: str, changes: dict[str, Any] | None = None, file: str = "") -> None:
        """Our own system writes a document of the story."""
        self.clock.time = max(self.clock.time, TIMES[name])
        body = changed(story(name), changes or {}) | {"partner_id": PARTNER}
        put(self.home, file or f"{name}.json", json.dumps(body).encode(), "erp")
        work(self.home)

    def shipped(self) -> None:
        self.ordered()
        self.sends("acknowledgment")
        self.sends("ship_notice")
        quarantine = [one.read_text() for one in self.home.glob("folders/erp/quarantine/*.txt")]
        assert len(self.out("8*")) == 2, quarantine

    def out(self, pattern: str) -> list[str]:
        outbox = self.home / f"folders/{PARTNER}/outbox"
        return [one.name for one in sorted(outbox.glob(pattern))]

    def report(self, name: str) -> dict[str, Any]:
        file = self.home / f"folders/erp/quarantine/{name}.problem.json"
        found: dict[str, Any] = json.loads(file.read_bytes())
        return found

    def rows(self, *columns: Any, **wanted: str) -> list[Any]:
        (table,) = {one.table for one in columns}
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            reading(gateway.engine) as connection,
        ):
            query = select(*columns).where(*(table.c[one] == value for one, value in wanted.items()))
            return list(connection.execute(query.order_by(table.c.seq)))

    def document(self, number: str) -> str:
        return str(self.rows(t.documents.c.id, number=number)[-1][0])

    def approve(self, number: str, *rules: str) -> int:
        named = [word for one in rules for word in ("--rule", one)]
        return self.run("document", "approve", self.document(number), *named, "--reason", "agreed by phone")

    def events(self, event: str) -> list[tuple[str, dict[str, Any]]]:
        rows = self.rows(t.audit.c.actor, t.audit.c.facts, event=event)
        return [(actor, json.loads(facts)) for actor, facts in rows]

    def check(self) -> None:
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            reading(gateway.engine) as connection,
        ):
            assert [*verify(connection), *verify_payloads(connection, gateway.payloads)] == []
            now = gateway.services.clock()
            found = [*statuses(connection), *unfinished(connection, gateway._jobs, now)]
            assert [one for one in found if not one.ok] == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


BOTH = pytest.mark.parametrize("site", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> Iterator[Site]:
    if getattr(request, "param", "") == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
    made = Site(tmp_path / "home", clock)
    yield made
    made.check()


@BOTH
def test_what_a_rule_blocks_is_not_sent_and_goes_when_it_is_corrected(site: Site) -> None:
    site.shipped()
    site.sends("invoice", {"/total/amount": "2956.79", "/lines/0/unit_price/amount": "18.41"})
    assert site.out("810*") == []
    report = site.report("invoice.json")
    assert (report["status"], report["move"]) == ("rejected", "your own system (ERP)")
    assert [(one["code"], one["location"]["pointer"], one["value"]) for one in report["problems"]] == [
        ("RULE-I4", "/lines/0/unit_price/amount", "18.41"),
        ("RULE-I5", "/total/amount", "2956.79"),
    ]
    site.sends("invoice", file="corrected.json")
    assert site.out("810*") == ["810_ES-1077_4.edi"]


@BOTH
def test_what_a_rule_warns_of_waits_until_a_person_approves_it(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.agree("rules:", "  profile: retailer", "  change: {I13: warn, I10: warn}")
    site.shipped()
    site.sends("invoice", {"/terms/net_days": 60})
    assert site.out("810*") == []
    ((_, held),) = site.events("document.held")
    assert held["rules"] == ["RULE-I13"]  # the order says nothing of terms
    site.check()
    attend_nothing(site)
    capsys.readouterr()
    assert site.run("message", "list", "--person") == 0
    assert "invoice.json" in capsys.readouterr().out
    assert site.run("document", "chain", PO) == 0
    assert "invoice ES-1077 waits for approval" in capsys.readouterr().out
    with Gateway(site.home, load(site.home), works=False) as gateway, reading(gateway.engine) as connection:
        assert "1 documents wait for approval." in [one.words for one in attention(connection)]
    assert site.approve("ES-1077", "I10") == 6
    assert "RULE-I13" in capsys.readouterr().err
    work(site.home)
    assert site.out("810*") == []
    assert site.approve("ES-1077", "I13", "I10") == 0
    ((actor, facts),) = site.events("document.approved")
    assert actor.startswith("user:")
    assert (facts["rules"], facts["reason"]) == (["RULE-I10", "RULE-I13"], "agreed by phone")
    assert facts["problems"] == ["The partner has taken 0 invoices so far; until 3 a person looks at each."]
    work(site.home)
    assert site.out("810*") == ["810_ES-1077_4.edi"]
    assert site.approve("ES-1077", "I13") == 6
    work(site.home)
    assert site.out("810*") == ["810_ES-1077_4.edi"]
    put(site.home, "997.edi", acknowledgment(9, 3))
    work(site.home)
    assert site.rows(t.documents.c.acknowledgment, number="ES-1077") == [("accepted",)]


def attend_nothing(site: Site) -> None:
    """A sweep does not send what waits for a person, however long that is."""
    site.clock.goes_on(hours=1)
    with Gateway(site.home, load(site.home)) as gateway, closing(gateway.services.store):
        assert attend.sweep(gateway.services) == 0
    work(site.home)
    assert site.out("810*") == []


def test_what_waits_may_be_given_up_and_its_number_used_again(site: Site) -> None:
    site.agree("rules:", "  profile: retailer", "  change: {I13: warn}")
    site.shipped()
    site.sends("invoice")
    site.sends("invoice", {"/invoice_date": "2026-03-12"}, "second.json")
    assert site.report("second.json")["problems"][0]["code"] == "HOME-DUPLICATE"
    ((message,),) = site.rows(t.messages.c.id, name="invoice.json")
    assert site.run("message", "cancel", message, "--reason", "wrong date") == 0
    assert site.approve("ES-1077", "I13") == 6
    site.agree("rules: {profile: retailer}")
    site.sends("invoice", {"/invoice_date": "2026-03-12"}, "third.json")
    assert site.out("810*") == ["810_ES-1077_4.edi"]


def test_of_several_documents_in_a_file_only_one_waits(site: Site) -> None:
    site.shipped()
    first = changed(story("invoice"), {"/lines/1": None, "/total/amount": "2208.00"})
    second = changed(
        story("invoice"), {"/lines/0": None, "/total/amount": "748.80", "/invoice_number": "ES-2"}
    )
    third = second | {"invoice_number": "ES-3", "total": {"amount": "1.00", "currency": "USD"}}
    site.agree("rules:", "  profile: retailer", "  change: {I10: {severity: warn, net_days: [30]}}")
    second["terms"] = {"type": "basic", "net_days": 31}
    site.clock.time = TIMES["invoice"]
    both = [one | {"partner_id": PARTNER} for one in (first, second, third)]
    put(site.home, "three.json", json.dumps(both).encode(), "erp")
    work(site.home)
    assert site.out("810*") == ["810_ES-1077_4.edi"]
    (found,) = [one for one in site.report("three.json")["problems"] if one["severity"] == "error"]
    assert found["message"].startswith("Document 3 of 3 (ES-3): The total is 1.00")
    assert site.approve("ES-2", "I10") == 0
    work(site.home)
    assert site.out("810*") == ["810_ES-1077_4.edi", "810_ES-2_5.edi"]


def test_an_approved_document_waits_for_its_batch(site: Site) -> None:
    site.agree("rules:", "  profile: retailer", "  change: {I13: warn}")
    set_in(
        site.home, f"partners/{PARTNER}.yaml", '  - set: "810"', '  - set: "810"\n    batch: {seconds: 600}'
    )
    site.shipped()
    site.sends("invoice")
    assert site.approve("ES-1077", "I13") == 0
    work(site.home)
    assert site.out("810*") == []
    site.clock.goes_on(minutes=11)
    work(site.home)
    assert site.out("810*") == ["810_ES-1077_4.edi"]


def test_a_blocked_document_passes_only_where_the_profile_lets_a_person_decide(site: Site) -> None:
    site.shipped()
    wrong = {"/total/amount": "2956.79"}
    site.sends("invoice", wrong)
    assert site.rows(t.documents.c.id, number="ES-1077") == []
    site.agree("rules:", "  profile: retailer", "  change: {I5: {override: true}}")
    site.sends("invoice", wrong, "again.json")
    assert site.out("810*") == []
    assert site.approve("ES-1077", "I5") == 0
    work(site.home)
    assert site.out("810*") == ["810_ES-1077_4.edi"]


def test_an_approval_asks_the_rules_again(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.agree("rules:", "  profile: retailer", "  change: {I13: warn}")
    site.shipped()
    site.sends("invoice")
    site.sends("invoice", {"/invoice_number": "ES-2"}, "second.json")  # the same goods: one of them may go
    assert site.approve("ES-1077", "I13") == 0
    work(site.home)
    capsys.readouterr()
    assert site.approve("ES-2", "I13") == 1
    assert "were invoiced before" in capsys.readouterr().err
    assert site.out("810*") == ["810_ES-1077_4.edi"]


def test_what_the_partner_refused_does_not_count(site: Site) -> None:
    site.shipped()
    site.sends("invoice")
    put(site.home, "997.edi", acknowledgment(9, 3, "R"))
    work(site.home)
    site.sends("invoice", {"/invoice_date": "2026-03-12"}, "corrected.json")
    assert site.out("810*") == ["810_ES-1077_4.edi", "810_ES-1077_5.edi"]


def test_an_unknown_field_is_refused_by_the_model(site: Site) -> None:
    site.shipped()
    site.sends("invoice", {"/lines/0/colour": "red"})
    assert [one["code"] for one in site.report("invoice.json")["problems"]] == ["DOC-UNKNOWN"]


def test_a_second_original_is_a_duplicate_before_any_rule(site: Site) -> None:
    """G2 is done by claims, for every partner."""
    site.agree("rules: {}")
    site.shipped()
    site.sends("invoice")
    site.sends("invoice", {"/total/amount": "1.00"}, "second.json")
    assert [one["code"] for one in site.report("second.json")["problems"]] == ["HOME-DUPLICATE"]


def test_an_answer_that_does_not_come_is_told(site: Site) -> None:
    """G6 is done by expectations, for every partner."""
    site.shipped()
    site.clock.goes_on(hours=25)
    with Gateway(site.home, load(site.home)) as gateway, closing(gateway.services.store):
        attend.overdue(gateway.services)
    assert site.rows(t.messages.c.acknowledgment, acknowledgment="overdue") == [("overdue",)] * 2


def test_rules_are_about_orders_that_come_and_what_is_sent_for_them(site: Site) -> None:
    site.agree("rules:", "  profile: retailer", "  change: {P1: block}")
    set_in(site.home, f"partners/{PARTNER}.yaml", '  - set: "855"', '  - set: "850"\n  - set: "855"')
    site.sends("order", {"/po_number": "MINE-1"})
    assert site.out("850*") == ["850_MINE-1_1.edi"]


def test_without_rules_everything_is_sent_as_before(site: Site) -> None:
    site.agree()
    site.sends("invoice", {"/total/amount": "2956.79"})
    assert site.out("810*") == ["810_ES-1077_1.edi"]


# --- orders ----------------------------------------------------------------------------------------------


def again(number: int, place: str = "RNO4", quantity: str = "120") -> bytes:
    """The order of the story once more, as another original."""
    text = interchange(number, [order(1, PO, [KETTLE.replace("120", quantity), MUGS])]).decode()
    return text.replace("*92*RNO4", f"*92*{place}").replace("BEG*00", "BEG*05").encode()


@BOTH
def test_an_order_that_a_rule_stops_waits_for_a_person(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.shipped()
    outbox = site.home / "folders/erp/outbox"
    assert len(list(outbox.iterdir())) == 1
    put(site.home, "moved.edi", again(8, "PHX6"))
    work(site.home)
    assert len(list(outbox.iterdir())) == 1  # the partner has its 997 all the same
    assert len(site.out("997*")) == 2
    ((_, facts),) = site.events("document.waits")
    assert facts["waits_for"].startswith("approval of RULE-P3: The ship-to changes from RNO4 to PHX6")
    with Gateway(site.home, load(site.home)) as gateway, closing(gateway.services.store):
        gateway._handler(gateway.services, [job("waits")])
    work(site.home)
    assert len(list(outbox.iterdir())) == 1
    site.check()
    assert site.approve(PO, "P2") == 6
    assert site.approve(PO, "P3") == 0
    work(site.home)
    assert len(list(outbox.iterdir())) == 2
    ((_, told),) = site.events("document.approved")
    assert told["rules"] == ["RULE-P3"]


def job(key: str) -> Any:
    from gateway.store.jobs import Job

    return Job(key, 0)


def test_a_change_of_an_order_is_told_and_goes_on(site: Site) -> None:
    site.ordered()
    put(site.home, "more.edi", again(8, quantity="96"))
    work(site.home)
    assert len(list((site.home / "folders/erp/outbox").iterdir())) == 2
    remarks = site.events("message.translated")[-1][1]["remarks"]
    assert remarks == [f"Order {PO}, line 1: quantity was 120 units and is 96."]


def test_after_an_approval_an_order_still_waits_for_its_items(site: Site) -> None:
    site.shipped()
    site.agree("items: {mode: require}", "rules: {profile: retailer}")
    put(site.home, "moved.edi", again(8, "PHX6"))
    work(site.home)
    assert site.approve(PO, "P3") == 0
    work(site.home)
    outbox = site.home / "folders/erp/outbox"
    assert len(list(outbox.iterdir())) == 1
    for sku in ("EX-KT-17", "EX-MG-04"):
        site.run("item", "add", "--erp-sku", sku, "--vendor-sku", sku)
    work(site.home)
    assert len(list(outbox.iterdir())) == 2


# --- before it is sent -----------------------------------------------------------------------------------


def test_a_document_is_checked_without_sending_it(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.shipped()
    site.clock.time = TIMES["invoice"]
    file = site.home / "draft.json"
    file.write_text(json.dumps(story("invoice")))
    assert site.run("rule", "check", str(file), "--partner", PARTNER) == 0
    file.write_text(json.dumps(changed(story("invoice"), {"/lines/0/quantity/value": "121"})))
    capsys.readouterr()
    assert site.run("rule", "check", str(file), "--partner", PARTNER, "--json") == 1
    (told,) = json.loads(capsys.readouterr().out)["documents"]
    assert [one["code"] for one in told["problems"]] == ["RULE-I3", "RULE-I5"]
    assert site.out("810*") == []
    assert site.rows(t.documents.c.id, number="ES-1077") == []
    assert site.run("rule", "check", str(file), "--partner", "acme") == 4


def test_sscc_and_bill_of_lading_find_the_ship_notice(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.shipped()
    for number in ("00106141410000000019", "ES00000077"):
        capsys.readouterr()
        assert site.run("document", "list", number) == 0
        assert "ES-SHIP-77" in capsys.readouterr().out
    site.sends(
        "ship_notice",
        {"/shipment_id": "ES-SHIP-78", "/orders/0/cartons/0": None, "/measurements/cartons": 1},
        "second.json",
    )
    found = [one["code"] for one in site.report("second.json")["problems"]]
    assert found == ["HOME-SSCC-USED", "RULE-S5", "RULE-S7"]
