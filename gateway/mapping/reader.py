"""The table-driven way from a transaction set to its document, and where each value of that came from.

It does what the generated functions do, step by step over the walk of the diagnosis. It serves
``map trace``, and in tests as the second opinion on the generated code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.mapping.extensions import (
    COMPONENT,
    REPETITION,
    append,
    component_of,
    get,
    keep_place,
    keep_segment,
    keep_value,
    put,
    ref,
)
from gateway.mapping.model import Copy
from gateway.mapping.plan import Case, Plan, Scope, Take
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import Step
from gateway.x12.hierarchy import Node, Nodes, grow
from gateway.x12.table import Position

_EXACT = "the value would be written in another form, so the exact text is kept"
_NO_VALUE = "the rule's converter has no value for this text"
_ABSENT = "a computed segment that was not sent; it is left out on writing, too"
_LOST = "it is in a loop that no rule takes"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value of a document comes from.

    Attributes:
        kind: ``rule`` (a rule read it), ``copy`` (copied from another field), ``kept`` (no rule took it),
            ``exact_text`` (a rule took it, and its text is kept as well), ``place`` (the segment stood
            elsewhere than it is written), ``absent`` (a computed segment that was not there).
        segment: position in the set, ST = 1; None where there is none.
        source: element such as ``BEG03``, or the segment id of a whole segment.
        text: the text that was read.
        pointer: JSON pointer to the value.
        value: the value of the document.
        rule: the rule as the mapping states it; empty where none took the text.
        reason: why the text was kept; empty for rules.
    """

    kind: str
    segment: int | None
    source: str
    text: str
    pointer: str
    value: Any
    rule: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def trace(plan: Plan, steps: Sequence[Step], delimiters: Delimiters) -> tuple[dict[str, Any], list[Origin]]:
    """Reads a set and tells where everything went: nothing of the set is missing among the origins.

    Args:
        steps: the walk of the diagnosis through a set without errors, from ST to SE.

    Returns:
        The body of the document, and the origins in the order of the segments.
    """
    document: dict[str, Any] = {}
    plan.put_constants(document)
    origins: list[Origin] = []
    DocumentReader(plan, document, origins).read(list(steps), delimiters)
    # A value that was copied again counts once. The sort is stable: in a segment the order of reading stays.
    last = {(one.kind, one.pointer, one.source): one for one in origins}
    return document, sorted(last.values(), key=lambda one: one.segment or 1_000_000_000)


@dataclass(slots=True)
class _Frame:
    """A loop being read: its scope, its object and where that stands; ``lost`` if no rule takes the loop."""

    scope: Scope
    container: dict[str, Any]
    pointer: str
    lost: bool = False


@dataclass(slots=True)
class DocumentReader:
    """Reads the steps of one transaction set into a document; ``trace`` collects what every rule did."""

    plan: Plan
    document: dict[str, Any]
    trace: list[Origin] | None = None
    _frames: dict[int, _Frame] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)
    _masks: dict[int, int] = field(default_factory=dict)
    #: Levels of a hierarchy; their containers are frames here.
    _nodes: Nodes = field(default_factory=dict)
    _node: Node | None = None
    #: The segment that is read.
    _number: int | None = None
    _parts: list[str] = field(default_factory=list)
    _separators: dict[int, str] = field(default_factory=dict)

    def read(self, steps: list[Step], delimiters: Delimiters) -> dict[str, Any]:
        """Fills the document from a set without errors and returns it."""
        table = self.plan.table
        root = self._frames[0] = _Frame(self.plan.root, self.document, "")
        self._nodes[""] = Node(root)
        marks = {delimiters.component: COMPONENT, delimiters.repetition: REPETITION}
        marked = str.maketrans({mark: ours for mark, ours in marks.items() if mark})
        self._separators = str.maketrans(
            {COMPONENT: delimiters.component or ">", REPETITION: delimiters.repetition or "^"}
        )
        for step in steps[1:-1]:
            assert step.position is not None
            position = table.positions[step.position]
            self._counts[position.index] = step.count
            if position.trigger:
                for index in range(position.index + 1, position.loop.last + 1):
                    self._masks.pop(index, None)
            self._number, self._parts = step.number, [part.translate(marked) for part in step.parts]
            self._segment(position)
        self._number, there = None, len(self.document.get("extensions", ()))
        self.plan.note_absent(self.document, self._nodes)
        for index, entry in enumerate(self.document.get("extensions", ())[there:], there):
            self._tell("absent", entry["address"], "", f"/extensions/{index}", entry, reason=_ABSENT)
        return self.document

    def _tell(
        self, kind: str, source: str, text: str, pointer: str, value: Any, rule: str = "", reason: str = ""
    ) -> None:
        if self.trace is not None:
            number, shown = self._number if kind != "copy" else None, text.translate(self._separators)
            self.trace.append(Origin(kind, number, source, shown, pointer, value, rule, reason))

    def _tell_kept(self, kind: str, at: _Frame, source: str, text: str, reason: str, rule: str = "") -> None:
        """Tells of the entry that the extensions of an object were given last."""
        entries = at.container["extensions"]
        pointer = f"{at.pointer}/extensions/{len(entries) - 1}"
        self._tell(kind, source, text, pointer, entries[-1], rule, reason)

    def _text(self, element: int, component: int) -> str:
        return component_of(self._parts[element], component) if element < len(self._parts) else ""

    def _segment(self, position: Position) -> None:
        outer = position.loop.parent if position.trigger else position.loop
        assert outer is not None
        frame = self._frames[outer.index]
        above = None
        if tree := position.tree:
            own, up, level, flag = (
                self._text(n, 0) for n in (tree.id, tree.parent, tree.level, tree.children)
            )
            node = grow(self._nodes, own, up, level, flag, tree)
            assert isinstance(node, Node)
            self._node, above = node, node.above
            frame = _Frame(frame.scope, node.container.container, node.container.pointer)
        address = self._address(frame.scope, position)
        mask = self._masks.get(position.index, 0) if above is None else above.mask
        inner_level = above is not None and above.above is not None
        met = 0
        for case in frame.scope.cases.get(position.index, ()):
            is_taken = inner_level or (position.counts and mask & (1 << case.index))
            if any(self._text(c.element, c.component) != c.value for c in case.conditions):
                met = max(met, 1)
            elif case.selective and not case.yields(self._text):
                met = max(met, 2)
            elif case.list_path is None and is_taken:
                met = 3
            else:
                break
        else:
            reason = (
                f"no rule takes {position.path}",
                f"no rule of {position.path} has a condition that it meets",
                f"it fills no field that the rules of {position.path} take",
                f"the rules of {position.path} take fewer such segments than there are",
            )[met]
            text = "*".join(self._parts)
            keep_segment(frame.container, address, list(self._parts))
            self._tell_kept("kept", frame, position.id, text, _LOST if frame.lost else reason)
            if position.trigger:
                inner = frame.scope.inner[position.index]
                self._frames[position.loop.index] = _Frame(inner, frame.container, frame.pointer, lost=True)
            return
        if position.counts and mask >> (case.index + 1):
            keep_place(frame.container, address, case.name)
            reason = f"the segment of {case.name} stands at another place than the mapping writes it"
            self._tell_kept("place", frame, address, "", reason)
        if above is None:
            self._masks[position.index] = mask | (1 << case.index)
        else:
            above.mask = mask | (1 << case.index)
        self._case(frame, case, position, address)

    def _address(self, scope: Scope, position: Position) -> str:
        def part(trigger: Position) -> str:
            if trigger.tree is not None and self._node is not None:
                return f"{trigger.id}[{self._node.ordinal}]"
            return f"{trigger.id}[{self._counts[trigger.index]}]" if trigger.counts else trigger.id

        loops = (self.plan.table.positions[loop.first] for loop in scope.steps)
        return "/".join(part(one) for one in (*loops, position))

    def _case(self, frame: _Frame, case: Case, position: Position, address: str) -> None:
        target = frame
        if case.list_path is not None:
            number = len(get(frame.container, case.list_path) or ())
            where = f"{frame.pointer}/{'/'.join(case.list_path)}/{number}"
            if case.scalar:
                item = self._value(case.takes[0], position, frame, address, where)
            else:
                item = {}
                target, address = _Frame(frame.scope, item, where), position.id
            append(frame.container, case.list_path, item)
        if not case.scalar:
            self._fill(target, case, position, address)
        self._leftovers(case, position, target, address)
        if position.trigger and case.scope is not None:
            inner = self._frames[position.loop.index] = _Frame(case.scope, target.container, target.pointer)
            if position.tree is not None and self._node is not None:
                self._node.container = inner

    def _fill(self, target: _Frame, case: Case, position: Position, address: str) -> None:
        """Gives an object the fields and copies of a case."""
        for take in case.takes:
            where = f"{target.pointer}/{'/'.join(take.path)}"
            value = self._value(take, position, target, address, where)
            if value is not None:
                put(target.container, take.path, value)
        for copy in (*case.copies, *case.recopies):
            found = copied(copy, target.container, self.document)
            if found is not None and get(target.container, copy.path[:-1]) is not None:
                put(target.container, copy.path, found)
                source, where = ".".join(copy.source), f"{target.pointer}/{'/'.join(copy.path)}"
                self._tell("copy", source, str(found), where, found, f"={source}")

    def _value(self, take: Take, position: Position, target: _Frame, address: str, pointer: str) -> Any:
        texts = tuple(self._text(*source) for source in take.sources)
        if not any(texts):
            return None
        value, kept = take.converter.taken(texts)
        rule, reason = f"{take.address} | {take.converter.name}", _NO_VALUE if value is None else _EXACT
        for index, (source, text) in enumerate(zip(take.sources, texts, strict=True)):
            name = ref(position.id, *source)
            if text and value is not None:
                self._tell("rule", name, text, pointer, value, rule)
            if index in kept:
                keep_value(target.container, address, name, text)
                self._tell_kept("exact_text", target, name, text, reason, rule)
        return value

    def _leftovers(self, case: Case, position: Position, target: _Frame, address: str) -> None:
        """Keeps the elements and components that the case does not take."""
        for index, (part, element) in enumerate(zip(self._parts[1:], position.segment.elements), 1):
            taken = {component for n, component in case.used if n == index}
            wanted = [0] if not taken or REPETITION in part else []
            if taken and 0 not in taken:
                wanted += [c for c in range(1, len(element.components) + 1) if c not in taken]
            for component in wanted:
                name = ref(position.id, index, component)
                if text := component_of(part, component) if component else part:
                    keep_value(target.container, address, name, text)
                    self._tell_kept("kept", target, name, text, "no rule takes this element")


def copied(rule: Copy, target: dict[str, Any], document: dict[str, Any]) -> Any:
    """The value a copy rule gives to an object, None if there is none."""
    own = get(target, rule.source) if rule.local else None
    return get(document, rule.source) if own is None else own
