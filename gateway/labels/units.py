"""Cartons and pallets of a ship notice, which is a tree in which a unit may stand more than once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.partners.gs1 import sscc

_LISTS = ("orders", "pallets", "cartons", "items", "levels")
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Unit:
    """A place at which a carton or pallet stands.

    Attributes:
        kind: ``carton`` or ``pallet``. node: what the notice says of it. pointer: where.
        above: what it stands in, from the notice down, and ``lists`` the names of the lists they stand in.
    """

    kind: str
    node: dict[str, Any]
    pointer: str
    above: tuple[dict[str, Any], ...]
    lists: tuple[str, ...]

    @property
    def name(self) -> str:
        """What tells it from others: its SSCC, an agreed sign such as ``auto-2``, or else where it stands."""
        said = str(self.node.get("sscc") or "auto")
        return sscc(said) or (said if said != "auto" else self.pointer)

    def around(self, name: str) -> dict[str, Any]:
        """The nearest level of such a list that it stands in; empty if there is none."""
        found = (node for node, one in zip(reversed(self.above), reversed(self.lists)) if one == name)
        return next(found, {})


def units(notice: dict[str, Any]) -> Iterator[Unit]:
    """Every carton and pallet, as often as it stands there."""
    return _below((notice,), "", ("",))


def _below(above: tuple[dict[str, Any], ...], pointer: str, lists: tuple[str, ...]) -> Iterator[Unit]:
    for name in _LISTS:
        listed = above[-1].get(name)
        for place, one in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(one, dict) and len(above) < _DEEPEST:
                where = f"{pointer}/{name}/{place}"
                if name in ("pallets", "cartons"):
                    yield Unit(name[:-1], one, where, above, lists)
                yield from _below((*above, one), where, (*lists, name))


def twice(notice: dict[str, Any]) -> Unit | None:
    """The first unit whose SSCC is that of another one.

    A unit may stand in several orders or items, but not twice in one list, not as a carton and a pallet, and
    not on two pallets.
    """
    known: dict[str, tuple[str, str | None]] = {}
    seen: set[tuple[int, str]] = set()
    for unit in units(notice):
        if number := sscc(unit.node.get("sscc")):
            what, listed = (unit.kind, sscc(unit.around("pallets").get("sscc"))), (id(unit.above[-1]), number)
            if listed in seen or known.setdefault(number, what) != what:
                return unit
            seen.add(listed)
    return None
