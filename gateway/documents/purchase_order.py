"""The purchase order: X12 850, SP-API Order, EDIFACT ORDERS."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from gateway.documents.common import (
    AllowanceCharge,
    Amount,
    Code,
    Contact,
    Date,
    DateReference,
    DateTime,
    Document,
    Freight,
    Item,
    ItemIds,
    Many,
    Mark,
    Maybe,
    Measurement,
    Money,
    Note,
    Packaging,
    PackQuantity,
    Party,
    QualifiedQuantity,
    Reference,
    Routing,
    Tax,
    Terms,
    Text,
    Window,
    optional,
    required,
)
from gateway.documents.lines import (
    Component,
    ItemDescription,
    LineParty,
    Packing,
    Price,
    Schedule,
    Stores,
    Totals,
)


class TaxId(Item):
    """A tax registration or exemption of the buyer."""

    number: Maybe[Text] = optional("Registration number", "53247765")
    jurisdiction_scheme: Maybe[Text] = optional("Kind of jurisdiction", "SP")
    jurisdiction: Maybe[Text] = optional("Jurisdiction", "CA")
    exemption: Maybe[Text] = optional("Exemption, an X12 code", "9")


class Line(Item):
    """One line of the order."""

    line_no: Maybe[Text] = optional("Line number, text as received", "00001")
    quantity: Maybe[PackQuantity] = optional("Quantity ordered")
    unit_price: Maybe[Money] = optional("Price of a unit")
    price_basis: Maybe[Code] = optional("What the price is for")
    ids: Maybe[ItemIds] = optional("Identifiers of the item")
    currency: Maybe[Text] = optional("Currency of this line, where it is not that of the document")
    currency_party: Maybe[Code] = optional("Whose currency it is")
    list_price: Maybe[Money] = optional("List price")
    prices: Maybe[Many[Price]] = optional("Further prices")
    measurements: Maybe[Many[Measurement]] = optional("Measurements")
    description: Maybe[Text] = optional("Plain description")
    descriptions: Maybe[Many[ItemDescription]] = optional("Coded descriptions")
    packing: Maybe[Packing] = optional("How the item is packed")
    references: Maybe[Many[Reference]] = optional("References of this line")
    contacts: Maybe[Many[Contact]] = optional("Contacts for this line")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges of this line")
    backorder_allowed: Maybe[StrictBool] = optional("May this line be sent later when out of stock?")
    stores: Maybe[Many[Stores]] = optional("Quantities for single stores")
    delivery_window: Maybe[Window] = optional("When to deliver")
    ship_window: Maybe[Window] = optional("When to ship")
    requested_delivery_at: Maybe[DateTime] = optional("Delivery asked for", "2026-03-04")
    requested_ship_at: Maybe[DateTime] = optional("Shipment asked for", "2026-03-01")
    cancel_after: Maybe[DateTime] = optional("Cancelled after this", "2026-03-20")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    routing: Maybe[Many[Routing]] = optional("Carriers and routing")
    marks: Maybe[Many[Mark]] = optional("Marks on the packages")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["First quality only."])
    taxes: Maybe[Many[Tax]] = optional("Taxes of this line")
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Further quantities")
    schedule: Maybe[Many[Schedule]] = optional("Delivery schedule")
    packaging: Maybe[Many[Packaging]] = optional("Packaging instructions")
    notes: Maybe[Many[Note]] = optional("Notes")
    parties: Maybe[Many[LineParty]] = optional("Parties of this line alone")
    components: Maybe[Many[Component]] = optional("Components of an assortment, set or kit")
    amounts: Maybe[Many[Amount]] = optional("Amounts of this line")


class PurchaseOrder(Document):
    """An order of a retailer."""

    document_type: Literal["purchase_order"] = required("Kind of document", "purchase_order")
    po_number: Text = required("The retailer's number of the order", "8WL5Q2ZX")
    purpose: Code = required("Whether the order is new or replaces or cancels another")
    po_type: Code = required("Kind of order")
    release_number: Maybe[Text] = optional("Number of the release of a blanket order", "001")
    ordered_at: Date = required("Date of the order", "2026-02-18")
    contract_number: Maybe[Text] = optional("Contract", "C-2026-7")
    acknowledgment_type: Maybe[Code] = optional("Acknowledgment that is asked for")
    currency: Maybe[Text] = optional("Currency of all amounts that name no other", "USD")
    currency_party: Maybe[Code] = optional("Whose currency it is; needed to write a currency")
    customer_ref: Maybe[Text] = optional("The customer's reference", "FC-7781")
    deal_code: Maybe[Text] = optional("Deal or promotion", "SPRING26")
    references: Maybe[Many[Reference]] = optional("Other references")
    contacts: Maybe[Many[Contact]] = optional("People to talk to")
    tax_ids: Maybe[Many[TaxId]] = optional("Tax registrations and exemptions")
    freight: Maybe[Freight] = optional("Freight terms")
    backorder_default: Maybe[StrictBool] = optional("May lines be sent later when out of stock?")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges of the whole order")
    terms: Maybe[Terms] = optional("Terms of payment")
    delivery_window: Maybe[Window] = optional("When to deliver")
    ship_window: Maybe[Window] = optional("When to ship")
    requested_delivery_at: Maybe[DateTime] = optional("Delivery asked for", "2026-03-04")
    requested_ship_at: Maybe[DateTime] = optional("Shipment asked for", "2026-03-01")
    cancel_after: Maybe[DateTime] = optional("Cancelled after this", "2026-03-20")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    packaging: Maybe[Many[Packaging]] = optional("Marking, packaging and loading instructions")
    routing: Maybe[Many[Routing]] = optional("Carriers and routing")
    marks: Maybe[Many[Mark]] = optional("Marks on the packages")
    taxes: Maybe[Many[Tax]] = optional("Taxes of the whole order")
    amounts: Maybe[Many[Amount]] = optional("Amounts that stand in the heading")
    notes: Maybe[Many[Note]] = optional("Notes and agreements")
    parties: Maybe[Many[Party]] = optional("Parties")
    lines: Many[Line] = required("Lines")
    totals: Maybe[Totals] = optional("Totals")
