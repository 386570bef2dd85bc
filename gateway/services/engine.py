"""What the services ask of the X12 engine, so that they can be tried without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from gateway.x12.envelope import Event
from gateway.x12.writer import Envelope


class Answering(Protocol):
    """Makes the acknowledgments of one interchange from its events."""

    def add(self, event: Event) -> None:
        """The next event of the interchange."""

    def functional(self, number: Callable[[], int], now: datetime) -> list[bytes]:
        """Interchanges with a 997 for each group; ``number`` gives their control numbers."""

    def technical(self, number: Callable[[], int], now: datetime) -> list[bytes]:
        """An interchange with the TA1."""


class Engine(Protocol):
    """Reads, writes and answers X12."""

    def read(self, path: Path) -> Iterator[Event]:
        """The events of a file, documents included. Bad input becomes problems and never raises."""

    def write(self, document: Mapping[str, Any], envelope: Envelope) -> bytes:
        """One interchange. Raises DocumentError with every reason why the document cannot be written."""

    def answering(self) -> Answering:
        """A new one for each interchange."""
