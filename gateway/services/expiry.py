"""What ends when: certificates, API secrets, and dates that people note."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from gateway.partners.assist import Expiry
from gateway.partners.certificate import EXPIRED, covered, sending
from gateway.services.base import Services
from gateway.settings import Settings
from gateway.store.keyring import Keyring


def noted(settings: Settings) -> Iterator[tuple[str, Expiry]]:
    """What people noted, with the partner; empty for ours."""
    yield from (("", one) for one in settings.gateway.expiries)
    yield from ((partner.id, one) for partner in settings.partners.values() for one in partner.expiries)


def late(settings: Settings, whose: str) -> bool:
    """Whether certificates of a partner count after their end."""
    partner = settings.partners.get(whose)
    return bool(partner and partner.as2 and EXPIRED in partner.as2.quirks)


def tell(services: Services) -> int:
    """Tells what ends soon of what people noted, each alarm once; returns how many. In a transaction."""
    number, now = 0, services.clock()
    for partner, one in noted(services.settings):
        if days := one.alarm(now):
            key = f"{partner} {one.name} {one.ends} {days}"
            if services.store.once("expiry", key) is None:
                facts = {"name": one.name, "whose": partner or "us", "ends": str(one.ends)}
                services.store.audit("expiry.near", partner=partner or None, **facts)
                number += 1
    return number


def register(settings: Settings, keyring: Keyring, now: datetime) -> list[dict[str, Any]]:
    """All that ends, by its end.

    Of a certificate also its ``id``; whether something is sent with it now (``in_use``); and whether there
    always is another when it is over (``followed``).
    """
    plain: dict[str, Any] = {"in_use": True, "id": None, "followed": False}
    rows = [("noted", partner or "us", one.name, one.at, plain) for partner, one in noted(settings)]
    for held in keyring.groups():
        for one in held:
            expired = late(settings, one.whose)
            uses = (sending(held, one.partner, purpose, now, expired) for purpose in one.purposes)
            then = [covered(held, one.partner, purpose, now, expired) for purpose in one.purposes]
            name, ends = f"{one.certificate.name} ({', '.join(one.purposes)})", one.ends(expired)
            followed = all(end is not None and end > ends for end in then)
            more: dict[str, Any] = {"in_use": one in uses, "id": one.fingerprint, "followed": followed}
            rows.append(("certificate", one.whose, name, ends, more))
    for partner in settings.partners.values():
        secrets = [partner.sp_api.secret_ends] if partner.sp_api else []
        rows += (("secret", partner.id, "sp_api.client_secret", one, plain) for one in secrets)
    found = []
    for kind, whose, name, ends, rest in sorted(rows, key=lambda row: row[3]):
        known = {"kind": kind, "whose": whose, "name": name, "ends": ends.isoformat()}
        found.append({**known, "days_left": (ends - now).days, **rest})
    return found
