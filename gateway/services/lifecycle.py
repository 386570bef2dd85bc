"""The life of a message: three statuses that are never merged into one.

*Translation* says what became of the bytes, *delivery* whether everything made from them was put where it
belongs, *acknowledgment* what the partner said about what we sent. Each moves only along the table below, and
every move is one compare-and-set in the store: a step that was overtaken changes nothing. What we write is
``written`` from the beginning and stays so.

Nothing that was told to anybody is taken back. A person may send a message again (the same bytes and control
numbers: delivery, and with it acknowledgment, begin anew), have its bytes processed again (a new message that
names the first), hold it where it is, or cancel what nobody has seen. ``failed`` is where a message stands
that needs a person; ``overdue`` is where one stands whose partner owes an answer, which may still come.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import RefusedError
from gateway.store.records import Message
from gateway.store.sql import Store


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
    CANCELLED = "cancelled"  # by a person, before anything came of it
    WRITTEN = "written"


class Delivery(StrEnum):
    """Whether all files made from a message are where they belong."""

    NOT_EXPECTED = "not_expected"
    WAITING = "waiting"
    SENT = "sent"  # all of it, but a partner's receipt is not here yet
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Acknowledgment(StrEnum):
    """What the partner said about what we sent."""

    NOT_EXPECTED = "not_expected"
    WAITING = "waiting"
    OVERDUE = "overdue"
    ACCEPTED = "accepted"
    ACCEPTED_WITH_ERRORS = "accepted_with_errors"
    PARTIAL = "partial"
    REJECTED = "rejected"


Status = Translation | Delivery | Acknowledgment

ANSWERS = (
    Acknowledgment.ACCEPTED,
    Acknowledgment.ACCEPTED_WITH_ERRORS,
    Acknowledgment.PARTIAL,
    Acknowledgment.REJECTED,
)
"""What a partner may answer."""

TRANSITIONS: dict[type[StrEnum], dict[StrEnum, tuple[StrEnum, ...]]] = {
    Translation: {Translation.RECEIVED: tuple(Translation)[1:-1]},
    Delivery: {
        Delivery.NOT_EXPECTED: (Delivery.WAITING,),
        Delivery.WAITING: (Delivery.SENT, Delivery.DELIVERED, Delivery.FAILED, Delivery.CANCELLED),
        Delivery.SENT: (Delivery.DELIVERED, Delivery.FAILED, Delivery.WAITING),
        Delivery.DELIVERED: (Delivery.WAITING,),
        Delivery.FAILED: (Delivery.WAITING, Delivery.DELIVERED, Delivery.CANCELLED),
    },
    Acknowledgment: {
        Acknowledgment.WAITING: (*ANSWERS, Acknowledgment.OVERDUE, Acknowledgment.NOT_EXPECTED),
        Acknowledgment.OVERDUE: (*ANSWERS, Acknowledgment.WAITING, Acknowledgment.NOT_EXPECTED),
        **dict.fromkeys(ANSWERS, (Acknowledgment.WAITING,)),
    },
}
"""From which status to which, for each of the three. What is not in the table is final."""


def advance(store: Store, message: Message, *to: Status, **notes: str | None) -> None:
    """Moves statuses of a message, each from where ``message`` says it is.

    Args:
        notes: columns of the message that became known with it, such as ``partner``.

    Raises:
        RefusedError: the table does not allow it, or the message is no longer there.
    """
    moves: dict[str, tuple[str, str]] = {}
    for one in to:
        status = type(one).__name__.lower()
        current = type(one)(getattr(message, status))
        if one not in TRANSITIONS[type(one)].get(current, ()):
            said = f"{status.capitalize()} of message {message.id} is {current.value}, not {one.value}."
            raise RefusedError(said)
        moves[status] = (current.value, one.value)
    store.advance(message.id, moves, **notes)
