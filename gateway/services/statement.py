"""What was paid, what was taken off and what is to come, as people and programs read it."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.errors import NotFoundError
from gateway.reconciliation.account import BUCKETS, STATUSES, Posting, age, claims
from gateway.services.export import cell
from gateway.services.reconcile import DISPUTE, disputable
from gateway.services.words import words
from gateway.settings import Settings
from gateway.store import remittances as store
from gateway.store import tables as t
from gateway.store.queries import within
from gateway.store.remittances import HELD, QUEUE

Row = dict[str, Any]
Partners = Collection[str] | None
"""Those whose rows may be seen; None for all."""

PAST_DUE, UNCLASSIFIED = "past_due", "unclassified"
OWED = ("open", "rejected", "short_paid")
_WIDTH = 80
ASKED = (*STATUSES, PAST_DUE, UNCLASSIFIED, HELD)
"""What can be listed."""

LINES: tuple[str, ...] = (
    *("partner", "remittance", "paid_on", "state", "line", "part", "reference", "account", "kind", "amount"),
    *("currency", "why", "decided_by"),
)
ACCOUNTS: tuple[str, ...] = (
    *("partner", "number", "status", "invoiced_on", "due", "bucket", "currency", "expected", "received"),
    *("balance", "reasons", "difference", "source", "remarks"),
)
"""Columns of parts of remittances and of accounts, see docs/reference/cli.md."""

MOVES = {
    "open": "Nothing was paid yet.",
    "rejected": "The partner refused it: correct it, or send it anew under another number.",
    "short_paid": "Look at what was taken off; dispute what is not right, write off what is.",
    "over_paid": "More came than was due: ask the partner, or expect it to be taken back.",
    "unknown": "You have sent no invoice of this number: find out whose it is.",
    "deducted": "It was taken off, and belongs to no invoice of yours.",
    "credited": "It came, and belongs to no invoice of yours.",
}
"""What to do about an account, by its status."""


# --- lists -------------------------------------------------------------------------------------------------


def accounts(
    connection: Connection,
    partner: str,
    status: str = "",
    *,
    limit: int | None = None,
    skip: int = 0,
    partners: Partners = None,
) -> list[Row]:
    """Accounts of a status, or past due, or ``owed``; all if it is empty. Those that are due first."""
    is_past, known = status == PAST_DUE, {"": (), PAST_DUE: OWED, "owed": OWED}
    asked = {"due_before": _today() if is_past else "", "limit": limit, "skip": skip, "partners": partners}
    rows = store.accounts(connection, partner, known.get(status, (status,)), **asked)  # type: ignore[arg-type]
    return [account(one) for one in rows]


def unclassified(
    connection: Connection, partner: str, *, limit: int | None, skip: int = 0, partners: Partners = None
) -> list[Row]:
    """Lines that need a person."""
    found = store.parts(connection, partner, kinds=QUEUE, limit=limit, skip=skip, partners=partners)
    return [{"id": one["seq"], **line(one)} for one in found]


def ageing(connection: Connection, partner: str = "", partners: Partners = None) -> list[Row]:
    """How much is past due for how long, by partner and currency."""
    a, today = t.accounts.c, _today()
    query = select(a.partner, a.currency, a.due, a.expected, a.received).where(a.status.in_(OWED))
    query = query.where(*within(a.partner, partners), *([a.partner == partner] if partner else []))
    sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for one in connection.execute(query):
        balance = Decimal(one.expected or 0) - Decimal(one.received or 0)
        sums[one.partner, one.currency, age(one.due, today)].append(balance)
    ordered = sorted(sums, key=lambda one: (*one[:2], BUCKETS.index(one[2])))
    names = ("partner", "currency", "past_due")
    return [
        dict(zip(names, key, strict=True)) | {"invoices": len(sums[key]), "amount": sum(sums[key])}
        for key in ordered
    ]


def payments(
    connection: Connection,
    partner: str,
    state: str = "",
    *,
    limit: int | None = None,
    skip: int = 0,
    partners: Partners = None,
) -> list[Row]:
    """Remittances, the newest first, with ``kinds``: how many parts of each there are, and how much."""
    asked = {"limit": limit, "skip": skip, "partners": partners}
    rows = store.remittances(connection, partner, state, **asked)  # type: ignore[arg-type]
    p = t.remittance_parts.c
    kinds: dict[int, dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    query = select(p.remittance, p.kind, p.amount).where(p.remittance.in_([one["seq"] for one in rows]))
    for one in connection.execute(query):
        kinds[one.remittance][one.kind].append(Decimal(one.amount))
    for row in rows:
        mine = kinds[row["seq"]]
        row["kinds"] = {kind: {"parts": len(mine[kind]), "amount": sum(mine[kind])} for kind in sorted(mine)}
    return rows


def disputes(
    connection: Connection,
    partner: str,
    state: str = "open",
    *,
    limit: int,
    skip: int = 0,
    partners: Partners = None,
) -> list[Row]:
    """Claims with their windows: until when each may be disputed (``open``), or might have been."""
    e, d, p = t.expectations.c, t.documents.c, t.remittance_parts.c
    query = select(e.seq, e.about.label("number"), e.due_at.label("until"), e.state, d.partner)
    query = query.join(t.documents, d.id == e.document_id).where(e.kind == DISPUTE, e.state == state)
    query = query.where(*within(d.partner, partners), *([d.partner == partner] if partner else []))
    query = query.order_by(e.due_at, e.seq).offset(skip).limit(limit)
    rows = [{str(key): value for key, value in one.items()} for one in connection.execute(query).mappings()]
    about = [one["number"] for one in rows]
    last = select(func.max(p.seq)).where(p.ref.in_(about)).group_by(p.partner, p.ref)
    told = select(p.partner, p.ref, p.kind, p.root, p.amount).where(p.seq.in_(last))
    found = {(one.partner, one.ref): one for one in connection.execute(told)}
    for row in rows:
        part = found.get((row["partner"], row["number"]))
        row |= (
            {"account": part.root, "kind": part.kind, "amount": part.amount}
            if part
            else {"account": "", "kind": "", "amount": "0"}
        )
    return rows


# --- one ---------------------------------------------------------------------------------------------------


def found(
    connection: Connection, number: str, partner: str = "", partners: Partners = None
) -> tuple[list[tuple[Row, list[Row]]], list[tuple[Row, list[Row]]]]:
    """Remittances and accounts of a number, with their parts. Raises NotFoundError if there is neither."""
    paid = store.remittances(connection, partner, trace=number, partners=partners)
    told = [(one, [*store.parts(connection, one["partner"], remittance=one["seq"])]) for one in paid]
    mine = store.accounts(connection, partner, number=number, partners=partners)
    posted = [(one, [*store.parts(connection, one["partner"], root=number)]) for one in mine]
    if not number or not (told or posted):
        raise NotFoundError(f"There is no invoice, remittance or other account {number}.")
    return told, posted


def shown(told: Iterable[tuple[Row, list[Row]]], posted: Iterable[tuple[Row, list[Row]]]) -> Row:
    """The same as JSON."""
    names = ("partner", "trace", "paid_on", "amount", "currency", "state", "words", "document_id")
    return {
        "remittances": [{name: one[name] for name in names} | _parts(parts) for one, parts in told],
        "accounts": [plain(account(one)) | _parts(parts) for one, parts in posted],
    }


def _parts(parts: Iterable[Mapping[str, Any]]) -> Row:
    return {"parts": [plain(line(one)) for one in parts]}


def claims_of(settings: Settings, partner: str, parts: Sequence[Row]) -> list[Row]:
    """Claims that stand on an account, with until when they may be disputed."""
    profile = settings.reconciliation.get(partner)
    if profile is None:
        return []
    names = ("kind", "amount", "paid_on", "ref", "step")
    told = (Posting(**{name: part[name] for name in names}) for part in disputable(parts))
    return [
        {
            "number": one.ref,
            "amount": one.amount,
            "kind": one.kind,
            "until": one.until,
            "try": one.attempt,
            "tries": profile.disputes[one.kind].tries,
        }
        for one in claims(profile, told)
    ]


def account(row: Mapping[str, Any]) -> Row:
    """An account with the columns of :data:`ACCOUNTS`."""
    amounts = {name: Decimal(row[name] or 0) for name in ("expected", "received", "difference")}
    found = {**row, **amounts, "balance": amounts["expected"] - amounts["received"]}
    found["bucket"] = age(row["due"], _today()) if row["status"] in OWED else ""
    found |= {name: json.loads(row[name] or "null") for name in ("reasons", "remarks")}
    return {name: found[name] for name in ACCOUNTS}


def line(row: Mapping[str, Any]) -> Row:
    """A part of a remittance with the columns of :data:`LINES`."""
    other = {"part": "place", "reference": "ref", "account": "root", "decided_by": "actor"}
    other |= {"remittance": "trace"}
    return {name: row[other.get(name, name)] for name in LINES}


def plain(row: Mapping[str, Any]) -> Row:
    """A row with its decimals as text."""
    return {name: f"{one:f}" if isinstance(one, Decimal) else one for name, one in row.items()}


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


# --- for the finance team ----------------------------------------------------------------------------------


def exported(
    connection: Connection, partner: str = "", *, accounts: bool = False, partners: Partners = None
) -> Iterator[Row]:
    """Every part of every remittance, or all accounts."""
    if accounts:
        return map(account, store.accounts(connection, partner, partners=partners))
    return map(line, store.parts(connection, partner, partners=partners))


def csv_lines(
    connection: Connection, partner: str = "", *, accounts: bool = False, partners: Partners = None
) -> Iterator[bytes]:
    """The same as CSV; what a spreadsheet would take for a formula has an apostrophe before it."""
    text = io.StringIO()
    written = csv.writer(text, lineterminator="\n")
    written.writerow(ACCOUNTS if accounts else LINES)
    for place, one in enumerate(exported(connection, partner, accounts=accounts, partners=partners)):
        one |= {"reasons": reasons(one["reasons"])} if "reasons" in one else {}
        one |= {"remarks": "; ".join(one["remarks"] or ())} if "remarks" in one else {}
        written.writerow(
            f"{value:f}" if isinstance(value, Decimal) else cell(value) for value in one.values()
        )
        if place % 500 == 499:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def reasons(given: Mapping[str, str] | None) -> str:
    """Why less came, in words, as far as 80 characters go."""
    text = ", ".join(f"{words(kind)} {amount}" for kind, amount in (given or {}).items()) or "-"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
