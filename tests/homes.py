"""Homes in which something happened, for tests of what is kept of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from gateway import resources
from gateway.app import Gateway, Pass
from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.settings import load
from gateway.store.records import Exchange
from tests.orders import interchange, order

PARTNER = "acme-retail"
LINE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
ORDER = "7KX2M41Q"
"""The purchase order of the demo that is invoiced and paid."""


def work(home: Path) -> Pass:
    """One pass."""
    with Gateway(home, load(home)) as gateway, closing(gateway.services.store):
        return gateway.run_once()


def put(home: Path, name: str, content: bytes, channel: str = PARTNER) -> None:
    """A file in an inbox."""
    drop(home / "folders" / channel / "inbox", name, content)


def put_order(home: Path, control: int, number: str, name: str = "") -> None:
    """A file with one purchase order."""
    put(home, name or f"po-{control}.edi", interchange(control, [order(1, number, [LINE])]))


def acknowledgment(
    control: int, group: int, verdict: str = "A", kind: str = "IN", set_id: str = "810"
) -> bytes:
    """A 997 for a group of one set that we sent."""
    taken = int(verdict == "A")
    segments = ["ST*997*0001", f"AK1*{kind}*{group}", f"AK2*{set_id}*0001", f"AK5*{verdict}"]
    return interchange(control, [[*segments, f"AK9*{verdict}*1*1*{taken}", "SE*6*0001"]], "FA")


def set_in(home: Path, file: str, before: str, after: str) -> None:
    """Changes a setting."""
    text = (home / file).read_text()
    assert before in text
    (home / file).write_text(text.replace(before, after))


def demo_home(home: Path) -> Path:
    """The story of the demo: orders, their answers, acknowledgments of these, and a payment."""
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    return play(home)


def play(home: Path) -> Path:
    """The story of the demo in a home that is there."""
    for name in ("orders-1001.edi", "orders-1003.edi", "scan-0007.pdf"):
        put(home, name, resources.find(f"config/demo/{name}").read_bytes())
    work(home)
    for name in (f"ack-{ORDER}.json", f"ship-{ORDER}.json", f"invoice-{ORDER}.json"):
        put(home, name, resources.find(f"config/demo/{name}").read_bytes(), "erp")
        work(home)
    for number, (kind, set_id) in enumerate((("PR", "855"), ("SH", "856"), ("IN", "810")), 1):
        put(home, f"997-{set_id}.edi", acknowledgment(2000 + number, number, "A", kind, set_id))
    put(home, "remittance.edi", resources.find("config/demo/remittance.edi").read_bytes())
    work(home)
    return home


@contextmanager
def database(home: Path) -> Iterator[sqlite3.Connection]:
    """The SQLite file of a home, to be looked at and meddled with."""
    with closing(sqlite3.connect(home / "data/gateway.db", timeout=60)) as connection:
        yield connection
        connection.commit()


def rows(home: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the database of a home says."""
    with database(home) as connection:
        return connection.execute(sql, values).fetchall()


def change(home: Path, sql: str, *values: Any) -> None:
    """Changes the database of a home, as only somebody with access to the file can; something must change."""
    with database(home) as connection:
        assert connection.execute(sql, values).rowcount > 0


def exchanged(home: Path, name: str, **changes: Any) -> Exchange:
    """As if a message of ours had gone over AS2 and been confirmed."""
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store) as store:
        kept, ((message, channel),) = gateway.payloads, rows(home, _OF, name)
        proof = {part: kept.put(BytesIO(f"{part} of {name}".encode()))[0] for part in ("signed", "receipt")}
        kept.flush()
        known = {"id": f"x-{name}", "direction": "out", "channel": channel, "partner": channel}
        known |= {"sender": "US", "receiver": "Acme Inc", "as2_id": "<20260302.1@us/../x>"}
        known |= {"state": "confirmed", "mic": "q83v, sha-256"}
        disposition = "automatic-action/MDN-sent-automatically; processed"
        made = Exchange(message_id=message, disposition=disposition, **{**known, **proof, **changes})
        with store.transaction():
            store.exchanges.add(made)
            store.audit("test.exchanged", message, sha256=made.receipt)
    return made


_OF = "SELECT id, channel FROM messages WHERE name = ?"


def expire(home: Path) -> None:
    """Ends the retention of everything."""
    set_in(home, "gateway.yaml", "  years: 7 ", "  years: 0.000000001 ")
    for path in (home / "data/payloads").rglob("*.gz"):
        os.utime(path, (0, 0))  # what was put a moment ago is never deleted


BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until somebody sets it."""

    def __init__(self) -> None:
        self.time = BEGIN

    def now(self, zone: object = UTC) -> datetime:
        return self.time

    def goes_on(self, **time: float) -> None:
        self.time += timedelta(**time)
