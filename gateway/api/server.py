"""An HTTP server for strangers: uvicorn with an end to every wait before a request.

Who sends no whole header in time is cut off, and who is idle longest when there are too many. How long a body
may take, and how large it may be, is the business of the application, which knows who sends it.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from gateway.errors import ConfigurationError

HEADER_LIMIT = 64 << 10
"""Bytes of the header of a request."""

_GRACE_SECONDS = 0.5

Kept = dict[str, Any]
"""What stays open between two servers of a name, so that who connects meanwhile waits; each has ``close``."""


@dataclass(slots=True)
class Sockets:
    """Those of a server that listened at a place."""

    place: tuple[str, int]
    made: list[socket.socket]

    def close(self) -> None:
        """Nobody can connect any more."""
        for one in self.made:
            one.close()


class Server:
    """Listens at one address.

    Args:
        port: 0 takes a free one; the attribute ``port`` tells which when ``ready`` is set.
        name: of the settings in ``gateway.yaml`` that say where it listens.
        tls: PEM files of certificate and private key; None for plain HTTP.
        header_seconds: how long a client may take for a header, and be idle before it.
        end_seconds: how long running requests may take when it stops.
        kept: sockets to take over and to leave for the next.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        tls: tuple[str, str] | None,
        header_seconds: float = 15.0,
        end_seconds: float = 30.0,
        kept: Kept | None = None,
    ) -> None:
        self.host, self.port, self.ready = host, port, Event()
        self._name, self._tls, self._kept = name, tls, kept
        self._header_seconds, self._end_seconds = header_seconds, end_seconds

    async def serve(self, app: Callable[..., Awaitable[None]], stop: Event, *, sockets: int) -> None:
        """Serves until ``stop`` is set and the running requests are over.

        Args:
            sockets: so many connections at a time.

        Raises:
            ConfigurationError: it cannot listen there.
        """
        config = uvicorn.Config(
            app,
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
        try:
            servers = await self._listen(lambda: _Protocol(config, state, self._header_seconds, sockets))
        except OSError as error:
            why = str(error.strerror or error).rpartition(": ")[2]
            other = ", or set EDIGW_WEB_LISTEN" if self._name == "web" else ""
            raise ConfigurationError(
                f"It cannot listen at {self.host}:{self.port}: {why}. If another program uses the port "
                f"(another `edigw up`?), or the address is not one of this machine, change "
                f"`{self._name}.listen` in gateway.yaml{other}, for example to {self.host}:{self.port + 1}."
            ) from error
        self.port = servers[0].sockets[0].getsockname()[1]
        self.ready.set()
        while not stop.is_set():  # noqa: ASYNC110 -- it belongs to threads
            await asyncio.sleep(0.05)
        for server in servers:
            server.close()
        if self._kept:  # who was let in a moment ago may ask first: nobody is turned away
            await asyncio.sleep(_GRACE_SECONDS)
        for connection in list(state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._end_seconds):
                while state.connections or state.tasks:  # noqa: ASYNC110 -- uvicorn tells nobody
                    await asyncio.sleep(0.02)

    async def _listen(self, factory: Callable[[], _Protocol]) -> list[asyncio.Server]:
        loop, place = asyncio.get_running_loop(), (self.host, self.port)
        tls = self._context()
        seconds = self._header_seconds if tls else None
        before = self._kept.get(self._name) if self._kept else None
        if before and before.place == place:
            return [
                await loop.create_server(factory, sock=one.dup(), ssl=tls, ssl_handshake_timeout=seconds)
                for one in before.made
            ]
        if self._kept and before:
            self._kept.pop(self._name).close()
        made = await loop.create_server(
            factory, self.host or None, self.port, ssl=tls, ssl_handshake_timeout=seconds
        )
        if self._kept is not None:
            self._kept[self._name] = Sockets(place, [one.dup() for one in made.sockets])
        return [made]

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
                f"`{self._name}.tls_certificate` in gateway.yaml."
            ) from error
        return context


class _Connection(h11.Connection):
    """Keeps header names as they came, and takes no message whose length could be read in two ways."""

    def __init__(self, state: dict[str, Any]) -> None:
        super().__init__(h11.SERVER, HEADER_LIMIT)
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
            known = [one for one in self.connections if isinstance(one, _Protocol)]
            # Who does not read what is answered waits too, whatever else it has asked for.
            idle = [one for one in known if one._is("started") or one.flow.write_paused]
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
