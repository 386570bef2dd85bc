"""The settings of a home: ``gateway.yaml`` and ``partners/*.yaml``, checked as a whole.

Scalars stay the text they are (``00401`` and ``0012345`` are identifiers, not numbers), apart from
``true``, ``false`` and ``null``; each setting then says what type it needs. Keys nobody knows are errors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_type_hints
from urllib.parse import quote

import yaml
from pydantic import ValidationError

from gateway import resources
from gateway.documents import KINDS
from gateway.errors import ConfigurationError, Fault, Level, NotFoundError, Problem, Severity
from gateway.notify.rules import Alerts
from gateway.partners.agreement import Rules, checked_marker, checked_name, setting
from gateway.partners.as2 import checked_as2_name, checked_reference, checked_url
from gateway.partners.assist import Assist, Expiry
from gateway.partners.calendar import Calendar, Slots, When
from gateway.partners.gs1 import Gs1Prefix
from gateway.partners.oidc import Oidc
from gateway.partners.partner import API, WEBHOOK, Identifier, Partner, Partners
from gateway.partners.setting import adapter
from gateway.partners.sftp import Sftp
from gateway.partners.webhook import Webhook
from gateway.reconciliation.profile import Profile as Reconciliation
from gateway.routing.table import Routes
from gateway.rules.rule import Applied, Rule
from gateway.secrets import secret

GATEWAY_FILE, ALERTS_FILE, PARTNERS_FOLDER, ROUTES_FILE = (
    *("gateway.yaml", "alerts.yaml"),
    *("partners", "routes.yaml"),
)
RECONCILIATION, OFF = "config/reconciliation", "off"
DATA, DATABASE, PAYLOADS, LOCK, FOLDERS, KEYS = "data", "gateway.db", "payloads", "lock", "folders", "keys"
CHECKPOINTS, AUDIT_KEY, AS2_KEYS, SPOOL = "checkpoints.jsonl", "audit.pem", "as2", "spool"
HOST_KEY, ERRANDS = "sftp-host.pem", "errands"
"""Names inside a home."""

_T = TypeVar("_T")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@setting
class Company:
    """Who we are. name: for people. identifier: on interchanges, unless a partner knows us by another one."""

    name: str
    identifier: Identifier
    gs1_prefixes: tuple[Gs1Prefix, ...] = ()


@setting
class Pickup:
    """When a file in an inbox is taken.

    Attributes:
        stable_seconds: a file is complete when it was not written to for so long, or looks the same twice
            in so long a distance.
        max_file_mb: larger files are not read but put into quarantine.
    """

    stable_seconds: float = 1.0
    max_file_mb: int = 1024

    def __post_init__(self) -> None:
        if self.stable_seconds < 0 or self.max_file_mb < 1:
            raise ValueError("stable_seconds must not be negative, and max_file_mb at least 1")


NAMED = ("document_type", "number", "partner", "id", "date", "time", "counter")
"""What a name of files for the ERP can say, beside the numbers of documents such as ``po_number``."""

DIRECTIONS = ("both", "to_erp", "from_erp")


@setting
class ErpForm:
    """How documents look as files of our own system.

    Attributes:
        shape: ``json`` (this gateway's), ``xml``, ``x12`` (as it is), or the name of a shape in mappings/erp.
        documents: types it is for; empty for all that the shape can say.
        files: pattern of the names of files from the ERP that are read by it, capitals or not.
        name: of files for the ERP; empty for ``{document_type}_{number}_{id}`` and an ending.
        encoding: in place of that of the shape.
    """

    shape: str = "json"
    documents: tuple[str, ...] = ()
    files: str = "*"
    name: str = ""
    encoding: str = ""

    def __post_init__(self) -> None:
        if wrong := [name for name in self.documents if name not in KINDS]:
            raise ValueError(f"{wrong[0]!r} is no type of document; known: {', '.join(KINDS)}")
        known = {*NAMED, *(one.number for one in KINDS.values() if one.number)}
        said = re.findall(r"\{([^{}]*)\}", self.name)
        if wrong := [name for name in said if name not in known] or re.findall(
            r"[{}/]", re.sub(r"\{[^{}]*\}", "", self.name)
        ):
            raise ValueError(f"name: there is no {{{wrong[0]}}}; known: {', '.join(sorted(known))}")
        if self.name and not said:
            raise ValueError("name: it would be the same for every file; write {number} or {counter} into it")


@setting
class ErpChannel:
    """One pair of folders of our own system.

    Attributes:
        channel: its folder below ``folders/``.
        direction: ``to_erp``, ``from_erp`` or ``both``.
        profile: forms that came with the program, or lie in config/erp of the home.
        forms: forms of one's own, before those of the profile; without both it is JSON.
        partner: whom documents are for that do not say it.
        marker: end of the name of the file that says that another is complete; empty for none.
        poll: when its inbox is looked into; without it every ``schedule.poll_seconds``.
        test: whether it is for documents of tests, and what comes from it is a test.
        webhook: a URL that gets what its outbox would.
    """

    channel: str
    direction: str = "both"
    profile: str = ""
    forms: tuple[ErpForm, ...] = ()
    partner: str = ""
    marker: str = ""
    poll: When | None = None
    test: bool = False
    webhook: Webhook | None = None

    def __post_init__(self) -> None:
        for name in filter(None, (self.channel, self.profile, self.partner)):
            checked_name(name)
        if self.direction not in DIRECTIONS:
            raise ValueError(f"direction {self.direction!r}: choose of {', '.join(DIRECTIONS)}")
        checked_marker(self.marker)
        if self.webhook and self.direction == "from_erp":
            raise ValueError("webhook: nothing goes to a channel of the direction from_erp")

    @property
    def outlet(self) -> str:
        """The channel by which documents go there."""
        return f"{self.channel}/{WEBHOOK}" if self.webhook else self.channel


@setting
class Profile:
    """``config/erp/<name>.yaml``: forms that belong together. description: for people."""

    description: str
    forms: tuple[ErpForm, ...]


@setting
class Erp:
    """Our own system: which channels it reads and writes.

    Attributes:
        channel, test_channel: where it reads and writes JSON, and where documents of test interchanges
            (ISA15 = T) go, if not to the same.
        channels: in place of these, if it has several, or other forms.
    """

    channel: str = "erp"
    test_channel: str = ""
    channels: tuple[ErpChannel, ...] = ()

    def __post_init__(self) -> None:
        for name in filter(None, (self.channel, self.test_channel)):
            checked_name(name)
        if self.channels and (self.test_channel or self.channel != "erp"):
            raise ValueError("channels stand in place of channel and test_channel: write one or the other")
        if not self.channels:
            tests = (ErpChannel(channel=self.test_channel, test=True),) if self.test_channel else ()
            object.__setattr__(self, "channels", (ErpChannel(channel=self.channel), *tests))
        names = [one.channel for one in self.channels]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the channel {twice[0]!r} stands twice")


@setting
class Storage:
    """Where the gateway keeps what it must not lose.

    Attributes:
        database: ``postgresql://user@host/name`` for several nodes; empty for SQLite in the home. Passwords
            are not written here: they come from EDIGW_DATABASE_URL, EDIGW_DATABASE_PASSWORD_FILE, PGPASSWORD
            or a .pgpass file.
        payloads: ``s3://bucket/prefix``; empty for files in the home, which several nodes may share.
    """

    database: str = ""
    payloads: str = ""

    def __post_init__(self) -> None:
        if re.search(r"//[^/@]*:[^/@]+@", self.database):
            raise ValueError("a password does not belong into a file; use EDIGW_DATABASE_URL or PGPASSWORD")


@setting
class Retries:
    """How often something is tried that may succeed later. The pause doubles from try to try.

    Attributes:
        attempts: at translating a file, when errors of our own stop it. Then a person is needed.
        first_pause_seconds, longest_pause_seconds: between tries.
        give_up_after_hours: for deliveries. Then a person is needed.
    """

    attempts: int = 5
    first_pause_seconds: float = 1
    longest_pause_seconds: float = 300
    give_up_after_hours: float = 24

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 < self.first_pause_seconds <= self.longest_pause_seconds <= 3600:
            raise ValueError("attempts at least 1, 0 < first_pause_seconds <= longest_pause_seconds <= 3600")
        if self.give_up_after_hours <= 0:
            raise ValueError("give_up_after_hours: more than 0")

    def pause(self, tries: int) -> timedelta:
        """How long to wait after so many failed tries."""
        seconds = self.first_pause_seconds * 2 ** min(tries - 1, 30)
        return timedelta(seconds=min(seconds, self.longest_pause_seconds))


@setting
class Schedule:
    """How often something is looked for, and how much is done at a time.

    Attributes:
        poll_seconds: between looks into inboxes.
        workers: jobs a process does at a time on PostgreSQL. senders: partners it sends to at a time.
        stopped_after_minutes: a channel that fails for so long is told once as ``channel.stopped``.
    """

    poll_seconds: float = 2
    workers: int = 4
    senders: int = 8
    stopped_after_minutes: float = 15

    def __post_init__(self) -> None:
        if not 0.2 <= self.poll_seconds <= 3600 or not (1 <= self.workers <= 64 and 1 <= self.senders <= 64):
            raise ValueError("poll_seconds is 0.2 to 3600, workers 1 to 64, senders 1 to 64")
        if not 0 <= self.stopped_after_minutes <= 10_080:
            raise ValueError("stopped_after_minutes: 0 to 10080 (a week)")


@setting
class Retention:
    """For how many years documents and the messages they came in are kept.

    Attributes:
        years: for all types. types: years for single types, such as ``text_message: 2``.
    """

    years: float = 7
    types: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if wrong := [name for name in self.types if name not in KINDS]:
            raise ValueError(f"{wrong[0]!r} is no type of document; known: {', '.join(KINDS)}")
        if not all(0 < one <= 100 for one in (self.years, *self.types.values())):
            raise ValueError("years are more than 0 and at most 100")


@setting
class As2Settings:
    """AS2 with all partners.

    Attributes:
        id: our AS2 name, unless a partner knows us by another one.
        listen: address and port where messages are received; empty for nowhere, port 0 for any that is free.
        path: of the URL at which they arrive.
        public_url: the same as partners reach it, for their asynchronous receipts.
        tls_certificate, tls_key: PEM files; empty for plain HTTP behind a proxy.
        max_body_mb: larger messages are refused. connections: at the same time. body_seconds: how long a
            message may take to arrive.
    """

    id: str = ""
    listen: str = ""
    path: str = "/as2"
    public_url: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    max_body_mb: int = 1024
    connections: int = 64
    body_seconds: float = 300

    def __post_init__(self) -> None:
        if self.id:
            checked_as2_name(self.id)
        if self.public_url:
            checked_url(self.public_url)
        _address(self.listen)
        if not re.fullmatch(r"/[\w./~-]*", self.path, re.ASCII):
            raise ValueError(f"path {self.path!r}: write the path of a URL, as /as2")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together: write both or neither")
        if not (1 <= self.max_body_mb <= 100_000 and 1 <= self.connections <= 10_000):
            raise ValueError("max_body_mb is 1 to 100000, connections 1 to 10000")
        if not 1 <= self.body_seconds <= 86_400:
            raise ValueError("body_seconds: 1 to 86400 (a day)")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``listen``, which must not be empty."""
        return _address(self.listen)


def _address(listen: str) -> tuple[str, int]:
    """Host and port of ``listen``; both nothing if it is empty. Raises ValueError."""
    if listen and not re.fullmatch(r"([\w.-]+|\[[\dA-Fa-f:.]+\]):\d{1,5}", listen, re.ASCII):
        raise ValueError(f"listen {listen!r}: write address and port, as 127.0.0.1:10080")
    host, _, port = listen.rpartition(":")
    if int(port or 0) > 65_535:
        raise ValueError(f"listen {listen!r}: a port is at most 65535")
    return host.strip("[]"), int(port or 0)


@setting
class SftpServer:
    """Our server for partners with an ``sftp_account``.

    Attributes:
        listen: address and port; empty for none, port 0 for any that is free.
        host_key: file of its private key, from the home on; made at the first start.
        connections: at a time, before and after a login each. partner_connections: of each partner.
        login_attempts: keys a client may offer. login_seconds: until when it must be in.
        idle_seconds: after which a connection that asks for nothing is ended.
    """

    listen: str = ""
    host_key: str = f"{KEYS}/{HOST_KEY}"
    connections: int = 50
    partner_connections: int = 5
    login_attempts: int = 6
    login_seconds: float = 30
    idle_seconds: float = 300

    def __post_init__(self) -> None:
        _address(self.listen)
        if not self.host_key:
            raise ValueError("host_key: write the name of a file")
        if not 1 <= self.partner_connections <= self.connections <= 1000:
            raise ValueError("1 <= partner_connections <= connections <= 1000")
        if not (1 <= self.login_attempts <= 20 and 1 <= self.login_seconds <= 300):
            raise ValueError("login_attempts is 1 to 20, login_seconds 1 to 300")
        if not 1 <= self.idle_seconds <= 86_400:
            raise ValueError("idle_seconds: 1 to 86400 (a day)")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``listen``, which must not be empty."""
        return _address(self.listen)


@setting
class Web:
    """The page and the REST interface.

    Attributes:
        listen: address and port; empty for nowhere, port 0 for any that is free. The environment variable
            EDIGW_WEB_LISTEN wins over it.
        public_url: the same as people reach it, for links in mails and behind a proxy.
        tls_certificate, tls_key: PEM files; empty for plain HTTP, on this machine or behind a proxy.
        proxies: IP addresses of proxies that say who their client is (X-Forwarded-For, X-Forwarded-Proto).
        max_body_mb: larger requests are refused. connections: at the same time.
        requests_per_second: of each address, for longer than a few seconds.
    """

    listen: str = "127.0.0.1:8080"
    public_url: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    proxies: tuple[str, ...] = ()
    max_body_mb: int = 64
    connections: int = 100
    requests_per_second: float = 50

    def __post_init__(self) -> None:
        _address(self.listen)
        if self.public_url:
            checked_url(self.public_url)
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together: write both or neither")
        for one in self.proxies:
            ip_address(one)
        if not (1 <= self.max_body_mb <= 10_000 and 1 <= self.connections <= 10_000):
            raise ValueError("max_body_mb and connections are 1 to 10000")
        if not 1 <= self.requests_per_second <= 100_000:
            raise ValueError("requests_per_second: 1 to 100000")

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; None for nowhere. Raises ConfigurationError for a wrong EDIGW_WEB_LISTEN."""
        listen = os.environ.get("EDIGW_WEB_LISTEN", self.listen)
        try:
            return _address(listen) if listen else None
        except ValueError as error:
            raise ConfigurationError(f"EDIGW_WEB_LISTEN: {error}") from None


@setting
class Keys:
    """What protects our private keys for AS2. password: a reference, see :func:`gateway.secrets.secret`."""

    password: str = "file:keys/password"  # noqa: S105 - where it is

    def __post_init__(self) -> None:
        checked_reference(self.password)


@setting
class Labels:
    """Labels of cartons; fonts: TTF files for what is written in other letters than Latin ones."""

    fonts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.fonts) > 8 or not all(self.fonts):
            raise ValueError("fonts: names of at most eight TrueType files")


@setting
class Observability:
    """For those who watch.

    Attributes:
        metrics: address and port where a process answers Prometheus, beside /metrics of the page; empty for
            none. EDIGW_METRICS_LISTEN goes before it, as each process of a machine needs its own.
        traces: URL of a collector of OpenTelemetry (OTLP over HTTP); empty for none.
    """

    metrics: str = ""
    traces: str = ""

    def __post_init__(self) -> None:
        _address(self.metrics)
        if self.traces:
            checked_url(self.traces)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port for metrics; the host is empty for none. Raises ValueError."""
        return _address(os.environ.get("EDIGW_METRICS_LISTEN", self.metrics))


@setting
class GatewaySettings:
    """``gateway.yaml``."""

    company: Company
    pickup: Pickup = field(default_factory=Pickup)
    erp: Erp = field(default_factory=Erp)
    storage: Storage = field(default_factory=Storage)
    retries: Retries = field(default_factory=Retries)
    schedule: Schedule = field(default_factory=Schedule)
    retention: Retention = field(default_factory=Retention)
    as2: As2Settings = field(default_factory=As2Settings)
    sftp_server: SftpServer = field(default_factory=SftpServer)
    web: Web = field(default_factory=Web)
    oidc: Oidc | None = None
    keys: Keys = field(default_factory=Keys)
    labels: Labels = field(default_factory=Labels)
    observability: Observability = field(default_factory=Observability)
    calendars: tuple[Calendar, ...] = ()
    assist: Assist = field(default_factory=Assist)
    expiries: tuple[Expiry, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a home says about how to work. ``rules``: those that hold, by partner."""

    gateway: GatewaySettings
    partners: Partners
    routes: Routes = field(default_factory=Routes)
    alerts: Alerts = field(default_factory=Alerts)
    rules: Mapping[str, tuple[Applied, ...]] = field(default_factory=dict)
    reconciliation: Mapping[str, Reconciliation] = field(default_factory=dict)
    """How remittances are read, by the partners whose are reconciled."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Folders below ``folders/``: the ERP's first, then those of the partners."""
        ours = (one.channel for one in self.gateway.erp.channels)
        return (*ours, *(partner.folder for partner in self.partners.values()))

    @property
    def servers(self) -> dict[str, Sftp]:
        """The SFTP servers of all partners, by their channels."""
        return {name: one for partner in self.partners.values() for name, one in partner.servers.items()}

    @property
    def webhooks(self) -> dict[str, Webhook]:
        """The URLs that documents go to, by their channels."""
        ours = {one.outlet: one.webhook for one in self.gateway.erp.channels if one.webhook}
        theirs = {f"{one.folder}/{WEBHOOK}": one.webhook for one in self.partners.values() if one.webhook}
        return ours | theirs

    @property
    def markers(self) -> dict[str, str]:
        """By channel the end of names that say that a file is complete; empty where none is agreed."""
        ours = {one.channel: one.marker for one in self.gateway.erp.channels}
        return ours | {one.folder: one.marker for one in self.partners.values()}

    def gs1_prefix(self, named: str = "") -> Gs1Prefix | None:
        """The prefix that is named, or the first; None if it is not there."""
        prefixes = self.gateway.company.gs1_prefixes
        return next((one for one in prefixes if named in ("", one.prefix)), None)

    def calendar(self, name: str) -> Calendar | None:
        """The calendar of that name."""
        return next((one for one in self.gateway.calendars if one.name == name), None)

    @property
    def schedules(self) -> dict[str, Slots]:
        """What has times of its own, by the keys of the jobs that are then done."""
        rules = {f"poll:{one.channel}": one.poll for one in self.gateway.erp.channels}
        for partner in self.partners.values():
            keys = [f"fetch:{name}" for name, one in partner.servers.items() if one.inboxes]
            keys += [f"orders:{name}" for name, way in partner.channels.items() if way == API]
            rules |= dict.fromkeys(keys or [f"poll:{partner.folder}"], partner.poll)
            rules |= {f"close:{partner.id}|{one.set}": one.batch.close for one in partner.send if one.batch}
        return {key: Slots(one, self.calendar(one.calendar)) for key, one in rules.items() if one}

    def assist(self, partner: str) -> Assist:
        """What documents that are made here say to a partner."""
        return (self.partners[partner].assist if partner in self.partners else None) or self.gateway.assist

    def us(self, partner: Partner) -> Identifier:
        """Our identifier as this partner knows it."""
        return partner.us or self.gateway.company.identifier

    def as2_names(self, partner: Partner) -> tuple[str, str]:
        """Our AS2 name as this partner, with whom there is AS2, knows it, and the partner's."""
        assert partner.as2 is not None
        return partner.as2.us or self.gateway.as2.id, partner.as2.id

    def by_as2(self, sender: str, receiver: str) -> Partner | None:
        """The partner whose message has these names in AS2-From and AS2-To; both count exactly."""
        names = (receiver, sender)
        return next((one for one in self.partners.values() if one.as2 and self.as2_names(one) == names), None)


def database_url(home: Path, settings: Settings) -> str:
    """Where the store is: EDIGW_DATABASE_URL, what gateway.yaml says, or the SQLite file in the home.

    Raises:
        ConfigurationError: the password that EDIGW_DATABASE_PASSWORD_FILE names is not there.
    """
    said = os.environ.get("EDIGW_DATABASE_URL") or settings.gateway.storage.database
    if said and (file := os.environ.get("EDIGW_DATABASE_PASSWORD_FILE")):
        password = quote(secret(f"file:{file}", home), safe="")
        said = re.sub(r"^([\w+]+://)(?:([^/@:]*)(?::[^/@]*)?@)?", rf"\1\2:{password}@", said, count=1)
    return said or f"sqlite:///{home / DATA / DATABASE}"


def load(home: Path, texts: Mapping[str, str] | None = None) -> Settings:
    """Reads and checks all settings of a home.

    Args:
        texts: by the ids of partners, what is checked in place of their files, or as if they had one.

    Raises:
        ConfigurationError: with every problem of every file.
    """
    if not (home / GATEWAY_FILE).is_file():
        raise ConfigurationError(
            f"{home} is no home of the gateway: it has no {GATEWAY_FILE}. `edigw init {home}` makes one."
        )
    problems: list[Problem] = []
    gateway = read_file(home / GATEWAY_FILE, GATEWAY_FILE, GatewaySettings, problems)
    if gateway:
        gateway = replace(gateway, erp=_with_profiles(home, gateway.erp, problems))
    folders = {one.channel for one in gateway.erp.channels} if gateway else set()
    found: list[Partner] = []
    users: dict[str, str] = {}
    texts = texts or {}
    for name in sorted({*texts, *(path.stem for path in (home / PARTNERS_FOLDER).glob("*.yaml"))}):
        shown = f"{PARTNERS_FOLDER}/{name}.yaml"
        partner = read_file(home / shown, shown, Partner, problems, texts.get(name), id=name)
        if partner is None:
            continue
        found.append(partner)
        if (account := partner.sftp_account) and (other := users.setdefault(account.user, shown)) != shown:
            hint = "Give each partner a user of its own, or its files would go to another."
            problems.append(_problem(f"{shown}: sftp_account: {other} has the user {account.user!r}.", hint))
        if partner.folder in folders:
            hint = "Give each partner, and the ERP, a channel of its own."
            problems.append(_problem(f"{shown}: the channel {partner.folder!r} is in use already.", hint))
        folders.add(partner.folder)
    alerts: Alerts | None = Alerts()
    if (home / ALERTS_FILE).exists():
        alerts = read_file(home / ALERTS_FILE, ALERTS_FILE, Alerts, problems)
    partners = Partners(())
    try:
        partners = Partners(found)
    except ValueError as error:
        problems.append(_problem(f"{PARTNERS_FOLDER}/: {error}"))
    if gateway:
        problems += _about_as2(Settings(gateway, partners))
        problems += _about_calendars(Settings(gateway, partners))
        problems += (
            _problem(
                f"{PARTNERS_FOLDER}/{one.id}.yaml: labels: there is no such prefix.",
                f"SSCCs are given from company.gs1_prefixes of {GATEWAY_FILE}.",
            )
            for one in partners.values()
            if (one.labels.sscc == "fill" or one.labels.gs1_prefix)
            and Settings(gateway, partners).gs1_prefix(one.labels.gs1_prefix) is None
        )
        problems += (
            _problem(
                f"{GATEWAY_FILE}: erp.channels: there is no partner {one.partner!r} in {PARTNERS_FOLDER}/."
            )
            for one in gateway.erp.channels
            if one.partner and one.partner not in partners
        )
    problems += (
        _problem(f"{ALERTS_FILE}: rule {rule.name}: there is no partner {one!r} in {PARTNERS_FOLDER}/.")
        for rule in (alerts.rules if alerts else ())
        for one in rule.partners
        if one not in partners
    )
    routes = Routes()
    if (home / ROUTES_FILE).exists():
        routes = read_file(home / ROUTES_FILE, ROUTES_FILE, Routes, problems) or routes
    rules = {one.id: rules_of(home, one, problems) for one in found if one.rules != Rules()}
    names = sorted({one.reconciliation for one in found})
    profiles = {name: _reconciliation(home, name, problems) for name in names}
    if problems or gateway is None or alerts is None:
        raise ConfigurationError(f"The settings in {home} are not usable.", problems=tuple(problems))
    read = {one.id: profile for one in found if (profile := profiles[one.reconciliation])}
    return Settings(gateway, partners, routes=routes, alerts=alerts, rules=rules, reconciliation=read)


def _reconciliation(
    home: Path, name: str, problems: list[Problem], above: tuple[str, ...] = ()
) -> Reconciliation | None:
    """A profile with what it extends; None for ``off``, or with its problems added."""
    if name == OFF:
        return None
    shown = f"{RECONCILIATION}/{name}.yaml"
    if name in above:
        problems.append(_problem(f"{shown}: it extends itself, by way of {' and '.join(above)}."))
        return None
    try:
        path = resources.find(shown, [home / "config"])
    except NotFoundError:
        known = ", ".join(Path(one).stem for one in resources.listing(RECONCILIATION, "*.yaml"))
        what = f"{PARTNERS_FOLDER}/: reconciliation: there is no profile {name!r}."
        problems.append(_problem(what, f"Known: {known}; {OFF} reconciles nothing."))
        return None
    found = read_file(path, shown, Reconciliation, problems)
    if found is None or not found.extends:
        return found
    base = _reconciliation(home, found.extends, problems, (*above, name))
    return found.on(base) if base else None


def read_routes(path: Path) -> Routes:
    """Another table than that of the home. Raises ConfigurationError."""
    problems: list[Problem] = []
    routes = read_file(path, path.name, Routes, problems)
    if routes is None:
        raise ConfigurationError(f"{path} is no table of routes.", problems=tuple(problems))
    return routes


def rules_of(home: Path | None, partner: Partner, problems: list[Problem]) -> tuple[Applied, ...]:
    """The rules that hold for a partner; what is wrong with them is added to the problems."""
    from gateway.rules.own import OwnRule
    from gateway.rules.profile import RuleProfile, resolved

    said, shown = partner.rules, f"{PARTNERS_FOLDER}/{partner.id}.yaml: rules"
    profile, own = None, list[OwnRule]()
    if said.profile:
        name = f"config/rules/{said.profile}.yaml"
        try:
            path = resources.find(name, [home / "config"] if home else [])
        except NotFoundError:
            known = ", ".join(Path(one).stem for one in resources.listing("config/rules", "*.yaml"))
            problems.append(_problem(f"{shown}: there is no profile {said.profile!r}.", f"Known: {known}."))
        else:
            profile = read_file(path, name, RuleProfile, problems)
    for number, one in enumerate(said.own, 1):
        try:
            own.append(adapter(OwnRule).validate_python(one))
        except ValidationError as error:
            for wrong in error.errors():
                where = (*("own", number - 1), *wrong["loc"])
                problems.append(_explained(f"{shown}", 0, where, wrong["type"], wrong["msg"], RuleProfile))
    names = {name for name, given in (("change", said.change), ("own", own)) if given}
    told = f"{shown}.change" if "change" in names else shown
    return resolved(
        all_rules(), profile, said.change, own, lambda words: problems.append(_problem(f"{told}: {words}."))
    )


def all_rules() -> dict[str, Rule]:
    """The rules that came with the gateway, and those of installed packages (entry points ``edigw.rules``).

    Raises:
        ConfigurationError: a package's rule has the name of another, or is none.
    """
    from importlib.metadata import entry_points

    from gateway.rules import RULES

    found = dict(RULES)
    for entry in entry_points(group="edigw.rules"):
        loaded = entry.load()
        for one in [loaded] if isinstance(loaded, Rule) else loaded:
            if not isinstance(one, Rule) or found.setdefault(one.id, one) is not one:
                what = f"The package behind the entry point {entry.name} of edigw.rules"
                raise ConfigurationError(f"{what} has a rule whose name is taken, or something that is none.")
    return found


def _with_profiles(home: Path, erp: Erp, problems: list[Problem]) -> Erp:
    """The settings of the ERP with the forms of its profiles in each channel."""
    channels = []
    for one in erp.channels:
        forms, shown = one.forms, f"config/erp/{one.profile}.yaml"
        if one.profile:
            try:
                path = resources.find(shown, [home / "config"])
            except NotFoundError:
                known = ", ".join(Path(name).stem for name in resources.listing("config/erp", "*.yaml"))
                what = f"{GATEWAY_FILE}: erp.channels: there is no profile {one.profile!r}."
                problems.append(_problem(what, f"Known: {known}."))
            else:
                profile = read_file(path, shown, Profile, problems)
                forms += profile.forms if profile else ()
        channels.append(replace(one, forms=forms or (ErpForm(),)))
    return replace(erp, channel="erp", test_channel="", channels=tuple(channels))


def _about_as2(settings: Settings) -> Iterator[Problem]:
    """What is wrong with AS2 though each file is right in itself."""
    known: dict[tuple[str, str], str] = {}
    for partner in settings.partners.values():
        if partner.as2 is None:
            continue
        shown, names, ours = (
            f"{PARTNERS_FOLDER}/{partner.id}.yaml",
            settings.as2_names(partner),
            settings.gateway.as2,
        )
        if not names[0]:
            hint = f"Write as2.id in {GATEWAY_FILE}, or as2.us here if only this partner knows you so."
            yield _problem(f"{shown}: as2: there is no AS2 name of your own.", hint)
        elif (other := known.setdefault(names, shown)) != shown:
            hint = "Only one of them can have it, or it could not be told whose a message is."
            words = (
                f"as2: {other} has the same AS2 names, {names[1]!r} for the partner and {names[0]!r} for you."
            )
            yield _problem(f"{shown}: {words}", hint)
        if partner.as2.receipt.mode == "async" and not (ours.listen and ours.public_url):
            hint = (
                f"Write as2.listen and as2.public_url in {GATEWAY_FILE}, or choose receipts of the mode sync."
            )
            yield _problem(f"{shown}: as2.receipt: asynchronous receipts could not arrive.", hint)


def _about_calendars(settings: Settings) -> Iterator[Problem]:
    """Calendars that stand twice, or are named and not there."""
    known = [one.name for one in settings.gateway.calendars]
    for name in {one for one in known if known.count(one) > 1}:
        yield _problem(f"{GATEWAY_FILE}: calendars: {name!r} stands twice.")
    asked = [(f"{key}: its times", one.when.calendar) for key, one in settings.schedules.items()]
    asked += [
        (f"{PARTNERS_FOLDER}/{one.id}.yaml: deadlines", one.deadlines.calendar)
        for one in settings.partners.values()
    ]
    for where, name in asked:
        if name and name not in known:
            hint = f"Known in {GATEWAY_FILE}: {', '.join(known) or 'none'}."
            yield _problem(f"{where}: there is no calendar {name!r}.", hint)


def plain(text: str, lines: dict[tuple[Any, ...], int] | None = None) -> dict[str, Any]:
    """What a file of settings says, unchecked; ``lines`` gets the line of every key.

    Raises:
        ValueError, yaml.YAMLError: it is not written as settings are.
    """
    try:
        data = _plain(yaml.compose(text, Loader=_LOADER), (), {} if lines is None else lines)
    except RecursionError:
        raise ValueError("line 1: nothing in settings has so many levels") from None
    if not isinstance(data, dict):
        raise ValueError("line 1: settings are written as `name: value`, one a line")
    return data


def edited(text: str, new: Mapping[str, Any]) -> str:
    """A file of settings changed to say something else; what stays, stays as it is, with its comments."""

    def written(said: Mapping[str, Any]) -> str:
        def line(name: str, value: Any) -> str:
            flow = None if isinstance(value, dict | list) else False  # only what is inside stands in a line
            return str(yaml.safe_dump({name: value}, sort_keys=False, width=100, default_flow_style=flow))

        return "".join(line(*one) for one in said.items())

    old, wanted = plain(text), plain(written(new))
    node: Any = yaml.compose(text, Loader=_LOADER)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    end = len(lines)
    for key, _ in reversed(node.value if node else ()):
        begin, stop = key.start_mark.line, end
        while stop > begin + 1 and (not lines[stop - 1].strip() or lines[stop - 1].startswith("#")):
            stop -= 1  # comments before the next key are of that
        if key.value not in new or old[key.value] != wanted[key.value]:
            lines[begin:stop] = [written({key.value: new[key.value]})] if key.value in new else []
        end = begin
    result = "".join(lines) + written({name: value for name, value in new.items() if name not in old})
    try:
        return result if plain(result) == wanted else written(new)
    except (yaml.YAMLError, ValueError):  # several on a line, or anchors
        return written(new)


def read_file(
    path: Path, shown: str, model: type[_T], problems: list[Problem], text: str | None = None, **given: str
) -> _T | None:
    """One file, or a text in its place, as a checked value; or None with its problems added."""
    lines: dict[tuple[Any, ...], int] = {}
    try:
        data = plain(path.read_text("utf-8") if text is None else text, lines)
    except (yaml.YAMLError, OSError, ValueError) as error:
        problems.append(_problem(f"{shown}: {' '.join(str(error).split())}", "Correct the YAML."))
        return None
    if wrong := [key for key in given if key in data]:
        problems.append(_problem(f"{shown}: {wrong[0]} is the name of the file, and not written in it."))
        return None
    if alone := isinstance(data.get("sftp"), dict):  # one server need not be a list
        data["sftp"] = [data["sftp"]]
    try:
        found: _T = adapter(cast("Any", model)).validate_python({**data, **given})
        return found
    except ValidationError as error:
        for one in error.errors():
            where = tuple(one["loc"])
            where = ("sftp", *where[2:]) if alone and where[:1] == ("sftp",) else where
            line = next((lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in lines), 1)
            problems.append(_explained(shown, line, where, one["type"], one["msg"], model))
        return None


def _plain(node: yaml.Node | None, at: tuple[Any, ...], lines: dict[tuple[Any, ...], int]) -> Any:
    """The value of a YAML node; fills ``lines`` with the line of every key."""
    if node is None:
        return None
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                raise ValueError(f"line {key_node.start_mark.line + 1}: {key!r} is given twice")
            lines[(*at, key)] = key_node.start_mark.line + 1
            result[key] = _plain(value_node, (*at, key), lines)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*at, index), lines) for index, item in enumerate(node.value)]
    text = str(node.value)
    return text if getattr(node, "style", None) in ("'", '"', "|", ">") else _WORDS.get(text, text)


def _explained(
    shown: str, line: int, where: tuple[Any, ...], kind: str, text: str, model: type[Any]
) -> Problem:
    """A finding of pydantic in words for the person who wrote the file."""
    name = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in where)
    start = f"{shown}, line {line}: " if line else f"{shown}: "
    if kind == "unexpected_keyword_argument":
        known = _known(model, where[:-1])
        near = next(iter(get_close_matches(str(where[-1]), known, n=1)), None)
        hint = f"Did you mean {near!r}?" if near else f"Known here: {', '.join(known)}."
        return _problem(f"{start}{name} is not a setting.", hint)
    if kind in ("missing", "missing_keyword_only_argument"):
        return _problem(f"{start}{name} is missing.")
    return _problem(f"{start}{name and f'{name}: '}{text.removeprefix('Value error, ')}.")


def _known(model: Any, where: tuple[Any, ...]) -> list[str]:
    """The names of the settings at a place inside a model."""
    for part in where:
        if isinstance(part, str):
            model = get_type_hints(model).get(part)
        while model is not None and not is_dataclass(model):
            model = next((one for one in get_args(model) if one not in (type(None), ...)), None)
    return [one.name for one in fields(model)] if is_dataclass(model) else []


def _problem(message: str, hint: str = "") -> Problem:
    return Problem("CONFIG", Severity.ERROR, Level.FILE, message, hint, fault=Fault.CONFIGURATION)
