"""What X12 and documents are to each other: nothing is stored, and no bytes are too bad to be answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import BoundedSemaphore
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway import engine
from gateway.api import models
from gateway.api.access import Reader, allowed, site_of
from gateway.api.paging import Text
from gateway.api.problems import ApiError
from gateway.api.routes.documents import Content
from gateway.mapping.library import Library
from gateway.partners.partner import Partner
from gateway.services import preview
from gateway.services.access import Identity, Permission

router = APIRouter(prefix="/api/v1", tags=["previews"])
_TURNS = BoundedSemaphore(3)
_TURN_SECONDS = 5
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
_ASKED = models.raw("X12, documents as JSON, or the form of a shape", models.X12, models.JSON)
_X12 = models.raw("X12", models.X12)

Guidelines = Annotated[
    Text, Query(description="read and written with the guidelines and mappings of this partner, or profile")
]


_findings: Any = list[models.Finding]
Translated = models.of(
    "Translated",
    "What became of an input.",
    "given to content?",
    {"documents": list[dict[str, Any]], "left_out": int, "truncated": bool, "problems": _findings},
)
_Set = models.of("CheckedSet", "A checked set.", "set_id control_number guide? verdict", segments=int)
_Group = models.of(
    "Group",
    "A functional group.",
    "functional_id? control_number? version? verdict",
    transaction_sets=models.many(_Set),
)
_Interchange = models.of(
    "Interchange",
    "An interchange with its groups.",
    "control_number version usage verdict",
    {"sender": models.Party, "receiver": models.Party, "groups": models.many(_Group)},
)
_File = models.of(
    "FileReport",
    "What is wrong with a file.",
    "path verdict",
    {"interchanges": models.many(_Interchange), "problems": _findings},
)
Validated = models.of("Validated", "As `edigw x12 validate --json`.", files=models.many(_File))
_Parts = models.of("AnnotatedFile", "A file, segment by segment.", "path verdict", parts=list[dict[str, Any]])
Inspected = models.of("Inspected", "As `edigw x12 inspect --json`.", files=models.many(_Parts))


@contextmanager
def _turn() -> Iterator[None]:
    """So many at a time, so that the work on messages goes on beside."""
    if not _TURNS.acquire(timeout=_TURN_SECONDS):
        raise ApiError(429, headers={"Retry-After": str(_TURN_SECONDS)})
    try:
        yield
    finally:
        _TURNS.release()


def _guides(request: Request, identity: Identity, named: str) -> tuple[Library, Partner | None]:
    site = site_of(request)
    with site.acting(identity.actor) as services:
        guides = services.guides
    if not named:
        return guides, None
    if (partner := site.settings.partners.get(named)) is not None:
        allowed(identity, Permission.READ, partner.id)
        return guides.of(partner.overlay), partner
    mine = identity.partners(Permission.READ)  # who has some sees what is shipped, and what is theirs
    ours = (one for one in site.settings.partners.values() if mine is None or one.id in mine)
    own = mine is None or named in {one.overlay for one in ours}
    if not _NAME.fullmatch(named) or not preview.is_profile(named, _layers(request) if own else ()):
        raise ApiError(404, f"There is no partner or profile {named[:60]!r}.")
    return guides.of(named), None


def _layers(request: Request) -> tuple[Any, ...]:
    home = site_of(request).home
    return (home / "mappings", home / "schemas")


@router.post("/translate", response_model=Translated, openapi_extra=_ASKED)
def translate(
    request: Request,
    identity: Reader,
    content: Content,
    partner: Guidelines = "",
    to: Annotated[
        Literal["", "json", "x12", "xml", "csv", "sp_api"],
        Query(description="by default documents for X12, and X12 for all else"),
    ] = "",
    shape: Annotated[Text, Query(description="of mappings/erp: the form of CSV and the like")] = "",
) -> Any:
    """Translate X12 to documents, and documents to X12, XML or a shape of your own. Nothing is stored."""
    library, _ = _guides(request, identity, partner)
    if shape and not _NAME.fullmatch(shape):
        raise ApiError(404, f"There is no shape {shape[:60]!r}.")
    form = engine.shape(shape, _layers(request)[:1]) if shape else None
    with _turn():
        return _json(asdict(preview.translate(content, library, to, form)))


@router.post("/validate", response_model=Validated, openapi_extra=_X12)
def validate(request: Request, identity: Reader, content: Content, partner: Guidelines = "") -> Any:
    """Check X12: envelope, structure, elements, codes, totals. Nothing is stored."""
    library, _ = _guides(request, identity, partner)
    with _turn():
        return _json(preview.validate(content, library))


@router.post("/inspect", response_model=Inspected, openapi_extra=_X12)
def inspect(request: Request, identity: Reader, content: Content, partner: Guidelines = "") -> Any:
    """Show X12 segment by segment, with names, meanings of codes, and problems in place."""
    library, _ = _guides(request, identity, partner)
    with _turn():
        return _json(preview.inspect(content, library))


@router.post(
    "/acknowledge",
    response_class=Response,
    openapi_extra=_X12,
    responses={200: {"description": "X12", "content": {models.X12: {"schema": {"type": "string"}}}}},
)
def acknowledge(
    request: Request,
    identity: Reader,
    content: Content,
    partner: Guidelines = "",
    type: Annotated[  # noqa: A002 -- in the address
        Literal["", "997", "999", "ta1"], Query(description="only this kind; by default what is agreed")
    ] = "",
    control_number: Annotated[int, Query(ge=1, le=999_999_999)] = 1,
) -> Response:
    """The 997, 999 or TA1 for a file, as X12. Nothing is sent or stored."""
    library, known = _guides(request, identity, partner)
    with _turn():
        events = preview.bounded(engine.read(content, documents=False, guides=library))
        now = site_of(request).now()
        answers, _ = preview.acknowledge(events, known, type or None, control_number, now)
    if not answers:
        raise ApiError(422, "There is nothing to acknowledge in it.")
    return Response(answers, media_type=models.X12)


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value, default=str), media_type=models.JSON)
