"""Every problem the X12 core can report: code, weight, acknowledgment codes and words, in one table.

The acknowledgment codes are those of X12 004010 data elements 720 (AK304), 723 (AK403), 718 (AK502),
716 (AK905) and I18 (TA105).
"""

from __future__ import annotations

from collections.abc import Mapping
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


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO
_FILE, _ISA, _GS = Level.FILE, Level.INTERCHANGE, Level.GROUP
_ST, _SEG, _ELE = Level.TRANSACTION_SET, Level.SEGMENT, Level.ELEMENT
_RESEND = "Ask the sender to correct the file and send it again."


def _segment(code: str, message: str, hint: str, explanation: str) -> Kind:
    return Kind(_SEG, _E, Ack(ak3=code, ak5="5"), message, hint, explanation)


def _element(code: str, message: str, hint: str, explanation: str, ik: str | None = None) -> Kind:
    return Kind(_ELE, _E, Ack(ak3="8", ak4=code, ak5="5", ik=ik), message, hint, explanation)


CATALOGUE: dict[str, Kind] = {
    # --- file -----------------------------------------------------------------------------------------
    "X12-EMPTY": Kind(
        _FILE, _E, Ack(), "The file is empty.", _RESEND, "There is not one character of data in the file."
    ),
    "X12-NOT-X12": Kind(
        _FILE,
        _E,
        Ack(),
        "This is not an X12 file: no ISA segment was found in {count} bytes.",
        "Check what was sent. It begins with {value!r}.",
        "An X12 file begins with the segment ISA, whose fixed form also tells the separators. Without it "
        "nothing in the file can be trusted, so nothing is read.",
    ),
    "X12-ISA-TRUNCATED": Kind(
        _FILE,
        _E,
        Ack(),
        "The file ends inside the ISA segment.",
        _RESEND,
        "The interchange header has 106 characters; the file stops before. Usually a broken transmission.",
    ),
    "X12-NO-ISA": Kind(
        _ISA,
        _E,
        Ack(ta1="022"),
        "{segment} stands outside an interchange: there is no ISA segment before it.",
        _RESEND,
        "A functional group or transaction set came without its interchange header, so sender, receiver and "
        "control number are unknown. Its transaction sets are counted, but never accepted.",
    ),
    "X12-FOREIGN-TEXT": Kind(
        _FILE,
        _E,
        Ack(),
        "{count} bytes of text that is not X12 stand outside the interchanges, beginning with {value!r}.",
        "Ask the sender to leave out everything before ISA and after IEA.",
        "Only interchanges, line ends and blanks may stand in an X12 file.",
    ),
    "X12-BOM": Kind(
        _FILE,
        _I,
        Ack(),
        "The file begins with a UTF-8 byte order mark.",
        "Nothing needs to be done; it is skipped.",
        "Some Windows programs put three bytes before the text. They are not part of the interchange.",
    ),
    "X12-BLANKS": Kind(
        _FILE,
        _I,
        Ack(),
        "{count} blanks or line ends stand before the ISA segment.",
        "Nothing needs to be done; they are skipped.",
        "White space around interchanges carries no data.",
    ),
    "X12-WRAPPED": Kind(
        _FILE,
        _W,
        Ack(),
        "Line breaks stand inside segments; they were taken out.",
        "Ask the sender to switch off wrapping of lines; data that itself ends in blanks may be harmed.",
        "The file was cut into lines of a fixed length by a program on the way. As the segment terminator of "
        "this interchange is another character, the line breaks cannot be data.",
    ),
    "X12-CHARSET": Kind(
        _FILE,
        _W,
        Ack(),
        "The text holds characters outside ASCII, the first in {where}.",
        "Agree on a character set with the partner; until then each byte is read as Latin-1.",
        "X12's basic and extended character sets are part of ASCII. Other bytes depend on an agreement.",
    ),
    "X12-NEAREST-GUIDE": Kind(
        _ST,
        _I,
        Ack(),
        "There is no guide of release {version} for {set}; that of {release} was taken.",
        "Nothing needs to be done. Elements that are longer, and codes that it does not list, are let pass.",
        "A release without guides of its own is checked by those of the nearest one. Lengths and codes may "
        "differ, so those are told but do not reject.",
        Fault.CONFIGURATION,
    ),
    "X12-NO-GUIDE": Kind(
        _ST,
        _W,
        Ack(ak5="1"),
        "There is no guide for transaction set {set} in version {version}; only its structure was checked.",
        "Add a guide, or agree with the partner on a version that has one.",
        "Without a guide the content cannot be judged or translated, and a functional acknowledgment says "
        "that the set is not supported.",
        Fault.CONFIGURATION,
    ),
    # --- interchange ----------------------------------------------------------------------------------
    "X12-ISA-WIDTH": Kind(
        _ISA,
        _E,
        Ack(ta1="022"),
        "The ISA segment is not of fixed width: {widths}.",
        "Ask the sender to pad the elements of ISA to their fixed lengths.",
        "ISA is the one segment whose elements all have a fixed length (106 characters with its terminator), "
        "because readers take the separators from fixed places. It was read by its separators instead.",
    ),
    "X12-ISA-SEPARATOR": Kind(
        _ISA,
        _E,
        Ack(ta1="027"),
        "{what}",
        "Ask the sender for an ISA segment with three different separators.",
        "Element separator (position 4), component separator (ISA16) and segment terminator must be there, "
        "differ from each other and be neither letters, digits nor blanks.",
    ),
    "X12-ISA-ELEMENT": Kind(
        _ELE,
        _E,
        Ack(ta1="022"),
        "{ref} ({name}) {what}: {value!r}.",
        _RESEND,
        "An element of the interchange header or trailer has a value that its definition does not allow.",
    ),
    "X12-ISA-DUPLICATE": Kind(
        _ISA,
        _E,
        Ack(ta1="025"),
        "Interchange {value} of this sender is in the file twice.",
        "Ask the sender whether it is the same data twice or a control number used again.",
        "ISA13 is to be unique for a pair of sender and receiver.",
    ),
    "X12-IEA-MISSING": Kind(
        _ISA,
        _E,
        Ack(ta1="023"),
        "The interchange {value} has no IEA segment: it is cut off.",
        _RESEND,
        "Without the trailer nobody can tell whether all groups arrived.",
    ),
    "X12-IEA-COUNT": Kind(
        _ISA,
        _E,
        Ack(ta1="021"),
        "IEA01 says {value} functional groups, but there are {count}.",
        _RESEND,
        "The trailer counts the functional groups of the interchange (TA1 segments may be counted too where "
        "there is no group).",
    ),
    "X12-IEA-CONTROL": Kind(
        _ISA,
        _E,
        Ack(ta1="001"),
        "IEA02 is {value}, but ISA13 is {expected}.",
        _RESEND,
        "Header and trailer of an interchange carry the same control number.",
    ),
    "X12-STRAY-SEGMENT": Kind(
        _ISA,
        _E,
        Ack(ta1="024"),
        "Segment {segment} stands outside a transaction set.",
        _RESEND,
        "Between ISA and IEA only functional groups and TA1 segments may stand, in a group only transaction "
        "sets.",
    ),
    "X12-NO-GROUPS": Kind(
        _ISA,
        _E,
        Ack(ta1="024"),
        "The interchange holds neither a functional group nor an acknowledgment.",
        _RESEND,
        "There is nothing between ISA and IEA.",
    ),
    # --- functional group -----------------------------------------------------------------------------
    "X12-NO-GS": Kind(
        _GS,
        _E,
        Ack(ta1="024"),
        "Transaction set {value} stands outside a functional group.",
        _RESEND,
        "Every transaction set belongs to a functional group (GS to GE), which names its version.",
    ),
    "X12-GS-ELEMENT": Kind(
        _ELE,
        _E,
        Ack(ak9="6"),
        "{ref} ({name}) {what}: {value!r}.",
        _RESEND,
        "An element of the group header or trailer has a value that its definition does not allow.",
    ),
    "X12-GS-DUPLICATE": Kind(
        _GS,
        _E,
        Ack(ak9="6"),
        "Group control number {value} is used twice in the interchange.",
        _RESEND,
        "GS06 is to be unique for a pair of sender and receiver.",
    ),
    "X12-GS-SET": Kind(
        _GS,
        _W,
        Ack(),
        "GS01 is {value}, but transaction set {set} belongs to functional group {expected}.",
        "Ask the sender to put the set into the right functional group.",
        "The functional identifier code of a group tells which transaction sets it may hold.",
    ),
    "X12-GE-MISSING": Kind(
        _GS,
        _E,
        Ack(ak9="3"),
        "Functional group {value} has no GE segment.",
        _RESEND,
        "Without the trailer nobody can tell whether all transaction sets arrived.",
    ),
    "X12-GE-COUNT": Kind(
        _GS,
        _E,
        Ack(ak9="5"),
        "GE01 says {value} transaction sets, but there are {count}.",
        _RESEND,
        "The trailer counts the transaction sets of the group.",
    ),
    "X12-GE-CONTROL": Kind(
        _GS,
        _E,
        Ack(ak9="4"),
        "GE02 is {value}, but GS06 is {expected}.",
        _RESEND,
        "Header and trailer of a group carry the same control number.",
    ),
    # --- transaction set ------------------------------------------------------------------------------
    "X12-SE-MISSING": Kind(
        _ST,
        _E,
        Ack(ak5="2"),
        "Transaction set {value} has no SE segment.",
        _RESEND,
        "The set is cut off; part of it may be missing.",
    ),
    "X12-SE-COUNT": Kind(
        _ST,
        _E,
        Ack(ak5="4"),
        "SE01 says {value} segments, but there are {count}.",
        _RESEND,
        "The trailer counts the segments of the set, ST and SE included. A difference means that segments "
        "were lost or added on the way.",
    ),
    "X12-SE-CONTROL": Kind(
        _ST,
        _E,
        Ack(ak5="3"),
        "SE02 is {value}, but ST02 is {expected}.",
        _RESEND,
        "Header and trailer of a transaction set carry the same control number.",
    ),
    "X12-ST-DUPLICATE": Kind(
        _ST,
        _E,
        Ack(ak5="7"),
        "Transaction set control number {value} is used twice in the functional group.",
        _RESEND,
        "ST02 is unique within its functional group; an acknowledgment could not name the set otherwise.",
    ),
    "X12-ST-ID": Kind(
        _ST,
        _E,
        Ack(ak5="6"),
        "The transaction set does not say what it is: ST01 is empty.",
        _RESEND,
        "ST01 names the kind of transaction set, for example 850.",
    ),
    "X12-ST-CONTROL": Kind(
        _ST,
        _E,
        Ack(ak5="7"),
        "The transaction set has no valid control number: {value!r}.",
        _RESEND,
        "ST02 has 4 to 9 characters.",
    ),
    "X12-SET-TOO-LARGE": Kind(
        _ST,
        _E,
        Ack(ak5="5"),
        "The transaction set is larger than the limit of {limit} bytes and was not read.",
        "Raise the limit, or ask the sender to split the document.",
        "One transaction set is held in memory at a time; the limit keeps a hostile file from filling it.",
        Fault.CONFIGURATION,
    ),
    # --- segments -------------------------------------------------------------------------------------
    "X12-SEGMENT-UNKNOWN": _segment(
        "1",
        "Segment {segment} is not known in transaction set {set}.",
        "Ask the sender to leave it out, or agree on a guide that has it.",
        "The identifier of the segment does not occur in the guide of this transaction set.",
    ),
    "X12-SEGMENT-UNEXPECTED": _segment(
        "2",
        "Segment {segment} may not stand here, after {after}.",
        "Ask the sender to keep to the order of the guide.",
        "The segment belongs to this transaction set, but not at this place: the order of segments is fixed.",
    ),
    "X12-SEGMENT-MISSING": _segment(
        "3",
        "Segment {segment} ({name}) is missing before {before}.",
        "Ask the sender to add it.",
        "The guide says that the segment is mandatory at this place.",
    ),
    "X12-LOOP-REPEAT": _segment(
        "4",
        "The loop that begins with {segment} occurs {count} times; the guide allows {limit}.",
        "Ask the sender to keep to the limit.",
        "A loop may be repeated only as often as the guide says.",
    ),
    "X12-SEGMENT-REPEAT": _segment(
        "5",
        "Segment {segment} occurs {count} times here; the guide allows {limit}.",
        "Ask the sender to keep to the limit.",
        "A segment may be used only as often as the guide says.",
    ),
    "X12-SEGMENT-EMPTY": _segment(
        "1",
        "There is a segment without any text (two terminators in a row).",
        _RESEND,
        "Two segment terminators stand side by side. The rest of the set is read all the same.",
    ),
    # --- elements -------------------------------------------------------------------------------------
    "X12-ELEMENT-MISSING": _element(
        "1",
        "{ref} ({name}) is empty, but mandatory.",
        "Ask the sender to fill it.",
        "The guide says that the element is mandatory in this segment.",
    ),
    "X12-ELEMENT-CONDITION": _element(
        "2",
        "{ref} ({name}) is empty, but needed here: {rule}.",
        "Ask the sender to fill it, or to leave out the others.",
        "A relational condition of the segment (syntax note P, R, C or L) is not met.",
    ),
    "X12-ELEMENT-EXTRA": _element(
        "3",
        "{segment} has {count} elements; the guide knows {limit}.",
        "Ask the sender to leave out the rest.",
        "There are more filled elements in the segment than its definition has.",
    ),
    "X12-ELEMENT-UNUSED": _element(
        "3",
        "{ref} ({name}) may not be used, but holds {value!r}.",
        "Ask the sender to leave it out.",
        "The guide says that an element of the standard is not used in this segment.",
        ik="I10",
    ),
    "X12-ELEMENT-SHORT": _element(
        "4",
        "{ref} ({name}) has {count} characters; at least {limit} are needed: {value!r}.",
        "Ask the sender to correct the value.",
        "The value is shorter than the minimum length of the data element.",
    ),
    "X12-ELEMENT-LONG": _element(
        "5",
        "{ref} ({name}) has {count} characters; at most {limit} are allowed: {value!r}.",
        "Ask the sender to shorten the value.",
        "The value is longer than the maximum length of the data element.",
    ),
    "X12-ELEMENT-CHARACTER": _element(
        "6",
        "{ref} ({name}) {what}: {value!r}.",
        "Ask the sender to correct the value.",
        "The value holds a character that the type of the data element does not allow, for example letters "
        "in a number.",
    ),
    "X12-ELEMENT-CODE": _element(
        "7",
        "{ref} ({name}): {value!r} is not {right}.",
        "Ask the sender to use a right value, or add it to the guide.",
        "The data element takes only codes of its list, or texts of the form that the guide states.",
    ),
    "X12-ELEMENT-DATE": _element(
        "8",
        "{ref} ({name}) is not a date of the form {form}: {value!r}.",
        "Ask the sender to correct the date.",
        "Dates are written as digits, and the day must exist in the calendar.",
    ),
    "X12-ELEMENT-TIME": _element(
        "9",
        "{ref} ({name}) is not a time of the form HHMM, HHMMSS or HHMMSSDD: {value!r}.",
        "Ask the sender to correct the time.",
        "Times are written as digits on the 24 hour clock.",
    ),
    "X12-ELEMENT-EXCLUSIVE": _element(
        "10",
        "{ref} ({name}) may not stand here: {rule}.",
        "Ask the sender to fill only one of them.",
        "A relational condition of the segment (syntax note E) allows only one of several elements.",
    ),
    "X12-COMPONENT-EXTRA": _element(
        "3",
        "{ref} ({name}) has {count} components; the guide knows {limit}: {value!r}.",
        "Ask the sender to leave out the rest. Text must not hold the component separator.",
        "A composite element has more components than its definition, or a simple element holds the "
        "component separator.",
    ),
    "X12-BINARY-LENGTH": _element(
        "7",
        "The length that {segment} states does not lead to a segment terminator.",
        _RESEND,
        "A binary segment says how many bytes of data follow; here the data ends earlier or later, so it was "
        "cut at the next terminator.",
    ),
    "X12-CTT-COUNT": _element(
        "7",
        "{ref} ({name}) is {value}, but there are {counts} segments.",
        _RESEND,
        "The transaction totals count the lines; a difference means that lines were lost or added.",
    ),
    # The sum is a comment of the standard, not a rule, and many senders state another sum: told, not refused.
    "X12-CTT-HASH": Kind(
        _ELE,
        _W,
        Ack(ak3="8", ak4="7", ak5="5"),
        "{ref} ({name}) is {value}, but the sum of {segment} is {count}.",
        "Compare the quantities with the sender; a line may have been changed or lost.",
        "The hash total is meant to be the sum of the quantities. Many senders state another sum, so the set "
        "is accepted with the error noted.",
    ),
    # --- levels of a hierarchy (HL) -------------------------------------------------------------------
    "X12-HL-DUPLICATE": _element(
        "7",
        "{ref} is {value}, and a level before has the same number.",
        _RESEND,
        "HL01 numbers the levels of a hierarchy, and HL02 of the levels below refers to it; of two with one "
        "number nobody can say which is meant.",
    ),
    "X12-HL-PARENT": _element(
        "7",
        "{ref} is {value}, but no level before has that number in HL01.",
        _RESEND,
        "HL02 names the level above: the order of a pack, the shipment of an order. It has to stand before.",
    ),
    "X12-HL-LEVEL": _element(
        "7",
        "A level {value} ({ref}) may not stand below {right}.",
        "Compare the structure with the partner's guide: shipment, order, pallet, carton, item.",
        "The guide says which levels may stand below which. A shipment is the top; all others hang below it.",
    ),
    "X12-HL-DEPTH": _element(
        "7",
        "{ref} is {value}, so that this level has more than 50 others above it.",
        "Ask the sender what these levels are: packs inside packs are rarely more than three.",
        "Levels that stand in each other without end are no shipment, and programs that read the document "
        "could not follow.",
    ),
    "X12-HL-CHILDREN": Kind(
        _ELE,
        _W,
        Ack(ak3="8", ak4="7", ak5="5"),
        "{ref} is {value}, but {right} would be true.",
        "Tell the sender; nothing is lost, as HL02 says where each level belongs.",
        "HL04 is 1 if other levels are below this one, and 0 if not. What HL02 of the others says counts.",
    ),
    "X12-HL-NUMBER": Kind(
        _ELE,
        _I,
        Ack(),
        "{ref} is {value}; numbered one by one it would be {right}.",
        "Nothing needs to be done.",
        "Levels are usually numbered 1, 2, 3 and so on. Other numbers are lawful if each is used once.",
    ),
    "X12-INTERNAL": Kind(
        _ST,
        _E,
        Ack(ak5="5"),
        "The fast check refused the transaction set, but the diagnosis found nothing wrong.",
        "This is a fault of this software. Please report it with the file.",
        "Two ways of checking disagree; the set is rejected rather than accepted by mistake.",
        Fault.US,
    ),
}


def problem(
    code: str,
    location: Location | None = None,
    *,
    value: str | None = None,
    severity: Severity | None = None,
    ack: Ack | None = None,
    data_element: str | None = None,
    words: Mapping[str, object] | None = None,
    **more: object,
) -> Problem:
    """A problem of the catalogue with its words filled in.

    Args:
        code: key of :data:`CATALOGUE`.
        location: where it is.
        value: the offending text; shortened to :data:`MAX_VALUE` characters.
        severity: another weight than the catalogue's, for example by a leniency.
        ack: other acknowledgment codes than the catalogue's.
        data_element: X12 data element number for AK402.
        words, more: what the message names besides the value.
    """
    kind = CATALOGUE[code]
    shown = value if value is None or len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
    named = {**(words or {}), **more}
    return Problem(
        code=code,
        severity=severity or kind.severity,
        level=kind.level,
        message=kind.message.format(value=shown, **named),
        hint=kind.hint.format(value=shown, **named),
        value=shown,
        location=location or Location(),
        ack=ack or kind.ack,
        fault=kind.fault,
        data_element=data_element,
    )
