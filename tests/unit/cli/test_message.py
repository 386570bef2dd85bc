"""``edigw message``, ``document`` and ``ack`` on a real home, with real passes in between."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway, Pass
from gateway.cli.commands.demo import drop, shipped
from gateway.cli.commands.home import make_home
from gateway.settings import load
from tests.homes import change, exchanged
from tests.orders import interchange, order
from tests.unit.cli.support import Done, Runner

LINE = "1|EA|1.00|B0C1KETTL3|EX-KT-17|KETTLE"


class Home:
    """A home and the command line on it."""

    def __init__(self, path: Path, edigw: Runner) -> None:
        self.path, self._edigw = path, edigw

    def work(self) -> Pass:
        with Gateway(self.path, load(self.path)) as gateway:
            return gateway.run_once()

    def put(self, channel: str, name: str, content: bytes) -> None:
        drop(self.path / "folders" / channel / "inbox", name, content)

    def run(self, *arguments: object) -> Done:
        return self._edigw(*arguments, "--config", self.path)

    def json(self, *arguments: object) -> Any:
        done = self.run(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    def messages(self, *arguments: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("message", "list", *arguments)["messages"]
        return found

    def id_of(self, name: str) -> str:
        (found,) = self.messages(name)
        return str(found["id"])

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.path / "folders" / folder).iterdir())

    def audit(self, event: str) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.path / "data/gateway.db")) as database:
            return database.execute("SELECT actor, facts FROM audit WHERE event = ?", (event,)).fetchall()


@pytest.fixture
def home(tmp_path: Path, edigw: Runner) -> Home:
    """One with an order, and its answer that waits for an acknowledgment."""
    path = tmp_path / "home"
    make_home(path)
    settings = path / "gateway.yaml"
    settings.write_text(settings.read_text().replace("stable_seconds: 1 ", "stable_seconds: 0 "))
    home = Home(path, edigw)
    home.put("acme-retail", "orders-1001.edi", shipped("orders-1001.edi"))
    home.work()
    home.put("erp", "ack.json", shipped("ack-7KX2M41Q.json"))
    home.work()
    return home


def outbox(home: Home) -> dict[str, bytes]:
    folder = home.path / "folders/acme-retail/outbox"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_list_shows_three_statuses_side_by_side(home: Home) -> None:
    done = home.run("message", "list")
    head, *rows = done.out.splitlines()
    assert head.split() == ["ID", "TIME", "PARTNER", "FILE", "TRANSLATION", "DELIVERY", "ACKNOWLEDGMENT"]
    assert [row.split()[-4:] for row in rows] == [
        ["855_7KX2M41Q_2.edi", "written", "delivered", "waiting"],
        ["ack.json", "translated", "-", "-"],
        ["997_1.edi", "written", "delivered", "-"],
        ["orders-1001.edi", "translated", "delivered", "-"],
    ]


def test_lists_as_json_have_the_names_of_the_columns(home: Home) -> None:
    page = home.json("message", "list", "--limit", "1")
    (first,) = page["messages"]
    assert {"seq", "id", "direction", "partner", "name", "translation", "hold", "group"} <= set(first)
    assert page["cursor"] == first["seq"]
    rest = home.json("message", "list", "--cursor", page["cursor"])
    assert (len(rest["messages"]), rest["cursor"]) == (3, None)
    assert "--cursor" in home.run("message", "list", "--limit", "1").err


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["7KX2M41Q"], ["855_7KX2M41Q_2.edi", "ack.json", "orders-1001.edi"]),
        (["000001001"], ["orders-1001.edi"]),
        (["ORDERS-10"], ["orders-1001.edi"]),
        (["acme-retail", "--direction", "in"], ["ack.json", "orders-1001.edi"]),
        (["--acknowledgment", "waiting"], ["855_7KX2M41Q_2.edi"]),
        (["--until", "2026-01-01"], []),
        (["--since", "2026-01-01T10:00", "--translation", "translated"], ["ack.json", "orders-1001.edi"]),
        (["--person"], []),
    ],
)
def test_a_list_can_be_narrowed(home: Home, asked: list[str], names: list[str]) -> None:
    assert [one["name"] for one in home.messages(*asked)] == names


@pytest.mark.parametrize(
    "wrong",
    [
        ("--since", "yesterday"),
        ("--until", "9999-12-31"),
        ("--cursor", "x"),
        ("--translation", "waiting"),
        ("--limit", "0"),
        ("--direction", "up"),
    ],
)
def test_what_a_list_does_not_know_is_a_mistake_of_usage(home: Home, wrong: tuple[str, str]) -> None:
    done = home.run("message", "list", *wrong)
    assert (done.code, done.out) == (2, "")


def test_a_home_is_needed(edigw: Runner) -> None:
    assert edigw("message", "list").code == 2


def test_show_tells_everything_in_words(home: Home) -> None:
    bad = interchange(7, [order(1, "GOOD", [LINE]), order(2, "BAD", [LINE], requested="20260231")])
    home.put("acme-retail", "partly.edi", bad)
    home.work()
    told = home.run("message", "show", home.id_of("partly.edi")).out
    assert "partly translated  part of it was processed, the rest is in quarantine" in told
    problem = "DTM02 (Date) is not a date of the form CCYYMMDD: '20260231'."
    assert f"{problem}  [X12-ELEMENT-DATE, transaction set 0002, " in told
    assert "Whose move: the partner" in told
    assert "erp/outbox/purchase_order_GOOD_" in told
    assert "file quarantined" in told
    found = home.json("message", "show", home.id_of("partly.edi"))
    assert found["problems"][0]["problems"][0]["code"] == "X12-ELEMENT-DATE"
    assert [one["number"] for one in found["documents"]] == ["GOOD"]
    assert found["made_from_it"][0]["name"] == "997_3.edi"
    assert found["history"][0]["event"] == "file.received"


def test_show_tells_what_the_partner_answered(home: Home) -> None:
    answer = interchange(9, [["ST*997*0001", "AK1*PR*1", "AK9*A*1*1*1", "SE*4*0001"]], group="FA")
    home.put("acme-retail", "answer.edi", answer)
    home.work()
    sent = home.id_of("855_")
    told = home.run("message", "show", sent).out
    assert "Acknowledgment  accepted" in told
    assert "that is not yet a business agreement" in told
    assert "997 at " in told
    assert home.json("message", "show", home.id_of("answer.edi"))["acknowledges"][0]["about"] == sent
    assert home.json("ack", "list")["messages"] == []
    (listed,) = home.json("ack", "list", "--status", "accepted")["messages"]
    assert listed["words"]


def test_show_and_raw_give_the_proof_of_an_exchange(home: Home, tmp_path: Path) -> None:
    made = exchanged(home.path, "855_7KX2M41Q_2.edi")
    sent = home.id_of("20260302.1@us/../x")
    told = home.run("message", "show", sent).out
    for words in (
        f"{made.as2_id} from US to Acme Inc: confirmed at 20",
        f"receipt: {made.disposition}",
        "digest (MIC): q83v, sha-256",
        f"edigw message raw {sent} --receipt: the newest receipt",
        f"edigw message raw {sent} --signed: what was signed",
    ):
        assert words in told, words
    (shown,) = home.json("message", "show", sent)["exchanges"]
    assert (shown["receipt"], shown["headers"]) == (made.receipt, [])
    file = tmp_path / "out"
    wanted = {"--receipt": b"receipt of 855_7KX2M41Q_2.edi", "--signed": b"signed of 855_7KX2M41Q_2.edi"}
    for option, content in wanted.items():
        assert home.run("message", "raw", sent, option, "--output", file).code == 0
        assert file.read_bytes() == content
    assert home.run("message", "raw", sent).out.encode() == outbox(home)["855_7KX2M41Q_2.edi"]
    newer = exchanged(home.path, "855_7KX2M41Q_2.edi", id="newer", state="waiting", receipt=None, signed=None)
    assert newer.receipt is None
    assert home.run("message", "raw", sent, "--receipt").out.encode() == wanted["--receipt"]
    assert home.run("message", "raw", home.id_of("997_"), "--receipt", "--output", file).code == 4
    assert home.run("message", "raw", sent, "--receipt", "--signed").code == 2
    assert file.read_bytes() == wanted["--signed"], "nothing was written"


def test_what_waits_for_its_receipt_can_be_held_but_not_sent_or_cancelled(home: Home) -> None:
    sent = home.id_of("855_")
    for table, column in (("deliveries", "state"), ("messages", "delivery")):
        change(home.path, f"UPDATE {table} SET {column} = 'sent' WHERE {column} = 'delivered'")
    change(
        home.path,
        "INSERT INTO expectations (kind, message_id, due_at, state) VALUES ('receipt', ?, '2099', 'open')",
        sent,
    )
    told = home.run("message", "show", sent).out
    assert re.search("Delivery +sent +it was sent, the partner's receipt is not here yet", told)
    assert "expected until 2099: open" in told.partition("Receipt of the partner (MDN)")[2]
    assert "receipt is not here yet" in home.run("document", "chain", "7KX2M41Q").out
    assert [one["id"] for one in home.messages("855_", "--delivery", "sent")] == [sent]
    again = home.run("message", "resend", sent, "--reason", "x")
    assert (again.code, "was sent; the partner's receipt is not here yet" in again.err) == (6, True)
    cancelled = home.run("message", "cancel", sent, "--reason", "x")
    assert (cancelled.code, "on its way or delivered" in cancelled.err) == (6, True)
    assert home.run("message", "hold", sent, "--reason", "x").code == 0


def test_an_id_may_be_abbreviated_while_it_is_clear(home: Home) -> None:
    whole = home.id_of("855_")
    assert home.json("message", "show", whole[:8])["id"] == whole
    assert home.run("message", "show", whole[:5]).code == 4
    several = home.run("message", "show", home.id_of("ack.json")[:6])  # the month
    assert (several.code, several.out) == (4, "")
    assert "Several messages begin with" in several.err
    assert home.run("document", "show", "no-such-id").code == 4


def test_resend_repeats_bytes_and_control_numbers(home: Home) -> None:
    before = outbox(home)
    done = home.run("message", "resend", home.id_of("855_"), "--reason", "they lost it", "--actor", "anna")
    assert (done.code, "sent again" in done.out, "run-once" in done.err) == (0, True, True)
    assert home.work().delivered == 1
    (new,) = set(outbox(home)) - set(before)
    assert outbox(home)[new] == before["855_7KX2M41Q_2.edi"]
    ((actor, facts),) = home.audit("message.resent")
    assert (actor, json.loads(facts)["reason"]) == ("user:anna", "they lost it")
    assert len(home.json("ack", "list")["messages"]) == 1


def test_reprocess_makes_a_new_message_with_new_numbers(home: Home) -> None:
    first = home.id_of("ack.json")
    made = home.json("message", "reprocess", first, "--reason", "mapping corrected")["messages"][0]["made"]
    assert home.work().documents == 1
    assert home.json("message", "show", made)["origin"] == first
    sent = home.messages("--direction", "out", "855_")
    assert [one["interchange"] for one in sent] == ["3", "2"]
    assert sent[0]["origin"] == made


def test_what_is_held_is_not_delivered_until_it_is_released(home: Home) -> None:
    sent = home.id_of("855_")
    home.run("message", "resend", sent, "--reason", "again")
    assert home.run("message", "hold", sent, "--reason", "wait for a call").code == 0
    assert home.work().delivered == 0
    assert [one["id"] for one in home.messages("--person")] == [sent]
    assert "On hold: wait for a call" in home.run("message", "show", sent).out
    assert "on hold: wait for a call" in home.run("document", "chain", "7KX2M41Q").out
    assert home.run("message", "hold", sent, "--reason", "twice").code == 6
    assert home.run("message", "release", sent, "--reason", "called").code == 0
    assert home.work().delivered == 1
    assert home.run("message", "release", sent, "--reason", "twice").code == 6


def test_what_nobody_saw_can_be_cancelled(home: Home) -> None:
    (home.path / "folders/acme-retail").rename(home.path / "away")
    home.put("erp", "invoice.json", shipped("invoice-7KX2M41Q.json"))
    home.work()
    sent = home.id_of("810_")
    assert "is not delivered yet" in home.run("document", "chain", "7KX2M41Q").out
    assert home.run("message", "cancel", sent, "--reason", "wrong price").code == 0
    (home.path / "away").rename(home.path / "folders/acme-retail")
    assert home.work().delivered == 0
    (found,) = home.messages("810_")
    assert (found["delivery"], found["acknowledgment"]) == ("cancelled", "not_expected")
    assert home.run("message", "cancel", home.id_of("855_"), "--reason", "too late").code == 6


def test_several_at_once_and_each_refusal_is_told(home: Home) -> None:
    done = home.run(
        "message", "resend", home.id_of("ack.json"), home.id_of("997_"), "gone-id", "--reason", "x"
    )
    assert done.code == 6
    assert done.out.count("sent again") == 1
    assert "was ever delivered to anybody" in done.err
    assert "There is no message gone-id." in done.err
    assert home.run("message", "resend", "gone-id", "--reason", "x").code == 4


@pytest.mark.parametrize("verb", ["resend", "reprocess", "hold", "cancel"])
def test_a_dry_run_says_what_it_would_do_and_changes_nothing(home: Home, verb: str) -> None:
    before, audit = home.messages(), len(home.json("message", "show", home.id_of("855_"))["history"])
    name = "ack.json" if verb == "reprocess" else "855_"
    done = home.run("message", verb, home.id_of(name), "--reason", "x", "--dry-run")
    refused = verb in ("hold", "cancel")  # as they would be without it
    assert done.code == (6 if refused else 0)
    assert ("would be" in done.out) != refused
    assert home.messages() == before
    assert len(home.json("message", "show", home.id_of("855_"))["history"]) == audit
    assert home.work() == Pass()


def test_a_reason_is_needed(home: Home) -> None:
    assert home.run("message", "resend", home.id_of("855_")).code == 2


# --- documents -------------------------------------------------------------------------------------------


def test_documents_are_listed_and_shown(home: Home) -> None:
    rows = home.json("document", "list", "7KX2M41Q")["documents"]
    assert [one["document_type"] for one in rows] == ["purchase_order_acknowledgment", "purchase_order"]
    assert "body" not in rows[0]
    assert home.json("document", "list", "--type", "purchase_order")["documents"] == rows[1:]
    body = json.loads(home.run("document", "show", rows[1]["id"][:8]).out)
    assert body["po_number"] == "7KX2M41Q"
    assert "purchase order" in home.run("document", "list").out


def test_the_chain_tells_the_story_of_an_order(home: Home) -> None:
    for name in ("ship-7KX2M41Q.json", "invoice-7KX2M41Q.json"):
        home.put("erp", name, shipped(name))
    home.work()
    home.put("acme-retail", "paid.edi", shipped("remittance.edi"))
    home.work()
    done = home.run("document", "chain", "7KX2M41Q")
    kinds = ("purchase order 7", "purchase order acknowledgment 7", "ship notice", "invoice", "remittance")
    assert all(kind in done.out for kind in kinds)
    assert "answered with 997_1.edi: delivered" in done.out
    assert done.out.count("no acknowledgment yet of") == 3
    (chain,) = home.json("document", "chain", "7KX2M41Q")["chains"]
    assert chain["purchase_orders"] == ["7KX2M41Q"]
    assert (chain["documents"][0]["number"], len(chain["documents"])) == ("7KX2M41Q", 5)
    assert {one["kind"] for one in chain["gaps"]} == {"acknowledgment"}
    paid = chain["documents"][-1]
    assert paid["document_type"] == "remittance_advice"
    for asked in (paid["number"], paid["id"], chain["documents"][1]["id"]):
        assert home.json("document", "chain", asked)["chains"][0]["documents"] == chain["documents"]


def test_the_chain_says_what_is_missing(home: Home) -> None:
    (chain,) = home.json("document", "chain", "7KX2M41Q")["chains"]
    assert [one["words"].split(",")[0] for one in chain["gaps"]] == [
        "no ship notice yet",
        "no invoice yet",
        "no remittance advice yet",
        "no acknowledgment yet of purchase order acknowledgment 7KX2M41Q",
    ]
    assert home.run("document", "chain", "UNKNOWN").code == 4


def test_what_is_owed_is_listed_with_its_age(home: Home) -> None:
    done = home.run("ack", "list")
    assert "0 h" in done.out
    (owed,) = home.json("ack", "list")["messages"]
    assert (owed["acknowledgment"], owed["words"]) == ("waiting", [])
    assert owed["due_at"] > owed["created_at"]
    assert home.run("ack", "list", "--status", "late").code == 2
