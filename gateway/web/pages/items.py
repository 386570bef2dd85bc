"""What partners call items and places: lists, edits, files, and what documents wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from starlette.responses import Response

from gateway.api.access import Operator, Reader, partners_for, site_of
from gateway.api.problems import ApiError
from gateway.api.routes import items
from gateway.errors import DocumentError, Problem, RefusedError
from gateway.partners.crossreference import KINDS, Kind, checked, read
from gateway.services.access import Identity, Permission
from gateway.web.render import page, plural, see_other

router = APIRouter()
_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_Text = Annotated[str, Query(max_length=2000)]
_Field = Annotated[str, Form(max_length=2000)]
_ROWS = 50


def _kind_of(request: Request) -> Kind:
    return KINDS[request.url.path.split("/")[1].removesuffix("s")]


_Which = Annotated[Kind, Depends(_kind_of)]


def _both(method: str, path: str) -> Callable[[_Handler], _Handler]:
    """Makes a function the handler of a page of either table."""

    def made(handler: _Handler) -> _Handler:
        for kind in KINDS:
            router.add_api_route(f"/{kind}s{path}", handler, methods=[method])
        return handler

    return made


MAX_CSV = 2_000_000
"""Bytes of a file that is taken on the page; larger ones go by the command or the REST API."""
WORDS = {"item": ("Items", "item"), "location": ("Locations", "place")}


async def fields_of(request: Request) -> dict[str, str]:
    """The texts of a form."""
    given = await request.form(max_fields=100)
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _shown(request: Request, template: str, kind: Kind, title: str, **context: Any) -> Response:
    context["can"] = request.state.identity.partners(Permission.OPERATE) != frozenset()
    noun = f"{kind.name}s"
    context.setdefault("json_twin", f"/api/v1/{noun}")
    return page(request, template, title=title, active="items", kind=kind, noun=noun, **context)


def _partners(request: Request, identity: Identity) -> list[tuple[str, str]]:
    """Partners whose rows somebody may change, and all of them."""
    whole = [("", "All partners")] if identity.may(Permission.OPERATE) else []
    return whole + partners_for(request, identity, Permission.OPERATE)


@_both("GET", "")
def list_rows(
    request: Request,
    identity: Reader,
    kind: _Which,
    text: _Text = "",
    partner: _Text = "*",
    cursor: _Text = "",
) -> Response:
    """The rows of a table."""
    whose = None if partner == "*" else partner
    found = items.page_of_rows(site_of(request), identity, kind, text, whose, cursor, _ROWS)
    return _shown(
        request,
        "items.html",
        kind,
        WORDS[kind.name][0],
        rows=found.rows,
        next=found.cursor,
        today=f"{site_of(request).now():%Y-%m-%d}",
        text=text,
        partner=partner,
        partners=[
            ("*", "Any"),
            *([("", "Rows for all partners")] if identity.may(Permission.READ) else []),
            *partners_for(request, identity),
        ],
    )


@_both("GET", "/unknown")
def list_unknown(request: Request, identity: Reader, kind: _Which) -> Response:
    """What documents wait for."""
    rows = items.unknown(site_of(request), identity, kind)
    title = f"Unknown {WORDS[kind.name][1]}s"
    twin = f"/api/v1/{kind.name}s/unknown"
    return _shown(request, "items_unknown.html", kind, title, rows=rows, json_twin=twin)


@_both("GET", "/export.csv")
def export(request: Request, identity: Reader, kind: _Which, partner: _Text = "*") -> Response:
    """The rows as a file."""
    return items.csv_of(site_of(request), identity, kind, None if partner == "*" else partner)


@_both("GET", "/import")
def import_form(request: Request, _: Operator, kind: _Which) -> Response:
    """The form for a file."""
    told: dict[str, Any] = {"name": "", "saved": None, "problems": []}
    return _shown(request, "items_import.html", kind, f"Import {kind.name}s", **told)


@_both("POST", "/import")
def import_rows(
    request: Request,
    identity: Operator,
    kind: _Which,
    file: Annotated[UploadFile | None, File()] = None,
    content: Annotated[str, Form(max_length=MAX_CSV)] = "",
    name: _Field = "",
    apply: _Field = "",
) -> Response:
    """What a file would do, and then does."""
    given = content.encode()
    if file is not None and file.filename:
        given, name = file.file.read(MAX_CSV + 1), file.filename
    told: dict[str, Any] = {"name": name[:100], "saved": None, "problems": []}
    try:
        if len(given) > MAX_CSV:
            raise DocumentError(
                f"The file has more than {MAX_CSV // 1_000_000} MB; use edigw {kind.name} import."
            )
        saved = items.save(site_of(request), identity, kind, *read(kind, given), dry_run=not apply)
    except (DocumentError, ApiError, RefusedError) as error:
        told["problems"] = _problems(error)
        return _shown(request, "items_import.html", kind, f"Import {kind.name}s", status=422, **told)
    if apply:
        numbers = f"{plural(len(saved.added), 'row')} added, {len(saved.changed)} changed"
        return see_other(f"/{kind.name}s", f"{numbers}. What waits for them goes on by itself.")
    told |= {"saved": saved, "content": given.decode("utf-8-sig")}
    return _shown(request, "items_import.html", kind, f"Import {kind.name}s", **told)


def _problems(error: Exception) -> list[dict[str, Any]]:
    """What is wrong with rows, as rows of a table."""
    found: tuple[Problem, ...] = getattr(error, "problems", ())
    if found:
        return [{"row": one.location.line, "message": one.message, "hint": one.hint} for one in found]
    return [{"row": None, "message": getattr(error, "detail", "") or str(error), "hint": ""}]


@_both("GET", "/new")
def new_form(request: Request, identity: Operator, kind: _Which) -> Response:
    """The form for a new row; its fields may be filled by the address."""
    given = {one: request.query_params.get(one, "")[:200] for one in kind.columns}
    return _form(request, identity, kind, given)


@_both("GET", "/{row_id}")
def show(request: Request, identity: Reader, kind: _Which, row_id: str) -> Response:
    """One row."""
    return _form(request, identity, kind, items.row_of(site_of(request), identity, kind, row_id), row_id)


def _form(
    request: Request,
    identity: Identity,
    kind: Kind,
    row: dict[str, str],
    row_id: str = "",
    errors: list[tuple[str, str]] | None = None,
) -> Response:
    may = identity.may(Permission.OPERATE, row["partner"] or None) if row_id else True
    title = f"{WORDS[kind.name][1].capitalize()} {row[kind.own]}" if row_id else f"Add {WORDS[kind.name][1]}"
    told = {"row": row, "row_id": row_id, "errors": errors or [], "may": may}
    twin = f"/api/v1/{kind.name}s/{row_id}" if row_id else f"/api/v1/{kind.name}s"
    return _shown(
        request,
        "item.html",
        kind,
        title,
        status=422 if errors else 200,
        json_twin=twin,
        partners=_partners(request, identity),
        **told,
    )


@_both("POST", "/save")
def save(
    request: Request,
    identity: Operator,
    kind: _Which,
    fields: Annotated[dict[str, str], Depends(fields_of)],
    row_id: _Field = "",
    quick: _Field = "",
) -> Response:
    """Adds or changes a row; ``quick`` from the list of what is unknown."""
    site = site_of(request)
    given = {one: fields.get(one, "") for one in kind.columns}
    if row_id:
        before = items.row_of(site, identity, kind, row_id)
        given |= {one: before[one] for one in ("partner", kind.own, "since", "until")}
    row, wrong = checked(kind, given, 0)
    try:
        items.save(site, identity, kind, [(0, row)], wrong, new=not row_id)
    except (DocumentError, RefusedError) as error:
        found = [(_column(kind, one), one.message) for one in getattr(error, "problems", ())]
        return _form(request, identity, kind, given, row_id, found or [(kind.own, str(error))])
    done = "is changed" if row_id else "is added"
    text = f"{WORDS[kind.name][1].capitalize()} {row[kind.own]} {done}. What waits for it goes on by itself."
    return see_other(
        f"/{kind.name}s/unknown" if quick else f"/{kind.name}s?text={quote(row[kind.own])}", text
    )


def _column(kind: Kind, one: Problem) -> str:
    """The field that a mistake is about: its sentence names the column first."""
    named = (column for column in kind.columns if f"column {column}" in one.message)
    return next(named, kind.own)


@_both("POST", "/{row_id}/end")
def end(request: Request, identity: Operator, kind: _Which, row_id: str, until: _Field = "") -> Response:
    """Says until when a row holds."""
    site = site_of(request)
    before = items.row_of(site, identity, kind, row_id)
    row, wrong = checked(kind, before | {"until": until}, 0)
    try:
        items.save(site, identity, kind, [(0, row)], wrong)
    except DocumentError as error:
        found = [(_column(kind, one), one.message) for one in error.problems]
        return _form(request, identity, kind, before | {"until": until}, row_id, found)
    holds = f"holds until {until}" if until else "holds without an end"
    return see_other(f"/{kind.name}s/{row_id}", f"{before[kind.own]} {holds}.")


@_both("POST", "/{row_id}/remove")
def remove(request: Request, identity: Operator, kind: _Which, row_id: str) -> Response:
    """Removes a row."""
    site = site_of(request)
    row = items.row_of(site, identity, kind, row_id)
    items.remove(site, identity, kind, row)
    return see_other(f"/{kind.name}s", f"{row[kind.own]} is removed. What was delivered stays as it is.")
