"""What the services of a home work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from gateway.mapping.library import Library
from gateway.settings import Settings
from gateway.store.jobs import Jobs
from gateway.store.payloads import Payloads
from gateway.store.records import Message
from gateway.store.sql import Store
from gateway.transports.base import Channel


@dataclass(frozen=True, slots=True)
class Services:
    """What the steps from inbox to outbox share. One for each thread.

    Attributes:
        rules: sha256 of all guides, mappings and settings in force, see the audit's ``rules.loaded``.
        guard: raises when another worker has taken over; to be called before anything outside is changed.
        trouble: is told channel and words of what may pass by itself, such as a folder that is away.
        failed: is told message and exception when an error of ours stops one; the others go on.
    """

    store: Store
    jobs: Jobs
    payloads: Payloads
    channels: Mapping[str, Channel]
    settings: Settings
    guides: Library
    rules: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    guard: Callable[[], None]
    trouble: Callable[[str, str], None]
    failed: Callable[[Message, Exception], None]

    @contextmanager
    def trying(self, channel: str, words: str) -> Iterator[None]:
        """Something with a channel that may fail now and succeed later; it stays to be done."""
        try:
            yield
        except OSError as error:
            self.trouble(channel, f"{words}: {error.strerror or error}")

    def enqueue(self, keys: Sequence[str], at: datetime | None = None) -> None:
        """Wakes somebody for work, in the transaction of the store that is open."""
        self.jobs.enqueue(self.store.connection, keys, at)


def job_of(message_id: str) -> str:
    """The key of the job that advances a message."""
    return f"message:{message_id}"
