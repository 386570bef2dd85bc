"""``edigw reconcile …``: what each cent of a remittance is, and what became of every invoice."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of, moment
from gateway.cli.commands.message import asking
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, cut, say, show, table, visible, whole, write_json
from gateway.errors import NotFoundError
from gateway.services.words import words

if TYPE_CHECKING:
    from gateway.settings import Settings

    Row = dict[str, Any]

_MAX_LISTED = 100_000
UNCLASSIFIED, HELD = "unclassified", "held"
_STATUSES = (
    *("open", "rejected", "paid", "short_paid", "over_paid", "unknown", "settled", "deducted", "credited"),
    *("past_due", UNCLASSIFIED, HELD),
)


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
    from gateway.services import statement
    from gateway.store import remittances

    with asking(args) as (connection, _):
        if args.ageing:
            rows = statement.ageing(connection, args.partner)
            return _listed(args, "ageing", rows, tuple(rows[0]) if rows else ())
        if args.status == HELD:
            rows = remittances.remittances(connection, args.partner, HELD, limit=args.limit)
            return _listed(args, "remittances", rows, ("partner", "trace", "paid_on", "amount", "words"))
        if args.status == UNCLASSIFIED:
            rows = statement.unclassified(connection, args.partner, limit=args.limit)
            return _listed(args, "lines", rows, ("id", "partner", "remittance", "reference", "amount", "why"))
        rows = statement.accounts(connection, args.partner, args.status or "", limit=args.limit)
    columns = ("partner", "number", "status", "due", "expected", "received", "balance", "currency", "reasons")
    return _listed(args, "accounts", rows, columns)


def _listed(args: argparse.Namespace, name: str, rows: list[Row], columns: tuple[str, ...]) -> int:
    if args.json:
        from gateway.services.statement import plain

        write_json({name: [plain(one) for one in rows]})
    elif rows:
        cells = [[visible(_cell(one[name], name == "status")) for name in columns] for one in rows]
        show(table(cells, [column.replace("_", " ").upper() for column in columns]).splitlines())
    else:
        say("Nothing was found.")
    return ExitCode(bool(rows) and args.status in (UNCLASSIFIED, HELD))


def _cell(value: Any, is_code: bool = False) -> str:
    if isinstance(value, dict):
        return cut(", ".join(f"{words(kind)} {amount}" for kind, amount in value.items()) or "-", 80)
    return (words(value) if is_code else str(value)) or "-"


def run_show(args: argparse.Namespace) -> int:
    """Explain every cent of a remittance, or everything that was posted to an invoice.

    exit code: 0 fine, 4 there is neither
    """
    from gateway.services import statement

    with asking(args) as (connection, settings):
        told, posted = statement.found(connection, args.number, args.partner)
    if args.json:
        write_json(statement.shown(told, posted))
        return ExitCode.FINE
    for one, parts in told:
        show(visible(line) for line in _remittance_told(one, parts))
    for one, parts in posted:
        show(visible(line) for line in _account_told(settings, one, parts))
    return ExitCode.FINE


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
    from gateway.services import statement

    one = statement.account(row)
    what = "Invoice" if row["total"] else "Account"
    over = f" over {row['total']} {row['currency']}".rstrip() if row["total"] else ""
    due = f", due {one['due']}" if one["due"] else ""
    yield f"{what} {one['number']} of {one['partner']}{over}{due}: {words(one['status'])}"
    yield from _parts_told(parts, "trace")
    yield f"Expected {one['expected']:f}, received {one['received']:f}, to come {one['balance']:f}."
    yield from (f"Note: {remark}." for remark in one["remarks"] or ())
    for claim in statement.claims_of(settings, one["partner"], parts):
        which = f"try {claim['try']} of {claim['tries']}"
        stands = f"Claim {claim['number']}: {claim['amount']:f} stands"
        yield f"{stands}; to be disputed until {claim['until']} ({which})."
    if move := statement.MOVES.get(one["status"]):
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
    from gateway.services import statement
    from gateway.services.statement import plain

    with asking(args) as (connection, _), whole(args.output) as out:
        if args.json:
            rows = statement.exported(connection, args.partner, accounts=args.accounts)
            out.write(json.dumps([plain(one) for one in rows]).encode() + b"\n")
            return ExitCode.FINE
        for text in statement.csv_lines(connection, args.partner, accounts=args.accounts):
            out.write(text)
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

    with gateway_of(args) as gateway:
        was = reconcile.classify(gateway.services, args.line, args.kind, args.invoice, args.reason)
    if args.json:
        from gateway.services.statement import line, plain

        write_json(plain(line(was)))
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

    with gateway_of(args) as gateway, whole(args.output) as out:
        seal, points = Seal.of(gateway.home / KEYS / AUDIT_KEY), gateway.home / DATA / CHECKPOINTS
        asked = (args.invoice, args.partner, args.reason)
        told = evidence(gateway.services, *asked, out, points, seal)
    say(f"{args.output}: {told}.")
    return ExitCode.FINE
