"""What the work on a file from a partner and on one from the ERP share."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from gateway.documents import KINDS
from gateway.partners.partner import Partner
from gateway.services.base import Services
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.services.quarantine import Findings
from gateway.store.records import OUTBOUND, Document, Message
from gateway.transports.folder import OUTBOX


class Work:
    """The work on one file, within a transaction."""

    def __init__(self, services: Services, message: Message) -> None:
        self.services = services
        self.store = services.store
        self.message = message
        self.findings = Findings()

    def document(
        self, partner: Partner, document: dict[str, Any], unnumbered: str, **fields: Any
    ) -> Document:
        """A document of this file as the store keeps it; ``unnumbered`` is the number of one without."""
        kind = str(document["document_type"])
        number = document.get(KINDS[kind].number, unnumbered)
        return Document(
            message_id=self.message.id, partner=partner.id, document_type=kind, number=str(number), **fields
        )

    def keep(self, document: Document, event: str, message_id: str, channel: str, **facts: Any) -> None:
        """Stores a document and tells what was made of it: a ``file`` for the channel."""
        self.store.add_document(document)
        kind, number = document.document_type, document.number
        self.findings.result(f"{kind.replace('_', ' ')} {number} -> {channel}/{OUTBOX}/{facts['file']}")
        known = {"partner": document.partner, "document_type": kind, "number": number, "test": document.test}
        self.store.audit(event, message_id, **known, **facts)

    def send(
        self,
        partner: Partner,
        name: str,
        content: bytes,
        interchange: int,
        group: int | None = None,
        acknowledgment: Acknowledgment = Acknowledgment.NOT_EXPECTED,
    ) -> Message:
        """Stores an interchange for a partner and plans its delivery."""
        payload, size = self.services.payloads.put(BytesIO(content))
        sent = Message(
            id=self.services.new_id(),
            direction=OUTBOUND,
            channel=partner.folder,
            name=name,
            payload=payload,
            size=size,
            created_at=self.services.clock(),
            translation=Translation.WRITTEN,
            delivery=Delivery.WAITING,
            acknowledgment=acknowledgment,
            partner=partner.id,
            interchange=str(interchange),
            group=None if group is None else str(group),
            origin=self.message.id,
        )
        self.store.add_message(sent)
        self.store.add_delivery(sent.id, partner.folder, OUTBOX, name, payload=payload)
        return sent
