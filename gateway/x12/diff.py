"""What differs between two X12 files, by structure: sets, segments and elements instead of characters.

Separators, line ends, padding of ISA and trailing empty elements are outer form and never a difference. A
file is a tree of interchanges, groups, sets and segments. On each level what is equal is paired first, then
what has the same identity (place in the guide and qualifier of a segment, ST02 of a set), and what then is
left of interchanges, groups and sets in its order.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import SequenceMatcher
from itertools import chain, repeat, zip_longest
from operator import attrgetter
from typing import Any

from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import diagnose
from gateway.x12.guide import Segment
from gateway.x12.parser import GuideSource
from gateway.x12.reader import Piece
from gateway.x12.rewrite import COMPONENT, REPETITION, LeftOut, Line, lines
from gateway.x12.table import Position, Table

WINDOW = 1_000
"""Items that are aligned at once: the work grows with its square, and with the file linearly."""

CONTROL_ELEMENTS = {"ISA": {9, 10, 13}, "GS": {4, 5, 6}, "ST": {2}, "SE": {1, 2}, "GE": {1, 2}, "IEA": {1, 2}}
"""Control numbers, dates, times and counts: what differs whenever the same content is sent again."""

_LEVELS = ("file", "interchange", "group", "transaction_set")
_DEPTHS = {"ISA": 1, "IEA": 1, "GS": 2, "GE": 2}
_ELEMENT = "\ue002"
_EMPTY = f"{COMPONENT}+(?={REPETITION}|$)"

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One element (or component) that differs; empty text where it is absent."""

    ref: str
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        kind: ``added`` (only in the second file), ``removed`` (only in the first) or ``changed``.
        level: ``interchange``, ``group``, ``transaction_set``, ``segment`` or ``text``.
        place: the interchange, group and set it is in, in words.
        segment: segment id; empty above segments. name: the guide's name of it. loop: the loops around it.
        number_before, number_after: position in the set of the first and second file, ST = 1.
        before, after: the text in the first and second file, with ``*`` and ``>`` as separators.
    """

    kind: str
    level: str
    place: str
    segment: str = ""
    name: str = ""
    loop: str = ""
    number_before: int | None = None
    number_after: int | None = None
    before: str = ""
    after: str = ""
    changes: tuple[Change, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``null`` where there is nothing to say."""
        found = {key: value or None for key, value in asdict(self).items()}
        return {**found, "changes": [asdict(change) for change in self.changes]}


@dataclass(slots=True)
class _Node:
    """A segment, or the file, an interchange, a group or a set with its segments.

    ``parts`` are segment id and elements, of what has children those of the first; ``content`` is equal where
    nothing differs.
    """

    level: str
    parts: Parts = ()
    content: Any = ()
    number: int | None = None
    position: Position | None = None
    children: list[_Node] = field(default_factory=list)

    @property
    def label(self) -> str:
        if self.level == "transaction_set":
            return " ".join(self.parts[1:3])
        header, index = ("ISA", 13) if self.level == "interchange" else ("GS", 6)
        return f"{self.level} {_get(self.parts, index)}" if self.parts[0] == header else f"no {self.level}"

    @property
    def identity(self) -> Hashable:
        """Equal where two are compared with each other."""
        if self.children:
            return self.level, self.parts[1:3] if self.level == "transaction_set" else ()
        if self.level != "segment" or self.number is None:
            return self.parts[0]
        if self.position is None:
            return self.parts[0], _get(self.parts, 1)
        elements = self.position.segment.elements
        qualified = self.position.counts and elements and elements[0].type == "ID"
        return self.position.index, _get(self.parts, 1) if qualified else ""

    @property
    def kind(self) -> Hashable:
        return self.level if self.children else id(self)


def diff(
    first: Iterable[Piece], second: Iterable[Piece], guides: GuideSource, *, ignore_control: bool = False
) -> Iterator[Difference]:
    """The differences of two files in the order of the first.

    Args:
        guides: names and places of segments; a set without guide is compared by its segment ids.
        ignore_control: leave out control numbers, dates, times and counts of the envelope, ST and SE.
    """
    ignored = CONTROL_ELEMENTS if ignore_control else {}
    before, after = (_tree(lines(pieces), ignored) for pieces in (first, second))
    yield from _inside(before, after, guides, "", "")


def _tree(found: Iterable[Line | LeftOut], ignored: dict[str, set[int]]) -> _Node:
    """The file as a tree; what has no header gets a parent without one."""
    root = _Node("file")
    around = [root]
    for line in found:
        if isinstance(line, LeftOut):
            text = f"{line.what}: {line.reason}"
            root.children.append(_Node("text", (text,), text))
            continue
        parts = _trimmed(v.rstrip() if line.values[0] == "ISA" else v for v in line.values)
        depth = 3 if line.number else _DEPTHS.get(parts[0], min(max(1, len(around) - 1), 2))
        opens = line.number == 1 or parts[0] in ("ISA", "GS")
        del around[depth if opens else depth + 1 :]
        while len(around) <= depth:
            around[-1].children.append(_Node(_LEVELS[len(around)], parts))
            around.append(around[-1].children[-1])
        level = _LEVELS[depth] if parts[0] in _DEPTHS else "segment"
        without = ignored.get(parts[0], ())
        content = _trimmed("" if i in without else value for i, value in enumerate(parts))
        around[-1].children.append(_Node(level, parts, content, line.number or None))
        if parts[0] in ("GE", "IEA"):
            del around[depth:]
    _close(root)
    return root


def _close(node: _Node) -> None:
    for child in node.children:
        _close(child)
    if node.children:
        node.content = hash(tuple(child.content for child in node.children))


def _trimmed(values: Iterable[str]) -> Parts:
    """Without empty elements and components at the end."""
    found = [re.sub(_EMPTY, "", value) if COMPONENT in value else value for value in values]
    while len(found) > 1 and not found[-1]:
        found.pop()
    return tuple(found)


def _inside(one: _Node, other: _Node, guides: GuideSource, place: str, version: str) -> Iterator[Difference]:
    """The differences of two files, interchanges, groups or sets."""
    if one.level == "group":
        version = _get(one.parts, 8).strip()
    if one.level == "transaction_set":
        for tree in (one, other):
            if table := guides.table(version, _get(tree.parts, 1)):
                _locate(tree, table)
    for left, right in _paired(one.children, other.children, ("content", "identity", "kind")):
        node = left or right
        assert node is not None
        where = ", ".join(filter(None, (place, node.label if node.children else "")))
        if left is None or right is None:
            yield _whole(node, "added" if left is None else "removed", where, guides)
        elif left.content != right.content and node.children:
            yield from _inside(left, right, guides, where, version)
        elif left.content != right.content:
            changes = tuple(_changes(left.content, right.content, _segment(left, guides)))
            change = _whole(left, "changed", where, guides)
            yield replace(change, number_after=right.number, after=_shown(right.parts), changes=changes)


def _paired(
    before: list[_Node], after: list[_Node], keys: tuple[str, ...]
) -> Iterator[tuple[_Node | None, _Node | None]]:
    """What is compared with what: equal by the first key, what lies between by the next ones."""
    if not (keys and before and after):
        yield from ((node, None) for node in before)
        yield from ((None, node) for node in after)
        return
    key, i, j = attrgetter(keys[0]), 0, 0
    for a, b, size in matches([*map(key, before)], [*map(key, after)]):
        yield from _paired(before[i:a], after[j:b], keys[1:])
        yield from zip(before[a : a + size], after[b : b + size])
        i, j = a + size, b + size


def matches(before: Sequence[Hashable], after: Sequence[Hashable]) -> Iterator[tuple[int, int, int]]:
    """Equal stretches in the order of both: where they begin, and their length; last the two ends.

    They are looked for in a window, which goes on behind the last stretch found in it.
    """
    i = j = 0
    while i < len(before) and j < len(after):
        one, other = before[i : i + WINDOW], after[j : j + WINDOW]
        *found, _ = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
        yield from ((i + a, j + b, size) for a, b, size in found)
        a, b, size = found[-1] if found else (0, 0, 0)
        if max(a, b) + size < WINDOW // 2:
            a = b = WINDOW // 2
            size = 0
        i, j = i + a + size, j + b + size
    yield len(before), len(after), 0


def _locate(node: _Node, table: Table) -> None:
    """Finds the places of a set's segments in its guide."""
    texts = [_ELEMENT.join(child.parts) for child in node.children]
    steps = diagnose(table, texts, Delimiters(_ELEMENT, COMPONENT), complete=False).steps
    for child, step in zip(node.children, steps, strict=True):
        child.position = None if step.position is None else table.positions[step.position]


def _segment(node: _Node, guides: GuideSource) -> Segment | None:
    return node.position.segment if node.position else guides.envelope_segment(node.parts[0])


def _whole(node: _Node, kind: str, place: str, guides: GuideSource) -> Difference:
    """What stands in one of the files only."""
    segment = None if node.children else _segment(node, guides)
    text = _shown(node.parts)
    if node.level == "transaction_set":
        text += f" ({len(node.children)} segments)"
    elif node.children:
        text += f" ({_sets(node)} transaction sets)"
    name, loop = segment.name if segment else "", node.position.loop.address if node.position else ""
    segment_id, place = "" if node.level == "text" else node.parts[0], place or "outside the interchanges"
    sides = (None, node.number, "", text) if kind == "added" else (node.number, None, text, "")
    return Difference(kind, node.level, place, segment_id, name, loop, *sides)


def _sets(node: _Node) -> int:
    return node.level == "transaction_set" or sum(map(_sets, node.children))


def _changes(before: Parts, after: Parts, segment: Segment | None) -> Iterator[Change]:
    """The elements that differ; of one that does not repeat, the components."""
    elements = (None, *segment.elements) if segment else ()
    both = zip_longest(before, after, fillvalue="")
    for index, ((one, other), element) in enumerate(zip(both, chain(elements, repeat(None)))):
        ref = f"{before[0]}{index:02d}"
        if one != other and (COMPONENT not in one + other or REPETITION in one + other):
            yield Change(ref, element.name if element else "", _shown((one,)), _shown((other,)))
        elif one != other:
            parts = zip_longest(one.split(COMPONENT), other.split(COMPONENT), fillvalue="")
            components = chain(element.components if element else (), repeat(None))
            for number, ((left, right), component) in enumerate(zip(parts, components), 1):
                if left != right:
                    yield Change(f"{ref}-{number}", component.name if component else "", left, right)


def _shown(parts: Sequence[str]) -> str:
    return "*".join(parts).replace(COMPONENT, ">").replace(REPETITION, "^")


def _get(values: Sequence[str], index: int) -> str:
    return values[index] if index < len(values) else ""
