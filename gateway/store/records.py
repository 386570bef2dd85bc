"""The rows of the store.

The row of a message is the truth about it. Every change of state names the state it expects, so a step that
comes too late changes nothing, and everything inside one transaction happens or does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

INBOUND, OUTBOUND = "in", "out"
"""Directions of a message, as seen from the gateway."""

PENDING, SENDING, DELIVERED = "pending", "sending", "delivered"
"""States of a delivery. ``sending`` is committed before the outside can see anything of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the event log; ``count`` lines, without their facts, where one transaction wrote many."""

    at: datetime
    event: str
    message_id: str | None
    facts: Mapping[str, Any]
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One transmission in or out.

    Attributes:
        id: unique for ever; for a file from an inbox it is the arrival id in its claimed name.
        channel: where it came from, or goes to.
        name: file name.
        payload: sha256 of its bytes, None when they could not be read.
        translation, delivery, acknowledgment: the three statuses of :mod:`gateway.services.lifecycle`.
        interchange, group: control numbers of an interchange we wrote.
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
    translation: str = "received"
    delivery: str = "not_expected"
    acknowledgment: str = "not_expected"
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
    acknowledgment: str = "not_expected"


class InterchangeKey(NamedTuple):
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
