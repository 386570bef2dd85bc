"""What partners say with a 997, 999 or TA1, as values and in words."""

from __future__ import annotations

import pytest

import gateway
from gateway.x12.answer import Answer, FunctionalAcknowledgment, meaning, read_acknowledgment, read_technical
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet
from tests.acceptance import edi
from tests.acceptance.edi import Interchange


def read(*segments: str) -> FunctionalAcknowledgment:
    found = read_acknowledgment(segments)
    assert found is not None
    return found


def test_a_rejection_in_words() -> None:
    found = read(
        "ST*997*0001",
        "AK1*PO*11",
        "AK2*850*4711",
        "AK3*BEG*2**8",
        "AK4*5*373*8*20261320",
        "AK3*PO1*19**3",
        "AK5*R*5*4",
        "AK2*850*4712",
        "AK5*A",
        "AK9*P*2*2*1",
        "SE*10*0001",
    )
    assert (found.functional_id, found.control_number) == ("PO", "11")
    assert found.status is Answer.PARTIAL
    first, second = found.sets
    assert (first.set_id, first.control_number, first.status) == ("850", "4711", Answer.REJECTED)
    assert first.sentences() == (
        "The partner rejects 850 4711: BEG05 (segment 2) is not a valid date ('20261320').",
        "The partner rejects 850 4711: PO1 (segment 19) is missing.",
        "The partner rejects 850 4711: the number of segments differs from SE01.",
    )
    assert second.sentences() == ("The partner accepts 850 4712.",)
    assert found.sentences()[0] == (
        "The partner accepts functional group 11 (PO) in part, 1 of 2 transaction sets."
    )


def test_a_rejected_group_takes_its_sets_along() -> None:
    found = read("AK1*PO*11", "AK2*850*0001", "AK5*A", "AK9*R*1*1*0*5")
    assert found.sets[0].status is Answer.REJECTED
    assert found.errors[0] == "the number of transaction sets differs from GE01"


@pytest.mark.parametrize("code", ["R", "M", "W", "X", "?", ""])
def test_what_is_not_plainly_accepted_is_rejected(code: str) -> None:
    assert read("AK1*PO*11", f"AK9*{code}*1*1*1").status is Answer.REJECTED


def test_an_answer_that_is_cut_off_accepts_nothing() -> None:
    found = read("AK1*PO*11", "AK2*850*0001", "AK5*A")
    assert found.status is Answer.REJECTED
    assert found.sets[0].status is Answer.REJECTED
    assert read_acknowledgment(["ST*997*0001", "AK9*A*1*1*1"]) is None
    assert read_acknowledgment([""]) is None


def test_accepted_with_errors() -> None:
    (named,) = read("AK1*PO*11", "AK2*850*0001", "AK5*E*5", "AK9*E*1*1*1").sets
    assert named.status is Answer.ACCEPTED_WITH_ERRORS
    assert named.sentences() == ("The partner accepts 850 0001 but notes errors: segments are in error.",)


def test_components_and_unknown_codes() -> None:
    found = read(
        "AK1*PO*11", "AK2*850*0001", "AK3*CTP*10*PO1*8", "AK4*5>4*355*99*9#", "AK5*R*77", "AK9*R*1*1*0"
    )
    error, other = found.sets[0].errors
    assert error == "CTP05-4 (segment 10) has error code 99 ('9#')"
    assert other == "the set has error code 77"


def test_a_999_says_the_same_with_other_names() -> None:
    found = read(
        "AK1*PO*11*005010", "AK2*850*0001", "IK3*BEG*2**8", "CTX*X", "IK4*3*324*I9", "IK5*R*I5", "AK9*R*1*1*0"
    )
    assert list(found.sets[0].errors) == [
        "BEG03 (segment 2) is missing although the guide asks for it in this case",
        "the guide is not kept to",
    ]


def test_codes_that_only_a_999_has() -> None:
    found = read(
        "ST*999*0001*005010X231A1",
        "AK1*PO*11*005010",
        "AK2*850*0001*005010X1",
        "IK3*DTM*4**I6",
        "CTX*SITUATIONAL TRIGGER*BEG*2**2",
        "CTX*BEG03>PO-1",
        "IK3*CUR*5**I9",
        "IK3*PO1*6*PO1*I7",
        "IK3*PER*7**I8",
        "IK3*TAX*8**I4",
        "IK3*PO1*9*PO1*8",
        "IK4*7>>2*234*I13*ABC",
        "IK4*6*235*I6*ZZ",
        "IK4*8*235*I10*VN",
        "IK5*R*I5*23",
        "AK9*R*1*1*0*19",
    )
    assert found.sets[0].errors == (
        (
            "DTM (segment 4) is missing although the guide asks for it here, because of BEG02 (segment 2), "
            "where BEG03 is 'PO-1'"
        ),
        "CUR (segment 5) is not used in this case by the guide",
        "PO1 (segment 6) begins a loop that occurs less often than the guide asks for",
        "PER (segment 7) occurs less often than the guide asks for",
        "TAX (segment 8) is not used by the guide",
        "PO107 repetition 2 (segment 9) is not used in this case by the guide ('ABC')",
        "PO106 (segment 9) holds a code that the guide does not use ('ZZ')",
        "PO108 (segment 9) is not used by the guide ('VN')",
        "the guide is not kept to",
        "the control number in ST02 is not unique within the functional group",
    )
    assert found.errors == ("the group control number is not unique within the interchange",)


def test_what_the_context_of_a_segment_says_goes_for_its_elements() -> None:
    found = read(
        "AK1*PO*11*005010", "AK2*850*0001", "IK3*CTP*9*PO1*8", "CTX*PO101>7", "IK4*5>4*355*I9",
        "CTX*SITUATIONAL TRIGGER*PO1*8**2>1", "IK4*3*212*6*1,5", "IK3*REF*12**3", "CTX*X", "IK5*R*5",
        "AK9*R*1*1*0",
    )  # fmt: skip
    assert found.sets[0].errors == (
        (
            "CTP05-4 (segment 9) is missing although the guide asks for it in this case, where PO101 is '7', "
            "because of PO102-1 (segment 8)"
        ),
        "CTP03 (segment 9) holds a character that is not allowed ('1,5'), where PO101 is '7'",
        "REF (segment 12) is missing",
    )


def test_the_event_of_the_parser_brings_its_separators() -> None:
    body: list[edi.Segment] = [["AK1", "PO", "11"], ["AK2", "850", "0001"], ["AK3", "CTP", "9", "", "8"]]
    body += [["AK4", ("5", "4"), "355", "7"], ["AK5", "R", "5"], ["AK9", "R", "1", "1", "0"]]
    one = Interchange.of(edi.group([edi.transaction(body, set_id="997")], functional_id="FA"))
    data = one.with_form(element="|", component="^", terminator="\n").to_bytes()
    (event,) = (event for event in gateway.read(data) if isinstance(event, TransactionSet))
    found = read_acknowledgment(event)
    assert found is not None
    assert found.sets[0].errors == ("CTP05-4 (segment 9) is not an accepted code",)
    assert found == read_acknowledgment(event.text.splitlines(), Delimiters("|", "^", "\n"))


def test_a_technical_acknowledgment() -> None:
    ta1: edi.Segment = ["TA1", "000000101", "260105", "0830", "R", "025"]
    data = Interchange([edi.isa(), ta1, ["IEA", "0", "000000101"]]).to_bytes()
    (event,) = (event for event in gateway.read(data) if isinstance(event, InterchangeAcknowledgment))
    found = read_technical(event)
    assert found.control_number == "000000101"
    assert (found.status, found.note) == (Answer.REJECTED, "025")
    assert found.sentence() == (
        "The partner rejects interchange 000000101: the control number (ISA13) was used before."
    )
    assert read_technical(("TA1", "000000101", "260105", "0830", "A", "000")).sentence() == (
        "The partner received interchange 000000101 and found its envelope in order."
    )
    assert read_technical(("TA1",)).status is Answer.REJECTED


def test_meanings() -> None:
    assert meaning("ak4", "8") == "the element is not a valid date"
    assert meaning("ta1", "025") == "the control number (ISA13) was used before"
    assert meaning("ak5", "99") == ""
