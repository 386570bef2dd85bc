"""A partner that is played, and makes mistakes: it speaks AS2 over real HTTP, with keys of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from typing import Self
from uuid import uuid4

from gateway.api.listener import Listener, Reply, Request
from gateway.as2 import message as as2
from gateway.as2.headers import ReceiptRequest, read_receipt_request, write_receipt_request
from gateway.as2.keys import Certificate, KeyPair
from gateway.as2.mdn import Disposition, Report
from gateway.as2.mime import Headers
from gateway.as2.problems import As2Error
from gateway.as2.span import Span
from gateway.services.transmit import as2_headers
from gateway.transports.as2 import Client, Target
from tests.ports import free_port

_PRODUCT = "a played partner"


@dataclass(slots=True)
class Got:
    """A message that the partner got."""

    name: str
    content: bytes
    message_id: str
    signed: bool
    cipher: str


@dataclass(eq=False, slots=True)
class PlayedPartner(AbstractContextManager["PlayedPartner"]):
    """A partner; while it is entered it listens on loopback.

    Args:
        name: its AS2 name. us: ours. key: its own. ours: our certificate.
        terms: how it wraps what it sends. agreed: what it accepts; by default signed and encrypted.
        change: what it does wrong with an answer before that goes out.
        signs_as: with which key it signs receipts; None for without.
        report: what it does wrong with what a receipt says.
        holds: whether it keeps asynchronous receipts until :meth:`release`.

    Attributes:
        got: what came, in order; the same again is not there twice. receipts: asynchronous ones that came.
    """

    name: str
    us: str
    key: KeyPair
    ours: Certificate
    terms: as2.Terms = field(default_factory=as2.Terms)
    agreed: as2.Agreed | None = None
    change: Callable[[Reply], Reply] = lambda reply: reply
    signs_as: KeyPair | str | None = "itself"
    report: Callable[[Report], Report] = lambda report: report
    holds: bool = False
    got: list[Got] = field(default_factory=list)
    receipts: list[as2.Receipt] = field(default_factory=list)
    asks: int = 0
    _answers: dict[str, Reply] = field(default_factory=dict)
    _held: list[Reply] = field(default_factory=list)
    _client: Client = field(default_factory=Client)
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None
    _listener: Listener | None = None
    port: int = field(default_factory=free_port)

    def __enter__(self) -> Self:
        self._listener = Listener(
            "127.0.0.1",
            self.port,
            "/as2",
            admit=lambda *_: None,
            handle=self._handle,
            max_body=1 << 30,
            connections=32,
            body_seconds=60,
            spool=Path(tempfile.gettempdir()),
            tls=None,
            on_trouble=self._broken,
        )
        self._stop.clear()
        self._thread = Thread(target=self._listener.run, args=(self._stop,), name="played-partner")
        self._thread.start()
        assert self._listener.ready.wait(60)
        self.port = self._listener.port
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._client.close()
        if self._thread is not None:
            self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/as2"

    # --- receiving -----------------------------------------------------------------------------------

    def _broken(self, error: Exception) -> None:
        raise error

    def _handle(self, request: Request) -> Reply:
        headers, body = Headers(tuple(request.headers)), Span.whole(request.body)
        if as2.is_receipt(headers, body):
            self.receipts.append(as2.read_receipt(headers, body, [self.ours], BytesIO))
            return Reply(200)
        self.asks += 1
        message_id = headers.get("Message-ID") or ""
        if message_id not in self._answers:
            self._answers[message_id] = self._answer(headers, body, message_id)
        answer = self._answers[message_id]
        if (asked := read_receipt_request(headers)) and asked.url:
            if self.holds:
                self._held.append(answer)
            else:
                Thread(target=self._send_receipt, args=(asked.url, answer)).start()
            return self.change(Reply(204))
        return self.change(replace(answer))

    def _answer(self, headers: Headers, body: Span, message_id: str) -> Reply:
        asked, agreed = read_receipt_request(headers), self.agreed or as2.Agreed([self.key], [self.ours])
        digest = asked.digests[0] if asked and asked.digests else "sha256"
        try:
            found = as2.read(headers, body, agreed, digest, BytesIO, os.urandom)
        except As2Error as error:
            report = Report(
                message_id, self.name, Disposition.parse(error.kind.disposition), None, str(error)
            )
        else:
            for one in found.attachments:
                content = one.content.read()
                self.got.append(Got(one.name, content, message_id, found.signed is not None, found.cipher))
            report = Report(message_id, self.name, Disposition("processed"), found.mic, "Thank you.")
        if asked is None:
            return Reply(200)
        signs_as = self.key if isinstance(self.signs_as, str) else self.signs_as
        signer, now = (signs_as if asked.signed else None), datetime.now(UTC)
        made = as2.build_receipt(self.report(report), signer, digest, now, f"played-{uuid4()}", _PRODUCT)
        return Reply(200, [*as2_headers(self.name, self.us, f"<{uuid4()}@played>", now), *made[0]], made[1])

    def release(self, url: str) -> None:
        """Sends the receipts that were kept."""
        while self._held:
            self._send_receipt(url, self._held.pop(0))

    def _send_receipt(self, url: str, answer: Reply) -> None:
        self._client.post(Target(url, public_only=False), answer.headers, Span.of(answer.body))

    # --- sending -------------------------------------------------------------------------------------

    def send(
        self,
        url: str,
        name: str,
        content: bytes,
        *,
        receipt: str = "signed",
        receipt_url: str = "",
        message_id: str = "",
    ) -> as2.Receipt | None:
        """Sends a file; returns the receipt, when it proves that the file arrived.

        Args:
            receipt: ``signed``, ``unsigned`` or empty. receipt_url: where to send it; empty: in the answer.
            message_id: to send under; a new one if it is empty.

        Raises:
            As2Error: the receipt does not prove it.
        """
        now = datetime.now(UTC)
        built = as2.build(
            Span.of(content),
            content_type="application/edi-x12",
            disposition=f"attachment; filename={name}",
            terms=self.terms,
            signer=self.key,
            recipients=[self.ours],
            at=now,
            boundary=f"played-{uuid4()}",
            digest="sha256",
            entropy=os.urandom,
            scratch=BytesIO,
        )
        message_id = message_id or f"<{uuid4()}@played>"
        headers = [*as2_headers(self.name, self.us, message_id, now), *built.headers]
        if receipt:
            asked = ReceiptRequest(receipt == "signed", ("sha256",), receipt_url)
            headers += write_receipt_request(asked, to=self.url)
        answer = self._client.post(Target(url, public_only=False), headers, built.body)
        if not 200 <= answer.status < 300:
            raise As2Error("AS2-HTTP", what=f"{answer.status} {answer.body.decode(errors='replace')}")
        if not receipt or receipt_url:
            return None
        found = as2.read_receipt(Headers(tuple(answer.headers)), Span.of(answer.body), [self.ours], BytesIO)
        signed = receipt == "signed"
        as2.judge(found, message_id=message_id, recipient=self.us, mic=built.mic, must_be_signed=signed)
        return found
