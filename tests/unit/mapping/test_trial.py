"""What tests beside a mapping find, and how their files are read."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.engine import library
from gateway.errors import MappingError
from gateway.mapping.trial import Difference, Trial, parse_trials, run_trial

SET = "BMG*00\nMIT*1*CLOSED\nMSG*CALL FIRST.\n"
DOCUMENT: dict[str, Any] = {
    "purpose": "original",
    "messages": [{"number": "1", "subject": "CLOSED", "lines": [{"text": "CALL FIRST."}]}],
}


def differences(given: dict[str, Any] | str, expected: dict[str, Any] | str) -> list[Difference]:
    return run_trial(Trial("x", given, expected), library(), "x12/004010/864", "text_message")


@pytest.mark.parametrize(
    "given",
    [
        SET,
        f"ST*864*0001\n{SET}SE*99*0001\n",
        "ST*864*0001~" + SET.replace("\n", "~\n") + "SE*5*0001~",
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'AA':15}*ZZ*{'BB':15}*260101*0000*U*00401*000000001*0*P*>~"
        "GS*TX*AA*BB*20260101*0000*1*X*004010~ST*864*0001~"
        + SET.replace("\n", "~")
        + "SE*5*0001~GE*1*1~IEA*1*000000001~",
        DOCUMENT,
    ],
    ids=["segments", "lines", "set", "interchange", "document"],
)  # fmt: skip
def test_every_form_of_input_is_compared_with_every_form_of_output(given: dict[str, Any] | str) -> None:
    assert differences(given, DOCUMENT) == []
    assert differences(given, SET) == []
    assert differences(given, {"problems": []}) == []


def test_a_difference_names_the_place_and_both_values() -> None:
    changed = DOCUMENT | {"purpose": "replace", "description": "DOCK"}
    assert differences(SET, changed) == [
        Difference("/purpose", '"replace"', '"original"'),
        Difference("/description", '"DOCK"', None),
    ]
    assert differences(DOCUMENT, SET.replace("FIRST", "LAST") + "MSG*AGAIN\n") == [
        Difference("segment 4", "MSG*CALL LAST.~ MSG*AGAIN~", "MSG*CALL FIRST.~")
    ]


def test_what_is_refused_differs_from_any_document_and_says_why() -> None:
    (found,) = differences("BMG*00\n", DOCUMENT)
    assert (found.place, found.expected) == ("", None)
    assert "X12-SEGMENT-MISSING" in str(found.found)
    assert differences("BMG*00\n", {"problems": ["X12-SEGMENT-MISSING"]}) == []
    assert differences("BMG*00\n", {"problems": []}) == [
        Difference("/problems", "[]", '["X12-SEGMENT-MISSING"]')
    ]
    (found,) = differences({"purpose": "original"}, SET)
    assert "DOC-" in str(found.found) or "X12-" in str(found.found)


def test_texts_of_a_file_stay_texts() -> None:
    text = b"tests:\n- {name: a, input: {d: 2026-03-02, n: 0012, m: 1.50, i: 12, b: true}, expected: ''}\n"
    (trial,) = parse_trials(text)
    assert trial.input == {"d": "2026-03-02", "n": "0012", "m": "1.50", "i": 12, "b": True}


@pytest.mark.parametrize(
    "text",
    [b"", b"a: [", b"- {name: a, input: x, expected: y}", b"tests: [{name: a}]", b"\xff\xfe",
     b"tests: {a: b}", b"tests: [{name: a, input: 5, expected: x}]", b"tests: " + b"[" * 1_000],
)  # fmt: skip
def test_a_broken_file_is_told(text: bytes) -> None:
    with pytest.raises(MappingError):
        parse_trials(text)
