"""One POST over HTTP: to an address that was checked, with an end to every wait, and errors in words.

What is sent, and what an answer means, is not known here. A URL may come from a partner's message (where an
asynchronous receipt is to go; RFC 4130, 7.3), so nothing in it is trusted: the name is looked up once, each
of its addresses must be allowed, and the connection goes to one that was checked. Redirects are not followed.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from threading import Lock
from time import monotonic
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import h11
import httpcore
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.as2.span import Span
from gateway.errors import ConfigurationError, TransportError
from gateway.transports.metadata import NeverError

Step: TypeAlias = Literal["dns", "address", "tcp", "tls", "http"]
Watch: TypeAlias = Callable[[Step, str], None]
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

ANSWER_LIMIT = 4 << 20
"""Bytes of the longest answer that is read; a receipt has some thousand."""

_IDLE_SECONDS = (
    3.0  # less than common servers wait, so that they rarely close a connection as it is used again
)
_SLOWEST = 64 << 10  # bytes a second at which a large message may still be sent
_FRAMING = {"host", "content-length", "transfer-encoding", "connection"}
_GIVEN_OUT = IPv6Network(
    "2000::/3"
)  # no other IPv6 addresses are public; mapped IPv4 and NAT64 are outside of it


class SendError(TransportError):
    """A message could not be sent, or its answer not be read.

    Attributes:
        step: how far it came.
        again: whether a later try makes sense. What is refused on our side stays so; anything else may be
            right an hour later, a certificate that the partner renews as well.
    """

    def __init__(self, message: str, step: Step, *, again: bool = True) -> None:
        super().__init__(message)
        self.step: Step = step
        self.again = again


class _UnheardError(SendError):
    """The other side closed the connection without a word."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send, and what is allowed on the way.

    Attributes:
        login: user and password (RFC 7617), for the host of the URL alone.
        tls: made by :func:`tls_context`; None trusts whom the system trusts.
        timeout_seconds: how long to wait for one step. All steps together may take three times that, and a
            second more for every 64 KiB of the message.
        chunked: sent without Content-Length (RFC 9112, 7.1).
        public_only: whether addresses of private networks, of this machine and the like are refused.
        hosts: the only host names allowed; None for any.
    """

    url: str
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    timeout_seconds: float = 60.0
    chunked: bool = False
    public_only: bool = True
    hosts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status; names of headers are as they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def words(self) -> str:
        """Its status, and how it begins."""
        said = " ".join(self.body[:300].decode("utf-8", "replace").split())
        return f"{self.status}{f' ({said[:120]})' if said else ''}"


def retriable(status: int) -> bool:
    """Whether the same message may be taken later (RFC 9110, 15.5.9 and 15.6)."""
    return status in {408, 425, 429} or 500 <= status < 600


def is_public(address: str) -> bool:
    """Whether an IP address is one machine's on the public internet, and leads nowhere else."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved
    return ip in _GIVEN_OUT and ip.is_global and ip.sixtofour is None and ip.teredo is None


def tls_context(ca_file: str, client: tuple[bytes, str] | None) -> ssl.SSLContext:
    """Settings for TLS 1.2 or newer; certificates and host names are always verified.

    Args:
        ca_file: PEM of who is trusted, an issuer or the server's certificate itself; empty: the system's.
        client: our certificate and private key as PEM, and the key's password, for servers that ask for them.

    Raises:
        ConfigurationError: a file or key cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not ca_file:
        context.load_default_certs()
    else:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            why = "has no certificate in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigurationError(f"ca_file {ca_file} cannot be used: {why}.") from error
    if client is not None:
        with tempfile.NamedTemporaryFile() as file:  # OpenSSL takes keys from files only
            file.write(client[0])
            file.flush()
            try:
                context.load_cert_chain(file.name, password=client[1])
            except ssl.SSLError as error:
                raise ConfigurationError(
                    "The client certificate cannot be used: its private key is missing, belongs to another "
                    "certificate, or has another password. `edigw cert list` shows what there is."
                ) from error
    return context


@cache
def _system_tls() -> ssl.SSLContext:
    return tls_context("", None)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class _Place:
    """A URL taken apart, and what else must be the same for a connection to be used again."""

    scheme: str
    host: str
    port: int
    tls: ssl.SSLContext | None
    public_only: bool

    @classmethod
    def of(cls, target: Target) -> tuple[_Place, str]:
        """The place, and the path with its query. Raises SendError for what is not allowed."""

        def refused(why: str) -> SendError:
            return SendError(f"Nothing is sent to {target.url!r}: {why}.", "address", again=False)

        if not all("!" <= one <= "~" for one in target.url):
            raise refused("a URL has printable ASCII characters only")
        try:
            parts = urlsplit(target.url)
            port = parts.port
        except ValueError as error:
            raise refused("this is not a URL") from error
        host = (parts.hostname or "").rstrip(".")
        if parts.scheme not in {"http", "https"} or not host:
            raise refused("it is not of the form https://host/path")
        if parts.username is not None:
            raise refused("a login stands in `as2.login`, never in a URL")
        if target.hosts is not None and host not in {one.lower() for one in target.hosts}:
            raise refused(
                f"host {host} is not among those allowed ({', '.join(sorted(target.hosts)) or 'none'}). If "
                "it is the partner's, add it to `as2.receipts_to` in its file"
            )
        place = cls(
            parts.scheme,
            host,
            port or (443 if parts.scheme == "https" else 80),
            target.tls or (_system_tls() if parts.scheme == "https" else None),
            target.public_only,
        )
        return place, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them (RFC 9110, 7.2)."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.scheme == "https" else 80) else f"{name}:{self.port}"

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"


class _Line(httpcore.SyncBackend):
    """A connection to one place, for one thread at a time."""

    def __init__(self, place: _Place, resolve: Resolve) -> None:
        self.place = place
        self._resolve = resolve
        self._address = ""
        self.http = httpcore.HTTPConnection(
            httpcore.Origin(place.scheme.encode(), place.host.encode(), place.port),
            ssl_context=place.tls,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self,
        )

    def exchange(self, request: httpcore.Request, total: float, one: float, watch: Watch | None) -> Response:
        """Sends and reads the answer, within ``total`` seconds, and ``one`` for each wait."""
        began = monotonic()
        self._deadline, self._one, self._watch = began + total, one, watch
        self.is_silent = True
        try:
            answer = self.http.handle_request(request)
            try:
                body = bytearray()
                for chunk in answer.iter_stream():
                    body += chunk
                    if len(body) > ANSWER_LIMIT:
                        limit = ANSWER_LIMIT >> 20
                        raise SendError(f"{self.place} answered with more than {limit} MiB.", "http")
            finally:
                answer.close()
        except (httpcore.LocalProtocolError, h11.LocalProtocolError) as error:
            raise SendError(f"The message cannot be sent over HTTP: {error}.", "http", again=False) from error
        except httpcore.TimeoutException as error:
            left = self._deadline - monotonic()
            words = f"did not go on for {one:g} s" if left > 0 else f"was not done after {total:.3g} s"
            raise SendError(f"{self.place} {words}. It may have received the message.", "http") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            if "ALERT" in str(getattr(error.__cause__, "reason", "")):  # TLS 1.3 judges our certificate now
                raise self._no_tls(error) from error
            raise (_UnheardError if self.is_silent else SendError)(
                f"{self.place} broke off, or its answer is not HTTP ({error}). It may have received the "
                "message, and its log says more.",
                "http",
            ) from error
        reason = str(answer.extensions.get("reason_phrase", b""), "latin-1")
        self._say("http", f"{answer.status} {reason} in {monotonic() - began:.1f} s")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
        return Response(answer.status, headers, bytes(body))

    def wait(self) -> float:
        """Seconds that the next wait may take."""
        left = self._deadline - monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return min(left, self._one)

    def _say(self, step: Step, words: str) -> None:
        if self._watch is not None:
            self._watch(step, words)

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        why: Exception | None = None
        for address in self._addresses(host, port):
            began = monotonic()
            try:
                stream = super().connect_tcp(address, port, self.wait())
            except (httpcore.ConnectError, httpcore.TimeoutException) as error:
                why = error
                continue
            self._address = address
            self._say("tcp", f"connected to port {port} in {(monotonic() - began) * 1000:.0f} ms")
            return _Stream(stream, self)
        if isinstance(why, httpcore.TimeoutException):
            words = (
                f"did not answer within {self._one:g} s. Mostly a firewall is between: ask the partner "
                "whether our address is allowed, and at home whether the port is open to the outside"
            )
        elif why is not None and isinstance(why.__cause__, ConnectionRefusedError):
            words = (
                "refused the connection. Compare host and port to what the partner told; if they are right, "
                "its server does not run"
            )
        elif why is not None and isinstance(why.__cause__, NeverError):
            raise SendError(f"Nothing is sent to {host}: {why.__cause__}.", "address", again=False) from why
        else:
            words = f"cannot be reached: {why}. Check the network of this machine first"
        raise SendError(f"{self.place} {words}.", "tcp") from why

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise SendError(
                f"No address is known for {host} ({why}). Check the name in the URL, and the name server of "
                "this machine.",
                "dns",
            ) from error
        self._say("dns", f"{host} is {', '.join(addresses)}")
        inside = [address for address in addresses if not is_public(address)]
        if self.place.public_only and inside:
            raise SendError(
                f"Nothing is sent to {host}: its address {inside[0]} is not on the public internet. If that "
                "is right, set `as2.private_addresses: true` in the partner's file.",
                "address",
                again=False,
            )
        return addresses

    def secure(
        self, stream: httpcore.NetworkStream, context: ssl.SSLContext, host: str
    ) -> httpcore.NetworkStream:
        """TLS over a connection, told if somebody watches."""
        try:
            secured = stream.start_tls(context, host, self.wait())
        except (httpcore.ConnectError, httpcore.TimeoutException) as error:
            stream.close()
            raise self._no_tls(error) from error
        if self._watch is not None:
            connection = secured.get_extra_info("socket")
            seen = x509.load_der_x509_certificate(connection.getpeercert(True))
            name, end = seen.subject.rfc4514_string(), seen.not_valid_after_utc
            self._say("tls", f"{connection.version()}, certificate {name}, valid until {end:%Y-%m-%d}")
        return secured

    def _no_tls(self, error: Exception) -> SendError:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            why, what_to_do = _DISTRUST.get(cause.verify_code, _DISTRUST[0])
            why = f"The certificate of {self.place} {why.format(cause.verify_message)}."
            return SendError(f"{why} {self._seen()}{what_to_do}", "tls")
        if isinstance(error, httpcore.TimeoutException):
            return SendError(f"{self.place} did not agree on TLS within {self._one:g} s. {_NO_TLS}", "tls")
        reason = str(getattr(cause, "reason", None) or cause)
        what_to_do = next((words for part, words in _REASONS.items() if part in reason), _NO_TLS)
        return SendError(f"{self.place} did not agree on TLS ({reason}). {what_to_do}", "tls")

    def _seen(self) -> str:
        """The certificate that was refused, in words. OpenSSL keeps none, so it is asked for once more."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # nothing is sent over this connection
        try:
            with (
                socket.create_connection((self._address, self.place.port), self.wait()) as plain,
                context.wrap_socket(plain, server_hostname=self.place.host) as secured,
            ):
                seen = x509.load_der_x509_certificate(secured.getpeercert(True) or b"")
            alternative = seen.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = [str(name.value) for name in alternative]
        except x509.ExtensionNotFound:
            names = []
        except (OSError, ValueError, httpcore.TimeoutException):
            return ""
        return (
            f"It is of {seen.subject.rfc4514_string() or 'nobody'} for {', '.join(names) or 'no host'}, "
            f"issued by {seen.issuer.rfc4514_string()}, valid from {seen.not_valid_before_utc:%Y-%m-%d} "
            f"until {seen.not_valid_after_utc:%Y-%m-%d}, SHA-256 {seen.fingerprint(SHA256()).hex()}. "
        )


_TRUST = (
    "If the partner confirms it, save the certificate of its issuer (or this one) as a PEM file and name "
    "that in `as2.ca_file` of the partner's file."
)
_OTHER_NAME = (
    "is for another host",
    "Compare the host in `as2.url` to what the partner told; its certificate must name it.",
)
# By X509_V_ERR_... of OpenSSL; 0 for all others.
_DISTRUST: dict[int, tuple[str, str]] = {
    0: ("is not accepted: {}", "Ask the partner to correct it."),
    9: ("is not valid yet", "Check the clock of this machine; if it is right, it is the partner's move."),
    10: ("has expired", "The partner must renew it; check the clock of this machine, too."),
    18: ("is not trusted, as it is self-signed", _TRUST),
    19: ("is not trusted, as its root is unknown", _TRUST),
    20: ("is not trusted, as its issuer is unknown", _TRUST),
    21: ("is not trusted, as its issuer is unknown", _TRUST),
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}

_NO_TLS = "Ask the partner what the log of its server says."
_OUR_CERTIFICATE = (
    "The server wants a client certificate that it knows: set `as2.client_certificate: true` in the "
    "partner's file, and send the partner ours (`edigw cert export`)."
)
# By a part of OpenSSL's word for it.
_REASONS = {
    "CERTIFICATE": _OUR_CERTIFICATE,
    "UNKNOWN_CA": _OUR_CERTIFICATE,
    "HANDSHAKE_FAILURE": _OUR_CERTIFICATE,
    "VERSION_NUMBER": "The port speaks no TLS: compare `as2.url` to what the partner told.",
    "PROTOCOL": "The server is older than TLS 1.2; the partner must renew it.",
}


class _Stream(httpcore.NetworkStream):
    """A stream whose waits end when the time of its line is over, whatever httpcore allows."""

    def __init__(self, stream: httpcore.NetworkStream, line: _Line) -> None:
        self._stream = stream
        self._line = line
        self.close = stream.close  # type: ignore[method-assign]
        self.get_extra_info = stream.get_extra_info  # type: ignore[method-assign]

    def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        data = self._stream.read(max_bytes, self._line.wait())
        self._line.is_silent &= not data
        return data

    def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
        self._stream.write(buffer, self._line.wait())

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        return _Stream(self._line.secure(self._stream, ssl_context, server_hostname or ""), self._line)


class Client:
    """Sends for any number of threads; connections are kept for some seconds and used again.

    Args:
        resolve: finds the addresses of a name.
    """

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._lock = Lock()
        self._idle: list[_Line] = []

    def post(
        self, target: Target, headers: Sequence[tuple[str, str]], body: Span, *, watch: Watch | None = None
    ) -> Response:
        """Sends a message and returns the answer, whatever its status.

        Args:
            headers: in this order; Host and those that frame the message are added.
            body: read piece by piece, never as a whole.
            watch: is told each step in words.

        Raises:
            SendError: there is no answer.
        """
        place, path = _Place.of(target)
        length = ("Transfer-Encoding", "chunked") if target.chunked else ("Content-Length", str(body.size))
        sent = [
            ("Host", place.authority),
            *(one for one in headers if one[0].lower() not in _FRAMING),
            length,
        ]
        if target.login is not None:
            sent.append(("Authorization", f"Basic {b64encode(':'.join(target.login).encode()).decode()}"))
        try:
            fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent]
        except UnicodeError as error:
            raise SendError(f"A header cannot be sent over HTTP: {error}.", "http", again=False) from error
        url = httpcore.URL(
            scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=path.encode()
        )
        total = 3 * target.timeout_seconds + body.size / _SLOWEST

        def over(line: _Line) -> Response:
            request = httpcore.Request(b"POST", url, headers=fields, content=body.chunks())
            try:
                return line.exchange(request, total, target.timeout_seconds, watch)
            finally:
                with self._lock:
                    self._idle.append(line)
                self._kept(None)

        if (line := self._kept(place)) is not None:
            with suppress(_UnheardError):
                return over(line)
            # It was closed as it was used. To repeat a POST does no harm where a message has an identifier
            # (RFC 9112, 9.3.1).
        return over(_Line(place, self._resolve))

    def _kept(self, place: _Place | None) -> _Line | None:
        """Takes a connection to the place, if one is kept; closes those whose time is over."""
        with self._lock:
            lines, self._idle, found = self._idle, [], None
            for line in lines:
                if not line.http.is_idle() or line.http.has_expired():
                    line.http.close()
                elif found is None and line.place == place:
                    found = line
                else:
                    self._idle.append(line)
            return found

    def close(self) -> None:
        """Closes the connections that are kept."""
        with self._lock:
            lines, self._idle = self._idle, []
        for line in lines:
            line.http.close()
