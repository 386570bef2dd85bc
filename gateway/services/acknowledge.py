"""What partners tell us about what we sent: a 997 or TA1 finds its message and documents.

To be called in a transaction. The problem that comes back is that we never sent what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.errors import Location, Problem
from gateway.partners.partner import Partner
from gateway.services import lifecycle, quarantine
from gateway.services.base import Services, job_of
from gateway.services.claims import free_number
from gateway.services.lifecycle import Acknowledgment, Delivery
from gateway.services.problems import problem
from gateway.services.quarantine import Findings
from gateway.services.work import Work
from gateway.store.records import Document, Message
from gateway.x12.answer import Answer, FunctionalAcknowledgment, read_acknowledgment, read_technical
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet

SETS = ("997", "999")
"""Transaction sets that acknowledge, and are therefore never acknowledged themselves."""

_MAX_WORDS = 20
_OWED = (Acknowledgment.WAITING, Acknowledgment.OVERDUE)


def number(control: str) -> str:
    """A control number as we keep it: partners may return ``000000012`` for ``12``."""
    return control.strip().lstrip("0") or "0"


def place(received: TransactionSet) -> Location:
    """Where a transaction set stood."""
    group = received.group.control_number if received.group else None
    interchange = received.interchange.control_number
    return Location(interchange=interchange, group=group, transaction_set=received.control_number)


def functional(work: Work, partner: Partner, received: TransactionSet) -> Problem | None:
    """Takes in a 997 or 999."""
    answer = read_acknowledgment(received)
    group = number(answer.control_number) if answer else ""
    sent = work.store.sent(partner.id, "group", group)
    if answer is None or sent is None:
        what = f"group {group} ({answer.functional_id})" if answer else "nothing it names"
        return problem("HOME-ACK-UNMATCHED", place(received), value=group, what=what)
    # A second answer may be a repetition or contradict the first; a person may look, the status stays.
    event = "acknowledgment.repeated"
    words = answer.sentences()[:_MAX_WORDS]
    if sent.acknowledgment in _OWED:
        event, status = "acknowledgment.received", Acknowledgment(answer.status.value)
        lifecycle.advance(work.store, sent, status)
        work.store.settle(sent.id, "met")
        # What is said of each document; those that are not named share what is said of the group.
        documents = {}
        if status is not Acknowledgment.PARTIAL:
            documents = {one.id: one for one in work.store.acknowledge_documents(sent.id, None, status)}
        for one in answer.sets:
            control = number(one.control_number)
            for kept in work.store.acknowledge_documents(sent.id, control, one.status.value):
                documents[kept.id] = kept
        _refused(work, sent, documents.values(), answer)
    kind = received.set_id
    if not answer.sets:
        work.store.add_acknowledgment(kind, work.message.id, sent, "", answer.status.value, words)
    for one in answer.sets:
        control, said = number(one.control_number), one.sentences()[:_MAX_WORDS]
        work.store.add_acknowledgment(kind, work.message.id, sent, control, one.status.value, said)
    _tell(work, event, sent, group=group, status=answer.status.value, words=words)
    return None


def _refused(
    work: Work, sent: Message, documents: Iterable[Document], answer: FunctionalAcknowledgment | None
) -> None:
    """Tells our own system what a partner refused, and lets corrected documents take the numbers."""
    told = {number(one.control_number): one for one in answer.sets} if answer else {}
    whole = answer.sentences()[:1] if answer else ("The partner rejects the interchange.",)
    for kept in documents:
        if kept.acknowledgment == Acknowledgment.REJECTED:
            said = told.get(kept.set_control)
            words = said.sentences() if said else whole
            _told_to_us(work.services, sent, kept, words, owner=work.message.id)


def _told_to_us(
    services: Services, sent: Message, kept: Document, words: Iterable[str], owner: str = ""
) -> None:
    free_number(services, kept)
    findings = Findings("rejected", partner=sent.partner)
    kind = kept.document_type.replace("_", " ")
    for one in words:
        what = f"{kind.capitalize()} {kept.number}: {one}"
        findings.add(problem("HOME-REFUSED-BY-PARTNER", what=what, value=kept.number))
    origin = services.store.message(kept.message_id)
    quarantine.put(services, origin, quarantine.REFUSED, findings, owner=owner)
    if origin.delivery != Delivery.WAITING:
        lifecycle.advance(services.store, origin, Delivery.WAITING)
    services.enqueue([job_of(owner or origin.id)])


def judged(services: Services, sent: Message, status: Acknowledgment, words: Iterable[str]) -> None:
    """What a partner says of all that a message carries; a second answer changes nothing."""
    if sent.acknowledgment in _OWED:
        lifecycle.advance(services.store, sent, status)
        services.store.settle(sent.id, "met")
        for kept in services.store.acknowledge_documents(sent.id, None, status):
            if status is Acknowledgment.REJECTED:
                _told_to_us(services, sent, kept, words)


def technical(work: Work, partner: Partner, received: InterchangeAcknowledgment) -> Problem | None:
    """Takes in a TA1. A rejected interchange is rejected with all it holds, else the 997 counts."""
    answer = read_technical(received)
    control = number(answer.control_number)
    sent = work.store.sent(partner.id, "interchange", control)
    if sent is None:
        where = Location(interchange=received.interchange.control_number, segment_id="TA1")
        return problem("HOME-ACK-UNMATCHED", where, value=control, what=f"interchange {control}")
    if answer.status is Answer.REJECTED and sent.acknowledgment in _OWED:
        lifecycle.advance(work.store, sent, Acknowledgment.REJECTED)
        work.store.settle(sent.id, "met")
        refused = work.store.acknowledge_documents(sent.id, None, Acknowledgment.REJECTED)
        _refused(work, sent, refused, None)
    said = [answer.sentence()]
    work.store.add_acknowledgment("TA1", work.message.id, sent, "", answer.status.value, said)
    facts = {"interchange": control, "status": answer.status.value, "words": [answer.sentence()]}
    _tell(work, "interchange.acknowledged", sent, **facts)
    return None


def _tell(work: Work, event: str, sent: Message, **facts: Any) -> None:
    work.store.audit(event, sent.id, partner=sent.partner, file=sent.name, **facts, by=work.message.id)
