"""JSON Schemas of the documents: the models' form, with X12 addresses and names of codes from the mappings.

``python -m gateway.schemas`` writes all into ``schemas/documents``, and the XML Schemas into ``schemas/xml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway.documents import document_types, model_for
from gateway.documents.fields import inner_model
from gateway.documents.schema import json_schema
from gateway.engine import library
from gateway.errors import NotFoundError
from gateway.mapping.model import Copy, Mapping, Repeated, Rule
from gateway.shapes.xml import xsd

RELEASES = ("004010", "005010")
"""Where the addresses come from: the first release that has a mapping of the type."""

_MANY = 4
"""A field that stands in more places (such as the value of any quantity) is not given addresses."""

Places = dict[tuple[str, str], dict[str, None]]


def document_schema(document_type: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document type.

    Raises:
        NotFoundError: there is no such document type.
    """
    schema, model = json_schema(document_type), model_for(document_type)
    mapping = _mapping(document_type)
    addresses: Places = {}
    names: Places = {}
    if mapping is not None:
        for path, address, codes in _stated(mapping.rules, ()):
            _note(model, path, address, codes, addresses, names)
    for owner, definition in ((model.__name__, schema), *schema.get("$defs", {}).items()):
        for name, described in definition.get("properties", {}).items():
            _annotate(described, addresses.get((owner, name), {}), names.get((owner, name), {}))
    return schema


def document_schema_text(document_type: str) -> str:
    """:func:`document_schema` as the text of its file."""
    return json.dumps(document_schema(document_type), indent=2, ensure_ascii=False) + "\n"


def _mapping(document_type: str) -> Mapping | None:
    for release in RELEASES:
        try:
            return library().mapping_for(document_type, release).mapping
        except NotFoundError:
            continue
    return None


def _stated(
    rules: tuple[Rule, ...], prefix: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, tuple[str, ...]]]:
    """Path of every field with its address and the names of its codes."""
    for rule in rules:
        path = (*prefix, *rule.path)
        match rule:
            case Copy():
                continue
            case Repeated():
                yield path, rule.each.text if rule.scalar is None else rule.scalar.address.text, ()
                yield from _stated(rule.rules, path)
            case _:
                used, text = rule.converter, rule.address.text
                if used.name == "pairs":
                    yield path, text, ()
                    yield from (((*path, name), f"{text} {code}", ()) for code, name in used.table.items())
                elif used.keys:
                    yield path, text, ()
                    yield from (((*path, key), text, ()) for key in used.keys)
                else:
                    yield path, text, tuple(map(str, used.table.values())) if used.name == "code" else ()


def _note(
    model: type[BaseModel],
    path: tuple[str, ...],
    address: str,
    codes: tuple[str, ...],
    addresses: Places,
    names: Places,
) -> None:
    """Notes an address at the field itself and, as a part of it, at the object around it."""
    for depth, name in enumerate(path):
        field = model.model_fields.get(name)
        inner = inner_model(field.annotation) if field is not None else None
        key = (model.__name__, name)
        if depth == len(path) - 1:
            addresses.setdefault(key, {})[address] = None
            names.setdefault(key, {}).update(dict.fromkeys(codes))
        elif field is not None and inner is not None and "extensions" not in inner.model_fields:
            addresses.setdefault(key, {})[address] = None
        if inner is None:
            return
        model = inner


def _annotate(described: dict[str, Any], places: dict[str, None], names: dict[str, None]) -> None:
    text, example, rest = described.get("description", "").partition(" Example: ")
    if 0 < len(places) <= _MANY:
        described["x-x12"] = ", ".join(places)
        text += f" X12: {described['x-x12']}."
    if names:
        described["x-known-values"] = list(names)
        text += f" Known: {', '.join(names)}; any other X12 code as it is."
    if text:
        described["description"] = text + example + rest


if __name__ == "__main__":
    for kind in document_types():
        Path(f"schemas/documents/{kind}.schema.json").write_text(document_schema_text(kind), encoding="utf-8")
        Path(f"schemas/xml/{kind}.xsd").write_bytes(xsd(kind))
