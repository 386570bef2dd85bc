"""``edigw label …``: labels of cartons and pallets, and SSCCs for other systems."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import inputs
from gateway.cli.commands.audit import gateway_of
from gateway.cli.commands.message import asking
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import count, say, show, whole, write_json
from gateway.errors import DocumentError, NotFoundError, RefusedError
from gateway.partners.agreement import LAYOUTS

if TYPE_CHECKING:
    from gateway.labels.label import Label
    from gateway.settings import Settings

_MAX_SSCCS = 100_000
_MAX_BYTES = 64_000_000
_FORMATS = ("pdf", "zpl", "png")


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this noun."""
    verbs = inputs.noun(commands, "label", "labels of cartons and pallets, SSCCs", "Labels and SSCCs.")
    made = inputs.command(verbs, "print", run_print)
    words = "number of a shipment, or a file with a ship notice as JSON; - for standard input"
    made.add_argument("shipment", metavar="SHIPMENT", help=words)
    made.add_argument("--partner", metavar="P", default="", help="of this partner")
    made.add_argument("--layout", choices=LAYOUTS, help="default: that of the partner, or generic")
    words = "default: by the ending of OUT, or pdf"
    made.add_argument("--format", choices=_FORMATS, help=words)
    made.add_argument("--size", choices=("4x6", "a6"), default="4x6", help="4 by 6 inches (default), or A6")
    made.add_argument("--dpi", type=int, choices=(203, 300), default=203, help="of the printer (default 203)")
    one = made.add_mutually_exclusive_group()
    number = inputs.number(999_999, "the number of a label")
    one.add_argument("--carton", metavar="N", type=number, help="only that of this carton")
    one.add_argument("--pallet", metavar="N", type=number, help="only that of this pallet")
    words = "a TrueType font for other than Latin letters; may be given several times"
    made.add_argument("--font", metavar="TTF", action="append", default=[], help=words)
    words = "one file for all, or a folder for a file each"
    made.add_argument("-o", "--output", metavar="OUT", help=words)
    inputs.home_option(made)
    given = inputs.command(verbs, "sscc", run_sscc, json="one JSON object: ssccs")
    many = inputs.number(_MAX_SSCCS, "a number of SSCCs")
    given.add_argument("--count", metavar="N", type=many, default=1, help="how many (default 1)")
    given.add_argument(
        "--prefix", metavar="P", default="", help="of this company prefix (default: the first)"
    )
    inputs.home_option(given)


def run_sscc(args: argparse.Namespace) -> int:
    """Give new SSCCs to another system, such as that of a warehouse.

    Nobody else gets them, whatever becomes of them. They count as used from today on.

    exit code: 0 given, 4 there is no such prefix, 6 too few are free
    """
    from gateway.services import sscc

    with gateway_of(args) as gateway:
        found = sscc.give(gateway.services, args.prefix, args.count)
    if args.json:
        write_json({"ssccs": found})
    else:
        show(found)
    return ExitCode.FINE


def run_print(args: argparse.Namespace) -> int:
    """Print the labels of a shipment as PDF, ZPL or a picture.

    Prints what the stored ship notice says, pallets first: all labels into one file, or with a folder as OUT
    into a file each. A file of your own needs no home.

    exit code: 0 done, 1 something is missing in the notice, or cannot be printed
    """
    notice, settings = _notice(args)
    from gateway.labels.label import labels
    from gateway.services import label

    home, partner = inputs.home_of(args), settings and settings.partners.get(str(notice.get("partner_id")))
    named = [home / one for one in settings.gateway.labels.fonts] if settings and home else []
    fonts = label.fonts((*named, *map(Path, args.font)))
    from gateway.labels.output import printed

    found = _wanted(args, labels(notice, settings.gateway.company.name if settings else ""))
    layout = args.layout or (partner.labels.layout if partner else "generic")
    folder = Path(args.output) if args.output and Path(args.output).is_dir() else None
    ending = Path(args.output or "").suffix.lstrip(".").lower()
    form = args.format or (ending if ending in _FORMATS else "pdf")
    if form == "png" and folder is None and len(found) > 1:
        say("edigw label print: a picture shows one label: add --carton or --pallet, or a folder as OUT.")
        return ExitCode.USAGE
    how = {"layout": layout, "size": args.size, "dpi": args.dpi, "fonts": fonts}
    for some in [[one] for one in found] if folder else [found]:
        content = printed(some, form, **how)
        with whole(str(folder / _name(some[0], form)) if folder else args.output) as out:
            out.write(content)
    if args.output:
        say(f"{count(len(found), 'label')} written to {args.output}.")
    return ExitCode.FINE


def _notice(args: argparse.Namespace) -> tuple[dict[str, Any], Settings | None]:
    """The ship notice, and the settings of the home if there is one."""
    import orjson

    if args.shipment != inputs.STANDARD_INPUT and not Path(args.shipment).is_file():
        return _stored(args)
    with inputs.opened(args.shipment) as file:
        content = file.read(_MAX_BYTES + 1)
    try:
        notice = orjson.loads(content) if len(content) <= _MAX_BYTES else None
    except orjson.JSONDecodeError as error:
        raise DocumentError(f"{args.shipment} is not JSON: {error}.") from None
    if not isinstance(notice, dict) or notice.get("document_type") != "ship_notice":
        raise DocumentError(f"{args.shipment} is no ship notice: one JSON object with that document_type.")
    if inputs.home_of(args) is None:
        return notice, None
    from gateway.settings import load

    return notice, load(inputs.home_named(args))


def _stored(args: argparse.Namespace) -> tuple[dict[str, Any], Settings]:
    from gateway.store import queries

    asked = {
        "text": args.shipment,
        "partner": args.partner,
        "direction": "out",
        "document_type": "ship_notice",
    }
    with asking(args) as (connection, settings):
        rows = queries.documents(connection, queries.Wanted(**asked, limit=100)).rows
        rows = [one for one in rows if one["number"] == args.shipment]
        if not rows:
            raise NotFoundError(
                f"There is no file {args.shipment}, and no ship notice of that number was sent."
            )
        if len(whose := sorted({one["partner"] for one in rows})) > 1:
            raise RefusedError(f"{' and '.join(whose)} have a shipment {args.shipment}: say --partner.")
        notice = queries.document(connection, rows[0]["id"])["body"]
    if notice is None:
        raise NotFoundError(f"The ship notice {args.shipment} was deleted; its retention was over.")
    return {"partner_id": whose[0], **notice}, settings


def _wanted(args: argparse.Namespace, found: list[Label]) -> list[Label]:
    kind = "carton" if args.carton else "pallet"
    number = args.carton or args.pallet
    some = [one for one in found if number is None or (one.kind, one.number) == (kind, number)]
    if not some:
        raise NotFoundError(f"The shipment has no {kind} {number} with an SSCC.")
    return some


def _name(label: Label, form: str) -> str:
    from gateway.transports.folder import harmless

    return harmless(f"{label.shipment}_{label.kind}-{label.number}_{label.sscc}.{form}")
