"""Files from partners: interchanges become documents for the ERP and acknowledgments for the sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from gateway import engine
from gateway.documents import KINDS
from gateway.errors import Ack, Level, Location, Problem
from gateway.observability.logging import note
from gateway.partners.partner import Partner
from gateway.services import acknowledge, route
from gateway.services.acknowledge import number as number_of
from gateway.services.deliver import again
from gateway.services.lifecycle import Translation
from gateway.services.problems import duplicate, problem
from gateway.services.work import FIRST, Came, Work, send
from gateway.store.records import OUTBOUND
from gateway.x12.acknowledgment import Acknowledger, Form, Kind
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
from gateway.x12.parser import TECHNICAL, combined

_NOT_SUPPORTED = Ack(ak5="1")


class Inbound(Work):
    """The work on one file from a partner."""

    _spoiled = False
    """Whether the file has errors outside of its interchanges."""

    _repeated = False
    """Whether it was answered as before, because it came before."""

    def process(self) -> Translation:
        """Reads the file to its end; returns what became of it."""
        assert self.message.payload is not None
        self._verdicts: list[Verdict] = []
        findings = self.findings
        content = f"content:{self.message.channel}:{self.message.payload}"
        self._same_bytes = self._claim(content)
        with self.services.payloads.open(self.message.payload) as file:
            events = self._told(engine.read(file, guides=self.services.guides, profile_of=self._profile))
            for event in events:
                if isinstance(event, InterchangeHeader):
                    self._interchange(event, events)
        if not findings.done:
            self.store.release_claims([content], self.message.id)  # what gave no results may come again
        if self._verdicts:
            verdict = combined(self._verdicts)
            if self._spoiled and verdict is Verdict.ACCEPTED:
                verdict = Verdict.ACCEPTED_WITH_ERRORS
            findings.verdict = verdict.value
        if not findings.errors:
            return Translation.DUPLICATE if self._repeated and not findings.done else Translation.TRANSLATED
        if findings.done:
            return Translation.PARTLY_TRANSLATED
        if findings.codes == {"HOME-DUPLICATE"}:
            return Translation.DUPLICATE
        if not self._verdicts:
            return Translation.UNREADABLE
        # Problems of this home say nothing against the content.
        ours = all(code.startswith(("HOME-", "SHAPE-")) for code in findings.codes)
        return Translation.UNPROCESSED if ours else Translation.REJECTED

    def _profile(self, header: InterchangeHeader) -> str:
        partner = self.services.settings.partners.by_party.get(header.sender)
        return partner.overlay if partner is not None else ""

    def _told(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events but for errors outside of interchanges, which are noted."""
        for event in events:
            if isinstance(event, FileProblem):
                self.findings.add(event.problem)
                self._spoiled |= event.problem.is_error
            else:
                yield event

    def _claim(self, key: str) -> str | None:
        """The message that had it before; None if it is new, or is to be processed again."""
        before = self.store.claim(key, self.message.id)
        return None if self.message.is_repeated else before

    @contextmanager
    def _part(self) -> Iterator[Callable[[], None]]:
        """A part of the file; calling what it yields takes back what came of it."""
        done, told = self.findings.done, len(self.findings.results)
        with self.store.savepoint() as undo:

            def take_back() -> None:
                undo()
                self.findings.done = done
                del self.findings.results[told:]

            yield take_back

    # --- interchange ---------------------------------------------------------------------------------

    def _interchange(self, header: InterchangeHeader, events: Iterator[Event]) -> None:
        """Everything up to the trailer; a fault of the interchange itself takes all of it back."""
        self.findings.interchange = self.findings.interchange or number_of(header.control_number)
        partner = self._sender(header)
        if isinstance(partner, Problem):
            self.findings.add(partner)
            self._skip(events)
            return
        self.findings.partner = partner.id
        note(partner=partner.id, control_number=self.findings.interchange)
        answering = Acknowledger()
        answering.add(header)
        key = f"interchange:{_key(header)}"
        if (before := self._came_before(partner, key)) is not None:
            self._duplicate(header, events, partner, answering, before)
            return
        answered: dict[Form, list[str]] = {}
        only_answers, done = True, self.findings.done
        with self._part() as take_back:
            for event in events:
                match event:
                    case InterchangeAcknowledgment():
                        self.findings.add(*event.problems)
                        self.findings.set_id = self.findings.set_id or TECHNICAL
                        if not any(one.is_error for one in event.problems):
                            self._matched(acknowledge.technical(self, partner, event))
                    case GroupHeader():
                        trailer = self._group(event, events, partner, answering)
                        if trailer is not None:
                            only_answers = False
                            form = partner.answers(event.functional_id) or "997"
                            answered.setdefault(form, []).append(_group_words(trailer))
                    case TransactionSet():  # outside a group, which the interchange's problems tell
                        self.findings.add(*event.problems)
                    case InterchangeTrailer():
                        answering.add(event)
                        self.findings.add(*event.problems)
                        self._verdicts.append(event.verdict)
                        broken = any(one.is_error for one in event.problems)
                        if broken:
                            take_back()
                        if self.findings.done == done:
                            self.store.release_claims([key], self.message.id)
                        if header.ack_requested and (broken or not only_answers):
                            verdict = "interchange rejected" if broken else "interchange accepted"
                            self._answer(partner, "ta1", answering, [verdict])
                        # One that rejects would also be read as being about the first of two interchanges.
                        again = any(one.code == "X12-ISA-DUPLICATE" for one in event.problems)
                        for form, said in answered.items() if not again else ():
                            words = ["all rejected, as the interchange is"] if broken else said
                            self._answer(partner, form, answering, words)
                        break

    def _skip(self, events: Iterator[Event]) -> InterchangeTrailer | None:
        """Everything up to the trailer; it counts for the verdict only."""
        for event in events:
            if isinstance(event, InterchangeTrailer):
                self._verdicts.append(event.verdict)
                return event
        return None

    def _came_before(self, partner: Partner, key: str) -> str | None:
        """The message an interchange came with before, as far as the partner's agreement asks for that."""
        by = partner.duplicates.by if partner.duplicates.then != "pass" else ()
        before = self._claim(key)
        same_bytes = self._same_bytes if "content" in by else None
        return same_bytes or (before if "interchange" in by else None)

    def _duplicate(
        self,
        header: InterchangeHeader,
        events: Iterator[Event],
        partner: Partner,
        answering: Acknowledger,
        before: str,
    ) -> None:
        """What is done with an interchange that came before is a matter of agreement."""
        then = partner.duplicates.then
        what = f"Interchange {header.control_number} from {partner.name}"
        where = Location(interchange=header.control_number or None, segment_id="ISA", offset=header.offset)
        earlier = self.store.message(before)
        words = {"what": what, "file": earlier.name, "message": before}
        found = duplicate(then, where, value=header.control_number, **words)
        self.findings.add(found)
        trailer = self._skip(events)
        if then == "reject" and trailer is not None:
            told = replace(found, ack=Ack(ta1="025"))  # 025: the control number was used before
            answering.add(replace(trailer, problems=(*trailer.problems, told), verdict=Verdict.REJECTED))
            self._answer(partner, "ta1", answering, ["interchange rejected, it came before"])
        elif then == "answer_again":
            self._repeated = True
            for answer in self.store.made_from(before):
                if answer.direction == OUTBOUND:
                    self.findings.answered.append(f"{answer.name} once more")
                    again(self.services, answer, owner=self.message.id)

    def _sender(self, header: InterchangeHeader) -> Partner | Problem:
        """The partner an interchange is from, or why it is not processed."""
        where = Location(interchange=header.control_number or None, segment_id="ISA", offset=header.offset)
        partner = self.services.settings.partners.by_party.get(header.sender)
        if partner is None:
            party = _named(header.sender) or "nobody: it has no ISA segment"
            return problem("HOME-NO-PARTNER", where, value=_named(header.sender), party=party)
        if partner.folder != self.message.channel:
            words = {"party": _named(header.sender), "partner": partner.id, "channel": self.message.channel}
            return problem("HOME-WRONG-CHANNEL", where, value=_named(header.sender), **words)
        us = self.services.settings.us(partner)
        if header.receiver != us.party:
            words = {"party": _named(header.receiver), "partner": partner.name, "us": _named(us.party)}
            return problem("HOME-NOT-FOR-US", where, value=_named(header.receiver), **words)
        return partner

    def _matched(self, unknown: Problem | None) -> Problem | None:
        """Counts an acknowledgment of the partner, or notes that it is about nothing we sent."""
        if unknown is None:
            self.findings.done += 1
        else:
            self.findings.add(unknown)
        return unknown

    # --- functional group ----------------------------------------------------------------------------

    def _group(
        self, header: GroupHeader, events: Iterator[Event], partner: Partner, answering: Acknowledger
    ) -> GroupTrailer | None:
        """Everything up to GE; a rejected group takes it back. The trailer, if it is to be answered."""
        refused = 0
        answer = partner.answers(header.functional_id) if self.message.answers else None
        if answer:
            answering.add(header, answer)
        with self._part() as take_back:
            for event in events:
                match event:
                    case TransactionSet():
                        self.findings.add(*event.problems)
                        found = self._set(event, partner)
                        if found and found.ack.ak5 and event.verdict is not Verdict.REJECTED:
                            refused += 1
                            problems = (*event.problems, found)
                            event = replace(event, verdict=Verdict.REJECTED, problems=problems)
                        if answer:
                            answering.add(replace(event, document=None, text=""))
                    case GroupTrailer():
                        trailer = _without(event, refused)
                        self.findings.add(*trailer.problems)
                        if any(one.is_error for one in trailer.problems):
                            take_back()
                        if answer:
                            answering.add(trailer)
                        return trailer if answer else None
        return None

    def _set(self, received: TransactionSet, partner: Partner) -> Problem | None:
        """Stores what a transaction set says; the problem is why it cannot be."""
        self.findings.set_id = self.findings.set_id or received.set_id
        if received.verdict is Verdict.REJECTED:
            return None
        if received.set_id in acknowledge.SETS:
            return self._matched(acknowledge.functional(self, partner, received))
        words = {"set": received.set_id, "partner": partner.id, "list": "receive", "version": ""}
        if partner.receives(received.set_id) is None:
            code = "HOME-NO-AGREEMENT"
        elif received.document is None:
            code = "HOME-NO-DOCUMENT"
            words["version"] = received.group.version if received.group else ""
        else:
            document = received.document
            form = self.services.erp.outlet(document["document_type"], bool(document.get("test")))
            with nullcontext() if form and form.is_sure else self._part() as take_back:
                before = self._set_before(received, document, partner)
                wrong = self.to_erp(partner, document, form, _came(received)) if before is None else ()
                if wrong and take_back:
                    take_back()  # it is right, and accepted; who mends our side processes it again
                self.findings.add(*wrong)
            return before
        found = problem(code, acknowledge.place(received), value=received.set_id, **words)
        found = replace(found, ack=_NOT_SUPPORTED)
        found = found.at(segment=1, segment_id="ST", element=1, offset=received.offset, line=received.line)
        self.findings.add(found)
        return found

    def _set_before(
        self, received: TransactionSet, document: dict[str, Any], partner: Partner
    ) -> Problem | None:
        """That a set came before, by the marks that are agreed for it."""
        agreed = partner.duplicates_of(received.set_id)
        kind, test = str(document["document_type"]), "T" if document.get("test") else "P"
        number = document.get(KINDS[kind].number)
        group = received.group.control_number if received.group else ""
        keys = {
            "group": f"group:{_key(received.interchange, sender_only=True)}:{group}",
            "set": f"set:{_key(received.interchange, sender_only=True)}:{group}:{received.control_number}",
        }
        if KINDS[kind].unique and document.get("purpose") in FIRST and number:
            keys["number"] = f"number:{partner.id}:{kind}:{number}:{test}"
        for by, key in keys.items():
            if by not in agreed.by or agreed.then == "pass":
                continue
            before = self._claim(key)
            if before is None or (by == "group" and before == self.message.id):
                continue
            named = f"{kind.replace('_', ' ')} {number or ''}".strip()
            what = f"The {named} (transaction set {received.control_number}) of {partner.name}"
            words = {"what": what, "file": self.store.message(before).name, "message": before}
            found = duplicate(agreed.then, acknowledge.place(received), value=str(number), **words)
            found = replace(found, level=Level.TRANSACTION_SET)
            self.findings.add(found)
            self._repeated |= not found.is_error
            return replace(found, ack=Ack(ak5="5")) if agreed.then == "reject" else found
        return None

    # --- answers -------------------------------------------------------------------------------------

    def _answer(self, partner: Partner, kind: Kind, answering: Acknowledger, words: list[str]) -> None:
        """Stores the acknowledgments of an interchange, as messages to the sender."""
        if not self.message.answers:
            return
        way, rule = route.answer(self.services, partner, self.message.way)
        used: list[int] = []
        said = "; ".join(words)

        def number() -> int:
            first = partner.first_control_number
            used.append(self.store.next_number(partner.id, "interchange", first))
            return used[-1]

        for _, content in answering.interchanges(number, self.services.clock(), kind):
            name = f"{kind.upper()}_{used[-1]}.edi"
            owner = self.message.id
            about: dict[str, Any] = {"way": way, "origin": owner, "owner": owner}
            answer = send(self.services, partner, kind.upper(), name, content, (used[-1], None), **about)
            self.findings.answered.append(f"{name} says: {said}")
            facts = {"kind": kind.upper(), "file": name, "words": said, "answers": owner, **rule}
            self.store.audit(
                "acknowledgment.written", answer.id, partner=partner.id, **facts, sha256=answer.payload
            )


def _came(received: TransactionSet) -> Came:
    place, control = acknowledge.place(received), received.control_number
    return Came(place, received.set_id, control, received.interchange.control_number, received)


def _named(party: PartyId) -> str:
    """An identifier as people write it, empty for nobody."""
    return f"{party.qualifier}/{party.id}".strip("/")


def _key(header: InterchangeHeader, *, sender_only: bool = False) -> str:
    """What an interchange is known by: who, to whom, test or production, and the control number."""
    parties = (_named(header.sender), _named(header.receiver), header.usage)
    return "|".join(parties if sender_only else (*parties, header.control_number))


def _without(trailer: GroupTrailer, refused: int) -> GroupTrailer:
    """The trailer when so many of the accepted sets are not taken after all."""
    accepted = trailer.accepted - refused
    if not refused or trailer.verdict is Verdict.REJECTED:
        return replace(trailer, accepted=accepted)
    verdict = Verdict.ACCEPTED_WITH_ERRORS if accepted else Verdict.REJECTED
    return replace(trailer, accepted=accepted, verdict=verdict)


def _group_words(trailer: GroupTrailer) -> str:
    """What the answer says about a group."""
    group = f"group {trailer.header.control_number}"
    if any(one.is_error for one in trailer.problems):
        return f"{group} rejected"
    if trailer.accepted == trailer.received:
        noted = "" if trailer.verdict is Verdict.ACCEPTED else ", errors noted"
        return f"{group} accepted ({trailer.received}){noted}"
    if not trailer.accepted:
        return f"{group} rejected ({trailer.received})"
    return f"{group}: {trailer.accepted} of {trailer.received} accepted, the others rejected"
