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
from gateway.mapping.extensions import absent_addresses, get, put
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

Json = dict[str, Any]

Steps = tuple[tuple[str, int], ...]
"""The way to a segment below an object: ids, each with its number."""

Source = tuple[int, int]
"""An element and its component, 0 for all of it."""

ENVELOPE_FIELDS = (
    "document_type", "schema_version", "test", "control", "document_id", "partner_id", "partner", "channel",
    "raw",
)  # fmt: skip
"""Fields of a document that say what it is and where it came from; they are not part of the set."""

_REF = re.compile(r"[A-Z][A-Z0-9]{1,2}(\d\d)(?:\.(\d{1,2}))?")


@dataclass(slots=True)
class _Object:
    """An object of the document, where it stands, and what its extensions keep, by place.

    Attributes:
        segments: whole segments, by the steps before them, their id and their number.
        values: elements and exact texts, by the segment; ``entries`` has the entry that states each.
        places: number and field of segments that stood elsewhere than they are written.
        absent: addresses of what was not sent.
    """

    value: Json
    pointer: str
    segments: dict[Steps, dict[str, dict[int, Parts]]] = field(default_factory=dict)
    values: dict[Steps, dict[Source, Part]] = field(default_factory=dict)
    entries: dict[tuple[Steps, Source], Any] = field(default_factory=dict)
    places: dict[Steps, dict[str, list[tuple[int, str]]]] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def keep(self, entry: Any) -> bool:
        """Takes an entry of the extensions; False if it is none."""
        address = entry.get("address") if isinstance(entry, dict) else None
        if not isinstance(address, str):
            return False
        if "value" not in entry and entry.get("absent") is True:
            self.absent.add(address)
            return True
        address, _, element = address.rpartition("/") if "value" in entry else (address, "", "")
        place = tuple(read_steps(address) or ())
        if not place:
            return False
        before, (name, number) = place[:-1], place[-1]
        if "value" in entry:
            match = _REF.fullmatch(element)
            if match is None or not _is_part(entry["value"]):
                return False
            source = int(match[1]), int(match[2] or 0)
            self.values.setdefault(place, {})[source] = entry["value"]
            self.entries[place, source] = entry
        elif isinstance(entry.get("field"), str):
            self.places.setdefault(before, {}).setdefault(name, []).append((number, entry["field"]))
        else:
            parts = entry.get("elements")
            if not isinstance(parts, list) or parts[:1] != [name] or not all(map(_is_part, parts)):
                return False
            self.segments.setdefault(before, {}).setdefault(name, {})[number] = parts
        return True


@dataclass(slots=True)
class Written:
    """One segment.

    Attributes:
        pointer: JSON pointer to what it is made of.
        owner: the object that has it, and fills what follows in a loop that it begins.
        case: how it is made; None for a segment that the extensions kept.
        scope: the meaning of what follows.
        elements: by position.
    """

    id: str
    pointer: str
    owner: _Object
    case: Case | None
    scope: Scope | None
    elements: dict[int, Part] = field(default_factory=dict)

    @property
    def parts(self) -> Parts:
        """The id and all elements in order."""
        return [self.id, *(self.elements.get(i, "") for i in range(1, max(self.elements, default=0) + 1))]

    def pointer_of(self, take: Take) -> str:
        """Where the value of a field stands."""
        is_item = self.case is not None and self.case.scalar
        return self.pointer if is_item else f"{self.pointer}/{'/'.join(take.path)}"

    def pointer_at(self, element: int, component: int) -> str:
        """Where the value of an element or component stands, else what the whole segment is made of."""
        takes = self.case.takes if self.case else ()
        for source in ((element, component), (element, 1), (element, 0)):
            for take in takes:
                if source in take.sources:
                    return self.pointer_of(take)
        return self.pointer

    def text(self, element: int, component: int) -> str:
        """The text of an element or component; empty where it is absent."""
        part = self.elements.get(element, "")
        if not component:
            return part if isinstance(part, str) else ""
        listed = _components(part)
        return listed[component - 1] if component <= len(listed) else ""

    def set(self, element: int, component: int, value: Part) -> None:
        """Sets an element or a component."""
        if component:
            listed = _components(self.elements.get(element, []))
            listed += [""] * (component - len(listed))
            listed[component - 1] = "".join(_flat(value))
            value = listed
        self.elements[element] = value


class SetWriter:
    """Writes one document.

    Args:
        plan: the bound mapping.
        document: the document, complete. Entries of its extensions that keep the exact text of a value which
            has been changed since are taken out.
    """

    def __init__(self, plan: Plan, document: dict[str, Any]) -> None:
        self.plan = plan
        self.problems: list[Problem] = []
        self._root = self._object(document, "")
        self._number = 0
        self._out: list[Written] = []

    def segments(self) -> list[Written]:
        """The segments between ST and SE."""
        self._scope(self.plan.root, self._root, ())
        return self._out

    def _problem(self, code: str, pointer: str, message: str, hint: str, value: object) -> None:
        self.problems.append(_problem(code, pointer, message, hint, str(value)))

    def _object(self, value: Json, pointer: str) -> _Object:
        found = _Object(value, pointer)
        entries = value.get("extensions", [])
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if not found.keep(entry):
                message = "This entry of the extensions cannot be read."
                hint = "Leave it out, or write it as the translation of an inbound file does."
                self._problem("DOC-EXTENSION", f"{pointer}/extensions/{index}", message, hint, entry)
        return found

    # --- walking ---------------------------------------------------------------------------------------
    def _scope(self, scope: Scope, owner: _Object, prefix: Steps) -> None:
        """Writes the segments of a loop after the one that begins it."""
        extra = owner.segments.get(prefix, {})
        index, last = scope.loop.first + 1, scope.loop.last - (scope.loop.parent is None)
        while index <= last:
            position = self.plan.table.positions[index]
            index = position.loop.last + 1 if position.trigger else index + 1
            cases = scope.cases.get(position.index, [])
            if position.tree is not None and cases:
                self._top(scope, position, owner)
                continue
            if not cases and position.id not in extra:
                continue
            found = [one for case in cases for one in self._segments(case, owner)]
            for count, segment in enumerate(self._arranged(found, prefix, scope, owner, position), 1):
                own = segment.owner is not owner
                at = position.id, 1 if own or not position.counts else count
                self._put(segment, (at,) if own else (*prefix, at), own=own)

    def _put(self, segment: Written, place: Steps, *, own: bool) -> None:
        """Writes a segment with what was kept of it and, where it begins a loop, what follows in it."""
        self._overlay(segment, place)
        self._out.append(segment)
        if segment.scope is not None:
            self._scope(segment.scope, segment.owner, () if own else place)

    def _top(self, scope: Scope, position: Position, owner: _Object) -> None:
        """Writes a hierarchy depth first: the level that is the document itself, then what hangs below."""
        self._number = 0
        parent = ""
        if self.plan.top is not None and NO_TOP not in owner.absent:
            top = self._segment(self.plan.top[0], owner.value, owner.pointer, owner)
            parent = self._level(top, position, parent, 1, own=False)
        self._below(scope, position, owner, parent)

    def _below(self, scope: Scope, position: Position, owner: _Object, parent: str) -> None:
        """Writes the levels in the lists of an object."""
        found = [one for case in self.plan.levels for one in self._segments(case, owner)]
        for count, segment in enumerate(self._arranged(found, (), scope, owner, position), 1):
            own = segment.owner is not owner
            number = self._level(segment, position, parent, count, own=own)
            if own:
                self._below(scope, position, segment.owner, number)

    def _level(self, segment: Written, position: Position, parent: str, count: int, *, own: bool) -> str:
        """Writes one level with its own segments; gives its number (HL01)."""
        tree = position.tree
        assert tree is not None
        self._number += 1
        number = str(self._number)
        has_children = segment.text(tree.children, 0) == "1"
        if segment.case is not None:
            has_children = any(_says(case, segment.owner.value) for case in self.plan.levels)
        flag = "" if NO_FLAGS in self._root.absent else "1" if has_children else "0"
        for element, text in ((tree.id, number), (tree.parent, parent), (tree.children, flag)):
            if text:
                segment.set(element, 0, text)
        self._put(segment, ((position.id, 1 if own else count),), own=own)
        return number

    def _segments(self, case: Case, owner: _Object) -> list[Written]:
        """The segments that a case makes of an object, one for each item of its list if it has one."""
        if case.list_path is None:
            inside = case.scope.all_cases if case.scope else ()
            says = any(_says(one, owner.value) for one in (case, *inside))
            return [self._segment(case, owner.value, owner.pointer, owner)] if says else []
        items = get(owner.value, case.list_path)
        if items is None or case.marks:
            return []
        where = f"{owner.pointer}/{'/'.join(case.list_path)}"
        if not isinstance(items, list):
            self._problem("DOC-TYPE", where, "A list is needed here.", "Put the value into brackets.", items)
            return []
        found = []
        for index, item in enumerate(items):
            at = f"{where}/{index}"
            if case.scalar:
                found.append(self._segment(case, {case.takes[0].path[0]: item}, at, owner))
            elif isinstance(item, dict):
                found.append(self._segment(case.way(item), item, at, self._object(item, at)))
            else:
                self._problem("DOC-TYPE", at, "An object is needed here.", "Put it into braces.", item)
        return found

    def _segment(self, case: Case, given: Json, pointer: str, owner: _Object) -> Written:
        """A segment of the values of an object; those that cannot be written are told."""
        segment = Written(self.plan.table.positions[case.position].id, pointer, owner, case, case.scope)
        for condition in case.conditions:
            if condition.value:
                segment.set(condition.element, condition.component, condition.value)
        for take in case.takes:
            value = get(given, take.path)
            if value is None:
                continue
            where = segment.pointer_of(take)
            try:
                texts = take.converter.write(value)
            except ValueError as error:
                hint = f"Correct the value; it goes to {take.address}."
                self._problem("DOC-VALUE", where, f"{error}, not {value!r}.", hint, value)
                continue
            if len(texts) > len(take.sources):
                message = f"There is room for {len(take.sources)} elements only ({take.address})."
                self._problem("DOC-VALUE", where, message, "Shorten the list.", value)
                continue
            for source, text in zip(take.sources, texts, strict=False):
                segment.set(*source, text)
        return segment

    def _overlay(self, segment: Written, place: Steps) -> None:
        """Puts kept elements back: loose ones, and the exact text of a field whose value is unchanged."""
        owner, case = segment.owner, segment.case
        kept = owner.values.get(place)
        if not kept or case is None:
            return
        stale: list[Any] = []
        for take in case.takes:
            here = [source for source in take.sources if source in kept and not repeats(kept[source])]
            if not here:
                continue
            now = tuple(segment.text(*source) for source in take.sources)
            exact = tuple(
                str(kept[source]) if source in here else text for source, text in zip(take.sources, now)
            )
            if take.converter.read(exact) == (take.converter.read(now) if any(now) else None):
                for source, text in zip(take.sources, exact):
                    segment.set(*source, text)
            else:
                stale += [owner.entries[place, source] for source in here]
        for (element, component), value in kept.items():
            if repeats(value):
                # Rules have read the first; if that was changed, the comparison at the end tells.
                first = Written("", "", owner, None, None, {element: value[0]})
                owned = [source for take in case.takes for source in take.sources if source[0] == element]
                if all(first.text(*source) == segment.text(*source) for source in owned):
                    segment.set(element, 0, value)
            elif (element, component) not in case.used:
                segment.set(element, component, value)
        if stale:
            entries = owner.value.pop("extensions")
            if left := [entry for entry in entries if not any(entry is one for one in stale)]:
                owner.value["extensions"] = left

    def _arranged(
        self, found: list[Written], prefix: Steps, scope: Scope, owner: _Object, position: Position
    ) -> list[Written]:
        """The segments of one place in the order in which they once stood, with those that were kept."""
        fixed: dict[int, Written] = {}
        for number, parts in owner.segments.get(prefix, {}).get(position.id, {}).items():
            elements = {i: part for i, part in enumerate(parts) if i and part}
            inside = scope.inner.get(position.index)
            pointer = f"{owner.pointer}/extensions"
            fixed[number] = Written(position.id, pointer, owner, None, inside, elements)
        for number, name in sorted(owner.places.get(prefix, {}).get(position.id, ()), reverse=True):
            # Within a list the moved items are the last ones: they came when a later rule had been at work.
            moved = next((one for one in reversed(found) if one.case and one.case.name == name), None)
            if moved is not None:
                found = [one for one in found if one is not moved]
                fixed[number] = moved
        for number in sorted(fixed):
            found.insert(number - 1, fixed[number])
        return found


def _says(case: Case, value: Json) -> bool:
    """Whether an object has something to say in the segments of a case."""
    if case.list_path is not None:
        return bool(get(value, case.list_path))
    return any(get(value, take.path) is not None for take in case.takes)


def _is_part(value: Any) -> bool:
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        value = [*chain.from_iterable(value)]
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _components(part: Part) -> list[str]:
    """The components of an element, of a repeated one those of the first."""
    return _flat(part[0] if repeats(part) else part)


def _flat(part: Part) -> list[str]:
    if isinstance(part, str):
        return [part]
    return [text for one in part for text in ([one] if isinstance(one, str) else one)]


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
    for path, listed in plan.mapping.counts.items():
        if get(document, path) is None:
            missing.append((path, plan.count(document, listed)))
    missing += [(path, format(total, "f")) for path, stated, total in plan.sums(document) if stated is None]
    if not missing:
        return document
    absent, filled = absent_addresses(document), dict(document)
    for path, value in missing:
        holder = filled.get(path[0], {})
        if plan.computed.get(path) not in absent and (len(path) == 1 or isinstance(holder, dict)):
            filled[path[0]] = dict(holder) if isinstance(holder, dict) else {}
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
        problems = [_changed(*one) for one in differences(body(whole), body(found))]
        if not problems:
            return texts
    raise DocumentError("The document cannot be written.", problems=tuple(problems))


def _map_part(part: Any, table: dict[int, str]) -> Any:
    return part.translate(table) if isinstance(part, str) else [_map_part(one, table) for one in part]


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
        pointer, element = segment.pointer, problem.location.element
        if element is not None and problem.location.segment_id == segment.id:
            pointer = segment.pointer_at(element, problem.location.component or 0)
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
                pointer = segment.pointer_at(index, 0 if isinstance(part, str) else component)
                what = f"the separator {min(held)!r}" if held else "a control character"
                location = Location(segment=number, segment_id=segment.id[:3], element=index or None)
                hint = "Take it out of the text, or agree on other separators with the partner."
                message = f"{location.address} would hold {what}: {text[:60]!r}."
                found.append(_problem("DOC-SEPARATOR", pointer, message, hint, text, location))
    return found


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where JSON values differ: a pointer, and what stands there in both; None where nothing does."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            if key in before and key in after:
                yield from differences(before[key], after[key], f"{pointer}/{key}")
            else:
                yield f"{pointer}/{key}", before.get(key), after.get(key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after)):
            yield from differences(one, other, f"{pointer}/{index}")
    elif before != after or type(before) is not type(after):
        yield pointer, before, after


def _changed(pointer: str, before: Any, after: Any) -> Problem:
    """A field of the document that does not come back as it is."""
    if after is None:
        message = "This field is in no rule of the mapping, or has no place here; it would be lost."
        hint = "Correct the field, or add a rule to the mapping."
        return _problem("DOC-LOST", pointer, message, hint, str(before))
    if before is None:
        message = f"This field is needed beside the others: {pointer.rpartition('/')[2]} = {after!r}."
        return _problem("DOC-DIFFERENT", pointer, message, "Add the field.")
    message = f"The value would come back as {after!r}."
    return _problem("DOC-DIFFERENT", pointer, message, "Write it that way.", str(before))


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
        return str(control.get(name) or default)

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
        control_set=text("transaction").rjust(4, "0") if text("transaction") else 1,  # ST02 has 4 to 9
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
