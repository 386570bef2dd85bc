"""The rules of vendors: what each checks and why, what it stopped, and documents held against them."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from gateway.api.access import Reader, partners_for, site_of
from gateway.api.problems import ApiError
from gateway.api.routes import rules
from gateway.api.routes.rules import Check
from gateway.errors import EdiError
from gateway.rules.rule import SENT
from gateway.services.access import Identity
from gateway.services.rules import told
from gateway.web.render import page

router = APIRouter()
_Field = Annotated[str, Form(max_length=1_000_000)]


@router.get("/rules")
def list_rules(
    request: Request,
    identity: Reader,
    partner: Annotated[str, Query(max_length=200)] = "",
    only: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The rules, as they hold for a partner."""
    return _page(request, identity, partner, only)


@router.post("/rules/check")
def check(request: Request, identity: Reader, partner: _Field = "", document: _Field = "") -> Response:
    """Holds a document against the rules of a partner."""
    try:
        given = orjson.loads(document)
        listed = given if isinstance(given, list) else [given]
        found = rules.checked(site_of(request), identity, Check(partner=partner, documents=listed))
    except ValueError as error:  # of JSON, and of the model
        why = (
            str(error)
            if isinstance(error, orjson.JSONDecodeError)
            else "one object in braces, or a list of them"
        )
        return _page(request, identity, partner, "", document=document, why=f"This is no document: {why}.")
    except (ApiError, EdiError) as error:
        return _page(request, identity, "", "", document=document, why=str(error))
    return _page(request, identity, partner, "", document=document, found=found)


def _page(
    request: Request,
    identity: Identity,
    partner: str,
    only: str,
    *,
    document: str = "",
    why: str = "",
    found: list[dict[str, Any]] | None = None,
) -> Response:
    site = site_of(request)
    partners = site.settings.partners
    applied = [told(one) for one in rules.applied(site, identity, partner)]
    stops = rules.stopped(site, identity, partner)
    return page(
        request,
        "rules.html",
        title="Rules",
        status=422 if why else 200,
        json_twin=f"/api/v1/rules?partner={partner}",
        rules=[
            one
            for one in applied
            if (only != "stopped" or one["code"] in stops) and (only != "on" or one["severity"] != "off")
        ],
        total=len(applied),
        stops=stops,
        partner=partner,
        only=only,
        profile=partners[partner].rules.profile if partner in partners else "",
        partners=partners_for(request, identity),
        sent=SENT,
        document=document,
        why=why,
        found=found,
    )
