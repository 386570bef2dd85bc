"""Slots are those of APScheduler where clocks do not change, and one for each time of day where they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.partners.calendar import WEEKDAYS, Calendar, Slots, When

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo",
     "Pacific/Apia", "America/St_Johns", "Asia/Beirut"]
)  # fmt: skip
TIMES = st.integers(1_262_304_000, 2_208_988_800).map(lambda one: datetime.fromtimestamp(one, UTC))
"""From 2010 to 2040."""
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    """A field of a cron expression."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(1, high)
    part = st.one_of(number.map(str), span, st.builds("{}/{}".format, span, step))
    stars = st.one_of(st.just("*"), step.map("*/{}".format))
    return st.one_of(stars, st.lists(part, min_size=1, max_size=3).map(",".join))


@st.composite
def crons(draw: st.DrawFn) -> list[str]:
    parts = [draw(fields(0, 59)), draw(fields(0, 23)), "*", draw(fields(1, 12)), "*"]
    if draw(st.booleans()):
        parts[2] = draw(fields(1, 28))
    else:
        parts[4] = ",".join(draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=3)))
    return parts


@given(crons(), TIMES)
def test_without_changes_of_clocks_slots_are_those_of_another_scheduler(
    parts: list[str], since: datetime
) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    slots = Slots(When(cron=" ".join(parts), zone=zone.key))
    minute, hour, day, month, weekday = parts
    try:
        trigger = CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=weekday, timezone=zone
        )
    except ValueError:  # it refuses steps that are longer than their range, such as 1-1/2
        assume("/" not in "".join(parts))
        raise
    moment = since
    for _ in range(5):
        wanted = trigger.get_next_fire_time(None, moment + timedelta(seconds=1))
        found = slots.next(moment)
        assert found == wanted
        assert found is not None
        assert slots.last(found) == found
        assert slots.last(found - timedelta(microseconds=1)) != found
        moment = found


@given(st.lists(CLOCK, min_size=1, max_size=4, unique=True), ZONES, st.integers(2012, 2037))
def test_each_time_of_each_day_is_one_slot_in_every_zone(at: list[str], name: str, year: int) -> None:
    zone = ZoneInfo(name)
    slots = Slots(When(at=tuple(at), zone=name))
    begin, end = (datetime(one, 1, 1, tzinfo=zone).astimezone(UTC) for one in (year, year + 1))
    found = slots.between(begin - timedelta(seconds=1), end - timedelta(seconds=1))
    assert found == sorted(set(found))
    days = (end - begin).days
    # Two times are one slot where the first does not exist; that is at most once a change of clocks.
    assert days * len(at) - 2 * len(at) <= len(found) <= days * len(at)
    wall = {f"{one.astimezone(zone):%m-%d %H:%M}" for one in found}
    assert len(wall) == len(found), "a time of a day came twice"
    for one in found[:50]:
        assert (
            f"{one.astimezone(zone):%H:%M}" in at
            or one.astimezone(zone).utcoffset() != (one - timedelta(hours=25)).astimezone(zone).utcoffset()
        )


@given(st.lists(CLOCK, min_size=1, max_size=3), ZONES, TIMES, st.lists(st.integers(0, 90_000), max_size=20))
def test_slots_do_not_depend_on_when_one_looks(
    at: list[str], zone: str, since: datetime, steps: list[int]
) -> None:
    slots = Slots(When(at=tuple(at), zone=zone))
    moment, gathered = since, []
    for step in steps:
        later = moment + timedelta(seconds=step)
        gathered += slots.between(moment, later)
        moment = later
    assert gathered == slots.between(since, moment)
    following = since
    for one in gathered[:5]:
        following = slots.next(following) or following
        assert following == one


@given(TIMES, st.floats(0.01, 200), ZONES, st.sampled_from(["", "14:00", "00:00"]))
def test_working_hours_add_up(start: datetime, hours: float, zone: str, cut_off: str) -> None:
    calendar = Calendar(name="x", zone=zone, opens="08:00", closes="17:00", cut_off=cut_off)
    end = calendar.later(start, hours)
    local = end.astimezone(ZoneInfo(zone))
    assert end >= start + timedelta(hours=hours) - timedelta(milliseconds=1)
    assert calendar.is_working(local.date())
    assert 8 <= local.hour + local.minute / 60 <= 17
    assert calendar.later(start, hours + 1) > end
