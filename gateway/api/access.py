"""Who asks, and whether that is allowed: API keys and the sessions of the page."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.errors import LogInError
from gateway.services import access
from gateway.services.access import Identity, Permission
from gateway.store.records import GATEWAY

COOKIE = "edigw_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def site_of(request: Request) -> Site:
    """The gateway that is shown."""
    return cast("Site", request.app.state.site)


class Needs:
    """A dependency: lets in who has a permission, for at least one partner, and returns who it is.

    Whether it reaches the partner at hand is asked with ``identity.may(permission, partner)``.
    """

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Identity:
        identity = await identify(request)
        if identity is None:
            raise ApiError(401)
        await check_origin(request, identity)
        if identity.must_change:
            raise ApiError(403, "Change your password first.", code="HTTP-PASSWORD")
        if identity.partners(self.permission) == frozenset():
            raise ApiError(403, f"This needs the permission to {self.permission}.")
        return identity


def needs(permission: Permission) -> Callable[..., Identity]:
    """The dependency for a permission; see :class:`Needs`."""
    return cast("Callable[..., Identity]", Needs(permission))


Reader = Annotated[Identity, Depends(needs(Permission.READ))]
Operator = Annotated[Identity, Depends(needs(Permission.OPERATE))]
Administrator = Annotated[Identity, Depends(needs(Permission.ADMINISTER))]
Auditor = Annotated[Identity, Depends(needs(Permission.AUDIT))]


async def anybody(request: Request) -> Identity | None:
    """A dependency for what is open to all: who asks, if that is known."""
    return await identify(request)


async def same_session(request: Request) -> None:
    """A dependency for forms of whoever is logged in: they come from our page."""
    if (identity := await identify(request)) is not None:
        await check_origin(request, identity)


async def identify(request: Request) -> Identity | None:
    """Who asks; None if nobody is logged in. Raises LogInError for a key that is none."""
    if not hasattr(request.state, "identity"):
        request.state.identity = await run_in_threadpool(_identity, request)
    return cast("Identity | None", request.state.identity)


def _identity(request: Request) -> Identity | None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = request.cookies.get(COOKIE, "")
    if scheme and (scheme.lower() != "bearer" or not given):
        raise ApiError(401, "Only API keys are taken: `Authorization: Bearer edigw_...`.")
    if not (given or token):
        return None
    with site_of(request).acting(GATEWAY) as services:
        if given:
            return access.of_key(services, given.strip())
        try:
            return access.of_session(services, token)
        except LogInError:  # it ended: as if there was none
            return None


async def check_origin(request: Request, identity: Identity) -> None:
    """Refuses what another site lets a browser send (CSRF). Raises ApiError (403).

    A browser sends its cookie with everything; only our pages know the token of the session.
    """
    if request.method in SAFE or identity.kind != "user":
        return
    same_site(request)
    given = request.headers.get("x-csrf-token", "")
    kind = request.headers.get("content-type", "")
    if not given and kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        said = (await request.form()).get("csrf", "")
        given = said if isinstance(said, str) else ""
    if not hmac.compare_digest(given.encode(), identity.csrf.encode()):
        raise ApiError(403, "The form is too old. Load the page again.", code="HTTP-CSRF")


def same_site(request: Request) -> None:
    """Refuses what a browser says another site sent; all that protects forms without a session."""
    origin = request.headers.get("origin", "")
    public = site_of(request).settings.gateway.web.public_url
    ours = {request.headers.get("host", ""), urlsplit(public).netloc} - {""}
    foreign = request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}
    if foreign or (origin and urlsplit(origin).netloc not in ours):
        raise ApiError(403, "This request comes from another site.", code="HTTP-CSRF")


def partners_for(
    request: Request, identity: Identity, permission: Permission = Permission.READ
) -> list[tuple[str, str]]:
    """Ids and names of the partners with which somebody may do something, by their names."""
    mine, known = identity.partners(permission), site_of(request).settings.partners
    found = ((id_, one.name) for id_, one in known.items() if mine is None or id_ in mine)
    return sorted(found, key=lambda one: (one[1].casefold(), one[0]))


def allowed(identity: Identity, permission: Permission, partner: str | None) -> None:
    """Raises ApiError (403) unless somebody may do this with what belongs to a partner, or to none."""
    if not identity.may(permission, partner or None):
        whose = f"for {partner}" if partner else "for all partners"
        raise ApiError(403, f"This needs the permission to {permission} {whose}.")
