"""``edigw x12 inspect``, ``diff``, ``format`` and ``split``: look at files, compare and divide them."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, count, say, show, spooled, visible, write_json

if TYPE_CHECKING:
    from gateway.x12.delimiters import Delimiters
    from gateway.x12.reader import Piece
    from gateway.x12.rewrite import LeftOut

_CHUNK = 64 * 1024
_SHOWN = 10
"""Values shown of those that hold a wanted separator."""


def register(verbs: inputs.Commands) -> None:
    """Adds the commands of this module to ``edigw x12``."""
    inspect = inputs.command(verbs, "inspect", run_inspect, json="one JSON object on all files", home=True)
    inspect.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")

    diff = inputs.command(verbs, "diff", run_diff, json="the differences as one JSON object", home=True)
    diff.add_argument("first", metavar="A", help=inputs.FILE)
    diff.add_argument("second", metavar="B", help="the other file")
    diff.add_argument(
        "--ignore-control",
        action="store_true",
        help="ignore control numbers, dates, times and counts of ISA, GS, ST, SE, GE and IEA",
    )

    form = inputs.command(verbs, "format", run_format)
    form.add_argument("file", metavar="FILE", help=inputs.FILE)
    form.add_argument(
        "--delimiters",
        metavar="'*>~'",
        type=_delimiters,
        help="element separator, component separator, segment terminator, perhaps repetition separator; "
        r"\n, \t and \x1d are understood",
    )
    form.add_argument(
        "--newline",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="begin a new line after each segment (default), or not",
    )

    split = inputs.command(verbs, "split", run_split, json="what was written as one JSON object")
    split.add_argument("file", metavar="FILE", help=inputs.FILE)
    split.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="made if not there")


@contextmanager
def _replayable(name: str) -> Iterator[IO[bytes]]:
    """An input file that can be read twice."""
    with inputs.opened(name) as file, spooled() as copy:
        if file.seekable():
            yield file
        else:
            shutil.copyfileobj(file, copy)
            yield copy


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


def run_inspect(args: argparse.Namespace) -> int:
    """Show files with names, meanings of codes, and problems in place.

    Shows X12 files segment by segment: names of segments and elements, meanings of codes, dates and
    amounts written out, loops indented, every problem where it is. Sets without a guide are shown as they
    stand.

    exit code: 0 all accepted, 1 something is not, 4 a file is missing
    """
    from gateway.cli import annotated
    from gateway.cli.findings import verdict_words
    from gateway.x12.annotate import AnnotatedSet, Annotator, Row
    from gateway.x12.envelope import Verdict

    kinds = {Row: "segment", AnnotatedSet: "transaction_set"}
    style = Style.of(sys.stdout)
    annotator = Annotator(inputs.guides(args))
    outcome = inputs.Outcome()
    files: list[dict[str, object]] = []
    for name in args.files:
        with outcome.going_on(), _replayable(name) as file:
            if len(args.files) > 1 and not args.json:
                show([style.bold(visible(name))])
            parts: list[dict[str, object]] = []
            for part in annotator.file(partial(_chunks, file)):
                if args.json:
                    parts.append({"kind": kinds.get(type(part), "problem"), **part.to_dict()})
                else:
                    show(annotated.part_lines(part, style))
            files.append({"path": name, "parts": parts, "verdict": annotator.verdict})
            outcome.problems |= annotator.verdict is not Verdict.ACCEPTED
            if not args.json:
                show([f"{verdict_words(annotator.verdict, style)}  {style.dim(annotated.LEGEND)}"])
    if args.json:
        write_json({"files": files})
    return outcome.code


def run_diff(args: argparse.Namespace) -> int:
    """What differs between two files, by structure.

    Compares two X12 files by sets, segments and elements. Separators, line ends and trailing empty
    elements are no differences.

    exit code: 0 no difference, 1 differences, 4 a file is missing
    """
    from gateway.cli import annotated
    from gateway.x12.diff import diff
    from gateway.x12.reader import Isa
    from gateway.x12.rewrite import pieces

    if args.first == args.second == inputs.STANDARD_INPUT:
        say("edigw x12 diff: only one of the files can be standard input.")
        return ExitCode.USAGE
    library = inputs.guides(args)
    both: list[list[Piece]] = []
    for name in (args.first, args.second):
        with _replayable(name) as file:
            both.append(list(pieces(_chunks(file))))
        if not any(isinstance(piece, Isa) for piece in both[-1]):
            say(f"edigw x12 diff: {name} is no X12 file; there is nothing to compare.")
            return ExitCode.PROBLEMS
    found = list(diff(both[0], both[1], library, ignore_control=args.ignore_control))
    if args.json:
        about = {"first": args.first, "second": args.second, "equal": not found}
        write_json({**about, "differences": [difference.to_dict() for difference in found]})
    else:
        style = Style.of(sys.stdout)
        for place, differences in groupby(found, attrgetter("place")):
            show([style.bold(visible(place))])
            for difference in differences:
                show(annotated.difference_lines(difference, style))
        say(f"{count(len(found), 'difference')}." if found else "No differences.")
    return ExitCode(bool(found))


def run_format(args: argparse.Namespace) -> int:
    """Print a file with a segment on each line, or with other separators.

    Prints an X12 file in another form; the content stays as it is.

    exit code: 0 fine, 1 the data holds a wanted separator or the file cannot be kept whole, 4 there is no
    such file
    """
    from gateway.x12.rewrite import LeftOut, clashes, lines, pieces, written

    wanted: Delimiters | None = args.delimiters
    with _replayable(args.file) as file:
        faults: list[str] = []
        if wanted:
            faults += clashes(lines(pieces(_chunks(file))), wanted)
            faults += _unstated(pieces(_chunks(file)), wanted)
        if faults:
            say("edigw x12 format: the separators cannot be used, and nothing was written.")
            for words in faults[:_SHOWN]:
                say(f"  {words}")
            if len(faults) > _SHOWN:
                say(f"  and {count(len(faults) - _SHOWN, 'more place')}")
            say("Choose characters that the data does not hold.")
            return ExitCode.PROBLEMS
        code: ExitCode | None = None
        sys.stdout.flush()
        for line in lines(pieces(_chunks(file))):
            if isinstance(line, LeftOut):
                code = _tell_left(line, "format")
            else:
                text = written(line, wanted, newline=args.newline)
                sys.stdout.buffer.write(text.encode("latin-1"))
                code = code or ExitCode.FINE
        sys.stdout.buffer.flush()
    if code is None:
        say("edigw x12 format: there is no X12 in the file.")
    return ExitCode.PROBLEMS if code is None else code


def _delimiters(text: str) -> Delimiters:
    """The separators that an option names."""
    from gateway.x12.delimiters import Delimiters

    named = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\\": "\\"}
    found = re.findall(r"\\x[0-9A-Fa-f]{2}|\\[nrt\\]|.", text, re.DOTALL)
    characters = [bytes.fromhex(c[2:]).decode("latin-1") if len(c) == 4 else named.get(c, c) for c in found]
    fault = ""
    if len(characters) not in (3, 4):
        fault = "three or four separators are needed: element, component, terminator and repetition"
    elif len(set(characters)) < len(characters):
        fault = "the separators must differ from each other"
    elif bad := next((c for c in characters if c.isalnum() or c == " " or ord(c) > 255), ""):
        fault = f"{bad!r} cannot separate: letters, digits, blanks and characters beyond Latin-1 cannot"
    if fault:
        raise argparse.ArgumentTypeError(fault)
    return Delimiters(*characters)


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


def _tell_left(one: LeftOut, verb: str) -> ExitCode:
    say(f"edigw x12 {verb}: left out {one.what} at byte {one.offset}: {one.reason}.")
    return ExitCode.PROBLEMS


def run_split(args: argparse.Namespace) -> int:
    """Write each transaction set to a file of its own.

    Writes each transaction set as a complete interchange: with the ISA and GS it came with, and trailers
    that count one set. Files are never overwritten.

    exit code: 0 fine, 1 something of the file is in no output, 4 there is no such file
    """
    from gateway.x12.rewrite import LeftOut, pieces, split

    rows: list[dict[str, object]] = []
    left: list[dict[str, object]] = []
    with _replayable(args.file) as file:
        if args.output.exists() and not args.output.is_dir():
            say(f"edigw x12 split: {args.output} is a file; name a folder.")
            return ExitCode.USAGE
        args.output.mkdir(parents=True, exist_ok=True)
        for one in split(pieces(_chunks(file))):
            if isinstance(one, LeftOut):
                left.append(asdict(one))
                _tell_left(one, "split")
                continue
            path = _written_new(args.output, one.set_id, one.control_number, one.text.encode("latin-1"))
            rows.append({"path": str(path), **asdict(one)})
            del rows[-1]["text"]
            if not args.json:
                show([visible(str(path))])
    if args.json:
        write_json({"files": rows, "left_out": left})
    say(f"{count(len(rows), 'file')} written to {args.output}.")
    return ExitCode(bool(left or not rows))


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
