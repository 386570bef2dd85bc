"""What the services of a home work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from gateway.as2.cms import Entropy
from gateway.as2.span import Scratch
from gateway.files import in_words
from gateway.mapping.library import Library
from gateway.routing.table import Table
from gateway.services.erp import Forms
from gateway.settings import Settings
from gateway.store.jobs import Jobs
from gateway.store.keyring import Keyring
from gateway.store.payloads import Payloads
from gateway.store.records import Message
from gateway.store.sql import Store
from gateway.transports.as2 import Client
from gateway.transports.base import Channel, Remote

if TYPE_CHECKING:
    from gateway.transports.sp_api import Client as Account

_IN_MEMORY = 1 << 18


@dataclass(frozen=True, slots=True)
class Trouble:
    """What cannot be done with a channel now and may pass by itself, such as a folder that is away.

    Attributes:
        again: whether the same was told before.
    """

    channel: str
    words: str
    code: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """What the steps from inbox to outbox share. One for each thread.

    Attributes:
        erp: how files of our own system are written and read.
        rules: sha256 of all guides, mappings and settings in force, see the audit's ``rules.loaded``.
        channels: folders, by their names. remotes: the servers of partners, by the same names.
        accounts: clients of Amazon's API, by the same names.
        home: where names of files in settings begin. keyring: certificates and keys. http: sends over HTTP.
        spool: a folder for content on its way. entropy: so many unpredictable bytes.
        guard: raises when another worker has taken over; to be called before anything outside is changed.
        told: is told of trouble. well: is told the channel something worked with.
        failed: is told message and exception when an error of ours stops one; the others go on.
    """

    store: Store
    jobs: Jobs
    payloads: Payloads
    channels: Mapping[str, Channel]
    remotes: Mapping[str, Remote]
    accounts: Mapping[str, Account]
    settings: Settings
    home: Path
    keyring: Keyring
    http: Client
    spool: Path
    entropy: Entropy
    guides: Library
    routes: Table
    erp: Forms
    rules: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    guard: Callable[[], None]
    told: Callable[[Trouble], None]
    failed: Callable[[Message, Exception], None]
    well: Callable[[str], None] = lambda _: None
    scratch: Scratch = BytesIO

    def arrival_id(self, now: datetime) -> str:
        """A new id of a message that comes in, by which messages sort in order of time."""
        return f"{now:%Y%m%dT%H%M%S%f}-{self.new_id()[:8]}"

    @contextmanager
    def room(self) -> Iterator[Services]:
        """The services with scratch files for content of any size, which are gone at the end."""
        with ExitStack() as files:

            def scratch() -> BinaryIO:
                return cast(
                    "BinaryIO", files.enter_context(SpooledTemporaryFile(_IN_MEMORY, dir=str(self.spool)))
                )

            yield replace(self, scratch=scratch)

    @contextmanager
    def trying(self, channel: str, words: str) -> Iterator[None]:
        """Something with a channel that may fail now and succeed later; it stays to be done."""
        try:
            yield
        except OSError as error:
            self.trouble(channel, f"{words}: {in_words(error)}", error)

    def trouble(self, channel: str, words: str, error: Exception | None = None) -> None:
        """Tells what cannot be done with a channel now, and by which error."""
        self.told(Trouble(channel, words, getattr(error, "code", "")))

    def wake_at(self, key: str, at: datetime) -> None:
        """Wakes somebody for a job then, unless it waits already: one job sees to all that there is."""
        if not self.jobs.waiting(self.store.connection, [key], taken=False):
            self.enqueue([key], at)

    def enqueue(self, keys: Sequence[str], at: datetime | None = None) -> None:
        """Wakes somebody for work, in the transaction of the store that is open; once is enough in each."""
        if at is None:
            known = self.store.enqueued
            keys = [one for one in dict.fromkeys(keys) if one not in known]
            known.update(keys)
        self.jobs.enqueue(self.store.connection, keys, at)


def job_of(owner: str) -> str:
    """The key of the job for what deliveries belong to.

    Args:
        owner: id of a message, whose job advances it, or ``@<channel>``, where one job at a time sends what
            is open to the partner.
    """
    return f"send:{owner[1:]}" if owner.startswith("@") else f"message:{owner}"
