"""Segments to interchanges: separators, counts, control numbers and line ends (X12.5, X12.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gateway.errors import DocumentError, Fault, Level, Location, Problem, Severity
from gateway.x12.delimiters import ISA_WIDTHS, Delimiters
from gateway.x12.envelope import PartyId

Part = str | list[str] | list[list[str]]
"""An element, the components of a composite, or the components of each repetition."""

Parts = list[Part]
"""A segment: its id and elements."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What goes around transaction sets, and a partner's habits of writing.

    Attributes:
        version: ISA12; empty for the one that belongs to the release. usage: ISA15, ``P`` or ``T``.
        release: GS08, empty for an interchange without functional group. implementation: ST03.
        control_interchange: ISA13; control_group: GS06; control_set: ST02 of the first set. Numbers are
            padded as the standard wants, text is written as it is.
        date: CCYYMMDD. time: HHMM. newline: line end after each segment, empty for none.
        ack_requested: ask for a TA1 (ISA14).
    """

    sender: PartyId
    receiver: PartyId
    group_sender: str
    group_receiver: str
    date: str
    time: str
    version: str = ""
    release: str = "004010"
    usage: str = "P"
    control_interchange: int | str = 1
    control_group: int | str = 1
    control_set: int | str = 1
    delimiters: Delimiters = field(default_factory=Delimiters)
    newline: str = ""
    agency: str = "X"
    implementation: str = ""
    ack_requested: bool = False

    def __post_init__(self) -> None:
        """Version and repetition separator, where they are not given: the one came with the other (X12.5)."""
        version = self.version or ("00401" if self.release[:6] < "005010" else "00501")
        object.__setattr__(self, "version", version)
        if version >= "00402" and not self.delimiters.repetition:
            free = next(mark for mark in "^!`" if mark not in self.delimiters.all)
            object.__setattr__(self, "delimiters", replace(self.delimiters, repetition=free))

    def set_number(self, index: int) -> str:
        """ST02 of the set with that index in the group."""
        first = self.control_set
        if isinstance(first, int):
            return f"{first + index:04d}"
        if index == 0:
            return first
        if not first.isdecimal():
            raise DocumentError(f"set control number {first!r} cannot be counted on")
        return str(int(first) + index).rjust(len(first), "0")


def isa(envelope: Envelope) -> str:
    """The ISA segment of fixed width, with its terminator.

    Raises:
        DocumentError: a value is longer than its place, or a separator stands in it.
    """
    number = envelope.control_interchange
    marks = envelope.delimiters
    values = (
        "00", "", "00", "",
        envelope.sender.qualifier, envelope.sender.id, envelope.receiver.qualifier, envelope.receiver.id,
        envelope.date[2:], envelope.time[:4], marks.repetition or "U", envelope.version,
        f"{number:09d}" if isinstance(number, int) else number,
        "1" if envelope.ack_requested else "0", envelope.usage, marks.component or ">",
    )  # fmt: skip
    problems = []
    for index, (value, width) in enumerate(zip(values, ISA_WIDTHS, strict=True), 1):
        if len(value) > width:
            problems.append(_problem(f"ISA{index:02d} is longer than {width} characters", value, index))
        elif index not in (11, 16) and any(mark in value for mark in marks.all):
            problems.append(_problem(f"ISA{index:02d} holds a separator", value, index))
    if problems:
        raise DocumentError("The envelope cannot be written.", problems=tuple(problems))
    padded = (value.ljust(width) for value, width in zip(values, ISA_WIDTHS, strict=True))
    return marks.element.join(("ISA", *padded)) + marks.terminator


def _problem(what: str, value: str, element: int = 0) -> Problem:
    return Problem(
        code="DOC-ENVELOPE",
        severity=Severity.ERROR,
        level=Level.INTERCHANGE,
        message=f"{what}: {value!r}.",
        hint="Correct the identifiers of the partner or of ourselves.",
        value=value,
        location=Location(segment_id="ISA", element=element),
        fault=Fault.CONFIGURATION,
    )


def segment_text(parts: Sequence[Part], delimiters: Delimiters) -> str:
    """A segment without terminator; empty elements and components at the end are left out."""

    def text(part: str | list[str]) -> str:
        if isinstance(part, str):
            return part
        return delimiters.component.join(part).rstrip(delimiters.component)

    texts = [
        delimiters.repetition.join(map(text, part)) if repeats(part) else text(part)  # type: ignore[arg-type]
        for part in parts
    ]
    return delimiters.element.join(texts).rstrip(delimiters.element)


def repeats(part: Part) -> bool:
    """Whether an element is written more than once."""
    return not isinstance(part, str) and bool(part) and not isinstance(part[0], str)


def interchange(
    envelope: Envelope, functional_id: str, sets: Iterable[tuple[str, Sequence[str]]]
) -> Iterator[str]:
    """An interchange with one functional group, piece by piece: its two headers, each set, its trailers.

    Args:
        functional_id: GS01.
        sets: for each transaction set its ST01 and the segments between ST and SE, without terminators. In an
            envelope without release they stand between ISA and IEA as they are (TA1).

    Raises:
        DocumentError: the envelope does not fit ISA or GS.
    """
    marks = envelope.delimiters
    end = marks.terminator + envelope.newline
    element = marks.element
    group = str(envelope.control_group)
    header = (
        "GS", functional_id, envelope.group_sender, envelope.group_receiver, envelope.date, envelope.time,
        group, envelope.agency, envelope.release,
    )  # fmt: skip
    for value in (*header, envelope.implementation) if envelope.release else ():
        if any(mark in value for mark in marks.all):
            problem = _problem("GS or ST holds a separator", value)
            raise DocumentError("The envelope cannot be written.", problems=(problem,))
    control = envelope.control_interchange
    closing = f"{control:09d}" if isinstance(control, int) else control
    if not envelope.release:
        yield f"{isa(envelope)}{envelope.newline}"
        yield from (end.join((*segments, "")) for _, segments in sets)
        yield f"IEA{element}0{element}{closing}{end}"
        return
    yield f"{isa(envelope)}{envelope.newline}{element.join(header)}{end}"
    count = 0
    for set_id, segments in sets:
        number = envelope.set_number(count)
        opening = segment_text(("ST", set_id, number, envelope.implementation), marks)
        yield end.join((opening, *segments, f"SE{element}{len(segments) + 2}{element}{number}", ""))
        count += 1
    yield f"GE{element}{count}{element}{group}{end}IEA{element}1{element}{closing}{end}"
