"""The port of the job engines, and the engine that lives in the store's own database.

The row of a message is the truth; a job carries a key such as ``message:<id>`` and only wakes somebody to
look at it. Whoever is woken must be able to look twice: a job is offered until a handler has ended it.

A job waits in the lane of its key, and each lane has workers of its own: what waits for partners to answer
holds up nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Protocol
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, delete, insert, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.store.records import as_text
from gateway.store.tables import jobs, workers

LANES = ("", "send")
SENT_BY = ("send:", "receipt:", "fetch:", "notice:", "orders:", "changes:", "outcome:", "invoices:")
_IDLE_SECONDS = 0.5
_LOST = "Others may have taken over the jobs of this worker."


@dataclass(frozen=True, slots=True)
class Job:
    """``attempts``: how often it was taken and not ended: its worker died, or the handler raised."""

    key: str
    attempts: int


class LeaseLostError(Exception):
    """Others may do this worker's jobs by now; what it has not committed or sent yet must not happen."""


Handler = Callable[[Sequence[Job], Callable[[], None]], None]
"""Does jobs; they end when it returns and are offered again when it raises. Before every effect outside the
database it calls its second argument, which raises LeaseLostError."""


def lane_of(key: str) -> str:
    """The lane of a job: ``send`` where a partner is spoken to, which may take minutes; else the empty."""
    return "send" if key.startswith(SENT_BY) else ""


class Jobs(Protocol):
    """An engine. No key is worked on twice at the same time; one enqueued meanwhile comes again after it."""

    def enqueue(self, connection: Connection, keys: Sequence[str], at: datetime | None = None) -> None:
        """Adds jobs that exist when the caller's transaction commits; none is taken before ``at``."""

    def wake(self) -> None:
        """Lets idle workers of this process look at once; to be called after a commit that enqueued."""

    def waiting(self, connection: Connection, keys: Sequence[str], *, taken: bool = True) -> set[str]:
        """Those of the keys that have a job that waits or, with ``taken``, is being done."""

    def counts(self, connection: Connection) -> dict[str, int]:
        """How many jobs are ``waiting``, of them ``due``, how many ``taken``, and how many ``workers`` live.

        The workers of a killed process count until another notices.
        """

    def work(self, handler: Handler, stop: Event, lane: str = "") -> None:
        """Works until ``stop``, waiting for the running handler; survives the absence of the database."""

    def drain(self, handler: Handler) -> None:
        """Works until nothing is due now in any lane. Raises what the database raises, and LeaseLostError."""


def pause_seconds(failures: int) -> float:
    """How long to wait after so many earlier failures: half a second, doubled each time up to 30."""
    return min(0.5 * 2.0 ** min(failures, 6), 30.0)


@dataclass(eq=False)
class EmbeddedJobs:
    """Jobs in the tables ``jobs`` and ``workers``; ``on_trouble`` is told what goes wrong.

    Each thread that calls ``work`` is a worker. Up to ``limit`` jobs are handed out together, but one with
    attempts alone, as it may be what killed a worker, and in the lane ``send`` those of one key, as one job.
    Idle workers there have no beat; those of the other lane notice deaths for them.

    A worker whose beat stands still for ``lease_seconds`` (the same in all processes) is dead. Pauses and
    ``at`` are kept in the time of this process: ``clock``, but where that is set back, the time it would
    have been. So nothing is delayed, unless a later process, which knows no better, finds it.
    """

    engine: Engine
    _: KW_ONLY
    on_trouble: Callable[[Exception], None]
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    lease_seconds: float = 6.0
    limit: int = 100
    # A bell wakes one idle worker of its lane. Whoever takes jobs rings again: another may find more.
    _bells: dict[str, Queue[None]] = field(
        default_factory=lambda: {lane: Queue(1) for lane in LANES}, init=False
    )
    _zero: datetime = field(default=datetime.min.replace(tzinfo=UTC), init=False)

    def enqueue(self, connection: Connection, keys: Sequence[str], at: datetime | None = None) -> None:
        due = self.due((at - self.clock()).total_seconds()) if at else ""
        if keys:
            connection.execute(insert(jobs), [{"key": key, "due_at": due} for key in keys])

    def due(self, seconds: float) -> str:
        """So many seconds from now, as the table has it."""
        since = timedelta(seconds=self.monotonic())
        self._zero = max(self._zero, self.clock() - since)
        return as_text(self._zero + since + timedelta(seconds=seconds))

    def wake(self) -> None:
        for bell in self._bells.values():
            with suppress(Full):
                bell.put_nowait(None)

    def waiting(self, connection: Connection, keys: Sequence[str], *, taken: bool = True) -> set[str]:
        found = select(jobs.c.key).where(jobs.c.key.in_(keys))
        return set(connection.scalars(found if taken else found.where(jobs.c.worker.is_(None))))

    def counts(self, connection: Connection) -> dict[str, int]:
        number = select(sa.func.count(jobs.c.seq))
        due = number.where(jobs.c.worker.is_(None), jobs.c.due_at <= self.due(0)).scalar_subquery()
        alive = select(sa.func.count(workers.c.id)).scalar_subquery()
        free, taken = sa.func.count(jobs.c.seq) - sa.func.count(jobs.c.worker), sa.func.count(jobs.c.worker)
        found = connection.execute(select(free, due, taken, alive).select_from(jobs)).one()
        return dict(zip(("waiting", "due", "taken", "workers"), found))

    def work(self, handler: Handler, stop: Event, lane: str = "") -> None:
        worker, failures = None, 0
        try:
            while not stop.is_set():
                try:
                    if worker is None and (not lane or self.is_due(lane)):
                        worker = _Worker(self, lane)
                    if worker is None or not worker.step(handler):
                        if lane and worker:
                            worker.close()
                            worker = None
                        with suppress(Empty):
                            self._bells[lane].get(timeout=_IDLE_SECONDS)
                    failures = 0
                except (LeaseLostError, SQLAlchemyError) as error:
                    self.on_trouble(error)
                    stop.wait(pause_seconds(failures))
                    failures += 1
                    if worker and isinstance(error, LeaseLostError):
                        worker.close()
                        worker = None
        finally:
            if worker:
                worker.close()

    def drain(self, handler: Handler) -> None:
        with closing(_Worker(self, "")) as first, closing(_Worker(self, "send")) as second:
            while first.step(handler) or second.step(handler):
                pass

    def is_due(self, lane: str) -> bool:
        """Whether a worker of the lane had something to do; only reads."""
        return _exists(self.engine, *self.free(lane), jobs.c.due_at <= self.due(0))

    def free(self, lane: str) -> tuple[sa.ColumnElement[bool], ...]:
        """What is true of the jobs of a lane that nobody has."""
        # Byte order, in which ";" follows ":"; and for the few that are sent SQLite is to look by key.
        key = jobs.c.key.collate("BINARY" if self.engine.dialect.name == "sqlite" else "C")
        sent = sa.or_(*((key >= one) & (key < f"{one[:-1]};") for one in SENT_BY))
        return (sa.func.coalesce(jobs.c.worker, "") == "", sent) if lane else (jobs.c.worker.is_(None), ~sent)


class _Worker:
    """A row in ``workers``, whose beat a thread raises, and the jobs that carry its id.

    A long write transaction on SQLite keeps beats from being written, but everybody from taking over as
    well: where nothing can be written, a row that can be read is no loss. When the lock is gone others could
    take over before our next beat; therefore nobody judges before having beaten regularly for a whole lease.
    """

    def __init__(self, owner: EmbeddedJobs, lane: str) -> None:
        self._lane, self._free = lane, owner.free(lane)
        self._owner, self._engine, self._lease = owner, owner.engine, owner.lease_seconds
        self._id, self._over = uuid4().hex, Event()
        self._row, self._mine = workers.c.id == self._id, jobs.c.worker == self._id
        self._settle: list[sa.Delete | sa.Update] = []  # what becomes of the jobs that were done
        self._beaten = self._steady = owner.monotonic()
        with _begin(self._engine) as connection:
            connection.execute(insert(workers), {"id": self._id, "beat": 0})
        self._heart = Thread(target=self._live, name="jobs-heartbeat", daemon=True)
        self._heart.start()

    def step(self, handler: Handler) -> bool:
        """Ends what was done, takes what is due and lets it be done; False when nothing was due."""
        if rows := self._take():
            self._owner.wake()
            taken = (self._mine, jobs.c.seq.in_([seq for seq, _, _ in rows]))
            try:
                handler([Job(key, attempts) for key, attempts in {row[1:]: 0 for row in rows}], self._guard)
                self._settle = [delete(jobs).where(*taken)]
            except Exception as error:
                if isinstance(error, LeaseLostError):
                    raise
                self._owner.on_trouble(error)
                due = self._owner.due(pause_seconds(rows[0].attempts))
                self._settle = [update(jobs).where(*taken).values(worker=None, due_at=due)]
            self._owner.wake()  # what was done may have made jobs for the other lane
        return bool(rows)

    def close(self) -> None:
        """Ends what was done and gives back the rest; where the database is away, others will take it."""
        self._over.set()
        with suppress(SQLAlchemyError), _begin(self._engine) as connection:
            for one in self._settle:
                connection.execute(one)
            _bury(connection, self._row)
        self._heart.join(1)

    def _take(self) -> Sequence[sa.Row[int, str, int]]:
        if not (self._settle or self._over.is_set() or self._owner.is_due(self._lane)):
            return []
        now = self._owner.due(0)
        # What is ours after that was taken by a commit whose answer was lost.
        self._settle = [*self._settle[:1], update(jobs).where(self._mine).values(worker=None)]
        with self._beat() as connection:
            for one in self._settle:
                connection.execute(one)
            ripe = update(jobs).where(jobs.c.worker.is_(None), jobs.c.due_at > "", jobs.c.due_at <= now)
            connection.execute(ripe.values(due_at=""))
            busy = select(jobs.c.key).where(jobs.c.worker > "")
            due = select(jobs.c.seq, jobs.c.key, jobs.c.attempts)
            due = due.where(*self._free, jobs.c.due_at == "", jobs.c.key.not_in(busy)).order_by(jobs.c.seq)
            rows = connection.execute(due.limit(self._owner.limit)).all()
            if self._lane:
                rows = [row for row in rows if row.key == rows[0].key]
            alone = rows and rows[0].attempts
            rows = rows[:1] if alone else [row for row in rows if not row.attempts]
            mine = update(jobs).where(jobs.c.seq.in_([row.seq for row in rows]))
            connection.execute(mine.values(worker=self._id, attempts=jobs.c.attempts + 1))
        self._settle = []
        return rows

    def _guard(self) -> None:
        if not self._over.is_set() and self._owner.monotonic() - self._beaten >= self._lease:
            there = False
            with suppress(SQLAlchemyError):
                with suppress(SQLAlchemyError, LeaseLostError), self._beat():
                    pass
                there = _exists(self._engine, self._row)
            if not there:
                self._over.set()
        if self._over.is_set():
            raise LeaseLostError(_LOST)

    def _live(self) -> None:
        owner, seen = self._owner, dict[tuple[str, int], float]()
        while not self._over.wait(self._lease / 6):
            with suppress(SQLAlchemyError, LeaseLostError):
                if owner.monotonic() - self._beaten >= self._lease / 3:
                    with self._beat():
                        pass
                with self._engine.connect().execution_options(reading=True) as connection:
                    beats = connection.execute(select(workers.c.id, workers.c.beat)).all()
                now = owner.monotonic()
                seen = {(who, beat): seen.get((who, beat), now) for who, beat in beats}
                judged = now - self._lease
                if self._steady <= judged and (dead := [one for one, at in seen.items() if at <= judged]):
                    with _begin(self._engine) as connection:
                        _bury(connection, tuple_(workers.c.id, workers.c.beat).in_(dead))
                    owner.wake()

    @contextmanager
    def _beat(self) -> Iterator[Connection]:
        """A transaction that raises the beat; LeaseLostError when there is none to raise."""
        begun = self._owner.monotonic()
        with _begin(self._engine) as connection:
            raised = update(workers).where(self._row).values(beat=workers.c.beat + 1)
            if self._over.is_set() or not connection.execute(raised).rowcount:
                self._over.set()
                raise LeaseLostError(_LOST)
            yield connection
        if (ended := self._owner.monotonic()) - self._beaten > self._lease * 2 / 3:
            self._steady = ended
        self._beaten = max(self._beaten, begun)


@contextmanager
def _begin(engine: Engine) -> Iterator[Connection]:
    """A transaction of which there is only one at a time: SQLite sees to it, PostgreSQL is asked to."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(4712)"))
        yield connection


def _exists(engine: Engine, *conditions: sa.ColumnElement[bool]) -> bool:
    with engine.connect().execution_options(reading=True) as connection:
        return connection.execute(select(sa.text("1")).where(*conditions).limit(1)).first() is not None


def _bury(connection: Connection, who: sa.ColumnElement[bool]) -> None:
    connection.execute(delete(workers).where(who))
    left = jobs.c.worker.not_in(select(workers.c.id))
    connection.execute(update(jobs).where(jobs.c.worker > "", left).values(worker=None))
