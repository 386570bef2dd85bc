"""Sending over HTTP: against real servers on this machine, with certificates made here."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from gateway.as2.span import Span
from gateway.errors import ConfigurationError
from gateway.transports.as2 import ANSWER_LIMIT, Client, SendError, Target, is_public, retriable, tls_context

NOW = datetime.now(UTC)


# --- certificates ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self, password: str = "") -> bytes:
        how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.certificate.public_bytes(Encoding.PEM) + self.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, how
        )


def issue(name: str, *hosts: str, by: Held | None = None, ends: datetime = NOW + timedelta(days=9)) -> Held:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=30))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
    )
    if hosts:
        names = [
            x509.DNSName(host) if host[0].isalpha() else x509.IPAddress(ip_address(host)) for host in hosts
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Held(builder.sign(by.key if by else key, SHA256()), key)


@dataclass(frozen=True)
class Authority:
    """An issuer of certificates that is trusted by the name of its file."""

    held: Held
    file: str


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    held = issue("Test Authority")
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(held.certificate.public_bytes(Encoding.PEM))
    return Authority(held, str(path))


# --- servers -----------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What a server got, and whether over a connection of its own."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes
    peer: int


class Server(ThreadingHTTPServer):
    """Keeps what it gets and answers with ``answer``."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[Seen] = []
        self.answer: tuple[int, list[tuple[str, str]], bytes] = (200, [("X-Mixed-Case", "yes")], b"thanks")
        self.context = context
        self.sockets: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.sockets.append(request.dup())
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is not None:
            with suppress(OSError), self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)
        else:
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""

    def url(self, host: str = "localhost", path: str = "/as2") -> str:
        return f"{'https' if self.context else 'http'}://{host}:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 9

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            if len(body) < size:
                return
        port = self.client_address[1]
        self.server.seen.append(Seen(self.requestline, self.headers.items(), body, port))
        status, headers, answer = self.server.answer
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        """Not in tests."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            for connection in server.sockets:  # those that are kept for the next message
                with suppress(OSError), connection:
                    connection.shutdown(socket.SHUT_RDWR)


def server_tls(held: Held, tmp_path: Path, wants: str = "") -> ssl.SSLContext:
    """``wants``: the file of who must have issued the client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = tmp_path / "server.pem"
    file.write_bytes(held.pem())
    context.load_cert_chain(file)
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants)
    return context


@contextmanager
def speaking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does what ``talk`` does with its only connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(30)
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


class Names:
    """A name server: tells the addresses of the next line each time it is asked."""

    def __init__(self, *lines: Sequence[str]) -> None:
        self.lines = list(lines)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]


LOCAL = Names(["127.0.0.1"])


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(LOCAL)
    yield client
    client.close()


def target(url: str, **changes: Any) -> Target:
    return Target(url, **{"public_only": False, "timeout_seconds": 30, **changes})


BODY = Span.of(b"ISA*00~")


# --- what is sent ------------------------------------------------------------------------------------


def test_a_message_and_its_answer(client: Client) -> None:
    headers = [("AS2-From", '"A B"'), ("AS2-To", "B"), ("User-Agent", "edigw"), ("host", "wrong")]
    with serving() as server:
        response = client.post(
            target(server.url(path="/as2?a=1&b=%20")), headers, Span.of(b"xxISA~yy").cut(2, 6)
        )
    assert (response.status, response.body) == (200, b"thanks")
    assert response.headers == [("X-Mixed-Case", "yes"), ("Content-Length", "6")]
    [seen] = server.seen
    assert (seen.line, seen.body) == ("POST /as2?a=1&b=%20 HTTP/1.1", b"ISA~")
    assert seen.headers == [
        ("Host", f"localhost:{server.server_port}"),
        ("AS2-From", '"A B"'),
        ("AS2-To", "B"),
        ("User-Agent", "edigw"),
        ("Content-Length", "4"),
    ]


def test_chunked_by_switch(client: Client) -> None:
    with serving() as server:
        client.post(target(server.url(), chunked=True), [], Span.of(bytes(200_000)))
    names = {name for name, _ in server.seen[0].headers}
    assert "Transfer-Encoding" in names
    assert "Content-Length" not in names
    assert server.seen[0].body == bytes(200_000)


def test_an_empty_body_has_a_length(client: Client) -> None:
    with serving() as server:
        client.post(target(server.url()), [], Span.of(b""))
    assert ("Content-Length", "0") in server.seen[0].headers


def test_login(client: Client) -> None:
    with serving() as server:
        client.post(target(server.url(), login=("me", "pass:wörd")), [], BODY)
    assert ("Authorization", "Basic bWU6cGFzczp3w7ZyZA==") in server.seen[0].headers


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b", "snow ☃"])
def test_a_header_cannot_be_injected(client: Client, value: str) -> None:
    with serving() as server, pytest.raises(SendError, match="cannot be sent") as caught:
        client.post(target(server.url()), [("Subject", value)], BODY)
    assert server.seen == []
    assert not caught.value.again


def test_a_message_that_is_shorter_than_it_says_is_not_sent_as_whole(client: Client) -> None:
    body = Span.of(b"short")
    with serving() as server, pytest.raises(SendError) as caught:
        client.post(target(server.url()), [], Span(body.file, 0, 9))
    assert server.seen == []
    assert not caught.value.again


def test_large_messages_are_streamed(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as out:
        out.truncate(40 << 20)

    def swallow(connection: socket.socket) -> None:
        got = b""
        left = 40 << 20
        while b"\r\n\r\n" not in got:
            got += connection.recv(1 << 16)
        left -= len(got.partition(b"\r\n\r\n")[2])
        while left:
            left -= len(connection.recv(1 << 16))
        connection.sendall(b"HTTP/1.1 204 Done\r\n\r\n")

    with path.open("rb") as file, speaking(swallow) as port:
        tracemalloc.start()
        try:
            response = client.post(target(f"http://localhost:{port}/"), [], Span.whole(file))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert response.status == 204
    assert peak < 2 << 20


def test_connections_are_used_again_by_one_thread_at_a_time(client: Client) -> None:
    with serving() as server:
        for _ in range(3):
            client.post(target(server.url()), [], BODY)
        assert len({seen.peer for seen in server.seen}) == 1
        client.post(target(server.url(), public_only=False, tls=tls_context("", None)), [], BODY)
        assert len({seen.peer for seen in server.seen}) == 2

        def send() -> None:
            for _ in range(10):
                assert client.post(target(server.url()), [], BODY).status == 200

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.seen) == 44
        client.close()


@contextmanager
def closing(*connections: Sequence[bytes]) -> Iterator[tuple[str, list[bytes], threading.Event]]:
    """A server that closes each connection after these answers; its URL, what it got, that one was closed."""
    got: list[bytes] = []
    closed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            for answers in connections:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(30)
                    for answer in answers:
                        message = b""
                        while not message.endswith(b"ISA*00~"):
                            message += connection.recv(1 << 16)
                        got.append(message)
                        connection.sendall(answer)
                closed.set()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://localhost:{listener.getsockname()[1]}/", got, closed
        finally:
            thread.join()


DONE = b"HTTP/1.1 204 Done\r\n\r\n"


def test_a_connection_that_the_server_closed_is_not_used_again(client: Client) -> None:
    with closing([DONE], [DONE]) as (url, got, closed):
        assert client.post(target(url), [], BODY).status == 204
        assert closed.wait(30)
        assert client.post(target(url), [], BODY).status == 204
    assert len(got) == 2


def test_a_connection_that_is_closed_as_it_is_used_again(client: Client) -> None:
    """The message is sent once more; but only if nothing was heard, and the connection was an old one."""
    with closing([DONE, b""], [DONE]) as (url, got, _):
        assert client.post(target(url), [], BODY).status == 204
        assert client.post(target(url), [], BODY).status == 204
    assert len(got) == 3
    assert got[1] == got[2]
    with closing([DONE, b"HTTP/1.1 "]) as (url, got, _):
        client.post(target(url), [], BODY)
        with pytest.raises(SendError, match="broke off"):
            client.post(target(url), [], BODY)
    assert len(got) == 2
    with closing([b""]) as (url, got, _), pytest.raises(SendError, match="broke off"):
        client.post(target(url), [], BODY)
    assert len(got) == 1


def test_connections_are_not_kept_for_long(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.transports.as2._IDLE_SECONDS", 0.0)
    with serving() as server:
        for _ in range(2):
            client.post(target(server.url()), [], BODY)
    assert len({seen.peer for seen in server.seen}) == 2


# --- answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_status_is_not_judged(client: Client, status: int) -> None:
    with serving() as server:
        server.answer = (status, [], b"")
        assert client.post(target(server.url()), [], BODY).status == status


def test_what_may_be_sent_again() -> None:
    again = {status for status in range(100, 600) if retriable(status)}
    assert again == {408, 425, 429, *range(500, 600)}


def test_an_answer_that_comes_before_the_message_was_read(client: Client) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass

    with speaking(refuse) as port:
        response = client.post(target(f"http://localhost:{port}/"), [], Span.of(bytes(1 << 20)))
    assert (response.status, response.body) == (413, b"big")


def test_an_answer_has_a_largest_size(client: Client) -> None:
    with serving() as server:
        server.answer = (200, [], bytes(ANSWER_LIMIT))
        assert len(client.post(target(server.url()), [], BODY).body) == ANSWER_LIMIT
        server.answer = (200, [], bytes(ANSWER_LIMIT + 1))
        with pytest.raises(SendError, match="more than 4 MiB") as caught:
            client.post(target(server.url()), [], BODY)
        client.close()
    assert caught.value.step == "http"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 abc\r\n\r\n",
    ],
)
def test_no_answer_in_http(client: Client, answer: bytes) -> None:
    def reply(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(answer)

    with speaking(reply) as port, pytest.raises(SendError, match="may have received the message") as caught:
        client.post(target(f"http://localhost:{port}/"), [], BODY)
    assert (caught.value.step, caught.value.again) == ("http", True)


def test_nobody_answers(client: Client) -> None:
    begun = monotonic()
    with speaking(drain) as port, pytest.raises(SendError, match=r"did not go on for 0\.1 s") as caught:
        client.post(target(f"http://localhost:{port}/", timeout_seconds=0.1), [], BODY)
    assert (caught.value.step, caught.value.again) == ("http", True)
    assert monotonic() - begun < 10


def drain(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_an_answer_that_drips_comes_to_an_end(client: Client, start: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(start)
        connection.settimeout(0.02)
        while True:
            connection.sendall(b"x")
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return

    begun = monotonic()
    with speaking(drip) as port, pytest.raises(SendError, match=r"was not done after 3 s") as caught:
        client.post(target(f"http://localhost:{port}/", timeout_seconds=1), [], BODY)
    assert caught.value.again
    assert monotonic() - begun < 60


def test_a_server_that_does_not_read_comes_to_an_end(client: Client) -> None:
    done = threading.Event()

    def wait(_: socket.socket) -> None:
        done.wait(30)

    with speaking(wait) as port:
        with pytest.raises(SendError, match="did not go on") as caught:
            client.post(
                target(f"http://localhost:{port}/", timeout_seconds=0.1), [], Span.of(bytes(16 << 20))
            )
        done.set()
    assert caught.value.step == "http"


# --- on the way --------------------------------------------------------------------------------------


def test_each_step_is_told(client: Client, authority: Authority, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    held = issue("as2.acme.example", "as2.acme.example", by=authority.held)
    with serving(server_tls(held, tmp_path)) as server:
        to = target(server.url("as2.acme.example"), tls=tls_context(authority.file, None))
        client.post(to, [], BODY, watch=lambda step, words: told.append((step, words)))
        port = server.server_port
        client.close()
    assert [step for step, _ in told] == ["dns", "tcp", "tls", "http"]
    assert told[0][1] == "as2.acme.example is 127.0.0.1"
    assert told[1][1].startswith(f"connected to port {port} in ")
    assert (
        told[2][1]
        == f"TLSv1.3, certificate CN=as2.acme.example, valid until {NOW + timedelta(days=9):%Y-%m-%d}"
    )
    assert re.match(r"200 OK in \d+\.\d", told[3][1])


def test_a_name_without_address() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(
        SendError, match=r"No address is known for as2\.acme\.example \(Name or service"
    ) as caught:
        Client(unknown).post(Target("https://as2.acme.example/"), [], BODY)
    assert (caught.value.step, caught.value.again) == ("dns", True)


def test_a_name_that_no_name_server_can_be_asked_for() -> None:
    with pytest.raises(SendError) as caught:
        Client().post(Target(f"https://{'a' * 64}.example/"), [], BODY)
    assert caught.value.step == "dns"


def test_nothing_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SendError, match=f"localhost port {port} refused the connection") as caught:
        client.post(target(f"http://localhost:{port}/"), [], BODY)
    assert (caught.value.step, caught.value.again) == ("tcp", True)


def test_the_next_address_is_tried() -> None:
    with serving() as server:
        client = Client(Names(["127.0.0.2", "127.0.0.1"]))
        assert client.post(target(server.url()), [], BODY).status == 200
        client.close()


def test_nobody_accepts(client: Client) -> None:
    with socket.socket() as listener, socket.socket() as other:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        other.connect(listener.getsockname())  # the only place is taken: further ones get no answer
        url = f"http://localhost:{listener.getsockname()[1]}/"
        with pytest.raises(SendError, match=r"did not answer within 0\.1 s") as caught:
            client.post(target(url, timeout_seconds=0.1), [], BODY)
    assert (caught.value.step, caught.value.again) == ("tcp", True)


# --- TLS ---------------------------------------------------------------------------------------------


def distrusted(client: Client, server: Server, host: str = "as2.acme.example", **changes: Any) -> str:
    with pytest.raises(SendError) as caught:
        client.post(target(server.url(host), **changes), [("Secret", "yes")], BODY)
    assert (caught.value.step, caught.value.again) == ("tls", True)
    assert server.seen == []
    return str(caught.value)


def test_a_certificate_of_an_unknown_issuer(client: Client, authority: Authority, tmp_path: Path) -> None:
    held = issue("as2.acme.example", "as2.acme.example", by=issue("Elsewhere"))
    with serving(server_tls(held, tmp_path)) as server:
        words = distrusted(client, server, tls=tls_context(authority.file, None))
    assert "is not trusted, as its issuer is unknown." in words
    assert "It is of CN=as2.acme.example for as2.acme.example, issued by CN=Elsewhere, valid from" in words
    assert held.certificate.fingerprint(SHA256()).hex() in words
    assert "`as2.ca_file`" in words


def test_the_system_does_not_trust_everybody(client: Client, tmp_path: Path) -> None:
    with serving(server_tls(issue("me", "as2.acme.example"), tmp_path)) as server:
        assert "is self-signed" in distrusted(client, server)


def test_a_certificate_can_be_trusted_itself(client: Client, authority: Authority, tmp_path: Path) -> None:
    for held in (issue("me", "localhost"), issue("me", "localhost", by=authority.held)):
        file = tmp_path / "trusted.pem"
        file.write_bytes(held.certificate.public_bytes(Encoding.PEM))
        with serving(server_tls(held, tmp_path)) as server:
            to = target(server.url(), tls=tls_context(str(file), None))
            assert client.post(to, [], BODY).status == 200
            client.close()


def test_a_certificate_for_another_host(client: Client, authority: Authority, tmp_path: Path) -> None:
    held = issue("other", "other.example", "192.0.2.7", by=authority.held)
    with serving(server_tls(held, tmp_path)) as server:
        context = tls_context(authority.file, None)
        for host in ("as2.acme.example", "127.0.0.1"):
            words = distrusted(client, server, host, tls=context)
            assert f"The certificate of {host} port {server.server_port} is for another host." in words
            assert "It is of CN=other for other.example, 192.0.2.7, issued by CN=Test Authority" in words


def test_a_certificate_for_an_address(client: Client, authority: Authority, tmp_path: Path) -> None:
    held = issue("by address", "127.0.0.1", by=authority.held)
    with serving(server_tls(held, tmp_path)) as server:
        to = target(server.url("127.0.0.1"), tls=tls_context(authority.file, None))
        assert client.post(to, [], BODY).status == 200
        client.close()


def test_an_expired_certificate(client: Client, authority: Authority, tmp_path: Path) -> None:
    held = issue("old", "as2.acme.example", by=authority.held, ends=NOW - timedelta(days=2))
    with serving(server_tls(held, tmp_path)) as server:
        words = distrusted(client, server, tls=tls_context(authority.file, None))
    assert "has expired. It is of CN=old" in words
    assert f"until {NOW - timedelta(days=2):%Y-%m-%d}" in words


def test_a_certificate_of_the_future(client: Client, authority: Authority, tmp_path: Path) -> None:
    held = issue("new", "as2.acme.example", by=authority.held, ends=NOW + timedelta(days=40))
    with serving(server_tls(held, tmp_path)) as server:
        words = distrusted(client, server, tls=tls_context(authority.file, None))
    assert "is not valid yet" in words


def test_a_server_that_asks_for_our_certificate(client: Client, authority: Authority, tmp_path: Path) -> None:
    ours = issue("us", "edi.example", by=authority.held)
    held = issue("me", "localhost", by=authority.held)
    with serving(server_tls(held, tmp_path, wants=authority.file)) as server:
        context = tls_context(authority.file, (ours.pem("geheim"), "geheim"))
        assert client.post(target(server.url(), tls=context), [], BODY).status == 200
        server.seen.clear()
        words = distrusted(client, server, "localhost", tls=tls_context(authority.file, None))
        assert "`as2.client_certificate: true`" in words
        stranger = tls_context(authority.file, (issue("stranger", "edi.example").pem(), ""))
        words = distrusted(client, server, "localhost", tls=stranger)
        assert "wants a client certificate that it knows" in words
        client.close()


def test_a_server_that_breaks_off_in_tls(client: Client, authority: Authority, tmp_path: Path) -> None:
    context = server_tls(issue("me", "localhost", by=authority.held), tmp_path)

    def break_off(connection: socket.socket) -> None:
        secured = context.wrap_socket(connection, server_side=True)
        secured.recv(1 << 16)
        secured.close()

    to = tls_context(authority.file, None)
    with speaking(break_off) as port, pytest.raises(SendError, match="broke off") as caught:
        client.post(target(f"https://localhost:{port}/", tls=to), [], BODY)
    assert caught.value.step == "http"


def test_a_port_without_tls(client: Client) -> None:
    with serving() as server:
        url = server.url().replace("http:", "https:")
        with pytest.raises(SendError, match="speaks no TLS") as caught:
            client.post(target(url), [], BODY)
    assert caught.value.step == "tls"


def test_a_server_that_never_answers_in_tls(client: Client) -> None:
    with speaking(drain) as port, pytest.raises(SendError, match=r"TLS within 0\.1 s") as caught:
        client.post(target(f"https://localhost:{port}/", timeout_seconds=0.1), [], BODY)
    assert caught.value.step == "tls"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_older_than_1_2(client: Client, authority: Authority, tmp_path: Path) -> None:
    context = server_tls(issue("me", "localhost", by=authority.held), tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(context) as server:
        words = distrusted(client, server, "localhost", tls=tls_context(authority.file, None))
    assert "older than TLS 1.2" in words


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(
        ConfigurationError, match=r"empty\.pem cannot be used: has no certificate in PEM form"
    ):
        tls_context(str(empty), None)
    with pytest.raises(ConfigurationError, match=r"absent\.pem cannot be used: No such file"):
        tls_context(str(tmp_path / "absent.pem"), None)
    ours, other = issue("us", "x"), issue("other", "x")
    for pem, password in (
        (ours.pem("right"), "wrong"),
        (ours.pem("right"), ""),
        (ours.certificate.public_bytes(Encoding.PEM), ""),
        (Held(ours.certificate, other.key).pem(), ""),
    ):
        with pytest.raises(ConfigurationError, match="client certificate cannot be used"):
            tls_context("", (pem, password))


# --- where nothing is sent ---------------------------------------------------------------------------

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
]


def refused(client: Client, to: Target) -> str:
    with pytest.raises(SendError, match="Nothing is sent to") as caught:
        client.post(to, [], BODY)
    assert (caught.value.step, caught.value.again) == ("address", False)
    return str(caught.value)


@pytest.mark.parametrize("address", INSIDE)
def test_ssrf_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "193.0.6.139", "2606:4700::1111", "2a00:1450::1"])
def test_ssrf_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
        "127.0.0.1.",
    ],
)
def test_ssrf_ways_to_write_this_machine(host: str) -> None:
    """With the name server of the system, before which each of them has reached a server that listens."""
    with serving() as server:
        with pytest.raises(SendError) as caught:
            Client().post(Target(f"http://{host}:{server.server_port}/"), [], BODY)
        assert (caught.value.step, caught.value.again) == ("address", False)
        assert server.seen == []


@pytest.mark.parametrize("address", INSIDE)
def test_ssrf_a_name_of_an_address_inside(address: str) -> None:
    for addresses in ([address], ["8.8.8.8", address]):
        words = refused(Client(Names(addresses)), Target("https://as2.acme.example/"))
        assert address in words
        assert "`as2.private_addresses: true`" in words


def test_ssrf_a_name_that_changes_its_address() -> None:
    """It is asked for once; the connection goes to the address that was checked."""
    with serving() as server:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        client = Client(names)
        assert client.post(target(server.url("rebind.example")), [], BODY).status == 200
        assert names.asked == ["rebind.example"]
        assert client.post(target(server.url("rebind.example")), [], BODY).status == 200
        assert names.asked == ["rebind.example"]  # the same connection
        client.close()
        assert dict(server.seen[0].headers)["Host"] == f"rebind.example:{server.server_port}"


def test_ssrf_a_connection_made_for_one_rule_is_not_used_under_another() -> None:
    with serving() as server:
        client = Client(LOCAL)
        assert client.post(target(server.url()), [], BODY).status == 200
        refused(client, target(server.url(), public_only=True))
        client.close()
    assert len(server.seen) == 1


def test_ssrf_redirects_are_not_followed(client: Client) -> None:
    with serving() as inside, serving() as server:
        for status in (301, 302, 303, 307, 308):
            server.answer = (status, [("Location", inside.url())], b"")
            response = client.post(target(server.url(), login=("me", "secret")), [], BODY)
            assert response.status == status
        assert inside.seen == []
        client.close()


def test_ssrf_only_hosts_that_are_named(client: Client) -> None:
    with serving() as server:
        hosts = frozenset({"AS2.acme.example"})
        assert client.post(target(server.url("as2.ACME.example"), hosts=hosts), [], BODY).status == 200
        for host in ("acme.example", "as2.acme.example.evil.example", "evil.example", "127.0.0.1"):
            words = refused(client, target(server.url(host), hosts=hosts))
            assert "AS2.acme.example" in words
            assert "`as2.receipts_to`" in words
        refused(client, target(server.url("as2.acme.example"), hosts=frozenset()))
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "as2.acme.example",
        "//as2.acme.example/",
        "ftp://as2.acme.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/x",
        "mailto:edi@acme.example",
        "http://",
        "http:///as2",
        "http://as2.acme.example:99999/",
        "http://as2.acme.example:x/",
        "http://[::1/",
        "http://user:password@as2.acme.example/",
        "http://as2.acme.example\\@evil.example/",
        "http://as2.acme.example@evil.example/",
        "http://as2.acme.example/a b",
        "http://as2.acme.example/\r\nX: y",
        "http://as2.ac\nme.example/",
        "http://bücher.example/",
    ],
)
def test_ssrf_urls_that_are_none(client: Client, url: str) -> None:
    refused(client, target(url, hosts=frozenset({"as2.acme.example"})))
