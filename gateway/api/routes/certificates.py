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
from gateway.api.models import Done, Given, Reason, Why, many, of
from gateway.api.paging import Moment, plain
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.partners.certificate import Held
from gateway.services import certificate, expiry
from gateway.services.access import Identity, Permission
from gateway.store.keyring import encoded

router = APIRouter(prefix="/api/v1", tags=["certificates"], route_class=Once)

MAX_FILE = 1 << 17
"""Bytes of a file with certificates."""

_MOST = MAX_FILE * 4 // 3 + 4

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
_Expiry = of("Expiry", "What ends.", "kind whose name ends id?", days_left=int, in_use=bool, followed=bool)
_all = "Certificates, by their end."
Certificates = of("Certificates", _all, certificates=many(_Certificate))
Uses = of("Uses", "What certificates are needed for with partners, and what there is.", uses=many(_Use))
Rolled = of("RolledOver", "A change to a new certificate.", new=_Certificate, old=many(_Certificate))
Expiries = of("Expiries", "All that ends.", expiries=many(_Expiry))


class _File(Given):
    """Whose certificate it is about, and its file."""

    content: str = Field(default="", max_length=_MOST)
    partner: str = Field(default="", max_length=41, description="whose; with ours the only one it is for")
    own: bool = Field(default=False, description="it is ours, with its private key")
    password: str = Field(default="", max_length=1000)
    weak: bool = Field(default=False, description="a partner's may have a short key")
    reason: Reason


class Import(_File):
    """A file with a certificate of a partner, or a key of ours with its certificate."""

    content: str = Field(max_length=_MOST, description="PEM, DER, P12 or P7B, as base64")
    since: Moment | None = Field(default=None, alias="from", description="from when on; default: at once")


class Rollover(_File):
    """A change to a new certificate of a partner, or to a new key of ours, on a day."""

    on: Moment
    overlap_days: int = Field(default=30, ge=1, le=3650)
    purposes: list[Literal["sign", "encrypt", "tls"]] = Field(default=[], max_length=3)
    name: str = Field(default="", max_length=64)
    years: int = Field(default=3, ge=1, le=20)
    bits: Literal[2048, 3072, 4096] = 3072


class Removal(Why):
    """Which of several, and why."""

    whose: str = Field(default="", max_length=41)


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
    found = certificate.named(visible(site_of(request), identity), plain(certificate_id))
    content = encoded(found[0].certificate, form == "der")
    return Response(content, headers=attachment(f"{found[0].whose}-{found[0].fingerprint[:16]}.{form}"))


@router.post("/certificates", response_model=Certificates, status_code=201)
def import_certificate(request: Request, identity: Administrator, given: Import) -> Any:
    """Import a certificate of a partner, or a key of ours; what is there already stays as it is."""
    site, whose, data = _asked(request, identity, given)
    with site.acting(identity.actor) as services:
        held = certificate.taken(
            services,
            data,
            given.password,
            partner=whose,
            own=given.own,
            reason=given.reason,
            weak=given.weak,
            since=given.since,
        )
    return {"certificates": [certificate.told(one, site.now()) for one in held]}


@router.post("/certificates/rollover", response_model=Rolled)
def roll_over(request: Request, identity: Administrator, given: Rollover) -> Any:
    """Change to a new certificate on a day, with both in force around it; refused if it left a gap.

    Until `on` what we send is made with the old one, from then on with the new one. What comes may be made
    with either until the overlap is over.
    """
    site, whose, data = _asked(request, identity, given)
    if not given.own and not data:
        raise ApiError(422, "Send the partner's new certificate as `content`.")
    with site.acting(identity.actor) as services:
        if data:
            found = certificate.contents(data, given.password, own=given.own)
        else:
            found = certificate.fresh(services, plain(given.name), given.years, given.bits)
        known: dict[str, Any] = {"partner": whose, "purposes": given.purposes, "weak": given.weak}
        plan = certificate.rolled(services, found, given.on, given.overlap_days, given.reason, **known)
    new, *old = [certificate.told(one, site.now()) for _, one in plan]
    return {"new": new, "old": old}


@router.post("/certificates/{certificate_id}/remove", response_model=Done)
def remove_certificate(request: Request, identity: Administrator, certificate_id: str, given: Removal) -> Any:
    """Remove a certificate, of ours with its key: what was encrypted for it can be read no more."""
    site = site_of(request)
    held = [one for one in visible(site, identity) if given.whose in ("", one.whose)]
    found = certificate.named(held, plain(certificate_id))
    for one in found:
        administered(identity, one)
    with site.acting(identity.actor) as services:
        one = certificate.removed(services, found, given.reason)
    return Done(id=one.fingerprint, done="remove", words=f"{one.certificate.name} of {one.whose} is removed.")


def administered(identity: Identity, one: Held) -> None:
    """Raises ApiError (403) unless somebody may change it; ours are for administrators of all."""
    allowed(identity, Permission.ADMINISTER, one.partner if one.key is None else None)


def _asked(request: Request, identity: Identity, given: _File) -> tuple[Site, str, bytes]:
    """The partner and what the file holds, if somebody may do it. Raises ApiError."""
    partner = plain(given.partner)
    if not given.own and not partner:
        raise ApiError(422, "Say whose it is: `partner`, or `own`.")
    allowed(identity, Permission.ADMINISTER, None if given.own else partner)
    try:
        return site_of(request), partner, b64decode(given.content, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(422, "`content` is no base64.") from None


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
