"""Kills a gateway with SIGKILL and looks whether anything was lost or done twice.

Run by ``test_kill.py`` as a process of its own, so that it can fork: a child of it works on a home and dies,
at the n-th step that changes something outside its memory or at a random moment, and the parent looks what is
left. What is killed is one pass (``edigw run-once``); whole processes are killed by ``crashing.py``.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from gateway import files
from gateway.app import Gateway
from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.observability.logging import configure
from gateway.partners.crossreference import ITEM, checked
from gateway.services import operate
from gateway.services.crossreference import save
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


def invoice(number: str) -> dict[str, Any]:
    """An invoice that the supplier's own system writes."""
    ids, quantity = {"asin": "B0C1KETTL3", "vendor_sku": "EX-KT-17"}, {"value": "120", "uom": "EA"}
    line = {"line_no": "1", "ids": ids, "quantity": quantity, "unit_price": {"amount": "18.40"}}
    return {
        "document_type": "invoice",
        "schema_version": "1",
        "partner_id": PARTNER,
        "purpose": "original",
        "invoice_number": number,
        "invoice_date": "2026-03-12",
        "po_number": "7KX2M41Q",
        "terms": {"type": "basic", "net_days": 30},
        "lines": [line],
        "total": {"amount": "2208.00"},
    }


def acknowledgment(control: int, functional_id: str, group: int, sets: dict[int, str]) -> bytes:
    """A 997 of the partner about a group of ours; ``sets``: the code (AK501) of each, by control number."""
    set_id = {"PO": "850", "PR": "855", "IN": "810"}[functional_id]
    good = sum(code != "R" for code in sets.values())
    whole = "A" if good == len(sets) else "P" if good else "R"
    segments = ["ST*997*0001", f"AK1*{functional_id}*{group}"]
    for number, code in sets.items():
        segments += [f"AK2*{set_id}*{number:04d}", f"AK5*{code}" + ("*5" if code == "R" else "")]
    segments += [f"AK9*{whole}*{len(sets)}*{len(sets)}*{good}"]
    return interchange(control, [[*segments, f"SE*{len(segments) + 1}*0001"]], group="FA")


def agree_on_orders(home: Path) -> None:
    """Lets the partner of a new home get orders as well."""
    file = home / f"partners/{PARTNER}.yaml"
    file.write_text(file.read_text().replace('  - set: "856"', '  - set: "850"\n  - set: "856"'))


def plain_home(home: Path, count: int, seconds: int) -> None:
    """A home whose partner sends orders, and gets orders, acknowledgments and, so many together, invoices."""
    make_home(home)
    (home / "gateway.yaml").write_text(
        "company: {name: Example Supplier, identifier: {qualifier: ZZ, id: EXAMPLESUPPLIER}}\n"
        "pickup: {stable_seconds: 0}\n"
        "schedule: {poll_seconds: 0.2}\n"
        "retries: {longest_pause_seconds: 4}\n"
    )
    (home / f"partners/{PARTNER}.yaml").write_text(
        "name: Acme Retail\n"
        "identifiers: [{qualifier: ZZ, id: ACMERETAIL}]\n"
        'receive: [{set: "850"}]\n'
        'send: [{set: "850"}, {set: "855"}, '
        f'{{set: "810", batch: {{count: {count}, seconds: {seconds}}}}}]\n'
    )


def template(root: Path) -> Path:
    """A home with a past: what came back for it, and what people do about it, is to be dropped and done."""
    home = root / "template"
    plain_home(home, 2, 3600)
    for number, name in ((900_000_001, "PAST"), (900_000_002, "PAST-BAD")):
        requested = "20260316" if name == "PAST" else "20260231"
        content = interchange(number, [order(1, name, [LINE], requested=requested)])
        drop(home / "folders" / PARTNER / "inbox", f"{name.lower()}.edi", content)
    for name in ("SENT", "REFUSED"):
        _erp(home, f"{name.lower()}.json", {**erp_order(), "po_number": name})
        work(home)
    for channel in (PARTNER, "erp"):
        for box in ("outbox", "quarantine"):
            for path in (home / "folders" / channel / box).iterdir():
                path.unlink()
    used = root / "used"
    shutil.copytree(home, used)
    dropped(used, 1)
    returned(used)
    work(used)  # compiles guides and mappings here, and not in every child
    return home


def _erp(home: Path, name: str, document: dict[str, Any]) -> None:
    drop(home / "folders/erp/inbox", name, json.dumps(document).encode())


def work(home: Path) -> None:
    """One pass."""
    with Gateway(home, load(home)) as gateway:
        gateway.run_once()


def meddle(home: Path) -> None:
    """What a person does, looking first whether it was done: sends again, and lets process again."""
    with Gateway(home, load(home), works=False) as gateway:
        services = gateway.services

        def message(name: str, event: str) -> str | None:
            if _rows(home, "SELECT 1 FROM audit WHERE event = ?", event):
                return None
            return str(_rows(home, "SELECT id FROM messages WHERE name LIKE ? ORDER BY seq", name)[0][0])

        if (sent := message("850_SENT_%", "message.resent")) is not None:
            operate.resend(services, sent, "the partner lost it")
        if (came := message("past.edi", "message.reprocessed")) is not None:
            operate.reprocess(services, came, "the ERP lost it")
        services.store.close()


def _rows(home: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        return database.execute(sql, values).fetchall()


def dropped(home: Path, number: int) -> None:
    """A good and a bad order in one interchange, a file that is no X12, and documents of the ERP.

    One of these is sent alone, two wait for each other, and one cannot be sent.
    """
    inbox = home / "folders" / PARTNER / "inbox"
    sets = [order(1, f"GOOD{number}", [LINE]), order(2, f"BAD{number}", [LINE], requested="20260231")]
    drop(inbox, f"orders-{number}.edi", interchange(number, sets))
    drop(inbox, f"scan-{number}.pdf", b"%%PDF %d" % number)
    _erp(home, f"order-{number}.json", {**erp_order(), "po_number": f"ERP{number}"})
    for letter in "ab":
        _erp(home, f"invoice-{number}{letter}.json", invoice(f"INV{number}{letter}"))
    _erp(home, f"wrong-{number}.json", {**invoice(f"WRONG{number}"), "invoice_date": "2026-02-31"})


def returned(home: Path) -> None:
    """The partner takes one of the orders that a home with a past has sent, and refuses the other."""
    inbox = home / "folders" / PARTNER / "inbox"
    for name, code in (("SENT", "A"), ("REFUSED", "R")):
        ((group,),) = _rows(home, 'SELECT "group" FROM messages WHERE name LIKE ?', f"850_{name}_%")
        content = acknowledgment(800_000_000 + int(group), "PO", int(group), {1: code})
        drop(inbox, f"997-{name.lower()}.edi", content)


class Taken:
    """What the other sides took out of the outboxes, and what lies in quarantine."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folders = home / "folders"
        self.files: list[tuple[str, bytes]] = []

    def take(self) -> None:
        """Empties the outboxes, as an impatient consumer does."""
        for channel in (PARTNER, "erp"):
            for path in (self._folders / channel / "outbox").iterdir():
                if not path.name.startswith("."):
                    self.files.append((path.name, path.read_bytes()))
                    path.unlink()

    def check(self, numbers: range, *, past: bool = False) -> None:
        """Everything is there exactly once, and complete.

        Args:
            past: whether what came back for the past of the home was dropped, and people meddled with it.
        """
        self.take()
        found: Counter[str] = Counter()
        controls: list[bytes] = []
        for name, content in self.files:
            if name.endswith(".json"):
                found[json.loads(content)["po_number"]] += 1
                continue
            text = content.decode()
            assert text.startswith("ISA"), (name, text)
            assert "IEA*1*" in text, (name, text)
            if "850_SENT" not in name:  # the one that is sent again has its number from before
                controls.append(content[90:99])
            if name.startswith("997"):
                found["997 for " + text.split("AK1*PO*")[1].split("~")[0]] += 1
            elif name.startswith("810"):
                found.update("810 of " + part.split("*")[1] for part in text.split("BIG*")[1:])
            else:
                found["850 of " + text.split("BEG*")[1].split("*")[2]] += 1
        expected = Counter(
            text
            for n in numbers
            for text in (
                *(f"GOOD{n}", f"997 for {n}", f"850 of ERP{n}"),
                *(f"810 of INV{n}a", f"810 of INV{n}b"),
            )
        )
        expected += Counter(["PAST", "850 of SENT"] if past else [])
        assert found == expected, (found - expected, expected - found)
        assert len(set(controls)) == len(controls), "a control number was used twice"
        bad = [name for n in numbers for name in (f"orders-{n}.edi", f"scan-{n}.pdf")]
        self._quarantined(PARTNER, bad)
        wrong = [f"wrong-{n}.json" for n in numbers]
        self._quarantined("erp", [*wrong, *(["refused.json"] if past else [])])
        for channel in (PARTNER, "erp"):
            for box in ("inbox", ".claimed", "outbox"):
                left = list((self._folders / channel / box).iterdir())
                assert not left, left
        self._finished(past)

    def _quarantined(self, channel: str, bad: list[str]) -> None:
        quarantine = self._folders / channel / "quarantine"
        names = sorted(path.name for path in quarantine.iterdir())
        assert names == sorted(
            f"{name}{end}" for name in bad for end in ("", ".problem.json", ".problem.txt")
        ), names
        for name in bad:
            assert json.loads((quarantine / f"{name}.problem.json").read_bytes())["file"] == name

    def _finished(self, past: bool) -> None:
        """Nothing is left to do, and what was said of messages is what happened."""
        open_ = "translation IN ('received', 'failed') OR delivery IN ('waiting', 'failed')"
        left = _rows(self._home, f"SELECT name, translation, delivery FROM messages WHERE {open_}")
        assert not left, left
        left = _rows(self._home, "SELECT wanted, state FROM deliveries WHERE state <> 'delivered'")
        assert not left, left
        said = dict(_rows(self._home, "SELECT name, acknowledgment FROM messages WHERE direction = 'out'"))
        if past:
            said = {name: status for name, status in said.items() if name[:5] in ("850_S", "850_R")}
            # The answer may have come before it was sent again, or after.
            assert {name[4]: status for name, status in said.items()}["R"] == "rejected", said
            assert len(said) == 2, said


# --- at every instant ------------------------------------------------------------------------------------


class Killer:
    """Dies at the n-th instant: before or after a step that changes files or ends a transaction."""

    def __init__(self, instant: int | None) -> None:
        self.instant = instant
        self.passed = 0
        self._counting = threading.Lock()

    def __call__(self) -> None:
        with self._counting:
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
        for name in ("rename", "unlink", "fsync", "mkdir"):
            setattr(os, name, self.around(getattr(os, name)))
        opened, commit = io.open, DefaultDialect.do_commit

        def opening(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            result = opened(file, mode, *args, **kwargs)
            if mode[0] != "r":
                self()  # the name is there, its content is not
            return result

        for module in (io, builtins):
            setattr(module, "open", opening)  # noqa: B010 - mypy allows no assignment to a function
        setattr(DefaultDialect, "do_commit", self.around(commit))  # noqa: B010 - see above
        event.listen(Engine, "begin", lambda _: self())


def in_child(action: Callable[[], None]) -> int:
    """Runs something in a process of its own; its exit code, or minus the signal that killed it."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            afresh()
            action()
            code = 0
        except BaseException as error:  # noqa: BLE001
            _tell(repr(error))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dies(action: Callable[[], None]) -> bool:
    """Whether a child is killed at its instant; it may also end well before: no two passes have as many."""
    code = in_child(action)
    assert code in (-signal.SIGKILL, 0), f"a child ended with {code}"
    return code != 0


def mostly(killed: int, trials: int) -> None:
    """Raises AssertionError where children that were to be killed ended, which proves nothing."""
    assert killed > trials * 3 // 4, f"only {killed} of {trials} trials were killed"


def afresh() -> None:
    """Gives a child threads of its own: those of its parent are not in it."""
    files._pool = ThreadPoolExecutor(8, thread_name_prefix="sync")


def pass_killed_at(home: Path, instant: int | None, past: bool) -> Callable[[], None]:
    """A pass that is killed at an instant, or that tells how many there are."""

    def action() -> None:
        killer = Killer(instant)
        killer.install()
        if past:
            meddle(home)
        work(home)
        (home / "instants").write_text(str(killer.passed))

    return action


def ended(home: Path, past: bool) -> None:
    """What a person and another pass do after a kill."""
    if past:
        meddle(home)
    work(home)


def every_instant(root: Path, step: int, twice: int, *, past: bool = True) -> None:
    """Kills a pass at each (``step``-th) instant, takes what is out, and lets another pass end it.

    Args:
        past: whether the home has one; without it the first pass of all is killed.
    """
    empty = template(root)
    full = root / "full"
    if past:
        shutil.copytree(empty, full)
        returned(full)
    else:
        plain_home(full, 2, 3600)
    dropped(full, 1)
    shutil.copytree(full, root / "count")
    assert in_child(pass_killed_at(root / "count", None, past)) == 0
    instants = int((root / "count/instants").read_text())
    Taken(root / "count").check(range(1, 2), past=past)
    draw = random.Random(20260302)
    trials: list[tuple[int, ...]] = [(first,) for first in range(0, instants, step)]
    trials += [(draw.randrange(instants), draw.randrange(instants)) for _ in range(twice)]
    killed = 0
    for number, kills in enumerate(trials):
        home = root / f"trial{number}"
        shutil.copytree(full, home)
        taken = Taken(home)
        for kill in kills:
            killed += dies(pass_killed_at(home, kill, past))
            taken.take()
        try:
            assert in_child(lambda: ended(home, past)) == 0  # noqa: B023
            taken.check(range(1, 2), past=past)
        except AssertionError as error:
            raise AssertionError(f"killed at {kills} of {instants}: {error}") from error
        shutil.rmtree(home)
    mostly(killed, len(trials))
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
            afresh()
            while True:
                work(home)
        end = time.monotonic() + draw.uniform(0.0, 0.15)
        while time.monotonic() < end:
            if waiting and draw.random() < 0.05:
                dropped(home, waiting.pop(0))
            taken.take()
            time.sleep(draw.uniform(0, 0.004))
        os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status == -signal.SIGKILL, f"the gateway ended by itself: {status}"
        kills += 1
    work(home)
    taken.check(range(1, files + 1))
    _tell(f"{files * 6} files, {kills} kills")


# --- what waits for an item ---


def items(root: Path, step: int) -> None:
    """Kills whoever adds an item that is waited for and the pass that delivers, at each `step`-th instant."""
    full = root / "full"
    plain_home(full, 2, 3600)
    file = full / f"partners/{PARTNER}.yaml"
    file.write_text(file.read_text() + "items: {mode: require}\n")
    content = interchange(1, [order(1, "WAITS", [LINE]), order(2, "GOES", [LINE.replace("EX-KT", "EX-PT")])])
    drop(
        full / "folders" / PARTNER / "inbox",
        "orders.edi",
        content.replace(b"B0C1KETTL3*VN*EX-P", b"B1*VN*EX-P"),
    )
    _add_item(full, "2", "EX-PT-17")
    work(full)
    shutil.copytree(full, root / "count")
    assert in_child(_item_killed_at(root / "count", None)) == 0
    instants = int((root / "count/instants").read_text())
    for instant in range(0, instants, step):
        home = root / f"trial{instant}"
        shutil.copytree(full, home)
        # A slow pass has more instants than a quick one, by the beats of its heart.
        assert dies(_item_killed_at(home, instant)) or instant > instants * 3 // 4, (instant, instants)
        assert in_child(_item_killed_at(home, -1)) == 0
        for name in ("WAITS", "GOES"):
            (found,) = (home / "folders/erp/outbox").glob(f"purchase_order_{name}_*")
            sku = json.loads(found.read_bytes())["lines"][0]["ids"]["erp_sku"]
            assert sku == {"WAITS": "1", "GOES": "2"}[name], (instant, sku)
        told = Counter(one for (one,) in _rows(home, "SELECT event FROM audit"))
        wanted = {"document.waits": 1, "document.continues": 1, "item.added": 2, "acknowledgment.written": 1}
        assert {one: told[one] for one in wanted} == wanted, (instant, told)
        Taken(home)._finished(past=False)
        assert not _rows(home, "SELECT key FROM jobs"), instant
        shutil.rmtree(home)
    _tell(f"{instants} instants")


def _add_item(home: Path, sku: str, vendor_sku: str) -> None:
    row, _ = checked(ITEM, {"erp_sku": sku, "vendor_sku": vendor_sku}, 1)
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        save(gateway.services, ITEM, [(1, row)])


def _item_killed_at(home: Path, instant: int | None) -> Callable[[], None]:
    def action() -> None:
        killer = Killer(instant)
        killer.install()
        _add_item(home, "1", "EX-KT-17")
        work(home)
        (home / "instants").write_text(str(killer.passed))

    return action


# --- power failures --------------------------------------------------------------------------------------


class Disk:
    """Knows which contents and names would survive a power failure, and complains when one is relied on.

    - A file gets its final name when its content is on disk.
    - A transaction of the store commits when everything written before is on disk, contents and names.
    - A claimed file goes when its message is committed.
    - A staged file is shown when ``sending`` and its name are.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._contents: dict[int, Path] = {}
        self._names: dict[int, set[Path]] = {}
        self.counts: Counter[str] = Counter()
        self.complaints: list[str] = []
        """Gathered, and raised at the end: what a job raises is trouble to a gateway, and tried again."""
        self._lock = threading.Lock()
        self._calls = os.fsync, os.rename, os.unlink, io.open, os.mkdir
        self._commit: Callable[..., None] = DefaultDialect.do_commit

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watches this process; AssertionError at the end when something was relied on."""

        def do_commit(dialect: Any, connection: Any) -> None:
            self._committing()
            self._commit(dialect, connection)

        with pytest.MonkeyPatch.context() as patch:
            for name in ("fsync", "rename", "unlink", "mkdir"):
                patch.setattr(os, name, getattr(self, f"_{name}"))
            for module in (io, builtins):
                patch.setattr(module, "open", self._open)
            patch.setattr(DefaultDialect, "do_commit", do_commit)
            yield
        assert not self.complaints, "\n".join(self.complaints)

    def _expect(self, holds: object, complaint: str) -> None:
        if not holds:
            self.complaints.append(complaint)

    def _fsync(self, descriptor: int) -> None:
        self._calls[0](descriptor)
        number = os.fstat(descriptor).st_ino
        with self._lock:
            self._contents.pop(number, None)
            self._names.pop(number, None)
            self.counts["fsync"] += 1

    def _open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        opened = self._calls[3](file, mode, *args, **kwargs)
        if mode[0] != "r" and not isinstance(file, int):
            path = Path(file)
            with self._lock:
                self._contents[path.stat().st_ino] = path
                self._named(path)
        return opened

    def _mkdir(self, name: Any, *args: Any, **options: Any) -> None:
        with self._lock:
            self._calls[4](name, *args, **options)
            self._named(Path(name))

    def _named(self, path: Path, *, gone: bool = False) -> None:
        """Somebody has a new name, or one is no more: then nothing relies on it."""
        names = self._names.setdefault(path.parent.stat().st_ino, set())
        if gone:
            names.discard(path)
        else:
            names.add(path)

    def _rename(self, source: Any, target: Any) -> None:
        old, new = Path(source), Path(target)
        if old.parent.name != "inbox":
            on_disk = old.stat().st_ino not in self._contents
            self._expect(on_disk, f"{old} gets its name before its content is on disk")
        if old.name.startswith(".sending-"):
            number = int(old.name.split("-")[1])
            row = _rows(self._home, "SELECT state, name, token FROM deliveries WHERE seq = ?", number)[0]
            wanted = ("sending", new.name, old.name.split("-")[2].split(".")[0])
            self._expect(row == wanted, f"{old} is shown as {new}, and the store says {row}")
            self.counts["shown"] += 1
        with self._lock:
            self._calls[1](source, target)
            self._named(old, gone=True)
            self._named(new)
            self.counts["rename"] += 1

    def _unlink(self, name: Any, **options: Any) -> None:
        path = Path(name)
        if path.parent.name == ".claimed":
            known = _rows(self._home, "SELECT payload FROM messages WHERE id = ?", path.name.split("__")[0])
            self._expect(known, f"{path} goes before its message is committed")
            self._expect(not self._relied_on(), f"{path} goes before {self._relied_on()}")
            self.counts["settled"] += 1
        with self._lock:
            number = path.lstat().st_ino if path.exists() else 0
            self._calls[2](name, **options)
            self._contents.pop(number, None)  # the number may be given to another file
            self._named(path, gone=True)

    def _committing(self) -> None:
        if threading.current_thread().name != "jobs-heartbeat":
            missing = self._relied_on()
            self._expect(not missing, f"not on disk when a commit relies on it: {missing}")
            self.counts["commit"] += 1

    def _relied_on(self) -> list[Path]:
        with self._lock:
            written = [*self._contents.values(), *(one for names in self._names.values() for one in names)]
        return [path for path in written if path.parent.name not in (".claimed", "data")]


def ordered(root: Path) -> None:
    """What a commit promises is on disk before it: contents before names, names before the commit."""
    home = template(root)
    dropped(home, 1)
    returned(home)
    meddle(home)
    disk = Disk(home)
    with disk.watched():
        work(home)
    Taken(home).check(range(1, 2), past=True)
    assert disk.counts["rename"] > 20, disk.counts
    assert disk.counts["shown"] > 10, disk.counts
    assert disk.counts["settled"] == 8, disk.counts
    assert disk.counts["commit"] >= 10, disk.counts
    _tell(dict(disk.counts))


if __name__ == "__main__":
    configure(StringIO())
    place = Path(sys.argv[2])
    match sys.argv[1]:
        case "every" | "first" as which:
            every_instant(place, int(sys.argv[3]), int(sys.argv[4]), past=which == "every")
        case "random":
            random_moments(place, files=int(sys.argv[3]), seed=int(sys.argv[4]))
        case "items":
            items(place, int(sys.argv[3]))
        case "ordered":
            ordered(place)
