"""``edigw translate``: X12 to JSON documents and back, without home or database."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from gateway.mapping.library import Library
    from gateway.x12.envelope import TransactionSet

_FORMS = ("jsonl", "json", "x12")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command of this module."""
    from gateway.cli import inputs

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
    inputs.add_home(translate)
    translate.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """``edigw translate``."""
    from gateway.cli import inputs
    from gateway.cli.output import say

    library = inputs.guides(args)
    if library is None:
        return ExitCode.USAGE
    with inputs.opened(args.input) as file:
        head = file.read(4096)
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        given = "json" if start in (b"{", b"[") else "x12"
        wanted = args.to or ("x12" if given == "json" else "jsonl")
        if (given == "x12") == (wanted == "x12"):
            say(f"edigw translate: the input is {given.upper()} already; --to {wanted} has nothing to do.")
            return ExitCode.USAGE
        source = _Joined(head, file)
        if given == "json":
            return _to_x12(source, args.output, library)
        return _to_json(source, args.output, library, as_list=wanted == "json")


class _Joined:
    """A file whose beginning was read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head + (self._rest.read() if size < 0 else b"")
        return self._rest.read(size)


# --- X12 to JSON -----------------------------------------------------------------------------------------


def _to_json(source: Any, output: str | None, library: Library, *, as_list: bool) -> int:
    import orjson

    from gateway import engine
    from gateway.x12.envelope import FileProblem, GroupTrailer, InterchangeTrailer, TransactionSet

    told = _Told()
    with _target(output) as target:
        written = 0
        for event in engine.read(source, guides=library):
            match event:
                case TransactionSet():
                    if not event.document or "document_type" not in event.document:
                        told.rejected(event)
                        continue
                    told.remarks(event)
                    if as_list:
                        target.write((b",\n" if written else b"[") + orjson.dumps(event.document))
                    else:
                        target.write(orjson.dumps(event.document, option=orjson.OPT_APPEND_NEWLINE))
                    written += 1
                case GroupTrailer() | InterchangeTrailer():
                    told.envelope(event)
                case FileProblem():
                    told.file(event)
                case _:
                    pass
        if as_list:
            target.write(b"]\n" if written else b"[]\n")
        if not written and told.failed:
            target.discard()
    told.summary(written, output)
    return ExitCode.PROBLEMS if told.failed else ExitCode.FINE


class _Told:
    """Says on standard error what was not translated, and why."""

    def __init__(self) -> None:
        from gateway.cli.output import Style

        self.failed = False
        self._style = Style.of(sys.stderr)
        self._left_out = 0
        self._kept = 0
        self._first_kept = ""

    def rejected(self, event: TransactionSet) -> None:
        """A set without a document."""
        from gateway.cli import findings
        from gateway.cli.output import say, visible

        self.failed = True
        self._left_out += 1
        say(visible(f"{event.set_id} {event.control_number} in {_group_words(event)} was not translated:"))
        if not any(one.is_error for one in event.problems):
            if event.guide:
                version = event.group.version if event.group else ""
                say(f"  It is correct, but there is no mapping from {event.set_id} {version} to a document.")
            else:
                say(visible("  " + next(one.message for one in event.problems if one.code == "X12-NO-GUIDE")))
            return
        for line in findings.of_set(event, self._style, "  ", remarks=False):
            say(line)

    def remarks(self, event: TransactionSet) -> None:
        """Warnings of a set that was translated; what the mapping kept aside is counted."""
        from gateway.cli import findings
        from gateway.cli.output import say, visible

        if not event.problems:
            return
        kept = [one for one in event.problems if one.code == "MAP-UNMAPPED"]
        if kept:
            self._kept += 1
            self._first_kept = self._first_kept or f"{event.set_id} {event.control_number}: {kept[0].message}"
        if len(kept) < len(event.problems):
            say(visible(f"{event.set_id} {event.control_number} in {_group_words(event)} was translated:"))
            for line in findings.of_set(event, self._style, "  ", remarks=False):
                say(line)

    def envelope(self, event: Any) -> None:
        """Problems of a group or an interchange."""
        from gateway.cli import findings
        from gateway.cli.output import say, visible

        if not event.problems:
            return
        wrong = any(one.is_error for one in event.problems)
        self.failed |= wrong
        kind = "Interchange" if hasattr(event, "groups") else "Functional group"
        end = " is rejected; ask the sender before its documents are used:" if wrong else ":"
        say(visible(f"{kind} {event.header.control_number}{end}"))
        marks = getattr(event.header, "delimiters", None) or event.header.interchange.delimiters
        for problem in event.problems:
            for line in findings.described(problem, None, marks, self._style, "  "):
                say(line)

    def file(self, event: Any) -> None:
        """A problem of the file itself."""
        from gateway.cli import findings
        from gateway.cli.output import say
        from gateway.x12.delimiters import Delimiters

        self.failed |= event.problem.is_error
        for line in findings.described(event.problem, None, Delimiters(), self._style, ""):
            say(line)

    def summary(self, written: int, output: str | None) -> None:
        """The last lines: what was kept aside, and how much came out."""
        from gateway.cli.output import count, say, visible

        if self._kept:
            more = f" The same goes for {count(self._kept - 1, 'other set')}." if self._kept > 1 else ""
            say(visible(self._first_kept + more))
        if self.failed:
            kept = f" {output} was not written." if output and not written else ""
            left_out = count(self._left_out, "transaction set")
            say(f"{count(written, 'document')} written, {left_out} left out.{kept}")


def _group_words(event: TransactionSet) -> str:
    group = f"group {event.group.control_number} of " if event.group else ""
    return f"{group}interchange {event.interchange.control_number or '(none)'}"


# --- JSON to X12 -----------------------------------------------------------------------------------------


def _to_x12(source: Any, output: str | None, library: Library) -> int:
    import orjson

    from gateway import engine
    from gateway.cli.output import end_line, say, visible
    from gateway.errors import DocumentError

    text = b"".join(iter(lambda: source.read(1 << 20), b"")).removeprefix(b"\xef\xbb\xbf")
    documents: list[dict[str, Any]] = []
    try:
        for value in _values(text):
            if not isinstance(value, dict):
                say(
                    visible(
                        f"edigw translate: a document is a JSON object, and this is not: {str(value)[:60]!r}"
                    )
                )
                return ExitCode.PROBLEMS
            documents.append(value)
    except orjson.JSONDecodeError as error:
        say(f"edigw translate: this is not JSON: {error}")
        return ExitCode.PROBLEMS
    if not documents:
        say("edigw translate: the input holds no document.")
        return ExitCode.PROBLEMS
    if _explained(documents):
        return ExitCode.PROBLEMS
    try:
        data = engine.write(documents, guides=library)
    except DocumentError as error:
        _tell(error.problems, str(error))
        return ExitCode.PROBLEMS
    with _target(output) as target:
        target.write(data)
    if output is None:
        end_line()
    return ExitCode.FINE


def _values(text: bytes) -> Iterator[Any]:
    """The documents of a JSON list, of a single object, or of JSON lines."""
    import orjson

    if text.lstrip()[:1] == b"[":
        yield from orjson.loads(text)
        return
    try:
        yield orjson.loads(text)
    except orjson.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
    else:
        return
    for line in lines:
        yield orjson.loads(line)


def _explained(documents: list[dict[str, Any]]) -> bool:
    """Checks the documents against their models; True if something is wrong and was told."""
    from gateway.documents import document_types
    from gateway.documents.validation import explain

    found = False
    for number, document in enumerate(documents, 1):
        if document.get("document_type") is not None and document["document_type"] not in document_types():
            continue
        problems = explain(document)
        if problems:
            found = True
            name = f"Document {number}" if len(documents) > 1 else "The document"
            _tell(problems, f"{name} is not right:")
    return found


def _tell(problems: Any, title: str) -> None:
    from gateway.cli.output import say, visible

    say(visible(title))
    for problem in problems:
        at = problem.location.pointer or ""
        address = f" ({problem.location.address})" if problem.location.address else ""
        say(visible(f"  {problem.severity} {problem.code} at {at or '/'}{address}: {problem.message}"))
        if problem.value is not None and problem.value not in problem.message:
            say(visible(f"    value: {problem.value!r}"))
        if problem.hint:
            say(visible(f"    {problem.hint}"))


# --- output ----------------------------------------------------------------------------------------------


class _Target:
    """Where the result goes; a file gets its name only when all is written."""

    def __init__(self, write: BinaryIO) -> None:
        self._file = write
        self.discarded = False

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def discard(self) -> None:
        """Leaves the file that is there, if any, as it is."""
        self.discarded = True


@contextmanager
def _target(output: str | None) -> Iterator[_Target]:
    if output is None or output == "-":
        sys.stdout.flush()
        yield _Target(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    if path.exists() and not path.is_file():
        with path.open("wb") as device:  # a pipe or a device cannot be replaced
            yield _Target(device)
        return
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    hidden = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            target = _Target(file)
            yield target
            file.flush()
            os.fsync(file.fileno())
        if not target.discarded:
            hidden.chmod(_mode(path))
            hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """The rights of the file that is replaced, or those a new file would get."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
