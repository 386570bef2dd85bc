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
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gateway.errors import MappingError
from gateway.mapping.generated import Memo

Texts = tuple[str, ...]
_SINGLE = ("string", "decimal", "date", "datetime", "boolean", "integer")
"""Kinds of values that nobody changes, and that are remembered."""


@dataclass(frozen=True, slots=True)
class Converter:
    """A pair of functions between the texts of elements and one value, and what others have to know of it.

    Attributes:
        name: as written in the mapping.
        kind: JSON type of the value, for the check of a mapping.
        arity: how many elements it takes at most; 0 for any number.
        types: types of data elements it works on, for each of its elements in turn; none stands for any.
        loss: what the value does not tell; empty if ``write(read(texts)) == texts`` for every lawful text.
        table: for codes, X12 code to name.
        closed: codes outside the table have no value.
        plain: the value is the text itself, or its name in the table.
        keys: of the objects that ``records`` makes.
    """

    name: str
    read: Callable[[Texts], Any]
    write: Callable[[Any], Texts]
    kind: str = "string"
    arity: int = 1
    types: tuple[tuple[str, ...], ...] = ((),)
    loss: str = ""
    table: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    plain: bool = False
    keys: tuple[str, ...] = ()
    known: Memo[str, Any] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", Memo(self._exact))

    def exact(self, text: str) -> Any:
        """The value of a single text that it gives back exactly; None for any other."""
        return self.known[text] if self.kind in _SINGLE else self._exact(text)

    def _exact(self, text: str) -> Any:
        value = self.read((text,))
        return value if value is not None and self.write(value) == (text,) else None

    def taken(self, texts: Texts) -> tuple[Any, list[int]]:
        """The value of texts, and which of them it does not give back exactly."""
        value = self.read(texts)
        written = () if value is None else self.write(value)
        whole = (*written, *[""] * len(texts))
        return value, [index for index, text in enumerate(texts) if text != whole[index]]


_ZEROS = "leading zeros are not in the value"


def inverted(table: dict[str, Any]) -> dict[Any, str]:
    """Names to codes, from a table of codes to names."""
    return {name: code for code, name in table.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text is needed")
    return value


def _matched(form: re.Pattern[str], value: Any, what: str) -> re.Match[str]:
    match = form.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{what} is needed")
    return match


_X12_DATE = re.compile("(....|..)(..)(..)", re.DOTALL)
_X12_TIME = re.compile("(..)(..)(?:(..)(..?)?)?", re.DOTALL)
_DATE = re.compile(r"(?:[0-9]{2}|[0-9]{4})-[0-9]{2}-[0-9]{2}")
_SHORT = re.compile(r"20([0-9]{2})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,2}))?)?")


def _read_date(texts: Texts) -> str | None:
    match = _X12_DATE.fullmatch(texts[0])
    return "-".join(match.groups()) if match else None


def _read_shortdate(texts: Texts) -> str | None:
    return _read_date((f"20{texts[0]}",)) if len(texts[0]) == 6 else None


def _write_shortdate(value: Any) -> Texts:
    return ("".join(_matched(_SHORT, value, "a date of the form 20YY-MM-DD").groups()),)


def _write_date(value: Any) -> Texts:
    return (_matched(_DATE, value, "a date of the form YYYY-MM-DD")[0].replace("-", ""),)


def _read_time(texts: Texts) -> str | None:
    match = _X12_TIME.fullmatch(texts[0])
    if match is None:
        return None
    *clock, hundredths = match.groups()
    return ":".join(filter(None, clock)) + (f".{hundredths}" if hundredths else "")


def _write_time(value: Any) -> Texts:
    match = _matched(_TIME, value, "a time of the form HH:MM or HH:MM:SS")
    return ("".join(part or "" for part in match.groups()),)


def _read_datetime(texts: Texts) -> str | None:
    day = _read_date(texts)
    if day is None or not any(texts[1:]):
        return day
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
        match = _matched(shape, value, f'a decimal number as text with {places} places, such as "12.50",')
        return (match[1] + ((match[2] + match[3]).lstrip("0") or "0"),)

    return Converter(f"n{places}", read, write, "decimal", types=((f"N{places}",),), loss=_ZEROS)


def _codes(name: str, table: dict[str, Any], *, json: bool = False) -> Converter:
    """A code table; ``code`` is open, ``enum`` and ``bool`` closed. In JSON a code may be several words."""
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

    def read_words(texts: Texts) -> Any:
        return read((" ".join(filter(None, texts)),))

    def write_words(value: Any) -> Texts:
        return tuple(write(value)[0].split(" "))

    kind, types = "boolean" if name == "bool" else "string", (("ID", "AN"),)
    if json and name == "code":
        return Converter(name, read_words, write_words, kind, 0, table=table)
    return Converter(name, read, write, kind, types=types, table=table, closed=closed, plain=not closed)


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

    loss = "gaps and a second value with the same qualifier are not in the value"
    return Converter("pairs", read, write, "object", 0, types=(("ID",), ()), loss=loss, table=table)


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

    loss = "gaps and incomplete records are not in the value"
    return Converter("records", read, write, "array", 0, loss=loss, keys=keys)


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

    loss = "empty elements between filled ones are not in the value"
    return Converter("list", read, write, "array", 0, loss=loss, table=table)


def _stem(words: Texts) -> Converter:
    """The word that a text begins with; it cannot be written."""

    def read(texts: Texts) -> str | None:
        return next((word for word in words if f"{texts[0]}_".startswith(f"{word}_")), None)

    return Converter("stem", read, lambda _: (), loss="only how it begins is in the value")


def _plain(name: str, kind: str, *types: str) -> Converter:
    read, write = (lambda texts: texts[0] or None), (lambda value: (_text(value),))
    return Converter(name, read, write, kind, types=(types,), plain=True)


_SIMPLE: dict[str, Converter] = {
    made.name: made
    for made in (
        _plain("text", "string"),
        _plain("decimal", "decimal", "R", "N0"),
        Converter("date", _read_date, _write_date, "date", types=(("DT",),)),
        Converter("shortdate", _read_shortdate, _write_shortdate, "date", types=(("DT",),)),
        Converter("time", _read_time, _write_time, "time", types=(("TM",),)),
        Converter("datetime", _read_datetime, _write_datetime, "datetime", 2, types=(("DT",), ("TM",))),
        Converter("int", _read_int, _write_int, "integer", types=(("N0",),), loss=_ZEROS),
        _list({}),
        *map(_implied, range(1, 7)),
    )
}
_JSON_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_JSON_DECIMAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)")


def _read_json_date(texts: Texts) -> str | None:
    match = re.fullmatch(rf"{_DATE.pattern}(T.*)?", texts[0])
    return texts[0][:10] if match and len(texts[0].partition("T")[0]) == 10 else None


def _write_json_date(value: Any) -> Texts:
    return (f"{_matched(_DATE, value, 'a date of the form YYYY-MM-DD')[0]}T00:00:00Z",)


def _read_json_datetime(texts: Texts) -> str | None:
    """A time in UTC, as short as it can be: midnight is the day alone."""
    match = _JSON_TIME.fullmatch(texts[0])
    if match is None:
        return _read_json_date(texts) if "T" not in texts[0] else None
    day, clock, seconds, fraction, zone = match.groups(default="")
    if zone not in ("", "Z") and zone.strip("+-0:"):
        try:
            moment = datetime.fromisoformat(f"{day}T{clock}{seconds}{zone}").astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        day, clock, seconds = moment.strftime("%Y-%m-%d|%H:%M|:%S").split("|")
    fraction = fraction[:3].rstrip("0").rstrip(".")
    rest = f"{seconds}{fraction}" if fraction or seconds.strip(":0") else ""
    return day if (clock, rest) == ("00:00", "") else f"{day}T{clock}{rest}"


def _write_json_datetime(value: Any) -> Texts:
    day, _, clock = value.partition("T") if isinstance(value, str) else ("", "", "")
    _matched(_DATE, day, "a date or date and time")
    if clock:
        _matched(_TIME, clock, "a time of the form HH:MM or HH:MM:SS")
    return (f"{day}T{clock or '00:00'}{':00' if clock.count(':') < 2 else ''}Z",)


def _read_window(texts: Texts) -> dict[str, str] | None:
    start, mark, end = texts[0].partition("--")
    found = {"start": _read_json_datetime((start,)), "end": _read_json_datetime((end,))}
    return {name: text for name, text in found.items() if text} if mark and all(found.values()) else None


def _write_window(value: Any) -> Texts:
    if not isinstance(value, dict) or value.keys() != {"start", "end"}:
        raise ValueError("an object with start and end is needed")
    return ("--".join(_write_json_datetime(value[name])[0] for name in ("start", "end")),)


def _write_json_decimal(value: Any) -> Texts:
    text = _matched(_JSON_DECIMAL, value, 'a decimal number as text, such as "12.50",')[0]
    whole, _, digits = text.lstrip("-").partition(".")
    return ("-" * text.startswith("-") + (whole.lstrip("0") or "0") + (digits and f".{digits}"),)


def _read_json_decimal(texts: Texts) -> str | None:
    return texts[0] if _JSON_DECIMAL.fullmatch(texts[0]) else None


_JSON: dict[str, Converter] = {
    made.name: made
    for made in (
        Converter("text", lambda texts: texts[0].strip() or None, lambda value: (_text(value),)),
        Converter("decimal", _read_json_decimal, _write_json_decimal, "decimal"),
        Converter("date", _read_json_date, _write_json_date, "date"),
        Converter("datetime", _read_json_datetime, _write_json_datetime, "datetime"),
        Converter("window", _read_window, _write_window, "object"),
        _SIMPLE["int"],
        _SIMPLE["list"],
    )
}
"""Converters of JSON bodies, where they differ from those of X12, or stand for them."""

_CALL = re.compile(r"([a-z][a-z0-9]*)(?:\s*\((.*)\))?", re.DOTALL)

NAMES = (*_SIMPLE, "code", "enum", "bool", "pairs", "records")
"""All converters a mapping may name."""


def converter(text: str, *, json: bool = False) -> Converter:
    """The converter written as ``text``, for example ``date`` or ``code(buyer=BY, seller=SE)``.

    Args:
        json: of a JSON body, not of X12.

    Raises:
        MappingError: the name is unknown, or its arguments do not fit.
    """
    match = _CALL.fullmatch(text.strip())
    if match is None:
        raise MappingError(f"{text!r} is not a converter")
    name, inside = match[1], match[2]
    simple = _JSON if json else _SIMPLE
    if name in simple and inside is None:
        return simple[name]
    words = [word.strip() for word in (inside or "").split(",") if word.strip()]
    if name == "stem" and json and words:
        return _stem(tuple(words))
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
        return {"pairs": _pairs, "list": _list}.get(name, partial(_codes, name, json=json))(table)
    raise MappingError(f"the converter {name!r} is unknown; there are {', '.join(NAMES)}")
