"""One large file on several processor cores: translate its transaction sets in worker processes.

The file is cut here, and the workers' answers are taken up in the order of the file by the same parser that
serves one process: events, problems and control number checks are the same, documents come ready as JSON.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import orjson

from gateway.engine import CHUNK, library
from gateway.errors import Problem
from gateway.mapping.library import Library
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import Event, GroupHeader, InterchangeHeader
from gateway.x12.parser import Checked, Engine, Parser, checked, document_envelope
from gateway.x12.reader import EnvelopeSegment, Isa, Piece, SetText
from gateway.x12.rewrite import pieces
from gateway.x12.source import Source

_BATCH = 256 * 1024  # characters of transaction sets in one batch: handing it over costs little
_AHEAD = 4  # batches in work for each process; bounds the memory

Answer = tuple[tuple[Problem, ...] | None, bytes | None]
"""Remarks (None for a set that must be explained) and the document as JSON."""

_guides: Library


def _start(overrides: tuple[Path, ...], profile: str) -> None:
    global _guides  # noqa: PLW0603 - set once in a new worker process
    _guides = library(overrides).of(profile)


def _work(around: list[Piece], pieces: list[SetText]) -> list[Answer]:
    """Checks and translates a batch in a worker process; ``around`` are the ISA and perhaps the GS before."""
    header, *groups = chain.from_iterable(map(Parser(_guides).take, around))
    assert isinstance(header, InterchangeHeader)
    group = next((one for one in groups if isinstance(one, GroupHeader)), None)
    version = group.version if group else ""
    answers: list[Answer] = []
    for piece in pieces:
        source = Source(piece, header.delimiters)
        begin = source.segments[0].split(header.delimiters.element)
        set_id, number, implementation = (*begin[1:4], "", "", "")[:3]
        engine = _guides.engine(version, set_id, documents=True)
        if engine is None:
            answers.append((None, None))
            continue
        envelope = partial(document_envelope, header, group, number, implementation.strip())
        remarks, document = checked(engine, source, envelope)
        ready = remarks is not None and engine.plan is not None
        answers.append((remarks, orjson.dumps(document) if ready else None))
    return answers


def _batches(found: Iterable[Piece]) -> Iterator[Piece | list[SetText]]:
    """The pieces in their order, transaction sets in batches."""
    batch: list[SetText] = []
    size = 0
    for piece in found:
        if batch and (size >= _BATCH or not isinstance(piece, SetText)):
            yield batch
            batch, size = [], 0
        if isinstance(piece, SetText):
            batch.append(piece)
            size += len(piece.text)
        else:
            yield piece
    if batch:
        yield batch


def read_parallel(
    file: BinaryIO, jobs: int, overrides: tuple[Path, ...] = (), profile: str = ""
) -> Iterator[tuple[Event, bytes | None]]:
    """The events of a file with the documents as JSON, translated by ``jobs`` processes.

    Args:
        overrides: as for :func:`gateway.engine.library`.
        profile: the partner whose guidelines and mappings hold.

    Yields:
        Each event without document, and for an accepted set with a mapping its document as JSON.
    """
    answer: Answer = (None, None)

    def answered(_: Engine, source: Source, __: object) -> Checked:
        if answer[0] is None:
            source.tidy()  # as the worker did in vain
        return answer[0], None

    parser = Parser(library(overrides).of(profile), documents=True, check=answered)
    waiting: deque[Piece | tuple[list[SetText], Future[list[Answer]]]] = deque()
    around: list[Piece] = []
    marks = Delimiters()

    def chunks() -> Iterator[bytes]:
        while chunk := file.read(CHUNK):
            parser.note(chunk)
            yield chunk

    def ready(most: int) -> Iterator[tuple[Event, bytes | None]]:
        nonlocal answer
        while len(waiting) > most or (waiting and not isinstance(waiting[0], tuple)):
            item = waiting.popleft()
            if not isinstance(item, tuple):
                for event in parser.take(item):
                    document = getattr(event, "document", None)
                    yield event, orjson.dumps(document) if document else None
                continue
            for piece, answer in zip(item[0], item[1].result(), strict=True):
                for event in parser.take(piece):
                    wrong = any(problem.is_error for problem in event.problems)
                    yield event, None if wrong else answer[1]

    with ProcessPoolExecutor(jobs, initializer=_start, initargs=(overrides, profile)) as pool:
        for item in _batches(pieces(chunks())):
            if isinstance(item, list):
                waiting.append((item, pool.submit(_work, around, item)))
            else:
                match item:
                    case Isa(delimiters=marks):
                        around = [item]
                    case EnvelopeSegment() if item.text.split(marks.element)[0] == "GS":
                        around = [around[0], item]
                waiting.append(item)
            yield from ready(_AHEAD * jobs)
        yield from ready(0)
    for event in parser.close():
        yield event, None
