"""Which certificate is used when: each has its purposes, and a time in which it counts.

What is sent is signed and encrypted with one certificate; what comes may be made with any that is not over,
as the other side changes to a new one when it likes. So a change of certificates needs no moment in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.as2.keys import Certificate, KeyPair, PrivateKey

PURPOSES = ("sign", "encrypt", "tls")
"""sign: signatures of messages and receipts, made or checked; encrypt: encrypting or decrypting; tls: our
certificate as a client of HTTPS."""

EXPIRED = "expired-certificates"
"""The quirk of partners whose certificates count after their own end, as long as was agreed."""

ALARMS = (1, 7, 14, 30, 60)
"""So many days before something is missing it is told."""


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate of a partner, or one of ours with its key.

    Attributes:
        since, until: when it is used, UTC, as agreed; its own validity counts as well.
        partner: whose it is; of ours: the only partner it is for, empty for all.
        key: of ours only.
        weak: a person said that it is used although its key is too short.
    """

    certificate: Certificate
    purposes: tuple[str, ...]
    since: datetime
    until: datetime
    added: datetime
    partner: str = ""
    key: PrivateKey | None = field(default=None, repr=False)
    weak: bool = False

    @property
    def pair(self) -> KeyPair:
        """The key with its certificate; only of ours."""
        assert self.key is not None
        return KeyPair(self.key, self.certificate)

    @property
    def whose(self) -> str:
        """``us``, or the partner's id."""
        return self.partner if self.key is None else "us"

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint

    @property
    def facts(self) -> dict[str, Any]:
        """What the audit says of it."""
        return {
            "whose": self.whose,
            "fingerprint": self.fingerprint,
            "name": self.certificate.name,
            "purposes": self.purposes,
            "since": f"{self.since:%Y-%m-%d %H:%M}",
            "until": f"{self.until:%Y-%m-%d %H:%M}",
        }

    @property
    def begins(self) -> datetime:
        """From when on it is sent with."""
        return max(self.since, self.certificate.begins)

    def ends(self, expired: bool = False) -> datetime:
        """When it is over; ``expired`` counts the agreed time alone, not the validity of the certificate."""
        return self.until if expired else min(self.until, self.certificate.ends)

    def fits(self, partner: str, purpose: str) -> bool:
        """Whether it is for something with a partner."""
        return purpose in self.purposes and self.partner in ("", partner)


def sending(
    held: Iterable[Held], partner: str, purpose: str, at: datetime, expired: bool = False
) -> Held | None:
    """The one that is signed, encrypted or connected with: the newest, those for this partner alone first."""
    found = (one for one in held if one.fits(partner, purpose) and one.begins <= at < one.ends(expired))
    return max(found, key=lambda one: (one.partner, one.begins, one.added, one.fingerprint), default=None)


def receiving(
    held: Iterable[Held], partner: str, purpose: str, at: datetime, expired: bool = False
) -> list[Held]:
    """All that what comes may be signed with or encrypted for, the newest first.

    One whose time has not begun counts: partners change early.
    """
    found = [one for one in held if one.fits(partner, purpose) and at < one.ends(expired)]
    return sorted(found, key=lambda one: one.begins, reverse=True)


def covered(
    held: Sequence[Held], partner: str, purpose: str, now: datetime, expired: bool = False
) -> datetime | None:
    """Until when there always is one to send with; None if there is none now."""
    at = now
    while one := sending(held, partner, purpose, at, expired):
        at = one.ends(expired)
    return at if at > now else None


def ending(held: Sequence[Held], now: datetime, expired: bool = False) -> Iterator[tuple[Held, int]]:
    """What ends soon, or ended, without another in its place; with which of :data:`ALARMS` it is due for.

    Args:
        held: all of ours, or all of one partner.
    """
    for one in held:
        end = one.ends(expired)
        alarm = next((days for days in ALARMS if end - now <= timedelta(days=days)), 0)
        then = [covered(held, one.partner, purpose, now, expired) for purpose in one.purposes]
        if alarm and any(found is None or found <= end for found in then):
            yield one, alarm


def rollover(held: Sequence[Held], new: Held, on: datetime, overlap: timedelta, now: datetime) -> list[Held]:
    """A change to a new certificate: it first, then those it follows, each with the time it is given.

    Args:
        held: all of ours, or all of one partner; the new one may be among them.
        on: from then on it is sent with the new one. overlap: for so long the others count afterwards.

    Raises:
        ValueError: at some time there would be none, or another; says when.
    """
    new = replace(new, since=on)
    rest = [one for one in held if one.fingerprint != new.fingerprint]
    old = [one for one in rest if one.partner == new.partner and one.ends() > now]
    old = [one for one in old if {*one.purposes} & {*new.purposes}]
    if not old:
        raise ValueError("there is none in use that it would follow; add it without a rollover")
    if new.certificate.begins > on:
        raise ValueError(f"the new one is valid from {new.certificate.begins:%Y-%m-%d %H:%M} on only")
    if new.ends() <= on:
        raise ValueError(f"the new one ends {new.ends():%Y-%m-%d %H:%M}, before it would be used")
    if later := next((one for one in old if one.begins >= on), None):
        raise ValueError(
            f"{later.fingerprint[:8]} is used from {later.begins:%Y-%m-%d %H:%M} on, not before it"
        )
    changed = [replace(one, until=min(one.until, on + overlap)) for one in old]
    after = [one for one in rest if one not in old] + [new, *changed]
    for purpose in sorted({purpose for one in (new, *old) for purpose in one.purposes}):
        end = covered(after, new.partner, purpose, now) or now
        if end < new.ends():
            raise ValueError(f"from {end:%Y-%m-%d %H:%M} on there would be none to {purpose} with")
    return [new, *changed]
