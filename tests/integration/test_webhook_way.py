"""Documents by webhook: a real receiver that judges signatures by itself, and all that goes wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway import engine, resources
from gateway.app import Gateway, Pass
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.errors import ConfigurationError
from gateway.services.check import statuses
from gateway.services.proof import verify_payloads
from gateway.settings import load
from gateway.store import tables as t
from gateway.store.audit import verify
from gateway.store.database import reading
from tests.databases import Server
from tests.homes import LINE, PARTNER, FakeClock, put, set_in
from tests.orders import interchange, order
from tests.ports import free_port
from tests.receivers import OTHER, SECRET, Hook, Tls, hook, verified

INVOICE = json.loads(resources.find("config/demo/invoice-7KX2M41Q.json").read_bytes())
SHOP, CHANNEL, OURS = "shop", "shop/webhook", "erp/webhook"


class Site:
    """A home, whose partner ``shop`` takes documents at a URL, on a clock that stands still."""

    def __init__(self, home: Path, there: Hook, clock: FakeClock) -> None:
        self.home, self.there, self.clock = home, there, clock
        make_home(home)
        set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
        (home / "keys/hook").write_text(SECRET)
        (home / "keys/hook").chmod(0o600)
        self.agree()

    def hook(self, **changes: Any) -> dict[str, Any]:
        said = {"url": self.there.url, "secrets": ["file:keys/hook"], "private_addresses": True}
        return {**said, **changes}

    def agree(self, *, more: dict[str, Any] | None = None, **changes: Any) -> None:
        said = {"name": "Shop", "webhook": self.hook(**changes), **(more or {})}
        (self.home / f"partners/{SHOP}.yaml").write_text(json.dumps(said))

    def erp(self, *, form: str = "", **changes: Any) -> None:
        """Our own system takes documents at the URL as well."""
        one = json.dumps({"channel": "erp", "webhook": self.hook(), **changes})
        before = "  channel: erp                # default erp"
        set_in(self.home, "gateway.yaml", before, f"  channels: [{one}]{form}")

    def invoice(self, number: str, **changes: Any) -> None:
        body = {**INVOICE, "partner_id": SHOP, "invoice_number": number, **changes}
        put(self.home, f"{number}.json", json.dumps(body).encode(), "erp")

    def order(self, *numbers: str) -> None:
        sets = [order(place, one, [LINE]) for place, one in enumerate(numbers, 1)]
        put(self.home, "po.edi", interchange(1, sets))

    def work(self, **later: float) -> Pass:
        """One pass, some time later; no status then contradicts another, and the audit is whole."""
        self.clock.goes_on(**later)
        with Gateway(self.home, load(self.home)) as gateway, closing(gateway.services.store):
            done = gateway.run_once(patient=False)
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            reading(gateway.engine) as connection,
        ):
            assert [*verify(connection), *verify_payloads(connection, gateway.payloads)] == []
            assert [one for one in statuses(connection) if not one.ok] == []
        return done

    def rows(self, *columns: Any, **wanted: str) -> list[tuple[Any, ...]]:
        (table,) = {one.table for one in columns}
        with (
            Gateway(self.home, load(self.home), works=False) as gateway,
            reading(gateway.engine) as connection,
        ):
            query = select(*columns).where(*(table.c[one] == value for one, value in wanted.items()))
            return [tuple(one) for one in connection.execute(query.order_by(table.c.seq))]

    def sent(self) -> list[tuple[Any, ...]]:
        """Name, delivery and acknowledgment of what was written for the shop."""
        m = t.messages.c
        return self.rows(m.name, m.delivery, m.acknowledgment, way="webhook")

    def states(self) -> list[str]:
        return [str(one[1]) for one in self.sent()]

    def events(self, event: str) -> list[dict[str, Any]]:
        return [json.loads(one) for (one,) in self.rows(t.audit.c.facts, event=event)]

    def run(self, *args: str) -> int:
        return main([*args, "--config", str(self.home)])

    def resend(self) -> int:
        (message,) = self.rows(t.messages.c.id, delivery="failed") or self.rows(
            t.messages.c.id, way="webhook"
        )
        return self.run("message", "resend", message[0], "--reason", "asked for")

    def numbers(self) -> list[str]:
        """The invoices that came, also if they were not taken."""
        return [one["invoice_number"] for one in self.there.said()]


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    if getattr(request, "param", "sqlite") == "postgres":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EDIGW_DATABASE_URL", server.database())
    clock = FakeClock()
    monkeypatch.setattr("gateway.app.datetime", clock)
    with hook() as there:
        yield Site(tmp_path / "home", there, clock)


both = pytest.mark.parametrize("site", ["sqlite", "postgres"], indirect=True)


# --- to a partner ----------------------------------------------------------------------------------------


@both
def test_a_document_is_posted_once_and_signed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.invoice("ES-1")
    done = site.work()
    assert (done.documents, done.delivered, done.quarantined, done.trouble) == (1, 1, 0, [])
    ((headers, body),) = site.there.got
    assert verified(SECRET, headers, body)
    assert not verified(OTHER, headers, body)
    assert not verified(SECRET, headers, body + b" ")
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == headers["webhook-id"]
    assert int(headers["webhook-timestamp"]) == int(site.clock.time.timestamp())
    said = json.loads(body)
    assert engine.explain(said) == ()
    assert (said["invoice_number"], said["lines"], said["test"]) == ("ES-1", INVOICE["lines"], False)
    assert "partner_id" not in said  # our name for them
    ((name, *statuses_),) = site.sent()
    assert statuses_ == ["delivered", "not_expected"]
    assert name == f"invoice_ES-1_{said['document_id'][:8]}.json"
    assert site.work(hours=30).delivered == 0
    assert len(site.there.got) == 1
    ((message,),) = site.rows(t.messages.c.id, way="webhook")
    capsys.readouterr()
    assert site.run("message", "show", message) == 0
    shown = capsys.readouterr().out
    assert f"{headers['webhook-id']} to {site.there.url}: confirmed at 2026" in shown
    assert "1 attempt" in shown
    assert "AS2" not in shown
    ((kept,),) = site.rows(t.documents.c.acknowledgment, number="ES-1")
    assert kept == "not_expected"


def test_a_test_says_that_it_is_one(site: Site) -> None:
    site.invoice("ES-1", test=True)
    site.work()
    assert site.there.said()[0]["test"] is True


def test_what_is_no_right_document_is_not_sent(site: Site) -> None:
    site.invoice("ES-1", lines=[{"line_no": 1}])
    assert site.work().quarantined == 1
    assert not site.there.got
    (report,) = (site.home / "folders/erp/quarantine").glob("*.problem.json")
    assert "/lines/0/line_no" in report.read_text()
    site.invoice("ES-1", control={"version": "004010"})  # nothing of it counts as sent
    assert site.work().delivered == 1
    assert "control" not in site.there.said()[0]


# --- what is not taken -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [500, 503, 408, 429, 0, -1])
def test_what_may_pass_is_tried_again_under_the_same_id(site: Site, fault: int) -> None:
    site.there.faults = [fault] * 3
    if fault == -1:  # it says nothing
        site.agree(timeout_seconds=1)
    site.invoice("ES-1")
    (words,) = site.work().trouble
    assert words.startswith(CHANNEL)
    assert site.states() == ["waiting"]
    for pause in (1, 2, 4):
        tried = len(site.there.got)
        site.work(seconds=pause - 0.1)
        assert len(site.there.got) == tried  # it is not its time yet
        site.work(seconds=0.1)
        assert len(site.there.got) == tried + 1
    assert site.states() == ["delivered"]
    assert len(set(site.there.ids())) == 1
    assert len({body for _, body in site.there.got}) == 1
    assert all(verified(SECRET, *one) for one in site.there.got)
    assert len({headers["webhook-timestamp"] for headers, _ in site.there.got}) > 1


def test_as_long_as_the_receiver_wants_nothing_is_sent_to_it(site: Site) -> None:
    site.there.faults, site.there.headers = [429], {"Retry-After": "120"}
    site.invoice("ES-1")
    site.work()
    site.invoice("ES-2")
    site.work(seconds=119)
    assert site.numbers() == ["ES-1"]
    site.work(seconds=2)
    assert site.numbers() == ["ES-1", "ES-1", "ES-2"]
    assert site.states() == ["delivered"] * 2


@pytest.mark.parametrize("said", ["soon", "-5", "1e9", "9" * 30, "٣"])
def test_a_pause_that_is_none_changes_nothing(site: Site, said: str) -> None:
    site.there.faults, site.there.headers = [503], {"Retry-After": said.encode().decode("latin-1")}
    site.invoice("ES-1")
    site.work()
    site.work(seconds=1)
    assert site.states() == ["delivered"]


def test_one_that_fails_alone_stops_no_other(site: Site) -> None:
    site.there.faults = [500]
    for number in ("ES-1", "ES-2"):
        site.invoice(number)
    site.work()
    assert sorted(site.numbers()) == ["ES-1", "ES-2"]
    assert sorted(site.states()) == ["delivered", "waiting"]


def test_a_receiver_that_is_away_is_asked_once(site: Site) -> None:
    site.agree(url=f"http://127.0.0.1:{free_port()}/hook")
    for number in ("ES-1", "ES-2"):
        site.invoice(number)
    (words,) = site.work().trouble
    assert "refused the connection" in words
    assert len(site.events("webhook.begun")) == 1
    site.agree()
    site.work(seconds=1)
    assert site.states() == ["delivered"] * 2


@both
@pytest.mark.parametrize("status", [401, 422])
def test_a_refusal_is_left_to_a_person(site: Site, status: int) -> None:
    site.there.faults, site.there.words = [status], b"no such\norder \x1b[2J"
    site.invoice("ES-1")
    site.work()
    site.invoice("ES-2")
    site.work(hours=1)
    assert site.numbers() == ["ES-1", "ES-2"]
    assert site.states() == ["failed", "delivered"]
    (failed,) = site.events("delivery.failed")
    assert failed["file"] == site.sent()[0][0]
    assert failed["error"].startswith(f"The receiver answered {status} (no such order")
    assert site.resend() == 0
    site.work()
    assert site.states() == ["delivered"] * 2
    first, _, again = site.there.ids()
    assert first == again  # it may have been taken all the same


def test_what_is_sent_again_after_it_was_taken_comes_again(site: Site) -> None:
    site.invoice("ES-1")
    site.work()
    assert site.resend() == 0
    site.work()
    first, again = site.there.got
    assert first[0]["webhook-id"] != again[0]["webhook-id"]
    assert first[1] == again[1]


def test_a_receiver_that_wants_nothing_any_more_is_left_alone(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.there.status = 410
    for number in ("ES-1", "ES-2"):
        site.invoice(number)
    site.work()
    site.work(hours=1)
    assert len(site.there.got) == 1
    assert site.states() == ["waiting"] * 2
    (stopped,) = site.events("channel.stopped")
    assert (stopped["channel"], "410 (Gone)" in stopped["words"]) == (CHANNEL, True)
    capsys.readouterr()
    assert site.run("channel", "list") == 1
    shown = capsys.readouterr().out
    assert f"{CHANNEL:<24}WEBHOOK paused" in shown
    assert "by gateway: The receiver answered 410" in shown
    site.there.status = 204
    assert site.run("channel", "resume", CHANNEL, "--reason", "they mend it") == 0
    site.work()
    assert site.states() == ["delivered"] * 2
    first, *later = site.there.ids()
    assert first in later
    assert len({first, *later}) == 2
    assert site.events("channel.recovered")


def test_redirects_are_not_followed(site: Site) -> None:
    with hook() as elsewhere:
        site.there.status, site.there.headers = 307, {"Location": elsewhere.url}
        site.invoice("ES-1")
        site.work()
        assert not elsewhere.got
    assert site.states() == ["failed"]
    assert "redirects are not followed" in site.events("delivery.failed")[0]["error"]


def test_a_certificate_that_is_not_trusted_gets_nothing(site: Site, tmp_path: Path) -> None:
    tls = Tls.made(tmp_path / "tls")
    with hook(tls.server) as there:
        site.agree(url=there.url)
        site.invoice("ES-1")
        (words,) = site.work().trouble
        assert "not trusted" in words
        assert "`webhook.ca_file`" in words
        assert not there.got
        site.agree(url=there.url, ca_file=str(tls.ca))
        site.work(seconds=1)
        assert len(there.got) == 1
    assert site.states() == ["delivered"]


def test_an_address_inside_is_not_reached_unless_it_may_be(site: Site) -> None:
    site.agree(url=site.there.url.replace("http:", "https:"), private_addresses=False)
    site.invoice("ES-1")
    (words,) = site.work().trouble
    assert "`webhook.private_addresses: true`" in words
    assert not site.there.got


def test_a_secret_that_is_missing_holds_everything(site: Site) -> None:
    (site.home / "keys/hook").rename(site.home / "keys/gone")
    site.invoice("ES-1")
    (words,) = site.work().trouble
    assert "keys/hook" in words
    (site.home / "keys/gone").rename(site.home / "keys/hook")
    site.work(minutes=1)
    assert site.states() == ["delivered"]


def test_after_a_day_a_person_is_asked(site: Site) -> None:
    site.there.status = 500
    site.invoice("ES-1")
    site.work()
    for _ in range(3):
        site.work(hours=9)
    assert site.states() == ["failed"]
    assert site.events("delivery.failed")[0]["error"].startswith("The receiver answered 500")


# --- with the rest ---------------------------------------------------------------------------------------


def test_a_channel_that_is_paused_lets_a_route_fall_back(site: Site) -> None:
    file = site.home / f"partners/{PARTNER}.yaml"
    file.write_text(file.read_text() + f"\nwebhook: {json.dumps(site.hook())}\n")
    routes = [{"name": "all", "to": "webhook", "fallback": "folder"}]
    (site.home / "routes.yaml").write_text(json.dumps({"routes": routes}))
    site.invoice("ES-1", partner_id=PARTNER)
    site.work()
    assert site.run("channel", "pause", f"{PARTNER}/webhook", "--reason", "they move") == 0
    site.invoice("ES-2", partner_id=PARTNER)
    site.work()
    assert site.numbers() == ["ES-1"]
    (_written,) = (site.home / f"folders/{PARTNER}/outbox").glob("810_ES-2_*")
    assert {one["way"]: one["number"] for one in site.events("document.routed")} == {
        "webhook": "ES-1",
        "folder": "ES-2",
    }


def test_what_a_rule_warns_of_is_posted_when_it_is_approved(site: Site) -> None:
    own: dict[str, Any] = {
        "id": "X-UPC",
        "document": "invoice",
        "severity": "warn",
        "message": "No UPC.",
        "hint": "Add it.",
    }
    own["must"] = {"field": "lines[].ids.upc", "operator": "exists"}
    site.agree(more={"rules": {"own": [own]}})
    site.invoice("ES-1")
    site.work()
    assert not site.there.got
    ((document,),) = site.rows(t.documents.c.id, number="ES-1")
    assert site.run("document", "approve", document, "--rule", "X-UPC", "--reason", "agreed") == 0
    site.work()
    assert site.numbers() == ["ES-1"]
    assert site.states() == ["delivered"]
    assert site.rows(t.documents.c.acknowledgment, number="ES-1") == [("not_expected",)]


def test_the_doctor_looks_at_receivers(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.work()
    assert site.run("doctor") == 0
    assert f"Documents can be posted to {SHOP}/webhook." in capsys.readouterr().out
    site.agree(secrets=["env:NOBODY_SET_THIS"])
    assert site.run("doctor") == 1
    assert f"Documents cannot be posted to {SHOP}/webhook: " in capsys.readouterr().out
    site.agree(url="https://127.0.0.1/", private_addresses=False)
    assert site.run("doctor") == 1
    assert f"Documents cannot be posted to {SHOP}/webhook: " in capsys.readouterr().out


def test_a_connection_is_tried_out(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert site.run("partner", "test", SHOP) == 0
    shown = capsys.readouterr().out
    assert "connection ok" in shown
    assert "204 No Content" in shown
    ((headers, body),) = site.there.got
    assert verified(SECRET, headers, body)
    assert json.loads(body)["type"] == "webhook.test"
    site.there.status = 403
    assert site.run("partner", "test", SHOP, "--way", "webhook") == 1
    assert "HTTP       failed  The receiver answered 403" in capsys.readouterr().out
    site.agree(url=f"http://127.0.0.1:{free_port()}/hook")
    assert site.run("partner", "test", SHOP) == 5
    site.agree(secrets=["env:NOBODY_SET_THIS"])
    assert site.run("partner", "test", SHOP) == 3
    assert [one["channel"] for one in site.events("partner.tested")] == [CHANNEL] * 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("webhook: {url: 'http://x.example/', secrets: [env:X]}", "https"),
        ("webhook: {url: 'https://x.example/', secrets: [whsec_x]}", "file"),
        ("webhook: {url: 'https://x/', secrets: [env:Y]}\nsend: [{set: '810'}]", "identifiers"),
        ("sftp: {name: webhook, host: h, user: u, password: 'env:X', inboxes: [a]}", "of another way"),
    ],
)
def test_settings_that_cannot_be_right_are_told(site: Site, text: str, words: str) -> None:
    (site.home / f"partners/{SHOP}.yaml").write_text(f"name: Shop\n{text}\n")
    with pytest.raises(ConfigurationError) as refused:
        load(site.home)
    told = [one.message for one in refused.value.problems]
    assert any(words in one for one in told), told


def test_a_channel_from_which_documents_only_come_has_no_webhook(site: Site) -> None:
    site.erp(direction="from_erp")
    with pytest.raises(ConfigurationError) as refused:
        load(site.home)
    assert any("direction from_erp" in one.message for one in refused.value.problems)


# --- to our own system -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "content_type", "begin"),
    [
        ({}, "application/json", b'{\n  "document_type": "purchase_order"'),
        ({"profile": "plain-xml"}, "application/xml", b"<?xml"),
        ({"profile": "generic-csv"}, "text/csv", b""),
        ({"forms": [{"shape": "x12", "name": "{number}.dat"}]}, "application/edi-x12", b"ISA"),
    ],
)
def test_our_own_system_gets_documents_in_its_form(
    site: Site, form: dict[str, Any], content_type: str, begin: bytes
) -> None:
    site.erp(**form)
    site.order("PO-1", "PO-2")
    done = site.work()
    assert (done.quarantined, done.trouble) == (0, [])
    assert len(site.there.got) == len(set(site.there.ids())) == 2
    for headers, body in site.there.got:
        assert verified(SECRET, headers, body)
        assert headers["content-type"] == content_type
        assert body.startswith(begin)
        assert b"EX-KT-17" in body
    assert not [*(site.home / "folders/erp/outbox").iterdir()]
    assert site.rows(t.messages.c.delivery, name="po.edi") == [("delivered",)]
    site.invoice("ES-1")  # its inbox goes on
    if not form:
        site.work()
        assert site.there.said()[-1]["invoice_number"] == "ES-1"


def test_of_a_file_only_what_was_refused_comes_again(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.erp()
    site.there.faults = [400]
    site.order("PO-1", "PO-2")
    site.work()
    assert site.rows(t.messages.c.delivery, name="po.edi") == [("failed",)]
    assert site.resend() == 0
    site.work()
    assert [one["po_number"] for one in site.there.said()] == ["PO-1", "PO-2", "PO-1"]
    first, _, again = site.there.ids()
    assert first == again
    ((message, state),) = site.rows(t.messages.c.id, t.messages.c.delivery, name="po.edi")
    assert state == "delivered"
    capsys.readouterr()
    assert site.run("message", "show", message) == 0
    assert f"{first} to {site.there.url}: failed" in capsys.readouterr().out


def test_what_waits_for_an_item_is_posted_with_its_name(site: Site) -> None:
    site.erp()
    with (site.home / f"partners/{PARTNER}.yaml").open("a") as file:
        file.write("\nitems: {mode: require}\n")
    site.order("PO-1")
    site.work()
    assert not site.there.got
    names = ["--erp-sku", "OURS-1", "--partner", PARTNER, "--vendor-sku", "EX-KT-17", "--asin", "B0C1KETTL3"]
    assert site.run("item", "add", *names) == 0
    site.work()
    (said,) = site.there.said()
    assert said["lines"][0]["ids"]["erp_sku"] == "OURS-1"


def test_our_own_system_may_be_away(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.erp()
    site.there.status = 503
    site.order("PO-1")
    site.work()
    capsys.readouterr()
    assert site.run("channel", "list", "--json") == 1
    found = {one["channel"]: one for one in json.loads(capsys.readouterr().out)["channels"]}
    assert (found[OURS]["kind"], found[OURS]["state"], found[OURS]["deliveries"]) == ("WEBHOOK", "failing", 1)
    assert found["erp"]["kind"] == "folder"
    site.there.status = 200
    site.work(seconds=1)
    assert site.rows(t.messages.c.delivery, name="po.edi") == [("delivered",)]
    assert site.run("channel", "list") == 0
