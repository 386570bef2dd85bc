"""What is in what: a ship notice is a tree, a shipment confirmation lists items, cartons and pallets beside each other.

In the body items say how much of them is shipped, cartons and pallets name items by their number, and pallets name
cartons by theirs. Details such as the order or the lot stand with the item, or with what is in a container where that
differs. :func:`tree` makes the levels of it in the order of the shipment's structure, :func:`lists` the reverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

from gateway.errors import Problem
from gateway.mapping.body import decode, encode
from gateway.mapping.problems import mapping_problem

Json = dict[str, Any]

STRUCTURES = {
    "LooseAssortmentCase": ("order_carton_item", ("orders", "cartons", "items")),
    "PalletizedAssortmentCase": ("order_carton_item", ("orders", "pallets", "cartons", "items")),
    "LooseStandardCase": ("order_item_carton", ("orders", "items", "cartons")),
    "PalletizedStandardCase": ("order_item_carton", ("orders", "pallets", "items", "cartons")),
    "MasterCase": ("carton_order_item", ("cartons", "orders", "items")),
    "MasterPallet": ("carton_order_item", ("pallets", "orders", "items")),
    "PalletOfItems": ("order_item", ("orders", "pallets", "items")),
}
"""By the structure's name in the API: its name in documents, and its levels from above."""

LISTS = ("orders", "pallets", "cartons", "items")
_USUAL = ("orders", "pallets", "cartons", "items")
_OWN = ("line_no", "ids", "quantity")
_NUMBER, _CARTONS = "/cartonSequenceNumber", "/cartonReferenceDetails"
_STRUCTURE, _DETAILS, _SIZE = "/shipmentStructure", "/itemDetails", "/shippedQuantity/unitSize"


def tree(flat: Json) -> tuple[Json, list[Problem]]:
    """The ship notice of the lists, and warnings where these contradict each other."""
    notice = dict(flat)
    items, cartons, pallets = (deepcopy(notice.pop(name, [])) for name in ("items", "cartons", "pallets"))
    name = notice.pop("structure", "")
    known, levels = STRUCTURES.get(name, ("", _USUAL))
    pallet_of = {
        number.strip(): index
        for index, pallet in enumerate(pallets)
        for number in (_take(pallet, _CARTONS) or {}).get("cartonReferenceNumbers", ())
        if isinstance(number, str)
    }
    rows: list[tuple[int | None, int | None, Json]] = []
    for index, carton in enumerate(cartons):
        number = str(_kept(carton, _NUMBER) or "").strip()
        rows += [(pallet_of.get(number), index, one) for one in carton.pop("items", ())]
    for index, pallet in enumerate(pallets):
        rows += [(index, None, one) for one in pallet.pop("items", ())]
    packed = [(pallet, carton, _merged(items, one)) for pallet, carton, one in rows]
    problems = []
    for index, item in enumerate(items):
        own = [one["quantity"] for _, _, one in packed if one.get("line_no") == item.get("line_no")]
        rest = units(item.get("quantity")) - sum(map(units, own))
        if not own:
            packed.append((None, None, item))
        elif rest > 0:
            size = units({**item["quantity"], "value": "1"})
            packed.append((None, None, item | {"quantity": item["quantity"] | {"value": _text(rest / size)}}))
        elif rest < 0:
            words = {"total": _text(units(item.get("quantity"))), "packed": _text(sum(map(units, own)))}
            place = f"/shippedItems/{index}/shippedQuantity"
            problems.append(mapping_problem("BODY-QUANTITY", place, value=item.get("line_no"), **words))
    nodes: dict[Any, Json] = {(): notice}
    for pallet_index, carton_index, row in packed:
        _put(nodes, _way(levels, row, pallet_index, pallets, carton_index, cartons), row)
    for item in (node for key, node in nodes.items() if key and key[-1][0] == "items"):
        _gather(item)
    for list_name, containers, position in (("pallets", pallets, 0), ("cartons", cartons, 1)):
        used = {one[position] for one in packed}
        empty = [one for index, one in enumerate(containers) if index not in used]
        if empty:
            notice.setdefault(list_name, []).extend(empty)
    if known:
        notice["structure"] = known
    if _shape(notice) != name:
        entry = {"value": encode(name)} if name else {"absent": True}
        notice["extensions"] = [*notice.get("extensions", []), {"address": _STRUCTURE} | entry]
    return notice, problems


def _merged(items: list[Json], packed: Json) -> Json:
    """What is in a container, with what the item it refers to says."""
    found = next((one for one in items if one.get("line_no") == packed.get("line_no")), {})
    merged = deepcopy(found) | packed
    own = {one.get("address") for one in packed.get("extensions", ())}
    kept = [one for one in found.get("extensions", ()) if one.get("address") not in own]
    return _with_extensions(merged, [*kept, *packed.get("extensions", ())])


def _way(
    levels: tuple[str, ...], row: Json, pallet: int | None, pallets: list[Json], carton: int | None,
    cartons: list[Json],
) -> list[tuple[str, Any, Json]]:  # fmt: skip
    """The levels that hold a row, from above: list, what tells them apart, and the object."""
    there: dict[str, tuple[Any, Json]] = {}
    if order := row.pop("po_number", None):
        there["orders"] = (order, {"po_number": order})
    if pallet is not None:
        there["pallets"] = (pallet, pallets[pallet])
    if carton is not None:
        there["cartons"] = (carton, cartons[carton])
    is_last = levels[-1] == "items"
    apart = {name: value for name, value in row.items() if name != "quantity"}
    there["items"] = (id(row) if is_last else encode(apart), row)
    missing = [name for name in LISTS if name in there and name not in levels]
    order_of = [*levels]
    for name in missing:  # a container that the structure does not have stands below its order
        order_of.insert(order_of.index("orders") + 1 if "orders" in order_of else 0, name)
    return [(name, *there[name]) for name in order_of if name in there]


def _put(nodes: dict[Any, Json], way: list[tuple[str, Any, Json]], row: Json) -> None:
    """Puts a row into the tree, making the levels above it that are not there yet."""
    key: tuple[Any, ...] = ()
    for name, apart, made in way:
        above, key = nodes[key], (*key, (name, apart))
        if key not in nodes:
            nodes[key] = made if made is row else deepcopy(made)
            above.setdefault(name, []).append(nodes[key])
        if name == "items" and way[-1][0] == "cartons":
            nodes[key].setdefault("_shares", []).append(row["quantity"])


def _gather(item: Json) -> None:
    """An item in equal cartons states all of it, and how much a carton holds."""
    shares = item.pop("_shares", None)
    if not shares:
        return
    first = shares[0]
    item["quantity"] = first | {"value": _text(sum(Decimal(one["value"]) for one in shares))}
    if any(one != first for one in shares):
        for carton, share in zip(item["cartons"], shares, strict=True):
            carton["quantity"] = share
    elif first.get("uom") == "EA" and Decimal(first["value"]) == int(Decimal(first["value"])):
        if "pack_size" in first:
            entry = {"address": _SIZE, "value": encode(first["pack_size"])}
            item["extensions"] = [*item.get("extensions", []), entry]
        item["quantity"]["pack_size"] = int(Decimal(first["value"]))


def lists(notice: Json) -> tuple[Json, dict[str, str], list[Problem]]:
    """The lists of a ship notice, and where in it each of their objects stands.

    Items get numbers that are theirs alone, and SSCCs their 20 digits, in the notice as well.
    """
    flat = {name: value for name, value in notice.items() if name not in (*LISTS, "structure")}
    walk = _Walk()
    walk.level(notice, "", {"po_number": notice.get("po_number")})
    flat.pop("po_number", None)
    structure = _take(flat, _STRUCTURE)
    absent = [one for one in flat.get("extensions", ()) if one.get("address") == _STRUCTURE]
    if structure or not absent:
        flat |= {"structure": structure} if structure else {"structure": name} if (name := _shape(notice)) else {}
    problems = walk.numbered()
    flat |= {name: found for name in ("items", "cartons", "pallets") if (found := walk.listed(name))}
    return flat, walk.places, problems


class _Walk:
    """Collects what stands in a tree.

    Attributes:
        rows: carton, pallet, item without its details, details, its object in the tree.
        places: by JSON pointer of the lists, that of the tree.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, Json, Json, Json]] = []
        self.containers: dict[str, dict[str, Json]] = {"pallets": {}, "cartons": {}}
        self.holds: dict[str, list[str]] = {}
        self.places: dict[str, str] = {}
        self.at: dict[int, str] = {}

    def level(self, node: Json, place: str, around: Json) -> None:
        for name in LISTS:
            for index, one in enumerate(node.get(name) or ()):
                if isinstance(one, dict):
                    self._one(name, one, f"{place}/{name}/{index}", around)

    def _one(self, name: str, node: Json, place: str, around: Json) -> None:
        inside = around | ({"po_number": node["po_number"]} if node.get("po_number") else {})
        if name in self.containers:
            inside[name] = self._container(name, node, place)
            if name == "cartons" and inside.get("pallets"):
                held = self.holds.setdefault(inside["pallets"], [])
                held += [inside[name]] if inside[name] not in held else []
        elif name == "items":
            cartons = [one for one in node.get("cartons") or () if isinstance(one, dict)]
            for index, carton in enumerate(cartons):
                at = f"{place}/cartons/{index}"
                key = self._container("cartons", carton, at)
                held = self.holds.setdefault(str(inside.get("pallets") or ""), [])
                held += [key] if key not in held else []
                self._row(node, place, inside | {"cartons": key}, _share(node, carton, len(cartons)))
            if not cartons:
                self._row(node, place, inside, node.get("quantity"))
            return
        self.level(node, place, inside)

    def _container(self, name: str, node: Json, place: str) -> str:
        """What tells a container apart; it is one, wherever in the tree it stands again."""
        if str(node.get("sscc", "")).isdigit() and len(node["sscc"]) == 18:
            node["sscc"] = f"00{node['sscc']}"
        number = _kept(node, _NUMBER)
        own = node.get("sscc") or number or (node.get("marks") and encode(node["marks"])) or place
        key = str(own)
        found = {one: value for one, value in node.items() if one not in (*LISTS, "quantity")}
        self.containers[name].setdefault(key, deepcopy(found))
        self.at.setdefault(id(self.containers[name][key]), place)
        return key

    def _row(self, node: Json, place: str, around: Json, quantity: Any) -> None:
        details = {one: value for one, value in node.items() if one not in (*_OWN, *LISTS, "po_number")}
        kept = details.pop("extensions", [])
        own = [one for one in kept if not str(one.get("address", "")).startswith(_DETAILS)]
        details = _with_extensions(details, [one for one in kept if one not in own])
        if around.get("po_number"):
            details = {"po_number": around["po_number"]} | details
        item = {name: node[name] for name in ("line_no", "ids") if name in node}
        size = next((one for one in own if one.get("address") == _SIZE), None)
        if isinstance(quantity, dict):
            rest = {name: value for name, value in quantity.items() if size is None or name != "pack_size"}
            item["quantity"] = rest | ({"pack_size": decode(size["value"])} if size else {})
        sized = _with_extensions(item, [one for one in own if one is not size])
        self.rows.append(
            (around.get("cartons") or "", around.get("pallets") or "", sized, details, node)
        )
        self.at[id(sized)] = place

    def numbered(self) -> list[Problem]:
        """Gives each item a number of its own."""
        numbers: dict[str, str] = {}
        problems = []
        taken = {str(item.get("line_no")) for _, _, item, _, _ in self.rows}
        for carton, pallet, item, details, node in self.rows:
            apart = [item.get("line_no"), item.get("ids"), None if carton or pallet else details]
            key = encode(apart)
            if key not in numbers:
                number = str(item.get("line_no") or "")
                if not number or number in numbers.values():
                    number = next(str(n) for n in range(1, len(taken) + 2) if str(n) not in taken)
                    told = mapping_problem(
                        "BODY-NUMBER", f"{self.at[id(item)]}/line_no", value=item.get("line_no"), number=number
                    )
                    problems += [told] if item.get("line_no") else []
                taken.add(number)
                numbers[key] = number
            item["line_no"] = node["line_no"] = numbers[key]
        return problems

    def listed(self, name: str) -> list[Json]:
        """The list of that name."""
        if name == "items":
            return list(self._shipped())
        found = []
        for index, (key, container) in enumerate(self.containers[name].items()):
            inside = [
                self._packed(item, details, f"/{name}/{index}/items/{number}")
                for number, (item, details) in enumerate(
                    (row[2], row[3]) for row in self.rows if self._holder(row) == (name, key)
                )
            ]
            if name == "cartons":
                _keep(container, _NUMBER, self._number(key))
            elif held := self.holds.get(key):
                numbers = [str(self._number(one)).strip() for one in held]
                _keep(container, _CARTONS, {"cartonCount": len(numbers), "cartonReferenceNumbers": numbers})
            self.places[f"/{name}/{index}"] = self.at[id(container)]
            found.append(container | ({"items": inside} if inside else {}))
        return found

    def _holder(self, row: tuple[str, str, Json, Json, Json]) -> tuple[str, str]:
        return ("cartons", row[0]) if row[0] else ("pallets", row[1])

    def _number(self, key: str) -> str:
        """The number of a carton; a running one where it has none."""
        kept = [_kept(one, _NUMBER) for one in self.containers["cartons"].values()]
        used = {str(one).strip() for one in kept if one}
        free = (str(n) for n in range(1, 2 * len(kept) + 1) if str(n) not in used)
        numbers = {one: number or next(free) for one, number in zip(self.containers["cartons"], kept)}
        return str(numbers[key])

    def _packed(self, item: Json, details: Json, place: str) -> Json:
        self.places[place] = self.at[id(item)]
        found = {name: item[name] for name in ("line_no", "quantity") if name in item}
        same = [other for _, _, one, other, _ in self.rows if one["line_no"] == item["line_no"]]
        return found | (details if any(one != details for one in same) else {})

    def _shipped(self) -> Iterator[Json]:
        lines = dict.fromkeys(item["line_no"] for _, _, item, _, _ in self.rows)
        for index, number in enumerate(lines):
            rows = [(item, details) for _, _, item, details, _ in self.rows if item["line_no"] == number]
            item, details = rows[0]
            quantities = [one["quantity"] for one, _ in rows if "quantity" in one]
            whole = dict(item)
            if quantities:
                units_of = [{**one, "value": None} for one in quantities]
                if all(one == units_of[0] for one in units_of):
                    whole["quantity"] = quantities[0] | {
                        "value": _text(sum(Decimal(one["value"]) for one in quantities))
                    }
                else:
                    whole["quantity"] = {"value": _text(sum(map(units, quantities))), "uom": "EA"}
            kept = [*whole.pop("extensions", [])]
            if all(one == details for _, one in rows):
                kept += details.get("extensions", [])
                whole |= details
            self.places[f"/items/{index}"] = self.at[id(item)]
            yield _with_extensions(whole, kept)


def _share(item: Json, carton: Json, count: int) -> Any:
    """What one of the cartons below an item holds of it."""
    whole = item.get("quantity")
    if carton.get("quantity") or not isinstance(whole, dict):
        return carton.get("quantity")
    value, size = Decimal(whole.get("value", "0")), whole.get("pack_size")
    if whole.get("uom") == "EA" and size and size * count == value:
        return {"value": str(size), "uom": "EA"}
    return whole | {"value": _text(value / count)}


def _shape(notice: Json) -> str:
    """The structure that the levels of a tree have, by its longest known way down; empty if it has none."""
    found: set[tuple[str, ...]] = set()

    def look(node: Json, way: tuple[str, ...]) -> None:
        found.add(way)
        for name in LISTS:
            for one in node.get(name) or ():
                if isinstance(one, dict) and name not in way:
                    look(one, (*way, name))

    look(notice, ())
    fits = [name for name, (_, levels) in STRUCTURES.items() if levels in found]
    return max(fits, key=lambda name: len(STRUCTURES[name][1]), default="")


def units(quantity: Any) -> Decimal:
    """A quantity in single units; that of cases by what a case holds."""
    if not isinstance(quantity, dict):
        return Decimal(0)
    size = quantity.get("pack_size") if quantity.get("uom") == "CA" else 1
    return Decimal(quantity.get("value") or 0) * (size or 1)


def _text(number: Decimal | int) -> str:
    whole = Decimal(number)
    return format(whole.quantize(1) if whole == whole.to_integral_value() else whole, "f")


def _kept(node: Json, address: str) -> Any:
    """What the extensions keep at an address; None where there is nothing."""
    for entry in node.get("extensions", ()):
        if isinstance(entry, dict) and entry.get("address") == address and "value" in entry:
            return decode(entry["value"])
    return None


def _take(node: Json, address: str) -> Any:
    found = _kept(node, address)
    if found is not None:
        entries = [one for one in node["extensions"] if one.get("address") != address]
        del node["extensions"]
        node |= {"extensions": entries} if entries else {}
    return found


def _keep(node: Json, address: str, value: Any) -> None:
    _take(node, address)
    node["extensions"] = [*node.get("extensions", []), {"address": address, "value": encode(value)}]


def _with_extensions(node: Json, entries: list[Json]) -> Json:
    rest = {name: value for name, value in node.items() if name != "extensions"}
    return rest | ({"extensions": entries} if entries else {})
