"""What was exchanged over AS2: how each message went, what its receipt says, and the proof of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import ColumnElement, select, union, update

from gateway.errors import NotFoundError, RefusedError
from gateway.store import tables as t
from gateway.store.records import ENDED, Exchange

if TYPE_CHECKING:
    from gateway.store.sql import Store

PAYLOADS = ("signed", "receipt", "wire")
"""Columns that name payloads."""

_X = t.exchanges.c
_COLUMNS = [one for one in _X if one.name != "seq"]


class Exchanges:
    """The exchanges of a store, reached as ``store.exchanges``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, exchange: Exchange) -> None:
        """Adds one; its id is new. Without a time it begins now."""
        values = {one.name: getattr(exchange, one.name) for one in fields(exchange)}
        begun = {"at": exchange.at or self._store.now(), "ended_at": exchange.ended_at}
        self._store._add(t.exchanges, **self._values(values | begun))

    def get(self, exchange_id: str) -> Exchange:
        """Raises NotFoundError."""
        if found := self._newest(_X.id == exchange_id):
            return found
        raise NotFoundError(f"There is no AS2 exchange {exchange_id}.")

    def of_delivery(self, seq: int) -> Exchange | None:
        """The newest that carries out a delivery."""
        return self._newest(_X.delivery == seq)

    def of_message(self, message_id: str) -> list[Exchange]:
        """All of a message, oldest first."""
        return self._select(select(*_COLUMNS).where(_X.message_id == message_id).order_by(_X.seq))

    def by_as2_id(self, direction: str, sender: str, receiver: str, as2_id: str) -> Exchange | None:
        """The newest with these names and this Message-ID, all exactly as on the wire."""
        return self._newest(
            _X.as2_id == as2_id, _X.direction == direction, _X.sender == sender, _X.receiver == receiver
        )

    def answering(self, limit: int) -> list[str]:
        """Ids of those whose asynchronous receipt is still to be sent, oldest first."""
        found = select(_X.id).where(_X.state == "answering").order_by(_X.seq).limit(limit)
        return [str(row[0]) for row in self._store._read(found)]

    def change(self, exchange_id: str, expected_state: str | Sequence[str], **values: Any) -> None:
        """Changes one that is in this state, or one of these; a new state says when it ended.

        Raises:
            RefusedError: it is in another state, so somebody else changed it.
        """
        expected = [expected_state] if isinstance(expected_state, str) else [*expected_state]
        self._store.flush()
        mine = update(t.exchanges).where(_X.id == exchange_id, _X.state.in_(expected))
        if self._store._execute(mine.values(self._values(values))).rowcount != 1:
            said = f"AS2 exchange {exchange_id} was changed meanwhile: it is no longer"
            raise RefusedError(f"{said} {' or '.join(expected)}.")

    def needed(self, sha256: str) -> bool:
        """Whether a message that is not erased, or a delivery or exchange of one, needs a payload."""
        return bool(self.kept([sha256]))

    def kept(self, payloads: Collection[str]) -> set[str]:
        """Those of the payloads that are :meth:`needed`."""
        m = t.messages.c
        asked = [select(m.payload).where(m.payload.in_(payloads), m.erased_at.is_(None))]
        for column in (t.deliveries.c.payload, *(_X[name] for name in PAYLOADS)):
            of = select(column).join(t.messages, m.id == column.table.c.message_id)
            asked.append(of.where(column.in_(payloads), m.erased_at.is_(None)))
        return {str(row[0]) for row in self._store._read(union(*asked))}

    def payloads(self, message_id: str) -> set[str]:
        """The payloads that the exchanges of a message name."""
        names = (getattr(one, name) for one in self.of_message(message_id) for name in PAYLOADS)
        return {one for one in names if one}

    def _values(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values as the table keeps them."""
        if "state" in values and not values.get("ended_at"):
            values["ended_at"] = self._store.now() if values["state"] in ENDED else None
        if "headers" in values:
            values["headers"] = orjson.dumps(values["headers"]).decode()
        if "error" in values:
            values["error"] = values["error"][:500]
        return values

    def _newest(self, *where: ColumnElement[bool]) -> Exchange | None:
        found = self._select(select(*_COLUMNS).where(*where).order_by(_X.seq.desc()).limit(1))
        return found[0] if found else None

    def _select(self, statement: Any) -> list[Exchange]:
        made = []
        for row in self._store._read(statement):
            headers = tuple((name, value) for name, value in orjson.loads(row.headers))
            made.append(Exchange(**{**row._mapping, "headers": headers}))
        return made
