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

WIDTH = 720
MAX_SERIES = 6
"""Colours there are; what is left over is drawn as one."""
OTHERS = "Others"
_PLAIN = Markup


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart for the macro ``chart``: the drawing, what it says in a sentence, and the same as a table."""

    title: str
    summary: str
    svg: Markup
    columns: list[dict[str, str]]
    rows: list[tuple[Any, ...]]
    legend: list[tuple[str, str]]


def stacked(
    title: str, places: Sequence[str], series: Mapping[str, Sequence[int]], summary: str = "", every: int = 3
) -> Chart:
    """Columns of parts that add up, such as messages an hour by partner.

    Args:
        places: names of the columns. series: by name, a figure for each place, not negative.
        every: so many columns from label to label.
    """
    ordered = sorted(series.items(), key=lambda one: -sum(one[1]))
    if len(ordered) > MAX_SERIES:
        rest = [sum(figures) for figures in zip(*(one[1] for one in ordered[MAX_SERIES - 1 :]))]
        ordered = [*ordered[: MAX_SERIES - 1], (OTHERS, rest)]
    totals = [sum(figures) for figures in zip(*(one[1] for one in ordered))] or [0]
    top, left, base, high = _ceiling(max(totals)), 44, 176, 160
    step = (WIDTH - left - 8) / max(1, len(places))
    drawn = _grid(top, left, base, high)
    for place, name in enumerate(places):
        x, y = left + place * step + step * 0.14, float(base)
        for index, (who, figures) in enumerate(ordered, 1):
            if figures[place]:
                tall = figures[place] / top * high
                y -= tall
                drawn.append(_bar(x, y, step * 0.72, tall, f"c{index}", f"{name}, {who}: {figures[place]:,}"))
        if place % every == 0:
            drawn.append(_text(x + step * 0.36, base + 18, name, anchor="middle"))
    rows = [(name, *(one[1][place] for one in ordered), totals[place]) for place, name in enumerate(places)]
    columns = _columns("", *(name for name, _ in ordered), "All")
    legend = [(f"c{index}", name) for index, (name, _) in enumerate(ordered, 1)]
    said = summary or f"{sum(totals):,} in all, at most {max(totals):,} at once"
    return Chart(title, said, _svg(title, said, 204, drawn), columns, rows, legend)


def bars(
    title: str, lines: Iterable[tuple[str, float, str, str]], summary: str = "", name: str = ""
) -> Chart:
    """Horizontal bars, such as open acknowledgments by age.

    Args:
        lines: label, figure, the figure as text, and tone (as of marks; empty for the usual one).
        name: what the labels are, as head of the table.
    """
    known = list(lines)
    top = max((figure for _, figure, _, _ in known), default=0) or 1
    left, right, tall = 150, 110, 30
    drawn = []
    for place, (what, figure, text, tone) in enumerate(known):
        y = place * tall + 6
        wide = max(0.0, figure) / top * (WIDTH - left - right)
        drawn += [
            _text(left - 12, y + 14, _cut(what, 24), anchor="end", kind="strong"),
            _rect(left, y + 2, WIDTH - left - right, 16, "track"),
            _bar(left, y + 2, wide, 16, tone, f"{what}: {text}"),
            _text(WIDTH - right + 10, y + 14, text),
        ]
    columns = _columns(name, summary or "Figure")
    rows = [(what, text) for what, _, text, _ in known]
    return Chart(title, summary, _svg(title, summary, len(known) * tall + 12, drawn), columns, rows, [])


def line(
    title: str,
    points: Sequence[tuple[str, float | None]],
    unit: str = "%",
    top: float = 100,
    goal: float | None = None,
    summary: str = "",
) -> Chart:
    """A rate over time, such as documents on time; a place without a figure is a gap."""
    left, base, high = 44, 176, 160
    step = (WIDTH - left - 24) / max(1, len(points) - 1)
    drawn = _grid(top, left, base, high, unit)
    if goal is not None:
        y = base - goal / top * high
        drawn.append(
            _PLAIN('<line class="goal" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                left, _n(y), WIDTH - 8, _n(y)
            )
        )
        drawn.append(_text(WIDTH - 8, y - 5, f"goal {goal:g}{unit}", anchor="end"))
    runs: list[list[str]] = [[]]
    dots = []
    every = math.ceil(len(points) / 12)
    for place, (name, figure) in enumerate(points):
        x = left + 8 + place * step
        if place % every == 0:
            drawn.append(_text(x, base + 18, name, anchor="middle"))
        if figure is None:
            runs.append([])
            continue
        y = base - min(figure, top) / top * high
        runs[-1].append(f"{_n(x)},{_n(y)}")
        dot = _PLAIN('<circle class="dot" cx="{}" cy="{}" r="3"><title>{}</title></circle>')
        dots.append(dot.format(_n(x), _n(y), f"{name}: {figure:g}{unit}"))
    drawn += [_PLAIN('<polyline class="curve" points="{}"/>').format(" ".join(run)) for run in runs if run]
    rows = [(name, "–" if figure is None else f"{figure:g}{unit}") for name, figure in points]
    return Chart(title, summary, _svg(title, summary, 204, drawn + dots), _columns("", "Rate"), rows, [])


def spans(
    title: str, lines: Iterable[tuple[str, datetime, datetime, str]], now: datetime, summary: str = ""
) -> Chart:
    """Bars on a time line, such as the validity of certificates with what overlaps.

    Args:
        lines: label, begin, end, tone.
    """
    known = list(lines)
    begin = min([now, *(one[1] for one in known)])
    end = max([now, *(one[2] for one in known)])
    left, tall, wide = 190, 30, WIDTH - 190 - 16
    whole = max(1.0, (end - begin).total_seconds())

    def at(when: datetime) -> float:
        return left + (when - begin).total_seconds() / whole * wide

    deep = len(known) * tall + 8
    drawn = []
    for place in range(5):
        x = left + wide * place / 4
        drawn.append(_PLAIN('<line class="axis" x1="{}" y1="0" x2="{}" y2="{}"/>').format(_n(x), _n(x), deep))
        when = begin + (end - begin) * place / 4
        anchor = "start" if place == 0 else "end" if place == 4 else "middle"
        drawn.append(_text(x, deep + 16, when.strftime("%Y-%m-%d"), anchor=anchor))
    for place, (what, first, last, tone) in enumerate(known):
        y = place * tall + 6
        said = f"{what}: {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        drawn.append(_text(left - 12, y + 13, _cut(what, 30), anchor="end", kind="strong"))
        drawn.append(_bar(at(first), y + 1, max(2.0, at(last) - at(first)), 16, tone, said))
    x = at(now)
    drawn.append(_PLAIN('<line class="goal" x1="{}" y1="0" x2="{}" y2="{}"/>').format(_n(x), _n(x), deep))
    drawn.append(_text(x, deep + 30, "today", anchor="middle", kind="strong"))
    rows = [(what, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}") for what, first, last, _ in known]
    columns = _columns("", "From", "Until")
    return Chart(title, summary, _svg(title, summary, deep + 36, drawn), columns, rows, [])


# --- drawing ---------------------------------------------------------------------------------------------


def _svg(title: str, summary: str, height: float, drawn: Iterable[Markup]) -> Markup:
    head = '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    said = f"{title}. {summary}" if summary else title
    return _PLAIN(head).format(WIDTH, _n(height), said, _PLAIN("").join(drawn))


def _grid(top: float, left: int, base: int, high: int, unit: str = "") -> list[Markup]:
    drawn = []
    for quarter in range(0, 5, 2):
        y = base - high * quarter / 4
        axis = _PLAIN('<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>')
        drawn.append(axis.format(left, _n(y), WIDTH - 8, _n(y)))
        drawn.append(_text(left - 8, y + 4, f"{top * quarter / 4:,g}{unit}", anchor="end"))
    return drawn


def _bar(x: float, y: float, wide: float, tall: float, tone: str, said: str) -> Markup:
    mark = '<rect class="bar {}" x="{}" y="{}" width="{}" height="{}" rx="2"><title>{}</title></rect>'
    return _PLAIN(mark).format(tone, _n(x), _n(y), _n(wide), _n(tall), said)


def _rect(x: float, y: float, wide: float, tall: float, kind: str) -> Markup:
    mark = '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>'
    return _PLAIN(mark).format(kind, _n(x), _n(y), _n(wide), _n(tall))


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> Markup:
    mark = '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>'
    return _PLAIN(mark).format(kind, _n(x), _n(y), anchor, text)


def _columns(*names: str) -> list[dict[str, str]]:
    return [{"label": name} for name in names]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _n(figure: float) -> str:
    return f"{figure:.1f}".removesuffix(".0")


def _ceiling(figure: float) -> float:
    """The next figure that reads well on an axis: 4, 10, 20, 40, 100 …"""
    if figure <= 4:
        return 4
    ten = 10 ** math.floor(math.log10(figure))
    return next(ten * step for step in (1, 2, 4, 10) if ten * step >= figure)
