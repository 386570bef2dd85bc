"""What holds for any transaction set: the generated code and the tables agree, reading and writing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from gateway.engine import library
from gateway.errors import DocumentError
from gateway.mapping.library import SetEngine
from gateway.mapping.reader import DocumentReader
from gateway.mapping.writer import SetWriter, body, complete, write_set
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import Step, diagnose
from gateway.x12.hierarchy import Tree
from gateway.x12.table import Table
from gateway.x12.writer import segment_text
from tests.property import mutation
from tests.property.mutation import Guided


@dataclass(frozen=True, slots=True)
class Engines:
    """Both engines of one guide: that which only checks, and that which makes documents as well."""

    checking: SetEngine
    mapping: SetEngine


@cache
def engines(guide: Guided, profile: str = "") -> Engines:
    found = [library().of(profile).engine(*guide, documents=wanted) for wanted in (False, True)]
    checking, mapping = found
    assert checking is not None
    assert mapping is not None
    return Engines(checking, mapping)


def fault(both: Engines, segments: list[str], delimiters: Delimiters) -> str:
    """What is wrong about the engine, in words, for a set; empty if all holds. No exception is permitted."""
    document: dict[str, Any] = {}
    accepted = both.checking.check(segments, delimiters, None) is not None
    with_document = both.mapping.check(segments, delimiters, document) is not None
    diagnosis = diagnose(both.checking.table, segments, delimiters)
    errors = [problem for problem in diagnosis.problems if problem.is_error]
    if accepted != with_document:
        return f"checking says {accepted}, making a document says {with_document}"
    if accepted and errors:
        return f"accepted, but the diagnosis finds {errors[0].code} at {errors[0].location.address}"
    if not accepted:
        return "" if errors else "refused, but the diagnosis finds nothing"
    plan = both.mapping.plan
    if plan is None:
        return ""
    read: dict[str, Any] = {}
    plan.put_constants(read)
    DocumentReader(plan, read).read(diagnosis.steps, delimiters)
    if body(document) != body(read):
        return f"documents differ: generated {body(document)}, table-driven {body(read)}"
    return _writing_fault(both.mapping, document, diagnosis.steps, delimiters)


def _writing_fault(
    engine: SetEngine, document: dict[str, Any], steps: list[Step], delimiters: Delimiters
) -> str:
    assert engine.plan is not None
    try:
        written = write_set(engine, document, delimiters)
    except DocumentError as error:
        return f"cannot be written: {[problem.message for problem in error.problems]} {body(document)}"
    if (wanted := permitted(engine.table, steps, delimiters)) != written:
        pairs = zip([*wanted, *[""] * len(written)], [*written, *[""] * len(wanted)], strict=False)
        first = next((one, other) for one, other in pairs if one != other)
        return f"written differently: {first[0]!r} became {first[1]!r} {body(document)}"
    whole = complete(engine.plan, document)
    writer = SetWriter(engine.plan, whole)
    slowly = [segment_text(segment.parts, delimiters) for segment in writer.segments()]
    if slowly != written or writer.problems:
        return f"the two writers differ: {slowly} {written}"
    quickly = engine.writer(body(whole), delimiters.element, delimiters.component)
    if quickly is not None and quickly != written:
        return f"the generated writer differs: {quickly} {written}"
    if quickly is None and "extensions" not in repr(document):
        return "the generated writer declines a document without extensions"
    return ""


def permitted(table: Table, steps: list[Step], delimiters: Delimiters) -> list[str]:
    """The segments of a set as writing may give them back. The permitted differences, all of them:

    - empty elements at the end of a segment are left out;
    - empty components at the end of an element are left out;
    - levels of a hierarchy stand depth first, numbered from 1, and all have HL04 if one had it.
    """
    before: list[list[str]] = []
    after: list[list[str]] = []
    levels: list[list[list[str]]] = []
    tree: Tree | None = None
    for step in steps[1:-1]:
        parts = list(step.parts)
        if delimiters.component:
            parts = [part.rstrip(delimiters.component) for part in parts]
        assert step.position is not None
        position = table.positions[step.position]
        tree = position.tree or tree
        if position.tree is not None:
            levels.append([[*parts, *[""] * (5 - len(parts))]])
        elif any(place.loop.tree for place in position.loop.path):
            levels[-1].append(parts)
        else:
            (after if levels else before).append(parts)
    if tree is not None:
        before += _depth_first(levels, tree)
    return [delimiters.element.join(parts).rstrip(delimiters.element) for parts in before + after]


def _depth_first(levels: list[list[list[str]]], tree: Tree) -> list[list[str]]:
    below: dict[str, list[list[list[str]]]] = {}
    for level in levels:
        below.setdefault(level[0][tree.parent], []).append(level)
    flags = any(level[0][tree.children] for level in levels)
    out: list[list[str]] = []
    number = 0

    def add(level: list[list[str]], parent: str) -> None:
        nonlocal number
        number += 1
        head, own = level[0], str(number)
        children = below.get(head[tree.id], [])
        flag = str(int(bool(children))) if flags else ""
        head[tree.id], head[tree.parent], head[tree.children] = own, parent, flag
        out.extend(level)
        for child in children:
            add(child, own)

    for level in below.get("", []):
        add(level, "")
    return out


def found(both: Engines, segments: list[str], delimiters: Delimiters) -> str:
    """As :func:`fault`; an exception is one, too."""
    try:
        return fault(both, segments, delimiters)
    except Exception as error:  # noqa: BLE001 - none is permitted, whatever it is
        return f"raised {error!r}"


def hold(both: Engines, segments: list[str], delimiters: Delimiters, name: str) -> None:
    """Fails with the smallest reproduction."""
    words = found(both, segments, delimiters)
    if words:
        small = mutation.smallest(
            segments, lambda smaller: bool(found(both, smaller, delimiters)), delimiters.element
        )
        last = found(both, small, delimiters)
        pytest.fail(
            f"{name}: {words[:600]}\nsmallest: {small!r}\n{delimiters!r}\n{last[:1500]}", pytrace=False
        )
