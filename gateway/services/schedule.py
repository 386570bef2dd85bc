"""Slots of schedules become jobs, each once however many clocks there are, and what they do beside polls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.errors import NotFoundError
from gateway.partners.calendar import Slots
from gateway.services import outbound
from gateway.services.base import Services

_LATE = timedelta(minutes=5)
"""A slot that is older was missed; a clock that starts, or takes over, comes to the others in time."""


def fire(services: Services, name: str, slots: Slots) -> bool:
    """Enqueues the job of a schedule, if a slot is due that nobody took; of several the last alone."""
    now, store = services.clock(), services.store
    slot = slots.last(now)
    if slot is None:
        return False
    with store.transaction():
        if not store.take_run(name, slot):
            return False
        if slots.when.catch_up == "skip" and now - slot > _LATE:
            store.end_run(name, "left out, as it was missed")
            return False
        if not services.jobs.waiting(store.connection, [name], taken=False):
            services.enqueue([name])
    return True


def run(services: Services, name: str, reason: str) -> None:
    """Enqueues the job of a schedule now, whatever its times are. Raises NotFoundError."""
    if name not in services.settings.schedules:
        raise NotFoundError(f"There is no schedule {name!r}. `edigw schedule list` names them.")
    with services.store.transaction():
        services.store.audit("schedule.asked", schedule=name, reason=reason)
        services.enqueue([name])


def close(services: Services, window: str) -> None:
    """Sends what waits for the batches of ``<partner>|<set>``."""
    for batch, _ in services.store.batches():
        if batch.startswith(f"{window}|"):
            outbound.close_batch(services, batch, closes=True)


def row(name: str, slots: Slots, ran: Mapping[str, Any], now: datetime, count: int = 1) -> dict[str, Any]:
    """A schedule with its next runs, and the last one, if it ran."""
    moment, runs = now, list[dict[str, str]]()
    while len(runs) < count and (following := slots.next(moment)):
        moment = following
        runs.append({"utc": moment.isoformat(), "local": moment.astimezone(slots.zone).isoformat()})
    taken = ran.get("taken_at") or None
    return {
        "name": name,
        "when": slots.when.words,
        "zone": slots.zone.key,
        "catch_up": slots.when.catch_up,
        "next": runs,
        "last_slot": ran["slot"] if taken else None,
        "taken_at": taken,
        "ended_at": ran.get("ended_at") or None,
        "result": ran.get("result") or None,
    }
