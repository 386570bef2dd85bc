"""Inboxes as they are used: slow writers, writers that die, moves between disks, many files, any name."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.app import Gateway, Pass
from gateway.cli.commands.home import make_home
from gateway.files import in_words
from gateway.settings import load
from gateway.transports.base import Look
from gateway.transports.folder import Folder
from tests.homes import LINE, PARTNER, put, rows, set_in, work
from tests.integration.conftest import MEMORY
from tests.orders import interchange, order

LONG_AGO = 1_000_000.0
HOUR = 3600.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose files are complete when nobody has written to them for a minute."""
    make_home(tmp_path / "home")
    set_in(tmp_path / "home", "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 60 ")
    return tmp_path / "home"


@pytest.fixture
def inbox(home: Path) -> Path:
    return home / f"folders/{PARTNER}/inbox"


def look(home: Path) -> Pass:
    """A pass that does not wait."""
    with Gateway(home, load(home)) as gateway, closing(gateway.services.store):
        return gateway.run_once(patient=False)


def age(path: Path | bytes, seconds: float = 2 * HOUR) -> None:
    """As if nobody had written to it for so long."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def orders(home: Path) -> list[str]:
    return [number for (number,) in rows(home, "SELECT number FROM documents ORDER BY number")]


def file_of(control: int, number: str) -> bytes:
    return interchange(control, [order(1, number, [LINE] * 50)])


@contextmanager
def writer(*steps: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that takes a step for each line it is given, and says when it is done with it."""
    program = "import fcntl, os, sys\n" + "".join(
        f"{step}\nsys.stdout.write('.'); sys.stdout.flush(); sys.stdin.readline()\n" for step in steps
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as process:
        try:
            done(process)
            yield process
        finally:
            process.kill()


def done(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.read(1) == b"."


def go_on(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    done(process)


# --- a gateway that runs ---------------------------------------------------------------------------------


def test_what_comes_wakes_a_gateway_that_would_look_an_hour_later(home: Path) -> None:
    set_in(home, "gateway.yaml", "stable_seconds: 60 ", "stable_seconds: 0.2 ")
    stop, number, until = threading.Event(), 0, time.monotonic() + 60
    with Gateway(home, load(home)) as gateway, closing(gateway.services.store), ExitStack() as ends:
        for part in gateway.parts:  # but for the one that keeps the time
            thread = threading.Thread(target=part, args=(stop,))
            thread.start()
            ends.callback(thread.join)
        ends.callback(stop.set)
        while not orders(home):
            assert time.monotonic() < until
            number += 1  # it may not have been looking yet
            put(home, f"po-{number}.edi", file_of(number, f"PO-{number}"))
            select.select([], [], [], 0.5)


# --- half-written files ----------------------------------------------------------------------------------


def test_a_slow_writer(home: Path, inbox: Path) -> None:
    content = file_of(1, "SLOW")
    size = len(content) // 4 + 1
    opened = f"f = open({str(inbox / 'po.edi')!r}, 'wb', 0)"
    parts = [f"f.write({content[at : at + size]!r})" for at in range(0, len(content), size)]
    with writer(opened, *parts) as process:
        for _ in parts:
            assert look(home).received == 0
            go_on(process)
        assert look(home).received == 0, "nobody knows yet that it is complete"
        age(inbox / "po.edi")
        assert look(home).received == 1
    assert orders(home) == ["SLOW"]
    ((sha,),) = rows(home, "SELECT payload FROM messages WHERE direction = 'in'")
    assert sha == sha256(content).hexdigest()


@pytest.mark.parametrize("lock", ["flock", "lockf"])
def test_a_file_that_its_writer_has_locked_is_not_ready(home: Path, inbox: Path, lock: str) -> None:
    """However old it looks: some programs set the time of what they write."""
    content = file_of(1, "LOCKED")
    path = str(inbox / "po.edi")
    begin = f"f = open({path!r}, 'wb', 0); fcntl.{lock}(f, fcntl.LOCK_EX); f.write({content[:300]!r})"
    old = f"os.utime({path!r}, (1, 1))"
    with writer(f"{begin}; {old}", f"f.write({content[300:]!r}); {old}", "f.close()") as process:
        assert look(home).received == 0
        go_on(process)
        assert look(home).received == 0
        go_on(process)
        assert look(home).received == 1
    assert orders(home) == ["LOCKED"]


def test_a_lock_for_reading_does_not_hinder(home: Path, inbox: Path) -> None:
    put(home, "po.edi", file_of(1, "READ"))
    age(inbox / "po.edi")
    with (inbox / "po.edi").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert look(home).received == 1


@pytest.mark.skipif(not MEMORY.is_dir(), reason="no second file system")
def test_mv_from_another_file_system(home: Path, inbox: Path, tmp_path: Path) -> None:
    """mv copies then: the file grows under its name, and gets its old time at the end."""
    source = MEMORY / f"{tmp_path.parent.name}-{os.getpid()}.edi"
    content = file_of(1, "MOVED") + b" " * 40_000_000
    try:
        source.write_bytes(content)
        if source.stat().st_dev == inbox.stat().st_dev:
            pytest.skip("one file system")
        age(source)
        with subprocess.Popen(["mv", source, inbox / "po.edi"]) as moving:
            folder = Folder(inbox.parent, 60)
            while moving.poll() is None:
                found = folder.look(time.time(), time.monotonic())
                assert not found.ready or (inbox / "po.edi").stat().st_size == len(content)
        assert moving.returncode == 0
        assert look(home).received == 1
    finally:
        source.unlink(missing_ok=True)
    assert orders(home) == ["MOVED"]
    assert rows(home, "SELECT size FROM messages WHERE direction = 'in'") == [(len(content),)]


@pytest.mark.parametrize("name", ["po.edi.part", ".po.edi"])
def test_a_writer_that_dies_half_way_under_a_name_of_its_own(
    home: Path, inbox: Path, name: str, log: io.StringIO
) -> None:
    content = file_of(1, "DEAD")
    with writer(f"f = open({str(inbox / name)!r}, 'wb', 0); f.write({content[:500]!r})") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert look(home).received == 0
    assert "file.ignored" not in log.getvalue()
    age(inbox / name)
    assert look(home).received == 0
    assert "named as unfinished" in log.getvalue()
    assert (inbox / name).read_bytes() == content[:500]


def test_a_writer_that_dies_half_way_under_the_final_name(home: Path, inbox: Path) -> None:
    """Nothing tells its file from a complete one but what is in it: X12 says where it ends."""
    with writer(
        f"f = open({str(inbox / 'po.edi')!r}, 'wb', 0); f.write({file_of(1, 'DEAD')[:900]!r})"
    ) as one:
        one.send_signal(signal.SIGKILL)
        one.wait()
    age(inbox / "po.edi")
    done = look(home)
    assert (done.received, done.quarantined) == (1, 1)
    assert orders(home) == []


# --- marker files ----------------------------------------------------------------------------------------


def marked(root: Path) -> Folder:
    made = Folder(root, 60, ".done")
    made.make()
    return made


def drop(path: Path, at: float = LONG_AGO) -> None:
    path.write_bytes(b"ISA")
    os.utime(path, (at, at))


@pytest.mark.parametrize("mark", ["po.csv.done", "po.done"])
def test_a_file_is_complete_when_its_marker_is_there(tmp_path: Path, mark: str) -> None:
    folder, inbox = marked(tmp_path), tmp_path / "inbox"
    drop(inbox / "po.csv")
    assert folder.look(LONG_AGO + 60, 60) == Look((), (), ())
    drop(inbox / mark)
    assert folder.look(LONG_AGO, 61) == Look(("po.csv",), (), ()), "at once, however young it is"
    assert folder.claim("po.csv", "id1") is not None
    assert list(inbox.iterdir()) == [], "the marker goes with its file"


def test_a_marker_of_an_earlier_file_of_that_name_does_not_count(tmp_path: Path) -> None:
    folder, inbox = marked(tmp_path), tmp_path / "inbox"
    drop(inbox / "po.csv.done")
    drop(inbox / "po.csv", LONG_AGO + 1)
    assert folder.look(LONG_AGO + 60, 60).ready == ()
    drop(inbox / "po.csv.done", LONG_AGO + 1)
    assert folder.look(LONG_AGO + 60, 60).ready == ("po.csv",)


def test_a_marker_for_two_files_stays_until_both_are_taken(tmp_path: Path) -> None:
    folder, inbox = marked(tmp_path), tmp_path / "inbox"
    for name in ("po.csv", "po.pdf", "po.done"):
        drop(inbox / name)
    assert folder.look(LONG_AGO, 0).ready == ("po.csv", "po.pdf")
    assert folder.claim("po.csv", "id1")
    assert (inbox / "po.done").exists()
    assert folder.claim("po.pdf", "id2")
    assert list(inbox.iterdir()) == []


def test_a_marker_that_never_comes_is_told(tmp_path: Path) -> None:
    folder = marked(tmp_path)
    drop(tmp_path / "inbox/po.csv")
    (told,) = folder.look(LONG_AGO + 2 * HOUR, 0).ignored
    assert told == ("po.csv", "waiting for its .done file for an hour")


def test_a_partner_and_the_erp_can_have_markers(home: Path) -> None:
    set_in(home, "gateway.yaml", "  channel: erp   ", "  channels: [{channel: erp, marker: .ok}] #")
    set_in(home, f"partners/{PARTNER}.yaml", "channel: acme-retail ", "marker: .done\nchannel: acme-retail ")
    put(home, "po.edi", file_of(1, "MARKED"))
    assert look(home).received == 0
    put(home, "po.edi.done", b"")
    assert look(home).received == 1
    assert orders(home) == ["MARKED"]


# --- names -----------------------------------------------------------------------------------------------

NAMES = [
    b"Bestellung_M\xe4rz.edi",  # Latin-1
    b"Bestellung_M\xf6rz.edi",  # the same name, once it is made harmless
    "Bestellung_März.edi".encode(),
    b"new\nline.edi",
    b"tab\t\x1b[31mred.edi",
    b"up\\..\\..\\escape.edi",
    b"a..edi",
    b"-rf.edi",
    b"con.edi",
    b"%s{0}$(id)`id`.edi",
    b"quote'\"<a>&amp;.edi",
    b"x" * 251 + b".edi",
    "ü".encode() * 125 + b".edi",
    b" .edi",
    b"\xff\xfe",
]


def outside(home: Path) -> set[Path]:
    """Everything but what a gateway writes in its home."""
    return {path for path in home.parent.rglob("*") if not {"folders", "data", "keys"} & {*path.parts}}


def test_any_name_is_taken_and_none_escapes(home: Path, inbox: Path) -> None:
    """In folders, database, reports and log; what cannot be used is quarantined under a safe name."""
    before = outside(home)
    for number, name in enumerate(NAMES, 1):
        for kind, content in ((b"good-", file_of(number, f"PO-{number}")), (b"", b"rubbish %d" % number)):
            path = os.fsencode(inbox) + b"/" + kind + name[max(0, len(kind + name) - 255) :]
            Path(os.fsdecode(path)).write_bytes(content)
            age(path)
    program = [sys.executable, "-m", "gateway", "run-once", "--config", str(home)]
    ran = subprocess.run(program, capture_output=True, check=False)
    assert ran.returncode == 1, ran.stderr.decode()[-2000:]
    events = [json.loads(line) for line in ran.stderr.decode().splitlines()]
    assert sum(one["event"] == "file.received" for one in events) == 2 * len(NAMES)
    assert list(inbox.iterdir()) == []
    assert sorted(orders(home)) == sorted(f"PO-{number}" for number in range(1, len(NAMES) + 1))
    kept = rows(home, "SELECT name FROM messages WHERE direction = 'in'")
    assert all(name.isprintable() and "/" not in name and len(name.encode()) <= 120 for (name,) in kept)
    quarantine = home / f"folders/{PARTNER}/quarantine"
    reports = [json.loads(path.read_bytes()) for path in quarantine.glob("*.problem.json")]
    assert len(reports) == len(NAMES)
    for one in reports:
        assert (quarantine / one["file"]).read_bytes().startswith(b"rubbish")
        assert one["file"] in (quarantine / f"{one['file']}.problem.txt").read_text()
    assert outside(home) == before
    assert sorted(one.name for one in (home / "folders").iterdir()) == [PARTNER, "erp"]
    for command in (["message", "list", "--json"], ["audit", "verify"]):
        again = [sys.executable, "-m", "gateway", *command, "--config", str(home)]
        assert subprocess.run(again, capture_output=True, check=False).returncode == 0


def test_names_with_leading_dots_stay_and_are_told(home: Path, inbox: Path, log: io.StringIO) -> None:
    for name in (b"..edi", b"...", b".\xe4.edi"):
        path = os.fsencode(inbox) + b"/" + name
        Path(os.fsdecode(path)).write_bytes(b"ISA")
        age(path)
    assert look(home).received == 0
    assert len(list(inbox.iterdir())) == 3
    assert log.getvalue().count("named as unfinished") == 3


def test_what_a_document_says_makes_no_path(home: Path, inbox: Path) -> None:
    set_in(
        home,
        "gateway.yaml",
        "  channel: erp   ",
        '  channels: [{channel: erp, forms: [{name: "{po_number}"}]}] #',
    )
    for number, name in enumerate(("../../x", "/etc/x", "..", ".hidden", "a\\b"), 1):
        put(home, f"{number}.edi", file_of(number, name))
        age(inbox / f"{number}.edi")
    look(home)
    found = sorted(path.name for path in (home / "folders/erp/outbox").iterdir())
    assert found == ["_.._x", "_etc_x", "a_b", "hidden", "unnamed"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_thousands_of_files_at_once(home: Path, inbox: Path, count: int) -> None:
    """None is lost, none is taken twice, and a pass takes them all."""
    for number in range(count):
        path = inbox / f"{number:05}.edi"
        path.write_bytes(interchange(number + 1, [order(1, f"PO-{number}", [LINE])]))
        age(path)
    set_in(home, f"partners/{PARTNER}.yaml", "acknowledge: true ", "acknowledge: false ")
    done = look(home)
    assert (done.received, done.documents, done.delivered) == (count, count, count)
    assert list(inbox.iterdir()) == list((inbox.parent / ".claimed").iterdir()) == []
    outbox = list((home / "folders/erp/outbox").iterdir())
    assert {json.loads(path.read_bytes())["po_number"] for path in outbox} == {
        f"PO-{n}" for n in range(count)
    }
    assert len(outbox) == count


# --- what the system says --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device; make room on its disk"),
        (errno.EACCES, "Permission denied; give the gateway's user the right to read and write there"),
        (errno.EXDEV, "one file system"),
        (errno.ENOENT, "is the share mounted?"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_errors_of_the_system_say_what_to_do(number: int, words: str) -> None:
    assert words in in_words(OSError(number, os.strerror(number)))


def test_a_channel_of_which_only_the_inbox_is_there_names_the_folder_that_is_missing(home: Path) -> None:
    root = home / f"folders/{PARTNER}"
    for box in ("outbox", "quarantine", ".claimed"):
        (root / box).rename(home / f"away{box}")
    words = f"{PARTNER}: its folders cannot be used: {PARTNER}/outbox is missing: No such file or directory"
    assert f"{words}; is the share mounted?" in look(home).trouble
    (home / "awayoutbox").rename(root / "outbox")
    assert f"{PARTNER}/quarantine is missing" in " ".join(look(home).trouble)


def test_an_outbox_without_room_is_told_in_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    put(home, "po.edi", file_of(1, "FULL"))
    age(home / f"folders/{PARTNER}/inbox/po.edi")
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "stage", full)
        trouble = look(home).trouble
    assert "erp: files for it wait: No space left on device; make room on its disk" in trouble
    set_in(home, "gateway.yaml", "first_pause_seconds: 1 ", "first_pause_seconds: 0.001 ")
    assert work(home).delivered == 2
