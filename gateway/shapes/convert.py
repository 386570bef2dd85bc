"""The text of a column and the value of the document it stands for, in both directions."""

from __future__ import annotations

import re
from functools import cache

from gateway.documents.common import DECIMAL
from gateway.shapes.model import Column

_TOKENS = {"YYYY": 4, "YY": 2, "MM": 2, "DD": 2, "hh": 2, "mm": 2, "ss": 2}
_TOKEN = re.compile("|".join(_TOKENS))
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,2})?)?)?")
_DEFAULTS = {"date": "YYYY-MM-DD", "datetime": "YYYY-MM-DDThh:mm:ss"}


def read_value(column: Column, kind: str, text: str) -> str | int | bool:
    """The value a text of a column stands for.

    Args:
        kind: text, decimal, date, datetime, integer or boolean.

    Raises:
        ValueError: it stands for none; the message says what is needed.
    """
    if column.codes:
        if text not in column.names and column.others == "refuse":
            raise ValueError(f"is in no code table; known are {', '.join(column.names)}")
        text = column.names.get(text, text)
    match kind:
        case "decimal":
            return _read_decimal(column, text)
        case "date" | "datetime" if column.format:
            return _read_date(column.format, text)
        case "integer":
            if not re.fullmatch(r"[0-9]{1,18}", text):
                raise ValueError("is no whole number")
            return int(text)
        case "boolean":
            if text not in ("true", "false"):
                raise ValueError("is neither true nor false")
            return text == "true"
    return text


def write_value(column: Column, kind: str, value: object) -> str:
    """The text of a value.

    Raises:
        ValueError: the column has no way to say it; the message says why.
    """
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "decimal":
        text = _write_decimal(column, text)
    elif column.format and kind in ("date", "datetime"):
        text = _write_date(column.format, text)
    if column.codes:
        if text not in column.codes and (column.others == "refuse" or text in column.names):
            raise ValueError(f"is in no code table; known are {', '.join(column.codes)}")
        text = column.codes.get(text, text)
    return text


def _read_decimal(column: Column, text: str) -> str:
    sign = "-" if text.endswith("-") or text.startswith("-") else ""
    digits = text.strip("-+ ").replace(column.mark, ".")
    if not re.match(DECIMAL, sign + digits) or (column.implied and "." in digits):
        raise ValueError(
            f"is no number such as 1250{column.mark}00" if not column.implied else "is no number"
        )
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
            raise ValueError(f"has more than {column.places} decimal places")
        rest = rest[: column.places].ljust(column.places, "0")
    whole = whole or "0"
    text = whole + (rest if column.implied else column.mark + rest if rest else "")
    if column.pad == "0" and column.length:
        text = text.rjust(column.length - len(sign), "0")
    return text + sign if column.sign == "trailing" else sign + text


@cache
def _date_pattern(form: str) -> re.Pattern[str]:
    pattern, end = "", 0
    for match in _TOKEN.finditer(form):
        pattern += re.escape(form[end : match.start()]) + f"(?P<{match[0]}>[0-9]{{{_TOKENS[match[0]]}}})"
        end = match.end()
    return re.compile(pattern + re.escape(form[end:]))


def _read_date(form: str, text: str) -> str:
    match = _date_pattern(form).fullmatch(text)
    if match is None:
        raise ValueError(f"is not of the form {form}")
    found = match.groupdict()
    # As POSIX has it: 69 is 1969, 68 is 2068.
    year = found.get("YYYY") or ("19" if found["YY"] > "68" else "20") + found["YY"]
    day = f"{year}-{found['MM']}-{found['DD']}"
    clock = ":".join(found[part] for part in ("hh", "mm", "ss") if part in found)
    return f"{day}T{clock}" if clock else day


def _write_date(form: str, text: str) -> str:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("is no date")
    parts = dict(zip(("YYYY", "MM", "DD", "hh", "mm", "ss"), match.groups("00")))
    if ("hh" not in form and match[4]) or ("ss" not in form and parts["ss"] != "00"):
        raise ValueError(f"has a time, for which {form} has no place")
    parts["YY"] = parts["YYYY"][2:]
    return _TOKEN.sub(lambda token: parts[token[0]], form)
