"""What the work on a file from a partner and on one from the ERP share."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any

from gateway.documents import KINDS, keys_of
from gateway.partners.agreement import Send
from gateway.partners.partner import Partner
from gateway.services import deadline
from gateway.services.base import Services, job_of
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.services.quarantine import Findings
from gateway.store.records import OUTBOUND, Document, Message
from gateway.transports.folder import OUTBOX

FIRST = (None, "original", "00")
"""Purposes of a document that is the first of its number (BEG01)."""


class Work:
    """The work on one file, within a transaction."""

    def __init__(self, services: Services, message: Message) -> None:
        self.services = services
        self.store = services.store
        self.message = message
        self.findings = Findings()

    def document(
        self, partner: Partner, document: dict[str, Any], unnumbered: str, *, body: bytes, **fields: Any
    ) -> Document:
        """A document of this file as the store keeps it; ``unnumbered`` is the number of one without."""
        kind = str(document["document_type"])
        number = document.get(KINDS[kind].number, unnumbered)
        return Document(
            message_id=self.message.id,
            partner=partner.id,
            document_type=kind,
            number=str(number),
            created_at=self.services.clock(),
            body=body,
            sha256=hashlib.sha256(body).hexdigest(),
            keys=tuple(keys_of(document)),
            **fields,
        )

    def keep(self, document: Document, event: str, message_id: str, result: str, **facts: Any) -> None:
        """Stores a document and tells what was made of it."""
        self.store.add_document(document)
        if not self.message.is_repeated:
            deadline.follow(self.services, document)
        kind, number = document.document_type, document.number
        self.findings.result(f"{kind.replace('_', ' ')} {number} -> {result}")
        known = {"document_type": kind, "number": number, "test": document.test, "sha256": document.sha256}
        self.store.audit(
            event, message_id, document_id=document.id, partner=document.partner, **known, **facts
        )


def send(
    services: Services,
    partner: Partner,
    name: str,
    content: bytes,
    numbers: tuple[int, int | None],
    *,
    origin: str | None,
    owner: str | None = None,
    agreed: Send | None = None,
) -> Message:
    """Stores an interchange for a partner and plans its delivery.

    Args:
        numbers: of interchange (ISA13) and group (GS06).
        owner: the message whose job delivers it; None for itself. What goes over AS2 or
            SFTP the channel's job sends.
        agreed: what was agreed, if the partner is to acknowledge it.
    """
    payload, size = services.payloads.put(BytesIO(content))
    waits = agreed is not None and agreed.acknowledged
    now = services.clock()
    sent = Message(
        id=services.new_id(),
        direction=OUTBOUND,
        channel=partner.folder,
        name=name,
        payload=payload,
        size=size,
        created_at=now,
        translation=Translation.WRITTEN,
        delivery=Delivery.WAITING,
        acknowledgment=Acknowledgment.WAITING if waits else Acknowledgment.NOT_EXPECTED,
        partner=partner.id,
        interchange=str(numbers[0]),
        group=None if numbers[1] is None else str(numbers[1]),
        origin=origin,
    )
    services.store.add_written(sent)
    if partner.is_sent_to:
        owner = f"@{partner.folder}"
        services.enqueue([job_of(owner)])
    services.store.add_delivery(sent.id, owner or sent.id, partner.folder, OUTBOX, name, payload=payload)
    if waits and agreed is not None:
        due = now + timedelta(hours=agreed.acknowledged_within_hours)
        services.store.expect("acknowledgment", sent.id, due, deadline.near(partner, due, now))
    return sent
