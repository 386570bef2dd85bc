"""``edigw explain``: what a problem code means, what it does to an acknowledgment, and what to do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict
from textwrap import fill, shorten
from typing import TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say, show, table, write_json

if TYPE_CHECKING:
    from gateway.services.explain import Entry


def register(commands: inputs.Commands) -> None:
    """Adds the command of this module."""
    explain = inputs.command(commands, "explain", run, json="print JSON")
    explain.add_argument("code", metavar="CODE", nargs="?", help="for example X12-SE-COUNT")


def run(args: argparse.Namespace) -> int:
    """What a problem code means and what to do.

    Explains a problem code; without one, lists all.
    """
    from gateway.services.explain import entries, nearest

    known = entries()
    if args.code is None:
        if args.json:
            write_json({"codes": [asdict(entry) for entry in known.values()]})
        else:
            rows = [(entry.code, entry.severity, _first(entry.explanation)) for entry in known.values()]
            sys.stdout.write(table(rows))
        return ExitCode.FINE
    code = args.code.upper()
    if code not in known:
        near = nearest(code)
        hint = f" The nearest: {', '.join(near)}." if near else " `edigw explain` lists all."
        say(f"edigw explain: there is no code {args.code!r}.{hint}")
        return ExitCode.NOT_FOUND
    if args.json:
        write_json(asdict(known[code]))
    else:
        show(_words(known[code]))
    return ExitCode.FINE


def _first(text: str) -> str:
    """The first sentence, cut to a line."""
    return shorten(text.split(". ", maxsplit=1)[0].rstrip("."), 80, placeholder=" …")


def _words(entry: Entry) -> Iterator[str]:
    from gateway.services.explain import WHOSE

    level = f", about the {entry.level.replace('_', ' ')}" if entry.level else ""
    yield f"{entry.code}: {entry.severity}{level}\n"
    if entry.message:
        yield fill(entry.message, 100, initial_indent="  ", subsequent_indent="  ") + "\n"
    yield fill(entry.explanation, 100) + "\n"
    if entry.hint:
        yield fill(entry.hint, 100, initial_indent="What to do: ", subsequent_indent="  ")
    if entry.fault:
        yield f"Whose move: {WHOSE[entry.fault]}"
    for said in entry.ack:
        where = {"T": "TA1", "A": "997", "I": "999", "D": "receipt (MDN)"}[said["element"][0]]
        words = said["meaning"]
        yield f"In a {where}: {said['element']} = {said['code']}{words and f', {words}'}"
