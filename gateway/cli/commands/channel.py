"""``edigw channel list|pause|resume|run``: how the ways to partners and to our own system are."""

from __future__ import annotations

import argparse
from typing import Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.commands.message import when
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, visible, write_json


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    verbs = inputs.noun(commands, "channel", "how channels are; pause them", "Shows and pauses channels.")
    inputs.home_option(inputs.command(verbs, "list", run_list, json="print JSON"))
    for run in (run_pause, run_resume, run_run):
        verb = inputs.command(verbs, run.__name__.removeprefix("run_"), run)
        verb.add_argument("channel", metavar="CHANNEL", help="as `edigw channel list` names it")
        if run is not run_run:
            verb.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept in the audit")
        verb.add_argument("--actor", metavar="NAME", help="who does it (default: the user of this process)")
        inputs.home_option(verb)


def run_list(args: argparse.Namespace) -> int:
    """Show each channel, when it worked last, what its last trouble was, and what waits.

    exit code: 0 all work, 1 one of them fails
    """
    from gateway.services import health

    with gateway_of(args) as gateway:
        rows = health.channels(gateway.services, gateway.waiting)
    if args.json:
        write_json({"channels": rows})
    else:
        show(visible(line) for row in rows for line in _lines(row))
    return ExitCode.PROBLEMS if any(row["failures"] for row in rows) else ExitCode.FINE


def run_pause(args: argparse.Namespace) -> int:
    """Let nothing be fetched or sent at a channel until it is resumed.

    What is for it waits, and nothing is lost. Messages that a partner sends by AS2 are taken in all the same.

    exit code: 0 done, 4 there is no such channel, 6 it is paused already
    """
    return _operate(args, "paused")


def run_resume(args: argparse.Namespace) -> int:
    """End a pause; what waited goes on.

    exit code: 0 done, 4 there is no such channel, 6 it is not paused
    """
    return _operate(args, "resumed")


def run_run(args: argparse.Namespace) -> int:
    """Look at a channel and send what waits for it now, also where it is left alone after a refusal.

    exit code: 0 done, 4 there is no such channel, 6 it is paused
    """
    return _operate(args, "to be seen to now")


def _operate(args: argparse.Namespace, done: str) -> int:
    from gateway.services import health

    with gateway_of(args) as gateway:
        health.known_channel(gateway.services, args.channel)
        reason = {"reason": args.reason} if "reason" in args else {}
        getattr(health, args.verb)(gateway.services, args.channel, **reason)
        say(f"{args.channel}: {done}")
        if args.verb != "pause":
            say(f"A running `edigw up` does the rest; without one: edigw run-once --config {gateway.home}")
    return ExitCode.FINE


def _lines(row: dict[str, Any]) -> list[str]:
    waits = [f"{row[what]} {what}" for what in ("deliveries", "files") if row[what]]
    ok = f"last ok {when(row['last_ok_at'])}" if row["last_ok_at"] else "never ok"
    lines = [f"{row['channel']:<24}{row['kind']:<8}{row['state']:<9}{ok}  {', '.join(waits)}".rstrip()]
    if row["paused_at"]:
        lines.append(f"  paused {when(row['paused_at'])} by {row['paused_by']}: {row['reason']}")
    if row["failures"]:
        again = f"; next try {when(row['not_before'])}" if row["not_before"] else ""
        lines.append(f"  since {when(row['since'])}, last {when(row['last_trouble_at'])}{again} (UTC):")
        lines.append(f"  {row['last_words']}")
    return lines
