"""Pictures of the page for the documentation, after the story of `edigw demo`.

``python -m tests.web.screens`` makes all of ``docs/screens`` anew; with names, only these.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from gateway.observability.logging import configure
from gateway.services import access
from gateway.services.access import Grant
from tests.test_docs import ROOT
from tests.web.browsing import browser, opened
from tests.web.conftest import PASSWORD, Served, serve

FOLDER = ROOT / "docs/screens"
MAX_BYTES = 150_000
COLOURS = 128
_ORDER = "7KX2M41Q"
_WRONG = "a[href^='/messages/']:has-text('orders-1003.edi')"
_PAGES = {
    "today": "/",
    "messages": "/messages",
    "message": f"/unprocessed {_WRONG}",
    "x12": f"/unprocessed {_WRONG} a[href$='/x12']",
    "order-story": f"/chains/{_ORDER}",
    "acknowledgments": "/acknowledgments a:text-is('Accepted')",
    "partners": "/partners",
    "partner": "/partners/acme-retail",
    "partner-setup": "/partners/river-retail/setup?step=documents",
    "partner-amazon": "/partners/new?way=api",
    "mapping": f"/messages?text={_ORDER} a[href^='/messages/']:has-text('orders-1001.edi') "
    "a[href$='/trace'] a[href^='/mapping?message='] button:text-is('Preview')",
    "certificates": "/certificates",
    "reconciliation": "/reconciliation",
    "audit": f"/audit?po={_ORDER}",
    "unprocessed": "/unprocessed",
    "today-dark": "/",
    "message-narrow": f"/unprocessed {_WRONG}",
}
"""Addresses, and what is clicked there one after the other."""
_NEW = """\
name: River Retail
identifiers: [{qualifier: ZZ, id: RIVERRETAIL}]
receive: [{set: "850"}]
send: [{set: "855", usage: T}, {set: "856", usage: T}]
"""


def played() -> Path:
    """The home of a demonstration that has ended, and a partner that is not live yet."""
    command = [sys.executable, "-m", "gateway", "demo", "--once", "--keep"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    home = Path(done.stderr.rpartition("The home stays: ")[2].strip())
    (home / "partners/river-retail.yaml").write_text(_NEW)
    return home


def picture(browser: Browser, served: Served, name: str) -> bytes:
    """One page as a PNG of few colours."""
    size = {"width": 380, "height": 800} if name.endswith("-narrow") else {"width": 1280, "height": 800}
    theme = "dark" if name.endswith("-dark") else "light"
    options = {"viewport": size, "color_scheme": theme, "timezone_id": "UTC", "locale": "en-GB"}
    with opened(browser, served, "anna", **options) as page:
        address, *clicks = re.split(r" (?=a:|a\[|button:)", _PAGES[name])
        page.goto(address)
        for one in clicks:
            page.locator(one).locator("visible=true").first.click()
            page.wait_for_load_state()
        shown = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    out = io.BytesIO()
    shown.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def main(names: list[str]) -> None:
    configure(level="error")
    os.environ.pop("EDIGW_WEB_LISTEN", None)
    home = played()
    try:
        with serve(home, works=False) as served, browser() as chromium:
            with served.gateway.acting("user:setup") as services:
                given = (Grant("administrator"),)
                access.add_user(services, "anna", PASSWORD, given, must_change=False, reason="runs it")
            for name in names or _PAGES:
                data = picture(chromium, served, name)
                assert len(data) < MAX_BYTES, f"{name}: {len(data)} bytes"
                (FOLDER / f"{name}.png").write_bytes(data)
                sys.stdout.write(f"{name}: {len(data)} bytes\n")
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main(sys.argv[1:])
