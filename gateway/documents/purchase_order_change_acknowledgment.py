"""The supplier's answer to a change of an order, or a change it asks for itself: X12 865."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    Amount,
    Code,
    Date,
    DateTime,
    Decimal,
    Many,
    Maybe,
    Text,
    optional,
    required,
)
from gateway.documents.orders import AnswerComponent, AnswerHeading, AnswerParty, LineResponse
from gateway.documents.purchase_order_change import ChangedLine


class AnsweredLine(ChangedLine):
    """One line of the order as it is now, and what the supplier says to it."""

    discount_multiplier: Maybe[Decimal] = optional("Part of the list price that is paid", ".57")
    ship_date: Maybe[DateTime] = optional("Shipment that is planned", "2026-03-02")
    delivery_date: Maybe[DateTime] = optional("Delivery that is planned", "2026-03-05")
    responses: Maybe[Many[LineResponse]] = optional("Answers; several where the quantity is split")
    components: Maybe[Many[AnswerComponent]] = optional("Components of an assortment, set or kit")


class PurchaseOrderChangeAcknowledgment(AnswerHeading):
    """An acknowledgment of a change, or a change by the supplier."""

    document_type: Literal["purchase_order_change_acknowledgment"] = required(
        "Kind of document", "purchase_order_change_acknowledgment"
    )
    ack_type: Maybe[Code] = optional("Whether the change is accepted, changed or rejected")
    po_type: Maybe[Code] = optional("Kind of order")
    ordered_at: Date = required("Date of the order", "2026-02-18")
    change_sequence: Maybe[Text] = optional("Number of the change", "2")
    acknowledged_at: Maybe[Date] = optional("Date of the answer", "2026-02-21")
    requested_at: Maybe[Date] = optional("Date of the change", "2026-02-20")
    amounts: Maybe[Many[Amount]] = optional("Amounts that stand in the heading")
    parties: Maybe[Many[AnswerParty]] = optional("Parties")
    lines: Maybe[Many[AnsweredLine]] = optional("Lines")
