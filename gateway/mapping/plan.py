"""A mapping bound to the positions of a guide: what each segment gives to the document, and back.

A :class:`Scope` says what the segments of one loop mean while that loop is filled into one object of the
document. The transaction set is the outermost scope. A loop taken by ``each`` opens a scope with an object of
its own; any other loop gets a scope that works on the object around it. Within a scope the cases of a
position are tried in order; what no case takes goes to the extensions of the scope's object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import Any

from gateway.errors import MappingError, Problem
from gateway.mapping.converters import Converter
from gateway.mapping.extensions import absent_addresses, get, put, ref
from gateway.mapping.model import Address, Condition, Copy, Field, Mapping, Path, Repeated, Rule, walk
from gateway.mapping.problems import mapping_problem
from gateway.x12.elements import DECIMAL
from gateway.x12.guide import Element
from gateway.x12.hierarchy import Nodes
from gateway.x12.table import LoopPlace, Position, Table

NO_FLAGS = "HL04"
"""Address in the extensions for levels without a word on whether others are below."""

NO_TOP = "HL"
"""Address in the extensions for a hierarchy that begins below the level which is the document itself."""


@dataclass(frozen=True, slots=True)
class Take:
    """One field: path in the object, the elements it stands in, and how they become a value.

    ``sources`` holds (element, component) pairs; component 0 is the whole element.
    """

    path: Path
    sources: tuple[tuple[int, int], ...]
    converter: Converter
    address: str
    required: bool


@dataclass(slots=True)
class Case:
    """What a segment gives when the conditions hold.

    Attributes:
        index: order among the cases of its position, which is the order of writing.
        list_path: the list that gets one item for each segment or loop; None to fill the scope's object.
        scalar: the item is the value of ``takes[0]`` itself.
        recopies: copies of the object to make anew, because this case sets their source.
        implied: elements that follow from the tree of levels (HL01, HL02, HL04).
        variants: other ways to read an item of the list, each with conditions on the item's own segment; the
            case itself is the way without them. They have its index, and it writes their items.
        marks: fields that only this variant fills; an item with one of them is written so.
        scope: for a segment that begins a loop, the scope of the loop's other segments.
    """

    index: int
    position: int
    conditions: tuple[Condition, ...]
    list_path: Path | None = None
    scalar: bool = False
    takes: list[Take] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    recopies: list[Copy] = field(default_factory=list)
    implied: tuple[int, ...] = ()
    variants: list[Case] = field(default_factory=list)
    marks: frozenset[Path] = frozenset()
    scope: Scope | None = None

    @property
    def name(self) -> str:
        """The field that stands for the case in the extensions: its own, else the first inside its loop."""
        if self.list_path is not None or self.takes:
            return ".".join(self.list_path if self.list_path is not None else self.takes[0].path)
        return next((case.name for case in self.scope.all_cases), "") if self.scope else ""

    def yields(self, text: Callable[[int, int], str]) -> bool:
        """Whether a segment gives this case a value; a case that only leads into a loop always does.

        Args:
            text: gives the text of an element or component.
        """
        return not self.takes or any(
            take.required or take.converter.read(tuple(text(*source) for source in take.sources)) is not None
            for take in self.deciding
        )

    def sets_beside(self, copy: Copy) -> bool:
        """Whether it gives the object that a copied value stands in another field."""
        return any(take.path[:-1] == copy.path[:-1] for take in self.takes)

    @property
    def deciding(self) -> list[Take]:
        """The fields of which one must have a value for a segment to be read so."""
        return [take for take in self.takes if take.path in self.marks] if self.marks else self.takes

    @property
    def selective(self) -> bool:
        """Whether the case leaves segments that give it no value to others."""
        return self.list_path is None or self.scalar or bool(self.marks)

    def way(self, item: dict[str, Any]) -> Case:
        """The case by which an item of the list is written."""
        fits = (one for one in self.variants if any(get(item, path) is not None for path in one.marks))
        return next(fits, self)

    @property
    def used(self) -> set[tuple[int, int]]:
        """Elements that conditions and fields account for."""
        elements = {(c.element, c.component) for c in self.conditions} | {(n, 0) for n in self.implied}
        return elements | {source for take in self.takes for source in take.sources}


@dataclass(slots=True)
class Scope:
    """The meaning of one loop's segments.

    Attributes:
        id: number, unique in the plan.
        loop: the loop whose positions it covers.
        container: the loop whose object is filled.
        steps: loops from below the container down to this one, for addresses in the extensions.
        prefix: path of the object in the mapping, for example ``lines[].``; empty for the document's root.
        cases: by position index; positions of inner loops stand for those loops.
    """

    id: int
    loop: LoopPlace
    container: LoopPlace
    steps: tuple[LoopPlace, ...]
    prefix: str = ""
    cases: dict[int, list[Case]] = field(default_factory=dict)
    inner: dict[int, Scope] = field(default_factory=dict)

    @property
    def all_cases(self) -> Iterator[Case]:
        """The cases of all positions."""
        return chain.from_iterable(self.cases.values())


@dataclass
class Plan:
    """A bound mapping; ``scopes[0]`` is the transaction set."""

    mapping: Mapping
    table: Table
    scopes: list[Scope]

    @property
    def root(self) -> Scope:
        return self.scopes[0]

    @cached_property
    def top(self) -> tuple[Case, str] | None:
        """The case of the level that is the document itself, and its code."""
        for case in self.root.all_cases:
            tree = self.table.positions[case.position].tree
            if tree and case.list_path is None:
                return case, next((c.value for c in case.conditions if c.element == tree.level), "")
        return None

    @cached_property
    def levels(self) -> list[Case]:
        """The lists that levels of a hierarchy fill, in the document and in items of each other."""
        return [
            case
            for case in self.root.all_cases
            if self.table.positions[case.position].tree is not None and case.list_path is not None
        ]

    @cached_property
    def computed(self) -> dict[Path, str]:
        """The segment of the transaction set that states each computed field."""
        return {
            take.path: self.table.positions[case.position].id
            for case in self.root.all_cases
            for take in case.takes
            if take.path in self.mapping.counts
        }

    @cached_property
    def addresses(self) -> dict[str, str]:
        """Where each field stands, ``lines[].quantity.value`` to ``PO102``."""
        found: dict[str, str] = {}
        for scope in self.scopes:
            for case in scope.all_cases:
                inside = scope.prefix + (f"{case.name}[]." if case.list_path is not None else "")
                for take in case.takes:
                    found.setdefault(inside + ".".join(take.path), take.address)
        return found

    @cached_property
    def names(self) -> dict[str, set[str]]:
        """What may stand in each object that rules fill: ``{"lines[].": {"ids", "notes[]"}}``."""
        levels = [f"{case.name}[]" for case in self.levels]
        fields = [name for name, _ in walk(self.mapping.rules)] + [*map(".".join, self.mapping.constants)]
        found: dict[str, set[str]] = {}
        for name in (*fields, *(f"{outer}.{inner}" for outer in levels for inner in levels)):
            steps = name.split(".")
            for depth, step in enumerate(steps):
                found.setdefault("".join(f"{one}." for one in steps[:depth]), set()).add(step)
        return found

    def put_constants(self, document: dict[str, Any]) -> None:
        """Gives the document the fields that always have the same text."""
        for path, text in self.mapping.constants.items():
            put(document, path, text)

    def count(self, document: dict[str, Any], listed: Path) -> int:
        """The length of a list, or for ``("HL",)`` the number of levels that the document is written with."""
        if not listed[0].isupper():
            items = get(document, listed)
            return len(items) if isinstance(items, list) else 0
        is_top = self.top is not None and NO_TOP not in absent_addresses(document)
        return is_top + self._levels_in(document)

    def _levels_in(self, container: Any) -> int:
        found = 0
        for case in self.levels:
            items = get(container, case.list_path or ())
            for item in items if isinstance(items, list) else ():
                found += 1 + self._levels_in(item)
        return found

    def sums(self, document: dict[str, Any]) -> Iterator[tuple[Path, str | None, Decimal]]:
        """Each field that states a sum: its path, what it says (None if absent), what its parts add up to."""
        for path, parts in self.mapping.sums.items():
            stated = get(document, path)
            total = sum((Decimal(value) for part in parts for value in _values(document, part)), Decimal(0))
            yield path, stated, total

    def note_absent(self, document: dict[str, Any], nodes: Nodes | None = None) -> None:
        """Notes what the partner left out and we would write, so that writing leaves it out again.

        That are segments of computed fields and, given the levels of a hierarchy, HL04 if none has it and the
        level that is the document if the first is another.
        """
        absent = []
        if nodes and len(nodes) > 1:
            _, first, *_ = nodes.values()
            if self.top is not None and self.top[1] not in ("", first.level):
                absent.append(NO_TOP)
            if not any(node.flag for node in nodes.values()):
                absent.append(NO_FLAGS)
        absent += [segment for path, segment in self.computed.items() if get(document, path) is None]
        if absent:
            document.setdefault("extensions", []).extend({"address": one, "absent": True} for one in absent)


def _values(container: Any, path: Path) -> Iterator[str]:
    """All decimal numbers at a path that may lead through lists."""
    if isinstance(container, list):
        for item in container:
            yield from _values(item, path)
    elif not path:
        if isinstance(container, str) and DECIMAL.fullmatch(container):
            yield container
    elif isinstance(container, dict) and path[0] in container:
        yield from _values(container[path[0]], path[1:])


def bind(mapping: Mapping, table: Table) -> Plan:
    """Binds a mapping to its guide.

    Raises:
        MappingError: an address does not exist in the guide; all such faults are named at once.
    """
    plan, faults = bind_all(mapping, table)
    if faults:
        listed = "; ".join(fault.message for fault in faults)
        raise MappingError(f"{mapping.guide}: {listed}", problems=tuple(faults))
    return plan


def bind_all(mapping: Mapping, table: Table) -> tuple[Plan, list[Problem]]:
    """Binds what fits the guide and tells what does not; such rules are left out of the plan."""
    binder = _Binder(Plan(mapping, table, []))
    plan = binder.plan
    binder.scope(table.loops[0], table.loops[0], (), mapping.rules)
    # A source may stand after its copies: the currency of an 820 after its amount.
    heading = [case for case in plan.root.all_cases if case.list_path is None]
    _copy_again(heading, [rule for case in heading for rule in case.copies])
    for case in (case for scope in plan.scopes for case in scope.all_cases):
        # The fields of one object stand together, as generated code fills them.
        objects = list(dict.fromkeys(take.path[:-1] for take in case.takes))
        case.takes.sort(key=lambda take: objects.index(take.path[:-1]))
    return plan, binder.faults


class _Binder:
    """Builds the scopes of a plan, and collects what does not fit the guide."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.faults: list[Problem] = []

    def tell(self, code: str, prefix: str, rule: Rule, **words: Any) -> None:
        name = prefix + ".".join(rule.path) + ("[]" if isinstance(rule, Repeated) else "")
        self.faults.append(mapping_problem(code, name, **words))

    def scope(
        self,
        loop: LoopPlace,
        container: LoopPlace,
        steps: tuple[LoopPlace, ...],
        rules: Iterable[Rule],
        prefix: str = "",
    ) -> Scope:
        """The scope of a loop, from rules whose addresses are relative to it."""
        scope = Scope(len(self.plan.scopes), loop, container, steps, prefix)
        self.plan.scopes.append(scope)
        rules = list(rules)
        #: Rules that go on inside a loop, by the case that leads there.
        deeper: dict[int, list[Rule]] = {}
        for rule in rules:
            if not isinstance(rule, Copy):
                self.place(scope, rule, deeper)
        for index, cases in scope.cases.items():
            position = self.plan.table.positions[index]
            # Conditions first: a rule without any would take every segment.
            cases.sort(key=lambda case: not case.conditions)
            for order, case in enumerate(cases):
                case.index = order
                case.implied = position.tree.written if position.tree is not None else ()
                inside = deeper.get(id(case), [])
                if position.trigger and case.list_path is not None and not case.scalar:
                    path = f"{prefix}{case.name}[]."
                    case.scope = self.scope(position.loop, position.loop, (), inside, path)
                    _localize(case)
                elif position.trigger:
                    within = (*steps, position.loop)
                    case.scope = self.scope(position.loop, container, within, inside, prefix)
            for case in cases:
                for variant in case.variants:
                    variant.index = case.index
        for rule in rules:
            if isinstance(rule, Copy):
                self.place_copy(scope, rule)
        for child in self.plan.table.loops:
            if child.parent is loop:
                scope.inner[child.first] = self.scope(child, container, (*steps, child), (), prefix)
        return scope

    def place(self, scope: Scope, rule: Field | Repeated, deeper: dict[int, list[Rule]]) -> None:
        """Gives a rule to the case of its position, or to the rules inside the loop that begins there."""
        address = rule.each if isinstance(rule, Repeated) else rule.address
        segment, conditions = address.path[0], address.conditions[0]
        is_last = len(address.path) == 1
        position = _find(self.plan.table, scope.loop, segment)
        if position is None:
            where = scope.loop.loop.trigger.id if scope.loop.parent else "the transaction set"
            self.tell("MAP-ADDRESS", scope.prefix, rule, value=address.text, segment=segment, where=where)
            return
        if fault := _elements_fault(position, address):
            self.tell("MAP-ELEMENT", scope.prefix, rule, value=address.text, ref=fault)
            return
        if not is_last and not position.trigger:
            self.tell("MAP-NO-LOOP", scope.prefix, rule, segment=position.id)
            return
        cases = scope.cases.setdefault(position.index, [])
        if isinstance(rule, Repeated) and is_last:
            whole = Case(0, position.index, conditions, rule.path, rule.scalar is not None)
            for case, inner in _ways(whole, (rule.scalar,) if rule.scalar else rule.rules, position):
                cases.append(case)
                rest = self.item_rules(case, inner, position, f"{scope.prefix}{'.'.join(rule.path)}[].")
                if position.trigger:
                    deeper[id(case)] = rest
                elif rest:
                    self.tell("MAP-NO-LOOP", scope.prefix, rule, segment=position.id)
            return
        found = next((c for c in cases if c.conditions == conditions and c.list_path is None), None)
        if found is None:
            found = Case(0, position.index, conditions)
            cases.append(found)
        if is_last and isinstance(rule, Field):
            found.takes.append(_take(rule, position))
        else:
            below = replace(address, path=address.path[1:], conditions=address.conditions[1:])
            inside = deeper.setdefault(id(found), [])
            inside.append(
                replace(rule, each=below) if isinstance(rule, Repeated) else replace(rule, address=below)
            )

    def item_rules(self, case: Case, rules: Iterable[Rule], position: Position, prefix: str) -> list[Rule]:
        """Gives a list's case the fields of its own segment; returns the rules for what is in the loop."""
        rest: list[Rule] = []
        for rule in rules:
            if (field := _own(rule, position)) and not any(field.address.conditions):
                if fault := _elements_fault(position, field.address):
                    self.tell("MAP-ELEMENT", prefix, rule, value=field.address.text, ref=fault)
                else:
                    case.takes.append(_take(field, position))
            else:
                rest.append(rule)
        # A copied value goes with the case that sets its neighbour; in a loop that may be another segment.
        case.copies = [rule for rule in rest if isinstance(rule, Copy) and case.sets_beside(rule)]
        return [rule for rule in rest if rule not in case.copies]

    def place_copy(self, scope: Scope, copy: Copy) -> None:
        beside = (case for case in scope.all_cases if case.list_path is None and case.sets_beside(copy))
        if (case := next(beside, None)) is not None:
            case.copies.append(copy)
            return
        around = ".".join(copy.path[:-1]) or "the object"
        self.tell("MAP-COPY", scope.prefix, copy, what=f"nothing else fills {around}")


def _localize(case: Case) -> None:
    """Lets copies in a list's objects prefer the object's own value, where a rule gives it one."""
    inner = case.scope.all_cases if case.scope else ()
    fillers = [case, *(one for one in inner if one.list_path is None)]
    given = {take.path for filler in fillers for take in filler.takes}
    for filler in fillers:
        filler.copies = [replace(rule, local=rule.source in given) for rule in filler.copies]
    _copy_again(fillers[1:], [rule for filler in fillers for rule in filler.copies if rule.local])


def _copy_again(cases: list[Case], copies: list[Copy]) -> None:
    """Notes with each case the copies whose source it sets."""
    for case in cases:
        set_here = {take.path for take in case.takes}
        case.recopies = [rule for rule in copies if rule.source in set_here]


def _own(rule: Rule, position: Position) -> Field | None:
    """A rule that takes elements of the item's own segment."""
    return rule if isinstance(rule, Field) and rule.address.path == (position.id,) else None


def _ways(case: Case, rules: tuple[Rule, ...], position: Position) -> Iterator[tuple[Case, list[Rule]]]:
    """The ways to read an item: one for each condition of fields on its own segment, then the one without."""
    bound: dict[tuple[Condition, ...], list[Field]] = {}
    plain: list[Rule] = []
    for rule in rules:
        if (found := _own(rule, position)) and any(found.address.conditions):
            bound.setdefault(found.address.conditions[0], []).append(found)
        else:
            plain.append(rule)
    for conditions, fields in bound.items():
        elements = {c.element for c in conditions} | {e for one in fields for e, _ in one.address.elements}
        others = (
            rule
            for rule in plain
            if not ((found := _own(rule, position)) and elements & {e for e, _ in found.address.elements})
        )
        marks = frozenset(one.path for one in fields)
        variant = Case(
            case.index, case.position, (*case.conditions, *conditions), case.list_path, marks=marks
        )
        case.variants.append(variant)
        taken = (replace(one, address=replace(one.address, conditions=((),))) for one in fields)
        yield variant, [*taken, *others]
    yield case, plain


def _find(table: Table, loop: LoopPlace, name: str) -> Position | None:
    """The first place of a segment in a loop, or of a loop that begins with it."""
    for position in table.positions[loop.first : loop.last + 1]:
        if position.id == name and (
            position.loop is loop or (position.trigger and position.loop.parent is loop)
        ):
            return position
    return None


def element_of(position: Position, element: int, component: int) -> Element | None:
    """The definition of an element or component; None where the segment has none there."""
    elements = position.segment.elements
    if not 1 <= element <= len(elements):
        return None
    found = elements[element - 1]
    if component:
        return found.components[component - 1] if component <= len(found.components) else None
    return found


def _elements_fault(position: Position, address: Address) -> str:
    """An element that the first step of an address names and the segment does not have; empty if none."""
    wanted = [(c.element, c.component) for c in address.conditions[0]]
    if len(address.path) == 1:
        wanted += address.elements
    return next((ref(position.id, *one) for one in wanted if element_of(position, *one) is None), "")


def _take(rule: Field, position: Position) -> Take:
    sources = rule.address.elements
    if rule.address.open_end:
        sources = tuple((n, 0) for n in range(sources[0][0], len(position.segment.elements) + 1))
    first = element_of(position, *sources[0])
    required = first is not None and first.usage == "R" and not sources[0][1]
    return Take(rule.path, sources, rule.converter, rule.address.text, required)
