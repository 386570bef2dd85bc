"""What ``gateway.yaml`` says: who we are, our own system, and how the gateway works; all of it is checked."""

from __future__ import annotations

import os
import re
from dataclasses import field
from datetime import timedelta
from ipaddress import ip_address

from gateway.documents import KINDS
from gateway.errors import ConfigurationError
from gateway.partners.agreement import checked_marker, checked_name, setting
from gateway.partners.as2 import checked_as2_name, checked_reference, checked_url
from gateway.partners.assist import Assist, Expiry
from gateway.partners.calendar import Calendar, When
from gateway.partners.gs1 import Gs1Prefix
from gateway.partners.oidc import Oidc
from gateway.partners.partner import WEBHOOK, Identifier
from gateway.partners.webhook import Webhook


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
    host_key: str = "keys/sftp-host.pem"
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
