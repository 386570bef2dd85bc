"""The worked payloads of the vendor API held against the profile of their region: right, or rightly stopped.

What they were made from is not there, so an order is made that asks for exactly what is shipped or invoiced.
The payloads are no part of the project; without them (``EDIGW_SHARED``, or beside the samples) it is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.documents.validation import explain
from gateway.rules.rule import Facts, Past, check
from gateway.rules.story import levels
from gateway.settings import rules_of
from gateway.shapes import jsonata
from tests.acceptance.test_sp_api_payloads import PAYLOADS, payload, shape
from tests.rules import partner

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the payloads are absent: set EDIGW_SHARED")

_INVENTED = "the license plates are made up: their check digits are wrong"
_ONE_UNIT = "the taxes of the lines are those of one unit, 7197.80 in place of 19697.98"
_PLACEHOLDER = "the tax number is a word that stands for one"
RIGHT: dict[int, tuple[str, dict[str, str]]] = {
    2: ("amazon-na", {}),
    5: ("amazon-eu", {}),
    7: ("amazon-na", {}),
    10: ("amazon-na", {}),
    11: ("amazon-na", {}),
    12: ("amazon-na", {}),
    14: ("amazon-eu", {"S7": _INVENTED}),
    15: ("amazon-eu", {"S7": _INVENTED}),
    16: ("amazon-eu", {"S7": _INVENTED}),
    17: ("amazon-na", {}),
    18: (
        "amazon-na",
        {"I5": "the total leaves the tax of 97.50 out", "I6": "the taxes of the lines are 9.00, not 97.50"},
    ),
    19: ("amazon-eu", {"I6": _ONE_UNIT, "I8": _PLACEHOLDER}),
    20: ("amazon-eu", {"I6": _ONE_UNIT, "I8": _PLACEHOLDER}),
    21: (
        "amazon-eu",
        {
            "I5": "the total of 100.00 leaves the tax of 10.00 out",
            "I8": "the partner is called AMAZON, without the country that its published id ends with",
        },
    ),
}
"""By number of the payload: the profile, and the rules that stop it, each with the reason."""

_CODES = {"Accepted": "accepted", "Backordered": "backordered", "Rejected": "rejected"}
_TAXES = {"CG": "CGST", "provincial": "SGST"}
"""The expression of that test writes codes of X12; the profile has the names of the API."""

_REASONS = {"TemporarilyUnavailable": "unavailable", "InvalidProductIdentifier": "invalid_id"}


def quantity(told: dict[str, Any]) -> dict[str, Any]:
    uom = {"Cases": "CA"}.get(told.get("unitOfMeasure", ""), "EA")
    size = {"pack_size": int(told["unitSize"])} if uom == "CA" and "unitSize" in told else {}
    return {"value": str(told["amount"]), "uom": uom, **size}


def acknowledgment(number: int) -> dict[str, Any]:
    """The document of a submitAcknowledgement request."""
    (told,) = payload(number)["acknowledgements"]
    lines = []
    for item in told["items"]:
        ids = {"asin": item["amazonProductIdentifier"].strip(), "vendor_sku": item["vendorProductIdentifier"]}
        ordered = quantity(item["orderedQuantity"])
        responses = []
        for one in item["itemAcknowledgements"]:
            reason = one.get("rejectionReason", "").strip()
            dates = {"ship_date": one["scheduledShipDate"][:10]} if "scheduledShipDate" in one else {}
            why = {"reason": _REASONS.get(reason, "obsolete")} if reason else {}
            given = {"uom": ordered["uom"], "value": quantity(one["acknowledgedQuantity"])["value"]}
            responses.append({"code": _CODES[one["acknowledgementCode"]], "quantity": given, **dates, **why})
        price = {"amount": item["netCost"]["amount"], "currency": item["netCost"]["currencyCode"]}
        known = {"line_no": item["itemSequenceNumber"], "ids": ids, "quantity_ordered": ordered}
        lines.append({**known, "unit_price": price, "responses": responses})
    seller = {"role": "seller", "id_scheme": "buyer_assigned", "id": told["sellingParty"]["partyId"]}
    head = {"document_type": "purchase_order_acknowledgment", "schema_version": "1", "purpose": "original"}
    known = {"po_number": told["purchaseOrderNumber"], "acknowledged_at": told["acknowledgementDate"][:10]}
    return {**head, **known, "ack_type": "accepted", "parties": [seller], "lines": lines}


def document(number: int) -> dict[str, Any]:
    if number < 14:
        return acknowledgment(number)
    (found,) = jsonata.read(shape("ship_notice" if number < 17 else "invoice"), [payload(number)])
    for node in (found, *found.get("lines", ())):
        for tax in node.get("taxes", ()):
            tax["type"] = _TAXES.get(tax["type"], tax["type"])
    return found


def story(told: dict[str, Any], at: datetime) -> Iterator[Past]:
    """An order for what a document is about, and what was sent of it before."""
    items = [(one.order, one.node) for one in levels(told) if one.kind == "item"]
    items += [(told.get("po_number") or line.get("po_number"), line) for line in told.get("lines", ())]
    for number in dict.fromkeys(po for po, _ in items if po):
        by_item: dict[str, dict[str, Any]] = {}
        for po, item in items:
            if po == number:
                kept = {name: item[name] for name in ("line_no", "ids", "unit_price") if name in item}
                told_of = item.get("quantity") or item["quantity_ordered"]
                one = by_item.setdefault(str(item["ids"]), {**kept, "quantity": {**told_of, "value": "0"}})
                one["quantity"]["value"] = str(int(one["quantity"]["value"]) + int(told_of["value"]))
        lines = list(by_item.values())
        head = {"schema_version": "1", "po_number": number, "purpose": "original", "ordered_at": "2019-07-01"}
        parties = [one for one in told.get("parties", ()) if one["role"] == "ship_to"]
        order = {
            **head,
            "document_type": "purchase_order",
            "po_type": "regular",
            "lines": lines,
            "parties": parties,
        }
        yield Past(order, at - timedelta(hours=3))
        if told["document_type"] == "purchase_order_acknowledgment":
            continue
        answers = [
            {**{k: v for k, v in line.items() if k != "quantity"}, "responses": [{"code": "accepted"}]}
            for line in lines
        ]
        yield Past({**head, "document_type": "purchase_order_acknowledgment", "lines": answers}, at)
        if told["document_type"] == "invoice":
            shipped = {"po_number": number, "items": lines}
            yield Past({"document_type": "ship_notice", "shipment_id": "S", "orders": [shipped]}, at)


@pytest.mark.parametrize("number", RIGHT)
def test_a_payload_is_right_or_rightly_stopped(number: int) -> None:
    told = document(number)
    assert explain(told) == ()
    days = [str(told.get(one) or "")[:10] for one in ("acknowledged_at", "ship_date", "invoice_date")]
    now = datetime.fromisoformat(max(days)).replace(hour=23, tzinfo=UTC)
    profile, reasons = RIGHT[number]
    wrong: list[Any] = []
    applied = rules_of(None, partner(profile, I13={"confirmed": True}), wrong)
    assert wrong == []
    found = check(told, Facts(tuple(story(told, now))), now, applied)
    assert {one.code.removeprefix("RULE-") for one in found} == set(reasons)
