"""Reads acknowledgments: what a partner says with a 997, 999 or TA1, as values and in plain words.

The codes are those of X12 004010 data elements 715, 716, 717, 718, 720, 723 and I18; a 999 has its own
segment names (IK3 to IK5) and a few codes more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import InterchangeAcknowledgment, TransactionSet


class Answer(StrEnum):
    """What a partner says of what we sent."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_ERRORS = "accepted_with_errors"
    PARTIAL = "partial"
    REJECTED = "rejected"

    @classmethod
    def of(cls, code: str) -> Answer:
        """The meaning of AK501, AK901 or TA104. Any code but A, E and P rejects: M, R, W and X do."""
        return {"A": cls.ACCEPTED, "E": cls.ACCEPTED_WITH_ERRORS, "P": cls.PARTIAL}.get(code, cls.REJECTED)


@dataclass(frozen=True, slots=True)
class AnswerError:
    """One error a partner found.

    Attributes:
        code: AK304, AK403, AK502 or AK905, by what is given of the place.
        segment: position in the set, ST = 1; None for an error of the set or group.
        value: the copy of the bad value, if the partner sent one.
        words: what is wrong, without full stop: ``BEG05 (segment 2) is not a valid date ('20261320')``.
    """

    code: str
    words: str
    segment_id: str | None = None
    segment: int | None = None
    loop: str | None = None
    element: int | None = None
    component: int | None = None
    data_element: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """What a partner says of one transaction set.

    Attributes:
        code: AK501 as received.
        status: what it comes to: a set of a rejected group is rejected, whatever its own code.
    """

    set_id: str
    control_number: str
    code: str
    status: Answer
    errors: tuple[AnswerError, ...] = ()

    def sentences(self, name: str | None = None) -> tuple[str, ...]:
        """The answer in plain words, a sentence for each error.

        Args:
            name: how to call the set, for example ``PO 4711``; by default set identifier and control number.
        """
        called = name or f"{self.set_id} {self.control_number}"
        said = {
            Answer.ACCEPTED: f"The partner accepts {called}",
            Answer.ACCEPTED_WITH_ERRORS: f"The partner accepts {called} but notes an error",
            Answer.REJECTED: f"The partner rejects {called}",
        }.get(self.status, f"The partner accepts {called} in part")
        if not self.errors:
            return (f"{said}.",)
        return tuple(f"{said}: {error.words}." for error in self.errors)


@dataclass(frozen=True, slots=True)
class FunctionalAcknowledgment:
    """A 997 or 999: the answer to one functional group.

    Attributes:
        functional_id: AK101. control_number: AK102, the GS06 of the group that is answered.
        code: AK901 as received, empty if there is no AK9.
        declared, received, accepted: AK902 to AK904, None where they are no numbers.
        sets: the sets that are named; in an accepted group often none.
        errors: errors of the group itself.
    """

    functional_id: str
    control_number: str
    code: str
    status: Answer
    declared: int | None
    received: int | None
    accepted: int | None
    sets: tuple[SetAnswer, ...]
    errors: tuple[AnswerError, ...]

    def status_of(self, control_number: str) -> Answer | None:
        """What is said of the set with this ST02; None if it is not named in a partly accepted group."""
        for one in self.sets:
            if _number(one.control_number) == _number(control_number):
                return one.status
        return None if self.status is Answer.PARTIAL else self.status

    def sentences(self) -> tuple[str, ...]:
        """The whole answer in plain words."""
        group = f"functional group {self.control_number} ({self.functional_id})"
        said = {
            Answer.ACCEPTED: f"The partner accepts {group}",
            Answer.ACCEPTED_WITH_ERRORS: f"The partner accepts {group} but notes errors",
            Answer.PARTIAL: f"The partner accepts {group} in part",
            Answer.REJECTED: f"The partner rejects {group}",
        }[self.status]
        if self.accepted is not None and self.received is not None:
            said += f", {self.accepted} of {self.received} transaction sets"
        own = tuple(f"The partner says of {group}: {error.words}." for error in self.errors)
        return (f"{said}.", *own, *(text for one in self.sets for text in one.sentences()))


@dataclass(frozen=True, slots=True)
class TechnicalAcknowledgment:
    """A TA1: the answer to one interchange.

    Attributes:
        control_number: TA101, the ISA13 of the interchange that is answered.
        date, time: TA102 and TA103, its date (YYMMDD) and time (HHMM).
        code: TA104 as received. note: TA105.
        words: what the note means.
    """

    control_number: str
    date: str
    time: str
    code: str
    status: Answer
    note: str
    words: str

    def sentence(self) -> str:
        """The answer in plain words."""
        called = f"interchange {self.control_number}"
        match self.status:
            case Answer.ACCEPTED:
                return f"The partner received {called} and found its envelope in order."
            case Answer.ACCEPTED_WITH_ERRORS:
                return f"The partner accepts {called} but notes: {self.words}."
            case _:
                return f"The partner rejects {called}: {self.words}."


def read_acknowledgment(
    source: TransactionSet | str | Sequence[str], delimiters: Delimiters | None = None
) -> FunctionalAcknowledgment | None:
    """Reads a 997 or 999.

    Args:
        source: the event of the parser, the text of the set, or its segments without terminators.
        delimiters: the separators of a text or of segments; by default ``*``, ``>`` and ``~``.

    Returns:
        None if nothing is acknowledged: there is no AK1.
    """
    marks = delimiters or Delimiters()
    if isinstance(source, TransactionSet):
        marks, source = source.interchange.delimiters, source.text
    texts = source.split(marks.terminator) if isinstance(source, str) else source
    reader = _Reader(marks)
    for text in texts:
        reader.take(text.strip("\r\n ").split(marks.element))
    return reader.result()


def read_technical(source: InterchangeAcknowledgment | Sequence[str]) -> TechnicalAcknowledgment:
    """Reads a TA1.

    Args:
        source: the event of the parser, or ``("TA1", TA101, …)``.
    """
    elements = source.elements if isinstance(source, InterchangeAcknowledgment) else source
    _, number, date, time, code, note, *_ = (*elements, *[""] * 6)
    words = _NOTES.get(note, f"note code {note or '(none)'}")
    return TechnicalAcknowledgment(number, date, time, code, Answer.of(code), note, words)


def meaning(place: str, code: str) -> str:
    """What a code says, in a few words; empty if it is not known.

    Args:
        place: ``ta1``, ``ak3``, ``ak4``, ``ak5`` or ``ak9``, as in :class:`gateway.errors.Ack`.
    """
    table, subject = {
        "ta1": (_NOTES, ""),
        "ak3": (_SEGMENT, "the segment "),
        "ak4": (_ELEMENT, "the element "),
        "ak5": (_SET, ""),
        "ak9": (_GROUP, ""),
    }[place]
    return subject + table[code] if code in table else ""


class _Reader:
    def __init__(self, marks: Delimiters) -> None:
        self._marks = marks
        self._group: tuple[str, str] | None = None
        self._sets: list[tuple[str, str, str, tuple[AnswerError, ...]]] = []
        self._set: tuple[str, str] | None = None
        self._errors: list[AnswerError] = []
        self._segment: AnswerError | None = None
        self._end: list[str] = []

    def take(self, parts: list[str]) -> None:
        values = [*parts[1:], *[""] * 9]
        match parts[0]:
            case "AK1":
                self._group = values[0], values[1]
            case "AK2":
                self._set, self._errors, self._segment = (values[0], values[1]), [], None
            case "AK3" | "IK3" if self._set:
                self._flush()
                self._segment = _segment_error(values)
            case "AK4" | "IK4" if self._segment:
                self._errors.append(_element_error(self._segment, values, self._marks))
            case "AK5" | "IK5" if self._set:
                self._flush()
                # Code 5 only says that segments are in error, which are told one by one.
                told = bool(self._errors)
                self._errors += [
                    AnswerError(code, _SET.get(code, f"error code {code} of the transaction set"))
                    for code in values[1:6]
                    if code and not (code == "5" and told)
                ]
                self._sets.append((*self._set, values[0], tuple(self._errors)))
                self._set = None
            case "AK9":
                self._end = values
            case _:
                pass

    def _flush(self) -> None:
        """A segment error that no element error explains."""
        segment, self._segment = self._segment, None
        explained = segment and self._errors and self._errors[-1].element and _same(self._errors[-1], segment)
        if segment is not None and not explained:
            self._errors.append(segment)

    def result(self) -> FunctionalAcknowledgment | None:
        if self._group is None:
            return None
        values = self._end or [""] * 9
        # Without AK9 nothing is accepted: what was cut off cannot be believed.
        status = Answer.of(values[0])
        sets = tuple(
            SetAnswer(
                set_id,
                control,
                code,
                Answer.REJECTED if status is Answer.REJECTED else Answer.of(code),
                errors,
            )
            for set_id, control, code, errors in self._sets
        )
        errors = tuple(
            AnswerError(code, _GROUP.get(code, f"error code {code} of the functional group"))
            for code in values[4:9]
            if code
        )
        return FunctionalAcknowledgment(
            functional_id=self._group[0],
            control_number=self._group[1],
            code=values[0],
            status=status,
            declared=_count(values[1]),
            received=_count(values[2]),
            accepted=_count(values[3]),
            sets=sets,
            errors=errors,
        )


def _same(error: AnswerError, segment: AnswerError) -> bool:
    return (error.segment, error.segment_id) == (segment.segment, segment.segment_id)


def _segment_error(values: list[str]) -> AnswerError:
    name, position, loop, code = (value.strip() for value in values[:4])
    number = _count(position)
    where = name + (f" (segment {position})" if position else "")
    words = _SEGMENT.get(code, f"has error code {code}" if code else "is in error")
    return AnswerError(code, f"{where} {words}", name, number, loop or None)


def _element_error(segment: AnswerError, values: list[str], marks: Delimiters) -> AnswerError:
    place = values[0].split(marks.component) if marks.component else [values[0]]
    element, component = map(_count, (*place, "", "")[:2])
    number, code, value = values[1], values[2], values[3]
    address = f"{segment.segment_id}{element or 0:02d}" + (f"-{component}" if component else "")
    where = address + (f" (segment {segment.segment})" if segment.segment else "")
    words = _ELEMENT.get(code, f"has error code {code}")
    shown = f" ({value!r})" if value else ""
    return AnswerError(
        code,
        f"{where} {words}{shown}",
        segment.segment_id,
        segment.segment,
        segment.loop,
        element,
        component,
        number or None,
        value or None,
    )


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _number(text: str) -> str:
    """A control number as a key: partners return ``0012`` for ``12`` and the other way round."""
    return text.strip().lstrip("0") or "0"


_SEGMENT = {
    "1": "is not a known segment",
    "2": "is not expected at this place",
    "3": "is missing",
    "4": "begins a loop that occurs too often",
    "5": "occurs too often",
    "6": "is not in the definition of this transaction set",
    "7": "stands in the wrong order",
    "8": "has errors in its elements",
    "I4": "is not used by the guide",
    "I6": "is missing although the guide asks for it here",
    "I7": "occurs less often than the guide asks for",
    "I8": "is not used in this case by the guide",
    "I9": "is missing although the guide asks for it in this case",
}

_ELEMENT = {
    "1": "is missing",
    "2": "is missing although other elements need it",
    "3": "is one element more than the definition has",
    "4": "is too short",
    "5": "is too long",
    "6": "holds a character that is not allowed",
    "7": "is not an accepted code",
    "8": "is not a valid date",
    "9": "is not a valid time",
    "10": "may not stand beside other elements of the segment",
    "12": "is repeated too often",
    "13": "has too many components",
    "I6": "holds a code that the guide does not use",
    "I9": "is missing although the guide asks for it in this case",
    "I10": "is not used by the guide",
    "I11": "is repeated less often than the guide asks for",
    "I12": "does not match the pattern of the guide",
    "I13": "is not used in this case by the guide",
}

_SET = {
    "1": "this transaction set is not supported",
    "2": "its SE segment is missing",
    "3": "the control numbers of ST and SE differ",
    "4": "the number of segments differs from SE01",
    "5": "segments are in error",
    "6": "ST01 is missing or invalid",
    "7": "the control number in ST02 is missing, invalid or not unique",
    "23": "the control number in ST02 is not unique within the functional group",
    "I5": "the guide is not kept to",
    "I6": "the guide named in ST03 is not supported",
}

_GROUP = {
    "1": "this functional group is not supported",
    "2": "this version (GS08) is not supported",
    "3": "the GE segment is missing",
    "4": "the control numbers of GS and GE differ",
    "5": "the number of transaction sets differs from GE01",
    "6": "the group control number is invalid",
    "19": "the group control number is not unique within the interchange",
}

_NOTES = {
    "000": "no error",
    "001": "the control numbers in ISA13 and IEA02 differ",
    "002": "the standard in ISA11 is not supported",
    "003": "the version in ISA12 is not supported",
    "004": "the segment terminator is invalid",
    "005": "the qualifier of the sender (ISA05) is invalid",
    "006": "the sender (ISA06) is invalid",
    "007": "the qualifier of the receiver (ISA07) is invalid",
    "008": "the receiver (ISA08) is invalid",
    "009": "the receiver (ISA08) is not known",
    "010": "the authorization qualifier (ISA01) is invalid",
    "011": "the authorization (ISA02) is invalid",
    "012": "the security qualifier (ISA03) is invalid",
    "013": "the security (ISA04) is invalid",
    "014": "the date (ISA09) is invalid",
    "015": "the time (ISA10) is invalid",
    "016": "ISA11 is invalid",
    "017": "the version (ISA12) is invalid",
    "018": "the control number (ISA13) is invalid",
    "019": "the acknowledgment request (ISA14) is invalid",
    "020": "the usage indicator (ISA15) is invalid",
    "021": "the number of functional groups differs from IEA01",
    "022": "the structure of the envelope is invalid",
    "023": "the file ends too early",
    "024": "the content of the interchange is invalid",
    "025": "the control number (ISA13) was used before",
    "026": "the element separator is invalid",
    "027": "the component separator (ISA16) is invalid",
    "028": "the delivery date of a deferred delivery request is invalid",
    "029": "the delivery time of a deferred delivery request is invalid",
    "030": "the delivery time code of a deferred delivery request is invalid",
    "031": "the grade of service is invalid",
}
