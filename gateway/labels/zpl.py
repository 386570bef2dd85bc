"""Labels as ZPL, the language of thermal printers: bars and Latin text as such, other letters as pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO

from gateway.labels.fonts import Fitted, Fonts
from gateway.labels.layout import Line, Page, Part, Text

_QUIET = 10
_POINT = 25.4 / 72


def zpl(labels: Iterable[Iterable[Part]], page: Page, fonts: Fonts) -> bytes:
    """The file, in UTF-8. Raises DocumentError if a text cannot be printed."""
    size = f"^PW{_dots(page.width, page)}^LL{_dots(page.height, page)}"
    return "".join(
        f"^XA^CI28{size}^LH0,0\n{''.join(_drawn(part, page, fonts) for part in parts)}^XZ\n"
        for parts in labels
    ).encode()


def _drawn(part: Part, page: Page, fonts: Fonts) -> str:
    at = f"^FO{_dots(part.x, page)},{_dots(part.y, page)}"
    if isinstance(part, Line):
        thick = 3
        wide, high = (max(_dots(one, page), thick) for one in (part.width, part.height))
        return f"{at}^GB{wide},{high},{thick}^FS\n"
    if isinstance(part, Text):
        return f"{at}{_written(fonts.fit(part), part, page)}^FS\n"
    text, modules = _encoded(part.data, gs1=part.gs1)
    for module in part.modules:
        dots = round(module * page.dots)
        left = (_dots(part.width, page) - modules * dots) // 2
        if left >= _QUIET * dots:
            at = f"^FO{_dots(part.x, page) + left},{_dots(part.y, page)}"
            return f"{at}^BY{dots}^BCN,{_dots(part.height, page)},N,N,N^FD{text}^FS\n"
    return ""


def _dots(millimetres: float, page: Page) -> int:
    return round(millimetres * page.dots)


def _encoded(data: str, *, gs1: bool) -> tuple[str, int]:
    """A Code 128 with its changes between the code sets C (pairs of digits) and B; and its modules."""
    head, length = (">8", 1) if gs1 else ("", 0)
    digits = re.match("(?:[0-9]{2})*", data)
    pairs = digits[0] if digits and len(digits[0]) >= 4 else ""
    rest = data[len(pairs) :]
    start, change = (">;", ">6") if pairs else (">:", "")
    length += len(pairs) // 2 + len(rest) + bool(pairs and rest)
    return f"{start}{head}{pairs}{change if rest else ''}{rest}", 11 * (length + 2) + 13


def _written(fitted: Fitted, part: Text, page: Page) -> str:
    high = _dots(fitted.size * _POINT, page)
    if fitted.content is not None:
        return _picture(fitted, high)
    text = re.sub(r"[\^~\\_]", lambda sign: f"_{ord(sign[0]):02X}", fitted.text)
    block = f"^FB{_dots(part.width, page)},1,0,C" if part.centred else ""
    return f"^A0N,{high},{high}{block}^FH^FD{text}"


def _picture(fitted: Fitted, high: int) -> str:
    """A text as a graphic field, from its font."""
    from PIL import Image, ImageDraw, ImageFont

    assert fitted.content is not None  # the usual fonts have Latin letters only
    font = ImageFont.truetype(BytesIO(fitted.content), high)
    wide = -(-int(font.getlength(fitted.text) + 1) // 8)
    image = Image.new("1", (wide * 8, high + high // 4))
    ImageDraw.Draw(image).text((0, 0), fitted.text, fill=1, font=font)
    content = image.tobytes().hex().upper()
    return f"^GFA,{len(content) // 2},{len(content) // 2},{wide},{content}"
