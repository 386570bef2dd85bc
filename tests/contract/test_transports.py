"""What services rely on, for every transport. A new transport joins by a line in ``TRANSPORTS``."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Protocol

import pytest

from gateway.transports.base import Arrival, Look, Receiver, Sender, UnreadableError
from gateway.transports.folder import Folder, harmless

LONG_AGO = 1_000_000.0


class Transport(Receiver, Sender, Protocol):
    """Both directions of a channel."""


def folder(root: Path) -> Folder:
    made = Folder(root, stable_seconds=2)
    made.make()
    return made


TRANSPORTS: dict[str, Callable[[Path], Transport]] = {"folder": folder}


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Transport:
    return TRANSPORTS[request.param](tmp_path)


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
    assert transport.look(LONG_AGO * 2, LONG_AGO * 2) == Look((), (), ())


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


def test_arrivals_are_in_the_order_of_their_ids(transport: Transport, inbox: Path) -> None:
    for name, arrival_id in (("a", "id2"), ("b", "id1")):
        drop(inbox / name)
        transport.look(LONG_AGO * 2, LONG_AGO * 2)
        transport.claim(name, arrival_id)
    assert [arrival.id for arrival in transport.arrivals()] == ["id1", "id2"]


def test_what_is_no_longer_what_was_seen_is_put_back(transport: Transport, inbox: Path) -> None:
    drop(inbox / "a.edi")
    transport.look(LONG_AGO * 2, LONG_AGO * 2)
    (inbox / "a.edi").unlink()
    (inbox / "a.edi").symlink_to("/etc/passwd")
    assert transport.claim("a.edi", "id1") is None
    assert (inbox / "a.edi").is_symlink()


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
    with pytest.raises(OSError, match="outbox"):
        transport.staged("outbox", "1")
    with pytest.raises(OSError, match="outbox"):
        transport.stage("outbox", "1", BytesIO(b"x"))
