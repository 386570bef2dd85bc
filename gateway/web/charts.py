"""Charts as plain SVG: data in, markup out; each has its figures as a table too.

Colours and type come from the stylesheet by classes, so that nothing of a chart needs an inline style.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from gateway.web.render import shown

WIDE, HALF = 1000, 480
"""Widths of a drawing; the second for a chart that shares its row with another."""
_LEFT, _BASE, _HIGH = 44, 176, 160  # of what goes on with time
MAX_SERIES = 6
"""Colours there are; what is left over is drawn as one."""
OTHERS = "Others"
_LONGEST = 32
"""Characters of a label; the table has all of it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart for the macro ``chart``: the drawing, what it says in a sentence, and the same as a table."""

    title: str
    summary: str
    svg: Markup
    columns: list[dict[str, str]]
    rows: list[tuple[Any, ...]]
    legend: list[tuple[str, str]]


def stacked(title: str, places: Sequence[str], series: Mapping[str, Sequence[int]]) -> Chart:
    """Columns of parts that add up, such as messages an hour by partner.

    Args:
        places: names of the columns. series: by name, a figure for each place, not negative.
    """
    ordered = sorted(series.items(), key=lambda one: -sum(one[1]))
    if len(ordered) > MAX_SERIES:
        rest = [sum(figures) for figures in zip(*(one[1] for one in ordered[MAX_SERIES - 1 :]))]
        ordered = [*ordered[: MAX_SERIES - 1], (OTHERS, rest)]
    totals = [sum(figures) for figures in zip(*(one[1] for one in ordered))] or [0]
    top = _ceiling(max(totals))
    step = (WIDE - _LEFT - 8) / max(1, len(places))
    drawn = _grid(0, top)
    for place, name in enumerate(places):
        x, y = _LEFT + place * step + step * 0.14, float(_BASE)
        for index, (who, figures) in enumerate(ordered, 1):
            if figures[place]:
                tall = figures[place] / top * _HIGH
                y -= tall
                drawn.append(_bar(x, y, step * 0.72, tall, f"c{index}", f"{name}, {who}: {figures[place]:,}"))
        if place % 3 == 0:
            drawn.append(_text(x + step * 0.36, _BASE + 18, name, anchor="middle"))
    rows = [(name, *(one[1][place] for one in ordered), totals[place]) for place, name in enumerate(places)]
    columns = _columns("", *(name for name, _ in ordered), "All")
    legend = [(f"c{index}", name) for index, (name, _) in enumerate(ordered, 1)]
    said = f"{sum(totals):,} in all, at most {max(totals):,} at once"
    return Chart(title, said, _svg(title, said, WIDE, 204, drawn, " times"), columns, rows, legend)


def line(title: str, points: Sequence[tuple[str, float | None]], summary: str) -> Chart:
    """A rate over time in percent, such as answers on time; a place without a figure is a gap."""
    low = max(0.0, math.floor(min((one for _, one in points if one is not None), default=0) / 10 - 1) * 10)
    step = (WIDE - _LEFT - 40) / max(1, len(points) - 1)
    drawn, runs = _grid(low, 100, "%"), [list[str]()]
    dots = []
    for place, (name, figure) in enumerate(points):
        x = _LEFT + 10 + place * step
        drawn.append(_text(x, _BASE + 18, name, anchor="middle"))
        if figure is None:
            runs.append([])
            continue
        y = _BASE - (figure - low) / (100 - low) * _HIGH
        runs[-1].append(f"{_n(x)},{_n(y)}")
        dot = Markup('<circle class="dot" cx="{}" cy="{}" r="3"><title>{}</title></circle>')
        dots.append(dot.format(_n(x), _n(y), shown(f"{name}: {figure:g}%")))
    drawn += [Markup('<polyline class="curve" points="{}"/>').format(" ".join(run)) for run in runs if run]
    rows = [(name, "–" if figure is None else f"{figure:g}%") for name, figure in points]
    svg = _svg(title, summary, WIDE, 204, drawn + dots, " times")
    return Chart(title, summary, svg, _columns("", "Rate"), rows, [])


def bars(
    title: str,
    lines: Iterable[tuple[str, float, str, str]],
    summary: str = "",
    name: str = "",
    width: int = WIDE,
) -> Chart:
    """Horizontal bars, such as open acknowledgments by age.

    Args:
        lines: label, figure, the figure as text, and tone (as of marks; empty for the usual one).
        name: what the labels are, as head of the table.
    """
    known = list(lines)
    top = max((figure for _, figure, _, _ in known), default=0) or 1
    tall, left, right = 30, _room([one[0] for one in known]), _room([one[2] for one in known])
    drawn = []
    for place, (what, figure, text, tone) in enumerate(known):
        y = place * tall + 6
        wide = max(0.0, figure) / top * (width - left - right)
        drawn += [
            _text(left - 12, y + 14, _cut(what), anchor="end", kind="strong"),
            _rect(left, y + 2, width - left - right, 16, "track"),
            _bar(left, y + 2, wide, 16, tone, f"{what}: {text}"),
            _text(width - right + 10, y + 14, text),
        ]
    columns = _columns(name, summary or "Figure")
    rows = [(what, text) for what, _, text, _ in known]
    return Chart(
        title, summary, _svg(title, summary, width, len(known) * tall + 12, drawn), columns, rows, []
    )


def spans(
    title: str,
    lines: Iterable[tuple[str, datetime, datetime, str]],
    now: datetime,
    summary: str = "",
) -> Chart:
    """Bars on a time line, such as the validity of certificates with what overlaps.

    Args:
        lines: label, begin, end, tone.
    """
    known = list(lines)
    begin = min([now, *(one[1] for one in known)])
    end = max([now, *(one[2] for one in known)])
    tall, left = 30, _room([one[0] for one in known])
    wide = WIDE - left - 32
    whole = max(1.0, (end - begin).total_seconds())

    def at(when: datetime) -> float:
        return left + (when - begin).total_seconds() / whole * wide

    deep = len(known) * tall + 8
    drawn = []
    for place in range(5):
        x = left + wide * place / 4
        drawn.append(_line("axis", x, 0, x, deep))
        when = begin + (end - begin) * place / 4
        anchor = "start" if place == 0 else "end" if place == 4 else "middle"
        drawn.append(_text(x, deep + 16, when.strftime("%Y-%m-%d"), anchor=anchor))
    for place, (what, first, last, tone) in enumerate(known):
        y = place * tall + 6
        said = f"{what}: {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        drawn.append(_text(left - 12, y + 13, _cut(what), anchor="end", kind="strong"))
        drawn.append(_bar(at(first), y + 1, max(2.0, at(last) - at(first)), 16, tone, said))
    x = at(now)
    drawn.append(_line("goal", x, 0, x, deep))
    drawn.append(_text(x, deep + 30, "today", anchor="middle", kind="strong"))
    rows = [(what, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}") for what, first, last, _ in known]
    columns = _columns("", "From", "Until")
    return Chart(title, summary, _svg(title, summary, WIDE, deep + 36, drawn), columns, rows, [])


# --- drawing ---------------------------------------------------------------------------------------------


def _svg(
    title: str, summary: str, width: int, height: float, drawn: Iterable[Markup], kind: str = ""
) -> Markup:
    kind += " half" * (width == HALF)
    head = Markup('<svg class="plot{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    said = f"{title}. {summary}" if summary else title
    return head.format(kind, width, _n(height), shown(said), Markup("").join(drawn))


def _grid(low: float, top: float, unit: str = "") -> list[Markup]:
    drawn = []
    for half in range(3):
        y = _BASE - _HIGH * half / 2
        drawn.append(_line("axis", _LEFT, y, WIDE - 8, y))
        drawn.append(_text(_LEFT - 8, y + 4, f"{low + (top - low) * half / 2:,g}{unit}", anchor="end"))
    return drawn


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    mark = Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>')
    return mark.format(kind, _n(x1), _n(y1), _n(x2), _n(y2))


def _bar(x: float, y: float, wide: float, tall: float, tone: str, said: str) -> Markup:
    mark = Markup(
        '<rect class="bar {}" x="{}" y="{}" width="{}" height="{}" rx="1.5"><title>{}</title></rect>'
    )
    return mark.format(tone, _n(x), _n(y), _n(wide), _n(tall), shown(said))


def _rect(x: float, y: float, wide: float, tall: float, kind: str) -> Markup:
    mark = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>')
    return mark.format(kind, _n(x), _n(y), _n(wide), _n(tall))


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> Markup:
    mark = Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>')
    return mark.format(kind, _n(x), _n(y), anchor, shown(text))


def _columns(*names: str) -> list[dict[str, str]]:
    return [{"label": name} for name in names]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _room(texts: Sequence[str]) -> int:
    """Units that the longest of these texts takes, with a margin."""
    return 24 + min(_LONGEST, max(map(len, texts), default=0)) * 7


def _n(figure: float) -> str:
    return f"{figure:.1f}".removesuffix(".0")


def _ceiling(figure: float) -> float:
    """The next figure that reads well on an axis: 4, 10, 20, 40, 100 …"""
    if figure <= 4:
        return 4
    ten = float(10 ** math.floor(math.log10(figure)))
    return next(ten * step for step in (1, 2, 4, 10) if ten * step >= figure)
