"""What comes over the wire from who wants no answer: slow, endless, ambiguous; and too many at a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from gateway.api import guard
from gateway.web.app import Web
from tests.web.conftest import PASSWORD, Served
from tests.web.test_security import shown

SECONDS = 0.4
"""Of a header, and until the first bytes of a body."""


@pytest.fixture(scope="module")
def strict(served: Served) -> Iterator[Web]:
    """The page with small limits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "_FIRST_SECONDS", SECONDS)
        patch.setattr(guard, "_SLOWEST", 1 << 20)
        with shown(served.gateway, header_seconds=SECONDS, connections=8, max_body_mb=1) as web:
            yield web


@contextmanager
def line(web: Web) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", web.port), timeout=15) as made:
        yield made


def rest(made: socket.socket) -> bytes:
    """What is answered until the other side ends the connection. Fails if it does not."""
    found = b""
    try:
        while some := made.recv(65536):
            found += some
    except ConnectionError:
        pass
    return found


def sent(made: socket.socket, chunk: bytes, pause: float = 0) -> str:
    """What becomes of who goes on and on."""
    ends = time.monotonic() + 12 * SECONDS
    try:
        while time.monotonic() < ends:
            made.sendall(chunk)
            time.sleep(pause)
    except ConnectionError:
        return "cut off"
    return "read for ever"


def request(method: str = "POST", path: str = "/login", *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", request()[:-1]])
def test_who_sends_no_whole_header_is_cut_off(strict: Web, said: bytes) -> None:
    with line(strict) as made:
        began = time.monotonic()
        made.sendall(said)
        assert b" 200 " not in rest(made)
        assert time.monotonic() - began < 12 * SECONDS


def test_a_header_that_dribbles_is_cut_off(strict: Web) -> None:
    with line(strict) as made:
        began = time.monotonic()
        assert sent(made, b"X", pause=0.02) == "cut off"
        assert time.monotonic() - began < 12 * SECONDS


@pytest.mark.parametrize("how", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(strict: Web, how: str) -> None:
    with line(strict) as made:
        made.sendall(request("POST", "/login", FORM, how) + (b"3\r\nabc\r\n" if "chunked" in how else b"abc"))
        answer = rest(made)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("key", ["", "operator"])
def test_a_body_that_is_too_large_is_not_read(
    served: Served, strict: Web, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of strangers 64 KB are read; of who is known what the settings say, and then the connection ends."""
    who = [f"Authorization: Bearer {served.keys[key]}"] if key else []
    most = 1_000_000 if key else guard._STRANGERS_BODY
    path = "/api/v1/validate"
    with line(strict) as made:
        made.sendall(request("POST", path, *who, f"Content-Length: {most + 1}"))
        answer = rest(made)  # at once, before a byte of it
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"content-security-policy" in answer.lower()
    with line(strict) as made:
        chunk = b"10000\r\n" + b"A" * 65536 + b"\r\n"
        made.sendall(request("POST", path, *who, "Transfer-Encoding: chunked"))
        assert sent(made, chunk) == "cut off"
    if key:
        monkeypatch.setattr(guard, "_FIRST_SECONDS", 15)
        answered = httpx.post(
            f"http://127.0.0.1:{strict.port}{path}",
            content=b"A" * 900_000,
            headers=dict([who[0].split(": ")]),
            timeout=30,
        )
        assert answered.status_code == 200


def test_a_length_that_lies_ends_the_connection(strict: Web) -> None:
    with line(strict) as made:  # longer than said: what follows is no request
        made.sendall(
            request("POST", "/login", FORM, "Content-Length: 4") + b"a=1&GET /account HTTP/1.1\r\nHost: x\r\n"
        )
        made.shutdown(socket.SHUT_WR)
        assert rest(made).count(b"HTTP/1.1 ") <= 2
    with line(strict) as made:  # shorter: it does not come
        made.sendall(request("POST", "/login", FORM, "Content-Length: 400") + b"a=1")
        made.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 2" not in rest(made)


SMUGGLED = b"GET /account HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [
        request("POST", "/login", "Content-Length: 4", "Transfer-Encoding: chunked")
        + b"0\r\n\r\n"
        + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: chunked", "Content-Length: 4")
        + b"0\r\n\r\n"
        + SMUGGLED,
        request("POST", "/login", "Content-Length: 4", "Content-Length: 5") + b"abcd" + SMUGGLED,
        request("POST", "/login", "Content-Length: 4, 5") + b"abcd" + SMUGGLED,
        request("POST", "/login", "Content-Length: +4") + b"abcd" + SMUGGLED,
        request("POST", "/login", "Content-Length: -1") + SMUGGLED,
        request("POST", "/login", "Content-Length: 0x4") + b"abcd" + SMUGGLED,
        request("POST", "/login", "Content-Length: " + "9" * 30) + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: xchunked") + b"0\r\n\r\n" + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n" + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: chunked", "Transfer-Encoding: identity")
        + b"0\r\n\r\n"
        + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding : chunked") + b"0\r\n\r\n" + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: chunked") + b"5;\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: chunked") + b"-1\r\n\r\n" + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: chunked") + b"f" * 30 + b"\r\n" + SMUGGLED,
        request("POST", "/login", "Transfer-Encoding: chunked").replace(b"1.1", b"1.0")
        + b"0\r\n\r\n"
        + SMUGGLED,
        request("GET", "/login", "Bad Name: x") + SMUGGLED,
        request("GET", "/login", "X: a\x00b") + SMUGGLED,
        request("GET", "/lo gin") + SMUGGLED,
        request("GET", "/login", "Host: other") + SMUGGLED,
        b"GET /login HTTP/1.1\r\n\r\n" + SMUGGLED,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        request("GET", "/login", "X: " + "a" * 300_000)[:-2],
        request("GET", "/login", *["X: a"] * 60_000)[:-2],
    ],
    ids=range(24),
)
def test_what_can_be_read_in_two_ways_is_refused(strict: Web, said: bytes) -> None:
    """Once, and the connection ends: what follows is not read as a request (RFC 9112, 6.3 and 11.2)."""
    with line(strict) as made:
        made.sendall(said)
        answer = rest(made)
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert answer.split()[1] in (b"400", b"501", b"413", b"431"), answer


def test_who_is_idle_longest_goes_when_there_are_too_many(served: Served) -> None:
    with shown(served.gateway, connections=8) as web, ExitStack() as ends:
        lines = [ends.enter_context(line(web)) for _ in range(30)]
        answer = httpx.get(f"http://127.0.0.1:{web.port}/login", timeout=30)
        assert answer.status_code == 200, "somebody who asks is served all the same"
        cut = 0
        for one in lines[:20]:
            one.settimeout(5)
            cut += one.recv(1) == b""
        assert cut == 20


def test_who_does_not_read_keeps_nobody_out(served: Served) -> None:
    head = [f"Authorization: Bearer {served.keys['administrator']}"]
    with shown(served.gateway, connections=4) as web, ExitStack() as ends:
        for _ in range(12):
            made = ends.enter_context(line(web))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            made.sendall(request("GET", "/api/openapi.json", *head) * 60)
        ends_at, status = time.monotonic() + 20, 0
        while status != 200 and time.monotonic() < ends_at:
            with suppress(httpx.TransportError):
                status = httpx.get(f"http://127.0.0.1:{web.port}/login", timeout=20).status_code
        assert status == 200


def test_who_asks_too_often_is_told_so(served: Served) -> None:
    with shown(served.gateway, requests_per_second=1.0) as web:
        url = f"http://127.0.0.1:{web.port}/login"
        answers = [httpx.get(url, timeout=30) for _ in range(5)]
        assert [one.status_code for one in answers][:4] == [200] * 4

        def refused(ask: Callable[[int], httpx.Response]) -> httpx.Response | None:
            """The first that was: a slow one may be allowed meanwhile, but not all of a hundred."""
            return next((one for one in map(ask, range(100)) if one.status_code == 429), None)

        answer = refused(lambda _: httpx.get(url, timeout=30))
        assert answer is not None
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-security-policy"]
        # Nobody gets away by saying who they are.
        names = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(100)]
        assert refused(lambda number: httpx.get(url, headers=names[number], timeout=30)) is not None
        assert (
            refused(lambda _: httpx.post(url, data={"name": "viewer", "password": PASSWORD}, timeout=30))
            is not None
        )
