"""SSCCs of ship notices from our own system: new ones are filled in, and none is used for two units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from gateway.errors import DocumentError, Location, NotFoundError
from gateway.labels.units import twice, units
from gateway.partners.gs1 import REUSE_DAYS, sscc
from gateway.partners.partner import Partner
from gateway.services.base import Services
from gateway.services.problems import problem

_FIRST = (None, "original", "00")
_NONE: Mapping[str, str] = {}


def give(services: Services, prefix: str, count: int) -> list[str]:
    """New SSCCs for another system, in a transaction of their own. Raises NotFoundError, RefusedError."""
    found = services.settings.gs1_prefix(prefix)
    if found is None:
        raise NotFoundError(f"company.gs1_prefixes in gateway.yaml has no prefix {prefix}".rstrip() + ".")
    with services.store.transaction():
        return services.store.ssccs.take(found, count)


def settle(services: Services, partner: Partner, notice: dict[str, Any], *, test: bool, again: bool) -> None:
    """Gives cartons and pallets of a ship notice SSCCs where it wants them, and claims all that it has.

    Args:
        test: a test; what it says is not remembered, so that the same can be sent in earnest.
        again: the same file is processed once more: its units keep what they were given.

    Raises:
        DocumentError: there are none to give, or one is that of another unit.
    """
    terms, shipment = partner.labels, f"{partner.id}|{notice.get('shipment_id')}"
    names, wanted = dict[str, str](), dict[str, list[dict[str, Any]]]()
    for unit in units(notice):
        said = unit.node.get("sscc")
        if str(said or "").startswith("auto") or (not said and terms.sscc == "fill"):
            wanted.setdefault(unit.name, []).append(unit.node)
    if wanted:
        known = services.store.ssccs.of(shipment) if again and not test else {}
        missing = [one for one in wanted if one not in known]
        if missing and not again and notice.get("purpose") not in _FIRST:
            _refuse("HOME-SSCC-NONE", what="it replaces a notice whose units have SSCCs already")
        prefix = services.settings.gs1_prefix(terms.gs1_prefix)
        if missing and prefix is None:
            _refuse("HOME-SSCC-NONE", what="company.gs1_prefixes is empty")
        new = services.store.ssccs.take(prefix, len(missing)) if prefix and missing else []
        for name, number in [*known.items(), *zip(missing, new)]:
            for node in wanted.get(name, ()):
                node["sscc"], names[number] = f"00{number}", name
    if other := twice(notice):
        _refuse("HOME-SSCC-TWICE", other.pointer, str(other.node["sscc"]))
    if not test:
        claim(services, shipment, notice, names)


def claim(
    services: Services, shipment: str, notice: dict[str, Any], names: Mapping[str, str] = _NONE
) -> None:
    """Says that a shipment uses the SSCCs of its notice, some of which may have names in its file already.

    Raises:
        DocumentError: another shipment uses one.
    """
    found = {number: unit for unit in units(notice) if (number := sscc(unit.node.get("sscc")))}
    known = {number: name for name, number in services.store.ssccs.of(shipment).items()} | dict(names)
    given = {number: known.get(number) or unit.pointer for number, unit in found.items()}
    for number, (day, other) in services.store.ssccs.use(given, shipment).items():
        what = "shipment {1} for {0}".format(*other.lstrip("-").split("|", 1))
        _refuse("HOME-SSCC-USED", found[number].pointer, number, day=day, what=what, days=REUSE_DAYS)


def _refuse(code: str, pointer: str | None = None, value: str | None = None, **words: Any) -> NoReturn:
    found = problem(code, Location(pointer=pointer and f"{pointer}/sscc"), value=value, **words)
    raise DocumentError("The SSCCs of the ship notice cannot be used.", problems=(found,))
