"""First step: files from inboxes become messages.

A file is claimed by a rename, its bytes are kept, its row is committed, and only then it is removed. Whatever
moment the process dies at, the next pass finds the claimed file and either repeats the step (same arrival id,
same payload, the row is added once) or has nothing left to do but remove it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

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
        trying: takes channel and words; tells of what may pass by itself. The file stays claimed.
    """

    store: SqliteStore
    payloads: PayloadFiles
    channels: Mapping[str, Receiver]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    trying: Callable[[str, str], AbstractContextManager[None]]

    def claim(self, channel: str, names: tuple[str, ...]) -> None:
        """Takes files that the last look found ready."""
        for name in names:
            arrival_id = f"{self.clock():%Y%m%dT%H%M%S%f}-{self.new_id()[:8]}"
            with self.trying(channel, f"{name!r} cannot be taken"):
                self.channels[channel].claim(name, arrival_id)

    def receive(self, channel: str) -> None:
        """Makes messages of everything claimed."""
        receiver = self.channels[channel]
        arrivals = receiver.arrivals()
        for start in range(0, len(arrivals), BATCH):
            kept: list[tuple[Arrival, Message]] = []
            for arrival in arrivals[start : start + BATCH]:
                with self.trying(channel, arrival.name):
                    kept.append((arrival, self._message(channel, arrival)))
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

    def _message(self, channel: str, arrival: Arrival) -> Message:
        """The message a claimed file makes, its bytes on disk. Raises OSError for what may pass by itself."""
        receiver = self.channels[channel]
        payload, size = None, 0
        try:
            with receiver.open(arrival) as stream:
                payload, size = self.payloads.put(stream)
                if not receiver.unchanged(arrival, stream, size):
                    raise OSError("still being written to; it is read in the next pass")
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
        )
