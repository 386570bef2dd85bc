"""``edigw x12 ack``: the acknowledgment a file deserves, printed and not sent."""

from __future__ import annotations

import argparse
import re
from datetime import datetime
from itertools import count

from gateway.cli.exit_codes import ExitCode

_LARGEST = 999_999_999


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command of this module."""
    from gateway.cli import inputs

    ack = verbs.add_parser(
        "ack",
        help="print the acknowledgment (997, TA1) for a file",
        description="Prints the interchanges that acknowledge a file: a 997 for each functional group, "
        "and a TA1 where the sender asks for it (ISA14) or the interchange is in error. Nothing is sent.",
        epilog="exit code: 0 everything is accepted, 1 something is rejected or nothing can be acknowledged",
    )
    ack.add_argument("file", metavar="FILE", help="an X12 file; - for standard input")
    ack.add_argument(
        "--type", choices=("997", "999", "ta1"), help="only this kind; ta1 is made for every interchange"
    )
    ack.add_argument(
        "--control-number",
        metavar="N",
        type=_control_number,
        default=1,
        help="ISA13 of the first interchange (default 1)",
    )
    ack.add_argument(
        "--date", metavar="YYYYMMDD", type=_date, help="date of the acknowledgment (default: today)"
    )
    ack.add_argument("--time", metavar="HHMM", type=_time, help="time of the acknowledgment (default: now)")
    inputs.add_home(ack)
    ack.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """``edigw x12 ack``."""
    from gateway import engine
    from gateway.cli import inputs
    from gateway.cli.output import end_line, say, write_bytes
    from gateway.cli.reports import FileVerdict
    from gateway.x12.acknowledgment import Acknowledger
    from gateway.x12.envelope import FileProblem, GroupTrailer, InterchangeTrailer, TransactionSet, Verdict

    if args.type == "999":
        say("edigw x12 ack: a 999 needs a guide of release 005010, and none is installed; use --type 997.")
        return ExitCode.USAGE
    library = inputs.guides(args)
    if library is None:
        return ExitCode.USAGE
    acknowledger = Acknowledger()
    verdict = FileVerdict()
    unsupported = False
    with inputs.opened(args.file) as file:
        for event in engine.read(file, documents=False, guides=library):
            acknowledger.add(event)
            match event:
                case TransactionSet():
                    verdict.problems(event.problems)
                    unsupported |= event.guide is None
                case GroupTrailer() | InterchangeTrailer():
                    verdict.problems(event.problems)
                    if isinstance(event, InterchangeTrailer):
                        verdict.interchange(event.verdict)
                case FileProblem():
                    verdict.problems((event.problem,))
                case _:
                    pass
    now = datetime.now().astimezone()
    now = now.replace(hour=args.time[0], minute=args.time[1]) if args.time else now
    now = now.replace(year=args.date[0], month=args.date[1], day=args.date[2]) if args.date else now
    numbers = count(args.control_number)
    written = 0
    for _, data in acknowledger.interchanges(lambda: next(numbers), now, args.type or "due"):
        write_bytes(data)
        written += 1
    if written:
        end_line()
    else:
        say(f"edigw x12 ack: there is nothing to acknowledge in {args.file}.")
    accepted = verdict.verdict is Verdict.ACCEPTED and not unsupported
    return ExitCode.FINE if accepted else ExitCode.PROBLEMS


def _control_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a control number: 1 to {_LARGEST}")
    return int(text)


def _date(text: str) -> tuple[int, int, int]:
    try:
        day = datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 -- a day of the calendar, no moment
    except ValueError:
        day = None
    if day is None or len(text) != 8:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date of the form YYYYMMDD")
    return day.year, day.month, day.day


def _time(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"([01][0-9]|2[0-3])[0-5][0-9]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time of the form HHMM")
    return int(text[:2]), int(text[2:])
