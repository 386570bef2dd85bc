"""Verdicts and problems in words for a terminal, each problem beside the segment it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.cli.output import Style, count, cut, visible
from gateway.errors import Location, Problem, Severity
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import (
    Event,
    FileProblem,
    GroupHeader,
    GroupTrailer,
    InterchangeAcknowledgment,
    InterchangeHeader,
    InterchangeTrailer,
    TransactionSet,
    Verdict,
)
from gateway.x12.reader import SetText
from gateway.x12.report import problems_of
from gateway.x12.source import Source

MAX_SHOWN = 20
"""Problems shown of one transaction set; --json has all."""

_LISTED = 20
"""Accepted transaction sets listed one by one in each group; more are counted."""

_WIDTH = 96
_LEAD = 24
"""Characters kept before a marked element when a long segment is cut."""


def verdict_words(verdict: Verdict, style: Style) -> str:
    """A verdict in words and colour."""
    paints = {Verdict.ACCEPTED: style.green, Verdict.ACCEPTED_WITH_ERRORS: style.yellow}
    return paints.get(verdict, style.red)(verdict.replace("_", " "))


def counted(numbers: Mapping[Severity, int]) -> str:
    """``2 errors, 1 warning``; empty when there is nothing to count."""
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
    return ", ".join(count(numbers[s], word) for s, word in words.items() if numbers.get(s))


def lines(events: Iterable[Event], style: Style) -> Iterator[str]:
    """The report on a file for a person: a line on each part of it, its problems below."""
    accepted = hidden = 0
    for event in events:
        if isinstance(event, TransactionSet) and event.verdict is Verdict.ACCEPTED and not event.problems:
            accepted += 1
            if accepted > _LISTED:
                hidden += 1
                continue
        if hidden:
            yield f"      and {count(hidden, 'more transaction set')}, accepted"
            hidden = 0
        match event:
            case InterchangeHeader():
                yield f"  {style.bold('Interchange')} {_interchange_words(event)}"
            case GroupHeader():
                accepted = 0
                name = f"{event.functional_id} {event.control_number}"
                yield visible(f"    Functional group {name}, version {event.version or '(none)'}")
            case TransactionSet():
                guide = f"guide {event.guide}" if event.guide else "no guide"
                about = f"{event.set_id} {event.control_number}, {count(event.segments, 'segment')}, {guide}"
                yield f"      {visible(about)}: {verdict_words(event.verdict, style)}"
                yield from of(event, style, "        ")
            case GroupTrailer():
                yield from of(event, style, "      ")
                words = verdict_words(event.verdict, style)
                sets = f"{event.accepted} of {count(event.received, 'transaction set')} without errors"
                yield f"    Functional group {visible(event.header.control_number)}: {words}, {sets}"
            case InterchangeAcknowledgment():
                yield f"    TA1: {visible(' '.join(event.elements[1:]))}"
                yield from of(event, style, "      ")
            case InterchangeTrailer():
                yield from of(event, style, "    ")
                words = verdict_words(event.verdict, style)
                yield f"  Interchange {visible(event.header.control_number)}: {words}"
            case FileProblem():
                yield from of(event, style, "  ")


def _interchange_words(header: InterchangeHeader) -> str:
    if not header.elements:
        return "without an ISA segment"
    sender, receiver = (f"{party.qualifier}/{party.id}" for party in (header.sender, header.receiver))
    usage = {"P": "production", "T": "test", "I": "information"}.get(header.usage, f"usage {header.usage!r}")
    parties = f"{header.control_number} from {sender} to {receiver}"
    return visible(f"{parties}, version {header.version}, {usage}")


def of(event: Event, style: Style, indent: str, *, remarks: bool = True) -> Iterator[str]:
    """The problems of an event in lines; of a transaction set the first :data:`MAX_SHOWN`.

    Args:
        remarks: also what is neither error nor warning.
    """
    found = [one for one in problems_of(event) if remarks or one.severity is not Severity.INFO]
    more, marks = 0, Delimiters()
    segments: dict[int | str | None, str] = {}
    match event:
        case TransactionSet(interchange=header) if found:
            marks, more = header.delimiters, len(found) - MAX_SHOWN
            found = sorted(found, key=lambda one: one.location.offset or 0)[:MAX_SHOWN]
            piece = SetText(event.text, event.offset, event.line, complete=True)
            segments.update(enumerate(Source(piece, marks).segments, 1))
        case InterchangeTrailer(header=header):
            marks = header.delimiters
            segments["ISA"] = marks.element.join(header.elements)
    for problem in found:
        place = problem.location.segment or problem.location.segment_id
        yield from _described(problem, segments.get(place, ""), marks, style, indent)
    if more > 0:
        yield f"{indent}and {count(more, 'more problem')} of this set; --json has all"


def brief(problem: Problem, style: Style, lead: str, indent: str = "") -> Iterator[str]:
    """A problem in lines where its place is seen: the words, and what to do."""
    weight = style.severity(problem.severity, f"{problem.severity} {problem.code}")
    yield f"{lead}{weight}: {visible(problem.message)}"
    if problem.hint:
        yield f"{indent or lead + '  '}{style.dim(visible(problem.hint))}"


def _described(problem: Problem, segment: str, marks: Delimiters, style: Style, indent: str) -> Iterator[str]:
    """A problem in lines: what and where, the words, the segment with a mark if it is known, what to do."""
    at = problem.location
    named = {"loop": at.loop if at.loop != at.segment_id else None, "segment": at.segment}
    named |= {"line": at.line, "byte": at.offset}
    places = [at.address, *(f"{name} {value}" for name, value in named.items() if value not in (None, ""))]
    where = visible(", ".join(filter(None, places)))
    weight = style.severity(problem.severity, problem.severity)
    yield f"{indent}{weight} {style.bold(problem.code)}{where and f' at {where}'}"
    indent += "  "
    yield indent + visible(problem.message)
    if problem.value and problem.value not in problem.message:
        shown = cut(problem.value, _WIDTH)
        if repr(shown)[1:-1] not in problem.message:
            yield f"{indent}value: {visible(shown)!r}"
    if segment:
        yield from (f"{indent}  {line}" for line in _snippet(problem, segment, marks, style))
    if problem.hint:
        yield indent + style.dim(visible(problem.hint))


def _snippet(problem: Problem, segment: str, marks: Delimiters, style: Style) -> tuple[str, str]:
    """The segment, cut where it is long, and below it a mark under the element or component at fault."""
    at, name = problem.location, segment.split(marks.element, 1)[0]
    start, end = _span(segment, at, marks) if name == at.segment_id else (0, len(name))
    first = max(0, min(start - _LEAD, len(segment) - _WIDTH)) if end > _WIDTH else 0
    head, text = "…" if first else "", visible(segment[first : first + _WIDTH])
    line = head + text + ("…" if first + _WIDTH < len(segment) else "")
    begin, size = len(head) + start - first, max(1, min(end, first + _WIDTH) - start)
    missing = name != at.segment_id and (problem.ack.ak3 == "3" or problem.ack.ak5 == "2")
    note = visible(f" {at.segment_id} belongs before this segment") if missing else ""
    marked = line[:begin] + style.red(line[begin : begin + size]) + line[begin + size :]
    return marked, " " * begin + style.red("^" * size) + note


def _span(segment: str, at: Location, marks: Delimiters) -> tuple[int, int]:
    """From where to where an element or component stands; behind the last one if it is not there."""
    start, text = 0, segment
    number = at.component if at.element is not None else None
    for mark, index in ((marks.element, (at.element or 0) + 1), (marks.component, number)):
        if not mark or index is None:
            break
        parts = text.split(mark)
        if index > len(parts):
            return start + len(text), start + len(text) + 1
        start += sum(len(part) + len(mark) for part in parts[: index - 1])
        text = parts[index - 1]
    return start, start + len(text)
