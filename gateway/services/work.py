"""What the work on a file from a partner and on one from the ERP share."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from gateway.documents import KINDS
from gateway.partners.partner import Partner
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.services.quarantine import Findings
from gateway.store.records import OUTBOUND, Document, Message
from gateway.transports.folder import OUTBOX

if TYPE_CHECKING:
    from gateway.services.translate import Translate

LAST_NUMBER = 999_999_999
"""Highest control number of an interchange (ISA13) or group (GS06): nine digits."""


class Work:
    """The work on one file, within a transaction."""

    def __init__(self, services: Translate, message: Message) -> None:
        self.services = services
        self.store = services.store
        self.message = message
        self.findings = Findings()

    def next_number(self, partner: Partner, kind: str) -> int:
        """The next control number of this kind."""
        return self.store.next_number(partner.id, kind, LAST_NUMBER)

    def document(
        self, partner: Partner, document: dict[str, Any], unnumbered: str, **fields: Any
    ) -> Document:
        """A document of this file as the store keeps it; ``unnumbered`` is the number of one without."""
        kind = str(document["document_type"])
        number = document.get(KINDS[kind].number, unnumbered)
        return Document(
            message_id=self.message.id, partner=partner.id, document_type=kind, number=str(number), **fields
        )

    def note(self, document: Document, channel: str, name: str) -> None:
        """Notes what was made of a document."""
        kind = document.document_type.replace("_", " ")
        self.findings.result(f"{kind} {document.number} -> {channel}/{OUTBOX}/{name}")

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
