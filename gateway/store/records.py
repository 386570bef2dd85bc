"""The rows of the store as values.

The row of a message is the truth about it. Every change of state names the state it expects, so a step that
comes too late changes nothing, and everything inside one transaction happens or does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

INBOUND, OUTBOUND = "in", "out"
"""Directions of a message, as seen from the gateway."""

PENDING, SENDING, DELIVERED, FAILED, CANCELLED = "pending", "sending", "delivered", "failed", "cancelled"
SENT = "sent"
"""States of a delivery. ``sending`` is committed before the outside can see anything of it; ``sent`` is one
whose receipt is still to come."""

WAITS = "waits"
"""State of a delivery that is left until an item or a place is known; its ``error`` says which."""

APPROVAL = "approval|"
"""So begins the batch of a document that is left until a person approves it; the rest is its batch then."""

OPEN = (PENDING, SENDING)
"""States of a delivery that is still to be done."""

GATEWAY = "gateway"
"""The actor of what no person did."""


def as_text(time: datetime) -> str:
    """A time as the store keeps it."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit; ``count`` entries, without their facts, where one transaction wrote many.

    ``bound``: what the log knew of the unit of work it was written in; it is not kept.
    """

    at: datetime
    event: str
    message_id: str | None
    facts: Mapping[str, Any]
    count: int = 1
    document_id: str | None = None
    partner: str | None = None
    actor: str = GATEWAY
    bound: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One transmission in or out.

    Attributes:
        id: unique for ever; for a file from an inbox it is the arrival id in its claimed name.
        channel: where it came from, or goes to.
        name: file name.
        payload: sha256 of its bytes, None when they could not be read.
        created_at: UTC.
        translation, delivery, acknowledgment: the three statuses of :mod:`gateway.services.lifecycle`.
        interchange, group: control numbers of an interchange we wrote; of one received the first.
        attempts: how often translating it ended in an error of ours.
        origin: id of the message it answers, was made from, or processes again.
        hold: why it stands still; empty if it does not.
        answers: whether what came is acknowledged; what is processed again was answered before.
        erased_at: when its bytes were deleted at the end of their retention.
        way: how it came or goes, see :data:`gateway.partners.partner.WAYS`; empty if nobody noted it.
        closed_at: when somebody said that nobody needs to look at it any more.
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
    hold: str = ""
    answers: bool = True
    erased_at: str | None = None
    way: str = ""
    closed_at: str = ""

    @property
    def is_repeated(self) -> bool:
        """Whether a person asked to process the bytes of an earlier message again."""
        return self.direction == INBOUND and self.origin is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One business document.

    Attributes:
        id: our UUID. message_id: what it came in with. sent_in: message that carries it as X12.
        body: its JSON, None after its retention. sha256: of the body.
        set_control: ST02.
        batch: the batch it waits for, None if it waits for none.
        keys: pairs of kind and value by which people look for it, see :data:`gateway.documents.KINDS`.
    """

    id: str
    message_id: str
    direction: str
    partner: str
    document_type: str
    number: str
    test: bool
    set_control: str
    created_at: datetime
    body: bytes | None = None
    sha256: str = ""
    sent_in: str | None = None
    acknowledgment: str = "not_expected"
    batch: str | None = None
    keys: tuple[tuple[str, str], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file to be put into a folder of a channel, once: a row of the send ledger.

    Attributes:
        owner: the message whose job sees to it.
        wanted: the name it should have. name: the name chosen for it, when ``sending`` or later.
        payload: sha256 of the content, or None for a document's body.
        token: of the attempt that is ``sending``; what it staged carries it.
        tries: attempts that failed. error: why the last one did.
    """

    seq: int
    message_id: str
    owner: str
    channel: str
    box: str
    wanted: str
    name: str | None
    payload: str | None
    document_id: str | None
    state: str
    token: str
    tries: int
    error: str
    planned_at: str

    @property
    def key(self) -> str:
        """What its staged content is known by."""
        return f"{self.seq}-{self.token}"


@dataclass(frozen=True, slots=True)
class Channel:
    """How a channel is.

    Attributes:
        paused_at, paused_by, reason: a person paused it; empty if not.
        failures: tries in a row that ended in the same trouble; 0 if it works.
        doing: what failed, see :func:`gateway.services.health.watched`. since: when it began to fail.
        stopped_at: when that was told, as it lasted.
        last_ok_at, last_trouble_at: empty for never; they may be a minute old.
        last_code, last_words: what the last trouble was, also when it is over.
        not_before: when it is tried again, where that is not to be soon.
    """

    channel: str
    paused_at: str = ""
    paused_by: str = ""
    reason: str = ""
    failures: int = 0
    doing: str = ""
    since: str = ""
    stopped_at: str = ""
    last_ok_at: str = ""
    last_trouble_at: str = ""
    last_code: str = ""
    last_words: str = ""
    not_before: str = ""

    @property
    def state(self) -> str:
        """``paused``, ``stopped`` (it fails for long), ``failing``, ``working`` or ``unused``."""
        if self.paused_at:
            return "paused"
        if self.failures:
            return "stopped" if self.stopped_at else "failing"
        return "working" if self.last_ok_at else "unused"


ENDED = ("confirmed", "failed", "answered", "unanswered", "refused")
"""States of an exchange with which nothing more is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One AS2 message with its receipt (RFC 4130), in either direction.

    What is refused before anything is stored of it is no exchange, so each has a message.

    Attributes:
        id: unique for ever. at, ended_at: when it began and ended, as the store keeps times.
        message_id: the message that came or went with it; of several attachments the first.
        delivery: number of the delivery that it carries out; None for what came.
        sender, receiver, as2_id: AS2-From, AS2-To and Message-ID exactly as on the wire.
        state: out ``sending``, ``waiting`` (for an asynchronous receipt), ``confirmed`` or ``failed``; in
            ``answering`` (an asynchronous receipt is to be sent), ``answered``, ``unanswered``, ``refused``.
        disposition: of the receipt, empty without one. mic: base64 and algorithm of the digest.
        signed: payload of what was signed with its signature. wire: payload of the body of the HTTP request,
            while it may be repeated. receipt: payload of the receipt: header lines, an empty line, its body.
        headers: of the HTTP request, as on the wire. receipt_url: where an asynchronous receipt goes.
    """

    id: str
    direction: str
    channel: str
    partner: str
    message_id: str
    sender: str
    receiver: str
    as2_id: str
    state: str
    delivery: int | None = None
    disposition: str = ""
    mic: str = ""
    signed: str | None = None
    wire: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    receipt: str | None = None
    receipt_url: str = ""
    tries: int = 0
    error: str = ""
    at: str = ""
    ended_at: str | None = None
