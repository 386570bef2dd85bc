"""What partners say of what they received: acknowledgments (X12 997, 999 and TA1, EDIFACT CONTRL),
application advices (X12 824), and text messages (X12 864) from people or programs for people.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StrictInt, StringConstraints

from gateway.documents import parts
from gateway.documents.common import Document, Item, Model, optional, required
from gateway.documents.values import Code, Count, Date, DateTime, Many, Maybe, Text

Time = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Acknowledged(Model):
    """What is acknowledged: a functional group, or in a TA1 an interchange."""

    type: Maybe[Code] = optional("Kind of documents in the group", "purchase_order")
    group_control: Maybe[Text] = optional("Control number of the group (its GS06)", "101")
    version: Maybe[Text] = optional("Release of the group (its GS08), in releases from 005010", "005010")
    interchange: Maybe[Text] = optional("Control number of the interchange (its ISA13)", "000000101")
    date: Maybe[Date] = optional("Date of the interchange (its ISA09)", "2026-01-05")
    time: Maybe[Time] = optional("Time of the interchange (its ISA10)", "08:30")


class Counts(Model):
    """Transaction sets of the group."""

    included: Count = required("Sets that the group's trailer counts", 2)
    received: Count = required("Sets that were received", 2)
    accepted: Count = required("Sets that were accepted", 1)


class ElementError(Item):
    """An element in error."""

    element: Count = required("Position of the element in the segment", 5)
    component: Maybe[Count] = optional("Position in a composite element", 1)
    repetition: Maybe[Count] = optional("Which occurrence of a repeating element", 2)
    data_element: Maybe[Text] = optional("Number of the data element", "373")
    code: Code = required("What is wrong with it", "invalid_date")
    value: Maybe[Text] = optional("The bad value", "20261320")
    contexts: Maybe[Many[parts.Context]] = optional("What the finding depends on")


class SegmentError(Item):
    """A segment in error, missing or out of place."""

    segment: Text = required("Segment", "BEG")
    position: Count = required("Position in the set, ST being 1", 2)
    loop: Maybe[Text] = optional("Loop it stands in", "PO1")
    code: Maybe[Code] = optional("What is wrong with it", "elements_in_error")
    contexts: Maybe[Many[parts.Context]] = optional("What the finding depends on")
    elements: Maybe[Many[ElementError]] = optional("Its elements in error")


class SetAcknowledgment(Item):
    """What is said of one transaction set."""

    set_id: Text = required("Kind of transaction set (its ST01)", "850")
    control_number: Text = required("Its control number (ST02)", "0001")
    implementation: Maybe[Text] = optional("Guide it follows (its ST03), in releases from 005010", "005010X1")
    status: Code = required("Verdict", "rejected")
    codes: Maybe[Many[Code]] = optional("What is wrong with it as a whole", ["segments_in_error"])
    errors: Maybe[Many[SegmentError]] = optional("Segments in error")


class Refusal(Item):
    """Why the receiver's system refused what it was given."""

    code: Code = required("What is wrong, a code of the receiver", "INVALID_ORDER_ID")
    message: Maybe[Text] = optional("The same in words", "Invalid order ID.")
    details: Maybe[Text] = optional("More on it", "8WL5Q2ZX")


class FunctionalAcknowledgment(Document):
    """What a receiver says of a functional group or an interchange; it is never acknowledged itself."""

    document_type: Literal["functional_acknowledgment"] = required("Kind of document")
    acknowledged: Acknowledged = required("What is acknowledged")
    status: Code = required("Verdict", "partial")
    note: Maybe[Code] = optional("Reason of the verdict on an interchange", "no_error")
    counts: Maybe[Counts] = optional("Transaction sets of the group")
    codes: Maybe[Many[Code]] = optional("What is wrong with the group itself", ["set_count_differs"])
    errors: Maybe[Many[Refusal]] = optional("Why it was refused, where no segment is named")
    sets: Maybe[Many[SetAcknowledgment]] = optional("Transaction sets; in an accepted group often none")


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


class AdviceError(parts.Place):
    """Something that is wrong with the document; component and repetition from release 005010 on."""

    code: Code = required("What is wrong")
    message: Maybe[Text] = optional("The same in words", "Purchase order number is unknown")
    value: Maybe[Text] = optional("The wrong value", "8WL5Q2ZZ")
    correction: Maybe[Text] = optional("The value that takes its place", "8WL5Q2ZX")
    notes: Maybe[Many[parts.Note]] = optional("Lines of text")
    contexts: Maybe[Many[parts.Context]] = optional("The situation in which it arose")
    related: Maybe[Many[parts.RelatedData]] = optional("Data that belong to the error")


class AdviceResult(parts.Referenced):
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
    amounts: Maybe[Many[parts.Amount]] = optional("Amounts")
    quantities: Maybe[Many[parts.QualifiedQuantity]] = optional("Quantities")
    people: Maybe[Many[parts.Person]] = optional("Persons and organizations")
    errors: Maybe[Many[AdviceError]] = optional("What is wrong")
    industry_codes: Maybe[Many[parts.IndustryCodes]] = optional("Codes of an industry's own lists")


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
    parties: Maybe[Many[parts.Party]] = optional("Parties")
    results: Many[AdviceResult] = required("The judgment on each document or item")


class MessageLine(Item):
    """A line of a message."""

    text: Text = required("The line", "The dock is closed on March 6.")
    advance: Maybe[Code] = optional("How the printer gets to the line")
    count: Maybe[StrictInt] = optional("Lines to advance", 2)


class Message(Item):
    """One message."""

    number: Text = required("Number of the message", "0001")
    subject: Maybe[Text] = optional("What it is about", "Dock hours")
    page_width: Maybe[Count] = optional("Characters on a line of the page it is laid out for", 80)
    page_length: Maybe[Count] = optional("Lines of that page", 55)
    parties: Maybe[Many[parts.Party]] = optional("Sender and receivers of this message alone")
    lines: Many[MessageLine] = required("The text")


class TextMessage(Document):
    """Messages that no other document has a place for."""

    document_type: Literal["text_message"] = required("Kind of document")
    purpose: Code = required("Whether the message is new or replaces another")
    description: Maybe[Text] = optional("What it is about", "Receiving notices")
    type: Maybe[Code] = optional("Kind of message")
    dates: Maybe[Many[parts.DateReference]] = optional("Dates")
    parties: Maybe[Many[parts.Party]] = optional("Senders and receivers")
    messages: Many[Message] = required("The messages")
