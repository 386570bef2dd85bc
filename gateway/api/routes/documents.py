"""Business documents: lists, details, what waits for a person, and handing them over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.api import models
from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.idempotency import Once, mark_of
from gateway.api.paging import Fields, Text, listed, plain, wanted, with_etag
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.partners.partner import Partner
from gateway.services import rules, submit
from gateway.services.access import Identity, Permission
from gateway.services.base import Services
from gateway.services.lifecycle import Acknowledgment
from gateway.store import queries, tables
from gateway.store.database import reading
from gateway.store.queries import Row, Wanted

router = APIRouter(prefix="/api/v1/documents", tags=["documents"], route_class=Once)
files = APIRouter(prefix="/api/v1/files", tags=["files"], route_class=Once)
_WAITERS = BoundedSemaphore(50)
_PAUSE = 0.1

Wait = Annotated[float, Query(ge=0, le=30, description="seconds to wait until it is translated")]


async def content(request: Request) -> bytes:
    """The body as it came. Raises ApiError (400) without one."""
    if not (body := await request.body()):
        raise ApiError(400, "The body is empty.")
    return body


Content = Annotated[bytes, Depends(content)]


class Approval(models.Why):
    """What a person lets pass, and why."""

    rules: list[Annotated[str, Field(max_length=60)]] = Field(
        min_length=1, max_length=100, description="every rule that stops it, as `S4`"
    )


Submitted = models.of(
    "Submitted",
    "What was taken in, and what has become of it by now.",
    "id channel name translation delivery acknowledgment partner?",
    problems=list[models.Finding],
)
_Detail = models.row_of(
    "DocumentDetail",
    tables.documents,
    "body",
    body=(dict[str, Any] | None, Field(default=None, description="null after its retention")),
    keys=(models.many(models.Key), Field(default=[])),
)


@router.get("", response_model=models.page_of("Documents", "documents", models.Document))
def list_documents(
    request: Request,
    response: Response,
    identity: Reader,
    asked: Annotated[Wanted, Depends(wanted)],
    document_type: Text = "",
    acknowledgment: Annotated[list[Acknowledgment], Query()] = [],  # noqa: B006 -- copied by FastAPI
    fields: Fields = "",
) -> Any:
    """Documents without their content, newest first."""
    given = replace(
        asked,
        document_type=plain(document_type),
        acknowledgment=tuple(acknowledgment),
        partners=identity.partners(Permission.READ),
    )
    with reading(site_of(request).engine) as connection:
        page = queries.documents(connection, given)
    return listed(request, response, "documents", page, fields)


@router.get("/{document_id}", response_model=_Detail)
def show_document(request: Request, response: Response, identity: Reader, document_id: str) -> Any:
    """One document, as it was read or sent, with the numbers it is found by."""
    return with_etag(request, response, found(site_of(request), identity, document_id))


@router.post("/{document_id}/approve")
def approve(request: Request, identity: Operator, document_id: str, approval: Approval) -> models.Done:
    """Let a document go on that rules stopped until a person has looked at it."""
    document = found(site_of(request), identity, document_id)
    allowed(identity, Permission.OPERATE, document["partner"])
    with site_of(request).acting(identity.actor) as services:
        codes = rules.approve(services, document["id"], approval.rules, approval.reason)
    return models.Done(id=document["id"], done="approve", words=f"Rules that stopped it: {', '.join(codes)}.")


@router.post(
    "",
    status_code=202,
    response_model=Submitted,
    openapi_extra=models.raw("a document, or what `form` says", models.JSON),
)
async def submit_document(
    request: Request,
    response: Response,
    identity: Operator,
    content: Content,
    form: Annotated[
        Text, Query(description="a shape of `erp.channels`; without it the JSON of our documents")
    ] = "",
    wait: Wait = 0,
) -> Any:
    """Hand a document over, as if our own system had written it into its inbox."""

    def given(services: Services) -> submit.Given:
        return submit.documents(services, content, plain(form))

    return await _taken(request, response, identity, given, wait)


@files.post(
    "",
    status_code=202,
    response_model=Submitted,
    openapi_extra=models.raw("a file, as the channel takes it", models.X12, "application/xml", "text/csv"),
)
async def submit_file(
    request: Request,
    response: Response,
    identity: Operator,
    content: Content,
    channel: Annotated[
        str, Query(min_length=1, max_length=100, description="whose inbox it would be put into")
    ],
    name: Annotated[str, Query(min_length=1, max_length=200, description="of the file")],
    wait: Wait = 0,
) -> Any:
    """Hand a file over, as if it had been put into the inbox of a channel."""

    def given(services: Services) -> submit.Given:
        return submit.file(services, content, plain(channel), plain(name))

    return await _taken(request, response, identity, given, wait)


async def _taken(
    request: Request,
    response: Response,
    identity: Identity,
    given: Callable[[Services], submit.Given],
    wait: float,
) -> Any:
    site = site_of(request)
    message_id = await run_in_threadpool(_take, site, identity, given, mark_of(request, identity))
    response.headers["Location"] = f"/api/v1/messages/{message_id}"
    ends = time.monotonic() + wait
    waits = _WAITERS.acquire(blocking=False)
    try:
        while True:
            found = await run_in_threadpool(_state, site, message_id)
            if found["translation"] != "received" or not waits or time.monotonic() >= ends:
                return found
            await asyncio.sleep(_PAUSE)
    finally:
        if waits:
            _WAITERS.release()


def _take(site: Site, identity: Identity, given: Callable[[Services], submit.Given], mark: str) -> str:
    with site.acting(identity.actor) as services:
        known = given(services)
        for one in known.partners:
            if isinstance(one, Partner):
                allowed(identity, Permission.OPERATE, one.id)
            elif not identity.may(Permission.OPERATE):
                # `one` may name partners of others, as those that are like what is written.
                raise ApiError(422, "Say with `partner_id` whom it is for.")
        message_id = submit.take(services, known, mark)
    if message_id is None:
        raise ApiError(422, "This `Idempotency-Key` was used for another request.", code="HTTP-IDEMPOTENCY")
    return message_id


def _state(site: Site, message_id: str) -> Row:
    with site.acting("") as services:
        one = services.store.message(message_id)
        problems = submit.problems(services, message_id) if one.translation != "received" else []
    known = {name: getattr(one, name) for name in Submitted.model_fields if name != "problems"}
    return {**known, "problems": problems}


def found(site: Site, identity: Identity, document_id: str) -> Row:
    """A document that somebody may see, by its id or the beginning of it; raises NotFoundError."""
    partners = identity.partners(Permission.READ)
    with reading(site.engine) as connection:
        which = queries.resolve(connection, tables.documents, plain(document_id), partners)
        return queries.document(connection, which, partners)
