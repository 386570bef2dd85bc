"""The real X12 engine behind :class:`gateway.services.engine.Engine`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway import engine
from gateway.x12.acknowledgment import Acknowledger
from gateway.x12.envelope import Event
from gateway.x12.writer import Envelope


class X12:
    """Guides and mappings of a home, with those that came with the package behind them.

    Args:
        home: its folders ``mappings`` and ``schemas`` are searched first, file by file.
    """

    def __init__(self, home: Path) -> None:
        folders = (home / "mappings", home / "schemas")
        self._library = engine.library(tuple(folder for folder in folders if folder.is_dir()))

    def read(self, path: Path) -> Iterator[Event]:
        return engine.read(path, guides=self._library)

    def write(self, document: Mapping[str, Any], envelope: Envelope) -> bytes:
        return engine.write(dict(document), envelope=envelope, guides=self._library)

    def answering(self) -> Answers:
        return Answers()


class Answers:
    """Acknowledgments of one interchange."""

    def __init__(self) -> None:
        self._acknowledger = Acknowledger()

    def add(self, event: Event) -> None:
        self._acknowledger.add(event)

    def functional(self, number: Callable[[], int], now: datetime) -> list[bytes]:
        return [data for _, data in self._acknowledger.interchanges(number, now, "997")]

    def technical(self, number: Callable[[], int], now: datetime) -> list[bytes]:
        return [data for _, data in self._acknowledger.interchanges(number, now, "ta1")]
