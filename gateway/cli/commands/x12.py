"""``edigw x12 …``: what needs files only, no home and no database."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain, count

from gateway.cli import inputs
from gateway.cli.commands import inspect
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, end_line, say, show, spooled, visible, write_bytes

_DATE, _TIME = "%Y%m%d", "%H%M"
_FORMS = {_DATE: "a date of the form YYYYMMDD", _TIME: "a time of the form HHMM"}


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "x12", "check, look at and answer X12 files", "Work on X12 files.")
    validate = inputs.command(verbs, "validate", run_validate, json="one JSON object on all files", home=True)
    validate.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")
    validate.add_argument(
        "--second-opinion", action="store_true", help="also ask pyx12, an independent validator, and compare"
    )
    ack = inputs.command(verbs, "ack", run_ack, home=True)
    ack.add_argument("file", metavar="FILE", help=inputs.FILE)
    ack.add_argument(
        "--type",
        choices=("997", "999", "ta1"),
        help="only this kind, for every group or interchange (default: as agreed with --partner, else 997)",
    )
    ack.add_argument(
        "--control-number",
        metavar="N",
        type=inputs.number(999_999_999, "a control number"),
        default=1,
        help="ISA13 of the first interchange (default 1)",
    )
    ack.add_argument(
        "--date",
        metavar="YYYYMMDD",
        type=partial(_moment, _DATE),
        help="date of the acknowledgment (default: today)",
    )
    ack.add_argument(
        "--time",
        metavar="HHMM",
        type=partial(_moment, _TIME),
        help="time of the acknowledgment (default: now)",
    )

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


def run_ack(args: argparse.Namespace) -> int:
    """Print the acknowledgment (997, 999, TA1) for a file.

    Prints the interchanges that acknowledge a file: a 997 or 999 for each functional group, a TA1 where
    the sender asks for it (ISA14) or the interchange is in error. Nothing is sent.

    exit code: 0 everything is accepted, 1 something is rejected or nothing can be acknowledged
    """
    from gateway import engine
    from gateway.x12.acknowledgment import Acknowledger, Form
    from gateway.x12.envelope import GroupHeader, TransactionSet, Verdict
    from gateway.x12.report import Tally

    acknowledger, tally = Acknowledger(), Tally()
    unsupported = False
    library, partner = inputs.guides(args), inputs.partner(args)
    form: Form | None = "999" if args.type == "999" else "997"
    with inputs.opened(args.file) as file:
        for event in tally.watch(engine.read(file, documents=False, guides=library)):
            if isinstance(event, GroupHeader) and partner and args.type is None:
                form = partner.answers(event.functional_id)
            acknowledger.add(event, form)
            unsupported |= isinstance(event, TransactionSet) and event.guide is None
    now = datetime.now().astimezone()
    moment = (args.date or now.strftime(_DATE)) + (args.time or now.strftime(_TIME))
    now = datetime.strptime(moment, _DATE + _TIME).astimezone()
    numbers = count(args.control_number)
    answers = [data for _, data in acknowledger.interchanges(lambda: next(numbers), now, args.type or "due")]
    if answers:
        write_bytes(b"".join(answers))
        end_line()
    else:
        say(f"edigw x12 ack: there is nothing to acknowledge in {args.file}.")
    accepted = tally.verdict is Verdict.ACCEPTED and not unsupported
    return ExitCode.FINE if accepted else ExitCode.PROBLEMS


def _moment(form: str, text: str) -> str:
    """Checks that a text is of a form, which strptime alone takes with fewer digits, too."""
    with suppress(ValueError):
        if datetime.strptime(text, form).astimezone().strftime(form) == text:
            return text
    raise argparse.ArgumentTypeError(f"{text!r} is not {_FORMS[form]}")
