"""Documents, the story of an order and acknowledgments, as people of each role see them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.homes import LINE
from tests.orders import interchange, order
from tests.web.browsing import opened
from tests.web.conftest import Served, populate, serve
from tests.web.test_submissions import invoice

ORDER = "7KX2M41Q"
PAGES = ("/documents", "/acknowledgments", "/acknowledgments?status=accepted", f"/chains/{ORDER}")
_RULES = """rules:
  profile: retailer
  change: {I1: off, I2: off, I3: off, I4: off, I13: {severity: warn, invoices: 9}}"""


@pytest.fixture(scope="module")
def site(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The story, with an invoice that waits for a person, one that waits for its 997, and hostile content."""
    home = tmp_path_factory.mktemp("documents") / "home"
    shutil.copytree(story, home)
    with (home / "partners/acme-retail.yaml").open("a") as file:
        file.write(f"\n{_RULES}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        with serve(home) as found:
            populate(found)
            with found.client("operator") as client:
                line = LINE.replace("STEEL KETTLE", "<SCRIPT ALERT")
                content = interchange(4712, [order(1, "<IMG SRC='X", [line]), order(2, "HELD-1", [LINE])])
                hand_over(client, "/api/v1/files?channel=acme-retail&name=h.edi", content=content)
                body = invoice("BILL-1", po_number="HELD-1")
                body["lines"], body["total"] = body["lines"][:1], {"amount": "2208.00"}
                said = hand_over(client, "/api/v1/documents", json=body)
                assert (said["translation"], said["problems"]) == ("translated", [])
                other = invoice("OTHER-1", partner_id="other-retail")
                hand_over(client, "/api/v1/documents", json=other)
            yield found


def hand_over(client: httpx.Client, url: str, **body: object) -> dict[str, object]:
    join = "&" if "?" in url else "?"
    head = {"Idempotency-Key": str(hash(str(body)))}
    answer = client.post(f"{url}{join}wait=20", headers=head, **body)  # type: ignore[arg-type]
    assert answer.status_code == 202, answer.text
    said: dict[str, object] = answer.json()
    return said


def document(site: Served, number: str) -> str:
    """The address of a document."""
    with site.client("viewer") as client:
        rows = client.get("/api/v1/documents", params={"text": number}).json()["documents"]
    return f"/documents/{next(one['id'] for one in rows if one['number'] == number)}"


def test_whoever_may_read_reads(site: Served) -> None:
    held = document(site, "BILL-1")
    for role, sees in (("viewer", True), ("acme-viewer", True), ("other-viewer", False)):
        with site.browser(role) as client:
            for url in PAGES:
                answer = client.get(url)
                assert answer.status_code == (200 if sees or "chains" not in url else 404)
                assert ("Acme Retail" in answer.text) == sees, (role, url)
                assert len(answer.content) < 150_000
            assert client.get(held).status_code == (200 if sees else 404)


def test_only_an_operator_approves(site: Served) -> None:
    url = document(site, "BILL-1")
    with site.browser("viewer") as client:
        assert "Approve…" not in client.get(url).text
        assert client.post(f"{url}/approve", data={"rule": "I13", "reason": "x"}).status_code == 403


def test_filters_find(site: Served) -> None:
    with site.browser("viewer") as client:
        for query, there, absent in (
            ("document_type=invoice", "BILL-1", "7LD93KPA"),
            ("text=HELD-1&partner=&document_type=&since=", "BILL-1", "ES-1077"),
            ("direction=in", ORDER, "ES-1077"),
            ("partner=other-retail", "OTHER-1", "ES-1077"),
            ("until=2001-01-01", "No document is like that", "ES-1077"),
        ):
            text = client.get(f"/documents?{query}").text.partition("<main")[2]
            assert there in text, query
            assert absent not in text, query
        assert client.get("/documents?limit=1").text.count('rel="next"') == 1
        assert "Nothing yet." in client.get("/acknowledgments").text
        assert "OTHER-1" in client.get("/acknowledgments").text


def test_hostile_content_is_text(site: Served) -> None:
    with site.browser("viewer") as client:
        found = client.get("/api/v1/documents?text=%3CIMG+SRC%3D'X").json()["documents"]
        for url in ("/documents", f"/documents/{found[0]['id']}", "/chains/%3CIMG%20SRC%3D'X"):
            text = client.get(url).text
            assert "&lt;IMG SRC=&#39;X" in text
            assert "<IMG" not in text
            assert "<SCRIPT" not in text


@pytest.mark.needs_system
def test_somebody_approves_an_invoice_by_keyboard(site: Served, chromium: Browser) -> None:
    with opened(chromium, site, "operator") as page:
        page.goto("/documents?text=BILL-1&direction=out")
        page.get_by_text("Waits for approval").wait_for()
        tab_to(page, "BILL-1")
        page.keyboard.press("Enter")
        page.get_by_text("Rules stop it").wait_for()
        summary = page.locator("summary", has_text="Approve…")
        summary.focus()
        page.keyboard.press("Enter")
        page.get_by_label("I pass RULE-I13").focus()
        page.keyboard.press("Space")
        page.get_by_label("Reason").fill("agreed by phone")
        page.keyboard.press("Enter")
        page.get_by_role("status").get_by_text("Approved").wait_for()
        assert page.locator("text=Rules stop it").count() == 0
        page.get_by_role("link", name="The whole order").click()
        page.get_by_role("heading", name="Purchase order HELD-1").wait_for()


def tab_to(page: Page, text: str) -> None:
    """Presses Tab until a link with this text has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if (
            page.evaluate("document.activeElement.closest('main') && document.activeElement.innerText")
            == text
        ):
            return
    raise AssertionError(f"{text} is not reached by Tab")
