"""Which alerts there are, for whom, and when: the rules alone, without a store or a network."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.notify import events, notice
from gateway.notify.events import EVENTS, MAX_TEXT, SEVERITIES, clean
from gateway.notify.rules import Alerts, Escalation, Quiet, Rule, Target
from gateway.partners.webhook import Email, Webhook

ROOT = Path(__file__).resolve().parents[2]
BERLIN = ZoneInfo("Europe/Berlin")
AWAITED: set[str] = set()
"""Entries that the audit has when schedules and the API channel write them."""


def rule(**more: Any) -> Rule:
    return Rule(**{"name": "all", "events": ("*",), "to": ("log",), **more})


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


# --- the catalogue -----------------------------------------------------------------------------------------


def test_every_source_is_an_entry_that_the_gateway_writes() -> None:
    code = "".join(
        path.read_text("utf-8") for path in (ROOT / "gateway").rglob("*.py") if path.name != "events.py"
    )
    named = {source.partition(" ")[0] for one in EVENTS.values() for source in one.sources}
    assert {one for one in named if f'"{one}"' not in code} == AWAITED


def test_events_say_what_their_words_and_things_need() -> None:
    for name, one in EVENTS.items():
        assert re.fullmatch(r"[a-z]+\.[a-z]+", name)
        assert one.severity in SEVERITIES
        assert set(re.findall(r"{(\w+)}", one.words)) <= set(one.fields), name
        assert set(one.by) <= {*one.fields, "message_id", "document_id"}, name


@pytest.mark.parametrize(
    ("audited", "facts", "wanted"),
    [
        ("message.translated", {"status": "translated"}, ["document.translated"]),
        ("message.translated", {"status": "rejected"}, ["document.rejected"]),
        ("message.translated", {"status": "failed"}, ["message.failed"]),
        ("message.translated", {"status": "duplicate"}, []),
        ("message.translated", {"status": ["rejected"]}, []),
        ("delivery.failed", {}, ["message.failed"]),
        ("acknowledgment.received", {"status": "accepted_with_errors"}, ["acknowledgment.received"]),
        ("acknowledgment.received", {"status": "partial"}, ["acknowledgment.rejected"]),
        ("document.created", {"document_type": "purchase_order_change"}, ["order.changed"]),
        ("document.created", {"document_type": "invoice"}, []),
        ("file.delivered", {"box": "quarantine"}, []),
        ("nothing.known", {}, []),
    ],
)
def test_an_entry_of_the_audit_is_the_event_that_its_facts_say(
    audited: str, facts: dict[str, Any], wanted: list[str]
) -> None:
    assert [*events.found(audited, facts)] == wanted


def test_only_facts_of_the_catalogue_are_told() -> None:
    facts = {"file": "po.edi", "error": "full", "password": "hunter2", "payload": "ISA*00*", "channel": None}
    assert events.alert("message.failed", facts)["facts"] == {"file": "po.edi", "error": "full"}
    assert (
        events.alert("message.failed", {"file": "po.edi"})["words"]
        == "po.edi for ? was given up and needs a person: ?"
    )


def test_what_came_from_outside_is_one_line_with_an_end() -> None:
    assert clean("a\r\nBcc: all@example.com\x00\x1b[31m\u202e\u2028b") == "a Bcc: all@example.com [31m b"
    assert clean("\ud800x") == "x"
    assert len(clean("x" * 10**7)) == MAX_TEXT
    assert clean([*"abcdefg"]) == "a; b; c; d; e; ..."
    assert events.alert("message.failed", {"file": "{channel}{0}%s"})["words"].startswith(
        "{channel}{0}%s for ?"
    )


@given(st.text())
def test_cleaned_text_can_stand_in_any_header(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert len(cleaned) <= MAX_TEXT
    assert clean(cleaned) == cleaned
    alert = {
        "alert": 1,
        "event": "message.failed",
        "severity": "error",
        "words": cleaned,
        "times": 1,
        "at": "",
    }
    said = notice.notice("all", [alert] * 2, datetime.now(UTC), escalated=True)
    assert "\n" not in notice.subject(said)


@given(
    st.dictionaries(st.sampled_from(["message_id", "document_id", "channel", "target"]), st.text(max_size=5))
)
def test_the_thing_is_the_same_for_the_same_thing_only(facts: dict[str, str]) -> None:
    for name, event in EVENTS.items():
        thing = events.thing(name, facts)
        assert re.fullmatch("[0-9a-f]{32}", thing)
        assert thing == events.thing(name, {**facts, "other": "x"})
        for one in event.by:
            assert thing != events.thing(name, {**facts, one: facts.get(one, "") + "x"})


# --- which rule is about what ------------------------------------------------------------------------------

_PARTS = st.one_of(st.just("*"), st.sampled_from([part for name in EVENTS for part in name.split(".")]))
_PATTERNS = st.one_of(st.sampled_from([*EVENTS]), st.tuples(_PARTS, _PARTS).map(".".join), st.just("*"))


@given(
    st.lists(_PATTERNS, min_size=1, max_size=4),
    st.sampled_from(SEVERITIES),
    st.lists(st.sampled_from(["acme", "other"]), max_size=2),
    st.sampled_from(["acme", "other", None]),
)
def test_a_rule_is_about_what_its_settings_say(
    patterns: list[str], least: str, partners: list[str], partner: str | None
) -> None:
    known = [one for one in patterns if any(re.match(translate(one), name) for name in EVENTS)]
    if known != patterns:
        with pytest.raises(ValueError, match="is not known"):
            rule(events=tuple(patterns))
        return
    made = rule(events=tuple(patterns), severity=least, partners=tuple(partners))
    for name, event in EVENTS.items():
        wanted = any(re.fullmatch(one.replace(".", r"\.").replace("*", ".*"), name) for one in patterns)
        wanted = wanted and (partner in partners or not partners)
        assert made.is_about(name, partner) == (
            wanted and SEVERITIES.index(event.severity) >= SEVERITIES.index(least)
        )


# --- when --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "until", "now", "told"),
    [
        ("20:00", "07:00", "2026-03-02 19:59", "2026-03-02 19:59"),
        ("20:00", "07:00", "2026-03-02 20:00", "2026-03-03 07:00"),
        ("20:00", "07:00", "2026-03-03 00:30", "2026-03-03 07:00"),
        ("20:00", "07:00", "2026-03-03 07:00", "2026-03-03 07:00"),
        ("12:00", "13:30", "2026-03-03 12:29:59", "2026-03-03 13:30"),
        ("12:00", "13:30", "2026-03-03 11:00", "2026-03-03 11:00"),
        # The clocks go from 2 to 3 on March 29: the night is an hour shorter.
        ("20:00", "07:00", "2026-03-28 22:00", "2026-03-29 07:00"),
        ("20:00", "02:30", "2026-03-28 22:00", "2026-03-29 03:30"),
        # They go from 3 back to 2 on October 25.
        ("20:00", "07:00", "2026-10-24 22:00", "2026-10-25 07:00"),
    ],
)
def test_what_happens_in_quiet_hours_waits_for_their_end(since: str, until: str, now: str, told: str) -> None:
    made = rule(zone="Europe/Berlin", quiet=Quiet(since=since, until=until))
    assert made.due(at(now), "error") == at(told)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    made = rule(zone="Europe/Berlin", quiet=Quiet(since="20:00", until="02:30"))
    first, second = at("2026-10-25 02:30"), at("2026-10-25 02:30", fold=1)
    assert second - first == timedelta(hours=1)
    assert made.due(first - timedelta(minutes=1), "error") == first
    assert made.due(first, "error") == first
    assert made.due(second - timedelta(minutes=1), "error") == second


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - it gets its zone below
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
    st.times(),
    st.times(),
)
def test_nothing_is_told_in_quiet_hours_and_everything_within_a_day(
    now: datetime, zone: str, since: Any, until: Any
) -> None:
    hours = [f"{one:%H:%M}" for one in (since, until)]
    if hours[0] == hours[1]:
        return
    made = rule(zone=zone, quiet=Quiet(since=hours[0], until=hours[1]))
    told = made.due(moment := now.replace(tzinfo=UTC), "error")
    assert moment <= told <= moment + timedelta(hours=25)
    assert made.due(told, "error") == told, "it is told at a time that is not quiet"


def test_a_digest_is_told_at_the_end_of_its_minutes_or_at_its_times() -> None:
    assert rule(digest_minutes=15).due(at("2026-03-02 10:07"), "error") == at("2026-03-02 10:15")
    assert rule(digest_minutes=15).due(at("2026-03-02 10:15"), "error") == at("2026-03-02 10:30")
    twice = rule(zone="Europe/Berlin", digest_at=("08:00", "16:00"))
    assert twice.due(at("2026-03-02 07:59"), "error") == at("2026-03-02 08:00")
    assert twice.due(at("2026-03-02 08:00"), "error") == at("2026-03-02 16:00")
    assert twice.due(at("2026-03-28 17:00"), "error") == at("2026-03-29 08:00")
    quiet = Quiet(since="20:00", until="07:00")
    assert rule(zone="Europe/Berlin", digest_minutes=60, quiet=quiet).due(
        at("2026-03-02 19:30"), "error"
    ) == at("2026-03-03 07:00")


def test_others_are_told_without_a_digest_but_not_in_quiet_hours() -> None:
    quiet = Quiet(since="20:00", until="07:00")
    made = rule(zone="Europe/Berlin", digest_at=("08:00",), quiet=quiet)
    assert made.due(at("2026-03-02 10:00"), "error", again=True) == at("2026-03-02 10:00")
    assert made.due(at("2026-03-02 21:00"), "error", again=True) == at("2026-03-03 07:00")


def test_what_is_critical_waits_for_nothing_if_that_is_said() -> None:
    more = {"quiet": Quiet(since="00:00", until="23:59"), "digest_minutes": 60}
    now = at("2026-03-02 10:07")
    assert rule(**more, critical_at_once=True).due(now, "critical") == now
    assert rule(**more, critical_at_once=True).due(now, "error") > now
    assert rule(**more).due(now, "critical") > now


# --- settings ----------------------------------------------------------------------------------------------

_MAIL: dict[str, Any] = {
    "host": "smtp.example",
    "sender": "edi@supplier.example",
    "to": ("desk@supplier.example",),
}
_HOOK: dict[str, Any] = {"url": "https://hooks.example/x", "secrets": ("env:HOOK",)}


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (Email, {**_MAIL, "host": "smtp.example/x"}, "name of the mail server"),
        (Email, {**_MAIL, "to": ()}, "1 to 50"),
        (Email, {**_MAIL, "to": ("a@b.example\nBcc: c@d.example",)}, "no mail address"),
        (Email, {**_MAIL, "sender": "Name <a@b.example>"}, "no mail address"),
        (Email, {**_MAIL, "port": 0}, "65535"),
        (Email, {**_MAIL, "tls": "ssl"}, "tls 'ssl' is not known"),
        (Email, {**_MAIL, "user": "edi"}, "belong together"),
        (Email, {**_MAIL, "user": "edi", "password": "env:P", "tls": "none"}, "over TLS only"),
        (Email, {**_MAIL, "user": "edi", "password": "hunter2"}, "does not belong into this file"),
        (Email, {**_MAIL, "timeout_seconds": 0}, "timeout_seconds"),
        (Webhook, {**_HOOK, "url": "http://hooks.example/x"}, "https"),
        (Webhook, {**_HOOK, "url": "https://user:word@hooks.example/x"}, "do not belong into a URL"),
        (Webhook, {**_HOOK, "secrets": ()}, "1 to 5"),
        (Webhook, {**_HOOK, "secrets": ("whsec_MfKQ9r8G",)}, "does not belong into this file"),
        (Target, {"name": "log", "email": Email(**_MAIL)}, "always there"),
        (Target, {"name": "desk"}, "either email or webhook"),
        (Target, {"name": "Desk", "email": Email(**_MAIL)}, "no usable name"),
        (Quiet, {"since": "20:00", "until": "20:00"}, "must differ"),
        (Quiet, {"since": "8 pm", "until": "07:00"}, "no time"),
        (Quiet, {"since": "24:00", "until": "07:00"}, "no time"),
        (Escalation, {"after_minutes": 0, "to": ("log",)}, "after_minutes"),
        (Rule, {"name": "r", "events": ("message.faild",), "to": ("log",)}, "did you mean message.failed"),
        (Rule, {"name": "r", "events": ("[a-z]*",), "to": ("log",)}, "is not known"),
        (Rule, {"name": "r", "events": ("*",), "to": ()}, "must name something"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "severity": "bad"}, "severity 'bad'"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "documents": ("order",)}, "documents 'order'"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "zone": "Mars/Base"}, "zone 'Mars/Base'"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "zone": "../etc/passwd"}, "zone"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "zone": ""}, "zone"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "repeat_minutes": 0}, "repeat_minutes"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "digest_minutes": 1441}, "digest_minutes"),
        (Rule, {"name": "r", "events": ("*",), "to": ("log",), "digest_at": ("9",)}, "no time"),
        (
            Rule,
            {"name": "r", "events": ("*",), "to": ("log",), "digest_at": ("09:00",), "digest_minutes": 5},
            "not both",
        ),
        (Alerts, {"rules": (rule(to=("desk",)),)}, "rule all: target 'desk' is not known"),
        (Alerts, {"rules": (rule(), rule())}, "stands twice"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_words(
    kind: Any, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        kind(**values)
    assert "hunter2" not in str(refused.value)
    assert "MfKQ" not in str(refused.value)


# --- what is sent ------------------------------------------------------------------------------------------


def test_a_notice_has_the_form_of_standard_webhooks_and_reads_well() -> None:
    one: dict[str, Any] = {
        "alert": 7,
        "event": "message.failed",
        "severity": "error",
        "words": "po.edi failed.",
    }
    one |= {"at": "2026-03-02T09:30:00.000000+00:00", "facts": {"file": "po.edi"}}
    one |= {"times": 3, "message_id": "m1", "document_id": ""}
    said = notice.notice("desk", [one], datetime(2026, 3, 2, tzinfo=UTC), escalated=False)
    assert [*said] == ["type", "timestamp", "data"]
    assert said["type"] == "message.failed"
    assert notice.subject(said) == "[error] po.edi failed."
    assert notice.text(said).splitlines() == [
        "error: po.edi failed. (3 times)",
        "  event: message.failed",
        "  at: 2026-03-02T09:30:00 UTC",
        "  file: po.edi",
        "  message_id: m1",
        "  edigw alert acknowledge 7 --reason ...",
        "",
        "Told by the rule desk of alerts.yaml.",
    ]
    many = notice.notice(
        "desk", [one, {**one, "severity": "critical"}], datetime(2026, 3, 2, tzinfo=UTC), escalated=True
    )
    assert (many["type"], many["data"]["severity"]) == ("alert.digest", "critical")
    assert notice.subject(many) == "[critical] not acknowledged: 2 alerts, the first: po.edi failed."
    assert notice.text(many).startswith("Nobody has acknowledged this yet.\n\nerror:")
    assert Counter(notice.text(many).splitlines())["  edigw alert acknowledge 7 --reason ..."] == 2
