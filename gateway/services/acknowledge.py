"""What we tell a sender, and what partners tell us about what we sent (X12 997 and TA1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.errors import Location, Problem
from gateway.partners.partner import Partner
from gateway.services import lifecycle
from gateway.services.lifecycle import Acknowledgment
from gateway.services.problems import problem
from gateway.store.ports import Store
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet

SETS = ("997", "999")
"""Transaction sets that acknowledge, and are therefore never acknowledged themselves."""

_STATUS = {
    "A": Acknowledgment.ACCEPTED,
    "E": Acknowledgment.ACCEPTED_WITH_ERRORS,
    "P": Acknowledgment.PARTLY_ACCEPTED,
}
_WORDS = {
    Acknowledgment.ACCEPTED: "accepted",
    Acknowledgment.ACCEPTED_WITH_ERRORS: "accepted, but with errors noted",
    Acknowledgment.PARTLY_ACCEPTED: "accepted in part: at least one document was rejected",
    Acknowledgment.REJECTED: "rejected",
}


def status_of(code: str) -> Acknowledgment:
    """The meaning of AK501, AK901 or TA104; any code but A, E and P rejects (data elements 717, 715)."""
    return _STATUS.get(code, Acknowledgment.REJECTED)


def number(control: str) -> str:
    """A control number as we keep it: partners may return ``000000012`` for ``12``."""
    return control.strip().lstrip("0") or "0"


@dataclass(slots=True)
class GroupAnswer:
    """What a 997 says about one functional group: AK102, AK901 and AK202/AK501 of each set it names."""

    functional_id: str
    control_number: str
    status: Acknowledgment
    sets: list[tuple[str, Acknowledgment]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def answers(received: TransactionSet) -> Iterator[GroupAnswer]:
    """Reads a 997, or a 999 whose segments IK3 to IK5 stand for AK3 to AK5."""
    delimiters = received.interchange.delimiters
    answer: GroupAnswer | None = None
    control = ""
    for text in received.text.split(delimiters.terminator):
        name, *values = text.strip().split(delimiters.element)
        values += [""] * 9
        if name == "AK1":
            answer = GroupAnswer(values[0], number(values[1]), Acknowledgment.WAITING)
        elif answer is None:
            continue
        elif name == "AK2":
            control = number(values[1])
        elif name in ("AK3", "IK3"):
            answer.remarks.append(f"segment {values[0]} at position {values[1]}: code {values[3] or '-'}")
        elif name in ("AK4", "IK4"):
            answer.remarks.append(f"element {values[0]}: code {values[2]} {values[3]}".rstrip())
        elif name in ("AK5", "IK5"):
            answer.sets.append((control, status_of(values[0])))
        elif name == "AK9":
            answer.status = status_of(values[0])
            yield answer
            answer = None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Takes what partners say to the messages it is about. To be called in a transaction."""

    store: Store

    def functional(self, message_id: str, partner: Partner, received: TransactionSet) -> list[Problem]:
        """Takes in a 997 or 999; the problems are acknowledgments of what we never sent."""
        where = Location(
            interchange=received.interchange.control_number,
            group=received.group.control_number if received.group else None,
            transaction_set=received.control_number,
        )
        unknown: list[Problem] = []
        for answer in answers(received):
            sent = self.store.sent_group(partner.id, answer.control_number)
            if sent is None:
                what = f"group {answer.control_number} ({answer.functional_id})"
                unknown.append(problem("HOME-ACK-UNMATCHED", where, value=answer.control_number, what=what))
                continue
            repeated = sent.acknowledgment != Acknowledgment.WAITING
            if not repeated:
                lifecycle.advance(self.store, sent, answer.status)
                if not answer.sets:
                    self.store.acknowledge_documents(sent.id, None, answer.status)
                for control, status in answer.sets:
                    self.store.acknowledge_documents(sent.id, control, status)
            self.store.audit(
                "acknowledgment.repeated" if repeated else "acknowledgment.received",
                sent.id,
                partner=partner.id,
                file=sent.name,
                group=answer.control_number,
                status=answer.status.value,
                words=f"{partner.name} says: {_WORDS[answer.status]}",
                remarks=answer.remarks[:20],
                by=message_id,
            )
        return unknown

    def technical(
        self, message_id: str, partner: Partner, received: InterchangeAcknowledgment
    ) -> list[Problem]:
        """Takes in a TA1. A rejected interchange is rejected with all it holds, else the 997 counts."""
        _, control, _, _, code, note, *_ = (*received.elements, *[""] * 6)
        control = number(control)
        sent = self.store.sent_interchange(partner.id, control)
        if sent is None:
            where = Location(interchange=received.interchange.control_number, segment_id="TA1")
            return [problem("HOME-ACK-UNMATCHED", where, value=control, what=f"interchange {control}")]
        status = status_of(code)
        if status is Acknowledgment.REJECTED and sent.acknowledgment == Acknowledgment.WAITING:
            lifecycle.advance(self.store, sent, status)
        self.store.audit(
            "interchange.acknowledged",
            sent.id,
            partner=partner.id,
            file=sent.name,
            interchange=control,
            status=status.value,
            words=f"{partner.name} says about the interchange: {_WORDS[status]}",
            note=note,
            by=message_id,
        )
        return []
