"""The generated code accepts exactly what the diagnosis finds clean, and both read the same document.

The two are written apart: one is made for speed and says nothing, the other walks a table and explains. Each
holds the other to the rules, over thousands of spoiled sets of every guide.
"""

from __future__ import annotations

from random import Random

import pytest

from gateway.engine import library
from gateway.x12.delimiters import Delimiters
from gateway.x12.envelope import TransactionSet
from gateway.x12.parser import GROUP_OF_SET, Parser
from tests.property import lawful, mutation
from tests.property.agreement import engines, hold
from tests.property.mutation import Guided

GUIDES = pytest.mark.parametrize("guide", mutation.guides(), ids="-".join)
MUTANTS = 80
LONG = 20_000


def interchange(segments: list[str], delimiters: Delimiters, guide: Guided) -> bytes:
    """An interchange around a set; the separators may be those of no good one."""
    sep, end, (release, set_id) = delimiters.element, delimiters.terminator, guide
    isa = [
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", "BUYER".ljust(15), "ZZ", "SUPPLIER".ljust(15), "260105",
        "0830", delimiters.repetition or "U", "00501" if delimiters.repetition else "00401", "000000001", "0",
        "P", delimiters.component or ">",
    ]  # fmt: skip
    group = ["GS", GROUP_OF_SET[set_id], "B", "S", "20260105", "0830", "1", "X", release]
    envelope = [sep.join(isa), sep.join(group)]
    trailers = [sep.join(["GE", "1", "1"]), sep.join(["IEA", "1", "000000001"])]
    return "".join(text + end for text in [*envelope, *segments, *trailers]).encode("latin-1", "replace")


def parsed_fault(data: bytes, guide: Guided) -> str:
    """What is wrong about the outcome of a whole file."""
    parser = Parser(library(), documents=True)
    events = [*parser.feed(data), *parser.close()]
    for event in events:
        if isinstance(event, TransactionSet):
            if any(problem.code == "X12-INTERNAL" for problem in event.problems):
                return f"X12-INTERNAL for {event.text!r}"
            rejected = event.verdict.value == "rejected"
            if event.guide == ".".join(reversed(guide)) and (event.document is None) != rejected:
                return f"{event.verdict} with document {event.document}"
    return ""


def spoil(guide: Guided, count: int, seed: int) -> None:
    """Mutants of one guide."""
    choices, both, listed = Random(seed), engines(guide), mutation.origins(guide)
    accepted = 0
    for number in range(count):
        origin = choices.choice(listed)
        segments = mutation.mutant(origin, choices)
        delimiters = choices.choice(mutation.SEPARATORS) if choices.random() < 0.4 else Delimiters()
        texts = mutation.texts(segments, delimiters)
        hold(both, texts, delimiters, f"{origin.name}, mutant {number} of seed {seed}")
        accepted += both.checking.check(texts, delimiters, None) is not None
        if number % 4 == 0:
            data = interchange(texts, delimiters, guide)
            words = parsed_fault(data, guide)
            assert not words, f"{words}\n{data!r}"
    # Mutants that are nearly all wrong would prove little.
    assert accepted > count // 12


@GUIDES
def test_mutants(guide: Guided) -> None:
    spoil(guide, MUTANTS * (10 if guide == ("004010", "850") else 1), 850_000)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@GUIDES
def test_mutants_at_length(guide: Guided, seed: int) -> None:
    spoil(guide, LONG, seed)


@GUIDES
def test_origins(guide: Guided) -> None:
    """The sets to begin with are mostly right, and hold the same themselves."""
    both, listed = engines(guide), list(dict.fromkeys(mutation.origins(guide)))
    accepted = 0
    for origin in listed:
        texts = [origin.delimiters.element.join(parts) for parts in origin.segments]
        hold(both, texts, origin.delimiters, origin.name)
        accepted += both.checking.check(texts, origin.delimiters, None) is not None
    assert accepted > len(listed) * 0.6


def every_place(guide: Guided, choices: Random, share: float) -> None:
    """A function is generated when a segment of its shape is first met; so shapes are met here."""
    both = engines(guide)
    positions = both.checking.table.positions
    checked = accepted = 0
    for position in positions[1:-1]:
        before = lawful.route(both.checking.table, 0, position.index)
        after = lawful.route(both.checking.table, position.index, len(positions) - 1)
        for size in range(len(position.segment.elements) + 3):
            if choices.random() > share:
                continue
            for filled in (0.0, 0.4, 1.0):
                path = [lawful.at(positions[index], choices) for index in [*before, *after]]
                parts = lawful.at(position, choices, filled)
                parts = [*parts, *[""] * size][: size + 1]
                rest = path[len(before) :]
                framed = [["ST", guide[1], "1"], *path[: len(before)], parts, *rest, ["SE"]]
                texts = ["*".join(one) for one in framed]
                delimiters = Delimiters(component=choices.choice(("", ">")))
                hold(both, texts, delimiters, f"{position.path} with {size} elements")
                checked += 1
                accepted += both.checking.check(texts, delimiters, None) is not None
    assert accepted > checked / 3


@GUIDES
def test_some_places_at_some_lengths(guide: Guided) -> None:
    every_place(guide, Random(1), 0.05)


@pytest.mark.slow
@pytest.mark.long
@GUIDES
def test_every_place_at_every_length(guide: Guided) -> None:
    every_place(guide, Random(2), 1.0)
