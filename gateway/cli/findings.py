"""Problems and verdicts in words for a terminal, each problem beside the segment it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.cli.output import Style, count, visible
from gateway.errors import Problem, Severity
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import TransactionSet, Verdict

MAX_SHOWN = 20
"""Problems shown of one transaction set; --json has all."""

_WIDTH = 96
_LEAD = 24
"""Characters kept before a marked element when a long segment is cut."""

_VERDICTS = {
    Verdict.ACCEPTED: "accepted",
    Verdict.ACCEPTED_WITH_ERRORS: "accepted with errors",
    Verdict.REJECTED: "rejected",
    Verdict.UNREADABLE: "unreadable",
}


def verdict_words(verdict: Verdict, style: Style) -> str:
    """A verdict in words and colour."""
    paint = {Verdict.ACCEPTED: style.green, Verdict.ACCEPTED_WITH_ERRORS: style.yellow}.get(
        verdict, style.red
    )
    return paint(_VERDICTS[verdict])


def counted(problems: Sequence[Problem] | dict[Severity, int]) -> str:
    """``2 errors, 1 warning``; empty when there is nothing to count."""
    numbers = problems if isinstance(problems, dict) else _tally(problems)
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
    return ", ".join(count(numbers[s], word) for s, word in words.items() if numbers.get(s))


def _tally(problems: Sequence[Problem]) -> dict[Severity, int]:
    found = dict.fromkeys(Severity, 0)
    for problem in problems:
        found[problem.severity] += 1
    return found


def segments_of(text: str, delimiters: Delimiters) -> list[str]:
    """The segments of a set as they stand in the file, blanks and line ends around them taken off."""
    if not delimiters.terminator:
        return []
    blanks = "".join(c for c in " \t\r\n\x00" if c not in delimiters.element + delimiters.terminator)
    return [part.lstrip(blanks).rstrip("\r\n") for part in text.split(delimiters.terminator)]


def described(
    problem: Problem, segment: str | None, delimiters: Delimiters, style: Style, indent: str
) -> Iterator[str]:
    """A problem in lines: what and where, the words, the segment with a mark, what to do.

    Args:
        segment: text of the segment the problem is about, None if it is not known.
    """
    paint = {Severity.ERROR: style.red, Severity.WARNING: style.yellow}.get(problem.severity, style.blue)
    where = place(problem)
    at = f" at {where}" if where else ""
    yield f"{indent}{paint(problem.severity.value)} {style.bold(problem.code)}{at}"
    inner = indent + "  "
    yield inner + visible(problem.message)
    if problem.value and problem.value not in problem.message:
        shown = problem.value if len(problem.value) <= _WIDTH else problem.value[: _WIDTH - 1] + "…"
        if repr(shown)[1:-1] not in problem.message:
            yield f"{inner}value: {visible(shown)!r}"
    if segment:
        yield from (f"{inner}  {line}" for line in snippet(problem, segment, delimiters, style))
    if problem.hint:
        yield inner + style.dim(visible(problem.hint))


def place(problem: Problem) -> str:
    """Where a problem is: X12 address, position, line, byte."""
    at = problem.location
    parts = [at.address]
    if at.loop and at.loop != at.segment_id:
        parts.append(f"loop {at.loop}")
    if at.segment is not None:
        parts.append(f"segment {at.segment}")
    if at.line is not None:
        parts.append(f"line {at.line}")
    if at.offset is not None:
        parts.append(f"byte {at.offset}")
    return visible(", ".join(part for part in parts if part))


def snippet(problem: Problem, segment: str, delimiters: Delimiters, style: Style) -> list[str]:
    """The segment, and below it a mark under the element or component at fault."""
    at = problem.location
    same = segment.split(delimiters.element, 1)[0] == at.segment_id
    start, end = _span(segment, at.element if same else None, at.component, delimiters)
    first = max(0, min(start - _LEAD, len(segment) - _WIDTH)) if end > _WIDTH else 0
    last = first + _WIDTH
    text = visible(segment[first:last])
    head, tail = "…" if first else "", "…" if last < len(segment) else ""
    mark = "^" * max(1, min(end, last) - start)
    note = "" if same else f" {at.segment_id} belongs before this segment" if _is_missing(problem) else ""
    line = f"{head}{text}{tail}"
    begin = len(head) + start - first
    painted = line[:begin] + style.red(line[begin : begin + len(mark)]) + line[begin + len(mark) :]
    return [painted, " " * begin + style.red(mark) + visible(note)]


def _is_missing(problem: Problem) -> bool:
    return problem.ack.ak3 == "3" or problem.ack.ak5 == "2"


def _span(
    segment: str, element: int | None, component: int | None, delimiters: Delimiters
) -> tuple[int, int]:
    """From where to where an element or component stands; the end of the segment if it is too short."""
    if element is None:
        return 0, len(segment.split(delimiters.element, 1)[0])
    parts = segment.split(delimiters.element)
    if element >= len(parts):
        return len(segment), len(segment) + 1
    start = sum(len(part) + len(delimiters.element) for part in parts[:element])
    if component is None or not delimiters.component:
        return start, start + len(parts[element])
    inner = parts[element].split(delimiters.component)
    if component > len(inner):
        return start + len(parts[element]), start + len(parts[element]) + 1
    start += sum(len(part) + len(delimiters.component) for part in inner[: component - 1])
    return start, start + len(inner[component - 1])


def of_set(event: TransactionSet, style: Style, indent: str, *, remarks: bool = True) -> Iterator[str]:
    """The problems of a transaction set in lines, the first :data:`MAX_SHOWN` of them.

    Args:
        remarks: also what is neither error nor warning.
    """
    chosen = [one for one in event.problems if remarks or one.severity is not Severity.INFO]
    if not chosen:
        return
    delimiters = event.interchange.delimiters
    segments = segments_of(event.text, delimiters)
    ordered = sorted(chosen, key=lambda one: one.location.offset or 0)
    for problem in ordered[:MAX_SHOWN]:
        number = problem.location.segment
        segment = segments[number - 1] if number and number <= len(segments) else None
        yield from described(problem, segment, delimiters, style, indent)
    if len(ordered) > MAX_SHOWN:
        yield f"{indent}and {count(len(ordered) - MAX_SHOWN, 'more problem')} of this set; --json has all"
