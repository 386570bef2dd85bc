"""A gateway that runs and a partner that logs in to it: order in, answer out, and what the audit says."""

from __future__ import annotations

import asyncio
import json
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from tests import ssh
from tests.homes import PARTNER, set_in
from tests.orders import interchange, order
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
LINE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
pytestmark = [
    pytest.mark.needs_system,
    pytest.mark.skipif(not shutil.which("ssh-keygen"), reason=ssh.ABSENT),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    set_in(home, "gateway.yaml", "poll_seconds: 2 ", "poll_seconds: 0.2 ")
    key = ssh.key(tmp_path / "key").with_suffix(".pub").read_text().strip()
    path = home / f"partners/{PARTNER}.yaml"
    path.write_text(f'{path.read_text()}\nsftp_account: {{user: acme, keys: ["{key}"]}}\n')
    path = home / "gateway.yaml"
    path.write_text(f'{path.read_text()}\nsftp_server: {{listen: "127.0.0.1:{free_port()}"}}\n')
    return home


def port_of(home: Path) -> int:
    return int((home / "gateway.yaml").read_text().rpartition("127.0.0.1:")[2].rstrip('"}\n'))


@contextmanager
def running(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`edigw up`, killed at the end if it still runs."""
    command = [sys.executable, "-m", "gateway", "up", "--config", str(home)]
    with (home.parent / "log").open("ab") as log, subprocess.Popen(command, stderr=log, cwd=ROOT) as process:
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until and b"gateway.started" not in (home.parent / "log").read_bytes():
                assert process.poll() is None
                select.select([], [], [], 0.05)
            yield process
        finally:
            process.kill()


async def trade(home: Path, tmp_path: Path) -> bytes:
    """Puts an order, waits for its answer, fetches and removes it."""
    until = time.monotonic() + 30
    while True:
        try:
            connection = await asyncssh.connect(
                "127.0.0.1",
                port_of(home),
                username="acme",
                client_keys=[str(tmp_path / "key")],
                known_hosts=asyncssh.import_known_hosts(f"[127.0.0.1]:{port_of(home)} {public_key(home)}\n"),
            )
            break
        except ConnectionRefusedError:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
    async with connection, connection.start_sftp_client() as client:
        async with client.open("/inbox/po.edi", "wb") as file:
            await file.write(interchange(1, [order(1, "DROP-1", [LINE])]))
        while "997_1.edi" not in await client.listdir("/outbox"):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        await client.get("/outbox/997_1.edi", str(tmp_path / "997"))
        await client.remove("/outbox/997_1.edi")
    return (tmp_path / "997").read_bytes()


def public_key(home: Path) -> str:
    command = [sys.executable, "-m", "gateway", "sftp-server", "key", "--json", "--config", str(home)]
    said = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    assert said["fingerprint"].startswith("SHA256:")
    return str(said["key"])


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    main([*words, "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_an_order_comes_in_and_its_answer_is_fetched(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--config", str(home))
    assert "it listens there while `edigw up` runs" in str(shown(capsys, "doctor", *where))
    assert "sftp-host.pem will be made" in str(shown(capsys, "doctor", *where))
    with running(home) as process:
        answer = asyncio.run(trade(home, tmp_path))
        assert b"AK9*A*1*1*1" in answer
        assert "is in use" in str([one for one in shown(capsys, "doctor", *where) if one["state"] == "ok"])
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 0
    assert (home / "keys/sftp-host.pem").stat().st_mode & 0o777 == 0o600
    (sent,) = [
        one for one in shown(capsys, "message", "list", *where)["messages"] if one["name"] == "997_1.edi"
    ]
    history = shown(capsys, "message", "show", sent["id"], *where)["history"]
    assert [one["event"] for one in history][-2:] == ["file.fetched", "file.removed"]
    assert history[-1]["facts"]["sha256"] == sent["payload"]
    main(["audit", "show", *where])
    words = " ".join(capsys.readouterr().out.split())
    assert (
        f"{PARTNER} fetched 997_1.edi over SFTP, {len(answer)} bytes, as acme from 127.0.0.1 with SHA256:"
        in words
    )
    assert main(["audit", "verify", *where]) == 0


def test_a_port_in_use_is_said_and_nothing_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", port_of(home))):
        assert main(["up", "--config", str(home)]) == 3
        assert "Partners cannot log in at 127.0.0.1" in capsys.readouterr().err
        found = shown(capsys, "doctor", "--config", str(home))
        assert any(
            "cannot be used: Address already in use" in one["words"]
            for one in found
            if one["state"] == "fail"
        )


def test_a_host_key_that_is_none_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "keys/sftp-host.pem").write_text("no key")
    for command in (["up"], ["sftp-server", "key"]):
        assert main([*command, "--config", str(home)]) == 3
        assert "sftp-host.pem, the key of the SFTP server, is no private key" in capsys.readouterr().err


def test_without_its_library_it_says_what_to_install(home: Path) -> None:
    script = "import sys; sys.modules['asyncssh'] = None; from gateway.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "up", "--config", str(home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "pip install 'edi-gateway[sftp-server]'" in done.stderr
