"""What services rely on, for every engine. A new engine joins by a line in ``ENGINES``.

Run as a program, this file is a worker in a process of its own, so that it can be killed.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from procrastinate import PsycopgConnector
from sqlalchemy import event, select, text

from gateway.store import jobs as store_jobs
from gateway.store.database import SESSIONS, open_engine, sqlite_url
from gateway.store.jobs import SENT_BY, EmbeddedJobs, Handler, Job, Jobs, LeaseLostError, lane_of
from gateway.store.procrastinate import ProcrastinateJobs, prepare
from gateway.store.tables import jobs as job_table
from gateway.store.tables import metadata, workers
from tests.databases import Server

ROOT = Path(__file__).parents[2]
ENGINES = ["embedded-sqlite", "embedded-postgres", "procrastinate"]
LEASE = 3.0
"""Half of the default, under which a take-over is to take ten seconds at most."""
TAKEN_OVER = LEASE * 10 / 6 + 5
"""Seconds for it, and some more where other tests run at the same time."""
HOLDER = "message:3"
"""The job in which a process holds a lock."""
Guard = Callable[[], None]


def now() -> datetime:
    return datetime.now(UTC)


def until(condition: Callable[[], object], seconds: float = 60) -> float:
    """Waits for a condition and tells how long that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it never happened"
        time.sleep(0.01)
    return time.monotonic() - begun


@dataclass
class Case:
    """An engine on a database of its own."""

    kind: str
    url: str
    troubles: list[Exception] = field(default_factory=list)
    engine: sqlalchemy.Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = self.patient = open_engine(self.url)

    def is_locked(self) -> bool:
        """Whether somebody holds the lock of all that write, and goes on holding it for half a second."""
        try:
            if self.kind == "embedded-sqlite":
                with closing(sqlite3.connect(str(self.engine.url.database), timeout=0.5)) as other:
                    other.execute("BEGIN IMMEDIATE")
            elif self.kind == "embedded-postgres":
                with self.engine.begin() as connection:
                    connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
                    connection.execute(text("SELECT pg_advisory_xact_lock(4712)"))
        except (sqlite3.OperationalError, sqlalchemy.exc.OperationalError):
            return True
        return False

    def be_impatient(self) -> None:
        """Lets workers wait for a lock of SQLite for an instant instead of half a minute."""
        if self.engine.dialect.name == "sqlite":
            self.patient = open_engine(self.url)
            event.listen(self.engine, "connect", lambda one, _: one.execute("PRAGMA busy_timeout = 300"))
            self.engine.dispose()

    def jobs(self, **options: Any) -> Jobs:
        if self.kind == "procrastinate":
            return ProcrastinateJobs(self.url, self.engine, on_trouble=self.troubles.append, **options)
        return EmbeddedJobs(self.engine, on_trouble=self.troubles.append, **{"clock": now} | options)

    def enqueue(self, jobs: Jobs, *keys: str, at: datetime | None = None) -> None:
        with self.patient.begin() as connection:
            jobs.enqueue(connection, keys, at)
        jobs.wake()

    def waiting(self, jobs: Jobs, *keys: str) -> set[str]:
        with self.engine.connect() as connection:
            return jobs.waiting(connection, keys)

    def counts(self, jobs: Jobs, *names: str) -> dict[str, int]:
        with self.engine.connect() as connection:
            found = jobs.counts(connection)
        return {name: found[name] for name in names or ("waiting", "taken")}

    def idle(self, jobs: Jobs) -> bool:
        return self.counts(jobs) == {"waiting": 0, "taken": 0}


@pytest.fixture(params=ENGINES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    sqlite = request.param == "embedded-sqlite"
    url = sqlite_url(tmp_path / "edigw.db") if sqlite else request.getfixturevalue("postgres_url")
    made = Case(request.param, url)
    with made.engine.begin() as connection:
        metadata.create_all(connection)
        if made.kind == "procrastinate":
            prepare(connection)
    yield made
    made.engine.dispose()
    made.patient.dispose()


@contextmanager
def working(jobs: Jobs, handler: Handler, lane: str = "") -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=jobs.work, args=(handler, stop, lane))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def sending(jobs: Jobs, handler: Handler, number: int = 3) -> Iterator[None]:
    """So many jobs of the lane ``send`` at a time, which only Procrastinate does in one worker."""
    with ExitStack() as stack:
        for _ in range(number if isinstance(jobs, EmbeddedJobs) else 1):
            stack.enter_context(working(jobs, handler, "send"))
        yield


class Log:
    """A handler that notes what it is given."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.groups: list[list[Job]] = []

    def __call__(self, jobs: Sequence[Job], guard: Guard) -> None:
        guard()
        self.jobs += jobs
        self.groups.append(list(jobs))

    def keys(self) -> list[str]:
        return [job.key for job in self.jobs]


def test_a_job_exists_when_its_transaction_commits(case: Case) -> None:
    jobs, log = case.jobs(), Log()
    with case.engine.connect() as connection:
        jobs.enqueue(connection, ["message:1", "message:2"])
        connection.rollback()
    assert case.waiting(jobs, "message:1", "message:2") == set()
    with case.engine.begin() as connection:
        jobs.enqueue(connection, ["message:3", "message:4"])
        jobs.enqueue(connection, [])
    assert case.waiting(jobs, "message:1", "message:3") == {"message:3"}
    assert case.counts(jobs) == {"waiting": 2, "taken": 0}
    jobs.drain(log)
    assert sorted(log.keys()) == ["message:3", "message:4"]  # two at a time have no order
    assert case.idle(jobs)
    assert case.waiting(jobs, "message:3") == set()


def test_every_key_is_worked_on_and_never_twice_at_the_same_time(case: Case) -> None:
    keys = [f"message:{number}" for number in range(300)]
    lock, doing, done, twice = threading.Lock(), set[str](), Counter[str](), list[str]()

    def handler(jobs: Sequence[Job], guard: Guard) -> None:
        mine = {job.key for job in jobs}
        with lock:
            twice.extend(doing & mine)
            doing.update(mine)
        time.sleep(0.001 * len(mine))
        with lock:
            doing.difference_update(mine)
            done.update(mine)

    with ExitStack() as stack:
        engines = [case.jobs() if case.kind == "procrastinate" else case.jobs(limit=5) for _ in range(3)]
        for one in engines:
            stack.enter_context(working(one, handler))
        for start in range(0, 300, 30):
            case.enqueue(engines[0], *keys[start : start + 30], *keys[: start // 3])
        until(lambda: case.idle(engines[0]))
    assert done.keys() == set(keys)
    assert twice == []
    assert case.troubles == []


def test_a_key_enqueued_while_worked_on_is_worked_on_again(case: Case) -> None:
    jobs, go, started = case.jobs(), threading.Event(), Counter[str]()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        started.update(job.key for job in given)
        assert go.wait(30)

    with working(jobs, handler), working(case.jobs(), handler):
        case.enqueue(jobs, "message:1")
        until(lambda: started["message:1"])
        case.enqueue(jobs, "message:1", "message:2")
        until(lambda: started["message:2"])
        assert started["message:1"] == 1
        assert "message:1" in case.waiting(jobs, "message:1")
        go.set()
        until(lambda: started["message:1"] == 2)
        until(lambda: case.idle(jobs))


def test_a_job_for_later_waits_and_holds_nothing_up(case: Case) -> None:
    jobs, times = case.jobs(), dict[str, datetime]()
    later, soon = now() + timedelta(seconds=7), now() + timedelta(seconds=4)

    def handler(given: Sequence[Job], guard: Guard) -> None:
        times.update({f"{job.key} {len(times)}": now() for job in given})

    case.enqueue(jobs, "message:1", at=later)
    case.enqueue(jobs, "message:1", at=soon)
    case.enqueue(jobs, "message:1", "message:2")
    jobs.drain(handler)
    assert [name[:9] for name in times] == ["message:1", "message:2"]
    with working(case.jobs(), handler):
        until(lambda: case.idle(jobs))
    first, second = list(times.values())[2:]
    assert soon <= first < later <= second


def test_a_handler_that_raises_keeps_its_job_and_no_other(case: Case) -> None:
    jobs, log, failures, good = case.jobs(), Log(), list[Job](), threading.Event()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        if not good.is_set() and (bad := [job for job in given if job.key == "message:bad"]):
            failures.extend(bad)
            raise ValueError("no")
        log(given, guard)

    case.enqueue(jobs, "message:bad", *[f"message:{number}" for number in range(20)])
    jobs.drain(handler)
    assert "message:bad" in case.waiting(jobs, "message:bad", "message:0")
    with working(jobs, handler):
        until(lambda: len(failures) > 1)
        good.set()
        until(lambda: case.idle(jobs))
    assert [job.attempts for job in failures] == [*range(len(failures))]
    assert sorted(log.keys()) == sorted(["message:bad", *[f"message:{number}" for number in range(20)]])
    assert [str(one) for one in case.troubles] == ["no"] * len(failures)
    assert all(len(group) == 1 for group in log.groups if any(job.attempts for job in group))


def test_stop_ends_work_soon_but_not_in_the_middle(case: Case) -> None:
    jobs, started, go, stop = case.jobs(), threading.Event(), threading.Event(), threading.Event()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        started.set()
        go.wait(60)
        guard()

    idle = threading.Thread(target=case.jobs().work, args=(Log(), stop))
    busy = threading.Thread(target=jobs.work, args=(handler, stop))
    busy.start()
    case.enqueue(jobs, "message:1")
    assert started.wait(30)
    idle.start()
    until(lambda: case.kind == "procrastinate" or len(beating(case)) == 2)
    stop.set()
    idle.join(20)
    assert not idle.is_alive()
    assert busy.is_alive()
    go.set()
    busy.join(20)
    assert not busy.is_alive()
    assert case.idle(jobs)
    assert case.troubles == []


@pytest.mark.parametrize("case", ENGINES[2:], indirect=True)
def test_what_is_cut_short_at_the_end_is_no_trouble(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Psycopg swallows a cancellation that comes with an answer, and whoever asked goes on."""
    ask, asking = PsycopgConnector.execute_query_async, threading.Event()

    async def deaf(self: PsycopgConnector, query: Any, **given: Any) -> None:
        if "WITH dead" in query:
            asking.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(30)
        await ask(self, query, **given)

    monkeypatch.setattr(PsycopgConnector, "execute_query_async", deaf)
    jobs, done = case.jobs(), list[bool]()
    case.enqueue(jobs, "message:1")
    jobs.drain(lambda given, guard: done.append(asking.wait(60)))
    assert done == [True]


@pytest.mark.parametrize(
    ("key", "lane"),
    [("send:acme", "send"), ("receipt:1", "send"), ("message:send:1", ""), ("sends:1", ""), ("poll:erp", "")],
)
def test_the_lane_of_a_key(key: str, lane: str) -> None:
    assert lane_of(key) == lane


@pytest.mark.parametrize(("stuck", "free"), [("send:acme", "message:1"), ("message:1", "receipt:1")])
def test_a_job_that_hangs_holds_up_no_other_lane(case: Case, stuck: str, free: str) -> None:
    jobs, go, hanging, log = case.jobs(), threading.Event(), threading.Event(), Log()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        if stuck in [job.key for job in given]:
            hanging.set()
            assert go.wait(30)
        log(given, guard)

    with working(jobs, handler), sending(jobs, handler):
        try:
            case.enqueue(jobs, stuck)
            assert hanging.wait(30)
            for time_ in range(1, 4):
                case.enqueue(jobs, free)
                until(lambda: log.keys().count(free) == time_)  # noqa: B023
            assert log.keys() == [free] * 3
        finally:
            go.set()
        until(lambda: case.idle(jobs))
    assert log.keys().count(stuck) == 1
    assert case.troubles == []


def test_workers_of_a_lane_leave_the_other_alone(case: Case) -> None:
    jobs, log = case.jobs(), Log()
    case.enqueue(jobs, "message:1", "send:acme")
    with working(jobs, log, "send"):
        until(lambda: case.counts(jobs) == {"waiting": 1, "taken": 0})
    assert log.keys() == ["send:acme"]
    case.enqueue(jobs, "send:acme")
    with working(jobs, log):
        until(lambda: case.counts(jobs) == {"waiting": 1, "taken": 0})
    assert log.keys() == ["send:acme", "message:1"]


def test_what_is_due_and_who_works_are_counted(case: Case) -> None:
    jobs, log = case.jobs(), Log()
    case.enqueue(jobs, "message:1")
    case.enqueue(jobs, "message:2", at=now() + timedelta(hours=1))
    said = ("waiting", "due", "workers")
    assert case.counts(jobs, *said) == {"waiting": 2, "due": 1, "workers": 0}
    with working(jobs, log):
        until(lambda: case.counts(jobs, *said) == {"waiting": 1, "due": 0, "workers": 1})
    assert log.keys() == ["message:1"]


def test_partners_are_sent_to_at_the_same_time(case: Case) -> None:
    jobs, together, log = case.jobs(), threading.Barrier(3), Log()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        together.wait(60)
        log(given, guard)

    with sending(jobs, handler):
        for _ in range(5):
            case.enqueue(jobs, "send:a", "receipt:b", "send:c")
            until(lambda: case.idle(jobs))
    assert Counter(log.keys()) == {"send:a": 5, "receipt:b": 5, "send:c": 5}
    assert [len(group) for group in log.groups] == [1] * 15
    assert case.troubles == []


def test_nobody_is_sent_to_twice_at_the_same_time(case: Case) -> None:
    keys = [f"send:{number}" for number in range(5)]
    lock, doing, most, twice, seen = threading.Lock(), set[str](), list[int](), list[str](), Counter[str]()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        (job,) = given
        with lock:
            twice.extend(doing & {job.key})
            doing.add(job.key)
            seen[job.key] += 1
            most.append(len(doing))
        if seen[job.key] < 8:
            case.enqueue(nodes[0], job.key)
        time.sleep(0.05)  # in which others look for work
        with lock:
            doing.discard(job.key)

    nodes = [case.jobs(), case.jobs()]
    with sending(nodes[0], handler), sending(nodes[1], handler):
        case.enqueue(nodes[0], *keys)
        until(lambda: case.idle(nodes[0]), 30)
    assert twice == []
    assert seen == dict.fromkeys(keys, 8)
    assert max(most) > 1
    assert case.troubles == []


def test_drain_does_all_lanes_and_what_they_make_for_each_other(case: Case) -> None:
    jobs, log = case.jobs(), Log()
    follow = {"message:1": "send:acme", "send:acme": "message:2", "message:2": "receipt:1"}

    def handler(given: Sequence[Job], guard: Guard) -> None:
        log(given, guard)
        with case.engine.begin() as connection:
            jobs.enqueue(connection, [follow[job.key] for job in given if job.key in follow])

    case.enqueue(jobs, "message:1")
    jobs.drain(handler)
    assert log.keys() == ["message:1", "send:acme", "message:2", "receipt:1"]
    assert case.idle(jobs)


def test_a_job_to_send_that_fails_holds_up_no_other(case: Case) -> None:
    jobs, log, failures = case.jobs(), Log(), list[Job]()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        if given[0].key == "send:bad" and len(failures) < 2:
            failures.extend(given)
            raise ValueError("no")
        log(given, guard)

    with sending(jobs, handler, 1):
        case.enqueue(jobs, "send:bad", "send:good")
        until(lambda: case.idle(jobs))
    assert log.keys() == ["send:good", "send:bad"]
    assert [job.attempts for job in failures] == [0, 1]
    assert [str(one) for one in case.troubles] == ["no", "no"]


def beating(case: Case) -> list[str]:
    with case.engine.connect() as connection:
        return list(connection.scalars(select(workers.c.id)))


class Process:
    """A worker in a process of its own that has taken jobs; when told so it calls its guard and says what."""

    def __init__(self, case: Case, folder: Path, *keys: str) -> None:
        self._case, self._said = case, folder / keys[0].replace(":", "-")
        command = [sys.executable, "-m", __name__, case.kind, case.url, str(len(keys)), lane_of(keys[0])]
        with self._said.open("w") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, text=True)
        case.enqueue(case.jobs(), *keys)
        until(lambda: self.said() == sorted(f"took {key}" for key in keys))

    def said(self) -> list[str]:
        return sorted(self._said.read_text().splitlines())

    def freeze(self) -> None:
        """Stops it, but not in a beat of its heart: with a lock of the database it would stop everybody."""
        self.process.send_signal(signal.SIGSTOP)
        while self._case.is_locked():
            self.process.send_signal(signal.SIGCONT)
            time.sleep(0.02)
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.communicate("\n")


def worker_process(kind: str, url: str, number: str, lane: str) -> None:
    stop, held = threading.Event(), ExitStack()

    def hold() -> None:
        """Locks a row by a statement of a pipeline whose end is not sent: for PostgreSQL it still runs."""
        connection = held.enter_context(
            psycopg.connect(url.replace("+psycopg", ""), application_name=SESSIONS)
        )
        held.enter_context(connection.pipeline())
        connection.execute("UPDATE held SET n = n + 1 RETURNING n").fetchone()
        connection.execute("UPDATE held SET n = n + 1")

    def say(words: str) -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    def handler(jobs: Sequence[Job], guard: Guard) -> None:
        if [job.key for job in jobs] == [HOLDER] and kind == "procrastinate":
            hold()
        for job in jobs:
            say(f"took {job.key}")
        sys.stdin.readline()
        stop.set()
        try:
            guard()
        except LeaseLostError:
            say("lost")
            raise
        say("kept")

    options = {"concurrency": int(number)} if kind == "procrastinate" else {}
    Case(kind, url).jobs(lease_seconds=LEASE, **options).work(handler, stop, lane)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made: list[Process] = []
    yield made
    for one in made:
        one.process.kill()
        one.process.communicate()


def test_dead_and_stopped_processes_are_taken_over(
    case: Case, tmp_path: Path, processes: list[Process]
) -> None:
    jobs, log = case.jobs(lease_seconds=LEASE), Log()
    with case.engine.begin() as connection:
        connection.execute(text("CREATE TABLE held (n int)"))
        connection.execute(text("INSERT INTO held VALUES (1)"))
    killed = Process(case, tmp_path, "message:1", "message:2")
    processes.append(killed)
    stopped = Process(case, tmp_path, HOLDER)
    processes.append(stopped)
    with working(jobs, log):
        case.enqueue(jobs, "message:4")
        until(lambda: log.keys() == ["message:4"])
        until(lambda: case.counts(jobs, "taken") == {"taken": 3})  # the fourth has been let go as well
        assert log.jobs == [Job("message:4", 0)]
        log.jobs.clear()
        killed.process.kill()
        stopped.freeze()
        seconds = until(lambda: len(log.jobs) == 3)
        sys.stderr.write(f"{case.kind}: taken over after {seconds:.1f} s\n")
        assert seconds < TAKEN_OVER
        assert sorted(log.keys()) == [f"message:{number}" for number in (1, 2, 3)], case.troubles
        assert [job.attempts for job in log.jobs] == [1, 1, 1]
        with case.engine.begin() as connection:  # its locks are gone as well
            if case.kind == "procrastinate":
                connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            connection.execute(text("UPDATE held SET n = 5"))
        until(lambda: case.idle(jobs))
        stopped.go_on()
        assert stopped.said() == ["lost", "took message:3"]
    assert len(log.jobs) == 3


def test_a_dead_sender_is_taken_over(case: Case, tmp_path: Path, processes: list[Process]) -> None:
    jobs, log = case.jobs(lease_seconds=LEASE), Log()
    processes.append(Process(case, tmp_path, "send:acme"))
    with working(jobs, log), sending(jobs, log, 2):
        processes[0].process.kill()
        seconds = until(lambda: log.jobs)
        assert seconds < TAKEN_OVER
        until(lambda: case.idle(jobs))
    assert log.jobs == [Job("send:acme", 1)]


def test_a_worker_that_nobody_replaced_keeps_its_job(
    case: Case, tmp_path: Path, processes: list[Process]
) -> None:
    stopped = Process(case, tmp_path, "message:1")
    processes.append(stopped)
    stopped.process.send_signal(signal.SIGSTOP)
    stopped.go_on()
    assert stopped.said() == ["kept", "took message:1"]
    assert case.idle(case.jobs())


@contextmanager
def away(case: Case, request: pytest.FixtureRequest) -> Iterator[None]:
    """PostgreSQL is down; SQLite, which cannot be, is locked by somebody else."""
    if case.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(case.engine.url.database), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
        return
    server: Server = request.getfixturevalue("postgres")
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_the_absence_of_the_database_is_survived(case: Case, request: pytest.FixtureRequest) -> None:
    case.be_impatient()
    jobs, log, done, gone = case.jobs(lease_seconds=2), Log(), threading.Event(), threading.Event()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        log.jobs += given
        if not gone.is_set():
            done.set()
            assert gone.wait(30)

    with working(jobs, handler):
        case.enqueue(jobs, "message:1")
        assert done.wait(30)
        with away(case, request):
            gone.set()
            until(lambda: len(case.troubles) > 1)
        case.enqueue(jobs, "message:2")
        until(lambda: log.keys().count("message:2"))
        until(lambda: case.idle(jobs))


embedded_only = pytest.mark.parametrize("case", ENGINES[:2], indirect=True)


@embedded_only
def test_the_survivors_of_a_group_come_alone(case: Case) -> None:
    jobs, log = case.jobs(), Log()
    case.enqueue(jobs, "message:1", "message:2", "message:3")
    with pytest.raises(KeyboardInterrupt):
        jobs.drain(interrupted)
    case.enqueue(jobs, "message:4", "message:5")
    jobs.drain(log)
    assert [[job.key[-1] for job in group] for group in log.groups] == [["1"], ["2"], ["3"], ["4", "5"]]
    assert [job.attempts for job in log.jobs] == [1, 1, 1, 0, 0]


def interrupted(given: Sequence[Job], guard: Guard) -> None:
    raise KeyboardInterrupt


def woken(jobs: Jobs) -> bool:
    jobs.wake()
    return True


@embedded_only
def test_no_call_to_wake_is_lost(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_jobs, "_IDLE_SECONDS", 600)
    jobs, together, log, stop = case.jobs(), threading.Barrier(3), Log(), threading.Event()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        if given[0].key == "message:1":  # what it enqueues nobody is told of
            with case.engine.begin() as connection:
                jobs.enqueue(connection, ["send:a", "send:b", "send:c"])
        else:
            together.wait(30)
        log(given, guard)

    threads = [threading.Thread(target=jobs.work, args=(handler, stop, lane)) for lane in ("", *["send"] * 3)]
    for one in threads:
        one.start()
    try:
        for _ in range(20):
            case.enqueue(jobs, "send:a", "send:b", "send:c")
            until(lambda: case.idle(jobs))
            case.enqueue(jobs, "message:1")
            until(lambda: case.idle(jobs))
    finally:
        stop.set()
        until(lambda: woken(jobs) and not any(one.is_alive() for one in threads))
    assert Counter(log.keys()) == {"send:a": 40, "send:b": 40, "send:c": 40, "message:1": 20}
    assert case.troubles == []


@embedded_only
def test_idle_senders_only_read(case: Case) -> None:
    jobs, said = case.jobs(), list[str]()
    case.enqueue(jobs, "message:1")
    case.enqueue(jobs, "send:acme", at=now() + timedelta(hours=1))
    event.listen(case.engine, "before_cursor_execute", lambda _a, _b, statement, *_: said.append(statement))
    with sending(jobs, Log(), 2):
        until(lambda: woken(jobs) and len(said) > 10)
    assert {statement.split()[0] for statement in said} <= {"SELECT", "BEGIN"}
    assert beating(case) == []


@pytest.mark.parametrize("case", ENGINES[:1], indirect=True)
def test_jobs_to_send_are_found_among_many_others(case: Case) -> None:
    jobs = case.jobs()
    assert isinstance(jobs, EmbeddedJobs)
    case.enqueue(
        jobs, "send:acme", "receipt:1", "fetch:acme", "notice:1", "message:1", "sender:1", "send", "SEND:acme"
    )
    with case.engine.begin() as connection:
        look = select(job_table.c.key).where(*jobs.free("send"), job_table.c.due_at <= "a")
        assert sorted(connection.scalars(look)) == ["fetch:acme", "notice:1", "receipt:1", "send:acme"]
        sql = look.compile(connection, compile_kwargs={"literal_binds": True})
        plan = " ".join(
            str(row) for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}".replace(":", r"\:")))
        )
    assert plan.count("INDEX jobs_key") == len(SENT_BY)
    assert "SCAN" not in plan


@embedded_only
def test_a_commit_whose_answer_is_lost_loses_no_job(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody's heart beats meanwhile: it would take the fault.
    jobs, log, begin, broken = case.jobs(lease_seconds=60), Log(), store_jobs._begin, list[int]()

    @contextmanager
    def unheard(engine: sqlalchemy.Engine) -> Iterator[sqlalchemy.Connection]:
        with begin(engine) as connection:
            yield connection
        if log.jobs and not broken:
            broken.append(1)
            raise sqlalchemy.exc.OperationalError("COMMIT", None, OSError("gone"))

    with working(jobs, log):
        case.enqueue(jobs, "message:1")
        until(log.keys)
        until(lambda: case.idle(jobs))
        with case.engine.begin() as connection:
            monkeypatch.setattr(store_jobs, "_begin", unheard)
            jobs.enqueue(connection, ["message:2"])
        jobs.wake()
        until(lambda: case.idle(jobs))
    assert log.jobs == [Job("message:1", 0), Job("message:2", 1)]
    assert len(case.troubles) == 1


@embedded_only
def test_a_clock_that_is_set_back_delays_nothing(case: Case) -> None:
    hour = [timedelta()]
    jobs, log = case.jobs(clock=lambda: now() - hour[0]), Log()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        if not log.jobs:
            hour[0] = timedelta(hours=1)
            log.jobs += given
            raise ValueError("no")
        log(given, guard)

    case.enqueue(jobs, "message:1", at=now() + timedelta(seconds=0.3))
    with working(jobs, handler):
        until(lambda: log.jobs)
        case.enqueue(jobs, "message:2")
        until(lambda: case.idle(jobs))
    assert sorted(log.keys()) == ["message:1", "message:1", "message:2"]


@pytest.mark.parametrize("case", ENGINES[:1], indirect=True)
def test_a_locked_database_is_no_lost_lease(case: Case, request: pytest.FixtureRequest) -> None:
    case.be_impatient()
    jobs, other, log = case.jobs(lease_seconds=3), case.jobs(lease_seconds=3), Log()
    started, go, guarded = threading.Event(), threading.Event(), threading.Event()

    def handler(given: Sequence[Job], guard: Guard) -> None:
        started.set()
        assert go.wait(30)
        guard()
        guarded.set()

    with working(jobs, handler):
        case.enqueue(jobs, "message:1")
        assert started.wait(30)
        with working(other, log):
            until(lambda: len(beating(case)) == 2)
            before = set(beating(case))
            with away(case, request):
                time.sleep(6.5)  # more than two leases, and nobody else may have the job
                go.set()
                assert guarded.wait(30)
            until(lambda: case.idle(jobs))
            time.sleep(3.2)
            assert set(beating(case)) == before
    assert log.jobs == []


@pytest.mark.needs_system
def test_tables_of_an_earlier_version_are_upgraded(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    folder = files("procrastinate.sql") / "migrations"
    steps = sorted(one.name for one in folder.iterdir() if one.name.endswith(".sql"))
    note = text("SELECT obj_description('procrastinate_jobs'::regclass)")
    with engine.begin() as connection:
        raw: Any = connection.connection.driver_connection
        for name in steps[:-2]:
            raw.execute((folder / name).read_text())
        raw.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{steps[-3]}'")
    for _ in range(2):
        with engine.begin() as connection:
            prepare(connection)
            assert connection.scalar(note) == steps[-1]
    case, log = Case("procrastinate", postgres_url), Log()
    case.enqueue(case.jobs(), "message:1")
    case.jobs().drain(log)
    assert log.keys() == ["message:1"]
    engine.dispose()
    case.engine.dispose()


if __name__ == "__main__":
    worker_process(*sys.argv[1:])
