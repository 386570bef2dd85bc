"""Labels as a file: PDF, ZPL, or the picture of one."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from gateway.labels.fonts import Fonts
from gateway.labels.label import Label
from gateway.labels.layout import DOTS, LAYOUTS, PAGES, Page
from gateway.labels.pdf import pdf
from gateway.labels.zpl import zpl


def printed(
    labels: Sequence[Label], form: str, *, layout: str, size: str = "4x6", dpi: int = 203, fonts: Fonts
) -> bytes:
    """A file of labels; ``png`` shows the first. Raises DocumentError if a text cannot be printed."""
    page = Page(*PAGES[size], DOTS[dpi])
    parts = [LAYOUTS[layout](one, page) for one in labels]
    if form == "zpl":
        return zpl(parts, page, fonts)
    content = pdf(parts, page, fonts)
    if form == "pdf":
        return content
    from pypdfium2 import PdfDocument

    out = BytesIO()
    with PdfDocument(content) as document:
        document[0].render(scale=dpi / 72).to_pil().save(out, "png")
    return out.getvalue()
