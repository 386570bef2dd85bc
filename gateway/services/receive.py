"""First step: files from inboxes become messages.

A file is claimed by a rename, its bytes are kept, its row and the job that goes on with it are committed, and
only then it is removed. Whatever moment the process dies at, the next pass finds the claimed file and either
repeats the step (same arrival id, same payload, the row is added once) or has nothing left to do but remove
it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, BinaryIO

from gateway.observability import tracing
from gateway.partners.partner import FOLDER, SFTP
from gateway.services.base import Services, job_of
from gateway.store.records import INBOUND, Message
from gateway.transports.base import Arrival, Receiver, UnreadableError

BATCH = 200
"""Files whose rows share one commit."""


def claim(services: Services, channel: str, receiver: Receiver, names: tuple[str, ...]) -> None:
    """Takes files that the last look found ready."""
    for name in names:
        services.guard()
        arrival_id = services.arrival_id(services.clock())
        with services.trying(channel, f"{name!r} cannot be taken"):
            receiver.claim(name, arrival_id)


def receive(services: Services, channel: str, receiver: Receiver) -> None:
    """Makes messages of everything claimed."""
    arrivals = receiver.arrivals()
    for start in range(0, len(arrivals), BATCH):
        kept: list[tuple[Arrival, Message]] = []
        for arrival in arrivals[start : start + BATCH]:
            with services.trying(channel, arrival.name):
                kept.append((arrival, _message(services, channel, receiver, arrival)))
        services.payloads.flush()
        with services.store.transaction():
            added = []
            for _, message in kept:
                is_new = keep(services, message)
                if not is_new and services.store.message(message.id).payload != message.payload:
                    # Known by name, size and time, as files are that cannot be moved: still another one.
                    message = replace(message, id=f"{message.id}-{(message.payload or '')[:8]}")
                    is_new = keep(services, message)
                if is_new:
                    added.append(job_of(message.id))
            services.enqueue(added)
        services.guard()
        for arrival, message in kept:
            with services.trying(channel, arrival.name):
                if message.payload is None:
                    receiver.set_aside(arrival)
                else:
                    receiver.settle(arrival)
    services.well(channel)


def keep(services: Services, message: Message, **facts: Any) -> bool:
    """Adds what came, in the transaction that is open; False if it is there already."""
    with tracing.span("receive", message.id, first=True, channel=message.channel, file=message.name):
        if not services.store.add_message(message):
            return False
    told: dict[str, Any] = {"channel": message.channel, "file": message.name, "bytes": message.size}
    if message.payload is not None:
        told["sha256"] = message.payload
    services.store.audit("file.received", message.id, **told, **facts)
    return True


def came(services: Services, channel: str, name: str, content: BinaryIO, **more: Any) -> Message:
    """A message of what came otherwise than by a folder, for :func:`keep`; its bytes are on disk."""
    payload, size = services.payloads.put(content)
    services.payloads.flush()
    now = services.clock()
    return Message(
        id=services.arrival_id(now),
        direction=INBOUND,
        channel=channel,
        name=name,
        payload=payload,
        size=size,
        created_at=now,
        **more,
    )


def _message(services: Services, channel: str, receiver: Receiver, arrival: Arrival) -> Message:
    """The message a claimed file makes, its bytes on disk. Raises OSError for what may pass by itself."""
    payload, size = None, 0
    try:
        with receiver.open(arrival) as stream:
            payload, size = services.payloads.put(stream)
            if not receiver.unchanged(arrival, stream, size):
                raise OSError("still being written to; it is read in the next pass")
    except UnreadableError:
        pass  # told by the translation, which finds a message without bytes
    return Message(
        id=arrival.id,
        direction=INBOUND,
        channel=channel.partition("/")[0],  # that of the partner, whichever of its servers it is from
        name=arrival.name,
        payload=payload,
        size=size,
        created_at=services.clock(),
        way=SFTP if receiver is services.remotes.get(channel) else FOLDER,
    )
