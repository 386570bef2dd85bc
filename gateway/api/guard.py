"""What holds for every request: its id, how much, how long and how often it may send, headers of answers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.observability.logging import get_logger

_SLOWEST = 4 << 10  # bytes a second at which a body may come
_FIRST_SECONDS = 15.0
_MAX_CALLERS = 10_000
_STRANGERS_BODY = 64 << 10  # who may send more is asked for first: bodies are read before routes ask

_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Rate:
    """Requests of one caller: a bucket that holds ``burst`` and gets ``a_second`` back.

    Callers are remembered as long as their bucket is not full, and no more than ten thousand of them.
    """

    def __init__(self, a_second: float, burst: float) -> None:
        self._rate, self._burst = a_second, burst
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str, now: float) -> float:
        """Takes one; the seconds until there is one again, or 0 if there was."""
        left, at = self._known.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        self._known[caller] = (left - 1 if left >= 1 else left, now)
        if len(self._known) > _MAX_CALLERS:
            self._known.popitem(last=False)
        return 0.0 if left >= 1 else (1 - left) / self._rate


class Guard:
    """An ASGI application around another one.

    Args:
        max_body: bytes of a body. rate: of each address. proxies: addresses whose ``X-Forwarded-For`` and
            ``X-Forwarded-Proto`` are believed. secure: whether browsers always come by HTTPS.
        knows: whether it is known who sends a request; strangers may send a small body only.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body: int,
        rate: Rate,
        knows: Callable[[Scope], Awaitable[bool]],
        proxies: Collection[str] = (),
        secure: bool = False,
    ) -> None:
        self._app, self._max_body, self._rate, self._knows = app, max_body, rate, knows
        self._proxies, self._secure = frozenset(proxies), secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request."""
        if scope["type"] != "http":
            return
        began, headers = time.monotonic(), Headers(scope=scope)
        self._forwarded(scope, headers)
        state = scope.setdefault("state", {})
        state["request_id"] = name = secrets.token_hex(8)
        client = scope["client"][0] if scope.get("client") else ""
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._dress(MutableHeaders(scope=message), scope, name)
            await send(message)

        length = headers.get("content-length", "0")
        if (seconds := self._rate.wait(client, began)) > 0:
            await _refuse(sent, 429, "HTTP-TOO-MANY", name, {"Retry-After": str(int(seconds) + 1)})
        else:
            most = self._max_body
            if (int(length) > _STRANGERS_BODY or "transfer-encoding" in headers) and not await self._knows(
                scope
            ):
                most = min(most, _STRANGERS_BODY)
            if int(length) > most:
                await _refuse(sent, 413, "HTTP-TOO-LARGE", name, {"Connection": "close"})
            else:
                await self._app(scope, _Body(receive, most), sent)
        if scope["method"] not in {"GET", "HEAD"}:
            spent = round((time.monotonic() - began) * 1000)
            said = {"method": scope["method"], "path": scope["path"][:200], "status": status, "ms": spent}
            get_logger().info("http.request", request_id=name, client=client, **said)

    def _forwarded(self, scope: Scope, headers: Headers) -> None:
        if self._secure:
            scope["scheme"] = "https"
        if not scope.get("client") or scope["client"][0] not in self._proxies:
            return
        # The last entry is what the proxy saw; the ones before are what its client claims.
        if known := headers.get("x-forwarded-for", "").rpartition(",")[2].strip():
            scope["client"] = (known[:64], 0)
        if headers.get("x-forwarded-proto") == "https":
            scope["scheme"] = "https"

    def _dress(self, headers: MutableHeaders, scope: Scope, name: str) -> None:
        headers["X-Request-Id"] = name
        for key, value in _HEADERS.items():
            headers.setdefault(key, value)
        headers.setdefault("Cache-Control", "no-store")
        if scope["scheme"] == "https":
            headers["Strict-Transport-Security"] = "max-age=31536000"
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            for one in cookies:
                headers.append("set-cookie", one if "; Secure" in one else f"{one}; Secure")


class _Body:
    """Receives a body as long as it is neither too large nor too slow."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._size = receive, most, 0
        self._began, self._is_whole = time.monotonic(), False

    async def __call__(self) -> Message:
        left = None  # when the body is here, what comes tells of the end of the connection, and has time
        if not self._is_whole:
            left = max(self._began + _FIRST_SECONDS + self._size / _SLOWEST - time.monotonic(), 0.0)
        try:
            async with asyncio.timeout(left):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The body did not arrive in time.", {"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._most:
                raise HTTPException(413, headers={"Connection": "close"})
            self._is_whole = not message.get("more_body")
        return message


async def _refuse(send: Send, status: int, code: str, name: str, headers: dict[str, str]) -> None:
    phrase = HTTPStatus(status).phrase
    said: dict[str, Any] = {"type": f"/problems/{code}", "title": phrase, "status": status, "detail": phrase}
    body = orjson.dumps({**said, "code": code, "request_id": name, "errors": []})
    headers = {"Content-Type": "application/problem+json", "Content-Length": str(len(body)), **headers}
    raw = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
