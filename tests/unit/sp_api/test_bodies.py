from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import engine
from gateway.errors import Fault, NotFoundError, Problem, Severity
from gateway.mapping.body import MAX_DEPTH, decode, encode
from gateway.mapping.library import Library
from gateway.sp_api import KINDS, kind_of, read_body, write_body
from tests.acceptance.test_both_channels import ACKNOWLEDGMENT, API_ORDER, INVOICE, NOTICES

Json = dict[str, Any]
GOLDEN = Path(__file__).resolve().parents[2] / "data" / "sp_api" / "golden"
LIBRARY = engine.library()


def golden(name: str) -> Any:
    return decode((GOLDEN / f"{name}.json").read_bytes())


def changed(document: Json, path: str, value: Any) -> Json:
    """A copy with another value at a path such as ``lines.0.ids``; without the field for None."""
    copy = deepcopy(document)
    node: Any = copy
    *way, last = (int(one) if one.isdigit() else one for one in path.split("."))
    for step in way:
        node = node[step]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return copy


def errors(document: Json, **words: str) -> list[Problem]:
    return [one for one in write_body(document, LIBRARY, **words).problems if one.is_error]


@pytest.mark.parametrize("kind", KINDS)
def test_golden_bodies(kind: str) -> None:
    body = golden(f"{kind}.body")
    found = read_body(kind, body, LIBRARY)
    assert found.documents == [golden(kind)]
    assert not any(one.is_error for one in found.problems)
    assert kind_of(body) == kind
    assert decode(encode(body)) == body
    written = write_body(golden(kind), LIBRARY, kind=kind)
    for outer in ("payload", "ordersStatus", "transactionStatus"):
        body = body.get(outer, body) if isinstance(body, dict) else body
    sent = body if not isinstance(body, list) else body[0]
    assert written.body == sent


def test_what_the_api_adds_is_kept_told_and_written_back() -> None:
    found = read_body("order", golden("order.body"), LIBRARY)
    (told,) = found.problems
    assert (told.code, told.severity, told.fault) == ("BODY-UNKNOWN", Severity.WARNING, Fault.PARTNER)
    assert told.location.pointer == "/orderDetails/newMember"


def test_the_exact_time_is_written_back_only_if_the_value_is_the_same() -> None:
    document = golden("order")
    assert document["ordered_at"] == "2026-02-18"
    assert write_body(document, LIBRARY).body["orderDetails"]["purchaseOrderDate"] == "2026-02-18T08:12:44Z"
    document["ordered_at"] = "2026-02-20"
    assert write_body(document, LIBRARY).body["orderDetails"]["purchaseOrderDate"] == "2026-02-20T00:00:00Z"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2026-03-02T08:00:00Z", "2026-03-02T08:00"),
        ("2026-03-02T08:00:05Z", "2026-03-02T08:00:05"),
        ("2026-03-02T00:00:00.000Z", "2026-03-02"),
        ("2026-03-02T08:00:00.789Z", "2026-03-02T08:00:00.78"),
        ("2026-03-02T23:30:00-08:00", "2026-03-03T07:30"),
        ("2026-03-02", "2026-03-02"),
        ("yesterday", None),
    ],
)
def test_times_are_in_utc_and_as_short_as_can_be(value: str, read: str | None) -> None:
    body = changed(API_ORDER, "orderDetails.purchaseOrderStateChangedDate", value)
    (document,) = read_body("order", body, LIBRARY).documents
    assert document.get("state_changed_at") == read
    again = write_body(document, LIBRARY).body["orderDetails"]["purchaseOrderStateChangedDate"]
    assert again == value or value == "2026-03-02"


def test_an_order_without_a_type_is_a_regular_one_and_stays_without() -> None:
    body = changed(API_ORDER, "orderDetails.purchaseOrderType", None)
    (document,) = read_body("order", body, LIBRARY).documents
    assert document["po_type"] == "regular"
    assert write_body(document, LIBRARY).body == body
    document["po_type"] = "rush"
    assert write_body(document, LIBRARY).body["orderDetails"]["purchaseOrderType"] == "RushOrder"


def test_lines_in_several_currencies_leave_the_order_without_one() -> None:
    body = changed(API_ORDER, "orderDetails.items.1.netCost.currencyCode", "CAD")
    (document,) = read_body("order", body, LIBRARY).documents
    assert "currency" not in document
    assert [line["unit_price"]["currency"] for line in document["lines"]] == ["USD", "CAD"]
    assert write_body(document, LIBRARY).body == body


def test_amounts_in_another_currency_than_the_total_are_kept_as_they_are() -> None:
    body = changed(golden("invoice.body")["invoices"][0], "taxDetails.0.taxAmount.currencyCode", "USD")
    (document,) = read_body("invoice", body, LIBRARY).documents
    assert "amount" not in document["taxes"][0]
    assert write_body(document, LIBRARY).body["invoices"] == [body]


@pytest.mark.parametrize(
    ("code", "reason", "name"),
    [
        ("Rejected", "ObsoleteProduct", "rejected_obsolete"),
        ("Rejected", "InvalidProductIdentifier", "rejected_invalid_id"),
        ("Rejected", None, "rejected"),
        ("Backordered", None, "backordered"),
    ],
)
def test_answers(code: str, reason: str | None, name: str) -> None:
    document = changed(ACKNOWLEDGMENT, "lines.0.responses.1.code", name)
    sent = write_body(document, LIBRARY).body["acknowledgements"][0]["items"][0]["itemAcknowledgements"][1]
    assert (sent["acknowledgementCode"], sent.get("rejectionReason")) == (code, reason)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (("accepted", "accepted"), "accepted"),
        (("rejected", "rejected_obsolete"), "rejected"),
        (("accepted", "backordered"), "changed"),
    ],
)
def test_the_verdict_follows_from_the_answers(answers: tuple[str, str], verdict: str) -> None:
    document = changed(ACKNOWLEDGMENT, "lines.0.responses.0.code", answers[0])
    document = changed(document, "lines.0.responses.1.code", answers[1])
    written = write_body(document, LIBRARY)
    (again,) = read_body("acknowledgement", written.body, LIBRARY).documents
    assert again["ack_type"] == verdict
    different = {one.code for one in written.problems if one.location.pointer == "/ack_type"}
    assert different == (set() if verdict == "changed" else {"BODY-DIFFERENT"})
    assert written.may_be_sent


# --- strict out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "path", "value", "code", "pointer", "words"),
    [
        (ACKNOWLEDGMENT, "lines.0.unit_price", None, "BODY-MISSING", "/lines/0", "lines[].unit_price.amount"),
        (
            ACKNOWLEDGMENT, "lines.0.unit_price.amount", "0.00", "BODY-VALUE",
            "/lines/0/unit_price/amount", "above zero",
        ),
        (
            ACKNOWLEDGMENT, "lines.0.unit_price.amount", "-1", "BODY-VALUE",
            "/lines/0/unit_price/amount", "above zero",
        ),
        (ACKNOWLEDGMENT, "po_number", "4711", "BODY-VALUE", "/po_number", "[A-Z0-9]{8}"),
        (
            ACKNOWLEDGMENT, "lines.0.responses.0.code", "on_hold", "BODY-VALUE",
            "/lines/0/responses/0/code", "Accepted",
        ),
        (
            ACKNOWLEDGMENT, "lines.0.quantity_ordered.uom", "LB", "BODY-VALUE",
            "/lines/0/quantity_ordered/uom", "Eaches",
        ),
        (
            ACKNOWLEDGMENT, "lines.0.quantity_ordered.value", "2.5", "BODY-VALUE",
            "/lines/0/quantity_ordered/value", "whole",
        ),
        (ACKNOWLEDGMENT, "lines.0.notes", [{"text": "x"}], "BODY-LOST", "/lines/0/notes", "no place"),
        (
            ACKNOWLEDGMENT, "parties.0.id_scheme", "gln", "BODY-DIFFERENT",
            "/parties/0/id_scheme", "buyer_assigned",
        ),
        (INVOICE, "taxes.0.type", "GS", "BODY-VALUE", "/taxes/0/type", "VAT"),
        (INVOICE, "parties.1.address.country", "USA", "BODY-VALUE", "/parties/1/address/country", "[A-Z]{2}"),
        (INVOICE, "lines.0.line_no", "A1", "BODY-VALUE", "/lines/0/line_no", "whole number"),
        (INVOICE, "invoice_number", "I" * 23, "BODY-VALUE", "/invoice_number", "22"),
        (INVOICE, "total.amount", "12,50", "DOC-VALUE", "/total/amount", "decimal"),
        (NOTICES["MasterCase"], "bill_of_lading", "4711", "BODY-VALUE", "/bill_of_lading", "{8,}"),
        (NOTICES["MasterCase"], "carrier.scac", "abf", "BODY-VALUE", "/carrier/scac", "[A-Z]"),
        (NOTICES["MasterCase"], "shipment_id", "S" * 31, "BODY-VALUE", "/shipment_id", "30"),
        (
            NOTICES["MasterCase"], "cartons.0.orders.0.items.0.quantity.value", "1.5", "BODY-VALUE",
            "/cartons/0/orders/0/items/0/quantity/value", "whole",
        ),
        (
            NOTICES["MasterCase"], "cartons.0.orders.0.items.0.contract_number", "C-1", "BODY-LOST",
            "/cartons/0/orders/0/items/0/contract_number", "no place",
        ),
        (NOTICES["MasterCase"], "parties.2", None, "BODY-MISSING", "", "shipToParty"),
    ],
)  # fmt: skip
def test_what_the_api_would_not_take_is_not_sent(
    document: Json, path: str, value: Any, code: str, pointer: str, words: str
) -> None:
    found = errors(changed(document, path, value))
    assert code in {one.code for one in found}
    told = next(one for one in found if one.code == code)
    assert told.location.pointer == pointer
    assert words in f"{told.message} {told.hint}"
    assert told.hint
    assert told.fault is Fault.US


def test_all_that_is_wrong_is_told_at_once() -> None:
    document = changed(changed(ACKNOWLEDGMENT, "po_number", "4711"), "lines.0.unit_price", None)
    document["lines"][0]["responses"][0]["code"] = "on_hold"
    assert len(errors(document)) == 3


def test_fields_that_may_be_left_out_are_told_once_and_sent_without() -> None:
    document = changed(ACKNOWLEDGMENT, "lines", [{**ACKNOWLEDGMENT["lines"][0], "price_basis": "each"}] * 2)
    written = write_body(document, LIBRARY)
    assert written.may_be_sent
    assert sorted(one.location.pointer or "" for one in written.problems) == [
        "/currency_party",
        "/lines/0/price_basis",
    ]


def test_parties_without_a_place_are_told_and_left_out() -> None:
    parties = [*ACKNOWLEDGMENT["parties"], {"role": "ship_to", "id": "PHX6"}]
    written = write_body(changed(ACKNOWLEDGMENT, "parties", parties), LIBRARY)
    assert written.may_be_sent
    assert ("BODY-PLACE", "/parties/1") in {(one.code, one.location.pointer) for one in written.problems}


def test_parties_may_stand_in_any_order() -> None:
    turned = changed(INVOICE, "parties", INVOICE["parties"][::-1])
    assert len(turned["parties"]) > 1
    assert write_body(turned, LIBRARY).body == write_body(INVOICE, LIBRARY).body
    assert write_body(turned, LIBRARY).may_be_sent


def test_two_of_one_party_are_refused() -> None:
    parties = [*NOTICES["MasterCase"]["parties"], {"role": "ship_to", "id": "LAX9"}]
    found = errors(changed(NOTICES["MasterCase"], "parties", parties))
    assert "BODY-TWICE" in {one.code for one in found}


def test_the_seller_follows_from_the_settings() -> None:
    document = changed(ACKNOWLEDGMENT, "parties", None)
    assert {one.code for one in errors(document)} == {"BODY-MISSING"}
    written = write_body(document, LIBRARY, vendor_code="ACME1")
    assert written.may_be_sent
    assert written.body["acknowledgements"][0]["sellingParty"] == {"partyId": "ACME1"}
    invoice = changed(INVOICE, "parties.0", None)
    assert (
        write_body(invoice, LIBRARY, vendor_code="ACME1").body["invoices"][0]["remitToParty"]["partyId"]
        == "ACME1"
    )


def test_values_of_the_heading_are_written_to_the_lines_that_lack_them() -> None:
    document = changed(changed(INVOICE, "lines.0.po_number", None), "lines.0.unit_price.currency", None)
    (item,) = write_body(document, LIBRARY).body["invoices"][0]["items"]
    assert (item["purchaseOrderNumber"], item["netCost"]["currencyCode"]) == ("8WL5Q2ZX", "USD")


def test_decimals_are_written_as_the_api_wants_them() -> None:
    for text, sent in ((".5", "0.5"), ("007.50", "7.50"), ("5.", "5")):
        document = changed(ACKNOWLEDGMENT, "lines.0.unit_price.amount", text)
        written = write_body(document, LIBRARY)
        assert written.may_be_sent
        assert written.body["acknowledgements"][0]["items"][0]["netCost"]["amount"] == sent


def test_data_of_another_channel_is_told() -> None:
    document = ACKNOWLEDGMENT | {"extensions": [{"address": "TD1[2]", "elements": ["TD1", "CTN25", "3"]}]}
    written = write_body(document, LIBRARY)
    assert written.may_be_sent
    assert "BODY-FOREIGN" in {one.code for one in written.problems}


# --- lenient in, and what is no body ----------------------------------------------------------------------


def test_several_bodies_in_one_answer() -> None:
    bodies = {"payload": {"orders": [API_ORDER, {"nothing": 1}, API_ORDER]}}
    found = read_body("order", bodies, LIBRARY)
    assert len(found.documents) == 2
    (told,) = found.problems
    assert (told.code, told.location.pointer) == ("BODY-KIND", "/payload/orders/1")
    assert read_body("order", {"payload": {"orders": []}}, LIBRARY).documents == []


@pytest.mark.parametrize("body", [None, 1, "x", [], {}, [[]], {"payload": None}])
def test_what_is_no_body(body: Any) -> None:
    assert kind_of(body) == ""
    found = read_body("invoice", body, LIBRARY)
    assert found.documents == []
    assert {one.code for one in found.problems} <= {"BODY-KIND"}


def test_unknown_kinds() -> None:
    with pytest.raises(NotFoundError):
        read_body("label", {}, LIBRARY)
    with pytest.raises(NotFoundError):
        write_body({"document_type": "text_message"}, LIBRARY)
    with pytest.raises(NotFoundError):
        write_body(INVOICE, LIBRARY, kind="acknowledgement")


def test_numbers_are_exact() -> None:
    assert decode(b'{"a": 1.10, "b": 1e2}') == {"a": Decimal("1.10"), "b": Decimal("1e2")}
    assert (
        encode({"a": Decimal("1.10"), "b": [1, True, None, "\u00e9"]})
        == '{"a":1.10,"b":[1,true,null,"\u00e9"]}'
    )


@pytest.mark.parametrize(
    "text", [b"{", b"", b"\xff", b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), b"[" * 100_000]
)
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- of any kind
        decode(text)


# --- partners ---------------------------------------------------------------------------------------------

OVERLAY = b"""\
extends: sp_api/invoice
codes:
  tax_types: {all: MutuallyDefined}
fields:
  lines[]:
    description: hsnCode
"""


def test_a_partner_states_only_differences() -> None:
    def load(name: str) -> bytes:
        return OVERLAY if name == "mappings/partners/acme/invoice.sp_api.yaml" else LIBRARY._load(name)

    own = Library(load).of("acme")
    document = changed(changed(INVOICE, "taxes.0.type", "all"), "lines.0.description", "7606")
    written = write_body(document, own)
    assert written.may_be_sent
    (sent,) = written.body["invoices"]
    assert sent["taxDetails"][0]["taxType"] == "MutuallyDefined"
    assert sent["items"][0]["hsnCode"] == "7606"
    assert not write_body(document, LIBRARY).may_be_sent
    assert own.body("order") is own.body("order")


def test_documents_are_not_changed() -> None:
    for document in (ACKNOWLEDGMENT, INVOICE, NOTICES["MasterCase"]):
        before = json.dumps(document)
        write_body(document, LIBRARY, vendor_code="ACME1")
        assert json.dumps(document) == before
