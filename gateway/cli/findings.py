"""Verdicts and problems in words for a terminal, each problem beside the segment it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.cli.output import Style, count, cut, visible
from gateway.errors import Location, Problem, Severity
from gateway.x12 import envelope as x12
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import Event, TransactionSet, Verdict
from gateway.x12.source import source_of

MAX_SHOWN = 20
"""Problems shown of one transaction set; --json has all."""

_LISTED = 20  # accepted transaction sets listed one by one in each group; more are counted
_WIDTH = 96
_LEAD = 24  # characters kept before a marked element when a long segment is cut


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
            case x12.InterchangeHeader(elements=()):
                yield f"  {style.bold('Interchange')} without an ISA segment"
            case x12.InterchangeHeader(usage=code):
                ends = (f"{party.qualifier}/{party.id}" for party in (event.sender, event.receiver))
                usage = {"P": "production", "T": "test", "I": "information"}.get(code, f"usage {code!r}")
                about = f"{event.control_number} from {' to '.join(ends)}, version {event.version}, {usage}"
                yield f"  {style.bold('Interchange')} {visible(about)}"
            case x12.GroupHeader():
                accepted = 0
                name = f"{event.functional_id} {event.control_number}"
                yield visible(f"    Functional group {name}, version {event.version or '(none)'}")
            case TransactionSet():
                guide = f"guide {event.guide}" if event.guide else "no guide"
                about = f"{event.set_id} {event.control_number}, {count(event.segments, 'segment')}, {guide}"
                yield f"      {visible(about)}: {verdict_words(event.verdict, style)}"
                yield from of(event, style, "        ")
            case x12.GroupTrailer(verdict=verdict):
                yield from of(event, style, "      ")
                sets = f"{event.accepted} of {count(event.received, 'transaction set')} without errors"
                called = f"Functional group {visible(event.header.control_number)}"
                yield f"    {called}: {verdict_words(verdict, style)}, {sets}"
            case x12.InterchangeAcknowledgment():
                yield f"    TA1: {visible(' '.join(event.elements[1:]))}"
                yield from of(event, style, "      ")
            case x12.InterchangeTrailer():
                yield from of(event, style, "    ")
                words = verdict_words(event.verdict, style)
                yield f"  Interchange {visible(event.header.control_number)}: {words}"
            case x12.FileProblem():
                yield from of(event, style, "  ")


def of(event: Event, style: Style, indent: str, *, remarks: bool = True) -> Iterator[str]:
    """The problems of an event in lines; of a transaction set the first :data:`MAX_SHOWN`.

    Without ``remarks`` only errors and warnings.
    """
    found = [one for one in event.problems if remarks or one.severity is not Severity.INFO]
    more, marks = 0, Delimiters()
    segments: dict[int | str | None, str] = {}
    match event:
        case TransactionSet(interchange=header) if found:
            marks, more = header.delimiters, len(found) - MAX_SHOWN
            found = sorted(found, key=lambda one: one.location.offset or 0)[:MAX_SHOWN]
            segments.update(enumerate(source_of(event).segments, 1))
        case x12.InterchangeTrailer(header=header):
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
