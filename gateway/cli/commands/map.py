"""``edigw map check`` and ``edigw map trace``: find mistakes of mappings, and see a mapping at work."""

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
        help="check mappings and see them at work",
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


# --- check -----------------------------------------------------------------------------------------------


def run_check(args: argparse.Namespace) -> int:
    """``edigw map check``."""
    from gateway.cli import inputs
    from gateway.cli.output import Style, say, visible, write_json
    from gateway.errors import NotFoundError
    from gateway.mapping.check import check_mapping
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
        if not entry.endswith(("/blocks.yaml", ".test.yaml"))
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
