"""What was received and sent, and what people do with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from gateway.api import models
from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.files import sent
from gateway.api.idempotency import Once
from gateway.api.paging import MAX_CURSOR, Fields, listed, plain, wanted, with_etag
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.mapping.library import Library
from gateway.services import inspect, operate
from gateway.services.access import Identity, Permission
from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.store import queries, tables
from gateway.store.database import reading
from gateway.store.queries import Row, Wanted

router = APIRouter(prefix="/api/v1/messages", tags=["messages"], route_class=Once)
_Segments = models.of(
    "Segments",
    "A part of a file, segment by segment.",
    {"segments": models.many(models.Segment), "problems": list[models.Finding], "next": int | None},
)
_Trace = models.of(
    "Trace",
    "Which rule of a mapping made which value of a transaction set.",
    "set_id control_number guide? reason?",
    {"at": int, "next": int | None, "origins": models.many(models.Origin)},
)
At = Annotated[int, Query(ge=0, le=MAX_CURSOR, description="a byte of the file")]


class Reprocess(models.Why):
    """Why a message is translated again."""

    acknowledge: bool = Field(default=False, description="answer the partner once more")


def asked(
    identity: Reader,
    base: Annotated[Wanted, Depends(wanted)],
    translation: Annotated[list[Translation], Query()] = [],  # noqa: B006 -- copied by FastAPI
    delivery: Annotated[list[Delivery], Query()] = [],  # noqa: B006
    acknowledgment: Annotated[list[Acknowledgment], Query()] = [],  # noqa: B006
    person: Annotated[bool, Query(description="only what needs a person")] = False,
    is_open: Annotated[
        bool, Query(alias="open", description="only what somebody has to look at, and nobody has closed")
    ] = False,
    held: Annotated[bool, Query(description="only what is on hold")] = False,
) -> Wanted:
    """What a list of messages can be asked for."""
    return replace(
        base,
        translation=tuple(translation),
        delivery=tuple(delivery),
        acknowledgment=tuple(acknowledgment),
        person=person,
        open=is_open,
        held=held,
        partners=identity.partners(Permission.READ),
    )


@router.get("", response_model=models.page_of("Messages", "messages", models.Message))
def list_messages(
    request: Request, response: Response, given: Annotated[Wanted, Depends(asked)], fields: Fields = ""
) -> Any:
    """Messages, newest first."""
    with reading(site_of(request).engine) as connection:
        page = queries.messages(connection, given)
    return listed(request, response, "messages", page, fields)


@router.get("/{message_id}", response_model=models.Message)
def show_message(request: Request, response: Response, identity: Reader, message_id: str) -> Any:
    """Everything about one message; ``problems`` are the reports on what went to quarantine."""
    site = site_of(request)
    message = found(site, identity, message_id)
    message["problems"] = [*inspect.reports(message, site.payloads)]
    return with_etag(request, response, message)


@router.get("/{message_id}/x12", response_model=_Segments)
def annotated_message(request: Request, identity: Reader, message_id: str, at: At = 0) -> Any:
    """Its segments with names, meanings and problems, a part at a time."""
    message = found(site_of(request), identity, message_id)
    guides = guides_of(request, identity, message)
    part = inspect.annotated(site_of(request).payloads, message, guides, at)
    problems = [one.to_dict() for one in part.loose]
    return {"segments": [one.to_dict() for one in part.rows], "problems": problems, "next": part.next}


@router.get("/{message_id}/trace", response_model=_Trace)
def trace_message(request: Request, identity: Reader, message_id: str, at: At = 0) -> Any:
    """Which rule of a mapping made which value of the transaction set at a byte."""
    message = found(site_of(request), identity, message_id)
    guides = guides_of(request, identity, message)
    traced = inspect.trace(site_of(request).payloads, message, guides, at)
    if traced is None:
        raise ApiError(404, f"There is no transaction set there in message {message['id']}.")
    return traced


@router.get("/{message_id}/raw", response_class=Response)
def raw_message(
    request: Request,
    identity: Reader,
    message_id: str,
    part: Annotated[
        Literal["", "receipt", "signed"], Query(description="proof of an exchange over AS2")
    ] = "",
) -> Response:
    """The bytes of a message as they came or went."""
    site = site_of(request)
    message = found(site, identity, message_id)
    given = [one[part] for one in message["exchanges"]] if part else [message["payload"]]
    sha256 = next((one for one in reversed(given) if one), None)
    if sha256 is None:
        raise ApiError(404, f"This is not kept of message {message['id']}: {part or 'its bytes'}.")
    return sent(site.payloads.open(sha256), part or message["name"])


def _act(
    request: Request, identity: Identity, message_id: str, why: models.Why, verb: str, **more: bool
) -> models.Done:
    message = found(site_of(request), identity, message_id)
    allowed(identity, Permission.OPERATE, message["partner"])
    with site_of(request).acting(identity.actor) as services:
        made = getattr(operate, verb)(services, message["id"], why.reason, **more)
    named = {"files": made} if isinstance(made, list) else {"made": made} if isinstance(made, str) else {}
    return models.Done(id=message["id"], done=verb, **named)


@router.post("/{message_id}/resend")
def resend(request: Request, identity: Operator, message_id: str, why: models.Why) -> models.Done:
    """Deliver the same bytes again, with the same control numbers."""
    return _act(request, identity, message_id, why, "resend")


@router.post("/{message_id}/reprocess")
def reprocess(request: Request, identity: Operator, message_id: str, why: Reprocess) -> models.Done:
    """Translate the stored original again, as a new message with new control numbers."""
    return _act(request, identity, message_id, why, "reprocess", acknowledge=why.acknowledge)


@router.post("/{message_id}/hold")
def hold(request: Request, identity: Operator, message_id: str, why: models.Why) -> models.Done:
    """Leave a message as it is until it is released."""
    return _act(request, identity, message_id, why, "hold")


@router.post("/{message_id}/release")
def release(request: Request, identity: Operator, message_id: str, why: models.Why) -> models.Done:
    """End a hold, or let documents that wait go on as they are."""
    return _act(request, identity, message_id, why, "release")


@router.post("/{message_id}/close")
def close(request: Request, identity: Operator, message_id: str, why: models.Why) -> models.Done:
    """Say that somebody has seen to it: until its status gets worse, it needs nobody any more."""
    return _act(request, identity, message_id, why, "close")


@router.post("/{message_id}/cancel")
def cancel(request: Request, identity: Operator, message_id: str, why: models.Why) -> models.Done:
    """Give up a message of which nobody outside has seen anything."""
    return _act(request, identity, message_id, why, "cancel")


def found(site: Site, identity: Identity, message_id: str) -> Row:
    """A message that somebody may see, by its id or the beginning of it; raises NotFoundError."""
    partners = identity.partners(Permission.READ)
    with reading(site.engine) as connection:
        which = queries.resolve(connection, tables.messages, plain(message_id), partners)
        return queries.message(connection, which, partners)


def guides_of(request: Request, identity: Identity, message: Row) -> Library:
    """The guides of the partner of a message of X12. Raises ApiError if it is none, and NotFoundError."""
    site = site_of(request)
    if not inspect.is_x12(site.payloads, message):
        raise ApiError(404, f"Message {message['id']} is no X12.")
    partner = site.settings.partners.get(message["partner"] or "")
    with site.acting(identity.actor) as services:
        return services.guides.of(partner.overlay if partner else "")
