"""Takes in what a program hands over, as if it had been put into an inbox.

Bytes, row, job and the key by which the caller would ask again are committed together: whoever dies before
the answer leaves either nothing or all of it, and which of them can be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import orjson

from gateway.errors import NotFoundError
from gateway.partners.partner import FOLDER, Partner
from gateway.services import assist, receive
from gateway.services.base import Services, job_of
from gateway.services.erp import MADE, FileForm
from gateway.services.quarantine import MAX_PROBLEMS
from gateway.transports.folder import QUARANTINE, harmless

MAX_NAME = 150


@dataclass(frozen=True, slots=True)
class Given:
    """What is handed over.

    Attributes:
        way: ``made`` for our own JSON, else that of a folder.
        partners: whose it is; a sentence in the place of one that cannot be told.
    """

    content: bytes
    channel: str
    name: str
    way: str
    partners: tuple[Partner | str, ...]


def documents(services: Services, content: bytes, form: str = "") -> Given:
    """Documents of our own system: our JSON, or in the form of ``erp.channels`` with this shape.

    Raises:
        DocumentError: they are not in that form. NotFoundError: there is no such form.
        RefusedError: no channel takes them.
    """
    if form:
        channel, name = _place(services, form)
        return file(services, content, channel, name)
    channel = assist.inlet(services, test=_is_test(content))
    found = _read(services, services.erp.made(channel), content)
    name = harmless(f"{found[0]['document_type']}_{assist.number(found[0])}.json", MAX_NAME)
    return Given(content, channel, name, MADE, _partners(services, found))


def _is_test(content: bytes) -> bool:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    listed = found if isinstance(found, list) and found else [found]
    return all(isinstance(one, dict) and one.get("test") is True for one in listed)


def _place(services: Services, form: str) -> tuple[str, str]:
    """The channel of a form, and a name by which files are read so."""
    own = services.new_id()[:8]
    for one in services.erp.forms:
        if form == one.rule.shape and one.channel.direction != "to_erp":
            name = one.rule.files.replace("*", own).replace("?", "0")
            if services.erp.inlet(one.channel.channel, name) == one:
                return one.channel.channel, name
    known = sorted({one.rule.shape for one in services.erp.forms if one.channel.direction != "to_erp"})
    raise NotFoundError(f"No form {form!r} is read from your own system. Known are: {', '.join(known)}.")


def file(services: Services, content: bytes, channel: str, name: str) -> Given:
    """A file of a channel: of a partner, or of our own system in the form that its name has there.

    Raises:
        DocumentError: it is not in that form. NotFoundError: there is no such channel, or no form.
    """
    name = harmless(name, MAX_NAME)
    if (form := services.erp.inlet(channel, name)) is not None:
        return Given(content, channel, name, FOLDER, _partners(services, _read(services, form, content)))
    if channel in services.erp.channels:
        raise NotFoundError(f"No form of {channel} reads a file with the name {name!r}.")
    owners = [one for one in services.settings.partners.values() if one.folder == channel]
    if not owners or channel not in services.channels:
        raise NotFoundError(f"There is no channel {channel!r} that files come in by.")
    return Given(content, channel, name, FOLDER, tuple(owners))


def _read(services: Services, form: FileForm, content: bytes) -> list[dict[str, Any]]:
    return form.read(BytesIO(content), services.guides, services.settings.partners)


def _partners(services: Services, found: Sequence[dict[str, Any]]) -> tuple[Partner | str, ...]:
    known = [services.settings.partners.of_document(one) for one in found]
    return tuple({one if isinstance(one, str) else one.id: one for one in known}.values())


def take(services: Services, given: Given, key: str) -> str | None:
    """Takes it in; returns the id of its message, or of that of the first time; None if that was another.

    Args:
        key: by which the same is known when it is handed over again.
    """
    store = services.store
    message = receive.came(services, given.channel, given.name, BytesIO(given.content), way=given.way)
    with store.transaction():
        if (before := store.claim(key, message.id)) is not None:
            return before if store.message(before).payload == message.payload else None
        only = [one.id for one in given.partners if isinstance(one, Partner)]
        receive.keep(services, message, partner=only[0] if len(only) == len(given.partners) == 1 else None)
        services.enqueue([job_of(message.id)])
    services.jobs.wake()
    return message.id


def problems(services: Services, message_id: str) -> list[dict[str, Any]]:
    """What is wrong with a message, as its report in the quarantine says; empty without one."""
    for one in services.store.deliveries_of(message_id):
        if one.box == QUARANTINE and one.payload and one.wanted.endswith(".problem.json"):
            with services.payloads.open(one.payload) as report:
                found: list[dict[str, Any]] = orjson.loads(report.read())["problems"]
            return found[:MAX_PROBLEMS]
    return []
