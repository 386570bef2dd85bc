from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import GuideError
from gateway.mapping.members import parse_forms

TEXT = b"""\
Whole:
  name!: text 1..5
  code: enum A B.
  count: int 1..
  size: number
  flag: bool
  price: decimal positive
  at: time
  span: window
  country: text /[A-Z]{2}/
  parts!: "[Part]"
  marks: "[text]"
Part:
  id!: text
  inner: Whole
"""
FORMS = parse_forms(TEXT, "test")
RIGHT: dict[str, Any] = {"name": "x", "parts": [{"id": "1"}]}


def faults(**changes: Any) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(kind, path) for kind, path, _, _ in FORMS.faults("Whole", RIGHT | changes)]


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        ("name", ["a", "abcde"], ["", "abcdef", 1, None]),
        ("code", ["A", "B."], ["a", "B", " A"]),
        ("count", [1, 99], [0, "1", 1.0, True]),
        ("size", [1, 0], ["1", 1.5]),
        ("flag", [True, False], ["true", 1]),
        ("price", ["0.01", "1", "12.50"], ["0", "0.00", "-1", "01", ".5", "1.", "1e3", 1]),
        (
            "at",
            ["2026-03-02T16:30:00Z", "2026-03-02T16:30:00.123+01:00"],
            ["2026-03-02", "2026-13-02T16:30:00Z"],
        ),
        ("span", ["2026-03-02T00:00:00Z--2026-03-03T00:00:00Z"], ["2026-03-02T00:00:00Z", "a--b"]),
        ("country", ["DE"], ["DEU", "de", "D"]),
        ("marks", [["a"], []], ["a", [""], [1]]),
    ],
)
def test_what_a_member_may_hold(member: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert faults(**{member: value}) == [], value
    for value in bad:
        ((kind, path),) = faults(**{member: value})
        assert (kind, path[0]) == ("value", member), value


def test_every_fault_has_its_place() -> None:
    assert faults(parts=[{"id": "1", "other": 1}, {"inner": {}}]) == [
        ("unknown", ("parts", 0, "other")),
        ("missing", ("parts", 1, "id")),
        ("missing", ("parts", 1, "inner", "name")),
        ("missing", ("parts", 1, "inner", "parts")),
    ]
    assert faults(parts=[]) == [("value", ("parts",))]


@pytest.mark.parametrize(
    "text",
    [
        b"A:\n  b: texts\n",
        b"A:\n  b: text 1-3\n",
        b"A: [",
        b"A:\n  b: '[B]'\n",
        b"- a\n",
        b"A: 1\n",
        b"A:\n  b: 1\n",
    ],
)
def test_what_is_no_form(text: bytes) -> None:
    with pytest.raises(GuideError):
        parse_forms(text, "test")
