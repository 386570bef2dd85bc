"""How documents find their way: what the table is asked about each, and what would have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from math import inf
from typing import Any

import orjson
from sqlalchemy import Connection

from gateway.documents import KINDS, keys_of
from gateway.errors import DocumentError
from gateway.partners.partner import API, FOLDER, X12_WAYS, Partner, Partners
from gateway.routing.table import ACKNOWLEDGMENT, DAYS, EDI, Decision, Facts, Rule, Table, Way, decide
from gateway.services.base import Services
from gateway.store import queries
from gateway.store.records import INBOUND, OUTBOUND, Document

MAX_CHANGES = 1000
"""Differences that a simulation lists; all of them are counted."""


def ways(connection: Connection, partner: Partner) -> dict[str, Way]:
    """The ways of a partner as they are now: one is well whose channels are neither paused nor stopped."""
    shut = queries.shut_channels(connection)
    places = partner.channels or {partner.folder: FOLDER}
    ends = {API: partner.sp_api.secret_ends} if partner.sp_api else {}
    return {
        way: Way(not any(name in shut for name, one in places.items() if one == way), ends.get(way))
        for way in partner.ways
    }


def choose(services: Services, partner: Partner, kept: Document, document: Mapping[str, Any]) -> Decision:
    """Which way a document goes; to be called in a transaction. Nothing is asked where there is no choice."""
    table, store = services.routes, services.store
    if len(partner.ways) == 1 and not any(table.rules_for(partner.id, kept.document_type)):
        return Decision(partner.ways[0], "it is the only way")
    store.flush()
    known: dict[str, Any] = {"number": kept.number, "test": kept.test, "size": len(kept.body or b"")}
    found = decide(table, facts(store.connection, partner, document, time=services.clock(), **known))
    if not found.code:
        told = {"document_type": kept.document_type, "number": kept.number, "way": found.way}
        told |= {"rule": found.rule, "why": found.reason}
        store.audit("document.routed", kept.message_id, document_id=kept.id, partner=partner.id, **told)
    return found


def answer(services: Services, partner: Partner, came: str) -> tuple[str, dict[str, str]]:
    """Which way an acknowledgment goes, and by which rule: back the way the interchange came, without one."""
    now = ways(services.store.connection, partner)
    asked = Facts(partner=partner.id, document_type=ACKNOWLEDGMENT, time=services.clock(), ways=now)
    found = decide(services.routes, asked)
    if found.rule and found.way in X12_WAYS:
        return found.way, {"way": found.way, "rule": found.rule}
    return (came if came in partner.ways and came in X12_WAYS else partner.x12_way), {}


def facts(
    connection: Connection,
    partner: Partner,
    document: Mapping[str, Any],
    *,
    number: str,
    test: bool,
    size: int,
    time: datetime,
    before: int | None = None,
) -> Facts:
    """What is known of a document. ``before``: only what came before this one (``seq``) counts."""
    kind = str(document["document_type"])
    given: dict[str, Any] = {"partner": partner.id, "test": test, "before": before}
    earlier = queries.first_ways(connection, kind, [number], direction=OUTBOUND, **given)
    orders = {value for name, value in keys_of(document) if name == "po"}
    came = sorted(
        queries.first_ways(connection, "purchase_order", orders, direction=INBOUND, **given).items()
    )
    api, other = ([one for one, way in came if (way == API) is wanted] for wanted in (True, False))
    pinned, why = "", ""
    if number in earlier:
        pinned = earlier[number] or EDI
        why = f"{kind.replace('_', ' ')} {number} went by {pinned} for the first time"
    elif api:
        pinned, why = API, f"the order {api[0]} came by the API"
        if other:  # no way is right
            pinned, why = "both", f"{why}, and {other[0]} did not"
    elif other:
        pinned, why = EDI, f"the order {other[0]} came by EDI"
    known: dict[str, Any] = {"partner": partner.id, "document_type": kind, "ways": ways(connection, partner)}
    known |= {"region": _region(document), "bytes": size, "lines": _lines(document)}
    return Facts(**known, test=test, time=time, pinned=pinned, pinned_by=why, sent=number in earlier)


def _lines(document: Mapping[str, Any]) -> int:
    """How many lines a document has, or items in its parts, as a ship notice."""
    parts: list[Any] = [document]
    number = 0
    for part in parts:
        if isinstance(part, list):
            parts += part
        elif isinstance(part, Mapping):
            for name, value in part.items():
                if name in ("lines", "items") and isinstance(value, list):
                    number += sum(isinstance(one, dict) for one in value)  # an address has lines too
                elif isinstance(value, dict | list):
                    parts.append(value)
    return number


def _region(document: Mapping[str, Any]) -> str:
    """The region a document names, or the country it ships to."""
    places = [one for one in document.get("parties") or () if one.get("role") == "ship_to"]
    address = (places[0].get("address") if places else None) or {}
    return str(document.get("region") or address.get("country") or "")


def simulate(
    connection: Connection,
    table: Table,
    partners: Partners,
    since: datetime | None,
    until: datetime | None,
    most: int | None = None,
) -> dict[str, Any]:
    """What a table would have done with the documents that were sent, if all ways had worked.

    Args:
        most: so many documents are looked at, the oldest.
    """
    counts: Counter[tuple[int, str, str]] = Counter()
    changes: list[dict[str, Any]] = []
    left_out = changed = 0
    for row in islice(queries.sent_documents(connection, since, until), most):
        partner = partners.get(row["partner"])
        if partner is None or row["body"] is None:
            left_out += 1  # it is gone, with its retention or its partner
            continue
        asked = stored_facts(connection, partner, row)
        found = decide(table, replace(asked, ways=dict.fromkeys(asked.ways, Way())))
        counts[found.rule_number, found.rule, found.way or found.code] += 1
        changed += found.way != row["way"]
        if found.way != row["way"] and len(changes) < MAX_CHANGES:
            told = {name: row[name] for name in ("partner", "document_type", "number", "sent_in")}
            told |= {"went": row["way"], "way": found.way, "rule": found.rule, "why": found.reason}
            changes.append(told)
    names = ("rule_number", "rule", "way", "documents")
    by = [dict(zip(names, (*key, number))) for key, number in sorted(counts.items())]
    told = {"documents": counts.total(), "left_out": left_out, "changed": changed}
    return {**told, "by_rule": by, "changes": changes}


def asked(connection: Connection, partners: Partners, document: Any, time: datetime) -> tuple[str, Facts]:
    """Number and facts of a document that would be sent. Raises DocumentError: it is none."""
    kind = document.get("document_type") if isinstance(document, dict) else None
    if kind not in KINDS:
        raise DocumentError(f'"document_type" {kind!r} is none of {", ".join(KINDS)}.')
    partner = partners.of_document(document)
    if isinstance(partner, str):
        raise DocumentError(partner)
    agreed = partner.sends(KINDS[kind].set_id)
    test = document.get("test") is True or bool(agreed and agreed.usage == "T")
    number = str(document.get(KINDS[kind].number, ""))
    given: dict[str, Any] = {"number": number, "test": test, "size": len(orjson.dumps(document))}
    return number, facts(connection, partner, document, time=time, **given)


def in_words(rule: Rule) -> str:
    """What a rule is for, as a sentence."""
    when = rule.when
    what = " and ".join(f"{one.replace('_', ' ')}s" for one in sorted(rule.documents)) or "everything"
    parts = [what + (f" for {' and '.join(sorted(rule.partners))}" if rule.partners else "")]
    parts += [f"to {' or '.join(sorted(rule.regions))}"] if rule.regions else []
    parts += [] if when.test is None else ["only tests" if when.test else "no tests"]
    for unit in ("bytes", "lines"):
        least, most = getattr(rule, unit)
        parts += [f"from {least:,} {unit}"] if least else []
        parts += [f"up to {most:,} {unit}"] if most != inf else []
    if rule.is_timed:
        days = [one for one in DAYS if one in rule.days]
        parts.append(
            " ".join([when.hours, *(["on", ", ".join(days)] if days else []), f"({rule.zone.key})"]).strip()
        )
    parts += ["only while the way works"] if when.healthy else []
    said = ", ".join(parts)
    return said[0].upper() + said[1:]


def stored_facts(
    connection: Connection, partner: Partner, row: queries.Row, time: datetime | None = None
) -> Facts:
    """What was known of a document that was sent, at a time or at its own."""
    at, size = time or datetime.fromisoformat(row["created_at"]), len(row["body"])
    known = {"number": row["number"], "test": row["test"], "size": size, "before": row["seq"]}
    return facts(connection, partner, orjson.loads(row["body"]), time=at, **known)
