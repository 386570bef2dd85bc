"""Light or dark, as this browser wants it, without a script."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse

from gateway.web.render import THEMES, local

router = APIRouter(include_in_schema=False)
_YEAR = 365 * 24 * 3_600


@router.post("/theme")
def choose(theme: Annotated[str, Form()] = "auto", back: Annotated[str, Form()] = "/") -> RedirectResponse:
    """Remembers the colours in a cookie, and goes back to where they were chosen. It needs no log-in."""
    answer = RedirectResponse(local(back), status_code=303)
    if theme in THEMES:
        answer.set_cookie("theme", theme, max_age=_YEAR, httponly=True, samesite="lax")
    return answer
