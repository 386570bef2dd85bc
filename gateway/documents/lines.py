"""What the lines of documents share: prices, descriptions, packing, stores, schedules, components, totals."""

from __future__ import annotations

from gateway.documents.common import (
    AllowanceCharge,
    Code,
    Count,
    DateReference,
    DateTime,
    Decimal,
    Item,
    ItemIds,
    Many,
    Maybe,
    Measurement,
    Model,
    Money,
    Note,
    PackQuantity,
    Party,
    QualifiedQuantity,
    Quantity,
    Reference,
    Text,
    optional,
    required,
)


class ComponentPrice(Item):
    """A price of a component."""

    class_of_trade: Maybe[Code] = optional("For whom the price is")
    type: Maybe[Code] = optional("Kind of price")
    amount: Maybe[Decimal] = optional("Price of a unit", "54.99")
    quantity: Maybe[Quantity] = optional("Quantity the price is for")
    multiplier_type: Maybe[Code] = optional("Kind of multiplier")
    multiplier: Maybe[Decimal] = optional("Multiplier of the price", ".57")
    extended: Maybe[Decimal] = optional("Amount for the whole quantity", "1319.76")
    basis: Maybe[Text] = optional("What the price is for, an X12 code", "PE")
    condition: Maybe[Text] = optional("Condition of the price", "10")
    per: Maybe[Count] = optional("Number of units the price is for", 1)


class Price(ComponentPrice):
    """A price of a line beside its unit price."""

    currency: Maybe[Text] = optional("Currency, where it is not that of the document", "CAD")
    currency_party: Maybe[Code] = optional("Whose currency it is")


class ComponentDescription(Item):
    """A coded description of a component."""

    type: Code = required("Form")
    characteristic: Maybe[Code] = optional("What is described")
    agency: Maybe[Code] = optional("Who maintains the code")
    code: Maybe[Text] = optional("Code of the description", "600")
    text: Maybe[Text] = optional("Description in words", "LAVENDER")
    language: Maybe[Text] = optional("Language", "en")


class ItemDescription(ComponentDescription):
    """A coded description of a line's item."""

    measurements: Maybe[Many[Measurement]] = optional("Measurements that belong to it")


class Packing(Model):
    """How an item is packed; the pack size stands with the quantity."""

    size: Maybe[Decimal] = optional("Size of a unit in the pack", "7.89")
    size_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "LB")
    code: Maybe[Text] = optional("Packaging, an X12 code", "CTN25")
    weight_type: Maybe[Text] = optional("Kind of weight, an X12 code", "G")
    weight: Maybe[Decimal] = optional("Weight of a pack", "3")
    weight_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "LB")
    volume: Maybe[Decimal] = optional("Volume of a pack", "15")
    volume_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "CF")
    length: Maybe[Decimal] = optional("Length of a pack", "24")
    width: Maybe[Decimal] = optional("Width of a pack", "16")
    height: Maybe[Decimal] = optional("Height of a pack", "12")
    dimension_uom: Maybe[Text] = optional("Unit of length, width and height, an X12 code", "IN")
    inner_packs: Maybe[Count] = optional("Inner packs in a pack", 4)


class StoreQuantity(Model):
    """The share of one store."""

    location: Text = required("The store", "0142")
    quantity: Decimal = required("Its share", "6")


class Stores(Item):
    """Shares of single stores."""

    uom: Text = required("Unit of measure, an X12 code", "EA")
    scheme: Maybe[Code] = optional("Kind of store number")
    quantities: Many[StoreQuantity] = required("One entry for each store")


class PartySchedule(Item):
    """A part of a quantity and its date."""

    quantity: Maybe[Quantity] = optional("How much")
    party_role: Maybe[Code] = optional("For whom")
    party_name: Maybe[Text] = optional("Name of that party", "Store 142")
    type: Maybe[Code] = optional("What happens then")
    at: Maybe[DateTime] = optional("Date, or date and time", "2026-03-02")
    second_type: Maybe[Code] = optional("Meaning of a second date")
    second_at: Maybe[DateTime] = optional("The second date", "2026-03-06")
    request_ref: Maybe[Text] = optional("Reference of the request", "R-1")


class Schedule(PartySchedule):
    """A part of a line and its date."""

    references: Maybe[Many[Reference]] = optional("References of this part")


class LineParty(Party):
    """A party that takes part in one line."""

    quantities: Maybe[Many[QualifiedQuantity]] = optional("Its share of the line")
    schedule: Maybe[Many[PartySchedule]] = optional("Its delivery schedule")


class Component(Item):
    """A part of an assortment, set or kit."""

    line_no: Text = required("Number of the component", "1")
    parent_line_no: Maybe[Text] = optional("Number of the component it belongs to", "1")
    relationship: Code = required("How it belongs to the line")
    quantity: Maybe[PackQuantity] = optional("Quantity in one unit of the line")
    unit_price: Maybe[Money] = optional("Price of a unit")
    price_basis: Maybe[Code] = optional("What the price is for")
    ids: Maybe[ItemIds] = optional("Identifiers of the component")
    messages: Maybe[Many[Text]] = optional("Lines of text", ["Fold once."])
    description: Maybe[Text] = optional("Plain description", "Zip robe, M")
    descriptions: Maybe[Many[ComponentDescription]] = optional("Coded descriptions")
    dates: Maybe[Many[DateReference]] = optional("Dates")
    prices: Maybe[Many[ComponentPrice]] = optional("Further prices")
    packing: Maybe[Packing] = optional("How it is packed")
    notes: Maybe[Many[Note]] = optional("Notes")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges")


class Totals(Model):
    """Totals at the end of the order."""

    line_count: Maybe[Count] = optional("Number of lines; counted when written", 2)
    hash: Maybe[Decimal] = optional("Sum of the quantities", "48")
    weight: Maybe[Decimal] = optional("Weight", "150")
    weight_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "LB")
    volume: Maybe[Decimal] = optional("Volume", "20")
    volume_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "CF")
    description: Maybe[Text] = optional("Totals in words", "Spring order")
    amount: Maybe[Decimal] = optional("Total amount", "900.00")
