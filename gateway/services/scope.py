"""What an audit export is about, and which rows that are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select, true, union

from gateway.store import tables as t
from gateway.store.records import OUTBOUND, as_text

_OWN = {"invoice": "invoice", "ship_notice": "shipment"}
"""Types of documents whose own numbers others name, with the kinds of these numbers."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is exported: everything, or what fits all that is said here; times are of messages.

    What belongs to a message comes with it: what it was made from, and answers in both directions. To an
    order belong all documents that name it, and those that name its invoices and shipments.
    """

    po: str = ""
    message: str = ""
    partner: str = ""
    since: datetime | None = None
    until: datetime | None = None
    invoice: str = ""

    def __str__(self) -> str:
        said: dict[str, Any] = {"purchase order": self.po, "invoice": self.invoice, "message": self.message}
        times = {"from": self.since, "until": self.until}
        said |= {"partner": self.partner}
        said |= {key: f"{time:%Y-%m-%dT%H:%MZ}" for key, time in times.items() if time}
        return ", ".join(f"{key} {value}" for key, value in said.items() if value) or "everything"

    @property
    def by_number(self) -> bool:
        """Whether it is about an order, or the orders of an invoice."""
        return bool(self.po or self.invoice)

    def orders(self, connection: Connection) -> list[str]:
        """The numbers of the orders it is about."""
        if not self.invoice:
            return [self.po]
        k, d = t.document_keys.c, t.documents.c
        mine = select(d.id).where(d.document_type == "invoice", d.number == self.invoice)
        mine = mine.where(d.direction == OUTBOUND, d.partner == self.partner if self.partner else true())
        found = select(k.value).where(k.kind == "po", k.document_id.in_(mine)).distinct().order_by(k.value)
        return [str(one) for one in connection.execute(found).scalars()]

    def within(self, column: Any) -> Any:
        """Whether a time lies in the period."""
        since = column >= as_text(self.since) if self.since else true()
        return and_(since, column < as_text(self.until) if self.until else true())

    def rows(self, connection: Connection) -> tuple[Any, Any]:
        """The ids of its messages and of its documents, as lists or queries."""
        m, d, a = t.messages.c, t.documents.c, t.acknowledgments.c
        came_in, sent_in = select(d.message_id), select(d.sent_in).where(d.sent_in.isnot(None))
        more: list[Any] = []
        base: Any
        if self.by_number:
            documents: Any = self._documents(connection)
            of = union(came_in.where(d.id.in_(documents)), sent_in.where(d.id.in_(documents)))
            base = connection.execute(of).scalars().all()
        else:
            wanted = m.id == self.message if self.message else self.within(m.created_at)
            base = select(m.id).where(wanted, m.partner == self.partner if self.partner else true())
            more = [came_in.where(d.sent_in.in_(base)), sent_in.where(d.message_id.in_(base))]
        messages: Any = union(
            select(m.id).where(m.id.in_(base)),
            select(m.origin).where(m.id.in_(base), m.origin.isnot(None)),
            select(m.id).where(m.origin.in_(base)),
            select(a.message_id).where(a.about.in_(base)),
            *more,
        )
        if self.by_number:
            return connection.execute(messages).scalars().all(), documents
        return messages, select(d.id).where(or_(d.message_id.in_(messages), d.sent_in.in_(messages)))

    def _documents(self, connection: Connection) -> list[str]:
        """The documents that name the order, and those that name what was shipped and invoiced for it."""
        k, d = t.document_keys.c, t.documents.c
        about = and_(k.kind == "po", k.value.in_(self.orders(connection)))
        about = or_(about, and_(k.kind == "invoice", k.value == self.invoice)) if self.invoice else about
        found = select(k.document_id).where(about)
        named = connection.execute(found.where(k.partner == self.partner) if self.partner else found)
        ids = dict.fromkeys(named.scalars())
        own = select(d.partner, d.document_type, d.number).where(d.id.in_(ids), d.document_type.in_(_OWN))
        for partner, kind, number in connection.execute(own).all():
            names = and_(k.value == number, k.kind == _OWN[kind], k.partner == partner)
            ids |= dict.fromkeys(connection.execute(select(k.document_id).where(names)).scalars())
        return [*ids]

    def entries(self, connection: Connection) -> Any:
        """The condition for entries of the audit that tell of it."""
        a, (messages, documents) = t.audit.c, self.rows(connection)
        shown = a.message_id.in_(messages)
        if self.by_number:
            return and_(shown, or_(a.document_id == "", a.document_id.in_(documents)))
        if self.message:
            return shown
        whose = a.partner == self.partner if self.partner else true()
        return or_(shown, and_(a.message_id == "", self.within(a.at), whose))
