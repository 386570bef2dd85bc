"""Bodies of the SP-API survive the way to documents and back, and documents the way to bodies."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import engine
from gateway.documents.validation import explain
from gateway.mapping.body import BodyReader, BodyWriter, decode, encode, faults
from gateway.mapping.writer import body as body_of
from gateway.sp_api import KINDS, packing, read_body, write_body
from tests.bodies import Draft, Json, ship_notice

LIBRARY = engine.library()
SHARES = st.sampled_from((0.0, 0.2, 0.5, 0.9, 1.0))
SEEDS = st.integers(0, 2**32)

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ODD = JUNK | st.sampled_from(
    (" New", "New ", "\u00a0New", "", " ", "1.50", "007", 7, True, "true", "2026-03-02T00:00:00Z")
)
"""What does not say just what would be written of it, too."""


def bare(value: Any) -> Any:
    """A document without what only tells how its body was, and without what is nothing then."""
    if isinstance(value, dict):
        return {
            key: found for key, one in value.items() if key != "extensions" and (found := bare(one)) != []
        }
    return [found for one in value if (found := bare(one)) != {}] if isinstance(value, list) else value


def ordered(value: Any) -> Any:
    """A body with its lists in an order of their own: entries that rules choose are written first."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return sorted(map(ordered, value), key=repr) if isinstance(value, list) else value


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS, share=SHARES)
def test_a_body_comes_back_from_its_mapping_as_it_was(kind: str, seed: int, share: float) -> None:
    plan = LIBRARY.body(kind)
    body = Draft(Random(seed), share).body(kind)
    assert faults(plan, body, inbound=True) == []
    document = BodyReader(plan).read(decode(encode(body)))
    writer = BodyWriter(plan, json.loads(json.dumps(document)))
    assert ordered(writer.write()) == ordered(body)
    assert writer.problems == []


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS, share=SHARES, junk=st.lists(ODD, max_size=6))
def test_what_is_taken_at_once_is_what_a_closer_look_takes(
    kind: str, seed: int, share: float, junk: list[Any]
) -> None:
    choices = Random(seed)
    body = Draft(choices, share).body(kind)
    for one in junk:
        _spoil(body, one, choices)
    plan = LIBRARY.body(kind)
    assert BodyReader(plan).read(body) == BodyReader(plan, traced=True).read(body)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "shipment_confirmation"])
@given(seed=SEEDS, share=SHARES)
def test_a_document_comes_back_as_it_was(kind: str, seed: int, share: float) -> None:
    (document,) = read_body(kind, Draft(Random(seed), share).body(kind), LIBRARY).documents
    plain = bare(document)
    if explain(plain):  # where a part is only extensions, nothing is left without them
        return
    written = write_body(plain, LIBRARY, kind=kind)
    if not written.may_be_sent:  # bodies that only come in have mandatory members no field is written to
        assert {one.code for one in written.problems if one.is_error} == {"BODY-MISSING"}
        return
    (again,) = read_body(kind, written.body, LIBRARY).documents
    assert bare(again) == plain


@pytest.mark.parametrize("structure", packing.STRUCTURES)
@given(seed=SEEDS)
def test_a_shipment_of_every_structure_comes_back_as_it_was(structure: str, seed: int) -> None:
    notice = ship_notice(structure, Random(seed))
    assert explain(notice) == ()
    written = write_body(notice, LIBRARY)
    assert [one.message for one in written.problems] == []
    (sent,) = written.body["shipmentConfirmations"]
    assert sent["shipmentStructure"] == structure
    (again,) = read_body("shipment_confirmation", written.body, LIBRARY).documents
    assert bare(again) == notice
    # What is packed is what is shipped.
    for item in sent["shippedItems"]:
        packed = [
            one["shippedQuantity"]["amount"]
            for container in (*sent.get("cartons", ()), *sent.get("pallets", ()))
            for one in container.get("items", ())
            if one["itemReference"] == item["itemSequenceNumber"]
        ]
        assert sum(packed) == item["shippedQuantity"]["amount"]


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS, share=SHARES, junk=st.lists(JUNK, min_size=1, max_size=6))
def test_nothing_that_comes_in_ends_the_reading(kind: str, seed: int, share: float, junk: list[Any]) -> None:
    choices = Random(seed)
    body = Draft(choices, share).body(kind)
    for one in junk:
        _spoil(body, one, choices)
    found = read_body(kind, body, LIBRARY)
    assert found.documents or any(one.code == "BODY-KIND" for one in found.problems)
    for document in found.documents:
        json.dumps(body_of(document))
    assert read_body(kind, junk, LIBRARY) is not None


def _spoil(body: Json, junk: Any, choices: Random) -> None:
    """Puts something else into a place of a body."""
    node: Any = body
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = choices.choice(keys)
        if not isinstance(node[key], dict | list) or choices.random() < 0.3:
            node[key] = junk
            return
        node = node[key]
