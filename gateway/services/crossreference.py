"""What partners call items and places: rows are kept, documents get the names, and what waits goes on.

A document from a partner keeps what the partner wrote, and gets what our own system calls it beside that. Of
one whose items must be known the delivery waits (its message is acknowledged all the same), and goes on as
soon as the rows say it can: whoever changes rows wakes it in the same transaction. What our own system sends
with its own numbers alone gets those of the partner in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from difflib import get_close_matches
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import orjson
from sqlalchemy import Connection

from gateway.errors import DocumentError, Location, NotFoundError, Problem, RefusedError, Severity
from gateway.partners.crossreference import (
    ITEM,
    KINDS,
    LOCATION,
    Key,
    Kind,
    Row,
    Wrong,
    clashes,
    gtin,
    identity_of,
    meant,
)
from gateway.partners.partner import Partner
from gateway.services.base import Services, job_of
from gateway.services.problems import problem
from gateway.store import queries
from gateway.store.crossreference import CrossReference
from gateway.store.records import Delivery, Document
from gateway.store.sql import Store

BATCH = 100
"""Documents that are looked at in one transaction."""

_IDS = {"vendor_sku": "vendor_sku", "asin": "asin", "upc": "gtin", "ean": "gtin", "gtin14": "gtin"}
"""Identifiers of an item by which it is looked up, and the column each stands in."""

_SCHEMES = {"code": "buyer_assigned", "san": "san", "gln": "gln"}
"""How a document says of what kind a name of a place is."""

_MANY = 1000
"""So many rows are compared with all that are there: that is quicker than to look for each."""

_ANSWERS = 200
"""Acknowledgments that are asked which items are obsolete."""

_OBSOLETE = ("rejected_obsolete", "obsolete", "ObsoleteProduct")

_EXACT = Context(prec=200)
_SUGGESTED = 3
_TOLD = 20
"""Unknown names of a document for which others are suggested."""

_ASKED = 3
"""Unknown names of a page for which others are suggested."""

_COMPARED = 2000
"""Rows among which a number is looked for that is nearly the same."""


# --- rows ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Saved:
    """What came of rows: each is in one of the lists."""

    added: list[Row] = field(default_factory=list)
    changed: list[tuple[Row, Row]] = field(default_factory=list)
    unchanged: list[Row] = field(default_factory=list)


def save(
    services: Services,
    kind: Kind,
    rows: Sequence[tuple[int, Row]],
    wrong: Sequence[Wrong] = (),
    *,
    dry_run: bool = False,
    new: bool = False,
) -> Saved:
    """Adds rows, or puts them in the place of those with the same partner, number and first day.

    Args:
        rows: each with the number by which a mistake in it is told. wrong: mistakes found already.
        dry_run: only look what would be done. new: none of them may be there.

    Raises:
        DocumentError: with every mistake; nothing was changed.
        RefusedError: one is there.
    """
    table, partners, saved = services.store.crossreferences[kind.name], services.settings.partners, Saved()
    found, seen = list(wrong), dict[tuple[str, str, str], int]()
    for number, row in rows:
        if (named := row["partner"]) and named not in partners:
            near = partners.nearest(named)
            advice = f"; did you mean {near}?" if near else ""
            found.append(Wrong(number, "partner", f"is no file in partners/{advice}", named))
        if (first := seen.setdefault(kind.identity(row), number)) != number:
            words = f"stands in row {first} already, with the same partner and first day"
            found.append(Wrong(number, kind.own, words, row[kind.own]))
    with services.store.transaction():
        table.lock()
        whose = {row["partner"] for _, row in rows}
        if len(rows) < _MANY:
            there = table.find({key for _, row in rows for key in kind.keys(row)}, whose)
        else:
            there = [row for partner in whose for row in table.rows(partner)]
        old = {kind.identity(row): row for row in there}
        if not found:
            kept = [row for identity, row in old.items() if identity not in seen]
            found += clashes(kind, rows, kept)
        if found:
            raise DocumentError("No row was taken.", problems=tuple(_problem(one) for one in sorted(found)))
        if new and not seen.keys().isdisjoint(old):
            raise RefusedError("There is a row with this partner, number and first day: change that one.")
        for _, row in rows:
            before = old.get(kind.identity(row))
            if before is None:
                saved.added.append(row)
            elif before == row:
                saved.unchanged.append(row)
            else:
                saved.changed.append((before, row))
        if not dry_run and (saved.added or saved.changed):
            table.save([*saved.added, *(row for _, row in saved.changed)])
            for row in saved.added:
                _told(services.store, kind, "added", row)
            for before, row in saved.changed:
                changes = [f"{one} {before[one]!r} -> {row[one]!r}" for one in row if row[one] != before[one]]
                _told(services.store, kind, "changed", row, changes)
            services.enqueue([job_of_waiting()])
    return saved


def row_of(services: Services, kind: Kind, row_id: str) -> Row:
    """The row of an id (:meth:`Kind.id_of`). Raises NotFoundError."""
    try:
        partner, own, since = identity_of(row_id)
        found = services.store.crossreferences[kind.name].find({(kind.own, own)}, {partner})
        return next(one for one in found if one["since"] == since)
    except (ValueError, StopIteration):
        raise NotFoundError(f"There is no such {kind.name}.") from None


def obsolete(connection: Connection, partners: frozenset[str] | None) -> dict[str, Any]:
    """Items of which the latest acknowledgments say that there will be none any more.

    Returns:
        For each of their numbers the acknowledgment (a row of the list of documents), the newest.
    """
    asked: dict[str, Any] = {"document_type": "purchase_order_acknowledgment", "direction": "out"}
    rows = queries.documents(connection, queries.Wanted(**asked, partners=partners, limit=_ANSWERS)).rows
    bodies = queries.bodies(connection, [one["id"] for one in rows])
    found: dict[str, Any] = {}
    for one in rows:
        for line in bodies.get(one["id"], {}).get("lines", ()):
            said = [str(two.get(name)) for two in line.get("responses", ()) for name in ("code", "reason")]
            if any(word in _OBSOLETE for word in said):
                for number in (line.get("ids") or {}).values():
                    found.setdefault(str(number), one)
    return found


def remove(
    services: Services, kind: Kind, own: str, partner: str, since: str | None, *, dry_run: bool = False
) -> Row:
    """Removes a row; ``since`` tells which of several. Raises NotFoundError or RefusedError."""
    store = services.store
    table = store.crossreferences[kind.name]
    with store.transaction():
        found = [row for row in table.find({(kind.own, own)}, {partner}) if since in (None, row["since"])]
        whose = partner or "all partners"
        if not found:
            raise NotFoundError(f"There is no {kind.name} {own} of {whose}.")
        if len(found) > 1:
            days = ", ".join(sorted(row["since"] or "ever" for row in found))
            raise RefusedError(
                f"The {kind.name} {own} of {whose} has several rows, since {days}: say --since."
            )
        if not dry_run:
            table.remove(found[0])
            _told(store, kind, "removed", found[0])
            services.enqueue([job_of_waiting()])  # it may have contradicted another
    return found[0]


def _told(store: Store, kind: Kind, what: str, row: Row, said: Sequence[str] = ()) -> None:
    known = ("partner", kind.own, "since")
    words = [*said] or [f"{one} {value}" for one, value in row.items() if value and one not in known]
    facts: dict[str, Any] = {one: row[one] for one in known[1:] if row[one]}
    store.audit(f"{kind.name}.{what}", partner=row["partner"] or None, **facts, row=words)


def _problem(one: Wrong) -> Problem:
    column = f", column {one.column}" if one.column else ""
    value = f" {one.value!r}" if one.value else ""
    words = {"place": f"Row {one.row}{column}" if one.row else f"The column {one.column}", "what": one.words}
    return problem("HOME-ROW", Location(line=one.row or None), value=one.value or None, shown=value, **words)


# --- documents -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name in a document that stands for nothing, or not for one thing.

    Attributes:
        pointer: where it stands. place: the same in words. names: as the document has them.
        keys: by what was looked for. why: what is wrong, if it is not simply unknown.
        description: the item in words, as the document has it.
        blocks: whether the document must not go on.
    """

    kind: Kind
    pointer: str
    place: str
    names: dict[str, str]
    keys: tuple[Key, ...]
    why: str
    description: str
    blocks: bool

    @property
    def words(self) -> str:
        """Which item or place of which line."""
        return f"{self.kind.name} {_shown(self.names)} ({self.place}{self.why and f': {self.why}'})"


def fill(store: Store, partner: Partner, document: dict[str, Any], day: str, *, ours: bool) -> list[Unknown]:
    """Fills names into a document; returns what could not be.

    Args:
        ours: whether it is from our own system, and gets names of the partner for its own.
    """
    if partner.items.mode == partner.locations.mode == "off":
        return []
    items, places = list[_Named](), list[_Named]()
    for at, place, node in _objects(document):
        if partner.items.mode != "off" and isinstance(ids := node.get("ids"), dict):
            items.append(_Named(ITEM, f"{at}/ids", place, node, _item_keys(ids, ours)))
        parties = node.get("parties") if partner.locations.mode != "off" else None
        for number, one in enumerate(parties if isinstance(parties, list) else ()):
            if isinstance(one, dict) and (keys := _party_keys(one, ours)):
                places.append(_Named(LOCATION, f"{at}/parties/{number}", place, one, keys))
    unknown: list[Unknown] = []
    for kind, named, settle in ((ITEM, items, _settle_item), (LOCATION, places, _settle_party)):
        table = store.crossreferences[kind.name]
        rows = table.find({key for one in named for key in one.keys}, {partner.id, ""}) if named else []
        by_key: dict[Key, list[Row]] = {}
        for row in rows:
            for key in kind.keys(row):
                by_key.setdefault(key, []).append(row)
        for one in named:
            some = [row for key in one.keys for row in by_key.get(key, ())]
            unknown += settle(one, meant(kind, some, one.keys, day), partner, ours)
    return unknown


@dataclass(frozen=True, slots=True)
class _Named:
    """An object of a document that names an item or a place."""

    kind: Kind
    pointer: str
    place: str
    node: dict[str, Any]
    keys: tuple[Key, ...]

    def unknown(self, names: dict[str, str], why: str, blocks: bool) -> Unknown:
        known = (self.kind, self.pointer, self.place, names, self.keys)
        return Unknown(*known, why, str(self.node.get("description", "")), blocks)


def _objects(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every object with its pointer and, in words, the line it belongs to."""
    left: list[tuple[str, str, Any]] = [("", "the document", document)]
    for at, place, node in left:
        if isinstance(node, list):
            left += [(f"{at}/{number}", place, one) for number, one in enumerate(node)]
        elif isinstance(node, dict):
            here = f"line {node['line_no']}" if node.get("line_no") else place
            yield at, here, node
            inner = ((name, one) for name, one in node.items() if isinstance(one, dict | list))
            left += [(f"{at}/{name}", here, one) for name, one in inner if name != "extensions"]


def _item_keys(ids: dict[str, Any], ours: bool) -> tuple[Key, ...]:
    if ours and ids.get("erp_sku"):
        return (("erp_sku", str(ids["erp_sku"])),)
    keys = []
    for name, column in _IDS.items():
        if value := ids.get(name):
            with suppress(ValueError):  # what is no GTIN is found by its other names
                keys.append((column, gtin(str(value)) if column == "gtin" else str(value)))
    return tuple(keys)


def _party_keys(party: dict[str, Any], ours: bool) -> tuple[Key, ...]:
    if ours and party.get("erp_ship_to"):
        return (("erp_ship_to", str(party["erp_ship_to"])),)
    if not party.get("id"):
        return ()
    column = next((one for one, scheme in _SCHEMES.items() if scheme == party.get("id_scheme")), "code")
    return ((column, str(party["id"])),)


def _why(found: list[Row], kind: Kind) -> str:
    return f"its numbers stand for {' and '.join(row[kind.own] for row in found)}" if len(found) > 1 else ""


def _settle_item(one: _Named, found: list[Row], partner: Partner, ours: bool) -> Iterator[Unknown]:
    ids, is_required = one.node["ids"], partner.items.mode == "require"
    shown = {name: str(value) for name, value in ids.items()}
    sku = ids.pop("erp_sku", None) if ours else None
    own = one.node.pop("erp_quantity", None) if ours else None
    if len(found) != 1:
        is_nameless = bool(sku) and not ids
        yield one.unknown(shown, _why(found, ITEM), is_required or is_nameless)
        return
    (row,) = found
    if ours:
        if not ids:
            ids |= _ids_of(row)
        return
    ids["erp_sku"] = row["erp_sku"]
    own, why = _own_quantity(row, one.node.get("quantity") or one.node.get("quantity_ordered"))
    if own:
        one.node["erp_quantity"] = own
    if why:
        yield one.unknown(shown, why, is_required)


def _ids_of(row: Row) -> dict[str, str]:
    """The names a partner has for an item."""
    found = {name: row[name] for name in ("vendor_sku", "asin") if row[name]}
    if number := row["gtin"] or row["case_gtin"]:
        name, length = (
            ("upc", 12) if number.startswith("00") else ("ean", 13) if number[0] == "0" else ("gtin14", 14)
        )
        found[name] = number[-length:]
    return found


def _own_quantity(row: Row, quantity: Any) -> tuple[dict[str, str] | None, str]:
    """A quantity as our own system counts it, or why that cannot be said."""
    value, uom = (
        (quantity.get(one) for one in ("value", "uom")) if isinstance(quantity, dict) else (None, None)
    )
    if not row["unit"] or not value or not uom:
        return None, ""
    if uom == row["unit"]:
        return {"value": value, "uom": uom}, ""
    if uom == row["partner_unit"]:
        number = _EXACT.multiply(Decimal(value), Decimal(row["pack"]))
        return {"value": f"{number:f}", "uom": row["unit"]}, ""
    return None, f"it is counted in {uom}, and its row says nothing of that unit"


def _settle_party(one: _Named, found: list[Row], partner: Partner, ours: bool) -> Iterator[Unknown]:
    party, send = one.node, partner.locations.send
    shown = {name: str(party[name]) for name in ("id_scheme", "id", "erp_ship_to", "name") if party.get(name)}
    own = party.pop("erp_ship_to", None) if ours else None
    is_nameless = bool(own) and not party.get("id")
    lacks = (
        f"it has no {send}"
        if len(found) == 1 and is_nameless and not found[0][send]
        else _why(found, LOCATION)
    )
    if len(found) != 1 or lacks:
        is_required = partner.locations.mode == "require" and party.get("role") == "ship_to"
        yield one.unknown(shown, lacks, is_required or is_nameless)
    elif not ours:
        party["erp_ship_to"] = found[0]["erp_ship_to"]
    elif is_nameless:
        party |= {"id_scheme": _SCHEMES[send], "id": found[0][send]}


def _shown(names: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in names.items()) or "without a number"


def problems(store: Store, partner: Partner, unknown: Iterable[Unknown]) -> Iterator[Problem]:
    """What is unknown as problems; what may go on is only a remark."""
    for number, one in enumerate(unknown):
        code = "HOME-UNKNOWN-ITEM" if one.kind is ITEM else "HOME-UNKNOWN-LOCATION"
        like = suggestions(store, partner.id, one) if number < _TOLD else ()
        near = "; ".join(f"{found['own']} ({found['why']})" for found in like)
        words = {"place": one.place[0].upper() + one.place[1:], "names": _shown(one.names)}
        words |= {"why": f": {one.why}" if one.why else " is not known"}
        words |= {"near": f" Perhaps it is {near}." if near else ""}
        value = next(iter(one.names.values()), None)
        found = problem(code, Location(pointer=one.pointer), value=value, **words)
        yield found if one.blocks else replace(found, severity=Severity.INFO)


def suggestions(
    store: Store, partner: str, unknown: Unknown, find: Callable[[set[Key]], list[Row]] | None = None
) -> list[dict[str, str]]:
    """Rows that may be meant, with the reason. ``find``: what is asked for those with the same name."""
    kind, table = unknown.kind, store.crossreferences[unknown.kind.name]
    found: dict[str, dict[str, str]] = {}

    def add(row: Row, why: str) -> None:
        whose = row["partner"] or "all partners"
        found.setdefault(row[kind.own], {"own": row[kind.own], "partner": whose, "why": why})

    for row in (find or table.find)(set(unknown.keys)):
        same = next(name for name, value in unknown.keys if (name, value) in kind.keys(row))
        add(row, f"same {same} of {row['partner'] or 'all partners'}")
    own_names = [value for name, value in unknown.keys if name in (kind.own, kind.names[0])]
    partners = [partner, ""]
    for value in own_names:
        rows = table.like(value[:3], "", partners, _COMPARED)
        near = {one: row for row in rows for one in (row[kind.own], row[kind.names[0]]) if one}
        for one in get_close_matches(value, near, n=_SUGGESTED, cutoff=0.75):
            add(near[one], "same number" if one == value else f"like {one}")
    if unknown.description:
        for row in table.like("", unknown.description, partners, _SUGGESTED):
            add(row, "same description")
    return list(found.values())[:_SUGGESTED]


# --- what waits ------------------------------------------------------------------------------------------


def job_of_waiting(message_id: str = "") -> str:
    """The key of the job that looks whether the documents of a message, or all that wait, can go on.

    A message that begins to wait has one as well: what it waits for may have been added meanwhile.
    """
    return f"waits:{message_id}" if message_id else "waits"


HELD = "approval of "
"""So begins what a document waits for that a rule stopped; rows do not let it go on."""


def waits(unknown: Iterable[Unknown]) -> str:
    """What a document waits for, in words; empty if for nothing."""
    return "; ".join(one.words for one in unknown if one.blocks)


def go_on(services: Services, message_id: str = "") -> int:
    """Lets documents be delivered whose items and places are known by now; returns how many."""
    store, count = services.store, 0
    for some in _batches(store, message_id):
        with store.transaction():
            for delivery in some:
                count += _goes_on(services, delivery)
            services.payloads.flush()
    return count


def _batches(store: Store, message_id: str = "") -> Iterator[list[Delivery]]:
    after = 0
    while some := store.waiting_deliveries(BATCH, after, message_id):
        after = some[-1].seq
        yield some


def _goes_on(services: Services, delivery: Delivery) -> bool:
    if delivery.error.startswith(HELD):
        return False
    store, looked = services.store, _looked_at(services, delivery)
    if looked is None:
        return False
    body, document, unknown = looked
    if words := waits(unknown):
        if words[:500] != delivery.error:
            store.wait_for(delivery, words)
        return False
    form = services.erp.outlet(document.document_type, document.test)
    if form is None or delivery.channel not in (form.channel.channel, form.channel.outlet):
        store.wait_for(delivery, f"a form of {document.document_type} for {delivery.channel}")
        return False
    try:
        content = form.write(body, None, lambda _: None)
    except DocumentError as error:
        store.wait_for(
            delivery, f"a file that can be written: {error.problems[0].message if error.problems else error}"
        )
        return False
    filled, payload = orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n", delivery.payload
    if content is None and payload is None and filled != document.body:
        content = filled  # what was read stays as it is
    if content is not None:
        payload, _ = services.payloads.put(BytesIO(content))
    if store.go_on(delivery, payload):
        facts = {
            "document_type": document.document_type,
            "number": document.number,
            "waited_for": delivery.error,
        }
        named = {"payload": payload} if payload else {}
        known = {"document_id": document.id, "partner": document.partner}
        store.audit("document.continues", delivery.message_id, **known, **facts, **named)
        services.enqueue([job_of(delivery.owner)])
    return True


def _looked_at(
    services: Services, delivery: Delivery
) -> tuple[dict[str, Any], Document, list[Unknown]] | None:
    """The filled document of a delivery, how it is kept, and what is unknown in it."""
    document = services.store.document(str(delivery.document_id))
    partner = services.settings.partners.get(document.partner)
    if partner is None or document.body is None:
        return None
    body = orjson.loads(document.body)
    return body, document, fill(services.store, partner, body, today(services), ours=False)


class _Ahead:
    """A table in which much is looked for: at first it is only noted what, and then looked for at once."""

    def __init__(self, kind: Kind) -> None:
        self._kind, self._asked, self._found = kind, set[Key](), dict[Key, list[Row]]()

    def find(self, keys: set[Key], partners: Collection[str] | None = None) -> list[Row]:
        self._asked |= keys
        rows = [row for key in sorted(keys) for row in self._found.get(key, ())]
        some = (row for row in rows if partners is None or row["partner"] in partners)
        return list({id(row): row for row in some}.values())

    def look(self, table: CrossReference) -> None:
        """Looks for what was noted."""
        for row in table.find(self._asked):
            for key in self._kind.keys(row):
                self._found.setdefault(key, []).append(row)


def _all_looked_at(
    services: Services, kind: Kind, some: Sequence[Delivery]
) -> Iterator[tuple[Delivery, Document, Unknown, _Ahead]]:
    """What of a kind is unknown in documents that wait, with as few questions to the store as can be."""
    store, day = services.store, today(services)
    documents = {one.id: one for one in store.documents([str(one.document_id) for one in some])}
    tables = {name: _Ahead(one) for name, one in KINDS.items()}
    ahead = cast("Store", SimpleNamespace(crossreferences=tables))
    for is_known in (False, True):
        for delivery in some:
            document = documents.get(str(delivery.document_id))
            partner = services.settings.partners.get(document.partner) if document else None
            if document and document.body is not None and partner:
                told = fill(ahead, partner, orjson.loads(document.body), day, ours=False)
                for one in told if is_known else ():
                    if one.kind is kind and one.blocks:
                        yield delivery, document, one, tables[kind.name]
        if not is_known:
            tables[kind.name].look(store.crossreferences[kind.name])


def unknown(
    services: Services, kind: Kind, partners: Collection[str] | None = None, most: int | None = None
) -> list[dict[str, Any]]:
    """The items or places that documents wait for, oldest first, each with its documents and suggestions.

    Args:
        partners: only what concerns these; None for all.
        most: hundreds of deliveries that are looked at; then the oldest names alone have suggestions.
    """
    found: dict[Any, dict[str, Any]] = {}
    store = services.store
    for some in _batches(store) if most is None else [store.waiting_deliveries(BATCH * most)]:
        for delivery, kept, one, table in _all_looked_at(services, kind, some):
            if partners is not None and kept.partner not in partners:
                continue
            key, about = (kept.partner, *one.names.items(), one.why), {"message_id": delivery.message_id}
            if key not in found:
                near = (
                    suggestions(store, kept.partner, one, table.find)
                    if most is None or len(found) < _ASKED
                    else []
                )
                found[key] = {
                    "partner": kept.partner,
                    "names": one.names,
                    "columns": dict(one.keys),
                    "why": one.why or "not known",
                    "description": one.description,
                    "since": delivery.planned_at,
                    "suggestions": [row for row in near if partners is None or row["partner"] in partners],
                    "documents": [],
                }
            about |= {"document_type": kept.document_type, "number": kept.number, "id": kept.id}
            found[key]["documents"].append({**about, "place": one.place, "pointer": one.pointer})
    return list(found.values())


def rows_of_item(services: Services, partner: Partner, ids: Mapping[str, Any]) -> list[Row]:
    """The rows that an item of a document may stand for today."""
    keys = _item_keys(dict(ids), ours=bool(ids.get("erp_sku")))
    return _rows(services, ITEM, partner, keys)


def rows_of_place(services: Services, partner: Partner, party: Mapping[str, Any]) -> list[Row]:
    """The same of the place of a party."""
    return _rows(services, LOCATION, partner, _party_keys(dict(party), ours=bool(party.get("erp_ship_to"))))


def _rows(services: Services, kind: Kind, partner: Partner, keys: tuple[Key, ...]) -> list[Row]:
    found = services.store.crossreferences[kind.name].find(set(keys), {partner.id, ""})
    return meant(kind, found, keys, today(services))


def today(services: Services) -> str:
    """The day that counts for what holds: that of the work, in UTC."""
    return f"{services.clock():%Y-%m-%d}"
