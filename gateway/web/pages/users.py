"""Users: who may log in, and to do what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from gateway.api.access import Administrator, partners_for, site_of
from gateway.api.routes.users import found
from gateway.errors import EdiError, RefusedError
from gateway.services import access
from gateway.services.access import ROLES, Grant, Identity, Permission
from gateway.web.acting import Field, Fields, Reason, act
from gateway.web.render import page, see_other

router = APIRouter(prefix="/users")
_NONE: list[str] = []


@router.get("")
def users(request: Request, identity: Administrator) -> Response:
    """All users that one may change."""
    with site_of(request).acting(identity.actor) as services:
        rows = access.list_users(services, by=identity)
    return page(request, "users.html", title="Users", json_twin="/api/v1/users", rows=rows)


@router.get("/new")
def new_user(request: Request, identity: Administrator) -> Response:
    """The form for another one."""
    return _form(request, identity, {"name": "", "display": "", "grants": set()}, "")


@router.post("/new")
def add_user(
    request: Request,
    identity: Administrator,
    reason: Reason,
    name: Field = "",
    display: Field = "",
    password: Field = "",
    grant: Fields = _NONE,
    lasting: Field = "",
) -> Response:
    """Adds a user."""
    try:
        with site_of(request).acting(identity.actor) as services:
            known = {"display": display, "must_change": not lasting, "reason": reason, "by": identity}
            made = access.add_user(services, name, password, grants_of(grant), **known)  # type: ignore[arg-type]
    except EdiError as error:
        return _form(request, identity, {"name": name, "display": display, "grants": {*grant}}, str(error))
    later = "" if lasting else " The password has to be changed at the first log-in."
    return see_other(f"/users/{made['id']}", f"{made['name']} can log in now.{later}")


def _form(request: Request, identity: Identity, values: Mapping[str, Any], error: str) -> Response:
    more = {"values": values, "error": error, **matrix(request, identity)}
    return page(request, "user_new.html", title="Add a user", status=422 if error else 200, **more)


@router.get("/{user}")
def user(request: Request, identity: Administrator, user: str) -> Response:
    """One user, and what can be changed."""
    with site_of(request).acting(identity.actor) as services:
        one = found(services, identity, user)
    return page(
        request,
        "user.html",
        title=one["display"] or one["name"],
        json_twin=f"/api/v1/users/{one['id']}",
        one=one,
        is_me=(identity.kind, identity.id) == ("user", one["id"]),
        oidc=site_of(request).settings.gateway.oidc,
        given={f"{each['role']}:{each['partner']}" for each in one["grants"]},
        **matrix(request, identity),
    )


@router.post("/{user}/roles")
def change_roles(
    request: Request,
    identity: Administrator,
    user: str,
    reason: Reason,
    grant: Fields = _NONE,
    display: Field = "",
    subject: Annotated[str | None, Form(max_length=1000)] = None,
) -> Response:
    """Other roles, another name for people, or another way to log in."""

    def change(services: Any) -> str:
        known: dict[str, Any] = {"display": display, "subject": subject, "reason": reason, "by": identity}
        row = access.change_user(services, user, grants=grants_of(grant), **known)
        return f"{row['name']} is changed."

    return act(request, identity, f"/users/{user}", change)


@router.post("/{user}/password")
def set_password(
    request: Request, identity: Administrator, user: str, reason: Reason, password: Field = ""
) -> Response:
    """Another password, for somebody who lost it."""

    def change(services: Any) -> str:
        row = access.set_password(services, user, password, reason=reason, by=identity)
        return f"{row['name']} has a new password, to be changed at the next log-in."

    return act(request, identity, f"/users/{user}", change)


@router.post("/{user}/disable")
def disable(request: Request, identity: Administrator, user: str, reason: Reason) -> Response:
    """Lets somebody in no more."""

    def change(services: Any) -> str:
        return f"{access.disable(services, user, reason=reason, by=identity)['name']} cannot log in any more."

    return act(request, identity, f"/users/{user}", change)


@router.post("/{user}/enable")
def enable(request: Request, identity: Administrator, user: str, reason: Reason) -> Response:
    """Lets somebody in again."""

    def change(services: Any) -> str:
        row = access.disable(services, user, disabled=False, reason=reason, by=identity)
        return f"{row['name']} can log in again."

    return act(request, identity, f"/users/{user}", change)


def matrix(request: Request, identity: Identity) -> dict[str, Any]:
    """What a form of roles shows: the roles, and the partners for which somebody may give them."""
    whole = [("*", "All partners")] if identity.may(Permission.ADMINISTER) else []
    return {"roles": [*ROLES], "partners": whole + partners_for(request, identity, Permission.ADMINISTER)}


def grants_of(given: Iterable[str]) -> list[Grant]:
    """Roles as the form gives them, as `operator:acme`. Raises RefusedError."""
    found = []
    for one in given:
        role, colon, partner = one.partition(":")
        if not colon:
            raise RefusedError(f"{one[:50]!r} is no role of a partner.")
        found.append(Grant(role, partner))
    return found
