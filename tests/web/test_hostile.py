"""What partners write, on every page: it is text, and pages stay small and ask little of the database."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Dialog

from gateway.services import access
from gateway.services.access import Grant
from tests.homes import put, set_in
from tests.orders import interchange, order
from tests.web.addresses import Watched, crawl, links
from tests.web.browsing import opened
from tests.web.conftest import PASSWORD, Served, populate, serve, work
from tests.web.test_matrix import ROUTES

MARK = "xss-4711"
HOSTILE = (
    f"\"'><{MARK} onclick=alert(1)><script>alert(1)</script><img src=x onerror=alert(1)>{{{{7*7}}}}\u202e\x1b"
)
SHORT = "\"'><b onload=x>"
"""For what has fifteen characters at most."""

MOST_BYTES, MOST_QUERIES = 150_000, 20
ELEMENTS = {
    "a", "abbr", "article", "aside", "b", "bdi", "body", "br", "button", "caption", "circle",
    "code", "datalist", "dd", "details", "div", "dl", "dt", "em", "fieldset", "figcaption",
    "figure", "footer", "form", "g", "h1", "h2", "h3", "h4", "head", "header", "hr", "html", "i",
    "img", "input", "kbd", "label", "legend", "li", "line", "link", "main", "mark", "meta", "nav",
    "ol", "optgroup", "option", "output", "p", "path", "polyline", "pre", "progress", "rect",
    "samp", "script", "section", "select", "small", "span", "strong", "summary", "svg", "table",
    "tbody", "td", "text", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "ul", "use",
    "var",
}  # fmt: skip
"""What our templates are made of."""


NOT_HERE = {
    "/login/oidc",
    "/login/oidc/callback",
    "/api/v1/certificates/{certificate_id}/file",
    "/certificates/{whose}/{certificate_id}",
}
"""What this home has none of."""


@pytest.fixture(scope="module")
def hostile(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The story, and a partner who puts markup into everything that is theirs."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    shutil.copytree(story, home)
    evil = (home / "partners/other-retail.yaml").read_text()
    quoted = HOSTILE.replace("\x1b", "").replace("'", "''")
    evil = evil.replace("Other Retail", f"'{quoted}'").replace(
        "OTHERRETAIL", f"'{SHORT.replace(chr(39), chr(39) * 2)}'"
    )
    (home / "partners/evil.yaml").write_text(evil.replace("channel: other-retail", "channel: evil"))
    set_in(home, "partners/acme-retail.yaml", "name: Acme Retail", f"name: '{quoted}'")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        with serve(home) as served:
            populate(served)
            _happen(served)
            yield served


def _happen(served: Served) -> None:
    file = HOSTILE.replace("/", "")
    line = "120|EA|18.40|B0C1KETTL3|{}|{}"
    sku, words = "<b onload=x>", f"<script>alert(1)</script><{MARK}>"
    one = order(1, "PO<i onload=x>\"'", [line.format(sku, words)])
    one[2:2] = [f"REF*IA*{words}*{words}", f"PER*BD*{words}"]
    one[5:5] = [f"N9*L1*{words}", f"MSG*{words}"]
    one[-1] = f"SE*{len(one)}*0001"
    plain = _component(interchange(4001, [one]))
    put(served.home, file, plain)
    put(served.home, f"2{file}", plain.replace(b"000004001", b"000004002"))
    for number, sender in ((4003, SHORT), (4004, "<u onload=x>'\"")):
        content = _component(interchange(number, [order(1, "P1", [line.format(sku, words)])], sender=sender))
        put(served.home, f"{number}{file}", content)
    put(
        served.home,
        f"4{file}",
        plain.replace(b"DTM*002*20260316", b"DTM*002*<b onload=x>").replace(b"4001~", b"4005~"),
    )
    put(served.home, f"5{file}", b"<script>alert(1)</script>\x00\x1b[31m\xff\xfe")
    work(served)
    with served.gateway.acting(f"web:{HOSTILE}") as services:
        access.add_user(
            services,
            "mallory",
            PASSWORD,
            (Grant("administrator"),),
            display=HOSTILE,
            must_change=False,
            reason=HOSTILE,
        )
    with served.client("administrator") as client:
        rows = client.get("/api/v1/messages", params={"text": MARK, "limit": 100}).json()["messages"]
        assert len(rows) >= 5
        for verb in ("hold", "release", "resend", "close"):
            for row in rows:
                head = {"Idempotency-Key": f"{verb}{row['id']}"}
                client.post(f"/api/v1/messages/{row['id']}/{verb}", json={"reason": HOSTILE}, headers=head)
        words = f'"{sku}","{MARK} <b onload=x>",1234567,acme-retail'
        for noun, named in (
            ("items", "erp_sku,description,vendor_sku"),
            ("locations", "erp_ship_to,name,san"),
        ):
            rows = f"{named},partner\n{words}\n".encode()
            head = {"Idempotency-Key": noun, "Content-Type": "text/csv"}
            answer = client.post(f"/api/v1/{noun}/import", content=rows, headers=head)
            assert answer.status_code < 300, answer.text
        head = {"Idempotency-Key": "export"}
        answer = client.post(
            "/api/v1/audit/exports", json={"partner": "acme-retail", "reason": HOSTILE}, headers=head
        )
        assert answer.status_code < 300, answer.text
    served.gateway.run_once()


def _component(content: bytes) -> bytes:
    """The same with ``:`` between components, so that ``>`` is text."""
    return content[:104] + b":" + content[105:]


@pytest.fixture(scope="module")
def visited(hostile: Served) -> tuple[dict[str, dict[str, httpx.Response]], dict[str, list[str]]]:
    """Every page and list, as an administrator sees it, and what it asked the database."""
    with Watched(hostile, headers={"Accept": "text/html"}, timeout=60) as client:
        assert client.post("/login", data={"name": "mallory", "password": PASSWORD}).status_code == 303
        one = client.get("/api/v1/messages").json()["messages"][0]["id"]
        begin = ("/messages?text=7KX2M41Q", f"/messages?text={MARK}", f"/messages/actions?do=close&id={one}")
        found = crawl(client, ROUTES, *begin)
        return found, {address: [*asked] for address, asked in client.queries.items()}  # others go on asking


@pytest.fixture(scope="module")
def pages(visited: Any) -> dict[str, str]:
    """HTML by address."""
    return {
        address: answer.text
        for found in visited[0].values()
        for address, answer in found.items()
        if answer.status_code == 200 and "html" in answer.headers["content-type"]
    }


def test_every_page_and_list_was_looked_at(visited: Any, pages: dict[str, str]) -> None:
    answers = visited[0]
    missing = [
        path for path, found in answers.items() if not any(one.status_code < 400 for one in found.values())
    ]
    assert set(missing) <= NOT_HERE, "\n".join(missing)
    wrong = [
        (address, one.status_code)
        for found in answers.values()
        for address, one in found.items()
        if one.status_code >= 500
    ]
    assert wrong == []
    seen = [address for address, text in pages.items() if MARK in text]
    assert len(seen) > 15, seen


def test_what_partners_write_is_text(pages: dict[str, str]) -> None:
    for address, text in pages.items():
        for tag, known in links(text).tags:
            assert tag in ELEMENTS, (address, tag)
            assert not [name for name in known if name.startswith("on") or name == "style"], (address, known)
            assert "javascript:" not in (known.get("href") or ""), address
            src = known.get("src")
            assert src is None or src.startswith("/static/") or re.match(r"/(labels|api)/", src), (
                address,
                src,
            )
        assert "<script>" not in text
        assert "49\u202e" not in text, address
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text), address


def test_pages_and_lists_are_small_and_ask_little(visited: Any) -> None:
    answers, queries = visited
    for found in answers.values():
        for address, one in found.items():
            page = "attachment" not in one.headers.get("content-disposition", "")
            page &= "openapi" not in address and not one.headers.get("content-type", "").startswith("image/")
            assert not page or len(one.content) <= MOST_BYTES, address
            assert len(queries[address]) <= MOST_QUERIES, (address, queries[address])
    assert max(map(len, queries.values())) > 3


def test_names_of_files_are_no_headers(visited: Any) -> None:
    names = [
        one.headers["content-disposition"]
        for found in visited[0].values()
        for one in found.values()
        if "content-disposition" in one.headers
    ]
    assert names
    for one in names:
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', one), one


@pytest.mark.needs_system
def test_no_page_runs_what_partners_write(hostile: Served, pages: dict[str, str], chromium: Browser) -> None:
    with opened(
        chromium, hostile, "administrator"
    ) as page:  # fails for an error of a script, or of the policy
        said: list[str] = []

        def told(one: Dialog) -> None:
            said.append(one.message)
            one.dismiss()

        page.on("dialog", told)
        loaded = []
        for address in pages:
            one = page.goto(address, wait_until="domcontentloaded")  # scripts have run by then
            loaded += [address] if one is not None and one.status == 200 else []
        assert said == []
        assert len(loaded) > 15
        assert page.evaluate("document.querySelectorAll('[onclick], [onerror], [onload]').length") == 0
