"""Puts a gateway together from its settings: one process on SQLite, or one of many nodes on PostgreSQL."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError

from gateway import resources
from gateway.api.listener import Listener, Reply
from gateway.api.listener import Request as HttpRequest
from gateway.as2.mime import Headers
from gateway.as2.span import Span
from gateway.engine import library
from gateway.errors import EdiError, RefusedError
from gateway.observability import metrics
from gateway.observability.logging import get_logger
from gateway.partners.calendar import Slots
from gateway.partners.partner import API
from gateway.routing.table import Table
from gateway.secrets import secret
from gateway.services import accept, access, alert, health, schedule
from gateway.services.base import Services, Trouble
from gateway.services.crossreference import job_of_waiting
from gateway.services.erp import Forms
from gateway.services.finances import INVOICES
from gateway.services.sp_api import CHANGED, NEW
from gateway.settings import (
    ALERTS_FILE,
    AS2_KEYS,
    AUDIT_KEY,
    CHECKPOINTS,
    DATA,
    FOLDERS,
    GATEWAY_FILE,
    KEYS,
    LOCK,
    PARTNERS_FOLDER,
    PAYLOADS,
    RECONCILIATION,
    ROUTES_FILE,
    SPOOL,
    Settings,
    database_url,
)
from gateway.store.audit import Seal
from gateway.store.database import open_engine, prepare, told
from gateway.store.jobs import EmbeddedJobs, Job, Jobs, LeaseLostError
from gateway.store.keyring import Keyring
from gateway.store.payloads import PayloadFiles, open_payloads
from gateway.store.records import GATEWAY, Entry, Message
from gateway.store.sql import Store
from gateway.store.tables import jobs, workers
from gateway.transports import metadata
from gateway.transports.as2 import Client
from gateway.transports.base import Remote
from gateway.transports.folder import INBOX, OUTBOX, QUARANTINE, Folder
from gateway.worker.clock import Clock
from gateway.worker.handler import CHECKPOINT, EXPIRY, FETCH, POLL, RETENTION, SWEEP, WAITS, Handler

if TYPE_CHECKING:
    from gateway.api.server import Kept
    from gateway.api.sftp_server import Server
    from gateway.transports.sp_api import Client as Account
    from gateway.web.app import Web

_DAY = 86400.0
_AGAIN_SECONDS = 60.0
_PERIODS = {SWEEP: 30.0, CHECKPOINT: 3600.0, RETENTION: _DAY, EXPIRY: 3600.0, WAITS: 3600.0}

_COUNTED = {
    "file.received": "received",
    "document.created": "documents",
    "document.waiting": "documents",
    "document.held": "documents",
    "interchange.written": "documents",
    "submission.written": "documents",
    "webhook.written": "documents",
    "acknowledgment.written": "acknowledgments",
    "file.delivered": "delivered",
    "file.quarantined": "quarantined",
}
"""Which number of a pass an entry of the audit counts for."""

_DATABASES = ("sqlalchemy", "psycopg", "psycopg_pool", "procrastinate")
"""Packages whose errors tell of the database."""

_UNLOGGED = frozenset(
    ("files", "amount", "changes", "kinds", "paid", "problems", "remarks", "row", "some", "words")
)
"""Facts of the audit that may hold what stands in documents; the log does without them."""

_WARNINGS = (
    "file.quarantined",
    "document.waits",
    "document.held",
    "delivery.delayed",
    "submission.uncertain",
    "delivery.failed",
    "acknowledgment.overdue",
    "receipt.overdue",
    "receipt.unproven",
    "receipt.ignored",
    "receipt.failed",
    "certificate.expiring",
    "secret.expiring",
    "expiry.near",
    "channel.stopped",
    "alert.failed",
    "deadline.near",
    "deadline.missed",
    "claim.received",
    "remittance.held",
    "remittance.unclassified",
)


@dataclass(slots=True)
class Pass:
    """What one pass over all channels did.

    Attributes:
        received, delivered: files. quarantined: how many of the received need a person.
        documents: business documents, in both directions. acknowledgments: written by us.
        unfinished: messages that are tried again later.
        trouble: what could not be done now and is tried again, in words.
    """

    received: int = 0
    documents: int = 0
    acknowledgments: int = 0
    delivered: int = 0
    quarantined: int = 0
    unfinished: int = 0
    trouble: list[str] = field(default_factory=list)


class Gateway(AbstractContextManager["Gateway"]):
    """A home that is open.

    Args:
        home: a folder made by ``edigw init``.
        settings: what :func:`gateway.settings.load` found there.
        listener: is told each entry of the audit, after it is on disk; of very many of a file only some.
        works: whether it works on the home, which on SQLite only one process may; others read, and say what
            is to be done.
        actor: who does what is done by hand.
        kept: what an earlier gateway of this process left open.
        before: the settings of that one, as they changed.

    Attributes:
        trouble: why settings that were changed since are not taken up; empty if nothing is wrong.
        shown: is told the address of the page, and whether it makes the first administrator.

    Raises:
        RefusedError: another process works on this home.
        ConfigurationError: the database cannot be used.
    """

    def __init__(
        self,
        home: Path,
        settings: Settings,
        listener: Callable[[Entry], None] = lambda _: None,
        *,
        works: bool = True,
        actor: str = GATEWAY,
        kept: Kept | None = None,
        before: Settings | None = None,
    ) -> None:
        metadata.refuse()
        self._kept, self.trouble = kept, ""
        self.shown: Callable[[str, bool], object] = lambda *_: None
        self.home = home
        self.settings = settings
        self._schedules = settings.schedules
        self._listener = listener
        self._actor = actor
        self._log = get_logger().bind()  # else each line would make a logger first
        self._pass = Pass()
        self._counting = threading.Lock()
        self._local = threading.local()
        self._stores: list[Store] = []
        self._idle: list[Services] = []
        self._turn = threading.Lock()
        data = home / DATA
        data.mkdir(mode=0o700, exist_ok=True)
        url = database_url(home, settings)
        with ExitStack() as ends:
            self.engine = open_engine(url)
            ends.callback(self.engine.dispose)
            ends.callback(self._close_stores)
            if works and self.is_single:
                ends.enter_context(locked(data / LOCK))
            prepare(self.engine)
            self._seal = Seal.of(home / KEYS / AUDIT_KEY)
            self.payloads = open_payloads(settings.gateway.storage.payloads, data / PAYLOADS)
            if works and isinstance(self.payloads, PayloadFiles):
                self.payloads.clean(time.time() - (0 if self.is_single else _DAY))
            self._jobs = self._engine_of_jobs(url)
            self.keyring = Keyring(
                home / KEYS / AS2_KEYS, partial(secret, settings.gateway.keys.password, home)
            )
            self._http = Client()
            ends.callback(self._http.close)
            self._spool = data / SPOOL
            self._spool.mkdir(mode=0o700, exist_ok=True)
            stable = settings.gateway.pickup.stable_seconds
            marker = settings.markers
            self._folders = {
                name: Folder(home / FOLDERS / name, stable, marker[name]) for name in settings.channels
            }
            self._remotes = _remotes(home, settings)
            self._accounts = _accounts(home, settings)
            for client in self._accounts.values():
                ends.callback(client.close)
            self._routes = Table(settings.routes)
            # What came with the package is behind the guides and mappings of the home, file by file.
            layers = tuple(path for path in (home / "mappings", home / "schemas") if path.is_dir())
            self._erp = Forms.load(settings.gateway.erp, (home / "mappings",)) if works else Forms({})
            self._handler = Handler(self._is_ignored, data / CHECKPOINTS)
            known = _rules(home, layers) if works else ()
            files = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in known}
            self._rules = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest() if works else ""
            self._guides = library(layers, self._rules if layers else "")
            if works:
                if self.is_single:
                    self._inherit()
                self._begin(files, before)
            self._ends = ends.pop_all()

    @property
    def is_single(self) -> bool:
        """Whether one process does everything, on SQLite."""
        return self.engine.dialect.name == "sqlite"

    def __exit__(self, *exc: object) -> None:
        self._ends.close()

    def _close_stores(self) -> None:
        """Gives back the connections of all threads; none of them works any more."""
        for store in self._stores:
            store.close()

    def _engine_of_jobs(self, url: str) -> Jobs:
        if self.is_single:
            return EmbeddedJobs(self.engine, on_trouble=self._in_trouble, clock=partial(datetime.now, UTC))
        from gateway.store.procrastinate import ProcrastinateJobs

        rule = self.settings.gateway.schedule
        return ProcrastinateJobs(
            url,
            self.engine,
            on_trouble=self._in_trouble,
            concurrency=rule.workers,
            senders=rule.senders,
        )

    def _inherit(self) -> None:
        """Takes the jobs of earlier processes: they are dead, or this one would not hold the lock.

        What was to be done later is looked at now, as the clock may have been set back since.
        """
        with told(), self.engine.begin() as connection:
            connection.execute(delete(workers))
            connection.execute(update(jobs).values(worker=None, due_at=""))

    def _begin(self, files: dict[str, str], before: Settings | None) -> None:
        """Makes the folders of new channels, and says in the audit by which rules work is done."""
        store = self.services.store
        for name, folder in self._folders.items():
            if not folder.is_made and not store.knows_channel(name):
                folder.make()
        with store.transaction():
            if store.once("rules", self._rules) is None:
                store.audit("rules.loaded", rules=self._rules, files=files)
            if before is not None:
                health.forgive(self.services, before)
            if store.waiting_deliveries(1):  # by other rules, or on another day, they may go on
                self.services.enqueue([job_of_waiting()])

    @property
    def services(self) -> Services:
        """The services of this thread."""
        found: Services | None = getattr(self._local, "services", None)
        if found is None:
            found = self._local.services = self._services()
        return found

    def _services(self) -> Services:
        clock = partial(datetime.now, UTC)
        turn = self._turn if self.is_single else None
        store = Store(self.engine, clock, self._seal, self._told, self._actor, turn)
        store.counted = metrics.count
        self._stores.append(store)
        found = Services(
            store=store,
            jobs=self._jobs,
            payloads=self.payloads,
            channels=self._folders,
            remotes=self._remotes,
            accounts=self._accounts,
            settings=self.settings,
            home=self.home,
            keyring=self.keyring,
            http=self._http,
            spool=self._spool,
            entropy=os.urandom,
            guides=self._guides,
            routes=self._routes,
            erp=self._erp,
            rules=self._rules,
            clock=clock,
            new_id=lambda: str(uuid4()),
            guard=lambda: None,
            told=self._trouble,
            failed=self._failed,
        )
        if self.settings.alerts.rules:
            store.alarm = partial(alert.notice, found)
        return found

    @contextmanager
    def acting(self, actor: str) -> Iterator[Services]:
        """Services of their own for one request, whose audit entries are by ``actor``."""
        try:
            services = self._idle.pop()
        except IndexError:
            services = self._services()
        services.store.actor = actor
        try:
            yield services
        finally:
            self._idle.append(services)

    @property
    def schedules(self) -> Mapping[str, Slots]:
        """What has times of its own, by the keys of its jobs."""
        return self._schedules

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.now(UTC)

    # --- work ----------------------------------------------------------------------------------------

    def run_once(self, *, patient: bool = True) -> Pass:
        """Ends what was begun, takes what is in the inboxes, translates it and delivers the results.

        Args:
            patient: look twice at files that were written just now, instead of leaving them to the next pass.
        """
        self._pass = Pass()
        services = self.services
        self._handler(services, [Job(SWEEP, 0)])
        for name, slots in self._schedules.items():
            self._fire(name, slots)
        self._jobs.drain(self._handle)
        unsure = [self._handler.look(services, channel) for channel in self._folders]
        waits = [channel for channel in self._fetched if self._handler.fetch(services, channel)]
        self._handler(services, [Job(key, 0) for key in self._asked])
        if patient and (any(unsure) or waits):
            time.sleep(self.settings.gateway.pickup.stable_seconds)
            for channel in self._folders:
                self._handler.look(services, channel)
            for channel in waits:
                self._handler.fetch(services, channel)
        for channel in self._folders:
            self._handler.receive(services, channel)
        self._jobs.drain(self._handle)
        self._pass.unfinished = len(services.store.unfinished(1000))
        return self._pass

    def work(self, stop: threading.Event) -> None:
        """Does jobs until ``stop`` is set."""
        self._jobs.work(self._handle, stop)

    def send(self, stop: threading.Event) -> None:
        """Sends over networks until ``stop`` is set, so that a slow partner stops nothing else."""
        self._jobs.work(self._handle, stop, "send")

    def watch(self, stop: threading.Event) -> None:
        """Looks into inboxes soon after something came, until ``stop`` is set.

        This only wakes: shares tell of nothing, so that every inbox is looked into by the clock as well.
        """
        from watchfiles import Change, watch

        free = [name for name in self._folders if f"{POLL}:{name}" not in self._schedules]
        inboxes = {str(self.home / FOLDERS / name / INBOX): name for name in free}
        while inboxes and not stop.is_set():
            try:
                for changes in watch(
                    *inboxes,
                    watch_filter=lambda change, _path: change != Change.deleted,
                    stop_event=stop,
                    force_polling=False,
                    recursive=False,
                    raise_interrupt=False,
                ):
                    came = {inboxes.get(os.path.dirname(path)) for _, path in changes}  # noqa: PTH120 - a text
                    self._look_soon([f"{POLL}:{name}" for name in came if name])
            except (EdiError, OSError, RuntimeError, SQLAlchemyError) as error:  # the clock goes on looking
                self._in_trouble(error)
                stop.wait(_AGAIN_SECONDS)

    def _look_soon(self, polls: Sequence[str]) -> None:
        services, rests = self.services, self.settings.gateway.pickup.stable_seconds
        with services.store.transaction():
            known = services.jobs.waiting(services.store.connection, polls)
            at = services.clock() + timedelta(seconds=rests)
            services.enqueue([one for one in polls if one not in known], at)

    @property
    def listeners(self) -> list[Callable[[threading.Event], None]]:
        """What waits for partners until it is stopped. Raises ConfigurationError."""
        rules = self.settings.gateway
        found: list[Callable[[threading.Event], None]] = []
        found += [self.listener().run] if rules.as2.listen else []
        found += [partial(self.sftp_server().run, kept=self._kept)] if rules.sftp_server.listen else []
        return found + ([self._show] if rules.web.address else [])

    def web(self, address: tuple[str, int] | None = None) -> Web:
        """The page and the REST interface, at another address than the settings say if one is given."""
        from gateway.web.app import Web

        return Web(self, self._kept, address)

    def _show(self, stop: threading.Event) -> None:
        web = self.web()
        threading.Thread(target=self._tell_address, args=(web, stop), daemon=True).start()
        web.run(stop)

    def _tell_address(self, web: Web, stop: threading.Event) -> None:
        while not web.ready.wait(0.1):
            if stop.is_set():
                return
        with self.acting(GATEWAY) as services:
            is_new = access.needs_set_up(services)
            path = f"/setup?token={access.set_up_token(services)}" if is_new else "/"
        # Whoever starts the gateway may read its log; the token is of use until there is an administrator.
        self._say("info", "web.ready", url=f"{web.url}{path}")
        self.shown(f"{web.url}{path}", is_new)

    def sftp_server(self) -> Server:
        """What partners with an account log in to. Raises ConfigurationError if it cannot be."""
        from gateway.api.sftp_server import Guest, Server

        rules, partners = self.settings.gateway.sftp_server, self.settings.partners

        def keep(partner: str, event: str, facts: dict[str, Any], act: Callable[[], None]) -> None:
            store, channel = self.services.store, partners[partner].folder
            try:
                with store.transaction():
                    named = (channel, facts["box"], facts["file"])
                    message = store.sent_as(*named) if facts["box"] == OUTBOX else None
                    store.audit(event, message, partner=partner, channel=channel, **facts)
                    store.write()  # what is not kept is not done
                    act()
            except (EdiError, SQLAlchemyError) as error:
                self._in_trouble(error)
                raise OSError(errno.EIO, "it could not be written down; try again later") from error

        guests = {
            one.sftp_account.user: Guest(one.id, self.home / FOLDERS / one.folder, one.sftp_account)
            for one in partners.values()
            if one.sftp_account
        }
        return Server(rules, self.home / rules.host_key, guests, say=self._say, keep=keep)

    def listener(self) -> Listener:
        """What takes in AS2 messages. Raises ConfigurationError if its settings cannot be used."""
        rules = self.settings.gateway.as2

        def stranger(sender: str, receiver: str, client: str) -> None:
            self._say("warning", "as2.stranger", sender=sender, receiver=receiver, client=client)

        gate = accept.Gate(self.settings, max(1, rules.connections // 2), stranger)

        def admit(headers: list[tuple[str, str]], client: str) -> Reply | None:
            answer = gate.admit(Headers(tuple(headers)), client, datetime.now(UTC))
            return Reply(answer.status, list(answer.headers), answer.body) if answer else None

        def handle(request: HttpRequest) -> Reply:
            headers = Headers(tuple(request.headers))
            asked = accept.Request(headers, Span.whole(request.body), request.client)
            try:
                with health.watched(self.services, "accept") as watched:
                    assert watched is not None
                    answer = accept.accept(watched, gate, asked)
            except (EdiError, OSError, SQLAlchemyError) as error:  # nothing was kept, and the sender knows it
                self._in_trouble(error)
                answer = accept.Answer.words(503, "The gateway cannot take messages now.", accept.LATER)
            return Reply(answer.status, list(answer.headers), answer.body)

        names = (rules.tls_certificate, rules.tls_key)
        return Listener(
            *rules.address,
            rules.path,
            admit=admit,
            handle=handle,
            max_body=rules.max_body_mb * 1_000_000,
            connections=rules.connections,
            body_seconds=rules.body_seconds,
            spool=self._spool,
            tls=(str(self.home / names[0]), str(self.home / names[1])) if all(names) else None,
            on_trouble=self._in_trouble,
            kept=self._kept,
        )

    @property
    def parts(self) -> list[Callable[[threading.Event], None]]:
        """What works until it is stopped, each in a thread of its own."""
        speaks = any(one.as2 or one.sftp or one.sp_api for one in self.settings.partners.values())
        speaks |= bool(self.settings.alerts.rules or self.settings.webhooks)
        senders = self.settings.gateway.schedule.senders if self.is_single else 1
        return [self.work, self.watch, *([self.send] * senders if speaks else [])]

    @property
    def _fetched(self) -> dict[str, float]:
        """Channels whose files are fetched, and the seconds between two looks."""
        found = self.settings.servers
        return {name: one.poll_seconds for name, one in found.items() if one.inboxes}

    @property
    def _asked(self) -> dict[str, float]:
        """Jobs that ask Amazon for orders and invoices, and the seconds between two."""
        terms = {name: one.terms for name, one in self._accounts.items()}
        found = {f"{NEW}:{name}": one.poll_seconds for name, one in terms.items()}
        found |= {f"{CHANGED}:{name}": one.poll_changes_seconds for name, one in terms.items()}
        asked = {name: one.poll_invoices_seconds for name, one in terms.items() if one.marketplace}
        return found | {f"{INVOICES}:{name}": seconds for name, seconds in asked.items()}

    def waiting(self, channel: str) -> int | None:
        """How many files lie in the inbox of a channel; None where that cannot be seen."""
        with suppress(OSError, KeyError):
            return self._folders[channel].waiting
        return None

    def keep_time(self, stop: threading.Event) -> None:
        """Makes jobs of what is due until ``stop`` is set."""
        polls = dict.fromkeys(
            (f"{POLL}:{name}" for name in self._folders), self.settings.gateway.schedule.poll_seconds
        )
        polls |= {f"{FETCH}:{name}": seconds for name, seconds in self._fetched.items()} | self._asked
        timed = self._schedules
        periods = {name: one for name, one in {**polls, **_PERIODS}.items() if name not in timed}
        Clock(self.engine, periods, self._tick, self._in_trouble, timed, self._fire).run(stop)

    def _handle(self, jobs: Sequence[Job], guard: Callable[[], None]) -> None:
        services = replace(self.services, guard=guard)
        timed = [one.key for one in jobs if one.key in self._schedules]
        if not timed:
            self._handler(services, jobs)
            return
        told: list[str] = []

        def trouble(one: Trouble) -> None:
            told.append(f"{one.channel}: {one.words}")
            self._trouble(one)

        self._handler(replace(services, told=trouble), jobs)
        with services.store.transaction():
            for name in timed:
                services.store.end_run(name, "; ".join(told) or "done")

    def _fire(self, name: str, slots: Slots) -> None:
        if schedule.fire(self.services, name, slots):
            self._jobs.wake()

    def _tick(self, name: str, slot: int) -> None:
        services = self.services
        store = services.store
        with store.transaction():
            # Work that was not done yet is not asked for once more.
            if services.jobs.waiting(store.connection, [name]) or not store.take_slot(f"{name}:{slot}"):
                return
            services.enqueue([name])
        self._jobs.wake()

    # --- what is told --------------------------------------------------------------------------------

    def _say(self, level: str, event: str, **facts: Any) -> None:
        # A log that cannot be written is no reason to stop: the audit in the store has it all.
        with suppress(OSError, ValueError):
            getattr(self._log, level)(event, **facts)

    def _told(self, entry: Entry) -> None:
        facts: dict[str, Any] = {**entry.bound, **(entry.facts or {"count": entry.count})}
        for name in _UNLOGGED & facts.keys():
            del facts[name]
        if entry.message_id is not None:
            facts["message_id"] = entry.message_id
        # The three files of a message in quarantine are told with its reason already.
        aside = facts.get("box") == QUARANTINE
        quiet = aside or entry.event == "rules.loaded"
        level = "debug" if quiet else "warning" if entry.event in _WARNINGS else "info"
        self._say(level, entry.event, **facts)
        if (counted := _COUNTED.get(entry.event)) and not aside:
            with self._counting:
                setattr(self._pass, counted, getattr(self._pass, counted) + entry.count)
        if entry.facts:
            self._listener(entry)

    def _is_ignored(self, channel: str, name: str, reason: str) -> None:
        self._say("warning", "file.ignored", channel=channel, file=name, reason=reason)

    def _trouble(self, one: Trouble) -> None:
        level, code = "info" if one.again else "error", {"code": one.code} if one.code else {}
        self._say(level, "channel.trouble", channel=one.channel, words=one.words, **code)
        self._pass.trouble.append(f"{one.channel}: {one.words}")

    def _in_trouble(self, error: Exception) -> None:
        # What passes by itself is told in words; only errors of ours show where they come from.
        passing = isinstance(error, EdiError | OSError | LeaseLostError)
        expected = passing or type(error).__module__.split(".")[0] in _DATABASES
        trace = {} if expected else {"exc_info": error}
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        self._say("error", "worker.trouble", words=words, **trace)
        self._pass.trouble.append(words)

    def _failed(self, message: Message, error: Exception) -> None:
        self._say("error", "message.failed", message_id=message.id, file=message.name, exc_info=error)


def _remotes(home: Path, settings: Settings) -> dict[str, Remote]:
    """The servers of partners, by their channels."""
    if not (terms := settings.servers):
        return {}
    from gateway.transports.sftp import SftpFolders

    find, stable = partial(secret, home=home), settings.gateway.pickup.stable_seconds
    return {name: SftpFolders(one, name, find, stable, home=str(home)) for name, one in terms.items()}


def _accounts(home: Path, settings: Settings) -> dict[str, Account]:
    """Clients of the API, by the channels of their partners."""
    partners = settings.partners.values()
    terms = {f"{one.folder}/{API}": one.sp_api for one in partners if one.sp_api}
    if not terms:
        return {}
    from gateway.transports.sp_api import Client as Account

    find, now = partial(secret, home=home), partial(datetime.now, UTC)
    return {name: Account(one, find, now=now) for name, one in terms.items()}


def _rules(home: Path, layers: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Everything that decides what a file becomes: guides, mappings and settings, by name."""
    for kind in ("mappings", "schemas"):
        for name in resources.listing(kind, "*", [path for path in layers if path.name == kind]):
            yield name, resources.find(name, [path for path in layers if path.name == kind])
    for folder in ("config/erp", "config/rules", RECONCILIATION):
        for name in resources.listing(folder, "*", [home / "config"]):
            yield name, resources.find(name, [home / "config"])
    yield GATEWAY_FILE, home / GATEWAY_FILE
    if (home / ALERTS_FILE).exists():
        yield ALERTS_FILE, home / ALERTS_FILE
    for path in sorted((home / PARTNERS_FOLDER).glob("*.yaml")):
        yield f"{PARTNERS_FOLDER}/{path.name}", path
    if (home / ROUTES_FILE).exists():
        yield ROUTES_FILE, home / ROUTES_FILE


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a file lock; the operating system gives it back however the process ends."""
    path.touch(0o600)
    with path.open("r+", encoding="ascii", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = file.read(32).strip()
            raise RefusedError(
                f"Another process{f' ({owner})' if owner else ''} works on this home, and only one may."
                " Wait for it to end; if it is `edigw up`, it does the work already."
            ) from error
        file.truncate()
        file.write(f"process {os.getpid()}\n")
        file.flush()
        yield
