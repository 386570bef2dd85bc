"""Labels of the cartons and pallets of ship notices that were sent, and SSCCs for other systems."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from gateway.api import models
from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.files import attachment
from gateway.api.idempotency import Once
from gateway.api.paging import Cursor, Limit, Text, listed, plain
from gateway.api.problems import ApiError
from gateway.api.routes import documents
from gateway.api.site import Site
from gateway.labels.label import Label, labels
from gateway.partners.agreement import LAYOUTS
from gateway.services import label, sscc
from gateway.services.access import Identity, Permission
from gateway.store import queries
from gateway.store.database import reading
from gateway.store.queries import Page, Row, Wanted

router = APIRouter(prefix="/api/v1/labels", tags=["labels"])
Form = Literal["pdf", "zpl"]
MAX_LABELS, MAX_SSCCS = 500, 10_000


class Shipment(BaseModel):
    """A ship notice that was sent, with the labels of its units."""

    id: str
    number: str
    partner: str
    layout: str
    labels: list[Label]


class Count(models.Given):
    """How many SSCCs, and of which company prefix (default: the first)."""

    count: int = Field(default=1, ge=1, le=MAX_SSCCS)
    prefix: str = Field(default="", max_length=20)


class Ssccs(BaseModel):
    """SSCCs that nobody else gets."""

    ssccs: list[str]


def shipments(
    site: Site, identity: Identity, text: str, partner: str, cursor: int | None, limit: int
) -> Page:
    """Ship notices that were sent, newest first."""
    asked: dict[str, Any] = {"text": plain(text), "partner": plain(partner), "cursor": cursor, "limit": limit}
    mine = identity.partners(Permission.READ)
    wanted = Wanted(**asked, direction="out", document_type="ship_notice", partners=mine)
    with reading(site.engine) as connection:
        return queries.documents(connection, wanted)


def notice_of(site: Site, identity: Identity, document_id: str) -> tuple[Row, list[Label]]:
    """A ship notice and its labels. Raises ApiError, NotFoundError, DocumentError."""
    row = documents.found(site, identity, document_id)
    if row["document_type"] != "ship_notice" or row["body"] is None:
        raise ApiError(404, "This is no ship notice, or its content is not kept any more.")
    found = labels({"partner_id": row["partner"], **row["body"]}, site.settings.gateway.company.name)
    if len(found) > MAX_LABELS:
        raise ApiError(413, f"The shipment has more than {MAX_LABELS} labels; use `edigw label print`.")
    return row, found


def layout_of(site: Site, partner: str) -> str:
    """How labels for a partner look."""
    known = site.settings.partners.get(partner)
    return known.labels.layout if known else "generic"


def printed(
    site: Site, row: Row, some: list[Label], form: Form, *, dpi: int, size: str, layout: str
) -> bytes:
    """A file of labels. Raises ConfigurationError: the extra `labels` is not installed."""
    files = tuple(site.home / one for one in site.settings.gateway.labels.fonts)
    fonts = label.fonts(files)
    from gateway.labels.output import printed as made

    used = layout or layout_of(site, row["partner"])
    return made(some, form, layout=used, size=size, dpi=dpi, fonts=fonts)


@router.get("", response_model=models.page_of("Shipments", "shipments", models.Document))
def list_shipments(
    request: Request,
    response: Response,
    identity: Reader,
    text: Text = "",
    partner: Text = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """Ship notices that were sent, newest first."""
    page = shipments(site_of(request), identity, text, partner, cursor, limit)
    return listed(request, response, "shipments", page)


def give(request: Request, identity: Operator, asked: Count) -> Ssccs:
    """New SSCCs for another system, such as that of a warehouse. Nobody else gets them."""
    allowed(identity, Permission.OPERATE, None)
    with site_of(request).acting(identity.actor) as services:
        return Ssccs(ssccs=sscc.give(services, plain(asked.prefix), asked.count))


router.add_api_route("/ssccs", give, methods=["POST"], route_class_override=Once)


@router.get("/{document_id}")
def show(request: Request, identity: Reader, document_id: str) -> Shipment:
    """The labels of a shipment, pallets first."""
    site = site_of(request)
    row, found = notice_of(site, identity, document_id)
    known = {name: row[name] for name in ("id", "number", "partner")}
    return Shipment(**known, layout=layout_of(site, row["partner"]), labels=found)


@router.get("/{document_id}/print", response_class=Response)
def print_labels(
    request: Request,
    identity: Reader,
    document_id: str,
    form: Annotated[Form, Query(alias="format")] = "pdf",
    dpi: Annotated[Literal["203", "300"], Query(description="of the printer")] = "203",
    size: Literal["4x6", "a6"] = "4x6",
    layout: Annotated[str, Query(pattern=f"^({'|'.join(LAYOUTS)})?$")] = "",
    sscc: Annotated[str, Query(max_length=20, description="only that of this unit")] = "",
) -> Response:
    """The labels as a file, for a printer."""
    site = site_of(request)
    row, found = notice_of(site, identity, document_id)
    some = [one for one in found if sscc in ("", one.sscc)]
    if not some:
        raise ApiError(404, "The shipment has no unit with this SSCC.")
    content = printed(site, row, some, form, dpi=int(dpi), size=size, layout=layout)
    return Response(content, headers=attachment(f"labels_{row['number']}.{form}"))
