"""Documents to a URL, signed as Standard Webhooks: to partners as our JSON, to our own system in its forms.

Before a socket opens, the row of the attempt is committed with its id. Whatever happens then, the same goes
again under this id, by which the receiver drops what it has: after a crash, without an answer, and after one
that asks for it. Any 2xx says that it was taken.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson

from gateway import engine
from gateway.documents import KINDS
from gateway.errors import DocumentError, EdiError, Problem, RefusedError
from gateway.files import in_words
from gateway.observability import tracing
from gateway.partners.partner import WEBHOOK, Partner
from gateway.partners.webhook import Webhook
from gateway.secrets import secret
from gateway.services import deliver, health
from gateway.services.base import Services
from gateway.services.check import Finding
from gateway.services.claims import content_of
from gateway.services.work import send as plan
from gateway.store.records import PENDING, SENDING, Delivery, Document, Exchange, Message, as_text
from gateway.transports import mail, webhook
from gateway.transports.as2 import retriable, tls_context
from gateway.transports.folder import harmless

_TYPES = {"xml": "application/xml", "xslt": "application/xml", "x12": "application/edi-x12"} | {
    "csv": "text/csv",
    "fixed": "text/plain",
}
"""By the kind of a form; all others are JSON."""

_BUSY = ("", "429", "503")
"""After these answers, or none, the receiver is left alone; after others only what it did not take waits."""


def body_of(services: Services, partner: Partner, kept: Document) -> bytes:
    """The JSON of a document for a partner. Raises DocumentError."""
    said = content_of(orjson.loads(kept.body or b""))
    made = {"schema_version": "1", **said, "document_id": kept.id, "test": kept.test}
    if problems := engine.explain(made, guides=services.guides.of(partner.overlay)):
        raise DocumentError("The document cannot be sent.", problems=problems)
    return orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n"


def planned(
    services: Services, partner: Partner, kept: Document
) -> tuple[Message, dict[str, Any], list[Problem]]:
    """Plans that a document is sent: the message, facts for the audit, and remarks."""
    name = harmless(f"{kept.document_type}_{kept.number}_{kept.id[:8]}.json")
    content, set_id = body_of(services, partner, kept), KINDS[kept.document_type].set_id
    about: dict[str, Any] = {"way": WEBHOOK, "origin": kept.message_id}
    sent = plan(services, partner, set_id, name, content, (None, None), **about)
    facts = {"event": "webhook.written", "file": name, "made_from": kept.message_id, "payload": sent.payload}
    return sent, facts, []


def send(services: Services, channel: str) -> None:
    """Posts what waits for a receiver, oldest first; what it does not take now is tried again."""
    terms = services.settings.webhooks[channel]
    try:
        means = _means(services, terms)
    except EdiError as error:  # a secret or a file is missing
        services.trouble(channel, str(error), error)
        with services.store.transaction():
            services.wake_at(f"send:{channel}", services.clock() + timedelta(minutes=1))
        return
    after = 0
    while waiting := services.store.deliveries([f"@{channel}"], 50, after):
        for delivery in waiting:
            after = delivery.seq
            try:
                if not _send(services, terms, means, delivery):
                    return
            except RefusedError:
                continue  # another process does it


def _means(services: Services, terms: Webhook) -> tuple[list[str], ssl.SSLContext]:
    """The secrets, and whom is trusted. Raises ConfigurationError."""
    secrets = [secret(one, services.home) for one in terms.secrets]
    for one in secrets:
        webhook.signature(one, "", 0, b"")
    return secrets, tls_context(str(services.home / terms.ca_file) if terms.ca_file else "", None)


def _send(
    services: Services, terms: Webhook, means: tuple[list[str], ssl.SSLContext], delivery: Delivery
) -> bool:
    """Posts one if it is its time; False if the others need not be tried now."""
    store, exchange = services.store, services.store.exchanges.of_delivery(delivery.seq)
    if exchange is not None and delivery.state == PENDING:
        since, now = datetime.fromisoformat(exchange.at), services.clock()
        due = since + _pause(services, delivery.tries, int(dict(exchange.headers).get("Retry-After", 0)))
        if since <= now < due:  # later than now, if the clock was set back
            with store.transaction():
                services.wake_at(f"send:{delivery.channel}", due)
            return exchange.disposition not in _BUSY
    exchange = _begin(services, terms, delivery, exchange)
    services.guard()
    try:
        content, content_type = _content(services, delivery)
        key, now = exchange.as2_id, services.clock()
        with tracing.span("deliver", delivery.message_id, channel=delivery.channel):
            webhook.post(services.http, terms, *means, key, content, now, content_type)
    except (EdiError, OSError, EOFError, zlib.error) as error:  # also if its content is lost
        return _not_taken(services, replace(delivery, state=SENDING), exchange, error)
    with store.transaction():
        store.exchanges.change(exchange.id, "sending", state="confirmed", error="")
        deliver.done(services, [(delivery, delivery.wanted)])
    services.well(delivery.channel)
    return True


def _pause(services: Services, tries: int, wanted: int) -> timedelta:
    """How long to wait after so many tries, and at least what the receiver wanted: seconds."""
    return max(services.settings.gateway.retries.pause(max(tries, 1)), timedelta(seconds=wanted))


def _begin(services: Services, terms: Webhook, delivery: Delivery, exchange: Exchange | None) -> Exchange:
    """Commits the attempt."""
    store, now = services.store, services.store.now()
    with store.transaction():
        if delivery.state == PENDING:
            store.mark_begun(delivery, services.new_id()[:8])
        if exchange is not None:
            store.exchanges.change(exchange.id, "sending", tries=exchange.tries + 1, at=now)
            return exchange
        # The same until it was taken: what a person sends again after that is meant to come again.
        what = f"{delivery.message_id}|{delivery.document_id}|{store.times_delivered(delivery)}"
        message = store.message(delivery.message_id)
        key = f"msg_{sha256(what.encode()).hexdigest()[:32]}"
        known = {"sender": "", "receiver": terms.url, "as2_id": key}
        exchange = deliver.exchange(services, delivery, message.partner or "", now, **known)
        store.exchanges.add(exchange)
        facts = {"webhook_id": exchange.as2_id, "url": terms.url, "file": delivery.wanted}
        store.audit(
            "webhook.begun", message.id, document_id=delivery.document_id, partner=message.partner, **facts
        )
    return exchange


def _content(services: Services, delivery: Delivery) -> tuple[bytes, str]:
    """What is posted, and its type."""
    bodies, content_type = dict[str, bytes](), "application/json"
    if delivery.document_id:  # it is for our own system
        document = services.store.document(delivery.document_id)
        form = services.erp.outlet(document.document_type, document.test)
        if delivery.payload is None and document.body is not None:
            bodies[document.id] = document.body
        elif form is not None:
            shape = form.shape.shape if form.shape else form.rule.shape
            content_type = _TYPES.get(shape, content_type)
    with deliver.content(services, delivery, bodies) as file:
        return file.read(), content_type


def _not_taken(services: Services, delivery: Delivery, exchange: Exchange, error: Exception) -> bool:
    """Plans what follows; whether others may be tried."""
    store, words, now = services.store, in_words(error)[:500], services.clock()
    status, wanted = getattr(error, "status", 0), getattr(error, "retry_after", 0)
    is_gone, retries = isinstance(error, webhook.GoneError), services.settings.gateway.retries
    late = as_text(now - timedelta(hours=retries.give_up_after_hours))
    is_over = bool(status) and not retriable(status)
    is_over |= delivery.tries > 2 and delivery.planned_at < late
    if is_over and not is_gone:
        with store.transaction():
            store.exchanges.change(exchange.id, "sending", state="failed", error=words)
            deliver.give_up(services, [delivery], words)
        return True
    with store.transaction():
        if not store.settle_delivery(delivery.seq, PENDING, words):
            raise RefusedError(f"Delivery {delivery.seq} was settled meanwhile.")
        seen = {"disposition": str(status or ""), "headers": (("Retry-After", str(wanted)),)}
        store.exchanges.change(exchange.id, "sending", error=words, at=store.now(), **seen)
        if not is_gone:
            services.wake_at(f"send:{delivery.channel}", now + _pause(services, delivery.tries + 1, wanted))
            deliver.delayed(services, delivery, exchange.partner or None, words)
    if is_gone:
        health.stop(services, delivery.channel, words)
    services.trouble(delivery.channel, f"{delivery.wanted}: {words}", error)
    return not is_gone and str(status or "") not in _BUSY


def probe(services: Services, terms: Webhook, content: bytes, told: Callable[[str, str], None]) -> None:
    """Posts a test and tells each step; without content a small JSON of the type ``webhook.test``.

    Raises:
        ConfigurationError, SendError: a secret is missing; the receiver did not take it.
    """
    now = services.clock()
    said = {"type": "webhook.test", "timestamp": now.isoformat(), "data": {}}
    body, key = content or orjson.dumps(said), f"msg_{services.new_id()}"
    webhook.post(services.http, terms, *_means(services, terms), key, body, now, watch=told)


def examine(services: Services) -> Iterator[Finding]:
    """Whether receivers could be posted to: the secrets are there, and the addresses are allowed."""
    for channel, terms in services.settings.webhooks.items():
        try:
            _means(services, terms)
            mail.addresses(*terms.place, not terms.private_addresses)
            yield Finding(True, f"Documents can be posted to {channel}.")
        except (EdiError, OSError, UnicodeError) as error:
            words = f"Documents cannot be posted to {channel}: {in_words(error)}"
            yield Finding(False, words, "Correct its webhook in the settings, or what that names.")
