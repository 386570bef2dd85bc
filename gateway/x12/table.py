"""A guide compiled into positions: every place where a segment may stand, and what may follow it.

Matching is deterministic and never goes back (X12.6): from a position the next segment is looked for forward
in the innermost loop, then as a repetition of that loop, then outward. The first place found is the place,
whether or not mandatory segments were passed over; those are reported as missing. The diagnosis walks the
table, and the generated code is built from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.x12.guide import Guide, Loop, Segment
from gateway.x12.hierarchy import Tree


@dataclass(slots=True)
class LoopPlace:
    """A loop of the table: its depth, its parent and the range of its positions."""

    index: int
    loop: Loop
    parent: LoopPlace | None
    first: int
    last: int = 0

    @property
    def depth(self) -> int:
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def path(self) -> tuple[LoopPlace, ...]:
        """The loops from the outermost below the set down to this one; empty for the set itself."""
        return () if self.parent is None else (*self.parent.path, self)

    @property
    def address(self) -> str:
        """The segments that begin those loops, for example ``PO1/N1``."""
        return "/".join(place.loop.trigger.id for place in self.path)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a segment id leads: a position, and the mandatory segments passed over on the way."""

    position: int
    skipped: tuple[int, ...] = ()


@dataclass(slots=True)
class Position:
    """A place where one segment may stand."""

    index: int
    segment: Segment
    loop: LoopPlace
    trigger: bool
    targets: dict[str, Target] = field(default_factory=dict)
    unused: set[str] = field(default_factory=set)
    """Segments that the standard lets stand next, and the guide does not use."""

    @property
    def id(self) -> str:
        return self.segment.id

    @property
    def tree(self) -> Tree | None:
        """The hierarchy whose levels this segment begins."""
        return self.loop.loop.tree if self.trigger else None

    @property
    def limit(self) -> int:
        """How often it may occur in its scope: the loop's repeat for a segment that begins a loop."""
        return self.loop.loop.repeat if self.trigger and self.loop.parent else self.segment.max_use

    @property
    def path(self) -> str:
        """Loops and segment, for example ``PO1/N1/N3``."""
        loops = self.loop.address
        return loops if self.trigger and loops else f"{loops}/{self.id}".lstrip("/")

    @property
    def counts(self) -> bool:
        """Whether occurrences must be counted: all but places that can be used once only."""
        return self.limit != 1


@dataclass(slots=True)
class Table:
    """All positions of a guide in the order of the standard; position 0 is ST, the last one is SE."""

    guide: Guide
    positions: list[Position]
    loops: list[LoopPlace]
    ids: frozenset[str]


def build(guide: Guide) -> Table:
    """Compiles a guide."""
    positions: list[Position] = []
    loops: list[LoopPlace] = []

    def place(loop: Loop, parent: LoopPlace | None) -> None:
        here = LoopPlace(len(loops), loop, parent, len(positions))
        loops.append(here)
        for child in loop.children:
            if isinstance(child, Loop):
                place(child, here)
            else:
                positions.append(Position(len(positions), child, here, len(positions) == here.first))
        here.last = len(positions) - 1

    place(guide.root, None)
    begins = {id(loop.loop): loop.first for loop in loops}
    begins |= {id(position.segment): position.index for position in positions}
    for position in positions:
        position.targets = _targets(position, begins)
    return Table(guide, positions, loops, frozenset(position.id for position in positions))


def _targets(position: Position, begins: dict[int, int]) -> dict[str, Target]:
    targets: dict[str, Target] = {}
    overflow: dict[str, Target] = {}
    passed: list[int] = []

    def offer(name: str, index: int, *, again: bool = True) -> None:
        # A second use of what may stand once is looked for only after every lawful place.
        (targets if again else overflow).setdefault(name, Target(index, tuple(passed)))

    if not position.trigger:
        offer(position.id, position.index, again=position.segment.max_use != 1)
    current: Segment | Loop = position.segment
    place: LoopPlace | None = position.loop
    while place is not None:
        children = place.loop.children
        at = next(i for i, child in enumerate(children) if child is current)
        for child in children[at + 1 :]:
            name = child.trigger.id if isinstance(child, Loop) else child.id
            if child.usage == "N":
                position.unused.add(name)
                continue
            offer(name, begins[id(child)])
            if child.usage == "R":
                passed.append(begins[id(child)])
        if place.parent is not None:
            offer(place.loop.trigger.id, place.first, again=place.loop.repeat != 1)
        current, place = place.loop, place.parent
    found = targets | {name: target for name, target in overflow.items() if name not in targets}
    return {name: target for name, target in found.items() if name != "ST" or target.position != 0}


def is_overflow(table: Table, position: Position, target: Target) -> bool:
    """Whether the step uses a place a second time that may be used once."""
    there = table.positions[target.position]
    if there.limit != 1:
        return False
    if there.trigger:
        return there.loop.first <= position.index <= there.loop.last
    return there.index == position.index
