"""What ``edigw x12 inspect`` and ``edigw x12 diff`` print for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.cli.findings import brief, verdict_words
from gateway.cli.output import Style, cut, visible
from gateway.errors import Problem
from gateway.x12.annotate import AnnotatedSet, Cell, Part, Row
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
            head = style.bold(visible(f"transaction set {part.set_id} {part.control_number}"))
            yield f"\n    {head}  {style.dim(visible(guide))}  {verdict_words(part.verdict, style)}"
            for row in part.segments:
                yield from _row(row, style)
            yield from _problems(part.problems, style, "    ")
            yield ""
        case Problem():
            yield from brief(part, style, "")


def _row(row: Row, style: Style) -> Iterator[str]:
    indent = "  " * row.depth
    number = f"{row.number:>4} " if row.number is not None else ""
    words = row.name if row.known else "not known here" if row.number is not None else ""
    usage = style.dim(row.usage) if row.usage == "mandatory" else ""
    line = f"{indent}{style.dim(number)}{style.bold(visible(row.segment_id[:20]))}  {visible(words)}"
    yield f"{line}  {usage}".rstrip()
    inner = indent + " " * (len(number) + 5)
    yield from _problems(row.problems, style, inner)
    values = [_value(cell) for cell in row.elements]
    refs = max((len(cell.ref) for cell in row.elements), default=0)
    names = min(_NAME_WIDTH, max((len(cell.name) for cell in row.elements), default=0))
    width = min(_VALUE_WIDTH, max(map(len, values), default=0))
    for cell, value in zip(row.elements, values, strict=True):
        parts = [
            style.dim(visible(cell.ref).ljust(refs)),
            _USAGE.get(cell.usage, " "),
            visible(cut(cell.name, names)).ljust(names),
            value.ljust(width) if cell.meaning else value,
            style.blue(visible(cell.meaning)),
        ]
        yield (inner + "  ".join(filter(None, parts))).rstrip()
        yield from _problems(cell.problems, style, inner + " " * (refs + 2))


def _value(cell: Cell) -> str:
    # Blanks at the ends are data and would be invisible, but ISA is padded by definition.
    shown = visible(cell.value.rstrip() if cell.ref.startswith("ISA") else cell.value)
    return repr(shown) if shown != shown.strip() else shown


def _problems(problems: Iterable[Problem], style: Style, indent: str) -> Iterator[str]:
    for problem in problems:
        yield from brief(problem, style, indent)


def difference_lines(difference: Difference, style: Style) -> Iterator[str]:
    """A difference in lines, without its place."""
    sign = _SIGNS[difference.kind]
    paint = {"+": style.green, "-": style.red}.get(sign, style.yellow)
    both = (difference.number_before, difference.number_after)
    numbers = " -> ".join(str(number) for number in dict.fromkeys(both) if number is not None)
    words = [numbers and numbers.rjust(4), difference.segment, difference.name]
    if difference.loop:
        words.append(style.dim(f"in {difference.loop}"))
    if not difference.changes:
        words.append(visible(difference.before or difference.after))
    yield f"  {paint(sign)} {'  '.join(filter(None, words))}"
    for change in difference.changes:
        name = f"  {change.name}" if change.name else ""
        one, other = (visible(text) if text else "(empty)" for text in (change.before, change.after))
        yield f"           {style.dim(change.ref)}{name}: {style.red(one)} -> {style.green(other)}"
