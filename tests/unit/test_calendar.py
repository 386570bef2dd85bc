"""Working days, and the slots of schedules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.partners.calendar import Calendar, Slots, When

BERLIN, COAST = "Europe/Berlin", "America/Los_Angeles"
DE = Calendar(
    name="de",
    zone=BERLIN,
    opens="08:00",
    closes="17:00",
    cut_off="14:00",
    holidays=("2026-12-25", "2026-05-01"),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(since: str, until: str, **rule: Any) -> list[str]:
    """Slots of a rule between two UTC times, as UTC."""
    calendar = DE if rule.get("calendar") else None
    found = Slots(When(**rule), calendar).between(utc(since), utc(until))
    return [f"{one:%Y-%m-%d %H:%M}" for one in found]


def test_times_of_day_are_those_of_the_zone_in_summer_and_in_winter() -> None:
    assert slots("2026-03-28", "2026-03-31", at=("11:00", "16:00"), zone=BERLIN) == [
        "2026-03-28 10:00", "2026-03-28 15:00", "2026-03-29 09:00", "2026-03-29 14:00", "2026-03-30 09:00",
        "2026-03-30 14:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "slot"),
    [
        (BERLIN, "2026-03-29", "2026-03-29 01:30"),  # does not exist; the clock says 03:30
        (BERLIN, "2026-10-25", "2026-10-25 00:30"),  # exists twice; the first, in summer time
        (COAST, "2026-03-08", "2026-03-08 10:30"),
        (COAST, "2026-11-01", "2026-11-01 08:30"),
    ],
)
def test_a_time_that_does_not_exist_or_exists_twice_is_one_slot(zone: str, day: str, slot: str) -> None:
    hour = "01:30" if (zone, day) == (COAST, "2026-11-01") else "02:30"
    rule = {"at": (hour,), "zone": zone}
    start = f"{date.fromisoformat(day) - timedelta(days=1)}T12:00"
    end = f"{date.fromisoformat(day)}T20:00"
    assert slots(start, end, **rule) == [slot]
    cron = {"cron": f"{int(hour[3:])} {int(hour[:2])} * * *", "zone": zone}
    assert slots(start, end, **cron) == [slot]


def test_two_times_that_become_the_same_are_one_slot() -> None:
    assert slots("2026-03-29", "2026-03-29T12:00", at=("02:30", "03:30"), zone=BERLIN) == ["2026-03-29 01:30"]


def test_what_runs_in_every_hour_goes_on_through_the_hour_that_comes_twice() -> None:
    assert len(slots("2026-01-01", "2027-01-01", cron="30 * * * *", zone=BERLIN)) == 8760
    assert slots("2026-10-24T23:00", "2026-10-25T02:00", cron="30 * * * *", zone=BERLIN) == [
        "2026-10-24 23:30", "2026-10-25 00:30", "2026-10-25 01:30",
    ]  # fmt: skip


def test_slots_of_a_calendar_are_on_its_working_days() -> None:
    # 30 April is a Thursday, 1 May a holiday, 4 May a Monday.
    rule: dict[str, Any] = {"at": ("11:00",), "calendar": "de"}
    assert slots("2026-04-30", "2026-05-05", **rule) == ["2026-04-30 09:00", "2026-05-04 09:00"]
    assert Slots(When(**rule), DE).zone.key == BERLIN
    assert Slots(When(**rule, zone=COAST), DE).zone.key == COAST


def test_days_and_cron_choose_days() -> None:
    week = ("2026-03-02", "2026-03-09")  # Monday to Sunday
    assert slots(*week, at=("06:00",), days=("mon", "sun")) == ["2026-03-02 06:00", "2026-03-08 06:00"]
    assert slots(*week, cron="0 6 * * 1,7") == slots(*week, cron="0 6 * * sun,mon") != []
    assert slots(*week, cron="0 6 * * 0,1") == ["2026-03-02 06:00", "2026-03-08 06:00"]
    assert slots(*week, cron="0 6 * * fri-sun") == [f"2026-03-0{day} 06:00" for day in (6, 7, 8)]
    assert slots("2026-01-01", "2026-12-31", cron="0 6 31 jan-apr *") == [
        "2026-01-31 06:00",
        "2026-03-31 06:00",
    ]
    assert slots("2026-03-02", "2026-03-03", cron="*/20 8-9/1 * * *") == [
        f"2026-03-02 {time}" for time in ("08:00", "08:20", "08:40", "09:00", "09:20", "09:40")
    ]
    assert slots("2026-03-02", "2026-03-03", cron="50/5 23 * * *") == ["2026-03-02 23:50", "2026-03-02 23:55"]


def test_a_period_counts_from_1970_whatever_the_start() -> None:
    rule = Slots(When(every_seconds=900))
    assert rule.next(utc("2026-03-02T09:20:01")) == utc("2026-03-02T09:30")
    assert rule.next(utc("2026-03-02T09:30")) == utc("2026-03-02T09:45")
    assert rule.last(utc("2026-03-02T09:30")) == utc("2026-03-02T09:30")
    assert rule.last(utc("2026-03-02T09:29:59")) == utc("2026-03-02T09:15")


def test_the_next_and_the_last_slot_may_be_years_away() -> None:
    leap = Slots(When(cron="0 12 29 2 *"))
    assert leap.next(utc("2026-03-02")) == utc("2028-02-29T12:00")
    assert leap.last(utc("2026-03-02")) == utc("2024-02-29T12:00")
    assert leap.next(utc("2096-03-01")) == utc("2104-02-29T12:00")
    never = Slots(When(at=("11:00",), days=("sun",), calendar="de"), DE)
    assert never.next(utc("2026-03-02")) is None
    assert never.last(utc("2026-03-02")) is None


def test_what_comes_after_the_cut_off_counts_as_of_the_next_working_day() -> None:
    assert DE.working_day(utc("2026-03-02T12:59")) == date(2026, 3, 2)
    assert DE.working_day(utc("2026-03-02T13:00")) == date(2026, 3, 3)  # 14:00 in Berlin
    assert DE.working_day(utc("2026-03-06T13:00")) == date(2026, 3, 9)  # Friday
    assert DE.working_day(utc("2026-07-02T12:00")) == date(2026, 7, 3)  # in summer
    assert DE.working_day(utc("2026-12-25T07:00")) == date(2026, 12, 28)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-03-02T09:00", 4, "2026-03-02T13:00"),
        ("2026-03-02T04:00", 1, "2026-03-02T08:00"),  # before it opens
        ("2026-03-02T12:30", 6, "2026-03-03T09:30"),  # 3.5 hours until 17:00 in Berlin
        ("2026-03-02T13:30", 1, "2026-03-03T08:00"),  # after the cut-off
        ("2026-03-06T12:00", 24, "2026-03-11T09:00"),  # over a weekend
        ("2026-03-27T12:00", 5, "2026-03-30T07:00"),  # over the change of clocks
    ],
)
def test_working_hours_pass_while_it_is_open(start: str, hours: float, end: str) -> None:
    assert DE.later(utc(start), hours) == utc(end)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, "write one of"),
        ({"at": ("11:00",), "cron": "* * * * *"}, "write one of"),
        ({"at": ("25:00",)}, "write a time of day"),
        ({"at": ("24:00",)}, "write 00:00"),
        ({"at": ("9:00",)}, "write a time of day"),
        ({"at": ("09:60",)}, "write a time of day"),
        ({"at": ("09:00",), "days": ("Monday",)}, "choose of mon"),
        ({"at": ("09:00",), "zone": "Europe/Berlinn"}, "IANA"),
        ({"at": ("09:00",), "zone": "../../etc/passwd"}, "IANA"),
        ({"at": ("09:00",), "catch_up": "all"}, "once, skip"),
        ({"every_seconds": 60, "zone": "UTC"}, "no zone"),
        ({"every_seconds": -1}, "1 to 604800"),
        ({"every_seconds": 60, "days": ("mon",)}, "belong to at"),
        ({"cron": "* * * *"}, "write minute"),
        ({"cron": "60 * * * *"}, "minute '60': 0 to 59"),
        ({"cron": "5-1 * * * *"}, "the first not after"),
        ({"cron": "*/0 * * * *"}, "0 to 59"),
        ({"cron": "@daily * * * *"}, "crontab"),
        ({"cron": "0 0 1 * mon"}, "different things"),
        ({"cron": "0 0 31 2 *"}, "no such day"),
        ({"cron": "0,1," * 99 + " * * * *"}, "write minute"),
    ],
)
def test_a_rule_that_means_nothing_is_refused_in_words(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        When(**rule)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zone": "Mars"}, "IANA"),
        ({"days": ()}, "at least one"),
        ({"days": ("xmas",)}, "choose of"),
        ({"opens": "17:00", "closes": "08:00"}, "at least an hour"),
        ({"cut_off": "2 pm"}, "time of day"),
        ({"holidays": ("2026-02-30",)}, "2026-12-25"),
        ({"holidays": ("25.12.2026",)}, "2026-12-25"),
    ],
)
def test_a_calendar_that_means_nothing_is_refused_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Calendar(name="x", **changes)


def test_rules_are_told_in_words() -> None:
    told = [
        When(every_seconds=900).words,
        When(every_seconds=90).words,
        When(at=("11:00", "16:00"), calendar="de").words,
        When(at=("11:00",), days=("mon", "fri")).words,
        When(cron="0 6 * * 1-5").words,
    ]
    assert told == [
        "every 15 min",
        "every 90 s",
        "at 11:00, 16:00, working days of de",
        "at 11:00 on mon, fri",
        "cron 0 6 * * 1-5",
    ]
