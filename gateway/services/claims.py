"""What a document of ours must not share with one that was sent: its content, and the number of a first."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from gateway.documents import KINDS
from gateway.errors import RefusedError
from gateway.services import sscc
from gateway.services.base import Services
from gateway.services.work import FIRST
from gateway.store.records import Document

_OURS = ("partner", "partner_id", "channel", "document_id", "raw", "control")
"""Fields that say where a document came from; what is sent gets new ones."""


def claims(kept: Document, document: dict[str, Any]) -> list[str]:
    """What a document must not share with an earlier one: its content and, if it is a first, its number."""
    test = "T" if kept.test else "P"
    start = f"{kept.partner}|{kept.document_type}|{kept.number}|{test}"
    keys = [f"sent-content:{start}|{fingerprint(document)}"]
    if KINDS[kept.document_type].unique and document.get("purpose") in FIRST:
        keys.append(f"sent-number:{start}")
    return keys


def free_number(services: Services, kept: Document) -> None:
    """Lets a corrected document take the number of one that was rejected or cancelled."""
    services.store.deadlines.reopen([kept.id])
    if kept.body is None:
        return
    document = orjson.loads(kept.body)
    if _has_ssccs(kept, document):
        services.store.ssccs.release(f"{kept.partner}|{kept.number}")
    services.store.release_claims(claims(kept, document)[1:], kept.message_id)
    if own_id := document.get("document_id"):
        services.store.forget_key("document", f"{kept.partner}|{own_id}")


def take_number(services: Services, kept: Document) -> None:
    """Takes back what was freed. Raises RefusedError or DocumentError if a corrected document has it now."""
    if kept.body is None:
        return
    document = orjson.loads(kept.body)
    if _has_ssccs(kept, document):
        sscc.claim(services, f"{kept.partner}|{kept.number}", document)
    for key in claims(kept, document)[1:]:
        owner = services.store.claim(key, kept.message_id)
        if owner not in (None, kept.message_id):
            raise RefusedError(
                f"{kept.document_type} {kept.number} was sent again since, by message {owner}."
            )


def _has_ssccs(kept: Document, document: dict[str, Any]) -> bool:
    """Whether the SSCCs of a document are its own: a notice that replaces another has those of that."""
    return kept.document_type == "ship_notice" and not kept.test and document.get("purpose") in FIRST


def content_of(document: dict[str, Any]) -> dict[str, Any]:
    """What is sent of a document: all but where it came from."""
    return {key: value for key, value in document.items() if key not in _OURS}


def fingerprint(document: dict[str, Any]) -> str:
    """What the content of a document is known by."""
    return hashlib.sha256(orjson.dumps(content_of(document), option=orjson.OPT_SORT_KEYS)).hexdigest()
