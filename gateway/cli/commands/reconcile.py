"""``edigw reconcile …``: what each cent of a remittance is, and what became of every invoice."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of, moment
from gateway.cli.commands.message import asking
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, cut, say, show, table, visible, whole, write_json
from gateway.errors import NotFoundError
from gateway.services.words import words

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.settings import Settings

    Row = dict[str, Any]

_MAX_LISTED = 100_000
_PAST_DUE, _UNCLASSIFIED, _HELD = "past_due", "unclassified", "held"
_OWED = ("open", "rejected", "short_paid")
_STATUSES = (
    *("open", "rejected", "paid", "short_paid", "over_paid", "unknown", "settled", "deducted", "credited"),
    *(_PAST_DUE, _UNCLASSIFIED, _HELD),
)

LINES: tuple[str, ...] = (
    *("partner", "remittance", "paid_on", "state", "line", "part", "reference", "account", "kind", "amount"),
    *("currency", "why", "decided_by"),
)
ACCOUNTS: tuple[str, ...] = (
    *("partner", "number", "status", "invoiced_on", "due", "bucket", "currency", "expected", "received"),
    *("balance", "reasons", "difference", "source", "remarks"),
)
"""Columns of parts of remittances and of accounts, see docs/reference/cli.md."""

_MOVES = {
    "open": "Nothing was paid yet.",
    "rejected": "The partner refused it: correct it, or send it anew under another number.",
    "short_paid": "Look at what was taken off; dispute what is not right, write off what is.",
    "over_paid": "More came than was due: ask the partner, or expect it to be taken back.",
    "unknown": "You have sent no invoice of this number: find out whose it is.",
    "deducted": "It was taken off, and belongs to no invoice of yours.",
    "credited": "It came, and belongs to no invoice of yours.",
}


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "reconcile", "what was paid, what was taken off, and why", "Remittances.")
    again = inputs.command(verbs, "run", run_run, json="one JSON object: documents")
    again.add_argument("--since", metavar="DATE", type=moment, help="documents stored from then on, UTC")
    listed = inputs.command(verbs, "list", run_list, json="one JSON object: accounts, lines or remittances")
    listed.add_argument("--status", metavar="S", choices=_STATUSES, help=f"one of {', '.join(_STATUSES)}")
    listed.add_argument("--ageing", action="store_true", help="how much is past due for how long")
    limit = inputs.number(_MAX_LISTED, "a number of rows")
    listed.add_argument("--limit", metavar="N", type=limit, default=50, help="at most so many (default 50)")
    one = inputs.command(verbs, "show", run_show, json="one JSON object: remittances and accounts")
    one.add_argument("number", metavar="NUMBER", help="of an invoice, a remittance or another account")
    out = inputs.command(verbs, "export", run_export, json="one JSON list")
    out.add_argument("--csv", action="store_true", help="as CSV, which is the default")
    out.add_argument("--accounts", action="store_true", help="invoices and other accounts, not lines")
    taken = inputs.command(verbs, "import", run_import, json="one JSON object: documents")
    taken.add_argument("file", metavar="FILE", help="a CSV file of the partner's portal")
    taken.add_argument("--profile", metavar="P", required=True, help="shape of its columns, in mappings/erp")
    said = inputs.command(verbs, "classify", run_classify, json="the line as it was")
    number = inputs.number(2**53, "the number of a line")
    said.add_argument("line", metavar="LINE", type=number, help="as `edigw reconcile list` shows it")
    said.add_argument("--as", metavar="KIND", dest="kind", required=True, help="what it is, as `payment`")
    said.add_argument("--invoice", metavar="NUMBER", help="the invoice, or other account, it belongs to")
    pack = inputs.command(verbs, "evidence", run_evidence)
    pack.add_argument("invoice", metavar="INVOICE", help="number of the invoice")
    for parser in (out, pack):
        needed = parser is pack
        parser.add_argument("-o", "--output", metavar="OUT", required=needed, help="the file to write")
    for parser in (said, pack):
        parser.add_argument("--reason", metavar="TEXT", required=True, help="why; it is kept in the audit")
        parser.add_argument("--actor", metavar="NAME", help="who does it (default: the user of this process)")
    for parser in (again, listed, one, out, taken, said, pack):
        if parser is not said:
            must = parser is taken
            parser.add_argument("--partner", metavar="P", default="", required=must, help="of this partner")
        inputs.home_option(parser)


# --- reading -----------------------------------------------------------------------------------------------


def run_list(args: argparse.Namespace) -> int:
    """List invoices and what became of them, lines that nobody can tell, or remittances that are held.

    Without --status all accounts; `past_due` is what was due before today, `unclassified` the lines that need
    a person, `held` the remittances that do not add up.

    exit code: 0 fine, 1 lines that need a person, or remittances that are held, were asked for and found
    """
    from gateway.store import remittances

    with asking(args) as (connection, _):
        if args.ageing:
            rows = _ageing(_accounts(connection, args.partner, _OWED, None))
            return _listed(args, "ageing", rows, tuple(rows[0]) if rows else ())
        if args.status == _HELD:
            rows = remittances.remittances(connection, args.partner, _HELD, limit=args.limit)
            return _listed(args, "remittances", rows, ("partner", "trace", "paid_on", "amount", "words"))
        if args.status == _UNCLASSIFIED:
            found = remittances.parts(connection, args.partner, kinds=remittances.QUEUE, limit=args.limit)
            rows = [{"id": one["seq"], **_line(one)} for one in found]
            return _listed(args, "lines", rows, ("id", "partner", "remittance", "reference", "amount", "why"))
        is_past = args.status == _PAST_DUE
        statuses = _OWED if is_past else (args.status,) if args.status else ()
        rows = _accounts(connection, args.partner, statuses, None if is_past else args.limit)
    if is_past:
        rows = [one for one in rows if one["bucket"] not in ("", "not due")][: args.limit]
    columns = ("partner", "number", "status", "due", "expected", "received", "balance", "currency", "reasons")
    return _listed(args, "accounts", rows, columns)


def _listed(args: argparse.Namespace, name: str, rows: list[Row], columns: tuple[str, ...]) -> int:
    if args.json:
        write_json({name: [_plain(one) for one in rows]})
    elif rows:
        cells = [[visible(_cell(one[name], name == "status")) for name in columns] for one in rows]
        show(table(cells, [column.replace("_", " ").upper() for column in columns]).splitlines())
    else:
        say("Nothing was found.")
    return ExitCode(bool(rows) and args.status in (_UNCLASSIFIED, _HELD))


def _cell(value: Any, is_code: bool = False) -> str:
    if isinstance(value, dict):
        return cut(", ".join(f"{words(kind)} {amount}" for kind, amount in value.items()) or "-", 80)
    return (words(value) if is_code else str(value)) or "-"


def _ageing(rows: Iterable[Row]) -> list[Row]:
    from gateway.reconciliation.account import BUCKETS

    sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for one in rows:
        sums[one["partner"], one["currency"], one["bucket"]].append(one["balance"])
    ordered = sorted(sums, key=lambda one: (*one[:2], BUCKETS.index(one[2])))
    names = ("partner", "currency", "past_due")
    return [
        dict(zip(names, key, strict=True)) | {"invoices": len(sums[key]), "amount": sum(sums[key])}
        for key in ordered
    ]


def _accounts(connection: Connection, partner: str, statuses: Iterable[str], limit: int | None) -> list[Row]:
    from gateway.store import remittances

    found = remittances.accounts(connection, partner, [*statuses], limit=limit)
    return [_account(one) for one in found]


def _account(row: Mapping[str, Any]) -> Row:
    """An account with the columns of :data:`ACCOUNTS`."""
    from gateway.reconciliation.account import age

    amounts = {name: Decimal(row[name] or 0) for name in ("expected", "received", "difference")}
    found = {**row, **amounts, "balance": amounts["expected"] - amounts["received"]}
    found["bucket"] = age(row["due"], f"{datetime.now(UTC):%Y-%m-%d}") if row["status"] in _OWED else ""
    found |= {name: json.loads(row[name] or "null") for name in ("reasons", "remarks")}
    return {name: found[name] for name in ACCOUNTS}


def _line(row: Mapping[str, Any]) -> Row:
    """A part of a remittance with the columns of :data:`LINES`."""
    other = {"part": "place", "reference": "ref", "account": "root", "decided_by": "actor"}
    other |= {"remittance": "trace"}
    return {name: row[other.get(name, name)] for name in LINES}


def _plain(row: Mapping[str, Any]) -> Row:
    """A row with its decimals as text."""
    return {name: f"{one:f}" if isinstance(one, Decimal) else one for name, one in row.items()}


def run_show(args: argparse.Namespace) -> int:
    """Explain every cent of a remittance, or everything that was posted to an invoice.

    exit code: 0 fine, 4 there is neither
    """
    from gateway.store import remittances

    with asking(args) as (connection, settings):
        paid = remittances.remittances(connection, args.partner, trace=args.number)
        told = [
            (one, [*remittances.parts(connection, one["partner"], remittance=one["seq"])]) for one in paid
        ]
        mine = remittances.accounts(connection, args.partner, number=args.number)
        posted = [(one, [*remittances.parts(connection, one["partner"], root=args.number)]) for one in mine]
    if not told and not posted:
        raise NotFoundError(f"There is no invoice, remittance or other account {args.number}.")
    if args.json:
        names = ("partner", "trace", "paid_on", "amount", "currency", "state", "words", "document_id")
        paid_out = [{name: one[name] for name in names} | _parts(parts) for one, parts in told]
        accounts = [_plain(_account(one)) | _parts(parts) for one, parts in posted]
        write_json({"remittances": paid_out, "accounts": accounts})
        return ExitCode.FINE
    for one, parts in told:
        show(visible(line) for line in _remittance_told(one, parts))
    for one, parts in posted:
        show(visible(line) for line in _account_told(settings, one, parts))
    return ExitCode.FINE


def _parts(parts: Iterable[Mapping[str, Any]]) -> Row:
    return {"parts": [_plain(_line(one)) for one in parts]}


def _remittance_told(row: Row, parts: list[Row]) -> Iterator[str]:
    total = f"{row['amount']} {row['currency']}".strip()
    yield f"Remittance {row['trace']} of {row['partner']}, {row['paid_on']}: {total}, {row['state']}"
    if row["words"]:
        yield f"It counts for nothing, as {row['words']}. Ask the partner for a corrected one."
    yield from _parts_told(parts, "line")
    added = sum((one["amount"] for one in parts), Decimal(0))
    match = "as was paid" if added == Decimal(row["amount"]) else f"and {row['amount']} was paid"
    match = "and no money moved" if row["state"] == "notice" else match
    yield f"{added:f} in {count(len(parts), 'part')}, {match}."


def _account_told(settings: Settings, row: Row, parts: list[Row]) -> Iterator[str]:
    from gateway.reconciliation.account import Posting, claims
    from gateway.services.reconcile import disputable

    one = _account(row)
    what = "Invoice" if row["total"] else "Account"
    over = f" over {row['total']} {row['currency']}".rstrip() if row["total"] else ""
    due = f", due {one['due']}" if one["due"] else ""
    yield f"{what} {one['number']} of {one['partner']}{over}{due}: {words(one['status'])}"
    yield from _parts_told(parts, "trace")
    yield f"Expected {one['expected']:f}, received {one['received']:f}, to come {one['balance']:f}."
    yield from (f"Note: {remark}." for remark in one["remarks"] or ())
    if profile := settings.reconciliation.get(one["partner"]):
        names = ("kind", "amount", "paid_on", "ref", "step")
        told = (Posting(**{name: part[name] for name in names}) for part in disputable(parts))
        for claim in claims(profile, told):
            tries = profile.disputes[claim.kind].tries
            which = f"try {claim.attempt} of {tries}"
            yield f"Claim {claim.ref}: {claim.amount:f} stands; to be disputed until {claim.until} ({which})."
    if move := _MOVES.get(one["status"]):
        yield move


def _parts_told(parts: list[Row], by: str) -> Iterator[str]:
    from gateway.reconciliation.profile import KINDS

    rows = []
    for one in parts:
        held = "" if one["state"] == "counted" else f" [{one['state']}: does not count]"
        where = f"line {one['line']}" if by == "line" else f"{one['paid_on']}  {one['trace']}"
        told = f"{KINDS[one['kind']]}: {one['why']}{held}" + (f" ({one['actor']})" if one["actor"] else "")
        rows.append((where, one["ref"] or "-", f"{one['amount']:>12f}", one["root"] or "-", told))
    yield from table(rows, indent="  ").splitlines()


def run_export(args: argparse.Namespace) -> int:
    """Write every part of every remittance, or all accounts, for the finance team.

    As CSV with a header; the amounts of a remittance add up to its payment. What a spreadsheet would take for
    a formula has an apostrophe before it.
    """
    import csv

    from gateway.services.export import cell
    from gateway.store import remittances

    with asking(args) as (connection, _), whole(args.output) as out:
        rows: Iterable[Row] = map(_line, remittances.parts(connection, args.partner))
        columns = LINES
        if args.accounts:
            rows, columns = _accounts(connection, args.partner, (), None), ACCOUNTS
        if args.json:
            out.write(json.dumps([_plain(one) for one in rows]).encode() + b"\n")
            return ExitCode.FINE
        text = TextIOWrapper(cast(Any, out), "utf-8", newline="", write_through=True)
        written = csv.writer(text, lineterminator="\n")
        written.writerow(columns)
        for one in rows:
            one |= {"reasons": _cell(one["reasons"])} if "reasons" in one else {}
            one |= {"remarks": "; ".join(one["remarks"] or ())} if "remarks" in one else {}
            written.writerow(
                f"{value:f}" if isinstance(value, Decimal) else cell(value) for value in one.values()
            )
        text.detach()
    return ExitCode.FINE


# --- doing -------------------------------------------------------------------------------------------------


def run_run(args: argparse.Namespace) -> int:
    """Take everything that is stored into account anew, as after a change of a profile.

    A running `edigw up` does that by itself for what comes. What a person decided stays.
    """
    from gateway.services import reconcile

    with gateway_of(args) as gateway:
        partners = [args.partner] if args.partner else [*gateway.settings.partners]
        for one in partners:
            if one not in gateway.settings.partners:
                raise NotFoundError(f"There is no partner {one!r} in partners/.")
        done = reconcile.run(gateway.services, partners, args.since)
    if args.json:
        write_json({"documents": done})
    else:
        show([f"{count(done, 'invoice or remittance', 'invoices and remittances')} taken into account."])
    return ExitCode.FINE


def run_import(args: argparse.Namespace) -> int:
    """Take a file of claims from the partner's portal, such as chargebacks and returns.

    Its rows move no money: they say what lines of remittances with the same numbers are. The columns are
    those of a shape in mappings/erp, as `portal_chargebacks` and `portal_returns`, which are shipped.

    exit code: 0 taken, 1 a row is wrong, told by line and column, 6 the same file was taken before
    """
    from gateway.services import reconcile

    with gateway_of(args) as gateway, inputs.opened(args.file) as source:
        partner = gateway.settings.partners.get(args.partner)
        if partner is None:
            raise NotFoundError(f"There is no partner {args.partner!r} in partners/.")
        name = Path(args.file).name if args.file != inputs.STANDARD_INPUT else "standard-input.csv"
        numbers = reconcile.take_file(gateway.services, partner, name, source, args.profile)
    if args.json:
        write_json({"documents": numbers})
    else:
        home = inputs.home_named(args)
        show([visible(f"{name}: {count(len(numbers), 'document')} taken.")])
        say(f"A running `edigw up` takes it into account; without one: edigw run-once --config {home}")
    return ExitCode.FINE


def run_classify(args: argparse.Namespace) -> int:
    """Say what a line of a remittance is that the profile cannot tell, or tells wrongly.

    exit code: 0 done, 4 there is no such line, 6 there is no such kind
    """
    from gateway.services import reconcile

    with gateway_of(args, args.actor) as gateway:
        was = reconcile.classify(gateway.services, args.line, args.kind, args.invoice, args.reason)
    if args.json:
        write_json(_plain(_line(was)))
    else:
        root = args.invoice or was["root"] or "no account"
        where = f"Line {was['line']} of {was['trace']}, {was['amount']}"
        show([visible(f"{where}: {words(args.kind)}, for {root}.")])
    return ExitCode.FINE


def run_evidence(args: argparse.Namespace) -> int:
    """Write everything that proves an invoice into one zip file, to dispute what was taken off.

    It has the order and its changes, the acknowledgment, the ship notice with the times it was sent and
    acknowledged, the numbers of cartons and carrier, the invoice, remittances, and a cover page; like
    `edigw audit export` it can be checked without this software.

    exit code: 0 it is written, 4 there is no such invoice
    """
    from gateway.services.evidence import evidence
    from gateway.settings import AUDIT_KEY, CHECKPOINTS, DATA, KEYS
    from gateway.store.audit import Seal

    with gateway_of(args, args.actor) as gateway, whole(args.output) as out:
        seal, points = Seal.of(gateway.home / KEYS / AUDIT_KEY), gateway.home / DATA / CHECKPOINTS
        asked = (args.invoice, args.partner, args.reason)
        told = evidence(gateway.services, *asked, out, points, seal)
    say(f"{args.output}: {told}.")
    return ExitCode.FINE
