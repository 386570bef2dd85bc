"""What ``edigw x12 inspect`` and ``edigw x12 diff`` print for a person."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.cli.findings import verdict_words
from gateway.cli.output import Style, visible
from gateway.errors import Problem, Severity
from gateway.x12.annotate import AnnotatedSet, Cell, Part, Remark, Row
from gateway.x12.diff import Difference

_NAME_WIDTH = 32
_VALUE_WIDTH = 36
_USAGE = {"mandatory": "M", "optional": "O", "not used": "-"}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}

LEGEND = "M mandatory, O optional, - not used"


def part_lines(part: Part, style: Style) -> Iterator[str]:
    """A part of an annotated file in lines."""
    match part:
        case Row():
            yield from _row(part, style)
        case AnnotatedSet():
            guide = f"guide {part.guide}" if part.guide else "no guide: names and codes are unknown"
            head = f"transaction set {part.set_id} {part.control_number}"
            yield ""
            yield (
                f"    {style.bold(visible(head))}  {style.dim(visible(guide))}  "
                f"{verdict_words(part.verdict, style)}"
            )
            for row in part.rows:
                yield from _row(row, style)
            yield from _problems(part.problems, "    ", style)
            yield ""
        case Remark():
            yield from _problems((part.problem,), "", style)


def _row(row: Row, style: Style) -> Iterator[str]:
    indent = "  " * row.depth
    number = f"{row.number:>4} " if row.number is not None else ""
    words = row.name if row.known else "not known here" if row.number is not None else ""
    usage = style.dim(row.usage) if row.usage == "mandatory" else ""
    line = f"{indent}{style.dim(number)}{style.bold(visible(row.segment_id[:20]))}  {visible(words)}"
    yield f"{line}  {usage}".rstrip()
    inner = indent + " " * (len(number) + 5)
    yield from _problems(row.problems, inner, style)
    if not row.cells:
        return
    refs = max(len(cell.ref) for cell in row.cells)
    names = min(_NAME_WIDTH, max(len(cell.name) for cell in row.cells))
    values = min(_VALUE_WIDTH, max(len(_value(cell)) for cell in row.cells))
    for cell in row.cells:
        name = cell.name if len(cell.name) <= names else cell.name[: names - 1] + "…"
        parts = [
            style.dim(visible(cell.ref).ljust(refs)),
            _USAGE.get(cell.usage, " "),
            visible(name).ljust(names),
            _value(cell).ljust(values) if cell.meaning else _value(cell),
            style.blue(visible(cell.meaning)),
        ]
        yield (inner + "  ".join(part for part in parts if part)).rstrip()
        yield from _problems(cell.problems, inner + " " * (refs + 2), style)


def _value(cell: Cell) -> str:
    # Blanks at the ends are data and would be invisible, but ISA is padded by definition.
    text = cell.value.rstrip() if cell.ref.startswith("ISA") else cell.value
    shown = visible(text)
    return repr(shown) if shown != shown.strip() else shown


def _problems(problems: tuple[Problem, ...], indent: str, style: Style) -> Iterator[str]:
    for problem in problems:
        paint = {Severity.ERROR: style.red, Severity.WARNING: style.yellow}.get(problem.severity, style.blue)
        yield f"{indent}{paint(f'{problem.severity.value} {problem.code}')}: {visible(problem.message)}"
        if problem.hint:
            yield f"{indent}  {style.dim(visible(problem.hint))}"


def difference_lines(difference: Difference, style: Style) -> Iterator[str]:
    """A difference in lines, without its place."""
    sign = _SIGNS[difference.kind]
    paint = {"+": style.green, "-": style.red}.get(sign, style.yellow)
    before, after = difference.number_before, difference.number_after
    numbers = str(before if after is None else after if before is None else before)
    if before is not None and after is not None and before != after:
        numbers = f"{before} -> {after}"
    numbers = "" if before is None and after is None else numbers
    words = "  ".join(
        filter(None, (numbers.rjust(4) if numbers else "", difference.segment, difference.name))
    )
    if difference.loop:
        words += style.dim(f"  in {difference.loop}")
    if not difference.changes:
        words = (
            f"{words}  {visible(difference.before or difference.after)}"
            if words
            else visible(difference.before or difference.after)
        )
    yield f"  {paint(sign)} {words}"
    for change in difference.changes:
        name = f"  {change.name}" if change.name else ""
        one, other = (visible(text) if text else "(empty)" for text in (change.before, change.after))
        yield f"           {style.dim(change.ref)}{name}: {style.red(one)} -> {style.green(other)}"
