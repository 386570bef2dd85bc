"""How channels are: pauses after refusals, one alarm, pauses by hand; real servers and a set clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.cli.main import main
from gateway.settings import load
from gateway.store.audit import verify
from gateway.store.database import open_engine, reading, sqlite_url
from tests import ssh
from tests.as2 import trading
from tests.homes import BEGIN, PARTNER, FakeClock, put_order, rows, set_in, work
from tests.integration.test_sftp import drop_invoice, drop_order, names, settings, sftp_home

pytestmark = pytest.mark.needs_system


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", made)
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh.Sshd]:
    with ssh.sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    for name in ("out", "in"):
        (tmp_path / "there" / name).mkdir(parents=True)
    return tmp_path / "there"


def channel(home: Path, *words: str) -> int:
    return main(["channel", *words, "--config", str(home)])


def listed(home: Path, capsys: pytest.CaptureFixture[str], name: str = PARTNER) -> dict[str, Any]:
    capsys.readouterr()
    channel(home, "list", "--json")
    found = json.loads(capsys.readouterr().out)["channels"]
    wanted: dict[str, Any] = {one["channel"]: one for one in found}[name]
    return wanted


def events(home: Path, event: str) -> list[dict[str, Any]]:
    return [json.loads(facts) for (facts,) in rows(home, "SELECT facts FROM audit WHERE event = ?", event)]


# --- who is refused waits ----------------------------------------------------------------------------------


def test_a_refused_login_is_tried_with_growing_pauses_that_outlive_the_process(
    tmp_path: Path, server: ssh.Sshd, there: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ssh.Proxy(server.port) as proxy:
        home = sftp_home(tmp_path / "home", server, there, user="locked-out", port=proxy.port)
        drop_invoice(home, "I-1")
        tried = []
        for minute in (0, 1, 2, 3, 6, 7, 14, 15, 30, 31, 62, 63, 122, 123, 182, 183):
            before, clock.time = proxy.connections, BEGIN + timedelta(minutes=minute)
            work(home)  # each time the gateway is started anew
            tried += [minute] * (proxy.connections - before)
        # A minute, two, four ... up to an hour; what is sent and what is fetched is one login.
        assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183]
        assert len(events(home, "channel.stopped")) == 1
        assert events(home, "channel.stopped")[0]["code"] == "SFTP-LOGIN"
        said = listed(home, capsys)
        assert (said["state"], said["last_code"], said["deliveries"]) == ("stopped", "SFTP-LOGIN", 1)
        assert said["not_before"] > said["last_trouble_at"]
        settings(home, server.settings(inboxes=[f"{there}/out"], outbox=f"{there}/in", port=proxy.port))
        work(home)
        assert names(there / "in") == [], "it is not tried before its time"
        assert main(["partner", "test", PARTNER, "--config", str(home)]) == 0
        assert (listed(home, capsys)["state"], len(events(home, "channel.recovered"))) == ("working", 1)
        work(home)
        assert [one[:3] for one in names(there / "in")] == ["810"]


def test_a_wrong_host_key_waits_as_well_and_can_be_tried_now(
    tmp_path: Path, server: ssh.Sshd, there: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sftp_home(tmp_path / "home", server, there, host_keys=[])
    drop_order(there / "out", 1, "A-1")
    put_order(home, 7, "A-7")
    assert "SFTP-HOST-KEY-UNKNOWN" in work(home).trouble[0]
    assert work(home).trouble[0].startswith(f"{PARTNER}: it is left alone until 2026-03-02 09:31 UTC: ")
    assert rows(home, "SELECT count(*) FROM messages WHERE direction = 'in'") == [(1,)], "put here by hand"
    settings(home, server.settings(inboxes=[f"{there}/out"], outbox=f"{there}/in"))
    assert work(home).received == 0
    assert channel(home, "run", PARTNER) == 0
    assert work(home).received == 1
    assert listed(home, capsys)["state"] == "working"
    clock.goes_on(hours=-5)  # a clock that was set back delays nothing
    settings(home, server.settings(inboxes=[f"{there}/out"], outbox=f"{there}/in", host_keys=[]))
    assert "SFTP-HOST-KEY-UNKNOWN" in work(home).trouble[0]
    clock.goes_on(hours=-5)
    assert "SFTP-HOST-KEY-UNKNOWN" in work(home).trouble[0]


def test_a_server_that_is_away_is_asked_as_often_as_before_and_told_once(
    tmp_path: Path, there: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ssh.sshd(tmp_path / "sshd") as server:
        home = sftp_home(tmp_path / "home", server, there)
        set_in(home, "gateway.yaml", "stopped_after_minutes: 15 ", "stopped_after_minutes: 3 ")
        work(home)
        assert listed(home, capsys)["state"] == "working"
        server.kill()
        told = []
        for _ in range(10):
            told.append(len(work(home).trouble))
            clock.goes_on(seconds=30)
        assert told == [1] * 10
        (one,) = events(home, "channel.stopped")
        assert "does not take connections" in one["words"]
        server.start()
        work(home)
        assert len(events(home, "channel.recovered")) == 1
        work(home)
        assert len(events(home, "channel.recovered")) == 1
    with reading(open_engine(sqlite_url(home / "data/gateway.db"))) as connection:
        assert list(verify(connection, [])) == []


def test_what_can_be_fetched_does_not_hide_that_nothing_can_be_sent(
    tmp_path: Path, server: ssh.Sshd, there: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sftp_home(tmp_path / "home", server, there, outbox=f"{there}/away")
    drop_order(there / "out", 1, "A-1")
    for _ in range(3):  # it is tried again at once, as a gateway is when it is started
        work(home)
        clock.goes_on(minutes=10)
    said = listed(home, capsys)
    assert (said["state"], said["doing"], said["last_code"]) == ("stopped", "send", "SFTP-FOLDER")
    (there / "away").mkdir()
    work(home)
    assert listed(home, capsys)["state"] == "working"


def test_the_folder_of_a_partner_says_nothing_of_its_server(
    tmp_path: Path, server: ssh.Sshd, there: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ssh.Proxy(server.port) as proxy:
        changes = {"user": "locked-out", "port": proxy.port}
        home = sftp_home(tmp_path / "home", server, there, **changes)
        for _ in range(3):
            work(home)
            clock.goes_on(minutes=16)
        (home / f"folders/{PARTNER}/inbox").rename(home / "away")
        before = proxy.connections
        work(home)
        assert proxy.connections == before + 1
        work(home)
        assert proxy.connections == before + 1, "a folder that fails as well ends no pause"
        (home / "away").rename(home / f"folders/{PARTNER}/inbox")
        work(home)
        assert listed(home, capsys)["last_ok_at"] == ""


def test_success_is_noted_once_a_minute(
    tmp_path: Path, server: ssh.Sshd, there: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    work(home)
    first = listed(home, capsys)["last_ok_at"]
    for number in range(1, 6):
        clock.goes_on(seconds=10)
        drop_order(there / "out", number, f"A-{number}")
        assert work(home).received == 1
    assert listed(home, capsys)["last_ok_at"] == first
    clock.goes_on(seconds=10)
    work(home)
    assert listed(home, capsys)["last_ok_at"] > first


def test_a_folder_that_is_away_makes_its_channel_fail(
    tmp_path: Path, server: ssh.Sshd, there: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    work(home)
    away = home / "folders/erp/outbox"
    away.rename(home / "away")
    drop_order(there / "out", 1, "A-1")
    work(home)
    said = listed(home, capsys, "erp")
    assert (said["state"], said["doing"], said["deliveries"]) == ("failing", "send", 1)
    assert channel(home, "list") == 1
    assert "files for it wait" in capsys.readouterr().out
    (home / "away").rename(away)
    clock.goes_on(seconds=5)
    work(home)
    assert listed(home, capsys, "erp")["state"] == "working"


# --- people ------------------------------------------------------------------------------------------------


def test_at_a_paused_channel_nothing_is_fetched_or_sent_and_nothing_is_lost(
    tmp_path: Path, server: ssh.Sshd, there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    work(home)
    assert channel(home, "pause", PARTNER, "--reason", "they move", "--actor", "ann") == 0
    assert channel(home, "pause", PARTNER, "--reason", "again") == 6
    drop_order(there / "out", 1, "A-1")
    put_order(home, 2, "A-2")
    drop_invoice(home, "I-1")
    for received in (1, 0):  # that of the ERP
        done = work(home)
        assert (done.received, done.trouble) == (received, [])
    assert names(there / "out") == ["po-1.edi"]
    assert names(there / "in") == []
    said = listed(home, capsys)
    assert (said["state"], said["deliveries"], said["files"]) == ("paused", 1, 1)
    assert (said["paused_by"], said["reason"]) == ("user:ann", "they move")
    assert channel(home, "run", PARTNER) == 6
    assert channel(home, "resume", PARTNER, "--reason", "done") == 0
    assert channel(home, "resume", PARTNER, "--reason", "done") == 6
    assert work(home).received == 2
    assert [one[:3] for one in names(there / "in")] == ["810", "997", "997"]
    assert [one["reason"] for event in ("paused", "resumed") for one in events(home, f"channel.{event}")] == [
        "they move",
        "done",
    ]
    ((actor,),) = rows(home, "SELECT actor FROM audit WHERE event = 'channel.paused'")
    assert actor == "user:ann"


def test_what_is_for_a_paused_folder_waits_and_holds_up_nothing_else(
    tmp_path: Path, server: ssh.Sshd, there: Path
) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    work(home)
    assert channel(home, "pause", "erp", "--reason", "stocktaking") == 0
    drop_order(there / "out", 1, "A-1")
    (there / "out/scan.pdf").write_bytes(b"%PDF-1.4")
    work(home)
    assert names(there / "in") == ["997_1.edi"]
    assert names(home / "folders/erp/outbox") == []
    assert len(names(home / f"folders/{PARTNER}/quarantine")) == 3
    with Gateway(home, load(home)) as gateway:
        assert gateway.services.store.unfinished(10) == [], "nobody is woken for it again and again"
        gateway.services.store.close()
    assert channel(home, "resume", "erp", "--reason", "done") == 0
    work(home)
    assert len(names(home / "folders/erp/outbox")) == 1


def test_a_channel_of_as2_is_paused_and_fails_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trading(tmp_path / "home") as trade:
        home = trade.home
        channel(home, "pause", PARTNER, "--reason", "they move")
        drop_invoice(home, "I-1")
        trade.run()
        assert trade.retailer.got == []
        channel(home, "resume", PARTNER, "--reason", "done")
        trade.run()
        assert len(trade.retailer.got) == 1
        assert listed(home, capsys)["state"] == "working"
        trade.retailer.__exit__()
        drop_invoice(home, "I-2")
        trade.run()
        assert (listed(home, capsys)["state"], listed(home, capsys)["kind"]) == ("failing", "AS2")
        trade.retailer.__enter__()
        assert main(["partner", "test", PARTNER, "--config", str(home)]) == 0
        assert listed(home, capsys)["state"] == "working"


def test_a_channel_nobody_knows_is_not_found(
    tmp_path: Path, server: ssh.Sshd, there: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sftp_home(tmp_path / "home", server, there)
    assert channel(home, "pause", "acme-retial", "--reason", "x") == 4
    assert f"Did you mean {PARTNER}?" in capsys.readouterr().err
    assert channel(home, "list") == 0
    assert "unused   never ok" in capsys.readouterr().out
