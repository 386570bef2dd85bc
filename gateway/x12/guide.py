"""Guides: the definition of a transaction set, read from a map directory in pyx12's format.

A directory holds one X12 release: ``maps.xml`` (which file serves which set), ``dataele.xml`` (types and
lengths), ``codes.xml`` (code lists), control maps for the envelope and one map for each transaction set. What
pyx12's format lacks stands in attributes of the namespace :data:`NAMESPACE`, which pyx12 ignores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any
from xml.etree import ElementTree as ET  # half the memory and start-up of lxml

from gateway.errors import GuideError
from gateway.x12.hierarchy import Tree

NAMESPACE = "urn:edi-gateway:guide:1"
UNLIMITED = 0
"""Value of ``max_use`` and ``repeat`` for ">1" in a map: any number of times."""

_TYPES = {"AN", "ID", "DT", "TM", "R", "B"} | {f"N{digits}" for digits in range(10)}
_NOTE = re.compile(r"([PRCLE])((?:\d\d){2,})")


@dataclass(frozen=True, slots=True)
class CodeList:
    """The codes a data element may take, with a short meaning where one is known.

    ``unused`` are codes of the standard that a partner's guideline leaves out.
    """

    id: str
    codes: frozenset[str]
    names: dict[str, str]
    unused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SyntaxNote:
    """A relational condition (X12.6): ``kind`` is P, R, C, L or E, ``elements`` count from 1."""

    kind: str
    elements: tuple[int, ...]

    @property
    def text(self) -> str:
        """The note in words, for messages."""
        first, *rest = listed = [f"{n:02d}" for n in self.elements]
        words = {
            "P": f"{' and '.join(listed)} stand together or not at all",
            "R": f"one of {', '.join(listed)} is needed",
            "C": f"with {first} {' and '.join(rest)} is needed",
            "L": f"with {first} one of {' or '.join(rest)} is needed",
            "E": f"only one of {', '.join(listed)} may stand",
        }
        return words[self.kind]


@dataclass(frozen=True, slots=True)
class Element:
    """An element or component at its place in a segment.

    Attributes:
        ref: reference designator, ``PO104`` or ``CTP05-1``.
        number: data element number; empty for a composite.
        type: AN, ID, DT, TM, R, Nn, B; ``"composite"`` for a composite.
        usage: R mandatory, S optional, N not used.
        repeat: how often it may repeat; 1 for most.
        count: segment ids, one of whose numbers this element states (CTT01: ``PO1``; in a ship notice the
            levels, or as many senders do the items: ``HL LIN``). hash: reference designator of the
            element whose sum it states (CTT02).
    """

    ref: str
    number: str
    name: str
    type: str
    min: int
    max: int
    usage: str
    codes: CodeList | None = None
    repeat: int = 1
    pattern: str = ""
    count: str = ""
    hash: str = ""
    components: tuple[Element, ...] = ()
    notes: tuple[SyntaxNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment at its place in a guide."""

    id: str
    name: str
    usage: str
    max_use: int
    elements: tuple[Element, ...]
    notes: tuple[SyntaxNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop, begun by its first child; with a ``tree`` its repetitions are levels of a hierarchy."""

    id: str
    name: str
    usage: str
    repeat: int
    children: tuple[Segment | Loop, ...]
    tree: Tree | None = None

    @property
    def trigger(self) -> Segment:
        first = self.children[0]
        if not isinstance(first, Segment):
            raise GuideError(f"loop {self.id} does not begin with a segment")
        return first


@dataclass(frozen=True, slots=True)
class Guide:
    """The definition of one transaction set of one release; ``root`` runs from ST to SE."""

    name: str
    set_id: str
    release: str
    group: str
    root: Loop


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """What all guides of one release share.

    Attributes:
        maps: file name by version (GS08) and transaction set. data_elements: by number, without a place.
    """

    name: str
    maps: dict[tuple[str, str], str]
    data_elements: dict[str, Element]
    codes: dict[str, CodeList] = field(repr=False)


def xml_root(text: bytes, name: str) -> Any:
    """The root of an XML file without DTD, so that there are no entities. Raises GuideError."""
    if b"<!DOCTYPE" in text or b"\0" in text:  # a NUL is UTF-16, where the word would not be found
        raise GuideError(f"{name}: a DTD has no place here")
    try:
        return ET.fromstring(text)  # nosec B314  # noqa: S314 - without DTD nothing can be expanded or fetched
    except ET.ParseError as error:
        raise GuideError(f"{name}: {error}") from error


def _get(node: Any, name: str, default: str = "") -> str:
    """An attribute or the text of the child of that name, as pyx12 reads both."""
    value = node.get(name)
    if value is not None:
        return str(value)
    for child in node:
        if child.tag == name:
            return (child.text or "").strip()
    return default


def _own(node: Any, name: str) -> str:
    return (node.get(f"{{{NAMESPACE}}}{name}") or "").strip()


def _times(text: str, where: str) -> int:
    if text in ("", ">1"):
        return UNLIMITED
    if not text.isdigit():
        raise GuideError(f"{where}: {text!r} is not a number of times")
    return int(text)


@lru_cache(4)
def parse_release(name: str, maps: bytes, dataele: bytes, codes: bytes) -> Release:
    """Reads the three files that all maps of a directory share.

    Raises:
        GuideError: a file is not XML or a data element has an unknown type.
    """
    files = {
        (node.get("vriic", ""), _own(node, "set") or node.get("abbr", "")): (node.text or "").strip()
        for node in xml_root(maps, "maps.xml").iterfind("version/map")
    }
    elements = {}
    for node in xml_root(dataele, "dataele.xml").iter("data_ele"):
        number, kind = node.get("ele_num", ""), node.get("data_type", "")
        if kind not in _TYPES:
            raise GuideError(f"dataele.xml: data element {number} has the unknown type {kind!r}")
        least, most = int(node.get("min_len")), int(node.get("max_len"))
        elements[number] = Element("", number, node.get("name", ""), kind, least, most, "S")
    lists = {}
    for node in xml_root(codes, "codes.xml").iter("codeset"):
        identifier = _get(node, "id")
        names = {code.text: _own(code, "name") for code in node.iter("code")}
        known = {code: name for code, name in names.items() if name}
        lists[identifier] = CodeList(identifier, frozenset(names), known)
    return Release(name, files, elements, lists)


@lru_cache(16)
def parse_guide(name: str, text: bytes, release: Release, *, root_id: str = "ST_LOOP") -> Guide:
    """Reads the map of a transaction set, or with ``root_id`` another part of a control map.

    Raises:
        GuideError: the map is not XML, names an unknown data element or code list, or has no such part.
    """
    tree = xml_root(text, name)
    found = next((node for node in tree.iter("loop") if node.get("xid") == root_id), None)
    if found is None:
        raise GuideError(f"{name} has no {root_id}")
    set_id = _own(tree, "set") or tree.get("xid", "")
    root = _loop(found, release, name)
    return Guide(name, set_id, _own(tree, "release") or release.name, _own(tree, "group"), root)


def _loop(node: Any, release: Release, where: str) -> Loop:
    xid = node.get("xid", "")
    children: list[tuple[int, Segment | Loop]] = []
    for child in node:
        if child.tag not in ("segment", "loop"):
            continue
        position = int(_get(child, "pos", "0"))
        found = (_segment if child.tag == "segment" else _loop)(child, release, where)
        if isinstance(found, Loop) and isinstance(found.children[0], Loop):
            # A wrapper (HEADER, DETAIL, SUMMARY) only groups.
            children += ((position, inner) for inner in found.children)
        else:
            children.append((position, found))
    if not children:
        raise GuideError(f"{where}: loop {xid} is empty")
    ordered = tuple(child for _, child in sorted(children, key=itemgetter(0)))
    repeat = _times(_get(node, "repeat"), f"{where} {xid}")
    named = _own(node, "tree")
    tree = parse_tree(named, _own(node, "levels"), f"{where} {xid}") if named else None
    return Loop(xid, _get(node, "name"), _get(node, "usage", "S"), repeat, ordered, tree)


def parse_tree(elements: str, levels: str, where: str) -> Tree:
    """``HL01 HL02 HL03 HL04``, and ``S= O=S,T,P``: below which levels each may stand, nothing being the top.

    Raises:
        GuideError: the texts are not of that form.
    """
    places = [int(name[-2:]) for name in elements.split() if name[-2:].isdigit()]
    parts = [level.partition("=") for level in levels.split()]
    if len(places) != 4 or not all(equals for _, equals, _ in parts):
        raise GuideError(f"{where}: a tree has four elements, and levels of the form S= O=S,T")
    parents = {level: frozenset(above.split(",")) for level, _, above in parts}
    return Tree(places[0], places[1], places[2], places[3], parents)


def _segment(node: Any, release: Release, where: str) -> Segment:
    xid = node.get("xid", "")
    elements = _elements(node, release, f"{where} {xid}", xid)
    if [element.ref for element in elements] != [f"{xid}{n:02d}" for n in range(1, len(elements) + 1)]:
        raise GuideError(f"{where}: the elements of {xid} are not numbered without gaps")
    times = _times(_get(node, "max_use", "1"), f"{where} {xid}")
    notes = _notes(node, f"{where} {xid}")
    return Segment(xid, _get(node, "name"), _get(node, "usage", "S"), times, elements, notes)


def _notes(node: Any, where: str) -> tuple[SyntaxNote, ...]:
    texts = [child.text or "" for child in node if child.tag == "syntax"]
    texts += node.get("syntax", "").split()
    notes = []
    for text in texts:
        match = _NOTE.fullmatch(text.strip())
        if match is None:
            raise GuideError(f"{where}: {text!r} is not a syntax note")
        notes.append(SyntaxNote(match[1], tuple(map(int, re.findall("..", match[2])))))
    return tuple(notes)


def _elements(node: Any, release: Release, where: str, owner: str) -> tuple[Element, ...]:
    """The elements in their order; ``owner`` is the segment, or the composite with a dash."""
    children = [(int(_get(one, "seq", "0")), one) for one in node if one.tag in ("element", "composite")]
    digits = 1 if owner.endswith("-") else 2
    return tuple(
        _element(child, release, where, f"{owner}{seq:0{digits}d}")
        for seq, child in sorted(children, key=itemgetter(0))
    )


def _element(node: Any, release: Release, where: str, ref: str) -> Element:
    usage = _get(node, "usage", "S")
    repeat = _times(_get(node, "repeat") or _get(node, "max_use", "1"), where)
    if node.tag == "composite":
        plain = Element(ref, "", _get(node, "name"), "composite", 0, 0, usage, repeat=repeat)
        inner = _elements(node, release, where, f"{ref}-")
        return replace(plain, components=inner, notes=_notes(node, where))
    number = _get(node, "data_ele")
    data = release.data_elements.get(number)
    if data is None:
        raise GuideError(f"{where}: data element {number!r} is not in dataele.xml")
    listed = node.find("valid_codes")
    codes = None if listed is None else _codes(listed, number, release, where)
    name, pattern = _get(node, "name") or data.name, _get(node, "regex")
    own = _own(node, "count"), _own(node, "hash")
    return Element(ref, number, name, data.type, data.min, data.max, usage, codes, repeat, pattern, *own)


def _codes(node: Any, number: str, release: Release, where: str) -> CodeList:
    """The codes that an element lists, with those of a list of the release that it names."""
    inline = {(code.text or "").strip(): _own(code, "name") for code in node.iter("code")}
    external = node.get("external")
    if external and external not in release.codes:
        raise GuideError(f"{where}: code list {external!r} is not in codes.xml")
    shared = release.codes[external] if external else CodeList("", frozenset(), {})
    if not inline:
        return shared
    names = shared.names | {code: name for code, name in inline.items() if name}
    return CodeList(external or number, shared.codes | frozenset(inline), names)
