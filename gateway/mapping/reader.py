"""The table-driven way from a transaction set to its document, with a trace.

It does what the generated functions do, step by step over the walk of the diagnosis. It serves
``map trace``, and in tests as the second opinion on the generated code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway.mapping.extensions import (
    COMPONENT,
    REPETITION,
    get,
    keep_place,
    keep_segment,
    keep_texts,
    keep_value,
    put,
)
from gateway.mapping.model import Copy
from gateway.mapping.plan import Case, Plan, Scope
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import Step
from gateway.x12.hierarchy import Node, Nodes, grow
from gateway.x12.table import LoopPlace, Position


@dataclass(frozen=True, slots=True)
class Trace:
    """One rule at work: which element gave which value of the document.

    Attributes:
        segment: position of the segment in the set, ST = 1.
        source: element reference such as ``BEG03``; the segment id for a segment that was kept whole.
        text: the text that was read.
        pointer: JSON pointer to the value.
        rule: address and converter of the rule; empty where no rule took the text.
    """

    segment: int
    source: str
    text: str
    pointer: str
    rule: str


@dataclass(slots=True)
class _Frame:
    """A loop being read: its scope, its object and where that stands in the document."""

    scope: Scope
    container: dict[str, Any]
    pointer: str


@dataclass(slots=True)
class DocumentReader:
    """Reads the steps of one transaction set into a document.

    Args:
        plan: the bound mapping.
        document: the object to fill.
        trace: collects what every rule did, if given.
    """

    plan: Plan
    document: dict[str, Any]
    trace: list[Trace] | None = None
    _frames: dict[int, _Frame] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)
    _masks: dict[int, int] = field(default_factory=dict)
    #: Levels of a hierarchy; their containers are frames here.
    _nodes: Nodes = field(default_factory=dict)
    _node: Node | None = None

    def read(self, steps: list[Step], delimiters: Delimiters) -> dict[str, Any]:
        """Fills the document from a set without errors and returns it."""
        table = self.plan.table
        self._frames[0] = _Frame(self.plan.root, self.document, "")
        self._nodes[""] = Node(self._frames[0])
        for step in steps[1:-1]:
            assert step.position is not None
            position = table.positions[step.position]
            self._counts[position.index] = step.count
            if position.trigger:
                for index in range(position.index + 1, position.loop.last + 1):
                    self._masks.pop(index, None)
            marks = {delimiters.component: COMPONENT, delimiters.repetition: REPETITION}
            marked = str.maketrans({mark: ours for mark, ours in marks.items() if mark})
            parts = [part.translate(marked) for part in step.parts]
            self._segment(step.number, position, parts)
        self.plan.note_absent(self.document, self._nodes)
        return self.document

    def _segment(self, number: int, position: Position, parts: list[str]) -> None:
        outer = position.loop.parent if position.trigger else position.loop
        assert outer is not None
        frame = self._frames[outer.index]
        above = None
        if tree := position.tree:
            own, up, level, flag = (
                text_of(parts, n, 0) for n in (tree.id, tree.parent, tree.level, tree.children)
            )
            node = grow(self._nodes, own, up, level, flag, tree)
            assert isinstance(node, Node)
            self._node, above = node, node.above
            frame = _Frame(frame.scope, node.container.container, node.container.pointer)
        scope, container = frame.scope, frame.container
        address = self._address(scope, position)
        mask = self._masks.get(position.index, 0) if above is None else above.mask
        for case in scope.cases.get(position.index, []):
            if any(text_of(parts, c.element, c.component) != c.value for c in case.conditions):
                continue
            if case.list_path is None and position.counts and mask & (1 << case.index):
                continue
            if case.list_path is None and above is not None and above.above is not None:
                continue
            if case.selective and not case.yields(partial(text_of, parts)):
                continue
            if position.counts and mask >> (case.index + 1):
                keep_place(container, address, case.name)
            if above is None:
                self._masks[position.index] = mask | (1 << case.index)
            else:
                above.mask = mask | (1 << case.index)
            self._case(number, frame, case, position, parts, address)
            return
        if self.trace is not None:
            index = len(container.get("extensions", []))
            self.trace.append(
                Trace(number, position.id, "*".join(parts), f"{frame.pointer}/extensions/{index}", "")
            )
        keep_segment(container, address, list(parts))
        if position.trigger:
            self._frames[position.loop.index] = _Frame(scope.inner[position.index], container, frame.pointer)

    def _address(self, scope: Scope, position: Position) -> str:
        def part(trigger: Position) -> str:
            if trigger.tree is not None and self._node is not None:
                return f"{trigger.id}[{self._node.ordinal}]"
            return f"{trigger.id}[{self._counts[trigger.index]}]" if trigger.counts else trigger.id

        steps: list[LoopPlace] = list(scope.steps)
        return "/".join(
            part(p) for p in [*(self.plan.table.positions[loop.first] for loop in steps), position]
        )

    def _case(
        self, number: int, frame: _Frame, case: Case, position: Position, parts: list[str], address: str
    ) -> None:
        container, pointer = frame.container, frame.pointer
        target, target_pointer = container, pointer
        if case.list_path is not None:
            holder = container
            for key in case.list_path[:-1]:
                holder = holder.setdefault(key, {})
            items = holder.setdefault(case.list_path[-1], [])
            item_pointer = f"{pointer}/{'/'.join(case.list_path)}/{len(items)}"
            if case.scalar:
                value = self._value(number, case.takes[0], position, parts, container, address, item_pointer)
                items.append(value)
            else:
                target, target_pointer, address = {}, item_pointer, position.id
                items.append(target)
        if not case.scalar:
            for take in case.takes:
                where = f"{target_pointer}/{'/'.join(take.path)}"
                value = self._value(number, take, position, parts, target, address, where)
                if value is not None:
                    put(target, take.path, value)
            for copy in [*case.copies, *case.recopies]:
                found = copied(copy, target, self.document)
                if found is not None and (len(copy.path) == 1 or get(target, copy.path[:-1]) is not None):
                    put(target, copy.path, found)
        self._leftovers(number, case, position, parts, target, target_pointer, address)
        if position.trigger and case.scope is not None:
            self._frames[position.loop.index] = _Frame(case.scope, target, target_pointer)
            if position.tree is not None and self._node is not None:
                self._node.container = self._frames[position.loop.index]

    def _value(
        self,
        number: int,
        take: Any,
        position: Position,
        parts: list[str],
        target: dict[str, Any],
        address: str,
        pointer: str,
    ) -> Any:
        texts = tuple(text_of(parts, *source) for source in take.sources)
        if not any(texts):
            return None
        refs = tuple(ref(position.id, *source) for source in take.sources)
        value = take.converter.read(texts)
        keep_texts(target, address, refs, texts, () if value is None else take.converter.write(value))
        if self.trace is not None and value is not None:
            for name, text in zip(refs, texts, strict=True):
                if text:
                    rule = f"{take.address} | {take.converter.name}"
                    self.trace.append(Trace(number, name, text, pointer, rule))
        return value

    def _leftovers(
        self,
        number: int,
        case: Case,
        position: Position,
        parts: list[str],
        target: dict[str, Any],
        pointer: str,
        address: str,
    ) -> None:
        used = case.used
        for index, element in enumerate(position.segment.elements, 1):
            if index >= len(parts) or not parts[index]:
                continue
            taken = {component for n, component in used if n == index}
            wanted = [0] if not taken or REPETITION in parts[index] else []
            if taken and 0 not in taken:
                wanted += [c for c in range(1, len(element.components) + 1) if c not in taken]
            for component in wanted:
                if text := text_of(parts, index, component) if component else parts[index]:
                    if self.trace is not None:
                        at = f"{pointer}/extensions/{len(target.get('extensions', []))}"
                        self.trace.append(Trace(number, ref(position.id, index, component), text, at, ""))
                    keep_value(target, address, ref(position.id, index, component), text)


def ref(segment: str, element: int, component: int) -> str:
    """The reference of an element as extensions write it: ``CTP05.1``."""
    return f"{segment}{element:02d}" + (f".{component}" if component else "")


def text_of(parts: list[str], element: int, component: int) -> str:
    """The text of an element or component; empty where it is absent."""
    if element >= len(parts):
        return ""
    first = parts[element].partition(REPETITION)[0]
    if not component:
        return first
    components = first.split(COMPONENT)
    return components[component - 1] if component <= len(components) else ""


def copied(rule: Copy, target: dict[str, Any], document: dict[str, Any]) -> Any:
    """The value a copy rule gives to an object, None if there is none."""
    own = get(target, rule.source) if rule.local else None
    return get(document, rule.source) if own is None else own
