"""A real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.web.conftest import PASSWORD, Served

CHROMIUM = shutil.which("chromium")
MISSING = "no Chromium on this machine (Debian: chromium)"
_QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "extensions")
FLAGS = ("--no-sandbox", "--no-first-run", *(f"--disable-{one}" for one in _QUIET))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield made
        finally:
            made.close()


@contextmanager
def opened(browser: Browser, served: Served, role: str = "", **options: Any) -> Iterator[Page]:
    """A new window; of somebody who is logged in, if a role is named.

    Fails at its end if a page had an error: of a script, of the content security policy, or a missing file.

    Args:
        options: of Playwright's ``new_context``, as ``java_script_enabled`` or ``color_scheme``.
    """
    context = browser.new_context(base_url=served.url, **options)
    context.set_default_timeout(30_000)
    page = context.new_page()
    wrong = watched(page)
    try:
        if role:
            log_in(page, role)
        yield page
        assert not wrong, wrong
    finally:
        context.close()


def watched(page: Page) -> list[str]:
    """What goes wrong in a window from now on: of scripts, of the policy, and files that are not there."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_wrong(said) else None)
    return wrong


def _is_wrong(said: ConsoleMessage) -> bool:
    # A form that comes back with what is to be corrected is no error of the page.
    return said.type == "error" and "status of 422" not in said.text


def log_in(page: Page, role: str) -> None:
    """Fills in the form, as a person does."""
    if "/login" not in page.url:
        page.goto("/login")
    page.get_by_label("Name").fill(role)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def unusable(page: Page, axe: Path, **options: Any) -> list[str]:
    """What axe-core finds on the page that is open: rule, how bad, and where.

    Args:
        options: of axe-core, as ``rules``.
    """
    page.wait_for_load_state()
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.read_text("utf-8"))
    asked = {"resultTypes": ["violations"], **options}
    found = page.evaluate("async asked => (await axe.run(asked)).violations", asked)
    return [
        f"{one['id']} ({one['impact']}): {json.dumps(node['target'])}"
        for one in found
        for node in one["nodes"]
    ]


def picture(page: Page, name: str, folder: Path) -> None:
    """A screenshot of the whole page."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
