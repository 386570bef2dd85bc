"""Which rule of a mapping made which value of a document, from which part of the X12 data, and what was kept.

Nothing of a transaction set is missing here: what no rule took, or not exactly, is told with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.mapping.extensions import COMPONENT
from gateway.mapping.model import Copy, Repeated, Rule
from gateway.mapping.plan import Case, Plan
from gateway.mapping.reader import DocumentReader, Trace, text_of
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import Step
from gateway.x12.table import Position

_ENTRY = re.compile(r"(?P<object>.*)/extensions/\d+")


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
    """Reads a set and tells where everything went.

    Args:
        steps: the walk of the diagnosis through a set without errors, from ST to SE.

    Returns:
        The body of the document, and the origins in the order of the segments.
    """
    document: dict[str, Any] = {}
    plan.put_constants(document)
    traces: list[Trace] = []
    DocumentReader(plan, document, traces).read(list(steps), delimiters)
    component = delimiters.component or ">"
    reasons = _Reasons(plan, steps, traces, delimiters)
    found: list[Origin] = []
    for one in traces:
        kind, reason = ("rule", "") if one.rule else ("kept", reasons.of(one))
        text = one.text.replace(COMPONENT, component)
        value = _resolved(document, one.pointer)
        found.append(Origin(kind, one.segment, one.source, text, one.pointer, value, one.rule, reason))
    known = {one.pointer for one in traces}
    found += _other_entries(document, known, traces, component)
    found += _copies(document, plan.mapping.rules, known)
    # A stable sort: within a segment the order of reading stays.
    found.sort(key=lambda origin: origin.segment or 1_000_000_000)
    return document, found


@dataclass(slots=True)
class _Reasons:
    """Why a part of the data went to the extensions."""

    plan: Plan
    steps: Sequence[Step]
    traces: list[Trace]
    delimiters: Delimiters
    _lost: frozenset[int] | None = None

    def of(self, one: Trace) -> str:
        step = self.steps[one.segment - 1]
        assert step.position is not None
        position = self.plan.table.positions[step.position]
        if one.source != position.id:
            return "no rule takes this element"
        if step.number in self._in_lost_loops():
            return "it is in a loop that no rule takes"
        cases = [case for scope in self.plan.scopes for case in scope.cases.get(position.index, ())]
        if not cases:
            return f"no rule takes {position.path}"
        parts = [
            part.replace(self.delimiters.component, COMPONENT) if self.delimiters.component else part
            for part in step.parts
        ]
        fitting = [case for case in cases if _fits(case, parts)]
        if not fitting:
            return f"no rule of {position.path} has a condition that it meets"
        if not any(case.yields(partial(text_of, parts)) for case in fitting):
            return f"it fills no field that the rules of {position.path} take"
        return f"the rules of {position.path} take fewer such segments than there are"

    def _in_lost_loops(self) -> frozenset[int]:
        """Numbers of the segments in loops whose first segment was kept."""
        if self._lost is None:
            kept = {
                one.segment
                for one in self.traces
                if not one.rule and one.source == self._position(one.segment).id
            }
            state: dict[int, bool] = {}
            lost = set()
            for step in self.steps[1:-1]:
                position = self._position(step.number)
                around = position.loop.path[:-1] if position.trigger else position.loop.path
                inside = any(state.get(place.index, False) for place in around)
                if position.trigger:
                    state[position.loop.index] = inside or step.number in kept
                if inside:
                    lost.add(step.number)
            self._lost = frozenset(lost)
        return self._lost

    def _position(self, number: int) -> Position:
        index = self.steps[number - 1].position
        assert index is not None
        return self.plan.table.positions[index]


def _fits(case: Case, parts: list[str]) -> bool:
    return all(text_of(parts, c.element, c.component) == c.value for c in case.conditions)


def _other_entries(
    document: dict[str, Any], known: set[str], traces: list[Trace], component: str
) -> Iterator[Origin]:
    """Entries of the extensions that stand for no untaken text."""
    for pointer, entry in _extensions(document, ""):
        if pointer in known:
            continue
        address = str(entry.get("address", ""))
        if entry.get("absent"):
            reason = "a computed segment that was not sent; it is left out on writing, too"
            yield Origin("absent", None, address, "", pointer, entry, "", reason)
        elif "field" in entry:
            reason = f"the segment of {entry['field']} stands at another place than the mapping writes it"
            segment = _segment_of(traces, _around(pointer), address)
            yield Origin("place", segment, address, "", pointer, entry, "", reason)
        else:
            source = address.rpartition("/")[2]
            value = entry.get("value", "")
            text = COMPONENT.join(value) if isinstance(value, list) else str(value)
            by = next(
                (
                    one
                    for one in traces
                    if one.rule
                    and one.source == source
                    and one.text == text
                    and one.pointer.startswith(_around(pointer))
                ),
                None,
            )
            reason = (
                "the value would be written in another form, so the exact text is kept"
                if by
                else "the rule's converter has no value for this text"
            )
            shown = text.replace(COMPONENT, component)
            rule, segment = (by.rule, by.segment) if by else ("", None)
            yield Origin("exact_text", segment, source, shown, pointer, entry, rule, reason)


def _around(pointer: str) -> str:
    match = _ENTRY.fullmatch(pointer)
    return match["object"] if match else ""


def _segment_of(traces: list[Trace], pointer: str, address: str) -> int | None:
    """The n-th segment of an address such as ``REF[2]`` among those that were read into an object."""
    match = re.fullmatch(r"(?:.*/)?([A-Z0-9]+)(?:\[(\d+)\])?", address)
    if match is None:
        return None
    numbers = sorted(
        {
            one.segment
            for one in traces
            if one.source[: len(match[1])] == match[1] and one.pointer.startswith(pointer)
        }
    )
    at = int(match[2] or 1) - 1
    return numbers[at] if at < len(numbers) else None


def _extensions(value: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All entries of all extensions in a document, with their pointers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "extensions" and isinstance(inner, list):
                yield from ((f"{pointer}/extensions/{i}", entry) for i, entry in enumerate(inner))
            else:
                yield from _extensions(inner, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _extensions(inner, f"{pointer}/{index}")


def _copies(document: Any, rules: tuple[Rule, ...], known: set[str], pointer: str = "") -> Iterator[Origin]:
    """Values that copy rules gave."""
    for rule in rules:
        here = f"{pointer}/{'/'.join(rule.path)}"
        if isinstance(rule, Copy):
            value = _resolved(document, here.removeprefix(pointer))
            if value is not None and here not in known:
                source = ".".join(rule.source)
                yield Origin("copy", None, source, str(value), here, value, f"={source}")
        elif isinstance(rule, Repeated):
            items = _resolved(document, f"/{'/'.join(rule.path)}")
            for index, item in enumerate(items if isinstance(items, list) else ()):
                yield from _copies(item, rule.rules, known, f"{here}/{index}")


def _resolved(document: Any, pointer: str) -> Any:
    """The value at a pointer, None where there is none."""
    found = document
    for key in pointer.split("/")[1:]:
        if isinstance(found, list):
            found = found[int(key)] if key.isdigit() and int(key) < len(found) else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found
