"""Kills a pass that trades with the played Amazon at each instant; run by ``test_amazon_kill.py``."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import stamina

from gateway.cli.commands.home import make_home
from gateway.observability.logging import configure
from gateway.services import sp_api as services
from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Order, Script
from gateway.transports.sp_api import Client
from tests.amazon import SECRETS
from tests.homes import set_in
from tests.integration.killing import Killer, dies, in_child, mostly, work
from tests.integration.test_amazon import LINES, acknowledgment, connected, invoice

ORDERS = ("PO000001", "PO000002", "PO000003")
PASSES = 3
"""So many let everything end: what was in doubt, what waited for it, and outcomes."""


class CallKiller(Killer):
    """Dies before a call goes out, or after its answer came in, as well."""

    def install(self) -> None:
        super().install()
        setattr(Client, "_heard", self.around(Client._heard))  # noqa: B010 -- mypy


def one_pass(home: Path, instant: int | None = None) -> Callable[[], None]:
    def action() -> None:
        # Nobody waits in a test: what is in doubt is looked up at once, and left to a person at once.
        services._SETTLES = services.FIRST_PAUSE = services._PERSON_AFTER = timedelta(0)
        stamina.set_active(active=False)
        killer = CallKiller(instant)
        killer.install()
        work(home)
        (home / "instants").write_text(str(killer.passed))

    return action


@contextmanager
def played() -> Iterator[str]:
    """The played Amazon in a process of its own; its address."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        orders = (Order(number=ORDERS[0], count=len(ORDERS), at_seconds=-60, lines=LINES),)
        with Amazon(Script(orders=orders, transaction_seconds=0)) as amazon:
            os.write(writing, amazon.url.encode())
            signal.sigwait([signal.SIGTERM])
        os._exit(0)
    try:
        yield os.read(reading, 100).decode()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


def made(home: Path, url: str) -> None:
    """A home in which answers to two orders and an invoice wait."""
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    connected(home, url)
    for number in ORDERS[:2]:
        (home / f"folders/erp/inbox/{number}.json").write_text(json.dumps(acknowledgment(number)))
    (home / "folders/erp/inbox/invoice.json").write_text(json.dumps(invoice("INV-1")))


def checked(home: Path, url: str) -> int:
    """Every order came once, everything was submitted once; returns how much is left to a person."""
    orders = Counter(
        json.loads(one.read_bytes())["po_number"] for one in (home / "folders/erp/outbox").iterdir()
    )
    assert orders == dict.fromkeys(ORDERS, 1), orders
    with urllib.request.urlopen(f"{url}/rehearsal") as answer:
        state: dict[str, Any] = json.load(answer)
    taken = {one["key"]: one["times"] for one in state["submissions"]}
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        found = database.execute(
            "SELECT name, delivery, acknowledgment FROM messages WHERE way = 'api' AND direction = 'out'"
        ).fetchall()
    told = [name for name, delivery, _ in found if delivery == "failed"]
    assert len(found) == 3, found
    assert all(name.startswith("invoice") for name in told), found
    ended = [one for name, *one in found if name not in told]
    assert ended == [["delivered", "accepted"]] * len(ended), found
    assert [taken.get(number) for number in ORDERS[:2]] == [1, 1], taken
    assert taken.get("INV-1", 0) <= 1, taken
    assert told or taken.get("INV-1") == 1, taken
    return len(told)


def every_instant(root: Path, step: int, twice: int, first: int = 0) -> None:
    """Kills at each (``step``-th) instant from the first on, and at two in a row; other passes end it."""
    os.environ |= {name.removeprefix("env:"): value for name, value in SECRETS.items()}
    with played() as url:
        made(root / "warm", url)
        work(root / "warm")  # compiles mappings here, and not in every child
    with played() as url:
        made(root / "count", url)
        for number in range(PASSES):
            assert in_child(one_pass(root / "count")) == 0
            if not number:
                instants = int((root / "count/instants").read_text())
        assert checked(root / "count", url) == 0
    draw = random.Random(20260302 + first)
    trials: list[tuple[int, ...]] = [(one,) for one in range(first, instants, step)]
    trials += [(draw.randrange(instants), draw.randrange(instants)) for _ in range(twice)]
    told = killed = 0
    for number, kills in enumerate(trials):
        home = root / f"trial{number}"
        with played() as url:
            made(home, url)
            try:
                for kill in kills:
                    killed += dies(one_pass(home, kill))
                for _ in range(PASSES):
                    assert in_child(one_pass(home)) == 0
                told += checked(home, url)
            except AssertionError as error:
                raise AssertionError(f"killed at {kills} of {instants}: {error}") from error
        shutil.rmtree(home)
    mostly(killed, len(trials))
    sys.stderr.write(f"{len(trials)} trials, {instants} instants, {told} left to a person\n")


if __name__ == "__main__":
    configure()
    every_instant(Path(sys.argv[1]), *map(int, sys.argv[2:]))
