"""The invoice and the credit note: X12 810, SP-API Invoice, EDIFACT INVOIC."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    AllowanceCharge,
    Amount,
    Code,
    Component,
    Count,
    Date,
    DateTime,
    Decimal,
    Described,
    Document,
    Freight,
    Goods,
    InCurrency,
    Item,
    Lading,
    Many,
    Maybe,
    Model,
    Money,
    Note,
    Packaging,
    Packing,
    PackQuantity,
    Party,
    Price,
    QualifiedQuantity,
    Quantity,
    Referenced,
    Stores,
    Tax,
    Terms,
    Text,
    optional,
    required,
)


class Credit(Model):
    """What a credit refers to."""

    original_invoice: Maybe[Text] = optional("Invoice that is credited", "INV-1001")
    debit_note: Maybe[Text] = optional("Debit note it answers", "DN-55")
    return_ref: Maybe[Text] = optional("Number of the return notice", "RTN-9")
    return_date: Maybe[DateTime] = optional("Date the goods came back", "2026-03-12")
    rma: Maybe[Text] = optional("Authorization of the return", "RMA-31")
    coop_ref: Maybe[Text] = optional("Agreement on shared advertising", "COOP-2")
    vret: Maybe[Text] = optional("The retailer's number of the return shipment", "VRET-7")


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


class ShippedTotal(Item, Lading):
    """Units, weight and volume that were shipped."""

    units: Maybe[Quantity] = optional("Number of units")
    description: Maybe[Text] = optional("The same in words", "Two pallets")


class ShippedStatus(Item):
    """What was shipped of a line, and why it differs from the order."""

    quantity: Maybe[Quantity] = optional("Quantity shipped")
    status: Maybe[Code] = optional("Status of the shipment or order")
    difference: Maybe[Decimal] = optional("Quantity that differs from the order", "2")
    reason: Maybe[Text] = optional("Why it differs, an X12 code", "QO")


class Invoiced(Referenced, Described, InCurrency):
    """What an invoice and each of its lines may say."""

    po_number: Maybe[Text] = optional("Order, if there is only one", "8WL5Q2ZX")
    credit: Maybe[Credit] = optional("What a credit refers to")
    parties: Maybe[Many[Party]] = optional("Parties")
    terms: Maybe[Terms] = optional("Terms of payment")
    shipped_at: Maybe[DateTime] = optional("Date of the shipment", "2026-03-02")
    packaging: Maybe[Many[Packaging]] = optional("Packaging")
    taxes: Maybe[Many[Tax]] = optional("Taxes")
    amounts: Maybe[Many[Amount]] = optional("Further amounts")
    allowances: Maybe[Many[AllowanceCharge]] = optional("Allowances")
    charges: Maybe[Many[AllowanceCharge]] = optional("Charges")
    other_charges: Maybe[Many[AllowanceCharge]] = optional("Services and the like")


class InvoiceLine(Goods, Invoiced):
    """One line of the invoice."""

    quantity: Maybe[PackQuantity] = optional("Quantity invoiced")
    extended: Maybe[Money] = optional("Amount of the line")
    quantities: Maybe[Many[QualifiedQuantity]] = optional("Further quantities")
    shipped: Maybe[Many[ShippedStatus]] = optional("What was shipped, and why it differs")
    prices: Maybe[Many[Price]] = optional("Further prices")
    packing: Maybe[Packing] = optional("How the item is packed")
    stores: Maybe[Many[Stores]] = optional("Quantities for single stores")
    carriers: Maybe[Many[InvoiceCarrier]] = optional("Who carried the goods")
    components: Maybe[Many[Component]] = optional("Components of an assortment, set or kit")


class Invoice(Invoiced, Lading, Document):
    """An invoice or a credit note of the supplier."""

    document_type: Literal["invoice"] = required("Kind of document")
    invoice_number: Text = required("The supplier's number of the invoice", "INV-1001")
    kind: Maybe[Code] = optional("Invoice, credit note or another kind")
    invoice_date: Date = required("Date of the invoice", "2026-03-03")
    po_date: Maybe[Date] = optional("Date of the order", "2026-02-18")
    release_number: Maybe[Text] = optional("Number of the release of a blanket order", "001")
    change_sequence: Maybe[Text] = optional("Number of the change of the order", "2")
    purpose: Maybe[Code] = optional("Whether the invoice is new or replaces or cancels another")
    action: Maybe[Text] = optional("What is to be done, an X12 code", "AC")
    consolidated_invoice: Maybe[Text] = optional("Invoice that holds this one", "C-77")
    remarks: Maybe[Many[Note]] = optional("Remarks")
    freight: Maybe[Freight] = optional("Freight terms")
    details: Maybe[Many[Amount]] = optional("Amounts and quantities that stand in the heading")
    notes: Maybe[Many[Note]] = optional("Notes and agreements")
    lines: Maybe[Many[InvoiceLine]] = optional("Lines")
    total: Money = required("Amount to pay, with taxes, charges and allowances, before discount of the terms")
    discountable: Maybe[Decimal] = optional(
        "Part of the total to which the terms' discount applies", "900.00"
    )
    discounted: Maybe[Decimal] = optional("Total less the terms' discount", "882.00")
    discount: Maybe[Decimal] = optional("The terms' discount", "18.00")
    carrier: Maybe[InvoiceCarrier] = optional("Who carried the goods")
    unit_count: Maybe[Decimal] = optional("Units that were shipped", "30")
    unit_uom: Maybe[Text] = optional("Their unit of measure, an X12 code", "EA")
    shipped: Maybe[Many[ShippedTotal]] = optional("The same in other units")
    line_count: Maybe[Count] = optional("Number of lines; counted when written", 2)
    hash: Maybe[Decimal] = optional("Sum of the quantities", "30")
