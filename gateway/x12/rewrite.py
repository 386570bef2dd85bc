"""The same content in another outer form: other separators, a segment on each line, a file for each set.

Works on the pieces of :class:`gateway.x12.reader.Reader` and changes nothing but what it is asked to change.
What cannot be written in the new form is told, never bent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.x12.delimiters import ISA_WIDTHS, Delimiters
from gateway.x12.reader import EnvelopeSegment, Foreign, Isa, Piece, SetText, TruncatedIsa
from gateway.x12.source import Source

BINARY = {"BIN": 2, "BDS": 3}
"""Segments whose last element is data of the length that the element before states, with its place."""

#: Stand for the separators while they are exchanged; beyond Latin-1, so no data holds them.
_COMPONENT, _REPETITION = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class Line:
    """One segment, with the separators it was written with.

    Attributes:
        values: segment id and elements; a composite element as it stands.
        transaction_set: ST02 of its set; empty for an envelope segment.
        number: position in the set, ST = 1; 0 for an envelope segment.
        binary: the last element is data that may hold separators.
    """

    values: tuple[str, ...]
    delimiters: Delimiters
    transaction_set: str = ""
    number: int = 0
    binary: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the file that is in no output, and why."""

    what: str
    reason: str
    offset: int


@dataclass(frozen=True, slots=True)
class Clash:
    """A value that holds one of the wanted separators."""

    line: Line
    element: int
    character: str

    @property
    def words(self) -> str:
        """The clash in words."""
        name, value = self.line.values[0], self.line.values[self.element]
        place = f" of transaction set {self.line.transaction_set}" if self.line.number else ""
        return f"{name}{self.element:02d}{place} holds {self.character!r}: {value[:60]!r}"


def lines(pieces: Iterable[Piece]) -> Iterator[Line | LeftOut]:
    """The segments of a file in their order."""
    delimiters = Delimiters()
    for piece in pieces:
        match piece:
            case Isa():
                delimiters = piece.delimiters
                if not piece.fragment:
                    yield Line(piece.elements, delimiters)
            case EnvelopeSegment():
                yield Line(tuple(piece.text.split(delimiters.element)), delimiters)
            case SetText():
                if piece.too_large:
                    yield LeftOut("a transaction set", "it is too large", piece.offset)
                    continue
                control = ""
                for number, text in enumerate(segments(piece, delimiters), 1):
                    head = text.partition(delimiters.element)[0]
                    values = text.split(delimiters.element, BINARY.get(head, -1))
                    if number == 1:
                        control = values[2] if len(values) > 2 else ""
                    yield Line(tuple(values), delimiters, control, number, head in BINARY)
            case Foreign() | TruncatedIsa():
                yield _foreign(piece)
            case _:
                pass


def segments(piece: SetText, delimiters: Delimiters) -> list[str]:
    """The segments of a set; the data of a binary segment whole, with line ends that belong to it."""
    source = Source(replace(piece, plain=False), delimiters)
    found = list(source.segments)
    for index, text in enumerate(found):
        place = BINARY.get(text.partition(delimiters.element)[0])
        values = text.split(delimiters.element, place or 0)
        if place is None or len(values) <= place or not re.fullmatch("[0-9]{1,15}", values[place - 1]):
            continue
        missing = int(values[place - 1]) - len(values[place])
        if missing > 0:
            end = source.offset(index + 1) - piece.offset + len(text)
            found[index] += piece.text[end : end + missing]
    return found


def _foreign(piece: Foreign | TruncatedIsa) -> LeftOut:
    if isinstance(piece, Foreign):
        return LeftOut(
            f"{piece.count} bytes beginning with {piece.sample[:40]!r}", "they are no X12", piece.offset
        )
    return LeftOut("an ISA segment", "it is cut off", piece.offset)


def clashes(found: Iterable[Line | LeftOut], wanted: Delimiters) -> Iterator[Clash]:
    """The values that the wanted separators would cut apart."""
    for line in found:
        if isinstance(line, LeftOut):
            continue
        old, isa = line.delimiters, line.values[0] == "ISA"
        used = [wanted.element, wanted.component, wanted.terminator[:1], _repetition(old, wanted)]
        last = len(line.values) - line.binary
        for index, value in enumerate(line.values[:last]):
            if isa and (index == 16 or (index == 11 and old.repetition)):
                continue
            # What divides components now will be written with the new separator; it is no data.
            bare = value if isa else _without(value, old)
            if character := next((c for c in used if c and c in bare), ""):
                yield Clash(line, index, character)


def _without(value: str, old: Delimiters) -> str:
    for separator in (old.component, old.repetition):
        if separator:
            value = value.replace(separator, "")
    return value


def _repetition(old: Delimiters, wanted: Delimiters) -> str:
    """The repetition separator in the new form; only interchanges that have one keep one."""
    return (wanted.repetition or old.repetition) if old.repetition else ""


def written(line: Line, wanted: Delimiters | None, *, newline: bool) -> str:
    """A segment in the new form, with its terminator.

    Args:
        wanted: other separators; None to keep those of the file.
        newline: begin a new line after each segment.
    """
    old = line.delimiters
    new = wanted or old
    end = new.terminator
    if newline and end not in ("\n", "\r", "\r\n"):
        end += "\n"
    if line.values[0] == "ISA":
        return _isa(line.values, old, wanted) + end
    values = list(line.values)
    if wanted is not None:
        last = len(values) - line.binary
        values[:last] = [_translated(value, old, wanted) for value in values[:last]]
    return new.element.join(values) + end


def _translated(value: str, old: Delimiters, wanted: Delimiters) -> str:
    if old.component:
        value = value.replace(old.component, _COMPONENT)
    if old.repetition:
        value = value.replace(old.repetition, _REPETITION)
    value = value.replace(_COMPONENT, wanted.component)
    return value.replace(_REPETITION, _repetition(old, wanted))


def _isa(values: tuple[str, ...], old: Delimiters, wanted: Delimiters | None) -> str:
    if wanted is None:
        return old.element.join(values)
    elements = [value.ljust(width) for value, width in zip(values[1:17], ISA_WIDTHS, strict=False)]
    elements += [" " * width for width in ISA_WIDTHS[len(elements) :]]
    if old.repetition:
        elements[10] = _repetition(old, wanted)
    elements[15] = wanted.component
    return wanted.element.join(["ISA", *elements])


@dataclass(frozen=True, slots=True)
class Single:
    """One transaction set as an interchange of its own."""

    set_id: str
    control_number: str
    group: str
    interchange: str
    segments: int
    text: str


def split(pieces: Iterable[Piece]) -> Iterator[Single | LeftOut]:
    """Each transaction set with the ISA and GS it came with; the trailers count one group and one set."""
    isa: Isa | None = None
    group: tuple[str, ...] | None = None
    for piece in pieces:
        match piece:
            case Isa():
                isa, group = piece, None
            case EnvelopeSegment() if isa is not None:
                values = tuple(piece.text.split(isa.delimiters.element))
                if values[0] == "GS":
                    group = values
                elif values[0] == "GE":
                    group = None
                elif values[0] != "IEA":
                    reason = "it belongs to no transaction set"
                    yield LeftOut(f"the segment {values[0][:10]}", reason, piece.offset)
            case SetText() if isa is not None:
                yield _single(piece, isa, group)
            case Foreign() | TruncatedIsa():
                yield _foreign(piece)
            case _:
                pass


def _single(piece: SetText, isa: Isa, group: tuple[str, ...] | None) -> Single | LeftOut:
    delimiters = isa.delimiters
    count = len(segments(piece, delimiters)) if not piece.too_large else 0
    begin = (piece.text[:40].partition(delimiters.terminator)[0]).split(delimiters.element)
    set_id, control = [*begin, "", ""][1:3]
    reason = ""
    if piece.too_large:
        reason = "it is too large"
    elif isa.fragment:
        reason = "it stands in no interchange"
    elif group is None:
        reason = "it stands in no functional group"
    elif not piece.complete:
        reason = "it has no SE segment"
    if reason or group is None:
        return LeftOut(f"transaction set {set_id} {control}".rstrip(), reason, piece.offset)
    sep, end = delimiters.element, delimiters.terminator + delimiters.newline
    number = group[6] if len(group) > 6 else ""
    parts = (
        sep.join(isa.elements),
        sep.join(group),
        piece.text,
        sep.join(("GE", "1", number)),
        sep.join(("IEA", "1", isa.elements[13])),
    )
    text = "".join(part + end for part in parts)
    return Single(set_id, control, number, isa.elements[13].strip(), count, text)
