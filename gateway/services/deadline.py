"""What must be done until when: opened by a document, met by its answer, told before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from gateway.partners.agreement import Deadlines
from gateway.partners.calendar import checked_zone
from gateway.partners.partner import Partner
from gateway.services.base import Services
from gateway.settings import Settings
from gateway.store.records import INBOUND, OUTBOUND, Document

LIMIT = 1000
"""Deadlines of which somebody is told in one transaction."""

WORDS = {
    "order_acknowledgment": "acknowledgment of purchase order",
    "ship_notice": "ship notice for",
    "invoice": "invoice for shipment",
    "payment": "payment of invoice",
    "acknowledgment": "997 for",
    "receipt": "receipt (MDN) for",
    "dispute": "the last day to dispute",
}
"""What is due, by the kind of expectation; a number follows."""

_FIRST = (None, "original", "00")
_READ = (
    (INBOUND, "purchase_order"),
    *((OUTBOUND, one) for one in ("purchase_order_acknowledgment", "ship_notice", "invoice")),
)
"""Documents whose dates count, by their directions."""


def follow(services: Services, document: Document) -> None:
    """Opens the deadlines of a document that is being stored, and notes which ones it meets."""
    partner, rows = services.settings.partners.get(document.partner), services.store.deadlines
    if partner is None or document.test:
        return
    rule, now, kind = partner.deadlines, services.clock(), (document.direction, document.document_type)
    calendar = services.settings.calendar(rule.calendar)

    def later(hours: float) -> datetime:
        return calendar.later(now, hours) if calendar else now + timedelta(hours=hours)

    def opened(name: str, due: datetime | None, answer: str | None = None) -> None:
        if due is not None:
            rows.open(name, document, due, following(rule.near_hours, due, now), answer)

    def by(dates: Callable[[Settings, Deadlines, dict[str, Any]], datetime | None]) -> datetime | None:
        try:
            due = dates(services.settings, rule, body)
            return due if due and 1970 < due.year < 9000 else None
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            return None  # it is no reason to stop a document that a date of it is of no use, as 9999-12-31

    def met(name: str) -> list[int]:
        found = rows.of(name, document)
        if found:
            rows.answer(found, document.id)
        return found

    body: dict[str, Any] = orjson.loads(document.body or b"{}") if kind in _READ else {}
    if kind == (INBOUND, "purchase_order"):
        if body.get("purpose") in _FIRST:
            if rule.order_acknowledgment_hours and (partner.sends("855") or partner.is_direct):
                opened("order_acknowledgment", later(rule.order_acknowledgment_hours))
            if rule.ship_notice:
                opened("ship_notice", by(_shipping))
    elif kind == (OUTBOUND, "purchase_order_acknowledgment"):
        if rule.order_acknowledgment_hours:
            met("order_acknowledgment")
        if rule.ship_notice and (due := by(_shipping)):
            rows.move(rows.of("ship_notice", document), due, following(rule.near_hours, due, now))
    elif kind == (OUTBOUND, "ship_notice"):
        if rule.ship_notice:
            due = by(_shipping)
            if not (found := met("ship_notice")):
                opened("ship_notice", due, document.id)
            elif due:
                rows.move(found, due, following(rule.near_hours, due, now))
        if rule.invoice_hours:
            opened("invoice", later(rule.invoice_hours))
    elif kind == (OUTBOUND, "invoice"):
        if rule.invoice_hours:
            met("invoice")
        if rule.payment:
            opened("payment", by(_paying))
    elif kind == (INBOUND, "remittance_advice") and rule.payment:
        met("payment")


def _shipping(settings: Settings, rule: Deadlines, body: dict[str, Any]) -> datetime | None:
    """Until when the ship notice must be there, by what a document says of departure and appointment."""
    leaves = body.get("ship_date") or body.get("requested_ship_at") or body.get("ship_window", {}).get("end")
    comes = body.get("estimated_delivery") or body.get("delivery_date") or body.get("requested_delivery_at")
    comes = comes or body.get("delivery_window", {}).get("end")
    ends = []
    if leaves:
        ends.append(_at(settings, rule, leaves, ends_day=True) + timedelta(minutes=rule.departure_minutes))
    if comes:
        ends.append(_at(settings, rule, comes) - timedelta(hours=rule.appointment_hours))
    return min(ends, default=None)


def _paying(settings: Settings, rule: Deadlines, body: dict[str, Any]) -> datetime | None:
    """The end of the day by which an invoice is to be paid, None where its terms do not say."""
    terms = body.get("terms", {})
    if day := terms.get("net_due_date"):
        return _at(settings, rule, day, ends_day=True)
    if (days := terms.get("net_days")) is None:
        return None
    due = date.fromisoformat(body["invoice_date"]) + timedelta(days=min(days, 3660))
    return _at(settings, rule, due.isoformat(), ends_day=True)


def _at(settings: Settings, rule: Deadlines, text: str, *, ends_day: bool = False) -> datetime:
    """A time of a document, which has no zone; of a day alone its beginning, or its end."""
    calendar = settings.calendar(rule.calendar)
    zone = checked_zone(rule.zone or (calendar.zone if calendar else "UTC"))
    day, _, rest = text.partition("T")
    moment = datetime.combine(date.fromisoformat(day), time.fromisoformat(rest or "00:00"), zone)
    return (moment + timedelta(days=ends_day and not rest)).astimezone(UTC)


def following(hours: Iterable[float], due: datetime, now: datetime) -> datetime:
    """When somebody is to be told next of what is due: so many hours before, or at the end."""
    near = (due - timedelta(hours=one) for one in hours)
    return min((one for one in near if one > now), default=due)


def near(partner: Partner, due: datetime, now: datetime) -> datetime | None:
    """When it is told that what a partner owes is due soon, None if never; that it is late is told anyway."""
    first = following(partner.deadlines.near_hours, due, now)
    return first if first < due else None


def cancel(services: Services, seq: int, reason: str) -> None:
    """Ends a deadline whose matter was settled otherwise. Raises NotFoundError."""
    with services.store.transaction():
        kind, message_id, document_id = services.store.deadlines.cancel(seq)
        facts = {"deadline": kind, "reason": reason}
        services.store.audit("deadline.cancelled", message_id, document_id=document_id, **facts)


def watch(services: Services) -> int:
    """Tells what is due soon or was missed, each once; returns how many."""
    rows, now, told = services.store.deadlines, services.clock(), 0
    with services.store.transaction():
        for one in rows.ripe(LIMIT):
            if one.answered_at and one.answered_at <= one.due_at:
                rows.told(one.seq, "met", None)
                continue
            partner, due = services.settings.partners.get(one.partner), datetime.fromisoformat(one.due_at)
            is_late = due <= now
            if (
                one.document_id is None and is_late
            ):  # that an answer to what we sent is late is told elsewhere
                rows.told(one.seq, "open", None)
                continue
            facts = {"deadline": one.kind, "number": one.number, "due_at": f"{due:%Y-%m-%d %H:%M} UTC"}
            words = f"{WORDS[one.kind]} {one.number} {'was' if is_late else 'is'} due {facts['due_at']}"
            event = "deadline.missed" if is_late else "deadline.near"
            known = {"document_id": one.document_id, "partner": one.partner or None, **facts}
            services.store.audit(event, one.message_id, **known, words=words)
            profile = services.settings.reconciliation.get(one.partner) if one.kind == "dispute" else None
            hours = [24 * days for days in profile.near_days] if profile else None
            then = following(hours or (partner.deadlines if partner else Deadlines()).near_hours, due, now)
            ends = is_late or (one.document_id is None and then == due)
            rows.told(one.seq, "overdue" if is_late else "open", None if ends else then)
            told += 1
        rows.meet()
    return told
