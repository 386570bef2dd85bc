"""First step: files from inboxes become messages.

A file is claimed by a rename, its bytes are kept, its row is committed, and only then it is removed. Whatever
moment the process dies at, the next pass finds the claimed file and either repeats the step (same arrival id,
same payload, the row is added once) or has nothing left to do but remove it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.services.lifecycle import Acknowledgment, Delivery, Translation
from gateway.store.payloads import PayloadFiles
from gateway.store.records import INBOUND, Message
from gateway.store.sqlite import SqliteStore
from gateway.transports.base import Arrival, Receiver, UnreadableError

BATCH = 200
"""Files whose rows share one commit."""


@dataclass(frozen=True, slots=True)
class Receive:
    """Receives files.

    Args:
        trouble: is told channel and words of what may pass by itself; the file stays claimed.
    """

    store: SqliteStore
    payloads: PayloadFiles
    channels: Mapping[str, Receiver]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    trouble: Callable[[str, str], None]

    def claim(self, channel: str, names: tuple[str, ...]) -> None:
        """Takes files that the last look found ready."""
        for name in names:
            arrival_id = f"{self.clock():%Y%m%dT%H%M%S%f}-{self.new_id()[:8]}"
            try:
                self.channels[channel].claim(name, arrival_id)
            except OSError as error:
                self.trouble(channel, f"{name!r} cannot be taken: {error.strerror}")

    def receive(self, channel: str) -> None:
        """Makes messages of everything claimed."""
        receiver = self.channels[channel]
        arrivals = receiver.arrivals()
        for start in range(0, len(arrivals), BATCH):
            kept: list[tuple[Arrival, Message]] = []
            for arrival in arrivals[start : start + BATCH]:
                try:
                    if (message := self._message(channel, arrival)) is not None:
                        kept.append((arrival, message))
                except OSError as error:
                    self.trouble(channel, f"{arrival.name}: {error.strerror or error}")
            with self.store.transaction():
                for _, message in kept:
                    if self.store.add_message(message):
                        facts = {"channel": channel, "file": message.name, "bytes": message.size}
                        self.store.audit("file.received", message.id, **facts, sha256=message.payload)
            for arrival, message in kept:
                if message.payload is None:
                    receiver.set_aside(arrival)
                else:
                    receiver.settle(arrival)

    def _message(self, channel: str, arrival: Arrival) -> Message | None:
        """The message a claimed file makes, its bytes on disk; None while somebody still writes to it."""
        receiver = self.channels[channel]
        payload, size = None, 0
        try:
            with receiver.open(arrival) as stream:
                payload, size = self.payloads.put(stream)
                if not receiver.unchanged(arrival, stream, size):
                    words = "is still being written to; it is read in the next pass"
                    self.trouble(channel, f"{arrival.name} {words}")
                    return None
        except UnreadableError:
            pass  # told by the translation, which finds a message without bytes
        return Message(
            id=arrival.id,
            direction=INBOUND,
            channel=channel,
            name=arrival.name,
            payload=payload,
            size=size,
            created_at=self.clock(),
            translation=Translation.RECEIVED,
            delivery=Delivery.NOT_EXPECTED,
            acknowledgment=Acknowledgment.NOT_EXPECTED,
        )
