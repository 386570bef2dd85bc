"""What runs when, and what is due until when."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.idempotency import Once
from gateway.api.models import Done, Why, many, of
from gateway.api.paging import Limit, Text, plain
from gateway.api.site import Site
from gateway.errors import NotFoundError
from gateway.services import deadline, schedule
from gateway.services.access import Identity, Permission
from gateway.services.partner import owner_of
from gateway.store import queries
from gateway.store.database import reading

router = APIRouter(prefix="/api/v1", tags=["schedules"], route_class=Once)


_when = "name when zone catch_up last_slot? taken_at? ended_at? result?"
_next = {"next": many(of("Run", "When something runs.", "utc local"))}
_Schedule = of("Schedule", "What has times of its own.", _when, _next)
_Deadline = of(
    "Deadline",
    "What is expected until a time, or late.",
    "kind state due_at document_id? message_id? partner? number?",
    {"seq": int, "orders": list[str], "seconds_left": int},
)
Schedules = of("Schedules", "What has times of its own, each with its next runs.", schedules=many(_Schedule))
Deadlines = of("Deadlines", "What is due, or was missed, by its time.", deadlines=many(_Deadline))


@router.get("/schedules", response_model=Schedules)
def list_schedules(request: Request, identity: Reader, count: Annotated[int, Query(ge=1, le=100)] = 1) -> Any:
    """Polls and batch windows with times of their own, with their next runs and the last one."""
    return {"schedules": listed(site_of(request), identity, count)}


@router.post("/schedules/{name:path}/run")
def run_schedule(request: Request, identity: Operator, name: str, why: Why) -> Done:
    """Run something now that has times of its own; these stay as they are."""
    return run(site_of(request), identity, plain(name), why.reason)


@router.get("/deadlines", response_model=Deadlines)
def list_deadlines(
    request: Request, identity: Reader, missed: bool = False, partner: Text = "", limit: Limit = 50
) -> Any:
    """What is due next, how much time is left, and for which orders; or what was missed."""
    return {"deadlines": deadlines(site_of(request), identity, missed, plain(partner), limit)}


@router.post("/deadlines/{number}/cancel")
def cancel_deadline(
    request: Request, identity: Operator, number: Annotated[int, Path(ge=1, le=999_999_999)], why: Why
) -> Done:
    """End a deadline of a document that was settled otherwise."""
    return cancel(site_of(request), identity, number, why.reason)


def owner(site: Site, name: str) -> str | None:
    """The partner that a schedule is about, by its key."""
    kind, _, what = name.partition(":")
    return what.partition("|")[0] if kind == "close" else owner_of(site.settings, what)


def listed(site: Site, identity: Identity, count: int = 1) -> list[dict[str, Any]]:
    """The schedules that somebody may see."""
    with reading(site.engine) as connection:
        ran = queries.schedules(connection)
    mine = {
        name: one for name, one in site.schedules.items() if identity.may(Permission.READ, owner(site, name))
    }
    return [schedule.row(name, one, ran.get(name, {}), site.now(), count) for name, one in mine.items()]


def run(site: Site, identity: Identity, name: str, reason: str) -> Done:
    """Runs a schedule now."""
    if name not in site.schedules or not identity.may(Permission.READ, owner(site, name)):
        raise NotFoundError(f"There is no schedule {name[:60]!r}.")
    allowed(identity, Permission.OPERATE, owner(site, name))
    with site.acting(identity.actor) as services:
        schedule.run(services, name, reason)
        services.jobs.wake()
    return Done(id=name, done="run")


def deadlines(
    site: Site, identity: Identity, missed: bool, partner: str = "", limit: int = 50
) -> list[dict[str, Any]]:
    """The deadlines that somebody may see, with the seconds that are left."""
    state, partners = "overdue" if missed else "open", identity.partners(Permission.READ)
    with reading(site.engine) as connection:
        return queries.deadlines(connection, state, partner, limit, partners, now=site.now())


def cancel(site: Site, identity: Identity, number: int, reason: str) -> Done:
    """Ends a deadline."""
    partners = identity.partners(Permission.OPERATE)
    with reading(site.engine) as connection:
        some = (queries.deadlines(connection, state, "", 1000, partners) for state in ("open", "overdue"))
        if partners is not None and number not in {row["seq"] for rows in some for row in rows}:
            raise NotFoundError(f"There is no deadline {number}, or it is met.")
    with site.acting(identity.actor) as services:
        deadline.cancel(services, number, reason)
    return Done(id=str(number), done="cancel")
