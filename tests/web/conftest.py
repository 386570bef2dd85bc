"""A gateway at work with its page, one for all tests of a module, and somebody of each role."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from gateway.app import Gateway
from gateway.services import access, apart, doctor
from gateway.services.access import ROLES, Grant
from gateway.settings import load
from gateway.web.app import Web
from tests.homes import demo_home
from tests.interop import environments
from tests.interop.environments import Unavailable
from tests.receivers import wait_for

PASSWORD = "correct horse battery"
ALL_ROLES = (*ROLES, "acme-viewer", "acme-operator", "other-viewer")
"""Users of the served home: one of each role, and some of one partner only."""


@dataclass(slots=True)
class Served:
    """A home that is shown at ``url``."""

    home: Path
    gateway: Gateway
    url: str
    keys: dict[str, str] = field(default_factory=dict)

    def client(self, role: str = "", **options: object) -> httpx.Client:
        """A program: with the API key of a role, or with none."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **options)  # type: ignore[arg-type]

    @contextmanager
    def browser(self, role: str) -> Iterator[httpx.Client]:
        """Somebody of that role who is logged in to the page."""
        head = {"Accept": "text/html"}
        with httpx.Client(base_url=self.url, headers=head, timeout=30, follow_redirects=True) as made:
            answer = made.post("/login", data={"name": role, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            assert "edigw_session" in made.cookies
            yield made


@contextmanager
def serve(home: Path, *, works: bool = True) -> Iterator[Served]:
    """A home with its page, and as `edigw up` runs it if it works."""
    stop = threading.Event()
    with ExitStack() as ends:
        gateway = ends.enter_context(Gateway(home, load(home), works=works))
        web = Web(gateway)
        parts = [web.run, *([*gateway.parts, gateway.keep_time] if works else ())]
        threads = [threading.Thread(target=part, args=(stop,)) for part in parts]
        for one in threads:
            one.start()
        for one in threads:
            ends.callback(one.join)
        ends.callback(stop.set)
        assert web.ready.wait(30)
        yield Served(home, gateway, f"http://127.0.0.1:{web.port}")


def is_quiet(client: httpx.Client) -> bool:
    """Whether no message waits for a translation or delivery."""
    busy = "/api/v1/messages?translation=received", "/api/v1/messages?delivery=waiting"
    return not any(client.get(url).json()["messages"] for url in busy)


def take(served: Served) -> None:
    """Passes until the inboxes are empty, also of what the gateway takes by itself meanwhile."""

    def taken() -> bool:
        served.gateway.run_once()
        return not any(served.gateway.waiting(one) for one in served.gateway.settings.channels)

    wait_for(taken)


def work(served: Served) -> None:
    """The same, until nothing waits for a translation or delivery."""

    def done() -> bool:
        take(served)
        return is_quiet(client)

    with served.client("administrator") as client:
        wait_for(done)


def grant(role: str) -> Grant:
    """What a user of :data:`ALL_ROLES` may do."""
    partner, _, kind = role.rpartition("-")
    return Grant(kind or role, {"acme": "acme-retail", "other": "other-retail"}.get(partner, "*"))


def populate(served: Served) -> None:
    """Adds somebody of each role, with a password and a key."""
    with served.gateway.acting("user:test") as services:
        for role in ALL_ROLES:
            given = (grant(role),)
            access.add_user(services, role, PASSWORD, given, must_change=False, reason="a test")
            served.keys[role], _ = access.make_key(services, role, given, reason="a test")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests keep disk and processor busy: what is asked of both has more time."""
    monkeypatch.setattr(doctor, "_TIMEOUT_SECONDS", 60)
    monkeypatch.setattr(apart, "SECONDS", 60.0)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; the tests are skipped where there is none.

    Playwright keeps an event loop in this thread as long as it runs, so it must not outlive the module.
    """
    from tests.web import browsing

    if browsing.CHROMIUM is None:
        pytest.skip(browsing.MISSING)
    with browsing.browser() as made:
        yield made


@pytest.fixture(scope="session")
def axe() -> Path:
    """axe-core, which finds what keeps people from using a page."""
    try:
        return environments.axe()
    except Unavailable as error:
        pytest.skip(f"no axe-core: {error}")


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the story of the demo happened, and a partner with whom nothing did."""
    home = demo_home(tmp_path_factory.mktemp("story") / "home")
    other = (home / "partners/acme-retail.yaml").read_text()
    names = (
        ("ACMERETAIL", "OTHERRETAIL"),
        ("Acme Retail", "Other Retail"),
        ("channel: acme", "channel: other"),
    )
    for before, after in names:
        other = other.replace(before, after)
    (home / "partners/other-retail.yaml").write_text(other)
    text = (home / "gateway.yaml").read_text()
    (home / "gateway.yaml").write_text(
        f"{text}\nweb: {{listen: '127.0.0.1:0', requests_per_second: 100000}}\n"
    )
    return home


@pytest.fixture(scope="module")
def served(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The story, served; each module has its own."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(story, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EDIGW_WEB_LISTEN", raising=False)
        with serve(home) as found:
            populate(found)
            yield found
