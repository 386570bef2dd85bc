"""``edigw route …``: which way documents go, and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.message import asking, day_or_time, end_of
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, show, table, visible, write_json
from gateway.errors import DocumentError, NotFoundError
from gateway.services.words import words

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.routing.table import Decision, Facts
    from gateway.settings import Settings

_MOST = 50_000_000
"""Bytes of a document that is explained."""


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "route", "which way documents go", "Which way documents go, and why.")
    explain = inputs.command(verbs, "explain", run_explain, json="one JSON list of decisions")
    explain.add_argument(
        "what", metavar="DOC|ID", help="a document as JSON (- for standard input), or a message"
    )
    explain.add_argument(
        "--at", metavar="TIME", type=day_or_time, help="as if it were then (UTC; default: now)"
    )
    check = inputs.command(verbs, "check", run_check, json="one JSON list of findings")
    simulate = inputs.command(verbs, "simulate", run_simulate, json="one JSON object: counts and differences")
    for name, kind, help_ in (
        ("since", day_or_time, "from this day or time on"),
        ("until", end_of, "up to it"),
    ):
        simulate.add_argument(f"--{name}", metavar="TIME", type=kind, help=f"documents written {help_} (UTC)")
    simulate.add_argument(
        "--table", metavar="FILE", type=Path, help="this table instead of the home's routes.yaml"
    )
    for parser in (explain, check, simulate):
        inputs.home_option(parser)


def run_explain(args: argparse.Namespace) -> int:
    """Which rule a document is sent by, and why the rules before it are not for it.

    Takes a document as JSON, or a message whose documents were sent; as if it were done now, or at the time
    that is given. Nothing is stored or sent.

    exit code: 0 every document has a way, 1 one has none, 4 there is no such file or message
    """
    from gateway.routing.table import Table, explain

    with asking(args) as (connection, settings):
        table_ = Table(settings.routes)
        asked = list(_asked(args, connection, settings))
    found = [(one, explain(table_, one[1])) for one in asked]
    if args.json:
        known = [
            {"document_type": facts.document_type, "number": number, "partner": facts.partner}
            for (number, facts), _ in found
        ]
        write_json([{**one, **asdict(decision)} for one, (_, decision) in zip(known, found)])
    else:
        for (number, facts), decision in found:
            show(visible(line) for line in _explained(number, facts, decision))
    return ExitCode(any(decision.code for _, decision in found))


def _asked(
    args: argparse.Namespace, connection: Connection, settings: Settings
) -> Iterator[tuple[str, Facts]]:
    """Numbers and facts of the documents that are meant."""
    import orjson

    from gateway.services import route
    from gateway.store import queries, tables

    time = args.at or datetime.now(UTC)
    if args.what != inputs.STANDARD_INPUT and not Path(args.what).exists():
        message = queries.resolve(connection, tables.messages, args.what)
        rows = [*queries.sent_documents(connection, None, None, message)]
        for row in rows:
            known = settings.partners.get(row["partner"])
            if known is None or not row["body"]:
                raise NotFoundError(f"The partner or the content of {row['number']} is not there any more.")
            yield row["number"], route.stored_facts(connection, known, row, time)
        if not rows:
            raise NotFoundError(f"No document of message {message} was sent to a partner.")
        return
    with inputs.opened(args.what) as file:
        content = file.read(_MOST)
    try:
        given = orjson.loads(content)
    except ValueError as error:
        raise DocumentError(f"{args.what} is not JSON: {error}") from None
    for document in given if isinstance(given, list) else [given]:
        try:
            yield route.asked(connection, settings.partners, document, time)
        except DocumentError as error:
            raise DocumentError(f"{args.what}: {error}") from None


def _explained(number: str, facts: Facts, decision: Decision) -> Iterator[str]:
    what = f"{words(facts.document_type)} {number} for {facts.partner}".replace("  ", " ")
    if decision.code:
        yield f"{what}: no way. {decision.reason}  [{decision.code}]"
    else:
        yield f"{what}: {decision.way}"
        rule = f"rule {decision.rule_number}, {decision.rule!r}" if decision.rule else "no rule"
        yield f"  by {rule}: {decision.reason}"
    for one in decision.passed:
        yield f"  not by rule {one.rule_number}, {one.rule!r}: {one.why}"


def run_check(args: argparse.Namespace) -> int:
    """Find rules that are never chosen, and documents without a rule.

    Finds rules that an earlier one hides, partners and ways that are not there, documents that no rule takes,
    and says on which days hours are not as long as they look. routes.yaml is read and checked by every
    command; this looks at the whole of it.

    exit code: 0 all is well, 1 something is not, 3 the file cannot be used
    """
    from gateway.routing.check import check
    from gateway.routing.table import Table
    from gateway.settings import load

    settings = load(inputs.home_named(args))
    found = list(check(Table(settings.routes), settings.partners, datetime.now(UTC).year))
    if args.json:
        write_json([asdict(one) for one in found])
    else:
        for one in found:
            rule = f"rule {one.rule!r}: " if one.rule else ""
            show([visible(f"{'note: ' if one.is_note else ''}{rule}{one.words}  [{one.code}]")])
        show([f"{count(len(settings.routes.routes), 'rule')} checked."])
    return ExitCode(any(not one.is_note for one in found))


def run_simulate(args: argparse.Namespace) -> int:
    """What a table would have done with the documents that were sent.

    Decides anew on each document that was sent, at its own time and as if all ways had worked, and compares
    with the way it went.

    exit code: 0 all would have gone as they did, 1 some would not
    """
    from gateway.routing.table import Table
    from gateway.services.route import simulate
    from gateway.settings import read_routes

    with asking(args) as (connection, settings):
        routes = read_routes(args.table) if args.table else settings.routes
        found = simulate(connection, Table(routes), settings.partners, args.since, args.until)
    if args.json:
        write_json(found)
    else:
        show(visible(line) for line in _simulated(found))
    return ExitCode(bool(found["changed"]))


def _simulated(found: dict[str, Any]) -> Iterator[str]:
    left = f", {found['left_out']} left out (their content or partner is gone)" if found["left_out"] else ""
    yield f"{count(found['documents'], 'document')}{left}; {found['changed']} would have gone another way."
    rows = [(one["rule"] or "(no rule)", one["way"], str(one["documents"])) for one in found["by_rule"]]
    yield from table(rows, ("RULE", "WAY", "DOCUMENTS")).splitlines() if rows else ()
    for one in found["changes"]:
        what = f"{words(one['document_type'])} {one['number']} for {one['partner']}"
        ways = f"went by {one['went'] or 'an unknown way'}, would go by {one['way'] or 'none'}"
        yield f"  {what}: {ways} ({one['rule'] or one['why']})"
