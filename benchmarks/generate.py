"""Writes purchase orders (X12 850, release 004010) of any amount, the same bytes for the same arguments.

One interchange with one functional group, written as it is made: a file of 1 GB needs no memory. Profiles:

``regular``
    what one retailer's system sends: a single layout, 1 to 25 lines, only values differ
``irregular``
    20 retailers with habits of their own, and optional segments and elements that come and go at random
``bad5``
    ``regular`` with one mistake in every twentieth transaction set, of ten kinds in turn

Usage: ``python benchmarks/generate.py --megabytes 10 --profile irregular -o orders.edi``
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import BinaryIO

Segment = list[str]

PROFILES = ("regular", "irregular", "bad5")
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
        self.odds = [choices.choice((0.0, 0.15, 0.5, 0.85, 1.0)) for _ in range(16)]


def _day(r: random.Random, after: int, spread: int) -> str:
    return (_FIRST_DAY + timedelta(days=after + int(r.random() * spread))).strftime("%Y%m%d")


def _price(r: random.Random) -> str:
    cents = 99 + int(r.random() * 24_900)
    return f"{cents // 100}.{cents % 100:02d}"


def regular(number: int, r: random.Random) -> list[Segment]:
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


def irregular(number: int, r: random.Random, layout: Layout) -> list[Segment]:
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


def _at(body: list[Segment], name: str) -> Segment:
    return next(segment for segment in body if segment[0] == name)


def _set(name: str, element: int, value: str) -> Callable[[list[Segment]], None]:
    def change(body: list[Segment]) -> None:
        _at(body, name)[element] = value

    return change


MISTAKES: tuple[Callable[[list[Segment]], None], ...] = (
    _set("BEG", 5, "20260231"),  # no such day
    _set("BEG", 3, "4500000000-TOO-LONG-FOR-THIS"),
    _set("BEG", 1, "ZQ"),  # code not in the list
    _set("PO1", 2, "12X"),  # not a number
    _set("PO1", 7, ""),  # a qualifier without its identifier
    _set("N1", 4, ""),  # the same in another segment
    lambda body: body.remove(_at(body, "BEG")),
    lambda body: body.insert(3, ["ZZZ", "1"]),  # unknown segment
    lambda body: body.insert(2, body.pop(body.index(_at(body, "DTM")))),  # out of place
    _set("CTT", 1, "99"),
)


def bodies(profile: str, seed: int = 1) -> Iterator[list[Segment]]:
    """Order after order, without end.

    Args:
        profile: one of `PROFILES`.
        seed: the same seed gives the same orders.
    """
    r = random.Random(seed)
    layouts = [Layout(number, r) for number in range(1, 21)]
    number = 0
    while True:
        number += 1
        if profile == "irregular":
            yield irregular(number, r, r.choice(layouts))
            continue
        body = regular(number, r)
        if profile == "bad5" and number % BAD_SHARE == 0:
            MISTAKES[number // BAD_SHARE % len(MISTAKES)](body)
        yield body


def write(
    target: BinaryIO, *, profile: str, seed: int = 1, size: int | None = None, documents: int | None = None
) -> int:
    """Write one interchange and give back the number of its transaction sets.

    Args:
        target: where to write to; nothing but appending is asked of it.
        size: stop after the first transaction set that reaches so many bytes.
        documents: stop after so many transaction sets, whichever comes first.
    """
    written = target.write(
        b"ISA*00*          *00*          *ZZ*RETAILERHUB    *ZZ*SUPPLIER       "
        b"*260105*0830*U*00401*000000001*0*P*>~GS*PO*RETAILERHUB*SUPPLIER*20260105*0830*1*X*004010~"
    )
    count = 0
    for body in bodies(profile, seed):
        count += 1
        control = f"{count:04d}"
        text = "~".join(["*".join(segment).rstrip("*") for segment in body])
        written += target.write(f"ST*850*{control}~{text}~SE*{len(body) + 2}*{control}~".encode("ascii"))
        if (documents is not None and count >= documents) or (size is not None and written >= size):
            break
    target.write(f"GE*{count}*1~IEA*1*000000001~".encode("ascii"))
    return count


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Write X12 purchase orders, the same for the same arguments."
    )
    parser.add_argument("--set", choices=["850"], default="850", help="transaction set")
    parser.add_argument("--profile", choices=PROFILES, default="regular")
    parser.add_argument("--megabytes", type=float, default=10.0, help="least size, 1 MB = 1,000,000 bytes")
    parser.add_argument("--documents", type=int, help="number of transaction sets instead of a size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, help="file to write; standard output without it")
    options = parser.parse_args()
    size = None if options.documents else int(options.megabytes * 1_000_000)
    limits = {"size": size, "documents": options.documents}
    if options.output is None:
        write(sys.stdout.buffer, profile=options.profile, seed=options.seed, **limits)
        return
    with options.output.open("wb") as target:
        count = write(target, profile=options.profile, seed=options.seed, **limits)
    print(f"{options.output}: {options.output.stat().st_size:,} bytes, {count:,} orders", file=sys.stderr)


if __name__ == "__main__":
    main()
