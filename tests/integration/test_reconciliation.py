"""Remittances through a gateway: a small quarter reckoned by hand, a large one, and what people do."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import stamina
import yaml

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.notify.events import alert
from gateway.services import reconcile
from gateway.settings import load
from gateway.simulator import amazon as simulated
from tests.amazon import SECRETS
from tests.homes import FakeClock, demo_home, put, rows, set_in, work
from tests.integration.test_amazon import Site, site
from tests.integration.test_amazon import invoice as amazon_invoice
from tests.remittances import accounts, edi, invoice, line, quarter, remittance, segments, take

SMALL = yaml.load(  # all scalars are text
    (Path(__file__).parents[1] / "data/reconciliation/small.yaml").read_text(), yaml.BaseLoader
)
D = Decimal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    make_home(made)
    set_in(made, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    set_in(made, "partners/acme-retail.yaml", "name: Acme", "reconciliation: amazon\nname: Acme")
    return made


def told(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["reconcile", *arguments, "--config", str(home)]) == code
    return capsys.readouterr().out


def events(home: Path, event: str) -> list[dict[str, Any]]:
    found = rows(home, "SELECT facts FROM audit WHERE event = ? ORDER BY seq", event)
    return [json.loads(one[0]) for one in found]


def small(home: Path, order: str = "forth") -> None:
    """The small quarter, as files of our own system and of the partner."""
    bills = [
        invoice(one["number"], one["total"], one["date"], int(one.get("days", 30)), one.get("credit_of", ""))
        for one in SMALL["invoices"]
    ]
    put(home, "invoices.json", json.dumps(bills).encode(), "erp")
    work(home)
    paid = [*enumerate(SMALL["remittances"], 3000)]
    for control, one in paid if order == "forth" else paid[::-1]:
        put(home, f"{one['trace']}.edi", edi(control, one["trace"], one["paid"], one["day"], one["segments"]))
        work(home)


@pytest.mark.parametrize("order", ["forth", "back"])
def test_a_small_quarter_is_as_reckoned_by_hand(
    home: Path, order: str, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    small(home, order)
    found = {number: (one[0], D(one[1]), D(one[2])) for number, one in accounts(home).items()}
    wanted = {number: (one[0], D(one[1]), D(one[2])) for number, one in SMALL["accounts"].items()}
    assert found == wanted
    reasons = {number: json.loads(one[3]) for number, one in accounts(home).items()}
    assert reasons == {number: one[3] for number, one in SMALL["accounts"].items()}
    open_ = "SELECT about, due_at FROM expectations WHERE kind = 'dispute' AND state = 'open'"
    days = {
        about: (datetime.fromisoformat(due) - timedelta(days=1)).strftime("%Y-%m-%d")
        for about, due in rows(home, open_)
    }
    assert days == {number: until for number, (_, until) in SMALL["claims"].items()}
    lines = [*csv.DictReader(io.StringIO(told(capsys, home, "export", "--csv")))]
    for one in SMALL["remittances"]:
        assert sum(D(row["amount"]) for row in lines if row["remittance"] == one["trace"]) == D(one["paid"])
    shown = told(capsys, home, "show", "A-100")
    assert "short paid" in shown
    assert "Claim A-100SCRSC: -120.00 stands; to be disputed until 2026-05-01 (try 2 of 2)." in shown
    assert "575.00 in 5 parts, as was paid." in told(capsys, home, "show", "9004")
    queue = json.loads(told(capsys, home, "list", "--status", "unclassified", "--json", code=1))["lines"]
    assert [one["reference"] for one in queue] == ["ZZTOP-9"]


@pytest.mark.slow
def test_every_cent_of_a_made_up_quarter_is_explained(tmp_path: Path, home: Path) -> None:
    made = quarter(20260, 2000, 60)
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [*made.invoices, *made.remittances])
        before = accounts(home)
        for one in made.remittances[::7]:  # they come once more
            take(gateway, [one])
    assert accounts(home) == before
    assert len(events(home, "remittance.repeated")) == 9
    paid = dict(rows(home, "SELECT trace, amount FROM remittances WHERE state = 'counted'"))
    assert len(paid) == 60
    sums: dict[str, Decimal] = {}
    parts = (
        "SELECT trace, p.amount, kind, why FROM remittance_parts p JOIN remittances r ON r.seq = p.remittance"
    )
    for trace, amount, _, why in rows(home, parts):
        sums[trace] = sums.get(trace, D(0)) + D(amount)
        assert why
    assert sums == {trace: D(amount) for trace, amount in paid.items()}
    assert sum(sums.values()) == sum(D(one["amount"]["amount"]) for one in made.remittances)
    assert {number: one[0] for number, one in before.items()} == made.status
    assert {number: D(one[2]) for number, one in before.items() if D(one[2])} == {
        number: amount for number, amount in made.received.items() if amount
    }
    deep = [number for number, steps in made.steps.items() if steps == 3]
    assert len(deep) > 50
    for number in deep:
        reasons = {kind: D(amount) for kind, amount in json.loads(before[number][3]).items()}
        assert reasons["shortage_reversal"] == -reasons["shortage_claim"] == -reasons["shortage_reclaim"]
    unknown = {kind for _, _, kind, _ in rows(home, parts) if kind in ("unexplained", "unclassified")}
    assert unknown == {"unclassified"}
    (queue,) = rows(
        home, "SELECT count(*) FROM remittance_parts WHERE kind = 'unclassified' AND ref LIKE 'ODD/%'"
    )
    assert queue == (20,)


def test_a_corrected_remittance_takes_the_place_of_the_first(home: Path) -> None:
    first = remittance("T1", "2026-03-02", [line("INV-1", "90"), line("INV-1SC", "-10")])
    second = remittance("T1", "2026-03-02", [line("INV-1", "100")])
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [invoice("INV-1", "100.00", "2026-02-01"), first, second, second])
        assert accounts(home)["INV-1"][0] == "paid"
        assert (
            rows(home, "SELECT state FROM expectations WHERE kind = 'dispute'") == []
        )  # it was over in 2026-04
        ids = [
            one
            for (one,) in rows(home, "SELECT id FROM documents WHERE document_type <> 'invoice' ORDER BY seq")
        ]
        for one in ids:  # jobs may come in any order, and twice
            reconcile.reconcile(gateway.services, one)
    assert accounts(home)["INV-1"][0] == "paid"
    assert rows(home, "SELECT ref, amount FROM remittance_parts") == [("INV-1", "100")]
    assert events(home, "remittance.reconciled")[-1]["replaces"] == "80"


def test_a_remittance_that_does_not_add_up_counts_for_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = remittance("T1", "2026-03-02", [line("INV-1", "90")], D(100))
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [invoice("INV-1", "100.00", "2026-02-01"), wrong])
        assert accounts(home)["INV-1"][0] == "open"
        (held,) = json.loads(told(capsys, home, "list", "--status", "held", "--json", code=1))["remittances"]
        assert "its lines add up to 90, and 100 was paid: 10 is not explained" in held["words"]
        assert "counts for nothing" in told(capsys, home, "show", "T1")
        take(gateway, [remittance("T1", "2026-03-02", [line("INV-1", "100")])])
    assert accounts(home)["INV-1"][0] == "paid"
    assert [one["reason"] for one in events(home, "remittance.held")] == [held["words"]]


def test_an_invoice_that_comes_late_says_what_earlier_lines_were(home: Path) -> None:
    paid = remittance("T1", "2026-03-02", [line("ODDSC", "90"), line("INV-1SC", "-5"), line("CN-7", "-5")])
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [paid])
        assert {one[0] for one in accounts(home).values()} == {"unknown", "credited", "deducted"}
        take(
            gateway,
            [
                invoice("ODDSC", "90.00", "2026-02-01"),
                invoice("CN-7", "5.00", "2026-02-01", credit_of="ODDSC"),
            ],
        )
    found = accounts(home)
    assert (found["ODDSC"][0], found["CN-7"][0], found["INV-1"][0]) == ("paid", "paid", "unknown")


def test_a_credit_note_that_is_not_taken_lowers_its_invoice(home: Path) -> None:
    some = [
        invoice("INV-1", "100.00", "2026-02-01"),
        invoice("CN-1", "30.00", "2026-02-03", credit_of="INV-1"),
    ]
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [*some, remittance("T1", "2026-03-02", [line("INV-1", "70")])])
    found = accounts(home)
    assert (found["INV-1"][0], found["CN-1"][0]) == ("paid", "paid")
    assert json.loads(found["CN-1"][-1]) == ["taken off invoice INV-1"]


def test_a_person_says_what_a_line_is_and_it_stays_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = remittance("T1", "2026-03-02", [line("INV-1", "100"), line("Q/9", "-5")])
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [invoice("INV-1", "100.00", "2026-02-01"), odd])
        (one,) = json.loads(told(capsys, home, "list", "--status", "unclassified", "--json", code=1))["lines"]
        asked = ("classify", str(one["id"]), "--reason", "their mail of today")
        told(capsys, home, *asked, "--as", "nonsense", code=6)
        told(capsys, home, "classify", "999", "--as", "freight", "--reason", "x", code=4)
        shown = told(capsys, home, *asked, "--as", "freight", "--invoice", "INV-1")
        assert shown == "Line 2 of T1, -5: freight, for INV-1.\n"
        assert accounts(home)["INV-1"][0] == "short_paid"
        told(capsys, home, "run")
        take(gateway, [{**odd, "paid_on": "2026-03-03"}])  # corrected, in another place
    assert (accounts(home)["INV-1"][0], json.loads(accounts(home)["INV-1"][3])) == (
        "short_paid",
        {"freight": "-5"},
    )
    (entry,) = events(home, "remittance.classified")
    assert (entry["was"], entry["kind"], entry["reason"]) == (
        "unclassified",
        "freight",
        "their mail of today",
    )
    assert "freight: their mail of today (user:" in told(capsys, home, "show", "INV-1")
    assert told(capsys, home, "list", "--status", "unclassified") == ""


PORTAL = """\
Created,Currency,Number,Reason,PO,Amount
2026-02-20,USD,CB-4711,chargeback,PO1,25.00
2026-02-20,USD,INV-1SC,shortage,PO1,10.00
2026-02-21,USD,PP-1,price_protection,,"5.00"
"""


def test_claims_of_the_portal_say_what_lines_are_and_when_to_dispute_them(
    tmp_path: Path, home: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "portal.csv"
    file.write_text(PORTAL)
    asked = ("import", str(file), "--profile", "portal_chargebacks", "--partner", "acme-retail")
    put(home, "invoices.json", json.dumps(invoice("INV-1", "100.00", "2026-02-01")).encode(), "erp")
    work(home)
    told(capsys, home, *asked)
    told(capsys, home, *asked, code=6)
    work(home)
    due = "SELECT about, substr(due_at, 1, 10), state FROM expectations WHERE kind = 'dispute' ORDER BY 1"
    wanted = [
        ("CB-4711", "2026-03-23", "open"),
        ("INV-1SC", "2026-03-23", "open"),
        ("PP-1", "2026-03-24", "open"),
    ]
    assert rows(home, due) == wanted
    assert accounts(home)["INV-1"][:3] == ("open", "100.00", "0")
    (notice,) = rows(home, "SELECT trace FROM remittances WHERE paid_on = '2026-02-20'")
    assert "-35.00 in 2 parts, and no money moved." in told(capsys, home, "show", notice[0])
    segments = ["RMR*IV*INV-1**100.00", "RMR*DB*CB-4711**-25.00", "RMR*IV*INV-1SC**-10.00"]
    put(home, "paid.edi", edi(3001, "T1", "65.00", "20260303", segments))
    work(home)
    assert (accounts(home)["CB-4711"][0], accounts(home)["INV-1"][0]) == ("deducted", "short_paid")
    assert rows(home, due) == wanted, "the day of the portal counts, and once"
    claimed = {one["number"]: (one["amount"], one["until"]) for one in events(home, "claim.received")}
    assert claimed["CB-4711"] == ("-25.00", "2026-03-22")
    words = [alert("claim.received", one)["words"] for one in events(home, "claim.received")]
    assert "acme-retail claims -25.00 of CB-4711 as CB-4711; it may be disputed until 2026-03-22." in words
    clock.goes_on(days=14)
    work(home)
    assert sorted((one["deadline"], one["number"]) for one in events(home, "deadline.near")) == [
        ("dispute", "CB-4711"),
        ("dispute", "INV-1SC"),
    ]
    put(home, "back.edi", edi(3002, "T2", "10.00", "20260317", ["RMR*IV*INV-1SCR**10.00"]))
    work(home)
    assert {about: state for about, _, state in rows(home, due)}["INV-1SC"] == "met"
    assert accounts(home)["INV-1"][0] == "paid"
    clock.goes_on(days=7)
    work(home)
    assert [one["number"] for one in events(home, "deadline.missed")] == ["CB-4711"]
    file.write_text(PORTAL.replace("25.00", "much"))
    assert "column Amount" in capsys_error(capsys, home, asked)
    assert main(["audit", "verify", "--config", str(home)]) == 0


def capsys_error(capsys: pytest.CaptureFixture[str], home: Path, asked: tuple[str, ...]) -> str:
    capsys.readouterr()
    assert main(["reconcile", *asked, "--config", str(home)]) == 1
    return capsys.readouterr().err


def test_the_portals_returns_are_returns(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "returns.csv"
    file.write_text(
        "Created;Currency;Return;PO;ASIN;Quantity;Amount\n2026-02-20;USD;RT-1;PO1;B0C1KETTL3;2;36,80\n"
    )
    told(capsys, home, "import", str(file), "--profile", "portal_returns", "--partner", "acme-retail")
    told(capsys, home, "import", str(file), "--profile", "csv_invoice", "--partner", "acme-retail", code=1)
    work(home)
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [remittance("T1", "2026-03-02", [line("RT-1", "-36.80")])])
    assert json.loads(accounts(home)["RT-1"][3]) == {"returns": "-36.80"}


def test_the_evidence_of_an_invoice_is_one_zip_that_can_be_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, out = demo_home(tmp_path / "home"), tmp_path / "evidence.zip"
    asked = ("evidence", "ES-1077", "-o", str(out), "--reason", "20.00 was taken off")
    told(capsys, home, *asked)
    with ZipFile(out) as zipped:
        zipped.extractall(tmp_path / "z")
    page = (tmp_path / "z/cover.html").read_text()
    for what in (
        "7KX2M41Q",
        "ES-SHIP-77",
        "00106141410000000019",
        "bill of lading",
        "402118834",
        "-20.00",
        "by 997, accepted",
    ):
        assert what in page
    done = subprocess.run(
        [sys.executable, "verify.py"], cwd=tmp_path / "z", capture_output=True, text=True, check=False
    )
    assert "No problems were found." in done.stdout
    (tmp_path / "z/cover.html").write_text(page.replace("-20.00", "-30.00"))
    done = subprocess.run(
        [sys.executable, "verify.py"], cwd=tmp_path / "z", capture_output=True, text=True, check=False
    )
    assert "cover.html" in done.stdout
    told(capsys, home, "evidence", "ES-9", "-o", str(tmp_path / "no.zip"), "--reason", "x", code=4)
    assert not (tmp_path / "no.zip").exists()


def test_lists_show_what_is_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small(home)
    assert "B-777" in told(capsys, home, "list", "--status", "unknown")
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [remittance("9_1", "2026-04-02", [line("IN_V", "5")])])
    assert "IN_V" in told(capsys, home, "list", "--status", "unknown")
    late = json.loads(told(capsys, home, "list", "--status", "past_due", "--json"))["accounts"]
    assert [one["number"] for one in late] == ["A-100", "A-102", "A-103"]
    assert all(one["bucket"] for one in late)
    ageing = json.loads(told(capsys, home, "list", "--ageing", "--json"))["ageing"]
    assert sum(D(one["amount"]) for one in ageing) == D("120.00") + D("5.00") + D("80.00")
    table = [*csv.DictReader(io.StringIO(told(capsys, home, "export", "--accounts")))]
    assert {one["number"]: one["balance"] for one in table}["A-101"] == "-500.00"
    told(capsys, home, "show", "nothing", code=4)
    told(capsys, home, "list", "--partner", "nobody")
    told(capsys, home, "run", "--partner", "nobody", code=4)
    set_in(home, "partners/acme-retail.yaml", "reconciliation: amazon", 'reconciliation: "off"')
    assert told(capsys, home, "run") == "0 invoices and remittances taken into account.\n"


def test_running_anew_uses_todays_profile_and_finds_what_was_missed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_in(home, "partners/acme-retail.yaml", "reconciliation: amazon", 'reconciliation: "off"')
    small(home)
    assert accounts(home) == {}
    set_in(home, "partners/acme-retail.yaml", 'reconciliation: "off"', "reconciliation: generic")
    assert told(capsys, home, "run") == "9 invoices and remittances taken into account.\n"
    assert json.loads(accounts(home)["A-100SC"][3]) == {"unclassified": "-120.00"}
    set_in(home, "partners/acme-retail.yaml", "reconciliation: generic", "reconciliation: amazon")
    told(capsys, home, "run")
    found = {number: D(one[2]) for number, one in accounts(home).items() if D(one[2])}
    assert found == {number: D(one[2]) for number, one in SMALL["accounts"].items() if D(one[2])}


def test_several_nodes_come_to_the_same_end(
    tmp_path: Path, home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight threads on PostgreSQL, each with remittances of the same invoices."""
    from tests.remittances import keep

    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres_url)
    made = quarter(7, 40, 16, deep=5)
    failed: list[BaseException] = []
    with Gateway(home, load(home), works=False) as gateway:
        ids = keep(gateway, [*made.remittances, *made.invoices])

        def some(mine: list[str]) -> None:
            try:
                with closing(gateway.services.store):
                    for one in mine:
                        reconcile.reconcile(gateway.services, one)
            except BaseException as error:  # noqa: BLE001 - told by the test
                failed.append(error)

        threads = [threading.Thread(target=some, args=(ids[place::8],)) for place in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert failed == []
        query = "SELECT number, status, received FROM accounts"
        with gateway.engine.connect() as connection:
            from sqlalchemy import text

            found = {row[0]: (row[1], D(row[2])) for row in connection.execute(text(query))}
    assert {number: status for number, (status, _) in found.items()} == made.status
    assert {number: one for number, (_, one) in found.items() if one} == {
        number: one for number, one in made.received.items() if one
    }


@pytest.mark.slow
def test_a_gateway_that_is_killed_again_and_again_loses_and_doubles_no_cent(home: Path) -> None:
    made, chance = quarter(11, 60, 12), random.Random(11)
    put(home, "invoices.json", json.dumps(made.invoices).encode(), "erp")
    for control, one in enumerate(made.remittances, 3000):
        trace, day = one["remittance_id"], one["paid_on"].replace("-", "")
        put(home, f"{trace}.edi", edi(control, trace, one["amount"]["amount"], day, segments(one)))
    kills, command = 0, [sys.executable, "-m", "gateway", "run-once", "--config", str(home)]
    while kills < 12:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            if len([*islice(process.stderr, chance.randint(1, 30))]) < 30 and process.poll() is not None:
                break  # it had nothing more to say
            process.kill()
            kills += 1
    work(home)
    assert kills > 2
    found = accounts(home)
    assert {number: one[0] for number, one in found.items()} == made.status
    assert {number: D(one[2]) for number, one in found.items() if D(one[2])} == {
        number: amount for number, amount in made.received.items() if amount
    }
    told_of = [one["remittance"] for one in events(home, "remittance.reconciled")]
    assert sorted(told_of) == sorted({*told_of})
    assert len(told_of) == 12


# --- Finances ----------------------------------------------------------------------------------------------


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.removeprefix("env:"), value)
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


def paid_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the played Amazon pay a tenth less, for a shortage."""
    pays = simulated._paid

    def paid(head: dict[str, Any], at: datetime) -> dict[str, Any]:
        total, unit = head["invoiceAmount"]["currencyAmount"], head["invoiceAmount"]["currencyCode"]
        parts = {"AmountPaid": total * 0.9, "QuantityVarianceAmount": total * 0.1}
        settled = [
            {
                "breakdownType": kind,
                "breakdownAmount": {"currencyCode": unit, "currencyAmount": round(one, 2)},
            }
            for kind, one in parts.items()
        ]
        return pays(head, at) | {"invoiceStatus": "PARTIALLY_PAID", "invoiceSettlementBreakdowns": settled}

    bills = simulated._billed

    def billed(item: dict[str, Any]) -> dict[str, Any]:
        found = bills(item)
        reason = {"varianceType": "PQV", "defectTypes": ["SHORTAGES_IN_TRANSIT"]}
        found["lineItemContext"]["matchingContext"]["varianceReasons"] = [reason]
        return found

    monkeypatch.setattr(simulated, "_paid", paid)
    monkeypatch.setattr(simulated, "_billed", billed)


@pytest.mark.slow
@pytest.mark.usefixtures("_secrets")
def test_finances_tell_what_became_of_invoices(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paid_short(monkeypatch)
    with site(tmp_path, clock, paid_seconds=3600 * 24 * 40) as one:
        partner = one.home / "partners/amazon-us.yaml"
        said = yaml.safe_load(partner.read_text())
        said["sp_api"]["marketplace"] = "ATVPDKIKX0DER"
        partner.write_text(yaml.safe_dump(said | {"reconciliation": "amazon"}))
        one.work()
        one.drop("invoice.json", amazon_invoice("INV-1"))
        one.work()
        one.work(minutes=1)  # so slow as Amazon lets these calls be made
        assert accounts(one.home)["INV-1"][0] == "open"
        assert finances(one) == ["IN_PROGRESS"]
        one.work(hours=6)
        assert finances(one) == ["IN_PROGRESS"], "nothing new is kept once"
        clock.goes_on(days=41)
        one.work()
        assert finances(one) == ["IN_PROGRESS", "PARTIALLY_PAID"]
        status, expected, received, reasons, _, source, remarks = accounts(one.home)["INV-1"]
        assert (status, source) == ("short_paid", "finances")
        assert D(received) == D(expected) * 9 / 10
        assert json.loads(reasons) == {"quantity": str(D(received) - D(expected))}
        assert json.loads(remarks) == ["causes by Finances: PQV SHORTAGES_IN_TRANSIT"]
    # Kept at once, not as a message: the audit, which was looked at, knows nothing of it.
    settled = remittance("T1", "2026-04-20", [line("INV-1", expected)]) | {"partner_id": "amazon-us"}
    with Gateway(one.home, load(one.home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [settled], "amazon-us")
    found = accounts(one.home)["INV-1"]
    assert (found[0], found[5], D(found[4])) == ("paid", "remittance", D(received) - D(expected))
    assert "Finances says that" in told(capsys, one.home, "show", "INV-1")


def finances(one: Site) -> list[str]:
    return [str(told["status"]) for told in one.events("finances.changed")]
