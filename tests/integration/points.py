"""The program ``edigw`` with fault points: ``python -m tests.integration.points up --config HOME``.

``EDIGW_FAULT=name:n`` lets the process kill itself with SIGKILL when it comes by the named step for the n-th
time; ``name:n:STOP`` stops it there with SIGSTOP instead. The points are put around functions of the gateway
from here, so the gateway itself knows nothing of them.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

import gateway.app
from gateway import files
from gateway.cli.main import main
from gateway.services import accept, attend, deliver, inbound, outbound, receive, translate, transmit
from gateway.store import database, jobs, payloads
from gateway.transports import as2
from gateway.transports.folder import Folder
from gateway.worker.handler import SWEEP

VARIABLE = "EDIGW_FAULT"
SWEEP_VARIABLE = "EDIGW_SWEEP_SECONDS"
"""How often a process looks for work that nobody was woken for, where a test cannot wait half a minute."""

_STEPS = {
    "receive": (receive, "receive"),
    "translate": (translate, "translate"),
    "sending": (deliver, "_promise"),
    "delivered": (deliver, "_finish"),
    "batch": (outbound, "close_batch"),
    "sweep": (attend, "sweep"),
}
"""Functions whose transactions have points before and after their commit."""

_AS2_STEPS = {
    "accepted": (accept._Arrival, "_keep"),
    "begun": (transmit, "_begin"),
    "sent": (transmit, "_sent"),
    "postponed": (transmit, "_later"),
    "confirmed": (transmit, "_confirm"),
    "answered": (transmit, "send_receipt"),
    "owed": (transmit, "_receipt_later"),
}
"""The same for what is received and sent over AS2."""

POINTS = (
    "after-claim",
    "before-payload-names",
    *(f"{when}-{step}-commit" for step in _STEPS for when in ("before", "after")),
    "before-job-commit",
    "after-job-commit",
    "after-settle",
    "in-translate",
    "in-answer",
    "after-stage",
    "between-releases",
    "in-heartbeat",
)

REMOTE = (
    "remote-connected",
    "remote-asked",
    "remote-answered",
    "remote-looked",
    "remote-claimed",
    "remote-opened",
    "remote-settled",
    "remote-staged",
    "remote-synced",
    "remote-released",
)
"""Points of who fetches and sends over SFTP: each request and answer, and each step."""

RECEIVING = (
    "after-admit",
    "before-payload-names",
    "before-accepted-commit",
    "after-accepted-commit",
    "before-reply",
)
"""Points of who gets messages over AS2: from before the body is read until before the answer leaves."""

SENDING = (
    "before-begun-commit",
    "after-begun-commit",
    "in-post",
    "after-post",
    "before-postponed-commit",
    "after-postponed-commit",
    "before-confirmed-commit",
    "after-confirmed-commit",
    "after-wire",
)
"""Points of who sends them; the last when the bytes that were sent are deleted."""

TAKING = ("in-take-receipt", "before-confirmed-commit", "after-confirmed-commit", "after-wire")
"""Where an asynchronous receipt is taken in."""

WAITING = ("before-sent-commit", "after-sent-commit", "in-take-receipt")
"""Points of who asks for asynchronous receipts."""

ANSWERING = (
    "before-receipt",
    "before-answered-commit",
    "after-answered-commit",
    "before-owed-commit",
    "after-owed-commit",
)
"""Points of who sends them."""


class Points:
    """Counts how often the point is passed that was asked for."""

    def __init__(self, wanted: str) -> None:
        self.name, number, *action = wanted.split(":")
        self._left = int(number)
        self._signal = signal.Signals[f"SIG{action[0] if action else 'KILL'}"]
        self._counting = threading.Lock()
        self._local = threading.local()

    def reach(self, name: str) -> None:
        """Comes by a point."""
        if name != self.name:
            return
        with self._counting:
            self._left -= 1
            due = self._left == 0
        if due:
            os.kill(os.getpid(), self._signal)

    def after(self, owner: Any, name: str, point: str) -> None:
        """Puts a point behind a function."""
        function = getattr(owner, name)

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            self.reach(point)
            return result

        setattr(owner, name, wrapped)

    def within(self, owner: Any, name: str, step: str) -> None:
        """Calls the commits inside a function those of a step."""
        function = getattr(owner, name)

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            before, self._local.step = self.step, step
            try:
                return function(*args, **kwargs)
            finally:
                self._local.step = before

        setattr(owner, name, wrapped)

    @property
    def step(self) -> str:
        """What this thread does; ``job`` is the engine's own work."""
        return getattr(self._local, "step", "job")

    def around_commits(self) -> None:
        """Puts points before and after every commit, on SQLite and PostgreSQL."""
        commit: Callable[..., None] = DefaultDialect.do_commit

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            self.reach(f"before-{self.step}-commit")
            commit(dialect, connection)
            self.reach(f"after-{self.step}-commit")

        setattr(DefaultDialect, "do_commit", do_commit)  # noqa: B010 - mypy allows no assignment to a method

    def in_heartbeats(self) -> None:
        """Puts a point into the heartbeats of both engines, and makes those of SQLite frequent."""
        beat = jobs._Worker._beat

        @contextmanager
        def beating(worker: Any) -> Iterator[Any]:
            with beat(worker) as connection:
                yield connection
                if threading.current_thread().name == "jobs-heartbeat":
                    self.reach("in-heartbeat")

        setattr(jobs._Worker, "_beat", beating)  # noqa: B010 - see above
        if self.name == "in-heartbeat":
            often = partial(jobs.EmbeddedJobs, lease_seconds=2)
            setattr(gateway.app, "EmbeddedJobs", often)  # noqa: B010 - see above
        with suppress(ModuleNotFoundError):
            from procrastinate import PsycopgConnector

            query = PsycopgConnector.execute_query_one_async

            async def asking(*args: Any, **values: Any) -> Any:
                if "last_heartbeat" in f"{args}{values}":
                    self.reach("in-heartbeat")
                return await query(*args, **values)

            setattr(PsycopgConnector, "execute_query_one_async", asking)  # noqa: B010 - see above

    def install(self) -> None:
        """Puts itself into this process, for good; SIGUSR1 shows what its threads do."""
        faulthandler.register(signal.SIGUSR1)
        setattr(database, "_STANDSTILL_SECONDS", 8)  # noqa: B010 - no test waits for a minute
        for step, (owner, name) in (_STEPS | _AS2_STEPS).items():
            self.within(owner, name, step)
        self.around_commits()
        self.in_heartbeats()
        self.after(Folder, "claim", "after-claim")
        self.after(Folder, "settle", "after-settle")
        self.after(Folder, "stage", "after-stage")
        self.after(Folder, "release", "between-releases")
        self.after(inbound.Inbound, "document", "in-translate")
        self.after(outbound, "_written", "in-translate")
        self.after(inbound.Inbound, "_answer", "in-answer")
        self.after(accept.Gate, "admit", "after-admit")
        self.after(accept, "accept", "before-reply")
        self.after(as2._Stream, "write", "in-post")
        self.after(transmit, "_post", "after-post")
        self.after(transmit, "_forget_wire", "after-wire")
        self.after(transmit, "_asked_about", "in-take-receipt")
        self.after(transmit, "_receipt_target", "before-receipt")
        if self.name in REMOTE:
            from gateway.transports import sftp, ssh

            steps = {"looked": "look", "claimed": "claim", "opened": "open", "settled": "settle"}
            steps |= {"staged": "stage", "synced": "sync", "released": "release"}
            for point, name in steps.items():
                self.after(sftp.SftpFolders, name, f"remote-{point}")
            self.after(sftp.SftpFolders, "connect", "remote-connected")
            self.after(ssh._Channel, "ask", "remote-asked")
            self.after(ssh._Channel, "answer", "remote-answered")
        sync = files.sync_files

        def synced(paths: Any) -> None:
            sync(paths)
            self.reach("before-payload-names")

        setattr(payloads, "sync_files", synced)  # noqa: B010 - see above


if __name__ == "__main__":
    if os.environ.get(VARIABLE):
        Points(os.environ[VARIABLE]).install()
    if seconds := os.environ.get(SWEEP_VARIABLE):
        gateway.app._PERIODS[SWEEP] = float(seconds)
    sys.exit(main())
