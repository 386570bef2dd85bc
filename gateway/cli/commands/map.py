"""``edigw map``: make mappings from guides, find their mistakes, see them at work, run their tests."""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, cut, say, show, table, visible, write_json
from gateway.errors import DocumentError, NotFoundError, Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.mapping.library import Library
    from gateway.mapping.reader import Origin

_TEXT_WIDTH = 40


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    brief = "make, check and test mappings, and see them at work"
    description = "Work on mappings between X12 and the gateway's documents."
    verbs = inputs.noun(commands, "map", brief, description)
    check = inputs.command(verbs, "check", run_check, json="one JSON object on all mappings", home=True)
    words = "a file, or a name such as 850 or 004010/850"
    check.add_argument("mappings", metavar="FILE|NAME", nargs="*", help=words)

    trace = inputs.command(verbs, "trace", run_trace, json="one JSON object", home=True)
    trace.add_argument("file", metavar="FILE", help=inputs.FILE)
    trace.add_argument("--set", metavar="N", type=int, help="only the n-th transaction set of the file")

    test = inputs.command(verbs, "test", run_test, json="one JSON object on all tests", home=True)
    test.add_argument("mappings", metavar="NAME", nargs="*", help="a name such as 850 or 004010/850")

    scaffold = inputs.command(verbs, "scaffold", run_scaffold, home=True)
    scaffold.add_argument("guide", metavar="GUIDE", help="a guide such as 005010/855")
    scaffold.add_argument("--document", metavar="TYPE", help="the document, such as purchase_order")


def run_check(args: argparse.Namespace) -> int:
    """Find mistakes of mappings without data.

    Holds mappings against their language, their guide and the fields of the document, and names every mistake
    with field and line. Without a name all installed mappings are checked.

    exit code: 0 no errors, 1 errors, 4 there is no such mapping
    """
    from gateway.services.mapping import findings

    library = inputs.guides(args)
    files: list[dict[str, Any]] = []
    outcome, style = inputs.Outcome(), Style.of(sys.stdout)
    for name, text in _each(args, outcome):
        problems = findings(name, text, library)
        outcome.problems |= any(problem.is_error for problem in problems)
        if args.json:
            files.append({"path": name, "problems": [problem.to_dict() for problem in problems]})
        else:
            show(_checked(name, problems, style))
    if args.json:
        write_json({"files": files})
    return outcome.code


def _each(args: argparse.Namespace, outcome: inputs.Outcome) -> Iterator[tuple[str, bytes]]:
    """The mappings that are named, or all; one that is not there is told."""
    for name in args.mappings or [None]:
        with outcome.going_on():
            yield from _mappings(name, inputs.overrides(args))


def _mappings(name: str | None, overrides: tuple[Path, ...]) -> list[tuple[str, bytes]]:
    """The mappings of a name, each with the name it is shown under; NotFoundError if there is none."""
    from difflib import get_close_matches

    from gateway import resources
    from gateway.services.mapping import listing

    if name is not None and (name == inputs.STANDARD_INPUT or name.endswith(".yaml") or Path(name).is_file()):
        with inputs.opened(name) as file:
            return [(name, file.read())]
    listed = [one for one in listing(overrides) if name is not None or not one.endswith("/blocks")]
    chosen = [entry for entry in listed if name is None or f"/{entry}".endswith(f"/{name.strip('/')}")]
    if not chosen:
        names = [entry.removeprefix("mappings/").removeprefix("x12/") for entry in listed]
        near = get_close_matches(name or "", names, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(names) or 'none'}."
        raise NotFoundError(f"There is no mapping {name}.{hint}")
    return [(f"{entry}.yaml", resources.find(f"{entry}.yaml", overrides).read_bytes()) for entry in chosen]


def _checked(name: str, problems: list[Problem], style: Style) -> Iterator[str]:
    """The report on one mapping in lines; remarks are gathered by converter."""
    from gateway.cli.findings import brief, counted

    words = counted(Counter(problem.severity for problem in problems))
    bad = any(problem.is_error for problem in problems)
    verdict = style.red("not usable") if bad else style.green("fine")
    yield f"{style.bold(visible(name))}  {verdict}" + (f"  {words}" if words else "")
    gathered: dict[str, list[str]] = {}
    for problem in problems:
        field = problem.location.pointer or ""
        if problem.severity is Severity.INFO:
            gathered.setdefault(problem.message.removeprefix(f"{field}: "), []).append(field)
            continue
        line = f"line {problem.location.line}" if problem.location.line else ""
        yield from brief(problem, style, f"  {line:<9} ", " " * 12)
    for message, fields in gathered.items():
        yield f"  {style.blue('remark')} {visible(message)} The exact text is kept in extensions."
        yield f"    {style.dim(visible(', '.join(fields)))}"


def run_trace(args: argparse.Namespace) -> int:
    """Show which rule made which value from which part of a file.

    Translates the sets of an X12 file, or a body of the SP-API, and shows the origin of every value of a
    document, and what went to the extensions and why.

    exit code: 0 fine, 1 a set cannot be translated, 4 there is no such file or set
    """
    from gateway import engine
    from gateway.mapping.trial import origins
    from gateway.x12.envelope import TransactionSet

    library, style = inputs.guides(args), Style.of(sys.stdout)
    sets: list[dict[str, Any]] = []
    code: ExitCode | None = None
    number = 0
    with inputs.opened(args.file) as source:
        file = io.BufferedReader(source)  # type: ignore[type-var] # which can be looked into
        if file.peek(1)[:1] in (b"{", b"["):
            return _trace_body(file.read(), args, library, style)
        events = engine.read(file, documents=False, guides=library)
        for number, event in enumerate((one for one in events if isinstance(one, TransactionSet)), 1):
            if args.set not in (None, number):
                continue
            values, reason = origins(event, library)
            code = ExitCode.PROBLEMS if reason else code or ExitCode.FINE
            if reason:
                say(f"edigw: set {number} ({event.set_id} {event.control_number}): {reason}")
            if args.json:
                about = {name: getattr(event, name) for name in ("set_id", "control_number", "guide")}
                lists: dict[str, Sequence[Any]] = {"origins": values, "problems": event.problems}
                told = {name: [one.to_dict() for one in found] for name, found in lists.items()}
                sets.append({"number": number, **about, "reason": reason or None, **told})
            elif not reason:
                show(_traced(f"{event.set_id} {event.control_number}", values, style))
    if args.json:
        write_json({"path": args.file, "sets": sets})
    if code is not None:
        return code
    if args.set is not None and number:
        say(f"edigw: {args.file} has {number} transaction sets; there is no set {args.set}.")
        return ExitCode.NOT_FOUND
    say(f"edigw: there is no transaction set in {args.file}; `edigw x12 validate` says why.")
    return ExitCode.PROBLEMS


def _trace_body(text: bytes, args: argparse.Namespace, library: Library, style: Style) -> int:
    """The same for a body of the SP-API; of a shipment confirmation the lists before they become a tree."""
    from gateway.mapping.body import BodyReader, decode, faults
    from gateway.sp_api import KINDS, bodies_in, kind_of

    try:
        body = decode(text)
    except ValueError as error:
        raise DocumentError(f"{args.file} is not JSON: {error}.") from None
    kind, found = kind_of(body), list[dict[str, Any]]()
    if not kind:
        say(f"edigw: {args.file} is no body of the SP-API that is known: {', '.join(KINDS)}.")
        return ExitCode.PROBLEMS
    plan = library.body(kind)
    for number, one in enumerate(bodies_in(kind, body), 1):
        reader = BodyReader(plan, traced=True)
        reader.read(one)
        problems = faults(plan, one, inbound=True)
        if args.json:
            lists: dict[str, Sequence[Any]] = {"origins": reader.origins, "problems": problems}
            told = {name: [each.to_dict() for each in values] for name, values in lists.items()}
            found.append({"number": number, "kind": kind, "guide": plan.rules.guide, **told})
        else:
            show(_traced(f"{kind} {number}", reader.origins, style))
    if args.json:
        write_json({"path": args.file, "sets": found})
    return ExitCode.FINE


def _traced(name: str, origins: list[Origin], style: Style) -> Iterator[str]:
    from orjson import dumps

    yield style.bold(visible(name))
    read: list[tuple[str, ...]] = []
    kept: list[tuple[str, ...]] = []
    for origin in origins:
        place = "" if origin.segment is None else str(origin.segment)
        row = (place, visible(origin.source), cut(visible(origin.text), _TEXT_WIDTH), visible(origin.pointer))
        if origin.kind in ("rule", "copy"):
            value = cut(visible(dumps(origin.value).decode()), _TEXT_WIDTH)
            read.append((*row, value, visible(origin.rule)))
        else:
            kept.append((*row, visible(origin.reason)))
    yield table(read, ("segment", "source", "text", "field", "value", "rule"), "  ").rstrip("\n")
    if kept:
        yield style.bold("kept in extensions")
        yield table(kept, ("segment", "source", "text", "field", "reason"), "  ").rstrip("\n")


def run_test(args: argparse.Namespace) -> int:
    """Run the tests that stand beside mappings.

    Runs the files <mapping>.test.yaml: inputs, and the documents, segments or problem codes expected of them.
    Without a name those of all installed mappings.

    exit code: 0 all as expected, 1 differences, 4 there is no such mapping or it has no tests
    """
    from gateway import resources
    from gateway.services.mapping import tested

    library, overrides = inputs.guides(args), inputs.overrides(args)
    outcome, style = inputs.Outcome(), Style.of(sys.stdout)
    files: list[dict[str, Any]] = []
    for shown, text in _each(args, outcome):
        try:
            tests = resources.find(f"{shown.removesuffix('.yaml')}.test.yaml", overrides)
        except NotFoundError:
            if args.mappings:
                say(f"edigw: {shown} has no tests beside it.")
                outcome.missing = True
            continue
        done = tested(shown, text, tests.read_bytes(), library)
        files.append({"path": shown, "tests": done})
        outcome.problems |= any(one["differences"] for one in done)
        if not args.json:
            show(_tested(shown, done, style))
    if args.json:
        write_json({"files": files})
    return outcome.code


def _tested(name: str, done: list[dict[str, Any]], style: Style) -> Iterator[str]:
    """The report on the tests of one mapping in lines."""
    failed = [one for one in done if one["differences"]]
    good = style.green(f"{len(done)} as expected")
    words = style.red(f"{len(failed)} of {len(done)} differ") if failed else good
    yield f"{style.bold(visible(name))}  {words}"
    for one in failed:
        yield f"  {visible(one['name'])}"
        for difference in one["differences"]:
            yield f"    {difference['place'] or 'the whole'}"
            for side in ("expected", "found"):
                yield f"      {side:<9} {visible(difference[side] or 'nothing')}"


def run_scaffold(args: argparse.Namespace) -> int:
    """Print a starter mapping made from a guide.

    Prints a mapping with a rule for every segment and loop of a guide, to be renamed and thinned out.

    exit code: 0 printed, 4 there is no such guide
    """
    from gateway.mapping.scaffold import scaffold

    library = inputs.guides(args)
    name = args.guide.strip("/").removeprefix("x12/")
    release, _, set_id = name.partition("/")
    table = library.table(release, set_id)
    if table is None or "/" in set_id:
        words = "guides are named <release>/<set>, as 004010/850"
        raise NotFoundError(f"There is no guide {args.guide}; {words}.")
    document = args.document or f"x12_{set_id.lower()}"
    sys.stdout.write(scaffold(table, f"x12/{name}", document, library.mapping_file))
    return ExitCode.FINE
