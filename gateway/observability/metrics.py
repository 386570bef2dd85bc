"""Metrics for Prometheus: what this process did, and how the store is, which is the same on every node.

Labels are names of settings and of states, so their number is bounded; ids and whatever partners may choose
are never labels.
"""

from __future__ import annotations

import platform
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import prometheus_client as prometheus
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from gateway import __version__
from gateway.errors import ConfigurationError, EdiError
from gateway.files import in_words
from gateway.observability.recent import Recent
from gateway.partners.certificate import EXPIRED, covered
from gateway.store import gauges
from gateway.store.database import REVISION
from gateway.x12.parser import GROUP_OF_SET, TECHNICAL

if TYPE_CHECKING:
    from gateway.services.base import Services

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TIMEOUT_SECONDS = 2.0
"""No query about the store takes longer; without its answers only ``edigw_database_up`` is told."""

_KEPT_SECONDS = 5.0
_OUTCOMES = {"pending": "again"}

prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
PROCESS = prometheus.CollectorRegistry()
prometheus.ProcessCollector(registry=PROCESS)
MESSAGES = prometheus.Counter(
    "edigw_messages",
    "Messages whose translation ended (in), and messages written (out), by what became of them.",
    ("direction", "set", "partner", "outcome"),
    registry=PROCESS,
)
TRANSLATION = prometheus.Histogram(
    "edigw_translation_seconds",
    "How long translating a message took.",
    registry=PROCESS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
ATTEMPTS = prometheus.Counter(
    "edigw_delivery_attempts",
    "Tries to deliver a file: delivered, again (it is tried later) or failed (it needs a person).",
    ("channel", "outcome"),
    registry=PROCESS,
)
BUILD = prometheus.Info("edigw_build", "Version of the program, its database and Python.", registry=PROCESS)
BUILD.info({"version": __version__, "revision": REVISION, "python": platform.python_version()})

GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "edigw_database_up": (
        "Whether the database answered in time; if not, nothing else of it is told.",
        (),
    ),
    "edigw_jobs": ("Jobs that are due, that are for later, and that are being done.", ("state",)),
    "edigw_workers": ("Workers that are alive, on all nodes.", ()),
    "edigw_oldest_job_seconds": ("How long the oldest unfinished work waits; held or paused is none.", ()),
    "edigw_acknowledgments_overdue": ("Messages whose acknowledgment a partner owes.", ()),
    "edigw_needs_person": ("What needs a person: failed, waits (for an item or place), approval.", ("kind",)),
    "edigw_deliveries_uncertain": ("Begun over 15 minutes ago; whether it arrived is not known.", ()),
    "edigw_deliveries_waiting": ("Files still to be delivered.", ("channel",)),
    "edigw_channel_up": ("1 if the last work with a channel went well, 0 if it fails.", ("channel",)),
    "edigw_channel_paused": ("1 if a person paused the channel.", ("channel",)),
    "edigw_certificate_not_after_seconds": (
        "Unix time until which there is a certificate (sign, encrypt, tls) or secret (sp_api).",
        ("partner", "purpose"),
    ),
}
"""What is told of the store and the home: words and labels."""


class Site(Protocol):
    """A gateway that is open."""

    @property
    def services(self) -> Services: ...


def count(tally: Tally[tuple[str, ...]]) -> None:
    """Adds what a transaction did, see :attr:`gateway.store.sql.Store.tally`."""
    for (what, *labels), number in tally.items():
        if what == "attempt":
            channel, outcome = labels
            ATTEMPTS.labels(channel, _OUTCOMES.get(outcome, outcome)).inc(number)
        else:
            direction, set_id, partner, outcome = labels
            known = set_id in ("", TECHNICAL) or set_id in GROUP_OF_SET
            MESSAGES.labels(direction, set_id if known else "other", partner, outcome).inc(number)


@contextmanager
def served(listen: tuple[str, int], site: Site) -> Iterator[int]:
    """Answers Prometheus at an address during the block, for processes without a page; yields the port.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    host, port = listen
    if not host:
        yield 0
        return
    try:
        server, thread = prometheus.start_http_server(port, host, registry=_Both(site))
    except OSError as error:
        words = f"Metrics cannot be told at {host}:{port}: {in_words(error)}."
        hint = " Set EDIGW_METRICS_LISTEN to an address of its own for each process."
        raise ConfigurationError(words + hint) from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def render(site: Site) -> bytes:
    """All metrics in Prometheus' text format, of the type :data:`CONTENT_TYPE`; never fails for the store."""
    return prometheus.generate_latest(_Both(site))


_RECENT: Recent[list[Metric]] = Recent(_KEPT_SECONDS)


class _Both:
    """What the process counts, and the collector of the store."""

    def __init__(self, site: Site) -> None:
        self._services = site.services  # of the thread that asks, or serves

    def collect(self) -> Iterator[Metric]:
        services = self._services
        yield from PROCESS.collect()
        yield from _RECENT.get(services.store.engine, lambda: [*_observed(services)])


def _observed(services: Services) -> Iterator[Metric]:
    families = {name: GaugeMetricFamily(name, *said[:1], labels=said[1]) for name, said in GAUGES.items()}

    def say(name: str, value: float, *labels: str) -> None:
        families[name].add_metric(labels, value)

    with suppress(EdiError, OSError):
        for (partner, purpose), ends in not_after(services).items():
            say("edigw_certificate_not_after_seconds", ends, partner, purpose)
    now = services.clock()
    try:
        with gauges.limited(services.store.engine, TIMEOUT_SECONDS) as connection:
            found = gauges.read(connection, services.jobs, now)
    except EdiError:
        say("edigw_database_up", 0)
    else:
        say("edigw_database_up", 1)
        for state, number in found.jobs.items():
            say("edigw_jobs", number, state)
        say("edigw_workers", found.workers)
        oldest = max(0.0, (now - found.oldest).total_seconds()) if found.oldest else 0.0
        say("edigw_oldest_job_seconds", oldest)
        say("edigw_acknowledgments_overdue", found.counts["overdue"])
        say("edigw_deliveries_uncertain", found.counts["uncertain"])
        for kind in ("failed", "waits", "approval"):
            say("edigw_needs_person", found.counts[kind], kind)
        for channel in channels_of(services):
            row = found.channels.get(channel)
            say("edigw_channel_up", not (row and row.failures), channel)
            say("edigw_channel_paused", bool(row and row.paused_at), channel)
            say("edigw_deliveries_waiting", found.waiting.get(channel, 0), channel)
    yield from (one for one in families.values() if one.samples)


def channels_of(services: Services) -> tuple[str, ...]:
    """The names of all channels of the settings."""
    settings = services.settings
    ways = (name for one in settings.partners.values() for name in one.channels)
    return tuple(dict.fromkeys((*settings.channels, *ways, *settings.webhooks)))


def not_after(services: Services) -> dict[tuple[str, str], float]:
    """Until when, in Unix time, there is a certificate or secret, by whose it is and what it is for."""
    found: dict[tuple[str, str], float] = {}
    now, partners = services.clock(), services.settings.partners
    for held in services.keyring.groups():
        for one in held:
            known = partners.get(one.whose)
            late = bool(known and known.as2 and EXPIRED in known.as2.quirks)
            for purpose in one.purposes:
                until = covered(held, one.partner, purpose, now, late)
                last = until or max(other.ends(late) for other in held if purpose in other.purposes)
                key = (one.whose, purpose)
                found[key] = min(last.timestamp(), found.get(key, last.timestamp()))
    secrets = ((one.id, one.sp_api.secret_ends) for one in partners.values() if one.sp_api)
    return found | {(whose, "sp_api"): ends.timestamp() for whose, ends in secrets}
