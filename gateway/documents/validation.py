"""Checks a document that comes from outside and says in plain words everything that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gateway.documents import document_types, model_for
from gateway.documents.schema import Node, form, resolved
from gateway.documents.values import DATE, DATETIME, DECIMAL, QUALIFIER
from gateway.errors import Fault, Level, Location, Problem, Severity

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

EXPLANATIONS = {
    "DOC-KIND": "The field document_type says what kind of document this is; without a known one "
    "nothing else can be checked.",
    "DOC-MISSING": "A field that every document of this type must have is not there.",
    "DOC-UNKNOWN": "There is no field of this name at this place. Names are exact, so that a slip "
    "of the keyboard does not lose data.",
    "DOC-VALUE": "The value is not of the form the field asks for. Decimals and dates are text, counts "
    "are numbers, and an absent value is left out.",
}
"""What each problem code of this module means."""

_MAX_VALUE = 200
_ADDRESS = re.compile(r"(?:^|/)([A-Z][A-Z0-9]{1,2})(\d\d)\b")

# Message and hint by kind of error; {is} is replaced by what the value is.
_WORDS = {
    "string_type": ("must be text, but is {is}", "Write it in double quotes."),
    "int_type": (
        "must be a whole number, but is {is}",
        "Write it without quotes and without a decimal point.",
    ),
    "bool_type": ("must be true or false, but is {is}", "Write true or false, without quotes."),
    "tuple_type": ("must be a list, but is {is}", "Put it in square brackets, even if there is only one."),
    "model_type": ("must be an object, but is {is}", "Write it in braces, with a name for each value."),
    "string_too_short": ("is empty", "Leave the field out when there is no value."),
    "greater_than_equal": ("is less than zero", "Write a number from zero up."),
}
_JSON_TYPES: dict[Any, str] = {
    type(None): "null",
    bool: "true or false",
    int | float: "a number",
    str: "text",
    Mapping: "an object",
    object: "a list",
}
_PATTERNS = {
    DECIMAL: ("is not a decimal number", 'Write digits with at most one point, such as "12.50", as text.'),
    DATE: ("is not a date", 'Write year-month-day, such as "2026-03-02".'),
    DATETIME: ("is not a date or date and time", 'Write "2026-03-02" or "2026-03-02T14:30".'),
}


def explain(document: Mapping[str, Any], addresses: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a document, in the order of its model; empty when nothing is.

    Args:
        document: a JSON document with its envelope, as Python values.
        addresses: where a mapping writes the fields, ``lines[].quantity.value`` to ``PO102``.

    Returns:
        Problems with a JSON pointer and, where the field has one, the X12 address.
    """
    kind, known = document.get("document_type"), document_types()
    if kind not in known:
        shown = None if kind is None else _shown(kind)
        what = f"There is no document type {shown}."
        if shown is None:
            what = "The document does not say what it is: the field document_type is missing."
        hint = _nearest(str(kind), known) or f"Known document types: {', '.join(known)}."
        return (_problem("DOC-KIND", what, hint, shown, "/document_type"),)
    try:
        model_for(kind).model_validate(document)
    except ValidationError as error:
        return tuple(_problems(document, error.errors(include_url=False), addresses or {}))
    return ()


def _problem(
    code: str, message: str, hint: str, value: str | None, pointer: str, address: re.Match[str] | None = None
) -> Problem:
    level = Level.TRANSACTION_SET if code == "DOC-KIND" else Level.ELEMENT
    where = Location(pointer=pointer, segment_id=address and address[1], element=address and int(address[2]))
    return Problem(code, Severity.ERROR, level, message, hint, value, where, fault=Fault.US)


def _problems(
    document: Mapping[str, Any], errors: Sequence[ErrorDetails], addresses: Mapping[str, str]
) -> Iterator[Problem]:
    schema = form(document["document_type"])
    seen = set()
    for error in errors:
        path, around, value = _resolve(schema, document, error)
        code, message, hint = _described(error, path, value, around)
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
        # A value that may be of several types has an error for each of them; one is enough.
        if (pointer, code) not in seen:
            seen.add((pointer, code))
            name = "".join("[]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
            address = _ADDRESS.search(addresses.get(name, ""))
            if code == "DOC-MISSING" and address:
                hint += f" It goes to {addresses[name]}."
            shown = None if code == "DOC-MISSING" else _shown(value)
            yield _problem(code, message, hint, shown, pointer, address)


def _resolve(schema: Node, document: object, error: ErrorDetails) -> tuple[list[str | int], Node, Any]:
    """The path of an error as far as it exists in the document, the form of the object around, the value."""
    path: list[str | int] = []
    around = node = schema
    value: Any = document
    for part in error["loc"]:
        if isinstance(part, str) and isinstance(value, Mapping):
            around = node if "properties" in node else around
            node = resolved(schema, around["properties"].get(part, {}))
        elif isinstance(part, int) and isinstance(value, list | tuple):
            node = resolved(schema, node.get("items", {}))
        else:
            break
        path.append(part)
        if isinstance(value, Mapping) and part not in value:
            break
        value = value[part]
    return path, around, value


def _described(
    error: ErrorDetails, path: Sequence[str | int], value: object, around: Node
) -> tuple[str, str, str]:
    """Code, message and hint of an error."""
    kind, name = error["type"], str(path[-1]) if path else "document"
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    fields, is_open = around["properties"], "patternProperties" in around
    field = fields.get(next((part for part in reversed(path) if isinstance(part, str)), ""), {})
    about = field.get("description", "")
    if kind == "missing":
        return "DOC-MISSING", f"The field {where} is missing.", about
    if kind == "extra_forbidden" or (is_open and name not in fields and not re.match(QUALIFIER, name)):
        hint = f"Fields here: {', '.join(fields)}."
        if is_open:
            hint += " Any other key is an X12 qualifier of two capitals or digits."
        return "DOC-UNKNOWN", f"There is no field {where}.", _nearest(name, fields) or hint
    if kind == "refused":
        words = (error["ctx"]["what"], error["ctx"]["hint"])
    elif value is None:
        words = ("is null", f"Give it a value. {about}")
    elif kind == "string_pattern_mismatch":
        words = _PATTERNS.get(str(error["ctx"]["pattern"]), ("has the wrong form", about))
    elif kind == "literal_error":
        words = (f"must be {error['ctx']['expected']}", about)
    else:
        words = _WORDS.get(kind, (f"is not right: {error['msg']}", about))
    json_type = next(words for types, words in _JSON_TYPES.items() if isinstance(value, types))
    return "DOC-VALUE", f"{where or name} {words[0].replace('{is}', json_type)}.", words[1]


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name.lower().replace("-", "_"), list(known), n=1)
    return f"Did you mean {near[0]}?" if near else ""


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"
