"""The settings of ``alerts.yaml``: who is told what, when and how often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from gateway.documents import KINDS
from gateway.notify.events import EVENTS, SEVERITIES
from gateway.partners.agreement import checked_name, setting
from gateway.partners.as2 import chosen
from gateway.partners.webhook import Email, Webhook

LOG = "log"
"""The target that is always there."""


@setting
class Target:
    """Somebody who can be told, by mail or by a webhook. name: for rules."""

    name: str
    email: Email | None = None
    webhook: Webhook | None = None

    def __post_init__(self) -> None:
        if checked_name(self.name) == LOG:
            raise ValueError("the target log is always there, and needs no settings")
        if bool(self.email) == bool(self.webhook):
            raise ValueError(f"target {self.name}: write either email or webhook")

    @property
    def terms(self) -> Email | Webhook:
        """The one that is written."""
        found = self.email or self.webhook
        assert found is not None
        return found


@setting
class Quiet:
    """Hours in which nothing is told. since, until: as ``22:00``, also across midnight."""

    since: str
    until: str

    def __post_init__(self) -> None:
        if _clock(self.since) == _clock(self.until):
            raise ValueError("quiet: since and until must differ")

    def ends(self, now: datetime, zone: ZoneInfo) -> datetime:
        """When it may be told: now, or the end of the quiet hours, UTC."""
        since, until, local = _clock(self.since), _clock(self.until), now.astimezone(zone)
        at = local.time()
        if not (since <= at < until if since < until else at >= since or at < until):
            return now
        return _next(now, [until], zone)


@setting
class Escalation:
    """Who is told as well. after_minutes: without an acknowledgment since it was told last. to: targets."""

    after_minutes: float
    to: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.after_minutes <= 10_080 or not self.to:
            raise ValueError("escalate: after_minutes is 1 to 10080 (a week), and to names targets")


@setting
class Rule:
    """What is told to whom.

    Attributes:
        name: its own. to: targets.
        events: names, with ``*`` for any part. severity: the least that counts.
        partners, documents: only of these; empty for all.
        zone: of all times, as ``Europe/Berlin``. quiet: when nothing is told; it waits for their end.
        digest_minutes: what happens in so many minutes is told together. digest_at: or until these times.
        critical_at_once: whether what is critical waits for neither.
        repeat_minutes: the same thing is not told again for so long.
        escalate: one after the other.
    """

    name: str
    events: tuple[str, ...]
    to: tuple[str, ...]
    severity: str = "info"
    partners: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    zone: str = "UTC"
    quiet: Quiet | None = None
    digest_minutes: int = 0
    digest_at: tuple[str, ...] = ()
    critical_at_once: bool = False
    repeat_minutes: float = 60
    escalate: tuple[Escalation, ...] = ()

    def __post_init__(self) -> None:
        checked_name(self.name)
        chosen("severity", (self.severity,), SEVERITIES)
        chosen("documents", self.documents, KINDS)
        chosen("events", (one for one in self.events if not _fits_any(one)), EVENTS)
        if not self.events or not self.to:
            raise ValueError("events and to must name something")
        try:
            ZoneInfo(self.zone)
        except (KeyError, OSError, ValueError):
            raise ValueError(f"zone {self.zone!r} is not known: write it as Europe/Berlin") from None
        for one in self.digest_at:
            _clock(one)
        if self.digest_minutes and self.digest_at:
            raise ValueError("write digest_minutes or digest_at, not both")
        if not 0 <= self.digest_minutes <= 1440 or len(self.escalate) > 5:
            raise ValueError("digest_minutes is 0 to 1440 (a day), and there are at most 5 escalations")
        if not 1 <= self.repeat_minutes <= 43_200:
            raise ValueError("repeat_minutes: 1 to 43200 (30 days)")

    def is_about(self, event: str, partner: str | None) -> bool:
        """Whether it tells this event of a partner; for ``documents`` see there."""
        if SEVERITIES.index(EVENTS[event].severity) < SEVERITIES.index(self.severity):
            return False
        if self.partners and partner not in self.partners:
            return False
        return any(fnmatchcase(event, one) for one in self.events)

    def due(self, now: datetime, severity: str, *, again: bool = False) -> datetime:
        """When something is told that could be told now; ``again``: to others, without a digest."""
        if severity == "critical" and self.critical_at_once:
            return now
        zone = ZoneInfo(self.zone)
        if self.digest_at and not again:
            now = _next(now, [_clock(one) for one in self.digest_at], zone)
        elif self.digest_minutes and not again:
            length = 60 * self.digest_minutes
            now += timedelta(seconds=length - now.timestamp() % length)
        return self.quiet.ends(now, zone) if self.quiet else now


@setting
class Alerts:
    """``alerts.yaml``."""

    targets: tuple[Target, ...] = ()
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        names = [one.name for one in self.targets]
        for what, known in (("target", names), ("rule", [one.name for one in self.rules])):
            if twice := [one for one in known if known.count(one) > 1]:
                raise ValueError(f"the {what} {twice[0]!r} stands twice")
        if max(len(names), len(self.rules)) > 200:
            raise ValueError("there are at most 200 targets and 200 rules")
        for rule in self.rules:
            named = (one for to in (rule.to, *(step.to for step in rule.escalate)) for one in to)
            chosen(f"rule {rule.name}: target", named, (*names, LOG))


def _fits_any(pattern: str) -> bool:
    return not re.search(r"[\[\]?]", pattern) and any(fnmatchcase(one, pattern) for one in EVENTS)


def _clock(text: str) -> time:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text, re.ASCII):
        raise ValueError(f"{text!r} is no time: write hours and minutes, as 07:30")
    return time.fromisoformat(text)


def _next(now: datetime, times: Sequence[time], zone: ZoneInfo) -> datetime:
    """The first of these times of a day after now, UTC.

    A time that there are two of on the day of a change counts twice; one that there is not comes as much
    later as the clocks are set forward.
    """
    today, found = now.astimezone(zone).date(), list[datetime]()
    for local in (
        datetime.combine(today + timedelta(days=days), one, zone) for days in range(3) for one in times
    ):
        first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        found += [first, max(first, second)]
    return min(one for one in found if one > now)
