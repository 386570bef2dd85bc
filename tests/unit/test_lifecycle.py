"""The life of a message: the table of its moves, and a home in which people do whatever they like."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text

from gateway.app import Gateway
from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.errors import RefusedError
from gateway.services import lifecycle, operate
from gateway.services.lifecycle import ANSWERS, TRANSITIONS, Acknowledgment, Delivery, Translation
from gateway.settings import load
from gateway.store.audit import verify
from gateway.store.database import reading
from gateway.store.records import INBOUND, Message
from gateway.store.sql import Store
from tests.integration.killing import erp_order
from tests.orders import interchange, order

KINDS: tuple[type[StrEnum], ...] = (Translation, Delivery, Acknowledgment)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


# --- the table -------------------------------------------------------------------------------------------


class Recorder:
    """Stands for a store: remembers what it was asked to change."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, tuple[str, str]], dict[str, Any]]] = []

    def advance(self, message_id: str, moves: dict[str, tuple[str, str]], **notes: Any) -> None:
        self.asked.append((message_id, moves, notes))


def message(**statuses: str) -> Message:
    made = Message(
        id="m1", direction=INBOUND, channel="acme", name="po.edi", payload="aa", size=3, created_at=NOW
    )
    return replace(made, **statuses)  # type: ignore[arg-type]


def moves() -> list[tuple[StrEnum, StrEnum]]:
    return [(one, other) for kind in KINDS for one in kind for other in kind]


def allowed(one: StrEnum, other: StrEnum) -> bool:
    return other in TRANSITIONS[type(one)].get(one, ())


@pytest.mark.parametrize(("one", "other"), [pair for pair in moves() if allowed(*pair)])
def test_a_move_of_the_table_is_made_from_where_the_message_is_said_to_be(
    one: StrEnum, other: StrEnum
) -> None:
    store, status = Recorder(), type(one).__name__.lower()
    lifecycle.advance(cast(Store, store), message(**{status: one.value}), cast(Any, other), partner="acme")
    assert store.asked == [("m1", {status: (one.value, other.value)}, {"partner": "acme"})]


@pytest.mark.parametrize(("one", "other"), [pair for pair in moves() if not allowed(*pair)])
def test_a_move_that_is_not_in_the_table_is_refused(one: StrEnum, other: StrEnum) -> None:
    store, status = Recorder(), type(one).__name__.lower()
    with pytest.raises(RefusedError, match=f"is {one.value}, not {other.value}"):
        lifecycle.advance(cast(Store, store), message(**{status: one.value}), cast(Any, other))
    assert store.asked == []


def test_of_several_moves_all_are_made_or_none() -> None:
    store, received = Recorder(), message(translation="received")
    lifecycle.advance(cast(Store, store), received, Translation.TRANSLATED, Delivery.WAITING)
    ((_, asked, _),) = store.asked
    assert asked == {"translation": ("received", "translated"), "delivery": ("not_expected", "waiting")}
    with pytest.raises(RefusedError):
        lifecycle.advance(cast(Store, store), received, Translation.TRANSLATED, Delivery.DELIVERED)
    assert len(store.asked) == 1


def test_the_three_kinds_never_mix() -> None:
    assert set(TRANSITIONS) == set(KINDS)
    for kind, table in TRANSITIONS.items():
        assert {type(one) for one in table} == {kind}
        assert {type(other) for others in table.values() for other in others} == {kind}


def test_nothing_leaves_a_final_status() -> None:
    final = {
        Translation: set(Translation) - {Translation.RECEIVED},
        Delivery: {Delivery.CANCELLED},
        Acknowledgment: {Acknowledgment.NOT_EXPECTED},
    }
    for kind, table in TRANSITIONS.items():
        assert set(kind) - set(table) == final[kind]


def test_nothing_becomes_received_or_written_and_all_else_can_be_reached() -> None:
    beginnings = {
        Translation: {"received", "written"},
        Delivery: {"not_expected"},
        Acknowledgment: set[str](),
    }
    for kind, table in TRANSITIONS.items():
        assert set(kind) - {other for others in table.values() for other in others} == beginnings[kind]


def test_only_what_is_owed_is_overdue_and_only_what_is_sent_again_is_owed_again() -> None:
    table = TRANSITIONS[Acknowledgment]
    assert [one for one, others in table.items() if Acknowledgment.OVERDUE in others] == [
        Acknowledgment.WAITING
    ]
    for answer in ANSWERS:
        assert table[answer] == (Acknowledgment.WAITING,), "a second answer changes nothing"


# --- a home in which people do whatever they like ----------------------------------------------------------

ACME, BULK, ERP = "acme", "bulk", "erp"
_LINE = "1|EA|1.00|B0C1KETTL3|EX-KT-17|KETTLE"
_MEMORY = Path("/dev/shm")
_WHICH = st.integers(0, 10_000)
_PARTNER = "name: {0}\nidentifiers: [{{qualifier: ZZ, id: {0}}}]\nreceive: [{{set: 850}}]\nsend: [{1}]\n"

_WATCH = """
CREATE TABLE moves (kind TEXT, message TEXT, was TEXT, became TEXT);
CREATE TRIGGER t AFTER UPDATE OF translation ON messages WHEN old.translation <> new.translation
BEGIN INSERT INTO moves VALUES ('Translation', new.id, old.translation, new.translation); END;
CREATE TRIGGER d AFTER UPDATE OF delivery ON messages WHEN old.delivery <> new.delivery
BEGIN INSERT INTO moves VALUES ('Delivery', new.id, old.delivery, new.delivery); END;
CREATE TRIGGER a AFTER UPDATE OF acknowledgment ON messages WHEN old.acknowledgment <> new.acknowledgment
BEGIN INSERT INTO moves VALUES ('Acknowledgment', new.id, old.acknowledgment, new.acknowledgment); END;
"""
"""The database itself remembers every single move, whoever made it."""


class LifeOfAHome(RuleBasedStateMachine):
    """Random partners, ERP and operators; the rules of the house hold after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.time = NOW
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("gateway.app.datetime", self)
        place = _MEMORY if _MEMORY.is_dir() else None
        self.folder = tempfile.TemporaryDirectory(dir=place)
        self.home = Path(self.folder.name)
        make_home(self.home)
        (self.home / "partners/acme-retail.yaml").unlink()
        for name, agreed in ((ACME, "{set: 850}"), (BULK, "{set: 850, batch: {count: 2, seconds: 600}}")):
            (self.home / f"partners/{name}.yaml").write_text(_PARTNER.format(name.upper(), agreed))
        gateway = (self.home / "gateway.yaml").read_text()
        (self.home / "gateway.yaml").write_text(gateway.replace("stable_seconds: 1 ", "stable_seconds: 0 "))
        self.gateway = Gateway(self.home, load(self.home))
        with self.gateway.engine.begin() as connection:
            connection.connection.driver_connection.executescript(_WATCH)  # type: ignore[union-attr]
        self.control = 0
        self.good: list[tuple[str, bytes]] = []
        self.away: set[str] = set()

    def teardown(self) -> None:
        self.gateway.__exit__()
        self.patch.undo()
        self.folder.cleanup()

    def now(self, zone: object = UTC) -> datetime:
        """Of the module ``datetime``, for the gateway."""
        return self.time

    # --- what happens ---

    def _next(self) -> int:
        self.control += 1
        return self.control

    def _drop(self, channel: str, name: str, content: bytes) -> None:
        drop(self.home / "folders" / channel / "inbox", name, content)

    @rule(partner=st.sampled_from([ACME, BULK]), bad=st.booleans(), broken=st.booleans())
    def an_order_comes(self, partner: str, bad: bool, broken: bool) -> None:
        control = self._next()
        sets = [order(1, f"PO{control}", [_LINE])]
        if bad:
            sets.append(order(2, f"BAD{control}", [_LINE], requested="20260231"))
        content = interchange(control, sets, sender=partner.upper())
        if broken and bad:
            content = content.replace(b"IEA*1*", b"IEA*2*")
        elif not bad:
            self.good.append((partner, content))
        self._drop(partner, f"po-{control}.edi", content)

    @precondition(lambda self: self.good)
    @rule(which=_WHICH)
    def an_order_comes_again(self, which: int) -> None:
        partner, content = self.good[which % len(self.good)]
        self._drop(partner, f"again-{self._next()}.edi", content)

    @rule(partner=st.sampled_from([ACME, BULK]))
    def the_erp_orders(self, partner: str) -> None:
        number = f"ERP{self._next()}"
        document = {**erp_order(), "partner_id": partner, "po_number": number}
        self._drop(ERP, f"{number}.json", json.dumps(document).encode())

    @rule(which=_WHICH, verdict=st.sampled_from("AER"))
    def a_partner_answers(self, which: int, verdict: str) -> None:
        sent = self.rows('SELECT partner, "group" FROM messages WHERE "group" IS NOT NULL ORDER BY seq')
        if sent:
            partner, group = sent[which % len(sent)]
            taken = int(verdict != "R")
            said = ["ST*997*0001", f"AK1*PO*{group}", f"AK9*{verdict}*1*1*{taken}", "SE*4*0001"]
            content = interchange(self._next(), [said], group="FA", sender=partner.upper())
            self._drop(partner, f"997-{self.control}.edi", content)

    @rule(channel=st.sampled_from([ACME, BULK, ERP]))
    def an_outbox_goes_away_or_comes_back(self, channel: str) -> None:
        outbox, elsewhere = self.home / "folders" / channel / "outbox", self.home / f"away-{channel}"
        if channel in self.away:
            elsewhere.rename(outbox)
            self.away.remove(channel)
        else:
            outbox.rename(elsewhere)
            self.away.add(channel)

    @rule(minutes=st.sampled_from([1, 20, 60 * 30]))
    def time_goes_on(self, minutes: int) -> None:
        self.time += timedelta(minutes=minutes)

    @rule(skipped=st.sampled_from(["", "", "translate.translate", "deliver.deliver"]))
    def a_pass(self, skipped: str) -> None:
        """All of it, or one that leaves a step undone."""
        with pytest.MonkeyPatch.context() as patch:
            if skipped:
                patch.setattr(f"gateway.services.{skipped}", lambda *args, **options: None)
            self.gateway.run_once()

    def _does(self, action: Callable[..., object], which: int, where: str) -> None:
        """A person does something with one of these messages, or is refused."""
        ids = self.rows(f"SELECT id FROM messages WHERE {where} ORDER BY seq DESC")
        if ids:
            with suppress(RefusedError):
                action(self.gateway.services, ids[which % len(ids)][0], "a person wants it so")

    @rule(which=_WHICH)
    def a_person_holds(self, which: int) -> None:
        self._does(operate.hold, which, "translation = 'received' OR delivery = 'waiting'")

    @rule(which=_WHICH)
    def a_person_releases(self, which: int) -> None:
        self._does(operate.release, which, "hold <> ''")

    @rule(which=_WHICH)
    def a_person_cancels(self, which: int) -> None:
        waits = "id IN (SELECT message_id FROM documents WHERE batch IS NOT NULL)"
        self._does(operate.cancel, which, f"translation = 'received' OR delivery <> 'delivered' OR {waits}")

    @rule(which=_WHICH)
    def a_person_resends(self, which: int) -> None:
        self._does(operate.resend, which, "delivery <> 'not_expected'")

    @rule(which=_WHICH, acknowledge=st.booleans())
    def a_person_reprocesses(self, which: int, acknowledge: bool) -> None:
        self._does(partial(operate.reprocess, acknowledge=acknowledge), which, "direction = 'in'")

    @rule(which=_WHICH, what=st.sampled_from(["resend", "reprocess", "hold", "release", "cancel"]))
    def a_person_tries_anything(self, which: int, what: str) -> None:
        self._does(getattr(operate, what), which, "true")

    @rule()
    def two_quiet_passes(self) -> None:
        for channel in sorted(self.away):
            self.an_outbox_goes_away_or_comes_back(channel)
        for _ in range(2):
            self.time += timedelta(minutes=11)
            self.gateway.run_once()
        assert self.gateway.services.store.unfinished(99) == []
        held = self.rows("SELECT count(*) FROM messages WHERE hold <> ''")
        waiting = self.rows("SELECT count(*) FROM messages WHERE hold = '' AND delivery = 'waiting'")
        assert waiting == [(0,)], held
        assert self.rows("SELECT count(*) FROM jobs") == [(0,)]
        for channel in (ACME, BULK, ERP):
            assert list((self.home / "folders" / channel / "inbox").iterdir()) == []

    # --- what holds ---

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with reading(self.gateway.engine) as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    @invariant()
    def every_move_is_one_of_the_table(self) -> None:
        kinds = {kind.__name__: kind for kind in KINDS}
        for kind, name, was, became in self.rows("SELECT * FROM moves"):
            assert allowed(kinds[kind](was), kinds[kind](became)), (name, kind, was, became)

    @invariant()
    def no_control_number_is_used_twice(self) -> None:
        for column in ("interchange", '"group"'):
            sent = f"SELECT partner, {column} FROM messages WHERE direction = 'out' AND {column} IS NOT NULL"
            assert max(Counter(self.rows(sent)).values(), default=1) == 1

    @invariant()
    def what_is_delivered_is_there_once_and_nothing_else_is(self) -> None:
        told = self.rows("SELECT channel, box, name FROM deliveries WHERE state = 'delivered'")
        found = []
        for channel in (ACME, BULK, ERP):
            for box in ("outbox", "quarantine"):
                folder = self.home / "folders" / channel / box
                folder = self.home / f"away-{channel}" if box == "outbox" and channel in self.away else folder
                found += [(channel, box, path.name) for path in folder.iterdir()]
        assert sorted(told) == sorted(found)

    @invariant()
    def what_was_cancelled_was_delivered_to_nobody(self) -> None:
        seen = self.rows(
            "SELECT m.name FROM deliveries AS d JOIN messages AS m ON m.id = d.message_id "
            "WHERE d.state IN ('sending', 'delivered') AND d.box <> 'quarantine' "
            "AND (m.delivery = 'cancelled' OR m.translation = 'cancelled')"
        )
        assert seen == []

    @invariant()
    def an_order_becomes_a_document_each_time_it_is_processed(self) -> None:
        made = self.rows(
            "SELECT m.translation, m.name, (SELECT count(*) FROM documents AS d WHERE d.message_id = m.id) "
            "FROM messages AS m WHERE m.direction = 'in' AND m.name NOT LIKE '997-%'"
        )
        for translation, name, documents in made:
            expected = {"translated": 1, "partly_translated": 1}.get(translation, 0)
            assert documents == expected, (name, translation)

    @invariant()
    def an_order_that_came_again_was_processed_once(self) -> None:
        done = self.rows(
            "SELECT payload FROM messages WHERE direction = 'in' AND origin IS NULL "
            "AND translation = 'translated' AND name NOT LIKE '997-%'"
        )
        assert max(Counter(done).values(), default=1) == 1

    @invariant()
    def the_audit_is_in_order(self) -> None:
        with reading(self.gateway.engine) as connection:
            assert list(verify(connection)) == []


TestLifeOfAHome = LifeOfAHome.TestCase
TestLifeOfAHome.settings = settings(max_examples=12, stateful_step_count=30)
