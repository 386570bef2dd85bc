"""``edigw partner test`` and ``edigw simulate amazon``: a home and the played Amazon as real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import yaml

from gateway import resources
from gateway.app import Gateway
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.settings import load
from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Script
from gateway.transports.sp_api import Client, SpApiError
from tests.amazon import SECRETS, acknowledgment, invoice, settings
from tests.homes import rows

SECRET = "rehearsal-secret"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path / "home")
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.removeprefix("env:"), value)
    return tmp_path / "home"


def connect(home: Path, url: str, **changes: Any) -> None:
    said = {
        "region": "na",
        "vendor_code": "REHRS",
        "client_id": "env:ID",
        "client_secret": "env:SECRET",
        "refresh_token": "env:TOKEN",
        "secret_made_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "base_url": url,
        "token_url": f"{url}/auth/o2/token",
    }
    file = home / "partners/amazon-us.yaml"
    file.write_text(yaml.safe_dump({"name": "Amazon", "sp_api": {**said, **changes}}))


def tried(home: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    code = main(["partner", "test", "amazon-us", "--json", "--config", str(home)])
    return code, json.loads(capsys.readouterr().out)["steps"]


def test_a_partner_is_tested_step_by_step(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Amazon(Script()) as amazon:
        connect(home, amazon.url)
        code, steps = tried(home, capsys)
        assert code == 0
        assert [one["step"] for one in steps] == ["token", "clock", *["role"] * 5, "vendor"]
        assert main(["partner", "test", "amazon-us", "--config", str(home)]) == 0
    shown = capsys.readouterr().out
    assert "  role       ok      GetShipmentDetails is allowed" in shown
    events = rows(home, "SELECT facts FROM audit WHERE event = 'partner.tested'")
    assert len(events) == 2
    assert SECRET not in str(events) + shown


@pytest.mark.parametrize(
    ("script", "step", "code", "words"),
    [
        ({"client_secret": "changed"}, "token", 3, "does not accept the client identifier and secret"),
        ({"denied": ("GetShipmentLabels",)}, "role", 3, "may not use GetShipmentLabels"),
        ({"clock_ahead_seconds": -3600}, "clock", 3, "differs from Amazon's by 36"),
    ],
)
def test_a_step_that_fails_says_what_to_do(
    home: Path, capsys: pytest.CaptureFixture[str], script: dict[str, Any], step: str, code: int, words: str
) -> None:
    with Amazon(Script(**script)) as amazon:
        connect(home, amazon.url)
        found, steps = tried(home, capsys)
        assert (found, steps[-1]["step"], steps[-1]["ok"]) == (code, step, False)
        assert words in steps[-1]["words"]
        main(["partner", "test", "amazon-us", "--config", str(home)])
    assert "->" in capsys.readouterr().out


def test_nobody_there_is_5_and_a_missing_secret_3(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Amazon(Script()) as amazon:
        connect(home, amazon.url)
    code, steps = tried(home, capsys)
    assert (code, steps[-1]["step"]) == (5, "token")
    monkeypatch.delenv("SECRET")
    code, steps = tried(home, capsys)
    assert (code, steps[-1]["step"]) == (3, "settings")
    order = resources.find("config/demo/orders-1001.edi").read_bytes()
    (home / "folders/acme-retail/inbox/orders.edi").write_bytes(order)
    assert main(["run-once", "--config", str(home)]) == 5
    assert list((home / "folders/erp/outbox").iterdir())  # the other channels go on


# --- the played Amazon as a process ----------------------------------------------------------------------


@contextmanager
def played(folder: Path, text: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    script = folder / "amazon.yaml"
    script.write_text(text)
    command = [sys.executable, "-m", "gateway", "simulate", "amazon", "--script", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            told = [process.stderr.readline() for _ in range(3)]
            found = re.search(r"base_url: (\S+)", "".join(told))
            assert found, told
            yield process, found[1]
        finally:
            process.kill()


@pytest.mark.parametrize(("times", "code"), [(1, 0), (2, 1)])
def test_a_rehearsal_tells_what_was_submitted_twice(tmp_path: Path, times: int, code: int) -> None:
    text = "orders: [{number: PO000001, at_seconds: -60}]\n"
    with played(tmp_path, text) as (process, url), Amazon(Script()) as other:
        terms = settings(other, base_url=url, token_url=f"{url}/auth/o2/token")
        with Client(terms, SECRETS.__getitem__) as client:
            (page,) = client.orders(client.now() - timedelta(hours=1))
            assert page.items[0]["purchaseOrderNumber"] == "PO000001"
            for _ in range(times):
                client.call("submitAcknowledgement", body=acknowledgment("PO000001"))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == code
        assert re.search(rf"submitAcknowledgement +PO000001 +{times}", out)


def test_it_is_killed_while_a_document_is_on_its_way_and_the_outcome_is_uncertain(tmp_path: Path) -> None:
    fault = "faults: [{does: break_after, operation: submitInvoices, seconds: 60}]\n"
    with played(tmp_path, fault) as (process, url), Amazon(Script()) as other:
        terms = settings(other, base_url=url, token_url=f"{url}/auth/o2/token", timeout_seconds=30)
        with Client(terms, SECRETS.__getitem__) as client:
            client.call("getPurchaseOrders")
            Timer(5, process.kill).start()  # it has taken it by then
            with pytest.raises(SpApiError) as error:
                client.call("submitInvoices", body=invoice("INV-1", "PO000001"))
            assert error.value.code == "SPAPI-UNCERTAIN"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("orders: [{number: x}]\n", "8 capital letters and digits"),
        ("orders: [{number: PO000099, count: 999999}]\n", "not more than the digits"),
        ("orders: [{number: ABCDEFGH, count: 2}]\n", "not more than the digits"),
        ("faults: [{does: brake}]\n", "did you mean break"),
        ("outcomes: [{key: A, status: Sucess}]\n", "did you mean Success"),
        ("denied: [GetShipmentLables]\n", "did you mean GetShipmentLabels"),
        ("faults: [{does: deny, operation: tokn}]\n", "did you mean token"),
        ("faults: [{does: error, status: 200}]\n", "status is 300 to 599"),
        ("burst: 0\n", "at least 1"),
        ("ordres: []\n", "Did you mean 'orders'?"),
    ],
)
def test_mistakes_of_a_script_are_told(
    tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert main(["simulate", "amazon", "--script", str(tmp_path / "a.yaml")]) == 3
    assert words in capsys.readouterr().err


def test_a_script_that_is_not_there_and_an_address_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ["simulate", "amazon", "--script", str(tmp_path / "none.yaml")]
    assert main(missing) == 4
    assert main([*missing, "--listen", "0.0.0.0:80"]) == 2
    assert "write 127.0.0.1:" in capsys.readouterr().err


def test_a_home_with_the_api_alone_works(home: Path) -> None:
    with Amazon(Script()) as amazon:
        connect(home, amazon.url)
        with Gateway(home, load(home)) as gateway:
            assert gateway.run_once().trouble == []
