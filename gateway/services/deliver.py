"""Last step: what the ledger promises appears in a folder, complete and once.

For each delivery: the content is written under a hidden name and brought to disk; ``sending`` and the
final name are committed; a rename shows the file; ``delivered`` is committed. After a crash a delivery in
``sending`` is decided by the hidden file alone: if it is there nobody has seen the content, so it is
renamed now; if it is gone the file was shown, and perhaps taken already, so nothing is written again.

Names are never given twice and never overwrite what somebody else put there: a taken name gets the id of
the message, then a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import count
from pathlib import PurePath
from typing import BinaryIO

from gateway.errors import InternalError
from gateway.services.base import Services
from gateway.store.records import PENDING, SENDING, Delivery
from gateway.transports.base import Sender

BATCH = 200
"""Deliveries of a channel that share their commits."""


def recover(services: Services) -> None:
    """Ends what a killed process began. To be called before anything else is delivered."""
    for channel, sender in services.channels.items():
        with services.trying(channel, "an interrupted delivery cannot be ended"):
            while begun := services.store.deliveries(channel, SENDING, BATCH):
                sender.sync(_boxes(begun))
                hidden = [one for one in begun if sender.staged(one.box, str(one.id))]
                _finish(services, [(one, one.name) for one in begun if one not in hidden])
                _show(services, sender, hidden)


def deliver(services: Services) -> None:
    """Delivers everything pending."""
    for channel, sender in services.channels.items():
        with services.trying(channel, "files for it wait"):
            while pending := services.store.deliveries(channel, PENDING, BATCH):
                for delivery in pending:
                    with _content(services, delivery) as content:
                        sender.stage(delivery.box, str(delivery.id), content)
                _show(services, sender, pending)


def _content(services: Services, delivery: Delivery) -> BinaryIO:
    if delivery.payload is not None:
        return services.payloads.path(delivery.payload).open("rb")
    if delivery.document_id is not None:
        return BytesIO(services.store.document_body(delivery.document_id))
    raise InternalError(f"Delivery {delivery.id} has no content.")


def _show(services: Services, sender: Sender, staged: list[Delivery]) -> None:
    """Takes deliveries whose content is hidden in their box to the end."""
    given: dict[tuple[str, str], Delivery] = {}
    for one in staged:
        free = (
            name
            for name in _names(one)
            if (one.box, name) not in given
            and not sender.exists(one.box, name)
            and (name == one.name or not services.store.has_name("name", one.channel, one.box, name))
        )
        given[one.box, next(free)] = one
    named = [(delivery, name) for (_, name), delivery in given.items()]
    sender.sync(_boxes(staged))
    with services.store.transaction():
        services.store.mark_sending(named)
    for delivery, name in named:
        sender.release(delivery.box, str(delivery.id), name)
    sender.sync(_boxes(staged))
    _finish(services, named)


def _finish(services: Services, named: Sequence[tuple[Delivery, str | None]]) -> None:
    with services.store.transaction():
        services.store.mark_delivered([delivery for delivery, _ in named])
        for one, name in named:
            facts = {"channel": one.channel, "box": one.box, "file": name}
            services.store.audit("file.delivered", one.message_id, **facts)


def _boxes(deliveries: list[Delivery]) -> list[str]:
    return sorted({delivery.box for delivery in deliveries})


def _names(delivery: Delivery) -> Iterator[str]:
    """The name chosen before, the name wanted, and then ever longer ones."""
    if delivery.name is not None:
        yield delivery.name
    yield delivery.wanted
    wanted = PurePath(delivery.wanted)
    stem = f"{wanted.stem}_{delivery.message_id[-8:]}"
    yield stem + wanted.suffix
    for number in count(2):
        yield f"{stem}_{number}{wanted.suffix}"
