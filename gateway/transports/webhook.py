"""Events and documents to a URL, signed as https://www.standardwebhooks.com says, by the HTTP of AS2."""

from __future__ import annotations

import binascii
import hmac
import ssl
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

from gateway.as2.span import Span
from gateway.errors import ConfigurationError
from gateway.partners.webhook import Webhook
from gateway.transports.as2 import Client, SendError, Target, Watch

_PREFIX = "whsec_"


class AnswerError(SendError):
    """The receiver answered that it did not take it. retry_after: seconds it wants to be left alone."""

    def __init__(self, message: str, status: int, retry_after: int = 0) -> None:
        super().__init__(message, "http")
        self.status, self.retry_after = status, retry_after


class GoneError(AnswerError):
    """The receiver wants nothing any more: 410 (Gone)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 410)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the HMAC-SHA256 in base64.

    Raises:
        ConfigurationError: the secret is not ``whsec_`` and base64 of 24 to 64 bytes.
    """
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        words = "The secret of a webhook is whsec_ and 24 to 64 random bytes in base64"
        raise ConfigurationError(f"{words}: `openssl rand -base64 32` makes them.")
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def post(
    client: Client,
    terms: Webhook,
    secrets: Sequence[str],
    context: ssl.SSLContext,
    message_id: str,
    body: bytes,
    now: datetime,
    content_type: str = "application/json",
    *,
    watch: Watch | None = None,
) -> None:
    """Sends it, and is content with 2xx alone.

    Args:
        context: made by :func:`gateway.transports.as2.tls_context`.
        message_id: the same for the same event, so that the receiver knows a repetition.

    Raises:
        AnswerError: the receiver did not take it; GoneError: it wants nothing any more.
        SendError: it cannot be reached, or did not answer.
        ConfigurationError: a secret is none.
    """
    at = int(now.timestamp())
    headers = [
        ("Content-Type", content_type),
        ("User-Agent", "edi-gateway"),
        ("Idempotency-Key", message_id),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(at)),
        ("webhook-signature", " ".join(signature(one, message_id, at, body) for one in secrets)),
    ]
    tls = context if terms.url.startswith("https:") else None
    public = not terms.private_addresses
    target = Target(terms.url, tls=tls, timeout_seconds=terms.timeout_seconds, public_only=public)
    try:
        answer = client.post(target, headers, Span.of(body), watch=watch)
    except SendError as error:
        # The words name settings of AS2; those of a webhook have the same names.
        words = str(error).replace("`as2.", "`webhook.").replace("partner's file", "settings of the webhook")
        raise SendError(words, error.step, again=error.again) from error
    if answer.status == 410:
        raise GoneError("The receiver answered 410 (Gone): it wants nothing any more.")
    if not 200 <= answer.status < 300:
        more = ", and redirects are not followed" if 300 <= answer.status < 400 else ""
        said = next((value for name, value in answer.headers if name.lower() == "retry-after"), "")
        pause = min(int(said), 86_400) if said.isascii() and said.isdigit() and len(said) < 10 else 0
        words = f"The receiver answered {answer.words}{more}; 2xx would have been right."
        raise AnswerError(words, answer.status, pause)
