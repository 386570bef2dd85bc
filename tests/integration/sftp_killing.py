"""Kills a pass that trades over SFTP at each instant; run by ``test_sftp_kill.py``, so that it can fork."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from gateway.observability.logging import configure
from gateway.transports import ssh as transport
from tests import ssh
from tests.integration.killing import (
    LINE,
    PARTNER,
    Killer,
    dies,
    in_child,
    invoice,
    mostly,
    plain_home,
    work,
)
from tests.orders import interchange, order

FILES = 12
"""Enough that some go together over several channels."""


class RemoteKiller(Killer):
    """Dies before or after a request goes out, or after an answer came in, as well."""

    def install(self) -> None:
        super().install()
        for name in ("ask", "answer"):
            setattr(transport._Channel, name, self.around(getattr(transport._Channel, name)))


def pass_killed_at(home: Path, instant: int | None) -> Callable[[], None]:
    def action() -> None:
        killer = RemoteKiller(instant)
        killer.install()
        work(home)
        (home / "instants").write_text(str(killer.passed))

    return action


def made(root: Path, server: ssh.Sshd, claim: str, rename: str) -> Path:
    """A home, and the partner's folders beside it: orders wait there, and invoices here."""
    home = root / "full"
    plain_home(home, 2, 3600)
    path = home / f"partners/{PARTNER}.yaml"
    sftp: dict[str, Any] = server.settings(
        inboxes=[f"{root}/there/out"], outbox=f"{root}/there/in", claim=claim, upload={"rename": rename}
    )
    path.write_text(path.read_text() + yaml.safe_dump({"sftp": {**sftp, "host_keys": [server.host_key]}}))
    for number in range(FILES):
        content = invoice(f"I{number}")
        (home / f"folders/erp/inbox/{number}.json").write_bytes(json.dumps(content).encode())
    return home


def fresh(root: Path) -> Path:
    """The partner's folders, with its orders."""
    there = root / "there"
    shutil.rmtree(there, ignore_errors=True)
    for name in ("in", "out"):
        (there / name).mkdir(parents=True)
    for number in range(1, FILES + 1):
        content = interchange(number, [order(1, f"PO{number}", [LINE])])
        (there / f"out/po-{number}.edi").write_bytes(content)
    return there


def checked(home: Path, there: Path, certain: bool) -> int:
    """Everything is there once and whole; returns how many files a person is told of.

    Args:
        certain: whether nothing may be left to a person.
    """
    found: Counter[str] = Counter()
    for path in (there / "in").iterdir():
        assert not path.name.startswith("."), path
        text = path.read_text()
        if "IEA*1*" not in text and not certain:
            continue
        assert text.startswith("ISA"), path
        assert "IEA*1*" in text, path
        found.update(f"997 for {part.split('~')[0]}" for part in text.split("AK1*PO*")[1:])
        found.update("810 of " + part.split("*")[1] for part in text.split("BIG*")[1:])
    for path in (home / "folders/erp/outbox").iterdir():
        found[json.loads(path.read_bytes())["po_number"]] += 1
    wanted = Counter([*(f"PO{n}" for n in range(1, FILES + 1)), *(f"810 of I{n}" for n in range(FILES))])
    wanted += Counter(f"997 for {n}" for n in range(1, FILES + 1))
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        states = Counter(state for (state,) in database.execute("SELECT state FROM deliveries"))
        told = Counter(
            error for (error,) in database.execute("SELECT error FROM deliveries WHERE state = 'failed'")
        )
    assert not found - wanted, ("twice", found - wanted)
    assert set(states) <= ({"delivered"} if certain else {"delivered", "failed"}), states
    assert all("the partner may have it or not" in error for error in told), told
    missing = wanted - found
    # A failed file is there and whole, half, or not at all; an invoice file holds two.
    assert missing.total() <= 2 * told.total(), ("lost", missing)
    left = [path for path in (there / "out").rglob("*") if path.is_file()]
    assert not left, left
    assert not list((home / f"folders/{PARTNER}/quarantine").iterdir())
    return told.total()


def every_instant(root: Path, step: int, twice: int, claim: str, rename: str) -> None:
    """Kills at each (``step``-th) instant, and at two in a row, and lets another pass end it."""
    certain = rename != "none"
    with ssh.sshd(root / "sshd") as server:
        full = made(root, server, claim, rename)
        there = fresh(root)
        shutil.copytree(full, root / "count")
        assert in_child(pass_killed_at(root / "count", None)) == 0
        assert checked(root / "count", there, certain=True) == 0
        instants = int((root / "count/instants").read_text())
        draw = random.Random(20260302)
        trials: list[tuple[int, ...]] = [(first,) for first in range(0, instants, step)]
        trials += [(draw.randrange(instants), draw.randrange(instants)) for _ in range(twice)]
        told = killed = 0
        for number, kills in enumerate(trials):
            home, there = root / f"trial{number}", fresh(root)
            shutil.copytree(full, home)
            try:
                for kill in kills:
                    killed += dies(pass_killed_at(home, kill))
                assert in_child(lambda: work(home)) == 0  # noqa: B023
                told += checked(home, there, certain)
            except AssertionError as error:
                raise AssertionError(f"killed at {kills} of {instants}: {error}") from error
            shutil.rmtree(home)
    mostly(killed, len(trials))
    sys.stderr.write(f"{len(trials)} trials, {instants} instants, {told} files left to a person\n")


if __name__ == "__main__":
    configure()
    every_instant(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5])
