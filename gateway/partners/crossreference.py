"""What partners call items and places, and what our own system calls them: rows, their checks, and CSV.

A row says that a partner, or every partner, knows something of ours by other names, from one day to another.
No two rows for the same partner say that of the same name on the same day, so a look-up is never ambiguous.
"""

from __future__ import annotations

import csv
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import NamedTuple

from gateway.partners.gs1 import check_digit

Row = dict[str, str]
"""A row: each column of its kind, empty where nothing is known."""

Key = tuple[str, str]
"""A name that something is known by: a column and what stands in it."""

MAX_CELL = 200
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Wrong(NamedTuple):
    """A mistake: the row (the line of its file), the column or nothing, what is wrong, the value."""

    row: int
    column: str
    words: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A cross-reference.

    Attributes:
        name: what its rows are about. own: the column with the name in our own system.
        names: columns with names that partners use.
        columns: all of them in the order of a file, and what they hold.
    """

    name: str
    own: str
    names: tuple[str, ...]
    columns: Mapping[str, str]

    def identity(self, row: Row) -> tuple[str, str, str]:
        """What tells a row from all others; a row with the same replaces it."""
        return row["partner"], row[self.own], row["since"]

    def id_of(self, row: Row) -> str:
        """The identity as one word, for addresses."""
        return urlsafe_b64encode("\0".join(self.identity(row)).encode()).rstrip(b"=").decode()

    def keys(self, row: Row) -> set[Key]:
        """The names a row may be found by."""
        return {(_SAME.get(one, one), row[one]) for one in (self.own, *self.names) if row[one]}

    def columns_of(self, key: Key) -> tuple[str, ...]:
        """The columns a name may stand in."""
        return tuple(one for one in (self.own, *self.names) if _SAME.get(one, one) == key[0])


_SAME = {"case_gtin": "gtin"}
"""Columns whose names are of the same kind as those of another."""

_PARTNER = {"partner": "the partner's id; empty for every partner that has no row of its own"}
_TIME = {"since": "first day it holds; empty for ever", "until": "last day it holds; empty for ever"}

ITEM = Kind(
    "item",
    "erp_sku",
    ("vendor_sku", "asin", "gtin", "case_gtin"),
    {
        **_PARTNER,
        "erp_sku": "the item's number in your own system",
        "vendor_sku": "vendor's item number, as the partner writes it",
        "asin": "buyer's part number; at Amazon the ASIN",
        "gtin": "UPC, EAN or GTIN of a single unit",
        "case_gtin": "GTIN of a case",
        "unit": "unit your own system counts in, an X12 code such as EA",
        "pack": "how many of these make one of the partner's unit",
        "partner_unit": "unit the partner counts in, such as CA",
        "cost": "price you agreed on for one of the partner's unit, such as 18.40",
        **_TIME,
        "description": "the item in words",
    },
)
LOCATION = Kind(
    "location",
    "erp_ship_to",
    ("code", "san", "gln"),
    {
        **_PARTNER,
        "erp_ship_to": "the place's number in your own system",
        "code": "the partner's code of the place, such as that of a fulfilment centre",
        "san": "its SAN, seven characters",
        "gln": "its GLN, thirteen digits",
        "name": "its name",
        "address": "its address",
        **_TIME,
    },
)
KINDS = {one.name: one for one in (ITEM, LOCATION)}


def identity_of(row_id: str) -> tuple[str, str, str]:
    """The identity that :meth:`Kind.id_of` made a word of. Raises ValueError."""
    partner, own, since = urlsafe_b64decode(f"{row_id}==").decode().split("\0")
    return partner, own, since


# --- single cells ----------------------------------------------------------------------------------------


def gtin(text: str) -> str:
    """A UPC-12, EAN-13, GTIN-14 or GTIN-8 with 14 digits. Raises ValueError if it is none of these."""
    digits = re.sub("[ -]", "", text)
    if not re.fullmatch("[0-9]{8}|[0-9]{12,14}", digits):
        lost = (
            " (a spreadsheet may have changed it: format the column as text)" if digits[:1].isdigit() else ""
        )
        raise ValueError(f"is no UPC, EAN or GTIN of 8, 12, 13 or 14 digits{lost}")
    return _checked(digits.zfill(14))


def _checked(digits: str) -> str:
    if (expected := check_digit(digits[:-1])) != digits[-1]:
        raise ValueError(f"has a wrong check digit: it ends with {digits[-1]}, and {expected} would be right")
    return digits


def _gln(text: str) -> str:
    digits = re.sub("[ -]", "", text)
    if not re.fullmatch("[0-9]{13}", digits):
        raise ValueError("is no GLN of 13 digits")
    return _checked(digits)


def _san(text: str) -> str:
    if not re.fullmatch("[0-9]{6}[0-9X]", found := re.sub("[ -]", "", text)):
        raise ValueError("is no SAN of seven characters, such as 1234567")
    return found


def _unit(text: str) -> str:
    if not re.fullmatch("[0-9A-Z]{2}", text):
        raise ValueError("is no unit of measure of X12, two characters such as EA or CA")
    return text


def _pack(text: str) -> str:
    if not re.fullmatch("[0-9]{1,6}", text) or not int(text):
        raise ValueError("is no whole number from 1 to 999999")
    return str(int(text))


def _cost(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        raise ValueError("is no price such as 18.40, with a point and without a currency")
    return text


def _day(text: str) -> str:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError("is no day such as 2026-03-31")


_CHECKS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("gtin", "case_gtin"), gtin),
    **dict.fromkeys(("unit", "partner_unit"), _unit),
    **dict.fromkeys(("since", "until"), _day),
    "gln": _gln,
    "san": _san,
    "pack": _pack,
    "cost": _cost,
}


# --- rows ------------------------------------------------------------------------------------------------


def checked(kind: Kind, given: Mapping[str, str], number: int) -> tuple[Row, list[Wrong]]:
    """A row in the form in which it is kept, and what is wrong with it."""
    row, wrong = dict.fromkeys(kind.columns, ""), list[Wrong]()
    for column in kind.columns:
        text = given.get(column, "").strip()
        try:
            if _CONTROL.search(text):
                raise ValueError("holds a control character or a line end")
            if len(text) > MAX_CELL:
                raise ValueError(f"is longer than {MAX_CELL} characters")
            row[column] = _CHECKS.get(column, str)(text) if text else ""
        except ValueError as error:
            wrong.append(Wrong(number, column, str(error), text))
    if wrong:
        return row, wrong
    if not row[kind.own]:
        wrong.append(Wrong(number, kind.own, "is empty, and must be filled"))
    if not any(row[one] for one in kind.names):
        wrong.append(Wrong(number, "", f"no name of a partner: fill one of {', '.join(kind.names)}"))
    if row["until"] and row["until"] < row["since"]:
        wrong.append(Wrong(number, "until", f"is before since, {row['since']}", row["until"]))
    if kind is ITEM and bool(row["pack"]) != bool(row["partner_unit"]):
        wrong.append(Wrong(number, "pack", "goes together with partner_unit: fill both or none", row["pack"]))
    if row.get("partner_unit") and row["unit"] in ("", row["partner_unit"]):
        wrong.append(Wrong(number, "unit", "must be filled beside partner_unit, and differ", row["unit"]))
    return row, wrong


def clashes(kind: Kind, new: Iterable[tuple[int, Row]], old: Iterable[Row]) -> Iterator[Wrong]:
    """New rows that say of a name what another row says of it for some of the same days."""
    known: dict[tuple[str, Key], list[tuple[str, Row]]] = {}
    for one in old:
        for key in kind.keys(one):
            place = f"the table, since {one['since'] or 'ever'}"
            known.setdefault((one["partner"], key), []).append((place, one))
    for number, row in new:
        for key in sorted(kind.keys(row)):
            others = known.setdefault((row["partner"], key), [])
            for place, other in others:
                if row["since"] <= (other["until"] or "9") and other["since"] <= (row["until"] or "9"):
                    at = next(one for one in kind.columns_of(key) if row[one] == key[1])
                    words = (
                        f"stands for {other[kind.own]} on the same days already ({place}); end that one first"
                    )
                    yield Wrong(number, at, words, key[1])
                    break
            others.append((f"row {number}", row))


def meant(kind: Kind, rows: Iterable[Row], keys: Collection[Key], day: str) -> list[Row]:
    """The rows that names stand for on a day; several where they contradict each other.

    Rows of a partner go before those for all.
    """
    found = [
        one
        for one in rows
        if one["since"] <= day <= (one["until"] or "9") and not kind.keys(one).isdisjoint(keys)
    ]
    mine = [one for one in found if one["partner"]] or found
    return [*{one[kind.own]: one for one in mine}.values()]


# --- CSV -------------------------------------------------------------------------------------------------


def read(kind: Kind, content: bytes) -> tuple[list[tuple[int, Row]], list[Wrong]]:
    """The rows of a CSV file with a header, with their lines, and everything that is wrong in it."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return [], [Wrong(line, "", "the file is not UTF-8: save it as CSV UTF-8")]
    first = text.partition("\n")[0]
    table = csv.reader(StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    header: list[str] = []
    rows, wrong, line = list[tuple[int, Row]](), list[Wrong](), 1
    try:
        for cells in table:
            number, line = line, table.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                wrong += _about_header(kind, header, number)
                if wrong:
                    return [], wrong
            elif len(cells) != len(header):
                wrong.append(
                    Wrong(number, "", f"the row has {len(cells)} cells, and the header {len(header)}")
                )
            else:
                plain = (cell[1:] if _FORMULA.match(cell[1:]) and cell[0] == "'" else cell for cell in cells)
                row, mistakes = checked(kind, dict(zip(header, plain, strict=True)), number)
                rows.append((number, row))
                wrong += mistakes
    except csv.Error as error:
        wrong.append(Wrong(line, "", f"the row cannot be read: {error}"))
    if not header:
        wrong.append(Wrong(1, "", "the file is empty: it begins with a header"))
    return rows, wrong


def _about_header(kind: Kind, header: list[str], number: int) -> Iterator[Wrong]:
    for name in dict.fromkeys(header):
        if name not in kind.columns:
            words = f"there is no such column; known are {', '.join(kind.columns)}"
            yield Wrong(number, name, words)
        elif header.count(name) > 1:
            yield Wrong(number, name, "the column stands twice")
    if kind.own not in header:
        yield Wrong(number, kind.own, "the column is missing")


def written(kind: Kind, rows: Iterable[Row]) -> Iterator[str]:
    """A CSV file in lines; what a spreadsheet would take for a formula has an apostrophe before it."""
    yield ",".join(kind.columns) + "\n"
    for row in rows:
        line = StringIO()
        cells = (row[one] for one in kind.columns)
        csv.writer(line, lineterminator="\n").writerow(
            f"'{one}" if _FORMULA.match(one) else one for one in cells
        )
        yield line.getvalue()
