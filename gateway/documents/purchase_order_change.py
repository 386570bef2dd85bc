"""A change of an order by the retailer: X12 860, EDIFACT ORDCHG."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    Amount,
    Code,
    Date,
    Decimal,
    Many,
    Maybe,
    PackQuantity,
    Party,
    Text,
    optional,
    required,
)
from gateway.documents.lines import Component
from gateway.documents.orders import OrderHeading, OrderLine


class ChangedLine(OrderLine):
    """One line as it is to be, and what changes."""

    change: Code = required("What changes")
    quantity: Maybe[PackQuantity] = optional("Quantity ordered")
    left_to_receive: Maybe[Decimal] = optional("Quantity still to come; needed beside a quantity", "12")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["Ship with the first half."])
    components: Maybe[Many[Component]] = optional("Components of an assortment, set or kit")


class PurchaseOrderChange(OrderHeading):
    """A change of an order, or the order's end."""

    document_type: Literal["purchase_order_change"] = required("Kind of document", "purchase_order_change")
    purpose: Code = required("Whether the order changes or is cancelled")
    po_type: Code = required("Kind of order")
    ordered_at: Date = required("Date of the order", "2026-02-18")
    change_sequence: Maybe[Text] = optional("Number of the change", "2")
    requested_at: Maybe[Date] = optional("Date of the change", "2026-02-20")
    request_ref: Maybe[Text] = optional("Reference of a request", "RFQ-7")
    seller_order_number: Maybe[Text] = optional("The supplier's number of the order", "SO-1001")
    acknowledged_at: Maybe[Date] = optional("Date of the supplier's acknowledgment", "2026-02-19")
    acknowledgment_type: Maybe[Code] = optional("Acknowledgment that is asked for")
    amounts: Maybe[Many[Amount]] = optional("Amounts that stand in the heading")
    parties: Maybe[Many[Party]] = optional("Parties")
    lines: Maybe[Many[ChangedLine]] = optional("Lines that change")
