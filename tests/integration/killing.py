"""Kills a gateway with SIGKILL and looks whether anything was lost or done twice.

Run by ``test_kill.py`` as a process of its own, so that it can fork: a child of it works on a home and dies,
at the n-th step that changes something outside its memory or at a random moment, and the parent looks what is
left.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.observability.logging import configure
from gateway.settings import load
from tests.orders import interchange, order

PARTNER = "acme-retail"
LINE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"


def _tell(text: object) -> None:
    sys.stderr.write(f"{text}\n")


def erp_order() -> dict[str, Any]:
    """A purchase order that the supplier's own system writes."""
    quantity, price = {"value": "40", "uom": "EA"}, {"amount": "3.15"}
    return {
        "document_type": "purchase_order",
        "schema_version": "1",
        "partner_id": PARTNER,
        "po_number": "ES-20417",
        "purpose": "original",
        "po_type": "regular",
        "ordered_at": "2026-03-02",
        "parties": [
            {"role": "ship_to", "name": "Example Supplier", "id_scheme": "buyer_assigned", "id": "DOCK1"}
        ],
        "lines": [
            {"line_no": "1", "quantity": quantity, "unit_price": price, "ids": {"vendor_sku": "BOX-30"}}
        ],
    }


def agree_on_orders(home: Path) -> None:
    """Lets the partner of a new home get orders as well."""
    file = home / f"partners/{PARTNER}.yaml"
    file.write_text(file.read_text().replace('  - set: "856"', '  - set: "850"\n  - set: "856"'))


def template(root: Path) -> Path:
    """A home whose inboxes hold nothing."""
    home = root / "template"
    make_home(home)
    agree_on_orders(home)
    settings = (home / "gateway.yaml").read_text()
    (home / "gateway.yaml").write_text(settings.replace("stable_seconds: 1 ", "stable_seconds: 0 "))
    work(home)
    used = root / "used"
    shutil.copytree(home, used)
    dropped(used, 1)
    work(used)  # compiles guides and mappings here, and not in every child
    return home


def work(home: Path) -> None:
    """One pass."""
    with Gateway(home, load(home)) as gateway:
        gateway.run_once()


def dropped(home: Path, number: int) -> None:
    """A good and a bad order in one interchange, an order of the ERP, and a file that is no X12."""
    inbox = home / "folders" / PARTNER / "inbox"
    sets = [order(1, f"GOOD{number}", [LINE]), order(2, f"BAD{number}", [LINE], requested="20260231")]
    drop(inbox, f"orders-{number}.edi", interchange(number, sets))
    drop(inbox, f"scan-{number}.pdf", b"%%PDF %d" % number)
    erp = {**erp_order(), "po_number": f"ERP{number}"}
    drop(home / "folders/erp/inbox", f"order-{number}.json", json.dumps(erp).encode())


class Taken:
    """What the other sides took out of the outboxes, and what lies in quarantine."""

    def __init__(self, home: Path) -> None:
        self._folders = home / "folders"
        self.files: list[tuple[str, bytes]] = []

    def take(self) -> None:
        """Empties the outboxes, as an impatient consumer does."""
        for channel in (PARTNER, "erp"):
            for path in (self._folders / channel / "outbox").iterdir():
                if not path.name.startswith("."):
                    self.files.append((path.name, path.read_bytes()))
                    path.unlink()

    def check(self, numbers: range) -> None:
        """Everything is there exactly once, and complete."""
        self.take()
        found: Counter[str] = Counter()
        controls: list[bytes] = []
        for name, content in self.files:
            if name.endswith(".json"):
                found[json.loads(content)["po_number"]] += 1
            else:
                text = content.decode()
                assert text.startswith("ISA"), (name, text)
                assert "IEA*1*" in text, (name, text)
                controls.append(content[90:99])
                if name.startswith("997"):
                    found["997 for " + text.split("AK1*PO*")[1].split("~")[0]] += 1
                else:
                    found["850 of " + text.split("BEG*")[1].split("*")[2]] += 1
        expected = Counter(text for n in numbers for text in (f"GOOD{n}", f"997 for {n}", f"850 of ERP{n}"))
        assert found == expected, (found - expected, expected - found)
        assert len(set(controls)) == len(controls), "a control number was used twice"
        quarantine = self._folders / PARTNER / "quarantine"
        names = sorted(path.name for path in quarantine.iterdir())
        bad = [name for n in numbers for name in (f"orders-{n}.edi", f"scan-{n}.pdf")]
        assert names == sorted(
            f"{name}{end}" for name in bad for end in ("", ".problem.json", ".problem.txt")
        ), names
        for name in bad:
            assert json.loads((quarantine / f"{name}.problem.json").read_bytes())["file"] == name
        for channel in (PARTNER, "erp"):
            for box in ("inbox", ".claimed", "outbox"):
                left = list((self._folders / channel / box).iterdir())
                assert not left, left
        assert not list((self._folders / "erp/quarantine").iterdir())


# --- at every instant ------------------------------------------------------------------------------------


class Killer:
    """Dies at the n-th instant: before or after a step that changes files or ends a transaction."""

    def __init__(self, instant: int | None) -> None:
        self.instant = instant
        self.passed = 0

    def __call__(self) -> None:
        if self.passed == self.instant:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def step(*args: Any, **kwargs: Any) -> Any:
            self()
            result = function(*args, **kwargs)
            self()
            return result

        return step

    def install(self) -> None:
        """Puts itself around every such step of this process, for good."""
        killer = self
        for name in ("rename", "unlink", "fsync", "mkdir"):
            setattr(os, name, self.around(getattr(os, name)))

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
                if sql in ("BEGIN IMMEDIATE", "COMMIT"):
                    killer()
                    done = super().execute(sql, *args)
                    killer()
                    return done
                return super().execute(sql, *args)

        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)  # type: ignore[assignment]


def in_child(action: Callable[[], None]) -> int:
    """Runs something in a process of its own; its exit code, or minus the signal that killed it."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            action()
            code = 0
        except BaseException as error:  # noqa: BLE001
            _tell(repr(error))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def pass_killed_at(home: Path, instant: int | None) -> Callable[[], None]:
    """A pass that is killed at an instant, or that tells how many there are."""

    def action() -> None:
        killer = Killer(instant)
        killer.install()
        work(home)
        (home / "instants").write_text(str(killer.passed))

    return action


def every_instant(root: Path, step: int, twice: int) -> None:
    """Kills a pass at each (``step``-th) instant, takes what is out, and lets another pass end it."""
    empty = template(root)
    full = root / "full"
    shutil.copytree(empty, full)
    dropped(full, 1)
    shutil.copytree(full, root / "count")
    assert in_child(pass_killed_at(root / "count", None)) == 0
    instants = int((root / "count/instants").read_text())
    Taken(root / "count").check(range(1, 2))
    draw = random.Random(20260302)
    trials: list[tuple[int, ...]] = [(first,) for first in range(0, instants, step)]
    trials += [(draw.randrange(instants), draw.randrange(instants)) for _ in range(twice)]
    for number, kills in enumerate(trials):
        home = root / f"trial{number}"
        shutil.copytree(full, home)
        taken = Taken(home)
        for kill in kills:
            assert in_child(pass_killed_at(home, kill)) in (-signal.SIGKILL, 0)
            taken.take()
        try:
            assert in_child(lambda: work(home)) == 0  # noqa: B023
            taken.check(range(1, 2))
        except AssertionError as error:
            raise AssertionError(f"killed at {kills} of {instants}: {error}") from error
        shutil.rmtree(home)
    _tell(f"{len(trials)} trials, {instants} instants")


# --- at random moments -----------------------------------------------------------------------------------


def random_moments(root: Path, files: int, seed: int) -> None:
    """Kills a gateway that works without pause again and again, while files come in and results are taken."""
    home = template(root)
    taken = Taken(home)
    draw = random.Random(seed)
    waiting = list(range(1, files + 1))
    kills = 0
    while waiting:
        pid = os.fork()
        if pid == 0:
            while True:
                work(home)
        end = time.monotonic() + draw.uniform(0.0, 0.05)
        while time.monotonic() < end:
            if waiting and draw.random() < 0.1:
                dropped(home, waiting.pop(0))
            taken.take()
            time.sleep(draw.uniform(0, 0.004))
        os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status == -signal.SIGKILL, f"the gateway ended by itself: {status}"
        kills += 1
    work(home)
    taken.check(range(1, files + 1))
    _tell(f"{files * 3} files, {kills} kills")


# --- power failures --------------------------------------------------------------------------------------


def ordered(root: Path) -> None:
    """What a commit promises is on disk before it: contents before names, names before the commit."""
    home = template(root)
    dropped(home, 1)
    synced: set[int] = set()
    unsynced: dict[int, Path] = {}
    counts: Counter[str] = Counter()
    fsync, rename, unlink = os.fsync, os.rename, os.unlink

    def recording_fsync(descriptor: int) -> None:
        fsync(descriptor)
        number = os.fstat(descriptor).st_ino
        synced.add(number)
        unsynced.pop(number, None)
        counts["fsync"] += 1

    def recording_rename(source: Any, target: Any) -> None:
        path = Path(source)
        if path.parent.name != "inbox":
            assert path.stat().st_ino in synced, f"{path} gets its name before its content is on disk"
        rename(source, target)
        unsynced[Path(target).parent.stat().st_ino] = Path(target)
        counts["rename"] += 1

    def checking_unlink(path: Any) -> None:
        assert Path(path).parent.stat().st_ino not in unsynced, f"{path} goes before it is known to be ours"
        unlink(path)

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                relied_on = [path for path in unsynced.values() if path.parent.name != ".claimed"]
                assert not relied_on, f"not on disk when a commit relies on it: {relied_on}"
                counts["commit"] += 1
            return super().execute(sql, *args)

    connect = sqlite3.connect
    os.fsync, os.rename, os.unlink = recording_fsync, recording_rename, checking_unlink  # type: ignore[assignment]
    sqlite3.connect = lambda *args, **kwargs: connect(*args, factory=Connection, **kwargs)  # type: ignore[assignment]
    work(home)
    os.unlink = unlink
    Taken(home).check(range(1, 2))
    assert counts["rename"] > 10, counts
    assert counts["commit"] >= 6, counts
    _tell(dict(counts))


if __name__ == "__main__":
    configure(StringIO())
    place = Path(sys.argv[2])
    match sys.argv[1]:
        case "every":
            every_instant(place, step=int(sys.argv[3]), twice=int(sys.argv[4]))
        case "random":
            random_moments(place, files=int(sys.argv[3]), seed=int(sys.argv[4]))
        case "ordered":
            ordered(place)
