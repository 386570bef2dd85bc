"""``edigw alert``: what people were told, who takes care of it, and whether they can be told at all."""

from __future__ import annotations

import argparse
import sys

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of, store_of
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import show, table, visible, write_json

MAX_LISTED = 1000


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "alert", "who was told what, and try to tell", "Alerts of alerts.yaml.")
    listed = inputs.command(verbs, "list", run_list, json="one JSON object: alerts")
    listed.add_argument("--open", action="store_true", help="only those nobody acknowledged")
    limit = inputs.number(MAX_LISTED, "a number of rows")
    listed.add_argument("--limit", metavar="N", type=limit, default=50, help="at most so many (default 50)")
    done = inputs.command(verbs, "acknowledge", run_acknowledge)
    number = inputs.number(2**53, "the number of an alert")
    done.add_argument("id", metavar="ID", type=number, help="its number in the list")
    done.add_argument("--reason", metavar="TEXT", required=True, help="what is done; it is kept in the audit")
    test = inputs.command(verbs, "test", run_test, json="print the result as JSON")
    test.add_argument("target", metavar="TARGET", help="a target of alerts.yaml, or log")
    for parser in (listed, done, test):
        inputs.home_option(parser)


def run_list(args: argparse.Namespace) -> int:
    """List alerts, newest first."""
    from gateway.store.alerts import alerts
    from gateway.store.database import reading

    with store_of(inputs.home_named(args)) as (engine, _), reading(engine) as connection:
        rows = alerts(connection, is_open=True if args.open else None, limit=args.limit).rows
    if args.json:
        write_json({"alerts": rows})
        return ExitCode.FINE
    lines = []
    for one in rows:
        state = f"acknowledged by {one['actor']}: {one['reason']}" if one["acknowledged_at"] else "open"
        shown = (one["seq"], one["at"][:19], *(one[name] for name in ("severity", "times", "words")), state)
        lines.append([visible(str(part)) for part in shown])
    header = ("id", "at (UTC)", "severity", "times", "what", "state")
    sys.stdout.write(table(lines, header) if lines else "No alerts.\n")
    return ExitCode.FINE


def run_acknowledge(args: argparse.Namespace) -> int:
    """Say that you take care of an alert: nobody else is told.

    exit code: 0 done, 4 there is no such alert, 6 somebody does already
    """
    from gateway.services import alert

    with gateway_of(args) as gateway:
        words = alert.acknowledge(gateway.services, args.id, args.reason)
    show([visible(f"{args.id}: {words}")])
    return ExitCode.FINE


def run_test(args: argparse.Namespace) -> int:
    """Tell a target now that this is a test, and say what happened.

    A webhook that was switched off by 410 is on again if it takes the test.

    exit code: 0 it took it, 3 a secret or file is missing, 4 there is no such target, 5 it did not take it
    """
    from gateway.observability.logging import configure
    from gateway.services import alert

    with gateway_of(args) as gateway:
        configure(level="warning")  # the target log is seen
        words = alert.try_out(gateway.services, args.target)
    if args.json:
        write_json({"target": args.target, "ok": True, "words": words})
    else:
        show([visible(words)])
    return ExitCode.FINE
