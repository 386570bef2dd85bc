"""Logging in and out, the first set-up, and one's own account."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from gateway.api.access import COOKIE, anybody, same_session, same_site, site_of
from gateway.api.problems import ApiError
from gateway.errors import LogInError, RefusedError
from gateway.services import access
from gateway.services.access import LIFE, Identity
from gateway.store.records import GATEWAY
from gateway.web.render import local, page, see_other

router = APIRouter()
_Who = Annotated[Identity | None, Depends(anybody)]
_Field = Annotated[str, Form(max_length=1000)]


@router.get("/login")
def login_form(request: Request, who: _Who, next: str = "/") -> Response:  # noqa: A002 -- in the address
    """The form, or on to the page if somebody is logged in."""
    if who is not None:
        return see_other(next)
    with site_of(request).acting(GATEWAY) as services:
        if access.needs_set_up(services):
            return see_other("/setup")
    return page(request, "login.html", title="Sign in", next=local(next), name="", error="")


@router.post("/login")
def login(request: Request, name: _Field = "", password: _Field = "", next: _Field = "/") -> Response:  # noqa: A002
    """Begins a session."""
    client = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    same_site(request)
    try:
        with site_of(request).acting(GATEWAY) as services:
            token, _ = access.log_in(services, name, password, agent=agent, address=client)
    except LogInError as error:
        status = 429 if error.seconds else 401
        form = partial(page, request, "login.html", title="Sign in", next=local(next), name=name[:200])
        answer = form(status=status, error=str(error))
        if error.seconds:
            answer.headers["Retry-After"] = str(error.seconds)
        return answer
    return _with_session(see_other(next), token)


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
    client = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    try:
        with site_of(request).acting(GATEWAY) as services:
            access.set_up(services, token, name, password)
            session, _ = access.log_in(services, name, password, agent=agent, address=client)
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


def _mine(who: Identity | None) -> Identity:
    if who is None or who.kind != "user":
        raise ApiError(401)
    return who


def _with_session(answer: Response, token: str) -> Response:
    seconds = int(LIFE.total_seconds())
    answer.set_cookie(COOKIE, token, max_age=seconds, httponly=True, samesite="lax")  # Secure: see Guard
    return answer
