"""Every code of SFTP is what a real server made happen."""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gateway.cli.main import main
from gateway.partners.sftp import Server, Sftp, Upload
from gateway.services.explain import entries
from gateway.transports.problems import CATALOGUE, SftpError
from gateway.transports.sftp import SftpFolders
from tests import ssh
from tests.homes import rows, work
from tests.integration.test_sftp import drop_order, sftp_home
from tests.ports import free_port
from tests.sftp_peer import PASSWORD, Peer, peer

pytestmark = pytest.mark.needs_system

Making = Callable[..., ssh.Sshd]
Case = Callable[[Making, Path], SftpFolders]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Making]:
    """Servers that refuse what is named, and have these options."""
    running: list[ssh.Sshd] = []

    def make(refused: str = "", *options: str) -> ssh.Sshd:
        if ssh.SSHD is None:
            pytest.skip(ssh.ABSENT)
        running.append(ssh.Sshd(tmp_path_factory.mktemp("sshd"), refused, options))
        return running[-1].start()

    yield make
    for one in running:
        one.kill()


def _plain(**changes: Any) -> Case:
    return lambda server, root: ssh.remote(server(), root, **changes)


def _limited(refused: str, **changes: Any) -> Case:
    return lambda server, root: ssh.remote(server(refused), root, **changes)


def _other_key(server: Making, root: Path) -> SftpFolders:
    other = Path(f"{ssh.key(root / 'other')}.pub").read_text()
    return ssh.remote(server(), root, host_keys=(" ".join(other.split()[:2]),))


def _jump_without_way(server: Making, root: Path) -> SftpFolders:
    there = server()
    said = there.settings()
    jump = Server(**{one: said[one] for one in ("host", "port", "user", "host_keys", "key")})
    return ssh.remote(there, root, port=free_port(), proxy_jump=jump)


def _old(server: Making, root: Path) -> SftpFolders:
    key = ssh.key(root / "rsa", "rsa")
    return ssh.remote(server("", f"HostKey {key}", "HostKeyAlgorithms ssh-rsa"), root)


def _no_subsystem(server: Making, root: Path) -> SftpFolders:
    return ssh.remote(server("", "ForceCommand /bin/false"), root)


def _no_folder(server: Making, root: Path) -> SftpFolders:
    return SftpFolders(Sftp(**server().settings(outbox=f"{root}/no")), "acme", ssh.found, 0)


def _there(server: Making, root: Path) -> SftpFolders:
    (root / "outbox/0.edi").write_bytes(b"theirs")
    return ssh.remote(server(), root, upload=Upload(exists="fail"))


def _no_ssh(server: Making, root: Path) -> SftpFolders:
    silent = socket.create_server(("127.0.0.1", 0))
    _kept.append(silent)
    return ssh.remote(server(), root, port=silent.getsockname()[1], timeout_seconds=1)


_kept: list[socket.socket] = []


def _killed(server: Making, root: Path) -> SftpFolders:
    there = server()
    folders = ssh.remote(there, root)
    folders.sync(["outbox"])
    there.kill()
    return folders


def _no_secret(server: Making, root: Path) -> SftpFolders:
    return ssh.remote(server(), root, key="file:/no/such/key")


def _no_key(server: Making, root: Path) -> SftpFolders:
    (root / "key").write_text("no key\n")
    return ssh.remote(server(), root, key=f"file:{root}/key")


CASES: list[tuple[str, Case]] = [
    ("SFTP-SECRET", _no_secret),
    ("SFTP-KEY", _no_key),
    ("SFTP-DNS", _plain(host="no-such-host.invalid")),
    ("SFTP-CONNECT", lambda server, root: ssh.remote(server(), root, port=free_port())),
    ("SFTP-CONNECT", _jump_without_way),
    ("SFTP-PROTOCOL", _no_ssh),
    ("SFTP-OLD-SERVER", _old),
    ("SFTP-HOST-KEY-UNKNOWN", _plain(host_keys=())),
    ("SFTP-HOST-KEY", _other_key),
    ("SFTP-LOGIN", _plain(user="nobody-there")),
    ("SFTP-NO-SFTP", _no_subsystem),
    ("SFTP-LOST", _killed),
    (
        "SFTP-FOLDER",
        lambda server, root: SftpFolders(Sftp(**server().settings(outbox=f"{root}/no")), "a", ssh.found, 0),
    ),
    ("SFTP-DENIED", _limited("write")),
    ("SFTP-EXISTS", _there),
    ("SFTP-RENAME", _limited("rename,posix-rename")),
    ("SFTP-RENAME", _limited("rename", stable=0)),
    ("SFTP-REMOVE", _limited("remove", claim="", stable=0)),
]
"""What is to go wrong, and the server that lets it."""

PLAYED = [
    ("SFTP-NO-SPACE", "write", asyncssh.SFTPFailure("No space left on device")),
    ("SFTP-REFUSED", "close", asyncssh.SFTPFailure("not today")),
    ("SFTP-DENIED", "open", asyncssh.SFTPPermissionDenied("closed")),
]


def trade(folders: SftpFolders, root: Path) -> None:
    """Fetches a file and puts one, as services do it."""
    with folders:
        if (root / "inbox/a.edi").exists():
            for name in folders.look(1e10, 100).ready:
                folders.claim(name, "id1")
            for arrival in folders.arrivals():
                folders.open(arrival).close()
                folders.settle(arrival)
        else:
            folders.stage("outbox", "0-t", io.BytesIO(b"content"))
            folders.sync(["outbox"])
            folders.exists("outbox", "0.edi")
            folders.release("outbox", "0-t", "0.edi")
            folders.sync(["outbox"])


def told(error: SftpError, code: str) -> None:
    """It has the code, and says what to do."""
    assert error.code == code, error
    assert error.hint
    assert "{line" not in error.hint


@pytest.mark.parametrize(("code", "case"), CASES, ids=[f"{code}-{n}" for n, (code, _) in enumerate(CASES)])
def test_each_code_is_raised_by_a_server(code: str, case: Case, server: Making, tmp_path: Path) -> None:
    root = ssh.folders(tmp_path / "there")
    fetches = code == "SFTP-REMOVE" or case is CASES[-2][1]
    if fetches:
        (root / "inbox/a.edi").write_bytes(b"x")
    with pytest.raises(SftpError) as raised:
        trade(case(server, root), root)
    told(raised.value, code)
    while _kept:
        _kept.pop().close()


@pytest.mark.parametrize(("code", "what", "error"), PLAYED)
def test_what_a_server_answers_decides_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, what: str, error: Exception
) -> None:
    monkeypatch.setenv("EDIGW_TEST_PASSWORD", PASSWORD)
    root = ssh.folders(tmp_path / "there")
    with peer(tmp_path, root) as played:

        def before(kind: str, _path: str) -> None:
            if kind == what:
                raise error

        played.faults.before = before
        with pytest.raises(SftpError) as raised:
            trade(_at(played), root)
        told(raised.value, code)


def _at(played: Peer) -> SftpFolders:
    said = played.settings(outbox="/outbox", password="env:EDIGW_TEST_PASSWORD")
    return SftpFolders(Sftp(**said), "acme", ssh.found, 0)


def test_bytes_that_are_lost_have_a_code(server: Making, tmp_path: Path) -> None:
    root = ssh.folders(tmp_path / "there")
    with ssh.remote(server(), root) as folders:
        folders.stage("outbox", "0-t", io.BytesIO(b"whole"))
        (root / "outbox/.sending-0-t.tmp").write_bytes(b"hal")
        with pytest.raises(SftpError) as raised:
            folders.sync(["outbox"])
        told(raised.value, "SFTP-SIZE")


def test_a_full_disk_of_openssh_has_a_code(server: Making, tmp_path: Path) -> None:
    root = ssh.folders(tmp_path / "there")
    if os.system(f"mount -t tmpfs -o size=1m tmpfs {root}/outbox 2> /dev/null"):
        pytest.skip("needs the right to mount a small disk")
    try:
        room = os.statvfs(root / "outbox")
        (root / "outbox/.filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize))
        with pytest.raises(SftpError) as raised:
            trade(ssh.remote(server(), root), root)
        told(raised.value, "SFTP-NO-SPACE")
    finally:
        os.system(f"umount {root}/outbox")


def test_every_code_is_tried_here_and_explained() -> None:
    assert {code for code, *_ in (*CASES, *PLAYED)} | {"SFTP-SIZE"} == set(CATALOGUE)
    assert set(CATALOGUE) <= set(entries())


def test_a_code_is_shown_where_a_person_looks(
    server: Making, tmp_path: Path, capsys: pytest.CaptureFixture[str], log: io.StringIO
) -> None:
    there = tmp_path / "there"
    (there / "out").mkdir(parents=True)
    home = sftp_home(tmp_path / "home", server(), there)  # it has no folder `in`
    drop_order(there / "out", 1, "A-1")
    assert "SFTP-FOLDER: " in "".join(work(home).trouble)
    assert "SFTP-FOLDER: " in log.getvalue()
    ((id_,),) = rows(home, "SELECT id FROM messages WHERE name = '997_1.edi'")
    assert main(["message", "show", id_, "--config", str(home)]) == 0
    assert "last error: SFTP-FOLDER: " in capsys.readouterr().out
    assert main(["partner", "test", "acme-retail", "--json", "--config", str(home)]) == 5
    assert json.loads(capsys.readouterr().out)["steps"][-1]["code"] == "SFTP-FOLDER"
    assert main(["explain", "SFTP-FOLDER"]) == 0
