"""The remittance advice: X12 820, EDIFACT REMADV. What was paid, and what it settles."""

from __future__ import annotations

from typing import Literal

from gateway.documents.common import (
    AllowanceCharge,
    Code,
    Component,
    Date,
    DateReference,
    Decimal,
    Document,
    Goods,
    InCurrency,
    Item,
    Many,
    Maybe,
    Model,
    Money,
    Note,
    Party,
    Person,
    Quantity,
    Reference,
    Referenced,
    Text,
    optional,
    required,
)


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


class RemittedItem(Goods):
    """An item of an invoice or adjustment."""

    quantity: Maybe[Quantity] = optional("Quantity invoiced or adjusted")
    references: Maybe[Many[Reference]] = optional("References of the item")
    allowances_charges: Maybe[Many[AllowanceCharge]] = optional("Allowances and charges")
    components: Maybe[Many[Component]] = optional("Components of the item")


class Adjustment(Referenced):
    """An amount that was added or, where negative, taken off, and why."""

    amount: Money = required("The amount, negative where it was taken off")
    reason: Code = required("Why")
    ref_type: Maybe[Code] = optional("Kind of the document it refers to")
    ref: Maybe[Text] = optional("Number of that document", "CM-5512")
    notes: Maybe[Many[Note]] = optional("Notes")
    items: Maybe[Many[RemittedItem]] = optional("Items it is about")


class RemittanceLine(Item):
    """An invoice, credit memo or other document that is settled."""

    ref_type: Maybe[Code] = optional("Kind of document")
    document_ref: Maybe[Text] = optional("Its number", "INV-1001")
    action: Maybe[Code] = optional("What the payment does")
    paid: Maybe[Money] = optional("Amount paid for it, negative for a credit")
    gross: Maybe[Money] = optional("Its full amount")
    discount: Maybe[Money] = optional("Discount taken for early payment")
    adjustment_reason: Maybe[Code] = optional("Why the amount paid differs")
    adjustment: Maybe[Money] = optional("By how much it differs")
    notes: Maybe[Many[Note]] = optional("Notes")
    po_numbers: Maybe[Many[Text]] = optional("Orders it is about", ["8WL5Q2ZX"])
    references: Maybe[Many[Reference]] = optional("Other references")
    dates: Maybe[Many[DateReference]] = optional("Dates")
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
    people: Maybe[Many[Person]] = optional("People and organizations")
    adjustments: Maybe[Many[Adjustment]] = optional("Amounts that belong to no line, part of the payment")
    lines: Maybe[Many[RemittanceLine]] = optional("What is settled")


class RemittanceAdvice(InCurrency, Document):
    """An advice on a payment."""

    document_type: Literal["remittance_advice"] = required("Kind of document")
    remittance_id: Maybe[Text] = optional("Number of the payment: check, trace or wire number", "4529952")
    trace_type: Maybe[Code] = optional("Kind of that number")
    trace_originator: Maybe[Text] = optional("Who gave it", "1383399999")
    trace_reference: Maybe[Text] = optional("A further number of the payment", "0042")
    paid_on: Maybe[Date] = optional("Day the payment takes effect", "2026-03-20")
    amount: Money = required("Amount paid; it may be 0")
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
    notes: Maybe[Many[Note]] = optional("Notes")
    exchange_rate: Maybe[Decimal] = optional("Exchange rate", "1.3621")
    second_currency: Maybe[SecondCurrency] = optional("A currency the amounts were converted from or to")
    references: Maybe[Many[Reference]] = optional("References")
    dates: Maybe[Many[DateReference]] = optional("Other dates")
    parties: Maybe[Many[Party]] = optional("Parties: payer, payee and others")
    entities: Maybe[Many[Entity]] = optional("What the payment settles")
