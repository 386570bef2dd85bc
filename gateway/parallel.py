"""One large file on several processor cores: translate its transaction sets in worker processes.

The file is cut here, batches of whole sets go to the workers, and their answers are taken up in the order of
the file by the same parser that serves one process. So the events, problems and control number checks are the
same; only the documents come ready as JSON.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import orjson

from gateway.engine import CHUNK, library
from gateway.errors import Problem
from gateway.mapping.library import Library
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import Event, GroupHeader, InterchangeHeader
from gateway.x12.parser import TECHNICAL, Engine, Parser, checked, document_envelope
from gateway.x12.reader import EnvelopeSegment, Isa, Piece, SetText
from gateway.x12.report import problems_of
from gateway.x12.rewrite import pieces
from gateway.x12.source import Source

BATCH = 256 * 1024
"""Characters of transaction sets in one batch: large enough that handing over costs little."""

AHEAD = 4
"""Batches in work for each process; bounds the memory."""

Answer = tuple[tuple[Problem, ...] | None, bytes | None]
"""Remarks (None for a set that must be explained) and the document as JSON."""

_guides: Library


def _start(overrides: tuple[Path, ...], profile: str) -> None:
    global _guides  # noqa: PLW0603 - set once in a new worker process
    _guides = library(overrides).of(profile)


def _work(around: list[Piece], pieces: list[SetText]) -> list[Answer]:
    """Checks and translates a batch, in a worker process.

    Args:
        around: the ISA and perhaps the GS segment before it.
    """
    parser, group = Parser(_guides), None
    for event in chain.from_iterable(map(parser.take, around)):
        if isinstance(event, InterchangeHeader):
            header = event
        elif isinstance(event, GroupHeader):
            group = event
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


class _Answered:
    """Stands for the guides in the parser; its engines give the answer that a worker gave."""

    def __init__(self, guides: Library) -> None:
        self.guides = guides
        self.envelope_segment = guides.envelope_segment
        self.answer: Answer = (None, None)

    def engine(self, version: str, set_id: str, *, documents: bool) -> Engine | None:
        found = self.guides.engine(version, set_id, documents=documents)
        if found is None or set_id == TECHNICAL:
            return found  # a TA1 stands between the sets, in no batch

        def check(*_: object) -> tuple[Problem, ...] | None:
            return self.answer[0]

        known = {"name": found.name, "table": found.table, "explain": found.explain, "translates": False}
        return cast("Engine", SimpleNamespace(**known, check=check))


def _batches(found: Iterable[Piece]) -> Iterator[Piece | list[SetText]]:
    """The pieces in their order, transaction sets in batches."""
    batch: list[SetText] = []
    size = 0
    for piece in found:
        if batch and (size >= BATCH or not isinstance(piece, SetText)):
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
    """The events of a file with the documents as JSON, translated by several processes.

    Args:
        file: an open binary file.
        jobs: number of worker processes.
        overrides: as for :func:`gateway.engine.library`.
        profile: the partner whose guidelines and mappings hold.

    Yields:
        Each event, and for an accepted set with a mapping its document as JSON. ``document`` of the event
        itself is None.
    """
    answered = _Answered(library(overrides).of(profile))
    parser = Parser(answered, documents=True)
    waiting: deque[Piece | tuple[list[SetText], Future[list[Answer]]]] = deque()
    around: list[Piece] = []
    marks = Delimiters()

    def chunks() -> Iterator[bytes]:
        while chunk := file.read(CHUNK):
            parser.note(chunk)
            yield chunk

    def ready(most: int) -> Iterator[tuple[Event, bytes | None]]:
        while len(waiting) > most or (waiting and not isinstance(waiting[0], tuple)):
            item = waiting.popleft()
            if not isinstance(item, tuple):
                for event in parser.take(item):
                    document = getattr(event, "document", None)
                    yield event, orjson.dumps(document) if document else None
                continue
            for piece, answer in zip(item[0], item[1].result(), strict=True):
                answered.answer = answer
                for event in parser.take(piece):
                    wrong = any(problem.is_error for problem in problems_of(event))
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
            yield from ready(AHEAD * jobs)
        yield from ready(0)
    for event in parser.close():
        yield event, None
