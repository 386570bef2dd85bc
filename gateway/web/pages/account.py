"""Logging in and out, the first set-up, and one's own account."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway.api.access import COOKIE, anybody, same_session, same_site, site_of
from gateway.api.problems import ApiError
from gateway.errors import EdiError, LogInError, RefusedError
from gateway.partners.oidc import Oidc
from gateway.secrets import secret
from gateway.services import access
from gateway.services.access import ALL, LIFE, Grant, Identity
from gateway.store.records import GATEWAY
from gateway.transports import oidc
from gateway.web.render import local, page, see_other

router = APIRouter()
_Who = Annotated[Identity | None, Depends(anybody)]
_Field = Annotated[str, Form(max_length=1000)]
_Query = Annotated[str, Query(max_length=4000)]


@router.get("/login")
def login_form(request: Request, who: _Who, next: str = "/") -> Response:  # noqa: A002 -- in the address
    """The form, or on to the page if somebody is logged in."""
    if who is not None:
        return see_other(next)
    with site_of(request).acting(GATEWAY) as services:
        if access.needs_set_up(services):
            return see_other("/setup")
    return _log_in_page(request, local(next))


@router.post("/login")
def login(request: Request, name: _Field = "", password: _Field = "", next: _Field = "/") -> Response:  # noqa: A002
    """Begins a session."""
    same_site(request)
    try:
        with site_of(request).acting(GATEWAY) as services:
            token = access.log_in(services, name, password, **_from(request))
    except LogInError as error:
        status = 429 if error.seconds else 401
        answer = _log_in_page(request, local(next), name[:200], str(error), status)
        if error.seconds:
            answer.headers["Retry-After"] = str(error.seconds)
        return answer
    return _with_session(see_other(next), token)


@router.get("/login/oidc")
def begin_oidc(request: Request, next: str = "/") -> Response:  # noqa: A002
    """On to the OpenID provider, if there is one."""
    state = oidc.State.new(local(next)[:1000])
    answer = RedirectResponse(oidc.address(_provider(request), _callback(request), state), status_code=303)
    kept: dict[str, Any] = {"httponly": True, "samesite": "lax", "path": "/login/oidc"}  # Secure: see Guard
    answer.set_cookie(oidc.COOKIE, state.packed, max_age=600, **kept)
    return answer


@router.get("/login/oidc/callback")
def end_oidc(
    request: Request, code: _Query = "", state: _Query = "", error: _Query = "", iss: _Query = ""
) -> Response:
    """Back from the OpenID provider, with who it is."""
    rules, site = _provider(request), site_of(request)
    kept = oidc.State.of(request.cookies.get(oidc.COOKIE, ""))
    try:
        if kept is None or not kept.is_of(state) or iss not in ("", rules.issuer):
            raise LogInError("This log-in was begun elsewhere, or took too long. Begin again.")
        if error or not code:
            raise LogInError(f"{rules.name} did not let you in: {error[:100] or 'no code'}.")
        key = secret(rules.client_secret, site.home) if rules.client_secret else ""
        who = oidc.claims(rules, key, _callback(request), code, kept, site.now())
        with site.acting(GATEWAY) as services:
            known = str(who.get("preferred_username") or who.get("email") or who["sub"])
            named = (who["sub"], known, _grants(rules, who))
            token = access.log_in_as(services, *named, **_from(request))
        answer = _with_session(see_other(kept.next), token)
    except EdiError as wrong:
        answer = _log_in_page(request, "/", error=str(wrong), status=401)
    answer.delete_cookie(oidc.COOKIE, path="/login/oidc", httponly=True, samesite="lax")
    return answer


def _provider(request: Request) -> Oidc:
    rules = site_of(request).settings.gateway.oidc
    if rules is None:
        raise ApiError(404)
    return rules


def _grants(rules: Oidc, who: dict[str, Any]) -> list[Grant] | None:
    """What the groups of somebody permit; None where administrators say that."""
    groups = who.get(rules.groups_claim)
    named = [one for one in groups if isinstance(one, str)] if isinstance(groups, list) else []
    mine = [rules.roles[one] for one in named if one in rules.roles]
    parts = (one.partition(":") for one in mine)
    return [Grant(role, partner or ALL) for role, _, partner in parts] if rules.create else None


def _callback(request: Request) -> str:
    """Our address for the provider, which knows it beforehand."""
    public = site_of(request).settings.gateway.web.public_url.rstrip("/")
    return f"{public or str(request.base_url).rstrip('/')}/login/oidc/callback"


def _log_in_page(request: Request, next: str, name: str = "", error: str = "", status: int = 200) -> Response:  # noqa: A002
    known: dict[str, Any] = {"next": next, "name": name, "error": error, "status": status}
    return page(request, "login.html", title="Sign in", oidc=site_of(request).settings.gateway.oidc, **known)


@router.get("/setup")
def setup_form(request: Request, token: str = "") -> Response:
    """The form for the first administrator; only with the address that the gateway printed."""
    with site_of(request).acting(GATEWAY) as services:
        if not access.needs_set_up(services):
            return see_other("/login")
    return page(request, "setup.html", title="Set up", token=token[:200], name="", error="")


@router.post("/setup")
def setup(request: Request, token: _Field = "", name: _Field = "", password: _Field = "") -> Response:
    """Makes the first administrator and logs in."""
    same_site(request)
    try:
        with site_of(request).acting(GATEWAY) as services:
            access.set_up(services, token, name, password)
            session = access.log_in(services, name, password, **_from(request))
    except (LogInError, RefusedError) as error:
        form = partial(page, request, "setup.html", title="Set up", token=token[:200], name=name[:200])
        return form(status=422, error=str(error))
    return _with_session(see_other("/", "You are the administrator. Add a partner next."), session)


@router.get("/account")
def account(request: Request, who: _Who) -> Response:
    """Who one is and what one may do; another password."""
    return page(request, "account.html", title="Your account", who=_mine(who), error="")


@router.post("/account/password", dependencies=[Depends(same_session)])
def change_password(request: Request, who: _Who, current: _Field = "", password: _Field = "") -> Response:
    """Another password; the other sessions end."""
    mine, token = _mine(who), request.cookies.get(COOKIE, "")
    try:
        with site_of(request).acting(mine.actor) as services:
            why = "changed by the user"
            access.set_password(services, mine.id, password, reason=why, current=current, keep=token, by=mine)
    except (LogInError, RefusedError) as error:
        return page(request, "account.html", title="Your account", status=422, who=mine, error=str(error))
    return see_other("/account", "Your password is changed, and your other sessions have ended.")


@router.post("/logout", dependencies=[Depends(same_session)])
def logout(request: Request) -> Response:
    """Ends the session."""
    with site_of(request).acting(GATEWAY) as services:
        access.log_out(services, request.cookies.get(COOKIE, ""))
    answer = see_other("/login", "You are signed out.")
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def _from(request: Request) -> dict[str, Any]:
    """Where somebody logs in from."""
    address = request.client.host if request.client else ""
    return {"agent": request.headers.get("user-agent", ""), "address": address}


def _mine(who: Identity | None) -> Identity:
    if who is None or who.kind != "user":
        raise ApiError(401)
    return who


def _with_session(answer: Response, token: str) -> Response:
    seconds = int(LIFE.total_seconds())
    answer.set_cookie(COOKIE, token, max_age=seconds, httponly=True, samesite="lax")  # Secure: see Guard
    return answer
