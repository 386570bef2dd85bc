"""``edigw schedule …``, ``edigw deadline …`` and ``edigw expiry list``: what runs when, is due, and ends."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.commands.message import asking, when
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import cut, say, show, table, visible, write_json
from gateway.services.words import words

if TYPE_CHECKING:
    from gateway.store.queries import Row

_MAX_RUNS, _MAX_LISTED = 100, 1000


def register(commands: inputs.Commands) -> None:
    """Adds the commands of these nouns."""
    verbs = inputs.noun(commands, "schedule", "what runs when, and run it now", "Polls and batch windows.")
    listed = inputs.command(
        verbs, "list", run_list, json="one JSON object: schedules, each with its next runs"
    )
    runs = inputs.number(_MAX_RUNS, "a number of runs")
    listed.add_argument("--count", metavar="N", type=runs, default=1, help="so many next runs (default 1)")
    inputs.home_option(listed)
    now = inputs.command(verbs, "run", run_now)
    now.add_argument("name", metavar="NAME", help="as `edigw schedule list` shows it")
    verbs = inputs.noun(commands, "deadline", "what is due until when", "Deadlines of documents.")
    due = inputs.command(verbs, "list", run_deadlines, json="one JSON object: deadlines")
    due.add_argument("--missed", action="store_true", help="those that were missed and are not met yet")
    due.add_argument("--partner", metavar="P", default="", help="of this partner")
    limit = inputs.number(_MAX_LISTED, "a number of rows")
    due.add_argument("--limit", metavar="N", type=limit, default=50, help="at most so many (default 50)")
    inputs.home_option(due)
    ended = inputs.command(verbs, "cancel", run_cancel)
    ends = inputs.noun(commands, "expiry", "what ends when", "Certificates, secrets, and dates you noted.")
    inputs.home_option(inputs.command(ends, "list", run_expiries, json="one JSON object: expiries"))
    number = inputs.number(999_999_999, "the number of a deadline")
    ended.add_argument("number", metavar="NO", type=number, help="as `edigw deadline list` shows it")
    for verb in (now, ended):
        inputs.why_options(verb)


def run_list(args: argparse.Namespace) -> int:
    """List what has times of its own, with the next runs and the last one.

    Lists polls and batch windows that have times of their own, in UTC and in the zone of the times.
    """
    from gateway.services import schedule
    from gateway.store import queries

    with asking(args) as (connection, settings):
        rules = settings.schedules
        ran = queries.schedules(connection)
    now = datetime.now(UTC)
    rows = [schedule.row(name, slots, ran.get(name, {}), now, args.count) for name, slots in rules.items()]
    if args.json:
        write_json({"schedules": rows})
    else:
        header = ("NAME", "WHEN", "ZONE", "NEXT (ITS ZONE)", "NEXT (UTC)", "LAST (UTC)", "RESULT")
        show(
            table(
                [[visible(one) for one in line] for row in rows for line in _lines(row)], header
            ).splitlines()
        )
        if not rows:
            say("Nothing has times of its own; inboxes are looked into every few seconds.")
    return ExitCode.FINE


def _lines(row: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    result = row["result"] or ("under way" if row["taken_at"] else "-")
    last = (when(row["taken_at"] or "-"), cut(result, 60))
    for place, run in enumerate(row["next"] or [{"local": "-", "utc": "-"}]):
        known = (row["name"], row["when"], row["zone"]) if not place else ("", "", "")
        yield (*known, when(run["local"]), when(run["utc"]), *(last if not place else ("", "")))


def run_now(args: argparse.Namespace) -> int:
    """Run something now that has times of its own; these stay as they are.

    exit code: 0 it is asked for, 4 there is no such schedule
    """
    from gateway.services import schedule

    with gateway_of(args) as gateway:
        schedule.run(gateway.services, args.name, args.reason)
    say(f"A running `edigw up` does it now; without one: edigw run-once --config {inputs.home_named(args)}")
    return ExitCode.FINE


def run_cancel(args: argparse.Namespace) -> int:
    """End a deadline of a document that was settled otherwise, such as on the partner's web page.

    exit code: 0 done, 4 there is no such deadline, or it is met
    """
    from gateway.services import deadline

    with gateway_of(args) as gateway:
        deadline.cancel(gateway.services, args.number, args.reason)
    return ExitCode.FINE


def run_deadlines(args: argparse.Namespace) -> int:
    """List what is due next, how much time is left, and for which order.

    Lists acknowledgments, ship notices, invoices and payments that are due, and the 997s and receipts (MDN)
    that partners owe. Times are UTC.
    """
    from gateway.store import queries

    with asking(args) as (connection, _):
        state = "overdue" if args.missed else "open"
        rows = queries.deadlines(connection, state, args.partner, args.limit, now=datetime.now(UTC))
    if args.json:
        write_json({"deadlines": rows})
        return ExitCode.FINE
    shown = [[visible(one) for one in _cells(row)] for row in rows]
    show(
        table(shown, ("NO", "DUE", "LEFT", "PARTNER", "WHAT", "NUMBER", "ORDERS")).splitlines()
        if rows
        else []
    )
    if not rows:
        say("Nothing was missed." if args.missed else "Nothing is due.")
    return ExitCode.FINE


def _cells(row: Row) -> tuple[str, ...]:
    known = (row["partner"] or "-", words(row["kind"]), cut(row["number"] or "-", 34))
    orders = cut(", ".join(row["orders"]) or "-", 34)
    return (
        str(row["seq"]),
        when(row["due_at"]),
        left(timedelta(seconds=row["seconds_left"])),
        *known,
        orders,
    )


def left(time: timedelta) -> str:
    """A span in its two largest units; negative for what is over."""
    minutes = abs(time) // timedelta(minutes=1)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    said = f"{days} d {hours} h" if days else f"{hours} h {rest:02} min"
    return said if time >= timedelta() else f"-{said}"


def run_expiries(args: argparse.Namespace) -> int:
    """List what ends when: certificates, API secrets, and what `expiries` of the settings names.

    exit code: 0 nothing is over, 1 something is that is in use
    """
    from gateway.services import expiry

    with gateway_of(args) as gateway:
        rows = expiry.register(gateway.settings, gateway.keyring, datetime.now(UTC))
    if args.json:
        write_json({"expiries": rows})
    elif rows:
        shown = [
            [
                visible(one)
                for one in (row["ends"][:10], str(row["days_left"]), row["kind"], row["whose"], row["name"])
            ]
            for row in rows
        ]
        show(table(shown, ("ENDS", "DAYS", "KIND", "WHOSE", "WHAT")).splitlines())
    else:
        say("Nothing ends that the gateway knows of.")
    return ExitCode(any(row["in_use"] and row["days_left"] < 0 for row in rows))
