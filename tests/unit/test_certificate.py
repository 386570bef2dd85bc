"""Which certificate is used when, and what a change of certificates must not leave open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.partners.certificate import ALARMS, Held, covered, ending, receiving, rollover, sending
from gateway.store.keyring import held_of
from tests.certificates import BEGIN, pair

DAY = timedelta(days=1)
ACME = "acme"


def day(number: float) -> datetime:
    """A day after the certificates begin, in a year of 365 days in which all of them are valid."""
    return BEGIN + number * DAY


def theirs(name: str, since: float = 0, until: float = 365, *purposes: str, partner: str = ACME) -> Held:
    made = pair(name, ends=day(365), key="ec" if purposes == ("sign",) else "rsa2048").certificate
    return held_of(made, added=BEGIN, purposes=purposes, since=day(since), until=day(until), partner=partner)


def ours(name: str, since: float = 0, until: float = 365, *purposes: str, partner: str = "") -> Held:
    made = pair(name, ends=day(365))
    held = held_of(made.certificate, made.key, added=BEGIN, purposes=purposes, partner=partner)
    return replace(held, since=day(since), until=day(until))


OLD, NEW = theirs("old", 0, 130), theirs("new", 100)


# --- selection -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "used", "accepted"),
    [
        (-1, None, [NEW, OLD]),
        (0, OLD, [NEW, OLD]),
        (99.99, OLD, [NEW, OLD]),
        (100, NEW, [NEW, OLD]),
        (129.99, NEW, [NEW, OLD]),
        (130, NEW, [NEW]),
        (364.99, NEW, [NEW]),
        (365, None, []),
    ],
)
def test_one_is_sent_with_and_all_that_are_not_over_are_accepted(
    at: float, used: Held | None, accepted: list[Held]
) -> None:
    for held in ([OLD, NEW], [NEW, OLD]):
        assert sending(held, ACME, "sign", day(at)) is used
        assert receiving(held, ACME, "sign", day(at)) == accepted


def test_only_its_purposes_and_its_partner_count() -> None:
    one = theirs("signs", 0, 365, "sign")
    assert sending([one], ACME, "sign", day(1)) is one
    assert sending([one], ACME, "encrypt", day(1)) is None
    assert receiving([one], ACME, "encrypt", day(1)) == []
    assert sending([one], "other", "sign", day(1)) is None
    assert receiving([one], "other", "sign", day(1)) == []


def test_ours_for_one_partner_goes_before_a_newer_one_for_all() -> None:
    special, general = ours("special", 0, 50, partner=ACME), ours("general", 10)
    held = [general, special]
    assert sending(held, ACME, "sign", day(20)) is special
    assert sending(held, "other", "sign", day(20)) is general
    assert sending(held, ACME, "sign", day(50)) is general
    # What the partner encrypts may be for either, what others do for the general one alone.
    assert receiving(held, ACME, "encrypt", day(20)) == [general, special]
    assert receiving(held, "other", "encrypt", day(20)) == [general]


def test_the_validity_of_the_certificate_counts_as_well_as_the_window() -> None:
    made = pair("short", begins=day(10), ends=day(20)).certificate
    one = held_of(made, added=BEGIN, since=day(0), until=day(30), partner=ACME)
    assert [sending([one], ACME, "sign", day(at)) for at in (9, 10, 19, 20)] == [None, one, one, None]
    assert receiving([one], ACME, "sign", day(20)) == []


def test_an_expired_one_counts_until_the_end_of_its_window_where_that_was_agreed() -> None:
    made = pair("late", ends=day(20)).certificate
    longer = held_of(made, added=BEGIN, until=day(30), partner=ACME)
    default = held_of(made, added=BEGIN, partner=ACME)
    assert receiving([longer], ACME, "sign", day(29), expired=True) == [longer]
    assert sending([longer], ACME, "sign", day(29), expired=True) is longer
    assert receiving([longer], ACME, "sign", day(30), expired=True) == []
    assert receiving([default], ACME, "sign", day(20), expired=True) == []


# --- what ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "end"),
    [
        ([], None),
        ([theirs("later", 10)], None),
        ([theirs("a", 0, 50)], 50),
        ([theirs("a", 0, 50), theirs("b", 40, 60)], 60),
        ([theirs("a", 0, 50), theirs("b", 50, 60)], 60),
        ([theirs("a", 0, 50), theirs("b", 51, 60)], 50),
        ([theirs("b", 1, 60), theirs("a", 0, 50), theirs("c", 5, 10)], 60),
    ],
)
def test_covered_is_the_moment_before_the_first_gap(held: list[Held], end: float | None) -> None:
    assert covered(held, ACME, "sign", day(5)) == (None if end is None else day(end))


def test_each_alarm_has_its_day() -> None:
    due = {left: [days for _, days in ending([OLD], day(130 - left))] for left in range(62, -2, -1)}
    assert due[61] == due[62] == []
    assert due[60] == due[31] == [60]
    assert due[30] == due[15] == [30]
    assert due[14] == due[8] == [14]
    assert due[7] == due[2] == [7]
    assert due[1] == due[0] == due[-1] == [1]
    assert {days for told in due.values() for days in told} == set(ALARMS)


def test_what_is_followed_by_another_is_no_alarm() -> None:
    assert list(ending([OLD, NEW], day(129))) == []
    only_signs = theirs("only signs", 100, 365, "sign")
    assert [one for one, _ in ending([OLD, only_signs], day(129))] == [OLD]
    gap = theirs("gap", 131)
    assert [one for one, _ in ending([OLD, gap], day(129))] == [OLD]


def test_an_old_one_beside_one_in_force_is_no_alarm() -> None:
    assert list(ending([OLD, NEW], day(200))) == []
    assert [one for one, _ in ending([OLD], day(200))] == [OLD]


# --- rollover --------------------------------------------------------------------------------------------


def test_a_rollover_changes_sending_on_the_day_and_accepts_both_around_it() -> None:
    old, new = theirs("o"), theirs("n")
    plan = rollover([old], new, day(100), 30 * DAY, day(50))
    assert [(one.fingerprint, one.since, one.until) for one in plan] == [
        (new.fingerprint, day(100), day(365)),
        (old.fingerprint, day(0), day(130)),
    ]
    names = {one.fingerprint: "new" if one is plan[0] else "old" for one in plan}
    sent = [sending(plan, ACME, "encrypt", day(at)) for at in (50, 99, 100, 140)]
    assert [one and names[one.fingerprint] for one in sent] == ["old", "old", "new", "new"]
    taken = [receiving(plan, ACME, "sign", day(at)) for at in (50, 129, 130)]
    assert [[names[one.fingerprint] for one in some] for some in taken] == [["new", "old"]] * 2 + [["new"]]


def test_a_rollover_leaves_the_end_of_an_old_one_that_is_sooner() -> None:
    old = theirs("o", 0, 110)
    assert rollover([old], theirs("n"), day(100), 30 * DAY, day(50))[1].until == day(110)


@pytest.mark.parametrize(
    ("held", "new", "on", "words"),
    [
        ([], NEW, 100, "none in use that it would follow"),
        ([theirs("o", 0, 40)], NEW, 100, "none in use that it would follow"),
        ([theirs("o", partner="other")], NEW, 100, "none in use that it would follow"),
        ([theirs("o", 0, 90)], NEW, 100, "from 2026-04-01 00:00 on there would be none to encrypt with"),
        ([theirs("o")], NEW, 365, "the new one ends 2027-01-01 00:00, before"),
        ([theirs("o", 60)], NEW, 100, "from 2026-02-20 00:00 on there would be none to encrypt with"),
        ([theirs("o"), theirs("p", 100)], NEW, 100, "is used from 2026-04-11 00:00 on, not before it"),
        ([theirs("o")], theirs("n", 0, 365, "sign"), 100, "from 2026-05-11 00:00 on .* none to encrypt with"),
    ],
)
def test_a_rollover_that_leaves_a_gap_is_refused(held: list[Held], new: Held, on: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rollover(held, new, day(on), 30 * DAY, day(50))


def test_a_rollover_to_one_that_is_not_valid_yet_is_refused() -> None:
    new = held_of(pair("n", begins=day(101), ends=day(365)).certificate, added=BEGIN, partner=ACME)
    with pytest.raises(ValueError, match="valid from 2026-04-12 00:00 on only"):
        rollover([theirs("o")], new, day(100), 30 * DAY, day(50))


def test_a_rollover_to_one_that_is_there_moves_its_beginning() -> None:
    old, new = theirs("o"), theirs("n", 40)
    held = [old, new]
    plan = rollover(held, new, day(100), 30 * DAY, day(50))
    assert [one.since for one in plan] == [day(100), day(0)]
    assert rollover(plan, plan[0], day(100), 30 * DAY, day(50)) == plan


def test_a_rollover_of_ours_for_a_partner_leaves_the_one_for_all_alone() -> None:
    general, special, new = ours("g"), ours("s", partner=ACME), ours("n", partner=ACME)
    plan = rollover([general, special], new, day(100), DAY, day(50))
    assert [one.fingerprint for one in plan] == [new.fingerprint, special.fingerprint]


_WINDOWS = st.tuples(st.integers(0, 200), st.integers(1, 200)).map(lambda two: (two[0], sum(two)))


@given(st.lists(_WINDOWS, max_size=3), st.integers(0, 300), st.integers(0, 60), st.integers(0, 300))
def test_no_rollover_makes_a_moment_without_a_certificate(
    windows: list[tuple[int, int]], on: int, overlap: int, now: int
) -> None:
    held = [theirs(f"w{number}", *times) for number, times in enumerate(windows)]
    new = theirs("n")
    try:
        plan = rollover(held, new, day(on), overlap * DAY, day(now))
    except ValueError:
        return
    changed = {one.fingerprint: one for one in (*held, *plan)}
    for at in range(now, 365):
        before, after = (sending(some, ACME, "sign", day(at)) for some in (held, changed.values()))
        assert after is not None
        assert (after.fingerprint == new.fingerprint) == (at >= on)
        assert at >= on or after.fingerprint == (before and before.fingerprint)
        if at < on + overlap:
            accepted = {one.fingerprint for one in receiving(changed.values(), ACME, "sign", day(at))}
            assert accepted >= {one.fingerprint for one in receiving(held, ACME, "sign", day(at))}


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "is_fine"), [("rsa2048", True), ("rsa1024", False), ("ec", True), ("k1", False)]
)
def test_a_short_key_is_refused_and_a_partners_is_taken_on_a_word(kind: str, is_fine: bool) -> None:
    made = pair("strength", key=kind)
    purposes = ["sign"]
    if is_fine:
        held = held_of(made.certificate, made.key, added=BEGIN, purposes=purposes)
        assert not held.weak
        assert not held_of(made.certificate, added=BEGIN, partner=ACME, weak=True).weak
        return
    for key, weak in ((None, False), (made.key, False), (made.key, True)):
        with pytest.raises(ValueError, match="is too weak"):
            held_of(made.certificate, key, added=BEGIN, purposes=purposes, partner=ACME, weak=weak)
    assert held_of(made.certificate, added=BEGIN, purposes=purposes, partner=ACME, weak=True).weak


def test_a_key_that_is_not_of_the_certificate_is_refused() -> None:
    for kind in ("rsa2048", "ec"):
        with pytest.raises(ValueError, match="does not belong"):
            held_of(pair("a").certificate, pair("b", key=kind).key, added=BEGIN)


def test_purposes_follow_what_the_certificate_allows() -> None:
    allowed = {
        usage: held_of(pair(f"usage {usage}", usage=usage).certificate, added=BEGIN, partner=ACME).purposes
        for usage in ("", "sign", "encrypt")
    }
    assert allowed == {"": ("sign", "encrypt"), "sign": ("sign",), "encrypt": ("encrypt",)}
    assert held_of(pair("curve", key="ec384").certificate, added=BEGIN, partner=ACME).purposes == ("sign",)
    with pytest.raises(ValueError, match="can only sign"):
        held_of(pair("curve", key="ec384").certificate, added=BEGIN, purposes=["encrypt"], partner=ACME)


def test_a_purpose_or_window_that_means_nothing_is_refused() -> None:
    made = pair("a")
    with pytest.raises(ValueError, match="'tls' is no purpose"):
        held_of(made.certificate, added=BEGIN, purposes=["sign", "tls"], partner=ACME)
    assert held_of(made.certificate, made.key, added=BEGIN, purposes=["tls"]).purposes == ("tls",)
    with pytest.raises(ValueError, match="'print' is no purpose"):
        held_of(made.certificate, made.key, added=BEGIN, purposes=["print"])
    with pytest.raises(ValueError, match="never"):
        held_of(made.certificate, added=BEGIN, since=day(2), until=day(2), partner=ACME)


def test_words_and_values_have_no_key() -> None:
    one = ours("secret")
    assert "key" not in repr(one).lower()
    assert set(one.facts) == {"whose", "fingerprint", "name", "purposes", "since", "until"}
    assert (one.whose, replace(one, partner=ACME).whose, NEW.whose) == ("us", "us", ACME)
    assert one.pair.certificate is one.certificate
    assert datetime.fromisoformat(one.facts["since"]).replace(tzinfo=UTC) == BEGIN
