"""What time brings: work nobody was woken for, answers that do not come, and the end of retention."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from gateway.partners.certificate import ending
from gateway.services import expiry, lifecycle, transmit
from gateway.services.base import Services, job_of
from gateway.services.lifecycle import Acknowledgment
from gateway.store.audit import Seal

LIMIT = 1000
"""Rows seen to in one transaction."""

_REMEMBERED = timedelta(days=2)
"""How long a slot of the clock is remembered."""

_YEAR = timedelta(days=365.25)

_FRESH = timedelta(days=1)
"""What was put so lately may belong to a message that is being received."""


def sweep(services: Services) -> int:
    """Wakes whatever is unfinished and has no job; returns how much that was.

    Jobs are enqueued with what they are for, so there is nothing to find unless somebody meddled with them;
    but alerts that wait for a time have none before.
    """
    store = services.store
    with store.transaction():
        keys = [job_of(one) for one in store.unfinished(LIMIT)]
        now = services.clock()
        for batch, since in store.batches():
            partner_id, set_id, *_ = batch.split("|")
            partner = services.settings.partners.get(partner_id)
            agreed = partner.sends(set_id) if partner is not None else None
            if agreed is not None and agreed.batch and agreed.batch.close:
                continue  # the next window takes it
            wait = agreed.batch.seconds if agreed is not None and agreed.batch else 0
            if now - datetime.fromisoformat(since) > timedelta(seconds=wait):
                keys.append(f"batch:{batch}")
        keys += [f"receipt:{one}" for one in store.exchanges.answering(LIMIT)]
        keys += [f"alert:{one}" for one in store.alerts.due_rules(now)]
        keys += [f"notice:{one}" for one in store.alerts.pending(LIMIT)]
        known = services.jobs.waiting(store.connection, keys)
        lost = [key for key in keys if key not in known]
        services.enqueue(lost)
        store.forget("slot", now - _REMEMBERED)
    return len(lost)


def overdue(services: Services) -> int:
    """Sees to acknowledgments and receipts that should have come by now; returns how many."""
    store = services.store
    with store.transaction():
        late = store.due(services.clock(), LIMIT)
        for message in store.messages([one for kind, one in late if kind == "acknowledgment"]):
            store.settle(message.id, "overdue")
            if message.acknowledgment == Acknowledgment.WAITING:
                lifecycle.advance(store, message, Acknowledgment.OVERDUE)
                facts = {"file": message.name, "interchange": message.interchange}
                store.audit("acknowledgment.overdue", message.id, partner=message.partner, **facts)
    for message in store.messages([one for kind, one in late if kind == "receipt"]):
        transmit.overdue(services, message)
    return len(late)


def checkpoint(services: Services, file: Path) -> int:
    """Keeps the signed head of the audit, in the database and in a file beside it; returns its number."""
    with services.store.transaction():
        point = Seal.checkpoint(services.store.connection)
    if point.seq:
        with file.open("ab") as out:
            out.write(orjson.dumps(point._asdict()) + b"\n")
    return point.seq


def retain(services: Services, *, dry_run: bool = False) -> list[str]:
    """Deletes the bytes and documents of messages whose retention is over; returns what they were, in words.

    Rows, statuses and the audit stay, and say what was there. A legal hold keeps everything it covers. Bytes
    that another message still needs stay.
    """
    store, rules = services.store, services.settings.gateway.retention
    now = services.clock()
    limits = {name: now - years * _YEAR for name, years in rules.types.items()}
    told = []
    for message, types in store.retention.expired(now - rules.years * _YEAR, limits, LIMIT):
        words = f"{message.name} of {message.created_at:%Y-%m-%d} ({', '.join(types) or 'no documents'})"
        told.append(f"{message.id}: {words}")
        if dry_run:
            continue
        services.guard()
        with store.transaction():
            # Before the commit: killed between, the next run does it again, and nothing is left behind.
            for sha256 in store.retention.erase(message):
                services.payloads.delete(sha256, (now - _FRESH).timestamp())
            facts: dict[str, Any] = {"file": message.name, "types": types, "deleted": message.payload}
            store.audit("message.erased", message.id, partner=message.partner, **facts)
    return told


def expiring(services: Services) -> int:
    """Tells 60, 30, 14, 7 and 1 days before which certificates end with none to follow; returns how many.

    Client secrets of Amazon's API too, and what people noted at times of its own. Each of these is told once,
    and the latest alone when several are due, as after a stop.
    """
    store, number = services.store, 0
    with store.transaction():
        for held in services.keyring.groups():
            late = bool(held) and expiry.late(services.settings, held[0].whose)
            for one, days in ending(held, services.clock(), late):
                facts = {**one.facts, "ends": f"{one.ends(late):%Y-%m-%d %H:%M}"}
                if store.once("certificate", f"{one.whose} {one.fingerprint} {facts['ends']} {days}") is None:
                    store.audit("certificate.expiring", partner=one.partner or None, **facts)
                    number += 1
        for partner in services.settings.partners.values():
            if (terms := partner.sp_api) and (days := terms.alarm(services.clock())):
                facts = {"secret": "sp_api.client_secret", "ends": f"{terms.secret_ends:%Y-%m-%d %H:%M}"}
                if store.once("credential", f"{partner.id} {facts['ends']} {days}") is None:
                    store.audit("secret.expiring", partner=partner.id, **facts)
                    number += 1
        number += expiry.tell(services)
    return number
