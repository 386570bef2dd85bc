"""Goods under way and in stock: ship notices (X12 856, SP-API ShipmentConfirmation, EDIFACT DESADV), and
inventory advices (X12 846), which tell what is there, on order or expected, and what it costs.

A shipment is a tree of orders, pallets, cartons and items. Which of them holds which is the partner's choice:
an order of pallets of cartons, a pallet of orders, an order of items in cartons. So every level may hold
every other.
"""

from __future__ import annotations

from typing import Literal

from gateway.documents import parts
from gateway.documents.common import Document, Item, optional, required
from gateway.documents.values import Code, Count, Date, DateTime, Decimal, Many, Maybe, Text


class Carrier(parts.Transit):
    """The carrier of the shipment; its code and what stands beside it."""

    scac: Maybe[Text] = optional("Standard carrier code; needed to write the fields beside it", "ABFS")
    pro: Maybe[Text] = optional("The carrier's number of the shipment", "402-118834")
    name: Maybe[Text] = optional("Routing in words", "ABF FREIGHT")


class ShipmentMeasurements(parts.Lading):
    """How much is shipped. Weight and volume are those of the cartons, and need their number in X12."""

    cartons: Maybe[Count] = optional("Number of cartons", 24)
    weight_type: Maybe[Code] = optional("Kind of weight")
    pallets: Maybe[Count] = optional("Number of pallets", 2)
    pallet_weight_type: Maybe[Code] = optional("Kind of weight of the pallets")
    pallet_weight: Maybe[parts.Quantity] = optional("Weight of the pallets")
    pallet_volume: Maybe[parts.Quantity] = optional("Volume of the pallets")


class Packages(Item, parts.Lading):
    """Packages of one kind, with their weight."""

    packaging: Maybe[Text] = optional("Kind of package, an X12 code", "CTN25")
    count: Maybe[Count] = optional("How many", 24)
    commodity_scheme: Maybe[Text] = optional("Kind of commodity code, an X12 code", "Z")
    commodity: Maybe[Text] = optional("Commodity", "49880")
    description: Maybe[Text] = optional("Goods in words", "KITCHENWARE")
    weight_type: Maybe[Code] = optional("Kind of weight")


class Equipment(Item):
    """A trailer, container or other equipment."""

    type: Maybe[Code] = optional("Kind of equipment")
    initial: Maybe[Text] = optional("Letters of its number", "ABCU")
    number: Maybe[Text] = optional("Its number", "970AB1")
    weight_type: Maybe[Code] = optional("Kind of weight")
    weight: Maybe[parts.Quantity] = optional("Weight")
    ownership: Maybe[Text] = optional("Who owns it, an X12 code", "S")
    seal_status: Maybe[Text] = optional("State of the seal, an X12 code", "01")
    seal: Maybe[Text] = optional("Seal number", "7739201")
    iso_type: Maybe[Text] = optional("Size and type of a container", "45G1")


class SpecialHandling(Item):
    """Special handling or a hazard."""

    code: Maybe[Text] = optional("Handling, an X12 code", "HM")
    hazard_scheme: Maybe[Text] = optional("Kind of hazard class, an X12 code", "D")
    hazard_class: Maybe[Text] = optional("Hazard class", "8")
    description: Maybe[Text] = optional("The same in words", "CORROSIVE LIQUID")
    applies: Maybe[Text] = optional("Whether it applies, an X12 code", "Y")


class Load(Item):
    """Equal loads of one item, such as boxes on a rack."""

    count: Count = required("Number of loads", 6)
    quantity: Decimal = required("Units in each load", "266")
    packaging: Maybe[Text] = optional("Kind of package, an X12 code", "PLT90")
    size: Maybe[parts.Quantity] = optional("Size of a unit")
    references: Maybe[Many[parts.Reference]] = optional("References of these loads")


class PalletDetails(parts.Lading):
    """What a pallet measures, with gross weight and volume."""

    pack: Maybe[Count] = optional("Packages on the pallet", 48)
    unit_weight: Maybe[parts.Quantity] = optional("Weight of a package")
    dimensions: Maybe[parts.Dimensions] = optional("Length, width and height of the pallet")
    exchange: Maybe[Text] = optional("Exchange of the pallet itself, an X12 code", "2")
    inner_packs: Maybe[Count] = optional("Inner packs in a package", 4)


class Statement(Item):
    """A statement that something is so, or is not."""

    condition: Maybe[Text] = optional("What is stated, an X12 code", "P1")
    answer: Code = required("Yes, no or unknown")
    period_format: Maybe[Text] = optional("Form of the period, an X12 code", "D8")
    period: Maybe[Text] = optional("Date or period", "20260302")
    texts: Maybe[Many[Text]] = optional("The statement in words", ["Bought from the manufacturer."])
    list: Maybe[Text] = optional("Kind of the code's list, an X12 code", "99")
    code: Maybe[Text] = optional("Code of the statement", "TS")


class Shipped(parts.Referenced):
    """What a shipment and each level of it may say, and the levels directly in it."""

    po_number: Maybe[Text] = optional("The order; of the shipment where no level says it", "8WL5Q2ZX")
    po_date: Maybe[Date] = optional("Date of the order", "2026-02-18")
    packaging: Maybe[Many[parts.Packaging]] = optional("Marking, packaging and loading")
    packages: Maybe[Many[Packages]] = optional("Packages by kind, with weight")
    routing: Maybe[Many[parts.Routing]] = optional("Carriers and routing")
    equipment: Maybe[Many[Equipment]] = optional("Trailers and containers")
    special_handling: Maybe[Many[SpecialHandling]] = optional("Special handling and hazards")
    loads: Maybe[Many[Load]] = optional("Equal loads")
    marks: Maybe[Many[parts.Mark]] = optional("Marks and numbers")
    freight: Maybe[parts.Freight] = optional("Freight terms")
    parties: Maybe[Many[parts.Party]] = optional("Parties")
    allowances_charges: Maybe[Many[parts.AllowanceCharge]] = optional("Allowances and charges")
    statements: Maybe[Many[Statement]] = optional("Statements")
    industry_codes: Maybe[Many[parts.IndustryCodes]] = optional("Codes of an industry")
    orders: Maybe[Many[Level]] = optional("Orders")
    pallets: Maybe[Many[Level]] = optional("Pallets")
    cartons: Maybe[Many[Level]] = optional("Cartons")
    items: Maybe[Many[Level]] = optional("Items")
    levels: Maybe[Many[Level]] = optional("Other levels")


class Level(Shipped, parts.Described):
    """An order, pallet, carton, item or other level of the shipment, and the levels in it."""

    level: Maybe[Code] = optional("Kind of level, where the list does not say so")
    line_no: Maybe[Text] = optional("Line number, text as received", "1")
    ids: Maybe[parts.ItemIds] = optional("Identifiers of the item")
    erp_quantity: Maybe[parts.Quantity] = optional(
        "The quantity as your own system counts, by its item table"
    )
    po_type: Maybe[Code] = optional("Kind of order")
    release_number: Maybe[Text] = optional("Number of the release of a blanket order", "001")
    change_number: Maybe[Text] = optional("Number of the order change", "2")
    po_line_no: Maybe[Text] = optional("Number of the order line", "00001")
    contract_number: Maybe[Text] = optional("Contract", "C-2026-7")
    shipped_line_no: Maybe[Text] = optional("Line number that stands with the quantity", "1")
    quantity: Maybe[parts.PackQuantity] = optional("Quantity shipped")
    shipped_to_date: Maybe[Decimal] = optional("Quantity shipped so far", "480")
    ordered: Maybe[parts.Quantity] = optional("Quantity ordered")
    container_load: Maybe[Text] = optional("Load of returnable containers, an X12 code", "M")
    status: Maybe[Code] = optional("What became of the line")
    components: Maybe[Many[parts.Component]] = optional("Components of an assortment, set or kit")
    packing: Maybe[parts.Packing] = optional("How it is packed: weight, volume and dimensions of a pack")
    lot: Maybe[Text] = optional("Lot", "L2026-118")
    sscc: Maybe[Text] = optional("Serial shipping container code, 18 digits, or 20 with 00 before them")
    sscc_last: Maybe[Text] = optional("The last of a range of such codes")
    second_mark: Maybe[parts.Mark] = optional("A mark that stands beside the SSCC")
    tracking: Maybe[Text] = optional("Tracking number of the parcel", "1Z999AA10123456784")
    expiry: Maybe[DateTime] = optional("Expiry date", "2026-09-30")
    made_on: Maybe[DateTime] = optional("Date of manufacture", "2026-01-12")
    pallet_type: Maybe[Code] = optional("Kind of pallet")
    tier: Maybe[Count] = optional("Layers on the pallet", 4)
    block: Maybe[Count] = optional("Packages in a layer", 12)
    pallet: Maybe[PalletDetails] = optional("What the pallet measures")
    stores: Maybe[Many[parts.Stores]] = optional("Quantities for single stores")


Level.model_rebuild()


class ShipNotice(Shipped, Document):
    """A notice of a shipment, sent before it arrives."""

    document_type: Literal["ship_notice"] = required("Kind of document")
    shipment_id: Text = required("The supplier's number of the shipment", "SHIP0042")
    purpose: Code = required("Whether the notice is new or replaces another")
    created_at: DateTime = required("When the notice was made; X12 needs the time", "2026-03-02T16:30")
    structure: Maybe[Code] = optional("Order of the levels")
    transaction_type: Maybe[Text] = optional("Kind of shipment, an X12 code", "AS")
    status_reason: Maybe[Text] = optional("Reason, an X12 code", "A17")
    heading_dates: Maybe[Many[parts.DateReference]] = optional("Dates that stand before the shipment")
    further_measurements: Maybe[Many[parts.Measurement]] = optional("Measurements of the shipment")
    measurements: Maybe[ShipmentMeasurements] = optional("How much is shipped")
    carrier: Maybe[Carrier] = optional("The carrier")
    mode: Maybe[Code] = optional("Means of transport; needs the carrier's code in X12")
    trailer: Maybe[Text] = optional("Number of the trailer or container", "970AB1")
    seal: Maybe[Text] = optional("Seal number", "7739201")
    trailer_details: Maybe[Equipment] = optional("What stands beside these two numbers")
    bill_of_lading: Maybe[Text] = optional("Bill of lading", "06141411234567890")
    arn: Maybe[Text] = optional("The buyer's reference of a collect shipment", "8812345678")
    ship_date: Maybe[DateTime] = optional("When it left, or will leave", "2026-03-02T17:00")
    estimated_delivery: Maybe[DateTime] = optional("When it should arrive", "2026-03-05")
    totals: Maybe[parts.Totals] = optional("Totals")


class LeadTime(Item):
    """How long something takes."""

    type: Code = required("What takes the time")
    quantity: parts.Quantity = required("How many units of time")
    date: Maybe[Date] = optional("Day it is counted from", "2026-03-02")


class StockQuantity(parts.QualifiedQuantity):
    """A quantity in stock, on order or expected."""

    text: Maybe[Text] = optional("The quantity in words, where it is no number", "MORE THAN 100")
    measurements: Maybe[Many[parts.Measurement]] = optional("Measurements of this quantity")
    lead_times: Maybe[Many[LeadTime]] = optional("How long until more comes")
    available_at: Maybe[DateTime] = optional("When the quantity can be had", "2026-03-09")
    dates: Maybe[Many[parts.DateReference]] = optional("Other dates")
    schedule: Maybe[Many[parts.Schedule]] = optional("Quantities expected, by date")
    industry_codes: Maybe[Many[parts.IndustryCodes]] = optional("Codes of an industry's own lists")


class StockLine(parts.Referenced, parts.Described, parts.InCurrency):
    """One item and its stock."""

    line_no: Maybe[Text] = optional("Line number, text as received", "1")
    ids: parts.ItemIds = required("Identifiers of the item")
    packaging: Maybe[Many[parts.Packaging]] = optional("How the item is packed")
    available_at: Maybe[DateTime] = optional("When the item can be had again", "2026-03-09")
    cost: Maybe[parts.Money] = optional("Cost of a unit")
    list_price: Maybe[parts.Money] = optional("List price")
    prices: Maybe[Many[parts.Price]] = optional("Further prices")
    allowances_charges: Maybe[Many[parts.AllowanceCharge]] = optional("Allowances and charges")
    stores: Maybe[Many[parts.Stores]] = optional("Quantities at single locations")
    marks: Maybe[Many[parts.Mark]] = optional("Marks on the packages")
    lead_times: Maybe[Many[LeadTime]] = optional("How long until more comes")
    industry_codes: Maybe[Many[parts.IndustryCodes]] = optional("Codes of an industry's own lists")
    quantities: Maybe[Many[StockQuantity]] = optional("Quantities by kind")
    parties: Maybe[Many[parts.Party]] = optional("Warehouses, owners and makers of this item")


class InventoryAdvice(parts.Referenced, parts.InCurrency, Document):
    """A report on stock from a supplier or a warehouse."""

    document_type: Literal["inventory_advice"] = required("Kind of document")
    advice_number: Text = required("Number of the advice", "INV-2026-0302")
    purpose: Code = required("Whether the advice is new or replaces another")
    report_type: Code = required("Who reports on whose stock")
    reported_at: DateTime = required("Date, or date and time, of the report", "2026-03-02T06:00")
    action: Maybe[Text] = optional("What the receiver is asked to do, an X12 code", "2")
    measurements: Maybe[Many[parts.Measurement]] = optional("Measurements")
    parties: Maybe[Many[parts.Party]] = optional("Parties")
    industry_codes: Maybe[Many[parts.IndustryCodes]] = optional("Codes of an industry's own lists")
    lines: Many[StockLine] = required("Items and their stock")
    totals: Maybe[parts.Totals] = optional("Totals")
