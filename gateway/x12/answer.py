"""Reads acknowledgments: what a partner says with a 997, 999 or TA1, as values and in plain words.

The codes are those of X12 004010 data elements 715, 716, 717, 718, 720, 723 and I18; a 999 has its own
segment names (IK3 to IK5) and a few codes more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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

    def said_of(self, what: str) -> str:
        """The answer as a sentence without full stop."""
        verb = "rejects" if self is Answer.REJECTED else "accepts"
        more = {Answer.ACCEPTED_WITH_ERRORS: " but notes errors", Answer.PARTIAL: " in part"}
        return f"The partner {verb} {what}{more.get(self, '')}"


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """What a partner says of one transaction set.

    Attributes:
        status: what it comes to: a set of a rejected group is rejected, whatever its own code.
        errors: what is wrong, in words: ``BEG05 (segment 2) is not a valid date ('20261320')``.
    """

    set_id: str
    control_number: str
    status: Answer
    errors: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """The answer in plain words, a sentence for each error."""
        said = self.status.said_of(f"{self.set_id} {self.control_number}")
        return tuple(f"{said}: {error}." for error in self.errors) or (f"{said}.",)


@dataclass(frozen=True, slots=True)
class FunctionalAcknowledgment:
    """A 997 or 999: the answer to one functional group.

    Attributes:
        functional_id: AK101. control_number: AK102, the GS06 of the group that is answered.
        received, accepted: AK903 and AK904 as received. errors: of the group itself, in words.
        sets: the sets that are named; in an accepted group often none.
    """

    functional_id: str
    control_number: str
    status: Answer
    received: str
    accepted: str
    sets: tuple[SetAnswer, ...]
    errors: tuple[str, ...]

    def sentences(self) -> tuple[str, ...]:
        """The whole answer in plain words."""
        group = f"functional group {self.control_number} ({self.functional_id})"
        said = self.status.said_of(group)
        if self.received and self.accepted:
            said += f", {self.accepted} of {self.received} transaction sets"
        own = (f"The partner says of {group}: {error}." for error in self.errors)
        return (f"{said}.", *own, *(text for one in self.sets for text in one.sentences()))


@dataclass(frozen=True, slots=True)
class TechnicalAcknowledgment:
    """A TA1: the answer to one interchange, whose ISA13 is ``control_number`` (TA101).

    ``note`` is TA105 and ``words`` its meaning.
    """

    control_number: str
    status: Answer
    note: str
    words: str

    def sentence(self) -> str:
        """The answer in plain words."""
        called = f"interchange {self.control_number}"
        if self.status is Answer.ACCEPTED:
            return f"The partner received {called} and found its envelope in order."
        return f"{self.status.said_of(called)}: {self.words}."


def read_acknowledgment(
    source: TransactionSet | Sequence[str], marks: Delimiters | None = None
) -> FunctionalAcknowledgment | None:
    """Reads a 997 or 999; None if nothing is acknowledged: there is no AK1.

    Args:
        source: the event of the parser, or the segments without terminators.
        marks: the separators of the segments; by default ``*`` and ``>``.
    """
    marks = marks or Delimiters()
    if isinstance(source, TransactionSet):
        marks = source.interchange.delimiters
        source = source.text.split(marks.terminator)
    group: tuple[str, str] | None = None
    current: tuple[str, str] | None = None  # AK201 and AK202 of the set that is open
    segment: tuple[str, str] | None = None  # AK301 and AK302 of the last segment told
    alone, context = False, ""  # no element error has explained it yet; what its CTX say
    errors: list[str] = []
    sets: list[SetAnswer] = []
    end = [""] * 9  # without AK9 nothing is accepted: what was cut off cannot be believed
    for text in source:
        name, *values = [*text.strip("\r\n ").split(marks.element), *[""] * 9]
        match name:
            case "AK1":
                group = values[0], values[1]
            case "AK2":
                current, segment, errors = (values[0], values[1]), None, []
            case "AK3" | "IK3":
                segment, alone, context = (values[0], values[1]), True, ""
                errors.append(_placed(*segment, _words("ak3", values[3])))
            case "AK4" | "IK4" if segment:
                if alone:
                    errors.pop()
                    alone = False
                address = _address(segment[0], values[0], marks)
                shown = f" ({values[3]!r})" if values[3] else ""
                errors.append(_placed(address, segment[1], _words("ak4", values[2])) + shown + context)
            case "CTX" if segment and errors:
                more = _context(values, marks)
                errors[-1] += more
                context += more if alone else ""
            case "AK5" | "IK5" if current:
                # Code 5 only says that segments are in error, which are told one by one.
                told = "5" if errors else ""
                errors += [_words("ak5", code) for code in values[1:6] if code not in ("", told)]
                sets.append(SetAnswer(*current, Answer.of(values[0]), tuple(errors)))
                current = None
            case "AK9":
                end = values
    if group is None:
        return None
    status = Answer.of(end[0])
    if status is Answer.REJECTED:
        sets = [replace(one, status=status) for one in sets]
    own = tuple(_words("ak9", code) for code in end[4:9] if code)
    return FunctionalAcknowledgment(*group, status, end[2], end[3], tuple(sets), own)


def read_technical(source: InterchangeAcknowledgment | Sequence[str]) -> TechnicalAcknowledgment:
    """Reads a TA1 from the event of the parser, or from ``("TA1", TA101, …)``."""
    elements = source.elements if isinstance(source, InterchangeAcknowledgment) else source
    _, number, _, _, code, note, *_ = (*elements, *[""] * 6)
    return TechnicalAcknowledgment(number, Answer.of(code), note, _words("ta1", note))


def meaning(place: str, code: str) -> str:
    """What a code says, in a few words; empty if it is not known. Places are named as in Ack."""
    subject = {"ak3": "the segment ", "ak4": "the element "}.get(place, "")
    return subject + _CODES[place][code] if code in _CODES[place] else ""


def _words(place: str, code: str) -> str:
    whose = {"ak3": "has ", "ak4": "has ", "ak5": "the set has ", "ak9": "the group has "}.get(place, "")
    return _CODES[place].get(code, f"{whose}error code {code or '(none)'}")


def _address(segment: str, place: str, marks: Delimiters) -> str:
    """An element as C030 gives it: position, component, repetition."""
    element, component, repetition, *_ = (*place.split(marks.component or None), "", "", "")
    address = f"{segment.strip()}{element:0>2}" if element else segment.strip()
    address += f"-{component}" if component else ""
    return address + (f" repetition {repetition}" if repetition else "")


def _context(values: Sequence[str], marks: Delimiters) -> str:
    """What a CTX adds to an error: the element that it depends on, or how the business document is known."""
    name, reference, *_ = (*values[0].split(marks.component or None), "", "")
    if values[1]:
        return _placed(f", because of {_address(values[1], values[4], marks)}", values[2], "").rstrip()
    return f", where {name} is {reference!r}" if reference else ""


def _placed(what: str, position: str, words: str) -> str:
    return f"{what.strip()}{f' (segment {position.strip()})' if position.strip() else ''} {words}"


_CODES = {
    "ak3": {
        "1": "is not a known segment", "2": "is not expected at this place", "3": "is missing",
        "4": "begins a loop that occurs too often", "5": "occurs too often",
        "6": "is not in the definition of this transaction set", "7": "stands in the wrong order",
        "8": "has errors in its elements", "I4": "is not used by the guide",
        "I6": "is missing although the guide asks for it here",
        "I7": "begins a loop that occurs less often than the guide asks for",
        "I8": "occurs less often than the guide asks for", "I9": "is not used in this case by the guide",
    },
    "ak4": {
        "1": "is missing", "2": "is missing although other elements need it",
        "3": "is one element more than the definition has", "4": "is too short", "5": "is too long",
        "6": "holds a character that is not allowed", "7": "is not an accepted code",
        "8": "is not a valid date", "9": "is not a valid time",
        "10": "may not stand beside other elements of the segment", "12": "is repeated too often",
        "13": "has too many components", "I6": "holds a code that the guide does not use",
        "I9": "is missing although the guide asks for it in this case", "I10": "is not used by the guide",
        "I11": "is repeated less often than the guide asks for",
        "I12": "does not match the pattern of the guide", "I13": "is not used in this case by the guide",
    },
    "ak5": {
        "1": "this transaction set is not supported", "2": "its SE segment is missing",
        "3": "the control numbers of ST and SE differ", "4": "the number of segments differs from SE01",
        "5": "segments are in error", "6": "ST01 is missing or invalid",
        "7": "the control number in ST02 is missing, invalid or not unique",
        "18": "the set does not belong to the functional group", "19": "the guide named in ST03 is invalid",
        "23": "the control number in ST02 is not unique within the functional group",
        "I5": "the guide is not kept to", "I6": "the guide named in ST03 is not supported",
    },
    "ak9": {
        "1": "this functional group is not supported", "2": "this version (GS08) is not supported",
        "3": "the GE segment is missing", "4": "the control numbers of GS and GE differ",
        "5": "the number of transaction sets differs from GE01", "6": "the group control number is invalid",
        "19": "the group control number is not unique within the interchange",
    },
    "ta1": {
        "000": "no error", "001": "the control numbers in ISA13 and IEA02 differ",
        "002": "the standard in ISA11 is not supported", "003": "the version in ISA12 is not supported",
        "004": "the segment terminator is invalid", "005": "the qualifier of the sender (ISA05) is invalid",
        "006": "the sender (ISA06) is invalid", "007": "the qualifier of the receiver (ISA07) is invalid",
        "008": "the receiver (ISA08) is invalid", "009": "the receiver (ISA08) is not known",
        "010": "the authorization qualifier (ISA01) is invalid",
        "011": "the authorization (ISA02) is invalid", "012": "the security qualifier (ISA03) is invalid",
        "013": "the security (ISA04) is invalid", "014": "the date (ISA09) is invalid",
        "015": "the time (ISA10) is invalid", "016": "ISA11 is invalid",
        "017": "the version (ISA12) is invalid", "018": "the control number (ISA13) is invalid",
        "019": "the acknowledgment request (ISA14) is invalid",
        "020": "the usage indicator (ISA15) is invalid",
        "021": "the number of functional groups differs from IEA01",
        "022": "the structure of the envelope is invalid", "023": "the file ends too early",
        "024": "the content of the interchange is invalid",
        "025": "the control number (ISA13) was used before", "026": "the element separator is invalid",
        "027": "the component separator (ISA16) is invalid",
        "028": "the delivery date of a deferred delivery request is invalid",
        "029": "the delivery time of a deferred delivery request is invalid",
        "030": "the delivery time code of a deferred delivery request is invalid",
        "031": "the grade of service is invalid",
    },
}  # fmt: skip
