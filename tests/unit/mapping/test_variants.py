"""Items whose own segment says by a qualifier which field an element is."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.engine import library
from gateway.errors import DocumentError
from gateway.mapping.library import Library, SetEngine
from gateway.mapping.writer import body, write_set
from gateway.x12.delimiters import Delimiters
from tests.property.agreement import Engines, fault

MAPPING = b"""\
mapping: purchase_order_acknowledgment
guide: x12/004010/855
fields:
  purpose: BAK01
  ack_type: BAK02
  po_number: BAK03
  acknowledged_at: BAK04 | date
  lines[]:
    each: PO1
    line_no: PO101
    responses[]:
      each: ACK
      code: ACK01
      ship_date: ACK[ACK04=068]/ACK05 | date
      delivery_date: ACK[ACK04=067]/ACK05 | date
      date_type: ACK04
      date: ACK05 | date
      notes[]: {each: DTM, type: DTM01, at: DTM02 | date}
"""
MARKS = Delimiters()


def load(name: str) -> bytes:
    return MAPPING if name == "mappings/x12/004010/855.yaml" else library()._load(name)


LIBRARY = Library(load)


def the_engine(*, documents: bool = True) -> SetEngine:
    found = LIBRARY.engine("004010", "855", documents=documents)
    assert found is not None
    return found


def order(*lines: str) -> list[str]:
    segments = ["BAK*00*AC*PO1*20260219", "PO1*1", *lines]
    return ["ST*855*0001", *segments, f"SE*{len(segments) + 2}*0001"]


def read(segments: list[str]) -> list[dict[str, Any]]:
    document: dict[str, Any] = {}
    assert the_engine().check(segments, MARKS, document) is not None
    answers: list[dict[str, Any]] = document["lines"][0]["responses"]
    return answers


ANSWERS = [
    "ACK*IA*5*EA*067*20260305",
    "ACK*IB*3*EA*068*20260310",
    "DTM*017*20260312",
    "ACK*IR*1*EA",
    "ACK*IA*2*EA*002*20260306",
    "ACK*IQ*2*EA*068*20260311",
]


def test_each_item_has_the_field_of_its_qualifier() -> None:
    answers = [{k: v for k, v in one.items() if k != "extensions"} for one in read(order(*ANSWERS))]
    assert answers == [
        {"code": "IA", "delivery_date": "2026-03-05"},
        {"code": "IB", "ship_date": "2026-03-10", "notes": [{"type": "017", "at": "2026-03-12"}]},
        {"code": "IR"},
        {"code": "IA", "date_type": "002", "date": "2026-03-06"},
        {"code": "IQ", "ship_date": "2026-03-11"},
    ]


@pytest.mark.parametrize(
    "kept", [ANSWERS, [text.replace("*5*EA", "").replace("*3*EA", "") for text in ANSWERS]]
)
def test_the_order_of_the_items_stays_and_both_ways_of_reading_agree(kept: list[str]) -> None:
    wrong = fault(Engines(the_engine(documents=False), the_engine()), order(*kept), MARKS)
    assert wrong == ""


@pytest.mark.parametrize(
    "extensions", [[], [{"address": "ACK02", "value": "5"}, {"address": "ACK03", "value": "EA"}]]
)
def test_an_item_is_written_by_the_field_it_has(extensions: list[dict[str, str]]) -> None:
    """With extensions by the table-driven writer, without by the generated one."""
    more = (
        {"extensions": [{**one, "address": f"ACK/{one['address']}"} for one in extensions]}
        if extensions
        else {}
    )
    answers = [
        {"code": "IR"},
        {"code": "IA", "ship_date": "2026-03-10"},
        {"code": "IA", "delivery_date": "2026-03-05"},
    ]
    document = {
        "purpose": "00",
        "ack_type": "AC",
        "po_number": "PO1",
        "acknowledged_at": "2026-02-19",
        "lines": [{"line_no": "1", "responses": [{**one, **more} for one in answers]}],
    }
    middle = "*5*EA" if extensions else "**"
    assert write_set(the_engine(), document, MARKS)[2:] == [
        "ACK*IR" + middle.rstrip("*"),
        f"ACK*IA{middle}*068*20260310",
        f"ACK*IA{middle}*067*20260305",
    ]
    assert body(document) == document


def test_an_item_with_two_such_fields_is_refused() -> None:
    answer = {"code": "IA", "ship_date": "2026-03-10", "delivery_date": "2026-03-05"}
    document = {
        "purpose": "00",
        "ack_type": "AC",
        "po_number": "PO1",
        "acknowledged_at": "2026-02-19",
        "lines": [{"line_no": "1", "responses": [answer]}],
    }
    with pytest.raises(DocumentError) as refused:
        write_set(the_engine(), document, MARKS)
    assert [(one.code, one.location.pointer) for one in refused.value.problems] == [
        ("DOC-LOST", "/lines/0/responses/0/delivery_date")
    ]
