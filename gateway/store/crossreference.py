"""What partners call items and places: the rows that are kept, and those that names may stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, func, literal, or_, select, text, tuple_

from gateway.errors import RefusedError
from gateway.partners.crossreference import Key, Kind, Row
from gateway.store import tables as t

if TYPE_CHECKING:
    from gateway.store.sql import Store

_ASKED = 500
"""Names that are asked for at once."""


class CrossReference:
    """The rows of a kind, reached as ``store.crossreferences[kind.name]``."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store, self._kind = store, kind
        self._table: Table = t.metadata.tables[f"{kind.name}s"]
        self._columns = [self._table.c[one] for one in kind.columns]

    def lock(self) -> None:
        """Keeps others from changing rows until the transaction ends, so that what was looked at stays."""
        if self._store.engine.dialect.name == "postgresql":  # SQLite has one writer as it is
            self._store.connection.execute(text(f"LOCK TABLE {self._table.name} IN SHARE ROW EXCLUSIVE MODE"))

    def rows(self, partner: str | None = None) -> list[Row]:
        """All rows, or those of a partner (empty: those for all), in the order of partner, number and day."""
        where = [] if partner is None else [self._table.c.partner == partner]
        order = (self._table.c.partner, self._table.c[self._kind.own], self._table.c.since)
        return self._select(select(*self._columns).where(*where).order_by(*order))

    def page(
        self,
        wanted: str,
        partner: str | None,
        partners: Collection[str] | None,
        after: tuple[str, str, str] | None,
        limit: int,
    ) -> list[Row]:
        """Rows in that order with a text in them, of a partner and of those somebody may see.

        Args:
            partners: None for all. after: the identity of the row before.
        """
        c, where = self._table.c, list[ColumnElement[bool]]()
        order = (c.partner, c[self._kind.own], c.since)
        if wanted:
            where.append(
                or_(*(func.lower(one).contains(wanted.lower(), autoescape=True) for one in self._columns))
            )
        where += [] if partner is None else [c.partner == partner]
        where += [] if partners is None else [c.partner.in_(partners)]
        where += [] if after is None else [tuple_(*order) > tuple_(*map(literal, after))]
        return self._select(select(*self._columns).where(*where).order_by(*order).limit(limit))

    def find(self, keys: Collection[Key], partners: Collection[str] | None = None) -> list[Row]:
        """Rows with one of the names, whenever they hold; of these partners, or of any."""
        c, found = self._table.c, dict[tuple[str, str, str], Row]()
        mine = [] if partners is None else [c.partner.in_(partners)]
        for name in sorted({one for one, _ in keys}):
            values = sorted({value for one, value in keys if one == name})
            for some in (values[place : place + _ASKED] for place in range(0, len(values), _ASKED)):
                for column in self._kind.columns_of((name, "")):  # one by one: an index serves each
                    for row in self._select(select(*self._columns).where(c[column].in_(some), *mine)):
                        found.setdefault(self._kind.identity(row), row)
        return list(found.values())

    def like(self, start: str, description: str, partners: Collection[str], limit: int) -> list[Row]:
        """Rows whose number or vendor's number begins so, or which are described so."""
        c, found = self._table.c, list[Row]()
        likes: list[ColumnElement[bool]] = []
        for column in (c[self._kind.own], c[self._kind.names[0]]) if start else ():
            # An index serves the range, which holds enough in every collation.
            within = and_(column >= start, column <= f"{start}zzz")
            likes.append(and_(within, func.substr(column, 1, len(start)) == start))
        if description and "description" in c:
            likes.append(func.lower(c.description) == description.lower())
        mine = func.coalesce(c.partner, "").in_(partners)  # not by an index, which would find far more
        for one in likes:  # one by one, as above
            found += self._select(select(*self._columns).where(mine, one).limit(limit))
        return found[:limit]

    def save(self, rows: Iterable[Row]) -> None:
        """Adds rows, or puts them in the place of those with the same identity."""
        made = {"updated_at": self._store.now(), "actor": self._store.actor}
        values = [row | made for row in rows]
        new = self._store.upsert(self._table)
        columns = ["partner", self._kind.own, "since"]
        changed = {one: new.excluded[one] for one in values[0] if one not in columns} if values else {}
        if values:
            self._store._execute(new.on_conflict_do_update(index_elements=columns, set_=changed), values)

    def remove(self, row: Row) -> None:
        """Raises RefusedError if it is not there."""
        c, identity = self._table.c, ("partner", self._kind.own, "since")
        mine = delete(self._table).where(*(c[one] == row[one] for one in identity))
        if self._store._execute(mine).rowcount != 1:
            raise RefusedError("The row was changed meanwhile.")

    def _select(self, statement: Select[Any]) -> list[Row]:
        return [
            {str(key): str(value) for key, value in row._mapping.items()} for row in self._read(statement)
        ]

    def _read(self, statement: Select[Any]) -> Sequence[Any]:
        return self._store._read(statement)
