from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.cli.commands.demo import drop
from gateway.cli.main import main
from tests.orders import interchange, order

LINE = "1|EA|1.00|B0C1KETTL3|EX-KT-17|KETTLE"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_demonstration_goes_as_expected_and_leaves_nothing(
    temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--once"]) == 0
    told = capsys.readouterr().out
    assert "All as expected." in told
    assert "NOT OK" not in told
    for words in (
        "997_3.edi",
        "orders-1003.edi.problem.txt",
        "856_ES-SHIP-77_5.edi: the signed receipt says processed",
    ):
        assert words in told
    assert max(map(len, told.replace(str(temporary), "/tmp").splitlines())) <= 120
    assert list(temporary.iterdir()) == []


def test_the_home_can_be_kept_with_its_log(temporary: Path) -> None:
    assert main(["demo", "--once", "--keep"]) == 0
    (home,) = temporary.iterdir()
    events = [json.loads(line)["event"] for line in (home / "gateway.log").read_text().splitlines()]
    assert events.count("file.received") == 14
    assert "acknowledgment.received" in events


def test_something_unexpected_is_told(
    temporary: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.commands.demo.acknowledged", lambda outbox: {"1001": ("R", "x")})
    assert main(["demo", "--once"]) == 1
    assert "NOT OK" in capsys.readouterr().out


def test_it_goes_on_watching_until_it_is_stopped(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo"], stdout=subprocess.PIPE, text=True, env=environment
    ) as demo:
        assert demo.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = demo.stdout.readline()
            assert line, told
            told += line
        found = re.search(r"Its home, for the commands below: (\S+)", told)
        assert found
        home = Path(found[1])
        drop(home / "folders/acme-retail/inbox", "mine.edi", interchange(5000, [order(1, "MINE", [LINE])]))
        end = time.monotonic() + 60
        while not list(home.glob("folders/erp/outbox/purchase_order_MINE_*.json")):
            assert time.monotonic() < end
            time.sleep(0.1)
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(30) == 130
    assert "purchase order MINE read" in told + rest
    assert not home.exists()
