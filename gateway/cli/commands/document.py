"""``edigw document …`` and ``edigw ack list``: business documents, the story of an order, what is owed.

What makes documents is in :mod:`assist`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.commands import assist
from gateway.cli.commands.message import (
    asking,
    brief,
    list_options,
    show_page,
    status_option,
    wanted,
    when,
)
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import cut, say, show, visible, write_json
from gateway.errors import NotFoundError
from gateway.services.words import words

if TYPE_CHECKING:
    from gateway.store.queries import Row

_WIDTH = 34
_COLUMNS = 118


def register(commands: inputs.Commands) -> None:
    """Adds the commands of these nouns."""
    words = "find documents, and follow an order from 850 to 820"
    verbs = inputs.noun(commands, "document", words, "Work on documents.")
    listed = inputs.command(verbs, "list", run_list, json="one JSON object: documents, and the next cursor")
    list_options(listed, "a number, control number, id of document or message, or partner")
    listed.add_argument("--type", metavar="T", default="", help="of this type, as invoice")
    shown = inputs.command(verbs, "show", run_show)
    shown.add_argument("id", metavar="ID", help="its id, or the beginning of it if no other begins so")
    inputs.home_option(shown)
    chain = inputs.command(verbs, "chain", run_chain, json="one JSON object: chains, each with its documents")
    words = "a number of an order, shipment, invoice or payment, or the id of a document"
    chain.add_argument("number", metavar="NUMBER", help=words)
    chain.add_argument("--partner", metavar="P", default="", help="of this partner")
    inputs.home_option(chain)
    approve = inputs.command(verbs, "approve", run_approve, json="what was done as JSON")
    approve.add_argument("id", metavar="ID", help="its id, or the beginning of it")
    words = "a rule that may be passed, as S4; give each that stops it"
    approve.add_argument("--rule", metavar="R", action="append", required=True, help=words)
    inputs.why_options(approve)
    assist.register(verbs)
    verbs = inputs.noun(commands, "ack", "what partners say of what you sent", "Acknowledgments by partners.")
    owed = inputs.command(verbs, "list", run_acks, json="one JSON object: messages, and the next cursor")
    list_options(owed, "a number, control number, id, partner, or part of a file name")
    words = (
        "acknowledgments with this status, newest first, in place of those owed; may be given several times"
    )
    status_option(owed, "--status", "acknowledgment", words)


def run_list(args: argparse.Namespace) -> int:
    """List business documents, newest first.

    Lists what was read from files and written into them, newest first. Times are UTC.
    """
    from gateway.store import queries

    with asking(args) as (connection, _):
        page = queries.documents(connection, wanted(args, document_type=args.type))
    header = ("ID", "TIME", "", "PARTNER", "TYPE", "NUMBER", "ACKNOWLEDGMENT")
    return show_page(args, "documents", page, header, _cells)


def _cells(row: Row) -> Sequence[str]:
    kind = words(row["document_type"]) + (" (test)" if row["test"] else "")
    known = (row["direction"], row["partner"], kind, row["number"], words(row["acknowledgment"]))
    return (brief(row["id"]), when(row["created_at"]), *known)


def run_show(args: argparse.Namespace) -> int:
    """Print a document as JSON, as it was read or sent."""
    from gateway.store import queries, tables

    with asking(args) as (connection, _):
        found = queries.document(connection, queries.resolve(connection, tables.documents, args.id))
    if found["body"] is None:
        raise NotFoundError(f"The content of document {found['id']} was deleted; its retention was over.")
    write_json(found["body"])
    return ExitCode.FINE


def run_approve(args: argparse.Namespace) -> int:
    """Let a document go on that rules stopped until a person has looked at it.

    One of ours is sent, one that came is delivered; the rules are asked again first. What to do instead:
    correct the document, and give up this one with `edigw message cancel`.

    exit code: 0 done, 1 a rule stops it for good by now, 4 there is no such document, 6 it waits for
    nobody, or other rules stop it too
    """
    from gateway.cli.commands.audit import gateway_of
    from gateway.services import rules
    from gateway.store import queries, tables
    from gateway.store.database import reading

    with gateway_of(args) as gateway:
        with reading(gateway.engine) as connection:
            found = queries.resolve(connection, tables.documents, args.id)
        codes = rules.approve(gateway.services, found, args.rule, args.reason)
    if args.json:
        write_json({"document_id": found, "rules": codes})
    else:
        show([f"Approved: {found}, which {', '.join(codes) or 'no rule'} stopped."])
    home = inputs.home_named(args)
    say(f"A running `edigw up` goes on with it; without one: edigw run-once --config {home}")
    return ExitCode.FINE


def run_acks(args: argparse.Namespace) -> int:
    """List what was sent and is to be acknowledged: what is owed, oldest first.

    Lists messages whose acknowledgment is waiting or overdue, oldest first. Times are UTC.
    """
    from gateway.store import queries

    asked = tuple(args.status)
    with asking(args) as (connection, _):
        given = wanted(args, acknowledgment=asked or queries.OWED, oldest_first=not asked)
        page = queries.acknowledgments(connection, given)
    header = ("ID", "SENT", "AGE", "PARTNER", "FILE", "STATUS", "DUE", "WHAT CAME")
    return show_page(args, "messages", page, header, _owed)


def _owed(row: Row) -> Sequence[str]:
    age = datetime.now(UTC) - datetime.fromisoformat(row["created_at"])
    old = f"{age.days} d" if age.days else f"{age // timedelta(hours=1)} h"
    known = (row["partner"] or "-", cut(row["name"], _WIDTH), words(row["acknowledgment"]))
    due = when(row["due_at"] or "-")
    return (brief(row["id"]), when(row["created_at"]), old, *known, due, cut(" ".join(row["words"]), 60))


# --- the story of an order -------------------------------------------------------------------------------


def run_chain(args: argparse.Namespace) -> int:
    """Tell the story of a purchase order: what came, what was sent, what is to come.

    Follows the numbers of an order to its acknowledgment, ship notices, invoices and payment, in order of
    time, and says what is not there yet. Times are UTC.
    """
    from gateway.services import chain

    with asking(args) as (connection, settings):
        told = chain.told(connection, settings, args.number, args.partner)
    if args.json:
        write_json({"chains": told})
    else:
        for place, one in enumerate(told):
            show(visible(line) for line in [""] * bool(place) + [*_story(one)])
    return ExitCode.FINE


def _story(chain: Row) -> Iterator[str]:
    orders = ", ".join(chain["purchase_orders"])
    title = f"Purchase order {orders}" if orders else "Documents of no purchase order"
    yield f"{title}, partner {chain['partner']}{', a test' if chain['test'] else ''}"
    yield ""
    for row in chain["documents"]:
        yield from _event(row)
    if chain["truncated"]:
        yield "There are more documents than are shown."
    for title, wrong in ("Needs somebody", True), ("Still to come", False):
        if told := [f"  {one['words']}" for one in chain["gaps"] if one["wrong"] is wrong]:
            yield from ("", title, *told)


def _event(row: Row) -> Iterator[str]:
    """A document of the story: what it is, which file carried it, what became of it, what was answered."""
    from gateway.store.chains import called

    came, margin = row["direction"] == "in", " " * 28
    carrier = (row["message"] if came else row["sent"]) or {}
    again = ", processed again" if came and carrier.get("origin") else ""
    what = f"{'received' if came else 'sent':8}  {called(row)}{again}"
    yield f"{when(row['created_at'])}  {what}  ({brief(row['id'])})"
    if carrier:
        yield f"{margin}{carrier['name']}: {words(carrier['delivery'])}  ({brief(carrier['id'])})"
    for one in row["answers"]:
        yield f"{margin}answered with {one['name']}: {words(one['delivery'])}"
    for one in row["acknowledgments"]:
        said = f"{one['kind']} of {when(one['at'])}: {words(one['status'])}. {one['words']}"
        yield from wrap(said, _COLUMNS, initial_indent=margin, subsequent_indent=f"{margin}  ")
