"""Keys with which programs call the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from gateway.api.access import Administrator, site_of
from gateway.api.idempotency import Once
from gateway.api.models import Given, Reason, Why, many, of
from gateway.api.routes.users import Granted, Text, grants_of
from gateway.services import access
from gateway.services.access import Permission

_PREFIX = "/api/v1/keys"
router = APIRouter(tags=["keys"])
_once = APIRouter(route_class=Once)


_texts = "id name expires_at revoked_at created_by created_at last_used_at"
_lists: Any = {"scopes": list[Permission], "grants": list[Granted]}
ApiKey = of("ApiKey", "A key, without what is secret of it.", _texts, **_lists)
MadeKey = of("MadeKey", "A key that was made.", f"{_texts} key", **_lists)
Keys = of("Keys", "Keys, the newest first.", keys=many(ApiKey))


class NewKey(Given):
    """A key to be made."""

    name: Text
    grants: list[Granted] = Field(min_length=1, max_length=1000)
    scopes: list[Annotated[Permission, Field(strict=False)]] = Field(
        default=[*Permission], min_length=1, max_length=20
    )
    days: int = Field(default=access.KEY_DAYS, ge=1, le=access.MAX_KEY_DAYS)
    reason: Reason


@router.get(_PREFIX, response_model=Keys)
def list_keys(request: Request, identity: Administrator) -> Any:
    """Keys, the newest first: all, or those for partners that you administer."""
    with site_of(request).acting(identity.actor) as services:
        return {"keys": access.list_keys(services, by=identity)}


# Not `Once`: the answer would be kept for a day, and with it the key.
@router.post(_PREFIX, status_code=201, response_model=MadeKey)
def make_key(request: Request, identity: Administrator, given: NewKey) -> Any:
    """Make a key. Its text is in this answer only."""
    with site_of(request).acting(identity.actor) as services:
        asked = (services, given.name, grants_of(given.grants), given.scopes)
        text, made = access.make_key(*asked, days=given.days, reason=given.reason, by=identity)
    return {**made, "key": text}


@_once.post(f"{_PREFIX}/{{key_id}}/revoke", response_model=ApiKey)
def revoke_key(request: Request, identity: Administrator, key_id: str, why: Why) -> Any:
    """End a key now."""
    with site_of(request).acting(identity.actor) as services:
        return access.revoke_key(services, key_id, reason=why.reason, by=identity)


router.include_router(_once)
