"""``edigw document acknowledge|ship|invoice|clock``: answers to orders without an ERP, and what is due."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.commands.message import asking, when
from gateway.cli.commands.schedule import left
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import Style, say, show, visible, write_json
from gateway.errors import NotFoundError, Problem, RefusedError

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.documents.assist.lists import Row
    from gateway.documents.assist.story import Made
    from gateway.services.assist import Known

_MAX_LIST = 10_000_000
_SHIPMENT = {
    "shipment_id": ("--number", "N", "its number (default: that of the first order, and -1, -2 ...)"),
    "ship_date": ("--ship-date", "TIME", "when it leaves, as 2026-03-02T17:00"),
    "estimated_delivery": ("--delivery-date", "TIME", "when it should arrive"),
    "structure": ("--structure", "S", "order of the levels, as order_carton_item (default: by the list)"),
    "scac": ("--carrier", "SCAC", "the carrier"),
    "pro": ("--pro", "N", "the carrier's number of the shipment"),
    "bill_of_lading": ("--bol", "N", "bill of lading"),
    "arn": ("--arn", "N", "the buyer's reference of a collect shipment"),
    "trailer": ("--trailer", "N", "trailer or container"),
    "seal": ("--seal", "N", "seal"),
    "mode": ("--mode", "M", "motor, ltl, parcel, air, ocean or another means of transport"),
    "weight": ("--weight", "W", "gross weight"),
    "weight_uom": ("--weight-uom", "U", "its unit, an X12 code (default LB)"),
}  # fmt: skip


def register(verbs: inputs.Commands) -> None:
    """Adds these verbs to the documents."""
    gives = "one JSON object: document, what would be sent, problems"
    answered = inputs.command(verbs, "acknowledge", run_acknowledge, json=gives)
    answered.add_argument("number", metavar="PO", help="the order")
    words = "accept what is there, by CSV or JSON with sku, available and date (- for standard input)"
    answered.add_argument("--stock", metavar="FILE", help=words)
    words = "reject a line: unavailable, invalid_id or obsolete; may be given several times"
    answered.add_argument("--reject", metavar="LINE=REASON", action="append", default=[], help=words)
    answered.add_argument("--date", metavar="D", type=_day, help="when what is not there ships (backorder)")
    shipped = inputs.command(verbs, "ship", run_ship, json=gives)
    shipped.add_argument("numbers", metavar="PO", nargs="+", help="the orders")
    words = "CSV or JSON with order, line, sku, quantity, uom, carton, pallet, lot, expiry, made_on, tracking"
    shipped.add_argument("--packing", metavar="FILE", required=True, help=words)
    for name, (option, value, words) in _SHIPMENT.items():
        shipped.add_argument(option, dest=name, metavar=value, help=words)
    shipped.add_argument("--over", action="store_true", help="more is shipped than was confirmed")
    billed = inputs.command(verbs, "invoice", run_invoice, json=gives)
    billed.add_argument("asked", metavar="SHIPMENT|PO", help="what was shipped; all of an order that is open")
    billed.add_argument("--number", metavar="N", required=True, help="number of the invoice")
    billed.add_argument("--date", metavar="D", type=_day, help="its date (default: today, UTC)")
    for verb in (answered, shipped, billed):
        verb.add_argument("--partner", metavar="P", default="", help="of this partner")
        verb.add_argument("--test", action="store_true", help="of a test order")
        verb.add_argument("--send", action="store_true", help="send it, if nothing is wrong")
        verb.add_argument("--actor", metavar="NAME", help="who does it (default: the user of this process)")
        inputs.home_option(verb)
    clock = inputs.command(verbs, "clock", run_clock, json="one JSON object: orders, each with what is due")
    clock.add_argument("numbers", metavar="PO", nargs="*", help="these orders (default: all)")
    clock.add_argument("--partner", metavar="P", default="", help="of this partner")
    inputs.home_option(clock)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-03-02") from None


def run_acknowledge(args: argparse.Namespace) -> int:
    """Make the acknowledgment of an order, and show or send it.

    Accepts all of an order, or what a stock list says; what is short is promised for later where the order
    allows it, else rejected. Shows what would be sent; sends with --send.

    exit code: 0 nothing is wrong, 1 something is, 4 there is no such order, 6 it was sent before
    """
    from gateway.documents.assist import acknowledgment as maker

    with gateway_of(args) as gateway:
        found = _known(args, gateway, [args.number])
        rows, _, wrong = _list(args.stock, maker.STOCK) if args.stock else (None, {}, [])
        rejects = {line: why for line, _, why in (one.partition("=") for one in args.reject)}
        options: dict[str, Any] = {"stock": rows, "rejects": rejects, "later": args.date or ""}
        options |= {"today": f"{gateway.services.clock():%Y-%m-%d}", "api": found.api}
        made = maker.acknowledge(found.stories[0], **options)
        return _end(args, gateway, found.partner, made, wrong)


def run_ship(args: argparse.Namespace) -> int:
    """Make the ship notice of orders by a packing list, and show or send it.

    Each row of the list is goods of one line in one carton, pallet or neither. Shows what would be sent;
    sends with --send.

    exit code: 0 nothing is wrong, 1 something is, 4 there is no such order, 6 it was sent before
    """
    from gateway.documents.assist import shipment as maker
    from gateway.documents.assist.story import latest

    with gateway_of(args) as gateway:
        found = _known(args, gateway, args.numbers)
        rows, head, wrong = _list(args.packing, maker.PACKING, maker.HEAD)
        head |= {name: given for name in _SHIPMENT if (given := getattr(args, name))}
        first, services = found.stories[0], gateway.services
        sent = len(latest(first.notices, "shipment_id"))
        head.setdefault("shipment_id", f"{first.order['po_number']}-{sent + 1}")
        parties = services.settings.assist(found.partner).document["parties"]
        options = {"now": f"{services.clock():%Y-%m-%dT%H:%M}", "parties": parties, "over": args.over}
        return _end(args, gateway, found.partner, maker.ship(found.stories, rows, head, **options), wrong)


def run_invoice(args: argparse.Namespace) -> int:
    """Make the invoice for what was shipped, and show or send it.

    Invoices a shipment, or all that was shipped of an order and is not invoiced yet, at acknowledged prices.
    Shows what would be sent; sends with --send.

    exit code: 0 nothing is wrong, 1 something is, 4 there is no such order, 6 it was sent before
    """
    from gateway.documents.assist import bill as maker

    with gateway_of(args) as gateway:
        try:
            found = _known(args, gateway, [args.asked], kind="shipment")
        except NotFoundError:
            found = _known(args, gateway, [args.asked])
        options = gateway.settings.assist(found.partner).document
        options |= {"number": args.number, "today": args.date or f"{gateway.services.clock():%Y-%m-%d}"}
        made = maker.invoice(found.stories, shipment=found.shipment, **options)
        return _end(args, gateway, found.partner, made, [])


def _known(args: argparse.Namespace, gateway: Gateway, numbers: list[str], kind: str = "po") -> Known:
    from gateway.services import assist
    from gateway.store.database import reading

    with reading(gateway.engine) as connection:
        return assist.known(connection, numbers, args.partner, test=args.test, kind=kind)


def _list(
    name: str, columns: tuple[str, ...], head: tuple[str, ...] = ()
) -> tuple[list[Row], dict[str, str], list[Problem]]:
    from gateway.documents.assist.lists import read_list

    with inputs.opened(name) as file:
        content = file.read(_MAX_LIST + 1)
    if len(content) > _MAX_LIST:
        raise RefusedError(f"{name} is larger than {_MAX_LIST // 1_000_000} MB.")
    return read_list(content, columns, head)


def _end(
    args: argparse.Namespace, gateway: Gateway, partner: str, made: Made, wrong: list[Problem]
) -> ExitCode:
    """Shows a document and what would become of it, and sends it if that is asked for and possible."""
    import orjson

    from gateway.services import assist

    document, services, seen = made.document | {"partner_id": partner}, gateway.services, None
    problems, message = [*wrong, *made.problems], None
    if not any(one.is_error for one in problems):
        seen = assist.preview(services, document)
        problems += seen.problems
    code = ExitCode(any(one.is_error for one in problems))
    if seen and seen.status == "duplicate":
        code = ExitCode.REFUSED
    if args.send and code is ExitCode.FINE:
        message = assist.send(services, document)
    sent: Any = seen.content.decode("latin-1") if seen else ""
    if sent.startswith("{"):
        sent = orjson.loads(seen.content if seen else b"")
    told: dict[str, Any] = {"document": document, "partner": partner, "status": seen and seen.status}
    told |= {"way": seen and seen.way, "file": seen and seen.file, "sent": sent or None}
    told |= {"message_id": message, "problems": [one.to_dict() for one in problems]}
    if args.json:
        write_json(told)
        return code
    show(_shown(document))
    if sent and seen:
        end = services.settings.partners[partner].writing.segment
        show(["", visible(f"{seen.file}, by {seen.way}:"), ""])
        lines = sent.replace(end, f"{end}\n").split("\n") if isinstance(sent, str) else _shown(sent)
        show(visible(one) for one in lines if one)
    for one in problems:
        weight = Style.of(sys.stderr).severity(one.severity, f"{one.severity} {one.code}")
        place = f" at {one.location.pointer}" if (one.location.pointer or "") not in one.message else ""
        show([f"{weight}{visible(f'{place}: {one.message} {one.hint}')}"], sys.stderr)
    for words in seen.results if seen and not sent else ():
        say(words)
    if message:
        say(f"Taken in as message {message}.")
        say(f"A running `edigw up` does the rest; without one: edigw run-once --config {gateway.home}")
    else:
        say("Nothing was sent." + (" --send sends it." if code is ExitCode.FINE else ""))
    return code


def _shown(value: Any) -> list[str]:
    import orjson

    return [visible(one) for one in orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().split("\n")]


def run_clock(args: argparse.Namespace) -> int:
    """Say for each order what is due next, until when, and what it costs to miss it.

    Lists orders with something due, the most urgent first. Times are UTC.
    """
    from gateway.services import compliance

    with asking(args) as (connection, settings):
        asked = (tuple(args.numbers), args.partner)
        orders = list(compliance.clock(connection, settings, datetime.now(UTC), *asked))
    if args.json:
        write_json({"orders": orders})
        return ExitCode.FINE
    for order in orders:
        show([visible(f"Purchase order {order['purchase_order']}, partner {order['partner']}")])
        for one in order["due"]:
            span = left(timedelta(seconds=one["seconds_left"])).removeprefix("-")
            how = f"{span} late" if one["seconds_left"] < 0 else f"{span} left"
            show([visible(f"  {when(one['due_at'])}  {how}: {one['words']}")])
            show([visible(f"    if missed: {one['cost']}")])
    if not orders:
        say("Nothing is due.")
    return ExitCode.FINE
