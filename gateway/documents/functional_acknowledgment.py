"""The functional acknowledgment: X12 997, 999 and TA1, EDIFACT CONTRL."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.documents.common import (
    Code,
    Context,
    Count,
    Date,
    Document,
    Item,
    Many,
    Maybe,
    Model,
    Text,
    optional,
    required,
)

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
    contexts: Maybe[Many[Context]] = optional("What the finding depends on")


class SegmentError(Item):
    """A segment in error, missing or out of place."""

    segment: Text = required("Segment", "BEG")
    position: Count = required("Position in the set, ST being 1", 2)
    loop: Maybe[Text] = optional("Loop it stands in", "PO1")
    code: Maybe[Code] = optional("What is wrong with it", "elements_in_error")
    contexts: Maybe[Many[Context]] = optional("What the finding depends on")
    elements: Maybe[Many[ElementError]] = optional("Its elements in error")


class SetAcknowledgment(Item):
    """What is said of one transaction set."""

    set_id: Text = required("Kind of transaction set (its ST01)", "850")
    control_number: Text = required("Its control number (ST02)", "0001")
    implementation: Maybe[Text] = optional("Guide it follows (its ST03), in releases from 005010", "005010X1")
    status: Code = required("Verdict", "rejected")
    codes: Maybe[Many[Code]] = optional("What is wrong with it as a whole", ["segments_in_error"])
    errors: Maybe[Many[SegmentError]] = optional("Segments in error")


class FunctionalAcknowledgment(Document):
    """What a receiver says of a functional group or an interchange; it is never acknowledged itself."""

    document_type: Literal["functional_acknowledgment"] = required("Kind of document")
    acknowledged: Acknowledged = required("What is acknowledged")
    status: Code = required("Verdict", "partial")
    note: Maybe[Code] = optional("Reason of the verdict on an interchange", "no_error")
    counts: Maybe[Counts] = optional("Transaction sets of the group")
    codes: Maybe[Many[Code]] = optional("What is wrong with the group itself", ["set_count_differs"])
    sets: Maybe[Many[SetAcknowledgment]] = optional("Transaction sets; in an accepted group often none")
