"""The engine as functions: check, read and write X12 with the guides and mappings that are installed."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway import resources
from gateway.errors import DocumentError, Problem
from gateway.mapping.library import Library
from gateway.x12.envelope import Event, TransactionSet
from gateway.x12.parser import Parser
from gateway.x12.reader import MAX_SET_BYTES
from gateway.x12.report import Report

if TYPE_CHECKING:
    from gateway.x12.writer import Envelope

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


def translate(source: Source, *, guides: Library | None = None) -> Iterator[dict[str, Any]]:
    """The documents of all accepted transaction sets of a file; problems are not told, see :func:`read`."""
    for event in read(source, guides=guides):
        if isinstance(event, TransactionSet) and event.document is not None:
            yield event.document


def write(
    documents: dict[str, Any] | Iterable[dict[str, Any]],
    *,
    envelope: Envelope | None = None,
    guides: Library | None = None,
    now: datetime | None = None,
) -> bytes:
    """Documents as X12.

    Args:
        documents: one document or several. Those of one type that say the same about sender, receiver and
            control numbers go into one functional group, in their order.
        envelope: what to write around them; without it the ``control`` of each document says it, and missing
            control numbers begin at 1.
        guides: another library than the installed one.
        now: date and time of the envelope where ``envelope`` is not given; by default the clock.

    Returns:
        One interchange, or several one after another where the documents name several.

    Raises:
        DocumentError: a document cannot be written; ``problems`` holds every reason of all of them.
        NotFoundError: there is no mapping for a document.
    """
    from gateway.mapping.writer import envelope_of, write_interchange  # reading starts without it

    listed = [documents] if isinstance(documents, dict) else list(documents)
    if not listed:
        raise DocumentError("There is no document to write.")
    if envelope is not None:
        return write_interchange(listed, envelope, guides or library())
    groups: list[tuple[tuple[object, ...], Envelope, list[dict[str, Any]]]] = []
    problems: list[Problem] = []
    for index, document in enumerate(listed):
        try:
            found = envelope_of(document, now or datetime.now().astimezone())
        except DocumentError as error:
            problems += [
                problem if len(listed) == 1 else _numbered(problem, index) for problem in error.problems
            ]
            continue
        numbers = (str(found.control_interchange), str(found.control_group), found.release, found.usage)
        parties = (found.sender, found.receiver, found.group_sender, found.group_receiver)
        key = (document.get("document_type"), *parties, *numbers)
        if groups and groups[-1][0] == key:
            groups[-1][2].append(document)
        else:
            groups.append((key, found, [document]))
    out = []
    for _, found, members in groups:
        try:
            out.append(write_interchange(members, found, guides or library()))
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError("The documents cannot be written.", problems=tuple(problems))
    return b"".join(out)


def _numbered(problem: Problem, index: int) -> Problem:
    return replace(problem, message=f"Document {index + 1}: {problem.message}")
