"""What stands on a label, read from ship notices of every structure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.errors import DocumentError
from gateway.labels.label import labels
from tests.labels import NAMELESS, address, item, notice, sscc


def test_pallets_come_first_and_each_kind_is_counted() -> None:
    found = labels(notice())
    told = [(one.kind, one.number, one.count, f"00{one.sscc}") for one in found]
    assert told == [("pallet", 1, 1, sscc(1)), ("carton", 1, 2, sscc(2)), ("carton", 2, 2, sscc(3))]


def test_a_label_says_who_ships_what_to_whom() -> None:
    label = labels(notice())[2]
    assert label.ship_from == ("EXAMPLE SUPPLIER LLC", "8000 NORTH VIRGINIA STREET", "TACOMA WA 98421", "US")
    assert label.ship_to == (
        "ACME RETAIL FULFILMENT RNO4",
        "8000 NORTH VIRGINIA STREET",
        "RENO NV 89506",
        "US",
    )
    assert (label.place, label.postal, label.shipment) == ("RNO4", "42089506", "SHIP0042")
    known = {"Carrier": "ABFS ABF FREIGHT", "PRO": "402118834", "BOL": "ES00000077"}
    assert dict(label.carriage) == known
    assert label.orders == ("7KX2M41Q",)
    (one,) = label.contents
    assert one.ids == {"ASIN": "B0C1KETTL3", "SKU": "EX-KT-13"}
    assert (one.quantity, one.lot, one.expiry) == ("12 EA", "L26-118", "2026-09-30")
    assert labels(notice(parties=[address()]), "Example Supplier")[0].ship_from == ("Example Supplier",)


def test_a_pallet_holds_what_its_cartons_hold() -> None:
    pallet, mixed, single = labels(notice())
    assert [len(one.contents) for one in (pallet, mixed, single)] == [3, 2, 1]
    assert [one.is_mixed for one in (pallet, mixed, single)] == [True, True, False]


def carton(number: int, **more: Any) -> dict[str, Any]:
    return {"sscc": sscc(number), **more}


def test_cartons_below_an_item_hold_what_they_say_or_equal_parts() -> None:
    equal = item(cartons=[carton(1), carton(2), carton(3)])
    told = item("2", cartons=[carton(4, quantity={"value": "7", "uom": "EA"})])
    uneven = item("3", quantity={"value": "13", "uom": "EA"}, cartons=[carton(5), carton(6)])
    found = labels(notice(orders=[{"po_number": "PO1", "items": [equal, told, uneven]}]))
    assert [one.contents[0].quantity for one in found] == ["4 EA"] * 3 + ["7 EA", "", ""]
    assert {one.orders for one in found} == {("PO1",)}


def test_a_carton_of_two_orders_is_one_carton() -> None:
    orders = [{"po_number": f"PO{n}", "cartons": [carton(1, items=[item(str(n))])]} for n in (1, 2)]
    (found,) = labels(notice(orders=orders))
    assert (found.count, found.orders, found.is_mixed) == (1, ("PO1", "PO2"), True)


def test_orders_may_stand_below_cartons() -> None:
    orders = [{"po_number": f"PO{n}", "items": [item(str(n))]} for n in (1, 2)]
    (found,) = labels(notice(orders=[{"cartons": [carton(1, orders=orders)]}]))
    assert found.orders == ("PO1", "PO2")


def test_cases_say_how_many_they_hold() -> None:
    cases = {"value": "2", "uom": "CA", "pack_size": 12}
    (found,) = labels(
        notice(orders=[{"po_number": "PO1", "cartons": [carton(1, items=[item(quantity=cases)])]}])
    )
    assert found.contents[0].quantity == "2 CA of 12"


@pytest.mark.parametrize(
    ("changes", "words", "pointer"),
    [
        ({"parties": [NAMELESS]}, "no party `ship_to`", "/parties"),
        (
            {"orders": [{"cartons": [{"items": [item()]}]}]},
            "No carton or pallet of the notice has an SSCC",
            "",
        ),
        ({"orders": [{"cartons": [{"sscc": "auto"}]}]}, "'auto' is no SSCC", "/orders/0/cartons/0/sscc"),
        (
            {"orders": [{"cartons": [carton(1), {"sscc": "106141410000000018"}]}]},
            "is no SSCC",
            "/orders/0/cartons/1/sscc",
        ),
    ],
)
def test_what_is_missing_is_told(changes: dict[str, Any], words: str, pointer: str) -> None:
    with pytest.raises(DocumentError) as refused:
        labels(notice(**changes))
    (found,) = refused.value.problems
    assert (found.code, found.location.pointer) == ("DOC-LABEL", pointer)
    assert words in found.message


def test_levels_without_end_are_not_followed() -> None:
    deep: dict[str, Any] = carton(1)
    for _ in range(3000):
        deep = {"levels": [deep]}
    with pytest.raises(DocumentError):
        labels(notice(orders=[deep]))


WRONG: tuple[Any, ...] = (None, 1, "x", [], {}, [1], ["x"], [[]], {"a": 1}, [None], "")


def test_what_is_no_ship_notice_is_told_and_nothing_crashes() -> None:
    def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            yield (*path, key)
            yield from places(node[key], (*path, key))

    refused = 0
    for path in places(notice()):
        for wrong in WRONG:
            made = target = notice()
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = wrong
            try:
                labels(made)
            except DocumentError as error:
                refused += bool(error.problems)
    assert refused > 500
