"""Documents to transaction sets.

The same plan that reads a set writes it: position by position in the order of the guide, within a position
case by case, each segment from the fields of its case. What the extensions kept is put back where it stood.

What was written is read back by the engine and compared with the document. So nothing is written that our own
check would refuse, and no field is lost without a word.
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any

from gateway.errors import DocumentError, Fault, Level, Location, Problem, Severity
from gateway.mapping.extensions import get, put
from gateway.mapping.extensions import steps as read_steps
from gateway.mapping.library import Library, SetEngine
from gateway.mapping.model import Path
from gateway.mapping.plan import NO_FLAGS, NO_TOP, Case, Plan, Scope, Take
from gateway.mapping.reader import copied
from gateway.x12.delimiters import Delimiters
from gateway.x12.elements import CONTROL
from gateway.x12.envelope import PartyId
from gateway.x12.parser import GROUP_OF_SET, envelope_faults
from gateway.x12.table import Position
from gateway.x12.writer import Envelope, Part, Parts, interchange, repeats, segment_text

Steps = tuple[tuple[str, int], ...]
Json = dict[str, Any]

ENVELOPE_FIELDS = (
    "document_type", "schema_version", "test", "control", "document_id", "partner_id", "partner", "channel",
    "raw",
)  # fmt: skip
"""Fields of a document that say what it is and where it came from; they are not part of the set."""

_REF = re.compile(r"[A-Z][A-Z0-9]{1,2}(\d\d)(?:\.(\d{1,2}))?")


@dataclass(slots=True)
class _Kept:
    """The extensions of one object, by place."""

    segments: dict[Steps, dict[str, dict[int, list[Part]]]] = field(default_factory=dict)
    values: dict[Steps, dict[tuple[int, int], Part]] = field(default_factory=dict)
    entries: dict[tuple[Steps, int, int], Any] = field(default_factory=dict)
    places: dict[Steps, dict[str, list[tuple[int, str]]]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Written:
    """One segment with the JSON pointer each element came from."""

    parts: Parts
    pointer: str
    pointers: dict[tuple[int, int], str] = field(default_factory=dict)


@dataclass(slots=True)
class _Instance:
    """One segment to be written, and for a loop what follows in it."""

    parts: dict[int, Part]
    pointer: str
    pointers: dict[tuple[int, int], str]
    case: Case | None
    scope: Scope | None
    container: Json
    container_pointer: str


class SetWriter:
    """Writes one document.

    Args:
        plan: the bound mapping.
        document: the document, complete.
    """

    def __init__(self, plan: Plan, document: dict[str, Any]) -> None:
        self.plan, self.document = plan, document
        self.problems: list[Problem] = []
        #: Entries of extensions that kept the exact text of a value which has been changed since.
        self.stale: list[Any] = []
        self._kept: dict[int, _Kept] = {}
        self._number = 0
        self._out: list[Written] = []

    def segments(self) -> list[Written]:
        """The segments between ST and SE."""
        self._scope(self.plan.root, self.document, "", ())
        return self._out

    # --- extensions ------------------------------------------------------------------------------------
    def _extensions(self, container: Json, pointer: str) -> _Kept:
        known = self._kept.get(id(container))
        if known is not None:
            return known
        kept = self._kept[id(container)] = _Kept()
        entries = container.get("extensions", [])
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if not self._keep(kept, entry):
                message = "This entry of the extensions cannot be read."
                hint = "Leave it out, or write it as the translation of an inbound file does."
                self._problem("DOC-EXTENSION", f"{pointer}/extensions/{index}", message, hint, str(entry))
        return kept

    def _keep(self, kept: _Kept, entry: Any) -> bool:
        if not isinstance(entry, dict) or not isinstance(entry.get("address"), str):
            return False
        address = entry["address"]
        if "value" in entry:
            address, _, ref = address.rpartition("/")
            match = _REF.fullmatch(ref)
            found = read_steps(address)
            if match is None or not found or not _is_part(entry["value"]):
                return False
            key = (int(match[1]), int(match[2] or 0))
            kept.values.setdefault(tuple(found), {})[key] = entry["value"]
            kept.entries[tuple(found), *key] = entry
            return True
        if entry.get("absent") is True:
            kept.absent.add(address)
            return True
        found = read_steps(address)
        if not found:
            return False
        before, (name, number) = tuple(found[:-1]), found[-1]
        if isinstance(entry.get("field"), str):
            kept.places.setdefault(before, {}).setdefault(name, []).append((number, entry["field"]))
        else:
            parts = entry.get("elements")
            if not isinstance(parts, list) or not parts or parts[0] != name or not all(map(_is_part, parts)):
                return False
            kept.segments.setdefault(before, {}).setdefault(name, {})[number] = parts
        return True

    # --- walking ---------------------------------------------------------------------------------------
    def _scope(self, scope: Scope, container: Json, pointer: str, prefix: Steps) -> None:
        """Writes the segments of a loop after the one that begins it."""
        kept = self._extensions(container, pointer)
        table = self.plan.table
        extra = kept.segments.get(prefix, {})
        index, last = scope.loop.first + 1, scope.loop.last
        if scope.loop.parent is None:
            last -= 1
        while index <= last:
            position = table.positions[index]
            index = position.loop.last + 1 if position.trigger else index + 1
            cases = scope.cases.get(position.index)
            if position.tree is not None and cases:
                self._top(scope, position, container, pointer)
                continue
            if cases is None and position.id not in extra:
                continue
            instances: list[_Instance] = []
            for rules in cases or ():
                instances += self._instances(rules, container, pointer)
            if kept.segments or kept.places:
                instances = self._arranged(instances, prefix, scope, container, pointer, position)
            for count, instance in enumerate(instances, 1):
                case = instance.case
                own = case is not None and case.list_path is not None and not case.scalar
                at = (position.id, 1 if own or not position.counts else count)
                place: Steps = (at,) if own else (*prefix, at)
                holder = self._extensions(instance.container, instance.container_pointer) if own else kept
                self._overlay(instance, holder, place)
                self._put(instance, position, () if own else place)

    def _put(self, instance: _Instance, position: Position, prefix: Steps) -> None:
        """Writes a segment and, where it begins a loop, what follows in it."""
        size = max(instance.parts, default=0)
        parts: Parts = [position.id, *(instance.parts.get(i, "") for i in range(1, size + 1))]
        self._out.append(Written(parts, instance.pointer, instance.pointers))
        if instance.scope is not None:
            self._scope(instance.scope, instance.container, instance.container_pointer, prefix)

    def _top(self, scope: Scope, position: Position, container: Json, pointer: str) -> None:
        """Writes a hierarchy depth first: the level that is the document itself, then what hangs below."""
        self._number = 0
        parent = ""
        if self.plan.top is not None and NO_TOP not in self._extensions(container, pointer).absent:
            instance = self._instance(self.plan.top[0], container, pointer)
            parent = self._level(instance, position, parent, 1)
        self._below(scope, position, container, pointer, parent)

    def _below(self, scope: Scope, position: Position, container: Json, pointer: str, parent: str) -> None:
        """Writes the levels in the lists of an object."""
        instances = [one for case in self.plan.levels for one in self._instances(case, container, pointer)]
        instances = self._arranged(instances, (), scope, container, pointer, position)
        for count, instance in enumerate(instances, 1):
            number = self._level(instance, position, parent, count)
            if instance.case is not None:
                self._below(scope, position, instance.container, instance.container_pointer, number)

    def _level(self, instance: _Instance, position: Position, parent: str, count: int) -> str:
        """Writes one level with its own segments; gives its number (HL01)."""
        tree = position.tree
        assert tree is not None
        self._number += 1
        number = str(self._number)
        own = instance.case is not None and instance.case.list_path is not None
        place: Steps = ((position.id, 1 if own else count),)
        if instance.case is not None:
            lists = (get(instance.container, case.list_path or ()) for case in self.plan.levels)
            has_children = any(lists)
            self._overlay(instance, self._extensions(instance.container, instance.container_pointer), place)
        else:
            has_children = _text(instance.parts, tree.children, 0) == "1"
        written = {tree.id: number, tree.parent: parent, tree.children: "1" if has_children else "0"}
        if NO_FLAGS in self._extensions(self.document, "").absent:
            written[tree.children] = ""
        instance.parts.update({element: text for element, text in written.items() if text})
        self._put(instance, position, () if own else place)
        return number

    def _instances(self, case: Case, container: Json, pointer: str) -> list[_Instance]:
        if case.list_path is None:
            instance = self._instance(case, container, pointer)
            given = any(get(container, take.path) is not None for take in case.takes)
            if given or (case.scope is not None and self._filled(case.scope, container)):
                return [instance]
            return []
        items = get(container, case.list_path)
        if items is None or case.marks:
            return []
        where = f"{pointer}/{'/'.join(case.list_path)}"
        if not isinstance(items, list):
            self._problem(
                "DOC-TYPE", where, "A list is needed here.", "Put the value into brackets.", str(items)
            )
            return []
        found = []
        for index, item in enumerate(items):
            at = f"{where}/{index}"
            if case.scalar:
                found.append(self._instance(case, {case.takes[0].path[0]: item}, at, container, pointer))
            elif isinstance(item, dict):
                found.append(self._instance(case.way(item), item, at))
            else:
                self._problem("DOC-TYPE", at, "An object is needed here.", "Put it into braces.", str(item))
        return found

    def _filled(self, scope: Scope, container: Json) -> bool:
        """Whether any segment inside a loop has something to say."""
        return any(
            get(container, case.list_path)
            if case.list_path is not None
            else any(get(container, take.path) is not None for take in case.takes)
            for case in scope.all_cases
        )

    def _instance(
        self,
        case: Case,
        target: dict[str, Any],
        pointer: str,
        container: Json | None = None,
        container_pointer: str = "",
    ) -> _Instance:
        parts: dict[int, Part] = {}
        pointers: dict[tuple[int, int], str] = {}
        for condition in case.conditions:
            if condition.value:
                _set(parts, condition.element, condition.component, condition.value)
        for take in case.takes:
            value = get(target, take.path)
            where = pointer if case.scalar else f"{pointer}/{'/'.join(take.path)}"
            pointers.update(dict.fromkeys(take.sources, where))
            if value is None:
                continue
            try:
                texts = take.converter.write(value)
            except ValueError as error:
                hint = f"Correct the value; it goes to {take.address}."
                self._problem("DOC-VALUE", where, f"{error}, not {value!r}.", hint, str(value))
                continue
            if len(texts) > len(take.sources):
                message = f"There is room for {len(take.sources)} elements only ({take.address})."
                self._problem("DOC-VALUE", where, message, "Shorten the list.", str(value))
                continue
            for (element, component), text in zip(take.sources, texts, strict=False):
                _set(parts, element, component, text)
        scope = case.scope
        if container is None:
            container, container_pointer = target, pointer
        return _Instance(parts, pointer, pointers, case, scope, container, container_pointer)

    def _overlay(self, instance: _Instance, kept: _Kept, place: Steps) -> None:
        """Puts kept elements back: loose ones, and the exact text of a field whose value is unchanged."""
        values = kept.values.get(place, {})
        if not values or instance.case is None:
            return
        owned: dict[tuple[int, int], Take] = {s: take for take in instance.case.takes for s in take.sources}
        done: set[int] = set()
        for (element, component), value in values.items():
            take = owned.get((element, component))
            if repeats(value):
                # Rules have read the first; if that was changed, the comparison at the end tells.
                if all(
                    _text({element: value[0]}, element, part) == _text(instance.parts, element, part)
                    for number, part in owned
                    if number == element
                ):
                    _set(instance.parts, element, 0, value)
                continue
            if take is None:
                if (element, component) not in instance.case.used:
                    _set(instance.parts, element, component, value)
                continue
            if id(take) in done:
                continue
            done.add(id(take))
            now = tuple(_text(instance.parts, *source) for source in take.sources)
            exact = tuple(
                str(values.get(source, text)) for source, text in zip(take.sources, now, strict=True)
            )
            if take.converter.read(exact) == (take.converter.read(now) if any(now) else None):
                for source, text in zip(take.sources, exact, strict=True):
                    _set(instance.parts, *source, text)
            else:
                self.stale += [kept.entries[place, *source] for source in take.sources if source in values]

    def _arranged(
        self,
        instances: list[_Instance],
        prefix: Steps,
        scope: Scope,
        container: Json,
        pointer: str,
        position: Position,
    ) -> list[_Instance]:
        """The segments of one place in the order in which they once stood."""
        extensions = self._extensions(container, pointer)
        places = extensions.places.get(prefix, {}).get(position.id, [])
        more = extensions.segments.get(prefix, {}).get(position.id, {})
        if not places and not more:
            return instances
        fixed: dict[int, _Instance] = {}
        for number, parts in more.items():
            inner = scope.inner.get(position.index)
            kept = {i: part for i, part in enumerate(parts) if i and part}
            fixed[number] = _Instance(kept, f"{pointer}/extensions", {}, None, inner, container, pointer)
        for number, name in sorted(places, reverse=True):
            # Within a list the moved items are the last ones: they came when a later rule had been at work.
            found = next((i for i in reversed(instances) if i.case and i.case.name == name), None)
            if found is not None:
                instances = [i for i in instances if i is not found]
                fixed[number] = found
        result: list[_Instance] = []
        waiting = iter(instances)
        total = len(instances) + len(fixed)
        for number in range(1, total + 1):
            if number in fixed:
                result.append(fixed.pop(number))
            elif (following := next(waiting, None)) is not None:
                result.append(following)
        return [*result, *waiting, *(fixed[number] for number in sorted(fixed))]

    def _problem(self, code: str, pointer: str, message: str, hint: str, value: str) -> None:
        self.problems.append(_problem(code, pointer, message, hint, value))


def _is_part(value: Any) -> bool:
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        value = [*chain.from_iterable(value)]
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _set(parts: dict[int, Part], element: int, component: int, value: Part) -> None:
    if not component:
        parts[element] = value
        return
    listed = _components(parts.get(element, []))
    listed += [""] * (component - len(listed))
    listed[component - 1] = value if isinstance(value, str) else "".join(map(str, value))
    parts[element] = listed


def _components(part: Part) -> list[str]:
    """The components of an element, of a repeated one those of the first."""
    if isinstance(part, str):
        return [part]
    return [part_text for part_text in (part[0] if repeats(part) else part) if isinstance(part_text, str)]


def _text(parts: dict[int, Part], element: int, component: int) -> str:
    part = parts.get(element, "")
    if not component:
        return part if isinstance(part, str) else ""
    listed = _components(part)
    return listed[component - 1] if component <= len(listed) else ""


def _problem(
    code: str,
    pointer: str,
    message: str,
    hint: str,
    value: str | None = None,
    location: Location | None = None,
) -> Problem:
    where = location or Location()
    shown = value if value is None or len(value) <= 200 else value[:199] + "…"
    found = Problem(code, Severity.ERROR, Level.ELEMENT, message, hint, shown, where, fault=Fault.US)
    return found.at(pointer=pointer)


def complete(plan: Plan, document: dict[str, Any]) -> dict[str, Any]:
    """The document with constants and computed fields filled in, where they are neither given nor absent."""
    missing: list[tuple[Path, Any]] = [
        (path, text) for path, text in plan.mapping.constants.items() if get(document, path) is None
    ]
    for path, listed in plan.root.counts.items():
        if get(document, path) is None:
            missing.append((path, plan.count(document, listed)))
    for path, stated, total in plan.sums(document) if plan.mapping.sums else ():
        if stated is None:
            missing.append((path, format(total, "f")))
    if not missing:
        return document
    kept = document.get("extensions")
    absent = [
        entry.get("address")
        for entry in (kept if isinstance(kept, list) else ())
        if isinstance(entry, dict) and entry.get("absent") is True
    ]
    filled = dict(document)
    for path, value in missing:
        holder = filled.get(path[0], {})
        if plan.computed.get(path) not in absent and (len(path) == 1 or isinstance(holder, dict)):
            filled[path[0]] = dict(filled[path[0]]) if isinstance(filled.get(path[0]), dict) else {}
            put(filled, path, value)
    return filled


def _with_copies(plan: Plan, document: dict[str, Any]) -> dict[str, Any]:
    """The document with copied fields (``=currency``) filled in wherever their neighbours are."""
    found = copy.deepcopy(document)

    def fill(scope: Scope, container: Any, levels: Sequence[Case] = ()) -> None:
        for case in (*scope.all_cases, *levels):
            targets = [container]
            if case.list_path is not None:
                items = get(container, case.list_path)
                targets = [] if case.scalar or not isinstance(items, list) else items
            for target in (one for one in targets if isinstance(one, dict)):
                for rule in case.copies:
                    value = copied(rule, target, found)
                    there = get(target, rule.path[:-1]) if len(rule.path) > 1 else target
                    if value is not None and isinstance(there, dict):
                        there.setdefault(rule.path[-1], value)
                if case.scope is not None:
                    fill(case.scope, target, plan.levels if case in plan.levels else ())

    fill(plan.root, found)
    return found


def _without(value: Any, stale: list[Any]) -> Any:
    """The document without entries of its extensions that no longer hold."""
    if isinstance(value, list):
        return [_without(item, stale) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for key, item in value.items():
        if key == "extensions" and isinstance(item, list):
            item = [entry for entry in item if not any(entry is other for other in stale)]
            if not item:
                continue
        result[key] = _without(item, stale)
    return result


def body(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without the fields that say what it is and where it came from."""
    return {key: value for key, value in document.items() if key not in ENVELOPE_FIELDS}


def write_set(engine: SetEngine, document: dict[str, Any], delimiters: Delimiters) -> list[str]:
    """The segments of a document between ST and SE.

    Raises:
        DocumentError: the document cannot be written as it is; ``problems`` holds every reason, each with its
            JSON pointer and X12 address.
    """
    try:
        return _write_set(engine, document, delimiters)
    except RecursionError:
        message, hint = "Objects stand too deep inside each other.", "A shipment has a few levels."
        raise DocumentError(message, problems=(_problem("DOC-TYPE", "", message, hint),)) from None


def _write_set(engine: SetEngine, document: dict[str, Any], delimiters: Delimiters) -> list[str]:
    assert engine.plan is not None
    whole = complete(engine.plan, document)
    wanted = body(whole)
    quick = engine.writer(wanted, delimiters.element, delimiters.component)
    if quick is not None and delimiters.terminator not in "".join(quick):
        found: dict[str, Any] = {}
        if (
            engine.check(_framed(engine, quick, delimiters), delimiters, found) is not None
            and body(found) == wanted
        ):
            return quick
    whole = _with_copies(engine.plan, whole)
    writer = SetWriter(engine.plan, whole)
    written = writer.segments()
    problems = writer.problems + _unknown(engine.plan, whole)
    separators = _separators(written, delimiters)
    problems += separators
    texts = [segment_text(segment.parts, delimiters) for segment in written]
    if separators:  # told already; without them the rest can be checked as well
        blank = str.maketrans(dict.fromkeys(delimiters.all, " "))
        texts = [
            segment_text([_map_part(part, blank) for part in segment.parts], delimiters)
            for segment in written
        ]
    frame = _framed(engine, texts, delimiters)
    found = {}
    if engine.check(frame, delimiters, found) is None:
        told = {problem.location.pointer for problem in problems}
        pointed = [_pointed(problem, written) for problem in engine.explain(frame, delimiters)]
        problems += [
            problem for problem in pointed if problem.is_error and problem.location.pointer not in told
        ]
    elif not problems:
        wanted = _without(body(whole), writer.stale) if writer.stale else body(whole)
        problems = _differences(wanted, body(found), "")
        if not problems:
            return texts
    raise DocumentError("The document cannot be written.", problems=tuple(problems))


def _map_part(part: Any, table: dict[int, str]) -> Any:
    return part.translate(table) if isinstance(part, str) else [_map_part(one, table) for one in part]


def _flat(part: Part) -> list[str]:
    if isinstance(part, str):
        return [part]
    return [text for one in part for text in ([one] if isinstance(one, str) else one)]


def _unknown(plan: Plan, document: dict[str, Any]) -> list[Problem]:
    """Fields of a document that no rule writes; they would be lost."""
    names = plan.names
    found: list[Problem] = []

    def look(value: Any, pointer: str, prefix: str) -> None:
        known = names.get(prefix, set())
        for key, item in value.items() if isinstance(value, dict) else ():
            name, where = prefix + key, f"{pointer}/{key}"
            if key == "extensions" or (pointer == "" and key in ENVELOPE_FIELDS):
                continue
            if f"{key}[]" in known:
                inside = f"{name}[]."
                if inside not in names and f"{key}[]." in names:  # a level of a hierarchy, in another one
                    inside = f"{key}[]."
                for index, one in enumerate(item if isinstance(item, list) else []):
                    look(one, f"{where}/{index}", inside)
            elif f"{name}." in names and isinstance(item, dict):
                look(item, where, f"{name}.")
            elif key not in known or f"{name}." in names:
                near = difflib.get_close_matches(key, {one.removesuffix("[]") for one in known}, 1)
                hint = f"Did you mean {near[0]!r}?" if near else "Take it out, or add a rule to the mapping."
                message = f"The field {key!r} is in no rule of the mapping; it would be lost."
                found.append(_problem("DOC-LOST", where, message, hint, str(item)))

    look(document, "", "")
    return found


def _framed(engine: SetEngine, segments: list[str], delimiters: Delimiters) -> list[str]:
    """The segments with ST and SE around them."""
    sep = delimiters.element
    first, last = f"ST{sep}{engine.table.guide.set_id}{sep}0001", f"SE{sep}{len(segments) + 2}{sep}0001"
    return [first, *segments, last]


def _pointed(problem: Problem, written: list[Written]) -> Problem:
    """A finding of the check on our own output, with the JSON pointer of the field to correct."""
    number = (problem.location.segment or 0) - 2
    if problem.code == "X12-SEGMENT-MISSING" and problem.location.loop:
        number -= 1  # the object whose loop lacks it, not that of the segment which came instead
    pointer = ""
    if 0 <= number < len(written):
        segment = written[number]
        pointer = segment.pointer
        if problem.location.element is not None and problem.location.segment_id == segment.parts[0]:
            element = problem.location.element
            exact = (element, problem.location.component or 0), (element, 1), (element, 0)
            pointer = next((segment.pointers[key] for key in exact if key in segment.pointers), pointer)
    hint = f"Correct {pointer or 'the document'}."
    return replace(problem, hint=hint, fault=Fault.US).at(pointer=pointer)


def _separators(written: list[Written], delimiters: Delimiters) -> list[Problem]:
    """Data that holds a separator cannot be written: the receiver would cut it apart."""
    marks = set(delimiters.all)
    found = []
    for number, segment in enumerate(written, 2):
        for index, part in enumerate(segment.parts):
            for component, text in enumerate(_flat(part), 1):
                held = marks.intersection(text) or (
                    {"^"} if repeats(part) and not delimiters.repetition else set()
                )
                if not held and not CONTROL.search(text):
                    continue
                key = (index, 0 if isinstance(part, str) else component)
                pointer = segment.pointers.get(key) or segment.pointers.get((index, 1)) or segment.pointer
                what = f"the separator {min(held)!r}" if held else "a control character"
                location = Location(
                    segment=number, segment_id=str(segment.parts[0])[:3], element=index or None
                )
                hint = "Take it out of the text, or agree on other separators with the partner."
                message = f"{location.address} would hold {what}: {text[:60]!r}."
                found.append(_problem("DOC-SEPARATOR", pointer, message, hint, text, location))
    return found


def _differences(before: Any, after: Any, pointer: str) -> list[Problem]:
    """What would be lost or changed on the way: fields of the document that do not come back."""
    if before == after and type(before) is type(after):
        return []
    hint = "Correct the field, or add a rule to the mapping."
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in before:
            if key not in after:
                message = "This field is in no rule of the mapping, or has no place here; it would be lost."
                found.append(_problem("DOC-LOST", f"{pointer}/{key}", message, hint, str(before[key])))
            else:
                found += _differences(before[key], after[key], f"{pointer}/{key}")
        for key in after:
            if key not in before:
                message = f"This field is needed beside the others: {key} = {after[key]!r}."
                found.append(_problem("DOC-DIFFERENT", f"{pointer}/{key}", message, "Add the field."))
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            problem
            for index, (one, other) in enumerate(zip(before, after, strict=True))
            for problem in _differences(one, other, f"{pointer}/{index}")
        ]
    message = f"The value would come back as {after!r}."
    return [_problem("DOC-DIFFERENT", pointer, message, "Write it that way.", str(before))]


def is_technical(document: Mapping[str, Any]) -> bool:
    """Whether a document acknowledges an interchange: it is a TA1, and stands in no functional group."""
    about = document.get("acknowledged")
    return isinstance(about, dict) and "interchange" in about


def envelope_of(document: Mapping[str, Any], now: datetime) -> Envelope:
    """The envelope that a document's ``control`` asks for.

    Raises:
        DocumentError: the document does not say who sends it to whom.
    """
    control = document.get("control")
    control = control if isinstance(control, dict) else {}
    problems = []

    def text(name: str, default: str = "") -> str:
        value = control.get(name) or default
        return value if isinstance(value, str) else str(value)

    parties = []
    for name in ("sender", "receiver"):
        party = control.get(name)
        party = party if isinstance(party, dict) else {}
        if not party.get("id"):
            message = f"The document does not say who is its {name}."
            hint = f'Add "control": {{"{name}": {{"qualifier": "ZZ", "id": "..."}}}}, or name the partner.'
            problems.append(_problem("DOC-ENVELOPE", f"/control/{name}", message, hint))
        parties.append(PartyId(str(party.get("qualifier") or "ZZ"), str(party.get("id") or "")))
    if problems:
        raise DocumentError("The document has no envelope.", problems=tuple(problems))
    sender, receiver = parties
    release = "" if is_technical(document) else text("version", "004010")
    return Envelope(
        sender=sender,
        receiver=receiver,
        group_sender=text("group_sender", sender.id),
        group_receiver=text("group_receiver", receiver.id),
        date=now.strftime("%Y%m%d"),
        time=now.strftime("%H%M"),
        release=release,
        # From 005010 on a set names its implementation guide, which GS08 names as well.
        implementation=text("implementation", release * ("X" in release)) if release >= "005010" else "",
        usage="T" if document.get("test") else "P",
        control_interchange=text("interchange") or 1,
        control_group=text("group") or 1,
        control_set=text("transaction") or 1,
    )


def write_interchange(
    documents: Iterable[tuple[str, dict[str, Any]]],
    envelope: Envelope,
    library: Library,
    problems: list[Problem],
    explain: Callable[[dict[str, Any]], tuple[Problem, ...]],
) -> Iterator[bytes]:
    """One interchange with one functional group that holds the documents, one document in memory at a time.

    Args:
        documents: all of one type, each with words that go before the messages about it.
        problems: takes every reason why a document or the envelope cannot be written; if there is one, what
            was yielded is of no use.
        explain: may know better why a document cannot be written.

    Raises:
        DocumentError: the documents are not of one type, or there is none.
        NotFoundError: there is no mapping for the type in the release of the envelope.
    """
    remaining = iter(documents)
    first = next(remaining, None)
    if first is None:
        raise DocumentError("There is no document to write.")
    kind = str(first[1].get("document_type"))
    guide = library.mapping_for(kind, envelope.release).table.guide
    engine = library.engine(envelope.release or guide.release, guide.set_id, documents=True)
    assert engine is not None
    marks = envelope.delimiters

    def sets() -> Iterator[tuple[str, Sequence[str]]]:
        for name, document in chain((first,), remaining):
            if str(document.get("document_type")) != kind:
                raise DocumentError("One functional group holds documents of one type.")
            try:
                yield guide.set_id, write_set(engine, document, marks)
            except DocumentError as error:
                found = explain(document) or error.problems
                problems.extend(replace(one, message=name + one.message) for one in found)

    chunks = interchange(envelope, GROUP_OF_SET.get(guide.set_id, guide.group), sets())
    head = next(chunks)
    for values in (
        part.split(marks.element) for part in head.split(marks.terminator + envelope.newline)[:-1]
    ):
        where = Location(segment_id=values[0])
        found = envelope_faults(library.envelope_segment(values[0]), values, where)
        hint = "Correct sender and receiver in `control`, or the identifiers of the partner or of yourself."
        problems.extend(replace(problem, fault=Fault.CONFIGURATION, hint=hint) for problem in found)
    yield from (chunk.encode("latin-1", "replace") for chunk in chain((head,), chunks))
