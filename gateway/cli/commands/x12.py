"""``edigw x12 …``: what needs files only, no home and no database."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec

from gateway.cli.exit_codes import ExitCode


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands of this noun."""
    noun = subparsers.add_parser(
        "x12", help="check, look at and answer X12 files", description="Work on X12 files."
    )
    verbs = noun.add_subparsers(title="commands", metavar="COMMAND", dest="verb", required=True)
    _validate_parser(verbs)
    for name in ("ack", "inspect"):
        if find_spec(f"gateway.cli.commands.{name}") is not None:
            import_module(f"gateway.cli.commands.{name}").register(verbs)


def _validate_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from gateway.cli import inputs

    validate = verbs.add_parser(
        "validate",
        help="check files and say what is wrong, where, and what to do",
        description="Checks X12 files against their guides: envelope, structure, elements, codes, totals.",
        epilog="exit code: 0 all accepted, 1 something is not, 4 a file is missing",
    )
    validate.add_argument("files", metavar="FILE", nargs="+", help="X12 files; - for standard input")
    validate.add_argument("--json", action="store_true", help="one JSON object on all files")
    validate.add_argument(
        "--second-opinion", action="store_true", help="also ask pyx12, an independent validator, and compare"
    )
    inputs.add_home(validate)
    validate.set_defaults(run=run_validate)


def run_validate(args: argparse.Namespace) -> int:
    """``edigw x12 validate``."""
    from gateway import engine
    from gateway.cli import inputs
    from gateway.cli.output import Style, say, visible
    from gateway.cli.reports import JsonReporter, Reporter, TextReporter
    from gateway.errors import NotFoundError
    from gateway.x12.envelope import Verdict

    library = inputs.guides(args)
    if library is None:
        return ExitCode.USAGE
    compare = None
    if args.second_opinion:
        from gateway.cli.opinion import Comparison

        compare = Comparison.prepare()
        if compare is None:
            return ExitCode.CONFIGURATION
    reporter: Reporter
    if args.json:
        reporter = JsonReporter(sys.stdout.buffer.write)
    else:
        reporter = TextReporter(sys.stdout.write, Style.of(sys.stdout))
    code = ExitCode.FINE
    missing = False
    for name in args.files:
        with ExitStack() as stack:
            try:
                file = stack.enter_context(inputs.opened(name))
            except NotFoundError as error:
                say(visible(f"edigw: {error}"))
                missing = True
                continue
            source = compare.begin(file) if compare else file
            reporter.begin(name)
            stack.callback(reporter.abandon)
            for event in engine.read(source, documents=False, guides=library):
                reporter.add(event)
                if compare:
                    compare.add(event)
            extra = compare.end(reporter) if compare else None
            if reporter.end(extra) is not Verdict.ACCEPTED or (compare and compare.differs):
                code = ExitCode.PROBLEMS
    reporter.close()
    return ExitCode.NOT_FOUND if missing else code
