"""Chunks of bytes to checked interchanges: the one way into the X12 core.

A :class:`Parser` checks the envelope itself and leaves each transaction set to the engine of its guide.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import itemgetter
from typing import Any, Protocol

from gateway.errors import Ack, Location, Problem, Severity
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import MAX_PROBLEMS
from gateway.x12.elements import fault
from gateway.x12.envelope import (
    Event,
    FileProblem,
    GroupHeader,
    GroupTrailer,
    InterchangeAcknowledgment,
    InterchangeHeader,
    InterchangeTrailer,
    PartyId,
    TransactionSet,
    Verdict,
)
from gateway.x12.guide import Segment
from gateway.x12.problems import problem
from gateway.x12.reader import (
    MAX_SET_BYTES,
    EnvelopeSegment,
    Foreign,
    Isa,
    Piece,
    Reader,
    SetText,
    Surroundings,
)
from gateway.x12.source import Source
from gateway.x12.table import Table

#: TA105 for a fault in ISA01 to ISA16 (X12 004010, data element I18).
_TA1 = {
    1: "010", 2: "011", 3: "012", 4: "013", 5: "005", 6: "006", 7: "007", 8: "008",
    9: "014", 10: "015", 11: "016", 12: "017", 13: "018", 14: "019", 15: "020", 16: "027",
}  # fmt: skip
#: Functional identifier codes (GS01, data element 479) of the sets a retail supplier meets.
GROUP_OF_SET = {
    "850": "PO", "855": "PR", "856": "SH", "810": "IN", "820": "RA", "860": "PC", "865": "CA",
    "846": "IB", "824": "AG", "864": "TX", "997": "FA", "999": "FA", "830": "PS", "852": "PD",
    "940": "OW", "943": "AR", "944": "RE", "945": "SW", "204": "SM", "210": "IM", "214": "QM",
    "990": "GF", "816": "OR", "832": "SC", "840": "RQ", "843": "RR", "862": "SS", "753": "RF", "754": "RG",
}  # fmt: skip

_ST, _ST01, _ST02 = (Location(segment=1, segment_id="ST", element=element) for element in (None, 1, 2))

TECHNICAL = "TA1"
"""The acknowledgment of an interchange: no transaction set, but read like one of a single segment."""

ENVELOPE_RELEASE = "004010"
"""The release whose control map serves for ISA, GS, TA1 and their trailers; they are the same in all."""

_MAX_KINDS = 1_000  # kinds of set (GS08 and ST01) remembered for one interchange; hostile files name more


class Engine(Protocol):
    """Checks the segments of one kind of transaction set, fast; made from a guide and perhaps a mapping."""

    name: str
    table: Table

    @property
    def translates(self) -> bool:
        """Whether documents can be made."""

    def check(
        self, segments: list[str], delimiters: Delimiters, document: dict[str, Any] | None
    ) -> tuple[Problem, ...] | None:
        """Remarks on a set without errors (mostly none); None where it must be explained.

        ``document`` is filled in passing, where one is given.
        """

    def explain(self, segments: list[str], delimiters: Delimiters, *, complete: bool = True) -> list[Problem]:
        """Every problem of a set; ``complete`` is False where SE is missing."""


class GuideSource(Protocol):
    """Finds what is needed to check a transaction set."""

    def engine(self, version: str, set_id: str, *, documents: bool) -> Engine | None:
        """The engine for GS08 and ST01, None without a guide."""

    def table(self, version: str, set_id: str) -> Table | None:
        """The compiled guide for GS08 and ST01, None without one."""

    def envelope_segment(self, name: str) -> Segment | None:
        """The definition of ISA, GS, GE, IEA or TA1."""


def combined(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole from those of its parts."""
    found = set(verdicts)
    if found <= {Verdict.ACCEPTED}:
        return Verdict.ACCEPTED
    return Verdict.REJECTED if found == {Verdict.REJECTED} else Verdict.ACCEPTED_WITH_ERRORS


Begin = Callable[[], dict[str, Any]]  # makes what a document begins with, see document_envelope
Checked = tuple[tuple[Problem, ...] | None, dict[str, Any] | None]  # remarks as of Engine.check, and document


def checked(engine: Engine, source: Source, begin: Begin | None) -> Checked:
    """Remarks on a set and, where it has a beginning, its document.

    Blanks around segments are taken out only where the set cannot be read as it stands.
    """
    while True:
        document = begin() if begin is not None else None
        delimiters = source.delimiters
        remarks = engine.check(source.segments, delimiters, document) if source.piece.complete else None
        if remarks is not None or not source.tidy():
            return remarks, document


@dataclass(slots=True)
class NumberSet:
    """Control numbers seen so far, kept as runs, so that a million in a row take no memory."""

    runs: dict[int, list[list[int]]] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def add(self, text: str) -> bool:
        """Notes a control number; False if it was there before."""
        if not (text.isascii() and text.isdigit()) or len(text) > 20:
            known = text in self.others
            self.others.add(text)
            return not known
        number, runs = int(text), self.runs.setdefault(len(text), [])
        at = bisect_right(runs, number, key=itemgetter(0)) - 1
        if at >= 0 and number <= runs[at][1]:
            return False
        if at >= 0 and runs[at][1] == number - 1:
            runs[at][1] = number
        elif at + 1 < len(runs) and runs[at + 1][0] == number + 1:
            runs[at + 1][0] = number
        else:
            runs.insert(at + 1, [number, number])
        return True


@dataclass(slots=True)
class _Group:
    header: GroupHeader
    problems: list[Problem]
    control_numbers: NumberSet = field(default_factory=NumberSet)
    received: int = 0
    accepted: int = 0
    noted: bool = False


@dataclass(slots=True)
class _Interchange:
    header: InterchangeHeader
    problems: list[Problem]
    fragment: bool = False
    group_numbers: NumberSet = field(default_factory=NumberSet)
    verdicts: set[Verdict] = field(default_factory=set)
    groups: int = 0
    acknowledgments: int = 0
    remarked: set[str] = field(default_factory=set)

    def first(self, remark: str) -> bool:
        """Whether a remark is to be made: each once for an interchange."""
        size = len(self.remarked)
        self.remarked.add(remark)
        return len(self.remarked) > size


class Parser:
    """Checks a stream of X12. Bad input never raises; it becomes problems.

    Args:
        guides: where guides (and mappings) come from.
        documents: also make the internal document of every accepted set.
        max_set_bytes: limit of one transaction set.
        guides_of: the guides for one interchange, where its sender has some of its own.
        check: what asks the engine, where that is not done here.
    """

    def __init__(
        self,
        guides: GuideSource,
        *,
        documents: bool = False,
        max_set_bytes: int = MAX_SET_BYTES,
        guides_of: Callable[[InterchangeHeader], GuideSource] | None = None,
        check: Callable[[Engine, Source, Begin | None], Checked] = checked,
    ) -> None:
        self._guides = guides
        self._guides_of = guides_of
        self._documents = documents
        self._check = check
        self._limit = max_set_bytes
        self._reader = Reader(max_set_bytes)
        self._interchange: _Interchange | None = None
        self._group: _Group | None = None
        self._engines: dict[tuple[str, str], Engine | None] = {}
        self._interchanges: dict[tuple[PartyId, PartyId], NumberSet] = {}
        self._bytes = 0
        self._line = 1
        self._start = ""
        self._found = False
        self._foreign: list[FileProblem] = []

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are complete with this chunk of the file."""
        self.note(data)
        for piece in self._reader.feed(data):
            yield from self.take(piece)

    def note(self, data: bytes) -> None:
        """Takes note of a chunk that is read elsewhere and comes as pieces (:meth:`take`)."""
        if len(self._start) < 60:
            self._start += data[:60].decode("latin-1")
        self._bytes += len(data)
        self._line += data.count(b"\n")

    def close(self) -> Iterator[Event]:
        """The events that the end of the file completes."""
        for piece in self._reader.close():
            yield from self.take(piece)
        yield from self._end_interchange(None, Location(offset=self._bytes, line=self._line))
        if not self._found:
            sample = self._start[:40]
            code = "X12-NOT-X12" if sample.strip("\ufeff\xef\xbb\xbf \t\r\n\x0b\x0c\x00") else "X12-EMPTY"
            yield FileProblem(problem(code, Location(offset=0, line=1), value=sample, count=self._bytes))

    def take(self, piece: Piece) -> Iterator[Event]:
        """The events of one piece that a reader has cut."""
        match piece:
            case SetText():
                yield self._set(piece)
            case EnvelopeSegment():
                yield from self._envelope_segment(piece)
            case Isa():
                yield from self._isa(piece)
            case Foreign(is_isa=True):
                self._found = True
                where = Location(segment_id="ISA", offset=piece.offset, line=piece.line)
                yield FileProblem(problem("X12-ISA-TRUNCATED", where, value=piece.sample[:106]))
            case Foreign():
                where = Location(offset=piece.offset, line=piece.line)
                found = problem("X12-FOREIGN-TEXT", where, value=piece.sample[:40], count=piece.count)
                if self._found:
                    yield FileProblem(found)
                elif len(self._foreign) < MAX_PROBLEMS:
                    self._foreign.append(FileProblem(found))  # told once it is clear that this is X12 at all
            case Surroundings(bom=bom, blanks=blanks):
                if bom:
                    yield FileProblem(problem("X12-BOM", Location(offset=0, line=1)))
                if blanks:
                    yield FileProblem(problem("X12-BLANKS", Location(offset=0, line=1), count=blanks))

    def _isa(self, piece: Isa) -> Iterator[Event]:
        place = Location(offset=piece.offset, line=piece.line)
        yield from self._end_interchange(None, place)
        self._found = True
        yield from self._foreign
        self._foreign.clear()
        values = [element.strip() for element in piece.elements] or [""] * 17
        sender, receiver = PartyId(values[5], values[6]), PartyId(values[7], values[8])
        date, time, _, version, number, ack, usage = values[9:16]
        where = replace(place, interchange=number or None, segment_id=None if piece.fragment else "ISA")
        about = piece.delimiters, piece.elements, piece.offset
        header = InterchangeHeader(number, sender, receiver, version, usage, date, time, ack == "1", *about)
        if self._guides_of is not None:
            self._guides = self._guides_of(header)
            self._engines = {}
        found: list[Problem] = []
        if piece.widths:
            found.append(problem("X12-ISA-WIDTH", where, widths=piece.widths))
        if piece.separators:
            found.append(problem("X12-ISA-SEPARATOR", where, what=piece.separators))
        if piece.wrapped:
            found.append(problem("X12-WRAPPED", where))
        if not piece.fragment:
            found += envelope_faults(self._guides.envelope_segment("ISA"), piece.elements, where)
            seen = self._interchanges.setdefault((sender, receiver), NumberSet())
            if number and not seen.add(number):
                place = _element_place(where, piece.elements, 13)
                found.append(problem("X12-ISA-DUPLICATE", place, value=number))
        self._interchange = _Interchange(header, found, piece.fragment)
        yield header

    def _envelope_segment(self, piece: EnvelopeSegment) -> Iterator[Event]:
        interchange = self._interchange
        if interchange is None:
            return
        values = tuple(piece.text.split(interchange.header.delimiters.element))
        number, group = interchange.header.control_number or None, self._group
        where = Location(number, group.header.control_number if group else None, offset=piece.offset)
        where = replace(where, segment_id=values[0][:10] or None, line=piece.line)
        match values[0]:
            case "GS":
                yield from self._gs(values, where, interchange)
            case "GE" if self._group is not None:
                yield self._end_group(values, where)
            case "TA1":
                interchange.acknowledgments += 1
                yield self._technical(values, piece.text, where, interchange)
            case "IEA" if not interchange.fragment:
                yield from self._end_interchange(values, where)
            case "GE" | "IEA" | "SE" if interchange.fragment:
                pass  # the trailer of what had no header is part of the fault already reported
            case name:
                value, name = piece.text[:60], name[:20].strip()
                interchange.problems.append(problem("X12-STRAY-SEGMENT", where, value=value, segment=name))

    def _gs(self, values: tuple[str, ...], where: Location, interchange: _Interchange) -> Iterator[Event]:
        if self._group is not None:
            yield self._end_group(None, where)
        kind, sender, receiver, date, time, number, agency, version = (_get(values, i) for i in range(1, 9))
        version, offset, around = version.strip(), where.offset or 0, interchange.header
        header = GroupHeader(
            kind, sender, receiver, date, time, number, agency, version, values, offset, around
        )
        where = replace(where, group=number)
        if interchange.fragment and interchange.groups == 0 and not interchange.problems:
            interchange.problems.append(problem("X12-NO-ISA", where, segment="GS"))
        found = list(envelope_faults(self._guides.envelope_segment("GS"), values, where))
        if not interchange.group_numbers.add(f"{kind}\x00{number}"):
            found.append(problem("X12-GS-DUPLICATE", _element_place(where, values, 6), value=number))
        interchange.groups += 1
        self._group = _Group(header, found)
        yield header

    def _technical(
        self, values: tuple[str, ...], text: str, where: Location, interchange: _Interchange
    ) -> InterchangeAcknowledgment:
        """A TA1; one with an error is told of, but nothing answers it."""
        header, engine = interchange.header, self._engine(ENVELOPE_RELEASE, TECHNICAL)
        if engine is None:
            return InterchangeAcknowledgment(values, where.offset or 0, header)
        makes = self._documents and engine.translates
        document = document_envelope(header, None, "") if makes else None
        segments = ["ST", text, "SE"]
        remarks = engine.check(segments, header.delimiters, document)
        if remarks is None:
            interchange.verdicts.add(Verdict.REJECTED)
            document, remarks = None, tuple(engine.explain(segments, header.delimiters))
        places = (_element_place(where, values, one.location.element or 0) for one in remarks)
        problems = tuple(replace(one, ack=Ack(), location=place) for one, place in zip(remarks, places))
        return InterchangeAcknowledgment(values, where.offset or 0, header, problems, document)

    def _engine(self, version: str, set_id: str) -> Engine | None:
        key = (version, set_id)
        if key not in self._engines:
            if len(self._engines) == _MAX_KINDS:
                self._engines.clear()
            self._engines[key] = self._guides.engine(version, set_id, documents=self._documents)
        return self._engines[key]

    def _end_group(self, values: tuple[str, ...] | None, where: Location) -> GroupTrailer:
        """``values`` are those of the trailer; without them ``where`` is what ends the group instead."""
        group, self._group = self._group, None
        assert group is not None
        found, header = group.problems, group.header
        declared, control_number = None, header.control_number
        if values is None:
            interchange = header.interchange.control_number or None
            place = replace(where, interchange=interchange, group=control_number, segment_id="GE")
            found.append(problem("X12-GE-MISSING", place, value=control_number))
        else:
            found += _trailer_faults(values, group.received, control_number, where)
            declared = int(_get(values, 1)) if re.fullmatch(r"[0-9]{1,9}", _get(values, 1)) else None
        verdict = Verdict.ACCEPTED
        if any(p.is_error for p in found) or (group.received and not group.accepted):
            verdict = Verdict.REJECTED
        elif group.accepted < group.received or group.noted:
            verdict = Verdict.ACCEPTED_WITH_ERRORS
        if self._interchange is not None:
            self._interchange.verdicts.add(verdict)
        return GroupTrailer(header, verdict, tuple(found), declared, group.received, group.accepted)

    def _end_interchange(self, values: tuple[str, ...] | None, where: Location) -> Iterator[Event]:
        interchange = self._interchange
        if interchange is None:
            return
        if self._group is not None:
            yield self._end_group(None, where)
        self._interchange = None
        found, header = interchange.problems, interchange.header
        if interchange.fragment:
            if not any(p.code == "X12-NO-ISA" for p in found):
                found.append(problem("X12-NO-ISA", Location(offset=header.offset), segment="ST"))
        elif values is None:
            place = replace(where, interchange=header.control_number, segment_id="IEA")
            found.append(problem("X12-IEA-MISSING", place, value=header.control_number))
        else:
            # An interchange that only acknowledges may count its TA1 segments.
            counted = interchange.groups or (interchange.acknowledgments if _get(values, 1).strip("0") else 0)
            found += _trailer_faults(values, counted, header.control_number, where)
            if not interchange.groups and not interchange.acknowledgments and not found:
                found.append(problem("X12-NO-GROUPS", where))
        in_error = any(p.is_error for p in found)
        verdict = Verdict.REJECTED if in_error else combined(interchange.verdicts)
        yield InterchangeTrailer(header, verdict, tuple(found), interchange.groups)

    def _set(self, piece: SetText) -> TransactionSet:
        interchange, group = self._interchange, self._group
        assert interchange is not None
        header, delimiters = interchange.header, interchange.header.delimiters
        source = Source(piece, delimiters)
        begin = source.segments[0].split(delimiters.element)
        set_id, control_number, implementation = (_get(begin, index) for index in (1, 2, 3))
        implementation = implementation.strip()
        found: list[Problem] = []
        about = group.header if group is not None else None
        version = about.version if about is not None else ""
        engine = self._engine(version, set_id) if set_id != TECHNICAL else None
        document: dict[str, Any] | None = None
        envelope = partial(document_envelope, header, about, control_number, implementation)
        if piece.too_large:
            found.append(problem("X12-SET-TOO-LARGE", _ST, limit=self._limit))
        else:
            found += _frame_faults(begin, source)
            for number in dict.fromkeys(source.wrong_lengths):
                name = source.segments[number - 1][:3]
                where = Location(segment=number, segment_id=name, element=1 if name == "BIN" else 2)
                found.append(problem("X12-BINARY-LENGTH", where, segment=name))
            if engine is None:
                told = version or "(none)"
                found.append(problem("X12-NO-GUIDE", _ST01, value=set_id, set=set_id, version=told))
            else:
                makes = self._documents and engine.translates and not any(p.is_error for p in found)
                remarks, document = self._check(engine, source, envelope if makes else None)
                if remarks is None:
                    document = None
                    found += engine.explain(source.segments, delimiters, complete=piece.complete)
                    if not any(p.is_error for p in found):
                        found.append(problem("X12-INTERNAL", _ST))
                else:
                    found += remarks
        segments = source.segments
        release = engine.table.guide.release if engine is not None else version
        other = group is not None and not version.startswith(release)
        if other and interchange.first(f"release {version} {set_id}"):
            words: dict[str, Any] = {"set": set_id, "version": version, "release": release}
            found.append(problem("X12-NEAREST-GUIDE", _ST01, value=version, **words))
        found += _place_faults(interchange, group, set_id, control_number)
        if not piece.text.isascii() and interchange.first("X12-CHARSET"):
            found.append(_charset_problem(segments, delimiters))
        if source.wrapped and header.elements and interchange.first("X12-WRAPPED") and not piece.breaks:
            found.append(problem("X12-WRAPPED", _ST))
        rejected = interchange.fragment or any(p.is_error for p in found)
        noted = any(p.ack.ak3 or p.ack.ak5 for p in found if p.code != "X12-NO-GUIDE")
        verdict = Verdict.ACCEPTED_WITH_ERRORS if noted else Verdict.ACCEPTED
        if rejected:
            document, verdict = None, Verdict.REJECTED
        if group is None:
            interchange.verdicts.add(Verdict.REJECTED)
        else:
            group.received += 1
            group.accepted += not rejected
            group.noted |= noted
        numbers = {
            "interchange": header.control_number or None,
            "group": about.control_number if about else None,
            "transaction_set": control_number or None,
        }
        return TransactionSet(
            set_id=set_id,
            control_number=control_number,
            segments=len(segments) - segments.count(""),
            guide=engine.name if engine else None,
            verdict=verdict,
            problems=tuple(_located(p, source, numbers) for p in found),
            document=document,
            text=piece.text,
            offset=piece.offset,
            line=piece.line,
            group=about,
            interchange=header,
            implementation=implementation,
        )


def _place_faults(
    interchange: _Interchange, group: _Group | None, set_id: str, control_number: str
) -> Iterator[Problem]:
    """A set outside a group or an interchange, twice in its group, or in a group of another kind."""
    if group is not None:
        if control_number and not group.control_numbers.add(control_number):
            yield problem("X12-ST-DUPLICATE", _ST02, value=control_number)
        value = group.header.functional_id
        expected = GROUP_OF_SET.get(set_id, value)
        if value != expected and interchange.first(f"GS01 {group.header.control_number} {set_id}"):
            yield problem("X12-GS-SET", _ST01, value=value, set=set_id, expected=expected)
    elif not interchange.fragment:
        yield problem("X12-NO-GS", _ST, value=control_number)
    elif not interchange.problems:
        place = Location(segment_id="ST", offset=interchange.header.offset)
        interchange.problems.append(problem("X12-NO-ISA", place, segment="ST"))


def _located(found: Problem, source: Source, numbers: dict[str, str | None]) -> Problem:
    at = found.location
    offset = source.offset(at.segment or 1, at.element, at.component)
    return found.at(offset=offset, line=source.line(offset), **numbers)


def _frame_faults(begin: list[str], source: Source) -> Iterator[Problem]:
    """ST02 against SE02, SE01 against the number of segments (X12.6)."""
    control, segments = _get(begin, 2), source.segments
    size = len(control)
    if not 0 < size <= 9:
        yield problem("X12-ST-CONTROL", _ST02, value=control, data_element="329")
    elif size < 4:
        name = "Transaction Set Control Number"
        short = problem("X12-ELEMENT-SHORT", _ST02, value=control, ref="ST02", name=name, count=size, limit=4)
        yield replace(short, severity=Severity.WARNING, ack=Ack(ak5="7"), data_element="329")
    if not _get(begin, 1):
        yield problem("X12-ST-ID", _ST01, value="", data_element="143")
    # An empty segment (two terminators in a row) is reported, but counts for nothing.
    number = len(segments) - segments.count("")
    if not source.piece.complete:
        where = Location(segment=number + 1, segment_id="SE")
        yield problem("X12-SE-MISSING", where, value=control)
        return
    end = segments[-1].split(source.delimiters.element)
    if end[1:3] != [str(number), control]:
        where = Location(segment=number, segment_id="SE")
        yield from _trailer_faults(end, number, control, where)


#: Elements judged apart: widths and separators of ISA, and the open lists of versions and groups.
_NOT_JUDGED = {"ISA": (2, 4, 11, 12, 16), "GS": (1, 8)}

_WHAT = {
    "X12-ELEMENT-CODE": "is not in the list of codes",
    "X12-ELEMENT-DATE": "is not a date",
    "X12-ELEMENT-TIME": "is not a time",
    "X12-ELEMENT-CHARACTER": "holds a character that is not allowed",
}


def envelope_faults(definition: Segment | None, values: Sequence[str], where: Location) -> Iterator[Problem]:
    """Faults of single elements of ISA or GS.

    Args:
        definition: the segment in the control map; without it nothing is judged.
        values: the segment, its id first.
    """
    if definition is None:
        return
    name = definition.id
    code = "X12-ISA-ELEMENT" if name == "ISA" else "X12-GS-ELEMENT"
    for index, element in enumerate(definition.elements, 1):
        raw = _get(values, index)
        value = raw.strip() if name == "ISA" else raw
        if index in _NOT_JUDGED[name] or (not value and element.usage != "R"):
            continue
        found = fault(element, raw) if value else ("", {})
        if found is None or (name == "ISA" and found[0] in ("X12-ELEMENT-SHORT", "X12-ELEMENT-LONG")):
            continue
        if name == "GS" and index == 4 and len(value) == 6 and fault(element, "20" + value) is None:
            continue  # up to release 003072 group dates had six digits
        what = _WHAT.get(found[0], "has a wrong length") if value else "is empty"
        place, ack = _element_place(where, values, index), Ack(ta1=_TA1[index]) if name == "ISA" else None
        yield problem(code, place, value=value, ack=ack, ref=element.ref, name=element.name, what=what)


def _get(values: Sequence[str], index: int) -> str:
    return values[index] if index < len(values) else ""


def _element_place(where: Location, values: Sequence[str], element: int) -> Location:
    """The place of an element in an envelope segment; the end of the segment if it is not there."""
    before = sum(len(value) + 1 for value in values[:element]) - (element >= len(values))
    return replace(where, element=element, offset=None if where.offset is None else where.offset + before)


def _trailer_faults(values: Sequence[str], count: int, expected: str, where: Location) -> Iterator[Problem]:
    """A wrong count, and a control number that is not the header's: a warning if it is equal as a number."""
    stated, number = _get(values, 1), _get(values, 2)
    if not re.fullmatch(r"[0-9]{1,10}", stated) or int(stated) != count:
        place = _element_place(where, values, 1)
        yield problem(f"X12-{where.segment_id}-COUNT", place, value=stated, count=count)
    if number != expected:
        one, other = number.strip(), expected.strip()
        digits = re.fullmatch("[0-9]+", one) and re.fullmatch("[0-9]+", other)
        same = digits and one.lstrip("0") == other.lstrip("0")
        severity = Severity.WARNING if same else Severity.ERROR
        place, code = _element_place(where, values, 2), f"X12-{where.segment_id}-CONTROL"
        yield problem(code, place, value=number, expected=expected, severity=severity)


def _charset_problem(segments: list[str], delimiters: Delimiters) -> Problem:
    for number, text in enumerate(segments, 1):
        parts = [] if text.isascii() else text.split(delimiters.element)
        for index, value in enumerate(parts):
            if not value.isascii():
                where = Location(segment=number, segment_id=parts[0][:3], element=index or None)
                return problem("X12-CHARSET", where, value=value, where=where.address)
    return problem("X12-CHARSET", _ST, where="a separator")


def document_envelope(
    header: InterchangeHeader, group: GroupHeader | None, control_number: str, implementation: str = ""
) -> dict[str, Any]:
    """The part of a document that tells where it came from; the engine adds the rest."""
    parties = {"sender": header.sender.to_dict(), "receiver": header.receiver.to_dict()}
    control: dict[str, Any] = {"interchange": header.control_number, **parties}
    if group is not None:
        control = {
            "interchange": header.control_number,
            "group": group.control_number,
            "transaction": control_number,
            "version": group.version,
            **({"implementation": implementation} if implementation else {}),
            **parties,
            "group_sender": group.sender,
            "group_receiver": group.receiver,
        }
    return {"test": header.usage != "P", "control": control}  # I (information) is no order either
