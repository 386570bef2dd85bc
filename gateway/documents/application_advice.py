"""The application advice: X12 824. What the receiver's system made of a document, and what was wrong."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    Amount,
    Code,
    Context,
    DateTime,
    Document,
    IndustryCodes,
    Many,
    Maybe,
    Model,
    Note,
    Party,
    Person,
    Place,
    QualifiedQuantity,
    Referenced,
    RelatedData,
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


class AdviceError(Place):
    """Something that is wrong with the document; component and repetition from release 005010 on."""

    code: Code = required("What is wrong")
    message: Maybe[Text] = optional("The same in words", "Purchase order number is unknown")
    value: Maybe[Text] = optional("The wrong value", "8WL5Q2ZZ")
    correction: Maybe[Text] = optional("The value that takes its place", "8WL5Q2ZX")
    notes: Maybe[Many[Note]] = optional("Lines of text")
    contexts: Maybe[Many[Context]] = optional("The situation in which it arose")
    related: Maybe[Many[RelatedData]] = optional("Data that belong to the error")


class AdviceResult(Referenced):
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
    amounts: Maybe[Many[Amount]] = optional("Amounts")
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Quantities")
    people: Maybe[Many[Person]] = optional("Persons and organizations")
    errors: Maybe[Many[AdviceError]] = optional("What is wrong")
    industry_codes: Maybe[Many[IndustryCodes]] = optional("Codes of an industry's own lists")


class ApplicationAdvice(Document):
    """The answer of the receiver's system to documents that were formally right."""

    document_type: Literal["application_advice"] = required("Kind of document")
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
