"""The JSON Schemas in the tree are those of the models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.documents import document_types
from gateway.documents.schema import json_schema
from gateway.errors import NotFoundError
from tests.schemas import document_schema

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "documents"


@pytest.mark.parametrize("document_type", document_types())
def test_the_schema_in_the_tree_is_up_to_date(document_type: str) -> None:
    found = json.loads((SCHEMAS / f"{document_type}.schema.json").read_text(encoding="utf-8"))
    assert json.dumps(found) == json.dumps(document_schema(document_type)), "run: python -m tests.schemas"


def test_there_is_no_schema_without_a_model() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {f"{name}.schema.json" for name in document_types()}


def test_the_schema_says_what_the_model_means() -> None:
    schema = json_schema("purchase_order")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:edi-gateway:schema:purchase_order:1"
    assert schema["required"] == [
        "document_type",
        "schema_version",
        "po_number",
        "purpose",
        "po_type",
        "ordered_at",
        "lines",
    ]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["ItemIds"]["additionalProperties"] is False
    assert list(schema["$defs"]["ItemIds"]["patternProperties"]) == ["^[0-9A-Z]{2,3}$"]


def test_an_optional_field_is_left_out_and_never_null() -> None:
    assert "null" not in json.dumps(json_schema("purchase_order"))
    assert list(find(json_schema("purchase_order"), "default")) == []


def find(node: Any, key: str) -> Any:
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        for value in node.values():
            yield from find(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from find(value, key)


def test_an_unknown_type_has_no_schema() -> None:
    with pytest.raises(NotFoundError):
        json_schema("order")
