"""Documents from the ERP: JSON becomes an interchange for the partner it names."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson

from gateway.errors import DocumentError, Fault, Level, NotFoundError, Problem, Severity
from gateway.partners.agreement import Send
from gateway.partners.partner import Partner
from gateway.services.inbound import DOCUMENT_NUMBER, LAST_INTERCHANGE
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.services.problems import problem
from gateway.services.quarantine import Findings
from gateway.store.ports import OUTBOUND, Document, Message
from gateway.transports.folder import OUTBOX, harmless
from gateway.x12.envelope import Verdict
from gateway.x12.writer import Envelope

if TYPE_CHECKING:
    from gateway.services.translate import Translate

LAST_GROUP = 999_999_999
"""Highest GS06: nine digits."""

SET_OF_DOCUMENT = {"purchase_order": "850"}
"""Transaction set of each document type that can be sent."""

_OURS = ("partner", "partner_id", "channel", "document_id", "raw", "control")
"""Fields that say where a document came from; what is sent gets new ones."""


class Outbound:
    """The work on one file from the ERP, within a transaction."""

    def __init__(self, services: Translate, message: Message) -> None:
        self._services = services
        self._store = services.store
        self._message = message
        self._partner: str | None = None

    def process(self) -> tuple[Translation, Findings]:
        """Writes the document as X12; returns what became of it and what was found."""
        document = self._document()
        if isinstance(document, Problem):
            return self._stopped(Translation.UNREADABLE, document)
        partner = self._services.settings.partners.of_document(document)
        if isinstance(partner, str):
            return self._stopped(Translation.UNPROCESSED, problem("HOME-NO-ADDRESSEE", what=partner))
        self._partner = partner.id
        set_id = SET_OF_DOCUMENT[document["document_type"]]
        agreed = partner.sends(set_id)
        if agreed is None:
            words: dict[str, Any] = {"set": set_id, "partner": partner.id, "list": "send"}
            return self._stopped(Translation.UNPROCESSED, problem("HOME-NO-AGREEMENT", value=set_id, **words))
        findings = Findings(Verdict.ACCEPTED.value, partner.id)
        with self._store.savepoint() as take_back:
            try:
                self._send(document, partner, agreed, findings)
            except (DocumentError, NotFoundError) as error:
                take_back()
                return self._stopped(Translation.REJECTED, *(error.problems or (_problem(error),)))
        return Translation.TRANSLATED, findings

    def _stopped(self, status: Translation, *problems: Problem) -> tuple[Translation, Findings]:
        unreadable = status is Translation.UNREADABLE
        findings = Findings((Verdict.UNREADABLE if unreadable else Verdict.REJECTED).value, self._partner)
        findings.add(*problems)
        return status, findings

    def _document(self) -> dict[str, Any] | Problem:
        """The document in the file, or why it is none."""
        assert self._message.payload is not None
        try:
            found = orjson.loads(self._services.payloads.path(self._message.payload).read_bytes())
        except orjson.JSONDecodeError as error:
            return problem("HOME-NOT-JSON", what=str(error))
        if not isinstance(found, dict):
            return problem("HOME-NOT-A-DOCUMENT", what="it is not an object in braces")
        kind = found.get("document_type")
        if kind not in SET_OF_DOCUMENT:
            known = ", ".join(SET_OF_DOCUMENT)
            what = f"document_type is {kind!r}; known: {known}" if kind else "it has no document_type"
            return problem("HOME-NOT-A-DOCUMENT", what=what, value=None if kind is None else str(kind))
        return found

    def _send(self, document: dict[str, Any], partner: Partner, agreed: Send, findings: Findings) -> None:
        now = self._services.clock()
        us = self._services.settings.us(partner)
        them = partner.identifiers[0]
        interchange = self._store.next_number(partner.id, "interchange", LAST_INTERCHANGE)
        group = self._store.next_number(partner.id, "group", LAST_GROUP)
        test = document.get("test") is True or agreed.usage == "T"
        envelope = Envelope(
            sender=us.party,
            receiver=them.party,
            group_sender=partner.our_group_id or us.id,
            group_receiver=partner.group_id or them.id,
            version=partner.writing.interchange_version,
            release=agreed.version,
            usage="T" if test else "P",
            control_interchange=interchange,
            control_group=group,
            control_set=1,
            date=f"{now:%Y%m%d}",
            time=f"{now:%H%M}",
            delimiters=partner.writing.delimiters,
            newline=partner.writing.delimiters.newline,
        )
        body = {key: value for key, value in document.items() if key not in _OURS}
        content = self._services.engine.write(body, envelope)
        payload, size = self._services.payloads.put(BytesIO(content))
        kind = str(document["document_type"])
        number = str(document.get(DOCUMENT_NUMBER[kind], ""))
        name = harmless(f"{agreed.set}_{number}_{interchange}.edi")
        acknowledged = Acknowledgment.WAITING if agreed.acknowledged else Acknowledgment.NOT_EXPECTED
        sent = Message(
            id=self._services.new_id(),
            direction=OUTBOUND,
            channel=partner.folder,
            name=name,
            payload=payload,
            size=size,
            created_at=now,
            translation=Translation.WRITTEN,
            delivery=Delivery.WAITING,
            acknowledgment=acknowledged,
            partner=partner.id,
            interchange=str(interchange),
            group=str(group),
            origin=self._message.id,
        )
        self._store.add_message(sent)
        self._store.add_document(
            Document(
                id=self._services.new_id(),
                message_id=self._message.id,
                direction=OUTBOUND,
                partner=partner.id,
                document_type=kind,
                number=number,
                test=test,
                set_control="1",
                body=orjson.dumps(document),
                sent_in=sent.id,
                acknowledgment=acknowledged,
            )
        )
        self._store.add_delivery(sent.id, partner.folder, OUTBOX, name, payload=payload)
        findings.results.append(f"{kind.replace('_', ' ')} {number} -> {partner.folder}/{OUTBOX}/{name}")
        self._store.audit(
            "interchange.written",
            sent.id,
            partner=partner.id,
            document_type=kind,
            number=number,
            test=test,
            control_number=interchange,
            file=name,
            made_from=self._message.id,
        )


def _problem(error: DocumentError | NotFoundError) -> Problem:
    """An error that says everything in its message."""
    return Problem(error.code, Severity.ERROR, Level.TRANSACTION_SET, str(error), fault=Fault.US)
