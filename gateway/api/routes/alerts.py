"""Alerts: what was told to whom, who takes care of it, and whether people can be told at all."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from gateway.api import models
from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.idempotency import Once
from gateway.api.paging import Cursor, Limit, Number, listed, plain
from gateway.errors import NotFoundError
from gateway.notify.rules import LOG, Rule, Target
from gateway.services import alert
from gateway.services.access import Identity, Permission
from gateway.services.base import Services
from gateway.settings import ALERTS_FILE, Settings
from gateway.store import alerts as store
from gateway.store import tables as t
from gateway.store.database import reading
from gateway.store.queries import Row

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], route_class=Once)
_Facts = (dict[str, Any], Field(default=...))
Alert = models.row_of("Alert", t.alerts, "thing", "facts", facts=_Facts)
Notice = models.row_of("Notice", t.notices, "body", body=_Facts)


_names: Any = list[str]
_Step = models.of("Escalation", "Who is told as well.", after_minutes=float, to=_names)
_Told = models.of(
    "AlertRule",
    "What is told to whom.",
    "name severity zone",
    dict.fromkeys(("events", "partners", "documents", "to", "digest_at"), _names),
    {"digest_minutes": int, "repeat_minutes": float, "critical_at_once": bool},
    escalate=models.many(_Step),
    quiet=models.of("Quiet", "Hours in which nothing is told.", "since until") | None,
)
_Target = models.of("Target", "Whom alerts are told.", "name kind to")
_lists = {"rules": models.many(_Told), "targets": models.many(_Target)}
Rules = models.of("Rules", "Who gets what, as the file says.", "file", **_lists)


@router.get("", response_model=models.page_of("Alerts", "alerts", Alert))
def list_alerts(
    request: Request,
    response: Response,
    identity: Reader,
    open: Annotated[bool | None, Query(description="those nobody acknowledged, or the others")] = None,  # noqa: A002
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """Alerts, the newest first."""
    asked: dict[str, Any] = {"is_open": open, "limit": limit, "cursor": cursor}
    with reading(site_of(request).engine) as connection:
        page = store.alerts(connection, partners=identity.partners(Permission.READ), **asked)
    return listed(request, response, "alerts", page)


@router.get("/notices", response_model=models.page_of("Notices", "notices", Notice))
def list_notices(
    request: Request,
    response: Response,
    identity: Reader,
    state: Literal["", "pending", "sent", "failed"] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """What targets were told, the newest first. Only for all partners: one may be about several."""
    allowed(identity, Permission.READ, None)
    with reading(site_of(request).engine) as connection:
        return listed(request, response, "notices", store.notices(connection, state, limit, cursor))


@router.get("/rules", response_model=Rules)
def show_rules(request: Request, identity: Reader) -> Any:
    """Who gets what, as alerts.yaml says. For whoever sees all partners."""
    allowed(identity, Permission.READ, None)
    site = site_of(request)
    return {"file": str(site.home / ALERTS_FILE), **rules(site.settings)}


def rules(settings: Settings) -> dict[str, list[Row]]:
    """Rules and targets; of these no secrets, as there are only their names."""
    told = {"rules": [_rule(one) for one in settings.alerts.rules]}
    return {
        **told,
        "targets": [*map(_target, settings.alerts.targets), {"name": LOG, "kind": "log", "to": ""}],
    }


def _rule(one: Rule) -> Row:
    said = {name: getattr(one, name) for name in _Told.model_fields}
    steps = [{"after_minutes": each.after_minutes, "to": each.to} for each in one.escalate]
    quiet = {"since": one.quiet.since, "until": one.quiet.until} if one.quiet else None
    return {**said, "escalate": steps, "quiet": quiet}


def _target(one: Target) -> Row:
    kind = "email" if one.email else "webhook"
    return {
        "name": one.name,
        "kind": kind,
        "to": ", ".join(one.email.to) if one.email else one.terms.place[0],
    }


@router.post("/{alert_id}/acknowledge")
def acknowledge(request: Request, identity: Operator, alert_id: Number, why: models.Why) -> models.Done:
    """Take care of an alert: nobody else is told of it."""
    with site_of(request).acting(identity.actor) as services:
        return models.Done(
            id=str(alert_id), done="acknowledge", words=acknowledged(services, identity, alert_id, why.reason)
        )


def acknowledged(services: Services, identity: Identity, number: int, reason: str) -> str:
    """Acknowledges an alert that somebody may see; returns what it says. Raises NotFoundError."""
    mine = identity.partners(Permission.READ)
    with reading(services.store.engine) as connection:
        found = store.alerts(connection, partners=mine, limit=1, cursor=number + 1).rows
    if not found or found[0]["seq"] != number:
        raise NotFoundError(f"There is no alert {number}.")
    allowed(identity, Permission.OPERATE, found[0]["partner"])
    return alert.acknowledge(services, number, reason)


@router.post("/notices/{notice_id}/resend")
def resend(request: Request, identity: Operator, notice_id: str, why: models.Why) -> models.Done:
    """Tell a target once more; a program knows the notice by its id."""
    allowed(identity, Permission.OPERATE, None)
    with site_of(request).acting(identity.actor) as services:
        target = alert.resend(services, plain(notice_id), why.reason)
    return models.Done(id=notice_id, done="resend", words=f"{target} is told once more.")


@router.post("/targets/{target}/test")
def test_target(request: Request, identity: Operator, target: str) -> models.Done:
    """Tell a target now that this is a test; a webhook that answered 410 is on again if it takes it."""
    allowed(identity, Permission.OPERATE, None)
    with site_of(request).acting(identity.actor) as services:
        return models.Done(id=target, done="test", words=alert.try_out(services, target))
