"""Rules of ship notices: what must be right before a truck stands at the dock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.rules.amounts import EXACT, ZERO, said, total, units
from gateway.rules.order import PAID_BY_BUYER
from gateway.rules.rule import BLOCK, WARN, Case, Found, Node, rule
from gateway.rules.story import (
    Level,
    Order,
    country,
    day,
    identifiers,
    items_of,
    levels,
    line_key,
    order_of,
    party,
    promised,
    remembered,
    shipped,
)

NOTICE = ("ship_notice",)
_FREIGHT = ("motor", "ltl")
_STRUCTURES = {
    "order_carton_item": ("order", "carton", "item"),
    "order_item_carton": ("order", "item", "carton"),
    "carton_order_item": ("carton", "order", "item"),
    "order_item": ("order", "item"),
    "LooseAssortmentCase": ("order", "carton", "item"),
    "PalletizedAssortmentCase": ("order", "pallet", "carton", "item"),
    "LooseStandardCase": ("order", "item", "carton"),
    "PalletizedStandardCase": ("order", "pallet", "item", "carton"),
    "MasterCase": ("carton", "order", "item"),
    "MasterPallet": ("pallet", "order", "item"),
    "PalletOfItems": ("order", "pallet", "item"),
}
"""Levels from outside to inside by the structure (BSN05, or its name in the vendor API)."""


def _of(case: Case, *kinds: str) -> list[Level]:
    found = remembered(case, "levels", "", lambda: list(levels(case.document)))
    return [one for one in found if one.kind in kinds]


def _orders(case: Case) -> dict[str, Order | None]:
    """The orders the notice names, by their numbers."""
    numbers = dict.fromkeys(one.order for one in [*_of(case, "item"), *_of(case, "order")])
    return {one: order_of(case, one) for one in numbers if one}


def _mode(case: Case) -> str:
    routes = case.document.get("routing", ())
    return str(case.document.get("mode") or next((one["mode"] for one in routes if one.get("mode")), ""))


def _is_collect(case: Case, methods: tuple[str, ...]) -> bool:
    told = [case.document, *(one.heading for one in _orders(case).values() if one)]
    return any((one.get("freight") or {}).get("method") in methods for one in told)


def _units(case: Case, level: Level) -> Decimal:
    order = order_of(case, level.order)
    line = order.find(level.node) if order else None
    quantity = level.node.get("quantity")
    return (order.units(line, quantity) if order and line else units(quantity)) or ZERO


def _sscc(level: Level) -> str:
    """The 18 digits of a license plate, or what stands in their place."""
    text = str(level.node.get("sscc") or "")
    return text[2:] if len(text) == 20 and text.startswith("00") else text


@rule("S1", NOTICE, BLOCK)
def shipment_number(case: Case, days: int = 365, longest: int = 30) -> Iterator[Found]:
    """The number of the shipment has 2 to `longest` characters and was not used by another within `days`."""
    value = case.document["shipment_id"]
    if not 2 <= len(value) <= longest:
        words = f"The shipment number {value} has {len(value)} characters; 2 to {longest} are possible."
        yield Found("/shipment_id", value, words)
    if case.document.get("purpose") not in ("original", "00"):
        return
    for one in case.known.documents("shipment", value):
        if one.document["document_type"] == "ship_notice" and case.now - one.at < timedelta(days=days):
            words = f"The shipment number {value} was used on {one.at:%Y-%m-%d}, less than {days} days ago."
            yield Found("/shipment_id", value, words)
            return


@rule("S2", NOTICE, BLOCK)
def one_truck(case: Case, notices: int = 100) -> Iterator[Found]:
    """A notice is of one vendor code, one ship-to and one truck, with at most `notices` of them on one bill
    of lading.
    """
    nodes = [case.document, *(one.node for one in levels(case.document))]
    for role, what in (("seller", "vendor code"), ("ship_to", "ship-to")):
        ids = {one.get("id") for node in nodes for one in node.get("parties", ()) if one.get("role") == role}
        if len(ids) > 1:
            words = f"The notice has more than one {what}: {', '.join(sorted(map(str, ids)))}."
            yield Found("/parties", None, words, f"Write a notice for each {what}.")
    trailers = {
        case.document.get("trailer"),
        *(one.get("number") for one in case.document.get("equipment", ())),
    }
    if len(trailers - {None}) > 1:
        yield Found("/equipment", None, f"The notice is of {len(trailers - {None})} trailers.")
    bol = case.document.get("bill_of_lading")
    others = {one.document.get("shipment_id") for one in case.known.documents("bol", bol)} if bol else set()
    if len(others | {case.document["shipment_id"]}) > notices:
        yield Found("/bill_of_lading", bol, f"More than {notices} notices are on the bill of lading {bol}.")


@rule("S3", NOTICE, BLOCK)
def ship_to(case: Case, table: bool = False) -> Iterator[Found]:
    """The ship-to is that of the order as it stands now; with `table`, it is in the table of places."""
    place = party(case.document, "ship_to")
    if place is None or not place.get("id"):
        yield Found("/parties", None, "The notice has no ship-to with a code.")
        return
    rows = case.known.places(place)
    if table and not rows:
        yield Found("/parties", place["id"], f"The ship-to {place['id']} is not in the table of places.")
    for number, order in _orders(case).items():
        wanted = order.party("ship_to") if order else None
        same = wanted is None or not wanted.get("id") or wanted["id"] == place["id"]
        if wanted and not same and not [one for one in case.known.places(wanted) if one in rows]:
            words = f"The ship-to is {place['id']}, and order {number} goes to {wanted['id']} now."
            yield Found("/parties", place["id"], words)


@rule("S4", NOTICE, BLOCK)
def open_orders(case: Case, confirmed: bool = True) -> Iterator[Found]:
    """Every order of the notice is known, not cancelled and, with `confirmed`, acknowledged."""
    for level in _of(case, "item"):
        if not level.order:
            yield Found(f"{level.pointer}/po_number", None, f"{_name(level)} says of no order.")
    for number, order in _orders(case).items():
        if order is None:
            yield Found("/orders", number, f"Order {number} is not known.")
        elif order.is_cancelled:
            yield Found("/orders", number, f"Order {number} is cancelled.")
        elif confirmed and promised(case, number, order) is None:
            yield Found("/orders", number, f"Order {number} was not acknowledged.")


@rule("S4W", NOTICE, WARN)
def in_the_window(case: Case, paid_by_buyer: tuple[str, ...] = PAID_BY_BUYER) -> Iterator[Found]:
    """The day of shipping (freight paid by the buyer) or of delivery lies in the window of each order."""
    for number, order in _orders(case).items():
        collect = _is_collect(case, paid_by_buyer)
        window, name = ("ship_window", "ship_date") if collect else ("delivery_window", "estimated_delivery")
        span, on = (order.heading.get(window) or {}) if order else {}, day(case.document.get(name))
        if on and (day(span.get("start")) > on or day(span.get("end") or "9") < on):
            told = f"{day(span.get('start')) or 'any day'} to {day(span.get('end')) or 'any day'}"
            words = (
                f"{name.replace('_', ' ').capitalize()} {on} is not in the window of order {number}, {told}."
            )
            yield Found(f"/{name}", on, words)


@rule("S5", NOTICE, BLOCK)
def no_more_than_promised(case: Case, over_percent: Decimal = Decimal(0)) -> Iterator[Found]:
    """Of each line no more is shipped than was accepted, less what was shipped before, with `over_percent`
    above it.
    """
    for number, order in _orders(case).items():
        if order is None:
            continue
        accepted, gone = promised(case, number, order) or {}, shipped(case, number, order)
        now: dict[int, Decimal] = {}
        for line, count in items_of(case.document, number, order):
            now[id(line)] = EXACT.add(now.get(id(line), ZERO), count)
        for line in order.lines:
            most = accepted.get(id(line), order.ordered(line))
            allowed = most * (100 + over_percent) / 100 - gone.get(id(line), ZERO)
            if now.get(id(line), ZERO) > allowed:
                what = f"Line {line_key(line)} of order {number}: {said(now[id(line)])} units are shipped"
                earlier = f", of which {said(gone[id(line)])} went before" if id(line) in gone else ""
                yield Found(
                    "/orders", said(now[id(line)]), f"{what}, and {said(most)} were accepted{earlier}."
                )
        for level in _of(case, "item"):
            if level.order == number and order.find(level.node) is None:
                yield Found(level.pointer, None, f"{_name(level)} is no line of order {number}.")


def _name(level: Level) -> str:
    return f"{level.kind.capitalize()} {level.node.get('line_no') or level.pointer}"


@rule("S6", NOTICE, BLOCK)
def counts(case: Case, weight: bool = True) -> Iterator[Found]:
    """Numbers of cartons and pallets are stated as they stand in the tree, items fill their cartons;
    `weight` is stated.
    """
    stated = case.document.get("measurements") or {}
    for kind in ("carton", "pallet"):
        nodes = _of(case, kind)
        # A carton with items of two orders stands below both, with one license plate.
        there = len({_sscc(one) or one.pointer for one in nodes})
        if there and stated.get(f"{kind}s") is not None and stated[f"{kind}s"] != there:
            words = f"The notice counts {stated[f'{kind}s']} {kind}s, and lists {there}."
            yield Found(f"/measurements/{kind}s", stated[f"{kind}s"], words)
    if _of(case, "carton", "pallet") and stated.get("cartons") is None and stated.get("pallets") is None:
        yield Found("/measurements", None, "The notice does not say how many cartons or pallets there are.")
    if weight and not (stated.get("weight") or stated.get("pallet_weight")):
        yield Found("/measurements/weight", None, "The notice has no weight.")
    for level in _of(case, "item"):
        inside, size = level.node.get("cartons", ()), (level.node.get("quantity") or {}).get("pack_size")
        count = _units(case, level)
        if inside and size and count != len(inside) * size:
            words = f"{_name(level)}: {said(count)} units are shipped, in {len(inside)} cartons of {size}."
            yield Found(f"{level.pointer}/quantity", said(count), words)
    for level in _of(case, "carton"):
        if (
            "items" in level.node
            and total(units(one.get("quantity")) or ZERO for one in level.node["items"]) <= 0
        ):
            yield Found(level.pointer, None, f"Carton {_sscc(level) or level.pointer} is empty.")


def check_digit(digits: str) -> int:
    """The last digit of a GS1 number: those before it weigh 3, 1, 3, … from the right."""
    return -sum(int(one) * (3, 1)[place % 2] for place, one in enumerate(reversed(digits))) % 10


@rule("S7", NOTICE, BLOCK)
def license_plates(
    case: Case, prefixes: tuple[str, ...] = (), days: int = 365, with_00: bool = True
) -> Iterator[Found]:
    """An SSCC has 18 digits (`with_00`: and 00 before them), the right check digit, one of your `prefixes`,
    and is on one unit only; within `days` it is not used again.
    """
    seen: dict[str, Level] = {}
    for level in _of(case, "carton", "pallet"):
        if not (given := level.node.get("sscc")):
            continue
        at, digits_ = f"{level.pointer}/sscc", _sscc(level)
        if (first := seen.setdefault(digits_, level)) is not level:
            if not _is_same(first, level):
                yield Found(at, given, f"The SSCC {given} is on {first.kind} {first.pointer} already.")
            continue
        if not re.fullmatch("[0-9]{18}", digits_):
            yield Found(at, given, f"The SSCC {given} does not have 18 digits.")
            continue
        if (right := check_digit(digits_[:-1])) != int(digits_[-1]):
            yield Found(at, given, f"The SSCC {given} ends with {digits_[-1]}; its check digit is {right}.")
        if with_00 and len(given) != 20:
            yield Found(at, given, f"The SSCC {given} is sent with 00 before it, as it is in the barcode.")
        if prefixes and not digits_[1:].startswith(prefixes):
            words = f"The SSCC {given} has none of your company prefixes, {', '.join(prefixes)}."
            yield Found(at, given, words)
        past = (one for form in (digits_, f"00{digits_}") for one in case.known.documents("sscc", form))
        for one in past:
            other = one.document.get("shipment_id")
            if other != case.document["shipment_id"] and case.now - one.at < timedelta(days=days):
                words = f"The SSCC {given} was in shipment {other}, less than {days} days ago."
                yield Found(at, given, words)
                break


def _is_same(one: Level, other: Level) -> bool:
    """Whether two levels are the same unit, which stands below each order that has items in it."""
    plates = [[_sscc(two) for two in level.around if two.kind == "pallet"] for level in (one, other)]
    return one.kind == other.kind and plates[0] == plates[1] and one.order != other.order


@rule("S8", NOTICE, BLOCK)
def units_are_marked(case: Case, other_marks: tuple[str, ...] = ("AMZNCC",)) -> Iterator[Found]:
    """Pallets, and parcels with several items, have an SSCC or one of `other_marks`; with pallets each
    carton is on one.
    """
    pallets = _of(case, "pallet")
    for level in _of(case, "pallet", "carton"):
        marked = level.node.get("sscc") or any(
            one.get("type") in other_marks for one in level.node.get("marks", ())
        )
        mixed = len({frozenset(identifiers(one.get("ids"))) for one in level.node.get("items", ())}) > 1
        if not marked and (level.kind == "pallet" or (mixed and _mode(case) == "parcel")):
            nor = " nor ".join(("an SSCC", *other_marks))
            words = f"{level.kind.capitalize()} {level.pointer} has neither {nor}."
            yield Found(f"{level.pointer}/sscc", None, words)
        is_alone = not level.inside("pallet") and not level.node.get("pallets")
        if pallets and level.kind == "carton" and is_alone:
            yield Found(
                level.pointer, _sscc(level), f"Carton {_sscc(level) or level.pointer} is on no pallet."
            )


@rule("S9", NOTICE, BLOCK)
def carrier(
    case: Case, required_in: tuple[str, ...] = ("US", "CA", "MX"), carriers: tuple[str, ...] = ()
) -> Iterator[Found]:
    """The carrier has a SCAC of 2 to 4 letters, one of `carriers` if there are any; `required_in` these
    countries (* for all) SCAC and, but for parcels, PRO are there.
    """
    told = case.document.get("carrier") or {}
    scac, where = told.get("scac"), country(case.document)
    if scac and not re.fullmatch("[A-Z]{2,4}", scac):
        yield Found("/carrier/scac", scac, f"{scac} is no SCAC: these have 2 to 4 capitals.")
    if scac and carriers and scac not in carriers:
        yield Found("/carrier/scac", scac, f"The carrier {scac} is none of {', '.join(carriers)}.")
    if "*" in required_in or where in required_in:
        if not scac:
            yield Found("/carrier/scac", None, "The notice has no carrier code (SCAC).")
        if not told.get("pro") and _mode(case) != "parcel":
            yield Found("/carrier/pro", None, "The notice has no number of the carrier (PRO).")


@rule("S10", NOTICE, BLOCK)
def bill_of_lading(
    case: Case, always: bool = False, shortest: int = 8, pattern: str = "[A-Za-z0-9]+"
) -> Iterator[Found]:
    """Freight (`always`: every shipment) has a bill of lading of at least `shortest` characters, of the
    form `pattern`, that is no date and was not used on another day.
    """
    value = case.document.get("bill_of_lading")
    if not value:
        if always or _mode(case) in _FREIGHT:
            yield Found("/bill_of_lading", None, "The notice has no bill of lading.")
        return
    if len(value) < shortest or not re.fullmatch(pattern, value[:200]):
        words = f"The bill of lading {value} is not at least {shortest} characters of the form {pattern}."
        yield Found("/bill_of_lading", value, words)
    if any(_is_date(value, form) for form in ("%Y%m%d", "%m%d%Y", "%d%m%Y")):
        yield Found("/bill_of_lading", value, f"The bill of lading {value} looks like a date.")
    left = day(case.document.get("ship_date"))
    for one in case.known.documents("bol", value):
        if one.document.get("shipment_id") == case.document["shipment_id"]:
            continue
        if left and (other := day(one.document.get("ship_date"))) and other != left:
            yield Found(
                "/bill_of_lading", value, f"The bill of lading {value} was used for a shipment of {other}."
            )
            return


def _is_date(text: str, form: str) -> bool:
    try:
        return len(text) == 8 and 2000 <= datetime.strptime(text, form).year < 2100  # noqa: DTZ007 - only the day
    except ValueError:
        return False


@rule("S11", NOTICE, BLOCK)
def collect_reference(case: Case, paid_by_buyer: tuple[str, ...] = PAID_BY_BUYER) -> Iterator[Found]:
    """A shipment with freight paid by the buyer has the buyer's reference number of it (ARN)."""
    if _is_collect(case, paid_by_buyer) and not case.document.get("arn"):
        yield Found(
            "/arn", None, "The buyer pays the freight, and the notice has no reference of the pickup (ARN)."
        )


@rule("S12", NOTICE, BLOCK)
def tracking(case: Case) -> Iterator[Found]:
    """Every carton of a parcel shipment has a tracking number."""
    for level in _of(case, "carton") if _mode(case) == "parcel" else ():
        if not level.node.get("tracking"):
            words = f"Carton {_sscc(level) or level.pointer} has no tracking number."
            yield Found(f"{level.pointer}/tracking", None, words)


@rule("S13", NOTICE, BLOCK)
def perishables(
    case: Case, items: tuple[str, ...] = (), left_days: int = 30, most_days: int = 7300
) -> Iterator[Found]:
    """`items` (numbers of perishable ones), and all that have an expiry, have lot and expiry or day of
    manufacture; more than `left_days` are left, and not more than `most_days`; a carton has one lot and
    expiry of an item.
    """
    lots: dict[tuple[str, frozenset[tuple[str, str]]], tuple[object, object]] = {}
    for level in _of(case, "item"):
        node, ids = level.node, level.node.get("ids") or {}
        expiry, what = day(node.get("expiry")), _name(level)
        if not expiry and not set(ids.values()) & set(items):
            continue
        if not node.get("lot"):
            yield Found(f"{level.pointer}/lot", None, f"{what} is perishable and has no lot.")
        if not expiry and not node.get("made_on"):
            yield Found(f"{level.pointer}/expiry", None, f"{what} is perishable and has no expiry.")
        if expiry:
            days_left = (datetime.fromisoformat(expiry).date() - case.now.date()).days
            if not left_days < days_left <= most_days:
                words = f"{what} expires on {expiry}, in {days_left} days; more than {left_days} must be left"
                yield Found(f"{level.pointer}/expiry", expiry, f"{words}, and at most {most_days}.")
        if carton := level.inside("carton"):
            key = (carton.pointer, frozenset(identifiers(ids)))
            if lots.setdefault(key, (node.get("lot"), expiry)) != (node.get("lot"), expiry):
                yield Found(
                    level.pointer, node.get("lot"), f"{what} is in its carton with two lots or expiries."
                )


@rule("S14", NOTICE, BLOCK)
def structure(case: Case) -> Iterator[Found]:
    """The levels stand in each other as the structure says, and the number of levels is right if it is
    stated.
    """
    code = case.document.get("structure")
    wanted = _STRUCTURES.get(str(code))
    for level in levels(case.document) if wanted else ():
        path = [kind for kind in level.path[1:] if kind != "level"]
        fits = [kind for kind in path if kind != "pallet" or "pallet" in (wanted or ())]
        whole = any(level.node.get(name) for name in ("orders", "pallets", "cartons", "items", "levels"))
        if wanted and (tuple(fits) != wanted[: len(fits)] or (not whole and len(fits) != len(wanted))):
            words = f"The structure {code} is {', '.join(wanted)}, and here it is {', '.join(path)}."
            yield Found(level.pointer, code, words)
            break
    there, stated = (
        sum(1 for _ in levels(case.document)) + 1,
        (case.document.get("totals") or {}).get("level_count"),
    )
    if stated is not None and stated != there:
        yield Found("/totals/level_count", stated, f"The notice counts {stated} levels, and has {there}.")


@rule("S15", NOTICE, BLOCK)
def replacement(case: Case, days: int = 7) -> Iterator[Found]:
    """A notice that replaces another is of the same shipment and vendor code, at most `days` later, before
    it arrives, and has no more of anything.
    """
    if case.document.get("purpose") not in ("replace", "05"):
        return
    number = case.document["shipment_id"]
    came = [
        one for one in case.known.documents("shipment", number) if one.document["document_type"] == NOTICE[0]
    ]
    if not came:
        yield Found("/shipment_id", number, f"There is no notice of the shipment {number} to replace.")
        return
    first, newest = came[0], came[-1].document
    if case.now - first.at > timedelta(days=days):
        words = f"The notice of {number} went on {first.at:%Y-%m-%d}; it can be replaced for {days} days."
        yield Found("/purpose", "replace", words)
    if (due := day(newest.get("estimated_delivery"))) and due < f"{case.now:%Y-%m-%d}":
        yield Found(
            "/purpose", "replace", f"The shipment {number} arrived on {due}; its notice stays as it is."
        )
    sellers = [(party(one, "seller") or {}).get("id") for one in (newest, case.document)]
    if sellers[0] != sellers[1]:
        yield Found("/parties", sellers[1], f"The vendor code was {sellers[0]} and is {sellers[1]}.")
    was, now = _contents(newest), _contents(case.document)
    for key, count in now.items():
        if count > was.get(key, ZERO):
            what = ", ".join(value for _, value in sorted(key[1]))
            words = (
                f"Item {what}: {said(count)} units, and {said(was.get(key, ZERO))} in the notice it replaces."
            )
            yield Found(
                "/orders", said(count), words, "Write a notice of a new shipment for what came in addition."
            )


def _contents(notice: Node) -> dict[tuple[str | None, frozenset[tuple[str, str]]], Decimal]:
    found: dict[tuple[str | None, frozenset[tuple[str, str]]], Decimal] = {}
    for level in levels(notice):
        if level.kind == "item":
            key = (level.order, frozenset(identifiers(level.node.get("ids"))))
            found[key] = EXACT.add(found.get(key, ZERO), units(level.node.get("quantity")) or ZERO)
    return found


@rule("S16", NOTICE, WARN)
def traceable(case: Case, references: dict[str, tuple[str, ...]] = {}) -> Iterator[Found]:  # noqa: B006 - never changed
    """Items whose number (* for all) is in `references` have the references named there: source of a lot,
    country of origin, due diligence.
    """
    for level in _of(case, "item"):
        names = {"*", *(level.node.get("ids") or {}).values()}
        there = {one.get("type") for one in level.node.get("references", ())}
        for wanted in (one for name, some in references.items() if name in names for one in some):
            if wanted not in there:
                yield Found(f"{level.pointer}/references", None, f"{_name(level)} has no reference {wanted}.")
