"""Channels: how the ways to partners and to our own system are, and what people do with them."""

from __future__ import annotations

from typing import Any, get_type_hints

from fastapi import APIRouter, Request

from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.idempotency import Once
from gateway.api.models import Done, Why, many, of
from gateway.api.paging import plain
from gateway.api.site import Site
from gateway.errors import NotFoundError
from gateway.services import health
from gateway.services.access import Identity, Permission
from gateway.services.partner import owner_of
from gateway.store import records

router = APIRouter(prefix="/api/v1/channels", tags=["channels"], route_class=Once)


Channel = of(
    "Channel",
    "A channel, how it is and what waits.",
    "kind state",
    {**get_type_hints(records.Channel), "deliveries": int, "files": int | None},
)
Channels = of("Channels", "All channels.", channels=many(Channel))


@router.get("", response_model=Channels)
def list_channels(request: Request, identity: Reader) -> Any:
    """Channels, when they worked last, what their last trouble was, and what waits."""
    return {"channels": listed(site_of(request), identity)}


@router.get("/{channel:path}", response_model=Channel)
def show_channel(request: Request, identity: Reader, channel: str) -> Any:
    """One channel."""
    name = plain(channel)
    found = [one for one in listed(site_of(request), identity) if one["channel"] == name]
    if not found:
        raise NotFoundError(f"There is no channel {name[:60]!r}.")
    return found[0]


@router.post("/{channel:path}/pause")
def pause(request: Request, identity: Operator, channel: str, why: Why) -> Done:
    """Let nothing be fetched or sent at a channel until it is resumed; what is for it waits."""
    return operate(site_of(request), identity, channel, "pause", reason=why.reason)


@router.post("/{channel:path}/resume")
def resume(request: Request, identity: Operator, channel: str, why: Why) -> Done:
    """End a pause; what waited goes on."""
    return operate(site_of(request), identity, channel, "resume", reason=why.reason)


@router.post("/{channel:path}/run")
def run(request: Request, identity: Operator, channel: str) -> Done:
    """Look at a channel and send what waits for it now."""
    return operate(site_of(request), identity, channel, "run")


def listed(site: Site, identity: Identity) -> list[dict[str, Any]]:
    """The channels that somebody may see."""
    with site.acting(identity.actor) as services:
        rows = health.channels(services, site.waiting)
    partners = identity.partners(Permission.READ)
    return [one for one in rows if partners is None or owner_of(site.settings, one["channel"]) in partners]


def operate(site: Site, identity: Identity, channel: str, verb: str, **reason: str) -> Done:
    """Pauses, resumes or runs a channel."""
    name = plain(channel)
    with site.acting(identity.actor) as services:
        if identity.partners(Permission.READ) is None:
            health.known_channel(services, name)
        elif not identity.may(Permission.READ, owner_of(site.settings, name)):
            raise NotFoundError(f"There is no channel {name[:60]!r}.")
        allowed(identity, Permission.OPERATE, owner_of(site.settings, name))
        getattr(health, verb)(services, name, **reason)
        services.jobs.wake()
    return Done(id=name, done=verb)
