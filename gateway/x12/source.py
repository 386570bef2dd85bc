"""The text of one transaction set: cut into segments, and every place in it found again in the file."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from itertools import accumulate

from gateway.x12.delimiters import BLANKS, Delimiters
from gateway.x12.envelope import TransactionSet
from gateway.x12.reader import SetText, binary_head


@dataclass(slots=True)
class Source:
    """A transaction set as it stands in the file.

    Attributes:
        segments: the segments without terminators, line ends and blanks around them.
        wrapped: whether line breaks were taken out of the inside of segments.
        wrong_lengths: binary segments whose stated length does not lead to a terminator.
    """

    piece: SetText
    delimiters: Delimiters
    segments: list[str] = field(default_factory=list)
    wrapped: bool = False
    wrong_lengths: list[int] = field(default_factory=list)
    _starts: list[int] | None = None
    _line_ends: list[int] | None = None

    def __post_init__(self) -> None:
        text, end = self.piece.text, self.delimiters.terminator + self.delimiters.newline
        self.wrapped = bool(self.piece.breaks)
        if self.piece.plain:
            self.segments = text.split(end)
        elif self._is_binary():
            self.segments = [part.lstrip("\r\n") for part in self._with_binary()]
        else:
            self.tidy()

    def _is_binary(self) -> bool:
        start, separator = self.delimiters.terminator + self.delimiters.newline, self.delimiters.element
        text = self.piece.text
        return f"{start}BIN{separator}" in text or f"{start}BDS{separator}" in text

    def tidy(self) -> bool:
        """Takes blanks around and line breaks inside segments out; True if that changed anything."""
        terminator = self.delimiters.terminator
        blanks = "".join(c for c in BLANKS if c not in self.delimiters.element + terminator)
        before = self.segments
        self.segments = []
        for part in self.piece.text.split(terminator):
            stripped = part.lstrip(blanks).rstrip("\r\n")
            if "\n" in stripped or "\r" in stripped:
                self.wrapped = True
                stripped = re.sub(r"[\r\n]", "", stripped)
            self.segments.append(stripped)
        return self.segments != before

    def _with_binary(self) -> list[str]:
        """Segments of a set with BIN or BDS, whose data may hold anything; their length is stated (784)."""
        text, terminator = self.piece.text, self.delimiters.terminator
        head = binary_head(self.delimiters.element)
        parts: list[str] = []
        start = 0
        while True:
            search = start
            if match := head.match(text, start):
                after = match.end() + int(match[1] or match[2])
                if after == len(text) or text.startswith(terminator, after):
                    search = after
                else:
                    self.wrong_lengths.append(len(parts) + 1)
            end = text.find(terminator, search)
            if end < 0:
                parts.append(text[start:])
                return parts
            parts.append(text[start:end])
            start = end + len(terminator)

    def offset(self, segment: int, element: int | None = None, component: int | None = None) -> int:
        """Bytes of the file before a segment (ST = 1), one of its elements or components."""
        text, separator, terminator = self.piece.text, self.delimiters.element, self.delimiters.terminator
        if segment > len(self.segments):
            return self.piece.end
        if self._starts is None:
            parts = self._with_binary() if self._is_binary() else text.split(terminator)
            self._starts = [0, *accumulate(len(part) + len(terminator) for part in parts)]
        place = self._starts[min(segment, len(self._starts)) - 1]
        end = text.find(terminator, place)
        end = len(text) if end < 0 else end
        while place < end and text[place] in BLANKS and text[place] != separator:
            place += 1
        for _ in range(element or 0):
            found = text.find(separator, place, end)
            place = end if found < 0 else found + len(separator)
        for _ in range((component or 1) - 1 if self.delimiters.component else 0):
            found = text.find(self.delimiters.component, place, end)
            place = place if found < 0 else found + 1
        return self.piece.offset + place + bisect_right(self.piece.breaks, place)

    def line(self, offset: int) -> int:
        """The line of the file in which a byte of this set stands."""
        breaks = self.piece.breaks
        if self._line_ends is None:
            found = [match.start() for match in re.finditer("\n", self.piece.text)]
            self._line_ends = [place + i for i, place in enumerate(breaks)] if breaks else found
        find = bisect_right if breaks else bisect_left
        return self.piece.line + find(self._line_ends, offset - self.piece.offset)


def source_of(event: TransactionSet, piece: SetText | None = None) -> Source:
    """The source of a set that the parser gave; only its ``piece`` knows where a wrapped file is cut."""
    piece = piece or SetText(event.text, event.offset, event.line, complete=True)
    return Source(replace(piece, plain=False), event.interchange.delimiters)
