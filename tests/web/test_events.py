"""Events: as a list and as a stream that breaks and goes on, for whoever may see them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.api.routes import events
from tests.homes import put_order
from tests.web.conftest import Served

URL = "/api/v1/events"
STREAM = {"Accept": "text/event-stream"}


def told(lines: Iterator[str], count: int) -> list[dict[str, Any]]:
    """So many events of a stream."""
    found: list[dict[str, Any]] = []
    one: dict[str, Any] = {}
    ends = time.monotonic() + 40  # heartbeats keep it from waiting for ever
    while len(found) < count:
        line = next(lines)
        assert time.monotonic() < ends, found
        name, _, value = line.partition(": ")
        if not line and "data" in one:
            found.append(one)
        one = {**one, name: value} if line else {}
    return found


def test_events_are_a_list(served: Served) -> None:
    with served.client("viewer") as client:
        rows, since = [], 0
        while True:
            said = client.get(URL, params={"since": since}).json()
            rows += said["events"]
            if since == said["cursor"]:
                break
            since = said["cursor"]
        names = {one["event"] for one in rows}
        assert names >= {"document.translated", "message.delivered", "acknowledgment.received"}
        assert [one["seq"] for one in rows] == sorted(one["seq"] for one in rows)
        assert {one["partner"] for one in rows} >= {"acme-retail"}
        only = client.get(URL, params={"since": 0, "event": "order.received"}).json()["events"]
        assert {one["event"] for one in only} == {"order.received"}
        assert client.get(URL).json()["events"] == []
        assert client.get(URL, params={"event": "nothing"}).status_code == 422


def test_others_see_nothing_of_a_partner(served: Served) -> None:
    with served.client("other-viewer") as client:
        assert client.get(URL, params={"since": 0}).json()["events"] == []
    with served.client("acme-viewer") as client:
        found = client.get(URL, params={"since": 0}).json()["events"]
        assert {one["partner"] for one in found} == {"acme-retail"}


def test_a_stream_tells_what_happens_and_is_resumed(served: Served) -> None:
    with served.client("viewer") as client:
        params = {"event": ["order.received", "document.translated"]}
        with client.stream("GET", URL, params=params, headers=STREAM) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            put_order(served.home, 8101, "STREAM-1")
            first = told(stream.iter_lines(), 1)[0]
        assert first["event"] == "order.received"
        assert json.loads(first["data"])["facts"]["number"] == "STREAM-1"
        head = {**STREAM, "Last-Event-ID": first["id"]}
        with client.stream("GET", URL, params=params, headers=head) as stream:
            after = told(stream.iter_lines(), 1)[0]
        assert after["event"] == "document.translated"
        assert int(after["id"]) > int(first["id"])


def test_a_silent_stream_beats_and_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_POLL", 0.1)
    monkeypatch.setattr(events, "_HEARTBEAT", 0.1)
    monkeypatch.setattr(events, "_LIFE", 2.5)
    with served.client("other-viewer") as client, client.stream("GET", URL, headers=STREAM) as stream:
        lines = [*stream.iter_lines()]
    assert ": nothing happened" in lines


def test_there_is_an_end_to_streams(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = [events._STREAMS.acquire(timeout=30) for _ in range(events.MAX_STREAMS)]
    try:
        assert all(taken), "each before gave its place back, also those that the client broke off"
        with served.client("viewer") as client, client.stream("GET", URL, headers=STREAM) as refused:
            assert refused.status_code == 503
    finally:
        for _ in filter(None, taken):
            events._STREAMS.release()
    with served.client("viewer") as client, client.stream("GET", URL, headers=STREAM) as stream:
        assert stream.status_code == 200
