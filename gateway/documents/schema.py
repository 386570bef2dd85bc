"""JSON Schemas of the documents, derived from the models.

The files ``schemas/documents/<type>.schema.json`` are made from it by ``python -m tests.schemas``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from gateway.documents import model_for
from gateway.documents.values import DATE, DATETIME, DECIMAL

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Node = dict[str, Any]
"""A part of the JSON Schema of a document type."""

_KINDS = {DECIMAL: "decimal", DATE: "date", DATETIME: "datetime"}


class _Generator(GenerateJsonSchema):
    """Says what the models mean by an optional field: it may be left out, but is never ``null``."""

    schema_dialect = DIALECT

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the names say enough
        return False


def json_schema(document_type: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document type.

    Raises:
        NotFoundError: there is no such document type.
    """
    model = model_for(document_type)
    schema = model.model_json_schema(schema_generator=_Generator, mode="validation")
    head = {"$schema": DIALECT, "$id": f"urn:edi-gateway:schema:{document_type}:1"}
    return head | schema


form = cache(json_schema)
"""The one JSON Schema of a document type, to be read only; NotFoundError where there is no such type."""


def resolved(schema: Node, node: Node) -> Node:
    """The node itself, or what its ``$ref`` names."""
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def kind(node: Node) -> str:
    """What stands at a node: string, decimal, date, datetime, integer, boolean, object or array."""
    return _KINDS.get(node.get("pattern", ""), str(node.get("type")))
