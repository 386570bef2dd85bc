"""Bytes that are in memory, or a stretch of a file: what messages are cut into without copying them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, TypeAlias

CHUNK = 1 << 16
"""Bytes read from a file at once."""

Scratch: TypeAlias = Callable[[], BinaryIO]
"""Gives room for content that may be too large for memory: an empty file that can be read and sought."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from ``start`` up to ``stop`` of a file that can be sought. One thread at a time."""

    file: BinaryIO
    start: int
    stop: int

    @classmethod
    def of(cls, data: bytes) -> Span:
        """Bytes in memory."""
        return cls(BytesIO(data), 0, len(data))

    @classmethod
    def whole(cls, file: BinaryIO) -> Span:
        """Everything that a file holds."""
        return cls(file, 0, file.seek(0, 2))

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.stop - self.start

    def cut(self, start: int, stop: int | None = None) -> Span:
        """A part of it, by offsets inside of it."""
        return Span(self.file, self.start + start, self.stop if stop is None else self.start + stop)

    def read(self, most: int | None = None) -> bytes:
        """The bytes, or the first ``most`` of them."""
        self.file.seek(self.start)
        return self.file.read(self.size if most is None else min(most, self.size))

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The bytes, piece by piece."""
        at = self.start
        while at < self.stop:
            self.file.seek(at)
            chunk = self.file.read(min(size, self.stop - at))
            if not chunk:
                return
            at += len(chunk)
            yield chunk


def chunks(pieces: Iterable[Span]) -> Iterator[bytes]:
    """The bytes of several spans, one after the other."""
    for piece in pieces:
        yield from piece.chunks()


def size(pieces: Sequence[Span]) -> int:
    """How many bytes several spans have together."""
    return sum(piece.size for piece in pieces)


class Stream:
    """Several spans as one file that is read once."""

    def __init__(self, pieces: Iterable[Span]) -> None:
        self._chunks = chunks(pieces)
        self._held = b""

    def read(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        if not self._held:
            self._held = next(self._chunks, b"")
        found, self._held = self._held[:most], self._held[most:]
        return found
