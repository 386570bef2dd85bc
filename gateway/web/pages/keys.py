"""API keys: what programs call the gateway with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from gateway.api.access import Administrator, site_of
from gateway.errors import EdiError, RefusedError
from gateway.services import access
from gateway.services.access import KEY_DAYS, MAX_KEY_DAYS, Identity, Permission
from gateway.web.acting import Field, Fields, Reason, act
from gateway.web.pages.users import grants_of, matrix
from gateway.web.render import page

router = APIRouter(prefix="/keys")
_NONE: list[str] = []
_MEANING = {
    Permission.READ: "look at messages, documents and partners",
    Permission.OPERATE: "resend, reprocess, send documents",
    Permission.ADMINISTER: "users, keys, partners and settings",
    Permission.AUDIT: "look into the audit, and export it",
}


@router.get("")
def keys(request: Request, identity: Administrator) -> Response:
    """All keys that one may revoke."""
    with site_of(request).acting(identity.actor) as services:
        rows = access.list_keys(services, by=identity)
    ended = site_of(request).now().isoformat()
    return page(request, "keys.html", title="API keys", json_twin="/api/v1/keys", rows=rows, ended=ended)


@router.get("/new")
def new_key(request: Request, identity: Administrator) -> Response:
    """The form for another one."""
    values = {"name": "", "days": KEY_DAYS, "scopes": {"read"}, "grants": set()}
    return _form(request, identity, values, "")


@router.post("/new")
def make_key(
    request: Request,
    identity: Administrator,
    reason: Reason,
    name: Field = "",
    days: Annotated[int, Form(ge=0, le=MAX_KEY_DAYS)] = KEY_DAYS,
    scope: Fields = _NONE,
    grant: Fields = _NONE,
) -> Response:
    """Makes a key, and shows it this once."""
    try:
        if unknown := {*scope} - {*Permission}:
            raise RefusedError(f"There is no scope {min(unknown)[:50]!r}.")
        with site_of(request).acting(identity.actor) as services:
            asked = (services, name, grants_of(grant), map(Permission, scope))
            text, made = access.make_key(*asked, days=days, reason=reason, by=identity)
    except EdiError as error:
        values = {"name": name, "days": days, "scopes": {*scope}, "grants": {*grant}}
        return _form(request, identity, values, str(error))
    return page(request, "key_made.html", title="Key made", text=text, one=made)


def _form(request: Request, identity: Identity, values: Mapping[str, Any], error: str) -> Response:
    more = {"values": values, "error": error, "scopes": _MEANING.items(), **matrix(request, identity)}
    return page(request, "key_new.html", title="Make a key", status=422 if error else 200, **more)


@router.post("/{key_id}/revoke")
def revoke_key(request: Request, identity: Administrator, key_id: str, reason: Reason) -> Response:
    """Ends a key."""

    def revoke(services: Any) -> str:
        return f"Key {access.revoke_key(services, key_id, reason=reason, by=identity)['name']} is revoked."

    return act(request, identity, "/keys", revoke)
