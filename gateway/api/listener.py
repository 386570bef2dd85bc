"""The HTTP server that partners send to: one path, bodies of any size on disk, and an end to every wait.

An ASGI application on uvicorn. What a request means is not known here: it is handed over with its body
spooled, and the reply is sent. Whoever connects is a stranger until ``admit`` says otherwise, so time, size,
rate and number of everything are bounded before that.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Event
from typing import Any, BinaryIO, TypeAlias, cast

import h11
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from gateway.errors import ConfigurationError

Headers: TypeAlias = list[tuple[str, str]]

_HEADER_LIMIT = 64 << 10
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
    ) -> None:
        self.host, self.port, self.ready = host, port, Event()
        self._path, self._admit, self._handle, self._spool, self._tls = path, admit, handle, spool, tls
        self._max_body, self._connections, self._on_trouble = max_body, connections, on_trouble
        self._body_seconds, self._header_seconds, self._end_seconds = (
            body_seconds,
            header_seconds,
            end_seconds,
        )
        self._busy = 0

    def run(self, stop: Event) -> None:
        """Serves until ``stop`` is set and the running requests are over. Raises ConfigurationError."""
        self._pool = ThreadPoolExecutor(self._connections, "http")
        try:
            asyncio.run(self._serve(stop))
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, stop: Event) -> None:
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # of its own loggers: strangers shall not fill the log
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=math.ceil(self._header_seconds),
        )
        config.load()
        state = ServerState()
        sockets = _SOCKETS * self._connections
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: _Protocol(config, state, self._header_seconds, sockets),
                self.host or None,
                self.port,
                ssl=self._context(),
                ssl_handshake_timeout=self._header_seconds if self._tls else None,
            )
        except OSError as error:
            raise ConfigurationError(
                f"Nothing can be received at {self.host}:{self.port}: {error.strerror or error}. If another "
                "program uses the port, or the address is not one of this machine, change `as2.listen` in "
                "gateway.yaml."
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        while not stop.is_set():  # noqa: ASYNC110 -- it belongs to threads
            await asyncio.sleep(0.05)
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._end_seconds):
                while state.connections or state.tasks:  # noqa: ASYNC110 -- uvicorn tells nobody
                    await asyncio.sleep(0.02)

    def _context(self) -> ssl.SSLContext | None:
        if self._tls is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(*self._tls, password="")
        except OSError as error:  # ssl.SSLError is one
            why = "certificate and key do not fit" if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigurationError(
                f"TLS needs {' and '.join(self._tls)} as PEM files, the key without password: {why}. See "
                "`as2.tls_certificate` in gateway.yaml."
            ) from error
        return context

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
        if sum(len(name) + len(value) + 4 for name, value in raw) > _HEADER_LIMIT:
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


class _Connection(h11.Connection):
    """Keeps header names as they came, and takes no message whose length could be read in two ways."""

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__(h11.SERVER, _HEADER_LIMIT)
        self._state = state

    def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = {name for name, _ in event.headers}
            if b"transfer-encoding" in names and (b"content-length" in names or event.http_version < b"1.1"):
                raise h11.RemoteProtocolError("two lengths (RFC 9112, 6.1)")
            self._state["headers"] = event.headers.raw_items()
        return event


class _Protocol(H11Protocol):
    """Cuts off who sends no whole header in time, and who is idle longest when there are too many."""

    def __init__(self, config: uvicorn.Config, state: ServerState, seconds: float, sockets: int) -> None:
        super().__init__(config, state, {})
        self.conn = _Connection(self.app_state)
        self._seconds, self._sockets = seconds, sockets
        self._timer: asyncio.TimerHandle | None = None
        self._since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state["abort"] = transport.abort
        self._set_timer()
        if len(self.connections) > self._sockets:
            idle = [one for one in self.connections if isinstance(one, _Protocol) and one._is("started")]
            oldest = min(idle, key=lambda one: one._since)
            self.connections.discard(oldest)
            oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._set_timer()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _is(self, response: str) -> bool:
        """Whether there is no request, or its response was "started", or is "complete"."""
        return bool(getattr(self.cycle, f"response_{response}", True))

    def _set_timer(self) -> None:
        """It runs from the end of a response, or the beginning, until there is a request."""
        if self._is("complete"):
            if self._timer is None and not self.transport.is_closing():
                self._timer = self.loop.call_later(self._seconds, self.transport.abort)
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:  # a response is on its way
            self.transport.abort()
