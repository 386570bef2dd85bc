"""A home in real files: what is dropped, what appears, what the commands say."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.commands.demo import drop, segments_of
from gateway.cli.main import main
from tests.integration.killing import agree_on_orders, erp_order
from tests.orders import interchange, order

LINE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
PARTNER = "acme-retail"


class Home:
    """A home and what one does with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        assert main(["init", str(path)]) == 0
        agree_on_orders(path)
        self.set("gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")

    def set(self, file: str, before: str, after: str) -> None:
        text = (self.path / file).read_text()
        assert before in text
        (self.path / file).write_text(text.replace(before, after))

    def drop(self, content: bytes | dict[str, Any], name: str = "po.edi", channel: str = PARTNER) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        drop(self.path / "folders" / channel / "inbox", name, data)

    def run(self) -> int:
        return main(["run-once", "--config", str(self.path)])

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.path / "folders" / folder).iterdir())

    def documents(self) -> dict[str, dict[str, Any]]:
        found = [json.loads(path.read_bytes()) for path in (self.path / "folders/erp/outbox").iterdir()]
        return {document["po_number"]: document for document in found}

    def report(self, name: str, channel: str = PARTNER) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            (self.path / f"folders/{channel}/quarantine/{name}.problem.json").read_bytes()
        )
        return found

    def out(self, pattern: str = "*", channel: str = PARTNER) -> list[list[list[str]]]:
        return [segments_of(path) for path in sorted((self.path / f"folders/{channel}/outbox").glob(pattern))]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        database = sqlite3.connect(self.path / "data/gateway.db")
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def codes(segments: list[list[str]], name: str) -> list[str]:
    """The first element of each segment of that name."""
    return [segment[1] for segment in segments if segment[0] == name]


# --- init ------------------------------------------------------------------------------------------------


def test_init_makes_a_home_that_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(tmp_path / "home")
    assert "edigw run-once --config" in capsys.readouterr().out
    assert (home.path / "keys").stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in (home.path / "folders").iterdir()) == [PARTNER, "erp"]
    assert home.names("erp") == [".claimed", "inbox", "outbox", "quarantine"]
    assert home.run() == 0
    assert capsys.readouterr().out.startswith("0 files received")


def test_init_never_touches_a_home(home: Home) -> None:
    before = (home.path / "gateway.yaml").read_bytes()
    assert main(["init", str(home.path)]) == 6
    assert (home.path / "gateway.yaml").read_bytes() == before


def test_a_folder_that_is_no_home_is_an_error_of_configuration(tmp_path: Path) -> None:
    assert main(["run-once", "--config", str(tmp_path)]) == 3


def test_the_home_can_be_named_by_the_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["run-once"]) == 2
    monkeypatch.setenv("EDIGW_HOME", str(home.path))
    assert main(["run-once"]) == 0


# --- orders in -------------------------------------------------------------------------------------------


def test_an_order_becomes_json_and_is_acknowledged(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    content = interchange(7, [order(1, "4500123", [LINE])])
    home.drop(content)
    capsys.readouterr()
    assert main(["run-once", "--json", "--config", str(home.path)]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {
        "received": 1,
        "documents": 1,
        "acknowledgments": 1,
        "delivered": 2,
        "quarantined": 0,
        "unfinished": 0,
        "trouble": [],
    }
    document = home.documents()["4500123"]
    assert document["partner_id"] == document["channel"] == PARTNER
    assert document["test"] is False
    assert document["control"]["interchange"] == "000000007"
    assert document["lines"][0]["quantity"] == {"value": "120", "uom": "EA"}
    assert gzip.decompress((home.path / "data" / document["raw"]["location"]).read_bytes()) == content
    (name,) = home.names("erp/outbox")
    assert name == f"purchase_order_4500123_{document['document_id'][:8]}.json"
    (answer,) = home.out()
    assert home.names(f"{PARTNER}/outbox") == ["997_1.edi"]
    isa = answer[0]
    assert (isa[6].strip(), isa[8].strip()) == ("EXAMPLESUPPLIER", "ACMERETAIL")
    assert ["AK1", "PO", "7"] in answer
    assert (codes(answer, "AK5"), codes(answer, "AK9")) == (["A"], ["A"])
    for box in ("inbox", ".claimed", "quarantine"):
        assert home.names(f"{PARTNER}/{box}") == []
    events = [json.loads(line) for line in printed.err.splitlines()]
    assert [event["event"] for event in events] == [
        "file.received",
        "document.created",
        "acknowledgment.written",
        "message.translated",
        "file.delivered",
        "file.delivered",
    ]
    assert all(event["message_id"] and event["timestamp"] for event in events)
    assert "KETTLE" not in printed.err, "what stands in documents is not logged"


def test_good_sets_go_on_and_bad_ones_are_reported(home: Home) -> None:
    content = interchange(7, [order(1, "GOOD", [LINE]), order(2, "BAD", [LINE], requested="20260231")])
    home.drop(content)
    assert home.run() == 1
    assert list(home.documents()) == ["GOOD"]
    (answer,) = home.out()
    assert (codes(answer, "AK5"), codes(answer, "AK9")) == (["A", "R"], ["P"])
    quarantine = home.path / f"folders/{PARTNER}/quarantine"
    assert home.names(f"{PARTNER}/quarantine") == ["po.edi", "po.edi.problem.json", "po.edi.problem.txt"]
    assert (quarantine / "po.edi").read_bytes() == content
    report = home.report("po.edi")
    assert (report["status"], report["verdict"]) == ("partly_translated", "accepted_with_errors")
    assert report["move"] == "the partner"
    (problem,) = [one for one in report["problems"] if one["severity"] == "error"]
    assert (problem["code"], problem["value"]) == ("X12-ELEMENT-DATE", "20260231")
    location = problem["location"]
    assert (location["transaction_set"], location["segment_id"], location["element"]) == ("0002", "DTM", 2)
    assert problem["ack"]["ak4"] == "8"
    words = (quarantine / "po.edi.problem.txt").read_text()
    assert "Whose move   the partner" in words
    assert "20260231" in words


@pytest.mark.parametrize(
    ("content", "status", "code", "answers"),
    [
        (b"%PDF-1.4 no order", "unreadable", "X12-NOT-X12", 0),
        (b"", "unreadable", "X12-EMPTY", 0),
        (interchange(7, [order(1, "A", [LINE])])[:60], "unreadable", "X12-ISA-TRUNCATED", 0),
        (
            interchange(7, [order(1, "A", [LINE])]).replace(b"IEA*1*", b"IEA*2*"),
            "rejected",
            "X12-IEA-COUNT",
            1,
        ),
        (interchange(7, [order(1, "A", [LINE])]).replace(b"GE*1*", b"GE*2*"), "rejected", "X12-GE-COUNT", 1),
        (interchange(7, [order(1, "A", [LINE])]).split(b"GE*")[0], "rejected", "X12-IEA-MISSING", 1),
        (interchange(7, [order(1, "A", [LINE])], sender="NOBODY"), "unprocessed", "HOME-NO-PARTNER", 0),
        (
            interchange(7, [order(1, "A", [LINE])]).replace(b"EXAMPLESUPPLIER*26", b"SOMEBODYELSE   *26"),
            "unprocessed",
            "HOME-NOT-FOR-US",
            0,
        ),
        (
            interchange(7, [["ST*997*0001", "AK1*PO*99", "AK9*A*1*1*1", "SE*4*0001"]], group="FA"),
            "unprocessed",
            "HOME-ACK-UNMATCHED",
            0,
        ),
        (
            interchange(7, [["ST*864*0001", "BMG*00", "MIT*1", "MSG*HELLO", "SE*5*0001"]], group="TX"),
            "unprocessed",
            "HOME-NO-AGREEMENT",
            1,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value[:4] in ("X12-", "HOME") else "",
)
def test_what_cannot_be_processed_is_explained(
    home: Home, content: bytes, status: str, code: str, answers: int
) -> None:
    home.drop(content)
    assert home.run() == 1
    report = home.report("po.edi")
    assert report["status"] == status
    assert code in [problem["code"] for problem in report["problems"]]
    assert report["what_to_do"]
    assert (home.path / f"folders/{PARTNER}/quarantine/po.edi").read_bytes() == content
    assert home.documents() == {}
    acknowledgments = home.out("997_*")
    assert len(acknowledgments) == answers
    assert all(codes(one, "AK9") == ["R"] for one in acknowledgments)


def test_only_what_was_asked_for_gets_a_ta1(home: Home) -> None:
    good = interchange(7, [order(1, "A", [LINE])])
    bad = interchange(8, [order(1, "B", [LINE])]).replace(b"IEA*1*", b"IEA*2*")
    for name, content in (("good", good), ("bad", bad)):
        home.drop(content.replace(b"*0*P*>", b"*1*P*>"), f"{name}.edi")
    home.run()
    ta1 = {segment[1]: segment[4] for one in home.out("TA1_*") for segment in one if segment[0] == "TA1"}
    assert ta1 == {"000000007": "A", "000000008": "R"}
    assert sorted(codes(one, "AK9")[0] for one in home.out("997_*")) == ["A", "R"]
    assert list(home.documents()) == ["A"]


def test_one_interchange_may_be_refused_beside_a_good_one(home: Home) -> None:
    home.drop(
        interchange(7, [order(1, "A", [LINE])])
        + interchange(8, [order(1, "B", [LINE])], sender="NOBODY")
        + interchange(9, [order(1, "C", [LINE])]).replace(b"IEA*1*", b"IEA*2*")
    )
    assert home.run() == 1
    assert list(home.documents()) == ["A"]
    assert home.report("po.edi")["status"] == "partly_translated"
    assert [codes(one, "AK9") for one in home.out("997_*")] == [["A"], ["R"]]


def test_an_interchange_that_is_twice_in_a_file_is_processed_once(home: Home) -> None:
    home.drop(interchange(7, [order(1, "A", [LINE])]) * 2)
    assert home.run() == 1
    assert list(home.documents()) == ["A"]
    assert [codes(one, "AK9") for one in home.out("997_*")] == [["A"]]
    assert "HOME-DUPLICATE" in [one["code"] for one in home.report("po.edi")["problems"]]


def test_text_around_an_interchange_is_reported(home: Home) -> None:
    home.drop(interchange(7, [order(1, "A", [LINE])]) + b"Kind regards, Acme")
    assert home.run() == 1
    report = home.report("po.edi")
    assert (report["status"], report["verdict"]) == ("partly_translated", "accepted_with_errors")
    assert list(home.documents()) == ["A"]


def test_each_group_has_its_answer(home: Home) -> None:
    one, two = order(1, "A", [LINE]), order(1, "B", [LINE], requested="20260231")
    text = interchange(7, [one]).decode()
    second = "".join(f"{segment}~\n" for segment in two)
    group = f"GS*PO*ACMERETAIL*EXAMPLESUPPLIER*20260302*0915*8*X*004010~\n{second}GE*1*8~\n"
    home.drop(text.replace("IEA*1*", f"{group}IEA*2*").encode())
    assert home.run() == 1
    segments = [segment for one in home.out("997_*") for segment in one]
    assert [segment[2] for segment in segments if segment[0] == "AK1"] == ["7", "8"]
    assert codes(segments, "AK9") == ["A", "R"]


def test_a_test_interchange_is_marked(home: Home) -> None:
    home.drop(interchange(7, [order(1, "A", [LINE])]).replace(b"*0*P*>", b"*0*T*>"))
    assert home.run() == 0
    assert home.documents()["A"]["test"] is True


def test_a_file_in_the_name_of_another_partner_is_not_believed(home: Home) -> None:
    text = (home.path / f"partners/{PARTNER}.yaml").read_text()
    (home.path / "partners/other.yaml").write_text(
        text.replace("ACMERETAIL", "OTHER").replace(PARTNER, "other")
    )
    home.run()
    home.drop(interchange(7, [order(1, "A", [LINE])]), channel="other")
    assert home.run() == 1
    assert home.report("po.edi", "other")["problems"][0]["code"] == "HOME-WRONG-CHANNEL"
    assert home.documents() == {}


def test_acknowledgments_can_be_switched_off(home: Home) -> None:
    home.set(f"partners/{PARTNER}.yaml", "acknowledge: true ", "acknowledge: false ")
    home.drop(interchange(7, [order(1, "A", [LINE])]))
    assert home.run() == 0
    assert home.out() == []


def test_a_999_where_the_partner_wants_one(home: Home) -> None:
    home.set(f"partners/{PARTNER}.yaml", "acknowledge: true ", "acknowledge: 999 ")
    home.drop(interchange(7, [order(1, "A", [LINE]), order(2, "B", [LINE], requested="20260231")]))
    assert home.run() == 1
    (answer,) = home.out("999_*")
    assert len(home.out()) == 1
    assert codes(answer, "ST") == ["999"]
    assert codes(answer, "IK5") == ["A", "R"]
    assert codes(answer, "AK9") == ["P"]


# --- duplicates ------------------------------------------------------------------------------------------


def test_the_same_bytes_are_processed_once(home: Home) -> None:
    content = interchange(7, [order(1, "A", [LINE])])
    home.drop(content, "first.edi")
    assert home.run() == 0
    home.drop(content, "again.edi")
    assert home.run() == 1
    report = home.report("again.edi")
    assert (report["status"], report["problems"][0]["code"]) == ("duplicate", "HOME-DUPLICATE")
    assert "first.edi" in report["problems"][0]["message"]
    assert len(home.names("erp/outbox")) == 1
    assert len(home.out()) == 1


def test_the_same_interchange_in_other_bytes_is_processed_once(home: Home) -> None:
    home.drop(interchange(7, [order(1, "A", [LINE])]), "first.edi")
    home.drop(interchange(7, [order(1, "B", [LINE])]), "second.edi")
    assert home.run() == 1
    assert list(home.documents()) == ["A"]
    assert home.report("second.edi")["status"] == "duplicate"


def test_what_failed_may_be_sent_again(home: Home) -> None:
    home.drop(interchange(7, [order(1, "A", [LINE], requested="20260231")]), "bad.edi")
    assert home.run() == 1
    home.drop(interchange(7, [order(1, "A", [LINE])]), "corrected.edi")
    assert home.run() == 0
    assert list(home.documents()) == ["A"]
    assert [codes(one, "AK9") for one in home.out()] == [["R"], ["A"]]


def test_files_of_one_name_do_not_cover_each_other_in_quarantine(home: Home) -> None:
    for content in (b"one", b"two", b"two"):
        home.drop(content)
        assert home.run() == 1
    quarantine = home.path / f"folders/{PARTNER}/quarantine"
    kept = [path.read_bytes() for path in quarantine.iterdir() if path.suffix == ".edi"]
    assert sorted(kept) == [b"one", b"two", b"two"]
    assert len(list(quarantine.iterdir())) == 9


def test_an_order_of_ours_is_sent_once(home: Home) -> None:
    sent = erp_order()
    home.drop(sent, "first.json", "erp")
    assert home.run() == 0
    again = json.dumps(dict(reversed(sent.items())), indent=4).encode()
    later = {**sent, "ordered_at": "2026-03-03"}
    change = {**later, "purpose": "change"}
    for name, document in (("again", again), ("later", later), ("change", change), ("twice", change)):
        home.drop(
            document if name != "twice" else json.dumps(change, indent=1).encode(), f"{name}.json", "erp"
        )
        home.run()
    assert len(home.out("850_*")) == 2, "the first, and its change"
    for name in ("again", "later", "twice"):
        report = home.report(f"{name}.json", "erp")
        assert (report["status"], report["move"]) == ("duplicate", "your own system (ERP)")
        assert report["problems"][0]["code"] == "HOME-DUPLICATE"
        assert "ES-20417" in report["problems"][0]["message"]
        assert "new number" in report["what_to_do"][0]
    assert "first.json" in home.report("later.json", "erp")["problems"][0]["message"]


def test_a_number_may_be_used_for_another_partner_a_test_and_after_a_rejection(home: Home) -> None:
    other = "name: Other\nidentifiers: [{qualifier: ZZ, id: OTHER}]\nsend: [{set: 850}]\n"
    (home.path / "partners/other.yaml").write_text(other)
    home.run()
    sent = erp_order()
    for number, document in enumerate(({**sent, "test": True}, sent, {**sent, "partner_id": "other"})):
        home.drop(document, f"{number}.json", "erp")
        assert home.run() == 0
    home.drop({**sent, "ordered_at": "2026-03-03"}, "corrected.json", "erp")
    assert home.run() == 1
    answer = ["ST*997*0001", "AK1*PO*2", "AK2*850*0001", "AK5*R*5", "AK9*R*1*1*0", "SE*6*0001"]
    home.drop(interchange(7, [answer], group="FA"), "997.edi")
    assert home.run() == 1, "the refused one needs a person"
    home.drop({**sent, "ordered_at": "2026-03-04"}, "corrected-again.json", "erp")
    assert home.run() == 0
    assert len(home.out("850_*")) == 3


# --- orders out ------------------------------------------------------------------------------------------


def test_json_becomes_x12_and_its_997_is_matched(home: Home) -> None:
    home.drop(erp_order(), "order.json", "erp")
    assert home.run() == 0
    assert home.names(f"{PARTNER}/outbox") == ["850_ES-20417_1.edi"]
    (sent,) = home.out()
    found = {segment[0]: segment for segment in sent}
    assert (found["ISA"][6].strip(), found["ISA"][8].strip(), found["ISA"][15]) == (
        "EXAMPLESUPPLIER",
        "ACMERETAIL",
        "P",
    )
    assert (found["GS"][2], found["GS"][3], found["GS"][6], found["BEG"][3]) == (
        "EXAMPLESUPPLIER",
        "ACMERETAIL",
        "1",
        "ES-20417",
    )
    assert home.rows("SELECT acknowledgment FROM documents") == [("waiting",)]
    answer = ["ST*997*0001", "AK1*PO*0001", "AK2*850*0001", "AK5*R*5", "AK9*R*1*1*0", "SE*6*0001"]
    home.drop(interchange(7, [answer], group="FA"), "997.edi")
    assert home.run() == 1
    assert home.rows("SELECT acknowledgment FROM documents") == [("rejected",)]
    assert home.rows("SELECT acknowledgment FROM messages WHERE direction = 'out'") == [("rejected",)]
    assert home.out("997_*") == [], "an acknowledgment is never acknowledged"
    is_refused(home, "The partner rejects 850 0001: segments are in error.")
    home.drop(interchange(8, [answer], group="FA"), "997-again.edi")
    assert home.run() == 0
    assert home.rows("SELECT count(*) FROM audit WHERE event = 'acknowledgment.repeated'") == [(1,)]
    is_refused(home, "The partner rejects 850 0001: segments are in error.")


def is_refused(home: Home, words: str) -> None:
    """What our own system sent lies in its quarantine, with the partner's reason."""
    files = ["order.json", "order.json.problem.json", "order.json.problem.txt"]
    assert home.names("erp/quarantine") == files
    sent = json.loads((home.path / "folders/erp/quarantine/order.json").read_bytes())
    assert sent == erp_order()
    report = home.report("order.json", "erp")
    assert (report["status"], report["move"]) == ("refused_by_partner", "your own system (ERP)")
    (problem,) = report["problems"]
    assert problem["code"] == "HOME-REFUSED-BY-PARTNER"
    assert problem["message"] == f"Purchase order ES-20417: {words}"
    told = (home.path / "folders/erp/quarantine/order.json.problem.txt").read_text()
    assert "partner refused it" in told
    assert home.rows("SELECT delivery FROM messages WHERE name = 'order.json'") == [("delivered",)]


def test_a_997_that_accepts_leaves_nothing_to_do(home: Home) -> None:
    home.drop(erp_order(), "order.json", "erp")
    home.run()
    answer = ["ST*997*0001", "AK1*PO*1", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1", "SE*6*0001"]
    home.drop(interchange(7, [answer], group="FA"), "997.edi")
    assert home.run() == 0
    assert home.rows("SELECT acknowledgment FROM documents") == [("accepted",)]
    assert home.names("erp/quarantine") == []
    assert home.rows("SELECT state FROM expectations") == [("met",)]


def test_a_ta1_that_rejects_is_matched(home: Home) -> None:
    home.drop(erp_order(), "order.json", "erp")
    assert home.run() == 0
    isa = interchange(7, []).decode().split("~\n")[0]
    home.drop(f"{isa}~TA1*000000001*260302*0915*R*006~IEA*0*000000007~".encode(), "ta1.edi")
    assert home.run() == 1
    assert home.rows("SELECT acknowledgment FROM messages WHERE direction = 'out'") == [("rejected",)]
    assert home.rows("SELECT acknowledgment FROM documents") == [("rejected",)]
    assert len(home.out()) == 1
    is_refused(home, "The partner rejects the interchange.")


@pytest.mark.parametrize("verdict", ["Q*006", "R*099", "R"])
def test_a_ta1_that_cannot_be_read_changes_nothing(home: Home, verdict: str) -> None:
    home.drop({**erp_order(), "partner_id": PARTNER}, "order.json", "erp")
    assert home.run() == 0
    isa = interchange(7, []).decode().split("~\n")[0]
    home.drop(f"{isa}~TA1*000000001*260302*0915*{verdict}~IEA*0*000000007~".encode(), "ta1.edi")
    assert home.run() == 1
    assert home.rows("SELECT acknowledgment FROM messages WHERE direction = 'out'") == [("waiting",)]
    assert home.report("ta1.edi")["status"] == "rejected"
    assert home.report("ta1.edi")["problems"][0]["location"]["segment_id"] == "TA1"
    assert home.out("TA1_*") == home.out("99?_*") == [], "nothing answers it"


def test_control_numbers_go_on(home: Home) -> None:
    for number in range(3):
        home.drop({**erp_order(), "partner_id": PARTNER, "po_number": f"PO{number}"}, f"{number}.json", "erp")
    home.drop(interchange(7, [order(1, "A", [LINE])]))
    assert home.run() == 0
    assert sorted(one[0][13] for one in home.out()) == [f"{number:09d}" for number in range(1, 5)]


def test_a_test_document_stays_a_test(home: Home) -> None:
    home.drop({**erp_order(), "partner_id": PARTNER, "test": True}, "order.json", "erp")
    assert home.run() == 0
    assert home.out()[0][0][15] == "T"


def test_a_document_that_came_in_can_go_out(home: Home) -> None:
    home.drop(interchange(7, [order(1, "A", [LINE])]))
    assert home.run() == 0
    home.drop(home.documents()["A"], "back.json", "erp")
    assert home.run() == 0
    (sent,) = home.out("850_*")
    assert [segment for segment in sent if segment[0] == "BEG"] == [["BEG", "00", "NE", "A", "", "20260302"]]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"ISA*00*", "unreadable", "HOME-NOT-JSON"),
        (b"\xff{}", "unreadable", "HOME-NOT-JSON"),
        (b"[1]", "unreadable", "HOME-NOT-A-DOCUMENT"),
        (b"{}", "unreadable", "HOME-NOT-A-DOCUMENT"),
        ({**erp_order(), "document_type": "poem"}, "unreadable", "HOME-NOT-A-DOCUMENT"),
        ({**erp_order(), "partner_id": "acme"}, "unprocessed", "HOME-NO-ADDRESSEE"),
        (
            {key: value for key, value in erp_order().items() if key != "partner_id"},
            "unprocessed",
            "HOME-NO-ADDRESSEE",
        ),
    ],
    ids=["x12", "latin", "list", "empty", "type", "partner", "nobody"],
)
def test_json_that_cannot_be_sent_is_explained(home: Home, content: Any, status: str, code: str) -> None:
    home.drop(content, "order.json", "erp")
    assert home.run() == 1
    report = home.report("order.json", "erp")
    assert (report["status"], report["problems"][0]["code"]) == (status, code)
    assert home.out() == []


def test_an_invalid_document_names_its_fields(home: Home) -> None:
    document = {**erp_order(), "partner_id": PARTNER, "ordered_at": "2026-02-31", "po_number": "X" * 30}
    home.drop(document, "order.json", "erp")
    assert home.run() == 1
    report = home.report("order.json", "erp")
    assert report["status"] == "rejected"
    assert report["move"] == "your own system (ERP)"
    assert {problem["location"]["pointer"] for problem in report["problems"]} >= {"/ordered_at"}
    assert home.out() == []
    home.drop(erp_order(), "good.json", "erp")
    assert home.run() == 0
    assert home.out()[0][0][13] == "000000001", "a number that was not used is not lost"


# --- files and processes ---------------------------------------------------------------------------------


def test_files_still_being_written_are_left_alone(home: Home) -> None:
    home.set("gateway.yaml", "stable_seconds: 0 ", "stable_seconds: 0.2 ")
    inbox = home.path / f"folders/{PARTNER}/inbox"
    (inbox / "a.edi.part").write_bytes(b"ISA")
    (inbox / ".b.edi").write_bytes(b"ISA")
    future = inbox / "c.edi"
    future.write_bytes(interchange(7, [order(1, "A", [LINE])]))
    os.utime(future, (4e9, 4e9))
    assert home.run() == 0
    assert home.names(f"{PARTNER}/inbox") == [".b.edi", "a.edi.part"], "c.edi looked the same twice"
    assert list(home.documents()) == ["A"]


def test_links_are_never_followed(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret").write_text("secret")
    (home.path / f"folders/{PARTNER}/inbox/link.edi").symlink_to(tmp_path / "secret")
    assert home.run() == 0
    assert home.names(f"{PARTNER}/inbox") == ["link.edi"]
    assert "file.ignored" in capsys.readouterr().err


def test_too_large_files_are_not_read(home: Home) -> None:
    home.set("gateway.yaml", "max_file_mb: 1024 ", "max_file_mb: 1 ")
    home.drop(b"x" * 1_000_001)
    assert home.run() == 1
    assert home.report("po.edi")["problems"][0]["code"] == "HOME-TOO-LARGE"


def test_a_name_taken_by_somebody_else_is_not_overwritten(home: Home) -> None:
    foreign = home.path / f"folders/{PARTNER}/outbox/850_ES-20417_1.edi"
    foreign.write_text("somebody else's")
    home.drop(erp_order(), "order.json", "erp")
    assert home.run() == 0
    assert foreign.read_text() == "somebody else's"
    assert len(home.names(f"{PARTNER}/outbox")) == 2


def test_only_one_process_works_on_a_home(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    hold = (
        "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX);"
        " print('held', flush=True); sys.stdin.read()"
    )
    home.run()
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(home.path / "data/lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert home.run() == 6
        assert "Another process" in capsys.readouterr().err
        other.communicate()
    assert home.run() == 0


def test_a_folder_that_is_away_stops_nothing_else(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.drop(interchange(7, [order(1, "A", [LINE])]))
    home.run()
    outbox = home.path / "folders/erp/outbox"
    for path in outbox.iterdir():
        path.unlink()
    outbox.rmdir()
    outbox.write_text("not a folder")
    home.drop(interchange(8, [order(1, "B", [LINE])]))
    assert home.run() == 5
    assert len(home.out("997_*")) == 2
    outbox.unlink()
    assert home.run() == 5, "a folder that is away is not made in passing"
    outbox.mkdir()
    assert home.run() == 0
    assert list(home.documents()) == ["B"]
