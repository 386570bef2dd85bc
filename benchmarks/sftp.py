"""SFTP beside the ``sftp`` command and asyncssh, with a real OpenSSH server."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import asyncssh  # noqa: E402

from benchmarks.run import machine  # noqa: E402
from tests import ssh  # noqa: E402

MB = 1_000_000
SMALL = 4096
RUNS, FAR_RUNS = 5, 3
FAR = 0.04


class Place(NamedTuple):
    """A server and its folders. port: of the server, or of what stands between and delays."""

    server: ssh.Sshd
    root: Path
    port: int

    def clear(self) -> None:
        for folder in ("inbox", "outbox", "local"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        ssh.folders(self.root)
        (self.root / "local").mkdir()

    def fill(self, folder: str, number: int, size: int) -> None:
        for index in range(number):
            (self.root / folder / f"{index}.edi").write_bytes(os.urandom(size))


def command(place: Place, lines: str) -> None:
    """One run of ``sftp -b``."""
    options = ["-oStrictHostKeyChecking=no", f"-oUserKnownHostsFile={place.root}/known", "-oBatchMode=yes"]
    key = ["-i", str(place.server.folder / "user"), "-P", str(place.port)]
    whole = ["sftp", "-q", "-b", "-", *options, *key, f"{getuser()}@127.0.0.1"]
    subprocess.run(whole, input=lines.encode(), check=True, capture_output=True)


def command_put(place: Place, number: int) -> None:
    """One batch, each file renamed."""
    lines = []
    for index in range(number):
        lines += [f"put {place.root}/local/{index}.edi {place.root}/outbox/{index}.tmp"]
        lines += [f"rename {place.root}/outbox/{index}.tmp {place.root}/outbox/{index}.edi"]
    command(place, "\n".join(lines))


def command_get(place: Place, number: int) -> None:
    """One batch."""
    lines = [f"get {place.root}/inbox/{index}.edi {place.root}/local/{index}.edi" for index in range(number)]
    command(place, "\n".join(lines))


async def _peer(place: Place, work: Callable[[asyncssh.SFTPClient, int], object], number: int) -> None:
    options = {"known_hosts": None, "client_keys": [str(place.server.folder / "user")]}
    async with (
        asyncssh.connect("127.0.0.1", place.port, username=getuser(), **options) as connection,
        connection.start_sftp_client() as client,
    ):
        gate = asyncio.Semaphore(32)

        async def one(index: int) -> None:
            async with gate:
                await work(client, index)  # type: ignore[misc]

        await asyncio.gather(*(one(index) for index in range(number)))


def peer_put(place: Place, number: int) -> None:
    """So many tasks at a time, each file renamed."""

    async def work(client: asyncssh.SFTPClient, index: int) -> None:
        base = f"{place.root}/outbox/{index}"
        await client.put(f"{place.root}/local/{index}.edi", f"{base}.tmp")
        await client.posix_rename(f"{base}.tmp", f"{base}.edi")

    asyncio.run(_peer(place, work, number))


def peer_get(place: Place, number: int) -> None:
    """So many tasks at a time."""

    async def work(client: asyncssh.SFTPClient, index: int) -> None:
        await client.get(f"{place.root}/inbox/{index}.edi", f"{place.root}/local/{index}.edi")

    asyncio.run(_peer(place, work, number))


def ours_put(place: Place, number: int) -> None:
    """As services deliver: staged, sizes compared, names looked at, renamed, 200 at a time."""
    with ssh.remote(place.server, place.root, port=place.port) as folders:
        for start in range(0, number, 200):
            batch = range(start, min(number, start + 200))
            for index in batch:
                with (place.root / f"local/{index}.edi").open("rb") as source:
                    folders.stage("outbox", f"{index}-x", source)
            folders.sync(["outbox"])
            for index in batch:
                assert not folders.exists("outbox", f"{index}.edi")
            for index in batch:
                folders.release("outbox", f"{index}-x", f"{index}.edi")
            folders.sync(["outbox"])


def ours_get(place: Place, number: int) -> None:
    """As services receive, without archiving: looked at, read, compared, removed."""
    with ssh.remote(place.server, place.root, port=place.port, claim="", stable=0) as folders:
        for name in folders.look(time.time() + 60, 0).ready:
            folders.claim(name, "")
        arrivals = folders.arrivals()
        assert len(arrivals) == number
        for arrival in arrivals:
            with folders.open(arrival) as stream, (place.root / "local" / arrival.name).open("wb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)
                assert folders.unchanged(arrival, stream, out.tell())
            folders.settle(arrival)


WAYS = {
    "edi-gateway": (ours_put, ours_get),
    "sftp command": (command_put, command_get),
    "asyncssh": (peer_put, peer_get),
}


def measure(place: Place, number: int, size: int) -> Iterator[tuple[str, float, float]]:
    """Seconds for put (with rename) and get of so many files, connection included: the middle of the runs."""
    took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in WAYS}
    for _ in range(
        RUNS if place.port == place.server.port else FAR_RUNS
    ):  # in turns, so that a noisy moment hits all
        for name, ways in WAYS.items():
            for way, folder, seconds in zip(ways, ("local", "inbox"), took[name]):
                place.clear()
                place.fill(folder, number, size)
                started = time.perf_counter()
                way(place, number)
                seconds.append(time.perf_counter() - started)
                reached = "outbox" if folder == "local" else "local"
                there = [one for one in (place.root / reached).iterdir() if one.stat().st_size == size]
                assert len(there) == number, (name, len(there))
    for name, (put, get) in took.items():
        yield name, median(put), median(get)


def rows() -> Iterator[str]:
    """The table, as it is measured."""
    yield "| what | | put | get |"
    yield "| --- | --- | ---: | ---: |"
    with tempfile.TemporaryDirectory() as folder, ssh.sshd(Path(folder) / "sshd") as server:
        near = Place(server, Path(folder), server.port)
        with ssh.Proxy(server.port, FAR) as proxy:
            far = Place(server, Path(folder), proxy.port)
            for words, place, number, size in (
                ("one file of 50 MB", near, 1, 50 * MB),
                ("500 files of 4 KB", near, 500, SMALL),
                ("one file of 10 MB, 40 ms away", far, 1, 10 * MB),
                ("100 files of 4 KB, 40 ms away", far, 100, SMALL),
            ):
                for name, put, get in measure(place, number, size):
                    if number == 1:
                        shown = [f"{size / MB / one:,.0f} MB/s" for one in (put, get)]
                    else:
                        shown = [f"{number / one:,.0f} files/s" for one in (put, get)]
                    yield f"| {words} | {name} | {shown[0]} | {shown[1]} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="SFTP beside other clients.")
    parser.add_argument("--write", action="store_true", help="write the page of the documentation")
    args = parser.parse_args()
    where, lines = machine(), []
    for line in rows():
        lines.append(line)
        print(line, flush=True)
    if args.write:
        page = [
            "# SFTP beside other clients",
            "",
            f"{datetime.now(UTC):%d %B %Y}, `make bench-sftp`, which writes this page. {where}.",
            "",
            "The server is OpenSSH on the same machine; for the last rows a program in between delays every",
            f"byte so that a question and its answer take 40 ms. Each value is the middle of {RUNS} runs,",
            f"{FAR_RUNS} where it is far, with the connection. Small files are written under a temporary",
            "name and renamed. Ours compares sizes and looks for names that are taken as well, and removes",
            "what it has read from the server; asyncssh has 32 tasks at a time.",
            "",
            *lines,
            "",
        ]
        (ROOT / "docs" / "benchmarks-sftp.md").write_text("\n".join(page), "utf-8")


if __name__ == "__main__":
    main()
