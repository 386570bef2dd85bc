"""What services rely on, wherever payloads are kept. Another place joins by a line in ``PLACES``."""

from __future__ import annotations

import gzip
import hashlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from gateway.errors import ConfigurationError, NotFoundError
from gateway.store.payloads import PayloadFiles, PayloadObjects, Payloads, open_payloads

PLACES = ["files", "objects"]
BIG = os.urandom(700_000) * 4


class Place:
    """Where payloads are kept, and what somebody sees who looks there."""

    def __init__(self, payloads: Payloads, contents: Callable[[], dict[str, bytes]]) -> None:
        self.payloads = payloads
        self.contents = contents

    def keep(self, content: bytes) -> str:
        sha256, size = self.payloads.put(BytesIO(content))
        self.payloads.flush()
        assert size == len(content)
        return sha256

    def read(self, sha256: str) -> bytes:
        with self.payloads.open(sha256) as file:
            return file.read()


@pytest.fixture(scope="module")
def s3() -> Iterator[ThreadedMotoServer]:
    """An object store in this process, and the environment that leads to it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "edigw",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        yield server
    server.stop()


_BUCKETS = count(1)


def files_in(root: Path) -> dict[str, bytes]:
    """All files below a folder, by their names."""
    return {str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()}


def bucket(server: ThreadedMotoServer) -> tuple[str, Callable[[], dict[str, bytes]]]:
    """A new bucket, and what is in it."""
    import boto3

    host, port = server.get_host_and_port()
    name = f"bucket{next(_BUCKETS)}"
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    client.create_bucket(Bucket=name)
    client.close()
    plain = S3Store(name)

    def contents() -> dict[str, bytes]:
        paths = [one["path"] for part in obstore.list(plain) for one in part]
        return {path: bytes(obstore.get(plain, path).bytes()) for path in paths}

    return name, contents


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "files":
        return Place(PayloadFiles(tmp_path / "payloads"), lambda: files_in(tmp_path / "payloads"))
    name, contents = bucket(request.getfixturevalue("s3"))
    return Place(PayloadObjects(f"s3://{name}"), contents)


class Broken(BytesIO):
    """Fails after the first chunk."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError("gone")
        return super().read(size)


@pytest.mark.parametrize("content", [b"", b"ISA*", BIG], ids=["empty", "small", "big"])
def test_what_was_kept_is_read_again_under_its_sha256(place: Place, content: bytes) -> None:
    sha256 = place.keep(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert place.read(sha256) == content


def test_the_same_content_is_kept_once_and_compressed(place: Place) -> None:
    content = b"ISA*" * 600_000
    assert place.keep(content) == place.keep(content)
    ((name, kept),) = place.contents().items()
    sha256 = hashlib.sha256(content).hexdigest()
    assert name == f"{sha256[:2]}/{sha256[2:]}.gz"
    assert place.payloads.location(sha256).endswith(name)
    assert gzip.decompress(kept) == content, "anybody can read it, without this software"
    assert len(kept) < len(content) / 50


def test_a_big_payload_can_be_read_in_parts(place: Place) -> None:
    with place.payloads.open(place.keep(BIG)) as file:
        line = BytesIO(BIG[5:]).readline(7)
        assert (file.read(5), file.readline(7)) == (BIG[:5], line)
        assert b"".join(iter(lambda: file.read(1 << 20), b"")) == BIG[5 + len(line) :]


def test_what_is_missing_is_not_found(place: Place) -> None:
    with pytest.raises(NotFoundError, match="is gone"):
        place.payloads.open("ab" * 32)


def test_what_was_deleted_is_gone_and_can_come_again(place: Place) -> None:
    sha256 = place.keep(b"content")
    other = place.keep(b"other")
    for _ in range(2):
        place.payloads.delete(sha256, time.time() + 1)
    with pytest.raises(NotFoundError):
        place.payloads.open(sha256)
    assert place.read(other) == b"other"
    assert place.keep(b"content") == sha256
    assert place.read(sha256) == b"content"


def test_a_probe_leaves_nothing(place: Place) -> None:
    place.payloads.probe()
    assert place.contents() == {}


def test_a_source_that_fails_leaves_nothing(place: Place) -> None:
    with pytest.raises(OSError, match="gone"):
        place.payloads.put(Broken(BIG))
    place.payloads.flush()
    assert place.contents() == {}


def test_many_threads_keep_the_same_and_other_content(place: Place) -> None:
    threads, each = 8, 6
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for one in range(each):
                place.payloads.put(BytesIO(b"shared %d" % one))
                mine = place.keep(b"%d of %d" % (one, number))
                assert place.read(mine) == b"%d of %d" % (one, number)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert errors == []
    found = [gzip.decompress(one) for one in place.contents().values()]
    expected = [b"%d of %d" % (one, number) for one in range(each) for number in range(threads)]
    assert sorted(found) == sorted([*expected, *(b"shared %d" % one for one in range(each))])


# --- files -----------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Place:
    return Place(PayloadFiles(tmp_path / "payloads"), lambda: files_in(tmp_path / "payloads"))


def names(place: Place) -> list[str]:
    """Names of what counts as kept."""
    return [name for name in place.contents() if name.endswith(".gz")]


def test_nothing_has_its_name_before_it_is_flushed(files: Place) -> None:
    sha256, _ = files.payloads.put(BytesIO(b"content"))
    assert names(files) == []
    with pytest.raises(NotFoundError):
        files.payloads.open(sha256)
    files.payloads.flush()
    assert len(names(files)) == len(files.contents()) == 1


def test_content_and_names_are_brought_to_disk_in_their_order(
    files: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int]] = []
    lock = threading.Lock()
    fsync, rename = os.fsync, os.rename

    def syncing(descriptor: int) -> None:
        with lock:
            steps.append(("sync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def renaming(source: Path, target: Path) -> None:
        steps.append(("rename", source.stat().st_ino))
        rename(source, target)

    files.payloads.put(BytesIO(b"content"))
    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "rename", renaming)
    files.payloads.flush()
    (name,) = files.contents()
    kept = tmp_path / "payloads" / name
    file, folder, root = (one.stat().st_ino for one in (kept, kept.parent, kept.parent.parent))
    assert steps == [("sync", file), ("sync", root), ("rename", file), ("sync", folder)]


def test_a_flush_is_of_the_thread_that_put(files: Place) -> None:
    files.payloads.put(BytesIO(b"content"))
    other = threading.Thread(target=files.payloads.flush)
    other.start()
    other.join()
    assert names(files) == []
    files.payloads.flush()
    assert len(names(files)) == 1


def test_what_a_killed_process_left_half_written_is_removed(files: Place, tmp_path: Path) -> None:
    kept = files.keep(b"kept")
    files.payloads.put(BytesIO(b"left"))
    assert len(files.contents()) == 2
    PayloadFiles(tmp_path / "payloads").clean(time.time() + 1)
    assert len(files.contents()) == 1
    assert files.read(kept) == b"kept"


def test_only_the_owner_reads_payloads(files: Place, tmp_path: Path) -> None:
    files.keep(b"content")
    folders = [tmp_path / "payloads", *(one for one in (tmp_path / "payloads").iterdir())]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 2


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Like a full disk: nothing can grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_and_leaves_nothing(files: Place) -> None:
    kept = files.keep(b"kept")
    with largest_file(100_000), pytest.raises(OSError, match="too large"):
        files.payloads.put(BytesIO(BIG))
    files.payloads.flush()
    assert len(files.contents()) == 1
    assert files.read(kept) == b"kept"
    files.keep(BIG)


def test_a_folder_that_cannot_be_written_to_is_told(files: Place, tmp_path: Path) -> None:
    (tmp_path / "payloads").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        files.payloads.put(BytesIO(b"content"))
    files.payloads.flush()
    (tmp_path / "elsewhere").rename(tmp_path / "payloads")
    assert files.contents() == {}


def test_a_disk_that_fails_at_the_flush_leaves_nothing_with_a_name(
    files: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    sha256, _ = files.payloads.put(BytesIO(b"content"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output error"):
            files.payloads.flush()
    assert files.contents() == {}
    files.payloads.flush()
    assert files.keep(b"content") == sha256


def test_a_payload_that_was_cut_short_is_an_error_and_no_shorter_payload(
    files: Place, tmp_path: Path
) -> None:
    sha256 = files.keep(BIG)
    (name,) = names(files)
    path = tmp_path / "payloads" / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EOFError):
        files.read(sha256)


# --- objects ---------------------------------------------------------------------------------------------


def test_objects_lie_below_the_prefix(s3: ThreadedMotoServer) -> None:
    name, contents = bucket(s3)
    place = Place(PayloadObjects(f"s3://{name}/acme/payloads/"), contents)
    sha256 = place.keep(b"content")
    assert list(contents()) == [f"acme/payloads/{sha256[:2]}/{sha256[2:]}.gz"]
    assert place.payloads.location(sha256) == f"s3://{name}/acme/payloads/{sha256[:2]}/{sha256[2:]}.gz"
    assert place.read(sha256) == b"content"


def test_an_object_store_that_is_away_is_an_error_that_may_pass(s3: ThreadedMotoServer) -> None:
    name, _ = bucket(s3)
    payloads = PayloadObjects(f"s3://{name}", endpoint="http://127.0.0.1:1", retry_config={"max_retries": 0})
    for do in (lambda: payloads.put(BytesIO(b"x")), lambda: payloads.open("ab" * 32)):
        with pytest.raises(OSError, match="the object store does not answer as it should"):
            do()
    for do_so in (partial(payloads.delete, "ab" * 32, time.time() + 1), payloads.probe):
        with pytest.raises(OSError, match="the object store does not answer as it should"):
            do_so()


def test_a_bucket_that_is_not_there_is_told(s3: ThreadedMotoServer) -> None:
    payloads = PayloadObjects("s3://nobody-made-it", retry_config={"max_retries": 0})
    with pytest.raises(OSError, match="does not answer as it should"):
        payloads.put(BytesIO(b"x"))


def test_the_address_decides_where_payloads_are_kept(tmp_path: Path, s3: ThreadedMotoServer) -> None:
    assert isinstance(open_payloads("", tmp_path / "payloads"), PayloadFiles)
    assert isinstance(open_payloads("s3://bucket/prefix", tmp_path), PayloadObjects)


@pytest.mark.parametrize("url", ["nonsense", "ftp://host/path", "s3:/"])
def test_an_address_that_cannot_be_used_is_an_error_of_configuration(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        open_payloads(url, tmp_path)
