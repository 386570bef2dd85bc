"""``edigw up``, ``serve`` and ``worker``: a gateway that runs until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say
from gateway.errors import ConfigurationError, EdiError, RefusedError

if TYPE_CHECKING:
    from gateway.api.server import Kept
    from gateway.app import Gateway
    from gateway.settings import Settings

_RULES = ("mappings/**/*.yaml", "mappings/**/*.xs*", "schemas/**/*.yaml", "schemas/**/*.xml")


class _Changes:
    """Notices when the settings of a home, or its guides and mappings, are others than those in force.

    Attributes:
        fresh: the settings that are to be in force next.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.fresh: Settings | None = None
        self._used = self._seen = self._last = self._stamp()

    def look(self, current: Settings, trouble: str) -> str:
        """Sets ``fresh`` if all that is there is usable; returns why it is not, or ``trouble``."""
        from gateway.observability.logging import get_logger
        from gateway.services.mapping import check_own
        from gateway.settings import load

        before, self._last = self._last, self._stamp()
        if self._last == self._seen or self._last != before:  # nothing, or it is still being written
            return trouble
        self._seen = self._last
        try:
            fresh = load(self._home)
            check_own(self._home, fresh.gateway.erp)
        except (EdiError, OSError, ValueError) as error:
            words = " ".join((str(error), *(one.message for one in getattr(error, "problems", ())[:3])))
            get_logger().error("settings.refused", words=words)
            return f"{words} The gateway goes on with the settings before."
        rules, used = ({one for one in some if one[0]} for some in (self._seen, self._used))
        self.fresh = None if fresh == current and rules == used else fresh
        self._used = self._seen
        return ""

    def _stamp(self) -> set[tuple[bool, str, int, int, int]]:
        """Each file; first whether it is a guide or mapping, whose content is no part of settings."""
        found = set()
        for pattern in ("*.yaml", "partners/*.yaml", "config/**/*.yaml", *_RULES):
            for path in self._home.glob(pattern):
                with suppress(OSError):
                    one = path.stat()
                    found.add((pattern in _RULES, str(path), one.st_mtime_ns, one.st_size, one.st_ino))
        return found


def register(commands: inputs.Commands) -> None:
    """Adds the commands of this module."""
    for name, run in (("up", run_up), ("serve", run_serve), ("worker", run_worker)):
        inputs.home_option(inputs.command(commands, name, run))


def run_up(args: argparse.Namespace) -> int:
    """Run everything in one process.

    Looks into the inboxes every few seconds, translates, acknowledges and delivers, until it is stopped with
    Ctrl-C or SIGTERM; what was begun is ended first. On PostgreSQL several may run.
    """
    return _run(args, clock=True, works=True)


def run_serve(args: argparse.Namespace) -> int:
    """Run the clock of a gateway of several processes.

    Decides when inboxes are looked into and what is due. The work is done by `edigw worker`, on as many
    machines as are needed. Of several, one has the clock and another takes over when it ends. Needs
    PostgreSQL.
    """
    return _run(args, clock=True, works=False)


def run_worker(args: argparse.Namespace) -> int:
    """Run a worker of a gateway of several processes.

    Does what is due, beside other workers; what one leaves undone when it dies, another takes over within
    seconds. Needs PostgreSQL.
    """
    return _run(args, clock=False, works=True)


def _run(args: argparse.Namespace, *, clock: bool, works: bool) -> int:
    from gateway.app import Gateway
    from gateway.observability import metrics, tracing
    from gateway.observability.logging import configure, get_logger
    from gateway.settings import load

    home, log = inputs.home_named(args), get_logger()
    settings: Settings = load(home)
    before: Settings | None = None
    changes, told, trouble = _Changes(home), list[int](), ""
    kept: Kept = {}
    configure()
    log.info("gateway.started", home=str(home), clock=clock, works=works)
    while True:
        failed: list[BaseException] = []
        try:
            watch = settings.gateway.observability
            tracing.configure(watch.traces)
            with (
                Gateway(home, settings, kept=kept, before=before) as gateway,
                metrics.served(watch.address, gateway),
            ):
                if gateway.is_single and not (clock and works):
                    raise ConfigurationError(
                        "On SQLite one process does everything: run `edigw up`. "
                        "For several, set storage.database."
                    )
                if sys.stderr.isatty() and before is None:
                    say(f"The gateway works on {home}. Ctrl-C ends it.")
                    gateway.shown = _welcome
                gateway.trouble = trouble
                rules = settings.gateway
                used = {
                    "web": rules.web.address,
                    "as2": rules.as2.listen,
                    "sftp_server": rules.sftp_server.listen,
                }
                _close(kept, [name for name in kept if not used[name]])
                failed = _until(gateway, told, changes, kept, clock=clock, works=works)
        except RefusedError:
            if before is None:
                raise
            time.sleep(1)  # another process has the home for a moment
            if not told:
                continue
        except EdiError as error:
            failed = [error]
        fresh, changes.fresh = changes.fresh, None
        if failed and before is not None and isinstance(failed[0], EdiError) and not told:
            trouble = f"{failed[0]} The gateway goes on with the settings before."
            log.error("settings.refused", words=trouble)
            settings, before = before, None
            continue
        if failed or told or fresh is None:
            break
        log.info("settings.changed")
        settings, before, trouble = fresh, settings, ""
    _close(kept, list(kept))
    if failed:
        raise failed[0]
    log.info("gateway.stopped")
    return ExitCode.FINE


def _close(kept: Kept, names: list[str]) -> None:
    """Ends what stayed open, and is not used any more."""
    for name in names:
        kept.pop(name).close()


def _welcome(address: str, is_new: bool) -> None:
    say("")
    say(
        "There is no administrator yet. Become it at this address; it works once, for 24 hours:"
        if is_new
        else "The page is at this address:"
    )
    say(f"  {address}")
    say("")


def _until(
    gateway: Gateway, told: list[int], changes: _Changes, kept: Kept, *, clock: bool, works: bool
) -> list[BaseException]:
    """Runs all parts until one ends, a signal is told, or settings changed; returns the errors of parts.

    For new settings those that work end first, each with what it has begun; who connects meanwhile is served.
    """
    failed: list[BaseException] = []
    wake, work_ends, all_ends = Event(), Event(), Event()

    def stop(number: int, _: object) -> None:
        told.append(number)
        wake.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)

    def part(run: Callable[[Event], None], ends: Event) -> None:
        try:
            run(ends)
        except BaseException as error:  # noqa: BLE001 - told by the caller
            failed.append(error)
        finally:
            wake.set()

    parts = [(run, work_ends) for run in [*(gateway.parts if works else ())]]
    if clock:
        parts += [(gateway.keep_time, work_ends), *((run, all_ends) for run in gateway.listeners)]
    threads = [
        (Thread(target=part, args=one, name=f"part{number}"), one[1]) for number, one in enumerate(parts)
    ]
    for thread, _ in threads:
        thread.start()
    while not told and not wake.wait(1):
        gateway.trouble = changes.look(gateway.settings, gateway.trouble)
        if changes.fresh is not None:
            break
    work_ends.set()
    if told:
        _close(kept, list(kept))
    if told or wake.is_set():
        all_ends.set()
    for ends in (work_ends, all_ends):
        ends.set()
        for thread, its in threads:
            if its is ends:
                thread.join()
    return failed
