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

_CORRECT = "Correct the value, or the column in the shape file."
EXPLANATIONS = {
    "SHAPE-XML": (
        "The file is no XML, or has what is not read for safety: a DTD, hundreds of levels, too much.",
        "Correct the file, or the program that writes it.",
    ),
    "SHAPE-XSD": (
        "The XML is not valid by the schema of its document type.",
        "See the schema in schemas/xml.",
    ),
    "SHAPE-ROW": (
        "A row is cut off or too long, of an unknown type, or without the row it belongs to.",
        "Complete or correct the file, or the record in the shape file.",
    ),
    "SHAPE-COLUMN": (
        "The header row names a column the shape does not know, or lacks one that it needs.",
        "Correct the header row, or add the column to the shape file, without a path if need be.",
    ),
    "SHAPE-VALUE": ("A value is not as its column asks, or contradicts what stands elsewhere.", _CORRECT),
    "SHAPE-LENGTH": ("A value is longer than its column. Nothing is cut off in silence.", _CORRECT),
    "SHAPE-CHARACTER": (
        "A character is of another encoding, steers a terminal, or would break the row.",
        "State the encoding of the file, or take the character out.",
    ),
    "SHAPE-MISSING": ("A column that must be filled is empty.", "Fill it."),
    "SHAPE-COUNT": (
        "A count in the file is not the number of rows that are there.",
        "Ask for the whole file.",
    ),
    "SHAPE-JSONATA": (
        "A JSONata expression failed, took too long, or gave what is no document.",
        "Correct the expression in the shape file, or ask for data of the form it expects.",
    ),
    "SHAPE-UNWRITTEN": (
        "Fields of the document are in no column of the shape, so they are not in the output.",
        "Add columns to the shape file, or name what is left out on purpose under ignore:.",
    ),
}
"""What each problem code of this package means, and what to do."""


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


def problem(code: str, where: str, what: str, value: object = None, hint: str = "", **at: Any) -> Problem:
    """An error in the words of a shape: ``where`` is a row and column or an XPath."""
    shown = None if value is None else printable(str(value)[:200])
    message, hint = printable(f"{where}: {what}" if where else what), hint or EXPLANATIONS[code][1]
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
            count = len(self.found) + self.more
            shown = f", the first {MAX_PROBLEMS} of them" if self.more else ""
            words = f"{count} problem{'s' if count > 1 else ''}{shown}"
            raise DocumentError(f"{self.what}: {words}.", problems=tuple(self.found))


def nearest_place(places: dict[str, Any], where: str) -> Any:
    """The place of a JSON pointer, or of the nearest object around it."""
    while where not in places and where:
        where = where.rpartition("/")[0]
    return places.get(where)
