"""What must be done until when, and which document does it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import case, exists, func, or_, select, update

from gateway.errors import NotFoundError
from gateway.store import tables as t
from gateway.store.records import DELIVERED, INBOUND, Document, as_text

if TYPE_CHECKING:
    from gateway.store.sql import Store

_E, _K, _M = t.expectations.c, t.document_keys.c, t.messages.c
_OPENER, _ANSWER, _CARRIER = t.documents.alias(), t.documents.alias(), t.messages.alias()
_A, _O, _X = _ANSWER.c, _OPENER.c, t.deliveries.c
_KEYS = 500
"""Numbers of a document that are looked for at once."""

IS_THERE = or_(
    exists().where(_A.id == _E.answer, _A.direction == INBOUND),
    exists().where(_A.id == _E.answer, _CARRIER.c.id == _A.sent_in, _CARRIER.c.delivery == DELIVERED),
)
"""Whether what answers is at the partner, or came from it."""

_SENT_AT = select(func.max(_X.at)).where(_X.message_id == _A.sent_in, _X.state == DELIVERED).scalar_subquery()
_THERE_AT = select(func.coalesce(_SENT_AT, _A.created_at)).where(_A.id == _E.answer).scalar_subquery()


@dataclass(frozen=True, slots=True)
class Deadline:
    """An expectation that somebody must be told of; ``number`` is that of its document.

    Attributes:
        due_at: as the store keeps times.
        answered_at: when what meets it was at the partner; None if it is not.
    """

    seq: int
    kind: str
    message_id: str
    document_id: str | None
    partner: str
    number: str
    due_at: str
    answered_at: str | None


class Deadlines:
    """The deadlines of a store, reached as ``store.deadlines``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(
        self,
        kind: str,
        document: Document,
        due: datetime,
        next_at: datetime,
        answer: str | None = None,
        about: str = "",
    ) -> None:
        """Says until when a document must be answered; ``next_at``: when somebody is to be told of that.

        Args:
            about: a number in the document that it is about, where it is not about all of it.
        """
        message = document.message_id
        self._store.expect(kind, message, due, next_at, document_id=document.id, answer=answer, about=about)

    def about(self, kind: str, partner: str, numbers: Sequence[str]) -> list[tuple[int, str, str, str]]:
        """Number, subject, due time and state of those of a partner about these numbers, also ended ones."""
        found = select(_E.seq, _E.about, _E.due_at, _E.state).join(_OPENER, _O.id == _E.document_id)
        where = (_E.kind == kind, _O.partner == partner, t.has_subject, _E.about.in_(numbers))
        return [(row[0], row[1], row[2], row[3]) for row in self._store._read(found.where(*where))]

    def of(self, kind: str, document: Document) -> list[int]:
        """Those that wait for a document like this: of the same partner, about one of its numbers."""
        found = select(_E.seq).join(t.document_keys, _K.document_id == _E.document_id)
        found = found.where(
            _E.kind == kind, _E.state.in_(("open", "overdue")), _K.partner == document.partner
        )
        values = sorted({value for _, value in document.keys})
        seqs: set[int] = set()
        for start in range(0, len(values), _KEYS):
            some = found.add_columns(_K.kind, _K.value).where(_K.value.in_(values[start : start + _KEYS]))
            about = self._store._read(some)
            seqs |= {int(row[0]) for row in about if (row[1], row[2]) in document.keys}
        return sorted(seqs)

    def answer(self, seqs: Collection[int], document_id: str) -> None:
        """Says which document meets them, once it is at the partner; the first one counts."""
        mine = (_E.seq.in_(seqs), _E.answer.is_(None))
        self._store._execute(update(t.expectations).where(*mine).values(answer=document_id))

    def move(self, seqs: Collection[int], due: datetime, next_at: datetime) -> None:
        """Says anew until when."""
        values = {"due_at": as_text(due), "next_at": as_text(next_at), "state": "open"}
        self._store._execute(update(t.expectations).where(_E.seq.in_(seqs)).values(values))

    def reopen(self, document_ids: Sequence[str]) -> None:
        """Takes back what documents met: they were refused, or cancelled."""
        state = case((_E.state == "met", "open"), else_=_E.state)
        values = {"answer": None, "state": state, "next_at": self._store.now()}
        self._store._execute(update(t.expectations).where(_E.answer.in_(document_ids)).values(values))

    def meet(self) -> None:
        """Ends those whose answer is at the partner; one that came late stays late in the audit."""
        on_time = or_(_E.state == "overdue", _E.due_at > self._store.now())
        mine = update(t.expectations).where(t.answered, on_time, IS_THERE)
        self._store._execute(mine.values(state="met"))

    def ripe(self, limit: int) -> list[Deadline]:
        """Those of which somebody must be told now, the most urgent first."""
        number = func.coalesce(func.nullif(_E.about, ""), _O.number, _M.name, "")
        partner = func.coalesce(_O.partner, _M.partner, "")
        columns = (_E.seq, _E.kind, _E.message_id, _E.document_id, partner, number, _E.due_at)
        found = select(*columns, case((IS_THERE, _THERE_AT)))
        found = found.join_from(t.expectations, t.messages, _M.id == _E.message_id, isouter=True)
        found = found.join(_OPENER, _O.id == _E.document_id, isouter=True)
        found = found.where(_E.state == "open", _E.next_at <= self._store.now()).order_by(_E.due_at)
        return [Deadline(*row) for row in self._store._read(found.limit(limit))]

    def cancel(self, seq: int) -> tuple[str, str, str]:
        """Ends one that nobody needs to look at; its kind, message and document. Raises NotFoundError."""
        mine = (_E.seq == seq, _E.state.in_(("open", "overdue")), _E.document_id.isnot(None))
        found = self._store._read(select(_E.kind, _E.message_id, _E.document_id).where(*mine))
        if not found:
            raise NotFoundError(f"There is no deadline {seq} of a document that is not met.")
        self.told(seq, "cancelled", None)
        return found[0][0], found[0][1], found[0][2]

    def told(self, seq: int, state: str, next_at: datetime | None) -> None:
        """Says where it stands when somebody was told, and when the next time is."""
        values = {"state": state, "next_at": as_text(next_at) if next_at else None}
        self._store._execute(update(t.expectations).where(_E.seq == seq).values(values))
