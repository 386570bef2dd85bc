"""Interchanges for tests: built from lists, rendered to bytes, with the byte offset of every part known.

Nothing here uses the package under test, so that what a test expects is never what the code happens to do.
Text is latin-1: one character is one byte, and offsets are plain counts.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

#: An element is its text; a composite is a tuple of components.
Element: TypeAlias = str | tuple[str, ...]
#: A segment is its id and elements.
Segment: TypeAlias = list[Element]


@dataclass(frozen=True)
class Form:
    """The outer form of an interchange: separators and what follows each terminator."""

    element: str = "*"
    component: str = ">"
    terminator: str = "~"
    newline: str = ""


PLAIN = Form()

#: Widths of ISA01 to ISA16 (X12.5: the only segment of fixed length).
ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)


def isa(
    *,
    control: str = "000000101",
    sender: tuple[str, str] = ("ZZ", "NORTHWIND"),
    receiver: tuple[str, str] = ("ZZ", "SUPPLIER"),
    standards: str = "U",
    version: str = "00401",
    ack_requested: str = "0",
    usage: str = "P",
) -> Segment:
    """An ISA of the right widths; its last element is set when the interchange is rendered."""
    stamp, flags = ("260105", "0830"), (ack_requested, usage)
    elements = ("00", "", "00", "", *sender, *receiver, *stamp, standards, version, control, *flags)
    return ["ISA", *(text.ljust(width) for text, width in zip(elements, ISA_WIDTHS, strict=False)), ""]


def order_body(number: str = "PO-1001", lines: int = 2) -> list[Segment]:
    """Segments between ST and SE of a clean 004010 850 of a made-up retailer."""
    body: list[Segment] = [
        ["BEG", "00", "SA", number, "", "20260105"],
        ["CUR", "BY", "USD"],
        ["REF", "DP", "038"],
        ["DTM", "002", "20260120"],
        ["N1", "ST", "Northwind Store 12", "92", "0012"],
        ["N3", "12 Harbour Road"],
        ["N4", "Springfield", "IL", "62701", "US"],
    ]
    for line in range(1, lines + 1):
        body.append(
            ["PO1", str(line), str(10 * line), "EA", "12.5", "PE", "BP", f"ITEM-{line}", "VN", f"SKU-{line}"]
        )
        body.append(["PID", "F", "", "", "", f"Lamp model {line}"])
    body.append(["CTT", str(lines)])
    return body


def transaction(body: Iterable[Segment], *, set_id: str = "850", control: str = "0001") -> list[Segment]:
    """ST, the body and an SE that agrees with both."""
    inner = [list(segment) for segment in body]
    return [["ST", set_id, control], *inner, ["SE", str(len(inner) + 2), control]]


def group(
    sets: Iterable[list[Segment]], *, functional_id: str = "PO", control: str = "11", version: str = "004010"
) -> list[Segment]:
    """GS, the transaction sets and a GE that agrees with them."""
    inner = list(sets)
    header: Segment = [
        "GS", functional_id, "NORTHWINDPO", "SUPPLIERPO", "20260105", "0830", control, "X", version,
    ]  # fmt: skip
    return [header, *(segment for one in inner for segment in one), ["GE", str(len(inner)), control]]


@dataclass
class Interchange:
    """A list of segments that can be changed at will and rendered with known offsets."""

    segments: list[Segment]
    form: Form = PLAIN
    prefix: bytes = b""
    _spans: list[list[int]] = field(default_factory=list, repr=False)

    @classmethod
    def of(cls, *groups: list[Segment], header: Segment | None = None, form: Form = PLAIN) -> Interchange:
        """An interchange of the given groups, with an IEA that agrees with them."""
        first = header if header is not None else isa()
        control = str(first[13])
        inner = [segment for one in groups for segment in one]
        return cls([first, *inner, ["IEA", str(len(groups)), control]], form)

    def copy(self) -> Interchange:
        return Interchange(copy.deepcopy(self.segments), self.form, self.prefix)

    def with_form(self, **changes: Any) -> Interchange:
        """The same segments in another outer form."""
        changed = self.copy()
        changed.form = replace(self.form, **changes)
        return changed

    # Finding and changing

    def index(self, segment_id: str, nth: int = 1) -> int:
        """Index of the nth segment of this id."""
        found = [i for i, segment in enumerate(self.segments) if segment[0] == segment_id]
        return found[nth - 1]

    def get(self, segment_id: str, nth: int = 1) -> Segment:
        return self.segments[self.index(segment_id, nth)]

    def put(self, segment_id: str, element: int, value: Element, nth: int = 1) -> Interchange:
        """Set one element, with empty elements up to it where the segment is shorter."""
        segment = self.get(segment_id, nth)
        segment.extend([""] * (element + 1 - len(segment)))
        segment[element] = value
        return self

    def before(self, segment_id: str, *new: Segment, nth: int = 1) -> Interchange:
        at = self.index(segment_id, nth)
        self.segments[at:at] = [list(segment) for segment in new]
        return self

    def after(self, segment_id: str, *new: Segment, nth: int = 1) -> Interchange:
        at = self.index(segment_id, nth) + 1
        self.segments[at:at] = [list(segment) for segment in new]
        return self

    def drop(self, segment_id: str, nth: int = 1) -> Interchange:
        del self.segments[self.index(segment_id, nth)]
        return self

    def recount(self) -> Interchange:
        """Make every SE01, GE01 and IEA01 true again after segments were added or dropped."""
        segments = sets = groups = 0
        for segment in self.segments:
            segments += 1
            match segment[0]:
                case "ST":
                    segments, sets = 1, sets + 1
                case "GS":
                    sets, groups = 0, groups + 1
                case "SE":
                    segment[1] = str(segments)
                case "GE":
                    segment[1] = str(sets)
                case "IEA":
                    segment[1] = str(groups)
        return self

    # Rendering

    def to_bytes(self) -> bytes:
        """The interchange as bytes, after ``prefix``."""
        form, out, self._spans = self.form, bytearray(self.prefix), []
        for segment in self.segments:
            spans = []
            for number, element in enumerate(segment):
                if number:
                    out += form.element.encode("latin-1")
                spans.append(len(out))
                if segment[0] == "ISA" and number == 16:
                    element = form.component
                text = element if isinstance(element, str) else form.component.join(element)
                out += text.encode("latin-1")
            spans.append(len(out))
            self._spans.append(spans)
            out += (form.terminator + form.newline).encode("latin-1")
        return bytes(out)

    def offset(self, index: int, element: int | None = None, component: int | None = None) -> int:
        """Byte offset of a segment, of an element or of a component of it.

        An element the segment is too short for is at the segment's terminator.
        """
        self.to_bytes()
        spans = self._spans[index]
        if element is None:
            return spans[0]
        start = spans[min(element, len(spans) - 1)]
        if component is not None and component > 1:
            parts = self.segments[index][element]
            assert isinstance(parts, tuple)
            start += sum(len(part) + len(self.form.component) for part in parts[: component - 1])
        return start

    def end(self) -> int:
        """Number of bytes."""
        return len(self.to_bytes())

    def position(self, index: int) -> int:
        """Position of a segment in its transaction set; ST is 1."""
        start = max(i for i in range(index + 1) if self.segments[i][0] == "ST")
        return index - start + 1


def clean(lines: int = 2, *, form: Form = PLAIN, **header: Any) -> Interchange:
    """One interchange, one group, one 850."""
    return Interchange.of(group([transaction(order_body(lines=lines))]), header=isa(**header), form=form)


def two_sets() -> Interchange:
    """One interchange, one group, two 850s."""
    return Interchange.of(
        group(
            [
                transaction(order_body("PO-1001"), control="0001"),
                transaction(order_body("PO-1002"), control="0002"),
            ]
        )
    )


# Reading a result of ``gateway.validate``


def transaction_sets(result: dict[str, Any]) -> list[dict[str, Any]]:
    """All transaction sets of a file, in order."""
    return [one for i in result["interchanges"] for g in i["groups"] for one in g["transaction_sets"]]


def problems(result: dict[str, Any], *severities: str) -> list[dict[str, Any]]:
    """Problems of the given severities, all if none is named."""
    return [p for p in result["problems"] if not severities or p["severity"] in severities]


def codes(result: dict[str, Any], *severities: str) -> list[str]:
    """Problem codes in the order reported."""
    return [p["code"] for p in problems(result, *severities)]


#: ``ST``, a separator of one or two bytes, three digits and the same separator again.
_ST = re.compile(rb"ST(?P<separator>[^A-Za-z0-9\s]{1,2})[0-9]{3}(?P=separator)")


def count_sets(data: bytes) -> int:
    """Number of ST segments in a file, counted without the package under test and without its separators.

    What stands before an ST is a terminator or nothing, blanks aside; so neither a letter (``MAIN ST*100*``)
    nor the separator itself (``N1*ST*123*``).
    """
    count = 0
    for match in _ST.finditer(data):
        before = data[max(0, match.start() - 200) : match.start()].rstrip(b" \t")
        if not before or not (before[-1:].isalnum() or before.endswith(match["separator"])):
            count += 1
    return count
