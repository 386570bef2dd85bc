"""What services need from a transport. One contract suite in ``tests/contract`` holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that is ours now: nobody else writes or takes it.

    Attributes:
        id: unique for ever; it stays the same when an interrupted pass is taken up again.
        name: the name it came with, made harmless.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Look:
    """What an inbox held at one moment.

    Attributes:
        ready: names of complete files, oldest first.
        unsure: files that may still be written; look again.
        ignored: what is never taken (folders, links, devices) or was left unfinished, with the reason.
    """

    ready: tuple[str, ...]
    unsure: tuple[str, ...]
    ignored: tuple[tuple[str, str], ...]


class Receiver(Protocol):
    """Where files come from."""

    def look(self, now: float, tick: float) -> Look:
        """What is there; ``now`` in seconds since 1970, ``tick`` of a clock that nobody sets."""

    def claim(self, name: str, arrival_id: str) -> Arrival | None:
        """Takes a ready file, or None if it is gone or was written to since the look."""

    def arrivals(self) -> list[Arrival]:
        """Everything claimed and not settled, those of an earlier process included, oldest first."""

    def open(self, arrival: Arrival) -> BinaryIO:
        """Its bytes. Raises UnreadableError when it can never be read, OSError when that may pass."""

    def unchanged(self, arrival: Arrival, stream: BinaryIO, size: int) -> bool:
        """Whether the ``size`` bytes just read from ``stream`` are the file, and nobody wrote to it."""

    def settle(self, arrival: Arrival) -> None:
        """The gateway has the bytes: removes the file. Harmless if it is gone."""

    def set_aside(self, arrival: Arrival) -> str:
        """Puts a file that cannot be read into quarantine, unopened; the name it has there."""


class Sender(Protocol):
    """Where files go, each complete and once.

    ``stage`` makes the content durable where nobody looks; ``release`` gives it its name in one step. What is
    staged was not sent, what is no longer staged was: that is how a crash between the two is told apart.
    """

    def exists(self, box: str, name: str) -> bool:
        """Whether a file of this name is there, whoever put it."""

    def stage(self, box: str, key: str, source: BinaryIO) -> None:
        """Writes content under a hidden name made of ``key``; again is harmless. It counts once synced."""

    def staged(self, box: str, key: str) -> bool:
        """Whether content waits under this key. Raises OSError when the folder cannot be seen."""

    def discard(
        self, boxes: Sequence[str], keys: Mapping[int, str], keep: AbstractSet[str] = frozenset()
    ) -> None:
        """Removes staged content of deliveries, by their numbers: under one key, or under any if it is empty.

        Never raises for what it cannot remove.
        """

    def release(self, box: str, key: str, name: str) -> None:
        """Lets the staged content appear as ``name``; harmless if it is staged no longer."""

    def sync(self, boxes: Sequence[str]) -> None:
        """Returns when what this thread staged, and all names in the boxes, are on disk."""


class Channel(Receiver, Sender, Protocol):
    """Where files come from and go to."""


class UnreadableError(Exception):
    """A claimed file can never be read: no permission, or no regular file."""
