"""X12 for a person to read: each segment and element with its name, its meaning and what is wrong with it.

The same rows serve the command line and the web page of a message.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat, takewhile
from typing import Any

from gateway.errors import Problem
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import Step, diagnose
from gateway.x12.elements import INTEGER, is_date, is_time
from gateway.x12.envelope import TransactionSet, Verdict
from gateway.x12.guide import Element, Segment
from gateway.x12.parser import GuideSource, Parser
from gateway.x12.reader import EnvelopeSegment, Isa, SetText
from gateway.x12.report import Tally
from gateway.x12.rewrite import pieces
from gateway.x12.source import Source, source_of

_MONTHS = "January February March April May June July August September October November December"
_USAGE = {"R": "mandatory", "S": "optional", "N": "not used"}
#: Data element 1250 says of which form the period in the next element is (X12 004010).
_PERIOD_FORMS = {"D8": "DT", "D6": "DT", "TM": "TM", "RD8": "RD8"}


class _Json:
    __slots__: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: all attributes under their names."""
        found = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: [one.to_dict() for one in v] if isinstance(v, tuple) else v for name, v in found}


@dataclass(frozen=True, slots=True)
class Cell(_Json):
    """One element, or one component or repetition of it.

    Attributes:
        ref: reference designator such as ``PO104`` or ``CTP05-1``. name: the guide's; empty without one.
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


@dataclass(frozen=True, slots=True)
class Row(_Json):
    """One segment.

    Attributes:
        number: position in the transaction set, ST = 1; None for an envelope segment.
        loop: the loops around it, ``PO1/N1``. depth: how far it is indented: loops, and the envelope.
        known: whether the guide has a place for it here. offset: bytes before it in the file.
        elements: the filled elements, and missing ones that have a problem.
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
    elements: tuple[Cell, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotatedSet(_Json):
    """A transaction set; ``problems`` holds those that belong to none of its segments."""

    set_id: str
    control_number: str
    guide: str | None
    verdict: Verdict
    segments: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()


Part = Row | AnnotatedSet | Problem
"""A problem among the parts is one of the file, an interchange or a group that stands at no segment."""


class Annotator:
    """Annotates files; ``verdict`` is that of the file read last."""

    def __init__(self, guides: GuideSource) -> None:
        self._guides = guides
        self.verdict = Verdict.UNREADABLE

    def file(self, chunks: Callable[[], Iterable[bytes]]) -> Iterator[Part]:
        """The parts of a file in its order, one transaction set in memory at a time.

        ``chunks`` gives the bytes of the file, and is called twice: what is wrong with a header may only be
        known at its trailer.
        """
        open_problems = self._envelope_problems(chunks())
        parser, delimiters = Parser(self._guides), Delimiters()
        for piece in pieces(chunks()):
            events = list(parser.take(piece))
            part: Part | None = None
            match piece:
                case SetText():
                    part = self.set(next(e for e in events if isinstance(e, TransactionSet)), piece)
                case Isa(delimiters=delimiters):
                    text = delimiters.element.join(piece.elements)
                    part = self._envelope(text, piece.offset, delimiters, open_problems) if text else None
                case EnvelopeSegment():
                    part = self._envelope(piece.text, piece.offset, delimiters, open_problems)
                case _:
                    continue
            while open_problems and _offset(open_problems[0]) <= piece.offset:
                yield open_problems.popleft()
            if part is not None:
                yield part
        yield from open_problems

    def window(self, chunks: Iterable[bytes], at: int, most: int) -> Iterator[Row | AnnotatedSet]:
        """The parts of a file from a byte on, at once: what only its end tells is not known of its envelope.

        Args:
            most: characters of a set; the segments of larger ones come one by one, without their meaning.
        """
        parser, delimiters = Parser(self._guides), Delimiters()
        for piece in pieces(chunks):
            match piece:
                case SetText(complete=True) if piece.end > at and len(piece.text) > most:
                    yield from _plain(Source(replace(piece, plain=False), delimiters), at)
                case SetText(complete=True) if piece.end > at:
                    yield self.set(
                        next(e for e in parser.take(piece) if isinstance(e, TransactionSet)), piece
                    )
                case Isa(delimiters=delimiters) if piece.elements:
                    deque(parser.take(piece), 0)
                    if piece.offset >= at:
                        text = delimiters.element.join(piece.elements)
                        yield self._envelope(text, piece.offset, delimiters, deque())
                case EnvelopeSegment():
                    deque(parser.take(piece), 0)
                    if piece.offset >= at:
                        yield self._envelope(piece.text, piece.offset, delimiters, deque())

    def _envelope_problems(self, chunks: Iterable[bytes]) -> deque[Problem]:
        """The problems of file, interchanges and groups by their place; sets the verdict in passing."""
        parser, tally = Parser(self._guides), Tally()
        events = chain.from_iterable(chain(map(parser.feed, chunks), (parser.close(),)))
        told = [event.problems for event in tally.watch(events) if not isinstance(event, TransactionSet)]
        self.verdict = tally.verdict
        return deque(sorted(chain.from_iterable(told), key=_offset))

    def _envelope(self, text: str, offset: int, delimiters: Delimiters, open_problems: deque[Problem]) -> Row:
        """An envelope segment, with the problems that stand at it."""
        parts = text.split(delimiters.element)
        name, end = parts[0], offset + max(1, len(text))
        near = takewhile(lambda problem: _offset(problem) <= end, open_problems)
        mine = [p for p in near if p.location.segment_id == name[:10] and _offset(p) >= offset]
        for problem in mine:
            open_problems.remove(problem)
        segment = self._guides.envelope_segment(name)
        if name == "ISA":  # ISA16 is the component separator itself, ISA11 may be that of repetitions
            delimiters = replace(delimiters, component="", repetition="")
        usage, depth = segment.usage if segment else "", 0 if name in ("ISA", "IEA") else 1
        place = {"number": None, "loop": "", "depth": depth, "offset": offset, "text": text}
        return _row(parts, segment, delimiters, mine, usage, **place)

    def set(self, event: TransactionSet, piece: SetText | None = None) -> AnnotatedSet:
        """One transaction set as the parser gave it; only its ``piece`` knows where a wrapped file is cut."""
        delimiters, source = event.interchange.delimiters, source_of(event, piece)
        table = self._guides.table(event.group.version if event.group else "", event.set_id)
        if table is not None:
            steps = diagnose(table, source.segments, delimiters, complete=False).steps
        else:
            parts = (text.split(delimiters.element) for text in source.segments)
            steps = [Step(number, values, None, 0) for number, values in enumerate(parts, 1)]
        by_segment: dict[int, list[Problem]] = {}
        for problem in event.problems:
            number = problem.location.segment or 0
            by_segment.setdefault(number if number <= len(steps) else 0, []).append(problem)
        rows: list[Row] = []
        loop, depth = "", 2
        for step, text in zip(steps, source.segments, strict=True):
            segment, usage = None, ""
            if table and step.position is not None:
                place = table.positions[step.position]
                segment, loop, depth = place.segment, place.loop.address, 2 + place.loop.depth
                # A segment that begins a loop is as mandatory as the loop.
                begins = place.trigger and place.loop.parent
                usage = place.loop.loop.usage if begins else segment.usage
            at = {"number": step.number, "loop": loop, "depth": depth, "offset": source.offset(step.number)}
            mine = by_segment.get(step.number, [])
            rows.append(_row(step.parts, segment, delimiters, mine, usage, text=text, **at))
        rest = tuple(by_segment.get(0, ()))
        return AnnotatedSet(event.set_id, event.control_number, event.guide, event.verdict, tuple(rows), rest)


def _plain(source: Source, at: int) -> Iterator[Row]:
    """The segments of a set from the one around a byte on, without names."""
    first = max(1, bisect_right(range(1, len(source.segments) + 1), at, key=source.offset))
    for number, text in enumerate(source.segments[first - 1 :], first):
        parts = text.split(source.delimiters.element)
        place = {"number": number, "loop": "", "depth": 2, "offset": source.offset(number), "text": text}
        yield replace(_row(parts, None, source.delimiters, [], "", **place), known=True)


def _offset(problem: Problem) -> int:
    return problem.location.offset or 0


def _row(
    parts: list[str],
    segment: Segment | None,
    delimiters: Delimiters,
    problems: list[Problem],
    usage: str,
    **place: Any,
) -> Row:
    name = parts[0]
    own = [p for p in problems if p.location.element is None or p.location.segment_id != name]
    rest = [p for p in problems if p not in own]
    elements = segment.elements if segment else ()
    cells: list[Cell] = []
    for index, value, element, mine in _numbered(parts[1:], elements, rest, "element"):
        before = parts[index - 1] if 1 < index <= len(parts) else ""
        cells += _cells(f"{name[:10]}{index:02d}", element, value, mine, delimiters, before)
    return Row(
        segment_id=name,
        name=segment.name if segment else "",
        usage=_USAGE.get(usage, ""),
        known=segment is not None,
        elements=tuple(cells),
        problems=tuple(own),
        **place,
    )


def _numbered(
    values: list[str], definitions: tuple[Element, ...], problems: list[Problem], part: str
) -> Iterator[tuple[int, str, Element | None, list[Problem]]]:
    """The elements of a segment, or components of a composite, that are filled or have a problem, from 1."""
    last = max([len(values), *(getattr(p.location, part) or 0 for p in problems)])
    every = zip(range(1, last + 1), chain(values, repeat("")), chain(definitions, repeat(None)))
    for index, value, definition in every:
        mine = [p for p in problems if getattr(p.location, part) == index]
        if value or mine:
            yield index, value, definition, mine


def _cells(
    ref: str,
    element: Element | None,
    value: str,
    problems: list[Problem],
    delimiters: Delimiters,
    before: str,
) -> Iterator[Cell]:
    """The cells of one element: one, or one for each repetition and component."""
    may_repeat = element is None or (element.repeat != 1 and element.type != "B")
    components = element.components if element else ()
    divided = element is None and delimiters.component and delimiters.component in value
    if may_repeat and delimiters.repetition and delimiters.repetition in value:
        single = replace(delimiters, repetition="")
        for number, one in enumerate(value.split(delimiters.repetition), 1):
            mine = [p for p in problems if (p.location.repetition or 1) == number]
            for cell in _cells(ref, element, one, mine, single, before):
                yield replace(cell, repetition=number)
    elif components or divided:
        if own := [p for p in problems if p.location.component is None]:
            yield _cell(ref, element, value, own)
        values = value.split(delimiters.component) if delimiters.component else [value]
        for index, one, component, mine in _numbered(values, components, problems, "component"):
            yield _cell(f"{ref}-{index}", component, one, mine)
    else:
        yield _cell(ref, element, value, problems, before)


def _cell(ref: str, element: Element | None, value: str, problems: list[Problem], before: str = "") -> Cell:
    if element is None:
        return Cell(ref, "", value, problems=tuple(problems))
    meaning, usage = _meaning(element, value, before), _USAGE.get(element.usage, "")
    return Cell(ref, element.name, value, meaning, usage, None, tuple(problems))


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
        words = [date_words(part) for part in value.split("-")]
        return " to ".join(words) if all(words) else ""
    if form[:1] == "N" and form[1:] not in ("", "0") and INTEGER.fullmatch(value):
        places, digits = int(form[1:]), value.removeprefix("-")
        digits = digits.zfill(places + 1)
        return f"{'-' * value.startswith('-')}{digits[:-places].lstrip('0') or '0'}.{digits[-places:]}"
    return ""


def date_words(value: str) -> str:
    """``20260218`` as ``18 February 2026``, ``260218`` as ``18 February '26``; empty if it is no date."""
    if not is_date(value):
        return ""
    year = value[:4] if len(value) == 8 else f"'{value[:2]}"
    return f"{int(value[-2:])} {_MONTHS.split()[int(value[-4:-2]) - 1]} {year}"


def time_words(value: str) -> str:
    """``093015`` as ``09:30:15``; empty if it is no time."""
    if not is_time(value):
        return ""
    seconds = f":{value[4:6]}" if len(value) > 4 else ""
    return f"{value[:2]}:{value[2:4]}{seconds}" + (f".{value[6:]}" if len(value) > 6 else "")
