"""SSH as SFTP needs it: connections to servers whose keys are known, and many requests at once.

paramiko asks one thing at a time and waits for the answer, so that many small files take many round trips.
Here requests go out together, over a few channels, and answers are taken as they come; at most ``WINDOW`` are
on their way, since some servers stand still with more.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import socket
import time
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from hashlib import sha256
from threading import Event
from typing import Any, BinaryIO

import paramiko
from paramiko import AuthenticationException, Message, PKey, SFTPAttributes, SSHException
from paramiko import sftp as protocol
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import MSG_SERVICE_REQUEST
from paramiko.ssh_exception import IncompatiblePeer
from paramiko.transport import ServiceRequestingTransport

from gateway.errors import ConfigurationError
from gateway.partners.sftp import Server, Sftp
from gateway.transports.problems import CATALOGUE, LostError, SftpError, refused

WINDOW = 64
CHUNK = 32_768
"""What every server reads and writes at once."""

_SEVERAL = 8
"""Requests for which it pays to open more channels."""

_CIPHERS = (*(f"aes{bits}-gcm@openssh.com" for bits in (128, 256)), *(f"aes{n}-ctr" for n in (128, 192, 256)))
_DIGESTS = (*(f"hmac-sha2-{bits}-etm@openssh.com" for bits in (256, 512)), "hmac-sha2-256", "hmac-sha2-512")
_KEY_KINDS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)

_STATUSES = {
    protocol.SFTP_NO_SUCH_FILE: errno.ENOENT,
    protocol.SFTP_PERMISSION_DENIED: errno.EACCES,
    10: errno.ENOENT,  # no such path
    11: errno.EEXIST,
    12: errno.EACCES,  # write protected
    14: errno.ENOSPC,
    15: errno.ENOSPC,  # quota
}
"""Statuses of version 3, and later ones (draft-ietf-secsh-filexfer-13, 9.1) that some servers send."""

logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False  # what matters is raised, and told by the gateway

Watch = Callable[[str, str], None]
"""Is told a step and how it went: ``dns``, ``tcp``, ``hostkey``, ``login``, ``folders``, ``upload``."""


class _Logins(AuthOnlyHandler):
    """Hears an answer that comes at once; paramiko 5 makes what it waits for after it has asked."""

    _answered = Event()

    @property
    def auth_event(self) -> Event:
        return self._answered

    @auth_event.setter
    def auth_event(self, event: Event | None) -> None:
        """Another one would not be set by an answer that is here already."""

    def send_auth_request(self, *args: Any, **kwargs: Any) -> list[str]:
        self._answered = Event()
        allowed: list[str] = super().send_auth_request(*args, **kwargs)
        return allowed


class _Transport(ServiceRequestingTransport):
    """Asks for the service of logins once, as it must be; the usual one does for each try.

    Attributes:
        offers: what the server offers, to explain why nothing fits.
    """

    offers: dict[str, list[str]] | None = None
    active: bool
    _service_userauth_accepted: bool

    def ensure_session(self) -> None:
        """As in paramiko, but it does not wait for ever, and hears what comes with the answer."""
        if self._service_userauth_accepted:
            return
        self.auth_handler = _Logins(self)
        request = Message()
        request.add_byte(bytes([MSG_SERVICE_REQUEST]))
        request.add_string("ssh-userauth")
        self._send_message(request)  # type: ignore[attr-defined]
        until = time.monotonic() + self.auth_timeout
        while not getattr(self, "_service_userauth_accepted"):  # noqa: B009 -- a thread of paramiko sets it
            if not self.active or time.monotonic() > until:
                raise self.get_exception() or SSHException("it takes no logins")
            time.sleep(0.01)

    def _really_parse_kex_init(self, m: Message, ignore_first_byte: bool = False) -> dict[str, Any]:
        parsed: dict[str, Any] = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        self.offers = self.offers or {name: list(one) for name, one in parsed.items() if "algo" in name}
        return parsed


class _Channel(paramiko.SFTPClient):
    """One channel. Answers come in any order."""

    def __init__(self, sock: paramiko.Channel) -> None:
        self._answers: dict[int, tuple[int, Message]] = {}
        super().__init__(sock)

    def ask(self, kind: int, *args: object) -> int:
        with _lost():
            number: int = self._async_request(self, kind, *args)  # type: ignore[attr-defined]
        return number

    def answer(self, number: int) -> Message:
        """Raises OSError, or EOFError at the end of a file, as the server says."""
        with _lost():
            while number not in self._answers:
                self._read_response()  # type: ignore[attr-defined]
        kind, message = self._answers.pop(number)
        if kind == protocol.CMD_STATUS:
            self._convert_status(message)
        return message

    def _convert_status(self, message: Message) -> None:
        """As in paramiko, but it knows what later versions of SFTP say."""
        code, words = message.get_int(), message.get_text()
        if code == protocol.SFTP_EOF:
            raise EOFError(words)
        if code != protocol.SFTP_OK:
            number = _STATUSES.get(code)
            raise OSError(number, words) if number else OSError(words)

    def _async_response(self, kind: int, message: Message, number: int) -> None:
        self._answers[number] = kind, message


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise LostError("the server did not answer in time") from error
    except (SSHException, EOFError, protocol.SFTPError, OSError) as error:
        raise LostError(f"the connection broke: {error}") from error


def path_of(name: str) -> bytes:
    """A path as it goes over the wire; names that are not UTF-8 keep their bytes."""
    return os.fsencode(name)


class Link(AbstractContextManager["Link"]):
    """A connection to a server. For one thread at a time.

    Raises:
        SftpError: it cannot be made, and why.
    """

    def __init__(self, terms: Sftp, secret: Callable[[str], str], home: str, watch: Watch) -> None:
        self._terms, self._find, self._home, self._watch = terms, secret, home, watch
        self._transports: list[_Transport] = []
        self._channels: list[_Channel] = []
        self._most = terms.connections
        try:
            if (jump := terms.proxy_jump) is not None:
                through = self._open(jump, self._dial(jump.host, jump.port))
                try:
                    where = (terms.host, terms.port)
                    sock: Any = through.open_channel("direct-tcpip", where, ("127.0.0.1", 0))
                except (SSHException, EOFError) as error:
                    said = f"{jump.host} in between says: {error}"
                    raise SftpError("SFTP-CONNECT", host=where[0], port=where[1], what=said) from error
            else:
                sock = self._dial(terms.host, terms.port)
            self._main = self._open(terms, sock)
            if not self._widen():
                raise SftpError("SFTP-NO-SFTP", host=terms.host)
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        for one in reversed(self._transports):
            with suppress(Exception):
                one.close()

    # --- requests ------------------------------------------------------------------------------------

    def one(self, kind: int, path: str, *args: object) -> Message:
        """Asks for something about a path. Raises OSError that names it."""
        try:
            return self.raw(kind, path_of(path), *args)
        except LostError:
            raise
        except (OSError, EOFError) as error:
            raise refused(path, error) from None

    def raw(self, kind: int, *args: object) -> Message:
        """Asks for something, and waits."""
        channel = self._channels[0]
        return channel.answer(channel.ask(kind, *args))

    def many(self, requests: Sequence[tuple[Any, ...] | None]) -> list[Message | Exception | None]:
        """Asks for many things at once: kind, path as text, and the rest; each gets its answer or error.

        The n-th request goes over the same channel each time, so that handles can be used again.
        """
        if len(requests) >= _SEVERAL:
            while len(self._channels) < self._most and self._widen():
                pass
        results: list[Message | Exception | None] = [None] * len(requests)
        sent: deque[tuple[int, _Channel, int]] = deque()

        def take() -> None:
            index, channel, number = sent.popleft()
            try:
                results[index] = channel.answer(number)
            except LostError:
                raise
            except (OSError, EOFError) as error:
                results[index] = error

        for index, request in enumerate(requests):
            if request is None:
                continue
            if len(sent) >= WINDOW:
                take()
            channel = self._channels[index % len(self._channels)]
            kind, what, *rest = request
            number = channel.ask(kind, path_of(what) if isinstance(what, str) else what, *rest)
            sent.append((index, channel, number))
        while sent:
            take()
        return results

    def is_full(self, path: str) -> bool:
        """Whether the server says that the disk has no room left; OpenSSH calls that a mere failure."""
        try:
            said = self.raw(protocol.CMD_EXTENDED, b"statvfs@openssh.com", path_of(path))
        except (OSError, EOFError):
            return False
        return [said.get_int64() for _ in range(5)][4] == 0

    def write(self, handle: bytes, chunks: Iterable[bytes]) -> int:
        """Writes all chunks to an open file; returns how many bytes that were."""
        channel, sent, offset = self._channels[0], deque[int](), 0
        for chunk in chunks:
            if len(sent) >= WINDOW:
                channel.answer(sent.popleft())
            sent.append(channel.ask(protocol.CMD_WRITE, handle, protocol.int64(offset), chunk))
            offset += len(chunk)
        for number in sent:
            channel.answer(number)
        return offset

    def entries(self, folder: str) -> Iterator[tuple[str, SFTPAttributes]]:
        """What is in a folder. Raises OSError."""
        handle = self.one(protocol.CMD_OPENDIR, folder).get_binary()
        channel, ahead, is_over = self._channels[0], deque[int](), False
        while not is_over or ahead:
            while not is_over and len(ahead) < _SEVERAL:
                ahead.append(channel.ask(protocol.CMD_READDIR, handle))
            try:
                answer = channel.answer(ahead.popleft())
            except EOFError:
                is_over = True
                continue
            for _ in range(answer.get_int()):
                name = os.fsdecode(answer.get_string())
                answer.get_string()  # the same as `ls -l` shows it
                found = attributes(answer)
                if name not in (".", ".."):
                    yield name, found
        self.raw(protocol.CMD_CLOSE, handle)

    def reading(self, path: str, offset: int = 0) -> Reading:
        """A file's bytes, from an offset on. Raises OSError."""
        flags = protocol.SFTP_FLAG_READ
        handle = self.one(protocol.CMD_OPEN, path, flags, SFTPAttributes()).get_binary()
        return Reading(self._channels[0], handle, offset)

    # --- connecting ----------------------------------------------------------------------------------

    def _widen(self) -> bool:
        """Opens one more channel; False if the server allows no more, and then it is not asked again."""
        try:
            sock = self._main.open_session()
            sock.settimeout(self._terms.timeout_seconds)
            sock.invoke_subsystem("sftp")
            self._channels.append(_Channel(sock))
        except (SSHException, EOFError, OSError):
            self._most = len(self._channels)
            return False
        return True

    def _dial(self, host: str, port: int) -> socket.socket:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise SftpError("SFTP-DNS", host=host, what=error.strerror) from None
        self._watch("dns", f"{host} is {', '.join(sorted({str(one[4][0]) for one in found}))}")
        try:
            sock = socket.create_connection((host, port), self._terms.timeout_seconds)
        except OSError as error:
            said = error.strerror or str(error)
            raise SftpError("SFTP-CONNECT", host=host, port=port, what=said) from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # without it answers wait for each other
        self._watch("tcp", f"port {port} is open")
        return sock

    def _open(self, hop: Server, sock: Any) -> _Transport:
        try:
            transport = _Transport(sock)
        except SSHException as error:
            raise SftpError("SFTP-PROTOCOL", host=hop.host, what=error) from error
        self._transports.append(transport)
        seconds = self._terms.timeout_seconds
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = seconds
        transport.channel_timeout = transport.clear_to_send_timeout = seconds
        transport.daemon = True
        options = transport.get_security_options()
        options.ciphers, options.digests = _CIPHERS, _DIGESTS
        pinned = {line.split()[0] for line in hop.host_keys}
        # The server shows one of its keys: one of a type we know, if it has that.
        options.key_types = sorted(options.key_types, key=lambda kind: _format(kind) not in pinned)
        try:
            transport.start_client(timeout=seconds)
            if not transport.initial_kex_done:
                raise TimeoutError("it did not answer in time")
        except (SSHException, EOFError, OSError) as error:
            raise _misfit(hop.host, transport, error) from error
        self._recognise(hop, transport.get_remote_server_key())
        self._login(hop, transport)
        transport.set_keepalive(self._terms.keepalive_seconds)
        return transport

    def _recognise(self, hop: Server, key: PKey) -> None:
        shown = f"{key.get_name()} {key.get_base64()}"
        pinned = [" ".join(line.split()[:2]) for line in hop.host_keys]
        if shown not in pinned:
            words = {"host": hop.host, "key": f"{key.get_name()} {key.fingerprint}", "line": shown}
            if not pinned:
                raise SftpError("SFTP-HOST-KEY-UNKNOWN", **words)
            known = ", ".join(f"{line.split()[0]} {_fingerprint(line)}" for line in pinned)
            raise SftpError("SFTP-HOST-KEY", known=known, **words)
        self._watch("hostkey", f"{key.get_name()} {key.fingerprint}, as pinned")

    def _login(self, hop: Server, transport: _Transport) -> None:
        tried: list[str] = []
        failed: Exception | None = None
        allowed: list[str] = []
        if hop.key:
            key = self._key(hop)
            tried.append(f"the key {key.get_name()} {key.fingerprint}")
            try:
                allowed = transport.auth_publickey(hop.user, key)
            except (SSHException, EOFError) as error:
                failed = error
        if not transport.is_authenticated() and hop.password and transport.is_active():
            tried.append("the password")
            try:
                allowed = transport.auth_password(hop.user, self._secret(hop.password))
            except (SSHException, EOFError) as error:
                failed = error
        if transport.is_authenticated():
            self._watch("login", f"as {hop.user} with {' and '.join(tried)}")
            return
        allowed = allowed or list(getattr(failed, "allowed_types", ()))
        more = f"; it accepts {', '.join(allowed)}" if allowed else ""
        cause = (
            ""
            if failed is None or isinstance(failed, AuthenticationException)
            else f" ({str(failed) or 'it closed the connection'})"
        )
        hint = CATALOGUE["SFTP-LOGIN"].hint
        if any("ssh-rsa" in one for one in tried):
            hint += (
                " Servers from before 2016 (OpenSSH 7.1 and older) take RSA keys only with SHA-1, which is"
                " not used any more: register an Ed25519 or ECDSA key with them."
            )
        what = f"{' and '.join(tried)}{more}{cause}"
        raise SftpError("SFTP-LOGIN", hint=hint, host=hop.host, user=hop.user, what=what)

    def _secret(self, reference: str) -> str:
        try:
            return self._find(reference)
        except ConfigurationError as error:
            raise SftpError("SFTP-SECRET", what=error) from None

    def _key(self, hop: Server) -> PKey:
        text = self._secret(hop.key) + "\n"
        password = self._secret(hop.key_password) if hop.key_password else None
        reason: Exception = SSHException("no known kind")
        for kind in _KEY_KINDS:
            try:
                key = kind.from_private_key(io.StringIO(text), password)
                if hop.certificate:
                    key.load_certificate(os.path.join(self._home, hop.certificate))  # noqa: PTH118 - a text
                return key
            except (SSHException, ValueError, OSError) as error:
                if not str(error).startswith(("not a valid", "encountered")):
                    reason = error
        raise SftpError("SFTP-KEY", key=hop.key, what=reason)


class Reading(io.RawIOBase):
    """The bytes of a remote file, asked for ahead. At most ``WINDOW`` pieces are in memory."""

    def __init__(self, channel: _Channel, handle: bytes, offset: int) -> None:
        self._channel, self._handle = channel, handle
        self._asked = self.offset = offset
        self._size = CHUNK
        self._ahead: deque[int] = deque()
        self._wide = 1
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = memoryview(self._piece())
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        self.offset += len(taken)
        return len(taken)

    def _piece(self) -> bytes:
        while len(self._ahead) < self._wide:
            at = protocol.int64(self._asked)
            self._ahead.append(self._channel.ask(protocol.CMD_READ, self._handle, at, self._size))
            self._asked += self._size
        self._wide = min(self._wide * 2, WINDOW)
        try:
            piece = self._channel.answer(self._ahead.popleft()).get_string()
        except EOFError:
            self._drop()
            return b""
        if len(piece) < self._size:  # at the end; or the server gives less than it is asked for
            self._drop()
            self._asked = self.offset + len(piece)
            self._size = max(len(piece), 1024)
        return piece

    def _drop(self) -> None:
        for number in self._ahead:
            with suppress(EOFError, OSError):
                self._channel.answer(number)
        self._ahead.clear()
        self._wide = 1

    def close(self) -> None:
        if not self.closed:
            with suppress(OSError, EOFError):
                self._drop()
                self._channel.answer(self._channel.ask(protocol.CMD_CLOSE, self._handle))
        super().close()


def attributes(answer: Message) -> SFTPAttributes:
    """Size, time and kind of a file, of an answer of the server."""
    found: SFTPAttributes = SFTPAttributes._from_msg(answer)  # type: ignore[attr-defined]
    return found


def pieces(first: bytes, source: BinaryIO) -> Iterator[bytes]:
    """Content in pieces every server takes: what was read of it, and the rest."""
    while first:
        yield from (first[at : at + CHUNK] for at in range(0, len(first), CHUNK))
        first = source.read(CHUNK)


def _format(algorithm: str) -> str:
    """The format of keys that sign so; those of RSA are called ssh-rsa, whatever digest signs."""
    return "ssh-rsa" if algorithm.startswith("rsa-") else algorithm


def _fingerprint(line: str) -> str:
    return "SHA256:" + b64encode(sha256(b64decode(line.split()[1])).digest()).decode().rstrip("=")


def _misfit(host: str, transport: _Transport, error: BaseException) -> SftpError:
    """Why a server and we do not come together."""
    offers = (transport.offers or {}).get("server_key_algo_list", [])
    if isinstance(error, IncompatiblePeer) and "host key" in str(error):
        return SftpError(
            "SFTP-OLD-SERVER",
            hint="Ask the partner to give its server an Ed25519 or ECDSA host key, or to update it: from "
            "OpenSSH 7.2 (2016) on, its RSA key signs with SHA-2.",
            host=host,
            what=f"host keys of the kind {', '.join(offers)}, which sign with SHA-1 or DSA",
        )
    if isinstance(error, IncompatiblePeer):
        kinds = {"kex": "kex_algo_list", "cipher": "server_encrypt_algo_list", "mac": "server_mac_algo_list"}
        which = next((name for word, name in kinds.items() if word in str(error).lower()), "")
        offered = ", ".join((transport.offers or {}).get(which, [])) or str(error)
        return SftpError("SFTP-OLD-SERVER", host=host, what=offered)
    return SftpError("SFTP-PROTOCOL", host=host, what=str(error) or "it closed the connection")
