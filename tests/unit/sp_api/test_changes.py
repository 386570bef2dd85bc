from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from gateway import engine
from gateway.sp_api import differences, read_body
from tests.acceptance.test_both_channels import API_ORDER

LIBRARY = engine.library()


def order(change: Any = None) -> dict[str, Any]:
    body = deepcopy(API_ORDER)
    if change:
        change(body["orderDetails"])
    (document,) = read_body("order", body, LIBRARY).documents
    return document


CHANGES: dict[str, tuple[Any, tuple[str, Any, Any, str]]] = {
    "quantity": (
        lambda of: of["items"][0]["orderedQuantity"].update(amount=20),
        ("/lines/0/quantity", {"value": "24", "uom": "EA"}, {"value": "20", "uom": "EA"}, "1"),
    ),
    "cancelled_line": (
        lambda of: of["items"][0]["orderedQuantity"].update(amount=0),
        ("/lines/0/quantity", {"value": "24", "uom": "EA"}, {"value": "0", "uom": "EA"}, "1"),
    ),
    "cost": (
        lambda of: of["items"][0]["netCost"].update(amount="11"),
        (
            "/lines/0/unit_price", {"amount": "12.5", "currency": "USD"},
            {"amount": "11", "currency": "USD"}, "1",
        ),
    ),
    "fulfilment_centre": (
        lambda of: of["shipToParty"].update(partyId="LAX9"), ("/parties/2/id", "PHX6", "LAX9", ""),
    ),
    "delivery_window": (
        lambda of: of.update(deliveryWindow="2026-03-09T00:00:00Z--2026-03-10T00:00:00Z"),
        (
            "/delivery_window", {"start": "2026-03-02", "end": "2026-03-06T17:00"},
            {"start": "2026-03-09", "end": "2026-03-10"}, "",
        ),
    ),
    "ship_window": (
        lambda of: of.update(shipWindow="2026-03-09T00:00:00Z--2026-03-10T00:00:00Z"),
        ("/ship_window", None, {"start": "2026-03-09", "end": "2026-03-10"}, ""),
    ),
    "type": (lambda of: of.update(purchaseOrderType="RushOrder"), ("/po_type", "regular", "rush", "")),
    "freight": (
        lambda of: of["importDetails"].update(methodOfPayment="CollectOnDelivery"),
        ("/freight", {"method": "paid_by_buyer"}, {"method": "collect"}, ""),
    ),
    "item": (
        lambda of: of["items"][1].update(amazonProductIdentifier="B0FICTION9"),
        ("/lines/1/ids", {"asin": "B0FICTION2"}, {"asin": "B0FICTION9"}, "2"),
    ),
    "backorder": (
        lambda of: of["items"][1].update(isBackOrderAllowed=False),
        ("/lines/1/backorder_allowed", True, False, "2"),
    ),
    "deal": (lambda of: of.update(dealCode="FALL26"), ("/deal_code", "SPRING26", "FALL26", "")),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_each_change_has_its_name(kind: str) -> None:
    change, expected = CHANGES[kind]
    (found,) = differences(order(), order(change))
    assert (found.kind, (found.pointer, found.before, found.after, found.line)) == (kind, expected)


def test_lines_that_come_and_go() -> None:
    def change(of: Any) -> None:
        (removed, kept) = of["items"]
        of["items"] = [kept, removed | {"itemSequenceNumber": "3"}]

    found = differences(order(), order(change))
    assert [(one.kind, one.pointer, one.line) for one in found] == [
        ("removed_line", "/lines/0", "1"),
        ("new_line", "/lines/1", "3"),
    ]


def test_the_order_of_lines_and_the_form_of_numbers_are_no_change() -> None:
    def change(of: Any) -> None:
        of["items"].reverse()
        of["items"][1]["netCost"]["amount"] = "12.50"

    assert differences(order(), order(change)) == []


def test_that_it_was_acknowledged_is_no_change() -> None:
    after = order() | {"state": "acknowledged", "state_changed_at": "2026-02-20"}
    assert differences(order(), after) == []


def test_any_other_field_is_told_by_its_place() -> None:
    after = order() | {"customer_ref": "FC-1"}
    after["parties"][0]["name"] = "Amazon"
    found = differences(order(), after)
    assert [(one.kind, one.pointer) for one in found] == [("party", "/parties/0"), ("other", "/customer_ref")]
