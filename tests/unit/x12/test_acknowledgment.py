"""The 997 and the TA1 we write: golden texts, who gets them, and that they never say more than is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gateway
from gateway import resources
from gateway.cli import opinion as _pyx12
from gateway.errors import Ack, Level, Location, Problem, Severity
from gateway.mapping.library import Library
from gateway.x12.acknowledgment import MAX_SEGMENTS, Acknowledger, Form, Kind
from gateway.x12.envelope import GroupHeader, TransactionSet, Verdict
from tests.acceptance import edi
from tests.acceptance.edi import Interchange
from tests.unit.x12.test_guideline import Files, of

NOW = datetime(2026, 1, 6, 9, 15, tzinfo=UTC)
FORMS: tuple[Kind, ...] = ("997", "999")
DUE: tuple[Kind, ...] = ("due",)


def answers(
    data: bytes,
    kind: Kind = "997",
    change: Callable[[Any], Any] = lambda event: event,
) -> list[bytes]:
    acknowledger = Acknowledger()
    for event in gateway.read(data, documents=False):
        acknowledger.add(change(event), "999" if kind == "999" else "997")
    numbers = count(7)
    return [answer for _, answer in acknowledger.interchanges(lambda: next(numbers), NOW, kind)]


def lines(data: bytes, kind: Kind = "997") -> list[str]:
    """The segments of all answers, which are clean X12 themselves."""
    found = []
    for answer in answers(data, kind):
        report = gateway.validate(answer)
        assert report["verdict"] == "accepted", report["problems"]
        assert report["problems"] == []
        found += [part for part in answer.decode("ascii").split("~") if part]
    return found


def notes(data: bytes, kind: Kind = "997") -> list[str]:
    return [line for line in lines(data, kind) if line.startswith(("AK", "IK"))]


# --- golden texts ----------------------------------------------------------------------------------------


def test_a_clean_order() -> None:
    (answer,) = answers(edi.clean(usage="T").to_bytes())
    assert answer == (
        b"ISA*00*          *00*          *ZZ*SUPPLIER       *ZZ*NORTHWIND      "
        b"*260106*0915*U*00401*000000007*0*T*>~"
        b"GS*FA*SUPPLIERPO*NORTHWINDPO*20260106*0915*7*X*004010~"
        b"ST*997*0001~AK1*PO*11~AK2*850*0001~AK5*A~AK9*A*1*1*1~SE*6*0001~"
        b"GE*1*7~IEA*1*000000007~"
    )


def test_everything_at_once() -> None:
    one = edi.two_sets().put("BEG", 1, "ZQ").put("BEG", 5, "20260230").put("SE", 1, "99")
    one.after("CUR", ["ZZZ", "1"])
    assert notes(one.to_bytes()) == [
        "AK1*PO*11",
        "AK2*850*0001",
        "AK3*BEG*2**8",
        "AK4*1*353*7*ZQ",
        "AK4*5*373*8*20260230",
        "AK3*ZZZ*4**1",
        "AK5*R*5*4",
        "AK2*850*0002",
        "AK5*A",
        "AK9*P*2*2*1",
    ]


def test_a_999_says_the_same() -> None:
    one = edi.two_sets().put("BEG", 1, "ZQ").put("PO1", 2, "").after("CUR", ["ZZZ", "1"]).recount()
    (answer,) = answers(one.to_bytes(), "999")
    assert answer == (
        b"ISA*00*          *00*          *ZZ*SUPPLIER       *ZZ*NORTHWIND      "
        b"*260106*0915*^*00501*000000007*0*P*>~"
        b"GS*FA*SUPPLIERPO*NORTHWINDPO*20260106*0915*7*X*005010X231A1~"
        b"ST*999*0001*005010X231A1~AK1*PO*11*004010~AK2*850*0001~IK3*BEG*2**8~IK4*1*353*7*ZQ~"
        b"IK3*ZZZ*4**1~IK3*PO1*10*PO1*8~IK4*2*330*2~IK5*R*5~AK2*850*0002~IK5*A~AK9*P*2*2*1~SE*13*0001~"
        b"GE*1*7~IEA*1*000000007~"
    )
    assert gateway.validate(answer)["problems"] == []


RULES = (
    '<use at="BEG02" codes="RO"/>', '<use at="BEG03" pattern="^[0-9]+$"/>', '<use at="BEG05" usage="N"/>',
    '<use at="CUR" usage="N"/>', '<use at="PO1/PID" usage="N"/>', '<use at="REF02" length="9"/>',
)  # fmt: skip


def test_rules_of_the_guide_alone_have_codes_of_their_own_in_a_999() -> None:
    one = edi.clean(lines=1).put("N1", 1, "?!")
    guides = Library(Files(of(*RULES))).of("acme")
    expected = {
        "997": """AK3*BEG*2**8 AK4*2*92*7*SA AK4*3*324*7*PO-1001 AK4*5*373*3*20260105 AK3*CUR*3**2
            AK3*REF*4**8 AK4*2*127*4*038 AK3*N1*6**8 AK4*1*98*7*?! AK3*PID*10**2 AK5*R*5""",
        "999": """IK3*BEG*2**8 IK4*2*92*I6*SA IK4*3*324*I12*PO-1001 IK4*5*373*I10*20260105 IK3*CUR*3**I4
            IK3*REF*4**8 IK4*2*127*4*038 IK3*N1*6*N1*8 IK4*1*98*7*?! IK3*PID*10*PO1*I4 IK5*R*I5*5""",
    }
    for kind in FORMS:
        acknowledger = Acknowledger()
        for event in gateway.read(one.to_bytes(), documents=False, guides=guides):
            acknowledger.add(event, "999" if kind == "999" else "997")
        ((_, answer),) = acknowledger.interchanges(lambda: 7, NOW, kind)
        assert gateway.validate(answer)["problems"] == []
        found = answer.decode("ascii").split("~")
        assert found[5:-5] == expected[kind].split()


def test_a_technical_acknowledgment() -> None:
    one = edi.clean(ack_requested="1")
    assert lines(one.to_bytes(), "ta1")[1:] == ["TA1*000000101*260105*0830*A*000", "IEA*0*000000007"]
    assert lines(one.put("IEA", 1, "2").to_bytes(), "ta1")[1] == "TA1*000000101*260105*0830*R*021"


# --- who gets what ---------------------------------------------------------------------------------------


def test_separators_version_and_line_ends_follow_the_inbound() -> None:
    form = {"element": "|", "component": "^", "terminator": "'", "newline": "\r\n"}
    one = edi.clean(version="00200").with_form(**form).put("BEG", 1, "ZQ")
    (answer,) = answers(one.to_bytes())
    assert answer.startswith(b"ISA|00|          |00|          |ZZ|SUPPLIER ")
    assert b"|U|00200|000000007|0|P|^'\r\nGS|FA|" in answer
    assert b"AK3|BEG|2||8'\r\nAK4|1|353|7|ZQ'\r\n" in answer
    assert gateway.validate(answer)["problems"] == []


def test_the_repetition_separator_is_kept() -> None:
    (answer,) = answers(edi.clean(version="00501", standards="^").to_bytes())
    assert b"*^*00501*" in answer
    assert gateway.validate(answer)["verdict"] == "accepted"


def test_separators_that_no_answer_can_use_are_not_used() -> None:
    (answer,) = answers(edi.clean().with_form(terminator="\r\n").to_bytes())
    assert answer.count(b"~") == 10
    assert gateway.validate(answer)["verdict"] == "accepted"


def test_groups_of_one_interchange_are_answered_in_one_interchange() -> None:
    groups = [edi.group([edi.transaction(edi.order_body())], control=c) for c in ("11", "12")]
    other = edi.clean(control="000000102")
    data = Interchange.of(*groups).to_bytes() + other.to_bytes()
    first, second = answers(data)
    assert [line for line in first.decode().split("~") if line.startswith(("GS", "AK1", "GE"))] == [
        "GS*FA*SUPPLIERPO*NORTHWINDPO*20260106*0915*7*X*004010",
        "AK1*PO*11",
        "GE*1*7",
        "GS*FA*SUPPLIERPO*NORTHWINDPO*20260106*0915*8*X*004010",
        "AK1*PO*12",
        "GE*1*8",
    ]
    assert b"IEA*2*000000007" in first
    assert b"IEA*1*000000008" in second
    assert all(gateway.validate(one)["problems"] == [] for one in (first, second))


@pytest.mark.parametrize(
    ("version", "release", "date"),
    [("004010VICS", "004010", "20260106"), ("003060", "003060", "260106"), ("005010", "005010", "20260106")],
)
def test_the_release_follows_the_inbound(version: str, release: str, date: str) -> None:
    one = Interchange.of(edi.group([edi.transaction(edi.order_body())], version=version))
    (answer,) = answers(one.to_bytes())
    (group,) = (line.split("*") for line in answer.decode().split("~") if line.startswith("GS"))
    assert (group[4], group[8]) == (date, release)
    (acknowledged,) = (line for line in answer.decode().split("~") if line.startswith("AK1"))
    assert acknowledged == ("AK1*PO*11*005010" if release == "005010" else "AK1*PO*11")


@pytest.mark.parametrize("set_id", ["997", "999"])
def test_acknowledgments_are_never_acknowledged(set_id: str) -> None:
    body: list[edi.Segment] = [["AK1", "PO", "11"], ["AK9", "A", "1", "1", "1"]]
    for functional_id in ("FA", "PO"):
        one = Interchange.of(
            edi.group([edi.transaction(body, set_id=set_id)], functional_id=functional_id),
            header=edi.isa(ack_requested="1"),
        )
        for kind in FORMS + DUE:
            assert answers(one.to_bytes(), kind) == []
    ta1 = Interchange([edi.isa(ack_requested="1"), ["TA1", "000000001", "260105", "0830", "A", "000"]])
    ta1.segments.append(["IEA", "0", "000000101"])
    for kind in (*FORMS, "ta1", *DUE):
        assert answers(ta1.to_bytes(), kind) == []


def test_groups_of_one_interchange_may_be_answered_differently() -> None:
    groups = [edi.group([edi.transaction(edi.order_body())], control=c) for c in ("11", "12", "13")]
    acknowledger = Acknowledger()
    forms: dict[str, Form | None] = {"11": "999", "12": None, "13": "997"}
    for event in gateway.read(Interchange.of(*groups).to_bytes(), documents=False):
        acknowledger.add(event, forms[event.control_number] if isinstance(event, GroupHeader) else "997")
    found = {
        kind: [
            re.findall(r"(?:ST|AK1)\*[A-Z0-9]+\*[0-9]+", answer.decode())
            for _, answer in acknowledger.interchanges(lambda: 1, NOW, kind)
        ]
        for kind in FORMS + DUE
    }
    assert found["997"] == [["ST*997*0001", "AK1*PO*13"]]
    assert found["999"] == [["ST*999*0001", "AK1*PO*11"]]
    assert found["due"] == found["997"] + found["999"]


@pytest.mark.parametrize(("version", "reference"), [("005010", "*005010X1"), ("004010", "")])
def test_st03_comes_back_where_the_answer_has_a_place_for_it(version: str, reference: str) -> None:
    one = edi.clean(version="00501", standards="^").put("ST", 3, "005010X1")
    one.put("GS", 8, version)
    (answer,) = answers(one.to_bytes())
    assert f"~AK2*850*0001{reference}~AK".encode() in answer
    (answer,) = answers(one.to_bytes(), "999")
    assert b"~AK2*850*0001*005010X1~IK" in answer


def test_a_999_is_a_release_of_its_own_with_a_repetition_separator() -> None:
    one = edi.clean().with_form(element="^", component="|", terminator="!")
    (answer,) = answers(one.to_bytes(), "999")
    assert answer.startswith(b"ISA^00^")
    assert b"^`^00501^" in answer
    assert gateway.validate(answer)["problems"] == []
    (answer,) = answers(edi.clean(version="00601", standards="^").to_bytes(), "999")
    assert b"*^*00601*" in answer


def test_codes_that_came_with_release_005010() -> None:
    """What 004010 says less exactly: too many components, control numbers that are used twice."""
    one = edi.two_sets().put("CUR", 2, ("USD", "1")).put("ST", 2, "0001", 2).put("SE", 2, "0001", 2)
    assert [line for line in notes(one.to_bytes()) if line[:3] in ("AK4", "AK5")] == [
        "AK4*2*100*3", "AK5*R*5", "AK5*R*7",
    ]  # fmt: skip
    assert [line for line in notes(one.to_bytes(), "999") if line[:3] in ("IK4", "IK5")] == [
        "IK4*2*100*13", "IK5*R*5", "IK5*R*23",
    ]  # fmt: skip
    twice = [edi.group([edi.transaction(edi.order_body())]) for _ in range(2)]
    assert notes(Interchange.of(*twice).to_bytes())[-1] == "AK9*R*1*1*0*6"
    assert notes(Interchange.of(*twice).to_bytes(), "999")[-1] == "AK9*R*1*1*0*19"


@pytest.mark.parametrize(
    ("requested", "count_", "expected"),
    [("0", "1", ["AK9*A*1*1*1"]), ("1", "1", ["TA1", "AK9*A*1*1*1"]), ("0", "2", ["TA1", "AK9*R*1*1*0"])],
)
def test_what_is_due(requested: str, count_: str, expected: list[str]) -> None:
    data = edi.clean(ack_requested=requested).put("IEA", 1, count_).to_bytes()
    found = [line for line in lines(data, "due") if line.startswith(("TA1", "AK9"))]
    assert [line[:3] if line.startswith("TA1") else line for line in found] == expected


def test_nobody_is_answered_without_an_address() -> None:
    assert answers(edi.clean().to_bytes().partition(b"GS*")[2], "due") == []
    assert answers(edi.clean(sender=("ZZ", "")).to_bytes(), "due") == []
    assert answers(b"nothing at all", "due") == []


# --- truth -----------------------------------------------------------------------------------------------


def test_a_set_without_guide_is_rejected_as_not_supported() -> None:
    one = Interchange.of(edi.group([edi.transaction([["ZAP", "1"]], set_id="199")]))
    assert notes(one.to_bytes()) == ["AK1*PO*11", "AK2*199*0001", "AK5*R*1", "AK9*R*1*1*0"]


def test_a_refused_interchange_accepts_nothing() -> None:
    assert notes(edi.clean().put("IEA", 2, "000000999").to_bytes())[-1] == "AK9*R*1*1*0"


def test_a_warning_with_a_code_is_noted_and_accepted() -> None:
    """Control numbers that are equal as numbers only."""
    one = edi.clean().put("SE", 2, "00001")
    assert notes(one.to_bytes()) == ["AK1*PO*11", "AK2*850*0001", "AK5*E*3", "AK9*E*1*1*1"]
    one = edi.clean().put("GE", 2, "011")
    assert notes(one.to_bytes())[-1] == "AK9*E*1*1*1*4"


def test_an_error_found_after_reading_rejects() -> None:
    """As when the partner has no agreement for the set: an error without acknowledgment codes."""
    error = Problem("HOME-NO-AGREEMENT", Severity.ERROR, Level.TRANSACTION_SET, "not agreed")

    def refuse(event: Any) -> Any:
        if isinstance(event, TransactionSet):
            return replace(event, verdict=Verdict.REJECTED, problems=(*event.problems, error), text="")
        return event

    (answer,) = answers(edi.clean().to_bytes(), "997", refuse)
    assert b"AK5*R*1~AK9*R*1*1*0~" in answer


@pytest.mark.parametrize(("kind", "letter"), [("997", "A"), ("999", "I")])
def test_the_list_of_errors_has_a_bound_and_the_verdict_has_none(kind: Kind, letter: str) -> None:
    one = edi.clean(lines=600)
    for number in range(1, 601):
        one.put("PO1", 2, "X", nth=number)
    found = notes(one.to_bytes(), kind)
    assert sum(line.startswith(f"{letter}K3") for line in found) == MAX_SEGMENTS
    assert found[-2:] == [f"{letter}K5*R*5", "AK9*R*1*1*0"]


def test_at_most_five_codes() -> None:
    problems = tuple(
        Problem(
            "X", Severity.ERROR, Level.TRANSACTION_SET, "", location=Location(segment=1), ack=Ack(ak5=str(n))
        )
        for n in range(1, 8)
    )

    def spoil(event: Any) -> Any:
        if isinstance(event, TransactionSet):
            return replace(event, verdict=Verdict.REJECTED, problems=problems)
        return event

    (answer,) = answers(edi.clean().to_bytes(), "997", spoil)
    assert b"AK5*R*1*2*3*4*5~" in answer


@pytest.mark.parametrize(
    ("value", "copied"),
    [
        ("X" * 150, "X" * 99),
        ("A>B", ""),
        ("bell\x07", ""),
        ("caf\xe9 number twenty three", ""),
        ("12 3 ", "12 3"),
    ],
)
def test_the_copy_of_a_bad_value(value: str, copied: str) -> None:
    found = [
        line for line in notes(edi.clean().put("BEG", 3, value.ljust(23, "!")).to_bytes()) if "AK4" in line
    ]
    if copied and len(value) > 23:
        assert found == [f"AK4*3*324*5*{copied}"]
    for line in found:
        assert "\xe9" not in line
        assert ">" not in line.split("*")[-1]


@pytest.mark.parametrize(("number", "written"), [("1", "1   "), ("1234567890", "123456789"), ("", "0000")])
def test_set_control_numbers_that_no_ak2_can_hold(number: str, written: str) -> None:
    one = edi.clean().put("ST", 2, number).put("SE", 2, number)
    found = notes(one.to_bytes())
    assert found[1] == f"AK2*850*{written}"
    assert not found[2].startswith("AK5*A")


def test_segment_names_that_no_ak3_can_hold() -> None:
    one = edi.clean().after("CUR", ["Q", "1"], ["LONGNAME", "1"]).recount()
    assert notes(one.to_bytes())[2:4] == ["AK3*Q *4**1", "AK3*LON*5**1"]


SOUND = edi.two_sets().to_bytes()
START = SOUND.index(b"GS*")
TEXT = st.text("ABYZ019*>~ .-\xe9\x07", max_size=6).map(lambda text: text.encode("latin-1"))


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(START, len(SOUND) - 1), st.integers(0, 12), TEXT), min_size=1, max_size=4)
)
def test_never_more_than_is_true(cuts: list[tuple[int, int, bytes]]) -> None:
    """Whatever happens to the data, a set with an error is never accepted, and the answer is clean X12."""
    data = bytearray(SOUND)
    for place, length, text in sorted(cuts, reverse=True):
        data[place : place + length] = text
    wrong: dict[str, list[bool]] = {}
    for event in gateway.read(bytes(data), documents=False):
        if isinstance(event, TransactionSet) and event.group is not None:
            bad = any(one.is_error for one in event.problems) or event.guide is None
            wrong.setdefault(event.group.control_number, []).append(bad)
    for kind in (*FORMS, "ta1"):
        for answer in answers(bytes(data), kind):
            report = gateway.validate(answer)
            problems = [one for one in report["problems"] if one["severity"] == "error"]
            # What the sender made up (GS01, ST01) is named in the answer although no list has it.
            assert {one["code"] for one in problems} <= {"X12-ELEMENT-CODE"}
            sound = sum(not bad for bads in wrong.values() for bad in bads)
            assert answer.count(b"K5*A~") + answer.count(b"K5*E") <= sound
            for line in answer.decode("latin-1").split("~"):
                if line.startswith("AK9*A"):
                    assert line.split("*")[3] == line.split("*")[4]


# --- a second opinion ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize(
    "one",
    [
        edi.clean(),
        edi.two_sets().put("BEG", 5, "20260230"),
        edi.clean().put("BEG", 1, "ZQ").put("SE", 1, "99"),
        edi.clean().put("GE", 1, "2"),
        edi.clean().put("IEA", 1, "2"),
        edi.clean().drop("BEG").recount(),
        edi.clean().after("CUR", ["Q", "1"]).recount(),
        edi.clean().put("ST", 2, "1").put("SE", 2, "1"),
        edi.clean().put("N1", 2, "N" * 300),
    ],
)
def test_pyx12_accepts_what_we_write(one: Interchange, kind: Kind) -> None:
    pytest.importorskip("pyx12")
    release = "004010" if kind == "997" else "005010"
    maps = str(resources.find(f"schemas/x12/{release}/maps.xml").parent)
    (answer,) = answers(one.to_bytes(), kind)
    opinion = _pyx12.judge(answer, maps)
    assert opinion.trouble == ""
    assert opinion.accepted
