"""``/api/v1/messages``: lists, details, bytes, and what people do with messages."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.receivers import wait_for
from tests.web.conftest import Served, is_quiet


@pytest.fixture(scope="module")
def operator(served: Served) -> Iterator[httpx.Client]:
    with served.client("operator") as client:
        yield client


def test_messages_come_in_pages_newest_first(operator: httpx.Client) -> None:
    wait_for(lambda: is_quiet(operator))
    whole = operator.get("/api/v1/messages").json()["messages"]
    assert len(whole) > 8
    assert [one["seq"] for one in whole] == sorted((one["seq"] for one in whole), reverse=True)
    rows, url = [], "/api/v1/messages?limit=3"
    while url:
        answer = operator.get(url)
        rows += answer.json()["messages"]
        url = answer.links["next"]["url"] if "next" in answer.links else ""
        assert bool(url) == (answer.json()["cursor"] is not None)
    assert rows == whole


def test_errors_are_problems(operator: httpx.Client) -> None:
    answer = operator.get("/api/v1/messages/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == 404
    assert said["code"] == "NOT-FOUND"
    assert said["request_id"] == answer.headers["x-request-id"]


def test_an_action_is_done_once_for_a_key(operator: httpx.Client) -> None:
    rows = operator.get("/api/v1/messages?direction=out").json()["messages"]
    url = f"/api/v1/messages/{rows[0]['id']}/resend"
    assert operator.post(url, json={"reason": "lost"}).status_code == 400
    head = {"Idempotency-Key": "one"}
    first = operator.post(url, json={"reason": "lost"}, headers=head)
    assert first.status_code == 200, first.text
    again = operator.post(url, json={"reason": "lost"}, headers=head)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert operator.post(url, json={"reason": "other"}, headers=head).status_code == 422
    history = operator.get(f"/api/v1/messages/{rows[0]['id']}").json()["history"]
    assert [one["actor"] for one in history if one["event"] == "message.resent"] == [first_actor(history)]


def first_actor(history: list[dict[str, str]]) -> str:
    return next(one["actor"] for one in history if one["event"] == "message.resent")


@pytest.mark.parametrize("noun", ["messages", "documents"])
def test_fields_choose(operator: httpx.Client, noun: str) -> None:
    rows = operator.get(f"/api/v1/{noun}?fields=id,partner,nothing").json()[noun]
    assert rows
    assert {frozenset(one) for one in rows} == {frozenset({"id", "partner"})}
