"""Kills a pass that posts documents to a webhook at each instant; run by ``test_webhook_kill.py``."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.cli.commands.home import make_home
from gateway.observability.logging import configure
from gateway.transports.as2 import Client
from tests.homes import LINE, put, set_in
from tests.integration.killing import Killer, dies, in_child, mostly, work
from tests.integration.test_webhook_way import INVOICE, SHOP
from tests.orders import interchange, order
from tests.receivers import SECRET, hook, verified

INVOICES, ORDERS = ("ES-1", "ES-2"), ("PO-1", "PO-2")


class PostKiller(Killer):
    """Dies before a request goes out, or after its answer came in, as well."""

    def install(self) -> None:
        super().install()
        setattr(Client, "post", self.around(Client.post))  # noqa: B010 -- mypy


def one_pass(home: Path, instant: int | None = None) -> Callable[[], None]:
    def action() -> None:
        killer = PostKiller(instant)
        killer.install()
        work(home)
        (home / "instants").write_text(str(killer.passed))

    return action


@contextmanager
def receiving(file: Path) -> Iterator[str]:
    """A receiver in a process of its own, which writes down what it takes; its address."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with hook() as there, file.open("w") as out:
            taken = there.got

            class Kept(list[tuple[dict[str, str], bytes]]):
                def append(self, one: tuple[dict[str, str], bytes]) -> None:
                    said = json.loads(one[1])
                    number = said.get("invoice_number") or said["po_number"]
                    row = [one[0]["webhook-id"], number, verified(SECRET, *one)]
                    print(json.dumps(row), file=out, flush=True)

            there.got = Kept(taken)
            os.write(writing, there.url.encode())
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
    """A home in which two invoices wait for the shop, and two orders in one file for our own system."""
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    (home / "keys/hook").write_text(SECRET)
    where = json.dumps({"url": url, "secrets": ["file:keys/hook"], "private_addresses": True})
    (home / f"partners/{SHOP}.yaml").write_text(f"name: Shop\nwebhook: {where}\n")
    before, ours = "  channel: erp                # default erp", f"{{channel: erp, webhook: {where}}}"
    set_in(home, "gateway.yaml", before, f"  channels: [{ours}]")
    for number in INVOICES:
        body = {**INVOICE, "partner_id": SHOP, "invoice_number": number}
        put(home, f"{number}.json", json.dumps(body).encode(), "erp")
    put(home, "po.edi", interchange(1, [order(place, one, [LINE]) for place, one in enumerate(ORDERS, 1)]))


def checked(home: Path, file: Path) -> int:
    """Everything came, under one id each; returns how much came more than once."""
    came = [json.loads(line) for line in file.read_text().splitlines()]
    assert all(is_signed for _, _, is_signed in came), came
    assert {number for _, number, _ in came} == {*INVOICES, *ORDERS}, came
    assert len({key for key, _, _ in came}) == len(INVOICES) + len(ORDERS), came
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        left = "SELECT name, delivery FROM messages WHERE delivery NOT IN ('delivered', 'not_expected')"
        assert database.execute(left).fetchall() == []
        states = database.execute("SELECT DISTINCT state FROM exchanges").fetchall()
        assert states == [("confirmed",)], states
        assert database.execute("SELECT key FROM jobs").fetchall() == []
    return len(came) - len(INVOICES) - len(ORDERS)


def every_instant(root: Path, step: int, twice: int) -> None:
    """Kills at each (``step``-th) instant, and at two in a row, and lets another pass end it."""
    with receiving(root / "count.log") as url:
        made(root / "count", url)
        assert in_child(one_pass(root / "count")) == 0
        instants = int((root / "count/instants").read_text())
    assert checked(root / "count", root / "count.log") == 0
    draw = random.Random(20260302)
    trials: list[tuple[int, ...]] = [(first,) for first in range(0, instants, step)]
    trials += [(draw.randrange(instants), draw.randrange(instants)) for _ in range(twice)]
    repeated = killed = 0
    for number, kills in enumerate(trials):
        home, file = root / f"trial{number}", root / "trial.log"
        with receiving(file) as url:
            made(home, url)
            for kill in kills:
                killed += dies(one_pass(home, kill))
            assert in_child(one_pass(home)) == 0
        try:
            repeated += checked(home, file)
        except AssertionError as error:
            raise AssertionError(f"killed at {kills} of {instants}: {error}") from error
        shutil.rmtree(home)
    mostly(killed, len(trials))
    sys.stderr.write(f"{len(trials)} trials, {instants} instants, {repeated} came twice, under the same id\n")


if __name__ == "__main__":
    configure()
    every_instant(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
