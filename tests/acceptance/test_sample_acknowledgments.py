"""Every 997, 999 and TA1 of the samples: a document that comes back as it was, or rejected for a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import gateway
from gateway.documents.validation import explain
from gateway.x12.acknowledgment import Acknowledger, Kind
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet
from tests import samples as sample_documents

pytestmark = pytest.mark.needs_samples

DIRECTORY = sample_documents.directory() or Path()
NAMES = sorted(path.name for path in DIRECTORY.glob("*.edi") if path.name.startswith(("997", "999", "ta1")))

REJECTED = {
    # No ISA and GS, so no version and no sender.
    "997_unknown_ansrizvi-umerco-flowservices-gitproject_1.edi": {"X12-NO-GUIDE"},
    # AK405, which a 997 does not have.
    "997_004010X098_inteligenz-x12parser_1.edi": {"X12-ELEMENT-EXTRA"},
    # AK102 and AK202 are empty: nothing says what is acknowledged.
    "997_004010_pypi-x12-doctor_4.edi": {"X12-ELEMENT-MISSING"},
    # Made to be invalid: AK101 is "<NOT_IN_CODESET>".
    "997_005010X230_xlate-staedi_3.edi": {"X12-ELEMENT-LONG"},
    # AK202 has three characters.
    "999_005010X231_inteligenz-x12parser_1.edi": {"X12-ELEMENT-SHORT"},
    # Made to be invalid: IK5 before AK1, a wrong SE01, codes and elements nobody knows.
    "999_005010X231_xlate-staedi_1.edi": {
        "X12-SEGMENT-UNEXPECTED",
        "X12-SEGMENT-REPEAT",
        "X12-ELEMENT-LONG",
        "X12-ELEMENT-EXTRA",
        "X12-ELEMENT-CODE",
        "X12-SE-COUNT",
    },
    # TA106, which a TA1 does not have: the sender repeats its component separator there.
    "ta1_00501_inteligenz-x12parser_1.edi": {"X12-ELEMENT-EXTRA"},
}


def acknowledgments(source: bytes | Path) -> list[TransactionSet | InterchangeAcknowledgment]:
    return [
        event
        for event in gateway.read(source)
        if isinstance(event, InterchangeAcknowledgment)
        or (isinstance(event, TransactionSet) and event.set_id in ("997", "999"))
    ]


def said(one: TransactionSet | InterchangeAcknowledgment) -> list[str]:
    """Segments between ST and SE, or the TA1, with usual separators."""
    marks = one.interchange.delimiters
    if isinstance(one, InterchangeAcknowledgment):
        return ["*".join(one.elements)]
    texts = [
        text.strip() if text.strip("\r\n\t ") == "" else text.strip("\r\n")
        for text in one.text.split(marks.terminator)
    ]
    parts = [text.lstrip().rstrip(marks.element).replace(marks.element, "*") for text in texts if text]
    return [part.replace(marks.component, ">") for part in parts if not part.startswith(("ST*", "SE*"))]


def test_there_are_samples() -> None:
    assert len(NAMES) >= 37
    assert set(REJECTED) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_translates_and_comes_back_or_is_rejected_for_a_reason(name: str) -> None:
    found = acknowledgments(DIRECTORY / name)
    assert found
    for one in found:
        codes = {problem.code for problem in one.problems if problem.code != "X12-CHARSET"}
        assert codes == REJECTED.get(name, set())
        if name in REJECTED:
            assert one.document is None
            continue
        assert one.document is not None
        assert explain(one.document) == ()
        (again,) = acknowledgments(gateway.write(one.document))
        assert again.document is not None
        without = {"control": None, "test": None}
        assert {**again.document, **without} == {**one.document, **without}
        if one.interchange.control_number != "000000500":  # a 997 in the version of a 999 becomes one
            assert said(again) == said(one)


@pytest.mark.parametrize("kind", ["997", "999", "ta1", "due"])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_never_acknowledged(name: str, kind: Kind) -> None:
    acknowledger = Acknowledger()
    functional = 0
    for event in gateway.read(DIRECTORY / name, documents=False):
        acknowledger.add(event, "999" if kind == "999" else "997")
        functional += isinstance(event, TransactionSet) and event.set_id not in ("997", "999")
    answers = [
        answer for _, answer in acknowledger.interchanges(lambda: 1, datetime(2026, 1, 6, tzinfo=UTC), kind)
    ]
    assert not any(b"AK1*FA*" in answer for answer in answers)
    if kind in ("997", "999") and not functional:
        assert answers == []
