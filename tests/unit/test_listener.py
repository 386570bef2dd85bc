"""Receiving over HTTP: a real server on this machine, and clients that behave badly."""

from __future__ import annotations

import http.client
import logging
import signal
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.api.listener import Headers, Listener, Reply, Request
from gateway.as2.span import Span
from gateway.errors import ConfigurationError
from gateway.transports.as2 import Client, Target, tls_context
from tests.unit.test_as2_http import authority, issue  # noqa: F401 -- a fixture

MAX = 3 << 20


class Running:
    """A listener in a thread, with what it was given and what went wrong."""

    def __init__(self, tmp_path: Path, **changes: Any) -> None:
        self.requests: list[tuple[Request, bytes]] = []
        self.asked: list[tuple[Headers, str]] = []
        self.troubles: list[Exception] = []
        self.refusal: Reply | None = None
        self.answer: Callable[[Request], Reply] = lambda request: Reply(200, [("AS2-To", "me")], b"receipt")
        self.stop = threading.Event()
        settings: dict[str, Any] = {
            "admit": self._admit,
            "handle": self._handle,
            "max_body": MAX,
            "connections": 4,
            "body_seconds": 60.0,
            "header_seconds": 60.0,
            "spool": tmp_path,
            "tls": None,
            "on_trouble": self.troubles.append,
            "end_seconds": 5.0,
        }
        self.listener = Listener("127.0.0.1", 0, "/as2", **{**settings, **changes})
        self.thread = threading.Thread(target=self.listener.run, args=(self.stop,))
        self.thread.start()
        assert self.listener.ready.wait(30)
        self.port = self.listener.port
        self.url = f"http://127.0.0.1:{self.port}/as2"

    def _admit(self, headers: Headers, client: str) -> Reply | None:
        self.asked.append((headers, client))
        return self.refusal

    def _handle(self, request: Request) -> Reply:
        body = request.body.read() if request.size < 1 << 16 else b""
        self.requests.append((request, body))
        return self.answer(request)

    def close(self) -> None:
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def talk(self, *parts: bytes) -> bytes:
        """What comes back until the connection is closed."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return everything(connection)

    def post(self, body: bytes = b"ISA~") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/as2", body)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(**changes: Any) -> Running:
            running = Running(tmp_path, **changes)
            stack.callback(running.close)
            return running

        yield start


def everything(connection: socket.socket) -> bytes:
    got = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            got += part
    return got


def answer(connection: socket.socket) -> bytes:
    """One answer with its body, the connection staying open."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(1 << 16)
        assert part, got
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    [length] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(length.split(b":")[1]):
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def head(*lines: str, method: str = "POST", path: str = "/as2") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")


CLOSE = "Connection: close"


# --- what is handed over and answered ----------------------------------------------------------------


def test_a_message_and_its_reply(start: Start) -> None:
    running = start()
    got = running.talk(head("AS2-From:  ä b ", "X-a: 1", "x-A: 2", "Content-Length: 4", CLOSE), b"IS", b"A~")
    [(request, body)] = running.requests
    assert (request.method, request.path, request.client, request.size) == ("POST", "/as2", "127.0.0.1", 4)
    assert request.headers == [
        ("Host", "x"),
        ("AS2-From", "ä b"),
        ("X-a", "1"),
        ("x-A", "2"),
        ("Content-Length", "4"),
        ("Connection", "close"),
    ]
    assert body == b"ISA~"
    assert got == b"HTTP/1.1 200 OK\r\nAS2-To: me\r\nContent-Length: 7\r\nConnection: close\r\n\r\nreceipt"
    assert running.asked == [(request.headers, "127.0.0.1")]
    assert request.body.closed


def test_an_empty_reply_has_a_length(start: Start) -> None:
    running = start()
    running.answer = lambda request: Reply(200)
    assert b"\r\nContent-Length: 0\r\n" in running.talk(head("Content-Length: 0", CLOSE))


def test_chunked_is_taken(start: Start) -> None:
    running = start()
    running.talk(head("Transfer-Encoding: chunked", CLOSE), b"2\r\nIS\r\n", b"2;x=y\r\nA~\r\n", b"0\r\n\r\n")
    assert [(request.size, body) for request, body in running.requests] == [(4, b"ISA~")]


def test_keep_alive_and_pipelining(start: Start) -> None:
    running = start()
    with running.connect() as connection:
        for number in (b"1", b"2"):
            connection.sendall(head("Content-Length: 1") + number)
            assert answer(connection).endswith(b"receipt")
        connection.sendall((head("Content-Length: 1") + b"3") * 2 + head("Content-Length: 1", CLOSE) + b"4")
        assert everything(connection).count(b"HTTP/1.1 200 OK") == 3
    assert [body for _, body in running.requests] == [b"1", b"2", b"3", b"3", b"4"]


def test_http_1_0(start: Start) -> None:
    running = start()
    got = running.talk(b"POST /as2 HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")
    assert got.endswith(b"receipt")
    assert running.requests[0][1] == b"x"


def test_large_bodies_are_spooled_without_a_trace(start: Start, tmp_path: Path) -> None:
    data = bytes(range(256)) * (MAX // 256)
    seen: list[bytes] = []

    def look(request: Request) -> Reply:
        seen.append(Span.whole(request.body).read())
        return Reply(200, [], str(len(list(tmp_path.iterdir()))).encode())

    running = start()
    running.answer = look
    client = Client()
    response = client.post(Target(running.url, public_only=False), [], Span.of(data))
    client.close()
    assert seen == [data]
    assert response.body == b"0"


def test_large_bodies_take_no_memory(start: Start, tmp_path: Path) -> None:
    running = start(max_body=64 << 20)
    with (tmp_path / "large").open("w+b") as file:
        file.truncate(40 << 20)
        tracemalloc.start()
        try:
            client = Client()
            client.post(Target(running.url, public_only=False), [], Span.whole(file))
            client.close()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert running.requests[0][0].size == 40 << 20
    assert peak < 6 << 20


def test_a_page_for_people(start: Start) -> None:
    running = start()
    got = running.talk(head(CLOSE, method="GET"))
    assert got.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ")
    assert got.endswith(b"\r\n\r\nMessages are sent here with POST.\n")
    got = running.talk(head(CLOSE, method="HEAD"))
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert got.endswith(b"\r\n\r\n")
    assert running.asked == []


@pytest.mark.parametrize("path", ["/", "/as2x", "/AS2", "/as2/../etc", "//as2", "/as2%00", "http://x/as2"])
def test_other_paths(start: Start, path: str) -> None:
    running = start()
    assert running.talk(head(CLOSE, "Content-Length: 0", path=path)).startswith(b"HTTP/1.1 404 ")
    assert running.asked == []


@pytest.mark.parametrize("path", ["/as2/", "/as2?x=y", "/%61s2"])
def test_the_same_path(start: Start, path: str) -> None:
    running = start()
    assert running.talk(head(CLOSE, "Content-Length: 0", path=path)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT"])
def test_other_methods(start: Start, method: str) -> None:
    running = start()
    got = running.talk(head(CLOSE, method=method))
    assert got.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, HEAD, POST\r\n" in got


# --- who is let in -----------------------------------------------------------------------------------


def test_a_refusal_comes_before_the_body(start: Start) -> None:
    running = start()
    running.refusal = Reply(403, [("X-Why", "unknown")], b"no")
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 1000"))
        got = answer(connection)
        assert got.startswith(
            b"HTTP/1.1 403 Forbidden\r\nX-Why: unknown\r\nContent-Length: 2\r\nconnection: close"
        )
    assert running.requests == []


def test_who_goes_on_sending_sees_the_refusal(start: Start) -> None:
    running = start()
    running.refusal = Reply(403, [], b"no")
    client = Client()
    response = client.post(Target(running.url, public_only=False), [], Span.of(bytes(MAX)))
    client.close()
    assert (response.status, response.body) == (403, b"no")
    assert running.requests == []


def test_a_refused_connection_is_closed_in_peace(start: Start) -> None:
    running = start()
    running.refusal = Reply(403, [], b"no")
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 1000000"))
        assert answer(connection).startswith(b"HTTP/1.1 403 ")
        connection.sendall(bytes(1_000_000))
        assert connection.recv(1) == b""  # no reset, which could take the answer away


def test_100_continue_comes_after_admission(start: Start) -> None:
    running = start()
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 1", "Expect: 100-continue", CLOSE))
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"x")
        assert everything(connection).endswith(b"receipt")
    running.refusal = Reply(403)
    begun = time.monotonic()
    got = running.talk(head("Content-Length: 1", "Expect: 100-continue"))
    assert time.monotonic() - begun < 10
    assert got.startswith(b"HTTP/1.1 403 ")
    assert b"Continue" not in got


def test_a_body_that_says_it_is_too_large(start: Start) -> None:
    running = start()
    for length in (MAX + 1, 10**19):
        got = running.talk(head(f"Content-Length: {length}", "Expect: 100-continue"))
        assert got.startswith(b"HTTP/1.1 413 ")
        assert b"larger than 3145728 bytes" in got
    assert running.asked == []


def test_a_body_that_grows_too_large(start: Start) -> None:
    running = start()
    client = Client()
    to = Target(running.url, public_only=False, chunked=True)
    assert client.post(to, [], Span.of(bytes(MAX))).status == 200
    assert client.post(to, [], Span.of(bytes(MAX + 1))).status == 413
    assert client.post(to, [], Span.of(bytes(2 * MAX))).status == 413
    client.close()
    assert len(running.requests) == 1


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: 4, 5",),
        ("Content-Length: +4",),
        ("Content-Length: -4",),
        ("Content-Length: 0x4",),
        ("Content-Length: 4 4",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding : chunked",),
        ("Host: y",),
        ("X: a\0b",),
        ("X y: z",),
        ("nonsense",),
    ],
)
def test_a_message_that_can_be_read_in_two_ways(start: Start, lines: tuple[str, ...]) -> None:
    running = start()
    got = running.talk(head(*lines) + b"4\r\nISA~\r\n0\r\n\r\n" + head("Content-Length: 0"))
    assert got.startswith(b"HTTP/1.1 400 ")
    assert got.count(b"HTTP/1.1") == 1
    assert running.requests == []


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"SSH-2.0-x\r\n\r\n",
        b"POST /as2 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_not_http(start: Start, text: bytes) -> None:
    running = start()
    assert running.talk(text).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "chunk", [b"x\r\nISA~\r\n", b"-1\r\n", b"4\r\nISA~~~", b"ffffffffffffffffffffffff\r\n"]
)
def test_chunks_that_are_none(start: Start, chunk: bytes, caplog: pytest.LogCaptureFixture) -> None:
    running = start()
    assert running.talk(head("Transfer-Encoding: chunked"), chunk).startswith(b"HTTP/1.1 400 ")
    running.refusal = Reply(403, [], b"no")
    with running.connect() as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        assert answer(connection).startswith(b"HTTP/1.1 403 ")
        connection.sendall(chunk)
        assert everything(connection) == b""
    assert running.requests == []
    assert running.troubles == []
    assert caplog.records == []


def test_a_header_that_is_too_large(start: Start) -> None:
    running = start()
    large = head("X: " + "x" * (80 << 10), CLOSE)
    assert running.talk(large)[:13] in {b"HTTP/1.1 431 ", b"HTTP/1.1 400 "}  # as a whole, or in parts
    assert running.talk(large[: 70 << 10]).startswith(b"HTTP/1.1 400 ")
    assert running.asked == []
    assert running.talk(head("X: " + "x" * (40 << 10), CLOSE)).startswith(b"HTTP/1.1 200 ")


# --- time and number ---------------------------------------------------------------------------------


def test_who_sends_no_header_is_cut_off(start: Start) -> None:
    running = start(header_seconds=1)
    begun = time.monotonic()
    assert running.talk() == b""
    assert running.talk(head()[:-2]) == b""
    assert 1.9 <= time.monotonic() - begun < 30


def drip(connection: socket.socket, data: bytes) -> bytes:
    """Sends a byte every 20 ms until the other side answers or closes; what it said."""
    connection.settimeout(0.02)
    for at in range(len(data)):
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data[at : at + 1])
        with suppress(TimeoutError):
            return connection.recv(1 << 16)
    raise AssertionError("it took everything")


def test_who_sends_a_header_byte_by_byte_is_cut_off(start: Start) -> None:
    running = start(header_seconds=1)
    with running.connect() as connection, suppress(ConnectionResetError):
        assert drip(connection, head("X: " + "x" * 200)) == b""
    with running.connect() as connection:  # the second time as well
        connection.sendall(head("Content-Length: 0"))
        answer(connection)
        with suppress(ConnectionResetError):
            assert drip(connection, head("X: " + "x" * 200)) == b""
    assert len(running.asked) == 1


def test_an_idle_connection_is_closed(start: Start) -> None:
    running = start(header_seconds=1)
    with running.connect() as connection:
        begun = time.monotonic()
        connection.sendall(head("Content-Length: 0"))
        answer(connection)
        assert everything(connection) == b""
        assert 0.9 < time.monotonic() - begun < 30


def test_a_body_that_stops(start: Start) -> None:
    running = start(header_seconds=1)
    begun = time.monotonic()
    got = running.talk(head("Content-Length: 9"), b"x")
    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in got
    assert time.monotonic() - begun < 10
    assert running.requests == []


def test_a_body_that_drips(start: Start) -> None:
    running = start(header_seconds=1)
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 99"))
        assert drip(connection, bytes(98)).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_takes_too_long(start: Start) -> None:
    running = start(body_seconds=0.2)
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 999999") + bytes(200_000))
        assert drip(connection, bytes(999)).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_reads_nothing_is_cut_off(start: Start) -> None:
    running = start(header_seconds=1, end_seconds=60)
    asked = threading.Event()

    def much(request: Request) -> Reply:
        asked.set()
        return Reply(200, [], bytes(32 << 20))

    running.answer = much
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 0") * 2)
        assert asked.wait(30)
        begun = time.monotonic()
        running.close()  # at its end at the latest
        assert time.monotonic() - begun < 30


def test_no_more_requests_than_places(start: Start) -> None:
    running = start(connections=2)
    busy, go = threading.Semaphore(0), threading.Event()

    def wait(request: Request) -> Reply:
        busy.release()
        assert go.wait(30)
        return Reply(200)

    running.answer = wait
    with ExitStack() as stack:
        held = [stack.enter_context(running.connect()) for _ in range(2)]
        for connection in held:
            connection.sendall(head("Content-Length: 0"))
            assert busy.acquire(timeout=30)
        response = running.post()
        assert (response.status, response.headers["Retry-After"]) == (503, "10")
        go.set()
        for connection in held:
            assert answer(connection).startswith(b"HTTP/1.1 200 ")
    assert running.post().status == 200


def test_idle_connections_hold_no_place(start: Start) -> None:
    """However many connect and say nothing, or hold on after a message: the longest idle one has to go."""
    running = start(connections=1, header_seconds=60)
    with ExitStack() as stack:
        kept = stack.enter_context(running.connect())
        kept.sendall(head("Content-Length: 0"))
        answer(kept)
        crowd = [stack.enter_context(running.connect()) for _ in range(20)]
        assert running.post().status == 200
        assert everything(kept) == b""
        assert everything(crowd[0]) == b""


def at_work(running: Running, reply: Reply) -> tuple[threading.Event, threading.Event]:
    """Lets the handler tell that it works (the first), and wait (for the second) with its reply."""
    busy, go = threading.Event(), threading.Event()

    def wait(_request: Request) -> Reply:
        busy.set()
        assert go.wait(30)
        return reply

    running.answer = wait
    return busy, go


def test_a_connection_at_work_is_not_idle(start: Start) -> None:
    running = start(connections=1)
    busy, go = at_work(running, Reply(200))
    with ExitStack() as stack:
        connection = stack.enter_context(running.connect())
        connection.sendall(head("Content-Length: 0"))
        assert busy.wait(30)
        for _ in range(20):
            stack.enter_context(running.connect())
        assert running.post().status == 503
        go.set()
        assert answer(connection).startswith(b"HTTP/1.1 200 ")


# --- errors ------------------------------------------------------------------------------------------


def test_an_error_is_told_to_us_alone(start: Start) -> None:
    running = start()
    error = RuntimeError("secret of ours")

    def fail(request: Request) -> Reply:
        raise error

    running.answer = fail
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 0"))
        got = answer(connection)
        assert got.startswith(b"HTTP/1.1 500 ")
        assert got.endswith(b"The message could not be processed.\n")
        assert b"secret" not in got
        running.answer = lambda request: Reply(200)
        connection.sendall(head("Content-Length: 0"))
        assert answer(connection).startswith(b"HTTP/1.1 200 ")
    assert running.troubles == [error]


def test_an_error_of_admission(start: Start) -> None:
    def fail(headers: Headers, client: str) -> Reply:
        raise RuntimeError("database is away")

    running = start(admit=fail)
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 10"))
        assert answer(connection).startswith(b"HTTP/1.1 500 ")
    assert [str(error) for error in running.troubles] == ["database is away"]


@pytest.mark.parametrize(("name", "value"), [("X", "a\r\nSet-Cookie: x"), ("X", "snow ☃"), ("a b", "c")])
def test_a_reply_that_cannot_be_sent(start: Start, name: str, value: str) -> None:
    running = start()
    running.answer = lambda request: Reply(200, [(name, value)])
    assert running.talk(head("Content-Length: 0", CLOSE)).startswith(b"HTTP/1.1 500 ")
    assert len(running.troubles) == 1


def test_a_disk_that_cannot_be_written(start: Start, tmp_path: Path) -> None:
    running = start(spool=tmp_path / "absent")
    assert running.post(bytes(2 << 20)).status == 500
    assert len(running.troubles) == 1
    assert running.post().status == 200


def test_a_client_that_goes_away_does_no_harm(start: Start) -> None:
    running = start()
    busy, go, done = threading.Event(), threading.Event(), threading.Event()

    def wait(request: Request) -> Reply:
        busy.set()
        assert go.wait(30)
        done.set()
        return Reply(200, [], bytes(100_000))

    running.answer = wait
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 0"))
        assert busy.wait(30)
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 100") + b"half")
    go.set()
    assert done.wait(30)
    assert running.post().status == 200
    assert running.troubles == []
    assert [request.size for request, _ in running.requests] == [0, 4]


# --- start and end -----------------------------------------------------------------------------------


def test_a_port_in_use(start: Start, tmp_path: Path) -> None:
    port = start().port
    settings: dict[str, Any] = {
        "admit": lambda headers, client: None,
        "handle": lambda request: Reply(200),
        "max_body": 1,
        "connections": 1,
        "body_seconds": 1,
        "spool": tmp_path,
        "tls": None,
        "on_trouble": print,
    }
    with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}: .*in use.*`as2.listen`"):
        Listener("127.0.0.1", port, "/as2", **settings).run(threading.Event())
    with pytest.raises(ConfigurationError, match="not one of this machine"):
        Listener("8.8.8.8", 0, "/as2", **settings).run(threading.Event())
    settings["tls"] = (str(tmp_path / "absent.pem"), str(tmp_path / "absent.key"))
    with pytest.raises(ConfigurationError, match=r"absent\.pem and .*No such file.*`as2.tls_certificate`"):
        Listener("127.0.0.1", 0, "/as2", **settings).run(threading.Event())


def test_running_requests_end_before_it_stops(start: Start) -> None:
    running = start()
    busy, go = at_work(running, Reply(200, [], b"done"))
    with running.connect() as connection, running.connect() as idle:
        connection.sendall(head("Content-Length: 0"))
        assert busy.wait(30)
        running.stop.set()
        assert everything(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            running.connect()
        go.set()
        assert answer(connection).endswith(b"done")
        running.thread.join(30)
        assert not running.thread.is_alive()


def test_what_does_not_end_does_not_hold_it(start: Start) -> None:
    running = start(end_seconds=0.1)
    busy, go = at_work(running, Reply(200))
    with running.connect() as connection:
        connection.sendall(head("Content-Length: 0"))
        assert busy.wait(30)
        running.close()
        go.set()
    assert running.troubles == []


def test_signals_and_logging_are_left_alone(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    handlers = signal.getsignal(signal.SIGTERM), list(logging.getLogger().handlers)
    running = start()
    running.post()
    running.talk(b"nonsense\r\n\r\n")
    assert (signal.getsignal(signal.SIGTERM), list(logging.getLogger().handlers)) == handlers
    running.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls(start: Start, authority: Any, tmp_path: Path) -> None:  # noqa: F811 -- the fixture
    held = issue("us", "localhost", by=authority.held)
    certificate = tmp_path / "tls.pem"
    certificate.write_bytes(held.pem())
    running = start(tls=(str(certificate), str(certificate)), header_seconds=5)
    client = Client()
    to = Target(
        f"https://localhost:{running.port}/as2", tls=tls_context(authority.file, None), public_only=False
    )
    assert client.post(to, [], Span.of(bytes(MAX))).body == b"receipt"
    assert client.post(to, [], Span.of(bytes(MAX + 1))).status == 413
    client.close()
    begun = time.monotonic()
    assert running.talk() == b""  # no handshake
    assert time.monotonic() - begun < 50
    old = tls_context(authority.file, None)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with running.connect() as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname="localhost")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with running.connect() as plain, old.wrap_socket(plain, server_hostname="localhost") as secured:
        assert secured.version() == "TLSv1.2"
