"""Where something can be sent that is no document of X12: a URL, or a mail server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gateway.partners.agreement import setting
from gateway.partners.as2 import checked_reference, checked_url, chosen

_ADDRESS = r"[\w.!#$%&'*+/=?^{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"


@setting
class Webhook:
    """A URL that takes JSON, signed as Standard Webhooks.

    Attributes:
        url: HTTPS; HTTP with private_addresses only.
        secrets: where they are, ``env:NAME``, ``file:PATH`` or ``credential:NAME``; several while the
            receiver changes them.
        ca_file: PEM file of who signs the server's certificate; empty for those the system trusts.
        private_addresses: whether the server may be in a private network, and without TLS.
        timeout_seconds: how long to wait for one step; all of them may take three times that.
    """

    url: str
    secrets: tuple[str, ...]
    ca_file: str = ""
    private_addresses: bool = False
    timeout_seconds: float = 15

    def __post_init__(self) -> None:
        if checked_url(self.url).startswith("http:") and not self.private_addresses:
            raise ValueError("url: https, or private_addresses: true for plain HTTP in your own network")
        if not 1 <= len([checked_reference(one) for one in self.secrets]) <= 5:
            raise ValueError("secrets: 1 to 5 references")
        _check_timeout(self.timeout_seconds)

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@setting
class Email:
    """A mail server, and who gets mail from it.

    Attributes:
        tls: ``starttls``, ``tls`` (from the first byte) or ``none``.
        user, password: of the server; the password as ``env:NAME``, ``file:PATH`` or ``credential:NAME``.
        host, port: the mail server. sender, to: addresses.
        ca_file, private_addresses, timeout_seconds: as for a webhook.
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    tls: str = "starttls"
    user: str = ""
    password: str = ""
    ca_file: str = ""
    private_addresses: bool = False
    timeout_seconds: float = 30

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.:-]+", self.host, re.ASCII):
            raise ValueError(f"host {self.host!r}: write the name of the mail server alone")
        for one in (self.sender, *self.to):
            if not re.fullmatch(_ADDRESS, one, re.ASCII):
                raise ValueError(f"{one!r} is no mail address: write it as edi@supplier.example")
        if not 1 <= len(self.to) <= 50 or not 1 <= self.port <= 65_535:
            raise ValueError("to has 1 to 50 addresses, and port is 1 to 65535")
        chosen("tls", (self.tls,), ("starttls", "tls", "none"))
        if bool(self.user) != bool(self.password) or (self.user and self.tls == "none"):
            raise ValueError("user and password belong together, and are sent over TLS only")
        for one in self.secrets:
            checked_reference(one)
        _check_timeout(self.timeout_seconds)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Where the password is, if there is one."""
        return (self.password,) if self.password else ()

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port


def _check_timeout(seconds: float) -> None:
    if not 0 < seconds <= 300:
        raise ValueError("timeout_seconds: more than 0, at most 300")
