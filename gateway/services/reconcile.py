"""Invoices and remittances that are stored become accounts, each a result of all that is known.

A job of its own does it, enqueued with the document: what a partner writes keeps no document from going on. A
remittance is known by its trace number; the same once more changes nothing, and one that is
corrected takes the place of the earlier one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, BinaryIO

import orjson
from sqlalchemy import or_, select

from gateway import engine
from gateway.errors import DocumentError, RefusedError
from gateway.partners.partner import Partner
from gateway.reconciliation.account import Account, Claim, Finances, Invoice, Posting, claims, settle
from gateway.reconciliation.profile import DECIDABLE, Profile
from gateway.reconciliation.remittance import ZERO, Reader, Remittance, digits, plain, references
from gateway.services import deadline, receive
from gateway.services.base import Services
from gateway.services.lifecycle import Translation
from gateway.services.work import RECONCILED, Work
from gateway.store import tables as t
from gateway.store.records import INBOUND, Document, as_text
from gateway.store.remittances import COUNTED, HELD, NOTICE, QUEUE

RECONCILE, DISPUTE = "reconcile", "dispute"
_CHUNK = 200
_CREDIT_NOTES = ("credit_note", "credit_invoice")
_PLAN = ("amount", "currency", "credit_debit", "handling", "paid_on", "entities")
"""What of a remittance makes it another one."""


def reconcile(services: Services, document_id: str) -> None:
    """Takes one document into account."""
    store = services.store
    with store.transaction():
        document = store.document(document_id)
        if profile := services.settings.reconciliation.get(document.partner):
            Ledger(services, document.partner, profile).take(document)


def run(services: Services, partners: Collection[str], since: datetime | None) -> int:
    """Does everything anew that is stored since then; returns how many documents that were."""
    store, d, done = services.store, t.documents.c, 0
    kinds = or_(*((d.direction == way) & (d.document_type == kind) for way, kind in RECONCILED))
    for partner, profile in services.settings.reconciliation.items():
        if partner not in partners:
            continue
        ledger = Ledger(services, partner, profile)
        query = select(d.id).where(d.partner == partner, kinds, d.test.is_(False)).order_by(d.seq)
        query = query.where(d.created_at >= as_text(since)) if since else query
        ids = [str(row[0]) for row in store._read(query)]
        for start in range(0, len(ids), _CHUNK):
            with store.transaction():
                for one in ids[start : start + _CHUNK]:
                    ledger.take(store.document(one), again=True)
        roots = store.remittances.roots(partner)
        for start in range(0, len(roots), _CHUNK):
            with store.transaction():
                ledger.refresh(roots[start : start + _CHUNK])
        done += len(ids)
    return done


def classify(services: Services, seq: int, kind: str, root: str | None, reason: str) -> dict[str, Any]:
    """Lets a person say what a part of a remittance is; returns it as it was.

    Raises:
        NotFoundError: there is no such part. RefusedError: the kind is none, or the account needs a number.
    """
    if kind not in DECIDABLE:
        raise RefusedError(f"There is no kind {kind!r}: choose one of {', '.join(DECIDABLE)}.")
    store = services.store
    with store.transaction():
        was = store.remittances.decide(seq, kind, root, reason)
        facts = {name: was[name] for name in ("line", "ref", "amount")} | {"remittance": was["trace"]}
        facts |= {"was": was["kind"], "kind": kind, "account": root or was["root"], "reason": reason}
        told = {"document_id": was["document_id"], "partner": was["partner"]}
        store.audit("remittance.classified", was["message_id"], **told, **facts)
        if profile := services.settings.reconciliation.get(was["partner"]):
            Ledger(services, was["partner"], profile).refresh({was["root"], root or ""} - {""})
    return was


def take_file(services: Services, partner: Partner, name: str, source: BinaryIO, shape: str) -> list[str]:
    """Stores a file of a partner's portal, whose documents tell of claims; returns their numbers.

    Raises:
        DocumentError: something in it is wrong. NotFoundError: there is no such shape.
        RefusedError: the same file was taken before.
    """
    store = services.store
    form = engine.shape(shape, (services.home / "mappings",))
    if form.document != "remittance_advice":
        raise DocumentError(f"{shape} is a shape of {form.document or 'XML'}, not of remittance_advice.")
    about = {"partner": partner.id, "translation": Translation.TRANSLATED}
    message = receive.came(services, partner.folder, name, source, **about)
    with services.payloads.open(message.payload or "") as file:
        documents = list(engine.read_shape(form, file))
    with store.transaction():
        if before := store.claim(f"portal:{partner.id}:{message.payload}", message.id):
            raise RefusedError(f"{name} was imported before, as message {before}.")
        receive.keep(services, message, shape=shape)
        work = Work(services, message)
        for place, one in enumerate(documents, 1):
            known = one | {"document_id": services.new_id(), "partner_id": partner.id}
            body = orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n"
            named = {"id": known["document_id"], "direction": INBOUND, "test": False}
            kept = work.document(partner, known, f"{message.id}-{place}", body=body, set_control="", **named)
            work.keep(kept, "document.created", message.id, "kept", control_number="", file=name)
    return [str(one.get("remittance_id") or name) for one in documents]


class Ledger:
    """The accounts of a partner; used within a transaction."""

    def __init__(self, services: Services, partner: str, profile: Profile) -> None:
        self._services, self._store, self._rows = services, services.store, services.store.remittances
        self._partner, self._profile, self._patterns = partner, profile, Reader(profile)

    def take(self, document: Document, *, again: bool = False) -> None:
        """Takes a document into account; ``again`` also one that is as it was."""
        if document.body is None or document.test:
            return
        self._rows.lock(self._partner)
        body = orjson.loads(document.body)
        if document.document_type == "invoice":
            self._invoice(document, body)
        else:
            self._remittance(document, body, again)

    # --- invoices ------------------------------------------------------------------------------------

    def _invoice(self, document: Document, body: Mapping[str, Any]) -> None:
        total, currency = body["total"], str(body.get("currency") or body["total"].get("currency") or "")
        amount, terms = Decimal(str(total["amount"])), body.get("terms") or {}
        is_credit = body.get("kind") in _CREDIT_NOTES
        row: dict[str, Any] = {"partner": self._partner, "number": document.number}
        row |= {"document_id": document.id, "total": plain(-abs(amount) if is_credit else amount)}
        original = (body.get("credit") or {}).get("original_invoice") if is_credit else ""
        row |= {"currency": currency, "invoiced_on": body["invoice_date"], "original": original or ""}
        self._rows.save([row | {"due": due(body)} | _discount(body, terms, amount, currency)])
        for trace in self._rows.traces(self._partner, document.number):
            self._again(trace)
        self.refresh([document.number])

    # --- remittances ---------------------------------------------------------------------------------

    def _remittance(self, document: Document, body: Mapping[str, Any], again: bool) -> None:
        store, trace = self._store, str(body.get("remittance_id") or document.number)
        plan = orjson.dumps({name: body.get(name) for name in _PLAN}, option=orjson.OPT_SORT_KEYS)
        fingerprint, came = hashlib.sha256(plan).hexdigest(), as_text(document.created_at)
        before = self._rows.get(self._partner, trace)
        mine = before is not None and before["document_id"] == document.id
        told: dict[str, Any] = {"document_id": document.id, "partner": self._partner, "remittance": trace}
        if before is not None and not (mine and again):
            if before["fingerprint"] == fingerprint:
                if not mine:
                    store.audit("remittance.repeated", document.message_id, **told)
                return
            if (before["received_at"], before["document_id"]) > (came, document.id):
                return  # a correction was faster than what it corrects
        read = self._read(body, document.number)
        known = {"partner": self._partner, "trace": trace, "document_id": document.id, "received_at": came}
        known |= {"message_id": document.message_id, "paid_on": read.paid_on or came[:10]}
        known |= {"currency": read.currency, "amount": plain(read.amount), "words": read.wrong}
        known |= {"state": NOTICE if read.is_notice else HELD if read.wrong else COUNTED}
        old = {one["root"] for one in self._rows.of(self._partner, trace)} if before else set()
        self._rows.put(known | {"fingerprint": fingerprint}, read.parts)
        if not mine:
            told |= {"amount": f"{known['amount']} {read.currency}".strip(), "parts": len(read.parts)}
            told |= {"replaces": f"{before['amount']} {before['currency']}".strip()} if before else {}
            event = "remittance.held" if known["state"] == HELD else "remittance.reconciled"
            facts = {"reason": read.wrong} if read.wrong else _by_kind(read)
            store.audit(event, document.message_id, **told, **facts)
            if queue := [one for one in read.parts if one.kind in QUEUE]:
                some = [f"{one.ref or one.place} {one.amount}" for one in queue[:5]]
                told = {name: told[name] for name in ("document_id", "partner", "remittance")}
                told |= {"lines": len(queue), "some": some}
                store.audit("remittance.unclassified", document.message_id, **told)
        self.refresh({*old, *(one.root for one in read.parts)} - {""}, document)
        if read.is_notice:
            for other in self._rows.naming(self._partner, {one.ref for one in read.parts} - {""}):
                self._again(other)

    def _read(self, body: Mapping[str, Any], fallback: str) -> Remittance:
        refs = references(body)
        roots = {root for ref in refs for root in self._patterns.roots(ref)} - {""}
        ours = self._rows.accounts(self._partner, roots)
        invoices = {number: one["total"].startswith("-") for number, one in ours.items() if one["total"]}
        return Reader(self._profile, invoices, self._rows.announced(self._partner, refs)).read(body, fallback)

    def _again(self, trace: str) -> None:
        """Reads a remittance anew, by what is known now."""
        row = self._rows.get(self._partner, trace)
        document = self._store.document(row["document_id"]) if row else None
        if document is not None and document.body is not None:
            self._remittance(document, orjson.loads(document.body), again=True)

    # --- accounts ------------------------------------------------------------------------------------

    def hear(self, said: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes into account what the partner's API says of invoices."""
        self._rows.lock(self._partner)
        told = {number: orjson.dumps(one).decode() for number, one in said.items()}
        self._rows.save(
            [{"partner": self._partner, "number": one, "finances": text} for one, text in told.items()]
        )
        self.refresh(said)

    def without_causes(self, limit: int) -> dict[str, dict[str, Any]]:
        """What the API says of invoices whose deductions were not asked for yet."""
        rows = self._rows.hearing(self._partner, '"causes":null', limit)
        return {number: orjson.loads(said) for number, said in rows}

    def refresh(self, roots: Collection[str], document: Document | None = None) -> None:
        """Says anew where accounts stand; ``document`` is what changed them."""
        self._rows.lock(self._partner)
        ordered = sorted(roots)
        for start in range(0, len(ordered), _CHUNK):
            self._refresh(ordered[start : start + _CHUNK], document)

    def _refresh(self, roots: Sequence[str], document: Document | None) -> None:
        rows = self._rows.accounts(self._partner, roots)
        originals = {one["original"] for one in rows.values()} - {""}
        notes = self._rows.credit_notes(self._partner, [*{*roots, *originals}])
        rows |= self._rows.accounts(self._partner, {*originals, *notes} - rows.keys())
        posted: dict[str, list[dict[str, Any]]] = defaultdict(list)
        told: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for one in self._rows.of_roots(self._partner, [*{*roots, *rows}]):
            told[one["root"]].append(one)
            if one["state"] == COUNTED:
                posted[one["root"]].append(one)
        free: dict[str, list[str]] = defaultdict(list)  # credit notes that were not taken by themselves
        for number in notes:
            if not posted[number]:
                free[rows[number]["original"]].append(number)
        saved: dict[str, dict[str, Any]] = {}
        for number in sorted({*roots, *rows}):
            row = rows.get(number, {})
            credit = sum((Decimal(rows[one]["total"]) for one in free[number]), ZERO)
            if not row and not posted[number]:
                continue  # it was only announced
            state = settle(_invoice_of(row), map(_posting, posted[number]), _finances_of(row), credit)
            saved[number] = {"partner": self._partner, "number": number, **_written(state)}
        for number, credited in free.items():
            if number in saved and saved[number]["status"] == "paid":
                words = orjson.dumps([f"taken off invoice {number}"]).decode()
                for note in credited:
                    saved[note] |= {"status": "paid", "received": saved[note]["expected"], "remarks": words}
        self._rows.save([*saved.values()])
        self._windows({number: disputable(told[number]) for number in roots}, document)

    def _windows(self, posted: Mapping[str, list[dict[str, Any]]], document: Document | None) -> None:
        """Opens the windows in which claims may be disputed, and ends those of claims that are over."""
        rows, now, stand = self._store.deadlines, self._services.clock(), {}
        for root, some in posted.items():
            for claim in claims(self._profile, map(_posting, some)):
                stand[claim.ref, as_text(_end_of(claim))] = root, claim
        no_claims = ("payment", "credit")
        refs = {one["ref"] for some in posted.values() for one in some if one["kind"] not in no_claims}
        if not refs or not self._profile.disputes:
            return
        found = rows.about(DISPUTE, self._partner, sorted(refs))
        known = {(about, due): (seq, state) for seq, about, due, state in found}
        for key, (seq, state) in known.items():
            if state in ("open", "overdue") and key not in stand:
                rows.told(seq, "met", None)
        for key, (root, claim) in stand.items():
            (seq, state), until = known.get(key, (0, "")), _end_of(claim)
            near = deadline.following([24 * one for one in self._profile.near_days], until, now)
            if seq and state == "met" and until > now:  # it was over, and is not after all
                rows.told(seq, "open", near)
            if seq or until <= now:
                continue
            mine = (claim.ref, claim.since)
            source = next(one for one in posted[root] if (one["ref"], one["paid_on"]) == mine)
            opener = document if document and document.id == source["document_id"] else None
            opener = opener or self._store.document(source["document_id"])
            rows.open(DISPUTE, opener, until, near, about=claim.ref)
            facts: dict[str, Any] = {"number": claim.ref, "account": root, "kind": claim.kind}
            facts |= {"amount": plain(claim.amount), "until": claim.until, "try": claim.attempt}
            told = {"document_id": opener.id, "partner": self._partner, "remittance": source["trace"]}
            self._store.audit("claim.received", opener.message_id, **told, **facts)


def disputable(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts of an account by the days from which they may be disputed: what was announced, from then on."""
    first = {one["ref"]: one for one in rows if one["state"] == NOTICE}
    counted = [one for one in rows if one["state"] == COUNTED]
    taken = {one["ref"] for one in counted}
    days = {ref: {"paid_on": one["paid_on"]} for ref, one in first.items()}
    return [one | days.get(one["ref"], {}) for one in counted] + [
        one for ref, one in first.items() if ref not in taken
    ]


def due(body: Mapping[str, Any]) -> str:
    """The day by which an invoice is to be paid, empty where its terms do not say."""
    terms = body.get("terms") or {}
    try:
        if terms.get("net_due_date"):
            return date.fromisoformat(terms["net_due_date"][:10]).isoformat()
        days = int(terms["net_days"])
        return (date.fromisoformat(body["invoice_date"]) + timedelta(days=min(days, 3660))).isoformat()
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""


def _discount(
    body: Mapping[str, Any], terms: Mapping[str, Any], total: Decimal, currency: str
) -> dict[str, str]:
    """What the terms let be taken off for early payment, and until when."""
    try:
        rate = Decimal(str(terms["discount_pct"])) / 100
        until = terms.get("discount_due_date") or (
            date.fromisoformat(body["invoice_date"]) + timedelta(days=min(int(terms["discount_days"]), 3660))
        )
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return {"discount": "", "discount_until": ""}
    amount = (total * rate).quantize(Decimal(1).scaleb(-digits(currency)), ROUND_HALF_UP)
    return {"discount": plain(amount), "discount_until": str(until)[:10]}


def _invoice_of(row: Mapping[str, Any]) -> Invoice | None:
    if not row.get("total"):
        return None
    known = {name: row[name] for name in ("number", "currency", "due", "discount_until")}
    return Invoice(total=Decimal(row["total"]), discount=Decimal(row["discount"] or 0), **known)


def _posting(row: Mapping[str, Any]) -> Posting:
    known = {name: row[name] for name in ("kind", "paid_on", "ref", "currency", "step")}
    return Posting(amount=Decimal(row["amount"]), **known)


def _finances_of(row: Mapping[str, Any]) -> Finances | None:
    if not row.get("finances"):
        return None
    said = orjson.loads(row["finances"])
    amounts = {name: Decimal(said[name]) for name in ("paid", "quantity", "price", "discount", "other")}
    causes = tuple(said["causes"] or ())
    return Finances(status=said["status"], updated=said["updated"], causes=causes, **amounts)


def _written(account: Account) -> dict[str, str]:
    """An account as its row."""
    amounts = {name: plain(getattr(account, name)) for name in ("expected", "received", "difference")}
    reasons = {kind: plain(amount) for kind, amount in account.reasons.items()}
    said = {"reasons": orjson.dumps(reasons).decode(), "remarks": orjson.dumps(account.remarks).decode()}
    return {"status": account.status, "source": account.source, **amounts, **said}


def _by_kind(read: Remittance) -> dict[str, Any]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in read.parts:
        sums[one.kind] += one.amount
    return {"kinds": [f"{kind} {plain(amount)}" for kind, amount in sorted(sums.items())]}


def _end_of(claim: Claim) -> datetime:
    """The end of the last day of a window, UTC."""
    return datetime.combine(date.fromisoformat(claim.until) + timedelta(days=1), time(), UTC)
