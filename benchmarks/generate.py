"""Writes X12 850, 810 and 856 (release 004010) of any amount, the same bytes for the same arguments.

One interchange with one functional group, written as it is made: a file of 1 GB needs no memory. Profiles:

``regular``
    what one system sends: a single layout, 1 to 25 lines, only values differ; ship notices with levels of
    shipment, order, carton, item, and every other one with pallets in between
``irregular``
    20 retailers with habits of their own, and optional segments and elements that come and go at random;
    ship notices of five structures
``bad5``
    ``regular`` with one mistake in every twentieth transaction set, of ten kinds in turn

Usage: ``python benchmarks/generate.py --set 856 --megabytes 10 --profile irregular -o notices.edi``
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

Segment = list[str]

PROFILES = ("regular", "irregular", "bad5")
STRUCTURES = ("SOPI", "SOTPI", "SOIP", "STOI", "SOI")
"""Levels of ship notices by their HL03."""
BAD_SHARE = 20

_CITIES = (
    ("Phoenix", "AZ", "85043"),
    ("Joliet", "IL", "60433"),
    ("Carlisle", "PA", "17015"),
    ("Dallas", "TX", "75241"),
    ("Hebron", "KY", "41048"),
    ("San Bernardino", "CA", "92408"),
    ("Kent", "WA", "98032"),
    ("Tampa", "FL", "33619"),
)
_STREETS = (
    "6835 W Buckeye Rd",
    "250 Emerald Dr",
    "21 Roadway Dr",
    "1155 Worldwide Blvd",
    "900 Distribution Pkwy",
)
_PEOPLE = ("A Jensen", "Maria Lopez", "J K Okafor", "Priya Nair", "Tom Becker", "Order Desk")
_PRODUCTS = (
    "LED desk lamp",
    "Cotton bath towel",
    "Stainless travel mug 16 oz",
    "USB-C charging cable 6 ft",
    "Yoga mat",
    "Ceramic dinner plate",
    "Bamboo cutting board",
    "Kids rain jacket",
    "Garden hose 50 ft",
    "Wall clock 12 in",
)
_COLORS = ("BLACK", "WHITE", "NAVY", "RED", "SAGE", "NATURAL")
_CARRIERS = ("UPSN", "FDEG", "ODFL", "SAIA", "ABFS")
_UNITS = ("EA", "CA", "BX", "DZ")
_FIRST_DAY = date(2026, 1, 5)


class Layout:
    """The habits of one retailer: which optional parts its system sends, and how it names things."""

    def __init__(self, number: int, choices: random.Random) -> None:
        self.name = f"RETAILER {number:02d} STORES INC"
        self.buyer = f"{4000 + 37 * number:07d}"
        self.vendor = f"V{10000 + number * 17}"
        self.order_type = choices.choice(("NE", "SA", "RL", "DS"))
        self.qualifiers = choices.sample(("BP", "VN", "UP", "EN", "IN", "SK", "PI"), 4)
        self.price_basis = choices.choice(("PE", "LE", "WE", ""))
        self.leading = choices.choice(("", "0", "00"))
        self.dates = choices.sample(("002", "010", "037", "038", "063", "064", "001"), 3)
        # Each retailer fills some optional parts always, some never, some at times.
        self.structure = STRUCTURES[number % len(STRUCTURES)]
        self.odds = [choices.choice((0.0, 0.15, 0.5, 0.85, 1.0)) for _ in range(16)]


def _day(r: random.Random, after: int, spread: int) -> str:
    return (_FIRST_DAY + timedelta(days=after + int(r.random() * spread))).strftime("%Y%m%d")


def _price(r: random.Random) -> str:
    cents = 99 + int(r.random() * 24_900)
    return f"{cents // 100}.{cents % 100:02d}"


def order(number: int, r: random.Random) -> list[Segment]:
    """The body of an order, segments between ST and SE, in the one layout of `regular`."""
    street, (city, state, postal) = r.choice(_STREETS), r.choice(_CITIES)
    body: list[Segment] = [
        ["BEG", "00", "NE", f"{4_500_000_000 + number}", "", _day(r, 0, 28)],
        ["CUR", "BY", "USD"],
        ["REF", "IA", "V10442"],
        ["REF", "DP", f"{10 + int(r.random() * 80):03d}"],
        ["PER", "BD", r.choice(_PEOPLE), "TE", f"602555{1000 + int(r.random() * 9000)}"],
        ["FOB", "CC", "OR", "ORIGIN"],
        ["CSH", "N"],
        ["ITD", "01", "3", "2", "", "30", "", "60"],
        ["DTM", "037", _day(r, 30, 10)],
        ["DTM", "038", _day(r, 41, 10)],
        ["TD5", "O", "2", r.choice(_CARRIERS), "M"],
        ["N9", "L1", "SHIPPING"],
        ["MSG", "Pack each line on its own pallet where possible"],
        ["N1", "BY", "RETAILER STORES INC", "92", "0004037"],
        ["N1", "ST", f"RETAILER DC {postal}", "92", f"DC{postal}"],
        ["N3", street],
        ["N4", city, state, postal, "US"],
    ]
    lines = 1 + int(r.random() * 25)
    total = 0
    for line in range(1, lines + 1):
        quantity, price, item = 1 + int(r.random() * 480), _price(r), int(r.random() * 90_000)
        total += quantity * int(price.replace(".", ""))
        identifiers = ["BP", f"B{item:09d}", "VN", f"SKU-{item:05d}", "UP", f"85000{item:07d}"]
        body += [
            ["PO1", str(line), str(quantity), "EA", price, "PE", *identifiers],
            ["CTP", "RS", "RES", _price(r)],
            ["PID", "F", "", "", "", f"{r.choice(_PRODUCTS)}, {r.choice(_COLORS)}"],
        ]
    body += [["CTT", str(lines)], ["AMT", "TT", f"{total // 100}.{total % 100:02d}"]]
    return body


def uneven_order(number: int, r: random.Random, layout: Layout) -> list[Segment]:
    """The body of an order of one retailer, with what its system and its buyers fill in."""
    odds = iter(layout.odds)

    def sometimes() -> bool:
        return r.random() < next(odds)

    order = f"{layout.leading}{number:07d}"
    body: list[Segment] = [["BEG", "00", layout.order_type, order, "", _day(r, 0, 28)]]
    if sometimes():
        body.append(["CUR", "BY", r.choice(("USD", "CAD"))])
    body += [["REF", q, f"{q}{int(r.random() * 9999)}"] for q in ("IA", "DP", "CR", "PD") if r.random() < 0.4]
    if sometimes():
        phone, mail = ["TE", f"602555{1000 + int(r.random() * 9000)}"], ["EM", "orders@retailer.example"]
        body.append(["PER", "BD", r.choice(_PEOPLE), *phone, *(mail if r.random() < 0.5 else [])])
    if sometimes():
        body.append(["FOB", r.choice(("CC", "PP", "PC")), *(["OR"] if r.random() < 0.5 else [])])
    if sometimes():
        body.append(["CSH", r.choice(("N", "Y"))])
    if sometimes():
        kind, amount = r.choice(("D240", "C310", "F910")), str(int(r.random() * 99_999))
        percent = ["Z", "2.5"] if r.random() < 0.4 else []
        body.append(["SAC", r.choice(("A", "C")), kind, "", "", amount, *percent])
    if sometimes():
        discount = ["2", "", "10", "", "60"] if r.random() < 0.5 else ["", "", "", "", "45"]
        body.append(["ITD", "01", "3", *discount])
    for qualifier in layout.dates[: 1 + int(r.random() * 3)]:
        hour = [f"{int(r.random() * 24):02d}00"] if r.random() < 0.2 else []
        body.append(["DTM", qualifier, _day(r, 30, 20), *hour])
    if sometimes():
        body.append(["TD5", "O", "2", r.choice(_CARRIERS), *(["M", "BY TRUCK"] if r.random() < 0.5 else [])])
    if sometimes():
        body.append(["N9", "L1", f"NOTE{int(r.random() * 99)}"])
        body += [["MSG", "Deliver to the rear dock"] for _ in range(int(r.random() * 3))]
    parties = ["BY", "ST", *(["BT"] if sometimes() else []), *(["VN"] if sometimes() else [])]
    for role in parties:
        city, state, postal = r.choice(_CITIES)
        named = layout.name if r.random() < 0.6 else ""
        body.append(["N1", role, named, "92", layout.buyer if role == "BY" else f"{role}{postal}"])
        if r.random() < 0.5:
            body.append(
                ["N3", r.choice(_STREETS), *([f"Suite {int(r.random() * 900)}"] if r.random() < 0.2 else [])]
            )
            body.append(["N4", city, state, postal, *(["US"] if r.random() < 0.5 else [])])
    pids, prices, packs, dates = next(odds), next(odds), next(odds), next(odds)
    lines = 1 + int(r.random() * 25)
    for line in range(1, lines + 1):
        item = int(r.random() * 90_000)
        identifiers: list[str] = []
        for qualifier in layout.qualifiers[: 1 + int(r.random() * 4)]:
            code = {"UP": f"85000{item:07d}", "EN": f"485000{item:07d}"}.get(
                qualifier, f"{qualifier}-{item:05d}"
            )
            identifiers += [qualifier, code]
        numbered = str(line) if r.random() < 0.9 else f"{line:03d}"
        ordered = [str(1 + int(r.random() * 480)), r.choice(_UNITS), _price(r), layout.price_basis]
        body.append(["PO1", numbered, *ordered, *identifiers])
        if r.random() < prices:
            body.append(["CTP", "RS", "RES", _price(r)])
            if r.random() < 0.2:
                body.append(["CTP", "", "SLP", _price(r)])
        if r.random() < pids:
            body.append(["PID", "F", *(["08"] if r.random() < 0.3 else [""]), "", "", r.choice(_PRODUCTS)])
            if r.random() < 0.3:
                body.append(["PID", "F", "75", "", "", r.choice(_COLORS)])
        if r.random() < packs:
            body.append(["PO4", str(1 + int(r.random() * 24)), *(["1", "EA"] if r.random() < 0.4 else [])])
        if r.random() < 0.1:
            body.append(["REF", "ZZ", f"LINE{item}"])
        if r.random() < 0.1:
            body.append(["SAC", "A", "C310", "", "", str(int(r.random() * 9999))])
        if r.random() < dates:
            body.append(["DTM", "002", _day(r, 30, 20)])
    body.append(["CTT", str(lines)])
    return body


def _identifiers(r: random.Random, layout: Layout, item: int) -> list[str]:
    found: list[str] = []
    for qualifier in layout.qualifiers[: 1 + int(r.random() * 4)]:
        code = {"UP": f"85000{item:07d}", "EN": f"485000{item:07d}"}.get(qualifier, f"{qualifier}-{item:05d}")
        found += [qualifier, code]
    return found


def _address(r: random.Random, odds: float = 1.0) -> list[Segment]:
    if r.random() >= odds:
        return []
    city, state, postal = r.choice(_CITIES)
    return [["N3", r.choice(_STREETS)], ["N4", city, state, postal, *(["US"] if r.random() < odds else [])]]


def invoice(number: int, r: random.Random) -> list[Segment]:
    """The body of an invoice in the one layout of `regular`."""
    shipped = _day(r, 30, 28)
    purchase = f"{4_500_000_000 + number}"
    body: list[Segment] = [
        ["BIG", shipped, f"INV{100_000 + number}", _day(r, 0, 28), purchase, "", "", "DI"],
        ["CUR", "SE", "USD"],
        ["REF", "IA", "V10442"],
        ["REF", "DP", f"{10 + int(r.random() * 80):03d}"],
        ["N1", "BT", "RETAILER STORES INC", "92", "0004037"],
        *_address(r),
        ["N1", "RI", "SUPPLIER INC", "92", "V10442"],
        *_address(r),
        ["N1", "ST", "RETAILER DC", "92", f"DC{r.choice(_CITIES)[2]}"],
        ["ITD", "01", "3", "2", "", "30", "", "60"],
        ["DTM", "011", shipped],
        ["FOB", "CC", "OR", "ORIGIN"],
    ]
    lines = 1 + int(r.random() * 25)
    total = units = 0
    for line in range(1, lines + 1):
        quantity, price, item = 1 + int(r.random() * 480), _price(r), int(r.random() * 90_000)
        total += quantity * int(price.replace(".", ""))
        units += quantity
        identifiers = ["BP", f"B{item:09d}", "VN", f"SKU-{item:05d}", "UP", f"85000{item:07d}"]
        body += [
            ["IT1", str(line), str(quantity), "EA", price, "", *identifiers],
            ["PID", "F", "", "", "", f"{r.choice(_PRODUCTS)}, {r.choice(_COLORS)}"],
            ["REF", "PO", purchase],
        ]
    freight = 500 + int(r.random() * 20_000)
    return [
        *body,
        ["TDS", str(total + freight)],
        ["CAD", "M", "", "", r.choice(_CARRIERS), "", "", "BM", f"{number:017d}"],
        ["SAC", "C", "D240", "", "", str(freight)],
        ["ISS", str(units), "EA", str(units * 2), "LB"],
        ["CTT", str(lines)],
    ]


def uneven_invoice(number: int, r: random.Random, layout: Layout) -> list[Segment]:
    """The body of an invoice to one retailer, with what it asks for."""
    odds = iter(layout.odds)

    def sometimes() -> bool:
        return r.random() < next(odds)

    order_no = f"{layout.leading}{number:07d}"
    kind = ["", "", r.choice(("DI", "DI", "CR"))] if sometimes() else []
    body: list[Segment] = [["BIG", _day(r, 30, 28), f"{number:08d}", _day(r, 0, 28), order_no, *kind]]
    if sometimes():
        body.append(["NTE", "GEN", "Thank you for your order"])
    if sometimes():
        body.append(["CUR", "SE", r.choice(("USD", "CAD"))])
    body += [["REF", q, f"{q}{int(r.random() * 9999)}"] for q in ("IA", "DP", "BM", "CN") if r.random() < 0.4]
    if sometimes():
        body.append(["PER", "AR", r.choice(_PEOPLE), "TE", f"602555{1000 + int(r.random() * 9000)}"])
    for role in ("BT", *(["RI"] if sometimes() else []), *(["ST"] if sometimes() else [])):
        named = layout.name if r.random() < 0.6 else ""
        body += [["N1", role, named, "92", layout.buyer], *_address(r, 0.5)]
    if sometimes():
        discount = ["2", "", "10", "", "60"] if r.random() < 0.5 else ["", "", "", "", "45"]
        body.append(["ITD", "01", "3", *discount])
    if sometimes():
        body.append(["DTM", "011", _day(r, 30, 20), *(["1630"] if r.random() < 0.2 else [])])
    if sometimes():
        body.append(["FOB", r.choice(("CC", "PP", "PC"))])
    pids, references, taxes, allowances = (next(odds) for _ in range(4))
    lines = 1 + int(r.random() * 25)
    total = 0
    for line in range(1, lines + 1):
        quantity, price, item = 1 + int(r.random() * 480), _price(r), int(r.random() * 90_000)
        total += quantity * int(price.replace(".", ""))
        numbered = str(line) if r.random() < 0.9 else ""
        priced = [str(quantity), r.choice(_UNITS), price, layout.price_basis]
        body.append(["IT1", numbered, *priced, *_identifiers(r, layout, item)])
        if r.random() < taxes / 2:
            body.append(["TXI", "ST", _price(r), *(["7.5"] if r.random() < 0.5 else [])])
        if r.random() < pids:
            body.append(["PID", "F", *(["08"] if r.random() < 0.3 else [""]), "", "", r.choice(_PRODUCTS)])
        if r.random() < 0.1:
            body.append(["PO4", str(1 + int(r.random() * 24))])
        if r.random() < references:
            body.append(["REF", r.choice(("PO", "ZZ")), order_no])
        if r.random() < allowances / 2:
            body.append(["SAC", r.choice(("A", "C")), r.choice(("C310", "F910")), "", "", "250"])
    body.append(["TDS", str(total), *([str(total - 100)] if r.random() < 0.2 else [])])
    if r.random() < taxes:
        body.append(["TXI", "ST", _price(r), "7.5"])
    if sometimes():
        body.append(["CAD", "M", "", "", r.choice(_CARRIERS)])
    if r.random() < allowances:
        body.append(["SAC", "C", "D240", "", "", str(int(r.random() * 9999))])
    if sometimes():
        body.append(["ISS", str(lines), "CT", str(lines * 20), "LB"])
    return [*body, ["CTT", str(lines)]] if r.random() < 0.9 else body


@dataclass(slots=True)
class Levels:
    """HL segments of a ship notice: each gets the next number, and its parent is told it has children."""

    body: list[Segment]
    count: int = 0

    def add(self, parent: int, code: str, childless: bool = False) -> int:
        """Begins a level below another one, 0 for none; gives back its number."""
        self.count += 1
        self.body.append(
            ["HL", str(self.count), str(parent) if parent else "", code, "0" if childless else "1"]
        )
        return self.count


def _sscc(number: int, box: int) -> list[str]:
    return ["MAN", "GM", f"0010614{number % 100_000:05d}{box:08d}"]


def ship_notice(number: int, r: random.Random) -> list[Segment]:
    """The body of a ship notice in the one layout of `regular`, every other one with pallets."""
    shipped = _day(r, 30, 28)
    lines = 1 + int(r.random() * 25)
    levels = Levels([["BSN", "00", f"SHIP{number:08d}", shipped, "1630", "0001"]])
    body = levels.body
    shipment = levels.add(0, "S")
    body += [
        ["TD1", "CTN25", str(lines), "", "", "", "G", str(20 * lines), "LB"],
        ["TD5", "B", "2", r.choice(_CARRIERS), "M"],
        ["TD3", "TL", "", f"{int(r.random() * 900_000):06d}"],
        ["REF", "BM", f"{number:017d}"],
        ["REF", "CN", f"{int(r.random() * 999_999_999):09d}"],
        ["DTM", "011", shipped],
        ["DTM", "017", _day(r, 60, 10)],
        ["FOB", "CC"],
        ["N1", "ST", "RETAILER DC", "92", f"DC{r.choice(_CITIES)[2]}"],
        *_address(r),
        ["N1", "SF", "SUPPLIER INC", "92", "V10442"],
    ]
    place = levels.add(shipment, "O")
    body += [
        ["PRF", f"{4_500_000_000 + number}", "", "", _day(r, 0, 28)],
        ["REF", "DP", f"{10 + int(r.random() * 80):03d}"],
        ["N1", "BY", "RETAILER STORES INC", "92", "0004037"],
    ]
    above, units = place, 0
    for line in range(1, lines + 1):
        if number % 2 and line % 8 == 1:
            above = levels.add(place, "T")
            body.append(_sscc(number, 10_000 + line))
        carton = levels.add(above, "P")
        body.append(_sscc(number, line))
        quantity, item = 1 + int(r.random() * 480), int(r.random() * 90_000)
        units += quantity
        levels.add(carton, "I", childless=True)
        identifiers = ["BP", f"B{item:09d}", "VN", f"SKU-{item:05d}", "UP", f"85000{item:07d}"]
        body += [
            ["LIN", str(line), *identifiers],
            ["SN1", "", str(quantity), "EA"],
            ["PID", "F", "", "", "", f"{r.choice(_PRODUCTS)}, {r.choice(_COLORS)}"],
        ]
    return [*body, ["CTT", str(levels.count), str(units)]]


def uneven_ship_notice(number: int, r: random.Random, layout: Layout) -> list[Segment]:
    """The body of a ship notice to one retailer, in its structure and with what it asks for."""
    shares = list(layout.odds)
    odds = iter(shares)

    def sometimes() -> bool:
        return r.random() < next(odds)

    head = ["BSN", "00", f"{number:08d}", _day(r, 30, 28), f"{int(r.random() * 24):02d}15"]
    levels = Levels([[*head, *(["0001"] if sometimes() else [])]])
    body = levels.body

    def heading() -> None:
        if sometimes():
            body.append(["TD1", r.choice(("CTN25", "PLT94")), str(1 + int(r.random() * 90))])
        if sometimes():
            body.append(["TD5", "B", "2", r.choice(_CARRIERS), *(["M"] if r.random() < 0.5 else [])])
        if sometimes():
            body.append(["TD3", "TL", "", f"{int(r.random() * 900_000):06d}"])
        for q in ("BM", "CN", "BX", "LO"):
            if r.random() < 0.5:
                body.append(["REF", q, f"{q}{int(r.random() * 99_999)}"])
        body.append(["DTM", "011", _day(r, 30, 20)])
        if sometimes():
            body.append(["DTM", "017", _day(r, 60, 20)])
        if sometimes():
            body.append(["FOB", r.choice(("CC", "PP"))])
        for role in ("ST", *(["SF"] if sometimes() else [])):
            named = layout.name if r.random() < 0.6 else ""
            body.extend([["N1", role, named, "92", layout.buyer], *_address(r, 0.5)])

    def content(code: str) -> None:
        item, quantity = int(r.random() * 90_000), 1 + int(r.random() * 480)
        match code:
            case "O":
                body.append(
                    ["PRF", f"{layout.leading}{number:07d}", *(["", "", _day(r, 0, 28)] * (r.random() < 0.5))]
                )
                if r.random() < shares[10]:
                    body.append(["REF", "DP", f"{10 + int(r.random() * 80):03d}"])
                if r.random() < shares[11]:
                    body.append(["N1", "BY", "", "92", f"{int(r.random() * 9999):04d}"])
            case "I":
                body.append(
                    ["LIN", str(levels.count) if r.random() < 0.7 else "", *_identifiers(r, layout, item)]
                )
                ordered = ["", str(quantity), "EA"] if r.random() < 0.3 else []
                body.append(["SN1", "", str(quantity), r.choice(_UNITS), *ordered])
                if r.random() < shares[12]:
                    body.append(["PO4", str(1 + int(r.random() * 24))])
                if r.random() < shares[13]:
                    body.append(["PID", "F", "", "", "", r.choice(_PRODUCTS)])
                if r.random() < 0.1:
                    body.append(["REF", "LT", f"LOT{item}"])
                if r.random() < 0.1:
                    body.append(["DTM", "036", _day(r, 300, 200)])
            case _:
                body.append(_sscc(number, levels.count))
                if code == "P" and r.random() < 0.2:
                    body.append(["MAN", "CP", f"1Z{item:010d}"])

    def grow(parent: int, structure: str) -> None:
        code, rest = structure[0], structure[1:]
        for _ in range(1 + int(r.random() * (3 if code in "OT" else 5))):
            own = levels.add(parent, code, childless=not rest)
            content(code)
            if rest:
                grow(own, rest)

    shipment = levels.add(0, "S")
    heading()
    grow(shipment, layout.structure[1:])
    return [*body, ["CTT", str(levels.count)]]


def _at(body: list[Segment], name: str) -> Segment:
    return next(segment for segment in body if segment[0] == name)


Mistake = Callable[[list[Segment]], None]


def _set(name: str, element: int, value: str) -> Mistake:
    def change(body: list[Segment]) -> None:
        _at(body, name)[element] = value

    return change


def _without(name: str) -> Mistake:
    return lambda body: body.remove(_at(body, name))


def _unknown(body: list[Segment]) -> None:
    body.insert(3, ["ZZZ", "1"])


def _too_early(name: str) -> Mistake:
    return lambda body: body.insert(2, body.pop(body.index(_at(body, name))))


def _level(code: str, element: int, value: str) -> Mistake:
    def change(body: list[Segment]) -> None:
        next(segment for segment in body if segment[:1] == ["HL"] and segment[3] == code)[element] = value

    return change


@dataclass(frozen=True, slots=True)
class Kind:
    """One transaction set: its functional group, how its bodies are made, and what goes wrong with them."""

    group: str
    regular: Callable[[int, random.Random], list[Segment]]
    irregular: Callable[[int, random.Random, Layout], list[Segment]]
    mistakes: tuple[Mistake, ...]


SETS = {
    "850": Kind(
        "PO",
        order,
        uneven_order,
        (
            _set("BEG", 5, "20260231"),  # no such day
            _set("BEG", 3, "4500000000-TOO-LONG-FOR-THIS"),
            _set("BEG", 1, "ZQ"),  # code not in the list
            _set("PO1", 2, "12X"),  # not a number
            _set("PO1", 7, ""),  # a qualifier without its identifier
            _set("N1", 4, ""),  # the same in another segment
            _without("BEG"),
            _unknown,
            _too_early("DTM"),
            _set("CTT", 1, "99"),
        ),
    ),
    "810": Kind(
        "IN",
        invoice,
        uneven_invoice,
        (
            _set("BIG", 1, "20260231"),
            _set("BIG", 2, "INV000000-TOO-LONG-FOR-THIS"),
            _set("BIG", 7, "QQ"),
            _set("IT1", 2, "12X"),
            _set("IT1", 7, ""),
            _set("N1", 4, ""),
            _without("TDS"),
            _unknown,
            _too_early("DTM"),
            _set("CTT", 1, "99"),
        ),
    ),
    "856": Kind(
        "SH",
        ship_notice,
        uneven_ship_notice,
        (
            _set("BSN", 3, "20260231"),
            _set("BSN", 2, "SHIP00000000-WHICH-IS-TOO-LONG-FOR-THIS"),
            _set("BSN", 1, "ZQ"),
            _set("SN1", 2, "12X"),
            _set("LIN", 3, ""),
            _level("P", 2, "999"),  # no such parent
            _level("I", 1, "1"),  # a number that is taken
            _unknown,
            _without("BSN"),
            _set("CTT", 1, "99"),
        ),
    ),
}


def bodies(profile: str, seed: int = 1, set_id: str = "850") -> Iterator[list[Segment]]:
    """Document after document, without end.

    Args:
        profile: one of `PROFILES`.
        seed: the same seed gives the same documents.
        set_id: one of `SETS`.
    """
    r = random.Random(seed)
    kind = SETS[set_id]
    layouts = [Layout(number, r) for number in range(1, 21)]
    number = 0
    while True:
        number += 1
        if profile == "irregular":
            yield kind.irregular(number, r, r.choice(layouts))
            continue
        body = kind.regular(number, r)
        if profile == "bad5" and number % BAD_SHARE == 0:
            kind.mistakes[number // BAD_SHARE % len(kind.mistakes)](body)
        yield body


def write(
    target: BinaryIO,
    *,
    profile: str,
    set_id: str = "850",
    seed: int = 1,
    size: int | None = None,
    documents: int | None = None,
) -> int:
    """Write one interchange and give back the number of its transaction sets.

    Args:
        target: where to write to; nothing but appending is asked of it.
        size: stop after the first transaction set that reaches so many bytes.
        documents: stop after so many transaction sets, whichever comes first.
    """
    written = target.write(
        b"ISA*00*          *00*          *ZZ*RETAILERHUB    *ZZ*SUPPLIER       "
        b"*260105*0830*U*00401*000000001*0*P*>~"
        + f"GS*{SETS[set_id].group}*RETAILERHUB*SUPPLIER*20260105*0830*1*X*004010~".encode("ascii")
    )
    count = 0
    for body in bodies(profile, seed, set_id):
        count += 1
        control = f"{count:04d}"
        text = "~".join(["*".join(segment).rstrip("*") for segment in body])
        written += target.write(f"ST*{set_id}*{control}~{text}~SE*{len(body) + 2}*{control}~".encode("ascii"))
        if (documents is not None and count >= documents) or (size is not None and written >= size):
            break
    target.write(f"GE*{count}*1~IEA*1*000000001~".encode("ascii"))
    return count


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write X12 documents, the same for the same arguments.")
    parser.add_argument("--set", choices=SETS, default="850", help="transaction set")
    parser.add_argument("--profile", choices=PROFILES, default="regular")
    parser.add_argument("--megabytes", type=float, default=10.0, help="least size, 1 MB = 1,000,000 bytes")
    parser.add_argument("--documents", type=int, help="number of transaction sets instead of a size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="file to write; standard output without it")
    options = parser.parse_args()
    size = None if options.documents else int(options.megabytes * 1_000_000)
    made = partial(
        write,
        profile=options.profile,
        set_id=options.set,
        seed=options.seed,
        size=size,
        documents=options.documents,
    )
    if options.output is None:
        made(sys.stdout.buffer)
        return
    with options.output.open("wb") as target:
        count = made(target)
    print(f"{options.output}: {options.output.stat().st_size:,} bytes, {count:,} documents", file=sys.stderr)


if __name__ == "__main__":
    main()
