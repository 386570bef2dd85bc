"""Labels as PDF, a page each."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

from gateway.labels.fonts import Fonts
from gateway.labels.layout import Line, Page, Part, Text

# isort: split
from reportlab.graphics.barcode.code128 import Code128
from reportlab.pdfgen.canvas import Canvas

_POINTS = 72 / 25.4
_QUIET = 10
"""Modules without bars on each side of a Code 128."""


def pdf(labels: Iterable[Iterable[Part]], page: Page, fonts: Fonts) -> bytes:
    """The file. Raises DocumentError if a text cannot be printed."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=(page.width * _POINTS, page.height * _POINTS), invariant=1)
    canvas.setTitle("Labels")
    canvas.setLineWidth(0.8)
    for parts in labels:
        for part in parts:
            _draw(canvas, part, page, fonts)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw(canvas: Canvas, part: Part, page: Page, fonts: Fonts) -> None:
    x, y = part.x * _POINTS, (page.height - part.y) * _POINTS
    if isinstance(part, Line):
        canvas.line(x, y, x + part.width * _POINTS, y - part.height * _POINTS)
    elif isinstance(part, Text):
        fitted = fonts.fit(part)
        canvas.setFont(fitted.font, fitted.size)
        draw = canvas.drawCentredString if part.centred else canvas.drawString
        draw(x + part.centred * part.width * _POINTS / 2, y - fitted.size * 0.9, fitted.text)
    else:
        for module in part.modules:
            wide, high = module * _POINTS, part.height * _POINTS
            bars = Code128(("\xf1" if part.gs1 else "") + part.data, barWidth=wide, barHeight=high, quiet=0)
            left = (part.width * _POINTS - bars.width) / 2
            if left >= _QUIET * wide:
                bars.drawOn(canvas, x + left, y - high)
                break
