"""What is to be paid and what was: invoices and credit notes (X12 810, SP-API Invoice, EDIFACT INVOIC), and
remittance advices (X12 820, EDIFACT REMADV), which say what a payment settles.
"""

from __future__ import annotations

from typing import Literal

from gateway.documents import parts
from gateway.documents.common import Document, Item, Model, optional, required
from gateway.documents.values import Code, Count, Date, DateTime, Decimal, Many, Maybe, Text


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


class ShippedTotal(Item, parts.Lading):
    """Units, weight and volume that were shipped."""

    units: Maybe[parts.Quantity] = optional("Number of units")
    description: Maybe[Text] = optional("The same in words", "Two pallets")


class ShippedStatus(Item):
    """What was shipped of a line, and why it differs from the order."""

    quantity: Maybe[parts.Quantity] = optional("Quantity shipped")
    status: Maybe[Code] = optional("Status of the shipment or order")
    difference: Maybe[Decimal] = optional("Quantity that differs from the order", "2")
    reason: Maybe[Text] = optional("Why it differs, an X12 code", "QO")


class Invoiced(parts.Referenced, parts.Described, parts.InCurrency):
    """What an invoice and each of its lines may say."""

    po_number: Maybe[Text] = optional("Order, if there is only one", "8WL5Q2ZX")
    credit: Maybe[Credit] = optional("What a credit refers to")
    parties: Maybe[Many[parts.Party]] = optional("Parties")
    terms: Maybe[parts.Terms] = optional("Terms of payment")
    shipped_at: Maybe[DateTime] = optional("Date of the shipment", "2026-03-02")
    packaging: Maybe[Many[parts.Packaging]] = optional("Packaging")
    taxes: Maybe[Many[parts.Tax]] = optional("Taxes")
    amounts: Maybe[Many[parts.Amount]] = optional("Further amounts")
    allowances: Maybe[Many[parts.AllowanceCharge]] = optional("Allowances")
    charges: Maybe[Many[parts.AllowanceCharge]] = optional("Charges")
    other_charges: Maybe[Many[parts.AllowanceCharge]] = optional("Services and the like")


class InvoiceLine(parts.Goods, Invoiced):
    """One line of the invoice."""

    quantity: Maybe[parts.PackQuantity] = optional("Quantity invoiced")
    extended: Maybe[parts.Money] = optional("Amount of the line")
    quantities: Maybe[Many[parts.QualifiedQuantity]] = optional("Further quantities")
    shipped: Maybe[Many[ShippedStatus]] = optional("What was shipped, and why it differs")
    prices: Maybe[Many[parts.Price]] = optional("Further prices")
    packing: Maybe[parts.Packing] = optional("How the item is packed")
    stores: Maybe[Many[parts.Stores]] = optional("Quantities for single stores")
    carriers: Maybe[Many[InvoiceCarrier]] = optional("Who carried the goods")
    components: Maybe[Many[parts.Component]] = optional("Components of an assortment, set or kit")


class Invoice(Invoiced, parts.Lading, Document):
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
    remarks: Maybe[Many[parts.Note]] = optional("Remarks")
    freight: Maybe[parts.Freight] = optional("Freight terms")
    details: Maybe[Many[parts.Amount]] = optional("Amounts and quantities that stand in the heading")
    notes: Maybe[Many[parts.Note]] = optional("Notes and agreements")
    lines: Maybe[Many[InvoiceLine]] = optional("Lines")
    total: parts.Money = required(
        "Amount to pay, with taxes, charges and allowances, before discount of the terms"
    )
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


class Bank(Model):
    """A bank account."""

    id_scheme: Maybe[Code] = optional("Kind of bank number")
    id: Maybe[Text] = optional("Bank number", "121000248")
    account_type: Maybe[Code] = optional("Kind of account")
    account: Maybe[Text] = optional("Account", "4121998877")


class SecondCurrency(Model):
    """A currency the amounts were converted from or to."""

    code: Maybe[Text] = optional("Currency", "CAD")
    party: Maybe[Code] = optional("Whose currency it is")
    market: Maybe[Text] = optional("Market of the rate, an X12 code", "NYC")


class RemittedItem(parts.Goods):
    """An item of an invoice or adjustment."""

    quantity: Maybe[parts.Quantity] = optional("Quantity invoiced or adjusted")
    references: Maybe[Many[parts.Reference]] = optional("References of the item")
    allowances_charges: Maybe[Many[parts.AllowanceCharge]] = optional("Allowances and charges")
    components: Maybe[Many[parts.Component]] = optional("Components of the item")


class Adjustment(parts.Referenced):
    """An amount that was added or, where negative, taken off, and why."""

    amount: parts.Money = required("The amount, negative where it was taken off")
    reason: Code = required("Why")
    ref_type: Maybe[Code] = optional("Kind of the document it refers to")
    ref: Maybe[Text] = optional("Number of that document", "CM-5512")
    notes: Maybe[Many[parts.Note]] = optional("Notes")
    items: Maybe[Many[RemittedItem]] = optional("Items it is about")


class RemittanceLine(parts.Referenced):
    """An invoice, credit memo or other document that is settled."""

    ref_type: Maybe[Code] = optional("Kind of document")
    document_ref: Maybe[Text] = optional("Its number", "INV-1001")
    action: Maybe[Code] = optional("What the payment does")
    paid: Maybe[parts.Money] = optional("Amount paid for it, negative for a credit")
    gross: Maybe[parts.Money] = optional("Its full amount")
    discount: Maybe[parts.Money] = optional("Discount taken for early payment")
    adjustment_reason: Maybe[Code] = optional("Why the amount paid differs")
    adjustment: Maybe[parts.Money] = optional("By how much it differs")
    notes: Maybe[Many[parts.Note]] = optional("Notes")
    po_numbers: Maybe[Many[Text]] = optional("Orders it is about", ["8WL5Q2ZX"])
    items: Maybe[Many[RemittedItem]] = optional("Items of the document")
    adjustments: Maybe[Many[Adjustment]] = optional("Parts of the difference, contained in the amount paid")


class Entity(Item):
    """A store, division or account, and what is settled for it."""

    number: Maybe[Text] = optional("Running number", "1")
    role: Maybe[Code] = optional("What the entity is")
    id_scheme: Maybe[Code] = optional("Kind of identifier")
    id: Maybe[Text] = optional("Identifier", "0142")
    second_role: Maybe[Code] = optional("What a second entity is")
    second_id_scheme: Maybe[Code] = optional("Kind of its identifier")
    second_id: Maybe[Text] = optional("Its identifier", "0012")
    ref_type: Maybe[Code] = optional("Kind of reference")
    ref: Maybe[Text] = optional("Reference", "DIV-4")
    people: Maybe[Many[parts.Person]] = optional("People and organizations")
    adjustments: Maybe[Many[Adjustment]] = optional("Amounts that belong to no line, part of the payment")
    lines: Maybe[Many[RemittanceLine]] = optional("What is settled")


class RemittanceAdvice(parts.Referenced, parts.InCurrency, Document):
    """An advice on a payment."""

    document_type: Literal["remittance_advice"] = required("Kind of document")
    remittance_id: Maybe[Text] = optional("Number of the payment: check, trace or wire number", "4529952")
    trace_type: Maybe[Code] = optional("Kind of that number")
    trace_originator: Maybe[Text] = optional("Who gave it", "1383399999")
    trace_reference: Maybe[Text] = optional("A further number of the payment", "0042")
    paid_on: Maybe[Date] = optional("Day the payment takes effect", "2026-03-20")
    amount: parts.Money = required("Amount paid; it may be 0")
    handling: Code = required("Whether money comes with the advice")
    credit_debit: Code = required("Whether the payee is credited or debited")
    method: Code = required("Means of payment")
    format: Maybe[Text] = optional("Form of the payment in the banks, an X12 code", "CTX")
    payer_bank: Maybe[Bank] = optional("Account it is paid from")
    payer_company: Maybe[Text] = optional("The payer, as its bank knows it", "1383399999")
    payer_company_code: Maybe[Text] = optional("Part of that company", "VENDORPAY")
    payee_bank: Maybe[Bank] = optional("Account it is paid to")
    business_function: Maybe[Text] = optional("Purpose of the payment, an X12 code", "VEN")
    return_bank: Maybe[Bank] = optional("Account for what comes back")
    notes: Maybe[Many[parts.Note]] = optional("Notes")
    exchange_rate: Maybe[Decimal] = optional("Exchange rate", "1.3621")
    second_currency: Maybe[SecondCurrency] = optional("A currency the amounts were converted from or to")
    parties: Maybe[Many[parts.Party]] = optional("Parties: payer, payee and others")
    entities: Maybe[Many[Entity]] = optional("What the payment settles")
