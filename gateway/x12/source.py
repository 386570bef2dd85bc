"""The text of one transaction set: cut into segments, and every place in it found again in the file."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

from gateway.x12.delimiters import BLANKS, Delimiters
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
        if self._starts is None:
            size = len(self.delimiters.terminator)
            binary, text = self._is_binary(), self.piece.text
            parts = self._with_binary() if binary else text.split(self.delimiters.terminator)
            self._starts = [0, *accumulate(len(part) + size for part in parts)]
        text = self.piece.text
        if segment > len(self.segments):
            return self.piece.end
        place = self._starts[min(segment, len(self._starts)) - 1]
        end = text.find(self.delimiters.terminator, place)
        end = len(text) if end < 0 else end
        while place < end and text[place] in BLANKS and text[place] != self.delimiters.element:
            place += 1
        for _ in range(element or 0):
            next_place = text.find(self.delimiters.element, place, end)
            if next_place < 0:
                place = end
                break
            place = next_place + len(self.delimiters.element)
        if component and self.delimiters.component:
            for _ in range(component - 1):
                next_place = text.find(self.delimiters.component, place, end)
                if next_place < 0:
                    break
                place = next_place + 1
        return self.piece.offset + place + bisect_right(self.piece.breaks, place)

    def line(self, offset: int) -> int:
        """The line of the file in which a byte of this set stands."""
        within = offset - self.piece.offset
        breaks = self.piece.breaks
        if self._line_ends is None:
            found = [match.start() for match in re.finditer("\n", self.piece.text)]
            self._line_ends = [place + i for i, place in enumerate(breaks)] if breaks else found
        find = bisect_right if breaks else bisect_left
        return self.piece.line + find(self._line_ends, within)
