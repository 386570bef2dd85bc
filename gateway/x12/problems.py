"""Every problem the X12 core can report: code, weight, acknowledgment codes and words, in one table.

The acknowledgment codes are those of X12 004010 data elements 720 (AK304), 723 (AK403), 718 (AK502),
716 (AK905) and I18 (TA105).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Ack, Fault, Level, Location, Problem, Severity

MAX_VALUE = 200
"""Characters of an offending value that a problem carries along."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the catalogue; ``message`` and ``hint`` are format strings."""

    level: Level
    severity: Severity
    ack: Ack
    message: str
    hint: str
    explanation: str
    fault: Fault = Fault.PARTNER


_RESEND = "Ask the sender to correct the file and send it again."
_LEVELS = {
    "": Level.FILE, "TA1": Level.INTERCHANGE, "AK9": Level.GROUP, "AK5": Level.TRANSACTION_SET,
    "AK3": Level.SEGMENT, "AK4": Level.ELEMENT,
}  # fmt: skip


def _row(
    weight: str,
    message: str,
    explanation: str,
    hint: str = _RESEND,
    *,
    level: Level | None = None,
    fault: Fault = Fault.PARTNER,
    ik: str | None = None,
) -> Kind:
    """A kind; in ``error AK4 7`` the answer is AK403 = 7, and says the level where none is given."""
    severity, *answer = weight.split()
    segment, code = answer or ("", "")
    codes = {"ak3": "8", "ak5": "5"} if segment in ("AK3", "AK4") else {}
    ack = Ack(**codes | ({segment.lower(): code} if code else {}), ik=ik)
    return Kind(level or _LEVELS[segment], Severity(severity), ack, message, hint, explanation, fault)


# A row: its weight, and how it is answered; its message, why it is a problem, what to do.
# fmt: off
CATALOGUE: dict[str, Kind] = {
    # --- file -----------------------------------------------------------------------------------------
    "X12-EMPTY": _row("error", "The file is empty.",
        "There is not one character of data in the file."),
    "X12-NOT-X12": _row("error", "This is not an X12 file: no ISA segment was found in {count} bytes.",
        "An X12 file begins with ISA, whose fixed form tells the separators; without it nothing can be read.",
        "Check what was sent. It begins with {value!r}."),
    "X12-ISA-TRUNCATED": _row("error", "The file ends inside the ISA segment.",
        "The interchange header has 106 characters; the file stops before. Usually a broken transmission."),
    "X12-NO-ISA": _row("error TA1 022",
        "{segment} stands outside an interchange: there is no ISA segment before it.",
        "Sender, receiver and control number are unknown, so its sets are counted, but never accepted."),
    "X12-FOREIGN-TEXT": _row("error",
        "{count} bytes of text that is not X12 stand outside the interchanges, beginning with {value!r}.",
        "Only interchanges, line ends and blanks may stand in an X12 file.",
        "Ask the sender to leave out everything before ISA and after IEA."),
    "X12-BOM": _row("info", "The file begins with a UTF-8 byte order mark.",
        "Some Windows programs put three bytes before the text. They are not part of the interchange.",
        "Nothing needs to be done; it is skipped."),
    "X12-BLANKS": _row("info", "{count} blanks or line ends stand before the ISA segment.",
        "White space around interchanges carries no data.",
        "Nothing needs to be done; they are skipped."),
    "X12-WRAPPED": _row("warning", "Line breaks stand inside segments; they were taken out.",
        "A program on the way cut the file into lines; with another terminator they cannot be data.",
        "Ask the sender to switch off wrapping of lines; data that itself ends in blanks may be harmed."),
    "X12-CHARSET": _row("warning", "The text holds characters outside ASCII, the first in {where}.",
        "X12's basic and extended character sets are part of ASCII. Other bytes depend on an agreement.",
        "Agree on a character set with the partner; until then each byte is read as Latin-1."),
    "X12-NEAREST-GUIDE": _row("info",
        "There is no guide of release {version} for {set}; that of {release} was taken.",
        "Where a release has no guides, the nearest serve; lengths and codes may differ: told, not refused.",
        "Nothing needs to be done. Elements that are longer, and codes that it does not list, are let pass.",
        level=Level.TRANSACTION_SET, fault=Fault.CONFIGURATION),
    "X12-NO-GUIDE": _row("warning AK5 1",
        "There is no guide for transaction set {set} in version {version}; only its structure was checked.",
        "The content cannot be judged or translated; the answer says that the set is not supported.",
        "Add a guide, or agree with the partner on a version that has one.",
        fault=Fault.CONFIGURATION),
    # --- interchange ----------------------------------------------------------------------------------
    "X12-ISA-WIDTH": _row("error TA1 022", "The ISA segment is not of fixed width: {widths}.",
        "Readers take the separators from fixed places, so all elements of ISA have a fixed length.",
        "Ask the sender to pad the elements of ISA to their fixed lengths."),
    "X12-ISA-SEPARATOR": _row("error TA1 027", "{what}",
        "Those at position 4, in ISA16 and at the end must differ, and be no letters, digits or blanks.",
        "Ask the sender for an ISA segment with three different separators."),
    "X12-ISA-ELEMENT": _row("error TA1 022", "{ref} ({name}) {what}: {value!r}.",
        "An element of the interchange header or trailer has a value that its definition does not allow.",
        level=Level.ELEMENT),
    "X12-ISA-DUPLICATE": _row("error TA1 025", "Interchange {value} of this sender is in the file twice.",
        "ISA13 is to be unique for a pair of sender and receiver.",
        "Ask the sender whether it is the same data twice or a control number used again."),
    "X12-IEA-MISSING": _row("error TA1 023", "The interchange {value} has no IEA segment: it is cut off.",
        "Without the trailer nobody can tell whether all groups arrived."),
    "X12-IEA-COUNT": _row("error TA1 021", "IEA01 says {value} functional groups, but there are {count}.",
        "The trailer counts the groups of the interchange, or where there are none its TA1 segments."),
    "X12-IEA-CONTROL": _row("error TA1 001", "IEA02 is {value}, but ISA13 is {expected}.",
        "Header and trailer of an interchange carry the same control number."),
    "X12-STRAY-SEGMENT": _row("error TA1 024", "Segment {segment} stands outside a transaction set.",
        "Between ISA and IEA stand only groups and TA1 segments, and in a group only transaction sets."),
    "X12-NO-GROUPS": _row("error TA1 024",
        "The interchange holds neither a functional group nor an acknowledgment.",
        "There is nothing between ISA and IEA."),
    # --- functional group -----------------------------------------------------------------------------
    "X12-NO-GS": _row("error TA1 024", "Transaction set {value} stands outside a functional group.",
        "Every transaction set belongs to a functional group (GS to GE), which names its version.",
        level=Level.GROUP),
    "X12-GS-ELEMENT": _row("error AK9 6", "{ref} ({name}) {what}: {value!r}.",
        "An element of the group header or trailer has a value that its definition does not allow.",
        level=Level.ELEMENT),
    "X12-GS-DUPLICATE": _row("error AK9 6", "Group control number {value} is used twice in the interchange.",
        "GS06 is to be unique for a pair of sender and receiver."),
    "X12-GS-SET": _row("warning",
        "GS01 is {value}, but transaction set {set} belongs to functional group {expected}.",
        "The functional identifier code of a group tells which transaction sets it may hold.",
        "Ask the sender to put the set into the right functional group.",
        level=Level.GROUP),
    "X12-GE-MISSING": _row("error AK9 3", "Functional group {value} has no GE segment.",
        "Without the trailer nobody can tell whether all transaction sets arrived."),
    "X12-GE-COUNT": _row("error AK9 5", "GE01 says {value} transaction sets, but there are {count}.",
        "The trailer counts the transaction sets of the group."),
    "X12-GE-CONTROL": _row("error AK9 4", "GE02 is {value}, but GS06 is {expected}.",
        "Header and trailer of a group carry the same control number."),
    # --- transaction set ------------------------------------------------------------------------------
    "X12-SE-MISSING": _row("error AK5 2", "Transaction set {value} has no SE segment.",
        "The set is cut off; part of it may be missing."),
    "X12-SE-COUNT": _row("error AK5 4", "SE01 says {value} segments, but there are {count}.",
        "The trailer counts the segments from ST to SE; some were lost or added on the way."),
    "X12-SE-CONTROL": _row("error AK5 3", "SE02 is {value}, but ST02 is {expected}.",
        "Header and trailer of a transaction set carry the same control number."),
    "X12-ST-DUPLICATE": _row("error AK5 7",
        "Transaction set control number {value} is used twice in the functional group.",
        "ST02 is unique within its functional group; an acknowledgment could not name the set otherwise."),
    "X12-ST-ID": _row("error AK5 6", "The transaction set does not say what it is: ST01 is empty.",
        "ST01 names the kind of transaction set, for example 850."),
    "X12-ST-CONTROL": _row("error AK5 7", "The transaction set has no valid control number: {value!r}.",
        "ST02 has 4 to 9 characters."),
    "X12-SET-TOO-LARGE": _row("error AK5 5",
        "The transaction set is larger than the limit of {limit} bytes and was not read.",
        "One transaction set is held in memory at a time; the limit keeps a hostile file from filling it.",
        "Raise the limit, or ask the sender to split the document.",
        fault=Fault.CONFIGURATION),
    # --- segments -------------------------------------------------------------------------------------
    "X12-SEGMENT-UNKNOWN": _row("error AK3 1", "Segment {segment} is not known in transaction set {set}.",
        "The identifier of the segment does not occur in the guide of this transaction set.",
        "Ask the sender to leave it out, or agree on a guide that has it."),
    "X12-SEGMENT-UNEXPECTED": _row("error AK3 2", "Segment {segment} may not stand here, after {after}.",
        "The segment belongs to this transaction set, but not at this place: the order of segments is fixed.",
        "Ask the sender to keep to the order of the guide."),
    "X12-SEGMENT-MISSING": _row("error AK3 3", "Segment {segment} ({name}) is missing before {before}.",
        "The guide says that the segment is mandatory at this place.",
        "Ask the sender to add it."),
    "X12-LOOP-REPEAT": _row("error AK3 4",
        "The loop that begins with {segment} occurs {count} times; the guide allows {limit}.",
        "A loop may be repeated only as often as the guide says.",
        "Ask the sender to keep to the limit."),
    "X12-SEGMENT-REPEAT": _row("error AK3 5",
        "Segment {segment} occurs {count} times here; the guide allows {limit}.",
        "A segment may be used only as often as the guide says.",
        "Ask the sender to keep to the limit."),
    "X12-SEGMENT-EMPTY": _row("error AK3 1",
        "There is a segment without any text (two terminators in a row).",
        "Two segment terminators stand side by side. The rest of the set is read all the same."),
    # --- elements -------------------------------------------------------------------------------------
    "X12-ELEMENT-MISSING": _row("error AK4 1", "{ref} ({name}) is empty, but mandatory.",
        "The guide says that the element is mandatory in this segment.",
        "Ask the sender to fill it."),
    "X12-ELEMENT-CONDITION": _row("error AK4 2", "{ref} ({name}) is empty, but needed here: {rule}.",
        "A relational condition of the segment (syntax note P, R, C or L) is not met.",
        "Ask the sender to fill it, or to leave out the others."),
    "X12-ELEMENT-EXTRA": _row("error AK4 3", "{segment} has {count} elements; the guide knows {limit}.",
        "There are more filled elements in the segment than its definition has.",
        "Ask the sender to leave out the rest."),
    "X12-ELEMENT-UNUSED": _row("error AK4 3", "{ref} ({name}) may not be used, but holds {value!r}.",
        "The guide says that an element of the standard is not used in this segment.",
        "Ask the sender to leave it out.",
        ik="I10"),
    "X12-ELEMENT-SHORT": _row("error AK4 4",
        "{ref} ({name}) has {count} characters; at least {limit} are needed: {value!r}.",
        "The value is shorter than the minimum length of the data element.",
        "Ask the sender to correct the value."),
    "X12-ELEMENT-LONG": _row("error AK4 5",
        "{ref} ({name}) has {count} characters; at most {limit} are allowed: {value!r}.",
        "The value is longer than the maximum length of the data element.",
        "Ask the sender to shorten the value."),
    "X12-ELEMENT-CHARACTER": _row("error AK4 6", "{ref} ({name}) {what}: {value!r}.",
        "The type of the data element does not allow a character of it, such as a letter in a number.",
        "Ask the sender to correct the value."),
    "X12-ELEMENT-CODE": _row("error AK4 7", "{ref} ({name}): {value!r} is not {right}.",
        "The data element takes only codes of its list, or texts of the form that the guide states.",
        "Ask the sender to use a right value, or add it to the guide."),
    "X12-ELEMENT-DATE": _row("error AK4 8", "{ref} ({name}) is not a date of the form {form}: {value!r}.",
        "Dates are written as digits, and the day must exist in the calendar.",
        "Ask the sender to correct the date."),
    "X12-ELEMENT-TIME": _row("error AK4 9",
        "{ref} ({name}) is not a time of the form HHMM, HHMMSS or HHMMSSDD: {value!r}.",
        "Times are written as digits on the 24 hour clock.",
        "Ask the sender to correct the time."),
    "X12-ELEMENT-EXCLUSIVE": _row("error AK4 10", "{ref} ({name}) may not stand here: {rule}.",
        "A relational condition of the segment (syntax note E) allows only one of several elements.",
        "Ask the sender to fill only one of them."),
    "X12-COMPONENT-EXTRA": _row("error AK4 3",
        "{ref} ({name}) has {count} components; the guide knows {limit}: {value!r}.",
        "There are more components than defined, or a simple element holds the component separator.",
        "Ask the sender to leave out the rest. Text must not hold the component separator."),
    "X12-BINARY-LENGTH": _row("error AK4 7",
        "The length that {segment} states does not lead to a segment terminator.",
        "The data ends earlier or later than the segment says, so it was cut at the next terminator."),
    "X12-CTT-COUNT": _row("error AK4 7", "{ref} ({name}) is {value}, but there are {counts} segments.",
        "The transaction totals count the lines; a difference means that lines were lost or added."),
    # The sum is a comment of the standard, not a rule, and many senders state another sum: told, not refused.
    "X12-CTT-HASH": _row("warning AK4 7", "{ref} ({name}) is {value}, but the sum of {segment} is {count}.",
        "Many senders state another sum than that of the quantities, so the set is accepted all the same.",
        "Compare the quantities with the sender; a line may have been changed or lost."),
    # --- levels of a hierarchy (HL) -------------------------------------------------------------------
    "X12-HL-DUPLICATE": _row("error AK4 7", "{ref} is {value}, and a level before has the same number.",
        "HL02 refers to the number in HL01; of two levels with one number nobody can say which is meant."),
    "X12-HL-PARENT": _row("error AK4 7", "{ref} is {value}, but no level before has that number in HL01.",
        "HL02 names the level above: the order of a pack, the shipment of an order. It has to stand before."),
    "X12-HL-LEVEL": _row("error AK4 7", "A level {value} ({ref}) may not stand below {right}.",
        "The guide says which levels may stand below which. A shipment is the top; all others hang below it.",
        "Compare the structure with the partner's guide: shipment, order, pallet, carton, item."),
    "X12-HL-DEPTH": _row("error AK4 7",
        "{ref} is {value}, so that this level has more than 50 others above it.",
        "Levels without end are no shipment, and programs that read the document could not follow.",
        "Ask the sender what these levels are: packs inside packs are rarely more than three."),
    "X12-HL-CHILDREN": _row("warning AK4 7", "{ref} is {value}, but {right} would be true.",
        "HL04 is 1 if other levels are below this one, and 0 if not. What HL02 of the others says counts.",
        "Tell the sender; nothing is lost, as HL02 says where each level belongs."),
    "X12-HL-NUMBER": _row("info", "{ref} is {value}; numbered one by one it would be {right}.",
        "Levels are usually numbered 1, 2, 3 and so on. Other numbers are lawful if each is used once.",
        "Nothing needs to be done.",
        level=Level.ELEMENT),
    "X12-INTERNAL": _row("error AK5 5",
        "The fast check refused the transaction set, but the diagnosis found nothing wrong.",
        "Two ways of checking disagree; the set is rejected rather than accepted by mistake.",
        "This is a fault of this software. Please report it with the file.",
        fault=Fault.US),
}
# fmt: on


def problem(
    code: str,
    location: Location | None = None,
    *,
    value: str | None = None,
    severity: Severity | None = None,
    ack: Ack | None = None,
    data_element: str | None = None,
    **words: object,
) -> Problem:
    """A problem of the catalogue with its words filled in.

    Args:
        value: the offending text; shortened to :data:`MAX_VALUE` characters.
        severity, ack: others than the catalogue's.
        data_element: X12 data element number for AK402.
        words: what the message names besides the value.
    """
    kind = CATALOGUE[code]
    shown = value if value is None or len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
    message, hint = (text.format(value=shown, **words) for text in (kind.message, kind.hint))
    weight, where, ack = severity or kind.severity, location or Location(), ack or kind.ack
    return Problem(code, weight, kind.level, message, hint, shown, where, ack, kind.fault, data_element)
