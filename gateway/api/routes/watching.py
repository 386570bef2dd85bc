"""For whoever watches the gateway from outside: is it alive, can it work, how much does it do."""

from __future__ import annotations

from typing import NamedTuple

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.access import Reader, allowed, site_of
from gateway.observability import metrics
from gateway.services import doctor
from gateway.services.access import Permission
from gateway.services.base import Services
from gateway.store.records import GATEWAY

router = APIRouter(tags=["watching"])


class _Held(NamedTuple):
    services: Services


@router.get("/livez")
def livez() -> Response:
    """Whether the process answers. Needs no key."""
    return _told([*doctor.live()])


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Whether work can be done now: database, migrations, storage, workers; 503 if not. Needs no key."""
    with site_of(request).acting(GATEWAY) as services:
        found = doctor.ready(_Held(services))
    # Strangers learn that something is wrong, not what.
    return _told([one._replace(words="", fix="") for one in found])


@router.get("/metrics", response_class=Response)
def prometheus(request: Request, identity: Reader) -> Response:
    """Metrics for Prometheus; needs the permission to read of all partners."""
    allowed(identity, Permission.READ, None)
    with site_of(request).acting(GATEWAY) as services:
        return Response(metrics.render(_Held(services)), media_type=metrics.CONTENT_TYPE)


def _told(checks: list[doctor.Check]) -> Response:
    said = doctor.summary(checks)
    status = 503 if said["status"] == doctor.FAIL else 200
    return Response(orjson.dumps(said), status, media_type="application/json")
