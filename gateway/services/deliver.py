"""Last step: what the ledger promises appears in a folder, here or on a partner's server, complete and once.

For each delivery: the content is written under a hidden name that carries the token of this attempt, and
brought to disk; ``sending``, token and final name are committed; a rename shows the file; ``delivered`` is
committed. Whoever finds a delivery in ``sending`` (its process died, or stands still) is told by the hidden
file what is true: if it is there nobody has seen the content, so it is renamed now; if it is gone the file
was shown, and perhaps taken already, so nothing is written again. A process that wakes up late finds its
hidden file gone, or the row no longer ``pending``, and changes nothing.

Names are never given twice and never overwrite what somebody else put there: a taken name gets the id of
the message, then a number.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from gzip import BadGzipFile
from io import BytesIO
from itertools import count
from pathlib import PurePath
from typing import Any, BinaryIO

from sqlalchemy.exc import IntegrityError

from gateway.errors import NotFoundError, RefusedError
from gateway.files import in_words
from gateway.observability import tracing
from gateway.services import lifecycle
from gateway.services.base import Services, job_of
from gateway.services.lifecycle import Delivery as Status
from gateway.store.records import (
    DELIVERED,
    FAILED,
    OUTBOUND,
    PENDING,
    SENDING,
    SENT,
    WAITS,
    Delivery,
    Exchange,
    Message,
    as_text,
)
from gateway.transports.base import Sender
from gateway.transports.folder import OUTBOX, QUARANTINE

BATCH = 200
"""Deliveries that share their commits."""

_ATTEMPTS_AT_NAMES = 3

_UNSURE = (
    "the connection or the gateway stopped while it was written in its place, and it is not there now with"
    " all of its bytes: the partner may have it or not. Ask, and resend it if it has not"
)


def send(services: Services, channel: str, *, interrupted: bool = False) -> None:
    """Delivers what waits for a partner's server."""
    owners, remote = [f"@{channel}"], services.remotes[channel]
    try:
        with remote:
            # Of what cannot be staged one at a time: no more than that can be in doubt after a crash.
            batch = 1 if remote.is_direct else BATCH
            deliver(services, owners, {channel: remote}, interrupted=interrupted, batch=batch)
    except OSError as error:
        _failed(services, (channel, OUTBOX), owners, error)


def deliver(
    services: Services,
    owners: Sequence[str],
    senders: Mapping[str, Sender],
    *,
    interrupted: bool = False,
    batch: int = BATCH,
) -> None:
    """Delivers everything that the jobs of some messages are to deliver.

    Args:
        senders: by the channels they are for.
        interrupted: an earlier job did not end; what it staged without saying so is in the way.
    """
    after, away = 0, set()
    while waiting := services.store.deliveries(owners, batch, after):
        after = waiting[-1].seq
        for place in dict.fromkeys((one.channel, one.box) for one in waiting):
            if place in away:
                continue
            mine = [one for one in waiting if (one.channel, one.box) == place]
            sender = senders.get(place[0])
            try:
                if sender is None:
                    raise OSError(f"no partner and no setting names the channel {place[0]} any more")
                _finish_begun(services, sender, [one for one in mine if one.state == SENDING])
                pending = [one for one in mine if one.state == PENDING]
                with ExitStack() as spans:
                    for one in pending:
                        spans.enter_context(tracing.span("deliver", one.message_id, channel=one.channel))
                    _deliver(services, sender, pending, interrupted)
            except RefusedError:
                away.add(place)  # another process took over, and sees to it
            except (OSError, NotFoundError) as error:
                away.add(place)
                _failed(services, place, owners, error)


def again(services: Services, message: Message, owner: str) -> list[str]:
    """Plans to deliver the files of a message once more: the same bytes, under names that are free.

    Returns:
        The names; none if the message has no files for anybody.

    Raises:
        RefusedError: its files are still waiting, a receipt of one is to come, or its bytes were deleted.
    """
    store = services.store
    found = store.deliveries_of(message.id)
    sent = [one for one in found if one.box != QUARANTINE]
    if any(one.state in (PENDING, SENDING, WAITS) for one in sent):
        raise RefusedError(f"Message {message.id} is waiting to be delivered already.")
    if any(one.state == SENT for one in sent):
        raise RefusedError(f"Message {message.id} was sent; the partner's receipt is not here yet.")
    if message.erased_at:
        raise RefusedError(f"The bytes of message {message.id} were deleted at {message.erased_at}.")
    there: set[tuple[str, ...]] = set()
    if message.delivery == Status.FAILED:  # what did arrive does not come again
        sent, there = found, {_what(one) for one in found if one.state == DELIVERED}
    first: dict[tuple[str, ...], Delivery] = {}
    for one in sent:
        if _what(one) not in there:
            first.setdefault(_what(one), one)
    for one in first.values():
        by = one.owner if one.owner.startswith("@") else owner
        place = (one.channel, one.box, one.wanted)
        store.add_delivery(message.id, by, *place, payload=one.payload, document_id=one.document_id)
        services.enqueue([job_of(by)] if by != owner else [])
    if first:
        lifecycle.advance(store, message, Status.WAITING)
    return [one.wanted for one in first.values()]


def _what(delivery: Delivery) -> tuple[str, ...]:
    """Which content goes where."""
    return delivery.channel, delivery.box, delivery.payload or "", delivery.document_id or ""


def _finish_begun(services: Services, sender: Sender, begun: list[Delivery]) -> None:
    """Ends what another process began."""
    if begun:
        sender.sync(_boxes(begun))
        named, unsure = [], []
        for one in begun:
            name = one.name
            if name is not None and sender.staged(one.box, one.key):
                if sender.exists(one.box, name) and sender.staged(one.box, one.key):  # it is somebody else's
                    name = _renamed(services, sender, one)
                services.guard()
                sender.release(one.box, one.key, name)
            elif name is not None and not sender.landed(one.box, name, _size(services, one)):
                unsure.append(one)
                continue
            named.append((one, name))
        sender.sync(_boxes(begun))
        if named:
            _finish(services, named)
        if unsure:
            with services.store.transaction():
                give_up(services, unsure, _UNSURE)


def _size(services: Services, delivery: Delivery) -> int:
    return services.store.message(delivery.message_id).size


def _renamed(services: Services, sender: Sender, delivery: Delivery) -> str:
    """Gives another name to what is about to appear."""
    store = services.store
    for name in _names(delivery):
        taken = (delivery.box, name) in store.names("name", delivery.channel, [name])
        if not taken and not sender.exists(delivery.box, name):
            with store.transaction():
                store.mark_renamed(delivery, name)
            return name
    raise AssertionError


def _deliver(services: Services, sender: Sender, pending: list[Delivery], interrupted: bool) -> None:
    if not pending:
        return
    token, boxes = services.new_id()[:8], _boxes(pending)
    keys = {one.seq: f"{one.seq}-{token}" for one in pending}
    bodies = services.store.bodies(
        [one.document_id for one in pending if one.document_id and not one.payload]
    )
    lost: NotFoundError | None = None
    try:
        for one in list(pending):
            try:
                with content(services, one, bodies) as file:
                    sender.stage(one.box, keys[one.seq], file)
            except (NotFoundError, EOFError, BadGzipFile, zlib.error) as error:  # the others go on without it
                pending.remove(one)
                lost = NotFoundError(f"The content of {one.wanted} is lost: {error}")
        sender.sync(_boxes(pending))
        named = _promise(services, sender, pending, token) if pending else []
    except (OSError, NotFoundError, RefusedError):  # but not one of the database: it may have said `sending`
        sender.discard(boxes, keys)
        raise
    if interrupted or any(one.tries for one in pending):
        # Only now: a row that is `sending` by our token cannot be by that of who staged these.
        sender.discard(boxes, dict.fromkeys(keys, ""), keep=set(keys.values()))
    services.guard()
    for one, name in named:
        sender.release(one.box, keys[one.seq], name)
    sender.sync(_boxes(pending))
    if named:
        _finish(services, named)
    if lost is not None:
        sender.discard(boxes, keys)
        raise lost


def content(services: Services, delivery: Delivery, bodies: Mapping[str, bytes]) -> BinaryIO:
    """What is delivered; ``bodies``: of documents, by their ids. Raises NotFoundError if it is gone."""
    if delivery.payload is not None:
        return services.payloads.open(delivery.payload)
    body = bodies.get(delivery.document_id or "")
    if body is None:
        raise NotFoundError(f"The content of document {delivery.document_id} was deleted.")
    return BytesIO(body)


def _promise(
    services: Services, sender: Sender, staged: list[Delivery], token: str
) -> list[tuple[Delivery, str]]:
    """Says under which names deliveries are about to appear. Another process may take a name meanwhile."""
    store, channel = services.store, staged[0].channel
    for attempt in count(1):
        given: dict[tuple[str, str], Delivery] = {}
        taken = store.names("name", channel, {one.wanted for one in staged})
        for one in staged:
            for name in _names(one):
                if name != one.wanted:
                    taken |= store.names("name", channel, [name])
                if (one.box, name) not in given.keys() | taken and not sender.exists(one.box, name):
                    given[one.box, name] = one
                    break
        named = [(delivery, name) for (_, name), delivery in given.items()]
        try:
            with store.transaction():
                store.mark_sending(named, token)
            return named
        except IntegrityError:
            if attempt == _ATTEMPTS_AT_NAMES:
                raise
    raise AssertionError


def _finish(services: Services, named: Sequence[tuple[Delivery, str | None]]) -> None:
    """Says what has appeared; a message with nothing left to deliver is delivered."""
    with services.store.transaction():
        done(services, named)
    services.well(named[0][0].channel)


def done(services: Services, named: Sequence[tuple[Delivery, str | None]]) -> None:
    """The same, within a transaction."""
    store, names = services.store, {delivery.seq: name for delivery, name in named}
    mine = store.mark_delivered([delivery for delivery, _ in named])
    for one in mine:
        facts = {"channel": one.channel, "box": one.box, "file": names[one.seq]}
        # With a document, `sha256` is that of the document itself.
        proof = {"payload" if one.document_id else "sha256": one.payload} if one.payload else {}
        store.audit("file.delivered", one.message_id, document_id=one.document_id, **facts, **proof)
    store.end_deliveries({one.message_id for one in mine})


def exchange(services: Services, delivery: Delivery, partner: str, at: str, **known: Any) -> Exchange:
    """The exchange that is about to carry out a delivery. ``known``: what it is called, there and here."""
    return Exchange(
        id=services.new_id(),
        direction=OUTBOUND,
        channel=delivery.channel,
        partner=partner,
        message_id=delivery.message_id,
        delivery=delivery.seq,
        state="sending",
        at=at,
        **known,
    )


def _failed(services: Services, place: tuple[str, str], owners: Sequence[str], error: Exception) -> None:
    """Plans another try of what is still to be delivered to a box of a channel, or leaves it to a person."""
    channel, _ = place
    retries, store = services.settings.gateway.retries, services.store
    reason = in_words(error)
    with store.transaction():
        left = [one for one in store.deliveries(owners, BATCH) if (one.channel, one.box) == place]
        since = as_text(services.clock() - timedelta(hours=retries.give_up_after_hours))
        tired = [one for one in left if one.state == PENDING and one.tries > 2 and one.planned_at < since]
        give_up(services, tired, reason)
        store.mark_failed([one for one in left if one not in tired], reason, PENDING)
        tries = max((one.tries + 1 for one in left if one not in tired), default=0)
        if tries:
            # All of them: there may be more to deliver than was looked at.
            services.enqueue([job_of(one) for one in owners], services.clock() + retries.pause(tries))
        if tries in (1, 5):
            store.audit("delivery.delayed", None, channel=channel, files=len(left), error=reason)
    services.trouble(channel, f"files for it wait: {reason}", error)


def delayed(services: Services, delivery: Delivery, partner: str | None, words: str) -> None:
    """Tells, within a transaction, that a delivery is put off: the first time, and when that lasts."""
    if delivery.tries in (0, 4):
        facts: dict[str, Any] = {"channel": delivery.channel, "files": 1, "error": words}
        services.store.audit("delivery.delayed", delivery.message_id, partner=partner, **facts)


def give_up(services: Services, deliveries: Sequence[Delivery], reason: str) -> None:
    """Leaves deliveries to a person, within a transaction."""
    store = services.store
    store.mark_failed(deliveries, reason, FAILED)
    for message in store.messages(sorted({one.message_id for one in deliveries})):
        if message.delivery == Status.WAITING:
            lifecycle.advance(store, message, Status.FAILED)
        file = next(one.wanted for one in deliveries if one.message_id == message.id)
        facts = {"channel": deliveries[0].channel, "file": file, "error": reason}
        store.audit("delivery.failed", message.id, partner=message.partner, **facts)


def _boxes(deliveries: list[Delivery]) -> list[str]:
    return sorted({delivery.box for delivery in deliveries})


def _names(delivery: Delivery) -> Iterator[str]:
    """The name wanted, and then ever longer ones."""
    yield delivery.wanted
    wanted = PurePath(delivery.wanted)
    stem = f"{wanted.stem}_{delivery.message_id[-8:]}"
    yield stem + wanted.suffix
    for number in count(2):
        yield f"{stem}_{number}{wanted.suffix}"
