"""``edigw simulate``: the other side of a channel, played for a rehearsal."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from threading import Event

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, table


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    brief = "play the other side, for a rehearsal"
    verbs = inputs.noun(commands, "simulate", brief, "Plays the other side of a channel, for a rehearsal.")
    amazon = inputs.command(verbs, "amazon", run_amazon)
    words = "what it does: orders, changes, faults"
    amazon.add_argument("--script", metavar="FILE", type=Path, required=True, help=words)
    words = "where it listens, on this machine only (default: a free port)"
    amazon.add_argument("--listen", metavar="127.0.0.1:PORT", type=_port, default=0, help=words)


def _port(text: str) -> int:
    host, _, port = text.rpartition(":")
    if host != "127.0.0.1" or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise argparse.ArgumentTypeError(f"{text!r} is no address of this machine: write 127.0.0.1:8480")
    return int(port)


def run_amazon(args: argparse.Namespace) -> int:
    """Play Amazon's API for vendors.

    Listens until it is stopped with Ctrl-C or SIGTERM, and does what its script says: makes orders and
    changes them, takes what is submitted, checks it strictly, and goes wrong where it shall. It says what to
    write under `sp_api` of a partner, and at the end how often each number was submitted.

    exit code: 0 nothing was submitted twice, 1 something was
    """
    from gateway.simulator.amazon import Amazon
    from gateway.simulator.script import load

    script, stop = load(args.script), Event()
    with Amazon(script, port=args.listen) as amazon:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        orders = sum(one.count for one in script.orders)
        say(f"The played Amazon has {orders} orders for {script.vendor_code}. Ctrl-C ends it. For sp_api:")
        say(f"  base_url: {amazon.url}")
        say(f"  token_url: {amazon.url}/auth/o2/token")
        stop.wait()
        taken = sorted((*what, str(times)) for what, times in amazon.submissions.items())
    show(table(taken, ("operation", "number", "times")).splitlines() if taken else ["Nothing was submitted."])
    return ExitCode(any(times > 1 for times in amazon.submissions.values()))
