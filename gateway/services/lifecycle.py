"""The life of a message: three statuses that are never merged into one.

*Translation* says what became of the bytes, *delivery* whether everything made from them was put where it
belongs, *acknowledgment* what the partner said about what we sent. Each moves only along the table below, and
every move is one compare-and-set in the store: a step that was overtaken changes nothing. What we write is
``written`` from the beginning and stays so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, cast

from gateway.errors import InternalError
from gateway.store.records import Message
from gateway.store.sqlite import SqliteStore


class Translation(StrEnum):
    """What became of the bytes of a message."""

    RECEIVED = "received"
    TRANSLATED = "translated"  # every transaction set became a document
    PARTLY_TRANSLATED = "partly_translated"  # the others are told to the partner (997) and in quarantine
    REJECTED = "rejected"  # it breaks the standard or its guide, or it cannot be written
    UNREADABLE = "unreadable"  # not what the inbox takes
    UNPROCESSED = "unprocessed"  # fine perhaps, but nothing was agreed about it
    DUPLICATE = "duplicate"  # it came before, and was processed then
    FAILED = "failed"  # an error of ours, again and again
    WRITTEN = "written"


class Delivery(StrEnum):
    """Whether all files made from a message are where they belong."""

    NOT_EXPECTED = "not_expected"
    WAITING = "waiting"
    DELIVERED = "delivered"


class Acknowledgment(StrEnum):
    """What the partner said about what we sent."""

    NOT_EXPECTED = "not_expected"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    ACCEPTED_WITH_ERRORS = "accepted_with_errors"
    PARTIAL = "partial"
    REJECTED = "rejected"


Status = Translation | Delivery | Acknowledgment

TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    Translation.RECEIVED: tuple(Translation)[1:-1],
    Delivery.NOT_EXPECTED: (Delivery.WAITING,),
    Delivery.WAITING: (Delivery.DELIVERED,),
    Acknowledgment.WAITING: tuple(Acknowledgment)[2:],
}
"""From which status to which. What is not in the table is final."""


def advance(store: SqliteStore, message: Message, to: Status, *, partner: str | None = None) -> None:
    """Moves the status of the kind of ``to``, from where ``message`` says it is.

    Raises:
        InternalError: the table does not allow it.
        RefusedError: the message is no longer there.
    """
    status = cast(Literal["translation", "delivery", "acknowledgment"], type(to).__name__.lower())
    current = type(to)(getattr(message, status))
    if to not in TRANSITIONS.get(current, ()):
        raise InternalError(f"Message {message.id} must not go from {current.value} to {to.value}.")
    store.advance(message.id, status, current.value, to.value, partner=partner)
