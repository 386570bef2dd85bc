"""What was agreed with a partner about SFTP."""

from __future__ import annotations

import base64
import re
from dataclasses import field
from ipaddress import ip_address, ip_network

from gateway.partners.agreement import checked_name, setting
from gateway.partners.as2 import checked_reference, chosen

RENAME = ("plain", "posix", "none")
EXISTS = ("number", "fail", "overwrite")


def _blob(line: str) -> bytes:
    """The key of a line ``ssh-ed25519 AAAA...`` with or without a comment; empty if it is none."""
    kind, _, rest = line.partition(" ")
    try:
        raw = base64.b64decode(rest.partition(" ")[0], validate=True)
    except ValueError:
        raw = b""
    return raw if kind and raw[4 : 4 + len(kind)] == kind.encode() else b""


def _folder(name: str, path: str) -> None:
    if re.search(r"[\x00-\x1f\x7f]", path):
        raise ValueError(f"{name} {path!r}: a folder has no control characters")


@setting
class Server:
    """A server, and what it and we prove to each other who we are by.

    Attributes:
        host, port, user: the server and who we are there.
        host_keys: the keys it may have, as ``ssh-ed25519 AAAA...``; without one nothing is sent.
        password, key, key_password: references to what proves it; with a key and a password both are given.
        certificate: OpenSSH certificate of the key (``...-cert.pub``), a file from the home on.
    """

    host: str
    user: str
    port: int = 22
    host_keys: tuple[str, ...] = ()
    password: str = ""
    key: str = ""
    key_password: str = ""
    certificate: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+|[\dA-Fa-f:]+", self.host, re.ASCII):
            raise ValueError(
                f"host {self.host!r}: write a name or an address alone, without sftp:// and port"
            )
        if not 1 <= self.port <= 65_535:
            raise ValueError(f"port {self.port}: 1 to 65535")
        if not re.fullmatch(r"[^\x00-\x1f\x7f]+", self.user):
            raise ValueError("user: at least one character, no control characters")
        for line in self.host_keys:
            if not _blob(line):
                raise ValueError(
                    f"host_keys {line[:40]!r}: write type and key, as `edigw partner test` shows them: "
                    "ssh-ed25519 AAAA..."
                )
        if not (self.password or self.key):
            raise ValueError("password or key: one is needed, as env:NAME, file:PATH or credential:NAME")
        for reference in filter(None, (self.password, self.key, self.key_password)):
            checked_reference(reference)


@setting
class Upload:
    """How a file is put into the outbox.

    Attributes:
        temporary: its name until it is complete, from the outbox on; ``{key}`` is what makes it unique.
        rename: how it gets its name: ``plain`` (never over another file), ``posix`` (the extension of
            OpenSSH), each with the other where the server refuses it; ``none`` writes it in its place.
        exists: when a file of its name is there: ``number`` (another name), ``fail``, ``overwrite``.
        verify: whether the server is asked for the size before it gets its name.
        mode: its permissions, in octal digits; empty for what the server gives.
    """

    temporary: str = ".sending-{key}.tmp"
    rename: str = "plain"
    exists: str = "number"
    verify: bool = True
    mode: str = ""

    def __post_init__(self) -> None:
        chosen("rename", (self.rename,), RENAME)
        chosen("exists", (self.exists,), EXISTS)
        if self.temporary.rpartition("/")[2].count("{key}") != 1:
            raise ValueError("temporary: the file's name, after the last /, needs {key} once")
        _folder("temporary", self.temporary)
        if not re.fullmatch(r"0?[0-7]{3}|", self.mode):
            raise ValueError(f"mode {self.mode!r}: write three octal digits, as 640")


@setting
class Sftp(Server):
    """SFTP with a partner: its server, and what we do there.

    Attributes:
        proxy_jump: a server in between.
        name: of one of several servers; its channel is the partner's, a slash, and this.
        sets: transaction sets that are sent here; empty for those that no other server takes.
        inboxes: remote folders we fetch from. outbox: remote folder we put into; empty for none.
        outboxes: other folders for single transaction sets (``997`` and ``TA1`` are some).
        patterns: names that are fetched.
        marker: what is added to a file's name to say that it is complete; empty where its size says so.
        claim: folder (from the inbox on) it is moved to before it is read; empty where that is not allowed.
        archive: folder (the same) it is moved to when we have it; empty to delete it.
        poll_seconds: between looks. timeout_seconds: how long the server may be silent.
        keepalive_seconds: between signs of life. connections: channels used at a time for many files.
    """

    proxy_jump: Server | None = None
    name: str = ""
    sets: tuple[str, ...] = ()
    inboxes: tuple[str, ...] = ()
    outbox: str = ""
    outboxes: dict[str, str] = field(default_factory=dict)
    patterns: tuple[str, ...] = ("*",)
    marker: str = ""
    claim: str = ""
    archive: str = ""
    upload: Upload = field(default_factory=Upload)
    poll_seconds: float = 60
    timeout_seconds: float = 60
    keepalive_seconds: int = 30
    connections: int = 4

    def __post_init__(self) -> None:
        Server.__post_init__(self)
        if not (self.inboxes or self.outbox):
            raise ValueError("inboxes or outbox: one is needed, or there is nothing to do")
        if self.name:
            checked_name(self.name)
        if (self.sets or self.outboxes) and not self.outbox:
            raise ValueError("outbox: needed with `sets` or `outboxes`")
        for set_id, folder in (*dict.fromkeys(self.sets, "sets").items(), *self.outboxes.items()):
            if not re.fullmatch(r"\d{3}|TA1", set_id):
                raise ValueError(f"{set_id!r} is no transaction set: write three digits, as 850, or TA1")
            _folder("outboxes", folder or "\n")
        for name in ("outbox", "marker", "claim", "archive"):
            _folder(name, getattr(self, name))
        for inbox in self.inboxes:
            _folder("inboxes", inbox or "\n")
        if len(set(self.inboxes)) < len(self.inboxes):
            raise ValueError("inboxes: a folder is listed twice")
        if not 1 <= self.poll_seconds <= 86_400 or not 1 <= self.timeout_seconds <= 3600:
            raise ValueError("poll_seconds is 1 to 86400, timeout_seconds 1 to 3600")
        if not 1 <= self.keepalive_seconds <= 3600 or not 1 <= self.connections <= 10:
            raise ValueError("keepalive_seconds is 1 to 3600, connections 1 to 10")


KEYS = re.compile(r"(sk-)?(ssh-ed25519|ecdsa-sha2-nistp(256|384|521))(@openssh\.com)?|ssh-rsa")


@setting
class SftpAccount:
    """How a partner logs in to our server: ``edigw``'s own, or OpenSSH as ``edigw sftp-server config`` says.

    Attributes:
        user: its name there.
        keys: its public keys, as ``ssh-ed25519 AAAA... comment``; several while one is replaced.
        networks: addresses it may come from, as 192.0.2.0/24; empty for any.
        max_file_mb: of one file. quota_mb, max_files: of all that wait in its inbox.
        removes: whether it may remove and rename what lies in its outbox.
    """

    user: str
    keys: tuple[str, ...]
    networks: tuple[str, ...] = ()
    max_file_mb: int = 100
    quota_mb: int = 1000
    max_files: int = 1000
    removes: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", self.user):
            raise ValueError(f"user {self.user!r}: take a-z, 0-9, _ and -, at most 31 characters")
        if not self.keys:
            raise ValueError("keys: at least one is needed; there are no passwords")
        for line in self.keys:
            kind = line.partition(" ")[0]
            if not KEYS.fullmatch(kind) or not _blob(line) or re.search(r"[\x00-\x1f\x7f]", line):
                raise ValueError(
                    f"keys {line[:40]!r}: write a public key in one line, as in the partner's .pub file: "
                    "ssh-ed25519 AAAA... (or ecdsa-sha2-nistp256, ssh-rsa; no DSA, no options before it)"
                )
            if kind == "ssh-rsa" and len(_blob(line)) < 270:
                raise ValueError(f"keys {line[:40]!r}: an RSA key needs at least 2048 bits")
        for network in self.networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(f"networks: {error}; write 192.0.2.0/24 or one address") from None
        if not (1 <= self.max_file_mb <= self.quota_mb <= 1_000_000 and 1 <= self.max_files <= 100_000):
            raise ValueError("1 <= max_file_mb <= quota_mb <= 1000000, and max_files is 1 to 100000")

    @property
    def blobs(self) -> frozenset[bytes]:
        """The keys as the protocol has them."""
        return frozenset(map(_blob, self.keys))

    def admits(self, address: str) -> bool:
        """Whether it may come from an IP address."""
        host = ip_address(address.partition("%")[0])
        host = getattr(host, "ipv4_mapped", None) or host
        return not self.networks or any(host in ip_network(one) for one in self.networks)
