"""The supplier's answer to an order: X12 855, SP-API OrderAcknowledgement, EDIFACT ORDRSP."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    Code,
    Date,
    DateTime,
    Decimal,
    Many,
    Maybe,
    PackQuantity,
    Text,
    optional,
    required,
)
from gateway.documents.orders import (
    AnswerComponent,
    AnswerHeading,
    AnswerParty,
    LineResponse,
    OrderLine,
)


class AcknowledgedLine(OrderLine):
    """One line of the order and what the supplier says to it."""

    quantity_ordered: Maybe[PackQuantity] = optional("Quantity ordered")
    discount_multiplier: Maybe[Decimal] = optional("Part of the list price that is paid", ".57")
    ship_date: Maybe[DateTime] = optional("Shipment that is planned", "2026-03-02")
    delivery_date: Maybe[DateTime] = optional("Delivery that is planned", "2026-03-05")
    responses: Maybe[Many[LineResponse]] = optional("Answers; several where the quantity is split")
    components: Maybe[Many[AnswerComponent]] = optional("Components of an assortment, set or kit")


class PurchaseOrderAcknowledgment(AnswerHeading):
    """An acknowledgment of an order, line by line or as a whole."""

    document_type: Literal["purchase_order_acknowledgment"] = required(
        "Kind of document", "purchase_order_acknowledgment"
    )
    ack_type: Code = required("Whether the order is accepted, changed or rejected")
    acknowledged_at: Date = required(
        "Date of the acknowledgment; of the order where issued_at is stated too", "2026-02-19"
    )
    issued_at: Maybe[Date] = optional("Date of the acknowledgment beside that of the order", "2026-02-19")
    transaction_type: Maybe[Text] = optional("Type of transaction, an X12 code", "DS")
    parties: Maybe[Many[AnswerParty]] = optional("Parties")
    lines: Maybe[Many[AcknowledgedLine]] = optional("Lines")
