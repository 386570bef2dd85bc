"""Documents from the ERP: each becomes an interchange for the partner it names, alone or with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from gateway import engine
from gateway.documents import KINDS
from gateway.errors import (
    DocumentError,
    EdiError,
    Fault,
    Level,
    Location,
    NotFoundError,
    Problem,
    RefusedError,
    Severity,
)
from gateway.observability.logging import note
from gateway.partners.agreement import Send
from gateway.partners.partner import API, WEBHOOK, Partner
from gateway.services import crossreference, label, route, rules, sp_api, sscc, webhook
from gateway.services.base import Services, job_of
from gateway.services.claims import claims, content_of, fingerprint
from gateway.services.erp import MADE
from gateway.services.lifecycle import Acknowledgment, Translation
from gateway.services.problems import problem, written_twice
from gateway.services.work import Work, send
from gateway.store.records import APPROVAL, OUTBOUND, Document, Message
from gateway.transports.folder import harmless
from gateway.x12.envelope import Verdict
from gateway.x12.writer import Envelope

_BODY = {API: sp_api.body_of, WEBHOOK: webhook.body_of}
_PLANNED = {API: sp_api.planned, WEBHOOK: webhook.planned}
"""By the ways on which each document goes by itself, and not as X12."""

_APPROVED = 1000
"""Approved documents that are planned in one transaction."""


class Outbound(Work):
    """The work on one file from the ERP."""

    def process(self) -> Translation:
        """Writes the documents as X12; returns what became of the file.

        Nothing is sent of a file that cannot be read as a whole. Of several documents each stands for itself.
        """
        assert self.message.payload is not None
        self.findings.verdict = Verdict.UNREADABLE.value
        services = self.services
        form = services.erp.inlet(self.message.channel, self.message.name)
        if self.message.way == MADE:
            form = services.erp.made(self.message.channel)
        if form is None:
            found = problem("HOME-NO-FORM", channel=self.message.channel, value=self.message.name)
            return self._stopped(Translation.UNPROCESSED, found)
        try:
            with services.payloads.open(self.message.payload) as file:
                documents = form.read(file, services.guides, services.settings.partners)
        except DocumentError as error:
            return self._stopped(Translation.UNREADABLE, *(error.problems or (_whole(error),)))
        self.findings.verdict = Verdict.REJECTED.value
        ends = []
        partners = set()
        for number, document in enumerate(documents, 1):
            told = len(self.findings.problems)
            ends.append(self.write(document))
            partners.add(self.findings.partner)
            if len(documents) > 1:
                name = f"Document {number} of {len(documents)}"
                if known := document.get(KINDS[document["document_type"]].number):
                    name += f" ({known})"
                self.findings.problems[told:] = [
                    replace(one, message=f"{name}: {one.message}") for one in self.findings.problems[told:]
                ]
        self.findings.partner = partners.pop() if len(partners) == 1 else None
        if set(ends) == {Translation.TRANSLATED}:
            self.findings.verdict = Verdict.ACCEPTED.value
        elif Translation.TRANSLATED in ends:
            return Translation.PARTLY_TRANSLATED
        return ends[0] if len(set(ends)) == 1 else Translation.REJECTED

    def write(self, document: dict[str, Any]) -> Translation:
        """Writes one document."""
        self.findings.partner = None
        partner = self.services.settings.partners.of_document(document)
        if isinstance(partner, str):
            return self._stopped(Translation.UNPROCESSED, problem("HOME-NO-ADDRESSEE", what=partner))
        self.findings.partner = partner.id
        set_id = KINDS[document["document_type"]].set_id
        self.findings.set_id = self.findings.set_id or set_id
        note(partner=partner.id)
        agreed = partner.sends(set_id)
        words: dict[str, Any] = {"set": set_id, "partner": partner.id, "list": "send"}
        no_agreement = problem("HOME-NO-AGREEMENT", value=set_id, **words)
        if agreed is None and not partner.is_direct:
            return self._stopped(Translation.UNPROCESSED, no_agreement)
        is_test = agreed.usage == "T" if agreed else bool(partner.sp_api and partner.sp_api.sandbox)
        waits = agreed is None or agreed.acknowledged
        given = orjson.dumps(document)
        today = crossreference.today(self.services)
        unknown = crossreference.fill(self.store, partner, document, today, ours=True)
        self.findings.add(*crossreference.problems(self.store, partner, unknown))
        if crossreference.waits(unknown):
            return Translation.UNPROCESSED
        own = self.services.erp.channels[self.message.channel]
        test = document.get("test") is True or is_test or own.test
        with self.store.savepoint() as take_back:
            try:
                if document["document_type"] == "ship_notice":
                    self._settle(partner, document, test=test)
                kept = self.document(
                    partner,
                    document,
                    "",
                    id=self.services.new_id(),
                    direction=OUTBOUND,
                    test=test,
                    set_control="1",
                    body=orjson.dumps(document),
                    acknowledgment=Acknowledgment.WAITING if waits else Acknowledgment.NOT_EXPECTED,
                )
                # By what our own system wrote, whatever the tables say of it today.
                if (before := self._before(orjson.loads(given), kept)) is not None:
                    take_back()
                    return self._stopped(Translation.DUPLICATE, before)
                chosen = route.choose(self.services, partner, kept, document)
                if chosen.code:
                    take_back()
                    refused = problem(chosen.code, value=kept.number, what=chosen.reason)
                    return self._stopped(Translation.UNPROCESSED, refused)
                is_direct = chosen.way in _PLANNED
                if chosen.way == WEBHOOK:
                    kept = replace(kept, acknowledgment=Acknowledgment.NOT_EXPECTED)
                if agreed is None and not is_direct:
                    take_back()
                    return self._stopped(Translation.UNPROCESSED, no_agreement)
                asked = rules.sending(self.services, partner, kept, document)
                self.findings.add(*asked)
                if asked or (agreed and agreed.batch and not is_direct):
                    self._wait(kept, partner, agreed, chosen.way, asked)
                elif is_direct or agreed is None:
                    self._plan(kept, partner, chosen.way)
                else:
                    self._send(kept, partner, agreed, chosen.way)
                if document["document_type"] == "ship_notice":
                    label.plan(self, partner, document)
            except (DocumentError, NotFoundError, RefusedError) as error:
                take_back()
                return self._stopped(Translation.REJECTED, *(error.problems or (_whole(error),)))
        return Translation.TRANSLATED

    def _settle(self, partner: Partner, notice: dict[str, Any], *, test: bool) -> None:
        try:
            sscc.settle(self.services, partner, notice, test=test, again=self.message.is_repeated)
        except DocumentError as error:  # all that is wrong is told at once
            more = rules.ask(self.services, partner, notice, test=test, ours=True)
            raise DocumentError(str(error), problems=(*error.problems, *more)) from error

    def _stopped(self, status: Translation, *problems: Problem) -> Translation:
        self.findings.add(*problems)
        return status

    def _before(self, document: dict[str, Any], kept: Document) -> Problem | None:
        """That this document was sent before: the same content, or a first one of the same number.

        A number whose document the partner rejected may be used again by a corrected one; so may one whose
        document was cancelled. What a person asks to process again is not asked.
        """
        kind = kept.document_type.replace("_", " ")
        whats = (f"The same {kind} {kept.number}", f"{kind.capitalize()} {kept.number} for {kept.partner}")
        again = self.message.is_repeated
        if (own_id := document.get("document_id")) and not again:
            # The ERP's own id is a promise: whatever carries it is this document.
            mark = f"{kept.partner}|{own_id}"
            try:
                self.store.once("document", mark, fingerprint(document), self.message.id)
            except RefusedError:
                first = self.store.message(self.store.result_of("document", mark))
                words = {"id": own_id, "partner": kept.partner, "file": first.name, "message": first.id}
                found = problem("HOME-KEY-TAKEN", value=str(own_id), **words)
                return replace(found, location=Location(pointer="/document_id"))
        for what, key in zip(whats, claims(kept, document)):
            before = self.store.claim(key, self.message.id, again=again)
            if before is not None:
                file = self.store.message(before).name
                return written_twice(value=kept.number, what=what, file=file, message=before)
        return None

    def _wait(
        self, kept: Document, partner: Partner, agreed: Send | None, way: str, asked: Sequence[Problem]
    ) -> None:
        """Lets the document wait for others, or for a person; that it can be written is proved now."""
        if way in _BODY or agreed is None:
            _BODY[way](self.services, partner, kept)
        else:
            _written(self.services, partner, agreed, [kept], (1, 1))
        batch = f"{partner.id}|{KINDS[kept.document_type].set_id}|{'T' if kept.test else 'P'}"
        if len(partner.ways) > 1 or way != partner.x12_way:
            batch += f"|{way}"
        if asked:
            facts = {
                "rules": sorted({one.code for one in asked}),
                "problems": [one.message for one in asked[:20]],
            }
            held = replace(kept, batch=f"{APPROVAL}{batch}")
            self.keep(held, "document.held", self.message.id, "waits for approval", **facts)
            return
        assert agreed is not None
        assert agreed.batch is not None
        self.keep(
            replace(kept, batch=batch), "document.waiting", self.message.id, f"waits for {batch}", batch=batch
        )
        count, since = self.store.waiting(batch)
        if count >= agreed.batch.count or agreed.batch.size_kb:  # how large it is, is seen there
            self.services.enqueue([f"batch:{batch}"])
        elif count == 1 and agreed.batch.close is None:
            due = datetime.fromisoformat(since) if since else self.services.clock()
            self.services.enqueue([f"batch:{batch}"], due + timedelta(seconds=agreed.batch.seconds))

    def _plan(self, kept: Document, partner: Partner, way: str) -> None:
        """Plans that it goes by itself."""
        sent, facts, problems = _PLANNED[way](self.services, partner, kept)
        self.findings.add(*problems)
        event, result = facts.pop("event"), f"{facts.get('operation', way)} {sent.name}"
        kept = replace(kept, sent_in=sent.id, acknowledgment=sent.acknowledgment)
        self.keep(kept, event, sent.id, result, **facts)

    def _send(self, kept: Document, partner: Partner, agreed: Send, way: str) -> None:
        sent, name = write(self.services, partner, agreed, [kept], way, self.message.id)
        facts = {"control_number": sent.interchange, "file": name, "made_from": self.message.id}
        facts["payload"] = sent.payload
        result = f"{partner.folder}/outbox/{name}"
        self.keep(replace(kept, sent_in=sent.id), "interchange.written", sent.id, result, **facts)


def _whole(error: EdiError) -> Problem:
    return Problem(error.code, Severity.ERROR, Level.TRANSACTION_SET, str(error), fault=Fault.US)


def close_batch(services: Services, batch: str, *, closes: bool = False) -> None:
    """Sends what waits for a batch, if it is due by the agreement as it is now, or ``closes``."""
    partner_id, set_id, _, *named = batch.split("|")
    partner = services.settings.partners.get(partner_id)
    agreed = partner.sends(set_id) if partner is not None else None
    if partner is not None and named and named[0] in _PLANNED and named[0] in partner.ways:
        _submit(services, partner, batch, named[0])
        return
    if partner is None or agreed is None:
        services.trouble(partner_id, f"documents wait for {batch}, and nothing is agreed about it any more")
        return
    rule = agreed.batch
    while True:
        with services.store.transaction():
            waiting = services.store.waiting_documents(batch, rule.count if rule else 1)
            if not waiting:
                return
            if rule is not None:
                full, waiting = _full(waiting, rule.count, rule.size_kb * 1000)
                since, now = waiting[0].created_at, services.clock()
                due = since + timedelta(seconds=rule.seconds)
                if not full and rule.close and not closes:
                    return
                if (
                    not full and not closes and since <= now < due
                ):  # later than now, if the clock was set back
                    services.enqueue([f"batch:{batch}"], due)
                    return
            sent, name = write(services, partner, agreed, waiting, *(named or [partner.x12_way]))
            services.store.send_documents([one.id for one in waiting], batch, sent.id)
            for one in waiting:
                facts: dict[str, Any] = {"document_type": one.document_type, "number": one.number}
                facts |= {"test": one.test}
                facts |= {"control_number": sent.interchange, "file": name, "made_from": one.message_id}
                facts |= {"sha256": one.sha256, "payload": sent.payload}
                services.store.audit(
                    "interchange.written", sent.id, document_id=one.id, partner=partner.id, **facts
                )
            services.enqueue([job_of(sent.id)])
            services.payloads.flush()


def _submit(services: Services, partner: Partner, batch: str, way: str) -> None:
    """Plans that what was approved goes, each by itself."""
    with services.store.transaction():
        for one in services.store.waiting_documents(batch, _APPROVED):
            sent, facts, _ = _PLANNED[way](services, partner, one)
            event = facts.pop("event")
            services.store.send_documents([one.id], batch, sent.id)
            facts |= {"document_type": one.document_type, "number": one.number, "test": one.test}
            facts["sha256"] = one.sha256
            services.store.audit(event, sent.id, document_id=one.id, partner=partner.id, **facts)
        services.payloads.flush()


def _full(waiting: list[Document], count: int, size: int) -> tuple[bool, list[Document]]:
    """Whether a batch is full by count or size, and which documents go into it."""
    taken: list[Document] = []
    total = 0
    for one in waiting:
        total += len(one.body or b"")
        if size and taken and total > size:
            return True, taken
        taken.append(one)
    return len(taken) >= count or bool(size and total >= size), taken


def write(
    services: Services,
    partner: Partner,
    agreed: Send,
    documents: Sequence[Document],
    way: str,
    origin: str | None = None,
) -> tuple[Message, str]:
    """Writes documents of one type and usage as one interchange with new control numbers, to be delivered.

    Raises:
        DocumentError, NotFoundError: one of them cannot be written.
    """
    first = partner.first_control_number
    numbers = tuple(services.store.next_number(partner.id, kind, first) for kind in ("interchange", "group"))
    content = _written(services, partner, agreed, documents, (numbers[0], numbers[1]))
    named = documents[0].number if len(documents) == 1 else f"{len(documents)}-documents"
    now = services.clock()
    said = {"set": agreed.set, "number": named, "control": numbers[0], "partner": partner.id}
    name = harmless(agreed.file_name.format(**said, date=f"{now:%Y%m%d}", time=f"{now:%H%M%S}"))
    of = (services, partner, agreed.set, name, content, (numbers[0], numbers[1]))
    return send(*of, way=way, origin=origin, owner=origin, agreed=agreed), name


def _written(
    services: Services,
    partner: Partner,
    agreed: Send,
    documents: Sequence[Document],
    numbers: tuple[int, int],
) -> bytes:
    now = services.clock()
    us, them = services.settings.us(partner), partner.identifiers[0]
    envelope = Envelope(
        sender=us.party,
        receiver=them.party,
        group_sender=partner.our_group_id or us.id,
        group_receiver=partner.group_id or them.id,
        version=partner.writing.interchange_version,
        release=agreed.version,
        usage="T" if documents[0].test else "P",
        control_interchange=numbers[0],
        control_group=numbers[1],
        control_set=1,
        date=f"{now:%Y%m%d}",
        time=f"{now:%H%M}",
        delimiters=partner.writing.delimiters,
        newline=partner.writing.delimiters.newline,
    )
    bodies = [content_of(orjson.loads(one.body or b"")) for one in documents]
    return engine.write(
        bodies if len(bodies) > 1 else bodies[0],
        envelope=envelope,
        guides=services.guides.of(partner.overlay),
    )
