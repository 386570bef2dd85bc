"""What goes to partners over AS2: messages, and what their receipts make of them; receipts that we owe.

Before a socket opens, the row of the attempt is committed with the bytes that go over the wire. Whatever
happens then, the same bytes go again under the same Message-ID, which the partner takes once (RFC 4130, 5.3):
after a crash, without an answer, and after an answer that asks for it. A message counts as delivered when the
partner's receipt, signed if that was agreed, has the digest of what was sent; an answer of HTTP says nothing.
"""

from __future__ import annotations

import shutil
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from gateway import __version__
from gateway.as2 import message as as2
from gateway.as2.headers import (
    FEATURES,
    VERSION,
    ReceiptRequest,
    as2_name,
    bare_message_id,
    digest_of,
    micalg,
    write_receipt_request,
)
from gateway.as2.keys import Certificate
from gateway.as2.mime import Headers, filename_parameter
from gateway.as2.problems import As2Error
from gateway.as2.span import Span, Stream
from gateway.errors import EdiError, NotFoundError, RefusedError
from gateway.observability import tracing
from gateway.partners.as2 import As2
from gateway.partners.certificate import EXPIRED
from gateway.partners.partner import Partner
from gateway.secrets import secret
from gateway.services import deliver, lifecycle
from gateway.services.base import Services
from gateway.services.lifecycle import Delivery as Status
from gateway.store.records import (
    DELIVERED,
    FAILED,
    INBOUND,
    OUTBOUND,
    PENDING,
    SENDING,
    Delivery,
    Exchange,
    Message,
    as_text,
)
from gateway.transports import as2 as http
from gateway.transports.as2 import Client, Response, SendError, Target

_FINAL = ("AS2-MDN-NEGATIVE", "AS2-MDN-MIC", "AS2-MDN-UNMATCHED", "AS2-HTTP")
"""With these the partner has had its say; after other errors the same message may be asked about again."""

_OPEN = ("sending", "waiting")
"""States of a message on its way."""

PRODUCT = f"edi-gateway/{__version__}"
"""How we call ourselves on the wire."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A message on its way. body: of the HTTP request."""

    delivery: Delivery
    exchange: Exchange
    body: Span


@dataclass(frozen=True, slots=True)
class Link:
    """How a partner is reached now. ours, theirs: the AS2 names."""

    partner: Partner
    terms: As2
    ours: str
    theirs: str

    @classmethod
    def of(cls, services: Services, channel: str) -> Link | None:
        """The link of a channel; None if it has none any more."""
        for partner in services.settings.partners.values():
            if partner.folder == channel and partner.as2 is not None:
                return cls(partner, partner.as2, *services.settings.as2_names(partner))
        return None


def send(services: Services, channel: str) -> None:
    """Sends what waits for a channel, oldest first, as many at a time as were agreed."""
    link = Link.of(services, channel)
    if link is None:
        services.trouble(
            channel, "files wait for it, but no partner file has it with `as2` or `sftp` any more"
        )
        return
    try:
        target = _target(services, link)
    except EdiError as error:  # a secret or a certificate is missing
        services.trouble(channel, str(error), error)
        with services.store.transaction():
            services.enqueue([f"send:{channel}"], services.clock() + timedelta(minutes=1))
        return
    after, most, away = 0, link.terms.connections, False
    with ThreadPoolExecutor(most) as pool:
        while not away and (waiting := services.store.deliveries([f"@{channel}"], most, after)):
            after = waiting[-1].seq
            with services.room() as roomy:
                begun = [one for delivery in waiting if (one := _begin(roomy, link, delivery))]
                services.guard()
                for attempt, result in zip(begun, pool.map(partial(_post, services.http, target), begun)):
                    away |= isinstance(result, SendError) and result.step != "http"
                    _end(services, link, attempt, result)


# --- an attempt --------------------------------------------------------------------------------------


def _begin(services: Services, link: Link, delivery: Delivery) -> _Attempt | None:
    """Commits the attempt; None if it is not its time, or it cannot be made."""
    store, now = services.store, services.clock()
    exchange = store.exchanges.of_delivery(delivery.seq)
    try:
        if exchange is None or exchange.wire is None or exchange.state != "sending":
            return _new(services, link, delivery, now)
        pause = services.settings.gateway.retries.pause(delivery.tries) if delivery.tries else timedelta(0)
        if delivery.state == PENDING:
            since = datetime.fromisoformat(exchange.at)
            if since <= now < since + pause:  # later than now, if the clock was set back
                with store.transaction():
                    services.wake_at(f"send:{delivery.channel}", since + pause)
                return None
            with store.transaction():
                store.mark_begun(delivery, services.new_id()[:8])
                store.exchanges.change(exchange.id, "sending", tries=exchange.tries + 1, at=as_text(now))
        return _Attempt(replace(delivery, state=SENDING), exchange, _copied(services, exchange.wire))
    except RefusedError:
        return None  # another process does it
    except (As2Error, NotFoundError, OSError, ValueError) as error:
        _later(services, link, delivery, exchange, error)
        return None


def _new(services: Services, link: Link, delivery: Delivery, now: datetime) -> _Attempt:
    """Wraps the content and commits what is about to be sent."""
    store = services.store
    if delivery.payload is None:
        raise NotFoundError(f"The content of {delivery.wanted} is gone.")
    message = store.message(delivery.message_id)
    made = _wrapped(services, link, _copied(services, delivery.payload), delivery.wanted, now)
    evidence = kept(services, made.built.evidence) if made.built.evidence else None
    wire = kept(services, [made.built.body])
    services.payloads.flush()
    known: dict[str, Any] = {"sender": link.ours, "receiver": link.theirs, "as2_id": made.message_id}
    known |= {"mic": written(made.built.mic, made.built.usual), "signed": evidence, "wire": wire}
    known["headers"] = made.headers
    exchange = deliver.exchange(services, delivery, link.partner.id, as_text(now), **known)
    with store.transaction():
        if delivery.state == PENDING:
            store.mark_begun(delivery, services.new_id()[:8])
        store.exchanges.add(exchange)
        facts = {"as2_id": made.message_id, "file": delivery.wanted, "mic": exchange.mic}
        proof = {"sha256": evidence} if evidence else {}
        store.audit("as2.begun", message.id, partner=link.partner.id, **facts, **proof)
    return _Attempt(replace(delivery, state=SENDING), exchange, made.built.body)


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """A message with all its headers."""

    message_id: str
    headers: tuple[tuple[str, str], ...]
    built: as2.Built


def _wrapped(services: Services, link: Link, content: Span, name: str, now: datetime) -> _Wrapped:
    """Content as the partner wants it. Raises As2Error if a certificate for it is missing."""
    terms, wanted, keyring = link.terms, link.terms.terms, services.keyring
    built = as2.build(
        content,
        content_type=terms.content_type,
        disposition=f"attachment; {filename_parameter(name, 'quoted-file-name' in terms.quirks)}",
        terms=wanted,
        signer=keyring.sign_key(link.partner.id, now) if wanted.sign else None,
        recipients=[keyring.encrypt_certificate(link.partner.id, now, EXPIRED in terms.quirks)]
        if wanted.encrypt
        else [],
        at=now,
        boundary=f"edigw-{services.new_id()}",
        digest=wanted.sign or "sha256",
        entropy=services.entropy,
        scratch=services.scratch,
    )
    message_id = f"<{services.new_id()}@{id_host(link.ours)}>"
    subject = terms.subject or f"EDI from {services.settings.gateway.company.name}"
    headers = (
        *as2_headers(link.ours, link.theirs, message_id, now, unquoted="unquoted-names" in terms.quirks),
        ("Subject", subject.encode("ascii", "replace").decode()),
        *_receipt_request(services, link),
        *built.headers,
    )
    return _Wrapped(message_id, headers, built)


def _receipt_request(services: Services, link: Link) -> list[tuple[str, str]]:
    receipt, terms = link.terms.receipt, link.terms
    if receipt.mode == "none":
        return []
    url = services.settings.gateway.as2.public_url if receipt.mode == "async" else ""
    digests = (terms.terms.sign or "sha256",)
    asked = ReceiptRequest(receipt.signed, digests if receipt.signed else (), url)
    to = services.settings.gateway.as2.public_url or f"{id_host(link.ours)}@localhost"
    return list(write_receipt_request(asked, to=to, plain=terms.terms.plain_micalg))


def _target(services: Services, link: Link) -> Target:
    """Where a partner's messages go. Raises ConfigurationError for a secret or file that is missing."""
    terms, login = link.terms, link.terms.login
    return Target(
        url=terms.url,
        login=(login.user, secret(login.password, services.home)) if login else None,
        tls=_tls_of(services, link),
        timeout_seconds=terms.timeout_seconds,
        chunked="chunked" in terms.quirks,
        public_only=False,  # the address is in the partner's file, and from nobody else
    )


def _tls_of(services: Services, link: Link) -> ssl.SSLContext | None:
    """The settings of TLS; the same object for the same files, so that connections are used again."""
    terms, client = link.terms, None
    if terms.client_certificate and (found := services.keyring.tls_files(link.partner.id, services.clock())):
        client = found[0].read_bytes(), found[1]
    if client is None and not terms.ca_file:
        return None
    path = services.home / terms.ca_file if terms.ca_file else None
    return _tls(str(path or ""), path.stat().st_mtime_ns if path and path.exists() else 0, client)


@lru_cache(64)
def _tls(ca_file: str, changed: int, client: tuple[bytes, str] | None) -> ssl.SSLContext:  # noqa: ARG001
    return http.tls_context(ca_file, client)


def _post(client: Client, target: Target, attempt: _Attempt) -> Response | EdiError:
    """Sends, in a thread of its own."""
    exchange = attempt.exchange
    try:
        with tracing.span("deliver", exchange.message_id, channel=exchange.channel, as2_id=exchange.as2_id):
            return client.post(target, exchange.headers, attempt.body)
    except EdiError as error:
        return error


# --- what comes of it --------------------------------------------------------------------------------


def _end(services: Services, link: Link, attempt: _Attempt, result: Response | EdiError) -> None:
    """Commits what an answer means."""
    delivery, exchange = attempt.delivery, attempt.exchange
    try:
        if isinstance(result, EdiError):
            raise result
        entity = _entity(result)
        if link.terms.receipt.mode == "none":
            _confirm(services, exchange, delivery, None, "", None)
        elif link.terms.receipt.mode == "async" and not as2.is_receipt(*entity):
            _sent(services, link, attempt)
        else:
            _judge(services, link, exchange, *_filled(result))
    except RefusedError:
        pass  # a receipt came meanwhile, or another process took over
    except EdiError as error:
        is_over = isinstance(error, SendError) and not error.again
        if isinstance(error, As2Error) and error.code in _FINAL:
            is_over = error.code != "AS2-HTTP" or not http.retriable(getattr(result, "status", 0))
        with suppress(RefusedError):  # the same, while the answer was waited for
            if is_over:
                _fail(services, exchange, delivery, error)
            else:
                _later(services, link, delivery, exchange, error)


def _entity(result: Response) -> tuple[Headers, Span]:
    """Headers and body of an answer that says yes. Raises As2Error."""
    if not 200 <= result.status < 300:
        raise As2Error("AS2-HTTP", what=result.words)
    return Headers(tuple(result.headers)), Span.of(result.body)


def _filled(result: Response) -> tuple[Headers, Span]:
    """The same of one in which a receipt must be. Raises As2Error."""
    entity = _entity(result)
    if not result.body.strip():
        raise As2Error("AS2-MDN-MISSING", what=f"its answer was {result.words}, without content")
    return entity


def _judge(
    services: Services,
    link: Link,
    exchange: Exchange,
    headers: Headers,
    body: Span,
    receipt: as2.Receipt | None = None,
) -> None:
    """Confirms a message by its receipt. Raises As2Error with why it does not; the receipt is kept anyway."""
    kept_as = kept(services, [Span.of(raw_receipt(headers.pairs, body.read()))])
    services.payloads.flush()
    delivery, mics, said, by = _delivery(services, exchange), _mics(exchange.mic), "", None
    try:
        receipt = receipt or _read(services, link, headers, body)
        said = str(receipt.report.disposition)
        by = receipt.signed.certificate.fingerprint if receipt.signed else None
        as2.judge(
            receipt,
            message_id=exchange.as2_id,
            recipient=exchange.receiver,
            mic=mics[0],
            usual=mics[-1],
            must_be_signed=link.terms.receipt.signed,
        )
    except As2Error as error:
        with services.store.transaction():
            services.store.exchanges.change(exchange.id, _OPEN, disposition=said, receipt=kept_as)
            if error.code in _FINAL:
                _tell_receipt(services, exchange, delivery, said, kept_as, by)
            else:  # another may take its place, so it is no evidence
                facts = {"as2_id": exchange.as2_id, "file": delivery.wanted, "reason": _words(error)}
                event = "receipt.unproven"
                services.store.audit(event, exchange.message_id, partner=exchange.partner, **facts)
        raise
    else:
        _confirm(services, exchange, delivery, kept_as, said, by)
    finally:
        if exchange.receipt not in (None, kept_as):  # an earlier one, which proved nothing
            forget(services, exchange.receipt)


def _tell_receipt(
    services: Services, exchange: Exchange, delivery: Delivery, said: str, receipt: str, by: str | None
) -> None:
    facts = {"as2_id": exchange.as2_id, "file": delivery.wanted, "disposition": said, "sha256": receipt}
    services.store.audit(
        "receipt.received", exchange.message_id, partner=exchange.partner, **facts, signed_by=by
    )


def _delivery(services: Services, exchange: Exchange) -> Delivery:
    found = services.store.deliveries_of(exchange.message_id)
    return next(one for one in found if one.seq == exchange.delivery)


def _confirm(
    services: Services,
    exchange: Exchange,
    delivery: Delivery,
    receipt: str | None,
    disposition: str,
    signed_by: str | None,
) -> None:
    """The message is delivered. Raises RefusedError if that, or something else, is said already."""
    store, was = services.store, exchange.state if exchange.state == "failed" else _OPEN
    with store.transaction():
        if not store.settle_delivery(delivery.seq, DELIVERED):
            raise RefusedError(f"Delivery {delivery.seq} was settled meanwhile.")
        values = {"disposition": disposition, "receipt": receipt, "wire": None, "error": ""}
        store.exchanges.change(exchange.id, was, state="confirmed", **values)
        message = store.message(exchange.message_id)
        if message.delivery == Status.FAILED:  # for want of the receipt that is here now
            lifecycle.advance(store, message, Status.DELIVERED)
        store.settle(exchange.message_id, "met", "receipt")
        if receipt:
            _tell_receipt(services, exchange, delivery, disposition, receipt, signed_by)
        place = {"channel": delivery.channel, "box": delivery.box, "file": delivery.wanted}
        content = {"sha256": delivery.payload} if delivery.payload else {}
        store.audit("file.delivered", exchange.message_id, **place, **content)
        store.end_deliveries({exchange.message_id})
    services.well(delivery.channel)
    _forget_wire(services, exchange)


def _sent(services: Services, link: Link, attempt: _Attempt) -> None:
    """The partner has it, and its receipt is to come."""
    store, exchange = services.store, attempt.exchange
    due = services.clock() + timedelta(minutes=link.terms.receipt.within_minutes)
    with store.transaction():
        store.mark_sent(attempt.delivery)
        store.exchanges.change(exchange.id, "sending", state="waiting", error="")
        store.settle(exchange.message_id, "cancelled", "receipt")
        store.expect("receipt", exchange.message_id, due)
        store.end_deliveries({exchange.message_id})
    services.well(exchange.channel)


def _later(
    services: Services, link: Link, delivery: Delivery, exchange: Exchange | None, error: Exception
) -> None:
    """Plans another try, or leaves it to a person when that was done for long."""
    retries, store = services.settings.gateway.retries, services.store
    since = as_text(services.clock() - timedelta(hours=retries.give_up_after_hours))
    if delivery.tries > 2 and delivery.planned_at < since:
        _fail(services, exchange, delivery, error)
        return
    words = _words(error)
    with store.transaction():
        if not store.settle_delivery(delivery.seq, PENDING, words):
            store.mark_failed([delivery], words, PENDING)  # it was not begun
        if exchange is not None and exchange.state == "sending":
            store.exchanges.change(exchange.id, "sending", error=words, at=store.now())
        store.end_deliveries({delivery.message_id})
        pause = retries.pause(delivery.tries + 1)
        services.wake_at(f"send:{delivery.channel}", services.clock() + pause)
        deliver.delayed(services, delivery, link.partner.id, words)
    services.trouble(delivery.channel, f"{delivery.wanted}: {words}", error)


def _fail(services: Services, exchange: Exchange | None, delivery: Delivery, error: Exception) -> None:
    """Leaves a message to a person."""
    store, words = services.store, _words(error)
    with store.transaction():
        if not store.settle_delivery(delivery.seq, FAILED, words):
            store.mark_failed([delivery], words, FAILED)
        if exchange is not None and exchange.state in _OPEN:
            store.exchanges.change(exchange.id, _OPEN, state="failed", error=words, wire=None)
        store.settle(delivery.message_id, "cancelled", "receipt")
        message = store.message(delivery.message_id)
        if message.delivery in (Status.WAITING, Status.SENT):
            lifecycle.advance(store, message, Status.FAILED)
        facts = {"channel": delivery.channel, "file": delivery.wanted, "error": words}
        store.audit("delivery.failed", delivery.message_id, partner=message.partner, **facts)
    if exchange is not None:
        _forget_wire(services, exchange)


def _forget_wire(services: Services, exchange: Exchange) -> None:
    """Deletes the bytes that went over the wire, when they need not be sent again."""
    if exchange.wire:
        forget(services, exchange.wire)


def forget(services: Services, sha256: str) -> None:
    """Deletes a payload that nothing needs any more."""
    if not services.store.exchanges.needed(sha256):
        with suppress(OSError):
            services.payloads.delete(sha256, (services.clock() + timedelta(minutes=1)).timestamp())


def overdue(services: Services, message: Message) -> None:
    """A receipt did not come in time: sends the same again, or leaves it to a person."""
    store = services.store
    for exchange in store.exchanges.of_message(message.id):
        link = Link.of(services, exchange.channel)
        if exchange.direction != OUTBOUND or exchange.state != "waiting" or link is None:
            continue
        delivery, receipt = _delivery(services, exchange), link.terms.receipt
        if exchange.tries >= receipt.resends:
            error = As2Error("AS2-MDN-MISSING", what=f"none came in {receipt.within_minutes} minutes")
            _fail(services, exchange, delivery, error)
            continue
        with store.transaction():
            store.settle(message.id, "overdue", "receipt")
            if store.settle_delivery(delivery.seq, PENDING, "no receipt came in time"):
                store.exchanges.change(exchange.id, "waiting", state="sending")
                store.end_deliveries({message.id})
                facts = {"as2_id": exchange.as2_id, "file": delivery.wanted}
                store.audit("receipt.overdue", message.id, partner=exchange.partner, **facts)
                services.enqueue([f"send:{exchange.channel}"])


# --- receipts that come, and those we owe ------------------------------------------------------------


def take_receipt(services: Services, partner: Partner, headers: Headers, body: Span) -> None:
    """Takes in an asynchronous receipt; one that fits nothing is only told."""
    link = Link.of(services, partner.folder)
    assert link is not None
    store, facts = services.store, dict[str, str]()
    try:
        receipt = _read(services, link, headers, body)
        exchange = _asked_about(services, link, receipt.report.original_message_id)
        facts["as2_id"] = exchange.as2_id
        # What failed because no receipt came in time is confirmed by one that is late.
        is_late = exchange.state == "failed" and exchange.receipt is None
        if exchange.state not in _OPEN and not is_late:
            raise As2Error("AS2-MDN-UNMATCHED", what=f"message {exchange.as2_id} has its receipt already")
        try:
            _judge(services, link, exchange, headers, body, receipt)
        except As2Error as error:
            if error.code not in _FINAL:
                raise
            _fail(services, exchange, _delivery(services, exchange), error)
    except (As2Error, RefusedError) as error:
        with store.transaction():
            store.audit("receipt.ignored", None, partner=partner.id, reason=str(error), **facts)


def _asked_about(services: Services, link: Link, as2_id: str) -> Exchange:
    """The message of ours that a receipt names; some leave out the brackets of its Message-ID."""
    bare = bare_message_id(as2_id)
    for name in (as2_id, f"<{bare}>", bare):
        found = services.store.exchanges.by_as2_id(OUTBOUND, link.ours, link.theirs, name)
        if found is not None:
            return found
    raise As2Error("AS2-MDN-UNMATCHED", what=f"it names {as2_id[:200]!r}")


def send_receipt(services: Services, exchange_id: str) -> None:
    """Sends an asynchronous receipt, only to hosts that the partner's file allows."""
    store = services.store
    exchange = store.exchanges.get(exchange_id)
    link = Link.of(services, exchange.channel)
    if exchange.direction != INBOUND or exchange.state != "answering" or exchange.receipt is None:
        return
    headers, body = split_receipt(_copied(services, exchange.receipt).read())
    try:
        if link is None:
            raise SendError("The agreement ended.", "address", again=False)
        services.guard()
        result = services.http.post(
            _receipt_target(services, link, exchange.receipt_url), headers, Span.of(body)
        )
        if not 200 <= result.status < 300:
            raise SendError(f"The partner's server answered {result.words}.", "http")
    except EdiError as error:
        _receipt_later(services, exchange, error)
        return
    with store.transaction():
        store.exchanges.change(exchange.id, "answering", state="answered", error="")
        facts = {"as2_id": exchange.as2_id, "url": exchange.receipt_url, "sha256": exchange.receipt}
        store.audit("receipt.sent", exchange.message_id, partner=exchange.partner, **facts)


def _receipt_target(services: Services, link: Link, url: str) -> Target:
    """Where a receipt goes. The URL comes from outside, so only what the partner's file allows is reached."""
    target = _target(services, link)
    is_theirs = urlsplit(url).netloc == urlsplit(link.terms.url).netloc
    return replace(
        target,
        url=url,
        login=target.login if is_theirs else None,
        public_only=not link.terms.private_addresses,
        hosts=frozenset(link.terms.receipt_hosts),
    )


def _receipt_later(services: Services, exchange: Exchange, error: EdiError) -> None:
    retries, store, now = services.settings.gateway.retries, services.store, services.clock()
    old = exchange.at < as_text(now - timedelta(hours=retries.give_up_after_hours))
    is_over = (isinstance(error, SendError) and not error.again) or (exchange.tries > 2 and old)
    words = _words(error)
    with store.transaction():
        if is_over:
            store.exchanges.change(exchange.id, "answering", state="unanswered", error=words)
            facts = {"as2_id": exchange.as2_id, "url": exchange.receipt_url[:500], "error": words}
            store.audit("receipt.failed", exchange.message_id, partner=exchange.partner, **facts)
        else:
            tries = exchange.tries + 1
            store.exchanges.change(exchange.id, "answering", tries=tries, error=words)
            services.enqueue([f"receipt:{exchange.id}"], now + retries.pause(tries))
    services.trouble(exchange.channel, f"receipt for {exchange.as2_id}: {words}", error)


def probe(services: Services, link: Link, content: Span, name: str, told: Callable[[str, str], None]) -> None:
    """Sends a test message and tells each step; the receipt is asked for in the answer.

    Args:
        told: takes a step (dns, tcp, tls, http, receipt, signature, digest) and how it went.

    Raises:
        EdiError: the step after the last one told failed, and why.
    """
    terms = replace(link.terms, receipt=replace(link.terms.receipt, mode="sync"))
    link, now = replace(link, terms=terms), services.clock()
    target, made = _target(services, link), _wrapped(services, link, content, name, now)
    result = services.http.post(target, made.headers, made.built.body, watch=told)
    receipt = _read(services, link, *_filled(result))
    told("receipt", str(receipt.report.disposition))
    told("signature", f"by {receipt.signed.certificate.name}" if receipt.signed else "none")
    as2.judge(
        receipt,
        message_id=made.message_id,
        recipient=link.theirs,
        mic=made.built.mic,
        usual=made.built.usual,
        must_be_signed=terms.receipt.signed,
    )
    told("digest", f"the partner received what was sent: {written(made.built.mic)}")


def _read(services: Services, link: Link, headers: Headers, body: Span) -> as2.Receipt:
    terms, now = link.terms, services.clock()
    return as2.read_receipt(
        headers,
        body,
        trusted(services, link.partner, terms, now),
        services.scratch,
        legacy=frozenset(terms.legacy),
        bare="bare-signature" in terms.quirks,
    )


# --- common ------------------------------------------------------------------------------------------


def as2_headers(
    ours: str, theirs: str, message_id: str, now: datetime, *, unquoted: bool = False
) -> tuple[tuple[str, str], ...]:
    """The headers of AS2 for a message or receipt of ours (RFC 4130, 6)."""
    names = (ours, theirs) if unquoted else (as2_name(ours), as2_name(theirs))
    return (
        ("AS2-Version", VERSION),
        ("EDIINT-Features", FEATURES),
        ("AS2-From", names[0]),
        ("AS2-To", names[1]),
        ("Message-ID", message_id),
        ("Date", format_datetime(now, usegmt=True)),
        ("MIME-Version", "1.0"),
        ("User-Agent", PRODUCT),
    )


def id_host(name: str) -> str:
    """The right side of our Message-IDs: our AS2 name, without what may not stand there."""
    return "".join(one for one in name if one.isalnum() or one in "-._").strip(".") or "as2"


def trusted(services: Services, partner: Partner, terms: As2, now: datetime) -> Sequence[Certificate]:
    """The certificates with which a partner may sign."""
    return services.keyring.verify_certificates(partner.id, now, EXPIRED in terms.quirks)


def kept(services: Services, pieces: Sequence[Span]) -> str:
    """Keeps bytes as a payload; to be flushed."""
    return services.payloads.put(cast("BinaryIO", Stream(pieces)))[0]


def _copied(services: Services, sha256: str) -> Span:
    """A payload as it can be sought."""
    out = services.scratch()
    with services.payloads.open(sha256) as file:
        shutil.copyfileobj(file, out, 1 << 20)
    return Span.whole(out)


def written(*mics: as2.Mic | None) -> str:
    """Digests as receipts write them."""
    return "; ".join(f"{b64encode(one[0]).decode()}, {micalg(one[1])}" for one in mics if one)


def _mics(text: str) -> list[as2.Mic]:
    pairs = (one.partition(", ") for one in text.split("; "))
    return [(b64decode(digest), digest_of(name) or name) for digest, _, name in pairs]


def raw_receipt(headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """A receipt as it is kept: its headers, an empty line, its body."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n" + body


def split_receipt(raw: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of a receipt that was kept."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = (line.partition(": ") for line in head.decode().split("\r\n"))
    return [(name, value) for name, _, value in lines], body


def _words(error: Exception) -> str:
    detail = getattr(error, "detail", "")
    return f"{getattr(error, 'strerror', None) or error} {detail}".strip()[:500]
