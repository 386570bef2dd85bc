"""Alerts on the page and over REST: what is open, what was told, who gets what; to a real webhook."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.receivers import SECRET, Hook, hook, wait_for
from tests.web.browsing import opened
from tests.web.conftest import Served

API = "/api/v1/alerts"
RULE: dict[str, object] = {"name": "pages", "events": ["message.failed", "channel.stopped"], "to": ["pager"]}


@pytest.fixture(scope="module")
def pager() -> Iterator[Hook]:
    with hook() as made:
        yield made


@pytest.fixture(scope="module")
def story(story: Path, pager: Hook, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story, with somebody to be told."""
    home = tmp_path_factory.mktemp("alerts") / "home"
    shutil.copytree(story, home)
    (home / "keys/hook").write_text(SECRET)
    where = {"url": pager.url, "secrets": ["file:keys/hook"], "private_addresses": True}
    quiet = {**RULE, "name": "night", "quiet": {"since": "22:00", "until": "06:00"}, "to": ["log"]}
    quiet["escalate"] = [{"after_minutes": 30, "to": ["pager"]}]
    settings = {"targets": [{"name": "pager", "webhook": where}], "rules": [RULE, quiet]}
    (home / "alerts.yaml").write_text(json.dumps(settings))
    return home


@pytest.fixture(scope="module")
def happened(served: Served, pager: Hook) -> list[str]:
    """Deliveries that failed, of two partners, and a channel that stopped; all are told."""
    with served.gateway.acting("gateway") as services, services.store.transaction():
        for partner in ("acme-retail", "other-retail"):
            file = f"<script>alert(1)</script>-{partner}.edi"
            known = {"partner": partner, "channel": partner, "file": file, "error": "full"}
            services.store.audit("delivery.failed", f"m-{partner}", **known)
        services.store.audit("channel.stopped", channel="erp", code="X", words="no disk", since="today")
    wait_for(lambda: pager.got)
    with served.client("operator") as client:
        wait_for(
            lambda: all(one["state"] == "sent" for one in client.get(f"{API}/notices").json()["notices"])
        )
        return [one["id"] for one in client.get(f"{API}/notices").json()["notices"]]


@pytest.mark.usefixtures("happened")
def test_everybody_sees_the_alerts_of_their_partners(served: Served) -> None:
    seen = {}
    for role in ("viewer", "acme-viewer", "other-viewer"):
        with served.client(role) as client:
            seen[role] = {one["partner"] for one in client.get(f"{API}?open=true").json()["alerts"]}
    assert seen == {
        "viewer": {"acme-retail", "other-retail", ""},
        "acme-viewer": {"acme-retail"},
        "other-viewer": {"other-retail"},
    }
    with served.browser("acme-viewer") as client:
        shown = client.get("/alerts").text
        assert "other-retail" not in shown
        assert "<script>alert" not in shown
        assert "Acknowledge" not in shown
        assert "/alerts/rules" not in shown
        assert client.get("/alerts/rules").status_code == 403
        assert client.get("/alerts/log").status_code == 403
    for role in ("acme-viewer", "acme-operator"):
        with served.client(role) as client:
            assert client.get(f"{API}/notices").status_code == 403
            assert client.get(f"{API}/rules").status_code == 403
            head = {"Idempotency-Key": "test"}
            assert client.post(f"{API}/targets/pager/test", headers=head).status_code == 403


@pytest.mark.usefixtures("happened")
def test_an_alert_is_acknowledged_by_who_may(served: Served) -> None:
    with served.client("viewer") as client:
        rows = client.get(f"{API}?open=true").json()["alerts"]
        mine = next(one["seq"] for one in rows if one["partner"] == "acme-retail")
        others = next(one["seq"] for one in rows if one["partner"] == "other-retail")
        nobody = next(one["seq"] for one in rows if not one["partner"])

    def acknowledge(role: str, number: int, key: str = "a") -> httpx.Response:
        with served.client(role) as client:
            head = {"Idempotency-Key": f"{key}{number}"}
            return client.post(f"{API}/{number}/acknowledge", json={"reason": "on it"}, headers=head)

    assert acknowledge("viewer", mine).status_code == 403
    assert acknowledge("acme-operator", others).status_code == 404
    assert acknowledge("acme-operator", nobody).status_code == 404
    done = acknowledge("acme-operator", mine)
    assert done.status_code == 200, done.text
    assert acknowledge("operator", mine).status_code == 409
    with served.client("viewer") as client:
        (row,) = [one for one in client.get(f"{API}?open=false").json()["alerts"] if one["seq"] == mine]
        assert (row["reason"], row["actor"].partition("/")[0]) == ("on it", "key:acme-operator")


def test_a_notice_is_sent_once_more_with_its_id(served: Served, happened: list[str], pager: Hook) -> None:
    with served.client("operator") as client:
        one = next(one for one in client.get(f"{API}/notices").json()["notices"] if one["target"] == "pager")
        before = [head["webhook-id"] for head, _ in pager.got].count(one["id"])
        head = {"Idempotency-Key": "resend"}
        said = client.post(f"{API}/notices/{one['id']}/resend", json={"reason": "lost"}, headers=head)
        assert said.status_code == 200, said.text
        wait_for(lambda: [head["webhook-id"] for head, _ in pager.got].count(one["id"]) == before + 1)
        url = f"{API}/notices/nothing/resend"
        assert client.post(url, json={"reason": "x"}, headers={"Idempotency-Key": "r"}).status_code == 404


def test_rules_and_targets_tell_no_secret(served: Served) -> None:
    with served.client("viewer") as client:
        said = client.get(f"{API}/rules").json()
    assert said["file"].endswith("/alerts.yaml")
    assert [one["name"] for one in said["rules"]] == ["pages", "night"]
    assert said["rules"][1]["escalate"] == [{"after_minutes": 30, "to": ["pager"]}]
    assert {one["name"] for one in said["targets"]} == {"pager", "log"}
    assert SECRET not in json.dumps(said)


def test_pages_of_alerts_follow_each_other(served: Served, happened: list[str]) -> None:
    with served.client("viewer") as client:
        first = client.get(f"{API}?limit=1")
        second = client.get(first.links["next"]["url"])
        numbers = [one["seq"] for answer in (first, second) for one in answer.json()["alerts"]]
        assert numbers == sorted(numbers, reverse=True)
        assert len(numbers) == 2


@pytest.mark.needs_system
@pytest.mark.usefixtures("happened")
def test_an_operator_takes_care_and_tries_the_target(served: Served, pager: Hook, chromium: Browser) -> None:
    with opened(chromium, served, "operator") as page:
        page.goto("/alerts")
        page.locator("summary", has_text="Acknowledge").first.focus()
        page.keyboard.press("Enter")
        page.get_by_label("Reason").first.fill("called them")
        page.keyboard.press("Enter")
        page.get_by_text("is yours now").wait_for()
        page.goto("/alerts/rules")
        before = len(pager.got)
        page.get_by_role("button", name="Send a test").first.click()
        page.get_by_text("pager took it").wait_for()
        assert len(pager.got) == before + 1
