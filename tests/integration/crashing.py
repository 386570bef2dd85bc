"""Kills gateways, real processes, with SIGKILL under traffic: at random moments and at named fault points.

``python -m tests.integration.crashing sqlite --kills 200 --documents 1000`` (or ``postgres``) prints one line
of figures, and fails when anything was lost, doubled or left undone. ``test_crash.py`` runs it. With ``--over
sftp`` the partner has a server, a real sshd; with ``sftp-claim`` files are moved before they are fetched.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests import ssh
from tests.databases import postgres_server
from tests.integration.killing import PARTNER
from tests.integration.points import POINTS, REMOTE, VARIABLE
from tests.integration.traffic import Plan, World, crash_home, wait_until_finished

ROOT = Path(__file__).parents[2]
STRANGE = ("message.failed", "Traceback", '"exception"')
"""What no log may hold: errors of ours, which a kill is no excuse for."""


def until(condition: Callable[[], object], seconds: float = 30, what: str = "it") -> float:
    """Waits for a condition; returns how long that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"{what} did not happen within {seconds:g} seconds"
        time.sleep(0.01)
    return time.monotonic() - begun


def whole_lines(log: bytes) -> list[bytes]:
    """The JSON lines of a log that something still writes to, but not a last one that has no end yet."""
    return [line for line in log.split(b"\n")[:-1] if line.startswith(b"{")]


@dataclass
class Node:
    """One process of a gateway: ``up``, ``serve`` or ``worker``.

    Attributes:
        environment: more of it, or other values.
    """

    command: str
    home: Path
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._from = self.log.stat().st_size if self.log.exists() else 0
        words = [sys.executable, "-m", "tests.integration.points", self.command, "--config", str(self.home)]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("EDIGW_")}
        kept["EDIGW_WEB_LISTEN"] = ""  # several at a time, and none is looked at
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(words, cwd=ROOT, env={**kept, **self.environment}, stderr=log)

    @property
    def point(self) -> str:
        """The fault point it was started with."""
        return self.environment.get(VARIABLE, "").split(":")[0]

    @property
    def told(self) -> str:
        """What this process logged."""
        return self.log.read_bytes()[self._from :].decode(errors="replace")

    def events(self) -> list[dict[str, Any]]:
        """The same, line by line, as far as they are whole: one may be half written when it is looked at."""
        return [json.loads(line) for line in whole_lines(self.log.read_bytes()[self._from :])]

    @property
    def is_started(self) -> bool:
        return b'"gateway.started"' in self.log.read_bytes()[self._from :]

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def wait_started(self) -> None:
        """Waits until it works, or is dead."""
        until(lambda: self.is_started or not self.is_alive, 60, "the start")

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal; with one that ends it, waits for that. Returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal that does not end it."""
        self.process.send_signal(number)


@dataclass
class Crash:
    """A crash run: its processes, and what was done to them.

    Attributes:
        points: where processes may die. patience: seconds in which one is to come by its point.
    """

    home: Path
    world: World
    draw: random.Random
    kills: int
    url: str = ""
    points: Sequence[str] = POINTS
    patience: float = 2.5
    at: Counter[str] = field(default_factory=Counter)
    nodes: list[Node] = field(default_factory=list)
    number: int = 0

    def node(self, command: str, point: str = "") -> Node:
        """Starts a process, which dies at a point if one is named."""
        most = 30 if point in ("remote-asked", "remote-answered") else 2 if self.url else 4
        environment = {VARIABLE: f"{point}:{self.draw.randint(1, most)}"} if point else {}
        if self.url:
            environment["EDIGW_DATABASE_URL"] = self.url
        self.number += 1
        node = Node(command, self.home, self.home / f"log-{self.number}", environment)
        self.nodes.append(node)
        return node

    def killed(self, node: Node, where: str) -> None:
        """Kills a process if it lives still, and looks how it died."""
        code = node.kill() if node.is_alive else node.process.wait()
        assert code == -signal.SIGKILL, f"{node.command} ended by itself ({code}): {node.told[-3000:]}"
        self._looked_at(node)
        self.at[where] += 1
        if not self.url:
            self.world.allow(sum(self.at.values()) / self.kills + 0.02)

    def _looked_at(self, node: Node) -> None:
        self.nodes.remove(node)
        told = node.told
        strange = [line for line in told.splitlines() if any(one in line for one in STRANGE)]
        assert not strange, "\n".join(strange[:3])
        node.log.unlink()

    def ended(self) -> None:
        """Ends all processes as an operator does."""
        for node in list(self.nodes):
            assert (code := node.kill(signal.SIGTERM)) == 0, (
                f"{node.command} ends with {code}: {node.told[-3000:]}"
            )
            self._looked_at(node)


def points_of(commands: Sequence[str], points: Sequence[str] = POINTS) -> list[str]:
    """The points that processes of these commands come by, each, with moments of no name between them."""
    work = [one for one in points if not one.startswith(("before-sweep", "after-sweep"))]
    return [one for point in work for one in ((point, "") if "worker" in commands else (point, "", "start"))]


def single(crash: Crash) -> None:
    """One process on SQLite, killed and started again."""
    wheres = points_of(["up"], crash.points)
    for number in range(crash.kills):
        where = wheres[number % len(wheres)]
        node = crash.node("up", "" if where == "start" else where)
        if where == "start":
            time.sleep(crash.draw.uniform(0, 0.6))
        else:
            node.wait_started()
            end = time.monotonic() + (crash.patience if where else crash.draw.uniform(0, 1.2))
            while node.is_alive and time.monotonic() < end:
                time.sleep(0.005)
        reached = where not in ("", "start") and not node.is_alive
        crash.killed(node, where if reached else where if where == "start" else "moment")
    crash.node("up").wait_started()


def several(crash: Crash, workers: int = 3, clocks: int = 2) -> None:
    """Several workers and clocks on PostgreSQL; one dies at a time, and another is started in its place."""
    wheres, number = points_of(["worker"], crash.points), 0
    nodes = [crash.node("worker") for _ in range(workers)] + [crash.node("serve") for _ in range(clocks)]
    for node in nodes:
        node.wait_started()
    begun, pace = time.monotonic(), 1.5 * crash.kills
    while (done := sum(crash.at.values())) < crash.kills:
        # Half of them die at the points they were started with, while the others go on.
        waits = crash.draw.random() < 0.6
        end = time.monotonic() + (max(3, crash.patience) if waits else crash.draw.uniform(0, 0.5))
        while all(node.is_alive for node in nodes) and time.monotonic() < end:
            crash.world.allow(max(done / crash.kills + 0.02, (time.monotonic() - begun) / pace))
            time.sleep(0.005)
        dead = next((node for node in nodes if not node.is_alive), None)
        node = dead or crash.draw.choice(nodes)
        crash.killed(node, node.point if dead else "moment" if node.command == "worker" else "serve")
        point = wheres[number % len(wheres)] if node.command == "worker" else ""
        number += node.command == "worker"
        nodes[nodes.index(node)] = crash.node(node.command, point)
    for node in [one for one in nodes if one.point]:
        crash.killed(node, node.point if not node.is_alive else "moment")
        crash.node(node.command)
    for node in crash.nodes:
        node.wait_started()


@contextmanager
def served(home: Path, place: Path, claim: str) -> Iterator[Path]:
    """The folders of the partner, on a server of its own."""
    there = ssh.folders(place / "there")
    path = home / f"partners/{PARTNER}.yaml"
    with ssh.sshd(place / "sshd", options=("MaxStartups 100:30:200",)) as server:
        said: dict[str, Any] = {"inboxes": [f"{there}/inbox"], "outbox": f"{there}/outbox", "claim": claim}
        said = server.settings(**said, host_keys=[server.host_key], poll_seconds=1)
        path.write_text(path.read_text() + yaml.safe_dump({"sftp": said}))
        yield there


def run(kind: str, place: Path, *, kills: int, documents: int, seed: int, over: str = "") -> str:
    """One run; returns its figures in words. Raises AssertionError.

    Args:
        over: ``sftp`` or ``sftp-claim``; empty for folders.
    """
    begun = time.monotonic()
    home = crash_home(place / "home")
    with ExitStack() as ends:
        claim = "../.claimed" if over == "sftp-claim" else ""
        there = ends.enter_context(served(home, place, claim)) if over else None
        known = (*POINTS, *REMOTE) if over else POINTS
        url = ends.enter_context(postgres_server()).database() if kind == "postgres" else ""
        world = World(home, Plan.drawn(seed, documents), there)
        crash = Crash(home, world, random.Random(seed), kills, url, known, 8 if over else 2.5)
        try:
            world.allow(0.02)
            world.start()
            (several if url else single)(crash)
            world.allow(1)
            wait_until_finished(world, home, url, seconds=300)
            crash.ended()
        finally:
            for node in crash.nodes:
                node.kill()
            world.stop()
        found = world.check(url)
    points = len([one for one in crash.at if one in known])
    if kills >= 200 and not url:  # of several, the others may do the work
        never = [one for one in points_of([], known) if one in known and one not in crash.at]
        assert not never, f"never killed at {never}"
    nodes = "3 workers, 2 clocks" if url else "one process"
    named = sum(crash.at[one] for one in known)
    seconds, files = time.monotonic() - begun, len(world.plan.files) + world.answers
    return (
        f"{kind}{over and f', {over}'}, {nodes}: "
        f"{sum(crash.at.values())} kills ({named} at {points} fault points), "
        f"{world.documents} documents in {files} files, {seconds:.0f} s: "
        f"0 lost, 0 delivered twice, 0 control numbers used twice; {found}"
    )


def main() -> None:
    """Runs it from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("kind", choices=("sqlite", "postgres"))
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--documents", type=int, default=1000)
    options.add_argument("--over", choices=("", "sftp", "sftp-claim"), default="")
    options.add_argument("--seed", type=int, default=20260302)
    options.add_argument("--place", type=Path, help="a folder for the home, which is kept")
    given = options.parse_args()
    with ExitStack() as ends:
        place = given.place or Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="edigw-crash-")))
        figures = {"kills": given.kills, "documents": given.documents, "seed": given.seed}
        words = run(given.kind, place, **figures, over=given.over)
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    main()
