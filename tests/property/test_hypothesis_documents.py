"""Documents drawn from the mappings survive the way to X12 and back, whatever a mapping has in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.engine import explain
from gateway.errors import DocumentError, Problem
from gateway.mapping.converters import Converter, converter
from gateway.mapping.library import SetEngine
from gateway.mapping.model import Copy
from gateway.mapping.plan import Case, Plan, Scope, Take
from gateway.mapping.writer import body, write_set
from gateway.x12.delimiters import Delimiters
from gateway.x12.guide import Element
from gateway.x12.table import Position
from tests import strategies
from tests.property import lawful
from tests.property.agreement import Engines, engines, fault

FILES = Path(__file__).resolve().parents[2] / "mappings"
#: All but TA1, which is no set.
SETS = sorted(
    f"{path.parent.name}/{path.stem}"
    for path in FILES.glob("x12/*/*.yaml")
    if not path.name.endswith(".test.yaml") and path.stem != "TA1"
)
#: Those of a partner, with the partner's name behind; drawing its ship notices by chance takes minutes.
PROFILED = sorted(
    "/".join((*reversed(path.stem.split(".")), path.parent.name))
    for path in FILES.glob("partners/*/*.yaml")
    if not path.name.endswith(".test.yaml") and not path.name.startswith("856")
)
each_set = pytest.mark.parametrize("name", SETS + PROFILED)


def both(name: str) -> Engines:
    release, set_id, *profile = name.split("/")
    return engines((release, set_id), *profile)


@cache
def engine(name: str) -> SetEngine:
    found = both(name).mapping
    assert found.plan is not None
    return found


def marks(name: str) -> Delimiters:
    return Delimiters(repetition="^" if name >= "005010" else "")


def put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        target = target.setdefault(key, {})
    target[path[-1]] = value


def at(target: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        target = target.get(key) if isinstance(target, dict) else None
    return target


def everywhere(target: Any, path: tuple[str, ...]) -> list[Any]:
    """The values at a path that may lead through lists."""
    if isinstance(target, list):
        return [value for item in target for value in everywhere(item, path)]
    if not path:
        return [target]
    return everywhere(target[path[0]], path[1:]) if path[0] in target else []


# --- values by converter -----------------------------------------------------------------------------------


def iso_date(text: str) -> str:
    return f"{text[:-4]}-{text[-4:-2]}-{text[-2:]}"


def clock(text: str) -> str:
    whole = ":".join(text[i : i + 2] for i in range(0, min(len(text), 6), 2))
    return whole + (f".{text[6:]}" if len(text) > 6 else "")


def code(convert: Converter, element: Element, choices: Random) -> str | None:
    """A code that the guide allows: one of the table half of the time."""
    allowed = set(lawful.codes(element)) if element.codes is not None else None
    named = [one for one in convert.table if allowed is None or one in allowed]
    if named and (convert.closed or choices.random() < 0.5):
        return choices.choice(named)
    return None if convert.closed else lawful.value(element, choices)


def value(convert: Converter, elements: list[Element], choices: Random) -> Any:
    """A value that the converter writes to these elements, as the guide wants them; None if there is none.

    It is made without ``read``: what a value looks like is said here once more.
    """
    first = elements[0]
    match convert.name:
        case "text" | "decimal":
            return lawful.value(first, choices)
        case "date":
            return iso_date(lawful.date(choices, first.min, first.max))
        case "datetime":
            day = iso_date(lawful.date(choices, first.min, first.max))
            if len(elements) == 1:
                return day
            return f"{day}T{clock(lawful.time(choices, elements[1].min, elements[1].max))}"
        case "time":
            return clock(lawful.time(choices, first.min, first.max))
        case "int":
            return choices.randint(10 ** (first.min - 1) if first.min > 1 else 0, 10 ** min(first.max, 9) - 1)
        case "n2":
            cents = choices.randint(0, 10 ** min(first.max, 9) - 1)
            return f"{cents // 100}.{cents % 100:02d}"
        case "code" | "enum" | "bool":
            found = code(convert, first, choices)
            return None if found is None else convert.table.get(found, found)
        case "shortdate":
            return iso_date(f"20{lawful.date(choices, 6, 6)}")
        case "list":
            texts = (lawful.value(element, choices) for element in elements)
            return [convert.table.get(text, text) for text in texts]
        case "pairs":
            pairs: dict[str, str] = {}
            for qualifier, text in zip(elements[::2], elements[1::2], strict=True):
                found = code(convert, qualifier, choices)
                if found is not None:
                    pairs[convert.table.get(found, found)] = lawful.value(text, choices)
            return pairs or None
        case "records":
            size = len(convert.keys)
            rows = [elements[start : start + size] for start in range(0, len(elements), size)]
            return [
                {key: lawful.value(one, choices) for key, one in zip(convert.keys, row, strict=True)}
                for row in rows
            ]
        case other:
            raise AssertionError(f"the tests do not know the converter {other}")


# --- documents by plan -------------------------------------------------------------------------------------


@dataclass
class Draft:
    """Draws a document, scope by scope."""

    plan: Plan
    choices: Random
    share: float
    root: dict[str, Any] = field(default_factory=dict)
    spreads: dict[int, int] = field(default_factory=dict)
    levels: int = 0

    def document(self) -> dict[str, Any]:
        root = self.root = {}
        self.fill(self.plan.root, root, 0)
        for path, text in self.plan.mapping.constants.items():
            put(root, path, text)
        for path, listed in self.plan.mapping.counts.items():
            put(root, path, 1 + self.levels if self.plan.levels else len(at(root, listed) or ()))
        for path, parts in self.plan.mapping.sums.items():
            amounts = (Decimal(text) for part in parts for text in everywhere(root, part))
            put(root, path, format(sum(amounts, Decimal(0)), "f"))
        for item, rule in copies(self.plan.root, root):
            found = (at(item, rule.source) if rule.local else None) or at(root, rule.source)
            if found is not None:
                put(item, rule.path, found)
        return root

    def fill(self, scope: Scope, container: dict[str, Any], depth: int) -> None:
        for index in sorted(scope.cases):
            position = self.plan.table.positions[index]
            if "N" in (position.segment.usage, position.loop.loop.usage):
                continue
            used = 0
            for case in scope.cases[index]:
                needed = self.needed(position) and case is scope.cases[index][-1] and not used
                wanted = needed or self.choices.random() < self.share / (1 + depth)
                if not wanted or (position.limit and used >= position.limit):
                    continue
                times = 1
                if case.list_path is not None and position.limit != used + 1:
                    times = self.choices.choice((1, 1, 2))
                for _ in range(times):
                    added = self.one(scope, case, position, container, depth)
                    while needed and not added:
                        added = self.one(scope, case, position, container, depth)
                    used += added

    def needed(self, position: Position) -> bool:
        loop = position.loop.loop
        if position.trigger and position.loop.parent is not None:
            return loop.usage == "R" or position.id == "CTT"
        return position.segment.usage == "R"

    def one(
        self, scope: Scope, case: Case, position: Position, container: dict[str, Any], depth: int
    ) -> bool:
        """Adds what one segment says; False if it would say nothing, or something else."""
        found = self.values(case, position)
        if found is None or (not found and case.takes):
            return False
        texts = written(case, found)
        if case.marks and not any(take.path in case.marks for take, _ in found.values()):
            return False
        cases = scope.cases[position.index]
        for earlier in cases[: next(i for i, one in enumerate(cases) if one is case)]:
            if all(texts.get((c.element, c.component), "") == c.value for c in earlier.conditions):
                return False
        target = container
        if case.list_path is not None:
            items = at(container, case.list_path)
            if items is None:
                items = []
                put(container, case.list_path, items)
            target = {}
            items.append(next(iter(found.values()))[1] if case.scalar else target)
        if not case.scalar:
            for take, one in found.values():
                put(target, take.path, one)
        if case.scope is not None:
            self.fill(case.scope, target, depth + 1)
        if case in self.plan.levels:
            self.levels += 1
            self.grow(scope, case, position, target, depth)
        return True

    def grow(self, scope: Scope, case: Case, position: Position, target: dict[str, Any], depth: int) -> None:
        """Puts levels into a level, as far as the guide lets them stand there."""
        assert position.tree is not None
        parents = position.tree.parents
        (level,) = [c.value for c in case.conditions] or [""]
        for below in self.plan.levels if depth < 4 else ():
            (kind,) = [c.value for c in below.conditions] or [""]
            if kind in parents and level in parents and level not in parents[kind]:
                continue
            if self.choices.random() < self.share / (1 + depth):
                for _ in range(self.choices.choice((1, 1, 2))):
                    self.one(scope, below, position, target, depth + 1)

    def values(self, case: Case, position: Position) -> dict[int, tuple[Take, Any]] | None:
        """Values of the fields of a case that keep usage and notes of the segment; None if not found."""
        elements = position.segment.elements
        for _ in range(20):
            self.spreads.clear()
            fixed: dict[int, bool] = dict.fromkeys(range(1, len(elements) + 1), False)
            for take in case.takes:
                for number, (element, _component) in enumerate(take.sources):
                    definition = elements[element - 1]
                    if definition.hash:
                        continue
                    if take.converter.arity == 0:
                        fixed[element] = number < self.spread(take)
                    elif take is self.first_of(case, element):
                        del fixed[element]
            for condition in case.conditions:
                fixed[condition.element] = bool(condition.value)
            if position.tree is not None:  # these follow from the tree
                fixed |= dict.fromkeys(position.tree.written, True)
            chosen = lawful.filled(elements, position.segment.notes, self.choices, 0.3, fixed)
            if chosen is None or any(e.usage == "R" and i not in chosen for i, e in enumerate(elements, 1)):
                continue
            found = self.chosen(case, elements, chosen)
            if found is not None:
                return found
        return None

    def first_of(self, case: Case, element: int) -> Take:
        return next(take for take in case.takes if any(source[0] == element for source in take.sources))

    def spread(self, take: Take) -> int:
        """How many elements of a converter for many are filled."""
        size = {"pairs": 2, "records": len(take.converter.keys)}.get(take.converter.name, 1)
        if id(take) not in self.spreads:
            most = min(4, len(take.sources) // size)
            self.spreads[id(take)] = size * self.choices.randint(0, most)
        return self.spreads[id(take)]

    def chosen(
        self, case: Case, elements: tuple[Element, ...], chosen: set[int]
    ) -> dict[int, tuple[Take, Any]] | None:
        found: dict[int, tuple[Take, Any]] = {}
        for number, take in enumerate(case.takes):
            given = [source[0] in chosen for source in take.sources]
            if not any(given):
                continue
            count = given.index(False) if False in given else len(given)
            if any(given[count:]) or not count:
                return None
            parts = [part(elements, *source) for source in take.sources[:count]]
            one: Any = 0 if parts[0].count else value(take.converter, parts, self.choices)
            if one is None or (take.converter.name == "pairs" and len(one) * 2 != count):
                return None
            found[number] = (take, one)
        return found


def part(elements: tuple[Element, ...], element: int, component: int) -> Element:
    found = elements[element - 1]
    if component:
        return found.components[component - 1]
    return found.components[0] if found.components else found


def written(case: Case, found: dict[int, tuple[Take, Any]]) -> dict[tuple[int, int], str]:
    """The texts of a segment by element and component."""
    texts = {(c.element, c.component): c.value for c in case.conditions}
    for take, one in found.values():
        texts.update(zip(take.sources, take.converter.write(one), strict=False))
    return texts


@st.composite
def documents(draw: st.DrawFn, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A lawful document, and the same with some of its computed and copied fields left out."""
    choices = Random(draw(st.integers(0, 2**32)))
    plan = engine(name).plan
    assert plan is not None
    whole = Draft(plan, choices, draw(st.sampled_from([0.1, 0.3, 0.7]))).document()
    given_document = copy.deepcopy(whole)
    if draw(st.booleans()):
        for path in (*plan.mapping.counts, *plan.mapping.sums):
            at(given_document, path[:-1]).pop(path[-1])
        for item, rule in copies(plan.root, given_document):
            at(item, rule.path[:-1]).pop(rule.path[-1], None)
    return whole, given_document


def copies(scope: Scope, container: Any) -> Iterator[tuple[dict[str, Any], Copy]]:
    """The objects that take a copy of a value, each with its rule; only where its neighbours are filled."""
    for cases in scope.cases.values():
        for case in cases:
            items = at(container, case.list_path) if case.list_path is not None else [container]
            for item in items or ():
                if isinstance(item, dict):
                    yield from ((item, rule) for rule in case.copies if at(item, rule.path[:-1]) is not None)
                    if case.scope is not None:
                        yield from copies(case.scope, item)


def write(name: str, document: dict[str, Any]) -> list[str]:
    return write_set(engine(name), document, marks(name))


def framed(name: str, segments: list[str]) -> list[str]:
    return [f"ST*{name.split('/')[1]}*0001", *segments, f"SE*{len(segments) + 2}*0001"]


def read(name: str, segments: list[str]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    assert engine(name).check(framed(name, segments), marks(name), document) is not None
    return body(document)


def kind(name: str) -> str:
    plan = engine(name).plan
    assert plan is not None
    return plan.mapping.document_type


@each_set
@given(data=st.data())
@settings(max_examples=20)
def test_a_document_comes_back(name: str, data: st.DataObject) -> None:
    whole, given_document = data.draw(documents(name))
    before = copy.deepcopy(given_document)
    segments = write(name, given_document)
    assert given_document == before
    again = read(name, segments)
    assert again == whole
    assert json.loads(json.dumps(again)) == again
    assert write(name, again) == segments
    assert fault(both(name), framed(name, segments), marks(name)) == ""
    head = {"document_type": kind(name), "schema_version": "1", "control": {"version": name[:6]}}
    told = explain(head | whole)
    assert [problem.message for problem in told] == []


def within(part: Any, whole: Any) -> bool:
    """Whether nothing of a document is lost; computed and copied fields may have come to it."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and within(part[key], whole[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(within, part, whole))
    return type(part) is type(whole) and bool(part == whole)


def graft(document: dict[str, Any], other: dict[str, Any], choices: Random) -> None:
    """Puts one part of another document into the same place of this one."""
    key = choices.choice(sorted(other))
    mine, theirs = document.get(key), other[key]
    if isinstance(mine, list) and isinstance(theirs, list):
        mine, theirs = mine[-1], theirs[0]
    if isinstance(mine, dict) and isinstance(theirs, dict) and choices.random() < 0.8:
        graft(mine, theirs, choices)
    else:
        document[key] = other[key]


@each_set
@given(data=st.data(), seed=st.integers(0, 2**32))
@settings(max_examples=12)
def test_a_document_of_the_model_comes_back_or_is_refused_with_places(
    name: str, data: st.DataObject, seed: int
) -> None:
    """As it is nearly always too long for the guide; so parts of it are put into one of the mapping."""
    document = body(data.draw(strategies.documents(kind(name))))
    if seed % 8:
        whole, _ = data.draw(documents(name))
        graft(whole, document, Random(seed))
        document = whole
    problems: tuple[Problem, ...] = ()
    segments: list[str] = []
    try:
        segments = write(name, document)
    except DocumentError as error:
        problems = error.problems
    assert bool(problems) is not bool(segments)
    assert all(one.message and one.hint and one.location.pointer is not None for one in problems)
    assert problems or within(document, read(name, segments))


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        "",
        " ",
        "~",
        "*",
        ">",
        "\n",
        "x" * 400,
        "\u20ac",
        [],
        [None],
        [[]],
        {},
        {"x": 1},
        [{}],
    ]
)


def spoiled(container: Any, choices: Random, junk: Any) -> None:
    """Puts junk somewhere into a document."""
    keys: list[Any] = list(container) if isinstance(container, dict) else list(range(len(container)))
    key = choices.choice(keys)
    if isinstance(container[key], dict | list) and container[key] and choices.random() < 0.8:
        spoiled(container[key], choices, junk)
    else:
        container[key] = junk


@each_set
@given(data=st.data(), seed=st.integers(0, 2**32), junk=JUNK)
@settings(max_examples=20)
def test_a_spoiled_document_is_refused_with_reasons(
    name: str, data: st.DataObject, seed: int, junk: Any
) -> None:
    _, document = data.draw(documents(name))
    spoiled(document, Random(seed), copy.deepcopy(junk))
    problems: tuple[Problem, ...] = ()
    segments: list[str] = []
    try:
        segments = write(name, document)
    except DocumentError as error:
        problems = error.problems
    assert bool(problems) is not bool(segments)
    assert all(problem.message and problem.hint for problem in problems)
    if segments:
        assert write(name, read(name, segments)) == segments


@pytest.mark.parametrize("name", ["004010/810", "004010/850", "005010/855"])
def test_every_rule_is_drawn(name: str) -> None:
    """The documents of this test are not poor: nearly all fields of the mapping come up."""
    plan = engine(name).plan
    assert plan is not None
    choices = Random(1)
    segments = [text for _ in range(150) for text in write(name, Draft(plan, choices, 0.7).document())]
    seen = {text.split("*")[0] for text in segments}
    mapped = {plan.table.positions[index].id for scope in plan.scopes for index in scope.cases}
    assert mapped - seen == set()


# --- converters --------------------------------------------------------------------------------------------


def converters() -> Iterator[Converter]:
    plan = engine("004010/850").plan
    assert plan is not None
    known = {
        (take.converter.name, tuple(take.converter.table), take.converter.keys): take.converter
        for scope in plan.scopes
        for cases in scope.cases.values()
        for case in cases
        for take in case.takes
    }
    yield from known.values()
    yield from (converter(f"n{places}") for places in range(1, 7))
    yield from map(
        converter,
        (
            "time",
            "shortdate",
            "enum(one=1, two=2)",
            "bool(true=Y, false=N)",
            "code",
            "pairs",
            "list",
            "list(one=1, two=2)",
        ),
    )
    yield converter("records(location, quantity, note)")


TEXTS: dict[str, st.SearchStrategy[str]] = {
    "shortdate": st.from_regex(r"[0-9]{6}", fullmatch=True),
    "date": st.from_regex(r"(?:[0-9]{2})?[0-9]{6}", fullmatch=True),
    "time": st.from_regex(r"[0-9]{4}(?:[0-9]{2}(?:[0-9]{1,2})?)?", fullmatch=True),
    "int": st.from_regex(r"-?[0-9]{1,24}", fullmatch=True),
    **{f"n{n}": st.from_regex(r"-?[0-9]{1,24}", fullmatch=True) for n in range(1, 7)},
}


@st.composite
def texts(draw: st.DrawFn, convert: Converter) -> tuple[str, ...]:
    """Lawful texts of as many elements as the converter takes, some empty."""
    if convert.name == "datetime":
        return (draw(st.just("") | TEXTS["date"]), draw(st.just("") | TEXTS["time"]))
    others = st.sampled_from([*convert.table, "A", "B", "0", "0.50", " x", "Ä"])
    one = TEXTS.get(convert.name, others)
    size = draw(st.integers(1, 7)) if convert.arity == 0 else convert.arity
    return tuple(draw(st.just("") | one) for _ in range(size))


def exact(convert: Converter, given_texts: tuple[str, ...]) -> bool:
    """Whether the texts can be had back from the value."""
    return not convert.taken(given_texts)[1]


@pytest.mark.parametrize("convert", list(converters()), ids=lambda one: f"{one.name}-{len(one.table)}")
@given(data=st.data())
@settings(max_examples=60)
def test_what_a_converter_reads_it_writes(convert: Converter, data: st.DataObject) -> None:
    given_texts = data.draw(texts(convert))
    found = convert.read(given_texts)
    if found is None:
        assert exact(convert, given_texts) is not any(given_texts)
        return
    back = convert.write(found)
    padded = back + ("",) * (len(given_texts) - len(back))
    assert convert.read(padded) == found
    assert type(convert.read(padded)) is type(found)
    assert exact(convert, given_texts) is (padded == given_texts)
    if not convert.loss:
        assert padded == given_texts
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("convert", list(converters()), ids=lambda one: f"{one.name}-{len(one.table)}")
@given(
    wrong=st.none() | st.integers() | st.text(max_size=6) | st.lists(st.none(), max_size=2) | st.booleans()
)
@settings(max_examples=60)
def test_a_value_of_another_kind_is_refused(convert: Converter, wrong: Any) -> None:
    """By no other exception than ValueError; what is let pass is compared after reading it back."""
    try:
        back = convert.write(wrong)
    except ValueError:
        return
    assert all(isinstance(text, str) for text in back)
