"""Real SFTP servers on the loopback interface: OpenSSH with a configuration and keys of its own."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path
from typing import Any, Self

import pytest

from gateway.partners.sftp import Sftp, Upload
from gateway.transports.sftp import SftpFolders
from tests.ports import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:" + os.environ.get("PATH", ""))
ABSENT = "needs OpenSSH (Debian: openssh-server, openssh-client)"


def key(path: Path, kind: str = "ed25519", *options: str) -> Path:
    """A new private key."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path), *options]
    subprocess.run(command, check=True)
    return path


@dataclass
class Sshd:
    """A server that lets one key in. ``refused``: requests that it answers with `permission denied`."""

    folder: Path
    refused: str = ""
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("host", "user"):
            if not (self.folder / name).exists():
                key(self.folder / name)
        shutil.copy(self.folder / "user.pub", self.folder / "authorized")

    def start(self) -> Sshd:
        denied = f" -P {self.refused}" if self.refused else ""
        lines = (
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"PidFile {self.folder}/pid",
            "PermitRootLogin yes",
            "StrictModes no",
            f"AuthorizedKeysFile {self.folder}/authorized",
            "PasswordAuthentication no",
            "UsePAM no",
            f"Subsystem sftp internal-sftp{denied}",
            *self.options,
        )
        if not any(one.startswith("HostKey ") for one in self.options):
            lines += (f"HostKey {self.folder}/host",)
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        assert SSHD
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "config")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", self.port), 1)) as sock:
                if sock.recv(4) == b"SSH-":
                    return self
            assert self.process.poll() is None, (self.folder / "log").read_text()
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        """Ends the server and every session of it, at once."""
        if self.process is not None:
            for child in children(self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            with suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
            self.process = None

    def cut(self) -> None:
        """Ends the sessions; the server goes on."""
        assert self.process
        for child in children(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    @property
    def host_key(self) -> str:
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    def settings(self, **changes: Any) -> dict[str, Any]:
        """What a partner's file says under ``sftp``."""
        said = {"host": "127.0.0.1", "port": self.port, "user": getuser(), "host_keys": (self.host_key,)}
        return {**said, "key": f"file:{self.folder}/user", "timeout_seconds": 20, **changes}


def children(pid: int) -> list[int]:
    """All processes below one, the youngest first."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            number, _, rest = path.read_text().partition(" (")
            if int(rest.rpartition(") ")[2].split()[1]) == pid:
                found += [*children(int(number)), int(number)]
    return found


@contextmanager
def sshd(folder: Path, refused: str = "", options: tuple[str, ...] = ()) -> Iterator[Sshd]:
    """A server that runs, and is gone at the end."""
    if SSHD is None or shutil.which("ssh-keygen") is None:
        pytest.skip(ABSENT)
    server = Sshd(folder, refused, options)
    try:
        yield server.start()
    finally:
        server.kill()


def remote(server: Sshd, root: Path, **changes: Any) -> SftpFolders:
    """The folders below ``root`` on a server, as those of the contract."""
    upload = changes.pop("upload", Upload())
    stable = changes.pop("stable", 2)
    said = {"inboxes": (f"{root}/inbox",), "outbox": f"{root}/outbox", "claim": "../.claimed"}
    terms = Sftp(**server.settings(**{**said, **changes}), upload=upload)
    boxes = {one: f"{root}/{one}" for one in ("outbox", "quarantine", "elsewhere")}
    return SftpFolders(
        terms, "acme", found, stable, boxes=boxes, aside=f"{root}/quarantine/" if terms.claim else ""
    )


def found(reference: str) -> str:
    """What a reference stands for."""
    from gateway.secrets import secret

    return secret(reference, Path("/"))


def folders(root: Path) -> Path:
    for name in ("inbox", "outbox", "quarantine", ".claimed"):
        (root / name).mkdir(parents=True, exist_ok=True)
    return root


class Proxy:
    """Stands between: delays every byte by half of ``seconds`` each way, and can cut the line.

    Attributes:
        cut_after: bytes from the server, after which the connection is cut once.
    """

    def __init__(self, port: int, seconds: float = 0, cut_after: int = 0) -> None:
        self._target, self._delay, self.cut_after = port, seconds / 2, cut_after
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        there, self._open = self._open, []  # what is opened from now on stays
        for sock in there:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self.connections += 1
                for sock in (near, far):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open += [near, far]
                threading.Thread(target=self._carry, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, True), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        from queue import Queue

        waiting: Queue[tuple[float, bytes]] = Queue()

        def send() -> None:
            with suppress(OSError):
                while (due := waiting.get())[1]:
                    while (left := due[0] - time.monotonic()) > 0:
                        select.select([], [], [], left)
                    target.sendall(due[1])
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if counts and self.cut_after:
                    self.cut_after -= len(data)
                    if self.cut_after <= 0:
                        self.cut_after = 0
                        self.cut()
                waiting.put((time.monotonic() + self._delay, data))
        waiting.put((0.0, b""))
