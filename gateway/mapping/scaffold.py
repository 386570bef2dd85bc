"""A starter mapping made from a guide: a rule for every segment and loop, to be renamed and thinned out.

Names come from the guide's elements, converters from their types; shared blocks are used where they fit. The
check itself decides what fits: what it objects to is left out, until it has no more objections.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Problem
from gateway.mapping.check import check_mapping
from gateway.mapping.model import Field, Repeated, Rule, read_mapping
from gateway.mapping.statement import SHARED, Load, Stated, shared
from gateway.x12.guide import Element, Loop, Segment
from gateway.x12.table import Table

_NO_PLACE = ("MAP-ADDRESS", "MAP-ELEMENT", "MAP-TYPE", "MAP-NO-LOOP", "MAP-CONDITION")
"""Problems of rules for which another release has no place."""

_FEW = 12
"""Codes of a guide that are named in a mapping."""
_SIMPLE = {"DT": "date", "TM": "time", "R": "decimal", "N0": "int"} | {f"N{n}": f"n{n}" for n in range(1, 7)}
_CODED = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)[.0-9]* *\| *(?:code|pairs)\(@([a-z0-9_]+)\)")

Rules = dict[str, Any]
"""Rules by name; a list or object has its rules, and a name that begins with ``#`` is a comment."""


def scaffold(table: Table, guide: str, document: str, load: Load) -> str:
    """The text of a mapping that has a rule for every segment and loop of a guide.

    Args:
        table: the compiled guide.
        guide: its name, such as ``x12/004010/846``.
        document: the document type.
        load: gives the file of the shared blocks.
    """
    work = _Scaffold(table, load)
    while True:
        text = work.text(guide, document)
        found = check_mapping(text, lambda _: table, None, load)
        refused = {work.choice(problem) for problem in found if problem.is_error} - work.banned
        if not refused:
            return text
        work.banned |= refused


def extended(table: Table, guide: str, base: str, load: Load, fields: Collection[str]) -> str:
    """The text of a mapping that extends that of another release, without what has no place in the guide.

    Args:
        table: the compiled guide.
        guide: its name.
        base: the mapping that is extended, such as ``x12/004010/846``.
        load: gives the base and the file of the shared blocks.
        fields: the fields of the document type.
    """
    gone: set[str] = set()
    while True:
        rules: Rules = {}
        for place in sorted(gone):
            *around, name = place.split("[].")
            inside = rules
            for one in around:
                inside = inside.setdefault(f"{one}[]", {})
            inside[name] = "~"
        body = "\nfields:\n" + "\n".join(_lines(rules, "  ")) + "\n" if rules else ""
        text = f"extends: {base}\nguide: {guide}\n{body}"
        found = check_mapping(text, lambda _: table, lambda _: fields, load)
        places = {one.location.pointer or "" for one in found if one.code in _NO_PLACE}
        if not places - gone:
            return text
        gone |= places


@dataclass(slots=True)
class _Scaffold:
    """The mapping in the making.

    Attributes:
        banned: blocks and code tables that do not fit, with the path of the field; ``chosen`` has the others.
        counts: by path of a field, the segment whose number it states. lists: by segment, a list of the root.
        blocks: name, segment it is for (empty for an object), and by segment the list it makes of it inside.
        codes: the shared code table of a data element.
    """

    table: Table
    load: Load
    banned: set[tuple[str, str]] = field(default_factory=lambda: {("", "")})
    chosen: dict[str, str] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    blocks: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stated = shared(self.load)
        sizes = {name: len(table) for name, table in stated["codes"].items()}
        segments = {position.id: position.segment for position in self.table.positions}
        for name, number, table in _CODED.findall(self.load(SHARED).decode()):
            if name in segments and int(number) <= len(segments[name].elements):
                data = segments[name].elements[int(number) - 1].number
                self.codes[data] = max(self.codes.get(data, table), table, key=lambda one: sizes.get(one, 0))
        blocks = {name: block for name, block in stated["blocks"].items() if isinstance(block, Stated)}
        text = "".join(f"  {name}{'[]' * ('each' in block)}: ${name}\n" for name, block in blocks.items())
        rules = read_mapping(f"fields:\n{text}", self.load)[0].rules
        for name, block in blocks.items():
            own = tuple(rule for rule in rules if rule.path[0] == name)
            leads = own[0].rules if isinstance(own[0], Repeated) else own
            self.blocks.append((name, block.get("each", ""), dict(map(_lead, leads))))

    def text(self, guide: str, document: str) -> str:
        """The mapping without what is banned."""
        self.chosen, self.counts, self.lists = {}, {}, {}
        rules: Rules = {}
        self.loop(self.table.guide.root, (), "", rules)
        words = "Made from the guide: rename what you need, take out the rest (it is kept under extensions)."
        lines = [f"# {guide} <-> {document}. {words}", "", f"mapping: {document}", f"guide: {guide}", ""]
        lines += ["fields:", *_lines(rules, "  ")]
        computed = {name: self.lists[one] for name, one in self.counts.items() if one in self.lists}
        lines += ["", "computed:"] if computed else []
        lines += [f"  {name}: count({counted})" for name, counted in computed.items()]
        return "\n".join(lines) + "\n"

    def choice(self, problem: Problem) -> tuple[str, str]:
        """The choice behind a problem of a field; for what is missing only the block at the very place."""
        place = problem.location.pointer or ""
        at = max((path for path in self.chosen if f"{place}.".startswith(f"{path}.")), key=len, default="")
        far = problem.code == "MAP-REQUIRED" and at.endswith("[]") and at != place
        return ("", "") if far else (at, self.chosen.get(at, ""))

    def loop(
        self, loop: Loop, way: tuple[str, ...], scope: str, into: Rules, done: Mapping[str, str] | None = None
    ) -> None:
        """Rules for everything in a loop but the segment that begins it."""
        done = done or {}
        seen = {loop.trigger.id, *done}
        root = loop is self.table.guide.root
        for child in loop.children[1:-1] if root else loop.children[1:]:
            segment = child.trigger if isinstance(child, Loop) else child
            if segment.id in done:
                inside: Rules = {}
                if isinstance(child, Loop) and done[segment.id]:
                    self.loop(child, (), f"{scope}{done[segment.id]}[].", inside)
                into |= {f"{done[segment.id]}[]": inside} if inside else {}
                continue
            again = segment.id in seen  # an address means the first place of that name
            into[f"# {segment.id}: {segment.name}" + ", a further place" * again] = None
            if again:
                continue
            seen.add(segment.id)
            here = (*way, segment.id)
            if (child.repeat if isinstance(child, Loop) else child.max_use) != 1:
                self.listed(child, segment, here, scope, into)
                continue
            begins = root and child is loop.children[1]
            block = None if begins or way else self.block(segment, "", scope)
            if block:
                into[block[0]] = f"${block[0]}"
            elif begins:
                into |= self.segment(segment, way, scope)
            else:
                name = _free(_snake(segment.name), into)
                inner = self.segment(segment, way, f"{scope}{name}.")
                into |= {name: inner if len(inner) > 1 else next(iter(inner.values()))} if inner else {}
            if isinstance(child, Loop):
                self.loop(child, here, scope, into)

    def listed(
        self, child: Segment | Loop, segment: Segment, way: tuple[str, ...], scope: str, into: Rules
    ) -> None:
        """A rule for a loop or segment that repeats."""
        tree = child.tree if isinstance(child, Loop) else None
        name, _, leads = (None if tree else self.block(segment, segment.id, scope)) or ("", "", {})
        item: Rules = {"use": name} if name else {}
        if not name or len(way) > 1:
            item["each"] = "/".join(way)
        if not name:
            name = _free("levels" if tree else _plural(_snake(child.name)), into)
            own = self.segment(segment, (), f"{scope}{name}[].", tree.written if tree else ())
            item |= {"value": next(iter(own.values()))} if len(own) == 1 and segment is child else own
        if isinstance(child, Loop):
            self.loop(child, (), f"{scope}{name}[].", item, leads)
        into[f"{name}[]"] = f"${name}" if item.keys() == {"use"} else item
        if not scope and len(way) == 1 and not tree:
            self.lists[segment.id] = name

    def block(self, segment: Segment, each: str, scope: str) -> tuple[str, str, dict[str, str]] | None:
        """The block that fits a segment; for a list one with ``each``, else one that is for it alone."""
        for name, begins, leads in self.blocks:
            path = f"{scope}{name}" + ("[]" if each else "")
            fits = begins == each and (each or segment.id in leads)
            if fits and (path, name) not in self.banned and path not in self.chosen:
                self.chosen[path] = name
                return name, begins, leads
        return None

    def segment(
        self, segment: Segment, way: tuple[str, ...], scope: str, skip: Collection[int] = ()
    ) -> Rules:
        """Rules for the elements of a segment."""
        rules: Rules = {}
        for element, wanted, address, used in _parts(segment, skip):
            address = "/".join((*way, address))
            name = _free(wanted, rules)
            if element.type == "ID":
                table = self.table_of(element, scope + name)
                used = f"pairs({table})" if used == "pairs" else f"code({table})" if table else used
            rules[name] = f"{address} | {used}" if used else address
            if element.count:
                self.counts[scope + name] = element.count
        return rules

    def table_of(self, element: Element, path: str) -> str:
        """What stands in ``code(...)``: the data element's shared table, or the few codes of the guide."""
        codes = element.codes.names if element.codes else {}
        own = {_snake(meaning): code for code, meaning in codes.items()}
        for name, inside in (
            (table := self.codes.get(element.number, ""), f"@{table}"),
            ("codes" if len(own) == len(codes) <= _FEW else "", ", ".join(map("=".join, own.items()))),
        ):
            if name and inside and (path, name) not in self.banned:
                self.chosen[path] = name
                return inside
        return ""


def _parts(segment: Segment, skip: Collection[int]) -> Iterator[tuple[Element, str, str, str]]:
    """What the elements of a segment hold: the (first) element, a name, the address and a converter."""
    elements, at = segment.elements, 0
    while at < len(elements):
        element, address, size = elements[at], f"{segment.id}{at + 1:02}", 1
        after = elements[at + 1] if at + 1 < len(elements) else None
        if element.usage == "N" or element.type == "B" or at + 1 in skip:
            pass
        elif after and (runs := _runs(elements, at)):
            size = runs * 2
            last = f"{segment.id}{at + size:02}" if at + size < len(elements) else ""
            used = (
                "pairs" if element.type == "ID" else f"records({_snake(element.name)}, {_snake(after.name)})"
            )
            yield element, _plural(_snake(after.name)), f"{address}..{last}", used
        elif element.type == "DT" and after and after.type == "TM" and after.usage != "N":
            size = 2
            yield element, _snake(element.name), f"{address},{segment.id}{at + 2:02}", "datetime"
        elif element.components:
            numbers = [component.number for component in element.components]
            for part, one in enumerate(element.components):
                if one.number not in numbers[:part] and one.usage != "N":
                    yield one, _snake(one.name), f"{address}.{part + 1}", _SIMPLE.get(one.type, "")
        else:
            yield element, _snake(element.name), address, _SIMPLE.get(element.type, "")
        at += size


def _lead(rule: Rule) -> tuple[str, str]:
    """The segment that a rule takes, and its list inside the block if it makes one."""
    if isinstance(rule, Repeated):
        return rule.each.path[0], ".".join(rule.path)
    return rule.address.path[0] if isinstance(rule, Field) else "", ""


def _runs(elements: tuple[Element, ...], at: int) -> int:
    """How often two data elements come in turn from a place on; 0 for less than twice."""
    first = [element.number for element in elements[at : at + 2]]
    if len(first) < 2 or first[0] == first[1] or not all(first):
        return 0
    runs = 0
    while [element.number for element in elements[at + 2 * runs : at + 2 * runs + 2]] == first:
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
