"""Gateways that trade over AS2, killed with SIGKILL around everything they receive and send.

A supplier and a retailer, both this software as real processes, send each other orders, invoices and 997s,
signed and encrypted; receipts come in the answer in one direction and asynchronously in the other. Both are
killed, at random moments and at named fault points. Or the supplier alone is, and its retailer is mock-edi.

``python -m tests.integration.as2_crashing sqlite --kills 200`` (or ``postgres``, ``mockedi``) prints one line
of figures, and fails when anything was lost, doubled or left undone. ``test_as2_crash.py`` runs it.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, func, select, text

from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.store import tables as t
from gateway.store.database import reading
from gateway.store.exchanges import PAYLOADS
from tests.certificates import pair, write_home_keys
from tests.databases import postgres_server
from tests.integration import points
from tests.integration.crashing import ROOT, STRANGE, Node
from tests.integration.killing import erp_order, invoice
from tests.integration.traffic import opened, unfinished
from tests.interop import mockedi
from tests.interop.mockedi import MockEdi
from tests.ports import free_port

SUPPLIER, RETAILER = "example-supplier", "acme-retail"
_IDS = {SUPPLIER: "EXAMPLESUPPLIER", RETAILER: "ACMERETAIL"}
_WORKERS = 2

_GATEWAY = """\
company: {{name: {name}, identifier: {{qualifier: ZZ, id: {id}}}}}
pickup: {{stable_seconds: 0}}
schedule: {{poll_seconds: 0.2, senders: 2}}
retries: {{first_pause_seconds: 0.2, longest_pause_seconds: 2}}
as2: {{id: {id}, listen: "127.0.0.1:{port}", public_url: "http://127.0.0.1:{port}/as2"}}
"""
_PARTNER = """\
name: {name}
identifiers: [{{qualifier: ZZ, id: {id}}}]
receive: [{{set: "{receives}"}}]
send: [{{set: "{sends}"}}]
as2: {{id: {id}, url: "{url}", private_addresses: true, {more}}}
"""


def home_of(place: Path, name: str, partner: str, port: int, url: str, more: str) -> Path:
    """The home of the supplier or the retailer, whose partner is at a URL.

    Args:
        more: of what was agreed about AS2.
    """
    home, (sends, receives) = place / name, ("810", "850") if name == SUPPLIER else ("850", "810")
    make_home(home)
    (home / "partners" / f"{RETAILER}.yaml").unlink()
    (home / "gateway.yaml").write_text(_GATEWAY.format(name=name, id=_IDS.get(name), port=port))
    agreed = {"name": partner, "id": _IDS[partner], "sends": sends, "receives": receives}
    (home / f"partners/{partner}.yaml").write_text(_PARTNER.format(**agreed, url=url, more=more))
    write_home_keys(home, partner, pair(name), pair(partner).certificate)
    return home


# --- who is killed -----------------------------------------------------------------------------------------


@dataclass
class Seat:
    """The place of a process of a gateway. where: it is to die; until: it lives, when it did not by then."""

    command: str
    node: Node
    where: str = ""
    until: float = 0
    begun: float = field(default_factory=time.monotonic)


@dataclass
class Side:
    """A gateway whose processes are killed again and again, each by its own schedule.

    Attributes:
        points: where it can die, by the command of a process. url: of its database; empty for SQLite.
        is_understood: whether the other side takes what comes again for what it is.
        at: how often it died where.
    """

    home: Path
    partner: str
    draw: random.Random
    kills: int
    points: Mapping[str, Sequence[str]]
    url: str = ""
    is_understood: bool = True
    at: Counter[str] = field(default_factory=Counter)
    seats: list[Seat] = field(default_factory=list)
    _number: int = 0
    _tried: Counter[str] = field(default_factory=Counter)

    @property
    def killed(self) -> int:
        """How often so far."""
        return sum(self.at.values())

    def start(self) -> None:
        """Starts all processes."""
        for command in self.points:
            for _ in range(_WORKERS if command == "worker" else 1):
                self.seats.append(Seat(command, self._node(command)))
        for seat in self.seats:
            seat.node.wait_started()

    def step(self) -> None:
        """Kills who is due, and starts another in its place."""
        for seat in self.seats:
            if self.killed < self.kills:
                self._look(seat)

    def _look(self, seat: Seat) -> None:
        now = time.monotonic()
        if not seat.node.is_alive:
            self._again(seat, seat.where)
        elif seat.until and now > seat.until:
            self._again(seat, "start" if seat.where == "start" else "moment")
        elif not seat.until and seat.node.is_started:
            seat.until = now + (self.draw.uniform(2, 4) if seat.where else self.draw.uniform(0, 1.2))
        assert seat.until or now - seat.begun < 60, f"{self.home.name}: {seat.command} does not start"

    def _again(self, seat: Seat, where: str) -> None:
        self._ended(seat, signal.SIGKILL)
        self.at[where] += 1
        seat.where = self._next(seat.command)
        is_point = seat.where not in ("", "start")
        seat.node = self._node(seat.command, seat.where if is_point else "")
        seat.begun = time.monotonic()
        seat.until = seat.begun + self.draw.uniform(0, 0.8) if seat.where == "start" else 0

    def _next(self, command: str) -> str:
        """Every second time a point, and rather one that was not reached yet; else a moment of no name."""
        self._tried[command] += 1
        if self._tried[command] % 2:
            one = min(self.points[command], key=lambda point: 2 * self.at[point] + self._tried[point])
            self._tried[one] += 1
            return one
        return "start" if self._tried[command] % 4 == 0 and not self.url else ""

    def _node(self, command: str, point: str = "") -> Node:
        environment = {points.SWEEP_VARIABLE: "3"}
        if point:
            environment[points.VARIABLE] = f"{point}:{self.draw.randint(1, 3)}"
        if self.url:
            environment["EDIGW_DATABASE_URL"] = self.url
        self._number += 1
        return Node(command, self.home, self.home / f"log-{self._number}", environment)

    def _ended(self, seat: Seat, number: signal.Signals) -> None:
        """Ends a process, or looks how it died, and at what it told."""
        node = seat.node
        code, good = node.kill(number) if node.is_alive else node.process.wait(), (0, -signal.SIGKILL)
        wanted = good[number == signal.SIGKILL]
        assert code == wanted, f"{self.home.name}: {node.command} ended with {code}: {node.told[-3000:]}"
        told = node.told.splitlines()
        strange = [line for line in told if any(one in line for one in STRANGE)]
        strange += [one for one in told if '"worker.trouble"' in one and "was changed meanwhile" in one]
        assert not strange, "\n".join(strange[:3])
        node.log.unlink()

    def rest(self) -> None:
        """Replaces who would still die; what was begun is ended from here on."""
        for seat in self.seats:
            if seat.where or not seat.node.is_alive:
                self.at["moment" if seat.node.is_alive else seat.where] += 1
                self._ended(seat, signal.SIGKILL)
                seat.node, seat.where = self._node(seat.command), ""
        for seat in self.seats:
            seat.node.wait_started()

    def stop(self) -> None:
        """Ends all processes as an operator does."""
        for seat in self.seats:
            self._ended(seat, signal.SIGTERM)
        self.seats.clear()

    def kill(self) -> None:
        """Ends all processes, whatever they do."""
        for seat in self.seats:
            if seat.node.is_alive:
                seat.node.kill()

    # --- what must have come of it -------------------------------------------------------------------

    def left(self) -> list[str]:
        """What it has to do, in words."""
        with opened(self.home, self.url) as engine, reading(engine) as connection:
            found = unfinished(connection)
            asked = "SELECT count(*) FROM exchanges WHERE state IN ('sending', 'waiting', 'answering')"
            if number := connection.execute(text(asked)).scalar_one():
                found.append(f"{number} exchanges")
        folders = self.home / "folders"
        for channel in (self.partner, "erp"):
            for box in ("inbox", ".claimed", "outbox"):
                found += [str(path) for path in (folders / channel / box).iterdir()]
        return [f"{self.home.name}: {one}" for one in found]

    def check(self) -> Trade:
        """Nothing needs a person, and store, audit and files are whole. Returns what was exchanged."""
        environment = {**os.environ, **({"EDIGW_DATABASE_URL": self.url} if self.url else {})}
        for words in (["audit", "verify"], ["db", "check"]):
            command = [sys.executable, "-m", "gateway", *words, "--config", str(self.home)]
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{self.home.name}: {' '.join(words)}: {done.stdout}{done.stderr}"
        for channel in (self.partner, "erp") if self.is_understood else ():
            aside = list((self.home / "folders" / channel / "quarantine").iterdir())
            assert not aside, aside
        for folder in ("spool", *(() if self.url else ("payloads",))):  # of several, after a day
            left = [path for path in (self.home / "data" / folder).iterdir() if path.is_file()]
            assert not left, left
        with opened(self.home, self.url) as engine, reading(engine) as connection:
            return self._looked_into(connection)

    def _looked_into(self, connection: Connection) -> Trade:
        twice = connection.execute(
            text(
                "SELECT interchange FROM messages WHERE direction = 'out' "
                "GROUP BY partner, interchange HAVING count(*) > 1"
            )
        ).all()
        assert not twice, f"control numbers used twice: {twice}"
        rows = [dict(one) for one in connection.execute(select(t.exchanges)).mappings()]
        named, kept = payloads(self.home, connection)
        assert named <= kept, f"lost: {named - kept}"
        again = select(func.count()).where(t.audit.c.event == "as2.repeated")
        return Trade(rows, len(kept - named), connection.execute(again).scalar_one(), self.home)


def payloads(home: Path, connection: Connection) -> tuple[set[str], set[str]]:
    """Those that something in a store names, and those that are there."""
    columns = [t.messages.c.payload, t.deliveries.c.payload, *(t.exchanges.c[one] for one in PAYLOADS)]
    named = {one for column in columns for (one,) in connection.execute(select(column)) if one}
    there = (home / "data/payloads").glob("*/*.gz")
    return named, {path.parent.name + path.name.removesuffix(".gz") for path in there}


@dataclass(frozen=True)
class Trade:
    """What a gateway keeps of what it exchanged.

    Attributes:
        spare: payloads that nothing names. again: how often a message came that it had taken before.
    """

    rows: list[dict[str, Any]]
    spare: int
    again: int
    home: Path

    def of(self, direction: str) -> dict[str, dict[str, Any]]:
        """Exchanges of a direction by Message-ID, of which each is there once."""
        mine = [one for one in self.rows if one["direction"] == direction]
        known = {str(one["as2_id"]): one for one in mine}
        twice = Counter(one["as2_id"] for one in mine) - Counter(list(known))
        assert not twice, f"{self.home.name} took twice: {twice}"
        return known


def agree(sender: Trade, receiver: Trade) -> int:
    """Both tell the same of what went in one direction; returns how many messages that were."""
    out, came = sender.of("out"), receiver.of("in")
    assert out.keys() == came.keys(), f"sent only: {out.keys() - came.keys()}, {came.keys() - out.keys()}"
    for as2_id, one in out.items():
        other = came[as2_id]
        assert (one["state"], other["state"]) == ("confirmed", "answered"), (one, other)
        assert one["receipt"], one
        assert other["receipt"], other
        assert one["wire"] is None, one
        assert (one["mic"], one["signed"]) == (other["mic"], other["signed"]), (one, other)
    whose = Counter(one["message_id"] for one in out.values())
    assert max(whose.values()) == 1, f"under several Message-IDs: {whose}"
    return len(out)


# --- who is not killed -------------------------------------------------------------------------------------


class World(Protocol):
    """Who is not killed."""

    def step(self, part: float) -> None:
        """Does what is due, when this part of the kills is done."""

    def left(self) -> list[str]:
        """What is still to be done, in words."""

    def check(self) -> None:
        """Everything came once. Raises AssertionError."""


@dataclass
class Books:
    """The ERPs of both sides: what they drop, and what they took.

    Attributes:
        files: home, name and content, in order.
    """

    files: list[tuple[Path, str, bytes]]
    wanted: Counter[str]
    homes: Sequence[Path]
    taken: Counter[str] = field(default_factory=Counter)
    dropped: int = 0

    @classmethod
    def drawn(cls, draw: random.Random, supplier: Path, retailer: Path, documents: int) -> Books:
        """Half of them orders of the retailer, half invoices of the supplier."""
        files, wanted = [], Counter[str]()
        for number in range(1, documents // 2 + 1):
            order = {**erp_order(), "partner_id": SUPPLIER, "po_number": f"PO{number}"}
            bill = {**invoice(f"INV{number}"), "partner_id": RETAILER}
            files.append((retailer, f"order-{number}.json", json.dumps(order).encode()))
            files.append((supplier, f"invoice-{number}.json", json.dumps(bill).encode()))
            wanted.update((f"{supplier.name} PO{number}", f"{retailer.name} INV{number}"))
        draw.shuffle(files)
        return cls(files, wanted, (supplier, retailer))

    def step(self, part: float) -> None:
        """Drops one more file, if less than this part is dropped, and takes all that can be seen."""
        if self.dropped < min(part, 1) * len(self.files):
            home, name, content = self.files[self.dropped]
            drop(home / "folders/erp/inbox", name, content)
            self.dropped += 1
        for home in self.homes:
            for content in _shown(home / "folders/erp/outbox"):
                document = json.loads(content)
                key = {"purchase_order": "po_number", "invoice": "invoice_number"}[document["document_type"]]
                self.taken[f"{home.name} {document[key]}"] += 1

    def left(self) -> list[str]:
        """What is still to be dropped, in words."""
        return [f"{len(self.files) - self.dropped} files"] if self.dropped < len(self.files) else []

    def check(self) -> None:
        """Each was taken once."""
        many, lost = self.taken - self.wanted, self.wanted - self.taken
        assert self.taken == self.wanted, f"too many: {many}; lost: {lost}"


def _shown(box: Path) -> Iterator[bytes]:
    """Takes the files of an outbox."""
    for path in sorted(box.iterdir()) if box.is_dir() else ():
        if not path.name.startswith("."):
            content = path.read_bytes()
            path.unlink()
            yield content


def traded(sides: Sequence[Side], world: World, seconds: float = 300) -> list[Trade]:
    """Kills until all kills are done, waits until nothing is left to do, and looks what came of it."""
    kills = sum(one.kills for one in sides)
    try:
        for one in sides:
            one.start()
        while (killed := sum(one.killed for one in sides)) < kills:
            for one in sides:
                one.step()
            world.step(killed / kills + 0.05)
            time.sleep(0.01)
        for one in sides:
            one.rest()
        end = time.monotonic() + seconds

        def left_over() -> list[str]:
            return [*world.left(), *(words for one in sides for words in one.left())]

        while left := left_over() or left_over():  # what is between folder and store, one look can miss
            assert time.monotonic() < end, f"not finished: {left}"
            world.step(1)
            time.sleep(0.02)
        for one in sides:
            one.stop()
    finally:
        for one in sides:
            one.kill()
    world.check()
    return [one.check() for one in sides]


@dataclass
class Buyer:
    """A retailer that is mock-edi, and the ERP of the supplier, which bills each order it gets.

    What mock-edi cannot send it sends again only when it is told to.
    """

    mock: MockEdi
    home: Path
    orders: int
    placed: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    _looked: float = 0

    def step(self, part: float) -> None:
        """Orders once more, if less than this part is ordered, and bills what can be seen."""
        if self.placed < min(part, 1) * self.orders:
            self.placed += 1
            lines = [{"sku": "EX-KT-17", "quantity": "120", "price": "18.40"}]
            self.mock.ask("purchase", partner=_IDS[SUPPLIER], po_number=f"PO{self.placed}", lines=lines)
        for content in _shown(self.home / "folders/erp/outbox"):
            number = json.loads(content)["po_number"]
            self.taken[number] += 1
            bill = {**invoice(number.replace("PO", "INV")), "partner_id": RETAILER, "po_number": number}
            bill["lines"][0]["ids"] = {"asin": "B0C1KETTL3"}
            drop(self.home / "folders/erp/inbox", f"{number}-{self.taken[number]}.json", _bytes(bill))
        if time.monotonic() - self._looked > 0.5:
            for one in self._outbox("failed"):
                self.mock.ask(f"outbox/{one['id']}/retry")
            self._looked = time.monotonic()

    def _outbox(self, *states: str) -> list[dict[str, Any]]:
        return [one for one in self.mock.list("outbox?limit=1000") if one["status"] in states]

    def left(self) -> list[str]:
        """What is still to be ordered, or to be delivered by mock-edi, in words."""
        left = [f"{one['code']} {one['reference']}" for one in self._outbox("pending", "ready", "failed")]
        return left + ([f"{self.orders - self.placed} orders"] if self.placed < self.orders else [])

    def check(self) -> None:
        """Each order was taken once, and each invoice and acknowledgment is accepted there once."""
        assert self.taken == Counter(f"PO{one}" for one in range(1, self.orders + 1))
        there = self.mock.list("documents?limit=1000")
        invoices = [one for one in there if (one["direction"], one["code"]) == ("in", "810")]
        accepted = Counter(one["reference"] for one in invoices if one["accepted"])
        assert accepted == self.taken, (accepted - self.taken, self.taken - accepted)
        answered = {one["reference"]: one["ack_status"] for one in there if one["code"] == "850"}
        assert answered == dict.fromkeys(self.taken, "accepted"), answered

    def agree(self, trade: Trade) -> tuple[int, int]:
        """Both tell the same; how many messages that were, and how many mock-edi refused the second time.

        It answers the same Message-ID with an error and a TA1, though it took the message, where RFC 4130
        has a receiver repeat its first receipt. That needs a person, who sees it in the receipt.
        """
        out, came = trade.of("out"), trade.of("in")
        assert came.keys() == {one["message_id"] for one in self._outbox("delivered")}
        assert {one["state"] for one in came.values()} == {"answered"}
        times = Counter(
            one["message_id"] for one in self.mock.list("interchanges?limit=1000") if one["direction"] == "in"
        )
        assert out.keys() == times.keys()
        refused = 0
        for as2_id, one in out.items():
            assert one["state"] == ("confirmed" if times[as2_id] == 1 else "failed"), (one, times[as2_id])
            refused += one["state"] == "failed"
        return len(out) + len(came), refused


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


# --- runs --------------------------------------------------------------------------------------------------


def two(place: Path, *, kills: int, documents: int, seed: int, postgres: bool = False) -> str:
    """Two gateways trade; returns figures in words. Raises AssertionError.

    Args:
        postgres: the retailer is several processes on PostgreSQL; the supplier is one on SQLite.
    """
    begun, draw = time.monotonic(), random.Random(seed)
    ports = {SUPPLIER: free_port(), RETAILER: free_port()}
    urls = {name: f"http://127.0.0.1:{port}/as2" for name, port in ports.items()}
    supplier = home_of(place, SUPPLIER, RETAILER, ports[SUPPLIER], urls[RETAILER], "receipt: {mode: sync}")
    retailer = home_of(place, RETAILER, SUPPLIER, ports[RETAILER], urls[SUPPLIER], "receipt: {mode: async}")
    books = Books.drawn(draw, supplier, retailer, documents)
    sold = {"up": [*points.RECEIVING, *points.SENDING, *points.ANSWERING]}
    bought = {"up": [*points.RECEIVING, *points.SENDING, *points.WAITING]}
    if postgres:
        taking = [one for one in bought["up"] if one in points.TAKING]
        sending = [one for one in (*points.SENDING, *points.WAITING) if one not in taking]
        bought = {"serve": [*points.RECEIVING, *taking], "worker": sending}
    with ExitStack() as ends:
        url = ends.enter_context(postgres_server()).database() if postgres else ""
        sides = [
            Side(supplier, RETAILER, draw, kills, sold),
            Side(retailer, SUPPLIER, draw, kills, bought, url),
        ]
        trades = traded(sides, books)
        number = agree(*trades) + agree(*reversed(trades))
    kind = "two gateways, one of 3 processes on postgres" if postgres else "two gateways on sqlite"
    return _figures(kind, sides, trades, f"{documents} documents in {number} messages", begun)


def with_mockedi(place: Path, *, kills: int, documents: int, seed: int) -> str:
    """A gateway trades with mock-edi, without protection; the same as :func:`two`. Raises Unavailable."""
    begun, port = time.monotonic(), free_port()
    with mockedi.started() as mock:
        plain = "sign: none, encrypt: none, require: {signed: false, encrypted: false}"
        more = f"{plain}, receipt: {{mode: sync, signed: false}}"
        home = home_of(place, SUPPLIER, RETAILER, port, mock.url, more)
        partner = home / f"partners/{RETAILER}.yaml"
        partner.write_text(partner.read_text().replace(_IDS[RETAILER], mockedi.AS2_ID))
        url = f"http://127.0.0.1:{port}/as2"
        mock.ask("partners", id=_IDS[SUPPLIER], role="supplier", as2_url=url, test=False)
        buyer = Buyer(mock, home, documents // 2)
        # Nothing is postponed: mock-edi is there all the time.
        sending = [one for one in points.SENDING if "postponed" not in one]
        named = {"up": [*points.RECEIVING, *sending]}
        sides = [Side(home, RETAILER, random.Random(seed), kills, named, is_understood=False)]
        trades = traded(sides, buyer)
        number, refused = buyer.agree(trades[0])
    words = f"{documents} documents in {number} messages ({refused} refused when they came again)"
    return _figures("a gateway on sqlite and mock-edi", sides, trades, words, begun)


def _figures(kind: str, sides: Sequence[Side], trades: Sequence[Trade], words: str, begun: float) -> str:
    """One line. Raises AssertionError when a point was never reached in a long run on SQLite."""
    at: Counter[str] = Counter()
    for side in sides:
        at += side.at
        if side.kills >= 200 and not side.url:
            never = [one for one in side.points["up"] if one not in side.at]
            assert not never, f"{side.home.name}: never killed at {never}"
    named = [count for one, count in at.items() if one not in ("start", "moment")]
    kills = " and ".join(str(side.killed) for side in sides)
    counts = f"{kills} kills ({sum(named)} at {len(named)} fault points)"
    again, spare = (sum(getattr(trade, what) for trade in trades) for what in ("again", "spare"))
    return (
        f"AS2, {kind}: {counts}, {words}, {again} came again, {time.monotonic() - begun:.0f} s: "
        f"0 lost, 0 taken twice, 0 control numbers used twice; {spare} payloads of attempts that were killed"
    )


def run(kind: str, place: Path, *, kills: int, documents: int, seed: int) -> str:
    """One run; returns its figures in words. Raises AssertionError."""
    if kind == "mockedi":
        return with_mockedi(place, kills=kills, documents=documents, seed=seed)
    return two(place, kills=kills, documents=documents, seed=seed, postgres=kind == "postgres")


def main() -> None:
    """Runs it from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("kind", choices=("sqlite", "postgres", "mockedi"))
    options.add_argument("--kills", type=int, default=200, help="of each gateway")
    options.add_argument("--documents", type=int, default=300)
    options.add_argument("--seed", type=int, default=20260302)
    options.add_argument("--place", type=Path, help="a folder for the homes, which are kept")
    given = options.parse_args()
    with ExitStack() as ends:
        place = given.place or Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="edigw-as2-")))
        words = run(given.kind, place, kills=given.kills, documents=given.documents, seed=given.seed)
    sys.stderr.write(f"{words}\n")


if __name__ == "__main__":
    main()
