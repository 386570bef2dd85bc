"""Logging in and out, the first set-up, another password: in a browser, and by whoever tries to get in."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser

from tests.web.browsing import log_in, opened
from tests.web.conftest import PASSWORD, Served


@pytest.mark.needs_system
def test_somebody_logs_in_and_out(served: Served, chromium: Browser) -> None:
    with opened(chromium, served) as page:
        page.goto("/account")
        assert "/login" in page.url
        log_in(page, "viewer")
        assert page.url.endswith("/account")  # where it wanted to
        page.get_by_text("Viewer of all partners").wait_for()
        page.locator("details.user summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.goto("/account")
        assert "/login" in page.url


def test_a_wrong_password_says_no_more_than_that(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=30) as client:
        said = {
            client.post("/login", data={"name": name, "password": "wrong wrong wrong"}).text.count("is wrong")
            for name in ("viewer", "nobody")
        }
        assert said == {1}
        assert "edigw_session" not in client.cookies


def test_a_session_is_new_after_a_login(served: Served) -> None:
    """What somebody put into the browser before is worth nothing (session fixation)."""
    with httpx.Client(base_url=served.url, cookies={"edigw_session": "f" * 64}, timeout=30) as client:
        client.post("/login", data={"name": "viewer", "password": PASSWORD})
        assert [one.value for one in client.cookies.jar if one.name == "edigw_session"][-1] != "f" * 64


def test_a_form_of_another_site_is_refused(served: Served) -> None:
    with served.browser("viewer") as client:
        assert client.post("/logout", data={"csrf": "no"}).status_code == 403
        assert client.get("/account").status_code == 200
        head = {"Origin": "https://evil.example"}
        assert client.post("/logout", data={"csrf": "no"}, headers=head).status_code == 403
    with httpx.Client(base_url=served.url, timeout=30) as client:
        head = {"Sec-Fetch-Site": "cross-site"}
        said = {"name": "viewer", "password": PASSWORD}
        assert client.post("/login", data=said, headers=head).status_code == 403
