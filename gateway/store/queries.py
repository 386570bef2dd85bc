"""Questions to the store: lists, details and search. Nothing is changed.

Rows are dictionaries with the names of the columns. Lists come in pages by ``seq``, which no change of a
status disturbs. No search index is kept: a part of a file name is looked for in the index ``messages_name``,
which holds the names in order of ``seq``; a million of them are read in a fifth of a second.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias, cast

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    collate,
    false,
    func,
    or_,
    select,
    text,
    true,
    union_all,
)

from gateway.errors import NotFoundError
from gateway.store import tables as t
from gateway.store.deadlines import IS_THERE
from gateway.store.records import APPROVAL, OUTBOUND, as_text

OWED = ("waiting", "overdue")
"""Acknowledgments that a partner still owes."""

REFUSED = ("rejected", "partial", "accepted_with_errors")
"""Acknowledgments that do not say yes to everything."""

UNPROCESSED = ("rejected", "unreadable", "unprocessed", "partly_translated", "duplicate")
"""Translations of what is in quarantine, in whole or in part."""

MAX_RELATED = 500
"""Rows of one kind in a detail or a chain; that there are more is told."""

MAX_NAMED = 10_000
"""Documents of one number that are looked at, the newest."""

MAX_PARTNERS = 100
"""Partners that are asked for one by one; of more the list is read from its end."""

MIN_START = 6
"""Characters of the beginning of an id that may stand for it."""

Row: TypeAlias = dict[str, Any]
_Condition: TypeAlias = ColumnElement[bool]

_M, _D, _K, _X = t.messages.c, t.documents.c, t.document_keys.c, t.exchanges.c
_SHOWN = {t.documents: [one for one in _D if one.name != "body"]}
_WAITS = select(t.deliveries.c.message_id).where(t.deliveries.c.state == "waits")
_HELD = select(t.documents.c.message_id).where(t.documents.c.batch.like(f"{APPROVAL}%"))
OPEN = cast("_Condition", text(f"({t.needs_somebody})"))
"""What the index ``messages_needs`` holds, in its words; of messages alone."""

_NEEDS_PERSON = or_(
    *(_M.translation == "failed", _M.delivery == "failed", _M.hold != ""), _M.id.in_(_WAITS), _M.id.in_(_HELD)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list is to hold; what is empty does not matter.

    Attributes:
        text: a number of a document, a control number, an id or its beginning, an AS2 Message-ID, a partner,
            or a part of the name of a file.
        translation, delivery, acknowledgment: statuses, any of them.
        partners: only what is of these, and nothing that has no partner; None for all.
        person: only what needs one: failed, on hold, or with a document that waits for an item or place.
        open: only what somebody has to look at, by its statuses or a hold, and nobody has closed.
        held: only what is on hold.
        since, until: from when on, and before when.
        cursor: where the page before ended.
    """

    text: str = ""
    partner: str = ""
    partners: frozenset[str] | None = None
    direction: str = ""
    document_type: str = ""
    translation: tuple[str, ...] = ()
    delivery: tuple[str, ...] = ()
    acknowledgment: tuple[str, ...] = ()
    person: bool = False
    open: bool = False
    held: bool = False
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False
    limit: int = 50
    cursor: int | None = None


class Page(NamedTuple):
    """A part of a list, and the cursor of the next one; None at the end."""

    rows: list[Row]
    cursor: int | None


def messages(connection: Connection, wanted: Wanted, *where: _Condition) -> Page:
    """A page of messages."""
    asked = ((wanted.person, _NEEDS_PERSON), (wanted.open, OPEN), (wanted.held, _M.hold != ""))
    where = (*where, *(one for is_asked, one in asked if is_asked))
    hits = _message_hits(connection, wanted.text, wanted.partners) if wanted.text else ()
    return _page(connection, t.messages, wanted, where, hits)


def documents(connection: Connection, wanted: Wanted) -> Page:
    """A page of documents without their content; names of files are not searched."""
    hits: list[_Condition] = []
    if text := wanted.text:
        carried = select(_M.id).where(or_(_M.id == text, *_numbered(text)))
        named = select(_K.document_id).where(_K.value == text)
        hits = [_D.id.in_(named), _D.message_id.in_(carried), _D.sent_in.in_(carried), _D.partner == text]
        hits += _begins(t.documents, text)
    return _page(connection, t.documents, wanted, (), hits)


def first_documents(connection: Connection, ids: Collection[str], most: int = 3) -> dict[str, list[Row]]:
    """The first documents in each of some messages, and one more if there are more."""
    columns = [_D[one] for one in ("id", "message_id", "sent_in", "document_type", "number", "test")]
    each = [
        select(*columns).where(column == one).order_by(_D.seq).limit(most + 1).subquery()
        for one in ids
        for column in (_D.message_id, _D.sent_in)
    ]
    found: dict[str, list[Row]] = {one: [] for one in ids}
    if each:
        for row in connection.execute(union_all(*(select(one) for one in each))).mappings():
            for one in {row["message_id"], row["sent_in"]} & found.keys():
                if len(found[one]) <= most and row["id"] not in [known["id"] for known in found[one]]:
                    found[one].append(dict(row))
    return found


def quarantined(connection: Connection, ids: Collection[str]) -> dict[str, Row]:
    """What the audit tells of messages that went to quarantine, the latest, by their ids."""
    a = t.audit.c
    told = select(a.message_id, a.facts).where(a.message_id.in_(ids), a.event == "file.quarantined")
    return {row.message_id: orjson.loads(row.facts) for row in connection.execute(told.order_by(a.seq))}


def acknowledgments(connection: Connection, wanted: Wanted) -> Page:
    """A page of messages we sent that are to be acknowledged, with ``due_at`` and ``words`` of what came."""
    page = messages(connection, wanted, _M.direction == OUTBOUND, _M.acknowledgment != "not_expected")
    ids = [row["id"] for row in page.rows]
    due = rows_by(connection, t.expectations, "message_id", ids)
    came = rows_by(connection, t.acknowledgments, "about", ids, wanted.partners)
    for row in page.rows:
        row["due_at"] = due_at(due.get(row["id"], ()))
        said = [line for one in came.get(row["id"], ()) for line in one["words"].splitlines()]
        row["words"] = list(dict.fromkeys(said))
    return page


def schedules(connection: Connection) -> dict[str, Row]:
    """When schedules ran last, by their names."""
    return {row["name"]: row for row in _plain(connection, select(t.schedules))}


def deadlines(
    connection: Connection,
    state: str,
    partner: str,
    limit: int,
    partners: Collection[str] | None = None,
    *,
    now: datetime | None = None,
) -> list[Row]:
    """What is expected (``open``) or late (``overdue``), by due time, with the ``orders`` it is about.

    With ``now`` it has ``seconds_left``, too.
    """
    opener, e = t.documents.alias(), t.expectations.c
    whose = func.coalesce(opener.c.partner, _M.partner)
    number = func.coalesce(func.nullif(e.about, ""), opener.c.number, _M.name)
    columns = (e.seq, e.kind, e.state, e.due_at, e.document_id, e.message_id)
    query = select(*columns, whose.label("partner"), number.label("number"))
    query = query.join_from(t.expectations, t.messages, _M.id == e.message_id, isouter=True)
    query = query.join(opener, opener.c.id == e.document_id, isouter=True)
    query = query.where(e.state == state, or_(e.answer.is_(None), ~IS_THERE))
    query = query.where(*([whose == partner] if partner else []), *within(whose, partners))
    rows = _plain(connection, query.order_by(e.due_at, e.seq).limit(limit))
    carried = rows_by(
        connection, t.documents, "sent_in", {row["message_id"] for row in rows if not row["document_id"]}
    )
    keys = keys_of(
        connection,
        {row["document_id"] for row in rows if row["document_id"]}
        | {one["id"] for some in carried.values() for one in some},
    )
    for row in rows:
        about = (
            [row["document_id"]]
            if row["document_id"]
            else [one["id"] for one in carried.get(row["message_id"], ())]
        )
        found = {key["value"] for one in about for key in keys[one] if key["kind"] == "po"}
        row["orders"] = sorted(found)[:MAX_RELATED]
        if now is not None:
            row["seconds_left"] = int((datetime.fromisoformat(row["due_at"]) - now).total_seconds())
    return rows


def entries(connection: Connection, after: int, names: Collection[str], window: int) -> tuple[list[Row], int]:
    """Entries of the audit with these events after a number, of the next so many entries; and where they end.

    They are read in the order of their numbers, in which they are committed as well.
    """
    a, last = t.audit.c, last_entry(connection)
    if after >= last:
        return [], after
    last = min(last, after + window)
    query = select(t.audit).where(a.seq > after, a.seq <= last, a.event.in_(sorted(names)))
    return _plain(connection, query.order_by(a.seq)), last


def last_entry(connection: Connection) -> int:
    """The number of the newest entry of the audit."""
    return int(connection.scalar(select(func.coalesce(func.max(t.audit.c.seq), 0))) or 0)


def due_at(expectations: Iterable[Row]) -> str | None:
    """Until when the last acknowledgment that was expected is due; None if none was."""
    return next((one["due_at"] for one in [*expectations][::-1] if one["kind"] == "acknowledgment"), None)


def within(column: Any, partners: Collection[str] | None) -> list[_Condition]:
    """What is of one of these partners; everything, if they are None.

    No index of the column serves it: it would be read for each partner to its end, and sorted.
    """
    return [] if partners is None else [func.coalesce(column, "").in_(sorted(partners))]


def _message_hits(
    connection: Connection, text: str, partners: Collection[str] | None
) -> Iterator[_Condition]:
    """Ways in which a message may be meant."""
    named = select(_K.document_id).where(_K.value == text)
    for ids in (_D.id.in_(named), *_begins(t.documents, text)):
        query = (
            select(_D.message_id, _D.sent_in)
            .where(ids, *within(_D.partner, partners))
            .order_by(_D.seq.desc())
            .limit(MAX_NAMED)
        )
        yield _M.id.in_({one for row in connection.execute(query) for one in row if one})
    yield from _numbered(text)
    yield from _begins(t.messages, text)
    yield _M.id.in_(select(_X.message_id).where(_X.as2_id.in_((text, f"<{text}>"))))
    yield _M.partner == text
    name: ColumnElement[str] = _M.name
    if connection.dialect.name == "postgresql":  # SQLite compares without case; here that is quick by bytes
        name = func.lower(collate(name, "C"))
        text = re.sub("[A-Z]+", lambda found: found[0].lower(), text)
    yield name.contains(text, autoescape=True)


def _numbered(text: str) -> Iterator[_Condition]:
    """By control number, with or without leading zeros."""
    if text.isascii() and text.isdigit():
        number = text.lstrip("0") or "0"
        yield _M.interchange == number
        yield _M.group == number


def _begins(table: Table, start: str) -> Iterator[_Condition]:
    """By an id or its beginning. An index serves the range, which holds enough in every collation."""
    if len(start) >= MIN_START:
        one = table.c.id
        yield and_(one >= start, one <= f"{start}zzz", func.substr(one, 1, len(start)) == start)


def _conditions(table: Table, wanted: Wanted) -> Iterator[_Condition]:
    for name in ("partner", "direction", "document_type"):
        if value := getattr(wanted, name):
            yield table.c[name] == value
    for name in ("translation", "delivery", "acknowledgment"):
        if values := getattr(wanted, name):
            yield table.c[name].in_(values)
    if wanted.partners is not None and wanted.partner and wanted.partner not in wanted.partners:
        yield false()
    if wanted.since:
        yield table.c.created_at >= as_text(wanted.since)
    if wanted.until:
        yield table.c.created_at < as_text(wanted.until)
    if wanted.cursor is not None:
        yield table.c.seq > wanted.cursor if wanted.oldest_first else table.c.seq < wanted.cursor


def _page(
    connection: Connection,
    table: Table,
    wanted: Wanted,
    where: Iterable[_Condition],
    hits: Iterable[_Condition],
) -> Page:
    """A page of what fulfils the conditions and, where text is searched, one of the hits.

    Each hit is asked alone, and for no more than a page: then an index serves it, which OR and IN prevent. So
    is each partner.
    """
    seq, first, partners = table.c.seq, wanted.oldest_first, None if wanted.partner else wanted.partners
    query = select(seq).order_by(seq.asc() if first else seq.desc()).limit(wanted.limit + 1)
    query = query.where(*where, *_conditions(table, wanted))
    asked: list[Any] = [query.where(hit, *within(table.c.partner, partners)) for hit in [*hits] or [true()]]
    if (
        partners
        and table is t.messages
        and not (wanted.text or wanted.person or wanted.open or len(partners) > MAX_PARTNERS)
    ):
        each = [query.where(_M.partner == one).subquery() for one in sorted(partners)]
        asked = [union_all(*(select(one.c.seq) for one in each))]
    found = {one for some in asked for one in connection.scalars(some)}
    shown = sorted(found, reverse=not first)[: wanted.limit]
    rows = {row["seq"]: row for row in rows_of(connection, table, seq.in_(shown), None)}
    return Page([rows[one] for one in shown], shown[-1] if len(found) > wanted.limit else None)


def resolve(connection: Connection, table: Table, start: str, partners: Collection[str] | None = None) -> str:
    """The id that a text is, or is the beginning of, of these partners.

    Raises:
        NotFoundError: there is none, or several.
    """
    kind, one = table.name.removesuffix("s"), table.c.id
    query = select(one).where(or_(one == start, *_begins(table, start)), *within(table.c.partner, partners))
    query = query.order_by(one != start, one).limit(4)
    ids = [str(found) for found in connection.scalars(query)]
    if not ids:
        raise NotFoundError(f"There is no {kind} {start}.")
    if ids[0] != start and len(ids) > 1:
        raise NotFoundError(f"Several {kind}s begin with {start}: {', '.join(ids[:3])}. Give more of the id.")
    return ids[0]


def message(connection: Connection, message_id: str, partners: Collection[str] | None = None) -> Row:
    """One message, by its whole id, with everything about it, of these partners.

    ``truncated`` names what there is more of than is shown. Raises NotFoundError.
    """
    mine = rows_of(connection, t.messages, and_(_M.id == message_id, *within(_M.partner, partners)))
    if not mine:
        raise NotFoundError(f"There is no message {message_id}.")
    (found,), a = mine, t.acknowledgments.c
    found["truncated"] = []
    carried = or_(_D.message_id == message_id, _D.sent_in == message_id)
    theirs = select(_D.id).where(carried, *within(_D.partner, partners))
    for name, table, where in (
        ("documents", t.documents, carried),
        ("deliveries", t.deliveries, t.deliveries.c.message_id == message_id),
        ("exchanges", t.exchanges, _X.message_id == message_id),
        ("acknowledgments", t.acknowledgments, a.about == message_id),
        ("acknowledges", t.acknowledgments, a.message_id == message_id),
        ("expectations", t.expectations, t.expectations.c.message_id == message_id),
        ("made_from_it", t.messages, _M.origin == message_id),
        ("history", t.audit, t.audit.c.message_id == message_id),
        ("routes", t.audit, and_(t.audit.c.event == "document.routed", t.audit.c.document_id.in_(theirs))),
    ):
        if partners is not None:
            if "partner" in table.c:  # what the audit says of no partner is said of the message
                where = and_(
                    where, *within(table.c.partner, [*partners, *([""] if table is t.audit else [])])
                )
            if table in (t.deliveries, t.audit):
                about = func.coalesce(table.c.document_id, "")
                where = and_(where, or_(about == "", about.in_(theirs)))
        rows = rows_of(connection, table, where)
        found[name] = rows[:MAX_RELATED]
        found["truncated"] += [name] if len(rows) > MAX_RELATED else []
    for rows, name in (
        (found["history"], "facts"),
        (found["routes"], "facts"),
        (found["exchanges"], "headers"),
    ):
        for row in rows:
            row[name] = orjson.loads(row[name])
    return found


def first_ways(
    connection: Connection,
    kind: str,
    numbers: Collection[str],
    *,
    partner: str,
    test: bool,
    direction: str,
    before: int | None = None,
) -> dict[str, str]:
    """By which way the first documents of a type with these numbers came or went; empty if nobody noted it.

    Args:
        before: only documents before this one (``seq``).
    """
    carried = _D.sent_in if direction == OUTBOUND else _D.message_id
    query = (
        select(_D.number, _M.way)
        .join(t.document_keys, _K.document_id == _D.id)
        .join(t.messages, _M.id == carried)
    )
    query = query.where(_K.value.in_(sorted(numbers)[:MAX_RELATED]), _K.partner == partner, _D.test == test)
    query = query.where(_D.document_type == kind, _D.direction == direction, _M.delivery != "cancelled")
    if before is not None:
        query = query.where(_D.seq < before)
    return {str(number): str(way) for number, way in connection.execute(query.order_by(_D.seq.desc()))}


def sent_documents(
    connection: Connection, since: datetime | None, until: datetime | None, message_id: str = ""
) -> Iterator[Row]:
    """Documents that were sent, of a time or a message, with ``body`` and ``way``, oldest first."""
    wanted, after = Wanted(direction=OUTBOUND, since=since, until=until), 0
    query = (
        select(t.documents, _M.way).join(t.messages, _M.id == _D.sent_in).order_by(_D.seq).limit(MAX_RELATED)
    )
    query = query.where(*_conditions(t.documents, wanted))
    if message_id:
        query = query.where(or_(_D.sent_in == message_id, _D.message_id == message_id))
    while rows := _plain(connection, query.where(_D.seq > after)):
        after = rows[-1]["seq"]
        for row in rows:
            yield {**row, "body": row["body"] and zlib.decompress(row["body"])}


def document(connection: Connection, document_id: str, partners: Collection[str] | None = None) -> Row:
    """One document with its keys and, as ``body``, its JSON, which is None after its retention.

    Raises:
        NotFoundError: there is none of these partners.
    """
    query = select(t.documents).where(_D.id == document_id, *within(_D.partner, partners))
    if not (found := _plain(connection, query)):
        raise NotFoundError(f"There is no document {document_id}.")
    (row,) = found
    body = row["body"] and orjson.loads(zlib.decompress(row["body"]))
    return {**row, "body": body, "keys": keys_of(connection, [document_id])[document_id]}


def recent(
    connection: Connection, events: Collection[str], partners: frozenset[str] | None, looked: int = MAX_NAMED
) -> list[Row]:
    """Entries of these events among the newest of the audit, newest first."""
    a = t.audit.c
    newest = connection.scalar(select(func.max(a.seq))) or 0
    query = select(t.audit).where(a.seq > newest - looked, a.event.in_(events), *within(a.partner, partners))
    rows = _plain(connection, query.order_by(a.seq.desc()).limit(2 * MAX_RELATED))
    return [{**row, "facts": orjson.loads(row["facts"])} for row in rows]


def bodies(connection: Connection, ids: Collection[str]) -> dict[str, Row]:
    """The content of documents, by their ids; without those whose retention is over."""
    query = select(_D.id, _D.body).where(_D.id.in_(list(ids)), _D.body.isnot(None))
    return {row.id: orjson.loads(zlib.decompress(row.body)) for row in connection.execute(query)}


def rows_of(
    connection: Connection, table: Table, where: _Condition, limit: int | None = MAX_RELATED + 1
) -> list[Row]:
    """Rows of a table, oldest first; if there are more than :data:`MAX_RELATED`, one more than that."""
    query = select(*_SHOWN.get(table, table.c)).where(where).order_by(table.c.seq).limit(limit)
    return _plain(connection, query)


def _plain(connection: Connection, query: Select[Any]) -> list[Row]:
    """Rows with keys that are strings and nothing more: that of the column "group" is not."""
    return [{str(key): value for key, value in row.items()} for row in connection.execute(query).mappings()]


def rows_by(
    connection: Connection,
    table: Table,
    column: str,
    ids: Iterable[str],
    partners: Collection[str] | None = None,
) -> dict[str, list[Row]]:
    """Rows by one of their columns, for those values; of these partners, where the table has them."""
    found: dict[str, list[Row]] = {}
    query = select(table).where(table.c[column].in_(list(ids))).order_by(table.c.seq)
    query = query if partners is None else query.where(*within(table.c.partner, partners))
    for row in _plain(connection, query):
        found.setdefault(row[column], []).append(row)
    return found


def shut_channels(connection: Connection) -> set[str]:
    """Channels that are paused, or have failed for long."""
    c = t.channels.c
    return set(connection.scalars(select(c.channel).where(or_(c.paused_at != "", c.stopped_at != ""))))


def keys_of(connection: Connection, ids: Collection[str]) -> dict[str, list[Row]]:
    """The numbers that documents are found by."""
    found: dict[str, list[Row]] = {one: [] for one in ids}
    query = select(t.document_keys).where(_K.document_id.in_(list(ids))).order_by(_K.kind, _K.value)
    for row in connection.execute(query):
        found[row.document_id].append({"kind": row.kind, "value": row.value})
    return found
