"""The invoice and the credit note: X12 810, SP-API Invoice, EDIFACT INVOIC."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    AllowanceCharge,
    Amount,
    ChargeDetail,
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
    Tax,
    Terms,
    Text,
    optional,
    required,
)
from gateway.documents.lines import ComponentDescription, ComponentPrice, ItemDescription, Packing, Stores


class Charge(ChargeDetail):
    """A charge or an allowance; the list it stands in says which."""

    type: Maybe[Code] = optional("What it is for")
    taxes: Maybe[Many[Tax]] = optional("Taxes on it")


class OtherCharge(AllowanceCharge):
    """A service, a promotion or something that is not charged."""

    taxes: Maybe[Many[Tax]] = optional("Taxes on it")


class Credit(Model):
    """What a credit refers to."""

    original_invoice: Maybe[Text] = optional("Invoice that is credited", "INV-1001")
    debit_note: Maybe[Text] = optional("Debit note it answers", "DN-55")
    return_ref: Maybe[Text] = optional("Number of the return notice", "RTN-9")
    return_date: Maybe[DateTime] = optional("Date the goods came back", "2026-03-12")
    rma: Maybe[Text] = optional("Authorization of the return", "RMA-31")
    coop_ref: Maybe[Text] = optional("Agreement on shared advertising", "COOP-2")
    vret: Maybe[Text] = optional("The retailer's number of the return shipment", "VRET-7")


class Remark(Item):
    """A remark in words."""

    type: Maybe[Code] = optional("What it is about")
    text: Text = required("The remark", "Goods remain our property until paid.")


class AmountDetail(Item):
    """An amount or quantity with a meaning."""

    type: Maybe[Code] = optional("Meaning of the amount")
    amount: Maybe[Decimal] = optional("The amount", "270.00")
    quantity_type: Maybe[Text] = optional("Meaning of the quantity, an X12 code", "01")
    quantity: Maybe[Quantity] = optional("The quantity")


class InvoiceCarrier(Item):
    """Who carried the goods."""

    mode: Maybe[Code] = optional("Means of transport")
    equipment_prefix: Maybe[Text] = optional("Letters of the equipment number", "XTRU")
    equipment: Maybe[Text] = optional("Number of the equipment", "552310")
    scac: Maybe[Text] = optional("Standard carrier code", "ABFS")
    description: Maybe[Text] = optional("Routing in words", "ABF FREIGHT")
    status: Maybe[Text] = optional("Status of the shipment, an X12 code", "CC")
    reference_type: Maybe[Code] = optional("Kind of reference")
    reference: Maybe[Text] = optional("Number of the shipment", "123456789")
    service_level: Maybe[Text] = optional("Service level, an X12 code", "ND")


class ShippedTotal(Item):
    """Units, weight and volume that were shipped."""

    units: Maybe[Quantity] = optional("Number of units")
    weight: Maybe[Quantity] = optional("Weight")
    volume: Maybe[Quantity] = optional("Volume")
    description: Maybe[Text] = optional("The same in words", "Two pallets")


class ShippedStatus(Item):
    """What was shipped of a line, and why it differs from the order."""

    quantity: Maybe[Quantity] = optional("Quantity shipped")
    status: Maybe[Code] = optional("Status of the shipment or order")
    difference: Maybe[Decimal] = optional("Quantity that differs from the order", "2")
    reason: Maybe[Text] = optional("Why it differs, an X12 code", "QO")


class InvoiceComponent(Item):
    """A part of an assortment, set or kit."""

    line_no: Text = required("Number of the component", "1")
    parent_line_no: Maybe[Text] = optional("Number of the component it belongs to", "1")
    relationship: Code = required("How it belongs to the line")
    quantity: Maybe[Quantity] = optional("Quantity in one unit of the line")
    unit_price: Maybe[Money] = optional("Price of a unit")
    price_basis: Maybe[Code] = optional("What the price is for")
    ids: Maybe[ItemIds] = optional("Identifiers of the component")
    dates: Maybe[Many[DateReference]] = optional("Dates")
    references: Maybe[Many[Reference]] = optional("References of the component")
    description: Maybe[Text] = optional("Plain description", "Zip robe, M")
    descriptions: Maybe[Many[ComponentDescription]] = optional("Coded descriptions")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges")
    taxes: Maybe[Many[Tax]] = optional("Taxes of the component")


class InvoiceLine(Item):
    """One line of the invoice."""

    line_no: Maybe[Text] = optional("Line number, text as received", "1")
    quantity: Maybe[PackQuantity] = optional("Quantity invoiced")
    unit_price: Maybe[Money] = optional("Price of a unit, without tax")
    price_basis: Maybe[Code] = optional("What the price is for")
    ids: Maybe[ItemIds] = optional("Identifiers of the item")
    po_number: Maybe[Text] = optional("Order the line belongs to", "8WL5Q2ZX")
    currency: Maybe[Text] = optional("Currency of this line, where it is not that of the document")
    currency_party: Maybe[Code] = optional("Whose currency it is")
    extended: Maybe[Money] = optional("Amount of the line")
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Further quantities")
    shipped: Maybe[Many[ShippedStatus]] = optional("What was shipped, and why it differs")
    taxes: Maybe[Many[Tax]] = optional("Taxes of this line")
    prices: Maybe[Many[ComponentPrice]] = optional("Further prices")
    amounts: Maybe[Many[AmountDetail]] = optional("Further amounts")
    measurements: Maybe[Many[Measurement]] = optional("Measurements")
    description: Maybe[Text] = optional("Plain description")
    descriptions: Maybe[Many[ItemDescription]] = optional("Coded descriptions")
    packaging: Maybe[Many[Packaging]] = optional("Packaging")
    packing: Maybe[Packing] = optional("How the item is packed")
    terms: Maybe[Terms] = optional("Terms of payment of this line")
    credit: Maybe[Credit] = optional("What a credit refers to")
    references: Maybe[Many[Reference]] = optional("References of this line")
    contacts: Maybe[Many[Contact]] = optional("Contacts for this line")
    stores: Maybe[Many[Stores]] = optional("Quantities for single stores")
    shipped_at: Maybe[DateTime] = optional("Date of the shipment", "2026-03-02")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    carriers: Maybe[Many[InvoiceCarrier]] = optional("Who carried the goods")
    allowances: Maybe[Many[Charge]] = optional("Allowances of this line")
    charges: Maybe[Many[Charge]] = optional("Charges of this line")
    other_charges: Maybe[Many[OtherCharge]] = optional("Services and the like")
    components: Maybe[Many[InvoiceComponent]] = optional("Components of an assortment, set or kit")
    parties: Maybe[Many[Party]] = optional("Parties of this line alone")


class Invoice(Document):
    """An invoice or a credit note of the supplier."""

    document_type: Literal["invoice"] = required("Kind of document", "invoice")
    invoice_number: Text = required("The supplier's number of the invoice", "INV-1001")
    kind: Maybe[Code] = optional("Invoice, credit note or another kind")
    invoice_date: Date = required("Date of the invoice", "2026-03-03")
    po_number: Maybe[Text] = optional("Order, if there is only one", "8WL5Q2ZX")
    po_date: Maybe[Date] = optional("Date of the order", "2026-02-18")
    release_number: Maybe[Text] = optional("Number of the release of a blanket order", "001")
    change_sequence: Maybe[Text] = optional("Number of the change of the order", "2")
    purpose: Maybe[Code] = optional("Whether the invoice is new or replaces or cancels another")
    action: Maybe[Text] = optional("What is to be done, an X12 code", "AC")
    consolidated_invoice: Maybe[Text] = optional("Invoice that holds this one", "C-77")
    currency: Maybe[Text] = optional("Currency of all amounts that name no other", "USD")
    currency_party: Maybe[Code] = optional("Whose currency it is; needed to write a currency")
    remarks: Maybe[Many[Remark]] = optional("Remarks")
    credit: Maybe[Credit] = optional("What a credit refers to")
    references: Maybe[Many[Reference]] = optional("Other references")
    contacts: Maybe[Many[Contact]] = optional("People to talk to")
    parties: Maybe[Many[Party]] = optional("Parties")
    terms: Maybe[Terms] = optional("Terms of payment")
    shipped_at: Maybe[DateTime] = optional("Date of the shipment", "2026-03-02")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    freight: Maybe[Freight] = optional("Freight terms")
    description: Maybe[Text] = optional("What is invoiced", "Spring order")
    descriptions: Maybe[Many[ComponentDescription]] = optional("Coded descriptions")
    measurements: Maybe[Many[Measurement]] = optional("Measurements")
    packaging: Maybe[Many[Packaging]] = optional("Packaging")
    details: Maybe[Many[AmountDetail]] = optional("Amounts and quantities that stand in the heading")
    notes: Maybe[Many[Note]] = optional("Notes and agreements")
    lines: Maybe[Many[InvoiceLine]] = optional("Lines")
    total: Money = required("Amount to pay, with taxes, charges and allowances, before discount of the terms")
    discountable: Maybe[Decimal] = optional(
        "Part of the total to which the terms' discount applies", "900.00"
    )
    discounted: Maybe[Decimal] = optional("Total less the terms' discount", "882.00")
    discount: Maybe[Decimal] = optional("The terms' discount", "18.00")
    taxes: Maybe[Many[Tax]] = optional("Taxes of the whole invoice")
    carrier: Maybe[InvoiceCarrier] = optional("Who carried the goods")
    amounts: Maybe[Many[Amount]] = optional("Further amounts")
    allowances: Maybe[Many[Charge]] = optional("Allowances of the whole invoice")
    charges: Maybe[Many[Charge]] = optional("Charges of the whole invoice")
    other_charges: Maybe[Many[OtherCharge]] = optional("Services and the like")
    unit_count: Maybe[Decimal] = optional("Units that were shipped", "30")
    unit_uom: Maybe[Text] = optional("Their unit of measure, an X12 code", "EA")
    weight: Maybe[Decimal] = optional("Weight", "150")
    weight_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "LB")
    volume: Maybe[Decimal] = optional("Volume", "20")
    volume_uom: Maybe[Text] = optional("Its unit of measure, an X12 code", "CF")
    shipped: Maybe[Many[ShippedTotal]] = optional("The same in other units")
    line_count: Maybe[Count] = optional("Number of lines; counted when written", 2)
    hash: Maybe[Decimal] = optional("Sum of the quantities", "30")
