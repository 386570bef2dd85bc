"""The inventory advice: X12 846. What is in stock, on order or expected, and what it costs."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    AllowanceCharge,
    Code,
    Date,
    DateReference,
    DateTime,
    Decimal,
    Described,
    Document,
    InCurrency,
    IndustryCodes,
    Item,
    ItemIds,
    Many,
    Mark,
    Maybe,
    Measurement,
    Money,
    Packaging,
    Party,
    Price,
    QualifiedQuantity,
    Referenced,
    Schedule,
    Stores,
    Text,
    Totals,
    optional,
    required,
)


class LeadTime(Item):
    """How long something takes."""

    type: Code = required("What takes the time")
    quantity: Decimal = required("How many units of time", "14")
    unit: Text = required("Unit of time, an X12 code", "DA")
    date: Maybe[Date] = optional("Day it is counted from", "2026-03-02")


class StockQuantity(QualifiedQuantity):
    """A quantity in stock, on order or expected."""

    text: Maybe[Text] = optional("The quantity in words, where it is no number", "MORE THAN 100")
    measurements: Maybe[Many[Measurement]] = optional("Measurements of this quantity")
    lead_times: Maybe[Many[LeadTime]] = optional("How long until more comes")
    available_at: Maybe[DateTime] = optional("When the quantity can be had", "2026-03-09")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    schedule: Maybe[Many[Schedule]] = optional("Quantities expected, by date")
    industry_codes: Maybe[Many[IndustryCodes]] = optional("Codes of an industry's own lists")


class StockLine(Referenced, Described, InCurrency):
    """One item and its stock."""

    line_no: Maybe[Text] = optional("Line number, text as received", "1")
    ids: ItemIds = required("Identifiers of the item")
    packaging: Maybe[Many[Packaging]] = optional("How the item is packed")
    available_at: Maybe[DateTime] = optional("When the item can be had again", "2026-03-09")
    cost: Maybe[Money] = optional("Cost of a unit")
    list_price: Maybe[Money] = optional("List price")
    prices: Maybe[Many[Price]] = optional("Further prices")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges")
    stores: Maybe[Many[Stores]] = optional("Quantities at single locations")
    marks: Maybe[Many[Mark]] = optional("Marks on the packages")
    lead_times: Maybe[Many[LeadTime]] = optional("How long until more comes")
    industry_codes: Maybe[Many[IndustryCodes]] = optional("Codes of an industry's own lists")
    quantities: Maybe[Many[StockQuantity]] = optional("Quantities by kind")
    parties: Maybe[Many[Party]] = optional("Warehouses, owners and makers of this item")


class InventoryAdvice(Referenced, InCurrency, Document):
    """A report on stock from a supplier or a warehouse."""

    document_type: Literal["inventory_advice"] = required("Kind of document")
    advice_number: Text = required("Number of the advice", "INV-2026-0302")
    purpose: Code = required("Whether the advice is new or replaces another")
    report_type: Code = required("Who reports on whose stock")
    reported_at: DateTime = required("Date, or date and time, of the report", "2026-03-02T06:00")
    action: Maybe[Text] = optional("What the receiver is asked to do, an X12 code", "2")
    measurements: Maybe[Many[Measurement]] = optional("Measurements")
    parties: Maybe[Many[Party]] = optional("Parties")
    industry_codes: Maybe[Many[IndustryCodes]] = optional("Codes of an industry's own lists")
    lines: Many[StockLine] = required("Items and their stock")
    totals: Maybe[Totals] = optional("Totals")
