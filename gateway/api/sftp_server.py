"""The SFTP server that partners log in to: their keys, their two folders, and nothing else.

The protocol is that of ``asyncssh`` (version 3 of SFTP, one request at a time), whose server it narrows: no
shell, no commands, no forwarding, no passwords, no links. What is done with files is in
:mod:`gateway.transports.drop`, in threads. Whoever connects is a stranger until a key says otherwise, so
connections, logins, sessions, handles and time are bounded, and strangers cannot keep partners out for long.

When settings change, who is logged in stays, unless they are the server's or his own; what he closes
meanwhile waits until there is a gateway again that keeps it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import posixpath
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from gateway.api.server import Kept
from gateway.errors import ConfigurationError
from gateway.gateway_settings import SftpServer
from gateway.partners.sftp import SftpAccount
from gateway.store.audit import made_key
from gateway.transports.drop import Download, Drop, Entry, Room
from gateway.transports.folder import INBOX

try:
    import asyncssh
    from asyncssh.packet import SSHPacket
    from asyncssh.sftp import SFTPServerHandler
    from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter
except ModuleNotFoundError:
    raise ConfigurationError("The SFTP server needs: pip install 'edi-gateway[sftp-server]'") from None

_T = TypeVar("_T")

_THREADS = 16
_SESSIONS, _HANDLES = 10, 200  # of a connection; of a partner
_END_SECONDS, _AWAY_SECONDS = 10.0, 30.0
_TOLD_SECONDS, _MOST_TOLD = 60.0, 1000
_QUIET = (errno.ENOENT, errno.ENOTDIR)  # what clients ask as a matter of course
_REQUESTS = (
    "open",
    "close",
    "read",
    "write",
    "fstat",
    "fsetstat",
    "fsync",
    "opendir",
    "readdir",
    "lstat",
    "stat",
    "setstat",
    "realpath",
    "remove",
    "rename",
)
_ALGORITHMS = {
    "kex_algs": "-*sha1*",
    "encryption_algs": "chacha20-poly1305*,aes256-gcm*,aes128-gcm*,aes256-ctr,aes192-ctr,aes128-ctr",
    "mac_algs": "hmac-sha2-*",
    "signature_algs": "-*dss*",
    "compression_algs": None,
}
_CLOSED = ("password_auth", "kbdint_auth", "host_based_auth", "allow_pty", "line_editor", "agent_forwarding")

Say = Callable[..., None]
"""Level, event and facts for the log."""

Keep = Callable[[str, str, dict[str, Any], Callable[[], None]], None]
"""The partner, and as :data:`gateway.transports.drop.Told`."""


def host_key(path: Path) -> asyncssh.SSHKey:
    """What proves the server to partners; made if it is not there. Raises ConfigurationError."""
    try:
        if not path.exists():
            made_key(path)
        return asyncssh.read_private_key(str(path))
    except (OSError, asyncssh.KeyImportError) as error:
        words = f"{path}, the key of the SFTP server, is no private key without password: {error}"
        raise ConfigurationError(f"{words}. `sftp_server.host_key` in gateway.yaml names it.") from None


@dataclass(slots=True, eq=False)
class Guest:
    """A partner that may log in: the folder of its channel, and what it has open now."""

    partner: str
    channel: Path
    terms: SftpAccount
    room: Room = field(init=False)
    logins: set[_Login] = field(default_factory=set)
    sessions: set[_Handler] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.room = Room(self.channel / INBOX, self.terms)

    def is_as(self, other: Guest) -> bool:
        """Whether the settings are the same."""
        return (self.partner, self.channel, self.terms) == (other.partner, other.channel, other.terms)

    def clean(self) -> None:
        """Removes what died in the middle."""
        with suppress(OSError):  # a share that is away: what is asked of it is refused
            self.room.clean()


class Server:
    """Waits for partners.

    Args:
        rules: ``listen`` is not empty; of port 0 the attribute ``port`` tells what it became, once ``ready``.
        host_key: file with the private key of the server.
        guests: by user.
        say: is told logins and refusals; of the same refusal one a minute.
        keep: is told what was done with files, in threads.
    """

    def __init__(
        self, rules: SftpServer, host_key: Path, guests: dict[str, Guest], *, say: Say, keep: Keep
    ) -> None:
        self.rules, self.guests, self.say, self.keep = rules, guests, say, keep
        self._host_key, self.port, self.ready = host_key, 0, Event()
        self._told: dict[object, float] = {}
        self.logins: dict[_Login, None] = {}
        self._turn, self._over = Lock(), Event()
        self._turn.acquire()  # nobody keeps anything yet
        self._thread, self._failed = Thread(target=self._live, name="sftp", daemon=True), list[Exception]()

    def run(self, stop: Event, kept: Kept | None = None) -> None:
        """Serves until ``stop`` is set; with ``kept`` the server stays for the next one of the same rules.

        Raises:
            ConfigurationError: it cannot listen there, or its key is none.
        """
        self._key, there = host_key(self._host_key), kept.get("sftp_server") if kept else None
        if there is not None and not there._is_as(self):
            there.close()
            there = None
        for user, guest in self.guests.items():
            before = there.guests.get(user) if there else None
            if before and before.is_as(guest):
                self.guests[user] = before
            else:
                guest.clean()
        if there is None:
            there = self
            self._thread.start()
        else:
            there.ready.wait(_AWAY_SECONDS)
            asyncio.run_coroutine_threadsafe(there._adopt(self), there._loop).result(_AWAY_SECONDS)
        if kept is not None:
            kept["sftp_server"] = there
        there._attend(stop, stays=kept is not None)

    def _is_as(self, other: Server) -> bool:
        """Whether it runs, by the same rules and key."""
        same = self.rules == other.rules and self._key.public_data == other._key.public_data
        return same and self._thread.is_alive()

    async def _adopt(self, other: Server) -> None:
        """Goes on for another; a guest whose settings changed has to log in again."""
        self.guests, self.say, self.keep = other.guests, other.say, other.keep
        for login in list(self.logins):
            if login.guest and login.guest not in self.guests.values():
                login.abort()

    def _attend(self, stop: Event, *, stays: bool) -> None:
        """Lets what is done be kept until ``stop`` is set."""
        self._turn.release()
        try:
            while self._thread.is_alive() and not stop.wait(0.05):
                pass
            if not stays:
                self.close()
        finally:
            self._turn.acquire()
        for error in self._failed:
            raise error

    @contextmanager
    def kept(self, user: str, guest: Guest) -> Iterator[None]:
        """While something is kept; waits for a gateway. Raises OSError: none came, or the guest went."""
        end = time.monotonic() + _AWAY_SECONDS
        while not self._turn.acquire(timeout=0.2):
            if self._over.is_set() or time.monotonic() > end:
                raise OSError(errno.EIO, "the gateway cannot write it down now; try again later")
        try:
            if self.guests.get(user) is not guest:
                raise OSError(errno.EIO, "the settings have changed; log in again")
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Ends it, with who is logged in."""
        self._over.set()
        self._thread.join()

    def _live(self) -> None:
        asyncssh.set_log_level("CRITICAL")  # strangers shall not fill the log
        self.pool = ThreadPoolExecutor(_THREADS, "sftp")
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 -- raised where it is attended
            self._failed.append(error)
        finally:
            self.pool.shutdown()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        host, port = self.rules.address
        try:
            acceptor = await asyncssh.listen(
                host or None,
                port,
                server_factory=partial(_Login, self),
                server_host_keys=[self._key],
                server_version="SFTP",
                config=None,
                gss_host=None,
                login_timeout=self.rules.login_seconds,
                keepalive_interval=30,
                **_ALGORITHMS,
                **dict.fromkeys(_CLOSED, False),
            )
        except OSError as error:
            raise ConfigurationError(
                f"Partners cannot log in at {self.rules.listen}: {error.strerror or error}. If another "
                "program uses the port, or the address is not one of this machine, change "
                "`sftp_server.listen` in gateway.yaml."
            ) from error
        self.port = acceptor.get_port()
        self.ready.set()
        while not self._over.is_set():  # noqa: ASYNC110 -- it belongs to threads
            await asyncio.sleep(0.05)
        acceptor.close()
        for one in list(self.logins):
            one.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                while any(guest.sessions for guest in self.guests.values()):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    def refused(self, event: str, **facts: Any) -> None:
        """Tells a refusal."""
        now, key = asyncio.get_running_loop().time(), tuple(facts.items())
        if self._told.get(key, 0) <= now:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            self._told[key] = now + _TOLD_SECONDS
            self.say("warning", event, **facts)


class _Login(asyncssh.SSHServer):
    """One connection: who it is, and since when it asked for nothing."""

    guest: Guest | None = None
    _known: Guest
    drop: Drop
    _idle: asyncio.TimerHandle | None = None
    _fingerprint = ""
    _refusals = _sessions = 0

    def __init__(self, server: Server) -> None:
        self.server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn, known = conn, self.server.logins
        self._address = str((conn.get_extra_info("peername") or ("?",))[0])
        known[self] = None
        strangers = [one for one in known if one.guest is None]
        if len(strangers) > self.server.rules.connections:  # who takes longest makes room
            strangers[0].abort()

    def abort(self) -> None:
        self.server.logins.pop(self, None)
        self._conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- their line, or their doing
        self.server.logins.pop(self, None)
        if self._idle is not None:
            self._idle.cancel()
        if self.guest is not None:
            self.guest.logins.discard(self)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        guest, self._fingerprint = self.server.guests.get(username), key.get_fingerprint()
        if guest is None:
            why = "no partner has this user"
        elif not guest.terms.admits(self._address):
            why = "it may not come from this address"
        elif key.public_data not in guest.terms.blobs:
            why = "the key is not one of its settings"
        else:
            self._known = guest
            return True
        self._refusals += 1
        self.server.refused("sftp.refused", **self._facts(username), reason=why)
        if self._refusals >= self.server.rules.login_attempts:
            self._end("Too many keys were tried.")
        return False

    def _facts(self, user: str) -> dict[str, str]:
        return {"user": user[:40], "address": self._address, "key": self._fingerprint}

    def auth_completed(self) -> None:
        user, server = str(self._conn.get_extra_info("username")), self.server
        guest, facts = self._known, self._facts(user)
        everybody = sum(len(one.logins) for one in server.guests.values())
        if len(guest.logins) >= server.rules.partner_connections or everybody >= server.rules.connections:
            server.refused("sftp.refused", **facts, reason="too many connections")
            self._end("Too many connections; end another one, or try again later.")
            return
        if server.guests.get(user) is not guest:  # meanwhile settings changed
            self._end("The settings have changed; log in again.")
            return

        def keep(event: str, said: dict[str, Any], act: Callable[[], None]) -> None:
            with server.kept(user, guest):
                server.keep(guest.partner, event, {**said, **facts}, act)

        self.drop = Drop(guest.channel, guest.terms, guest.room, keep)
        self.guest = guest
        guest.logins.add(self)
        server.say("info", "sftp.login", partner=guest.partner, **facts)
        self.is_alive()

    def is_alive(self) -> None:
        """It asked for something."""
        if self._idle is not None:
            self._idle.cancel()
        loop, seconds = asyncio.get_running_loop(), self.server.rules.idle_seconds
        self._idle = loop.call_later(seconds, self._end, "Nothing was asked for too long.")

    def _end(self, words: str) -> None:
        """Says why, and makes sure that it ends."""
        self._conn.disconnect(asyncssh.DISC_BY_APPLICATION, words)
        asyncio.get_running_loop().call_later(2, self._conn.abort)

    def session_requested(self) -> asyncssh.SSHServerSession[bytes] | bool:
        if self.guest is None or self._sessions >= _SESSIONS:
            return False
        self._sessions += 1
        return _Session(self)

    def session_ended(self) -> None:
        self._sessions -= 1


class _Session(SSHServerStreamSession[bytes]):
    """A channel of which only SFTP can be made: without a factory it refuses shell and commands."""

    def __init__(self, login: _Login) -> None:
        super().__init__(None)
        self._login = login

    def connection_made(self, chan: Any) -> None:
        super().connection_made(chan)
        chan._process_env_request = lambda _packet: False  # all of them would be kept

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._login.session_ended()

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        chan: Any = self._chan
        chan.set_encoding(None)
        self._encoding = None
        handler = _Handler(_Files(chan, self._login), SSHReader(self, chan), SSHWriter(self, chan))
        chan.get_connection().create_task(handler.run(), chan.logger)


class _Handler(SFTPServerHandler):
    """SFTP with one client. It knows a file that the client closed from one whose connection broke."""

    _extensions = [(b"fsync@openssh.com", b"1")]  # noqa: RUF012 -- as it is above
    _packet_handlers = {  # noqa: RUF012
        kind: how
        for kind, how in SFTPServerHandler._packet_handlers.items()
        if how is not None and how.__name__.removeprefix("_process_") in _REQUESTS
    }

    def __init__(self, files: _Files, reader: SSHReader[bytes], writer: SSHWriter[bytes]) -> None:
        super().__init__(files, reader, writer, 3)
        self._files = files

    @property
    def handles(self) -> int:
        return len(self._file_handles) + len(self._dir_handles)

    async def run(self) -> None:
        self._files.guest.sessions.add(self)
        try:
            with suppress(EOFError, OSError, asyncssh.Error):  # it went away
                await super().run()
        finally:
            await self._cleanup(None)
            self._files.guest.sessions.discard(self)

    async def _cleanup(self, exc: Exception | None) -> None:
        self._files.is_over = True
        await super()._cleanup(exc)

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        self._files.login.is_alive()
        await super()._process_packet(pkttype, pktid, packet)
        if self._writer is not None:
            await self._writer.drain()  # who does not read answers shall not fill the memory with them


class _Files(asyncssh.SFTPServer):
    """The requests of one session."""

    def __init__(self, chan: Any, login: _Login) -> None:
        super().__init__(chan)
        assert login.guest is not None
        self.login, self.guest, self._drop = login, login.guest, login.drop
        self.is_over = False
        self._opened: set[Download] = set()

    async def _do(self, request: str, action: Callable[..., _T], *arguments: Any) -> _T:
        """Does something in a thread, and tells what is refused."""
        loop, server = asyncio.get_running_loop(), self.login.server
        try:
            return await loop.run_in_executor(server.pool, action, *arguments)
        except OSError as error:
            if error.errno not in _QUIET:
                facts = {"partner": self.guest.partner, "request": request}
                server.refused("sftp.file_refused", **facts, reason=error.strerror or str(error))
            raise

    def _limit(self) -> None:
        if sum(one.handles for one in self.guest.sessions) >= _HANDLES:
            raise asyncssh.SFTPFailure(f"{_HANDLES} files and folders are open; close some")

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:  # noqa: ARG002
        def opened() -> Download:
            appends = bool(pflags & asyncssh.FXF_APPEND)
            made = self._drop.put(path, appends=appends) if writes else self._drop.fetch(path)
            self._opened.add(made)
            if self.is_over:  # nobody will close it
                made.abandon()
            return made

        self._limit()
        writes = bool(pflags & asyncssh.FXF_WRITE)
        return await self._do("put" if writes else "fetch", opened)

    async def close(self, file_obj: Any) -> None:
        self._opened.discard(file_obj)
        await self._do("close", file_obj.abandon if self.is_over else file_obj.end)

    def exit(self) -> None:
        for one in list(self._opened):
            one.abandon()

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        return await self._do("read", file_obj.read, offset, size)

    async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        await self._do("write", file_obj.write, offset, data)
        return len(data)

    async def fsync(self, file_obj: Any) -> None:
        """Everything is on disk when it is closed."""

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return _attributes(await self._do("stat", self._drop.entry, path))

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return await self.stat(path)

    async def fstat(self, file_obj: Any) -> asyncssh.SFTPAttrs:
        return _attributes(await self._do("stat", file_obj.entry))

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self.stat(path)  # times and permissions, which clients set unasked, are ours
        if attrs.size is not None:
            raise asyncssh.SFTPPermissionDenied("the size of a file is not changed")

    async def fsetstat(self, file_obj: Any, attrs: asyncssh.SFTPAttrs) -> None:
        if attrs.size is not None:
            await self._do("truncate", file_obj.truncate, attrs.size)

    def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        self._limit()
        return self._names(path)

    async def _names(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        for one in await self._do("list", self._drop.list, path):
            yield asyncssh.SFTPName(os.fsencode(one.name), attrs=_attributes(one))

    def realpath(self, path: bytes) -> bytes:
        return posixpath.normpath(b"/" + path.lstrip(b"/"))

    async def remove(self, path: bytes) -> None:
        await self._do("remove", self._drop.remove, path)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._do("rename", self._drop.rename, oldpath, newpath)


def _attributes(one: Entry) -> asyncssh.SFTPAttrs:
    mode = stat.S_IFDIR | 0o755 if one.is_folder else stat.S_IFREG | 0o644
    return asyncssh.SFTPAttrs(size=one.size, permissions=mode, atime=int(one.mtime), mtime=int(one.mtime))
