"""What belongs to one purchase order, from the order to its payment, and what is missing of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, select

from gateway.documents import KEYS, KINDS
from gateway.store import tables as t
from gateway.store.queries import (
    MAX_NAMED,
    MAX_RELATED,
    OWED,
    Row,
    due_at,
    keys_of,
    resolve,
    rows_by,
    rows_of,
    within,
)
from gateway.store.records import APPROVAL, INBOUND, OUTBOUND

_D, _K = t.documents.c, t.document_keys.c
_UNDELIVERED = {
    "waiting": "is not delivered yet",
    "sent": "was sent, the partner's receipt is not here yet",
    "failed": "could not be delivered",
    "cancelled": "was cancelled",
}


def starts(
    connection: Connection, asked: str, partner: str = "", partners: Collection[str] | None = None
) -> list[tuple[list[str], str]]:
    """Where chains begin: documents, and the purchase order they were asked for by, if it was one.

    Of a number those of the same partner, usage and kind of number belong together; else it is an id.

    Raises:
        NotFoundError: there is none.
    """
    columns = (_D.id, _D.partner, _D.test, _D.document_type, _D.number, _K.kind)
    query = select(*columns).join(t.document_keys, _K.document_id == _D.id).order_by(_D.seq.desc())
    query = query.where(_K.value == asked, *([_D.partner == partner] if partner else []))
    query = query.where(*within(_D.partner, partners))
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in connection.execute(query.limit(MAX_RELATED)).mappings():
        groups.setdefault((row["partner"], row["test"], row["kind"]), []).append(row)
    found = []
    for (_, _, kind), rows in groups.items():
        owners = [row for row in rows if _own(row) == (kind, asked)]
        found.append(([str(row["id"]) for row in owners or rows], asked if kind == "po" else ""))
    return found or [([resolve(connection, t.documents, asked, partners)], "")]


def chain(
    connection: Connection, ids: Sequence[str], order: str = "", partners: Collection[str] | None = None
) -> Row:
    """What belongs to the purchase orders that documents of one partner are about, in order of time.

    From the numbers of the orders to whatever names them, and from the number of each of these, such as an
    invoice, to what names that. Other orders in a payment or a ship notice are not followed.

    Args:
        ids: documents. order: the number of the one purchase order that is meant, if it is one.
        partners: messages of others are left out, see :func:`starts`.

    Returns:
        ``documents``, each with its keys, the ``message`` it came with, the message it was ``sent`` in,
        its ``acknowledgments`` and until when one is due, and our ``answers`` to what came.
    """
    found = {row["id"]: row for row in rows_of(connection, t.documents, _D.id.in_(ids))}
    first = found[ids[0]]
    named = {(one["kind"], one["value"]) for keys in keys_of(connection, ids).values() for one in keys}
    orders = {("po", order)} if order else {one for one in named if one[0] == "po"}
    if not orders:  # a payment names invoices, and these name orders
        invoices = _naming(connection, first, {one for one in named if one[0] in ("invoice", "shipment")})
        orders = {
            (one["kind"], one["value"]) for row in invoices for one in row["keys"] if one["kind"] == "po"
        }
    asked = new = orders or named
    while new and len(found) <= MAX_RELATED:
        rows = [row for row in _naming(connection, first, new) if row["id"] not in found]
        found |= {row["id"]: row for row in rows}
        new = {own for row in found.values() if (own := _own(row))} - asked
        asked = asked | new
    shown = sorted(found.values(), key=lambda row: int(row["seq"]))[:MAX_RELATED]
    _decorate(connection, shown, partners)
    known = {"partner": first["partner"], "test": first["test"], "truncated": len(found) > MAX_RELATED}
    return {**known, "purchase_orders": sorted(value for _, value in orders), "documents": shown}


def called(row: Row) -> str:
    """A document in words."""
    return f"{row['document_type'].replace('_', ' ')} {row['number']}"


def gaps(told: Row, expected: Collection[str] = ()) -> Iterator[Row]:
    """What is still to come in a chain, or ``wrong`` in it, in words; ``due_at`` is until when it is due.

    Args:
        expected: types of documents that are to follow an order, as agreed with the partner.
    """
    rows: list[Row] = told["documents"]
    types = [row["document_type"] for row in rows]
    if told["purchase_orders"]:
        if "purchase_order" not in types:
            yield _gap("document", "the purchase order itself is not here", wrong=True)
        for kind in expected:
            if kind not in types:
                yield _gap("document", f"no {kind.replace('_', ' ')} yet")
    for place, row in enumerate(rows):
        carrier = row["sent"] or row["message"] or {}
        if carrier.get("hold"):
            yield _gap("hold", f"{called(row)} is on hold: {carrier['hold']}", row)
        if (row["batch"] or "").startswith(APPROVAL):
            yield _gap("hold", f"{called(row)} waits for approval of what rules say against it", row)
        elif row["batch"]:
            yield _gap("delivery", f"{called(row)} waits for others, to be sent with them", row)
        elif words := _UNDELIVERED.get(state := carrier.get("delivery", "")):
            yield _gap("delivery", f"{called(row)} {words}", row, wrong=state in ("failed", "cancelled"))
        elif row["acknowledgment"] in OWED:
            late = " and late" if row["acknowledgment"] == "overdue" else ""
            words = f"no acknowledgment yet of {called(row)}"
            yield _gap("acknowledgment", words, row, f"due{late}", wrong=bool(late))
        elif row["acknowledgment"] == "rejected" and row["document_type"] not in types[place + 1 :]:
            yield _gap("rejected", f"{called(row)} was rejected by the partner, and nothing followed", row)


def _gap(kind: str, words: str, row: Row | None = None, due: str = "", *, wrong: bool = False) -> Row:
    at = row["due_at"] if row and due else None
    words += f", {due} {at[:16].replace('T', ' ')} UTC" if at else ""
    wrong = wrong or kind in ("hold", "rejected")
    return {"kind": kind, "document_id": row and row["id"], "due_at": at, "wrong": wrong, "words": words}


def _naming(connection: Connection, like: Row, numbers: Collection[tuple[str, str]]) -> list[Row]:
    """Documents of the same partner and usage that name one of the numbers, with their keys."""
    kinds, values = ({one[place] for one in numbers} for place in (0, 1))
    query = select(_K.document_id).where(_K.value.in_(values), _K.kind.in_(kinds)).limit(MAX_NAMED)
    named = set(connection.scalars(query.where(_K.partner == like["partner"])))
    rows = rows_of(connection, t.documents, and_(_D.id.in_(named), _D.test == like["test"]))
    keys = keys_of(connection, [row["id"] for row in rows])
    for row in rows:
        row["keys"] = keys[row["id"]]
    return [row for row in rows if any((one["kind"], one["value"]) in numbers for one in row["keys"])]


def _own(row: Mapping[Any, Any]) -> tuple[str, str] | None:
    """The number that a document is known by, with its kind."""
    kind = KINDS.get(row["document_type"])
    return (KEYS[kind.number], row["number"]) if kind and kind.number else None


def _decorate(connection: Connection, rows: Sequence[Row], partners: Collection[str] | None) -> None:
    """Adds to documents what belongs to them."""
    carriers = {row[name] for row in rows for name in ("message_id", "sent_in")} - {None}
    there = rows_by(connection, t.messages, "id", carriers, partners)
    came = rows_by(connection, t.acknowledgments, "about", carriers, partners)
    due = rows_by(connection, t.expectations, "message_id", carriers)
    arrived = {row["message_id"] for row in rows if row["direction"] == INBOUND}
    made = rows_by(connection, t.messages, "origin", arrived, partners)
    keys = keys_of(connection, [row["id"] for row in rows])
    for row in rows:
        sent, about = row["sent_in"], (row["set_control"], "")
        row["keys"] = keys[row["id"]]
        row["message"], row["sent"] = (there.get(one, [None])[0] for one in (row["message_id"], sent))
        row["acknowledgments"] = [one for one in came.get(sent, ()) if one["set_control"] in about]
        row["due_at"] = due_at(due.get(sent, ()))
        row["answers"] = [one for one in made.get(row["message_id"], ()) if one["direction"] == OUTBOUND]
