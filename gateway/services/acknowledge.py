"""What partners tell us about what we sent: a 997 or TA1 finds its message and documents.

To be called in a transaction. The problem that comes back is that we never sent what it is about.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import Location, Problem
from gateway.partners.partner import Partner
from gateway.services import lifecycle
from gateway.services.lifecycle import Acknowledgment
from gateway.services.problems import problem
from gateway.services.work import Work
from gateway.store.records import Message
from gateway.x12.answer import Answer, read_acknowledgment, read_technical
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet

SETS = ("997", "999")
"""Transaction sets that acknowledge, and are therefore never acknowledged themselves."""

_MAX_WORDS = 20


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
    if sent.acknowledgment == Acknowledgment.WAITING:
        event, status = "acknowledgment.received", Acknowledgment(answer.status.value)
        lifecycle.advance(work.store, sent, status)
        # What is said of each document; those that are not named share what is said of the group.
        if status is not Acknowledgment.PARTIAL:
            work.store.acknowledge_documents(sent.id, None, status)
        for one in answer.sets:
            work.store.acknowledge_documents(sent.id, number(one.control_number), one.status.value)
    words = answer.sentences()[:_MAX_WORDS]
    _tell(work, event, sent, group=group, status=answer.status.value, words=words)
    return None


def technical(work: Work, partner: Partner, received: InterchangeAcknowledgment) -> Problem | None:
    """Takes in a TA1. A rejected interchange is rejected with all it holds, else the 997 counts."""
    answer = read_technical(received)
    control = number(answer.control_number)
    sent = work.store.sent(partner.id, "interchange", control)
    if sent is None:
        where = Location(interchange=received.interchange.control_number, segment_id="TA1")
        return problem("HOME-ACK-UNMATCHED", where, value=control, what=f"interchange {control}")
    if answer.status is Answer.REJECTED and sent.acknowledgment == Acknowledgment.WAITING:
        lifecycle.advance(work.store, sent, Acknowledgment.REJECTED)
        work.store.acknowledge_documents(sent.id, None, Acknowledgment.REJECTED)
    facts = {"interchange": control, "status": answer.status.value, "words": [answer.sentence()]}
    _tell(work, "interchange.acknowledged", sent, **facts)
    return None


def _tell(work: Work, event: str, sent: Message, **facts: Any) -> None:
    work.store.audit(event, sent.id, partner=sent.partner, file=sent.name, **facts, by=work.message.id)
