"""What services rely on, for every transport. A new transport joins by a line in ``TRANSPORTS``."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Protocol

import pytest

from gateway.partners.sftp import Sftp
from gateway.transports.base import Arrival, Look, Receiver, Sender, UnreadableError
from gateway.transports.folder import INBOX, OUTBOX, Folder, harmless
from gateway.transports.sftp import SftpFolders
from tests import ssh
from tests.sftp_server import serving

LONG_AGO = 1_000_000.0


class Transport(Receiver, Sender, Protocol):
    """Both directions of a channel."""


Maker = Callable[[Path, pytest.FixtureRequest], Iterator[Transport]]


def folder(root: Path, _: pytest.FixtureRequest) -> Iterator[Transport]:
    made = Folder(root, stable_seconds=2)
    made.make()
    yield made


def sftp(root: Path, request: pytest.FixtureRequest) -> Iterator[Transport]:
    """OpenSSH; one server for all tests."""
    with ssh.remote(request.getfixturevalue("_server"), ssh.folders(root)) as made:
        yield made


def sftp_server(root: Path, request: pytest.FixtureRequest) -> Iterator[Transport]:
    """Our client with our server, which has it the other way round: we put into ``/inbox``."""
    ssh.folders(root)
    with serving(root / "served") as served:
        for box, other in ((INBOX, OUTBOX), (OUTBOX, INBOX)):
            served.box(box).rmdir()
            served.box(box).symlink_to(root / other)
        terms = Sftp(
            host="127.0.0.1",
            port=served.port,
            user="acme",
            host_keys=(served.host_key,),
            key=f"file:{root}/served/acme.key",
            inboxes=("/outbox",),
            outbox="/inbox",
        )
        boxes = {"outbox": "/inbox", "quarantine": "/quarantine", "elsewhere": "/elsewhere"}
        with SftpFolders(terms, "acme", ssh.found, 2, boxes=boxes) as made:
            yield made


TRANSPORTS: dict[str, Maker] = {"folder": folder, "sftp": sftp, "sftp-server": sftp_server}


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh.Sshd]:
    with ssh.sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


NEEDS = {"sftp": pytest.mark.needs_system, "sftp-server": pytest.mark.needs_system}


@pytest.fixture(params=[pytest.param(name, marks=NEEDS.get(name, ())) for name in TRANSPORTS])
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Transport]:
    yield from TRANSPORTS[request.param](tmp_path, request)


with_all_rights = pytest.mark.parametrize(
    "transport",
    [pytest.param(name, marks=NEEDS.get(name, ())) for name in TRANSPORTS if name != "sftp-server"],
    indirect=True,
)
"""For what needs a server that shows everything and lets us move files to other folders."""


@pytest.fixture
def inbox(tmp_path: Path, transport: Transport) -> Path:
    return tmp_path / "inbox"


def drop(path: Path, content: bytes = b"ISA", at: float = LONG_AGO) -> None:
    path.write_bytes(content)
    os.utime(path, (at, at))


# --- receiving -------------------------------------------------------------------------------------------


def test_an_old_file_is_ready_at_the_first_look(transport: Transport, inbox: Path) -> None:
    drop(inbox / "b.edi", at=LONG_AGO + 1)
    drop(inbox / "a.edi", at=LONG_AGO + 2)
    assert transport.look(LONG_AGO + 4, LONG_AGO + 4) == Look(("b.edi", "a.edi"), (), ())


def test_a_fresh_file_is_ready_when_it_looks_the_same_twice(transport: Transport, inbox: Path) -> None:
    drop(inbox / "a.edi", at=LONG_AGO + 1000)  # the file server's clock is ahead
    assert transport.look(LONG_AGO, LONG_AGO) == Look((), ("a.edi",), ())
    assert transport.look(LONG_AGO + 1, LONG_AGO + 1) == Look((), ("a.edi",), ())
    assert transport.look(LONG_AGO + 2, LONG_AGO + 2) == Look(("a.edi",), (), ())


def test_a_file_that_grows_is_never_ready(transport: Transport, inbox: Path) -> None:
    for second in range(10):
        drop(inbox / "a.edi", b"x" * second, at=LONG_AGO + second)
        assert transport.look(LONG_AGO + second + 1, LONG_AGO + second + 1) == Look((), ("a.edi",), ())


@pytest.mark.parametrize("name", [".a.edi", "a.edi.tmp", "A.PART", "a.filepart", "..edi"])
def test_unfinished_names_are_left_alone(transport: Transport, inbox: Path, name: str) -> None:
    drop(inbox / name)
    assert transport.look(LONG_AGO + 60, LONG_AGO + 60) == Look((), (), ())


@with_all_rights
def test_links_and_folders_are_told_and_left_alone(transport: Transport, inbox: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    drop(secret)
    (inbox / "link.edi").symlink_to(secret)
    (inbox / "sub").mkdir()
    drop(inbox / "sub/a.edi")
    os.mkfifo(inbox / "pipe")
    look = transport.look(LONG_AGO * 2, LONG_AGO * 2)
    assert (look.ready, look.unsure) == ((), ())
    assert [name for name, _ in look.ignored] == ["link.edi", "pipe", "sub"]
    assert (inbox / "link.edi").is_symlink()


@with_all_rights
def test_a_claimed_file_is_gone_for_others_and_found_again(
    transport: Transport, inbox: Path, tmp_path: Path
) -> None:
    drop(inbox / "a.edi", b"content")
    transport.look(LONG_AGO * 2, LONG_AGO * 2)
    arrival = transport.claim("a.edi", "id1")
    assert arrival == Arrival("id1", "a.edi")
    assert not list(inbox.iterdir())
    assert transport.claim("a.edi", "id2") is None
    later = Folder(tmp_path, 2) if isinstance(transport, Folder) else transport
    assert later.arrivals() == [arrival]
    with later.open(arrival) as stream:
        assert stream.read() == b"content"
        assert later.unchanged(arrival, stream, 7)
    later.settle(arrival)
    later.settle(arrival)
    assert later.arrivals() == []


@with_all_rights
def test_a_file_written_to_after_the_look_is_not_taken(transport: Transport, inbox: Path) -> None:
    drop(inbox / "a.edi", b"half")
    transport.look(LONG_AGO * 2, LONG_AGO * 2)
    drop(inbox / "a.edi", b"half and more", at=LONG_AGO + 1)
    assert transport.claim("a.edi", "id1") is None
    assert (inbox / "a.edi").read_bytes() == b"half and more"
    assert transport.arrivals() == []


def test_writing_while_it_is_read_is_noticed(transport: Transport, inbox: Path) -> None:
    drop(inbox / "a.edi", b"half")
    with (inbox / "a.edi").open("ab") as slow_writer:
        transport.look(LONG_AGO * 2, LONG_AGO * 2)
        arrival = transport.claim("a.edi", "id1")
        assert arrival is not None
        with transport.open(arrival) as stream:
            content = stream.read()
            slow_writer.write(b" and more")
            slow_writer.flush()
            assert not transport.unchanged(arrival, stream, len(content))


@with_all_rights
def test_arrivals_are_in_the_order_of_their_ids(transport: Transport, inbox: Path) -> None:
    for name, arrival_id in (("a", "id2"), ("b", "id1")):
        drop(inbox / name)
        transport.look(LONG_AGO * 2, LONG_AGO * 2)
        transport.claim(name, arrival_id)
    assert [arrival.id for arrival in transport.arrivals()] == ["id1", "id2"]


@with_all_rights
def test_what_is_no_longer_what_was_seen_is_put_back(transport: Transport, inbox: Path) -> None:
    drop(inbox / "a.edi")
    transport.look(LONG_AGO * 2, LONG_AGO * 2)
    (inbox / "a.edi").unlink()
    (inbox / "a.edi").symlink_to("/etc/passwd")
    assert transport.claim("a.edi", "id1") is None
    assert (inbox / "a.edi").is_symlink()


@with_all_rights
def test_what_turns_out_to_be_no_file_is_put_aside_unopened(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / ".claimed/id1__a.edi").symlink_to("/etc/passwd")
    (arrival,) = transport.arrivals()
    with pytest.raises(UnreadableError):
        transport.open(arrival)
    name = transport.set_aside(arrival)
    assert (tmp_path / "quarantine" / name).is_symlink()
    assert transport.arrivals() == []
    assert transport.set_aside(arrival) == name


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("po 850.edi", "po 850.edi"),
        ("Bestellung_März.edi", "Bestellung_März.edi"),
        ("a/../b.edi", "a_.._b.edi"),
        ("x\n\x1b[31m.edi", "x__[31m.edi".replace("[", "_")),
        ("\udcff.edi", "_.edi"),
        ("...", "unnamed"),
        ("", "unnamed"),
        ("a__b", "a__b"),
    ],
)
def test_names_are_made_harmless(name: str, clean: str) -> None:
    assert harmless(name) == clean


def test_long_names_keep_their_extension() -> None:
    name = harmless("ü" * 500 + ".edi")
    assert name.endswith(".edi")
    assert len(name.encode()) <= 120


# --- sending ---------------------------------------------------------------------------------------------


def test_staged_content_is_invisible_until_it_is_released(transport: Transport, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    transport.stage("outbox", "1", BytesIO(b"half"))
    transport.stage("outbox", "1", BytesIO(b"whole"))
    assert transport.staged("outbox", "1")
    assert not transport.staged("outbox", "2")
    assert all(path.name.startswith(".") for path in outbox.iterdir())
    assert not transport.exists("outbox", "a.json")
    transport.release("outbox", "1", "a.json")
    transport.sync(["outbox"])
    assert list(outbox.iterdir()) == [outbox / "a.json"]
    assert (outbox / "a.json").read_bytes() == b"whole"
    assert transport.exists("outbox", "a.json")
    assert not transport.staged("outbox", "1")


def test_a_folder_that_is_away_is_an_error_and_never_counts_as_sent(
    transport: Transport, tmp_path: Path
) -> None:
    transport.stage("outbox", "1", BytesIO(b"x"))
    (tmp_path / "outbox").rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"outbox|inbox"):
        transport.staged("outbox", "1")
    with pytest.raises(OSError, match=r"outbox|inbox"):
        transport.stage("outbox", "1", BytesIO(b"x"))


def hidden(tmp_path: Path) -> list[str]:
    """Keys under which content is staged in the outbox."""
    found = (tmp_path / "outbox").glob(".sending-*.tmp")
    return sorted(path.name.removeprefix(".sending-").removesuffix(".tmp") for path in found)


def stage(transport: Transport, *keys: str) -> None:
    for key in keys:
        transport.stage("outbox", key, BytesIO(key.encode()))


def test_what_was_staged_under_one_key_can_be_discarded(transport: Transport, tmp_path: Path) -> None:
    stage(transport, "1-a", "1-b", "2-a", "12-a")
    transport.discard(["outbox"], {1: "1-a", 2: "2-b"})
    assert hidden(tmp_path) == ["1-b", "12-a", "2-a"]
    assert not transport.staged("outbox", "1-a")


def test_what_was_staged_for_a_delivery_by_anybody_can_be_discarded(
    transport: Transport, tmp_path: Path
) -> None:
    stage(transport, "1-a", "1-b", "1-c", "2-a", "12-a")
    transport.discard(["outbox"], {1: "", 2: ""}, keep={"1-b", "12-a"})
    assert hidden(tmp_path) == ["1-b", "12-a"]


def test_only_what_is_staged_is_discarded(transport: Transport, tmp_path: Path) -> None:
    stage(transport, "1-a")
    transport.release("outbox", "1-a", "1-a.json")
    others = [".sending-x.tmp", ".sending-.tmp", ".sending-\u00b2-a.tmp", "1-a", ".hidden"]
    for name in others:
        drop(tmp_path / "outbox" / name)
    transport.discard(["outbox", "quarantine"], {1: "", 2: ""})
    assert sorted(path.name for path in (tmp_path / "outbox").iterdir()) == sorted([*others, "1-a.json"])


def test_what_cannot_be_discarded_is_left_without_a_word(transport: Transport, tmp_path: Path) -> None:
    stage(transport, "1-a")
    transport.discard(["outbox", "elsewhere"], {})
    assert hidden(tmp_path) == ["1-a"]
    (tmp_path / "outbox").rename(tmp_path / "away")
    transport.discard(["outbox"], {1: ""})
    (tmp_path / "away").rename(tmp_path / "outbox")
    assert hidden(tmp_path) == ["1-a"]


def test_a_discarded_file_is_not_released_and_does_not_hinder(transport: Transport, tmp_path: Path) -> None:
    stage(transport, "1-a")
    transport.discard(["outbox"], {1: "1-a"})
    transport.sync(["outbox"])
    transport.release("outbox", "1-a", "a.json")
    assert list((tmp_path / "outbox").iterdir()) == []


of_our_disk = pytest.mark.parametrize("transport", ["folder"], indirect=True)
"""For what only a transport can promise whose disk is ours."""


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The inodes that were brought to disk, in their order."""
    found: list[int] = []
    fsync = os.fsync

    def syncing(descriptor: int) -> None:
        fsync(descriptor)
        found.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", syncing)
    return found


@of_our_disk
def test_what_was_staged_is_on_disk_before_the_names(
    transport: Transport, tmp_path: Path, synced: list[int]
) -> None:
    stage(transport, "1-a", "2-a")
    assert synced == []
    transport.sync(["outbox", "quarantine"])
    staged = {path.stat().st_ino for path in (tmp_path / "outbox").iterdir()}
    boxes = {(tmp_path / box).stat().st_ino for box in ("outbox", "quarantine")}
    assert (set(synced[:2]), set(synced[2:])) == (staged, boxes)
    synced.clear()
    transport.sync(["outbox"])
    assert synced == [(tmp_path / "outbox").stat().st_ino], "a file is brought there once"


@of_our_disk
def test_each_thread_syncs_what_it_staged(transport: Transport, tmp_path: Path, synced: list[int]) -> None:
    thread = threading.Thread(target=stage, args=(transport, "1-a"))
    thread.start()
    thread.join()
    stage(transport, "2-a")
    transport.sync(["outbox"])
    mine = (tmp_path / "outbox/.sending-2-a.tmp").stat().st_ino
    assert synced == [mine, (tmp_path / "outbox").stat().st_ino]


def test_a_box_that_is_away_cannot_be_synced(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "outbox").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        transport.sync(["outbox"])


def test_a_released_file_is_not_released_again_by_who_comes_late(
    transport: Transport, tmp_path: Path
) -> None:
    stage(transport, "1-a")
    transport.release("outbox", "1-a", "a.json")
    (tmp_path / "outbox/a.json").rename(tmp_path / "taken")
    transport.release("outbox", "1-a", "a.json")
    assert list((tmp_path / "outbox").iterdir()) == []
