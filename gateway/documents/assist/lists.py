"""Stock and packing lists, and what can be wrong with them and with what is made of them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from gateway.documents.values import DATE, DECIMAL
from gateway.errors import Fault, Level, Location, Problem, Severity

# fmt: off
CATALOGUE = {
    "MADE-ROW": (
        "Correct the file; nothing was made of it.",
        ("A stock or packing list has a row for each item, with the columns that the command's help names. "
        "A column, row or value that nobody can use is refused, so that no goods are left out.")),
    "MADE-LINE": (
        "Name the order and the line, or an item number that only one line has.",
        ("A row, an option or an earlier document must mean exactly one line of the order, in the unit of "
        "the order.")),
    "MADE-OVER": (
        "Correct the quantity; of a ship notice, --over says that it is meant.",
        ("No more is shipped than was confirmed and is not shipped yet, and no more invoiced than was "
        "shipped and is not invoiced yet. Partners charge back what is over.")),
    "MADE-DATE": (
        "Say when it ships: --date, or the column date of the stock list; of a shipment --ship-date.",
        "What is promised for later needs a date, and so does a ship notice; partners refuse them without."),
    "MADE-REASON": (
        "Write --reject LINE=REASON with unavailable, invalid_id or obsolete.",
        "A rejected line needs a reason that the partner knows."),
    "MADE-CONTAINER": (
        "Correct the list, or state another --structure.",
        "A carton or pallet is one thing at one place, and its SSCC has a right check digit."),
    "MADE-PRICE": (
        "Ask the partner for a corrected order, or write the invoice elsewhere.",
        "An invoice has the acknowledged price of each line, in one currency."),
    "MADE-NOTHING": (
        "Look at `edigw document chain` for what was sent already.",
        "There is nothing left that a document could be about."),
    "MADE-CHARGES": (
        "Write the invoice elsewhere if they belong on it.",
        ("How allowances and charges of an order are settled differs between partners, so the invoice is "
        "made without them.")),
}
# fmt: on
"""What to do, and why, by code."""

MAX_ROWS, MAX_DIGITS = 100_000, 18


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list: its values without empty ones, and how its place is called."""

    values: dict[str, str]
    line: int | None = None
    pointer: str = ""

    def wrong(self, column: str, what: str, code: str = "MADE-ROW") -> Problem:
        """A problem of a value."""
        place = f"Row {self.line}, column {column}" if self.line else f"{self.pointer}/{column}"
        where = Location(line=self.line, pointer=None if self.line else f"{self.pointer}/{column}")
        return told(code, f"{place}: {what}", self.values.get(column), where)


def read_list(
    content: bytes, columns: Sequence[str], head: Sequence[str] = ()
) -> tuple[list[Row], dict[str, str], list[Problem]]:
    """The rows of a CSV file or JSON list, what JSON says beside ``rows``, and all that is wrong."""
    wrong: list[Problem] = []
    few = told("MADE-ROW", f"The list needs 1 to {MAX_ROWS} rows")
    try:
        words = content.decode("utf-8-sig")
        is_json = words.lstrip()[:1] in ("[", "{")
        found = json.loads(words, parse_float=str, parse_int=str) if is_json else _csv(words)
    except (ValueError, RecursionError, csv.Error) as error:
        return [], {}, [told("MADE-ROW", f"The list cannot be read: {error}")]
    beside = found if isinstance(found, dict) else {}
    listed = beside.pop("rows", None) if isinstance(found, dict) else found
    if not isinstance(listed, list) or not listed or len(listed) > MAX_ROWS:
        return [], {}, [few]

    def texts(given: Any, row: Row, known: Sequence[str]) -> dict[str, str]:
        if not isinstance(given, dict):
            wrong.append(row.wrong("", "this is no object in braces"))
            return {}
        for name, value in given.items():
            if name not in known:
                near = get_close_matches(str(name), known, n=1)
                advice = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                wrong.append(row.wrong(str(name), f"nobody knows this; {advice}"))
            elif value is not None and not isinstance(value, str):
                wrong.append(row.wrong(name, "must be text or a number"))
        return {key: one.strip() for key, one in given.items() if isinstance(one, str) and one.strip()}

    rows, start = list[Row](), "/rows" if isinstance(found, dict) else ""
    for place, given in enumerate(listed):
        at = Row({}, None, f"{start}/{place}") if is_json else Row({}, place + 2)
        if is_json or any(given.values()):  # a blank line of CSV is nothing
            rows.append(replace(at, values=texts(given, at, columns)))
    if not rows:
        wrong.append(few)
    return rows, texts(beside, Row({}), head), wrong


def _csv(text: str) -> list[dict[str, str]]:
    lines = text.splitlines()
    mark = max(";,\t", key=(lines[0] if lines else "").count)
    first, *rest = [*csv.reader(lines, delimiter=mark, strict=True)] or [[]]
    names = [one.strip().lower() for one in first]
    if twice := [one for one in names if names.count(one) > 1]:
        raise ValueError(f"the column {twice[0]!r} stands twice")
    if long := [number for number, row in enumerate(rest, 2) if len(row) > len(names)]:
        raise ValueError(f"row {long[0]} has more columns than the first one")
    return [dict(zip(names, row, strict=False)) for row in rest]


def number(row: Row, column: str, wrong: list[Problem], *, least: bool = False) -> Decimal | None:
    """A quantity; None, and a problem, if it is none. ``least``: zero is one too."""
    given = row.values.get(column, "")
    found = Decimal(given) if re.fullmatch(DECIMAL, given) and len(given) <= MAX_DIGITS else None
    if found is None or found < 0 or not (found or least):
        wrong.append(row.wrong(column, f"{given!r} is no quantity" if given else "the quantity is missing"))
        return None
    return found


def wrong_date(row: Row, *columns: str) -> list[Problem]:
    """Which of these are no dates."""
    given = ((name, row.values.get(name)) for name in columns)
    return [
        row.wrong(name, f"{day!r} is no date; write 2026-03-02")
        for name, day in given
        if day and not re.fullmatch(DATE, day)
    ]


def text(value: Decimal) -> str:
    """A number without zeros that say nothing."""
    whole = value == value.to_integral_value()
    return f"{value.quantize(Decimal(1)) if whole else value.normalize():f}"


def told(code: str, what: str, value: str | None = None, where: Location | None = None) -> Problem:
    """A problem of the catalogue."""
    hint = CATALOGUE[code][0]
    weight = Severity.WARNING if code == "MADE-CHARGES" else Severity.ERROR
    shown, words = value and value[:200], f"{what[:500]}."
    return Problem(code, weight, Level.FILE, words, hint, shown, where or Location(), fault=Fault.US)
