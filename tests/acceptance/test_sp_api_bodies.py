"""Every worked payload of the SP-API becomes documents, and these become the payload again."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from gateway import engine
from gateway.documents.validation import explain
from gateway.mapping.body import decode
from gateway.mapping.writer import differences
from gateway.sp_api import KINDS, packing, read_body, write_body
from tests import payloads
from tests.bodies import Draft, ship_notice

LIBRARY = engine.library()

REPAIRED = {
    ("/purchaseOrderNumber", " L8266355", "L8266355"),
    ("/purchaseOrderNumber", " L8266357", "L8266357"),
    (
        "/acknowledgements/0/items/0/itemAcknowledgements/0/rejectionReason",
        " ObsoleteProduct",
        "ObsoleteProduct",
    ),
}
"""What is written better than it came; whole numbers that came as text are not listed."""

REFUSED = {
    5: {"IN"},  # no currency
    18: {"GS"},  # a code of X12
    20: {"string"},  # filled by a program
    21: {"Vendor Country"},
}
"""By payload the values that Amazon itself would not take, so that they are not sent."""


def inner(kind: str, value: Any) -> Any:
    """A body without what stands around it in an answer."""
    for name in KINDS[kind].around:
        value = value.get(name, value) if isinstance(value, dict) else value
    return value[0] if isinstance(value, list) else value


@payloads.needed
@pytest.mark.parametrize(("kind", "number"), payloads.EACH)
def test_a_payload_comes_back(kind: str, number: int) -> None:
    body = decode(payloads.payload(number))
    found = read_body(kind, body, LIBRARY)
    (document,) = found.documents
    assert explain(document) == ()
    assert {one.severity for one in found.problems} <= {"warning"}
    assert all(one.location.pointer and one.hint and one.fault == "partner" for one in found.problems)

    written = write_body(json.loads(json.dumps(document)), LIBRARY, kind=kind)
    given, came = inner(kind, body), inner(kind, written.body)
    assert written.operation == KINDS[kind].operation
    changed = {
        (place, before, after)
        for place, before, after in differences(given, came)
        if not (isinstance(after, int) and before == str(after))
    }
    assert {one[1:] for one in changed} <= {one[1:] for one in REPAIRED}
    # What Amazon's model refuses is held back, and nothing else.
    assert {one.value for one in written.problems if one.is_error} == REFUSED.get(number, set())
    assert written.may_be_sent is (number not in REFUSED)
    if written.operation:
        refused = payloads.faults(written.operation, written.body)
        assert not refused or number in REFUSED


@payloads.needed
@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.operation])
@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_what_is_sent_is_right_by_amazons_models(kind: str, share: float) -> None:
    for seed in range(25):
        (document,) = read_body(kind, Draft(Random(seed), share).body(kind), LIBRARY).documents
        written = write_body(document, LIBRARY, kind=kind)
        assert payloads.faults(written.operation, written.body) == []


@payloads.needed
@pytest.mark.parametrize("structure", packing.STRUCTURES)
def test_a_shipment_of_every_structure_is_right_by_amazons_models(structure: str) -> None:
    for seed in range(10):
        written = write_body(ship_notice(structure, Random(seed)), LIBRARY)
        assert payloads.faults(written.operation, written.body) == []


@payloads.needed
def test_the_forms_know_every_member_of_amazons_models() -> None:
    """What Amazon adds is seen here; a form may demand more, but knows no member that Amazon does not."""
    names = {
        "orders/Order": ("vendorOrders", "Order"),
        "orders/OrderAcknowledgement": ("vendorOrders", "OrderAcknowledgement"),
        "orders/OrderStatus": ("vendorOrders", "OrderStatus"),
        "shipments/ShipmentConfirmation": ("vendorShipments", "ShipmentConfirmation"),
        "shipments/Shipment": ("vendorShipments", "Shipment"),
        "payments/Invoice": ("vendorInvoices", "Invoice"),
        "payments/Transaction": ("vendorTransactionStatus", "Transaction"),
        "payments/SettledInvoice": ("financesInvoices_2026-06-25", "GetInvoiceResponse"),
    }
    guides = {LIBRARY.body(kind).rules.guide.removeprefix("sp_api/"): LIBRARY.body(kind) for kind in KINDS}
    assert guides.keys() == names.keys()
    for guide, (file, name) in names.items():
        forms, definitions = guides[guide].forms, payloads.model(file)["definitions"]
        pairs, seen = [(guides[guide].root, definitions[name])], set()
        for ours, theirs in pairs:
            properties = theirs.get("properties", {})
            assert forms.objects[ours].keys() == properties.keys(), ours
            required = set(theirs.get("required", ()))
            assert required <= {key for key, member in forms.objects[ours].items() if member.required}, ours
            for key, member in forms.objects[ours].items():
                stated = resolved(properties[key], definitions)
                is_list = stated.get("type") == "array"
                assert member.is_list is is_list, (ours, key)
                stated = resolved(stated["items"], definitions) if is_list else stated
                if member.kind == "enum":
                    assert set(member.spec.split()[1:]) == set(stated["enum"]), (ours, key)
                elif member.of and member.of not in seen:
                    seen.add(member.of)
                    pairs.append((member.of, stated))


def resolved(node: Any, definitions: Any) -> Any:
    while "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    return node
