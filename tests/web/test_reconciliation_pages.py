"""Reconciliation on the page and over REST: what was paid, what is to come, and what a person has to say."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from gateway.app import Gateway
from gateway.settings import load
from tests.homes import set_in
from tests.remittances import invoice, line, remittance, take
from tests.web.browsing import opened
from tests.web.conftest import Served

API = "/api/v1/reconciliation"
FORMULA = '=HYPERLINK("http://evil.example")'
MARKUP = "<script>alert(1)</script>"
LETTERS = ("LETTER-1", "LETTER-2")
"""Lines that are no one's until a test says what they are."""
TODAY = datetime.now(UTC).date()


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


@pytest.fixture(scope="module")
def story(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story, with a quarter of payments of the partner, and an invoice to the other one."""
    home = tmp_path_factory.mktemp("paid") / "home"
    shutil.copytree(story, home)
    for name in ("acme", "other"):
        named = f"name: {name.capitalize()}"
        set_in(home, f"partners/{name}-retail.yaml", named, f"reconciliation: amazon\n{named}")
    bills = [
        invoice("A-100", "1000.00", ago(45)),
        invoice("A-101", "500.00", ago(80)),
        invoice("A-102", "250.00", ago(10)),
        invoice("A-103", "80.00", ago(160)),
    ]
    paid = [
        remittance("9001", ago(20), [line("A-101", "500.00")]),
        remittance(
            "9002", ago(3), [line("A-100", "1000.00"), line("A-100SC", "-120.00"), line("ZZTOP-9", "-7.25")]
        ),
        remittance("9003", ago(2), [line("A-102", "250.00"), line(FORMULA, "-1.00"), line(MARKUP, "-2.00")]),
        remittance("9004", ago(2), [line(one, "-3.00") for one in LETTERS]),
    ]
    with Gateway(home, load(home), works=False) as gateway, closing(gateway.services.store):
        take(gateway, [*bills, *paid])
        take(gateway, [invoice("O-1", "77.00", ago(100), partner_id="other-retail")], "other-retail")
    return home


@pytest.fixture(scope="module")
def viewer(served: Served) -> Iterator[httpx.Client]:
    with served.client("viewer") as client:
        yield client


def test_accounts_come_by_state_and_in_pages(viewer: httpx.Client) -> None:
    def numbers(query: str) -> list[str]:
        return [one["number"] for one in viewer.get(f"{API}/accounts?{query}").json()["accounts"]]

    assert numbers("status=owed&partner=acme-retail") == ["ES-1077", "A-103", "A-100"]
    assert numbers("status=past_due") == ["ES-1077", "A-103", "O-1", "A-100"]
    assert {"A-101", "A-102"} <= {*numbers("status=paid")}
    assert viewer.get(f"{API}/accounts?status=nonsense").status_code == 422
    whole, url = [], f"{API}/accounts?limit=2"
    while url:
        answer = viewer.get(url)
        whole += [one["number"] for one in answer.json()["accounts"]]
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert whole == numbers("limit=1000")
    assert len(whole) == len({*whole}) > 5


def test_open_amounts_have_an_age(viewer: httpx.Client) -> None:
    ages = {
        (one["partner"], one["past_due"]): (one["invoices"], one["amount"])
        for one in viewer.get(f"{API}/ageing").json()["ageing"]
    }
    assert ages[("acme-retail", "over 90 days")] == (2, "100.00")  # and that of the demo
    assert ages[("acme-retail", "1-30 days")] == (1, "120.00")
    assert ages[("other-retail", "61-90 days")] == (1, "77.00")


def test_a_remittance_and_an_invoice_tell_their_story(viewer: httpx.Client) -> None:
    (one,) = viewer.get(f"{API}/numbers/9002").json()["remittances"]
    assert [(part["reference"], part["amount"]) for part in one["parts"]] == [
        ("A-100", "1000.00"),
        ("A-100SC", "-120.00"),
        ("ZZTOP-9", "-7.25"),
    ]
    (one,) = viewer.get(f"{API}/numbers/A-100").json()["accounts"]
    assert (one["status"], one["balance"], len(one["parts"])) == ("short_paid", "120.00", 2)
    assert viewer.get(f"{API}/numbers/no%00thing").status_code == 404
    rows = {one["trace"]: one["kinds"] for one in viewer.get(f"{API}/remittances").json()["remittances"]}
    assert rows["9002"]["shortage_claim"] == {"parts": 1, "amount": "-120.00"}
    claims = viewer.get(f"{API}/disputes").json()["disputes"]
    assert [
        (one["number"], one["account"], one["amount"]) for one in claims if one["number"] not in LETTERS
    ] == [("A-100SC", "A-100", "-120.00")]


def test_a_partner_sees_its_own_only(served: Served) -> None:
    with served.client("other-viewer") as client:
        assert [one["number"] for one in client.get(f"{API}/accounts").json()["accounts"]] == ["O-1"]
        for path in ("lines", "remittances", "disputes"):
            assert client.get(f"{API}/{path}").json()[path] == []
        assert {one["partner"] for one in client.get(f"{API}/ageing").json()["ageing"]} == {"other-retail"}
        assert client.get(f"{API}/numbers/A-100").status_code == 404
        assert "A-100" not in client.get(f"{API}/export?what=accounts").text
        assert len(client.get(f"{API}/export").text.splitlines()) == 1
    with served.browser("other-viewer") as client:
        for path in ("", "?status=", "/remittances", "/lines", "/disputes", "/numbers/O-1"):
            answer = client.get(f"/reconciliation{path}")
            assert answer.status_code == 200
            assert "A-10" not in answer.text
            assert "acme" not in answer.text.lower()
        assert client.get("/reconciliation/numbers/A-100").status_code == 404


def test_no_cell_is_a_formula_and_no_name_is_markup(served: Served, viewer: httpx.Client) -> None:
    answer = viewer.get(f"{API}/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = [*csv.DictReader(io.StringIO(answer.text))]
    assert f"'{FORMULA}" in {one["reference"] for one in rows}
    assert not [
        cell for one in rows for name, cell in one.items() if cell[:1] in "=+@" and cell and name != "amount"
    ]
    with served.browser("viewer") as client:
        for path in ("/lines", "/numbers/9003", "?status="):
            text = client.get(f"/reconciliation{path}").text
            assert MARKUP not in text
            assert "&lt;script&gt;" in text


def test_only_an_operator_of_the_partner_says_what_a_line_is(served: Served, viewer: httpx.Client) -> None:
    lines = {one["reference"]: one["id"] for one in viewer.get(f"{API}/lines").json()["lines"]}
    url, said = f"{API}/lines/{lines[LETTERS[0]]}/classify", {"kind": "chargeback", "reason": "their letter"}

    def classify(role: str, body: dict[str, str], key: str) -> httpx.Response:
        with served.client(role) as client:
            return client.post(url, json=body, headers={"Idempotency-Key": key})

    assert classify("viewer", said, "1").status_code == 403
    assert classify("acme-viewer", said, "1").status_code == 403
    assert classify("other-viewer", said, "1").status_code == 403
    assert classify("operator", said | {"kind": "nonsense"}, "1").status_code == 409
    done = classify("acme-operator", said, "1")
    assert done.status_code == 200, done.text
    assert done.json()["kind"] == "unclassified"
    assert LETTERS[0] not in {one["reference"] for one in viewer.get(f"{API}/lines").json()["lines"]}


@pytest.mark.needs_system
def test_an_operator_explains_a_line(served: Served, chromium: Browser) -> None:
    with opened(chromium, served, "operator") as page:
        page.goto("/reconciliation")
        page.get_by_role("link", name="A-100", exact=True).click()
        page.get_by_text("Claim A-100SC stands").wait_for()
        page.goto("/reconciliation/lines")
        ours = page.locator("tr", has_text=LETTERS[1])
        ours.locator("summary", has_text="Say what it is").focus()
        page.keyboard.press("Enter")
        panel = page.locator("details.confirm[open]")
        panel.get_by_label("What it is").select_option("chargeback")
        panel.get_by_label("Reason").fill("their letter")
        page.keyboard.press("Enter")
        page.get_by_text("is: chargeback").wait_for()
        with page.expect_download() as got:
            page.goto("/reconciliation")
            page.get_by_role("link", name="Lines as CSV").click()
        assert got.value.suggested_filename == "reconciliation-lines.csv"
