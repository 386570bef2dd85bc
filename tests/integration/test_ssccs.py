"""SSCCs: given once by any process, filled into ship notices, never used for two units; on both databases."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway import resources
from gateway.app import Gateway
from gateway.cli.main import main
from gateway.errors import DocumentError, RefusedError
from gateway.partners.gs1 import Gs1Prefix, is_right
from gateway.services import operate
from gateway.settings import load
from gateway.store import tables as t
from gateway.store.audit import verify
from gateway.store.database import reading
from gateway.store.sql import Store
from tests.databases import Server
from tests.homes import PARTNER, FakeClock, acknowledgment, put, set_in, work
from tests.labels import pictures, read

PREFIX = Gs1Prefix(prefix="0614141234", extension=3, first=100)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


@pytest.fixture(params=["sqlite", "postgres"])
def home(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a company prefix."""
    home = tmp_path / "home"
    assert main(["init", str(home)]) == 0
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    lines = "\n  gs1_prefixes: [{prefix: '0614141234', extension: 3, first: 100}]\n"
    set_in(home, "gateway.yaml", "id: EXAMPLESUPPLIER}\n", f"id: EXAMPLESUPPLIER}}{lines}")
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
        assert main(["db", "upgrade", "--config", str(home)]) == 0
    return home


def notice(number: str = "S1", *ssccs: str | None, **changes: Any) -> dict[str, Any]:
    """A ship notice of the demo, with cartons that have these SSCCs."""
    made: dict[str, Any] = json.loads(resources.find("config/demo/ship-7KX2M41Q.json").read_bytes())
    (first, _) = made["orders"][0]["cartons"]
    cartons = [{**json.loads(json.dumps(first)), "sscc": one} for one in ssccs]
    made["orders"][0]["cartons"] = [{k: v for k, v in one.items() if v is not None} for one in cartons]
    return {**made, "shipment_id": number, **changes}


def send(home: Path, document: dict[str, Any], name: str = "ship.json") -> str:
    """What becomes of a document from the ERP."""
    put(home, name, json.dumps(document).encode(), "erp")
    work(home)
    with Gateway(home, load(home), works=False) as gateway, reading(gateway.engine) as connection:
        m = t.messages.c
        found = select(m.translation).where(m.channel == "erp", m.name == name).order_by(m.seq.desc())
        return str(connection.execute(found).first()[0])  # type: ignore[index]


def stored(home: Path, number: str = "S1") -> list[str]:
    """The SSCCs in the newest stored notice."""
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store) as store:
        ids = [row[0] for row in store._read(
            select(t.documents.c.id).where(t.documents.c.number == number).order_by(t.documents.c.seq)
        )]  # fmt: skip
        body = json.loads(store.document(ids[-1]).body or b"")
    return [one["sscc"] for one in body["orders"][0]["cartons"]]


def edi(home: Path) -> list[str]:
    """MAN segments of the newest 856."""
    newest = max((home / f"folders/{PARTNER}/outbox").glob("856*"), key=lambda one: one.stat().st_mtime_ns)
    return [one for one in newest.read_text().split("~") if one.startswith("MAN")]


def problems(home: Path, name: str = "ship.json") -> list[dict[str, Any]]:
    told = max(
        (home / "folders/erp/quarantine").glob(f"{name}*problem.json"), key=lambda one: one.stat().st_mtime_ns
    )
    found: list[dict[str, Any]] = json.loads(told.read_bytes())["problems"]
    return found


def agree(home: Path, words: str = "labels: {sscc: fill}") -> None:
    path = home / f"partners/{PARTNER}.yaml"
    path.write_text(f"{path.read_text()}\n{words}\n")


# --- filled in -------------------------------------------------------------------------------------------


def test_a_carton_that_asks_gets_one_that_is_the_same_everywhere(home: Path, capfd: Any) -> None:
    assert send(home, notice("S1", "auto", "00106141410000000019", "auto")) == "translated"
    ssccs = stored(home)
    assert ssccs == [f"00{PREFIX.sscc(100)}", "00106141410000000019", f"00{PREFIX.sscc(101)}"]
    assert edi(home) == [f"MAN*GM*{one}" for one in ssccs]
    capfd.readouterr()
    assert main(["label", "print", "S1", "--format", "zpl", "--config", str(home)]) == 0
    zpl = capfd.readouterr().out
    assert [f">;>8{one}" in zpl for one in ssccs] == [True] * 3
    with Gateway(home, load(home), works=False) as gateway, reading(gateway.engine) as connection:
        assert [*verify(connection)] == []


def test_one_without_gets_one_only_where_the_partner_says_so(home: Path) -> None:
    assert send(home, notice("S1", None, None)) == "translated"
    assert edi(home) == []
    agree(home)
    assert send(home, notice("S2", None, None)) == "translated"
    assert stored(home, "S2") == [f"00{PREFIX.sscc(one)}" for one in (100, 101)]


def test_a_unit_in_two_orders_is_one_if_it_says_so(home: Path) -> None:
    made = notice("S1", "auto-a", "auto-b")
    made["orders"].append({**json.loads(json.dumps(made["orders"][0])), "po_number": "7KX2M41R"})
    assert send(home, made) == "translated"
    first, second = PREFIX.sscc(100), PREFIX.sscc(101)
    assert edi(home) == [f"MAN*GM*00{one}" for one in (first, second, first, second)]


def test_without_a_prefix_nothing_is_made_up(home: Path) -> None:
    set_in(home, "gateway.yaml", "  gs1_prefixes", "  # gs1_prefixes")
    assert send(home, notice("S1", "auto")) == "rejected"
    assert [one["code"] for one in problems(home)] == ["HOME-SSCC-NONE"]
    agree(home)
    assert main(["run-once", "--config", str(home)]) == 3


def test_a_notice_that_replaces_another_names_the_ssccs_on_the_labels(home: Path) -> None:
    assert send(home, notice("S1", "auto", "auto")) == "translated"
    again = notice("S1", *stored(home), purpose="replace")
    assert send(home, again, "replace.json") == "translated"
    assert send(home, notice("S1", "auto", purpose="replace"), "no.json") == "rejected"
    assert [one["code"] for one in problems(home, "no.json")] == ["HOME-SSCC-NONE"]


def test_what_is_processed_again_keeps_its_ssccs(home: Path) -> None:
    assert send(home, notice("S1", "auto", "auto-x")) == "translated"
    before = stored(home)
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store) as store:
        (message,) = store._read(select(t.messages.c.id).where(t.messages.c.name == "ship.json"))
        operate.reprocess(gateway.services, message[0], "printed wrong")
    work(home)
    assert stored(home) == before
    assert edi(home) == [f"MAN*GM*{one}" for one in before]


def test_a_document_that_is_not_sent_uses_none(home: Path) -> None:
    agree(home)
    broken = notice("S1", "auto", "auto", structure="no such structure")
    assert send(home, broken) == "rejected"
    assert send(home, notice("S2", "auto"), "right.json") == "translated"
    assert stored(home, "S2") == [f"00{PREFIX.sscc(100)}"]


# --- never for two units ---------------------------------------------------------------------------------

OURS = "00106141410000000019"


def test_an_sscc_of_another_shipment_is_refused_for_a_year(home: Path, clock: FakeClock) -> None:
    assert send(home, notice("S1", OURS)) == "translated"
    clock.goes_on(days=365)
    assert send(home, notice("S2", OURS), "soon.json") == "rejected"
    (found,) = problems(home, "soon.json")
    assert (found["code"], found["value"]) == ("HOME-SSCC-USED", OURS[2:])
    assert found["location"]["pointer"] == "/orders/0/cartons/0/sscc"
    assert "was used on 2026-03-02, by shipment S1 for acme-retail" in found["message"]
    clock.goes_on(days=1)
    assert send(home, notice("S3", OURS), "later.json") == "translated"


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made["orders"][0]["cartons"].append(made["orders"][0]["cartons"][0]),
        lambda made: made["orders"][0].update(pallets=[{"sscc": OURS}]),
        lambda made: made["orders"][0].update(
            pallets=[
                {"cartons": [{"sscc": OURS}], "sscc": one}
                for one in ("00106141410000000026", "00106141410000000033")
            ]
        ),
    ],
)
def test_two_units_with_one_sscc_are_refused(home: Path, change: Any) -> None:
    made = notice("S1", OURS)
    change(made)
    assert send(home, made) == "rejected"
    assert [one["code"] for one in problems(home)] == ["HOME-SSCC-TWICE"]


def test_after_a_refusal_by_the_partner_another_shipment_may_use_them(home: Path) -> None:
    assert send(home, notice("S1", OURS)) == "translated"
    put(home, "997.edi", acknowledgment(2001, 1, "R", "SH", "856"))
    work(home)
    assert send(home, notice("S2", OURS), "corrected.json") == "translated"
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store) as store:
        (message,) = store._read(select(t.messages.c.id).where(t.messages.c.name.startswith("856_S1")))
        with pytest.raises(DocumentError) as refused:
            operate.resend(gateway.services, message[0], "try again")
    assert [one.code for one in refused.value.problems] == ["HOME-SSCC-USED"]


def test_a_refused_replacement_leaves_the_first_notice_its_ssccs(home: Path) -> None:
    assert send(home, notice("S1", OURS)) == "translated"
    assert send(home, notice("S1", OURS, purpose="replace"), "replace.json") == "translated"
    put(home, "997.edi", acknowledgment(2001, 2, "R", "SH", "856"))
    work(home)
    assert send(home, notice("S2", OURS), "other.json") == "rejected"


def test_a_test_can_be_repeated_in_earnest(home: Path) -> None:
    assert send(home, notice("T1", OURS, test=True), "test.json") == "translated"
    assert send(home, notice("S1", OURS)) == "translated"


def test_those_given_to_another_system_come_back_in_a_notice(home: Path, capsys: Any) -> None:
    capsys.readouterr()
    assert main(["label", "sscc", "--count", "2", "--json", "--config", str(home)]) == 0
    given = json.loads(capsys.readouterr().out)["ssccs"]
    assert given == [PREFIX.sscc(100), PREFIX.sscc(101)]
    assert send(home, notice("S1", *given)) == "translated"
    assert send(home, notice("S2", given[0]), "other.json") == "rejected"
    assert main(["label", "sscc", "--prefix", "9999999", "--config", str(home)]) == 4
    assert "no prefix 9999999" in capsys.readouterr().err


# --- serials ---------------------------------------------------------------------------------------------


def _store(gateway: Gateway, now: datetime) -> Store:
    return Store(gateway.engine, lambda: now, gateway.services.store._seal_with)


def test_after_the_last_serial_the_first_follows_if_its_year_is_over(home: Path) -> None:
    day = datetime(2026, 3, 2, tzinfo=UTC)
    small = Gs1Prefix(prefix="0614141234", first=999_990)
    with Gateway(home, load(home), works=False) as gateway:

        def take(count: int, after: int) -> list[str]:
            with closing(_store(gateway, day + timedelta(days=after))) as store, store.transaction():
                return store.ssccs.take(small, count)

        assert take(7, 0) == [small.sscc(one) for one in range(999_990, 999_997)]
        assert take(3, 300) == [small.sscc(one) for one in range(999_997, 1_000_000)]
        with pytest.raises(RefusedError, match="Only 0 of 1 SSCCs are free"):
            take(1, 365)
        with pytest.raises(RefusedError, match="Only 7 of 8 SSCCs are free"):
            take(8, 366)
        assert take(5, 366) == [small.sscc(one) for one in range(999_990, 999_995)]
        assert take(2, 366) == [small.sscc(999_995), small.sscc(999_996)]
        assert take(10, 366 + 366) == [small.sscc(one % 10 + 999_990) for one in range(7, 17)]


def test_serials_that_our_own_system_used_are_passed_over(home: Path) -> None:
    assert send(home, notice("S1", *(f"00{PREFIX.sscc(one)}" for one in (100, 101, 103)))) == "translated"
    assert send(home, notice("S2", "auto", "auto"), "filled.json") == "translated"
    assert stored(home, "S2") == [f"00{PREFIX.sscc(one)}" for one in (102, 104)]


TAKE = [sys.executable, "-m", "gateway", "label", "sscc", "--count", "7", "--config"]


def test_eight_processes_that_are_killed_never_get_one_twice(home: Path) -> None:
    """Some end by themselves, some are killed at any moment; what was printed is unique and on record."""
    printed: list[str] = []
    for cycle in range(3):
        running = [subprocess.Popen([*TAKE, str(home)], stdout=subprocess.PIPE) for _ in range(8)]
        for place, one in enumerate(running):
            if place % 2:
                try:
                    one.wait(0.25 + 0.1 * place + 0.2 * cycle)
                except subprocess.TimeoutExpired:
                    one.send_signal(signal.SIGKILL)
        said = [one.communicate(timeout=60)[0].decode() for one in running]
        assert {one.returncode for one in running[::2]} == {0}
        printed += [line for text in said for line in text.splitlines() if len(line) == 18]
    assert len(set(printed)) == len(printed) >= 3 * 4 * 7
    assert all(is_right(one) for one in printed)
    with Gateway(home, load(home), works=False) as gateway, reading(gateway.engine) as connection:
        kept = {str(row[0]) for row in connection.execute(select(t.ssccs.c.sscc))}
        assert set(printed) <= kept
        facts = select(t.audit.c.facts).where(t.audit.c.event == "sscc.given")
        told = [json.loads(row[0]) for row in connection.execute(facts)]
        assert sum(one["count"] for one in told) == len(kept)  # none was lost in silence
        assert [*verify(connection)] == []


# --- labels for our own system ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["pdf", "zpl"])
def test_labels_come_back_to_the_channel_of_the_notice(home: Path, form: str) -> None:
    agree(home, f"labels: {{sscc: fill, to_erp: {form}}}")
    assert send(home, notice("S1", None, "auto")) == "translated"
    content = (home / f"folders/erp/outbox/labels_S1.{form}").read_bytes()
    if form == "zpl":
        assert [f">;>8{one}".encode() in content for one in stored(home)] == [True, True]
    else:
        said = [read(one) for one in pictures(content, 203)]
        assert [(f"(00){one[2:]}", "GS1") in bars for one, bars in zip(stored(home), said, strict=True)] == [
            True,
            True,
        ]
    assert main(["audit", "verify", "--config", str(home)]) == 0


def test_a_notice_does_not_wait_for_labels_that_cannot_be_printed(home: Path) -> None:
    agree(home, "labels: {to_erp: pdf}")
    nameless = [{"role": "ship_to", "id_scheme": "buyer_assigned", "id": "RNO4"}]
    assert send(home, notice("S1", "auto", parties=nameless)) == "translated"
    assert edi(home)
    assert not [*(home / "folders/erp/outbox").glob("labels*")]
    with Gateway(home, load(home), works=False) as gateway, reading(gateway.engine) as connection:
        told = select(t.audit.c.facts).where(t.audit.c.event == "message.translated")
        remarks = [json.loads(row[0])["remarks"] for row in connection.execute(told)]
    assert "has no party `ship_to`" in remarks[-1][0]
