"""Guidelines: what one partner wants differently from a guide, as an overlay that states only differences.

A file ``schemas/partners/<partner>/<set>.<release>.xml``::

    <guideline xmlns="urn:edi-gateway:guideline:1">
      <use at="CSH" usage="R"/>                          a segment that this partner always sends
      <use at="PO1/SLN" usage="N"/>                      a loop that it never sends
      <use at="BEG02" codes="NE RO" length="2"/>         fewer codes, other lengths of an element
      <use at="REF01" add="ZB1"/>                        a code that the standard does not list
      <use at="HL" levels="S= O=S P=O I=P"/>             which levels may stand below which
      <leniency name="long names" problem="X12-ELEMENT-LONG" at="N1/N102"/>
    </guideline>

Addresses are those of mappings: loops by their first segment, last an element, a segment or a loop,
several with commas. A leniency is a switch with a name: that problem, at that place, is told and lets pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any
from xml.parsers.expat import ParserCreate

from gateway.errors import GuideError, Location
from gateway.x12.guide import UNLIMITED, CodeList, Element, Guide, Loop, Segment, parse_tree, xml_root

OWN = "{urn:edi-gateway:guideline:1}"

FORGIVABLE = (
    "X12-ELEMENT-LONG", "X12-ELEMENT-SHORT", "X12-ELEMENT-CODE", "X12-ELEMENT-DATE", "X12-ELEMENT-TIME",
    "X12-ELEMENT-MISSING", "X12-ELEMENT-CONDITION", "X12-ELEMENT-EXCLUSIVE", "X12-SEGMENT-MISSING",
    "X12-SEGMENT-REPEAT", "X12-LOOP-REPEAT", "X12-CTT-COUNT", "X12-HL-LEVEL",
)  # fmt: skip
"""Problems after which every segment still has its place, so that nothing of the set is lost."""

_USAGES = ("R", "S", "N")
_LENGTH = re.compile(r"(?:(\d{1,4})\.\.)?(\d{1,4})")
_ELEMENT = re.compile(r"[A-Z][A-Z0-9]{1,2}\d\d(?:-\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Leniency:
    """A problem that a partner's sets may have; ``at`` is empty for any place."""

    name: str
    problem: str
    at: str = ""

    def covers(self, code: str, where: Location) -> bool:
        """Whether a problem at a place is meant."""
        if code != self.problem:
            return False
        ref = (where.segment_id or "") + (f"{where.element:02d}" if where.element else "")
        component = f"-{where.component}" if where.component else ""
        steps = [*(where.loop or "").split("/"), ref]
        if not where.element and steps[-2] == ref:
            steps.pop()  # the loop itself
        place = "/".join(filter(None, steps))
        return self.at in ("", place, place + component)


@dataclass(frozen=True, slots=True)
class Guideline:
    """The overlay of one partner on one guide."""

    name: str
    uses: tuple[dict[str, str], ...]
    leniencies: tuple[Leniency, ...]


def parse_guideline(name: str, text: bytes) -> Guideline:
    """Reads a guideline.

    Raises:
        GuideError: it is not XML, or states something that there is not.
    """
    root = xml_root(text, name)
    uses, leniencies = [], []
    if root.tag != f"{OWN}guideline":
        raise GuideError(f"{name}: the outermost element is not <guideline> of {OWN[1:-1]}")
    lines: list[int] = []
    parser = ParserCreate()
    parser.StartElementHandler = lambda *_: lines.append(parser.CurrentLineNumber)
    parser.Parse(text, True)
    for node, line in zip(list(root.iter())[1:], lines[1:], strict=True):
        known = {"use": _USE, "leniency": _LENIENCY}.get(node.tag.removeprefix(OWN))
        given = {key: value.strip() for key, value in node.attrib.items()}
        if known is None or given.keys() - known:
            raise GuideError(f"{name}, line {line}: {_NOT_KNOWN}")
        if node.tag == f"{OWN}use":
            uses.append(given)
        elif given.get("problem") not in FORGIVABLE or not given.get("name"):
            what = f"a leniency has a name, and a problem among {', '.join(FORGIVABLE)}"
            raise GuideError(f"{name}, line {line}: {what}")
        else:
            leniencies.append(Leniency(given["name"], given["problem"], given.get("at", "")))
    return Guideline(name, tuple(uses), tuple(leniencies))


_USE = {"at", "usage", "max", "codes", "add", "length", "pattern", "levels", "name"}
_LENIENCY = {"name", "problem", "at"}
_NOT_KNOWN = f"a guideline has <use> with {', '.join(sorted(_USE))}, and <leniency> with name, problem, at"


def narrowed(guide: Guide, guideline: Guideline) -> Guide:
    """The guide as the partner wants it.

    Raises:
        GuideError: an address is not in the guide, or a value cannot be.
    """
    root = guide.root
    for use in guideline.uses:
        *around, last = use.get("at", "").split("/")
        for one in last.split(","):
            at = "/".join((*around, one.strip()))
            root, hits = _loop(root, [*around, one.strip()], use, f"{guideline.name}: {at}")
            if not hits:
                raise GuideError(f"{guideline.name}: there is no {at} in {guide.name}")
    return replace(guide, root=root)


def _loop(loop: Loop, steps: list[str], use: dict[str, str], where: str) -> tuple[Loop, int]:
    """The loop with a use put in, and at how many places it was."""
    children: list[Segment | Loop] = []
    hits = 0
    step, last = steps[0], len(steps) == 1
    for child in loop.children:
        begins, here = child.trigger.id if isinstance(child, Loop) else child.id, 0
        if last and begins == step:
            child, here = _changed_place(child, use, where), 1
        elif isinstance(child, Segment):
            if last and _ELEMENT.fullmatch(step) and step.startswith(child.id):
                child, here = _changed_elements(child, step, use, where)
        elif begins == step:
            child, here = _loop(child, steps[1:], use, where)
        children.append(child)
        hits += here
    return replace(loop, children=tuple(children)), hits


def _usage(use: dict[str, str], before: str, where: str) -> str:
    usage = use.get("usage", before)
    if usage not in _USAGES:
        raise GuideError(f"{where}: usage is one of {', '.join(_USAGES)}, not {usage!r}")
    return usage


def _times(use: dict[str, str], before: int, where: str) -> int:
    text = use.get("max", "")
    if text.isdigit():
        return int(text)
    if text not in ("", ">1"):
        raise GuideError(f"{where}: max is a number or >1, not {text!r}")
    return UNLIMITED if text else before


def _changed_place(place: Loop | Segment, use: dict[str, str], where: str) -> Loop | Segment:
    usage, name = _usage(use, place.usage, where), use.get("name", place.name)
    if isinstance(place, Segment):
        return replace(place, usage=usage, name=name, max_use=_times(use, place.max_use, where))
    tree = place.tree
    if "levels" in use and tree is not None:
        tree = replace(tree, parents=parse_tree("HL01 HL02 HL03 HL04", use["levels"], where).parents)
    return replace(place, usage=usage, name=name, repeat=_times(use, place.repeat, where), tree=tree)


def _changed_elements(segment: Segment, ref: str, use: dict[str, str], where: str) -> tuple[Segment, int]:
    hits = 0

    def change(element: Element) -> Element:
        nonlocal hits
        if element.ref == ref:
            hits += 1
            return _changed_element(element, use, where)
        if element.components and ref.startswith(f"{element.ref}-"):
            return replace(element, components=tuple(map(change, element.components)))
        return element

    return replace(segment, elements=tuple(map(change, segment.elements))), hits


def _changed_element(element: Element, use: dict[str, str], where: str) -> Element:
    changes: dict[str, Any] = {
        "usage": _usage(use, element.usage, where),
        "pattern": use.get("pattern", element.pattern),
        "name": use.get("name", element.name),
    }
    if "length" in use:
        match = _LENGTH.fullmatch(use["length"])
        if match is None:
            raise GuideError(f"{where}: length is a number or two, such as 1..8, not {use['length']!r}")
        changes |= {"min": int(match[1] or match[2]), "max": int(match[2])}
    if "codes" in use or "add" in use:
        known = element.codes or CodeList("", frozenset(), {})
        listed = use["codes"].split() if "codes" in use else known.codes
        codes = frozenset(listed) | frozenset(use.get("add", "").split())
        names = {code: name for code, name in known.names.items() if code in codes}
        changes["codes"] = CodeList(element.number, codes, names, known.codes - codes)
    return replace(element, **changes)
