"""``edigw x12 inspect``, ``diff``, ``format`` and ``split``: look at files, compare and divide them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gateway.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from gateway.x12.delimiters import Delimiters
    from gateway.x12.reader import Piece
    from gateway.x12.rewrite import LeftOut

_CHUNK = 64 * 1024
_IN_MEMORY = 16 * 1024 * 1024
"""Bytes of standard input kept in memory before they go to a temporary file."""

_SHOWN = 10
"""Values shown of those that hold a wanted separator."""

_FILE = "an X12 file; - for standard input"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands of this module to ``edigw x12``."""
    from gateway.cli import inputs

    inspect = subparsers.add_parser(
        "inspect",
        help="show files with names, meanings of codes, and problems in place",
        description="Shows X12 files segment by segment: names of segments and elements, meanings of codes, "
        "dates and amounts written out, loops indented, every problem where it is. Sets without a guide are "
        "shown as they stand.",
        epilog="exit code: 0 all accepted, 1 something is not, 4 a file is missing",
    )
    inspect.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")
    inspect.add_argument("--json", action="store_true", help="one JSON object on all files")
    inputs.add_home(inspect)
    inspect.set_defaults(run=run_inspect)

    diff = subparsers.add_parser(
        "diff",
        help="what differs between two files, by structure",
        description="Compares two X12 files by sets, segments and elements. Separators, line ends and "
        "trailing empty elements are no differences.",
        epilog="exit code: 0 no difference, 1 differences, 4 a file is missing",
    )
    diff.add_argument("first", metavar="A", help=_FILE)
    diff.add_argument("second", metavar="B", help="the other file")
    diff.add_argument(
        "--ignore-control",
        action="store_true",
        help="ignore control numbers, dates, times and counts of ISA, GS, ST, SE, GE and IEA",
    )
    diff.add_argument("--json", action="store_true", help="the differences as one JSON object")
    inputs.add_home(diff)
    diff.set_defaults(run=run_diff)

    form = subparsers.add_parser(
        "format",
        help="print a file with a segment on each line, or with other separators",
        description="Prints an X12 file in another form; the content stays as it is.",
        epilog="exit code: 0 fine, 1 the data holds a wanted separator or the file cannot be kept whole, "
        "4 there is no such file",
    )
    form.add_argument("file", metavar="FILE", help=_FILE)
    form.add_argument(
        "--delimiters",
        metavar="'*>~'",
        help="element separator, component separator, segment terminator, perhaps repetition separator; "
        r"\n, \t and \x1d are understood",
    )
    form.add_argument(
        "--newline",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="begin a new line after each segment (default), or not",
    )
    form.set_defaults(run=run_format)

    split = subparsers.add_parser(
        "split",
        help="write each transaction set to a file of its own",
        description="Writes each transaction set as a complete interchange: with the ISA and GS it came "
        "with, and trailers that count one set. Files are never overwritten.",
        epilog="exit code: 0 fine, 1 something of the file is in no output, 4 there is no such file",
    )
    split.add_argument("file", metavar="FILE", help=_FILE)
    split.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="made if not there")
    split.add_argument("--json", action="store_true", help="what was written as one JSON object")
    split.set_defaults(run=run_split)


@contextmanager
def _replayable(name: str) -> Iterator[BinaryIO]:
    """An input file that can be read twice."""
    import shutil
    from tempfile import SpooledTemporaryFile

    from gateway.cli import inputs

    with inputs.opened(name) as file, SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        if file.seekable():
            yield file
        else:
            shutil.copyfileobj(file, copy)
            yield copy  # type: ignore[misc]


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


def _pieces(file: BinaryIO) -> Iterator[Piece]:
    from gateway.x12.reader import Reader

    reader = Reader()
    for chunk in _chunks(file):
        yield from reader.feed(chunk)
    yield from reader.close()


def run_inspect(args: argparse.Namespace) -> int:
    """``edigw x12 inspect``."""
    from functools import partial

    from gateway.cli import annotated, inputs
    from gateway.cli.findings import verdict_words
    from gateway.cli.output import Style, say, visible, write_json
    from gateway.errors import NotFoundError
    from gateway.x12.annotate import AnnotatedSet, Annotator, Row
    from gateway.x12.envelope import Verdict

    library = inputs.guides(args)
    kinds = {Row: "segment", AnnotatedSet: "transaction_set"}
    style = Style.of(sys.stdout)
    annotator = Annotator(library)
    code, missing = ExitCode.FINE, False
    files: list[dict[str, object]] = []
    for name in args.files:
        try:
            with _replayable(name) as file:
                if len(args.files) > 1 and not args.json:
                    sys.stdout.write(f"{style.bold(visible(name))}\n")
                parts: list[dict[str, object]] = []
                for part in annotator.file(partial(_chunks, file)):
                    if args.json:
                        parts.append({"kind": kinds.get(type(part), "problem"), **part.to_dict()})
                    else:
                        sys.stdout.write("".join(f"{line}\n" for line in annotated.part_lines(part, style)))
        except NotFoundError as error:
            say(visible(f"edigw: {error}"))
            missing = True
            continue
        files.append({"path": name, "parts": parts, "verdict": annotator.verdict})
        if annotator.verdict is not Verdict.ACCEPTED:
            code = ExitCode.PROBLEMS
        if not args.json:
            words = verdict_words(annotator.verdict, style)
            sys.stdout.write(f"{words}  {style.dim(annotated.LEGEND)}\n")
    if args.json:
        write_json({"files": files})
    return ExitCode.NOT_FOUND if missing else code


def run_diff(args: argparse.Namespace) -> int:
    """``edigw x12 diff``."""
    from gateway.cli import annotated, inputs
    from gateway.cli.output import Style, count, say, visible, write_json
    from gateway.x12.diff import diff
    from gateway.x12.reader import Isa

    if args.first == args.second == inputs.STANDARD_INPUT:
        say("edigw x12 diff: only one of the files can be standard input.")
        return ExitCode.USAGE
    library = inputs.guides(args)
    pieces: list[list[Piece]] = []
    for name in (args.first, args.second):
        with _replayable(name) as file:
            pieces.append(list(_pieces(file)))
        if not any(isinstance(piece, Isa) for piece in pieces[-1]):
            say(visible(f"edigw x12 diff: {name} is no X12 file; there is nothing to compare."))
            return ExitCode.PROBLEMS
    found = list(diff(pieces[0], pieces[1], library, ignore_control=args.ignore_control))
    if args.json:
        differences = [difference.to_dict() for difference in found]
        write_json(
            {"first": args.first, "second": args.second, "equal": not found, "differences": differences}
        )
        return ExitCode.PROBLEMS if found else ExitCode.FINE
    style, place = Style.of(sys.stdout), ""
    for difference in found:
        if difference.place != place:
            place = difference.place
            sys.stdout.write(f"{style.bold(visible(place))}\n")
        sys.stdout.write("".join(f"{line}\n" for line in annotated.difference_lines(difference, style)))
    say(f"{count(len(found), 'difference')}." if found else "No differences.")
    return ExitCode.PROBLEMS if found else ExitCode.FINE


def run_format(args: argparse.Namespace) -> int:
    """``edigw x12 format``."""
    from gateway.cli.output import count, say, visible
    from gateway.x12.rewrite import LeftOut, clashes, lines, written

    wanted = None
    if args.delimiters is not None:
        wanted, fault = _delimiters(args.delimiters)
        if fault:
            say(f"edigw x12 format: {fault}")
            return ExitCode.USAGE
    with _replayable(args.file) as file:
        if wanted is not None:
            faults = [*clashes(lines(_pieces(file)), wanted), *_unstated(_pieces(file), wanted)]
            if faults:
                say("edigw x12 format: the separators cannot be used, and nothing was written.")
                for words in faults[:_SHOWN]:
                    say(visible(f"  {words}"))
                if len(faults) > _SHOWN:
                    say(f"  and {count(len(faults) - _SHOWN, 'more place')}")
                say("Choose characters that the data does not hold.")
                return ExitCode.PROBLEMS
        left: list[LeftOut] = []
        empty = True
        sys.stdout.flush()
        for line in lines(_pieces(file)):
            empty = False
            if isinstance(line, LeftOut):
                left.append(line)
            else:
                text = written(line, wanted, newline=args.newline)
                sys.stdout.buffer.write(text.encode("latin-1"))
        sys.stdout.buffer.flush()
    if empty:
        say("edigw x12 format: there is no X12 in the file.")
        return ExitCode.PROBLEMS
    return _tell_left(left, "format")


def _delimiters(text: str) -> tuple[Delimiters | None, str]:
    """The wanted separators, or what is wrong with them."""
    from gateway.x12.delimiters import Delimiters

    named = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\\": "\\"}
    found = re.findall(r"\\x[0-9A-Fa-f]{2}|\\[nrt\\]|.", text, re.DOTALL)
    characters = [bytes.fromhex(c[2:]).decode("latin-1") if len(c) == 4 else named.get(c, c) for c in found]
    if len(characters) not in (3, 4):
        return None, "three or four separators are needed: element, component, terminator and repetition."
    if len(set(characters)) < len(characters):
        return None, "the separators must differ from each other."
    if bad := next((c for c in characters if c.isalnum() or c == " " or ord(c) > 255), ""):
        return None, f"{bad!r} cannot separate: letters, digits, blanks and characters beyond Latin-1 cannot."
    return Delimiters(*characters), ""


def _unstated(pieces: Iterator[Piece], wanted: Delimiters) -> Iterator[str]:
    """Interchanges whose ISA segment cannot state the wanted separators."""
    from gateway.x12.reader import Isa

    for piece in pieces:
        if not isinstance(piece, Isa):
            continue
        own = piece.delimiters.repetition
        if piece.fragment:
            yield "There is no ISA segment that could state other separators."
        elif wanted.repetition and not own:
            version = piece.elements[12]
            yield f"Interchange {piece.elements[13]} (version {version}) has no repetition separator."
        elif own and not wanted.repetition and own in wanted.all:
            yield f"{own!r} is the repetition separator of interchange {piece.elements[13]}; name another."


def _tell_left(left: list[LeftOut], verb: str) -> int:
    from gateway.cli.output import say, visible

    for one in left:
        say(visible(f"edigw x12 {verb}: left out {one.what} at byte {one.offset}: {one.reason}."))
    return ExitCode.PROBLEMS if left else ExitCode.FINE


def run_split(args: argparse.Namespace) -> int:
    """``edigw x12 split``."""
    from dataclasses import asdict

    from gateway.cli.output import count, say, visible, write_json
    from gateway.x12.rewrite import LeftOut, split

    rows: list[dict[str, object]] = []
    left: list[LeftOut] = []
    with _replayable(args.file) as file:
        if args.output.exists() and not args.output.is_dir():
            say(visible(f"edigw x12 split: {args.output} is a file; name a folder."))
            return ExitCode.USAGE
        args.output.mkdir(parents=True, exist_ok=True)
        for one in split(_pieces(file)):
            if isinstance(one, LeftOut):
                left.append(one)
                continue
            path = _written_new(args.output, one.set_id, one.control_number, one.text.encode("latin-1"))
            rows.append({"path": str(path), **asdict(one)})
            del rows[-1]["text"]
            if not args.json:
                sys.stdout.write(visible(str(path)) + "\n")
    if args.json:
        write_json({"files": rows, "left_out": [asdict(one) for one in left]})
    code = _tell_left(left, "split")
    say(f"{count(len(rows), 'file')} written to {args.output}.")
    return ExitCode.PROBLEMS if not rows else code


def _written_new(folder: Path, set_id: str, control_number: str, data: bytes) -> Path:
    """Writes a file under the first name that is free; of what a partner chose only safe characters stay."""
    stem = "-".join(
        re.sub(r"[^A-Za-z0-9-]+", "_", text)[:40].strip("_") or "none" for text in (set_id, control_number)
    )
    path, number = folder / f"{stem}.edi", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.edi"
    with path.open("xb") as file:
        file.write(data)
    return path
