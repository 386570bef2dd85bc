"""What stands on the label of a carton or pallet: values read from a ship notice, for any layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.documents.validation import explain
from gateway.errors import DocumentError, Fault, Level, Location, Problem, Severity
from gateway.labels.units import Unit, units
from gateway.partners.gs1 import is_right, postal, sscc

_IDS = {
    "asin": "ASIN",
    "upc": "UPC",
    "ean": "EAN",
    "gtin14": "GTIN",
    "vendor_sku": "SKU",
    "buyer_item": "ITEM",
}
_MAX_LINES = 7


@dataclass(frozen=True, slots=True)
class Content:
    """One kind of item in a unit; ``ids`` with their names, ``quantity`` with its unit of measure."""

    ids: dict[str, str]
    description: str
    quantity: str
    po_number: str
    lot: str
    expiry: str


@dataclass(frozen=True, slots=True)
class Label:
    """One label.

    Attributes:
        sscc: 18 digits. kind: ``carton`` or ``pallet``, which is ``number`` of ``count`` of its kind.
        ship_from, ship_to: names and addresses in lines. place: what the partner calls the ship-to.
        postal: element string of its postal code, or empty. carriage: by whom and by which numbers it goes.
        orders: purchase orders.
    """

    sscc: str
    kind: str
    number: int
    count: int
    shipment: str
    ship_from: tuple[str, ...]
    ship_to: tuple[str, ...]
    place: str
    postal: str
    carriage: tuple[tuple[str, str], ...]
    orders: tuple[str, ...]
    contents: tuple[Content, ...]

    @property
    def is_mixed(self) -> bool:
        """Whether there are different items in it."""
        return len({tuple(one.ids.items()) for one in self.contents}) > 1

    def said(self, name: str) -> str:
        """The different values of a field of the contents, such as lots."""
        return ", ".join(dict.fromkeys(filter(None, (getattr(one, name) for one in self.contents))))


def labels(notice: dict[str, Any], company: str = "") -> list[Label]:
    """The labels of the pallets and cartons that have an SSCC, pallets first, in the order of the notice.

    Args:
        company: who ships, where the notice does not say it.

    Raises:
        DocumentError: it has none, or says not where the shipment goes; ``problems`` tells all.
    """
    try:
        wrong = explain(notice)
    except RecursionError:
        raise DocumentError("The levels of the ship notice are nested too deeply.") from None
    if wrong:
        raise DocumentError("The ship notice is no such document.", problems=wrong)
    places: dict[str, dict[str, list[Unit]]] = {"pallet": {}, "carton": {}}
    problems = []
    for unit in units(notice):
        number = sscc(unit.node.get("sscc"))
        if number and is_right(number):
            places[unit.kind].setdefault(number, []).append(unit)
        elif "sscc" in unit.node:
            value = str(unit.node["sscc"])
            words = f"{value!r} is no SSCC: 18 digits (20 with 00 before them), the last of which checks."
            problems.append(_problem(words, f"{unit.pointer}/sscc", value))
    parties = {one.get("role"): one for one in _dicts(notice.get("parties"))}
    ship_to = parties.get("ship_to", {})
    lines, address = _lines(ship_to), ship_to.get("address") or {}
    if not lines:
        problems.append(_problem("The notice has no party `ship_to` with name and address.", "/parties"))
    if not any(places.values()) and not problems:
        problems.append(_problem("No carton or pallet of the notice has an SSCC.", ""))
    if problems:
        raise DocumentError("No label can be printed.", problems=tuple(problems))
    code, country = str(address.get("postal_code") or ""), str(address.get("country") or "")
    same: dict[str, Any] = {"shipment": str(notice.get("shipment_id") or ""), "postal": postal(code, country)}
    same |= {"ship_to": lines, "place": str(ship_to.get("id") or "")}
    same["ship_from"] = _lines(parties.get("ship_from") or parties.get("seller") or {"name": company})
    return [
        Label(
            sscc=number, kind=kind, number=place, count=len(numbers), **same, **_own(notice, numbers[number])
        )
        for kind, numbers in places.items()
        for place, number in enumerate(numbers, 1)
    ]


def _own(notice: dict[str, Any], places: list[Unit]) -> dict[str, Any]:
    """What only the labels of this unit say."""
    carrier, contents = notice.get("carrier") or {}, tuple(_contents(notice, places))
    name = " ".join(filter(None, (carrier.get("scac"), carrier.get("name"))))
    carriage = {"Carrier": name, "PRO": carrier.get("pro"), "BOL": notice.get("bill_of_lading")}
    carriage["Tracking"] = places[0].node.get("tracking")
    orders = [one.po_number for one in contents] or [_order(notice, one) for one in places]
    return {
        "carriage": tuple((name, str(value)) for name, value in carriage.items() if value),
        "contents": contents,
        "orders": tuple(dict.fromkeys(filter(None, orders))),
    }


def _contents(notice: dict[str, Any], places: list[Unit]) -> Iterator[Content]:
    """What is in a unit: items below it, or the item that it is packages of."""
    for unit in places:
        item = unit.around("items")
        if unit.kind == "carton" and item:
            yield _content(item, _share(item, unit.node), _order(notice, unit))
        yield from _items(unit.node, _order(notice, unit))


def _items(node: dict[str, Any], order: str, depth: int = 0) -> Iterator[Content]:
    for one in _dicts(node.get("items")):
        yield _content(one, one.get("quantity"), str(one.get("po_number") or order))
    for name in ("orders", "pallets", "cartons", "levels") if depth < 9 else ():
        for one in _dicts(node.get(name)):
            yield from _items(one, str(one.get("po_number") or order), depth + 1)


def _content(item: dict[str, Any], quantity: Any, order: str) -> Content:
    ids = {_IDS[name]: str(value) for name, value in (item.get("ids") or {}).items() if name in _IDS}
    said = quantity if isinstance(quantity, dict) else {}
    many = f"{said.get('value', '')} {said.get('uom', '')}".strip()
    size = f" of {said['pack_size']}" if said.get("uom") == "CA" and said.get("pack_size") else ""
    texts = [str(item.get(name) or "") for name in ("description", "lot", "expiry")]
    return Content(ids, texts[0], many + size, order, texts[1], texts[2][:10])


def _share(item: dict[str, Any], carton: dict[str, Any]) -> Any:
    """What a carton below an item holds of it: as it says, or else an equal part."""
    whole, cartons = item.get("quantity"), [*_dicts(item.get("cartons"))]
    if carton.get("quantity") or not isinstance(whole, dict):
        return carton.get("quantity")
    try:
        part = Decimal(str(whole.get("value"))) / len(cartons)
        return {"value": f"{part:f}", "uom": whole.get("uom", "")} if part == int(part) else None
    except InvalidOperation:
        return None


def _order(notice: dict[str, Any], unit: Unit) -> str:
    around = [*reversed(unit.above), unit.node]
    return str(next((one["po_number"] for one in [unit.node, *around, notice] if one.get("po_number")), ""))


def _lines(party: dict[str, Any]) -> tuple[str, ...]:
    address = party.get("address") or {}
    town = " ".join(filter(None, (address.get(name) for name in ("city", "state", "postal_code"))))
    lines = [party.get("name"), *(party.get("additional_names") or ()), *(address.get("lines") or ()), town]
    return tuple(str(one) for one in [*lines, address.get("country")] if one)[:_MAX_LINES]


def _dicts(value: object) -> Iterable[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _problem(words: str, pointer: str, value: str | None = None) -> Problem:
    hint = "Correct the ship notice, or let the gateway give SSCCs (`labels.sscc: fill`)."
    return Problem(
        "DOC-LABEL", Severity.ERROR, Level.TRANSACTION_SET, words, hint, value, Location(pointer=pointer),
        fault=Fault.US,
    )  # fmt: skip
