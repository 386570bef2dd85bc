"""The purchase order: X12 850, SP-API Order, EDIFACT ORDERS."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    Amount,
    Code,
    Date,
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


class Line(OrderLine):
    """One line of the order."""

    quantity: Maybe[PackQuantity] = optional("Quantity ordered")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["First quality only."])
    components: Maybe[Many[Component]] = optional("Components of an assortment, set or kit")


class PurchaseOrder(OrderHeading):
    """An order of a retailer."""

    document_type: Literal["purchase_order"] = required("Kind of document", "purchase_order")
    purpose: Code = required("Whether the order is new or replaces or cancels another")
    po_type: Code = required("Kind of order")
    ordered_at: Date = required("Date of the order", "2026-02-18")
    acknowledgment_type: Maybe[Code] = optional("Acknowledgment that is asked for")
    amounts: Maybe[Many[Amount]] = optional("Amounts that stand in the heading")
    parties: Maybe[Many[Party]] = optional("Parties")
    lines: Many[Line] = required("Lines")
