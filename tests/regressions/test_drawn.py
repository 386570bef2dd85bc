"""Faults found by drawing sets and documents of every guide; each test failed before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.engine import library, translate, validate, write
from gateway.errors import DocumentError
from gateway.mapping.library import SetEngine
from gateway.mapping.reader import DocumentReader
from gateway.mapping.writer import body, write_set
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import diagnose
from gateway.x12.hierarchy import MAX_DEPTH

DATA = Path(__file__).parents[1] / "data/x12/004010"
MARKS = Delimiters()
NOTICE = ("BSN*00*SHIP1*20260301*1015",)


def engine(set_id: str) -> SetEngine:
    found = library().engine("004010", set_id, documents=True)
    assert found is not None
    return found


def framed(set_id: str, *segments: str) -> list[str]:
    return [f"ST*{set_id}*0001", *segments, f"SE*{len(segments) + 2}*0001"]


def read(set_id: str, *segments: str) -> dict[str, Any]:
    """The document of a set, the same by generated code and by table."""
    one, frame = engine(set_id), framed(set_id, *segments)
    document: dict[str, Any] = {}
    assert one.check(frame, MARKS, document) is not None
    assert one.plan is not None
    assert DocumentReader(one.plan, {}).read(diagnose(one.table, frame, MARKS).steps, MARKS) == body(document)
    return body(document)


def test_a_shipment_below_another_level_is_not_the_document() -> None:
    document = read("856", *NOTICE, "HL*1**V*1", "HL*2*1*S*0", "REF*BM*BOL1")
    (vehicle,) = document["levels"]
    assert vehicle["levels"] == [
        {"level": "shipment", "references": [{"type": "bill_of_lading", "value": "BOL1"}]}
    ]
    written = write_set(engine("856"), document, MARKS)
    assert written[1:] == ["HL*1**V*1", "HL*2*1*S*0", "REF*BM*BOL1"]


@pytest.mark.parametrize("level", ["S", "V"])
def test_there_is_one_level_on_top(level: str) -> None:
    frame = framed("856", *NOTICE, "HL*1**S*0", f"HL*2**{level}*0")
    assert engine("856").check(frame, MARKS, {}) is None
    (found,) = engine("856").explain(frame, MARKS)
    assert (found.code, found.location.address) == ("X12-HL-LEVEL", "HL03")
    assert "the top, beside another" in found.message


def test_a_list_of_values_is_written_with_its_qualifier_at_once() -> None:
    document = read(
        "820", "BPR*C*5*C*ACH************20260320", "ENT*1", "RMR*IV*A**5", "REF*PO*P1", "REF*PO*P2"
    )
    quick = engine("820").writer(document, "*", ">")
    assert quick == write_set(engine("820"), document, MARKS)
    assert quick[-2:] == ["REF*PO*P1", "REF*PO*P2"]


def test_what_fields_cannot_give_back_is_kept_in_one_order() -> None:
    document = read("997", "AK1*PO*7", "AK9*R*007*2*0****5*1")
    assert [entry["address"] for entry in document["extensions"]] == ["AK9/AK908", "AK9/AK909", "AK9/AK902"]


def test_a_missing_segment_is_told_of_the_object_that_lacks_it() -> None:
    document = {
        "invoice_number": "1",
        "invoice_date": "2026-01-01",
        "notes": [{"type": "ZZ", "reference": "A"}],
    }
    with pytest.raises(DocumentError) as caught:
        write_set(engine("810"), document, MARKS)
    missing = [one for one in caught.value.problems if one.code == "X12-SEGMENT-MISSING"]
    assert [(one.location.segment_id, one.location.pointer) for one in missing] == [
        ("MSG", "/notes/0"),
        ("TDS", ""),
    ]


def chain(count: int) -> list[str]:
    return [*NOTICE, "HL*1**S*1", *(f"HL*{n}*{n - 1}*P*{int(n < count)}" for n in range(2, count + 1))]


def test_levels_in_each_other_without_end_are_refused() -> None:
    deep = read("856", *chain(MAX_DEPTH))
    assert len(orjson.dumps(deep)) > MAX_DEPTH
    assert write_set(engine("856"), deep, MARKS) == chain(MAX_DEPTH)
    frame = framed("856", *chain(MAX_DEPTH + 1))
    assert engine("856").check(frame, MARKS, {}) is None
    (found,) = engine("856").explain(frame, MARKS)
    assert (found.code, found.location.address) == ("X12-HL-DEPTH", "HL02")


@pytest.mark.parametrize("count", [60, 2_000])
def test_a_document_of_objects_in_each_other_is_refused(count: int) -> None:
    document: dict[str, Any] = {
        "shipment_id": "SHIP1",
        "purpose": "original",
        "created_at": "2026-03-01T10:15",
    }
    inner = document
    for _ in range(count):
        inner["cartons"] = [{"sscc": "000000000000000017"}]
        (inner,) = inner["cartons"]
    with pytest.raises(DocumentError) as caught:
        write_set(engine("856"), document, MARKS)
    assert [one.code for one in caught.value.problems] == ["X12-HL-DEPTH" if count < 100 else "DOC-TYPE"]


def test_a_value_of_another_form_is_not_said_to_be_missing_in_a_list() -> None:
    amazon = library().of("amazon-us").engine("004010", "850", documents=False)
    assert amazon is not None
    frame = framed("850", "BEG*00*NE*abc45678**20260105", "PO1*1*1*EA*1*PE*VN*X", "CTT*1")
    told = [one.message for one in amazon.explain(frame, MARKS) if one.location.address == "BEG03"]
    assert told == ["BEG03 (Purchase order number): 'abc45678' is not of the form ^[A-Z0-9]{8}$."]


def test_a_control_number_of_a_set_that_is_too_short_is_filled_up() -> None:
    (document,) = translate(DATA / "864/dock_closed.edi")
    document["control"] = {**document["control"], "transaction": "02"}
    written = write(document)
    assert b"ST*864*0002" in written
    assert validate(written)["verdict"] == "accepted"
