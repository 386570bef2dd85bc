"""``edigw item …`` and ``edigw location …``: what partners call items and places, and what waits for them."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, say, show, table, visible, whole, write_json
from gateway.partners.crossreference import KINDS, Kind

if TYPE_CHECKING:
    from gateway.services.crossreference import Saved

_BRIEF = {
    "item": ("your item numbers and those of partners", "Items: your numbers, and what partners call them."),
    "location": (
        "your ship-to numbers and places of partners",
        "Places: your numbers, and what partners call them.",
    ),
}


def register(commands: inputs.Commands) -> None:
    """Adds the commands of both nouns."""
    for kind in KINDS.values():
        verbs = inputs.noun(commands, kind.name, *_BRIEF[kind.name])
        listed = inputs.command(verbs, "list", run_list, json="one JSON list")
        listed.add_argument("text", metavar="TEXT", nargs="?", default="", help="only rows with this in them")
        add = inputs.command(verbs, "add", run_add, json="what was done as JSON")
        for column, words in kind.columns.items():
            needed = column == kind.own
            add.add_argument(_option(column), metavar="X", default="", required=needed, help=words)
        taken = inputs.command(verbs, "import", run_import, json="what was done as JSON")
        taken.add_argument("file", metavar="FILE", help="a CSV file with a header; - for standard input")
        given = inputs.command(verbs, "export", run_export)
        given.add_argument("-o", "--output", metavar="OUT", help="write to this file, whole or not at all")
        gone = inputs.command(verbs, "remove", run_remove, json="the row as JSON")
        gone.add_argument("own", metavar="NUMBER", help="its number in your own system")
        gone.add_argument("--since", metavar="DAY", help="which of several rows")
        waits = inputs.command(verbs, "unknown", run_unknown, json="one JSON list")
        for parser in (listed, given):
            parser.add_argument(
                "--partner", metavar="P", help="of this partner; empty for rows that hold for all"
            )
        gone.add_argument("--partner", metavar="P", default="", help="of this partner (default: of all)")
        for parser in (add, taken, gone):
            parser.add_argument(
                "--dry-run", action="store_true", help="say what would be done, change nothing"
            )
        for parser in (listed, add, taken, given, gone, waits):
            inputs.home_option(parser)
            parser.set_defaults(kind=kind)


def _option(column: str) -> str:
    return f"--{column.replace('_', '-')}"


def run_list(args: argparse.Namespace) -> int:
    """List the rows, in the order of partner and number."""
    rows = list(_rows(args))
    if args.json:
        write_json(rows)
        return ExitCode.FINE
    shown = [one for one in args.kind.columns if any(row[one] for row in rows)]
    cells = [[visible(row[one]) or "-" for one in shown] for row in rows]
    sys.stdout.write(table(cells, [one.upper() for one in shown]))
    if not rows:
        say("Nothing was found.")
    return ExitCode.FINE


def _rows(args: argparse.Namespace) -> Iterator[dict[str, str]]:
    wanted = getattr(args, "text", "").lower()
    with gateway_of(args) as gateway:
        for row in gateway.services.store.crossreferences[args.kind.name].rows(args.partner):
            if any(wanted in value.lower() for value in row.values()):
                yield row


def run_add(args: argparse.Namespace) -> int:
    """Add a row, or change the one with the same partner, number and first day.

    Documents that wait for it go on by themselves.

    exit code: 0 done, 1 something in the row is wrong, or contradicts another
    """
    from gateway.partners.crossreference import checked

    row, wrong = checked(args.kind, {one: getattr(args, one) for one in args.kind.columns}, 0)
    return _save(args, [(0, row)], wrong)


def run_import(args: argparse.Namespace) -> int:
    """Take the rows of a CSV file: all of them, or none if anything is wrong.

    A row takes the place of one with the same partner, number and first day; rows that are not in the file
    stay. Documents that wait for what is added go on by themselves. The separator is the comma, the semicolon
    or the tab, whichever the header has.

    exit code: 0 done, 1 something is wrong, told by row and column
    """
    from gateway.partners.crossreference import read

    with inputs.opened(args.file) as file:
        rows, wrong = read(args.kind, file.read())
    return _save(args, rows, wrong)


def _save(args: argparse.Namespace, rows: Any, wrong: Any) -> int:
    from gateway.services import crossreference

    with gateway_of(args) as gateway:
        saved = crossreference.save(gateway.services, args.kind, rows, wrong, dry_run=args.dry_run)
    if args.json:
        write_json(
            {
                "added": saved.added,
                "changed": [{"before": before, "after": after} for before, after in saved.changed],
                "unchanged": len(saved.unchanged),
            }
        )
    else:
        show([_words(args, saved)])
    if (saved.added or saved.changed) and not args.dry_run:
        home = inputs.home_named(args)
        say(f"What waits for it goes on by a running `edigw up`; without one: edigw run-once --config {home}")
    return ExitCode.FINE


def _words(args: argparse.Namespace, saved: Saved) -> str:
    numbers = (len(saved.added), len(saved.changed), len(saved.unchanged))
    if not any(numbers[:2]):
        return f"Nothing to do: {count(numbers[2], 'row')} as in the table already."
    would = "Would be: " if args.dry_run else ""
    return would + "{} added, {} changed, {} as before.".format(*numbers)


def run_export(args: argparse.Namespace) -> int:
    """Write the rows as CSV, as `import` takes them.

    What a spreadsheet would take for a formula has an apostrophe before it, which `import` takes off again.
    """
    from gateway.partners.crossreference import written

    with whole(args.output) as out:
        out.writelines(line.encode() for line in written(args.kind, _rows(args)))
    return ExitCode.FINE


def run_remove(args: argparse.Namespace) -> int:
    """Remove a row; what was delivered stays as it is.

    exit code: 0 done, 4 there is no such row, 6 there are several: say which
    """
    from gateway.services import crossreference

    asked = (args.own, args.partner, args.since)
    with gateway_of(args) as gateway:
        row = crossreference.remove(gateway.services, args.kind, *asked, dry_run=args.dry_run)
    if args.json:
        write_json(row)
    else:
        done = "Would be removed" if args.dry_run else "Removed"
        show([visible(f"{done}: {', '.join(f'{one} {value}' for one, value in row.items() if value)}")])
    return ExitCode.FINE


def run_unknown(args: argparse.Namespace) -> int:
    """List what documents wait for, with suggestions.

    Lists what no row stands for today and documents of partners wait for, oldest first, and the command that
    lets them go on.

    exit code: 0 nothing waits, 1 something does
    """
    from gateway.services import crossreference

    with gateway_of(args) as gateway:
        found = crossreference.unknown(gateway.services, args.kind)
    if args.json:
        write_json(found)
    elif not found:
        say(f"No document waits for {'an item' if args.kind.name == 'item' else 'a place'}.")
    else:
        show(visible(line) for one in found for line in _told(args.kind, one))
    return ExitCode.PROBLEMS if found else ExitCode.FINE


def _told(kind: Kind, one: dict[str, Any]) -> Iterator[str]:
    names = ", ".join(f"{name} {value}" for name, value in one["names"].items()) or "without a number"
    yield f"{one['partner']}: {names}: {one['why']}"
    if one["description"]:
        yield f"  {one['description']}"
    documents = one["documents"]
    for document in documents[:3]:
        kind_of = document["document_type"].replace("_", " ")
        yield f"  {document['place']} of {kind_of} {document['number']}, message {document['message_id']}"
    if len(documents) > 3:
        yield f"  and {count(len(documents) - 3, 'more document')}"
    for near in one["suggestions"]:
        yield f"  Perhaps {near['own']} ({near['why']})"
    known = {"partner": one["partner"], kind.own: "NUMBER", **one["columns"]}
    options = " ".join(f"{_option(name)} {shlex.quote(value)}" for name, value in known.items())
    yield f"  -> edigw {kind.name} add {options}"
