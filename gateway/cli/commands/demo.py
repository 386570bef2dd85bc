"""``edigw demo``: the main job in a temporary home, with a simulated retailer and a simulated ERP.

Everything goes through real files, real HTTP with keys made on the spot, the real store and the real engine;
only the two sides are played.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TextIO

from gateway import resources
from gateway.cli import inputs
from gateway.cli.output import Style

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.cli.played import PlayedPartner
    from gateway.simulator.amazon import Amazon
    from gateway.store.records import Entry

RETAILER, ERP, AMAZON = "acme-retail", "erp", "amazon-us"
_OURS, _THEIRS = "EXAMPLE-AS2", "ACME-AS2"
_ITEMS = "items.csv"
_GOT = "retailer"
"""The folder of the demonstration's home in which Acme Retail keeps what it got."""

_AS2 = """
as2:
  id: {ours}
  listen: 127.0.0.1:0
"""
_PARTNER = """
as2:
  id: {theirs}
  url: {url}
  private_addresses: true
items:
  mode: require
rules:
  change: {{I4: block}}
"""
_AMAZON = """
name: Amazon US
as2:
  id: AMAZON-AS2
  url: https://as2.amazon.example/
sp_api:
  region: na
  vendor_code: REHRS
  client_id: file:keys/amazon-client
  client_secret: file:keys/amazon-secret
  refresh_token: file:keys/amazon-token
  secret_made_on: {day:%Y-%m-%d}
  base_url: {url}
  token_url: {url}/auth/o2/token
"""
_ROUTES = """
routes:
  - name: by the interface, or else over AS2
    when: {partners: amazon-us}
    to: [api, as2]
"""
_BY_API = "8WL5Q2ZX"
_USER = "demo"
_STABLE = "stable_seconds: 0.3 "
_LOOK_SECONDS = 1
_WIDTH = 104

_TOLD = {
    "file.delivered": "folders/{channel}/{box}/{file}",
    "receipt.received": "{file}: the signed receipt says {disposition}, and has the right digest",
    "document.created": "{document_type} {number} read (interchange {control_number})",
    "document.waits": "{document_type} {number} waits for {waits_for}",
    "submission.written": "{document_type} {number} written for {operation} of Amazon's API: {file}",
    "interchange.written": "{document_type} {number} written as X12 for {partner}: {file}",
    "acknowledgment.written": "{kind} for {partner} written: {words} ({file})",
    "acknowledgment.received": "{file}: {words}",
    "file.quarantined": "to quarantine: {reason} Next move: {move}.",
}
"""Events of the gateway's log in words."""

_ARRIVALS = {
    "orders-1001.edi": "one purchase order",
    "orders-1002.edi": "two purchase orders",
    "orders-1003.edi": "two purchase orders; the second asks for delivery on 31 February",
    "scan-0007.pdf": "somebody's scan",
}
"""Files of config/demo that the retailer drops; the others are the answers of the ERP and the payment."""

_ANSWER = """\
ISA*00*          *00*          *ZZ*ACMERETAIL     *ZZ*EXAMPLESUPPLIER*260302*0915*U*00401*{control:09d}*0*P*>~
GS*FA*ACMERETAIL*EXAMPLESUPPLIER*20260302*0915*{control}*X*004010~
ST*997*0001~
AK1*{group}*{gs[6]}~
AK2*{st[1]}*{st[2]}~
AK5*A~
AK9*A*1*1*1~
SE*6*0001~
GE*1*{control}~
IEA*1*{control:09d}~
"""
"""What the retailer says to what it got."""

_GOOD = ("7KX2M41Q", "7KX2M42R", "7KX2M43S", "7KX2M44T")
"""Orders with nothing wrong."""

_CODES = {"A": "accepted", "P": "accepted in part", "E": "accepted with errors", "R": "rejected"}

_INTRODUCTION = """\
You are Example Supplier. Acme Retail sends you purchase orders as X12 over AS2; the gateway checks them,
gives your own system one JSON file for each, and tells Acme Retail what it took. One order is wrong, two
wait for an item that nobody knows, and an invoice is stopped before it does harm. At the end Acme Retail
pays, and the story of one order is told and proved. Amazon orders by its API (SP-API) meanwhile, and is
answered the same way.

Both customers and your system are played; the gateway, its keys, HTTP, files and database are real."""


def register(commands: inputs.Commands) -> None:
    """Adds the command of this module."""
    demo = inputs.command(commands, "demo", run)
    for option, words in (
        ("--once", "end after one cycle; exit code 0 if all is as expected"),
        ("--keep", "leave the temporary home when the demonstration ends"),
    ):
        demo.add_argument(option, action="store_true", help=words)


def run(args: argparse.Namespace) -> int:
    """See the main job at work, with a simulated retailer.

    Runs a gateway in a temporary home: a simulated retailer sends purchase orders, the gateway translates and
    acknowledges them, and your answers, invoice and payment follow.
    """
    import shutil
    import tempfile

    from gateway.app import Gateway
    from gateway.observability.logging import configure
    from gateway.settings import load

    home = Path(tempfile.mkdtemp(prefix="edigw-demo-"))
    try:
        with (
            _retailer(home) as retailer,
            _amazon(home) as amazon,
            (home / "gateway.log").open("w", encoding="utf-8") as log,
        ):
            configure(log)
            story = Story(home, sys.stdout, retailer, amazon)
            with Gateway(home, load(home), listener=story.tell) as gateway, _listening(gateway, story):
                story.cycle(gateway)
                good = story.summary()
                if not args.once:
                    _watch(gateway, story)
                    return 130
    finally:
        if args.keep:
            sys.stderr.write(f"\nThe home stays: {home}\n")
        else:
            shutil.rmtree(home, ignore_errors=True)
    return 0 if good else 1


@contextmanager
def _retailer(home: Path) -> Iterator[PlayedPartner]:
    """Makes the home, keys for both sides, and the retailer, which listens."""
    from gateway.cli.commands.home import make_home
    from gateway.cli.played import PlayedPartner
    from gateway.secrets import secret
    from gateway.settings import AS2_KEYS, GATEWAY_FILE, KEYS, PARTNERS_FOLDER, load
    from gateway.store.keyring import Keyring, generate, held_of, make_password

    make_home(home)
    (home / _GOT).mkdir()
    (home / _ITEMS).write_bytes(shipped(_ITEMS))
    now = datetime.now(UTC)
    ours, theirs = (generate(name, 1, 2048, now) for name in ("Example Supplier", "Acme Retail"))
    password = load(home).gateway.keys.password
    make_password(home / KEYS / "password")
    ring = Keyring(home / KEYS / AS2_KEYS, lambda: secret(password, home))
    ring.add(held_of(ours.certificate, ours.key, added=now))
    ring.add(held_of(theirs.certificate, partner=RETAILER, added=now))
    with PlayedPartner(_THEIRS, _OURS, theirs, ours.certificate, keeps=home / _GOT) as retailer:
        settings = home / GATEWAY_FILE
        text = settings.read_text("utf-8").replace("stable_seconds: 1 ", _STABLE)
        settings.write_text(text + _AS2.format(ours=_OURS), "utf-8")
        with (home / PARTNERS_FOLDER / f"{RETAILER}.yaml").open("a", encoding="utf-8") as file:
            file.write(_PARTNER.format(theirs=_THEIRS, url=retailer.url))
        yield retailer


@contextmanager
def _amazon(home: Path) -> Iterator[Amazon]:
    """The played Amazon, and the partner's file that leads to it."""
    from gateway.settings import KEYS, PARTNERS_FOLDER, ROUTES_FILE
    from gateway.simulator.amazon import Amazon
    from gateway.simulator.script import Script

    script = Script(transaction_seconds=0)
    for name, secret in (
        ("client", script.client_id),
        ("secret", script.client_secret),
        ("token", script.refresh_token),
    ):
        (home / KEYS / f"amazon-{name}").write_text(secret, "utf-8")
    with Amazon(script) as amazon:
        text = _AMAZON.format(url=amazon.url, day=datetime.now(UTC))
        (home / PARTNERS_FOLDER / f"{AMAZON}.yaml").write_text(text, "utf-8")
        (home / ROUTES_FILE).write_text(_ROUTES, "utf-8")
        yield amazon


@contextmanager
def _listening(gateway: Gateway, story: Story) -> Iterator[None]:
    """Lets the gateway take in messages over HTTP, and shows its page."""
    from threading import Event, Thread

    listener, web, stop = gateway.listener(), gateway.web(("127.0.0.1", 0)), Event()
    threads = [Thread(target=one.run, args=(stop,)) for one in (listener, web)]
    for thread in threads:
        thread.start()
    try:
        listener.ready.wait(10)
        web.ready.wait(10)
        story.url, story.page = f"http://127.0.0.1:{listener.port}/as2", web.url
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _watch(gateway: Gateway, story: Story) -> None:
    """Looks into the inboxes every second until Ctrl-C. The scheduler decides when, one pass at a time."""
    from apscheduler.schedulers.blocking import BlockingScheduler

    story.invite()
    scheduler = BlockingScheduler()
    scheduler.add_job(gateway.run_once, "interval", seconds=_LOOK_SECONDS, kwargs={"patient": False})
    try:
        scheduler.start()
    except KeyboardInterrupt:
        story.say("\nEnded.")
    finally:
        scheduler.shutdown(wait=True)


def shipped(name: str) -> bytes:
    """A file of the demonstration that came with the program."""
    return resources.find(f"config/demo/{name}").read_bytes()


def drop(inbox: Path, name: str, content: bytes) -> None:
    """Puts a file into an inbox as a careful program does: under another name first."""
    hidden = inbox / f".{name}.tmp"
    hidden.write_bytes(content)
    hidden.rename(inbox / name)


def documents(folder: Path, pattern: str) -> list[dict[str, Any]]:
    """The JSON files of a folder, by name."""
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob(pattern))]


def _orders(erp: Path) -> dict[str, dict[str, Any]]:
    """The orders that our own system has, by number."""
    return {one["po_number"]: one for one in documents(erp / "outbox", "purchase_order_*.json")}


def segments_of(path: Path) -> list[list[str]]:
    """An X12 file of ours, cut into elements, as the retailer reads it."""
    text = path.read_bytes().decode("latin-1")
    element, terminator = text[3], text[105]
    return [part.strip().split(element) for part in text.split(terminator) if part.strip()]


def acknowledged(outbox: Path) -> dict[str, tuple[str, str]]:
    """The retailer's reading of its 997s: code (AK901) and file for each of its group numbers (AK102)."""
    found = {}
    for path in sorted(outbox.glob("997_*.edi")):
        group = ""
        for segment in segments_of(path):
            if segment[0] == "AK1":
                group = segment[2]
            elif segment[0] == "AK9":
                found[group] = (segment[1], path.name)
    return found


@dataclass(slots=True)
class Story:
    """Tells what happens, as it happens, and keeps count of what was expected.

    Args:
        out: where to. retailer, amazon: play their parts.

    Attributes:
        url: where the gateway listens. page: where it shows itself, to who has the password.
    """

    home: Path
    out: TextIO
    retailer: PlayedPartner
    amazon: Amazon
    url: str = ""
    page: str = ""
    password: str = ""
    checks: list[tuple[str, str, bool]] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _about: str = ""
    _answers: list[str] = field(default_factory=list)
    _step: int = 0
    _receipts: int = 0
    _received: int = 0

    def say(self, text: str = "") -> None:
        """Prints a line."""
        print(text, file=self.out, flush=True)

    def head(self, title: str) -> None:
        """Prints the title of a step."""
        self._step += 1
        self.say(f"\n{Style.of(self.out).bold(f'{self._step}. {title}')}")

    def line(self, text: str, indent: int = 3) -> None:
        """Prints a line inside a step."""
        first, rest = " " * indent, " " * (indent + 2)
        for part in wrap(text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False):
            self.say(part)

    def check(self, what: str, found: str, expected: str) -> None:
        """Notes whether something is as expected."""
        self.checks.append((what, found, found == expected))

    def tell(self, entry: Entry) -> None:
        """One line of the gateway's event log in words, below the name of the file it is about."""
        facts = dict(entry.facts)
        about = facts.get("answers") or facts.get("made_from") or entry.message_id or ""
        match entry.event:
            case "file.received":
                self._names[about] = facts["file"]
                kept = f"kept as payload {facts['sha256'][:12]}..." if "sha256" in facts else "not readable"
                way = "over AS2" if "as2_id" in facts else f"from {facts['channel']}/inbox"
                way = f"by {facts['operation']} of Amazon's API" if "operation" in facts else way
                self.line(f"took {facts['file']} {way}: {facts['bytes']} bytes, {kept}")
            case "file.delivered":
                if (facts["channel"], facts["box"]) == (RETAILER, "outbox"):
                    return  # its receipt was told
                if "transaction_id" in facts:
                    self.line(f"{facts['file']}: Amazon has it, as transaction {facts['transaction_id']}", 5)
                    return
                if ".problem." in facts["file"]:
                    return  # the reasons beside a file
                about = "delivered"
            case "receipt.received":
                self._receipts += 1
                about = "over AS2 to Acme Retail"
                facts["disposition"] = facts["disposition"].partition("; ")[2]
            case "acknowledgment.received":
                about = facts["by"]
                self._names.setdefault(about, "Amazon's transaction")
                self._answers.append(facts["status"])
                facts["words"] = " ".join(facts["words"])
        facts["document_type"] = facts.get("document_type", "").replace("_", " ")
        if words := _TOLD.get(entry.event):
            if about != self._about:
                self.line(f"{self._names.get(about, about)}:")
                self._about = about
            self.line(words.format(**facts), 5)

    def cycle(self, gateway: Gateway) -> None:
        """The main job: from the order to the payment."""
        self.say(
            f"EDI gateway: demonstration\n\n{_INTRODUCTION}\n\nIts home, for the commands below: {self.home}"
        )
        retailer, erp = self.home / "folders" / RETAILER, self.home / "folders" / ERP
        got = self.home / _GOT

        self.head(f"Acme Retail sends four files over AS2 to {self.url}, signed and encrypted")
        for name, words in _ARRIVALS.items():
            self.line(f"{name:<17} {words}")
            self._send(name, shipped(name))

        self.head("The gateway works on what it took; your item numbers stand in a table")
        self._command("item", "import", str(self.home / _ITEMS))
        gateway.run_once()
        orders = _orders(erp)
        if order := orders.get("7KX2M41Q"):
            line = order["lines"][0]
            self.line(
                f"order {order['po_number']} has {len(order['lines'])} lines; the first: "
                f"{line['quantity']['value']} {line['quantity']['uom']} of {line['ids']['vendor_sku']}, your "
                f"{line['ids']['erp_sku']}, at {line['unit_price']['amount']}"
            )

        self.head(f"What needs a person stands in folders/{RETAILER}/quarantine")
        self._quarantine(documents(retailer / "quarantine", "*.problem.json"))

        self.head("Two good orders wait, for an item that nobody knows; it is added, and they go on")
        waited = ", ".join(sorted({*_GOOD} - {*orders}))
        self._command("item", "unknown")
        names = ("--vendor-sku", "EX-PN-28", "--asin", "B0C1PAN28Z")
        self._command("item", "add", "--partner", RETAILER, "--erp-sku", "100-5000", *names)
        gateway.run_once()
        self.check("what waited for an item went on when it was added", waited, "7KX2M43S, 7KX2M44T")
        self.check("one JSON file for each good order", ", ".join(sorted(_orders(erp))), ", ".join(_GOOD))

        self.head("Acme Retail reads the acknowledgments that came back over AS2")
        codes = sorted(acknowledged(got).items())
        for group, (code, name) in codes:
            self.line(f"{name}: my group {group} is {_CODES.get(code, code)} (AK901 = {code})")
        found = " ".join(f"{group}:{code}" for group, (code, _) in codes)
        self.check("each group has its 997, and it says what is true", found, "1001:A 1002:A 1003:P")

        self.head("Your own system answers order 7KX2M41Q: JSON into folders/erp/inbox")
        for what in ("ack", "ship", "invoice"):
            name = f"{what}-7KX2M41Q.json"
            content = shipped(name)
            if what == "invoice":  # a price that nobody agreed on
                content = content.replace(b'"18.40"', b'"18.90"').replace(b'"2956.80"', b'"3016.80"')
            drop(erp / "inbox", name, content)
            self.line(f"{name:<22} {json.loads(content)['document_type'].replace('_', ' ')}")
        gateway.run_once()

        self.head("A rule stops the invoice before Acme Retail could refuse to pay it; it is corrected")
        codes_of = [self._told(one) for one in documents(erp / "quarantine", "*.problem.json")]
        drop(erp / "inbox", name, shipped(name))
        gateway.run_once()
        self.check("an invoice with another price than the order was stopped", "; ".join(codes_of), "RULE-I4")

        self.head("Acme Retail checks what you sent, and answers with 997s")
        self._checked(got)
        gateway.run_once()
        self.check("its 997s were matched to them", ", ".join(self._answers), "accepted, accepted, accepted")

        self.head("Acme Retail pays: an 820 comes back")
        self._send("remittance.edi", shipped("remittance.edi"))
        gateway.run_once()
        self._paid(documents(erp / "outbox", "remittance_advice_*.json"))
        self._command("reconcile", "show", "ES-1077")

        self._by_api(gateway, erp)

        protected = sum(bool(one.signed and one.cipher) for one in self.retailer.got)
        found = f"{self._received} there, {protected} back, {self._receipts} signed receipts for these"
        expected = "8 there, 7 back, 7 signed receipts for these"
        self.check("each file went signed and encrypted, and a receipt proves it", found, expected)

        self.head("Somebody asks what became of the order, and an auditor whether that is true")
        self._command("document", "chain", "7KX2M41Q")
        intact = self._command("audit", "verify") == 0
        self.check("the audit is whole, from the first file on", "whole" if intact else "broken", "whole")
        self._on_the_page(gateway)

    def _on_the_page(self, gateway: Gateway) -> None:
        """A user and a program, who see what nobody else does."""
        import httpx

        from gateway.services import access
        from gateway.services.access import Grant, Permission

        self.head(f"Coordinators work on a page, {self.page}, and programs with the REST interface")
        with gateway.acting("user:demo") as services:
            self.password = services.entropy(9).hex()
            may: Any = {"grants": (Grant("administrator"),), "reason": "the demonstration"}
            access.add_user(services, _USER, self.password, must_change=False, **may)
            key, _ = access.make_key(services, "demo", may["grants"], [Permission.READ], reason="the same")
        path = "/api/v1/chains/7KX2M41Q"
        with httpx.Client(base_url=self.page, timeout=20) as client:
            nobody = client.get(path).status_code
            self.line(f"GET {path}  without a key: {nobody}, {client.get(path).json()['detail']}")
            told = client.get(path, headers={"Authorization": f"Bearer {key}"})
            kinds = [one["document_type"] for chain in told.json()["chains"] for one in chain["documents"]]
            self.line(f"GET {path}  with one: {told.status_code}, {', '.join(kinds).replace('_', ' ')}")
            client.post("/login", data={"name": _USER, "password": self.password})
            page = client.get("/messages", params={"text": "7KX2M41Q"})
            among = "among them" if "orders-1001.edi" in page.text else "not among them"
            self.line(f"the page, logged in: messages found by 7KX2M41Q, orders-1001.edi {among}")
        found = f"{nobody} to strangers, {len(kinds)} documents, {among}"
        expected = "401 to strangers, 5 documents, among them"
        self.check("the page and the API show it to who is known", found, expected)

    def _by_api(self, gateway: Gateway, erp: Path) -> None:
        """An order that comes by Amazon's API, and its answer."""
        from gateway.services.sp_api import FIRST_PAUSE
        from gateway.simulator.script import Line, Order

        self.head("Amazon orders by its API; the answer goes the way the order came")
        line = Line(asin="B0C1KETTL3", sku="EX-KT-17", quantity=48, cost="18.40")
        self.amazon.publish(Order(number=_BY_API, at_seconds=-60, ship_to="PHX6", lines=(line,)))
        gateway.run_once()
        name = f"ack-{_BY_API}.json"
        (self.home / name).write_bytes(shipped(name))
        self._command("route", "explain", str(self.home / name))
        drop(erp / "inbox", name, shipped(name))
        gateway.run_once()
        time.sleep(FIRST_PAUSE.total_seconds())
        gateway.run_once()
        taken = self.amazon.submissions["submitAcknowledgement", _BY_API]
        found = f"taken {taken} time, {self._answers[-1]}"
        self.check("the answer to Amazon's order went to Amazon", found, "taken 1 time, accepted")

    def _send(self, name: str, content: bytes) -> None:
        """The retailer sends a file over AS2, and reads the receipt."""
        receipt = self.retailer.send(self.url, name, content)
        assert receipt.signed is not None
        self._received += 1
        said = str(receipt.report.disposition).partition("; ")[2]
        by = receipt.signed.certificate.name.partition(" (")[0]
        self.line(f"receipt: {said}, signed by {by}, with the digest of what was sent", 5)

    def _command(self, *words: str) -> int:
        """Runs a command on the home, as a person would; its exit code."""
        import structlog

        from gateway.cli.main import main

        told = " ".join(words).replace(f"{self.home}/", "")
        self.say(f"   $ edigw {told}")
        log, out, remarks = structlog.get_config(), StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(remarks):
            code = main([*words, "--config", str(self.home)])
        structlog.configure(**log)
        for line in (out.getvalue() or remarks.getvalue()).splitlines():
            self.say(f"     {line}".rstrip())
        return code

    def _quarantine(self, reports: list[dict[str, Any]]) -> None:
        status = {report["file"]: report["status"] for report in reports}
        for report in reports:
            self._told(report)
        bad, scan = status.get("orders-1003.edi", "-"), status.get("scan-0007.pdf", "-")
        self.check("the wrong order is reported, the right one beside it is taken", bad, "partly_translated")
        self.check("what is no order is set aside unread", scan, "unreadable")
        self.check("nothing else is in quarantine", f"{len(reports)} files", "2 files")

    def _told(self, report: dict[str, Any]) -> str:
        """Says why a file is in quarantine; the codes of what is wrong."""
        said = report["status"].replace("_", " ")
        self.line(f"{report['file']}: {said}. Details: {report['file']}.problem.txt")
        wrong = [one for one in report["problems"] if one["severity"] == "error"]
        for problem in wrong[:3]:
            number = problem["location"]["transaction_set"]
            place = f" (transaction set {number})" if number else ""
            self.line(f"{problem['message']}{place}", 5)
            self.line(problem["hint"], 5)
        return ", ".join(one["code"] for one in wrong)

    def _checked(self, got: Path) -> None:
        """The retailer judges each file by the guides and acknowledges it."""
        from gateway.engine import validate

        verdicts = []
        for control, (set_id, group) in enumerate({"855": "PR", "856": "SH", "810": "IN"}.items(), 31):
            for path in sorted(got.glob(f"{set_id}_*.edi")):
                found = validate(path)
                verdicts.append(f"{set_id} {found['verdict']}")
                self.line(f"{path.name}: checked against the guide, {found['verdict']}")
                segments = segments_of(path)
                if set_id == "856":
                    self._tree(segments)
                parts = {segment[0]: segment for segment in segments}
                answer = _ANSWER.format(control=control, group=group, gs=parts["GS"], st=parts["ST"])
                self._send(f"997-{control}.edi", answer.encode())
        expected = "855 accepted, 856 accepted, 810 accepted"
        self.check("your JSON became correct X12", ", ".join(verdicts), expected)

    def _tree(self, segments: list[list[str]]) -> None:
        """The levels of the ship notice as the retailer sees them, by HL02."""
        depth, level = {"": 0}, 0
        shown = {"PRF": "order {1}", "MAN": "carton {2}", "SN1": "{2} {3}", "BSN": "shipment {2}"}
        for segment in segments:
            if segment[0] == "HL":
                level = depth[segment[1]] = depth[segment[2]] + 1
            elif segment[0] in shown:
                self.line(shown[segment[0]].format(*segment), 5 + 2 * level)

    def _paid(self, advices: list[dict[str, Any]]) -> None:
        found = "nothing"
        for advice in advices:
            (line,) = advice["entities"][0]["lines"]
            (claim,) = line["adjustments"]
            gross = line["gross"]["amount"]
            self.line(
                f"paid {advice['amount']['amount']} on {advice['paid_on']} for invoice "
                f"{line['document_ref']} of {gross}: {claim['amount']['amount'].lstrip('-')} less, for "
                f"{claim['reason'].replace('_', ' ')}"
            )
            found = f"{Decimal(gross) - Decimal(line['paid']['amount'])} short of {gross}"
        self.check("the payment is known to the cent", found, "20.00 short of 2956.80")

    def summary(self) -> bool:
        """Prints the table of what was expected; whether all of it is so."""
        self.head("Summary")
        width = max(len(what) for what, _, _ in self.checks)
        for what, found, good in self.checks:
            self.say(f"   {'ok    ' if good else 'NOT OK'}  {what:<{width}}  {found}")
        good = all(good for _, _, good in self.checks)
        self.say("\n   All as expected." if good else "\n   Something is not as expected; see above.")
        return good

    def invite(self) -> None:
        """Tells what can be tried now."""
        folders = self.home / "folders"
        self.say(f"\nThe gateway goes on watching ({datetime.now().astimezone():%H:%M}). Try it:\n")
        self.say(f"   the page                 -> {self.page}  (name {_USER}, password {self.password})")
        self.say(f"   X12 purchase orders      -> {folders / RETAILER / 'inbox'}, or over AS2")
        self.say("                               (sender ZZ/ACMERETAIL, receiver ZZ/EXAMPLESUPPLIER)")
        self.say(f"   your answers as JSON     -> {folders / ERP / 'inbox'}")
        self.say(f'                               (with "partner_id": "{RETAILER}", "document_type", ...)')
        self.say(f"   the log                  -> {self.home / 'gateway.log'}")
        self.say("\nCtrl-C ends it and removes the home.\n")
