"""What needs somebody today."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from gateway.api.access import Reader, site_of
from gateway.services.access import Permission
from gateway.services.today import today
from gateway.store.database import reading
from gateway.store.queries import Row

router = APIRouter(prefix="/api/v1/today", tags=["today"])


class Attention(BaseModel):
    """Something that needs somebody."""

    what: str
    count: int
    more: bool = Field(description="there are more than `count`")
    words: str
    tone: str
    list: str = Field(description="the page that lists them")


class Today(BaseModel):
    """What needs somebody, and figures of the last 24 hours."""

    at: str
    attention: list[Attention]
    volume: dict[str, Any] = Field(description="messages of each hour by partner")
    on_time: dict[str, Any] = Field(description="what was due in 24 hours, and what of it came in time")
    acknowledgments: list[dict[str, Any]] = Field(description="those that are waited for, by age")


@router.get("", response_model=Today)
def show_today(request: Request, identity: Reader) -> Row:
    """What needs somebody: failed, refused, late, waiting, ending; and how the last day went."""
    site = site_of(request)
    with reading(site.engine) as connection:
        partners = identity.partners(Permission.READ)
        return today(connection, site.settings, site.keyring, site.now(), partners)
