"""Partners, channels, certificates and schedules: the pages, the REST interface, and who may do what."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser

from gateway.as2.keys import KeyPair
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.partners.certificate import Held, ending, receiving, sending
from gateway.services import access
from gateway.services.access import Grant
from gateway.settings import load
from gateway.settings_file import edited, plain
from gateway.simulator.amazon import Amazon
from gateway.simulator.script import Order, Script
from gateway.store.keyring import Keyring, encoded, generate
from tests.certificates import pair
from tests.homes import rows, work
from tests.web.browsing import opened, unusable
from tests.web.conftest import PASSWORD, Served, serve

PAGES = (
    "/partners",
    "/partners/acme-retail",
    "/partners/acme-retail/setup",
    "/channels",
    "/certificates",
    "/schedule",
)
LISTS = ("partners", "channels", "certificates", "schedules", "deadlines", "expiries")


@pytest.fixture(scope="module")
def admin(served: Served) -> Iterator[httpx.Client]:
    with served.client("administrator") as client:
        yield client


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


@pytest.mark.parametrize("path", PAGES)
def test_a_viewer_reads_every_page(served: Served, path: str) -> None:
    with served.browser("viewer") as client:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) < 150_000
        assert "Add a partner" not in answer.text
        assert "/channels/pause" not in answer.text


@pytest.mark.parametrize("noun", LISTS)
def test_every_list_is_there(admin: httpx.Client, noun: str) -> None:
    answer = admin.get(f"/api/v1/{noun}")
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()[noun], list)


def test_who_has_one_partner_sees_nothing_of_others(served: Served) -> None:
    with served.client("other-viewer") as client:
        assert [one["partner"] for one in client.get("/api/v1/partners").json()["partners"]] == [
            "other-retail"
        ]
        assert client.get("/api/v1/partners/acme-retail").status_code == 404
        assert {one["channel"] for one in client.get("/api/v1/channels").json()["channels"]} == {
            "other-retail"
        }
        assert client.get("/api/v1/channels/acme-retail").status_code == 404
        assert client.get("/api/v1/deadlines").json()["deadlines"] == []
    with served.browser("other-viewer") as client:
        for path in PAGES:
            shown = client.get(path)
            assert "Acme Retail" not in shown.text
            assert (shown.status_code == 404) == ("acme" in path)


def test_who_may_not_change_is_refused(served: Served, key: dict[str, str]) -> None:
    new = {"partner": "evil", "settings": {"name": "E"}, "reason": "x"}
    with served.client("operator") as client:
        assert client.post("/api/v1/partners", json=new, headers=key).status_code == 403
        head = {"If-Match": "*"}
        assert client.patch("/api/v1/partners/acme-retail?reason=x", json={}, headers=head).status_code == 403
    with served.client("viewer") as client:
        for path in ("channels/erp/pause", "channels/erp/run", "partners/acme-retail/test"):
            assert client.post(f"/api/v1/{path}", json={"reason": "x"}, headers=key).status_code == 403
    with served.client("acme-operator") as client:
        said = {"reason": "x"}
        assert client.post("/api/v1/channels/erp/pause", json=said, headers=key).status_code == 404


# --- files ------------------------------------------------------------------------------------------------


def test_a_change_keeps_the_comments_of_a_file(served: Served) -> None:
    text = (served.home / "partners/acme-retail.yaml").read_text()
    new = {**plain(text), "name": "Acme Retail Inc.", "marker": ".done"}
    changed = edited(text, new)
    assert plain(changed) == new
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in changed.splitlines() if line.startswith("#")] == comments


@pytest.mark.parametrize(
    "text",
    [
        "{name: A, us: {qualifier: ZZ, id: B}}",
        "a: &x [1]\nb: *x\n",
        "a: |\n  # no comment\nb: 1",
        "a: 1 # why\n",
    ],
)
def test_a_file_of_any_form_can_be_changed(text: str) -> None:
    old = plain(text)
    for new in ({**old, "b": {"c": ["00401", "true", "x: y"]}}, {key: old[key] for key in list(old)[:1]}):
        assert plain(edited(text, new)) == new


def test_the_step_of_tests_looks_again_until_the_gateway_works_with_the_partner(
    served: Served, admin: httpx.Client, key: dict[str, str]
) -> None:
    said = {"name": "Fresh", "identifiers": [{"qualifier": "ZZ", "id": "FRESH"}], "receive": [{"set": "850"}]}
    body = {"partner": "fresh", "settings": said, "reason": "a test"}
    assert admin.post("/api/v1/partners", json=body, headers=key).status_code == 201
    with served.browser("administrator") as client:
        fresh, old = (client.get(f"/partners/{one}/setup?step=test") for one in ("fresh", "acme-retail"))
        assert fresh.headers["Refresh"] == "2; url=/partners/fresh/setup?step=test"
        assert "Exchange 850" not in fresh.text
        assert "Refresh" not in old.headers
        assert "Exchange 850" in old.text
    (served.home / "partners/fresh.yaml").unlink()


def test_a_partner_is_added_changed_and_taken_as_it_is_read(
    served: Served, admin: httpx.Client, key: dict[str, str]
) -> None:
    said = {"name": "Northwind", "identifiers": [{"qualifier": "ZZ", "id": "NORTHWIND"}]}
    body = {"partner": "northwind", "settings": said, "reason": "asked by sales"}
    answer = admin.post("/api/v1/partners", json=body, headers=key)
    assert answer.status_code == 201, answer.text
    assert admin.post("/api/v1/partners", json=body, headers=key).headers["idempotency-replayed"] == "true"
    assert "northwind" in load(served.home).partners
    assert not answer.json()["in_force"]
    first = admin.get("/api/v1/partners/northwind")
    tag = first.headers["etag"]
    patch = {"send": [{"set": "810", "usage": "T"}], "marker": ".ok"}
    url = "/api/v1/partners/northwind?reason=agreed"
    assert admin.patch(url, json=patch).status_code == 428
    answer = admin.patch(url, json=patch, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"] == "test"
    assert admin.patch(url, json=patch, headers={"If-Match": tag}).status_code == 412
    gone = admin.patch(url, json={"marker": None}, headers={"If-Match": "*"})
    assert "marker" not in gone.json()["settings"]
    entries = [json.loads(facts) for facts in _facts(served, "partner.changed")]
    assert entries[-1]["reason"] == "agreed"
    assert "-marker: .ok" in entries[-1]["diff"]
    assert entries[-1]["after"] == gone.json()["sha256"]
    (served.home / "partners/northwind.yaml").unlink()


def _facts(served: Served, event: str) -> list[str]:
    return [
        one for (one,) in rows(served.home, "SELECT facts FROM audit WHERE event = ? ORDER BY seq", event)
    ]


@pytest.mark.parametrize(
    ("partner", "settings", "words"),
    [
        ("../evil", {"name": "E"}, ""),
        ("evil", {"name": "E", "identifiers": [{"qualifier": "ZZ", "id": "ACMERETAIL"}]}, "both claim"),
        ("evil", {"name": "E", "nmae": "x"}, "is not a setting"),
        ("evil", {"name": "E", "channel": "../../etc"}, "no usable name"),
        ("evil", {"name": "\ud800"}, "no text"),
        (
            "evil",
            {"name": "E", "sftp": {"host": "h", "user": "u", "password": "file:keys/audit.pem"}},
            "names a secret",
        ),
        (
            "evil",
            {"name": "E", "as2": {"id": "X", "url": "https://x/", "ca_file": "/etc/passwd"}},
            "names a secret",
        ),
        ("evil", {"name": "E", "webhook": {"url": "https://x/", "secrets": ["env:HOME"]}}, "names a secret"),
    ],
)
def test_what_is_wrong_is_never_written(
    served: Served,
    admin: httpx.Client,
    partner: str,
    settings: dict[str, object],
    words: str,
    key: dict[str, str],
) -> None:
    before = sorted(served.home.rglob("*.yaml"))
    body = {"partner": partner, "settings": settings, "reason": "x"}
    answer = admin.post(
        "/api/v1/partners", content=json.dumps(body), headers={**key, "Content-Type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
    assert words in answer.text
    assert sorted(served.home.rglob("*.yaml")) == before


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("*", "Nothing would be left"),
        ({"name": None}, "name is missing"),
        ({"nmae": "x"}, "nmae is not a setting"),
        ({"": "x"}, "is not a setting"),
        ({"id": "other"}, "the name of the file"),
        ({"name": ["x"]}, "name: Input"),
        ({"name": True}, "name: Input"),
        ({"name": float("inf")}, "no text"),
        ({"name": "a\0b"}, "control character"),
        ({"name": "x" * 300_000}, "more than"),
        ({"identifiers": []}, "at least one"),
        ({"identifiers": [{"qualifier": "ZZ", "id": "OTHERRETAIL"}]}, "both claim"),
        ({"send": {"set": "810"}}, "send: Input"),
        ({"receive": [{"set": "850", "nonsense": 1}]}, "nonsense is not a setting"),
        ({"as2": {}}, "as2.id is missing"),
        ([], "valid dictionary"),
        (None, "valid dictionary"),
    ],
)
def test_a_patch_of_nonsense_changes_nothing(
    served: Served, admin: httpx.Client, patch: object, words: str
) -> None:
    url, file = "/api/v1/partners/acme-retail", served.home / "partners/acme-retail.yaml"
    before = file.read_bytes()
    given = dict.fromkeys(admin.get(url).json()["settings"]) if patch == "*" else patch
    head = {"If-Match": "*", "Content-Type": "application/json"}
    answer = admin.patch(f"{url}?reason=x", content=json.dumps(given), headers=head)
    assert (answer.status_code, words in answer.text) == (422, True), answer.text
    assert file.read_bytes() == before
    assert admin.patch(f"{url}?reason=x", json={}, headers=head).status_code == 200
    assert file.read_bytes() == before, "an empty patch changes nothing"


def test_names_with_paths_reach_no_file(served: Served) -> None:
    with served.browser("administrator") as client:
        for name in ("..%2f..%2fgateway", "%00", "a%2fb", "x" * 300, "%2e%2e", "new%00"):
            assert client.get(f"/partners/{name}").status_code in (404, 422)
            assert client.get(f"/api/v1/partners/{name}").status_code in (404, 422)


# --- channels ---------------------------------------------------------------------------------------------


def test_a_channel_is_paused_and_goes_on(served: Served, admin: httpx.Client) -> None:
    for number, (verb, status) in enumerate(
        (("pause", 200), ("pause", 409), ("run", 409), ("resume", 200), ("run", 200))
    ):
        head = {"Idempotency-Key": f"channel-{number}"}
        answer = admin.post(
            f"/api/v1/channels/other-retail/{verb}", json={"reason": "holidays"}, headers=head
        )
        assert answer.status_code == status, answer.text
        assert (admin.get("/api/v1/channels/other-retail").json()["state"] == "paused") == (number < 3)
    with served.browser("operator") as client:
        csrf = client.get("/channels").text.partition('name="csrf" value="')[2].partition('"')[0]
        said = {"csrf": csrf, "channel": "other-retail", "reason": "a <b>reason</b>"}
        assert "is paused" in client.post("/channels/pause", data=said).text
        assert "a &lt;b&gt;reason&lt;/b&gt;" in client.get("/channels").text
        assert "goes on" in client.post("/channels/resume", data=said).text
        assert client.post("/channels/explode", data=said).status_code == 404


# --- certificates -----------------------------------------------------------------------------------------


def test_certificates_are_imported_shown_and_given_away(
    served: Served, admin: httpx.Client, key: dict[str, str]
) -> None:
    pair = generate("Acme <b>", 1, 2048, datetime.now(UTC))
    pem = encoded(pair.certificate)
    body = {"content": base64.b64encode(pem).decode(), "partner": "acme-retail", "reason": "sent by mail"}
    answer = admin.post("/api/v1/certificates", json=body, headers=key)
    assert answer.status_code == 201, answer.text
    (found,) = answer.json()["certificates"]
    assert found["id"] == pair.certificate.fingerprint
    assert admin.get(f"/api/v1/certificates/{found['id'][:16]}/file").content == pem
    for wrong in ({"partner": "nobody"}, {"content": "!"}, {"content": "aGVsbG8="}, {"own": True}):
        head = {"Idempotency-Key": uuid4().hex}
        assert (
            400 < admin.post("/api/v1/certificates", json={**body, **wrong}, headers=head).status_code < 500
        )
    with served.browser("viewer") as client:
        shown = client.get("/certificates").text
        assert "&lt;b" in shown
        assert "<b>" not in shown
        assert found["id"][:4].upper() in shown
    with served.client("other-viewer") as client:
        assert client.get("/api/v1/certificates").json()["certificates"] == []


DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
OURS, THEIRS = (pair(name, begins=TODAY - DAY, ends=TODAY + 20 * DAY) for name in ("our key", "their key"))
NEXT = pair("their next", begins=TODAY - DAY, ends=TODAY + 400 * DAY)


def _base64(one: KeyPair, own: bool = False) -> str:
    key = one.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) if own else b""
    return base64.b64encode(encoded(one.certificate) + key).decode()


def _sent_with(held: list[Held], at: datetime) -> set[str]:
    """Names of what is signed and encrypted with for other-retail."""
    found = [sending(held, "other-retail", purpose, at) for purpose in ("sign", "encrypt")]
    return {one.certificate.name.partition(" (")[0] if one else "" for one in found}


@pytest.fixture
def ending_soon(served: Served, admin: httpx.Client) -> Iterator[Keyring]:
    """A key of ours and a certificate of other-retail that end in 20 days, with nothing to follow."""
    for body in ({"content": _base64(OURS, True), "own": True}, {"content": _base64(THEIRS)}):
        given = {"partner": "" if "own" in body else "other-retail", "reason": "as agreed", **body}
        head = {"Idempotency-Key": uuid4().hex}
        assert admin.post("/api/v1/certificates", json=given, headers=head).status_code == 201
    ring = served.gateway.keyring
    yield ring
    for one in (*ring.own(), *ring.theirs("other-retail")):
        ring.remove(one)


def test_a_change_that_is_wrong_or_not_allowed_changes_nothing(
    served: Served, admin: httpx.Client, ending_soon: Keyring
) -> None:
    before = [one.facts for one in (*ending_soon.own(), *ending_soon.theirs("other-retail"))]
    ours = {"own": True, "on": f"{TODAY + 10 * DAY:%Y-%m-%d}", "reason": "x"}
    theirs = {**ours, "own": False, "partner": "other-retail", "content": _base64(NEXT)}
    roles = {"administrator": admin}
    with ExitStack() as ends:
        roles |= {one: ends.enter_context(served.client(one)) for one in ("operator", "other-viewer")}
        with served.gateway.acting("user:test") as services:
            given = (Grant("administrator", "acme-retail"),)
            served.keys["acme"], _ = access.make_key(services, "acme", given, reason="a test")
        roles["acme"] = ends.enter_context(served.client("acme"))
        late = {**ours, "on": f"{TODAY + 30 * DAY:%Y-%m-%d}"}
        for role, body, status, words in (
            ("operator", ours, 403, "administer"),
            ("other-viewer", theirs, 403, "administer"),
            ("acme", ours, 403, "for all partners"),
            ("acme", {**ours, "partner": "acme-retail"}, 403, "for all partners"),
            ("acme", theirs, 403, "for other-retail"),
            ("administrator", late, 409, "Nothing was changed: from"),
            ("administrator", {**theirs, "partner": "nobody"}, 404, "no partner"),
            ("administrator", {**theirs, "content": ""}, 422, "new certificate"),
            ("administrator", {**theirs, "content": _base64(NEXT, True)}, 409, "private key in the file"),
            ("administrator", {**ours, "content": _base64(NEXT)}, 409, "no private key in the file"),
            ("administrator", {**ours, "on": 5}, 422, "ISO 8601"),
            ("administrator", {**ours, "overlap_days": 0}, 422, "overlap_days"),
            ("administrator", {**ours, "purposes": ["print"]}, 422, "purposes"),
            ("administrator", {**ours, "day": "x"}, 422, "day"),
            ("administrator", {**ours, "reason": " "}, 422, "reason"),
        ):
            head = {"Idempotency-Key": uuid4().hex}
            answer = roles[role].post("/api/v1/certificates/rollover", json=body, headers=head)
            assert (answer.status_code, words in answer.text) == (status, True), answer.text
        for role, one, status in (("acme", OURS, 403), ("acme", THEIRS, 404), ("operator", OURS, 403)):
            url = f"/api/v1/certificates/{one.certificate.fingerprint}/remove"
            head = {"Idempotency-Key": uuid4().hex}
            assert roles[role].post(url, json={"reason": "x"}, headers=head).status_code == status
    page = f"/certificates/us/{OURS.certificate.fingerprint}"
    with served.browser("administrator") as client:
        csrf = client.get(page).text.partition('name="csrf" value="')[2].partition('"')[0]
        said = {"csrf": csrf, "reason": "a <b>reason</b>", "days": "30"}
        for on, words in ((TODAY - DAY, "is over"), (TODAY + 30 * DAY, "Nothing was changed")):
            answer = client.post(f"{page}/next", data={**said, "on": f"{on:%Y-%m-%dT%H:%M}"})
            assert (answer.status_code, words in answer.text) == (422, True), answer.text
            assert f'value="{on:%Y-%m-%dT%H:%M}"' in answer.text, "what was filled in is there again"
            assert "a &lt;b&gt;reason&lt;/b&gt;" in answer.text
        theirs_page = page.replace(f"us/{OURS.certificate.fingerprint}", "other-retail/" + _id(THEIRS))
        answer = client.post(f"{theirs_page}/next", data={**said, "on": f"{TODAY + DAY:%Y-%m-%dT%H:%M}"})
        assert "Choose a file" in answer.text
    with served.browser("operator") as client:
        shown = client.get(page)
        assert (shown.status_code, "Remove" in shown.text, "next key" in shown.text) == (200, False, False)
    assert [one.facts for one in (*ending_soon.own(), *ending_soon.theirs("other-retail"))] == before


def _id(one: KeyPair) -> str:
    return one.certificate.fingerprint


def test_a_change_by_rest_is_the_same_as_by_command(admin: httpx.Client, ending_soon: Keyring) -> None:
    on, other = TODAY + 10 * DAY, {"partner": "other-retail", "reason": "their letter"}
    body = {**other, "content": _base64(NEXT), "on": f"{on:%Y-%m-%d}", "overlap_days": 3}
    head = {"Idempotency-Key": uuid4().hex}
    done = [admin.post("/api/v1/certificates/rollover", json=body, headers=head) for _ in range(2)]
    assert done[0].status_code == 200, done[0].text
    assert done[1].headers["idempotency-replayed"] == "true"
    assert (done[0].json()["new"]["id"], done[0].json()["new"]["from"][:10]) == (_id(NEXT), f"{on:%Y-%m-%d}")
    assert [one["until"][:10] for one in done[0].json()["old"]] == [f"{on + 3 * DAY:%Y-%m-%d}"]
    held = ending_soon.theirs("other-retail")
    assert _sent_with(held, on - timedelta(seconds=1)) == {"CN=their key"}
    assert _sent_with(held, on) == {"CN=their next"}
    known = {one["id"]: one for one in admin.get("/api/v1/expiries").json()["expiries"]}
    assert (known[_id(THEIRS)]["followed"], known[_id(NEXT)]["followed"]) == (True, False)
    head = {"Idempotency-Key": uuid4().hex}
    url = f"/api/v1/certificates/{_id(NEXT)[:16]}/remove"
    assert admin.post(url, json={"reason": "x", "whose": "us"}, headers=head).status_code == 404
    head = {"Idempotency-Key": uuid4().hex}
    answer = admin.post(url, json={"reason": "withdrawn"}, headers=head)
    assert (answer.status_code, answer.json()["id"]) == (200, _id(NEXT))
    assert [one.fingerprint for one in ending_soon.theirs("other-retail")] == [_id(THEIRS)]


@pytest.mark.needs_system
def test_certificates_follow_each_other_by_the_page(
    served: Served, chromium: Browser, ending_soon: Keyring, tmp_path: Path
) -> None:
    (tmp_path / "next.pem").write_bytes(encoded(NEXT.certificate))
    on = TODAY + 10 * DAY
    with opened(chromium, served, "administrator") as page:
        page.goto("/")
        page.get_by_text("certificates or secrets end").click()
        row = page.locator("tr:has(summary)", has_text="Ours")
        assert "Ends soon, nothing follows" in row.inner_text()
        row.get_by_role("link", name="The next one").click()
        page.get_by_label("From day and time (UTC)").fill(f"{on:%Y-%m-%dT00:00}")
        page.get_by_label("Days this one is accepted").fill("5")
        page.get_by_label("Reason (required)").fill("Yearly change")
        page.get_by_role("button", name="Make the next key").click()
        page.get_by_text("It is planned").wait_for()
        page.wait_for_load_state()
        (new,) = [one for one in ending_soon.own() if one.fingerprint != _id(OURS)]
        assert page.url.endswith(f"/certificates/us/{new.fingerprint}")
        said = page.locator("main").inner_text()
        assert new.fingerprint.upper() in said.replace(" ", "")
        assert "Nothing is to be done on that day" in said
        with page.expect_download() as got:
            page.get_by_role("link", name="Download the certificate").click()
        assert got.value.path().read_bytes() == encoded(new.certificate)
    with opened(chromium, served, "administrator", java_script_enabled=False) as page:
        page.goto("/")  # one is left, and the line leads to it
        page.get_by_text("certificate or secret ends").click()
        assert page.url.endswith(f"/certificates/other-retail/{_id(THEIRS)}")
        page.get_by_label("Certificate file").set_input_files(tmp_path / "next.pem")
        page.get_by_label("From day and time (UTC)").fill(f"{on:%Y-%m-%dT00:00}")
        page.get_by_label("Days this one is accepted").fill("5")
        page.get_by_label("Reason (required)").fill("Their letter")
        page.get_by_role("button", name="Import the next one").click()
        page.get_by_text("It is planned").wait_for()
        page.goto("/")
        assert "certificate or secret" not in page.content()
        page.goto("/certificates")
        bars = page.locator("svg.plot rect.bar title").all_text_contents()
        ends = f"{TODAY + 15 * DAY:%Y-%m-%d}"
        assert {f"{TODAY - DAY:%Y-%m-%d} to {ends}", f"{on:%Y-%m-%d} to {TODAY + 400 * DAY:%Y-%m-%d}"} <= {
            one.partition(": ")[2] for one in bars
        }, "they overlap"
        page.goto(f"/certificates/other-retail/{_id(THEIRS)}")
        assert "follows it from" in page.locator("main").inner_text()
        ours, theirs = ending_soon.own(), ending_soon.theirs("other-retail")
        page.goto(f"/certificates/us/{_id(OURS)}")
        page.locator("summary", has_text="Remove").click()
        page.get_by_text("can be read no more").wait_for()
        page.get_by_label("Reason (kept in the audit)").fill("Nobody has it any more")
        page.get_by_role("button", name="Remove").click()
        page.get_by_text("Removed: CN=our key").wait_for()
    for held, old, next_ in (
        (ours, "CN=our key", "CN=Example Supplier"),
        (theirs, "CN=their key", "CN=their next"),
    ):
        assert _sent_with(held, on - timedelta(seconds=1)) == {old}
        assert _sent_with(held, on) == {next_}
        for at, count in ((TODAY, 2), (TODAY + 15 * DAY - timedelta(seconds=1), 2), (TODAY + 15 * DAY, 1)):
            accepted = [receiving(held, "other-retail", purpose, at) for purpose in ("sign", "encrypt")]
            assert [len(some) for some in accepted] == [count, count]
        assert list(ending(held, TODAY + 14 * DAY)) == []
    entries = rows(
        served.home, "SELECT event, actor, facts FROM audit WHERE event LIKE 'certificate.%' ORDER BY seq"
    )
    last = [(event, actor, json.loads(facts)) for event, actor, facts in entries][-5:]
    assert [(event, facts["whose"], facts["reason"]) for event, _, facts in last] == [
        ("certificate.added", "us", "Yearly change"),
        ("certificate.changed", "us", "Yearly change"),
        ("certificate.added", "other-retail", "Their letter"),
        ("certificate.changed", "other-retail", "Their letter"),
        ("certificate.removed", "us", "Nobody has it any more"),
    ]
    assert {actor for _, actor, _ in last} == {"web:administrator"}


def test_a_secret_is_kept_for_the_gateway_alone(served: Served) -> None:
    with served.browser("administrator") as client:
        csrf = client.get("/partners").text.partition('name="csrf" value="')[2].partition('"')[0]
        said = {"host": "127.0.0.1", "port": "1", "user": "edi", "password": "s3cret <x>", "make_key": "1"}
        said |= {"inbox": "/out", "csrf": csrf}
        answer = client.post("/partners/other-retail/setup/sftp", data=said)
        assert answer.status_code == 200, answer.text
        kept = served.home / "keys/partners/other-retail-sftp-password"
        assert kept.read_text() == "s3cret <x>"
        assert kept.stat().st_mode & 0o077 == 0
        text = (served.home / "partners/other-retail.yaml").read_text()
        assert "s3cret" not in text
        assert "s3cret" not in answer.text
        assert "ssh-ed25519 AAAA" in answer.text
        tried = client.post("/partners/other-retail/setup/attempt", data={"csrf": csrf}).text
        assert "SFTP-CONNECT" in tried
        elsewhere = said | {"host": "127.0.0.2", "password": ""}
        refused = client.post("/partners/other-retail/setup/sftp", data=elsewhere)
        assert (refused.status_code, "kept for another place" in refused.text) == (422, True)
        assert "127.0.0.2" not in (served.home / "partners/other-retail.yaml").read_text()
        same = client.post(
            "/partners/other-retail/setup/sftp", data=said | {"password": "", "inbox": "/other"}
        )
        assert same.status_code == 200, "the same server may have the same password"
        again = client.post("/partners/other-retail/setup/sftp", data=elsewhere | {"password": "another"})
        assert again.status_code == 200
        assert (kept.read_text(), said["host"]) == ("another", "127.0.0.1")
        with served.client("administrator") as api:
            patch = {"sftp": {"host": "127.0.0.3"}}
            head = {"If-Match": api.get("/api/v1/partners/other-retail").headers["etag"]}
            moved = api.patch("/api/v1/partners/other-retail?reason=x", json=patch, headers=head)
            assert (moved.status_code, "kept for another place" in moved.text) == (422, True), moved.text


# --- Amazon's API -----------------------------------------------------------------------------------------

API = {
    "Client identifier": "rehearsal-client",
    "Client secret": "rehearsal-secret",
    "Refresh token": "rehearsal-token",
}
FORM = {"region": "na", "vendor_code": "REHRS", "secret_made_on": "2026-11-01"}
LONG = "amazon-vendor-central-of-north-america-us"


def token(client: httpx.Client) -> str:
    """What a form has against others that send it."""
    return client.get("/partners").text.partition('name="csrf" value="')[2].partition('"')[0]


def places(home: Path, secret: str) -> list[str]:
    """All files of a home that have a secret in them, its database included."""
    files = [one for one in home.rglob("*") if one.is_file() and secret.encode() in one.read_bytes()]
    return sorted(str(one.relative_to(home)) for one in files)


def test_a_partner_of_amazons_api_needs_no_identifier_and_shows_no_secret(served: Served) -> None:
    """With the longest name there is, so that no two secrets share a file; a typed one replaces its own."""
    secrets = {"client_id": "one <1>", "client_secret": "two", "refresh_token": "three"}
    secrets = {name: f"{value}-of-{name}" for name, value in secrets.items()}
    with served.browser("administrator") as client:
        said = {"csrf": token(client), "way": "api", "name": "Amazon", "partner_id": LONG, **FORM}
        for wrong, words in (
            ({}, "Client identifier, Client secret, Refresh token"),
            (secrets | {"vendor_code": "rehrs"}, "as Vendor Central does"),
            (secrets | {"secret_made_on": ""}, "secret_made_on is missing"),
            (secrets | {"region": "xx"}, "choose of na, eu, fe"),
            (secrets | {"name": ""}, "Write the name"),
            (secrets | {"partner_id": "acme-retail"}, "already"),
        ):
            answer = client.post("/partners/new", data=said | wrong)
            assert (answer.status_code, words in answer.text) == (422, True), answer.text
            assert "-of-client" not in answer.text
        assert places(served.home, "two-of-client_secret") == [], "what is refused keeps nothing"
        evil = {"base_url": "https://evil.example", "token_url": "https://evil.example/token"}
        answer = client.post("/partners/new", data=said | secrets | evil)
        assert answer.url.path == f"/partners/{LONG}/setup", answer.text
        file = served.home / f"partners/{LONG}.yaml"
        kept = plain(file.read_text())["sp_api"]
        names = {name: f"keys/partners/{LONG}-api-{name.replace('_', '-')}" for name in secrets}
        assert kept == FORM | {name: f"file:{path}" for name, path in names.items()}
        for step in ("identity", "documents", "channel", "test", "live"):
            answer = client.get(f"/partners/{LONG}/setup?step={step}")
            assert answer.status_code == 200
            assert "-of-client" not in answer.text
        for step, value in (("identity", {"name": "Amazon"}), ("documents", {}), ("api", FORM)):
            answer = client.post(f"/partners/{LONG}/setup/{step}", data={"csrf": said["csrf"], **value})
            assert answer.status_code == 200, answer.text
        assert plain(file.read_text())["sp_api"] == kept, "empty stays as it is"
        new = FORM | {"csrf": said["csrf"], "client_secret": "four", "vendor_code": "?"}
        assert client.post(f"/partners/{LONG}/setup/api", data=new).status_code == 422
        new |= {"vendor_code": "OTHER", "sandbox": "true"}
        assert "Saved" in client.post(f"/partners/{LONG}/setup/api", data=new).text
    secrets["client_secret"] = "four"
    for name, path in names.items():
        assert (served.home / path).read_text() == secrets[name]
        assert (served.home / path).stat().st_mode & 0o077 == 0
        assert name == "client_secret" or places(served.home, secrets[name]) == [path]
    assert load(served.home).partners[LONG].sp_api.sandbox  # type: ignore[union-attr]
    file.unlink()


def test_secrets_of_others_cannot_be_named_and_amazons_go_to_amazon(
    served: Served, admin: httpx.Client
) -> None:
    here = {"base_url": "http://127.0.0.1:9", "token_url": "http://127.0.0.1:9/token"}
    mine = {"client_id": "env:AMAZON_ID", "client_secret": "credential:amazon", "refresh_token": "file:t"}
    for name in ("amazon", "amazon-us"):
        settings = {"name": name, "sp_api": FORM | here | mine}
        (served.home / f"partners/{name}.yaml").write_text(json.dumps(settings))
    url, head = "/api/v1/partners/amazon?reason=x", {"If-Match": "*"}
    server = {"host": "evil.example", "user": "u"}
    for patch in (
        {"sp_api": {"base_url": "https://evil.example"}},
        {"sp_api": {"token_url": "https://evil.example/token"}},
        {"sp_api": {"client_id": "credential:password"}},
        {"sp_api": {"client_id": "env:HOME"}},
        {"sp_api": {"client_id": "file:keys/partners/amazon-us-api-client-id"}},
        {"sp_api": {"client_id": "file:keys/partners/../audit.pem"}},
        {"sp_api": {"client_id": "credential:amazon"}},  # of another setting
        {"sftp": {**server, "password": "env:AMAZON_ID"}},
        {"sftp": [{**server, "password": "credential:amazon"}]},
        {"sftp": {**server, "password": "file:keys/partners/amazon-api-client-secret"}},
    ):
        answer = admin.patch(url, json=patch, headers=head)
        assert answer.status_code == 422, patch
        assert "names a secret" in answer.text or "secrets are sent there" in answer.text
    own = {"sp_api": {"client_id": "file:keys/partners/amazon-api-client-id", "region": "eu"}}
    assert admin.patch(url, json=own, headers=head).status_code == 200
    with served.browser("administrator") as client:
        said = FORM | {"csrf": token(client), "client_secret": "typed", **dict.fromkeys(here, "https://e.e")}
        assert "Saved" in client.post("/partners/amazon-us/setup/api", data=said).text
    kept = plain((served.home / "partners/amazon-us.yaml").read_text())["sp_api"]
    place = {"client_secret": "file:keys/partners/amazon-us-api-client-secret"}
    assert kept == FORM | here | mine | place, "references and addresses of the home stay"
    for role in ("viewer", "operator"):
        with served.browser(role) as client:
            said = FORM | {"csrf": token(client), "client_secret": "changed", "way": "api", "name": "x"}
            for path in ("/partners/amazon-us/setup/api", "/partners/new"):
                assert client.post(path, data=said).status_code == 403
            assert client.get("/partners/new?way=api").status_code == 403
            shown = client.get("/partners/amazon-us/setup?step=channel").text
            assert "Only an administrator" in shown
            assert "refresh_token" not in shown
            assert ("Test connection</button>" in shown) == (role == "operator")
    assert (served.home / "keys/partners/amazon-us-api-client-secret").read_text() == "typed"
    for name in ("amazon", "amazon-us"):
        (served.home / f"partners/{name}.yaml").unlink()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A new home with its page; what is to be done in it is done by passes."""
    home = tmp_path_factory.mktemp("started") / "home"
    make_home(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDIGW_WEB_LISTEN", "127.0.0.1:0")
        with serve(home, works=False) as found:
            with found.gateway.acting("user:test") as services:
                given = (Grant("administrator"),)
                access.add_user(
                    services, "administrator", PASSWORD, given, must_change=False, reason="a test"
                )
            yield found


@pytest.fixture(scope="module")
def amazon() -> Iterator[Amazon]:
    with Amazon(Script(orders=(Order(number="PO000001", at_seconds=-600),))) as made:
        yield made


@pytest.mark.needs_system
@pytest.mark.parametrize("script", [True, False])
def test_from_nothing_to_an_order_by_amazons_api(
    started: Served, amazon: Amazon, chromium: Browser, axe: Path, *, script: bool
) -> None:
    name, home = f"amazon-{'us' if script else 'eu'}", started.home
    with opened(chromium, started, "administrator", java_script_enabled=script) as page:
        page.goto("/partners/new")
        page.get_by_role("link", name="Amazon’s API").click()
        page.get_by_label("Name", exact=False).first.fill("Amazon")
        page.get_by_label("Short name").fill(name)
        page.get_by_label("Secret made on").fill(f"{datetime.now(UTC):%Y-%m-%d}")
        page.get_by_label("Where").select_option("Sandbox")
        for code in ("rehrs", "REHRS"):
            page.get_by_label("Vendor code").fill(code)
            for label, secret in API.items():
                assert page.get_by_label(label).input_value() == ""
                page.get_by_label(label).fill(secret if label != "Refresh token" else "mistyped")
            page.get_by_role("button", name="Add and go on").click()
            if code == "rehrs":
                page.get_by_text("as Vendor Central does").first.wait_for()
                assert not script or unusable(page, axe) == []
        page.get_by_role("button", name="Test connection").wait_for()
        # What no form can do: somebody who has the home leads it to the played Amazon.
        file = home / f"partners/{name}.yaml"
        said = plain(file.read_text())
        said["sp_api"] |= {"base_url": amazon.url, "token_url": f"{amazon.url}/auth/o2/token"}
        file.write_text(json.dumps(said))
        page.get_by_role("button", name="Test connection").click()
        page.get_by_role("link", name="SPAPI-REFRESH-TOKEN").wait_for()
        assert not script or unusable(page, axe) == []
        page.get_by_label("Refresh token").fill(API["Refresh token"])
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("button", name="Test connection").click()
        page.get_by_text("The connection works").wait_for()
        for words in ("the client secret ends", "getPurchaseOrders is allowed", "REHRS has orders"):
            page.get_by_text(words).wait_for()
        work(home)
        page.goto(f"/partners/{name}/setup?step=test")
        page.get_by_role("link", name="PO000001").wait_for()
        page.goto(f"/partners/{name}/setup?step=live")
        page.get_by_text("Go live…").click()
        page.get_by_label("Reason").fill("seen in the sandbox")
        page.get_by_role("button", name="Go live", exact=True).click()
        page.get_by_text("What we send is meant in earnest").wait_for()
        assert main(["partner", "check", name, "--config", str(home)]) == 0
    terms = load(home).partners[name].sp_api
    assert terms
    assert (terms.sandbox, terms.base_url) == (False, amazon.url)
    got = [
        json.loads(one.read_text()) for one in (home / "folders/erp/outbox").glob("purchase_order_PO000001_*")
    ]
    assert [one["partner_id"] for one in got].count(name) == 1
    for secret in API.values():
        assert {one.rpartition("/")[0] for one in places(home, secret)} == {"keys/partners"}


# --- in a browser -----------------------------------------------------------------------------------------


@pytest.mark.needs_system
def test_a_channel_is_paused_by_keyboard_and_without_scripts(served: Served, chromium: Browser) -> None:
    with opened(chromium, served, "operator") as page:
        page.goto("/channels")
        row = page.locator("tr", has_text="Acme Retail")
        row.locator("summary", has_text="Pause").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("stocktaking")
        page.keyboard.press("Enter")
        page.get_by_text("acme-retail is paused").wait_for()
    with opened(chromium, served, "operator", java_script_enabled=False) as page:
        page.goto("/channels")
        row = page.locator("tr", has_text="Acme Retail")
        assert "stocktaking" in row.inner_text()
        row.locator("summary").click()
        row.get_by_label("Reason").fill("done")
        row.get_by_role("button", name="Resume", exact=True).click()
        page.get_by_text("acme-retail goes on").wait_for()
