"""What needs somebody today."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from gateway.api.access import needs
from gateway.services.access import Identity, Permission
from gateway.web.render import page

router = APIRouter()


@router.get("/")
def today(request: Request, _: Annotated[Identity, Depends(needs(Permission.READ))]) -> Response:
    """The first page."""
    return page(request, "today.html", title="Today")
