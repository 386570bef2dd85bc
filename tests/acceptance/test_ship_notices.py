"""Trees of ship notices and sums of remittance advices, on hand-written interchanges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.engine import read, write
from gateway.errors import Problem
from gateway.mapping.writer import body
from gateway.x12.envelope import TransactionSet
from tests.acceptance.test_golden import envelope

FILES = Path(__file__).resolve().parents[1] / "data" / "x12" / "004010"
LISTS = ("orders", "pallets", "cartons", "items", "levels")

STRUCTURES = {
    "order_carton_item": ("orders", "cartons", "items"),
    "order_pallet_carton_item": ("orders", "pallets", "cartons", "items"),
    "order_item_carton": ("orders", "items", "cartons"),
    "order_pallet_item_carton": ("orders", "pallets", "items", "cartons"),
    "carton_order_item": ("cartons", "orders", "items"),
    "pallet_order_item": ("pallets", "orders", "items"),
    "order_pallet_item": ("orders", "pallets", "items"),
    "order_item": ("orders", "items"),
}


def document_of(interchange: Path | bytes) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    (one,) = (event for event in read(interchange) if isinstance(event, TransactionSet))
    assert one.document is not None
    return json.loads(json.dumps(one.document)), tuple(one.problems)


def branches(level: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The lists on the way to every lowest level."""
    below = [(name, inner) for name in LISTS for inner in level.get(name, ())]
    if not below:
        yield above
    for name, inner in below:
        yield from branches(inner, (*above, name))


@pytest.mark.parametrize(("name", "lists"), STRUCTURES.items())
def test_every_structure_becomes_its_tree(name: str, lists: tuple[str, ...]) -> None:
    document, problems = document_of(FILES / "856" / f"{name}.edi")
    assert set(branches(document)) == {lists}
    assert [problem.code for problem in problems] == []


def test_the_parent_decides_and_not_the_order() -> None:
    breadth, _ = document_of(FILES / "856" / "breadth_first.edi")
    depth, _ = document_of(FILES / "856" / "order_carton_item.edi")
    assert body(breadth) == body(depth)


def test_levels_are_numbered_and_counted_when_written() -> None:
    document, _ = document_of(FILES / "856" / "breadth_first.edi")
    del document["totals"]["level_count"]
    written = write(document, envelope=envelope(document)).decode().splitlines()
    levels = [line.split("*") for line in written if line.startswith("HL*")]
    assert [level[1] for level in levels] == [str(number) for number in range(1, len(levels) + 1)]
    assert "".join(level[3] for level in levels) == "SOPIIPIOPI"
    assert [level[2] for level in levels] == ["", "1", "2", "3", "3", "2", "6", "1", "8", "9"]
    assert f"CTT*{len(levels)}*54~" in written


def test_a_payment_that_does_not_add_up_is_told() -> None:
    stated = (FILES / "820" / "adjustments.edi").read_bytes()
    document, problems = document_of(stated.replace(b"*3166.64*", b"*3166.74*"))
    assert document["amount"] == {"amount": "3166.74"}
    (problem,) = problems
    assert not problem.is_error
    assert "3166.64" in problem.message


def test_the_payment_is_added_up_when_written() -> None:
    path = FILES / "820" / "adjustments.edi"
    document, _ = document_of(path)
    del document["amount"]
    assert write(document, envelope=envelope(document)) == path.read_bytes()
