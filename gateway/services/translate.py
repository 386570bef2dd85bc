"""Second step: the bytes of a message become documents and answers, in one transaction.

Either everything a file leads to is stored (documents, acknowledgments, control numbers, planned deliveries
and the new status), or nothing is and the next pass begins anew. Nothing leaves the gateway here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import TransportError
from gateway.services import lifecycle
from gateway.services.engine import Engine
from gateway.services.inbound import Inbound
from gateway.services.lifecycle import Delivery, Translation
from gateway.services.outbound import Outbound
from gateway.services.problems import problem
from gateway.services.quarantine import Findings, Quarantine
from gateway.settings import Settings
from gateway.store.ports import Message, Payloads, Store

MAX_ATTEMPTS = 5
"""After so many passes that did not end the work on a message, a person is needed."""


@dataclass(frozen=True, slots=True)
class Translate:
    """Translates received messages.

    Args:
        failed: is told message and exception when an error of ours stops one; the others go on.
    """

    store: Store
    payloads: Payloads
    settings: Settings
    engine: Engine
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    failed: Callable[[Message, Exception], None]

    def translate(self, message: Message, *, again: bool) -> Translation | None:
        """Ends the work on a message, or leaves it as it is for the next pass (None).

        Args:
            again: an earlier pass did not end it; it was killed, or an error of ours stopped it.
        """
        if again:
            with self.store.transaction():
                attempts = self.store.count_attempt(message.id)
                if attempts > MAX_ATTEMPTS:
                    findings = Findings("rejected")
                    findings.add(problem("HOME-FAILED", count=attempts - 1))
                    return self._end(message, Translation.FAILED, findings)
        try:
            with self.store.transaction():
                refused = self._refused(message)
                if refused is not None:
                    return self._end(message, *refused)
                if message.channel == self.settings.gateway.erp.channel:
                    return self._end(message, *Outbound(self, message).process())
                return self._end(message, *Inbound(self, message).process())
        except TransportError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad message must not stop the others
            self.failed(message, error)
            if again and isinstance(error, OSError):  # which passes by itself, such as a full disk
                with self.store.transaction():
                    self.store.count_attempt(message.id, -1)
            return None

    def _refused(self, message: Message) -> tuple[Translation, Findings] | None:
        """Why the bytes are not even looked at."""
        findings = Findings("rejected")
        if message.payload is None:
            findings.verdict = "unreadable"
            findings.add(problem("HOME-UNREADABLE"))
            return Translation.UNREADABLE, findings
        limit = self.settings.gateway.pickup.max_file_mb
        if message.size > limit * 1_000_000:
            findings.add(problem("HOME-TOO-LARGE", size=message.size, limit=limit))
            return Translation.UNPROCESSED, findings
        if (before := self.store.translated_before(message)) is not None:
            findings.add(
                problem(
                    "HOME-DUPLICATE", what="A file with the same bytes", file=before.name, message=before.id
                )
            )
            return Translation.DUPLICATE, findings
        return None

    def _end(self, message: Message, status: Translation, findings: Findings) -> Translation:
        """Stores the outcome; what is not wholly processed goes to quarantine with the reasons."""
        if findings.errors:
            Quarantine(self.store, self.payloads).put(message, status, findings)
        lifecycle.advance(self.store, message, status, partner=findings.partner)
        if findings.deliveries or findings.errors:
            lifecycle.advance(self.store, message, Delivery.WAITING)
        warnings = [one.message for one in findings.problems if not one.is_error]
        facts = {"verdict": findings.verdict, "errors": findings.errors, "remarks": warnings[:20]}
        self.store.audit("message.translated", message.id, file=message.name, status=status.value, **facts)
        return status
