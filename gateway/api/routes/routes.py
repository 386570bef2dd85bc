"""Which way documents go, and why; nothing is stored or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from fastapi import APIRouter, Request
from pydantic import Field

from gateway.api.access import Reader, allowed, site_of
from gateway.api.models import Given, many, of
from gateway.api.paging import Moment
from gateway.api.problems import ApiError
from gateway.api.routes.messages import found
from gateway.api.site import Site
from gateway.documents import KINDS
from gateway.partners.partner import Partners
from gateway.routing.check import check
from gateway.routing.table import Facts, Table, explain
from gateway.services import route
from gateway.services.access import Identity, Permission
from gateway.settings import read_routes
from gateway.store import queries
from gateway.store.database import reading

router = APIRouter(prefix="/api/v1/routes", tags=["routes"])
MOST = 500
"""Documents of the past that are looked at."""


class Question(Given):
    """A document that would be sent, a message that was, or what is known of a document."""

    document: dict[str, Any] | None = None
    message: str = Field(default="", max_length=200)
    partner: str = Field(default="", max_length=200)
    document_type: str = Field(default="", max_length=200)
    region: str = Field(default="", max_length=200)
    test: bool = False
    bytes: int = Field(default=0, ge=0, le=1 << 40)
    lines: int = Field(default=0, ge=0, le=1 << 40)
    at: Moment | None = Field(default=None, description="as if it were then; default: now")


class WhatIf(Given):
    """Documents of a time, and the table that is to decide on them."""

    since: Moment | None = Field(default=None, description="default: 7 days ago")
    until: Moment | None = None
    table: str | None = Field(default=None, max_length=200_000, description="YAML instead of routes.yaml")


_Finding = of("RouteFinding", "What is to be known of the table.", "code rule words", is_note=bool)
_route: Any = {"number": int, "to": list[str], "fallback": list[str], "pin": bool}
_Route = of("Route", "A rule of the table.", "name words", **_route, findings=many(_Finding))
_Table = of("Table", "The table.", "zone", routes=many(_Route), findings=many(_Finding))
_Passed = of("Passed", "A rule that was passed over.", "rule why", rule_number=int)
_Decided = of(
    "Decided",
    "Which way a document goes, and why.",
    "document_type number partner way reason rule code",
    {"rule_number": int, "fallback": bool, "passed": many(_Passed)},
)
_By = of("ByRule", "What goes by a rule.", "rule way", rule_number=int, documents=int)
_change = "partner document_type number sent_in went way rule why"
_Change = of("RouteChange", "A document that would go another way.", _change)
_Simulated = of(
    "Simulated",
    "What a table would have done.",
    {"documents": int, "left_out": int, "changed": int, "by_rule": many(_By), "changes": many(_Change)},
)


def hidden(table: Table, identity: Identity) -> frozenset[str]:
    """Names of rules for partners of which somebody may see nothing: not even they are told."""
    mine = identity.partners(Permission.READ)
    return frozenset(one.name for one in table.rules if mine is not None and one.partners - mine)


def table_of(site: Site, identity: Identity) -> dict[str, Any]:
    """The rules that concern what somebody may see, in order, and what is wrong with the table."""
    mine, table = identity.partners(Permission.READ), Table(site.settings.routes)
    secret = hidden(table, identity)
    findings = [asdict(one) for one in check(table, site.settings.partners, site.now().year)]
    findings = [one for one in findings if not any(repr(name) in one["words"] for name in secret)]
    rows = []
    for rule in table.rules:
        if rule.name in secret:
            continue
        about = [one for one in findings if one["rule"] == rule.name]
        ways = {"to": list(rule.to), "fallback": list(rule.fallback)}
        known = {"number": rule.number, "name": rule.name, "words": route.in_words(rule), **ways}
        rows.append({**known, "pin": rule.pin, "findings": about})
    whole = [one for one in findings if not one["rule"]] if mine is None else []
    return {"zone": site.settings.routes.zone, "routes": rows, "findings": whole}


def seen_partners(site: Site, identity: Identity) -> Partners:
    """The partners that somebody may see."""
    mine, known = identity.partners(Permission.READ), site.settings.partners
    return known if mine is None else Partners(one for one in known.values() if one.id in mine)


def decisions(site: Site, identity: Identity, asked: Question) -> list[dict[str, Any]]:
    """Which way documents go, in the form of `edigw route explain --json`. Raises ApiError, EdiError."""
    partners, time = seen_partners(site, identity), asked.at or site.now()
    known: list[tuple[str, Facts]] = []
    with reading(site.engine) as connection:
        if asked.message:
            message = found(site, identity, asked.message)
            for row in queries.sent_documents(connection, None, None, message["id"]):
                partner = partners.get(row["partner"])
                if partner and row["body"]:
                    known.append((row["number"], route.stored_facts(connection, partner, row, time)))
            if not known:
                raise ApiError(404, "No document of this message was sent to a partner.")
        elif asked.document is not None:
            known.append(route.asked(connection, partners, asked.document, time))
        else:
            partner = partners.get(asked.partner)
            if partner is None or asked.document_type not in KINDS:
                raise ApiError(422, "Name a partner and a document_type, a message, or a document.")
            given: Mapping[str, Any] = asked.model_dump(
                include={"document_type", "region", "test", "bytes", "lines"}
            )
            now = route.ways(connection, partner)
            known.append(("", Facts(partner=partner.id, time=time, ways=now, **given)))
    table, decided = Table(site.settings.routes), list[dict[str, Any]]()
    secret = hidden(table, identity)
    for number, facts in known:
        about = {"document_type": facts.document_type, "number": number, "partner": facts.partner}
        told = asdict(explain(table, facts))
        told["passed"] = [one for one in told["passed"] if one["rule"] not in secret]
        decided.append(about | told)
    return decided


def simulated(site: Site, identity: Identity, asked: WhatIf) -> dict[str, Any]:
    """What a table would have done, as `edigw route simulate --json`. Raises ApiError, EdiError."""
    allowed(identity, Permission.READ, None)
    since = asked.since or site.now() - timedelta(days=7)
    routes = site.settings.routes
    if asked.table is not None:
        with TemporaryDirectory(dir=site.home / "data") as folder:
            path = Path(folder, "routes.yaml")
            path.write_text(asked.table, "utf-8", "replace")
            routes = read_routes(path)
    with reading(site.engine) as connection:
        return route.simulate(connection, Table(routes), site.settings.partners, since, asked.until, MOST)


@router.get("", response_model=_Table)
def list_routes(request: Request, identity: Reader) -> Any:
    """The table: rules in order, in words, and what is wrong with them (`edigw route check`)."""
    return table_of(site_of(request), identity)


@router.post("/explain", response_model=many(_Decided))
def explain_route(request: Request, identity: Reader, asked: Question) -> Any:
    """Which rule a document is sent by, and why the rules before it are not for it."""
    return decisions(site_of(request), identity, asked)


@router.post("/simulate", response_model=_Simulated)
def simulate(request: Request, identity: Reader, asked: WhatIf) -> Any:
    """What a table would have done with the first 500 documents that were sent since a time."""
    return simulated(site_of(request), identity, asked)


def document_in(text: str) -> dict[str, Any]:
    """A document as a person pastes it. Raises ApiError (422)."""
    try:
        given = orjson.loads(text)
    except ValueError as error:
        raise ApiError(422, f"This is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise ApiError(422, "A document is an object in braces.")
    return given
