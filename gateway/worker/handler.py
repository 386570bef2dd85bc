"""The handler of jobs: takes each message as far as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.observability.logging import unit
from gateway.services import (
    alert,
    attend,
    crossreference,
    deadline,
    deliver,
    finances,
    health,
    outbound,
    receive,
    reconcile,
    schedule,
    sp_api,
    translate,
    transmit,
    webhook,
)
from gateway.services.base import Services, job_of
from gateway.services.lifecycle import Translation
from gateway.store.jobs import Job
from gateway.transports.base import Look, Receiver

POLL, FETCH, SWEEP, CHECKPOINT, RETENTION, EXPIRY, WAITS = (
    *("poll", "fetch", "sweep"),
    *("checkpoint", "retention", "expiry", "waits"),
)
"""Keys of jobs beside ``message:``, ``batch:``, ``close:``, ``send:``, ``receipt:``, ``outcome:``,
``alert:``, ``notice:`` and ``reconcile:``.

A poll is ``poll:<channel>`` in a folder, ``fetch:<channel>`` on a partner's server."""


class Handler:
    """Does what jobs ask for.

    Args:
        ignored: is told channel, file and reason of what lies in an inbox and is never taken.
        checkpoints: the file beside the database, see :mod:`gateway.store.audit`.
    """

    def __init__(self, ignored: Callable[[str, str, str], None], checkpoints: Path) -> None:
        self._ignored = ignored
        self._told: set[tuple[str, str, str]] = set()
        self._checkpoints = checkpoints

    def __call__(self, services: Services, jobs: Sequence[Job]) -> None:
        """Ends when everything was done, or stands in the store with the time of its next try."""
        messages = []
        for job in jobs:
            kind, _, what = job.key.partition(":")
            if kind == "message":
                messages.append(what)
                continue
            with unit(job_id=job.key):
                self._do(services, job, kind, what)
        if messages:
            advance(services, messages, again=any(job.attempts for job in jobs))

    def _do(self, services: Services, job: Job, kind: str, what: str) -> None:
        if kind == "batch":
            outbound.close_batch(services, what)
        elif kind == "close":
            schedule.close(services, what)
        elif kind == "send":
            self.send(services, what, interrupted=bool(job.attempts))
        elif kind == FETCH:
            self.fetch(services, what)
        elif kind in (sp_api.NEW, sp_api.CHANGED, finances.INVOICES):
            with health.watched(services, kind, what) as watched:
                if watched is not None and kind == finances.INVOICES:
                    finances.look(watched, what)
                elif watched is not None:
                    sp_api.look(watched, what, kind)
        elif kind == "outcome":
            sp_api.outcome(services, what)
        elif kind == reconcile.RECONCILE:
            reconcile.reconcile(services, what)
        elif kind == "receipt":
            transmit.send_receipt(services, what)
        elif kind == "alert":
            alert.tell(services, what)
        elif kind == "notice":
            alert.send(services, what)
        elif kind == WAITS:
            crossreference.go_on(services, what)
        elif kind == POLL:
            self.look(services, what)
            self.receive(services, what)
        elif kind == SWEEP:
            attend.sweep(services)
            attend.overdue(services)
            deadline.watch(services)
        elif kind == CHECKPOINT:
            attend.checkpoint(services, self._checkpoints)
        elif kind == RETENTION:
            attend.retain(services)
            alert.forget(services)
        elif kind == EXPIRY:
            attend.expiring(services)

    def look(self, services: Services, channel: str) -> int:
        """Claims what is complete in an inbox; returns how many files are to be looked at again."""
        with health.watched(services, "look", channel) as watched:
            if watched is None or channel not in services.channels:
                return 0
            return self._look(watched, channel, services.channels[channel])

    def _look(self, services: Services, channel: str, receiver: Receiver) -> int:
        look = Look((), (), ())
        with services.trying(channel, "its inbox cannot be read"):
            look = receiver.look(time.time(), time.monotonic())
            services.well(channel)
        for name, reason in look.ignored:
            if (channel, name, reason) not in self._told:
                self._ignored(channel, name, reason)
                self._told.add((channel, name, reason))
        receive.claim(services, channel, receiver, look.ready)
        return len(look.unsure)

    def receive(self, services: Services, channel: str) -> None:
        """Makes messages of what was claimed."""
        with health.watched(services, "receive", channel) as watched:
            if watched is not None and channel in services.channels:
                with watched.trying(channel, "its folders cannot be used"):
                    receive.receive(watched, channel, services.channels[channel])

    def fetch(self, services: Services, channel: str) -> int:
        """Makes messages of what is complete on a partner's server; returns as :meth:`look`."""
        unsure = 0
        with health.watched(services, "fetch", channel) as watched:
            if watched is not None and channel in services.remotes:
                words = "its server cannot be used"
                with watched.trying(channel, words), services.remotes[channel] as remote:
                    unsure = self._look(watched, channel, remote)
                    receive.receive(watched, channel, remote)
        return unsure

    def send(self, services: Services, channel: str, *, interrupted: bool = False) -> None:
        """Sends what waits for a partner; where it is not to be tried yet, later."""
        with health.watched(services, "send", channel) as watched:
            if watched is None:
                if until := health.pause_of(services, services.store.channels.get(channel)):
                    with services.store.transaction():
                        services.wake_at(f"send:{channel}", until)
            elif channel in services.remotes:
                deliver.send(watched, channel, interrupted=interrupted)
            elif channel in services.accounts:
                sp_api.submit(watched, channel)
            elif channel in services.settings.webhooks:
                webhook.send(watched, channel)
            else:
                transmit.send(watched, channel)


def advance(services: Services, ids: Sequence[str], *, again: bool) -> None:
    """Translates messages and delivers what comes of them.

    Args:
        again: an earlier job for the one message did not end.
    """
    messages = [one for one in services.store.messages(ids) if not one.hold]
    only = messages[0] if len(ids) == 1 and messages else None
    about = (only.id, job_of(only.id), only.partner, only.interchange) if only else ()
    with unit(**dict(zip(("message_id", "job_id", "partner", "control_number"), about))):
        waiting = [one for one in messages if one.translation == Translation.RECEIVED]
        if waiting:
            translate.translate(services, waiting, again=again)
        with health.watched(services, "send") as watched:
            assert watched is not None
            deliver.deliver(watched, ids, services.channels, interrupted=again)
