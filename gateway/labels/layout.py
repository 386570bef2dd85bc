"""Where things stand on a label: one function a layout, in millimetres from the upper left corner.

The zones are those of transport labels: who ships and to whom, carrier, postal code, order and contents, and
the SSCC below. Bars are as wide as the printer's whole dots allow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.labels.label import Label
from gateway.partners.gs1 import readable

DOTS = {203: 8.0, 300: 300 / 25.4}
"""Dots a millimetre by the resolution of a printer."""

PAGES = {"4x6": (101.6, 152.4), "a6": (105.0, 148.0)}
_GS1, _WIDE, _NARROW = 0.495, 0.33, 0.25
"""Narrowest bars in millimetres: of GS1 in logistics, and of other numbers where there is room or not."""


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; ``size`` in points if it fits into ``width``, else less."""

    x: float
    y: float
    width: float
    size: float
    text: str
    bold: bool = False
    centred: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """A Code 128 in the middle of a space; ``modules`` are widths of a narrow bar, the best first."""

    x: float
    y: float
    width: float
    height: float
    data: str
    modules: tuple[float, ...]
    gs1: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line across or down."""

    x: float
    y: float
    width: float = 0.0
    height: float = 0.0


Part = Text | Bars | Line


@dataclass(frozen=True, slots=True)
class Page:
    """A size of labels, and the dots a millimetre of the printer."""

    width: float
    height: float
    dots: float

    def modules(self, *narrowest: float) -> tuple[float, ...]:
        """Bars of whole dots, not narrower than these."""
        return tuple(-int(-one * self.dots // 1) / self.dots for one in narrowest)


def amazon(label: Label, page: Page) -> Iterator[Part]:
    """As Amazon asks for it: the order as bars, one item or ``Mixed SKUs``."""
    top = 70.0
    yield from _frame(label, page, top)
    orders, left = label.orders, page.width * 0.6
    yield Text(3, top + 1.5, left - 4, 12, f"PO {', '.join(orders)}", bold=True)
    if len(orders) == 1 and re.fullmatch("[0-9A-Za-z ./-]+", orders[0]):  # no sign that orders printers about
        yield Bars(0, top + 7, left, 10, orders[0], page.modules(_WIDE, _NARROW))
    first = label.contents[0] if label.contents else None
    ids = [f"{name} {value}" for name, value in first.ids.items()] if first and not label.is_mixed else []
    lines = ids[:2] or (["Mixed SKUs"] if label.is_mixed else [])
    for place, line in enumerate(lines):
        yield Text(3, top + 19 + place * 5, left - 4, 11, line, bold=True)
    yield from _counted(label, page, top, left)


def generic(label: Label, page: Page) -> Iterator[Part]:
    """For retailers in general: the order, and the items with their quantities."""
    top, most = 70.0, 5
    yield from _frame(label, page, top)
    left, rows = page.width * 0.68, label.contents
    yield Text(3, top + 1.5, left - 4, 12, f"PO {', '.join(label.orders)}", bold=True)
    for place, one in enumerate(rows[: most - (len(rows) > most)]):
        said = [one.quantity, *(f"{name} {value}" for name, value in [*one.ids.items()][:2]), one.description]
        yield Text(3, top + 8 + place * 4.6, left - 6, 9, " · ".join(filter(None, said)))
    if len(rows) > most:
        yield Text(3, top + 8 + (most - 1) * 4.6, left - 4, 9, f"and {len(rows) - most + 1} more items")
    yield from _counted(label, page, top, left)


LAYOUTS: dict[str, Callable[[Label, Page], Iterator[Part]]] = {"amazon": amazon, "generic": generic}


def _frame(label: Label, page: Page, contents: float) -> Iterator[Part]:
    """What all layouts have: addresses, carrier, postal code, and the SSCC."""
    width, half, last = page.width, page.width * 0.45, page.height - 47
    yield Line(half, 2, height=28)
    yield from (Line(2, y, width=width - 4) for y in (30, 45, contents, last))
    yield from _block(3, half - 4, "SHIP FROM", label.ship_from, 8, bold=False)
    yield from _block(half + 2, width - half - 6, "SHIP TO", label.ship_to, 10, bold=True)
    left = width * (0.6 if label.place else 1)
    for place, (name, value) in enumerate(label.carriage[:3]):
        yield Text(3, 31.5 + place * 4.3, left - 4, 9, f"{name}: {value}")
    if label.place:
        yield Text(left, 31, width - left - 3, 6, "LOCATION")
        yield Text(left, 34.5, width - left - 3, 22, label.place, bold=True)
    yield Text(3, 46, width / 2, 6, "SHIP TO POSTAL CODE")
    if label.postal:
        yield Bars(0, 49, width, 14, label.postal, page.modules(_GS1), gs1=True)
        yield Text(3, 64, width - 6, 11, readable(label.postal), bold=True, centred=True)
    yield Text(3, last + 1, 30, 6, "SSCC")
    yield Bars(0, last + 4, width, 33, f"00{label.sscc}", page.modules(_GS1), gs1=True)
    yield Text(3, last + 39, width - 6, 14, readable(f"00{label.sscc}"), bold=True, centred=True)


def _block(
    x: float, width: float, title: str, lines: tuple[str, ...], size: float, *, bold: bool
) -> Iterator[Part]:
    yield Text(x, 2, width, 6, title)
    step = min(4.4, 24.5 / max(len(lines), 1))
    yield from (Text(x, 5 + place * step, width, size, line, bold) for place, line in enumerate(lines))


def _counted(label: Label, page: Page, top: float, left: float) -> Iterator[Part]:
    """The number of the unit, and what can be told of all that is in it."""
    width = page.width - left - 3
    yield Text(left, top + 1.5, width, 11, f"{label.kind.upper()} {label.number} OF {label.count}", bold=True)
    same_unit = len(label.contents) == 1 or not label.is_mixed
    known = {"Qty": label.said("quantity") if same_unit else "", "Exp": label.said("expiry")}
    known |= {"Lot": label.said("lot"), "Shipment": label.shipment}
    for place, (name, value) in enumerate(one for one in known.items() if one[1]):
        yield Text(left, top + 8 + place * 5.2, width, 10, f"{name} {value}", bold=name == "Qty")
