"""Every problem that the check of a mapping can report: weight, words and explanation, in one table."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from gateway.errors import Ack, Fault, Level, Location, Problem, Severity
from gateway.x12.problems import MAX_VALUE, Kind

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO


def _kind(severity: Severity, message: str, hint: str, explanation: str) -> Kind:
    return Kind(Level.FILE, severity, Ack(), message, hint, explanation, Fault.CONFIGURATION)


# fmt: off
CATALOGUE: dict[str, Kind] = {
    # --- the file -------------------------------------------------------------------------------------
    "MAP-YAML": _kind(_E,
        "The file is not YAML: {what}.",
        "Correct the line; often a quote, a colon or the indentation is wrong.",
        "A mapping is written in YAML. Nothing can be said about its rules before that."),
    "MAP-MISSING": _kind(_E,
        "Something that the mapping names is missing: {what}.",
        "Name a mapping, block or code table that exists; shared ones stand in mappings/x12/blocks.yaml.",
        "A mapping may extend another one and use blocks and code tables. It needs all of them."),
    "MAP-KEY": _kind(_E,
        "The key {value!r} is unknown{nearest}.",
        "A mapping has the keys mapping, guide, extends, fields, computed, codes and blocks.",
        "An unknown key is refused; a misspelt one would be ignored otherwise."),
    "MAP-KEY-MISSING": _kind(_E,
        "The key {value!r} is missing.",
        "Write 'mapping: <document type>', 'guide: x12/<release>/<set>' and 'fields:'.",
        "A mapping says which document it makes, from which guide, and with which fields."),
    "MAP-NO-GUIDE": _kind(_E,
        "There is no guide {value!r}.",
        "Name a guide that is installed, such as x12/004010/850.",
        "A mapping is bound to the guide of one transaction set of one release."),
    "MAP-NO-MAPPING": _kind(_E,
        "There is no mapping for this document or transaction set.",
        "Add a mapping to mappings/x12/<release>/.",
        "Documents are written and read by the mapping of their type and release."),
    "MAP-NO-MODEL": _kind(_W,
        "There is no document type {value!r}{nearest}; its fields were not compared.",
        "Name a document type that exists.",
        "The fields of a mapping are compared with those of the document type, where that is known."),
    "MAP-UNUSED": _kind(_W,
        "{value!r} under {field} is used by no rule.",
        "Use it as '$name' (a block) or '@name' (a code table), or take it out.",
        "A mapping states a block or a code table of its own, and nothing names it."),
    # --- the form of a rule ---------------------------------------------------------------------------
    "MAP-RULE": _kind(_E,
        "{field}: {what}.",
        "A rule is 'name: ADDRESS' or 'name: ADDRESS | converter'; a list is 'name[]: {{each: SEGMENT}}'.",
        "The rule breaks the form of the mapping language."),
    "MAP-CONVERTER": _kind(_E,
        "{field}: {what}{nearest}.",
        "Use one of the converters that exist, with arguments of the form name=CODE.",
        "A converter turns the text of elements into a value and back. This one is unknown or ill-formed."),
    "MAP-DUPLICATE": _kind(_E,
        "{field} is defined twice: {what}.",
        "Keep one of the rules, or give the other field a name of its own.",
        "Each field of a document has one rule. Of two with the same name only the last would count."),
    # --- rule and guide -------------------------------------------------------------------------------
    "MAP-ADDRESS": _kind(_E,
        "{field}: there is no {segment} in {where}.",
        "Look up the segment in the guide. Segments of a loop are addressed through the loop, as in N1/N3.",
        "An address names segments of the guide, relative to the loop around the rule."),
    "MAP-ELEMENT": _kind(_E,
        "{field}: there is no {ref} in the guide.",
        "Look up the segment's elements; a component is written as in CTP05.1.",
        "An address or condition names an element that the segment does not have in this guide."),
    "MAP-NO-LOOP": _kind(_E,
        "{field}: {segment} is no loop and has no segments inside.",
        "Address the other segments by rules of their own.",
        "Only a segment that begins a loop can hold rules for further segments."),
    "MAP-TYPE": _kind(_E,
        "{field}: {converter} does not fit {ref} ({name}), which is of type {type}.",
        "{advice}",
        "A converter works on certain types of data elements: date on DT, time on TM, decimal on R and N0, "
        "int on N0, n2 on N2, code, enum and bool on ID and AN. On others it would change or refuse values."),
    "MAP-CODE": _kind(_E,
        "{field}: {value!r} is no code of {ref} ({name}){nearest}.",
        "Correct the code, or add it to the guide.",
        "The guide's list for the element lacks the code, so it can neither arrive nor be sent."),
    "MAP-CONDITION": _kind(_E,
        "{field}: the condition {value!r} can never hold: {what}.",
        "Correct the condition.",
        "A condition compares an element with a value that the guide does not allow there."),
    "MAP-REQUIRED": _kind(_E,
        "{field}: {ref} ({name}) is mandatory, but no rule writes it.",
        "Add a rule for it, or state its value as a condition, as in DTM[DTM01=064].",
        "The mapping writes the loop or segment, and the guide demands a part of it that nothing fills. What "
        "is written would be refused."),
    "MAP-RELATION": _kind(_W,
        "{field}: {ref} ({name}) has no rule, but {rule}.",
        "Add a rule for it.",
        "A syntax note of the segment ties elements together, and the mapping fills only a part of them."),
    "MAP-OVERLAP": _kind(_E,
        "{field}: {ref} is taken by {other} as well, under the same condition.",
        "Let one rule take the element, or give the rules different conditions.",
        "Two rules give the same element two meanings. On writing nobody could say which value counts."),
    "MAP-UNREACHABLE": _kind(_E,
        "{field} is never reached: {other} takes every such {segment} before it.",
        "Put the rule with more conditions, or the one that takes a single segment, first.",
        "Rules for the same segment are tried in order, those with conditions first. A list takes every "
        "segment that fits, so nothing is left for a later rule with the same or more conditions."),
    "MAP-COPY": _kind(_E,
        "{field}: {what}.",
        "'=name' copies a field of the document's root into an object that other rules fill.",
        "A copied value needs a source among the root's fields, and a neighbour that makes its object."),
    "MAP-COUNT": _kind(_E,
        "computed {field}: {what}.",
        "Write 'field: count(list)'; the field has a rule with int, and the list is one of the root's.",
        "A computed field states the length of a list. It is written always and checked on reading."),
    # --- rule and document ----------------------------------------------------------------------------
    "MAP-FIELD-UNKNOWN": _kind(_E,
        "{field} is no field of the document{nearest}.",
        "Use a name of the document type, or add the field to its model.",
        "What this rule reads would be refused by the model of the document."),
    "MAP-KIND": _kind(_E,
        "{field}: {converter} gives {kind}, but the field of the document is {wanted}.",
        "Use a converter that gives such a value, or another field.",
        "What this rule reads would be refused by the model of the document, and what the document holds "
        "could not be written."),
    "MAP-FIELD-UNUSED": _kind(_W,
        "{field} is a field of the document, but no rule fills it.",
        "Add a rule, or leave it if this guide has no place for the value.",
        "The field can never be read from X12, and is refused or lost on writing."),
    "MAP-LOSSY": _kind(_I,
        "{field}: {converter} is not exact: {what}.",
        "Nothing needs to be done.",
        "The value alone does not tell the text it came from. Where it matters, the exact text is kept in "
        "the extensions of the document, so that it can be written back as it was."),
    # --- JSON bodies ----------------------------------------------------------------------------------
    "MAP-MEMBER": _kind(_E,
        "{field}: there is no member {value!r} in {where}{nearest}.",
        "Look it up in the form of the body (schemas/sp_api).",
        "An address names members of a JSON body, relative to the list around the rule."),
    "BODY-MISSING": _kind(_E,
        "{field} is missing in the body: {words} is needed.",
        "Correct the document where we send it; ask the sender where it came in.",
        "The other side refuses a body without this member; the mapping says which field of the document it "
        "is written from."),
    "BODY-UNKNOWN": _kind(_E,
        "{field} is not known in this body.",
        "Correct the document where we send it; ask the sender where it came in.",
        "The body has a member that the API does not know. What we send may hold nothing else; what comes in "
        "is kept in the extensions."),
    "BODY-VALUE": _kind(_E,
        "{field} is {value!r}, but should be {words}.",
        "Correct the document where we send it; ask the sender where it came in.",
        "A member of a body does not have the form that the API describes. What we send is held back; what "
        "comes in is read as far as it can be, with this warning."),
    "BODY-WRITE": _kind(_E,
        "{field} cannot be written to {address}: {what}.",
        "Correct the value in the document.",
        "The value of a field is not one that its rule can write."),
    "BODY-PLACE": _kind(_W,
        "{field} has no place in this body, which has only {names}; it is not sent.",
        "Nothing needs to be done, unless its role is wrong.",
        "A body has a member for each party of its own, and none for others."),
    "BODY-TWICE": _kind(_E,
        "{field} would be the second {value}; there is room for one.",
        "Take one of them out.",
        "A body has one member for each party."),
    "BODY-LOST": _kind(_E,
        "{field} has no place in this body and would not be sent.",
        "Take it out, or add a rule to the mapping.",
        "The mapping has no rule for a field of the document. Where it says so itself (`name: ~`), this is a "
        "warning and the rest is sent."),
    "BODY-DIFFERENT": _kind(_E,
        "{field} is {value!r}, but the body says {after}.",
        "Correct the value, or the fields that it follows from.",
        "What is written was read again, and says something else than the document. Fields that only follow "
        "from others, such as the currency of an order from its lines, are told as a warning."),
    "BODY-FOREIGN": _kind(_W,
        "{field} keeps data of another channel ({value}), which is not sent.",
        "Nothing needs to be done, unless the data must reach the partner.",
        "Extensions hold what a partner sent and no rule took. What came as X12 has no place in a body."),
    "BODY-KIND": _kind(_E,
        "This is no body of the kind {value!r}: {what}.",
        "Check what was asked for, and the answer.",
        "The body is no JSON object, or does not hold what this kind of body does."),
    "BODY-QUANTITY": _kind(_W,
        "Of item {value} {total} units are shipped, but {packed} are in cartons and pallets.",
        "Ask which is right; the document has what is packed.",
        "A shipment confirmation states quantities twice, and here they contradict each other."),
    "BODY-NUMBER": _kind(_I,
        "Line number {value!r} stands for several items of the shipment; in the body this is {number}.",
        "Nothing needs to be done.",
        "Items of a shipment confirmation need numbers of their own; lines of several orders may share one."),
    # --- while translating ----------------------------------------------------------------------------
    "MAP-SUM": _kind(_W,
        "{field} ({address}) is {value}, but its parts add up to {total}.",
        "Hold the document back and ask the sender: a part is missing, doubled or changed.",
        "The mapping says which fields add up to this one, such as the paid amounts of a remittance to its "
        "total. A document whose parts do not add up is translated as it is, with this warning."),
    "MAP-UNMAPPED": _kind(_I,
        "Values are in no rule of the mapping and are kept in extensions.",
        "Nothing is lost. Add rules to the mapping if your system needs the values.",
        "A partner sent segments or elements that the mapping does not name. `edigw map trace FILE` shows "
        "each."),
}
# fmt: on


def mapping_problem(
    code: str,
    field: str = "",
    *,
    value: str | None = None,
    line: int | None = None,
    severity: Severity | None = None,
    **words: object,
) -> Problem:
    """A problem of the catalogue with its words filled in.

    Args:
        field: path of the field from the document's root, such as ``lines[].quantity.value``; it becomes the
            location's ``pointer``, in this form.
        value: the offending text.
        line: line of the mapping file.
        severity: another weight than the catalogue's.
    """
    kind = CATALOGUE[code]
    shown = value if value is None or len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
    return Problem(
        code=code,
        severity=severity or kind.severity,
        level=kind.level,
        message=kind.message.format(value=shown, field=field, **words).replace("?.", "?"),
        hint=kind.hint.format(value=shown, field=field, **words),
        value=shown,
        location=Location(pointer=field or None, line=line),
        fault=kind.fault,
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` for the known word that is most like the given one; empty where none is."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {found[0]}?" if found else ""
