"""Measures what people wait for when the store holds a million messages, on SQLite and on PostgreSQL.

The store is made by writing rows, not by doing the work: orders of fifty partners, each with its answer, ship
notice, invoice and payment, the interchanges that carried them and what acknowledged them. The audit and the
payloads are left out; no list reads them.

Usage: ``python benchmarks/million.py [--messages N] [--keep DIR]``
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, Engine, func, select, text

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from gateway.services import today  # noqa: E402
from gateway.store import chains, queries, tables  # noqa: E402
from gateway.store.database import create, open_engine, reading, sqlite_url  # noqa: E402
from gateway.store.records import as_text  # noqa: E402
from tests.databases import postgres_server  # noqa: E402

LIMIT_MS = 300.0
"""Promised of each."""

_PARTNERS = ["acme-retail", "amazon-us", "target", "walmart", "kroger", *(f"retailer-{n}" for n in range(45))]
_START = datetime(2024, 1, 2, 6, tzinfo=UTC)
_STEP = timedelta(seconds=1)
_BATCH = 20_000
_ANSWERS = (
    ("855", "purchase_order_acknowledgment", "po"),
    ("856", "ship_notice", "shipment"),
    ("810", "invoice", "invoice"),
)
_TABLES = {
    one.name: one
    for one in (
        tables.messages,
        tables.documents,
        tables.document_keys,
        tables.deliveries,
        tables.acknowledgments,
        tables.expectations,
    )
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of one question on one database."""

    database: str
    what: str
    median: float
    most: float
    found: int


class _Maker:
    """Rows of a store, each as its table and a value for each column."""

    def __init__(self) -> None:
        self._random = random.Random(4711)
        self._now = _START
        self._numbers = dict.fromkeys(_PARTNERS, 0)
        self._bodies = [self._body() for _ in range(500)]
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TABLES}
        self.columns = {
            name: [
                one.name for one in table.c if one.autoincrement is not True and one.server_default is None
            ]
            for name, table in _TABLES.items()
        }
        self.messages = self.documents = 0

    def eight_orders(self) -> None:
        """An interchange with eight orders, our answers in three batches, and the payment."""
        partner = self._random.choice(_PARTNERS)
        orders = [f"{self._random.randrange(36**5, 36**6):08X}"[-8:] for _ in range(8)]
        control = self._number(partner)
        came = self._message(
            partner, "in", f"PO_{partner.upper()}_{self._now:%Y%m%d}_{control}.edi", str(control)
        )
        for number in orders:
            one = self._document(came, partner, "in", "purchase_order", number, [("po", number)])
            self._deliver(came, "erp", f"purchase_order_{number}_{one[:8]}.json", document_id=one)
        self._answer(partner, came)
        invoices = []
        for set_id, kind, key in _ANSWERS:
            control = self._number(partner)
            name = f"{set_id}_8-documents_{control}.edi"
            sent = self._message(partner, "out", name, str(control), group=str(control), waits=True)
            for at, order in enumerate(orders, 1):
                own = order if key == "po" else f"{'SHP' if key == 'shipment' else 'INV-'}{control:07d}{at}"
                file = self._message("", "in", f"{kind}_{own}.json", None, channel="erp")
                keys = dict.fromkeys([("po", order), (key, own)])
                self._document(file, partner, "out", kind, own, list(keys), sent_in=sent, control=str(at))
                invoices += [own] if key == "invoice" else []
            said = self._message(
                partner, "in", f"997_{partner}_{self._number(partner)}.x12", str(control), waits=False
            )
            self._said(sent, said, partner)
        paid = f"{self._now:%y%m%d}{self._random.randrange(10**6):06d}"
        came = self._message(partner, "in", f"820_{paid}.edi", str(self._number(partner)))
        keys = {("remittance", paid): None} | {("invoice", one): None for one in invoices}
        self._document(came, partner, "in", "remittance_advice", paid, list(keys))
        self._answer(partner, came)

    def _add(self, table: str, **values: Any) -> None:
        self.rows[table].append(tuple(values.get(name) for name in self.columns[table]))

    def _message(
        self,
        partner: str,
        direction: str,
        name: str,
        interchange: str | None,
        *,
        group: str | None = None,
        origin: str | None = None,
        channel: str = "",
        waits: bool | None = None,
    ) -> str:
        self._now += _STEP
        self.messages += 1
        known = f"{self._random.getrandbits(256):064x}"
        made = f"{self._now:%Y%m%dT%H%M%S%f}-{known[:8]}" if direction == "in" else str(UUID(known[:32]))
        # One in two thousand needs a person, one in five hundred waits for an answer.
        bad = self._random.random() < 0.0005
        owed = "waiting" if self._random.random() < 0.002 else "accepted"
        self._add(
            "messages", id=made, direction=direction, channel=channel or partner, name=name, payload=known,
            size=1500, created_at=as_text(self._now), delivery="failed" if bad else "delivered",
            translation="translated" if direction == "in" else "written", partner=partner or None,
            acknowledgment=owed if waits else "not_expected", interchange=interchange, group=group,
            attempts=0, origin=origin, hold="", answers=True, way="", closed_at="",
        )  # fmt: skip
        if direction == "out":
            self._deliver(made, partner, name, payload=known)
        if waits:
            due = as_text(self._now + timedelta(hours=24))
            state = "open" if owed == "waiting" else "met"
            self._add(
                "expectations", kind="acknowledgment", message_id=made, due_at=due, state=state, about=""
            )
        return made

    def _answer(self, partner: str, origin: str) -> None:
        number = self._number(partner)
        self._message(partner, "out", f"997_{number}.edi", str(number), group=str(number), origin=origin)

    def _document(
        self,
        message: str,
        partner: str,
        direction: str,
        kind: str,
        number: str,
        keys: Sequence[tuple[str, str]],
        *,
        sent_in: str | None = None,
        control: str = "1",
    ) -> str:
        self.documents += 1
        made = str(UUID(int=self._random.getrandbits(128)))
        self._add(
            "documents", id=made, message_id=message, direction=direction, partner=partner,
            document_type=kind, number=number, test=False, set_control=control, sent_in=sent_in,
            body=self._random.choice(self._bodies), sha256="0" * 64, created_at=as_text(self._now),
            acknowledgment="accepted" if sent_in else "not_expected",
        )  # fmt: skip
        for key, value in keys:
            self._add("document_keys", value=value, kind=key, partner=partner, document_id=made)
        return made

    def _deliver(self, message: str, channel: str, name: str, **content: str) -> None:
        at = as_text(self._now)
        self._add(
            "deliveries", message_id=message, owner=message, channel=channel, box="outbox", wanted=name,
            name=f"{message[:8]}-{name}", state="delivered", token="", tries=0, error="", planned_at=at,
            at=at, **content,
        )  # fmt: skip

    def _said(self, about: str, message: str, partner: str) -> None:
        for control in ("", *map(str, range(1, 9))):
            self._add(
                "acknowledgments", at=as_text(self._now), kind="997", partner=partner, message_id=message,
                about=about, set_control=control, status="accepted", words="Accepted.",
            )  # fmt: skip

    def _number(self, partner: str) -> int:
        self._numbers[partner] += 1
        return self._numbers[partner]

    def _body(self) -> bytes:
        lines = [
            {"line_no": str(n), "quantity": str(self._random.randrange(99)), "sku": f"EX-{n}"}
            for n in range(20)
        ]
        return zlib.compress(orjson.dumps({"document_type": "purchase_order", "lines": lines}), 1)


def fill(engine: Engine, messages: int) -> None:
    """Makes the tables, with at least so many messages and as many documents."""
    maker = _Maker()
    with engine.begin() as connection:
        create(connection)
    while maker.rows["messages"] or min(maker.messages, maker.documents) < messages:
        while len(maker.rows["messages"]) < _BATCH and min(maker.messages, maker.documents) < messages:
            maker.eight_orders()
        with engine.begin() as connection:
            _write(connection, maker)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))  # as the server itself does a minute later


def _write(connection: Connection, maker: _Maker) -> None:
    driver: Any = connection.connection.driver_connection
    for name, rows in maker.rows.items():
        columns = ", ".join(f'"{one}"' for one in maker.columns[name])
        if connection.dialect.name == "postgresql":
            with driver.cursor() as cursor, cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join("?" * len(maker.columns[name]))
            driver.executemany(f"INSERT INTO {name} ({columns}) VALUES ({marks})", rows)
        rows.clear()


def questions(engine: Engine) -> Iterator[tuple[str, Callable[[Connection], int]]]:
    """What is asked, and how many rows answer."""

    def listed(**wanted: Any) -> Callable[[Connection], int]:
        return lambda connection: len(queries.messages(connection, queries.Wanted(**wanted)).rows)

    with reading(engine) as connection:
        m, d = tables.messages.c, tables.documents.c
        middle = connection.execute(select(func.max(m.seq))).scalar_one() // 2
        file = select(m.name).where(m.name.like("PO_%"), m.seq > middle).order_by(m.seq).limit(1)
        name = connection.execute(file).scalar_one()
        order = select(d.number, d.id).where(d.document_type == "purchase_order", d.seq > middle)
        number, document = connection.execute(order.order_by(d.seq).limit(1)).one()
        control = connection.execute(
            select(m.group).where(m.seq > middle, m.group > "").limit(1)
        ).scalar_one()

    def volume(connection: Connection) -> dict[str, Any]:
        now = datetime.fromisoformat(
            connection.execute(select(func.max(tables.messages.c.created_at))).scalar_one()
        )
        return today.volume(connection, now, None)

    yield "list, newest first", listed()
    yield "list, a page in the middle", listed(cursor=middle)
    yield "list of one partner", listed(partner="kroger")
    yield "list of what needs a person", listed(person=True)
    yield "list of what nobody has seen to", listed(open=True)
    yield "list of unprocessed files (nothing)", listed(open=True, translation=queries.UNPROCESSED)
    yield "today: messages an hour by partner", lambda connection: volume(connection)["total"]
    yield "list of what was rejected (nothing)", listed(translation=("rejected",))
    yield "search by PO number", listed(text=number)
    yield "search by control number", listed(text=f"{control:>09}")
    yield "search by part of a file name, many", listed(text="ship_notice_")
    yield "search by part of a file name, one", listed(text=name[3:-4].lower())
    yield "search by part of a file name, none", listed(text="not-there")
    yield (
        "documents of one partner and type",
        lambda connection: len(
            queries.documents(connection, queries.Wanted(partner="kroger", document_type="invoice")).rows
        ),
    )
    yield "document chain", lambda connection: len(chains.chain(connection, [document])["documents"])
    yield (
        "acknowledgments owed",
        lambda connection: len(
            queries.acknowledgments(connection, queries.Wanted(acknowledgment=queries.OWED)).rows
        ),
    )


def measure(database: str, engine: Engine, runs: int) -> list[Measured]:
    """Asks everything ``runs`` times, each time over a connection of its own, as a command does."""
    found = []
    for what, ask in questions(engine):
        times, rows = [], 0
        for _ in range(runs):
            start = time.perf_counter()
            with reading(engine) as connection:
                rows = ask(connection)
            times.append((time.perf_counter() - start) * 1000)
        found.append(Measured(database, what, statistics.median(times), max(times), rows))
    return found


def run(messages: int = 1_000_000, runs: int = 7, keep: Path | None = None) -> list[Measured]:
    """Makes a store on each database and measures it."""
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="edigw-million-") as folder,
        postgres_server(durable=False) as server,
    ):
        path = (keep or Path(folder)) / "million.db"
        is_there = path.exists()
        for database, url in (("SQLite", sqlite_url(path)), ("PostgreSQL", server.database())):
            engine = open_engine(url)
            if database != "SQLite" or not is_there:
                fill(engine, messages)
            found += measure(database, engine, runs)
            engine.dispose()
    return found


def lines(found: Sequence[Measured], messages: int) -> Iterator[str]:
    """The result as rows of a table; milliseconds, the median and the most."""
    yield f"| among {messages:,} messages | rows | SQLite | most | PostgreSQL | most |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    other = {one.what: one for one in found if one.database == "PostgreSQL"}
    for one in found:
        if one.database == "SQLite" and (two := other.get(one.what)):
            times = (one.median, one.most, two.median, two.most)
            yield f"| {one.what} | {one.found} | {' | '.join(f'{ms:.0f}' for ms in times)} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Lists and searches among a million messages.")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="keep the SQLite store in this folder, and use it again")
    options = parser.parse_args()
    found = run(options.messages, options.runs, options.keep)
    for line in lines(found, options.messages):
        print(line)
    slow = [f"{one.what} on {one.database}" for one in found if one.most > LIMIT_MS]
    print(f"\nAbove {LIMIT_MS:.0f} ms: {', '.join(slow) or 'nothing'}.", file=sys.stderr)


if __name__ == "__main__":
    main()
