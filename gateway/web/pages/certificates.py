"""Certificates and everything else that ends: what is used for what, until when, and what follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import Response

from gateway.api.access import Administrator, Reader, allowed, site_of
from gateway.api.paging import Moment, plain
from gateway.api.routes.certificates import MAX_FILE, administered, expiries, uses, visible
from gateway.errors import ConfigurationError, NotFoundError, RefusedError
from gateway.partners.certificate import Held, ending, sending
from gateway.services import certificate
from gateway.services.access import Identity, Permission
from gateway.services.base import Services
from gateway.services.certificate import SOON
from gateway.web import charts
from gateway.web.acting import Reason, act
from gateway.web.render import page, see_other

router = APIRouter()
_Text = Annotated[str, Form(max_length=1000)]
_DRAWN = 40


@router.get("/certificates")
def certificates(request: Request, identity: Reader, error: str = "") -> Response:
    """All certificates, those that end first before the others."""
    site = site_of(request)
    now, held = site.now(), visible(site, identity)
    rows = [_row(one, held, identity, now) for one in held]
    names = {one.id: one.name for one in site.settings.partners.values()}
    tones = {"over": "off", "in use": "ok", "later": "busy", "accepted": "off"}
    shown = {"us": "Ours", **names}
    drawn = [row for row in rows if row["state"] != "over"][:_DRAWN]
    chart = charts.spans(
        "Validity",
        [
            (
                f"{shown.get(row['whose'], row['whose'])} {row['id'][:8]}",
                row["held"].begins,
                row["held"].ends(),
                "warn" if row["soon"] else tones[row["state"]],
            )
            for row in drawn
        ],
        now,
        "overlapping bars: both count",
    )
    return page(
        request,
        "certificates.html",
        title="Certificates",
        json_twin="/api/v1/certificates",
        rows=rows,
        chart=chart if drawn else None,
        uses=uses(site, identity),
        others=[row for row in expiries(site, identity) if row["kind"] != "certificate"],
        problems=site.keyring.problems if identity.may(Permission.READ) else [],
        error=error[:500],
        partners=[(one, names[one]) for one in names if identity.may(Permission.ADMINISTER, one)],
        can_own=identity.may(Permission.ADMINISTER),
    )


def _row(one: Held, held: list[Held], identity: Identity, now: datetime) -> dict[str, Any]:
    """A certificate among all, how it stands, what is `before` it, what `follows`, whether that is `open`."""
    mine = [other for other in held if other.whose == one.whose]
    kin = [
        other
        for other in mine
        if other is not one and other.partner in ("", one.partner) and {*other.purposes} & {*one.purposes}
    ]
    used = any(sending(mine, one.partner, purpose, now) is one for purpose in one.purposes)
    after = [other for other in kin if other.ends() > one.ends()]
    state = "over" if one.ends() <= now else "in use" if used else "later" if one.begins > now else "accepted"
    soon = one.ends() - now <= SOON and any(other is one for other, _ in ending(mine, now))
    return {
        **certificate.told(one, now),
        "held": one,
        "state": state,
        "soon": soon,
        "open": state == "in use" and (soon or not after),
        "follows": min(after, key=lambda other: other.begins, default=None),
        "before": [other for other in kin if other.begins < one.begins < other.ends()],
        "may": identity.may(Permission.ADMINISTER, None if one.key else one.partner),
    }


@router.post("/certificates")
def take(
    request: Request,
    identity: Administrator,
    file: Annotated[UploadFile, File()],
    whose: _Text = "",
    password: _Text = "",
    reason: _Text = "",
    weak: bool = Form(default=False),
    since: Annotated[Moment | None, Form()] = None,
) -> Response:
    """Imports a file."""
    partner = "" if whose == "us" else plain(whose)
    allowed(identity, Permission.ADMINISTER, partner or None)
    data = file.file.read(MAX_FILE + 1)

    def do(services: Services) -> str:
        if not data or len(data) > MAX_FILE or not whose or not reason.strip():
            raise RefusedError("Choose a file of at most 128 KB, say whose it is, and why.")
        given: dict[str, Any] = {"own": not partner, "weak": weak, "since": since, "reason": reason.strip()}
        held = certificate.taken(services, data, password, partner=partner, **given)
        return f"Imported: {held[0].certificate.name}."

    return act(request, identity, "/certificates", do)


@router.get("/certificates/{whose}/{certificate_id}")
def one_certificate(request: Request, identity: Reader, whose: str, certificate_id: str) -> Response:
    """A certificate, to be read out, given away, followed by another, or removed."""
    return _page(request, identity, _held(request, identity, whose, certificate_id))


def _held(request: Request, identity: Identity, whose: str, start: str) -> Held:
    held = [one for one in visible(site_of(request), identity) if one.whose == whose]
    return certificate.named(held, plain(start))[0]


def _page(request: Request, identity: Identity, one: Held, **given: Any) -> Response:
    site = site_of(request)
    now, found = site.now(), site.settings.partners.get(one.whose)
    # In a month, or a week before it ends.
    day = max(now + timedelta(days=1), min(now + timedelta(days=30), one.ends() - timedelta(days=7)))
    known = {"on": f"{day:%Y-%m-%dT00:00}", "days": 30, "reason": "", "error": ""}
    return page(
        request,
        "certificate.html",
        title="Our certificate" if one.key else f"Certificate of {found.name if found else one.whose}",
        json_twin="/api/v1/certificates",
        status=422 if given else 200,
        row=_row(one, visible(site, identity), identity, now),
        given=known | given,
    )


@router.post("/certificates/{whose}/{certificate_id}/next")
def follow(
    request: Request,
    identity: Administrator,
    whose: str,
    certificate_id: str,
    on: Annotated[Moment, Form()],
    reason: Reason,
    days: Annotated[int, Form(ge=1, le=3650)] = 30,
    file: Annotated[UploadFile | None, File()] = None,
    password: _Text = "",
    weak: bool = Form(default=False),
) -> Response:
    """Lets another follow from a day on: the one of the file, or, of ours, a new one."""
    old, site = _held(request, identity, whose, certificate_id), site_of(request)
    administered(identity, old)
    data = file.file.read(MAX_FILE + 1) if file else b""
    try:
        if len(data) > MAX_FILE or not (data or old.key):
            raise RefusedError("Choose a file of at most 128 KB.")
        if on.date() < site.now().date():
            raise RefusedError(f"{on:%Y-%m-%d} is over. Choose the day that you agree on.")
        with site.acting(identity.actor) as services:
            if data:
                found = certificate.contents(data, password, own=old.key is not None)
            else:
                found = certificate.fresh(services)
            more: dict[str, Any] = {"partner": old.partner, "among": old.purposes, "weak": weak}
            plan = certificate.rolled(services, found, on, days, reason, **more)
    except (RefusedError, NotFoundError, ConfigurationError) as error:
        said = {"on": f"{on:%Y-%m-%dT%H:%M}", "days": days, "reason": reason, "error": str(error)}
        return _page(request, identity, old, **said)
    new = plan[0][1]
    words = f"It is planned: from {on:%Y-%m-%d %H:%M} UTC on {new.certificate.name} is used."
    return see_other(f"/certificates/{whose}/{new.fingerprint}", words)


@router.post("/certificates/{whose}/{certificate_id}/remove")
def remove(
    request: Request, identity: Administrator, whose: str, certificate_id: str, reason: Reason
) -> Response:
    """Removes one, of ours with its key."""
    one = _held(request, identity, whose, certificate_id)
    administered(identity, one)

    def do(services: Services) -> str:
        return f"Removed: {certificate.removed(services, [one], reason).certificate.name}."

    return act(request, identity, "/certificates", do)
