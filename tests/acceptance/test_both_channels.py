"""The same documents go by the API and by X12: whichever way, they say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import engine
from gateway.mapping.writer import body as body_of
from gateway.sp_api import read_body, write_body
from tests.acceptance.test_golden import envelope

LIBRARY = engine.library()
Json = dict[str, Any]

X12_ORDER = b"""\
ISA*00*          *00*          *ZZ*AMAZON         *ZZ*ACMESUPPLY     *260218*0930*U*00401*000000101*0*P*>~
GS*PO*AMAZON*ACMESUPPLY*20260218*0930*101*X*004010~
ST*850*0001~
BEG*00*NE*8WL5Q2ZX**20260218~
CUR*BY*USD~
REF*PD*SPRING26~
FOB*BP~
DTM*064*20260302~
DTM*063*20260306*1700~
N1*BY**92*AMAZ1~
N1*SE**92*ACME1~
N1*ST*Phoenix*92*PHX6~
N3*4750 Harbor Way*Dock 4~
N4*Phoenix*AZ*85043*US~
PO1*1*24*EA*12.5**BP*B0FICTION1*VN*ACME-100~
CTP**LPR*29.99~
CSH*N~
PO1*2*6*CA*7.25**BP*B0FICTION2~
PO4*12~
CSH*Y~
CTT*2~
SE*20*0001~
GE*1*101~
IEA*1*000000101~
"""

API_ORDER: Json = {
    "purchaseOrderNumber": "8WL5Q2ZX",
    "purchaseOrderState": "New",
    "orderDetails": {
        "purchaseOrderDate": "2026-02-18T00:00:00Z",
        "purchaseOrderStateChangedDate": "2026-02-18T09:12:44Z",
        "purchaseOrderType": "RegularOrder",
        "dealCode": "SPRING26",
        "importDetails": {"methodOfPayment": "PaidByBuyer"},
        "buyingParty": {"partyId": "AMAZ1"},
        "sellingParty": {"partyId": "ACME1"},
        "shipToParty": {
            "partyId": "PHX6",
            "address": {
                "name": "Phoenix",
                "addressLine1": "4750 Harbor Way",
                "addressLine2": "Dock 4",
                "city": "Phoenix",
                "stateOrRegion": "AZ",
                "postalCode": "85043",
                "countryCode": "US",
            },
        },
        "deliveryWindow": "2026-03-02T00:00:00Z--2026-03-06T17:00:00Z",
        "items": [
            {
                "itemSequenceNumber": "1",
                "amazonProductIdentifier": "B0FICTION1",
                "vendorProductIdentifier": "ACME-100",
                "orderedQuantity": {"amount": 24, "unitOfMeasure": "Eaches"},
                "isBackOrderAllowed": False,
                "netCost": {"amount": "12.5", "currencyCode": "USD"},
                "listPrice": {"amount": "29.99", "currencyCode": "USD"},
            },
            {
                "itemSequenceNumber": "2",
                "amazonProductIdentifier": "B0FICTION2",
                "orderedQuantity": {"amount": 6, "unitOfMeasure": "Cases", "unitSize": 12},
                "isBackOrderAllowed": True,
                "netCost": {"amount": "7.25", "currencyCode": "USD"},
            },
        ],
    },
}

OF_THE_CHANNEL = {"currency_party", "totals", "state", "state_changed_at", "line_count", "extensions"}
"""Whose currency it is and what was counted stand in X12 only, the state of an order in the API only."""


def plain(document: Any) -> Any:
    """A document without what only its channel says."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(one) for key, one in value.items() if key not in OF_THE_CHANNEL}
        return [*map(bare, value)] if isinstance(value, list) else value

    return bare(body_of(document))


def by_x12(document: Json) -> Json:
    interchange = engine.write(document | {"control": {}}, envelope=envelope(document))
    (found,) = engine.translate(interchange)
    again: Json = json.loads(json.dumps(found))
    return again


def by_api(document: Json, kind: str) -> Json:
    written = write_body(document, LIBRARY, kind=kind)
    assert written.may_be_sent, written.problems
    (found,) = read_body(kind, written.body, LIBRARY).documents
    return found


def test_an_order_is_the_same_document_by_both_channels() -> None:
    (by_edi,) = engine.translate(X12_ORDER)
    found = read_body("order", {"payload": {"orders": [API_ORDER]}}, LIBRARY)
    assert found.problems == []
    (by_call,) = found.documents
    assert plain(by_call) == plain(json.loads(json.dumps(by_edi)))
    assert by_call["state"] == "new"


ACKNOWLEDGMENT: Json = {
    "document_type": "purchase_order_acknowledgment",
    "schema_version": "1",
    "po_number": "8WL5Q2ZX",
    "purpose": "original",
    "ack_type": "changed",
    "acknowledged_at": "2026-02-19",
    "currency": "USD",
    "currency_party": "buyer",
    "parties": [{"role": "seller", "id_scheme": "buyer_assigned", "id": "ACME1"}],
    "lines": [
        {
            "line_no": "1",
            "ids": {"asin": "B0FICTION1"},
            "quantity_ordered": {"value": "24", "uom": "EA"},
            "unit_price": {"amount": "12.5", "currency": "USD"},
            "responses": [
                {"code": "accepted", "quantity": {"value": "18", "uom": "EA"}, "ship_date": "2026-03-01"},
                {"code": "backordered", "quantity": {"value": "6", "uom": "EA"}, "ship_date": "2026-03-09"},
            ],
        }
    ],
}
INVOICE: Json = {
    "document_type": "invoice",
    "schema_version": "1",
    "invoice_number": "INV-1001",
    "kind": "credit_note",
    "invoice_date": "2026-03-03",
    "po_number": "8WL5Q2ZX",
    "currency": "USD",
    "currency_party": "seller",
    "parties": [
        {"role": "remit_to", "id_scheme": "buyer_assigned", "id": "ACME1"},
        {
            "role": "bill_to",
            "id_scheme": "buyer_assigned",
            "id": "AMAZONUS",
            "name": "Amazon",
            "address": {"lines": ["410 Terry Ave"], "city": "Seattle", "state": "WA", "country": "US"},
        },
    ],
    "terms": {"type": "basic", "discount_pct": "2", "discount_days": 10, "net_days": 60},
    "lines": [
        {
            "line_no": "1",
            "ids": {"asin": "B0FICTION1", "vendor_sku": "ACME-100"},
            "po_number": "8WL5Q2ZX",
            "quantity": {"value": "24", "uom": "EA"},
            "unit_price": {"amount": "12.5", "currency": "USD"},
            "credit": {"original_invoice": "INV-0990", "rma": "RMA-31", "return_date": "2026-03-01"},
            "taxes": [{"type": "gst", "rate": "5", "amount": "15.00"}],
            "allowances": [{"type": "defective", "amount": "3.00", "description": "Broken"}],
            "charges": [{"type": "freight", "amount": "12.00"}],
        }
    ],
    "charges": [{"type": "freight", "amount": "12.00"}],
    "taxes": [{"type": "gst", "rate": "5", "amount": "15.00", "taxable": "300.00"}],
    "total": {"amount": "324.00", "currency": "USD"},
}


def notice(**levels: Any) -> Json:
    return {
        "document_type": "ship_notice",
        "schema_version": "1",
        "shipment_id": "SHIP0042",
        "purpose": "original",
        "created_at": "2026-03-02T16:30",
        "mode": "ltl",
        "carrier": {"scac": "ABFS", "pro": "402-118834"},
        "bill_of_lading": "06141411234567890",
        "arn": "8812345678",
        "ship_date": "2026-03-02T17:00",
        "estimated_delivery": "2026-03-05",
        "parties": [
            {"role": role, "id_scheme": "buyer_assigned", "id": name}
            for role, name in (("seller", "ACME1"), ("ship_from", "ACMEW"), ("ship_to", "PHX6"))
        ],
        **levels,
    }


def item(number: str, value: str, **more: Any) -> Json:
    return {
        "line_no": number,
        "ids": {"asin": f"B0FICTION{number}"},
        "quantity": {"value": value, "uom": "EA"},
    } | more


def carton(serial: int, **more: Any) -> Json:
    return {"sscc": f"0000614141000000{serial:04}", **more}


NOTICES = {
    "LooseAssortmentCase": notice(
        structure="order_carton_item",
        orders=[
            {
                "po_number": "8WL5Q2ZX",
                "cartons": [carton(1, tracking="1Z1", items=[item("1", "5"), item("2", "3")])],
            },
            {
                "po_number": "8WL5Q2ZY",
                "cartons": [carton(2, items=[item("3", "2", lot="L1", expiry="2027-09-30")])],
            },
        ],
    ),
    "PalletizedStandardCase": notice(
        structure="order_item_carton",
        orders=[
            {
                "po_number": "8WL5Q2ZX",
                "pallets": [
                    {
                        "sscc": "00106141410000000011",
                        "tier": 2,
                        "block": 1,
                        "items": [
                            item(
                                "1",
                                "24",
                                quantity={"value": "24", "uom": "EA", "pack_size": 12},
                                cartons=[carton(1), carton(2)],
                            )
                        ],
                    }
                ],
            }
        ],
    ),
    "MasterCase": notice(
        structure="carton_order_item",
        cartons=[carton(1, orders=[{"po_number": "8WL5Q2ZX", "items": [item("1", "24")]}])],
    ),
    "PalletOfItems": notice(
        structure="order_item",
        orders=[
            {
                "po_number": "8WL5Q2ZX",
                "pallets": [{"sscc": "00106141410000000011", "items": [item("1", "24"), item("2", "6")]}],
            }
        ],
    ),
}


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("acknowledgement", ACKNOWLEDGMENT),
        ("invoice", INVOICE),
        *(("shipment_confirmation", one) for one in NOTICES.values()),
    ],
    ids=["855", "810", *NOTICES],
)
def test_a_document_says_the_same_by_both_channels(kind: str, document: Json) -> None:
    edi, call = by_x12(document), by_api(document, kind)
    assert plain(call) == plain(edi) == plain(document)


@pytest.mark.parametrize("structure", NOTICES)
def test_the_api_is_told_the_structure_of_the_tree(structure: str) -> None:
    (sent,) = write_body(NOTICES[structure], LIBRARY).body["shipmentConfirmations"]
    assert sent["shipmentStructure"] == structure
