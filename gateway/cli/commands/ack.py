"""``edigw x12 ack``: the acknowledgment a file deserves, printed and not sent."""

from __future__ import annotations

import argparse
import re
from datetime import datetime
from itertools import count

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command of this module."""
    ack = verbs.add_parser(
        "ack",
        help="print the acknowledgment (997, 999, TA1) for a file",
        description="Prints the interchanges that acknowledge a file: a 997 or 999 for each functional "
        "group, a TA1 where the sender asks for it (ISA14) or the interchange is in error. Nothing is sent.",
        epilog="exit code: 0 everything is accepted, 1 something is rejected or nothing can be acknowledged",
    )
    ack.add_argument("file", metavar="FILE", help="an X12 file; - for standard input")
    ack.add_argument(
        "--type",
        choices=("997", "999", "ta1"),
        help="only this kind, for every group or interchange (default: as agreed with --partner, else 997)",
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
    from gateway.cli.output import end_line, say, write_bytes
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
    now = now.replace(hour=args.time.hour, minute=args.time.minute) if args.time else now
    now = now.replace(year=args.date.year, month=args.date.month, day=args.date.day) if args.date else now
    numbers = count(args.control_number)
    answers = [data for _, data in acknowledger.interchanges(lambda: next(numbers), now, args.type or "due")]
    if answers:
        write_bytes(b"".join(answers))
        end_line()
    else:
        say(f"edigw x12 ack: there is nothing to acknowledge in {args.file}.")
    accepted = tally.verdict is Verdict.ACCEPTED and not unsupported
    return ExitCode.FINE if accepted else ExitCode.PROBLEMS


def _control_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a control number: 1 to 999999999")
    return int(text)


def _date(text: str) -> datetime:
    return _moment(text, "%Y%m%d", "a date of the form YYYYMMDD")


def _time(text: str) -> datetime:
    return _moment(text, "%H%M", "a time of the form HHMM")


def _moment(text: str, form: str, called: str) -> datetime:
    try:
        moment = datetime.strptime(text, form).astimezone()
    except ValueError:
        moment = None
    # strptime also takes fewer digits.
    if moment is None or moment.strftime(form) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is not {called}")
    return moment
