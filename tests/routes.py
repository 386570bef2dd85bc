"""Tables of routes, partners and facts, made and drawn."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from gateway.documents import KINDS
from gateway.partners.agreement import Send
from gateway.partners.partner import WAYS, Identifier, Partner
from gateway.routing.table import DAYS, EDI, Facts, Route, Routes, Way, When


class Reached(Partner):
    """A partner with ways of which the settings do not matter."""

    given: tuple[str, ...]

    @property
    def ways(self) -> tuple[str, ...]:
        return self.given


def partner_of(name: str, *ways: str, sends: tuple[str, ...] = ()) -> Partner:
    """A partner with these ways."""
    identifiers = (Identifier(qualifier="ZZ", id=name.upper()),)
    made = Reached(id=name, name=name, identifiers=identifiers, send=tuple(Send(set=one) for one in sends))
    object.__setattr__(made, "given", ways)
    return made


PARTNERS = {
    one.id: one
    for one in (
        partner_of("lone", "as2"),
        partner_of("plain", "folder"),
        partner_of("two", "as2", "sftp"),
        partner_of("amazon", "api", "as2"),
        partner_of("all", "api", "as2", "sftp", "webhook"),
    )
}
_KINDS = ("invoice", "ship_notice", "functional_acknowledgment")
_ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles")
_WINDOWS = ("", "08:00-17:00", "22:00-06:00", "02:00-03:00", "00:00-24:00")
assert set(_KINDS) <= set(KINDS)


def _some(values: tuple[str, ...], most: int = 2) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


_whens = st.builds(
    When,
    partners=_some((*PARTNERS, "nobody")),
    documents=_some(_KINDS),
    regions=_some(("US", "CA"), 1),
    test=st.sampled_from((None, None, True, False)),
    min_bytes=st.sampled_from((0, 0, 5)),
    max_bytes=st.sampled_from((None, None, 7)),
    min_lines=st.sampled_from((0, 0, 2)),
    max_lines=st.sampled_from((None, None, 4)),
    days=_some(DAYS, 1),
    hours=st.sampled_from(_WINDOWS),
    zone=st.sampled_from(("", *_ZONES)),
    healthy=st.sampled_from((False, False, True)),
)


@st.composite
def _routes(draw: st.DrawFn) -> Routes:
    made = []
    for number in range(draw(st.integers(0, 8))):
        given = draw(st.lists(st.sampled_from(WAYS), min_size=1, max_size=4, unique=True))
        cut = draw(st.integers(1, len(given)))
        to, fallback = tuple(given[:cut]), tuple(given[cut:])
        when = draw(st.one_of(st.just(When()), _whens))
        made.append(Route(name=f"r{number}", to=to, fallback=fallback, when=when, pin=draw(st.booleans())))
    return Routes(routes=tuple(made), zone=draw(st.sampled_from(_ZONES)))


@st.composite
def _facts(draw: st.DrawFn) -> Facts:
    partner = draw(st.sampled_from([*PARTNERS.values()]))
    ends = st.sampled_from((None, datetime(2026, 3, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)))
    minutes = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    return Facts(
        partner=partner.id,
        document_type=draw(st.sampled_from(_KINDS)),
        time=draw(minutes),
        ways={way: Way(draw(st.booleans()), draw(ends)) for way in partner.ways},
        region=draw(st.sampled_from(("", "US", "CA", "DE"))),
        test=draw(st.booleans()),
        bytes=draw(st.integers(0, 9)),
        lines=draw(st.integers(0, 6)),
        pinned=draw(st.sampled_from(("", "", EDI, *WAYS))),
        pinned_by="it is so",
        sent=draw(st.booleans()),
    )


def tables() -> st.SearchStrategy[Routes]:
    """Tables of up to eight rules."""
    return _routes()


def all_facts() -> st.SearchStrategy[Facts]:
    """Facts about documents of :data:`PARTNERS`."""
    return _facts()
