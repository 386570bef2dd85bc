"""What may be deleted when its retention is over, and the legal holds that keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, insert, or_, select, update

from gateway.errors import NotFoundError
from gateway.store import tables as t
from gateway.store.records import Message, as_text

if TYPE_CHECKING:
    from gateway.store.sql import Store


class Retention:
    """The retention of a store, reached as ``store.retention``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def expired(
        self, before: datetime, types: Mapping[str, datetime], limit: int
    ) -> list[tuple[Message, list[str]]]:
        """Messages whose bytes may be deleted, oldest first, with the types of their documents.

        Args:
            before: messages from before that time. types: the times of single types of documents.
        """
        m, d = t.messages.c, t.documents.c
        latest = as_text(max([before, *types.values()]))
        found = []
        done = m.delivery.in_(("delivered", "not_expected", "cancelled"))
        finished = and_(m.translation != "received", done, m.acknowledgment.notin_(("waiting", "overdue")))
        for message in self._store._messages(m.created_at < latest, m.erased_at.is_(None), finished):
            of = or_(d.message_id == message.id, d.sent_in == message.id)
            rows = self._store._read(select(d.document_type, d.id).where(of))
            kinds = sorted({str(row[0]) for row in rows})
            # What holds several documents, or an answer to them, is kept as long as the longest of them.
            limits = [types.get(kind, before) for kind in kinds] or [before]
            if message.created_at < min(limits) and not self._is_held(message, [str(row[1]) for row in rows]):
                found.append((message, kinds))
            if len(found) >= limit:
                break
        return found

    def _is_held(self, message: Message, documents: Sequence[str]) -> bool:
        """Whether a legal hold covers a message: everything, a partner, the message itself, or a number."""
        h, k = t.legal_holds.c, t.document_keys.c
        numbers = select(k.value).where(k.document_id.in_(documents))
        covers = or_(
            h.kind == "all",
            and_(h.kind == "partner", h.value == (message.partner or "")),
            and_(h.kind == "message", h.value == message.id),
            and_(h.kind == "number", h.value.in_(numbers)),
        )
        return bool(self._store._read(select(h.seq).where(h.released_at.is_(None), covers).limit(1)))

    def add_hold(self, kind: str, value: str, reason: str) -> int:
        """Begins a legal hold on ``all``, a ``partner``, ``message`` or ``number``; returns its number."""
        h, store = t.legal_holds, self._store
        row = {"kind": kind, "value": value, "reason": reason, "actor": store.actor, "at": store.now()}
        number = int(store._execute(insert(h).values(row).returning(h.c.seq)).scalar_one())
        store.audit("hold.added", hold=number, kind=kind, value=value, reason=reason)
        return number

    def release_hold(self, number: int, reason: str) -> None:
        """Ends a legal hold. Raises NotFoundError if it is not there or has ended."""
        h = t.legal_holds.c
        mine = [one for one in self.holds() if one["seq"] == number]
        if not mine:
            raise NotFoundError(f"There is no legal hold {number}.")
        self._store._execute(
            update(t.legal_holds).where(h.seq == number).values(released_at=self._store.now())
        )
        said = {"kind": mine[0]["kind"], "value": mine[0]["value"], "reason": reason}
        self._store.audit("hold.released", hold=number, **said)

    def holds(self) -> list[dict[str, Any]]:
        """The legal holds in force."""
        h = t.legal_holds
        found = select(h).where(h.c.released_at.is_(None)).order_by(h.c.seq)
        return [{str(name): one for name, one in row._mapping.items()} for row in self._store._read(found)]

    def erase(self, message: Message) -> list[str]:
        """Forgets bytes, documents and reports of a message; returns the payloads nobody needs any more."""
        d, x = t.documents.c, t.deliveries.c
        self._store.note(message.id, erased_at=self._store.now())
        mine = or_(d.message_id == message.id, d.sent_in == message.id)
        self._store._execute(update(t.documents).where(mine).values(body=None))
        reports = self._store._read(
            select(x.payload).where(x.message_id == message.id, x.payload.isnot(None))
        )
        payloads = {str(row[0]) for row in reports} | ({message.payload} if message.payload else set())
        payloads |= self._store.exchanges.payloads(message.id)
        return sorted(payloads - self._store.exchanges.kept(payloads))
