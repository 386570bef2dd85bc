"""Cuts a stream of bytes into its parts: ISA, envelope segments, whole transaction sets, foreign text.

It holds one transaction set at a time, whatever the size of the file, and its work grows with the number of
bytes only: a search goes on where it stopped, and a long set is joined from its chunks in doubling steps.
Bytes are read as Latin-1, so a character is a byte and every offset is a byte offset.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate

from gateway.x12.delimiters import BLANKS, ISA_LENGTH, ISA_WIDTHS, Delimiters, repetition_separator

MAX_SET_BYTES = 256 * 1024 * 1024
"""Default limit of one transaction set; the largest seen in the field is a few ten megabytes."""

_LOOK = 512  # characters looked at to recognise an ISA segment and what follows it
_WINDOW = 16 * 1024  # characters searched for the end of a set in the quick way: bounds the work without ends

_BOM = "\xef\xbb\xbf"
_CANDIDATE = re.compile(
    r"ISA(?=[^A-Za-z0-9 \r\n])|"
    r"(?<![A-Za-z0-9])(?:GS([^A-Za-z0-9 \r\n])[A-Z]{2}\1|ST([^A-Za-z0-9 \r\n])\d{3}\2)"
)
_FRAGMENT_ST = re.compile(r"ST(?P<sep>.)\d{3}(?P=sep)[0-9A-Za-z]{1,9}(?P<end>\r\n|[^0-9A-Za-z])")
_FRAGMENT_GS = re.compile(
    r"GS(?P<sep>.)[A-Z]{2}(?:(?P=sep)[^\r\n]{0,40}?){6}(?P=sep)[0-9A-Z]{1,12}(?P<end>\r\n|[^0-9A-Za-z])"
)
_FIXED_ISA = (
    r"ISA(?P<isa>[^A-Za-z0-9 \r\n])"
    + r"(?P=isa)".join(f".{{{width}}}" for width in ISA_WIDTHS[:15])
    + r"(?P=isa).."
)
"""A whole ISA segment of fixed width: where it stands, an interchange begins, whatever was before."""

_ANY_ISA = re.compile(_FIXED_ISA, re.DOTALL)
_TRUNCATED_ISA = re.compile(r"ISA([^A-Za-z0-9 \r\n])(?:[A-Z0-9 ]{2}(?:\1|$)|[A-Z0-9 ]?$)")
_BLANK = r"[ \t\r\n]"  # not \s, which takes in the separators 0x1C to 0x1F
_BLANKS = _BLANK + r"{0,200}+"  # bounded: in a run of line ends each may begin a match
_WIDE = r"[\xc2-\xf4][\x80-\xbf]{1,3}"
_UTF8 = re.compile(r"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


@dataclass(frozen=True, slots=True)
class Isa:
    """An ISA segment, or with ``fragment`` a stand-in for data that came without one.

    ``widths`` and ``separators`` say in words what is wrong with its form.
    """

    elements: tuple[str, ...]
    delimiters: Delimiters
    offset: int = 0
    line: int = 1
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
        end: bytes of the file before what follows the set.
    """

    text: str
    offset: int
    line: int
    complete: bool
    too_large: bool = False
    breaks: tuple[int, ...] = ()
    plain: bool = False
    end: int = 0


@dataclass(frozen=True, slots=True)
class Foreign:
    """Text that is no X12, outside interchanges, or an ISA segment in which the data ended."""

    sample: str
    count: int
    offset: int
    line: int
    is_isa: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Harmless white space or a byte order mark before the first interchange."""

    bom: bool
    blanks: int


Piece = Isa | EnvelopeSegment | SetText | Foreign | Surroundings
_Steps = Generator[Piece | None, None, None]


@dataclass(slots=True)
class Reader:
    """Feed it chunks, take pieces; ``max_set_bytes`` is the limit of one transaction set."""

    max_set_bytes: int = MAX_SET_BYTES
    _buffer: str = ""
    _pos: int = 0
    _base: int = 0
    _line: int = 1
    _line_pos: int = 0
    _pending: list[str] = field(default_factory=list)
    _pending_size: int = 0
    _eof: bool = False
    _steps: _Steps = field(init=False)
    _wrapped: bool = False
    _breaks: list[int] = field(default_factory=list)
    _dropped: int = 0

    def __post_init__(self) -> None:
        self._steps = self._outside()

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that are complete with this chunk; ValueError after :meth:`close`."""
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

    def _advance(self) -> Iterator[Piece]:
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

    def _need(self, count: int) -> Generator[None, None, None]:
        """Waits until so many characters follow, or the data ends."""
        while len(self._buffer) - self._pos < count and (yield from self._more()):
            pass

    def _unwrapped(self, text: str, start: int) -> str:
        """``text`` without line breaks, whose places are remembered for offsets."""
        kept = re.split(r"[\r\n]", text)
        self._breaks += (start + length for length in accumulate(map(len, kept[:-1])))
        return "".join(kept)

    def _offset(self, pos: int) -> int:
        place = self._base + pos
        return place + self._dropped + bisect_left(self._breaks, place + 1) if self._wrapped else place

    def _line_at(self, pos: int) -> int:
        self._line += self._buffer.count("\n", self._line_pos, pos)
        self._line_pos = pos
        return self._line

    def _outside(self) -> _Steps:
        blanks = yield from self._skip(BLANKS)
        yield from self._need(len(_BOM))
        if bom := self._buffer.startswith(_BOM, self._pos):
            self._pos += len(_BOM)
            blanks += yield from self._skip(BLANKS)
        if bom or blanks:
            yield Surroundings(bom, blanks)
        last: Delimiters | None = None
        while True:
            yield from self._skip(BLANKS)
            yield from self._need(_LOOK)
            if self._pos >= len(self._buffer):
                return
            header = self._header(last)
            if header is None:
                yield from self._foreign(last)
                continue
            yield header
            if isinstance(header, Foreign):
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

    def _header(self, last: Delimiters | None) -> Isa | Foreign | None:
        """The interchange header at the current position, a stand-in for a missing one, or None."""
        buffer, pos = self._buffer, self._pos
        offset, line = self._offset(pos), self._line_at(pos)
        look = buffer[pos : pos + _LOOK]
        if look.startswith("ISA"):
            found = parse_isa(look, fixed=True)
            if found is None and ("\n" in look[:ISA_LENGTH] or "\r" in look[:ISA_LENGTH]):
                found = parse_isa(re.sub(r"[\r\n]", "", look), fixed=True)
                if found is not None:
                    self._unwrap()
            found = found or parse_isa(look)
            if found is not None:
                isa, end = found
                self._pos += end
                return replace(isa, offset=offset, line=line, wrapped=self._wrapped)
            cut_off = len(look) < _LOOK and self._eof and _TRUNCATED_ISA.match(look)
            return Foreign(look, len(look), offset, line, is_isa=True) if cut_off else None
        if last is not None and re.match(rf"(?:GS|ST|GE|SE|IEA|TA1){re.escape(last.element)}", look):
            return Isa((), last, offset, line, fragment=True)
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
            ended = self._eof and not self._pending
            end = len(self._buffer) if ended else max(self._pos, len(self._buffer) - 8)
            end = match.start() if match else end
            sample = sample or self._buffer[self._pos : min(end, self._pos + 60)]
            count += end - self._pos
            self._pos = end
            if match:
                yield from self._need(_LOOK)
                pos, base, wrapped = self._pos, self._base, self._wrapped
                if self._header(last) is not None:
                    if not wrapped and self._wrapped:
                        self._unwrap()
                    self._pos = pos - (self._base - base)
                    break
                scan = self._pos + 2
                continue
            if ended:
                break
            yield from self._more()
            scan = self._pos
        yield Foreign(sample, count, offset, line)

    def _inside(self, delimiters: Delimiters) -> _Steps:
        separator, terminator = delimiters.element, delimiters.terminator
        blanks = "".join(c for c in BLANKS if c != separator)
        set_tag, iea = "ST" + separator, "IEA" + separator
        header = re.compile(rf"[\r\n]{_BLANKS}(?:ISA|GS|ST|GE|SE|IEA|TA1){re.escape(separator)}")
        while True:
            yield from self._skip(blanks)
            yield from self._need(4)
            if self._pos >= len(self._buffer):
                return
            if self._buffer.startswith(set_tag, self._pos):
                yield from self._set(delimiters)
                continue
            if self._buffer.startswith("ISA", self._pos):
                yield from self._need(ISA_LENGTH)
                other = self._buffer[self._pos + 3 : self._pos + 3 + len(separator)]
                if other == separator or _ANY_ISA.match(self._buffer, self._pos):
                    return
            offset, line, near = self._offset(self._pos), self._line_at(self._pos), self._pos + _WINDOW
            if self._buffer.find(terminator, self._pos, near) < 0:
                # Without a terminator in sight, lines are looked at first: the search stays short.
                embedded = header.search(self._buffer, self._pos, near)
                if embedded:
                    yield EnvelopeSegment(self._buffer[self._pos : embedded.start()], offset, line)
                    self._pos = embedded.start()
                    continue
            scan = self._pos
            while (end := self._buffer.find(terminator, scan)) < 0:
                back = max(0, len(self._buffer) - self._pos - 1)
                if back > self.max_set_bytes or not (yield from self._more()):
                    break
                scan = self._pos + back
            text = self._buffer[self._pos : end if end >= 0 else len(self._buffer)]
            if end < 0 and len(text) > self.max_set_bytes:
                yield Foreign(text[:60], len(text), offset, line)
                self._pos = len(self._buffer)
                continue
            embedded = header.search(text) or _ANY_ISA.search(text)
            if embedded:
                yield EnvelopeSegment(text[: embedded.start()], offset, line)
                self._pos += embedded.start()
                continue
            if not self._wrapped and re.search(r"[\r\n]", text.strip(blanks)) and end >= 0:
                self._unwrap()
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

        A plain search for the SE segment serves regular data. A second look, boundary by boundary, serves the
        rest: sets without SE, mixed line ends, and binary segments, whose data may hold anything.
        """
        terminator = delimiters.terminator
        newline = "" if self._wrapped else delimiters.newline
        trailer = f"{terminator}{newline}SE{delimiters.element}"
        found = self._buffer.find(trailer, self._pos, self._pos + _WINDOW)
        end = self._buffer.find(terminator, found + len(trailer)) if found >= 0 else -1
        complete = end >= 0
        text = self._buffer[self._pos : end] if complete else ""
        past = end + len(terminator)
        plain = complete and self._is_plain(text, delimiters, newline)
        if not plain:
            ending = yield from self._careful_end(delimiters)
            if ending is None:
                yield from self._too_large(delimiters)
                return
            end, past, complete = ending
            text = self._buffer[self._pos : end]
            binary = re.search(rf"(?:BIN|BDS){re.escape(delimiters.element)}", text)
            broken = rf"[^ \t\r\n{re.escape(terminator[-1])}][ \t]*[\r\n]"  # a line end that ends no segment
            if not (self._wrapped or delimiters.newline_ends or binary) and re.search(broken, text):
                self._unwrap()
                yield from self._set(delimiters)
                return
            plain = self._is_plain(text, delimiters, newline)
            if not complete and end == len(self._buffer) and text.rstrip(BLANKS).endswith(terminator):
                text = text.rstrip(BLANKS)[: -len(terminator)]
        start = self._base + self._pos
        breaks: tuple[int, ...] = ()
        if self._wrapped:
            first, last = bisect_left(self._breaks, start + 1), bisect_left(self._breaks, start + len(text))
            breaks = tuple(place - start for place in self._breaks[first:last])
        offset, line = self._offset(self._pos), self._line_at(self._pos)
        plain = plain and newline == delimiters.newline
        large = len(text) > self.max_set_bytes
        text = text[:200] if large else text
        yield SetText(text, offset, line, complete, large, breaks, plain, self._offset(past))
        self._pos = past

    @staticmethod
    def _is_plain(text: str, delimiters: Delimiters, newline: str) -> bool:
        """Whether a set is cut into segments by its terminator and line end, and nothing else is in it."""
        terminator, separator = delimiters.terminator, delimiters.element
        end = terminator + newline
        if newline:
            regular = text.count(terminator) == text.count(end) == text.count(newline[-1])
        else:
            regular = delimiters.newline_ends or not ("\n" in text or "\r" in text)
        return (
            regular
            and f"{end}ST{separator}" not in text
            and f"{end}BIN{separator}" not in text
            and f"{end}BDS{separator}" not in text
            and f"{end} " not in text
            and ("\t" not in text or f"{end}\t" not in text)
            and ("ISA" not in text or not _ANY_ISA.search(text))
        )

    def _careful_end(self, delimiters: Delimiters) -> Generator[None, None, tuple[int, int, bool] | None]:
        """Where the set at the current position ends, where the next thing begins, and whether SE was there.

        None for a set above the limit.
        """
        separator, terminator = re.escape(delimiters.element), re.escape(delimiters.terminator)
        boundary = re.compile(
            rf"{terminator}{_BLANKS}(?P<id>SE|ST|GE|GS|IEA|ISA|BIN|BDS){separator}|{_FIXED_ISA}", re.DOTALL
        )
        size = len(delimiters.terminator)
        scan = 0
        while True:
            match = boundary.search(self._buffer, self._pos + scan)
            if match is None:
                if len(self._buffer) - self._pos > self.max_set_bytes:
                    return None
                back = max(scan, len(self._buffer) - self._pos - 2 * ISA_LENGTH)
                if not (yield from self._more()):
                    return len(self._buffer), len(self._buffer), False
                scan = back
                continue
            start, end = match.start() - self._pos, match.end() - self._pos
            match match["id"]:
                case "SE":
                    while (stop := self._buffer.find(delimiters.terminator, self._pos + end)) < 0:
                        if not (yield from self._more()):
                            return len(self._buffer), len(self._buffer), True
                    return stop, stop + size, True
                case "BIN" | "BDS":
                    scan = yield from self._past_binary(delimiters, match.start("id") - self._pos)
                case None:
                    return self._pos + start, self._pos + start, False
                case _:
                    return self._pos + start, self._pos + start + size, False

    def _past_binary(self, delimiters: Delimiters, place: int) -> Generator[None, None, int]:
        """Where to search on after a binary segment: its length is believed if a terminator follows."""
        binary = binary_head(delimiters.element)
        while (head := binary.match(self._buffer, self._pos + place)) is None:
            if len(self._buffer) - self._pos - place > 64 or not (yield from self._more()):
                return place
        after = head.end() - self._pos + int(head[1] or head[2])
        needed = after + len(delimiters.terminator)
        if after <= self.max_set_bytes:
            yield from self._need(needed)
        follows = self._buffer[self._pos + after : self._pos + needed + 2].lstrip("\r\n")
        return after if follows.startswith(delimiters.terminator) else place

    def _too_large(self, delimiters: Delimiters) -> _Steps:
        """Skips a transaction set above the limit, keeping nothing but its beginning."""
        offset, line = self._offset(self._pos), self._line_at(self._pos)
        beginning = self._buffer[self._pos : self._pos + 200]
        self._pos = len(self._buffer) - 2 * ISA_LENGTH
        limit, self.max_set_bytes = self.max_set_bytes, 4 * _LOOK
        while (ending := (yield from self._careful_end(delimiters))) is None:
            self._pos = len(self._buffer) - 2 * ISA_LENGTH
        self.max_set_bytes = limit
        _, self._pos, complete = ending
        yield SetText(beginning, offset, line, complete, too_large=True)


@lru_cache(maxsize=64)
def binary_head(separator: str) -> re.Pattern[str]:
    """BIN and BDS up to their data; group 1 or 2 is its length (data element 784)."""
    sep = re.escape(separator)
    return re.compile(rf"{_BLANKS}(?:BIN{sep}(\d{{1,15}}){sep}|BDS{sep}[^{sep}]*{sep}(\d{{1,15}}){sep})")


def parse_isa(text: str, *, fixed: bool = False) -> tuple[Isa, int] | None:
    """An ISA segment at the beginning of ``text``, and its length with the terminator; None if there is none.

    ``text`` reaches as far as :data:`_LOOK` characters; ``fixed`` accepts the fixed form only.
    """
    if len(text) < 4 or _is_alnum(text[3]) or text[3] in " \r\n":
        return None
    sep = _character(text, 3)
    if _ANY_ISA.match(text):
        parts, at, missing = text[:103].split(sep)[:16], 104, False
    elif fixed or (found := _tolerant(text, sep)) is None:
        return None
    else:
        parts, at, missing = found
    faults = [
        f"ISA{i:02d} has {len(part)} characters instead of {width}"
        for i, (part, width) in enumerate(zip(parts[1:], ISA_WIDTHS[:15], strict=False), 1)
        if len(part) != width
    ]
    if len(parts) != 16:
        faults = [f"it has {len(parts)} elements instead of 16"]
        parts = (parts + [""] * 16)[:16]
    component = "" if missing else _character(text, at)
    end = at + len(component)
    if end >= len(text):
        return None
    if component and _left_out(component, text[end : end + 300], sep):
        component, end = "", at
    terminator = "\r\n" if text.startswith("\r\n", end) else _character(text, end)
    end += len(terminator)
    line_ends = () if terminator in "\r\n" else ("\r\n", "\n", "\r")
    newline = next((one for one in line_ends if text.startswith(one, end)), "")
    repetition = repetition_separator(parts[11].strip(), parts[12])
    delimiters = Delimiters(sep, component, terminator, repetition, newline)
    fault = _separator_fault(delimiters)
    if component in (sep, terminator, " ") or _is_alnum(component):
        delimiters = replace(delimiters, component="")
    if repetition in (sep, terminator, component):
        delimiters = replace(delimiters, repetition="")
    return Isa((*parts, component), delimiters, widths=", ".join(faults), separators=fault), end


def _is_alnum(text: str) -> bool:
    return text.isascii() and text.isalnum()


def _tolerant(text: str, sep: str) -> tuple[list[str], int, bool] | None:
    """ISA01 to ISA15 of a header that is not of fixed width, where ISA16 stands, and whether it is missing.

    The header ends before the first group, or where that does not follow at once, after 16 separators.
    """
    own = re.escape(sep)
    mark = rf"(?:{_WIDE}|[^A-Za-z0-9 \r\n{own}])"
    ends = re.compile(rf"({mark}?)({_WIDE}|\r\n|[^A-Za-z0-9 {own}]){_BLANK}*(?=(?:GS|TA1|IEA){own})")
    places = [match.start() for match in re.finditer(own, text[:300])][:16]
    tries = []
    if match := ends.search(text[:400]):
        tries.append((text[: match.start()], match.start(), not match[1]))
    if len(places) == 16 and len(text) > (at := places[15] + len(sep)) + 1:
        plain = not _is_alnum(text[at]) and not _is_alnum(text[at + 1]) and text[at + 1] != " "
        tries += [(text[: places[15]], at, False)] if plain else []
    for head, at, missing in tries:
        parts = [re.sub(r"[\r\n]", "", part) for part in head.split(sep)]
        while len(parts) > 16 and not parts[-1]:
            parts.pop()
        if 13 <= len(parts) <= 18 and max(map(len, parts)) <= 40 and "ISA" not in parts[1:]:
            return parts, at, missing
    return None


def _left_out(component: str, follows: str, sep: str) -> bool:
    """Whether what stands in the place of ISA16 is the terminator already."""
    if follows[0] in "\r\n" and component not in "\r\n ":
        lines = [line for line in re.split(r"[\r\n]+", follows) if line.strip()]
        whole = lines[:-1] if len(follows) == 300 else lines
        return bool(whole) and all(line.endswith(component) for line in whole)
    segment = rf"[A-Z][A-Z0-9]{{1,2}}{re.escape(sep)}"
    return bool(re.match(segment, follows)) and not re.search(re.escape(follows[0]) + segment, follows)


def _character(text: str, at: int) -> str:
    """The character at a place of Latin-1 text, with all its bytes where it is one of UTF-8."""
    match = _UTF8.match(text, at)
    return match[0] if match else text[at : at + 1]


def _separator_fault(delimiters: Delimiters) -> str:
    if not delimiters.component:
        return "ISA16 (component separator) is missing."
    if _is_alnum(delimiters.component) or delimiters.component == " ":
        return f"ISA16 is {delimiters.component!r}, which cannot separate components."
    names = {"element separator": delimiters.element, "component separator": delimiters.component}
    names |= {"segment terminator": delimiters.terminator, "repetition separator": delimiters.repetition}
    used: dict[str, str] = {}
    for name, character in names.items():
        if character and character in used:
            return f"The {name} is the same character as the {used[character]}: {character!r}."
        used[character] = name
    return ""
