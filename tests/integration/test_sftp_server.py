"""Partners log in to our server: what they can do with clients of several makes, and what nobody can."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path

import asyncssh
import pytest

from gateway.partners.sftp import Sftp
from gateway.transports.drop import Room
from gateway.transports.folder import INBOX, OUTBOX, Folder
from gateway.transports.sftp import SftpFolders
from tests import ssh
from tests.receivers import wait_for
from tests.sftp_server import Served, account, serving

pytestmark = [pytest.mark.needs_system, pytest.mark.skipif(not shutil.which("sftp"), reason=ssh.ABSENT)]

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as found:
        yield found


def run(made: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(120):
            await made()

    asyncio.run(within())


async def refused(action: Awaitable[object], words: str) -> None:
    with pytest.raises(asyncssh.SFTPError, match=words):
        await action


# --- the sftp command --------------------------------------------------------------------------------------


def test_the_sftp_command_puts_renames_lists_and_fetches(served: Served, tmp_path: Path) -> None:
    (tmp_path / "po.edi").write_bytes(CONTENT)
    (served.box(OUTBOX) / "997.edi").write_bytes(b"answer" * 5000)
    done = served.sftp(
        "pwd",
        "ls -la",
        f"put {tmp_path}/po.edi inbox/po.tmp",
        "rename inbox/po.tmp inbox/po.edi",
        "ls -la inbox",
        f"get outbox/997.edi {tmp_path}/got",
        "rm outbox/997.edi",
    )
    assert done.returncode == 0, done.stderr
    assert "Remote working directory: /\n" in done.stdout
    assert served.waiting() == {"po.edi": CONTENT}
    assert (tmp_path / "got").read_bytes() == b"answer" * 5000
    assert not list(served.box(OUTBOX).iterdir())
    assert not any(" root " in line for line in done.stdout.splitlines()), (
        "users of this machine are not told"
    )
    digest = hashlib.sha256(b"answer" * 5000).hexdigest()
    assert [(event, facts["file"], facts["sha256"]) for _, event, facts in served.kept] == [
        ("file.uploaded", "po.tmp", hashlib.sha256(CONTENT).hexdigest()),
        ("file.fetched", "997.edi", digest),
        ("file.removed", "997.edi", digest),
    ]
    who = {"user": "acme", "address": "127.0.0.1"}
    assert all(facts.items() >= who.items() and facts["key"][:7] == "SHA256:" for *_, facts in served.kept)


def test_there_is_no_shell_no_command_and_no_forwarding(served: Served) -> None:
    command = ["ssh", *served.options("acme", "-p"), "acme@127.0.0.1"]
    for words in (["id"], ["-T"], ["-s", "scp"]):
        ask = [*command, *words] if words[0] == "id" else [command[0], *words[:1], *command[1:], *words[1:]]
        done = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=60, input="id\n")
        assert done.returncode != 0
        assert "uid=" not in done.stdout
    run(lambda: _no_forwarding(served))


async def _no_forwarding(served: Served) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as inside:
        async with served.login() as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", inside.getsockname()[1])
            with pytest.raises(asyncssh.ChannelListenError):
                await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
            for ask in ({"term_type": "vt100"}, {"x11_forwarding": True}, {"command": "scp -t /inbox"}):
                with pytest.raises((asyncssh.ChannelOpenError, asyncssh.ProcessError)):
                    await connection.create_process(**ask)


def test_a_line_that_tells_the_version_of_nothing(served: Served) -> None:
    with closing(socket.create_connection(("127.0.0.1", served.port), 10)) as line:
        assert line.makefile("rb").readline() == b"SSH-2.0-SFTP\r\n"


# --- our own client, paramiko ------------------------------------------------------------------------------


def test_our_own_client_trades_with_our_own_server(served: Served) -> None:
    terms = Sftp(
        host="127.0.0.1",
        port=served.port,
        user="acme",
        host_keys=(served.host_key,),
        key=f"file:{served.root}/acme.key",
        inboxes=("/outbox",),
        outbox="/inbox",
    )
    for number in range(100):
        (served.box(OUTBOX) / f"{number}.edi").write_bytes(b"%d" % number * 9000)
        os.utime(served.box(OUTBOX) / f"{number}.edi", (1, 1))
    remote = SftpFolders(terms, "acme", ssh.found, 1)
    with remote:
        look = remote.look(1e9, 0)
        assert len(look.ready) == 100
        arrivals = [found for name in look.ready if (found := remote.claim(name, name))]
        for arrival in arrivals:
            with remote.open(arrival) as stream:
                assert stream.read() == (served.box(OUTBOX) / arrival.name).read_bytes()
            remote.settle(arrival)
    assert not list(served.box(OUTBOX).iterdir())
    assert {facts["file"] for _, event, facts in served.kept if event == "file.fetched"} == {
        f"{number}.edi" for number in range(100)
    }
    with remote:
        for number in range(100):
            remote.stage(OUTBOX, f"{number}-a", BytesIO(b"%d" % number * 9000))
        remote.sync([OUTBOX])
        for number in range(100):
            remote.release(OUTBOX, f"{number}-a", f"{number}.edi")
        remote.sync([OUTBOX])
    assert served.waiting() == {f"{number}.edi": b"%d" % number * 9000 for number in range(100)}
    told: list[str] = []
    with remote:
        remote.probe(lambda step, _: told.append(step), send=True)
    assert told[-2:] == ["upload", "rename"]


# --- who comes in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("user", "key"), [("acme", "other"), ("nobody", "acme"), ("other", "acme")])
def test_a_key_is_for_its_partner_alone(served: Served, user: str, key: str) -> None:
    async def within() -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            async with served.login(user, key):
                pass

    run(within)
    ((event, facts),) = served.said
    assert (event, facts["user"]) == ("sftp.refused", user)


def test_partners_do_not_see_each_other(served: Served) -> None:
    async def within() -> None:
        (served.box(OUTBOX) / "for-acme.edi").write_bytes(b"x")
        async with served.client("other") as client:
            assert await client.listdir("/outbox") == []
            await refused(client.stat("/outbox/for-acme.edi"), "(?i)no such file")
            await refused(client.listdir("/../acme/outbox"), "no others")

    run(within)


def test_an_address_outside_of_the_agreed_networks_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, networks=("192.0.2.0/24", "2001:db8::/32")) as served:

        async def within() -> None:
            with pytest.raises(asyncssh.PermissionDenied):
                async with served.login():
                    pass

        run(within)
        assert served.reasons() == ["it may not come from this address"]


def test_passwords_are_not_asked_for(served: Served) -> None:
    async def within() -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            async with asyncssh.connect(
                "127.0.0.1", served.port, username="acme", password="x", known_hosts=None, client_keys=None
            ):
                pass

    run(within)


def test_only_so_many_keys_are_tried(tmp_path: Path) -> None:
    with serving(tmp_path, {"login_attempts": 3}) as served:

        async def within() -> None:
            keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(8)]
            with pytest.raises((asyncssh.DisconnectError, OSError)):
                async with asyncssh.connect(
                    "127.0.0.1", served.port, username="acme", client_keys=keys, known_hosts=None
                ):
                    pass

        run(within)
        assert served.reasons() == ["the key is not one of its settings"] * 3


def test_a_partner_has_so_many_connections_and_one_that_ends_makes_room(tmp_path: Path) -> None:
    with serving(tmp_path, {"partner_connections": 2}) as served:

        async def within() -> None:
            async with served.client():
                async with served.client():
                    with pytest.raises((asyncssh.Error, OSError)):
                        async with served.client() as third:
                            await third.listdir("/")
                    async with served.client("other") as another:
                        assert await another.listdir("/") == ["inbox", "outbox"]
                async with served.client() as again:
                    assert await again.listdir("/") == ["inbox", "outbox"]

        run(within)


def test_strangers_that_say_nothing_do_not_keep_partners_out(tmp_path: Path) -> None:
    with serving(tmp_path, {"connections": 5}) as served:

        async def within() -> None:
            lines = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(40)]
            for _ in range(3):
                async with served.client() as client:
                    assert await client.listdir("/") == ["inbox", "outbox"]
            async with asyncio.timeout(60):
                for reader, _ in lines[:35]:
                    assert await reader.read() == b"SSH-2.0-SFTP\r\n", "who takes longest makes room"
            for _, writer in lines:
                writer.close()

        run(within)


def test_who_asks_for_nothing_is_sent_away(tmp_path: Path) -> None:
    with serving(tmp_path, {"idle_seconds": 3}) as served:

        async def within() -> None:
            async with served.client() as client:
                await client.listdir("/")
                await client.wait_closed()
                with pytest.raises((asyncssh.Error, OSError)):
                    await client.listdir("/")

        run(within)


def test_who_does_not_log_in_in_time_is_sent_away(tmp_path: Path) -> None:
    with serving(tmp_path, {"login_seconds": 1}) as served:
        line = socket.create_connection(("127.0.0.1", served.port), 20)
        with closing(line):
            while line.recv(4096):
                pass


# --- files -------------------------------------------------------------------------------------------------


def test_a_file_is_there_when_it_is_closed_and_not_before(served: Served) -> None:
    async def within() -> None:
        async with served.client() as client:
            file = await client.open("/inbox/a.edi", "wb")
            await file.write(CONTENT)
            assert await client.listdir("/inbox") == []
            assert [name[:8] for name in served.waiting()] == [".upload-"]
            assert Folder(served.root / "acme", 0).look(1e10, 0).ready == ()
            Room(served.box(INBOX), account(served.root)).clean()  # as another node does when it starts
            await file.close()
            assert served.waiting() == {"a.edi": CONTENT}
            assert (await client.stat("/inbox/a.edi")).size == len(CONTENT)

    run(within)


def test_a_file_is_on_disk_before_its_name_is_and_both_before_the_close_is_answered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def syncing(descriptor: int) -> None:
        assert ("a.edi" in served.waiting()) == bool(synced)
        fsync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", syncing)

    async def within() -> None:
        async with served.client() as client:
            file = await client.open("/inbox/a.edi", "wb")
            await file.write(CONTENT)
            assert synced == []
            await file.close()
            paths = (served.box(INBOX) / "a.edi", served.box(INBOX))
            assert synced == [path.stat().st_ino for path in paths]

    run(within)


def test_what_lay_there_before_the_start_counts(tmp_path: Path) -> None:
    (tmp_path / "acme/inbox").mkdir(parents=True)
    for name in ("a.edi", "b.edi", ".upload-dead"):
        (tmp_path / "acme/inbox" / name).write_bytes(b"x")
    with serving(tmp_path, max_files=3) as served:

        async def within() -> None:
            async with served.client() as client:
                async with client.open("/inbox/c.edi", "wb") as file:
                    await file.write(b"x")
                await refused(client.open("/inbox/d.edi", "wb"), "3 files or 1000 MB wait")

        run(within)
        assert served.waiting().keys() == {"a.edi", "b.edi", "c.edi"}


@pytest.mark.parametrize("how", ["connection", "channel"])
def test_what_is_not_closed_leaves_nothing(served: Served, how: str) -> None:
    async def within() -> None:
        async with served.login() as connection:
            client = await connection.start_sftp_client()
            for name in ("a.edi", "b.edi"):
                file = await client.open(f"/inbox/{name}", "wb")
                await file.write(CONTENT)
            assert len(served.waiting()) == 2
            if how == "connection":
                connection.abort()
            else:
                client.exit()
                await client.wait_closed()
            while served.waiting():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    run(within)
    assert served.kept == []


def test_a_waiting_file_is_never_replaced(served: Served, tmp_path: Path) -> None:
    (served.box(INBOX) / "a.edi").write_bytes(b"first")

    async def within() -> None:
        async with served.client() as client:
            await refused(client.open("/inbox/a.edi", "wb"), "a file a.edi is there and not replaced")
            await refused(client.open("/inbox/a.edi", "ab"), "is there")
            async with client.open("/inbox/b.tmp", "wb") as file:
                await file.write(b"second")
            for rename in (client.rename, client.posix_rename):
                with pytest.raises(asyncssh.SFTPError):
                    await rename("/inbox/b.tmp", "/inbox/a.edi")
            first, second = [await client.open("/inbox/c.edi", "wb") for _ in range(2)]
            await first.write(b"1")
            await second.write(b"2")
            await first.close()
            await refused(second.close(), "a file c.edi is there")
            await client.remove("/inbox/a.edi")
            await client.rename("/inbox/b.tmp", "/inbox/a.edi")

    run(within)
    assert served.waiting() == {"a.edi": b"second", "c.edi": b"1"}


def test_a_file_written_in_too_many_pieces_is_not_kept(served: Served) -> None:
    async def within() -> None:
        async with served.client() as client:
            file = await client.open("/inbox/a.edi", "wb")
            for piece in range(1000):
                await file.write(b"x", 2 * piece + 1)
            await refused(file.write(b"x", 2001), "too many pieces")
            await refused(file.close(), "not kept")

    run(within)
    assert served.waiting() == {}


def test_an_unfinished_file_is_replaced_when_its_owner_tries_again(served: Served) -> None:
    async def within() -> None:
        async with served.client() as client:
            for content in (b"broke before the rename", b"again"):
                async with client.open("/inbox/a.edi.part", "wb") as file:
                    await file.write(content)
            await client.rename("/inbox/a.edi.part", "/inbox/a.edi")

    run(within)
    assert served.waiting() == {"a.edi": b"again"}


def test_a_file_with_a_hole_is_not_kept(served: Served) -> None:
    async def within() -> None:
        async with served.client() as client:
            file = await client.open("/inbox/a.edi", "wb")
            await file.write(b"x" * 10, 0)
            await file.write(b"x" * 10, 20)
            await refused(file.close(), "bytes from 10 on never came")
            file = await client.open("/inbox/b.edi", "wb")
            await file.truncate(30)
            await refused(file.close(), "bytes from 0 on never came")
            file = await client.open("/inbox/c.edi", "wb")
            for offset in (20, 0, 10):
                await file.write(b"%d" % offset * 5 if offset else b"0" * 10, offset)
            await file.close()

    run(within)
    assert served.waiting() == {"c.edi": b"0" * 10 + b"10" * 5 + b"20" * 5}


def test_nothing_is_added_to_a_file(served: Served) -> None:
    async def within() -> None:
        async with served.client() as client:
            await refused(client.open("/inbox/a.edi", "ab"), "put it again as a whole")

    run(within)
    assert served.waiting() == {}


def test_an_upload_that_is_too_large_is_refused_with_the_limit_and_not_kept(tmp_path: Path) -> None:
    with serving(tmp_path, max_file_mb=1, quota_mb=2) as served:

        async def within() -> None:
            async with served.client() as client:
                file = await client.open("/inbox/a.edi", "wb")
                await refused(file.write(b"x" * 1_000_001), "a.edi is larger than 1 MB")
                await refused(file.close(), "not complete and was not kept: a.edi is larger")
                file = await client.open("/inbox/b.edi", "wb")
                await refused(file.write(b"x", 1 << 62), "larger than 1 MB")
                await refused(file.close(), "not kept")

        run(within)
        assert served.waiting() == {}


def test_quotas_hold_for_what_many_connections_put_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, {"partner_connections": 8}, max_file_mb=1, quota_mb=3, max_files=20) as served:

        async def put(number: int) -> int:
            done = 0
            async with served.client() as client:
                for index in range(6):
                    with suppress(asyncssh.SFTPError):
                        async with client.open(f"/inbox/{number}-{index}", "wb") as file:
                            await file.write(b"x" * 400_000)
                        done += 1
            return done

        async def within() -> None:
            done = sum(await asyncio.gather(*(put(number) for number in range(8))))
            assert len(served.waiting()) == done
            assert sum(map(len, served.waiting().values())) <= 3_000_000
            async with served.client() as client:
                for index in range(10):  # now that nothing is on its way, all the room can be used
                    with suppress(asyncssh.SFTPError):
                        async with client.open(f"/inbox/last-{index}", "wb") as file:
                            await file.write(b"x" * 400_000)
            assert len(served.waiting()) == 7
            for path in served.box(INBOX).iterdir():  # the gateway takes them
                path.unlink()
            async with served.client() as client:
                for index in range(20):
                    async with client.open(f"/inbox/{index}", "wb") as file:
                        await file.write(b"x")
                await refused(client.open("/inbox/more", "wb"), "20 files or 3 MB wait in /inbox")

        run(within)
        assert len(served.waiting()) == 20


def test_what_was_fetched_is_kept_only_when_all_of_it_was_read(served: Served) -> None:
    (served.box(OUTBOX) / "a.edi").write_bytes(CONTENT)

    async def within() -> None:
        async with served.client() as client:
            async with client.open("/outbox/a.edi", "rb") as file:
                assert len(await file.read(1000, 0)) == 1000
            assert served.kept == []
            async with client.open("/outbox/a.edi", "rb") as file:
                for offset in range(0, len(CONTENT), 16_000):
                    await file.read(16_000, offset)
        async with served.login() as connection:
            client = await connection.start_sftp_client()
            file = await client.open("/outbox/a.edi", "rb")
            await file.read()
            connection.abort()

    run(within)
    assert [event for _, event, _ in served.kept] == ["file.fetched"]


def test_the_outbox_is_read_only_where_that_was_agreed(tmp_path: Path) -> None:
    with serving(tmp_path, removes=False) as served:
        (served.box(OUTBOX) / "a.edi").write_bytes(b"x")

        async def within() -> None:
            async with served.client() as client:
                await refused(client.remove("/outbox/a.edi"), "not yours to change")
                await refused(client.rename("/outbox/a.edi", "/outbox/b"), "not yours to change")

        run(within)
        assert (served.box(OUTBOX) / "a.edi").exists()


def test_what_is_still_being_delivered_is_not_there_for_the_partner(served: Served) -> None:
    (served.box(OUTBOX) / ".sending-7-ab.tmp").write_bytes(b"half")

    async def within() -> None:
        async with served.client() as client:
            assert await client.listdir("/outbox") == []
            for ask in (client.stat, client.open, client.remove):
                await refused(ask("/outbox/.sending-7-ab.tmp"), "(?i)no such file")

    run(within)


def test_a_removal_that_cannot_be_written_down_does_not_happen(tmp_path: Path) -> None:
    def keep(*_: object) -> None:
        raise OSError(errno.EIO, "it could not be written down; try again later")

    with serving(tmp_path, keep=keep) as served:
        (served.box(OUTBOX) / "a.edi").write_bytes(b"x")

        async def within() -> None:
            async with served.client() as client:
                await refused(client.remove("/outbox/a.edi"), "try again later")
                await refused(client.rename("/outbox/a.edi", "/outbox/b.edi"), "try again later")
                async with client.open("/inbox/b.edi", "wb") as file:  # the gateway will say that it has it
                    await file.write(b"y")

        run(within)
        assert [one.name for one in served.box(OUTBOX).iterdir()] == ["a.edi"]
        assert served.waiting() == {"b.edi": b"y"}


# --- hostile clients ---------------------------------------------------------------------------------------

ESCAPES = [
    b"/etc/passwd",
    b"../../../../etc/passwd",
    b"/inbox/../../../etc/passwd",
    b"/outbox/../quarantine/q",
    b"/.claimed/x",
    b"/quarantine/q",
    b"inbox/sub/../../../acme.key",
    b"//etc//passwd",
    b"/inbox/./../../acme.key",
    b"/outbox/link",
    b"/outbox/dir/inside",
    b"/outbox/pipe",
    b"/inbox/\x00/etc/passwd",
    b"/outbox\x00",
    b"\xff\xfe",
    b"/inbox\\..\\..\\x",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out(served: Served, tmp_path: Path, path: bytes) -> None:
    (served.box("quarantine") / "q").write_bytes(b"secret")
    (served.box(OUTBOX) / "link").symlink_to(tmp_path / "acme.key")
    (served.box(OUTBOX) / "dir").symlink_to(tmp_path)
    os.mkfifo(served.box(OUTBOX) / "pipe")
    before = sorted(map(str, tmp_path.rglob("*")))

    async def within() -> None:
        async with served.client() as client:
            assert await client.listdir("/outbox") == []
            for ask in (
                client.stat,
                client.lstat,
                client.open,
                client.remove,
                client.readlink,
                client.listdir,
            ):
                with pytest.raises((asyncssh.SFTPError, OSError)):
                    await ask(path)
            for made in (client.open(path, "wb"), client.mkdir(path), client.symlink(b"/etc", path)):
                with pytest.raises(asyncssh.SFTPError):
                    await made
            (served.box(INBOX) / "mine").write_bytes(b"x")
            for new in (path, b"/outbox/x", b"/inbox/.upload-x"):
                with pytest.raises(asyncssh.SFTPError):
                    await client.rename(b"/inbox/mine", new)
            with pytest.raises(asyncssh.SFTPError):
                await client.link(b"/inbox/mine", path)

    run(within)
    (served.box(INBOX) / "mine").unlink()
    assert sorted(map(str, tmp_path.rglob("*"))) == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (b"x" * 201, "at most 200 bytes"),
        (b"x" * 100_000, "at most 1024 bytes"),
        (b"a\nb", "no control characters"),
        (b"a\x1b[2Jb", "no control characters"),
        (b".upload-1", "used here for something else"),
        (b"", "the name of the file"),
    ],
)
def test_names_that_cannot_be_used_are_refused_with_words(served: Served, name: bytes, words: str) -> None:
    async def within() -> None:
        async with served.client() as client:
            await refused(client.open(b"/inbox/" + name, "wb"), words)

    run(within)
    assert served.waiting() == {}


@pytest.mark.parametrize(
    "name", ["Bestellung März 5.edi".encode(), b"M\xe4rz.edi", b"-rf", b"a b'\"$(id)`.edi", b"CON"]
)
def test_odd_names_are_taken_as_they_are(served: Served, name: bytes) -> None:
    async def within() -> None:
        async with served.client() as client, client.open(b"/inbox/" + name, "wb") as file:
            await file.write(b"x")

    run(within)
    assert [os.fsencode(one) for one in served.waiting()] == [name]
    look = Folder(served.root / "acme", 0).look(1e10, 0)
    assert look.ready == (os.fsdecode(name),)


def test_ten_thousand_handles_are_not_had(served: Served) -> None:
    (served.box(OUTBOX) / "a.edi").write_bytes(b"x")

    async def within() -> None:
        refusals = 0
        async with served.login() as connection:
            clients = [await connection.start_sftp_client() for _ in range(3)]
            for index in range(10_000 // 10):
                try:
                    await clients[index % 3].open("/outbox/a.edi", "rb")
                except asyncssh.SFTPError as error:
                    refusals += error.reason == "200 files and folders are open; close some"
            assert refusals == 800
            more = 0
            with suppress(asyncssh.ChannelOpenError):
                for _ in range(50):
                    await connection.start_sftp_client()
                    more += 1
            assert more == 7
            async with served.client("other") as client:
                await client.listdir("/outbox")

    run(within)


def test_a_client_that_reads_no_answers_does_not_fill_the_memory(served: Served) -> None:
    """It asks for a gigabyte and takes nothing: the server stops asking for requests."""
    (served.box(OUTBOX) / "a.edi").write_bytes(b"x" * 1_000_000)

    async def within() -> None:
        async with served.login() as connection:
            channel, _ = await connection.create_session(_Greedy, subsystem="sftp", encoding=None)
            channel.pause_reading()
            channel.write(packet(1, (3).to_bytes(4, "big")))
            channel.write(packet(3, number(1) + text(b"/outbox/a.edi") + number(1) + number(0)))
            for index in range(4000):
                channel.write(packet(5, number(index + 2) + text(b"\0\0\0\0") + bytes(8) + number(262_144)))
            await asyncio.sleep(1)
            server = next(iter(served.server.guests["acme"].sessions))
            assert server._writer is not None
            sent = server._writer.channel.get_write_buffer_size()
            assert sent < 4_000_000
            async with served.client("other") as client:
                await client.listdir("/outbox")

    run(within)


class _Greedy(asyncssh.SSHClientSession[bytes]):
    pass


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def text(value: bytes) -> bytes:
    return number(len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    return text(bytes([kind]) + body)


GARBAGE = [
    b"",
    b"\xff" * 9,
    number(2**31) + b"x",
    packet(1, number(3)) + number(2**32 - 1),
    packet(1, number(3)) + packet(200, number(1)),
    packet(1, number(3)) + packet(3, number(1)),
    packet(1, number(3)) + packet(3, number(1) + number(2**31)),
    packet(1, number(3)) + packet(6, number(1) + text(b"\0\0\0\1") + bytes(8) + text(b"x" * 1000)),
    packet(1, number(3)) + packet(200, number(1) + text(b"copy-data") + bytes(100)),
    packet(1, number(6)) + packet(17, number(1) + text(b"/")),
    packet(3, number(1) + text(b"/inbox/a") + number(26) + number(0)),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_no_sftp_harms_nobody(served: Served, garbage: bytes) -> None:
    async def within() -> None:
        async with served.login() as connection:
            channel, _ = await connection.create_session(_Greedy, subsystem="sftp", encoding=None)
            channel.write(garbage)
            channel.write_eof()
            await channel.wait_closed()
        async with served.client() as client:
            assert await client.listdir("/") == ["inbox", "outbox"]

    run(within)
    assert served.waiting() == {}
    wait_for(lambda: not any(guest.sessions for guest in served.server.guests.values()))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99, 0.999])
def test_an_upload_that_is_cut_anywhere_leaves_nothing(served: Served, tmp_path: Path, share: float) -> None:
    """The line breaks after a share of the bytes of a whole session; only one that ended counts."""
    content = os.urandom(300_000)
    (tmp_path / "po.edi").write_bytes(content)
    with closing(socket.create_server(("127.0.0.1", 0))) as front:
        left, port = int(share * 303_000), served.port

        def carry() -> None:
            near, _ = front.accept()
            far = socket.create_connection(("127.0.0.1", port))

            def back() -> None:
                with suppress(OSError):
                    while data := far.recv(65_536):
                        near.sendall(data)

            threading.Thread(target=back, daemon=True).start()
            rest = left
            with suppress(OSError):
                while rest > 0 and (data := near.recv(min(65_536, rest))):
                    far.sendall(data)
                    rest -= len(data)
            for line in (near, far):
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()

        thread = threading.Thread(target=carry)
        thread.start()
        try:
            served.server.port = front.getsockname()[1]
            done = served.sftp(f"put {tmp_path}/po.edi inbox/po.edi")
        finally:
            served.server.port = port
            thread.join()
        wait_for(lambda: not any(guest.sessions for guest in served.server.guests.values()))
    assert served.waiting() in ({}, {"po.edi": content})
    assert done.returncode == 255
