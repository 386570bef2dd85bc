"""Rules of any document that is sent, and of the channels they go by."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.errors import Fault
from gateway.rules.own import values
from gateway.rules.rule import BLOCK, SENT, WARN, Case, Found, Node, rule
from gateway.rules.story import levels, named, party

_BASIC = r"[A-Z0-9 !\"&'()*+,\-./:;?=]*"
_CHARSETS = {
    "basic": re.compile(_BASIC),
    "extended": re.compile(_BASIC[:-2] + r"a-z%@\[\]_{}\\|<>~#$^`]*"),
}
_CODES = re.compile(
    "(type|code|role|scheme|purpose|kind|mode|structure|method|status|basis|party|change|answer|partner_id|channel)$"
)
"""Fields whose values are names of codes, and are sent as these."""


@rule("G1", SENT, BLOCK)
def required_fields(case: Case, required: dict[str, tuple[str, ...]] = {}) -> Iterator[Found]:  # noqa: B006 - never changed
    """The document is right by its model (unknown fields are refused) and has every field this partner
    wants.
    """
    for path in required.get(case.document["document_type"], ()):
        for pointer, value in values(case.document, path):
            if value is None:
                yield Found(pointer, None, f"This partner wants {path}, and {pointer} is not there.")


@rule(
    "G2",
    SENT,
    BLOCK,
    elsewhere="HOME-DUPLICATE and HOME-KEY-TAKEN, for every partner; control numbers are given once",
)
def sent_once(_: Case) -> Iterator[Found]:
    """Nothing with the same kind, partner and number was sent already, and control numbers are never used
    twice.
    """
    yield from ()


@rule("G3", SENT, BLOCK)
def characters(case: Case, charset: str = "extended") -> Iterator[Found]:
    """Texts have only characters of the set agreed with the partner, `basic` or `extended`."""
    allowed = _CHARSETS.get(charset, _CHARSETS["extended"])
    left: list[tuple[str, object]] = [("", case.document)]
    while left:
        at, value = left.pop()
        if isinstance(value, dict):
            left += [(f"{at}/{name}", one) for name, one in value.items() if name != "extensions"]
        elif isinstance(value, list | tuple):
            left += [(f"{at}/{place}", one) for place, one in enumerate(value)]
        elif isinstance(value, str) and not allowed.fullmatch(value) and not _CODES.search(at):
            wrong = next(one for one in value if not allowed.fullmatch(one))
            yield Found(
                at, value, f"{at} has the character {wrong!r}, which is not in the {charset} set of X12."
            )


@rule("G4", SENT, BLOCK)
def vendor_code(case: Case, codes: tuple[str, ...] = ()) -> Iterator[Found]:
    """The vendor code is one that is authorised for this partner; certificates are looked at when sending."""
    seller = party(case.document, "seller") or party(case.document, "vendor")
    if codes and seller and seller.get("id") not in codes:
        place = case.document["parties"].index(seller)
        words = f"The vendor code {seller.get('id')} is none of {', '.join(codes)}."
        yield Found(f"/parties/{place}/id", seller.get("id"), words)


@rule("G5", SENT, BLOCK, elsewhere="routes pin a document to the channel of its first version")
def one_channel(_: Case) -> Iterator[Found]:
    """A document is changed only over the channel that it was made in."""
    yield from ()


@rule(
    "G6",
    SENT,
    WARN,
    elsewhere="acknowledgments are expected, and overdue after acknowledged_within_hours",
    fault=Fault.PARTNER,
)
def followed_to_the_end(_: Case) -> Iterator[Found]:
    """Each document is followed until the partner has answered it, and one without an answer is told."""
    yield from ()


@rule("G7", SENT, BLOCK)
def known_items(case: Case, table: bool = False) -> Iterator[Found]:
    """Quantities in packs say how many units a pack has; with `table`, each item is in the item table."""
    for pointer, place, line in _item_lines(case.document):
        ids, name = line.get("ids") or {}, "quantity" if "quantity" in line else "quantity_ordered"
        quantity = line.get(name) or {}
        unsaid = quantity.get("uom") == "CA" and not quantity.get("pack_size")
        rows = case.known.items(ids) if ids and (table or unsaid) else ()
        if table and not rows:
            first = next(iter(ids.values()), "")
            yield Found(f"{pointer}/ids", first, f"{place}: the item {first} is not in the item table.")
        if unsaid and not any(one.get("pack") for one in rows):
            words = f"{place} is in cases (CA), and nothing says how many units a case has."
            yield Found(f"{pointer}/{name}", quantity.get("value"), words)


def _item_lines(document: Node) -> Iterator[tuple[str, str, Node]]:
    for place, line in enumerate(document.get("lines", ())):
        yield f"/lines/{place}", named(line, place).capitalize(), line
    if document["document_type"] == "ship_notice":
        for level in levels(document):
            if level.kind == "item":
                yield level.pointer, f"Item {level.pointer}", level.node
