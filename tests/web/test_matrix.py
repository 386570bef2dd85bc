"""Who may do what, of every route there is: a new one without a rule fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from gateway.api.access import SAFE, Needs
from gateway.api.site import Site
from gateway.services.access import ROLES, Permission
from gateway.web.app import make_app
from tests.web import openapi
from tests.web.conftest import ALL_ROLES, Served, grant

PUBLIC = {
    "GET /login", "POST /login", "POST /logout", "GET /setup", "POST /setup", "GET /account",
    "POST /account/password", "POST /theme", "GET /static/{name}", "GET /api/openapi.json",
    "HEAD /api/openapi.json",
    "GET /livez", "GET /readyz", "GET /login/oidc", "GET /login/oidc/callback",
}  # fmt: skip
"""What needs no log-in, or only that somebody is logged in and shows what is their own."""

HTML = {"Accept": "text/html"}
OTHER = "other-retail"


def routes() -> dict[str, Route]:
    """Every route, by method and path."""
    app = make_app(cast("Site", None))
    found = [(path, one) for path, one in _flat(app.routes) if isinstance(one, Route)]
    return {f"{method} {path}": one for path, one in found for method in sorted(one.methods or ())}


def _flat(given: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Routes with their whole paths, also those of routers inside of routers."""
    for one in given:
        yield before + getattr(one, "path", ""), one
        if inner := getattr(one, "original_router", None):
            yield from _flat(inner.routes, before + one.include_context.prefix)


def needed(route: Route) -> Permission | None:
    """The permission that a route needs, wherever among its dependencies it stands."""
    waiting = [route.dependant] if isinstance(route, APIRoute) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one.call, Needs):
            return one.call.permission
        waiting += one.dependencies
    return None


ROUTES = routes()
RULED = sorted(name for name in ROUTES if name not in PUBLIC)


def test_there_are_routes() -> None:
    assert len(ROUTES) > 25
    assert {name for name in ROUTES if name.startswith("POST /api/v1/documents")}


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_every_route_has_a_rule(name: str) -> None:
    assert (needed(ROUTES[name]) is None) == (name in PUBLIC)


def test_what_is_public_is_there() -> None:
    assert set(ROUTES) >= PUBLIC


@pytest.fixture(scope="module")
def clients(served: Served) -> Iterator[dict[str, httpx.Client]]:
    made = {role: served.client(role) for role in ("", *ALL_ROLES)}
    yield made
    for one in made.values():
        one.close()


def call(client: httpx.Client, name: str, **options: Any) -> httpx.Response:
    """A request that reaches the rules of a route; what it asks for is nonsense."""
    method, _, path = name.partition(" ")
    path = re.sub(r"\{[^}]+\}", "nothing", path)
    head = {"Idempotency-Key": uuid4().hex} if method not in SAFE else {}
    return client.request(method, path, headers=head | options.pop("headers", {}), **options)


@pytest.mark.parametrize("name", RULED)
def test_every_role_may_what_it_may(clients: dict[str, httpx.Client], name: str) -> None:
    permission = needed(ROUTES[name])
    assert call(clients[""], name).status_code == 401
    for role in ALL_ROLES:
        status = call(clients[role], name).status_code
        given = grant(role)
        allowed = permission in ROLES[given.role]
        if given.partner == "*":
            assert (status == 403) is not allowed, (role, status)
        else:  # what is nobody's, or everybody's, is not for who has some partners only
            assert allowed or status == 403, (role, status)
        assert status != 401
        assert status < 500, role


def test_people_are_asked_to_log_in(clients: dict[str, httpx.Client]) -> None:
    pages = [name for name in RULED if name.startswith("GET /") and "/api/" not in name]
    assert pages
    for name in pages:
        answer = call(clients[""], name, headers=HTML)
        assert answer.status_code in (303, 401), name  # a program asks for what is no page, such as metrics
        assert answer.headers.get("location", "/login?next=").startswith("/login?next=")


@pytest.fixture(scope="module")
def acme(clients: dict[str, httpx.Client]) -> dict[str, list[str]]:
    """What is of acme-retail, by the parameters that it stands for."""
    api, found = clients["administrator"], {"partner_id": ["acme-retail"], "channel": ["acme-retail"]}
    for noun in ("message", "document"):
        found[f"{noun}_id"] = [row["id"] for row in api.get(f"/api/v1/{noun}s").json()[f"{noun}s"]]
    numbers = api.get("/api/v1/documents").json()["documents"]
    found["number"] = sorted({row["number"] for row in numbers})
    found["seq"] = [str(row["seq"]) for row in api.get("/api/v1/events?since=0").json()["events"]]
    found["name"] = api.get("/api/v1/mappings").json()["mappings"][:1]
    assert all(found.values())
    return found


@pytest.mark.parametrize("name", [one for one in RULED if one.startswith("GET ")])
def test_nothing_of_a_partner_is_shown_to_others(
    clients: dict[str, httpx.Client], acme: dict[str, list[str]], name: str
) -> None:
    """The story is of acme-retail; whoever may see another partner only finds no trace of it anywhere."""
    path, asked = name.partition(" ")[2], {"since": "0"} if "/events" in name else {}
    ids = {one for some in acme.values() for one in some if len(one) > 4} - {*acme["name"]}
    traces = "|".join((r"acme[ -]?retail", *map(re.escape, sorted(ids))))
    given = re.findall(r"\{(\w+)(?::\w+)?\}", path)
    for place in range(2 if given else 1):
        address = path
        for one in given:
            some = acme.get(one, ["1"])
            address = re.sub(rf"\{{{one}[^}}]*\}}", some[min(place, len(some) - 1)], address)
        for more in ({}, {"partner": "acme-retail"}, {"text": "7KX2M41Q", "message": acme["message_id"][0]}):
            answer = clients["other-viewer"].get(address, params=asked | more)
            assert answer.status_code < 500, (address, more)
            said = answer.text
            for one in (*address.split("/"), *more.values()):  # what somebody asks for may be said again
                said = said.replace(one, "") if one not in ("", "1") else said
            assert not re.search(traces, said, re.IGNORECASE), (address, more)
    if not given:
        said = clients["acme-viewer"].get(path, params=asked).text
        assert not re.findall(r"[^\n]{0,80}other[ -]?retail[^\n]{0,80}", said, re.IGNORECASE)


def test_what_is_named_of_another_partner_is_not_there(
    served: Served, clients: dict[str, httpx.Client]
) -> None:
    every, stranger = clients["viewer"], clients["other-viewer"]
    for noun in ("messages", "documents"):
        rows = every.get(f"/api/v1/{noun}").json()[noun]
        assert len(rows) > 5
        for row in rows[:4]:
            for path in ("", "/approve", "/resend", "/raw"):
                method = "POST" if path in ("/approve", "/resend") else "GET"
                key = {"Idempotency-Key": f"x{path}{row['id']}"}
                url = f"/api/v1/{noun}/{row['id']}{path}"
                assert stranger.request(method, url, headers=key).status_code in (403, 404)
    assert stranger.get("/api/v1/chains/7KX2M41Q").status_code == 404
    assert every.get("/api/v1/chains/7KX2M41Q").status_code == 200
    for verb in ("translate", "validate", "inspect", "acknowledge"):
        answer = stranger.post(f"/api/v1/{verb}?partner=acme-retail", content=b"ISA")
        assert answer.status_code == 403


def test_the_committed_description_is_that_of_the_program(served: Served) -> None:
    assert openapi.FILE.read_text() == openapi.text(), "python -m tests.web.openapi writes it anew"
    with served.client() as client:
        shown = client.get("/api/openapi.json").json()
    assert shown["openapi"].startswith("3.1")
    assert {**shown, "info": 0} == {**openapi.description(), "info": 0}


def test_every_operation_says_how_it_fails() -> None:
    for path, methods in openapi.description()["paths"].items():
        for method, one in methods.items():
            assert "default" in one["responses"], f"{method} {path}"
