"""Which way documents go: the table in words, why, and what another table would have done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import Response

from gateway.api.access import Reader, partners_for, site_of
from gateway.api.problems import ApiError
from gateway.api.routes import routes
from gateway.api.routes.routes import Question, WhatIf
from gateway.documents import KINDS
from gateway.errors import EdiError
from gateway.services.access import Identity, Permission
from gateway.settings import ROUTES_FILE
from gateway.web.render import page

router = APIRouter()
_Field = Annotated[str, Form(max_length=1_000_000)]


@router.get("/routes")
def list_routes(request: Request, identity: Reader) -> Response:
    """The table, and the forms."""
    return _page(request, identity, {})


@router.post("/routes/explain")
def explain(
    request: Request,
    identity: Reader,
    document: _Field = "",
    message: _Field = "",
    partner: _Field = "",
    document_type: _Field = "",
    region: _Field = "",
    size: _Field = "",
    lines: _Field = "",
    at: _Field = "",
    test: _Field = "",
) -> Response:
    """Which way a document goes, and why."""
    asked = {"document": document, "message": message, "partner": partner, "document_type": document_type}
    asked |= {"region": region, "size": size, "lines": lines, "at": at, "test": test}
    try:
        body = routes.document_in(document) if document.strip() else None
        given: dict[str, Any] = {
            "message": message.strip(),
            "partner": partner,
            "document_type": document_type,
        }
        given |= {"region": region.strip(), "bytes": size or 0, "lines": lines or 0, "at": at or None}
        found = routes.decisions(
            site_of(request), identity, Question(document=body, test=bool(test), **given)
        )
    except (ApiError, EdiError, ValidationError) as error:
        return _page(request, identity, asked, why=_words(error))
    return _page(request, identity, asked, found=found)


@router.post("/routes/simulate")
def simulate(
    request: Request, identity: Reader, since: _Field = "", until: _Field = "", table: _Field = ""
) -> Response:
    """What a table would have done."""
    asked = {"since": since, "until": until, "table": table}
    live = table.replace("\r\n", "\n").strip() == _text(request).strip()
    try:
        given: dict[str, Any] = {"since": since or None, "until": until or None}
        found = routes.simulated(
            site_of(request), identity, WhatIf(table=None if live or not table.strip() else table, **given)
        )
    except (ApiError, EdiError, ValidationError) as error:
        return _page(request, identity, asked, why=_words(error))
    return _page(request, identity, asked, what_if=found)


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
    told = [one.message for one in getattr(error, "problems", ())]
    return " ".join([getattr(error, "detail", "") or str(error), *told])


def _text(request: Request) -> str:
    file = site_of(request).home / ROUTES_FILE
    return file.read_text("utf-8", "replace")[:200_000] if file.is_file() else ""


def _page(
    request: Request,
    identity: Identity,
    asked: dict[str, str],
    *,
    why: str = "",
    found: list[dict[str, Any]] | None = None,
    what_if: dict[str, Any] | None = None,
) -> Response:
    whole = identity.may(Permission.READ)
    return page(
        request,
        "routes.html",
        title="Routes",
        status=422 if why else 200,
        json_twin="/api/v1/routes",
        table=routes.table_of(site_of(request), identity),
        partners=partners_for(request, identity),
        kinds=[(one, one.replace("_", " ")) for one in KINDS],
        asked=asked,
        why=why,
        found=found,
        what_if=what_if,
        all_partners=whole,
        text=asked.get("table") or _text(request) if whole else "",
        most=routes.MOST,
    )
