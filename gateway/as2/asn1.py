"""The little of ASN.1 that CMS needs: DER written, BER read as it streams by (X.690).

Products in Java write the indefinite lengths and cut-up octet strings of BER. Content of any size passes
through in time that grows with its size alone; what is nested too deeply, or does not end where it says, is
refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.as2.span import CHUNK, Span

INTEGER, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
CONSTRUCTED = 0x20

MAX_DEPTH = 32
"""Elements inside of each other."""

SMALL = 1 << 16
"""Bytes of an element that is taken into memory as a whole."""


class Asn1Error(ValueError):
    """The bytes are no BER, or not of the structure that is read."""


# --- writing -----------------------------------------------------------------------------------------


def header(tag: int, size: int) -> bytes:
    """Tag and length of an element with ``size`` bytes of content."""
    if size < 0x80:
        return bytes((tag, size))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length


def tlv(tag: int, *content: bytes) -> bytes:
    """An element."""
    joined = b"".join(content)
    return header(tag, len(joined)) + joined


def sequence(*content: bytes) -> bytes:
    """A SEQUENCE."""
    return tlv(SEQUENCE, *content)


def set_of(*content: bytes) -> bytes:
    """A SET OF, in the order of DER."""
    return tlv(SET, *sorted(content))


def integer(value: int) -> bytes:
    """An INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    """An object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    encoded = bytearray()
    for number in (40 * first + second, *rest):
        part = bytearray([number & 0x7F])
        while number := number >> 7:
            part.insert(0, 0x80 | number & 0x7F)
        encoded += part
    return tlv(OID, bytes(encoded))


# --- reading -----------------------------------------------------------------------------------------


class Reader:
    """Reads element after element; a container is opened and closed.

    Args:
        source: the encoding; may be in a file.
        at: where in it to begin.
    """

    __slots__ = ("_base", "_buffer", "_ends", "_limits", "_source", "at")

    def __init__(self, source: Span, at: int = 0) -> None:
        self._source = source
        self._buffer = b""
        self._base = 0
        self.at = at
        self._ends: list[int | None] = [source.size]  # None: it ends with two zero bytes
        self._limits = [source.size]  # where the container, or one that holds it, ends at the latest

    def _index(self, count: int) -> int:
        """Where the next ``count`` bytes are in the buffer, which is filled with them."""
        index = self.at - self._base
        if index < 0 or index + count > len(self._buffer):
            if self.at + count > self._source.size:
                raise Asn1Error("it ends too early")
            piece = self._source.cut(self.at, min(self._source.size, self.at + max(count, CHUNK)))
            self._buffer, self._base, index = piece.read(), self.at, 0
            if len(self._buffer) < count:
                raise Asn1Error("it ends too early")
        return index

    def _head(self) -> tuple[int, int | None]:
        """Tag and length of the next element, which is then passed; length None: indefinite."""
        index = self._index(2)
        tag, size = self._buffer[index], self._buffer[index + 1]
        self.at += 2
        if tag & 0x1F == 0x1F:
            raise Asn1Error("a tag of several bytes")
        if size == 0x80:
            if not tag & CONSTRUCTED:
                raise Asn1Error("an indefinite length of what is not constructed")
            return tag, None
        if size > 0x80:
            count = size & 0x7F
            if count > 8:
                raise Asn1Error("a length that nothing has")
            index = self._index(count)
            size = int.from_bytes(self._buffer[index : index + count], "big")
            self.at += count
        if self.at + size > self._limits[-1]:
            raise Asn1Error("an element that does not end inside of what holds it")
        return tag, size

    def _enter(self, size: int | None) -> None:
        """Goes inside of the container whose head was passed."""
        if len(self._ends) > MAX_DEPTH:
            raise Asn1Error("elements nested too deeply")
        self._ends.append(None if size is None else self.at + size)
        self._limits.append(self._limits[-1] if size is None else self.at + size)

    def peek(self) -> int:
        """Tag of the next element; -1 at the end of the container."""
        end = self._ends[-1]
        if end is None:
            index = self._index(2)
            return -1 if self._buffer[index : index + 2] == b"\0\0" else self._buffer[index]
        if self.at >= end:
            return -1
        index = self._index(1)
        return self._buffer[index]

    def open(self, tag: int) -> None:
        """Enters a container."""
        self._expect(tag)
        self._enter(self._head()[1])

    def close(self) -> None:
        """Leaves a container that was read to its end."""
        if self.peek() != -1:
            raise Asn1Error("an element that does not belong there")
        self._limits.pop()
        if self._ends.pop() is None:
            self.at += 2

    def _expect(self, tag: int) -> None:
        if (found := self.peek()) != tag:
            raise Asn1Error(f"tag {found:#x} where {tag:#x} belongs" if found >= 0 else f"no tag {tag:#x}")

    def value(self, tag: int) -> bytes:
        """The content of a small element that is not constructed."""
        self._expect(tag)
        _, size = self._head()
        if size is None or size > SMALL:
            raise Asn1Error("an element that is too large")
        index = self._index(size) if size else 0
        self.at += size
        return self._buffer[index : index + size]

    def integer(self) -> int:
        """An INTEGER."""
        return int.from_bytes(self.value(INTEGER), "big", signed=True)

    def octets(self, tag: int = OCTETS) -> bytes:
        """The content of a small OCTET STRING, in one piece or in several."""
        found, total = [], 0
        for chunk in self.chunks(tag):
            total += len(chunk)
            if total > SMALL:
                raise Asn1Error("an octet string that is too large")
            found.append(chunk)
        return b"".join(found)

    def chunks(self, tag: int = OCTETS) -> Iterator[bytes]:
        """The content of an OCTET STRING of any size, piece by piece, however it is cut up."""
        if self.peek() == tag | CONSTRUCTED:
            self.open(tag | CONSTRUCTED)
            depth = len(self._ends)
            while True:
                found = self.peek()
                if found == OCTETS | CONSTRUCTED:
                    self.open(found)
                elif found == -1:
                    self.close()
                    if len(self._ends) < depth:
                        return
                else:
                    yield from self._primitive(OCTETS)
        else:
            yield from self._primitive(tag)

    def _primitive(self, tag: int) -> Iterator[bytes]:
        self._expect(tag)
        _, left = self._head()
        assert left is not None
        while left:
            count = min(left, CHUNK)
            index = self._index(count)
            self.at += count
            left -= count
            yield self._buffer[index : index + count]

    def raw(self) -> bytes:
        """A small element with tag and length; one of indefinite length is written anew."""
        begin = self.at
        tag, size = self._head()
        if size is not None:
            if size > SMALL:
                raise Asn1Error("an element that is too large")
            self.at += size
            count, self.at = self.at - begin, begin
            index = self._index(count)
            self.at += count
            return self._buffer[index : index + count]
        self._enter(None)
        parts, total = [], 0
        while self.peek() != -1:
            parts.append(self.raw())
            total += len(parts[-1])
            if total > SMALL:
                raise Asn1Error("an element that is too large")
        self.close()
        return tlv(tag, *parts)

    def skip(self) -> None:
        """Passes an element of any size."""
        depth = len(self._ends)
        while True:
            if self.peek() == -1:
                if len(self._ends) == depth:
                    raise Asn1Error("an element is missing")
                self.close()
            else:
                _, size = self._head()
                if size is not None:
                    self.at += size
                else:
                    self._enter(None)
            if len(self._ends) == depth:
                return
