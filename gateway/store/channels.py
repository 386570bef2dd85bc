"""How channels are: whether they work, since when not, and whether a person paused them."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from sqlalchemy import Select, select

from gateway.store import tables as t
from gateway.store.gauges import WAITING
from gateway.store.records import OPEN, Channel

if TYPE_CHECKING:
    from gateway.store.sql import Store

_C, _D = t.channels.c, t.deliveries.c
_COLUMNS = [_C[one.name] for one in fields(Channel)]


def paused() -> Select[tuple[object]]:
    """The names of channels that are paused, for a condition."""
    return select(_C.channel).where(_C.paused_at != "")


class Channels:
    """The channels of a store, reached as ``store.channels``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, Channel]:
        """Those of which anything is known, by name."""
        return {row.channel: Channel(*row) for row in self._store._read(select(*_COLUMNS))}

    def get(self, name: str) -> Channel:
        """One of them. Within a transaction nobody else changes it until that ends."""
        one = select(*_COLUMNS).where(_C.channel == name)
        found = self._store._read(one.with_for_update() if self._store.is_writing else one)
        return Channel(*found[0]) if found else Channel(name)

    def change(self, name: str, **values: str | int) -> None:
        """Notes what is new of one."""
        added = self._store.upsert(t.channels).values({**asdict(Channel(name)), **values})
        self._store._execute(added.on_conflict_do_update(index_elements=["channel"], set_=values))

    def waiting(self) -> dict[str, int]:
        """How many files are still to be delivered, by channel."""
        return {str(name): int(number) for name, number in self._store._read(WAITING)}

    def owners(self, name: str) -> list[str]:
        """To what the files belong that are still to be delivered to one."""
        found = select(_D.owner).where(_D.state.in_(OPEN), _D.channel == name).distinct()
        return [str(row[0]) for row in self._store._read(found)]
