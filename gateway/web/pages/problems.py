"""What problem codes mean: where ``type`` of an error leads to."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from gateway.api.access import needs
from gateway.api.paging import Text
from gateway.api.problems import ApiError
from gateway.services import explain
from gateway.services.access import Permission
from gateway.web.render import page

router = APIRouter(dependencies=[Depends(needs(Permission.READ))])


@router.get("/help")
def to_help() -> Response:
    """The help there is."""
    return RedirectResponse("/problems", 303)


@router.get("/problems")
def problems(request: Request, q: Text = "") -> Response:
    """All codes, or those whose texts hold some words."""
    words = q.lower().split()
    found: dict[str, list[explain.Entry]] = {}
    for one in explain.entries().values():
        said = f"{one.code} {one.explanation} {one.message} {one.hint}".lower()
        if all(word in said for word in words):
            found.setdefault(one.about, []).append(one)
    twin = "/api/v1/problems"
    return page(request, "problems.html", title="Problem codes", json_twin=twin, q=q, found=found)


@router.get("/problems/{code}")
def problem(request: Request, code: str) -> Response:
    """One code."""
    one = explain.entries().get(code.upper())
    if one is None:
        near = explain.nearest(code[:60].upper())
        advice = f" The nearest: {', '.join(near)}." if near else ""
        raise ApiError(404, f"There is no problem code {code[:60]}.{advice}")
    twin = f"/api/v1/problems/{one.code}"
    return page(request, "problem.html", title=one.code, json_twin=twin, one=one, whose=explain.WHOSE)
