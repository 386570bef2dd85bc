"""Puts a gateway together from its settings and runs passes over its channels."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from structlog.contextvars import bound_contextvars

from gateway.engine import library
from gateway.errors import RefusedError
from gateway.observability.logging import get_logger
from gateway.services import deliver, receive, translate
from gateway.services.base import Services
from gateway.settings import Settings
from gateway.store.payloads import PayloadFiles
from gateway.store.records import SENDING, Entry, Message
from gateway.store.sqlite import SqliteStore
from gateway.transports.base import Look
from gateway.transports.folder import QUARANTINE, Folder

DATA, DATABASE, PAYLOADS, LOCK, FOLDERS, KEYS = "data", "gateway.db", "payloads", "lock", "folders", "keys"
"""Names inside a home."""

_COUNTED = {
    "file.received": "received",
    "document.created": "documents",
    "interchange.written": "documents",
    "acknowledgment.written": "acknowledgments",
    "file.delivered": "delivered",
    "file.quarantined": "quarantined",
}
"""Which number of a pass an event of the log counts for."""


@dataclass(slots=True)
class Pass:
    """What one pass over all channels did.

    Attributes:
        received, delivered: files. quarantined: how many of the received need a person.
        documents: business documents, in both directions. acknowledgments: written by us.
        trouble: what could not be done now and is tried again, in words.
    """

    received: int = 0
    documents: int = 0
    acknowledgments: int = 0
    delivered: int = 0
    quarantined: int = 0
    unfinished: int = 0
    trouble: list[str] = field(default_factory=list)


class Gateway(AbstractContextManager["Gateway"]):
    """A home at work; a context manager that holds the home's lock.

    Args:
        home: a folder made by ``edigw init``.
        settings: what :func:`gateway.settings.load` found there.
        listener: is told each line of the event log, after it is on disk; of very many of a file only some.

    Raises:
        RefusedError: another process works on this home.
        ConfigurationError: the database cannot be used.
    """

    def __init__(
        self, home: Path, settings: Settings, listener: Callable[[Entry], None] = lambda _: None
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._log = get_logger()
        self._pass = Pass()
        self._ignored: set[tuple[str, str, str]] = set()
        clock, data = partial(datetime.now, UTC), home / DATA
        data.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as ends:
            ends.enter_context(_locked(data / LOCK))
            store = self._store = SqliteStore(data / DATABASE, clock, self._told)
            ends.callback(store.close)
            payloads = PayloadFiles(data / PAYLOADS)
            payloads.clean()
            stable = settings.gateway.pickup.stable_seconds
            folders = {name: Folder(home / FOLDERS / name, stable) for name in settings.channels}
            for name, folder in folders.items():
                if not folder.is_made and not store.deliveries(name, SENDING, 1):
                    folder.make()
            self._ends, self._folders = ends.pop_all(), folders
        # What came with the package is behind the guides and mappings of the home, file by file.
        guides = library(tuple(path for path in (home / "mappings", home / "schemas") if path.is_dir()))
        shared = store, payloads, folders, settings, guides, clock
        self._services = Services(*shared, lambda: str(uuid4()), self._trying, self._failed)

    def __exit__(self, *exc: object) -> None:
        self._ends.close()

    def run_once(self, *, patient: bool = True) -> Pass:
        """Ends what was begun, takes what is in the inboxes, translates it and delivers the results.

        Args:
            patient: look twice at files that were written just now, instead of leaving them to the next pass.
        """
        self._pass = Pass()
        deliver.recover(self._services)
        begun = {message.id for message in self._store.received()}
        unsure = [self._take(channel) for channel in self._folders]
        if patient and any(unsure):
            time.sleep(self._settings.gateway.pickup.stable_seconds)
            for channel in self._folders:
                self._take(channel)
        for channel in self._folders:
            with self._trying(channel, "its inbox cannot be used"):
                receive.receive(self._services, channel)
        for message in self._store.received():
            with bound_contextvars(message_id=message.id):
                if translate.translate(self._services, message, again=message.id in begun) is None:
                    self._pass.unfinished += 1
        deliver.deliver(self._services)
        return self._pass

    def _take(self, channel: str) -> int:
        """Claims what is complete; returns how many files are to be looked at again."""
        look = Look((), (), ())
        with self._trying(channel, "its inbox cannot be read"):
            look = self._folders[channel].look(time.time())
        for name, reason in look.ignored:
            if (channel, name, reason) not in self._ignored:
                self._say("warning", "file.ignored", channel=channel, file=name, reason=reason)
                self._ignored.add((channel, name, reason))
        receive.claim(self._services, channel, look.ready)
        return len(look.unsure)

    def _say(self, level: str, event: str, **facts: Any) -> None:
        # A log that cannot be written is no reason to stop: the event log in the store has it all.
        with suppress(OSError, ValueError):
            getattr(self._log, level)(event, **facts)

    def _told(self, entry: Entry) -> None:
        facts: dict[str, Any] = dict(entry.facts) or {"count": entry.count}
        if entry.message_id is not None:
            facts["message_id"] = entry.message_id
        # The three files of a message in quarantine are told with its reason already.
        aside = facts.get("box") == QUARANTINE
        level = "debug" if aside else "warning" if entry.event == "file.quarantined" else "info"
        self._say(level, entry.event, **facts)
        if (counted := _COUNTED.get(entry.event)) and not aside:
            setattr(self._pass, counted, getattr(self._pass, counted) + entry.count)
        if entry.facts:
            self._listener(entry)

    @contextmanager
    def _trying(self, channel: str, words: str) -> Iterator[None]:
        """Something with a channel that may fail now and succeed in a later pass."""
        try:
            yield
        except OSError as error:
            told = f"{words}: {error.strerror or error}"
            self._say("error", "channel.trouble", channel=channel, words=told)
            self._pass.trouble.append(f"{channel}: {told}")

    def _failed(self, message: Message, error: Exception) -> None:
        self._say("error", "message.failed", message_id=message.id, file=message.name, exc_info=error)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a file lock; the operating system gives it back however the process ends."""
    path.touch(0o600)
    with path.open("r+", encoding="ascii", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = file.read(32).strip()
            raise RefusedError(
                f"Another process{f' ({owner})' if owner else ''} works on this home, and only one may."
                " Wait for it to end."
            ) from error
        file.truncate()
        file.write(f"process {os.getpid()}\n")
        file.flush()
        yield
