"""What the services of a home work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from gateway.mapping.library import Library
from gateway.settings import Settings
from gateway.store.payloads import PayloadFiles
from gateway.store.records import Message
from gateway.store.sqlite import SqliteStore
from gateway.transports.base import Channel


@dataclass(frozen=True, slots=True)
class Services:
    """What the steps from inbox to outbox share.

    Attributes:
        trying: takes channel and words; tells of what may pass by itself, such as a folder that is away. What
            was to be done stays to be done.
        failed: is told message and exception when an error of ours stops one; the others go on.
    """

    store: SqliteStore
    payloads: PayloadFiles
    channels: Mapping[str, Channel]
    settings: Settings
    guides: Library
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    trying: Callable[[str, str], AbstractContextManager[None]]
    failed: Callable[[Message, Exception], None]
