"""``edigw up``, ``serve`` and ``worker``: a gateway that runs until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING

from gateway.cli import inputs
from gateway.cli.exit_codes import ExitCode
from gateway.cli.output import say
from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.app import Gateway


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

    home = inputs.home_named(args)
    settings = load(home)
    configure()
    watch = settings.gateway.observability
    tracing.configure(watch.traces)
    stop = Event()
    with Gateway(home, settings) as gateway, metrics.served(watch.address, gateway):
        if gateway.is_single and not (clock and works):
            raise ConfigurationError(
                "On SQLite one process does everything: run `edigw up`. For several, set storage.database."
            )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        get_logger().info("gateway.started", home=str(home), clock=clock, works=works)
        if sys.stderr.isatty():
            say(f"The gateway works on {home}. Ctrl-C ends it.")
        failed = _until(gateway, stop, clock=clock, works=works)
        get_logger().info("gateway.stopped")
    if failed:
        raise failed[0]
    return ExitCode.FINE


def _until(gateway: Gateway, stop: Event, *, clock: bool, works: bool) -> list[BaseException]:
    """Runs both parts until one ends; if it ended by an error, that is returned."""
    failed: list[BaseException] = []

    def part(run: object) -> None:
        try:
            assert callable(run)
            run(stop)
        except BaseException as error:  # noqa: BLE001 - told by the caller
            failed.append(error)
        finally:
            stop.set()

    parts = [*(gateway.parts if works else ())]
    if clock:
        parts += [gateway.keep_time, *gateway.listeners]
    threads = [Thread(target=part, args=(run,), name=f"part{number}") for number, run in enumerate(parts)]
    for thread in threads:
        thread.start()
    while not stop.wait(1):
        pass
    for thread in threads:
        thread.join()
    return failed
