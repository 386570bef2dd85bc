"""The program ``edigw``: finds the command, runs it and turns whatever goes wrong into an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from gateway import __version__
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say
from gateway.errors import (
    ConfigurationError,
    DocumentError,
    EdiError,
    ForbiddenError,
    LogInError,
    NotFoundError,
    RefusedError,
    TransportError,
)

COMMANDS = (
    "home",
    "run",
    "message",
    "document",
    "alert",
    "audit",
    "db",
    "cert",
    "partner",
    "user",
    "route",
    "channel",
    "sftp_server",
    "crossreference",
    "label",
    "schedule",
    "rule",
    "reconcile",
    "demo",
    "simulate",
    "x12",
    "translate",
    "map",
    "explain",
)
"""Modules of :mod:`gateway.cli.commands`, each with a function ``register(subparsers)``."""

_EXAMPLES = """\
examples:
  edigw demo --once                           see the main job at work, in a temporary home
  edigw x12 validate orders.edi               what is right and wrong with a file
  edigw x12 ack orders.edi > 997.edi          the acknowledgment for it
  edigw translate orders.edi -o orders.jsonl  purchase orders as JSON, one a line
  edigw translate orders.jsonl -o out.edi     and back to X12
  edigw explain X12-SE-COUNT                  what a problem means and what to do
  edigw init my-gateway                       make a home, then: edigw up --config my-gateway
"""

_DESCRIPTION = (
    "EDI gateway: X12 documents of retailers in and out, checked, translated, acknowledged and provable."
)

_EPILOG = """\
Data goes to standard output, everything else to standard error. `-` stands for standard input.

exit codes:
  0 fine · 1 problems found · 2 usage · 3 configuration · 4 not found · 5 remote or network, try again
  6 refused (duplicate, state) · 70 a fault of edigw itself · 130 interrupted
"""

_CODES: dict[type[EdiError], ExitCode] = {
    ConfigurationError: ExitCode.CONFIGURATION,
    DocumentError: ExitCode.PROBLEMS,
    NotFoundError: ExitCode.NOT_FOUND,
    RefusedError: ExitCode.REFUSED,
    LogInError: ExitCode.REFUSED,
    ForbiddenError: ExitCode.REFUSED,
    TransportError: ExitCode.REMOTE,
}
"""Exit codes of errors; all others are a fault of ours."""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Names of commands and what they do on one line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        # argparse forgets that subcommands are indented twice, and breaks the line of the longest one.
        self._action_max_length = 13


class _Parser(argparse.ArgumentParser):
    """Help begins with the examples: most readers look for nothing else."""

    def format_help(self) -> str:
        usage, _, rest = super().format_help().partition("\n\n")
        return f"{usage}\n\n{_EXAMPLES}\n{rest}"


@cache
def parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    program = _Parser(prog="edigw", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=_Formatter)
    program.add_argument("--version", action="version", version=f"edigw {__version__}")
    program.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    # Subparsers are plain parsers: the examples belong to the program's own help.
    commands = program.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", parser_class=argparse.ArgumentParser
    )
    for name in COMMANDS:
        importlib.import_module(f"gateway.cli.commands.{name}").register(commands)
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character of the data is no reason to stop.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else list(arguments)
    debug = "--debug" in given
    try:
        try:
            program = parser()
            options = program.parse_args([one for one in given if one != "--debug"])
            if not hasattr(options, "run"):
                program.print_help(sys.stderr)
                return ExitCode.USAGE
            return int(options.run(options))
        finally:
            sys.stdout.flush()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Keeps Python from complaining once more when it closes a standard output that nobody reads.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        if debug:
            raise
        return _failed(error)


def _failed(error: Exception) -> int:
    """One sentence about an error, every problem it carries, and its exit code."""
    code = ExitCode.BUG
    if isinstance(error, EdiError):
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), code)
        said = str(error)
    elif isinstance(error, OSError):
        code = ExitCode.NOT_FOUND if isinstance(error, FileNotFoundError) else ExitCode.REMOTE
        said = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    else:
        said = f"unexpected error: {type(error).__name__}: {error}"
    say(f"edigw: {said}")
    for problem in getattr(error, "problems", ()):
        place = " ".join(filter(None, (problem.location.pointer, problem.location.address)))
        hint = f" {problem.hint}" if problem.hint else ""
        say(f"  {problem.code}{place and f' at {place}'}: {problem.message}{hint}")
        if problem.value and repr(problem.value) not in problem.message:
            say(f"    value: {problem.value!r}")
    if code is ExitCode.BUG:
        say("This is a fault of edigw. Please report it with the command and the file; --debug shows more.")
    return code
