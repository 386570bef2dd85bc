"""What all shapes share: the form of a document type as data, and what is wrong with input, all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from gateway.documents.schema import json_schema
from gateway.errors import DocumentError, Fault, Level, Location, Problem, Severity

Node = dict[str, Any]
"""A part of the JSON Schema of a document type."""

MAX_PROBLEMS = 200
"""Problems kept of one input; a file of another kind would give one for each of its rows."""

_HINTS = {
    "Write it without quotes and without a decimal point.": "Write digits only.",
    "Write true or false, without quotes.": "Write true or false.",
}
"""Advice for JSON, said for other shapes."""

EXPLANATIONS = {
    "SHAPE-XML": "The file is not XML, or it has what is not read for safety: a DTD, entities, an element of "
    "hundreds of levels or more than one document may take.",
    "SHAPE-XSD": "The XML is not valid by the schema of its document type, schemas/xml/<type>.xsd.",
    "SHAPE-ROW": "A row does not have the form the shape file describes: too short or too long, of an "
    "unknown record type, or without the row it belongs to.",
    "SHAPE-COLUMN": "The header row names a column the shape file does not know, or lacks one that it needs.",
    "SHAPE-VALUE": "A value is not of the form its column asks for, is in no code table, or contradicts "
    "what stands elsewhere.",
    "SHAPE-LENGTH": "A value has more characters than its column. Nothing is cut off in silence.",
    "SHAPE-CHARACTER": "A character cannot be read or written: another encoding, a control character, or a "
    "line end or separator where it would break the row.",
    "SHAPE-MISSING": "A column that must be filled is empty.",
    "SHAPE-COUNT": "A count in the file is not the number of rows that are there: a part is missing.",
    "SHAPE-JSONATA": "A JSONata expression failed, ran too long, or gave what is no document.",
    "SHAPE-UNWRITTEN": "Fields of the document are in no column of the shape, so they are not in the output.",
}
"""What each problem code of this package means."""


@cache
def form(document_type: str) -> Node:
    """The JSON Schema of a document type.

    Raises:
        NotFoundError: there is no such document type.
    """
    return json_schema(document_type)


def resolved(schema: Node, node: Node) -> Node:
    """The node itself, or what its ``$ref`` names."""
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def pointer(base: str, part: str | int) -> str:
    """A JSON pointer one step longer (RFC 6901)."""
    return f"{base}/{str(part).replace('~', '~0').replace('/', '~1')}"


def problem(code: str, where: str, what: str, hint: str, value: str | None = None, **at: Any) -> Problem:
    """An error in the words of a shape: ``where`` is a row and column or an XPath."""
    shown = None if value is None else printable(value[:200])
    message = printable(f"{where}: {what}" if where else what)
    return Problem(code, Severity.ERROR, Level.ELEMENT, message, hint, shown, Location(**at), fault=Fault.US)


def printable(text: str) -> str:
    """Text that UTF-8 can say: bytes that could not be read show as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(slots=True)
class Problems:
    """Collects what is wrong with an input or output."""

    what: str
    found: list[Problem] = field(default_factory=list)
    more: int = 0

    def add(self, one: Problem) -> None:
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(one)
        else:
            self.more += 1

    def model(self, found: Iterable[Problem], place: Callable[[str], tuple[str, int | None]]) -> None:
        """Adds what the model of a document says, with the place its values came from.

        Args:
            place: gives for a JSON pointer where the value stands, in words, and its line.
        """
        for one in found:
            where, line = place(one.location.pointer or "")
            hint = _HINTS.get(one.hint, one.hint)
            self.add(replace(one, message=f"{where}: {one.message}", hint=hint).at(line=line))

    def check(self) -> None:
        """Raises DocumentError with everything that was found; does nothing when all is right."""
        if self.found:
            rest = f" and {self.more} more" if self.more else ""
            raise DocumentError(
                f"{self.what}: {len(self.found)} problem(s){rest}.", problems=tuple(self.found)
            )


def nearest_place(places: dict[str, Any], where: str) -> Any:
    """The place of a JSON pointer, or of the nearest object around it."""
    while where not in places and where:
        where = where.rpartition("/")[0]
    return places.get(where)
