"""Each slot once: a simulated year with clocks that are killed, and real processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Engine, delete, select, text

from gateway.cli.commands.home import make_home
from gateway.partners.calendar import Calendar, Slots, When
from gateway.services import schedule
from gateway.services.base import Services
from gateway.store import tables as t
from gateway.store.audit import Seal
from gateway.store.database import open_engine, prepare, sqlite_url
from gateway.store.jobs import EmbeddedJobs
from gateway.store.sql import Store
from gateway.worker.clock import Clock
from tests.databases import Server
from tests.homes import FakeClock

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


class KilledError(BaseException):
    """The node is gone, in the middle of what it did."""


def services(engine: Engine, seal: Seal, clock: FakeClock, jobs: EmbeddedJobs | None = None) -> Services:
    """As far as schedules need them: the store, the jobs and the clock are real, or simulated."""
    store = Store(engine, clock.now, seal)
    known: dict[str, Any] = dict.fromkeys(Services.__dataclass_fields__)
    known |= {"store": store, "clock": clock.now, "scratch": None}
    known["jobs"] = jobs or EmbeddedJobs(engine, on_trouble=lambda _: None, clock=clock.now)
    return Services(**known)


class Dying(EmbeddedJobs):
    """Jobs whose node may be killed when it has taken a slot, and not committed it."""

    dies = False

    def enqueue(self, connection: Connection, keys: Any, at: datetime | None = None) -> None:
        super().enqueue(connection, keys, at)
        if self.dies:
            raise KilledError


class Node:
    """A clock of its own, in a thread of its own, that may be killed."""

    def __init__(self, engine: Engine, seal: Seal, rules: dict[str, Slots]) -> None:
        self.engine, self.seal, self.rules = engine, seal, rules
        self.clock = FakeClock()
        self.alive = False
        self.thread = ThreadPoolExecutor(1)
        self.services: Services | None = None

    def start(self, now: datetime) -> None:
        """Comes to life, and looks what is due."""

        def begin() -> None:
            self.clock.time = now
            jobs = Dying(self.engine, on_trouble=lambda _: None, clock=self.clock.now)
            self.services = services(self.engine, self.seal, self.clock, jobs)
            for name, slots in self.rules.items():
                schedule.fire(self.services, name, slots)

        self.thread.submit(begin).result()
        self.alive = True

    def kill(self) -> None:
        if self.services is not None:
            self.thread.submit(self.services.store.close).result()
        self.alive, self.services = False, None

    def fire(self, name: str, now: datetime, dies: bool) -> Any:
        """Looks whether a slot is due; returns a future of whether it survived."""

        def act() -> bool:
            assert self.services is not None
            self.clock.time = now
            cast("Dying", self.services.jobs).dies = dies
            try:
                schedule.fire(self.services, name, self.rules[name])
            except KilledError:
                return False
            return not dies

        return self.thread.submit(act)


def rules() -> dict[str, Slots]:
    """Polls and batch windows in two zones, in the hours that do not exist or exist twice too."""
    found: dict[str, Slots] = {}
    for place, zone in (("berlin", "Europe/Berlin"), ("coast", "America/Los_Angeles")):
        calendar = Calendar(name=place, zone=zone, holidays=("2026-01-01", "2026-12-25"))
        found[f"poll:{place}"] = Slots(When(at=("01:30", "02:30", "03:30", "12:00"), zone=zone))
        found[f"fetch:{place}"] = Slots(When(cron="15 */8 * * *", zone=zone))
        found[f"close:{place}|810"] = Slots(When(at=("11:00", "16:00"), calendar=place), calendar)
    return found


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    server: Server | None = request.getfixturevalue("postgres") if request.param == "postgres" else None
    made = open_engine(server.database() if server else sqlite_url(tmp_path / "gateway.db"))
    prepare(made)
    yield made
    made.dispose()


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    return Seal.of(tmp_path / "audit.pem")


def taken(engine: Engine) -> list[tuple[str, datetime]]:
    """What a worker finds: the jobs that there are, each with the slot it is of; they are done with that."""
    with engine.begin() as connection:
        keys = [row.key for row in connection.execute(select(t.jobs.c.key))]
        if keys:
            connection.execute(delete(t.jobs))
        rows = connection.execute(select(t.schedules).where(t.schedules.c.name.in_(keys))).all()
    slots = {row.name: datetime.fromisoformat(row.slot) for row in rows}
    return [(key, slots[key]) for key in keys]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_in_a_year_each_slot_is_run_once_by_three_clocks_that_are_killed(
    engine: Engine, seal: Seal, seed: int
) -> None:
    chance, all_rules = random.Random(seed), rules()
    slots = sorted((one, name) for name, rule in all_rules.items() for one in rule.between(BEGIN, END))
    nodes = [Node(engine, seal, all_rules) for _ in range(3)]
    done: Counter[tuple[str, datetime]] = Counter()
    expected: set[tuple[str, datetime]] = set()
    missed: dict[str, datetime] = {}
    outages = kills = 0

    def look() -> None:
        done.update(taken(engine))

    nodes[0].start(BEGIN)
    look()
    assert not done, "what would have been before the first start is not made up for"
    for moment, name in slots:
        for node in nodes:  # between two slots some die, and some come to life
            if chance.random() < (0.05 if node.alive else 0.2):
                if node.alive:
                    node.kill()
                    kills += 1
                else:
                    node.start(moment - timedelta(seconds=chance.uniform(1, 60)))
                    expected |= set(missed.items())
                    missed.clear()
                    look()
        alive = [node for node in nodes if node.alive]
        deadly = {node for node in alive if chance.random() < 0.05}
        futures = [
            (node, node.fire(name, moment + timedelta(seconds=chance.uniform(0, 0.9)), node in deadly))
            for node in alive
        ]
        ended = [(node, future.result()) for node, future in futures]
        for node in deadly:
            node.kill()
            kills += 1
        look()
        if any(survived for _, survived in ended) or done[name, moment]:
            expected.add((name, moment))
        else:
            missed[name] = moment  # of several only the last is made up for
            outages += 1
    nodes[0].kill()
    nodes[0].start(END)
    expected |= set(missed.items())
    look()
    assert outages > 20, "nobody was ever away"
    assert kills > 200
    assert set(done.values()) == {1}
    assert set(done) == expected
    assert len(done) > 5500
    for node in nodes:
        node.kill()
        node.thread.shutdown()


# --- the rules of catching up ----------------------------------------------------------------------------


def one(engine: Engine, seal: Seal, clock: FakeClock) -> Services:
    return services(engine, seal, clock)


def test_what_was_missed_is_made_up_for_once_or_left_out(engine: Engine, seal: Seal) -> None:
    clock = FakeClock()  # Monday, 2 March 2026, 9:30
    made = services(engine, seal, clock)
    once, skip = (Slots(When(at=("11:00",), catch_up=rule)) for rule in ("once", "skip"))
    for name, slots in (("once", once), ("skip", skip)):
        assert not schedule.fire(made, name, slots), "it is new: the slot of Sunday is not made up for"
    clock.time = datetime(2026, 3, 5, 10, 59, tzinfo=UTC)
    assert schedule.fire(made, "once", once)
    assert not schedule.fire(made, "once", once)
    assert not schedule.fire(made, "skip", skip)
    rows = {row.name: row for row in _rows(engine, select(t.schedules))}
    assert rows["skip"].result == "left out, as it was missed"
    assert taken(engine) == [("once", datetime(2026, 3, 4, 11, tzinfo=UTC))]
    clock.goes_on(minutes=3)
    assert schedule.fire(made, "once", once)
    assert schedule.fire(made, "skip", skip), "it is late by two minutes only"
    made.store.close()


def test_a_slot_whose_job_waits_is_taken_and_asks_for_no_second_job(engine: Engine, seal: Seal) -> None:
    clock = FakeClock()
    made, slots = services(engine, seal, clock), Slots(When(every_seconds=60))
    schedule.fire(made, "poll:a", slots)
    for _ in range(3):
        clock.goes_on(minutes=1)
        assert schedule.fire(made, "poll:a", slots)
    assert [key for key, _ in taken(engine)] == ["poll:a"]
    made.store.close()


def test_a_clock_that_errs_does_not_stop_the_others_for_long(engine: Engine, seal: Seal) -> None:
    right, wrong = FakeClock(), FakeClock()
    slots = Slots(When(every_seconds=60))
    made, mad = services(engine, seal, right), services(engine, seal, wrong)
    schedule.fire(made, "poll:a", slots)
    wrong.goes_on(days=30)
    assert schedule.fire(mad, "poll:a", slots)
    right.goes_on(minutes=1)
    assert schedule.fire(made, "poll:a", slots), "the slot of next month counts for nothing"
    wrong.time = right.time + timedelta(seconds=61)
    assert schedule.fire(mad, "poll:a", slots)
    assert not schedule.fire(made, "poll:a", slots), "a minute ahead is no error"
    made.store.close()
    mad.store.close()


def _rows(engine: Engine, statement: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(statement))


def test_the_clock_fires_at_the_start_and_at_each_slot_and_survives_errors(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "gateway.db"))
    fired, troubles, stop = list[float](), list[Exception](), Event()

    def fire(name: str, slots: Slots) -> None:
        fired.append(time.time())
        if len(fired) == 1:
            raise ValueError(name)
        if len(fired) == 3:
            stop.set()

    slots = Slots(When(every_seconds=1))
    clock = Clock(engine, {}, lambda *_: None, troubles.append, {"poll:a": slots}, fire)
    keeper = Thread(target=clock.run, args=(stop,))
    time.sleep((0.95 - time.time()) % 1)
    keeper.start()
    assert stop.wait(30)
    keeper.join()
    engine.dispose()
    assert [str(one) for one in troubles] == ["poll:a"]
    assert all(one % 1 < 0.9 for one in fired[1:3]), "at the second, not so long after the start"


# --- a home ----------------------------------------------------------------------------------------------


@contextmanager
def running(home: Path, command: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    made = subprocess.Popen(
        [sys.executable, "-m", "gateway", command, "--config", str(home)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield made
    finally:
        made.kill()
        made.wait()


_WATCH = """
CREATE TABLE watched (slot text, what text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION watch() RETURNS trigger AS $$ BEGIN
    IF NEW.slot <> OLD.slot THEN INSERT INTO watched (slot, what) VALUES (NEW.slot, 'taken'); END IF;
    IF NEW.ended_at > OLD.ended_at THEN INSERT INTO watched (slot, what) VALUES (NEW.slot, 'ended'); END IF;
    RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER watch AFTER UPDATE ON schedules FOR EACH ROW EXECUTE FUNCTION watch();
"""


@pytest.mark.slow
def test_three_processes_that_are_killed_take_each_second_once(tmp_path: Path, postgres_url: str) -> None:
    home = tmp_path / "home"
    make_home(home)
    for file, line in (("gateway.yaml", ""), ("partners/acme-retail.yaml", "poll: {every_seconds: 1}\n")):
        path = home / file
        path.write_text(path.read_text().replace("stable_seconds: 1 ", "stable_seconds: 0 ") + line)
    environment = {**os.environ, "EDIGW_DATABASE_URL": postgres_url, "PYTHONPATH": str(ROOT)}
    engine = open_engine(postgres_url)
    prepare(engine)
    with engine.begin() as connection:
        connection.execute(text(_WATCH))

    def slots(what: str) -> list[datetime]:
        found = _rows(engine, text(f"SELECT slot FROM watched WHERE what = '{what}' ORDER BY at"))
        return [datetime.fromisoformat(row.slot) for row in found]

    def wait_for(count: int, what: str = "taken") -> None:
        end = time.monotonic() + 60
        while len(slots(what)) < count:
            assert time.monotonic() < end, (what, count, slots(what))
            time.sleep(0.1)

    chance = random.Random(7)
    with running(home, "up", environment), running(home, "serve", environment) as first:
        node = first
        wait_for(3)
        for _ in range(4):  # the third one is killed where it stands, and another takes its place
            with running(home, chance.choice(["up", "serve"]), environment) as other:
                wait_for(len(slots("taken")) + 3)
                node.send_signal(signal.SIGKILL)
                node.wait()
                wait_for(len(slots("taken")) + 2)
                other.send_signal(signal.SIGKILL)
        wait_for(len(slots("ended")) + 2, "ended")
    found = slots("taken")
    engine.dispose()
    assert len(found) == len(set(found)), "a second was taken twice"
    assert found == sorted(found)
    seconds = int((found[-1] - found[0]).total_seconds()) + 1
    # On a busy machine all of them may sleep over a second; then the next one counts for both.
    assert len(found) >= seconds * 0.5, f"{seconds - len(found)} of {seconds} seconds were missed"
