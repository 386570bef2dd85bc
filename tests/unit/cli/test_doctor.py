"""``edigw doctor`` and readiness: what is broken is told with what to do, and looking makes nothing anew."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.services import doctor
from gateway.settings import load
from gateway.store.audit import made_key
from gateway.store.tables import workers
from tests.homes import PARTNER, change, put_order, set_in, work
from tests.ports import free_port

Told = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    put_order(home, 1, "PO1")
    work(home)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def asked(home: Path, capsys: pytest.CaptureFixture[str], code: int) -> Told:
    """What is not in order, by the names of checks."""
    capsys.readouterr()
    assert main(["doctor", "--json", "--config", str(home)]) == code
    rows = json.loads(capsys.readouterr().out)
    assert {one["state"] for one in rows} <= {"ok", "warn", "fail"}
    bad: Told = {}
    for one in rows:
        assert bool(one["fix"]) == (one["state"] != "ok"), one
        if one["state"] != "ok":
            bad.setdefault(one["name"], []).append(one)
    return bad


def test_all_is_well(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(home, capsys, 0) == {}


def test_a_home_that_is_new_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_home(tmp_path / "new")
    assert asked(tmp_path / "new", capsys, 0) == {}
    assert not [
        *(tmp_path / "new/data").iterdir(),
        *(tmp_path / "new/keys").iterdir(),
    ]  # looking makes nothing
    (one,) = asked(tmp_path / "none", capsys, 3)["settings"]
    assert "edigw init" in one["words"]


def test_every_mistake_of_the_settings_is_told_and_the_rest_is_looked_at(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_in(home, f"partners/{PARTNER}.yaml", "receive:", "recieve:")
    set_in(home, "gateway.yaml", "company:", "kompany:")
    shutil.rmtree(home / "data")
    bad = asked(home, capsys, 3)
    told = " ".join(one["words"] for one in bad["settings"])
    assert "recieve" in told
    assert "kompany" in told
    assert bad["places"][0]["words"] == "data is not there."


def test_a_database_that_is_away(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDIGW_DATABASE_URL", f"postgresql://edigw:geheim@127.0.0.1:{free_port()}/edigw")
    (one,) = asked(home, capsys, 1)["database"]
    assert "cannot be used now" in one["words"]
    assert "storage.database" in one["fix"]
    assert "geheim" not in str(one)
    monkeypatch.setenv("EDIGW_DATABASE_URL", "mysql://somewhere")
    assert "mysql" in asked(home, capsys, 1)["database"][0]["words"]


def test_a_database_that_is_gone_is_not_made_anew(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "data/gateway.db").unlink()
    (one,) = asked(home, capsys, 1)["database"]
    assert "at work before" in one["words"]
    assert not (home / "data/gateway.db").exists()


def test_a_key_that_is_missing_is_not_made_anew(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = home / "keys/audit.pem"
    key.unlink()
    assert "is missing" in asked(home, capsys, 1)["keys"][0]["words"]
    assert not key.exists()
    made_key(key)
    assert "another than it is signed with" in asked(home, capsys, 1)["keys"][0]["words"]
    key.write_text("no key")
    assert asked(home, capsys, 1)


def test_migrations(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home, "UPDATE alembic_version SET version_num = '0005'")
    (one,) = asked(home, capsys, 1)["migrations"]
    assert one["fix"] == "Run `edigw db upgrade`."
    change(home, "UPDATE alembic_version SET version_num = '9999'")
    (one,) = asked(home, capsys, 1)["migrations"]
    assert "newer version" in one["fix"]


def test_what_fails_and_what_ends(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = "channel, paused_at, paused_by, reason, doing, since, stopped_at, failures, last_ok_at"
    columns += ", last_trouble_at, last_code, last_words, not_before"
    for name, paused, stopped, failures in (("a", "t", "", 0), ("b", "", "t", 9), ("c", "", "", 1)):
        values = (name, paused, "user:eva", "holiday", "", "", stopped, failures, "", "", "", "refused", "")
        marks = ", ".join("?" * len(values))
        change(home, f"INSERT INTO channels ({columns}) VALUES ({marks})", *values)
    soon = f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}"
    with (home / "gateway.yaml").open("a") as file:
        file.write(f"\nexpiries: [{{name: form W-9, ends: {soon}}}]\n")
    change(home, "UPDATE audit SET hash = 'x' WHERE seq = (SELECT max(seq) FROM audit)")
    bad = asked(home, capsys, 1)
    assert [(one["words"].split(":")[0], one["state"]) for one in bad["channels"]] == [
        ("The channel a is paused", "warn"),
        ("The channel b is stopped", "fail"),
        ("The channel c is failing", "warn"),
    ]
    assert "by user:eva: holiday" in bad["channels"][0]["words"]
    assert "form W-9 of us ends" in bad["certificates"][0]["words"]
    assert bad["audit"]


def test_a_storage_that_cannot_be_used(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(home / "data/payloads")
    (home / "data/payloads").write_text("a file is in the way")
    assert "data/payloads" in asked(home, capsys, 1)["gateway"][0]["words"]


def test_certificates_that_end(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "keys/password").write_text("long enough to be one")
    (home / "keys/password").chmod(0o600)
    assert main(["cert", "generate", "--name", "US", "--config", str(home)]) == 0
    assert asked(home, capsys, 0) == {}
    (file,) = (home / "keys/as2/own").glob("*.pem")
    end = datetime.now(UTC) + timedelta(days=5)
    lines = [f"until: {end:%Y-%m-%dT%H:%M:%S+00:00}" if one.startswith("until:") else one
             for one in file.read_text().splitlines()]  # fmt: skip
    file.write_text("\n".join(lines) + "\n")
    (one,) = asked(home, capsys, 1)["certificates"]
    assert f"of us ends {end:%Y-%m-%d}, and none follows" in one["words"]
    (home / "keys/password").write_text("another")
    assert "is it the right password?" in asked(home, capsys, 1)["keys"][0]["words"]


def test_a_schedule_that_was_missed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_in(home, f"partners/{PARTNER}.yaml", "receive:", "poll: {every_seconds: 60}\nreceive:")
    work(home)
    assert asked(home, capsys, 0) == {}
    change(home, "UPDATE schedules SET slot = '2020-01-01T00:00:00.000000+00:00'")
    (one,) = asked(home, capsys, 1)["clock"]
    assert f"The schedule poll:{PARTNER} was last at its time 2020" in one["words"]


def states(site: Gateway) -> dict[str, str]:
    return {one.name: one.state for one in doctor._ready(site.services)}


def test_ready_when_somebody_works(home: Path) -> None:
    with Gateway(home, load(home), works=False) as watching, closing(watching.services.store):
        assert states(watching) == {"database": "ok", "migrations": "ok", "workers": "fail", "storage": "ok"}
        with watching.engine.begin() as connection:  # what a killed process leaves
            connection.execute(workers.insert(), {"id": "dead", "beat": 7})
        assert states(watching)["workers"] == "fail"
        stop = Event()
        with Gateway(home, load(home)) as working:
            worker = Thread(target=working.work, args=(stop,))
            worker.start()
            try:
                while states(watching)["workers"] != "ok" and worker.is_alive():
                    stop.wait(0.05)
                assert set(states(working).values()) == {"ok"}
                assert doctor.summary(doctor.ready(working))["status"] == "ok"
            finally:
                stop.set()
                worker.join()
        assert states(watching)["workers"] == "fail"


def test_not_ready_without_storage(home: Path) -> None:
    with Gateway(home, load(home), works=False) as site, closing(site.services.store):
        shutil.rmtree(home / "data/payloads")
        assert states(site)["storage"] == "fail"
        told = doctor.summary(doctor.ready(site))
        assert told["status"] == "fail"


def test_a_storage_that_hangs_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_TIMEOUT_SECONDS", 0.1)
    with Gateway(home, load(home), works=False) as site, closing(site.services.store):
        go = Event()
        monkeypatch.setattr(site.payloads, "probe", lambda: go.wait(20))
        found = doctor._storage(site.services)
        go.set()
    assert (found.state, "in time" in found.words) == ("fail", True)


def test_alive() -> None:
    assert doctor.summary(doctor.live())["status"] == "ok"
