"""An SFTP server of another make (asyncssh) that can be told to misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from tests import ssh

USER, PASSWORD = "edi", "correct horse"


@dataclass
class Faults:
    """What goes wrong. ``before``: is called with the name of each request and its path, and may raise.

    Attributes:
        longest_read: bytes the server gives at a time.
        is_blind: whether lists tell neither size nor time.
    """

    before: Callable[[str, str], None] = lambda _what, _path: None
    longest_read: int = 0
    is_blind: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def meet(self, what: str, path: bytes | str = "") -> None:
        shown = path.decode("utf-8", "replace") if isinstance(path, bytes) else path
        self.asked.append((what, shown))
        self.before(what, shown)


class _Login(asyncssh.SSHServer):
    def __init__(self, kinds: tuple[str, ...], known: list[Any]) -> None:
        self._kinds, self._known = kinds, known

    def connection_made(self, conn: Any) -> None:
        self._known.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return "password" in self._kinds

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def kbdint_auth_supported(self) -> bool:
        return "keyboard-interactive" in self._kinds

    def get_kbdint_challenge(self, *_: str) -> Any:
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        return (username, *responses) == (USER, PASSWORD)


@dataclass
class Peer:
    """A server that runs."""

    port: int
    host_key: str
    faults: Faults

    def settings(self, **changes: Any) -> dict[str, Any]:
        """As :meth:`tests.ssh.Sshd.settings`."""
        said = {"host": "127.0.0.1", "port": self.port, "user": USER, "host_keys": (self.host_key,)}
        return {**said, "timeout_seconds": 20, **changes}


@contextmanager
def peer(folder: Path, root: Path, logins: tuple[str, ...] = ("password",)) -> Iterator[Peer]:
    """A server that shows ``root``, and is gone at the end."""
    faults = Faults()

    class Served(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(root).encode())

        def open(self, path: bytes, pflags: int, attrs: Any) -> object:
            faults.meet("open", path)
            return super().open(path, pflags, attrs)

        def read(self, file_obj: Any, offset: int, size: int) -> Any:
            faults.meet("read")
            return super().read(file_obj, offset, min(size, faults.longest_read or size))

        def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
            faults.meet("write")
            return super().write(file_obj, offset, data)

        def close(self, file_obj: Any) -> Any:
            super().close(file_obj)
            faults.meet("close")

        def rename(self, oldpath: bytes, newpath: bytes) -> Any:
            faults.meet("rename", oldpath)
            return super().rename(oldpath, newpath)

        def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
            faults.meet("posix_rename", oldpath)
            return super().posix_rename(oldpath, newpath)

        def remove(self, path: bytes) -> Any:
            faults.meet("remove", path)
            return super().remove(path)

        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            async for one in super().scandir(path):
                if faults.is_blind:
                    one.attrs = asyncssh.SFTPAttrs(permissions=one.attrs.permissions)
                yield one

        def lstat(self, path: bytes) -> Any:
            faults.meet("lstat", path)
            found = super().lstat(path)
            return asyncssh.SFTPAttrs(permissions=found.st_mode) if faults.is_blind else found  # type: ignore[union-attr]

    host = ssh.key(folder / "host")
    started, got = threading.Event(), list[Any]()

    async def serve() -> None:
        known: list[Any] = []
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Login(logins, known),
            server_host_keys=[str(host)],
            sftp_factory=Served,
        )
        ended = asyncio.Event()
        got.extend((asyncio.get_running_loop(), ended, server.get_port()))
        started.set()
        await ended.wait()
        server.close()
        await server.wait_closed()
        for one in known:
            one.abort()
            await one.wait_closed()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(30)
        line = " ".join(Path(f"{host}.pub").read_text().split()[:2])
        yield Peer(got[2], line, faults)
    finally:
        got[0].call_soon_threadsafe(got[1].set)
        thread.join()
