"""The content of a message for a person: in parts, so that a file of any size is shown at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, BinaryIO

import orjson

from gateway.errors import NotFoundError, Problem
from gateway.mapping.library import Library
from gateway.mapping.reader import Origin
from gateway.mapping.trial import origins
from gateway.services.acknowledge import number
from gateway.store.payloads import Payloads
from gateway.store.queries import Row
from gateway.transports.folder import QUARANTINE
from gateway.x12.annotate import AnnotatedSet, Annotator
from gateway.x12.annotate import Row as Segment
from gateway.x12.envelope import TransactionSet
from gateway.x12.parser import Parser
from gateway.x12.reader import SetText
from gateway.x12.rewrite import pieces
from gateway.x12.source import source_of

MOST_SCANNED = 16_000_000
"""Bytes from the beginning of a file that are looked at; what is behind them is for the command line."""

MOST_SET, MOST_TRACED = 200_000, 100_000
"""Characters of a transaction set whose segments are shown with meanings, and whose values are traced."""

SEGMENTS, ORIGINS, RAW = 45, 120, 24_000
"""Segments, origins of values, and bytes that are shown at once."""

_WHOLE = 100_000
"""Bytes of a file whose envelope is checked to its end before its first line is shown."""

_CHUNK = 1 << 16
_LARGE = "This set is large, so its segments are shown without their meaning; `edigw x12 inspect` tells it."


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of a file.

    Attributes:
        rows: segments. loose: problems that stand at none of them. sets: for each segment its set, as the
            byte where that begins. next: where the next part begins; None at the end.
        note: what is not shown, and why; empty if all is.
    """

    rows: list[Segment]
    loose: list[Problem]
    sets: dict[int, int]
    next: int | None = None
    note: str = ""


def reports(message: Mapping[str, Any], payloads: Payloads) -> Iterator[Any]:
    """The reports on a message that went to quarantine."""
    for one in message["deliveries"]:
        if one["box"] == QUARANTINE and one["wanted"].endswith(".problem.json") and one["payload"]:
            try:
                with payloads.open(one["payload"]) as file:
                    yield orjson.loads(file.read())
            except NotFoundError:
                continue  # its retention is over


def is_x12(payloads: Payloads, message: Row) -> bool:
    """Whether a message is X12, by its first bytes. Raises NotFoundError if they are not there."""
    return message["payload"] is not None and raw(payloads, message, 0, 200).lstrip()[:3] == b"ISA"


def raw(payloads: Payloads, message: Row, at: int, most: int = RAW) -> bytes:
    """Bytes of a message. Raises NotFoundError."""
    if message["payload"] is None:
        raise NotFoundError(f"The bytes of message {message['id']} could not be read when it came.")
    with payloads.open(message["payload"]) as file:
        file.seek(min(at, MOST_SCANNED))
        return file.read(most)


def annotated(payloads: Payloads, message: Row, guides: Library, at: int = 0) -> Shown:
    """Segments with names, meanings and problems, from the one around a byte on. Raises NotFoundError."""
    shown, begin = Shown([], [], {}), 0
    with payloads.open(message["payload"]) as file:
        for part in _parts(file, message["size"], Annotator(guides), at):
            if not isinstance(part, AnnotatedSet | Problem) and part.number and not shown.note:
                shown = replace(shown, note=_LARGE)
            rows = part.segments if isinstance(part, AnnotatedSet) else [part]
            if isinstance(part, AnnotatedSet):
                shown.loose.extend(part.problems)
                begin = part.segments[0].offset if part.segments else begin
            for row in rows:
                if isinstance(row, Problem):
                    shown.loose.append(row)
                elif len(shown.rows) == SEGMENTS:
                    return replace(shown, next=row.offset)
                elif row.offset + len(row.text) >= at:
                    shown.rows.append(row)
                    if row.number is not None:
                        shown.sets[row.offset] = begin
    if message["size"] > MOST_SCANNED or (not shown.rows and message["size"] > _WHOLE):
        return replace(shown, note="What follows is too far in the file to be shown here. Download it.")
    return shown


def _parts(
    file: BinaryIO, size: int, annotator: Annotator, at: int
) -> Iterator[Segment | AnnotatedSet | Problem]:
    if size <= _WHOLE:
        text = file.read()
        yield from annotator.file(lambda: [text])
    else:
        yield from annotator.window(_chunks(file), at, MOST_SET)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return islice(iter(lambda: file.read(_CHUNK), b""), MOST_SCANNED // _CHUNK)


def sets(payloads: Payloads, message: Row, guides: Library, at: int = 0) -> Iterator[TransactionSet]:
    """The transaction sets of a file that end behind a byte; those that are too large are left out."""
    parser = Parser(guides)
    with payloads.open(message["payload"]) as file:
        for piece in pieces(_chunks(file)):
            if isinstance(piece, SetText) and (piece.end <= at or len(piece.text) > MOST_TRACED):
                continue
            for event in parser.take(piece):
                if isinstance(event, TransactionSet):
                    yield event


def trace(payloads: Payloads, message: Row, guides: Library, at: int = 0) -> Row | None:
    """Where the values of the set at a byte come from, as in ``edigw map trace --json``; None without a set.

    ``at`` is where the set begins, ``next`` where the one after it does.
    """
    found = iter(sets(payloads, message, guides, at))
    if (event := next(found, None)) is None:
        return None
    told, reason = origins(event, guides)
    source = source_of(event)
    after = next(found, None)
    rows = []
    for one in told:
        offset = source.offset(one.segment) if one.segment else None
        rows.append({**one.to_dict(), "offset": offset})
    about = {name: getattr(event, name) for name in ("set_id", "control_number", "guide")}
    where = {"at": event.offset, "next": after.offset if after else None}
    return {**about, **where, "reason": reason or None, "origins": rows}


def links(
    payloads: Payloads, message: Row, guides: Library, begins: Iterable[int]
) -> dict[tuple[int, str], tuple[str, str]]:
    """For segments and elements the document and the field that was made of them, where that is known.

    Args:
        begins: where sets of the file begin.

    Returns:
        By the byte where a segment begins and its element, the id of the document and the JSON pointer.
    """
    known, wanted = _by_control(message), set(begins)
    found: dict[tuple[int, str], tuple[str, str]] = {}
    for event in sets(payloads, message, guides, min(wanted, default=0)):
        if not wanted:
            break
        if event.offset not in wanted:
            continue
        wanted.remove(event.offset)
        if document := known.get(number(event.control_number)):
            source = source_of(event)
            for one in _values(event, guides):
                found.setdefault((source.offset(one.segment or 1), one.source), (document, one.pointer))
    return found


def places(payloads: Payloads, message: Row, guides: Library, document: Row) -> dict[str, tuple[str, int]]:
    """For fields of a document the element, and the byte where its segment begins in a message."""
    control = number(document["set_control"])
    if _by_control(message).get(control) == document["id"]:
        for event in sets(payloads, message, guides):
            if number(event.control_number) == control:
                source = source_of(event)
                values = _values(event, guides)
                return {one.pointer: (one.source, source.offset(one.segment or 1)) for one in values}
    return {}


def _values(event: TransactionSet, guides: Library) -> list[Origin]:
    return [one for one in origins(event, guides)[0] if one.segment and one.pointer]


def _by_control(message: Row) -> dict[str, str]:
    """The documents of a message by the numbers of their sets; a number that stands twice tells nothing."""
    found: dict[str, str] = {}
    for one in message["documents"]:
        if message["id"] == (one["sent_in"] or one["message_id"]):
            control = number(one["set_control"])
            found[control] = "" if control in found else one["id"]
    return found
