"""CSV that went through a spreadsheet: read where it can mean one thing, else refused by row and column."""

from __future__ import annotations

import codecs
import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import DocumentError
from gateway.shapes import columns
from gateway.shapes.model import Shape
from tests.unit.shapes.support import faults, read, read_problems, shape, written

TEXT = """\
shape: csv
document: invoice
spreadsheet: true
constants: {kind: invoice}
each: lines[]
columns:
  Invoice: {path: invoice_number, key: true, required: true}
  Date: {path: invoice_date, format: YYYY-MM-DD}
  Shipped: {path: shipped_at}
  Note: "parties[role=remit_to].name"
  Price: "lines[].unit_price.amount"
  Total: {path: total.amount, required: true}
"""
USED = shape(TEXT)
HEADER = "Invoice,Date,Shipped,Note,Price,Total"


def rows(*lines: str, header: str = HEADER) -> str:
    return "\n".join((header, *lines)) + "\n"


def one(data: bytes | str, used: Shape = USED) -> dict[str, Any]:
    (found,) = read(used, data)
    return found


def refused(data: bytes | str, used: Shape = USED) -> str:
    (problem,) = read_problems(used, data)
    return problem.message


PLAIN = rows("I-1,2026-02-18,2026-02-18,Café,12.50,25.00")
EXPECTED = one(PLAIN)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("cp1252"),
        PLAIN.encode("utf-16"),
        codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode(),
        ('"sep=;"\n' + PLAIN.replace(",", ";").replace("12.50", "12,50").replace("25.00", "25,00")).encode(),
        (PLAIN + ",,,,,\n,,,,,\n\n").encode(),
        PLAIN.replace("\n", ",,\n").encode(),
        '"Invoice","Date","Shipped","Note","Price","Total"\n"I-1","2026-02-18","2026-02-18","Café","12.50","25.00"'.encode(),
        PLAIN.replace("2026-02-18", "46071").encode(),
        PLAIN.replace("2026-02-18", "18.2.2026").encode(),
        PLAIN.replace("2026-02-18", "18/02/2026").encode(),
        PLAIN.replace("2026-02-18", "2/18/2026 00:00").encode(),
        PLAIN.replace("2026-02-18", "2026/2/18").encode(),
        PLAIN.replace("I-1,", "I-1\u00a0,").encode(),
    ],
)
def test_what_spreadsheets_do_to_a_file_changes_nothing(data: bytes) -> None:
    assert one(data) == EXPECTED


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ('"12,5"', "12.5"),
        ('"1,234.50"', "1234.50"),
        ('"1.234,50"', "1234.50"),
        ('"1,234,567"', "1234567"),
        ('"-1.234.567,8"', "-1234567.8"),
        ('"0,250"', "0.250"),
        ('"1234,500"', "1234.500"),
        ("1.250", "1.250"),
        ('"1 234,50"', "1234.50"),
        ('"1\u00a0234.5"', "1234.5"),
        ("1'234.50", "1234.50"),
    ],
)
def test_a_number_of_any_country(price: str, amount: str) -> None:
    found = one(rows(f"I-1,2026-02-18,,x,{price},25.00"))
    assert found["lines"][0]["unit_price"]["amount"] == amount


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ('I-1,2026-02-18,,x,"1,250",25.00', "Price", "'1,250' can be 1250 or 1.250; write it without ','"),
        ('I-1,2026-02-18,,x,"12,34.56",25.00', "Price", "is no number"),
        ('I-1,2026-02-18,,x,"1,23,456",25.00', "Price", "is no number"),
        (
            "I-1,3/4/2026,,x,1,25.00",
            "Date",
            "'3/4/2026' can be day/month or month/day; write it as 2026-02-18",
        ),
        ("I-1,31.02.2026,,x,1,25.00", "Date", "is no real date"),
        ("I-1,3/4/26,,x,1,25.00", "Date", "is no date of the form YYYY-MM-DD"),
        ("I-1,46071.5,,x,1,25.00", "Date", "has a time, and a date alone is asked for"),
        ("4.00638E+12,2026-02-18,,x,1,25.00", "Invoice", "in place of the value; format the column as text"),
        ("I-1,########,,x,1,25.00", "Date", "in place of the value"),
        ("I-1,2026-02-18,,#N/A,1,25.00", "Note", "in place of the value"),
    ],
)
def test_what_can_mean_two_things_is_refused(row: str, column: str, words: str) -> None:
    told = refused(rows(row))
    assert told.startswith(f"Line 2, column {column}: ")
    assert words in told


def test_a_mark_is_doubted_where_the_separator_is_another() -> None:
    """A file with semicolons comes from where the comma is the decimal mark, and the point groups."""
    data = rows("I-1;2026-02-18;;x;1.250;25,00", header=HEADER.replace(",", ";"))
    assert "can be 1250 or 1.250" in refused(data)


def test_serial_dates_have_times() -> None:
    assert one(rows("I-1,2026-02-18,46071.5,x,1,25.00"))["shipped_at"] == "2026-02-18T12:00"
    assert one(rows("I-1,2026-02-18,18.02.2026 16:30,x,1,25.00"))["shipped_at"] == "2026-02-18T16:30"


def test_a_column_may_say_which_of_day_and_month_is_first() -> None:
    american = shape(TEXT.replace("YYYY-MM-DD", "MM/DD/YYYY"))
    european = shape(TEXT.replace("YYYY-MM-DD", "DD/MM/YYYY"))
    data = rows("I-1,3/4/2026,,x,1,25.00")
    assert one(data, american)["invoice_date"] == "2026-03-04"
    assert one(data, european)["invoice_date"] == "2026-04-03"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            rows("I-1,2026-02-18,,x,1,25.00,stray"),
            "Line 2: cell 7 holds 'stray', and its column has no name.",
        ),
        (
            rows("I-1,2026-02-18,,x,1,my,25.00", header="Invoice,Date,Shipped,Note,Price,,Total"),
            "Line 2: cell 6 holds 'my', and its column has no name.",
        ),
        (rows("I-1,2026-02-18,,x,1"), "Line 2: the row has 5 cells, not 6."),
        (rows("x", header="Invoice,Date,Total,Notes"), "Line 1: there is no column 'Notes' in the shape."),
        ("sep=;\n" + rows("x", header="Invoice;Date"), "Line 2: the column 'Total' is missing."),
    ],
)
def test_stray_cells_are_told(data: str, words: str) -> None:
    assert refused(data) == words


def test_a_file_of_two_encodings_is_refused() -> None:
    data = PLAIN.encode() + "I-2,2026-02-18,,Café,1,25.00\n".encode("cp1252")
    assert refused(data).startswith("Line 3, column Note: byte 0xE9")


def test_utf16_that_is_cut_off_is_refused() -> None:
    assert "no whole UTF-16" in refused(PLAIN.encode("utf-16")[:-1])


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@A1", "\t=1", "＝1", "'=1", "''-1"])
def test_no_text_becomes_a_formula(start: str) -> None:
    document = {**EXPECTED, "parties": [{"role": "remit_to", "name": f"{start}x"}]}
    data = written(USED, [document])
    assert f"'{start}x".encode() in data
    assert one(data) == document


def test_numbers_are_no_formulas() -> None:
    document = {**EXPECTED, "total": {"amount": "-25.00"}}
    assert b",-25.00" in written(USED, [document])


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_text_comes_back(text: str) -> None:
    text = text.strip(" \xa0")
    assume(text and not text.startswith("#") and "E+" not in text.upper())  # what a spreadsheet has spoilt
    document = {**EXPECTED, "parties": [{"role": "remit_to", "name": text}]}
    assert list(columns.read(USED, io.BytesIO(written(USED, [document])))) == [document]


CELLS = st.one_of(
    st.text(max_size=8),
    st.text("0123456789.,-/ :'E+", max_size=12),
    st.sampled_from(["2026-02-18", "46071", "1,250", "=1", "I-1", '"', "sep=;", "\ufeff"]),
)
TABLES = st.lists(st.lists(CELLS, max_size=8), max_size=5)


@given(TABLES, st.sampled_from([",", ";", "\t"]), st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-8-sig"]))
def test_whatever_comes_is_read_or_refused(table: list[list[str]], separator: str, encoding: str) -> None:
    lines = [HEADER.replace(",", separator), *(separator.join(cells) for cells in table)]
    data = "\n".join(lines).encode(encoding, "replace" if encoding == "cp1252" else "surrogatepass")
    with suppress(DocumentError):
        read(USED, data)


@given(st.binary(max_size=300))
def test_whatever_bytes_come_are_read_or_refused(data: bytes) -> None:
    for start in (b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, HEADER.encode() + b"\n"):
        with suppress(DocumentError):
            read(USED, start + data)


def test_spreadsheets_belong_to_csv() -> None:
    columns_of = "columns: {A: {path: po_number, length: 5}}"
    told = faults(f"shape: fixed\ndocument: purchase_order\nspreadsheet: true\n{columns_of}\n")
    assert told == ["spreadsheet: belongs to csv alone."]
