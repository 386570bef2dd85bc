"""What people are told of: a catalogue of events, each made of entries of the audit.

What came from outside is cleaned before it is in any words: one line, no control characters, an end.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

SEVERITIES = ("info", "warning", "error", "critical")
MAX_TEXT = 300
"""Characters of one fact."""

_MAX_LISTED = 5
MORE, TEST = "alert.more", "alert.test"


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of event.

    Attributes:
        severity: one of :data:`SEVERITIES`.
        words: a sentence with ``{fields}``.
        sources: events of the audit; ``name key=a|b`` counts only where this fact has one of these values.
        fields: facts that are told. by: what makes two of them the same thing, in place of the message.
    """

    severity: str
    words: str
    sources: tuple[str, ...]
    fields: tuple[str, ...]
    by: tuple[str, ...] = ("message_id",)


def _event(severity: str, words: str, sources: str, fields: str, by: str = "message_id") -> Event:
    named = tuple(filter(None, sources.split(", ")))
    return Event(severity, words, named, tuple(fields.split()), tuple(by.split()))


# fmt: off
EVENTS: dict[str, Event] = {
    "order.received": _event("info", "Purchase order {number} came from {partner}.",
        "document.created document_type=purchase_order", "partner document_type number", "document_id"),
    "order.changed": _event("warning", "{partner} changed purchase order {number}.",
        "document.created document_type=purchase_order_change",
        "partner document_type number changes", "document_id"),
    "document.translated": _event("info", "{file} was translated.",
        "message.translated status=translated", "partner file"),
    "document.rejected": _event("error", "{file} was not taken, or not all of it: {status}.",
        "message.translated status=rejected|partly_translated", "partner file status errors"),
    "document.waits": _event("warning", "{document_type} {number} of {partner} waits for {waits_for}.",
        "document.waits", "partner document_type number waits_for", "document_id"),
    "file.quarantined": _event("warning", "{file} is in quarantine of {channel}: {reason}",
        "file.quarantined", "partner channel file status reason move"),
    "message.delivered": _event("info", "{file} is in the outbox of {channel}.",
        "file.delivered box=outbox", "channel file"),
    "message.failed": _event("error", "{file} for {channel} was given up and needs a person: {error}",
        "delivery.failed, message.translated status=failed", "partner channel file error"),
    "acknowledgment.received": _event("info", "{partner} acknowledged {file}: {status}.",
        "acknowledgment.received status=accepted|accepted_with_errors, "
        "interchange.acknowledged status=accepted|accepted_with_errors",
        "partner file group interchange status"),
    "acknowledgment.rejected": _event("error", "{partner} refused {file}, or a part of it: {words}",
        "acknowledgment.received status=rejected|partial, interchange.acknowledged status=rejected",
        "partner file group interchange status words"),
    "acknowledgment.overdue": _event("error", "{partner} owes an acknowledgment of {file}.",
        "acknowledgment.overdue", "partner file interchange"),
    "receipt.missing": _event("warning", "There is no good AS2 receipt of {partner} for {file}: {reason}",
        "receipt.overdue, receipt.unproven", "partner file as2_id reason"),
    "receipt.failed": _event("warning", "Our AS2 receipt cannot be sent to {partner}: {error}",
        "receipt.failed", "partner as2_id error"),
    "deadline.near": _event("warning", "{deadline} of {number} for {partner} ends {due_at}.",
        "deadline.near", "partner number deadline due_at", "document_id message_id deadline number"),
    "deadline.missed": _event("critical",
        "{deadline} of {number} for {partner} was missed; it ended {due_at}.",
        "deadline.missed", "partner number deadline due_at", "document_id message_id deadline number"),
    "claim.received": _event("warning",
        "{partner} claims {amount} of {account} as {number}; it may be disputed until {until}.",
        "claim.received", "partner number account kind amount until remittance", "partner number until"),
    "remittance.held": _event("error",
        "Remittance {remittance} of {partner} counts for nothing: {reason}",
        "remittance.held", "partner remittance amount reason", "document_id"),
    "remittance.unclassified": _event("warning",
        "{lines} lines of {remittance} need a person: {some}",
        "remittance.unclassified", "partner remittance lines some", "document_id"),
    "certificate.expiring": _event("warning", "Certificate {name} of {whose} ends {ends}, and none follows.",
        "certificate.expiring", "partner whose name purposes ends fingerprint", "fingerprint"),
    "secret.expiring": _event("warning", "The secret {secret} ends {ends}.",
        "secret.expiring", "partner channel secret ends", "secret"),
    "expiry.near": _event("warning", "{name} of {whose} ends {ends}.",
        "expiry.near", "partner whose name ends", "whose name ends"),
    "channel.stopped": _event("error", "Nothing can be exchanged over {channel} since {since}: {words}",
        "channel.stopped", "channel code words since", "channel"),
    "channel.recovered": _event("info", "{channel} works again.",
        "channel.recovered", "partner channel", "channel"),
    "alert.undelivered": _event("error", "{target} could not be told: {error}",
        "alert.failed", "target rule error", "target"),
    MORE: _event("warning", "More happened than is told one by one; `edigw audit show` has all of it.",
        "", "", ""),
    TEST: _event("info", "This is a test. Nothing needs to be done.", "", "", ""),
}
# fmt: on
"""By name; :data:`MORE` and :data:`TEST` come from no audit."""

_BY_SOURCE: dict[str, list[tuple[str, str, frozenset[str]]]] = defaultdict(list)
for _name, _one in EVENTS.items():
    for _source in _one.sources:
        _audited, _, _condition = _source.partition(" ")
        _key, _, _values = _condition.partition("=")
        _BY_SOURCE[_audited].append((_name, _key, frozenset(_values.split("|"))))


def found(audited: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """Names of the events that an entry of the audit is."""
    for name, key, values in _BY_SOURCE.get(audited, ()):
        if not key or str(facts.get(key)) in values:
            yield name


def alert(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of an event: its facts that may be told, cleaned, and a sentence of them."""
    event = EVENTS[name]
    told = {field: clean(facts[field]) for field in event.fields if facts.get(field) not in (None, "")}
    words = clean(event.words.format_map(defaultdict(lambda: "?", told)))
    return {"event": name, "severity": event.severity, "words": words, "facts": told}


def thing(name: str, facts: Mapping[str, Any]) -> str:
    """What an event is about: the same for the same thing."""
    parts = [name, *(str(facts.get(field) or "") for field in EVENTS[name].by)]
    return sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def clean(value: object, most: int = MAX_TEXT) -> str:
    """A fact as one line of so many characters, none of which controls or formats."""
    if isinstance(value, list | tuple):
        more = "; ..." if len(value) > _MAX_LISTED else ""
        return clean("; ".join(clean(one) for one in value[:_MAX_LISTED]) + more)
    text = str(value)[: 4 * most]
    text = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
