"""The same content in another outer form: other separators, a segment on each line, a file for each set.

What cannot be written in the new form is told, never bent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import TransactionSet
from gateway.x12.reader import EnvelopeSegment, Foreign, Isa, Piece, Reader, SetText
from gateway.x12.source import Source

BINARY = {"BIN": 2, "BDS": 3}
"""Segments whose last element is data that may hold separators, with its place."""

COMPONENT, REPETITION = "\ue000", "\ue001"
"""Stand for the separators of a file; beyond Latin-1, so no data holds them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One segment.

    Attributes:
        values: segment id and elements, with :data:`COMPONENT` and :data:`REPETITION` inside of elements.
        number: position in the set, ST = 1; 0 for an envelope segment. transaction_set: ST02 of its set.
    """

    values: tuple[str, ...]
    delimiters: Delimiters
    number: int = 0
    transaction_set: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the file that is in no output, and why."""

    what: str
    reason: str
    offset: int


def pieces(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """The pieces of a file."""
    reader = Reader()
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


def lines(pieces: Iterable[Piece]) -> Iterator[Line | LeftOut]:
    """The segments of a file in their order."""
    delimiters = Delimiters()
    for piece in pieces:
        match piece:
            case Isa(delimiters=delimiters):
                values = list(piece.elements)
                if values and delimiters.repetition:
                    values[11] = REPETITION
                if values and delimiters.component:
                    values[16] = COMPONENT
                if values:
                    yield Line(tuple(values), delimiters)
            case EnvelopeSegment():
                yield Line(_values(piece.text, delimiters), delimiters)
            case SetText(too_large=True):
                yield LeftOut("a transaction set", "it is too large", piece.offset)
            case SetText():
                segments = Source(replace(piece, plain=False), delimiters).segments
                found = [_values(text, delimiters) for text in segments]
                control = "".join(found[0][2:3])
                yield from (Line(one, delimiters, number, control) for number, one in enumerate(found, 1))
            case Foreign():
                yield _foreign(piece)
            case _:
                pass


def _values(text: str, delimiters: Delimiters) -> tuple[str, ...]:
    data = BINARY.get(text.partition(delimiters.element)[0], -1)
    values = text.split(delimiters.element, data)
    for old, mark in ((delimiters.component, COMPONENT), (delimiters.repetition, REPETITION)):
        if old and old in text:
            values = [one if i == data else one.replace(old, mark) for i, one in enumerate(values)]
    return tuple(values)


def _foreign(piece: Foreign) -> LeftOut:
    if piece.is_isa:
        return LeftOut("an ISA segment", "it is cut off", piece.offset)
    what = f"{piece.count} bytes beginning with {piece.sample[:40]!r}"
    return LeftOut(what, "they are no X12", piece.offset)


def clashes(found: Iterable[Line | LeftOut], wanted: Delimiters) -> Iterator[str]:
    """The values that the wanted separators would cut apart, in words."""
    for line in found:
        if isinstance(line, LeftOut):
            continue
        name, marks = line.values[0], _new(line, wanted).all
        for index, value in enumerate(line.values[: BINARY.get(name)]):
            if character := next((mark for mark in marks if mark in value), ""):
                place = f" of transaction set {line.transaction_set}" if line.number else ""
                yield f"{name}{index:02d}{place} holds {character!r}: {value[:60]!r}"


def unstated(pieces: Iterable[Piece], wanted: Delimiters) -> Iterator[str]:
    """Interchanges whose ISA segment cannot state the wanted separators, in words."""
    for piece in pieces:
        if not isinstance(piece, Isa):
            continue
        own = piece.delimiters.repetition
        if piece.fragment:
            yield "There is no ISA segment that could state other separators."
        elif wanted.repetition and not own:
            version = piece.elements[12]
            yield f"Interchange {piece.elements[13]} (version {version}) has no repetition separator."
        elif own and not wanted.repetition and own in wanted.all:
            yield f"{own!r} is the repetition separator of interchange {piece.elements[13]}; name another."


def _new(line: Line, wanted: Delimiters) -> Delimiters:
    """The separators in the new form; only interchanges that have a repetition separator keep one."""
    repetition = line.delimiters.repetition and (wanted.repetition or line.delimiters.repetition)
    return replace(wanted, repetition=repetition)


def written(line: Line, wanted: Delimiters | None, *, newline: bool) -> str:
    """A segment in the new form, with its terminator, and with ``newline`` a line end where none ends it.

    ``wanted`` are other separators; None keeps those of the file.
    """
    new = _new(line, wanted) if wanted else line.delimiters
    values = line.values
    if values[0] == "ISA" and wanted:
        values = (*values[:16], COMPONENT)
    text = new.element.join(values).replace(COMPONENT, new.component).replace(REPETITION, new.repetition)
    return text + new.terminator + ("\n" if newline and new.terminator.strip("\r\n") else "")


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
    group: tuple[str, ...] = ()
    for piece in pieces:
        match piece:
            case Isa():
                isa, group = piece, ()
            case EnvelopeSegment() if isa is not None:
                values = tuple(piece.text.split(isa.delimiters.element))
                if values[0] in ("GS", "GE"):
                    group = values if values[0] == "GS" else ()
                elif values[0] != "IEA":
                    what = f"the segment {values[0][:10]}"
                    yield LeftOut(what, "it belongs to no transaction set", piece.offset)
            case SetText() if isa is not None:
                yield _single(piece, isa, group)
            case Foreign():
                yield _foreign(piece)
            case _:
                pass


def _single(piece: SetText, isa: Isa, group: tuple[str, ...]) -> Single | LeftOut:
    delimiters = isa.delimiters
    begin = piece.text[:200].partition(delimiters.terminator)[0].split(delimiters.element)
    set_id, control = [*begin, "", ""][1:3]
    reasons = {
        "it is too large": piece.too_large,
        "it stands in no interchange": isa.fragment,
        "it stands in no functional group": not group,
        "it has no SE segment": not piece.complete,
    }
    if reason := next((words for words, holds in reasons.items() if holds), ""):
        return LeftOut(f"transaction set {set_id} {control}".rstrip(), reason, piece.offset)
    number, interchange = "".join(group[6:7]), isa.elements[13]
    text = _enveloped(delimiters, tuple(isa.elements), group, piece.text)
    count = len(Source(replace(piece, plain=False), delimiters).segments)
    return Single(set_id, control, number, interchange.strip(), count, text)


def alone(received: TransactionSet) -> str:
    """A set in a group as an interchange of its own, with the ISA and GS it came with."""
    header, group = received.interchange, received.group
    return _enveloped(header.delimiters, header.elements, group.elements if group else ("GS",), received.text)


def _enveloped(delimiters: Delimiters, isa: tuple[str, ...], group: tuple[str, ...], text: str) -> str:
    trailers = ("GE", "1", "".join(group[6:7])), ("IEA", "1", isa[13])
    isa_text, gs, ge, iea = (delimiters.element.join(values) for values in (isa, group, *trailers))
    end = delimiters.terminator + delimiters.newline
    return "".join(part + end for part in (isa_text, gs, text, ge, iea))
