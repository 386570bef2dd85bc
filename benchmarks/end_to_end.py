"""Measures a whole gateway at work: folder to folder, with its store on disk, by real processes.

Files with purchase orders are dropped into the partner's inbox of a running gateway; the clock runs from the
first drop until the last JSON document and the last 997 lie in the outboxes. Each document was then archived,
translated, acknowledged, delivered and put into the audit, and every commit brought to disk.

Usage: ``python benchmarks/end_to_end.py [single|batch|readers|postgres|soak|million] [--documents N]
[--write]``; without a name ``single``, ``batch`` and ``postgres``. ``readers`` is the first two while people
look at pages, 20 requests a second. ``soak`` sends 100,000 documents in waves, and shows memory and size of
the database; ``million`` is ``benchmarks/million.py``. ``--write`` measures all of it, and makes
``docs/benchmarks-gateway.md``, but its last sections, which ``benchmarks/pages.py`` makes.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.generate import order  # noqa: E402
from benchmarks.run import WORK, machine  # noqa: E402

EDIGW = Path(sys.executable).parent / "edigw"
PARTNER, ERP = "acme-retail", "erp"
LINES = 8
"""Lines of an order: 1.5 KB with its envelope."""

_LIMIT_SECONDS = 600
_READ = (
    "/",
    "/messages",
    "/messages?text=ORDERS",
    "/unprocessed",
    "/api/v1/documents",
    "/schedule",
    "/partners",
)
_READS = 20
"""Pages a second that people look at, when they do."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement.

    Attributes:
        seconds: from the first drop to the last file out.
        database: bytes of the database and its log for each document; 0 where it is not a file.
        memory: MiB of the largest process, after each wave.
    """

    what: str
    documents: int
    seconds: float
    database: float = 0
    memory: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.documents / self.seconds

    def __str__(self) -> str:
        text = f"{self.what:<44} {self.documents:>7} documents {self.rate:>8.0f} /s"
        return text + (f" {self.database / 1000:>6.1f} KB/document in the database" if self.database else "")


def interchange(number: int, sets: int, draw: random.Random) -> bytes:
    """An interchange of purchase orders that differ in everything."""
    isa = f"ISA*00*          *00*          *ZZ*{'ACMERETAIL':<15}*ZZ*EXAMPLESUPPLIER"
    parts = [
        f"{isa}*261105*0915*U*00401*{number:09d}*0*P*>",
        f"GS*PO*ACMERETAIL*EXAMPLESUPPLIER*20261105*0915*{number}*X*004010",
    ]
    for control in range(1, sets + 1):
        body = _order(number * 1000 + control, draw)
        segments = [f"ST*850*{control:04d}", *body, f"SE*{len(body) + 2}*{control:04d}"]
        parts += segments
    parts += [f"GE*{sets}*{number}", f"IEA*1*{number:09d}"]
    return "".join(f"{part}~\n" for part in parts).encode("ascii")


def _order(number: int, draw: random.Random) -> list[str]:
    while True:
        body = ["*".join(segment) for segment in order(number, draw)]
        if sum(segment.startswith("PO1*") for segment in body) == LINES:
            return body


class Home:
    """A gateway on a new home below ``root``.

    Args:
        database: URL of a PostgreSQL database; empty for SQLite.
    """

    def __init__(self, root: Path, database: str = "") -> None:
        self.path = root / "home"
        self.environment = {**os.environ, "EDIGW_DATABASE_URL": database} if database else dict(os.environ)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.listen = f"127.0.0.1:{free.getsockname()[1]}"
        self.environment["EDIGW_WEB_LISTEN"] = self.listen
        subprocess.run([EDIGW, "init", self.path], check=True, stdout=subprocess.DEVNULL)
        settings = self.path / "gateway.yaml"
        text = settings.read_text("utf-8").replace("stable_seconds: 1 ", "stable_seconds: 0 ")
        settings.write_text(text.replace("poll_seconds: 2 ", "poll_seconds: 0.2 "), "utf-8")
        self.inbox = self.path / "folders" / PARTNER / "inbox"
        self._outboxes = [self.path / "folders" / name / "outbox" for name in (PARTNER, ERP)]
        self._number = 0

    @contextmanager
    def read(self, a_second: int) -> Iterator[list[float]]:
        """People who look at pages of the running gateway; yields the seconds each page took."""
        took: list[float] = []
        if not a_second:
            yield took
            return
        stop = threading.Event()
        said = ("--role", "viewer", "--reason", "a benchmark", "--config", str(self.path))
        made = subprocess.run(
            [EDIGW, "key", "make", "bench", *said], check=True, capture_output=True, text=True
        )
        key = next(word for word in made.stdout.split() if word.startswith("edigw_"))
        head = {"Authorization": f"Bearer {key}", "Accept": "text/html"}

        def look(first: int) -> None:
            with httpx.Client(base_url=f"http://{self.listen}", headers=head, timeout=60) as client:
                for turn in count(first):
                    began = time.perf_counter()
                    client.get(_READ[turn % len(_READ)]).raise_for_status()
                    took.append(time.perf_counter() - began)
                    if stop.wait(max(0.0, 4 / a_second - took[-1])):
                        return

        with ThreadPoolExecutor(4) as people:
            done = [people.submit(look, first) for first in range(4)]
            try:
                yield took
            finally:
                stop.set()
        for one in done:
            one.result()

    @contextmanager
    def running(self, *commands: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """The gateway at work, as processes; ends them by SIGTERM."""
        with ExitStack() as ends:
            log = ends.enter_context((self.path / "log").open("wb"))
            self.processes = processes = [
                subprocess.Popen([EDIGW, command, "--config", self.path], stderr=log, env=self.environment)
                for command in commands
            ]
            try:
                warm = self.drop(files=1, sets=1)
                self.wait(warm)
                self.empty()
                yield processes
            finally:
                for process in processes:
                    process.send_signal(signal.SIGTERM)
                for process in processes:
                    process.wait(60)

    def drop(self, files: int, sets: int) -> int:
        """Moves new files into the inbox, all at once; returns how many files must come out."""
        draw = random.Random(self._number)
        ready = []
        for _ in range(files):
            self._number += 1
            path = self.inbox / f".orders-{self._number}.tmp"
            path.write_bytes(interchange(self._number, sets, draw))
            ready.append(path)
        self.started = time.perf_counter()
        for path in ready:
            path.rename(path.with_name(f"{path.stem[1:]}.edi"))
        return files * (sets + 1)

    def wait(self, files: int) -> float:
        """Waits until so many files lie in the outboxes; returns the seconds since they were dropped."""
        while time.perf_counter() - self.started < _LIMIT_SECONDS:
            if sum(_files(box) for box in self._outboxes) >= files:
                return time.perf_counter() - self.started
            if any(process.poll() is not None for process in self.processes):
                break
            time.sleep(0.1)
        raise SystemExit(f"The gateway did not do it:\n{(self.path / 'log').read_text()[-2000:]}")

    def empty(self) -> None:
        """Takes everything out of the outboxes."""
        for box in self._outboxes:
            for path in box.iterdir():
                if not path.name.startswith("."):
                    path.unlink()

    def database_size(self) -> int:
        """Bytes of the database and its log on SQLite."""
        return sum(path.stat().st_size for path in (self.path / "data").glob("gateway.db*"))


def _files(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.name[0] != "." for entry in entries)


@contextmanager
def _home(database: str = "") -> Iterator[Home]:
    WORK.mkdir(exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="home-", dir=WORK))
    try:
        yield Home(root, database)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def sqlite(what: str, files: int, sets: int, readers: int = 0) -> Result:
    """One process on SQLite, ``synchronous=FULL``; ``readers``: so many pages a second are looked at."""
    with _home() as home, home.running("up"), home.read(readers) as took:
        before, first = home.database_size(), len(took)
        seconds = home.wait(home.drop(files, sets))
        if took := sorted(took[first:]):
            at = (
                f"{took[len(took) // 2] * 1000:.0f} ms, one of twenty {took[len(took) * 19 // 20] * 1000:.0f}"
            )
            what += f", {len(took) / seconds:.0f} pages/s ({at})"
        size = (home.database_size() - before) / (files * sets)
    return Result(what, files * sets, seconds, size)


def postgres(workers: int, files: int, sets: int) -> Result:
    """The clock in one process and workers in others, on PostgreSQL with durable commits."""
    from tests.databases import postgres_server

    what = f"PostgreSQL, {workers} worker{'s' if workers > 1 else ''}, {_kind(sets)}"
    with postgres_server() as server, _home(server.database()) as home, ExitStack() as ends:
        ends.enter_context(home.running("serve", *["worker"] * workers))
        return Result(what, files * sets, home.wait(home.drop(files, sets)))


def soak(documents: int, sets: int = 100, wave: int = 2500) -> Result:
    """Waves of documents through one process on SQLite; memory after each."""
    memory, seconds = [], 0.0
    with _home() as home, home.running("up") as (process,):
        before = home.database_size()
        for _ in range(documents // wave):
            seconds += home.wait(home.drop(wave // sets, sets))
            home.empty()
            status = Path(f"/proc/{process.pid}/status").read_text()
            memory.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        size = (home.database_size() - before) / documents
    return Result(f"soak, SQLite, {_kind(sets)}", documents, seconds, size, tuple(memory))


def _kind(sets: int) -> str:
    return "single files" if sets == 1 else f"interchanges of {sets}"


def measure(names: list[str], documents: int) -> Iterator[Result]:
    """The measurements of those names, one after another."""
    single, batch = documents, documents * 5 // 100
    if "single" in names:
        yield sqlite(f"SQLite, one process, {_kind(1)}", single, 1)
    if "batch" in names:
        yield sqlite(f"SQLite, one process, {_kind(100)}", batch, 100)
    if "readers" in names:
        yield sqlite(f"SQLite, one process, {_kind(1)}", single, 1, _READS)
        yield sqlite(f"SQLite, one process, {_kind(100)}", batch, 100, _READS)
    if "postgres" in names:
        for workers in (1, 3):
            yield postgres(workers, single // 2, 1)
            yield postgres(workers, batch, 100)
    if "soak" in names:
        yield soak(100_000 if documents >= 2000 else documents * 10)


def page(where: str, results: list[Result], million: list[str]) -> str:
    """The page of the documentation; ``where`` is what it was measured on."""
    rows = [
        f"| {one.what} | {one.documents:,} | {one.rate:,.0f} | "
        + (f"{one.database / 1000:.1f} |" if one.database else "|")
        for one in results
    ]
    memory = next((one.memory for one in results if one.memory), ())
    steps = max(1, len(memory) // 10)
    shown = ", ".join(f"{one:.0f}" for one in memory[steps - 1 :: steps])
    return "\n".join(
        [
            "# A gateway at work",
            "",
            f"{datetime.now(UTC):%d %B %Y}, `make bench-gateway`, which writes this page. {where}.",
            "",
            "Purchase orders of 1.5 KB are dropped into an inbox of a running gateway. The time is from the",
            "first drop to the last JSON document and 997 in the outboxes: archived, checked, translated,",
            "acknowledged, delivered and in the audit, every commit and file on disk (`synchronous=FULL`,",
            "`fsync`).",
            "",
            "| what | documents | documents/s | KB of database a document |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            "",
            f"Memory of the process in the soak, MiB, a tenth of the documents apart: {shown}.",
            "",
            "## What people wait for",
            "",
            "Milliseconds, in the store, without the start of the command; promised are 300.",
            "",
            *million,
            "",
        ]
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="A whole gateway at work.")
    parser.add_argument("names", nargs="*", default=["single", "batch", "postgres"])
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--write", action="store_true", help="measure all of it, and write the page")
    args = parser.parse_args()
    names = ["single", "batch", "readers", "postgres", "soak", "million"] if args.write else args.names
    where, results = machine(), []
    for result in measure(names, args.documents):
        results.append(result)
        print(result, flush=True)
        if result.memory:
            print("  MiB after each wave: " + " ".join(f"{one:.0f}" for one in result.memory))
    if "million" in names:
        from benchmarks import million

        count = 1_000_000 if args.documents >= 2000 else args.documents * 10
        lines = list(million.lines(million.run(count), count))
        print("\n".join(lines))
        if args.write:
            file = ROOT / "docs" / "benchmarks-gateway.md"
            _, mark, last = file.read_text("utf-8").partition("\n## What pages take\n")
            file.write_text(page(where, results, lines) + mark + last, "utf-8")


if __name__ == "__main__":
    main()
