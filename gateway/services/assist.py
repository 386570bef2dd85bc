"""Documents that are made here for an ERP that cannot: what is known of orders, a preview, sending."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, BinaryIO, cast

import orjson
from sqlalchemy import Connection, or_, select

from gateway.documents import KINDS
from gateway.documents.assist.story import Story, as_changed
from gateway.errors import NotFoundError, Problem, RefusedError
from gateway.partners.partner import API
from gateway.services import receive
from gateway.services.base import Services, job_of
from gateway.services.erp import MADE, Forms
from gateway.services.lifecycle import Translation
from gateway.services.outbound import Outbound
from gateway.services.work import FIRST
from gateway.store import tables as t
from gateway.store.payloads import Payloads
from gateway.store.records import INBOUND, OUTBOUND, Message
from gateway.transports.folder import harmless

_SENT = {"ship_notice": "notices", "invoice": "invoices"}
_D, _K, _M, _CAME = t.documents.c, t.document_keys.c, t.messages.c, t.messages.alias()


@dataclass(frozen=True, slots=True)
class Known:
    """Orders of one partner, with what was sent for them.

    Attributes:
        api: whether the newest of them came by Amazon's API. shipment: the ship notice, if one was asked for.
    """

    partner: str
    stories: tuple[Story, ...]
    api: bool = False
    shipment: str = ""


def known(
    connection: Connection,
    numbers: Collection[str],
    partner: str = "",
    *,
    test: bool = False,
    kind: str = "po",
) -> Known:
    """What is known of orders, or of those of a shipment (``kind``).

    What the partner refused, or a person cancelled, was not sent.

    Raises:
        NotFoundError, RefusedError: there is no such order, or several partners have the number.
    """
    asked = [*dict.fromkeys(numbers)]
    under_way = select(_M.name).where(_M.way == MADE, _M.translation == "received", _M.hold == "").limit(1)
    if (before := connection.scalar(under_way)) is not None:
        raise RefusedError(f"{before} is on its way and counts too; try again when it is processed.")
    query = select(*t.documents.c, _K.value, _CAME.c.way).join(t.document_keys, _K.document_id == _D.id)
    query = query.outerjoin(_CAME, _CAME.c.id == _D.message_id)
    query = query.outerjoin(t.messages, _M.id == _D.sent_in).order_by(_D.seq)
    query = query.where(
        _K.value.in_(asked), _K.kind == kind, _D.test == test, _D.acknowledgment != "rejected"
    )
    query = query.where(or_(_M.id.is_(None), _M.delivery != "cancelled"))
    query = query.where(*([_D.partner == partner] if partner else []))
    rows = [row._mapping for row in connection.execute(query)]
    opener = "ship_notice" if kind == "shipment" else "purchase_order"
    partners = sorted({str(row["partner"]) for row in rows if row["document_type"] == opener})
    if len(partners) > 1:
        raise RefusedError(f"{' and '.join(partners)} have {', '.join(asked)}; name one with --partner.")
    rows = [row for row in rows if [row["partner"]] == partners]
    if kind == "shipment" and partners:
        notices = [row["id"] for row in rows if row["document_type"] == opener]
        orders = select(_K.value).where(_K.document_id == notices[-1], _K.kind == "po")
        found = [str(one) for one in connection.scalars(orders)]
        return replace(known(connection, found, partners[0], test=test), shipment=asked[0])
    stories, api = list[Story](), False
    for number in asked:
        story: dict[str, Any] = {"order": None, "changes": [], "notices": (), "invoices": ()}
        for row in rows:
            if row["value"] != number:
                continue
            came, name = row["direction"] == INBOUND, row["document_type"]
            if came and name == "purchase_order":
                order, api = _body(row), row["way"] == API
                is_again = order.get("purpose") in FIRST  # as when it is processed again
                story |= {"order": order, "changes": story["changes"] if is_again else []}
            elif came and name == "purchase_order_change":
                story["changes"].append(_body(row))
            elif row["direction"] == OUTBOUND and name == "purchase_order_acknowledgment":
                story["acknowledgment"] = _body(row)
            elif row["direction"] == OUTBOUND and name in _SENT:
                story[_SENT[name]] += (_body(row),)
        if story["order"] is None:
            also = "" if test else " A test is asked for with --test."
            raise NotFoundError(f"There is no {'order' if kind == 'po' else kind} {number}.{also}")
        order = as_changed(story.pop("order"), story.pop("changes"))
        stories.append(Story(order, **story))
    return Known(partners[0], tuple(stories), api)


def _body(row: Mapping[Any, Any]) -> dict[str, Any]:
    if row["body"] is None:
        raise NotFoundError(
            f"The content of {row['document_type']} {row['number']} was deleted with its retention."
        )
    found: dict[str, Any] = orjson.loads(zlib.decompress(row["body"]))
    return found


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a document.

    Attributes:
        status: as of the file that it would be. way, file, content: what would be sent, and how.
        results: the same in words.
    """

    status: str
    problems: tuple[Problem, ...]
    results: tuple[str, ...] = ()
    way: str = ""
    file: str = ""
    content: bytes = b""


class _TakenBackError(Exception):
    """Nothing of it is to stay."""


@dataclass(slots=True)
class _Noted:
    """Payloads that are only looked at."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, source: BinaryIO) -> tuple[str, int]:
        content = source.read()
        sha256 = hashlib.sha256(content).hexdigest()
        self.kept[sha256] = content
        return sha256, len(content)

    def location(self, sha256: str) -> str:
        return sha256


def inlet(services: Services, *, test: bool) -> str:
    """The first channel that our own system writes to, one for tests if it can be. Raises RefusedError."""
    channels = [one for one in services.settings.gateway.erp.channels if one.direction != "to_erp"]
    channels.sort(key=lambda one: one.test != test)
    if not channels or channels[0].test > test:
        raise RefusedError("No channel of erp.channels takes documents of your own system.")
    return channels[0].channel


def number(document: Mapping[str, Any]) -> str:
    """The number by which a document is known; empty without one."""
    return str(document.get(KINDS[str(document["document_type"])].number) or "")


def _message(services: Services, document: Mapping[str, Any]) -> Message:
    """The message that a document comes with."""
    kind, now = str(document["document_type"]), services.clock()
    return Message(
        id=services.arrival_id(now),
        direction=INBOUND,
        channel=inlet(services, test=document.get("test") is True),
        name=harmless(f"{kind}_{number(document)}.json"),
        payload=None,
        size=0,
        created_at=now,
        way=MADE,
    )


def preview(services: Services, document: Mapping[str, Any]) -> Preview:
    """What would be sent, after the same checks; nothing of it stays. Raises RefusedError."""
    noted, store = _Noted(), services.store
    forms = Forms.load(services.settings.gateway.erp, (services.home / "mappings",))
    trial = replace(services, payloads=cast("Payloads", noted), erp=forms)
    message, found = _message(services, document), Preview("", ())
    with suppress(_TakenBackError), store.transaction():
        store.add_message(message)
        work = Outbound(trial, message)
        status = work.write({**document})
        found = Preview(status.value, tuple(work.findings.problems), tuple(work.findings.results))
        sent = next((one.sent_in for one in store.documents_of(message.id)), None)
        if status == Translation.TRANSLATED and sent:
            carrier = store.message(sent)
            content = noted.kept[carrier.payload or ""]
            found = replace(found, way=carrier.way, file=carrier.name, content=content)
        raise _TakenBackError
    return found


def send(services: Services, document: Mapping[str, Any]) -> str:
    """Takes a document in as if our own system had written it; the id of its message. Raises RefusedError."""
    payload, size = services.payloads.put(BytesIO(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"))
    services.payloads.flush()
    message = replace(_message(services, document), payload=payload, size=size)
    with services.store.transaction():
        receive.keep(services, message, made=document["document_type"], partner=document["partner_id"])
        services.enqueue([job_of(message.id)])
    services.jobs.wake()
    return message.id
