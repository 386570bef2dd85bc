"""``Idempotency-Key`` (IETF draft 07): a POST that is sent again is answered again, and done once.

An answer is kept for a day. If the process dies between doing and answering, that is said (409); what is
handed over keeps its key as well (:func:`mark_of`), so that its message can be named.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.api.access import identify, site_of
from gateway.api.problems import ApiError, answer, of
from gateway.api.site import Site
from gateway.services.access import Identity
from gateway.store.queries import Row

KEPT = timedelta(hours=24)
MAX_KEPT_BYTES = 1 << 20
MAX_VALUES_BYTES = 1 << 20
"""Of a body that is read into values; one that is a document may be as large as any."""

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("content-type", "location", "etag")
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]

PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "description": "any text of up to 255 characters that is new for each thing to be done",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


class Once(APIRoute):
    """The class of routes whose POST needs an ``Idempotency-Key``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "POST" in (kwargs.get("methods") or ()):
            extra = kwargs.get("openapi_extra") or {}
            kwargs["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", ()), PARAMETER]}
        super().__init__(*args, **kwargs)

    def get_route_handler(self) -> _Handler:
        """The handler, around which requests are remembered."""
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle

        async def once(request: Request) -> Response:
            identity = await identify(request)
            if identity is None:
                return await handle(request)  # which refuses it
            key = request.headers.get(HEADER, "").strip()
            if not _KEY.fullmatch(key):
                words = f"Send `{HEADER}` with a text that is new for each thing to be done."
                raise ApiError(400, words, code="HTTP-IDEMPOTENCY")
            body = await request.body()
            if self.body_field is not None and len(body) > MAX_VALUES_BYTES:
                raise ApiError(413)
            fingerprint = hashlib.sha256(body).hexdigest()
            where = f"{request.url.path}?{request.url.query}"
            asked = (identity.actor, key)
            site = site_of(request)

            def begin() -> Row | None:
                with site.acting(identity.actor) as services, services.store.transaction():
                    kept = services.clock() - KEPT
                    return services.store.access.begin(*asked, request.method, where, fingerprint, kept)

            if (known := await run_in_threadpool(begin)) is not None:
                same = (known["method"], known["path"], known["fingerprint"])
                is_same = same == (request.method, where, fingerprint)
                lost = is_same and known["state"] != "done"
                mark = mark_of(request, identity)
                done = await run_in_threadpool(_done, site, identity.actor, mark) if lost else None
                return _again(known, is_same, done)
            try:
                response = await handle(request)
            except Exception as error:
                said = of(error)
                if said.status >= 500 or said.status in {401, 403, 429}:
                    await run_in_threadpool(_end, site, asked, None)
                    raise
                response = answer(request, said)
            await run_in_threadpool(_end, site, asked, response)
            return response

        return once


def mark_of(request: Request, identity: Identity) -> str:
    """What is claimed in the transaction of what a request does, so that it is known whether it was done."""
    return f"api|{identity.actor}|{request.headers.get(HEADER, '').strip()}"


def _done(site: Site, actor: str, mark: str) -> str | None:
    with site.acting(actor) as services:
        return services.store.claimed(mark)


def _again(known: Row, same: bool, done: str | None) -> Response:
    if not same:
        raise ApiError(422, f"This `{HEADER}` was used for another request.", code="HTTP-IDEMPOTENCY")
    if known["state"] != "done":
        words = "This request is still running, or was cut off. Look whether it was done before asking anew."
        headers = {"Retry-After": "1"}
        if done:
            words = f"This request was done, as message {done}; its answer is not there."
            headers = {"Location": f"/api/v1/messages/{done}"}
        raise ApiError(409, words, code="HTTP-IDEMPOTENCY", headers=headers)
    headers = {**orjson.loads(known["headers"]), "Idempotency-Replayed": "true"}
    return Response(known["body"], known["status"], headers)


def _end(site: Site, asked: tuple[str, str], response: Response | None) -> None:
    with site.acting(asked[0]) as services, services.store.transaction():
        if response is None:
            services.store.access.forget(*asked)
            return
        kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        body = bytes(getattr(response, "body", b""))[:MAX_KEPT_BYTES]
        services.store.access.end(*asked, response.status_code, orjson.dumps(kept).decode(), body)
