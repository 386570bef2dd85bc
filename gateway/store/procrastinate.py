"""The engine for many nodes: Procrastinate, whose jobs live in the same PostgreSQL as the store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from importlib.resources import files
from threading import Event
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException, NoResult
from procrastinate.jobs import Job as Row
from procrastinate.manager import JobManager
from procrastinate.worker import Worker
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.store.database import SESSIONS
from gateway.store.jobs import LANES, Handler, Job, LeaseLostError, lane_of, pause_seconds

for _name in ("procrastinate", "psycopg.pool"):  # the gateway tells of trouble itself, in words
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False

_QUEUES = dict(zip(LANES, ("edigw", "edigw-send")))

_ENDING_SECONDS = 1.0

# A job for later has a low priority, the lower the later: of two with the same lock Procrastinate takes the
# one with the higher priority, and waits for it even where only the other is due.
_ENQUEUE = text("""
    SELECT procrastinate_defer_jobs_v1(array_agg(ROW(queue, 'advance',
        coalesce(CAST(extract(epoch FROM timestamptz '2020-01-01Z' - CAST(:at AS timestamptz)) AS int), 0),
        key, NULL, jsonb_build_object('key', key), CAST(:at AS timestamptz))::procrastinate_job_to_defer_v1))
    FROM unnest(CAST(:keys AS text[]), CAST(:queues AS text[])) AS one (key, queue)
""")
_WAITING = text(
    "SELECT DISTINCT lock FROM procrastinate_jobs WHERE lock = ANY(:keys) AND status = ANY(:states)"
)
_COUNTS = text("""
    SELECT count(*) FILTER (WHERE status = 'todo') AS waiting,
        count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true)) AS due,
        count(*) FILTER (WHERE status = 'doing') AS taken,
        (SELECT count(*) FROM procrastinate_workers
         WHERE last_heartbeat > now() - make_interval(secs => :lease)) AS workers
    FROM procrastinate_jobs WHERE queue_name IN ('edigw', 'edigw-send')
""")
_MINE = text("SELECT 1 FROM procrastinate_jobs WHERE id = :job AND worker_id = :worker AND status = 'doing'")
_END = "DELETE FROM procrastinate_jobs WHERE id = %(job)s AND worker_id = %(worker)s AND status = 'doing'"
_AGAIN = """
    UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, abort_requested = false,
        scheduled_at = now() + make_interval(secs => %(pause)s)
    WHERE id = %(job)s AND worker_id = %(worker)s AND status = 'doing'
"""
_BEAT = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(worker)s RETURNING id"
_RESCUE = """
    WITH dead AS (
        SELECT id FROM procrastinate_workers WHERE last_heartbeat < now() - make_interval(secs => %(lease)s)
    ), free AS (
        UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, abort_requested = false
        WHERE status = 'doing' AND queue_name IN ('edigw', 'edigw-send')
        AND (worker_id IS NULL OR worker_id IN (SELECT id FROM dead)) RETURNING queue_name
    ) SELECT pg_notify('procrastinate_queue_v1#' || queue_name, '{"type": "job_inserted", "job_id": 0}')
    FROM free
"""

# A process that stands still in the middle of a statement keeps its locks for ever. Its beats have sessions
# of their own, by which its others are known.
_BEATS = " beats"
_FREE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND application_name IN (
        SELECT unnest(ARRAY[application_name, replace(application_name, %(beats)s, '')])
        FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'edigw %%' || %(beats)s
        GROUP BY application_name
        HAVING max(query_start) < now() - make_interval(secs => %(lease)s))
"""


def prepare(connection: Connection) -> None:
    """Makes or upgrades Procrastinate's tables in the caller's transaction.

    The last migration is noted as comment of its table of jobs; tables without it are somebody else's.
    """
    scripts = files("procrastinate.sql")
    steps = sorted(one.name for one in (scripts / "migrations").iterdir() if one.name.endswith(".sql"))
    connection.execute(text("SELECT pg_advisory_xact_lock(4713)"))
    if connection.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is None:
        missing = ["schema.sql"]
    else:
        done = connection.scalar(text("SELECT obj_description('procrastinate_jobs'::regclass)"))
        missing = [f"migrations/{name}" for name in steps if done and name > done]
    raw: Any = connection.connection.driver_connection
    for name in missing:
        raw.execute((scripts / name).read_text())
    if missing:
        raw.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{steps[-1]}'")
        # Without it every job taken is compared with all that wait; six times as slow with 3,000 of them.
        open_ones = "procrastinate_jobs (lock) WHERE status IN ('todo', 'doing')"
        raw.execute(f"CREATE INDEX IF NOT EXISTS edigw_open_locks ON {open_ones}")


@dataclass(eq=False)
class ProcrastinateJobs:
    """Jobs in Procrastinate's tables, which :func:`prepare` makes; ``on_trouble`` is told what goes wrong.

    Each job is handed out alone, in threads: in a worker of the lane ``send`` up to ``senders`` at a time,
    in others ``concurrency``. All times are those of the database.
    """

    url: str
    engine: Engine
    _: KW_ONLY
    on_trouble: Callable[[Exception], None]
    concurrency: int = 4
    senders: int = 8
    lease_seconds: float = 6.0

    def enqueue(self, connection: Connection, keys: Sequence[str], at: datetime | None = None) -> None:
        if keys:
            queues = [_QUEUES[lane_of(key)] for key in keys]
            connection.execute(_ENQUEUE, {"keys": list(keys), "queues": queues, "at": at})

    def wake(self) -> None:
        """Nothing to do: PostgreSQL notifies the workers on all nodes when it commits."""

    def waiting(self, connection: Connection, keys: Sequence[str], *, taken: bool = True) -> set[str]:
        states = ["todo", "doing"] if taken else ["todo"]
        return set(connection.scalars(_WAITING, {"keys": list(keys), "states": states}))

    def counts(self, connection: Connection) -> dict[str, int]:
        return dict(connection.execute(_COUNTS, {"lease": self.lease_seconds * 2}).mappings().one())

    def work(self, handler: Handler, stop: Event, lane: str = "") -> None:
        failures = 0
        while not stop.is_set():
            begun = time.monotonic()
            try:
                asyncio.run(_Node(self, handler, (lane,), stop).run())
            except Exception as error:  # noqa: BLE001 - whatever stops a worker, the next one may be luckier
                cause = error.__cause__ if isinstance(error, ConnectorException) else None
                self.on_trouble(cause if isinstance(cause, Exception) else error)
            failures = failures + 1 if time.monotonic() - begun < 60 else 0
            stop.wait(pause_seconds(failures - 1))

    def drain(self, handler: Handler) -> None:
        node = None
        while node is None or node.done:
            node = _Node(self, handler, LANES)
            asyncio.run(node.run())


class _Node(JobManager):
    """One life of Procrastinate's worker; it ends at the first trouble with the database.

    What the worker does not do: beat until its last job is done, take over the jobs of the dead, and end a
    job only while it still has it.
    """

    def __init__(
        self, owner: ProcrastinateJobs, handler: Handler, lanes: Sequence[str], stop: Event | None = None
    ) -> None:
        self._owner, self._handler, self._stop = owner, handler, stop or Event()
        self._threads = owner.concurrency if "" in lanes else owner.senders
        connector = PsycopgConnector(
            conninfo=owner.url.replace("+psycopg", "", 1),
            kwargs={"application_name": SESSIONS + _BEATS},
            min_size=0,
            max_size=self._threads + 3,
            timeout=owner.lease_seconds,  # a slow session is no trouble before the lease is
        )
        super().__init__(connector)
        self._app = App(connector=connector)
        self._app.job_manager = self
        self._app.task(name="advance", pass_context=True, retry=True)(self._advance)
        self._worker: Any = Worker(
            self._app,
            queues=[_QUEUES[lane] for lane in lanes],
            concurrency=self._threads,
            wait=stop is not None,
            fetch_job_polling_interval=1.0,
            install_signal_handlers=False,
        )
        self._beaten = time.monotonic()
        self._trouble: Exception | None = None
        self._is_over = False
        self.done = 0

    async def run(self) -> None:
        """Works until stopped or, without ``stop``, until nothing is left to take."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(self._threads))
        async with self._app.open_async():
            nurse = asyncio.create_task(self._nurse())
            try:
                await self._worker.run()
            finally:
                trouble, self._is_over = self._trouble, True  # what a statement cut short says is none
                nurse.cancel()
                await asyncio.wait([nurse])
        if trouble:
            raise trouble

    async def finish_job(self, job: Row, *_: Any, **__: Any) -> None:
        await self._let_go(_END, job)

    async def retry_job(self, job: Row, *_: Any, **__: Any) -> None:
        await self._let_go(_AGAIN, job, pause=pause_seconds(job.attempts))

    async def _let_go(self, query: str, job: Row, **values: float) -> None:
        try:
            await self.connector.execute_query_async(query, job=job.id, worker=job.worker_id, **values)
        except ConnectorException as error:
            self._trouble = error

    async def _nurse(self) -> None:
        due = 0.0
        while not self._is_over:
            if self._trouble or self._stop.is_set():
                self._worker.stop()
            if self._worker.worker_id is not None and (begun := time.monotonic()) >= due:
                try:
                    await self.connector.execute_query_one_async(_BEAT, worker=self._worker.worker_id)
                    self._beaten, due = begun, begun + self._owner.lease_seconds / 3
                    lease = self._owner.lease_seconds
                    await self.connector.execute_query_async(_RESCUE, lease=lease)
                    await self.connector.execute_query_all_async(_FREE, lease=lease, beats=_BEATS)
                except Exception as error:  # noqa: BLE001 - whatever it is, the worker can no longer be trusted
                    if isinstance(
                        error, NoResult
                    ):  # a worker that ends takes its row away, and then this ends
                        await asyncio.sleep(_ENDING_SECONDS)
                    self._trouble = error
            await asyncio.sleep(0.1)

    def _advance(self, context: JobContext, key: str) -> None:
        self.done += 1
        try:
            self._handler([Job(key, context.job.attempts)], lambda: self._guard(context.job))
        except Exception as error:
            self._owner.on_trouble(error)
            raise

    def _guard(self, job: Row) -> None:
        if time.monotonic() - self._beaten < self._owner.lease_seconds:
            with suppress(SQLAlchemyError), self._owner.engine.connect() as connection:
                if connection.execute(_MINE, {"job": job.id, "worker": job.worker_id}).first():
                    return
        raise LeaseLostError("Others may have taken over this job.")
