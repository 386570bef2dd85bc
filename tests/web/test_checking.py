"""Mapping, rules, routes and labels: tried on the page and by the REST API, with nothing stored or sent."""

from __future__ import annotations

import json
import multiprocessing
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from gateway import resources
from gateway.services import apart
from tests.homes import PARTNER, put, rows, set_in, work
from tests.web.browsing import opened, unusable
from tests.web.conftest import Served, populate, serve

ORDER = resources.find("config/demo/orders-1001.edi").read_text()
INVOICE = resources.find("config/demo/invoice-7KX2M41Q.json").read_text()
ROUTES = f"""\
zone: America/New_York
routes:
  - name: invoices by folder
    when: {{partners: [{PARTNER}], documents: [invoice]}}
    to: folder
  - name: invoices again
    when: {{partners: [{PARTNER}], documents: [invoice], regions: [US], hours: 20:00-06:00, max_lines: 5}}
    to: folder
  - name: everything else
    to: folder
"""


@pytest.fixture(scope="module")
def served(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("checking") / "home"
    shutil.copytree(story, home)
    set_in(home, f"partners/{PARTNER}.yaml", "name: Acme Retail", "name: Acme\nrules: {profile: retailer}")
    set_in(home, "gateway.yaml", "# gs1_prefixes: [", "gs1_prefixes: [")
    (home / "routes.yaml").write_text(ROUTES)
    wrong = json.loads(INVOICE) | {"invoice_number": "ES-9", "total": {"amount": "1.00"}}
    put(home, "wrong.json", json.dumps(wrong).encode(), "erp")
    work(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        with serve(home) as found:
            populate(found)
            yield found


def post(client: httpx.Client, url: str, **body: object) -> httpx.Response:
    return client.post(url, json=body)


# --- mapping ---------------------------------------------------------------------------------------------


def test_a_mapping_is_tried_in_both_directions(served: Served) -> None:
    with served.client("viewer") as api:
        listed = api.get("/api/v1/mappings").json()["mappings"]
        assert {"x12/004010/850", "partners/amazon-us/850.004010", "sp_api/order"} <= set(listed)
        read = post(api, "/api/v1/mappings/x12/004010/850/preview", sample=ORDER).json()
        (one,) = read["sets"]
        assert (read["direction"], one["document"]["po_number"]) == ("read", "7KX2M41Q")
        number = next(row for row in one["origins"] if row["pointer"] == "/po_number")
        assert (number["segment"], number["source"], number["rule"]) == (2, "BEG03", "BEG03 | text")
        written = post(api, "/api/v1/mappings/x12/004010/810/preview", sample=INVOICE).json()
        assert written["direction"] == "write"
        assert "~BIG*20260312*ES-1077**7KX2M41Q" in written["x12"]
        assert any(row["pointer"] == "/invoice_number" for row in written["sets"][0]["origins"])
        wrong = json.loads(INVOICE) | {"invoice_number": ""}
        refused = post(api, "/api/v1/mappings/x12/004010/810/preview", sample=json.dumps(wrong)).json()
        assert refused["x12"] is None
        assert refused["problems"]
        bare = post(api, "/api/v1/mappings/x12/004010/850/preview", sample="BEG*00*NE*A1**20260302").json()
        assert bare["sets"][0]["problems"], "a set without lines"


@pytest.mark.parametrize(
    "sample", ["", "{", "[1]", "hello", '{"document_type": "invoice"}', "\0", "ISA*", "{}"]
)
def test_a_sample_that_is_none_is_told(served: Served, sample: str) -> None:
    with served.client("viewer") as api:
        answer = post(api, "/api/v1/mappings/x12/004010/850/preview", sample=sample)
        assert answer.status_code == 422 or answer.json()["problems"] or answer.json()["sets"][0]["problems"]


def test_another_text_is_tried_and_nowhere_stored(served: Served) -> None:
    url = "/api/v1/mappings/x12/004010/850"
    with served.client("operator") as api:
        shown = api.get(url).json()
        assert shown["document_type"] == "purchase_order"
        text = shown["text"].replace("  po_number: BEG03", "  po_number: BEG03\n  nonsense: BEG99")
        found = post(api, f"{url}/check", text=text).json()["problems"]
        line = shown["text"][: shown["text"].index("  po_number: BEG03")].count("\n") + 2
        assert ("MAP-FIELD-UNKNOWN", line) in {(one["code"], one["location"]["line"]) for one in found}
        assert post(api, f"{url}/preview", text=text, sample=ORDER).status_code == 422
        other = shown["text"].replace("  po_number: BEG03", "  po_number: BEG04")
        tested = post(api, f"{url}/test", text=other).json()["tests"] or []
        assert all(not one["differences"] for one in post(api, f"{url}/test").json()["tests"] or [])
        assert any(one["differences"] for one in tested) or not tested
        assert api.get(url).json()["text"] == shown["text"]
        assert not (served.home / "mappings/x12").exists()
        bomb = "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(9))
        assert post(api, f"{url}/preview", text=bomb, sample=ORDER).status_code == 422
        assert api.get("/api/v1/mappings/../../etc/passwd").status_code == 404
        assert api.get("/api/v1/mappings/x12/004010/850.test").status_code == 404
    with served.client("viewer") as api:
        assert post(api, f"{url}/preview", text="x", sample=ORDER).status_code == 403


def test_an_overlay_tells_what_differs(served: Served) -> None:
    with served.client("viewer") as api:
        found = api.get("/api/v1/mappings/partners/amazon-us/850.004010").json()
        assert found["extends"] == "x12/004010/850"
        changed = {"field": "currency", "base": "CUR02", "here": '="USD"'}
        gone = {one["field"] for one in found["differences"] if one["here"] == "~"}
        assert changed in found["differences"]
        assert gone == {"currency_party"}
    with served.client("acme-viewer") as api:
        names = api.get("/api/v1/mappings").json()["mappings"]
        assert not any(one.startswith("partners/") for one in names), "of others"
        assert api.get("/api/v1/mappings/partners/amazon-us/850.004010").status_code == 404


def test_a_message_leads_to_its_mapping(served: Served) -> None:
    with served.browser("viewer") as page, served.client("viewer") as api:
        for direction, name in (("in", "x12/004010/850"), ("out", "x12/004010/810")):
            kept = api.get(f"/api/v1/messages?direction={direction}").json()["messages"]
            wanted = {"in": "orders-1001.edi", "out": "810_ES-1077_5.edi"}[direction]
            message = next(one for one in kept if one["name"] == wanted)
            answer = page.get(f"/mapping?message={message['id']}")
            assert answer.url.path == f"/mapping/{name}"
            assert ("7KX2M41Q" if direction == "in" else "ES-1077") in answer.text
    with served.browser("other-viewer") as page:
        assert page.get(f"/mapping?message={message['id']}").status_code == 404


@pytest.mark.needs_system
def test_a_person_sees_which_rule_wrote_what(served: Served, chromium: Browser, axe: Path) -> None:
    with opened(chromium, served, "operator") as page:
        page.goto("/mapping/x12/004010/850")
        page.get_by_label("X12, or a document as JSON").fill(ORDER)
        page.get_by_role("button", name="Preview").press("Enter")
        page.get_by_role("link", name="/po_number").press("Enter")
        assert page.url.endswith("#json/po_number")
        assert page.locator("li:target").inner_text().strip().startswith('"po_number": "7KX2M41Q"')
        page.get_by_role("link", name="BEG03").click()
        assert page.locator("details.seg[open] summary").first.inner_text().split()[0] == "2"
        page.get_by_text("Try another text of the mapping instead").click()
        text = page.get_by_label("YAML").input_value()
        page.get_by_label("YAML").fill(
            text.replace("  po_number: BEG03", "  po_number: BEG03\n  nonsense: BEG99")
        )
        page.get_by_role("button", name="Preview").click()
        page.get_by_text("nonsense is no field of the document.").first.wait_for()
        page.get_by_text("+  nonsense: BEG99").first.wait_for()
        assert unusable(page, axe) == []
        with page.expect_download() as given:
            page.get_by_role("button", name="Download it").click()
        assert "nonsense: BEG99" in Path(given.value.path()).read_text()


def test_a_hostile_mapping_holds_nothing_for_ever(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    url, limit = "/api/v1/mappings/x12/004010/850/check", threading.active_count()
    with served.client("operator") as api:
        live = api.get("/api/v1/mappings/x12/004010/850").json()["text"]
        assert {one["severity"] for one in post(api, url, text=live).json()["problems"]} == {"info"}
        monkeypatch.setattr(apart, "SECONDS", 1.5)
        block = "".join(f"    f{one}: BEG03\n" for one in range(9_000))
        used = ",".join(["a"] * 20_000)  # each merges all of the block
        slow = f"guide: x12/004010/850\nblocks:\n  a:\n{block}fields:\n  use: {used}\n"
        assert len(slow) < 200_000
        began = time.monotonic()
        answer = post(api, url, text=slow)
        assert (answer.status_code, answer.json()["code"]) == (422, "TOO-LONG")
        assert time.monotonic() - began < 20
    assert threading.active_count() <= limit + 8, "the threads of the server"
    assert multiprocessing.active_children() == []


def test_pages_of_mappings_stay_small(served: Served) -> None:
    with served.browser("operator") as page:
        whole = ORDER.split("~\n")
        lines = [f"PO1*{n}*1*EA*1*PE*BP*B0C1KETTL3*VN*EX-KT-17" for n in range(1, 2000)]
        start = next(place for place, one in enumerate(whole) if one.startswith("PO1"))
        end = next(place for place, one in enumerate(whole) if one.startswith("CTT"))
        head, tail = whole[:start], ["CTT*1999", f"SE*{start - 2 + 1999 + 2}*0001", *whole[end + 2 :]]
        answer = page.post(
            "/mapping/x12/004010/850",
            data={"sample": "~\n".join([*head, *lines, *tail])[:100_000], "csrf": csrf(page, "/mapping")},
        )
        assert answer.status_code == 200
        assert len(answer.content) < 150_000
        assert page.get("/mapping/x12/004010/850?view=tests").status_code == 200
        assert "as expected" in page.get("/mapping/partners/amazon-us/850.004010?view=tests").text
        assert "static check" in page.get("/mapping/sp_api/order?view=text").text
        assert "taken out" in page.get("/mapping/partners/amazon-us/850.004010?view=base").text


def csrf(page: httpx.Client, url: str) -> str:
    found = re.search('name="csrf" value="([^"]+)"', page.get(url).text)
    assert found
    return found[1]


# --- rules -----------------------------------------------------------------------------------------------


def test_rules_say_why_and_what_they_stopped(served: Served) -> None:
    with served.client("operator") as api:
        known = {one["id"]: one for one in api.get(f"/api/v1/rules?partner={PARTNER}").json()}
        assert known["S1"]["parameters"]["days"] == 365
        assert known["P1"]["severity"] == "off"
        assert known["I5"]["why"]
        body = json.loads(INVOICE) | {"invoice_number": "ES-9", "total": {"amount": "1.00"}}
        checked = post(api, "/api/v1/rules/check", partner=PARTNER, documents=[body]).json()
        assert "RULE-I5" in {one["code"] for one in checked["documents"][0]["problems"]}
        assert post(api, "/api/v1/rules/check", partner="nobody", documents=[body]).status_code == 404
        assert post(api, "/api/v1/rules/check", partner=PARTNER, documents=[{"a": 1}]).json()["documents"][0]
        assert known["I5"]["stopped"] == 1
        assert {one["id"]: one["stopped"] for one in api.get("/api/v1/rules").json()}["I5"] == 1
    with served.browser("viewer") as page:
        assert ">wrong.json<" in page.get("/rules?only=stopped").text
    with served.client("other-viewer") as api:
        assert api.get(f"/api/v1/rules?partner={PARTNER}").status_code == 404
        assert post(api, "/api/v1/rules/check", partner=PARTNER, documents=[body]).status_code == 404
        assert {one["stopped"] for one in api.get("/api/v1/rules").json()} == {0}, "what is of others"


@pytest.mark.needs_system
def test_a_document_is_held_against_rules(served: Served, chromium: Browser, axe: Path) -> None:
    with opened(chromium, served, "viewer", color_scheme="dark") as page:
        page.goto(f"/rules?partner={PARTNER}")
        page.get_by_label("Document as JSON").fill(INVOICE.replace("2956.80", "2956.79"))
        page.get_by_role("button", name="Check").press("Enter")
        page.get_by_role("heading", name=re.compile("The total is 2956.79")).wait_for()
        page.get_by_label("Document as JSON").fill("{nonsense <script>")
        page.get_by_role("button", name="Check").click()
        page.get_by_text("This cannot be checked").wait_for()
        assert unusable(page, axe) == []


# --- routes ----------------------------------------------------------------------------------------------


def test_routes_are_explained_and_tried(served: Served) -> None:
    with served.client("viewer") as api:
        table = api.get("/api/v1/routes").json()
        again = table["routes"][1]
        assert again["words"] == (
            f"Invoices for {PARTNER}, to US, up to 5 lines, 20:00-06:00 (America/New_York)"
        )
        assert "ROUTE-UNREACHABLE" in {one["code"] for one in again["findings"]}
        asked = {"partner": PARTNER, "document_type": "ship_notice", "at": "2026-03-02T12:00:00"}
        (found,) = post(api, "/api/v1/routes/explain", **asked).json()
        assert (found["way"], found["rule"]) == ("folder", "everything else")
        assert [one["rule"] for one in found["passed"]] == ["invoices by folder", "invoices again"]
        (found,) = post(api, "/api/v1/routes/explain", document=json.loads(INVOICE)).json()
        assert (found["number"], found["way"]) == ("ES-1077", "folder")
        assert found["reason"].startswith("pinned: ")
        sent = rows(served.home, "SELECT sent_in FROM documents WHERE number = 'ES-1077'")[0][0]
        assert post(api, "/api/v1/routes/explain", message=sent).json()[0]["number"] == "ES-1077"
        assert post(api, "/api/v1/routes/explain").status_code == 422
        assert post(api, "/api/v1/routes/explain", partner=PARTNER, document_type="x").status_code == 422
        would = post(api, "/api/v1/routes/simulate", since="2020-01-01T00:00:00Z").json()
        assert (would["documents"], would["changed"]) == (3, 0)
        table_ = "routes:\n  - {name: by as2, to: as2}\n"
        would = post(api, "/api/v1/routes/simulate", since="2020-01-01T00:00:00Z", table=table_).json()
        assert would["documents"] == 3
        assert post(api, "/api/v1/routes/simulate", table="routes: 7").status_code == 422
        assert post(api, "/api/v1/routes/simulate", table="\0").status_code == 422
        assert list((served.home / "data").glob("tmp*")) == [], "what was tried is gone"
    with served.client("other-viewer") as api:
        assert [one["name"] for one in api.get("/api/v1/routes").json()["routes"]] == ["everything else"]
        assert post(api, "/api/v1/routes/explain", document=json.loads(INVOICE)).status_code == 422
        assert post(api, "/api/v1/routes/explain", message=sent).status_code == 404
        assert post(api, "/api/v1/routes/simulate").status_code == 403
        mine = {"partner": "other-retail", "document_type": "invoice"}
        assert post(api, "/api/v1/routes/explain", **mine).json()[0]["passed"] == [], "rules of others"
        assert post(api, "/api/v1/validate?partner=amazon-us", a=1).status_code == 200
    with served.browser("other-viewer") as page:
        assert PARTNER not in page.get("/routes").text


@pytest.mark.needs_system
def test_the_way_of_a_document_is_told(served: Served, chromium: Browser, axe: Path) -> None:
    with opened(chromium, served, "viewer", viewport={"width": 380, "height": 800}) as page:
        page.goto("/routes")
        page.get_by_label("Partner").select_option(PARTNER)
        page.get_by_label("Document", exact=True).select_option("invoice")
        page.get_by_role("button", name="Explain").press("Enter")
        page.get_by_text(f"Invoice for {PARTNER}: folder").wait_for()
        page.get_by_role("button", name="Try it on what was sent").click()
        page.get_by_text("3 documents; 0 would have gone another way.").wait_for()
        assert unusable(page, axe) == []


# --- labels ----------------------------------------------------------------------------------------------


def test_labels_are_printed(served: Served) -> None:
    with served.client("viewer") as api:
        (shipment,) = api.get("/api/v1/labels").json()["shipments"]
        url = f"/api/v1/labels/{shipment['id']}"
        units = api.get(url).json()["labels"]
        assert [one["sscc"] for one in units] == ["106141410000000019", "106141410000000026"]
        pytest.importorskip("reportlab", reason="the extra labels is not installed")
        assert api.get(f"{url}/print").content.startswith(b"%PDF")
        small, large = (api.get(f"{url}/print?format=zpl&dpi={dpi}").content for dpi in (203, 300))
        assert small.count(b"^XZ") == large.count(b"^XZ") == 2
        assert small != large
        assert api.get(f"{url}/print?format=zpl&sscc={units[1]['sscc']}").content.count(b"^XZ") == 1
        assert api.get(f"{url}/print?sscc=1").status_code == 404
        for asked in ("format=exe", "dpi=1", "layout=x", "size=a0"):
            assert api.get(f"{url}/print?{asked}").status_code == 422
    with served.client("other-viewer") as api:
        assert api.get("/api/v1/labels").json()["shipments"] == []
        assert api.get(url).status_code == 404
        assert api.get(f"{url}/print").status_code == 404


def test_new_ssccs_are_given_once_and_audited(served: Served) -> None:
    head = {"Idempotency-Key": "ssccs"}
    with served.client("operator") as api:
        given = api.post("/api/v1/labels/ssccs", json={"count": 3}, headers=head).json()["ssccs"]
        assert len(set(given)) == 3
        assert api.post("/api/v1/labels/ssccs", json={"count": 3}, headers=head).json()["ssccs"] == given
        other = {"Idempotency-Key": "other"}
        assert api.post("/api/v1/labels/ssccs", json={"prefix": "9"}, headers=other).status_code == 404
    facts = rows(served.home, "SELECT actor, facts FROM audit WHERE event = 'sscc.given'")
    assert [who.partition(":")[0] for who, fact in facts if json.loads(fact)["first"] == given[0]] == ["key"]
    for role in ("viewer", "acme-operator"):
        with served.client(role) as api:
            answer = api.post("/api/v1/labels/ssccs", json={}, headers={"Idempotency-Key": role})
            assert answer.status_code == 403


@pytest.mark.needs_system
def test_a_person_prints_and_takes_ssccs(served: Served, chromium: Browser, axe: Path) -> None:
    with opened(chromium, served, "operator", color_scheme="dark") as page:
        page.goto("/labels")
        page.get_by_label("How many").fill("2")
        page.get_by_role("button", name="Give new SSCCs").press("Enter")
        page.get_by_role("heading", name="2 new SSCCs").wait_for()
        assert unusable(page, axe) == []
        page.get_by_role("link", name="ES-SHIP-77").click()
        page.get_by_label("As").select_option("zpl")
        with page.expect_download() as given:
            page.get_by_role("button", name="Print").click()
        assert given.value.suggested_filename == "labels_ES-SHIP-77.zpl"
    with served.browser("viewer") as page_:
        assert "Give new SSCCs" not in page_.get("/labels").text
