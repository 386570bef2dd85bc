"""OpenSSH in place of our own server: what `edigw sftp-server config` prints is done as it stands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_hex
from socket import create_connection
from typing import NamedTuple

import pytest

from gateway.cli.commands.home import make_home
from gateway.cli.commands.sftp_server import GROUP
from gateway.cli.main import main
from tests import ssh
from tests.homes import PARTNER, set_in, work
from tests.orders import interchange, order
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
LINE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
pytestmark = [
    pytest.mark.needs_system,
    pytest.mark.slow,
    pytest.mark.skipif(ssh.SSHD is None or not shutil.which("sftp"), reason=ssh.ABSENT),
]


def home_with_account(home: Path, user: str, key: str, more: str = "") -> Path:
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    path = home / f"partners/{PARTNER}.yaml"
    path.write_text(f'{path.read_text()}\nsftp_account:\n  user: {user}\n  keys: ["{key}"]\n{more}')
    return home


def config(home: Path, *options: str) -> dict[str, object]:
    command = [
        sys.executable,
        "-m",
        "gateway",
        "sftp-server",
        "config",
        "--json",
        "--config",
        str(home),
        *options,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


class Place(NamedTuple):
    """What was set up: the home, the partner's and the gateway's user, port and root of the server."""

    home: Path
    user: str
    gateway: str
    port: int
    root: Path

    def options(self, port: str = "-P") -> list[str]:
        known = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
        return [*known, "-o", "BatchMode=yes", "-i", str(self.root.parent / "user"), port, str(self.port)]

    def sftp(self, *lines: str) -> subprocess.CompletedProcess[str]:
        command = ["sftp", *self.options(), "-b", "-", f"{self.user}@127.0.0.1"]
        text = "\n".join(lines) + "\n"
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)

    def as_gateway(self, script: str) -> subprocess.CompletedProcess[str]:
        command = [
            "setpriv",
            "--reuid",
            self.gateway,
            "--regid",
            self.gateway,
            "--init-groups",
            "sh",
            "-c",
            script,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.home)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    if os.getuid() != 0 or not shutil.which("useradd") or not shutil.which("setpriv"):
        pytest.skip("needs root, useradd and setpriv")
    token = token_hex(3)
    # Not below /tmp: whoever may write into a folder above a chroot could take it over, and sshd knows that.
    base, user, gateway = Path(f"/srv/edigw-test-{token}"), f"edigw-p{token}", f"edigw-g{token}"
    had_group = subprocess.run(["getent", "group", GROUP], check=False, capture_output=True).returncode == 0
    server: subprocess.Popen[bytes] | None = None
    try:
        base.mkdir(mode=0o755)
        for name in ("user", "host"):
            ssh.key(base / name)
        home = home_with_account(base / "home", user, (base / "user.pub").read_text().strip())
        subprocess.run(["useradd", "--system", "--no-create-home", "--user-group", gateway], check=True)
        subprocess.run(["chown", "-R", f"{gateway}:{gateway}", str(home)], check=True)
        (home / f"folders/{PARTNER}/inbox/before.edi").write_text("put by hand before")
        said = config(home, "--root", str(base / "drop"))
        script = "\n".join(["set -eu", *said["commands"]])  # type: ignore[misc]
        for _ in range(2):  # as often as it is run
            subprocess.run(["sh", "-c", script], check=True)
        port = free_port()
        Path("/run/sshd").mkdir(exist_ok=True)
        own = f"Port {port}\nListenAddress 127.0.0.1\nHostKey {base}/host\nPidFile none\nUsePAM no\n"
        (base / "sshd_config").write_text(f"{own}Subsystem sftp internal-sftp\n{said['sshd_config']}")
        assert ssh.SSHD
        with (base / "log").open("wb") as log:
            server = subprocess.Popen([ssh.SSHD, "-D", "-e", "-f", str(base / "sshd_config")], stderr=log)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            assert server.poll() is None, (base / "log").read_text()
            with suppress(OSError), closing(create_connection(("127.0.0.1", port), 1)):
                break
        yield Place(home, user, gateway, port, base / "drop")
    finally:
        if server is not None:
            server.kill()
            server.wait()
        for name in (user, gateway):
            subprocess.run(["userdel", name], check=False, capture_output=True)
        if not had_group:
            subprocess.run(["groupdel", GROUP], check=False, capture_output=True)
        shutil.rmtree(base, ignore_errors=True)


def test_the_partner_puts_renames_lists_and_fetches_and_the_gateway_answers(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "po.edi").write_bytes(interchange(1, [order(1, "OPENSSH-1", [LINE])]))
    done = place.sftp(
        f"put {tmp_path}/po.edi inbox/po.tmp", "rename inbox/po.tmp inbox/po.edi", "ls -l inbox"
    )
    assert done.returncode == 0, done.stderr
    inbox = place.home / f"folders/{PARTNER}/inbox"
    assert sorted(one.name for one in inbox.iterdir()) == ["before.edi", "po.edi"], (
        "what was there came along"
    )
    (inbox / "before.edi").unlink()
    # What the gateway's user does with it, by the rights it has as another user than the partner's and root:
    script = (
        f"cd folders/{PARTNER} && cat inbox/po.edi && mv inbox/po.edi .claimed/ && mv .claimed/po.edi inbox/"
    )
    tried = place.as_gateway(f"{script} && echo answer > outbox/hello.txt")
    assert tried.returncode == 0, tried.stderr
    assert "OPENSSH-1" in tried.stdout
    assert work(place.home).documents == 1
    done = place.sftp(
        "ls outbox", f"get outbox/997_1.edi {tmp_path}/997", "rm outbox/997_1.edi", "rm outbox/hello.txt"
    )
    assert done.returncode == 0, done.stderr
    assert b"AK9*A*1*1*1" in (tmp_path / "997").read_bytes()
    assert not list((place.home / f"folders/{PARTNER}/outbox").iterdir())


@pytest.mark.parametrize(
    "line",
    [
        "ls /etc",
        "get /etc/passwd",
        "get ../../../../etc/passwd",
        "put /etc/hostname x",
        "ln -s /etc/passwd inbox/link",
        "mkdir inbox/sub",
        "ls /../home",
    ],
)
def test_nothing_else_can_be_reached_or_made(place: Place, tmp_path: Path, line: str) -> None:
    done = place.sftp(f"lcd {tmp_path}", line)
    assert done.returncode == 1, done.stdout
    assert not list(tmp_path.iterdir())
    assert place.sftp("ls -1 /").stdout.split()[4:] == ["/inbox", "/outbox"]


def test_there_is_no_shell_no_command_no_forwarding_and_no_other_folder(place: Place) -> None:
    target = f"{place.user}@127.0.0.1"
    for words in (["id"], ["-s", "scp"], ["-tt", "id"]):
        command = ["ssh", *place.options("-p"), target, *words]
        try:
            said = subprocess.run(command, input=b"id\n", capture_output=True, timeout=5, check=False).stdout
        except subprocess.TimeoutExpired as expired:
            said = expired.stdout or b""
        assert b"uid=" not in said
    inside = free_port()
    tunnel = ["ssh", *place.options("-p"), "-W", f"127.0.0.1:{place.port}", target]
    done = subprocess.run(tunnel, capture_output=True, text=True, timeout=20, check=False, input="")
    assert "SSH-2.0" not in done.stdout
    back = [
        "ssh",
        *place.options("-p"),
        "-N",
        "-o",
        "ExitOnForwardFailure=yes",
        "-R",
        f"{inside}:127.0.0.1:1",
        target,
    ]
    assert subprocess.run(back, capture_output=True, timeout=20, check=False).returncode == 255


def test_what_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_home(tmp_path / "home")
    say = ["sftp-server", "config", "--config", str(tmp_path / "home")]
    assert main(say) == 3
    assert "No partner has an `sftp_account`" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "home")
    ssh.key(tmp_path / "user")
    home_with_account(tmp_path / "home", "acme", (tmp_path / "user.pub").read_text().strip())
    assert main([*say, "--root", "drop here"]) == 3
    assert "from / on" in capsys.readouterr().err
    if Path("/proc/self").stat().st_dev != tmp_path.stat().st_dev:
        assert main([*say, "--root", "/proc/self"]) == 3
        assert "different file systems" in capsys.readouterr().err
    shutil.rmtree(tmp_path / f"home/folders/{PARTNER}")
    assert main(say) == 3
    assert "is not there; `edigw run-once` makes" in capsys.readouterr().err
