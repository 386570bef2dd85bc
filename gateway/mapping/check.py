"""The static check of a mapping: every mistake that can be seen without data, each with its field and line.

What a mapping file states is held against the language, the guide and the fields of the document. The
functions here take text and tables and give problems (:mod:`gateway.mapping.problems`); no errors among them
means that the mapping can be bound and that what it writes has all its mandatory parts.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.errors import MappingError, NotFoundError, Problem, Severity
from gateway.mapping.body import BodyPlan
from gateway.mapping.converters import Converter, converter
from gateway.mapping.extensions import ref
from gateway.mapping.model import KEYS, Condition, Copy, Field, Mapping, Repeated, Rule, read_mapping, walk
from gateway.mapping.plan import Case, Scope, Take, bind_all, element_of
from gateway.mapping.problems import mapping_problem, nearest
from gateway.mapping.statement import BODIES, Load, Stated, shared
from gateway.x12.elements import broken_notes, fault
from gateway.x12.guide import Element
from gateway.x12.table import Position, Table

TableOf = Callable[[str], Table | None]
"""Gives the compiled guide for ``x12/004010/850``; None if there is none."""

FieldsOf = Callable[[str], Collection[str] | None]
"""Gives the fields of a document type as ``lines[].quantity.value``, best in a mapping with the kind of each;
None for an unknown type."""

_FITS = {kind: (kind,) for kind in ("integer", "boolean", "decimal", "date", "time")} | {
    "datetime": ("datetime", "date"),
    "string": ("string", "decimal", "date", "time", "datetime"),
}
"""By kind of the document's field, the kinds of value it can hold."""
_FAULTS = {
    "X12-ELEMENT-CODE": "it is not in the list of codes",
    "X12-ELEMENT-SHORT": "it is shorter than {limit} characters",
    "X12-ELEMENT-LONG": "it is longer than {limit} characters",
    "X12-ELEMENT-DATE": "it is no date",
    "X12-ELEMENT-TIME": "it is no time",
    "X12-ELEMENT-CHARACTER": "it {what}",
}


BodyOf = Callable[[Mapping], BodyPlan]
"""Gives a mapping of a JSON body with the body's form; NotFoundError if there is none."""

_MEMBERS = {
    "decimal": ("decimal", "int", "number"), "int": ("int", "number"), "bool": ("bool",), "date": ("time",),
    "datetime": ("time",), "window": ("window",), "text": ("text", "enum", "int"), "code": ("enum", "text"),
    "enum": ("enum", "text"), "list": ("text",),
}  # fmt: skip
"""By converter, the kinds of member it works on."""


def check_mapping(
    text: str | bytes,
    table_of: TableOf,
    fields_of: FieldsOf | None = None,
    load: Load | None = None,
    body_of: BodyOf | None = None,
) -> list[Problem]:
    """Checks a mapping file.

    Args:
        fields_of: where the fields of document types come from; without it they are not compared.
        load: where the mapping that it extends and the shared blocks come from.
        body_of: where the forms of JSON bodies come from.

    Returns:
        All problems in the order of the file; the location's ``pointer`` names the field, ``line`` the line.
    """
    mapping, found = read_mapping(text, load)
    check = _Check(mapping, found)
    check.copies(mapping.rules, "", ())
    if mapping.document_type and fields_of:
        check.model(fields_of(mapping.document_type))
    if is_body(mapping) and body_of:
        try:
            check.body(body_of(mapping))
        except NotFoundError:
            check.add("MAP-NO-GUIDE", "guide", value=mapping.guide)
    elif mapping.guide:
        table = table_of(mapping.guide)
        if table is None:
            check.add("MAP-NO-GUIDE", "guide", value=mapping.guide)
        else:
            plan, faults = bind_all(mapping, table)
            found += faults
            check.scope(plan.root, table)
    return sorted(dict.fromkeys(map(check.lined, found)), key=lambda problem: problem.location.line or 0)


def is_body(mapping: Mapping) -> bool:
    """Whether a mapping is of a JSON body."""
    return mapping.guide.startswith(f"{BODIES}/")


def check_shared(text: bytes, guide: str = "x12") -> list[Problem]:
    """Checks the file of the shared blocks and code tables against the language; no guide is asked."""
    found = [one for one in read_mapping(text)[1] if one.code not in ("MAP-KEY-MISSING", "MAP-UNUSED")]
    if any(one.code == "MAP-YAML" for one in found):
        return found
    whole = shared(lambda _: text)
    codes, blocks = (
        stated if isinstance(stated := whole.get(key), Stated) else Stated() for key in KEYS[-2:]
    )
    for name, table in codes.items():
        try:
            converter(f"code({', '.join(f'{one}={code}' for one, code in dict(table).items())})")
        except (MappingError, TypeError, ValueError) as error:
            line = codes.lines[name]
            found.append(mapping_problem("MAP-CONVERTER", f"codes.{name}", line=line, what=error, nearest=""))
    for name, block in blocks.items():
        field = name + "[]" * (isinstance(block, Stated) and "each" in block)
        for one in read_mapping(f"guide: {guide}/\nfields:\n  {field}: ${name}\n", lambda _: text)[1]:
            if one.code != "MAP-KEY-MISSING":
                inside = (one.location.pointer or "").removeprefix(f"{field}.")
                lines = block.lines if isinstance(block, Stated) else {}
                found.append(one.at(line=lines.get(inside, blocks.lines[name])))
    return sorted(found, key=lambda one: one.location.line or 0)


@dataclass(slots=True)
class _Check:
    mapping: Mapping
    found: list[Problem]

    def add(self, code: str, place: str = "", **words: Any) -> None:
        """Notes a problem of a field."""
        self.found.append(mapping_problem(code, place, **words))

    def lined(self, problem: Problem) -> Problem:
        """With the line of the field, else of the nearest object around it."""
        name, lines = problem.location.pointer or "", self.mapping.lines
        while name not in lines and name:
            name = name.rpartition(".")[0]
        return problem.at(line=problem.location.line or lines.get(name))

    def copies(self, rules: tuple[Rule, ...], prefix: str, root: tuple[Rule, ...]) -> None:
        fields = {".".join(rule.path) for rule in (*rules, *root) if isinstance(rule, Field)}
        if is_body(self.mapping):
            fields = {name.replace("[]", "") for name, _ in walk(self.mapping.rules)}
        fields |= {".".join(path) for path in self.mapping.constants}
        for rule in rules:
            name = prefix + ".".join(rule.path)
            if isinstance(rule, Repeated):
                self.copies(rule.rules, f"{name}[].", root or rules)
            elif isinstance(rule, Copy) and rule.source and (source := ".".join(rule.source)) not in fields:
                what = f"there is no field {source!r} beside it or at the root{nearest(source, fields)}"
                self.add("MAP-COPY", name, what=what)

    def model(self, known: Collection[str] | None) -> None:
        if known is None:
            self.add("MAP-NO-MODEL", "mapping", value=self.mapping.document_type, nearest="")
        if not known:
            return
        kinds = known if isinstance(known, abc.Mapping) else {}
        mapped = {path: path for path in map(".".join, self.mapping.constants)}
        for name, rule in walk(self.mapping.rules):
            name = _level(name, known) if is_body(self.mapping) else name
            field = rule.scalar if isinstance(rule, Repeated) else rule
            used = field.converter if isinstance(field, Field) else None
            mapped |= dict.fromkeys(_values(used, name) if used and field is rule else (name,), name)
            if used and used.kind not in _FITS.get(wanted := kinds.get(name, ""), (used.kind,)):
                self.add("MAP-KIND", name, converter=used.name, kind=used.kind, wanted=wanted)
        for path in _outermost(sorted(mapped.keys() - set(known))):
            line = self.mapping.lines.get(mapped[path])
            self.add("MAP-FIELD-UNKNOWN", path, line=line, nearest=nearest(path, known))
        absent = tuple(part for name in self.mapping.absent for part in (f"{name}.", f"{name}[]"))
        for name in sorted(self.mapping.absent & self.mapping.lines.keys()):
            if is_body(self.mapping):
                whole = {path[:end] for path in known for end in range(len(path) + 1)}
                name = _level(name, whole)
            if not any(f"{path}.".startswith((f"{name}.", f"{name}[]")) for path in known):
                self.add("MAP-FIELD-UNKNOWN", name, nearest=nearest(name, known))
        if is_body(self.mapping):
            return  # bodies hold less than documents, and what has no rule is not sent
        unused = {path for path in set(known) - mapped.keys() if not f"{path}.".startswith(absent)}
        for path in _outermost(sorted(unused)):
            self.add("MAP-FIELD-UNUSED", path)

    def body(self, plan: BodyPlan) -> None:
        """Holds the addresses of a JSON body against its form."""
        taken: dict[tuple[str, ...], str] = {}
        written: dict[tuple[str, ...], set[str]] = {}
        for path, name, rule in plan.stated():
            for depth, member in enumerate(path):
                above = path[:depth]
                owner = found.of if (found := plan.forms.member(plan.root, above)) else plan.root * (not above)
                known = plan.forms.objects.get(owner, {})
                if member not in known:
                    where, near = owner or ".".join(above), nearest(member, known)
                    self.add("MAP-MEMBER", name, value=member, where=where, nearest=near)
                    break
                written.setdefault(above, set()).add(member)
            else:
                self.member(plan, path, name, rule, taken)
            each = rule.each if isinstance(rule, Repeated) else getattr(rule, "address", None)
            size = len(path) - len(each.path) - (each.names[0] not in ("@", ".")) if each else 0
            for depth, conditions in enumerate(each.conditions if each else (), 1):
                found = plan.forms.member(plan.root, path[: size + depth])
                for one in conditions:
                    written.setdefault(path[: size + depth], set()).add(one.name)
                    if found and one.name not in (known := plan.forms.objects.get(found.of, {})):
                        near = nearest(one.name, known)
                        self.add("MAP-MEMBER", name, value=one.name, where=found.of, nearest=near)
        for path, members in written.items():
            found = plan.forms.member(plan.root, path)
            for member, form in plan.forms.objects.get(found.of if found else plan.root, {}).items():
                if form.required and member not in members:
                    where = ".".join((*path, member))
                    weight = Severity.WARNING  # each body is checked, and some are only read
                    self.add("MAP-REQUIRED", "fields", value=where, severity=weight, ref=where, name=form.words)

    def member(
        self, plan: BodyPlan, path: tuple[str, ...], name: str, rule: Rule, taken: dict[tuple[str, ...], str]
    ) -> None:
        found = plan.forms.member(plan.root, path)
        if not isinstance(rule, Field) or found is None or rule.address.names == ("@",):
            return
        key = (*path, rule.address.text)
        if key in taken and taken[key].rpartition("[]")[0] == name.rpartition("[]")[0]:
            self.add("MAP-OVERLAP", name, ref=".".join(path), other=taken[key])
        taken[key] = name
        used, ref = rule.converter, ".".join(path)
        if found.kind not in _MEMBERS.get(used.name, (found.kind,)):
            words = {"converter": used.name, "name": found.words, "type": found.kind}
            self.add("MAP-TYPE", name, value=ref, ref=ref, advice="Use another converter.", **words)
        codes = found.spec.split()[1:] if found.kind == "enum" else used.table
        for code in used.table:
            if code not in codes:
                self.add("MAP-CODE", name, value=code, ref=ref, name=found.of, nearest=nearest(code, codes))

    def scope(self, scope: Scope, table: Table) -> None:
        for index, cases in scope.cases.items():
            position = table.positions[index]
            for number, case in enumerate(cases):
                label = _label(scope, case)
                for earlier in cases[:number]:
                    if _greedy(earlier, position) and set(earlier.conditions) <= set(case.conditions):
                        other = _label(scope, earlier)
                        self.add("MAP-UNREACHABLE", label, other=other, segment=position.id)
                        break
                self.conditions(case, position, label)
                self.takes(scope, case, position)
                self.mandatory(case, position, label)
                if case.scope is not None and not case.scalar:
                    self.scope(case.scope, table)
        self.segments(scope, table)

    def conditions(self, case: Case, position: Position, label: str) -> None:
        values: dict[tuple[int, int], str] = {}
        for condition in case.conditions:
            place = condition.element, condition.component
            element = element_of(position, *place)
            what = _never(element, condition) if element else ""
            if values.setdefault(place, condition.value) != condition.value:
                what = "another condition demands another value"
            if what:
                self.add(
                    "MAP-CONDITION", label, value=f"{ref(position.id, *place)}={condition.value}", what=what
                )

    def takes(self, scope: Scope, case: Case, position: Position) -> None:
        fixed = {(c.element, c.component): c.value for c in case.conditions}
        owners: dict[tuple[int, int], str] = {}
        for take in case.takes:
            name = _field_name(scope, case, take)
            elements = [element_of(position, *source) for source in take.sources]
            self.types(name, take.converter, [element for element in elements if element is not None])
            for source in take.sources:
                at = ref(position.id, *source)
                # A component lies in its element, and an element holds its components.
                shared = [s for s in owners if s[0] == source[0] and (s == source or 0 in (s[1], source[1]))]
                if shared:
                    other = owners[min(shared)]
                    self.add("MAP-OVERLAP", name, value=take.address, ref=at, other=other)
                elif source in fixed:
                    weight, other = Severity.WARNING, f"the condition {at}={fixed[source]}"
                    self.add("MAP-OVERLAP", name, value=take.address, severity=weight, ref=at, other=other)
                owners.setdefault(source, name)
            if what := take.converter.loss:
                self.add("MAP-LOSSY", name, value=take.address, converter=take.converter.name, what=what)

    def types(self, name: str, used: Converter, elements: list[Element]) -> None:
        # An element that is left over after the last pair, such as PER09, belongs to none.
        paired = elements[: len(elements) // 2 * 2] if used.name == "pairs" else elements
        for index, element in enumerate(paired):
            if advice := _misfit(used, element, index):
                words = {"converter": used.name, "type": element.type, "advice": advice}
                self.add("MAP-TYPE", name, value=element.ref, ref=element.ref, name=element.name, **words)
                return
        first = elements[0]
        for code in used.table:
            if first.type in ("ID", "AN") and (broken := fault(first, code)):
                near = nearest(code, first.codes.codes) if first.codes else f": {_why(*broken)}"
                self.add("MAP-CODE", name, value=code, ref=first.ref, name=first.name, nearest=near)

    def mandatory(self, case: Case, position: Position, label: str) -> None:
        used, missing = case.used, False
        for index, element in enumerate(position.segment.elements, 1):
            taken = {component for number, component in used if number == index}
            inner = () if not taken or 0 in taken else enumerate(element.components, 1)
            unfilled = [one for number, one in inner if one.usage == "R" and number not in taken]
            if not taken and element.usage == "R":
                missing, unfilled = True, [element]
            for one in unfilled:
                self.add("MAP-REQUIRED", label, ref=one.ref, name=one.name)
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

    def segments(self, scope: Scope, table: Table) -> None:
        """Mandatory segments and loops of a loop that is written, which no rule writes."""
        name = scope.prefix.rstrip(".") or "fields"
        for position in table.positions[scope.loop.first + 1 : scope.loop.last + 1]:
            if position.index == len(table.positions) - 1 or scope.cases.get(position.index):
                continue
            around = position.loop.parent if position.trigger else position.loop
            usage = position.loop.loop.usage if position.trigger else position.segment.usage
            if around is scope.loop and usage == "R":
                self.add("MAP-REQUIRED", name, ref=position.id, name=position.segment.name)


def _level(name: str, known: Collection[str]) -> str:
    """The name of a level's field without the levels around it, where a tree may hold it anywhere."""
    inner = name
    while inner not in known and "[]." in inner:
        inner = inner.partition("[].")[2]
    return inner if inner in known else name


def _greedy(case: Case, position: Position) -> bool:
    """Whether a case takes every segment that meets its conditions."""
    if case.list_path is not None and not case.scalar:
        return True
    always = not case.takes or any(take.required for take in case.takes)
    return always and (case.scalar or not position.counts)


def _misfit(used: Converter, element: Element, index: int) -> str:
    """Why a converter does not fit the element that is its n-th source, as advice; empty where it fits."""
    kind, types = element.type, used.types[index % len(used.types)]
    if kind == "composite":
        return f"Name a component, such as {element.ref}.1."
    if not types or kind in types:
        return ""
    match used.name:
        case "date" | "datetime" | "time" | "shortdate":
            return f"Leave the converter out, or take an element of type {types[0]}."
        case "code" | "enum" | "bool":
            return "Codes stand in elements of type ID or AN."
        case "pairs":
            return "The first of each pair is a qualifier of type ID."
    better = "decimal" if kind in ("R", "N0") else f"n{kind[1:]}" if kind[0] == "N" else ""
    return f"Use {better}." if better else "Leave the converter out."


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


def _values(used: Converter, name: str) -> Iterator[str]:
    """The fields of the document that a converter fills."""
    match used.name:
        case "pairs" if used.table:
            yield from (f"{name}.{key}" for key in used.table.values())
        case "records":
            yield f"{name}[]"
            yield from (f"{name}[].{key}" for key in used.keys)
        case "list":
            yield f"{name}[]"
        case "window":
            yield from (f"{name}.start", f"{name}.end")
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
    """The field that stands for a case."""
    return scope.prefix + case.name + ("[]" if case.list_path is not None else "")


def _field_name(scope: Scope, case: Case, take: Take) -> str:
    if case.scalar:
        return _label(scope, case)
    inside = f"{_label(scope, case)}." if case.list_path is not None else scope.prefix
    return inside + ".".join(take.path)
