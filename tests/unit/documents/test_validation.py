"""Mistakes in a document are all found at once and told in plain words."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.validation import EXPLANATIONS
from gateway.engine import explain
from gateway.errors import Fault, Severity

DATA = Path(__file__).resolve().parents[2] / "data" / "documents"
FULL: dict[str, Any] = json.loads((DATA / "purchase_order_full.json").read_text(encoding="utf-8"))
Change = Callable[[dict[str, Any]], object]


def problems(*changes: Change) -> dict[str | None, tuple[str, str, str]]:
    document = copy.deepcopy(FULL)
    for change in changes:
        change(document)
    return {p.location.pointer: (p.code, p.message, p.hint) for p in explain(document)}


def test_a_good_document_has_no_problem() -> None:
    assert explain(FULL) == ()


MISTAKES: dict[str, tuple[Change, str, str, str, str]] = {
    "missing": (
        lambda d: d.pop("po_number"),
        "/po_number",
        "DOC-MISSING",
        "The field po_number is missing.",
        "BEG03",
    ),
    "missing in a list": (
        lambda d: d["parties"][0].pop("role"),
        "/parties/0/role",
        "DOC-MISSING",
        "The field parties[0].role is missing.",
        "What the party does here",
    ),
    "misspelt": (
        lambda d: d.update(po_numbr="1"),
        "/po_numbr",
        "DOC-UNKNOWN",
        "There is no field po_numbr.",
        "Did you mean po_number?",
    ),
    "other style of name": (
        lambda d: d["lines"][0].update(lineNo="1"),
        "/lines/0/lineNo",
        "DOC-UNKNOWN",
        "There is no field lines[0].lineNo.",
        "Did you mean line_no?",
    ),
    "unknown": (
        lambda d: d["lines"][0]["packing"].update(zzz="1"),
        "/lines/0/packing/zzz",
        "DOC-UNKNOWN",
        "There is no field lines[0].packing.zzz.",
        "Fields here: weight, volume, size",
    ),
    "unknown identifier": (
        lambda d: d["lines"][0]["ids"].update(vendorsku="1"),
        "/lines/0/ids/vendorsku",
        "DOC-UNKNOWN",
        "There is no field lines[0].ids.vendorsku.",
        "Did you mean vendor_sku?",
    ),
    "identifier by a strange key": (
        lambda d: d["lines"][0]["ids"].update({"a/b~c": "1"}),
        "/lines/0/ids/a~1b~0c",
        "DOC-UNKNOWN",
        "There is no field lines[0].ids.a/b~c.",
        "X12 qualifier",
    ),
    "number instead of text": (
        lambda d: d["lines"][0]["unit_price"].update(amount=12.5),
        "/lines/0/unit_price/amount",
        "DOC-VALUE",
        "lines[0].unit_price.amount must be text, but is a number.",
        "double quotes",
    ),
    "text instead of number": (
        lambda d: d["terms"].update(net_days="30"),
        "/terms/net_days",
        "DOC-VALUE",
        "terms.net_days must be a whole number, but is text.",
        "without quotes",
    ),
    "comma": (
        lambda d: d["totals"].update(amount="1,5"),
        "/totals/amount",
        "DOC-VALUE",
        "totals.amount is not a decimal number.",
        "at most one point",
    ),
    "no date": (
        lambda d: d.update(ordered_at="18.02.2026"),
        "/ordered_at",
        "DOC-VALUE",
        "ordered_at is not a date.",
        "2026-03-02",
    ),
    "no day": (
        lambda d: d.update(ordered_at="2026-02-30"),
        "/ordered_at",
        "DOC-VALUE",
        "ordered_at is not a real date or time.",
        "Check",
    ),
    "null": (
        lambda d: d.update(currency=None),
        "/currency",
        "DOC-VALUE",
        "currency is null.",
        "Leave the field out",
    ),
    "null where a value is needed": (
        lambda d: d.update(po_number=None),
        "/po_number",
        "DOC-VALUE",
        "po_number is null.",
        "Give it a value",
    ),
    "empty text": (
        lambda d: d.update(po_number=""),
        "/po_number",
        "DOC-VALUE",
        "po_number is empty.",
        "Leave the field out",
    ),
    "empty list": (
        lambda d: d.update(references=[]),
        "/references",
        "DOC-VALUE",
        "references is an empty list.",
        "Leave the field out",
    ),
    "object instead of list": (
        lambda d: d.update(lines={"line_no": "1"}),
        "/lines",
        "DOC-VALUE",
        "lines must be a list, but is an object.",
        "square brackets",
    ),
    "text instead of object": (
        lambda d: d["lines"].append("2"),
        "/lines/2",
        "DOC-VALUE",
        "lines[2] must be an object, but is text.",
        "braces",
    ),
    "text instead of true": (
        lambda d: d.update(test="yes"),
        "/test",
        "DOC-VALUE",
        "test must be true or false, but is text.",
        "without quotes",
    ),
    "negative count": (
        lambda d: d["totals"].update(line_count=-1),
        "/totals/line_count",
        "DOC-VALUE",
        "totals.line_count is less than zero.",
        "from zero up",
    ),
    "other version": (
        lambda d: d.update(schema_version="2"),
        "/schema_version",
        "DOC-VALUE",
        "schema_version must be '1'.",
        "Version",
    ),
    "half an extension": (
        lambda d: d["extensions"].append({"address": "TD1[2]"}),
        "/extensions/2",
        "DOC-VALUE",
        "extensions[2] must have exactly one of elements, value, field and absent beside its address.",
        "as they were received",
    ),
    "value of two kinds": (
        lambda d: d["extensions"][1]["elements"].append(3),
        "/extensions/1/elements/3",
        "DOC-VALUE",
        "extensions[1].elements[3] must be text, but is a number.",
        "double quotes",
    ),
}


@pytest.mark.parametrize(("change", "pointer", "code", "message", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place(
    change: Change, pointer: str, code: str, message: str, hint: str
) -> None:
    found = problems(change)
    assert list(found) == [pointer]
    assert found[pointer][:2] == (code, message)
    assert hint in found[pointer][2]
    assert code in EXPLANATIONS


def test_all_mistakes_are_told_at_once() -> None:
    independent = [
        mistake
        for name, mistake in MISTAKES.items()
        if name
        not in {"missing", "null where a value is needed", "empty text", "no day", "object instead of list"}
    ]
    found = problems(*(change for change, *_ in independent))
    assert set(found) == {pointer for _, pointer, *_ in independent}


def test_a_problem_names_the_x12_address_and_the_value() -> None:
    document = copy.deepcopy(FULL)
    document["ordered_at"] = "x" * 300
    (problem,) = explain(document)
    assert problem.location.address == "BEG05"
    assert problem.value is not None
    assert len(problem.value) == 200
    assert (problem.severity, problem.fault) == (Severity.ERROR, Fault.US)
    assert problem.to_dict()["location"]["pointer"] == "/ordered_at"


@pytest.mark.parametrize(
    ("document", "message", "hint"),
    [
        ({}, "document_type is missing", "purchase_order"),
        (
            {"document_type": "purchase_ordr"},
            "no document type purchase_ordr",
            "Did you mean purchase_order?",
        ),
        ({"document_type": 850}, "no document type 850", "Known document types: "),
        ({"document_type": ["purchase_order"]}, "no document type", "purchase_order"),
    ],
)
def test_without_a_type_nothing_else_is_checked(document: dict[str, Any], message: str, hint: str) -> None:
    (problem,) = explain(document)
    assert problem.code == "DOC-KIND"
    assert message in problem.message
    assert hint in problem.hint
    assert problem.location.pointer == "/document_type"
