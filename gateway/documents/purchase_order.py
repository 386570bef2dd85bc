"""The purchase order: X12 850, SP-API Order, EDIFACT ORDERS."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from gateway.documents.common import (
    AllowanceCharge,
    Amount,
    Code,
    Contact,
    Count,
    Date,
    DateReference,
    DateTime,
    Decimal,
    Document,
    Freight,
    Item,
    ItemIds,
    Many,
    Mark,
    Maybe,
    Measurement,
    Model,
    Money,
    Note,
    Packaging,
    PackQuantity,
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

_PRICE_BASES = (
    "each contract_each contract wholesale_each catalog_each suggested_retail pound hundred thousand "
    "quoted no_charge"
)
_SCHEDULE_DATES = (
    "requested_delivery requested_ship ship_not_before ship_not_after deliver_not_after "
    "deliver_not_before required_by"
)


class TaxId(Item):
    """A tax registration or exemption of the buyer."""

    number: Maybe[Text] = optional("Registration number", "TAX01", "53247765")
    jurisdiction_scheme: Maybe[Text] = optional("Kind of jurisdiction", "TAX02", "SP")
    jurisdiction: Maybe[Text] = optional("Jurisdiction", "TAX03", "CA")
    exemption: Maybe[Text] = optional("Exemption, an X12 code", "TAX12", "9")


class ComponentPrice(Item):
    """A price of a component."""

    class_of_trade: Maybe[Code] = optional("For whom the price is", "CTP01", known="resale")
    type: Maybe[Code] = optional(
        "Kind of price",
        "CTP02",
        known="list suggested_list net discount unit_cost resale suggested_retail contract catalog wholesale",
    )
    amount: Maybe[Decimal] = optional("Price of a unit", "CTP03", "54.99")
    quantity: Maybe[Quantity] = optional("Quantity the price is for", "CTP04, CTP05")
    multiplier_type: Maybe[Code] = optional("Kind of multiplier", "CTP06", known="discount")
    multiplier: Maybe[Decimal] = optional("Multiplier of the price", "CTP07", ".57")
    extended: Maybe[Decimal] = optional("Amount for the whole quantity", "CTP08", "1319.76")
    basis: Maybe[Text] = optional("What the price is for, an X12 code", "CTP09", "PE")
    condition: Maybe[Text] = optional("Condition of the price", "CTP10", "10")
    per: Maybe[Count] = optional("Number of units the price is for", "CTP11", 1)


class Price(ComponentPrice):
    """A price of a line beside its unit price."""

    currency: Maybe[Text] = optional("Currency, where it is not that of the document", "CUR02", "CAD")
    currency_party: Maybe[Code] = optional("Whose currency it is", "CUR01", known="buyer seller")


class ComponentDescription(Item):
    """A coded description of a component."""

    type: Code = required("Form", "PID01", known="free_form structured semi_structured")
    characteristic: Maybe[Code] = optional(
        "What is described", "PID02", known="product vendor_color vendor_size buyer_color buyer_size"
    )
    agency: Maybe[Code] = optional("Who maintains the code", "PID03", known="vics")
    code: Maybe[Text] = optional("Code of the description", "PID04", "600")
    text: Maybe[Text] = optional("Description in words", "PID05", "LAVENDER")
    language: Maybe[Text] = optional("Language", "PID09", "en")


class ItemDescription(ComponentDescription):
    """A coded description of a line's item."""

    measurements: Maybe[Many[Measurement]] = optional("Measurements that belong to it", "MEA")


class Packing(Model):
    """How an item is packed; the pack size stands with the quantity."""

    size: Maybe[Decimal] = optional("Size of a unit in the pack", "PO402", "7.89")
    size_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "PO403", "LB")
    code: Maybe[Text] = optional("Packaging, an X12 code", "PO404", "CTN25")
    weight_type: Maybe[Text] = optional("Kind of weight, an X12 code", "PO405", "G")
    weight: Maybe[Decimal] = optional("Weight of a pack", "PO406", "3")
    weight_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "PO407", "LB")
    volume: Maybe[Decimal] = optional("Volume of a pack", "PO408", "15")
    volume_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "PO409", "CF")
    length: Maybe[Decimal] = optional("Length of a pack", "PO410", "24")
    width: Maybe[Decimal] = optional("Width of a pack", "PO411", "16")
    height: Maybe[Decimal] = optional("Height of a pack", "PO412", "12")
    dimension_uom: Maybe[Text] = optional("Unit of length, width and height, an X12 code", "PO413", "IN")
    inner_packs: Maybe[Count] = optional("Inner packs in a pack", "PO414", 4)


class StoreQuantity(Model):
    """The share of one store."""

    location: Text = required("The store", "every other element from SDQ03", "0142")
    quantity: Decimal = required("Its share", "every other element from SDQ04", "6")


class Stores(Item):
    """Shares of single stores."""

    uom: Text = required("Unit of measure, an X12 code", "SDQ01", "EA")
    scheme: Maybe[Code] = optional(
        "Kind of store number", "SDQ02", known="duns duns4 san seller_assigned buyer_assigned gln"
    )
    quantities: Many[StoreQuantity] = required("One entry for each store", "SDQ03..SDQ22")


class PartySchedule(Item):
    """A part of a quantity and its date."""

    quantity: Maybe[Quantity] = optional("How much", "SCH01, SCH02")
    party_role: Maybe[Code] = optional("For whom", "SCH03", known="ship_to bill_to buyer store")
    party_name: Maybe[Text] = optional("Name of that party", "SCH04", "Store 142")
    type: Maybe[Code] = optional("What happens then", "SCH05", known=_SCHEDULE_DATES)
    at: Maybe[DateTime] = optional("Date, or date and time", "SCH06, SCH07", "2026-03-02")
    second_type: Maybe[Code] = optional("Meaning of a second date", "SCH08", known=_SCHEDULE_DATES)
    second_at: Maybe[DateTime] = optional("The second date", "SCH09, SCH10", "2026-03-06")
    request_ref: Maybe[Text] = optional("Reference of the request", "SCH11", "R-1")


class Schedule(PartySchedule):
    """A part of a line and its date."""

    references: Maybe[Many[Reference]] = optional("References of this part", "REF")


class LineParty(Party):
    """A party that takes part in one line."""

    quantities: Maybe[Many[QualifiedQuantity]] = optional("Its share of the line", "QTY")
    schedule: Maybe[Many[PartySchedule]] = optional("Its delivery schedule", "SCH")


class Component(Item):
    """A part of an assortment, set or kit."""

    line_no: Text = required("Number of the component", "SLN01", "1")
    parent_line_no: Maybe[Text] = optional("Number of the component it belongs to", "SLN02", "1")
    relationship: Code = required(
        "How it belongs to the line", "SLN03", known="included add delete information substituted"
    )
    quantity: Maybe[PackQuantity] = optional("Quantity in one unit of the line", "SLN04, SLN05, PO401")
    unit_price: Maybe[Money] = optional("Price of a unit", "SLN06")
    price_basis: Maybe[Code] = optional("What the price is for", "SLN07", known=_PRICE_BASES)
    ids: Maybe[ItemIds] = optional("Identifiers of the component", "SLN09..SLN28")
    messages: Maybe[Many[Text]] = optional("Lines of text", "MSG01", ["Fold once."])
    description: Maybe[Text] = optional("Plain description", "PID05 with PID01 F and no PID02", "Zip robe, M")
    descriptions: Maybe[Many[ComponentDescription]] = optional("Coded descriptions", "PID")
    dates: Maybe[Many[DateReference]] = optional("Dates", "DTM")
    prices: Maybe[Many[ComponentPrice]] = optional("Further prices", "CTP")
    packing: Maybe[Packing] = optional("How it is packed", "PO4")
    notes: Maybe[Many[Note]] = optional("Notes", "N9, MSG")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges", "SAC")


class Line(Item):
    """One line of the order."""

    line_no: Maybe[Text] = optional("Line number, text as received", "PO101", "00001")
    quantity: Maybe[PackQuantity] = optional("Quantity ordered", "PO102, PO103, PO401")
    unit_price: Maybe[Money] = optional("Price of a unit", "PO104")
    price_basis: Maybe[Code] = optional("What the price is for", "PO105", known=_PRICE_BASES)
    ids: Maybe[ItemIds] = optional("Identifiers of the item", "PO106..PO125")
    currency: Maybe[Text] = optional("Currency of this line, where it is not that of the document", "CUR02")
    currency_party: Maybe[Code] = optional("Whose currency it is", "CUR01", known="buyer seller")
    list_price: Maybe[Money] = optional("List price", "CTP03 with CTP02 LPR and no CTP01")
    prices: Maybe[Many[Price]] = optional("Further prices", "CTP")
    measurements: Maybe[Many[Measurement]] = optional("Measurements", "MEA")
    description: Maybe[Text] = optional("Plain description", "PID05 with PID01 F and no PID02")
    descriptions: Maybe[Many[ItemDescription]] = optional("Coded descriptions", "PID")
    packing: Maybe[Packing] = optional("How the item is packed", "PO4")
    references: Maybe[Many[Reference]] = optional("References of this line", "REF")
    contacts: Maybe[Many[Contact]] = optional("Contacts for this line", "PER")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges of this line", "SAC")
    backorder_allowed: Maybe[StrictBool] = optional("May this line be sent later when out of stock?", "CSH01")
    stores: Maybe[Many[Stores]] = optional("Quantities for single stores", "SDQ")
    delivery_window: Maybe[Window] = optional("When to deliver", "DTM 064, 063")
    ship_window: Maybe[Window] = optional("When to ship", "DTM 037, 038")
    requested_delivery_at: Maybe[DateTime] = optional("Delivery asked for", "DTM 002", "2026-03-04")
    requested_ship_at: Maybe[DateTime] = optional("Shipment asked for", "DTM 010", "2026-03-01")
    cancel_after: Maybe[DateTime] = optional("Cancelled after this", "DTM 001", "2026-03-20")
    dates: Maybe[Many[DateReference]] = optional("Other dates", "DTM")
    routing: Maybe[Many[Routing]] = optional("Carriers and routing", "TD5")
    marks: Maybe[Many[Mark]] = optional("Marks on the packages", "MAN")
    messages: Maybe[Many[Text]] = optional("Lines of text", "MSG01", ["First quality only."])
    taxes: Maybe[Many[Tax]] = optional("Taxes of this line", "TXI")
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Further quantities", "QTY")
    schedule: Maybe[Many[Schedule]] = optional("Delivery schedule", "SCH")
    packaging: Maybe[Many[Packaging]] = optional("Packaging instructions", "PKG")
    notes: Maybe[Many[Note]] = optional("Notes", "N9, MSG")
    parties: Maybe[Many[LineParty]] = optional("Parties of this line alone", "N1")
    components: Maybe[Many[Component]] = optional("Components of an assortment, set or kit", "SLN")
    amounts: Maybe[Many[Amount]] = optional("Amounts of this line", "AMT")


class Totals(Model):
    """Totals at the end of the order."""

    line_count: Maybe[Count] = optional("Number of lines; counted when written", "CTT01", 2)
    hash: Maybe[Decimal] = optional("Sum of the quantities", "CTT02", "48")
    weight: Maybe[Decimal] = optional("Weight", "CTT03", "150")
    weight_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "CTT04", "LB")
    volume: Maybe[Decimal] = optional("Volume", "CTT05", "20")
    volume_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "CTT06", "CF")
    description: Maybe[Text] = optional("Totals in words", "CTT07", "Spring order")
    amount: Maybe[Decimal] = optional("Total amount", "AMT02 with AMT01 TT", "900.00")


class PurchaseOrder(Document):
    """An order of a retailer."""

    document_type: Literal["purchase_order"] = required("Kind of document", "ST01 850", "purchase_order")
    po_number: Text = required("The retailer's number of the order", "BEG03", "8WL5Q2ZX")
    purpose: Code = required(
        "Whether the order is new or replaces or cancels another",
        "BEG01",
        known="original cancel change replace confirmation duplicate reissue information",
    )
    po_type: Code = required(
        "Kind of order",
        "BEG02",
        known="regular stand_alone release reorder blanket blanket_estimated drop_ship rush emergency "
        "consigned new_product promotion sample special",
    )
    release_number: Maybe[Text] = optional("Number of the release of a blanket order", "BEG04", "001")
    ordered_at: Date = required("Date of the order", "BEG05", "2026-02-18")
    contract_number: Maybe[Text] = optional("Contract", "BEG06", "C-2026-7")
    acknowledgment_type: Maybe[Code] = optional(
        "Acknowledgment that is asked for",
        "BEG07",
        known="detail_and_change detail_no_change exceptions_only no_detail not_needed",
    )
    currency: Maybe[Text] = optional("Currency of all amounts that name no other", "CUR02", "USD")
    currency_party: Maybe[Code] = optional(
        "Whose currency it is; needed to write a currency", "CUR01", known="buyer seller"
    )
    customer_ref: Maybe[Text] = optional("The customer's reference", "REF02 with REF01 CR", "FC-7781")
    deal_code: Maybe[Text] = optional("Deal or promotion", "REF02 with REF01 PD", "SPRING26")
    references: Maybe[Many[Reference]] = optional("Other references", "REF")
    contacts: Maybe[Many[Contact]] = optional("People to talk to", "PER")
    tax_ids: Maybe[Many[TaxId]] = optional("Tax registrations and exemptions", "TAX")
    freight: Maybe[Freight] = optional("Freight terms", "FOB")
    backorder_default: Maybe[StrictBool] = optional("May lines be sent later when out of stock?", "CSH01")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional(
        "Allowances and charges of the whole order", "SAC"
    )
    terms: Maybe[Terms] = optional("Terms of payment", "ITD")
    delivery_window: Maybe[Window] = optional("When to deliver", "DTM 064, 063")
    ship_window: Maybe[Window] = optional("When to ship", "DTM 037, 038")
    requested_delivery_at: Maybe[DateTime] = optional("Delivery asked for", "DTM 002", "2026-03-04")
    requested_ship_at: Maybe[DateTime] = optional("Shipment asked for", "DTM 010", "2026-03-01")
    cancel_after: Maybe[DateTime] = optional("Cancelled after this", "DTM 001", "2026-03-20")
    dates: Maybe[Many[DateReference]] = optional("Other dates", "DTM")
    packaging: Maybe[Many[Packaging]] = optional("Marking, packaging and loading instructions", "PKG")
    routing: Maybe[Many[Routing]] = optional("Carriers and routing", "TD5")
    marks: Maybe[Many[Mark]] = optional("Marks on the packages", "MAN")
    taxes: Maybe[Many[Tax]] = optional("Taxes of the whole order", "TXI")
    amounts: Maybe[Many[Amount]] = optional("Amounts that stand in the heading", "AMT")
    notes: Maybe[Many[Note]] = optional("Notes and agreements", "N9, MSG")
    parties: Maybe[Many[Party]] = optional("Parties", "N1")
    lines: Many[Line] = required("Lines", "PO1")
    totals: Maybe[Totals] = optional("Totals", "CTT")
