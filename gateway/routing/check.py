"""What is wrong with a table though each rule is right in itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches

from gateway.documents import KINDS
from gateway.partners.partner import API, FOLDER, Partner
from gateway.routing.table import ACKNOWLEDGMENT, DAY, DAYS, Rule, Table, When


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a table. rule: whose; empty for none. is_note: nothing need be done."""

    code: str
    rule: str
    words: str
    is_note: bool = False


def check(table: Table, partners: Mapping[str, Partner], year: int) -> Iterator[Finding]:
    """Rules that are never chosen, names nobody has, documents without a rule, hours of clock changes.

    Args:
        year: whose clock changes are told.
    """
    for index, rule in enumerate(table.rules):
        for name in sorted(rule.partners - partners.keys()):
            near = next(iter(get_close_matches(name, partners, n=1)), "")
            said = f" Did you mean {near!r}?" if near else ""
            yield Finding("ROUTE-PARTNER", rule.name, f"there is no partner {name!r} in partners/.{said}")
        yield from _ways(rule, partners)
        over = next((one for one in table.rules[:index] if _covers(one, rule, partners)), None)
        if over:
            words = f"it is never reached: rule {over.number}, {over.name!r}, takes all that it is for"
            yield Finding("ROUTE-UNREACHABLE", rule.name, words)
        yield from _hours(rule, year)
    for partner in partners.values():
        if len(partner.ways) > 1:
            sets = {one.set for one in partner.send}
            for kind in (name for name, one in KINDS.items() if one.set_id in sets):
                yield from _uncovered(table, partner, kind)


def _ways(rule: Rule, partners: Mapping[str, Partner]) -> Iterator[Finding]:
    for way in (one for one in (*rule.to, *rule.fallback) if one != FOLDER):
        named = sorted(rule.partners & partners.keys())
        without = [one for one in named if way not in partners[one].ways]
        if without:
            yield Finding("ROUTE-WAY", rule.name, f"{', '.join(without)} has no {way}; nothing goes that way")
        elif not rule.partners and not any(way in one.ways for one in partners.values()):
            yield Finding("ROUTE-WAY", rule.name, f"no partner has {way}; nothing goes that way")


def _covers(first: Rule, later: Rule, partners: Mapping[str, Partner]) -> bool:
    """Whether whatever the later rule is for, the first one takes, whatever is pinned."""
    for name in ("partners", "documents", "regions"):
        some, others = getattr(first, name), getattr(later, name)
        if some and not (others and others <= some):
            return False
    for (least, most), (fewest, largest) in ((first.bytes, later.bytes), (first.lines, later.lines)):
        if fewest < least or largest > most:
            return False
    if first.when.healthy or first.when.test not in (None, later.when.test):
        return False
    if not first.documents and ACKNOWLEDGMENT in later.documents:
        return False
    if first.is_timed and _timing(first) != _timing(later):
        return False
    if set(later.to) <= set(first.to) and (later.pin or not first.pin):
        return True
    sure = [way for way in first.to if way != API or not first.pin]
    concerned = [one for one in partners.values() if one.id in (later.partners or partners)]
    return FOLDER in sure or all(any(way in one.ways for way in sure) for one in concerned)


def _timing(rule: Rule) -> tuple[object, ...]:
    return rule.days, rule.first, rule.last, rule.zone


def _uncovered(table: Table, partner: Partner, kind: str) -> Iterator[Finding]:
    """A document that goes to a partner of several ways, and no rule takes always."""
    had = {*partner.ways, FOLDER}
    mine = [one.when for one in table.rules_for(partner.id, kind) if had.intersection(one.to)]
    if any(replace(one, partners=(), documents=(), zone="") == When() for one in mine):
        return
    only = "only rules with conditions say" if mine else "no rule says"
    words = f"{only} which way a {kind} goes to {partner.id}, which has {', '.join(partner.ways)}"
    yield Finding("ROUTE-UNCOVERED", "", words)


def _hours(rule: Rule, year: int) -> Iterator[Finding]:
    """A window across midnight, and on which days of the year it is longer or shorter than it looks."""
    if not rule.when.hours:
        return
    minutes = (rule.last - rule.first) % DAY or DAY
    if rule.last < rule.first and rule.days:
        days = ", ".join(one for one in DAYS if one in rule.days)
        words = f"{rule.when.hours} begins on {days} and ends on the day after"
        yield Finding("ROUTE-WINDOW", rule.name, words, is_note=True)
    day = datetime(year, 1, 1)  # noqa: DTZ001 - the clock on the wall
    while day.year == year:
        first = day + timedelta(minutes=rule.first)
        both = (first, first + timedelta(minutes=minutes))
        begin, end = (one.replace(tzinfo=rule.zone).timestamp() for one in both)
        if (length := round((end - begin) / 60)) != minutes:
            words = f"on {day:%Y-%m-%d} the clocks of {rule.zone.key} change: {rule.when.hours} lasts "
            words += f"{length} minutes instead of {minutes}"
            yield Finding("ROUTE-WINDOW", rule.name, words, is_note=True)
        day += timedelta(days=1)
