"""What X12, documents and other forms are to each other, with nothing stored: for commands, API and pages.

Nothing here needs a home; its guides and mappings come as a library.
"""

from __future__ import annotations

import io
import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway import engine, resources
from gateway.errors import DocumentError, EdiError, Level, Problem, TooLongError
from gateway.x12.envelope import Event, InterchangeAcknowledgment, TransactionSet, Verdict
from gateway.x12.report import Tally, report

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.partners.partner import Partner
    from gateway.shapes.model import Shape
    from gateway.x12.acknowledgment import Form, Kind

HEAD = 4096
"""Bytes by which the form of the input is told."""

MAX_SECONDS = 20.0
MAX_ROWS, MAX_PROBLEMS, MAX_DOCUMENTS = 20_000, 5_000, 10_000
"""Segments, problems and documents of one answer; that there are more is told."""

_MARKS = (
    b'"purchaseOrderNumber"', b'"shipmentIdentifier"', b'"vendorShipmentIdentifier"', b'"invoiceType"',
    b'"transactionId"',
)  # fmt: skip
"""Members by one of which the kinds of body are told from documents."""


# --- between forms ---------------------------------------------------------------------------------------


def form_of(head: bytes, shape: Shape | None = None, to: str | None = None) -> str:
    """The form of an input, by its first characters; ``csv`` for that of the shape."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "xml"  # nothing else comes in UTF-16
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    own = shape.shape if shape is not None and to != "csv" else ""
    if text[:1] in (b"{", b"["):
        if b'"document_type"' in head:
            return "json"
        is_body = any(mark in head for mark in _MARKS)
        return "csv" if own == "jsonata" else "sp_api" if is_body else "json"
    if text[:1] == b"<":
        return "csv" if own == "xslt" and b"urn:edi-gateway:" not in head else "xml"
    return "csv" if own and not text.startswith(b"ISA") else "x12"


def read_documents(
    given: str,
    source: BinaryIO,
    shape: Shape | None,
    wanted: str,
    library: Library,
    tell: Callable[[Problem], None],
) -> Iterator[dict[str, Any]]:
    """The documents of anything but X12; none after one that is wrong, and then DocumentError at the end."""
    if given == "sp_api":
        return engine.read_bodies(source, library, tell)
    if given == "xml":
        from gateway.shapes import xml

        return xml.read(source)
    if given == "json" or shape is None:
        found = _documents(source)
        # X12 and bodies are checked in being written.
        return found if wanted in ("x12", "sp_api") else _checked(found)
    return engine.read_shape(shape, source)


def pieces(
    documents: Iterator[dict[str, Any]],
    wanted: str,
    shape: Shape | None,
    library: Library,
    tell: Callable[[Problem], None],
) -> Iterable[bytes]:
    """Documents in another form than JSON; ``tell`` is given remarks. Raises DocumentError."""
    if wanted == "xml":
        from gateway.shapes import xml

        return xml.write(documents)
    if wanted == "sp_api":
        return engine.write_bodies(documents, library, tell)
    if wanted == "csv" and shape is not None:
        return engine.write_shape(shape, documents, tell)
    return engine.written(documents, guides=library, checked=True)


def _documents(source: BinaryIO) -> Iterator[dict[str, Any]]:
    for value in engine.json_values(source):
        if not isinstance(value, dict):
            raise DocumentError(f"A document is a JSON object, and this is not: {str(value)[:60]!r}.")
        yield value


def _checked(documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The documents, each checked against its model; none is given on after one that is wrong.

    DocumentError comes at the end, and tells what is wrong with any.
    """
    from gateway.documents import document_types

    known = (None, *document_types())
    problems: list[Problem] = []
    for number, document in enumerate(documents, 1):
        if document.get("document_type") in known:
            found = engine.explain(document)
            problems += (replace(one, message=f"Document {number}: {one.message}") for one in found)
        if not problems:
            yield document
    if problems:
        raise DocumentError("The documents are not right.", problems=tuple(problems))


# --- answers to whoever asks with bytes -------------------------------------------------------------------


@dataclass(slots=True)
class _Limit:
    """An end to time and answers; whoever is over the time is told so."""

    ends: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)
    extra: dict[str, Any] = field(default_factory=dict)
    told: int = 0

    def watch(self, things: Iterable[Any]) -> Iterator[Any]:
        """The same things, as long as there is time."""
        for one in things:
            if time.monotonic() > self.ends:
                raise TooLongError(f"This takes more than {MAX_SECONDS:.0f} seconds.")
            yield one

    def events(self, events: Iterable[Event]) -> Iterator[Event]:
        """Events, without problems after so many of them."""
        for event in self.watch(events):
            self.told += len(event.problems)
            if self.told > MAX_PROBLEMS and hasattr(event, "verdict"):
                self.extra["truncated"] = True
                few = tuple(one for one in event.problems if one.level is Level.FILE)
                event = replace(event, problems=few)
            yield event


@dataclass(slots=True)
class Translation:
    """What became of an input.

    Attributes:
        given, to: forms. documents: of ``json``. content: of all others.
        left_out: transaction sets and documents that were not translated, as ``problems`` say.
    """

    given: str
    to: str
    documents: list[Any] = field(default_factory=list)
    content: str | None = None
    left_out: int = 0
    truncated: bool = False
    problems: list[dict[str, Any]] = field(default_factory=list)


def translate(content: bytes, library: Library, to: str = "", shape: Shape | None = None) -> Translation:
    """X12, documents and other forms into each other.

    Args:
        to: ``json``, ``x12``, ``xml``, ``csv`` or ``sp_api``; by default documents for X12, X12 for all else.

    Raises:
        DocumentError: an input that is no X12 cannot be translated; ``problems`` says why.
        TooLongError: it takes too long.
    """
    given = form_of(content[:HEAD], shape, to)
    made = Translation(
        given, to or ("csv" if shape and given != "csv" else "json" if given == "x12" else "x12")
    )
    if made.to == "csv" and shape is None:
        raise DocumentError("`to=csv` needs a `shape` that says which columns.")
    limit = _Limit()

    def tell(problem: Problem) -> None:
        if len(made.problems) < MAX_PROBLEMS:
            made.problems.append(problem.to_dict())
        else:
            made.truncated = True

    def read() -> Iterator[dict[str, Any]]:
        for event in limit.watch(engine.read(content, guides=library)):
            for one in event.problems:
                tell(one)
            if isinstance(event, TransactionSet | InterchangeAcknowledgment):
                if event.document is None:
                    made.left_out += 1
                else:
                    yield event.document

    found = (
        read()
        if given == "x12"
        else read_documents(given, io.BytesIO(content), shape, made.to, library, tell)
    )
    try:
        if made.to == "json":
            for one in limit.watch(found):
                if len(made.documents) == MAX_DOCUMENTS:
                    made.truncated = True
                    break
                made.documents.append(one)
        else:
            whole = b"".join(limit.watch(pieces(limit.watch(found), made.to, shape, library, tell)))
            try:
                made.content = whole.decode()
            except UnicodeDecodeError:
                made.content = whole.decode("latin-1")
    except EdiError as error:
        if given != "x12" or not made.left_out or made.documents or not isinstance(error, DocumentError):
            raise  # otherwise there is no document, and `problems` says why
    return made


def validate(content: bytes, library: Library) -> dict[str, Any]:
    """The JSON of ``edigw x12 validate --json``. Raises TooLongError: it takes too long."""
    from orjson import loads

    limit = _Limit()
    events = limit.events(engine.read(content, documents=False, guides=library))
    found = b"".join(report("-", events, Tally(), io.BytesIO(), limit.extra))
    return {"files": [loads(found)]}


def inspect(content: bytes, library: Library) -> dict[str, Any]:
    """The JSON of ``edigw x12 inspect --json``. Raises TooLongError: it takes too long."""
    from gateway.x12.annotate import Annotator

    annotator, parts, rows = Annotator(library), list[dict[str, Any]](), 0
    extra: dict[str, Any] = {}
    for part in _Limit().watch(annotator.file(lambda: [content])):
        rows += len(getattr(part, "segments", "1"))
        if rows > MAX_ROWS:
            extra = {"truncated": True}
            break
        parts.append(annotated(part))
    return {"files": [{"path": "-", "parts": parts, "verdict": annotator.verdict, **extra}]}


def annotated(part: Any) -> dict[str, Any]:
    """A part of an annotated file, as its JSON shows it."""
    from gateway.x12.annotate import AnnotatedSet, Row

    kinds = {Row: "segment", AnnotatedSet: "transaction_set"}
    return {"kind": kinds.get(type(part), "problem"), **part.to_dict()}


def acknowledge(
    events: Iterable[Event], partner: Partner | None, kind: Kind | None, first: int, now: datetime
) -> tuple[bytes, bool]:
    """The interchanges that acknowledge a file, and whether everything in it is accepted.

    Args:
        kind: only these; None for what is agreed with the partner, else a 997.
        first: ISA13 of the first of them.
    """
    from gateway.x12.acknowledgment import Acknowledger
    from gateway.x12.envelope import GroupHeader

    acknowledger, tally, unsupported = Acknowledger(), Tally(), False
    form: Form | None = "999" if kind == "999" else "997"
    for event in tally.watch(events):
        if isinstance(event, GroupHeader) and partner and kind is None:
            form = partner.answers(event.functional_id)
        acknowledger.add(event, form)
        unsupported |= isinstance(event, TransactionSet) and event.guide is None
    numbers = itertools.count(first)
    answers = [data for _, data in acknowledger.interchanges(lambda: next(numbers), now, kind or "due")]
    return b"".join(answers), tally.verdict is Verdict.ACCEPTED and not unsupported


def is_profile(name: str, overrides: Sequence[Path]) -> bool:
    """Whether there are guidelines or mappings of this name, of a profile that is shipped or of a home."""
    folders = (f"{kind}/partners/{name}" for kind in ("schemas", "mappings"))
    is_name = re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name)
    return bool(is_name) and any(resources.listing(folder, "*", overrides) for folder in folders)


def bounded(events: Iterable[Event]) -> Iterator[Event]:
    """The same events, as long as there is time. Raises TooLongError."""
    return _Limit().watch(events)
