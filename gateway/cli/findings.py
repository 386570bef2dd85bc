"""Problems and verdicts in words for a terminal, each problem beside the segment it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.cli.output import Style, count, visible
from gateway.errors import Location, Problem, Severity
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import Event, GroupTrailer, InterchangeTrailer, TransactionSet, Verdict
from gateway.x12.report import problems_of

MAX_SHOWN = 20
"""Problems shown of one transaction set; --json has all."""

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


def of(event: Event, style: Style, indent: str, *, remarks: bool = True) -> Iterator[str]:
    """The problems of an event in lines; of a transaction set the first :data:`MAX_SHOWN`.

    Args:
        remarks: also what is neither error nor warning.
    """
    found = [one for one in problems_of(event) if remarks or one.severity is not Severity.INFO]
    marks, segments, more = Delimiters(), [""], 0
    match event:
        case TransactionSet():
            marks = event.interchange.delimiters
            segments = _segments(event.text, marks) if found else []
            found.sort(key=lambda one: one.location.offset or 0)
            more = len(found) - MAX_SHOWN
        case GroupTrailer():
            marks = event.header.interchange.delimiters
        case InterchangeTrailer():
            marks = event.header.delimiters
    for problem in found[:MAX_SHOWN] if more > 0 else found:
        number = problem.location.segment or 0
        segment = segments[number - 1] if 0 < number <= len(segments) else ""
        if problem.location.segment_id == "ISA" and isinstance(event, InterchangeTrailer):
            segment = marks.element.join(event.header.elements)
        yield from _described(problem, segment, marks, style, indent)
    if more > 0:
        yield f"{indent}and {count(more, 'more problem')} of this set; --json has all"


def _segments(text: str, marks: Delimiters) -> list[str]:
    """The segments of a set as they stand in the file, blanks and line ends around them taken off."""
    if not marks.terminator:
        return []
    blanks = "".join(c for c in " \t\r\n\x00" if c not in marks.element + marks.terminator)
    return [part.lstrip(blanks).rstrip("\r\n") for part in text.split(marks.terminator)]


def _described(problem: Problem, segment: str, marks: Delimiters, style: Style, indent: str) -> Iterator[str]:
    """A problem in lines: what and where, the words, the segment with a mark if it is known, what to do."""
    paint = {Severity.ERROR: style.red, Severity.WARNING: style.yellow}.get(problem.severity, style.blue)
    where = _place(problem.location)
    yield f"{indent}{paint(problem.severity.value)} {style.bold(problem.code)}{where and f' at {where}'}"
    indent += "  "
    yield indent + visible(problem.message)
    if problem.value and problem.value not in problem.message:
        shown = problem.value if len(problem.value) <= _WIDTH else problem.value[: _WIDTH - 1] + "…"
        if repr(shown)[1:-1] not in problem.message:
            yield f"{indent}value: {visible(shown)!r}"
    if segment:
        yield from (f"{indent}  {line}" for line in _snippet(problem, segment, marks, style))
    if problem.hint:
        yield indent + style.dim(visible(problem.hint))


def _place(at: Location) -> str:
    """Where a problem is: X12 address, loop, position, line, byte."""
    named = {"loop": at.loop if at.loop != at.segment_id else None, "segment": at.segment}
    named |= {"line": at.line, "byte": at.offset}
    parts = [at.address, *(f"{name} {value}" for name, value in named.items() if value not in (None, ""))]
    return visible(", ".join(part for part in parts if part))


def _snippet(problem: Problem, segment: str, marks: Delimiters, style: Style) -> tuple[str, str]:
    """The segment, cut where it is long, and below it a mark under the element or component at fault."""
    at = problem.location
    same = segment.split(marks.element, 1)[0] == at.segment_id
    start, end = _span(segment, at, marks) if same else (0, len(segment.split(marks.element, 1)[0]))
    first = max(0, min(start - _LEAD, len(segment) - _WIDTH)) if end > _WIDTH else 0
    head, text = "…" if first else "", visible(segment[first : first + _WIDTH])
    tail = "…" if first + _WIDTH < len(segment) else ""
    mark = "^" * max(1, min(end, first + _WIDTH) - start)
    missing = not same and (problem.ack.ak3 == "3" or problem.ack.ak5 == "2")
    note = f" {at.segment_id} belongs before this segment" if missing else ""
    line, begin = f"{head}{text}{tail}", len(head) + start - first
    end = begin + len(mark)
    return line[:begin] + style.red(line[begin:end]) + line[end:], " " * begin + style.red(mark) + visible(
        note
    )


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
