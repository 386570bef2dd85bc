"""Databases of earlier versions: after the upgrade everything is there, and the gateway goes on where it was.

``tests/data/store/0001.sql`` is a home of the first version after some work, dumped; it was stopped while it
delivered one file, with others waiting. ``0001-payloads.json`` has the files below ``data/payloads``.
``0002.sql`` is one of the second, whose outbox was away when it had answered an order.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.errors import ConfigurationError
from gateway.services.claims import claims
from gateway.services.proof import verify_payloads
from gateway.settings import load
from gateway.store import audit
from gateway.store.audit import Seal
from gateway.store.database import REVISION, create, open_engine, prepare, reading, sqlite_url, upgrade
from gateway.store.migrations import files
from gateway.store.payloads import PayloadFiles
from gateway.store.verifier import checkpoint_text

OLD = Path(__file__).resolve().parents[1] / "data" / "store"
BEGUN = "810_ES-1080_6.edi"
"""What the old gateway was delivering when it was stopped; its bytes lie in the outbox, hidden."""


def old_payloads(version: str = "0001") -> dict[str, bytes]:
    found = json.loads((OLD / f"{version}-payloads.json").read_text())
    return {sha256: text.encode("latin-1") for sha256, text in found.items()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home as the old version left it."""
    home = tmp_path / "home"
    make_home(home)
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        database.executescript((OLD / "0001.sql").read_text())
        (payload,) = database.execute("SELECT payload FROM messages WHERE name = ?", (BEGUN,)).fetchone()
    for sha256, content in old_payloads().items():
        path = home / "data/payloads" / sha256[:2] / sha256[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (home / "folders/acme-retail/outbox/.sending-17.tmp").write_bytes(old_payloads()[payload])
    return home


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A home as the second version left it."""
    home = tmp_path / "second"
    make_home(home)
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        database.executescript((OLD / "0002.sql").read_text())
        # Its key is not kept with the tests, so this home's own key signs the end of its audit.
        seal = Seal.of(home / "keys/audit.pem")
        head = database.execute("SELECT seq, hash, at FROM audit_head").fetchone()
        signed = (seal.sign(checkpoint_text(*head)), seal.public_key)
        database.execute("UPDATE audit_head SET signature = ?, public_key = ?", signed)
        database.commit()
    kept = PayloadFiles(home / "data/payloads")
    for content in old_payloads("0002").values():
        kept.put(BytesIO(content))
    kept.flush()
    return home


def rows(home: Path, sql: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        return database.execute(sql, values).fetchall()


def upgraded(home: Path) -> Path:
    assert main(["db", "upgrade", "--config", str(home)]) == 0
    return home


@pytest.mark.parametrize("version", ["home", "second"])
def test_the_upgraded_tables_are_those_of_a_new_database(
    version: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    home: Path = request.getfixturevalue(version)
    engine = open_engine(sqlite_url(tmp_path / "new.db"))
    with engine.begin() as connection:
        create(connection)
        wanted = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master")).all()
    engine.dispose()
    found = rows(upgraded(home), "SELECT type, name, tbl_name, sql FROM sqlite_master")

    def of(schema: Any) -> set[tuple[str, ...]]:
        # A column that was added stands in the line of the one before it.
        return {(*one[:3], " ".join(str(one[3]).split())) for one in schema if one[2] != "alembic_version"}

    assert of(found) == of(wanted)
    assert rows(home, "SELECT version_num FROM alembic_version") == [(REVISION,)]


def test_every_row_is_there(home: Path) -> None:
    columns = "id, direction, channel, name, payload, size, created_at, translation, delivery"
    columns += ', acknowledgment, partner, "group", attempts, origin'
    asked = {
        "messages": f"SELECT seq, {columns} FROM messages ORDER BY seq",
        "documents": "SELECT id, message_id, direction, partner, document_type, number, test, set_control,"
        " sent_in, acknowledgment FROM documents ORDER BY id",
        "numbers": "SELECT * FROM control_numbers ORDER BY 1, 2",
        "deliveries": "SELECT message_id, channel, box, wanted, name, payload, document_id, state, at"
        " FROM deliveries ORDER BY wanted",
    }
    before = {name: rows(home, sql) for name, sql in asked.items()}
    bodies = dict(rows(home, "SELECT id, body FROM documents"))
    log = rows(home, "SELECT at, event, message_id, facts FROM log ORDER BY seq")
    upgraded(home)
    assert {name: rows(home, sql) for name, sql in asked.items()} == before
    with Gateway(home, load(home), works=False) as gateway:
        store = gateway.services.store
        assert store.bodies(list(bodies)) == bodies
        for document_id, body in bodies.items():
            kept = store.document(document_id)
            assert kept.sha256 == hashlib.sha256(body).hexdigest()
            assert kept.created_at == store.message(kept.message_id).created_at
    chained = rows(home, "SELECT at, event, nullif(message_id, ''), facts FROM audit ORDER BY seq")
    assert [(*one[:3], json.loads(one[3])) for one in chained[: len(log)]] == [
        (*one[:3], json.loads(one[3])) for one in log
    ]
    orders = "SELECT document_id FROM document_keys WHERE kind = 'po' AND value = '7KX2M41Q'"
    assert len(rows(home, orders)) == 5  # the order, and the invoices that name it
    found = "SELECT name, interchange FROM messages WHERE name IN ('po-1001.edi', 'scan.pdf') ORDER BY seq"
    assert rows(home, found) == [("po-1001.edi", "1001"), ("scan.pdf", None)]
    assert "old_messages" not in str(rows(home, "SELECT name FROM sqlite_master"))


def test_of_the_second_version_every_row_stays_as_it_is(second: Path) -> None:
    tables = [name for (name,) in rows(second, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables.remove("alembic_version")
    later = {"expectations": "seq, kind, message_id, due_at, state"}
    quoted = {
        name: ", ".join(f'"{one[1]}"' for one in rows(second, f"PRAGMA table_info({name})"))
        for name in tables
    }
    asked = {name: f"SELECT {later.get(name, quoted[name])} FROM {name}" for name in tables}
    before = {name: rows(second, sql) for name, sql in asked.items()}
    assert len(before["deliveries"]) == 3
    assert main(["run-once", "--config", str(second)]) == 3
    upgraded(second)
    assert {name: rows(second, sql) for name, sql in asked.items()} == before
    assert rows(second, "SELECT * FROM exchanges") == []
    assert rows(second, "SELECT DISTINCT direction, way FROM messages") == [("in", ""), ("out", "folder")]
    with Gateway(second, load(second), works=False) as gateway, reading(gateway.engine) as connection:
        assert [*audit.verify(connection), *verify_payloads(connection, gateway.payloads)] == []
    assert main(["run-once", "--config", str(second)]) == 0
    assert (second / "folders/acme-retail/outbox/855_7KX2M41Q_2.edi").exists()
    assert main(["db", "check", "--config", str(second)]) == 0


def test_payloads_are_compressed_and_unchanged(home: Path) -> None:
    upgraded(home)
    kept = PayloadFiles(home / "data/payloads")
    for sha256, content in old_payloads().items():
        with kept.open(sha256) as file:
            assert file.read() == content
    assert {path.suffix for path in (home / "data/payloads").glob("*/*")} == {".gz"}


def test_the_files_can_be_upgraded_again_after_being_stopped(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads, folders = home / "data/payloads", home / "folders"
    monkeypatch.setattr(files, "_BATCH", 2)
    flush, left = PayloadFiles.flush, iter([1, 1])

    def stops(self: PayloadFiles) -> None:
        flush(self)
        if next(left, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(PayloadFiles, "flush", stops)
    with pytest.raises(KeyboardInterrupt):
        files.upgrade(payloads, folders)
    monkeypatch.undo()
    assert files.upgrade(payloads, folders) == len(old_payloads()) - 4
    assert files.upgrade(payloads, folders) == 0
    kept = PayloadFiles(payloads)
    assert all(kept.open(sha256).read() == content for sha256, content in old_payloads().items())


def test_a_payload_that_was_changed_before_is_not_taken_over(home: Path) -> None:
    path = next((home / "data/payloads").glob("*/*"))
    path.write_bytes(path.read_bytes() + b" ")
    assert main(["db", "upgrade", "--config", str(home)]) == 3
    assert path.exists()
    assert rows(home, "PRAGMA user_version") == [(1,)]


def test_the_audit_of_an_upgraded_home_verifies(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = rows(home, "SELECT count(*) FROM log")[0][0]
    upgraded(home)
    engine = open_engine(sqlite_url(home / "data/gateway.db"))
    with reading(engine) as connection:
        assert [*audit.verify(connection)] == []
        found = [entry for entry, _ in audit.entries(connection)]
    engine.dispose()
    assert found[count].event == "store.upgraded"
    sealed = {(one.event, one.message_id, one.document_id) for one in found[count + 1 :]}
    assert len(sealed) == 19 + 7
    assert all(one.document_id for one in found if one.event in ("document.created", "interchange.written"))
    assert main(["audit", "verify", "--config", str(home)]) == 0


def test_the_gateway_goes_on_where_the_old_one_was_stopped(home: Path) -> None:
    assert main(["run-once", "--config", str(home)]) == 3  # the upgrade is never made in passing
    upgraded(home)
    assert main(["run-once", "--config", str(home)]) == 0
    outbox = home / "folders/acme-retail/outbox"
    assert sorted(path.name for path in outbox.iterdir()) == ["810_ES-1080_6.edi", "997_7.edi", "997_8.edi"]
    orders = {path.name.split("_")[2] for path in (home / "folders/erp/outbox").iterdir()}
    assert orders == {"7KX2M44T", "7KX2M45U"}
    assert rows(home, "SELECT id FROM messages WHERE translation = 'received' OR delivery = 'waiting'") == []
    assert main(["db", "check", "--config", str(home)]) == 0


def test_what_came_or_was_sent_before_the_upgrade_is_still_known(home: Path) -> None:
    upgraded(home)
    settings = home / "gateway.yaml"
    settings.write_text(settings.read_text().replace("stable_seconds: 1 ", "stable_seconds: 0 "))
    main(["run-once", "--config", str(home)])
    payloads = dict(rows(home, "SELECT name, payload FROM messages"))
    files_in = {name: old_payloads()[payloads[name]] for name in ("po-1001.edi", "inv1.json", "inv2.json")}
    invoice = orjson.loads(files_in["inv1.json"])
    retail, erp = home / "folders/acme-retail/inbox", home / "folders/erp/inbox"
    (retail / "same.edi").write_bytes(files_in["po-1001.edi"])
    (retail / "same-interchange.edi").write_bytes(files_in["po-1001.edi"].replace(b"120*EA", b"121*EA"))
    (erp / "same.json").write_bytes(files_in["inv1.json"])
    del invoice["document_id"]
    (erp / "same-number.json").write_bytes(orjson.dumps({**invoice, "invoice_date": "2026-03-13"}))
    (erp / "refused-same.json").write_bytes(files_in["inv2.json"])
    refused = orjson.loads(files_in["inv2.json"])
    (erp / "corrected.json").write_bytes(orjson.dumps({**refused, "invoice_date": "2026-03-14"}))
    assert main(["run-once", "--config", str(home)]) == 1
    found = dict(rows(home, "SELECT name, translation FROM messages ORDER BY seq DESC LIMIT 7"))
    assert found.pop("corrected.json") == "translated"
    assert {one: status for one, status in found.items() if one[0] in "sr"} == dict.fromkeys(
        ("same.edi", "same-interchange.edi", "same.json", "same-number.json", "refused-same.json"),
        "duplicate",
    )


def test_keys_are_those_the_services_make(home: Path) -> None:
    upgraded(home)
    kept = {key for (key,) in rows(home, "SELECT key FROM seen")}
    with Gateway(home, load(home), works=False) as gateway:
        for (document_id,) in rows(home, "SELECT id FROM documents WHERE direction = 'out'"):
            document = gateway.services.store.document(document_id)
            assert document.body is not None
            wanted = claims(document, orjson.loads(document.body))
            refused = document.acknowledgment == "rejected"
            assert [key in kept for key in wanted] == [True, not refused]


def test_the_backup_before_an_upgrade_is_the_home_as_it_was(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(home, "SELECT * FROM messages"), rows(home, "SELECT * FROM log")
    upgraded(home)
    (backup,) = (home / "data").glob("before-upgrade-*.tar")
    assert f"The backup is in {backup}." in capsys.readouterr().out
    new = tmp_path / "new"
    # This version would not know what to hold in it.
    assert main(["db", "restore", str(backup), "--to", str(new)]) == 6
    assert "restore it by the version that made it" in capsys.readouterr().err
    assert not new.exists()
    with tarfile.open(backup) as tar:
        tar.extractall(new, filter="data")
    assert (rows(new, "SELECT * FROM messages"), rows(new, "SELECT * FROM log")) == before
    shutil.copytree(home / "keys", new / "keys", dirs_exist_ok=True)
    assert main(["audit", "verify", "--config", str(upgraded(new))]) == 0


def test_upgrading_twice_is_harmless(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upgraded(home)
    before = rows(home, "SELECT * FROM audit")
    capsys.readouterr()
    upgraded(home)
    assert "nothing to do" in capsys.readouterr().out
    assert rows(home, "SELECT * FROM audit") == before


def test_a_migration_that_fails_changes_nothing(home: Path) -> None:
    before = rows(home, "SELECT * FROM messages")
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        database.execute("UPDATE documents SET body = CAST('{' AS BLOB)")
        database.commit()
    engine = open_engine(sqlite_url(home / "data/gateway.db"))
    with pytest.raises(ValueError, match="end of data"):
        upgrade(engine, Seal.of(home / "keys/audit.pem"))
    engine.dispose()
    assert rows(home, "SELECT * FROM messages") == before
    assert rows(home, "PRAGMA user_version") == [(1,)]


def test_a_newer_database_is_refused(home: Path) -> None:
    upgraded(home)
    with closing(sqlite3.connect(home / "data/gateway.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    assert main(["db", "upgrade", "--config", str(home)]) == 3
    assert main(["run-once", "--config", str(home)]) == 3
    engine = open_engine(sqlite_url(home / "data/gateway.db"))
    with pytest.raises(ConfigurationError, match="newer version"):
        upgrade(engine, Seal.of(home / "keys/audit.pem"))
    engine.dispose()


def test_an_empty_database_gets_todays_tables(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "new.db"))
    seal = Seal.of(tmp_path / "keys/audit.pem")
    assert upgrade(engine, seal) == [REVISION]
    assert upgrade(engine, seal) == []
    engine.dispose()


def test_a_database_on_postgresql_is_of_todays_revision(postgres_url: str, tmp_path: Path) -> None:
    engine = open_engine(postgres_url)
    seal = Seal.of(tmp_path / "keys/audit.pem")
    assert upgrade(engine, seal) == [REVISION]
    assert upgrade(engine, seal) == []
    wanted = _schema(engine)
    with engine.begin() as connection:  # the second version
        connection.execute(text("INSERT INTO seen VALUES ('content:acme', 'm1')"))
        dropped = "exchanges, items, locations, channels, alerts, notices, schedules"
        dropped += ", remittances, remittance_parts, accounts, ssccs"
        dropped += ", users, sessions, refusals, api_keys, answers, saved_views"
        connection.execute(text(f"DROP TABLE {dropped}"))
        for column in ("document_id", "answer", "next_at", "about"):
            connection.execute(text(f"ALTER TABLE expectations DROP COLUMN {column}"))
        connection.execute(text("DROP INDEX deliveries_waits"))
        connection.execute(text("DROP INDEX deliveries_payload"))
        connection.execute(text("DROP INDEX messages_overdue"))
        connection.execute(text("ALTER TABLE messages DROP COLUMN way"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    with pytest.raises(ConfigurationError, match="earlier version"):
        prepare(engine)
    assert upgrade(engine, seal) == [f"{number:04}" for number in range(3, int(REVISION) + 1)]
    assert _schema(engine) == wanted
    with reading(engine) as connection:
        assert connection.execute(text("SELECT * FROM seen")).all() == [("content:acme", "m1")]
    engine.dispose()


def _schema(engine: Engine) -> set[tuple[Any, ...]]:
    """Columns and indexes of a database on PostgreSQL."""
    columns = "SELECT table_name, column_name, data_type, is_nullable, column_default"
    asked = f"{columns} FROM information_schema.columns WHERE table_schema = 'public'"
    with reading(engine) as connection:
        indexes = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        return {tuple(one) for sql in (asked, indexes) for one in connection.execute(text(sql))}


@pytest.mark.parametrize("url", ["sqlite", "postgres_url"])
def test_items_of_the_fourth_version_get_a_cost(
    url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    at = sqlite_url(tmp_path / "old.db") if url == "sqlite" else request.getfixturevalue(url)
    engine, seal = open_engine(at), Seal.of(tmp_path / "keys/audit.pem")
    upgrade(engine, seal)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE items DROP COLUMN cost"))
        columns = (
            "partner",
            "vendor_sku",
            "asin",
            "gtin",
            "case_gtin",
            "unit",
            "pack",
            "partner_unit",
            "since",
        )
        names = ", ".join((*columns, "until", "description", "updated_at", "actor"))
        values = ", ".join(["''"] * (len(columns) + 4))
        connection.execute(text(f"INSERT INTO items (erp_sku, {names}) VALUES ('100-1', {values})"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    assert upgrade(engine, seal) == [f"{number:04}" for number in range(5, int(REVISION) + 1)]
    with reading(engine) as connection:
        assert connection.execute(text("SELECT erp_sku, cost FROM items")).all() == [("100-1", "")]
    engine.dispose()
