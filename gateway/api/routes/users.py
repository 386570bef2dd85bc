"""Users of the page, and what they may do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from gateway.api.access import Administrator, site_of
from gateway.api.models import Given, Reason, many, of
from gateway.api.paging import plain, unchanged, with_etag
from gateway.errors import NotFoundError
from gateway.services import access
from gateway.services.access import Grant, Identity, Row
from gateway.services.base import Services

router = APIRouter(prefix="/api/v1/users", tags=["users"])
Text = Annotated[str, Field(max_length=300)]


class Granted(Given):
    """A role, for one partner or for all (`*`)."""

    role: Literal["viewer", "operator", "auditor", "administrator"]
    partner: Text = access.ALL


User = of(
    "User",
    "Somebody who may log in.",
    "id name display disabled_at locked_until subject? created_at changed_at",
    {"grants": list[Granted], "must_change": bool},
)
Users = of("Users", "Users by name.", users=many(User))


class NewUser(Given):
    """A user to be added."""

    name: Text
    password: Text
    display: Text = ""
    grants: list[Granted] = Field(default=[], max_length=1000)
    must_change: bool = True
    reason: Reason


class UserChange(Given):
    """What is to change; what is not said stays (a merge patch)."""

    display: Text | None = None
    grants: list[Granted] | None = Field(default=None, max_length=1000)
    disabled: bool | None = None
    subject: Annotated[str | None, Field(max_length=access.MAX_SUBJECT)] = Field(
        default=None, description="who it is at the OpenID provider; the password is good no more"
    )
    reason: Reason


class NewPassword(Given):
    """Another password. `current`: the one until now, for whoever changes the own."""

    password: Text
    current: Text = ""
    must_change: bool = True
    reason: Reason


@router.get("", response_model=Users)
def list_users(request: Request, identity: Administrator) -> Any:
    """Users by name: all, or those who have roles only for partners that you administer."""
    with site_of(request).acting(identity.actor) as services:
        return {"users": access.list_users(services, by=identity)}


@router.post("", status_code=201, response_model=User)
def add_user(request: Request, response: Response, identity: Administrator, given: NewUser) -> Any:
    """Add a user. A name is given once, so the same again is refused."""
    with site_of(request).acting(identity.actor) as services:
        grants = grants_of(given.grants)
        known = {"display": given.display, "must_change": given.must_change, "reason": given.reason}
        made = access.add_user(services, given.name, given.password, grants, by=identity, **known)  # type: ignore[arg-type]
    response.headers["Location"] = f"{router.prefix}/{made['id']}"
    return made


@router.get("/{user}", response_model=User)
def show_user(request: Request, response: Response, identity: Administrator, user: str) -> Any:
    """One user, by id or name."""
    with site_of(request).acting(identity.actor) as services:
        return with_etag(request, response, found(services, identity, user))


@router.patch("/{user}", response_model=User)
def change_user(request: Request, identity: Administrator, user: str, given: UserChange) -> Any:
    """Change roles or name, or disable a user. Needs `If-Match`."""
    grants = None if given.grants is None else grants_of(given.grants)
    with site_of(request).acting(identity.actor) as services:
        unchanged(request, lambda: found(services, identity, user))
        which = found(services, identity, user)["id"]
        names = ("display", "disabled", "subject", "reason")
        known = {name: getattr(given, name) for name in names}
        return access.change_user(services, which, grants=grants, by=identity, **known)


@router.post("/{user}/password", response_model=User)
def set_password(request: Request, identity: Administrator, user: str, given: NewPassword) -> Any:
    """Give a user another password; what the user has open ends, and refused log-ins are taken again."""
    with site_of(request).acting(identity.actor) as services:
        which = found(services, identity, user)["id"]
        known = {"current": given.current, "must_change": given.must_change, "reason": given.reason}
        return access.set_password(services, which, given.password, by=identity, **known)  # type: ignore[arg-type]


def found(services: Services, identity: Identity, which: str) -> Row:
    """A user that somebody may change; raises NotFoundError."""
    for one in access.list_users(services, by=identity):
        if plain(which) in (one["id"], one["name"]):
            return one
    raise NotFoundError(f"There is no user {plain(which)[:100]}.")


def grants_of(given: list[Granted]) -> list[Grant]:
    """Roles as they are given."""
    return [Grant(one.role, one.partner) for one in given]
