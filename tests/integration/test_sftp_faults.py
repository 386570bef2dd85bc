"""SFTP servers that refuse, hide, cut, fill up and change: nothing is lost, doubled or seen half."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import asyncssh
import pytest
from paramiko import Message, Transport
from paramiko.auth_handler import AuthHandler
from paramiko.common import MSG_USERAUTH_REQUEST

from gateway.partners.sftp import Server, Sftp, Upload
from gateway.transports.base import Arrival, UnreadableError
from gateway.transports.problems import LostError, SftpError
from gateway.transports.sftp import SftpFolders
from tests import memory, ssh
from tests.sftp_peer import PASSWORD, Faults, Peer, peer

pytestmark = pytest.mark.needs_system

BIG = 20_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh.Sshd]:
    with ssh.sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return ssh.folders(tmp_path / "there")


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))


def take(folders: SftpFolders, inbox: Path, number: int = 1) -> list[Arrival]:
    """Claims everything."""
    folders.look(1e10, 0)
    look = folders.look(1e10, 100)
    for index, name in enumerate(look.ready):
        folders.claim(name, f"id{index:05}")
    arrivals = folders.arrivals()
    assert len(arrivals) == number, (look, names(inbox))
    return arrivals


def put(folders: SftpFolders, *contents: bytes) -> None:
    """Delivers, as services do it."""
    for number, content in enumerate(contents):
        folders.stage("outbox", f"{number}-t", io.BytesIO(content))
    folders.sync(["outbox"])
    for number in range(len(contents)):
        assert not folders.exists("outbox", f"{number}.edi")
    for number in range(len(contents)):
        folders.release("outbox", f"{number}-t", f"{number}.edi")
    folders.sync(["outbox"])


class Cutting(io.BytesIO):
    """Content that does something when half of it was read."""

    def __init__(self, content: bytes, act: Any) -> None:
        super().__init__(content)
        self._act, self._half = act, len(content) // 2

    def read(self, size: int | None = -1, /) -> bytes:
        if self._act and self.tell() > self._half:
            act, self._act = self._act, None
            act()
        return super().read(size)


# --- connections that end --------------------------------------------------------------------------------


def test_a_server_killed_in_mid_upload_shows_nothing(
    tmp_path_factory: pytest.TempPathFactory, root: Path
) -> None:
    content = os.urandom(BIG)
    with ssh.sshd(tmp_path_factory.mktemp("sshd")) as server:
        folders = ssh.remote(server, root)
        with pytest.raises(LostError), folders:
            folders.stage("outbox", "1-a", Cutting(content, server.kill))
        assert names(root / "outbox") == []
        server.start()
        with folders:
            folders.discard(["outbox"], {1: ""})
            assert list((root / "outbox").iterdir()) == []
            put(folders, content)
    assert (root / "outbox/0.edi").read_bytes() == content


def test_a_lost_connection_is_not_waited_for_again_in_the_same_job(server: ssh.Sshd, root: Path) -> None:
    with ssh.Proxy(server.port) as proxy, ssh.remote(server, root, port=proxy.port) as folders:
        folders.sync(["outbox"])
        proxy.cut()
        for _ in range(3):
            with pytest.raises(LostError):
                folders.exists("outbox", "a")
        folders.discard(["outbox"], {1: ""})
        assert proxy.connections == 1


def test_a_cut_download_goes_on_where_it_was(server: ssh.Sshd, root: Path) -> None:
    content = os.urandom(BIG)
    (root / "inbox/big.edi").write_bytes(content)
    with ssh.Proxy(server.port) as proxy, ssh.remote(server, root, port=proxy.port) as folders:
        (arrival,) = take(folders, root / "inbox")
        proxy.cut_after = BIG // 2
        with folders.open(arrival) as stream:
            assert stream.read() == content
            assert folders.unchanged(arrival, stream, BIG)
        assert proxy.connections == 2


def test_a_file_that_changed_while_the_line_was_cut_is_read_anew(server: ssh.Sshd, root: Path) -> None:
    (root / "inbox/big.edi").write_bytes(os.urandom(BIG))
    with ssh.Proxy(server.port) as proxy, ssh.remote(server, root, port=proxy.port, claim="") as folders:
        (arrival,) = take(folders, root / "inbox")
        with folders.open(arrival) as stream:
            stream.read(BIG // 2)
            (root / "inbox/big.edi").write_bytes(b"other")
            proxy.cut()
            with pytest.raises(OSError, match="changed"):
                stream.read()


def test_a_server_that_falls_silent_is_given_up(server: ssh.Sshd, root: Path) -> None:
    folders = ssh.remote(server, root, timeout_seconds=5)
    with folders:
        folders.sync(["outbox"])
        assert server.process
        children = ssh.children(server.process.pid)
        for child in children:
            os.kill(child, signal.SIGSTOP)
        try:
            with pytest.raises(LostError, match="in time"):
                folders.exists("outbox", "a")
        finally:
            for child in children:
                os.kill(child, signal.SIGCONT)


def test_what_an_earlier_job_claimed_and_the_partner_removed_is_forgotten(
    server: ssh.Sshd, root: Path
) -> None:
    folders = ssh.remote(server, root, claim="")
    (root / "inbox/a.edi").write_bytes(b"x")
    with folders:
        take(folders, root / "inbox")
    (root / "inbox/a.edi").unlink()
    with folders:
        take(folders, root / "inbox", 0)


def test_something_that_is_no_ssh_server_is_told(root: Path, server: ssh.Sshd) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        folders = ssh.remote(server, root, port=silent.getsockname()[1], timeout_seconds=1)
        with folders, pytest.raises(SftpError, match="cannot be spoken to"):
            folders.exists("outbox", "a")


# --- servers that refuse ---------------------------------------------------------------------------------


@pytest.fixture
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    running: list[ssh.Sshd] = []

    def make(refused: str, *options: str) -> ssh.Sshd:
        if ssh.SSHD is None:
            pytest.skip(ssh.ABSENT)
        running.append(ssh.Sshd(tmp_path_factory.mktemp("sshd"), refused, options))
        return running[-1].start()

    yield make
    for one in running:
        one.kill()


def test_a_server_without_one_way_to_rename_has_the_other(restricted: Any, root: Path) -> None:
    for refused, rename in (("rename", "plain"), ("posix-rename", "posix")):
        with ssh.remote(restricted(refused), root, upload=Upload(rename=rename)) as folders:
            put(folders, b"1", b"22", b"333")
        assert names(root / "outbox") == ["0.edi", "1.edi", "2.edi"]
        for name in names(root / "outbox"):
            (root / "outbox" / name).unlink()


def test_a_server_that_renames_nothing_says_what_to_set(restricted: Any, root: Path) -> None:
    server = restricted("rename,posix-rename")
    with ssh.remote(server, root) as folders, pytest.raises(SftpError, match="refuses to rename") as told:
        put(folders, b"1")
    assert "rename: none" in told.value.hint
    assert names(root / "outbox") == []
    with ssh.remote(server, root, claim="", upload=Upload(rename="none")) as folders:
        put(folders, b"1", b"x" * 100_000)
        assert folders.landed("outbox", "1.edi", 100_000)
        assert not folders.landed("outbox", "1.edi", 100_001)
        assert not folders.landed("outbox", "other.edi", 1)
    assert (root / "outbox/1.edi").stat().st_size == 100_000


def test_hidden_sizes_are_found_in_lists(restricted: Any, root: Path) -> None:
    (root / "inbox/a.edi").write_bytes(b"content")
    with ssh.remote(restricted("stat,lstat,fstat"), root) as folders:
        (arrival,) = take(folders, root / "inbox")
        with folders.open(arrival) as stream:
            assert stream.read() == b"content"
            assert folders.unchanged(arrival, stream, 7)
        folders.settle(arrival)
        put(folders, b"1", b"22")
        assert folders.exists("outbox", "1.edi")
        assert not folders.staged("outbox", "1-t")


def test_a_folder_whose_list_is_hidden_can_be_put_into(restricted: Any, root: Path) -> None:
    with ssh.remote(restricted("opendir"), root) as folders:
        put(folders, b"1", b"22", b"333")
    assert names(root / "outbox") == ["0.edi", "1.edi", "2.edi"]


@pytest.mark.parametrize("claim", ["", ".claimed"])
def test_what_is_not_removed_is_not_fetched_again_but_tried_again(
    played: Peer, root: Path, claim: str
) -> None:
    (root / "inbox/a.edi").write_bytes(b"x")
    folders = at(played, claim=claim)

    def fetched() -> int:
        for name in folders.look(1e10, 0).ready:
            folders.claim(name, "id1")
        arrivals = folders.arrivals()
        for arrival in arrivals:
            folders.open(arrival).close()
            folders.settle(arrival)
        return len(arrivals)

    failing(played.faults, "remove", 1, asyncssh.SFTPFailure("try later"))
    with pytest.raises(OSError, match=r"was received and cannot be removed: try later"), folders:
        assert fetched() == 1
    with folders:
        assert fetched() == 0
    assert [one for one in (root / "inbox").rglob("*") if one.is_file()] == []


def test_what_may_not_be_read_is_unreadable(restricted: Any, root: Path) -> None:
    for number in range(2):
        (root / f"inbox/{number}.edi").write_bytes(b"x" * 50_000 * number)
    with ssh.remote(restricted("open"), root) as folders:
        for arrival in take(folders, root / "inbox", 2):
            with pytest.raises(UnreadableError):
                folders.open(arrival)
            folders.set_aside(arrival)
    assert len(names(root / "quarantine")) == 2


def test_what_may_not_be_written_is_told_with_its_path(restricted: Any, root: Path) -> None:
    with (
        ssh.remote(restricted("write"), root) as folders,
        pytest.raises(PermissionError, match=r"outbox/\.sending-0-t\.tmp"),
    ):
        put(folders, b"1")


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_a_full_disk_shows_nothing_half(server: ssh.Sshd, root: Path, size: int) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(root / "outbox")], check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        room = os.statvfs(root / "outbox")
        (root / "outbox/.filler").write_bytes(b"x" * (room.f_bavail * room.f_frsize))
        folders = ssh.remote(server, root)
        with folders, pytest.raises(OSError, match=r"\.sending-0-t\.tmp: Failure"):
            put(folders, b"x" * size)
        assert names(root / "outbox") == []
        (root / "outbox/.filler").unlink()
        with folders:
            put(folders, b"x" * 100)
        assert (root / "outbox/0.edi").stat().st_size == 100
    finally:
        subprocess.run(["umount", str(root / "outbox")], check=True)


def test_a_server_with_one_session_is_enough(restricted: Any, root: Path) -> None:
    with ssh.remote(restricted("", "MaxSessions 1"), root) as folders:
        put(folders, *(b"%d" % number for number in range(300)))
    assert len(names(root / "outbox")) == 300
    assert (root / "outbox/299.edi").read_bytes() == b"299"


@pytest.mark.parametrize(("exists", "kept"), [("number", b"theirs"), ("overwrite", b"ours")])
def test_what_is_there_is_overwritten_only_if_that_was_agreed(
    server: ssh.Sshd, root: Path, exists: str, kept: bytes
) -> None:
    with ssh.remote(server, root, upload=Upload(exists=exists)) as folders:
        for key in ("1-t", "2-t"):
            folders.stage("outbox", key, io.BytesIO(b"ours"))
        folders.sync(["outbox"])
        (root / "outbox/a.edi").write_bytes(b"theirs")  # after we looked
        if exists == "number":
            with pytest.raises(FileExistsError):
                folders.release("outbox", "1-t", "a.edi")
            assert folders.exists("outbox", "a.edi")
            assert folders.staged("outbox", "1-t")
        else:
            folders.release("outbox", "1-t", "a.edi")
            assert not folders.exists("outbox", "a.edi")
    assert (root / "outbox/a.edi").read_bytes() == kept


def test_a_name_that_is_taken_can_be_an_error(server: ssh.Sshd, root: Path) -> None:
    (root / "outbox/0.edi").write_bytes(b"theirs")
    with (
        ssh.remote(server, root, upload=Upload(exists="fail")) as folders,
        pytest.raises(FileExistsError, match="there already"),
    ):
        put(folders, b"ours")


def test_temporary_names_and_permissions_are_as_agreed(server: ssh.Sshd, root: Path) -> None:
    (root / "outbox/tmp").mkdir()
    with ssh.remote(server, root, upload=Upload(temporary="tmp/{key}.filepart", mode="640")) as folders:
        for number in range(3):
            folders.stage("outbox", f"{number}-t", io.BytesIO(b"x"))
        folders.sync(["outbox"])
        assert names(root / "outbox/tmp") == ["0-t.filepart", "1-t.filepart", "2-t.filepart"]
        folders.discard(["outbox"], {2: "", 7: ""})
        for number in range(2):
            folders.release("outbox", f"{number}-t", f"{number}.edi")
        folders.sync(["outbox"])
    assert names(root / "outbox") == ["0.edi", "1.edi", "tmp"]
    assert [(root / f"outbox/{n}.edi").stat().st_mode & 0o777 for n in range(2)] == [0o640, 0o640]


# --- who the server is, and who we are -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("password", ["", "env:EDIGW_TEST_KEY"])
def test_keys_of_every_kind_let_us_in(
    server: ssh.Sshd, root: Path, kind: str, password: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDIGW_TEST_KEY", "secret words")
    key = tmp_path / "key"
    words = "secret words" if password else ""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", words, "-f", str(key)], check=True)
    with (server.folder / "authorized").open("ab") as out:
        out.write(Path(f"{key}.pub").read_bytes())
    with ssh.remote(server, root, key=f"file:{key}", key_password=password) as folders:
        assert not folders.exists("outbox", "a")
    if password:
        with (
            ssh.remote(server, root, key=f"file:{key}") as folders,
            pytest.raises(SftpError, match="no private key that can be used"),
        ):
            folders.exists("outbox", "a")


def test_a_certificate_lets_us_in(restricted: Any, root: Path, tmp_path: Path) -> None:
    ca, key = ssh.key(tmp_path / "ca"), ssh.key(tmp_path / "mine")
    sign = ["ssh-keygen", "-q", "-s", str(ca), "-I", "us", "-n", "root,edi", f"{key}.pub"]
    subprocess.run(sign, check=True)
    server = restricted("", f"TrustedUserCAKeys {ca}.pub")
    user = {"key": f"file:{key}"}
    with ssh.remote(server, root, **user) as folders, pytest.raises(SftpError, match="refuses"):
        folders.exists("outbox", "a")
    with ssh.remote(server, root, **user, certificate=f"{key}-cert.pub") as folders:
        assert not folders.exists("outbox", "a")


def test_a_server_behind_another_is_reached(server: ssh.Sshd, restricted: Any, root: Path) -> None:
    behind = restricted("")
    plain = server.settings()
    jump = {one: plain[one] for one in ("host", "port", "user", "host_keys", "key")}
    with ssh.remote(behind, root, proxy_jump=Server(**jump)) as folders:
        put(folders, b"1")
    assert names(root / "outbox") == ["0.edi"]
    with (
        ssh.remote(behind, root, proxy_jump=Server(**{**jump, "host_keys": ()})) as folders,
        pytest.raises(SftpError, match="nothing was sent"),
    ):
        folders.exists("outbox", "a")


def test_a_key_that_changed_is_refused_and_several_may_be_known(
    server: ssh.Sshd, root: Path, tmp_path: Path
) -> None:
    other = " ".join(Path(f"{ssh.key(tmp_path / 'other')}.pub").read_text().split()[:2])
    with (
        ssh.remote(server, root, host_keys=(other,)) as folders,
        pytest.raises(SftpError, match=r"SHA256:.*but your file says.*SHA256:") as told,
    ):
        folders.exists("outbox", "a")
    assert server.host_key in told.value.hint
    with ssh.remote(server, root, host_keys=(other, server.host_key)) as folders:
        assert not folders.exists("outbox", "a")


def test_of_several_keys_the_server_shows_the_one_that_is_known(
    restricted: Any, root: Path, tmp_path: Path
) -> None:
    keys = [ssh.key(tmp_path / kind, kind) for kind in ("ed25519", "ecdsa", "rsa")]
    server = restricted("", *(f"HostKey {one}" for one in keys))
    for key in keys:
        line = " ".join(Path(f"{key}.pub").read_text().split()[:2])
        with ssh.remote(server, root, host_keys=(line,)) as folders:
            assert not folders.exists("outbox", "a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("HostKeyAlgorithms ssh-rsa",), "only host keys of the kind ssh-rsa, which sign with SHA-1"),
        (("HostKeyAlgorithms rsa-sha2-256", "Ciphers aes128-cbc"), "offers only aes128-cbc"),
        (("HostKeyAlgorithms rsa-sha2-256", "Ciphers aes128-ctr", "MACs hmac-sha1"), "offers only hmac-sha1"),
    ],
)
def test_a_server_that_only_has_weak_methods_is_explained(
    restricted: Any, root: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    key = ssh.key(tmp_path / "rsa", "rsa")
    with (
        ssh.remote(restricted("", f"HostKey {key}", *options), root) as folders,
        pytest.raises(SftpError, match=words) as told,
    ):
        folders.exists("outbox", "a")
    assert "Ask the partner" in told.value.hint


# --- another server ---------------------------------------------------------------------------------------


@pytest.fixture
def played(tmp_path: Path, root: Path) -> Iterator[Peer]:
    (tmp_path / "peer").mkdir()
    with peer(tmp_path / "peer", root) as made:
        yield made


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDIGW_TEST_PASSWORD", PASSWORD)


def at(played: Peer, **changes: Any) -> SftpFolders:
    upload = changes.pop("upload", Upload())
    said = {"inboxes": ("/inbox",), "outbox": "/outbox", "password": "env:EDIGW_TEST_PASSWORD"}
    terms = Sftp(**played.settings(**{**said, **changes}), upload=upload)
    return SftpFolders(terms, "acme", ssh.found, 0)


@pytest.mark.parametrize("login", ["password", "keyboard-interactive"])
def test_passwords_are_given_either_way(tmp_path: Path, root: Path, login: str) -> None:
    with peer(tmp_path, root, (login,)) as played:
        with at(played) as folders:
            put(folders, *(b"%d" % number for number in range(100)))
        assert len(names(root / "outbox")) == 100


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_an_answer_to_a_login_may_come_before_it_is_waited_for(
    played: Peer, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    """Paramiko forgot such an answer: one login of some hundreds took as long as it may."""
    monkeypatch.setenv("EDIGW_TEST_PASSWORD", password)
    heard = Event()

    def telling_of(parse: Callable[..., None]) -> Callable[..., None]:
        def parsed(*args: Any) -> None:
            parse(*args)
            heard.set()

        return parsed

    for name in ("_parse_userauth_success", "_parse_userauth_failure"):
        monkeypatch.setattr(AuthHandler, name, telling_of(getattr(AuthHandler, name)))
    send = Transport._send_message  # type: ignore[attr-defined]

    def send_and_hear(transport: Transport, message: Message) -> None:
        send(transport, message)
        if message.asbytes()[0] == MSG_USERAUTH_REQUEST:
            assert heard.wait(30)

    monkeypatch.setattr(Transport, "_send_message", send_and_hear)
    began = time.monotonic()
    with at(played, timeout_seconds=60) as folders:
        if password == PASSWORD:
            assert not folders.exists("outbox", "a")
        else:
            with pytest.raises(SftpError, match="refuses edi with the password"):
                folders.exists("outbox", "a")
    assert time.monotonic() - began < 30, "it waited until the time was up"


def test_a_wrong_password_is_told_without_it(played: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDIGW_TEST_PASSWORD", "wrong")
    with at(played) as folders, pytest.raises(SftpError, match="refuses edi with the password") as told:
        folders.exists("outbox", "a")
    assert "wrong" not in f"{told.value} {told.value.hint}"


@pytest.mark.parametrize("longest", [0, 8192, 1000])
def test_short_reads_are_put_together(played: Peer, root: Path, longest: int) -> None:
    contents = {f"{number}.edi": os.urandom(size) for number, size in enumerate((0, 5, 30_000, 700_000))}
    for name, content in contents.items():
        (root / "inbox" / name).write_bytes(content)
    played.faults.longest_read = longest
    with at(played) as folders:
        for arrival in take(folders, root / "inbox", 4):
            with folders.open(arrival) as stream:
                assert stream.read() == contents[arrival.name]
                assert folders.unchanged(arrival, stream, len(contents[arrival.name]))
            folders.settle(arrival)
    assert names(root / "inbox") == []


def test_a_server_that_tells_no_sizes_needs_markers(played: Peer, root: Path) -> None:
    played.faults.is_blind = True
    (root / "inbox/a.edi").write_bytes(b"x" * 40_000)
    with at(played) as folders:
        look = folders.look(1e10, 0)
        assert look.ready == ()
        assert "agree on a `marker`" in look.ignored[0][1]
    (root / "inbox/a.edi.ok").touch()
    with at(played, marker=".ok") as folders:
        (arrival,) = take(folders, root / "inbox")
        with folders.open(arrival) as stream:
            assert len(stream.read()) == 40_000
            assert folders.unchanged(arrival, stream, 40_000)
        folders.settle(arrival)
        with pytest.raises(SftpError, match="tells no size") as told:
            put(folders, b"1")
        assert "verify: false" in told.value.hint
    assert names(root / "inbox") == []
    with at(played, upload=Upload(verify=False)) as folders:
        folders.discard(["outbox"], {0: ""})
        put(folders, b"1", b"2")
    assert names(root / "outbox") == ["0.edi", "1.edi"]


def failing(faults: Faults, what: str, number: int, error: Exception) -> None:
    """The n-th request of a kind fails, once."""

    def before(kind: str, _path: str) -> None:
        if kind == what and sum(one == what for one, _ in faults.asked) == number:
            raise error

    faults.before = before


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("what", ["open", "write", "close", "rename"])
def test_a_failure_in_the_middle_of_many_stops_them_and_the_next_try_goes_on(
    played: Peer, root: Path, what: str, number: int
) -> None:
    failing(played.faults, what, number, asyncssh.SFTPFailure("quota exceeded"))
    contents = [b"x" * size for size in (1, 2, 3, 4, 50_000)]
    if what != "rename":  # there is another way
        with at(played) as folders, pytest.raises(OSError, match="quota exceeded"):
            put(folders, *contents)
        assert names(root / "outbox") == []
    with at(played) as folders:
        folders.discard(["outbox"], dict.fromkeys(range(5), ""))
        put(folders, *contents)
    assert [(root / f"outbox/{index}.edi").stat().st_size for index in range(5)] == [1, 2, 3, 4, 50_000]
    assert len(list((root / "outbox").iterdir())) == 5


def test_a_server_that_loses_bytes_is_noticed(played: Peer, root: Path) -> None:
    with at(played) as folders:
        folders.stage("outbox", "0-t", io.BytesIO(b"whole"))
        (root / "outbox/.sending-0-t.tmp").write_bytes(b"hal")
        with pytest.raises(OSError, match="the server has 3 bytes of 5"):
            folders.sync(["outbox"])


@contextmanager
def telling(told: list[str]) -> Iterator[None]:
    """As services do it: what may pass is told, and the rest goes on."""
    try:
        yield
    except OSError as error:
        told.append(str(error))


@pytest.mark.parametrize("what", ["open", "read", "lstat", "rename", "remove"])
def test_a_failure_while_fetching_touches_nothing_else(played: Peer, root: Path, what: str) -> None:
    for number in range(5):
        (root / f"inbox/{number}.edi").write_bytes(b"%d" % number)
    got: dict[str, bytes] = {}
    failing(played.faults, what, 2, asyncssh.SFTPFailure("try later"))
    told: list[str] = []
    for _ in range(3):
        with telling(told), at(played, claim=".claimed") as folders:
            for name in folders.look(1e10, 0).ready:
                folders.claim(name, f"id-{name}")
            for arrival in folders.arrivals():
                with telling(told):
                    with folders.open(arrival) as stream:
                        content = stream.read()
                        assert folders.unchanged(arrival, stream, len(content))
                    assert got.setdefault(arrival.name, content) == content
                    folders.settle(arrival)
    assert all("try later" in one for one in told)
    assert told or what in ("rename", "lstat", "read"), "these are tried in two ways"
    assert got == {f"{number}.edi": b"%d" % number for number in range(5)}
    assert names(root / "inbox") == []


# --- many, big, far ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["", ".claimed"])
@pytest.mark.slow
def test_five_thousand_waiting_files_are_fetched(server: ssh.Sshd, root: Path, claim: str) -> None:
    for number in range(5000):
        (root / f"inbox/{number:04}.edi").write_bytes(b"%d" % number)
    with ssh.remote(server, root, claim=claim) as folders:
        seen = set()
        for arrival in take(folders, root / "inbox", 5000):
            with folders.open(arrival) as stream:
                seen.add((arrival.name, content := stream.read()))
                assert folders.unchanged(arrival, stream, len(content))
            folders.settle(arrival)
    assert seen == {(f"{number:04}.edi", b"%d" % number) for number in range(5000)}
    assert names(root / "inbox") == []


ONE_AFTER_ANOTHER = 120 * 5 * 0.04
"""Seconds for 120 files if each request (open, write, close, stat, rename) waited for the one before."""


def test_a_far_partner_is_served_quickly(server: ssh.Sshd, root: Path) -> None:
    with ssh.Proxy(server.port, 0.04) as proxy, ssh.remote(server, root, port=proxy.port) as folders:
        folders.sync(["outbox"])
        started = time.monotonic()
        put(folders, *([b"x" * 4096] * 120))
        assert time.monotonic() - started < ONE_AFTER_ANOTHER / 2
        for number in range(120):
            (root / f"outbox/{number}.edi").rename(root / f"inbox/{number}.edi")
        started = time.monotonic()
        for arrival in take(folders, root / "inbox", 120):
            with folders.open(arrival) as stream:
                assert folders.unchanged(arrival, stream, len(stream.read()))
            folders.settle(arrival)
        assert time.monotonic() - started < ONE_AFTER_ANOTHER / 2


class Zeros(io.RawIOBase):
    """So many bytes."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        taken = min(size, self._left)
        self._left -= taken
        return bytes(taken)


@pytest.mark.long
def test_a_gigabyte_goes_both_ways_in_flat_memory(server: ssh.Sshd, root: Path) -> None:
    size = 1_100_000_000  # more than paramiko sends with one key
    with ssh.remote(server, root) as folders:
        put(folders, b"1")
        memory.forget_peak()
        before = memory.peak()
        folders.stage("outbox", "9-t", Zeros(size))  # type: ignore[arg-type]
        folders.sync(["outbox"])
        folders.release("outbox", "9-t", "big.edi")
        (root / "outbox/big.edi").rename(root / "inbox/big.edi")
        (arrival,) = take(folders, root / "inbox")
        got = 0
        with folders.open(arrival) as stream:
            while piece := stream.read(1 << 20):
                got += len(piece)
            assert folders.unchanged(arrival, stream, size)
        assert got == size
        assert memory.peak() - before < 40_000, "KiB"
