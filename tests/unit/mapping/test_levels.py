"""Hierarchical levels: a tree by HL02, whatever the order of the segments, into a document and back."""

from __future__ import annotations

import io
from typing import Any

import pytest

from gateway import engine
from gateway.engine import library
from gateway.errors import NotFoundError
from gateway.mapping.library import Library, SetEngine
from gateway.mapping.reader import DocumentReader
from gateway.mapping.writer import SetWriter, body, complete, write_set
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import diagnose
from gateway.x12.envelope import TransactionSet

MAPPING = b"""\
mapping: ship_notice
guide: x12/004010/856
fields:
  shipment_id: BSN02
  purpose: BSN01 | code(original=00)
  created_at: BSN03,BSN04 | datetime
  structure: BSN05
  references[]: {each: "HL[HL03=S]/REF", type: REF01, value: REF02}
  orders[]: {each: "HL[HL03=O]", po_number: PRF/PRF01}
  pallets[]: {each: "HL[HL03=T]", sscc: "MAN[MAN01=GM]/MAN02"}
  cartons[]: {each: "HL[HL03=P]", sscc: "MAN[MAN01=GM]/MAN02"}
  items[]: {each: "HL[HL03=I]", quantity: {value: SN1/SN102 | decimal, uom: SN1/SN103}}
  levels[]: {each: HL, level: HL03}
  totals.level_count: CTT/CTT01 | int
computed:
  totals.level_count: count(HL)
"""
MARKS = Delimiters()


def load(name: str) -> bytes:
    if name.startswith("mappings/"):
        if name == "mappings/x12/004010/856.yaml":
            return MAPPING
        raise NotFoundError(name)
    return library()._load(name)


LIBRARY = Library(load)


def the_engine() -> SetEngine:
    found = LIBRARY.engine("004010", "856", documents=True)
    assert found is not None
    return found


SEGMENTS = {"S": "REF*BM*BOL1", "O": "PRF*PO{}", "T": "MAN*GM*T{}", "P": "MAN*GM*P{}", "I": "SN1**{}*EA"}


def levels(*rows: str, flags: bool = True) -> list[str]:
    """Segments of a set from rows such as ``3 2 P``: number, parent, level."""
    split = [row.split() if row.count(" ") == 2 else [row.split()[0], "", row.split()[1]] for row in rows]
    parents = {parent for _, parent, _ in split}
    found = ["BSN*00*SHIP1*20260301*1015*0001"]
    for number, parent, level in split:
        found.append(f"HL*{number}*{parent}*{level}" + (f"*{int(number in parents)}" if flags else ""))
        found.append(SEGMENTS.get(level, "REF*ZZ*{}").format(number))
    return [*found, f"CTT*{len(rows)}"]


def read(segments: list[str]) -> TransactionSet:
    text = "~".join(["ST*856*0001", *segments, f"SE*{len(segments) + 2}*0001"])
    head = (
        "ISA*00*          *00*          *ZZ*SUPPLIER       *ZZ*RETAILER       *260301*1015*U*00401*"
        "000000001*0*P*>~"
        "GS*SH*SUPPLIER*RETAILER*20260301*1015*1*X*004010~"
    )
    data = f"{head}{text}~GE*1*1~IEA*1*000000001~".encode()
    (found,) = (e for e in engine.read(io.BytesIO(data), guides=LIBRARY) if isinstance(e, TransactionSet))
    return found


def tree(value: dict[str, Any]) -> Any:
    """The levels of a document as nested lists of words: ``["orders", ["cartons", ["items"]]]``."""
    return [
        [name, *inner] if (inner := tree(item)) else [name]
        for name in ("orders", "pallets", "cartons", "items", "levels")
        for item in value.get(name, ())
    ]


STRUCTURES = {
    "S-O-P-I": (("1 S", "2 1 O", "3 2 P", "4 3 I"), [["orders", ["cartons", ["items"]]]]),
    "S-O-T-P-I": (
        ("1 S", "2 1 O", "3 2 T", "4 3 P", "5 4 I", "6 4 I"),
        [["orders", ["pallets", ["cartons", ["items"], ["items"]]]]],
    ),
    "S-O-I-P": (
        ("1 S", "2 1 O", "3 2 I", "4 3 P", "5 3 P"),
        [["orders", ["items", ["cartons"], ["cartons"]]]],
    ),
    "S-O-T-I-P": (
        ("1 S", "2 1 O", "3 2 T", "4 3 I", "5 4 P"),
        [["orders", ["pallets", ["items", ["cartons"]]]]],
    ),
    "S-P-O-I": (("1 S", "2 1 P", "3 2 O", "4 3 I"), [["cartons", ["orders", ["items"]]]]),
    "S-T-O-I": (("1 S", "2 1 T", "3 2 O", "4 3 I"), [["pallets", ["orders", ["items"]]]]),
    "S-O-T-I": (("1 S", "2 1 O", "3 2 T", "4 3 I"), [["orders", ["pallets", ["items"]]]]),
    "S-O-I": (("1 S", "2 1 O", "3 2 I", "4 1 O", "5 4 I"), [["orders", ["items"]], ["orders", ["items"]]]),
    "another level": (("1 S", "2 1 Q", "3 2 I"), [["levels", ["items"]]]),
    "items beside cartons": (
        ("1 S", "2 1 O", "3 2 I", "4 2 P", "5 4 I", "6 2 I"),
        [["orders", ["cartons", ["items"]], ["items"], ["items"]]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("flags", [True, False])
def test_every_structure_is_read_as_a_tree_and_written_back(name: str, flags: bool) -> None:
    rows, expected = STRUCTURES[name]
    segments = levels(*rows, flags=flags)
    found = read(segments)
    assert [p.code for p in found.problems if p.code != "MAP-UNMAPPED"] == []
    assert found.document is not None
    assert tree(found.document) == expected
    assert write_set(the_engine(), found.document, MARKS) == segments


@pytest.mark.parametrize("name", STRUCTURES)
def test_reader_and_writer_by_table_agree_with_generated_code(name: str) -> None:
    segments = levels(*STRUCTURES[name][0])
    document = read(segments).document
    assert document is not None
    plan = the_engine().plan
    assert plan is not None
    frame = ["ST*856*0001", *segments, f"SE*{len(segments) + 2}*0001"]
    assert DocumentReader(plan, {}).read(diagnose(plan.table, frame, MARKS).steps, MARKS) == body(document)
    whole = complete(plan, document)
    written = ["*".join(map(str, segment.parts)).rstrip("*") for segment in SetWriter(plan, whole).segments()]
    assert written == segments
    quick = the_engine().writer(body(whole), "*", ">")
    assert quick == (None if "extensions" in str(document) else segments)


def test_a_file_in_the_order_of_breadth_is_the_same_tree() -> None:
    rows = ("1 S", "2 1 O", "3 1 O", "4 2 P", "5 3 P", "6 4 I", "7 5 I", "8 4 I")
    found = read(levels(*rows))
    assert [p.code for p in found.problems] == []
    assert found.document is not None
    assert tree(found.document) == [
        ["orders", ["cartons", ["items"], ["items"]]],
        ["orders", ["cartons", ["items"]]],
    ]
    first, second = found.document["orders"]
    assert [item["quantity"]["value"] for item in first["cartons"][0]["items"]] == ["6", "8"]
    assert [item["quantity"]["value"] for item in second["cartons"][0]["items"]] == ["7"]
    written = [text for text in write_set(the_engine(), found.document, MARKS) if text[:2] == "HL"]
    assert written == [
        "HL*1**S*1", "HL*2*1*O*1", "HL*3*2*P*1", "HL*4*3*I*0", "HL*5*3*I*0",
        "HL*6*1*O*1", "HL*7*6*P*1", "HL*8*7*I*0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "address", "severity"),
    [
        (("HL*4*3*I*0", "HL*3*3*I*0"), "X12-HL-DUPLICATE", "HL01", "error"),
        (("HL*3*2*P*1", "HL*3*9*P*1"), "X12-HL-PARENT", "HL02", "error"),
        (("HL*3*2*P*1", "HL*3*4*P*1"), "X12-HL-PARENT", "HL02", "error"),
        (("HL*3*2*P*1", "HL*3**P*1"), "X12-HL-LEVEL", "HL03", "error"),
        (("HL*2*1*O*1", "HL*2*1*S*1"), "X12-HL-LEVEL", "HL03", "error"),
        (("HL*4*3*I*0", "HL*4*3*I*1"), "X12-HL-CHILDREN", "HL04", "warning"),
        (("HL*3*2*P*1", "HL*3*2*P*0"), "X12-HL-CHILDREN", "HL04", "warning"),
        (("HL*4*3*I*0", "HL*7*3*I*0"), "X12-HL-NUMBER", "HL01", "info"),
    ],
)
def test_what_is_wrong_with_a_tree_is_told_once(
    change: tuple[str, str], code: str, address: str, severity: str
) -> None:
    segments = [text.replace(*change) for text in levels("1 S", "2 1 O", "3 2 P", "4 3 I")]
    found = read(segments)
    assert [(p.code, p.location.address, p.severity) for p in found.problems][:1] == [
        (code, address, severity)
    ]
    assert {p.code for p in found.problems} == {code}
    assert (found.document is None) == (severity == "error")


def test_leading_zeros_of_numbers_are_no_fault() -> None:
    rows = ("0001 S", "0002 0001 O", "0003 0002 I")
    found = read(levels(*rows))
    assert [p.code for p in found.problems] == []


def test_a_field_that_no_level_has_is_refused_with_its_place() -> None:
    document = read(levels("1 S", "2 1 O", "3 2 P", "4 3 I")).document
    assert document is not None
    document["orders"][0]["cartons"][0]["colour"] = "red"
    with pytest.raises(Exception, match="cannot be written") as caught:
        write_set(the_engine(), document, MARKS)
    problems = getattr(caught.value, "problems", ())
    assert [(p.code, p.location.pointer) for p in problems] == [("DOC-LOST", "/orders/0/cartons/0/colour")]


def test_the_levels_are_counted_where_the_document_says_nothing() -> None:
    document = read(levels("1 S", "2 1 O", "3 2 P", "4 3 I")).document
    assert document is not None
    del document["totals"]
    assert write_set(the_engine(), document, MARKS)[-1] == "CTT*4"
