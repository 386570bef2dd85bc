"""The table of ``routes.yaml``, and the decision which way a document goes: the first rule that fits it.

A document may be pinned: one of an order that came by the API is answered there alone, one that takes the
place of an earlier one goes where that went. A pin is stronger than a rule that does not say ``pin: false``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from math import inf
from zoneinfo import ZoneInfo, available_timezones

from gateway.documents import KINDS
from gateway.partners.agreement import setting
from gateway.partners.partner import API, FOLDER, WAYS
from gateway.routing.sets import Named, Ranges, having, places

ACKNOWLEDGMENT = "functional_acknowledgment"
"""Goes back the way the interchange came; only a rule that names it says otherwise."""

EDI = "edi"
"""A pin: any way but the API."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 1440
"""Minutes."""


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _chosen(name: str, values: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    for value in values:
        if value not in known:
            near = next(iter(get_close_matches(value, known, n=1)), "")
            said = f"did you mean {near!r}" if near else f"choose of {', '.join(known)}"
            raise ValueError(f"{name} {value!r} is not known; {said}")


def _zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        near = next(iter(get_close_matches(name, available_timezones(), n=1)), "Europe/Berlin")
        raise ValueError(f"zone {name!r} is no time zone; did you mean {near!r}") from None


@setting
class When:
    """What a rule is for; what is left out does not matter.

    Attributes:
        partners, documents, regions: names of partner files, types of documents, regions; one or a list.
        test: whether only tests, or only what is none.
        min_bytes, max_bytes, min_lines, max_lines: of the document as JSON, and of its lines.
        days: ``mon`` to ``sun``. hours: ``08:00-17:30``, the end excluded; ``22:00-06:00`` is of the day it
            begins on.
        zone: time zone of both; empty for that of the table.
        healthy: only while one of its ways works.
    """

    partners: str | tuple[str, ...] = ()
    documents: str | tuple[str, ...] = ()
    regions: str | tuple[str, ...] = ()
    test: bool | None = None
    min_bytes: int = 0
    max_bytes: int | None = None
    min_lines: int = 0
    max_lines: int | None = None
    days: str | tuple[str, ...] = ()
    hours: str = ""
    zone: str = ""
    healthy: bool = False

    def __post_init__(self) -> None:
        _chosen("documents", _listed(self.documents), KINDS)
        _chosen("days", _listed(self.days), DAYS)
        for unit in ("bytes", "lines"):
            least, most = getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")
            if least < 0 or (most is not None and most < least):
                raise ValueError(f"min_{unit} and max_{unit}: from 0 on, the larger one last")
        if self.zone:
            _zone(self.zone)
        first, last = self.window
        if self.hours and (first >= DAY or not 0 < last <= DAY or first == last):
            raise ValueError(f"hours {self.hours!r}: write two different times, as 08:00-17:30")

    @property
    def window(self) -> tuple[int, int]:
        """Its hours in minutes of the day; the second is smaller if they end on the next one."""
        found = re.fullmatch(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", self.hours, re.ASCII)
        one, two, three, four = map(int, found.groups()) if found else (0, 0, 24 * bool(not self.hours), 0)
        return one * 60 + two, three * 60 + four


@setting
class Route:
    """A rule.

    Attributes:
        name: its own. to: the way, or several in order of preference. fallback: ways for when none of these
            works, if nothing of the document was sent.
        pin: whether what is pinned elsewhere passes it over.
    """

    name: str
    to: str | tuple[str, ...]
    when: When = field(default_factory=When)
    fallback: str | tuple[str, ...] = ()
    pin: bool = True

    def __post_init__(self) -> None:
        if not (0 < len(self.name) <= 80 and self.name.isprintable()):
            raise ValueError("name: 1 to 80 characters")
        to, fallback = _listed(self.to), _listed(self.fallback)
        _chosen("to", to, WAYS)
        _chosen("fallback", fallback, WAYS)
        if not to or len({*to, *fallback}) < len(to) + len(fallback):
            raise ValueError("to and fallback: at least one way, and none of them twice")


@setting
class Routes:
    """``routes.yaml``. zone: of days and hours, unless a rule has its own."""

    zone: str = "UTC"
    routes: tuple[Route, ...] = ()

    def __post_init__(self) -> None:
        _zone(self.zone)
        names = [one.name for one in self.routes]
        if len(names) > 10_000 or len(set(names)) < len(names):
            raise ValueError("routes: at most 10000, each with a name of its own")


@dataclass(frozen=True, slots=True)
class Way:
    """How a way to a partner is now. valid_until: when its credentials end."""

    healthy: bool = True
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a decision is made of.

    Attributes:
        time: with a time zone. ways: those that the partner has; into its folder it can go besides.
        pinned: the way a document is bound to, or :data:`EDI`; empty for any. pinned_by: why, in words.
        sent: whether any of it was sent already.
    """

    partner: str
    document_type: str
    time: datetime
    ways: Mapping[str, Way]
    region: str = ""
    test: bool = False
    bytes: int = 0
    lines: int = 0
    pinned: str = ""
    pinned_by: str = ""
    sent: bool = False

    @property
    def bound(self) -> str:
        """The one way that a pin leaves; empty where it leaves several."""
        return "" if self.pinned == EDI else self.pinned

    def can(self, way: str, *, free: bool = False) -> bool:
        """Whether the partner has a way, and (unless free) no order that came by EDI forbids it."""
        return (way in self.ways or way == FOLDER) and (free or way != API or self.pinned != EDI)

    def away(self, way: str) -> str:
        """Why a way does not work now; empty if it does."""
        state = self.ways.get(way)
        if state is None or (state.healthy and (state.valid_until is None or self.time < state.valid_until)):
            return ""
        return f"the credentials of {way} have ended" if state.healthy else f"{way} does not work now"


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that was passed over, and why."""

    rule_number: int
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Which way, by which rule (0 for none), why; or the code of a refusal and no way.

    Attributes:
        passed: the rules before it, where they were asked for (:func:`explain`).
    """

    way: str
    reason: str
    rule_number: int = 0
    rule: str = ""
    fallback: bool = False
    code: str = ""
    passed: tuple[Passed, ...] = ()


class Rule:
    """A route, ready to be asked. number: its place in the table, from 1."""

    def __init__(self, number: int, route: Route, zone: str) -> None:
        when = self.when = route.when
        self.number, self.name, self.pin = number, route.name, route.pin
        self.to, self.fallback = _listed(route.to), _listed(route.fallback)
        lists = (when.partners, when.documents, when.regions)
        self.partners, self.documents, self.regions = (frozenset(_listed(one)) for one in lists)
        self.bytes = (when.min_bytes, inf if when.max_bytes is None else when.max_bytes)
        self.lines = (when.min_lines, inf if when.max_lines is None else when.max_lines)
        self.zone = ZoneInfo(when.zone or zone)
        self.days = frozenset(_listed(when.days))
        self.first, self.last = when.window
        self.is_timed = bool(when.days or when.hours)

    def mismatch(self, facts: Facts) -> str:
        """Why it is not for a document; empty if it is."""
        when = self.when
        if self.partners and facts.partner not in self.partners:
            return f"it is for {', '.join(sorted(self.partners))}"
        if self.documents and facts.document_type not in self.documents:
            return f"it is for {', '.join(sorted(self.documents))}"
        if facts.document_type == ACKNOWLEDGMENT and not self.documents:
            return f"it does not name {ACKNOWLEDGMENT}"
        if self.regions and facts.region not in self.regions:
            return f"its regions are {', '.join(sorted(self.regions))}"
        if when.test is not None and when.test != facts.test:
            return f"it is {'only' if when.test else 'not'} for tests"
        if not self.bytes[0] <= facts.bytes <= self.bytes[1]:
            return f"the document has {facts.bytes} bytes"
        if not self.lines[0] <= facts.lines <= self.lines[1]:
            return f"the document has {facts.lines} lines"
        if self.is_timed and not self.holds_at(facts.time):
            return f"it is {facts.time.astimezone(self.zone):%A %H:%M} in {self.zone.key}"
        return ""

    def holds_at(self, time: datetime) -> bool:
        """Whether its days and hours hold, by the clock on the wall."""
        local = time.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        is_over_midnight = self.last < self.first
        if is_over_midnight and minute < self.last:
            local -= timedelta(days=1)  # it began yesterday; only its day is asked for
        elif not self.first <= minute < (DAY if is_over_midnight else self.last):
            return False
        return not self.days or DAYS[local.weekday()] in self.days

    def usable(self, facts: Facts) -> list[str]:
        """Its ways that the partner has and a pin allows, in order of preference."""
        return [one for one in self.to if facts.can(one, free=not self.pin)]

    def choose(self, facts: Facts, ways: list[str], passed: tuple[Passed, ...]) -> Decision:
        """Which of its ways."""
        way, reason, is_other, away = ways[0], "its first way", False, facts.away(ways[0])
        if away and not facts.sent:
            others = [one for one in self.fallback if facts.can(one, free=not self.pin)]
            way = next((one for one in (*ways, *others) if not facts.away(one)), way)
            is_other = way in others
        if way != ways[0]:
            reason = f"{away}, so {'its fall-back' if is_other else 'its next way'}"
        elif away:
            reason = f"{away}; the document waits for it{', as part of it was sent' if facts.sent else ''}"
        return Decision(way, reason, self.number, self.name, is_other, passed=passed)


class Table:
    """All rules, and which of them are for a document, without asking each."""

    def __init__(self, routes: Routes = Routes()) -> None:  # noqa: B008 - it is a value
        rules = self.rules = tuple(
            Rule(number, one, routes.zone) for number, one in enumerate(routes.routes, 1)
        )
        self._partners, self._documents, self._regions, self._days = (
            Named([getattr(one, name) for one in rules])
            for name in ("partners", "documents", "regions", "days")
        )
        self._tests = Named([() if one.when.test is None else (one.when.test,) for one in rules])
        self._bytes = Ranges((one.bytes[0], one.bytes[1] + 1) for one in rules)
        self._lines = Ranges((one.lines[0], one.lines[1] + 1) for one in rules)
        self._begun = Ranges((one.first, one.last if one.first < one.last else DAY) for one in rules)
        self._over_midnight = Ranges((0, one.last if one.last < one.first else 0) for one in rules)
        zones = {one.zone for one in rules if one.is_timed}
        self._timed = {zone: having(one.is_timed and one.zone is zone for one in rules) for zone in zones}
        self._to = {way: having(way in one.to for one in rules) for way in WAYS}
        self._pins = having(one.pin for one in rules)
        self._healthy = having(one.when.healthy for one in rules)

    def _for(self, partner: str, document_type: str) -> int:
        found = self._documents.at(document_type) & self._partners.at(partner)
        return found & ~self._documents.free if document_type == ACKNOWLEDGMENT else found

    def rules_for(self, partner: str, document_type: str) -> Iterator[Rule]:
        """Rules that may be for it, in their order."""
        return (self.rules[place] for place in places(self._for(partner, document_type)))

    def first(self, facts: Facts) -> Rule | None:
        """The first rule that is for a document and has a way for it, or that a pin ends at."""
        found = self._for(facts.partner, facts.document_type) & self._regions.at(facts.region)
        found &= self._tests.at(facts.test) & self._bytes.at(facts.bytes) & self._lines.at(facts.lines)
        for zone, timed in self._timed.items():
            if found & timed:
                found &= ~timed | self._now(facts.time.astimezone(zone))
        has_way = works = 0
        for way, rules in self._to.items():
            if facts.can(way, free=True):
                rules &= -1 if facts.can(way) else ~self._pins
                has_way |= rules
                works |= 0 if facts.away(way) else rules
        found &= has_way & (works | ~self._healthy) | (self._pins if facts.bound else 0)
        return self.rules[next(places(found))] if found else None

    def _now(self, local: datetime) -> int:
        """The rules whose days and hours hold, by the clock on the wall, see :meth:`Rule.holds_at`."""
        minute, day = local.hour * 60 + local.minute, local.weekday()
        begun = self._begun.at(minute) & self._days.at(DAYS[day])
        return begun | self._over_midnight.at(minute) & self._days.at(DAYS[day - 1])


def decide(table: Table, facts: Facts) -> Decision:
    """Which way a document goes."""
    rule = table.first(facts)
    if rule is None or (rule.pin and facts.bound):
        return _unruled(facts, ())
    return rule.choose(facts, rule.usable(facts), ())


def explain(table: Table, facts: Facts) -> Decision:
    """The same, by asking each rule in turn, and with why those before it were passed over."""
    passed: list[Passed] = []
    for rule in table.rules:
        why = rule.mismatch(facts)
        if not why and rule.pin and facts.bound:
            break
        if not why:
            ways = rule.usable(facts)
            if ways and not (rule.when.healthy and all(facts.away(one) for one in ways)):
                return rule.choose(facts, ways, tuple(passed))
            why = f"the partner has none of its ways ({', '.join(rule.to)})"
            if ways:
                why = facts.away(ways[0])
            elif any(facts.can(one, free=True) for one in rule.to):
                why = f"pinned: {facts.pinned_by}"
        passed.append(Passed(rule.number, rule.name, why))
    return _unruled(facts, tuple(passed))


def _unruled(facts: Facts, told: tuple[Passed, ...]) -> Decision:
    """What becomes of a document that no rule takes."""
    bound, of = facts.bound, facts.partner
    left = [one for one in (bound,) if facts.can(one)] if bound else [*filter(facts.can, facts.ways)]
    if len(left) == 1:
        is_pinned = facts.pinned and (bound or len(facts.ways) > 1)
        return Decision(
            left[0], f"pinned: {facts.pinned_by}" if is_pinned else f"the only way of {of}", passed=told
        )
    if not left:
        return Decision(
            "", f"{facts.pinned_by}, and {of} has no such way now", code="ROUTE-PINNED", passed=told
        )
    words = f"{of} has the ways {', '.join(left)}, and no rule says which {facts.document_type} goes"
    return Decision("", words, code="ROUTE-NO-RULE", passed=told)
