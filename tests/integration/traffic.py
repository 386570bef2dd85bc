"""A partner and an ERP that trade with a gateway, and know afterwards what had to come of it.

The plan of what they drop is drawn from a seed. They empty the outboxes as soon as they see anything there;
the partner answers each interchange with a 997 that accepts or rejects.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from gateway.cli.commands.demo import drop
from gateway.errors import EdiError
from gateway.store import tables as t
from gateway.store.audit import verify
from gateway.store.database import open_engine, reading, sqlite_url
from gateway.store.payloads import PayloadFiles
from tests.integration.killing import LINE, PARTNER, acknowledgment, invoice, plain_home
from tests.orders import interchange, order

BATCH = 5
_FINAL = {
    "translation": {
        *("translated", "partly_translated", "rejected", "unreadable", "unprocessed", "duplicate"),
        *("written", "failed"),
    },
    "delivery": {"not_expected", "delivered", "failed"},
    "acknowledgment": {"not_expected", "accepted", "accepted_with_errors", "partial", "rejected"},
}


def crash_home(home: Path) -> Path:
    """A home that looks into its inboxes all the time, with invoices that are sent five at a time."""
    plain_home(home, BATCH, 2)
    return home


def confirmation(number: str) -> dict[str, Any]:
    """The ERP's acknowledgment of an order."""
    quantity = {"value": "120", "uom": "EA"}
    line = {
        "line_no": "1",
        "ids": {"asin": "B0C1KETTL3", "vendor_sku": "EX-KT-17"},
        "unit_price": {"amount": "18.40"},
        "quantity_ordered": quantity,
        "responses": [{"code": "accepted", "quantity": quantity}],
    }
    return {
        "document_type": "purchase_order_acknowledgment",
        "schema_version": "1",
        "partner_id": PARTNER,
        "purpose": "original",
        "po_number": number,
        "ack_type": "accepted",
        "acknowledged_at": "2026-03-03",
        "lines": [line],
    }


def refused(number: str) -> bool:
    """Whether the partner rejects the document of the ERP with this number."""
    return zlib.crc32(number.encode()) % 8 == 0


@dataclass
class Plan:
    """What is dropped, and what must come of it.

    Attributes:
        files: channel, name and content, in order. documents: how many there are in them.
        orders: numbers that the ERP must get once. groups: group numbers that are to be answered once.
        sent: numbers of the ERP that the partner must get once, and the file each stood in.
        bad: channel and name of files for quarantine. either: pairs of which one is for quarantine.
    """

    files: list[tuple[str, str, bytes]] = field(default_factory=list)
    documents: int = 0
    orders: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    sent: dict[str, str] = field(default_factory=dict)
    bad: set[tuple[str, str]] = field(default_factory=set)
    either: list[tuple[str, str, str]] = field(default_factory=list)

    @classmethod
    def drawn(cls, seed: int, documents: int) -> Plan:
        """A plan whose files hold so many documents; the 997s that answer them are more."""
        made, draw = cls(), random.Random(seed)
        while made.documents < documents:
            made._orders(draw) if draw.random() < 0.45 else made._of_erp(draw)
        return made

    def _orders(self, draw: random.Random) -> None:
        number = len(self.files) + 1
        kind = draw.choices(
            ("one", "several", "partly", "bad", "scan", "twice", "unknown"), (8, 4, 2, 1, 1, 1, 0.5)
        )[0]
        name = f"orders-{number}.edi"
        count = draw.randint(2, 5) if kind in ("several", "partly") else 1
        wrong = {"partly": 1, "bad": 1}.get(kind, 0)
        sets = []
        for control in range(1, count + 1):
            po_number, is_bad = f"PO{number}-{control}", control <= wrong
            lines = [LINE] * draw.randint(1, 30)
            sets.append(order(control, po_number, lines, "20260231" if is_bad else "20260316"))
            if not is_bad and kind in ("one", "several", "partly", "twice"):
                self.orders.add(po_number)
        content = interchange(number, sets, sender="NOBODY" if kind == "unknown" else "ACMERETAIL")
        self.documents += count
        if kind == "scan":
            content = b"%%PDF %d" % number + draw.randbytes(2000)
        elif kind != "unknown":
            self.groups.add(str(number))
        if kind in ("partly", "bad", "scan", "unknown"):
            self.bad.add((PARTNER, name))
        self.files.append((PARTNER, name, content))
        if kind == "twice":
            self.files.append((PARTNER, f"again-{number}.edi", content))
            self.either.append((PARTNER, name, f"again-{number}.edi"))
            self.documents += 1

    def _of_erp(self, draw: random.Random) -> None:
        number = len(self.files) + 1
        kind = draw.choices(("invoice", "confirmation", "wrong", "text", "twice"), (5, 4, 0.7, 0.3, 0.7))[0]
        name, key = f"{kind}-{number}.json", f"ES{number}"
        document = confirmation(key) if kind == "confirmation" else invoice(key)
        if kind == "wrong":
            document["invoice_date"] = "2026-02-31"
        content = b"no JSON" if kind == "text" else json.dumps(document).encode()
        self.files.append(("erp", name, content))
        self.documents += 1
        if kind in ("wrong", "text"):
            self.bad.add(("erp", name))
        else:
            self.sent[key] = name
        if kind == "twice":
            self.files.append(("erp", f"again-{number}.json", json.dumps(document, indent=1).encode()))
            self.either.append(("erp", name, f"again-{number}.json"))
            self.documents += 1


class World:
    """Both other sides; :meth:`run` in a thread, or :meth:`step` again and again.

    Args:
        there: the partner's folders, where it has a server of its own.
    """

    def __init__(self, home: Path, plan: Plan, there: Path | None = None) -> None:
        self._home, self._folders, self._there = home, home / "folders", there
        self.plan = plan
        self.answers = 0
        self.taken: list[tuple[str, str, bytes]] = []
        self._waiting = list(plan.files)
        self._late: list[tuple[str, str, bytes]] = []
        self._stop = threading.Event()
        self._allowed = 0
        self._failed: list[BaseException] = []
        self._moving = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="world")

    def _box(self, channel: str, box: str) -> Path:
        """A folder of a channel, that of the partner on its server if it has one."""
        root = self._there if self._there and channel == PARTNER else self._folders / channel
        return root / box

    # --- what they do --------------------------------------------------------------------------------

    @property
    def documents(self) -> int:
        """How many documents were dropped, the answers of the partner included."""
        return self.plan.documents + self.answers

    def allow(self, part: float) -> None:
        """Lets this part of the plan be dropped."""
        self._allowed = round(len(self.plan.files) * min(part, 1.0))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; raises what ended it before."""
        self.end()
        self.look()

    def end(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def still(self) -> Iterator[None]:
        """A moment in which they do nothing."""
        with self._moving:
            yield

    def look(self) -> None:
        """Raises what ended the thread."""
        if self._failed:
            raise self._failed[0]

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.02):
                with self._moving:
                    self.step()
        except BaseException as error:  # noqa: BLE001 - raised by stop
            self._failed.append(error)

    def step(self) -> None:
        """Drops a file that is due, and takes what can be seen."""
        dropped = len(self.plan.files) - len(self._waiting)
        if self._waiting and dropped < self._allowed:
            self._late.append(self._waiting.pop(0))
        while self._late:
            channel, name, content = self._late[0]
            try:
                drop(self._box(channel, "inbox"), name, content)
            except OSError:
                break  # a full disk, or a folder that is away
            self._late.pop(0)
        for channel in (PARTNER, "erp"):
            box = self._box(channel, "outbox")
            for path in sorted(box.iterdir()) if box.is_dir() else ():
                if path.name.startswith("."):
                    continue
                content = path.read_bytes()
                path.unlink()
                self.taken.append((channel, path.name, content))
                if channel == PARTNER:
                    self._answer(content.decode())

    def _answer(self, content: str) -> None:
        """The partner acknowledges what is no acknowledgment itself."""
        segments = _segments(content)
        assert [part[0] for part in segments[-1:]] == ["IEA"], f"not complete: {content!r}"
        group = next(part for part in segments if part[0] == "GS")
        if group[1] == "FA":
            return
        self.answers += 1
        codes = {number: "R" if refused(key) else "A" for number, key in enumerate(_numbers(segments), 1)}
        control = 700_000_000 + int(group[6])
        answer = acknowledgment(control, group[1], int(group[6]), codes)
        self._late.append((PARTNER, f"997-{group[6]}-{self.answers}.edi", answer))

    # --- what must have come of it -------------------------------------------------------------------

    @property
    def is_quiet(self) -> bool:
        """Whether everything that may be was dropped, and neither inboxes nor outboxes hold anything."""
        boxes = [
            self._box(channel, box) for channel in (PARTNER, "erp") for box in ("inbox", ".claimed", "outbox")
        ]
        dropped = len(self.plan.files) - len(self._waiting)
        return (
            dropped >= self._allowed
            and not self._late
            and all(box.is_dir() and not any(box.iterdir()) for box in boxes)
        )

    def check(self, url: str = "") -> str:
        """Everything was delivered once, answered once and told; returns figures in words."""
        plan, found = self.plan, Counter[str]()
        controls: Counter[str] = Counter()
        groups: Counter[str] = Counter()
        names = Counter((channel, name) for channel, name, _ in self.taken)
        for channel, name, content in self.taken:
            if channel == "erp":
                found[f"order {json.loads(content)['po_number']}"] += 1
                continue
            segments = _segments(content.decode())
            assert (segments[0][0], segments[-1][0]) == ("ISA", "IEA"), (name, content)
            controls[segments[0][13]] += 1
            group = next(part for part in segments if part[0] == "GS")
            if group[1] == "FA":
                found[f"997 for {next(part for part in segments if part[0] == 'AK1')[2]}"] += 1
            else:
                groups[group[6]] += 1
                found.update(f"sent {number}" for number in _numbers(segments))
        twice = {name: count for name, count in names.items() if count > 1}
        assert not twice, f"delivered twice: {twice}"
        assert not (again := {one for one, count in controls.items() if count > 1}), (
            f"ISA13 used twice: {again}"
        )
        assert not (again := {one for one, count in groups.items() if count > 1}), f"GS06 used twice: {again}"
        expected = Counter(
            [
                *(f"order {one}" for one in plan.orders),
                *(f"997 for {one}" for one in plan.groups),
                *(f"sent {one}" for one in plan.sent),
            ]
        )
        assert found == expected, f"too many: {found - expected}; lost: {expected - found}"
        self._check_quarantine()
        with opened(self._home, url) as engine, reading(engine) as connection:
            return self._check_store(connection)

    def _check_quarantine(self) -> None:
        plan = self.plan
        bad = set(plan.bad)
        bad |= {("erp", name) for key, name in self._names_as_sent().items() if refused(key)}
        for channel in (PARTNER, "erp"):
            box = self._folders / channel / "quarantine"
            there = {path.name for path in box.iterdir()}
            reported = set()
            for name in there:
                if name.endswith(".problem.json"):
                    report = json.loads((box / name).read_bytes())
                    assert {report["file"], f"{report['file']}.problem.txt"} <= there, name
                    assert report["problems"], name
                    assert report["reason"], name
                    reported.add(report["file"])
            left = there - {
                f"{name}{end}" for name in reported for end in ("", ".problem.json", ".problem.txt")
            }
            assert not left, f"without a report: {left}"
            wanted = {name for where, name in bad if where == channel}
            # Of two that are the same, one went on, and it does not matter which.
            spare = {
                name for where, *two in plan.either if where == channel for name in two if name in reported
            }
            for where, one, other in plan.either:
                assert where != channel or {one, other} & reported, f"neither {one} nor {other} is told"
            missing, more = wanted - reported, reported - wanted - spare
            assert not missing, f"not in quarantine: {missing}"
            assert not more, f"in quarantine: {more}"

    def _names_as_sent(self) -> dict[str, str]:
        """The file of each document of the ERP; of two, the one that was not the second."""
        names = dict(self.plan.sent)
        box = self._folders / "erp/quarantine"
        for channel, one, other in self.plan.either:
            if channel == "erp":
                key = next(key for key, name in self.plan.sent.items() if name == one)
                report = box / f"{one}.problem.json"
                second = report.exists() and json.loads(report.read_bytes())["status"] == "duplicate"
                names[key] = other if second else one
        return names

    def _check_store(self, connection: Connection) -> str:
        wrong = list(verify(connection, []))
        assert not wrong, wrong
        payloads = PayloadFiles(self._home / "data/payloads")
        known = {row[0] for row in connection.execute(select(t.messages.c.payload)) if row[0]}
        known |= {row[0] for row in connection.execute(select(t.deliveries.c.payload)) if row[0]}
        for sha256 in known:
            with payloads.open(sha256) as file:
                assert hashlib.sha256(file.read()).hexdigest() == sha256
        statuses: Counter[tuple[str, ...]] = Counter()
        for row in connection.execute(select(t.messages)).mappings():
            for kind, final in _FINAL.items():
                assert row[kind] in final, f"{row['name']} is not finished: {kind} is {row[kind]}"
            statuses[row["translation"], row["delivery"], row["acknowledgment"]] += 1
        for channel, name, _ in self.plan.files:
            found = connection.execute(
                select(t.messages.c.id).where(t.messages.c.channel == channel, t.messages.c.name == name)
            ).all()
            assert len(found) == 1, f"{name} makes {len(found)} messages"
        for key in self.plan.sent:
            rows = connection.execute(
                select(t.documents.c.acknowledgment, t.documents.c.batch).where(
                    t.documents.c.number == key, t.documents.c.sent_in.is_not(None)
                )
            ).all()
            assert [tuple(row) for row in rows] == [("rejected" if refused(key) else "accepted", None)], (
                key,
                rows,
            )
        numbers = connection.execute(
            text(
                "SELECT interchange FROM messages WHERE direction = 'out' "
                "GROUP BY partner, interchange HAVING count(*) > 1"
            )
        ).all()
        assert not numbers, f"control numbers used twice: {numbers}"
        person = sum(count for one, count in statuses.items() if "failed" in one)
        entries = connection.execute(select(t.audit_head.c.seq)).scalar_one()
        return f"{len(known)} payloads, {entries} audit entries, {person} messages need a person"


def opened(home: Path, url: str = "") -> _Opened:
    """The database of a home, for a look into it."""
    return _Opened(open_engine(url or sqlite_url(home / "data/gateway.db")))


class _Opened:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Engine:
        return self._engine

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()


def unfinished(connection: Connection) -> list[str]:
    """What is left to do in a store, in words."""
    questions = {
        "received": "SELECT count(*) FROM messages WHERE translation = 'received'",
        "to deliver": "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending')",
        "in a batch": "SELECT count(*) FROM documents WHERE batch IS NOT NULL",
        "unanswered": "SELECT count(*) FROM messages WHERE acknowledgment = 'waiting'",
    }
    counts = {words: connection.execute(text(sql)).scalar_one() for words, sql in questions.items()}
    return [f"{count} {words}" for words, count in counts.items() if count]


def wait_until_finished(world: World, home: Path, url: str = "", seconds: float = 120) -> None:
    """Waits until nothing is left to do. Raises AssertionError with what is left."""
    end, left = time.monotonic() + seconds, ["everything"]
    with opened(home, url) as engine:
        while left:
            world.look()
            assert time.monotonic() < end, f"not finished: {left}"
            time.sleep(0.1)
            # On its way from folder to store, and from store to folder, a file can be missed by one look.
            was_quiet = world.is_quiet
            try:
                with reading(engine) as connection:
                    left = unfinished(connection)
            except EdiError as error:
                left = [str(error)]
            if not (was_quiet and world.is_quiet):
                left.append("files in folders")


def _segments(content: str) -> list[list[str]]:
    """An interchange of ours, cut into elements."""
    return [part.strip().split("*") for part in content.split("~") if part.strip()]


def _numbers(segments: Sequence[Sequence[str]]) -> Iterator[str]:
    """The numbers of the documents in an interchange that we sent."""
    for segment in segments:
        if segment[0] == "BAK":
            yield segment[3]
        elif segment[0] == "BIG":
            yield segment[2]
