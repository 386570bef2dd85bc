"""What fails around a gateway, and comes back: nothing is lost or done twice, and it goes on by itself.

Each test lets a gateway, as real processes, work under traffic, takes something away from it, waits until it
tells so, gives it back, and looks whether everything was delivered, answered and told.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from gateway import engine
from gateway.store import tables as t
from gateway.store.database import reading
from gateway.store.payloads import PayloadFiles
from gateway.x12.envelope import TransactionSet
from tests.databases import Server, postgres_server
from tests.integration.crashing import Node, until
from tests.integration.killing import LINE, PARTNER
from tests.integration.points import VARIABLE
from tests.integration.traffic import Plan, World, crash_home, opened, wait_until_finished
from tests.orders import interchange, order

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
LEASE = 6.0
"""Seconds after which the work of a silent worker is taken over."""


class Site:
    """A home, its processes and the two other sides."""

    def __init__(self, path: Path, documents: int = 50, url: str = "", seed: int = 20260302) -> None:
        self.home = crash_home(path / "home")
        self.world = World(self.home, Plan.drawn(seed, documents))
        self.url = url
        self.nodes: list[Node] = []

    def start(self, command: str = "up", fault: str = "", **environment: str) -> Node:
        """Starts a process and waits until it works."""
        if fault:
            environment[VARIABLE] = fault
        if self.url:
            environment["EDIGW_DATABASE_URL"] = self.url
        node = Node(command, self.home, self.home / f"log-{len(self.nodes)}", environment)
        self.nodes.append(node)
        node.wait_started()
        assert node.is_alive, node.told
        return node

    def wait_taken(self, files: int) -> None:
        """Waits until the other sides got so many more files."""
        wanted = len(self.world.taken) + files

        def there() -> bool:
            self.world.look()
            return len(self.world.taken) >= wanted

        until(there, what=f"{files} more files")

    def wait_told(self, event: str, words: str = "", seconds: float = 30, since: int = 0) -> dict[str, Any]:
        """Waits until one of the processes logs an event; returns it."""
        found: list[dict[str, Any]] = []

        def told() -> bool:
            for node in self.nodes:
                found.extend(
                    one for one in node.events()[since:] if one["event"] == event and words in str(one)
                )
            return bool(found)

        until(told, seconds, f"{event} {words}")
        return found[0]

    def finish(self, seconds: float = 60) -> None:
        """Waits until everything is done, ends the processes as an operator does, and looks at everything."""
        self.world.allow(1)
        wait_until_finished(self.world, self.home, self.url, seconds)
        for node in self.nodes:
            if node.is_alive:
                assert node.kill(signal.SIGTERM) == 0, node.told[-3000:]
                assert "message.failed" not in node.told
        self.world.stop()
        self.world.check(self.url)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes sites whose processes end with the test."""
    made: list[Site] = []

    def make(**settings: Any) -> Site:
        made.append(Site(tmp_path, **settings))
        made[-1].world.start()
        return made[-1]

    yield make
    for site in made:
        for node in site.nodes:
            with suppress(ProcessLookupError):
                node.kill()
        site.world.end()


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server that may be stopped."""
    try:
        with postgres_server() as server:
            yield server
    except ModuleNotFoundError as error:
        pytest.skip(f"no PostgreSQL for tests: {error}")


# --- two on one home -------------------------------------------------------------------------------------


def test_a_second_gateway_on_one_home_is_refused(sites: Callable[..., Site]) -> None:
    site = sites(documents=10)
    first = site.start()
    second = Node("up", site.home, site.home / "log-second")
    assert second.process.wait(30) == 6
    assert "Another process" in second.told
    assert f"process {first.process.pid}" in second.told
    site.finish()


# --- a share that is away --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channel", "box"),
    [("erp", "outbox"), (PARTNER, "inbox"), pytest.param(PARTNER, "outbox", marks=pytest.mark.long)],
)
def test_a_share_that_is_away_and_comes_back(sites: Callable[..., Site], channel: str, box: str) -> None:
    site = sites()
    site.start()
    site.world.allow(0.3)
    site.wait_taken(5)
    folder = site.home / "folders" / channel / box
    away = folder.with_name(f"{box}-away")
    with site.world.still():
        folder.rename(away)
    site.world.allow(0.6)
    site.wait_told("channel.trouble", channel)
    if box == "outbox":
        site.wait_told("delivery.delayed", channel)
    assert not folder.exists(), "it is not made in passing"
    with site.world.still():
        away.rename(folder)
    site.finish()


# --- a full or read-only disk ----------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mounts a small disk of its own over a folder; what was in it goes along."""
    kept = {path.relative_to(folder): path for path in folder.rglob("*")}
    beside = folder.with_name(f"{folder.name}-before")
    folder.rename(beside)
    folder.mkdir()
    size = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(size, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        for name in sorted(kept):
            (folder / name).mkdir() if (beside / name).is_dir() else (beside / name).rename(folder / name)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Callable[[], None]:
    """Fills the disk a folder is on; returns what empties it again."""
    path = folder / ".filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    return path.unlink


def protect(folder: Path) -> Callable[[], None]:
    """Makes a disk read-only, also for root; returns what makes it writable again."""

    def remount(how: str) -> bool:
        return not subprocess.run(
            ["mount", "-o", f"remount,{how}", str(folder)], capture_output=True, check=False
        ).returncode

    until(lambda: remount("ro"), what="a moment in which nothing is open for writing")

    def back() -> None:
        assert remount("rw")

    return back


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "harm", "told"),
    [
        ("data", fill, "full"),
        pytest.param("data/payloads", fill, "No space left", marks=pytest.mark.long),
        ("data/payloads", protect, "Read-only file system"),
        ("folders/erp", fill, "No space left"),
        pytest.param(f"folders/{PARTNER}", fill, "No space left", marks=pytest.mark.long),
    ],
    ids=["data-full", "payloads-full", "payloads-read-only", "erp-full", "partner-full"],
)
def test_a_disk_that_is_full_or_protected_for_a_while(
    sites: Callable[..., Site], place: str, harm: Callable[[Path], Callable[[], None]], told: str
) -> None:
    site = sites()
    (site.home / "data/payloads").mkdir(exist_ok=True)
    folder = site.home / place
    with ExitStack() as ends:
        with site.world.still():
            ends.enter_context(small_disk(folder, 16))
        ends.callback(lambda: [node.kill() for node in site.nodes if node.is_alive])
        site.start()
        site.world.allow(0.3)
        site.wait_taken(5)
        heal = harm(folder)
        site.world.allow(0.6)
        event = "worker.trouble" if place == "data" else "channel.trouble"
        error = site.wait_told(event, told)
        assert error["level"] == "error"
        assert "exception" not in error, "what passes by itself is told in words, without a traceback"
        heal()
        site.finish(seconds=90)


# --- clocks ----------------------------------------------------------------------------------------------


class FakeClock:
    """A clock for the processes of a site that can be set while they run."""

    def __init__(self, path: Path) -> None:
        if FAKETIME is None:
            pytest.skip("no clock can be set without the system package faketime")
        self._path = path / "faketime"
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",  # files keep the time of the other sides
        }

    def set(self, seconds: int) -> None:
        """Sets it so many seconds from the right time."""
        new = self._path.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self._path)


@pytest.mark.slow
@pytest.mark.needs_system
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_a_clock_that_is_set_back_an_hour(
    sites: Callable[..., Site], tmp_path: Path, *, stopped: bool
) -> None:
    clock = FakeClock(tmp_path)
    site = sites(documents=80)
    node = site.start(**clock.environment)
    site.world.allow(0.3)
    site.wait_taken(5)
    outbox = site.home / "folders/erp/outbox"
    away = outbox.with_name("outbox-away")
    with site.world.still():
        outbox.rename(away)
    site.world.allow(0.5)
    site.wait_told("channel.trouble", "erp")  # a retry waits now, and some documents wait for their batch
    if stopped:
        assert node.kill(signal.SIGTERM) == 0
    clock.set(-3600)
    if stopped:
        site.start(**clock.environment)
    with site.world.still():
        away.rename(outbox)
    begun = time.monotonic()
    site.finish(300)
    assert time.monotonic() - begun < 600, "nothing waits until the clock is where it was"


# --- several threads -------------------------------------------------------------------------------------


def test_threads_that_begin_at_the_same_time_make_whole_documents() -> None:
    def numbers(control: int) -> list[str]:
        content = interchange(control, [order(1, f"PO{control}", [LINE] * 5)])
        events = engine.read(content, guides=guides, profile_of=lambda _: "")
        documents = [one.document for one in events if isinstance(one, TransactionSet)]
        return [str((one or {}).get("po_number")) for one in documents]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(10):
            engine.library.cache_clear()  # guides and mappings are compiled when they are first needed
            guides = engine.library()
            with ThreadPoolExecutor(4) as pool:
                found = list(pool.map(numbers, range(1, 9)))
            assert found == [[f"PO{control}"] for control in range(1, 9)]
    finally:
        sys.setswitchinterval(interval)


def test_nodes_that_share_payloads_do_not_write_into_the_same_file(tmp_path: Path) -> None:
    # As in containers, where both have the process id 1.
    nodes = [PayloadFiles(tmp_path), PayloadFiles(tmp_path)]
    contents = [b"one" * 1000, b"two" * 1000]
    names = [node.put(BytesIO(content))[0] for node, content in zip(nodes, contents)]
    for node in nodes:
        node.flush()
    assert [nodes[0].open(name).read() for name in names] == contents


# --- several nodes on PostgreSQL -------------------------------------------------------------------------


def snapshot(site: Site) -> dict[str, list[Any]]:
    """The statuses of everything in the store."""
    tables = {
        "messages": [t.messages.c[name] for name in ("id", "translation", "delivery", "acknowledgment")],
        "deliveries": [t.deliveries.c[name] for name in ("seq", "state", "name", "token")],
        "documents": [t.documents.c[name] for name in ("id", "acknowledgment", "sent_in", "batch")],
        "numbers": [t.control_numbers.c[name] for name in ("partner", "kind", "last")],
    }
    with opened(site.home, site.url) as database, reading(database) as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]
            for name, columns in tables.items()
        }


def is_paused(node: Node) -> bool:
    """Whether a process stands still by SIGSTOP."""
    return Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        "in-translate",
        "after-stage",
        "after-sending-commit",
        pytest.param("after-claim", marks=pytest.mark.long),
        pytest.param("after-receive-commit", marks=pytest.mark.long),
        pytest.param("after-translate-commit", marks=pytest.mark.long),
        pytest.param("before-translate-commit", marks=pytest.mark.long),
        pytest.param("before-sending-commit", marks=pytest.mark.long),
        pytest.param("between-releases", marks=pytest.mark.long),
        pytest.param("before-delivered-commit", marks=pytest.mark.long),
        pytest.param("in-heartbeat", marks=pytest.mark.long),
    ],
)
def test_a_worker_that_was_paused_and_comes_back_changes_nothing(
    sites: Callable[..., Site], postgres_url: str, point: str
) -> None:
    site = sites(url=postgres_url)
    # One thread: another one might stand still amid a pipeline of statements, which PostgreSQL waits for.
    settings = site.home / "gateway.yaml"
    settings.write_text(settings.read_text().replace("schedule: {", "schedule: {workers: 1, "))
    site.start("serve")
    paused = site.start("worker", f"{point}:{1 if 'receive' in point else 3}:STOP")
    other = site.start("worker")
    site.world.allow(0.5)
    until(lambda: is_paused(paused), what=f"the pause {point}")
    begun = time.monotonic()
    # The other one takes over; only files that the partner dropped since may be left.
    wait_until_finished(site.world, site.home, site.url, 100)
    until(lambda: time.monotonic() - begun > LEASE + 2, what="the end of the lease")
    assert is_paused(paused)
    before = snapshot(site)
    told = len(paused.told)
    paused.signal(signal.SIGCONT)
    # It notices, and works again: what is dropped now it may do.
    assert other.kill(signal.SIGTERM) == 0
    taken = len(site.world.taken)
    site.world.allow(0.7)
    until(lambda: len(site.world.taken) > taken, what="work of the one that was paused")
    site.finish()
    after = snapshot(site)
    for name in ("messages", "deliveries", "documents"):
        known = {row[0]: row for row in after[name]}
        gone_back = [(row, known.get(row[0])) for row in before[name] if known.get(row[0]) != row]
        assert not gone_back, f"changed in {name} by the one that came back: {gone_back}"
    assert "Traceback" not in paused.told[told:]


@pytest.mark.slow
def test_the_work_of_a_dead_worker_is_taken_over_within_ten_seconds(
    sites: Callable[..., Site], postgres_url: str
) -> None:
    site = sites(url=postgres_url)
    site.start("serve")
    dying = site.start("worker", "in-translate:4")
    site.start("worker")
    site.world.allow(1)
    until(lambda: not dying.is_alive, what="the death")
    begun = time.monotonic()
    with opened(site.home, site.url) as database, reading(database) as connection:
        ids = list(connection.scalars(text("SELECT id FROM messages WHERE translation = 'received'")))
    assert ids, "it died in the middle of work"

    def done() -> bool:
        with opened(site.home, site.url) as database, reading(database) as connection:
            left = select(t.messages.c.id).where(
                t.messages.c.id.in_(ids), t.messages.c.translation == "received"
            )
            return connection.execute(left).first() is None

    until(done, what="the end of its work")
    assert time.monotonic() - begun < 20, "by its lease, not by the look at everything each 30 s"
    site.finish()


@pytest.mark.slow
@pytest.mark.needs_system
def test_a_database_that_goes_and_comes_back(sites: Callable[..., Site], own_postgres: Server) -> None:
    site = sites(url=own_postgres.database(), documents=100)
    nodes = [site.start("serve"), site.start("worker"), site.start("worker")]
    site.world.allow(0.3)
    site.wait_taken(5)
    own_postgres.stop()
    site.world.allow(0.6)
    site.wait_told("worker.trouble")
    own_postgres.start()
    site.wait_taken(5)
    site.finish()
    assert [node.process.returncode for node in nodes] == [0, 0, 0]
