"""``edigw x12 …``: what needs files only, no home and no database."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from itertools import chain

from gateway.cli import inputs
from gateway.cli.commands import ack, inspect
from gateway.cli.exit_codes import ExitCode


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands of this noun."""
    noun = subparsers.add_parser(
        "x12", help="check, look at and answer X12 files", description="Work on X12 files."
    )
    verbs = noun.add_subparsers(title="commands", metavar="COMMAND", dest="verb", required=True)
    validate = verbs.add_parser(
        "validate",
        help="check files and say what is wrong, where, and what to do",
        description="Checks X12 files against their guides: envelope, structure, elements, codes, totals.",
        epilog="exit code: 0 all accepted, 1 something is not, 4 a file is missing",
    )
    validate.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")
    validate.add_argument("--json", action="store_true", help="one JSON object on all files")
    validate.add_argument(
        "--second-opinion", action="store_true", help="also ask pyx12, an independent validator, and compare"
    )
    inputs.add_home(validate)
    validate.set_defaults(run=run_validate)
    ack.register(verbs)
    inspect.register(verbs)


def run_validate(args: argparse.Namespace) -> int:
    """``edigw x12 validate``."""
    from gateway import engine
    from gateway.cli import findings, reports
    from gateway.cli.opinion import Comparison
    from gateway.cli.output import Style, say, spooled, visible
    from gateway.errors import NotFoundError
    from gateway.x12.envelope import Verdict
    from gateway.x12.report import Tally, report

    library = inputs.guides(args)
    style = Style.of(sys.stdout)
    code, missing, separator = ExitCode.FINE, False, ""
    comparison = Comparison(b"") if args.second_opinion else None
    if args.json:
        sys.stdout.write('{"files":[')
    for name in args.files:
        with ExitStack() as stack:
            try:
                file = stack.enter_context(inputs.opened(name))
            except NotFoundError as error:
                say(visible(f"edigw: {error}"))
                missing = True
                continue
            sys.stdout.write(separator)
            tally, spool = Tally(), stack.enter_context(spooled())
            if comparison:
                data = file.read()
                comparison = Comparison(data)
                events = comparison.watch(engine.read(data, documents=False, guides=library))
            else:
                events = engine.read(file, documents=False, guides=library)
            if args.json:
                separator = ","
                sys.stdout.flush()
                extra = comparison.found if comparison else {}
                sys.stdout.buffer.writelines(report(name, events, tally, spool, extra))
            else:
                separator = "\n"
                body = reports.lines(tally.watch(events), style)
                for line in chain(body, comparison.lines() if comparison else ()):
                    spool.write(f"{line}\n".encode())
                called = style.bold(visible("standard input" if name == "-" else name))
                words = (findings.verdict_words(tally.verdict, style), findings.counted(tally.counts))
                sys.stdout.write(f"{called}: {', '.join(filter(None, words))}\n")
                spool.seek(0)
                sys.stdout.writelines(line.decode() for line in spool)
            agrees = not comparison or comparison.found["second_opinion"]["agrees"]
            if tally.verdict is not Verdict.ACCEPTED or not agrees:
                code = ExitCode.PROBLEMS
    if args.json:
        sys.stdout.write("]}\n")
    return ExitCode.NOT_FOUND if missing else code
