"""Remittances by their trace numbers, their parts, and accounts: our invoices and what else is netted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Connection, Select, delete, func, or_, select, update

from gateway.errors import NotFoundError
from gateway.reconciliation.profile import KINDS
from gateway.reconciliation.remittance import Part, plain
from gateway.store import tables as t
from gateway.store.queries import within

if TYPE_CHECKING:
    from gateway.store.sql import Store

COUNTED, HELD, NOTICE = "counted", "held", "notice"
"""States of a remittance."""

Row: TypeAlias = dict[str, Any]

QUEUE = ("unclassified", "unexplained")
"""Kinds of parts that a person has to look at."""

_R, _P, _A = t.remittances.c, t.remittance_parts.c, t.accounts.c
_OWN = ("line", "place", "ref", "root", "kind", "step", "why")
_ASKED = 500
_EMPTY = {one.name: "" for one in _A if one.name != "seq"}
_ALL = select(t.remittance_parts, _R.trace, _R.paid_on, _R.currency, _R.state, _R.document_id, _R.message_id)
_ALL = _ALL.join(t.remittances, _R.seq == _P.remittance)


class Remittances:
    """Reached as ``store.remittances``; what changes something is called in a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._saves: dict[tuple[str, ...], Any] = {}  # to make a statement costs more than to run it

    def lock(self, partner: str) -> None:
        """Lets one at a time reconcile a partner, until its transaction ends; SQLite has one writer."""
        if self._store.engine.dialect.name == "postgresql":
            self._store.connection.execute(select(func.pg_advisory_xact_lock(4714, func.hashtext(partner))))

    def get(self, partner: str, trace: str) -> Row | None:
        """The remittance of a trace number."""
        found = self._rows(select(t.remittances).where(_R.partner == partner, _R.trace == trace))
        return found[0] if found else None

    def put(self, known: Mapping[str, Any], parts: Sequence[Part]) -> None:
        """Adds a remittance, or puts it in the place of the one with its trace number.

        What a person said of a part stays with one that is the same.
        """
        store, new = self._store, self._store.upsert(t.remittances)
        changed = new.on_conflict_do_update(index_elements=["partner", "trace"], set_=dict(known))
        seq = int(store._execute(changed.returning(_R.seq), known).scalar_one())
        mine = _P.remittance == seq
        said = self._rows(select(t.remittance_parts).where(mine, _P.actor != ""))
        store._execute(delete(t.remittance_parts).where(mine))
        told = {(one["line"], one["place"], one["ref"], one["amount"]): one for one in said}
        for one in parts:
            row: Row = {name: getattr(one, name) for name in _OWN}
            row |= {"remittance": seq, "partner": known["partner"], "amount": plain(one.amount), "actor": ""}
            if before := told.get((one.line, one.place, one.ref, row["amount"])):
                row |= {name: before[name] for name in ("root", "kind", "step", "why", "actor")}
            store._add(t.remittance_parts, **row)
        store.flush()

    def parts(self, *where: Any) -> list[Row]:
        """Parts with their remittances, in the order of both."""
        return self._rows(_ALL.where(*where).order_by(_P.remittance, _P.seq))

    def of_roots(self, partner: str, roots: Sequence[str]) -> list[Row]:
        """The parts that count for these accounts, or announce what will."""
        return self.parts(_P.partner == partner, _P.root.in_(roots), _R.state != HELD)

    def of(self, partner: str, trace: str) -> list[Row]:
        """The parts of a remittance."""
        return self.parts(_R.partner == partner, _R.trace == trace)

    def traces(self, partner: str, number: str) -> list[str]:
        """Remittances that may have to be read again as there is now an invoice of this number."""
        begins = (_P.ref >= number, _P.ref <= f"{number}zzz", func.substr(_P.ref, 1, len(number)) == number)
        other = or_(_P.root != number, _P.kind == "unclassified")
        meant = or_(_P.ref == number, _P.kind != "payment")
        found = select(_R.trace).join(t.remittance_parts, _R.seq == _P.remittance).distinct()
        found = found.where(_P.partner == partner, _P.actor == "", *begins, other, meant)
        return [str(row[0]) for row in self._store._read(found)]

    def announced(self, partner: str, refs: Collection[str]) -> dict[str, tuple[str, str]]:
        """Kind and root of claims that were announced under these numbers; the last one counts."""
        found: dict[str, tuple[str, str]] = {}
        for some in _some(refs):
            where = (_P.partner == partner, _P.ref.in_(some), _R.state == NOTICE, _P.kind != "unclassified")
            rows = self._rows(_ALL.where(*where).order_by(_R.paid_on, _R.trace, _P.seq))
            found |= {one["ref"]: (one["kind"], one["root"]) for one in rows}
        return found

    def naming(self, partner: str, refs: Collection[str]) -> list[str]:
        """Remittances with parts of these numbers, which are no announcements."""
        found = select(_R.trace).join(t.remittance_parts, _R.seq == _P.remittance).distinct()
        found = found.where(_P.partner == partner, _P.actor == "", _R.state != NOTICE)
        rows = (row for some in _some(refs) for row in self._store._read(found.where(_P.ref.in_(some))))
        return sorted({str(row[0]) for row in rows})

    def decide(self, seq: int, kind: str, root: str | None, reason: str) -> Row:
        """Says what a part is; returns it as it was. Raises NotFoundError."""
        found = self.parts(_P.seq == seq)
        if not found:
            raise NotFoundError(f"There is no line {seq} of a remittance. `edigw reconcile list` has them.")
        values = {"kind": kind, "why": reason, "actor": self._store.actor}
        values |= {} if root is None else {"root": root}
        self._store._execute(update(t.remittance_parts).where(_P.seq == seq).values(values))
        return found[0]

    def roots(self, partner: str) -> list[str]:
        """All accounts that there are, or should be."""
        named = select(_P.root).where(_P.partner == partner, _P.root != "")
        found = named.union(select(_A.number).where(_A.partner == partner))
        return sorted(str(row[0]) for row in self._store._read(found))

    # --- accounts ------------------------------------------------------------------------------------

    def accounts(self, partner: str, numbers: Collection[str]) -> dict[str, Row]:
        """Accounts by their numbers."""
        found: dict[str, Row] = {}
        for some in _some(numbers):
            rows = self._rows(select(t.accounts).where(_A.partner == partner, _A.number.in_(some)))
            found |= {one["number"]: one for one in rows}
        return found

    def credit_notes(self, partner: str, originals: Sequence[str]) -> list[str]:
        """Numbers of our credit notes for these invoices."""
        found = select(_A.number).where(_A.partner == partner, _A.original.in_(originals))
        return [str(row[0]) for row in self._store._read(found)]

    def hearing(self, partner: str, text: str, limit: int) -> list[tuple[str, str]]:
        """Number and words of the partner's API, of accounts where these hold a text."""
        found = select(_A.number, _A.finances).where(_A.partner == partner, _A.finances.contains(text))
        return [(row[0], row[1]) for row in self._store._read(found.order_by(_A.number).limit(limit))]

    def save(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds accounts, or changes what is said of them; each row has the same keys."""
        if not rows:
            return
        if (made := self._saves.get(names := tuple(rows[0]))) is None:
            new = self._store.upsert(t.accounts)
            changed = {name: new.excluded[name] for name in names if name not in ("partner", "number")}
            made = new.on_conflict_do_update(index_elements=["partner", "number"], set_=changed)
            self._saves[names] = made
        self._store._execute(made, [{**_EMPTY, **one} for one in rows])

    def _rows(self, query: Select[Any]) -> list[Row]:
        return [_row(row._mapping) for row in self._store._read(query)]


def _some(values: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    return (ordered[place : place + _ASKED] for place in range(0, len(ordered), _ASKED))


# --- to be looked at ---------------------------------------------------------------------------------------


def accounts(
    connection: Connection,
    partner: str,
    statuses: Sequence[str] = (),
    number: str = "",
    limit: int | None = None,
    partners: Collection[str] | None = None,
    skip: int = 0,
    due_before: str = "",
) -> list[Row]:
    """Accounts, those that are due first; of these statuses, number and partners, if they are given."""
    query = select(t.accounts).order_by(_A.due == "", _A.due, _A.partner, _A.number).limit(limit).offset(skip)
    query = query.where(*([_A.due != "", _A.due < due_before] if due_before else []))
    query = query.where(*([_A.status.in_(statuses)] if statuses else []))
    query = query.where(*within(_A.partner, partners))
    return _plain(connection, query.where(*_equal({_A.partner: partner, _A.number: number})))


def remittances(
    connection: Connection,
    partner: str,
    state: str = "",
    trace: str = "",
    limit: int | None = None,
    partners: Collection[str] | None = None,
    skip: int = 0,
) -> list[Row]:
    """Remittances, the newest first; in this state, of this trace number and partners, if they are given."""
    query = select(t.remittances).order_by(_R.paid_on.desc(), _R.seq.desc()).limit(limit).offset(skip)
    query = query.where(*within(_R.partner, partners))
    return _plain(connection, query.where(*_equal({_R.partner: partner, _R.state: state, _R.trace: trace})))


def parts(
    connection: Connection,
    partner: str,
    *,
    kinds: Iterable[str] = KINDS,
    limit: int | None = None,
    partners: Collection[str] | None = None,
    skip: int = 0,
    **of: Any,
) -> Iterator[Row]:
    """Parts with their remittances, in the order of both; ``of``: a value of a column of the part."""
    query = _ALL.where(_P.kind.in_([*kinds]), *_equal({_P.partner: partner}))
    query = query.where(*within(_P.partner, partners), *(_P[name] == value for name, value in of.items()))
    query = query.order_by(_R.paid_on, _P.remittance, _P.seq).limit(limit).offset(skip)
    for row in connection.execute(query, execution_options={"yield_per": 1000}).mappings():
        yield {**_row(row), "amount": Decimal(row["amount"])}


def _equal(asked: Mapping[Any, str]) -> list[Any]:
    return [column == value for column, value in asked.items() if value]


def _plain(connection: Connection, query: Select[Any]) -> list[Row]:
    return [_row(row) for row in connection.execute(query).mappings()]


def _row(mapping: Mapping[Any, Any]) -> Row:
    return {str(name): value for name, value in mapping.items()}
