"""What was agreed about Amazon's Selling Partner API, with which a vendor trades without EDI."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.partners.agreement import setting
from gateway.partners.as2 import checked_reference, chosen
from gateway.partners.certificate import ALARMS

REGIONS = ("na", "eu", "fe")
TOKEN_URL = "https://api.amazon.com/auth/o2/token"  # noqa: S105 - where tokens are given
SECRET_LASTS = timedelta(days=180)
"""After so long Amazon refuses a client secret, and with it every call; the refresh token stays."""


def _checked_base(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        is_here = parts.port != 0 and ip_address(parts.hostname or "").is_loopback
    except ValueError:  # a name, or no URL
        is_here = False
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./-]*)?", url, re.ASCII):
        raise ValueError(f"{name} {url!r} is no URL: write it as https://host/path, without user and query")
    if url.startswith("http:") and not is_here:
        raise ValueError(f"{name} {url!r}: secrets are sent there, so only https, or http to 127.0.0.1")


@setting
class SpApi:
    """A vendor account; each account, as of each region, has a partner file of its own.

    Attributes:
        region: ``na``, ``eu`` or ``fe``: which of Amazon's hosts. sandbox: whether its sandbox.
        vendor_code: ours, as orders name it (``sellingParty``); only its orders are asked for.
        client_id, client_secret, refresh_token: references to what the application was given.
        secret_made_on: the day of the client secret, which ends 180 days later.
        marketplace: for invoices of Finances, as ``ATVPDKIKX0DER``; empty where these are not asked for.
        base_url, token_url: other addresses, such as those of a rehearsal.
        poll_seconds, poll_changes_seconds: between looks for new orders, and for changed ones.
        poll_invoices_seconds: between looks for what became of invoices, where a marketplace is named.
        orders_since: at the first look orders from this day on are asked for; without it of the last three.
        outcome_minutes: after so long a submission of which Amazon has said nothing is overdue.
        timeout_seconds: how long an answer may take. connections: calls at the same time.
    """

    region: str
    vendor_code: str
    client_id: str
    client_secret: str
    refresh_token: str
    secret_made_on: date
    sandbox: bool = False
    marketplace: str = ""
    base_url: str = ""
    token_url: str = ""
    poll_seconds: float = 900
    poll_changes_seconds: float = 3600
    poll_invoices_seconds: float = 21_600
    orders_since: date | None = None
    outcome_minutes: float = 30
    timeout_seconds: float = 60
    connections: int = 4

    def __post_init__(self) -> None:
        chosen("region", (self.region,), REGIONS)
        if not re.fullmatch(r"[A-Z0-9]{3,10}", self.vendor_code):
            raise ValueError(f"vendor_code {self.vendor_code!r}: write it as Vendor Central does, as ABCDE")
        for reference in (self.client_id, self.client_secret, self.refresh_token):
            checked_reference(reference)
        if not re.fullmatch(r"([A-Z0-9]{10,16})?", self.marketplace):
            raise ValueError(f"marketplace {self.marketplace!r}: write its identifier, as ATVPDKIKX0DER")
        for name in ("base_url", "token_url"):
            if url := getattr(self, name):
                _checked_base(name, url)
        polls = (self.poll_seconds, self.poll_changes_seconds, self.poll_invoices_seconds)
        if not all(60 <= one <= 86_400 for one in polls):
            raise ValueError("poll_seconds, poll_changes_seconds and poll_invoices_seconds are 60 to 86400")
        if not 1 <= self.outcome_minutes <= 10_080:
            raise ValueError("outcome_minutes is 1 to 10080 (a week)")
        if not 1 <= self.timeout_seconds <= 600 or not 1 <= self.connections <= 16:
            raise ValueError("timeout_seconds is 1 to 600, connections 1 to 16")

    @property
    def base(self) -> str:
        """Where calls go, without a slash at the end."""
        host = f"{'sandbox.' if self.sandbox else ''}sellingpartnerapi-{self.region}.amazon.com"
        return (self.base_url or f"https://{host}").rstrip("/")

    @property
    def secret_ends(self) -> datetime:
        """When the client secret ends, UTC."""
        return datetime.combine(self.secret_made_on, time(), UTC) + SECRET_LASTS

    def alarm(self, now: datetime) -> int:
        """With which of :data:`ALARMS` the end of the secret is due to be told, or 0."""
        return next((days for days in ALARMS if self.secret_ends - now <= timedelta(days=days)), 0)
