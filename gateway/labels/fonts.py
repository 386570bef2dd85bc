"""Fonts of labels: which one has the letters of a text, and how large it may be."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from gateway.errors import ConfigurationError, DocumentError, Fault, Level, Problem, Severity
from gateway.labels.layout import Text

try:
    from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
    from reportlab.pdfbase.ttfonts import TTFError, TTFont
except ModuleNotFoundError:
    raise ConfigurationError("Labels need: pip install 'edi-gateway[labels]'") from None

_SMALLEST = 6.0
_LONGEST = 300
_POINT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Fitted:
    """A text as it is drawn; ``content`` is the file of a font that is not the usual one."""

    text: str
    font: str
    size: float
    content: bytes | None = None


class Fonts:
    """Fonts in the order in which they are tried, after the usual one.

    Raises:
        ConfigurationError: one is no TrueType font that can be used.
    """

    def __init__(self, files: Sequence[tuple[str, bytes]] = ()) -> None:
        self._usual = {
            bold: _registered(name, f"{name}.ttf") for bold, name in ((False, "Vera"), (True, "VeraBd"))
        }
        self._more: list[tuple[TTFont, bytes]] = []
        for shown, content in files:
            try:
                self._more.append((_registered(sha256(content).hexdigest()[:16], BytesIO(content)), content))
            except (TTFError, ValueError, KeyError, IndexError, AssertionError) as error:
                raise ConfigurationError(f"labels.fonts: {shown} cannot be used: {error}") from None

    def fit(self, part: Text) -> Fitted:
        """A text with its font, smaller or shorter if it would not fit.

        Raises:
            DocumentError: no font has its letters, or they must be joined or run from right to left.
        """
        text = unicodedata.normalize("NFC", " ".join(part.text.split()))[:_LONGEST]
        text = "".join(one for one in text if unicodedata.category(one)[0] != "C")
        if odd := next((one for one in text if _is_joined(one)), ""):
            raise _unprintable(text, odd, "letters that are joined or run from right to left are not printed")
        fonts = [(self._usual[part.bold], None), *self._more]
        font, content = next((one for one in fonts if not _missing(text, one[0])), fonts[0])
        if odd := _missing(text, font):
            raise _unprintable(text, odd, "no font has it")
        width, name = part.width / _POINT, font.fontName
        size = min(part.size, part.size * width / max(stringWidth(text, name, part.size), 0.001))
        if size < _SMALLEST:
            size = _SMALLEST
            end = "…" if not _missing("…", font) else "..."
            while text and stringWidth(text + end, name, size) > width:
                text = text[:-1]
            text += end
        return Fitted(text, name, size, content)


def _registered(name: str, file: str | BytesIO) -> TTFont:
    font = TTFont(name, file)
    registerFont(font)
    return font


def _missing(text: str, font: TTFont) -> str:
    return next((one for one in text if ord(one) not in font.face.charToGlyph), "")


def _is_joined(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL") or unicodedata.category(letter) == "Mc"


def _unprintable(text: str, letter: str, why: str) -> DocumentError:
    name = unicodedata.name(letter, f"U+{ord(letter):04X}").lower()
    words = f"{text!r} cannot be printed: {why} ({letter!r}, {name})."
    hint = "Write it in other letters, or name a TrueType font that has them in labels.fonts or --font."
    found = Problem("DOC-FONT", Severity.ERROR, Level.TRANSACTION_SET, words, hint, text, fault=Fault.US)
    return DocumentError("No label can be printed.", problems=(found,))
