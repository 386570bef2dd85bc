"""``edigw translate``: X12, JSON, XML and shapes of one's own into each other, without home or database."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.errors import DocumentError, Problem

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.shapes.model import Shape
    from gateway.x12.envelope import Event, InterchangeAcknowledgment, TransactionSet

_FORMS = ("jsonl", "json", "x12", "xml", "csv")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command of this module."""
    translate = subparsers.add_parser(
        "translate",
        help="X12 to documents in JSON, XML or a shape of your own, and back",
        description="Translates X12 to the gateway's documents, and such documents to X12. X12, JSON and XML "
        "are told by their first characters; --shape describes CSV, fixed width or JSON of your own. "
        "Rejected transaction sets are told and left out.",
        epilog="exit code: 0 everything was translated, 1 something was not, 4 there is no such file",
    )
    translate.add_argument(
        "input", metavar="IN", help="an X12, JSON, XML or other file; - for standard input"
    )
    translate.add_argument("-o", "--output", metavar="OUT", help="write to this file, whole or not at all")
    translate.add_argument(
        "--to",
        choices=_FORMS,
        help="jsonl: a document on each line (default for X12); json: one list; xml; csv: the form of "
        "--shape; x12 (default for all others)",
    )
    translate.add_argument(
        "--shape",
        metavar="NAME",
        help="a shape of mappings/erp, or a file (.yaml): the form of the input, or of the output if the "
        "input is X12, XML or a document",
    )
    translate.add_argument(
        "--jobs", metavar="N", type=_jobs, default=1, help="out of X12: spread a large file over N processes"
    )
    inputs.add_home(translate)
    translate.set_defaults(run=run)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes: 1 to 64")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """``edigw translate``."""
    from orjson import loads

    from gateway.cli.output import end_line, say, whole

    library, shape = inputs.guides(args), _shape(args)
    if args.to == "csv" and shape is None:
        say(
            "edigw translate: --to csv needs a --shape that says which columns; see docs/reference/shapes.md."
        )
        return ExitCode.USAGE
    with inputs.opened(args.input) as file:
        head = file.read(4096)
        given = _given(head, shape, args.to)
        wanted = args.to or ("csv" if shape and given != "csv" else "jsonl" if given == "x12" else "x12")
        if given == ("json" if wanted == "jsonl" else wanted):
            say(f"edigw translate: the input is {given.upper()} already; --to {wanted} has nothing to do.")
            return ExitCode.USAGE
        source: BinaryIO = io.BufferedReader(_Joined(head, file))
        tally = _Tally()
        if given == "x12":
            found = _told(_read(source, args, library), tally)
            if wanted in ("json", "jsonl"):
                with whole(args.output, lambda: bool(tally.written) or not tally.failed) as target:
                    target.writelines(_json(found, as_list=wanted == "json"))
                return _summary(tally, args.output)
            documents: Iterator[Any] = map(loads, found)
        else:
            documents = _read_documents(given, source, shape, wanted)
        try:
            _write(_pieces(documents, wanted, shape, library), args.output)
        except DocumentError:
            if not tally.failed or tally.written:
                raise  # otherwise there is no document, and it was told why
    if args.output is None and wanted == "x12":
        end_line()
    return _summary(tally, args.output)


def _shape(args: argparse.Namespace) -> Shape | None:
    """The shape that ``--shape`` names, from the mappings of the home first."""
    if args.shape is None:
        return None
    from gateway import engine

    return engine.shape(args.shape, inputs.overrides(args)[:1])


def _given(head: bytes, shape: Shape | None, to: str | None) -> str:
    """The form of the input, by its first characters; ``csv`` for that of the shape."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "xml"  # nothing else comes in UTF-16
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_own = shape is not None and to != "csv"
    if text[:1] in (b"{", b"["):
        own_json = is_own and shape is not None and shape.shape == "jsonata"
        return "csv" if own_json and b'"document_type"' not in head else "json"
    if text[:1] == b"<":
        return "xml"
    return "csv" if is_own and not text.startswith(b"ISA") else "x12"


def _read_documents(
    given: str, source: BinaryIO, shape: Shape | None, wanted: str
) -> Iterator[dict[str, Any]]:
    """The documents of anything but X12; none after one that is wrong, and then DocumentError at the end."""
    if given == "xml":
        from gateway.shapes import xml

        yield from xml.read(source)
    elif given == "json" or shape is None:
        found = _objects(_documents(source))
        yield from found if wanted == "x12" else _checked(found)  # X12 is checked in being written
    elif shape.shape == "jsonata":
        from gateway.shapes import jsonata

        yield from jsonata.read(shape, _documents(source))
    else:
        from gateway.shapes import columns

        yield from columns.read(shape, source)


def _pieces(
    documents: Iterator[dict[str, Any]], wanted: str, shape: Shape | None, library: Library
) -> Iterable[bytes]:
    """What is written of documents."""
    from orjson import dumps

    from gateway import engine
    from gateway.cli.output import say, visible

    if wanted == "csv" and shape is not None and shape.shape != "jsonata":
        from gateway.shapes import columns

        told: set[str] = set()

        def tell(remark: Problem) -> None:
            what = remark.message.partition(": ")[2]
            if what not in told:
                told.add(what)
                say(visible(f"{remark.message} {remark.hint}"))

        return columns.write(shape, documents, tell)
    pieces: Iterable[bytes]
    if wanted == "xml":
        from gateway.shapes import xml

        pieces = xml.write(documents)
    elif wanted == "x12":
        pieces = engine.written(documents, guides=library, checked=True)
    elif shape is not None and wanted == "csv":
        from gateway.shapes import jsonata

        pieces = (dumps(one) + b"\n" for one in jsonata.write(shape, documents))
    else:
        pieces = _json(map(dumps, documents), as_list=wanted == "json")
    return pieces


def _write(pieces: Iterable[bytes], name: str | None) -> None:
    """Writes a file when all is right, and nothing before."""
    from gateway.cli.output import spooled, whole

    with spooled() as spool:
        spool.writelines(pieces)
        spool.seek(0)
        with whole(name) as target:
            shutil.copyfileobj(spool, target)


class _Joined(io.RawIOBase):
    """A file whose beginning was read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)


# --- out of X12 ------------------------------------------------------------------------------------------


def _read(
    source: BinaryIO, args: argparse.Namespace, library: Library
) -> Iterator[tuple[Event, bytes | None]]:
    """The events with their documents as JSON."""
    if args.jobs > 1:
        from gateway.parallel import read_parallel

        yield from read_parallel(source, args.jobs, inputs.overrides(args), inputs.profile(args))
        return
    from orjson import dumps

    from gateway import engine

    for event in engine.read(source, guides=library):
        document = getattr(event, "document", None)
        yield event, dumps(document) if document is not None else None


def _json(documents: Iterable[bytes], *, as_list: bool) -> Iterator[bytes]:
    """JSON lines, or one list."""
    begin, between, end = (b"[", b",\n", b"]\n") if as_list else (b"", b"\n", b"")
    yield begin
    number = 0
    for number, data in enumerate(documents, 1):
        yield from (between if number > 1 else b"", data)
    yield (b"" if as_list or not number else b"\n") + end


@dataclass(slots=True)
class _Tally:
    """What became of the transaction sets of a file; ``kept`` tells what the mapping put aside."""

    written: int = 0
    left_out: int = 0
    failed: bool = False
    kept: list[str] = field(default_factory=list)


def _told(events: Iterable[tuple[Event, bytes | None]], tally: _Tally) -> Iterator[bytes]:
    """The documents; says on standard error what was not translated, and why."""
    from gateway.cli import findings
    from gateway.cli.output import Style, say, show, visible
    from gateway.x12.envelope import (
        GroupTrailer,
        InterchangeAcknowledgment,
        InterchangeTrailer,
        TransactionSet,
    )
    from gateway.x12.report import problems_of

    style = Style.of(sys.stderr)
    for event, data in events:
        problems = problems_of(event)
        wrong = any(one.is_error for one in problems)
        tally.failed |= wrong
        if isinstance(event, TransactionSet | InterchangeAcknowledgment):
            if data is not None:
                tally.written += 1
                yield data
                aside = [one.message for one in problems if one.code == "MAP-UNMAPPED"]
                if aside and not tally.kept:
                    tally.kept.append(f"{_name(event).partition(' in ')[0]}: {aside[0]}")
                elif aside:
                    tally.kept.append("")
                if len(aside) == len(problems):
                    continue
            else:
                tally.failed = True
                tally.left_out += 1
            said = "translated" if data is not None else "not translated"
            say(visible(f"{_name(event)} was {said}:"))
            if data is None and not wrong:
                say(visible(f"  {_unmapped(event)}"))
                continue
        elif problems and isinstance(event, GroupTrailer | InterchangeTrailer):
            kind = "Interchange" if isinstance(event, InterchangeTrailer) else "Functional group"
            advice = " is rejected; ask the sender before its documents are used:" if wrong else ":"
            say(visible(f"{kind} {event.header.control_number}{advice}"))
        indent = "  " if hasattr(event, "problems") else ""
        show(findings.of(event, style, indent, remarks=not isinstance(event, TransactionSet)), sys.stderr)


def _summary(tally: _Tally, output: str | None) -> int:
    """Says what was kept aside and left out; gives the exit code."""
    from gateway.cli.output import count, say, visible

    if tally.kept:
        others = len(tally.kept) - 1
        more = f" The same goes for {count(others, 'other set')}." if others else ""
        say(visible(tally.kept[0] + more))
    if tally.failed:
        old = f" {output} was not written." if output and not tally.written else ""
        sets = count(tally.left_out, "transaction set")
        say(visible(f"{count(tally.written, 'document')} written, {sets} left out.{old}"))
    return ExitCode.PROBLEMS if tally.failed else ExitCode.FINE


def _name(event: TransactionSet | InterchangeAcknowledgment) -> str:
    from gateway.x12.envelope import InterchangeAcknowledgment

    if isinstance(event, InterchangeAcknowledgment):
        return f"TA1 {' '.join(event.elements[1:2])} in interchange {event.interchange.control_number}"
    group = f"group {event.group.control_number} of " if event.group else ""
    number = event.interchange.control_number or "(none)"
    return f"{event.set_id} {event.control_number} in {group}interchange {number}"


def _unmapped(event: TransactionSet | InterchangeAcknowledgment) -> str:
    """Why a set without an error has no document."""
    from gateway.x12.envelope import InterchangeAcknowledgment

    if isinstance(event, InterchangeAcknowledgment):
        return "It is correct, but there is no mapping from TA1 to a document."
    if event.guide is None:
        return next(one.message for one in event.problems if one.code == "X12-NO-GUIDE")
    version = event.group.version if event.group else ""
    return f"It is correct, but there is no mapping from {event.set_id} {version} to a document."


# --- out of JSON -----------------------------------------------------------------------------------------


def _documents(source: BinaryIO) -> Iterator[Any]:
    """The values of JSON lines, one by one; those of a JSON list, or a single one, at once.

    Raises:
        DocumentError: this is not JSON.
    """
    from orjson import JSONDecodeError, loads

    first = True
    for number, line in enumerate(source, 1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        try:
            value = loads(text)
        except JSONDecodeError as error:
            if not first:
                raise DocumentError(f"Line {number} of the input is not JSON: {error}.") from None
            try:
                value = loads(text + b"\n" + source.read())
            except JSONDecodeError as whole:
                raise DocumentError(f"The input is not JSON: {whole}.") from None
        first = False
        yield from value if isinstance(value, list) else (value,)


def _objects(values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for value in values:
        if not isinstance(value, dict):
            raise DocumentError(f"A document is a JSON object, and this is not: {str(value)[:60]!r}.")
        yield value


def _checked(documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The documents, each checked against its model; none is given on after one that is wrong.

    Raises:
        DocumentError: something is wrong; told at the end, of all documents.
    """
    from gateway.documents import document_types
    from gateway.engine import explain

    known = (None, *document_types())
    problems: list[Problem] = []
    for number, document in enumerate(documents, 1):
        if document.get("document_type") in known:
            found = explain(document)
            problems += (replace(one, message=f"Document {number}: {one.message}") for one in found)
        if not problems:
            yield document
    if problems:
        raise DocumentError("The documents are not right.", problems=tuple(problems))
