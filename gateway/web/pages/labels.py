"""Labels of cartons and pallets, to be printed, and new SSCCs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from gateway.api.access import Operator, Reader, allowed, partners_for, site_of
from gateway.api.paging import MAX_CURSOR
from gateway.api.routes import labels
from gateway.errors import ConfigurationError, DocumentError, EdiError
from gateway.services import label, sscc
from gateway.services.access import Identity, Permission
from gateway.web.render import page

router = APIRouter()
_Text = Annotated[str, Query(max_length=200)]


@router.get("/labels")
def list_shipments(
    request: Request,
    identity: Reader,
    text: _Text = "",
    partner: _Text = "",
    cursor: Annotated[int | None, Query(ge=0, le=MAX_CURSOR)] = None,
) -> Response:
    """Ship notices that were sent."""
    return _list(request, identity, text, partner, cursor)


@router.post("/labels/ssccs")
def give(
    request: Request,
    identity: Operator,
    count: Annotated[int, Form(ge=1, le=1000)] = 1,
    prefix: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """New SSCCs, which are shown once; the audit keeps the first and the last."""
    allowed(identity, Permission.OPERATE, None)
    try:
        with site_of(request).acting(identity.actor) as services:
            given = sscc.give(services, prefix, count)
    except EdiError as error:
        return _list(request, identity, why=str(error))
    return _list(request, identity, given=given)


def _list(
    request: Request,
    identity: Identity,
    text: str = "",
    partner: str = "",
    cursor: int | None = None,
    **told: Any,
) -> Response:
    site = site_of(request)
    found = labels.shipments(site, identity, text, partner, cursor, 50)
    return page(
        request,
        "labels.html",
        title="Labels",
        status=409 if "why" in told else 200,
        json_twin="/api/v1/labels",
        rows=found.rows,
        next=found.cursor,
        text=text,
        partner=partner,
        partners=partners_for(request, identity),
        prefixes=[one.prefix for one in site.settings.gateway.company.gs1_prefixes],
        may=identity.may(Permission.OPERATE, None),
        **{"given": [], "why": "", **told},
    )


@router.get("/labels/{document_id}")
def show(request: Request, identity: Reader, document_id: str) -> Response:
    """The units of a shipment, and what prints their labels."""
    site = site_of(request)
    told: dict[str, Any] = {"units": [], "problems": [], "why": "", "missing": ""}
    row: dict[str, Any] = {"id": document_id, "number": "", "partner": ""}
    try:
        row, told["units"] = labels.notice_of(site, identity, document_id)
    except DocumentError as error:
        told |= {"why": str(error), "problems": [one.to_dict() for one in error.problems]}
    try:
        label.fonts(tuple(site.home / one for one in site.settings.gateway.labels.fonts))
    except ConfigurationError as error:
        told["missing"] = str(error)
    return page(
        request,
        "label.html",
        title=f"Labels of {row['number']}" if row["number"] else "Labels",
        json_twin=f"/api/v1/labels/{row['id']}",
        row=row,
        which=[(one.sscc, f"{one.kind.capitalize()} {one.number}") for one in told["units"]],
        layout=labels.layout_of(site, row["partner"]),
        **told,
    )
