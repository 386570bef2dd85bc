"""Rules of invoices and credit notes: what is paid without a question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import partial

from gateway.rules.amounts import EXACT, ZERO, digits, net, number, rounded, said, total, units
from gateway.rules.rule import BLOCK, WARN, Case, Found, Node, rule
from gateway.rules.story import (
    Order,
    agreed,
    before,
    country,
    currency,
    identifiers,
    invoice_order,
    invoiced,
    is_credit,
    line_key,
    named,
    order_of,
    price,
    promised,
    remembered,
    shipped,
)

INVOICE = ("invoice",)


def _lines(case: Case) -> Iterator[tuple[str, str, Node, Order | None, Node | None]]:
    """The lines with pointer and name, their order and its line."""
    for place, line in enumerate(case.document.get("lines", ())):
        order = order_of(case, invoice_order(case.document, line))
        what = named(line, place).capitalize()
        yield f"/lines/{place}", what, line, order, order.find(line) if order else None


def _orders(case: Case) -> dict[str, Order | None]:
    lines = case.document.get("lines", ())
    numbers = dict.fromkeys(filter(None, (invoice_order(case.document, line) for line in lines)))
    return {one: order_of(case, one) for one in numbers}


def _currency(document: Node) -> str | None:
    found = (document.get("total") or {}).get("currency") or document.get("currency")
    return None if found is None else str(found)


@rule("I1", INVOICE, BLOCK)
def invoice_number(case: Case, longest: int = 22, pattern: str = ".+") -> Iterator[Found]:
    """The number has at most `longest` characters of the form `pattern`, and was never used for this
    partner, ever.
    """
    value = case.document["invoice_number"]
    if len(value) > longest or not re.fullmatch(pattern, value[:200]):
        words = f"The invoice number {value} is not of at most {longest} characters of the form {pattern}."
        yield Found("/invoice_number", value, words)
    for one in case.known.documents("invoice", value):
        if one.document["document_type"] == "invoice" and one.document["invoice_number"] == value:
            yield Found("/invoice_number", value, f"Invoice {value} was sent on {one.at:%Y-%m-%d}.")
            return


@rule("I2", INVOICE, BLOCK)
def orders_are_named(case: Case, several: bool = True) -> Iterator[Found]:
    """Every line names an order that is known; without `several` all name the same."""
    for at, what, line, order, _ in _lines(case):
        name = invoice_order(case.document, line)
        if name is None and not is_credit(case.document):
            yield Found(f"{at}/po_number", None, f"{what} says of no order.")
        elif name and order is None:
            yield Found(f"{at}/po_number", name, f"{what}: order {name} is not known.")
    if not several and len(_orders(case)) > 1:
        yield Found(
            "/lines", None, f"The invoice is of the orders {', '.join(_orders(case))}; it may be of one only."
        )


@rule("I3", INVOICE, BLOCK)
def only_what_was_shipped(case: Case, confirmed: bool = True) -> Iterator[Found]:
    """Of each line no more is invoiced than was shipped by ship notices, less what was invoiced before;
    more than nothing is; with `confirmed` the order was acknowledged.
    """
    for at, what, line, _, _ in _lines(case):
        if (count := units(line.get("quantity"))) is not None and count <= 0:
            yield Found(f"{at}/quantity", said(count), f"{what}: the quantity is not above zero.")
    for name, order in _orders(case).items():
        if order is None or is_credit(case.document):
            continue
        if confirmed and promised(case, name, order) is None:
            yield Found("/lines", name, f"Order {name} was not acknowledged.")
        gone, billed = shipped(case, name, order), invoiced(case, name, order)
        now: dict[int, Decimal] = {}
        for at, what, line, mine, ordered in _lines(case):
            if ordered is None or mine is not order:
                continue
            key = id(ordered)
            now[key] = EXACT.add(now.get(key, ZERO), order.units(ordered, line.get("quantity")))
            if now[key] + billed.get(key, ZERO) > gone.get(key, ZERO):
                earlier = f", and {said(billed[key])} were invoiced before" if key in billed else ""
                told = f"{said(now[key])} units are invoiced, {said(gone.get(key, ZERO))} were shipped"
                yield Found(f"{at}/quantity", said(now[key]), f"{what}: {told}{earlier}.")


@rule("I4", INVOICE, BLOCK)
def price_as_ordered(case: Case, tolerance: Decimal = Decimal("0.00")) -> Iterator[Found]:
    """The price of each line is that of the acknowledgment and the order, within `tolerance`, in the same
    currency.
    """
    for at, what, line, order, ordered in _lines(case):
        billed = price(line)
        if billed is None or billed <= 0:
            yield Found(f"{at}/unit_price", said(billed or ZERO), f"{what} has no price above zero.")
            continue
        if order is None or ordered is None:
            continue
        name = str(invoice_order(case.document, line))
        answered = remembered(case, "agreed", name, partial(agreed, case, name, order)).get(id(ordered))
        wanted, source = (
            (price(ordered), "the order") if answered is None else (answered, "your acknowledgment")
        )
        if wanted is not None and abs(billed - wanted) > tolerance:
            words = f"{what}: the price is {said(billed)}, and {said(wanted)} in {source}."
            yield Found(f"{at}/unit_price/amount", said(billed), words)
        money = currency(case.document, line) or _currency(case.document), currency(order.heading, ordered)
        if all(money) and money[0] != money[1]:
            yield Found(
                f"{at}/unit_price/currency", money[0], f"{what} is in {money[0]}, the order in {money[1]}."
            )


def _sum(parts: list[Node] | tuple[Node, ...]) -> Decimal:
    return total(number(one.get("amount")) or ZERO for one in parts)


def _parts(document: Node, name: str) -> list[Node]:
    """Taxes, charges or allowances of the heading, which are the sum of those of the lines, or else those."""
    heading = list(document.get(name, ()))
    return heading or [one for line in document.get("lines", ()) for one in line.get(name, ())]


def due(document: Node) -> tuple[Decimal, Decimal]:
    """What an invoice comes to, with its lines rounded one by one and as a whole: both are usual."""
    money = _currency(document)
    nets = [found for line in document.get("lines", ()) if (found := net(line)) is not None]
    more = _sum(_parts(document, "taxes"))
    for name, sign in (("charges", 1), ("allowances", -1)):
        parts = _parts(document, name)
        taxes = total(_sum(one.get("taxes", ())) for one in parts)
        more = EXACT.add(more, EXACT.multiply(Decimal(sign), EXACT.add(_sum(parts), taxes)))
    for one in _parts(document, "other_charges"):
        sign = {"charge": 1, "allowance": -1}.get(one.get("kind", ""), 0)
        more = EXACT.add(more, EXACT.multiply(Decimal(sign), number(one.get("amount")) or ZERO))
    each, whole = total(rounded(one, money) for one in nets), total(nets)
    return rounded(EXACT.add(each, more), money), rounded(EXACT.add(whole, more), money)


@rule("I5", INVOICE, BLOCK)
def total_adds_up(case: Case, tolerance: Decimal = Decimal("0.00")) -> Iterator[Found]:
    """The total is that of quantities times prices, taxes, charges and their taxes, less allowances and
    theirs, at the precision of the currency, within `tolerance`; it is not zero.
    """
    stated, money = number((case.document.get("total") or {}).get("amount")), _currency(case.document)
    if not stated:
        yield Found("/total/amount", said(stated or ZERO), "The total is zero, or not said.")
        return
    if stated != rounded(stated, money):
        words = f"The total {said(stated)} has more than the {digits(money)} decimals of {money or 'money'}."
        yield Found("/total/amount", said(stated), words)
    sums = due(case.document)
    if case.document.get("lines") and all(abs(stated - one) > tolerance for one in sums):
        words = (
            f"The total is {said(stated)}, and lines, taxes, charges and allowances come to {said(sums[1])}."
        )
        yield Found("/total/amount", said(stated), words)


def _by_kind(parts: list[Node], *, rates: bool) -> dict[tuple[str, Decimal | None], Decimal]:
    found: dict[tuple[str, Decimal | None], Decimal] = {}
    for one in parts:
        key = (str(one.get("type", "")), number(one.get("rate")) if rates else None)
        found[key] = EXACT.add(found.get(key, ZERO), number(one.get("amount")) or ZERO)
    return found


@rule("I6", INVOICE, BLOCK)
def heading_is_sum(case: Case, tolerance: Decimal = Decimal("0.00")) -> Iterator[Found]:
    """Taxes of the heading, by type and rate, and charges and allowances by type, are the sum of those of
    the lines.
    """
    for name in ("taxes", "charges", "allowances"):
        heading = list(case.document.get(name, ()))
        lines = [one for line in case.document.get("lines", ()) for one in line.get(name, ())]
        if not heading or not lines:
            continue
        above, below = (_by_kind(some, rates=name == "taxes") for some in (heading, lines))
        for key in above.keys() | below.keys():
            one, other = above.get(key, ZERO), below.get(key, ZERO)
            if abs(one - other) > tolerance:
                what = f"{name.capitalize()} {key[0]}{f' at {said(key[1])} %' if key[1] is not None else ''}"
                yield Found(
                    f"/{name}", said(one), f"{what}: {said(one)} in the heading, {said(other)} in the lines."
                )


@rule("I7", INVOICE, BLOCK)
def tax_types(case: Case, allowed: dict[str, tuple[str, ...]] = {}) -> Iterator[Found]:  # noqa: B006 - never changed
    """The types of tax of a line, joined by +, are in the list of the country (* for others) in `allowed`;
    an empty list is of none.
    """
    listed = allowed.get(country(case.document), allowed.get("*"))
    if listed is None:
        return
    places = [("", case.document), *((at, line) for at, _, line, _, _ in _lines(case))]
    for at, node in places:
        said_ = "+".join(sorted({str(one.get("type", "")) for one in node.get("taxes", ())}))
        if said_ and said_ not in {"+".join(sorted(one.split("+"))) for one in listed}:
            words = f"The tax {said_} is not used here; possible: {', '.join(listed) or 'none'}."
            yield Found(f"{at}/taxes", said_, words)


@rule("I8", INVOICE, BLOCK)
def tax_numbers(
    case: Case,
    bill_to: dict[str, tuple[str, ...]] = {},  # noqa: B006 - never changed
    tax_id: dict[str, str] = {},  # noqa: B006 - never changed
) -> Iterator[Found]:
    """The bill-to is one of those published for its country (`bill_to`), and who is paid has a tax number
    of the form that its country has in `tax_id`.
    """
    roles = ("bill_to", "remit_to")
    partner, us = reversed(roles) if is_credit(case.document) else roles
    for place, one in enumerate(case.document.get("parties", ())):
        where, at = (one.get("address") or {}).get("country", ""), f"/parties/{place}"
        known = bill_to.get(where, bill_to.get("*"))
        if one.get("role") == partner and known and one.get("id") not in known:
            what, wanted = partner.replace("_", "-"), " or ".join(known)
            words = f"The {what} is {one.get('id') or 'not said'}; it must be {wanted}, exactly."
            yield Found(f"{at}/id", one.get("id"), words)
        if one.get("role") in (us, "seller") and where in tax_id:
            numbers = [
                str(two.get("value"))
                for two in one.get("references", ())
                if two.get("type") in ("vat", "gst", "tax_id")
            ]
            if not any(re.fullmatch(tax_id[where], two[:200]) for two in numbers):
                words = f"{one.get('name') or 'Who is paid'} has no tax number of the form {tax_id[where]}."
                yield Found(f"{at}/references", next(iter(numbers), None), words)


@rule("I9", INVOICE, BLOCK)
def invoice_date(case: Case, days_ahead: int = 0) -> Iterator[Found]:
    """The date is not later than today (`days_ahead` for clocks of other zones) and not before the order."""
    value = case.document["invoice_date"]
    if (Decimal((_day(value) - case.now.date()).days)) > days_ahead:
        yield Found("/invoice_date", value, f"The invoice is dated {value}, which is yet to come.")
    for name, order in _orders(case).items():
        if order and value < str(order.came[0].document.get("ordered_at", "")):
            at = order.came[0].document["ordered_at"]
            yield Found("/invoice_date", value, f"The invoice is dated {value}, before order {name} of {at}.")


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


@rule("I10", INVOICE, WARN)
def terms(case: Case, net_days: tuple[int, ...] = ()) -> Iterator[Found]:
    """The terms are those of the order, or within `net_days`."""
    mine = case.document.get("terms") or {}
    ordered: Node = next(
        (one.heading["terms"] for one in _orders(case).values() if one and one.heading.get("terms")), {}
    )
    for name in ("type", "discount_pct", "discount_days", "net_days"):
        texts = [
            number(str(one[name])) if name != "type" else one[name] for one in (mine, ordered) if name in one
        ]
        if len(texts) == 2 and texts[0] != texts[1]:
            words = f"The terms say {name} {mine[name]}, and those of the order {ordered[name]}."
            yield Found(f"/terms/{name}", mine[name], words)
    if net_days and mine.get("net_days") not in (None, *net_days):
        words = f"The terms say {mine['net_days']} days to pay; agreed are {', '.join(map(str, net_days))}."
        yield Found("/terms/net_days", mine["net_days"], words)


@rule("I11", INVOICE, BLOCK)
def same_item(case: Case) -> Iterator[Found]:
    """Each line names the item as the order does, with the same size of a pack."""
    for at, what, line, order, ordered in _lines(case):
        if order is not None and ordered is None:
            yield Found(
                at, line_key(line), f"{what} is no line of order {invoice_order(case.document, line)}."
            )
        elif ordered is not None:
            if not identifiers(line.get("ids")) & identifiers(ordered.get("ids")):
                first = next(iter((line.get("ids") or {}).values()), None)
                yield Found(f"{at}/ids", first, f"{what} has none of the identifiers of the order.")
            sizes = [(one.get("quantity") or {}).get("pack_size") for one in (line, ordered)]
            if all(sizes) and sizes[0] != sizes[1]:
                words = f"{what}: a pack has {sizes[0]} units, and {sizes[1]} in the order."
                yield Found(f"{at}/quantity/pack_size", sizes[0], words)


@rule("I12", INVOICE, BLOCK)
def credit_notes(case: Case, supported: bool = True) -> Iterator[Found]:
    """A credit note is sent only where it is `supported`, and refers to one invoice, a return with number
    and date, or an agreement or debit note.
    """
    if not is_credit(case.document):
        return
    if not supported:
        yield Found("/kind", case.document.get("kind"), "This partner takes no credit notes.")
    said_ = [case.document.get("credit"), *(line.get("credit") for line in case.document.get("lines", ()))]
    notes = [one for one in said_ if one]
    originals = {one["original_invoice"] for one in notes if one.get("original_invoice")}
    if len(originals) > 1:
        yield Found(
            "/credit", None, f"The credit note refers to {len(originals)} invoices; it may refer to one."
        )
    if any(bool(one.get("return_ref")) != bool(one.get("return_date")) for one in notes):
        yield Found("/credit", None, "A return has a number and a date, and one of them is missing.")
    if not any(
        one.get(name)
        for one in notes
        for name in ("original_invoice", "return_ref", "coop_ref", "debit_note")
    ):
        yield Found("/credit", None, "The credit note does not say what it credits.")


@rule("I13", INVOICE, WARN)
def parallel_test(case: Case, invoices: int = 3, confirmed: bool = False) -> Iterator[Found]:
    """Until the partner took `invoices` invoices, or you set `confirmed`, a person looks at each."""
    if not confirmed and (taken := case.known.accepted("invoice", invoices)) < invoices:
        some = "1 invoice" if taken == 1 else f"{taken} invoices"
        words = f"The partner has taken {some} so far; until {invoices} a person looks at each."
        yield Found("/invoice_number", case.document["invoice_number"], words)


@rule("I14", INVOICE, WARN)
def same_again(case: Case) -> Iterator[Found]:
    """No other invoice has the same orders, items, quantities, prices and total."""
    mine = _content(case.document)
    for name in _orders(case):
        for other in before(case, name, "invoice"):
            if _content(other) == mine:
                words = f"Invoice {other['invoice_number']} has the same lines and total."
                yield Found("/invoice_number", case.document["invoice_number"], words)
                return


def _content(invoice: Node) -> tuple[object, ...]:
    lines = [
        (
            invoice_order(invoice, one) or "",
            sorted(identifiers(one.get("ids"))),
            str(units(one.get("quantity"))),
            str(price(one) and EXACT.normalize(price(one) or ZERO)),
        )
        for one in invoice.get("lines", ())
    ]
    return sorted(lines), number((invoice.get("total") or {}).get("amount")), is_credit(invoice)
