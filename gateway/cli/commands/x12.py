"""``edigw x12 …``: what needs files only, no home and no database."""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, count, end_line, say, show, spooled, visible, write_bytes, write_json

if TYPE_CHECKING:
    from gateway.x12.delimiters import Delimiters
    from gateway.x12.reader import Piece
    from gateway.x12.rewrite import LeftOut

_DATE, _TIME = "%Y%m%d", "%H%M"
_CHUNK = 64 * 1024
_SHOWN = 10  # values shown of those that hold a wanted separator


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "x12", "check, look at and answer X12 files", "Work on X12 files.")
    validate = inputs.command(verbs, "validate", run_validate, json="one JSON object on all files", home=True)
    validate.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")
    words = "also ask pyx12, an independent validator, and compare"
    validate.add_argument("--second-opinion", action="store_true", help=words)

    add = inputs.command(verbs, "ack", run_ack, home=True).add_argument
    add("file", metavar="FILE", help=inputs.FILE)
    words = "only this kind, for every group or interchange (default: as agreed with --partner, else 997)"
    add("--type", choices=("997", "999", "ta1"), help=words)
    number = inputs.number(999_999_999, "a control number")
    words = "ISA13 of the first interchange (default 1)"
    add("--control-number", metavar="N", type=number, default=1, help=words)
    day, minute = partial(_moment, _DATE), partial(_moment, _TIME)
    add("--date", metavar="YYYYMMDD", type=day, help="date of the acknowledgment (default: today)")
    add("--time", metavar="HHMM", type=minute, help="time of the acknowledgment (default: now)")

    inspect = inputs.command(verbs, "inspect", run_inspect, json="one JSON object on all files", home=True)
    inspect.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")

    diff = inputs.command(verbs, "diff", run_diff, json="the differences as one JSON object", home=True)
    diff.add_argument("first", metavar="A", help=inputs.FILE)
    diff.add_argument("second", metavar="B", help="the other file")
    words = "ignore control numbers, dates, times and counts of ISA, GS, ST, SE, GE and IEA"
    diff.add_argument("--ignore-control", action="store_true", help=words)

    add = inputs.command(verbs, "format", run_format).add_argument
    add("file", metavar="FILE", help=inputs.FILE)
    words = "element separator, component separator, segment terminator, perhaps repetition separator"
    words += r"; \n, \t and \x1d are understood"
    add("--delimiters", metavar="'*>~'", type=_delimiters, help=words)
    words = "begin a new line after each segment (default), or not"
    add("--newline", action=argparse.BooleanOptionalAction, default=True, help=words)

    split = inputs.command(verbs, "split", run_split, json="what was written as one JSON object")
    split.add_argument("file", metavar="FILE", help=inputs.FILE)
    split.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="made if not there")


def run_validate(args: argparse.Namespace) -> int:
    """Check files and say what is wrong, where, and what to do.

    Checks X12 files against their guides: envelope, structure, elements, codes, totals.

    exit code: 0 all accepted, 1 something is not, 4 a file is missing
    """
    from gateway import engine
    from gateway.cli import findings
    from gateway.x12.envelope import Verdict
    from gateway.x12.report import Tally, report

    library, style = inputs.guides(args), Style.of(sys.stdout)
    outcome, separator, comparison = inputs.Outcome(), "", None
    if args.second_opinion:
        from gateway.cli.opinion import Comparison

        comparison = Comparison(b"")
    if args.json:
        sys.stdout.write('{"files":[')
    for name in args.files:
        with outcome.going_on(), inputs.opened(name) as file, spooled() as spool:
            sys.stdout.write(separator)
            tally, data = Tally(), file.read() if comparison else file
            events = engine.read(data, documents=False, guides=library)
            if isinstance(data, bytes):
                comparison = Comparison(data)
                events = comparison.watch(events)
            if args.json:
                separator = ","
                sys.stdout.flush()
                extra = comparison.found if comparison else {}
                sys.stdout.buffer.writelines(report(name, events, tally, spool, extra))
            else:
                separator = "\n"
                body = findings.lines(tally.watch(events), style)
                for line in itertools.chain(body, comparison.lines() if comparison else ()):
                    spool.write(f"{line}\n".encode())
                called = style.bold(visible("standard input" if name == "-" else name))
                words = (findings.verdict_words(tally.verdict, style), findings.counted(tally.counts))
                show([f"{called}: {', '.join(filter(None, words))}"])
                spool.seek(0)
                sys.stdout.writelines(line.decode() for line in spool)
            agrees = not comparison or comparison.found["second_opinion"]["agrees"]
            outcome.problems |= tally.verdict is not Verdict.ACCEPTED or not agrees
    if args.json:
        sys.stdout.write("]}\n")
    return outcome.code


def run_ack(args: argparse.Namespace) -> int:
    """Print the acknowledgment (997, 999, TA1) for a file.

    Prints the interchanges that acknowledge a file: a 997 or 999 for each functional group, a TA1 where
    the sender asks for it (ISA14) or the interchange is in error. Nothing is sent.

    exit code: 0 everything is accepted, 1 something is rejected or nothing can be acknowledged
    """
    from gateway import engine
    from gateway.services import preview

    library, partner = inputs.guides(args), inputs.partner(args)
    now = datetime.now().astimezone()
    moment = (args.date or now.strftime(_DATE)) + (args.time or now.strftime(_TIME))
    now = datetime.strptime(moment, _DATE + _TIME).astimezone()
    with inputs.opened(args.file) as file:
        events = engine.read(file, documents=False, guides=library)
        answers, accepted = preview.acknowledge(events, partner, args.type, args.control_number, now)
    if answers:
        write_bytes(answers)
        end_line()
    else:
        say(f"edigw x12 ack: there is nothing to acknowledge in {args.file}.")
    return ExitCode.FINE if accepted else ExitCode.PROBLEMS


def _moment(form: str, text: str) -> str:
    """Checks that a text is of a form, which strptime alone takes with fewer digits, too."""
    with suppress(ValueError):
        if datetime.strptime(text, form).astimezone().strftime(form) == text:
            return text
    words = "a date of the form YYYYMMDD" if form == _DATE else "a time of the form HHMM"
    raise argparse.ArgumentTypeError(f"{text!r} is not {words}")


@contextmanager
def _replayable(name: str) -> Iterator[Callable[[], Iterator[bytes]]]:
    """An input file that can be read several times: what gives its chunks from the beginning."""
    with inputs.opened(name) as file, spooled() as copy:
        if not file.seekable():
            shutil.copyfileobj(file, copy)
        source = file if file.seekable() else copy

        def chunks() -> Iterator[bytes]:
            source.seek(0)
            while chunk := source.read(_CHUNK):
                yield chunk

        yield chunks


def run_inspect(args: argparse.Namespace) -> int:
    """Show files with names, meanings of codes, and problems in place.

    Shows X12 files segment by segment: names of segments and elements, meanings of codes, dates and
    amounts written out, loops indented, every problem where it is. Sets without a guide are shown as they
    stand.

    exit code: 0 all accepted, 1 something is not, 4 a file is missing
    """
    from gateway.cli import annotated
    from gateway.cli.findings import verdict_words
    from gateway.services.preview import annotated as shown
    from gateway.x12.annotate import Annotator
    from gateway.x12.envelope import Verdict

    style = Style.of(sys.stdout)
    annotator = Annotator(inputs.guides(args))
    outcome = inputs.Outcome()
    files: list[dict[str, object]] = []
    for name in args.files:
        with outcome.going_on(), _replayable(name) as chunks:
            if len(args.files) > 1 and not args.json:
                show([style.bold(visible(name))])
            parts: list[dict[str, object]] = []
            for part in annotator.file(chunks):
                if args.json:
                    parts.append(shown(part))
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
        with _replayable(name) as chunks:
            both.append(list(pieces(chunks())))
        if not any(isinstance(piece, Isa) for piece in both[-1]):
            say(f"edigw x12 diff: {name} is no X12 file; there is nothing to compare.")
            return ExitCode.PROBLEMS
    found = list(diff(both[0], both[1], library, ignore_control=args.ignore_control))
    if args.json:
        about = {"first": args.first, "second": args.second, "equal": not found}
        write_json({**about, "differences": [difference.to_dict() for difference in found]})
    else:
        style = Style.of(sys.stdout)
        for place, differences in itertools.groupby(found, attrgetter("place")):
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
    from gateway.x12.rewrite import LeftOut, clashes, lines, pieces, unstated, written

    wanted: Delimiters | None = args.delimiters
    with _replayable(args.file) as chunks:
        faults: list[str] = []
        if wanted:
            faults += clashes(lines(pieces(chunks())), wanted)
            faults += unstated(pieces(chunks()), wanted)
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
        for line in lines(pieces(chunks())):
            if isinstance(line, LeftOut):
                code = _tell_left(line, "format")
            else:
                sys.stdout.buffer.write(written(line, wanted, newline=args.newline).encode("latin-1"))
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
    if len(characters) not in (3, 4):
        fault = "three or four separators are needed: element, component, terminator and repetition"
    elif len(set(characters)) < len(characters):
        fault = "the separators must differ from each other"
    elif bad := next((c for c in characters if c.isalnum() or c == " " or ord(c) > 255), ""):
        fault = f"{bad!r} cannot separate: letters, digits, blanks and characters beyond Latin-1 cannot"
    else:
        return Delimiters(*characters)
    raise argparse.ArgumentTypeError(fault)


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
    with _replayable(args.file) as chunks:
        if args.output.exists() and not args.output.is_dir():
            say(f"edigw x12 split: {args.output} is a file; name a folder.")
            return ExitCode.USAGE
        args.output.mkdir(parents=True, exist_ok=True)
        for one in split(pieces(chunks())):
            if isinstance(one, LeftOut):
                left.append(asdict(one))
                _tell_left(one, "split")
                continue
            path, about = _free(args.output, one.set_id, one.control_number), asdict(one)
            with path.open("xb") as target:
                target.write(about.pop("text").encode("latin-1"))
            rows.append({"path": str(path), **about})
            if not args.json:
                show([visible(str(path))])
    if args.json:
        write_json({"files": rows, "left_out": left})
    say(f"{count(len(rows), 'file')} written to {args.output}.")
    return ExitCode(bool(left or not rows))


def _free(folder: Path, *names: str) -> Path:
    """The first file name that is free; of what a partner chose only safe characters stay."""
    stem = "-".join(re.sub(r"[^A-Za-z0-9-]+", "_", text)[:40].strip("_") or "none" for text in names)
    paths = (folder / f"{stem}{f'-{number}' if number > 1 else ''}.edi" for number in itertools.count(1))
    return next(path for path in paths if not path.exists())
