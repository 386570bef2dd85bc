"""Writes acknowledgments: 997, 999 and TA1 for what was received; :mod:`gateway.x12.answer` reads them.

An :class:`Acknowledger` is fed the events of a file and says of every functional group and interchange
what is true of it (X12 transaction sets 997 and, as 005010X231A1, 999; X12.5 for TA1):

- A set with an error is ``R``; a set that no guide covers is ``R`` with code 1 (not supported); a set with
  noted errors, which do not reject, is ``E``.
- A group with an error of its own is ``R``, and so is every group of an interchange that is refused: none of
  their sets counts as accepted, whatever its AK5 says.
- Functional groups FA and TA1 segments are never acknowledged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Literal

from gateway.errors import Ack, DocumentError, Problem, Severity
from gateway.x12 import envelope as x12
from gateway.x12.delimiters import Delimiters
from gateway.x12.elements import CONTROL
from gateway.x12.envelope import Event, TransactionSet, Verdict
from gateway.x12.writer import Envelope, Part, isa, segment_text

MAX_SEGMENTS = 200
"""AK3 segments listed for one set. A set of nothing but errors is rejected all the same; who has corrected
two hundred segments sends it again and hears of the rest, and the answer stays of a size that can be read."""

CONVENTION = "005010X231A1"
"""GS08 and ST03 of a 999: the implementation guide that the standard's 999 is used by."""

_MAX_ELEMENTS = 99  # AK4 segments below one AK3, as release 004010 allows
_MAX_CODES = 5  # AK502 to AK506 and AK905 to AK909
_LARGEST = 999_999  # count that AK902 to AK904 hold (N0 1/6)
_BAD_VALUE = 99  # characters of AK404

Form = Literal["997", "999"]
"""The transaction set with which a functional group is answered. A 999 says the same with segments IK3 to IK5
in the place of AK3 to AK5, and can also tell of rules that only an implementation guide makes."""

_FORMS: tuple[Form, ...] = ("997", "999")

Kind = Literal["997", "999", "ta1", "due"]
"""What is asked for: a 997 or 999 for each group that gets one, a TA1 for each interchange, or what is due to
the sender: the TA1 where it is asked for (ISA14) or something is to be said about the interchange, then the
answers to its groups."""

_LATER: dict[str, dict[str, str]] = {
    "X12-COMPONENT-EXTRA": {"ak4": "13"},
    "X12-ST-DUPLICATE": {"ak5": "23"},
    "X12-GS-DUPLICATE": {"ak9": "19"},
}
"""Codes that release 005010 has for what 004010, and so the catalogue of problems, can say less exactly."""


def exact(code: str, ack: Ack, form: Form | None = "999", release: str = CONVENTION) -> Ack:
    """The acknowledgment codes of a problem as an answer of this form and release says them."""
    later = _LATER.get(code, {}) if release >= "005010" else {}
    own = {"ak4" if ack.ak4 else "ak3": ack.ik, "ak5": "I5"} if form == "999" and ack.ik else {}
    return replace(ack, **{**later, **own})


@dataclass(slots=True)
class _Group:
    """What is to be said about one functional group; the text of AK2 to AK5 grows as the sets come."""

    header: x12.GroupHeader
    form: Form | None
    marks: Delimiters
    text: bytearray = field(default_factory=bytearray)
    segments: int = 0
    received: int = 0
    accepted: int = 0
    noted: int = 0
    only_answers: bool = True
    trailer: x12.GroupTrailer | None = None

    @property
    def release(self) -> str:
        """The release of the answer: that of the group, 005010 for a 999."""
        release = CONVENTION[:6] if self.form == "999" else self.header.version[:6]
        return release if re.fullmatch(r"[0-9]{6}", release) else "004010"

    @property
    def answers(self) -> bool:
        """Whether the group acknowledges; answering it would never end."""
        return self.header.functional_id == "FA" or (self.received > 0 and self.only_answers)

    def exact(self, problem: Problem) -> Problem:
        """The problem with the codes that the answer has for it."""
        return replace(problem, ack=exact(problem.code, problem.ack, self.form, self.release))

    def name(self, segment: str) -> str:
        """AK3, AK4 and AK5 are IK3, IK4 and IK5 in a 999."""
        return f"I{segment[1:]}" if self.form == "999" else segment


@dataclass(slots=True)
class _Interchange:
    header: x12.InterchangeHeader
    delimiters: Delimiters
    groups: list[_Group] = field(default_factory=list)
    acknowledgments: int = 0
    loose: Problem | None = None
    trailer: x12.InterchangeTrailer | None = None

    @property
    def refused(self) -> bool:
        """Whether the interchange itself is in error, so that nothing of it is accepted."""
        return self.trailer is None or any(one.is_error for one in self.trailer.problems)

    def marks(self, form: Form | None) -> Delimiters:
        """The separators of an answer: from ISA12 00402 on, which a 999 is, one separates repetitions."""
        if form != "999" or self.delimiters.repetition:
            return self.delimiters
        data = self.delimiters.all + "".join(self.header.elements)
        free = next((mark for mark in "^!`{}|<>[]%&@$#" if mark not in data), "")
        return replace(self.delimiters, repetition=free)

    @property
    def verdict(self) -> tuple[str, str]:
        """TA104 and TA105."""
        problems = self.trailer.problems if self.trailer is not None else ()
        codes = {one.severity: one.ack.ta1 for one in reversed(problems) if one.ack.ta1}
        if self.refused:
            return "R", codes.get(Severity.ERROR) or "022"
        if self.loose is not None:
            # Sets without a functional group are lost; the groups beside them are not.
            return "E" if self.groups else "R", self.loose.ack.ta1 or "024"
        noted = codes.get(Severity.WARNING)
        return ("E", noted) if noted else ("A", "000")


class Acknowledger:
    """Collects the events of one file, in their order, and gives the interchanges that answer it.

    What is kept of a set is its part of the answer, about 25 bytes where nothing is wrong.
    """

    def __init__(self) -> None:
        self._interchanges: list[_Interchange] = []

    def add(self, event: Event, form: Form | None = "997") -> None:
        """Takes one event of the parser; ``form`` is what the group that begins with it gets, if anything."""
        if isinstance(event, x12.InterchangeHeader):
            self._interchanges.append(_Interchange(event, _delimiters(event)))
        if not self._interchanges:
            return
        current = self._interchanges[-1]
        match event:
            case x12.GroupHeader():
                current.groups.append(_Group(event, form, current.marks(form)))
            case TransactionSet() if event.group is not None and current.groups:
                _add_set(current.groups[-1], event)
            case TransactionSet() if current.loose is None:
                current.loose = next((one for one in event.problems if one.ack.ta1), None)
            case x12.GroupTrailer() if current.groups:
                current.groups[-1].trailer = event
            case x12.InterchangeAcknowledgment():
                current.acknowledgments += 1
            case x12.InterchangeTrailer():
                current.trailer = event
            case _:
                pass

    def interchanges(
        self, numbers: Callable[[], int], now: datetime, kind: Kind = "997"
    ) -> Iterator[tuple[x12.InterchangeHeader, bytes]]:
        """The answers, each an interchange of its own to the sender of the one it answers.

        Args:
            numbers: gives the control number of each interchange (ISA13), once for each. Its first functional
                group has the same number, others the following ones: nobody acknowledges an acknowledgment,
                so these numbers only have to differ within the interchange.
            now: date and time of the answers.
            kind: which answers, see :data:`Kind`.

        Yields:
            The header of the interchange that is answered, and the answer. There is none for data without an
            ISA segment or with a sender to whom no ISA segment can be addressed.
        """
        for one in self._interchanges:
            if not one.header.elements or not one.header.sender.id:
                continue
            groups = [group for group in one.groups if not group.answers]
            # Asked for by ISA14, or needed because the interchange is not simply accepted.
            due = (one.header.ack_requested and (groups or not one.groups)) or one.verdict[0] != "A"
            # An interchange of TA1 segments only is not answered.
            if (kind == "ta1" or (kind == "due" and due)) and (one.groups or not one.acknowledgments):
                yield from _interchange(one, numbers, now, None)
            for form in _FORMS:
                answered = [group for group in groups if group.form == form]
                if kind in (form, "due") and answered:
                    yield from _interchange(one, numbers, now, form, answered)


def _delimiters(header: x12.InterchangeHeader) -> Delimiters:
    """The separators of the interchange that is answered, if an answer can be written with them."""
    given = header.delimiters
    data = "".join((*header.elements[1:11], *header.elements[12:16]))
    newline = given.newline if given.newline in ("", "\n", "\r\n") else ""
    marks = [given.element, given.component, given.terminator, *filter(None, [given.repetition])]
    usable = (len(m) == 1 and m.isascii() and not m.isalnum() and m not in " \x00" + data for m in marks)
    if all(usable) and len(set(marks)) == len(marks):
        return replace(given, newline="" if given.terminator in "\r\n" else newline)
    for element, component, terminator in ("*>~", "|^~", "\x1d\x1f\x1c"):
        if not {element, component, terminator} & set(data):
            break
    return Delimiters(element, component, terminator, "", newline)


def _written(parts: Sequence[Part], marks: Delimiters) -> bytes:
    return (segment_text(parts, marks) + marks.terminator + marks.newline).encode("latin-1", "replace")


def _add_set(group: _Group, event: TransactionSet) -> None:
    group.received += 1
    group.only_answers &= event.set_id in _FORMS
    noted = [group.exact(one) for one in event.problems if one.is_error or one.ack.ak5 or one.ack.ak3]
    in_error = event.verdict is Verdict.REJECTED or any(one.is_error for one in event.problems)
    rejected = event.guide is None or in_error
    status = "R" if rejected else "E" if noted else "A"
    group.accepted += not rejected
    group.noted += status == "E"
    if not re.fullmatch(r"[0-9A-Z]{3}", event.set_id):
        return  # what cannot be a set identifier has no place in an AK2; the counts of AK9 tell of the set
    convention = _printable(event.implementation, group.marks)[:35] if group.release >= "005010" else ""
    # AK202 has four to nine characters; one that is too short is filled up with blanks (X12.6).
    number = _printable(event.control_number.replace(" ", ""), group.marks)[:9].ljust(4)
    # In the order of the file, which is not that in which problems are found.
    noted.sort(key=lambda one: (one.location.segment or 0, one.location.element or 0))
    # An error without a code is none of the sender's data: the set is not agreed, so not supported.
    codes = _distinct(one.ack.ak5 or ("5" if one.ack.ak3 else "1") for one in noted)
    segments: list[Sequence[Part]] = [
        ("AK2", event.set_id, number if number.strip() else "0000", convention),
        *_segment_notes(noted, group),
        (group.name("AK5"), status, *(codes or ["1"] if rejected else codes)),
    ]
    group.segments += len(segments)
    group.text += b"".join(_written(one, group.marks) for one in segments)


def _segment_notes(problems: list[Problem], group: _Group) -> Iterator[Sequence[Part]]:
    """AK3 for each segment and code, each with its AK4.

    A 999 has no CTX after them: it names the situational rule of an implementation guide that was broken, and
    guides state none.
    """
    found: dict[tuple[int, str, str], list[Sequence[Part]]] = {}
    for one in problems:
        where, code = one.location, one.ack.ak3
        number, name = where.segment or 1, re.sub(r"[^0-9A-Za-z]", "", where.segment_id or "")[:3]
        if code is None or not name:
            continue  # an empty segment has no name to put into AK301; AK502 tells of it
        key = (number, name, code)
        if key not in found:
            if len(found) == MAX_SEGMENTS:
                break
            # The standard names a loop by its first segment. In a 997 AK303 is for loops of LS and LE, which
            # no guide has yet; what has no place in the set is in no loop.
            named = group.form == "999" and code not in ("1", "2")
            loop = (where.loop or "").rpartition("/")[2] if named else ""
            # AK301 has two or three characters; blanks fill one that is too short (X12.6).
            found[key] = [(group.name("AK3"), name.ljust(2), str(min(number, _LARGEST)), loop, code)]
        if one.ack.ak4 and len(found[key]) <= _MAX_ELEMENTS and 0 < (where.element or 0) < 100:
            found[key].append(_element_note(one, group))
    return chain.from_iterable(found.values())


def _element_note(problem: Problem, group: _Group) -> Sequence[Part]:
    """AK4: the place, what is wrong, and the bad value unless it would spoil the acknowledgment itself."""
    where = problem.location
    component, repetition = where.component or 0, where.repetition or 0
    place = [str(where.element), str(component) if 0 < component < 100 else ""]
    if group.release >= "005010" and 0 < repetition < 10_000:
        place.append(str(repetition))
    number = problem.data_element or ""
    number = number if re.fullmatch(r"[0-9]{1,4}", number) else ""
    value = (problem.value or "")[:_BAD_VALUE].rstrip()
    if not value.isascii() or CONTROL.search(value) or any(mark in value for mark in group.marks.all):
        value = ""
    return group.name("AK4"), place, number, problem.ack.ak4 or "", value


def _printable(text: str, marks: Delimiters) -> str:
    return "".join(c for c in text if " " <= c < "\x7f" and c not in marks.all)


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _distinct(codes: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(codes))[:_MAX_CODES]


def _group_verdict(group: _Group, *, refused: bool) -> Sequence[str]:
    """AK9: the verdict, what was declared, received and accepted, and the group's own errors."""
    trailer, accepted = group.trailer, group.accepted
    problems = [group.exact(one) for one in trailer.problems] if trailer is not None else []
    codes = _distinct(one.ack.ak9 for one in problems if one.ack.ak9)
    if refused or trailer is None or any(one.is_error for one in problems):
        status, accepted = "R", 0
    elif accepted == group.received:
        status = "E" if group.noted or codes else "A"
    else:
        status = "P" if accepted else "R"
    declared = trailer.declared if trailer is not None else None
    counts = (group.received if declared is None else declared, group.received, accepted)
    return ("AK9", status, *(str(min(count, _LARGEST)) for count in counts), *codes)


def _interchange(
    one: _Interchange,
    numbers: Callable[[], int],
    now: datetime,
    form: Form | None,
    groups: Sequence[_Group] = (),
) -> Iterator[tuple[x12.InterchangeHeader, bytes]]:
    """An interchange back to the sender, with a TA1 where there is no form; none where its ISA cannot be."""
    header, marks = one.header, one.marks(form)
    today, minute = f"{now:%Y%m%d}", f"{now:%H%M}"
    version = header.version if re.fullmatch(r"00[2-9][0-9]{2}", header.version) else "00401"
    version = max(version, "00501") if form == "999" else version
    usage = header.usage if header.usage in ("P", "T", "I") else "P"
    envelope = Envelope(
        header.receiver, header.sender, "", "", today, minute, version, usage=usage, delimiters=marks
    )
    try:
        isa(envelope)
    except DocumentError:
        return
    number = numbers()
    out = [(isa(replace(envelope, control_interchange=number)) + marks.newline).encode("latin-1", "replace")]

    def say(*parts: Part) -> None:
        out.append(_written(parts, marks))

    if form is None:
        # Date and time identify the interchange that is meant, so they are copied even where they are wrong.
        date = header.date if re.fullmatch("[0-9]{6}", header.date) else "000000"
        time = header.time if re.fullmatch("[0-9]{4}", header.time) else "0000"
        say("TA1", _digits(header.control_number)[-9:].rjust(9, "0"), date, time, *one.verdict)
    for index, group in enumerate(groups):
        inbound, release = group.header, group.release
        convention = CONVENTION if form == "999" else ""
        control = str((number + index - 1) % 999_999_999 + 1)
        # Up to release 003072 group dates had six digits.
        date = today if release >= "004010" else today[2:]
        # GS02 and GS03 have two to fifteen characters.
        parties = (_printable(one, marks)[:15].ljust(2) for one in (inbound.receiver, inbound.sender))
        say("GS", "FA", *parties, date, minute, control, "X", convention or release)
        say("ST", group.form or "", "0001", convention)
        # AK102 is a number of up to nine digits; a group whose GS06 is none is in error and told with 0.
        functional_id = re.sub(r"[^A-Z0-9]", "", inbound.functional_id)[:2].ljust(2)
        releases = [_printable(inbound.version, marks)[:12]] if release >= "005010" else []
        say("AK1", functional_id, _digits(inbound.control_number)[:9] or "0", *releases)
        out.append(bytes(group.text))
        say(*_group_verdict(group, refused=one.refused))
        say("SE", str(group.segments + 4), "0001")
        say("GE", "1", control)
    # IEA01 counts functional groups; a TA1 stands outside of them.
    say("IEA", str(len(groups)), f"{number:09d}")
    yield header, b"".join(out)
