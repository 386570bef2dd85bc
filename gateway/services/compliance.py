"""The compliance clock: of each order what is due next, until when, and what it costs to miss it."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Connection, select

from gateway.partners.partner import Partner
from gateway.services.deadline import WORDS
from gateway.settings import Settings
from gateway.store import queries
from gateway.store import tables as t

LIMIT = 1000
"""Deadlines that are looked at, of each state."""

_AMAZON = {
    "order_acknowledgment": "a chargeback for a late confirmation; what is not confirmed may be cancelled",
    "ship_notice": "2 to 6 % of the cost of the goods, by your compliance rate of 7 days",
    "invoice": "payment as much later; quantities that are invoiced late are disputed",
    "payment": "30 days, and two tries each, to dispute what was deducted",
}
"""As vendors report it; Amazon's own terms, in Vendor Central, count."""

_RATES = {"ship_notice": (Decimal("0.02"), Decimal("0.06"))}
_UNKNOWN = "not known; write it into deadlines.costs of the partner"


def clock(
    connection: Connection,
    settings: Settings,
    now: datetime,
    orders: tuple[str, ...] = (),
    partner: str = "",
    partners: Collection[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Orders with something due, the most urgent first; what is due for each likewise."""
    by: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for state in ("overdue", "open"):
        for row in queries.deadlines(connection, state, partner, LIMIT, partners, now=now):
            for number in row["orders"]:
                if not orders or number in orders:
                    by.setdefault((row["partner"], number), []).append(row)
    for (whose, number), rows in sorted(by.items(), key=lambda one: min(row["due_at"] for row in one[1])):
        worth, theirs = _worth(connection, whose, number), settings.partners.get(whose)
        due = []
        for row in sorted(rows, key=lambda row: str(row["due_at"])):
            known = {"deadline": row["kind"], "words": f"{WORDS[row['kind']]} {row['number']}"}
            known |= {"due_at": row["due_at"], "state": row["state"], "no": row["seq"]}
            known["seconds_left"] = row["seconds_left"]
            due.append({**known, "cost": _cost(theirs, row["kind"], worth)})
        yield {"purchase_order": number, "partner": whose, "due": due}


def _cost(partner: Partner | None, kind: str, worth: tuple[Decimal, str]) -> str:
    if partner is not None and kind in partner.deadlines.costs:
        return partner.deadlines.costs[kind]
    if partner is None or not (partner.sp_api or partner.overlay.startswith("amazon")) or kind not in _AMAZON:
        return _UNKNOWN
    if kind not in _RATES or not worth[0]:
        return _AMAZON[kind]
    least, most = (f"{worth[0] * one:.2f}" for one in _RATES[kind])
    return f"{_AMAZON[kind]}: {least} to {most} {worth[1]}".rstrip()


def _worth(connection: Connection, partner: str, number: str) -> tuple[Decimal, str]:
    """What the goods of an order cost, and in which currency; 0 where that is not known."""
    d, k = t.documents.c, t.document_keys.c
    query = select(d.body).join(t.document_keys, k.document_id == d.id).order_by(d.seq.desc()).limit(1)
    query = query.where(k.kind == "po", k.value == number, d.partner == partner)
    body = connection.scalar(query.where(d.document_type == "purchase_order", d.direction == "in"))
    order = orjson.loads(zlib.decompress(body)) if body else {}
    try:
        lines = [(one["quantity"]["value"], one["unit_price"]["amount"]) for one in order.get("lines", ())]
        return sum((Decimal(much) * Decimal(price) for much, price in lines), Decimal(0)), order.get(
            "currency", ""
        )
    except (KeyError, ArithmeticError):
        return Decimal(0), ""
