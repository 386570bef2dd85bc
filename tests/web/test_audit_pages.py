"""The audit on the page and over REST: search, entries, check, exports, holds; of one partner and of all."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from gateway.errors import RefusedError
from gateway.services import errand
from gateway.services.history import SCANNED
from tests.receivers import wait_for
from tests.web.browsing import opened
from tests.web.conftest import PASSWORD, Served

API = "/api/v1/audit"


@pytest.fixture(scope="module")
def auditor(served: Served) -> Iterator[httpx.Client]:
    with served.client("auditor") as client:
        yield client


@pytest.fixture(scope="module")
def of_other(served: Served) -> Iterator[httpx.Client]:
    """An auditor of a partner with whom nothing happened."""
    from gateway.services import access
    from gateway.services.access import Grant

    with served.gateway.acting("user:test") as services:
        given = [Grant("auditor", "other-retail")]
        access.add_user(services, "other-auditor", PASSWORD, given, must_change=False, reason="a test")
        text, _ = access.make_key(services, "other-auditor", given, reason="a test")
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {text}"}, timeout=30) as client:
        yield client


def until(client: httpx.Client, url: str, done: Callable[[Any], bool]) -> Any:
    """What an address says as soon as it says what is waited for."""
    for _ in range(1200):
        if done(said := client.get(url).json()):
            return said
        time.sleep(0.05)
    raise AssertionError(said)


def post(client: httpx.Client, url: str, key: str, **body: Any) -> httpx.Response:
    return client.post(url, json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_it_is_for_auditors(served: Served, role: str) -> None:
    with served.client(role) as client:
        for path in ("entries", "entries/1", "check", "exports", "holds", "retention"):
            assert client.get(f"{API}/{path}").status_code == 403


def test_entries_are_found_by_what_they_are_about(auditor: httpx.Client) -> None:
    everything = auditor.get(f"{API}/entries?limit=1000").json()["entries"]
    assert [one["seq"] for one in everything] == [*range(len(everything), 0, -1)]
    received = [one for one in everything if one["event"] == "file.received"]
    message = received[0]["message_id"]
    asked = {
        "event=file.received": received,
        "event=file.*": [one for one in everything if one["event"].startswith("file.")],
        f"message={message}": [one for one in everything if one["message_id"] == message],
        f"message={message[:-2]}": [one for one in everything if one["message_id"] == message],
        "partner=acme-retail": [one for one in everything if one["partner"] == "acme-retail"],
        "actor=gateway&event=document.created": [
            one for one in everything if one["event"] == "document.created"
        ],
        "since=2099-01-01T00:00:00Z": [],
        "until=2000-01-01T00:00:00Z": [],
        "event=nothing%00here": [],
    }
    for query, expected in asked.items():
        answer = auditor.get(f"{API}/entries?limit=1000&{query}")
        assert answer.json()["entries"] == expected, query
    pages, url = [], f"{API}/entries?limit=7&event=file.*"
    while url:
        answer = auditor.get(url)
        pages += answer.json()["entries"]
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert pages == asked["event=file.*"]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_no_fault(served: Served, day: str) -> None:
    with served.client("auditor") as client:
        for query in (f"since={day}T00:00:00%2B14:00", f"until={day}T23:59:59"):
            assert client.get(f"{API}/entries?{query}").status_code == 422
            assert client.get(f"/api/v1/messages?{query}").status_code == 422
        assert client.get(f"{API}/entries?since=2020-01-01T00:00:00").json()["entries"]  # UTC
    with served.browser("auditor") as client:
        said = client.get(f"/audit?since={day}")
        assert said.status_code == 200
        assert "Write days as" in said.text


def test_an_order_is_followed_to_its_payment(served: Served, auditor: httpx.Client) -> None:
    from sqlalchemy import select

    from gateway.store import tables as t
    from gateway.store.database import reading

    k = t.document_keys.c
    with reading(served.gateway.engine) as connection:
        number = connection.execute(select(k.value).where(k.kind == "po").limit(1)).scalar_one()
    events = {one["event"] for one in auditor.get(f"{API}/entries", params={"po": number}).json()["entries"]}
    assert {"file.received", "document.created"} <= events


def test_what_is_long_ago_is_looked_for_step_by_step(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an index a page looks at so many entries, and says where to go on."""
    assert SCANNED > 1000
    monkeypatch.setattr("gateway.services.history.SCANNED", 5)
    with served.client("auditor") as client:
        rows, url, pages = [], f"{API}/entries?event=rules.loaded", 0
        while url:
            answer = client.get(url)
            assert len(answer.json()["entries"]) <= 5
            rows += answer.json()["entries"]
            url = answer.links["next"]["url"] if "next" in answer.links else ""
            pages += 1
        assert [one["event"] for one in rows] == ["rules.loaded"] * len(rows)
        assert rows
        assert pages > 3


def test_an_entry_shows_its_link(auditor: httpx.Client) -> None:
    first, second = (auditor.get(f"{API}/entries/{seq}").json() for seq in (1, 2))
    assert first["before"] == "0" * 64
    assert second["before"] == first["hash"]
    assert (first["fits"], second["fits"]) == (True, True)
    assert auditor.get(f"{API}/entries/9999999").status_code == 404
    assert auditor.get(f"{API}/entries/{2**60}").status_code == 422


def test_an_auditor_of_a_partner_sees_nothing_of_others(of_other: httpx.Client, served: Served) -> None:
    assert of_other.get(f"{API}/entries").json()["entries"] == []
    assert of_other.get(f"{API}/entries/1").status_code == 404
    for path, body in (("check", {}), ("exports", {"reason": "mine", "partner": "other-retail"})):
        assert of_other.get(f"{API}/{path}").status_code == 403
        assert post(of_other, f"{API}/{path}", path, **body).status_code == 403
    assert of_other.get(f"{API}/holds").json()["holds"] == []
    for kind, value in (("all", ""), ("partner", "acme-retail"), ("number", "1")):
        assert post(of_other, f"{API}/holds", kind, kind=kind, value=value, reason="x").status_code == 403
    mine = post(of_other, f"{API}/holds", "mine", kind="partner", value="other-retail", reason="a dispute")
    assert mine.status_code == 201, mine.text
    assert of_other.get(f"{API}/holds").json()["holds"] == [mine.json()]
    with served.browser("other-auditor") as client:
        assert "acme" not in client.get("/audit").text.lower()
        assert client.get("/audit/exports").status_code == 403
        assert "/audit/exports" not in client.get("/audit").text


def test_the_chain_is_checked_in_the_background(auditor: httpx.Client) -> None:
    before = auditor.get(f"{API}/check").json()
    assert (before["running"] or {}).get("state") != "running"
    begun = post(auditor, f"{API}/check", "check", payloads=True)
    assert begun.status_code == 202
    said = until(auditor, f"{API}/check", lambda said: said["last"] != before["last"])
    assert said["last"]["problems"] == []
    assert said["last"]["payloads"] is True
    assert said["last"]["actor"].startswith("key:auditor/")


def test_an_export_is_made_fetched_once_and_proves_itself(auditor: httpx.Client, tmp_path: Path) -> None:
    before = len(auditor.get(f"{API}/entries?event=audit.downloaded").json()["entries"])
    begun = post(auditor, f"{API}/exports", "export", partner="acme-retail", reason="a dispute")
    assert begun.status_code == 202, begun.text
    done = until(auditor, begun.headers["location"], lambda said: said["state"] != "running")
    assert done["state"] == "done", done
    assert done["size"] > 1000
    assert (done["title"], done["actor"].partition("/")[0]) == ("partner acme-retail", "key:auditor")
    got = auditor.post(f"{begun.headers['location']}/download")
    assert int(got.headers["content-length"]) == len(got.content) == done["size"]
    zipfile.ZipFile(io.BytesIO(got.content)).extractall(tmp_path)
    checked = subprocess.run(
        [sys.executable, tmp_path / "verify.py"], capture_output=True, text=True, check=False
    )
    assert "No problems were found." in checked.stdout
    again = auditor.post(f"{begun.headers['location']}/download")
    assert again.status_code == 409
    told = auditor.get(f"{API}/entries?event=audit.downloaded").json()["entries"]
    assert len(told) == before + 1
    assert told[0]["words"] == "The export of partner acme-retail was downloaded."


def test_an_export_of_nothing_says_so(auditor: httpx.Client) -> None:
    assert post(auditor, f"{API}/exports", "no", partner="nobody", reason="x").status_code == 404
    begun = post(auditor, f"{API}/exports", "none", po="no such order", reason="x")
    done = until(auditor, begun.headers["location"], lambda said: said["state"] != "running")
    assert done["state"] == "failed"
    assert "nothing to export" in done["words"]


def test_what_is_kept_is_for_us_only_and_for_a_day(served: Served, auditor: httpx.Client) -> None:
    folder = served.home / "data/errands"
    begun = post(auditor, f"{API}/exports", "another", partner="acme-retail", reason="a dispute")
    until(auditor, begun.headers["location"], lambda said: said["state"] == "done")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [one.stat().st_mode & 0o777 for one in folder.glob("*.zip")] == [0o600]
    now = served.gateway.now()
    assert errand.listed(folder, now + timedelta(hours=23))
    assert errand.listed(folder, now + timedelta(hours=25)) == []
    assert [*folder.iterdir()] == []


def test_work_whose_process_was_killed_is_over_at_once(tmp_path: Path) -> None:
    """Another process looks: it waits for who lives, and for nobody who is dead, whatever the clock says."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    script = (
        "import sys, threading, datetime, pathlib; from gateway.services import errand\n"
        "at = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)\n"
        "def work(out, beat): print('begun', flush=True); threading.Event().wait()\n"
        "errand.begin(pathlib.Path(sys.argv[1]), 'export', 'x', 'web:a', lambda: at, work)\n"
        "threading.Event().wait()"
    )
    other = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE)
    try:
        assert other.stdout
        assert other.stdout.readline() == b"begun\n"
        assert errand.listed(tmp_path, now)[0]["state"] == "running"
        with pytest.raises(RefusedError, match="Another export is running"):
            errand.begin(tmp_path, "export", "x", "web:b", lambda: now, lambda out, beat: {})
        assert errand.listed(tmp_path, now + timedelta(minutes=6))[0]["state"] == "failed"  # it stands still
    finally:
        other.kill()
        other.communicate()
    assert errand.listed(tmp_path, now)[0]["state"] == "failed"
    again = errand.begin(tmp_path, "export", "x", "web:b", lambda: now, lambda out, beat: {"words": "fine"})
    wait_for(lambda: errand.one(tmp_path, again, now)["state"] == "done")


def test_one_at_a_time_and_with_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go, now = threading.Event(), datetime(2026, 3, 2, tzinfo=UTC)

    def begin(work: errand.Work) -> str:
        return errand.begin(tmp_path, "export", "everything", "web:anna", lambda: now, work)

    def waits(out: Any, beat: Any) -> dict[str, Any]:
        assert go.wait(30)
        beat("on and on")
        return {}

    def ended(which: str) -> dict[str, Any]:
        wait_for(lambda: errand.one(tmp_path, which, now)["state"] != "running")
        return errand.one(tmp_path, which, now)

    first = begin(waits)
    with pytest.raises(RefusedError, match="Another export is running"):
        begin(waits)
    with pytest.raises(RefusedError, match="still being made"):
        errand.take(tmp_path, first, now)
    monkeypatch.setattr(errand, "LIMIT_SECONDS", -1)
    go.set()
    assert "longer than an hour" in ended(first)["words"]
    failed = begin(lambda out, beat: {"no": out.name[:0] + beat})  # type: ignore[operator]
    assert "fault of the gateway" in ended(failed)["words"]
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".json", ".json"]


def test_holds_begin_and_end_with_a_reason(auditor: httpx.Client) -> None:
    made = post(auditor, f"{API}/holds", "hold", kind="number", value="PO-1", reason="a dispute")
    assert made.status_code == 201
    assert post(auditor, f"{API}/holds", "h2", kind="all", value="x", reason="x").status_code == 422
    assert post(auditor, f"{API}/holds", "h3", kind="partner", value="nobody", reason="x").status_code == 404
    assert post(auditor, f"{API}/holds", "h4", kind="message", value="nothing", reason="x").status_code == 404
    url = f"{API}/holds/{made.json()['seq']}/release"
    assert post(auditor, url, "end", reason="settled").status_code == 200
    assert post(auditor, url, "end2", reason="settled").status_code == 404
    assert auditor.get(f"{API}/retention").json()["years"] == 7


@pytest.mark.needs_system
def test_an_auditor_searches_and_exports(served: Served, chromium: Browser) -> None:
    with opened(chromium, served, "auditor", accept_downloads=True) as page:
        page.goto("/audit")
        page.get_by_label("Event").fill("file.*")
        page.keyboard.press("Enter")
        page.wait_for_url("**event=file.**")
        page.locator("td.num a").first.click()
        page.get_by_text("The hash follows").wait_for()
        page.goto("/audit/check")
        page.get_by_role("button", name="Check now").click()
        with served.client("auditor") as client:
            until(client, f"{API}/check", lambda said: (said["last"] or {}).get("actor") == "web:auditor")
        page.get_by_text("As it was written").wait_for()
        page.goto("/audit/exports")
        page.get_by_label("What").select_option("period")
        page.get_by_label("Partner").select_option("acme-retail")
        page.get_by_label("Reason").fill("a dispute")
        page.get_by_role("button", name="Make the export").click()
        with page.expect_download() as got:
            page.get_by_role("button", name="Download").first.click()
        assert zipfile.is_zipfile(got.value.path())
        page.goto("/audit/holds")
        page.get_by_label("Number or id").fill("PO-2")
        page.get_by_label("Reason").last.fill("a dispute")
        page.get_by_role("button", name="Hold it").click()
        page.get_by_text("is in force.").wait_for()
