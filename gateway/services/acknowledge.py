"""What partners tell us about what we sent: a 997 or TA1 finds its message and documents."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Location, Problem
from gateway.partners.partner import Partner
from gateway.services import lifecycle
from gateway.services.lifecycle import Acknowledgment
from gateway.services.problems import problem
from gateway.store.ports import Store
from gateway.x12.answer import FunctionalAcknowledgment, read_acknowledgment, read_technical
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet

SETS = ("997", "999")
"""Transaction sets that acknowledge, and are therefore never acknowledged themselves."""

_MAX_WORDS = 20


def number(control: str) -> str:
    """A control number as we keep it: partners may return ``000000012`` for ``12``."""
    return control.strip().lstrip("0") or "0"


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Takes what partners say to the messages it is about. To be called in a transaction."""

    store: Store

    def functional(self, message_id: str, partner: Partner, received: TransactionSet) -> Problem | None:
        """Takes in a 997 or 999; the problem is that we never sent what it is about."""
        answer = read_acknowledgment(received)
        group = number(answer.control_number) if answer else ""
        sent = self.store.sent_group(partner.id, group)
        if answer is None or sent is None:
            where = Location(
                interchange=received.interchange.control_number,
                group=received.group.control_number if received.group else None,
                transaction_set=received.control_number,
            )
            what = f"group {group} ({answer.functional_id})" if answer else "nothing it names"
            return problem("HOME-ACK-UNMATCHED", where, value=group, what=what)
        # A second answer may be a repetition or contradict the first; a person may look, the status stays.
        repeated = sent.acknowledgment != Acknowledgment.WAITING
        if not repeated:
            lifecycle.advance(self.store, sent, Acknowledgment(answer.status.value))
            self._documents(sent.id, answer)
        self.store.audit(
            "acknowledgment.repeated" if repeated else "acknowledgment.received",
            sent.id,
            partner=partner.id,
            file=sent.name,
            group=group,
            status=answer.status.value,
            words=list(answer.sentences()[:_MAX_WORDS]),
            by=message_id,
        )
        return None

    def _documents(self, sent_in: str, answer: FunctionalAcknowledgment) -> None:
        """What is said of each document; those that are not named share what is said of the group."""
        if Acknowledgment(answer.status.value) is not Acknowledgment.PARTIAL:
            self.store.acknowledge_documents(sent_in, None, answer.status.value)
        for one in answer.sets:
            self.store.acknowledge_documents(sent_in, number(one.control_number), one.status.value)

    def technical(
        self, message_id: str, partner: Partner, received: InterchangeAcknowledgment
    ) -> Problem | None:
        """Takes in a TA1. A rejected interchange is rejected with all it holds, else the 997 counts."""
        answer = read_technical(received)
        control = number(answer.control_number)
        sent = self.store.sent_interchange(partner.id, control)
        if sent is None:
            where = Location(interchange=received.interchange.control_number, segment_id="TA1")
            return problem("HOME-ACK-UNMATCHED", where, value=control, what=f"interchange {control}")
        rejected = Acknowledgment(answer.status.value) is Acknowledgment.REJECTED
        if rejected and sent.acknowledgment == Acknowledgment.WAITING:
            lifecycle.advance(self.store, sent, Acknowledgment.REJECTED)
            self.store.acknowledge_documents(sent.id, None, Acknowledgment.REJECTED)
        self.store.audit(
            "interchange.acknowledged",
            sent.id,
            partner=partner.id,
            file=sent.name,
            interchange=control,
            status=answer.status.value,
            words=[answer.sentence()],
            by=message_id,
        )
        return None
