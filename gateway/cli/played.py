"""The retailer of the demonstration: it speaks AS2 over real HTTP, and keeps what it gets."""

from __future__ import annotations

import os
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
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
from gateway.transports.folder import harmless


@dataclass(eq=False, slots=True)
class PlayedPartner(AbstractContextManager["PlayedPartner"]):
    """A partner; while it is entered it listens on loopback.

    Args:
        name: its AS2 name. us: ours. key: its own. ours: our certificate. keeps: a folder for what it gets.

    Attributes:
        got: what came, in order; the same again is not there twice.
    """

    name: str
    us: str
    key: KeyPair
    ours: Certificate
    keeps: Path
    got: list[as2.Received] = field(default_factory=list)
    _answers: dict[str, Reply] = field(default_factory=dict)
    _client: Client = field(default_factory=Client)
    _stop: Event = field(default_factory=Event)
    _listener: Listener = field(init=False)
    _thread: Thread = field(init=False)

    def __enter__(self) -> Self:
        self._listener = Listener(
            "127.0.0.1",
            0,
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
        self._thread = Thread(target=self._listener.run, args=(self._stop,), name="played-partner")
        self._thread.start()
        self._listener.ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._client.close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.port}/as2"

    def _broken(self, error: Exception) -> None:
        raise error

    def _handle(self, request: Request) -> Reply:
        headers = Headers(tuple(request.headers))
        message_id, asked = headers.get("Message-ID") or "", read_receipt_request(headers)
        assert asked is not None
        if message_id not in self._answers:
            agreed, now = as2.Agreed([self.key], [self.ours]), datetime.now(UTC)
            digest = asked.digests[0]
            found = as2.read(headers, Span.whole(request.body), agreed, digest, BytesIO, os.urandom)
            for one in found.attachments:
                (self.keeps / harmless(one.name)).write_bytes(one.content.read())
            self.got.append(found)
            report = Report(message_id, self.name, Disposition("processed"), found.mic, "Thank you.")
            signed = report, self.key, digest, now, f"played-{uuid4()}", "a played partner"
            head, body = as2.build_receipt(*signed)
            own = as2_headers(self.name, self.us, f"<{uuid4()}@played>", now)
            self._answers[message_id] = Reply(200, [*own, *head], body)
        return self._answers[message_id]

    def send(self, url: str, name: str, content: bytes) -> as2.Receipt:
        """Sends a file; returns the receipt. Raises As2Error: it does not prove that the file arrived."""
        now = datetime.now(UTC)
        built = as2.build(
            Span.of(content),
            content_type="application/edi-x12",
            disposition=f"attachment; filename={name}",
            terms=as2.Terms(),
            signer=self.key,
            recipients=[self.ours],
            at=now,
            boundary=f"played-{uuid4()}",
            digest="sha256",
            entropy=os.urandom,
            scratch=BytesIO,
        )
        message_id = f"<{uuid4()}@played>"
        headers = [*as2_headers(self.name, self.us, message_id, now), *built.headers]
        headers += write_receipt_request(ReceiptRequest(True, ("sha256",)), to=self.url)
        answer = self._client.post(Target(url, public_only=False), headers, built.body)
        if not 200 <= answer.status < 300:
            raise As2Error("AS2-HTTP", what=f"{answer.status} {answer.body.decode(errors='replace')}")
        found = as2.read_receipt(Headers(tuple(answer.headers)), Span.of(answer.body), [self.ours], BytesIO)
        as2.judge(found, message_id=message_id, recipient=self.us, mic=built.mic, must_be_signed=True)
        return found
