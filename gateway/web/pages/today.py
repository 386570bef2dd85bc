"""What needs somebody today."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.access import Reader, site_of
from gateway.api.routes.today import show_today
from gateway.web import charts
from gateway.web.render import page

router = APIRouter()


@router.get("/")
def today(request: Request, identity: Reader) -> Response:
    """The first page."""
    found, partners = show_today(request, identity), site_of(request).settings.partners
    volume = found["volume"]
    names = {
        one: partners[one].name if one in partners else one or "No partner" for one in volume["partners"]
    }
    series: dict[str, list[int]] = {}
    for one, hours in volume["partners"].items():
        known = series.get(names[one], [0] * len(hours))
        series[names[one]] = [a + b for a, b in zip(known, hours)]
    hours = [one[11:13] for one in volume["hours"]]
    tones = ("ok", "ok", "warn", "warn")
    ages = [
        (
            one["age"],
            one["count"],
            f"{one['count']:,}" + f", {one['overdue']:,} overdue" * bool(one["overdue"]),
            "error" if one["overdue"] else tone,
        )
        for one, tone in zip(found["acknowledgments"], tones, strict=True)
    ]
    days = [(f"{date.fromisoformat(one['day']):%-d %b}", one["percent"]) for one in found["on_time"]["days"]]
    rates = [one for _, one in days if one is not None]
    return page(
        request,
        "today.html",
        title="Today",
        json_twin="/api/v1/today",
        found=found,
        attention=[{**one, "href": one["list"], "text": one["words"]} for one in found["attention"]],
        waiting=sum(one["count"] for one in found["acknowledgments"]),
        overdue=sum(one["overdue"] for one in found["acknowledgments"]),
        volume=charts.stacked("Messages an hour by partner, UTC", hours, series) if series else None,
        rate=charts.line("Answers on time", days, "by the day they were due, UTC")
        if len(rates) > 1
        else None,
        ages=charts.bars("Acknowledgments that are waiting", ages, width=charts.HALF, name="Age"),
    )
