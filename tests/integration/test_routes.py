"""A partner with two ways: real HTTP and a real OpenSSH server, and a table that chooses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import resources
from gateway.app import Gateway, Pass
from gateway.cli.main import main
from gateway.settings import load
from tests import ssh
from tests.as2 import Trade, trading
from tests.homes import LINE, PARTNER, change, put, rows, work
from tests.orders import interchange, order

pytestmark = pytest.mark.needs_system

LINES = json.loads(resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes())["lines"]
ROUTES = """\
routes:
  - {name: notices, when: {partners: acme-retail, documents: ship_notice}, to: as2}
  - {name: invoices, when: {partners: acme-retail, documents: invoice}, to: sftp}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh.Sshd]:
    with ssh.sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def trade(tmp_path: Path, server: ssh.Sshd) -> Iterator[Trade]:
    """A home whose partner is reached over AS2 and over SFTP."""
    for name in ("out", "in"):
        (tmp_path / "there" / name).mkdir(parents=True)
    said = server.settings(inboxes=[f"{tmp_path}/there/out"], outbox=f"{tmp_path}/there/in")
    plain = {name: list(one) if isinstance(one, tuple) else one for name, one in said.items()}
    with trading(tmp_path / "home", more=yaml.safe_dump({"sftp": plain})) as made:
        yield made


def runs(trade: Trade, routes: str) -> Pass:
    """One pass with another table, by a gateway that takes over; the retailer stays."""
    (trade.home / "routes.yaml").write_text(routes)
    trade.gateway.__exit__()
    told = trade.entries.append
    with Gateway(trade.home, load(trade.home), told) as gateway, closing(gateway.services.store):
        return gateway.run_once()


def drop(home: Path, kind: str, name: str = "", **changes: Any) -> None:
    document = json.loads(resources.find(f"config/demo/{kind}-7KX2M41Q.json").read_bytes())
    put(home, name or f"{kind}.json", json.dumps({**document, **changes}).encode(), "erp")


def there(trade: Trade) -> list[str]:
    return sorted(one.name for one in (trade.home.parent / "there/in").iterdir())


def over_as2(trade: Trade) -> list[str]:
    return [one.name for one in trade.retailer.got]


def told(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main([*command])
    return code, capsys.readouterr().out


def test_invoices_go_by_sftp_and_ship_notices_by_as2(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    drop(trade.home, "invoice")
    drop(trade.home, "ship")
    done = runs(trade, ROUTES)
    assert (done.delivered, done.quarantined, done.trouble) == (2, 0, [])
    assert [one[:3] for one in there(trade)] == ["810"]
    assert [one[:3] for one in over_as2(trade)] == ["856"]
    assert {one["way"]: one["rule"] for one in trade.said("document.routed")} == {
        "sftp": "invoices",
        "as2": "notices",
    }
    assert sorted(rows(trade.home, "SELECT way, delivery FROM messages WHERE direction = 'out'")) == [
        ("as2", "delivered"),
        ("sftp", "delivered"),
    ]
    ((message,),) = rows(trade.home, "SELECT id FROM messages WHERE way = 'sftp'")
    code, shown = told(capsys, "message", "show", message, "--config", str(trade.home))
    assert code == 0
    assert f"written for {PARTNER} by sftp" in shown
    assert "invoice ES-1077 goes by sftp: rule 'invoices': its first way" in shown
    code, shown = told(capsys, "route", "explain", message, "--config", str(trade.home))
    assert (code, shown.splitlines()[:2]) == (
        0,
        [
            "invoice ES-1077 for acme-retail: sftp",
            "  by rule 2, 'invoices': its first way",
        ],
    )


def test_without_a_rule_nothing_is_guessed(trade: Trade) -> None:
    drop(trade.home, "invoice")
    assert trade.run().quarantined == 1
    (report,) = (trade.home / "folders/erp/quarantine").glob("*.problem.txt")
    assert "ROUTE-NO-RULE" in report.read_text()
    assert "acme-retail has the ways as2, sftp, and no rule says which invoice goes" in report.read_text()
    assert there(trade) == over_as2(trade) == []
    drop(trade.home, "invoice")  # nothing of it counts as sent
    assert runs(trade, ROUTES).delivered == 1


def test_an_acknowledgment_goes_back_the_way_the_interchange_came(trade: Trade) -> None:
    by_sftp = interchange(1, [order(1, "A-1", [LINE])])
    (trade.home.parent / "there/out/po.edi").write_bytes(by_sftp)
    trade.retailer.send(trade.url, "po-2.edi", interchange(2, [order(1, "A-2", [LINE])]))
    trade.run()
    assert (there(trade), over_as2(trade)) == (["997_1.edi"], ["997_2.edi"]) or (
        (there(trade), over_as2(trade)) == (["997_2.edi"], ["997_1.edi"])
    )
    came = dict(rows(trade.home, "SELECT i.name, o.way FROM messages o JOIN messages i ON i.id = o.origin"))
    assert came == {"po.edi": "sftp", "po-2.edi": "as2"}
    put(trade.home, "by-hand.edi", interchange(3, [order(1, "A-3", [LINE])]))
    trade.run()
    assert len(over_as2(trade)) == 2, "as2 comes first where a file came by hand"
    rule = "routes: [{name: acks, when: {documents: functional_acknowledgment}, to: sftp}]"
    trade.retailer.send(trade.url, "po-4.edi", interchange(4, [order(1, "A-4", [LINE])]))
    runs(trade, rule)
    assert (len(there(trade)), len(over_as2(trade))) == (2, 2)
    assert trade.said("acknowledgment.written")[-1]["rule"] == "acks"


def test_what_takes_the_place_of_an_earlier_one_goes_where_that_went(trade: Trade) -> None:
    drop(trade.home, "invoice")
    runs(trade, ROUTES)
    other = ROUTES.replace("to: sftp", "to: as2")
    drop(trade.home, "invoice", "again.json", purpose="replace", invoice_date="2026-03-14")
    runs(trade, other)
    assert len(there(trade)) == 2, rows(trade.home, "SELECT name, translation FROM messages")
    routed = trade.said("document.routed")[-1]
    assert (routed["rule"], routed["why"]) == ("", "pinned: invoice ES-1077 went by sftp for the first time")
    free = other.replace("to: as2}\n", "to: as2, pin: false}\n")
    drop(trade.home, "invoice", "third.json", purpose="replace", invoice_date="2026-03-15")
    runs(trade, free)
    assert (len(there(trade)), len(over_as2(trade))) == (2, 1)


def test_what_is_sent_again_goes_the_same_way(trade: Trade, capsys: pytest.CaptureFixture[str]) -> None:
    drop(trade.home, "invoice")
    runs(trade, ROUTES)
    ((message,),) = rows(trade.home, "SELECT id FROM messages WHERE way = 'sftp'")
    code, _ = told(capsys, "message", "resend", message, "--reason", "asked for", "--config", str(trade.home))
    assert code == 0
    runs(trade, ROUTES.replace("to: sftp", "to: as2"))
    assert (len(there(trade)), over_as2(trade)) == (2, [])


def test_each_way_has_a_batch_of_its_own(trade: Trade) -> None:
    path = trade.home / f"partners/{PARTNER}.yaml"
    text = path.read_text()
    assert '- set: "810"' in text
    path.write_text(text.replace('- set: "810"', '- set: "810"\n    batch: {count: 2}', 1))
    by_size = ROUTES.replace("documents: invoice}, to: sftp", "documents: invoice, max_lines: 1}, to: as2")
    by_size += "  - {name: others, when: {partners: acme-retail}, to: sftp}\n"
    for number in range(4):
        drop(
            trade.home,
            "invoice",
            f"{number}.json",
            invoice_number=f"B-{number}",
            lines=LINES[: 1 + number % 2],
        )
    runs(trade, by_size)
    waiting = rows(trade.home, "SELECT batch, count(*) FROM documents WHERE batch IS NOT NULL GROUP BY batch")
    assert waiting == []
    sent = rows(
        trade.home, "SELECT way, count(*) FROM messages WHERE direction = 'out' GROUP BY way ORDER BY way"
    )
    assert sent == [("as2", 1), ("sftp", 1)]
    parted = "SELECT m.way, d.number FROM documents d JOIN messages m ON m.id = d.sent_in ORDER BY d.number"
    assert rows(trade.home, parted) == [("as2", "B-0"), ("sftp", "B-1"), ("as2", "B-2"), ("sftp", "B-3")]


def test_an_order_of_the_api_is_not_answered_by_edi(trade: Trade) -> None:
    trade.retailer.send(trade.url, "po.edi", interchange(1, [order(1, "7KX2M41Q", [LINE])]))
    trade.run()
    change(trade.home, "UPDATE messages SET way = 'api' WHERE direction = 'in'")  # as if it had come so
    drop(trade.home, "invoice")
    assert runs(trade, ROUTES).quarantined == 1
    (report,) = (trade.home / "folders/erp/quarantine").glob("*.problem.txt")
    assert "the order 7KX2M41Q came by the API, and acme-retail has no such way now" in report.read_text()
    free = ROUTES.replace("to: sftp}", "to: sftp, pin: false}")
    drop(trade.home, "invoice", "again.json")
    assert runs(trade, free).delivered == 1
    assert [one[:3] for one in there(trade)] == ["810"]


def test_a_way_that_was_taken_from_the_file_keeps_what_waits_for_it(trade: Trade, tmp_path: Path) -> None:
    away = tmp_path / "there/in"
    away.rmdir()
    drop(trade.home, "invoice")
    assert runs(trade, ROUTES).trouble
    path = trade.home / f"partners/{PARTNER}.yaml"
    whole = path.read_text()
    path.write_text(whole.partition("\nsftp:\n")[0])
    with Gateway(trade.home, load(trade.home)) as gateway, closing(gateway.services.store):
        assert "acme-retail/sftp: files wait for it" in gateway.run_once().trouble[0]
    path.write_text(whole)
    away.mkdir()
    work(trade.home)
    assert [one[:3] for one in there(trade)] == ["810"]
    assert over_as2(trade) == []


def test_a_table_is_tried_on_what_was_sent(
    trade: Trade, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    drop(trade.home, "invoice")
    drop(trade.home, "ship")
    runs(trade, ROUTES)
    home = str(trade.home)
    code, shown = told(capsys, "route", "simulate", "--config", home)
    assert (code, shown.splitlines()[0]) == (0, "2 documents; 0 would have gone another way.")
    other = tmp_path / "other.yaml"
    other.write_text("routes: [{name: all, to: as2}]")
    code, shown = told(capsys, "route", "simulate", "--table", str(other), "--json", "--config", home)
    found = json.loads(shown)
    assert code == 1
    assert (found["documents"], found["changed"], found["left_out"]) == (2, 1, 0)
    assert found["by_rule"] == [{"rule_number": 1, "rule": "all", "way": "as2", "documents": 2}]
    (changed,) = found["changes"]
    assert (changed["number"], changed["went"], changed["way"]) == ("ES-1077", "sftp", "as2")
    code, shown = told(capsys, "route", "simulate", "--until", "2020-01-01", "--config", home)
    assert (code, shown) == (0, "0 documents; 0 would have gone another way.\n")
    other.write_text("routes: [{name: all}]")
    assert told(capsys, "route", "simulate", "--table", str(other), "--config", home)[0] == 3


def test_both_ways_can_be_tried(trade: Trade, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("partner", "test", PARTNER, "--json", "--config", str(trade.home))
    code, shown = told(capsys, *command)
    steps = [one["step"] for one in json.loads(shown)["steps"]]
    assert (code, steps[0], steps[-1]) == (0, "dns", "folders")
    assert "digest" in steps
    assert "login" in steps
    code, shown = told(capsys, *command, "--way", "sftp")
    assert (code, "digest" in shown, "login" in shown) == (0, False, True)
    (trade.home.parent / "there/in").rmdir()
    code, shown = told(capsys, *command)
    failed = json.loads(shown)["steps"][-1]
    assert (code, failed["step"], failed["ok"]) == (5, "folders", False)
