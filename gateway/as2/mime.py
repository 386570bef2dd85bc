"""MIME entities (RFC 2045, 2046) in spans: headers, parts and transfer encodings, of bodies of any size.

Readers raise :class:`As2Error` (AS2-MALFORMED where nothing else is said) and no other exception. They take
parts apart one level at a time, and their work grows with the content and no faster.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NoBase64
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from string import ascii_letters, digits
from typing import BinaryIO
from urllib.parse import quote, unquote_to_bytes

from gateway.as2.problems import As2Error
from gateway.as2.span import CHUNK, Scratch, Span

HEAD = 1 << 16
"""The most bytes of the headers of an entity, and of what stands before the first part."""
LINES = 200
"""The most lines of the headers of an entity."""
PARTS = 100
"""The most parts of a multipart entity."""
SAFE = re.compile(r"[ -~]*")
"""Header values that may be written: printable ASCII and blanks, no line ends."""

_NAME = re.compile(r"[!-9;-~]+")
_TYPE = re.compile(r"[^\s;()/\"]+/[^\s;()/\"]+")
_TOKEN = re.compile(r"[^\s;()<>@,\\:\"/\[\]?=*'%]+")
_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_LINE_END = re.compile(rb"\r\n?|\n")
_FIRST = re.compile(r"[^;(\"\s]+")
_QUOTED = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_PARAMETER = re.compile(rf'([^\s=;"()]+)[ \t]*=[ \t]*(?:{_QUOTED.pattern}|((?!")[^;]*))')
_COMMENTED = re.compile(r"([^\s()]+)\s+\(.*\)")
_SECTION = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*)?)?")
_ENCODED_WORD = re.compile(r"=\?([^?\s]+)\?([BbQq])\?([^?]*)\?=")
_CHARSET = re.compile(r"utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
_PADDING = 100
"""The most blanks after a boundary on its line."""
_REST = re.compile(rb"(--)?[ \t]{0,%d}(?=(\r?\n)|\Z)" % _PADDING)
_BASE64 = (ascii_letters + digits + "+/=").encode()
_QUOTED_PRINTABLE = re.compile(rb"(?:[\t\r\n -<>-~]++|=(?:[0-9A-Fa-f]{2}|\r?\n|\Z))*+")
_LAST_BLANKS = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")


def _malformed(what: str) -> As2Error:
    return As2Error("AS2-MALFORMED", what=what)


@dataclass(frozen=True, slots=True)
class Headers:
    """Names and values in their order. Names count in any case."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """The first value of that name."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Every value of that name."""
        name = name.lower()
        return [value for found, value in self.pairs if found.lower() == name]


@dataclass(frozen=True, slots=True)
class Entity:
    """Headers and body: ``whole`` is ``head`` (with the blank line) and ``body``, as they came."""

    headers: Headers
    head: Span
    body: Span
    whole: Span


@dataclass(frozen=True, slots=True)
class ContentType:
    """Type and subtype ("a/b", lower case), and parameters by their names in lower case."""

    type: str
    params: Mapping[str, str] = field(default_factory=dict)


def entity(span: Span) -> Entity:
    """Headers up to the blank line (CRLF or LF), and what follows. Without a blank line there is no body."""
    data = span.read(HEAD + 1)
    blank = _BLANK_LINE.search(data)
    stop = blank.end() if blank else len(data)
    headers = _headers(data[:stop])
    if stop > HEAD:
        raise _malformed(f"headers have more than {HEAD >> 10} KiB")
    return Entity(headers, span.cut(0, stop), span.cut(stop), span)


def _headers(data: bytes) -> Headers:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if len(lines) > LINES + 2:  # the blank line, and nothing after the last line end
        raise _malformed(f"headers have more than {LINES} lines")
    pairs: list[tuple[str, list[str]]] = []
    for line in filter(None, lines):
        name, colon, value = line.partition(":")
        if pairs and line[0] in " \t":
            pairs[-1][1].append(line.strip())
        elif colon and _NAME.fullmatch(name):
            pairs.append((name, [value.strip()]))
        else:
            raise _malformed(f"this is no header: {line[:60]!r}")
        if "\r" in line or "\0" in line:
            raise _malformed(f"a header has a control character: {line[:60]!r}")
    return Headers(tuple((name, " ".join(filter(None, values))) for name, values in pairs))


def parts(body: Span, boundary: str) -> list[Entity]:
    """The parts of a multipart body (RFC 2046, 5.1.1).

    Strict, as content beside the parts that were signed must never count: the closing boundary has to be
    there, with nothing but blanks after it. What stands before the first one is passed over, as the standard
    asks. The line end before a boundary belongs to it, CRLF or LF as that of the first boundary's line.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise _malformed(f"the boundary {boundary[:80]!r} has not 1 to 70 printable characters")
    found: list[Entity] = []
    start, crlf = -1, False
    for at, after, is_closing, line_end in _delimiters(body, boundary.encode()):
        if start < 0:
            crlf = line_end == b"\r\n"
            if at > HEAD:
                raise _malformed(f"more than {HEAD >> 10} KiB stand before the first boundary")
        else:
            stop = at - (crlf and body.cut(at - 1, at).read() == b"\r")
            if stop < start or len(found) == PARTS:
                raise _malformed("a part is empty" if stop < start else f"there are more than {PARTS} parts")
            found.append(entity(body.cut(start, stop)))
        if is_closing:
            if not found or any(chunk.strip(b"\r\n\t ") for chunk in body.cut(after).chunks()):
                raise _malformed("content follows the closing boundary" if found else "there is no part")
            return found
        start = after + len(line_end)
    raise _malformed("the closing boundary is missing" if found or start >= 0 else "the boundary is missing")


def _delimiters(body: Span, boundary: bytes) -> Iterator[tuple[int, int, bool, bytes]]:
    """Each boundary: the offset of the LF before it and that of its end, whether it closes, its line end."""
    line, reach = b"\n--" + boundary, len(boundary) + _PADDING + 7
    held, base = b"\n", -1  # so that the first line begins like the others
    for chunk in body.chunks():
        held += chunk
        # What begins within the reach of a match from the end may go on in the next chunk.
        stop = len(held) if base + len(held) == body.size else max(0, len(held) - reach)
        at = held.find(line)
        while 0 <= at < stop:
            if match := _REST.match(held, at + len(line)):
                yield base + at, base + match.end(), bool(match[1]), match[2] or b""
            at = held.find(line, match.end() if match else at + 1)
        held, base = held[stop:], base + stop


@lru_cache(16)  # asked several times of the same entity
def content_type(value: str | None) -> ContentType:
    """The value of a Content-Type header; text/plain without one (RFC 2045, 5.2)."""
    kind, params = _parameters("text/plain" if value is None else value)
    if not _TYPE.fullmatch(kind):
        raise _malformed(f"this is no content type: {value!r:.80}")
    return ContentType(kind.lower(), params)


def _parameters(value: str) -> tuple[str, dict[str, str]]:
    """The first word, and the parameters after it (RFC 2045, 5.1; RFC 2231)."""
    text = value.strip()
    if whole := _QUOTED.fullmatch(text):  # some quote all of it
        text = _unquoted(whole[1])
    at = _skip(text, 0)
    first = _FIRST.match(text, at)
    if not first:
        raise _malformed(f"this is no header value: {value!r:.80}")
    at = _skip(text, first.end())
    found: list[tuple[str, str]] = []
    while at < len(text):
        start = _skip(text, at + 1)
        match = _PARAMETER.match(text, start)
        if text[at] != ";" or not (match or text[start : start + 1] in ("", ";")):
            raise _malformed(f"parameters of a header cannot be read: {text[at : at + 60]!r}")
        at = start
        if match:
            name, quoted, plain = match.groups()
            if quoted is None:
                commented = _COMMENTED.fullmatch(plain.strip())
                found.append((name.lower(), commented[1] if commented else plain.strip()))
            else:
                found.append((name.lower(), _unquoted(quoted)))
            at = _skip(text, match.end())
    return first[0], _joined(found)


def _skip(text: str, at: int) -> int:
    """Where blanks and comments, which nest, end (RFC 5322, 3.2.2)."""
    depth = 0
    while at < len(text) and (depth or text[at] in " \t("):
        depth += (text[at] == "(") - (text[at] == ")")
        at += 1 + (text[at] == "\\")
    return min(at, len(text))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _joined(found: list[tuple[str, str]]) -> dict[str, str]:
    """Parameters whose sections are put together (RFC 2231, 3 and 4), which count before those without."""
    params: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for name, value in found:
        if section := _SECTION.fullmatch(name):
            piece = section[2] is None or section[3] is not None, value.encode(errors="replace")
            known = sections.setdefault(section[1], {}).setdefault(int(section[2] or 0), piece) == piece
        else:
            known = params.setdefault(name, value) == value
        if not known:
            raise _malformed(f"a parameter has two values: {name[:60]!r}")
    for name, numbered in sections.items():
        if sorted(numbered) != list(range(len(numbered))):
            raise _malformed(f"a section of a parameter is missing: {name[:60]!r}")
        is_encoded, first = numbered[0]
        charset = b"utf-8"
        if is_encoded and first.count(b"'") >= 2:
            charset, _, first = first.split(b"'", 2)
        numbered[0] = is_encoded, first
        pieces = [numbered[number] for number in range(len(numbered))]
        data = b"".join(unquote_to_bytes(piece) if is_encoded else piece for is_encoded, piece in pieces)
        params[name] = _decoded_text(data, charset.decode("latin-1") or "utf-8")
    return params


def _decoded_text(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset if _CHARSET.fullmatch(charset) else "latin-1", "replace")
    except LookupError:
        return data.decode("latin-1")


def disposition_filename(headers: Headers) -> str:
    """The file name that headers tell, empty if there is none to read. It may have a path in it.

    From Content-Disposition, or else Content-Type; with encoded words (RFC 2047); without control characters.
    """
    for header, parameter in (("Content-Disposition", "filename"), ("Content-Type", "name")):
        try:
            name = _parameters(headers.get(header) or "")[1].get(parameter)
        except As2Error:
            continue
        if name:
            name = _ENCODED_WORD.sub(_word, re.sub(r"\?=\s+(?==\?)", "?=", name))
            return _CONTROLS.sub("", name).strip()
    return ""


def _word(match: re.Match[str]) -> str:
    text = match[3].encode(errors="replace")
    try:
        data = b64decode(text + b"==") if match[2] in "Bb" else a2b_qp(text, header=True)
    except NoBase64:
        return match[0]
    return _decoded_text(data, match[1].partition("*")[0])


def decoded(entity: Entity, scratch: Scratch, limit: int) -> Span:
    """The body without its transfer encoding (RFC 2045, 6).

    Args:
        limit: the most bytes. Raises AS2-TOO-LARGE above.
    """
    encoding = (entity.headers.get("Content-Transfer-Encoding") or "binary").strip('" ').lower()
    if encoding in ("7bit", "8bit", "binary"):
        content = entity.body
    elif encoding in ("base64", "quoted-printable"):
        room, size = scratch(), 0
        for piece in _base64(entity.body) if encoding == "base64" else _quoted_printable(entity.body):
            size += len(piece)
            if size > limit:
                break
            room.write(piece)
        content = Span(room, 0, size)
    else:
        raise _malformed(f"the content transfer encoding {encoding[:40]!r} is unknown")
    if content.size > limit:
        raise As2Error("AS2-TOO-LARGE", what=f"it has more than {limit} bytes")
    return content


def _base64(body: Span) -> Iterator[bytes]:
    """Decoded pieces. Padding may be missing; after it nothing may follow."""
    held, padding = b"", 0
    for chunk in body.chunks():
        text = chunk.translate(None, b"\r\n\t ")
        data, sign, rest = text.partition(b"=")
        if text.translate(None, _BASE64) or rest.strip(b"=") or (padding and data):
            raise _malformed("content is not in base64")
        padding += len(sign + rest)
        held += data
        stop = len(held) & ~3
        yield a2b_base64(held[:stop])
        held = held[stop:]
    missing = -len(held) % 4
    if len(held) == 1 or padding not in (0, missing):
        raise _malformed("content in base64 is cut off")
    yield a2b_base64(held + b"=" * missing)


def _quoted_printable(body: Span) -> Iterator[bytes]:
    """Decoded pieces, of lines up to the size of a chunk."""
    held = b""
    for chunk in body.chunks():
        text = held + chunk
        stop = text.rfind(b"\n") + 1
        held = text[stop:]
        if len(held) > CHUNK:
            raise _malformed("content is not in quoted-printable: a line has no end")
        yield _lines(text[:stop])
    yield _lines(held)


def _lines(text: bytes) -> bytes:
    text = _LAST_BLANKS.sub(b"", text)  # they came in on the way (RFC 2045, 6.7)
    if not _QUOTED_PRINTABLE.fullmatch(text):
        raise _malformed("content is not in quoted-printable")
    return a2b_qp(text)


def canonical(content: Span, out: BinaryIO) -> None:
    """Writes content with every line end as CRLF (RFC 2049, 4): LF and CR alone are ends too."""
    held = b""
    for chunk in content.chunks():
        text = held + chunk
        held = b"\r" if text.endswith(b"\r") else b""  # LF may follow
        out.write(_LINE_END.sub(b"\r\n", text.removesuffix(b"\r")))
    out.write(b"\r\n" if held else b"")


def head(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Headers as they are sent, and the blank line. Raises ValueError for what may become another header."""
    lines = []
    for name, value in pairs:
        if not _NAME.fullmatch(name) or not SAFE.fullmatch(value):
            raise ValueError(f"this header cannot be written: {name!r}: {value!r}")
        lines.append(f"{name}: {value}\r\n")
    return "".join([*lines, "\r\n"]).encode("ascii")


def filename_parameter(name: str, quoted: bool) -> str:
    """The parameter of Content-Disposition for a file name; RFC 2231 where it is not ASCII.

    Args:
        quoted: in quotes even where it needs none. Raises ValueError for control characters.
    """
    if _CONTROLS.search(name):
        raise ValueError(f"a file name has a control character: {name!r}")
    if not name.isascii():
        return f"filename*=UTF-8''{quote(name, safe='')}"
    if _TOKEN.fullmatch(name) and not quoted:
        return f"filename={name}"
    return 'filename="{}"'.format(re.sub(r'(["\\])', r"\\\1", name))
