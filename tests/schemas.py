"""JSON Schemas of the documents: the models' form, with X12 addresses and names of codes from the mappings.

``python -m tests.schemas`` writes all into ``schemas/documents``, and the XML Schemas into ``schemas/xml``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.documents import document_types
from gateway.documents.schema import json_schema
from gateway.engine import library
from gateway.errors import NotFoundError
from gateway.mapping.model import Copy, Repeated, Rule
from gateway.shapes.xml import xsd

RELEASES = ("004010", "005010")
"""Where the addresses come from: the first release that has a mapping of the type."""

_MANY = 4
"""A field that stands in more places (such as the value of any quantity) is not given addresses."""

Stated = tuple[tuple[str, ...], str, tuple[str, ...]]
"""Path of a field, its address, and the names of its codes."""


def document_schema(document_type: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document type.

    Raises:
        NotFoundError: there is no such document type.
    """
    schema = json_schema(document_type)
    places: defaultdict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = defaultdict(
        lambda: ({}, {})
    )
    for path, address, codes in _fields(document_type):
        owner, node = "", schema
        for depth, name in enumerate(path, 1):
            described = node.get("properties", {}).get(name)
            if described is None:
                break
            target = described.get("items", described).get("$ref", "").rpartition("/")[2]
            inner = schema["$defs"].get(target, {})
            addresses, names = places[owner, name]
            # An address is noted at the field itself and, as a part of it, at the object around it.
            if depth == len(path):
                addresses[address] = None
                names.update(dict.fromkeys(codes))
            elif "extensions" not in inner.get("properties", {}):
                addresses[address] = None
            owner, node = target, inner
    for (owner, name), found in places.items():
        _annotate((schema["$defs"][owner] if owner else schema)["properties"][name], *found)
    return schema


def _fields(document_type: str) -> Iterator[Stated]:
    for release in RELEASES:
        try:
            yield from _stated(library().mapping_for(document_type, release).mapping.rules, ())
        except NotFoundError:
            continue
        return


def _stated(rules: tuple[Rule, ...], prefix: tuple[str, ...]) -> Iterator[Stated]:
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
        text = json.dumps(document_schema(kind), indent=2, ensure_ascii=False) + "\n"
        Path(f"schemas/documents/{kind}.schema.json").write_text(text, encoding="utf-8")
        Path(f"schemas/xml/{kind}.xsd").write_bytes(xsd(kind))
