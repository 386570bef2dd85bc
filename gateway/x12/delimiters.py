"""The separators of an interchange, read from its ISA segment and nowhere else (X12.5)."""

from __future__ import annotations

from dataclasses import dataclass

ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
"""Fixed lengths of ISA01 to ISA16."""

ISA_LENGTH = 106
"""Characters of an ISA segment with its terminator."""

BLANKS = " \t\r\n\x0b\x0c\x00\x1a"
"""What may stand around segments without being data (unless it is a separator)."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """Element, component and repetition separator, and the segment terminator.

    Attributes:
        component: empty where ISA16 is missing.
        terminator: one character; two for CR LF and for a two-byte UTF-8 character.
        repetition: ISA11 where it is one (ISA12 from 00402 on and neither letter nor digit), else empty.
        newline: the line end that follows the terminator of ISA, empty if none does.
    """

    element: str = "*"
    component: str = ">"
    terminator: str = "~"
    repetition: str = ""
    newline: str = ""

    @property
    def newline_ends(self) -> bool:
        """Whether the terminator itself is a line end, so that line ends are not decoration."""
        return "\n" in self.terminator or "\r" in self.terminator

    @property
    def all(self) -> str:
        """All characters that separate, for a look whether data holds one."""
        return self.element + self.component + self.terminator + self.repetition


def repetition_separator(standard: str, version: str) -> str:
    """ISA11 as a separator: only from version 00402 on, and never a letter, digit or blank.

    Before, ISA11 named the standard (``U``), and taking it as a separator would cut data apart.
    """
    if len(standard) != 1 or standard.isalnum() or standard.isspace():
        return ""
    return standard if version.isdigit() and int(version) >= 402 else ""
