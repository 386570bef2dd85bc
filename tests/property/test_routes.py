"""Routing, for any table and any document: one answer, the same every time, and pins are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.partners.partner import API, FOLDER, WAYS
from gateway.routing.check import check
from gateway.routing.sets import Named, Ranges, places
from gateway.routing.table import EDI, Facts, Route, Routes, Table, When, decide, explain
from tests.routes import PARTNERS, all_facts, tables


@given(tables(), all_facts())
def test_every_document_has_one_way_or_a_reason_and_always_the_same(routes: Routes, asked: Facts) -> None:
    found = decide(Table(routes), asked)
    assert (found.way in WAYS) != (found.code in ("ROUTE-NO-RULE", "ROUTE-PINNED"))
    assert found.reason
    is_free = bool(found.rule_number) and not routes.routes[found.rule_number - 1].pin
    assert not found.way or asked.can(found.way, free=is_free)
    assert decide(Table(routes), asked) == found


@given(tables(), all_facts())
def test_explain_decides_as_decide_does(routes: Routes, asked: Facts) -> None:
    table = Table(routes)
    short, long = decide(table, asked), explain(table, asked)
    assert replace(short, passed=()) == replace(long, passed=())
    assert set(short.passed) <= set(long.passed)
    if long.rule_number:
        assert [one.rule_number for one in long.passed] == list(range(1, long.rule_number))


@given(st.lists(tables(), min_size=1, max_size=3), all_facts())
def test_any_part_of_a_table_decides_as_asking_each_rule_in_turn_does(some: list[Routes], one: Facts) -> None:
    rules = [
        replace(rule, name=f"r{n}") for n, rule in enumerate(rule for part in some for rule in part.routes)
    ]
    asked = [
        replace(one, pinned=pinned, time=one.time + timedelta(hours=hours))
        for pinned in ("", EDI, *WAYS)
        for hours in (0, 7, 14, 20)
    ]
    for start in range(len(rules)):
        table = Table(Routes(routes=tuple(rules[start:]), zone=some[0].zone))
        for each in asked:
            assert decide(table, each) == replace(explain(table, each), passed=())


@given(tables(), all_facts())
def test_each_condition_holds_where_its_rule_says_so(routes: Routes, one: Facts) -> None:
    asked = [replace(one, bytes=number, lines=number) for number in range(9)]
    asked += [replace(one, time=one.time + timedelta(hours=hours)) for hours in range(0, 168, 5)]
    for rule in routes.routes:
        when = replace(rule.when, partners=(), documents=one.document_type, healthy=False)
        table = Table(Routes(routes=(replace(rule, when=when, to=FOLDER, fallback=(), pin=False),)))
        for each in asked:
            assert decide(table, each) == replace(explain(table, each), passed=())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))), st.integers(-1, 10))
def test_ranges_hold_what_asking_each_says(some: list[tuple[int, int]], value: int) -> None:
    some = [(min(both), max(both)) for both in some]
    wanted = [place for place, (first, end) in enumerate(some) if first <= value < end]
    assert [*places(Ranges(some).at(value))] == wanted


@given(st.lists(st.sets(st.integers(0, 4), max_size=3)), st.integers(0, 5))
def test_names_hold_what_asking_each_says(some: list[set[int]], value: int) -> None:
    wanted = [place for place, named in enumerate(some) if not named or value in named]
    assert [*places(Named(some).at(value))] == wanted


@given(tables(), all_facts())
def test_a_pin_is_kept_unless_the_rule_says_that_it_does_not_count(routes: Routes, asked: Facts) -> None:
    found = decide(Table(routes), asked)
    free = found.rule_number and not routes.routes[found.rule_number - 1].pin
    if asked.pinned and found.way and not free:
        assert found.way != API if asked.pinned == EDI else found.way == asked.pinned


@given(tables(), all_facts())
def test_a_fall_back_is_one_the_rule_names_that_works_and_only_while_nothing_was_sent(
    routes: Routes, asked: Facts
) -> None:
    found = decide(Table(routes), asked)
    if found.fallback:
        rule = routes.routes[found.rule_number - 1]
        assert found.way in rule.fallback
        assert not asked.sent
        assert not asked.away(found.way)
        ready = [way for way in rule.to if asked.can(way) and not asked.away(way)]
        assert all(way == API and asked.pinned == EDI and rule.pin for way in ready)


@given(tables(), all_facts(), st.data())
def test_rules_that_are_not_for_a_document_do_not_matter_nor_does_their_order(
    routes: Routes, asked: Facts, data: st.DataObject
) -> None:
    table = Table(routes)
    mine = [one for one, rule in zip(routes.routes, table.rules) if not rule.mismatch(asked)]
    others = [one for one in routes.routes if one not in mine]
    mixed = [*mine]
    for one in data.draw(st.permutations(others)):
        mixed.insert(data.draw(st.integers(0, len(mixed))), one)
    found, again = (decide(Table(replace(routes, routes=tuple(some))), asked) for some in (mixed, mine))
    wanted = decide(table, asked)
    for some in (found, again):
        assert replace(some, rule_number=wanted.rule_number, passed=wanted.passed) == wanted


@given(tables(), all_facts())
def test_what_stands_after_the_rule_that_decides_does_not_matter(routes: Routes, asked: Facts) -> None:
    found = decide(Table(routes), asked)
    if found.rule_number:
        cut = replace(routes, routes=routes.routes[: found.rule_number])
        assert decide(Table(cut), asked) == found


@given(tables(), all_facts())
def test_a_last_rule_for_everything_leaves_nothing_undecided(routes: Routes, asked: Facts) -> None:
    last = Route(name="last", to=FOLDER, when=When(documents=asked.document_type), pin=False)
    found = decide(Table(replace(routes, routes=(*routes.routes, last))), asked)
    assert found.way or (asked.pinned and not asked.can(asked.pinned))


@given(tables(), all_facts())
def test_a_rule_that_is_unreachable_is_never_chosen(routes: Routes, asked: Facts) -> None:
    table = Table(routes)
    hidden = {one.rule for one in check(table, PARTNERS, 2026) if one.code == "ROUTE-UNREACHABLE"}
    assert decide(table, asked).rule not in hidden
