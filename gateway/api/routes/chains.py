"""Orders from beginning to end, and what partners owe an answer to."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from gateway.api import models
from gateway.api.access import Reader, site_of
from gateway.api.paging import Fields, Text, listed, plain, wanted, with_etag
from gateway.services import chain
from gateway.services.access import Permission
from gateway.services.lifecycle import Acknowledgment
from gateway.store import queries, tables
from gateway.store.database import reading
from gateway.store.queries import Wanted

router = APIRouter(prefix="/api/v1", tags=["documents"])


_Document = models.row_of(
    "ChainDocument",
    tables.documents,
    "body",
    keys=(models.many(models.Key), Field(default=[])),
    message=(models.Message | None, Field(default=None)),
    sent=(models.Message | None, Field(default=None)),
    acknowledgments=(models.many(models.Acknowledgment), Field(default=[])),
    due_at=(str | None, Field(default=None)),
    answers=(models.many(models.Message), Field(default=[])),
)
_Gap = models.of("Gap", "What is still to come, or wrong.", "kind document_id? due_at? words", wrong=bool)
_Chain = models.of(
    "Chain",
    "What belongs to purchase orders, in order of time.",
    "partner",
    {"test": bool, "truncated": bool, "purchase_orders": list[str], "documents": models.many(_Document)},
    gaps=models.many(_Gap),
)
Chains = models.of("Chains", "All that a number leads to.", chains=models.many(_Chain))


@router.get("/chains/{number:path}", response_model=Chains)
def show_chain(
    request: Request, response: Response, identity: Reader, number: str, partner: Text = ""
) -> Any:
    """The story of an order: what came, what was sent, what is missing.

    The number may be that of an order, shipment, invoice or payment, or the id of a document.
    """
    site = site_of(request)
    with reading(site.engine) as connection:
        mine = identity.partners(Permission.READ)
        told = chain.told(connection, site.settings, plain(number), plain(partner), mine)
    return with_etag(request, response, {"chains": told})


_Owed = models.row_of(
    "OwedAcknowledgment",
    tables.messages,
    due_at=(str | None, Field(default=None)),
    words=(list[str], Field(default=[], description="what came, in words")),
)


@router.get(
    "/acknowledgments", response_model=models.page_of("Acknowledgments", "messages", _Owed), tags=["messages"]
)
def list_acknowledgments(
    request: Request,
    response: Response,
    identity: Reader,
    asked: Annotated[Wanted, Depends(wanted)],
    status: Annotated[list[Acknowledgment], Query()] = [],  # noqa: B006 -- copied by FastAPI
    fields: Fields = "",
) -> Any:
    """What was sent and is to be acknowledged: what is owed, oldest first, or with a status, newest first."""
    given = replace(
        asked,
        acknowledgment=tuple(status) or queries.OWED,
        oldest_first=not status,
        partners=identity.partners(Permission.READ),
    )
    with reading(site_of(request).engine) as connection:
        page = queries.acknowledgments(connection, given)
    return listed(request, response, "messages", page, fields)
