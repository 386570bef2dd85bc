"""What documents that are made here say of us, and dates that somebody must not forget."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from gateway.partners.certificate import ALARMS
from gateway.partners.setting import setting


@setting
class OwnParty:
    """A party as documents name it, such as where we ship from or are paid.

    Attributes:
        role: ``ship_from``, ``remit_to``, ``bill_to``, ``seller`` or another of documents.
        tax_id_type, tax_id: its registration, ``vat`` or ``gst``.
        name, street, city, state, postal_code, country: its address; country by two letters.
        id, id_scheme: its number, and whose that is, as ``buyer_assigned``, ``duns`` or ``gln``.
    """

    role: str
    name: str = ""
    id_scheme: str = "buyer_assigned"
    id: str = ""
    street: tuple[str, ...] = ()
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    tax_id_type: str = "vat"
    tax_id: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z_]{1,40}", self.role) or not (self.name or self.id):
            raise ValueError("a party has a role, as ship_from, and a name or an id")

    @property
    def document(self) -> dict[str, Any]:
        """The same as documents have it."""
        scheme = self.id_scheme if self.id else ""
        names = {"role": self.role, "name": self.name, "id_scheme": scheme, "id": self.id}
        places = ("city", "state", "postal_code", "country")
        address = {"lines": [*self.street]} | {name: getattr(self, name) for name in places}
        tax = [{"type": self.tax_id_type, "value": self.tax_id}] if self.tax_id else []
        found = names | {"address": {key: one for key, one in address.items() if one}, "references": tax}
        return {key: one for key, one in found.items() if one}


@setting
class TaxRate:
    """A tax on invoices.

    Attributes:
        type: as documents name it, ``value_added`` or ``gst``. rate: percent.
        countries: of the ship-to it is for; empty for all. skus: items it is for, in place of the rate for
            all of the same type; empty for all.
    """

    type: str
    rate: str
    countries: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{1,2}(\.\d{1,4})?|100", self.rate):
            raise ValueError(f"rate {self.rate!r}: write percent, as 19 or 5.5")


@setting
class Assist:
    """What ``edigw document acknowledge``, ``ship`` and ``invoice`` put into documents.

    Attributes:
        net_days: terms of payment of invoices whose order has none; 0 for none.
    """

    parties: tuple[OwnParty, ...] = ()
    taxes: tuple[TaxRate, ...] = ()
    net_days: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.net_days <= 365:
            raise ValueError("net_days is 0 to 365")

    @property
    def document(self) -> dict[str, Any]:
        """Arguments for what makes an invoice."""
        parties = [one.document for one in self.parties]
        return {"parties": parties, "taxes": [asdict(one) for one in self.taxes], "net_days": self.net_days}


@setting
class Expiry:
    """What ends. name: as a form W-9. ends: its last day. alarm_days: so many days before it is told."""

    name: str
    ends: date
    alarm_days: tuple[int, ...] = ALARMS

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= 100:
            raise ValueError("name: 1 to 100 characters")
        if not 1 <= len(self.alarm_days) <= 12 or not all(1 <= one <= 730 for one in self.alarm_days):
            raise ValueError("alarm_days: one to twelve numbers of 1 to 730 days")

    @property
    def at(self) -> datetime:
        """The end of its last day, UTC."""
        return datetime.combine(self.ends, time(), UTC) + timedelta(days=1)

    def alarm(self, now: datetime) -> int:
        """Which of the alarms is due, or 0."""
        return next((days for days in sorted(self.alarm_days) if self.at - now <= timedelta(days=days)), 0)
