"""Channels: how they are, what waits, and what people do with them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from gateway.api.access import Operator, Reader, site_of
from gateway.api.routes import schedules
from gateway.api.routes.channels import listed, operate
from gateway.errors import NotFoundError, RefusedError
from gateway.services.access import Permission
from gateway.services.partner import owner_of
from gateway.web.render import page, see_other

router = APIRouter()
_Text = Annotated[str, Form(max_length=1000)]
_DONE = {"pause": "is paused", "resume": "goes on", "run": "is seen to now"}


@router.get("/channels")
def channels(request: Request, identity: Reader) -> Response:
    """The ways to partners and to our own system."""
    site = site_of(request)
    settings = site.settings
    plans = {
        row["name"].partition(":")[2]: row["next"][0]["utc"]
        for row in schedules.listed(site, identity)
        if row["next"]
    }
    usual = settings.gateway.schedule.poll_seconds
    every = {name: one.poll_seconds for name, one in settings.servers.items()}
    rows: list[dict[str, Any]] = []
    for row in listed(site, identity):
        name = row["channel"]
        owner = owner_of(settings, name)
        mine = {"owner": owner, "owner_name": settings.partners[owner].name if owner else "Our own system"}
        looks = row["kind"] in ("folder", "SFTP")
        known = {"next": plans.get(name), "every": every.get(name, usual) if looks else None}
        rows.append({**row, **mine, **known, "can": identity.may(Permission.OPERATE, owner)})
    rows.sort(key=lambda one: (not one["failures"], not one["paused_at"]))
    return page(request, "channels.html", title="Channels", json_twin="/api/v1/channels", rows=rows)


@router.post("/channels/{verb}")
def act(request: Request, identity: Operator, verb: str, channel: _Text = "", reason: _Text = "") -> Response:
    """Pauses, resumes or runs a channel."""
    if verb not in _DONE:
        raise NotFoundError(f"Nothing is done by {verb[:20]!r}.")
    if verb != "run" and not reason.strip():
        return see_other("/channels", "Say why: it is kept in the audit.", "error")
    given = {} if verb == "run" else {"reason": reason.strip()}
    try:
        operate(site_of(request), identity, channel, verb, **given)
    except RefusedError as error:
        return see_other("/channels", str(error), "error")
    return see_other("/channels", f"{channel} {_DONE[verb]}.")
