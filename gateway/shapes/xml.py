"""Documents as plain XML; the XML Schema of each document type, ``schemas/xml``, says the same of its form.

The rules are the same for every type, and can be undone:

- the root is named after the document type, in the namespace ``urn:edi-gateway:<type>:1``, whose last part is
  the ``schema_version``; several documents stand in ``<documents xmlns="urn:edi-gateway:documents:1">``;
- a field is an element of its name, a list an element of its name with an element for each entry, in the
  singular (`singular`);
- an object with open keys, such as the identifiers of an item, is written like a list whose entries tell
  their key in the attribute ``type``;
- a composite element kept in ``extensions`` has an element ``part`` for each component.

Objects take their elements in any order. DTDs are refused, entities and network are off, and libxml2's limits
on depth (256) and text (10 MB) stay on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO, cast

from lxml import etree

from gateway.documents import document_types
from gateway.documents.schema import Node, form, resolved
from gateway.documents.validation import explain
from gateway.errors import DocumentError
from gateway.shapes.form import Problems, nearest, nearest_place, pointer

WRAPPER = "documents"
MAX_BYTES = 64 * 1024 * 1024
"""Of one document; as much as a transaction set may have."""

_XINCLUDE = "{http://www.w3.org/2001/XInclude}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_HINTS = (_XSI + "schemaLocation", _XSI + "noNamespaceSchemaLocation")
"""Attributes that any element may have: they say where its schema is."""


def namespace(name: str) -> str:
    """The namespace of a document type, or of the wrapper."""
    return f"urn:edi-gateway:{name}:1"


def singular(name: str) -> str:
    """The name of the entries of a list: ``lines`` has ``line``, ``parties`` has ``party``."""
    for pattern, ending in ((r"ies$", "y"), (r"(x|ss|ch|sh)es$", r"\1"), (r"s$", "")):
        found, count = re.subn(pattern, ending, name)
        if count:
            return found
    return "item"


def is_fixed(node: Node) -> bool:
    """Whether the namespace tells the value of a field of the root already."""
    return isinstance(node.get("const"), str)


# --- writing ---------------------------------------------------------------------------------------------


def write(documents: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Documents as one XML file, piece by piece; a single one is the root, several stand in a wrapper.

    Raises:
        DocumentError: at the end; a value has a character XML cannot hold.
    """
    problems = Problems("The documents cannot be written as XML")
    made = (_tree(one, f"Document {number}, ", problems) for number, one in enumerate(documents, 1))
    first = list(islice(made, 2))
    if not first:
        raise DocumentError("There is no document to write.")
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
    if len(first) > 1:
        yield f'<{WRAPPER} xmlns="{namespace(WRAPPER)}">\n'.encode()
    for element in chain(first, made):
        etree.indent(element)
        yield etree.tostring(element, encoding="utf-8") + b"\n"
    if len(first) > 1:
        yield f"</{WRAPPER}>\n".encode()
    problems.check()


def _tree(document: dict[str, Any], name: str, problems: Problems) -> Any:
    schema = form(str(document.get("document_type")))
    kind = document["document_type"]
    space = f"{{{namespace(kind)}}}"
    default: Any = {None: namespace(kind)}
    root = etree.Element(space + kind, nsmap=default)

    def fill(element: Any, value: Any, node: Node, key: str, at: str) -> None:
        node = resolved(schema, node)
        if isinstance(value, dict):
            is_open = "patternProperties" in node
            for field, inner in value.items():
                known = node["properties"].get(field, {})
                if element is root and is_fixed(known):
                    continue
                child = etree.SubElement(element, space + (singular(key) if is_open else field))
                if is_open:
                    child.set("type", field)
                fill(child, inner, known, field, pointer(at, field))
        elif isinstance(value, list | tuple):
            is_part = "anyOf" in node
            for index, inner in enumerate(value):
                child = etree.SubElement(element, space + ("part" if is_part else singular(key)))
                fill(child, inner, node.get("items", {}), "", pointer(at, index))
        else:
            try:
                element.text = str(value).lower() if isinstance(value, bool) else str(value)
            except ValueError:
                what = "the value has a control character, for which XML has no form."
                problems.tell("SHAPE-XML", name + at, what, ascii(value), pointer=at)

    fill(root, document, schema, kind, "")
    return root


# --- reading ---------------------------------------------------------------------------------------------


def read(source: BinaryIO) -> Iterator[dict[str, Any]]:
    """The documents of an XML file, one in memory at a time; none is given on after one that is wrong.

    Raises:
        DocumentError: at the end, with everything that is wrong, each with its XPath and line.
    """
    problems = Problems("The XML is not right")
    try:
        for element, path in _roots(source, problems):
            document = _document(element, path, problems)
            if not problems.found:
                yield document
    except etree.XMLSyntaxError as error:
        _tell_syntax(problems, error)
    problems.check()


def tree(source: BinaryIO, problems: Problems) -> Any:
    """The whole tree of an XML file of any form, read as carefully; raises DocumentError."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        found: Any = etree.parse(cast("Any", _Bounded(source, problems)), parser)
    except etree.XMLSyntaxError as error:
        _tell_syntax(problems, error)
        problems.check()
        raise AssertionError from None
    _without_dtd(found.getroot(), problems)
    if next(found.iter(_XINCLUDE + "*"), None) is not None:
        problems.refuse("SHAPE-XML", "XInclude is not carried out.")
    return found


def _tell_syntax(problems: Problems, error: etree.XMLSyntaxError) -> None:
    line = error.lineno or 1
    said = re.sub(r"[\s.,]*, line \d+, column \d+$", "", error.msg)
    problems.tell("SHAPE-XML", f"Line {line}", f"this is not XML: {said}.", line=line)


@dataclass(slots=True)
class _Bounded:
    """A file of which only so much is read for each document."""

    source: BinaryIO
    problems: Problems
    size: int = 0

    def read(self, size: int) -> bytes:
        if self.size > MAX_BYTES:
            self.problems.refuse("SHAPE-XML", f"A document has more than {MAX_BYTES:,} bytes.")
        data = self.source.read(size)
        self.size += len(data)
        return data


def _roots(source: BinaryIO, problems: Problems) -> Iterator[tuple[Any, str]]:
    """The root of each document, complete, with its XPath; it is emptied when the next is asked for.

    Only these elements are events. lxml looks through a whole tree when it frees one of its elements, so
    those inside must not be Python objects any more when the tree is taken apart.
    """
    file = _Bounded(source, problems)
    wrapper = f"{{{namespace(WRAPPER)}}}{WRAPPER}"
    parser: Any = etree.iterparse(
        cast("Any", file),
        ("start", "end"),
        tag=[wrapper, *(f"{{{namespace(name)}}}{name}" for name in document_types())],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    number, last = 0, None
    for event, element in parser:
        root = element.getroottree().getroot()
        _without_dtd(root, problems)
        if event == "end" and element.getparent() is root and root.tag == wrapper:
            if last is not None:
                root.remove(last)
            number += 1
            yield element, f"/{WRAPPER}/*[{number + root.index(element)}]"
            element.clear()
            last, file.size = element, 0
    root = parser.root
    _without_dtd(root, problems)
    if root.tag != wrapper:
        yield root, f"/{etree.QName(root).localname}"
        return
    for element in root:
        if element is not last:
            yield element, f"/{WRAPPER}/{etree.QName(element).localname}"


def _without_dtd(root: Any, problems: Problems) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        problems.refuse("SHAPE-XML", "A DTD (<!DOCTYPE ...>) is not read.")


def _document(root: Any, path: str, problems: Problems) -> dict[str, Any]:
    """The document of a root element; what is wrong with it is added to the problems."""

    def where(element: Any) -> tuple[str, int | None]:
        below = re.sub(r"\{[^}]*\}", "", etree.ElementTree(root).getelementpath(element))
        return f"Line {element.sourceline}, {f'{path}/{below}'.removesuffix('/.')}", element.sourceline

    def tell(element: Any, what: str, hint: str = "") -> None:
        problems.tell("SHAPE-XML", where(element)[0], what, hint=hint, line=element.sourceline)

    name, places = etree.QName(root), {"": root}
    kind = name.localname
    if kind not in document_types() or name.namespace != namespace(kind):
        hint = (
            f"Its namespace is {namespace(kind)}."
            if kind in document_types()
            else nearest(kind, document_types())
        )
        tell(root, f"<{kind}> of the namespace {name.namespace or '(none)'} is no document.", hint.strip())
        return {}
    schema = form(kind)

    def inside(element: Any, entry: str = "") -> Iterator[tuple[Any, str]]:
        """The elements in another with their names; with ``entry`` none may have another."""
        if any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
            tell(element, "Character content stands between the elements.")
        for child in element:
            found = etree.QName(child)
            if found.namespace != name.namespace or found.localname != (entry or found.localname):
                tell(child, f"this element does not belong here{entry and f'; only <{entry}> does'}.")
            yield child, found.localname

    def value(element: Any, node: Node, title: str, at: str, attributes: tuple[str, ...] = ()) -> Any:
        places[at] = element
        for extra in [one for one in element.attrib if one not in (*attributes, *_HINTS)]:
            tell(element, f"the attribute {etree.QName(extra).localname!r} is not allowed.")
        node, entry = resolved(schema, node), singular(title)
        if "anyOf" in node:
            node = next(one for one in node["anyOf"] if (one["type"] == "array") == bool(len(element)))
            entry = "part"
        match node.get("type"):
            case "object":
                is_open = "patternProperties" in node
                found: dict[str, Any] = {}
                for child, field in inside(element, entry if is_open else ""):
                    field = child.get("type", "") if is_open else field
                    if field in found:
                        tell(child, f"Duplicate key {field!r}." if is_open else "the field stands twice.")
                    known, allowed = node["properties"].get(field, {}), ("type",) if is_open else ()
                    found[field] = value(child, known, field, pointer(at, field), allowed)
                return found
            case "array":
                children = enumerate(inside(element, entry))
                return [value(child, node["items"], "", pointer(at, i)) for i, (child, _) in children]
        if len(element) and node:
            tell(element, "it has elements inside, and holds a single value.")
        text = element.text or ""
        match node.get("type"), text.strip():
            case "integer", digits if re.fullmatch(r"[0-9]{1,18}", digits):
                return int(digits)
            case "boolean", "true" | "false" | "1" | "0" as word:
                return word in ("true", "1")
        return text

    fixed = {key: node["const"] for key, node in schema["properties"].items() if is_fixed(node)}
    document: dict[str, Any] = fixed | value(root, schema, kind, "")
    problems.model(explain(document), lambda at: where(nearest_place(places, at)))
    places.clear()  # see _roots; `value` would keep them, as it knows itself
    return document
