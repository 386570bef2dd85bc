"""The clock decides when something is looked for. What is done is a job: a restart loses and doubles nothing.

APScheduler keeps the times, in memory. On SQLite the one process that holds the home has the clock; on
PostgreSQL the node that holds an advisory lock. Every slot is taken in the store, so that even clocks without
such a leader would run each slot once. Schedules with times of their own have no leader: a slot is not to be
missed because a leader died in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from threading import Event

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from gateway.partners.calendar import Slots

_LEADER = 4713
"""Key of the advisory lock."""

_LOOK_SECONDS = 1.0
_JUMP_SECONDS = 2.0


class _Trigger(BaseTrigger):  # type: ignore[misc]
    """The slots of a schedule."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    def get_next_fire_time(self, _: datetime | None, now: datetime) -> datetime | None:
        return self._slots.next(now)


class Clock:
    """Calls ``tick`` with the name of what is due.

    Args:
        periods: seconds between two slots, by name.
        tick: takes name and number of the slot; may raise, and is then called at the next slot.
        trouble: is told what it raised.
        schedules: what has times of its own, by name.
        fire: takes the name of one and its slots, at each slot and at the start; may raise as ``tick``.
    """

    def __init__(
        self,
        engine: Engine,
        periods: Mapping[str, float],
        tick: Callable[[str, int], None],
        trouble: Callable[[Exception], None],
        schedules: Mapping[str, Slots],
        fire: Callable[[str, Slots], None],
    ) -> None:
        self._engine = engine
        self._periods = periods
        self._tick = tick
        self._trouble = trouble
        self._schedules, self._fire = schedules, fire
        self._leading: Connection | None = None

    def run(self, stop: Event) -> None:
        """Keeps the time until ``stop`` is set."""
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for name, seconds in self._periods.items():
            run = partial(self._due, name, seconds)
            scheduler.add_job(run, "interval", seconds=seconds, next_run_time=datetime.now(UTC), id=name)
        for name, slots in self._schedules.items():
            run = partial(self._safely, partial(self._fire, name, slots))
            scheduler.add_job(run, _Trigger(slots), next_run_time=datetime.now(UTC), id=f"at {name}")
        scheduler.start()
        offset = time.time() - time.monotonic()
        try:
            while not stop.wait(_LOOK_SECONDS):
                before, offset = offset, time.time() - time.monotonic()
                if offset < before - _JUMP_SECONDS:  # the clock was set back: what waits would wait that long
                    for job in scheduler.get_jobs():
                        job.modify(next_run_time=datetime.now(UTC))
        finally:
            scheduler.shutdown(wait=True)
            self._resign()

    def _due(self, name: str, seconds: float) -> None:
        try:
            if self._leads():
                self._tick(name, int(time.time() // seconds))
        except Exception as error:  # noqa: BLE001 - the clock goes on, whatever happens
            self._resign()
            self._trouble(error)

    def _safely(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - as above
            self._trouble(error)

    def _leads(self) -> bool:
        if self._engine.dialect.name == "sqlite":
            return True
        if self._leading is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if not connection.execute(text(f"SELECT pg_try_advisory_lock({_LEADER})")).scalar():
                connection.close()
                return False
            # A leader that stands still makes way: the sweep alone asks every 30 seconds.
            connection.execute(text("SET idle_session_timeout = '90s'"))
            self._leading = connection
        self._leading.execute(text("SELECT 1"))  # whose connection is gone, leads no longer
        return True

    def _resign(self) -> None:
        connection, self._leading = self._leading, None
        if connection is not None:
            with suppress(DBAPIError):
                connection.invalidate()
                connection.close()
