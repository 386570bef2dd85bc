"""Our own SFTP server on the loopback interface, with two partners, and clients of other makes."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from gateway.api.sftp_server import Guest, Server, host_key
from gateway.gateway_settings import SftpServer
from gateway.partners.sftp import SftpAccount
from gateway.transports.folder import INBOX, OUTBOX
from tests import ssh


@dataclass
class Served:
    """A server that runs. ``said``: what it logged; ``kept``: what it told of files."""

    root: Path
    server: Server
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    kept: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def host_key(self) -> str:
        return host_key(self.root / "host.pem").export_public_key().decode().strip()

    def box(self, name: str, partner: str = "acme") -> Path:
        return self.root / partner / name

    def waiting(self, partner: str = "acme") -> dict[str, bytes]:
        """Everything in the inbox, hidden names too."""
        return {one.name: one.read_bytes() for one in self.box(INBOX, partner).iterdir()}

    def reasons(self) -> list[str]:
        return [str(facts["reason"]) for _, facts in self.said if "reason" in facts]

    def sftp(self, *lines: str, user: str = "acme") -> subprocess.CompletedProcess[str]:
        """The ``sftp`` command of OpenSSH with a batch."""
        command = ["sftp", *self.options(user, "-P"), "-b", "-", f"{user}@127.0.0.1"]
        text = "\n".join(lines) + "\n"
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)

    def options(self, user: str, port: str) -> list[str]:
        known = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
        return [*known, "-o", "BatchMode=yes", "-i", str(self.root / f"{user}.key"), port, str(self.port)]

    @asynccontextmanager
    async def login(self, user: str = "acme", key: str = "") -> AsyncIterator[asyncssh.SSHClientConnection]:
        async with asyncssh.connect(
            "127.0.0.1",
            self.port,
            username=user,
            client_keys=[str(self.root / f"{key or user}.key")],
            known_hosts=None,
            config=None,
            agent_path=None,
        ) as connection:
            yield connection

    @asynccontextmanager
    async def client(self, user: str = "acme") -> AsyncIterator[asyncssh.SFTPClient]:
        async with self.login(user) as connection, connection.start_sftp_client() as client:
            yield client


def account(root: Path, user: str = "acme", **changes: Any) -> SftpAccount:
    """What a partner's file says; the private key lies beside the folders."""
    path = root / f"{user}.key"
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        ssh.key(path)
    return SftpAccount(**{"user": user, "keys": (Path(f"{path}.pub").read_text().strip(),), **changes})


@contextmanager
def serving(
    root: Path,
    rules: dict[str, Any] | None = None,
    keep: Callable[..., None] | None = None,
    **changes: Any,
) -> Iterator[Served]:
    """A server for the partners ``acme``, with changed settings, and ``other``."""
    guests = {}
    for user in ("acme", "other"):
        for box in (INBOX, OUTBOX, "quarantine", ".claimed"):
            (root / user / box).mkdir(parents=True, exist_ok=True)
        terms = account(root, user, **(changes if user == "acme" else {}))
        guests[user] = Guest(f"{user}-retail", root / user, terms)
    said: list[tuple[str, dict[str, Any]]] = []
    kept: list[tuple[str, str, dict[str, Any]]] = []

    def note(partner: str, event: str, facts: dict[str, Any], act: Callable[[], None]) -> None:
        act()
        kept.append((partner, event, facts))

    server = Server(
        SftpServer(**{"listen": "127.0.0.1:0", **(rules or {})}),
        root / "host.pem",
        guests,
        say=lambda _level, event, **facts: said.append((event, facts)),
        keep=keep or note,
    )
    stop, failed = threading.Event(), []

    def run() -> None:
        try:
            server.run(stop)
        except BaseException as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert server.ready.wait(30), failed
        yield Served(root, server, said, kept)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert not failed
