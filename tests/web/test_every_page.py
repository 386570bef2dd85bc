"""Every page there is, taken from the routes: light, dark, on a telephone, without a script, by keyboard.

A page without parameters is looked at as it is; one with parameters, or with several faces, has examples in
``PAGES``. What is no page stands in ``NO_PAGES``. So a new page is looked at, or fails here.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from gateway import resources
from gateway.cli.commands.home import make_home
from gateway.services import access, certificate
from gateway.services.access import Grant
from gateway.store.keyring import encoded, generate
from tests.homes import LINE, acknowledgment, put, set_in
from tests.orders import interchange, order
from tests.web.addresses import links
from tests.web.browsing import log_in, opened, unusable, watched
from tests.web.conftest import PASSWORD, Served, populate, serve, take
from tests.web.test_matrix import ROUTES
from tests.web.test_submissions import invoice

WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=380, height=800)
MOST_TABS = 40
"""Elements that are reached by Tab on each page; of the rest it is only seen that they can be."""

MOST_OF_ONE = 20
"""Links to one route that are followed, as to the codes of problems."""

LONG = "Lindqvist & Söners Heminredning och Trädgårdsmöbler Aktiebolag (publ)"
LONG_FILE = "RETAILER-OUTBOUND_850_PURCHASE-ORDERS_2026-03-02T09-30-00_batch-000000017_copy(1).edi"

PAGES: dict[str, tuple[str, ...]] = {
    "/messages": ("/messages", "/messages?text=nothing-is-called-so"),
    "/messages/actions": ("/messages/actions?do=resend&id={sent}&id={order}",),
    "/messages/{message_id}": ("/messages/{order}", "/messages/{bad}", "/messages/{stranger}"),
    "/messages/{message_id}/x12": ("/messages/{order}/x12", "/messages/{bad}/x12"),
    "/messages/{message_id}/document": ("/messages/{order}/document",),
    "/messages/{message_id}/trace": ("/messages/{order}/trace",),
    "/messages/{message_id}/delivery": ("/messages/{sent}/delivery",),
    "/messages/{message_id}/acknowledgments": ("/messages/{sent}/acknowledgments",),
    "/messages/{message_id}/history": ("/messages/{sent}/history",),
    "/messages/{message_id}/raw": ("/messages/{bad}/raw",),
    "/unprocessed": ("/unprocessed", "/unprocessed?done=1"),
    "/documents/{document_id}": ("/documents/{document}", "/documents/{held}"),
    "/chains/{number:path}": ("/chains/7KX2M41Q", "/chains/WAITS1"),
    "/acknowledgments": ("/acknowledgments", "/acknowledgments?status=accepted"),
    "/partners/new": ("/partners/new", "/partners/new?way=api"),
    "/partners/{partner_id}": ("/partners/acme-retail", "/partners/lindqvist"),
    "/partners/{partner_id}/setup": tuple(
        f"/partners/lindqvist/setup?step={step}"
        for step in (
            "identity",
            "documents",
            "channel&way=folder",
            "channel&way=sftp",
            "channel&way=as2",
            "channel&way=api",
            "certificates",
            "test",
            "live",
        )
    ),
    "/certificates/{whose}/{certificate_id}": (
        "/certificates/us/{own}",
        "/certificates/us/{next}",
        "/certificates/lindqvist/{theirs}",
    ),
    "/items/{row_id}": ("/items/{item}",),
    "/items/unknown": ("/items/unknown",),
    "/locations/{row_id}": ("/locations/{location}",),
    "/mapping/{name:path}": tuple(
        f"/mapping/partners/amazon-us/850.004010{view}"
        for view in ("", "?view=base", "?view=tests", "?view=text")
    ),
    "/labels/{document_id}": ("/labels/{shipment}",),
    "/rules": ("/rules?partner=acme-retail", "/rules?partner=lindqvist"),
    "/reconciliation": ("/reconciliation", "/reconciliation?status="),
    "/reconciliation/numbers/{number}": ("/reconciliation/numbers/ES-1077",),
    "/problems": ("/problems", "/problems?q=date"),
    "/problems/{code}": ("/problems/X12-ELEMENT-DATE",),
    "/audit/entries/{seq}": ("/audit/entries/3",),
    "/users/{user}": ("/users/{user}",),
}
"""Examples by route; ``{names}`` are those of `Lived.ids`."""

FIRST = ("/setup", "/login")
"""What a new home shows to somebody who is not logged in, one after the other."""

NO_PAGES = {
    "/chains", "/help", "/login/oidc", "/login/oidc/callback", "/static/{name}",
    "/partners/{partner_id}/samples/{set_id}", "/reconciliation/export", "/items/export.csv",
    "/locations/export.csv",
}  # fmt: skip
"""Files, and what leads to another page."""


def pages() -> list[str]:
    """The routes of the page that are read."""
    found = [name.partition(" ")[2] for name in ROUTES if name.startswith("GET /")]
    mine = [path for path in found if ROUTES[f"GET {path}"].endpoint.__module__.startswith("gateway.web.")]
    return sorted(set(mine) - NO_PAGES - {*FIRST})


@dataclass(frozen=True, slots=True)
class Lived:
    """A home in which all sorts of things happened."""

    served: Served
    ids: dict[str, str]

    def addresses(self, route: str) -> list[str]:
        assert route in PAGES or "{" not in route, f"{route}: no example in PAGES"
        return [
            re.sub(r"\{(\w+)\}", lambda name: self.ids[name[1]], one) for one in PAGES.get(route, (route,))
        ]


@pytest.fixture(scope="module")
def lived(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """The story, and whatever else pages have to show: long names, trouble, things that wait."""
    home = tmp_path_factory.mktemp("lived") / "home"
    shutil.copytree(story, home)
    change = "{I1: off, I2: off, I3: off, I4: off, I13: {severity: warn, invoices: 9}}"
    rules = f"rules: {{profile: retailer, change: {change}}}"
    set_in(home, "partners/acme-retail.yaml", "name: Acme Retail", f"name: Acme Retail\n{rules}")
    set_in(home, "gateway.yaml", "# gs1_prefixes: [", "gs1_prefixes: [")
    (home / "partners/lindqvist.yaml").write_text(
        json.dumps(
            {
                "name": LONG,
                "identifiers": [{"qualifier": "ZZ", "id": "LINDQVISTSONERS"}],
                "receive": [{"set": "850"}],
                "send": [{"set": "855", "usage": "T"}, {"set": "810", "usage": "T"}],
                "reconciliation": "generic",
                "items": {"mode": "require"},
                "as2": {"id": "LINDQVIST", "us": "EXAMPLE", "url": "https://as2.lindqvist.example/receive"},
            }
        )
    )
    (home / "alerts.yaml").write_text(
        json.dumps({"rules": [{"name": "all", "events": ["message.failed", "certificate.*"], "to": ["log"]}]})
    )
    rule = {"name": "invoices by folder", "when": {"documents": ["invoice"]}, "to": "folder"}
    (home / "routes.yaml").write_text(json.dumps({"routes": [rule, {**rule, "name": "once more"}]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        with serve(home) as served:
            populate(served)
            yield Lived(served, _happen(served))


def _happen(served: Served) -> dict[str, str]:
    """Lets it happen; returns what is to be looked at, by name."""
    home, demo = served.home, resources.find("config/demo/orders-1001.edi").read_bytes()
    for name, before, after, control in (
        ("bad-date.edi", b"DTM*002*20260316", b"DTM*002*20261316", b"1501"),
        (LONG_FILE, b"ACMERETAIL     ", b"NOBODYKNOWN    ", b"1502"),
    ):
        put(home, name, demo.replace(before, after).replace(b"00001001", b"0000" + control))
    line = "12|EA|18.40|B0UNKNOWN9|EX-KT-18|STEEL KETTLE"
    wrong = [one.replace("20260316", "20261316") for one in order(2, "WRONG2", [line])]
    orders = [order(1, "WAITS1", [line]), wrong]
    put(home, "waits.edi", interchange(1503, orders, sender="LINDQVISTSONERS"), "lindqvist")
    put(home, "held.edi", interchange(1504, [order(1, "HELD-1", [LINE])]))
    put(home, "rejected-997.edi", acknowledgment(2100, 3, "R"))
    pair = generate("LINDQVIST", 1, 2048, datetime.now(UTC))
    with served.client("administrator") as api:

        def made(url: str, **said: object) -> httpx.Response:
            head = {"Idempotency-Key": url, "Content-Type": "text/csv"} if "content" in said else {}
            answer = api.post(f"/api/v1/{url}", headers={"Idempotency-Key": url, **head}, **said)  # type: ignore[arg-type]
            assert answer.status_code < 300, answer.text
            return answer

        take(served)
        bill = invoice("BILL-1", po_number="HELD-1", total={"amount": "2208.00"})
        made("documents?wait=20", json={**bill, "lines": bill["lines"][:1]})
        pem = {
            "content": base64.b64encode(encoded(pair.certificate)).decode(),
            "partner": "lindqvist",
            "reason": "a test",
        }
        made("certificates", json=pem)
        with served.gateway.acting("user:test") as services:
            own = certificate.made(services, "a test").fingerprint
        on = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
        more = {"own": True, "on": on, "bits": 2048, "reason": "a test"}
        following = made("certificates/rollover", json=more).json()["new"]["id"]
        made(
            "items/import",
            content=b"erp_sku,description,vendor_sku,partner\n4711,Steel kettle,EX-KT-17,acme-retail\n",
        )
        made("locations/import", content=b"erp_ship_to,name,code,partner\nS-017,Reno,RNO4,acme-retail\n")
        made("audit/exports", json={"partner": "acme-retail", "reason": "a dispute"})
        made("audit/holds", json={"kind": "number", "value": "7KX2M41Q", "reason": "a dispute"})

        def first(url: str, noun: str, key: str = "id") -> str:
            return str(api.get(f"/api/v1/{url}").json()[noun][0][key])

        sent = first("messages?text=ES-1077&direction=out", "messages")
        with served.gateway.acting("gateway") as services, services.store.transaction():
            known = {"partner": "acme-retail", "channel": "acme-retail", "file": LONG_FILE, "error": "full"}
            services.store.audit("delivery.failed", sent, **known)
            stranger = first("messages?text=RETAILER-OUTBOUND", "messages")
            for days in (1, 2):  # so that there is a line of days
                services.store.expect("ship_notice", stranger, datetime.now(UTC) - timedelta(days))
            said: dict[str, Any] = {
                "whose": "lindqvist",
                "name": "LINDQVIST",
                "ends": "2027-01-01",
                "purposes": ["sign"],
            }
            said["fingerprint"] = pair.certificate.fingerprint
            services.store.audit("certificate.expiring", partner="lindqvist", **said)
        served.gateway.run_once()
        return {
            "order": first("messages?text=orders-1001", "messages"),
            "bad": first("messages?text=bad-date", "messages"),
            "stranger": stranger,
            "sent": sent,
            "document": first("documents?text=ES-1077", "documents"),
            "held": first("documents?text=BILL-1", "documents"),
            "shipment": first("labels", "shipments"),
            "own": own,
            "next": following,
            "theirs": pair.certificate.fingerprint,
            "item": first("items", "items"),
            "location": first("locations", "locations"),
            "user": first("users", "users"),
        }


# --- what is the same of all -----------------------------------------------------------------------------


def test_what_is_no_page_is_none(lived: Lived) -> None:
    assert {f"GET {path}" for path in NO_PAGES} <= ROUTES.keys()
    with lived.served.browser("administrator") as client:
        for path in NO_PAGES:
            address = path.format(name="edigw.css", partner_id="acme-retail", set_id="850")
            answer = client.get(address, follow_redirects=False)
            assert answer.status_code in (303, 307, 404) or "html" not in answer.headers["content-type"], path


def test_no_link_and_no_form_leads_nowhere(lived: Lived) -> None:
    """Also to a place within a page, to a shape, and from the page to its JSON."""
    gets = [(name, one.path_regex) for name, one in ROUTES.items() if name.startswith("GET ")]
    tried = Counter[str]()
    posts = [one.path_regex for name, one in ROUTES.items() if name.startswith("POST ")]
    known: dict[str, httpx.Response] = {}
    dead: list[str] = []
    with lived.served.browser("administrator") as client:

        def answer(address: str) -> httpx.Response:
            if address not in known:
                known[address] = client.get(address, follow_redirects=False)
            return known[address]

        for page in [one for route in pages() for one in lived.addresses(route)]:
            for tag, said in links(answer(page).text).tags:
                if said.get("method") == "post":
                    path = urlsplit(urljoin(page, said["action"] or "")).path
                    dead += [] if any(one.match(path) for one in posts) else [f"{page}: POST {path}"]
                    continue
                where = said.get("href") or said.get("src") or (said.get("action") if tag == "form" else "")
                if not where or urlsplit(where).scheme:
                    continue
                address, _, place = urljoin(page, where).partition("#")
                which = next((name for name, one in gets if one.match(urlsplit(address).path)), address)
                if (
                    address not in known
                    and not place
                    and (tried := tried + Counter([which]))[which] > MOST_OF_ONE
                ):
                    continue
                found = answer(address)
                if found.status_code >= 400:
                    dead.append(f"{page}: {where} answers {found.status_code}")
                elif place and f'id="{place}"' not in found.text:
                    dead.append(f"{page}: {where} is not there")
    assert not dead, "\n".join(dead)
    assert len(known) > 150


# --- in a browser ----------------------------------------------------------------------------------------

_VISIBLE = "one.checkVisibility({visibilityProperty: true})"
_TEXTS = "main :is(h1, h2, h3, p, li, dt, dd, td, th, summary, label, text, code)"
_WORDS = f"""() => [...document.querySelectorAll("{_TEXTS}")]
    .filter(one => {_VISIBLE} && !one.querySelector("time, button"))
    .map(one => one.textContent.replace(/\\s+/g, " ").trim()).filter(one => one)"""
"""What is written on a page, without times, which a script turns into those of the viewer."""

_USED = "a[href], button, input, select, textarea, summary, [tabindex='0']"
_BEGIN = f"""() => {{
    window.all = [...document.querySelectorAll("{_USED}")]
        .filter(one => one.tabIndex >= 0 && !one.disabled && one.type != "hidden" && {_VISIBLE});
    window.visited = [];
    document.addEventListener("focusin", event => visited.push(all.indexOf(event.target)));
}}"""
_UNSEEN = """() => all.filter(one => {
    one.focus({preventScroll: true});
    const {outlineStyle, outlineWidth} = getComputedStyle(one);
    return document.activeElement != one || outlineStyle == "none" || parseFloat(outlineWidth) < 2;
}).map(one => one.outerHTML.slice(0, 120))"""
"""What can be reached and does not show that it was."""


@pytest.fixture(scope="module")
def desk(lived: Lived, chromium: Browser) -> Iterator[Page]:
    """A window of an administrator."""
    calm: dict[str, Any] = {"reduced_motion": "reduce", "timezone_id": "Asia/Tokyo"}
    with opened(chromium, lived.served, "administrator", viewport=WIDE, **calm) as page:
        yield page


@pytest.fixture(scope="module")
def bare(lived: Lived, chromium: Browser) -> Iterator[Page]:
    """The same without scripts."""
    with opened(chromium, lived.served, "administrator", viewport=WIDE, java_script_enabled=False) as page:
        yield page


def faults(page: Page, bare: Page, axe: Path, address: str) -> Iterator[str]:
    """What keeps somebody from using a page."""
    said = watched(page)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    page.goto(address)
    heading = page.locator("h1").all_inner_texts()
    if len(heading) != 1 or not heading[0] or not page.title().endswith(" · EDI Gateway"):
        yield f"headings {heading}, title {page.title()!r}"
    yield from unusable(page, axe)
    shown = page.evaluate(_WORDS)
    yield from unreached(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(NARROW)
    yield from (f"dark and narrow: {one}" for one in unusable(page, axe))
    yield from overflowing(page)
    yield from said
    bare.goto(address)
    if lost := {*shown} - {*bare.evaluate(_WORDS)}:
        page.set_viewport_size(WIDE)
        page.goto(address)  # what is there no more with a script either gave way to something newer
        if lost := lost & {*page.evaluate(_WORDS)}:
            yield f"without a script not there: {lost}"


def overflowing(page: Page) -> Iterator[str]:
    """Whether there is something beside the window."""
    wide, there = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    if wide > there:
        yield f"{wide} px wide in {there}"


def unreached(page: Page) -> Iterator[str]:
    """What the keyboard does not reach, or reaches unseen; the way leads over the skip link."""
    page.evaluate(_BEGIN)
    page.keyboard.press("Tab")
    if not page.evaluate("document.activeElement.matches('.skip') && document.activeElement.offsetTop >= 0"):
        yield "Tab does not begin at the skip link"
    page.keyboard.press("Enter")
    if page.evaluate("document.activeElement.id") != "main":
        yield "the skip link does not lead to the content"
    rest = page.evaluate("all.flatMap((one, n) => main.compareDocumentPosition(one) & 4 ? [n] : [])")[
        :MOST_TABS
    ]
    parts = page.evaluate("all.filter(one => one.type?.startsWith('date')).length") * 8
    for _ in rest:
        page.keyboard.press("Tab")
    while rest[-1] not in (visited := page.evaluate("visited")) and (parts := parts - 1) > 0:
        page.keyboard.press("Tab")  # a date with a time has seven parts
    yield from (
        f"not reached by Tab: {page.evaluate('n => all[n].outerHTML', n)}" for n in rest if n not in visited
    )
    yield from (f"no outline: {one}" for one in page.evaluate(_UNSEEN))


@pytest.mark.needs_system
@pytest.mark.parametrize("route", pages())
def test_everybody_can_use_it(lived: Lived, desk: Page, bare: Page, axe: Path, route: str) -> None:
    found = {one: [*faults(desk, bare, axe, one)] for one in lived.addresses(route)}
    assert {one: some for one, some in found.items() if some} == {}


@pytest.mark.needs_system
def test_a_new_home_is_for_everybody_too(
    tmp_path: Path, chromium: Browser, axe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its set-up, its log-in, and every page with nothing on it."""
    monkeypatch.setenv("EDIGW_WEB_LISTEN", "127.0.0.1:0")
    make_home(tmp_path / "home")
    found: dict[str, list[str]] = {}
    look: dict[str, Any] = {"viewport": WIDE, "reduced_motion": "reduce"}
    with (
        serve(tmp_path / "home", works=False) as served,
        opened(chromium, served, **look) as page,
        opened(chromium, served, **look, java_script_enabled=False) as bare,
    ):
        found["/setup"] = [*faults(page, bare, axe, "/setup")]
        with served.gateway.acting("user:test") as services:
            given = (Grant("administrator"),)
            access.add_user(services, "administrator", PASSWORD, given, must_change=False, reason="a test")
        found["/login"] = [*faults(page, bare, axe, "/login")]
        assert "/login" in page.url
        log_in(page, "administrator")
        page.emulate_media(color_scheme="dark")
        for address in [one for one in pages() if "{" not in one]:
            page.goto(address)
            found[address] = [*unusable(page, axe), *overflowing(page)]
        page.goto("/partners")
        page.get_by_text("Example", exact=True).wait_for()  # and not: production
    assert {one: some for one, some in found.items() if some} == {}


# --- and what they say --------------------------------------------------------------------------------------


def test_pages_say_how_it_stands_now(lived: Lived) -> None:
    """What is to come is not missing, and what was unknown is known once there is a row."""
    with lived.served.client("operator") as api, lived.served.browser("operator") as client:
        (waits,) = api.get("/api/v1/messages?text=waits.edi&direction=in").json()["messages"]
        assert f'/certificates/lindqvist/{lived.ids["theirs"]}"' in client.get("/alerts").text
        assert "3 things are still to come" in client.get("/chains/WAITS1").text
        assert "Nothing is open" in client.get("/chains/7KX2M41Q").text
        page = f"/messages/{waits['id']}"
        before = client.get(page).text
        assert "through the channel" in before
        assert "2 problems" in before
        row = {"partner": "lindqvist", "erp_sku": "4712", "asin": "B0UNKNOWN9"}
        head = {"Idempotency-Key": "known"}
        assert api.post("/api/v1/items", json=row, headers=head).status_code == 201
        while api.get(f"/api/v1{page}").json()["delivery"] != "delivered":
            lived.served.gateway.run_once()
        after = client.get(page).text
        assert "Settled since" in after
        assert "1 problem" in after
