"""Rows of items and places: what a cell may hold, what contradicts what, and CSV as spreadsheets write it."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.partners.crossreference import (
    ITEM,
    KINDS,
    LOCATION,
    Kind,
    Row,
    checked,
    clashes,
    gtin,
    meant,
    read,
    written,
)


def item(**given: str) -> Row:
    row, wrong = checked(ITEM, {"erp_sku": "A", **given}, 1)
    assert wrong == []
    return row


def mistakes(given: dict[str, str], kind: Kind = ITEM) -> list[tuple[str, str]]:
    known = {"erp_sku": "A", "vendor_sku": "V"} if kind is ITEM else {"erp_ship_to": "S", "code": "C"}
    return [(one.column, one.words) for one in checked(kind, {**known, **given}, 1)[1]]


# --- cells -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("012345678905", "00012345678905"),
        ("4006381333931", "04006381333931"),
        ("10012345678902", "10012345678902"),
        ("96385074", "00000096385074"),
        ("0 12345 67890 5", "00012345678905"),
    ],
)
def test_a_gtin_is_kept_with_fourteen_digits(text: str, kept: str) -> None:
    assert gtin(text) == kept


@given(st.integers(0, 10**11 - 1), st.integers(1, 11), st.integers(1, 9))
def test_a_wrong_digit_is_always_found(number: int, place: int, by: int) -> None:
    digits = f"{number:011}"
    check = next(one for one in "0123456789" if _is_gtin(digits + one))
    wrong = list(digits + check)
    wrong[place] = str((int(wrong[place]) + by) % 10)
    assert not _is_gtin("".join(wrong))


def _is_gtin(text: str) -> bool:
    try:
        return bool(gtin(text))
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("column", "text", "words"),
    [
        ("gtin", "012345678906", "has a wrong check digit: it ends with 6, and 5 would be right"),
        ("gtin", "4.00638E+12", "is no UPC, EAN or GTIN of 8, 12, 13 or 14 digits (a spreadsheet may have"),
        ("gtin", "12345678905", "is no UPC, EAN or GTIN of 8, 12, 13 or 14 digits (a spreadsheet may have"),
        ("gtin", "none", "is no UPC, EAN or GTIN of 8, 12, 13 or 14 digits"),
        ("case_gtin", "٠١٢٣٤٥٦٧٨٩٠٥", "is no UPC"),
        ("unit", "EACH", "is no unit of measure of X12"),
        ("pack", "0", "is no whole number from 1 to 999999"),
        ("pack", "2,5", "is no whole number"),
        ("since", "01.03.2026", "is no day such as 2026-03-31"),
        ("since", "2026-02-30", "is no day such as 2026-03-31"),
        ("vendor_sku", "a\x1bb", "holds a control character or a line end"),
        ("vendor_sku", "x" * 201, "is longer than 200 characters"),
    ],
)
def test_a_cell_that_cannot_be_right(column: str, text: str, words: str) -> None:
    ((at, said),) = mistakes({column: text})
    assert at == column
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"erp_sku": " "}, "erp_sku"),
        ({"vendor_sku": ""}, ""),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "until"),
        ({"unit": "EA", "pack": "12"}, "pack"),
        ({"unit": "EA", "partner_unit": "CA"}, "pack"),
        ({"pack": "12", "partner_unit": "CA"}, "unit"),
        ({"unit": "CA", "pack": "12", "partner_unit": "CA"}, "unit"),
    ],
)
def test_cells_that_do_not_go_together(given: dict[str, str], at: str) -> None:
    assert [column for column, _ in mistakes(given)] == [at]


def test_places_are_known_by_san_and_gln() -> None:
    row, wrong = checked(LOCATION, {"erp_ship_to": "S", "san": "123-456X", "gln": "4006381333931"}, 1)
    assert (row["san"], row["gln"], wrong) == ("123456X", "4006381333931", [])
    assert [one for one, _ in mistakes({"san": "12345", "gln": "4006381333932"}, LOCATION)] == ["san", "gln"]


# --- what contradicts what -------------------------------------------------------------------------------


def clashing(*rows: dict[str, str], old: tuple[dict[str, str], ...] = ()) -> list[tuple[int, str]]:
    new = [(number, item(**row)) for number, row in enumerate(rows, 2)]
    return [(one.row, one.column) for one in clashes(ITEM, new, [item(**one) for one in old])]


A, B = {"vendor_sku": "V"}, {"erp_sku": "B", "vendor_sku": "V"}


def test_a_name_stands_for_one_thing_on_a_day() -> None:
    assert clashing(A, B) == clashing(B, A) == [(3, "vendor_sku")]
    assert clashing(B, old=(A,)) == [(2, "vendor_sku")]
    assert clashing({**A, "until": "2026-03-31"}, {**B, "since": "2026-03-31"}) == [(3, "vendor_sku")]
    assert clashing({**A, "until": "2026-03-31"}, {**B, "since": "2026-04-01"}) == []
    assert clashing({**A, "partner": "x"}, B) == clashing({**A, "partner": "x"}, {**B, "partner": "y"}) == []
    assert clashing(A, {"vendor_sku": "W", "since": "2026-01-01"}) == [(3, "erp_sku")]
    number = {"vendor_sku": "", "gtin": "012345678905"}
    assert clashing(number, {**number, "erp_sku": "B", "gtin": "", "case_gtin": "00012345678905"}) == [
        (3, "case_gtin")
    ]
    assert clashing({"vendor_sku": "V"}, {"erp_sku": "B", "asin": "V"}) == []


_DAYS = st.sampled_from(["", *(f"2026-03-0{day}" for day in range(1, 7))])
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "partner": st.sampled_from(["", "x"]),
            "erp_sku": st.sampled_from("ABC"),
            "vendor_sku": st.sampled_from(["", "1", "2"]),
            "asin": st.sampled_from(["1", "2"]),
            "since": _DAYS,
            "until": _DAYS,
        }
    ),
    max_size=6,
)


@given(_ROWS, _DAYS.filter(bool), st.integers(0, 6))
def test_rows_that_do_not_clash_never_leave_a_choice(
    given: list[dict[str, str]], day: str, kept: int
) -> None:
    found = [(number, checked(ITEM, one, number)) for number, one in enumerate(given)]
    rows = [(number, row) for number, (row, wrong) in found if not wrong]
    is_clear = not list(clashes(ITEM, rows[kept:], [row for _, row in rows[:kept]]))
    names = {(row["partner"], key) for _, row in rows for key in ITEM.keys(row)}
    if is_clear and not list(clashes(ITEM, rows[:kept], [])):
        for partner, key in names:
            mine = [row for _, row in rows if row["partner"] == partner]
            assert len(meant(ITEM, mine, [key], day)) <= 1
    elif kept == 0:
        days = ["", *(f"2026-03-0{one}" for one in range(1, 7)), "9"]
        assert any(
            sum(
                row["partner"] == partner
                and key in ITEM.keys(row)
                and row["since"] <= one <= (row["until"] or "9")
                for _, row in rows
            )
            > 1
            for partner, key in names
            for one in days
        )


def test_what_is_meant() -> None:
    for_all, own = item(vendor_sku="V"), item(erp_sku="B", asin="X", partner="x")
    keys = [("vendor_sku", "V"), ("asin", "X")]
    assert meant(ITEM, [for_all, own], keys, "2026-03-02") == [own]
    assert meant(ITEM, [for_all], keys, "2026-03-02") == [for_all]
    assert len(meant(ITEM, [for_all, {**own, "partner": ""}], keys, "2026-03-02")) == 2
    assert meant(ITEM, [{**for_all, "since": "2026-03-03"}], keys, "2026-03-02") == []


# --- CSV -------------------------------------------------------------------------------------------------


def test_a_file_of_a_spreadsheet_is_read() -> None:
    text = '\ufefferp_sku;vendor_sku;description\r\n"A";V;"Pot; 2 ""l"""\r\n;;\r\nB;\'=W;\r\n'
    rows, wrong = read(ITEM, text.encode())
    assert wrong == []
    assert [(number, row["erp_sku"], row["vendor_sku"], row["description"]) for number, row in rows] == [
        (2, "A", "V", 'Pot; 2 "l"'),
        (4, "B", "=W", ""),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", [(1, "", "the file is empty: it begins with a header")]),
        (b"erp_sku,sku\n", [(1, "sku", "there is no such column; known are partner, erp_sku, ")]),
        (b"erp_sku,asin,asin\n", [(1, "asin", "the column stands twice")]),
        (b"asin\n", [(1, "erp_sku", "the column is missing")]),
        (b"erp_sku,asin\nA\n", [(2, "", "the row has 1 cells, and the header 2")]),
        (b'erp_sku,asin\nA,"x\n', [(2, "", "the row cannot be read: ")]),
        (b"erp_sku,asin\nA,\xc4\n", [(2, "", "the file is not UTF-8: save it as CSV UTF-8")]),
        ("erp_sku".encode("utf-16"), [(1, "", "the file is not UTF-8: save it as CSV UTF-8")]),
        (b"erp_sku,pack\n,x\nA,y\n", [(2, "pack", "is no whole number"), (3, "pack", "is no whole number")]),
    ],
)
def test_everything_that_is_wrong_is_told_at_once(content: bytes, told: list[tuple[int, str, str]]) -> None:
    _, wrong = read(ITEM, content)
    assert len(wrong) == len(told)
    for one, (row, column, words) in zip(wrong, told, strict=True):
        assert (one.row, one.column) == (row, column)
        assert one.words.startswith(words)


def test_what_would_be_a_formula_is_none_in_a_file() -> None:
    row = item(vendor_sku="=cmd|' /C calc'!A0", asin="-1", description="@x")
    text = "".join(written(ITEM, [row]))
    cells = dict(zip(*csv.reader(StringIO(text)), strict=True))
    assert (cells["vendor_sku"], cells["asin"], cells["description"]) == ("'=cmd|' /C calc'!A0", "'-1", "'@x")


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)
_FORMULAS = st.tuples(st.text("'=+-@", max_size=4), _TEXT).map("".join).map(str.strip)


@given(st.data(), st.sampled_from(list(KINDS.values())))
def test_what_is_written_is_read_again_unchanged(data: Any, kind: Kind) -> None:
    texts = [one for one in kind.columns if "'=" in checked(kind, {one: "'="}, 1)[0][one]]
    assert len(texts) >= 5
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(texts, _TEXT | _FORMULAS)), max_size=3))
    known = []
    for number, row in enumerate(rows):
        kept, wrong = checked(kind, row, number)
        known += [kept] if not wrong else []
    again, wrong = read(kind, "".join(written(kind, known)).encode())
    assert wrong == []
    assert [row for _, row in again] == known


@given(st.binary(max_size=200), st.sampled_from(list(KINDS.values())))
def test_any_file_is_read_or_refused(content: bytes, kind: Kind) -> None:
    for start in (b"", ",".join(kind.columns).encode() + b"\n"):
        rows, wrong = read(kind, start + content)
        assert all(one.row >= 1 for one in wrong)
        assert wrong or all(row[kind.own] for _, row in rows)
