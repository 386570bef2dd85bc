"""``edigw audit``: what somebody changed is found, and what happened is told."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from datetime import datetime
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.cli.commands.audit import verified
from gateway.cli.main import main
from gateway.services import proof
from gateway.settings import load
from gateway.store import audit, records
from gateway.store import tables as t
from gateway.store.audit import Seal
from gateway.store.database import reading
from tests.homes import ORDER, PARTNER, change, demo_home, expire, put_order, rows, work

COLUMNS = ("seq", "at", "event", "message_id", "document_id", "partner", "actor", "facts", "hash")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_home(tmp_path_factory.mktemp("made") / "home")


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def edigw(home: Path, *words: str) -> int:
    return main(["audit", *words, "--config", str(home)])


def problems(home: Path, *options: str) -> list[str]:
    """What `audit verify` finds; the exit code says whether it is anything."""
    found: list[str] = verified(home, "--no-payloads" not in options, [])["problems"]
    assert edigw(home, "verify", *options) == bool(found)
    return found


def last(home: Path) -> int:
    return int(rows(home, "SELECT max(seq) FROM audit")[0][0])


# --- what is changed is found ----------------------------------------------------------------------------


def test_nothing_is_found_where_nothing_was_changed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(home) == []
    assert f"{last(home)} entries from " in capsys.readouterr().out
    assert edigw(home, "verify", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["entries"] == last(home) == told["newest"]["seq"]
    assert (told["problems"], told["payloads"]) == ([], True)
    key = Seal.of(home / "keys/audit.pem").public_key
    assert told["fingerprint"].replace(" ", "") == hashlib.sha256(bytes.fromhex(key)).hexdigest()


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_field_of_an_entry_is_found(home: Path, column: str, place: str) -> None:
    seq = {"first": 1, "middle": last(home) // 2, "last": last(home)}[place]
    ((before,),) = rows(home, f"SELECT {column} FROM audit WHERE seq = ?", seq)
    after = before + 100_000 if column == "seq" else f"{before[:-1]}{'0' if before[-1:] != '0' else '1'}"
    change(home, f"UPDATE audit SET {column} = ? WHERE seq = ?", after, seq)
    assert any("Entry" in one for one in problems(home, "--no-payloads"))


def test_an_added_or_swapped_entry_is_found(home: Path) -> None:
    first = rows(home, "SELECT * FROM audit WHERE seq = 5")[0]
    other = rows(home, "SELECT * FROM audit WHERE seq = 6")[0]
    change(home, "DELETE FROM audit WHERE seq IN (5, 6)")
    marks = ", ".join("?" * len(first))
    change(home, f"INSERT INTO audit VALUES ({marks})", 5, *other[1:])
    change(home, f"INSERT INTO audit VALUES ({marks})", 6, *first[1:])
    assert problems(home, "--no-payloads")
    change(home, f"INSERT INTO audit VALUES ({marks})", last(home) + 1, *first[1:])
    assert any("were added by somebody else" in one for one in problems(home, "--no-payloads"))


@pytest.mark.parametrize("number", [1, 2, 3, 10, 30])
def test_removed_last_entries_are_found(home: Path, number: int) -> None:
    left = last(home) - number
    change(home, "DELETE FROM audit WHERE seq > ?", left)
    assert any("its end was cut off" in one for one in problems(home, "--no-payloads"))
    # The head is set back too; somebody without the key can only keep its signature, which is of another.
    ((digest, at),) = rows(home, "SELECT hash, at FROM audit WHERE seq = ?", left)
    change(home, "UPDATE audit_head SET seq = ?, hash = ?, at = ?", left, digest, at)
    assert any("no right signature" in one for one in problems(home, "--no-payloads"))


def test_removed_last_entries_are_found_under_an_older_true_head(home: Path) -> None:
    head = rows(home, "SELECT seq, hash, at, signature FROM audit_head")[0]
    put_order(home, 1009, "7KX2M99Z")
    work(home)
    assert edigw(home, "checkpoint") == 0
    change(home, "DELETE FROM audit WHERE seq > ?", head[0])
    change(home, "UPDATE audit_head SET seq = ?, hash = ?, at = ?, signature = ?", *head)
    assert any("its end was cut off" in one for one in problems(home, "--no-payloads"))
    change(home, "DELETE FROM checkpoints WHERE seq > ?", head[0])
    assert any("its end was cut off" in one for one in problems(home, "--no-payloads"))  # by the file
    (home / "data/checkpoints.jsonl").unlink()
    assert problems(home, "--no-payloads") == []
    assert any("7KX2M99Z" in one and "No entry of the audit tells" in one for one in problems(home))


def test_an_older_copy_of_everything_is_found_by_a_checkpoint_kept_elsewhere(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = shutil.copytree(home, tmp_path / "older")
    put_order(home, 1009, "7KX2M99Z")
    work(home)
    capsys.readouterr()
    assert edigw(home, "checkpoint") == 0
    kept = tmp_path / "kept"
    kept.write_text(capsys.readouterr().out)
    assert edigw(home, "verify", "--checkpoint", str(kept)) == 0
    assert edigw(older, "verify") == 0
    assert edigw(older, "verify", "--checkpoint", str(kept)) == 1
    assert "its end was cut off" in capsys.readouterr().out


def test_an_audit_written_anew_with_another_key_is_found(home: Path) -> None:
    engine_key = Seal.of(home / "data/other.pem")
    with Gateway(home, load(home), works=False) as gateway, gateway.engine.begin() as connection:
        found = [entry for entry, _ in audit.entries(connection)]
        connection.execute(t.audit.delete())
        connection.execute(t.checkpoints.delete())
        connection.execute(
            t.audit_head.update().values(**{k: v for k, v in t.EMPTY_HEAD.items() if k != "one"})
        )
        forged = [
            records.Entry(
                datetime.fromisoformat(one.at), one.event, one.message_id or None,
                json.loads(one.facts), document_id=one.document_id or None, partner="forged", actor=one.actor,
            )
            for one in found
        ]  # fmt: skip
        engine_key.add(connection, forged)
    assert [one for one in problems(home, "--no-payloads") if "another key" in one]


def test_a_lost_head_is_found(home: Path) -> None:
    change(home, "DELETE FROM audit_head")
    assert any("head of the audit is gone" in one for one in problems(home, "--no-payloads"))


def test_a_meddled_file_of_checkpoints_is_found(home: Path) -> None:
    edigw(home, "checkpoint")
    file = home / "data/checkpoints.jsonl"
    file.write_text(file.read_text() + "{}\n")
    assert any("no right signature" in one for one in problems(home, "--no-payloads"))


def test_a_changed_byte_of_any_payload_is_found(home: Path) -> None:
    found = sorted((home / "data/payloads").glob("*/*.gz"))
    assert len(found) > 10
    with Gateway(home, load(home), works=False) as gateway, reading(gateway.engine) as connection:
        assert [*proof.verify_payloads(connection, gateway.payloads)] == []
        for path in found:
            whole = path.read_bytes()
            for place in (0, 2, 10, 11, len(whole) // 2, len(whole) - 8, len(whole) - 1):
                path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
                told = [*proof.verify_payloads(connection, gateway.payloads)]
                assert any(f"{path.parent.name}{path.stem}" in one for one in told), (path, place)
            path.write_bytes(whole)
    assert problems(home) == []


def test_a_byte_of_a_payload_changes_what_is_read_or_is_found(home: Path) -> None:
    """Some bytes of gzip say nothing, such as the time in its header."""
    path = min((home / "data/payloads").glob("*/*.gz"), key=lambda one: one.stat().st_size)
    sha256, whole = f"{path.parent.name}{path.stem}", path.read_bytes()
    with Gateway(home, load(home), works=False) as gateway:
        with gateway.payloads.open(sha256) as file:
            plain = file.read()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            if not [*proof._payload(gateway.payloads, sha256, None, "it")]:
                with gateway.payloads.open(sha256) as file:
                    assert file.read() == plain


def test_missing_and_truncated_payloads_are_found(home: Path) -> None:
    one, other, *_ = sorted((home / "data/payloads").glob("*/*.gz"))
    one.unlink()
    other.write_bytes(other.read_bytes()[:-20])
    told = problems(home)
    assert any(one.stem in words and "is gone" in words for words in told)
    assert any(other.stem in words and "cannot be read" in words for words in told)
    assert problems(home, "--no-payloads") == []


def body_changed(home: Path, document: str, sha_too: bool) -> None:
    ((body,),) = rows(home, "SELECT body FROM documents WHERE id = ?", document)
    plain = zlib.decompress(body).replace(b"7KX2M", b"7KX2N")
    change(home, "UPDATE documents SET body = ? WHERE id = ?", zlib.compress(plain), document)
    if sha_too:
        digest = hashlib.sha256(plain).hexdigest()
        change(home, "UPDATE documents SET sha256 = ? WHERE id = ?", digest, document)


@pytest.mark.parametrize("sha_too", [False, True])
def test_a_changed_body_of_any_document_is_found(home: Path, sha_too: bool) -> None:
    for (document,) in rows(
        home, "SELECT id FROM documents WHERE document_type IN ('purchase_order', 'invoice')"
    ):
        body_changed(home, document, sha_too)
        assert any(document in one for one in problems(home))


MEDDLING: dict[str, tuple[str, ...]] = {
    "UPDATE documents SET body = x'00' WHERE seq = 1": ("cannot be read",),
    "UPDATE documents SET body = NULL WHERE seq = 1": ("no message it belongs to was erased",),
    "DELETE FROM documents WHERE seq = 1": ("which is not in the store",),
    "DELETE FROM messages WHERE name = 'orders-1001.edi'": (
        "which is not in the store",
        "is not in the store",
    ),
    "UPDATE messages SET payload = (SELECT payload FROM messages WHERE name = 'scan-0007.pdf')"
    " WHERE name = 'orders-1001.edi'": ("which is not what is stored", "No entry of the audit tells"),
    "UPDATE messages SET payload = NULL WHERE name = 'orders-1001.edi'": ("which is not what is stored",),
    "UPDATE messages SET size = size + 1 WHERE name = 'orders-1001.edi'": ("bytes long, not",),
    "UPDATE messages SET erased_at = '2026' WHERE name = 'orders-1001.edi'": (
        "no entry of the audit tells of it",
    ),
    "INSERT INTO messages (id, direction, channel, name, size, created_at, translation, delivery,"
    " acknowledgment, hold) VALUES ('x', 'in', 'erp', 'x', 0, '2026', 'duplicate', '', '', '')": (
        "No entry of the audit tells",
    ),
}


@pytest.mark.parametrize("sql", MEDDLING)
def test_rows_that_do_not_fit_the_audit_are_found(home: Path, sql: str) -> None:
    change(home, sql)
    told = problems(home)
    for words in MEDDLING[sql]:
        assert any(words in one for one in told), told


# --- history ---------------------------------------------------------------------------------------------


def test_history_in_words(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*options: str) -> list[str]:
        assert edigw(home, "show", *options) == 0
        return capsys.readouterr().out.splitlines()

    everything = shown()
    assert len(everything) == last(home)
    assert "?" not in "".join(everything)
    ((order, document),) = rows(
        home, "SELECT message_id, id FROM documents WHERE number = ? AND direction = 'in'", ORDER
    )
    of_order = shown("--message", order)
    assert "Received through acme-retail: orders-1001.edi" in of_order[0]
    assert any(f"purchase order {ORDER}" in one for one in shown("--document", document))
    assert len(shown("--event", "file.quarantined")) == 2
    answered = shown("--event", "acknowledgment.received", "--partner", PARTNER)
    assert len(answered) == 3
    assert "accepted. The partner accepts functional group" in answered[0]
    assert shown("--since", "2100-01-01") == []
    assert len(shown("--until", "2100-01-01")) == len(everything)
    assert edigw(home, "show", "--json", "--message", order) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[0]["facts"]["file"] == "orders-1001.edi"
    assert told[0]["event"] == "file.received"


def test_a_wrong_date_is_wrong_usage(home: Path) -> None:
    assert edigw(home, "show", "--since", "yesterday") == 2


# --- checkpoints, holds, retention -----------------------------------------------------------------------


def test_an_empty_audit_has_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "home")])
    assert edigw(tmp_path / "home", "verify") == 0
    assert "no entries yet" in capsys.readouterr().out
    assert edigw(tmp_path / "home", "checkpoint") == 6


def test_verify_needs_and_makes_no_key(home: Path) -> None:
    (home / "keys/audit.pem").unlink()
    assert edigw(home, "verify") == 0
    assert not (home / "keys/audit.pem").exists()


def erased(home: Path) -> set[str]:
    return {name for (name,) in rows(home, "SELECT name FROM messages WHERE erased_at IS NOT NULL")}


def test_retention_deletes_bytes_and_the_audit_still_verifies(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expire(home)
    count = rows(home, "SELECT count(*) FROM messages")[0][0]
    capsys.readouterr()
    assert edigw(home, "retain", "--dry-run") == 0
    assert f"{count} messages would be deleted." in capsys.readouterr().out
    assert erased(home) == set()
    assert edigw(home, "retain") == 0
    assert len(erased(home)) > 10
    ((payload,),) = rows(home, "SELECT payload FROM messages WHERE name = 'orders-1001.edi'")
    assert not (home / "data/payloads" / payload[:2] / f"{payload[2:]}.gz").exists()
    assert rows(home, "SELECT count(*) FROM documents WHERE body IS NOT NULL") == [(0,)]
    assert problems(home) == []
    assert rows(home, "SELECT count(*) FROM audit WHERE event = 'message.erased'") == [(count,)]
    assert edigw(home, "retain") == 0
    assert "0 messages were deleted." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("all", "", 100),
        ("number", ORDER, 5),
        ("partner", PARTNER, 10),
        ("message", "orders-1003.edi", 1),
        ("number", "NONE", 0),
    ],
)
def test_a_legal_hold_keeps_what_it_covers(home: Path, kind: str, value: str, kept: int) -> None:
    expire(home)
    everything = {name for (name,) in rows(home, "SELECT name FROM messages")}
    if kind == "message":
        ((value,),) = rows(home, "SELECT id FROM messages WHERE name = ?", value)
    assert edigw(home, "legal-hold", "add", kind, *([value] if value else []), "--reason", "dispute") == 0
    assert edigw(home, "retain") == 0
    left = everything - erased(home)
    assert len(left) >= min(kept, len(everything))
    assert (kind, value) == ("number", "NONE") or left
    if (kind, value) == ("number", ORDER):
        assert {"orders-1001.edi", f"invoice-{ORDER}.json", "remittance.edi"} <= left
        assert "orders-1003.edi" not in left
    assert problems(home) == []
    assert edigw(home, "legal-hold", "release", "1", "--reason", "settled") == 0
    assert edigw(home, "legal-hold", "release", "1", "--reason", "settled") == 4
    assert edigw(home, "retain") == 0
    assert erased(home) == everything
    assert problems(home) == []


def test_holds_are_listed_and_audited(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edigw(home, "legal-hold", "list") == 0
    assert edigw(home, "legal-hold", "add", "number", ORDER, "--reason", "Case 4711") == 0
    assert edigw(home, "legal-hold", "add", "number", "--reason", "x") == 2
    assert edigw(home, "legal-hold", "add", "all", "x", "--reason", "x") == 2
    assert edigw(home, "legal-hold", "add", "message", "x", "--reason", "x") == 4
    capsys.readouterr()
    assert edigw(home, "legal-hold", "list", "--json") == 0
    (hold,) = json.loads(capsys.readouterr().out)
    assert (hold["kind"], hold["value"], hold["reason"]) == ("number", ORDER, "Case 4711")
    ((facts, actor),) = rows(home, "SELECT facts, actor FROM audit WHERE event = 'hold.added'")
    assert json.loads(facts)["reason"] == "Case 4711"
    assert actor == hold["actor"] != "gateway"


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres_url)
    return demo_home(tmp_path / "home")


def test_the_same_on_postgresql(on_postgres: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = on_postgres
    assert edigw(home, "verify") == 0
    assert edigw(home, "show", "--partner", PARTNER) == 0
    assert edigw(home, "legal-hold", "add", "number", ORDER, "--reason", "dispute") == 0
    expire(home)
    assert edigw(home, "retain") == 0
    assert edigw(home, "verify") == 0
    with Gateway(home, load(home), works=False) as gateway, gateway.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    capsys.readouterr()
    assert edigw(home, "verify") == 1
    assert "Entry 3 was changed" in capsys.readouterr().out


@pytest.mark.parametrize("seq", [0, -5])
def test_an_entry_slipped_in_before_the_first_is_found(home: Path, seq: int) -> None:
    change(
        home, "INSERT INTO audit SELECT ?, at, event, '', '', '', actor, '{}', hash FROM audit LIMIT 1", seq
    )
    assert any("before the first" in one for one in problems(home, "--no-payloads"))


def test_retention_leaves_no_report_and_spares_bytes_that_just_came(home: Path) -> None:
    expire(home)
    ((payload,),) = rows(home, "SELECT payload FROM messages WHERE name = 'orders-1001.edi'")
    kept = home / "data/payloads" / payload[:2] / f"{payload[2:]}.gz"
    os.utime(kept)  # somebody puts the same bytes again
    assert edigw(home, "retain") == 0
    assert [*(home / "data/payloads").rglob("*.gz")] == [kept]
