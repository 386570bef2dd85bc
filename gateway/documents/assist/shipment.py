"""The notice of a shipment, by its packing list."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gateway.documents.assist.lists import Row, number, text, told, wrong_date
from gateway.documents.assist.story import Json, Line, Made, Story, heading, lines_of, parties_of
from gateway.errors import Problem

STRUCTURES = {
    "order_carton_item": ("orders", "pallets", "cartons", "items"),
    "order_item_carton": ("orders", "pallets", "items", "cartons"),
    "carton_order_item": ("pallets", "cartons", "orders", "items"),
    "order_item": ("orders", "pallets", "items"),
}
"""Levels of a ship notice from above."""

PACKING = (
    *("order", "line", "sku", "quantity", "uom", "carton", "pallet"),
    *("lot", "expiry", "made_on", "tracking"),
)
HEAD = (
    *("shipment_id", "ship_date", "estimated_delivery", "structure", "scac", "pro", "bill_of_lading"),
    *("arn", "trailer", "seal", "mode", "weight", "weight_uom"),
)
"""Columns of a packing list, and what one in JSON may say of the whole shipment."""

_SSCC = r"(00)?\d{18}"


def ship(
    stories: Sequence[Story],
    rows: Sequence[Row],
    head: Mapping[str, str],
    *,
    now: str,
    parties: Sequence[Json] = (),
    over: bool = False,
) -> Made:
    """The notice of a shipment by its packing list.

    Args:
        rows: of :data:`PACKING`. head: what :data:`HEAD` names. parties: of ours.
        over: whether more may be shipped than was confirmed.
    """
    wrong: list[Problem] = []
    orders = [one.order for one in stories]
    lines = [line for story in stories for line in lines_of(story, wrong)]
    packed = [(row, *known) for row in rows if (known := _packed(row, lines, wrong)) is not None]
    for one in lines:
        total = sum((value for _, line, value in packed if line is one), Decimal(0))
        if total > one.open and not over:
            what = f"{text(total)} are packed, and {text(max(one.open, Decimal(0)))} may still be shipped"
            wrong.append(told("MADE-OVER", f"{one.called}: {what}", text(total)))
    by = {name: defaultdict[str, set[str]](set) for name in ("carton", "pallet")}
    for row, line, _ in packed:
        for name, spans in by.items():
            if value := row.values.get(name):
                spans[value].add(line.po)
    mixed = any(len(one) > 1 for spans in by.values() for one in spans.values())
    chosen = "carton_order_item" if mixed else "order_carton_item" if by["carton"] else "order_item"
    structure = head.get("structure") or chosen
    if structure not in STRUCTURES:
        named = ", ".join(STRUCTURES)
        what = f"There is no structure {structure!r}; known: {named}"
        wrong.append(told("MADE-CONTAINER", what, structure))
        structure = chosen
    tree = _tree(packed, STRUCTURES[structure], {str(one["po_number"]): one for one in orders}, wrong)
    places = {json.dumps(parties_of(one, (), ["ship_to"])) for one in orders}
    if len(places) > 1:
        wrong.append(told("MADE-LINE", "The orders go to different places; make a notice for each"))
    if not head.get("ship_date"):
        wrong.append(told("MADE-DATE", "It is not said when the shipment leaves"))
    size: Json = {f"{name}s": len(spans) for name, spans in by.items() if spans}
    if "weight" in head:
        weight = {"value": head["weight"], "uom": head.get("weight_uom", "LB")}
        size |= {"weight_type": "gross", "weight": weight}
    made = heading("ship_notice", orders) | {"created_at": now, "structure": structure}
    own = ("structure", "scac", "pro", "weight", "weight_uom")
    made |= {name: one for name, one in head.items() if one and name not in own}
    carrier = {name: head[name] for name in ("scac", "pro") if head.get(name)}
    made |= {name: one for name, one in (("carrier", carrier), ("measurements", size)) if one}
    if found := parties_of(orders[0], parties, ("seller", "ship_from", "ship_to")):
        made["parties"] = found
    return Made(made | tree, tuple(wrong))


def _packed(row: Row, lines: list[Line], wrong: list[Problem]) -> tuple[Line, Decimal] | None:
    """The line and quantity of a row."""
    before, said = len(wrong), row.values
    much = number(row, "quantity", wrong)
    wrong += wrong_date(row, "expiry", "made_on")
    wrong += (
        row.wrong(name, f"the check digit of the SSCC {said[name]} is wrong", "MADE-CONTAINER")
        for name in ("carton", "pallet")
        if re.fullmatch(_SSCC, said.get(name, "")) and not _is_sscc(said[name])
    )
    order, line, sku = (said.get(name, "") for name in ("order", "line", "sku"))
    found = [
        one
        for one in lines
        if order in ("", one.po) and line in ("", one.number) and (not sku or sku in one.names)
    ]
    if not (line or sku):
        wrong.append(row.wrong("sku", "neither line nor sku is there"))
    elif len(found) != 1:
        asked = " ".join(f"{name} {said[name]}" for name in ("order", "line", "sku") if name in said)
        what = "several lines" if found else "no open line of the orders"
        wrong.append(row.wrong("sku" if sku else "line", f"{asked} is {what}", "MADE-LINE"))
    elif much:
        uom = {"uom": said["uom"]} if "uom" in said else {}
        value = found[0].counted({"value": said["quantity"], **uom})
        if value is None:
            what = f"the order does not count in {said['uom']}, or it is no whole number of its unit"
            wrong.append(row.wrong("uom", what, "MADE-LINE"))
        elif len(wrong) == before:
            return found[0], value
    return None


def _is_sscc(code: str) -> bool:
    digits = [int(one) for one in code[-18:]]
    return sum(digit * (3, 1)[place % 2] for place, digit in enumerate(digits)) % 10 == 0


def _tree(
    packed: Iterable[tuple[Row, Line, Decimal]],
    levels: Sequence[str],
    orders: Mapping[str, Json],
    wrong: list[Problem],
) -> Json:
    """The levels of a shipment."""
    root: Json = {}
    nodes: dict[tuple[Any, ...], Json] = {(): root}
    homes: dict[tuple[str, str], tuple[Any, ...]] = {}
    for row, line, much in packed:
        said = row.values
        details: Json = {name: said[name] for name in ("lot", "expiry", "made_on") if name in said}
        keys = {"orders": line.po, "pallets": said.get("pallet"), "cartons": said.get("carton")}
        keys["items"] = f"{line.po} {line.number} {sorted(details.items())}"
        way: tuple[Any, ...] = ()
        for name, key in ((name, keys[name]) for name in levels if keys[name]):
            above, way = nodes[way], (*way, (name, key))
            if name in ("pallets", "cartons") and homes.setdefault((name, str(key)), way) != way:
                what = f"it is at another place too; in this structure a {name[:-1]} is in one only"
                wrong.append(row.wrong(name[:-1], what, "MADE-CONTAINER"))
            if way not in nodes:
                nodes[way] = _level(name, str(key), line, details, orders)
                above.setdefault(name, []).append(nodes[way])
            node = nodes[way]
            if name == "items" or levels[-1] == name == "cartons":
                before = Decimal(node.get("quantity", {}).get("value", "0"))
                node["quantity"] = line.quantity(before + much)
            parcel = said.get("tracking") if name == "cartons" else None
            if parcel and node.setdefault("tracking", parcel) != parcel:
                wrong.append(row.wrong("tracking", "the carton has another tracking number above"))
        if missing := [name for name in ("cartons", "pallets") if name not in levels and keys[name]]:
            wrong.append(row.wrong(missing[0][:-1], "this structure has no such level", "MADE-CONTAINER"))
        elif levels[-1] == "cartons" and not keys["cartons"]:
            wrong.append(row.wrong("carton", "this structure needs one", "MADE-CONTAINER"))
    return root


def _level(name: str, key: str, line: Line, details: Json, orders: Mapping[str, Json]) -> Json:
    if name == "orders":
        day = orders[line.po].get("ordered_at")
        return {"po_number": line.po} | ({"po_date": day} if day else {})
    if name == "items":
        return line.copied | details
    return {"sscc": f"00{key[-18:]}"} if re.fullmatch(_SSCC, key) else {}
