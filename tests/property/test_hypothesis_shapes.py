"""Whole documents of every type survive the way into another shape and back."""

from __future__ import annotations

import io
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.documents import document_types
from gateway.documents.validation import explain
from gateway.errors import DocumentError, Problem
from gateway.shapes import columns, xml
from gateway.shapes.model import Shape, parse_shape
from tests.schemas import xsd
from tests.strategies import PLAIN, WILD, documents


@pytest.mark.parametrize("kind", document_types())
@given(data=st.data())
@settings(max_examples=15)
def test_a_document_comes_back_from_xml(kind: str, data: st.DataObject) -> None:
    given_documents = data.draw(st.lists(documents(kind, alphabet=WILD), min_size=1, max_size=2))
    written = b"".join(xml.write(given_documents))
    assert list(xml.read(io.BytesIO(written))) == given_documents


@pytest.mark.parametrize("kind", document_types())
@given(data=st.data())
@settings(max_examples=10)
def test_drawn_documents_are_right_and_not_poor(kind: str, data: st.DataObject) -> None:
    found = data.draw(documents(kind, share=1.0))
    assert explain(found) == ()
    assert len(found) > 10 or kind == "functional_acknowledgment"


QUOTED = """\
shape: csv
document: purchase_order
delimiter: ";"
each: lines[]
columns:
  PO: {path: po_number, key: true}
  PURPOSE: purpose
  TYPE: po_type
  DATE: {path: ordered_at, format: DD.MM.YYYY}
  TEST: {path: test, codes: {"true": T, "false": P}}
  CURRENCY: currency
  REF: customer_ref
  LATER: {path: backorder_default}
  CANCEL: {path: cancel_after}
  SHIP_TO: "parties[role=ship_to].id"
  STREET: "parties[role=ship_to].address.lines[1]"
  NET: terms.net_days
  LINE: "lines[].line_no"
  QTY: {path: "lines[].quantity.value", mark: ","}
  PRICE: {path: "lines[].unit_price.amount", sign: trailing}
  EAN: "lines[].ids.ean"
  PR: "lines[].ids.PR"
  TEXT: "lines[].description"
  MESSAGE: "lines[].messages[1]"
"""
TAGGED = """\
shape: fixed
document: purchase_order
trimmed: true
records:
  - tag: H
    columns:
      PO: {path: po_number, length: 40}
      PURPOSE: {path: purpose, length: 40}
      TYPE: {path: po_type, length: 40}
      DATE: {path: ordered_at, length: 6, format: YYMMDD}
      LINES: {count: L, length: 4, align: right}
  - tag: P
    each: parties[]
    columns: {ROLE: {path: "parties[].role", length: 40}, NAME: {path: "parties[].name", length: 40}}
  - tag: C
    each: parties[].contacts[]
    columns: {FUNCTION: {path: "parties[].contacts[].function", length: 40}}
  - tag: L
    each: lines[]
    columns:
      LINE: {path: "lines[].line_no", length: 40, align: right}
      QTY: {path: "lines[].quantity.value", length: 15, align: right, pad: "0", places: 3, implied: true}
      TEXT: {path: "lines[].description", length: 40}
  - tag: T
    in: document
    required: true
    columns: {ROWS: {count: rows, length: 4}}
"""
SHAPES = {text: parse_shape(text, "drawn.yaml") for text in (QUOTED, TAGGED)}


def rows(shape: Shape, given_documents: list[dict[str, Any]]) -> bytes:
    return b"".join(columns.write(shape, given_documents))


@pytest.mark.parametrize(
    ("text", "alphabet"), [(QUOTED, WILD), (TAGGED, PLAIN + "\u20ac\u00e9;")], ids=["csv", "fixed"]
)
@given(data=st.data())
@settings(max_examples=80)
def test_what_has_a_column_comes_back_from_rows(text: str, alphabet: str, data: st.DataObject) -> None:
    found = data.draw(st.lists(documents("purchase_order", alphabet=alphabet), min_size=1, max_size=3))
    for number, document in enumerate(found):
        document["po_number"] = f"PO-{number}"
        document["ordered_at"] = document["ordered_at"].replace("1990", "1970")
        for line, inner in enumerate(document["lines"]):
            inner["line_no"] = str(line)
    shape = SHAPES[text]
    written = rows(shape, found)
    read = list(columns.read(shape, io.BytesIO(written)))
    assert [one["po_number"] for one in read] == [one["po_number"] for one in found]
    assert [[line["line_no"] for line in one["lines"]] for one in read] == [
        [line["line_no"] for line in one["lines"]] for one in found
    ]
    assert [one.get("customer_ref") for one in read] == [
        one.get("customer_ref") if text is QUOTED else None for one in found
    ]
    assert rows(shape, read) == written
    assert list(columns.read(shape, io.BytesIO(rows(shape, read)))) == read


@pytest.mark.parametrize("text", [QUOTED, TAGGED], ids=["csv", "fixed"])
@given(data=st.data(), seed=st.integers(0, 2**32))
@settings(max_examples=150)
def test_spoiled_rows_are_refused_with_reasons_or_still_documents(
    text: str, data: st.DataObject, seed: int
) -> None:
    shape = SHAPES[text]
    found = data.draw(st.lists(documents("purchase_order", share=0.3), min_size=1, max_size=2))
    choices, written = Random(seed), bytearray(rows(shape, found))
    for _ in range(choices.randint(1, 4)):
        at = choices.randrange(len(written))
        part = choices.choice(
            (b"", b"\n", b";", b'"', b"\0", b"\xff", b"\r", b"H", b"9" * 30, b"\n" + written[:at])
        )
        written[at : at + choices.choice((0, 1, 20))] = part
    problems: tuple[Problem, ...] = ()
    read: list[dict[str, Any]] = []
    try:
        read += columns.read(shape, io.BytesIO(bytes(written)))
    except DocumentError as error:
        problems = error.problems
    assert all(explain(one) == () for one in read)
    assert all(one.message and one.hint and one.location.line for one in problems)


XSD = etree.XMLSchema(etree.fromstring(xsd("purchase_order")))


@given(documents("purchase_order", alphabet=WILD, share=0.3), st.integers(0, 2**32))
@settings(max_examples=150)
def test_spoiled_xml_is_refused_with_reasons_or_still_a_document(document: dict[str, Any], seed: int) -> None:
    choices, written = Random(seed), bytearray(b"".join(xml.write([document])))
    for _ in range(choices.randint(1, 4)):
        at = choices.randrange(len(written))
        part = choices.choice((b"", b"<", b">", b"\0", b"\xff", b"&", b"</a>", b'"', b"<lines/>", b"9"))
        written[at : at + choices.choice((0, 1, 20))] = part
    problems: tuple[Problem, ...] = ()
    found: list[dict[str, Any]] = []
    try:
        found += xml.read(io.BytesIO(bytes(written)))
    except DocumentError as error:
        problems = error.problems
    assert bool(found) is not bool(problems)
    assert all(explain(one) == () for one in found)
    assert not found or XSD.validate(etree.fromstring(bytes(written)))
    assert all(one.message and one.hint for one in problems)
