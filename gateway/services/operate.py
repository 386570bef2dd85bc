"""What people do with messages. Each needs an actor and a reason, and is in the audit.

*Resend* delivers the same bytes again, with the same control numbers. *Reprocess* makes a new message of the
stored original and translates it with today's guides, mappings and settings; what it leads to has new control
numbers. They are never mixed up: one repeats what was said, the other says something new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from gateway.errors import RefusedError
from gateway.services import deliver, lifecycle
from gateway.services.base import Services, job_of
from gateway.services.claims import free_number, take_number
from gateway.services.deadline import near
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.store.records import INBOUND, OUTBOUND, WAITS, Message
from gateway.store.tables import NEEDS
from gateway.transports.folder import QUARANTINE


def resend(services: Services, message_id: str, reason: str) -> list[str]:
    """Delivers the files of a message once more; of one that failed, tries again. Returns their names.

    Raises:
        NotFoundError, RefusedError: there is no such message, or it has nothing to deliver.
    """
    store = services.store
    with store.transaction():
        message = store.message(message_id)
        _not_held(message)
        names = deliver.again(services, message, owner=message.id)
        if not names:
            raise RefusedError(f"Nothing of message {message_id} was ever delivered to anybody.")
        if message.direction == OUTBOUND and message.acknowledgment != Acknowledgment.NOT_EXPECTED:
            _expect_again(services, message)
        store.audit("message.resent", message.id, partner=message.partner, reason=reason, files=names)
        services.enqueue([job_of(message.id)])
    return names


def _expect_again(services: Services, message: Message) -> None:
    """Expects the answer to what is sent again, as late as it was agreed for the first time."""
    store = services.store
    if message.acknowledgment != Acknowledgment.WAITING:
        lifecycle.advance(store, message, Acknowledgment.WAITING)
    for document in store.acknowledge_documents(message.id, None, Acknowledgment.WAITING):
        take_number(services, document)
    store.settle(message.id, "cancelled")
    if (allowed := store.allowance(message.id)) is not None:
        due, partner = services.clock() + allowed, services.settings.partners.get(message.partner or "")
        told = near(partner, due, services.clock()) if partner else None
        store.expect("acknowledgment", message.id, due, told)


def reprocess(services: Services, message_id: str, reason: str, *, acknowledge: bool = False) -> str:
    """Translates the stored original of a message again, as a new message; returns its id.

    Args:
        acknowledge: whether the partner is answered once more.

    Raises:
        NotFoundError, RefusedError: there is no such message, or its bytes cannot be processed.
    """
    store = services.store
    with store.transaction():
        first = store.message(message_id)
        _not_held(first)
        if first.direction != INBOUND:
            advice = f" Reprocess what it was made from: {first.origin}." if first.origin else ""
            raise RefusedError(f"Message {message_id} was written by the gateway itself.{advice}")
        if first.payload is None or first.erased_at:
            raise RefusedError(f"The bytes of message {message_id} are not there.")
        if first.translation == Translation.RECEIVED:
            raise RefusedError(f"Message {message_id} was not processed for the first time yet.")
        now = services.clock()
        made = Message(
            id=services.arrival_id(now),
            direction=INBOUND,
            channel=first.channel,
            name=first.name,
            payload=first.payload,
            size=first.size,
            created_at=now,
            origin=first.id,
            way=first.way,
            answers=acknowledge,
        )
        store.add_message(made)
        facts = {"reason": reason, "first": first.id, "file": first.name, "sha256": first.payload}
        store.audit("message.reprocessed", made.id, partner=first.partner, **facts)
        store.note(first.id, closed_at=store.now())
        services.enqueue([job_of(made.id)])
    return made.id


def hold(services: Services, message_id: str, reason: str) -> None:
    """Leaves a message as it is until it is released. Raises NotFoundError or RefusedError."""
    with services.store.transaction():
        message = services.store.message(message_id)
        _not_held(message)
        goes_on = message.delivery in (Delivery.WAITING, Delivery.SENT)  # what is sent may be sent again
        if message.translation != Translation.RECEIVED and not goes_on:
            raise RefusedError(f"Message {message_id} has nothing left to do.")
        services.store.note(message_id, hold=reason, closed_at="")
        services.store.audit("message.held", message_id, partner=message.partner, reason=reason)


def release(services: Services, message_id: str, reason: str) -> None:
    """Ends a hold; of a message without one, lets documents that wait go on as they are.

    Raises:
        NotFoundError, RefusedError: there is no such message, or nothing of it is held or waits.
    """
    store = services.store
    with store.transaction():
        message = store.message(message_id)
        waiting = (
            [] if message.hold else [one for one in store.deliveries_of(message_id) if one.state == WAITS]
        )
        if not message.hold and not waiting:
            raise RefusedError(f"Message {message_id} is not on hold.")
        store.note(message_id, hold="")
        for one in waiting:
            store.go_on(one, one.payload)
        store.audit("message.released", message_id, partner=message.partner, reason=reason)
        owners = {one.owner for one in store.deliveries_of(message_id)}
        services.enqueue([job_of(one) for one in sorted({message_id, *owners})])


def cancel(services: Services, message_id: str, reason: str) -> None:
    """Gives up a message of which nobody outside has seen anything.

    The control numbers of a cancelled interchange stay used; the audit explains the gap.

    Raises:
        NotFoundError, RefusedError: there is no such message, or something of it was seen.
    """
    store = services.store
    with store.transaction():
        message = store.message(message_id)
        if message.translation == Translation.RECEIVED:
            lifecycle.advance(store, message, Translation.CANCELLED)
        elif message.delivery not in (Delivery.WAITING, Delivery.SENT, Delivery.FAILED):
            _cancel_waiting(services, message)
        else:
            store.cancel_deliveries(message_id)
            lifecycle.advance(store, message, Delivery.CANCELLED)
            if message.acknowledgment in (Acknowledgment.WAITING, Acknowledgment.OVERDUE):
                lifecycle.advance(store, message, Acknowledgment.NOT_EXPECTED)
            store.settle(message_id, "cancelled")
            for document in store.documents_of(message_id):
                if document.direction == OUTBOUND:
                    free_number(services, document)
        numbers = {"interchange": message.interchange, "group": message.group}
        used = {key: value for key, value in numbers.items() if value and message.direction == OUTBOUND}
        if message.hold:
            store.note(message_id, hold="")
        store.audit("message.cancelled", message_id, partner=message.partner, reason=reason, **used)


def _cancel_waiting(services: Services, message: Message) -> None:
    """Cancels a document of our own system that waits for a batch."""
    waiting = [one for one in services.store.documents_of(message.id) if one.batch is not None]
    if not waiting:
        raise RefusedError(f"Message {message.id} has nothing left that could be cancelled.")
    services.store.drop_documents(message.id)
    for document in waiting:
        free_number(services, replace(document, batch=None))


def close(services: Services, message_id: str, reason: str) -> None:
    """Says that somebody has seen to a message: until its status gets worse, it needs nobody any more.

    Raises:
        NotFoundError, RefusedError: there is no such message, or nothing of it is left to be seen to.
    """
    with services.store.transaction():
        message = services.store.message(message_id)
        _not_held(message)
        if not needs_somebody(asdict(message)):
            raise RefusedError(f"Message {message_id} needs nobody.")
        services.store.note(message_id, closed_at=services.store.now())
        services.store.audit("message.closed", message_id, partner=message.partner, reason=reason)


def needs_somebody(message: Mapping[str, Any]) -> bool:
    """Whether somebody has to look at a message."""
    bad = any(message[name] in some for name, some in NEEDS.items())
    return not message["closed_at"] and bool(message["hold"] or bad)


def verbs(message: Mapping[str, Any]) -> list[str]:
    """What can be done with a message as :func:`gateway.store.queries.message` tells it."""
    held, delivery, states = message["hold"], message["delivery"], {"waiting", "sent"}
    sent = [one["state"] for one in message["deliveries"] if one["box"] != QUARANTINE]
    fresh, waits = message["translation"] == "received", WAITS in sent
    there = message["payload"] and not message["erased_at"]
    batch = any(one["batch"] for one in message["documents"] if one["message_id"] == message["id"])
    again = message["deliveries"] if delivery == "failed" else sent
    may = {
        "resend": bool(again) and there and delivery in ("delivered", "failed"),
        "reprocess": message["direction"] == INBOUND and there and not fresh,
        "hold": fresh or delivery in states,
        "release": held or waits,
        "cancel": fresh or batch or delivery in (*states, "failed"),
        "close": needs_somebody(message),
    }
    return [name for name, one in may.items() if one and (not held or name in ("release", "cancel"))]


def _not_held(message: Message) -> None:
    if message.hold:
        raise RefusedError(f"Message {message.id} is on hold: {message.hold}. Release it first.")
