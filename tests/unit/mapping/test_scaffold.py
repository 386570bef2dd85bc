"""Starter mappings: clean for every guide, and nothing of a set is lost in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import resources
from gateway.engine import library
from gateway.mapping.check import check_mapping
from gateway.mapping.library import Library
from gateway.mapping.scaffold import scaffold
from gateway.mapping.trial import Trial, run_trial
from gateway.x12.table import Table

DATA = Path(__file__).resolve().parents[2] / "data" / "x12"
GUIDES = [
    f"{release}/{set_id}"
    for release in ("004010", "005010")
    for set_id in ("810", "820", "824", "846", "850", "855", "856", "860", "864", "865", "997")
]


def table(name: str) -> Table:
    release, set_id = name.split("/")
    found = library().table(release, set_id)
    assert found is not None
    return found


def starter(name: str) -> str:
    return scaffold(table(name), f"x12/{name}", "starter", library().mapping_file)


@pytest.mark.parametrize("name", GUIDES)
def test_a_starter_is_clean_and_names_every_segment(name: str) -> None:
    text, guide = starter(name), table(name)
    found = check_mapping(text, lambda _: guide, None, library().mapping_file)
    assert [problem.message for problem in found if problem.severity != "info"] == []
    for position in guide.positions[1:-1]:
        if position.id not in ("N2", "N3", "N4", "MSG", "LQ"):  # they are in blocks
            assert f"# {position.id}: " in text


@pytest.mark.parametrize("name", [name for name in GUIDES if name.startswith("004010")])
def test_sets_read_by_a_starter_are_written_as_they_were(name: str) -> None:
    text = starter(name).encode()

    def load(resource: str) -> bytes:
        return text if resource == f"mappings/x12/{name}.yaml" else resources.find(resource).read_bytes()

    guides = Library(load)
    # Those without a document are read only: they come back in another order.
    for path in (path.with_suffix(".edi") for path in sorted((DATA / name).glob("*.json"))):
        for one in path.read_text().split("\nST*")[1:]:
            given = "ST*" + one.partition("\nGE*")[0]
            assert run_trial(Trial(path.stem, given, given), guides, f"x12/{name}", "starter") == []


def test_a_starter_uses_blocks_tables_and_pairs() -> None:
    lines = {line.strip() for line in starter("004010/846").splitlines()}
    assert lines >= {
        "references[]: $references",
        "use: parties",
        "date: BIA04,BIA05 | datetime",
        "product_ids: LIN02.. | pairs(@item_ids)",
        "date: LDT04 | date",
    }
