"""What was agreed with a partner about AS2 (RFC 4130)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import field
from difflib import get_close_matches
from urllib.parse import urlsplit

from gateway.as2.message import Terms
from gateway.partners.agreement import setting

SIGN = ("sha256", "sha384", "sha512", "none")
ENCRYPT = (*(f"aes{bits}-{mode}" for mode in ("cbc", "gcm") for bits in (256, 192, 128)), "none")
KEY_TRANSPORT = ("pkcs1", "oaep-sha256", "oaep-sha384", "oaep-sha512")
COMPRESS = ("none", "before", "after")
RECEIPT = ("sync", "async", "none")
LEGACY = ("sha1", "3des")

QUIRKS = {
    "micalg-plain": "Digests are written sha256 instead of sha-256, for products that follow RFC 3851.",
    "base64": "The file is sent in base64, for products that damage binary parts.",
    "canonical-digest": "A digest also counts over content with CRLF as line ends, for products that sign "
    "before their MIME library turns LF into CRLF.",
    "bare-signature": "Signatures without signed attributes are accepted, for products that make no others.",
    "quoted-file-name": "File names are always written in quotes, for products that read no others.",
    "chunked": "Messages are sent without Content-Length, for products that want them in chunks.",
    "expired-certificates": "The partner's certificates count after their end, for partners who renew late.",
    "unquoted-names": "AS2 names are never sent in quotes, for products that take these as a part of it.",
}
"""What departs from the standard for a partner's product, and for which."""


def checked_as2_name(name: str) -> str:
    """The name, if AS2-From and AS2-To can hold it (RFC 4130, 6.2).

    Raises:
        ValueError: it cannot.
    """
    if not re.fullmatch(r"[!-~]([ -~]{0,126}[!-~])?", name):
        raise ValueError(
            f"{name!r} is no AS2 name: take 1 to 128 printable ASCII characters, no blank at the ends"
        )
    return name


def checked_url(url: str) -> str:
    """The URL, if messages can be sent there.

    Raises:
        ValueError: it is not one of HTTP, names no host, or holds a user.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not close
        usable = False
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise ValueError("user and password do not belong into a URL: write them as login")
    if not usable or not re.fullmatch(r"[!-~]+", url) or "#" in url:
        raise ValueError(f"{url!r} is no URL to send to: write it as https://as2.partner.example/as2")
    return url


def checked_reference(reference: str) -> str:
    """The reference, if it says where a secret is; :func:`gateway.secrets.secret` looks there.

    Raises:
        ValueError: it does not; it may be the secret, and is not repeated.
    """
    if not re.fullmatch(r"env:[A-Za-z_]\w*|file:\S(.*\S)?|credential:\w[\w.-]*", reference, re.ASCII):
        raise ValueError(
            "a secret does not belong into this file: write where it is, env:NAME for a variable of the "
            "environment, file:PATH for a file or credential:NAME for one of systemd or a container"
        )
    return reference


def chosen(name: str, values: Iterable[str], known: Collection[str]) -> None:
    """Raises ValueError with the nearest known value for one that is not known."""
    for value in values:
        if value not in known:
            near = get_close_matches(value, known, n=1)
            advice = f"did you mean {near[0]}" if near else f"choose of {', '.join(known)}"
            raise ValueError(f"{name} {value!r} is not known: {advice}")


@setting
class Receipt:
    """The receipt (MDN) we ask for.

    Attributes:
        mode: ``sync`` (in the answer), ``async`` (later, to ``as2.public_url`` of gateway.yaml) or ``none``.
        signed: whether it must be signed.
        within_minutes: until when an asynchronous one must be there. resends: how often the message is sent
            again, unchanged, when there is none by then.
    """

    mode: str = "sync"
    signed: bool = True
    within_minutes: float = 60
    resends: int = 2

    def __post_init__(self) -> None:
        chosen("mode", (self.mode,), RECEIPT)
        if not 0 < self.within_minutes <= 10_080 or not 0 <= self.resends <= 20:
            raise ValueError("within_minutes is more than 0, at most 10080 (a week), resends 0 to 20")


@setting
class Require:
    """Of messages from the partner; others are refused. signed, encrypted: whether they must be."""

    signed: bool = True
    encrypted: bool = True


@setting
class Login:
    """Login of HTTP (RFC 7617). user: without colon. password: a reference, see :func:`checked_reference`."""

    user: str
    password: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^:\x00-\x1f\x7f]+", self.user):
            raise ValueError("user: at least one character, no colon, no control characters")
        checked_reference(self.password)


@setting
class As2:
    """AS2 with a partner.

    Attributes:
        id: the partner's AS2 name. us: ours as it knows it; empty for the one in gateway.yaml. Both exactly.
        url: where messages are sent.
        sign: digest of signatures, or none. encrypt: cipher, or none. key_transport: what encrypts its key.
        compress: none, or before or after signing (RFC 5402).
        content_type: MIME type of the files. subject: of messages; empty for one with our name.
        receipt: what we ask for. require: what we ask of the partner's messages.
        receipts_to: hosts where the partner may have its asynchronous receipts sent; empty for that of url.
        private_addresses: whether they may be in a private network.
        login: of HTTP. client_certificate: whether we show one of ours to its server.
        ca_file: PEM file of who signs the server's certificate; empty for those the system trusts.
        timeout_seconds: how long to wait for the other side. connections: messages sent at the same time.
        legacy: what is accepted though it is weak: sha1, 3des.
        quirks: what its software does its own way: names, listed at `as2` of the page about the home.
    """

    id: str
    url: str
    us: str = ""
    sign: str = "sha256"
    encrypt: str = "aes256-cbc"
    key_transport: str = "pkcs1"
    compress: str = "none"
    content_type: str = "application/edi-x12"
    subject: str = ""
    receipt: Receipt = field(default_factory=Receipt)
    require: Require = field(default_factory=Require)
    receipts_to: tuple[str, ...] = ()
    private_addresses: bool = False
    login: Login | None = None
    client_certificate: bool = False
    ca_file: str = ""
    timeout_seconds: float = 60
    connections: int = 2
    legacy: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.id, self.us or self.id):
            checked_as2_name(name)
        checked_url(self.url)
        chosen("sign", (self.sign,), SIGN)
        chosen("encrypt", (self.encrypt,), ENCRYPT)
        chosen("key_transport", (self.key_transport,), KEY_TRANSPORT)
        chosen("compress", (self.compress,), COMPRESS)
        chosen("legacy", self.legacy, LEGACY)
        chosen("quirks", self.quirks, QUIRKS)
        if not re.fullmatch(
            r"[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*", self.content_type, re.ASCII
        ):
            raise ValueError(f"content_type {self.content_type!r}: write a MIME type, as application/edi-x12")
        if not re.fullmatch(r"[ -~]{0,200}", self.subject):
            raise ValueError("subject: at most 200 printable ASCII characters")
        for host in self.receipts_to:
            if not re.fullmatch(r"[\w.-]+|\[[0-9A-Fa-f:.]+\]", host, re.ASCII):
                raise ValueError(
                    f"receipts_to {host!r}: write names of hosts alone, without https:// and port"
                )
        if not 1 <= self.timeout_seconds <= 3600 or not 1 <= self.connections <= 64:
            raise ValueError("timeout_seconds is 1 to 3600, connections 1 to 64")

    @property
    def receipt_hosts(self) -> frozenset[str]:
        """Where asynchronous receipts may be sent: in small letters, IPv6 addresses without brackets."""
        host = urlsplit(self.url).hostname or ""
        return frozenset(one.lower().strip("[]") for one in self.receipts_to or (host,))

    @property
    def terms(self) -> Terms:
        """How messages to the partner are wrapped."""
        sign, encrypt, compress = (
            "" if one == "none" else one for one in (self.sign, self.encrypt, self.compress)
        )
        oaep = self.key_transport.partition("-")[2]
        return Terms(sign, encrypt, oaep, compress, "base64" in self.quirks, "micalg-plain" in self.quirks)
