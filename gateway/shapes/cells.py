"""The text of a cell and the value of the document it stands for, in both directions."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from gateway.documents.values import DECIMAL
from gateway.shapes.model import Column, Shape

_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_DATE = {"%": "%%", "YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "hh": "%H", "mm": "%M", "ss": "%S"}
"""Parts of a date. Of two digits POSIX makes the years 1969 to 2068."""


_FORMULA = "=+@\t\r\n\uff1d\uff0b\uff0d\uff20-"
"""What a cell that a spreadsheet takes for a formula begins with, also in full width."""
_GUARDED = re.compile(f"'+[{_FORMULA}]")
_SPOILT = re.compile(r"\d[.,]\d+E\+\d{1,2}|#+|#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)", re.IGNORECASE)
_LOCAL = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 -- day 0 of spreadsheets, since they count 29 February 1900


def read_cell(shape: Shape, column: Column, text: str, *, is_foreign: bool = False) -> Any:
    """The value of a cell; None where it is empty, or the document has no place for it.

    Args:
        is_foreign: the file has another separator than the shape, so perhaps other decimal marks too.

    Raises:
        ValueError: it stands for none.
    """
    if bad := _BAD.search(text):
        byte = f"byte 0x{ord(bad[0]) & 0xFF:02X}"
        raise ValueError(f"{byte} is no character of {shape.encoding}, or a control character")
    pad = column.pad if column.pad != "0" else " "
    if shape.spreadsheet:
        text = text.strip(" \xa0")
        if _SPOILT.fullmatch(text):
            raise ValueError(f"a spreadsheet wrote {text!r} in place of the value; format the column as text")
    text = text.strip(f" {pad}") if column.align == "left" else text.rstrip(" ").lstrip(f" {pad}")
    if not text or text == column.empty:
        if column.required:
            raise ValueError("the column is empty, and must be filled")
        return None
    if column.value is not None and text != column.value:
        raise ValueError(f"{text!r} is not {column.value!r}, all that is known here")
    if column.path is None:
        return None
    value = text
    if column.codes:
        if text not in column.names and column.others == "refuse":
            raise ValueError(f"{text!r} is in no code table; known are {', '.join(column.names)}")
        value = column.names.get(text, text)
    elif shape.spreadsheet:
        value = _from_spreadsheet(shape.kinds[column.path.text], column, text, is_foreign)
        if column.format and shape.kinds[column.path.text] in ("date", "datetime"):
            return value
    match shape.kinds[column.path.text]:
        case "decimal":
            return _read_decimal(column, value)
        case "date" | "datetime" if column.format:
            read = _read_date(column.format, value)
            seconds = "seconds" if "ss" in column.format else "minutes"
            return read.isoformat(timespec=seconds) if "hh" in column.format else read.date().isoformat()
        case "integer":
            if not re.fullmatch(r"[0-9]{1,18}", value):
                raise ValueError(f"{text!r} is no whole number")
            return int(value)
        case "boolean":
            if value not in ("true", "false"):
                raise ValueError(f"{text!r} is neither true nor false")
            return value == "true"
    return value


def write_cell(shape: Shape, column: Column, value: object) -> str:
    """The text of a cell, which is not filled up yet; None gives that of no value.

    Raises:
        ValueError: the column has no way to say the value, or no room for it.
    """
    if value is None:
        if column.required and column.path:
            raise ValueError("there is no value, and one is needed")
        return column.value or column.empty
    text = str(value).lower() if isinstance(value, bool) else str(value)
    kind = shape.kinds[column.path.text] if column.path else "integer"
    if kind == "decimal":
        text = _write_decimal(column, text)
    elif column.format and kind in ("date", "datetime"):
        text = _write_date(column.format, text)
    elif shape.spreadsheet and kind == "string" and re.match(f"'*[{_FORMULA}]", text):
        text = f"'{text}"
    if column.codes:
        if text not in column.codes and (column.others == "refuse" or text in column.names):
            raise ValueError(f"{text!r} is in no code table; known are {', '.join(column.codes)}")
        text = column.codes.get(text, text)
    if column.length is not None and len(text) > column.length:
        raise ValueError(f"{text!r} has {len(text)} characters; there is room for {column.length}")
    breaks = "\r\n" if shape.shape == "fixed" else f"\r\n{shape.delimiter}"
    is_quoted = shape.shape == "csv" and shape.quote
    if _BAD.search(text) or (not is_quoted and any(one in text for one in breaks)):
        raise ValueError(f"{text!r} holds a control character, a line end or a separator")
    try:
        text.encode(shape.encoding)
    except UnicodeEncodeError as error:
        raise ValueError(f"{text[error.start]!r} is no character of {shape.encoding}") from None
    return text


def _from_spreadsheet(kind: str, column: Column, text: str, is_foreign: bool) -> str:
    """What a spreadsheet of any country wrote, in the column's form, where it can mean one thing only."""
    match kind:
        case "string" if _GUARDED.match(text):
            return text[1:]
        case "boolean":
            return text.lower()
        case "decimal" if not column.implied:
            return _one_mark(column, text, is_foreign)
        case "date" | "datetime":
            return _any_date(column, text, is_date=kind == "date")
    return text


def _one_mark(column: Column, text: str, is_foreign: bool) -> str:
    """A number without grouping, with the column's mark."""
    sign, digits, end = re.fullmatch(r"([-+ ]*)(.*?)([-+ ]*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    digits = re.sub(r"(?<=\d)[ \xa0\u202f'\u2019](?=\d{3}(?!\d))", "", digits)
    marks = re.findall("[.,]", digits)
    last = marks[-1] if marks else ""
    grouping = next((one for one in marks if one != last), last if len(marks) > 1 else "")
    if grouping and re.fullmatch(rf"\d{{1,3}}(\{grouping}\d{{3}})+(\{last}\d+)?", digits):
        digits, last = digits.replace(grouping, ""), last if last != grouping else ""
    elif (
        len(marks) == 1
        and (last != column.mark or is_foreign)
        and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits)
    ):
        plain = digits.replace(last, "")
        raise ValueError(f"{text!r} can be {plain} or {digits.replace(last, '.')}; write it without {last!r}")
    return sign + (digits.replace(last, column.mark) if last else digits) + end


def _any_date(column: Column, text: str, *, is_date: bool) -> str:
    """A date in ISO form, if the column's own form does not fit."""
    if column.format:
        with suppress(ValueError):
            read = _read_date(column.format, text)
            return read.isoformat(timespec="minutes") if "hh" in column.format else read.date().isoformat()
    found: datetime | None = None
    if re.fullmatch(r"[2-7]\d{4}([.,]\d+)?", text):  # 1954 to 2119
        found = _EPOCH + timedelta(minutes=round(float(text.replace(",", ".")) * 1440))
    elif (parts := _YEAR_FIRST.fullmatch(text)) is not None:
        found = _moment(text, parts[1], parts[2], parts[3], *parts.groups()[3:])
    elif (parts := _LOCAL.fullmatch(text)) is not None:
        day, month = parts[1], parts[3]
        is_american = column.format.startswith("MM") or int(month) > 12
        is_open = parts[2] != "." and column.format[:2] not in ("MM", "DD")
        if is_open and int(day) <= 12 and int(month) <= 12 and int(day) != int(month):
            raise ValueError(f"{text!r} can be day/month or month/day; write it as 2026-02-18")
        day, month = (month, day) if is_american and parts[2] != "." else (day, month)
        found = _moment(text, parts[4], month, day, *parts.groups()[4:])
    if found is None:
        if column.format:
            raise ValueError(f"{text!r} is no date of the form {column.format}")
        return text
    has_time = (found.hour, found.minute, found.second) != (0, 0, 0)
    if has_time and is_date:
        raise ValueError(f"{text!r} has a time, and a date alone is asked for")
    timespec = "seconds" if found.second else "minutes"
    return (
        found.isoformat(timespec=timespec) if has_time or "hh" in column.format else found.date().isoformat()
    )


def _moment(text: str, *parts: str | None) -> datetime:
    try:
        return datetime(*(int(part or 0) for part in parts))  # type: ignore[arg-type] # noqa: DTZ001
    except ValueError:
        raise ValueError(f"{text!r} is no real date") from None


def _read_decimal(column: Column, text: str) -> str:
    sign = "-" if text.endswith("-") or text.startswith("-") else ""
    digits = text.strip("-+ ").replace(column.mark, ".")
    if not re.match(DECIMAL, sign + digits) or (column.implied and "." in digits):
        example = "" if column.implied else f" such as 1250{column.mark}00"
        raise ValueError(f"{text!r} is no number{example}")
    if column.implied and column.places:
        digits = digits.rjust(column.places + 1, "0")
        digits = f"{digits[: -column.places]}.{digits[-column.places :]}"
    if column.pad == "0":
        digits = re.sub(r"^0+(?=\d)", "", digits)
    return sign + digits


def _write_decimal(column: Column, text: str) -> str:
    sign, (whole, _, rest) = "-" if text.startswith("-") else "", text.lstrip("-").partition(".")
    if column.places is not None:
        if rest[column.places :].strip("0"):
            raise ValueError(f"{text!r} has more than {column.places} decimal places")
        rest = rest[: column.places].ljust(column.places, "0")
    digits = (whole or "0") + (rest if column.implied else column.mark + rest if rest else "")
    if column.pad == "0" and column.length:
        digits = digits.rjust(column.length - len(sign), "0")
    return digits + sign if column.sign == "trailing" else sign + digits


def _pattern(form: str) -> str:
    return re.sub("|".join(_DATE), lambda part: _DATE[part[0]], form)


def _read_date(form: str, text: str) -> datetime:
    with suppress(ValueError):
        found = datetime.strptime(text, _pattern(form))  # noqa: DTZ007 -- nobody states a zone
        if found.strftime(_pattern(form)) == text:  # strptime takes 2026-2-18 as well
            return found
    raise ValueError(f"{text!r} is no date of the form {form}")


def _write_date(form: str, text: str) -> str:
    with suppress(ValueError):
        value = datetime.fromisoformat(text)
        written = value.strftime(_pattern(form))
        if _read_date(form, written) == value:
            return written
    raise ValueError(f"{text!r} cannot be said in the form {form}")
