"""What the work on a file from a partner and on one from the ERP share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from typing import Any

import orjson

from gateway.documents import KINDS, keys_of
from gateway.errors import DocumentError, Location, Problem, Severity
from gateway.observability import tracing
from gateway.partners.agreement import Send
from gateway.partners.partner import FOLDER, Partner
from gateway.services import crossreference, deadline, rules
from gateway.services.base import Services, job_of
from gateway.services.erp import FileForm
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.services.problems import problem
from gateway.services.quarantine import Findings
from gateway.store.records import INBOUND, OUTBOUND, Document, Message
from gateway.transports.folder import OUTBOX
from gateway.x12.envelope import TransactionSet

RECONCILED = ((OUTBOUND, "invoice"), (INBOUND, "remittance_advice"))
FIRST = (None, "original", "00")
"""Purposes of a document that is the first of its number (BEG01)."""


@dataclass(frozen=True, slots=True)
class Came:
    """Where a document for our own system stood.

    Attributes:
        place: for problems. what: how people call it, as ``850``. number: of it in what it came with.
        interchange: what that is known by. received: the transaction set, if it was one.
        changes: what is other than in the order that it changes, in words.
    """

    place: Location
    what: str
    number: str
    interchange: str
    received: TransactionSet | None = None
    changes: tuple[str, ...] = ()


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

    def to_erp(
        self, partner: Partner, document: dict[str, Any], form: FileForm | None, came: Came
    ) -> tuple[Problem, ...]:
        """Stores a document and plans its file for our own system, or says why that cannot be written."""
        document_id, store = self.services.new_id(), self.store
        today = crossreference.today(self.services)
        unknown = crossreference.fill(store, partner, document, today, ours=False)
        told_of, held = rules.receiving(self.services, partner, document)
        self.findings.add(*told_of)
        waits = held or crossreference.waits(unknown)
        head = {
            "document_type": document["document_type"],
            "schema_version": document["schema_version"],
            "document_id": document_id,
            "partner_id": partner.id,
            "channel": self.message.channel,
        }
        body = {**head, **document, "raw": self._raw}
        kept = self.document(
            partner,
            document,
            came.number,
            id=document_id,
            direction=INBOUND,
            test=bool(document.get("test")),
            set_control=came.number,
            body=orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n",
        )
        where, kind = came.place, kept.document_type
        if form is None:
            words = {"kind": kind.replace("_", " "), "number": kept.number}
            return (problem("HOME-NO-OUTLET", where, value=kind, **words),)
        erp, place = form.channel.channel, form.channel.outlet
        told = f"{came.what} {kept.number} for {erp}: "
        remarks: list[Problem] = []
        content = None
        try:
            content = form.write(body, came.received, remarks.append)
        except DocumentError as error:
            if not waits:  # else it is written when it goes on, with the names it waited for
                then = "Then let `edigw message reprocess` do it again."
                wrong = (
                    replace(one, message=told + one.message, hint=f"{one.hint} {then}")
                    for one in error.problems
                )
                return tuple(one.at(transaction_set=came.number) for one in wrong)
        self.findings.add(*(replace(one, message=told + one.message) for one in remarks))
        name = form.name(body, self.services.clock(), lambda: store.next_number(erp, "file"))
        payload = None if content is None else self.services.payloads.put(BytesIO(content))[0]
        mine = self.message.id
        owner = f"@{place}" if form.channel.webhook else mine
        store.add_delivery(
            mine, owner, place, OUTBOX, name, payload=payload, document_id=document_id, waits=waits
        )
        self.services.enqueue([job_of(owner)] if owner != mine and not waits else [])
        asked = crossreference.problems(store, partner, unknown)
        self.findings.add(*(replace(one, severity=Severity.INFO) for one in asked))
        self.findings.deliveries = True
        self.findings.done += 1
        facts: dict[str, Any] = {"control_number": came.interchange, "file": name}
        facts |= {"changes": [*came.changes]} if came.changes else {}
        if payload is not None:
            facts |= {"shape": form.rule.shape, "payload": payload}
        result = f"waits for {waits}" if waits else f"{place}/{OUTBOX}/{name}"
        self.keep(kept, "document.created", mine, result, **facts)
        if waits:
            facts = {"document_type": kind, "number": kept.number, "waits_for": waits}
            store.audit("document.waits", mine, document_id=document_id, partner=partner.id, **facts)
            self.services.enqueue([crossreference.job_of_waiting(mine)])
        return ()

    @cached_property
    def _raw(self) -> dict[str, Any]:
        sha256 = self.message.payload
        return {"sha256": sha256, "location": self.services.payloads.location(sha256)} if sha256 else {}

    def keep(self, document: Document, event: str, message_id: str, result: str, **facts: Any) -> None:
        """Stores a document and tells what was made of it."""
        self.store.add_document(document)
        if not self.message.is_repeated:
            deadline.follow(self.services, document)
        self._reconcile(document)
        kind, number = document.document_type, document.number
        self.findings.result(f"{kind.replace('_', ' ')} {number} -> {result}")
        known = {"document_type": kind, "number": number, "test": document.test, "sha256": document.sha256}
        self.store.audit(
            event, message_id, document_id=document.id, partner=document.partner, **known, **facts
        )

    def _reconcile(self, document: Document) -> None:
        """Lets an invoice or a remittance be taken into account."""
        counts = (document.direction, document.document_type) in RECONCILED and not document.test
        if counts and document.partner in self.services.settings.reconciliation:
            self.services.enqueue([f"reconcile:{document.id}"])


def send(
    services: Services,
    partner: Partner,
    set_id: str,
    name: str,
    content: bytes,
    numbers: tuple[int | None, int | None],
    *,
    way: str,
    origin: str | None,
    owner: str | None = None,
    agreed: Send | None = None,
    operation: str = "",
) -> Message:
    """Stores an interchange, or a document as JSON, for a partner and plans its delivery.

    Args:
        set_id: what it holds; it decides over which of several servers it goes.
        numbers: of interchange (ISA13) and group (GS06); None of what is none.
        way: how it goes.
        owner: the message whose job puts it into the folder; None for itself.
        agreed: what was agreed, if the partner is to acknowledge it.
        operation: that of the partner's API which takes it, and says what became of it.
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
        acknowledgment=Acknowledgment.WAITING if waits or operation else Acknowledgment.NOT_EXPECTED,
        partner=partner.id,
        interchange=None if numbers[0] is None else str(numbers[0]),
        group=None if numbers[1] is None else str(numbers[1]),
        origin=origin,
        way=way,
    )
    with tracing.span("write", sent.id, first=True, origin=origin, partner=partner.id, set=set_id):
        services.store.add_written(sent)
    services.store.tally["message", OUTBOUND, set_id, partner.id, "written"] += 1
    channel, own = partner.place_of(way, set_id)
    if way != FOLDER:
        owner = f"@{channel}"
        services.enqueue([job_of(owner)])
    box = operation or (f"{OUTBOX}/{own}" if own else OUTBOX)
    services.store.add_delivery(sent.id, owner or sent.id, channel, box, name, payload=payload)
    if waits and agreed is not None:
        due = now + timedelta(hours=agreed.acknowledged_within_hours)
        services.store.expect("acknowledgment", sent.id, due, deadline.near(partner, due, now))
    return sent
