"""Today, messages, one message, unprocessed files and problem codes, as people of each role see them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from gateway import resources
from gateway.services.explain import entries
from gateway.store.queries import UNPROCESSED
from tests.homes import acknowledgment, put
from tests.orders import interchange, order
from tests.web.addresses import Watched
from tests.web.browsing import opened
from tests.web.conftest import Served, work

HOSTILE = "<img src=x onerror=alert(1)>'\"{{7*7}}\u202egpj.edi"
MARKUP = "<SCRIPT>ALERT(1)</SCRIPT>"
TABS = ("", "/x12", "/document", "/trace", "/delivery", "/acknowledgments", "/history", "/raw")
MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def troubled(served: Served) -> Served:
    """The story, with what needs somebody: a bad order, a stranger, hostile content, and a refusal."""
    demo = resources.find("config/demo/orders-1001.edi").read_bytes()
    bad = demo.replace(b"DTM*002*20260316", b"DTM*002*20261316").replace(b"000001001", b"000001501")
    put(served.home, "bad-date.edi", bad)
    stranger = demo.replace(b"ACMERETAIL", b"NOBODYKNWN").replace(b"000001001", b"000001502")
    put(served.home, "stranger.edi", stranger)
    put(served.home, HOSTILE, b"<script>alert(1)</script> no X12 \x00\x1b[31m")
    line = f"120|EA|18.40|B0C1KETTL3|EX-KT-17|{MARKUP}"
    put(served.home, "markup.edi", interchange(1503, [order(1, "B4711</B>", [line])]))
    with served.client("operator") as client:
        answer = client.post(
            f"/api/v1/messages/{message(client, '810_')}/resend",
            json={"reason": "lost"},
            headers={"Idempotency-Key": "again"},
        )
        assert answer.status_code == 200, answer.text
    work(served)
    put(served.home, "late-997.edi", acknowledgment(2100, 3, "R"))
    work(served)
    return served


@pytest.fixture
def operator(troubled: Served) -> Iterator[httpx.Client]:
    with troubled.browser("operator") as client:
        yield client


@pytest.fixture
def viewer(troubled: Served) -> Iterator[httpx.Client]:
    with troubled.browser("viewer") as client:
        yield client


@pytest.fixture
def other(troubled: Served) -> Iterator[httpx.Client]:
    """Somebody who may see another partner only."""
    with troubled.browser("other-viewer") as client:
        yield client


def message(client: httpx.Client, text: str) -> str:
    """The id of the newest message that is found by a text."""
    rows = client.get("/api/v1/messages", params={"text": text}).json()["messages"]
    assert rows, text
    return str(rows[0]["id"])


def page(client: httpx.Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) < MOST_BYTES, url
    return answer.text


def csrf(text: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found
    return found[1]


def act(client: httpx.Client, do: str, *ids: str, reason: str = "a test", back: str = "/messages") -> str:
    """Confirms an action as the page has it; the page after it."""
    asked = client.get("/messages/actions", params={"do": do, "id": list(ids), "back": back}).text
    assert f"{len(ids)} message" in asked
    form = {"do": do, "id": list(ids), "reason": reason, "back": back, "csrf": csrf(asked)}
    return client.post("/messages/actions", data=form).text


# --- today -----------------------------------------------------------------------------------------------


def test_today_says_what_needs_somebody_and_links_to_it(operator: httpx.Client) -> None:
    told = {one["what"]: one for one in operator.get("/api/v1/today").json()["attention"]}
    asked: dict[str, Any] = {"open": True, "translation": [*UNPROCESSED], "limit": 100}
    waiting = operator.get("/api/v1/messages", params=asked).json()["messages"]
    assert told["unprocessed"]["count"] == len(waiting) > 0
    assert told["refused"]["count"] == 1
    text = page(operator, "/")
    for one in told.values():
        assert one["words"] in text
        assert f'href="{html.escape(one["list"])}"' in text
    assert "810_" in page(operator, told["refused"]["list"])
    volume = operator.get("/api/v1/today").json()["volume"]
    assert len(volume["hours"]) == 24
    assert volume["total"] == sum(map(sum, volume["partners"].values())) > 20


def test_today_of_somebody_who_sees_another_partner_is_empty(other: httpx.Client) -> None:
    found = other.get("/api/v1/today").json()
    assert (found["attention"], found["volume"]["total"]) == ([], 0)
    assert "Nothing needs you" in page(other, "/")


# --- messages --------------------------------------------------------------------------------------------


def test_messages_are_found_and_filtered_by_the_address(operator: httpx.Client) -> None:
    assert "810_ES-1077" in page(operator, "/messages?text=ES-1077")
    assert "orders-1001.edi" not in page(operator, "/messages?text=ES-1077")
    text = page(operator, "/messages?text=&partner=&direction=out&since=&acknowledgment=rejected")
    assert "810_ES-1077" in text
    assert "855_" not in text
    assert "No message is like that" in page(operator, "/messages?text=nothing-of-that-name")
    answer = operator.get("/messages?delivery=lost")
    assert answer.status_code == 422
    assert "HTTP-INVALID" in answer.text


def test_messages_come_in_pages(operator: httpx.Client) -> None:
    seen: list[str] = []
    url = "/messages?limit=7"
    while url:
        text = page(operator, url)
        seen += re.findall(r'name="id" value="([^"]+)"', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        url = html.unescape(following[1]) if following else ""
    rows = operator.get("/api/v1/messages?limit=1000").json()["messages"]
    assert seen == [row["id"] for row in rows]


def test_a_view_is_kept_for_who_saved_it(operator: httpx.Client, viewer: httpx.Client) -> None:
    token = csrf(page(operator, "/messages?direction=out"))
    form = {"name": "<b>Sent</b>", "query": "direction=out&evil=1", "csrf": token}
    text = operator.post("/messages/views", data=form).text
    assert 'href="/messages?direction=out"' in text
    assert "&lt;b&gt;Sent&lt;/b&gt;" in text
    assert "&lt;b&gt;Sent" not in page(viewer, "/messages")
    operator.post("/messages/views", data={**form, "query": ""})
    assert "&lt;b&gt;Sent" not in page(operator, "/messages")


def test_who_may_only_look_is_offered_nothing_to_do(viewer: httpx.Client) -> None:
    for url in ("/messages", "/unprocessed", f"/messages/{message(viewer, 'bad-date')}"):
        text = page(viewer, url)
        assert "/messages/actions" not in text.replace(
            'action="/messages/actions">\n<input type="hidden"', ""
        )
        assert "Reprocess" not in text
    token = csrf(page(viewer, "/messages"))
    form = {"do": "close", "id": message(viewer, "bad-date"), "reason": "no", "csrf": token}
    assert viewer.post("/messages/actions", data=form).status_code == 403
    assert viewer.get("/messages/actions?do=close&id=x").status_code == 403


def test_nothing_of_others_is_seen(other: httpx.Client, operator: httpx.Client) -> None:
    bad = message(operator, "bad-date")
    assert "Nothing has come or gone yet" in page(other, "/messages")
    assert "Everything was processed" in page(other, "/unprocessed")
    for tab in TABS:
        assert other.get(f"/messages/{bad}{tab}").status_code == 404
    for tab in ("", "/x12", "/trace", "/raw"):
        assert other.get(f"/api/v1/messages/{bad}{tab}").status_code == 404


def test_somebody_of_one_partner_acts_on_its_messages_only(troubled: Served, operator: httpx.Client) -> None:
    with troubled.browser("acme-operator") as mine:
        assert "Reprocess…" in page(mine, f"/messages/{message(operator, 'bad-date')}")
        form = {"do": "close", "id": message(operator, "stranger"), "reason": "x"}
        asked = page(mine, "/messages")
        answer = mine.post("/messages/actions", data={**form, "csrf": csrf(asked)})
        assert answer.status_code == 404  # it belongs to no partner that is known


def test_actions_are_for_the_shown_selection_and_kept_in_the_audit(operator: httpx.Client) -> None:
    hostile, scan = message(operator, "onerror"), message(operator, "scan-0007")
    asked = operator.get("/messages/actions", params={"do": "close", "id": [hostile, scan]}).text
    form = {"do": "close", "id": [hostile, scan], "reason": " ", "csrf": csrf(asked)}
    answer = operator.post("/messages/actions", data=form)
    assert answer.status_code == 422
    assert "Say why" in answer.text
    assert "2 messages were marked as done." in act(operator, "close", hostile, scan, reason="not for us")
    listed = page(operator, "/unprocessed")
    assert "scan-0007" not in listed
    assert "scan-0007" in page(operator, "/unprocessed?done=1")
    text = page(operator, f"/messages/{scan}/history")
    assert "it needs nobody any more. Reason: not for us" in text
    assert "web:operator" in text
    again = act(operator, "close", hostile, message(operator, "markup"))
    assert "1 message was marked as done." in again
    assert f"Message {hostile} needs nobody." in again


def test_what_is_reprocessed_is_a_new_message_and_the_first_needs_nobody(
    troubled: Served, operator: httpx.Client
) -> None:
    first = message(operator, "bad-date")
    text = act(operator, "reprocess", first, reason="corrected", back=f"/messages/{first}")
    assert "This new message processes bad-date.edi again." in text
    work(troubled)
    assert operator.get(f"/api/v1/messages/{first}").json()["closed_at"]
    newest = message(operator, "bad-date")
    assert newest != first
    assert operator.get(f"/api/v1/messages/{newest}").json()["closed_at"] == ""


def test_a_refused_action_says_why(operator: httpx.Client) -> None:
    order_ = message(operator, "orders-1001")
    text = act(operator, "cancel", order_, back=f"/messages/{order_}")
    assert "has nothing left that could be cancelled" in text
    assert operator.get(f"/messages/actions?do=delete&id={order_}").status_code == 404
    nothing = operator.get("/messages/actions?do=close&back=/unprocessed")
    assert nothing.url.path == "/unprocessed"
    assert "Select at least one message first." in nothing.text


# --- one message -----------------------------------------------------------------------------------------


def test_every_tab_of_every_message_is_there_or_says_that_it_is_not(operator: httpx.Client) -> None:
    for row in operator.get("/api/v1/messages?limit=1000").json()["messages"]:
        for tab in TABS:
            answer = operator.get(f"/messages/{row['id']}{tab}")
            assert answer.status_code in (200, 404), answer.text
            assert len(answer.content) < MOST_BYTES
            for href in re.findall(r'href="(/messages/[^"#]+)', answer.text):
                assert "None" not in href


def test_problems_come_first_and_lead_to_the_segment(operator: httpx.Client) -> None:
    bad = message(operator, "bad-date")
    text = page(operator, f"/messages/{bad}")
    assert "is not a date of the form CCYYMMDD" in text
    assert "Text for Acme Retail: all problems" in text
    assert re.search(r"Place: DTM02, .*, interchange \d+\nValue: ", text)  # a line each, to be copied
    place = re.search(rf'href="(/messages/{bad}/x12\?near=\d+)#here"', text)
    assert place
    there = page(operator, place[1])
    here = there.index('id="here"')
    assert "DTM" in there[here : here + 400]


def test_an_element_leads_to_its_field_and_back(operator: httpx.Client) -> None:
    one = message(operator, "orders-1001")
    text = page(operator, f"/messages/{one}/x12")
    link = re.search(r'href="(document[^"#]+)#(json/po_number)"', text)
    assert link
    json = page(operator, f"/messages/{one}/{html.unescape(link[1])}")
    assert f'id="{link[2]}"' in json
    back = re.search(r'href="([^"#]+near=\d+)#here"[^>]*>BEG03<', json)
    assert back
    assert 'id="here"' in page(operator, html.unescape(back[1]))
    traced = page(operator, f"/messages/{one}/trace")
    assert "BEG03 | text" in traced
    told = operator.get(f"/api/v1/messages/{one}/trace").json()
    assert {"source": "BEG03", "pointer": "/po_number"}.items() <= told["origins"][0].items()


def test_what_a_partner_says_is_told_in_words(operator: httpx.Client) -> None:
    text = page(operator, f"/messages/{message(operator, '810_')}/acknowledgments")
    assert "The partner rejects 810 0001." in text


def test_a_stranger_can_become_a_partner(operator: httpx.Client) -> None:
    text = page(operator, f"/messages/{message(operator, 'stranger')}")
    assert 'href="/partners/new?qualifier=ZZ&amp;id=NOBODYKNWN"' in text
    assert "ISA*00*" in text


def test_a_large_file_is_shown_in_parts(troubled: Served, operator: httpx.Client) -> None:
    lines = [f"1|EA|1.00|B0C1KETTL3|EX-{n}|KETTLE {n}" for n in range(8)]
    sets = [order(n, f"LARGE{n}", lines) for n in range(1, 241)]
    put(troubled.home, "large.edi", interchange(1600, sets))
    work(troubled)
    which = message(operator, "large.edi")
    content = operator.get(f"/api/v1/messages/{which}/raw").content
    assert len(content) > 150_000
    end = content.index(b"\n", 10_000) + 1
    for at, last in ((0, False), (end, False), (len(content) - 300, True)):
        part = operator.get(f"/api/v1/messages/{which}/x12?at={at}").json()
        assert len(part["segments"]) <= 45
        places = [one["offset"] for one in part["segments"]]
        assert places[0] <= at <= places[1]
        following = [content.index(b"\n", one) + 1 for one in places]
        assert following[:-1] == places[1:]  # nothing is left out
        assert part["next"] == (None if last else following[-1])
    for tab in (*TABS, f"/x12?at={end}", f"/trace?at={end}", "/raw?at=24000"):
        page(operator, f"/messages/{which}{tab}")


# --- hostile values, problem codes -----------------------------------------------------------------------


def test_nothing_a_partner_writes_becomes_markup(operator: httpx.Client) -> None:
    urls = ["/", "/messages", "/unprocessed?done=1", f"/messages?text={HOSTILE}", f"/problems?q={HOSTILE}"]
    urls += [f"/messages/{message(operator, one)}{tab}" for one in ("onerror", "markup") for tab in TABS]
    whole = ""
    for url in urls:
        text = operator.get(url).text
        assert "<img src=x" not in text
        assert "<script>alert" not in text.lower()
        assert "\u202e" not in text or HOSTILE in url
        assert "\x1b" not in text
        whole += text
    assert "&lt;SCRIPT&gt;ALERT(1)" in whole
    assert "␛[31m" in whole


def test_codes_have_pages_that_errors_lead_to(viewer: httpx.Client) -> None:
    said = viewer.get("/api/v1/messages/nothing").json()
    assert said["code"] in page(viewer, said["type"])
    assert viewer.get("/help").url.path == "/problems"
    text = page(viewer, "/problems?q=not a valid date")
    assert "X12-ELEMENT-DATE" in text or "No code" in text
    assert "AK403" in page(viewer, "/problems/x12-element-date")
    assert viewer.get("/problems/X12-ELEMENT-DATES").status_code == 404
    codes = viewer.get("/api/v1/problems").json()["codes"]
    assert [one["code"] for one in codes] == [*entries()]
    assert {"LOG-IN", "FORBIDDEN", "HTTP-CSRF"} <= {one["code"] for one in codes}


def test_no_page_asks_the_database_often(troubled: Served, operator: httpx.Client) -> None:
    one = message(operator, "orders-1001")
    known: dict[str, Any] = {"headers": operator.headers, "cookies": operator.cookies}
    with Watched(troubled, **known, timeout=30) as client:
        for url in ("/", "/messages", "/unprocessed", *(f"/messages/{one}{tab}" for tab in TABS)):
            page(client, url)
            assert 3 < len(client.queries[url]) <= 20, (url, client.queries[url])


# --- in a browser ----------------------------------------------------------------------------------------


@pytest.mark.needs_system
def test_a_coordinator_clears_what_came_by_keyboard(troubled: Served, chromium: Browser) -> None:
    with opened(chromium, troubled, "administrator") as tab:
        tab.get_by_role("link", name="files were not wholly processed").press("Enter")
        tab.wait_for_load_state()  # its script as well
        tab.get_by_label("Select stranger.edi").press("Space")
        tab.get_by_text("1 selected").wait_for()
        tab.get_by_role("button", name="Mark as done…").press("Enter")
        tab.get_by_label("Reason").fill("We do not trade with them")
        tab.keyboard.press("Enter")
        tab.get_by_text("1 message was marked as done.").wait_for()
        assert tab.url.endswith("/unprocessed")
        assert tab.get_by_text("stranger.edi").count() == 0
        tab.wait_for_load_state()
        tab.keyboard.press("/")
        tab.keyboard.type("7KX2M41Q")
        tab.keyboard.press("Enter")
        tab.get_by_role("link", name="orders-1001.edi").press("Enter")
        tab.get_by_role("link", name="X12").press("Enter")
        tab.locator("details.seg", has_text="BEG").locator("summary").press("Enter")
        tab.get_by_role("link", name="/po_number").press("Enter")
        assert tab.url.endswith("#json/po_number")
