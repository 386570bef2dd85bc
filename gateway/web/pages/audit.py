"""The audit: what happened, whether the record is whole, exports that prove it, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from gateway.api import problems
from gateway.api.access import Auditor, partners_for, site_of
from gateway.api.paging import Cursor, Number, plain
from gateway.api.routes import audit as api
from gateway.api.routes.audit import NewExport
from gateway.errors import EdiError
from gateway.services import history, proof
from gateway.services.access import Identity, Permission
from gateway.services.history import Asked
from gateway.settings import GATEWAY_FILE
from gateway.store.database import reading
from gateway.web.acting import Field, Reason, act
from gateway.web.render import page, see_other

router = APIRouter(prefix="/audit")
_Text = Annotated[str, Query(max_length=200)]
_LIMIT = 50


def _asked(
    identity: Auditor,
    event: _Text = "",
    actor: _Text = "",
    partner: _Text = "",
    message: _Text = "",
    document: _Text = "",
    po: _Text = "",
    cursor: Cursor = None,
) -> Asked:
    texts = {"event": event, "actor": actor, "partner": partner, "message": message, "document": document}
    known: dict[str, Any] = {name: plain(text).strip() for name, text in (texts | {"po": po}).items()}
    return Asked(**known, limit=_LIMIT, cursor=cursor, partners=identity.partners(Permission.AUDIT))


@router.get("")
def entries(
    request: Request,
    identity: Auditor,
    asked: Annotated[Asked, Depends(_asked)],
    since: _Text = "",
    until: _Text = "",
) -> Response:
    """Search over everything that happened."""
    site, wrong = site_of(request), ""
    try:
        asked = replace(asked, since=_day(since), until=_day(until, end=True))
    except ValueError:
        wrong = "Write days as 2026-03-31."
    with reading(site.engine) as connection:
        found = history.entries(connection, asked)
    kept = f"?{request.url.query}" if request.url.query else ""
    more: dict[str, Any] = {"asked": asked, "found": found, "since": since, "until": until, "wrong": wrong}
    known: dict[str, Any] = {
        "events": proof.EVENTS,
        "partners": partners_for(request, identity, Permission.AUDIT),
    }
    twin = "" if since or until else f"/api/v1/audit/entries{kept}"
    return page(
        request, "audit.html", title="Audit", json_twin=twin, **_tabs(request, identity), **more, **known
    )


@router.get("/entries/{seq}")
def entry(request: Request, identity: Auditor, seq: Number) -> Response:
    """One entry, and how it is chained."""
    with reading(site_of(request).engine) as connection:
        found = history.one(connection, seq, identity.partners(Permission.AUDIT))
    twin = f"/api/v1/audit/entries/{seq}"
    return page(request, "audit_entry.html", title=f"Entry {seq}", json_twin=twin, one=found)


@router.get("/check")
def check(request: Request, identity: Auditor) -> Response:
    """The last check of the chain, and the one that runs."""
    known = api.show_check(request, identity)
    twin = "/api/v1/audit/check"
    return page(
        request, "audit_check.html", title="Chain check", json_twin=twin, **_tabs(request, identity), **known
    )


@router.post("/check")
def begin_check(request: Request, identity: Auditor, payloads: Field = "") -> Response:
    """Checks the chain beside the requests."""

    def begin(_: Any) -> str:
        api.check(site_of(request), identity, bool(payloads))
        return "The check has begun. This page tells how far it is."

    return act(request, identity, "/audit/check", begin)


@router.get("/exports")
def exports(request: Request, identity: Auditor) -> Response:
    """Exports of the last day, and the form for another one."""
    return _exports(request, identity, {}, "")


@router.post("/exports")
def make_export(
    request: Request,
    identity: Auditor,
    reason: Reason,
    what: Field = "",
    value: Field = "",
    partner: Field = "",
    since: Field = "",
    until: Field = "",
) -> Response:
    """Makes an export beside the requests."""
    value = plain(value).strip()
    values = {"what": what, "value": value, "partner": partner, "since": since, "until": until}
    try:
        if what not in ("po", "invoice", "message", "period"):
            raise ValueError("Choose what is to be exported.")
        if (what == "period") == bool(value):
            raise ValueError("Give the number or id; for a period or partner leave it empty.")
        times = {"since": _day(since), "until": _day(until, end=True)} if what == "period" else {}
        number = {} if what == "period" else {what: value}
        given = NewExport(**number, **times, partner=partner, reason=reason)  # type: ignore[arg-type]
        api.make_export(site_of(request), identity, given)
    except ValidationError:
        return _exports(request, identity, values, "Something is too long, or cannot be read.")
    except (ValueError, EdiError) as error:
        known = isinstance(error, EdiError) or str(error).startswith(("Choose", "Give"))
        return _exports(request, identity, values, str(error) if known else "Write days as 2026-03-31.")
    return see_other("/audit/exports", "The export is being made. It is listed here until tomorrow.")


def _exports(request: Request, identity: Identity, values: dict[str, str], error: str) -> Response:
    rows = api.exports(site_of(request), identity)
    known: dict[str, Any] = {"rows": rows, "values": values, "error": error}
    known["partners"] = partners_for(request, identity, Permission.AUDIT)
    more: dict[str, Any] = {"json_twin": "/api/v1/audit/exports", "status": 422 if error else 200}
    return page(request, "audit_exports.html", title="Exports", **more, **_tabs(request, identity), **known)


@router.post("/exports/{export_id}/download")
def download(request: Request, identity: Auditor, export_id: str) -> Response:
    """The zip file, once."""
    try:
        return api.download(site_of(request), identity, export_id)
    except EdiError as error:
        return see_other("/audit/exports", str(error), "error")


@router.get("/holds")
def holds(request: Request, identity: Auditor) -> Response:
    """Legal holds, and how long things are kept without one."""
    with site_of(request).acting(identity.actor) as services:
        rows = api.holds(services, identity)
    rules = site_of(request).settings.gateway.retention
    known: dict[str, Any] = {"rows": rows, "rules": rules, "file": site_of(request).home / GATEWAY_FILE}
    more: dict[str, Any] = {"is_all": identity.may(Permission.AUDIT)}
    more["partners"] = partners_for(request, identity, Permission.AUDIT)
    twin, title = "/api/v1/audit/holds", "Holds and retention"
    return page(
        request, "audit_holds.html", title=title, json_twin=twin, **_tabs(request, identity), **known, **more
    )


@router.post("/holds")
def add_hold(
    request: Request,
    identity: Auditor,
    reason: Reason,
    kind: Field = "",
    value: Field = "",
    partner: Field = "",
) -> Response:
    """Keeps what a dispute is about."""

    def add(services: Any) -> str:
        if kind not in ("all", "partner", "message", "number"):
            raise problems.ApiError(422, "Choose what is to be held.")
        what = "" if kind == "all" else partner if kind == "partner" else plain(value).strip()
        row = api.hold(services, identity, kind, what, reason)
        return f"Legal hold {row['seq']} is in force."

    return act(request, identity, "/audit/holds", add)


@router.post("/holds/{hold_id}/release")
def release_hold(request: Request, identity: Auditor, hold_id: Number, reason: Reason) -> Response:
    """Ends a hold."""

    def end(services: Any) -> str:
        api.release(services, identity, hold_id, reason)
        return f"Legal hold {hold_id} has ended."

    return act(request, identity, "/audit/holds", end)


def _tabs(request: Request, identity: Identity) -> dict[str, Any]:
    """The screens of the audit that somebody may open."""
    known = [("Entries", "/audit"), ("Chain check", "/audit/check"), ("Exports", "/audit/exports")]
    known = known if identity.may(Permission.AUDIT) else known[:1]
    known = [*known, ("Holds and retention", "/audit/holds")]
    return {"tabs": [(name, href, None, href == request.url.path) for name, href in known]}


def _day(text: str, *, end: bool = False) -> datetime | None:
    """A day of a form; its end is that of the day after. Raises ValueError."""
    if not text:
        return None
    at = datetime.fromisoformat(text[:10]).replace(tzinfo=UTC)
    if not 1900 <= at.year <= 9000:
        raise ValueError(text)
    return at + timedelta(days=1) if end else at
