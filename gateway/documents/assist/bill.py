"""The invoice for what was shipped."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext

from gateway.documents.assist.lists import text, told
from gateway.documents.assist.story import (
    Json,
    Line,
    Made,
    Story,
    heading,
    latest,
    lines_of,
    parties_of,
    shipped,
)
from gateway.documents.values import DECIMAL
from gateway.errors import Problem

_WITHOUT_CENTS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_MINOR = dict.fromkeys(_WITHOUT_CENTS.split(), 0) | dict.fromkeys(_THREE_DIGITS.split(), 3)
"""Digits after the point of a currency (ISO 4217), where they are not two."""

_PER = {"hundred": 100, "thousand": 1000, "pound": 0}


def invoice(
    stories: Sequence[Story],
    *,
    number: str,
    today: str,
    shipment: str = "",
    parties: Sequence[Json] = (),
    taxes: Sequence[Json] = (),
    net_days: int = 0,
) -> Made:
    """The invoice for what was shipped and is not invoiced yet, at acknowledged prices.

    Args:
        shipment: the one that is invoiced; empty for all of the orders.
        taxes: ``type``, ``rate`` in percent, and the ``countries`` of ship-to and ``skus`` it is for.
        net_days: terms of payment where an order has none.
    """
    wrong, orders, made = list[Problem](), [one.order for one in stories], list[Json]()
    net, rates = Decimal(0), defaultdict[tuple[str, str], list[Decimal]](lambda: [Decimal(0), Decimal(0)])
    currencies = {str(one["currency"]) for one in orders if one.get("currency")}
    billed: list[tuple[Line, Decimal]] = []
    for story in stories:
        lines = lines_of(story, wrong)
        if story.order.get("allowances_charges"):
            wrong.append(told("MADE-CHARGES", f"Order {story.order['po_number']} has allowances or charges"))
        asked = [one for one in latest(story.notices, "shipment_id") if one.get("shipment_id") == shipment]
        part: dict[str, Decimal] = defaultdict(Decimal)
        for notice in asked:
            for one, much in shipped(notice, lines, str(story.order["po_number"]), wrong):
                part[one.number] += much
        for one in lines:
            left = one.shipped - one.invoiced
            much = part[one.number] if shipment else left
            if much > left:
                what = f"{text(much)} were shipped with {shipment}, and {text(left)} are not invoiced yet"
                wrong.append(told("MADE-OVER", f"{one.called}: {what}", text(much)))
            if much > 0:
                billed.append((one, much))
                currencies |= {one.price["currency"]} if one.price.get("currency") else set()
    if len(currencies) > 1:
        wrong.append(told("MADE-PRICE", f"Prices are in {' and '.join(sorted(currencies))}"))
    currency = next(iter(sorted(currencies)), "")
    cent = Decimal(1).scaleb(-_MINOR.get(currency, 2))
    place = next(iter(parties_of(orders[0], (), ["ship_to"])), {})
    country = place.get("address", {}).get("country", "")
    with localcontext() as exact:
        exact.prec = 100
        for one, much in billed:
            basis, amount = one.line.get("price_basis", "each"), str(one.price.get("amount", ""))
            if not re.fullmatch(DECIMAL, amount) or not _PER.get(basis, 1):
                what = f"its price is {amount or 'missing'}, by the {basis}"
                wrong.append(told("MADE-PRICE", f"{one.called}: {what}", amount or None))
                continue
            worth = much * Decimal(amount) / _PER.get(basis, 1)
            net += worth
            due = []
            for kind, rate in _rates(taxes, country, one.names):
                tax = (worth * Decimal(rate) / 100).quantize(cent, ROUND_HALF_UP)
                taxable = worth.quantize(cent, ROUND_HALF_UP)
                due.append(_tax(kind, rate, tax, taxable))
                rates[kind, rate] = [rates[kind, rate][0] + tax, rates[kind, rate][1] + taxable]
            line = one.copied | {"quantity": one.quantity(much), "unit_price": one.price}
            line |= {"price_basis": basis} if "price_basis" in one.line else {}
            line |= {"po_number": one.po} if len(stories) > 1 else {}
            made.append(line | ({"taxes": due} if due else {}))
        total = net.quantize(cent, ROUND_HALF_UP) + sum((one[0] for one in rates.values()), Decimal(0))
    if not billed:
        wrong.append(told("MADE-NOTHING", "Nothing was shipped that is not invoiced yet"))
    money = {"currency": currency} if currency else {}
    found = heading("invoice", orders) | {"invoice_number": number, "invoice_date": today} | money
    found |= {"currency_party": "seller"} if currency else {}
    if len(orders) == 1:
        found |= {"po_number": orders[0]["po_number"]}
        found |= {"po_date": orders[0]["ordered_at"]} if "ordered_at" in orders[0] else {}
    if who := parties_of(orders[0], parties, ("remit_to", "ship_to", "ship_from", "bill_to")):
        found["parties"] = who
    if terms := orders[0].get("terms") or ({"type": "basic", "net_days": net_days} if net_days else {}):
        found["terms"] = terms
    if rates:
        found["taxes"] = [_tax(*key, *sums) for key, sums in rates.items()]
    return Made(found | {"lines": made, "total": {"amount": f"{total:f}", **money}}, tuple(wrong))


def _rates(taxes: Sequence[Json], country: str, names: set[str]) -> list[tuple[str, str]]:
    """The taxes of an item: of each type the row that names it, else the one for all items."""
    fits = [one for one in taxes if not one.get("countries") or country in one["countries"]]
    rest = {one["type"]: one["rate"] for one in fits if not one.get("skus")}
    own = {one["type"]: one["rate"] for one in fits if names & {*one.get("skus", ())}}
    return [*(rest | own).items()]


def _tax(kind: str, rate: str, amount: Decimal, taxable: Decimal) -> Json:
    return {"type": kind, "rate": rate, "amount": f"{amount:f}", "taxable": f"{taxable:f}"}
