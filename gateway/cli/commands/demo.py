"""``edigw demo``: the main job in a temporary home, with a simulated retailer and a simulated ERP.

Everything goes through real files, the real store and the real engine; only the two sides are played.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.store.records import Entry

RETAILER, ERP = "acme-retail", "erp"
_STABLE = "stable_seconds: 0.3 "
_LOOK_SECONDS = 1
_WIDTH = 104

_TOLD = {
    "file.delivered": "folders/{channel}/{box}/{file}",
    "document.created": "{document_type} {number} read (interchange {control_number})",
    "interchange.written": "{document_type} {number} written as X12 for {partner}: {file}",
    "acknowledgment.written": "{kind} for {partner} written: {words} ({file})",
    "acknowledgment.received": "{file}: {words}",
    "file.quarantined": "to quarantine: {reason} Next move: {move}.",
}
"""Events of the gateway's log in words."""

_INTRODUCTION = """\
You are Example Supplier. Your customer Acme Retail sends purchase orders as X12 850 files; the gateway checks
them, writes one JSON file per order for your own system, and tells Acme Retail with a 997 what it took. Your
system answers one order with JSON: the gateway makes an 855, an 856 and an 810 of it. At last Acme Retail
pays with an 820. Acme Retail and your system are played here; the gateway, its files and its database are
real."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command of this module."""
    demo = subparsers.add_parser(
        "demo",
        help="see the main job at work, with a simulated retailer",
        description="Runs a gateway in a temporary home: a simulated retailer sends purchase orders, the "
        "gateway translates and acknowledges them, and your answers, invoice and payment follow.",
    )
    flag = partial(demo.add_argument, action="store_true")
    flag("--once", help="end after one cycle; exit code 0 if all is as expected")
    flag("--keep", help="leave the temporary home when the demonstration ends")
    demo.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """``edigw demo``."""
    import shutil
    import tempfile

    from gateway.app import Gateway
    from gateway.cli.commands.home import make_home
    from gateway.observability.logging import configure
    from gateway.services.x12 import X12
    from gateway.settings import GATEWAY_FILE, load

    home = Path(tempfile.mkdtemp(prefix="edigw-demo-"))
    try:
        make_home(home)
        file = home / GATEWAY_FILE
        file.write_text(file.read_text("utf-8").replace("stable_seconds: 1 ", _STABLE), "utf-8")
        story = Story(home, sys.stdout)
        with (home / "gateway.log").open("w", encoding="utf-8") as log:
            configure(log)
            with Gateway(home, load(home), X12(home), listener=story.tell) as gateway:
                story.cycle(gateway)
                good = story.summary()
                if not args.once:
                    _watch(gateway, story)
                    return 130
    finally:
        if args.keep:
            print(f"\nThe home stays: {home}", file=sys.stderr)  # noqa: T201
        else:
            shutil.rmtree(home, ignore_errors=True)
    return 0 if good else 1


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


# --- the two sides ---------------------------------------------------------------------------------------


def order(control: int, po_number: str, lines: list[str], requested: str = "20260316") -> list[str]:
    """The segments of one purchase order (850), ST to SE."""
    segments = [
        f"ST*850*{control:04d}",
        f"BEG*00*NE*{po_number}**20260302",
        "REF*DP*KITCHEN",
        f"DTM*002*{requested}",
        "N1*ST*ACME RETAIL FULFILMENT RNO4*92*RNO4",
        "N3*8000 NORTH VIRGINIA STREET",
        "N4*RENO*NV*89506*US",
    ]
    for number, line in enumerate(lines, 1):
        quantity, unit, price, asin, sku, text = line.split("|")
        segments += [f"PO1*{number}*{quantity}*{unit}*{price}*PE*BP*{asin}*VN*{sku}", f"PID*F****{text}"]
    return [*segments, f"CTT*{len(lines)}", f"SE*{len(segments) + 2}*{control:04d}"]


def interchange(control: int, sets: list[list[str]], group: str = "PO", sender: str = "ACMERETAIL") -> bytes:
    """An interchange to Example Supplier."""
    isa = f"ISA*00*          *00*          *ZZ*{sender:<15}*ZZ*EXAMPLESUPPLIER"
    segments = [
        f"{isa}*260302*0915*U*00401*{control:09d}*0*P*>",
        f"GS*{group}*{sender}*EXAMPLESUPPLIER*20260302*0915*{control}*X*004010",
        *(segment for one in sets for segment in one),
        f"GE*{len(sets)}*{control}",
        f"IEA*1*{control:09d}",
    ]
    return "".join(f"{segment}~\n" for segment in segments).encode("ascii")


def arrivals() -> dict[str, tuple[bytes, str]]:
    """What the retailer drops: file name, content and a few words."""
    kettle = "120|EA|18.40|B0C1KETTL3|EX-KT-17|STEEL KETTLE 1.7 L"
    mug = "24|CA|31.20|B0C1MUGS4X|EX-MG-04|STONEWARE MUGS SET OF 4"
    pan = "60|EA|22.75|B0C1PAN28Z|EX-PN-28|FRYING PAN 28 CM"
    one = interchange(1001, [order(1, "7KX2M41Q", [kettle, mug])])
    two = interchange(1002, [order(1, "7KX2M42R", [mug]), order(2, "7KX2M43S", [pan, kettle])])
    bad = interchange(1003, [order(1, "7KX2M44T", [pan]), order(2, "7KX2M45U", [mug], requested="20260231")])
    return {
        "orders-1001.edi": (one, "one purchase order"),
        "orders-1002.edi": (two, "two purchase orders"),
        "orders-1003.edi": (bad, "two purchase orders; the second asks for delivery on 31 February"),
        "scan-0007.pdf": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\nnot an order at all\n%%EOF\n", "somebody's scan"),
    }


def answers(order: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the supplier's own system says to an order: accepted, shipped (one carton a line) and billed."""
    head = {"schema_version": "1", "partner_id": RETAILER, "purpose": "original"}
    number, lines = order["po_number"], order["lines"]
    total = sum(Decimal(one["quantity"]["value"]) * Decimal(one["unit_price"]["amount"]) for one in lines)

    def line(one: dict[str, Any], *names: str) -> dict[str, Any]:
        return {name: one[name] for name in ("line_no", "ids", *names)}

    cartons = [
        {"sscc": f"00{sscc}", "items": [line(one, "quantity")]}
        for sscc, one in zip(("106141410000000019", "106141410000000026"), lines, strict=True)
    ]
    shipped = {
        "document_type": "ship_notice",
        "shipment_id": "ES-SHIP-77",
        "created_at": "2026-03-12T16:30",
        "structure": "order_carton_item",
        "ship_date": "2026-03-12",
        "estimated_delivery": "2026-03-16",
        "bill_of_lading": "ES00000077",
        "carrier": {"scac": "ABFS", "pro": "402118834"},
        "measurements": {"cartons": 2, "weight_type": "gross", "weight": "340", "weight_uom": "LB"},
        "parties": [one for one in order["parties"] if one["role"] == "ship_to"],
        "orders": [{"po_number": number, "cartons": cartons}],
    }
    accepted = {
        "document_type": "purchase_order_acknowledgment",
        "po_number": number,
        "ack_type": "accepted",
        "acknowledged_at": "2026-03-03",
        "lines": [
            line(one, "unit_price")
            | {"quantity_ordered": one["quantity"]}
            | {"responses": [{"code": "accepted", "quantity": one["quantity"]}]}
            for one in lines
        ],
    }
    billed = {
        "document_type": "invoice",
        "invoice_number": "ES-1077",
        "invoice_date": "2026-03-12",
        "po_number": number,
        "terms": {"type": "basic", "net_days": 30},
        "lines": [line(one, "quantity", "unit_price") for one in lines],
        "total": {"amount": f"{total:.2f}"},
    }
    found = {"ack": accepted, "ship": shipped, "invoice": billed}
    return {f"{name}-{number}.json": {**head, **one} for name, one in found.items()}


def remittance(invoice: str, billed: Decimal) -> list[str]:
    """The segments of the 820 that pays an invoice but for a claim of 20.00."""
    claim = Decimal("20.00")
    segments = [
        "ST*820*0001",
        f"BPR*I*{billed - claim}*C*ACH************20260411",
        "TRN*1*4311000190",
        "DTM*097*20260411",
        "N1*PR*ACME RETAIL",
        "N1*PE*EXAMPLE SUPPLIER",
        "ENT*1",
        f"RMR*IV*{invoice}**{billed - claim}*{billed}",
        "REF*PO*7KX2M41Q",
        f"ADX*-{claim}*06",
    ]
    return [*segments, f"SE*{len(segments) + 1}*0001"]


def drop(inbox: Path, name: str, content: bytes) -> None:
    """Puts a file into an inbox as a careful program does: under another name first."""
    hidden = inbox / f".{name}.tmp"
    hidden.write_bytes(content)
    hidden.rename(inbox / name)


def segments_of(path: Path) -> list[list[str]]:
    """An X12 file of ours, cut into elements, as the retailer reads it."""
    text = path.read_bytes().decode("latin-1")
    element, terminator = text[3], text[105]
    return [part.strip().split(element) for part in text.split(terminator) if part.strip()]


def acknowledged(outbox: Path) -> dict[str, tuple[str, str]]:
    """The retailer's reading of its 997s: code (AK901) and file for each of its group numbers (AK102)."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(outbox.glob("997_*.edi")):
        group = ""
        for segment in segments_of(path):
            if segment[0] == "AK1":
                group = segment[2]
            elif segment[0] == "AK9":
                found[group] = (segment[1], path.name)
    return found


# --- the story -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Story:
    """Tells what happens, as it happens, and keeps count of what was expected.

    Args:
        out: where to.
    """

    home: Path
    out: TextIO
    checks: list[tuple[str, str, bool]] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _about: str = ""
    _answers: list[str] = field(default_factory=list)

    def say(self, text: str = "") -> None:
        """Prints a line."""
        print(text, file=self.out, flush=True)

    def head(self, number: int, text: str) -> None:
        """Prints the title of a step."""
        title = f"{number}. {text}"
        self.say(f"\n\x1b[1m{title}\x1b[0m" if self.out.isatty() else f"\n{title}")

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
        facts = entry.facts
        about = facts.get("answers") or facts.get("made_from") or entry.message_id or ""
        match entry.event:
            case "file.received":
                self._names[about] = facts["file"]
                kept = f"kept as payload {facts['sha256'][:12]}..." if facts["sha256"] else "not readable"
                self.line(
                    f"took {facts['file']} from {facts['channel']}/inbox: {facts['bytes']} bytes, {kept}"
                )
                return
            case "file.delivered":
                about = "delivered"
            case "acknowledgment.received":
                about = facts["by"]
                self._answers.append(facts["status"])
                facts = {**facts, "words": " ".join(facts["words"])}
        if "document_type" in facts:
            facts = {**facts, "document_type": facts["document_type"].replace("_", " ")}
        if words := _TOLD.get(entry.event):
            self._below(f"{self._names.get(about, about)}:", about)
            self.line(words.format(**facts), 5)

    def _below(self, title: str, about: str) -> None:
        if about != self._about:
            self.line(title)
            self._about = about

    # --- one cycle -----------------------------------------------------------------------------------

    def cycle(self, gateway: Gateway) -> None:
        """The main job: from the order to the payment."""
        self.say("EDI gateway: demonstration\n")
        self.say(_INTRODUCTION)
        self.say(f"\nHome: {self.home}")
        folders = self.home / "folders"
        retailer, erp = folders / RETAILER, folders / ERP

        self.head(1, f"Acme Retail drops four files into folders/{RETAILER}/inbox")
        for name, (content, words) in arrivals().items():
            drop(retailer / "inbox", name, content)
            self.line(f"{name:<17} {words}")

        self.head(2, "The gateway looks into its inboxes")
        gateway.run_once()
        self._orders(erp / "outbox")

        self.head(3, f"What needs a person stands in folders/{RETAILER}/quarantine")
        self._quarantine(retailer / "quarantine")

        self.head(4, f"Acme Retail reads the acknowledgments in folders/{RETAILER}/outbox")
        self._acknowledgments(retailer / "outbox")

        self.head(5, "Your own system answers order 7KX2M41Q: JSON into folders/erp/inbox")
        for name, document in self._answers_to("7KX2M41Q", erp / "outbox").items():
            drop(erp / "inbox", name, json.dumps(document, indent=2).encode())
            self.line(f"{name:<22} {document['document_type'].replace('_', ' ')}")
        gateway.run_once()

        self.head(6, "Acme Retail checks what you sent, and answers with 997s")
        self._checked(retailer)
        gateway.run_once()
        self.check("its 997s were matched to them", ", ".join(self._answers), "accepted, accepted, accepted")

        self.head(7, "Acme Retail pays: an 820 comes back")
        billed = Decimal("2956.80")
        drop(retailer / "inbox", "remittance.edi", interchange(1004, [remittance("ES-1077", billed)], "RA"))
        gateway.run_once()
        self._paid(erp / "outbox", billed)

    def _answers_to(self, number: str, outbox: Path) -> dict[str, dict[str, Any]]:
        for path in outbox.glob(f"purchase_order_{number}_*.json"):
            return answers(json.loads(path.read_bytes()))
        return {}

    def _orders(self, outbox: Path) -> None:
        documents = [json.loads(path.read_bytes()) for path in outbox.glob("purchase_order_*.json")]
        found = {document["po_number"]: document for document in documents}
        expected = "7KX2M41Q, 7KX2M42R, 7KX2M43S, 7KX2M44T"
        self.check("one JSON file for each good order", ", ".join(sorted(found)), expected)
        if (sample := found.get("7KX2M41Q")) is not None:
            line = sample["lines"][0]
            self.line(
                f"order {sample['po_number']} has {len(sample['lines'])} lines; the first: "
                f"{line['quantity']['value']} {line['quantity']['uom']} of {line['ids']['vendor_sku']} "
                f"at {line['unit_price']['amount']}"
            )

    def _quarantine(self, quarantine: Path) -> None:
        paths = sorted(quarantine.glob("*.problem.json"))
        status = {}
        for path in paths:
            report = json.loads(path.read_bytes())
            status[report["file"]] = report["status"]
            self.line(f"{report['file']}: {report['status'].replace('_', ' ')}. Details: {path.stem}.txt")
            for problem in [one for one in report["problems"] if one["severity"] == "error"][:3]:
                where = problem["location"]
                place = f" (transaction set {where['transaction_set']})" if where["transaction_set"] else ""
                self.line(f"{problem['message']}{place}", 5)
                self.line(problem["hint"], 5)
        bad, scan = status.get("orders-1003.edi", "-"), status.get("scan-0007.pdf", "-")
        self.check("the wrong order is reported, the right one beside it is taken", bad, "partly_translated")
        self.check("what is no order is set aside unread", scan, "unreadable")
        self.check("nothing else is in quarantine", f"{len(paths)} files", "2 files")

    def _acknowledgments(self, outbox: Path) -> None:
        words = {"A": "accepted", "P": "accepted in part", "E": "accepted with errors", "R": "rejected"}
        codes = acknowledged(outbox)
        for group, (code, name) in sorted(codes.items()):
            self.line(f"{name}: my group {group} is {words.get(code, code)} (AK901 = {code})")
        found = " ".join(f"{group}:{code}" for group, (code, _) in sorted(codes.items()))
        self.check("each group has its 997, and it says what is true", found, "1001:A 1002:A 1003:P")

    def _checked(self, retailer: Path) -> None:
        """The retailer judges each file by the guides and acknowledges it."""
        from gateway.engine import validate

        groups = {"855": "PR", "856": "SH", "810": "IN"}
        verdicts = []
        for control, (set_id, group) in enumerate(groups.items(), 31):
            for path in sorted((retailer / "outbox").glob(f"{set_id}_*.edi")):
                found = validate(path)
                verdicts.append(f"{set_id} {found['verdict']}")
                self.line(f"{path.name}: checked against the guide, {found['verdict']}")
                segments = segments_of(path)
                if set_id == "856":
                    self._tree(segments)
                parts = {segment[0]: segment for segment in segments}
                answer = [f"AK1*{group}*{parts['GS'][6]}", f"AK2*{set_id}*{parts['ST'][2]}", "AK5*A"]
                content = interchange(control, [["ST*997*0001", *answer, "AK9*A*1*1*1", "SE*6*0001"]], "FA")
                drop(retailer / "inbox", f"997-{control}.edi", content)
        expected = "855 accepted, 856 accepted, 810 accepted"
        self.check("your JSON became correct X12", ", ".join(verdicts), expected)

    def _tree(self, segments: list[list[str]]) -> None:
        """The levels of the ship notice as the retailer sees them, by HL02."""
        depth = {"": 0}
        shown = {"PRF": "order {1}", "MAN": "carton {2}", "SN1": "{2} {3}", "BSN": "shipment {2}"}
        level = 0
        for segment in segments:
            if segment[0] == "HL":
                level = depth[segment[1]] = depth[segment[2]] + 1
            elif segment[0] in shown:
                self.line(shown[segment[0]].format(*segment), 5 + 2 * level)

    def _paid(self, outbox: Path, billed: Decimal) -> None:
        documents = [json.loads(path.read_bytes()) for path in outbox.glob("remittance_advice_*.json")]
        found = "nothing"
        for document in documents:
            (line,) = document["entities"][0]["lines"]
            (claim,) = line["adjustments"]
            reason, amount = claim["reason"].replace("_", " "), claim["amount"]["amount"]
            self.line(
                f"paid {document['amount']['amount']} on {document['paid_on']} for invoice "
                f"{line['document_ref']} of {line['gross']['amount']}; {amount} for {reason}"
            )
            short = Decimal(line["gross"]["amount"]) - Decimal(line["paid"]["amount"])
            found = f"{short} short of {line['gross']['amount']}"
        self.check("the payment is known to the cent", found, f"20.00 short of {billed}")

    def summary(self) -> bool:
        """Prints the table of what was expected; whether all of it is so."""
        self.head(8, "Summary")
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
        self.say(f"   X12 purchase orders      -> {folders / RETAILER / 'inbox'}")
        self.say("                               (sender ZZ/ACMERETAIL, receiver ZZ/EXAMPLESUPPLIER)")
        self.say(f"   your answers as JSON     -> {folders / ERP / 'inbox'}")
        self.say(f'                               (with "partner_id": "{RETAILER}", "document_type", ...)')
        self.say(f"   the log                  -> {self.home / 'gateway.log'}")
        self.say("\nCtrl-C ends it and removes the home.\n")
