"""What is made of orders: golden documents, X12 and bodies of the API that are right, and all that is told.

``python -m tests.unit.documents.test_assist`` writes the golden files anew; each is to be checked by hand.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.documents.assist import acknowledgment, bill, shipment
from gateway.documents.assist.lists import CATALOGUE, MAX_ROWS, Row, read_list
from gateway.documents.assist.story import Made, Story, as_changed
from gateway.engine import explain, library, validate, write
from gateway.errors import Problem
from gateway.mapping.body import decode
from gateway.sp_api import read_body, write_body
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import PartyId
from gateway.x12.writer import Envelope

DATA = Path(__file__).resolve().parents[2] / "data" / "assist"
PLACE = {"lines": ["1 Way"], "city": "Reno", "postal_code": "89506", "country": "US"}
OURS = [
    {"role": role, "name": "Example", "id_scheme": "buyer_assigned", "id": "REHRS", "address": PLACE}
    for role in ("ship_from", "remit_to", "bill_to")
]
TAXES = [
    {"type": "value_added", "rate": "10", "countries": ("US", ""), "skus": ()},
    {"type": "value_added", "rate": "8", "countries": (), "skus": ("B0C1MUGS4X", "BOWL")},
    {"type": "gst", "rate": "5", "countries": ("CA",), "skus": ()},
]  # fmt: skip
KINDS = {"acknowledgment": "acknowledgement", "ship_notice": "shipment_confirmation", "invoice": "invoice"}


def order(case: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / case / "order.json").read_text())
    return found


def listed(text: str, columns: tuple[str, ...] = shipment.PACKING) -> list[Row]:
    rows, _, wrong = read_list(text.encode(), columns, shipment.HEAD)
    assert wrong == []
    return rows


def made(case: str) -> dict[str, Made]:
    """What follows the order of a case."""
    (packing,) = (DATA / case).glob("packing.*")
    stock = listed((DATA / case / "stock.csv").read_text(), acknowledgment.STOCK)
    rows, head, wrong = read_list(packing.read_bytes(), shipment.PACKING, shipment.HEAD)
    assert wrong == []
    head = {"shipment_id": "8WL5Q2ZX-1", "ship_date": "2026-03-04", "scac": "ABFS", "weight": "340", **head}
    story = Story(order(case))
    answer = acknowledgment.acknowledge(story, today="2026-03-03", stock=stock, api=case == "api")
    story = Story(story.order, answer.document)
    notice = shipment.ship([story], rows, head, now="2026-03-04T10:30", parties=OURS)
    story = Story(story.order, answer.document, (notice.document,))
    invoice = bill.invoice(
        [story], number="INV-1", today="2026-03-05", parties=OURS, taxes=TAXES, net_days=60
    )
    return {"acknowledgment": answer, "ship_notice": notice, "invoice": invoice}


def x12(document: dict[str, Any]) -> bytes:
    """It as X12, which is right by its guide."""
    content = write(document, envelope=ENVELOPE)
    report = validate(io.BytesIO(content))
    assert report["verdict"] == "accepted", report
    return content


ENVELOPE = Envelope(
    sender=PartyId("ZZ", "US"),
    receiver=PartyId("ZZ", "THEM"),
    group_sender="US",
    group_receiver="THEM",
    version="00401",
    release="004010",
    usage="P",
    control_interchange=1,
    control_group=1,
    control_set=1,
    date="20260305",
    time="1200",
    delimiters=Delimiters("*", ">", "~", newline="\n"),
    newline="\n",
)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("case", ["edi", "api"])
def test_what_is_made_is_as_it_was_checked_by_hand(case: str, name: str) -> None:
    found = made(case)[name]
    assert [one for one in found.problems if one.is_error] == []
    assert found.document == json.loads((DATA / case / f"{name}.json").read_text())
    assert list(explain(found.document)) == []
    if case == "edi":
        assert x12(found.document).decode() == (DATA / case / f"{name}.edi").read_text()
        return
    body = write_body(found.document, library(), vendor_code="REHRS")
    assert [one for one in body.problems if one.is_error] == []
    again = read_body(KINDS[name], decode(json.dumps(body.body)), library())
    assert len(again.documents) == 1
    assert [one for one in again.problems if one.is_error] == []


def codes(problems: tuple[Problem, ...] | list[Problem]) -> list[str]:
    return [one.code for one in problems]


# --- lists -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "needs 1 to"),
        (b"sku,quantity\n", "needs 1 to"),
        (b"sku,quantity\n\xff,1\n", "cannot be read"),
        (b"sku,sku\na,b\n", "'sku' stands twice"),
        (b"sku,quantity\na,1,2\n", "row 2 has more columns"),
        (b'sku,quantity\n"a,1\n', "cannot be read"),
        (b"{]", "cannot be read"),
        (b'{"rows": {}}', "needs 1 to"),
        (b"[" * 100_000, "cannot be read"),
        (b"sku\n" + b"a\n" * (MAX_ROWS + 1), "needs 1 to"),
        (b"sku,quantiti\na,1\n", "Row 2, column quantiti: nobody knows this; did you mean quantity?"),
        (b'[{"sku": ["a"]}]', "/0/sku: must be text or a number"),
        (b'["a"]', "/0/: this is no object in braces"),
        (b'{"skac": "ABFS", "rows": [{"sku": "a"}]}', "/skac: nobody knows this; did you mean scac?"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(content: bytes, words: str) -> None:
    *_, wrong = read_list(content, shipment.PACKING, shipment.HEAD)
    assert words in wrong[0].message
    assert codes(wrong)[0] == "MADE-ROW"


def test_blank_lines_of_csv_are_nothing_and_count_as_rows() -> None:
    first, second = listed("sku,quantity\na,1\n,\n\nb,2\n\n")
    assert (first.line, second.line) == (2, 5)


def test_numbers_of_a_json_list_keep_their_text() -> None:
    (row,) = listed('[{"quantity": 1.10, "sku": "a", "lot": null}]')
    assert row.values == {"quantity": "1.10", "sku": "a"}


# --- the acknowledgment ----------------------------------------------------------------------------------


def test_all_is_accepted_without_a_stock_list_and_lines_are_rejected_with_reasons() -> None:
    story = Story(order("edi"))
    whole = acknowledgment.acknowledge(story, today="2026-03-03")
    assert whole.document["ack_type"] == "accepted"
    refused = acknowledgment.acknowledge(story, today="2026-03-03", rejects=dict.fromkeys("123", "obsolete"))
    assert (refused.document["ack_type"], refused.problems) == ("rejected", ())
    x12(refused.document)
    api = acknowledgment.acknowledge(story, today="2026-03-03", rejects={"2": "invalid_id"}, api=True)
    (said,) = api.document["lines"][1]["responses"]
    assert (said["code"], api.document["ack_type"]) == ("rejected_invalid_id", "changed")


def test_all_that_is_wrong_with_an_acknowledgment_is_told_at_once() -> None:
    stock = listed("sku,available,date\nROBE-M,-1,\nROBE-M,7,\nMUG-4,0,tomorrow\n", acknowledgment.STOCK)
    story, rejects = Story(order("edi")), {"9": "obsolete", "3": "ugly"}
    found = acknowledgment.acknowledge(story, today="2026-03-03", stock=stock, rejects=rejects)
    told = [(one.code, one.message.split(":")[0]) for one in found.problems]
    assert told == [
        ("MADE-ROW", "Row 2, column available"),
        ("MADE-ROW", "Row 4, column date"),
        ("MADE-DATE", "Order 8WL5Q2ZX, line 1"),
        ("MADE-REASON", "Order 8WL5Q2ZX, line 3"),
        ("MADE-LINE", "The order has no open line 9."),
    ]
    twice = listed("sku,available\nROBE-M,200\nROBE-M,7\nMUG-4,0\nBOWL,0", acknowledgment.STOCK)
    found = acknowledgment.acknowledge(story, today="2026-03-03", stock=twice, later="2026-04-01")
    assert [one.message for one in found.problems] == ["Row 3, column sku: it stands twice."]
    missing = acknowledgment.acknowledge(story, today="2026-03-03", stock=twice[:1])
    assert codes(missing.problems) == ["MADE-LINE"] * 2


def test_stock_is_given_out_once() -> None:
    two = order("edi")
    two["lines"] = [two["lines"][0], {**two["lines"][0], "line_no": "2"}]
    stock = listed("sku,available\nROBE-M,150", acknowledgment.STOCK)
    found = acknowledgment.acknowledge(Story(two), today="2026-03-03", stock=stock, later="2026-04-01")
    given = [[one["quantity"]["value"] for one in line["responses"]] for line in found.document["lines"]]
    assert given == [["120"], ["30", "90"]]


def test_a_changed_order_is_as_its_changes_left_it_and_a_cancelled_one_has_no_answer() -> None:
    more = {"line_no": "1", "quantity": {"value": "150", "uom": "EA"}, "change": "quantity_increase"}
    gone = {"line_no": "2", "change": "delete", "quantity": {"value": "24", "uom": "CA"}}
    change = {"purpose": "change", "po_number": "8WL5Q2ZX", "lines": [more, gone, {**more, "line_no": "4"}]}
    now = as_changed(order("edi"), [change])
    found = acknowledgment.acknowledge(Story(now), today="2026-03-03").document["lines"]
    assert [(one["line_no"], one["quantity_ordered"]["value"]) for one in found] == [
        ("1", "150"),
        ("3", "7"),
        ("4", "150"),
    ]
    ended = as_changed(order("edi"), [change, {"purpose": "cancel", "po_number": "8WL5Q2ZX"}])
    assert codes(acknowledgment.acknowledge(Story(ended), today="2026-03-03").problems) == ["MADE-NOTHING"]


# --- the ship notice -------------------------------------------------------------------------------------

HEAD = {"shipment_id": "S1", "ship_date": "2026-03-04"}


def ship(text: str, *stories: Story, over: bool = False, **head: str) -> Made:
    told = stories or (Story(order("edi")),)
    return shipment.ship(told, listed(text), HEAD | head, now="2026-03-04T10:30", over=over)


def test_all_that_is_wrong_with_a_packing_list_is_told_at_once_with_row_and_column() -> None:
    found = ship(
        "order,line,sku,quantity,uom,carton,pallet,expiry,tracking\n"
        "8WL5Q2ZX,1,,,,,,,\n"
        "8WL5Q2ZX,1,MUG-4,1,,,,,\n"
        "8WL5Q2ZX,,,1,,,,soon,\n"
        "8WL5Q2ZX,2,,7,EA,,,,\n"
        "8WL5Q2ZX,3,,1,,106141410000000018,,,\n"
        "8WL5Q2ZX,1,,1,,C1,P1,,T1\n"
        "8WL5Q2ZX,1,,1,,C1,P2,,T2\n"
        "8WL5Q2ZX,3,,8,,C4,,,\n",
        ship_date="",
        structure="flat",
    )
    told = [
        (one.code, one.location.line, one.message.rpartition("column ")[2].split(":")[0])
        for one in found.problems
    ]
    assert told[:6] == [
        ("MADE-ROW", 2, "quantity"),
        ("MADE-LINE", 3, "sku"),
        ("MADE-ROW", 4, "expiry"),
        ("MADE-ROW", 4, "sku"),
        ("MADE-LINE", 5, "uom"),
        ("MADE-CONTAINER", 6, "carton"),
    ]
    assert [(one[0], one[1]) for one in told[6:]] == [
        ("MADE-OVER", None),
        ("MADE-CONTAINER", None),
        ("MADE-CONTAINER", 8),
        ("MADE-DATE", None),
    ]


def test_the_structure_follows_from_the_list_or_is_stated() -> None:
    two = {**order("edi"), "po_number": "OTHER"}
    for text, structure, words in (
        ("line,quantity\n1,5", "order_item", "HL*2*1*O*1~"),
        ("line,quantity,pallet\n1,5,P1", "order_item", "HL*3*2*T*1~"),
        ("line,quantity,carton\n1,5,C1\n3,5,C1", "order_carton_item", "HL*3*2*P*1~"),
    ):
        found = ship(text)
        assert (found.document["structure"], codes(found.problems)) == (structure, [])
        assert words in x12(found.document).decode()
    mixed = ship("order,line,quantity,carton\n8WL5Q2ZX,1,5,C1\nOTHER,1,5,C1", Story(order("edi")), Story(two))
    assert (mixed.document["structure"], codes(mixed.problems)) == ("carton_order_item", [])
    stated = ship("line,quantity,carton\n1,5,C1\n1,6,C2", structure="order_item_carton")
    (item,) = stated.document["orders"][0]["items"]
    assert (item["quantity"]["value"], [one["quantity"]["value"] for one in item["cartons"]]) == (
        "11",
        ["5", "6"],
    )
    x12(stated.document)
    for text in ("line,quantity,carton\n1,5,C1\n3,6,C1", "line,quantity\n1,5"):
        assert codes(ship(text, structure="order_item_carton").problems) == ["MADE-CONTAINER"]
    assert codes(ship("line,quantity,carton\n1,5,C1", structure="order_item").problems) == ["MADE-CONTAINER"]
    split = ship(
        "order,line,quantity,carton\n8WL5Q2ZX,1,5,C1\nOTHER,1,5,C1",
        Story(order("edi")),
        Story(two),
        structure="order_carton_item",
    )
    assert codes(split.problems) == ["MADE-CONTAINER"]


def test_no_more_is_shipped_than_was_confirmed_and_is_left_unless_it_is_meant() -> None:
    answered = acknowledgment.acknowledge(Story(order("edi")), today="2026-03-03", rejects={"3": "obsolete"})
    first = ship("line,quantity\n1,100").document
    story = Story(order("edi"), answered.document, (first,))
    assert codes(ship("line,quantity\n1,20", story).problems) == []
    assert codes(ship("line,quantity\n1,21\n3,1", story).problems) == ["MADE-OVER"] * 2
    assert codes(ship("line,quantity\n1,21\n3,1", story, over=True).problems) == []
    again = Story(order("edi"), answered.document, (first, {**first, "purpose": "cancel"}))
    assert codes(ship("line,quantity\n1,120", again).problems) == []
    assert "line 1: 21 are packed, and 20 may" in ship("line,quantity\n1,21", story).problems[0].message


def test_an_order_that_shrank_after_it_was_confirmed_ships_what_it_is_now() -> None:
    answered = acknowledgment.acknowledge(Story(order("edi")), today="2026-03-03").document
    less = {"line_no": "1", "quantity": {"value": "60", "uom": "EA"}, "change": "quantity_decrease"}
    now = as_changed(order("edi"), [{"purpose": "change", "lines": [less]}])
    assert codes(ship("line,quantity\n1,60", Story(now, answered)).problems) == []
    assert codes(ship("line,quantity\n1,61", Story(now, answered)).problems) == ["MADE-OVER"]


def test_lines_of_the_same_item_are_told_apart_by_their_numbers() -> None:
    two = order("edi")
    two["lines"] = [two["lines"][0], {**two["lines"][0], "line_no": "2"}]
    first = ship("line,quantity\n2,100", Story(two)).document
    after = Story(two, notices=(first,))
    assert codes(ship("line,quantity\n1,120\n2,20", after).problems) == []
    assert codes(ship("line,quantity\n2,21", after).problems) == ["MADE-OVER"]
    assert codes(ship("sku,quantity\nROBE-M,5", after).problems) == ["MADE-LINE"]


def test_orders_that_go_to_different_places_are_no_shipment() -> None:
    other = {**order("edi"), "po_number": "OTHER", "parties": []}
    found = ship("order,line,quantity\n8WL5Q2ZX,1,5\nOTHER,1,5", Story(order("edi")), Story(other))
    assert codes(found.problems) == ["MADE-LINE"]


# --- the invoice -----------------------------------------------------------------------------------------


def bought(case: str = "edi", text: str = "line,quantity\n1,100", **changes: Any) -> Story:
    now = {**order(case), **changes}
    return Story(now, notices=(ship(text, Story(now)).document,))


def invoice(*stories: Story, **more: Any) -> Made:
    return bill.invoice(stories, number="INV-1", today="2026-03-05", **more)


def test_an_invoice_has_acknowledged_prices_and_what_is_left() -> None:
    story = bought()
    answered = acknowledgment.acknowledge(Story(story.order), today="2026-03-03").document
    answered["lines"][0]["unit_price"] = {"amount": "17.00", "currency": "USD"}
    story = Story(story.order, answered, story.notices)
    first = invoice(story)
    assert first.document["total"] == {"amount": "1700.00", "currency": "USD"}
    after = Story(story.order, answered, story.notices, (first.document,))
    assert codes(invoice(after).problems) == ["MADE-NOTHING"]
    assert (
        "100 were shipped with S1, and 0 are not invoiced"
        in invoice(after, shipment="S1").problems[0].message
    )
    credit = {**first.document, "invoice_number": "CR-1", "kind": "credit_note"}
    back = Story(story.order, answered, story.notices, (first.document, credit))
    assert invoice(back).document["total"]["amount"] == "1700.00"


def test_an_invoice_of_several_orders_names_them_in_its_lines() -> None:
    story = bought(po_number="OTHER", terms={})
    found = invoice(bought(), story).document
    assert [one["po_number"] for one in found["lines"]] == ["8WL5Q2ZX", "OTHER"]
    assert "po_number" not in found
    assert invoice(story, net_days=45).document["terms"] == {"type": "basic", "net_days": 45}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"unit_price": {}}, "MADE-PRICE"),
        ({"price_basis": "pound"}, "MADE-PRICE"),
        ({"unit_price": {"amount": "1", "currency": "CAD"}}, "MADE-PRICE"),
    ],
)
def test_a_price_that_cannot_be_reckoned_with_is_told(line: dict[str, Any], code: str) -> None:
    now = order("edi")
    now["lines"][0] |= line
    assert codes(invoice(bought(lines=now["lines"])).problems) == [code]


def test_a_price_by_the_hundred_and_charges_of_the_order() -> None:
    now = order("edi")
    now["lines"][0]["price_basis"] = "hundred"
    found = invoice(bought(lines=now["lines"], allowances_charges=[{"kind": "allowance"}]))
    assert found.document["total"]["amount"] == "18.40"
    assert codes(found.problems) == ["MADE-CHARGES"]


def test_an_earlier_document_that_names_no_line_is_told() -> None:
    story = bought()
    strange = json.loads(json.dumps(story.notices[0]).replace("ROBE-M", "WHAT"))
    assert codes(invoice(Story(story.order, notices=(strange,))).problems) == ["MADE-LINE", "MADE-NOTHING"]


def test_every_code_is_explained() -> None:
    from gateway.services.explain import entries

    assert set(CATALOGUE) <= set(entries())


if __name__ == "__main__":
    for each in ("edi", "api"):
        for kind, one in made(each).items():
            assert not [found for found in one.problems if found.is_error], one.problems
            (DATA / each / f"{kind}.json").write_text(json.dumps(one.document, indent=2) + "\n")
            if each == "edi":
                (DATA / each / f"{kind}.edi").write_bytes(x12(one.document))
