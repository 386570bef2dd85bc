"""The rules for one value: type, length, code, date and time (X12.6 section 3.3), as a table of checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from gateway.x12.guide import Element, SyntaxNote

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Characters that no element may hold (X12.6: basic and extended character set)."""

DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
INTEGER = re.compile(r"-?[0-9]+")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9][0-9]{0,2})?")


def is_date(value: str) -> bool:
    """Whether digits are a day of the calendar, CCYYMMDD or YYMMDD."""
    if not (value.isascii() and value.isdigit()) or len(value) not in (6, 8):
        return False
    year = value[:-4] if len(value) == 8 else f"20{value[:2]}"  # 00 stands for 2000, a leap year
    try:
        date(int(year), int(value[-4:-2]), int(value[-2:]))
    except ValueError:
        return False
    return True


def is_time(value: str) -> bool:
    """Whether digits are a time: HHMM, HHMMSS, HHMMSSD or HHMMSSDD."""
    return _TIME.fullmatch(value) is not None


def fault(element: Element, value: str) -> tuple[str, dict[str, object]] | None:
    """What is wrong with a filled simple element: problem code and the words of its message, or None."""
    kind = element.type
    if not value.isprintable() and kind != "B" and CONTROL.search(value):
        return "X12-ELEMENT-CHARACTER", {"what": "holds a control character"}
    length = len(value)
    if kind == "R" or kind[0] == "N":
        pattern, words = (DECIMAL, "is not a number") if kind == "R" else (INTEGER, "is not a whole number")
        if not pattern.fullmatch(value):
            return "X12-ELEMENT-CHARACTER", {"what": words}
        length -= value.count("-") + value.count(".")
    elif kind == "DT" and length in (6, 8) and not is_date(value):
        return "X12-ELEMENT-DATE", {"form": "CCYYMMDD" if element.max == 8 else "YYMMDD"}
    elif kind == "TM" and element.min <= length <= element.max and not is_time(value):
        return "X12-ELEMENT-TIME", {}
    if length < element.min:
        return "X12-ELEMENT-SHORT", {"count": length, "limit": element.min}
    if length > element.max:
        return "X12-ELEMENT-LONG", {"count": length, "limit": element.max}
    if kind == "DT" and not is_date(value):
        return "X12-ELEMENT-DATE", {"form": "CCYYMMDD" if element.max == 8 else "YYMMDD"}
    if element.codes is not None and value not in element.codes.codes:
        return "X12-ELEMENT-CODE", {"right": "in the list of codes"}
    if element.pattern and not _pattern(element.pattern).search(value):
        return "X12-ELEMENT-CODE", {"right": f"of the form {element.pattern}"}
    return None


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def broken_notes(notes: tuple[SyntaxNote, ...], filled: list[bool]) -> Iterator[tuple[SyntaxNote, int]]:
    """The syntax notes that do not hold, each with the element to blame; ``filled`` counts from 1."""
    size = len(filled)
    for note in notes:
        present = [n < size and filled[n] for n in note.elements]
        match note.kind:
            case "P" if any(present) and not all(present):
                blame = present.index(False)
            case "R" if not any(present):
                blame = 0
            case "E" if sum(present) > 1:
                blame = present.index(True, present.index(True) + 1)
            case "C" if present[0] and not all(present):
                blame = present.index(False)
            case "L" if present[0] and not any(present[1:]):
                blame = 1
            case _:
                continue
        yield note, note.elements[blame]
