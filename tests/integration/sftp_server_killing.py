"""Kills our SFTP server before and after each step with a file; run by ``test_sftp_server_kill.py``."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh

from gateway.transports.folder import Folder
from tests.sftp_server import account, serving

STEPS = ("pwrite", "fsync", "link", "unlink", "rename")
FILES = {
    f"po-{number}.edi": bytes([65 + number]) * size for number, size in enumerate((0, 50_000, 300_000, 7))
}


class Killer:
    """Ends this process at the n-th instant, of which there is one before and one after each step."""

    def __init__(self, instant: int) -> None:
        self._left, self._lock = instant, threading.Lock()
        for name in STEPS:
            setattr(os, name, self._around(getattr(os, name)))

    def _around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def killing(*arguments: Any, **named: Any) -> Any:
            self._pass()
            try:
                return step(*arguments, **named)
            finally:
                self._pass()

        return killing

    def _pass(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def serve(root: Path, instant: int, port: int) -> None:
    """Serves until standard input ends; never returns."""
    with serving(root) as served:
        Killer(instant)
        os.write(port, f"{served.port}\n".encode())
        signal.pause()


async def put(root: Path, port: int) -> set[str]:
    """Puts all files, two under temporary names, at the same time; returns which the server said it has."""
    has: set[str] = set()

    async def one(client: asyncssh.SFTPClient, name: str, content: bytes) -> None:
        file = await client.open(f"/inbox/{name}.tmp" if len(content) > 9 else f"/inbox/{name}", "wb")
        for start in range(0, len(content), 16_000):
            await file.write(content[start : start + 16_000], start)
        await file.close()
        if len(content) > 9:
            await client.rename(f"/inbox/{name}.tmp", f"/inbox/{name}")
        has.add(name)

    with suppress(OSError, asyncssh.Error):
        async with (
            asyncio.timeout(60),
            asyncssh.connect(
                *("127.0.0.1", port), username="acme", client_keys=[str(root / "acme.key")], known_hosts=None
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            await asyncio.gather(*(one(client, *item) for item in FILES.items()), return_exceptions=True)
    return has


def killed_at(root: Path, instant: int) -> bool:
    """Whether the server lived long enough for everything; checks what it left."""
    shutil.rmtree(root / "acme", ignore_errors=True)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        serve(root, instant, writing)
    os.close(writing)
    with open(reading, encoding="ascii") as line:  # noqa: PTH123 - a descriptor
        has = asyncio.run(put(root, int(line.readline())))
    if lives := has == set(FILES):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with serving(root) as served:  # what is left in the middle is removed
        found = served.waiting()
    assert not [name for name in found if name.startswith(".")], (instant, found.keys())
    for name in has:
        assert name in found, f"killed at {instant}: {name} is lost though the server said it has it"
    for name, content in found.items():
        assert content == FILES[name.removesuffix(".tmp")], f"killed at {instant}: {name} is not whole"
    taken = Folder(root / "acme", 0).look(1e10, 0).ready
    assert all(name in FILES for name in taken)
    assert len(taken) == len({name.removesuffix(".tmp") for name in taken})
    return lives


def main(root: Path, step: int) -> None:
    """Kills at every ``step``-th instant until there are no more."""
    account(root)
    account(root, "other")
    kills, instant = 0, 1
    while not killed_at(root, instant):
        kills, instant = kills + 1, instant + step
    assert kills
    sys.stderr.write(f"killed {kills} times\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
