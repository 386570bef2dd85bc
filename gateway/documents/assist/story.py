"""Orders as they are now, and what was answered, shipped and invoiced of their lines so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gateway.documents.assist.lists import text, told
from gateway.errors import Problem

Json = dict[str, Any]

_REFUSED = ("rejected", "deleted")
_PARTY = ("role", "name", "additional_names", "id_scheme", "id", "address", "references")


@dataclass(frozen=True, slots=True)
class Made:
    """A document, and what is to be said of it; with an error it is not to be sent."""

    document: Json
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """An order as it is now, and what was sent for it, oldest first."""

    order: Json
    acknowledgment: Json = field(default_factory=dict)
    notices: tuple[Json, ...] = ()
    invoices: tuple[Json, ...] = ()


def as_changed(order: Json, changes: Iterable[Json]) -> Json:
    """An order as its changes, oldest first, left it; a line that is deleted has the quantity 0."""
    lines = {str(one.get("line_no", place)): one for place, one in enumerate(order.get("lines", ()), 1)}
    heading = dict(order)
    for change in changes:
        is_end = str(change.get("purpose")).startswith("cancel")
        kept = ("document_type", "po_type", "purpose", "lines", "totals", "extensions")
        heading |= {name: one for name, one in change.items() if name in order and name not in kept}
        given = [*lines.values()] if is_end else change.get("lines", ())
        for place, line in enumerate(given, 1):
            number = str(line.get("line_no", place))
            lines[number] = {**lines.get(number, {}), **line}
            if is_end or line.get("change") == "delete":
                lines[number]["quantity"] = {**lines[number].get("quantity", {}), "value": "0"}
    return heading | {"lines": [*lines.values()]}


@dataclass(slots=True)
class Line:
    """A line of an order. open: what may still be shipped of it. shipped, invoiced: so far."""

    po: str
    number: str
    line: Json
    ordered: Decimal
    open: Decimal
    price: Json
    shipped: Decimal = Decimal(0)
    invoiced: Decimal = Decimal(0)

    @property
    def called(self) -> str:
        return f"Order {self.po}, line {self.number}"

    @property
    def names(self) -> set[str]:
        return {str(one) for one in self.line.get("ids", {}).values()}

    @property
    def copied(self) -> Json:
        """What all documents say of the line; numbers of our own system are left out."""
        ids = {name: one for name, one in self.line.get("ids", {}).items() if name != "erp_sku"}
        return {"line_no": self.number} | ({"ids": ids} if ids else {})

    def quantity(self, value: Decimal) -> Json:
        """A quantity in the unit of the order."""
        return {**self.line.get("quantity", {}), "value": text(value)}

    def counted(self, quantity: Any) -> Decimal | None:
        """A quantity in the unit of the order; None where that cannot be said."""
        own, given = self.line.get("quantity", {}), quantity if isinstance(quantity, dict) else {}
        try:
            value = Decimal(given["value"])
        except (KeyError, ArithmeticError, TypeError):
            return None
        units = (given.get("uom", own.get("uom")), own.get("uom"))
        size = Decimal(given.get("pack_size") or own.get("pack_size") or 0)
        if units == ("CA", "EA") and size:
            return value * size
        if units == ("EA", "CA") and size and not value % size:
            return value / size
        return value if units[0] == units[1] else None


def lines_of(story: Story, wrong: list[Problem]) -> list[Line]:
    """The lines of an order that are open or shipped, with what was done so far."""
    po, found = str(story.order["po_number"]), list[Line]()
    for place, line in enumerate(story.order.get("lines", ()), 1):
        price, number = line.get("unit_price", {}), str(line.get("line_no", place))
        one = Line(po, number, line, Decimal(0), Decimal(0), price)
        ordered = one.counted(line.get("quantity"))
        if ordered is None:
            wrong.append(told("MADE-LINE", f"{one.called}: the order states no quantity"))
        else:
            one.ordered = one.open = ordered
            found.append(one)
    for answer in story.acknowledgment.get("lines", ()):
        if (answered := _meant(found, po, answer, wrong)) and "responses" in answer:
            said = [one for one in answer["responses"] if not str(one.get("code")).startswith(_REFUSED)]
            parts = [answered.counted(one.get("quantity", answer.get("quantity_ordered"))) for one in said]
            answered.open = min(answered.ordered, sum((one or Decimal(0) for one in parts), Decimal(0)))
            answered.price = answer.get("unit_price", answered.price)
    for notice in latest(story.notices, "shipment_id"):
        for one, much in shipped(notice, found, po, wrong):
            one.shipped += much
            one.open -= much
    for bill in latest(story.invoices, "invoice_number"):
        sign = -1 if str(bill.get("kind")).startswith("credit") else 1
        for item in bill.get("lines", ()):
            if item.get("po_number", bill.get("po_number")) == po and (to := _meant(found, po, item, wrong)):
                to.invoiced += sign * _counted(to, item, wrong)
    return [one for one in found if one.ordered or one.shipped]


def latest(documents: Iterable[Json], number: str) -> list[Json]:
    """Of documents of one number the last, without those that it cancels."""
    by = {str(one.get(number)): one for one in documents}
    return [one for one in by.values() if not str(one.get("purpose")).startswith("cancel")]


def _counted(line: Line, item: Json, wrong: list[Problem]) -> Decimal:
    much = line.counted(item.get("quantity"))
    if much is None:
        what = f"an earlier document counts it in {item.get('quantity', {}).get('uom', 'nothing')}"
        wrong.append(told("MADE-LINE", f"{line.called}: {what}"))
    return much or Decimal(0)


def shipped(notice: Json, lines: list[Line], po: str, wrong: list[Problem]) -> Iterator[tuple[Line, Decimal]]:
    """What a ship notice has of the lines of an order."""
    left = [(notice, notice.get("po_number"))]
    for node, about in left:
        for name in ("orders", "pallets", "cartons", "items", "levels"):
            for one in node.get(name, ()):
                order = one.get("po_number", about)
                if name != "items":
                    left.append((one, order))
                elif order == po and (line := _meant(lines, po, one, wrong)):
                    yield line, _counted(line, one, wrong)


def _meant(lines: list[Line], po: str, item: Json, wrong: list[Problem]) -> Line | None:
    """The line that an item of an earlier document is; its numbers count more than that of its line."""
    ids, number = item.get("ids", {}), str(item.get("po_line_no") or item.get("line_no", ""))
    by_item = [one for one in lines if any(one.line.get("ids", {}).get(key) == ids[key] for key in ids)]
    by_number = [one for one in by_item or ([] if ids else lines) if one.number == number]
    found = by_number or by_item
    if len(found) == 1:
        return found[0]
    what = f"line {number} of an earlier document is {'several lines' if found else 'no line'} of it"
    wrong.append(told("MADE-LINE", f"Order {po}: {what}", next(iter(ids.values()), None)))
    return None


def heading(kind: str, orders: Sequence[Json]) -> Json:
    """How all documents begin."""
    test = {"test": True} if any(one.get("test") for one in orders) else {}
    purpose = {} if kind == "invoice" else {"purpose": "original"}
    return {"document_type": kind, "schema_version": "1", **purpose, **test}


def parties_of(order: Json, own: Iterable[Json], roles: Sequence[str]) -> list[Json]:
    """The parties of these roles: as settings say, else as the order does."""
    theirs = [{key: one[key] for key in _PARTY if key in one} for one in order.get("parties", ())]
    by = {one["role"]: one for one in (*theirs[::-1], *own)}
    return [by[role] for role in roles if role in by]
