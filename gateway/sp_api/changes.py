"""What changed in an order: Amazon changes orders after their acknowledgment, and wants the changed one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.mapping.writer import body
from gateway.mapping.writer import differences as differing

Json = Mapping[str, Any]

_FIELDS = {
    "po_type": "type", "delivery_window": "delivery_window", "ship_window": "ship_window",
    "freight": "freight", "currency": "currency", "payment_method": "payment", "terms": "payment",
    "deal_code": "deal",
}  # fmt: skip
_LINE_FIELDS = {
    "quantity": "quantity", "unit_price": "cost", "list_price": "list_price", "ids": "item",
    "backorder_allowed": "backorder",
}  # fmt: skip
_SAID = ("state", "changed_at", "state_changed_at", "totals", "extensions", "purpose")
"""Fields that say of the order what else has changed, or only that something has."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two forms of an order.

    Attributes:
        kind: ``quantity``, ``cancelled_line``, ``new_line``, ``removed_line``, ``cost``, ``list_price``,
            ``item``, ``backorder``, ``fulfilment_centre``, ``party``, ``delivery_window``, ``ship_window``,
            ``type``, ``freight``, ``currency``, ``payment``, ``deal``; ``other`` for any other field.
        pointer: JSON pointer into the later order, for what it lacks into the earlier one.
        before, after: the values; None where there is none.
        line: number of the line; empty in the heading.
    """

    kind: str
    pointer: str
    before: Any
    after: Any
    line: str = ""


def differences(before: Json, after: Json) -> list[Change]:
    """The differences between an order and a later form of it, in the order of the document."""
    return list(_heading(body(before), body(after)))


def _heading(before: Json, after: Json) -> Iterator[Change]:
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if name == "parties":
            yield from _parties(one or [], other or [])
        elif name == "lines":
            yield from _lines(one or [], other or [])
        elif name not in _SAID:
            yield from _named(_FIELDS.get(name, ""), f"/{name}", one, other)


def _named(kind: str, place: str, before: Any, after: Any, line: str = "") -> Iterator[Change]:
    if kind:
        if not _same(before, after):
            yield Change(kind, place, before, after, line)
        return
    for pointer, one, other in differing({"": before}, {"": after}):
        if not _same(one, other):
            yield Change("other", place + pointer[1:], one, other, line)


def _parties(before: list[Any], after: list[Any]) -> Iterator[Change]:
    old, new = ({one.get("role"): (index, one) for index, one in enumerate(side)} for side in (before, after))
    for role in {**old, **new}:
        index, _ = new.get(role) or old[role]
        one, other = (side.get(role, (0, {}))[1] for side in (old, new))
        if role == "ship_to" and one.get("id") != other.get("id"):
            yield Change("fulfilment_centre", f"/parties/{index}/id", one.get("id"), other.get("id"))
        elif not _same(_plain(one), _plain(other)):
            yield Change("party", f"/parties/{index}", one or None, other or None)


def _lines(before: list[Any], after: list[Any]) -> Iterator[Change]:
    old, new = (
        {_key(one, index): (index, one) for index, one in enumerate(side)} for side in (before, after)
    )
    for key in {**old, **new}:
        if key not in new:
            index, one = old[key]
            yield Change("removed_line", f"/lines/{index}", one, None, str(one.get("line_no", "")))
            continue
        index, other = new[key]
        line = str(other.get("line_no", ""))
        if key not in old:
            yield Change("new_line", f"/lines/{index}", None, other, line)
            continue
        one = old[key][1]
        for name in {**one, **other}:
            place, kind = f"/lines/{index}/{name}", _LINE_FIELDS.get(name, "")
            if name == "quantity" and _zero(other.get(name)) and not _zero(one.get(name)):
                kind = "cancelled_line"
            if name not in _SAID:
                yield from _named(kind, place, one.get(name), other.get(name), line)


def _key(line: Json, index: int) -> str:
    return str(line.get("line_no") or line.get("ids") or index)


def _plain(value: Any) -> Any:
    """A value without extensions, numbers in one form."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items() if key != "extensions"}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str) and value.strip("-.0123456789") == "" and "." in value:
        return value.rstrip("0").rstrip(".")
    return value


def _same(one: Any, other: Any) -> bool:
    return bool(_plain(one) == _plain(other))


def _zero(quantity: Any) -> bool:
    try:
        return isinstance(quantity, Mapping) and Decimal(quantity.get("value", "")) == 0
    except ArithmeticError:
        return False


_COST = {"cost"}


def change_order(before: Json, after: Json, changes: Sequence[Change]) -> dict[str, Any]:
    """A ``purchase_order_change`` that makes the earlier form of an order the later one.

    Its heading is that of the later form; of lines it has those that change (X12 670).
    """
    said: dict[str, list[Change]] = {}
    for one in changes:
        if one.pointer.startswith("/lines/"):
            said.setdefault(one.line, []).append(one)
    lines = []
    for line, side in ((key, before if _is_gone(told) else after) for key, told in said.items()):
        found = next(one for one in side["lines"] if str(one.get("line_no", "")) == line)
        left = "0" if _is_gone(said[line]) else str(found.get("quantity", {}).get("value", "0"))
        lines.append({**found, "change": _code(said[line]), "left_to_receive": left})
    heading = {name: value for name, value in after.items() if name not in (*_ORDER_ONLY, "lines")}
    gone = [_is_gone(said.get(str(one.get("line_no", "")), [])) for one in after["lines"]]
    heading |= {
        "document_type": "purchase_order_change",
        "purpose": "cancellation" if all(gone) else "change",
    }
    if changed_at := after.get("changed_at"):
        heading["requested_at"] = str(changed_at)[:10]
    return {**heading, "lines": lines} if lines else heading


_ORDER_ONLY = ("state", "changed_at", "state_changed_at", "payment_method")


def _is_gone(changes: Sequence[Change]) -> bool:
    return any(one.kind in ("removed_line", "cancelled_line") for one in changes)


def _code(changes: Sequence[Change]) -> str:
    """What changes in a line, as X12 670 has it."""
    kinds = {one.kind for one in changes}
    if "new_line" in kinds:
        return "add"
    if _is_gone(changes):
        return "delete"
    if kinds == _COST:
        return "price"
    if kinds == _COST | {"quantity"}:
        return "price_and_quantity"
    if kinds == {"quantity"}:
        (one,) = changes
        is_more = Decimal(one.after["value"]) > Decimal(one.before["value"])
        return "quantity_increase" if is_more else "quantity_decrease"
    return "change"


def words(change: Change) -> str:
    """A change as a sentence for people."""
    where = f"line {change.line}: " if change.line else ""
    name = change.kind.replace("_", " ") if change.kind != "other" else change.pointer
    if change.kind in ("new_line", "removed_line"):
        return f"{where}{name}"
    return f"{where}{name} {_short(change.before)} -> {_short(change.after)}"


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(one) for name, one in value.items() if name != "extensions")[:100] or "nothing"
    return "nothing" if value is None else str(value)[:100]
