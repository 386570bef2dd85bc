"""The application advice: X12 824. What the receiver's system made of a document, and what was wrong."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    Amount,
    Code,
    Contact,
    DateReference,
    DateTime,
    Document,
    IndustryCode,
    Item,
    Many,
    Maybe,
    Model,
    Party,
    QualifiedQuantity,
    Reference,
    Text,
    optional,
    required,
)


class Original(Model):
    """Where the document that is judged stood in what was sent."""

    sender: Maybe[Text] = optional("Sender of the functional group, GS02", "ACMESUPPLY")
    receiver: Maybe[Text] = optional("Receiver of the functional group, GS03", "NORTHWINDRETAIL")
    at: Maybe[DateTime] = optional("Date and time of the functional group", "2026-03-02T17:30")
    group: Maybe[Text] = optional("Control number of the functional group", "101")
    transaction: Maybe[Text] = optional("Control number of the transaction set", "0001")
    set_id: Maybe[Text] = optional("Kind of transaction set", "856")
    version: Maybe[Text] = optional("Release of the transaction set", "004010")
    purpose: Maybe[Code] = optional("Purpose of the document")


class AdviceText(Item):
    """A line of text."""

    type: Maybe[Text] = optional("Kind of text, an X12 code", "ERN")
    text: Text = required("The text", "CARTON ID NOT UNIQUE WITHIN 1 YEAR")


class RelatedData(Item):
    """A piece of data that belongs to an error."""

    text: Text = required("The data, or what it is", "00100012345678902")
    type: Maybe[Text] = optional("What it is, an X12 code", "94")
    agency: Maybe[Code] = optional("Who maintains the code")
    source: Maybe[Text] = optional("Part of the agency's lists", "ERRORS")
    list: Maybe[Text] = optional("Kind of list, an X12 code", "ZZ")
    code: Maybe[Text] = optional("The code", "E019")


class ErrorContext(Item):
    """The situation in which an error arose; from release 005010 on."""

    name: Text = required("What makes the situation", "SITUATIONAL TRIGGER")
    value: Maybe[Text] = optional("Its value", "0012")
    segment: Maybe[Text] = optional("Segment it stands in", "CLM")
    position: Maybe[Text] = optional("Position of the segment in the set; ST is 1", "43")
    loop: Maybe[Text] = optional("Loop it stands in", "2300")
    element: Maybe[Text] = optional("Position of the element in the segment", "5")
    component: Maybe[Text] = optional("Position of the component", "3")
    repetition: Maybe[Text] = optional("Which repetition", "1")
    data_element: Maybe[Text] = optional("Number of the data element", "1325")


class AdviceError(Item):
    """Something that is wrong with the document."""

    code: Code = required("What is wrong")
    message: Maybe[Text] = optional("The same in words", "Purchase order number is unknown")
    segment: Maybe[Text] = optional("Segment with the error", "PRF")
    position: Maybe[Text] = optional("Its position in the set; ST is 1", "4")
    element: Maybe[Text] = optional("Position of the element in the segment", "1")
    component: Maybe[Text] = optional("Position of the component; from release 005010 on", "2")
    repetition: Maybe[Text] = optional("Which repetition; from release 005010 on", "1")
    data_element: Maybe[Text] = optional("Number of the data element", "324")
    value: Maybe[Text] = optional("The wrong value", "8WL5Q2ZZ")
    correction: Maybe[Text] = optional("The value that takes its place", "8WL5Q2ZX")
    notes: Maybe[Many[AdviceText]] = optional("Lines of text")
    contexts: Maybe[Many[ErrorContext]] = optional("The situation in which it arose")
    related: Maybe[Many[RelatedData]] = optional("Data that belong to the error")


class AdviceCode(IndustryCode):
    """A code, and data that belong to it."""

    related: Maybe[Many[RelatedData]] = optional("Data that belong to the code")


class AdviceCodes(Item):
    """Codes of one industry or agency."""

    agency: Code = required("Who maintains the codes")
    source: Maybe[Text] = optional("Part of the agency's lists", "STATUS")
    codes: Many[AdviceCode] = required("The codes")


class AdvicePerson(Item):
    """A person or organization that the judgment is about."""

    role: Code = required("What the person does here")
    kind: Code = required("Person or organization")
    name: Maybe[Text] = optional("Last name, or name of the organization", "Field")
    first_name: Maybe[Text] = optional("First name", "Dana")
    middle_name: Maybe[Text] = optional("Middle name", "R")
    prefix: Maybe[Text] = optional("Form of address", "Dr")
    suffix: Maybe[Text] = optional("What follows the name", "Jr")
    id_scheme: Maybe[Code] = optional("Kind of identifier")
    id: Maybe[Text] = optional("Identifier", "0012")


class AdviceResult(Item):
    """The judgment on one document, or on one item of it."""

    status: Code = required("Accepted or rejected, and what: group, set, batch or item")
    reference_type: Code = required("What the reference is")
    reference: Text = required("Number of the document or item", "SHP-20260302-1")
    original: Maybe[Original] = optional("Where the document stood in what was sent")
    transaction_type: Maybe[Text] = optional("Kind of transaction, an X12 code", "TX")
    application: Maybe[Text] = optional("Kind of application, an X12 code", "MM")
    action: Maybe[Text] = optional("Action, an X12 code", "WQ")
    handling: Maybe[Text] = optional("Handling of the transaction, an X12 code", "I")
    reason: Maybe[Text] = optional("Reason for the status, an X12 code", "017")
    references: Maybe[Many[Reference]] = optional("References")
    dates: Maybe[Many[DateReference]] = optional("Dates")
    contacts: Maybe[Many[Contact]] = optional("People to talk to")
    amounts: Maybe[Many[Amount]] = optional("Amounts")
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Quantities")
    people: Maybe[Many[AdvicePerson]] = optional("Persons and organizations")
    errors: Maybe[Many[AdviceError]] = optional("What is wrong")
    industry_codes: Maybe[Many[AdviceCodes]] = optional("Codes of an industry's own lists")


class ApplicationAdvice(Document):
    """The answer of the receiver's system to documents that were formally right."""

    document_type: Literal["application_advice"] = required("Kind of document", "application_advice")
    advice_number: Text = required("Number of the advice", "AA-2026-118")
    purpose: Code = required("Whether the advice is new or replaces another")
    issued_at: DateTime = required("Date, or date and time, of the advice", "2026-03-02T17:45")
    time_zone: Maybe[Text] = optional("Zone of the time, an X12 code", "PT")
    reference: Maybe[Text] = optional("Earlier document it refers to", "AA-2026-117")
    transaction_type: Maybe[Text] = optional("Kind of transaction, an X12 code", "RU")
    action: Maybe[Text] = optional("What the receiver is asked to do, an X12 code", "WQ")
    security_level: Maybe[Text] = optional("Security level, an X12 code", "02")
    parties: Maybe[Many[Party]] = optional("Parties")
    results: Many[AdviceResult] = required("The judgment on each document or item")
