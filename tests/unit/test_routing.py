"""The table of routes: golden decisions, what a file may say, and what is found wrong with it."""

from __future__ import annotations

import re
import time
import timeit
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.routes import all_conditions, many_partners, one_partner
from gateway.cli.commands.home import make_home
from gateway.errors import ConfigurationError
from gateway.partners.partner import Partner
from gateway.routing.check import check
from gateway.routing.table import Facts, Route, Routes, Rule, Table, Way, When, decide, explain
from gateway.settings import load
from tests.routes import partner_of

TIME = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
"""A Wednesday."""


def route(
    name: str, to: str | tuple[str, ...], *, pin: bool = True, fallback: str = "", **when: Any
) -> Route:
    return Route(name=name, to=to, when=When(**when), pin=pin, fallback=(fallback,) if fallback else ())


def table(*routes: Route, zone: str = "UTC") -> Table:
    return Table(Routes(routes=routes, zone=zone))


def facts(*ways: str, away: tuple[str, ...] = (), **more: Any) -> Facts:
    known: dict[str, Any] = {"partner": "acme", "document_type": "invoice", "time": TIME, **more}
    known.setdefault("ways", {one: Way(one not in away) for one in ways or ("as2", "sftp")})
    return Facts(**known)


def chosen(one: Table, asked: Facts) -> tuple[str, str]:
    found = decide(one, asked)
    return found.way or found.code, found.rule


STORY = table(
    route("amazon api", "api", partners="amazon", fallback="as2"),
    route("tests", "folder", test=True),
    route("large", ("sftp", "as2"), partners=("acme", "amazon"), min_bytes=1000),
    route("notices", "as2", partners="acme", documents="ship_notice"),
    route("night", "sftp", partners="acme", hours="22:00-06:00", days="fri"),
    route("canada", "sftp", partners="acme", regions="CA"),
    route("many lines", "sftp", partners="acme", min_lines=10, max_lines=20),
    route("while it works", "sftp", partners="acme", documents="inventory_advice", healthy=True),
    route("rest", "as2", partners="acme"),
)


@pytest.mark.parametrize(
    ("asked", "way", "rule"),
    [
        (facts(), "as2", "rest"),
        (facts(document_type="ship_notice"), "as2", "notices"),
        (facts(test=True), "folder", "tests"),
        (facts(bytes=1000), "sftp", "large"),
        (facts(bytes=999), "as2", "rest"),
        (facts(bytes=1000, away=("sftp",)), "as2", "large"),
        (facts(bytes=1000, away=("sftp", "as2")), "sftp", "large"),
        (facts("as2", bytes=1000), "as2", "large"),
        (facts(region="CA"), "sftp", "canada"),
        (facts(lines=20), "sftp", "many lines"),
        (facts(lines=21), "as2", "rest"),
        (facts(time=TIME + timedelta(days=2, hours=10)), "sftp", "night"),  # Friday 22:00
        (facts(time=TIME + timedelta(days=2, hours=17, minutes=59)), "sftp", "night"),  # Saturday 05:59
        (facts(time=TIME + timedelta(days=2, hours=18)), "as2", "rest"),  # Saturday 06:00
        (facts(time=TIME + timedelta(days=1, hours=17)), "as2", "rest"),  # Friday 05:00 is of Thursday
        (facts(document_type="inventory_advice"), "sftp", "while it works"),
        (facts(document_type="inventory_advice", away=("sftp",)), "as2", "rest"),
        (facts(pinned="sftp"), "sftp", ""),
        (facts(pinned="api"), "ROUTE-PINNED", ""),
        (facts("api", "as2", partner="amazon"), "api", "amazon api"),
        (facts("api", "as2", partner="amazon", away=("api",)), "as2", "amazon api"),
        (facts("api", "as2", partner="amazon", away=("api",), sent=True), "api", "amazon api"),
        (facts("api", "as2", partner="amazon", away=("api",), pinned="api"), "api", ""),
        (facts("api", "as2", partner="amazon", pinned="edi"), "as2", ""),
        (facts("api", "as2", partner="amazon", pinned="edi", bytes=1000), "as2", "large"),
        (facts("api", "as2", "sftp", partner="amazon", pinned="edi"), "ROUTE-NO-RULE", ""),
        (facts("api", partner="amazon", pinned="edi"), "ROUTE-PINNED", ""),
        (facts(partner="other"), "ROUTE-NO-RULE", ""),
        (facts("sftp", partner="other"), "sftp", ""),
        (facts(document_type="functional_acknowledgment"), "ROUTE-NO-RULE", ""),
    ],
)
def test_the_first_rule_that_fits_decides(asked: Facts, way: str, rule: str) -> None:
    assert chosen(STORY, asked) == (way, rule)
    assert explain(STORY, asked).way == decide(STORY, asked).way


def test_an_answer_says_why_and_why_not() -> None:
    found = explain(STORY, facts(region="US", lines=3, bytes=10))
    assert [(one.rule_number, one.why) for one in found.passed] == [
        (1, "it is for amazon"),
        (2, "it is only for tests"),
        (3, "the document has 10 bytes"),
        (4, "it is for ship_notice"),
        (5, "it is Wednesday 12:00 in UTC"),
        (6, "its regions are CA"),
        (7, "the document has 3 lines"),
        (8, "it is for inventory_advice"),
    ]
    assert (found.rule_number, found.rule, found.reason) == (9, "rest", "its first way")
    refused = decide(table(), facts())
    assert refused.reason == "acme has the ways as2, sftp, and no rule says which invoice goes"


def test_credentials_that_have_ended_are_a_way_that_is_away() -> None:
    ways = {"api": Way(valid_until=TIME), "as2": Way()}
    one = table(route("api", "api", fallback="as2"))
    late = decide(one, facts(ways=ways))
    assert (late.way, late.fallback) == ("as2", True)
    assert late.reason == "the credentials of api have ended, so its fall-back"
    early = decide(one, facts(ways=ways, time=TIME - timedelta(seconds=1)))
    assert (early.way, early.fallback) == ("api", False)
    sent = decide(one, facts(ways=ways, sent=True))
    assert (sent.way, sent.reason.partition(";")[2]) == (
        "api",
        " the document waits for it, as part of it was sent",
    )


def test_a_rule_may_say_that_pins_do_not_count() -> None:
    one = table(route("free", "as2", documents="invoice", pin=False), route("rest", "sftp"))
    assert chosen(one, facts("api", "as2", "sftp", pinned="api")) == ("as2", "free")
    assert chosen(one, facts("api", "as2", "sftp", pinned="api", document_type="ship_notice")) == ("api", "")


def test_a_rule_for_acknowledgments_must_name_them() -> None:
    one = table(route("all", "sftp"), route("997", "as2", documents="functional_acknowledgment"))
    assert chosen(one, facts(document_type="functional_acknowledgment")) == ("as2", "997")


@pytest.mark.parametrize(
    ("time", "zone", "holds"),
    [
        ("2026-03-29T00:59:00+00:00", "Europe/Berlin", False),  # 01:59, a minute before the gap
        ("2026-03-29T01:00:00+00:00", "Europe/Berlin", False),  # 03:00: what begins at 02:00 does not come
        ("2026-10-25T00:30:00+00:00", "Europe/Berlin", True),  # 02:30 for the first time
        ("2026-10-25T01:30:00+00:00", "Europe/Berlin", True),  # 02:30 for the second time
        ("2026-10-25T02:00:00+00:00", "Europe/Berlin", False),
        ("2026-11-01T09:30:00+00:00", "America/Los_Angeles", True),  # 01:30 after the clocks went back
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(time: str, zone: str, holds: bool) -> None:
    hours = "01:00-02:00" if zone.startswith("America") else "02:00-03:00"
    one = table(route("hour", "sftp", hours=hours), route("rest", "as2"), zone=zone)
    asked = facts(time=datetime.fromisoformat(time))
    assert chosen(one, asked)[1] == ("hour" if holds else "rest")
    own = table(route("hour", "sftp", hours=hours, zone=zone), route("rest", "as2"))
    assert chosen(own, asked) == chosen(one, asked)


# --- the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("zone: Europe/Berln", "line 1: zone 'Europe/Berln' is no time zone; did you mean 'Europe/Berlin'"),
        ("routes:\n  - {name: a, to: as3}", "to 'as3' is not known; did you mean 'as2'"),
        ("routes:\n  - {name: a, to: []}", "at least one way"),
        ("routes:\n  - {name: a, to: as2, fallback: as2}", "none of them twice"),
        ("routes:\n  - {name: a, to: as2, pinn: false}", "Did you mean 'pin'?"),
        ("routes:\n  - {to: as2}", "routes.1.name is missing"),
        ("routes:\n  - {name: '', to: as2}", "name: 1 to 80 characters"),
        ("routes:\n  - {name: a, to: as2}\n  - {name: a, to: sftp}", "a name of its own"),
        (
            "routes:\n  - name: a\n    to: as2\n    when: {documents: invoic}",
            "line 4: .*did you mean 'invoice'",
        ),
        ("routes:\n  - {name: a, to: as2, when: {days: [mon, tusday]}}", "days 'tusday' is not known"),
        ("routes:\n  - {name: a, to: as2, when: {hours: 8-17}}", "write two different times, as 08:00-17:30"),
        ("routes:\n  - {name: a, to: as2, when: {hours: '24:00-06:00'}}", "two different times"),
        ("routes:\n  - {name: a, to: as2, when: {hours: '08:00-08:00'}}", "two different times"),
        ("routes:\n  - {name: a, to: as2, when: {hours: '08:00-25:00'}}", "two different times"),
        ("routes:\n  - {name: a, to: as2, when: {zone: Mars}}", "no time zone"),
        ("routes:\n  - {name: a, to: as2, when: {min_bytes: 9, max_bytes: 8}}", "the larger one last"),
        ("routes:\n  - {name: a, to: as2, when: {min_lines: -1}}", "from 0 on"),
        ("- a", "settings are written as"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    make_home(tmp_path / "home")
    (tmp_path / "home/routes.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as told:
        load(tmp_path / "home")
    said = " ".join(f"{one.message} {one.hint}" for one in told.value.problems)
    assert "routes.yaml" in said
    assert re.search(words, said), said


def test_a_home_has_a_table_without_rules_and_needs_none(tmp_path: Path) -> None:
    make_home(tmp_path / "home")
    assert load(tmp_path / "home").routes == Routes()
    (tmp_path / "home/routes.yaml").unlink()
    assert load(tmp_path / "home").routes == Routes()


# --- check -----------------------------------------------------------------------------------------------


def found(one: Table, *partners: Partner) -> list[tuple[str, str]]:
    named = {partner.id: partner for partner in partners or (partner_of("acme", "as2", "sftp"),)}
    return [(finding.code, finding.rule) for finding in check(one, named, 2026)]


def test_a_table_that_is_right_has_no_findings() -> None:
    one = table(route("invoices", "sftp", documents="invoice"), route("rest", "as2"))
    assert found(one) == []


@pytest.mark.parametrize(
    ("first", "later", "hides"),
    [
        (route("1", "as2"), route("2", "sftp", documents="invoice"), True),
        (route("1", "as2", documents="invoice"), route("2", "sftp"), False),
        (
            route("1", "as2", documents="invoice"),
            route("2", "sftp", documents="invoice", partners="acme"),
            True,
        ),
        (route("1", "as2", partners="acme"), route("2", "sftp", documents="invoice"), False),
        (route("1", "as2"), route("2", "sftp", documents=("invoice", "functional_acknowledgment")), False),
        (route("1", "as2", healthy=True), route("2", "sftp"), False),
        (route("1", "as2", test=True), route("2", "sftp"), False),
        (route("1", "as2", test=True), route("2", "sftp", test=True), True),
        (route("1", "as2", min_bytes=5), route("2", "sftp", min_bytes=5), True),
        (route("1", "as2", min_bytes=5), route("2", "sftp", min_bytes=4), False),
        (route("1", "as2", max_lines=5), route("2", "sftp"), False),
        (route("1", "as2", max_lines=5), route("2", "sftp", max_lines=5), True),
        (route("1", "as2", hours="08:00-09:00"), route("2", "sftp"), False),
        (route("1", "as2", hours="08:00-09:00"), route("2", "sftp", hours="08:00-09:00"), True),
        (
            route("1", "as2", hours="08:00-09:00"),
            route("2", "sftp", hours="08:00-09:00", zone="Asia/Tokyo"),
            False,
        ),
        (route("1", "api"), route("2", "sftp"), False),  # the partner has no API
        (route("1", "api"), route("2", "api", documents="invoice"), True),
        (route("1", "folder"), route("2", "sftp"), True),
    ],
)
def test_a_rule_is_unreachable_if_one_before_it_takes_everything(
    first: Route, later: Route, hides: bool
) -> None:
    codes = found(table(first, later))
    assert (("ROUTE-UNREACHABLE", "2") in codes) == hides


def test_what_the_api_is_bound_to_makes_a_later_rule_reachable() -> None:
    one = table(route("api", "api"), route("edi", "as2"))
    assert found(one, partner_of("acme", "as2")) == [("ROUTE-WAY", "api")]
    assert chosen(one, facts("api", "as2", pinned="edi")) == ("as2", "edi")
    assert chosen(one, facts("api", "as2")) == ("api", "api")


def test_partners_and_ways_that_are_not_there() -> None:
    one = table(
        route("a", "sftp", partners="acm"),
        route("b", ("as2", "webhook")),
        route("c", "sftp", partners="lone"),
    )
    told = list(
        check(one, {"acme": partner_of("acme", "as2", "sftp"), "lone": partner_of("lone", "as2")}, 2026)
    )
    assert [(two.code, two.rule) for two in told] == [
        ("ROUTE-PARTNER", "a"),
        ("ROUTE-WAY", "b"),
        ("ROUTE-WAY", "c"),
        ("ROUTE-UNREACHABLE", "c"),
    ]
    assert told[0].words == "there is no partner 'acm' in partners/. Did you mean 'acme'?"


def test_documents_that_no_rule_takes_always() -> None:
    partner = partner_of("acme", "as2", "sftp", sends=("810", "856"))
    one = table(route("a", "sftp", documents="invoice", max_bytes=9))
    words = [finding.words for finding in check(one, {"acme": partner}, 2026)]
    assert words == [
        "no rule says which way a ship_notice goes to acme, which has as2, sftp",
        "only rules with conditions say which way a invoice goes to acme, which has as2, sftp",
    ]


def test_hours_across_midnight_and_changes_of_clocks_are_told() -> None:
    one = table(
        route("night", "sftp", hours="22:00-06:00", days=("fri", "sat"), zone="Europe/Berlin"),
        route("gap", "sftp", hours="02:00-03:00", zone="Europe/Berlin"),
        route("day", "sftp", hours="08:00-17:00", zone="Europe/Berlin"),
    )
    notes = [(note.rule, note.words) for note in check(one, {}, 2026) if note.code == "ROUTE-WINDOW"]
    assert notes == [
        ("night", "22:00-06:00 begins on fri, sat and ends on the day after"),
        (
            "night",
            "on 2026-03-28 the clocks of Europe/Berlin change: 22:00-06:00 lasts 420 minutes instead of 480",
        ),
        (
            "night",
            "on 2026-10-24 the clocks of Europe/Berlin change: 22:00-06:00 lasts 540 minutes instead of 480",
        ),
        (
            "gap",
            "on 2026-03-29 the clocks of Europe/Berlin change: 02:00-03:00 lasts 0 minutes instead of 60",
        ),
        (
            "gap",
            "on 2026-10-25 the clocks of Europe/Berlin change: 02:00-03:00 lasts 120 minutes instead of 60",
        ),
    ]


@pytest.mark.parametrize("made", [many_partners, one_partner, all_conditions])
def test_a_thousand_rules_decide_while_two_thousand_names_are_compared(made: Callable[[int], Table]) -> None:
    """14 microseconds or less, by ``make bench-routes``, and the same on a machine of any speed."""
    one, asked = made(1000), facts(partner="p1", bytes=2000)
    assert decide(one, asked).rule == explain(one, asked).rule == "last"
    names = [f"p{number}" for number in range(2000)]

    def best(work: Callable[[], object]) -> float:
        return min(timeit.repeat(work, timer=time.process_time, number=200, repeat=10))

    assert best(lambda: decide(one, asked)) < best(lambda: sum(name == "p1" for name in names))


def test_rules_that_may_be_for_a_document_are_told_in_their_order() -> None:
    numbers = [one.number for one in STORY.rules_for("acme", "invoice")]
    assert numbers == sorted(numbers)
    assert numbers == [one.number for one in STORY.rules if is_named(one, "acme", "invoice")]
    assert [*STORY.rules_for("acme", "functional_acknowledgment")] == []


def is_named(rule: Rule, partner: str, kind: str) -> bool:
    pairs = ((rule.partners, partner), (rule.documents, kind))
    return all(not names or value in names for names, value in pairs)
