"""Hierarchical levels: the HL loops of a set form a tree by HL02, in whatever order they stand (X12 856).

HL01 numbers a level, HL02 names the level above it, HL03 says what it is (shipment, order, tare, pack, item)
and HL04 whether there are levels below. A guide marks such a loop and may say which levels may stand below
which; the diagnosis and the generated code both grow the tree of :class:`Node` with :func:`grow`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tree:
    """What a guide says of a loop whose repetitions are levels.

    Attributes:
        id, parent, level, children: positions of the four elements in the segment that begins the loop.
        parents: by level code, the codes of levels it may stand below; ``""`` is the top of the tree. A level
            that is not listed may stand anywhere, and anything below it.
    """

    id: int
    parent: int
    level: int
    children: int
    parents: dict[str, frozenset[str]]

    @property
    def written(self) -> tuple[int, int, int]:
        """The elements that follow from the tree, so that no rule of a mapping gives them."""
        return self.id, self.parent, self.children


MAX_DEPTH = 50
"""Levels below each other. A shipment has about six; hundreds are more than programs can read."""


@dataclass(slots=True)
class Node:
    """One level; the top of the tree is one as well.

    Attributes:
        container: the object of the document that the level fills; that of the level above until it has one.
        ordinal: which child of the level above it is, from 1. flag: HL04 as it stands.
        depth: how many levels it stands below the top.
        count, mask: children so far, and which kinds of them (one bit for each case of a mapping).
    """

    container: Any
    level: str = ""
    above: Node | None = None
    ordinal: int = 1
    flag: str = ""
    depth: int = 0
    count: int = 0
    mask: int = 0


Nodes = dict[str, Node]
"""All levels so far by HL01, the top under ``""``."""


def grow(nodes: Nodes, number: str, parent: str, level: str, flag: str, tree: Tree) -> Node | str:
    """Adds a level: gives its node, or the code of the problem that stands against it."""
    if number in nodes:
        return "X12-HL-DUPLICATE"
    above = nodes.get(parent)
    if above is None:
        return "X12-HL-PARENT"
    parents = tree.parents
    if level in parents and (over := above.level) not in parents[level] and (not over or over in parents):
        return "X12-HL-LEVEL"
    if not parent and above.count and parents:
        return "X12-HL-LEVEL"  # what is on top is the document, and there is one
    if (depth := above.depth + 1) > MAX_DEPTH:
        return "X12-HL-DEPTH"
    above.count = ordinal = above.count + 1
    node = nodes[number] = Node(above.container, level, above, ordinal, flag, depth)
    return node


def untrue(nodes: Nodes) -> Iterator[tuple[str, str, str]]:
    """What levels say of themselves that is not so: HL01, problem code and the right value."""
    for order, (number, node) in enumerate(nodes.items()):
        if not order:
            continue  # the top of the tree
        if number != str(order) and number.lstrip("0") != str(order):
            yield number, "X12-HL-NUMBER", str(order)
        children = "1" if node.count else "0"
        if node.flag != children and node.flag:
            yield number, "X12-HL-CHILDREN", children
