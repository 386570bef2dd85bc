"""The engine as functions: check, read and write X12 with the guides and mappings that are installed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from gateway import resources
from gateway.mapping.library import Library
from gateway.x12.envelope import Event, TransactionSet
from gateway.x12.parser import Parser
from gateway.x12.reader import MAX_SET_BYTES
from gateway.x12.report import Report

CHUNK = 64 * 1024
"""Bytes read at a time; larger chunks are no faster."""

Source = bytes | Path | BinaryIO
"""What can be read: the bytes themselves, a file by its path, or an open binary file."""


@lru_cache(maxsize=8)
def library(overrides: tuple[Path, ...] = ()) -> Library:
    """The guides and mappings that are installed.

    Args:
        overrides: directories searched first, for example those of a home.
    """

    def load(relative: str) -> bytes:
        return resources.find(relative, overrides).read_bytes()

    return Library(load)


def read(
    source: Source,
    *,
    documents: bool = True,
    guides: Library | None = None,
    max_set_bytes: int = MAX_SET_BYTES,
) -> Iterator[Event]:
    """The events of an X12 file, each as soon as it is complete; one transaction set in memory at a time.

    Args:
        source: bytes, a path or an open binary file.
        documents: make the internal document of each accepted set.
        guides: another library than the installed one.
        max_set_bytes: limit of one transaction set.

    Raises:
        OSError: the file cannot be read. Bad data never raises.
    """
    parser = Parser(guides or library(), documents=documents, max_set_bytes=max_set_bytes)
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield from _events(parser, file)
    else:
        yield from _events(parser, io.BytesIO(source) if isinstance(source, bytes) else source)


def _events(parser: Parser, file: BinaryIO) -> Iterator[Event]:
    while chunk := file.read(CHUNK):
        yield from parser.feed(chunk)
    yield from parser.close()


def validate(source: Source, *, path: str = "-", guides: Library | None = None) -> dict[str, Any]:
    """Checks a file and reports on it.

    Args:
        path: the name under which the report shows the file.

    Returns:
        ``path``, ``verdict``, ``interchanges`` and ``problems``, as one entry of ``files`` in the JSON of
        ``edigw x12 validate --json``.
    """
    report = Report(path)
    for event in read(source, documents=False, guides=guides):
        report.add(event)
    return report.to_dict()


def documents(source: Source, *, guides: Library | None = None) -> Iterator[dict[str, Any]]:
    """The documents of all accepted transaction sets of a file; problems are not told, see :func:`read`."""
    for event in read(source, guides=guides):
        if isinstance(event, TransactionSet) and event.document is not None:
            yield event.document
