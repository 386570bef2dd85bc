"""X12 for a person to read: each segment and element with its name, its meaning and what is wrong with it.

:class:`Annotator` gives the parts of a file in its order: envelope segments and transaction sets as rows, and
problems that belong to no segment. The same rows serve the command line and the web page of a message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gateway.errors import Problem
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import Step, diagnose
from gateway.x12.elements import INTEGER, is_date, is_time
from gateway.x12.envelope import (
    FileProblem,
    GroupTrailer,
    InterchangeTrailer,
    TransactionSet,
    Verdict,
)
from gateway.x12.guide import Element, Segment
from gateway.x12.parser import GuideSource, Parser, combined
from gateway.x12.reader import EnvelopeSegment, Foreign, Isa, Reader, SetText, TruncatedIsa
from gateway.x12.source import Source
from gateway.x12.table import Position, Table

_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_USAGE = {"R": "mandatory", "S": "optional", "N": "not used"}
#: Data element 1250 says of which form the period in the next element is (X12 004010).
_PERIOD_FORMS = {"D8": "DT", "D6": "DT", "TM": "TM", "RD8": "RD8"}


class Guides(GuideSource, Protocol):
    """Where guides come from."""

    def table(self, version: str, set_id: str) -> Table | None:
        """The compiled guide for GS08 and ST01; None without one."""
        ...


@dataclass(frozen=True, slots=True)
class Cell:
    """One element, or one component or repetition of it.

    Attributes:
        ref: reference designator such as ``PO104`` or ``CTP05-1``.
        name: the guide's name; empty without a guide.
        value: the text as it stands in the file; empty for an element that is missing.
        meaning: the code in words, the date or time written out, the amount with its decimal point.
        usage: ``mandatory``, ``optional``, ``not used``; empty where it is not known.
        repetition: which occurrence of a repeating element this is, None for all others.
    """

    ref: str
    name: str
    value: str
    meaning: str = ""
    usage: str = ""
    repetition: int | None = None
    problems: tuple[Problem, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "ref": self.ref,
            "name": self.name,
            "value": self.value,
            "meaning": self.meaning,
            "usage": self.usage,
            "repetition": self.repetition,
            "problems": [problem.to_dict() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One segment.

    Attributes:
        number: position in the transaction set, ST = 1; None for an envelope segment.
        loop: the loops around it, for example ``PO1/N1``.
        depth: how far it is indented: loops, and the envelope around the set.
        known: whether the guide has a place for it here.
        offset: bytes before it in the file.
        cells: the filled elements, and missing ones that have a problem.
        problems: those of the segment itself.
    """

    number: int | None
    segment_id: str
    name: str
    usage: str
    loop: str
    depth: int
    known: bool
    offset: int
    text: str
    cells: tuple[Cell, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """The problems of the segment and of its elements."""
        return self.problems + tuple(problem for cell in self.cells for problem in cell.problems)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "number": self.number,
            "segment_id": self.segment_id,
            "name": self.name,
            "usage": self.usage,
            "loop": self.loop,
            "depth": self.depth,
            "known": self.known,
            "offset": self.offset,
            "text": self.text,
            "elements": [cell.to_dict() for cell in self.cells],
            "problems": [problem.to_dict() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class AnnotatedSet:
    """A transaction set; ``problems`` holds those that belong to none of its segments."""

    set_id: str
    control_number: str
    guide: str | None
    verdict: Verdict
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Every problem of the set."""
        return self.problems + tuple(problem for row in self.rows for problem in row.all_problems)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "kind": "transaction_set",
            "set_id": self.set_id,
            "control_number": self.control_number,
            "guide": self.guide,
            "verdict": self.verdict.value,
            "segments": [row.to_dict() for row in self.rows],
            "problems": [problem.to_dict() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class Remark:
    """A problem of the file, an interchange or a group that stands at no segment."""

    problem: Problem


Part = Row | AnnotatedSet | Remark


class Annotator:
    """Annotates files.

    Args:
        guides: where guides come from.

    Attributes:
        verdict: of the file that was read last.
    """

    def __init__(self, guides: Guides) -> None:
        self._guides = guides
        self.verdict = Verdict.UNREADABLE

    def file(self, chunks: Callable[[], Iterable[bytes]]) -> Iterator[Part]:
        """The parts of a file in its order, one transaction set in memory at a time.

        Args:
            chunks: gives the bytes of the file. It is called twice, because what is wrong with a header may
                only be known at its trailer.
        """
        envelope = _EnvelopeProblems(Parser(self._guides), chunks())
        self.verdict = envelope.verdict
        reader, parser = Reader(), Parser(self._guides)
        sets: deque[TransactionSet] = deque()
        delimiters = Delimiters()
        depth = 0
        for chunk in _ended(chunks()):
            pieces = reader.close() if chunk is None else reader.feed(chunk)
            events = parser.close() if chunk is None else parser.feed(chunk)
            sets.extend(event for event in events if isinstance(event, TransactionSet))
            for piece in pieces:
                match piece:
                    case SetText():
                        yield from envelope.before(piece.offset)
                        event = sets.popleft()
                        yield self.set(event, None if piece.too_large else piece)
                    case Isa():
                        yield from envelope.next_interchange(piece.offset)
                        delimiters, depth = piece.delimiters, 0
                        if not piece.fragment:
                            text = delimiters.element.join(piece.elements)
                            yield self._envelope(piece.elements, text, piece.offset, 0, delimiters, envelope)
                    case EnvelopeSegment():
                        yield from envelope.before(piece.offset)
                        values = tuple(piece.text.split(delimiters.element))
                        if values[0] == "GS":
                            yield from envelope.next_group()
                        depth = 0 if values[0] == "IEA" else 1
                        yield self._envelope(values, piece.text, piece.offset, depth, delimiters, envelope)
                    case Foreign() | TruncatedIsa():
                        yield from envelope.before(piece.offset + 1)
                    case _:
                        pass
        yield from envelope.rest()

    def set(self, event: TransactionSet, piece: SetText | None = None) -> AnnotatedSet:
        """One transaction set.

        Args:
            event: as the parser gave it.
            piece: the set in the file, for exact offsets in a file that is cut into lines.
        """
        delimiters = event.interchange.delimiters
        found = piece or SetText(event.text, event.offset, event.line, complete=True)
        source = Source(replace(found, plain=False), delimiters)
        texts = source.segments
        version = event.group.version if event.group is not None else ""
        table = self._guides.table(version, event.set_id)
        if table is None:
            steps = [Step(i, text.split(delimiters.element), None, 0) for i, text in enumerate(texts, 1)]
        else:
            steps = diagnose(table, texts, delimiters, complete=False).steps
        by_segment: dict[int, list[Problem]] = {}
        for problem in event.problems:
            number = problem.location.segment or 0
            by_segment.setdefault(number if number <= len(texts) else 0, []).append(problem)
        rows: list[Row] = []
        loop, depth = "", 0
        for step, text in zip(steps, texts, strict=True):
            position = table.positions[step.position] if table and step.position is not None else None
            if position is not None:
                loop, depth = _loop(position), len(position.loop.path)
            rows.append(
                _row(
                    step.parts,
                    position.segment if position else None,
                    delimiters,
                    tuple(by_segment.get(step.number, ())),
                    number=step.number,
                    usage=_usage(position) if position else "",
                    loop=loop,
                    depth=2 + depth,
                    offset=source.offset(step.number),
                    text=text,
                )
            )
        return AnnotatedSet(
            event.set_id,
            event.control_number,
            event.guide,
            event.verdict,
            tuple(rows),
            tuple(by_segment.get(0, ())),
        )

    def _envelope(
        self,
        values: tuple[str, ...],
        text: str,
        offset: int,
        depth: int,
        delimiters: Delimiters,
        problems: _EnvelopeProblems,
    ) -> Row:
        definition = self._guides.envelope_segment(values[0])
        # ISA16 is the component separator itself and ISA11 may be the repetition separator: never cut them.
        whole = replace(delimiters, component="", repetition="") if values[0] == "ISA" else delimiters
        return _row(
            list(values),
            definition,
            whole,
            problems.of(values[0], offset, offset + max(1, len(text))),
            usage=_USAGE.get(definition.usage, "") if definition else "",
            depth=depth,
            offset=offset,
            text=text,
        )


@dataclass(slots=True)
class _EnvelopeProblems:
    """The problems of file, interchanges and groups, handed out where they belong.

    They are read in a first pass: by interchange and group in the order of the file, each to be taken once.
    """

    file: deque[Problem]
    interchanges: deque[list[Problem]]
    groups: deque[list[Problem]]
    interchange: list[Problem] = field(default_factory=list)
    group: list[Problem] = field(default_factory=list)
    verdict: Verdict = Verdict.UNREADABLE

    def __init__(self, parser: Parser, chunks: Iterable[bytes]) -> None:
        found: list[Problem] = []
        self.interchanges, self.groups = deque(), deque()
        self.interchange, self.group = [], []
        verdicts: list[Verdict] = []
        for chunk in _ended(chunks):
            for event in parser.close() if chunk is None else parser.feed(chunk):
                match event:
                    case GroupTrailer():
                        self.groups.append(list(event.problems))
                    case InterchangeTrailer():
                        self.interchanges.append(list(event.problems))
                        verdicts.append(event.verdict)
                    case FileProblem():
                        found.append(event.problem)
                    case _:
                        pass
        self.verdict = combined(verdicts) if verdicts else Verdict.UNREADABLE
        if self.verdict is Verdict.ACCEPTED and any(problem.is_error for problem in found):
            self.verdict = Verdict.ACCEPTED_WITH_ERRORS
        self.file = deque(sorted(found, key=lambda problem: problem.location.offset or 0))

    def of(self, name: str, start: int, end: int) -> tuple[Problem, ...]:
        """The problems of an envelope segment that stands at these bytes."""
        taken: list[Problem] = []
        for problems in (self.interchange, self.group):
            for problem in list(problems):
                where = problem.location
                mine = where.segment_id == name[:10] and start <= (where.offset or 0) <= end
                if mine and not problem.code.endswith("-MISSING"):
                    problems.remove(problem)
                    taken.append(problem)
        return tuple(taken)

    def before(self, offset: int) -> Iterator[Remark]:
        """What is to be said of the file before the piece at an offset."""
        while self.file and (self.file[0].location.offset or 0) < offset:
            yield Remark(self.file.popleft())

    def next_group(self) -> Iterator[Remark]:
        """A group begins: what is left of the one before."""
        yield from map(Remark, self.group)
        self.group = self.groups.popleft() if self.groups else []

    def next_interchange(self, offset: int) -> Iterator[Remark]:
        """An interchange begins: what is left of the one before."""
        yield from map(Remark, self.group + self.interchange)
        self.group = []
        yield from self.before(offset + 1)
        self.interchange = self.interchanges.popleft() if self.interchanges else []

    def rest(self) -> Iterator[Remark]:
        """The file is over."""
        yield from map(Remark, self.group + self.interchange)
        yield from map(Remark, self.file)


def _ended(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """The chunks, and None at the end."""
    yield from chunks
    yield None


def _loop(position: Position) -> str:
    return "/".join(place.loop.trigger.id for place in position.loop.path)


def _usage(position: Position) -> str:
    """A segment that begins a loop is as mandatory as the loop."""
    loop = position.loop.loop
    usage = loop.usage if position.trigger and position.loop.parent else position.segment.usage
    return _USAGE.get(usage, "")


def _row(
    parts: list[str],
    segment: Segment | None,
    delimiters: Delimiters,
    problems: tuple[Problem, ...],
    *,
    usage: str,
    depth: int,
    offset: int,
    text: str,
    number: int | None = None,
    loop: str = "",
) -> Row:
    own = tuple(p for p in problems if p.location.element is None or p.location.segment_id != parts[0])
    rest = [p for p in problems if p not in own]
    elements = segment.elements if segment else ()
    cells: list[Cell] = []
    size = max([len(parts) - 1, *(p.location.element or 0 for p in rest)])
    for index in range(1, size + 1):
        element = elements[index - 1] if index <= len(elements) else None
        value = parts[index] if index < len(parts) else ""
        mine = [p for p in rest if p.location.element == index]
        if value or mine:
            before = parts[index - 1] if 1 < index <= len(parts) else ""
            ref = f"{parts[0][:10]}{index:02d}"
            cells += _cells(ref, element, value, mine, delimiters, before)
    name = segment.name if segment else ""
    known = segment is not None
    return Row(number, parts[0], name, usage, loop, depth, known, offset, text, tuple(cells), own)


def _cells(
    ref: str,
    element: Element | None,
    value: str,
    problems: list[Problem],
    delimiters: Delimiters,
    before: str,
) -> Iterator[Cell]:
    """The cells of one element: one, or one for each repetition and component."""
    repeats = bool(delimiters.repetition) and delimiters.repetition in value
    if repeats and (element is None or element.repeat != 1) and (element is None or element.type != "B"):
        for repetition, one in enumerate(value.split(delimiters.repetition), 1):
            mine = [p for p in problems if (p.location.repetition or 1) == repetition]
            yield from _parts(ref, element, one, mine, delimiters, before, repetition)
    else:
        yield from _parts(ref, element, value, problems, delimiters, before, None)


def _parts(
    ref: str,
    element: Element | None,
    value: str,
    problems: list[Problem],
    delimiters: Delimiters,
    before: str,
    repetition: int | None,
) -> Iterator[Cell]:
    composite = element is not None and element.components
    divided = bool(delimiters.component) and delimiters.component in value and element is None
    if not composite and not divided:
        yield _cell(ref, element, value, problems, before, repetition)
        return
    components = element.components if element else ()
    own = [p for p in problems if p.location.component is None]
    if own or not value:
        name = element.name if element else ""
        usage = _USAGE.get(element.usage, "") if element else ""
        yield Cell(ref, name, value if own else "", "", usage, repetition, tuple(own))
    values = value.split(delimiters.component) if delimiters.component else [value]
    size = max([len(values), *(p.location.component or 0 for p in problems)])
    for index in range(1, size + 1):
        one = values[index - 1] if index <= len(values) else ""
        mine = [p for p in problems if p.location.component == index]
        if one or mine:
            component = components[index - 1] if index <= len(components) else None
            yield _cell(f"{ref}-{index}", component, one, mine, "", repetition)


def _cell(
    ref: str,
    element: Element | None,
    value: str,
    problems: list[Problem],
    before: str,
    repetition: int | None,
) -> Cell:
    if element is None:
        return Cell(ref, "", value, "", "", repetition, tuple(problems))
    meaning = _meaning(element, value, before)
    usage = _USAGE.get(element.usage, "")
    return Cell(ref, element.name, value, meaning, usage, repetition, tuple(problems))


def _meaning(element: Element, value: str, before: str) -> str:
    """What a value says in words; empty where it says it itself."""
    if element.codes is not None and value in element.codes.names:
        return element.codes.names[value]
    form = _PERIOD_FORMS.get(before, "") if element.number == "1251" else element.type
    if form == "DT":
        return date_words(value)
    if form == "TM":
        return time_words(value)
    if form == "RD8":
        first, _, last = value.partition("-")
        words = [date_words(first), date_words(last)]
        return " to ".join(words) if all(words) else ""
    if form[:1] == "N" and form[1:] not in ("", "0") and INTEGER.fullmatch(value):
        return _pointed(value, int(form[1:]))
    return ""


def date_words(value: str) -> str:
    """``20260218`` as ``18 February 2026``, ``260218`` as ``18 February '26``; empty if it is no date."""
    if not is_date(value):
        return ""
    year = value[:4] if len(value) == 8 else f"'{value[:2]}"
    return f"{int(value[-2:])} {_MONTHS[int(value[-4:-2]) - 1]} {year}"


def time_words(value: str) -> str:
    """``093015`` as ``09:30:15``; empty if it is no time."""
    if not is_time(value):
        return ""
    seconds = f":{value[4:6]}" if len(value) > 4 else ""
    return f"{value[:2]}:{value[2:4]}{seconds}" + (f".{value[6:]}" if len(value) > 6 else "")


def _pointed(value: str, places: int) -> str:
    """Implied decimals (X12 type Nn): 12345 as 123.45."""
    sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
    digits = digits.rjust(places + 1, "0")
    return f"{sign}{digits[:-places].lstrip('0') or '0'}.{digits[-places:]}"
