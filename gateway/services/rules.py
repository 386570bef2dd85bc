"""The rules of vendors at work: what the store knows, what is stopped, and what a person lets pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Connection

from gateway.documents.validation import explain
from gateway.errors import DocumentError, Problem, RefusedError, Severity
from gateway.partners.partner import Partner
from gateway.rules.rule import ORDERS, SENT, Applied, Node, Past, check
from gateway.services import crossreference
from gateway.services.base import Services
from gateway.store import queries
from gateway.store.queries import Row
from gateway.store.records import APPROVAL, INBOUND, WAITS, Document

_STOPS = ("document.held", "document.waits", "file.quarantined")
_OURS = ("partner", "control", "raw")


class Kept:
    """What the store knows, as :class:`gateway.rules.rule.Known`."""

    def __init__(self, services: Services, partner: Partner, test: bool) -> None:
        self._services, self._partner, self._test = services, partner, test

    def documents(self, kind: str, number: str) -> Sequence[Past]:
        found = self._services.store.documents_named(self._partner.id, kind, number, self._test)
        return [Past(orjson.loads(one.body), one.created_at, one.acknowledgment) for one in found if one.body]

    def accepted(self, document_type: str, enough: int) -> int:
        return self._services.store.accepted(self._partner.id, document_type, enough)

    def items(self, ids: Node) -> Sequence[Node]:
        return crossreference.rows_of_item(self._services, self._partner, ids)

    def places(self, party: Node) -> Sequence[Node]:
        return crossreference.rows_of_place(self._services, self._partner, party)


def ask(services: Services, partner: Partner, document: Node, *, test: bool, ours: bool) -> list[Problem]:
    """What the rules of the partner say against a document; errors are those that stop it for good.

    Args:
        ours: whether it is to be sent. Rules are about orders that come, and what is sent for them.

    Raises:
        DocumentError: it is not right by its model.
    """
    applied, kind = services.settings.rules.get(partner.id, ()), document["document_type"]
    if not applied or kind in (ORDERS if ours else SENT):
        return []
    body = {name: value for name, value in document.items() if name not in _OURS}
    if wrong := explain({"schema_version": "1", **body}):
        raise DocumentError("The document is not right by its model.", problems=wrong)
    found = check(body, Kept(services, partner, test), services.clock(), applied)
    passable = {one.rule.code for one in applied if one.override}
    return [replace(one, severity=Severity.WARNING) if one.code in passable else one for one in found]


def tried(services: Services, partner_id: str, body: Node) -> list[Problem]:
    """What the rules say of a document that is not sent; our own numbers are filled in as when it is."""
    partner, document = services.settings.partners[partner_id], dict(body)
    crossreference.fill(services.store, partner, document, crossreference.today(services), ours=True)
    ours = document["document_type"] not in ORDERS
    return ask(services, partner, document, test=document.get("test") is True, ours=ours)


def told(one: Applied) -> dict[str, Any]:
    """A rule as it holds for a partner, in its JSON form."""
    rule = one.rule
    parameters = {name: plain(default) for name, (_, default) in rule.parameters.items()}
    return {
        "id": rule.id,
        "code": rule.code,
        "documents": list(rule.kinds),
        "severity": one.severity,
        "override": one.override,
        "what": rule.what,
        "why": rule.why,
        "source": rule.source,
        "hint": rule.hint,
        "elsewhere": rule.elsewhere,
        "parameters": parameters | {name: plain(value) for name, value in one.parameters.items()},
    }


def plain(value: Any) -> Any:
    """A parameter in its JSON form."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def stopped(connection: Connection, partners: frozenset[str] | None) -> dict[str, list[Row]]:
    """What rules stopped lately, newest first, by their codes: entries of the audit."""
    found: dict[str, list[Row]] = {}
    for row in queries.recent(connection, _STOPS, partners):
        said = row["facts"].get("rules") or []
        words = str(row["facts"].get("waits_for", ""))
        if words.startswith(crossreference.HELD):
            said = words.removeprefix(crossreference.HELD).partition(":")[0].split(", ")
        for code in said:
            found.setdefault(code, []).append(row)
    return found


def sending(services: Services, partner: Partner, kept: Document, document: Node) -> list[Problem]:
    """What a person must approve before a document is sent. Raises DocumentError if it is not sent at all."""
    found = ask(services, partner, document, test=kept.test, ours=True)
    if any(one.is_error for one in found):
        raise DocumentError("Rules of the partner stop the document.", problems=tuple(found))
    return found


def receiving(services: Services, partner: Partner, document: Node) -> tuple[list[Problem], str]:
    """Remarks on a document that came, and what its delivery waits for; empty if it goes on."""
    found = ask(services, partner, document, test=bool(document.get("test")), ours=False)
    stopping = [one for one in found if one.is_error]
    codes = ", ".join(sorted({one.code for one in stopping}))
    waits = f"{crossreference.HELD}{codes}: {' '.join(one.message for one in stopping)}" if stopping else ""
    return [replace(one, severity=Severity.WARNING) for one in found], waits


def approve(services: Services, document_id: str, rules: Collection[str], reason: str) -> list[str]:
    """Lets a document go on that rules stopped; returns their codes.

    Args:
        rules: every rule that stops it, as ``S4``.

    Raises:
        NotFoundError, RefusedError: there is no such document, it waits for nobody, or other rules stop it
            too.
        DocumentError: by now a rule stops it that cannot be overridden.
    """
    store = services.store
    with store.transaction():
        document = store.document(document_id)
        partner = services.settings.partners.get(document.partner)
        waiting = [
            one
            for one in store.deliveries_of(document.message_id)
            if one.document_id == document.id
            and one.state == WAITS
            and one.error.startswith(crossreference.HELD)
        ]
        held = (document.batch or "").startswith(APPROVAL)
        if partner is None or document.body is None or not (held or waiting):
            raise RefusedError(f"Document {document_id} does not wait for an approval.")
        body = orjson.loads(document.body)
        if document.direction == INBOUND:
            said = [one.error.removeprefix(crossreference.HELD).partition(":")[0] for one in waiting]
            codes = {code for one in said for code in one.split(", ")}
            told: list[str] = [one.error for one in waiting]
        else:
            found = sending(services, partner, document, body)
            codes, told = {one.code for one in found}, [one.message for one in found]
        given = {f"RULE-{one.removeprefix('RULE-')}" for one in rules}
        if left := sorted(codes - given):
            named = " ".join(f"--rule {one.removeprefix('RULE-')}" for one in left)
            raise RefusedError(
                f"{', '.join(left)} stops document {document_id} too; look at it, then add {named}."
            )
        facts: dict[str, Any] = {"document_type": document.document_type, "number": document.number}
        facts |= {"rules": sorted(given), "problems": told[:20], "reason": reason}
        store.audit(
            "document.approved", document.message_id, document_id=document.id, partner=partner.id, **facts
        )
        for one in waiting:
            store.wait_for(one, "its turn: it was approved")
            services.enqueue([crossreference.job_of_waiting(document.message_id)])
        if held and document.batch:
            batch = document.batch.removeprefix(APPROVAL)
            store.move_to_batch(document, batch)
            services.enqueue([f"batch:{batch}"])
    return sorted(codes)
