from __future__ import annotations

from copy import deepcopy
from typing import Any

from gateway import engine
from gateway.sp_api import read_body, write_body
from tests.acceptance.test_both_channels import NOTICES, carton, item, notice

LIBRARY = engine.library()
Json = dict[str, Any]


def sent(document: Json) -> Json:
    written = write_body(document, LIBRARY)
    assert written.may_be_sent, written.problems
    (body,) = written.body["shipmentConfirmations"]
    found: Json = body
    return found


def read(body: Json) -> Json:
    (document,) = read_body("shipment_confirmation", body, LIBRARY).documents
    return document


def order(number: str, **levels: Any) -> Json:
    return {"po_number": number, **levels}


def test_an_sscc_of_18_digits_gets_the_zeros_of_its_identifier() -> None:
    document = notice(
        orders=[order("8WL5Q2ZX", cartons=[{"sscc": "106141410000000011", "items": [item("1", "5")]}])]
    )
    (box,) = sent(document)["cartons"]
    assert box["cartonIdentifiers"] == [
        {"containerIdentificationType": "SSCC", "containerIdentificationNumber": "00106141410000000011"}
    ]


def test_lines_of_the_same_number_get_numbers_of_their_own() -> None:
    first, second = item("1", "5"), item("1", "7") | {"ids": {"asin": "B0OTHER"}}
    document = notice(
        orders=[
            order("8WL5Q2ZX", cartons=[carton(1, items=[first])]),
            order("8WL5Q2ZY", cartons=[carton(2, items=[second])]),
        ]
    )
    written = write_body(document, LIBRARY)
    assert written.may_be_sent
    assert [one.code for one in written.problems] == ["BODY-NUMBER"]
    (body,) = written.body["shipmentConfirmations"]
    numbers = [one["itemSequenceNumber"] for one in body["shippedItems"]]
    assert numbers == ["1", "2"]
    assert [one["items"][0]["itemReference"] for one in body["cartons"]] == numbers


def test_one_product_for_two_orders_is_one_item_with_its_order_in_the_cartons() -> None:
    document = notice(
        orders=[
            order("8WL5Q2ZX", cartons=[carton(1, items=[item("1", "5")])]),
            order("8WL5Q2ZY", cartons=[carton(2, items=[item("1", "7")])]),
        ]
    )
    body = sent(document)
    (shipped,) = body["shippedItems"]
    assert shipped["shippedQuantity"]["amount"] == 12
    assert "itemDetails" not in shipped
    assert [one["items"][0]["itemDetails"]["purchaseOrderNumber"] for one in body["cartons"]] == [
        "8WL5Q2ZX", "8WL5Q2ZY",
    ]  # fmt: skip
    assert read(body)["orders"][1]["po_number"] == "8WL5Q2ZY"


def test_the_same_without_cartons_are_two_items() -> None:
    document = notice(
        orders=[order("8WL5Q2ZX", items=[item("1", "5")]), order("8WL5Q2ZY", items=[item("1", "7")])]
    )
    body = sent(document)
    assert [one["itemDetails"]["purchaseOrderNumber"] for one in body["shippedItems"]] == [
        "8WL5Q2ZX",
        "8WL5Q2ZY",
    ]
    assert "shipmentStructure" not in body


def test_an_order_of_the_whole_shipment_is_that_of_each_item() -> None:
    document = notice(po_number="8WL5Q2ZX", cartons=[carton(1, items=[item("1", "5")])])
    (shipped,) = sent(document)["shippedItems"]
    assert shipped["itemDetails"] == {"purchaseOrderNumber": "8WL5Q2ZX"}


def test_a_carton_under_two_orders_is_one_carton() -> None:
    document = notice(
        orders=[
            order("8WL5Q2ZX", cartons=[carton(1, items=[item("1", "5")])]),
            order("8WL5Q2ZY", cartons=[carton(1, items=[item("2", "7")])]),
        ]
    )
    (box,) = sent(document)["cartons"]
    assert [one["itemReference"] for one in box["items"]] == ["1", "2"]


def test_pallets_name_their_cartons() -> None:
    boxes = [carton(1, items=[item("1", "5")]), carton(2, items=[item("2", "7")])]
    document = notice(
        orders=[order("8WL5Q2ZX", pallets=[{"sscc": "00106141410000000011", "cartons": boxes}])]
    )
    body = sent(document)
    assert [one["cartonSequenceNumber"] for one in body["cartons"]] == ["1", "2"]
    assert body["pallets"][0]["cartonReferenceDetails"] == {
        "cartonCount": 2,
        "cartonReferenceNumbers": ["1", "2"],
    }
    assert body["shipmentStructure"] == "PalletizedAssortmentCase"


def test_unequal_cartons_of_an_item_say_each_what_is_in_them() -> None:
    whole = item("1", "24") | {
        "cartons": [
            carton(1, quantity={"value": "20", "uom": "EA"}), carton(2, quantity={"value": "4", "uom": "EA"}),
        ]
    }  # fmt: skip
    body = sent(notice(orders=[order("8WL5Q2ZX", items=[whole])]))
    assert [one["items"][0]["shippedQuantity"]["amount"] for one in body["cartons"]] == [20, 4]
    assert body["shippedItems"][0]["shippedQuantity"]["amount"] == 24
    cartons = read(body)["orders"][0]["items"][0]["cartons"]
    assert [one["quantity"]["value"] for one in cartons] == ["20", "4"]


def test_a_quantity_that_cannot_be_shared_by_the_cartons_is_refused() -> None:
    whole = item("1", "25") | {"cartons": [carton(1), carton(2)]}
    written = write_body(notice(orders=[order("8WL5Q2ZX", items=[whole])]), LIBRARY)
    assert {one.code for one in written.problems if one.is_error} >= {"BODY-VALUE"}


def test_cases_and_pieces_of_an_item_are_added_in_pieces() -> None:
    cases = item("1", "2") | {"quantity": {"value": "2", "uom": "CA", "pack_size": 12}}
    document = notice(
        orders=[order("8WL5Q2ZX", cartons=[carton(1, items=[cases]), carton(2, items=[item("1", "5")])])]
    )
    assert sent(document)["shippedItems"][0]["shippedQuantity"] == {"amount": 29, "unitOfMeasure": "Eaches"}


# --- reading ----------------------------------------------------------------------------------------------


def body_of(structure: str) -> Json:
    return deepcopy(sent(NOTICES[structure]))


def test_more_packed_than_shipped_is_told() -> None:
    body = body_of("LooseAssortmentCase")
    body["shippedItems"][0]["shippedQuantity"]["amount"] = 1
    found = read_body("shipment_confirmation", body, LIBRARY)
    (told,) = found.problems
    assert told.code == "BODY-QUANTITY"
    assert "1 units are shipped, but 5 are in cartons" in told.message


def test_what_is_not_packed_stands_below_the_order() -> None:
    body = body_of("MasterCase")
    body["shippedItems"][0]["shippedQuantity"]["amount"] = 30
    (loose,) = read(body)["orders"]
    assert loose["items"][0]["quantity"] == {"value": "6", "uom": "EA"}
    assert sent(read(body)) == body


def test_references_are_found_in_spite_of_blanks() -> None:
    body = body_of("PalletizedStandardCase")
    body["cartons"][0]["cartonSequenceNumber"] = " 1"
    assert len(read(body)["orders"][0]["pallets"]) == 1


def test_another_structure_than_the_lists_have_is_kept() -> None:
    body = body_of("PalletOfItems") | {"shipmentStructure": "LooseAssortmentCase"}
    assert read(body)["structure"] == "order_carton_item"
    assert sent(read(body)) == body
    del body["shipmentStructure"]
    assert sent(read(body)) == body


def test_containers_without_content_are_not_lost() -> None:
    body = body_of("PalletOfItems")
    empty = {
        "palletIdentifiers": [
            {"containerIdentificationType": "AMZNCC", "containerIdentificationNumber": "AMZ7"}
        ]
    }
    body["pallets"].append(empty)
    assert read(body)["pallets"] == [{"marks": [{"type": "AMZNCC", "value": "AMZ7"}]}]
    assert sent(read(body)) == body
