"""What all shapes share: JSON pointers, and what is wrong with input, all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, NoReturn

from gateway.errors import DocumentError, Fault, Level, Location, Problem, Severity

MAX_PROBLEMS = 200
"""Problems kept of one input; a file of another kind would give one for each of its rows."""

EXPLANATIONS = {
    "SHAPE-XML": (
        "The file is no XML, not as its schema says, or not read for safety: a DTD, hundreds of levels.",
        "Correct the file, or the program that writes it; schemas/xml has the schema of each document type.",
    ),
    "SHAPE-ROW": (
        "A row is cut off or too long, of an unknown type, or without the row it belongs to.",
        "Is a separator missing, a quote not closed, or the file cut off? Otherwise correct the shape file.",
    ),
    "SHAPE-VALUE": (
        "A value is not as its column asks, has no room or character in it, or contradicts another.",
        "Correct the value, or the column in the shape file.",
    ),
    "SHAPE-JSONATA": (
        "A JSONata expression failed, took too long, or gave what is no document.",
        "Correct the expression in the shape file, or ask for data of the form it expects.",
    ),
    "SHAPE-XSLT": (
        "A stylesheet failed, made nothing of its input, or what its schema does not allow.",
        "Correct the stylesheet beside the shape file, or ask for data of the form it expects.",
    ),
    "SHAPE-UNWRITTEN": (
        "Fields of the document are in no column of the shape, so they are not in the output.",
        "Add columns to the shape file, or name what is left out on purpose under ignore:.",
    ),
}
"""What each problem code of this package means, and what to do."""


def pointer(base: str, part: str | int) -> str:
    """A JSON pointer one step longer (RFC 6901)."""
    return f"{base}/{str(part).replace('~', '~0').replace('/', '~1')}"


def nearest(name: str, known: Iterable[str]) -> str:
    """`` Did you mean X?`` for the known name that is most like one; empty where none is."""
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def nearest_place(places: dict[str, Any], where: str) -> Any:
    """The place of a JSON pointer, or of the nearest object around it."""
    while where not in places and where:
        where = where.rpartition("/")[0]
    return places.get(where)


@dataclass(slots=True)
class Problems:
    """Collects what is wrong with an input or output; ``what`` says it in a few words."""

    what: str
    found: list[Problem] = field(default_factory=list)
    count: int = 0

    def tell(self, code: str, where: str, what: str, value: object = None, hint: str = "", **at: Any) -> None:
        """Adds an error in the words of a shape: ``where`` is a row and column or an XPath."""
        message = _printable(f"{where}: {what}" if where else what)
        shown = None if value is None else _printable(str(value)[:200])
        hint, location = hint or EXPLANATIONS[code][1], Location(**at)
        self._add(
            Problem(code, Severity.ERROR, Level.ELEMENT, message, hint, shown, location, fault=Fault.US)
        )

    def refuse(self, code: str, what: str) -> NoReturn:
        """Adds an error after which nothing can be read, and raises all."""
        self.tell(code, "", what)
        self.check()
        raise AssertionError

    def model(self, found: Iterable[Problem], place: Callable[[str], tuple[str, int | None]]) -> None:
        """Adds what the model of a document says, with the place its values came from.

        Args:
            place: gives for a JSON pointer where the value stands, in words, and its line.
        """
        for one in found:
            where, line = place(one.location.pointer or "")
            self._add(replace(one, message=f"{where}: {one.message}").at(line=line))

    def _add(self, one: Problem) -> None:
        self.count += 1
        if self.count <= MAX_PROBLEMS:
            self.found.append(one)

    def check(self) -> None:
        """Raises DocumentError with everything that was found; does nothing when all is right."""
        if self.found:
            shown = f", the first {MAX_PROBLEMS} of them" if self.count > MAX_PROBLEMS else ""
            words = f"{self.count} problem{'s' if self.count > 1 else ''}{shown}"
            raise DocumentError(f"{self.what}: {words}.", problems=tuple(self.found))


def _printable(text: str) -> str:
    """Text that UTF-8 can say: bytes that could not be read show as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
