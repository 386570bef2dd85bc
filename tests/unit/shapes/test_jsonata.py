"""A customer's own JSON: what expressions make is a document or told about, and nothing runs for ever."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import yaml

from gateway.errors import ConfigurationError, DocumentError, Problem
from gateway.shapes import jsonata
from gateway.shapes.model import Shape
from tests.unit.shapes.support import shape

ORDER = """{
  "po_number": no, "purpose": "original", "po_type": "regular", "ordered_at": day,
  "lines": items.{"line_no": $string(pos), "quantity": {"value": $string(qty)}}
}"""


def own(read: str = "", write: str = "") -> Shape:
    stated = {"shape": "jsonata", "document": "purchase_order", "read": read, "write": write}
    return shape(yaml.safe_dump(stated))


def problems(expression: str, *values: Any) -> list[Problem]:
    with pytest.raises(DocumentError) as caught:
        list(jsonata.read(own(expression), values))
    assert all(one.message and one.hint for one in caught.value.problems)
    return list(caught.value.problems)


def given(*quantities: float) -> dict[str, Any]:
    items = [{"pos": number, "qty": qty} for number, qty in enumerate(quantities, 1)]
    return {"no": "PO-1", "day": "2026-02-18", "items": items}


@pytest.mark.parametrize("quantities", [(5,), (5, 12.5, 0.1)])
def test_a_list_of_one_is_still_a_list(quantities: tuple[float, ...]) -> None:
    (found,) = jsonata.read(own(ORDER), [given(*quantities)])
    assert [one["quantity"]["value"] for one in found["lines"]] == [str(one) for one in quantities]


def test_an_envelope_of_orders() -> None:
    found = list(
        jsonata.read(own(f"[orders.({ORDER})]"), [{"orders": [given(1), given(2)]}, {"orders": [given(3)]}])
    )
    assert [one["lines"][0]["quantity"]["value"] for one in found] == ["1", "2", "3"]


def test_what_is_no_document_is_told_with_its_pointer() -> None:
    wrong = {"no": "PO-1", "day": "2026-02-31", "items": [{"pos": 1}]}
    found = problems(ORDER, given(1), wrong)
    assert [(one.code, one.location.pointer) for one in found] == [("DOC-VALUE", "/ordered_at")]
    assert found[0].message.startswith("Value 2, /ordered_at: ")
    assert [one.code for one in problems(ORDER.replace("$string(qty)", "qty"), given(1.5))] == ["DOC-VALUE"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("nothing", "gives nothing"),
        ("'text'", "gives str"),
        ("[1, 2]", "Value 1, document 2: read: gives int"),
        ("$sum('a')", "failed: Argument 1"),
        ("1/0", "failed"),
        ("function($x) {$x}", "failed"),
        ("$error('no stock')", "no stock"),
        ("$now()", "$now is switched off"),
        ("$random()", "$random is switched off"),
        ("$eval(no)", "$eval is switched off"),
        ("($f := function($x) {1 + $f($x)}; $f(1))", "levels deep"),
        ("($f := function($x) {$f($x & $x)}; $f('ab'))", "has more than 5,000,000 parts"),
    ],
)
def test_an_expression_that_fails(expression: str, words: str) -> None:
    problem = problems(expression, {"no": "1"})[-1]
    assert problem.code == "SHAPE-JSONATA"
    assert words in problem.message


def test_an_expression_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonata, "MAX_STEPS", 20_000)
    (problem,) = problems("($f := function($x) {$f($x)}; $f(1))", {})
    assert "more than 20,000 steps" in problem.message
    (problem,) = problems("[1..1000].($x := $; [1..1000].($ + $x))", {})
    assert "more than 20,000 steps" in problem.message


@pytest.mark.parametrize("expression", ["(", "{'a' 1}"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ConfigurationError):
        list(jsonata.read(own(expression), [{}]))


def test_a_shape_of_one_way_says_so() -> None:
    with pytest.raises(ConfigurationError, match="goes one way only"):
        list(jsonata.write(own(ORDER), [{}]))


def test_deep_data_is_told_and_the_limit_of_the_process_stays() -> None:
    limit = sys.getrecursionlimit()
    deep: Any = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert problems("a", deep)[0].code == "SHAPE-JSONATA"
    assert sys.getrecursionlimit() == limit


def test_expressions_do_not_mix() -> None:
    first, second = own(write='{"a": $map([1, 2], function($x) {$x & $po})}'), own(write="$map([1], $string)")
    list(jsonata.write(second, [{}]))
    assert list(jsonata.write(first, [{}])) == [{"a": ["1", "2"]}]
    assert list(jsonata.write(second, [{}, {}])) == ["1", "1"]


def test_what_cannot_be_written_is_told() -> None:
    with pytest.raises(DocumentError) as caught:
        list(jsonata.write(own(write="missing"), [{}, {}]))
    assert [one.message for one in caught.value.problems] == [
        "Document 1: write: gives nothing.",
        "Document 2: write: gives nothing.",
    ]
    with pytest.raises(DocumentError, match="no document"):
        list(jsonata.write(own(write="$"), []))


def test_the_program_starts_without_the_library() -> None:
    import subprocess

    code = (
        "import sys, gateway.cli.commands.translate, gateway.shapes.jsonata; print('jsonata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
