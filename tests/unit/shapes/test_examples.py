"""The shapes that are shipped do what the tests beside them say, and their files come back as they were."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.documents.validation import explain
from gateway.shapes import columns, jsonata
from gateway.shapes.model import Shape, parse_shape
from tests.unit.shapes.support import written

FOLDER = Path(__file__).resolve().parents[3] / "mappings" / "erp"
SHAPES = sorted(path.stem.removesuffix(".test") for path in FOLDER.glob("*.test.yaml"))
STYLESHEETS = sorted(path.name.partition(".")[0] for path in FOLDER.glob("*.read.xslt"))
CASES = [
    (name, case)
    for name in SHAPES
    for case in yaml.safe_load((FOLDER / f"{name}.test.yaml").read_text("utf-8"))["tests"]
]


def shape(name: str) -> Shape:
    return parse_shape((FOLDER / f"{name}.yaml").read_text("utf-8"), name)


def test_there_is_an_example_of_every_kind() -> None:
    assert {shape(name).shape for name in SHAPES} == {"csv", "fixed", "jsonata"}
    assert {shape(name).document for name in SHAPES} >= {"purchase_order", "ship_notice", "invoice"}


def test_every_shape_has_tests_beside_it_or_in_those_of_the_profiles() -> None:
    shapes = {path.stem for path in FOLDER.glob("*.yaml") if not path.stem.endswith(".test")}
    assert shapes == {*SHAPES, *STYLESHEETS}


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}: {case['name']}" for name, case in CASES])
def test_an_example_both_ways(name: str, case: dict[str, Any]) -> None:
    used = shape(name)
    assert all(explain(one) == () for one in case["expected"])
    if used.shape == "jsonata":
        assert list(jsonata.read(used, [case["input"]])) == case["expected"]
        assert list(jsonata.write(used, case["expected"])) == [case["input"]]
        return
    text = case["input"]
    assert list(columns.read(used, io.BytesIO(text.encode(used.encoding)))) == case["expected"]
    back = written(used, case["expected"]).decode(used.encoding).removeprefix("\ufeff").replace("\r\n", "\n")
    assert back == case.get("written", text)
