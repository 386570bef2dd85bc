"""The slow, explaining way through a transaction set: every problem, and where each segment went.

It walks the same table that the generated code is made from, and is asked only when that code has refused a
set, when somebody wants to look (``inspect``, ``trace``), or in tests as the second opinion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from itertools import chain, repeat
from typing import Any

from gateway.errors import Ack, Location, Problem
from gateway.x12.delimiters import Delimiters
from gateway.x12.elements import DECIMAL, broken_notes, fault
from gateway.x12.guide import Element, SyntaxNote
from gateway.x12.hierarchy import Node, Nodes, Tree, grow, untrue
from gateway.x12.problems import problem
from gateway.x12.table import Position, Table, is_overflow

MAX_PROBLEMS = 1_000
"""Problems kept for one transaction set; a set of nothing but errors says nothing more after that."""


@dataclass(frozen=True, slots=True)
class Step:
    """One segment of the set (``number`` 1 is ST) and the place it took.

    Attributes:
        parts: segment id and elements. position: index in the table, None for a segment without a place.
        count: how many of this place there are so far in its scope.
    """

    number: int
    parts: list[str]
    position: int | None
    count: int


@dataclass(slots=True)
class Diagnosis:
    """All problems of a set, in the order of its segments, and the steps of the walk."""

    problems: list[Problem] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def add(self, code: str, where: Location, element: Element | None = None, **more: Any) -> None:
        """Notes a problem of the catalogue; one with an element names that."""
        if len(self.problems) < MAX_PROBLEMS:
            if element is not None:
                more = {"ref": element.ref, "name": element.name, "data_element": element.number, **more}
            self.problems.append(problem(code, where, **more))


def diagnose(
    table: Table, segments: Sequence[str], delimiters: Delimiters, *, complete: bool = True
) -> Diagnosis:
    """Checks a transaction set against its guide.

    Args:
        segments: the set from ST to SE, without terminators; not ``complete`` where SE is missing.

    Returns:
        Problems located by segment, element and component; the caller knows offsets and control numbers.
    """
    result = Diagnosis()
    positions = table.positions
    counts = [0] * len(positions)
    here = positions[0]
    last_id = "ST"
    nodes: Nodes = {"": Node(None)}
    levels: dict[str, int] = {}
    tree, sound = None, True
    for number, text in enumerate(segments, 1):
        parts = text.split(delimiters.element)
        name = parts[0]
        if number == 1:
            result.steps.append(Step(1, parts, 0, 1))
            _check_surplus(result, positions[0], 1, parts)
            continue
        target = here.targets.get(name)
        if target is None:
            result.steps.append(Step(number, parts, None, 0))
            code = "X12-SEGMENT-UNEXPECTED" if name in table.ids else "X12-SEGMENT-UNKNOWN"
            code = code if text else "X12-SEGMENT-EMPTY"
            where = replace(_place(here, number), segment_id=name[:10])
            ack = Ack(ak3="2", ak5="5", ik="I4") if name in here.unused else None
            set_id = table.guide.set_id
            result.add(code, where, value=name, ack=ack, segment=name[:10], set=set_id, after=last_id)
            continue
        there = positions[target.position]
        for skipped in target.skipped:
            missing = positions[skipped]
            where, called = _place(missing, number), missing.segment.name
            result.add("X12-SEGMENT-MISSING", where, segment=missing.id, name=called, before=name)
        if is_overflow(table, here, target):
            counts[there.index] = max(counts[there.index], 1)
        counts[there.index] += 1
        if there.limit and counts[there.index] > there.limit:
            code, count = "X12-LOOP-REPEAT" if there.trigger else "X12-SEGMENT-REPEAT", counts[there.index]
            result.add(code, _place(there, number), segment=name, count=count, limit=there.limit)
        if there.trigger:
            counts[there.index + 1 : there.loop.last + 1] = [0] * (there.loop.last - there.index)
        result.steps.append(Step(number, parts, there.index, counts[there.index]))
        if there.index != len(positions) - 1:
            _check_segment(result, there, number, parts, delimiters)
        else:
            _check_surplus(result, there, number, parts)
        if there.tree is not None:
            sound &= _check_level(result, there.tree, nodes, levels, number, parts)
            tree = there.tree
        here, last_id = there, name
    if sound and tree is not None:
        for own, code, right in untrue(nodes):
            element = tree.id if code == "X12-HL-NUMBER" else tree.children
            _add_level(result, code, element, levels[own], result.steps[levels[own] - 1].parts, right)
    if complete:
        _check_totals(result, table)
    return result


def _check_level(
    result: Diagnosis, tree: Tree, nodes: Nodes, levels: dict[str, int], number: int, parts: list[str]
) -> bool:
    """Adds a level to the tree; False if something stands against it, which is told."""
    places = (tree.id, tree.parent, tree.level, tree.children)
    own, parent, level, flag = (parts[place] if place < len(parts) else "" for place in places)
    if not own:
        return False  # told as a missing element
    found = grow(nodes, own, parent, level, flag, tree)
    if isinstance(found, Node):
        levels[own] = number
        return True
    element = {"X12-HL-DUPLICATE": tree.id, "X12-HL-LEVEL": tree.level}.get(found, tree.parent)
    above = nodes[parent].level if parent in nodes else ""
    top = "the top, beside another" if "" in tree.parents.get(level, ("",)) else "the top"
    _add_level(result, found, element, number, parts, above or top)
    nodes.setdefault(own, Node(None, level))  # so that the levels below it are not all blamed
    return False


def _add_level(result: Diagnosis, code: str, element: int, number: int, parts: list[str], right: str) -> None:
    ref = f"{parts[0]}{element:02d}"
    where = Location(segment=number, segment_id=parts[0], element=element, loop=parts[0])
    value = parts[element] if element < len(parts) else ""
    data = {1: "628", 2: "734", 3: "735", 4: "736"}.get(element, "")
    result.add(code, where, value=value, data_element=data, ref=ref, right=right)


def _place(position: Position, number: int, element: int | None = None) -> Location:
    loop = position.loop.address or None
    return Location(segment=number, segment_id=position.id, element=element, loop=loop)


def _check_surplus(result: Diagnosis, position: Position, number: int, parts: list[str]) -> None:
    """Filled elements beyond the last one of the definition; empty ones carry nothing and are let pass."""
    limit = len(position.segment.elements)
    if any(parts[limit + 1 :]):
        where, value = _place(position, number, limit + 1), parts[limit + 1]
        filled = max(i for i, part in enumerate(parts) if part)
        result.add("X12-ELEMENT-EXTRA", where, value=value, segment=position.id, count=filled, limit=limit)


def _check_segment(
    result: Diagnosis, position: Position, number: int, parts: list[str], delimiters: Delimiters
) -> None:
    segment, place = position.segment, partial(_place, position, number)
    marks = [mark for mark in (delimiters.component, delimiters.repetition) if mark]
    _check_surplus(result, position, number, parts)
    for index, element in enumerate(segment.elements, 1):
        value = parts[index] if index < len(parts) else ""
        if not value:
            if element.usage == "R":
                result.add("X12-ELEMENT-MISSING", place(index), element)
        elif element.usage == "N":
            result.add("X12-ELEMENT-UNUSED", place(index), element, value=value)
        elif element.components or any(mark in value for mark in marks) or fault(element, value):
            # Nearly all values are one simple element without fault; the others are looked into.
            _check_element(result, element, value, place(index), delimiters)
    if segment.notes:
        _check_notes(result, segment.notes, segment.elements, parts, place)


def _check_element(
    result: Diagnosis, element: Element, value: str, where: Location, delimiters: Delimiters
) -> None:
    repeated = delimiters.repetition and element.repeat != 1
    values = value.split(delimiters.repetition) if repeated else [value]
    if delimiters.repetition and not repeated and delimiters.repetition in value:
        what = "holds the repetition separator, but may not repeat"
        result.add("X12-ELEMENT-CHARACTER", where, element, value=value, what=what)
        return
    for repetition, one in enumerate(values, 1):
        if len(values) > 1:
            where = replace(where, repetition=repetition)
        components = one.split(delimiters.component) if delimiters.component else [one]
        limit = len(element.components) or 1
        if any(components[limit:]) or (len(components) > 1 and not element.components):
            count = len(components)
            result.add("X12-COMPONENT-EXTRA", where, element, value=one, count=count, limit=limit)
        elif element.components:
            _check_composite(result, element, components, where)
        else:
            _check_simple(result, element, one, where)


def _check_simple(result: Diagnosis, element: Element, value: str, where: Location) -> None:
    found = fault(element, value)
    if found is None:
        return
    code, more = found
    own, listed = None, element.codes
    if code == "X12-ELEMENT-CODE" and (listed is None or value in listed.codes | listed.unused):
        # The standard has the code: the guide leaves it out, or wants another pattern.
        ik = "I6" if listed is not None and value in listed.unused else "I12"
        own = Ack(ak3="8", ak4="7", ak5="5", ik=ik)
    result.add(code, where, element, value=value, ack=own, **more)


def _check_composite(result: Diagnosis, element: Element, values: list[str], where: Location) -> None:
    def place(component: int) -> Location:
        return replace(where, component=component)

    for index, (component, value) in enumerate(zip(element.components, chain(values, repeat(""))), 1):
        if value:
            _check_simple(result, component, value, place(index))
        elif component.usage == "R":
            result.add("X12-ELEMENT-MISSING", place(index), component)
    _check_notes(result, element.notes, element.components, ["", *values], place)


def _check_notes(
    result: Diagnosis,
    notes: tuple[SyntaxNote, ...],
    elements: tuple[Element, ...],
    values: list[str],
    place: Callable[[int], Location],
) -> None:
    """The syntax notes of a segment or composite; ``values`` count from 1 like its elements."""
    for note, blame in broken_notes(notes, [bool(value) for value in values]):
        code, value = "X12-ELEMENT-CONDITION", None
        if note.kind == "E":
            code, value = "X12-ELEMENT-EXCLUSIVE", values[blame]
        result.add(code, place(blame), elements[blame - 1], value=value, rule=note.text)


def _check_totals(result: Diagnosis, table: Table) -> None:
    """Counts and hash totals that an element of the set states (CTT01, CTT02 and their kin)."""
    segments = [step.parts for step in result.steps]
    known = Counter(step.parts[0] for step in result.steps if step.position is not None)
    sums: dict[str, Decimal | None] = {}
    for step in result.steps[1:]:
        if step.position is None:
            continue
        position = table.positions[step.position]
        for index, (element, stated) in enumerate(zip(position.segment.elements, step.parts[1:]), 1):
            if not (element.count or element.hash) or not stated or fault(element, stated):
                continue
            where = _place(position, step.number, index)
            if element.count:
                counts = {name: known[name] for name in element.count.split()}
                if int(stated) not in counts.values():
                    told = " and ".join(f"{n} {name}" for name, n in counts.items())
                    result.add("X12-CTT-COUNT", where, element, value=stated, counts=told)
                continue
            if element.hash not in sums:
                sums[element.hash] = hash_total(segments, element.hash)
            total = sums[element.hash]
            if total is not None and not hash_agrees(stated, total):
                count, segment = format(total, "f"), element.hash
                result.add("X12-CTT-HASH", where, element, value=stated, count=count, segment=segment)


def hash_total(segments: Sequence[Sequence[str]], ref: str) -> Decimal | None:
    """The sum of an element (``PO102``) over all its segments; None if one of them is not a number."""
    name, index = ref[:-2], int(ref[-2:])
    total = Decimal(0)
    for parts in segments:
        if parts[0] == name and index < len(parts) and parts[index]:
            if not DECIMAL.fullmatch(parts[index]):
                return None
            total += Decimal(parts[index])
    return total


def hash_agrees(stated: str, total: Decimal) -> bool:
    """Whether a hash total is the sum; high digits beyond its 10 places may be cut off (CTT02)."""
    value = Decimal(stated)
    if value == total:
        return True
    digits = len(stated.replace(".", "").replace("-", ""))
    return digits >= 10 and total == total.to_integral_value() and int(total) % 10**digits == int(value)
