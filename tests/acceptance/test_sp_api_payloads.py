"""The SP-API's worked payloads and X12 meet in the same documents: what was JSON there leaves as 856 and 810.

The payloads are no part of the project; without them (``EDIGW_SHARED``, or beside the samples) it is skipped.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.validation import explain
from gateway.engine import read, write
from gateway.mapping.writer import body
from gateway.shapes import jsonata
from gateway.shapes.model import Shape
from gateway.x12.envelope import TransactionSet
from tests.acceptance.support import segments
from tests.acceptance.test_golden import envelope
from tests.samples import directory

EXPRESSIONS = Path(__file__).resolve().parents[1] / "data" / "sp_api"
SHARED = os.environ.get("EDIGW_SHARED") or ((samples := directory()) and samples.parent)
PAYLOADS = Path(SHARED or "absent") / "domain" / "sp-api" / "examples"

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the payloads are absent: set EDIGW_SHARED")

RELEASES = ("004010", "005010")


def payload(number: int) -> Any:
    (path,) = PAYLOADS.glob(f"{number:02}-*.json")
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def shape(document_type: str) -> Shape:
    text = (EXPRESSIONS / f"{document_type}.jsonata").read_text(encoding="utf-8")
    return Shape(shape="jsonata", document=document_type, read=text)


def written(
    document_type: str, value: Any, release: str = "004010"
) -> tuple[dict[str, Any], list[list[str]]]:
    """The document of a payload and the elements of its X12 segments, which are right and say the same."""
    (document,) = jsonata.read(shape(document_type), [value])
    assert explain(document) == ()
    document["control"] = {
        "version": release,
        "sender": {"qualifier": "ZZ", "id": "ACMESUPPLY"},
        "receiver": {"qualifier": "ZZ", "id": "AMAZON"},
    }
    interchange = write(document, envelope=envelope(document))
    (found,) = (event for event in read(interchange) if isinstance(event, TransactionSet))
    assert [problem.message for problem in found.problems] == []
    assert found.document is not None
    counted = {"totals": found.document["totals"]} if "totals" in found.document else {}
    counted |= {"line_count": found.document["line_count"]} if "line_count" in found.document else {}
    assert json.loads(json.dumps(body(found.document))) == body(document) | counted
    return document, [line.split("*") for line in segments(interchange)]


def levels(lines: list[list[str]]) -> str:
    return "".join(line[3] for line in lines if line[0] == "HL")


def containers(lines: list[list[str]]) -> list[str]:
    return [line[2] for line in lines if line[:2] == ["MAN", "GM"]]


def numbers_of(shipment: dict[str, Any], kind: str) -> set[str]:
    return {
        one["containerIdentificationNumber"]
        for unit in shipment[f"{kind}s"]
        for one in unit[f"{kind}Identifiers"]
    }


@pytest.mark.parametrize("release", RELEASES)
def test_a_small_parcel_with_lot_and_expiry(release: str) -> None:
    document, lines = written("ship_notice", payload(14), release)
    assert levels(lines) == "SOPIPI"
    assert lines[3][:3] == ["BSN", "00", "00050003"]
    assert lines[3][5] == "0001"
    assert containers(lines) == ["00102234567666698888", "00102234567666698889"]
    assert [line for line in lines if line[0] == "SN1"] == [["SN1", "", "25", "EA"]] * 2
    assert ["REF", "LT", "12345"] in lines
    assert ["DTM", "036", "20191129"] in lines
    assert ["MAN", "CP", "UPS TRACKING NUMBER"] in lines
    assert [order["po_number"] for order in document["orders"]] == ["PO1234BD"]


@pytest.mark.parametrize("release", RELEASES)
def test_pallets_of_cartons_with_items_of_several_orders(release: str) -> None:
    (shipment,) = payload(15)["shipmentConfirmations"]
    document, lines = written("ship_notice", payload(15), release)
    # A carton with items of two orders stands below both of them, with the same SSCC.
    assert levels(lines) == "SOTPIOTPIOTPITPIPIOTPITPIPI"
    assert {order["po_number"] for order in document["orders"]} == {
        item["itemDetails"]["purchaseOrderNumber"]
        for carton in shipment["cartons"]
        for item in carton["items"]
    }
    assert set(containers(lines)) == numbers_of(shipment, "carton") | numbers_of(shipment, "pallet")
    shipped = {
        item["itemSequenceNumber"]: item["shippedQuantity"]["amount"] for item in shipment["shippedItems"]
    }
    found = dict.fromkeys(shipped, 0)
    for line, quantity in pairwise(lines):
        if line[0] == "LIN":
            found[line[1]] += int(quantity[2])
    assert found == shipped


def test_a_pallet_of_equal_cartons() -> None:
    _, lines = written("ship_notice", payload(16))
    assert levels(lines) == "SOTIPPPP"
    assert lines[3][5] == "0002"
    assert ["SN1", "", "100", "EA"] in lines
    assert ["PO4", "25"] in lines
    assert len(set(containers(lines))) == 5


@pytest.mark.parametrize(
    ("structure", "tree", "code"),
    [
        ("LooseAssortmentCase", "SOPIPIPIPI", "0001"),
        ("PalletizedAssortmentCase", "SOTPIPIPIPI", "0001"),
        ("LooseStandardCase", "SOIPPPP", "0002"),
        ("PalletizedStandardCase", "SOTIPPPP", "0002"),
        ("MasterCase", "SPOIPOIPOIPOI", "0003"),
        ("MasterPallet", "STOI", "0003"),
        ("PalletOfItems", "SOTI", "0004"),
    ],
)
def test_one_shipment_in_every_structure(structure: str, tree: str, code: str) -> None:
    value = payload(16)
    value["shipmentConfirmations"][0]["shipmentStructure"] = structure
    _, lines = written("ship_notice", value)
    assert levels(lines) == tree
    assert lines[3][5] == code
    assert sum(int(line[2]) for line in lines if line[0] == "SN1") == 100


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("number", [17, 18, 19, 20, 21])
def test_invoices(number: int, release: str) -> None:
    (invoice,) = payload(number)["invoices"]
    document, lines = written("invoice", payload(number), release)
    (heading,) = [line for line in lines if line[0] == "BIG"]
    assert heading[2] == invoice["id"]
    assert heading[7] == ("CR" if invoice["invoiceType"] == "CreditNote" else "DI")
    assert ["CUR", "SE", invoice["invoiceTotal"]["currencyCode"]] in lines
    (total,) = [line for line in lines if line[0] == "TDS"]
    assert Decimal(total[1]) / 100 == Decimal(invoice["invoiceTotal"]["amount"])
    assert [(line[2], line[4]) for line in lines if line[0] == "IT1"] == [
        (str(item["invoicedQuantity"]["amount"]), item["netCost"]["amount"]) for item in invoice["items"]
    ]
    assert ["CTT", str(len(invoice["items"]))] in lines
    after = lines[lines.index(total) :]
    taxes = [Decimal(tax["taxAmount"]["amount"]) for tax in invoice.get("taxDetails", ())]
    assert [Decimal(line[2]) for line in after if line[0] == "TXI"][: len(taxes)] == taxes
    assert {party["role"] for party in document["parties"]} >= {"bill_to", "remit_to"}


def test_an_invoice_with_charges_adds_up() -> None:
    document, _ = written("invoice", payload(20))
    net = sum(
        Decimal(line["quantity"]["value"]) * Decimal(line["unit_price"]["amount"])
        for line in document["lines"]
    )
    charges = document["charges"]
    taxes = [*document["taxes"], *(tax for charge in charges for tax in charge["taxes"])]
    added = sum(Decimal(one["amount"]) for one in (*charges, *taxes))
    assert net + added == Decimal(document["total"]["amount"])
    assert sum(Decimal(one["amount"]) for line in document["lines"] for one in line["charges"]) == 1200


def test_a_credit_note_says_what_it_credits() -> None:
    document, lines = written("invoice", payload(21))
    assert document["kind"] == "credit_note"
    assert ["REF", "IV", "test-basic-ref"] in lines
    assert ["REF", "RZ", "rma-ref"] in lines
