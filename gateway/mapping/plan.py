"""A mapping bound to the positions of a guide: what each segment gives to the document, and back.

A :class:`Scope` says what the segments of one loop mean while that loop is filled into one object of the
document. The transaction set is the outermost scope. A loop taken by ``each`` opens a scope with an object of
its own; any other loop gets a scope that works on the object around it. Within a scope the cases of a
position are tried in order; what no case takes goes to the extensions of the scope's object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        cases: by position index; positions of inner loops stand for those loops.
        prefix: path of the object in the mapping, for example ``lines[].``; empty for the document's root.
    """

    id: int
    loop: LoopPlace
    container: LoopPlace
    steps: tuple[LoopPlace, ...]
    parent: Scope | None
    cases: dict[int, list[Case]] = field(default_factory=dict)
    inner: dict[int, Scope] = field(default_factory=dict)
    prefix: str = ""

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
    plan = Plan(mapping, table, [])
    faults: list[Problem] = []
    _scope(plan, table.loops[0], table.loops[0], (), None, [((), rule) for rule in mapping.rules], faults)
    # A source may stand after its copies: the currency of an 820 after its amount.
    heading = [case for case in plan.root.all_cases if case.list_path is None]
    copies = [rule for case in heading for rule in case.copies]
    for case in heading:
        set_here = {take.path for take in case.takes}
        case.recopies = [rule for rule in copies if rule.source in set_here]
    for case in (case for scope in plan.scopes for case in scope.all_cases):
        # The fields of one object stand together, as generated code fills them.
        objects = list(dict.fromkeys(take.path[:-1] for take in case.takes))
        case.takes.sort(key=lambda take: objects.index(take.path[:-1]))
    return plan, faults


_Placed = tuple[tuple[str, ...], Rule]


def _scope(
    plan: Plan,
    loop: LoopPlace,
    container: LoopPlace,
    steps: tuple[LoopPlace, ...],
    parent: Scope | None,
    rules: list[_Placed],
    faults: list[Problem],
    prefix: str = "",
) -> Scope:
    """Builds the scope of a loop from rules whose addresses are relative to it.

    Each rule comes with the number of address steps already taken (as a tuple of that length).
    """
    table = plan.table
    scope = Scope(len(plan.scopes), loop, container, steps, parent, prefix=prefix)
    plan.scopes.append(scope)
    #: Rules that go on inside a loop, by the case that leads there.
    deeper: dict[int, list[_Placed]] = {}
    copies: list[Copy] = []

    def tell(code: str, rule: Rule, **words: Any) -> None:
        faults.append(mapping_problem(code, _name(prefix, rule), **words))

    for taken, rule in rules:
        if isinstance(rule, Copy):
            copies.append(rule)
            continue
        address = rule.each if isinstance(rule, Repeated) else rule.address
        depth = len(taken)
        position = _find(table, loop, address.path[depth])
        if position is None:
            where = loop.loop.trigger.id if loop.parent else "the transaction set"
            tell("MAP-ADDRESS", rule, value=address.text, segment=address.path[depth], where=where)
            continue
        if fault := _elements_fault(position, address, depth):
            tell("MAP-ELEMENT", rule, value=address.text, ref=fault)
            continue
        conditions = address.conditions[depth]
        last = depth == len(address.path) - 1
        if not last and not position.trigger:
            tell("MAP-NO-LOOP", rule, segment=position.id)
            continue
        cases = scope.cases.setdefault(position.index, [])
        if isinstance(rule, Repeated) and last:
            whole = Case(0, position.index, conditions, rule.path, rule.scalar is not None)
            for case, inner in _ways(whole, (rule.scalar,) if rule.scalar else rule.rules, position):
                cases.append(case)
                rest = _item_rules(case, inner, position, _name(prefix, rule) + ".", faults)
                if position.trigger:
                    deeper[id(case)] = rest
                elif rest:
                    tell("MAP-NO-LOOP", rule, segment=position.id)
            continue
        found = next((c for c in cases if c.conditions == conditions and c.list_path is None), None)
        if found is None:
            found = Case(0, position.index, conditions)
            cases.append(found)
        if last and isinstance(rule, Field):
            found.takes.append(_take(rule, position))
        else:
            deeper.setdefault(id(found), []).append(((*taken, address.path[depth]), rule))
    for index, cases in scope.cases.items():
        # Conditions first: a rule without any would take every segment.
        cases.sort(key=lambda case: not case.conditions)
        for order, case in enumerate(cases):
            case.index = order
            position = table.positions[index]
            case.implied = position.tree.written if position.tree is not None else ()
            if position.trigger:
                own = case.list_path is not None and not case.scalar
                child_container = position.loop if own else container
                child_steps = () if child_container is position.loop else (*steps, position.loop)
                inside = prefix if child_container is container else f"{prefix}{case.name}[]."
                rules_inside = deeper.get(id(case), [])
                case.scope = _scope(
                    plan, position.loop, child_container, child_steps, scope, rules_inside, faults, inside
                )
                if child_container is not container:
                    _localize(case)
        for case in cases:
            for variant in case.variants:
                variant.index = case.index
    for copy in copies:
        _place_copy(scope, copy, faults)
    for child in table.loops:
        if child.parent is loop:
            steps_inside = (*steps, child)
            scope.inner[child.first] = _scope(plan, child, container, steps_inside, scope, [], faults, prefix)
    return scope


def _localize(case: Case) -> None:
    """Lets copies in a list's objects prefer the object's own value, where a rule gives it one."""
    inner = case.scope.all_cases if case.scope else ()
    fillers = [case, *(one for one in inner if one.list_path is None)]
    given = {take.path for filler in fillers for take in filler.takes}
    local: list[Copy] = []
    for filler in fillers:
        filler.copies = [replace(rule, local=rule.source in given) for rule in filler.copies]
        local += [rule for rule in filler.copies if rule.local]
    for filler in fillers[1:]:
        set_here = {take.path for take in filler.takes}
        filler.recopies = [rule for rule in local if rule.source in set_here]


def _name(prefix: str, rule: Rule) -> str:
    """The field of a rule as the mapping names it, from the document's root: ``lines[].quantity.value``."""
    return prefix + ".".join(rule.path) + ("[]" if isinstance(rule, Repeated) else "")


def _ways(case: Case, rules: tuple[Rule, ...], position: Position) -> Iterator[tuple[Case, tuple[Rule, ...]]]:
    """The ways to read an item: one for each condition of fields on its own segment, then the one without."""

    def own(rule: Rule) -> Field | None:
        return rule if isinstance(rule, Field) and rule.address.path == (position.id,) else None

    bound: dict[tuple[Condition, ...], list[Field]] = {}
    for rule in rules:
        if (found := own(rule)) and any(found.address.conditions):
            bound.setdefault(found.address.conditions[0], []).append(found)
    plain = tuple(rule for rule in rules if not any(rule in fields for fields in bound.values()))
    for conditions, fields in bound.items():
        elements = {c.element for c in conditions} | {e for one in fields for e, _ in one.address.elements}
        others = (
            rule
            for rule in plain
            if not ((found := own(rule)) and elements & {e for e, _ in found.address.elements})
        )
        marks = frozenset(one.path for one in fields)
        variant = Case(
            case.index, case.position, (*case.conditions, *conditions), case.list_path, marks=marks
        )
        case.variants.append(variant)
        yield (
            variant,
            (*(replace(one, address=replace(one.address, conditions=((),))) for one in fields), *others),
        )
    yield case, plain


def _item_rules(
    case: Case, rules: tuple[Rule, ...], position: Position, prefix: str, faults: list[Problem]
) -> list[_Placed]:
    """Gives a list's case the fields of its own segment; returns the rules for segments inside the loop."""
    rest: list[_Placed] = []
    for rule in rules:
        if (
            isinstance(rule, Field)
            and rule.address.path == (position.id,)
            and not any(rule.address.conditions)
        ):
            if fault := _elements_fault(position, rule.address, 0):
                place, text = _name(prefix, rule), rule.address.text
                faults.append(mapping_problem("MAP-ELEMENT", place, value=text, ref=fault))
                continue
            case.takes.append(_take(rule, position))
        elif isinstance(rule, Copy):
            case.copies.append(rule)
        else:
            rest.append(((), rule))
    # A copied value goes with the case that sets its neighbour; in a loop that may be another segment.
    for copy in list(case.copies):
        if not any(take.path[:-1] == copy.path[:-1] for take in case.takes):
            case.copies.remove(copy)
            rest.append(((), copy))
    return rest


def _place_copy(scope: Scope, copy: Copy, faults: list[Problem]) -> None:
    for case in scope.all_cases:
        if case.list_path is None and any(take.path[:-1] == copy.path[:-1] for take in case.takes):
            case.copies.append(copy)
            return
    around = ".".join(copy.path[:-1]) or "the object"
    faults.append(mapping_problem("MAP-COPY", _name(scope.prefix, copy), what=f"nothing else fills {around}"))


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


def _elements_fault(position: Position, address: Address, depth: int) -> str:
    wanted = [(c.element, c.component) for c in address.conditions[depth]]
    if depth == len(address.path) - 1:
        wanted += list(address.elements)
    for element, component in wanted:
        if element_of(position, element, component) is None:
            return ref(position.id, element, component)
    return ""


def _take(rule: Field, position: Position) -> Take:
    sources = rule.address.elements
    if rule.address.open_end:
        sources = tuple((n, 0) for n in range(sources[0][0], len(position.segment.elements) + 1))
    first = element_of(position, *sources[0])
    return Take(
        rule.path,
        sources,
        rule.converter,
        rule.address.text,
        first is not None and first.usage == "R" and not sources[0][1],
    )
