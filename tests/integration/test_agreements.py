"""What was agreed with a partner, in a home of real files: duplicates, batches, deadlines; what people do."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import engine, resources
from gateway.app import Gateway
from gateway.errors import RefusedError
from gateway.services import operate
from gateway.services.base import Services
from gateway.settings import load
from tests.homes import FakeClock
from tests.integration.killing import erp_order
from tests.integration.test_home import LINE, PARTNER, Home, codes
from tests.orders import interchange, order

MEMORY = Path("/dev/shm")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


class Agreed(Home):
    """A home with one partner, of which a test says what was agreed."""

    def agree(self, *lines: str, receive: str = "{set: 850}", send: str = "{set: 850}") -> None:
        said = ("name: Acme Retail", "identifiers: [{qualifier: ZZ, id: ACMERETAIL}]")
        text = "\n".join((*said, f"receive: [{receive}]", f"send: [{send}]", *lines, ""))
        (self.path / f"partners/{PARTNER}.yaml").write_text(text)

    def order(self, number: str, name: str = "", **changes: Any) -> None:
        """A purchase order of the ERP."""
        self.drop({**erp_order(), "po_number": number, **changes}, name or f"{number}.json", "erp")

    @contextmanager
    def services(self) -> Iterator[Services]:
        """What a person at the keyboard has."""
        with Gateway(self.path, load(self.path), works=False, actor="jane") as gateway:
            yield gateway.services

    def one(self, sql: str) -> Any:
        ((found,),) = self.rows(sql)
        return found

    def message(self, name: str) -> str:
        return str(self.one(f"SELECT id FROM messages WHERE name = '{name}'"))

    def statuses(self, name: str) -> tuple[Any, ...]:
        (found,) = self.rows(
            f"SELECT translation, delivery, acknowledgment FROM messages WHERE name = '{name}'"
        )
        return found


@pytest.fixture
def home() -> Iterator[Agreed]:
    """In memory, if there is some: nothing here is about power failures."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield Agreed(Path(name) / "home")


# --- what came before ------------------------------------------------------------------------------------

FIRST = interchange(7, [order(1, "A", [LINE])])


def same_group(content: bytes, control: int) -> bytes:
    """The interchange with GS06 of the first."""
    text = content.decode()
    return text.replace(f"*0915*{control}*X*", "*0915*7*X*").replace(f"GE*1*{control}~", "GE*1*7~").encode()


AGAIN = {
    "content": FIRST,
    "interchange": interchange(7, [order(1, "B", [LINE])]),
    "group": same_group(interchange(8, [order(2, "B", [LINE])]), 8),
    "set": same_group(interchange(8, [order(1, "B", [LINE])]), 8),
    "number": interchange(8, [order(2, "A", [LINE])]),
}
"""What came before by one mark, and is new by those that are looser."""

WHOLE = ("content", "interchange")
"""Marks of an interchange; the others are of a transaction set."""


def came_again(home: Agreed, by: str, then: str, agreed: str | None = None) -> int:
    """The first interchange, and one that is the same by a mark."""
    home.agree(agreed or f"duplicates: {{by: [{by}], then: {then}}}")
    home.drop(FIRST, "first.edi")
    assert home.run() == 0
    home.drop(AGAIN[by], "again.edi")
    return home.run()


def documents(home: Agreed) -> int:
    return len(home.names("erp/outbox"))


@pytest.mark.parametrize("by", AGAIN)
def test_what_came_before_is_left_to_a_person(home: Agreed, by: str) -> None:
    assert came_again(home, by, "quarantine") == 1
    assert documents(home) == 1
    report = home.report("again.edi")
    assert report["status"] == "duplicate"
    (problem,) = [one for one in report["problems"] if one["severity"] == "error"]
    assert problem["code"] == "HOME-DUPLICATE"
    assert "first.edi" in problem["message"]
    assert home.message("first.edi") in problem["message"]
    assert home.out("TA1_*") == []
    assert len(home.out("997_*")) == (1 if by in WHOLE else 2), "a set is read, an interchange is not"


@pytest.mark.parametrize("by", AGAIN)
def test_what_came_before_is_rejected_and_the_sender_is_told(home: Agreed, by: str) -> None:
    assert came_again(home, by, "reject") == 1
    assert documents(home) == 1
    assert home.report("again.edi")["status"] == "duplicate"
    assert home.report("again.edi")["answered"]
    if by in WHOLE:
        ((_, ta1, _),) = home.out("TA1_*")
        assert ta1[:2] + ta1[4:6] == ["TA1", "000000007", "R", "025"]
        assert len(home.out("997_*")) == 1
    else:
        said = home.out("997_*")[1]
        assert [one[1:] for one in said if one[0] == "AK5"] == [["R", "5"]]
        assert codes(said, "AK9") == ["R"]
        assert home.out("TA1_*") == []


@pytest.mark.parametrize("by", AGAIN)
def test_what_came_before_is_processed_where_that_was_agreed(home: Agreed, by: str) -> None:
    assert came_again(home, by, "pass") == 0
    assert documents(home) == 2
    assert [codes(one, "AK9") for one in home.out("997_*")] == [["A"], ["A"]]


@pytest.mark.parametrize("by", AGAIN)
def test_what_came_before_is_answered_as_before(home: Agreed, by: str) -> None:
    assert came_again(home, by, "answer_again") == 0
    assert documents(home) == 1
    assert home.statuses("again.edi")[0] == "duplicate"
    assert home.names(f"{PARTNER}/quarantine") == []
    if by in WHOLE:
        outbox = home.path / f"folders/{PARTNER}/outbox"
        first, again = (path.read_bytes() for path in outbox.iterdir())
        assert first == again, "the same bytes, under another name"
        assert home.rows("SELECT count(*) FROM messages WHERE direction = 'out'") == [(1,)]
    else:
        assert [codes(one, "AK5") for one in home.out("997_*")] == [["A"], ["A"]]


@pytest.mark.parametrize("by", AGAIN)
def test_what_is_the_same_by_a_mark_that_was_not_agreed_is_new(home: Agreed, by: str) -> None:
    # The same bytes are the same by every mark.
    others = "content" if by != "content" else ""
    home.agree(f"duplicates: {{by: [{others}]}}")
    home.drop(FIRST, "first.edi")
    home.drop(AGAIN[by], "again.edi")
    assert home.run() == 0
    assert documents(home) == 2


def test_a_group_may_hold_many_sets_and_a_set_its_number_again_in_another(home: Agreed) -> None:
    home.agree("duplicates: {by: [group, set]}")
    home.drop(interchange(7, [order(1, "A", [LINE]), order(2, "B", [LINE])]), "first.edi")
    home.drop(interchange(8, [order(1, "C", [LINE]), order(2, "D", [LINE])]), "second.edi")
    assert home.run() == 0
    assert documents(home) == 4


def test_one_set_that_came_before_holds_no_others_up(home: Agreed) -> None:
    home.agree("duplicates: {by: [number], then: reject}")
    home.drop(FIRST, "first.edi")
    home.drop(interchange(8, [order(1, "A", [LINE]), order(2, "B", [LINE])]), "second.edi")
    assert home.run() == 1
    assert sorted(home.documents()) == ["A", "B"]
    assert home.report("second.edi")["status"] == "partly_translated"
    (said,) = [one for one in home.out("997_*") if len(codes(one, "AK2")) == 2]
    assert (codes(said, "AK5"), codes(said, "AK9")) == (["R", "A"], ["P"])


def test_a_set_may_have_an_agreement_of_its_own(home: Agreed) -> None:
    lines = "{set: 850, duplicates: {by: [number], then: reject}}"
    home.agree("duplicates: {by: [number], then: pass}", receive=lines)
    home.drop(FIRST, "first.edi")
    home.drop(AGAIN["number"], "again.edi")
    assert home.run() == 1
    assert documents(home) == 1


def test_a_number_of_a_test_is_no_number_of_production(home: Agreed) -> None:
    home.agree("duplicates: {by: [number]}")
    home.drop(FIRST.replace(b"*0*P*>", b"*0*T*>"), "test.edi")
    home.drop(AGAIN["number"], "production.edi")
    assert home.run() == 0
    assert documents(home) == 2


@pytest.mark.parametrize("by", ["[content]", "[interchange]", "[group]", "[set]", "[number]"])
def test_a_set_that_was_rejected_may_come_again(home: Agreed, by: str) -> None:
    home.agree(f"duplicates: {{by: {by}}}")
    home.drop(interchange(7, [order(1, "A", [LINE], requested="20260231")]), "bad.edi")
    assert home.run() == 1
    home.drop(FIRST, "corrected.edi")
    assert home.run() == 0
    assert list(home.documents()) == ["A"]


@pytest.mark.parametrize("broken", [(b"IEA*1*", b"IEA*2*"), (b"GE*1*", b"GE*2*")], ids=["IEA", "GE"])
def test_what_was_taken_back_with_its_group_or_interchange_may_come_again(
    home: Agreed, broken: tuple[bytes, bytes]
) -> None:
    home.agree("duplicates: {by: [content, interchange, group, set, number]}")
    home.drop(FIRST.replace(*broken), "bad.edi")
    assert home.run() == 1
    home.drop(FIRST, "corrected.edi")
    assert home.run() == 0
    assert list(home.documents()) == ["A"]


def test_a_file_that_failed_by_an_error_of_ours_may_come_again(
    home: Agreed, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.agree()
    home.set("gateway.yaml", "attempts: 5 ", "attempts: 1 ")
    with monkeypatch.context() as patch:
        patch.setattr("gateway.services.inbound.Inbound.keep", lambda *args: 1 / 0)
        home.drop(FIRST, "failed.edi")
        assert home.run() == 1
    assert home.report("failed.edi")["status"] == "failed"
    home.drop(FIRST, "again.edi")
    assert home.run() == 0
    assert list(home.documents()) == ["A"]


def test_an_id_of_the_erp_is_of_one_document(home: Agreed) -> None:
    home.agree()
    home.order("A", document_id="erp-1")
    assert home.run() == 0
    home.order("A", "again.json", document_id="erp-1")
    assert home.run() == 1
    assert home.report("again.json", "erp")["problems"][0]["code"] == "HOME-DUPLICATE"
    home.order("B", "other.json", document_id="erp-1")
    assert home.run() == 1
    report = home.report("other.json", "erp")
    assert (report["status"], report["problems"][0]["code"]) == ("duplicate", "HOME-KEY-TAKEN")
    assert home.message("A.json") in report["problems"][0]["message"]
    home.order("B", "right.json", document_id="erp-2")
    assert home.run() == 0
    assert len(home.out()) == 2


def test_an_id_of_a_document_that_could_not_be_sent_is_free(home: Agreed) -> None:
    home.agree()
    home.order("A", "bad.json", document_id="erp-1", ordered_at="2026-02-31")
    assert home.run() == 1
    home.order("A", "good.json", document_id="erp-1")
    assert home.run() == 0
    assert home.out()[0][0][13] == "000000001"


def test_used_up_control_numbers_are_told_as_what_they_are(home: Agreed) -> None:
    home.agree("first_control_number: 999999999")
    home.order("A")
    assert home.run() == 0
    home.order("B")
    assert home.run() == 1
    problem = home.report("B.json", "erp")["problems"][0]
    assert "control numbers" in problem["message"]
    assert "document_id" not in problem["message"]


# --- numbers and channels --------------------------------------------------------------------------------


def test_control_numbers_begin_where_the_earlier_system_ended(home: Agreed) -> None:
    home.agree("first_control_number: 5000")
    home.drop(FIRST)
    home.order("A")
    home.order("B")
    assert home.run() == 0
    isa = sorted(one[0][13] for one in home.out())
    assert isa == ["000005000", "000005001", "000005002"]
    groups = sorted(segment[6] for one in home.out("850_*") for segment in one if segment[0] == "GS")
    assert groups == ["5000", "5001"]


def test_documents_of_tests_go_to_the_test_system(home: Agreed) -> None:
    home.agree()
    home.set("gateway.yaml", "  # test_channel: erp-test", "  test_channel: erp-test")
    home.drop(FIRST, "production.edi")
    home.drop(interchange(8, [order(1, "T", [LINE])]).replace(b"*0*P*>", b"*0*T*>"), "test.edi")
    assert home.run() == 0
    assert list(home.documents()) == ["A"]
    (name,) = home.names("erp-test/outbox")
    found = json.loads((home.path / "folders/erp-test/outbox" / name).read_bytes())
    assert (found["po_number"], found["test"]) == ("T", True)


# --- batches ---------------------------------------------------------------------------------------------


def numbers(sent: list[list[str]]) -> list[str]:
    """The purchase orders of an interchange, in their order."""
    return [segment[3] for segment in sent if segment[0] == "BEG"]


def test_documents_wait_until_there_are_as_many_as_was_agreed(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 3}}")
    home.order("A")
    home.order("B")
    assert home.run() == 0
    assert home.out() == []
    assert home.statuses("A.json") == ("translated", "not_expected", "not_expected")
    home.order("C")
    assert home.run() == 0
    assert home.names(f"{PARTNER}/outbox") == ["850_3-documents_1.edi"]
    (sent,) = home.out()
    assert sorted(numbers(sent)) == ["A", "B", "C"]
    assert codes(sent, "GS") == ["PO"], "they share one group"
    assert [one[2] for one in sent if one[0] in ("ST", "SE")] == [
        "0001",
        "0001",
        "0002",
        "0002",
        "0003",
        "0003",
    ]
    assert (codes(sent, "GE"), codes(sent, "IEA")) == (["3"], ["1"])
    found = home.rows("SELECT number, set_control FROM documents ORDER BY set_control")
    assert [number for number, _ in found] == numbers(sent)
    assert [control for _, control in found] == ["1", "2", "3"]


def test_files_are_called_as_the_partner_wants(home: Agreed, clock: FakeClock) -> None:
    home.agree(send="{set: 850, file_name: 'PO_{partner}_{date}{time}_{number}.{control}.x12'}")
    home.order("A 1")
    home.run()
    (name,) = [one.name for one in (home.path / f"folders/{PARTNER}/outbox").iterdir()]
    assert name == f"PO_{PARTNER}_{clock.time:%Y%m%d%H%M%S}_A 1.1.x12"


def test_more_than_a_batch_becomes_several(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 2}}")
    for number in "ABCDE":
        home.order(number)
    assert home.run() == 0
    assert [len(numbers(one)) for one in home.out()] == [2, 2]
    assert home.one("SELECT count(*) FROM documents WHERE batch IS NOT NULL") == 1


def test_a_batch_is_sent_when_its_first_document_has_waited_long_enough(
    home: Agreed, clock: FakeClock
) -> None:
    home.agree(send="{set: 850, batch: {count: 9, seconds: 3000}}")
    home.order("A")
    home.run()
    clock.goes_on(seconds=2000)
    home.order("B")
    assert home.run() == 0
    assert home.out() == []
    clock.goes_on(seconds=1000)
    assert home.run() == 0
    (sent,) = home.out()
    assert numbers(sent) == ["A", "B"]


def test_a_batch_is_sent_when_it_is_large_enough(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 9, size_kb: 1}}")
    home.order("A")
    home.order("B")
    assert home.run() == 0
    assert home.out() == []
    home.order("C")
    assert home.run() == 0
    assert len(home.out()) == 1
    assert sum(len(numbers(one)) for one in home.out()) >= 2


def test_tests_and_production_are_never_in_one_interchange(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 2}}")
    home.order("P1")
    home.order("T1", test=True)
    assert home.run() == 0
    assert home.out() == []
    home.order("P2")
    home.order("T2", test=True)
    assert home.run() == 0
    found = {one[0][15]: sorted(numbers(one)) for one in home.out()}
    assert found == {"P": ["P1", "P2"], "T": ["T1", "T2"]}


def test_a_document_that_cannot_be_written_joins_no_batch(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 2}}")
    home.order("A", ordered_at="2026-02-31")
    home.order("B")
    assert home.run() == 1
    assert home.report("A.json", "erp")["status"] == "rejected"
    home.order("C")
    assert home.run() == 0
    (sent,) = home.out()
    assert sorted(numbers(sent)) == ["B", "C"]


def test_a_batch_that_was_agreed_no_longer_is_sent_at_once(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 9}}")
    home.order("A")
    home.order("B")
    home.run()
    home.agree()
    home.run()
    assert sorted(numbers(one)[0] for one in home.out()) == ["A", "B"]


ANSWER = [
    "ST*997*0001", "AK1*PO*1", "AK2*850*0001", "AK5*A", "AK2*850*0002", "AK5*R*5", "AK9*P*2*2*1", "SE*8*0001",
]  # fmt: skip
"""A 997 that accepts the first set of a group and rejects the second."""


def test_an_acknowledgment_is_matched_set_by_set_inside_a_batch(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 2}}")
    home.order("A")
    home.run()
    home.order("B")
    home.run()
    home.drop(interchange(7, [ANSWER], group="FA"), "997.edi")
    assert home.run() == 1
    found = home.rows("SELECT number, acknowledgment FROM documents ORDER BY number")
    assert found == [("A", "accepted"), ("B", "rejected")]
    assert home.one("SELECT acknowledgment FROM messages WHERE direction = 'out'") == "partial"
    assert home.names("erp/quarantine") == ["B.json", "B.json.problem.json", "B.json.problem.txt"]
    home.order("A", "again.json", ordered_at="2026-03-03")
    assert home.run() == 1, "the accepted one keeps its number"
    home.order("B", "corrected.json", ordered_at="2026-03-03")
    assert home.run() == 0


def test_a_document_that_waits_for_a_batch_can_be_cancelled(home: Agreed) -> None:
    home.agree(send="{set: 850, batch: {count: 2}}")
    home.order("A")
    assert home.run() == 0
    with home.services() as services:
        operate.cancel(services, home.message("A.json"), "ordered by mistake")
        with pytest.raises(RefusedError, match="nothing left that could be cancelled"):
            operate.cancel(services, home.message("A.json"), "again")
    home.order("B")
    assert home.run() == 0
    assert home.out() == []
    home.order("A", "corrected.json", ordered_at="2026-03-03")
    assert home.run() == 0
    (sent,) = home.out()
    assert sorted(numbers(sent)) == ["A", "B"]
    cancelled = "SELECT actor FROM audit WHERE event = 'message.cancelled'"
    assert home.one(cancelled) == "jane"


# --- deadlines -------------------------------------------------------------------------------------------


def test_an_acknowledgment_that_does_not_come_is_overdue_and_may_come_late(
    home: Agreed, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    home.agree(send="{set: 850, acknowledged_within_hours: 2}")
    home.order("A")
    assert home.run() == 0
    clock.goes_on(minutes=119)
    home.run()
    assert home.statuses("850_A_1.edi") == ("written", "delivered", "waiting")
    clock.goes_on(minutes=1)
    capsys.readouterr()
    assert home.run() == 0
    assert '"event": "acknowledgment.overdue", "level": "warning"' in capsys.readouterr().err
    assert home.statuses("850_A_1.edi") == ("written", "delivered", "overdue")
    assert home.one("SELECT state FROM expectations") == "overdue"
    home.run()
    assert home.one("SELECT count(*) FROM audit WHERE event = 'acknowledgment.overdue'") == 1
    answer = ["ST*997*0001", "AK1*PO*1", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1", "SE*6*0001"]
    home.drop(interchange(7, [answer], group="FA"), "997.edi")
    assert home.run() == 0
    assert home.statuses("850_A_1.edi") == ("written", "delivered", "accepted")
    assert home.one("SELECT state FROM expectations") == "met"
    assert home.one("SELECT acknowledgment FROM documents") == "accepted"


def test_what_is_sent_again_is_given_the_same_time(home: Agreed, clock: FakeClock) -> None:
    home.agree(send="{set: 850, acknowledged_within_hours: 2}")
    home.order("A")
    home.run()
    clock.goes_on(hours=3)
    home.run()
    with home.services() as services:
        operate.resend(services, home.message("850_A_1.edi"), "the partner lost it")
    assert home.run() == 0
    assert home.statuses("850_A_1.edi") == ("written", "delivered", "waiting")
    outbox = home.path / f"folders/{PARTNER}/outbox"
    first, again = (path.read_bytes() for path in outbox.iterdir())
    assert first == again
    clock.goes_on(minutes=119)
    home.run()
    assert home.statuses("850_A_1.edi")[2] == "waiting"
    clock.goes_on(minutes=2)
    home.run()
    assert home.statuses("850_A_1.edi")[2] == "overdue"


# --- what people do --------------------------------------------------------------------------------------


def test_what_is_held_waits_until_it_is_released(home: Agreed, monkeypatch: pytest.MonkeyPatch) -> None:
    home.agree()
    with monkeypatch.context() as patch:
        patch.setattr("gateway.services.translate.translate", lambda *args, **options: None)
        home.drop(FIRST, "po.edi")
        home.run()
    with home.services() as services:
        operate.hold(services, home.message("po.edi"), "is it really theirs?")
        with pytest.raises(RefusedError, match=r"on hold: is it really theirs\?"):
            operate.hold(services, home.message("po.edi"), "twice")
    assert home.run() == 0
    assert home.statuses("po.edi")[0] == "received"
    with home.services() as services:
        operate.release(services, home.message("po.edi"), "it is")
        with pytest.raises(RefusedError, match="is not on hold"):
            operate.release(services, home.message("po.edi"), "twice")
    assert home.run() == 0
    assert home.statuses("po.edi")[:2] == ("translated", "delivered")
    events = "SELECT event FROM audit WHERE event LIKE 'message.%' ORDER BY seq"
    assert [event for (event,) in home.rows(events)] == [
        "message.held",
        "message.released",
        "message.translated",
    ]


def test_what_was_translated_is_held_before_it_is_delivered(home: Agreed) -> None:
    home.agree()
    outbox = home.path / f"folders/{PARTNER}/outbox"
    outbox.rename(home.path / "away")
    home.order("A")
    assert home.run() == 5
    (home.path / "away").rename(outbox)
    sent = home.message("850_A_1.edi")
    with home.services() as services:
        operate.hold(services, sent, "wait")
    home.order("B")
    assert home.run() == 0
    assert home.names(f"{PARTNER}/outbox") == ["850_B_2.edi"]
    with home.services() as services:
        with pytest.raises(RefusedError, match="Release it first"):
            operate.resend(services, sent, "now")
        operate.release(services, sent, "go")
    assert home.run() == 0
    assert home.names(f"{PARTNER}/outbox") == ["850_A_1.edi", "850_B_2.edi"]
    with home.services() as services, pytest.raises(RefusedError, match="nothing left to do"):
        operate.hold(services, sent, "too late")


def test_what_nobody_saw_can_be_cancelled_and_its_numbers_stay_used(home: Agreed) -> None:
    home.agree()
    outbox = home.path / f"folders/{PARTNER}/outbox"
    outbox.rename(home.path / "away")
    home.order("A")
    assert home.run() == 5
    with home.services() as services:
        operate.cancel(services, home.message("850_A_1.edi"), "ordered by mistake")
    (home.path / "away").rename(outbox)
    assert home.run() == 0
    assert home.out() == []
    assert home.statuses("850_A_1.edi") == ("written", "cancelled", "not_expected")
    assert home.one("SELECT state FROM expectations") == "cancelled"
    home.order("A", "corrected.json", ordered_at="2026-03-03")
    assert home.run() == 0
    assert home.names(f"{PARTNER}/outbox") == ["850_A_2.edi"]


def test_what_was_delivered_cannot_be_cancelled(home: Agreed) -> None:
    home.agree()
    home.order("A")
    home.run()
    with home.services() as services, pytest.raises(RefusedError):
        operate.cancel(services, home.message("850_A_1.edi"), "too late")
    assert home.statuses("850_A_1.edi") == ("written", "delivered", "waiting")


def test_a_corrected_mapping_is_used_when_an_order_is_processed_again(home: Agreed) -> None:
    home.agree()
    override = home.path / "mappings/x12/004010/850.yaml"
    override.parent.mkdir(parents=True)
    right = resources.find("mappings/x12/004010/850.yaml").read_text()
    wrong = right.replace("DTM01=002", "DTM01=x").replace("DTM01=010", "DTM01=002").replace("=x]", "=010]")
    override.write_text(wrong)
    home.drop(FIRST, "po.edi")
    assert home.run() == 0
    assert home.documents()["A"]["requested_ship_at"] == "2026-03-16"
    override.write_text(right)
    engine.library.cache_clear()  # another process knows nothing of the wrong one
    first = home.message("po.edi")
    with home.services() as services:
        made = operate.reprocess(services, first, "the mapping was wrong")
    assert home.run() == 0
    found = [json.loads(path.read_bytes()) for path in (home.path / "folders/erp/outbox").iterdir()]
    dates = sorted((one.get("requested_ship_at", ""), one.get("requested_delivery_at", "")) for one in found)
    assert dates == [("", "2026-03-16"), ("2026-03-16", "")]
    assert len({one["document_id"] for one in found}) == 2
    assert len(home.out()) == 1, "the partner was answered before"
    assert home.one(f"SELECT origin FROM messages WHERE id = '{made}'") == first
    rules = home.rows("SELECT facts FROM audit WHERE event = 'message.translated' ORDER BY seq")
    assert len({json.loads(facts)["rules"] for (facts,) in rules}) == 2
    home.drop(FIRST, "again.edi")
    assert home.run() == 1, "it is a duplicate as before"


def test_the_partner_can_be_answered_once_more(home: Agreed) -> None:
    home.agree()
    home.drop(FIRST, "po.edi")
    home.run()
    with home.services() as services:
        operate.reprocess(services, home.message("po.edi"), "they lost it", acknowledge=True)
    assert home.run() == 0
    assert [one[0][13] for one in home.out("997_*")] == ["000000001", "000000002"], "new control numbers"
    assert documents(home) == 2


def test_only_what_came_can_be_processed_again(home: Agreed) -> None:
    home.agree()
    home.order("A")
    home.run()
    with home.services() as services, pytest.raises(RefusedError, match=home.message("A.json")):
        operate.reprocess(services, home.message("850_A_1.edi"), "again")
    with home.services() as services:
        operate.reprocess(services, home.message("A.json"), "again")
    assert home.run() == 0
    assert len(home.out("850_*")) == 2, "a person asked for a second interchange"


def test_a_file_that_was_processed_again_in_vain_may_still_come_again(home: Agreed) -> None:
    """What a person has processed again claims nothing if nothing comes of it."""
    home.agree(receive="{set: 855}")
    home.drop(FIRST, "early.edi")
    assert home.run() == 1
    with home.services() as services:
        operate.reprocess(services, home.message("early.edi"), "try")
    assert home.run() == 1
    home.agree()
    home.drop(FIRST, "late.edi")
    assert home.run() == 0
    assert home.statuses("late.edi")[0] == "translated"


def test_what_is_let_pass_leaves_the_claim_of_the_first(home: Agreed) -> None:
    home.agree("duplicates: {then: pass}")
    home.drop(FIRST, "first.edi")
    assert home.run() == 0
    home.agree("duplicates: {then: pass}", receive="{set: 855}")
    home.drop(FIRST, "second.edi")
    assert home.run() == 1
    home.agree()
    home.drop(FIRST, "third.edi")
    assert home.run() == 1
    assert home.statuses("third.edi")[0] == "duplicate"
