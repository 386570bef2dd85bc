"""SSCCs: serials are given once, and none is used for another unit while its last use is not long past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from gateway.errors import RefusedError
from gateway.partners.gs1 import REUSE_DAYS, Gs1Prefix
from gateway.store import tables as t

if TYPE_CHECKING:
    from gateway.store.sql import Store

_S, _N = t.ssccs.c, t.control_numbers
_FREED = "-"
"""Before the name of a shipment that counts no more: another may use its SSCCs, and it still could."""

_ROWS, _LOOKED = 500, 10_000
"""Rows written, and serials looked at, by one statement."""


class Ssccs:
    """The SSCCs of a store, reached as ``store.ssccs``; all but :meth:`of` within a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, prefix: Gs1Prefix, count: int) -> list[str]:
        """New ones; after the last serial the first follows. Raises RefusedError if too few are free."""
        store, highest, left = self._store, prefix.serials - 1, prefix.serials - prefix.first
        known = {"partner": prefix.prefix, "kind": f"sscc-{prefix.extension}"}
        # Whoever else takes serials of the prefix waits here until this transaction ends.
        row = store.upsert(_N).values(**known, last=prefix.first - 1)
        row = row.on_conflict_do_update(index_elements=[*known], set_={"last": _N.c.last})
        last, found, size = int(store._execute(row.returning(_N.c.last)).scalar_one()), list[str](), count
        while len(found) < count and left > 0:
            start = last + 1 if prefix.first <= last + 1 <= highest else prefix.first
            some = [prefix.sscc(one) for one in range(start, min(start + size, start + left, highest + 1))]
            between = _S.sscc.between(some[0], some[-1])
            used = {
                row[0] for row in store._read(select(_S.sscc).where(between, _S.used_on >= self._long_past()))
            }
            free = [one for one in some if one not in used][: count - len(found)]
            at = some.index(free[-1]) if len(found) + len(free) == count else len(some) - 1
            found, last, left, size = found + free, start + at, left - at - 1, min(size * 10, _LOOKED)
        if len(found) < count:
            raise RefusedError(
                f"Only {len(found)} of {count} SSCCs are free: the others of the prefix {prefix.prefix} were "
                f"used in the last {REUSE_DAYS} days. Add another prefix or extension digit."
            )
        store._execute(
            update(_N).where(*(_N.c[name] == one for name, one in known.items())).values(last=last)
        )
        if self.use(dict.fromkeys(found, ""), ""):
            raise RefusedError("A shipment took one of these SSCCs a moment ago; try again.")
        store.audit("sscc.given", prefix=prefix.prefix, count=count, first=found[0], last=found[-1])
        return found

    def use(self, units: Mapping[str, str], shipment: str) -> dict[str, tuple[str, str]]:
        """Says that a shipment uses SSCCs, and for which of its units, today.

        Returns:
            Those that another shipment uses, or used not long ago, with the day and the shipment.
        """
        refused: dict[str, tuple[str, str]] = {}
        day, names = self._store.now()[:10], sorted(units)
        new = self._store.upsert(t.ssccs)
        free = or_(_S.shipment.startswith(_FREED), _S.used_on < self._long_past())
        mine = or_(_S.shipment.in_(("", shipment)), free)
        values = {name: new.excluded[name] for name in ("used_on", "shipment", "unit")}
        for start in range(0, len(names), _ROWS):
            some = names[start : start + _ROWS]
            rows = [{"sscc": one, "used_on": day, "shipment": shipment, "unit": units[one]} for one in some]
            used = new.values(rows).on_conflict_do_update(index_elements=["sscc"], set_=values, where=mine)
            taken = {row[0] for row in self._store._execute(used.returning(_S.sscc))}
            if others := [one for one in some if one not in taken]:
                found = select(_S.sscc, _S.used_on, _S.shipment).where(_S.sscc.in_(others))
                refused |= {row[0]: (row[1], row[2]) for row in self._store._read(found)}
        return refused

    def of(self, shipment: str) -> dict[str, str]:
        """The SSCCs of a shipment by its units."""
        mine = _S.shipment.in_((shipment, _FREED + shipment))
        return {row[0]: row[1] for row in self._store._read(select(_S.unit, _S.sscc).where(mine))}

    def release(self, shipment: str) -> None:
        """Lets other shipments use those of one that counts no more."""
        self._store._execute(
            update(t.ssccs).where(_S.shipment == shipment).values(shipment=_FREED + shipment)
        )

    def _long_past(self) -> str:
        return (self._store._clock().date() - timedelta(days=REUSE_DAYS)).isoformat()
