"""What runs when, and what is due until when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from gateway.api.access import Operator, Reader, site_of
from gateway.api.paging import plain
from gateway.api.routes import schedules
from gateway.errors import RefusedError
from gateway.services.access import Permission
from gateway.web.render import page, see_other

router = APIRouter()
_Text = Annotated[str, Form(max_length=1000)]
_SHOWN = 100


@router.get("/schedule")
def schedule(request: Request, identity: Reader, partner: str = "") -> Response:
    """Polls and batch windows with times of their own, and deadlines."""
    site, name = site_of(request), plain(partner)[:50]
    rows = schedules.listed(site, identity, 3)
    for row in rows:
        row["can"] = identity.may(Permission.OPERATE, schedules.owner(site, row["name"]))
    missed, due = (schedules.deadlines(site, identity, one, name, _SHOWN) for one in (True, False))
    return page(
        request,
        "schedule.html",
        title="Schedule",
        json_twin="/api/v1/schedules",
        rows=rows,
        missed=missed,
        due=due,
        shown=_SHOWN,
        partner=name,
        poll_seconds=site.settings.gateway.schedule.poll_seconds,
        can=lambda partner: identity.may(Permission.OPERATE, partner or None),
    )


@router.post("/schedule/run")
def run(request: Request, identity: Operator, name: _Text = "", reason: _Text = "") -> Response:
    """Runs something now."""
    if not reason.strip():
        return see_other("/schedule", "Say why: it is kept in the audit.", "error")
    schedules.run(site_of(request), identity, name, reason.strip())
    return see_other("/schedule", f"{name} runs now.")


@router.post("/schedule/cancel")
def cancel(
    request: Request,
    identity: Operator,
    number: Annotated[int, Form(ge=1, le=999_999_999)],
    reason: _Text = "",
) -> Response:
    """Ends a deadline."""
    try:
        if not reason.strip():
            raise RefusedError("Say why: it is kept in the audit.")
        schedules.cancel(site_of(request), identity, number, reason.strip())
    except RefusedError as error:
        return see_other("/schedule", str(error), "error")
    return see_other("/schedule", "The deadline has ended.")
