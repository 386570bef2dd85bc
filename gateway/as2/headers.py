"""Headers that only AS2 has (RFC 4130, 6 and 7.3): names of partners, requests for receipts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.as2.mime import Headers
from gateway.as2.problems import As2Error

VERSION = "1.2"
"""AS2-Version: compression is read (1.1), and EDIINT-Features is told (1.2; RFC 6017)."""
FEATURES = "multiple-attachments"
"""EDIINT-Features: what is true of us."""
DIGESTS = ("sha1", "sha256", "sha384", "sha512")
"""Digests as they are called inside."""

_NAME = re.compile(r"[ -~]{1,128}")
_QUOTED_NAME = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"')
_MESSAGE_ID = re.compile(r"[!-~]{1,998}")


def as2_name(text: str) -> str:
    """An AS2 name as AS2-From and AS2-To write it, in quotes where it needs them (RFC 4130, 6.2).

    Raises ValueError for what cannot be a name: 1 to 128 printable ASCII characters.
    """
    if not _NAME.fullmatch(text):
        raise ValueError(f"an AS2 name has 1 to 128 printable ASCII characters, not {text!r}")
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"' if escaped != text or " " in text else text


def read_as2_name(value: str) -> str:
    """The name in a header. Some write blanks and backslashes without quotes, so those are read too.

    Raises AS2-MALFORMED.
    """
    value = value.strip()
    quoted = _QUOTED_NAME.fullmatch(value)
    name = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    if not _NAME.fullmatch(name) or not (quoted or '"' not in name):
        raise As2Error("AS2-MALFORMED", what=f"this is no AS2 name: {value!r:.80}")
    return name


def check_message_id(value: str | None) -> str:
    """A Message-ID exactly as it came; it may lack its brackets. Raises AS2-MESSAGE-ID."""
    if not value:
        raise As2Error("AS2-MESSAGE-ID", what="there is none")
    if not _MESSAGE_ID.fullmatch(value):
        too_long = f"it has {len(value)} characters, 998 are allowed"
        what = too_long if len(value) > 998 else f"{value!a:.80} has other than printable characters"
        raise As2Error("AS2-MESSAGE-ID", what=what)
    return value


def bare_message_id(value: str) -> str:
    """A Message-ID without its brackets, which some products leave out: for comparing."""
    return value.strip().removeprefix("<").removesuffix(">")


def micalg(digest: str, plain: bool = False) -> str:
    """A digest as AS2 writes it: ``sha-256``, or ``sha256`` if ``plain`` (RFC 3851).

    SHA-1 is always ``sha1``, as products that still need it were made for RFC 4130.
    """
    return digest if plain or digest == "sha1" else digest.replace("sha", "sha-")


def digest_of(micalg: str) -> str | None:
    """The digest that is meant, in any spelling; None if it is none of :data:`DIGESTS`."""
    name = micalg.strip(' \t"').lower().replace("-", "").replace("_", "")
    return name if name in DIGESTS else None


@dataclass(frozen=True, slots=True)
class ReceiptRequest:
    """What receipt the sender of a message asks for (RFC 4130, 7.3).

    Attributes:
        signed: whether it has to be signed.
        digests: those of :data:`DIGESTS` that the sender can read, the best first.
        unknown: digests it named besides; if it named only such, none can be used.
        url: where to send it; empty: in the answer.
    """

    signed: bool
    digests: tuple[str, ...] = ()
    url: str = ""
    unknown: tuple[str, ...] = ()


def read_receipt_request(headers: Headers) -> ReceiptRequest | None:
    """The request for a receipt; None if there is none. Raises AS2-FORMAT when it demands what is unknown."""
    if headers.get("Disposition-Notification-To") is None:
        return None
    signed = False
    digests: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for option in ";".join(headers.all("Disposition-Notification-Options")).split(";"):
        name, _, value = (text.strip(' \t"').lower() for text in option.partition("="))
        importance, *values = words = [word.strip(' \t"') for word in value.split(",")]
        if importance not in ("required", "optional"):
            values = words
        if name == "signed-receipt-micalg":
            for word in filter(None, values):
                digest = digest_of(word)
                (digests if digest else unknown)[digest or word] = None
        elif name == "signed-receipt-protocol" and "pkcs7-signature" in values:
            signed = True
        elif importance == "required":
            raise As2Error("AS2-FORMAT", what=f"{option.strip()!r:.80}")
    url = (headers.get("Receipt-Delivery-Option") or "").strip(' \t"')
    return ReceiptRequest(signed, tuple(digests), url, tuple(unknown))


def write_receipt_request(
    request: ReceiptRequest, *, to: str, plain: bool = False
) -> Iterable[tuple[str, str]]:
    """Headers that ask for a receipt.

    Args:
        to: for Disposition-Notification-To, which only has to be there. plain: see :func:`micalg`.
    """
    yield "Disposition-Notification-To", to
    if request.signed:
        names = ", ".join(micalg(digest, plain) for digest in request.digests)
        protocol = "signed-receipt-protocol=optional, pkcs7-signature"
        yield "Disposition-Notification-Options", f"{protocol}; signed-receipt-micalg=optional, {names}"
    if request.url:
        yield "Receipt-Delivery-Option", request.url
