"""Converters: how the text of elements becomes a value of the document, and back.

Every converter is a pair of functions. ``read`` gives None for text it cannot express; such text is kept in
the extensions of the document instead. ``write`` raises ValueError for a value it cannot express. Where
several texts become one value (``05`` and ``5`` as a number), the exact text is kept beside it, so that
nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway.errors import MappingError

Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Converter:
    """A pair of functions between the texts of elements and one value.

    Attributes:
        name: as written in the mapping.
        arity: how many elements it takes at most; 0 for any number.
        table: for codes, X12 code to name.
        closed: codes outside the table have no value.
        lossless: whether ``write(read(texts)) == texts`` for every lawful text.
        kind: JSON type of the value, for the check of a mapping.
    """

    name: str
    read: Callable[[Texts], Any]
    write: Callable[[Any], Texts]
    arity: int = 1
    table: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    lossless: bool = True
    kind: str = "string"
    keys: tuple[str, ...] = ()

    def exact(self, texts: Texts) -> bool:
        """Whether the texts can be had back from the value."""
        value = self.read(texts)
        if value is None:
            return not any(texts)
        written = self.write(value)
        return written + ("",) * (len(texts) - len(written)) == texts


def inverted(table: dict[str, Any]) -> dict[Any, str]:
    """Names to codes, from a table of codes to names."""
    return {name: code for code, name in table.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text is needed")
    return value


def _read_date(texts: Texts) -> str | None:
    text = texts[0]
    if len(text) == 8:
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if len(text) == 6:
        return f"{text[:2]}-{text[2:4]}-{text[4:]}"
    return None


def _read_shortdate(texts: Texts) -> str | None:
    return _read_date((f"20{texts[0]}",)) if len(texts[0]) == 6 else None


def _write_shortdate(value: Any) -> Texts:
    if not isinstance(value, str) or not re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("a date of the form 20YY-MM-DD is needed")
    return (value[2:].replace("-", ""),)


_DATE = re.compile(r"(?:[0-9]{2}|[0-9]{4})-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,2}))?)?")


def _write_date(value: Any) -> Texts:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("a date of the form YYYY-MM-DD is needed")
    return (value.replace("-", ""),)


def _read_time(texts: Texts) -> str | None:
    text = texts[0]
    if len(text) not in (4, 6, 7, 8):
        return None
    parts = [text[:2], text[2:4], text[4:6]] if len(text) > 4 else [text[:2], text[2:4]]
    return ":".join(parts) + ("." + text[6:] if len(text) > 6 else "")


def _write_time(value: Any) -> Texts:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a time of the form HH:MM or HH:MM:SS is needed")
    return ("".join(part or "" for part in match.groups()),)


def _read_datetime(texts: Texts) -> str | None:
    day = _read_date(texts)
    if day is None or len(texts) == 1 or not texts[1]:
        return None if day is None or any(texts[1:]) else day
    clock = _read_time(texts[1:])
    return None if clock is None else f"{day}T{clock}"


def _write_datetime(value: Any) -> Texts:
    if not isinstance(value, str):
        raise ValueError("a date or date and time is needed")
    day, _, clock = value.partition("T")
    return _write_date(day) + (_write_time(clock) if clock else ())


def _write_int(value: Any) -> Texts:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a whole number is needed")
    return (str(value),)


def _read_int(texts: Texts) -> int | None:
    # The bound keeps hostile digits from costing quadratic time; no X12 number is longer.
    return int(texts[0]) if re.fullmatch(r"-?[0-9]{1,20}", texts[0]) else None


def _implied(places: int) -> Converter:
    """Implied decimals (X12 type N2): 12345 is 123.45."""
    shape = re.compile(rf"(-?)([0-9]+)\.([0-9]{{{places}}})")

    def read(texts: Texts) -> str | None:
        match = re.fullmatch(r"(-?)([0-9]{1,40})", texts[0])
        if match is None:
            return None
        digits = match[2].rjust(places + 1, "0")
        whole = digits[:-places].lstrip("0") or "0"
        return f"{match[1]}{whole}.{digits[-places:]}"

    def write(value: Any) -> Texts:
        match = shape.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f'a decimal number as text with {places} places is needed, such as "12.50"')
        return (match[1] + ((match[2] + match[3]).lstrip("0") or "0"),)

    return Converter(f"n{places}", read, write, lossless=False, kind="decimal")


def _codes(name: str, table: dict[str, Any]) -> Converter:
    """A code table; ``code`` is open, ``enum`` and ``bool`` are closed."""
    inverse = inverted(table)
    closed = name != "code"

    def read(texts: Texts) -> Any:
        return table.get(texts[0]) if closed else table.get(texts[0], texts[0] or None)

    def write(value: Any) -> Texts:
        if closed:
            if not isinstance(value, str | bool) or value not in inverse:
                raise ValueError(f"one of {', '.join(map(str, inverse))} is needed")
            return (inverse[value],)
        return (inverse.get(_text(value), value),)

    kind = "boolean" if name == "bool" else "string"
    return Converter(name, read, write, table=table, closed=closed, kind=kind)


def _pairs(table: dict[str, str]) -> Converter:
    """Qualifier and value pairs spread over positions, as one object."""
    inverse = inverted(table)

    def read(texts: Texts) -> dict[str, str] | None:
        found: dict[str, str] = {}
        for i in range(0, len(texts) - 1, 2):
            qualifier, value = texts[i], texts[i + 1]
            key = table.get(qualifier, qualifier)
            if qualifier and value and key not in found:
                found[key] = value
        return found or None

    def write(value: Any) -> Texts:
        if not isinstance(value, dict):
            raise ValueError("an object of identifiers is needed")
        out: list[str] = []
        for key, text in value.items():
            out += [str(inverse.get(key, key)), _text(text)]
        return tuple(out)

    return Converter("pairs", read, write, arity=0, table=table, lossless=False, kind="object")


def _records(keys: tuple[str, ...]) -> Converter:
    """A list of small objects spread over positions, such as location and quantity in SDQ."""
    size = len(keys)

    def read(texts: Texts) -> list[dict[str, str]] | None:
        found = []
        for i in range(0, len(texts) - len(texts) % size, size):
            row = texts[i : i + size]
            if not all(row):
                break
            found.append(dict(zip(keys, row, strict=True)))
        return found or None

    def write(value: Any) -> Texts:
        if not isinstance(value, list):
            raise ValueError("a list is needed")
        out: list[str] = []
        for row in value:
            if not isinstance(row, dict) or set(row) != set(keys):
                raise ValueError(f"objects with {', '.join(keys)} are needed")
            out += [_text(row[key]) for key in keys]
        return tuple(out)

    return Converter("records", read, write, arity=0, keys=keys, lossless=False, kind="array")


def _list(table: dict[str, str]) -> Converter:
    """A list of texts spread over positions; codes of the table by their names."""
    inverse = inverted(table)

    def read(texts: Texts) -> list[str] | None:
        end = next((i for i, text in enumerate(texts) if not text), len(texts))
        return [table.get(text, text) for text in texts[:end]] or None

    def write(value: Any) -> Texts:
        if not isinstance(value, list):
            raise ValueError("a list of texts is needed")
        return tuple(inverse.get(item, item) for item in map(_text, value))

    return Converter("list", read, write, arity=0, table=table, lossless=False, kind="array")


def _plain(name: str, kind: str = "string") -> Converter:
    return Converter(name, lambda texts: texts[0] or None, lambda value: (_text(value),), kind=kind)


_SIMPLE: dict[str, Converter] = {
    "text": _plain("text"),
    "decimal": _plain("decimal", "decimal"),
    "date": Converter("date", _read_date, _write_date, kind="date"),
    "shortdate": Converter("shortdate", _read_shortdate, _write_shortdate, kind="date"),
    "time": Converter("time", _read_time, _write_time, kind="time"),
    "datetime": Converter("datetime", _read_datetime, _write_datetime, arity=2, kind="datetime"),
    "int": Converter("int", _read_int, _write_int, lossless=False, kind="integer"),
    "list": _list({}),
    **{f"n{places}": _implied(places) for places in range(1, 7)},
}
_CALL = re.compile(r"([a-z][a-z0-9]*)(?:\s*\((.*)\))?", re.DOTALL)

NAMES = (*_SIMPLE, "code", "enum", "bool", "pairs", "records")
"""All converters a mapping may name."""


def converter(text: str) -> Converter:
    """The converter written as ``text``, for example ``date`` or ``code(buyer=BY, seller=SE)``.

    Raises:
        MappingError: the name is unknown, or its arguments do not fit.
    """
    match = _CALL.fullmatch(text.strip())
    if match is None:
        raise MappingError(f"{text!r} is not a converter")
    name, inside = match[1], match[2]
    if name in _SIMPLE and inside is None:
        return _SIMPLE[name]
    words = [word.strip() for word in (inside or "").split(",") if word.strip()]
    if name == "records" and words:
        return _records(tuple(words))
    if name in ("code", "enum", "bool", "pairs", "list"):
        table: dict[str, Any] = {}
        seen: set[str] = set()
        for word in words:
            meaning, equals, code = (part.strip() for part in word.partition("="))
            if not equals or not meaning or not code:
                raise MappingError(f"{word!r} in {name}(...) is not of the form name=CODE")
            if code in table or meaning in seen:
                raise MappingError(f"{word!r} stands twice in {name}(...); it could not be written back")
            seen.add(meaning)
            table[code] = meaning
        if name in ("code", "pairs", "list") and (clash := seen & set(table)):
            raise MappingError(f"{', '.join(sorted(clash))} in {name}(...) is both a name and a code")
        if name == "bool":
            if seen != {"true", "false"}:
                raise MappingError("bool(...) needs true=CODE and false=CODE")
            table = {code: meaning == "true" for code, meaning in table.items()}
        return {"pairs": _pairs, "list": _list}.get(name, partial(_codes, name))(table)
    raise MappingError(f"the converter {name!r} is unknown; there are {', '.join(NAMES)}")
