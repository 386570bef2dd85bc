"""People and programs are told what happened: real servers, both databases, and all that goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select, text

from gateway.app import Gateway, Pass
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.errors import ConfigurationError
from gateway.settings import load
from gateway.store import tables as t
from gateway.store.alerts import LIMIT
from gateway.store.database import reading
from gateway.store.records import Entry
from tests.databases import Server
from tests.homes import PARTNER, FakeClock, put, put_order, set_in
from tests.receivers import (
    DOMAIN,
    LOGIN,
    OTHER,
    SECRET,
    Hook,
    Mailbox,
    Tls,
    hook,
    mail_server,
    verified,
    wait_for,
)

ROOT = Path(__file__).parents[2]
KINDS = ["sqlite", "postgres"]
FILE = "po.edi"


@dataclass
class Site:
    """A home, who is told, and the clock.

    Attributes:
        rules: of alerts.yaml, as YAML. entries: of the audit.
    """

    home: Path
    clock: FakeClock
    hook: Hook
    mail: Mailbox
    ca: Path
    entries: list[Entry] = field(default_factory=list)

    def write(self, *rules: dict[str, Any], **more: Any) -> None:
        """Writes alerts.yaml with the targets ``desk`` (mail), ``pager`` and ``tower`` (webhooks)."""
        mail = {
            "host": "localhost",
            "port": self.mail.port,
            "sender": f"edi@{DOMAIN}",
            "to": [f"desk@{DOMAIN}"],
        }
        mail |= {
            "private_addresses": True,
            "ca_file": "ca.pem",
            "user": LOGIN[0],
            "password": "file:keys/mail",
        }
        where = {
            "url": self.hook.url,
            "secrets": ["file:keys/hook"],
            "private_addresses": True,
        }
        targets = [{"name": "desk", "email": {**mail, **more.get("mail", {})}}]
        targets += [{"name": one, "webhook": {**where, **more.get("hook", {})}} for one in ("pager", "tower")]
        settings = {
            "targets": targets,
            "rules": [{"name": f"rule-{n}", **one} for n, one in enumerate(rules)],
        }
        (self.home / "alerts.yaml").write_text(json.dumps(settings))  # JSON is YAML

    @contextmanager
    def open(self, *, works: bool = True) -> Iterator[Gateway]:
        opened = Gateway(self.home, load(self.home), self.entries.append, works=works, actor="user:anna")
        with opened as gateway, closing(gateway.services.store):
            yield gateway

    def work(self) -> Pass:
        """One pass."""
        with self.open() as gateway:
            return gateway.run_once()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Works all the time, as ``edigw up``; who died is noticed after some seconds."""
        stop = Event()
        with self.open() as gateway:
            threads = [Thread(target=part, args=(stop,)) for part in gateway.parts]
            for one in threads:
                one.start()
            try:
                yield
            finally:
                stop.set()
                for one in threads:
                    one.join()

    def happens(self, *entries: tuple[str, dict[str, Any]]) -> None:
        """These entries of the audit are written, in one transaction."""
        with self.open(works=False) as gateway:
            store = gateway.services.store
            with store.transaction():
                for event, facts in entries:
                    store.audit(event, **{"message_id": "m1", **facts})

    def fails(self, message: str = "m1", **facts: Any) -> None:
        """A delivery is given up."""
        known = {"message_id": message, "partner": PARTNER, "channel": PARTNER, "file": FILE, "error": "full"}
        self.happens(("delivery.failed", known | facts))

    def later(self, **time: float) -> Pass:
        """Time goes on, and a pass after it."""
        self.clock.goes_on(**time)
        return self.work()

    def rows(self, table: Any) -> list[Any]:
        with self.open(works=False) as gateway, reading(gateway.engine) as connection:
            return list(connection.execute(select(table).order_by(table.c.seq)))

    def told(self, event: str) -> list[dict[str, Any]]:
        return [dict(one.facts) for one in self.entries if one.event == event]


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls.made(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: Tls
) -> Iterator[Site]:
    if getattr(request, "param", "sqlite") == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
    clock = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", clock)
    home = tmp_path / "home"
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    (home / "keys/hook").write_text(SECRET)
    (home / "keys/mail").write_text(LOGIN[1])
    for one in (home / "keys").iterdir():
        one.chmod(0o600)
    (home / "ca.pem").write_bytes(tls.ca.read_bytes())
    with hook() as receiver, mail_server(tls.server, login=True) as mail:
        yield Site(home, clock, receiver, mail, tls.ca)


both = pytest.mark.parametrize("site", KINDS, indirect=True)
FAILED = {"events": ["message.failed"], "to": ["pager"]}


# --- what is told, and how ---------------------------------------------------------------------------------


@both
def test_a_failure_is_told_by_mail_and_webhook_in_the_same_words(site: Site) -> None:
    site.write({**FAILED, "to": ["desk", "pager", "log"]})
    site.fails()
    assert site.rows(t.alerts)[0].step == 0
    assert not site.work().trouble
    ((headers, body),) = site.hook.got
    assert verified(SECRET, headers, body)
    assert not verified(OTHER, headers, body)
    assert not verified(SECRET, headers, body + b" ")
    said = json.loads(body)
    assert (said["type"], headers["content-type"]) == ("message.failed", "application/json")
    (alert,) = said["data"]["alerts"]
    words = f"{FILE} for {PARTNER} was given up and needs a person: full"
    assert (alert["words"], alert["message_id"], alert["partner"]) == (words, "m1", PARTNER)
    assert alert["facts"] == {"partner": PARTNER, "channel": PARTNER, "file": FILE, "error": "full"}
    (mail,) = site.mail.mails
    assert (mail["Subject"], mail["From"], mail["To"]) == (
        f"[error] {words}",
        f"edi@{DOMAIN}",
        f"desk@{DOMAIN}",
    )
    assert f"error: {words}" in site.mail.texts()[0]
    assert site.mail.secure == [True]
    assert {one["target"] for one in site.told("alert.sent")} == {"desk", "pager", "log"}
    assert [one.state for one in site.rows(t.notices)] == ["sent"] * 3
    assert not site.later(hours=1).trouble
    assert len(site.hook.got) == len(site.mail.raw) == 1
    assert main(["audit", "verify", "--no-payloads", "--config", str(site.home)]) == 0
    assert main(["db", "check", "--config", str(site.home)]) == 0


def test_files_of_partners_make_alerts_by_themselves(site: Site) -> None:
    rules = {
        "events": ["file.*", "order.received", "document.translated"],
        "to": ["pager"],
        "partners": [PARTNER],
    }
    site.write(rules, {"events": ["message.delivered"], "documents": ["purchase_order"], "to": ["tower"]})
    put_order(site.home, 1001, "4711")
    put(site.home, "bad.edi", b"this is no X12")
    put(site.home, "erp.json", b"{", "erp")
    site.work()
    told = [one for said in site.hook.said() for one in said["data"]["alerts"]]
    assert {(one["event"], one["partner"]) for one in told if one["event"] != "message.delivered"} == {
        ("order.received", PARTNER), ("document.translated", PARTNER), ("file.quarantined", PARTNER),
    }  # fmt: skip
    delivered = [one["facts"]["channel"] for one in told if one["event"] == "message.delivered"]
    assert set(delivered) == {"erp"}, "a 997 is no purchase order"


def test_a_rule_about_types_of_documents_looks_at_the_message(site: Site) -> None:
    site.write(
        {"events": ["message.*"], "severity": "error", "documents": ["purchase_order"], "to": ["pager"]}
    )
    put_order(site.home, 1001, "4711", "po-1.edi")
    site.work()
    (message,) = [one.id for one in site.rows(t.messages) if one.name == "po-1.edi"]
    site.fails(message)
    site.fails("another")
    site.work()
    assert [one["data"]["alerts"][0]["message_id"] for one in site.hook.said()] == [message]


def test_neither_payloads_nor_secrets_nor_lines_of_strangers_are_told(site: Site) -> None:
    site.write({**FAILED, "to": ["desk", "pager", "log"]})
    name = "a.edi\r\nBcc: all@evil.example\r\n\r\n<script>\x1b[2J" + "x" * 5000
    site.fails(file=name, payload="ISA*00*", password="hunter2")
    site.work()
    sent = site.mail.raw[0] + site.hook.got[0][1]
    for never in (b"ISA*00*", b"hunter2", SECRET.encode(), b"\x1b", b"\nBcc", LOGIN[1].encode()):
        assert never not in sent
    (mail,) = site.mail.mails
    assert mail["Bcc"] is None
    assert site.mail.envelopes == [(f"edi@{DOMAIN}", [f"desk@{DOMAIN}"])]
    assert str(mail["Subject"]).startswith("[error] a.edi Bcc: all@evil.example <script> [2Jxxx")
    assert len(mail["Subject"]) <= 200
    kept = site.home / "data/gateway.db"
    assert SECRET.encode() not in kept.read_bytes()
    assert LOGIN[1].encode() not in kept.read_bytes()


def test_while_a_secret_is_changed_both_hold(site: Site) -> None:
    (site.home / "keys/new").write_text(OTHER + "\n")
    site.write(FAILED, hook={"secrets": ["file:keys/hook", "file:keys/new"]})
    site.fails()
    site.work()
    ((headers, body),) = site.hook.got
    assert verified(SECRET, headers, body)
    assert verified(OTHER, headers, body)


# --- when, and how often -----------------------------------------------------------------------------------


@both
def test_the_same_thing_is_told_once_in_its_time(site: Site) -> None:
    site.write({**FAILED, "repeat_minutes": 60})
    for _ in range(3):
        site.fails()
        site.later(minutes=10)
    site.fails("m2")
    site.work()
    assert len(site.hook.got) == 2
    assert [(one.message_id, one.times) for one in site.rows(t.alerts)] == [("m1", 3), ("m2", 1)]
    site.clock.goes_on(minutes=40)
    site.fails()
    site.work()
    assert len(site.hook.got) == 3


@pytest.mark.slow
@both
def test_ten_thousand_events_are_one_notice_with_an_end(site: Site) -> None:
    site.write({**FAILED, "to": ["desk", "pager"], "digest_minutes": 15})
    facts = {"partner": PARTNER, "channel": PARTNER, "file": FILE, "error": "away"}
    site.happens(*(("delivery.failed", {**facts, "message_id": f"m{number}"}) for number in range(10_000)))
    site.fails("later")
    site.work()
    assert not site.hook.got
    assert len(site.rows(t.alerts)) == LIMIT + 1
    site.later(minutes=15)
    assert len(site.hook.got) == len(site.mail.raw) == 1
    alerts = site.hook.said()[0]["data"]["alerts"]
    assert site.hook.said()[0]["type"] == "alert.digest"
    assert len(alerts) == LIMIT + 1
    assert (alerts[-1]["event"], alerts[-1]["times"]) == ("alert.more", 10_001 - LIMIT)
    assert len(site.mail.raw[0]) < 100_000
    site.later(minutes=15)
    assert len(site.hook.got) == 1


def test_quiet_hours_hold_what_is_not_critical(site: Site) -> None:
    rule = {"zone": "Europe/Berlin", "quiet": {"since": "20:00", "until": "07:00"}, "critical_at_once": True}
    site.write({"events": ["message.failed", "deadline.missed"], "to": ["pager"], **rule})
    site.clock.time = datetime.fromisoformat("2026-03-28T22:00+01:00")  # the clocks go forward in this night
    site.fails()
    site.fails("m2")
    site.happens(("deadline.missed", {"message_id": "m3", "number": "4711"}))
    site.work()
    assert [one["type"] for one in site.hook.said()] == ["deadline.missed"]
    site.later(hours=7, minutes=59)
    assert len(site.hook.got) == 1
    site.later(minutes=1)  # 07:00 in Berlin; without the change it would be 06:00
    assert len(site.hook.got) == 2
    assert [one["message_id"] for one in site.hook.said()[1]["data"]["alerts"]] == ["m1", "m2"]


@both
def test_what_nobody_acknowledges_goes_to_others(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [{"after_minutes": 30, "to": ["tower"]}, {"after_minutes": 60, "to": ["tower", "desk"]}]
    site.write({**FAILED, "escalate": steps})
    site.fails()
    site.fails("m2")
    site.work()
    site.later(minutes=29)
    assert len(site.hook.got) == 1
    site.later(minutes=1)
    assert [one["data"]["escalated"] for one in site.hook.said()] == [False, True]
    first = site.rows(t.alerts)[0].seq
    words = ["alert", "acknowledge", str(first), "--reason", "I free the disk", "--config", str(site.home)]
    assert main(words) == 0
    assert main(words) == 6
    assert "I free the disk" in capsys.readouterr().err
    site.later(minutes=60)
    assert [len(one["data"]["alerts"]) for one in site.hook.said()] == [2, 2, 1]
    assert site.mail.mails[0]["Subject"].startswith("[error] not acknowledged: ")
    site.later(hours=5)
    assert len(site.hook.got) == 3


def test_what_was_acknowledged_before_it_was_told_is_not_told(site: Site) -> None:
    site.write({**FAILED, "digest_minutes": 15})
    site.fails()
    assert main(["alert", "acknowledge", "1", "--reason", "seen", "--config", str(site.home)]) == 0
    site.later(minutes=15)
    assert not site.hook.got


def test_a_rule_that_was_taken_out_tells_nothing_more(site: Site) -> None:
    site.write({**FAILED, "digest_minutes": 15, "escalate": [{"after_minutes": 5, "to": ["log"]}]})
    site.fails()
    site.write({"events": ["file.quarantined"], "to": ["pager"]})
    set_in(site.home, "alerts.yaml", "rule-0", "other")
    assert not site.later(minutes=15).trouble
    assert [one.due_at for one in site.rows(t.alerts)] == [""]
    (site.home / "alerts.yaml").unlink()
    site.fails()
    site.later(days=1)
    assert not site.hook.got
    assert len(site.rows(t.alerts)) == 1


# --- what goes wrong ---------------------------------------------------------------------------------------


def tried(site: Site) -> list[str]:
    return [headers["webhook-id"] for headers, _ in site.hook.got]


@pytest.mark.parametrize("status", [500, 429, 404, 302])
def test_what_is_not_taken_is_sent_again_under_the_same_id(site: Site, status: int) -> None:
    site.write(FAILED)
    with hook() as elsewhere:
        site.hook.status, site.hook.headers = status, {"Location": elsewhere.url}
        site.fails()
        times = [site.clock.time]
        with site.open() as gateway:
            assert f"answered {status}" in gateway.run_once().trouble[0]
            while len(tried(site)) < 4:
                site.clock.goes_on(seconds=5)
                gateway.run_once()
                if len(tried(site)) > len(times):
                    times.append(site.clock.time)
            site.hook.status = 204
            site.clock.goes_on(hours=1)
            assert not gateway.run_once().trouble
        site.later(hours=1)
        assert not elsewhere.got, "redirects are not followed"
    assert len(set(tried(site))) == 1
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert all(wanted <= pause <= wanted + 10 for pause, wanted in zip(pauses, (5, 20, 80), strict=True))
    stamps = [int(headers["webhook-timestamp"]) for headers, _ in site.hook.got]
    assert stamps == sorted(set(stamps))
    assert all(verified(SECRET, *one) for one in site.hook.got)
    assert len(tried(site)) == 5
    assert [(one.state, one.tries) for one in site.rows(t.notices)] == [("sent", 5)]


@pytest.mark.parametrize("site", ["postgres"], indirect=True)
def test_on_postgresql_the_job_of_the_next_try_waits_in_the_database(site: Site) -> None:
    site.clock.time = datetime.now(UTC) + timedelta(hours=1)  # the database has a clock of its own
    site.write(FAILED)
    site.hook.status = 500
    site.fails()
    assert "answered 500" in site.work().trouble[0]
    site.hook.status = 204
    site.work()
    assert len(tried(site)) == 1
    with site.open() as gateway, gateway.engine.begin() as connection:
        connection.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now()"))
    assert not site.work().trouble
    assert len(tried(site)) == 2
    assert len(set(tried(site))) == 1


def test_what_cannot_be_sent_for_a_day_is_given_up_and_told_to_others(site: Site) -> None:
    site.write(FAILED, {"events": ["alert.undelivered"], "to": ["desk"]})
    site.hook.status = 500
    site.fails()
    with site.open() as gateway:
        for _ in range(30):
            site.clock.goes_on(hours=1)
            gateway.run_once()
    count = len(tried(site))
    assert 10 < count < 30  # every hour at most
    site.later(hours=1)
    assert len(tried(site)) == count
    assert [one.state for one in site.rows(t.notices)] == ["failed", "sent"]
    (mail,) = site.mail.mails
    assert "pager could not be told: The receiver answered 500" in mail["Subject"]


def test_410_switches_a_webhook_off_until_a_test_is_taken(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write({"events": ["message.failed", "alert.*"], "to": ["pager"]})
    site.hook.status = 410
    site.fails()
    assert "410" in site.work().trouble[0]
    assert len(tried(site)) == 1
    site.fails("m2")
    site.later(days=2)
    site.later(days=2)
    assert len(tried(site)) == 1, "nothing is sent any more, not even that nothing is"
    assert main(["doctor", "--config", str(site.home)]) == 1
    assert (
        "pager of alerts cannot be told: it answered 410 (Gone) and is switched off"
        in capsys.readouterr().out
    )
    assert main(["alert", "test", "pager", "--config", str(site.home)]) == 5
    site.hook.status = 200
    assert main(["alert", "test", "pager", "--config", str(site.home)]) == 0
    assert site.hook.said()[-1]["type"] == "alert.test"
    site.fails("m3")
    site.work()
    assert site.hook.said()[-1]["data"]["alerts"][0]["message_id"] == "m3"


def test_a_slow_receiver_is_waited_for_with_an_end(site: Site) -> None:
    site.write(FAILED, hook={"timeout_seconds": 0.5})
    site.hook.wait = 30
    site.fails()
    (trouble,) = site.work().trouble
    assert "did not go on for 0.5 s" in trouble
    site.hook.wait = 0
    site.later(minutes=1)
    assert len(set(tried(site))) == 1


def test_a_server_that_is_away_is_told_in_words(site: Site) -> None:
    site.write({**FAILED, "to": ["pager", "desk"]}, hook={"url": "http://localhost:1/x"}, mail={"port": 1})
    site.fails()
    trouble = site.work().trouble
    assert any("localhost port 1 refused the connection" in one for one in trouble)
    assert any(
        "The mail server localhost port 1 cannot be used: Connection refused" in one for one in trouble
    )
    site.write({**FAILED, "to": ["pager", "desk"]})
    site.later(minutes=1)
    assert len(site.hook.got) == len(site.mail.raw) == 1


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        ({"ca_file": ""}, "certificate that is not trusted"),
        ({"host": "127.0.0.1"}, "certificate that is not trusted"),
        ({"private_addresses": False}, "email.private_addresses: true"),
        ({"tls": "none", "user": "", "password": ""}, "refused (530"),
        ({"tls": "tls"}, "cannot be used"),
        ({"user": "", "password": ""}, "refused (530"),
        ({"user": "somebody"}, "refused (535"),
        ({"password": "file:keys/none"}, "cannot be read"),
        ({"ca_file": "gateway.yaml"}, "no certificate in PEM form"),
        ({"to": [f"nobody@{DOMAIN}"]}, "refused all recipients (550 nobody of that name)"),
        ({"host": "mail.invalid"}, "cannot be used"),
    ],
)
def test_what_a_mail_server_does_not_take_is_said_in_words(
    site: Site, mail: dict[str, Any], words: str
) -> None:
    site.mail.refused = {f"nobody@{DOMAIN}"}
    site.write({**FAILED, "to": ["desk"]}, mail=mail)
    site.fails()
    (trouble,) = site.work().trouble
    assert words in trouble
    assert LOGIN[1] not in trouble
    assert not site.mail.raw
    assert [one.state for one in site.rows(t.notices)] == ["pending"]


def test_who_is_known_gets_the_mail_though_others_are_not(site: Site) -> None:
    site.mail.refused = {f"nobody@{DOMAIN}"}
    site.write({**FAILED, "to": ["desk"]}, mail={"to": [f"desk@{DOMAIN}", f"nobody@{DOMAIN}"]})
    site.fails()
    assert not site.work().trouble
    assert site.mail.envelopes[0][1] == [f"desk@{DOMAIN}"]
    assert site.told("alert.sent")[0]["refused"] == [f"nobody@{DOMAIN}"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"private_addresses": False, "url": "https://localhost/x"}, "webhook.private_addresses: true"),
        ({"secrets": ["file:keys/none"]}, "cannot be read"),
        ({"secrets": ["file:keys/mail"]}, "whsec_ and 24 to 64 random bytes"),
        ({"ca_file": "gateway.yaml"}, "no certificate in PEM form"),
    ],
)
def test_what_keeps_a_webhook_from_being_sent_is_said_in_words(
    site: Site, more: dict[str, Any], words: str
) -> None:
    site.write(FAILED, hook=more)
    site.fails()
    (trouble,) = site.work().trouble
    assert words in trouble
    assert LOGIN[1] not in trouble
    assert not site.hook.got


def test_webhooks_over_tls_are_sent_to_who_is_trusted_only(site: Site, tls: Tls, tmp_path: Path) -> None:
    with hook(tls.server) as trusted, hook(Tls.made(tmp_path / "other").server) as stranger:
        site.write(FAILED, hook={"url": trusted.url, "ca_file": "ca.pem"})
        site.fails()
        assert not site.work().trouble
        assert verified(SECRET, *trusted.got[0])
        site.write(FAILED, hook={"url": stranger.url, "ca_file": "ca.pem"})
        site.fails("m2")
        (trouble,) = site.work().trouble
        assert "is not trusted" in trouble
        assert "`webhook.ca_file`" in trouble
        assert not stranger.got


# --- kills -------------------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.app import Gateway
from gateway.settings import load
from gateway.services import alert
from gateway.store.alerts import Alerts

def dies(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def dies_after(function):
    def wrapped(*given, **named):
        function(*given, **named)
        dies()
    return wrapped

home, moment = Path(sys.argv[1]), sys.argv[2]
with Gateway(home, load(home)) as gateway:
    store = gateway.services.store
    if moment == "made":  # the row is there, but its transaction does not end
        store.alerts.add = dies_after(store.alerts.add)
    with store.transaction():
        facts = {"channel": "acme-retail", "file": "po.edi", "error": "full"}
        store.audit("delivery.failed", "m1", partner="acme-retail", **facts)
    if moment == "committed":
        dies()
    elif moment == "told":
        Alerts.told = dies_after(Alerts.told)
    elif moment == "noticed":
        alert.send = dies
    elif moment == "unsent":
        alert.post = dies
    elif moment == "sent":
        alert.post = dies_after(alert.post)
    gateway.run_once()
raise SystemExit("it was to be killed")
"""


@pytest.mark.slow
@both
@pytest.mark.parametrize(
    ("moment", "times"),
    [("made", 0), ("committed", 1), ("told", 1), ("noticed", 1), ("unsent", 1), ("sent", 2)],
)
def test_killed_at_any_moment_nothing_is_lost_and_a_repetition_is_known(
    site: Site, moment: str, times: int
) -> None:
    site.write({**FAILED, "to": ["pager", "desk"]})
    set_in(site.home, "gateway.yaml", "workers: 4 ", "workers: 1 ")  # one notice after another
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", _KILLED, str(site.home), moment]
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    site.clock.time = datetime.now(UTC)
    with site.working():
        wait_for(lambda: len(site.rows(t.notices)) == 2 * min(times, 1))
        wait_for(lambda: all(one.state == "sent" for one in site.rows(t.notices)))
    audited = [one for one in site.rows(t.audit) if one.event == "delivery.failed"]
    assert len(audited) == len(site.rows(t.alerts)) == min(times, 1), "an alert is there if its entry is"
    ids = tried(site) + [str(one["Message-ID"]) for one in site.mail.mails]
    assert len(set(ids)) == 2 * min(times, 1)
    assert len(ids) == 2 * min(times, 1) + (times == 2)
    assert main(["audit", "verify", "--no-payloads", "--config", str(site.home)]) == 0


# --- commands ----------------------------------------------------------------------------------------------


def test_alerts_are_listed_acknowledged_and_tried(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.write(FAILED)
    home = ["--config", str(site.home)]
    assert main(["alert", "list", *home]) == 0
    assert capsys.readouterr().out == "No alerts.\n"
    site.fails(file="a\x1b[2J.edi")
    site.fails("m2")
    site.work()
    assert main(["alert", "acknowledge", "1", "--reason", "I call them", *home]) == 0
    capsys.readouterr()
    assert main(["alert", "list", *home]) == 0
    out = capsys.readouterr().out
    assert "open" in out
    assert "I call them" in out
    assert "\x1b" not in out
    assert main(["alert", "list", "--open", "--json", *home]) == 0
    (one,) = json.loads(capsys.readouterr().out)["alerts"]
    assert (one["seq"], one["message_id"], one["facts"]["error"]) == (2, "m2", "full")
    assert main(["alert", "acknowledge", "9", "--reason", "x", *home]) == 4
    assert main(["alert", "test", "nobody", *home]) == 4
    assert main(["alert", "test", "desk", *home]) == 0
    assert site.mail.mails[-1]["Subject"] == "[info] This is a test. Nothing needs to be done."
    assert main(["alert", "test", "log", *home]) == 0
    assert main(["alert", "test", "pager", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ok"] is True
    (site.home / "keys/hook").unlink()
    assert main(["alert", "test", "pager", *home]) == 3
    tried_out = [json.loads(row.facts) for row in site.rows(t.audit) if row.event == "alert.tested"]
    results = [one["result"] for one in tried_out]
    assert results[:2] == ["There is no target 'nobody' in alerts.yaml.", "fine"]


def test_the_doctor_looks_at_targets(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.write(FAILED)
    site.work()
    assert main(["doctor", "--config", str(site.home)]) == 0
    assert capsys.readouterr().out.count("of alerts can be told") == 3
    site.write(FAILED, mail={"host": "mail.invalid"}, hook={"secrets": ["env:NO_SUCH_VARIABLE"]})
    assert main(["doctor", "--config", str(site.home)]) == 1
    out = capsys.readouterr().out
    assert "The target desk of alerts cannot be told" in out
    assert "NO_SUCH_VARIABLE" in out


def test_all_mistakes_of_the_file_are_told_with_their_lines(site: Site) -> None:
    (site.home / "alerts.yaml").write_text(
        "targets:\n  - name: desk\n    email: {host: x, sender: a@b.example, to: [c@d.example], pasword: x}\n"
        "rules:\n  - {name: r, events: ['*'], to: [log], quiet: {since: '1', until: '2'}}\n"
    )
    with pytest.raises(ConfigurationError) as refused:
        load(site.home)
    told = [one.message for one in refused.value.problems]
    assert any("alerts.yaml, line 3" in one and "pasword is not a setting" in one for one in told)
    assert any("alerts.yaml, line 5" in one and "'1' is no time" in one for one in told)
    site.write({**FAILED, "partners": ["acme-retial"]})
    with pytest.raises(ConfigurationError) as refused:
        load(site.home)
    assert "there is no partner 'acme-retial'" in refused.value.problems[0].message


def test_who_is_told_is_part_of_the_rules_in_the_audit(site: Site) -> None:
    site.work()
    site.write(FAILED)
    site.work()
    loaded = [json.loads(row.facts)["files"] for row in site.rows(t.audit) if row.event == "rules.loaded"]
    assert ["alerts.yaml" in one for one in loaded] == [False, True]


def test_what_was_told_long_ago_is_forgotten_but_in_the_audit(site: Site) -> None:
    from gateway.services import alert

    site.write(FAILED)
    site.fails()
    site.work()
    site.clock.goes_on(days=91)
    site.fails("m2")
    with site.open() as gateway:
        alert.forget(gateway.services)
    assert [one.message_id for one in site.rows(t.alerts)] == ["m2"]
    assert not site.rows(t.notices)
    assert sum(one.event == "alert.told" for one in site.rows(t.audit)) == 1


# --- beside each other -------------------------------------------------------------------------------------


@both
def test_what_is_taken_back_is_not_told(site: Site) -> None:
    site.write(FAILED)
    with site.open(works=False) as gateway:
        store = gateway.services.store
        with store.transaction():
            store.audit("delivery.failed", "kept", channel=PARTNER)
            with store.savepoint() as take_back:
                for number in range(2500):  # more than is gathered before it is written
                    store.audit("delivery.failed", f"m{number}", channel=PARTNER)
                assert len(store._read(select(t.alerts))) == LIMIT + 1
                take_back()
            store.audit("delivery.failed", "kept as well", channel=PARTNER)
    assert [one.message_id for one in site.rows(t.alerts)] == ["kept", "kept as well"]
    assert not site.work().trouble
    assert [len(one["data"]["alerts"]) for one in site.hook.said()] == [2]


@both
def test_the_same_thing_in_many_threads_is_one_alert(site: Site) -> None:
    site.write({**FAILED, "digest_minutes": 1440})
    with site.open(works=False) as gateway:

        def fails() -> None:
            with closing(gateway.services.store) as store:
                for _ in range(25):
                    with store.transaction():
                        store.audit("delivery.failed", "m1", channel=PARTNER)

        threads = [Thread(target=fails) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert [(one.message_id, one.times) for one in site.rows(t.alerts)] == [("m1", 100)]


@both
def test_what_happens_while_a_rule_tells_is_told_too(site: Site) -> None:
    site.write(FAILED)
    with site.working(), site.open(works=False) as gateway, closing(gateway.services.store) as store:
        for number in range(60):
            with store.transaction():
                store.audit("delivery.failed", f"m{number}", channel=PARTNER)
        wait_for(lambda: all(one.step for one in site.rows(t.alerts)))
        wait_for(lambda: all(one.state == "sent" for one in site.rows(t.notices)))
    told = [one["message_id"] for said in site.hook.said() for one in said["data"]["alerts"]]
    assert sorted(told) == sorted(f"m{number}" for number in range(60))
