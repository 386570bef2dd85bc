"""What happened, as a list and as a stream (server-sent events).

Events come out of the audit by its numbers, so that every process can tell them and whoever comes back misses
none: the id of an event is the number of its entry.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from threading import BoundedSemaphore
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.api.access import Reader, site_of
from gateway.api.models import many, of
from gateway.api.paging import MAX_CURSOR
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.notify.events import EVENTS
from gateway.services import event as happened
from gateway.services.access import Identity, Permission
from gateway.store import queries
from gateway.store.database import reading
from gateway.store.queries import Row

router = APIRouter(prefix="/api/v1/events", tags=["events"])

MAX_STREAMS = 20
STREAM = "text/event-stream"
_POLL, _TICK, _HEARTBEAT, _LIFE = 1.0, 0.25, 15.0, 600.0
"""Seconds between two looks, between two looks for the end, of silence, and of a stream: then who follows it
comes back, and is asked who it is."""

_STREAMS = BoundedSemaphore(MAX_STREAMS)


Happened = of(
    "Happened",
    "An event.",
    "at event severity words partner? message_id? document_id?",
    {"seq": int, "facts": dict[str, Any]},
)
Events = of("Events", "Events, oldest first.", events=many(Happened), cursor=int)


@router.get(
    "",
    response_model=Events,
    responses={200: {"content": {STREAM: {"schema": {"type": "string"}}}}},
)
async def follow(
    request: Request,
    response: Response,
    identity: Reader,
    since: Annotated[
        int | None,
        Query(ge=0, le=MAX_CURSOR, description="the last one that is known; by default the newest"),
    ] = None,
    event: Annotated[list[str], Query(max_length=100, description="only these")] = [],  # noqa: B006
) -> Any:
    """What happened since: a list, or with `Accept: text/event-stream` a stream that goes on.

    A stream that breaks is resumed with `Last-Event-ID`, as browsers do by themselves.
    """
    site = site_of(request)
    if unknown := [one for one in event if one not in EVENTS]:
        raise ApiError(422, f"There is no event {unknown[0][:60]!r}.")
    is_stream = STREAM in request.headers.get("accept", "")
    if is_stream and (told := request.headers.get("last-event-id", "")).isdecimal() and len(told) < 19:
        since = int(told)
    if since is None:
        since = await run_in_threadpool(_newest, site)
    if not is_stream:
        rows, last = await run_in_threadpool(_after, site, identity, since, event)
        if last > since:
            response.headers["Link"] = f'<{request.url.include_query_params(since=last)}>; rel="next"'
        return {"events": rows, "cursor": last}
    if not _STREAMS.acquire(blocking=False):
        raise ApiError(503, f"{MAX_STREAMS} programs follow events already.", headers={"Retry-After": "30"})
    return _Stream(_stream(request, identity, since, event), media_type=STREAM)


class _Stream(StreamingResponse):
    """One of :data:`MAX_STREAMS`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            _STREAMS.release()


def _newest(site: Site) -> int:
    with reading(site.engine) as connection:
        return queries.last_entry(connection)


def _after(site: Site, identity: Identity, since: int, wanted: list[str]) -> tuple[list[Row], int]:
    with reading(site.engine) as connection:
        mine = identity.partners(Permission.READ)
        return happened.after(connection, site.settings, since, wanted, mine)


async def _stream(
    request: Request, identity: Identity, since: int, wanted: list[str]
) -> AsyncIterator[bytes]:
    site, began = site_of(request), time.monotonic()
    stop, said, looked = request.app.state.stop, began, 0.0
    yield b"retry: 2000\n\n"
    while not stop.is_set() and (now := time.monotonic()) < began + _LIFE:
        if now >= looked + _POLL:
            looked, before = now, since
            rows, since = await run_in_threadpool(_after, site, identity, since, wanted)
            for one in rows:
                told = orjson.dumps(one)
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (one["seq"], one["event"].encode(), told)
            if rows:
                said = now
            elif now > said + _HEARTBEAT:
                said = now
                yield b"id: %d\n: nothing happened\n\n" % since
            if since > before and since - before >= happened.WINDOW:
                looked = 0.0  # there is more
        await asyncio.sleep(_TICK)
