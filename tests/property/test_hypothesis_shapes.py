"""Whole documents of every type survive the way into another shape and back."""

from __future__ import annotations

import io
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.documents import document_types
from gateway.documents.validation import explain
from gateway.errors import DocumentError, Problem
from gateway.shapes import xml
from tests.strategies import WILD, documents


@pytest.mark.parametrize("kind", document_types())
@given(data=st.data())
@settings(max_examples=60)
def test_a_document_comes_back_from_xml(kind: str, data: st.DataObject) -> None:
    given_documents = data.draw(st.lists(documents(kind, alphabet=WILD), min_size=1, max_size=3))
    written = b"".join(xml.write(given_documents))
    assert list(xml.read(io.BytesIO(written))) == given_documents


@pytest.mark.parametrize("kind", document_types())
@given(data=st.data())
@settings(max_examples=10)
def test_drawn_documents_are_right_and_not_poor(kind: str, data: st.DataObject) -> None:
    found = data.draw(documents(kind, share=1.0))
    assert explain(found) == ()
    assert len(found) > 10 or kind == "functional_acknowledgment"


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
    assert all(one.message and one.hint for one in problems)
