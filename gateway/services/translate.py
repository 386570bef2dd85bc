"""Second step: the bytes of a message become documents and answers, in one transaction.

Either everything a file leads to is stored (documents, acknowledgments, control numbers, planned deliveries
and the new status), or nothing is and a later job begins anew. Nothing leaves the gateway here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

from sqlalchemy.exc import DBAPIError

from gateway.errors import Problem, TransportError
from gateway.files import in_words
from gateway.observability import metrics, tracing
from gateway.observability.logging import is_about_one, unit
from gateway.partners.partner import API
from gateway.services import lifecycle, quarantine
from gateway.services.base import Services, job_of
from gateway.services.inbound import Inbound
from gateway.services.lifecycle import Delivery, Translation
from gateway.services.outbound import Outbound
from gateway.services.problems import problem
from gateway.services.quarantine import Findings
from gateway.services.sp_api import Orders
from gateway.store.records import INBOUND, Message

_FULL_DISK = 4
"""The pause after an error of the file system is that after so many attempts; it does not count as one."""


def translate(services: Services, messages: Sequence[Message], *, again: bool) -> None:
    """Ends the work on messages, or leaves some as they are for a later job.

    Args:
        again: an earlier job of the one message did not end; it was killed with its process.
    """
    store = services.store
    if again:
        for message in messages:
            with store.transaction():
                if store.count_attempt(message.id) > services.settings.gateway.retries.attempts:
                    _give_up(services, message)
                    services.payloads.flush()
                    return
    with store.transaction():
        for message in messages:
            known = {"message_id": message.id, "job_id": job_of(message.id), "partner": message.partner}
            try:
                with ExitStack() as around:
                    around.enter_context(nullcontext() if is_about_one() else unit(**known))
                    around.enter_context(tracing.span("translate", message.id))
                    around.enter_context(metrics.TRANSLATION.time())
                    around.enter_context(store.savepoint())
                    _translate(services, message)
                    services.payloads.flush()
            except (TransportError, DBAPIError):
                raise
            except Exception as error:  # noqa: BLE001 - one bad message must not stop the others
                if store.message(message.id).translation != Translation.RECEIVED:
                    continue  # another process did it
                if isinstance(error, OSError):  # such as a full disk
                    services.trouble(message.channel, f"{message.name} waits: {in_words(error)}")
                else:
                    services.failed(message, error)
                _try_again(services, message, error)
                services.payloads.flush()


def _translate(services: Services, message: Message) -> None:
    if (refused := _refused(services, message)) is not None:
        status, why = refused
        findings = Findings("unreadable" if message.payload is None else "rejected")
        findings.add(why)
        _end(services, message, status, findings)
        return
    kind: type[Outbound | Inbound | Orders] = Inbound
    if message.channel in services.erp.channels:
        kind = Outbound
    elif message.way == API:
        kind = Orders
    work = kind(services, message)
    status = work.process()
    _end(services, message, status, work.findings)


def _refused(services: Services, message: Message) -> tuple[Translation, Problem] | None:
    """Why the bytes are not even looked at."""
    limit = services.settings.gateway.pickup.max_file_mb
    if message.payload is None:
        return Translation.UNREADABLE, problem("HOME-UNREADABLE")
    if message.size > limit * 1_000_000:
        return Translation.UNPROCESSED, problem("HOME-TOO-LARGE", size=message.size, limit=limit)
    return None


def _try_again(services: Services, message: Message, error: Exception) -> None:
    """Plans another try, or ends the tries. What passes by itself, such as a full disk, is tried for ever."""
    retries = services.settings.gateway.retries
    attempts = _FULL_DISK if isinstance(error, OSError) else services.store.count_attempt(message.id)
    if attempts >= retries.attempts and not isinstance(error, OSError):
        _give_up(services, message)
    else:
        services.enqueue([job_of(message.id)], services.clock() + retries.pause(attempts))


def _give_up(services: Services, message: Message) -> None:
    findings = Findings("rejected")
    findings.add(problem("HOME-FAILED", count=services.settings.gateway.retries.attempts))
    _end(services, message, Translation.FAILED, findings)
    services.payloads.flush()


def _end(services: Services, message: Message, status: Translation, findings: Findings) -> None:
    """Stores the outcome; what is not wholly processed goes to quarantine with the reasons."""
    store = services.store
    if findings.errors:
        quarantine.put(services, message, status.value, findings)
    to = (status, Delivery.WAITING) if findings.deliveries or findings.errors else (status,)
    lifecycle.advance(store, message, *to, partner=findings.partner, interchange=findings.interchange)
    warnings = [one.message for one in findings.problems if not one.is_error]
    facts: dict[str, Any] = {"verdict": findings.verdict, "errors": findings.errors, "remarks": warnings[:20]}
    told = {"file": message.name, "status": status.value, "rules": services.rules, **facts}
    store.audit("message.translated", message.id, partner=findings.partner, **told)
    store.tally["message", INBOUND, findings.set_id, findings.partner or "", status.value] += 1
