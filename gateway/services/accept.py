"""AS2 messages that arrive become messages of the store, and the sender gets its receipt.

The receipt leaves when bytes, row and receipt are on disk, and not before. The same message again (the same
AS2 names and Message-ID) is answered with the receipt of the first time, without a look at what is in it.
What could not be accepted is kept too, for people to look at, but it may come again: its sender may have been
told to correct it.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PureWindowsPath
from typing import Any, BinaryIO, cast

from gateway.as2 import message as as2
from gateway.as2.cms import DIGESTS, SHA1
from gateway.as2.headers import (
    ReceiptRequest,
    as2_name,
    bare_message_id,
    check_message_id,
    read_as2_name,
    read_receipt_request,
)
from gateway.as2.mdn import Disposition, Report
from gateway.as2.mime import Headers
from gateway.as2.problems import As2Error
from gateway.as2.span import Span, Stream
from gateway.errors import RefusedError
from gateway.partners.as2 import As2
from gateway.partners.partner import AS2, Partner
from gateway.services import lifecycle, quarantine, receive, transmit
from gateway.services.base import Services, job_of
from gateway.services.lifecycle import Delivery, Translation
from gateway.services.quarantine import Findings
from gateway.settings import Settings
from gateway.store.records import INBOUND, Exchange, Message
from gateway.transports.folder import harmless

MAX_REFUSED = 60
"""Messages of a partner looked at in vain in an hour; more are told to come later, and no key is used."""

_HOUR = timedelta(hours=1)
_MOST_STRANGERS = 1000
_ONCE = ("AS2-From", "AS2-To", "Message-ID", "Content-Type", "Content-Transfer-Encoding")
LATER = (("Retry-After", "60"),)
"""A header that asks to come again in a minute."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came over HTTP. client: the address it came from."""

    headers: Headers
    body: Span
    client: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def words(cls, status: int, words: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """A sentence for a person."""
        return cls(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), f"{words}\n".encode())


class Gate:
    """Who may come in, before anything of a message is read, for all threads of the process.

    Args:
        most: messages of one partner that are worked on at the same time.
        told: is told AS2-From, AS2-To and address of who is not known, once in an hour.
    """

    def __init__(self, settings: Settings, most: int, told: Callable[[str, str, str], None]) -> None:
        self._settings = settings
        self._most = most
        self._told = told
        self._strangers: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()
        self._inside: Counter[str] = Counter()
        self._refused: dict[str, deque[datetime]] = {}

    def admit(self, headers: Headers, client: str, now: datetime) -> Answer | None:
        """Why a request is turned away; None if it may come in."""
        sender, receiver = names(headers)
        if any(len(headers.all(one)) > 1 for one in _ONCE):  # which of them counts, others may see otherwise
            return Answer.words(400, f"Only one each of {', '.join(_ONCE)} is allowed.")
        if not sender or not receiver:
            return Answer.words(
                400, "This is no AS2 message: AS2-From and AS2-To are missing or no AS2 names."
            )
        partner = self._settings.by_as2(sender, receiver)
        if partner is None:
            with self._lock:
                before = self._strangers.get((sender, receiver))
                if before is None or before < now - _HOUR:
                    if len(self._strangers) >= _MOST_STRANGERS:
                        self._strangers.clear()
                    self._strangers[sender, receiver] = now
                    self._told(sender, receiver, client)
            return _stranger(headers, sender, receiver, now)
        with self._lock:
            past = self._refused.get(partner.id, deque())
            while past and past[0] < now - _HOUR:
                past.popleft()
            if len(past) >= MAX_REFUSED:
                words = "Too many messages of this partner could not be accepted; try again in an hour."
                return Answer.words(503, words, (("Retry-After", "3600"),))
        return None

    @contextmanager
    def inside(self, partner: Partner) -> Iterator[bool]:
        """Work on a message of a partner; yields whether there is room for it."""
        with self._lock:
            is_free = self._inside[partner.id] < self._most
            self._inside[partner.id] += is_free
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    self._inside[partner.id] -= 1

    def refused(self, partner: Partner, now: datetime) -> None:
        """Notes that a message was looked at in vain."""
        with self._lock:
            self._refused.setdefault(partner.id, deque(maxlen=MAX_REFUSED)).append(now)


def names(headers: Headers) -> tuple[str, str]:
    """AS2-From and AS2-To; empty where there is none, or no AS2 name."""
    found = []
    for one in ("as2-from", "as2-to"):
        try:
            found.append(read_as2_name(headers.get(one) or ""))
        except As2Error:
            found.append("")
    return found[0], found[1]


def _stranger(headers: Headers, sender: str, receiver: str, now: datetime) -> Answer:
    """RFC 4130, 6.2: who is not known may get a receipt without signature."""
    error = As2Error("AS2-UNKNOWN-PAIR", sender=sender, receiver=receiver)
    try:
        asked, message_id = read_receipt_request(headers), check_message_id(headers.get("message-id") or "")
    except As2Error:
        asked = None
    if asked is None or asked.url:
        return Answer.words(403, str(error))
    report = _report(message_id, receiver, error)
    head, body = as2.build_receipt(report, None, "sha256", now, "as2-report", transmit.PRODUCT)
    return Answer(
        200,
        (*transmit.as2_headers(receiver, sender, f"<{now:%Y%m%d%H%M%S%f}@edi-gateway>", now), *head),
        body,
    )


def accept(services: Services, gate: Gate, request: Request) -> Answer:
    """Takes in a message or an asynchronous receipt that the gate admitted.

    Raises:
        OSError, TransportError: it cannot be kept now; the sender is to try again.
    """
    sender, receiver = names(request.headers)
    partner = services.settings.by_as2(sender, receiver)
    if partner is None or partner.as2 is None:
        return Answer.words(403, "The agreement ended meanwhile.")
    with gate.inside(partner) as is_free:
        if not is_free:
            return Answer.words(503, "Too many messages of this partner at the same time.", LATER)
        if as2.is_receipt(request.headers, request.body):
            transmit.take_receipt(services, partner, request.headers, request.body)
            return Answer(200)
        with services.room() as roomy:
            one = _Arrival(roomy, partner, partner.as2, request, (sender, receiver))
            answer = one.answer()
        if one.is_refused:
            gate.refused(partner, services.clock())
        return answer


class _Repeated(Exception):
    """The message was accepted before."""


class _Arrival:
    """One message that arrives."""

    def __init__(
        self, services: Services, partner: Partner, terms: As2, request: Request, pair: tuple[str, str]
    ) -> None:
        self.services = services
        self.partner = partner
        self.terms = terms
        self.headers = request.headers
        self.body = request.body
        self.client = request.client
        self.sender, self.receiver = pair
        self.now = services.clock()
        self.is_refused = False
        self.asked: ReceiptRequest | None = None
        self.message_id = ""
        self.put: list[str] = []

    def answer(self) -> Answer:
        """Everything, up to the answer."""
        try:
            self.message_id = check_message_id(self.headers.get("message-id") or "")
            if (before := self._before()) is not None:
                return self._again(before)
            self.asked = self._asked()
            received = as2.read(
                self.headers,
                self.body,
                agreed(self.services, self.partner, self.terms, self.now),
                self._wanted(),
                self.services.scratch,
                self.services.entropy,
            )
        except As2Error as error:
            return self._refuse(error)
        try:
            return self._keep(received)
        except _Repeated:
            self._forget()
            before = self._before()
            if before is None:
                raise RefusedError("The same message is being received at the same time.") from None
            return self._again(before)

    def _asked(self) -> ReceiptRequest | None:
        """The receipt that is asked for; of one that we cannot make, a plain one says so."""
        try:
            return read_receipt_request(self.headers)
        except As2Error:
            self.asked = ReceiptRequest(False, url=self.headers.get("Receipt-Delivery-Option") or "")
            raise

    def _wanted(self) -> str:
        """The digest for the receipt of a message that is not signed: the first that both know."""
        asked = (*self.asked.digests, *self.asked.unknown) if self.asked else ()
        known = [one for one in asked if one in DIGESTS or one in self.terms.legacy]
        if asked and not known:
            raise As2Error("AS2-MIC-ALGORITHM", what=", ".join(asked)[:100])
        # RFC 4130, 7.3.1: SHA-1 where none is named; the coming standard has SHA-256.
        return known[0] if known else SHA1 if SHA1 in self.terms.legacy else DIGESTS[0]

    # --- the same again ------------------------------------------------------------------------------

    def _before(self) -> Exchange | None:
        # By its message, as the Message-ID may have come without brackets, and to be refused since.
        store = self.services.store
        message = store.claimed(self._key)
        return next(iter(store.exchanges.of_message(message)), None) if message else None

    @property
    def _key(self) -> str:
        """RFC 4130, 5.3: a message is known by its names and its Message-ID."""
        return f"as2:{as2_name(self.sender)}|{as2_name(self.receiver)}|{bare_message_id(self.message_id)}"

    def _again(self, before: Exchange) -> Answer:
        services, store = self.services, self.services.store
        with store.transaction():
            facts: dict[str, Any] = {"as2_id": self.message_id, "client": self.client}
            store.audit("as2.repeated", before.message_id, partner=self.partner.id, **facts)
            if before.receipt_url and before.state != "answering":
                store.exchanges.change(before.id, before.state, state="answering", tries=0)
                services.enqueue([f"receipt:{before.id}"])
        if before.receipt is None or before.receipt_url:
            return Answer(204)
        with services.payloads.open(before.receipt) as file:
            headers, body = transmit.split_receipt(file.read())
        return Answer(200, tuple(headers), body)

    def _forget(self) -> None:
        """Deletes what was kept of a message that another request was quicker with."""
        for sha256 in self.put:
            transmit.forget(self.services, sha256)

    # --- accepted ------------------------------------------------------------------------------------

    def _keep(self, received: as2.Received) -> Answer:
        services, store = self.services, self.services.store
        report = _report(self.message_id, self.receiver, None, received.mic)
        answer, receipt = self._receipt(report, received.mic[1])
        messages = [
            self._message(one.content, _name(one.name, place))
            for place, one in enumerate(received.attachments)
        ]
        evidence = transmit.kept(services, received.evidence) if received.evidence else None
        self.put = [one for one in (evidence, receipt) if one]
        services.payloads.flush()
        with store.transaction():
            if store.claim(self._key, messages[0].id) is not None:
                raise _Repeated
            facts: dict[str, Any] = {"as2_id": self.message_id, "mic": transmit.written(received.mic)}
            if received.signed is not None:
                facts["signed_by"] = received.signed.certificate.fingerprint
            facts |= {"cipher": received.cipher} if received.cipher else {}
            self._exchange(messages[0], facts["mic"], report, receipt, evidence, refused=False)
            for message in messages:
                receive.keep(services, message, **facts)
            services.enqueue([job_of(one.id) for one in messages])
        services.jobs.wake()
        services.well(self.partner.folder)
        return answer

    def _message(self, content: Span, name: str) -> Message:
        services = self.services
        payload, size = services.payloads.put(cast("BinaryIO", Stream([content])))
        return Message(
            id=services.arrival_id(self.now),
            direction=INBOUND,
            channel=self.partner.folder,
            name=name,
            payload=payload,
            size=size,
            created_at=self.now,
            way=AS2,
        )

    def _exchange(
        self,
        message: Message,
        mic: str,
        report: Report,
        receipt: str | None,
        evidence: str | None,
        *,
        refused: bool,
    ) -> None:
        """What is kept of the exchange, in the transaction that is open."""
        services, url = self.services, self.asked.url if self.asked else ""
        state = "answering" if url and receipt else "refused" if refused else "answered"
        exchange = Exchange(
            id=services.new_id(),
            direction=INBOUND,
            channel=message.channel,
            partner=self.partner.id,
            message_id=message.id,
            sender=self.sender,
            receiver=self.receiver,
            as2_id=self.message_id,
            state=state,
            disposition=str(report.disposition),
            mic=mic,
            signed=evidence,
            headers=tuple(self.headers.pairs),
            receipt=receipt,
            receipt_url=url,
        )
        services.store.exchanges.add(exchange)
        if receipt:
            facts = {"as2_id": self.message_id, "disposition": str(report.disposition), "sha256": receipt}
            services.store.audit("receipt.written", message.id, partner=self.partner.id, **facts)
        if state == "answering":
            services.enqueue([f"receipt:{exchange.id}"])

    # --- refused -------------------------------------------------------------------------------------

    def _refuse(self, error: As2Error) -> Answer:
        """Keeps what came as it came, tells people, and answers that it was not taken."""
        services, store = self.services, self.services.store
        self.is_refused = True
        report = _report(self.message_id, self.receiver, error)
        answer, receipt = self._receipt(report, DIGESTS[0], error)
        message = self._message(
            self.body, harmless(f"as2_{bare_message_id(self.message_id) or self.now}.p7m")
        )
        findings = Findings(partner=self.partner.id)
        findings.add(error.problem)
        if self.asked:
            findings.answered.append(f"receipt: {report.disposition!s}")
        services.payloads.flush()
        with store.transaction():
            receive.keep(services, message, as2_id=self.message_id)
            if self.message_id:
                self._exchange(message, "", report, receipt, None, refused=True)
            quarantine.put(services, message, Translation.UNREADABLE, findings)
            lifecycle.advance(
                store, message, Translation.UNREADABLE, Delivery.WAITING, partner=self.partner.id
            )
            services.enqueue([job_of(message.id)])
            services.payloads.flush()
        services.jobs.wake()
        return answer

    # --- receipts ------------------------------------------------------------------------------------

    def _receipt(
        self, report: Report, digest: str, error: As2Error | None = None
    ) -> tuple[Answer, str | None]:
        """The answer, and the receipt as it is kept, if one was asked for. To be flushed."""
        if self.asked is None:
            return (Answer(200), None) if error is None else (Answer.words(400, str(error)), None)
        services, signer = self.services, None
        if self.asked.signed:
            try:
                signer = services.keyring.sign_key(self.partner.id, self.now)
            except As2Error as missing:  # RFC 4130, 7.3: then a receipt without signature is better than none
                services.trouble(self.partner.folder, str(missing))
        plain = "micalg-plain" in self.terms.quirks
        made = as2.build_receipt(
            report, signer, digest, self.now, f"edigw-{services.new_id()}", transmit.PRODUCT, plain=plain
        )
        message_id = f"<{services.new_id()}@{transmit.id_host(self.receiver)}>"
        headers = (*transmit.as2_headers(self.receiver, self.sender, message_id, self.now), *made[0])
        kept = transmit.kept(services, [Span.of(transmit.raw_receipt(headers, made[1]))])
        return Answer(204) if self.asked.url else Answer(200, headers, made[1]), kept


def agreed(services: Services, partner: Partner, terms: As2, now: datetime) -> as2.Agreed:
    """What is accepted from a partner at a time, and with which keys."""
    keyring, limit = services.keyring, services.settings.gateway.as2.max_body_mb * 1_000_000
    return as2.Agreed(
        decrypt=keyring.decrypt_keys(partner.id, now),
        trusted=transmit.trusted(services, partner, terms, now),
        signed=terms.require.signed,
        encrypted=terms.require.encrypted,
        legacy=frozenset(terms.legacy),
        bare="bare-signature" in terms.quirks,
        canonical="canonical-digest" in terms.quirks,
        limit=limit,
    )


def _report(message_id: str, recipient: str, error: As2Error | None, mic: as2.Mic | None = None) -> Report:
    if error is None:
        words = "The message was received, and its signature and content are as agreed."
        return Report(message_id, recipient, Disposition("processed"), mic, words)
    return Report(
        message_id, recipient, Disposition.parse(error.kind.disposition), None, str(error), (str(error),)
    )


def _name(name: str, place: int) -> str:
    """A file name of the sender, made harmless: nothing of its path, and never empty."""
    last = harmless(PureWindowsPath(name.replace("\0", "")).name)
    return last if name and last != "unnamed" else f"as2-{place + 1}.edi"
