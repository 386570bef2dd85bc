"""``edigw x12 …``: what needs files only, no home and no database."""

from __future__ import annotations

import argparse
import sys
from itertools import chain

from gateway.cli import inputs
from gateway.cli.commands import ack, inspect
from gateway.cli.output import Style, show, spooled, visible


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "x12", "check, look at and answer X12 files", "Work on X12 files.")
    validate = inputs.command(verbs, "validate", run_validate, json="one JSON object on all files", home=True)
    validate.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")
    validate.add_argument(
        "--second-opinion", action="store_true", help="also ask pyx12, an independent validator, and compare"
    )
    ack.register(verbs)
    inspect.register(verbs)


def run_validate(args: argparse.Namespace) -> int:
    """Check files and say what is wrong, where, and what to do.

    Checks X12 files against their guides: envelope, structure, elements, codes, totals.

    exit code: 0 all accepted, 1 something is not, 4 a file is missing
    """
    from gateway import engine
    from gateway.cli import findings
    from gateway.cli.opinion import Comparison
    from gateway.x12.envelope import Verdict
    from gateway.x12.report import Tally, report

    library = inputs.guides(args)
    style = Style.of(sys.stdout)
    outcome, separator = inputs.Outcome(), ""
    comparison = Comparison(b"") if args.second_opinion else None
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
                for line in chain(body, comparison.lines() if comparison else ()):
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
