"""An ERP that can do nothing: an order comes, and commands alone acknowledge it, ship it and invoice it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import stamina
import yaml

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.engine import validate
from gateway.services.attend import expiring
from gateway.services.check import numbers, statuses
from gateway.services.proof import verify_payloads
from gateway.settings import load
from gateway.simulator.script import Line, Order
from gateway.store.audit import verify
from gateway.store.database import reading
from tests.amazon import SECRETS
from tests.databases import Server
from tests.homes import PARTNER, FakeClock, acknowledgment, put, put_order, rows, set_in, work
from tests.integration.test_amazon import PO, site
from tests.orders import interchange, order

KETTLE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
MUGS = "24|CA|31.20|B0C1MUGS4X|EX-MG-04|MUGS"
FIRST, SECOND = "106141410000000019", "106141410000000026"


class Home:
    """A home and the commands on it."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self._capsys = path, capsys

    def run(self, *arguments: str) -> int:
        return main([*arguments, "--config", str(self.path)])

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        self._capsys.readouterr()
        done = self.run(*arguments, "--json")
        found: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        assert done == code, [(one["code"], one["message"]) for one in found["problems"]]
        return found

    def file(self, name: str, *lines: str) -> str:
        path = self.path.parent / name
        path.write_text("\n".join([*lines, ""]))
        return str(path)

    def sent(self, pattern: str) -> str:
        """The X12 file in the partner's outbox; it is right by its guide."""
        (found,) = (self.path / f"folders/{PARTNER}/outbox").glob(pattern)
        with found.open("rb") as file:
            assert validate(file)["verdict"] == "accepted"
        return found.read_text()

    def count(self, table: str) -> int:
        return int(rows(self.path, f"SELECT count(*) FROM {table}")[0][0])


@pytest.fixture
def home(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Home:
    path = tmp_path / "home"
    if getattr(request, "param", "") == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
    make_home(path)
    set_in(path, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    put(path, "po.edi", interchange(1, [order(1, "4711", [KETTLE, MUGS])]))
    work(path)
    return Home(path, capsys)


def test_an_order_is_acknowledged_shipped_and_invoiced_by_commands_alone(home: Home) -> None:
    stock = home.file("stock.csv", "sku;available", "EX-KT-17;100", "EX-MG-04;24")
    assert home.run("document", "acknowledge", "4711", "--stock", stock, "--send", "--actor", "dana") == 0
    work(home.path)
    sent = home.sent("855_*")
    assert "BAK*00*AC*4711*" in sent
    assert "ACK*IA*100*EA~ACK*R4*20*EA~" in sent
    (actor, facts), *_ = rows(
        home.path, "SELECT actor, facts FROM audit WHERE event = 'file.received' ORDER BY seq DESC"
    )
    assert (actor, json.loads(facts)["made"]) == ("user:dana", "purchase_order_acknowledgment")

    packed = home.file(
        "packing.csv",
        "order,sku,quantity,carton,lot",
        f"4711,EX-KT-17,60,{FIRST},L1",
        f"4711,EX-KT-17,40,{SECOND},L1",
        f"4711,EX-MG-04,20,{SECOND},",
    )
    shipping = (
        "--packing",
        packed,
        "--ship-date",
        "2026-03-12T10:00",
        "--carrier",
        "ABFS",
        "--bol",
        "ES000077",
    )
    assert home.run("document", "ship", "4711", *shipping, "--send") == 0
    work(home.path)
    sent = home.sent("856_*")
    assert f"MAN*GM*00{FIRST}~HL*4*3*I*0~LIN*1*BP*B0C1KETTL3*VN*EX-KT-17~SN1**60*EA~REF*LT*L1~" in sent

    assert home.run("document", "invoice", "4711-1", "--number", "INV-1", "--send") == 0
    work(home.path)
    sent = home.sent("810_*")
    assert "IT1*1*100*EA*18.40*PE*BP*B0C1KETTL3*VN*EX-KT-17~IT1*2*20*CA*31.20*PE" in sent
    assert "TDS*246400~" in sent, "100 x 18.40 + 20 x 31.20"

    packed = home.file("rest.csv", "order,sku,quantity", "4711,EX-MG-04,5")
    told = home.json("document", "ship", "4711", "--packing", packed, "--ship-date", "2026-03-13", code=1)
    assert [(one["code"], one["value"]) for one in told["problems"]] == [("MADE-OVER", "5")]
    packed = home.file("rest.csv", "order,sku,quantity", "4711,EX-MG-04,4")
    assert (
        home.run("document", "ship", "4711", "--packing", packed, "--ship-date", "2026-03-13", "--send") == 0
    )
    work(home.path)
    told = home.json("document", "invoice", "4711", "--number", "INV-2")
    assert told["document"]["total"] == {"amount": "124.80"}, "what is not invoiced yet"
    assert [one["quantity"]["value"] for one in told["document"]["lines"]] == ["4"]


def test_a_preview_leaves_nothing_behind_and_is_what_is_sent(home: Home) -> None:
    tables = (
        "messages",
        "documents",
        "audit",
        "jobs",
        "seen",
        "expectations",
        "deliveries",
        "control_numbers",
    )
    before = {name: home.count(name) for name in tables}
    payloads = sorted(path.name for path in (home.path / "data/payloads").rglob("*.gz"))
    told = home.json("document", "acknowledge", "4711")
    assert {name: home.count(name) for name in tables} == before
    assert sorted(path.name for path in (home.path / "data/payloads").rglob("*.gz")) == payloads
    assert (told["way"], told["file"], told["status"]) == ("folder", "855_4711_2.edi", "translated")
    again = home.json("document", "acknowledge", "4711", "--send")
    work(home.path)
    times = slice(0, 70), slice(81, 101)
    assert home.sent("855_*")[times[0]] == again["sent"][times[0]] == told["sent"][times[0]]
    assert home.sent("855_4711_2.edi").partition("ST*")[2] == told["sent"].partition("ST*")[2]


def test_what_was_sent_is_not_sent_again_and_what_is_under_way_counts(home: Home) -> None:
    assert home.run("document", "acknowledge", "4711", "--send") == 0
    assert home.run("document", "acknowledge", "4711", "--send") == 6, "it is not processed yet"
    work(home.path)
    told = home.json("document", "acknowledge", "4711", "--send", code=6)
    assert [one["code"] for one in told["problems"]] == ["HOME-DUPLICATE"]
    assert told["message_id"] is None
    work(home.path)
    home.sent("855_*")


def test_what_the_partner_refused_counts_as_never_sent(home: Home) -> None:
    packed = home.file("packing.csv", "sku,quantity", "EX-KT-17,120")
    asked = ("document", "ship", "4711", "--packing", packed, "--ship-date", "2026-03-12", "--send")
    assert home.run(*asked) == 0
    work(home.path)
    assert home.json(*asked, code=1)["problems"][0]["code"] == "MADE-OVER"
    put(home.path, "997.edi", acknowledgment(2, 1, "R", "SH", "856"))
    work(home.path)
    assert home.run(*asked, "--bol", "ES000078") == 0, "corrected, under the same number"
    work(home.path)
    assert len(list((home.path / f"folders/{PARTNER}/outbox").glob("856_*"))) == 2


def test_a_channel_of_another_form_takes_what_is_made_all_the_same(home: Home) -> None:
    file = home.path / "gateway.yaml"
    erp = yaml.safe_dump({"erp": {"channels": [{"channel": "erp", "profile": "sap-idoc"}]}})
    kept = yaml.safe_load(file.read_text())
    kept.pop("erp", None)
    file.write_text(yaml.safe_dump(kept) + erp)
    assert home.run("document", "acknowledge", "4711", "--reject", "2=obsolete", "--send") == 0
    work(home.path)
    assert "ACK*IR*24*CA***OBSOLETE~" in home.sent("855_*")


def test_a_changed_order_and_several_orders_go_into_one_notice(home: Home) -> None:
    put_order(home.path, 2, "4712")
    change = [
        "ST*860*0001",
        "BCH*04*NE*4711***20260302",
        "POC*1*QD*60*60*EA*18.40*PE*BP*B0C1KETTL3*VN*EX-KT-17",
        "POC*2*DI*24*0*CA*31.20*PE*BP*B0C1MUGS4X*VN*EX-MG-04",
        "CTT*2",
        "SE*6*0001",
    ]
    put(home.path, "change.edi", interchange(3, [change], "PC"))
    work(home.path)
    told = home.json("document", "acknowledge", "4711")
    assert [one["quantity_ordered"]["value"] for one in told["document"]["lines"]] == ["60"]
    packed = home.file("mixed.csv", "order;line;quantity;carton", f"4711;1;60;{FIRST}", f"4712;1;120;{FIRST}")
    told = home.json("document", "ship", "4711", "4712", "--packing", packed, "--ship-date", "2026-03-12")
    assert told["document"]["structure"] == "carton_order_item"
    assert "HL*2*1*P*1~MAN*GM*00106141410000000019~HL*3*2*O*1~PRF*4711" in told["sent"]


@pytest.mark.parametrize("home", ["sqlite", "postgres"], indirect=True)
def test_each_database_keeps_what_was_made_and_is_whole(home: Home) -> None:
    packed = home.file("packing.csv", "sku,quantity", "EX-KT-17,120", "EX-MG-04,24")
    assert home.run("document", "acknowledge", "4711", "--send") == 0
    work(home.path)
    asked = ("document", "ship", "4711", "--packing", packed, "--ship-date", "2026-03-12")
    assert home.json(*asked)["file"] == "856_4711-1_3.edi", "a preview takes no control number"
    assert home.run(*asked, "--send") == 0
    work(home.path)
    assert home.run("document", "invoice", "4711-1", "--number", "INV-1", "--send") == 0
    work(home.path)
    assert "TDS*295680~" in home.sent("810_*")
    with Gateway(home.path, load(home.path), works=False) as gateway, reading(gateway.engine) as connection:
        assert [*verify(connection), *verify_payloads(connection, gateway.payloads)] == []
        found = [*statuses(connection), *numbers(connection, gateway.settings.partners)]
        assert [one for one in found if not one.ok] == []


def test_an_order_that_is_processed_again_is_still_as_its_changes_left_it(home: Home) -> None:
    change = ["ST*860*0001", "BCH*04*NE*4711***20260302", "POC*1*QD*60*60*EA*18.40*PE*VN*EX-KT-17"]
    put(home.path, "change.edi", interchange(3, [[*change, "CTT*1", "SE*5*0001"]], "PC"))
    work(home.path)
    ((order_id,),) = rows(home.path, "SELECT id FROM messages WHERE name = 'po.edi'")
    assert home.run("message", "reprocess", order_id, "--reason", "lost") == 0
    work(home.path)
    told = home.json("document", "acknowledge", "4711")
    assert [one["quantity_ordered"]["value"] for one in told["document"]["lines"]] == ["60", "24"]


def test_an_order_nobody_knows_and_one_of_two_partners(home: Home) -> None:
    assert home.run("document", "acknowledge", "nobody") == 4
    assert home.run("document", "invoice", "nobody", "--number", "1") == 4
    assert home.run("document", "acknowledge", "4711", "--partner", "other") == 4
    assert home.run("document", "acknowledge", "4711", "--test") == 4


# --- by the API ------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClock]:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.removeprefix("env:"), value)
    with stamina.set_testing(True, attempts=9, cap=True):
        yield made


def test_amazon_gets_the_same_by_its_api(
    tmp_path: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (
        Line(asin="B0C1KETTL3", sku="EX-KT-17", quantity=120, cost="18.40"),
        Line(asin="B0C1MUGS4X", sku="EX-MG-04", quantity=24, cost="31.20"),
    )
    with site(tmp_path, clock, orders=(Order(number=PO, at_seconds=-60, lines=lines),)) as one:
        file = one.home / "partners/amazon-us.yaml"
        place = {"street": ["1 Way"], "city": "Reno", "state": "NV", "postal_code": "89506", "country": "US"}
        roles = ("ship_from", "remit_to", "bill_to")
        parties = [{"role": role, "name": "Example", "id": "REHRS", **place} for role in roles]
        file.write_text(file.read_text() + yaml.safe_dump({"assist": {"parties": parties, "net_days": 60}}))
        one.work()
        home = Home(one.home, capsys)
        stock = home.file(
            "stock.json", '[{"sku": "EX-KT-17", "available": 100}, {"sku": "EX-MG-04", "available": 24}]'
        )
        assert home.run("document", "acknowledge", PO, "--stock", stock, "--send") == 0
        one.work(minutes=1)
        packing = {"ship_date": "2026-03-02T12:00", "estimated_delivery": "2026-03-05T12:00", "mode": "ltl"}
        packing |= {"scac": "ABFS", "pro": "402118834", "bill_of_lading": "ES00000077"}
        packed = [("EX-KT-17", 60, FIRST), ("EX-KT-17", 40, SECOND), ("EX-MG-04", 24, SECOND)]
        listed = [{"order": PO, "sku": sku, "quantity": much, "carton": at} for sku, much, at in packed]
        path = home.file("packing.json", json.dumps({**packing, "rows": listed}))
        assert home.run("document", "ship", PO, "--packing", path, "--send") == 0, capsys.readouterr().err
        one.work(minutes=1)
        told = home.json("document", "invoice", f"{PO}-1", "--number", "INV-1", "--send")
        assert told["sent"]["invoices"][0]["invoiceTotal"] == {"currencyCode": "USD", "amount": "2588.80"}
        for _ in range(3):
            one.work(minutes=1)
        assert one.sent() == [("delivered", "accepted")] * 3
        assert one.amazon.submissions == {
            ("submitAcknowledgement", PO): 1,
            ("SubmitShipmentConfirmations", f"{PO}-1"): 1,
            ("submitInvoices", "INV-1"): 1,
        }
        bodies = {call[1]: call for call in one.amazon.calls}
        assert {"submitAcknowledgement", "SubmitShipmentConfirmations", "submitInvoices"} <= set(bodies)
        assert one.amazon._orders[PO].answers == {"1": (100, 20), "2": (24, 0)}


# --- the clock, and what ends ----------------------------------------------------------------------------


def test_the_clock_says_what_is_due_and_what_it_costs(home: Home) -> None:
    file = home.path / f"partners/{PARTNER}.yaml"
    terms = {"deadlines": {"ship_notice": "true", "costs": {"order_acknowledgment": "50 USD"}}}
    file.write_text(
        file.read_text().replace("# profile: amazon-us", "profile: amazon-us") + yaml.safe_dump(terms)
    )
    set_in(home.path, f"partners/{PARTNER}.yaml", "profile: amazon-us", "# profile: amazon-us")
    put_order(home.path, 2, "4712")
    work(home.path)
    assert {one["purchase_order"] for one in home.json("document", "clock")["orders"]} == {"4711", "4712"}
    (told,) = home.json("document", "clock", "4712")["orders"]
    by = {one["deadline"]: one for one in told["due"]}
    assert by["order_acknowledgment"]["cost"] == "50 USD"
    assert by["ship_notice"]["seconds_left"] < 0, "the order is of March"
    assert by["ship_notice"]["cost"].startswith("not known")
    set_in(home.path, f"partners/{PARTNER}.yaml", "# profile: amazon-us", "profile: amazon-us")
    (told,) = home.json("document", "clock", "4712")["orders"]
    by = {one["deadline"]: one for one in told["due"]}
    assert by["ship_notice"]["cost"].endswith("44.16 to 132.48"), "2 and 6 % of 120 x 18.40"


def test_what_people_noted_is_listed_and_told_at_its_alarms(home: Home) -> None:
    ours, theirs = {"name": "W-9", "ends": "2026-04-01"}, {"name": "insurance", "ends": "2026-06-01"}
    (home.path / "gateway.yaml").write_text(
        (home.path / "gateway.yaml").read_text() + yaml.safe_dump({"expiries": [ours]})
    )
    file = home.path / f"partners/{PARTNER}.yaml"
    file.write_text(file.read_text() + yaml.safe_dump({"expiries": [{**theirs, "alarm_days": [10]}]}))
    found = home.json("expiry", "list", code=1)["expiries"]
    assert [(one["kind"], one["whose"], one["name"]) for one in found] == [
        ("noted", "us", "W-9"),
        ("noted", PARTNER, "insurance"),
    ]
    told = []
    with Gateway(home.path, load(home.path)) as gateway, closing(gateway.services.store):
        start = FakeClock().time  # 2026-03-02
        for day in range(100):
            clock = partial(lambda at, _=None: at, start + timedelta(days=day))
            number = expiring(replace(gateway.services, clock=clock))
            told += [f"{clock():%m-%d}"] * number
    # 30 days are due at once, then 14, 7 and 1 before the end of the last day; the other once.
    assert told == ["03-02", "03-03", "03-19", "03-26", "04-01", "05-23"]
    events = rows(home.path, "SELECT facts FROM audit WHERE event = 'expiry.near'")
    assert {json.loads(one[0])["name"] for one in events} == {"W-9", "insurance"}
