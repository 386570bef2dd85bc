"""Files from partners: interchanges become documents for the ERP and acknowledgments for the sender."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import orjson

from gateway.errors import Ack, Location, Problem
from gateway.partners.partner import Partner
from gateway.services import acknowledge
from gateway.services.acknowledge import Acknowledge
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.services.problems import problem
from gateway.services.quarantine import MAX_RESULTS, Findings
from gateway.store.ports import INBOUND, OUTBOUND, Document, InterchangeKey, Message
from gateway.transports.folder import OUTBOX, harmless
from gateway.x12.envelope import (
    Event,
    FileProblem,
    GroupHeader,
    GroupTrailer,
    InterchangeAcknowledgment,
    InterchangeHeader,
    InterchangeTrailer,
    PartyId,
    TransactionSet,
    Verdict,
)
from gateway.x12.parser import GROUP_OF_SET, combined

if TYPE_CHECKING:
    from gateway.services.translate import Translate

LAST_INTERCHANGE = 999_999_999
"""Highest ISA13: nine digits."""

DOCUMENT_NUMBER = {"purchase_order": "po_number"}
"""The field people know a document by."""

_OPEN = {
    "HOME-DUPLICATE",
    "HOME-NO-PARTNER",
    "HOME-WRONG-CHANNEL",
    "HOME-NOT-FOR-US",
    "HOME-NO-AGREEMENT",
    "HOME-NO-DOCUMENT",
    "HOME-ACK-UNMATCHED",
}
"""Problems that say nothing against the content."""

_NOT_SUPPORTED = Ack(ak5="1")


class Inbound:
    """The work on one file from a partner, within a transaction."""

    def __init__(self, services: Translate, message: Message) -> None:
        self._services = services
        self._store = services.store
        self._message = message
        self._acknowledge = Acknowledge(services.store)
        self._findings = Findings(Verdict.UNREADABLE.value)
        self._verdicts: list[Verdict] = []
        self._results = 0
        self._spoiled = False

    def process(self) -> tuple[Translation, Findings]:
        """Reads the file to its end; returns what became of it and what was found."""
        assert self._message.payload is not None
        events = self._services.engine.read(self._services.payloads.path(self._message.payload))
        for event in events:
            match event:
                case FileProblem():
                    self._file_problem(event.problem)
                case InterchangeHeader():
                    self._interchange(event, events)
        findings = self._findings
        if self._verdicts:
            verdict = combined(self._verdicts)
            if self._spoiled and verdict is Verdict.ACCEPTED:
                verdict = Verdict.ACCEPTED_WITH_ERRORS
            findings.verdict = verdict.value
        if not findings.errors:
            return Translation.TRANSLATED, findings
        if self._results:
            return Translation.PARTLY_TRANSLATED, findings
        if findings.codes == {"HOME-DUPLICATE"}:
            return Translation.DUPLICATE, findings
        if not self._verdicts:
            return Translation.UNREADABLE, findings
        return (Translation.UNPROCESSED if findings.codes <= _OPEN else Translation.REJECTED), findings

    def _file_problem(self, found: Problem) -> None:
        self._findings.add(found)
        self._spoiled |= found.is_error

    # --- interchange ---------------------------------------------------------------------------------

    def _interchange(self, header: InterchangeHeader, events: Iterator[Event]) -> None:
        """Everything up to the trailer; a fault of the interchange itself takes all of it back."""
        partner = self._sender(header)
        key = InterchangeKey(
            sender=_named(header.sender),
            receiver=_named(header.receiver),
            usage=header.usage,
            control_number=header.control_number,
        )
        if isinstance(partner, Partner) and (before := self._store.interchange_before(key)) is not None:
            earlier = self._store.message(before)
            what = f"Interchange {header.control_number} from {partner.name}"
            partner = self._problem(
                header,
                "HOME-DUPLICATE",
                value=header.control_number,
                what=what,
                file=earlier.name,
                message=before,
            )
        if isinstance(partner, Problem):
            self._findings.add(partner)
            for event in events:
                if isinstance(event, InterchangeTrailer):
                    self._verdicts.append(event.verdict)
                    return
            return
        self._findings.partner = partner.id
        answering = self._services.engine.answering()
        answering.add(header)
        answered: list[str] = []
        only_answers, results, documents = True, self._results, len(self._findings.results)
        with self._store.savepoint() as take_back:
            for event in events:
                match event:
                    case FileProblem():
                        self._file_problem(event.problem)
                    case InterchangeAcknowledgment():
                        unknown = self._acknowledge.technical(self._message.id, partner, event)
                        self._findings.add(*([unknown] if unknown else []))
                        self._results += unknown is None
                    case GroupHeader():
                        trailer = self._group(event, events, partner, None if _answers(event) else answering)
                        if trailer is not None:
                            only_answers = False
                            answered.append(_group_words(trailer))
                    case TransactionSet():  # outside a group, which the interchange's problems tell
                        self._findings.add(*event.problems)
                    case InterchangeTrailer():
                        answering.add(event)
                        self._findings.add(*event.problems)
                        self._verdicts.append(event.verdict)
                        broken = any(one.is_error for one in event.problems)
                        if broken:
                            take_back()
                            self._results = results
                            del self._findings.results[documents:]
                        elif self._results > results:
                            self._store.add_interchange(self._message.id, key)
                        if header.ack_requested and (broken or not only_answers):
                            verdict = "interchange rejected" if broken else "interchange accepted"
                            self._answer(partner, "TA1", answering.technical, [verdict])
                        # A 997 that rejects would also be read as being about the first of two interchanges.
                        again = any(one.code == "X12-ISA-DUPLICATE" for one in event.problems)
                        if answered and not again:
                            words = ["all rejected, as the interchange is"] if broken else answered
                            self._answer(partner, "997", answering.functional, words)
                        break

    def _sender(self, header: InterchangeHeader) -> Partner | Problem:
        """The partner an interchange is from, or why it is not processed."""
        partner = self._services.settings.partners.by_party(header.sender)
        if partner is None:
            named = _named(header.sender)
            return self._problem(
                header, "HOME-NO-PARTNER", value=named, party=named or "nobody: it has no ISA segment"
            )
        if partner.folder != self._message.channel:
            words = {"party": _named(header.sender), "partner": partner.id, "channel": self._message.channel}
            return self._problem(header, "HOME-WRONG-CHANNEL", value=words["party"], **words)
        us = self._services.settings.us(partner)
        if header.receiver != us.party:
            words = {"party": _named(header.receiver), "partner": partner.name, "us": _named(us.party)}
            return self._problem(header, "HOME-NOT-FOR-US", value=words["party"], **words)
        return partner

    def _problem(self, header: InterchangeHeader, code: str, *, value: str, **words: str) -> Problem:
        where = Location(interchange=header.control_number or None, segment_id="ISA", offset=header.offset)
        return problem(code, where, value=value, **words)

    # --- functional group ----------------------------------------------------------------------------

    def _group(
        self, header: GroupHeader, events: Iterator[Event], partner: Partner, answering: Any
    ) -> GroupTrailer | None:
        """Everything up to GE; a rejected group takes it back. The trailer, if it is to be answered."""
        refused, results, documents = 0, self._results, len(self._findings.results)
        answer = answering is not None and _acknowledged(partner, header)
        if answer:
            answering.add(header)
        with self._store.savepoint() as take_back:
            for event in events:
                match event:
                    case FileProblem():
                        self._file_problem(event.problem)
                    case TransactionSet():
                        found = self._set(event, partner)
                        self._findings.add(*event.problems, *found)
                        if found and event.verdict is not Verdict.REJECTED:
                            refused += 1
                            event = replace(
                                event, verdict=Verdict.REJECTED, problems=(*event.problems, *found)
                            )
                        if answer:
                            answering.add(replace(event, document=None, text=""))
                    case GroupTrailer():
                        trailer = _without(event, refused)
                        self._findings.add(*trailer.problems)
                        if any(one.is_error for one in trailer.problems):
                            take_back()
                            self._results = results
                            del self._findings.results[documents:]
                        if answer:
                            answering.add(trailer)
                        return trailer if answer else None
        return None

    def _set(self, received: TransactionSet, partner: Partner) -> list[Problem]:
        """Stores what a transaction set says; the problems are why it cannot be."""
        if received.verdict is Verdict.REJECTED:
            return []
        if received.set_id in acknowledge.SETS:
            unknown = self._acknowledge.functional(self._message.id, partner, received)
            self._results += unknown is None
            return [unknown] if unknown else []
        where = Location(
            interchange=received.interchange.control_number,
            group=received.group.control_number if received.group else None,
            transaction_set=received.control_number,
            segment=1,
            segment_id="ST",
            element=1,
            offset=received.offset,
            line=received.line,
        )
        words = {"set": received.set_id, "partner": partner.id}
        if partner.receives(received.set_id) is None:
            found = problem("HOME-NO-AGREEMENT", where, value=received.set_id, list="receive", **words)
            return [replace(found, ack=_NOT_SUPPORTED)]
        if received.document is None:
            version = received.group.version if received.group else ""
            found = problem("HOME-NO-DOCUMENT", where, value=received.set_id, version=version, **words)
            return [replace(found, ack=_NOT_SUPPORTED)]
        self._document(received, received.document, partner)
        return []

    def _document(self, received: TransactionSet, document: dict[str, Any], partner: Partner) -> None:
        document_id = self._services.new_id()
        kind = str(document["document_type"])
        number = str(document.get(DOCUMENT_NUMBER.get(kind, ""), received.control_number))
        raw = {"sha256": self._message.payload, "location": self._location()}
        head = {
            "document_type": kind,
            "schema_version": document["schema_version"],
            "document_id": document_id,
            "partner_id": partner.id,
            "channel": self._message.channel,
        }
        body = {**head, **document, "raw": raw}
        self._store.add_document(
            Document(
                id=document_id,
                message_id=self._message.id,
                direction=INBOUND,
                partner=partner.id,
                document_type=kind,
                number=number,
                test=bool(document.get("test")),
                set_control=received.control_number,
                body=orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n",
                acknowledgment=Acknowledgment.NOT_EXPECTED,
            )
        )
        name = harmless(f"{kind}_{number}_{document_id[:8]}.json")
        erp = self._services.settings.gateway.erp.channel
        self._store.add_delivery(self._message.id, erp, OUTBOX, name, document_id=document_id)
        self._results += 1
        self._findings.deliveries += 1
        if len(self._findings.results) < MAX_RESULTS:
            self._findings.results.append(f"{kind.replace('_', ' ')} {number} -> {erp}/{OUTBOX}/{name}")
        self._store.audit(
            "document.created",
            self._message.id,
            partner=partner.id,
            document_type=kind,
            number=number,
            test=bool(document.get("test")),
            control_number=received.interchange.control_number,
            file=name,
        )

    def _location(self) -> str:
        assert self._message.payload is not None
        path = self._services.payloads.path(self._message.payload)
        return "/".join(path.parts[-3:])

    # --- answers -------------------------------------------------------------------------------------

    def _answer(self, partner: Partner, kind: str, make: Any, words: list[str]) -> None:
        """Stores the acknowledgments ``make`` gives, as messages to the sender."""
        used: list[int] = []

        def number() -> int:
            used.append(self._store.next_number(partner.id, "interchange", LAST_INTERCHANGE))
            return used[-1]

        now = self._services.clock()
        contents = make(number, now)
        for control, content in zip(used, contents, strict=True):
            payload, size = self._services.payloads.put(BytesIO(content))
            name = f"{kind}_{control}.edi"
            answer = Message(
                id=self._services.new_id(),
                direction=OUTBOUND,
                channel=partner.folder,
                name=name,
                payload=payload,
                size=size,
                created_at=now,
                translation=Translation.WRITTEN,
                delivery=Delivery.WAITING,
                acknowledgment=Acknowledgment.NOT_EXPECTED,
                partner=partner.id,
                interchange=str(control),
                origin=self._message.id,
            )
            self._store.add_message(answer)
            self._store.add_delivery(answer.id, partner.folder, OUTBOX, name, payload=payload)
            self._findings.answered.append(f"{name} says: {'; '.join(words)}")
            self._store.audit(
                "acknowledgment.written",
                answer.id,
                partner=partner.id,
                kind=kind,
                file=name,
                words="; ".join(words),
                answers=self._message.id,
            )


def _named(party: PartyId) -> str:
    """An identifier as people write it, empty for nobody."""
    return f"{party.qualifier}/{party.id}".strip("/")


def _answers(header: GroupHeader) -> bool:
    """Whether a group acknowledges, and so must not be acknowledged itself."""
    return header.functional_id == "FA"


def _acknowledged(partner: Partner, header: GroupHeader) -> bool:
    """Whether the agreement wants a 997 for this group; what is not agreed is always answered."""
    agreed = [one for one in partner.receive if GROUP_OF_SET.get(one.set) == header.functional_id]
    return all(one.acknowledge for one in agreed)


def _without(trailer: GroupTrailer, refused: int) -> GroupTrailer:
    """The trailer when so many of the accepted sets are not taken after all."""
    accepted = trailer.accepted - refused
    if not refused or trailer.verdict is Verdict.REJECTED:
        return replace(trailer, accepted=accepted)
    return replace(
        trailer, accepted=accepted, verdict=Verdict.ACCEPTED_WITH_ERRORS if accepted else Verdict.REJECTED
    )


def _group_words(trailer: GroupTrailer) -> str:
    """What a 997 says about a group."""
    group = f"group {trailer.header.control_number}"
    if any(one.is_error for one in trailer.problems):
        return f"{group} rejected"
    if trailer.accepted == trailer.received:
        noted = "" if trailer.verdict is Verdict.ACCEPTED else ", errors noted"
        return f"{group} accepted ({trailer.received}){noted}"
    if not trailer.accepted:
        return f"{group} rejected ({trailer.received})"
    return f"{group}: {trailer.accepted} of {trailer.received} accepted, the others rejected"
