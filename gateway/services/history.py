"""Questions to the audit. Nothing is changed, and no index is kept for them but those of ids.

What has no index is looked for from the newest entry back, so many entries at a time; a checkpoint, of which
there is one in a thousand entries, tells where a time begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from gateway.errors import NotFoundError
from gateway.services import proof
from gateway.services.scope import Scope
from gateway.store import queries
from gateway.store import tables as t
from gateway.store.queries import Page, Row
from gateway.store.records import as_text
from gateway.store.verifier import GENESIS, content_hash, entry_hash

SCANNED = 200_000
"""Entries that are looked through for a page."""

_CLOCKS = timedelta(hours=1)
"""How much clocks of nodes may differ."""

_A, _C = t.audit.c, t.checkpoints.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What entries are to be of; what is empty does not matter.

    Attributes:
        event: a name, or its beginning with a star, as ``file.*``. message, document: ids.
        po: a purchase order, with all that belongs to it.
        partners: only entries of these; None for all.
        cursor: where the page before ended.
    """

    since: datetime | None = None
    until: datetime | None = None
    event: str = ""
    actor: str = ""
    partner: str = ""
    message: str = ""
    document: str = ""
    po: str = ""
    partners: frozenset[str] | None = None
    limit: int = 50
    cursor: int | None = None


def entries(connection: Connection, asked: Asked) -> Page:
    """Entries, the newest first. A page with fewer rows may have a cursor: there it is to be looked on."""
    ids = bool(asked.message or asked.document or asked.po)
    last, first = _ends(connection, asked)
    floor = first if ids else max(first, last - SCANNED)
    query = select(t.audit).where(_A.seq > floor, _A.seq <= last, *_where(connection, asked))
    rows = connection.execute(query.order_by(_A.seq.desc()).limit(asked.limit + 1)).all()
    shown = [told(row) for row in rows[: asked.limit]]
    if len(rows) > asked.limit:
        return Page(shown, shown[-1]["seq"])
    return Page(shown, floor + 1 if floor > first else None)


def told(row: Any) -> Row:
    """An entry as `edigw audit show --json` tells it."""
    entry = proof.entry_of(row)
    return {**entry._asdict(), "facts": proof.facts_of(entry.facts), "words": proof.words(entry)}


def one(connection: Connection, seq: int, partners: frozenset[str] | None) -> Row:
    """An entry with its ``hash``, that of the one ``before``, and whether it ``fits`` to it.

    Raises:
        NotFoundError: there is none of these partners.
    """
    mine = select(t.audit).where(_A.seq == seq, *queries.within(_A.partner, partners))
    row = connection.execute(mine).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no entry {seq} of the audit.")
    before = connection.execute(select(_A.hash).where(_A.seq == seq - 1)).scalar_one_or_none()
    before = GENESIS if seq == 1 else before or ""
    try:
        fits = entry_hash(before, content_hash(proof.entry_of(row))) == row.hash
    except ValueError:
        fits = False
    return {**told(row), "hash": row.hash, "before": before, "fits": fits}


def _ends(connection: Connection, asked: Asked) -> tuple[int, int]:
    """The last entry that may be meant, and the one before the first."""
    last, first = (asked.cursor or 1) - 1, 0
    if asked.cursor is None:
        last = connection.execute(select(func.max(_A.seq))).scalar_one() or 0
    if asked.until:
        late = select(func.min(_C.seq)).where(_C.at >= as_text(asked.until + _CLOCKS))
        last = min(last, connection.execute(late).scalar_one() or last)
    if asked.since:
        early = select(func.max(_C.seq)).where(_C.at < as_text(asked.since - _CLOCKS))
        first = connection.execute(early).scalar_one() or 0
    return last, first


def _where(connection: Connection, asked: Asked) -> Iterator[Any]:
    yield Scope(since=asked.since, until=asked.until).within(_A.at)
    yield from queries.within(_A.partner, asked.partners)
    for name in ("actor", "partner"):
        if value := getattr(asked, name):
            yield _A[name] == value
    if asked.event.endswith("*"):
        yield _A.event.startswith(asked.event[:-1], autoescape=True)
    elif asked.event:
        yield _A.event == asked.event
    for column, table, text in (
        (_A.message_id, t.messages, asked.message),
        (_A.document_id, t.documents, asked.document),
    ):
        if text:
            try:
                yield column == queries.resolve(connection, table, text, asked.partners)
            except NotFoundError:
                yield column == text
    if asked.po:
        yield Scope(po=asked.po, partner=asked.partner).entries(connection)
