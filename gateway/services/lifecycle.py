"""The life of a message: three statuses that are never merged into one.

*Translation* says what became of the bytes, *delivery* whether everything made from them was put where it
belongs, *acknowledgment* what the partner said about what we sent. Each moves only along the table below, and
every move is one compare-and-set in the store: a step that was overtaken changes nothing.

A file from a partner::

    received ─> translated           every transaction set became a document
             ─> partly_translated    some did; the others are told to the partner (997) and in quarantine
             ─> rejected             it breaks the standard or its guide: the partner's move
             ─> unreadable           no X12, or not readable at all
             ─> unprocessed          fine perhaps, but nothing was agreed about it: our move
             ─> duplicate            it came before, and was processed then
             ─> failed               an error of ours, again and again: needs a person

What we write begins as ``written`` and stays so; a document of the ERP that cannot be sent is ``rejected``
or ``unprocessed`` in the same sense.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import InternalError
from gateway.store.ports import Message, Store


class Translation(StrEnum):
    """What became of the bytes of a message."""

    RECEIVED = "received"
    TRANSLATED = "translated"
    PARTLY_TRANSLATED = "partly_translated"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"
    UNPROCESSED = "unprocessed"
    DUPLICATE = "duplicate"
    FAILED = "failed"
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

_ANSWERS = (
    Acknowledgment.ACCEPTED,
    Acknowledgment.ACCEPTED_WITH_ERRORS,
    Acknowledgment.PARTIAL,
    Acknowledgment.REJECTED,
)

TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    Translation.RECEIVED: (
        Translation.TRANSLATED,
        Translation.PARTLY_TRANSLATED,
        Translation.REJECTED,
        Translation.UNREADABLE,
        Translation.UNPROCESSED,
        Translation.DUPLICATE,
        Translation.FAILED,
    ),
    Delivery.NOT_EXPECTED: (Delivery.WAITING,),
    Delivery.WAITING: (Delivery.DELIVERED,),
    Acknowledgment.WAITING: _ANSWERS,
}
"""From which status to which. What is not in the table is final."""

PROCESSED = (Translation.TRANSLATED, Translation.PARTLY_TRANSLATED)
"""Statuses after which the same bytes are a duplicate."""


def advance(store: Store, message: Message, to: Status, *, partner: str | None = None) -> None:
    """Moves the status of the kind of ``to``, from where ``message`` says it is.

    Raises:
        InternalError: the table does not allow it.
        RefusedError: the message is no longer there.
    """
    status = type(to).__name__.lower()
    current = type(to)(getattr(message, status))
    if to not in TRANSITIONS.get(current, ()):
        raise InternalError(f"Message {message.id} must not go from {current.value} to {to.value}.")
    store.advance(message.id, status, current.value, to.value, partner=partner)
