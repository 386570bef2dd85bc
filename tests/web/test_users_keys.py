"""Users and keys: who sees and changes them, a key that is shown once, and the page in a browser."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.web.browsing import opened, unusable
from tests.web.conftest import PASSWORD, Served

ACME = [{"role": "viewer", "partner": "acme-retail"}]


@pytest.fixture(scope="module")
def of_acme(served: Served) -> dict[str, str]:
    """An administrator of one partner, and the head of requests with its key."""
    from gateway.services import access
    from gateway.services.access import Grant

    with served.gateway.acting("user:test") as services:
        given = [Grant("administrator", "acme-retail")]
        access.add_user(services, "acme-admin", PASSWORD, given, must_change=False, reason="a test")
        text, _ = access.make_key(services, "acme-admin", given, reason="a test")
    return {"Authorization": f"Bearer {text}"}


def user(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "password": PASSWORD, "grants": ACME, "reason": "new here", **more}


@pytest.mark.parametrize("path", ["/users", "/keys", "/users/new", "/keys/new"])
@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
def test_only_administrators_see_them(served: Served, path: str, role: str) -> None:
    with served.browser(role) as client:
        assert client.get(path).status_code == 403
        assert f'href="{path}"' not in client.get("/").text
    with served.client(role) as client:
        assert client.get(f"/api/v1{path.removesuffix('/new')}").status_code == 403
        assert client.post(f"/api/v1{path.removesuffix('/new')}", json={}).status_code == 403


def test_an_administrator_of_a_partner_has_that_partner_only(served: Served, of_acme: dict[str, str]) -> None:
    with httpx.Client(base_url=served.url, headers=of_acme, timeout=30) as client:
        for what in ("users", "keys"):
            found = client.get(f"/api/v1/{what}").json()[what]
            assert {"acme-viewer", "acme-operator", "acme-admin"} <= {one["name"] for one in found}
            assert {grant["partner"] for one in found for grant in one["grants"]} == {"acme-retail"}
        assert client.get("/api/v1/users/viewer").status_code == 404
        assert client.post("/api/v1/users", json=user("carl")).status_code == 201
        wide = user("dora", grants=[{"role": "viewer"}])
        assert client.post("/api/v1/users", json=wide).status_code == 403
        other = user("dora", grants=[{"role": "viewer", "partner": "other-retail"}])
        assert client.post("/api/v1/users", json=other).status_code == 403
        head = {"If-Match": "*"}
        more = {"grants": [{"role": "administrator"}], "reason": "more"}
        assert client.patch("/api/v1/users/carl", json=more, headers=head).status_code == 403
        assert client.patch("/api/v1/users/viewer", json=more, headers=head).status_code == 404
    with served.browser("acme-admin") as client:
        shown = client.get("/users/new").text
        assert "Viewer of Acme" in shown
        assert "All partners" not in shown
        assert "Other Retail" not in shown


def test_a_user_is_changed_only_as_it_was_read(served: Served) -> None:
    with served.client("administrator") as client:
        made = client.post("/api/v1/users", json=user("emil"))
        assert made.status_code == 201, made.text
        url = made.headers["location"]
        assert client.post("/api/v1/users", json=user("emil")).status_code == 409
        tag = client.get(url).headers["etag"]
        change = {"disabled": True, "display": "Emil", "reason": "left"}
        assert client.patch(url, json=change).status_code == 428
        assert client.patch(url, json=change, headers={"If-Match": '"old"'}).status_code == 412
        done = client.patch(url, json=change, headers={"If-Match": tag})
        assert done.status_code == 200, done.text
        assert done.json()["display"] == "Emil"
        assert done.json()["disabled_at"]
        assert client.patch(url, json=change, headers={"If-Match": tag}).status_code == 412


def test_what_is_no_text_is_refused_and_told(served: Served) -> None:
    """Half of a surrogate pair is valid JSON, and no Unicode; NUL is nothing PostgreSQL could keep."""
    head = {"Content-Type": "application/json", "Idempotency-Key": "surrogate", "If-Match": "*"}
    with served.client("administrator") as client:
        message = client.get("/api/v1/messages").json()["messages"][0]["id"]
        for reason in (r"\ud800", r"\u0000 why", "   "):
            body = f'{{"reason": "{reason}"}}'.encode()
            for method, url in (
                ("PATCH", "/api/v1/users/viewer"),
                ("POST", f"/api/v1/messages/{message}/hold"),
            ):
                key = {"Idempotency-Key": f"a{len(reason)}"}
                said = client.request(method, url, content=body, headers=head | key)
                assert said.status_code == 422, said.text
                assert said.json()["errors"][0]["location"]["pointer"] == "/reason"
        name = rb'{"name": "\ud800", "password": "correct horse battery", "reason": "why"}'
        assert client.post("/api/v1/users", content=name, headers=head).status_code == 422


def test_the_audit_takes_any_reason(served: Served) -> None:
    with served.gateway.acting("user:test") as services, services.store.transaction():
        services.store.audit("alert.tested", reason="half \ud800 of it", target="log", result="fine")


def test_a_key_is_shown_once_and_works_until_it_is_revoked(served: Served) -> None:
    asked = {"name": "erp", "grants": ACME, "scopes": ["read"], "days": 30, "reason": "the ERP"}
    with served.client("administrator") as client:
        made = client.post("/api/v1/keys", json=asked)
        assert made.status_code == 201, made.text
        text, key_id = made.json()["key"], made.json()["id"]
        assert text not in client.get("/api/v1/keys").text
        mine = {"Authorization": f"Bearer {text}"}
        assert httpx.get(f"{served.url}/api/v1/messages", headers=mine, timeout=30).status_code == 200
        url, head = f"/api/v1/keys/{key_id}/revoke", {"Idempotency-Key": "revoke"}
        assert client.post(url, json={"reason": "lost"}, headers=head).status_code == 200
        assert httpx.get(f"{served.url}/api/v1/messages", headers=mine, timeout=30).status_code == 401
    stored = b"".join(one.read_bytes() for one in (served.home / "data").glob("gateway.db*"))
    assert text.rpartition("_")[2].encode() not in stored


def test_a_form_that_is_wrong_keeps_what_was_typed(served: Served) -> None:
    with served.browser("administrator") as client:
        csrf = client.get("/users/new").text.partition('name="csrf" value="')[2].partition('"')[0]
        said = {
            "name": "<b>Fritz",
            "password": "short",
            "grant": "viewer:acme-retail",
            "reason": "new",
            "csrf": csrf,
        }
        answer = client.post("/users/new", data=said)
        assert answer.status_code == 422
        assert "&lt;b&gt;Fritz" in answer.text
        assert '"viewer:acme-retail" aria-label="Viewer of Acme Retail" checked' in answer.text
        assert "short" not in answer.text.replace("short of", "")
        wrong = said | {"grant": "viewer", "password": PASSWORD}
        assert client.post("/users/new", data=wrong).status_code == 422
        assert client.post("/users/new", data=said | {"csrf": ""}).status_code == 403
        assert client.post("/users/nobody/disable", data={"reason": "x", "csrf": csrf}).status_code == 404


@pytest.mark.needs_system
def test_an_administrator_adds_a_user_and_makes_a_key(served: Served, chromium: Browser, axe: Path) -> None:
    with opened(chromium, served, "administrator", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto("/users")
        page.get_by_role("link", name="Add a user").click()
        page.get_by_label("Name to log in with").fill("greta")
        page.get_by_label("First password").fill(PASSWORD)
        page.get_by_label("Operator of Acme Retail").focus()
        page.keyboard.press("Space")
        page.get_by_label("Reason").fill("covers Acme")
        page.get_by_role("button", name="Add the user").click()
        page.get_by_text("greta can log in now").wait_for()
        assert page.get_by_label("Operator of Acme Retail").is_checked()
        page.get_by_text("Disable", exact=True).first.click()
        page.get_by_label("Reason").first.fill("left")
        page.get_by_role("button", name="Disable").click()
        page.get_by_text("greta cannot log in any more").wait_for()

        page.goto("/keys/new")
        page.get_by_label("Name").fill("erp-prod")
        page.get_by_label("Viewer of All partners").check()
        page.get_by_label("Reason").fill("the ERP")
        page.get_by_role("button", name="Make the key").click()
        shown = page.locator("#key").inner_text()
        page.get_by_role("button", name="Copy the key").click()
        assert page.evaluate("navigator.clipboard.readText()") == shown
        assert unusable(page, axe) == []
        page.get_by_role("link", name="Done").click()
        assert shown not in page.content()
