"""Invoices and remittances that are made up: a quarter of a vendor, and what must come of it."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from gateway.app import Gateway
from gateway.documents import KINDS, keys_of
from gateway.services import reconcile
from gateway.store.records import INBOUND, OUTBOUND, Document
from tests.homes import rows
from tests.orders import interchange

FIRST = date(2026, 1, 1)


def invoice(
    number: str, total: str, day: str, days: int = 30, credit_of: str = "", **more: Any
) -> dict[str, Any]:
    """An invoice as our own system writes it."""
    line = {"line_no": "1", "ids": {"vendor_sku": "EX-1"}, "quantity": {"value": "1", "uom": "EA"}}
    made: dict[str, Any] = {
        "schema_version": "1",
        "document_type": "invoice",
        "partner_id": "acme-retail",
        "invoice_number": number,
        "invoice_date": day,
        "po_number": f"PO{number}",
        "terms": {"type": "basic", "net_days": days},
        "lines": [line | {"unit_price": {"amount": total}}],
        "total": {"amount": total},
    }
    if credit_of:
        made |= {"kind": "credit_note", "credit": {"original_invoice": credit_of}}
    return made | more


def remittance(
    trace: str, day: str, lines: list[dict[str, Any]], amount: Decimal | None = None
) -> dict[str, Any]:
    """A remittance advice; the amount is by default what its lines add up to."""
    total = sum((Decimal(one["paid"]["amount"]) for one in lines), Decimal(0)) if amount is None else amount
    return {
        "schema_version": "1",
        "document_type": "remittance_advice",
        "remittance_id": trace,
        "paid_on": day,
        "amount": {"amount": str(total)},
        "handling": "advice_only",
        "credit_debit": "credit",
        "method": "ach",
        "entities": [{"lines": lines}],
    }


def line(ref: str, paid: Decimal | str, **more: Any) -> dict[str, Any]:
    return {"ref_type": "invoice", "document_ref": ref, "paid": {"amount": str(paid)}, **more}


def edi(control: int, trace: str, paid: str, day: str, segments: list[str]) -> bytes:
    """An 820 with these detail segments."""
    heading = [
        f"BPR*I*{paid}*C*ACH************{day}",
        f"TRN*1*{trace}",
        "N1*PR*ACME RETAIL",
        "N1*PE*EXAMPLE SUPPLIER",
    ]
    body = ["ST*820*0001", *heading, "ENT*1", *segments]
    return interchange(control, [[*body, f"SE*{len(body) + 1}*0001"]], "RA")


@dataclass
class Quarter:
    """A made-up quarter.

    Attributes:
        received: by account what all remittances come to. steps: by invoice the length of its chain.
    """

    invoices: list[dict[str, Any]] = field(default_factory=list)
    remittances: list[dict[str, Any]] = field(default_factory=list)
    received: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    steps: dict[str, int] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)


def quarter(seed: int, invoices: int = 2000, remittances: int = 60, *, deep: int = 3) -> Quarter:
    """Invoices, most of them paid, and whatever is taken off them, spread over all remittances.

    Every seventh invoice has a shortage claim of up to ``deep`` steps, each in a later remittance.
    """
    chance, made = random.Random(seed), Quarter()
    lines: list[list[dict[str, Any]]] = [[] for _ in range(remittances)]

    def post(place: int, root: str, one: dict[str, Any]) -> None:
        lines[place].append(one)
        made.received[root] += Decimal(one["paid"]["amount"])

    for number in range(invoices):
        name, total = f"INV-{number:05d}", Decimal(chance.randint(1_000, 900_000)).scaleb(-2)
        day = FIRST + timedelta(days=chance.randint(0, 60))
        made.invoices.append(invoice(name, str(total), day.isoformat()))
        place, made.status[name] = chance.randrange(remittances), "paid"
        how = number % 20
        if how == 0:
            made.status[name] = "open"
            continue
        if how == 1:
            cut = (total / 50).quantize(Decimal("0.01"))
            gross = {"gross": {"amount": str(total)}, "discount": {"amount": str(cut)}}
            post(place, name, line(name, total - cut, **gross))
            made.status[name] = "short_paid"
        elif how == 2:
            cut = (total / 10).quantize(Decimal("0.01"))
            short = {
                "amount": {"amount": str(-cut)},
                "reason": chance.choice(["price", "freight", "quantity"]),
            }
            post(place, name, line(name, total - cut, gross={"amount": str(total)}, adjustments=[short]))
            made.status[name] = "short_paid"
        else:
            post(place, name, line(name, total))
            if how == 3:
                post(chance.randrange(remittances), name, line(name, total))
                made.status[name] = "over_paid"
        if number % 7 == 0 and how > 3:
            claimed, chain = (total / 4).quantize(Decimal("0.01")), ""
            steps = chance.randint(1, deep)
            places = sorted(chance.sample(range(remittances), steps))
            for step in range(steps):
                chain += "R" if step % 2 else "SC"
                post(places[step], name, line(name + chain, claimed if step % 2 else -claimed))
            made.steps[name] = steps
            made.status[name] = "short_paid" if steps % 2 else "paid"
    for number in range(remittances // 3):
        held, (out, back) = Decimal(chance.randint(100, 9_999)), sorted(chance.sample(range(remittances), 2))
        root = f"PROVISION V{number}"
        post(out, root, line(f"V{number} PROVISION FOR RECEIVABLES", -held))
        post(back, root, line(f"V{number}RECEIVABLESR", held))
        made.status[root] = "settled"
        for ref in (f"CB{number}VCBSINV", f"IPAPUS{number:07d}", f"COOP-{number:08d}", f"ODD/{number}"):
            post(
                chance.randrange(remittances), ref, line(ref, -Decimal(chance.randint(100, 5_000)).scaleb(-2))
            )
            made.status[ref] = "deducted"
    for place, some in enumerate(lines):
        day = FIRST + timedelta(days=20 + place * 70 // remittances)
        made.remittances.append(remittance(f"TR{place:04d}", day.isoformat(), some))
    return made


def segments(document: dict[str, Any]) -> list[str]:
    """The detail segments of a remittance, to be given to :func:`edi`."""
    found = []
    for one in document["entities"][0]["lines"]:
        amounts = [one.get(name, {}).get("amount", "") for name in ("paid", "gross", "discount")]
        found.append("*".join(["RMR", "IV", one["document_ref"], "", *amounts]).rstrip("*"))
        codes = {"price": "01", "quantity": "06", "freight": "54"}
        found += [f"ADX*{a['amount']['amount']}*{codes[a['reason']]}" for a in one.get("adjustments", ())]
    return found


def keep(gateway: Gateway, documents: Iterable[dict[str, Any]], partner: str = "acme-retail") -> list[str]:
    """Stores documents as if they had come or gone; their ids."""
    store, ids = gateway.services.store, list[str]()
    with store.transaction():
        for body in documents:
            kind, text = str(body["document_type"]), orjson.dumps(body)
            made = Document(
                id=str(uuid4()),
                message_id=f"m-{len(ids)}",
                direction=OUTBOUND if kind == "invoice" else INBOUND,
                partner=partner,
                document_type=kind,
                number=str(body[KINDS[kind].number]),
                test=False,
                set_control="1",
                created_at=gateway.services.clock(),
                body=text,
                sha256=hashlib.sha256(text).hexdigest(),
                keys=tuple(keys_of(body)),
            )
            store.add_document(made)
            ids.append(made.id)
    return ids


def take(gateway: Gateway, documents: Iterable[dict[str, Any]], partner: str = "acme-retail") -> None:
    """Stores documents and takes them into account, one after another."""
    for one in keep(gateway, documents, partner):
        reconcile.reconcile(gateway.services, one)


ACCOUNTS = "number, status, expected, received, reasons, difference, source, remarks"


def accounts(home: Path) -> dict[str, tuple[Any, ...]]:
    """All accounts of a home by their numbers, as they are kept."""
    return {row[0]: row[1:] for row in rows(home, f"SELECT {ACCOUNTS} FROM accounts ORDER BY number")}
