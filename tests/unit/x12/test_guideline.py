"""Guidelines: what a partner wants differently, and what it may do all the same."""

from __future__ import annotations

import io
from typing import Any

import pytest

from gateway import engine
from gateway.engine import library
from gateway.errors import GuideError, NotFoundError
from gateway.mapping.library import Library
from gateway.x12.envelope import TransactionSet, Verdict
from gateway.x12.guideline import narrowed, parse_guideline
from gateway.x12.table import build
from tests.acceptance import edi

HEAD = '<guideline xmlns="urn:edi-gateway:guideline:1">'
Body = list[list[str | tuple[str, ...]]]
GUIDE = library().table("004010", "850")
assert GUIDE is not None


def of(*rows: str) -> bytes:
    return f"{HEAD}{''.join(rows)}</guideline>".encode()


class Files:
    """The installed files, and one guideline of the partner acme."""

    def __init__(self, guideline: bytes, mapping: bytes = b"") -> None:
        self.own = {"schemas/partners/acme/850.004010.xml": guideline}
        if mapping:
            self.own["mappings/partners/acme/850.004010.yaml"] = mapping

    def __call__(self, name: str) -> bytes:
        if "/partners/" in name and name not in self.own:
            raise NotFoundError(name)
        return self.own.get(name) or library()._load(name)


def read(*rows: str, body: Body | None = None, mapping: bytes = b"", profile: str = "acme") -> Any:
    """An order, checked as the partner wants it."""
    data = edi.Interchange.of(edi.group([edi.transaction(body or edi.order_body())])).to_bytes()
    guides = Library(Files(of(*rows), mapping)).of(profile)
    (found,) = (e for e in engine.read(io.BytesIO(data), guides=guides) if isinstance(e, TransactionSet))
    return found


def codes(found: TransactionSet) -> list[tuple[str, str]]:
    return [(p.code, p.location.address) for p in found.problems if p.code != "MAP-UNMAPPED"]


def changed(segment: str, element: int, value: str) -> Body:
    body = edi.order_body()
    next(one for one in body if one[0] == segment)[element] = value
    return body


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('<use at="BEG02" codes="RO CN"/>', [("X12-ELEMENT-CODE", "BEG02")]),
        ('<use at="BEG03" length="22"/>', [("X12-ELEMENT-SHORT", "BEG03")]),
        ('<use at="BEG03" length="1..3"/>', [("X12-ELEMENT-LONG", "BEG03")]),
        ('<use at="BEG03" pattern="^[a-z]+$"/>', [("X12-ELEMENT-CODE", "BEG03")]),
        ('<use at="BEG04" usage="R"/>', [("X12-ELEMENT-MISSING", "BEG04")]),
        ('<use at="BEG05" usage="N"/>', [("X12-ELEMENT-UNUSED", "BEG05")]),
        ('<use at="CSH" usage="R"/>', [("X12-SEGMENT-MISSING", "CSH")]),
        ('<use at="PO1" max="1"/>', [("X12-LOOP-REPEAT", "PO1")]),
        ('<use at="PO1/PO102" length="9"/>', [("X12-ELEMENT-SHORT", "PO102")] * 2),
        ('<use at="BEG02" codes="NE SA"/>', []),
    ],
)
def test_a_guideline_narrows_the_guide_of_its_partner_only(row: str, expected: list[tuple[str, str]]) -> None:
    found = read(row)
    assert codes(found) == expected
    assert found.guide == "acme/850.004010"
    assert (found.document is None) == bool(expected)
    assert codes(read(row, profile="")) == []


def test_a_loop_that_a_partner_never_sends() -> None:
    found = read('<use at="CTT" usage="N"/>')
    assert codes(found) == [("X12-SEGMENT-UNEXPECTED", "CTT")]


def test_codes_may_be_added() -> None:
    assert codes(read(body=changed("BEG", 2, "ZB"))) == [("X12-ELEMENT-CODE", "BEG02")]
    assert codes(read('<use at="BEG02" add="ZB"/>', body=changed("BEG", 2, "ZB"))) == []


LONG = changed("BEG", 3, "X" * 30)


def test_a_leniency_lets_pass_what_it_names_and_tells_it() -> None:
    assert codes(read(body=LONG)) == [("X12-ELEMENT-LONG", "BEG03")]
    found = read('<leniency name="long numbers" problem="X12-ELEMENT-LONG" at="BEG03"/>', body=LONG)
    assert found.verdict is Verdict.ACCEPTED
    (problem,) = (p for p in found.problems if p.code == "X12-ELEMENT-LONG")
    assert (problem.severity, problem.ack.ak3) == ("warning", None)
    assert problem.message.endswith("This is let pass: long numbers.")
    assert found.document["po_number"] == "X" * 30
    assert found.document["document_type"] == "purchase_order"


@pytest.mark.parametrize("place", ["BEG02", "PO1/PO102", "BEG"])
def test_a_leniency_is_for_its_place_alone(place: str) -> None:
    found = read(f'<leniency name="n" problem="X12-ELEMENT-LONG" at="{place}"/>', body=LONG)
    assert codes(found) == [("X12-ELEMENT-LONG", "BEG03")]
    assert found.verdict is Verdict.REJECTED


def test_one_error_beside_what_is_let_pass_rejects() -> None:
    body = changed("BEG", 3, "X" * 30)
    next(one for one in body if one[0] == "BEG")[5] = "20261399"
    found = read('<leniency name="n" problem="X12-ELEMENT-LONG" at="BEG03"/>', body=body)
    assert [(p.code, p.severity) for p in found.problems] == [
        ("X12-ELEMENT-LONG", "warning"),
        ("X12-ELEMENT-DATE", "error"),
    ]
    assert found.document is None


def test_what_is_let_pass_can_be_written_as_well() -> None:
    guides = Library(Files(of('<leniency name="n" problem="X12-ELEMENT-LONG" at="BEG03"/>'))).of("acme")
    found = read('<leniency name="n" problem="X12-ELEMENT-LONG" at="BEG03"/>', body=LONG)
    written = engine.write(found.document, guides=guides)
    assert b"*" + b"X" * 30 + b"*" in written


def test_a_partner_has_a_mapping_of_its_own() -> None:
    mapping = b"extends: x12/004010/850\nfields:\n  purpose: BEG01 | code(first=00)\n"
    assert read(mapping=mapping).document["purpose"] == "first"
    assert read(mapping=mapping, profile="").document["purpose"] == "original"
    assert read(mapping=mapping, profile="other").document["purpose"] == "original"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"<guideline", "850.xml"),
        (b"<other/>", "the outermost element is not <guideline>"),
        (of("<segment/>"), "a guideline has <use>"),
        (of('<use at="BEG02" usge="R"/>'), "line 1: a guideline has <use>"),
        (
            of('<leniency name="n" problem="X12-SEGMENT-UNKNOWN"/>'),
            "a leniency has a name, and a problem among",
        ),
        (of('<leniency problem="X12-ELEMENT-LONG"/>'), "a leniency has a name"),
        (of('<use at="BEG99" usage="R"/>'), "there is no BEG99 in 850.004010.xml"),
        (of('<use at="PO1/BEG02" usage="R"/>'), "there is no PO1/BEG02"),
        (of('<use at="BEG02" usage="X"/>'), "BEG02: usage is one of R, S, N, not 'X'"),
        (of('<use at="BEG03" length="a"/>'), "BEG03: length is a number or two"),
        (of('<use at="PO1" max="-1"/>'), "PO1: max is a number or >1"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + of('<use at="&b;"/>'), "a DTD has no place here"),
    ],
)
def test_a_wrong_guideline_is_told(text: bytes, words: str) -> None:
    assert GUIDE is not None
    with pytest.raises(GuideError) as caught:
        narrowed(GUIDE.guide, parse_guideline("850.xml", text))
    assert words in str(caught.value)


def test_the_levels_of_a_hierarchy_can_be_narrowed() -> None:
    table = library().table("004010", "856")
    assert table is not None
    overlay = parse_guideline("856.xml", of('<use at="HL" levels="S= O=S P=O I=P"/>'))
    (tree,) = {
        p.tree.level: p.tree for p in build(narrowed(table.guide, overlay)).positions if p.tree
    }.values()
    assert tree.parents == {
        "S": frozenset({""}), "O": frozenset({"S"}), "P": frozenset({"O"}), "I": frozenset({"P"}),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("version", "guide", "told"),
    [
        ("004020", "850.004010", True),
        ("004030", "850.005010", True),
        ("004010VICS", "850.004010", False),
        ("005030", "850.005010", True),
        ("006020", "850.005010", True),
        ("003060", None, False),
        ("009010", None, False),
        ("00401", None, False),
    ],
)
def test_a_release_without_guides_is_served_by_the_nearest(
    version: str, guide: str | None, told: bool
) -> None:
    data = edi.Interchange.of(edi.group([edi.transaction(edi.order_body())], version=version)).to_bytes()
    (found,) = (e for e in engine.read(io.BytesIO(data)) if isinstance(e, TransactionSet))
    assert found.guide == guide
    assert ("X12-NEAREST-GUIDE" in [p.code for p in found.problems]) == told
    assert (found.document is not None) == (guide is not None)


def test_lengths_and_codes_of_another_release_do_not_reject() -> None:
    body = changed("BEG", 3, "X" * 30)
    data = edi.Interchange.of(edi.group([edi.transaction(body)], version="004020")).to_bytes()
    (found,) = (e for e in engine.read(io.BytesIO(data)) if isinstance(e, TransactionSet))
    assert [(p.code, p.severity) for p in found.problems] == [
        ("X12-ELEMENT-LONG", "warning"),
        ("X12-NEAREST-GUIDE", "info"),
    ]
    assert found.document is not None
