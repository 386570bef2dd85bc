"""The inventory advice: X12 846. What is in stock, on order or expected, and what it costs."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    AllowanceCharge,
    Code,
    Contact,
    Count,
    Date,
    DateReference,
    DateTime,
    Decimal,
    Document,
    IndustryCodes,
    Item,
    ItemIds,
    Many,
    Mark,
    Maybe,
    Measurement,
    Model,
    Money,
    Packaging,
    Party,
    Reference,
    Text,
    optional,
    required,
)
from gateway.documents.lines import ItemDescription, PartySchedule, Price, Stores


class LocationStock(Stores):
    """Quantities at single stores or warehouses, or of kinds the partners agree on."""

    place: Maybe[Text] = optional("Place that all of them are in", "001")


class LeadTime(Item):
    """How long something takes."""

    type: Code = required("What takes the time")
    quantity: Decimal = required("How many units of time", "14")
    unit: Text = required("Unit of time, an X12 code", "DA")
    date: Maybe[Date] = optional("Day it is counted from", "2026-03-02")


class StockSchedule(PartySchedule):
    """A part of a quantity and its date."""

    measurements: Maybe[Many[Measurement]] = optional("Measurements of this part")


class StockQuantity(Item):
    """A quantity in stock, on order or expected."""

    type: Code = required("What the quantity counts")
    value: Maybe[Decimal] = optional("How many", "120")
    uom: Maybe[Text] = optional("Unit of measure, an X12 code", "EA")
    text: Maybe[Text] = optional("The quantity in words, where it is no number", "MORE THAN 100")
    measurements: Maybe[Many[Measurement]] = optional("Measurements of this quantity")
    lead_times: Maybe[Many[LeadTime]] = optional("How long until more comes")
    available_at: Maybe[DateTime] = optional("When the quantity can be had", "2026-03-09")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    schedule: Maybe[Many[StockSchedule]] = optional("Quantities expected, by date")
    industry_codes: Maybe[Many[IndustryCodes]] = optional("Codes of an industry's own lists")


class StockLine(Item):
    """One item and its stock."""

    line_no: Maybe[Text] = optional("Line number, text as received", "1")
    ids: ItemIds = required("Identifiers of the item")
    description: Maybe[Text] = optional("Plain description", "Zip robe, M")
    descriptions: Maybe[Many[ItemDescription]] = optional("Coded descriptions")
    measurements: Maybe[Many[Measurement]] = optional("Measurements of the item")
    packaging: Maybe[Many[Packaging]] = optional("How the item is packed")
    available_at: Maybe[DateTime] = optional("When the item can be had again", "2026-03-09")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    cost: Maybe[Money] = optional("Cost of a unit")
    list_price: Maybe[Money] = optional("List price")
    prices: Maybe[Many[Price]] = optional("Further prices")
    currency: Maybe[Text] = optional("Currency of this line, where it is not that of the document", "CAD")
    currency_party: Maybe[Code] = optional("Whose currency it is")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges")
    references: Maybe[Many[Reference]] = optional("References, such as a lot")
    contacts: Maybe[Many[Contact]] = optional("Contacts for this item")
    stores: Maybe[Many[LocationStock]] = optional("Quantities at single locations")
    marks: Maybe[Many[Mark]] = optional("Marks on the packages")
    lead_times: Maybe[Many[LeadTime]] = optional("How long until more comes")
    industry_codes: Maybe[Many[IndustryCodes]] = optional("Codes of an industry's own lists")
    quantities: Maybe[Many[StockQuantity]] = optional("Quantities by kind")
    parties: Maybe[Many[Party]] = optional("Warehouses, owners and makers of this item")


class StockTotals(Model):
    """Totals at the end of the advice."""

    line_count: Maybe[Count] = optional("Number of lines; counted when written", 2)
    hash: Maybe[Decimal] = optional("Sum of the quantities", "163")


class InventoryAdvice(Document):
    """A report on stock from a supplier or a warehouse."""

    document_type: Literal["inventory_advice"] = required("Kind of document", "inventory_advice")
    advice_number: Text = required("Number of the advice", "INV-2026-0302")
    purpose: Code = required("Whether the advice is new or replaces another")
    report_type: Code = required("Who reports on whose stock")
    reported_at: DateTime = required("Date, or date and time, of the report", "2026-03-02T06:00")
    action: Maybe[Text] = optional("What the receiver is asked to do, an X12 code", "2")
    currency: Maybe[Text] = optional("Currency of all amounts that name no other", "USD")
    currency_party: Maybe[Code] = optional("Whose currency it is; needed to write a currency")
    dates: Maybe[Many[DateReference]] = optional("Dates")
    references: Maybe[Many[Reference]] = optional("References")
    contacts: Maybe[Many[Contact]] = optional("People to talk to")
    measurements: Maybe[Many[Measurement]] = optional("Measurements")
    parties: Maybe[Many[Party]] = optional("Parties")
    industry_codes: Maybe[Many[IndustryCodes]] = optional("Codes of an industry's own lists")
    lines: Many[StockLine] = required("Items and their stock")
    totals: Maybe[StockTotals] = optional("Totals")
