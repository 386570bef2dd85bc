"""What people do with keys and certificates, and what they are used for with each partner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from gateway.as2.keys import Certificate
from gateway.errors import NotFoundError, RefusedError
from gateway.gateway_settings import Keys
from gateway.partners.certificate import EXPIRED, PURPOSES, Held, covered, receiving, rollover, sending
from gateway.partners.partner import Partner
from gateway.services.base import Services
from gateway.settings import KEYS, Settings
from gateway.store.keyring import OWN, Contents, Keyring, described, generate, held_of, make_password, read

SOON = timedelta(days=30)
"""What ends within it needs a person."""

_TURN = Lock()
"""Of two changes at once the second finds what the first made."""


def told(one: Held, now: datetime) -> dict[str, Any]:
    """A certificate as lists show it."""
    certificate = one.certificate
    return {
        "id": one.fingerprint,
        "whose": one.whose,
        "partner": one.partner or None,
        "purposes": one.purposes,
        "name": certificate.name,
        "from": one.since,
        "until": one.until,
        "certificate_from": certificate.begins,
        "certificate_until": certificate.ends,
        "days_left": (one.ends() - now).days,
        "key": described(certificate.key),
        "weak": one.weak,
        "added": one.added,
    }


def contents(data: bytes, password: str, *, own: bool, several: bool = False) -> Contents:
    """What the bytes of a file hold. Raises RefusedError: nothing of use, or not whose it should be."""
    found = read(data, password)
    if own and found.key is None:
        raise RefusedError(
            "There is no private key in the file, so it cannot be ours. Is it a partner's? Then name the "
            "partner (--partner P)."
        )
    if not own and found.key is not None:
        raise RefusedError(
            "There is a private key in the file. Is it ours? Then say so (--own). Is it the partner's? "
            "Nobody else should have it: ask for the certificate alone."
        )
    if len(found.certificates) > 1 and not several:
        names = "; ".join(one.name for one in found.certificates)
        raise RefusedError(f"There are several certificates in the file: {names}. Take one, or all (--all).")
    return found


def known_partner(settings: Settings, partner: str) -> None:
    """Raises NotFoundError unless there is the partner, or none is named."""
    if partner and partner not in settings.partners:
        near = settings.partners.nearest(partner)
        hint = f" Did you mean {near}?" if near else ""
        raise NotFoundError(f"There is no partner {partner!r}.{hint}")


def ready_for_own(home: Path, settings: Settings, ring: Keyring) -> None:
    """Makes the password of our keys with the first of them."""
    if not any((ring.folder / OWN).glob("*.pem")) and settings.gateway.keys == Keys():
        make_password(home / KEYS / "password")


def put(services: Services, ring: Keyring, held: Held, reason: str) -> str:
    """Keeps one and tells it in the audit, or neither if it cannot be written; returns what was done."""
    there, store = ring.find(held), services.store
    if there is not None and (there.purposes, there.facts) == (held.purposes, held.facts):
        return "Unchanged"
    event = "certificate.added" if there is None else "certificate.changed"
    with store.transaction():
        store.audit(event, partner=held.partner or None, reason=reason, **held.facts)
        (ring.add if there is None else ring.change)(held)
    return "Added" if there is None else "Changed"


def usable(found: Contents, one: Certificate, **known: Any) -> Held:
    """One of a file as it is kept; ``known`` is for `held_of`. Raises RefusedError: it cannot be used."""
    try:
        return held_of(one, found.key, **known)
    except ValueError as error:
        raise RefusedError(f"{one.name} cannot be used: {error}.") from error


def taken(
    services: Services, data: bytes, password: str, *, partner: str, own: bool, reason: str, **known: Any
) -> list[Held]:
    """Imports a file, as ``edigw cert import`` does; what is there already stays as it is.

    Raises:
        NotFoundError, RefusedError: there is no such partner, or nothing in it can be used.
    """
    known_partner(services.settings, partner)
    found, ring = contents(data, password, own=own), services.keyring
    if own:
        ready_for_own(services.home, services.settings, ring)
    result = []
    for one in found.certificates:
        held = usable(found, one, added=services.clock(), partner=partner, **known)
        if ring.find(held) is None:
            put(services, ring, held, reason)
        result.append(held)
    return result


def fresh(services: Services, name: str = "", years: int = 3, bits: int = 3072) -> Contents:
    """A new key with its certificate, which bears the company's name by default; not kept yet."""
    pair = generate(name or services.settings.gateway.company.name[:64], years, bits, services.clock())
    return Contents([pair.certificate], [], pair.key)


def made(services: Services, reason: str) -> Held:
    """A new key of ours with its certificate, for all partners, for three years."""
    ready_for_own(services.home, services.settings, services.keyring)
    found = fresh(services)
    held = usable(found, found.certificates[0], added=services.clock())
    put(services, services.keyring, held, reason)
    return held


def rolled(
    services: Services,
    found: Contents,
    on: datetime,
    days: int,
    reason: str,
    *,
    partner: str,
    weak: bool,
    purposes: Sequence[str] = (),
    among: Sequence[str] = PURPOSES,
) -> list[tuple[str, Held]]:
    """Changes to a new one on a day, with both in force around it, as ``edigw cert rollover`` does.

    Args:
        found: the new one, of :func:`contents` or :func:`fresh`; with a key it is ours.
        on: from then on it is sent with it. days: so long the others are accepted afterwards.
        purposes: by default what it allows, of ours what those before it are for; ``among``: no others.

    Returns:
        What was done with each, the new one first.

    Raises:
        NotFoundError, RefusedError: no such partner, it cannot be used, or at some time there would be none.
    """
    known_partner(services.settings, partner)
    ring, now, own = services.keyring, services.clock(), found.key is not None
    with _TURN:
        held = ring.own() if own else ring.theirs(partner)
        if own and not purposes:
            old = [one for one in held if one.partner == partner and one.ends() > now]
            purposes = [one for one in PURPOSES if any(one in each.purposes for each in old)]
        known = {"purposes": purposes, "partner": partner, "weak": weak}
        new = usable(found, found.certificates[0], added=now, **known)
        new = replace(new, purposes=tuple(one for one in new.purposes if one in among))
        if (there := ring.find(new)) is not None:
            new = replace(there, until=new.until)
        try:
            plan = rollover(held, new, on, timedelta(days=days), now)
        except ValueError as error:
            raise RefusedError(f"Nothing was changed: {error}.") from None
        # The new one first: should the rest not be done, nothing is missing.
        return [(put(services, ring, one, reason), one) for one in plan]


def named(held: Iterable[Held], start: str) -> list[Held]:
    """Those whose id begins so; several partners may have the same. Raises NotFoundError or RefusedError."""
    wanted = start.replace(":", "").lower()
    found = [one for one in held if len(wanted) >= 8 and one.fingerprint.startswith(wanted)]
    if not found:
        raise NotFoundError(f"There is no certificate {start[:100]!r}; `edigw cert list` shows the ids.")
    if len({one.fingerprint for one in found}) > 1:
        raise RefusedError(f"{start!r} is the beginning of several ids: write more of it.")
    return found


def removed(services: Services, found: Sequence[Held], reason: str) -> Held:
    """Removes the one that :func:`named` found, of ours with its key.

    Raises:
        RefusedError: several partners have it.
    """
    if len(found) > 1:
        whose = ", ".join(one.whose for one in found)
        raise RefusedError(f"{found[0].fingerprint[:16]} is there several times ({whose}): say whose.")
    (one,), store = found, services.store
    with store.transaction():
        store.audit("certificate.removed", partner=one.partner or None, reason=reason, **one.facts)
    # Last: a key that is gone does not come back, whatever happens to the entry.
    services.keyring.remove(one)
    return one


def uses(partner: Partner, ring: Keyring, now: datetime) -> Iterator[dict[str, Any]]:
    """What certificates are needed for with a partner, and what there is."""
    as2 = partner.as2
    assert as2 is not None
    own, theirs, late = ring.own(), ring.theirs(partner.id), EXPIRED in as2.quirks
    receipts = as2.receipt.mode != "none" and as2.receipt.signed
    uses = [
        ("sign messages", own, "sign", True, as2.sign != "none"),
        ("sign receipts", own, "sign", True, True),
        ("decrypt messages", own, "encrypt", False, as2.require.encrypted),
        ("encrypt messages", theirs, "encrypt", True, as2.encrypt != "none"),
        ("check signatures of messages", theirs, "sign", False, as2.require.signed),
        ("check signatures of receipts", theirs, "sign", False, receipts),
    ]
    if as2.client_certificate:
        uses.append(("connect by TLS", own, "tls", True, True))
    for use, held, purpose, sends, needed in uses:
        expired = late and held is theirs
        if sends:
            one = sending(held, partner.id, purpose, now, expired)
            found, until = [one] if one else [], covered(held, partner.id, purpose, now, expired)
        else:
            found = receiving(held, partner.id, purpose, now, expired)
            until = max((one.ends(expired) for one in found), default=None)
        yield {
            "partner": partner.id,
            "use": use,
            "needed": needed,
            "ids": [one.fingerprint for one in found],
            "until": until,
            "days_left": (until - now).days if until else None,
            "ok": not needed or (until is not None and until - now > SOON),
        }
