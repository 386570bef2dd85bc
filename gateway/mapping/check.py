"""The static check of a mapping: every mistake that can be seen without data, each with its field and line.

What a mapping file states is held against the language, the guide and the fields of the document. The
functions here take text and tables and give problems (:mod:`gateway.mapping.problems`); no errors among them
means that the mapping can be bound and that what it writes has all its mandatory parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from gateway.errors import MappingError, Problem, Severity
from gateway.mapping.converters import NAMES, Converter, converter
from gateway.mapping.model import (
    Condition,
    Copy,
    Field,
    Mapping,
    Path,
    Repeated,
    Rule,
    parse_address,
    parse_mapping,
)
from gateway.mapping.plan import Case, Scope, Take, bind, bind_all
from gateway.mapping.problems import mapping_problem
from gateway.mapping.source import Entries, Entry, YamlError, entries
from gateway.x12.elements import broken_notes, fault
from gateway.x12.guide import Element
from gateway.x12.table import Position, Table

KEYS = ("mapping", "guide", "fields", "computed")
"""What a mapping file may state."""

TableOf = Callable[[str], Table | None]
"""Gives the compiled guide for ``x12/004010/850``; None if there is none."""

FieldsOf = Callable[[str], Collection[str] | None]
"""Gives the fields of a document type as ``lines[].quantity.value``; None for an unknown type."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_COUNT = re.compile(r"count\(([a-z0-9_.]+)\)")
_LOSSES = {
    "int": "leading zeros are not in the value",
    "pairs": "gaps and a second value with the same qualifier are not in the value",
    "records": "gaps and incomplete records are not in the value",
    "list": "empty elements between filled ones are not in the value",
}
_IMPLIED = "leading zeros are not in the value"
_FAULTS = {
    "X12-ELEMENT-CODE": "it is not in the list of codes",
    "X12-ELEMENT-SHORT": "it is shorter than {limit} characters",
    "X12-ELEMENT-LONG": "it is longer than {limit} characters",
    "X12-ELEMENT-DATE": "it is no date",
    "X12-ELEMENT-TIME": "it is no time",
    "X12-ELEMENT-CHARACTER": "it {what}",
}


def check_mapping(text: str | bytes, table_of: TableOf, fields_of: FieldsOf | None = None) -> list[Problem]:
    """Checks a mapping file.

    Args:
        text: the file.
        table_of: where guides come from.
        fields_of: where the fields of document types come from; without it they are not compared.

    Returns:
        All problems in the order of the file; the location's ``pointer`` names the field, ``line`` the line.
    """
    check = _Check(table_of, fields_of)
    check.run(text)
    return sorted(check.found, key=lambda problem: problem.location.line or 0)


@dataclass(slots=True)
class _Check:
    table_of: TableOf
    fields_of: FieldsOf | None
    found: list[Problem] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        code: str,
        place: str = "",
        *,
        value: str | None = None,
        line: int | None = None,
        severity: Severity | None = None,
        **words: object,
    ) -> None:
        """Notes a problem of a field."""
        self.take(mapping_problem(code, place, value=value, line=line, severity=severity, **words))

    def take(self, problem: Problem) -> None:
        """Notes a problem, with the line of its field where it has none yet."""
        where = problem.location
        if where.line is None and where.pointer is not None:
            problem = problem.at(line=self._line(where.pointer))
        self.found.append(problem)

    def _line(self, name: str) -> int | None:
        """The line of a field, else of the nearest object around it."""
        while name not in self.lines and name:
            name = name.rpartition(".")[0]
        return self.lines.get(name)

    # --- the file --------------------------------------------------------------------------------------
    def run(self, text: str | bytes) -> None:
        try:
            top = entries(text)
        except YamlError as error:
            self.add("MAP-YAML", line=error.line, what=error)
            return
        self._top(top)
        stated = top.get("fields")
        rules: tuple[Rule, ...] = ()
        if stated is not None:
            if isinstance(stated.value, Entries):
                rules = self._rules(stated.value, "")
            else:
                self.add("MAP-RULE", "fields", line=stated.line, what="'name: address' pairs are needed")
        counts = self._computed(top.get("computed"), rules)
        for copy, name, around in _copies(rules, ""):
            self._copy(copy, name, (*around, *rules))
        kind = _text(top.get("mapping"))
        if kind:
            self._model(kind, rules, top.get("mapping"))
        guide = _text(top.get("guide"))
        if guide:
            table = self.table_of(guide)
            if table is None:
                line = _line(top.get("guide"))
                self.add("MAP-NO-GUIDE", "guide", value=guide, line=line)
            else:
                self._guide(Mapping(kind, guide, rules, counts), table, text)

    def _top(self, top: Entries) -> None:
        for name, first, second in top.twice:
            self.add("MAP-DUPLICATE", name, line=second, what=_twice(first, second))
        for entry in top:
            if entry.key not in KEYS:
                near = nearest(entry.key, KEYS)
                self.add("MAP-KEY", entry.key, value=entry.key, line=entry.line, nearest=near)
        for key in KEYS[:3]:
            if top.get(key) is None:
                self.add("MAP-KEY-MISSING", key, value=key)

    # --- rules -----------------------------------------------------------------------------------------
    def _rules(self, stated: Entries, prefix: str) -> tuple[Rule, ...]:
        for name, first, second in stated.twice:
            self.add("MAP-DUPLICATE", prefix + name, line=second, what=_twice(first, second))
        rules: dict[str, Rule] = {}
        for entry in stated:
            if entry.key == "each" and prefix:
                continue
            name = prefix + entry.key
            self.lines.setdefault(name, entry.line)
            try:
                rule = self._rule(entry, name)
            except MappingError as error:
                self.add("MAP-RULE", name, line=entry.line, what=error)
                continue
            if rule is not None:
                rules[entry.key] = rule
        paths: dict[Path, str] = {}
        for key, rule in rules.items():
            paths.setdefault(rule.path, key)
        for key, rule in rules.items():
            for size in range(1, len(rule.path) + 1):
                other = paths.get(rule.path[:size], key)
                if other != key:
                    what = f"{prefix}{other} would stand at the same place"
                    self.add("MAP-DUPLICATE", prefix + key, what=what)
        return tuple(rules.values())

    def _rule(self, entry: Entry, name: str) -> Rule | None:
        key, listed = entry.key.removesuffix("[]"), entry.key.endswith("[]")
        if not _NAME.fullmatch(key):
            raise MappingError(f"{entry.key!r} is no field name: small letters, digits and _ only")
        path = tuple(key.split("."))
        if not listed:
            if not isinstance(entry.value, str):
                raise MappingError("text such as 'BEG03 | date' is needed")
            if entry.value.startswith("="):
                source = entry.value[1:].strip()
                if not _NAME.fullmatch(source):
                    raise MappingError(f"{source!r} is no field name")
                return Copy(path, tuple(source.split(".")))
            return self._field(path, entry.value, name, entry.line)
        each = entry.value.get("each") if isinstance(entry.value, Entries) else None
        if not isinstance(entry.value, Entries) or each is None or not isinstance(each.value, str):
            raise MappingError("a list needs 'each: SEGMENT'")
        address = parse_address(each.value, segment=True)
        inner = self._rules(entry.value, name + ".")
        if {item.key for item in entry.value} == {"each", "value"}:
            scalar = inner[0] if inner else None
            return Repeated(path, address, (), scalar) if isinstance(scalar, Field) else None
        return Repeated(path, address, inner)

    def _field(self, path: Path, text: str, name: str, line: int) -> Field | None:
        stated, bar, convert = text.partition("|")
        address = parse_address(stated)
        try:
            found = converter(convert) if bar else converter("text")
        except MappingError as error:
            near = nearest(convert.partition("(")[0].strip(), NAMES)
            self.add("MAP-CONVERTER", name, value=convert.strip(), line=line, what=error, nearest=near)
            return None
        if found.arity and (len(address.elements) > found.arity or address.open_end):
            raise MappingError(f"{found.name} takes {found.arity} element(s), {stated.strip()!r} has more")
        return Field(path, address, found)

    def _computed(self, entry: Entry | None, rules: tuple[Rule, ...]) -> dict[Path, Path]:
        if entry is None or entry.value is None:
            return {}
        if not isinstance(entry.value, Entries):
            self.add("MAP-RULE", "computed", line=entry.line, what="'field: count(list)' is needed")
            return {}
        scalars = {rule.path: rule for rule in rules if isinstance(rule, Field)}
        lists = {rule.path for rule in rules if isinstance(rule, Repeated)}
        counts: dict[Path, Path] = {}
        for item in entry.value:
            match = _COUNT.fullmatch(str(item.value))
            target = tuple(item.key.split("."))
            rule = scalars.get(target)
            what = ""
            if match is None:
                what = f"count(list) is needed, not {item.value!r}"
            elif rule is None:
                what = "there is no rule for the field" + nearest(item.key, map(".".join, scalars))
            elif rule.converter.name != "int":
                what = f"the field's converter is {rule.converter.name}, not int"
            elif tuple(match[1].split(".")) not in lists:
                what = f"there is no list {match[1]!r}" + nearest(match[1], map(".".join, lists))
            if what or match is None:
                self.add("MAP-COUNT", item.key, line=item.line, what=what)
            else:
                counts[target] = tuple(match[1].split("."))
        return counts

    def _copy(self, copy: Copy, name: str, rules: tuple[Rule, ...]) -> None:
        fields = {".".join(rule.path) for rule in rules if isinstance(rule, Field)}
        source = ".".join(copy.source)
        if source not in fields:
            what = f"there is no field {source!r} beside it or at the root{nearest(source, fields)}"
            self.add("MAP-COPY", name, what=what)

    # --- document --------------------------------------------------------------------------------------
    def _model(self, kind: str, rules: tuple[Rule, ...], entry: Entry | None) -> None:
        known = self.fields_of(kind) if self.fields_of else frozenset[str]()
        if known is None:
            self.add("MAP-NO-MODEL", "mapping", value=kind, line=_line(entry), nearest="")
        if not known:
            return
        mapped = dict(_mapped(rules, ""))
        for path in _outermost(sorted(set(mapped) - set(known))):
            self.add("MAP-FIELD-UNKNOWN", path, line=self._line(mapped[path]), nearest=nearest(path, known))
        for path in _outermost(sorted(set(known) - set(mapped))):
            self.add("MAP-FIELD-UNUSED", path)

    # --- guide -----------------------------------------------------------------------------------------
    def _guide(self, mapping: Mapping, table: Table, text: str | bytes) -> None:
        plan, faults = bind_all(mapping, table)
        for problem in faults:
            self.take(problem)
        self._scope(plan.root, table)
        if not any(problem.is_error for problem in self.found):
            try:
                bind(parse_mapping(text), table)
            except MappingError as error:
                self.add("MAP-RULE", "fields", what=error)

    def _scope(self, scope: Scope, table: Table) -> None:
        for index, cases in scope.cases.items():
            position = table.positions[index]
            self._reached(scope, position, cases)
            for case in cases:
                label = _label(scope, case) or position.path
                self._conditions(case, position, label)
                self._takes(scope, case, position)
                self._mandatory(case, position, label)
                if case.scope is not None and not case.scalar:
                    self._scope(case.scope, table)
        self._segments(scope, table)

    def _reached(self, scope: Scope, position: Position, cases: list[Case]) -> None:
        for later, case in enumerate(cases):
            for earlier in cases[:later]:
                if _greedy(earlier, position) and set(earlier.conditions) <= set(case.conditions):
                    name = _label(scope, case) or position.path
                    other = _label(scope, earlier) or "an earlier rule"
                    self.add("MAP-UNREACHABLE", name, other=other, segment=position.id)
                    break

    def _conditions(self, case: Case, position: Position, label: str) -> None:
        values: dict[tuple[int, int], str] = {}
        for condition in case.conditions:
            element = _element(position, condition.element, condition.component)
            if element is None:
                continue
            what = _never(element, condition)
            if (
                values.setdefault((condition.element, condition.component), condition.value)
                != condition.value
            ):
                what = "another condition demands another value"
            if what:
                self.add("MAP-CONDITION", label, value=_written(position, condition), what=what)

    def _takes(self, scope: Scope, case: Case, position: Position) -> None:
        constants = {(c.element, c.component): _written(position, c) for c in case.conditions}
        owners: dict[tuple[int, int], str] = {}
        for take in case.takes:
            name = _field_name(scope, case, take)
            elements = [_element(position, *source) for source in take.sources]
            self._type(name, take.converter, [element for element in elements if element is not None])
            for source in take.sources:
                same = {source, (source[0], 0)} if source[1] else {s for s in owners if s[0] == source[0]}
                ref = _ref(position, *source)
                if other := next((owners[s] for s in sorted(same | {source}) if s in owners), None):
                    self.add("MAP-OVERLAP", name, value=take.address, ref=ref, other=other)
                elif source in constants:
                    other = f"the condition {constants[source]}"
                    self.add(
                        "MAP-OVERLAP",
                        name,
                        value=take.address,
                        severity=Severity.WARNING,
                        ref=ref,
                        other=other,
                    )
                owners.setdefault(source, name)
            if not take.converter.lossless:
                what = _LOSSES.get(take.converter.name, _IMPLIED)
                self.add("MAP-LOSSY", name, value=take.address, converter=take.converter.name, what=what)

    def _type(self, name: str, used: Converter, elements: list[Element]) -> None:
        # An element that is left over after the last pair, such as PER09, belongs to none.
        paired = elements[: len(elements) // 2 * 2] if used.name == "pairs" else elements
        for index, element in enumerate(paired):
            if advice := _misfit(used, element, index):
                self.add(
                    "MAP-TYPE",
                    name,
                    value=element.ref,
                    converter=used.name,
                    ref=element.ref,
                    name=element.name,
                    type=element.type,
                    advice=advice,
                )
                return
        first = elements[0]
        for code in used.table:
            if first.type in ("ID", "AN") and (broken := fault(first, code)):
                near = nearest(code, first.codes.codes) if first.codes else f": {_why(*broken)}"
                self.add("MAP-CODE", name, value=code, ref=first.ref, name=first.name, nearest=near)

    def _mandatory(self, case: Case, position: Position, label: str) -> None:
        used = case.used
        missing = False
        for index, element in enumerate(position.segment.elements, 1):
            taken = {component for number, component in used if number == index}
            if not taken:
                if element.usage == "R":
                    missing = True
                    self.add("MAP-REQUIRED", label, ref=element.ref, name=element.name)
            elif 0 not in taken:
                for number, component in enumerate(element.components, 1):
                    if component.usage == "R" and number not in taken:
                        self.add("MAP-REQUIRED", label, ref=component.ref, name=component.name)
        if missing:
            return
        empty = {(c.element, c.component) for c in case.conditions if not c.value}
        filled = [False] + [
            any(number == index and (number, part) not in empty for number, part in used)
            for index in range(1, len(position.segment.elements) + 1)
        ]
        for note, blame in broken_notes(position.segment.notes, filled):
            element = position.segment.elements[blame - 1]
            if note.kind != "E" and (blame, 0) not in empty:
                self.add("MAP-RELATION", label, ref=element.ref, name=element.name, rule=note.text)

    def _segments(self, scope: Scope, table: Table) -> None:
        """Mandatory segments and loops of a loop that is written, which no rule writes."""
        name = scope.prefix.rstrip(".") or "fields"
        for position in table.positions[scope.loop.first + 1 : scope.loop.last + 1]:
            if position.index == len(table.positions) - 1 or scope.cases.get(position.index):
                continue
            if position.trigger:
                mandatory = position.loop.parent is scope.loop and position.loop.loop.usage == "R"
            else:
                mandatory = position.loop is scope.loop and position.segment.usage == "R"
            if mandatory:
                self.add("MAP-REQUIRED", name, ref=position.id, name=position.segment.name)


def _greedy(case: Case, position: Position) -> bool:
    """Whether a case takes every segment that meets its conditions."""
    if case.list_path is not None and not case.scalar:
        return True
    always = not case.takes or any(take.required for take in case.takes)
    return always and (case.scalar or not position.counts)


def nearest(word: str, known: Collection[str] | Iterator[str]) -> str:
    """``; did you mean X?`` for the known word that is most like the given one; empty where none is."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"; did you mean {found[0]}?" if found else ""


def _misfit(used: Converter, element: Element, index: int) -> str:
    """Why a converter does not fit the element that is its n-th source, as advice; empty where it fits."""
    kind = element.type
    if kind == "composite":
        return f"Name a component, such as {element.ref}.1."
    match used.name:
        case "date" | "datetime" | "time":
            wanted = "TM" if used.name == "time" or index else "DT"
            return "" if kind == wanted else f"Leave the converter out, or take an element of type {wanted}."
        case "decimal":
            implied = kind[0] == "N" and kind != "N0"
            other = f"Use n{kind[1:]}." if implied else "Leave the converter out."
            return "" if kind in ("R", "N0") else other
        case "int":
            return "" if kind == "N0" else "Use decimal." if kind == "R" else "Leave the converter out."
        case "code" | "enum" | "bool":
            return "" if kind in ("ID", "AN") else "Codes stand in elements of type ID or AN."
        case "pairs":
            return "" if index % 2 or kind == "ID" else "The first of each pair is a qualifier of type ID."
        case "text" | "list" | "records":
            return ""
        case _:
            return "" if kind == f"N{used.name[1:]}" else _decimals(kind)


def _decimals(kind: str) -> str:
    if kind in ("R", "N0"):
        return "Use decimal."
    return f"Use n{kind[1:]}." if kind[0] == "N" else "Leave the converter out."


def _never(element: Element, condition: Condition) -> str:
    """Why a condition cannot hold; empty where it can."""
    if not condition.value:
        return "the element is mandatory" if element.usage == "R" and not condition.component else ""
    if element.usage == "N":
        return "the element is not used in this guide"
    if element.type == "composite":
        return "the element is a composite; name a component"
    broken = fault(element, condition.value)
    near = nearest(condition.value, element.codes.codes) if broken and element.codes else ""
    return _why(*broken) + near if broken else ""


def _why(code: str, words: dict[str, object]) -> str:
    return _FAULTS.get(code, "it is not allowed there").format(**words)


def _copies(rules: tuple[Rule, ...], prefix: str) -> Iterator[tuple[Copy, str, tuple[Rule, ...]]]:
    """All copies, each with its name and the rules of the object around it."""
    for rule in rules:
        name = prefix + ".".join(rule.path)
        if isinstance(rule, Copy):
            yield rule, name, rules
        elif isinstance(rule, Repeated):
            yield from _copies(rule.rules, f"{name}[].")


def _mapped(rules: tuple[Rule, ...], prefix: str) -> Iterator[tuple[str, str]]:
    """The fields of the document that rules fill, each with the rule's name in the mapping."""
    for rule in rules:
        name = prefix + ".".join(rule.path)
        if isinstance(rule, Repeated):
            yield f"{name}[]", f"{name}[]"
            yield from _mapped(rule.rules, f"{name}[].")
        elif isinstance(rule, Copy):
            yield name, name
        else:
            for path in _values(rule.converter, name):
                yield path, name


def _values(used: Converter, name: str) -> Iterator[str]:
    match used.name:
        case "pairs" if used.table:
            yield from (f"{name}.{key}" for key in used.table.values())
        case "records":
            yield f"{name}[]"
            yield from (f"{name}[].{key}" for key in used.keys)
        case "list":
            yield f"{name}[]"
        case _:
            yield name


def _outermost(paths: list[str]) -> Iterator[str]:
    """Paths without those that lie inside another of them."""
    last = "\x00"
    for path in paths:
        if not path.startswith(f"{last}."):
            yield path
            last = path


def _label(scope: Scope, case: Case) -> str:
    """The field that stands for a case; of one that only leads into a loop, the first field inside."""
    if case.list_path is not None:
        return f"{scope.prefix}{'.'.join(case.list_path)}[]"
    if case.takes:
        return scope.prefix + ".".join(case.takes[0].path)
    inside = [c for cases in case.scope.cases.values() for c in cases] if case.scope else []
    return next((_label(case.scope, inner) for inner in inside if case.scope), "")


def _field_name(scope: Scope, case: Case, take: Take) -> str:
    if case.list_path is None:
        return scope.prefix + ".".join(take.path)
    name = f"{scope.prefix}{'.'.join(case.list_path)}[]"
    return name if case.scalar else f"{name}.{'.'.join(take.path)}"


def _element(position: Position, number: int, component: int) -> Element | None:
    elements = position.segment.elements
    element = elements[number - 1] if 1 <= number <= len(elements) else None
    if element is None or not component:
        return element
    return element.components[component - 1] if component <= len(element.components) else None


def _ref(position: Position, element: int, component: int) -> str:
    return f"{position.id}{element:02d}" + (f".{component}" if component else "")


def _written(position: Position, condition: Condition) -> str:
    return f"{_ref(position, condition.element, condition.component)}={condition.value}"


def _twice(first: int, second: int) -> str:
    return f"in line {first} and again in line {second}"


def _text(entry: Entry | None) -> str:
    return entry.value if entry is not None and isinstance(entry.value, str) else ""


def _line(entry: Entry | None) -> int | None:
    return entry.line if entry is not None else None
