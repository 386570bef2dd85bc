"""Alerts: what is open, what was told to whom, and who gets what."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.paging import Cursor, Number, plain
from gateway.api.routes import alerts as api
from gateway.services import alert
from gateway.services.access import Identity, Permission
from gateway.settings import ALERTS_FILE
from gateway.store import alerts as store
from gateway.store.database import reading
from gateway.web.acting import Reason, act
from gateway.web.render import page

router = APIRouter(prefix="/alerts")
_LIMIT = 50


@router.get("")
def alerts(
    request: Request,
    identity: Reader,
    show: Annotated[Literal["open", "all"], Query()] = "open",
    cursor: Cursor = None,
) -> Response:
    """Alerts that nobody takes care of, or all."""
    mine, is_open = identity.partners(Permission.READ), True if show == "open" else None
    with reading(site_of(request).engine) as connection:
        found = store.alerts(connection, is_open=is_open, partners=mine, limit=_LIMIT, cursor=cursor)
    may = {one["partner"] for one in found.rows if identity.may(Permission.OPERATE, one["partner"] or None)}
    known: dict[str, Any] = {"found": found, "show": show, "may": may}
    known["rules"] = site_of(request).settings.alerts.rules
    twin = f"/api/v1/alerts{'?open=true' if is_open else ''}"
    return page(
        request, "alerts.html", title="Alerts", json_twin=twin, tabs=_tabs(request, identity), **known
    )


@router.post("/{alert_id}/acknowledge")
def acknowledge(request: Request, identity: Operator, alert_id: Number, reason: Reason) -> Response:
    """Somebody takes care of an alert."""

    def do(services: Any) -> str:
        api.acknowledged(services, identity, alert_id, reason)
        return f"Alert {alert_id} is yours now; nobody else is told of it."

    return act(request, identity, "/alerts", do)


@router.get("/log")
def log(
    request: Request,
    identity: Reader,
    state: Annotated[Literal["", "pending", "sent", "failed"], Query()] = "",
    cursor: Cursor = None,
) -> Response:
    """What was told to whom, and what could not be."""
    allowed(identity, Permission.READ, None)
    with reading(site_of(request).engine) as connection:
        found = store.notices(connection, state, _LIMIT, cursor)
    known: dict[str, Any] = {"found": found, "state": state, "may": identity.may(Permission.OPERATE)}
    twin = f"/api/v1/alerts/notices?state={state}"
    return page(
        request, "alert_log.html", title="Told", json_twin=twin, tabs=_tabs(request, identity), **known
    )


@router.post("/notices/{notice_id}/resend")
def resend(request: Request, identity: Operator, notice_id: str, reason: Reason) -> Response:
    """Tells a target once more."""
    allowed(identity, Permission.OPERATE, None)
    return act(
        request,
        identity,
        "/alerts/log",
        lambda services: f"{alert.resend(services, plain(notice_id), reason)} is told once more.",
    )


@router.get("/rules")
def rules(request: Request, identity: Reader) -> Response:
    """Who gets what, as the file says."""
    allowed(identity, Permission.READ, None)
    site = site_of(request)
    known: dict[str, Any] = {"file": site.home / ALERTS_FILE, "may": identity.may(Permission.OPERATE)}
    known |= api.rules(site.settings)
    twin = "/api/v1/alerts/rules"
    return page(
        request,
        "alert_rules.html",
        title="Who gets what",
        json_twin=twin,
        tabs=_tabs(request, identity),
        **known,
    )


@router.post("/targets/{target}/test")
def test_target(request: Request, identity: Operator, target: str) -> Response:
    """Tells a target that this is a test."""
    allowed(identity, Permission.OPERATE, None)
    return act(request, identity, "/alerts/rules", lambda services: alert.try_out(services, target))


def _tabs(request: Request, identity: Identity) -> list[tuple[str, str, None, bool]]:
    more = [("Told", "/alerts/log"), ("Who gets what", "/alerts/rules")]
    known = [("Alerts", "/alerts"), *(more if identity.may(Permission.READ) else [])]
    return [(name, href, None, href == request.url.path) for name, href in known]
