"""Cuts a stream of bytes into its parts: ISA, envelope segments, whole transaction sets, foreign text.

The reader knows separators and the names of envelope segments, nothing else. It holds one transaction set
at a time, whatever the size of the file, and its work grows with the number of bytes only: a search goes on
where it stopped, and a long set is joined from its chunks in doubling steps.

Bytes are read as Latin-1, so a character is a byte and every offset is a byte offset.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from gateway.x12.delimiters import (
    BLANKS,
    ISA_LENGTH,
    ISA_SEPARATORS,
    ISA_WIDTHS,
    Delimiters,
    repetition_separator,
)

MAX_SET_BYTES = 256 * 1024 * 1024
"""Default limit of one transaction set; the largest seen in the field is a few ten megabytes."""

_LOOK = 512
"""Characters looked at to recognise an ISA segment and what follows it."""

_BOM = "\xef\xbb\xbf"
_CANDIDATE = re.compile(
    r"ISA(?=[^A-Za-z0-9\s])|(?<![A-Za-z0-9])(?:GS([^A-Za-z0-9\s])[A-Z]{2}\1|ST([^A-Za-z0-9\s])\d{3}\2)"
)
_FRAGMENT_ST = re.compile(r"ST(?P<sep>.)\d{3}(?P=sep)[0-9A-Za-z]{1,9}(?P<end>\r\n|[^0-9A-Za-z])")
_FRAGMENT_GS = re.compile(
    r"GS(?P<sep>.)[A-Z]{2}(?:(?P=sep)[^\r\n]{0,40}?){6}(?P=sep)[0-9A-Z]{1,12}(?P<end>\r\n|[^0-9A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class Isa:
    """An ISA segment; ``widths`` and ``separators`` say in words what is wrong with its form.

    ``fragment`` marks a stand-in for data that came without an ISA segment.
    """

    elements: tuple[str, ...]
    delimiters: Delimiters
    offset: int
    line: int
    widths: str = ""
    separators: str = ""
    fragment: bool = False
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class EnvelopeSegment:
    """GS, GE, IEA, TA1, or a segment that has no business outside a transaction set."""

    text: str
    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class SetText:
    """A transaction set from ST to SE as it stands in the file, without the last terminator.

    Attributes:
        complete: False where SE is missing.
        too_large: True where the limit was passed; ``text`` then holds only the beginning.
        breaks: in a hard-wrapped interchange, the places in ``text`` before which a line break was taken out.
        plain: the segments can be had by splitting at the terminator and its line end.
    """

    text: str
    offset: int
    line: int
    complete: bool
    too_large: bool = False
    breaks: tuple[int, ...] = ()
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Foreign:
    """Text that is no X12, outside interchanges; ``sample`` is its beginning."""

    sample: str
    count: int
    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Harmless white space or a byte order mark before the first interchange."""

    bom: bool
    blanks: int


@dataclass(frozen=True, slots=True)
class TruncatedIsa:
    """The data ended inside an ISA segment."""

    text: str
    offset: int
    line: int


Piece = Isa | EnvelopeSegment | SetText | Foreign | Surroundings | TruncatedIsa
_Steps = Generator[Piece | None, None, None]


@dataclass(slots=True)
class Reader:
    """Feed it chunks, take pieces.

    Args:
        max_set_bytes: limit of one transaction set.
    """

    max_set_bytes: int = MAX_SET_BYTES
    _buffer: str = ""
    _pos: int = 0
    _base: int = 0
    _line: int = 1
    _line_pos: int = 0
    _pending: list[str] = field(default_factory=list)
    _pending_size: int = 0
    _eof: bool = False
    _steps: _Steps | None = None
    _wrapped: bool = False
    _breaks: list[int] = field(default_factory=list)
    _dropped: int = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that are complete with this chunk.

        Raises:
            ValueError: after :meth:`close`.
        """
        if self._eof:
            raise ValueError("the reader is closed")
        if data:
            self._pending.append(data.decode("latin-1"))
            self._pending_size += len(data)
        if self._pending_size >= max(1, len(self._buffer) - self._pos):
            yield from self._advance()

    def close(self) -> Iterator[Piece]:
        """The pieces that the end of the data completes."""
        self._eof = True
        yield from self._advance()

    # --- driving ---------------------------------------------------------------------------------------
    def _advance(self) -> Iterator[Piece]:
        if self._steps is None:
            self._steps = self._outside()
        while True:
            for piece in self._steps:
                if piece is None:
                    break
                yield piece
            else:
                return
            if not self._eof:
                return

    def _fill(self) -> bool:
        """Takes the waiting chunks into the buffer; False at the end of the data."""
        if not self._pending:
            return False
        self._drop(self._pos)
        text = "".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        self._buffer += self._unwrapped(text, self._base + len(self._buffer)) if self._wrapped else text
        return True

    def _drop(self, count: int) -> None:
        self._line_at(count)
        self._line_pos -= count
        self._buffer = self._buffer[count:]
        self._base += count
        self._pos -= count
        if self._wrapped:
            gone = bisect_left(self._breaks, self._base)
            self._dropped += gone
            del self._breaks[:gone]

    def _more(self) -> Generator[None, None, bool]:
        """Waits for data; the buffer then begins at the current position. False at the end."""
        if self._fill():
            return True
        if self._eof:
            return False
        yield None
        return self._fill()

    def _unwrapped(self, text: str, start: int) -> str:
        """``text`` without line breaks, whose places are remembered for offsets."""
        kept: list[str] = []
        place = start
        for part in re.split(r"([\r\n])", text):
            if part in ("\r", "\n"):
                self._breaks.append(place)
            else:
                kept.append(part)
                place += len(part)
        return "".join(kept)

    def _offset(self, pos: int) -> int:
        place = self._base + pos
        return place + self._dropped + bisect_left(self._breaks, place + 1) if self._wrapped else place

    def _line_at(self, pos: int) -> int:
        self._line += self._buffer.count("\n", self._line_pos, pos)
        self._line_pos = pos
        return self._line

    # --- between interchanges --------------------------------------------------------------------------
    def _outside(self) -> _Steps:
        first = True
        last: Delimiters | None = None
        while True:
            blanks = yield from self._skip(BLANKS)
            if first:
                while len(self._buffer) - self._pos < len(_BOM) and (yield from self._more()):
                    pass
                bom = self._buffer.startswith(_BOM, self._pos)
                if bom:
                    self._pos += len(_BOM)
                    blanks += yield from self._skip(BLANKS)
                if bom or blanks:
                    yield Surroundings(bom, blanks)
                first = False
            while len(self._buffer) - self._pos < _LOOK and (yield from self._more()):
                pass
            if self._pos >= len(self._buffer):
                return
            header = self._header(last)
            if header is None:
                yield from self._foreign(last)
                continue
            yield header
            if isinstance(header, TruncatedIsa):
                self._pos = len(self._buffer)
                continue
            last = header.delimiters
            yield from self._inside(header.delimiters)

    def _skip(self, blanks: str) -> Generator[None, None, int]:
        count = 0
        while True:
            buffer, pos = self._buffer, self._pos
            end = len(buffer)
            while pos < end and buffer[pos] in blanks:
                pos += 1
            count += pos - self._pos
            self._pos = pos
            if pos < end or not (yield from self._more()):
                return count

    def _header(self, last: Delimiters | None) -> Isa | TruncatedIsa | None:
        """The interchange header at the current position, a stand-in for a missing one, or None."""
        buffer, pos = self._buffer, self._pos
        offset, line = self._offset(pos), self._line_at(pos)
        if buffer.startswith("ISA", pos):
            text = buffer[pos : pos + _LOOK]
            found = parse_isa(text, fixed=True)
            if found is None and ("\n" in text[:ISA_LENGTH] or "\r" in text[:ISA_LENGTH]):
                found = parse_isa(re.sub(r"[\r\n]", "", text), fixed=True)
                if found is not None:
                    self._unwrap()
            found = found or parse_isa(text)
            if found is not None:
                elements, delimiters, end, widths, separators = found
                self._pos += end
                return Isa(elements, delimiters, offset, line, widths, separators, wrapped=self._wrapped)
            if 3 < len(text) < _LOOK and not text[3].isalnum() and text.count(text[3]) < 16 and self._eof:
                return TruncatedIsa(text, offset, line)
            return None
        if last is not None and re.match(
            rf"(?:GS|ST|GE|SE|IEA|TA1){re.escape(last.element)}", buffer[pos : pos + 4]
        ):
            return Isa((), last, offset, line, fragment=True)
        look = buffer[pos : pos + _LOOK]
        match = _FRAGMENT_ST.match(look) or _FRAGMENT_GS.match(look)
        if match is None:
            return None
        return Isa((), Delimiters(match["sep"], "", match["end"]), offset, line, fragment=True)

    def _unwrap(self) -> None:
        """From here on line breaks are taken out before anything else looks at the text."""
        self._drop(self._pos)
        text, self._buffer = self._buffer, ""
        self._wrapped = True
        self._buffer = self._unwrapped(text, self._base)

    def _foreign(self, last: Delimiters | None) -> _Steps:
        """Skips text up to the next thing that looks like a header and tells how much it was."""
        offset, line, sample, count = self._offset(self._pos), self._line_at(self._pos), "", 0
        scan = self._pos + 1
        while True:
            match = _CANDIDATE.search(self._buffer, scan)
            end = match.start() if match else max(self._pos, len(self._buffer) - 8)
            if match is None and self._eof and not self._pending:
                end = len(self._buffer)
            sample = sample or self._buffer[self._pos : min(end, self._pos + 60)]
            count += end - self._pos
            self._pos = end
            if match:
                while len(self._buffer) - self._pos < _LOOK and (yield from self._more()):
                    pass
                before = (self._pos, self._base, self._wrapped)
                if self._header(last) is not None:
                    if not before[2] and self._wrapped:
                        self._unwrap()
                    self._pos = before[0] - (self._base - before[1])
                    break
                scan = self._pos + 2
                continue
            if not (yield from self._more()):
                break
            scan = self._pos
        yield Foreign(sample, count, offset, line)

    # --- in an interchange -----------------------------------------------------------------------------
    def _inside(self, delimiters: Delimiters) -> _Steps:
        separator, terminator = delimiters.element, delimiters.terminator
        blanks = "".join(c for c in BLANKS if c != separator)
        set_tag, isa_tag, iea = "ST" + separator, "ISA" + separator, "IEA" + separator
        header = re.compile(rf"[\r\n]\s*(?:ISA|GS|ST|GE|SE|IEA|TA1){re.escape(separator)}")
        while True:
            yield from self._skip(blanks)
            while len(self._buffer) - self._pos < 4 and (yield from self._more()):
                pass
            if self._pos >= len(self._buffer):
                return
            if self._buffer.startswith(set_tag, self._pos):
                yield from self._set(delimiters)
                continue
            if self._buffer.startswith(isa_tag, self._pos):
                return
            scan = self._pos
            while (end := self._buffer.find(terminator, scan)) < 0:
                back = max(0, len(self._buffer) - self._pos - 1)
                if not (yield from self._more()):
                    break
                scan = self._pos + back
            text = self._buffer[self._pos : end if end >= 0 else len(self._buffer)]
            offset, line = self._offset(self._pos), self._line_at(self._pos)
            embedded = header.search(text)
            if embedded:
                yield EnvelopeSegment(text[: embedded.start()], offset, line)
                self._pos += embedded.start()
                continue
            if end < 0 and not re.match(rf"(?:GS|GE|IEA|TA1|SE){re.escape(separator)}", text):
                yield Foreign(text[:60], len(text), offset, line)
                self._pos = len(self._buffer)
                return
            self._pos = end + len(terminator) if end >= 0 else len(self._buffer)
            yield EnvelopeSegment(text.strip(blanks), offset, line)
            if text.startswith(iea):
                return

    def _set(self, delimiters: Delimiters) -> _Steps:
        """The transaction set at the current position.

        The plain search for the SE segment serves regular data. A second look, boundary by boundary, serves
        sets without SE, mixed line ends and binary segments, whose data may hold anything.
        """
        separator, terminator, newline = delimiters.element, delimiters.terminator, delimiters.newline
        trailer = f"{terminator}{newline}SE{separator}"
        nested = f"{terminator}{newline}ST{separator}"
        scan = self._pos
        while True:
            found = self._buffer.find(trailer, scan)
            if found >= 0:
                end = self._buffer.find(terminator, found + len(trailer))
                if end >= 0 or (self._eof and not self._pending):
                    break
                scan = found
            elif _boundary(terminator, separator).search(self._buffer, scan):
                break
            else:
                scan = max(self._pos, len(self._buffer) - 64)
            if len(self._buffer) - self._pos > self.max_set_bytes:
                yield from self._too_large(delimiters)
                return
            back = scan - self._pos
            if not (yield from self._more()):
                break
            scan = self._pos + back
        complete = plain = found >= 0
        if complete:
            if end < 0:
                end = len(self._buffer)
            text = self._buffer[self._pos : end]
            if newline:
                regular = text.count(terminator) == text.count(terminator + newline)
            else:
                regular = not (("\n" in text and terminator != "\n") or ("\r" in text and terminator != "\r"))
                regular = regular or terminator == "\r\n"
            plain = (
                regular
                and self._buffer.find(nested, self._pos, found) < 0
                and f"{terminator}{newline}BIN{separator}" not in text
                and f"{terminator}{newline}BDS{separator}" not in text
            )
        if not plain:
            end, complete = yield from self._careful_end(delimiters)
            text = self._buffer[self._pos : end]
        if not complete and end == len(self._buffer) and text.rstrip(BLANKS).endswith(terminator):
            text = text.rstrip(BLANKS)[: -len(terminator)]
        start = self._base + self._pos
        breaks: tuple[int, ...] = ()
        if self._wrapped:
            first, past = bisect_left(self._breaks, start + 1), bisect_left(self._breaks, start + len(text))
            breaks = tuple(place - start for place in self._breaks[first:past])
        yield SetText(
            text, self._offset(self._pos), self._line_at(self._pos), complete, breaks=breaks, plain=plain
        )
        self._pos = min(len(self._buffer), end + len(terminator))

    def _careful_end(self, delimiters: Delimiters) -> Generator[None, None, tuple[int, bool]]:
        """Where the set at the current position ends (its last terminator), and whether SE was there."""
        separator, terminator = re.escape(delimiters.element), re.escape(delimiters.terminator)
        boundary = re.compile(rf"{terminator}\s*(SE|ST|GE|GS|IEA|ISA|BIN|BDS){separator}")
        binary = re.compile(
            rf"BIN{separator}(\d{{1,15}}){separator}|BDS{separator}[^{separator}]*{separator}(\d{{1,15}}){separator}"
        )
        scan = self._pos
        while True:
            match = boundary.search(self._buffer, scan)
            if match is None:
                back = max(0, len(self._buffer) - self._pos - 64)
                if len(self._buffer) - self._pos > self.max_set_bytes or not (yield from self._more()):
                    return len(self._buffer), False
                scan = max(scan, self._pos + back) if scan > self._pos + back else self._pos + back
                continue
            if match[1] in ("BIN", "BDS"):
                place = match.start(1) - self._pos
                while (head := binary.match(self._buffer, self._pos + place)) is None:
                    if len(self._buffer) - self._pos - place > 64 or not (yield from self._more()):
                        break
                if head is None:
                    scan = self._pos + place
                    continue
                after = head.end() - self._pos + int(head[1] or head[2])
                while len(self._buffer) - self._pos < after and after <= self.max_set_bytes:
                    if not (yield from self._more()):
                        break
                scan = self._pos + min(after, len(self._buffer) - self._pos)
                continue
            if match[1] != "SE":
                return match.start(), False
            past = match.end() - self._pos
            while (end := self._buffer.find(delimiters.terminator, self._pos + past)) < 0:
                if not (yield from self._more()):
                    return len(self._buffer), True
            return end, True

    def _too_large(self, delimiters: Delimiters) -> _Steps:
        """Skips a transaction set above the limit, keeping nothing but its beginning."""
        offset, line = self._offset(self._pos), self._line_at(self._pos)
        beginning = self._buffer[self._pos : self._pos + 200]
        terminator = re.escape(delimiters.terminator)
        boundary = re.compile(rf"{terminator}\s*(SE|ST|GE|GS|IEA|ISA){re.escape(delimiters.element)}")
        while (match := boundary.search(self._buffer, self._pos)) is None:
            self._pos = max(self._pos, len(self._buffer) - 64)
            if not (yield from self._more()):
                self._pos = len(self._buffer)
                break
        if match is not None:
            self._pos = match.start() + len(delimiters.terminator)
            if match[1] == "SE":
                while (end := self._buffer.find(delimiters.terminator, self._pos)) < 0:
                    if not (yield from self._more()):
                        end = len(self._buffer)
                        break
                self._pos = min(len(self._buffer), end + len(delimiters.terminator))
        yield SetText(
            beginning, offset, line, complete=match is not None and match[1] == "SE", too_large=True
        )


@lru_cache(maxsize=64)
def _boundary(terminator: str, separator: str) -> re.Pattern[str]:
    """What ends a set without SE: the next set, or the end of the group or interchange."""
    return re.compile(rf"{re.escape(terminator)}\s*(?:ST|GE|GS|IEA|ISA){re.escape(separator)}")


def parse_isa(text: str, *, fixed: bool = False) -> tuple[tuple[str, ...], Delimiters, int, str, str] | None:
    """Reads an ISA segment at the beginning of ``text``.

    Args:
        text: the segment and what follows it, as far as :data:`_LOOK` characters.
        fixed: accept the fixed form only.

    Returns:
        Elements, delimiters, length with the terminator, what is wrong with the widths, and with the
        separators (both in words, empty if nothing); None if this is no ISA segment.
    """
    if len(text) < 4 or text[3].isalnum() or text[3] in " \r\n":
        return None
    sep = text[3]
    if (
        len(text) >= ISA_LENGTH
        and all(text[i] == sep for i in ISA_SEPARATORS)
        and text.count(sep, 0, 104) == 16
    ):
        component, end, widths = text[104], 105, ""
        elements = (*text[:104].split(sep)[:16], component)
    elif fixed:
        return None
    else:
        places = [i for i in range(min(len(text), 300)) if text[i] == sep][:16]
        if len(places) < 15:
            return None
        parts = [*text[: places[14]].split(sep), ""]
        last = text[places[14] + 1 : places[15] if len(places) > 15 else places[14] + 8]
        short = re.match(r"([A-Za-z0-9]?)([^A-Za-z0-9])\s*(?:GS|TA1|IEA)$", last, re.DOTALL)
        if short:
            parts[15], component, end = short[1], "", places[14] + 1 + len(short[1])
        elif len(places) < 16 or len(text) < places[15] + 2:
            return None
        else:
            parts[15], component, end = last, text[places[15] + 1], places[15] + 2
        parts = [re.sub(r"[\r\n]", "", part) for part in parts]
        if max(map(len, parts)) > 40:
            return None
        elements = (*parts, component)
        widths = ", ".join(
            f"ISA{i:02d} has {len(parts[i])} characters instead of {width}"
            for i, width in enumerate(ISA_WIDTHS[:15], 1)
            if len(parts[i]) != width
        )
    if end >= len(text):
        return None
    follows = text[end : end + 300]
    segment = rf"[A-Z][A-Z0-9]{{1,2}}{re.escape(sep)}"
    wide = _utf8_length(text, end - 1) if component else 0
    if wide and re.match(rf"[^A-Za-z0-9\s]\s*{segment}", text[end - 1 + wide :]):
        component, end = text[end - 1 : end - 1 + wide], end - 1 + wide
    elif wide:
        component, end = "", end - 1  # a multi-byte character as the terminator, and ISA16 left out
    elif component and follows[0] in "\r\n" and component not in "\r\n ":
        # ISA16 left out: what stands in its place ends all the next segments, too.
        lines = [line for line in re.split(r"[\r\n]+", follows) if line]
        whole = lines[:-1] if len(follows) == 300 else lines
        if whole and all(line.endswith(component) for line in whole):
            component, end = "", end - 1
    elif component and re.match(segment, follows) and not re.search(re.escape(follows[0]) + segment, follows):
        component, end = "", end - 1
    terminator = text[end]
    if text[end : end + 2] == "\r\n":
        terminator = "\r\n"
    elif wide := _utf8_length(text, end):
        terminator = text[end : end + wide]
    end += len(terminator)
    newline = re.match(r"\r\n|\n|\r", text[end:]) if terminator not in ("\n", "\r", "\r\n") else None
    delimiters = Delimiters(
        element=sep,
        component=component,
        terminator=terminator,
        repetition=repetition_separator(elements[11].strip(), elements[12]),
        newline=newline[0] if newline else "",
    )
    return (*elements[:16], component), delimiters, end, widths, _separator_fault(delimiters)


def _utf8_length(text: str, at: int) -> int:
    """Bytes of a multi-byte UTF-8 character that stands at a place of Latin-1 text; 0 if there is none."""
    lead = ord(text[at]) if at < len(text) else 0
    length = 2 if 0xC2 <= lead <= 0xDF else 3 if 0xE0 <= lead <= 0xEF else 4 if 0xF0 <= lead <= 0xF4 else 0
    rest = text[at + 1 : at + length]
    return length if length and len(rest) == length - 1 and all("\x80" <= c <= "\xbf" for c in rest) else 0


def _separator_fault(delimiters: Delimiters) -> str:
    if not delimiters.component:
        return "ISA16 (component separator) is missing."
    if delimiters.component.isalnum() or delimiters.component == " ":
        return f"ISA16 is {delimiters.component!r}, which cannot separate components."
    names = {"element separator": delimiters.element, "component separator": delimiters.component}
    names |= {"segment terminator": delimiters.terminator, "repetition separator": delimiters.repetition}
    used: dict[str, str] = {}
    for name, character in names.items():
        if character and character in used:
            return f"The {name} is the same character as the {used[character]}: {character!r}."
        used[character] = name
    return ""
