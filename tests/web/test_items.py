"""Items and locations, on the page and by the REST API."""

from __future__ import annotations

import json
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, FilePayload
from sqlalchemy import select, update

from gateway.store.tables import documents
from tests.homes import LINE, PARTNER, set_in, work
from tests.orders import interchange, order
from tests.web.addresses import Watched
from tests.web.browsing import opened, unusable
from tests.web.conftest import Served, populate, serve

KETTLE = {"partner": PARTNER, "erp_sku": "100-4711", "vendor_sku": "EX-KT-17", "unit": "EA"}
HOSTILE = "<script>alert('x')</script>\u202e\"&"


@pytest.fixture(scope="module")
def served(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A home of whose partner an item must be known, with an order that waits for one."""
    home = tmp_path_factory.mktemp("items") / "home"
    shutil.copytree(story, home)
    set_in(home, f"partners/{PARTNER}.yaml", "name: Acme Retail", "name: Acme Retail\nitems: {mode: require}")
    line = "12|EA|18.40|B0UNKNOWN9|EX-KT-18|STEEL KETTLE"
    (home / f"folders/{PARTNER}/inbox/po.edi").write_bytes(interchange(77, [order(1, "WAITS1", [line])]))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        work(home)
        with serve(home) as found:
            populate(found)
            yield found


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


def test_a_row_is_added_changed_and_removed(served: Served) -> None:
    with served.client("operator") as api:
        kettle = KETTLE | {"erp_sku": "100-4700", "vendor_sku": "EX-KT-19"}
        made = api.post("/api/v1/items", json=kettle, headers=key("add"))
        assert made.status_code == 201, made.text
        url = made.headers["location"]
        assert api.post("/api/v1/items", json=kettle, headers=key("again")).status_code == 409
        shown = api.get(url)
        assert shown.json() == {**made.json(), "id": url.rpartition("/")[2]}
        changed = kettle | {"until": "2026-12-31"}
        assert api.put(url, json=changed).status_code == 428
        tag = {"If-Match": shown.headers["etag"]}
        assert api.put(url, json=changed, headers=tag).json()["until"] == "2026-12-31"
        assert api.put(url, json=changed, headers=tag).status_code == 412, "it was changed since"
        assert api.put(url, json=changed | {"erp_sku": "X"}, headers={"If-Match": "*"}).status_code == 422
        wrong = api.put(url, json={"gtin": "123", "colour": "red"}, headers={"If-Match": "*"})
        assert wrong.status_code == 422
        assert {"HOME-ROW"} == {one["code"] for one in wrong.json()["errors"]}
        assert "colour" in wrong.text
        assert "gtin" in wrong.text
        assert api.delete(url, headers={"If-Match": "*"}).status_code == 204
        assert api.get(url).status_code == 404


def test_rows_come_in_pages_and_are_searched(served: Served) -> None:
    rows = "erp_sku,partner,asin,description\n" + "".join(
        f"P-{number:03},{PARTNER},B{number:09},Thing {number} %_\n" for number in range(7)
    )
    with served.client("operator") as api:
        head = {"Content-Type": "text/csv"}
        checked = api.post("/api/v1/items/import/check", content=rows, headers=head)
        assert len(checked.json()["added"]) == 7
        assert api.get("/api/v1/items?text=P-00").json()["items"] == [], "nothing was stored"
        done = api.post("/api/v1/items/import", content=rows, headers=head | key("import"))
        assert done.json() == checked.json()
        found, url = [], f"/api/v1/items?limit=3&partner={PARTNER}&text=thing"
        while url:
            answer = api.get(url)
            found += [one["erp_sku"] for one in answer.json()["items"]]
            url = answer.links["next"]["url"] if "next" in answer.links else ""
        assert found == [f"P-{number:03}" for number in range(7)]
        assert len(api.get("/api/v1/items?text=thing 3 %25_").json()["items"]) == 1
        assert api.get("/api/v1/items?text=3 _%25").json()["items"] == [], "no wildcards"
        (one,) = api.get("/api/v1/items?text=P-001&fields=asin").json()["items"]
        assert one.keys() == {"asin", "id"}
        assert api.get("/api/v1/items?cursor=é").status_code == 422
        exported = api.get(f"/api/v1/items/export?partner={PARTNER}")
        assert exported.headers["content-type"].startswith("text/csv")
        assert exported.text.count("\nacme-retail,P-00") == 7
        again = api.post("/api/v1/items/import/check", content=exported.text, headers=head).json()
        assert (again["added"], again["changed"]) == ([], [])
        refused = api.post(
            "/api/v1/items/import/check", content="erp_sku,gtin\nA,12\n,\n", headers=head
        ).json()
        assert "Row 2, column gtin" in refused["errors"][0]["message"]


def test_nobody_sees_or_changes_rows_of_others(served: Served) -> None:
    with served.client("operator") as api:
        for partner in (PARTNER, ""):
            row = {"partner": partner, "erp_sku": "SECRET", "asin": "B0SECRET01"}
            assert api.post("/api/v1/items", json=row, headers=key(f"s{partner}")).status_code == 201
        url = api.get(f"/api/v1/items?text=SECRET&partner={PARTNER}").json()["items"][0]["id"]
    with served.client("other-viewer") as api:
        assert api.get("/api/v1/items").json()["items"] == []
        assert "SECRET" not in api.get("/api/v1/items/export").text
        assert api.get(f"/api/v1/items/{url}").status_code == 404
        assert api.get("/api/v1/items/unknown").json() == []
        assert api.post("/api/v1/items", json=KETTLE, headers=key("other")).status_code == 403
    with served.client("acme-operator") as api:
        assert [one["partner"] for one in api.get("/api/v1/items?text=SECRET").json()["items"]] == [PARTNER]
        row = {"partner": "", "erp_sku": "MINE", "asin": "B0SECRET02"}
        assert api.post("/api/v1/items", json=row, headers=key("all")).status_code == 403
    with served.browser("viewer") as page:
        text = page.get("/items?text=SECRET").text
        assert "SECRET" in text
        assert "/items/new" not in text
        assert page.get("/items/new").status_code == 403
    with served.browser("other-viewer") as page:
        assert "SECRET" not in page.get("/items").text
        assert page.get(f"/items/{url}").status_code == 404


def test_an_obsolete_item_is_marked(served: Served) -> None:
    """What the newest acknowledgment says of a line, the list says of the item."""
    kind = documents.c.document_type == "purchase_order_acknowledgment"
    with served.gateway.engine.begin() as connection:
        row = connection.execute(select(documents).where(kind)).mappings().first()
        assert row is not None
        body = json.loads(zlib.decompress(row["body"]))
        body["lines"][0]["responses"][0]["code"] = "rejected_obsolete"
        sku = body["lines"][0]["ids"]["vendor_sku"]
        kept = zlib.compress(json.dumps(body).encode())
        connection.execute(update(documents).where(documents.c.id == row["id"]).values(body=kept))
    with served.client("operator") as api:
        made = api.post("/api/v1/items", json={"erp_sku": "GONE", "vendor_sku": sku}, headers=key("gone"))
        assert made.status_code == 201, made.text
        (one,) = api.get("/api/v1/items?text=GONE").json()["items"]
        assert one["obsolete"]["id"] == row["id"]
    with served.browser("viewer") as page:
        assert ">obsolete<" in page.get("/items?text=GONE").text


def test_hostile_values_are_only_text(served: Served) -> None:
    with served.client("operator") as api:
        row = {"erp_sku": "HOSTILE", "asin": "B0HOSTILE1", "description": HOSTILE}
        assert api.post("/api/v1/items", json=row, headers=key("hostile")).status_code == 201
    with served.browser("operator") as page:
        text = page.get("/items?text=HOSTILE").text
        assert "<script>alert" not in text
        assert "\u202e" not in text
        for asked in ("/items?text=%00", "/items?partner=%00&cursor=%00", "/items/%2e%2e", "/items/a%00b"):
            assert page.get(asked).status_code in (200, 404, 422), asked
        wrong = page.post(
            "/items/save", data={"erp_sku": HOSTILE, "gtin": "12", "csrf": csrf(page), "partner": "nobody"}
        )
        assert wrong.status_code == 422
        assert "no UPC, EAN or GTIN" in wrong.text


def csrf(page: httpx.Client) -> str:
    found = re.search('name="csrf" value="([^"]+)"', page.get("/items").text)
    assert found
    return found[1]


@pytest.mark.needs_system
def test_an_unknown_item_is_added_with_one_click(served: Served, chromium: Browser) -> None:
    with served.client("operator") as api:
        api.post("/api/v1/items", json=KETTLE | {"description": "Steel kettle"}, headers=key("kettle"))
        waiting = api.get("/api/v1/items/unknown").json()
        assert "B0UNKNOWN9" in [one["columns"].get("asin") for one in waiting]
    with opened(chromium, served, "operator") as page:
        page.goto("/items")
        page.get_by_role("link", name="Unknown items").click()
        ours = page.locator("section", has_text="B0UNKNOWN9")
        ours.get_by_role("link", name="Another number…").press("Enter")
        page.get_by_label("Your item number").fill("100-4712")
        assert page.get_by_label("ASIN").input_value() == "B0UNKNOWN9"
        page.get_by_label("UPC, EAN or GTIN", exact=True).fill("12")
        page.get_by_role("button", name="Save").press("Enter")
        page.get_by_role("link", name=re.compile("no UPC")).press("Enter")
        page.get_by_label("UPC, EAN or GTIN", exact=True).fill("")
        page.get_by_role("button", name="Save").press("Enter")
        page.get_by_text("Item 100-4712 is added").wait_for()
    with served.client("viewer") as api:
        assert [one["asin"] for one in api.get("/api/v1/items?text=100-4712").json()["items"]] == [
            "B0UNKNOWN9"
        ]


def places(content: bytes) -> FilePayload:
    return {"name": "places.csv", "mimeType": "text/csv", "buffer": content}


@pytest.mark.needs_system
def test_a_file_is_looked_at_before_it_is_taken(served: Served, chromium: Browser, axe: Path) -> None:
    with opened(
        chromium, served, "operator", color_scheme="dark", viewport={"width": 380, "height": 800}
    ) as page:
        page.goto("/locations/import")
        page.set_input_files("#file", [places(b"erp_ship_to,code\nS-017,RNO4\nS-018,\n")])
        page.get_by_role("button", name="Look what it would do").click()
        page.get_by_text("Nothing was taken: 1 thing is wrong in places.csv").wait_for()
        assert unusable(page, axe) == []
        page.set_input_files("#file", [places(b"erp_ship_to,code\nS-017,RNO4\n")])
        page.get_by_role("button", name="Look what it would do").click()
        assert unusable(page, axe) == []
        page.get_by_role("button", name="Apply").click()
        page.get_by_text("1 row added, 0 changed").wait_for()
        page.get_by_role("link", name="S-017").click()
        page.get_by_text("End…").click()
        page.locator("#until").first.fill("2026-12-31")
        page.locator("details[open]").get_by_role("button", name="Save").click()
        page.get_by_text("S-017 holds until 2026-12-31").wait_for()


def test_much_that_is_unknown_takes_few_questions(served: Served) -> None:
    other = [LINE.replace("B0C1KETTL3", f"B0NONE{number:04}") for number in range(30)]
    lines = [one.replace("EX-KT-17", f"NONE-{number}") for number, one in enumerate(other)]
    content = interchange(901, [order(number, f"MANY-{number}", lines) for number in range(1, 6)])
    head = {"Authorization": f"Bearer {served.keys['operator']}"}
    with Watched(served, headers=head, timeout=30) as api:
        url = f"/api/v1/files?channel={PARTNER}&name=many.edi&wait=20"
        assert api.post(url, content=content, headers=key("many")).json()["translation"] == "translated"
        rows = api.get("/api/v1/items/unknown").json()
        many = [one for one in rows if one["columns"].get("asin", "").startswith("B0NONE")]
        assert len(many) == 30
        assert {len(one["documents"]) for one in many} == {5}
        assert 3 < len(api.queries["/api/v1/items/unknown"]) <= 20, api.queries
    with served.browser("operator") as page:
        assert "B0NONE0029" in page.get("/items/unknown").text
