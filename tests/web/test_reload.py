"""Settings that change while `edigw up` runs: taken up, or refused with words; nothing in flight is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from tests.homes import put, rows, set_in
from tests.orders import interchange, order

LINE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"


@dataclass
class Running:
    """A process of `edigw up`."""

    home: Path
    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def said(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(one) for one in self.log.read_text().splitlines() if one.startswith("{")]
        return [one for one in lines if one.get("event") == event]


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("reload") / "home"
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    set_in(home, "gateway.yaml", "poll_seconds: 2 ", "poll_seconds: 1 ")
    with (home / "gateway.yaml").open("a") as file:
        file.write("\nweb: {listen: '127.0.0.1:0', requests_per_second: 100000}\n")
    log = home.parent / "log"
    environment = {name: value for name, value in os.environ.items() if name != "EDIGW_WEB_LISTEN"}
    with log.open("wb") as out:
        command = [sys.executable, "-m", "gateway", "up", "--config", str(home)]
        process = subprocess.Popen(command, stderr=out, stdout=out, env=environment)
        made = Running(home, process, log)
        try:
            until(lambda: made.said("web.ready"))
            made.url = str(made.said("web.ready")[0]["url"]).partition("/setup")[0]
            yield made
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()


def delivered(running: Running, number: str) -> int:
    return len([*(running.home / "folders/erp/outbox").glob(f"purchase_order_{number}_*.json")])


def test_a_new_partner_is_taken_up_and_nobody_is_turned_away(running: Running) -> None:
    said = {"name": "River", "identifiers": [{"qualifier": "ZZ", "id": "RIVER"}], "receive": [{"set": "850"}]}
    file = running.home.parent / "river.json"
    file.write_text(json.dumps(said))
    where = ["--config", str(running.home)]
    assert main(["partner", "add", str(file), "river", "--reason", "agreed", *where]) == 0
    answers = []
    with httpx.Client(base_url=running.url, timeout=20) as client:

        def is_taken() -> bool:
            answers.append(client.get("/login", headers={"Connection": "close"}).status_code)
            return bool(running.said("settings.changed")) and len(running.said("web.ready")) == 2

        until(is_taken)
    assert set(answers) <= {200, 303}
    assert running.said("web.ready")[1]["url"] != "" and running.url in str(running.said("web.ready")[1]["url"])
    content = interchange(1, [order(1, "RIVER1", [LINE])]).replace(b"ACMERETAIL     ", b"RIVER          ")
    put(running.home, "po.edi", content.replace(b"*ACMERETAIL*", b"*RIVER*"), "river")
    until(lambda: delivered(running, "RIVER1"))
    assert main(["partner", "check", "river", *where]) == 1  # no test document yet


def test_a_broken_file_stops_nothing(running: Running) -> None:
    path = running.home / "partners/river.yaml"
    good = path.read_text()
    path.write_text("name: [")
    until(lambda: running.said("settings.refused"))
    put(running.home, "po-2.edi", interchange(2, [order(1, "GOESON", [LINE])]))
    until(lambda: delivered(running, "GOESON"))
    assert running.process.poll() is None
    path.write_text(good + "\nsftp_account: {user: river, keys: [nonsense]}\n")
    until(lambda: len(running.said("settings.refused")) == 2)
    assert "sftp_account" in str(running.said("settings.refused")[-1]["words"])
    path.write_text(good)


def test_settings_that_cannot_be_opened_are_taken_back(running: Running) -> None:
    before, refused = len(running.said("web.ready")), len(running.said("settings.refused"))
    path = running.home / "gateway.yaml"
    good = path.read_text()
    path.write_text(good.replace("127.0.0.1:0", "192.0.2.1:80"))  # no address of this machine
    until(lambda: len(running.said("settings.refused")) > refused)
    until(lambda: len(running.said("web.ready")) > before)
    put(running.home, "po-3.edi", interchange(3, [order(1, "TAKENBACK", [LINE])]))
    until(lambda: delivered(running, "TAKENBACK"))
    path.write_text(good)


def test_what_is_in_flight_is_done_once_whatever_changes(running: Running) -> None:
    path = running.home / "partners/acme-retail.yaml"
    good, total = path.read_text(), 60
    changes = len(running.said("settings.changed"))
    for number in range(total):
        put(running.home, f"flight-{number}.edi", interchange(100 + number, [order(1, f"FLIGHT{number}", [LINE])]))
        if number % 15 == 0:
            path.write_text(re.sub("^name: .*", f"name: Acme {number}", good, flags=re.MULTILINE))
            want = changes + 1 + number // 15
            until(lambda want=want: len(running.said("settings.changed")) >= want)  # type: ignore[misc]
    until(lambda: all(delivered(running, f"FLIGHT{number}") for number in range(total)), 60)
    assert [delivered(running, f"FLIGHT{number}") for number in range(total)] == [1] * total
    twice = "SELECT number FROM documents WHERE direction = 'in' GROUP BY number HAVING count(*) > 1"
    assert rows(running.home, twice) == []
