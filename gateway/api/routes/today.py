"""What needs somebody today."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from gateway.api.access import Reader, site_of
from gateway.api.models import many, of
from gateway.services.access import Permission
from gateway.services.today import today
from gateway.store.database import reading
from gateway.store.queries import Row

router = APIRouter(prefix="/api/v1/today", tags=["today"])


_what = "Something that needs somebody."
_Attention = of("Attention", _what, "what words tone list", count=int, more=bool)
_hours: Any = {"hours": list[str], "partners": dict[str, list[int]]}
_Volume = of("Volume", "Messages of each hour, the oldest first.", **_hours, total=int)
_share: Any = {"due": int, "met": int, "percent": float | None}
_Day = of("DayOnTime", "What was due on a day, and came in time.", "day", **_share)
_OnTime = of("OnTime", "What was due, and came in time.", **_share, days=many(_Day))
_Age = of("Age", "Acknowledgments that are waited for so long.", "age", count=int, overdue=int)
Today = of(
    "Today",
    "What needs somebody, and figures of the last 24 hours.",
    "at",
    {"attention": many(_Attention), "volume": _Volume, "on_time": _OnTime, "acknowledgments": many(_Age)},
)


@router.get("", response_model=Today)
def show_today(request: Request, identity: Reader) -> Row:
    """What needs somebody: failed, refused, late, waiting, ending; and how the last day went."""
    site = site_of(request)
    with reading(site.engine) as connection:
        partners = identity.partners(Permission.READ)
        return today(connection, site.settings, site.keyring, site.now(), partners)
