"""``edigw translate``: X12, JSON, XML, SP-API and shapes of one's own into each other, without a home."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, count, end_line, say, show, spooled, whole
from gateway.errors import DocumentError, Problem

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.shapes.model import Shape
    from gateway.x12.envelope import Event, InterchangeAcknowledgment, TransactionSet

_FORMS = ("jsonl", "json", "x12", "xml", "csv", "sp_api")


def register(commands: inputs.Commands) -> None:
    """Adds the command of this module."""
    add = inputs.command(commands, "translate", run, home=True).add_argument
    add("input", metavar="IN", help="an X12, JSON, XML or other file; - for standard input")
    add("-o", "--output", metavar="OUT", help="write to this file, whole or not at all")
    words = (
        "jsonl: a document on each line (default for X12); json: one list; xml; csv: the form of --shape; "
    )
    words += "sp_api: requests; x12 (default for all others)"
    add("--to", choices=_FORMS, help=words)
    words = "a shape of mappings/erp, or a file (.yaml): the form of the input, or of the output if the "
    add("--shape", metavar="NAME", help=words + "input is X12, XML or a document")
    number, words = (
        inputs.number(64, "a number of processes"),
        "out of X12: spread a large file over N processes",
    )
    add("--jobs", metavar="N", type=number, default=1, help=words)


def run(args: argparse.Namespace) -> int:
    """X12 to documents in JSON, XML or a shape of your own, and back.

    Translates X12 to the gateway's documents, and such documents to X12. X12, JSON and XML are told by their
    first characters; --shape describes CSV, fixed width or JSON of your own. Rejected transaction sets are
    told and left out.

    exit code: 0 everything was translated, 1 something was not, 4 there is no such file
    """
    from orjson import loads

    from gateway import engine
    from gateway.services import preview

    library, shape = inputs.guides(args), None
    if args.shape is not None:
        shape = engine.shape(args.shape, inputs.overrides(args)[:1])
    if args.to == "csv" and shape is None:
        words = "--to csv needs a --shape that says which columns; see docs/reference/shapes.md"
        say(f"edigw translate: {words}.")
        return ExitCode.USAGE
    with inputs.opened(args.input) as file:
        source = io.BufferedReader(file)  # type: ignore[type-var] # which can be looked into
        given = preview.form_of(source.peek(preview.HEAD)[: preview.HEAD], shape, args.to)
        usual = "jsonl" if given in ("x12", "sp_api") else "x12"
        wanted = args.to or ("csv" if shape and given != "csv" else usual)
        if given == ("json" if wanted == "jsonl" else wanted):
            say(f"edigw translate: the input is {given.upper()} already; --to {wanted} has nothing to do.")
            return ExitCode.USAGE
        tally = _Tally()
        if given == "x12":
            found = _told(_read(source, args, library), tally)
            if wanted in ("json", "jsonl"):
                with whole(args.output, lambda: bool(tally.written) or not tally.failed) as target:
                    target.writelines(_json(found, as_list=wanted == "json"))
                return _summary(tally, args.output)
            documents: Iterator[Any] = map(loads, found)
        else:
            documents = preview.read_documents(
                given, source, shape, wanted, library, lambda remark: say(remark.message)
            )
        try:
            # Nothing is written before all is right.
            with spooled() as spool:
                for piece in _pieces(documents, wanted, shape, library):
                    spool.write(piece)  # writelines would keep all in memory
                spool.seek(0)
                with whole(args.output) as target:
                    shutil.copyfileobj(spool, target)
        except DocumentError:
            if not tally.failed or tally.written:
                raise  # otherwise there is no document, and it was told why
    if args.output is None and wanted == "x12":
        end_line()
    return _summary(tally, args.output)


def _pieces(
    documents: Iterator[dict[str, Any]], wanted: str, shape: Shape | None, library: Library
) -> Iterable[bytes]:
    from orjson import dumps

    from gateway.services import preview

    if wanted in ("json", "jsonl"):
        return _json(map(dumps, documents), as_list=wanted == "json")
    return preview.pieces(documents, wanted, shape, library, _telling(wanted))


def _telling(wanted: str) -> Callable[[Problem], None]:
    """Says remarks; of what stands in no column, each once."""
    told: set[str] = set()

    def tell(remark: Problem) -> None:
        what = remark.message.partition(": ")[2]
        if wanted != "csv":
            say(remark.message)
        elif what not in told:
            told.add(what)
            say(f"{remark.message} {remark.hint}")

    return tell


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
    """What became of the transaction sets of a file; ``kept`` is what the mappings put aside of the first."""

    written: int = 0
    left_out: int = 0
    failed: bool = False
    kept: str = ""
    keeping: int = 0


def _told(events: Iterable[tuple[Event, bytes | None]], tally: _Tally) -> Iterator[bytes]:
    """The documents; says on standard error what was not translated, and why."""
    from gateway.cli import findings
    from gateway.x12 import envelope as x12

    style = Style.of(sys.stderr)
    for event, data in events:
        wrong = any(one.is_error for one in event.problems)
        tally.failed |= wrong
        if isinstance(event, x12.TransactionSet | x12.InterchangeAcknowledgment):
            name, reason = _about(event)
            if data is not None:
                tally.written += 1
                yield data
                aside = [one.message for one in event.problems if one.code == "MAP-UNMAPPED"]
                if aside:
                    tally.kept = tally.kept or f"{name.partition(' in ')[0]}: {aside[0]}"
                    tally.keeping += 1
                if len(aside) == len(event.problems):
                    continue
                say(f"{name} was translated:")
            else:
                tally.failed = True
                tally.left_out += 1
                say(f"{name} was not translated:")
                if not wrong:
                    say(f"  {reason}")
                    continue
        elif event.problems and isinstance(event, x12.GroupTrailer | x12.InterchangeTrailer):
            kind = "Interchange" if isinstance(event, x12.InterchangeTrailer) else "Functional group"
            advice = " is rejected; ask the sender before its documents are used:" if wrong else ":"
            say(f"{kind} {event.header.control_number}{advice}")
        indent = "" if isinstance(event, x12.FileProblem) else "  "
        remarks = not isinstance(event, x12.TransactionSet)
        show(findings.of(event, style, indent, remarks=remarks), sys.stderr)


def _summary(tally: _Tally, output: str | None) -> int:
    """Says what was kept aside and left out; gives the exit code."""
    if tally.keeping > 1:
        say(f"{tally.kept} The same goes for {count(tally.keeping - 1, 'other set')}.")
    elif tally.keeping:
        say(tally.kept)
    if tally.failed:
        old = f" {output} was not written." if output and not tally.written else ""
        sets = count(tally.left_out, "transaction set")
        say(f"{count(tally.written, 'document')} written, {sets} left out.{old}")
    return ExitCode(tally.failed)


def _about(event: TransactionSet | InterchangeAcknowledgment) -> tuple[str, str]:
    """What a set or TA1 is called, and why it has no document if it has no error."""
    from gateway.x12.envelope import InterchangeAcknowledgment

    number = event.interchange.control_number or "(none)"
    reason = "It is correct, but there is no mapping from {} to a document."
    if isinstance(event, InterchangeAcknowledgment):
        return f"TA1 {' '.join(event.elements[1:2])} in interchange {number}", reason.format("TA1")
    group = f"group {event.group.control_number} of " if event.group else ""
    reason = reason.format(f"{event.set_id} {event.group.version if event.group else ''}")
    reason = next((one.message for one in event.problems if one.code == "X12-NO-GUIDE"), reason)
    return f"{event.set_id} {event.control_number} in {group}interchange {number}", reason
