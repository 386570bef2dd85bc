"""Who tries to get in, or to make a browser do something: sessions, forms of others, addresses, headers."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from threading import Event, Thread
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
import structlog
from argon2 import PasswordHasher
from fastapi.routing import APIRoute
from sqlalchemy import text

from gateway.api.access import SAFE
from gateway.api.site import Site
from gateway.app import Gateway
from gateway.observability import logging
from gateway.partners.webhook import Webhook
from gateway.services import access
from gateway.services.access import FREE_NAME, Grant
from gateway.store.database import reading
from gateway.transports import webhook
from gateway.transports.as2 import Client, SendError, tls_context
from gateway.web.app import Web
from tests.homes import put
from tests.web.conftest import PASSWORD, Served, work
from tests.web.test_matrix import ROUTES, call, needed

HTML = {"Accept": "text/html"}
UNSAFE = sorted(name for name, route in ROUTES.items() if name.split()[0] not in SAFE)
FORMS = [
    name for name in UNSAFE if needed(ROUTES[name]) or name in ("POST /logout", "POST /account/password")
]
"""What a browser could be made to send with its cookie."""

SECRET = "whsec_" + "a2tr" * 11
WITHOUT_SESSION = ("POST /login", "POST /setup")
ELSEWHERE: list[dict[str, str]] = [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://127.0.0.1.evil.example"},
]  # fmt: skip


class _Other:
    """The same gateway, with other settings of its page."""

    def __init__(self, gateway: Gateway, **web: Any) -> None:
        rules, self._gateway = gateway.settings.gateway, gateway
        changed = replace(rules, web=replace(rules.web, listen="127.0.0.1:0", **web))
        self.settings = replace(gateway.settings, gateway=changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)


@contextmanager
def shown(gateway: Gateway, header_seconds: float = 15.0, **web: Any) -> Iterator[Web]:
    """A second page of a gateway, with other settings."""
    made, stop = Web(cast("Site", _Other(gateway, **web))), Event()
    made._server._header_seconds = header_seconds
    thread = Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        assert made.ready.wait(30)
        yield made
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def proxied(served: Served) -> Iterator[str]:
    """Behind a proxy that is believed."""
    with shown(served.gateway, proxies=("127.0.0.1",)) as web:
        yield web.url


def log_in(url: str, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    said = {"name": name, "password": password}
    return httpx.post(
        f"{url}/login", data=said, headers={k.replace("_", "-"): v for k, v in headers.items()}, timeout=30
    )


def written(served: Served) -> list[tuple[str, str]]:
    """What people and programs did, from the audit."""
    asked = "SELECT event, actor FROM audit WHERE actor LIKE 'web:%' OR actor LIKE 'key:%' ORDER BY seq"
    with reading(served.gateway.engine) as connection:
        rows = connection.execute(text(asked)).all()
    return [(row[0], row[1]) for row in rows if not row[0].startswith("session.")]


# --- sessions --------------------------------------------------------------------------------------------


def test_a_planted_session_is_worth_nothing(served: Served) -> None:
    """Nobody is logged in with a token of somebody else's making, before or after a log-in."""
    planted = "f" * 64
    with httpx.Client(base_url=served.url, cookies={"edigw_session": planted}, timeout=30) as client:
        assert client.get("/account", headers=HTML).status_code == 303
        answer = client.post("/login", data={"name": "viewer", "password": PASSWORD})
        first = SimpleCookie(answer.headers["set-cookie"])["edigw_session"].value
    assert first != planted
    again = SimpleCookie(log_in(served.url, "viewer", Cookie=f"edigw_session={first}").headers["set-cookie"])
    assert again["edigw_session"].value != first, "each log-in has a token of its own"
    for token, status in ((planted, 401), (first, 200)):
        assert (
            httpx.get(f"{served.url}/api/v1/today", cookies={"edigw_session": token}, timeout=30).status_code
            == status
        )


def test_cookies_are_for_us_alone(served: Served, proxied: str) -> None:
    secure = {"X_Forwarded_Proto": "https"}
    for url, head, is_secure in (
        (served.url, {}, False),
        (served.url, secure, False),
        (proxied, secure, True),
    ):
        answer = log_in(url, "viewer", **head)
        (cookie,) = (one for one in answer.headers.get_list("set-cookie") if "edigw_session" in one)
        assert {"httponly", "samesite=lax", "path=/"} <= set(cookie.lower().split("; "))
        assert ("; Secure" in cookie) == ("Strict-Transport-Security" in answer.headers) == is_secure
    with shown(served.gateway, public_url="https://edi.example") as web:
        host = {"X-Forwarded-Proto": "http", **HTML}
        answer = httpx.post(
            f"{web.url.replace('https://edi.example', f'http://127.0.0.1:{web.port}')}/theme",
            data={"theme": "dark"},
            headers=host,
            timeout=30,
        )
        assert answer.headers["set-cookie"].endswith("; Secure"), "people come by HTTPS, whatever comes to us"


def test_a_session_ends_at_once(served: Served) -> None:
    """When its user is disabled, or gets other roles or another password; a key when it is revoked."""
    with served.gateway.acting("user:test") as services:
        access.add_user(services, "leaver", PASSWORD, (Grant("viewer"),), must_change=False, reason="a test")
        said, key = access.make_key(services, "leaver", (Grant("viewer"),), reason="a test")

    def ends(change: Any, *args: Any, **known: Any) -> None:
        with served.browser("leaver") as client:
            assert client.get("/api/v1/today").status_code == 200
            with served.gateway.acting("user:test") as services:
                change(services, *args, reason="a test", **known)
            assert client.get("/api/v1/today").status_code == 401
            assert client.get("/account", follow_redirects=False).status_code == 303

    ends(access.change_user, "leaver", grants=(Grant("operator"),))
    ends(access.set_password, "leaver", PASSWORD, must_change=False)
    ends(access.disable, "leaver")
    assert log_in(served.url, "leaver").status_code == 401
    with httpx.Client(
        base_url=served.url, headers={"Authorization": f"Bearer {said}"}, timeout=30
    ) as program:
        assert program.get("/api/v1/today").status_code == 200
        with served.gateway.acting("user:test") as services:
            access.revoke_key(services, key["id"], reason="a test")
        assert program.get("/api/v1/today").status_code == 401


# --- log-ins ---------------------------------------------------------------------------------------------


def test_guessing_takes_longer_and_longer(proxied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "PAUSE", timedelta(minutes=10))
    codes = [
        log_in(proxied, "auditor", f"wrong number {n}", X_Forwarded_For=f"203.0.113.{n}")
        for n in range(FREE_NAME + 2)
    ]
    assert [one.status_code for one in codes] == [401] * FREE_NAME + [429] * 2
    assert int(codes[-1].headers["retry-after"]) >= 1
    assert log_in(proxied, "auditor", X_Forwarded_For="203.0.113.99").status_code == 429, (
        "the right one neither"
    )


def test_unknown_users_are_refused_like_known_ones(proxied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long is the password, so the same is compared for both; nobody can tell them by the time."""
    compared, verify = list[str](), PasswordHasher.verify

    def watched(hasher: PasswordHasher, hashed: str, password: bytes) -> bool:
        compared.append(hashed.rpartition("$")[0].rpartition("$")[0])  # without salt and hash
        return verify(hasher, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    said = set[tuple[int, str]]()
    for name in ("operator", "no-such-user"):
        answer = log_in(proxied, name, "wrong wrong wrong", X_Forwarded_For="192.0.2.1")
        said.add((answer.status_code, answer.text.replace(name, "NAME")))
    assert len(said) == 1
    assert len(compared) == 2
    assert compared[0] == compared[1]
    assert compared[0].startswith("$argon2id$")


def test_only_proxies_that_are_named_say_who_their_client_is(served: Served, proxied: str) -> None:
    head = {"X_Forwarded_For": "198.51.100.20, 203.0.113.5"}
    assert log_in(served.url, "viewer", **head).status_code == 303
    assert log_in(proxied, "viewer", **head).status_code == 303
    with reading(served.gateway.engine) as connection:
        rows = connection.exec_driver_sql(
            "SELECT address FROM sessions ORDER BY created_at DESC LIMIT 2"
        ).all()
    assert [row[0] for row in rows] == ["203.0.113.5", "127.0.0.1"], "the last entry is what the proxy saw"


def test_the_log_has_no_secrets(served: Served) -> None:
    lines = io.StringIO()
    logging.configure(lines, "debug")
    try:
        with served.browser("administrator") as client:
            token = client.cookies["edigw_session"]
            form = re.search(r'name="csrf" value="(\w+)"', client.get("/account").text)
            assert form
            client.post(
                "/account/password", data={"csrf": form[1], "current": "wrong-secret-1", "password": "s"}
            )
            client.post("/logout", data={"csrf": form[1]})
        log_in(served.url, "viewer", "wrong-secret-2")
        httpx.get(f"{served.url}/setup?token=wrong-secret-3", timeout=30)
        httpx.post(
            f"{served.url}/setup",
            data={"token": "wrong-secret-4", "name": "a", "password": "wrong-secret-5"},
            timeout=30,
        )
        with served.client("operator") as program:
            program.post("/api/v1/validate?x=wrong-secret-6", content=b"ISA*wrong-secret-7")
        httpx.post(
            f"{served.url}/api/v1/validate",
            headers={"Authorization": "Bearer edigw_wrong-secret-8"},
            timeout=30,
        )
    finally:
        structlog.reset_defaults()
    log = lines.getvalue()
    assert log.count('"http.request"') >= 6
    for secret in (PASSWORD, token, form[1], served.keys["operator"], "wrong-secret"):
        assert secret not in log


# --- forms of other sites --------------------------------------------------------------------------------


def test_a_browser_is_not_made_to_do_anything(served: Served) -> None:
    assert len(FORMS) > 15
    with served.browser("administrator") as client:
        form = re.search(r'name="csrf" value="(\w+)"', client.get("/account").text)
        assert form
        before, kept = written(served), client.cookies["edigw_session"]
        for name in FORMS:
            for head in (
                {},
                {"X-CSRF-Token": "0" * 64},
                *({**one, "X-CSRF-Token": form[1]} for one in ELSEWHERE),
            ):
                answer = call(
                    client, name, headers={**head, "Accept": "application/json"}, follow_redirects=False
                )
                assert answer.status_code == 403, (name, head, answer.text)
                assert answer.json()["code"] == "HTTP-CSRF", (name, head)
            for kind in (
                "data",
                "files",
                "json",
            ):  # a token that is wrong, in every form a page of others can send
                said: Any = {
                    "csrf": (None, "no") if kind == "files" else "no",
                    "reason": (None, "x") if kind == "files" else "x",
                }
                assert call(client, name, **{kind: said}, follow_redirects=False).status_code == 403, (
                    name,
                    kind,
                )
        assert written(served) == before
        assert client.cookies["edigw_session"] == kept
        ours = {"Origin": served.url, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": form[1]}
        for name in FORMS:
            if name != "POST /logout":
                answer = call(client, name, headers={**ours, "Accept": "application/json"})
                assert answer.status_code != 403, (name, "our own page may")


def test_forms_without_a_session_are_sent_by_our_page_too(served: Served) -> None:
    for name in WITHOUT_SESSION:
        for head in ELSEWHERE:
            said = {"name": "viewer", "password": PASSWORD}
            answer = httpx.post(f"{served.url}{name.split()[1]}", data=said, headers=head, timeout=30)
            assert answer.status_code == 403, (name, head)
            assert "set-cookie" not in answer.headers
    assert log_in(served.url, "viewer", Origin=served.url, Sec_Fetch_Site="same-origin").status_code == 303


# --- headers ---------------------------------------------------------------------------------------------


def test_every_answer_has_the_headers_that_protect_it(served: Served) -> None:
    addresses = [
        ("GET", name.partition(" ")[2]) for name in ROUTES if name.startswith("GET ") and "{" not in name
    ]
    addresses += [
        ("GET", "/nowhere"),
        ("GET", "/static/edigw.css"),
        ("GET", "/static/nothing"),
        ("PUT", "/login"),
    ]
    addresses += [
        ("POST", "/api/v1/translate"),
        ("GET", "/api/v1/messages?limit=x"),
        ("GET", "/api/v1/messages/none"),
    ]
    with served.browser("administrator") as client:
        seen = set()
        for method, path in addresses:
            for accept in ("text/html", "application/json"):
                if path.startswith("/api/v1/events"):
                    path += "?since=0"
                answer = client.request(method, path, headers={"Accept": accept}, follow_redirects=False)
                _is_protected(answer, path)
                seen.add(answer.status_code)
        assert {200, 303, 401, 403, 404, 405, 422} - seen <= {401, 403}
    _is_protected(httpx.get(f"{served.url}/api/v1/messages", timeout=30), "401")


def _is_protected(answer: httpx.Response, path: str) -> None:
    head = answer.headers
    policy = dict(one.strip().split(" ", 1) for one in head["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'", path
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in head["Content-Security-Policy"]
    assert head["X-Content-Type-Options"] == "nosniff"
    assert head["X-Frame-Options"] == "DENY"
    assert head["Referrer-Policy"] == "same-origin"
    assert head["X-Request-Id"]
    assert head["Cache-Control"] == "no-store" or path.startswith("/static/"), path
    assert "content-encoding" not in head, "compressed pages tell their secrets by their length (BREACH)"
    assert not {"server", "x-powered-by"} & set(head), path


def test_an_error_of_ours_tells_strangers_nothing(served: Served) -> None:
    with shown(served.gateway) as web:

        def broken() -> None:
            raise RuntimeError("the password is hunter2")

        web._pages.add_api_route("/broken", broken)
        web._pages.router.routes.insert(0, web._pages.router.routes.pop())
        logging.configure(lines := io.StringIO())
        for accept in ("text/html", "application/json"):
            answer = httpx.get(f"{web.url}/broken", headers={"Accept": accept}, timeout=30)
            assert answer.status_code == 500
            _is_protected(answer, "/broken")
            assert "hunter2" not in answer.text
            assert "Traceback" not in answer.text
        assert lines.getvalue().count("Traceback") == 2, "it is for the log"


# --- addresses -------------------------------------------------------------------------------------------

TRAPS = (
    "..%2f..%2fgateway.yaml", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..", "%2e%2e", "%2fetc%2fpasswd",
    "..%5c..%5cgateway.yaml", "a%00b", "%00", "%0d%0aSet-Cookie:%20a=b", "a" * 5000, "%ff%fe",
    "../../../../../etc/passwd", "keys%2fpassword", "%25", "-1", "1e999", "9" * 400, "%27%20OR%201=1--",
)  # fmt: skip
"""What is put where an id, a name or a code belongs; as it goes over the wire."""


def test_no_address_leads_out_of_the_home(served: Served) -> None:
    secrets = [
        (served.home / "gateway.yaml").read_text()[:40],
        (served.home / "keys/audit.pem").read_text()[:27],
        "root:",
    ]
    routes = [name for name in ROUTES if name.startswith("GET ") and not name.endswith("/api/openapi.json")]
    where = urlsplit(served.url)
    assert where.port
    head = {"Authorization": f"Bearer {served.keys['administrator']}", "Accept": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", where.port, timeout=30)) as line:
        asked = 0
        for name in routes:
            path = name.partition(" ")[2]
            route = ROUTES[name]
            queried = (
                [one.alias for one in route.dependant.query_params] if isinstance(route, APIRoute) else []
            )
            for trap in TRAPS:
                filled = re.sub(r"\{[^}]+\}", trap, path)
                if queried:
                    filled += "?" + "&".join(f"{one}={trap}" for one in queried)
                if filled == path:
                    continue
                line.request("GET", filled, headers=head)
                answer = line.getresponse()
                body, asked = answer.read().decode("utf-8", "replace"), asked + 1
                assert answer.status < 500, (filled, body)
                assert "{" not in path or answer.status >= 400 or _is_empty(body, trap), (filled, body)
                assert not any(one in body for one in secrets), filled
                assert "Set-Cookie" not in answer.headers, filled
    assert asked > 100


def _is_empty(body: str, trap: str) -> bool:
    """Nothing is there, or a name that could be one was looked for."""
    said = json.loads(body) if body.startswith("{") else {}
    return not any(one for one in said.values() if isinstance(one, list)) or trap in ("%25", "-1")


@pytest.mark.parametrize(
    "url",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
     "javascript:alert(1)", " //evil.example", "/%0d%0aLocation:https://evil.example", "/\r\nX: y",
     "///evil.example", "http:evil.example", "/.//evil.example\\"],
)  # fmt: skip
def test_nobody_is_led_elsewhere(served: Served, url: str) -> None:
    said = {"name": "viewer", "password": PASSWORD, "next": url}
    answers = [
        httpx.post(f"{served.url}/login", data=said, timeout=30),
        httpx.post(f"{served.url}/theme", data={"theme": "dark", "back": url}, timeout=30),
        httpx.get(f"{served.url}/login", params={"next": url}, timeout=30),
    ]
    with served.browser("viewer") as client:
        answers.append(client.get("/login", params={"next": url}, follow_redirects=False))
    for one in answers:
        where = one.headers.get("location", "/")
        assert re.fullmatch(r"/(?![/\\])[!-~]*", where), where
        assert "X" not in one.headers
        assert 'value="//' not in one.text
        assert "javascript:" not in one.text


def test_names_of_files_make_no_headers(served: Served) -> None:
    put(served.home, 'a"; x=\u202ey.edi', b"no X12")
    work(served)
    with served.client("administrator") as client:
        named = {"channel": "acme-retail", "name": "b\r\nX-Evil: 1.edi"}
        answer = client.post("/api/v1/files", params=named, content=b"x", headers={"Idempotency-Key": "n"})
        assert "x-evil" not in answer.headers
        rows = client.get("/api/v1/messages", params={"direction": "in"}).json()["messages"]
        assert any("x" in row["name"] for row in rows)
        for row in rows:
            said = client.get(f"/api/v1/messages/{row['id']}/raw").headers
            assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', said["content-disposition"])
            assert said["content-type"] == "application/octet-stream"


# --- bodies ----------------------------------------------------------------------------------------------


def _bombs() -> Iterator[tuple[str, str, bytes]]:
    deep = 100_000
    yield "application/json", "deep lists", b"[" * deep + b"]" * deep
    yield "application/json", "deep objects", b'{"reason":' * deep + b"1" + b"}" * deep
    yield "application/json", "a huge number", b'{"reason": %s}' % (b"9" * 20_000)
    yield "application/json", "a huge exponent", b'{"reason": 1e9999999, "rules": [1e-9999999]}'
    yield "application/json", "no end", b'{"reason": "x'
    yield "application/json", "no text", b'{"reason": "\xff\xfe\\ud800"}'
    yield "application/x-www-form-urlencoded", "many fields", b"a=1&" * 15_000
    yield "application/x-www-form-urlencoded", "nothing", b"&" * 60_000
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    yield "multipart/form-data; boundary=x", "many parts", part * 1_200 + b"--x--\r\n"
    file = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n'
    yield "multipart/form-data; boundary=x", "many files", file * 1_000 + b"--x--\r\n"
    yield "multipart/form-data; boundary=x", "no end", part
    yield "multipart/form-data", "no boundary", part
    yield "multipart/form-data; boundary=" + "x" * 3000, "a long boundary", part
    yield (
        "multipart/form-data; boundary=x",
        "long headers",
        b"--x\r\n" + b"A" * 50_000 + b": b\r\n\r\n1\r\n--x--\r\n",
    )


@pytest.mark.parametrize(
    ("kind", "what", "body"),
    [*_bombs()],
    ids=lambda one: one if isinstance(one, str) and "/" not in one else "",
)
def test_bodies_that_want_to_become_large_do_not(served: Served, kind: str, what: str, body: bytes) -> None:
    names = [name for name in UNSAFE if name.startswith("POST ")]
    if kind != "application/json":
        names = [name for name in names if "/api/" not in name]
    with served.browser("administrator") as client:
        form = re.search(r'name="csrf" value="(\w+)"', client.get("/account").text)
        assert form
        head = {"Content-Type": kind, "X-CSRF-Token": form[1], "Accept": "application/json"}
        for name in names:
            if name != "POST /logout":
                began = time.process_time()
                answer = call(client, name, content=body, headers=head, follow_redirects=False)
                assert answer.status_code < 500, (name, answer.text)
                assert time.process_time() - began < 5, name


def test_compressed_bodies_are_not_unpacked(served: Served) -> None:
    packed = gzip.compress(b"ISA*00*" + b" " * 10_000_000)
    assert len(packed) < 20_000
    with served.client("operator") as client:
        head = {"Content-Encoding": "gzip", "Content-Type": "application/edi-x12"}
        said = client.post("/api/v1/validate", content=packed, headers=head).json()
    assert said["files"][0]["verdict"] == "unreadable"


def test_values_may_be_no_larger_than_values_are(served: Served) -> None:
    body = json.dumps({"reason": "x", "more": "y" * 2_000_000}).encode()
    with served.client("operator") as client:
        answer = client.post(
            "/api/v1/messages/x/hold",
            content=body,
            headers={"Idempotency-Key": "big", "Content-Type": "application/json"},
        )
    assert answer.status_code == 413


# --- where we connect to ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "localhost", "[::1]",
     "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "192.168.0.1", "100.64.0.1", "[fd00::1]",
     "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1"],
)  # fmt: skip
def test_webhooks_reach_nothing_inside(host: str) -> None:
    """However an address is written, and before a connection is opened (SSRF)."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.settimeout(0)
        port = listening.getsockname()[1]
        terms = Webhook(url=f"https://{host}:{port}/", secrets=("env:NONE",), timeout_seconds=5)
        with closing(Client()) as client, pytest.raises(SendError, match="public"):
            webhook.post(client, terms, [SECRET], tls_context("", None), "id", b"{}", datetime.now(UTC))
        with pytest.raises(BlockingIOError):
            listening.accept()
