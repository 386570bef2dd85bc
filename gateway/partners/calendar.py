"""When something is due: working days, and the slots of a schedule, of which each is known by its UTC time.

A time of day is meant in a zone. One that does not exist, when clocks go forward, is that much later on the
clock (02:30 is 03:30); of one that exists twice, when they go back, the first counts. So each is one slot.
Only a cron expression for every hour goes on through the hour that comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from zoneinfo import ZoneInfo

from gateway.partners.setting import setting

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = timedelta(days=1)
_FARTHEST = timedelta(days=5000)
"""Farther is not looked; the longest time between two slots is eight years, between 29 Februaries."""

CATCH_UP = ("once", "skip")


def checked_zone(name: str) -> ZoneInfo:
    """A zone by its name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"zone {name!r}: write a zone of the IANA list, as Europe/Berlin") from None


def _minutes(text: str, name: str) -> int:
    """Minutes since midnight; 24:00 is the end of a day."""
    found = re.fullmatch(r"(\d\d):(\d\d)", text, re.ASCII)
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else 1441
    if minutes > 1440:
        raise ValueError(f'{name} {text!r}: write a time of day, as "14:00"')
    return minutes


def _checked_days(days: tuple[str, ...]) -> None:
    if wrong := [one for one in days if one not in WEEKDAYS]:
        raise ValueError(f"days {wrong[0]!r}: choose of {', '.join(WEEKDAYS)}")


def _instant(day: date, minutes: int, zone: ZoneInfo, fold: int = 0) -> datetime:
    day, minutes = (day + _DAY, 0) if minutes == 1440 else (day, minutes)
    return datetime.combine(day, time(*divmod(minutes, 60), fold=fold), zone).astimezone(UTC)


@setting
class Calendar:
    """Working days and their hours.

    Attributes:
        name: what schedules and deadlines call it.
        zone: IANA time zone. days: of the week.
        opens, closes: between which working hours count; at least one hour.
        cut_off: what comes on a working day at this time or later counts as of the next one; empty for none.
        holidays: days, as ``2026-12-25``.
    """

    name: str
    zone: str = "UTC"
    days: tuple[str, ...] = WEEKDAYS[:5]
    opens: str = "00:00"
    closes: str = "24:00"
    cut_off: str = ""
    holidays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checked_zone(self.zone)
        _checked_days(self.days)
        if not self.days:
            raise ValueError("days: at least one is needed")
        if _minutes(self.closes, "closes") - _minutes(self.opens, "opens") < 60:
            raise ValueError("opens and closes: at least an hour must lie between them")
        if self.cut_off:
            _minutes(self.cut_off, "cut_off")
        for one in self.holidays:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", one, re.ASCII) or not _is_date(one):
                raise ValueError(f"holidays {one!r}: write days as 2026-12-25")

    def is_working(self, day: date) -> bool:
        """Whether it is a working day."""
        return WEEKDAYS[day.weekday()] in self.days and day.isoformat() not in self.holidays

    def working_day(self, at: datetime) -> date:
        """The working day as of which something counts that comes at a time: by ``cut_off``, or the next."""
        zone = checked_zone(self.zone)
        day = at.astimezone(zone).date()
        if self.cut_off and at >= _instant(day, _minutes(self.cut_off, ""), zone):
            day += _DAY
        while not self.is_working(day):
            day += _DAY
        return day

    def later(self, start: datetime, hours: float) -> datetime:
        """When so many working hours have passed, from ``start`` or the later day as of which it counts."""
        zone, left = checked_zone(self.zone), timedelta(hours=hours)
        day = self.working_day(start)
        while True:
            if self.is_working(day):
                begin = max(start, _instant(day, _minutes(self.opens, ""), zone))
                passed = _instant(day, _minutes(self.closes, ""), zone) - begin
                if passed >= left:
                    return begin + left
                left -= max(passed, timedelta())
            day += _DAY


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


@setting
class When:
    """When something is done again and again: one of ``every_seconds``, ``at`` and ``cron``.

    Attributes:
        every_seconds: at the multiples of it since 1970, UTC.
        at: times of day. days: of the week; empty for all.
        cron: minute, hour, day of the month, month and day of the week, as crontab(5) has them.
        zone: IANA time zone of these; empty for that of the calendar, or UTC.
        calendar: only on its working days; empty for all.
        catch_up: ``once``: a slot that was missed while nobody ran is made up for, one for all that were
            missed; ``skip``: it is left out.
    """

    every_seconds: int = 0
    at: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    cron: str = ""
    zone: str = ""
    calendar: str = ""
    catch_up: str = "once"

    def __post_init__(self) -> None:
        if sum(map(bool, (self.every_seconds, self.at, self.cron))) != 1:
            raise ValueError("write one of every_seconds, at and cron")
        if self.every_seconds and (self.zone or self.calendar):
            raise ValueError("every_seconds knows no zone and no calendar; write cron, as */15 8-17 * * *")
        if not 0 <= self.every_seconds <= 7 * 86_400:
            raise ValueError("every_seconds is 1 to 604800 (a week)")
        if self.days and not self.at:
            raise ValueError("days belong to at")
        _checked_days(self.days)
        if self.zone:
            checked_zone(self.zone)
        if self.catch_up not in CATCH_UP:
            raise ValueError(f"catch_up {self.catch_up!r}: choose one of {', '.join(CATCH_UP)}")
        if not self.every_seconds and Slots(self).next(datetime(2000, 1, 1, tzinfo=UTC)) is None:
            raise ValueError(f"cron {self.cron!r}: there is no such day")

    @property
    def words(self) -> str:
        """The rule in words, but for its zone."""
        if self.every_seconds:
            sizes = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
            size, unit = next(one for one in sizes if self.every_seconds % one[0] == 0)
            return f"every {self.every_seconds // size} {unit}"
        said = f"at {', '.join(self.at)}" if self.at else f"cron {self.cron}"
        said += f" on {', '.join(self.days)}" if self.days else ""
        return said + (f", working days of {self.calendar}" if self.calendar else "")


@dataclass(frozen=True, slots=True)
class _Times:
    """On which days, at which minutes of them; ``hourly``: in every hour."""

    minutes: tuple[int, ...]
    days: frozenset[int] = frozenset(range(1, 32))
    months: frozenset[int] = frozenset(range(1, 13))
    weekdays: frozenset[int] = frozenset(range(7))
    hourly: bool = False


def _field(text: str, name: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """The numbers that a field of a cron expression stands for."""
    found: set[int] = set()
    for part in text.lower().split(","):
        known = {one: number for number, one in enumerate(names, low)}
        span, _, step = part.partition("/")
        first, _, last = ("*", "", "") if span == "*" else span.partition("-")
        ends = [
            str(known.get(one, one)) for one in ((str(low), str(high)) if first == "*" else (first, last))
        ]
        ends[1] = ends[1] or (str(high) if step else ends[0])
        if not all(re.fullmatch(r"\d{1,2}", one, re.ASCII) for one in (*ends, step or "1")):
            raise ValueError(f"cron: {name} {text!r} is not what crontab(5) allows")
        begin, end, stride = int(ends[0]), int(ends[1]), int(step or 1)
        if not low <= begin <= end <= high or not stride:
            raise ValueError(f"cron: {name} {text!r}: {low} to {high}, the first not after the last")
        found.update(range(begin, end + 1, stride))
    return frozenset(found)


@lru_cache(maxsize=256)
def _times(when: When) -> _Times:
    if when.at:
        given = tuple(sorted({_minutes(one, "at") for one in when.at}))
        if given[-1] == 1440:
            raise ValueError('at "24:00": write 00:00 for the beginning of a day')
        return _Times(given, weekdays=frozenset(map(WEEKDAYS.index, when.days or WEEKDAYS)))
    parts = when.cron.split()
    if len(parts) != 5 or len(when.cron) > 200:
        raise ValueError(f"cron {when.cron!r}: write minute, hour, day, month and day of the week")
    if parts[2] != "*" and parts[4] != "*":  # crontab(5) takes days of either, others those of both
        raise ValueError(
            "cron: day of the month and of the week together mean different things to different people"
        )
    minutes, hours = _field(parts[0], "minute", 0, 59), _field(parts[1], "hour", 0, 23)
    weekdays = _field(parts[4], "day of the week", 0, 7, ("sun", *WEEKDAYS))
    return _Times(
        tuple(sorted(hour * 60 + minute for hour, minute in product(hours, minutes))),
        _field(parts[2], "day", 1, 31),
        _field(parts[3], "month", 1, 12, _MONTHS),
        frozenset((one - 1) % 7 for one in weekdays),
        len(hours) == 24,
    )


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a rule, in UTC; ``calendar`` is the one it names, if it names one."""

    when: When
    calendar: Calendar | None = None

    @property
    def zone(self) -> ZoneInfo:
        """Where its times of day are meant."""
        return checked_zone(self.when.zone or (self.calendar.zone if self.calendar else "UTC"))

    def between(self, since: datetime, until: datetime) -> list[datetime]:
        """Those after ``since``, up to ``until``."""
        if every := self.when.every_seconds:
            numbers = range(int(since.timestamp() // every) + 1, int(until.timestamp() // every) + 1)
            return [datetime.fromtimestamp(number * every, UTC) for number in numbers]
        return sorted({one for one in self._around(since, until) if since < one <= until})

    def _around(self, since: datetime, until: datetime) -> Iterator[datetime]:
        zone, times = self.zone, _times(self.when)
        day, last = (one.astimezone(zone).date() for one in (since - _DAY, until + _DAY))
        while day <= last:
            mine = day.day in times.days and day.month in times.months and day.weekday() in times.weekdays
            if mine and (self.calendar is None or self.calendar.is_working(day)):
                for minutes in times.minutes:
                    yield (first := _instant(day, minutes, zone))
                    if times.hourly and (second := _instant(day, minutes, zone, fold=1)) > first:
                        yield second
            day += _DAY

    def next(self, after: datetime) -> datetime | None:
        """The first after a time; None if there is none for years, as a calendar may say."""
        found = (self.between(after, after + step) for step in self._steps())
        return next((some[0] for some in found if some), None)

    def last(self, until: datetime) -> datetime | None:
        """The last that is not after a time; None as of :meth:`next`."""
        found = (self.between(until - step, until) for step in self._steps())
        return next((some[-1] for some in found if some), None)

    def _steps(self) -> Iterator[timedelta]:
        step = timedelta(seconds=self.when.every_seconds) or _DAY
        while step < _FARTHEST:
            yield step
            step *= 2
