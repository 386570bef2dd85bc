"""Rules of orders and their changes when they come: what a person should look at before answering."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from gateway.errors import Fault
from gateway.rules.amounts import ZERO, number, said, units
from gateway.rules.rule import BLOCK, ORDERS, WARN, Case, Found, Node, Past, rule
from gateway.rules.story import (
    Order,
    as_it_stands,
    before,
    currency,
    day,
    identifiers,
    line_key,
    named,
    past,
    price,
)

PAID_BY_BUYER = ("collect", "paid_by_buyer", "pickup", "third_party")
_WINDOWS = ("ship_window", "delivery_window")


def _stands(case: Case) -> tuple[Order | None, Order | None]:
    """The order as it stood before this document, and as it stands with it."""
    came = past(case, case.document["po_number"], *ORDERS)
    return as_it_stands(came), as_it_stands([*came, Past(case.document, case.now)])


@rule("P1", ORDERS, WARN, fault=Fault.PARTNER)
def order_number(case: Case, pattern: str = "[A-Z0-9]{8}") -> Iterator[Found]:
    """The number of the order has the partner's form; what comes again under it is a change of the order."""
    value = case.document["po_number"]
    if not re.fullmatch(pattern, value[:200]):
        yield Found("/po_number", value, f"The order number {value} does not have the form {pattern}.")


@rule("P2", ORDERS, WARN, fault=Fault.PARTNER)
def changes(case: Case) -> Iterator[Found]:
    """A change is told by name: quantity, cancellation, price, item, window, ship-to, freight and type."""
    was, now = _stands(case)
    if was is None or now is None:
        return
    number_ = case.document["po_number"]
    if now.is_cancelled:
        yield Found("/purpose", case.document.get("purpose"), f"Order {number_} is cancelled as a whole.")
    for name in (*_WINDOWS, "freight", "po_type", "requested_delivery_at", "cancel_after"):
        if was.heading.get(name) != now.heading.get(name):
            before_, after = (_shown(one.heading.get(name)) for one in (was, now))
            words = f"Order {number_}: {name} was {before_} and is {after}."
            yield Found(f"/{name}", after, words)
    places = [(one.party("ship_to") or {}).get("id") for one in (was, now)]
    if places[0] != places[1]:
        yield Found("/parties", places[1], f"Order {number_}: ship-to was {places[0]} and is {places[1]}.")
    places_ = {line_key(one): at for at, one in enumerate(case.document.get("lines", ()))}
    old, new = ({line_key(one): one for one in order.lines} for order in (was, now))
    for key, line in new.items():
        at, what = f"/lines/{places_.get(key, 0)}", f"Order {number_}, line {key}"
        if key not in old:
            yield Found(at, key, f"{what} is new.")
        else:
            yield from _line_changes(at, what, old[key], line)
    for key in old.keys() - new.keys():
        yield Found("/lines", key, f"Order {number_}: line {key} is gone.")


def _line_changes(at: str, what: str, old: Node, new: Node) -> Iterator[Found]:
    counts = [units(one.get("quantity")) or ZERO for one in (old, new)]
    if counts[0] != counts[1]:
        was, now = map(said, counts)
        words = f"{what}: quantity was {was} units and is {now}." if counts[1] else f"{what} is cancelled."
        yield Found(f"{at}/quantity", now, words)
    if price(old) != price(new):
        prices = [(one.get("unit_price") or {}).get("amount") for one in (old, new)]
        yield Found(f"{at}/unit_price", prices[1], f"{what}: the price was {prices[0]} and is {prices[1]}.")
    ids = [identifiers(one.get("ids")) for one in (old, new)]
    if any(ids) and not ids[0] & ids[1]:
        yield Found(f"{at}/ids", None, f"{what} is another item now.")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return " to ".join(map(str, value.values())) if set(value) <= {"start", "end"} else str(dict(value))
    return "not said" if value is None else str(value)


@rule("P3", ORDERS, BLOCK, fault=Fault.PARTNER)
def place_changed(case: Case) -> Iterator[Found]:
    """The ship-to of an order does not change after a ship notice of it was sent."""
    was, now = _stands(case)
    if was is None or now is None:
        return
    old, new = ((one.party("ship_to") or {}).get("id") for one in (was, now))
    if old != new and (sent := before(case, case.document["po_number"], "ship_notice")):
        told = f"shipment {sent[-1].get('shipment_id')} was announced"
        words = f"The ship-to changes from {old} to {new}, but {told}."
        yield Found("/parties", new, words)


@rule("P4", ORDERS, BLOCK, fault=Fault.PARTNER)
def price_as_agreed(case: Case, tolerance: Decimal = Decimal("0.00")) -> Iterator[Found]:
    """The price of each line is the cost in the item table, within `tolerance`; items without a cost are
    not asked.
    """
    for place, line in enumerate(case.document.get("lines", ())):
        offered, rows = price(line), case.known.items(line.get("ids") or {})
        cost = number(rows[0].get("cost")) if len(rows) == 1 else None
        if offered is not None and cost is not None and abs(offered - cost) > tolerance:
            what, money = named(line, place).capitalize(), currency(case.document, line)
            words = f"{what}: the order says {said(offered)}, your item table {said(cost)} {money}."
            yield Found(f"/lines/{place}/unit_price/amount", said(offered), words)


@rule("P5", ORDERS, WARN, fault=Fault.PARTNER)
def possible_lines(case: Case, table: bool = False) -> Iterator[Found]:
    """No item stands twice, no price is zero, no window has passed; with `table`, each item is in the item
    table.
    """
    seen: dict[tuple[str, str], str] = {}
    for place, line in enumerate(case.document.get("lines", ())):
        at, what, ids = f"/lines/{place}", named(line, place).capitalize(), line.get("ids") or {}
        for one in sorted(identifiers(ids)):
            if (first := seen.setdefault(one, what)) != what:
                yield Found(f"{at}/ids", one[1], f"{what} has the item {one[1]} of {first.lower()} again.")
                break
        if price(line) == 0:
            yield Found(f"{at}/unit_price/amount", "0", f"{what} has no price.")
        if table and ids and not case.known.items(ids):
            first_id = next(iter(ids.values()))
            yield Found(f"{at}/ids", first_id, f"{what}: the item {first_id} is not in the item table.")
    for name in _WINDOWS:
        end = (case.document.get(name) or {}).get("end")
        if end and day(end) < f"{case.now:%Y-%m-%d}":
            yield Found(f"/{name}/end", end, f"The {name.replace('_', ' ')} ended on {day(end)}.")


@rule("P6", ORDERS, WARN, fault=Fault.PARTNER)
def window_that_counts(case: Case, paid_by_buyer: tuple[str, ...] = PAID_BY_BUYER) -> Iterator[Found]:
    """An order with freight paid by the buyer has a ship window, one with freight paid by you a delivery
    window.
    """
    method = (case.document.get("freight") or {}).get("method")
    if method is None or not any(case.document.get(name) for name in _WINDOWS):
        return
    wanted = "ship_window" if method in paid_by_buyer else "delivery_window"
    if not case.document.get(wanted):
        words = f"The freight is {method}, so the {wanted.replace('_', ' ')} counts, and the order has none."
        yield Found(f"/{wanted}", None, words)
