"""Functions made from a guide and a mapping: they check a segment and fill the document in one go.

One function serves one position of the guide and one number of elements, so that absent elements cost
nothing and every condition on them is settled beforehand. A function is generated when a segment of that
shape is first met. It takes the parts of the segment and the state of the walk, and returns what may follow.
Whatever is not plainly right raises, and the set then goes to the diagnosis, which explains; the two are held
equal by tests.

A guide and a mapping are input: nothing of theirs enters generated code but through ``repr`` or as an object.

State ``C`` (a list): for each loop the object being filled and the scope in force, then for each position the
counter of its occurrences and the mask of the cases used, then the stated totals; last, the addresses of what
no rule took.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING, Any

from gateway.mapping.extensions import (
    COMPONENT,
    REPETITION,
    append,
    component_of,
    keep_place,
    keep_segment,
    keep_value,
    ref,
)
from gateway.mapping.generated import Memo, bound, indented
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import hash_agrees, hash_total
from gateway.x12.elements import CONTROL, broken_notes, fault, is_date
from gateway.x12.guide import Element, SyntaxNote
from gateway.x12.hierarchy import Node, Nodes, grow, untrue
from gateway.x12.table import Position, Table, is_overflow

if TYPE_CHECKING:
    from gateway.mapping.model import Copy, Path
    from gateway.mapping.plan import Case, Plan, Scope, Take

State = list[Any]
Shape = Callable[[list[str], State], Any]

_SEPARATOR = "\x1d"
"""Stands for the element separator where that is one of the marks of the extensions."""


class Refused(Exception):
    """The segment is not plainly right."""


_NEVER = ["raise Refused"]
"""The code of a shape that no segment may have, such as one too short for its mandatory elements."""


class Shapes(dict[int, Shape]):
    """The functions of one position by number of parts, made when first needed."""

    def __init__(self, owner: Functions, position: Position, general: bool) -> None:
        super().__init__()
        self.owner, self.position, self.general = owner, position, general
        self.limit = len(position.segment.elements)

    def __missing__(self, size: int) -> Shape:
        if size > self.limit + 1:
            return self.trimmed
        function = self[size] = _Writer(self.owner, self.position, size, self.general).function()
        return function

    def trimmed(self, parts: list[str], state: State) -> Any:
        """Empty elements beyond the last one of the definition carry nothing."""
        if any(parts[self.limit + 1 :]):
            raise Refused
        return self[self.limit + 1](parts[: self.limit + 1], state)


class Functions:
    """All functions of one guide; without a mapping sets are only checked.

    Attributes:
        after: for a set without and one with composites or repetitions, the functions that may follow each
            position.
        counter, mask: places in the state, by position.
        levels: place of the levels of a hierarchy so far (:class:`gateway.x12.hierarchy.Node`).
        totals: place and element of stated totals, by position and number of the element.
        inside: the part of the state that counts what is in a loop.
    """

    def __init__(self, table: Table, plan: Plan | None) -> None:
        self.table, self.plan = table, plan
        self.end: dict[str, Shapes] = {}
        loops = len(table.loops)
        self._blank: State = [None] * loops + [0] * loops
        self.counter: dict[int, int] = {}
        self.mask: dict[int, int] = {}
        starts: list[int] = []
        for position in table.positions:
            starts.append(len(self._blank))
            if position.counts:
                self.counter[position.index] = self._slot()
                if self._needs_mask(position):
                    self.mask[position.index] = self._slot()
        starts.append(len(self._blank))
        self.inside = [(starts[loop.first + 1], starts[loop.last + 1]) for loop in table.loops]
        self.totals = {
            (position.index, number): (self._slot(), element)
            for position in table.positions
            for number, element in enumerate(position.segment.elements, 1)
            if element.count or element.hash
        }
        self.levels = self._slot()
        self._slot()  # the number of the current level among those of its parent
        self._slot()  # the addresses of what no rule took
        self._hierarchy = any(position.tree is not None for position in table.positions)
        self._counted = self._loop_counters()
        self._opening = len(table.positions[0].segment.elements)
        self.after = self._build(False), self._build(True)

    def _slot(self) -> int:
        """A new place in the state."""
        self._blank.append(0)
        return len(self._blank) - 1

    def _loop_counters(self) -> dict[str, int]:
        """Counters that hold the number of a segment in the whole set: of loops right below the set."""
        found: dict[str, int] = {}
        for position in self.table.positions:
            outermost = position.trigger and position.loop.depth == 1
            alone = sum(other.id == position.id for other in self.table.positions) == 1
            if outermost and alone and position.limit and position.index in self.counter:
                found[position.id] = self.counter[position.index]
        return found

    def _needs_mask(self, position: Position) -> bool:
        listed = [scope.cases.get(position.index, []) for scope in (self.plan.scopes if self.plan else [])]
        return any(len(cases) > 1 or any(case.list_path is None for case in cases) for cases in listed)

    def _build(self, general: bool) -> list[dict[str, Shapes]]:
        positions = self.table.positions
        shapes = [Shapes(self, position, general) for position in positions]
        follow = [
            {
                name: shapes[target.position]
                for name, target in position.targets.items()
                if not target.skipped and not is_overflow(self.table, position, target)
            }
            for position in positions
        ]
        follow[-1] = self.end
        return follow

    def run(
        self, segments: list[str], delimiters: Delimiters, document: dict[str, Any]
    ) -> tuple[list[str], bool] | None:
        """Checks a set and fills the document.

        Returns:
            None if anything is not plainly right, else the addresses of what no rule of the mapping took, and
            whether all stated hash totals are right.
        """
        separator, component, repetition = delimiters.element, delimiters.component, delimiters.repetition
        joined = "".join(segments)
        general = bool((component and component in joined) or (repetition and repetition in joined))
        clean = joined
        for mark in (separator, component, repetition):
            if mark and not mark.isprintable():
                clean = clean.replace(mark, "")
        if not clean.isascii():
            if CONTROL.search(clean):
                return None
            general = True
        elif not clean.isprintable():
            return None
        if general:
            segments, separator = _marked(segments, delimiters)
        if segments[0].count(separator) > self._opening and any(
            segments[0].split(separator)[self._opening + 1 :]
        ):
            return None
        state = self._blank.copy()
        state[0] = document
        nodes: Nodes = {"": Node(document)}
        state[self.levels] = nodes
        kept: list[str] = []
        state[-1] = kept
        here = self.after[general][0]
        walk = iter(segments)
        next(walk)
        try:
            for segment in walk:
                parts = segment.split(separator)
                here = here[parts[0]][len(parts)](parts, state)
        except (Refused, KeyError):
            return None
        if here is not self.end:
            return None
        right = True
        if self._hierarchy:
            right = next(untrue(nodes), None) is None
        for slot, element in self.totals.values():
            if stated := state[slot]:
                if element.count:
                    names = element.count.split()
                    if not any(int(stated) == self._count(n, segments, separator, state) for n in names):
                        return None
                else:
                    right = right and _sum_holds(element, stated, segments, separator)
        if self.plan is not None:
            self.plan.note_absent(document, nodes)
        return kept, right

    def _count(self, name: str, segments: list[str], separator: str, state: State) -> int:
        slot = self._counted.get(name)
        if slot is not None:
            return int(state[slot])
        return sum([text.startswith(name + separator) for text in segments]) + segments.count(name)


def _sum_holds(element: Element, stated: str, segments: list[str], separator: str) -> bool:
    """Whether a stated hash total is the sum it claims to be."""
    name, index = element.hash[:-2] + separator, int(element.hash[-2:])
    rows = [text.split(separator) for text in segments if text.startswith(name)]
    try:
        if sum([int(row[index]) for row in rows]) == int(stated):
            return True
    except (ValueError, IndexError):
        pass  # numbers with a decimal point, or none
    total = hash_total(rows, element.hash)
    return total is None or hash_agrees(stated, total)


def _marked(segments: list[str], delimiters: Delimiters) -> tuple[list[str], str]:
    """The segments with the marks of the extensions as separators, and their element separator."""
    separator, component, repetition = delimiters.element, delimiters.component, delimiters.repetition
    if separator in (COMPONENT, REPETITION) or component == REPETITION or repetition == COMPONENT:
        # The interchange uses our marks for something else: all have to change at once.
        marks = {ord(separator): _SEPARATOR}
        if component:
            marks[ord(component)] = COMPONENT
        if repetition:
            marks[ord(repetition)] = REPETITION
        return [segment.translate(marks) for segment in segments], _SEPARATOR
    if component:
        segments = [segment.replace(component, COMPONENT) for segment in segments]
    if repetition:
        segments = [segment.replace(repetition, REPETITION) for segment in segments]
    return segments, separator


def _element_holds(element: Element, value: str) -> None:
    """Refuses a value that breaks the plain rules of its element; for what is not worth code of its own."""
    for one in value.split(REPETITION) if element.repeat != 1 else [value]:
        parts = one.split(COMPONENT)
        if REPETITION in one or any(parts[len(element.components) or 1 :]):
            raise Refused
        if not element.components:
            if len(parts) > 1 or fault(element, one) is not None:
                raise Refused
            continue
        for index, component in enumerate(element.components):
            part = parts[index] if index < len(parts) else ""
            if (part and fault(component, part) is not None) or (not part and component.usage == "R"):
                raise Refused
        if any(broken_notes(element.notes, [True, *map(bool, parts)])):
            raise Refused


def _merge(container: dict[str, Any], path: tuple[str, ...], values: dict[str, Any]) -> None:
    for key in path:
        container = container.setdefault(key, {})
    container.update(values)


def _keep_segment(state: State, container: dict[str, Any], address: str, parts: list[str]) -> None:
    state[-1].append(address)
    keep_segment(container, address, parts)


def _keep_value(state: State, container: dict[str, Any], address: str, ref: str, value: str) -> None:
    state[-1].append(f"{address}/{ref}")
    keep_value(container, address, ref, value)


def _take(
    container: dict[str, Any], address: str, take: Take, refs: tuple[str, ...], texts: tuple[str, ...]
) -> Any:
    """The value of a field by its converter; texts it cannot give back exactly are kept beside it."""
    value, kept = take.converter.taken(texts)
    for index in kept:
        keep_value(container, address, refs[index], texts[index])
    return value


class _Writer:
    """Writes the source of one function."""

    def __init__(self, owner: Functions, position: Position, size: int, general: bool) -> None:
        self.owner, self.position, self.general = owner, position, general
        self.size = size - 1
        self.elements = position.segment.elements
        self.names: dict[str, Any] = {
            "AFTER": owner.after[general][position.index],
            "Refused": Refused,
            "holds": _element_holds,
            "grow": grow,
            "keep_segment": _keep_segment,
            "keep_value": _keep_value,
            "keep_place": keep_place,
            "append": append,
            "merge": _merge,
            "take": _take,
            "part": component_of,
        }
        self.dated: set[int] = set()

    def function(self) -> Shape:
        """Compiles the function."""
        if self.size < 0:
            raise Refused
        body: list[str] = []
        if self.position.index != len(self.owner.table.positions) - 1:
            body = self._checks()
            if body != _NEVER:
                body += self._counting()
                if self.owner.plan is not None:
                    body += self._mapping(self.owner.plan)
        unpack = [f"_, {', '.join(f'a{i}' for i in range(1, self.size + 1))} = e"] if self.size else []
        source = "\n".join(["def function(e, C):", *indented([*unpack, *body, "return AFTER"])])
        label = f"<{self.owner.table.guide.name} {self.position.path} {self.size}>"
        exec(compile(source, label, "exec"), self.names)  # nosec B102  # noqa: S102 - see the module's docstring
        made: Shape = self.names["function"]
        return made

    def name(self, prefix: str, value: Any) -> str:
        """A name for an object in the generated code."""
        return bound(self.names, prefix, value)

    # --- checks ----------------------------------------------------------------------------------------
    def _checks(self) -> list[str]:
        conditions: list[str] = []
        statements: list[str] = []
        for index, element in enumerate(self.elements, 1):
            if index > self.size:
                if element.usage == "R":
                    return [*_NEVER]
                continue
            self._check(index, element, conditions, statements)
        conditions += self._notes(self.position.segment.notes)
        if "True" in conditions:
            return [*_NEVER]
        chain = [f"if {' or '.join(conditions)}: raise Refused"] if conditions else []
        return chain + statements

    def _check(self, index: int, element: Element, conditions: list[str], statements: list[str]) -> None:
        a = f"a{index}"
        needed = element.usage == "R"
        if element.usage == "N":
            conditions.append(a)
            return
        if element.components and not self.general:
            self._check_single(index, element, conditions, statements)
            return
        if element.components or element.pattern or (self.general and element.repeat != 1):
            if needed:
                conditions.append(f"not {a}")
            statements.append(f"if {a}: {self._holds(index, element)}")
            return
        low, high = element.min, element.max
        if element.codes is not None and element.type in ("ID", "AN"):
            allowed = {code for code in element.codes.codes if low <= len(code) <= high}
            codes = frozenset(allowed if needed else allowed | {""})
            conditions.append(f"{a} not in {self.name('K', codes)}")
            return
        guard = "" if needed else f"{a} and "
        if needed:
            conditions.append(f"not {a}")
        match element.type:
            case "AN" | "ID" | "B":
                if low > 1:
                    conditions.append(f"{guard}not {low} <= len({a}) <= {high}")
                else:
                    conditions.append(f"len({a}) > {high}")
                if self.general and element.type != "B":
                    conditions.append(f"{COMPONENT!r} in {a}")
                    conditions.append(f"{REPETITION!r} in {a}")
            case "R":
                plain = f"{low} <= len(d := {a}.replace('.', '', 1)) <= {high} and d.isdecimal()"
                statements.append(f"if {guard}not ({plain}): {self._holds(index, element)}")
            case "DT":
                memo = self.name("DATES", _dates(low, high))
                self.dated.add(index)
                statements.append(f"x{index} = {memo}[{a}]" + ("" if needed else f" if {a} else None"))
            case "TM":
                statements.append(("" if needed else f"if {a}: ") + self._holds(index, element))
            case _:
                plain = f"{low} <= len({a}) <= {high} and {a}.isdecimal()"
                statements.append(f"if {guard}not ({plain}): {self._holds(index, element)}")
        if element.codes is not None:
            codes = frozenset(element.codes.codes if needed else element.codes.codes | {""})
            statements.append(f"if {a} not in {self.name('K', codes)}: raise Refused")

    def _holds(self, index: int, element: Element) -> str:
        return f"holds({self.name('E', element)}, a{index})"

    def _check_single(
        self, index: int, element: Element, conditions: list[str], statements: list[str]
    ) -> None:
        """A composite in a set without any component separator: only its first component can be filled."""
        first, *others = element.components
        alone = any(c.usage == "R" for c in others) or any(broken_notes(element.notes, [True, True]))
        if alone:
            conditions.append(f"a{index}")
        if alone and element.usage == "R":
            conditions.append("True")
        self._check(index, replace(first, usage=element.usage), conditions, statements)

    def _notes(self, notes: tuple[SyntaxNote, ...]) -> list[str]:
        """Conditions under which a syntax note is broken; absent elements are known here."""
        found = []
        for note in notes:
            here = [f"a{n}" for n in note.elements if n <= self.size]
            some = " or ".join(here)
            every = " and ".join(here) if len(here) == len(note.elements) else "False"
            match note.kind:
                case "P" if here:
                    found.append(f"({some}) and not ({every})")
                case "R":
                    found.append(f"not ({some})" if here else "True")
                case "E" if len(here) > 1:
                    found.append(f"({' + '.join(f'bool({a})' for a in here)}) > 1")
                case "C" if note.elements[0] <= self.size:
                    found.append(f"{here[0]} and not ({every})")
                case "L" if note.elements[0] <= self.size:
                    found.append(f"{here[0]} and not ({' or '.join(here[1:]) or 'False'})")
        return found

    # --- counting --------------------------------------------------------------------------------------
    def _counting(self) -> list[str]:
        lines: list[str] = []
        position, owner = self.position, self.owner
        slot = owner.counter.get(position.index)
        if slot is not None and (position.limit or owner.plan is not None):
            lines.append(f"n = C[{slot}] + 1")
            if position.limit:
                lines.append(f"if n > {position.limit}: raise Refused")
            lines.append(f"C[{slot}] = n")
        if position.trigger:
            first, past = owner.inside[position.loop.index]
            if past > first:
                lines.append(f"C[{first}:{past}] = {self.name('Z', (0,) * (past - first))}")
        if tree := position.tree:
            texts = [self._text(n, 0) for n in (tree.id, tree.parent, tree.level, tree.children)]
            lines += [
                f"h = grow(C[{owner.levels}], {', '.join(texts)}, {self.name('H', tree)})",
                "if h.__class__ is str: raise Refused",
                f"C[{owner.levels + 1}] = h.ordinal",
            ]
        for index in range(1, self.size + 1):
            if total := owner.totals.get((position.index, index)):
                lines.append(f"C[{total[0]}] = a{index}")
        return lines

    # --- mapping ---------------------------------------------------------------------------------------
    def _mapping(self, plan: Plan) -> list[str]:
        position = self.position
        outer = position.loop.parent if position.trigger else position.loop
        if outer is None:
            return []
        #: Scopes in which the position is filled alike, by the statements for it.
        bodies: dict[tuple[str, ...], list[int]] = {}
        for scope in plan.scopes:
            if scope.loop is outer:
                bodies.setdefault(tuple(self._scope(scope)), []).append(scope.id)
        if len(bodies) == 1:
            return list(next(iter(bodies)))
        lines = [f"k = C[{len(self.owner.table.loops) + outer.index}]"]
        for order, (body, ids) in enumerate(sorted(bodies.items(), key=lambda item: len(item[1]))):
            test = f"k == {ids[0]}" if len(ids) == 1 else f"k in {tuple(ids)}"
            word = "if" if order == 0 else "elif"
            lines.append(f"{word} {test}:" if order < len(bodies) - 1 else "else:")
            lines += indented(body or ["pass"])
        return lines

    def _scope(self, scope: Scope) -> list[str]:
        position, owner = self.position, self.owner
        tree = position.tree
        lines = [f"D = C[{scope.container.index}]" if tree is None else "D = h.container"]
        address = self._address(scope)
        cases = scope.cases.get(position.index, [])
        mask = owner.mask.get(position.index)
        masked = f"C[{mask}]" if tree is None else "h.above.mask"
        alone = len(cases) == 1 and cases[0].list_path is not None and not cases[0].conditions
        if mask is not None and cases and not alone:
            lines.append(f"m = {masked}")
        opened = False
        for case in cases:
            tests = [self._condition(c.element, c.component, c.value) for c in case.conditions]
            if "False" in tests:
                continue
            tests = [test for test in tests if test != "True"]
            if mask is not None and case.list_path is None:
                tests.append(f"not m & {1 << case.index}")
            if tree is not None and case.list_path is None:
                tests.append("h.above.above is None")
            if case.selective and case.takes:
                given = [text for take in case.deciding if (text := self._given(take)) != "False"]
                if not given:
                    continue
                if "True" not in given:
                    tests.append(f"({' or '.join(dict.fromkeys(given))})")
            body = []
            if mask is not None and not alone:
                if case.index < len(cases) - 1:
                    body.append(f"if m >> {case.index + 1}: keep_place(D, {address}, {case.name!r})")
                body.append(f"{masked} = m | {1 << case.index}")
            body += self._case(case, address)
            if not tests:
                if opened:
                    lines += ["else:", *indented(body or ["pass"])]
                else:
                    lines += body
                return lines
            lines.append(f"{'elif' if opened else 'if'} {' and '.join(tests)}:")
            lines += indented(body or ["pass"])
            opened = True
        rest = [f"keep_segment(C, D, {address}, e)"]
        if position.trigger:
            rest += self._enter(scope.inner[position.index], "D")
        lines += ["else:", *indented(rest)] if opened else rest
        return lines

    def _enter(self, scope: Scope, container: str) -> list[str]:
        loop = self.position.loop
        if loop.last == loop.first:
            return []
        return [
            f"C[{loop.index}] = {container}",
            f"C[{len(self.owner.table.loops) + loop.index}] = {scope.id}",
        ]

    def _address(self, scope: Scope) -> str:
        """An expression for the address of the segment in the extensions of the scope's object."""
        parts = []
        for loop in scope.steps:
            trigger = self.owner.table.positions[loop.first]
            slot = self.owner.counter.get(loop.first) if trigger.tree is None else self.owner.levels + 1
            parts.append(trigger.id + ("" if slot is None else f"[{{C[{slot}]}}]"))
        if self.position.tree is not None:
            parts.append(f"{self.position.id}[{{h.ordinal}}]")
        else:
            parts.append(self.position.id + ("[{n}]" if self.position.index in self.owner.counter else ""))
        text = "/".join(parts)
        return f"f{text!r}" if "{" in text else repr(text)

    def _condition(self, element: int, component: int, value: str) -> str:
        text = self._text(element, component)
        if text == "''":
            return "True" if not value else "False"
        return f"{text} == {value!r}"

    def _text(self, element: int, component: int) -> str:
        """An expression for the text of an element or component."""
        if element > self.size:
            return "''"
        if not component:
            # Of an element that repeats rules take the first; all of them are kept beside it.
            again = self.general and element <= len(self.elements) and self.elements[element - 1].repeat != 1
            return f"part(a{element}, 1)" if again else f"a{element}"
        if not self.general:
            return f"a{element}" if component == 1 else "''"
        return f"part(a{element}, {component})"

    def _given(self, take: Take) -> str:
        """A condition under which a field has a value."""
        texts = [self._text(*source) for source in take.sources]
        if take.required and take.sources[0][0] <= self.size:
            return "True"
        if all(text == "''" for text in texts):
            return "False"
        if take.converter.closed:
            return f"{texts[0]} in {self.name('T', take.converter.table)}"
        if take.converter.plain or take.converter.name in ("int", "n2") or self._dated(take):
            return texts[0]
        read = self.name("R", take.converter.read)
        return f"{read}(({', '.join(texts)},)) is not None"

    def _case(self, case: Case, address: str) -> list[str]:
        """Fills the object of one case."""
        lines: list[str] = []
        position = self.position
        fresh = case.list_path is not None and not case.scalar
        target = "o" if fresh else "D"
        inner = repr(position.id) if fresh else address
        certain = {take.path: value for take in case.takes if fresh and (value := self._certain(take))}
        if fresh:
            lines.append(f"o = {{{', '.join(f'{path[0]!r}: {value}' for path, value in certain.items())}}}")
        #: By the object inside the target, its fields: name, guard and value of a plain one, and statements.
        groups: dict[Path, list[tuple[str, tuple[str, str] | None, list[str]]]] = {}
        for take in case.takes:
            if take.path in certain:
                continue
            prefix = () if case.scalar else take.path[:-1]
            holder = "s" if prefix else target
            put = "v = {}" if case.scalar else f"{holder}[{take.path[-1]!r}] = {{}}"
            if assigned := self._assign(take, put, target, inner):
                groups.setdefault(prefix, []).append((take.path[-1], self._plain(take), assigned))
        copies = {copy.path: copy for copy in case.copies}
        for prefix, fields in groups.items():
            name = "s" if prefix else "o"
            statements = [line for _, _, assigned in fields for line in assigned]
            filling = [f"{name} = {{}}", *statements]
            known = [(key, *plain) for key, plain, _ in fields if plain is not None]
            if len(known) == len(fields) > 1:
                # One display is faster than one store after the other, and mostly all values are there.
                every = " and ".join(guard for _, guard, _ in known)
                display = ", ".join(f"{key!r}: {value}" for key, _, value in known)
                filling = [f"if {every}: {name} = {{{display}}}", "else:", *indented(filling)]
            if not prefix:
                lines = filling if lines == ["o = {}"] else [*lines, *statements]
                continue
            body = []
            for path, copy in copies.items():
                if path[:-1] == prefix:
                    body += self._copied(copy, target, "s")
            if fresh and len(prefix) == 1 and sum(p[:1] == prefix for p in groups) == 1:
                body.append(f"o[{prefix[0]!r}] = s")
            elif len(prefix) == 1:
                body += [
                    f"q = {target}.get({prefix[0]!r})",
                    f"if q is None: {target}[{prefix[0]!r}] = s",
                    "else: q.update(s)",
                ]
            else:
                body.append(f"merge({target}, {prefix!r}, s)")
            lines += [*filling, "if s:", *indented(body)]
        if case.scalar:
            lines.append(f"append(D, {case.list_path!r}, v)")
        for copy in copies.values():
            if len(copy.path) == 1 and not case.scalar:
                lines += self._copied(copy, target, target)
        for copy in case.recopies:
            holder = target + _got(copy.path[:-1])
            lines += self._copied(copy, target, holder, f" and {holder}")
        if fresh:
            assert case.list_path is not None
            if len(case.list_path) == 1:
                key = case.list_path[0]
                lines += [f"l = D.get({key!r})", f"if l is None: D[{key!r}] = [o]", "else: l.append(o)"]
            else:
                lines.append(f"append(D, {case.list_path!r}, o)")
        lines += self._leftovers(case, target, inner)
        if position.trigger and case.scope is not None:
            lines += self._enter(case.scope, target)
        if position.tree is not None:
            lines.append(f"h.container = {target}")
        return lines

    def _copied(self, copy: Copy, target: str, holder: str, also: str = "") -> list[str]:
        """Statements that put the value of a copy rule into an object, if there is one and ``also`` holds."""
        lines = [f"c = C[0]{_got(copy.source)}"]
        if copy.local:
            lines = [f"c = {target}{_got(copy.source)}", f"if c is None: {lines[0]}"]
        return [*lines, f"if c is not None{also}: {holder}[{copy.path[-1]!r}] = c"]

    def _certain(self, take: Take) -> str:
        """An expression for a value that is there for sure, where it is a plain one; empty for others."""
        single = len(take.path) == 1 and take.required and len(take.sources) == 1
        plain = self._plain(take) if single else None
        return plain[1] if plain else ""

    def _dated(self, take: Take) -> bool:
        return take.converter.name in ("date", "datetime") and take.sources[0][0] in self.dated

    def _named(self, take: Take, text: str) -> str:
        """An expression for the name of a code, where the converter has a table."""
        table = take.converter.table
        return f"{self.name('T', table)}.get({text}, {text})" if table else text

    def _texts(self, take: Take) -> list[str]:
        """Expressions for the texts of a field, up to the last one that there can be."""
        texts = [self._text(*source) for source in take.sources]
        while texts and texts[-1] == "''":
            texts.pop()
        return texts

    def _plain(self, take: Take) -> tuple[str, str] | None:
        """Guard and value of a field that is a plain expression of one text; None for others."""
        texts = self._texts(take)
        if len(texts) == 1 and self._dated(take):
            return texts[0], f"x{take.sources[0][0]}"
        if len(texts) == 1 and take.converter.plain:
            return texts[0], self._named(take, texts[0])
        return None

    def _inline(self, take: Take, texts: list[str]) -> tuple[str, str] | None:
        """A condition on texts and an expression for their value where it holds; None without a quick way."""
        convert, text = take.converter, texts[0]
        every = " and ".join(texts)
        match convert.name:
            case "n2" if len(texts) == 1:
                plain = f"len({text}) > 2 and {text}.isdecimal() and {text}[0] != '0'"
                return plain, f"{text}[:-2] + '.' + {text}[-2:]"
            case "int" if len(texts) == 1:
                plain = f"{text}.isdecimal() and ({text}[0] != '0' or {text} == '0') and len({text}) <= 20"
                return plain, f"int({text})"
            case "datetime" if len(texts) == 2 and self._dated(take):
                day, time = f"x{take.sources[0][0]}", texts[1]
                clock = f"{day} + 'T' + {time}[:2] + ':' + {time}[2:]"
                return f"{day} and (not {time} or len({time}) == 4)", f"{clock} if {time} else {day}"
            case "pairs" if len(texts) % 2 == 0:
                pairs = zip(texts[::2], texts[1::2], strict=True)
                rows = [f"{self._named(take, qualifier)}: {value}" for qualifier, value in pairs]
                return f"{every} and len(v := {{{', '.join(rows)}}}) == {len(rows)}", "v"
            case "records" if len(texts) % len(convert.keys) == 0:
                pairs = zip(cycle(convert.keys), texts, strict=False)
                fields = [f"{key!r}: {text}" for key, text in pairs]
                size = len(convert.keys)
                rows = [f"{{{', '.join(fields[i : i + size])}}}" for i in range(0, len(fields), size)]
                return every, f"[{', '.join(rows)}]"
            case "list":
                return every, f"[{', '.join(self._named(take, text) for text in texts)}]"
        return None

    def _assign(self, take: Take, put: str, target: str, address: str) -> list[str]:
        """Statements that set one field if it is there; ``put`` has ``{}`` for the value."""
        if plain := self._plain(take):
            return [f"if {plain[0]}: {put.format(plain[1])}"]
        texts = self._texts(take)
        filled = [text for text in texts if text != "''"]
        if not filled:
            return []
        refs = tuple(ref(self.position.id, *source) for source in take.sources[: len(texts)])
        if take.converter.closed:
            return [
                f"v = {self.name('T', take.converter.table)}.get({texts[0]})",
                f"if v is not None: {put.format('v')}",
                f"elif {texts[0]}: keep_value(C, {target}, {address}, {refs[0]!r}, {texts[0]})",
            ]
        taking, kept = self.name("TAKE", take), self.name("REFS", refs)
        body = [
            f"v = take({target}, {address}, {taking}, {kept}, ({', '.join(texts)},))",
            f"if v is not None: {put.format('v')}",
        ]
        if filled == texts and (quick := self._inline(take, texts)):
            body = [f"if {quick[0]}: {put.format(quick[1])}", "else:", *indented(body)]
        return [f"if {' or '.join(filled)}:", *indented(body)]

    def _leftovers(self, case: Case, target: str, address: str) -> list[str]:
        """Keeps elements that no rule of the case takes."""
        used = case.used
        loose: list[tuple[str, str]] = []
        for index, element in enumerate(self.elements[: self.size], 1):
            if self.general and element.repeat != 1 and any(number == index for number, _ in used):
                loose.append(
                    (ref(self.position.id, index, 0), f"(a{index} if {REPETITION!r} in a{index} else '')")
                )
            if (index, 0) in used:
                continue
            taken = {component for number, component in used if number == index}
            if not taken:
                loose.append((ref(self.position.id, index, 0), f"a{index}"))
            elif self.general:
                loose += [
                    (ref(self.position.id, index, component), self._text(index, component))
                    for component in range(1, len(element.components) + 1)
                    if component not in taken
                ]
        if not loose:
            return []
        lines = [f"if {' or '.join(text for _, text in loose)}:"]
        return lines + [f"    if {t}: keep_value(C, {target}, {address}, {name!r}, {t})" for name, t in loose]


def _got(path: Path) -> str:
    """The end of an expression that looks up a value inside an object."""
    return "".join(f".get({key!r}, {{}})" for key in path[:-1]) + "".join(
        f".get({key!r})" for key in path[-1:]
    )


@cache
def _dates(shortest: int, longest: int) -> Memo[str, str]:
    """Valid dates of some lengths and their ISO form."""

    def iso(text: str) -> str:
        if not shortest <= len(text) <= longest or not is_date(text):
            raise Refused
        return f"{text[:-4]}-{text[-4:-2]}-{text[-2:]}"

    return Memo(iso)
