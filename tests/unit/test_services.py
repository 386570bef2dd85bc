"""What goes wrong between the steps, with an engine that does as it is told and a clock that stands still."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from gateway import engine
from gateway.app import Gateway, Pass
from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.services import operate, sp_api
from gateway.services.acknowledge import number
from gateway.services.base import Services
from gateway.services.deliver import deliver
from gateway.services.lifecycle import TRANSITIONS, Acknowledgment, Translation
from gateway.services.problems import CATALOGUE, problem
from gateway.services.quarantine import MAX_PROBLEMS, REASONS, REFUSED, Findings
from gateway.services.translate import translate
from gateway.settings import load
from gateway.store import tables as t
from gateway.store.audit import Seal, verify
from gateway.store.database import reading
from gateway.store.jobs import LeaseLostError
from gateway.store.records import FAILED, PENDING, SENDING, Delivery
from gateway.store.sql import Store
from gateway.transports.folder import Folder
from gateway.transports.sp_api import SpApiError
from gateway.x12.answer import Answer
from gateway.x12.envelope import Event
from tests.databases import Server
from tests.homes import FakeClock
from tests.orders import interchange, order

LINE = "1|EA|1.00|B0C1KETTL3|EX-KT-17|KETTLE"
MEMORY = Path("/dev/shm")


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


@pytest.fixture(autouse=True)
def clumsy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that stumbles over files that hold a word."""
    read = engine.read

    def stumbling(file: BinaryIO, **options: Any) -> Iterator[Event]:
        content = file.read()
        if b"STUMBLE" in content:
            raise RuntimeError("stumbled")
        if b"KILL" in content:
            raise Killed
        return read(BytesIO(content), **options)

    monkeypatch.setattr(engine, "read", stumbling)


@pytest.fixture
def home() -> Iterator[Path]:
    """In memory, if there is some: nothing here is about power failures."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        path = Path(name)
        make_home(path)
        settings = (path / "gateway.yaml").read_text()
        (path / "gateway.yaml").write_text(settings.replace("stable_seconds: 1 ", "stable_seconds: 0 "))
        yield path


def work(home: Path) -> Pass:
    with Gateway(home, load(home)) as gateway:
        return gateway.run_once()


def put(home: Path, name: str, control: int, po_number: str) -> None:
    drop(home / "folders/acme-retail/inbox", name, interchange(control, [order(1, po_number, [LINE])]))


def names(home: Path, folder: str) -> list[str]:
    return sorted(path.name for path in (home / "folders" / folder).iterdir())


def rows(home: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        return [row[0] for row in database.execute(sql)]


# --- translating -----------------------------------------------------------------------------------------


def test_an_error_of_ours_stops_one_file_only(home: Path) -> None:
    put(home, "a.edi", 1, "STUMBLE")
    put(home, "b.edi", 2, "GOOD")
    done = work(home)
    assert (done.unfinished, done.documents, done.quarantined) == (1, 1, 0)
    assert rows(home, "SELECT translation FROM messages WHERE name = 'a.edi'") == ["received"]


PAUSES = (60, 120, 240, 300)
"""Seconds between the tries of the home below: far more than a test takes."""


@pytest.fixture
def patient(home: Path) -> Iterator[Gateway]:
    """An open gateway that waits long before it tries again."""
    settings = (home / "gateway.yaml").read_text()
    (home / "gateway.yaml").write_text(
        settings.replace("first_pause_seconds: 1 ", "first_pause_seconds: 60 ")
    )
    with Gateway(home, load(home)) as gateway:
        yield gateway


SLOW = 30
"""Seconds a test may take: the engine of the jobs counts them, though the clock stands still."""


def pauses(home: Path, clock: FakeClock, seconds: int) -> bool:
    """Whether the one job there is waits for so long."""
    (due,) = rows(home, "SELECT due_at FROM jobs")
    return 0 <= (datetime.fromisoformat(due) - clock.now()).total_seconds() - seconds < SLOW


def test_a_file_that_failed_is_tried_again_after_ever_longer_pauses(
    home: Path, patient: Gateway, clock: FakeClock
) -> None:
    put(home, "a.edi", 1, "STUMBLE")
    for attempt, pause in enumerate(PAUSES, 1):
        for _ in range(2):
            assert patient.run_once().unfinished == 1
            assert rows(home, "SELECT attempts FROM messages") == [attempt], "not before the pause is over"
        assert pauses(home, clock, pause)
        clock.goes_on(seconds=pause + SLOW)


def test_after_the_last_try_a_person_is_needed(home: Path, patient: Gateway, clock: FakeClock) -> None:
    put(home, "a.edi", 1, "STUMBLE")
    for pause in PAUSES:
        assert patient.run_once().quarantined == 0
        clock.goes_on(seconds=pause + SLOW)
    done = patient.run_once()
    assert (done.quarantined, done.unfinished) == (1, 0)
    report = json.loads((home / "folders/acme-retail/quarantine/a.edi.problem.json").read_bytes())
    assert (report["status"], report["problems"][0]["code"]) == ("failed", "HOME-FAILED")
    assert "5 times" in report["problems"][0]["message"]
    assert rows(home, "SELECT translation FROM messages") == ["failed"]
    clock.goes_on(days=1)
    assert patient.run_once() == Pass()


def test_a_file_that_kills_the_process_is_not_tried_for_ever(home: Path) -> None:
    put(home, "a.edi", 1, "KILL")
    for _ in range(load(home).gateway.retries.attempts + 1):
        with pytest.raises(Killed):
            work(home)
    assert work(home).quarantined == 1
    assert rows(home, "SELECT translation FROM messages") == ["failed"]
    assert work(home) == Pass()


def test_a_file_that_kills_the_process_holds_nothing_else_up(home: Path) -> None:
    put(home, "a.edi", 1, "GOOD")
    put(home, "b.edi", 2, "KILL")
    put(home, "c.edi", 3, "FINE")
    for _ in range(load(home).gateway.retries.attempts + 2):
        with suppress(Killed):
            work(home)
    found = rows(home, "SELECT translation FROM messages WHERE direction = 'in' ORDER BY name")
    assert found == ["translated", "failed", "translated"]
    assert len(names(home, "erp/outbox")) == 2


def test_a_mended_error_lets_the_file_through(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home, "a.edi", 1, "STUMBLE")
    assert work(home).unfinished == 1
    monkeypatch.undo()
    done = work(home)
    assert (done.received, done.documents, done.quarantined) == (0, 1, 0)


def test_what_passes_by_itself_is_tried_for_ever(home: Path, patient: Gateway, clock: FakeClock) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    words = "acme-retail: a.edi waits: No space left on device; make room on its disk"
    put(home, "a.edi", 1, "A")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.services.work.BytesIO", full)
        for _ in range(2 * load(home).gateway.retries.attempts):
            done = patient.run_once()
            assert (done.unfinished, done.trouble) == (1, [words])
            clock.goes_on(seconds=300 + SLOW)
    assert patient.run_once().documents == 1


def test_a_database_that_cannot_be_used_now_stops_the_pass(home: Path) -> None:
    put(home, "a.edi", 1, "A")

    def full(*args: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "add_document", full)
        done = work(home)
    assert (done.documents, done.unfinished) == (0, 1)
    assert any("disk is full" in words for words in done.trouble)
    assert rows(home, "SELECT attempts FROM messages") == [0], "it is no fault of the file"


def test_a_translation_that_was_overtaken_changes_nothing(home: Path) -> None:
    put(home, "a.edi", 1, "A")
    with Gateway(home, load(home)) as gateway:
        gateway.run_once()
        before = everything(gateway)
        late = [
            replace(one, translation="received") for one in gateway.services.store.messages(inbound(gateway))
        ]
        translate(gateway.services, late, again=False)
        assert everything(gateway) == before


# --- receiving -------------------------------------------------------------------------------------------


def test_a_claimed_file_that_cannot_be_removed_is_not_received_twice(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, "a.edi", 1, "A")
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "settle", lambda self, arrival: None)
        assert work(home).documents == 1
        assert work(home) == Pass()
    assert len(names(home, "acme-retail/.claimed")) == 1
    assert work(home) == Pass()
    assert names(home, "acme-retail/.claimed") == []


def test_what_cannot_be_opened_is_put_aside_and_told(home: Path) -> None:
    (home / "folders/acme-retail/.claimed/id1__a.edi").symlink_to("/etc/passwd")
    assert work(home).quarantined == 1
    expected = ["id1__a.edi", "id1__a.edi.problem.json", "id1__a.edi.problem.txt"]
    assert names(home, "acme-retail/quarantine") == expected
    assert rows(home, "SELECT translation FROM messages") == ["unreadable"]


def test_an_error_that_may_pass_leaves_the_file_claimed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Folder, arrival: object) -> None:
        raise OSError(5, "Input/output error")

    put(home, "a.edi", 1, "A")
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "open", broken)
        done = work(home)
    assert done.trouble == ["acme-retail: a.edi: Input/output error"]
    assert work(home).documents == 1


# --- delivering ------------------------------------------------------------------------------------------


def test_a_delivery_that_fails_is_tried_again_after_ever_longer_pauses(
    home: Path, patient: Gateway, clock: FakeClock
) -> None:
    put(home, "a.edi", 1, "A")
    (home / "folders/erp/outbox").rename(home / "away")
    for tries, pause in enumerate((*PAUSES, 300, 300), 1):
        for _ in range(2):
            assert patient.run_once().unfinished == 1
            assert rows(home, "SELECT tries FROM deliveries WHERE channel = 'erp'") == [tries]
        assert pauses(home, clock, pause)
        clock.goes_on(seconds=pause + SLOW)
    assert rows(home, "SELECT error FROM deliveries WHERE channel = 'erp'") == [
        "erp/outbox is missing: No such file or directory; is the share mounted?"
    ]
    assert len(names(home, "acme-retail/outbox")) == 1, "what is for others goes on"
    assert rows(home, "SELECT count(*) FROM audit WHERE event = 'delivery.delayed'") == [2], "now and then"
    (home / "away").rename(home / "folders/erp/outbox")
    assert patient.run_once().delivered == 1
    assert len(names(home, "erp/outbox")) == 1
    assert rows(home, "SELECT delivery FROM messages WHERE direction = 'in'") == ["delivered"]


def given_up(home: Path, patient: Gateway, clock: FakeClock) -> str:
    """The message of a delivery that was given up."""
    put(home, "a.edi", 1, "A")
    (home / "folders/erp/outbox").rename(home / "away")
    for _ in range(4):
        assert patient.run_once().unfinished == 1
        clock.goes_on(hours=7)
    assert patient.run_once().unfinished == 0
    (message_id,) = rows(home, "SELECT id FROM messages WHERE delivery = 'failed'")
    assert isinstance(message_id, str)
    return message_id


def test_a_delivery_is_given_up_after_the_time_that_was_set(
    home: Path, patient: Gateway, clock: FakeClock
) -> None:
    given_up(home, patient, clock)
    assert rows(home, "SELECT state FROM deliveries WHERE channel = 'erp'") == [FAILED]
    assert rows(home, "SELECT count(*) FROM audit WHERE event = 'delivery.failed'") == [1]
    assert rows(home, "SELECT count(*) FROM jobs") == [0]
    clock.goes_on(days=9)
    assert patient.run_once() == Pass()


def test_a_delivery_is_not_given_up_because_the_gateway_was_off(
    home: Path, patient: Gateway, clock: FakeClock
) -> None:
    put(home, "a.edi", 1, "A")
    (home / "folders/erp/outbox").rename(home / "away")
    assert patient.run_once().unfinished == 1
    clock.goes_on(days=9)
    assert patient.run_once().unfinished == 1


def test_a_delivery_that_was_given_up_is_made_when_a_person_resends_it(
    home: Path, patient: Gateway, clock: FakeClock
) -> None:
    message_id = given_up(home, patient, clock)
    (home / "away").rename(home / "folders/erp/outbox")
    (name,) = operate.resend(patient.services, message_id, "the share is back")
    assert patient.run_once().delivered == 1
    assert names(home, "erp/outbox") == [name]
    assert rows(home, "SELECT delivery FROM messages WHERE direction = 'in'") == ["delivered"]


@pytest.mark.parametrize("damage", ["gone", "cut short"])
def test_a_file_whose_content_is_lost_holds_no_others_up(home: Path, patient: Gateway, damage: str) -> None:
    put(home, "a.edi", 1, "A")
    put(home, "b.edi", 2, "B")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.services.deliver.deliver", lambda *args, **options: None)
        patient.run_once()
    lost = rows(home, "SELECT payload FROM messages WHERE name = '997_1.edi'")[0]
    path = home / "data/payloads" / lost[:2] / f"{lost[2:]}.gz"
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:-9])
    done = patient.run_once()
    assert names(home, "acme-retail/outbox") == ["997_2.edi"]
    assert len(names(home, "erp/outbox")) == 2
    assert done.unfinished == 1
    assert any("acme-retail" in words for words in done.trouble)


def test_of_what_was_given_up_only_what_did_not_arrive_comes_again(
    home: Path, patient: Gateway, clock: FakeClock
) -> None:
    bad = order(2, "BAD", [LINE], requested="20260231")
    drop(home / "folders/acme-retail/inbox", "a.edi", interchange(1, [order(1, "A", [LINE]), bad]))
    quarantine = home / "folders/acme-retail/quarantine"
    quarantine.rename(home / "away")
    for _ in range(5):
        patient.run_once()
        clock.goes_on(hours=7)
    (failed,) = rows(home, "SELECT id FROM messages WHERE delivery = 'failed'")
    (home / "away").rename(quarantine)
    operate.resend(patient.services, failed, "the share is back")
    assert patient.run_once().unfinished == 0
    assert names(home, "acme-retail/quarantine") == ["a.edi", "a.edi.problem.json", "a.edi.problem.txt"]
    assert len(names(home, "erp/outbox")) == 1, "the order arrived the first time"
    operate.resend(patient.services, failed, "the order was lost after all")
    patient.run_once()
    assert len(names(home, "erp/outbox")) == 2
    assert len(names(home, "acme-retail/quarantine")) == 3


def test_an_interrupted_delivery_whose_name_was_taken_meanwhile_gets_another(
    home: Path, clock: FakeClock
) -> None:
    put(home, "a.edi", 1, "A")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Folder, "release", lambda *args: (_ for _ in ()).throw(OSError(5, "Input/output error"))
        )
        assert len(work(home).trouble) == 2
    assert rows(home, "SELECT name FROM deliveries WHERE state = 'sending' ORDER BY name")[0] == "997_1.edi"
    (home / "folders/acme-retail/outbox/997_1.edi").write_text("somebody else's")
    clock.goes_on(seconds=1)
    work(home)
    outbox = home / "folders/acme-retail/outbox"
    assert (outbox / "997_1.edi").read_text() == "somebody else's"
    assert len([path for path in outbox.iterdir() if path.read_bytes().startswith(b"ISA")]) == 1
    assert len(names(home, "erp/outbox")) == 1


def test_a_folder_that_is_away_during_recovery_is_not_taken_for_delivered(
    home: Path, clock: FakeClock
) -> None:
    put(home, "a.edi", 1, "A")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Folder, "release", lambda *args: (_ for _ in ()).throw(OSError(5, "Input/output error"))
        )
        work(home)
    (home / "folders/erp").rename(home / "away")
    for _ in range(3):
        clock.goes_on(minutes=5)
        assert work(home).trouble
    assert not (home / "folders/erp").exists()
    (home / "away").rename(home / "folders/erp")
    clock.goes_on(minutes=5)
    assert work(home).trouble == []
    assert len(names(home, "erp/outbox")) == 1


def test_a_channel_added_later_gets_its_folders(home: Path) -> None:
    (home / "partners/new.yaml").write_text("name: New\nidentifiers: [{qualifier: ZZ, id: NEW}]\n")
    assert work(home) == Pass()
    assert names(home, "new") == [".claimed", "inbox", "outbox", "quarantine"]


# --- interrupted and overtaken deliveries, on both databases ----------------------------------------------


@pytest.fixture(params=["sqlite", "postgres"])
def gateway(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway with an order for the ERP and its 997, neither delivered yet."""
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
    put(home, "a.edi", 1, "A")
    with Gateway(home, load(home)) as made:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.services.deliver.deliver", lambda *args, **options: None)
            made.run_once()
        yield made
        with reading(made.engine) as connection:
            assert list(verify(connection)) == []


def column(gateway: Gateway, wanted: Any, *where: Any) -> list[Any]:
    with reading(gateway.engine) as connection:
        return [row[0] for row in connection.execute(select(wanted).where(*where).order_by(wanted))]


def inbound(gateway: Gateway) -> list[str]:
    return column(gateway, t.messages.c.id, t.messages.c.direction == "in")


def everything(gateway: Gateway) -> dict[str, list[Any]]:
    """What a second translation of a message would double."""
    kept = (
        t.messages.c.id,
        t.documents.c.id,
        t.deliveries.c.wanted,
        t.control_numbers.c.last,
        t.audit.c.hash,
    )
    found = {str(one): column(gateway, one) for one in kept}
    return found | {"status": column(gateway, t.messages.c.translation)}


def other(gateway: Gateway, **changes: Any) -> Services:
    """The services of another process on the same home."""
    seal = Seal.of(gateway.home / "keys/audit.pem")
    store = Store(gateway.engine, gateway.services.clock, seal)
    return replace(gateway.services, store=store, **changes)


def delivers(services: Services, gateway: Gateway, *, interrupted: bool = False) -> None:
    try:
        deliver(services, inbound(gateway), services.channels, interrupted=interrupted)
    finally:
        services.store.close()


def states(gateway: Gateway) -> list[str]:
    return column(gateway, t.deliveries.c.state)


def told(gateway: Gateway) -> int:
    return len(column(gateway, t.audit.c.seq, t.audit.c.event == "file.delivered"))


def outboxes(gateway: Gateway) -> list[str]:
    """All files in outboxes, hidden ones as well."""
    return [name for channel in ("acme-retail", "erp") for name in names(gateway.home, f"{channel}/outbox")]


def is_delivered(gateway: Gateway) -> None:
    """Each file is there once, nothing else is, and it was told once."""
    first, second = outboxes(gateway)
    assert (first, second[:16]) == ("997_1.edi", "purchase_order_A")
    assert states(gateway) == ["delivered", "delivered"]
    assert told(gateway) == 2
    assert column(gateway, t.messages.c.delivery) == ["delivered", "delivered"]


def killed_at(place: str, gateway: Gateway) -> None:
    """Delivers, and is killed when a step begins."""

    def kill(*args: object, **options: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, kill)
        with pytest.raises(Killed):
            delivers(other(gateway), gateway)


def test_a_delivery_nobody_disturbs(gateway: Gateway) -> None:
    delivers(other(gateway), gateway)
    is_delivered(gateway)
    delivers(other(gateway), gateway, interrupted=True)
    is_delivered(gateway)


@pytest.mark.parametrize(
    "place",
    [
        "gateway.transports.folder.Folder.sync",
        "gateway.store.sql.Store.mark_sending",
    ],
)
def test_what_was_staged_and_not_promised_is_staged_again(gateway: Gateway, place: str) -> None:
    killed_at(place, gateway)
    assert states(gateway) == [PENDING, PENDING]
    assert outboxes(gateway)[0].startswith(".sending-")
    delivers(other(gateway), gateway, interrupted=True)
    is_delivered(gateway)


def test_what_was_promised_and_not_shown_is_shown(gateway: Gateway) -> None:
    killed_at("gateway.transports.folder.Folder.release", gateway)
    assert states(gateway) == [PENDING, SENDING]
    delivers(other(gateway), gateway, interrupted=True)
    is_delivered(gateway)


def test_what_was_shown_and_perhaps_taken_is_not_shown_again(gateway: Gateway) -> None:
    killed_at("gateway.store.sql.Store.mark_delivered", gateway)
    (taken,) = outboxes(gateway)
    channel = "acme-retail" if taken.startswith("997") else "erp"
    path = gateway.home / "folders" / channel / "outbox" / taken
    path.rename(gateway.home / "taken")
    delivers(other(gateway), gateway, interrupted=True)
    assert not path.exists()
    (gateway.home / "taken").rename(path)
    is_delivered(gateway)


def test_part_of_what_was_promised_was_shown(gateway: Gateway) -> None:
    """Two files for one channel; the process dies between them."""
    store = other(gateway).store
    (message_id,) = inbound(gateway)
    with store.transaction():
        first = next(one for one in store.deliveries([message_id], 9) if one.channel == "erp")
        store.add_delivery(
            message_id, message_id, "erp", "outbox", "second.json", document_id=first.document_id
        )
    store.close()
    release = Folder.release
    released: list[str] = []

    def once(self: Folder, box: str, key: str, name: str) -> None:
        if released and not name.startswith("997"):
            raise Killed
        release(self, box, key, name)
        if not name.startswith("997"):
            released.append(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Folder, "release", once)
        with pytest.raises(Killed):
            delivers(other(gateway), gateway)
    (gateway.home / "folders/erp/outbox" / released[0]).unlink()
    delivers(other(gateway), gateway, interrupted=True)
    assert names(gateway.home, "erp/outbox") == ["second.json"]
    assert told(gateway) == 3


def meanwhile(gateway: Gateway, when: Callable[[list[Delivery]], bool]) -> Callable[[], None]:
    """Another process delivers everything, at the first moment that fits; to be called at every guard."""
    done: list[bool] = []

    def step() -> None:
        store = other(gateway).store
        begun = [one for one in store.deliveries(inbound(gateway), 9) if one.state == SENDING]
        store.close()
        if not done and when(begun):
            done.append(True)
            delivers(other(gateway), gateway, interrupted=True)
            is_delivered(gateway)

    return step


def test_who_was_overtaken_after_the_promise_changes_nothing(gateway: Gateway) -> None:
    guard = meanwhile(gateway, bool)
    delivers(other(gateway, guard=guard), gateway)
    is_delivered(gateway)


def test_who_was_overtaken_after_staging_takes_its_own_back(gateway: Gateway) -> None:
    sync = Folder.sync
    step = meanwhile(gateway, lambda begun: not begun)
    asked: list[bool] = []

    def syncing(self: Folder, boxes: list[str]) -> None:
        sync(self, boxes)
        if not asked:
            asked.append(True)
            step()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Folder, "sync", syncing)
        delivers(other(gateway), gateway)
    is_delivered(gateway)


def test_who_was_overtaken_and_is_told_so_shows_nothing(gateway: Gateway) -> None:
    def guard() -> None:
        raise LeaseLostError("lost")

    with pytest.raises(LeaseLostError):
        delivers(other(gateway, guard=guard), gateway)
    assert [name for name in outboxes(gateway) if not name.startswith(".")] == []
    delivers(other(gateway), gateway, interrupted=True)
    is_delivered(gateway)


def test_a_name_that_another_process_took_meanwhile_is_not_given_twice(gateway: Gateway) -> None:
    store = other(gateway).store
    (message_id,) = inbound(gateway)
    with store.transaction():
        wanted = next(one for one in store.deliveries([message_id], 9) if one.channel == "erp")
        store.add_delivery("else", "else", "erp", "outbox", wanted.wanted, document_id=wanted.document_id)
        (rival,) = store.deliveries_of("else")
    exists = Folder.exists
    asked: list[bool] = []

    def looking(self: Folder, box: str, name: str) -> bool:
        if name == rival.wanted and not asked:
            asked.append(True)
            with store.transaction():
                store.mark_sending([(rival, name)], "theirs")
        return exists(self, box, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Folder, "exists", looking)
        delivers(other(gateway), gateway)
    store.close()
    given = column(gateway, t.deliveries.c.name, t.deliveries.c.channel == "erp")
    assert len(set(given)) == 2
    assert names(gateway.home, "erp/outbox") == [name for name in given if name != rival.wanted]


# --- words -----------------------------------------------------------------------------------------------


def test_reports_are_bounded_and_say_how_much_is_left_out() -> None:
    findings = Findings("rejected")
    findings.add(*[problem("HOME-UNREADABLE") for _ in range(MAX_PROBLEMS + 7)])
    assert (len(findings.problems), findings.count) == (MAX_PROBLEMS, MAX_PROBLEMS + 7)
    assert findings.errors == findings.count


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_problem_says_what_it_means_and_what_to_do(code: str) -> None:
    kind = CATALOGUE[code]
    assert all((kind.message, kind.hint, kind.explanation))
    assert kind.message[-1] in ".}"


def test_whatever_a_partner_answers_has_a_status() -> None:
    assert {Acknowledgment(one.value) for one in Answer} <= set(
        TRANSITIONS[Acknowledgment][Acknowledgment.WAITING]
    )


def test_every_end_of_a_translation_has_words() -> None:
    ends = set(TRANSITIONS[Translation][Translation.RECEIVED])
    assert set(REASONS) == ends - {Translation.CANCELLED} | {REFUSED}


@pytest.mark.parametrize(("control", "kept"), [("000000012", "12"), ("12", "12"), ("0", "0"), (" 7 ", "7")])
def test_control_numbers_are_compared_as_numbers(control: str, kept: str) -> None:
    assert number(control) == kept


def test_pages_are_asked_for_ahead_a_few_at_a_time_and_come_in_their_order() -> None:
    asked, most = list[int](), 1 + sp_api._PAGES_AHEAD

    def pages() -> Iterator[Any]:
        for page in range(20):
            asked.append(page)
            yield page
        raise SpApiError("SPAPI-PAGE", what="an error")

    coming: Any = sp_api._ahead(pages())
    for expected in range(20):
        assert next(coming) == expected
        assert len(asked) - expected <= most
    with pytest.raises(SpApiError):
        next(coming)
    asked.clear()
    coming = sp_api._ahead(pages())
    assert next(coming) == 0
    coming.close()  # whoever keeps them failed: nothing more is asked for in vain
    assert len(asked) <= most
