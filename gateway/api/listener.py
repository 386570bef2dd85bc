"""The HTTP server that partners send to: one path, bodies of any size on disk, and an end to every wait.

An ASGI application on uvicorn. What a request means is not known here: it is handed over with its body
spooled, and the reply is sent. Whoever connects is a stranger until ``admit`` says otherwise, so time, size,
rate and number of everything are bounded before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Event
from typing import BinaryIO, TypeAlias, cast

import h11
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from gateway.api.server import HEADER_LIMIT, Kept, Server

Headers: TypeAlias = list[tuple[str, str]]

_IN_MEMORY = 1 << 18
_SLOWEST = 4 << 10  # bytes a second at which a body may come
_LINGER_SECONDS, _LINGER_BYTES = 2.0, 8 << 20
_SOCKETS = 4  # for each request at once: the others wait for their next one


@dataclass(frozen=True, slots=True)
class Request:
    """A message as it came.

    Attributes:
        headers: in the order and with the names of the wire.
        client: the IP address it came from.
        body: at its start; closed when the reply is there. size: its bytes.
    """

    method: str
    path: str
    headers: Headers
    client: str
    body: BinaryIO
    size: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered, with Content-Length and the header names as given here."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


_Wire: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]
"""A reply as it is sent."""


class Listener:
    """Waits for requests to one path.

    Args:
        port: 0 takes a free one; the attribute ``port`` tells which when ``ready`` is set.
        admit: asked before a body is read, in a thread; its reply, if there is one, is the answer.
        handle: makes the reply to a request, in a thread.
        max_body: bytes of the largest body. connections: requests at once.
        body_seconds: how long a body may take. header_seconds: how long a client may take for a header, be
            idle before it, and pause in a body.
        spool: the folder for bodies above 256 KiB; they have no name there, so none is left behind.
        tls: PEM files of certificate and private key; None for plain HTTP.
        on_trouble: is told an error of ``admit`` or ``handle``, answered with 500, and a full disk.
        end_seconds: how long running requests may take when it stops.
        kept: as of :class:`gateway.api.server.Server`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        *,
        admit: Callable[[Headers, str], Reply | None],
        handle: Callable[[Request], Reply],
        max_body: int,
        connections: int,
        body_seconds: float,
        header_seconds: float = 15.0,
        spool: Path,
        tls: tuple[str, str] | None,
        on_trouble: Callable[[Exception], None],
        end_seconds: float = 30.0,
        kept: Kept | None = None,
    ) -> None:
        self._server = Server(host, port, "as2", tls, header_seconds, end_seconds, kept)
        self._path, self._admit, self._handle, self._spool = path, admit, handle, spool
        self._max_body, self._connections, self._on_trouble = max_body, connections, on_trouble
        self._body_seconds, self._header_seconds = body_seconds, header_seconds
        self._busy = 0

    @property
    def port(self) -> int:
        """Where it listens, once it is ready."""
        return self._server.port

    @property
    def ready(self) -> Event:
        """Set when it listens."""
        return self._server.ready

    def run(self, stop: Event) -> None:
        """Serves until ``stop`` is set and the running requests are over. Raises ConfigurationError."""
        self._pool = ThreadPoolExecutor(self._connections, "http")
        try:
            asyncio.run(self._serve(stop))
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, stop: Event) -> None:
        await self._server.serve(self._app, stop, sockets=_SOCKETS * self._connections)

    # --- requests ------------------------------------------------------------------------------------

    async def _app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        fields = dict(scope["headers"])
        has_body = fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields
        wire, is_read = self._refused(scope, fields), not has_body
        if wire is None:
            self._busy += 1
            try:
                wire, is_read = await self._received(scope, receive)
            finally:
                self._busy -= 1
        if wire is None:
            return
        status, headers, body = wire
        if not is_read:
            headers = [*headers, (b"connection", b"close")]
        # Who goes on sending must see the answer before the connection is closed (RFC 9112, 9.6).
        lingers = not is_read and b"expect" not in fields
        try:
            async with asyncio.timeout(self._header_seconds):
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body, "more_body": lingers})
                if lingers:
                    await _linger(receive)
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, h11.LocalProtocolError):  # it reads nothing, or broke the rules in the meantime
            scope["state"]["abort"]()

    def _refused(self, scope: HTTPScope, fields: dict[bytes, bytes]) -> _Wire | None:
        """The answer to what can be answered without asking anybody."""
        raw = scope["state"]["headers"]
        if sum(len(name) + len(value) + 4 for name, value in raw) > HEADER_LIMIT:
            return _told(431, "The header is too large.")
        if scope["path"].rstrip("/") != self._path.rstrip("/"):
            return _told(404, "There is nothing at this path.")
        if scope["method"] in {"GET", "HEAD"}:
            return _told(200, "Messages are sent here with POST.")
        if scope["method"] != "POST":
            return _told(405, "Messages are sent here with POST.", ("Allow", "GET, HEAD, POST"))
        if int(fields.get(b"content-length", b"0")) > self._max_body:
            return _told(413, f"The message is larger than {self._max_body} bytes.")
        if self._busy >= self._connections:
            return _told(503, "Too many messages at once.", ("Retry-After", "10"))
        return None

    async def _received(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> tuple[_Wire | None, bool]:
        """The answer, or None if the client went away; and whether the body was read to its end."""
        loop = asyncio.get_running_loop()
        headers = [(str(name, "latin-1"), str(value, "latin-1")) for name, value in scope["state"]["headers"]]
        client = scope["client"][0] if scope["client"] else ""
        refusal = await loop.run_in_executor(self._pool, self._told, self._admit, headers, client)
        if refusal is not None:
            return refusal, False
        body = SpooledTemporaryFile(_IN_MEMORY, dir=str(self._spool))  # noqa: SIM115 -- goes to a thread
        size, more, began = 0, True, loop.time()
        is_ours = True
        try:
            while more:
                seconds = min(self._body_seconds, self._header_seconds + size / _SLOWEST)
                async with asyncio.timeout_at(began + seconds):
                    message = await receive()
                if message["type"] != "http.request":
                    return None, True
                size, more = size + len(message["body"]), message["more_body"]
                if size > self._max_body:
                    return _told(413, f"The message is larger than {self._max_body} bytes."), not more
                if size <= _IN_MEMORY:
                    body.write(message["body"])
                else:
                    await loop.run_in_executor(self._pool, body.write, message["body"])
            body.seek(0)
            is_ours = False
        except TimeoutError:
            return _told(408, "The message did not arrive in time."), False
        except OSError as error:
            self._on_trouble(error)
            return _told(500, "The message could not be stored."), False
        finally:
            if is_ours:
                body.close()
        request = Request(scope["method"], scope["path"], headers, client, cast(BinaryIO, body), size)
        return await loop.run_in_executor(self._pool, self._handled, request), True

    def _handled(self, request: Request) -> _Wire | None:
        with request.body:
            return self._told(self._handle, request)

    def _told(self, answer: Callable[..., Reply | None], *arguments: object) -> _Wire | None:
        try:
            reply = answer(*arguments)
            return None if reply is None else _wire(reply)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the client gets an answer
            self._on_trouble(error)
            return _told(500, "The message could not be processed.")


def _told(status: int, line: str, *headers: tuple[str, str]) -> _Wire:
    return _wire(Reply(status, [("Content-Type", "text/plain"), *headers], f"{line}\n".encode()))


def _wire(reply: Reply) -> _Wire:
    """A reply as it is sent. Raises ValueError or LocalProtocolError for headers that cannot be."""
    length = ("Content-Length", str(len(reply.body)))
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in (*reply.headers, length)]
    h11.Response(status_code=reply.status, headers=headers)
    return reply.status, headers, reply.body


async def _linger(receive: ASGIReceiveCallable) -> None:
    """Reads for a while what nobody wants: closing with unread bytes would reset the connection."""
    left = _LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message["more_body"]:
                    return
                left -= len(message["body"])
