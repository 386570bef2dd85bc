"""Items and places nobody knows: what waits for them, what goes on, what is refused; on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.app import Gateway
from gateway.cli.main import main
from gateway.documents import model_for
from gateway.errors import NotFoundError, RefusedError
from gateway.services import attend, crossreference, operate
from gateway.services.check import statuses
from gateway.services.check import work as unfinished
from gateway.services.proof import verify_payloads
from gateway.settings import load
from gateway.store import tables as t
from gateway.store.audit import verify
from gateway.store.database import reading
from gateway.store.jobs import Job
from tests.databases import Server
from tests.homes import PARTNER, FakeClock, put, set_in, work
from tests.integration.killing import agree_on_orders, invoice
from tests.orders import interchange, order

KETTLE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
POT = "12|CA|9.10|B0C1POT000|EX-PT-1|POT"


class Site:
    """A home whose partner's items must be known."""

    def __init__(self, home: Path) -> None:
        self.home = home
        assert main(["init", str(home)]) == 0
        agree_on_orders(home)
        set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
        self.agree("items: {mode: require}")

    def agree(self, *lines: str) -> None:
        file = self.home / f"partners/{PARTNER}.yaml"
        kept = [one for one in file.read_text().splitlines() if not one.startswith(("items:", "locations:"))]
        file.write_text("\n".join([*kept, *lines, ""]))

    def run(self, *args: str) -> int:
        return main([*args, "--config", str(self.home)])

    def orders(self) -> dict[str, dict[str, Any]]:
        """What the ERP got."""
        found = [json.loads(one.read_bytes()) for one in (self.home / "folders/erp/outbox").iterdir()]
        for one in found:
            model_for(one["document_type"]).model_validate(one)
        assert len({one["po_number"] for one in found}) == len(found), "delivered twice"
        return {one["po_number"]: one for one in found}

    def out(self, pattern: str) -> list[str]:
        outbox = self.home / f"folders/{PARTNER}/outbox"
        return [one.read_text() for one in sorted(outbox.glob(pattern))]

    def report(self, name: str, channel: str = "erp") -> dict[str, Any]:
        file = self.home / f"folders/{channel}/quarantine/{name}.problem.json"
        found: dict[str, Any] = json.loads(file.read_bytes())
        return found

    def events(self, *wanted: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Events with who did it and the facts."""
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            reading(gateway.engine) as connection,
        ):
            a = t.audit.c
            rows = connection.execute(select(a.event, a.actor, a.facts).order_by(a.seq)).all()
        return [(one, actor, json.loads(facts)) for one, actor, facts in rows if one in wanted]

    def message(self, name: str = "po.edi") -> Any:
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            closing(gateway.services.store) as store,
            reading(gateway.engine) as connection,
        ):
            asked = select(t.messages.c.id).where(t.messages.c.name == name)
            return store.message(connection.execute(asked).scalar_one())

    def check(self) -> None:
        """The audit is whole and no status contradicts another; waiting is nothing unfinished."""
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            reading(gateway.engine) as connection,
        ):
            assert [*verify(connection), *verify_payloads(connection, gateway.payloads)] == []
            found = [*statuses(connection), *unfinished(connection, gateway._jobs, gateway.services.clock())]
            assert [one for one in found if not one.ok] == []


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()  # 2026-03-02
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


BOTH = pytest.mark.parametrize("site", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    if getattr(request, "param", "") == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
    made = Site(tmp_path / "home")
    yield made
    made.check()


def came(site: Site, *orders: tuple[str, list[str]], control: int = 7) -> None:
    """A file with these orders comes."""
    sets = [order(number, po, lines) for number, (po, lines) in enumerate(orders, 1)]
    put(site.home, "po.edi", interchange(control, sets))
    work(site.home)


@BOTH
def test_an_order_for_an_unknown_item_waits_and_goes_on_once_it_is_known(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    came(site, ("A1", [KETTLE]))
    assert site.orders() == {}
    (answer,) = site.out("997_*")  # the interchange was fine, and the partner knows it
    assert "AK5*A~" in answer
    site.check()
    capsys.readouterr()
    assert site.run("item", "unknown") == 1
    told = capsys.readouterr().out
    assert "line 1 of purchase order A1" in told
    command = told.partition("-> edigw ")[2].split()
    assert command[:2] == ["item", "add"]
    assert site.run("message", "list", "--person") == 0
    assert "po.edi" in capsys.readouterr().out
    assert site.run("message", "show", site.message().id) == 0
    assert "waits for item asin B0C1KETTL3, vendor_sku EX-KT-17 (line 1)" in capsys.readouterr().out
    command[command.index("NUMBER")] = "100-2"
    assert site.run(*command, "--unit", "EA") == 0
    assert site.orders() == {}
    work(site.home)
    line = site.orders()["A1"]["lines"][0]
    assert line["ids"] == {"asin": "B0C1KETTL3", "vendor_sku": "EX-KT-17", "erp_sku": "100-2"}
    assert line["erp_quantity"] == line["quantity"] == {"value": "120", "uom": "EA"}
    assert site.message().delivery == "delivered"
    assert site.run("item", "unknown") == 0
    told_of = site.events("document.waits", "item.added", "document.continues", "file.delivered")
    names = [one for one, _, facts in told_of if facts.get("box") != "outbox" or "997" not in facts["file"]]
    assert names == ["document.waits", "item.added", "document.continues", "file.delivered"]
    waits, added, goes_on = (next(one for one in told_of if one[0] == name) for name in names[:3])
    assert (
        waits[2]["waits_for"]
        == goes_on[2]["waited_for"]
        == ("item asin B0C1KETTL3, vendor_sku EX-KT-17 (line 1)")
    )
    assert added[1].startswith("user:")
    assert (added[2]["erp_sku"], added[2]["partner"]) == ("100-2", PARTNER)
    assert goes_on[1] == "gateway"
    work(site.home)
    assert list(site.orders()) == ["A1"]


@BOTH
def test_of_two_orders_in_one_file_only_one_waits(site: Site) -> None:
    site.run("item", "add", "--erp-sku", "100-2", "--vendor-sku", "EX-KT-17")
    came(site, ("A1", [KETTLE, POT]), ("A2", [KETTLE]))
    assert list(site.orders()) == ["A2"]
    assert site.message().delivery == "waiting"
    site.check()
    site.run("item", "add", "--erp-sku", "100-3", "--vendor-sku", "EX-PT-1")
    work(site.home)
    assert list(site.orders()) == ["A1", "A2"] or list(site.orders()) == ["A2", "A1"]
    assert site.message().delivery == "delivered"
    assert len(site.out("997_*")) == 1


@BOTH
def test_what_an_unknown_item_is_called_elsewhere_is_suggested(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    (site.home / "partners/other.yaml").write_text("name: O\nidentifiers: [{qualifier: ZZ, id: OTHER}]\n")
    site.run("item", "add", "--erp-sku", "7", "--asin", "B0C1KETTL3", "--partner", "other")
    site.run("item", "add", "--erp-sku", "8", "--vendor-sku", "EX-KT-11")
    site.run("item", "add", "--erp-sku", "9", "--vendor-sku", "Q", "--description", "Steel kettle")
    came(site, ("A1", [KETTLE]), ("A2", [KETTLE]))
    capsys.readouterr()
    site.run("item", "unknown", "--json")
    (one,) = json.loads(capsys.readouterr().out)
    assert [(near["own"], near["why"]) for near in one["suggestions"]] == [
        ("7", "same asin of other"),
        ("8", "like EX-KT-11"),
        ("9", "same description"),
    ]
    assert [document["number"] for document in one["documents"]] == ["A1", "A2"]


@BOTH
def test_an_item_holds_from_its_first_day_to_its_last(site: Site, clock: FakeClock) -> None:
    added = ("item", "add", "--vendor-sku", "EX-KT-17")
    assert site.run(*added, "--erp-sku", "OLD", "--until", "2026-03-01") == 0
    assert site.run(*added, "--erp-sku", "NEW", "--since", "2026-03-04", "--until", "2026-03-04") == 0
    came(site, ("A1", [KETTLE]))
    clock.goes_on(days=1)
    with Gateway(site.home, load(site.home)) as gateway:
        assert crossreference.go_on(gateway.services) == 0
    clock.goes_on(days=1)
    with Gateway(site.home, load(site.home)) as gateway:
        gateway._handler(gateway.services, [Job("waits", 0)])  # what the clock asks for every hour
    work(site.home)
    assert site.orders()["A1"]["lines"][0]["ids"]["erp_sku"] == "NEW"
    clock.goes_on(days=1)
    came(site, ("A2", [KETTLE]), control=8)
    assert list(site.orders()) == ["A1"]
    site.agree()  # what is not asked for any more is not waited for
    work(site.home)
    assert "erp_sku" not in site.orders()["A2"]["lines"][0]["ids"]


def test_rows_of_a_partner_go_before_those_for_all(site: Site) -> None:
    site.run("item", "add", "--vendor-sku", "EX-KT-17", "--erp-sku", "ALL")
    site.run("item", "add", "--asin", "B0C1KETTL3", "--erp-sku", "OWN", "--partner", PARTNER)
    came(site, ("A1", [KETTLE]))
    assert site.orders()["A1"]["lines"][0]["ids"]["erp_sku"] == "OWN"


def test_numbers_that_stand_for_two_items_are_not_guessed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.run("item", "add", "--vendor-sku", "EX-KT-17", "--erp-sku", "ONE")
    site.run("item", "add", "--asin", "B0C1KETTL3", "--erp-sku", "TWO")
    came(site, ("A1", [KETTLE]))
    assert site.orders() == {}
    capsys.readouterr()
    site.run("item", "unknown", "--json")
    (one,) = json.loads(capsys.readouterr().out)
    assert one["why"] in ("its numbers stand for ONE and TWO", "its numbers stand for TWO and ONE")
    assert site.run("item", "remove", "TWO") == 0
    work(site.home)
    assert site.orders()["A1"]["lines"][0]["ids"]["erp_sku"] == "ONE"


def test_cases_are_told_in_single_units_too(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.run("item", "add", "--erp-sku", "P", "--vendor-sku", "EX-PT-1", "--unit", "EA")
    came(site, ("A1", [POT]))
    capsys.readouterr()
    site.run("item", "unknown")
    assert "it is counted in CA, and its row says nothing of that unit" in capsys.readouterr().out
    given = ("--unit", "EA", "--pack", "24", "--partner-unit", "CA")
    assert site.run("item", "add", "--erp-sku", "P", "--vendor-sku", "EX-PT-1", *given) == 0
    work(site.home)
    line = site.orders()["A1"]["lines"][0]
    assert (line["quantity"], line["erp_quantity"]) == (
        {"value": "12", "uom": "CA"},
        {"value": "288", "uom": "EA"},
    )


def test_filling_alone_lets_everything_pass_with_a_remark(site: Site) -> None:
    site.agree("items: {mode: fill}", "locations: {mode: fill}")
    site.run("location", "add", "--erp-ship-to", "S-17", "--code", "RNO4", "--san", "1234567")
    came(site, ("A1", [KETTLE]))
    found = site.orders()["A1"]
    assert "erp_sku" not in found["lines"][0]["ids"]
    assert found["parties"][0]["erp_ship_to"] == "S-17"
    ((_, _, facts),) = site.events("message.translated")
    assert facts["remarks"] == [
        "Line 1: the item asin B0C1KETTL3, vendor_sku EX-KT-17 is not known.",
    ]


def test_an_order_for_an_unknown_place_waits_for_it(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.agree("locations: {mode: require}")
    came(site, ("A1", [KETTLE]))
    assert site.orders() == {}
    capsys.readouterr()
    assert site.run("location", "unknown") == 1
    assert "--erp-ship-to NUMBER --code RNO4" in capsys.readouterr().out
    site.run("location", "add", "--erp-ship-to", "S-17", "--code", "RNO4")
    work(site.home)
    assert site.orders()["A1"]["parties"][0]["erp_ship_to"] == "S-17"


# --- what a person does ----------------------------------------------------------------------------------


@BOTH
def test_a_person_may_let_it_go_on_as_it_is(site: Site) -> None:
    came(site, ("A1", [KETTLE]), ("A2", [POT]))
    assert site.run("message", "release", site.message().id, "--reason", "the ERP knows it") == 0
    work(site.home)
    assert {"A1", "A2"} == {*site.orders()}
    assert "erp_sku" not in site.orders()["A1"]["lines"][0]["ids"]
    assert site.run("message", "release", site.message().id, "--reason", "again") == 6


def test_a_person_may_give_it_up(site: Site) -> None:
    came(site, ("A1", [KETTLE]))
    with Gateway(site.home, load(site.home), works=False) as gateway:
        with pytest.raises(RefusedError, match="waiting to be delivered already"):
            operate.resend(gateway.services, site.message().id, "now")
        gateway.services.store.close()
    assert site.run("message", "cancel", site.message().id, "--reason", "not ours") == 0
    site.run("item", "add", "--erp-sku", "1", "--vendor-sku", "EX-KT-17")
    work(site.home)
    assert site.orders() == {}
    assert site.message().delivery == "cancelled"


def test_what_is_held_goes_on_when_it_is_released(site: Site) -> None:
    came(site, ("A1", [KETTLE]))
    assert site.run("message", "hold", site.message().id, "--reason", "price") == 0
    site.run("item", "add", "--erp-sku", "1", "--vendor-sku", "EX-KT-17")
    work(site.home)
    assert site.orders() == {}
    site.run("message", "release", site.message().id, "--reason", "agreed")
    work(site.home)
    assert site.orders()["A1"]["lines"][0]["ids"]["erp_sku"] == "1"


def test_what_waited_is_delivered_again_as_it_was_delivered(site: Site) -> None:
    came(site, ("A1", [KETTLE]))
    site.run("item", "add", "--erp-sku", "1", "--vendor-sku", "EX-KT-17")
    work(site.home)
    outbox = site.home / "folders/erp/outbox"
    (first,) = outbox.iterdir()
    content = first.read_bytes()
    first.unlink()
    site.run("item", "remove", "1")
    assert site.run("message", "resend", site.message().id, "--reason", "lost") == 0
    work(site.home)
    (second,) = outbox.iterdir()
    assert second.read_bytes() == content


@BOTH
def test_whoever_works_is_woken_by_a_change(site: Site) -> None:
    with Gateway(site.home, load(site.home)) as gateway:

        def done(*args: str) -> list[str]:
            assert site.run(*args) == 0
            gateway._jobs.drain(gateway._handle)
            return sorted(site.orders())

        lines = [(po, [line]) for po, line in (("A1", KETTLE), ("A2", POT))]
        put(site.home, "po.edi", interchange(7, [order(number, *one) for number, one in enumerate(lines, 1)]))
        gateway.run_once()
        assert site.orders() == {}
        assert done("item", "add", "--erp-sku", "1", "--vendor-sku", "EX-KT-17") == ["A1"]
        assert done("item", "add", "--erp-sku", "2", "--vendor-sku", "EX-PT-1", "--since", "2026-03-03") == [
            "A1"
        ]
        assert done("item", "remove", "2", "--dry-run") == ["A1"]
        assert done("item", "add", "--erp-sku", "3", "--asin", "B0C1POT000", "--dry-run") == ["A1"]
        assert done("item", "add", "--erp-sku", "3", "--asin", "B0C1POT000") == ["A1", "A2"]
        gateway.services.store.close()


def test_an_item_added_while_an_order_is_read_is_not_missed(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has looked into the table, and has not committed, when the item comes and others look."""
    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres_url)
    site, fill, calls = Site(tmp_path / "home"), crossreference.fill, []

    def filling(*args: Any, **options: Any) -> Any:
        found = fill(*args, **options)
        calls.append(len(found))
        if len(calls) == 1:
            other = threading.Thread(target=meanwhile)
            other.start()
            other.join()
        return found

    def meanwhile() -> None:
        assert site.run("item", "add", "--erp-sku", "1", "--vendor-sku", "EX-KT-17") == 0
        with Gateway(site.home, load(site.home)) as gateway:
            gateway._jobs.drain(gateway._handle)
            with reading(gateway.engine) as connection:
                assert gateway._jobs.waiting(connection, ["waits"]) == set()
            gateway.services.store.close()

    monkeypatch.setattr(crossreference, "fill", filling)
    came(site, ("A1", [KETTLE]))
    assert calls == [1, 0]
    assert site.orders()["A1"]["lines"][0]["ids"]["erp_sku"] == "1"
    site.check()


# --- other forms of our own files ---


def form(site: Site, shape: str) -> None:
    before = "  channel: erp                # default erp"
    set_in(site.home, "gateway.yaml", before, f"  channels: [{{channel: erp, forms: [{{shape: {shape}}}]}}]")


@pytest.mark.parametrize("shape", ["xml", "x12"])
def test_what_goes_on_is_written_in_its_form(site: Site, shape: str) -> None:
    form(site, shape)
    came(site, ("A1", [KETTLE]))
    outbox = site.home / "folders/erp/outbox"
    assert list(outbox.iterdir()) == []
    site.run("item", "add", "--erp-sku", "100-2", "--vendor-sku", "EX-KT-17")
    work(site.home)
    (file,) = outbox.iterdir()
    is_filled = '<id type="erp_sku">100-2</id>' in file.read_text()
    assert is_filled == (shape == "xml")  # X12 is as it came
    assert file.read_text().startswith("ISA" if shape == "x12" else "<?xml")


def test_what_is_let_go_on_as_it_is_keeps_its_form(site: Site) -> None:
    form(site, "xml")
    came(site, ("A1", [KETTLE]))
    site.run("message", "release", site.message().id, "--reason", "the ERP knows it")
    work(site.home)
    (file,) = (site.home / "folders/erp/outbox").iterdir()
    assert file.read_text().startswith("<?xml")


def test_what_waits_while_its_channel_goes_is_not_lost(site: Site) -> None:
    came(site, ("A1", [KETTLE]))
    set_in(site.home, "gateway.yaml", "  channel: erp  ", "  channel: other")
    site.run("item", "add", "--erp-sku", "100-2", "--vendor-sku", "EX-KT-17")
    work(site.home)
    assert site.message().delivery == "waiting"
    set_in(site.home, "gateway.yaml", "  channel: other", "  channel: erp  ")
    work(site.home)
    assert site.orders()["A1"]["lines"][0]["ids"]["erp_sku"] == "100-2"


# --- our own documents -----------------------------------------------------------------------------------


def ours(site: Site, number: str, name: str = "invoice.json", **line: Any) -> None:
    document = invoice(number)
    document["lines"][0] |= line
    put(site.home, name, json.dumps(document).encode(), "erp")
    work(site.home)


@BOTH
def test_our_number_alone_becomes_those_of_the_partner(site: Site) -> None:
    numbers = ("--vendor-sku", "EX-KT-17", "--asin", "B0C1KETTL3", "--gtin", "012345678905")
    assert site.run("item", "add", "--erp-sku", "100-2", *numbers) == 0
    ours(site, "I1", ids={"erp_sku": "100-2"}, erp_quantity={"value": "1", "uom": "EA"})
    (text,) = site.out("810_I1*")
    line = next(one for one in text.split("~") if one.startswith("IT1"))
    assert line.split("*")[6:] == ["VN", "EX-KT-17", "BP", "B0C1KETTL3", "UP", "012345678905"]


def test_numbers_of_the_partner_that_are_there_stay(site: Site) -> None:
    site.run("item", "add", "--erp-sku", "100-2", "--vendor-sku", "EX-KT-17", "--asin", "B0C1KETTL3")
    ours(site, "I1", ids={"vendor_sku": "AS-ORDERED", "erp_sku": "100-2"})
    (text,) = site.out("810_I1*")
    assert next(one for one in text.split("~") if one.startswith("IT1")).endswith("*VN*AS-ORDERED")


@pytest.mark.parametrize("mode", ["require", "fill"])
def test_an_unknown_number_of_ours_goes_to_quarantine(site: Site, mode: str) -> None:
    site.agree(f"items: {{mode: {mode}}}")
    site.run("item", "add", "--erp-sku", "100-2", "--vendor-sku", "EX-KT-17")
    ours(site, "I1", ids={"erp_sku": "100-3"})
    assert site.out("810*") == []
    report = site.report("invoice.json")
    (problem,) = report["problems"]
    assert (problem["code"], problem["value"], problem["location"]["pointer"]) == (
        "HOME-UNKNOWN-ITEM",
        "100-3",
        "/lines/0/ids",
    )
    assert problem["message"] == (
        "Line 1: the item erp_sku 100-3 is not known. Perhaps it is 100-2 (like 100-2)."
    )
    site.run("item", "add", "--erp-sku", "100-3", "--vendor-sku", "EX-KT-18")
    ours(site, "I1", "again.json", ids={"erp_sku": "100-3"})
    assert "*VN*EX-KT-18" in site.out("810*")[0]


def test_the_same_document_is_known_though_the_table_changed(site: Site) -> None:
    site.run("item", "add", "--erp-sku", "100-2", "--vendor-sku", "EX-KT-17")
    ours(site, "I1", ids={"erp_sku": "100-2"})
    site.run("item", "add", "--erp-sku", "100-2", "--vendor-sku", "EX-KT-18")
    ours(site, "I1", "again.json", ids={"erp_sku": "100-2"})
    assert len(site.out("810*")) == 1
    assert site.report("again.json")["status"] == "duplicate"


def test_our_number_of_a_place_becomes_that_of_the_partner(site: Site) -> None:
    site.agree("locations: {mode: require, send: san}")
    site.run("location", "add", "--erp-ship-to", "S-17", "--code", "RNO4")
    document = {**invoice("I1"), "parties": [{"role": "ship_to", "erp_ship_to": "S-17"}]}
    put(site.home, "a.json", json.dumps(document).encode(), "erp")
    work(site.home)
    assert "it has no san" in site.report("a.json")["problems"][0]["message"]
    site.run("location", "add", "--erp-ship-to", "S-17", "--code", "RNO4", "--san", "123-4567")
    put(site.home, "b.json", json.dumps(document).encode(), "erp")
    work(site.home)
    assert "N1*ST**15*1234567~" in site.out("810*")[0]


# --- the rest --------------------------------------------------------------------------------------------


def test_what_waits_outlives_its_retention(site: Site, clock: FakeClock) -> None:
    def retained(dry_run: bool) -> list[str]:
        with Gateway(site.home, load(site.home), works=False) as gateway:
            found = [one for one in attend.retain(gateway.services, dry_run=dry_run) if "po.edi" in one]
            gateway.services.store.close()
        return found

    came(site, ("A1", [KETTLE]))
    clock.goes_on(days=10 * 366)
    assert retained(True) == []
    site.run("item", "add", "--erp-sku", "1", "--vendor-sku", "EX-KT-17")
    work(site.home)
    (facts,) = [facts for _, _, facts in site.events("document.continues")]
    assert len(retained(False)) == 1
    with Gateway(site.home, load(site.home), works=False) as gateway, pytest.raises(NotFoundError):
        gateway.payloads.open(facts["payload"])


def test_an_export_holds_what_was_delivered(site: Site, tmp_path: Path) -> None:
    came(site, ("A1", [KETTLE]))
    site.run("item", "add", "--erp-sku", "1", "--vendor-sku", "EX-KT-17")
    work(site.home)
    out = tmp_path / "export.zip"
    assert site.run("audit", "export", "--all", "--out", str(out), "--reason", "test") == 0
    from zipfile import ZipFile

    with ZipFile(out) as package:
        files = [name for name in package.namelist() if name.endswith(".json") and "/purchase_order" in name]
        assert any('"erp_sku": "1"' in package.read(name).decode() for name in files)


# --- tables by command -----------------------------------------------------------------------------------


def imported(
    site: Site, capsys: pytest.CaptureFixture[str], text: str, *options: str
) -> tuple[int, str, str]:
    file = site.home / "items.csv"
    file.write_text(text)
    capsys.readouterr()
    code = site.run("item", "import", str(file), *options)
    return (code, *capsys.readouterr())


def test_the_same_file_twice_changes_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    text = "erp_sku,asin,since\nA,1,\nB,2,2026-01-01\n"
    code, out, err = imported(site, capsys, text, "--dry-run")
    assert (code, out, err) == (0, "Would be: 2 added, 0 changed, 0 as before.\n", "")
    assert site.events("item.added") == []
    assert imported(site, capsys, text)[:2] == (0, "2 added, 0 changed, 0 as before.\n")
    assert imported(site, capsys, text) == (0, "Nothing to do: 2 rows as in the table already.\n", "")
    code, out, _ = imported(site, capsys, text.replace("A,1", "A,3"), "--json")
    told = json.loads(out)
    assert (code, told["added"], told["unchanged"]) == (0, [], 1)
    assert [(one["before"]["asin"], one["after"]["asin"]) for one in told["changed"]] == [("1", "3")]
    assert [facts["row"] for _, _, facts in site.events("item.added", "item.changed")] == [
        ["asin 1"],
        ["asin 2"],
        ["asin '1' -> '3'"],
    ]


def test_a_file_is_taken_whole_or_not_at_all(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    text = "partner,erp_sku,asin,gtin\n,A,1,\nnobody,B,2,\n,C,3,1\n,A,4,\n"
    code, out, err = imported(site, capsys, text)
    assert (code, out) == (1, "")
    told = [
        line.partition(" (a spread")[0].partition(".")[0] for line in err.splitlines() if "HOME-ROW" in line
    ]
    assert told == [
        "  HOME-ROW: Row 3, column partner: 'nobody' is no file in partners/",
        "  HOME-ROW: Row 4, column gtin: '1' is no UPC, EAN or GTIN of 8, 12, 13 or 14 digits",
        "  HOME-ROW: Row 5, column erp_sku: 'A' stands in row 2 already, with the same partner and first day",
    ]
    assert imported(site, capsys, "erp_sku,asin\nA,1\nB,1\n")[0] == 1
    assert site.run("item", "list") == 0
    assert "Nothing was found." in capsys.readouterr().err


@pytest.mark.parametrize("many", [1, 1000])
def test_names_may_be_exchanged_in_one_file(
    site: Site, many: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crossreference, "_MANY", many)
    assert imported(site, capsys, "erp_sku,asin\nA,1\nB,2\n")[0] == 0
    assert imported(site, capsys, "erp_sku,asin\nA,2\n")[0] == 1
    assert imported(site, capsys, "erp_sku,asin\nA,2\nB,1\n")[1] == "0 added, 2 changed, 0 as before.\n"


def test_what_is_exported_is_imported_as_it_was(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--asin", "=1+1", "--gtin", "012345678905", "--description", '\'-5, "x"', "--partner", PARTNER)
    site.run("item", "add", "--erp-sku", "@A", *given)
    site.run("item", "add", "--erp-sku", "B", "--asin", "2")
    capsys.readouterr()
    assert site.run("item", "export") == 0
    text = capsys.readouterr().out
    assert "'@A,,'=1+1,00012345678905" in text
    assert imported(site, capsys, text)[1].startswith("Nothing to do: 2 rows")
    site.run("item", "export", "--partner", "")
    assert capsys.readouterr().out.splitlines()[1:] == [",B,,2,,,,,,,,,"]


def test_of_several_rows_one_says_which_is_removed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.run("item", "add", "--erp-sku", "A", "--asin", "1", "--until", "2026-01-31")
    site.run("item", "add", "--erp-sku", "A", "--asin", "2", "--since", "2026-02-01")
    capsys.readouterr()
    assert site.run("item", "remove", "A") == 6
    assert "has several rows, since 2026-02-01, ever: say --since." in capsys.readouterr().err
    assert site.run("item", "remove", "A", "--since", "2026-02-01", "--dry-run") == 0
    assert site.run("item", "remove", "A", "--since", "2026-02-01") == 0
    assert site.run("item", "remove", "A", "--since", "2026-02-01") == 4
    assert site.run("item", "remove", "A") == 0
    assert len(site.events("item.removed")) == 2
