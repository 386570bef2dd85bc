"""Mistakes in a shape file are found before it is used, all at once."""

from __future__ import annotations

import pytest

from tests.unit.shapes.support import faults, shape
from tests.unit.shapes.test_columns import BASE, FIXED, TAGGED

CSV = "shape: csv\ndocument: purchase_order\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "valid dictionary"),
        ("[]", "valid dictionary"),
        ("a: [", "expected the node content"),
        (f"{CSV}columns: {{A: po_number}}\ndocument: invoice\n", "'document' is given twice below line 1"),
        (f"{CSV}columns: &x {{A: *x}}\n", "recursive node"),
        (BASE.replace("csv", "cvs"), "shape: Input should be 'csv'"),
        (BASE.replace("purchase_order", "purchase_ordre"), "there is no document type 'purchase_ordre'"),
        (f"{BASE}delimeter: x\n", "there is no key delimeter"),
        (f"{BASE}encoding: klingon\n", "encoding: Input should be 'utf-8'"),
        (f'{BASE}delimiter: ";;"\n', "delimiter: "),
        (f"{BASE}  X: po_numbr\n", "there is no field po_numbr"),
        (f"{BASE}  X: {{path: po_number, lenght: 3}}\n", "there is no key records.1.columns.X.lenght"),
        (f"{BASE}  X: {{path: po_number, length: many}}\n", "records.1.columns.X.length: "),
        (f"{BASE}  X: 'lines[]'\n", "lines[] is no single value"),
        (f"{BASE}  X: 'lines[].'\n", "is no path such as"),
        (
            f"{CSV}constants: {{terms.net_days: x}}\ncolumns: {{A: po_number}}\n",
            "constants: Expecting value",
        ),
        (f"{BASE}  X: 'lines[].quantity'\n", "lines[].quantity is no single value"),
        (f"{BASE}  X: lines.quantity.value\n", "lines in lines.quantity.value is a list"),
        (f"{BASE}  X: 'quantity[].value'\n", "there is no field quantity"),
        (f"{BASE}  X: 'freight[].method'\n", "freight in freight[].method is no list"),
        (f"{BASE}  X: 'parties[].id'\n", "parties[].id is not around the rows of this record"),
        (f"{BASE}  X: 'parties[role=buyer].lines[].id'\n", "[] stands in front"),
        (f"{BASE}  X: 'lines[].ids.pr'\n", "there is no field pr"),
        (f"{BASE}  X: {{path: po_number, value: a}}\n", "several of path, value and count"),
        (f"{BASE}  X: {{path: po_number, format: YYYY}}\n", "po_number is no date"),
        (f"{BASE}  X: {{path: ordered_at, format: YYYY}}\n", "the format YYYY names no day"),
        (f"{BASE}  X: {{path: po_number, codes: {{a: X, b: X}}}}\n", "a code stands for two values"),
        (f"{BASE}  X: {{value: long, length: 3}}\n", "its text is longer than the column"),
        (f"{BASE}  X: {{count: L}}\n", "there is no record 'L' to count"),
        (BASE.replace("{purpose:", "{propose:"), "constants: there is no field propose"),
        (BASE.replace("each: lines[]", "each: lines"), "'lines' is no list"),
        (BASE.replace("each: lines[]", "each: freight[]"), "is no list"),
        (CSV, "columns: or records: belong to csv and fixed"),
        (f"{BASE}read: $\n", "read: and write: belong to jsonata and xslt alone"),
        ("shape: jsonata\ndocument: purchase_order\n", "read: and write: belong to jsonata and xslt alone"),
        (
            "shape: jsonata\ndocument: purchase_order\nread: $\ncolumns: {A: po_number}\n",
            "belong to csv and fixed",
        ),
        (TAGGED.replace("tag: L", "tag: H"), "needs a tag of its own"),
        (TAGGED.replace("  - tag: L\n    each", "  - each"), "needs a tag of its own"),
        (TAGGED.replace("  - tag: H\n", "  - tag: H\n    each: lines[]\n"), "begins no document"),
        (TAGGED.replace("  - tag: H\n", "  - tag: H\n    in: document\n"), "begins no document"),
        (FIXED.replace(", length: 6}", "}", 1), "needs a length"),
    ],
)
def test_a_mistake_is_told(text: str, words: str) -> None:
    assert any(words in one for one in faults(text))


def test_all_mistakes_are_told_at_once() -> None:
    found = faults(f"{BASE}  X: po_numbr\n  Y: {{path: po_number, format: YYYY}}\n  Z: {{count: L}}\n")
    names = dict.fromkeys(one.partition(":")[0] for one in found)
    assert list(names) == ["records.1.X", "records.1.Y", "records.1.Z"]


def test_a_tilde_and_nothing_are_fillers_and_no_word_has_a_meaning_of_its_own() -> None:
    used = shape(f"{BASE}  X: ~\n  Z:\n  C: {{path: customer_ref, codes: {{NO: yes, on: 1e3}}}}\n")
    columns = used.records[0].columns
    assert columns["X"].path is columns["Z"].path is None
    assert columns["C"].codes == {"NO": "yes", "on": "1e3"}


def test_a_hostile_file_is_refused() -> None:
    assert "more than 1,000,000 characters" in faults("a: " + "x" * 1_000_001)[0]
    assert faults("[" * 5000)
