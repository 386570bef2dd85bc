"""The purchase order, a change of it, and the answers to both: X12 850, 860, 855 and 865, EDIFACT ORDERS,
ORDCHG and ORDRSP, SP-API Order and OrderAcknowledgement.
"""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from gateway.documents import parts
from gateway.documents.common import Document, Item, Model, optional, required
from gateway.documents.values import Code, Date, DateTime, Decimal, Many, Maybe, Text


class TaxId(Item):
    """A tax registration or exemption of the buyer."""

    number: Maybe[Text] = optional("Registration number", "53247765")
    jurisdiction_scheme: Maybe[Text] = optional("Kind of jurisdiction", "SP")
    jurisdiction: Maybe[Text] = optional("Jurisdiction", "CA")
    exemption: Maybe[Text] = optional("Exemption, an X12 code", "9")


class Ordered(parts.Referenced, parts.InCurrency):
    """What an order and each of its lines may say."""

    allowances_charges: Maybe[Many[parts.AllowanceCharge]] = optional("Allowances and charges")
    delivery_window: Maybe[parts.Window] = optional("When to deliver")
    ship_window: Maybe[parts.Window] = optional("When to ship")
    requested_delivery_at: Maybe[DateTime] = optional("Delivery asked for", "2026-03-04")
    requested_ship_at: Maybe[DateTime] = optional("Shipment asked for", "2026-03-01")
    cancel_after: Maybe[DateTime] = optional("Cancelled after this", "2026-03-20")
    packaging: Maybe[Many[parts.Packaging]] = optional("Marking, packaging and loading instructions")
    routing: Maybe[Many[parts.Routing]] = optional("Carriers and routing")
    marks: Maybe[Many[parts.Mark]] = optional("Marks on the packages")
    taxes: Maybe[Many[parts.Tax]] = optional("Taxes")
    amounts: Maybe[Many[parts.Amount]] = optional("Amounts")
    notes: Maybe[Many[parts.Note]] = optional("Notes and agreements")
    parties: Maybe[Many[parts.Party]] = optional("Parties")


class OrderHeading(Ordered, Document):
    """The heading and the end of an order, of a change and of the answers."""

    po_number: Text = required("The retailer's number of the order", "8WL5Q2ZX")
    purpose: Code = required("Whether the document is new or replaces or cancels another")
    release_number: Maybe[Text] = optional("Number of the release of a blanket order", "001")
    contract_number: Maybe[Text] = optional("Contract", "C-2026-7")
    customer_ref: Maybe[Text] = optional("The customer's reference", "FC-7781")
    deal_code: Maybe[Text] = optional("Deal or promotion", "SPRING26")
    tax_ids: Maybe[Many[TaxId]] = optional("Tax registrations and exemptions")
    freight: Maybe[parts.Freight] = optional("Freight terms")
    backorder_default: Maybe[StrictBool] = optional("May lines be sent later when out of stock?")
    terms: Maybe[parts.Terms] = optional("Terms of payment")
    totals: Maybe[parts.Totals] = optional("Totals")


class OrderLine(parts.Goods, parts.Described, Ordered):
    """A line of an order, of a change or of an acknowledgment, but for its quantities."""

    list_price: Maybe[parts.Money] = optional("List price")
    prices: Maybe[Many[parts.Price]] = optional("Further prices")
    packing: Maybe[parts.Packing] = optional("How the item is packed")
    backorder_allowed: Maybe[StrictBool] = optional("May this line be sent later when out of stock?")
    stores: Maybe[Many[parts.Stores]] = optional("Quantities for single stores")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["First quality only."])
    quantities: Maybe[Many[parts.QualifiedQuantity]] = optional("Further quantities")
    schedule: Maybe[Many[parts.Schedule]] = optional("Delivery schedule")
    components: Maybe[Many[parts.Component]] = optional("Components of an assortment, set or kit")


class Line(OrderLine):
    """A line with the quantity ordered."""

    quantity: Maybe[parts.PackQuantity] = optional("Quantity ordered")


class ChangedLine(Line):
    """A line as it is to be, and what changes."""

    change: Code = required("What changes")
    left_to_receive: Maybe[Decimal] = optional("Quantity still to come; needed beside a quantity", "12")


class Planned(Model):
    """When the supplier plans to ship and to deliver."""

    ship_date: Maybe[DateTime] = optional("Shipment that is planned", "2026-03-02")
    delivery_date: Maybe[DateTime] = optional("Delivery that is planned", "2026-03-05")


class Answered(Planned):
    """What the supplier says to a line."""

    discount_multiplier: Maybe[Decimal] = optional("Part of the list price that is paid", ".57")
    responses: Maybe[Many[parts.Response]] = optional("Answers; several where the quantity is split")


class AcknowledgedLine(OrderLine, Answered):
    """A line of the order and what the supplier says to it."""

    quantity_ordered: Maybe[parts.PackQuantity] = optional("Quantity ordered")


class AnsweredLine(ChangedLine, Answered):
    """A line of the order as it is now, and what the supplier says to it."""


class PurchaseOrder(OrderHeading):
    """An order of a retailer."""

    document_type: Literal["purchase_order"] = required("Kind of document")
    po_type: Code = required("Kind of order")
    ordered_at: Date = required("Date of the order", "2026-02-18")
    state: Maybe[Code] = optional("What the retailer says of the order: new, acknowledged or closed", "new")
    changed_at: Maybe[DateTime] = optional("When it was last changed", "2026-02-19T08:30")
    state_changed_at: Maybe[DateTime] = optional("When its state last changed", "2026-02-19T08:30")
    payment_method: Maybe[Code] = optional("Means of payment", "invoice")
    acknowledgment_type: Maybe[Code] = optional("Acknowledgment that is asked for")
    lines: Many[Line] = required("Lines")


class PurchaseOrderAcknowledgment(OrderHeading, Planned):
    """An acknowledgment of an order, line by line or as a whole."""

    document_type: Literal["purchase_order_acknowledgment"] = required("Kind of document")
    ack_type: Code = required("Whether the order is accepted, changed or rejected")
    acknowledged_at: Date = required(
        "Date of the acknowledgment; of the order where issued_at is stated too", "2026-02-19"
    )
    issued_at: Maybe[Date] = optional("Date of the acknowledgment beside that of the order", "2026-02-19")
    request_ref: Maybe[Text] = optional("Reference of a request", "RFQ-7")
    seller_order_number: Maybe[Text] = optional("The supplier's number of the order", "SO-1001")
    transaction_type: Maybe[Text] = optional("Type of transaction, an X12 code", "DS")
    lines: Maybe[Many[AcknowledgedLine]] = optional("Lines")


class ChangeHeading(OrderHeading):
    """What a change of an order and the answer to it say of the order."""

    po_type: Maybe[Code] = optional("Kind of order")
    ordered_at: Date = required("Date of the order", "2026-02-18")
    change_sequence: Maybe[Text] = optional("Number of the change", "2")
    requested_at: Maybe[Date] = optional("Date of the change", "2026-02-20")
    request_ref: Maybe[Text] = optional("Reference of a request", "RFQ-7")
    seller_order_number: Maybe[Text] = optional("The supplier's number of the order", "SO-1001")
    acknowledged_at: Maybe[Date] = optional("Date of the supplier's answer", "2026-02-21")


class PurchaseOrderChange(ChangeHeading):
    """A change of an order by the retailer, or the order's end."""

    document_type: Literal["purchase_order_change"] = required("Kind of document")
    po_type: Code = required("Kind of order")
    acknowledgment_type: Maybe[Code] = optional("Acknowledgment that is asked for")
    lines: Maybe[Many[ChangedLine]] = optional("Lines that change")


class PurchaseOrderChangeAcknowledgment(ChangeHeading, Planned):
    """An acknowledgment of a change, or a change by the supplier."""

    document_type: Literal["purchase_order_change_acknowledgment"] = required("Kind of document")
    ack_type: Maybe[Code] = optional("Whether the change is accepted, changed or rejected")
    lines: Maybe[Many[AnsweredLine]] = optional("Lines")
