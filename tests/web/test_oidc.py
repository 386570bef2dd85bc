"""Log-in by an OpenID provider: a real one on loopback, and answers that prove nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.partners.oidc import Oidc
from gateway.services import access
from gateway.services.access import Grant
from gateway.transports import oidc
from tests.interop import environments
from tests.interop.environments import Unavailable
from tests.ports import free_port
from tests.web.conftest import Served, populate, serve

pytestmark = pytest.mark.needs_system
SECRET = "a secret of the provider"


@dataclass
class Provider:
    """A provider, and the gateway that asks it."""

    issuer: str
    served: Served

    def logs_in(
        self, who: str, client: httpx.Client, begin: str = "/login/oidc?next=/account"
    ) -> httpx.Response:
        """A person follows the button, logs in at the provider, agrees, and comes back."""
        answer = client.get(begin)
        for _ in range(20):
            if answer.is_redirect:
                answer = client.get(str(answer.next_request.url)) if answer.next_request else answer
            elif str(answer.url).startswith(self.issuer) and "<form" in answer.text:
                action = unescape(re.search(r'action="([^"]+)"', answer.text)[1])  # type: ignore[index]
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)[1]  # type: ignore[index]
                answer = client.post(action, data={"prompt": prompt, "login": who, "password": "any"})
            else:
                return answer
        raise AssertionError(answer.url)


@pytest.fixture(scope="module")
def provider(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    try:
        program = environments.openid_provider()
    except Unavailable as error:
        pytest.skip(f"no oidc-provider: {error}")
    home, port = tmp_path_factory.mktemp("oidc") / "home", free_port()
    shutil.copytree(story, home)
    issuer = f"http://127.0.0.1:{port}"
    rules = {"issuer": issuer, "client_id": "edigw", "client_secret": "file:keys/oidc", "name": "Example ID"}
    rules |= {"create": "true", "roles": {"edi-team": "operator:acme-retail", "edi-audit": "auditor"}}  # type: ignore[dict-item]
    with (home / "gateway.yaml").open("a") as file:
        file.write(f"\noidc: {json.dumps(rules)}\n")
    (home / "keys/oidc").write_text(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        with serve(home, works=False) as served:
            populate(served)
            command = ["node", str(program), str(port), SECRET, f"{served.url}/login/oidc/callback"]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as running:
                assert running.stdout is not None
                assert running.stdout.readline() == "ready\n"
                yield Provider(issuer, served)
                running.kill()


@pytest.fixture
def client(provider: Provider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=provider.served.url, headers={"Accept": "text/html"}, timeout=30) as made:
        yield made


def users(provider: Provider) -> dict[str, list[tuple[str, str]]]:
    with provider.served.gateway.acting("user:test") as services:
        rows = access.list_users(services)
    return {one["name"]: [(each["role"], each["partner"]) for each in one["grants"]] for one in rows}


def test_a_group_makes_a_user_whose_roles_follow(provider: Provider, client: httpx.Client) -> None:
    shown = provider.logs_in("hanna+edi-team+others", client)
    assert shown.status_code == 200, shown.text
    assert shown.url.path == "/account"
    assert "Operator of Acme Retail" in shown.text
    assert users(provider)["hanna"] == [("operator", "acme-retail")]
    with provider.served.gateway.acting("user:test") as services:
        row = next(one for one in access.list_users(services) if one["name"] == "hanna")
        assert row["subject"] == "hanna+edi-team+others"
        access.change_user(services, "hanna", grants=[Grant("viewer")], reason="by hand")
    with httpx.Client(base_url=provider.served.url, headers={"Accept": "text/html"}, timeout=30) as again:
        provider.logs_in("hanna+edi-team+others", again)
    assert users(provider)["hanna"] == [("operator", "acme-retail")]


def test_without_a_group_nobody_is_let_in(provider: Provider, client: httpx.Client) -> None:
    shown = provider.logs_in("stranger+others", client)
    assert shown.status_code == 401
    assert "may do nothing here" in shown.text
    assert "edigw_session" not in client.cookies
    assert "stranger" not in users(provider)


def test_a_name_that_is_taken_is_not_taken_over(provider: Provider, client: httpx.Client) -> None:
    shown = provider.logs_in("administrator+edi-audit", client)
    assert shown.status_code == 401
    assert "There is a user administrator already" in shown.text


def test_a_linked_user_has_no_password_any_more(provider: Provider, client: httpx.Client) -> None:
    with provider.served.gateway.acting("user:test") as services:
        access.change_user(services, "viewer", subject="vera+edi-audit", reason="has an account there")
    said = client.post("/login", data={"name": "viewer", "password": "correct horse battery"})
    assert said.status_code == 401
    shown = provider.logs_in("vera+edi-audit", client)
    assert "viewer" in shown.text
    assert users(provider)["viewer"] == [("auditor", "*")]
    with provider.served.gateway.acting("user:test") as services:
        access.disable(services, "viewer", reason="left")
    with httpx.Client(base_url=provider.served.url, timeout=30) as again:
        assert "This user is disabled" in provider.logs_in("vera+edi-audit", again).text


def test_an_answer_of_another_log_in_is_refused(provider: Provider, client: httpx.Client) -> None:
    """Somebody sends their own code to somebody else (CSRF), or a code comes twice."""
    answer = client.get("/login/oidc")
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{provider.served.url}/login/oidc/callback"]
    for query in (
        "code=x&state=wrong",
        "state=",
        f"code=x&state={asked['state'][0]}&iss=https://evil.example",
    ):
        with httpx.Client(base_url=provider.served.url, cookies=client.cookies, timeout=30) as other:
            said = other.get(f"/login/oidc/callback?{query}", headers={"Accept": "text/html"})
            assert said.status_code == 401, query
            assert "begun elsewhere" in said.text
            assert "edigw_session" not in other.cookies
    denied = client.get(f"/login/oidc/callback?error=<b>denied&state={asked['state'][0]}")
    assert "&lt;b&gt;denied" in denied.text
    with httpx.Client(base_url=provider.served.url, timeout=30) as nobody:
        assert nobody.get(f"/login/oidc/callback?code=x&state={asked['state'][0]}").status_code == 401


def test_a_code_needs_its_verifier_and_its_nonce(provider: Provider, client: httpx.Client) -> None:
    """Whoever steals a code cannot use it, and a token of another log-in is none of this."""
    site = provider.served.gateway
    rules = site.settings.gateway.oidc
    assert rules is not None
    for part in ("verifier", "nonce"):
        with httpx.Client(base_url=provider.served.url, headers={"Accept": "text/html"}, timeout=30) as made:
            begun = made.get("/login/oidc")
            kept = oidc.State.of(made.cookies["edigw_oidc"])
            assert kept is not None
            other = oidc.State.new("/")
            changed = {name: getattr(kept, name) for name in ("state", "nonce", "verifier", "next")}
            changed[part] = getattr(other, part)
            made.cookies.clear()
            made.cookies.set("edigw_oidc", oidc.State(**changed).packed, path="/login/oidc")
            shown = provider.logs_in("ida+edi-audit", made, begin=begun.headers["location"])
            assert shown.status_code == 401
            assert "edigw_session" not in made.cookies
    assert "ida" not in users(provider)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"issuer": "http://idp.example"}, "only https"),
        ({"issuer": "no url"}, "is no URL"),
        ({"client_secret": "the secret"}, "a secret does not belong"),
        ({"create": True}, "which group has which role"),
        ({"roles": {"staff": "boss"}}, "boss"),
    ],
)
def test_settings_are_checked(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Oidc(**{"issuer": "https://idp.example", "client_id": "edigw", **wrong})  # type: ignore[arg-type]
