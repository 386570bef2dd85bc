"""Mappings: what they make of a sample, their tests, and another text tried in their place."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from starlette.responses import Response

from gateway.api.access import Reader, needs, site_of
from gateway.api.files import attachment
from gateway.api.problems import ApiError
from gateway.api.routes import mappings
from gateway.errors import DocumentError
from gateway.services.access import Identity, Permission
from gateway.services.mapping import MAX_SAMPLE, MAX_TEXT, Trial, Tried
from gateway.web.render import page, see_other

router = APIRouter()
_Text = Annotated[str, Query(max_length=200)]
_Yaml = Annotated[str, Form(max_length=MAX_TEXT)]
MOST_SEGMENTS, MOST_ROWS, MOST_LINES, MOST_SAMPLE = 25, 80, 300, 20_000
"""Segments, rows of the trace, lines of JSON and characters of a sample that a page shows."""


@router.get("/mapping")
def list_mappings(request: Request, identity: Reader, message: _Text = "") -> Response:
    """All mappings; with a message on to the one it was translated with."""
    site = site_of(request)
    if message:
        name, _ = mappings.used_by(site, identity, message)
        return see_other(f"/mapping/{quote(name)}?message={quote(message, safe='')}")
    groups: dict[str, list[str]] = {}
    for one in mappings.names(site, identity):
        groups.setdefault(one.rpartition("/")[0], []).append(one)
    return page(request, "mappings.html", title="Mapping", groups=groups, json_twin="/api/v1/mappings")


@router.post("/mapping/{name:path}/download", dependencies=[Depends(needs(Permission.OPERATE))])
def download(name: str, text: _Yaml = "") -> Response:
    """The text that was tried, as a file."""
    return Response(_plain(text), headers=attachment(f"{name.rpartition('/')[2]}.yaml"))


@router.get("/mapping/{name:path}")
def show(request: Request, identity: Reader, name: str, view: _Text = "", message: _Text = "") -> Response:
    """One mapping, ready to be tried; ``view``: ``tests``, ``text`` or ``base``."""
    site, sample = site_of(request), b""
    if message:
        sample = mappings.used_by(site, identity, message)[1]
    with mappings.trial(site, identity, name) as one:
        more: dict[str, Any] = {"tests": one.tests()} if view == "tests" else {}
        return _page(request, identity, one, view, sample=sample.decode("utf-8", "replace"), **more)


@router.post("/mapping/{name:path}")
def preview(
    request: Request,
    identity: Reader,
    name: str,
    sample: Annotated[str, Form(max_length=MAX_SAMPLE)] = "",
    file: Annotated[UploadFile | None, File()] = None,
    text: _Yaml = "",
    number: Annotated[int, Form(ge=1, le=1000)] = 1,
    do: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """What the mapping, or another text in its place, makes of a sample."""
    given = sample.encode("utf-8", "replace")
    if file is not None and file.filename:
        given = file.file.read(MAX_SAMPLE + 1)
        sample = given.decode("utf-8", "replace")[:MAX_SAMPLE]
    with mappings.trial(site_of(request), identity, name) as one:
        live = one.live.decode("utf-8", "replace")
    instead = _plain(text) if text and _plain(text) != _plain(live) else None
    with mappings.trial(site_of(request), identity, name, instead) as one:
        more: dict[str, Any] = {"sample": sample, "number": number, "is_other": instead is not None}
        if do == "tests":
            return _page(request, identity, one, "tests", tests=one.tests(), **more)
        try:
            tried = one.run(given) if sample.strip() else None
        except DocumentError as error:
            return _page(request, identity, one, "", error=error, status=422, **more)
        return _page(request, identity, one, "", tried=tried, **more)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip("\n") + "\n"


def _page(
    request: Request,
    identity: Identity,
    one: Trial,
    view: str,
    *,
    sample: str = "",
    number: int = 1,
    tried: Tried | None = None,
    error: DocumentError | None = None,
    tests: Any = None,
    is_other: bool = False,
    status: int = 200,
) -> Response:
    findings = [found.to_dict() for found in one.findings] if view == "text" or is_other else []
    base, differences = one.overlay() if view == "base" else ("", [])
    told = mappings.told(one.name, tried) if tried else None
    if told and told["sets"] and number > len(told["sets"]):
        raise ApiError(404, f"The sample has {len(told['sets'])} transaction sets.")
    chosen = told["sets"][number - 1] if told and told["sets"] else None
    rows = (
        [row.to_dict() for row in tried.annotated[number - 1].segments] if tried and tried.annotated else []
    )
    return page(
        request,
        "mapping.html",
        title=one.name,
        status=status,
        active="mapping",
        json_twin=f"/api/v1/mappings/{quote(one.name)}",
        name=one.name,
        view=view,
        facts=one.facts,
        is_overlay=one.is_overlay,
        may=identity.may(Permission.OPERATE, None),
        text=one.text.decode("utf-8", "replace"),
        sample=sample if len(sample) <= MOST_SAMPLE else "",
        is_long=len(sample) > MOST_SAMPLE,
        number=number,
        told=told,
        chosen=chosen,
        rows=rows[:MOST_SEGMENTS],
        offsets={row["number"]: row["offset"] for row in rows[:MOST_SEGMENTS]},
        hidden=max(0, len(rows) - MOST_SEGMENTS),
        document=_clipped(chosen["document"]) if chosen and chosen["document"] else None,
        trace=chosen["origins"][:MOST_ROWS] if chosen else [],
        error=error,
        problems=[found.to_dict() for found in error.problems] if error else [],
        findings=findings,
        changes=one.changes() if is_other else [],
        is_other=is_other,
        tests=tests,
        base=base,
        differences=differences,
    )


def _clipped(document: dict[str, Any]) -> dict[str, Any]:
    """A document with the first lines of long lists, so that a page can show it."""
    left = MOST_LINES

    def cut(value: Any) -> Any:
        nonlocal left
        left -= 1
        if isinstance(value, dict):
            return {name: cut(one) for name, one in value.items()}
        if isinstance(value, list):
            kept: list[Any] = []
            for one in value:
                if left < 0:
                    kept.append(f"… and {len(value) - len(kept)} more")
                    break
                kept.append(cut(one))
            return kept
        return value

    found: dict[str, Any] = cut(document)
    return found
