"""What problem codes mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends

from gateway.api.access import needs
from gateway.api.models import of
from gateway.api.problems import ApiError
from gateway.services import explain
from gateway.services.access import Permission

router = APIRouter(
    prefix="/api/v1/problems", tags=["problems"], dependencies=[Depends(needs(Permission.READ))]
)


Codes = of("Codes", "All codes.", codes=list[explain.Entry])


@router.get("", response_model=Codes)
def list_codes() -> Any:
    """Every problem code, with what it means and what to do."""
    return {"codes": [asdict(one) for one in explain.entries().values()]}


@router.get("/{code}")
def show_code(code: str) -> explain.Entry:
    """What a problem code means, what it does to an acknowledgment, and what to do."""
    if (found := explain.entries().get(code.upper())) is None:
        raise ApiError(404, f"There is no code {code[:60]}.")
    return found
