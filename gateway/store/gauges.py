"""A few numbers of the store for those who watch it, each of an index or of a small table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from gateway.store.database import reading
from gateway.store.jobs import Jobs
from gateway.store.records import as_text

UNCERTAIN_AFTER = timedelta(minutes=15)
"""What was begun so long ago and has no end may have arrived or not."""

_STEPS = 10_000

# Words of the indexes stand here as they are, for one is not found by values that come with the query; CROSS
# JOIN and || keep databases from beginning with another index, which holds all there ever was. The oldest is
# found in order: most messages need not be looked at.
_COUNTS = text("""
    SELECT 'overdue', count(*) FROM messages WHERE acknowledgment = 'overdue'
    UNION ALL SELECT 'failed', count(*) FROM messages WHERE translation = 'failed' OR delivery = 'failed'
    UNION ALL SELECT 'waits', count(*) FROM deliveries WHERE state = 'waits'
    UNION ALL SELECT 'approval', count(*) FROM documents WHERE batch IS NOT NULL AND batch LIKE 'approval|%'
    UNION ALL SELECT 'uncertain', count(*) FROM deliveries
        WHERE state IN ('pending', 'sending') AND state = 'sending' AND at < :begun
""")
_OLDEST = text("""
    SELECT min(at) FROM (
        SELECT min(created_at || '') AS at FROM messages WHERE translation = 'received' AND hold = ''
        UNION ALL SELECT planned_at FROM (
            SELECT d.planned_at FROM deliveries d CROSS JOIN messages m
            WHERE m.id = d.message_id AND d.state IN ('pending', 'sending') AND m.hold = ''
            AND (d.box = 'quarantine'
                OR d.channel NOT IN (SELECT channel FROM channels WHERE paused_at <> ''))
            ORDER BY d.planned_at LIMIT 1) AS delivery
    ) AS work
""")
WAITING = text("""
    SELECT channel || '', count(*) FROM deliveries
    WHERE state IN ('pending', 'sending') AND box <> 'quarantine' GROUP BY channel || ''
""")
_CHANNELS = text("SELECT channel, failures, paused_at, stopped_at FROM channels")


@dataclass(frozen=True, slots=True)
class Gauges:
    """How much there is now.

    Attributes:
        jobs: ``due``, ``later`` and ``taken``. workers: alive, on all nodes.
        oldest: since when the oldest unfinished work waits; what is held or paused does not count.
        counts: ``overdue`` acknowledgments; what needs a person: ``failed`` messages, documents that wait
            (``waits``) for an item or place or for ``approval``; ``uncertain`` deliveries.
        waiting: deliveries still to be made, by channel. channels: their rows, by name.
    """

    jobs: dict[str, int]
    workers: int
    oldest: datetime | None
    counts: dict[str, int]
    waiting: dict[str, int]
    channels: dict[str, Any]


def read(connection: Connection, jobs: Jobs, now: datetime) -> Gauges:
    """The numbers of this moment."""
    busy = jobs.counts(connection)
    oldest = connection.execute(_OLDEST).scalar()
    return Gauges(
        jobs={"due": busy["due"], "later": busy["waiting"] - busy["due"], "taken": busy["taken"]},
        workers=busy["workers"],
        oldest=datetime.fromisoformat(oldest) if oldest else None,
        counts=_pairs(connection, _COUNTS, begun=as_text(now - UNCERTAIN_AFTER)),
        waiting=_pairs(connection, WAITING),
        channels={row.channel: row for row in connection.execute(_CHANNELS)},
    )


def _pairs(connection: Connection, query: Any, **values: str) -> dict[str, int]:
    return {str(name): int(number) for name, number in connection.execute(query, values)}


@contextmanager
def limited(engine: Engine, seconds: float) -> Iterator[Connection]:
    """A connection that only reads, and each of whose queries ends after so long.

    Raises:
        TransportError: the database cannot be used now, or took longer.
    """
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL statement_timeout = {int(seconds * 1000)}"))
            yield connection
            return
        driver, end = connection.connection.driver_connection, time.monotonic() + seconds
        assert driver is not None
        driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            yield connection
        finally:
            driver.set_progress_handler(None, 0)
