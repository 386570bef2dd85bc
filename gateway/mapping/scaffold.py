"""A starter mapping made from a guide: a rule for every segment and loop, to be renamed and thinned out.

Names come from the guide's elements, converters from their types; shared blocks are used where they fit. The
check itself decides what fits: what it objects to is left out, until it has no more objections.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.mapping.check import check_mapping
from gateway.mapping.model import Field, Repeated, Rule, read_mapping
from gateway.mapping.statement import SHARED, Load, Stated, shared
from gateway.x12.guide import Element, Loop, Segment
from gateway.x12.table import Table

_SIMPLE = {"DT": "date", "TM": "time", "R": "decimal", "N0": "int"} | {f"N{n}": f"n{n}" for n in range(1, 7)}
_CODED = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)[.0-9]* *\| *(?:code|pairs)\(@([a-z0-9_]+)\)")

Rules = dict[str, Any]
"""Rules by name; a list or object has its rules, and a name that begins with ``#`` is a comment."""


def scaffold(table: Table, guide: str, document: str, load: Load) -> str:
    """The text of a mapping with a rule for every segment and loop of a guide, such as ``x12/004010/846``."""
    work = _Scaffold(table, load)
    while True:
        text = work.text(guide, document)
        found = check_mapping(text, lambda _: table, None, load)
        places = {f"{one.location.pointer}." for one in found if one.is_error}
        around = [[path for path in work.chosen if place.startswith(f"{path}.")] for place in places]
        refused = {(path, work.chosen[path]) for paths in around if paths for path in [max(paths, key=len)]}
        if not refused:
            return text
        work.banned |= refused


@dataclass(slots=True)
class _Scaffold:
    """The mapping in the making.

    Attributes:
        chosen: block or code table by path of the field; banned: those that the check refused.
        blocks: by segment, the lists for it that all mappings share, with the segments that they take.
        codes: the shared code table of a data element.
    """

    table: Table
    load: Load
    banned: set[tuple[str, str]] = field(default_factory=set)
    chosen: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        segments = {position.id: position.segment for position in self.table.positions}
        for name, number, table in _CODED.findall(self.load(SHARED).decode()):
            if name in segments and int(number) <= len(segments[name].elements):
                self.codes.setdefault(segments[name].elements[int(number) - 1].number, table)
        blocks = shared(self.load)["blocks"].items()
        lists = [name for name, one in blocks if isinstance(one, Stated) and "each" in one]
        text = "".join(f"  {name}[]: ${name}\n" for name in lists)
        for rule in read_mapping(f"fields:\n{text}", self.load)[0].rules:
            if isinstance(rule, Repeated):
                inner = {segment for one in rule.rules for segment in _segments(one)}
                self.blocks.setdefault(rule.each.path[0], {})[rule.path[0]] = inner

    def text(self, guide: str, document: str) -> str:
        """The mapping without what is banned."""
        self.chosen = {}
        rules: Rules = {}
        self.loop(self.table.guide.root, (), "", rules)
        words = "Made from the guide: rename what you need, take out the rest (it is kept under extensions)."
        lines = [f"# {guide} <-> {document}. {words}", "", f"mapping: {document}", f"guide: {guide}", ""]
        return "\n".join([*lines, "fields:", *_lines(rules, "  ")]) + "\n"

    def choose(self, path: str, name: str) -> bool:
        """Whether a block or code table may stand at a path; it is noted then."""
        may = (path, name) not in self.banned
        if may:
            self.chosen[path] = name
        return may

    def loop(
        self, loop: Loop, way: tuple[str, ...], scope: str, into: Rules, done: Collection[str] = ()
    ) -> None:
        """Rules for everything in a loop but the segment that begins it, and what a block has done."""
        seen = {loop.trigger.id}
        root = loop is self.table.guide.root
        for child in loop.children[1:-1] if root else loop.children[1:]:
            segment = child.trigger if isinstance(child, Loop) else child
            if segment.id in done:
                continue
            again = segment.id in seen  # an address means the first place of that name
            into[f"# {segment.id}: {segment.name}" + ", a further place" * again] = None
            if again:
                continue
            seen.add(segment.id)
            if (child.repeat if isinstance(child, Loop) else child.max_use) != 1:
                self.listed(child, segment, (*way, segment.id), scope, into)
                continue
            if root and child is loop.children[1]:
                into |= self.segment(segment, way, scope)
            else:
                name = _free(_snake(segment.name), into)
                inner = self.segment(segment, way, f"{scope}{name}.")
                into |= {name: inner if len(inner) > 1 else next(iter(inner.values()))} if inner else {}
            if isinstance(child, Loop):
                self.loop(child, (*way, segment.id), scope, into)

    def listed(
        self, child: Segment | Loop, segment: Segment, way: tuple[str, ...], scope: str, into: Rules
    ) -> None:
        """A rule for a loop or segment that repeats."""
        tree = child.tree if isinstance(child, Loop) else None
        blocks = {} if tree else self.blocks.get(segment.id, {})
        free = [name for name in blocks if f"{name}[]" not in into]
        name = next((one for one in free if self.choose(f"{scope}{one}[]", one)), "")
        taken = blocks.get(name, set[str]())
        item: Rules = {"use": name} if name else {}
        if not name or len(way) > 1:
            item["each"] = "/".join(way)
        if not name:
            name = _free("levels" if tree else _plural(_snake(child.name)), into)
            own = self.segment(segment, (), f"{scope}{name}[].", tree.written if tree else ())
            item |= {"value": next(iter(own.values()))} if len(own) == 1 and segment is child else own
        if isinstance(child, Loop):
            self.loop(child, (), f"{scope}{name}[].", item, taken)
        into[f"{name}[]"] = f"${name}" if item.keys() == {"use"} else item

    def segment(
        self, segment: Segment, way: tuple[str, ...], scope: str, skip: Collection[int] = ()
    ) -> Rules:
        """Rules for the elements of a segment."""
        rules: Rules = {}
        for element, wanted, address, used in _parts(segment, skip):
            address, name = "/".join((*way, address)), _free(wanted, rules)
            table = self.codes.get(element.number) if element.type == "ID" else None
            if table and self.choose(scope + name, table):
                used = f"{used or 'code'}(@{table})"
            rules[name] = f"{address} | {used}" if used else address
        return rules


def _parts(segment: Segment, skip: Collection[int]) -> Iterator[tuple[Element, str, str, str]]:
    """What the elements of a segment hold: the (first) element, a name, the address and a converter."""
    elements, at = segment.elements, 0
    while at < len(elements):
        element, address = elements[at], f"{segment.id}{at + 1:02}"
        after = elements[at + 1] if at + 1 < len(elements) else None
        runs = _runs(elements, at) if element.type == "ID" else 0
        at += 1
        if element.usage == "N" or element.type == "B" or at in skip:
            continue
        if after and runs:
            at += 2 * runs - 1
            last = f"{segment.id}{at:02}" if at < len(elements) else ""
            yield element, _plural(_snake(after.name)), f"{address}..{last}", "pairs"
        elif after and (element.type, after.type) == ("DT", "TM") and after.usage != "N":
            at += 1
            yield element, _snake(element.name), f"{address},{segment.id}{at:02}", "datetime"
        elif element.components:
            numbers = [component.number for component in element.components]
            for part, one in enumerate(element.components):
                if one.number not in numbers[:part] and one.usage != "N":
                    yield one, _snake(one.name), f"{address}.{part + 1}", _SIMPLE.get(one.type, "")
        else:
            yield element, _snake(element.name), address, _SIMPLE.get(element.type, "")


def _segments(rule: Rule) -> tuple[str, ...]:
    """The segments of a loop that a rule takes."""
    if isinstance(rule, Repeated):
        return rule.each.path
    return rule.address.path if isinstance(rule, Field) else ()


def _runs(elements: tuple[Element, ...], at: int) -> int:
    """How often two data elements come in turn from a place on; 0 for less than twice."""
    numbers = [element.number for element in elements[at:]]
    first, runs = numbers[:2], 1
    while first[0] != first[-1] and numbers[2 * runs : 2 * runs + 2] == first:
        runs += 1
    return runs if runs > 1 else 0


def _free(wanted: str, taken: Collection[str]) -> str:
    """The wanted name, with a number where it is taken."""
    number, name = 1, wanted
    while name in taken or f"{name}[]" in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _snake(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return words if words[:1].isalpha() else f"n_{words}"


def _plural(name: str) -> str:
    return name if name.endswith(("s", "data")) else name[:-1] + "ies" if name.endswith("y") else f"{name}s"


def _lines(rules: Rules, indent: str) -> Iterator[str]:
    for name, rule in rules.items():
        if rule is None:
            yield f"{indent}{name}"
        elif isinstance(rule, dict):
            yield f"{indent}{name}:"
            yield from _lines(rule, f"{indent}  ")
        else:
            yield f"{indent}{name}: {rule}"
