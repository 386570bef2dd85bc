"""What services need from a store, as values and protocols.

The row of a message is the truth about it. Every change of state names the state it expects, so a step that
comes too late changes nothing, and everything inside one ``transaction`` happens or does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

INBOUND, OUTBOUND = "in", "out"
"""Directions of a message, as seen from the gateway."""

PENDING, SENDING, DELIVERED = "pending", "sending", "delivered"
"""States of a delivery. ``sending`` is committed before the outside can see anything of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the event log."""

    at: datetime
    event: str
    message_id: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One transmission in or out.

    Attributes:
        id: unique for ever; for a file from an inbox it is the arrival id in its claimed name.
        channel: where it came from, or goes to.
        name: file name.
        payload: sha256 of its bytes, None when they could not be read.
        interchange, group: control numbers of an interchange we wrote.
        translation, delivery, acknowledgment: the three statuses of :mod:`gateway.services.lifecycle`.
        attempts: how often translating it ended in an error of ours.
        origin: id of the message it answers or was made from.
    """

    id: str
    direction: str
    channel: str
    name: str
    payload: str | None
    size: int
    created_at: datetime
    translation: str
    delivery: str
    acknowledgment: str
    partner: str | None = None
    interchange: str | None = None
    group: str | None = None
    attempts: int = 0
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One business document.

    Attributes:
        id: our UUID. message_id: what it came in with. sent_in: message that carries it as X12.
        body: its JSON. set_control: ST02.
    """

    id: str
    message_id: str
    direction: str
    partner: str
    document_type: str
    number: str
    test: bool
    set_control: str
    body: bytes
    sent_in: str | None = None
    acknowledgment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InterchangeKey:
    """What makes an interchange the same as another: who, to whom, test or production, ISA13."""

    sender: str
    receiver: str
    usage: str
    control_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file to be put into a folder of a channel, once: a row of the send ledger.

    Attributes:
        wanted: the name it should have. name: the name chosen for it, when ``sending`` or later.
        payload: sha256 of the content, or None for a document's body.
    """

    id: int
    message_id: str
    channel: str
    box: str
    wanted: str
    name: str | None
    payload: str | None
    document_id: str | None
    state: str


class Payloads(Protocol):
    """Bytes kept for ever under their sha256."""

    def put(self, source: BinaryIO) -> tuple[str, int]:
        """Keeps everything ``source`` yields; when it returns, the bytes are on disk. sha256 and size."""

    def path(self, sha256: str) -> Path:
        """Where the bytes are, for reading."""


class Store(Protocol):
    """Messages, documents, deliveries, control numbers and the event log."""

    def transaction(self) -> AbstractContextManager[None]:
        """All changes inside happen together, and are on disk when it ends, or none does.

        Raises TransportError when the store cannot be used for a while, such as a full disk.
        """

    def savepoint(self) -> AbstractContextManager[Callable[[], None]]:
        """A part of a transaction; calling what it yields takes back everything done since."""

    def audit(self, event: str, message_id: str | None = None, **facts: Any) -> None:
        """Adds a line to the event log; told to listeners when the transaction is on disk."""

    def add_message(self, message: Message) -> bool:
        """Adds it; False, and no change, if its id is known."""

    def message(self, message_id: str) -> Message:
        """Raises NotFoundError."""

    def received(self) -> list[Message]:
        """Messages still to be translated, oldest first."""

    def advance(
        self, message_id: str, status: str, expected: str, to: str, *, partner: str | None = None
    ) -> None:
        """Moves one status of a message. Raises RefusedError when it is not the expected one."""

    def count_attempt(self, message_id: str, more: int = 1) -> int:
        """One more attempt at translating, or one less; returns how many."""

    def translated_before(self, message: Message) -> Message | None:
        """An earlier inbound message with the same bytes that gave results."""

    def add_interchange(self, message_id: str, key: InterchangeKey) -> None:
        """Remembers an inbound interchange that gave results."""

    def interchange_before(self, key: InterchangeKey) -> str | None:
        """The message an equal interchange came with."""

    def next_number(self, partner: str, kind: str, highest: int) -> int:
        """The next control number for what we send to a partner. Raises RefusedError when all are used."""

    def add_document(self, document: Document) -> None: ...

    def document_body(self, document_id: str) -> bytes: ...

    def sent_group(self, partner: str, group: str) -> Message | None:
        """The message we sent to a partner with this GS06."""

    def sent_interchange(self, partner: str, interchange: str) -> Message | None:
        """The message we sent to a partner with this ISA13."""

    def acknowledge_documents(self, sent_in: str, set_control: str | None, status: str) -> None:
        """Sets the acknowledgment of the documents a message carries, or of the one with this ST02."""

    def add_delivery(
        self,
        message_id: str,
        channel: str,
        box: str,
        wanted: str,
        *,
        payload: str | None = None,
        document_id: str | None = None,
    ) -> None: ...

    def deliveries(self, channel: str, state: str, limit: int) -> list[Delivery]:
        """Deliveries of a channel in a state that is not the last one, oldest first."""

    def name_given(self, channel: str, box: str, name: str) -> bool:
        """Whether a file ever got this name; names are not given twice."""

    def name_wanted(self, channel: str, box: str, name: str) -> bool:
        """Whether a delivery, done or not, wants this name."""

    def mark_sending(self, names: Sequence[tuple[Delivery, str]]) -> None:
        """Commits the names under which deliveries are about to appear."""

    def mark_delivered(self, deliveries: Sequence[Delivery]) -> None: ...
