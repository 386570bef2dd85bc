"""Keys and certificates of AS2, and everything else that ends."""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from gateway.api.access import Administrator, Reader, allowed, site_of
from gateway.api.files import attachment
from gateway.api.idempotency import Once
from gateway.api.models import Given, Reason, many, of
from gateway.api.paging import plain
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.errors import NotFoundError
from gateway.partners.certificate import Held
from gateway.services import certificate, expiry
from gateway.services.access import Identity, Permission
from gateway.store.keyring import encoded

router = APIRouter(prefix="/api/v1", tags=["certificates"], route_class=Once)

MAX_FILE = 1 << 17
"""Bytes of a file with certificates."""


_times = ("from", "until", "certificate_from", "certificate_until", "added")
_Certificate = of(
    "Certificate",
    "A certificate, and when it is used.",
    "id whose name key partner?",
    {"purposes": list[str], "days_left": int, "weak": bool} | dict.fromkeys(_times, datetime),
)
_Use = of(
    "Use",
    "What a certificate is needed for with a partner, and what there is.",
    "partner use",
    {"needed": bool, "ids": list[str], "ok": bool, "until": datetime | None, "days_left": int | None},
)
_Expiry = of("Expiry", "What ends.", "kind whose name ends", days_left=int, in_use=bool)
_all = "Certificates, by their end."
Certificates = of("Certificates", _all, certificates=many(_Certificate))
Uses = of("Uses", "What certificates are needed for with partners, and what there is.", uses=many(_Use))
Expiries = of("Expiries", "All that ends.", expiries=many(_Expiry))


class Import(Given):
    """A file with a certificate of a partner, or a key of ours with its certificate."""

    content: str = Field(max_length=MAX_FILE * 4 // 3 + 4, description="PEM, DER, P12 or P7B, as base64")
    partner: str = Field(default="", max_length=41, description="whose; with ours the only one it is for")
    own: bool = Field(default=False, description="it is ours, with its private key")
    password: str = Field(default="", max_length=1000)
    weak: bool = Field(default=False, description="a partner's may have a short key")
    reason: Reason


@router.get("/certificates", response_model=Certificates)
def list_certificates(request: Request, identity: Reader, partner: str = "") -> Any:
    """Our certificates and those of partners; with `partner` those that count for it."""
    site = site_of(request)
    wanted = plain(partner)
    held = [one for one in visible(site, identity) if not wanted or one.partner in ("", wanted)]
    return {"certificates": [certificate.told(one, site.now()) for one in held]}


@router.get("/certificates/uses", response_model=Uses)
def list_uses(request: Request, identity: Reader) -> Any:
    """What certificates are needed for with each partner with AS2, what there is, and when it ends."""
    return {"uses": uses(site_of(request), identity)}


@router.get("/certificates/{certificate_id}/file", response_class=Response)
def certificate_file(
    request: Request, identity: Reader, certificate_id: str, form: Literal["pem", "der"] = "pem"
) -> Response:
    """A certificate to be given to partners; never a key."""
    start = plain(certificate_id).lower()
    found = [one for one in visible(site_of(request), identity) if one.fingerprint.startswith(start)]
    if len(start) < 8 or len({one.fingerprint for one in found}) != 1:
        raise NotFoundError(f"There is no certificate {start[:64]!r}, or several begin so.")
    content = encoded(found[0].certificate, form == "der")
    return Response(content, headers=attachment(f"{found[0].whose}-{found[0].fingerprint[:16]}.{form}"))


@router.post("/certificates", response_model=Certificates, status_code=201)
def import_certificate(request: Request, identity: Administrator, given: Import) -> Any:
    """Import a certificate of a partner, or a key of ours; what is there already stays as it is."""
    site = site_of(request)
    if not given.own and not given.partner:
        raise ApiError(422, "Say whose it is: `partner`, or `own`.")
    allowed(identity, Permission.ADMINISTER, plain(given.partner) or None)
    try:
        data = b64decode(given.content, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(422, "`content` is no base64.") from None
    with site.acting(identity.actor) as services:
        held = certificate.taken(
            services,
            data,
            given.password,
            partner=plain(given.partner),
            own=given.own,
            weak=given.weak,
            reason=given.reason,
        )
    return {"certificates": [certificate.told(one, site.now()) for one in held]}


@router.get("/expiries", response_model=Expiries)
def list_expiries(request: Request, identity: Reader) -> Any:
    """What ends when: certificates, API secrets, and what `expiries` of the settings names."""
    return {"expiries": expiries(site_of(request), identity)}


def visible(site: Site, identity: Identity) -> list[Held]:
    """The certificates that somebody may see, those that end first before the others; ours everybody may."""
    partners = identity.partners(Permission.READ)
    held = [one for group in site.keyring.groups() for one in group]
    shown = [one for one in held if partners is None or one.partner in {"", *partners}]
    return sorted(shown, key=lambda one: one.ends())


def uses(site: Site, identity: Identity) -> list[dict[str, Any]]:
    """What certificates are needed for, with the partners that somebody may see."""
    mine = [
        one for one in site.settings.partners.values() if one.as2 and identity.may(Permission.READ, one.id)
    ]
    return [row for one in mine for row in certificate.uses(one, site.keyring, site.now())]


def expiries(site: Site, identity: Identity) -> list[dict[str, Any]]:
    """What ends, of what somebody may see."""
    partners = identity.partners(Permission.READ)
    rows = expiry.register(site.settings, site.keyring, site.now())
    return [one for one in rows if partners is None or one["whose"] in partners]
