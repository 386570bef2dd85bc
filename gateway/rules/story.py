"""What is known of an order by now: how it stands after its changes, what was promised, shipped and
invoiced of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from gateway.rules.amounts import EXACT, ZERO, number, total, units
from gateway.rules.rule import ANSWERS, ORDERS, Case, Node, Past

_T = TypeVar("_T")

LEVELS = {"orders": "order", "pallets": "pallet", "cartons": "carton", "items": "item", "levels": "level"}
_GTIN = ("upc", "ean", "gtin14")
_CANCELS = ("cancel", "01")
_ITS_OWN = {
    "ship_notice": "shipment_id",
    "invoice": "invoice_number",
    **dict.fromkeys(ANSWERS, ""),
}


class Level(NamedTuple):
    """A level of a shipment: where it stands, its kind, and the levels around it, the outermost first."""

    pointer: str
    kind: str
    node: Node
    around: tuple[Level, ...]

    @property
    def path(self) -> tuple[str, ...]:
        """Kinds from the outermost level to this one."""
        return (*(one.kind for one in self.around), self.kind)

    def inside(self, kind: str) -> Level | None:
        """The innermost level of a kind around this one."""
        return next((one for one in reversed(self.around) if one.kind == kind), None)

    @property
    def order(self) -> str | None:
        """The number of the order, as the nearest level says it."""
        numbers = (one.node.get("po_number") for one in (self, *reversed(self.around)))
        return next(filter(None, numbers), None)


def levels(notice: Node) -> Iterator[Level]:
    """All levels of a ship notice below the shipment, in their order."""
    top = Level("", "shipment", {"po_number": notice.get("po_number")}, ())
    left: list[tuple[Node, Level]] = [(notice, top)]
    while left:
        node, level = left.pop()
        if level is not top:
            yield level
        around = (*level.around, level)
        below = [
            (one, Level(f"{level.pointer}/{name}/{place}", kind, one, around))
            for name, kind in LEVELS.items()
            for place, one in enumerate(node.get(name, ()))
        ]
        left += reversed(below)


def identifiers(ids: Node | None) -> set[tuple[str, str]]:
    """What an item is called, but for our own number; consumer and case codes by their digits alone."""
    return {
        ("gtin", value.zfill(14)) if name in _GTIN else (name, value)
        for name, value in (ids or {}).items()
        if name != "erp_sku"
    }


def line_key(line: Node) -> str:
    """The number of a line of an order, without leading zeros."""
    return str(line.get("po_line_no") or line.get("line_no") or "").lstrip("0")


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands.

    Attributes:
        heading: of the newest document. lines: by their position, each as the last change left it.
        came: all documents of it, oldest first. is_cancelled: as a whole.
    """

    heading: Node
    lines: tuple[Node, ...]
    came: tuple[Past, ...]
    is_cancelled: bool
    _index: Mapping[tuple[str, str], list[Node]]

    def find(self, line: Node) -> Node | None:
        """The line that one of another document is about: by what the item is called, else by its number."""
        key = line_key(line)
        for name in sorted(identifiers(line.get("ids"))):
            if named_ := self._index.get(name):
                return next((one for one in named_ if key and line_key(one) == key), named_[0])
        return next(iter(self._index.get(("", key), ())), None)

    def ordered(self, line: Node) -> Decimal:
        """Units of a line of it."""
        return units(line.get("quantity")) or ZERO

    def units(self, line: Node, quantity: Node | None) -> Decimal:
        """Units of a quantity of another document; in the order's packs where it does not say how many are
        in one.
        """
        mine = line.get("quantity") or {}
        if quantity and mine.get("uom") == quantity.get("uom") and not mine.get("pack_size"):
            return number(quantity.get("value")) or ZERO
        return units(quantity, mine.get("pack_size")) or ZERO

    def party(self, role: str) -> Node | None:
        return party(self.heading, role)


def party(document: Node, role: str) -> Node | None:
    """The first party of a document with a role."""
    return next((one for one in document.get("parties", ()) if one.get("role") == role), None)


def country(document: Node) -> str:
    """Where goods or invoice go: the country of ship-to or bill-to; empty if neither says it."""
    roles = (party(document, one) for one in ("ship_to", "bill_to"))
    return next(
        (one["address"]["country"] for one in roles if one and one.get("address", {}).get("country")), ""
    )


def day(text: Any) -> str:
    """The day of a date or date and time."""
    return str(text or "")[:10]


def remembered(case: Case, what: str, number_: str, made: Callable[[], _T]) -> _T:
    """Something that several rules ask for, made once for a case."""
    if (what, number_) not in case.memory:
        case.memory[what, number_] = made()
    found: _T = case.memory[what, number_]
    return found


def past(case: Case, number_: str, *kinds: str) -> list[Past]:
    """Documents of some types about an order, oldest first."""
    found = remembered(case, "past", number_, lambda: case.known.documents("po", number_))
    return [one for one in found if one.document["document_type"] in kinds]


def order_of(case: Case, number_: str | None) -> Order | None:
    """The order of a number as it stands; None if it is not known."""
    name = number_ or ""
    return remembered(case, "order", name, lambda: as_it_stands(past(case, name, *ORDERS) if name else []))


def as_it_stands(came: list[Past]) -> Order | None:
    """The order that documents, the first being the order itself, come to."""
    if not any(one.document["document_type"] == "purchase_order" for one in came):
        return None
    heading: dict[str, Any] = {}
    lines: list[dict[str, Any]] = []
    is_cancelled = False
    for one in came:
        said = one.document
        heading |= {name: value for name, value in said.items() if name != "lines"}
        is_cancelled = said.get("purpose") in _CANCELS
        if said["document_type"] == "purchase_order":
            lines = [dict(line) for line in said.get("lines", ())]
            continue
        numbered = {line_key(line): line for line in reversed(lines)}
        for change in said.get("lines", ()):
            line = numbered.get(line_key(change))
            if line is None:
                lines.append(line := {})
            line |= {name: value for name, value in change.items() if value is not None}
            if change.get("change") in ("delete", "DI", "cancel_order", "CF"):
                line["quantity"] = {**(line.get("quantity") or {}), "value": "0"}
    index: dict[tuple[str, str], list[Node]] = {}
    for line in lines:
        for name in {*identifiers(line.get("ids")), ("", line_key(line))} - {("", "")}:
            index.setdefault(name, []).append(line)
    return Order(heading, tuple(lines), tuple(came), is_cancelled, index)


def is_accepted(code: Any) -> bool:
    """Whether an answer to a line promises goods."""
    return str(code).startswith("accepted")


def promised(case: Case, number_: str, order: Order) -> dict[int, Decimal] | None:
    """Units we accepted, by ``id`` of the order's lines, by the last acknowledgment; None without one."""
    answers = past(case, number_, *ANSWERS)
    if not answers:
        return None
    found: dict[int, Decimal] = {}
    for one in answers:
        if not one.document.get("lines"):
            taken = is_accepted(one.document.get("ack_type"))
            found |= {id(line): order.ordered(line) if taken else ZERO for line in order.lines}
        for line in one.document.get("lines", ()):
            if (ordered := order.find(line)) is not None:
                responses = line.get("responses", ())
                units_ = (
                    order.units(ordered, two["quantity"]) if two.get("quantity") else order.ordered(ordered)
                    for two in responses
                    if is_accepted(two.get("code"))
                )
                found[id(ordered)] = total(units_)
    return found


def agreed(case: Case, number_: str, order: Order) -> dict[int, Decimal]:
    """Prices of our last acknowledgments, by ``id`` of the order's lines."""
    found: dict[int, Decimal] = {}
    for one in past(case, number_, *ANSWERS):
        for line in one.document.get("lines", ()):
            offered, ordered = price(line), order.find(line)
            if ordered is not None and offered is not None:
                found[id(ordered)] = offered
    return found


def before(case: Case, number_: str, kind: str) -> list[Node]:
    """The documents of a type about an order that count beside the case: the last of each number, none
    cancelled.
    """
    name = _ITS_OWN[kind]
    mine = case.document.get(name) if case.document["document_type"] == kind else None
    last = {one.document.get(name): one.document for one in past(case, number_, kind)}
    return [one for own, one in last.items() if own != mine and one.get("purpose") not in _CANCELS]


def shipped(case: Case, number_: str, order: Order) -> dict[int, Decimal]:
    """Units shipped before, by ``id`` of the order's lines."""
    found: dict[int, Decimal] = {}
    for notice in before(case, number_, "ship_notice"):
        for ordered, count in items_of(notice, number_, order):
            found[id(ordered)] = EXACT.add(found.get(id(ordered), ZERO), count)
    return found


def items_of(notice: Node, number_: str, order: Order) -> Iterator[tuple[Node, Decimal]]:
    """Lines of an order with the units a ship notice has of them, once for each item level."""
    for level in levels(notice):
        ordered = order.find(level.node) if level.kind == "item" and level.order == number_ else None
        if ordered is not None:
            yield ordered, order.units(ordered, level.node.get("quantity"))


def invoiced(case: Case, number_: str, order: Order) -> dict[int, Decimal]:
    """Units invoiced before, by ``id`` of the order's lines."""
    found: dict[int, Decimal] = {}
    for one in before(case, number_, "invoice"):
        if is_credit(one):
            continue
        for line in one.get("lines", ()):
            ordered = order.find(line) if invoice_order(one, line) == number_ else None
            if ordered is not None:
                count = order.units(ordered, line.get("quantity"))
                found[id(ordered)] = EXACT.add(found.get(id(ordered), ZERO), count)
    return found


def is_credit(invoice: Node) -> bool:
    """Whether an invoice gives money back."""
    return invoice.get("kind") in ("credit_note", "credit_invoice", "CR", "CN")


def invoice_order(invoice: Node, line: Node) -> str | None:
    """The number of the order of an invoice line."""
    found = line.get("po_number") or invoice.get("po_number")
    return None if found is None else str(found)


def price(line: Node) -> Decimal | None:
    """The unit price of a line."""
    return number((line.get("unit_price") or {}).get("amount"))


def currency(document: Node, line: Node) -> str | None:
    """The currency of a line's price."""
    found = (line.get("unit_price") or {}).get("currency") or document.get("currency")
    return None if found is None else str(found)


def named(line: Node, place: int) -> str:
    """A line in words."""
    return f"line {line.get('line_no') or place + 1}"
