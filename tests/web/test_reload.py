"""Settings that change while `edigw up` runs: taken up, or refused with words; nothing in flight is lost."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest
from playwright.sync_api import Browser, Page

from gateway import resources
from gateway.cli.commands.home import make_home
from gateway.cli.main import main
from gateway.settings import load
from tests import ssh
from tests.homes import put, rows, set_in
from tests.integration.crashing import until, whole_lines
from tests.orders import interchange, order
from tests.ports import free_port
from tests.web.browsing import unusable
from tests.web.conftest import PASSWORD

LINE = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE"
KEY = asyncssh.generate_private_key("ssh-ed25519")


@dataclass
class Running:
    """A process of `edigw up`, and those after it."""

    home: Path
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        known = len(self.said("web.ready")) if self.log.exists() else 0
        environment = {name: value for name, value in os.environ.items() if name != "EDIGW_WEB_LISTEN"}
        command = [sys.executable, "-m", "gateway", "up", "--config", str(self.home)]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, stderr=out, stdout=out, env=environment)
        until(lambda: len(self.said("web.ready")) > known)

    @property
    def url(self) -> str:
        """Where its page is now; without a fixed port that changes with the settings of the page."""
        return str(self.said("web.ready")[-1]["url"]).partition("/setup")[0]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def take_up(self, change: Callable[[], object]) -> None:
        """Changes something, and waits until it is in force."""
        known = len(self.said("web.ready"))
        change()
        until(lambda: len(self.said("web.ready")) > known)

    def order(self, number: str, control: int) -> None:
        put(self.home, f"{number}.edi", interchange(control, [order(1, number, [LINE])]))

    def said(self, event: str) -> list[dict[str, object]]:
        return [one for one in self._lines() if one.get("event") == event]

    def events(self) -> list[str]:
        return [str(one.get("event")) for one in self._lines()]

    def is_renewed(self, before: Counter[str]) -> bool:
        """Whether it works with other settings than those of the events ``before``."""
        new = Counter(self.events()) - before
        return new["settings.changed"] > 0 and new["web.ready"] > 0

    def _lines(self) -> list[dict[str, object]]:
        return [json.loads(one) for one in whole_lines(self.log.read_bytes())]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("reload") / "home"
    make_home(home)
    set_in(home, "gateway.yaml", "stable_seconds: 1 ", "stable_seconds: 0 ")
    set_in(home, "gateway.yaml", "poll_seconds: 2 ", "poll_seconds: 1 ")
    with (home / "gateway.yaml").open("a") as file:
        file.write("\nweb: {listen: '127.0.0.1:0', requests_per_second: 100000}\n")
        file.write(f"sftp_server: {{listen: '127.0.0.1:{free_port()}'}}\n")
    with (home / "partners/acme-retail.yaml").open("a") as file:
        file.write(f"\nsftp_account: {{user: acme, keys: ['{KEY.export_public_key().decode().strip()}']}}\n")
    made = Running(home, home.parent / "log")
    made.start()
    try:
        yield made
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(30) == 0
    finally:
        made.kill()


def delivered(running: Running, number: str) -> int:
    return len([*(running.home / "folders/erp/outbox").glob(f"purchase_order_{number}_*.json")])


def test_a_new_partner_is_taken_up_and_nobody_is_turned_away(running: Running) -> None:
    said = {"name": "River", "identifiers": [{"qualifier": "ZZ", "id": "RIVER"}], "receive": [{"set": "850"}]}
    file = running.home.parent / "river.json"
    file.write_text(json.dumps(said))
    where = ["--config", str(running.home)]
    before = Counter(running.events())
    assert main(["partner", "add", str(file), "river", "--reason", "agreed", *where]) == 0
    answers = []
    with httpx.Client(base_url=running.url, timeout=20) as client:

        def is_taken() -> bool:
            answers.append(client.get("/login", headers={"Connection": "close"}).status_code)
            return running.is_renewed(before)

        until(is_taken)
    assert set(answers) <= {200, 303}
    assert running.url in str(running.said("web.ready")[-1]["url"])
    content = interchange(1, [order(1, "RIVER1", [LINE])]).replace(b"ACMERETAIL     ", b"RIVER          ")
    put(running.home, "po.edi", content.replace(b"*ACMERETAIL*", b"*RIVER*"), "river")
    until(lambda: delivered(running, "RIVER1"))
    assert main(["partner", "check", "river", *where]) == 1  # no test document yet


def test_a_broken_file_stops_nothing(running: Running) -> None:
    path, before = running.home / "partners/acme-retail.yaml", len(running.said("settings.refused"))
    good = path.read_text()
    path.write_text("name: [")
    until(lambda: len(running.said("settings.refused")) == before + 1)
    put(running.home, "po-2.edi", interchange(2, [order(1, "GOESON", [LINE])]))
    until(lambda: delivered(running, "GOESON"))
    assert running.process.poll() is None
    path.write_text(good.replace("keys: ['", "keys: ['nonsense "))
    until(lambda: len(running.said("settings.refused")) == before + 2)
    assert "sftp_account" in str(running.said("settings.refused")[-1]["words"])
    path.write_text(good)


def test_settings_that_cannot_be_opened_are_taken_back(running: Running) -> None:
    before, refused = len(running.said("web.ready")), len(running.said("settings.refused"))
    path = running.home / "gateway.yaml"
    good = path.read_text()
    path.write_text(good.replace("127.0.0.1:0", "192.0.2.1:80"))  # no address of this machine
    until(lambda: len(running.said("settings.refused")) > refused)
    until(lambda: len(running.said("web.ready")) > before)
    put(running.home, "po-3.edi", interchange(3, [order(1, "TAKENBACK", [LINE])]))
    until(lambda: delivered(running, "TAKENBACK"))
    path.write_text(good)


def test_what_is_in_flight_is_done_once_whatever_changes(running: Running) -> None:
    """Settings change three times under traffic; in the middle of one change the process is killed."""
    path = running.home / "partners/acme-retail.yaml"
    outbox = running.home / "folders/acme-retail/outbox"
    good, total = path.read_text(), 45

    def answers() -> list[str]:
        texts = [one.read_text() for one in outbox.glob("997_*.edi")]
        return sorted(one for text in texts for one in re.findall(r"AK1\*PO\*(1\d\d)\b", text))

    for number in range(total):
        running.order(f"FLIGHT{number}", 100 + number)
        if number % 15 == 0:
            want = len(running.said("settings.changed")) + 1
            path.write_text(re.sub("^name: .*", f"name: Acme {number}", good, flags=re.MULTILINE))
            until(lambda want=want: len(running.said("settings.changed")) >= want)  # type: ignore[misc]
        if number == 15:
            running.kill()  # the gateway before has ended, the next has not begun
        if number == 20:
            running.start()
    until(lambda: all(delivered(running, f"FLIGHT{number}") for number in range(total)), 60)
    until(lambda: len(answers()) >= total)
    assert [delivered(running, f"FLIGHT{number}") for number in range(total)] == [1] * total
    assert answers() == [str(100 + number) for number in range(total)]
    twice = "SELECT number FROM documents WHERE direction = 'in' GROUP BY number HAVING count(*) > 1"
    assert rows(running.home, twice) == []


def test_mappings_are_taken_up_while_somebody_is_logged_in_over_sftp(running: Running) -> None:
    """Broken ones are not; and he stays until his own settings change."""
    mapping, his = running.home / "mappings/x12/004010/850.yaml", running.home / "partners/acme-retail.yaml"
    good = resources.find("mappings/x12/004010/850.yaml").read_text()
    mapping.parent.mkdir(parents=True)
    refused = len(running.said("settings.refused"))
    mapping.write_text(good.replace("po_number: BEG03", "po_number: BEG99"))
    until(lambda: len(running.said("settings.refused")) > refused)
    assert "mappings/x12/004010/850.yaml cannot be used" in str(running.said("settings.refused")[-1]["words"])
    running.order("OLDRULES", 300)
    until(lambda: delivered(running, "OLDRULES"))
    content = interchange(310, [order(1, "NEWRULES", [LINE])])
    port = load(running.home).gateway.sftp_server.address[1]

    async def trade() -> None:
        who: dict[str, Any] = {"username": "acme", "client_keys": [KEY], "agent_path": None}
        login = asyncssh.connect("127.0.0.1", port, known_hosts=None, config=None, **who)
        async with login as connection, connection.start_sftp_client() as client:
            file = await client.open("/inbox/order.edi", "wb")
            await file.write(content[:200])
            before = Counter(running.events())
            mapping.write_text(good.replace("REF[REF01=CR]/REF02", "'=\"by new rules\"'"))
            changes = before["settings.changed"]
            await asyncio.to_thread(until, lambda: len(running.said("settings.changed")) > changes)
            await file.write(content[200:])
            await file.close()  # while no gateway is there it waits for one
            await asyncio.to_thread(until, lambda: running.is_renewed(before))
            await asyncio.to_thread(until, lambda: delivered(running, "NEWRULES"))
            assert "997_" in str(await client.listdir("/outbox"))
            changed = his.read_text().replace("user: acme", "user: acme, max_files: 7")
            await asyncio.to_thread(running.take_up, lambda: his.write_text(changed))
            with pytest.raises((asyncssh.Error, OSError)):
                await client.listdir("/inbox")

    with ThreadPoolExecutor(1) as pool:  # a browser of another test may keep a loop in this thread
        pool.submit(asyncio.run, trade()).result()
    told = rows(running.home, "SELECT facts FROM audit WHERE event = 'file.uploaded'")
    assert [json.loads(one)["sha256"] for (one,) in told] == [hashlib.sha256(content).hexdigest()]
    erp = running.home / "folders/erp/outbox"
    found = [next(erp.glob(f"*_{one}RULES_*")).read_text() for one in ("OLD", "NEW")]
    assert ["by new rules" in text for text in found] == [False, True]


# --- from nothing to a test document exchanged -------------------------------------------------------------


@pytest.mark.needs_system
def test_somebody_goes_from_nothing_to_a_test_document_exchanged(
    running: Running, chromium: Browser, axe: Path, tmp_path: Path
) -> None:
    """A new home, its administrator, a partner over SFTP with a real server, documents both ways."""
    there = tmp_path / "there"
    for name in ("out", "in"):
        (there / name).mkdir(parents=True)
    with ssh.sshd(tmp_path / "sshd") as server:
        url = str(running.said("web.ready")[-1]["url"])  # the port may be another one by now
        context = chromium.new_context(base_url=url.partition("/setup")[0])
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto(url)
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/setup" not in url)
        page.goto("/partners/new?qualifier=ZZ&id=NORTHWIND")
        assert page.get_by_label("Identifier (ISA06)").input_value() == "NORTHWIND"
        page.get_by_label("Name", exact=False).first.fill("Northwind Home")
        page.get_by_label("Identifier (ISA06)").fill("ACMERETAIL")
        page.get_by_role("button", name="Add and go on").click()
        page.get_by_text("both claim").first.wait_for()  # nothing was written
        assert unusable(page, axe) == []
        page.get_by_label("Identifier (ISA06)").fill("NORTHWIND")
        page.get_by_label("Short name").fill("northwind")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Documents and guideline").wait_for()
        for label in ("850 Purchase order", "855 Purchase order ack", "856 Ship", "810 Invoice"):
            page.get_by_label(label, exact=False).first.check()
        page.get_by_role("button", name="Save and go on").click()
        page.get_by_role("link", name="SFTP").click()
        page.get_by_label("Server").fill("127.0.0.1")
        page.get_by_label("Port").fill(str(server.port))
        page.get_by_label("User").fill(str(server.settings()["user"]))
        page.get_by_label("Log in with a key of ours").check()
        page.get_by_label("Folder we fetch from").fill(str(there / "out"))
        page.get_by_label("Folder we put into").fill(str(there / "in"))
        page.get_by_role("button", name="Save", exact=True).click()
        with (server.folder / "authorized").open("a") as file:
            file.write(page.locator("#publickey").inner_text() + "\n")
        page.get_by_role("button", name="Test connection").click()
        page.get_by_role("link", name="SFTP-HOST-KEY-UNKNOWN").wait_for()
        assert unusable(page, axe) == []
        page.get_by_label("I compared the fingerprint").check()
        page.get_by_role("button", name="Trust this key").click()
        page.get_by_role("button", name="Test connection").click()
        page.get_by_text("The connection works").wait_for()
        until(lambda: _in_force(page))
        page.goto("/partners/northwind/setup?step=test")
        assert unusable(page, axe) == []
        for set_id, count in (("850", 1), ("855", 2), ("810", 3)):
            page.get_by_role("button", name=f"Exchange {set_id}").click()
            page.locator(".flash.ok").wait_for()
            until(lambda count=count: _tested(page) >= count)  # type: ignore[misc]
        until(lambda: len([*(there / "in").glob("8*.edi")]) == 2)
        sent = [path.read_text() for path in (there / "in").glob("8*.edi")]
        assert {text[105 - 3 : 105 - 2] for text in sent} == {"T"}  # ISA15
        page.goto("/partners/northwind/setup?step=live")
        page.get_by_text("Go live…").click()
        page.get_by_label("Reason").fill("agreed with Jo for Monday")
        page.get_by_role("button", name="Go live", exact=True).click()
        page.get_by_text("Live: what is sent").wait_for()
        assert {one.usage for one in load(running.home).partners["northwind"].send} == {"P"}
        assert main(["partner", "check", "northwind", "--config", str(running.home)]) == 0
        context.close()


def _in_force(page: Page) -> bool:
    found = page.request.get("/api/v1/partners/northwind").json()
    return bool(found["in_force"]) and all(one["channel"] for one in found["channels"])


def _tested(page: Page) -> int:
    page.goto("/partners/northwind/setup?step=test")
    return page.locator("section", has_text="What was exchanged").locator("tbody tr:not(.none)").count()
