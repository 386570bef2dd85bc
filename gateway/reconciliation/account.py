"""What became of an invoice, or of another account: a function of all that was posted to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from gateway.reconciliation.profile import CHAIN, KINDS, OF_INVOICE, Profile
from gateway.reconciliation.remittance import ZERO

STATUSES = (
    "open",
    "rejected",
    "paid",
    "short_paid",
    "over_paid",
    "unknown",
    "settled",
    "deducted",
    "credited",
)
"""Of an account; the last three are of one that is no invoice: netted to zero, against us, in our favour."""

BUCKETS = ("not due", "1-30 days", "31-60 days", "61-90 days", "over 90 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice of ours, or a credit note, whose total is negative.

    Attributes:
        due: day, or empty. discount: what may be taken off by the day ``discount_until``.
    """

    number: str
    total: Decimal
    currency: str = ""
    due: str = ""
    discount: Decimal = ZERO
    discount_until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A part of a remittance that counts."""

    kind: str
    amount: Decimal
    paid_on: str
    ref: str = ""
    currency: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finances:
    """What the partner's API says of an invoice; ``updated`` is when that was so.

    Attributes:
        quantity, price, discount, other: what was not paid, positive. causes: of that, as the API names them.
    """

    status: str
    updated: str
    paid: Decimal = ZERO
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    discount: Decimal = ZERO
    other: Decimal = ZERO
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where an account stands.

    Attributes:
        status: of :data:`STATUSES`. expected: what is to come in all. received: what came, net.
        reasons: the deductions and additions by kind, net. difference: what the API says was paid beyond
            the remittances; zero where only one of them speaks.
        source: ``remittance``, ``finances`` or nothing yet. remarks: what is to be known, in words.
    """

    status: str
    expected: Decimal
    received: Decimal
    reasons: Mapping[str, Decimal] = field(default_factory=dict)
    difference: Decimal = ZERO
    source: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def balance(self) -> Decimal:
        """What is still to come."""
        return self.expected - self.received


def settle(
    invoice: Invoice | None,
    postings: Iterable[Posting],
    finances: Finances | None = None,
    credits: Decimal = ZERO,  # noqa: A002 - the field's word
) -> Account:
    """Where an account stands.

    Args:
        invoice: None where we have none of this number.
        credits: total of our credit notes for it that were not taken by themselves, negative.
    """
    remarks, counted = [], list[Posting]()
    for one in postings:
        if invoice and one.currency and invoice.currency and one.currency != invoice.currency:
            other = f"{one.ref}: {one.amount} {one.currency}"
            remarks.append(f"{other} is not counted: the invoice is in {invoice.currency}")
        else:
            counted.append(one)
    source = "remittance" if counted else ""
    if finances and not counted and finances.paid:
        source, counted = "finances", _by_finances(finances)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for one in counted:
        sums[one.kind] += one.amount
    received, paid = sum(sums.values(), ZERO), sums.pop("payment", ZERO) + sums.pop("credit", ZERO)
    reasons = {kind: sums[kind] for kind in KINDS if sums.get(kind)}
    difference = finances.paid - received if finances and source == "remittance" and finances.paid else ZERO
    if finances and difference:
        remarks.append(f"Finances says that {finances.paid} was paid, the remittances {received}")
    if finances and finances.causes:
        remarks.append(f"causes by Finances: {', '.join(finances.causes)}")
    expected = invoice.total + credits if invoice else ZERO
    if credits:
        reasons["credit"] = credits
        remarks.append(f"your credit notes take off {-credits}")
    if invoice is None:
        status = "settled" if not received else "deducted" if received < 0 else "credited"
        status = "unknown" if finances or any(one.kind in OF_INVOICE for one in counted) else status
    else:
        is_rejected = finances is not None and finances.status == "REJECTED" and not counted
        status = "rejected" if is_rejected else "open"
        status = _compared(invoice, expected, received, counted) if paid else status
    return Account(
        status=status,
        expected=expected,
        received=received,
        reasons=reasons,
        difference=difference,
        source=source,
        remarks=tuple(remarks),
    )


def _by_finances(said: Finances) -> list[Posting]:
    """The API's figures as postings, of which the sum is what was paid."""
    off = {"quantity": said.quantity, "price": said.price, "discount": said.discount, "other": said.other}
    gross = said.paid + sum(off.values(), ZERO)
    found = {"payment": gross} | {kind: -amount for kind, amount in off.items() if amount}
    return [Posting(kind=kind, amount=one, paid_on=said.updated[:10]) for kind, one in found.items()]


def _compared(invoice: Invoice, expected: Decimal, received: Decimal, counted: Sequence[Posting]) -> str:
    sign = -1 if invoice.total < 0 else 1
    left = (expected - received) * sign
    if left > 0:  # a discount by the terms is no short payment
        in_time = [
            -one.amount for one in counted if one.kind == "discount" and one.paid_on <= invoice.discount_until
        ]
        left -= max(ZERO, min(sum(in_time, ZERO), invoice.discount, left))
    return "paid" if not left else "short_paid" if left > 0 else "over_paid"


# --- claims ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A deduction that may be disputed: it stands, and its window has not been used up.

    Attributes:
        ref: the number to dispute under. amount: what it takes off in the end, negative.
        until: last day of the window. attempt: which of the tries that are left this is, from 1.
    """

    ref: str
    kind: str
    amount: Decimal
    since: str
    until: str
    attempt: int


def claims(profile: Profile, postings: Iterable[Posting]) -> list[Claim]:
    """The claims of an account that stand.

    A chain of shortage claims is one: what was claimed, taken back and claimed again, net.
    """
    groups: dict[str, list[Posting]] = defaultdict(list)
    for one in postings:
        kind = CHAIN[0] if one.kind in CHAIN else one.kind
        if kind in profile.disputes:
            groups[kind if kind == CHAIN[0] else f"{kind} {one.ref}"].append(one)
    found = []
    for group in groups.values():
        net, debits = sum((one.amount for one in group), ZERO), [one for one in group if one.amount < 0]
        if net >= 0:
            continue
        kind = CHAIN[0] if group[0].kind in CHAIN else group[0].kind
        step = max(one.step for one in debits)
        last = max((one for one in debits if one.step == step), key=lambda one: (one.paid_on, one.ref))
        rule, attempt = profile.disputes[kind], (step + 1) // 2 or 1
        if attempt <= rule.tries and "1970" < last.paid_on < "9000":
            until = date.fromisoformat(last.paid_on[:10]) + timedelta(days=rule.days)
            known = {"since": last.paid_on, "until": until.isoformat()}
            found.append(Claim(ref=last.ref, kind=kind, amount=net, attempt=attempt, **known))
    return sorted(found, key=lambda one: (one.until, one.ref))


def age(due: str, today: str) -> str:
    """The bucket of :data:`BUCKETS` of what is to be paid by a day; without one it is not due."""
    if not due or due >= today:
        return BUCKETS[0]
    days = (date.fromisoformat(today) - date.fromisoformat(due)).days
    return BUCKETS[min(4, 1 + (days - 1) // 30)]
