"""``edigw map``: make mappings from guides, find their mistakes, see them at work, run their tests."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gateway.cli.output import Style
    from gateway.errors import Problem
    from gateway.mapping.library import Library
    from gateway.mapping.trace import Origin
    from gateway.x12.envelope import TransactionSet

_FOLDERS = ("mappings/x12", "mappings/partners")
_TEXT_WIDTH = 40


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands of this noun."""
    from gateway.cli import inputs

    noun = subparsers.add_parser(
        "map",
        help="make, check and test mappings, and see them at work",
        description="Work on mappings between X12 and the gateway's documents.",
    )
    verbs = noun.add_subparsers(title="commands", metavar="COMMAND", dest="verb", required=True)
    check = verbs.add_parser(
        "check",
        help="find mistakes of mappings without data",
        description="Holds mappings against their language, their guide and the fields of the document, and "
        "names every mistake with field and line. Without a name all installed mappings are checked.",
        epilog="exit code: 0 no errors, 1 errors, 4 there is no such mapping",
    )
    check.add_argument(
        "mappings", metavar="FILE|NAME", nargs="*", help="a file, or a name such as 850 or 004010/850"
    )
    check.add_argument("--json", action="store_true", help="one JSON object on all mappings")
    inputs.add_home(check)
    check.set_defaults(run=run_check)

    trace = verbs.add_parser(
        "trace",
        help="show which rule made which value from which part of a file",
        description="Translates the sets of an X12 file and shows the origin of every value of a document, "
        "and what went to the extensions and why.",
        epilog="exit code: 0 fine, 1 a set cannot be translated, 4 there is no such file or set",
    )
    trace.add_argument("file", metavar="FILE", help="an X12 file; - for standard input")
    trace.add_argument("--set", metavar="N", type=int, help="only the n-th transaction set of the file")
    trace.add_argument("--json", action="store_true", help="one JSON object")
    inputs.add_home(trace)
    trace.set_defaults(run=run_trace)

    test = verbs.add_parser(
        "test",
        help="run the tests that stand beside mappings",
        description="Runs the files <mapping>.test.yaml: inputs, and the documents, segments or problem "
        "codes expected of them. Without a name those of all installed mappings.",
        epilog="exit code: 0 all as expected, 1 differences, 4 there is no such mapping or it has no tests",
    )
    test.add_argument("mappings", metavar="NAME", nargs="*", help="a name such as 850 or 004010/850")
    test.add_argument("--json", action="store_true", help="one JSON object on all tests")
    inputs.add_home(test)
    test.set_defaults(run=run_test)

    scaffold = verbs.add_parser(
        "scaffold",
        help="print a starter mapping made from a guide",
        description="Prints a mapping with a rule for every segment and loop of a guide, to be renamed and "
        "thinned out. For a document that has a mapping in another release it prints one that extends it.",
        epilog="exit code: 0 printed, 4 there is no such guide or document",
    )
    scaffold.add_argument("guide", metavar="GUIDE", help="a guide such as 005010/855")
    scaffold.add_argument("--document", metavar="TYPE", help="the document, such as purchase_order")
    inputs.add_home(scaffold)
    scaffold.set_defaults(run=run_scaffold)


# --- check -----------------------------------------------------------------------------------------------


def run_check(args: argparse.Namespace) -> int:
    """``edigw map check``."""
    from gateway.cli import inputs
    from gateway.cli.output import Style, say, visible, write_json
    from gateway.errors import NotFoundError
    from gateway.mapping.check import check_mapping, check_shared
    from gateway.x12.table import Table

    library = inputs.guides(args)

    def table_of(guide: str) -> Table | None:
        kind, _, rest = guide.partition("/")
        release, _, set_id = rest.partition("/")
        return library.table(release, set_id) if kind == "x12" and set_id else None

    files: list[dict[str, Any]] = []
    code, missing = ExitCode.FINE, False
    style = Style.of(sys.stdout)
    home = args.config or (Path(os.environ["EDIGW_HOME"]) if os.environ.get("EDIGW_HOME") else None)
    overrides = (home / "mappings",) if home else ()
    for name in args.mappings or [None]:
        try:
            found = _mappings(name, overrides)
        except NotFoundError as error:
            say(visible(f"edigw: {error}"))
            missing = True
            continue
        for shown, text in found:
            if shown.endswith("blocks.yaml"):
                problems = check_shared(text)
            else:
                problems = check_mapping(text, table_of, _fields_of, library.mapping_file)
            if any(problem.is_error for problem in problems):
                code = ExitCode.PROBLEMS
            if args.json:
                files.append({"path": shown, "problems": [problem.to_dict() for problem in problems]})
            else:
                sys.stdout.write("".join(f"{line}\n" for line in _checked(shown, problems, style)))
    if args.json:
        write_json({"files": files})
    return ExitCode.NOT_FOUND if missing else code


def _fields_of(document_type: str) -> Collection[str] | None:
    from gateway.documents.fields import field_paths
    from gateway.errors import NotFoundError

    try:
        return field_paths(document_type)
    except NotFoundError:
        return None


def _mappings(name: str | None, overrides: tuple[Path, ...]) -> list[tuple[str, bytes]]:
    """The mappings of a name, each with the name it is shown under.

    Raises:
        NotFoundError: there is none.
    """
    from difflib import get_close_matches

    from gateway import resources
    from gateway.cli import inputs
    from gateway.errors import NotFoundError

    if name is not None and (name == inputs.STANDARD_INPUT or Path(name).is_file()):
        with inputs.opened(name) as file:
            return [(name, file.read())]
    if name is not None and name.endswith((".yaml", ".yml")):
        raise NotFoundError(f"There is no file {name}.")
    listed = [
        entry.removesuffix(".yaml")
        for folder in _FOLDERS
        for entry in resources.listing(folder, "*.yaml", overrides)
        if not entry.endswith(".test.yaml") and (name is not None or not entry.endswith("/blocks.yaml"))
    ]
    if name is None:
        chosen = listed
    else:
        chosen = [entry for entry in listed if f"/{entry}".endswith(f"/{name.strip('/')}")]
    if not chosen:
        names = [entry.removeprefix("mappings/").removeprefix("x12/") for entry in listed]
        near = get_close_matches(name or "", names, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(names) or 'none'}."
        raise NotFoundError(f"There is no mapping {name}.{hint}")
    return [(f"{entry}.yaml", resources.find(f"{entry}.yaml", overrides).read_bytes()) for entry in chosen]


def _checked(name: str, problems: list[Problem], style: Style) -> Iterator[str]:
    """The report on one mapping in lines; remarks are gathered by converter."""
    from collections import Counter

    from gateway.cli.findings import counted
    from gateway.cli.output import visible
    from gateway.errors import Severity

    words = counted(Counter(problem.severity for problem in problems))
    good = not any(problem.is_error for problem in problems)
    verdict = style.green("fine") if good else style.red("not usable")
    yield f"{style.bold(visible(name))}  {verdict}" + (f"  {words}" if words else "")
    gathered: dict[str, list[str]] = {}
    for problem in problems:
        field = problem.location.pointer or ""
        if problem.severity is Severity.INFO:
            gathered.setdefault(problem.message.removeprefix(f"{field}: "), []).append(field)
            continue
        paint = style.red if problem.is_error else style.yellow
        line = f"line {problem.location.line}" if problem.location.line else ""
        yield f"  {line:<9} {paint(f'{problem.severity.value} {problem.code}')}: {visible(problem.message)}"
        if problem.hint:
            yield f"            {style.dim(visible(problem.hint))}"
    for message, fields in gathered.items():
        yield f"  {style.blue('remark')} {visible(message)} The exact text is kept in extensions."
        yield f"    {style.dim(visible(', '.join(fields)))}"


# --- trace -----------------------------------------------------------------------------------------------


def run_trace(args: argparse.Namespace) -> int:
    """``edigw map trace``."""
    from gateway import engine
    from gateway.cli import inputs
    from gateway.cli.output import Style, say, visible, write_json
    from gateway.x12.envelope import TransactionSet

    library = inputs.guides(args)
    sets: list[dict[str, Any]] = []
    code, number, traced = ExitCode.FINE, 0, 0
    style = Style.of(sys.stdout)
    with inputs.opened(args.file) as file:
        for event in engine.read(file, documents=False, guides=library):
            if not isinstance(event, TransactionSet):
                continue
            number += 1
            if args.set is not None and number != args.set:
                continue
            traced += 1
            origins, reason = _origins(event, library)
            if reason:
                code = ExitCode.PROBLEMS
                say(visible(f"edigw: set {number} ({event.set_id} {event.control_number}): {reason}"))
            if args.json:
                sets.append(
                    {
                        "number": number,
                        "set_id": event.set_id,
                        "control_number": event.control_number,
                        "guide": event.guide,
                        "reason": reason or None,
                        "origins": [origin.to_dict() for origin in origins],
                        "problems": [problem.to_dict() for problem in event.problems],
                    }
                )
            elif not reason:
                sys.stdout.write("".join(f"{line}\n" for line in _traced(event, origins, style)))
    if args.json:
        write_json({"path": args.file, "sets": sets})
    if traced:
        return code
    if args.set is not None and number:
        say(visible(f"edigw: {args.file} has {number} transaction sets; there is no set {args.set}."))
        return ExitCode.NOT_FOUND
    say(visible(f"edigw: there is no transaction set in {args.file}; `edigw x12 validate` says why."))
    return ExitCode.PROBLEMS


def _origins(event: TransactionSet, library: Library) -> tuple[list[Origin], str]:
    """The origins of a set's values, or why it has none."""
    from dataclasses import replace

    from gateway.mapping.trace import trace
    from gateway.x12.diagnose import diagnose
    from gateway.x12.reader import SetText
    from gateway.x12.source import Source

    version = event.group.version if event.group else ""
    plan = library.plan(version, event.set_id)
    if event.guide is None:
        return [], "there is no guide for it"
    if any(problem.is_error for problem in event.problems):
        return [], "it has errors and is not translated; `edigw x12 validate` shows them"
    if plan is None:
        return [], "there is no mapping for it"
    delimiters = event.interchange.delimiters
    piece = SetText(event.text, event.offset, event.line, complete=True)
    segments = Source(replace(piece, plain=False), delimiters).segments
    steps = diagnose(plan.table, segments, delimiters).steps
    return trace(plan, steps, delimiters)[1], ""


def _traced(event: TransactionSet, origins: list[Origin], style: Style) -> Iterator[str]:
    from gateway.cli.output import table, visible

    def short(text: str) -> str:
        text = visible(text)
        return text if len(text) <= _TEXT_WIDTH else f"{text[: _TEXT_WIDTH - 1]}…"

    def place(origin: Origin) -> str:
        return "" if origin.segment is None else str(origin.segment)

    yield style.bold(visible(f"{event.set_id} {event.control_number}"))
    read = [origin for origin in origins if origin.kind in ("rule", "copy")]
    kept = [origin for origin in origins if origin.kind not in ("rule", "copy")]
    rows = [
        (place(o), visible(o.source), short(o.text), visible(o.pointer), short(_value(o)), visible(o.rule))
        for o in read
    ]
    yield table(rows, ("segment", "source", "text", "field", "value", "rule"), "  ").rstrip("\n")
    if kept:
        yield style.bold("kept in extensions")
        rows = [
            (place(o), visible(o.source), short(o.text), visible(o.pointer), visible(o.reason), "")
            for o in kept
        ]
        yield table(rows, ("segment", "source", "text", "field", "reason", ""), "  ").rstrip("\n")


def _value(origin: Origin) -> str:
    from gateway.cli.output import to_json

    return to_json(origin.value).decode()


# --- test ------------------------------------------------------------------------------------------------


def run_test(args: argparse.Namespace) -> int:
    """``edigw map test``."""
    from gateway import resources
    from gateway.cli import inputs
    from gateway.cli.output import Style, say, visible, write_json
    from gateway.errors import MappingError, NotFoundError
    from gateway.mapping.model import parse_mapping
    from gateway.mapping.trial import parse_trials, run_trial

    library, overrides = inputs.guides(args), inputs.overrides(args)
    style = Style.of(sys.stdout)
    files: list[dict[str, Any]] = []
    code, missing = ExitCode.FINE, False
    for name in args.mappings or [None]:
        try:
            found = _mappings(name, overrides)
        except NotFoundError as error:
            say(visible(f"edigw: {error}"))
            missing = True
            continue
        for shown, text in found:
            try:
                tests = resources.find(f"{shown.removesuffix('.yaml')}.test.yaml", overrides)
            except (NotFoundError, ValueError):
                if name is not None:
                    say(visible(f"edigw: {shown} has no tests beside it."))
                    missing = True
                continue
            done = []
            try:
                mapping = parse_mapping(text, shown, library.mapping_file)
                profile = shown.split("/")[2] if shown.startswith("mappings/partners/") else ""
                used = library.of(profile) if profile else library
                for trial in parse_trials(tests.read_bytes()):
                    different = run_trial(trial, used, mapping.guide, mapping.document_type)
                    done.append({"name": trial.name, "differences": [one.to_dict() for one in different]})
            except MappingError as error:
                fault = {"place": "", "expected": None, "found": str(error)}
                done.append({"name": shown, "differences": [fault]})
            files.append({"path": shown, "tests": done})
            if any(one["differences"] for one in done):
                code = ExitCode.PROBLEMS
            if not args.json:
                sys.stdout.write("".join(f"{line}\n" for line in _tested(shown, done, style)))
    if args.json:
        write_json({"files": files})
    return ExitCode.NOT_FOUND if missing else code


def _tested(name: str, done: list[dict[str, Any]], style: Style) -> Iterator[str]:
    """The report on the tests of one mapping in lines."""
    from gateway.cli.output import visible

    failed = sum(bool(one["differences"]) for one in done)
    words = (
        style.red(f"{failed} of {len(done)} differ") if failed else style.green(f"{len(done)} as expected")
    )
    yield f"{style.bold(visible(name))}  {words}"
    for one in done:
        for number, difference in enumerate(one["differences"]):
            if not number:
                yield f"  {visible(one['name'])}"
            yield f"    {difference['place'] or 'the whole'}"
            for side in ("expected", "found"):
                yield f"      {side:<9} {visible(difference[side] or 'nothing')}"


# --- scaffold --------------------------------------------------------------------------------------------


def run_scaffold(args: argparse.Namespace) -> int:
    """``edigw map scaffold``."""
    from gateway.cli import inputs
    from gateway.documents import document_types
    from gateway.errors import NotFoundError
    from gateway.mapping.model import read_mapping
    from gateway.mapping.scaffold import extended, scaffold

    library = inputs.guides(args)
    name = args.guide.strip("/").removeprefix("x12/")
    release, _, set_id = name.partition("/")
    table = library.table(release, set_id)
    if table is None or "/" in set_id:
        raise NotFoundError(
            f"There is no guide {args.guide}; guides are named <release>/<set>, as 004010/850."
        )
    fields = _fields_of(args.document) if args.document else None
    if args.document and fields is None:
        known = ", ".join(document_types())
        raise NotFoundError(f"There is no document type {args.document}; there are {known}.")
    text = ""
    for shown, content in _mappings(None, inputs.overrides(args)) if fields is not None else ():
        base = shown.removeprefix("mappings/").removesuffix(".yaml")
        if not base.startswith("x12/") or not base.endswith(f"/{set_id}") or base == f"x12/{name}":
            continue
        if read_mapping(content, library.mapping_file)[0].document_type == args.document:
            text = extended(table, f"x12/{name}", base, library.mapping_file, fields or ())
    document = args.document or f"x12_{set_id.lower()}"
    sys.stdout.write(text or scaffold(table, f"x12/{name}", document, library.mapping_file))
    return ExitCode.FINE
