"""A starter mapping made from a guide: a rule for every segment and loop, to be renamed and thinned out.

Names come from the guide's elements, converters from their types; shared blocks are used where they
fit. The check itself decides what fits: it is asked about a first text, and what it objects to is left out,
until nothing is left to object to.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from gateway.errors import Problem
from gateway.mapping.check import check_mapping
from gateway.mapping.model import Field, Repeated, Rule, read_mapping
from gateway.mapping.statement import SHARED, Load, Stated, shared
from gateway.x12.guide import Element, Loop, Segment
from gateway.x12.table import Table

_ROUNDS = 20
_NO_PLACE = ("MAP-ADDRESS", "MAP-ELEMENT", "MAP-TYPE", "MAP-NO-LOOP", "MAP-CONDITION")
"""Problems of rules for which another release has no place."""

_FEW = 12
"""Codes of a guide that are named in a mapping."""
_ALIKE = 0.6
"""How alike an element's name and a field must be, 1 being equal."""
_SIMPLE = {"DT": "date", "TM": "time", "R": "decimal", "N0": "int"} | {f"N{n}": f"n{n}" for n in range(1, 7)}
_CODED = re.compile(r"([A-Z][A-Z0-9]{1,2})(\d\d)[.0-9]* *\| *(?:code|pairs)\(@([a-z0-9_]+)\)")

Rules = dict[str, Any]
"""Rules by name; a list or object has its rules, and a name that begins with ``#`` is a comment."""


def scaffold(
    table: Table, guide: str, document: str, load: Load, fields: Collection[str] | None = None
) -> str:
    """The text of a mapping that has a rule for every segment and loop of a guide.

    Args:
        table: the compiled guide.
        guide: its name, such as ``x12/004010/846``.
        document: the document type.
        load: gives the file of the shared blocks.
        fields: the fields of the document type, as ``lines[].quantity.value``. With them names are taken from
            there where they are alike, and what finds no field stands as a comment. Without them all names
            are those of the guide.
    """
    work = _Scaffold(table, fields, load)
    while True:
        text = work.text(guide, document)
        found = check_mapping(text, lambda _: table, (lambda _: fields) if fields else None, load)
        refused = {work.choice(problem) for problem in found if problem.is_error} - work.banned
        work.rounds += 1
        if not refused or work.rounds == _ROUNDS:
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
class _Block:
    """A block of the shared file: the segment it is for, and where its rules lead, with the list's name."""

    name: str
    each: str
    segments: dict[str, str]


@dataclass(slots=True)
class _Scaffold:
    table: Table
    fields: Collection[str] | None
    load: Load
    rounds: int = 0
    banned: set[tuple[str, str]] = field(default_factory=lambda: {("", "")})
    #: What was chosen where: a block or code table by the path of the field.
    chosen: dict[str, str] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    blocks: list[_Block] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stated = shared(self.load)
        sizes = {name: len(table) for name, table in stated["codes"].items()}
        for segment, number, name in _CODED.findall(self.load(SHARED).decode()):
            for position in self.table.positions:
                if position.id == segment and int(number) <= len(position.segment.elements):
                    data = position.segment.elements[int(number) - 1].number
                    self.codes[data] = max(
                        self.codes.get(data, name), name, key=lambda one: sizes.get(one, 0)
                    )
        blocks = {name: block for name, block in stated["blocks"].items() if isinstance(block, Stated)}
        text = "".join(f"  {name}{'[]' * ('each' in block)}: ${name}\n" for name, block in blocks.items())
        rules = read_mapping(f"fields:\n{text}", self.load)[0].rules
        for name, block in blocks.items():
            own = [rule for rule in rules if rule.path[0] == name]
            leads = own[0].rules if isinstance(own[0], Repeated) else own
            self.blocks.append(_Block(name, block.get("each", ""), dict(map(_lead, leads))))

    def text(self, guide: str, document: str) -> str:
        """The mapping without what is banned."""
        self.chosen, self.counts, self.lists = {}, {}, {}
        rules: Rules = {}
        self.loop(self.table.guide.root, (), "", rules)
        words = "Made from the guide: rename what you need, take out the rest (it is kept under extensions)."
        head = f"# {guide} <-> {document}. {words}\n\nmapping: {document}\nguide: {guide}\n\nfields:\n"
        computed = [
            f"  {name}: count({self.lists[segment]})\n"
            for name, segment in self.counts.items()
            if segment in self.lists
        ]
        return (
            head
            + "\n".join(_lines(rules, "  "))
            + "\n"
            + ("\ncomputed:\n" if computed else "")
            + "".join(computed)
        )

    def choice(self, problem: Problem) -> tuple[str, str]:
        """The choice behind a problem of a field; for what is missing only the block at the very place."""
        place = problem.location.pointer or ""
        at = max((path for path in self.chosen if f"{place}.".startswith(f"{path}.")), key=len, default="")
        if problem.code == "MAP-REQUIRED" and at.endswith("[]") and at != place:
            return "", ""
        if problem.code == "MAP-KIND" and not at:
            return place, ""
        return at, self.chosen.get(at, "")

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
                into[block.name] = f"${block.name}"
            elif begins or self.fields is not None:
                into |= self.segment(segment, way, scope, into)
            else:
                name = self.named(scope, _snake(segment.name), into)
                inner = self.segment(segment, way, f"{scope}{name}.")
                into |= {name: inner if len(inner) > 1 else next(iter(inner.values()))} if inner else {}
            if isinstance(child, Loop):
                self.loop(child, here, scope, into)

    def listed(
        self, child: Segment | Loop, segment: Segment, way: tuple[str, ...], scope: str, into: Rules
    ) -> None:
        """A rule for a loop or segment that repeats."""
        tree = child.tree if isinstance(child, Loop) else None
        block = self.block(segment, segment.id, scope) if not tree else None
        wanted = "levels" if tree else _plural(_snake(child.name))
        name = block.name if block else self.named(scope, wanted, into, "[]")
        if not name:
            into[f"# no field: {wanted}[]"] = None
            return
        inside = f"{scope}{name}[]."
        item: Rules = {"use": block.name} if block else {}
        if not block or len(way) > 1:
            item["each"] = "/".join(way)
        if not block:
            own = self.segment(segment, (), inside, (), tree.written if tree else ())
            fields = [rule for rule in own.values() if rule]
            plain = len(fields) == 1 if self.fields is None else not self.under(inside)
            item |= {"value": fields[0]} if plain and fields and segment is child else own
        if isinstance(child, Loop):
            self.loop(child, (), inside, item, block.segments if block else None)
        into[f"{name}[]"] = f"${block.name}" if block and len(item) == 1 else item
        if not scope and len(way) == 1 and not tree:
            self.lists[segment.id] = name

    def block(self, segment: Segment, each: str, scope: str) -> _Block | None:
        """The block that fits a segment; for a list one with ``each``, else one that is for it alone."""
        for block in self.blocks:
            if block.each == each and (each or segment.id in block.segments):
                path = f"{scope}{block.name}" + ("[]" if each else "")
                if (path, block.name) not in self.banned and path not in self.chosen:
                    self.chosen[path] = block.name
                    return block
        return None

    def segment(
        self,
        segment: Segment,
        way: tuple[str, ...],
        scope: str,
        taken: Collection[str] = (),
        skip: Collection[int] = (),
    ) -> Rules:
        """Rules for the elements of a segment."""
        rules: Rules = {}
        for element, wanted, address, used in _parts(segment, skip):
            address = "/".join((*way, address))
            name = self.named(scope, wanted, (*taken, *rules))
            if not name:
                rules[f"# no field: {wanted}: {address}" + (f" | {used}" if used else "")] = None
                continue
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

    def under(self, scope: str) -> set[str]:
        """The fields of the document directly in an object; those of a list or below it as the list."""
        inside = (name.removeprefix(scope) for name in self.fields or () if name.startswith(scope))
        return {name.partition("[]")[0] + "[]" * ("[]" in name) for name in inside if name}

    def named(self, scope: str, wanted: str, taken: Collection[str], end: str = "") -> str:
        """A name that is free.

        It is the wanted one, or with a document that of the most similar field; empty where there is none.
        """
        if self.fields is not None:
            fits = (name for name in self.under(scope) if name.endswith("[]") == bool(end))
            free = (name for name in fits if name not in taken and (scope + name, "") not in self.banned)
            likeness, name = max(
                ((_likeness(wanted, name), name) for name in sorted(free)), default=(0.0, "")
            )
            return name.removesuffix("[]") if likeness >= _ALIKE else ""
        number, name = 1, wanted
        while name in taken or f"{name}[]" in taken:
            number += 1
            name = f"{wanted}_{number}"
        return name


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


def _likeness(wanted: str, name: str) -> float:
    words = name.removesuffix("[]").replace(".", "_")
    inside = set(words.split("_")) <= set(wanted.split("_"))
    return max(SequenceMatcher(None, wanted, words).ratio(), inside * (0.6 + len(words) / 100))


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
