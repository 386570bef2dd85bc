"""Last step: what the ledger promises appears in a folder, complete and once.

For each delivery: the content is written under a hidden name and brought to disk; ``sending`` and the
final name are committed; a rename shows the file; ``delivered`` is committed. After a crash a delivery in
``sending`` is decided by the hidden file alone: if it is there nobody has seen the content, so it is
renamed now; if it is gone the file was shown, and perhaps taken already, so nothing is written again.

Names are never given twice and never overwrite what somebody else put there: a taken name gets the id of
the message, then a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import PurePath
from typing import BinaryIO

from gateway.errors import InternalError
from gateway.store.ports import PENDING, SENDING, Delivery, Payloads, Store
from gateway.transports.base import Sender

BATCH = 200
"""Deliveries of a channel that share their commits."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Delivers what the ledger holds.

    Args:
        trouble: is told channel and words when a folder cannot be used; its deliveries wait.
    """

    store: Store
    payloads: Payloads
    channels: Mapping[str, Sender]
    trouble: Callable[[str, str], None]

    def recover(self) -> None:
        """Ends what a killed process began. To be called before anything else is delivered."""
        for channel, sender in self.channels.items():
            try:
                while begun := self.store.deliveries(channel, SENDING, BATCH):
                    sender.sync(_boxes(begun))
                    hidden = [one for one in begun if sender.staged(one.box, _key(one))]
                    self._finish([one for one in begun if one not in hidden])
                    self._show(sender, hidden)
            except OSError as error:
                self.trouble(channel, f"an interrupted delivery cannot be ended: {error.strerror or error}")

    def deliver(self) -> int:
        """Delivers everything pending; returns how much."""
        delivered = 0
        for channel, sender in self.channels.items():
            try:
                while pending := self.store.deliveries(channel, PENDING, BATCH):
                    for delivery in pending:
                        with self._content(delivery) as content:
                            sender.stage(delivery.box, _key(delivery), content)
                    self._show(sender, pending)
                    delivered += len(pending)
            except OSError as error:
                self.trouble(channel, f"files for it wait: {error.strerror or error}")
        return delivered

    def _content(self, delivery: Delivery) -> BinaryIO:
        if delivery.payload is not None:
            return self.payloads.path(delivery.payload).open("rb")
        if delivery.document_id is not None:
            return BytesIO(self.store.document_body(delivery.document_id))
        raise InternalError(f"Delivery {delivery.id} has no content.")

    def _show(self, sender: Sender, staged: list[Delivery]) -> None:
        """Takes deliveries whose content is hidden in their box to the end."""
        if not staged:
            return
        sender.sync(_boxes(staged))
        named: list[tuple[Delivery, str]] = []
        given: set[tuple[str, str]] = set()
        for delivery in staged:
            name = next(name for name in _names(delivery) if self._free(sender, delivery, name, given))
            given.add((delivery.box, name))
            named.append((delivery, name))
        with self.store.transaction():
            self.store.mark_sending(named)
        for delivery, name in named:
            sender.release(delivery.box, _key(delivery), name)
        sender.sync(_boxes(staged))
        self._finish(staged, {delivery.id: name for delivery, name in named})

    def _free(self, sender: Sender, delivery: Delivery, name: str, given: set[tuple[str, str]]) -> bool:
        if (delivery.box, name) in given or sender.exists(delivery.box, name):
            return False
        return name == delivery.name or not self.store.name_given(delivery.channel, delivery.box, name)

    def _finish(self, deliveries: list[Delivery], names: Mapping[int, str] | None = None) -> None:
        if not deliveries:
            return
        with self.store.transaction():
            self.store.mark_delivered(deliveries)
            for delivery in deliveries:
                name = names[delivery.id] if names else delivery.name
                self.store.audit(
                    "file.delivered",
                    delivery.message_id,
                    channel=delivery.channel,
                    box=delivery.box,
                    file=name,
                )


def _boxes(deliveries: list[Delivery]) -> list[str]:
    return sorted({delivery.box for delivery in deliveries})


def _key(delivery: Delivery) -> str:
    return str(delivery.id)


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
