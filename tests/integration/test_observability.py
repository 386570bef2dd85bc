"""Metrics, logs and traces of the story of the demo, and what a scrape says when things are not as usual."""

from __future__ import annotations

import gzip
import io
import json
import re
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text

from gateway.app import Gateway
from gateway.errors import ConfigurationError, TransportError
from gateway.observability import metrics, tracing
from gateway.observability.logging import configure
from gateway.observability.recent import Recent
from gateway.services import doctor
from gateway.settings import load
from gateway.store import gauges
from gateway.store import tables as t
from gateway.store.database import open_engine, reading, sqlite_url
from gateway.store.records import as_text
from tests.homes import ORDER, PARTNER, demo_home, rows

SECRET = "the-secret-of-the-hook"


def samples(text_: bytes) -> dict[str, float]:
    """Every number of a scrape, by name and labels."""
    return {
        f"{one.name}{json.dumps(dict(sorted(one.labels.items()))) if one.labels else ''}": one.value
        for family in text_string_to_metric_families(text_.decode())
        for one in family.samples
    }


@dataclass(frozen=True)
class Story:
    """What was seen of it."""

    home: Path
    lines: list[dict[str, Any]]
    spans: tuple[ReadableSpan, ...]
    counted: dict[str, float]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    home, stream, exporter = tmp_path_factory.mktemp("seen") / "home", io.StringIO(), InMemorySpanExporter()
    before = samples(generate_latest(metrics.PROCESS))
    made = tracing.provider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(made)
    configure(stream, level="debug")
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("HOOK", SECRET)
            demo_home(home)
    finally:
        tracing.use(None)
        structlog.reset_defaults()
    after = samples(generate_latest(metrics.PROCESS))
    counted = {name: value - before.get(name, 0) for name, value in after.items()}
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return Story(home, lines, exporter.get_finished_spans(), counted)


# --- logs ------------------------------------------------------------------------------------------------

LOOKED_FOR = {ORDER, "7KX2M44T", "ES-1077", "ES-SHIP-77", "4311000190"}
"""Numbers of documents, which people search the log for."""


def said(payload: bytes) -> set[str]:
    """The values of a document by which it would be known."""
    values = {one.strip() for one in re.split(r'[*~|:^>",{}\[\]\n]+', payload.decode("latin-1"))}
    telling = re.compile(r"[A-Z].*[A-Z0-9]|\d\.\d|\d{5}")
    return {one for one in values if len(one) > 3 and telling.search(one)}


def test_the_log_holds_nothing_of_payloads(story: Story) -> None:
    values: set[str] = set()
    for path in story.home.glob("data/payloads/*/*.gz"):
        values |= said(gzip.decompress(path.read_bytes()))
    assert {"STEEL KETTLE", "EXAMPLE SUPPLIER"} & values
    logged = "\n".join(json.dumps(line) for line in story.lines)
    words = set(re.findall(r"[\w.\- ]+", logged))
    found = {one for one in values if one in words or (len(one) > 6 and one in logged)}
    keys = ("file", "message_id", "control_number", "timestamp")
    names = "\n".join(str(line.get(key)) for line in story.lines for key in keys)
    assert {one for one in found - LOOKED_FOR - logged_codes(story) if one not in names} == set()


def logged_codes(story: Story) -> set[str]:
    """Ids and hashes that we made ourselves."""
    own = {"sha256", "payload", "rules", "job_id", "answers", "by", "made_from", "number"}
    return {str(line[key]) for line in story.lines for key in own & line.keys()}


def test_the_log_holds_no_secrets(story: Story) -> None:
    logged = "\n".join(json.dumps(line) for line in story.lines)
    key = (story.home / "keys/audit.pem").read_text().splitlines()[1]
    assert len(key) > 40
    assert SECRET not in logged
    assert key not in logged


def test_lines_say_what_they_are_about(story: Story) -> None:
    translated = [line for line in story.lines if line["event"] == "message.translated"]
    assert len(translated) == 10
    for line in translated:
        assert line["job_id"] == f"message:{line['message_id']}"
    known = {line["file"]: line for line in translated}
    assert known["orders-1001.edi"]["control_number"] == "1001"
    assert {line["partner"] for name, line in known.items() if "scan" not in name} == {PARTNER}
    written = next(line for line in story.lines if line["event"] == "interchange.written")
    assert (written["partner"], written["control_number"]) == (PARTNER, "3")
    assert written["job_id"].startswith("message:")


def test_nothing_of_one_unit_of_work_is_said_of_the_next() -> None:
    from gateway.observability.logging import note, unit

    with unit(message_id="m1"):
        note(partner="a", control_number="")
        with unit(message_id="m2", partner=None):
            note(control_number="7")
            assert structlog.contextvars.get_contextvars() == {
                "message_id": "m2", "partner": "a", "control_number": "7",
            }  # fmt: skip
        assert structlog.contextvars.get_contextvars() == {"message_id": "m1", "partner": "a"}
    assert structlog.contextvars.get_contextvars() == {}


# --- traces ----------------------------------------------------------------------------------------------


def test_a_message_has_one_trace_from_receiving_to_delivery(story: Story) -> None:
    by_trace: dict[int, list[ReadableSpan]] = defaultdict(list)
    for span in story.spans:
        assert span.context is not None
        by_trace[span.context.trace_id].append(span)
    for name, steps in (
        ("orders-1001.edi", ["receive", "translate", "deliver"]),
        (f"invoice-{ORDER}.json", ["receive", "translate"]),
        ("810_ES-1077_5.edi", ["write", "deliver"]),
    ):
        ((message, origin),) = rows(story.home, "SELECT id, origin FROM messages WHERE name = ?", name)
        trace, first = tracing.ids(message)
        spans = by_trace[trace]
        assert [one.name for one in sorted(spans, key=lambda one: one.start_time or 0)] == steps
        assert spans_of(spans, first=True) == [first]
        assert {one.parent.span_id for one in spans if one.parent} == {first}
        assert {(one.attributes or {})["edigw.message_id"] for one in spans} == {message}
        links = [link.context.trace_id for one in spans for link in one.links]
        assert links == ([tracing.ids(origin)[0]] if origin else [])


def spans_of(spans: list[ReadableSpan], *, first: bool) -> list[int]:
    return [one.context.span_id for one in spans if one.context and (one.parent is None) == first]


def test_a_span_of_what_failed_says_so() -> None:
    exporter, made = InMemorySpanExporter(), tracing.provider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(made)
    try:
        with pytest.raises(OSError, match="full"), tracing.span("deliver", "m1", channel="acme"):
            raise OSError("the disk is full")
    finally:
        tracing.use(None)
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert dict(span.attributes or {}) == {"edigw.message_id": "m1", "edigw.channel": "acme"}


def test_without_an_endpoint_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tracing.ENDPOINT, raising=False)
    tracing.configure()
    assert tracing.span("receive", "m1") is tracing.span("translate", "m2")


def test_missing_packages_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(ConfigurationError, match=r"edi-gateway\[otel\]"):
        tracing.configure("http://127.0.0.1:4318")


# --- metrics ---------------------------------------------------------------------------------------------


def test_what_a_process_did_is_counted(story: Story) -> None:
    def number(name: str, **labels: str) -> float:
        return story.counted.get(f"{name}{json.dumps(dict(sorted(labels.items()))) if labels else ''}", 0)

    came: dict[str, str] = {"direction": "in", "partner": PARTNER}
    assert number("edigw_messages_total", **came, set="850", outcome="translated") == 1
    assert number("edigw_messages_total", **came, set="850", outcome="partly_translated") == 1
    assert number("edigw_messages_total", **came, set="997", outcome="translated") == 3
    nobody = {"direction": "in", "partner": "", "set": ""}
    assert number("edigw_messages_total", **nobody, outcome="unreadable") == 1
    for set_id, times in (("997", 3), ("855", 1), ("856", 1), ("810", 1)):
        out = {"direction": "out", "partner": PARTNER, "set": set_id}
        assert number("edigw_messages_total", **out, outcome="written") == times
    assert number("edigw_translation_seconds_count") == 10
    assert number("edigw_delivery_attempts_total", channel="erp", outcome="delivered") == 3


def test_what_is_taken_back_is_not_counted(story: Story) -> None:
    with Gateway(story.home, load(story.home), works=False) as gateway:
        store, seen = gateway.services.store, list[Any]()
        store.counted = lambda tally: seen.append(dict(tally))
        with store.transaction():
            store.tally["attempt", "erp", "failed"] += 1
            with store.savepoint() as take_back:
                store.tally["attempt", "erp", "delivered"] += 1
                take_back()
        with suppress(ZeroDivisionError), store.transaction():
            store.tally["attempt", "erp", "failed"] += 1
            raise ZeroDivisionError
        with store.transaction():
            pass
        assert seen == [{("attempt", "erp", "failed"): 1}]


def test_sets_that_nobody_knows_are_one_label() -> None:
    before = samples(generate_latest(metrics.PROCESS))
    metrics.count(Counter({("message", "in", f"X{n:02}", PARTNER, "rejected"): 1 for n in range(50)}))
    after = samples(generate_latest(metrics.PROCESS))
    changed = {name: value - before.get(name, 0) for name, value in after.items() if "edigw_messages" in name}
    assert [value for value in changed.values() if value] == [50]


def test_a_scrape_has_every_gauge_and_no_ids(story: Story) -> None:
    with Gateway(story.home, load(story.home), works=False) as gateway:
        found = metrics.render(gateway)
    families = {one.name for one in text_string_to_metric_families(found.decode())}
    assert set(metrics.GAUGES) - families == {"edigw_certificate_not_after_seconds"}  # there is none
    ids = [one for (one,) in rows(story.home, "SELECT id FROM messages")]
    assert not [one for one in ids if one in found.decode()]


@pytest.fixture
def nodes(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Gateway]]:
    """Two nodes of one database."""
    from gateway.cli.commands.home import make_home

    monkeypatch.setenv("EDIGW_DATABASE_URL", postgres_url)
    home = tmp_path / "home"
    make_home(home)
    with ExitStack() as ends:
        yield [ends.enter_context(Gateway(home, load(home))) for _ in range(2)]


def test_every_node_tells_the_same_of_the_store(nodes: list[Gateway]) -> None:
    now = datetime.now(UTC)
    long_ago = as_text(now - timedelta(hours=2))
    message = {
        "direction": "in",
        "channel": "erp",
        "name": "a",
        "size": 1,
        "created_at": long_ago,
        "hold": "",
    }
    message |= {"translation": "translated", "delivery": "delivered", "acknowledgment": "not_expected"}
    delivery = {"message_id": "m1", "channel": PARTNER, "box": "outbox", "wanted": "a", "owner": "m"}
    delivery |= {"state": "sending", "token": "", "error": "", "planned_at": long_ago, "at": long_ago}
    said = [
        {"id": "m1"},
        {"id": "m2", "acknowledgment": "overdue"},
        {"id": "m3", "delivery": "failed"},
        {"id": "m4", "translation": "received"},
        {
            "id": "m5",
            "translation": "received",
            "hold": "why",
            "created_at": as_text(now - timedelta(days=9)),
        },
    ]
    stop = Event()
    worker = Thread(target=nodes[1].send, args=(stop,))
    with nodes[0].engine.begin() as connection:
        connection.execute(insert(t.messages), [message | one for one in said])
        connection.execute(insert(t.deliveries), delivery)
        known = {
            "channel": PARTNER,
            "failures": 3,
            "paused_at": "",
            "paused_by": "",
            "reason": "",
            "doing": "send",
        }
        known |= dict.fromkeys(("since", "stopped_at", "last_ok_at", "last_trouble_at"), long_ago)
        connection.execute(insert(t.channels), known | {"last_code": "", "last_words": "", "not_before": ""})
    worker.start()
    try:
        end = time.monotonic() + 20
        while not workers(nodes[0]) and time.monotonic() < end:
            time.sleep(0.05)
        with nodes[0].services.store.transaction():
            nodes[0].services.enqueue(["close:nobody"], now + timedelta(hours=1))
        first, second = (samples(metrics.render(one)) for one in nodes)
    finally:
        stop.set()
        worker.join()
    mine, theirs = (
        {name: value for name, value in found.items() if name.startswith(tuple(metrics.GAUGES))}
        for found in (first, second)
    )
    oldest = [one.pop("edigw_oldest_job_seconds") for one in (mine, theirs)]
    assert all(7200 <= one < 7300 for one in oldest)
    assert mine == theirs
    assert mine["edigw_acknowledgments_overdue"] == mine["edigw_deliveries_uncertain"] == 1
    assert mine['edigw_needs_person{"kind": "failed"}'] == 1
    assert mine['edigw_channel_up{"channel": "acme-retail"}'] == 0
    assert mine['edigw_channel_up{"channel": "erp"}'] == 1
    assert mine['edigw_deliveries_waiting{"channel": "acme-retail"}'] == 1
    assert mine['edigw_jobs{"state": "later"}'] == 1
    assert mine["edigw_workers"] == 1


def workers(node: Gateway) -> int:
    with reading(node.engine) as connection:
        return node.services.jobs.counts(connection)["workers"]


def test_a_database_that_is_away_is_a_number_and_no_error(story: Story) -> None:
    with Gateway(story.home, load(story.home), works=False) as gateway:
        gateway.services.store.close()
        gateway.engine.dispose()
        file = story.home / "data/gateway.db"
        file.rename(file.with_suffix(".away"))
        try:
            found = samples(metrics.render(gateway))
            states = {one.name: one.state for one in doctor.ready(gateway)}
        finally:
            gateway.engine.dispose()
            for one in (file, *file.parent.glob("gateway.db-*")):
                one.unlink(missing_ok=True)
            file.with_suffix(".away").rename(file)
    assert found["edigw_database_up"] == 0
    assert "edigw_acknowledgments_overdue" not in found
    assert [value for name, value in found.items() if name.startswith("edigw_build_info")] == [1]
    assert states["migrations"] == "fail"
    assert states["database"] == "fail"
    assert states["storage"] == "ok"


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize("url", ["sqlite", "postgres"])
def test_a_query_that_takes_too_long_is_ended(url: str, story: Story, request: pytest.FixtureRequest) -> None:
    at = (
        sqlite_url(story.home / "data/gateway.db")
        if url == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    engine, begun = open_engine(at), time.monotonic()
    taken = pytest.raises(TransportError, match=r"interrupted|timeout")
    with taken, gauges.limited(engine, 0.2) as connection:
        connection.execute(text(ENDLESS))
    assert time.monotonic() - begun < 10
    with gauges.limited(engine, 5) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_answers_count_for_a_moment() -> None:
    now, made = [0.0], list[int]()
    recent: Recent[int] = Recent(5, lambda: now[0])
    about = Event()

    def make() -> int:
        made.append(1)
        return len(made)

    assert [recent.get(about, make), recent.get(about, make), recent.get(Event(), make)] == [1, 1, 2]
    now[0] = 5
    assert recent.get(about, make) == 3


def test_a_process_without_a_page_tells_its_metrics(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDIGW_METRICS_LISTEN", "127.0.0.1:0")
    settings = load(story.home)
    with (
        Gateway(story.home, settings, works=False) as gateway,
        closing(gateway.services.store),
        metrics.served(settings.gateway.observability.address, gateway) as port,
    ):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"] == metrics.CONTENT_TYPE
            assert samples(answer.read())["edigw_database_up"] == 1
        again = metrics.served(("127.0.0.1", port), gateway)
        with pytest.raises(ConfigurationError, match="EDIGW_METRICS_LISTEN"), again:
            pass
        with metrics.served(("", 0), gateway) as none:
            assert none == 0
