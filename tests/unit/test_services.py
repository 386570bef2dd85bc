"""What goes wrong between the steps, with an engine that does as it is told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway import engine
from gateway.app import Gateway, Pass
from gateway.cli.commands.demo import drop
from gateway.cli.commands.home import make_home
from gateway.errors import InternalError, TransportError
from gateway.services import lifecycle
from gateway.services.acknowledge import number
from gateway.services.lifecycle import TRANSITIONS, Acknowledgment, Delivery, Status, Translation
from gateway.services.problems import CATALOGUE
from gateway.services.quarantine import MAX_PROBLEMS, REASONS, Findings
from gateway.services.translate import MAX_ATTEMPTS
from gateway.settings import load
from gateway.store.records import SENDING, Message
from gateway.store.sqlite import SqliteStore
from gateway.transports.folder import Folder
from gateway.x12.answer import Answer
from gateway.x12.envelope import Event
from tests.orders import interchange, order
from tests.unit.test_store import NOW, message

LINE = "1|EA|1.00|B0C1KETTL3|EX-KT-17|KETTLE"


@pytest.fixture(autouse=True)
def clumsy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that stumbles over files that hold a word."""
    read = engine.read

    def stumbling(path: Path, **options: Any) -> Iterator[Event]:
        if b"STUMBLE" in path.read_bytes():
            raise RuntimeError("stumbled")
        return read(path, **options)

    monkeypatch.setattr(engine, "read", stumbling)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path)
    settings = (tmp_path / "gateway.yaml").read_text()
    (tmp_path / "gateway.yaml").write_text(settings.replace("stable_seconds: 1 ", "stable_seconds: 0 "))
    return tmp_path


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


def test_an_error_of_ours_stops_one_file_only_and_not_for_ever(home: Path) -> None:
    put(home, "a.edi", 1, "STUMBLE")
    put(home, "b.edi", 2, "GOOD")
    done = work(home)
    assert (done.unfinished, done.documents, done.quarantined) == (1, 1, 0)
    assert rows(home, "SELECT translation FROM messages WHERE name = 'a.edi'") == ["received"]
    for _ in range(MAX_ATTEMPTS):
        assert work(home).unfinished == 1
    assert work(home).quarantined == 1
    report = json.loads((home / "folders/acme-retail/quarantine/a.edi.problem.json").read_bytes())
    assert (report["status"], report["problems"][0]["code"]) == ("failed", "HOME-FAILED")
    assert work(home) == Pass()


def test_a_mended_error_lets_the_file_through(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home, "a.edi", 1, "STUMBLE")
    assert work(home).unfinished == 1
    monkeypatch.undo()
    done = work(home)
    assert (done.received, done.documents, done.quarantined) == (0, 1, 0)


def test_what_passes_by_itself_is_tried_for_ever(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    put(home, "a.edi", 1, "A")
    with monkeypatch.context() as patch:
        patch.setattr("gateway.services.work.BytesIO", full)
        for _ in range(MAX_ATTEMPTS * 2):
            assert work(home).unfinished == 1
    assert work(home).documents == 1


def test_a_database_that_cannot_be_used_now_stops_the_pass(home: Path) -> None:
    put(home, "a.edi", 1, "A")

    def full(*args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteStore, "add_document", full)
        with pytest.raises(TransportError, match="disk is full"):
            work(home)
    assert work(home).documents == 1


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


def test_what_cannot_be_opened_is_put_aside_and_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_interrupted_delivery_whose_name_was_taken_meanwhile_gets_another(home: Path) -> None:
    put(home, "a.edi", 1, "A")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Folder, "release", lambda *args: (_ for _ in ()).throw(OSError(5, "Input/output error"))
        )
        assert len(work(home).trouble) == 2
    with closing(SqliteStore(home / "data/gateway.db", lambda: NOW)) as store:
        (sending,) = store.deliveries("acme-retail", SENDING, 9)
    assert sending.name == "997_1.edi"
    (home / "folders/acme-retail/outbox/997_1.edi").write_text("somebody else's")
    work(home)
    outbox = home / "folders/acme-retail/outbox"
    assert (outbox / "997_1.edi").read_text() == "somebody else's"
    assert len([path for path in outbox.iterdir() if path.read_bytes().startswith(b"ISA")]) == 1
    assert len(names(home, "erp/outbox")) == 1


def test_a_folder_that_is_away_during_recovery_is_not_taken_for_delivered(home: Path) -> None:
    put(home, "a.edi", 1, "A")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Folder, "release", lambda *args: (_ for _ in ()).throw(OSError(5, "Input/output error"))
        )
        work(home)
    (home / "folders/erp").rename(home / "away")
    assert work(home).trouble
    assert work(home).trouble
    assert not (home / "folders/erp").exists()
    (home / "away").rename(home / "folders/erp")
    assert work(home).trouble == []
    assert len(names(home, "erp/outbox")) == 1


def test_a_channel_added_later_gets_its_folders(home: Path) -> None:
    (home / "partners/new.yaml").write_text("name: New\nidentifiers: [{qualifier: ZZ, id: NEW}]\n")
    assert work(home) == Pass()
    assert names(home, "new") == [".claimed", "inbox", "outbox", "quarantine"]


# --- lifecycle -------------------------------------------------------------------------------------------


def test_every_end_of_a_translation_has_words() -> None:
    assert set(REASONS) == set(TRANSITIONS[Translation.RECEIVED])


@pytest.mark.parametrize("status", [*Translation, *Delivery, *Acknowledgment])
def test_statuses_move_only_along_the_table(tmp_path: Path, status: Status) -> None:
    kind = type(status).__name__.lower()
    with closing(SqliteStore(tmp_path / "x.db", lambda: NOW)) as store:
        for target in type(status):
            current: Message = message(f"{status}-{target}", **{kind: status.value})
            with store.transaction():
                store.add_message(current)
                if target in TRANSITIONS.get(status, ()):
                    lifecycle.advance(store, current, target)
                    assert getattr(store.message(current.id), kind) == target
                else:
                    with pytest.raises(InternalError):
                        lifecycle.advance(store, current, target)


# --- words -----------------------------------------------------------------------------------------------


def test_reports_are_bounded_and_say_how_much_is_left_out() -> None:
    from gateway.services.problems import problem

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
    assert {one.value for one in Answer} == {one.value for one in TRANSITIONS[Acknowledgment.WAITING]}


@pytest.mark.parametrize(("control", "kept"), [("000000012", "12"), ("12", "12"), ("0", "0"), (" 7 ", "7")])
def test_control_numbers_are_compared_as_numbers(control: str, kept: str) -> None:
    assert number(control) == kept
