"""Documents from the ERP: JSON becomes an interchange for the partner it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from gateway import engine
from gateway.documents import KINDS
from gateway.errors import DocumentError, Fault, Level, NotFoundError, Problem, Severity
from gateway.partners.agreement import Send
from gateway.partners.partner import Partner
from gateway.services.lifecycle import Acknowledgment, Translation
from gateway.services.problems import problem, written_twice
from gateway.services.work import Work
from gateway.store.records import OUTBOUND, Document
from gateway.transports.folder import harmless
from gateway.x12.envelope import Verdict
from gateway.x12.writer import Envelope

ANSWERS = "functional_acknowledgment"
"""The type that is no business of the ERP: the gateway itself acknowledges what comes."""

_OURS = ("partner", "partner_id", "channel", "document_id", "raw", "control")
"""Fields that say where a document came from; what is sent gets new ones."""

_FIRST = (None, "original", "00")
"""Purposes of a document that is the first of its number (BEG01)."""


class Outbound(Work):
    """The work on one file from the ERP."""

    def process(self) -> Translation:
        """Writes the document as X12; returns what became of the file."""
        document = self._document()
        if isinstance(document, Problem):
            self.findings.verdict = Verdict.UNREADABLE.value
            return self._stopped(Translation.UNREADABLE, document)
        self.findings.verdict = Verdict.REJECTED.value
        partner = self.services.settings.partners.of_document(document)
        if isinstance(partner, str):
            return self._stopped(Translation.UNPROCESSED, problem("HOME-NO-ADDRESSEE", what=partner))
        self.findings.partner = partner.id
        set_id = KINDS[document["document_type"]].set_id
        agreed = partner.sends(set_id)
        if agreed is None:
            words: dict[str, Any] = {"set": set_id, "partner": partner.id, "list": "send"}
            return self._stopped(Translation.UNPROCESSED, problem("HOME-NO-AGREEMENT", value=set_id, **words))
        test = document.get("test") is True or agreed.usage == "T"
        waits = Acknowledgment.WAITING if agreed.acknowledged else Acknowledgment.NOT_EXPECTED
        kept = self.document(
            partner,
            document,
            "",
            id=self.services.new_id(),
            direction=OUTBOUND,
            test=test,
            set_control="1",
            body=orjson.dumps(document),
            acknowledgment=waits,
        )
        if (again := self._before(document, kept)) is not None:
            return self._stopped(Translation.DUPLICATE, again)
        with self.store.savepoint() as take_back:
            try:
                self._send(document, kept, partner, agreed)
            except (DocumentError, NotFoundError) as error:
                take_back()
                whole = Problem(error.code, Severity.ERROR, Level.TRANSACTION_SET, str(error), fault=Fault.US)
                return self._stopped(Translation.REJECTED, *(error.problems or (whole,)))
        self.findings.verdict = Verdict.ACCEPTED.value
        return Translation.TRANSLATED

    def _stopped(self, status: Translation, *problems: Problem) -> Translation:
        self.findings.add(*problems)
        return status

    def _document(self) -> dict[str, Any] | Problem:
        """The document in the file, or why it is none."""
        assert self.message.payload is not None
        try:
            found = orjson.loads(self.services.payloads.path(self.message.payload).read_bytes())
        except orjson.JSONDecodeError as error:
            return problem("HOME-NOT-JSON", what=str(error))
        if not isinstance(found, dict):
            return problem("HOME-NOT-A-DOCUMENT", what="it is not an object in braces")
        kind = found.get("document_type")
        if kind not in KINDS or kind == ANSWERS:
            known = ", ".join(one for one in KINDS if one != ANSWERS)
            what = f"document_type is {kind!r}; known: {known}" if kind else "it has no document_type"
            return problem("HOME-NOT-A-DOCUMENT", what=what, value=None if kind is None else str(kind))
        return found

    def _before(self, document: dict[str, Any], kept: Document) -> Problem | None:
        """That this document was sent before: the same content, or a first one of the same number.

        A number whose document the partner rejected may be used again by a corrected one.
        """
        kind = kept.document_type.replace("_", " ")
        for sent in self.store.sent_documents(kept):
            if _body(orjson.loads(sent.body)) == _body(document):
                what = f"The same {kind} {kept.number}"
            elif (
                KINDS[kept.document_type].unique
                and document.get("purpose") in _FIRST
                and sent.acknowledgment != Acknowledgment.REJECTED
            ):
                what = f"{kind.capitalize()} {kept.number} for {kept.partner}"
            else:
                continue
            file = self.store.message(sent.message_id).name
            return written_twice(value=kept.number, what=what, file=file, message=sent.message_id)
        return None

    def _send(self, document: dict[str, Any], kept: Document, partner: Partner, agreed: Send) -> None:
        now = self.services.clock()
        us = self.services.settings.us(partner)
        them = partner.identifiers[0]
        interchange = self.store.next_number(partner.id, "interchange")
        group = self.store.next_number(partner.id, "group")
        envelope = Envelope(
            sender=us.party,
            receiver=them.party,
            group_sender=partner.our_group_id or us.id,
            group_receiver=partner.group_id or them.id,
            version=partner.writing.interchange_version,
            release=agreed.version,
            usage="T" if kept.test else "P",
            control_interchange=interchange,
            control_group=group,
            control_set=1,
            date=f"{now:%Y%m%d}",
            time=f"{now:%H%M}",
            delimiters=partner.writing.delimiters,
            newline=partner.writing.delimiters.newline,
        )
        guides = self.services.guides.of(partner.overlay)
        content = engine.write(_body(document), envelope=envelope, guides=guides)
        name = harmless(f"{agreed.set}_{kept.number}_{interchange}.edi")
        sent = self.send(partner, name, content, interchange, group, Acknowledgment(kept.acknowledgment))
        facts = {"control_number": interchange, "file": name, "made_from": self.message.id}
        self.keep(replace(kept, sent_in=sent.id), "interchange.written", sent.id, partner.folder, **facts)


def _body(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in _OURS}
