"""The X12 engine with the guides and mappings of a home."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway import engine
from gateway.x12.envelope import Event, InterchangeHeader
from gateway.x12.writer import Envelope


class X12:
    """Reads and writes X12.

    Args:
        home: its folders ``mappings`` and ``schemas`` are searched first, file by file; what came with the
            package is behind them.
    """

    def __init__(self, home: Path) -> None:
        folders = (home / "mappings", home / "schemas")
        self._library = engine.library(tuple(folder for folder in folders if folder.is_dir()))

    def read(self, path: Path, profile_of: Callable[[InterchangeHeader], str]) -> Iterator[Event]:
        """The events of a file, documents included. Bad input becomes problems and never raises.

        ``profile_of`` names the partner whose guidelines and mappings hold for an interchange.
        """
        return engine.read(path, guides=self._library, profile_of=profile_of)

    def write(self, document: Mapping[str, Any], envelope: Envelope, profile: str) -> bytes:
        """One interchange. Raises DocumentError with every reason why the document cannot be written."""
        return engine.write(dict(document), envelope=envelope, guides=self._library.of(profile))
