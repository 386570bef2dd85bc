"""JSON Schemas of the documents: the models' form, with X12 addresses and names of codes from the mappings.

``python -m tests.schemas`` writes all into ``schemas/documents``, and the XML Schemas into ``schemas/xml``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from gateway.documents import document_types
from gateway.documents.schema import Node, form, json_schema, resolved
from gateway.documents.values import DATE, DATETIME, DECIMAL
from gateway.engine import library
from gateway.errors import NotFoundError
from gateway.mapping.model import Copy, Repeated, Rule
from gateway.shapes.xml import is_fixed, namespace, singular

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
        _annotate(schema, (schema["$defs"][owner] if owner else schema)["properties"][name], *found)
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


def _annotate(
    schema: Node, described: dict[str, Any], places: dict[str, None], names: dict[str, None]
) -> None:
    words = described.get("description") or resolved(schema, described).get("description", "")
    text, example, rest = words.partition(" Example: ")
    if 0 < len(places) <= _MANY:
        described["x-x12"] = ", ".join(places)
        text += f" X12: {described['x-x12']}."
    if names:
        described["x-known-values"] = list(names)
        text += f" Known: {', '.join(names)}; any other X12 code as it is."
    if text:
        described["description"] = text + example + rest


# --- XML Schemas ---------------------------------------------------------------------------------------

_XS = "{http://www.w3.org/2001/XMLSchema}"
_NAMED: dict[str, Node] = {
    "text": {"type": "string", "minLength": 1},
    "decimal": {"type": "string", "pattern": DECIMAL},
    "date": {"type": "string", "pattern": DATE},
    "date_time": {"type": "string", "pattern": DATETIME},
    "count": {"type": "integer"},
    "xs:boolean": {"type": "boolean"},
    "xs:string": {"type": "string"},
}
"""Simple types that many elements have."""


@cache
def xsd(document_type: str) -> bytes:
    """The XML Schema of a document type, made from its model.

    Raises:
        NotFoundError: there is no such document type.
    """
    schema, space = form(document_type), namespace(document_type)
    prefixes: Any = {"xs": _XS[1:-1], None: space}
    top = etree.Element(_XS + "schema", nsmap=prefixes)
    top.attrib.update({"targetNamespace": space, "elementFormDefault": "qualified"})
    fields = {key: node for key, node in schema["properties"].items() if not is_fixed(node)}
    _element(top, schema, document_type, {**schema, "properties": fields})
    for name, node in (_NAMED | schema["$defs"]).items():
        if "patternProperties" not in node and not name.startswith("xs:"):
            _type(top, schema, node, name=name)
    etree.indent(top)
    return etree.tostring(top, encoding="utf-8", xml_declaration=True) + b"\n"


def _add(parent: Any, tag: str, **attributes: str) -> Any:
    return etree.SubElement(parent, _XS + tag, attributes)


def _described(made: Any, node: Node) -> Any:
    if text := node.get("description"):
        _add(_add(made, "annotation"), "documentation").text = text
    return made


def _element(parent: Any, schema: Node, name: str, node: Node, **occurs: str) -> None:
    """The declaration of an element: it names its type, or holds it where that has no name."""
    inner = resolved(schema, node)
    is_open = "patternProperties" in inner
    if "$ref" in node and not is_open:
        kind = node["$ref"].rpartition("/")[2]
    else:
        facets = {
            key: inner[key] for key in ("type", "pattern", "enum", "const", "minLength") if key in inner
        }
        kind = next((one for one, named in _NAMED.items() if named == facets), "")
    made = _described(_add(parent, "element", name=name, **({"type": kind} if kind else {}), **occurs), node)
    if is_open:
        _entries(made, inner, singular(name))
    elif not kind:
        _type(made, schema, inner, singular(name))


def _type(parent: Any, schema: Node, node: Node, entry: str = "", **named: str) -> None:
    """The type of an element; of those in a list ``entry`` is the name."""
    if node.get("type") == "object":
        members = _add(_described(_add(parent, "complexType", **named), node if named else {}), "all")
        for key, inner in node["properties"].items():
            optional = {} if key in node.get("required", ()) else {"minOccurs": "0"}
            _element(members, schema, key, inner, **optional)
    elif node.get("type") == "array":
        sequence = _add(_add(parent, "complexType", **named), "sequence")
        _element(sequence, schema, entry, node["items"], maxOccurs="unbounded")
    elif "anyOf" in node:
        mixed = _add(_add(parent, "complexType", mixed="true", **named), "sequence")
        _add(mixed, "element", name="part", type="xs:string", minOccurs="0", maxOccurs="unbounded")
    else:
        _restriction(parent, node, **named)


def _entries(made: Any, node: Node, name: str) -> None:
    """An object with open keys: each entry has its own key in the attribute ``type``."""
    sequence = _add(_add(made, "complexType"), "sequence")
    entry = _add(sequence, "element", name=name, minOccurs="0", maxOccurs="unbounded")
    value = _add(_add(_add(entry, "complexType"), "simpleContent"), "extension", base="text")
    allowed = "|".join([*node["properties"], *(key.strip("^$") for key in node["patternProperties"])])
    _restriction(_add(value, "attribute", name="type", use="required"), {"pattern": allowed})
    # A key constraint needs a name that is used once in the schema.
    number = sum(1 for _ in made.getroottree().iter(_XS + "unique"))
    unique = _add(made, "unique", name=f"once_{number + 1}")
    _add(unique, "selector", xpath="*")
    _add(unique, "field", xpath="@type")


def _restriction(parent: Any, node: Node, **named: str) -> None:
    """A restricted text, a whole number, or the constant ``true``."""
    base, facets = "xs:string", [("minLength", str(node.get("minLength", 0)))]
    match node:
        case {"type": "boolean"}:
            base, facets = "xs:boolean", [("pattern", "true|1")]
        case {"type": "integer"}:
            base, facets = "xs:nonNegativeInteger", [("totalDigits", "18")]
        case {"pattern": pattern}:
            facets = [("pattern", pattern.removeprefix("^").removesuffix("$"))]
        case {"enum": values}:
            facets = [("enumeration", value) for value in values]
        case {"const": value}:
            facets = [("enumeration", value)]
    made = _add(_add(parent, "simpleType", **named), "restriction", base=base)
    for facet, text in facets:
        _add(made, facet, value=text)


if __name__ == "__main__":
    for kind in document_types():
        text = json.dumps(document_schema(kind), indent=2, ensure_ascii=False) + "\n"
        Path(f"schemas/documents/{kind}.schema.json").write_text(text, encoding="utf-8")
        Path(f"schemas/xml/{kind}.xsd").write_bytes(xsd(kind))
