"""How work with a channel goes: noted where that changes, told once, and heeded before it is tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from gateway.errors import NotFoundError, RefusedError
from gateway.partners.partner import WEBHOOK, Partner
from gateway.services.base import Services, Trouble, job_of
from gateway.services.transmit import Link
from gateway.settings import Settings
from gateway.store.records import Channel, as_text

SHUT_OUT = ("SFTP-LOGIN", "SFTP-HOST-KEY", "SFTP-HOST-KEY-UNKNOWN")
"""After these it is not tried again soon: accounts get locked, and a person is needed."""

_REMOTE = ("fetch", "send")
_FIRST, _LONGEST = timedelta(minutes=1), timedelta(hours=1)
_OFTEN = timedelta(minutes=1)
"""What stays as it was is noted again after this time."""


@contextmanager
def watched(services: Services, doing: str, channel: str = "") -> Iterator[Services | None]:
    """Services with which is noted how the work went; None if nothing may be done at the channel now.

    Args:
        doing: ``look``, ``receive``, ``fetch`` or ``send``: only the same shows that what failed works again.
        channel: the only one; without it any.
    """
    before = {channel: services.store.channels.get(channel)} if channel else services.store.channels.all()
    if channel and before[channel].paused_at:
        yield None
        return
    if channel and doing in _REMOTE and (until := pause_of(services, before[channel])):
        words = f"it is left alone until {until:%Y-%m-%d %H:%M} UTC: {before[channel].last_words}"
        services.told(Trouble(channel, words, before[channel].last_code, again=True))
        yield None
        return
    failed: dict[str, Trouble] = {}
    well: set[str] = set()

    def told(one: Trouble) -> None:
        known = before.get(one.channel, Channel(one.channel))
        is_same = (known.failures > 0, known.last_code, known.last_words) == (True, one.code, one.words[:500])
        failed[one.channel] = one
        services.told(replace(one, again=is_same))

    yield replace(services, told=told, well=well.add)
    for name in well - failed.keys():
        _works(services, doing, before.get(name, Channel(name)))
    for name, one in failed.items():
        _fails(services, doing, before.get(name, Channel(name)), one)


def pause_of(services: Services, channel: Channel) -> datetime | None:
    """Until when a channel is left alone, None if it is not."""
    until = datetime.fromisoformat(channel.not_before) if channel.not_before else services.clock()
    return until if timedelta(0) < until - services.clock() <= _LONGEST else None  # or the clock was set back


def _is_old(services: Services, time: str) -> bool:
    return not time or abs(services.clock() - datetime.fromisoformat(time)) >= _OFTEN


def _fails(services: Services, doing: str, known: Channel, one: Trouble) -> None:
    store, name, code, words = services.store, known.channel, one.code, one.words[:500]
    is_same = known.failures and (known.doing, known.last_code, known.last_words) == (doing, code, words)
    if is_same and code not in SHUT_OUT and not _is_old(services, known.last_trouble_at):
        return
    if known.not_before and doing not in _REMOTE:  # the folder of a partner whose server shuts us out
        return
    with store.transaction():
        known, now = store.channels.get(name), services.clock()
        failures = known.failures + 1 if known.last_code == code else 1
        since = known.since or as_text(now)
        pause = min(_FIRST * 2.0 ** min(failures - 1, 10), _LONGEST) if code in SHUT_OUT else None
        limit = timedelta(minutes=services.settings.gateway.schedule.stopped_after_minutes)
        is_stopped = now - datetime.fromisoformat(since) >= limit
        if is_stopped and not known.stopped_at:
            store.audit("channel.stopped", channel=name, code=code, words=words, since=since)
        store.channels.change(
            name,
            failures=failures,
            doing=doing,
            since=since,
            stopped_at=known.stopped_at or (as_text(now) if is_stopped else ""),
            last_trouble_at=as_text(now),
            last_code=code,
            last_words=words,
            not_before=as_text(now + pause) if pause else "",
        )


def _works(services: Services, doing: str, known: Channel) -> None:
    if not known.failures and (
        not _is_old(services, known.last_ok_at) or _is_by_hand(services, doing, known)
    ):
        return
    if known.failures and known.doing != doing:  # what failed was something else
        return
    with services.store.transaction():
        _recover(services, services.store.channels.get(known.channel))


def _is_by_hand(services: Services, doing: str, known: Channel) -> bool:
    """Whether it is about the folder of a partner who has another way, which says nothing of that way."""
    name = known.channel
    return doing in ("look", "receive") and (name in services.remotes or bool(Link.of(services, name)))


def _recover(services: Services, known: Channel) -> None:
    if known.stopped_at:
        services.store.audit("channel.recovered", channel=known.channel, since=known.since)
    well: dict[str, str | int] = {"failures": 0, "since": "", "stopped_at": "", "not_before": ""}
    services.store.channels.change(known.channel, last_ok_at=services.store.now(), **well)


# --- how they are ----------------------------------------------------------------------------------------


def channels(
    services: Services, waiting: Callable[[str], int | None], partners: Iterable[Partner] | None = None
) -> list[dict[str, Any]]:
    """All channels, or those of some partners, with how they are and what waits.

    Args:
        waiting: how many files lie in the inbox of a channel; None where that cannot be seen.
    """
    settings, known_of = services.settings, services.store.channels
    states, deliveries = known_of.all(), known_of.waiting()
    mine = [*(settings.partners.values() if partners is None else partners)]
    ways = {name: way for one in mine for name, way in one.channels.items()}
    if partners is None:
        ways |= dict.fromkeys(settings.webhooks, WEBHOOK)
        names = dict.fromkeys((*settings.channels, *ways, *sorted(deliveries)))
    else:
        names = dict.fromkeys((*(one.folder for one in mine), *ways))
    rows = []
    for name in names:
        known, way = states.get(name, Channel(name)), ways.get(name, "folder")
        kind = way if way == "folder" else way.upper()
        counted = {"deliveries": deliveries.get(name, 0), "files": waiting(name)}
        rows.append({**asdict(known), "kind": kind, "state": known.state, **counted})
    return rows


def known_channel(services: Services, channel: str) -> None:
    """Raises NotFoundError unless there is the channel."""
    known = [row["channel"] for row in channels(services, lambda _: None)]
    if channel not in known:
        near = get_close_matches(channel, known, 1)
        advice = f" Did you mean {near[0]}?" if near else ""
        raise NotFoundError(f"{services.home} has no channel {channel!r}.{advice}")


# --- what people do --------------------------------------------------------------------------------------


def pause(services: Services, channel: str, reason: str) -> None:
    """Lets nothing be fetched or sent there until it is resumed. Raises RefusedError if it is paused."""
    with services.store.transaction():
        _pause(services, channel, reason)


def _pause(services: Services, channel: str, reason: str) -> None:
    store = services.store
    if store.channels.get(channel).paused_at:
        raise RefusedError(f"The channel {channel} is paused already.")
    store.channels.change(channel, paused_at=store.now(), paused_by=store.actor, reason=reason)
    store.audit("channel.paused", channel=channel, reason=reason)


def stop(services: Services, channel: str, words: str) -> None:
    """Pauses a channel whose other side wants nothing any more, and tells a person."""
    store = services.store
    with suppress(RefusedError), store.transaction():  # somebody was faster
        _pause(services, channel, words)
        known = {"since": store.now(), "stopped_at": store.now()}
        store.channels.change(channel, **known)
        store.audit("channel.stopped", channel=channel, code="", words=words, since=known["since"])


def resume(services: Services, channel: str, reason: str) -> None:
    """Ends a pause; what waits goes on. Raises RefusedError if there is none."""
    store = services.store
    with store.transaction():
        if not store.channels.get(channel).paused_at:
            raise RefusedError(f"The channel {channel} is not paused.")
        store.channels.change(channel, paused_at="", paused_by="", reason="")
        store.audit("channel.resumed", channel=channel, reason=reason)
        _wake(services, channel)


def run(services: Services, channel: str) -> None:
    """Lets everything at a channel be tried now. Raises RefusedError if it is paused."""
    store = services.store
    with store.transaction():
        if store.channels.get(channel).paused_at:
            raise RefusedError(f"The channel {channel} is paused; resume it first.")
        store.channels.change(channel, not_before="")
        store.audit("channel.run", channel=channel)
        _wake(services, channel)


def tested(services: Services, channel: str) -> None:
    """A test by hand went well, so the work goes on at once."""
    with services.store.transaction():
        if (known := services.store.channels.get(channel)).failures:
            _wake(services, channel)
        _recover(services, known)


def forgive(services: Services, before: Settings) -> None:
    """Lets what is left alone after a refusal be tried at once, if its partner's settings are others now."""
    new = (one for one in services.settings.partners.values() if before.partners.get(one.id) != one)
    changed = {name for one in new for name in one.channels}
    for name, known in services.store.channels.all().items():
        if known.not_before and name in changed:
            services.store.channels.change(name, not_before="")
            _wake(services, name)


def _wake(services: Services, channel: str) -> None:
    owners = {*services.store.channels.owners(channel), f"@{channel}"}
    services.enqueue([f"poll:{channel}", f"fetch:{channel}", *map(job_of, sorted(owners))])
