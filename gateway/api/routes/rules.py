"""The rules of vendors, and documents held against them without being sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from gateway.api.access import Reader, site_of
from gateway.api.models import Finding, Given, many, of
from gateway.api.paging import plain
from gateway.api.site import Site
from gateway.documents.validation import explain
from gateway.errors import NotFoundError
from gateway.rules.rule import Applied
from gateway.services import rules
from gateway.services.access import Identity, Permission
from gateway.settings import all_rules
from gateway.store.database import reading

router = APIRouter(prefix="/api/v1/rules", tags=["rules"])
MOST = 100


_Rule = of(
    "VendorRule",
    "A rule as it holds for a partner, or by itself.",
    "id code severity what why source hint elsewhere",
    {"documents": list[str], "override": bool, "parameters": dict[str, Any], "stopped": int},
)
_Document = of("CheckedDocument", "What is wrong with it.", "document_type?", problems=list[Finding])
_Checked = of("RulesCheck", "Documents, with what is wrong.", documents=many(_Document))


class Check(Given):
    """Documents that are held against the rules of a partner."""

    partner: str = Field(max_length=200)
    documents: list[dict[str, Any]] = Field(min_length=1, max_length=MOST)


def applied(site: Site, identity: Identity, partner: str) -> tuple[Applied, ...]:
    """The rules of a partner, or without one all as they are by themselves. Raises NotFoundError."""
    if not partner:
        return tuple(Applied(one, one.severity) for one in all_rules().values())
    if partner not in site.settings.partners or not identity.may(Permission.READ, partner):
        raise NotFoundError(f"There is no partner {partner}.")
    return site.settings.rules.get(partner, ())


def checked(site: Site, identity: Identity, asked: Check) -> list[dict[str, Any]]:
    """What is wrong with documents, in the form of `edigw rule check --json`."""
    if asked.partner not in site.settings.partners or not identity.may(Permission.READ, asked.partner):
        raise NotFoundError(f"There is no partner {asked.partner}.")
    found = []
    for one in asked.documents:
        body = {"schema_version": "1", **{k: v for k, v in one.items() if k not in ("partner", "control")}}
        problems = list(explain(body))
        if not problems:
            with site.acting(identity.actor) as services:
                problems = rules.tried(services, asked.partner, body)
        found.append(
            {"document_type": one.get("document_type"), "problems": [two.to_dict() for two in problems]}
        )
    return found


def stopped(site: Site, identity: Identity, partner: str = "") -> dict[str, list[dict[str, Any]]]:
    """What rules stopped lately of a partner, or of all that somebody may see."""
    mine = frozenset((partner,)) if partner else identity.partners(Permission.READ)
    with reading(site.engine) as connection:
        return rules.stopped(connection, mine)


@router.get("", response_model=many(_Rule))
def list_rules(
    request: Request,
    identity: Reader,
    partner: Annotated[str, Query(max_length=200, description="as they hold for this one")] = "",
) -> Any:
    """The rules: what they check, why, who says so, and what they do."""
    site = site_of(request)
    found, stops = applied(site, identity, plain(partner)), stopped(site, identity, plain(partner))
    return [{**rules.told(one), "stopped": len(stops.get(one.rule.code, ()))} for one in found]


@router.post("/check", response_model=_Checked)
def check(request: Request, identity: Reader, asked: Check) -> Any:
    """Hold documents against the rules of a partner, without sending them."""
    return {"documents": checked(site_of(request), identity, asked)}
