"""What an order, a change of it and the answers to both share: their heading and their lines."""

from __future__ import annotations

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
    Party,
    QualifiedQuantity,
    Quantity,
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


class OrderHeading(Document):
    """The heading and the end of an order, of a change and of an acknowledgment."""

    po_number: Text = required("The retailer's number of the order", "8WL5Q2ZX")
    release_number: Maybe[Text] = optional("Number of the release of a blanket order", "001")
    contract_number: Maybe[Text] = optional("Contract", "C-2026-7")
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
    notes: Maybe[Many[Note]] = optional("Notes and agreements")
    totals: Maybe[Totals] = optional("Totals")


class OrderLine(Item):
    """A line of an order, of a change or of an acknowledgment, but for its quantities."""

    line_no: Maybe[Text] = optional("Line number, text as received", "00001")
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
    taxes: Maybe[Many[Tax]] = optional("Taxes of this line")
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Further quantities")
    schedule: Maybe[Many[Schedule]] = optional("Delivery schedule")
    packaging: Maybe[Many[Packaging]] = optional("Packaging instructions")
    notes: Maybe[Many[Note]] = optional("Notes")
    parties: Maybe[Many[LineParty]] = optional("Parties of this line alone")
    amounts: Maybe[Many[Amount]] = optional("Amounts of this line")


class ItemResponse(Item):
    """The supplier's answer to a line, or to a part of its quantity."""

    code: Code = required("The answer")
    quantity: Maybe[Quantity] = optional("Quantity it is about")
    ship_date: Maybe[Date] = optional("Day it is to be shipped", "2026-03-02")
    delivery_date: Maybe[Date] = optional("Day it is to be delivered", "2026-03-05")
    date_type: Maybe[Code] = optional("Meaning of another date")
    date: Maybe[Date] = optional("Another date", "2026-03-02")
    reference: Maybe[Text] = optional("Reference of the request, or words on the answer", "ITEM FILLED")
    ids: Maybe[ItemIds] = optional("Identifiers of the item, or of the one sent in its place")
    reason_agency: Maybe[Code] = optional("Who maintains the reason codes")
    reason_list: Maybe[Text] = optional("Part of the agency's list", "ACK")
    reason: Maybe[Text] = optional("Why, a code of the agency", "14")


class LineResponse(ItemResponse):
    """An answer to a line of the order."""

    dates: Maybe[Many[DateReference]] = optional("Further dates of this part")


class AnswerComponent(Component):
    """A component, and what the supplier says to it."""

    responses: Maybe[Many[ItemResponse]] = optional("Answers")


class AnswerParty(Party):
    """A party of an acknowledgment."""

    messages: Maybe[Many[Text]] = optional("Lines of text", ["Dock closed on Monday."])


class AnswerHeading(OrderHeading):
    """What the answers to an order and to a change have beside what an order has."""

    purpose: Code = required("Whether the answer is new or replaces another")
    request_ref: Maybe[Text] = optional("Reference of a request", "RFQ-7")
    seller_order_number: Maybe[Text] = optional("The supplier's number of the order", "SO-1001")
    ship_date: Maybe[DateTime] = optional("Shipment that is planned", "2026-03-02")
    delivery_date: Maybe[DateTime] = optional("Delivery that is planned", "2026-03-05")
