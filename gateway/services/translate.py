"""Second step: the bytes of a message become documents and answers, in one transaction.

Either everything a file leads to is stored (documents, acknowledgments, control numbers, planned deliveries
and the new status), or nothing is and the next pass begins anew. Nothing leaves the gateway here.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import Problem, TransportError
from gateway.services import lifecycle, quarantine
from gateway.services.base import Services
from gateway.services.inbound import Inbound
from gateway.services.lifecycle import Delivery, Translation
from gateway.services.outbound import Outbound
from gateway.services.problems import problem, written_twice
from gateway.services.quarantine import Findings
from gateway.store.records import Message

MAX_ATTEMPTS = 5
"""After so many passes that did not end the work on a message, a person is needed."""


def translate(services: Services, message: Message, *, again: bool) -> Translation | None:
    """Ends the work on a message, or leaves it as it is for the next pass (None).

    Args:
        again: an earlier pass did not end it; it was killed, or an error of ours stopped it.
    """
    if again:
        with services.store.transaction():
            attempts = services.store.count_attempt(message.id)
            if attempts > MAX_ATTEMPTS:
                findings = Findings("rejected")
                findings.add(problem("HOME-FAILED", count=attempts - 1))
                return _end(services, message, Translation.FAILED, findings)
    try:
        with services.store.transaction():
            erp = message.channel == services.settings.gateway.erp.channel
            if (refused := _refused(services, message, erp)) is not None:
                status, why = refused
                findings = Findings("unreadable" if message.payload is None else "rejected")
                findings.add(why)
                return _end(services, message, status, findings)
            work = Outbound(services, message) if erp else Inbound(services, message)
            return _end(services, message, work.process(), work.findings)
    except TransportError:
        raise
    except Exception as error:  # noqa: BLE001 - one bad message must not stop the others
        services.failed(message, error)
        if again and isinstance(error, OSError):  # which passes by itself, such as a full disk
            with services.store.transaction():
                services.store.count_attempt(message.id, -1)
        return None


def _refused(services: Services, message: Message, erp: bool) -> tuple[Translation, Problem] | None:
    """Why the bytes are not even looked at."""
    limit = services.settings.gateway.pickup.max_file_mb
    if message.payload is None:
        return Translation.UNREADABLE, problem("HOME-UNREADABLE")
    if message.size > limit * 1_000_000:
        return Translation.UNPROCESSED, problem("HOME-TOO-LARGE", size=message.size, limit=limit)
    if (before := services.store.translated_before(message)) is not None:
        words: dict[str, Any] = {
            "what": "A file with the same bytes",
            "file": before.name,
            "message": before.id,
        }
        found = written_twice(**words) if erp else problem("HOME-DUPLICATE", **words)
        return Translation.DUPLICATE, found
    return None


def _end(services: Services, message: Message, status: Translation, findings: Findings) -> Translation:
    """Stores the outcome; what is not wholly processed goes to quarantine with the reasons."""
    if findings.errors:
        quarantine.put(services, message, status, findings)
    lifecycle.advance(services.store, message, status, partner=findings.partner)
    if findings.deliveries or findings.errors:
        lifecycle.advance(services.store, message, Delivery.WAITING)
    warnings = [one.message for one in findings.problems if not one.is_error]
    facts = {"verdict": findings.verdict, "errors": findings.errors, "remarks": warnings[:20]}
    services.store.audit("message.translated", message.id, file=message.name, status=status.value, **facts)
    return status
