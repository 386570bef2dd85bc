"""Rules of acknowledgments: what we promise of an order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.rules.amounts import ZERO, said, total
from gateway.rules.rule import ANSWERS, BLOCK, WARN, Case, Found, Node, Past, rule
from gateway.rules.story import (
    Order,
    currency,
    identifiers,
    is_accepted,
    line_key,
    named,
    order_of,
    past,
    price,
)

_OBSOLETE = ("obsolete", "ObsoleteProduct")


def _order(case: Case) -> Order | None:
    return order_of(case, case.document["po_number"])


def _lines(case: Case) -> Iterator[tuple[str, str, Node, Node | None]]:
    """The lines with their pointer, their name, and the line of the order."""
    order = _order(case)
    for place, line in enumerate(case.document.get("lines", ())):
        found = order.find(line) if order else None
        yield f"/lines/{place}", named(line, place).capitalize(), line, found


def _is(code: object, what: str) -> bool:
    return str(code).startswith(what)


def _answers(case: Case) -> list[Past]:
    return past(case, case.document["po_number"], *ANSWERS)


@rule("A1", ANSWERS, BLOCK)
def every_line(case: Case) -> Iterator[Found]:
    """Every line of the order is in the acknowledgment, unless it answers the order as a whole."""
    order = _order(case)
    if order is None or not case.document.get("lines"):
        return
    answered = {id(found) for _, _, _, found in _lines(case)}
    for line in order.lines:
        if id(line) not in answered and order.ordered(line):
            words = f"Line {line_key(line)} of order {case.document['po_number']} is not answered."
            yield Found("/lines", line_key(line), words)


@rule("A2", ANSWERS, BLOCK)
def adds_up(case: Case) -> Iterator[Found]:
    """The answers to a line add up to the quantity ordered, and none is above it."""
    order = _order(case)
    for at, what, line, ordered in _lines(case):
        responses = line.get("responses", ())
        if order is None or ordered is None or not any(one.get("quantity") for one in responses):
            continue
        wanted = order.ordered(ordered)
        answered = total(order.units(ordered, one.get("quantity")) for one in responses)
        if answered != wanted:
            words = f"{what}: {said(wanted)} units were ordered, and the answers add up to {said(answered)}."
            yield Found(f"{at}/responses", said(answered), words)


@rule("A3", ANSWERS, BLOCK)
def price_of_the_order(case: Case) -> Iterator[Found]:
    """Each line has a price above zero and not above that of the order, in its currency."""
    order = _order(case)
    for at, what, line, ordered in _lines(case):
        offered = price(line)
        if offered is None or offered <= 0:
            yield Found(f"{at}/unit_price", said(offered or ZERO), f"{what} has no price above zero.")
        elif order is not None and ordered is not None:
            asked = price(ordered)
            if asked is not None and offered > asked:
                words = f"{what}: the price {said(offered)} is above that of the order, {said(asked)}."
                yield Found(f"{at}/unit_price/amount", said(offered), words)
            money = currency(case.document, line), currency(order.heading, ordered)
            if all(money) and money[0] != money[1]:
                words = f"{what} is priced in {money[0]}, and the order in {money[1]}."
                yield Found(f"{at}/unit_price/currency", money[0], words)


@rule("A4", ANSWERS, BLOCK)
def same_item(case: Case) -> Iterator[Found]:
    """Each line names the item as the order does."""
    for at, what, line, ordered in _lines(case):
        if ordered is not None and not identifiers(line.get("ids")) & identifiers(ordered.get("ids")):
            first = next(iter((line.get("ids") or {}).values()), None)
            yield Found(f"{at}/ids", first, f"{what} has none of the identifiers that the order has for it.")
        elif ordered is None and _order(case) is not None:
            yield Found(at, line_key(line), f"{what} is no line of order {case.document['po_number']}.")


@rule("A5", ANSWERS, BLOCK)
def backorders(case: Case) -> Iterator[Found]:
    """A quantity is backordered only where the order allows it, with a day."""
    order = _order(case)
    for at, what, line, ordered in _lines(case):
        for number, one in enumerate(line.get("responses", ())):
            if not _is(one.get("code"), "backordered"):
                continue
            here = f"{at}/responses/{number}"
            dates = (one.get("ship_date"), one.get("delivery_date"), one.get("date"))
            if not one.get("quantity") or not any((*dates, line.get("ship_date"), line.get("delivery_date"))):
                yield Found(here, None, f"{what}: a backorder needs a quantity and a day.")
            allowed = (ordered or {}).get("backorder_allowed")
            if allowed is None and order is not None:
                allowed = order.heading.get("backorder_default")
            if allowed is False:
                yield Found(f"{here}/code", "backordered", f"{what}: the order does not allow backorders.")


@rule("A6", ANSWERS, BLOCK)
def rejected_stays(case: Case) -> Iterator[Found]:
    """A line that was rejected is not accepted or backordered later."""
    order = _order(case)
    gone: set[int] = set()
    for earlier in _answers(case) if order else ():
        for line in earlier.document.get("lines", ()):
            codes = [one.get("code") for one in line.get("responses", ())]
            if codes and all(_is(code, "rejected") for code in codes) and order:
                gone.add(id(order.find(line)))
    for at, what, line, ordered in _lines(case):
        if ordered is not None and id(ordered) in gone:
            for number, one in enumerate(line.get("responses", ())):
                if is_accepted(one.get("code")) or _is(one.get("code"), "backordered"):
                    words = f"{what} was rejected before, and is {one['code']} now."
                    yield Found(f"{at}/responses/{number}/code", one["code"], words)


@rule("A7", ANSWERS, WARN)
def reasons(case: Case, hours: int = 48) -> Iterator[Found]:
    """A rejection has a reason; that an item is obsolete is told, as the second time, `hours` later, is for
    good.
    """
    for at, what, line, _ in _lines(case):
        for number, one in enumerate(line.get("responses", ())):
            here = f"{at}/responses/{number}"
            if one.get("code") == "rejected" and not (one.get("reason") or one.get("reference")):
                yield Found(here, "rejected", f"{what} is rejected without a reason.")
            reason = str(one.get("reason") or "").strip()
            if reason in _OBSOLETE and any(
                str(two.get("reason") or "").strip() in _OBSOLETE
                for earlier in _answers(case)
                if case.now - earlier.at >= timedelta(hours=hours)
                for other in earlier.document.get("lines", ())
                if identifiers(other.get("ids")) & identifiers(line.get("ids"))
                for two in other.get("responses", ())
            ):
                yield Found(
                    f"{here}/reason", reason, f"{what} is called obsolete a second time, which is for good."
                )


@rule("A8", ANSWERS, WARN)
def in_time(case: Case, hours: int = 24, change_hours: int = 48) -> Iterator[Found]:
    """The first answer goes within `hours` of the order, a change of it within `change_hours`."""
    order = _order(case)
    if order is None:
        return
    came, within = order.came[0].at, change_hours if _answers(case) else hours
    late = case.now - came - timedelta(hours=within)
    if late > timedelta():
        number, due = case.document["po_number"], _time(came + timedelta(hours=within))
        words = f"Order {number} came at {_time(came)}; its answer was due {within} hours later, at {due}."
        yield Found("/po_number", number, words)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
