"""The generated code accepts exactly what the diagnosis finds clean, and both read the same document.

The two are written apart: one is made for speed and says nothing, the other walks a table and explains. Each
holds the other to the rules, over thousands of spoiled orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from gateway.engine import library
from gateway.errors import DocumentError
from gateway.mapping.library import SetEngine
from gateway.mapping.reader import DocumentReader
from gateway.mapping.writer import SetWriter, body, write_set
from gateway.x12.delimiters import Delimiters
from gateway.x12.diagnose import diagnose
from gateway.x12.envelope import TransactionSet
from gateway.x12.parser import Parser
from gateway.x12.writer import segment_text
from tests.property import lawful, mutation
from tests.property.mutation import Origin

MUTANTS = 10_200
PARTS = 12
"""The work is cut into parts, so that several processes share it."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Both engines of one guide: that which only checks, and that which makes documents as well."""

    checking: SetEngine
    mapping: SetEngine


def engines(set_id: str) -> Engines:
    found = [library().engine("004010", set_id, documents=wanted) for wanted in (False, True)]
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
    read = DocumentReader(plan, {}).read(diagnosis.steps, delimiters)
    if body(document) != body(read):
        return f"documents differ: generated {body(document)}, table-driven {body(read)}"
    return _writing_fault(both.mapping, document, segments, delimiters)


def _writing_fault(
    engine: SetEngine, document: dict[str, Any], segments: list[str], delimiters: Delimiters
) -> str:
    assert engine.plan is not None
    try:
        written = write_set(engine, document, delimiters)
    except DocumentError as error:
        return f"cannot be written: {[problem.message for problem in error.problems]} {body(document)}"
    if (wanted := permitted(segments[1:-1], delimiters)) != written:
        pairs = zip([*wanted, *[""] * len(written)], [*written, *[""] * len(wanted)], strict=False)
        first = next((one, other) for one, other in pairs if one != other)
        return f"written differently: {first[0]!r} became {first[1]!r} {body(document)}"
    writer = SetWriter(engine.plan, document)
    slowly = [segment_text(segment.parts, delimiters) for segment in writer.segments()]
    if slowly != written or writer.problems:
        return f"the two writers differ: {slowly} {written}"
    quickly = engine.writer(body(document), delimiters.element, delimiters.component)
    if quickly is not None and quickly != written:
        return f"the generated writer differs: {quickly} {written}"
    if quickly is None and "extensions" not in repr(document):
        return "the generated writer declines a document without extensions"
    return ""


def permitted(segments: list[str], delimiters: Delimiters) -> list[str]:
    """The segments as writing may give them back. The permitted differences, all of them:

    - empty elements at the end of a segment are left out;
    - empty components at the end of an element are left out.
    """
    found = []
    for text in segments:
        parts = text.split(delimiters.element)
        if delimiters.component:
            parts = [part.rstrip(delimiters.component) for part in parts]
        found.append(delimiters.element.join(parts).rstrip(delimiters.element))
    return found


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


def interchange(segments: list[str], delimiters: Delimiters, group: str) -> bytes:
    """An interchange around a set; the separators may be those of no good one."""
    sep, end, version = (
        delimiters.element,
        delimiters.terminator,
        "00501" if delimiters.repetition else "00401",
    )
    isa = [
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", "BUYER".ljust(15), "ZZ", "SUPPLIER".ljust(15), "260105",
        "0830", delimiters.repetition or "U", version, "000000001", "0", "P", delimiters.component or ">",
    ]  # fmt: skip
    envelope = [sep.join(isa), sep.join(["GS", group, "B", "S", "20260105", "0830", "1", "X", "004010"])]
    trailers = [sep.join(["GE", "1", "1"]), sep.join(["IEA", "1", "000000001"])]
    return "".join(text + end for text in [*envelope, *segments, *trailers]).encode("latin-1", "replace")


def parsed_fault(data: bytes) -> str:
    """What is wrong about the outcome of a whole file."""
    parser = Parser(library(), documents=True)
    events = [*parser.feed(data), *parser.close()]
    for event in events:
        if isinstance(event, TransactionSet):
            if any(problem.code == "X12-INTERNAL" for problem in event.problems):
                return f"X12-INTERNAL for {event.text!r}"
            if event.guide == "850.004010" and (event.document is None) != (
                event.verdict.value == "rejected"
            ):
                return f"{event.verdict} with document {event.document}"
    return ""


def origins() -> list[Origin]:
    """All sets to spoil; those of the project itself and the drawn ones come several times."""
    return [*mutation.golden() * 3, *mutation.generated(), *mutation.drawn() * 2, *mutation.sampled()]


@pytest.mark.parametrize("part", range(PARTS))
def test_mutants(part: int) -> None:
    choices = Random(850_000 + part)
    known = {set_id: engines(set_id) for set_id in ("850", "997")}
    listed = origins()
    accepted = 0
    for number in range(MUTANTS // PARTS):
        origin = choices.choice(listed)
        segments = mutation.mutant(origin, choices)
        delimiters = choices.choice(mutation.SEPARATORS) if choices.random() < 0.4 else Delimiters()
        texts = mutation.texts(segments, delimiters)
        both = known[origin.segments[0][1]]
        hold(both, texts, delimiters, f"{origin.name}, mutant {number} of part {part}")
        accepted += both.checking.check(texts, delimiters, None) is not None
        if number % 4 == 0:
            data = interchange(texts, delimiters, "PO" if origin.segments[0][1] == "850" else "FA")
            words = parsed_fault(data)
            assert not words, f"{words}\n{data!r}"
    # Mutants that are nearly all wrong would prove little.
    assert accepted > MUTANTS // PARTS // 8


def test_origins() -> None:
    """The sets to begin with are mostly right, and hold the same themselves."""
    known = {set_id: engines(set_id) for set_id in ("850", "997")}
    listed = [*mutation.golden(), *mutation.generated(), *mutation.drawn(), *mutation.sampled()]
    accepted = 0
    for origin in listed:
        both = known[origin.segments[0][1]]
        texts = [origin.delimiters.element.join(parts) for parts in origin.segments]
        hold(both, texts, origin.delimiters, origin.name)
        accepted += both.checking.check(texts, origin.delimiters, None) is not None
    assert accepted > len(listed) * 0.6


@pytest.mark.parametrize("set_id", ["850", "997"])
@pytest.mark.parametrize("part", range(4))
def test_every_place_at_every_length(set_id: str, part: int) -> None:
    """A function is generated when a segment of its shape is first met; so every shape is met here."""
    both = engines(set_id)
    positions = both.checking.table.positions
    choices, checked, accepted = Random(part), 0, 0
    for position in positions[1 + part : -1 : 4]:
        before = lawful.route(both.checking.table, 0, position.index)
        after = lawful.route(both.checking.table, position.index, len(positions) - 1)
        for size in range(len(position.segment.elements) + 3):
            for share in (0.0, 0.4, 1.0):
                path = [lawful.segment(positions[index].segment, choices) for index in [*before, *after]]
                parts = lawful.segment(position.segment, choices, share=share)
                parts = [*parts, *[""] * size][: size + 1]
                rest = path[len(before) :]
                texts = [
                    "*".join(one) for one in [["ST", set_id, "1"], *path[: len(before)], parts, *rest, ["SE"]]
                ]
                delimiters = Delimiters(component=choices.choice(("", ">")))
                hold(both, texts, delimiters, f"{position.path} with {size} elements")
                checked += 1
                accepted += both.checking.check(texts, delimiters, None) is not None
    assert accepted > checked / 3
