"""Partners: what was agreed, what is missing until they are live, and changes of their files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from pydantic import Field
from starlette.responses import Response

from gateway.api.access import Administrator, Operator, Reader, allowed, site_of
from gateway.api.idempotency import Once
from gateway.api.models import Given, Party, Reason, many, of
from gateway.api.paging import etag, plain, unchanged
from gateway.api.problems import ApiError
from gateway.api.routes.channels import Channel
from gateway.api.site import Site
from gateway.errors import NotFoundError
from gateway.partners.partner import Partner
from gateway.services import connection, health, partner
from gateway.services.access import Identity, Permission
from gateway.settings_file import plain as settings_of
from gateway.store.database import reading

router = APIRouter(prefix="/api/v1/partners", tags=["partners"], route_class=Once)
Patch = Annotated[dict[str, Any], Body(description="what changes, with the names of the partner's file")]
Why = Annotated[str, Query(min_length=1, max_length=1000, description="why; it is kept in the audit")]


_texts = "partner name profile usage state last_traffic_at?"
_row: Any = dict.fromkeys(("receive", "send"), list[str]) | {"channels": many(Channel)}
_row |= {"identifiers": many(Party)}
PartnerRow = of("PartnerRow", "A partner and how it goes.", _texts, **_row)
PartnerList = of("PartnerList", "All partners.", partners=many(PartnerRow))
_Step = of("Step", "What there is to do.", "step title words", done=bool)
PartnerDetail = of(
    "PartnerDetail",
    "A partner with its file and what is missing.",
    f"{_texts} file sha256",
    _row | {"settings": dict[str, Any], "in_force": bool, "steps": many(_Step)},
)
_Try = of("Try", "A step of a test of the connection.", "channel step words", ok=bool)
Attempted = of("Attempted", "How a test of the connection went.", "partner", ok=bool, steps=many(_Try))


class NewPartner(Given):
    """A partner that is to be added."""

    partner: str = Field(min_length=1, max_length=41, pattern="^[a-z0-9][a-z0-9-]*$")
    settings: dict[str, Any] = Field(min_length=1, description="as in a partner's file")
    reason: Reason


class Attempt(Given):
    """Which ways are tried."""

    way: str = Field(default="", pattern="^(api|as2|sftp|webhook)?$", description="only this; empty for all")
    send: bool = Field(default=False, description="SFTP: write, rename and remove a small file")


@router.get("", response_model=PartnerList)
def list_partners(request: Request, identity: Reader) -> Any:
    """Partners with their channels, whether they are live, and when something went last."""
    return {"partners": listed(site_of(request), identity)}


@router.get("/{partner_id}", response_model=PartnerDetail)
def show_partner(request: Request, response: Response, identity: Reader, partner_id: str) -> Any:
    """One partner, its file included; its ETag is that of the file."""
    site, name = site_of(request), plain(partner_id)
    found, text = visible(site, identity, name), partner.text_of(site.home, name)
    response.headers["ETag"] = etag(text.encode())
    return detailed(site, found, text)


@router.post("", response_model=PartnerDetail, status_code=201)
def add_partner(request: Request, response: Response, identity: Administrator, new: NewPartner) -> Any:
    """Write the file of a new partner, after a check of all settings.

    The running gateway takes it up within seconds.
    """
    site = site_of(request)
    allowed(identity, Permission.ADMINISTER, None)
    with site.acting(identity.actor) as services:
        partner.add(services, new.partner, new.settings, new.reason, trusted=False)
    text = partner.text_of(site.home, new.partner)
    response.headers["Location"] = f"/api/v1/partners/{new.partner}"
    return detailed(site, partner.read(site.home, new.partner), text)


@router.patch("/{partner_id}", response_model=PartnerDetail)
def change_partner(
    request: Request, response: Response, identity: Administrator, partner_id: str, patch: Patch, reason: Why
) -> Any:
    """Change the file of a partner by a merge patch (RFC 7396): null takes a setting away.

    `If-Match` carries the ETag of what was read. Comments of the file stay where nothing changes.
    """
    site, name = site_of(request), plain(partner_id)
    visible(site, identity, name)
    allowed(identity, Permission.ADMINISTER, name)
    if not request.headers.get("if-match"):
        raise ApiError(428)
    with site.acting(identity.actor) as services:
        partner.change(
            services,
            name,
            patch,
            reason,
            trusted=False,
            check=lambda text: unchanged(request, text.encode),
        )
    text = partner.text_of(site.home, name)
    response.headers["ETag"] = etag(text.encode())
    return detailed(site, partner.read(site.home, name), text)


@router.post("/{partner_id}/test", response_model=Attempted)
def try_partner(request: Request, identity: Operator, partner_id: str, asked: Attempt) -> Any:
    """Try the ways to a partner, as its file says them, and see each step.

    A host key that is not in the file yet is shown, and never accepted.
    """
    site, name = site_of(request), plain(partner_id)
    found = visible(site, identity, name)
    allowed(identity, Permission.OPERATE, name)
    with site.acting(identity.actor) as services:
        return connection.attempts(services, found, way=asked.way, send=asked.send)


def visible(site: Site, identity: Identity, partner_id: str) -> Partner:
    """A partner as its file says now, if somebody may see it. Raises NotFoundError, ConfigurationError."""
    partners = identity.partners(Permission.READ)
    if partners is not None and partner_id not in partners:
        raise NotFoundError(f"There is no partner {partner_id[:60]!r}.")
    return partner.read(site.home, partner_id)


def listed(site: Site, identity: Identity) -> list[dict[str, Any]]:
    """The partners that somebody may see."""
    with site.acting(identity.actor) as services, reading(site.engine) as store:
        channels = health.channels(services, site.waiting)
        return partner.rows(store, site.settings, channels, identity.partners(Permission.READ))


def detailed(site: Site, found: Partner, text: str) -> dict[str, Any]:
    """A partner with its file and its steps."""
    with site.acting("gateway") as services, reading(site.engine) as store:
        channels = health.channels(services, site.waiting, [found])
        return {
            **partner.row(store, found, channels),
            "file": f"partners/{found.id}.yaml",
            "sha256": partner.digest(text),
            "settings": settings_of(text),
            "in_force": site.settings.partners.get(found.id) == found,
            "steps": partner.steps(services, found, store, site.waiting),
        }
