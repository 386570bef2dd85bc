"""Reconciliation: what was paid, what was taken off and why, and what is to come."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.api.access import Operator, Reader, partners_for, site_of
from gateway.api.paging import Number, plain
from gateway.api.routes import reconciliation as api
from gateway.api.routes.reconciliation import Asked, Decision, Part, State, Status, Window, rows
from gateway.reconciliation.account import BUCKETS
from gateway.reconciliation.profile import DECIDABLE, KINDS
from gateway.services import statement
from gateway.services.access import Identity, Permission
from gateway.services.words import words
from gateway.store.database import reading
from gateway.store.queries import Page
from gateway.web import charts
from gateway.web.acting import Field, Reason, act
from gateway.web.charts import Chart
from gateway.web.render import page

router = APIRouter(prefix="/reconciliation")
_Text = Annotated[str, Query(max_length=200)]
_CHARTS = 4
_TONES = ("", "warn", "warn", "error", "error")
_TABS = (
    ("Invoices", "/reconciliation"),
    ("Remittances", "/reconciliation/remittances"),
    ("To be explained", "/reconciliation/lines"),
    ("Claims", "/reconciliation/disputes"),
)


@router.get("")
def accounts(request: Request, identity: Reader, asked: Asked, status: Status = "owed") -> Response:
    """Invoices and what became of them, and the age of what is open."""
    with reading(site_of(request).engine) as connection:
        ages = statement.ageing(connection, asked.partner, identity.partners(Permission.READ))
    found = rows(request, identity, partial(statement.accounts, status=status), asked)
    named = [(one, words(one).capitalize()) for one in statement.ASKED[:-2]]
    statuses = [("owed", "Everything to be paid"), ("", "All"), *named]
    known: dict[str, Any] = {"charts": _charts(ages), "statuses": statuses, "chosen": status}
    return _page(request, identity, "reconciliation.html", f"accounts?status={status}", found, asked, **known)


@router.get("/remittances")
def remittances(request: Request, identity: Reader, asked: Asked, state: State = "") -> Response:
    """Remittances, and what they are made of."""
    found = rows(request, identity, partial(statement.payments, state=state), asked)
    return _page(
        request, identity, "remittances.html", f"remittances?state={state}", found, asked, state=state
    )


@router.get("/lines")
def lines(request: Request, identity: Reader, asked: Asked) -> Response:
    """Lines that nobody can tell."""
    found = rows(request, identity, statement.unclassified, asked)
    may = {one["partner"] for one in found.rows if identity.may(Permission.OPERATE, one["partner"])}
    kinds = [(one, KINDS[one]) for one in DECIDABLE]
    return _page(request, identity, "remittance_lines.html", "lines", found, asked, may=may, kinds=kinds)


@router.post("/lines/{line_id}/classify")
def classify(
    request: Request,
    identity: Operator,
    line_id: Number,
    reason: Reason,
    kind: Field = "",
    account: Field = "",
) -> Response:
    """Says what a line is."""

    def do(services: Any) -> str:
        said = Decision(kind=kind, account=plain(account).strip()[:200] or None, reason=reason)
        was = api.decided(services, identity, line_id, said)
        return f"Line {was['line']} of {was['trace']} is: {KINDS[kind]}."

    return act(request, identity, "/reconciliation/lines", do)


@router.get("/disputes")
def disputes(request: Request, identity: Reader, asked: Asked, state: Window = "open") -> Response:
    """Claims, with until when each may be disputed."""
    found = rows(request, identity, partial(statement.disputes, state=state), asked)
    known: dict[str, Any] = {"state": state, "kinds": KINDS}
    return _page(request, identity, "disputes.html", f"disputes?state={state}", found, asked, **known)


@router.get("/export")
def export_csv(
    request: Request, identity: Reader, what: Literal["lines", "accounts"] = "lines", partner: _Text = ""
) -> Response:
    """The CSV for the finance team."""
    return api.as_csv(site_of(request), identity, plain(partner), what)


@router.get("/numbers/{number}")
def number(request: Request, identity: Reader, number: str, partner: _Text = "") -> Response:
    """One remittance's lines, or one invoice's story."""
    mine, site = identity.partners(Permission.READ), site_of(request)
    with reading(site.engine) as connection:
        told, posted = statement.found(connection, plain(number), plain(partner), mine)
    stories = [
        {
            **statement.account(one),
            "total": one["total"],
            "document": one["document_id"],
            "parts": parts,
            "claims": statement.claims_of(site.settings, one["partner"], parts),
            "move": statement.MOVES.get(one["status"], ""),
        }
        for one, parts in posted
    ]
    paid = [
        {**one, "parts": parts, "sum": sum((each["amount"] for each in parts), Decimal(0))}
        for one, parts in told
    ]
    twin = f"/api/v1/reconciliation/numbers/{quote(plain(number), safe='')}"
    known: dict[str, Any] = {"paid": paid, "stories": stories, "kinds": KINDS}
    title = f"{'Remittance' if paid and not stories else 'Invoice'} {number}"
    return page(request, "reconciled.html", title=title, json_twin=twin, **known)


def _page(
    request: Request, identity: Identity, template: str, twin: str, found: Page, asked: Part, **more: Any
) -> Response:
    more["partners"] = partners_for(request, identity)
    more["tabs"] = [(name, href, None, href == request.url.path) for name, href in _TABS]
    more |= {"title": "Reconciliation", "json_twin": f"{api.router.prefix}/{twin}"}
    return page(request, template, found=found, partner=asked.partner, **more)


def _charts(ages: list[dict[str, Any]]) -> list[Chart]:
    """The age of what is open, a chart for each currency."""
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(BUCKETS, Decimal(0)))
    for one in ages:
        sums[one["currency"]][one["past_due"]] += one["amount"]
    made = []
    for currency, some in sorted(sums.items(), key=lambda one: -sum(one[1].values()))[:_CHARTS]:
        late = sum(some.values()) - some[BUCKETS[0]]
        lines = [
            (name, float(some[name]), f"{some[name]:,.2f} {currency}".strip(), tone)
            for name, tone in zip(BUCKETS, _TONES, strict=True)
        ]
        title = f"Open amounts by age{f', {currency}' if currency else ''}"
        said = f"{sum(some.values()):,.2f} {currency} to come, {late:,.2f} of it past due"
        made.append(charts.bars(title, lines, said, "Past due"))
    return made
