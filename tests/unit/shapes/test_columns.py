"""Rows and columns: every form of value, both ways, and what is wrong with line, column and value."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import DocumentError, Problem
from gateway.shapes import columns
from gateway.shapes.model import Shape
from tests.unit.shapes.support import read, read_problems, shape, write_problems, written
from tests.unit.shapes.test_examples import shape as example

HEAD = {
    "document_type": "purchase_order",
    "schema_version": "1",
    "po_number": "PO-1",
    "purpose": "original",
    "po_type": "regular",
    "ordered_at": "2026-02-18",
}
BASE = """\
shape: csv
document: purchase_order
constants: {purpose: original, po_type: regular}
each: lines[]
columns:
  PO: {path: po_number, key: true}
  DATE: {path: ordered_at}
  QTY: {path: "lines[].quantity.value"}
"""


def base(**changes: str) -> Shape:
    """The small shape, with columns of one's own."""
    text = BASE
    for name, column in changes.items():
        rest = [line for line in text.splitlines() if not line.startswith(f"  {name}:")]
        text = "\n".join(rest) + f"\n  {name}: {column}\n"
    return shape(text)


def document(**changes: Any) -> dict[str, Any]:
    return {**HEAD, "lines": [{"quantity": {"value": "5"}}], **changes}


def codes(problems: list[Problem]) -> list[str]:
    return [one.code for one in problems]


# --- values ----------------------------------------------------------------------------------------------

QTY = "lines[].quantity.value"
VALUES = [
    (f'{{path: "{QTY}"}}', "12.50", "12.50"),
    (f'{{path: "{QTY}", mark: ","}}', '"12,50"', "12.50"),
    (f'{{path: "{QTY}", places: 3}}', "12.500", "12.500"),
    (f'{{path: "{QTY}", places: 2, implied: true}}', "1250", "12.50"),
    (f'{{path: "{QTY}", places: 2, implied: true, pad: "0", length: 8}}', "00000005", "0.05"),
    (f'{{path: "{QTY}", sign: trailing}}', "5-", "-5"),
    (f'{{path: "{QTY}", pad: "0", length: 6, sign: trailing}}', "00005-", "-5"),
    (f'{{path: "{QTY}", pad: "0", length: 6}}', "-00005", "-5"),
    (f'{{path: "{QTY}", empty: "n/a"}}', "n/a", None),
    ("{path: ordered_at, format: DD.MM.YYYY}", "18.02.2026", "2026-02-18"),
    ("{path: ordered_at, format: YYMMDD}", "680218", "2068-02-18"),
    ("{path: ordered_at, format: YYMMDD}", "690218", "1969-02-18"),
    ("{path: cancel_after, format: YYYYMMDDhhmmss}", "20260218170030", "2026-02-18T17:00:30"),
    ('{path: cancel_after, format: "DD/MM/YYYY hh:mm"}', "18/02/2026 17:00", "2026-02-18T17:00"),
    ('{path: cancel_after, empty: "00000000", format: YYYYMMDD}', "00000000", None),
    ('{path: backorder_default, codes: {"true": Y, "false": N}}', "Y", True),
    ("{path: backorder_default}", "false", False),
    ("{path: terms.net_days}", "30", 30),
    ('{path: "parties[role=ship_to].id"}', "0012", "0012"),
    ('{path: "parties[role=ship_to].address.lines[2]"}', "", None),
    ('{path: "lines[].ids.PR"}', "=1+1", "=1+1"),
    ("{path: customer_ref, codes: {CA: KAR}, others: keep}", "KAR", "CA"),
    ("{path: customer_ref, codes: {CA: KAR}, others: keep}", "ST", "ST"),
    ("{path: partner_id}", '"say ""hi"", ; \n there"', 'say "hi", ; \n there'),
    ('{path: "customer_ref"}', "@SUM(A1)", "@SUM(A1)"),
]


@pytest.mark.parametrize(("column", "text", "value"), VALUES)
def test_a_value_both_ways(column: str, text: str, value: Any) -> None:
    lines = [
        "PO: {path: po_number, key: true}",
        "DATE: {path: ordered_at}",
        'NO: "lines[].line_no"',
        f"X: {column}",
    ]
    head, row = ["PO", "DATE", "NO", "X"], ["PO-1", "2026-02-18", "1", text]
    if "ordered_at" in column:
        for listed in (lines, head, row):
            del listed[1]
    used = shape(BASE.partition("columns:")[0] + "columns:\n  " + "\n  ".join(lines))
    data = f"{','.join(head)}\n{','.join(row)}\n"
    (found,) = read(used, data)
    place = used.records[0].columns["X"].path
    assert place is not None
    assert place.find(found["lines"][0] if place.scope else found, "")[0] == value
    assert written(used, [found]).decode() == data


WRONG = [
    ({"X": f'{{path: "{QTY}"}}'}, "1,5", "SHAPE-VALUE", "is no number such as 1250.00"),
    ({"X": f'{{path: "{QTY}", implied: true, places: 2}}'}, "1.5", "SHAPE-VALUE", "is no number"),
    ({"X": "{path: terms.net_days}"}, "1.0", "SHAPE-VALUE", "is no whole number"),
    ({"X": "{path: terms.net_days}"}, "9" * 30, "SHAPE-VALUE", "is no whole number"),
    ({"X": "{path: backorder_default}"}, "Y", "SHAPE-VALUE", "neither true nor false"),
    (
        {"X": "{path: cancel_after, format: YYYYMMDD}"},
        "2026-02-18",
        "SHAPE-VALUE",
        "no date of the form YYYYMMDD",
    ),
    ({"X": "{path: cancel_after, format: YYYYMMDD}"}, "20260231", "SHAPE-VALUE", "no date of the form"),
    ({"X": "{path: cancel_after}"}, "18.2.26", "DOC-VALUE", "not a date"),
    ({"X": "{path: customer_ref, codes: {EA: ST}}"}, "KG", "SHAPE-VALUE", "no code table; known are ST"),
    ({"X": "{path: customer_ref, required: true}"}, " ", "SHAPE-VALUE", "must be filled"),
    ({"X": '{value: "H"}'}, "G", "SHAPE-VALUE", "'G' is not 'H'"),
    ({"X": "{path: customer_ref}"}, "a\0b", "SHAPE-VALUE", "byte 0x00"),
    ({"X": "{path: customer_ref}"}, "a\x1bb", "SHAPE-VALUE", "byte 0x1B"),
]


@pytest.mark.parametrize(("changes", "text", "code", "words"), WRONG)
def test_a_value_that_is_wrong(changes: dict[str, str], text: str, code: str, words: str) -> None:
    used = base(**changes)
    cell = f'"{text}"' if "," in text else text
    (problem,) = read_problems(used, f"PO,DATE,QTY,X\nPO-1,2026-02-18,5,{cell}\n")
    assert problem.code == code
    assert words in problem.message
    assert problem.message.startswith("Line 2, column X: ")
    assert problem.location.line == 2


def test_a_byte_of_another_encoding() -> None:
    data = "PO,DATE,QTY,X\nPO-1,2026-02-18,5,Käse\n"
    used = base(X="customer_ref")
    (problem,) = read_problems(used, data.encode("latin-1"))
    assert "Line 2, column X: byte 0xE4 is no character of utf-8" in problem.message
    assert problem.value == r"K\udce4se"
    assert read(used, b"\xef\xbb\xbf" + data.encode())[0]["customer_ref"] == "Käse"
    ansi = shape(BASE.replace("document:", "encoding: cp1252\ndocument:") + "  X: customer_ref\n")
    assert read(ansi, data.encode("cp1252"))[0]["customer_ref"] == "Käse"
    assert codes(read_problems(ansi, data.replace("ä", "\x81").encode("latin-1"))) == ["SHAPE-VALUE"]


def test_a_byte_order_mark_is_written_where_the_shape_says_so() -> None:
    used = shape(BASE.replace("document:", "encoding: utf-8-sig\ndocument:"))
    data = written(used, [document()])
    assert data.startswith(b"\xef\xbb\xbfPO,DATE")
    assert read(used, data) == [document()]


def test_a_document_that_says_otherwise_than_a_constant() -> None:
    (problem,) = write_problems(base(), document(purpose="cancel"))
    assert problem.message == "Document 1: 'cancel' is not 'original', all that this shape knows."
    assert (problem.code, problem.location.pointer) == ("SHAPE-VALUE", "/purpose")


# --- rows ------------------------------------------------------------------------------------------------


def test_everything_is_told_at_once() -> None:
    data = "PO,DATE,QTY\nPO-1,2026-02-31,x\nPO-1,2026-02-31,1,2\n,2026-02-18,5\n"
    found = [(one.location.line, one.code) for one in read_problems(base(), data)]
    assert found == [(2, "SHAPE-VALUE"), (3, "SHAPE-ROW"), (2, "DOC-VALUE"), (4, "DOC-MISSING")]


def test_what_is_missing_names_the_column() -> None:
    missing = read_problems(base(), "PO,DATE,QTY\nPO-1,,5\n")
    assert [one.message for one in missing] == ["Line 2, column DATE: The field ordered_at is missing."]


HEADERS = [
    ("PO,DATE,QTY,COLOR", "there is no column 'COLOR'"),
    ("PO,DATE,QTY,QTY", "'QTY' stands twice"),
    ("po,DATE,QTY", "there is no column 'po'"),
]


@pytest.mark.parametrize(("header", "words"), HEADERS)
def test_a_header_row_that_is_wrong(header: str, words: str) -> None:
    problem = read_problems(base(), f"{header}\nPO-1,2026-02-18,5,1\n")[0]
    assert problem.code == "SHAPE-ROW"
    assert words in problem.message


def test_columns_stand_in_any_order_and_need_not_all_be_there() -> None:
    used = base(X="{path: customer_ref}", Z='""')
    assert read(used, "QTY,PO,DATE\n5,PO-1,2026-02-18\n") == [document()]
    needed = base(X="{path: customer_ref, required: true}")
    (problem,) = read_problems(needed, "QTY,PO,DATE\n5,PO-1,2026-02-18\n")
    assert problem.message == "Line 1: the column 'X' is missing."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('PO,DATE,QTY\nPO-1,2026-02-18,"5\nPO-1,2026-02-18,5\n', "unexpected end of data"),
        ('PO,DATE,QTY\nPO-1,2026-02-18,"5"x\n', "expected after"),
        ("PO,DATE,QTY\nPO-1,2026-02-18," + "5" * 200_000 + "\n", "field larger"),
        ("PO,DATE,QTY\rPO-1,2026-02-18,5\r", "new-line character"),
    ],
)
def test_a_file_that_is_no_csv(data: str, words: str) -> None:
    problem = read_problems(base(), data)[0]
    assert problem.code == "SHAPE-ROW"
    assert words in problem.message


def test_blank_lines_and_line_ends_do_not_matter() -> None:
    data = "PO,DATE,QTY\r\n\r\n PO-1 ,2026-02-18,5\r\n,,\r\n"
    assert read(base(), data) == [document()]
    assert read(base(), data.rstrip()) == [document()]


def test_a_line_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MAX_ROW", 1000)
    assert codes(read_problems(base(), b"x" * 5000))[0] == "SHAPE-ROW"


def test_documents_end_where_the_key_changes() -> None:
    rows = "PO-1,2026-02-18,1\nPO-1,2026-02-18,2\nPO-2,2026-02-18,3\nPO-1,2026-02-18,4\n"
    found = read(base(), f"PO,DATE,QTY\n{rows}")
    assert [(one["po_number"], len(one["lines"])) for one in found] == [("PO-1", 2), ("PO-2", 1), ("PO-1", 1)]
    (problem,) = read_problems(base(), "PO,DATE,QTY\nPO-1,2026-02-18,1\nPO-1,2026-02-19,2\n")
    assert problem.message == "Line 3, column DATE: '2026-02-19' contradicts '2026-02-18' in line 2."


def test_one_document_in_memory_at_a_time() -> None:
    asked = 0

    class Slow(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            nonlocal asked
            asked += 1
            return super().readline(size)

    rows = "".join(f"PO-{n},2026-02-18,1\n" for n in range(50))
    found = columns.read(base(), Slow(f"PO,DATE,QTY\n{rows}".encode()))
    assert next(found)["po_number"] == "PO-0"
    assert asked == 3


def test_without_lines_the_head_still_has_a_row() -> None:
    used = example("csv_ship_notice")
    notice = {
        "document_type": "ship_notice",
        "schema_version": "1",
        "purpose": "original",
        "mode": "ltl",
        "shipment_id": "S-1",
        "created_at": "2026-03-02T16:30",
        "orders": [{"po_number": "PO-1"}, {"po_number": "PO-2", "cartons": [{"sscc": "003456789012345675"}]}],
    }
    data = written(used, [notice])
    assert len(data.splitlines()) == 3
    assert read(used, data) == [notice]


# --- records ---------------------------------------------------------------------------------------------

TAGGED = """\
shape: csv
document: purchase_order
delimiter: ";"
quote: ""
constants: {purpose: original, po_type: regular}
records:
  - tag: H
    columns: {PO: po_number, DATE: ordered_at, LINES: {count: L}}
  - tag: L
    each: lines[]
    columns: {PO: po_number, NO: "lines[].line_no", QTY: "lines[].quantity.value"}
  - tag: T
    in: document
    columns: {NOTE: customer_ref}
"""
ROWS = "H;PO-1;2026-02-18;2\nL;PO-1;1;5\nL;PO-1;2;6\nT;FC-1\n"


def test_records_with_tags() -> None:
    used = shape(TAGGED)
    (found,) = read(used, ROWS)
    assert found["customer_ref"] == "FC-1"
    assert [one["line_no"] for one in found["lines"]] == ["1", "2"]
    assert written(used, [found]).decode() == ROWS


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("H;PO-1;2026-02-18;2\n", "", 1, "the row (L) stands without the one it belongs to"),
        ("L;PO-1;2;6\n", "", 1, "'2' rows L are stated, and 1 are there"),
        ("L;PO-1;2;6\n", "L;PO-9;2;6\n", 3, "'PO-9' contradicts 'PO-1' in line 1"),
        ("L;PO-1;2;6\n", "X;PO-1;2;6\n", 3, "there is no record type 'X'"),
        ("L;PO-1;2;6\n", "L;PO-1;2\n", 3, "the row has 2 cells, not 3"),
        ("L;PO-1;2;6\n", "L;PO-1;2;6;7\n", 3, "the row has 4 cells, not 3"),
    ],
)
def test_records_that_do_not_fit_together(old: str, new: str, line: int, words: str) -> None:
    found = read_problems(shape(TAGGED), ROWS.replace(old, new))
    assert (line, True) in [(one.location.line, words in one.message) for one in found]


@pytest.mark.parametrize("text", ["a;b", "a\nb", "a\rb"])
def test_without_quotes_a_separator_cannot_be_written(text: str) -> None:
    (problem,) = write_problems(shape(TAGGED), document(customer_ref=text))
    assert (problem.code, problem.location.pointer) == ("SHAPE-VALUE", "/customer_ref")
    assert problem.message.startswith("Document 1, column NOTE: ")


# --- fixed width -----------------------------------------------------------------------------------------


def test_a_row_that_only_adds_is_left_out_when_it_says_nothing() -> None:
    used = shape(TAGGED)
    rows = ROWS.replace("T;FC-1\n", "")
    (found,) = read(used, rows)
    assert written(used, [found]).decode() == rows


FIXED = """\
shape: fixed
document: purchase_order
encoding: latin-1
constants: {purpose: original, po_type: regular}
records:
  - tag: HDR
    columns:
      PO: {path: po_number, length: 8}
      DATE: {path: ordered_at, length: 8, format: YYYYMMDD}
      GAP: {length: 5}
      REF: {path: customer_ref, length: 6}
  - tag: LN
    each: lines[]
    columns:
      QTY: {path: "lines[].quantity.value", length: 6, align: right, pad: "0"}
      TXT: {path: "lines[].description", length: 10}
"""


def test_fixed_width_both_ways() -> None:
    used = shape(FIXED)
    order = document(
        customer_ref="Käse", lines=[{"quantity": {"value": "5"}, "description": "Tray"}, {"description": "B"}]
    )
    data = written(used, [order])
    assert data.decode("latin-1").splitlines() == [
        "HDRPO-1    20260218     Käse  ",
        "LN 000005Tray      ",
        "LN       B         ",
    ]
    assert read(used, data) == [order]
    assert read(used, data.replace(b"\n", b"\r\n") + b"\r\n\x1a") == [order]


@pytest.mark.parametrize(
    ("change", "line", "code", "words"),
    [
        (lambda data: data[:-3], 2, "SHAPE-ROW", "the row has 17 characters, not 19"),
        (lambda data: data.replace(b"Tray      ", b"Tray      x"), 2, "SHAPE-ROW", "20 characters, not 19"),
        (lambda data: data.replace(b"LN ", b"LX "), 2, "SHAPE-ROW", "no record type 'LX'"),
        (lambda data: data.replace(b"000005", b"00 005"), 2, "SHAPE-VALUE", "is no number"),
        (lambda data: data.replace(b"PO-1", b"PO\x001"), 1, "SHAPE-VALUE", "byte 0x00"),
        (lambda data: data.replace(b"20260218", b"2026Feb1"), 1, "SHAPE-VALUE", "form YYYYMMDD"),
    ],
)
def test_fixed_width_that_is_wrong(change: Any, line: int, code: str, words: str) -> None:
    data = written(shape(FIXED), [document(lines=[{"quantity": {"value": "5"}, "description": "Tray"}])])
    (problem, *_) = read_problems(shape(FIXED), change(data))
    assert (problem.code, problem.location.line) == (code, line)
    assert words in problem.message


def test_rows_may_lack_their_blanks_where_the_shape_says_so() -> None:
    used = shape(FIXED.replace("document:", "trimmed: true\ndocument:"))
    data = written(used, [document()])
    assert data.splitlines()[0] == b"HDRPO-1    20260218"
    assert read(used, data) == [document()]


@pytest.mark.parametrize(
    ("changes", "code", "pointer", "words"),
    [
        ({"po_number": "PO-123456"}, "SHAPE-VALUE", "/po_number", "has 9 characters; there is room for 8"),
        ({"customer_ref": "a\nb"}, "SHAPE-VALUE", "/customer_ref", "line end"),
        ({"customer_ref": "5 €"}, "SHAPE-VALUE", "/customer_ref", "'€' is no character of latin-1"),
        (
            {"lines": [{"quantity": {"value": "-1000000"}}]},
            "SHAPE-VALUE",
            "/lines/0/quantity/value",
            "room for 6",
        ),
    ],
)
def test_what_does_not_fit_is_not_cut(changes: dict[str, Any], code: str, pointer: str, words: str) -> None:
    (problem,) = write_problems(shape(FIXED), document(**changes))
    assert (problem.code, problem.location.pointer) == (code, pointer)
    assert words in problem.message


# --- writing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "changes", "words"),
    [
        (
            "{path: cancel_after, format: YYYYMMDD}",
            {"cancel_after": "2026-02-18T17:00"},
            "cannot be said in the form",
        ),
        (
            "{path: cancel_after, format: YYYYMMDDhhmm}",
            {"cancel_after": "2026-02-18T17:00:30"},
            "cannot be said in the form",
        ),
        (
            '{path: "lines[].quantity.value", places: 1}',
            {"lines": [{"quantity": {"value": "1.25"}}]},
            "more than 1",
        ),
        ("{path: customer_ref, codes: {EA: ST}}", {"customer_ref": "KG"}, "in no code table; known are EA"),
        ("{path: customer_ref, codes: {EA: ST}, others: keep}", {"customer_ref": "ST"}, "in no code table"),
        ("{path: customer_ref, required: true}", {}, "one is needed"),
    ],
)
def test_a_value_that_a_column_cannot_say(column: str, changes: dict[str, Any], words: str) -> None:
    used = base(QTY='{value: ""}', X=column) if "quantity" in column else base(X=column)
    (problem,) = write_problems(used, document(**changes))
    assert problem.message.startswith("Document 1, column X: ")
    assert words in problem.message


def test_every_document_is_told_about() -> None:
    with pytest.raises(DocumentError) as caught:
        written(base(), [document(purpose="cancel"), document(), document(purpose="change")])
    assert [one.message[:10] for one in caught.value.problems] == ["Document 1", "Document 3"]
    with pytest.raises(DocumentError, match="no document"):
        written(base(), [])


def test_what_stands_in_no_column_is_told() -> None:
    told: list[Problem] = []
    parties = [{"role": "buyer", "name": "N"}, {"role": "ship_to", "id": "1"}]
    given = document(test=True, parties=parties, control={"interchange": "1"}, notes=[{"type": "note"}])
    used = base(X='"parties[role=ship_to].id"')
    assert list(columns.write(used, [given], told.append))
    assert told[0].message == "Document 1: no column takes test, parties.role, parties.name, notes.type."
    told.clear()
    quiet = shape(BASE.replace("constants:", "ignore: [parties, notes, test]\nconstants:"))
    assert list(columns.write(quiet, [given, {**given, "test": False}], told.append))
    assert told == []


def test_x12_to_columns_keeps_what_has_a_column() -> None:
    import gateway

    path = Path(__file__).resolve().parents[2] / "data" / "x12" / "004010" / "850" / "amazon_style.edi"
    used = example("csv_order")
    data = written(used, gateway.translate(path))
    assert [line.split(b";")[0] for line in data.splitlines()] == [b"OrderNo", b"8WL5Q2ZX", b"8WL5Q2ZX"]
    assert written(used, read(used, data)) == data
