"""``edigw translate``: X12 to JSON documents and back, without home or database."""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.errors import DocumentError, Problem

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.x12.envelope import Event, InterchangeAcknowledgment, TransactionSet

_FORMS = ("jsonl", "json", "x12")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command of this module."""
    translate = subparsers.add_parser(
        "translate",
        help="X12 to JSON documents, or JSON documents to X12",
        description="Translates X12 to the gateway's JSON documents, or such documents to X12. The form of "
        "the input is seen from its first character. Rejected transaction sets are told and left out.",
        epilog="exit code: 0 everything was translated, 1 something was not, 4 there is no such file",
    )
    translate.add_argument(
        "input", metavar="IN", help="an X12, JSON or JSON lines file; - for standard input"
    )
    translate.add_argument("-o", "--output", metavar="OUT", help="write to this file, whole or not at all")
    translate.add_argument(
        "--to",
        choices=_FORMS,
        help="jsonl: a document on each line (default for X12); json: one list; x12 (default for JSON)",
    )
    translate.add_argument(
        "--jobs", metavar="N", type=_jobs, default=1, help="X12 to JSON: spread a large file over N processes"
    )
    inputs.add_home(translate)
    translate.set_defaults(run=run)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes: 1 to 64")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """``edigw translate``."""
    from gateway.cli.output import end_line, say, spooled, whole

    library = inputs.guides(args)
    with inputs.opened(args.input) as file:
        head = file.read(4096)
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        given = "json" if start in (b"{", b"[") else "x12"
        wanted = args.to or ("x12" if given == "json" else "jsonl")
        if (given == "x12") == (wanted == "x12"):
            say(f"edigw translate: the input is {given.upper()} already; --to {wanted} has nothing to do.")
            return ExitCode.USAGE
        source = io.BufferedReader(_Joined(head, file))
        if given == "x12":
            return _to_json(_read(source, args, library), args.output, as_list=wanted == "json")
        from gateway import engine

        # Nothing is written before all is right.
        with spooled() as spool:
            spool.writelines(engine.written(_checked(_documents(source)), guides=library))
            spool.seek(0)
            with whole(args.output) as target:
                shutil.copyfileobj(spool, target)
    if args.output is None:
        end_line()
    return ExitCode.FINE


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


# --- X12 to JSON -----------------------------------------------------------------------------------------


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


def _to_json(events: Iterable[tuple[Event, bytes | None]], output: str | None, *, as_list: bool) -> int:
    """Writes the documents; says on standard error what was not translated, and why."""
    from gateway.cli import findings
    from gateway.cli.output import Style, count, say, visible, whole
    from gateway.x12.envelope import (
        GroupTrailer,
        InterchangeAcknowledgment,
        InterchangeTrailer,
        TransactionSet,
    )
    from gateway.x12.report import problems_of

    style = Style.of(sys.stderr)
    begin, between, end = (b"[", b",\n", b"]\n") if as_list else (b"", b"", b"")
    written = left_out = 0
    failed = False
    kept: list[str] = []
    with whole(output, lambda: bool(written) or not failed) as target:
        target.write(begin)
        for event, data in events:
            problems = problems_of(event)
            wrong = any(one.is_error for one in problems)
            failed |= wrong
            if isinstance(event, TransactionSet | InterchangeAcknowledgment):
                if data is not None:
                    target.writelines((between if written else b"", data, b"" if as_list else b"\n"))
                    written += 1
                    aside = [one.message for one in problems if one.code == "MAP-UNMAPPED"]
                    if aside and not kept:
                        kept.append(f"{_name(event).partition(' in ')[0]}: {aside[0]}")
                    elif aside:
                        kept.append("")
                    if len(aside) == len(problems):
                        continue
                else:
                    failed = True
                    left_out += 1
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
            for line in findings.of(event, style, indent, remarks=not isinstance(event, TransactionSet)):
                say(line)
        target.write(end)
    if kept:
        more = f" The same goes for {count(len(kept) - 1, 'other set')}." if len(kept) > 1 else ""
        say(visible(kept[0] + more))
    if failed:
        old = f" {output} was not written." if output and not written else ""
        sets = count(left_out, "transaction set")
        say(visible(f"{count(written, 'document')} written, {sets} left out.{old}"))
    return ExitCode.PROBLEMS if failed else ExitCode.FINE


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


# --- JSON to X12 -----------------------------------------------------------------------------------------


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


def _checked(documents: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The documents, each checked against its model; none is given on after one that is wrong.

    Raises:
        DocumentError: something is wrong; told at the end, of all documents.
    """
    from gateway.documents import document_types
    from gateway.engine import explain

    known = (None, *document_types())
    problems: list[Problem] = []
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict):
            raise DocumentError(f"A document is a JSON object, and this is not: {str(document)[:60]!r}.")
        if document.get("document_type") in known:
            found = explain(document)
            problems += (replace(one, message=f"Document {number}: {one.message}") for one in found)
        if not problems:
            yield document
    if problems:
        raise DocumentError("The documents are not right.", problems=tuple(problems))
