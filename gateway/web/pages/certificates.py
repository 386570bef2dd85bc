"""Certificates and everything else that ends: what is used for what, until when, and what follows."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import Response

from gateway.api.access import Administrator, Reader, allowed, site_of
from gateway.api.paging import plain
from gateway.api.routes.certificates import MAX_FILE, expiries, uses, visible
from gateway.errors import NotFoundError, RefusedError
from gateway.partners.certificate import ending, sending
from gateway.services import certificate
from gateway.services.access import Permission
from gateway.services.certificate import SOON
from gateway.web import charts
from gateway.web.render import page, see_other

router = APIRouter()
_Text = Annotated[str, Form(max_length=1000)]
_DRAWN = 40


@router.get("/certificates")
def certificates(request: Request, identity: Reader, error: str = "") -> Response:
    """All certificates, those that end first before the others."""
    site = site_of(request)
    now, held = site.now(), visible(site, identity)
    rows = []
    for one in held:
        mine = [other for other in held if other.whose == one.whose]
        used = any(sending(mine, one.partner, purpose, now) is one for purpose in one.purposes)
        after = [other for other in mine if other.ends() > one.ends() and {*other.purposes} & {*one.purposes}]
        follows = min(after, key=lambda other: other.begins, default=None)
        state = (
            "over" if one.ends() <= now else "in use" if used else "later" if one.begins > now else "accepted"
        )
        soon = one.ends() - now <= SOON and any(other is one for other, _ in ending(mine, now))
        rows.append(
            {**certificate.told(one, now), "state": state, "soon": soon, "follows": follows, "held": one}
        )
    names = {one.id: one.name for one in site.settings.partners.values()}
    tones = {"over": "off", "in use": "ok", "later": "busy", "accepted": "off"}
    drawn = [row for row in rows if row["state"] != "over"][:_DRAWN]
    chart = charts.spans(
        "Validity",
        [
            (
                f"{names.get(row['whose'], row['whose'])} {row['id'][:8]}",
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


@router.post("/certificates")
def take(
    request: Request,
    identity: Administrator,
    file: Annotated[UploadFile, File()],
    whose: _Text = "",
    password: _Text = "",
    reason: _Text = "",
    weak: bool = Form(default=False),
) -> Response:
    """Imports a file."""
    partner = "" if whose == "us" else plain(whose)
    allowed(identity, Permission.ADMINISTER, partner or None)
    data = file.file.read(MAX_FILE + 1)
    try:
        if not data or len(data) > MAX_FILE or not whose or not reason.strip():
            raise RefusedError("Choose a file of at most 128 KB, say whose it is, and why.")
        with site_of(request).acting(identity.actor) as services:
            given = {"own": not partner, "weak": weak}
            held = certificate.taken(
                services, data, password, partner=partner, reason=reason.strip(), **given
            )
    except (RefusedError, NotFoundError) as error:
        return see_other("/certificates", str(error), "error")
    return see_other("/certificates", f"Imported: {held[0].certificate.name}.")
