"""What partners call items and places: ``/api/v1/items`` and ``/api/v1/locations``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, Field, create_model
from starlette.responses import Response, StreamingResponse

from gateway.api.access import Operator, Reader, allowed, site_of
from gateway.api.idempotency import Once
from gateway.api.models import many, of
from gateway.api.paging import Fields, Limit, Text, listed, plain, unchanged, with_etag
from gateway.api.problems import ApiError
from gateway.api.site import Site
from gateway.partners.crossreference import KINDS, Kind, Row, Wrong, checked, identity_of, read, written
from gateway.services import crossreference
from gateway.services.access import Identity, Permission
from gateway.store.database import reading
from gateway.store.queries import Page

router = APIRouter(prefix="/api/v1")
_Content = Annotated[bytes, Body(media_type="text/csv", description="CSV with a header, UTF-8")]
_Given = Annotated[
    dict[str, Annotated[str, Field(max_length=1000)]], Body(description="columns that are filled")
]
_Partner = Annotated[
    str | None, Query(max_length=200, description="of this partner; empty: rows that hold for all")
]
MAX_CSV = 16_000_000
"""Bytes of a file."""
MAX_BATCHES = 3
"""Hundreds of waiting deliveries that are asked for what is unknown."""


class Saved(BaseModel):
    """What came of rows."""

    added: list[dict[str, str]]
    changed: list[dict[str, dict[str, str]]] = Field(description="`before` and `after` of each")
    unchanged: int


_Texts = dict[str, str]
Unknown = of(
    "Unknown",
    "What no row stands for, and documents wait for.",
    "partner why description since",
    {"names": _Texts, "columns": _Texts},
    suggestions=many(of("Suggestion", "A row that may be meant.", "own partner why")),
    documents=many(of("Waiting", "A place that waits.", "document_type number id message_id place pointer")),
)


def page_of_rows(
    site: Site, identity: Identity, kind: Kind, text: str, partner: str | None, cursor: str, limit: int
) -> Page:
    """Rows that somebody may see, with their ``id`` and, of items, what says that they are ``obsolete``.

    Raises:
        ApiError: the cursor is none (422).
    """
    partners = identity.partners(Permission.READ)
    try:
        after = identity_of(cursor) if cursor else None
    except ValueError:
        raise ApiError(422, "The cursor is none.") from None
    wanted = (plain(text), partner if partner is None else plain(partner), partners)
    with site.acting(identity.actor) as services:
        rows = services.store.crossreferences[kind.name].page(*wanted, after, limit + 1)
    gone: Mapping[str, Any] = {}
    if kind.name == "item" and rows:
        with reading(site.engine) as connection:
            gone = crossreference.obsolete(connection, partners)
    shown = [shown_row(kind, row, gone) for row in rows[:limit]]
    return Page(shown, shown[-1]["id"] if len(rows) > limit else None)


def shown_row(kind: Kind, row: Row, gone: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is shown."""
    said = [gone[row[one]] for one in kind.names if row[one] in gone]
    said = [one for one in said if row["partner"] in ("", one["partner"])]
    more: dict[str, Any] = {}
    if kind.name == "item":
        names = ("partner", "number", "created_at", "id")
        more["obsolete"] = {name: said[0][name] for name in names} if said else None
    return {"id": kind.id_of(row), **row, **more}


def save(
    site: Site,
    identity: Identity,
    kind: Kind,
    rows: list[tuple[int, Row]],
    wrong: list[Wrong],
    *,
    dry_run: bool = False,
    new: bool = False,
) -> crossreference.Saved:
    """Rows of somebody who may change them.

    Args:
        new: none of them may be there.

    Raises:
        ApiError, DocumentError, RefusedError.
    """
    for partner in sorted({row["partner"] for _, row in rows}):
        allowed(identity, Permission.OPERATE, partner)
    with site.acting(identity.actor) as services:
        return crossreference.save(services, kind, rows, wrong, dry_run=dry_run, new=new)


def row_of(site: Site, identity: Identity, kind: Kind, row_id: str) -> Row:
    """A row that somebody may see. Raises NotFoundError."""
    with site.acting(identity.actor) as services:
        found = crossreference.row_of(services, kind, plain(row_id))
    if not identity.may(Permission.READ, found["partner"] or None):
        raise ApiError(404)
    return found


def remove(site: Site, identity: Identity, kind: Kind, row: Row) -> None:
    """Removes a row. Raises ApiError, RefusedError."""
    allowed(identity, Permission.OPERATE, row["partner"])
    with site.acting(identity.actor) as services:
        crossreference.remove(services, kind, row[kind.own], row["partner"], row["since"])


def unknown(site: Site, identity: Identity, kind: Kind) -> list[dict[str, Any]]:
    """What documents of partners wait for that somebody may see."""
    with site.acting(identity.actor) as services:
        return crossreference.unknown(services, kind, identity.partners(Permission.READ), MAX_BATCHES)


def csv_of(site: Site, identity: Identity, kind: Kind, partner: str | None) -> Response:
    """The rows that somebody may see, as a file."""
    partners = identity.partners(Permission.READ)
    with site.acting(identity.actor) as services:
        rows = services.store.crossreferences[kind.name].rows(None if partner is None else plain(partner))
    seen = (row for row in rows if partners is None or row["partner"] in partners)
    head = {"Content-Disposition": f'attachment; filename="{kind.name}s.csv"'}
    return StreamingResponse(written(kind, seen), media_type="text/csv; charset=utf-8", headers=head)


def _given(kind: Kind, given: Mapping[str, str]) -> tuple[list[tuple[int, Row]], list[Wrong]]:
    row, wrong = checked(kind, {name: plain(value) for name, value in given.items()}, 0)
    strange = [
        Wrong(0, plain(one)[:50], f"there is no such column; known are {', '.join(kind.columns)}")
        for one in given
        if one not in kind.columns
    ]
    return [(0, row)], strange + wrong


def _told(saved: crossreference.Saved) -> Saved:
    changed = [{"before": before, "after": after} for before, after in saved.changed]
    return Saved(added=saved.added, changed=changed, unchanged=len(saved.unchanged))


def _read(kind: Kind, content: bytes) -> tuple[list[tuple[int, Row]], list[Wrong]]:
    if len(content) > MAX_CSV:
        raise ApiError(413, f"A file of rows has at most {MAX_CSV:,} bytes; split it.")
    return read(kind, content)


def _routes(kind: Kind) -> None:
    """The routes of a cross-reference."""
    columns = {name: (str, Field(default="", description=words)) for name, words in kind.columns.items()}
    more: dict[str, Any] = {"id": (str, Field(description="for its address"))}
    if kind.name == "item":
        words = "the acknowledgment that says there will be none any more"
        more["obsolete"] = (dict[str, Any] | None, Field(default=None, description=words))
    named = kind.name.capitalize()
    shown = create_model(f"{named}Row", **more, **columns)  # type: ignore[call-overload]
    cursor = (str | None, Field(default=None, description="of the next page; null at the end"))
    name = f"{kind.name}s"
    pages = create_model(f"{named}s", **{name: (list[shown], ...), "cursor": cursor})  # type: ignore[call-overload,valid-type]
    schema = create_model(f"{named}Columns", **columns).model_json_schema()  # type: ignore[call-overload]
    body = {
        "requestBody": {"content": {"application/json": {"schema": {"properties": schema["properties"]}}}}
    }
    base, tags = f"/{name}", list[str | Enum]([name])

    @router.get(base, tags=tags, response_model=pages, response_model_exclude_unset=True)
    def list_rows(
        request: Request,
        response: Response,
        identity: Reader,
        text: Text = "",
        partner: _Partner = None,
        limit: Limit = 50,
        cursor: Annotated[str, Query(max_length=2000)] = "",
        fields: Fields = "",
    ) -> Any:
        """The rows, in the order of partner and number."""
        page = page_of_rows(site_of(request), identity, kind, text, partner, cursor, limit)
        return listed(request, response, name, page, fields and f"{fields},id")

    @router.get(f"{base}/unknown", tags=tags, response_model=many(Unknown))
    def list_unknown(request: Request, identity: Reader) -> Any:
        """What no row stands for today and documents wait for, oldest first, with suggestions."""
        return unknown(site_of(request), identity, kind)

    @router.get(f"{base}/export", tags=tags, response_class=Response)
    def export(request: Request, identity: Reader, partner: _Partner = None) -> Response:
        """The rows as CSV, as `import` takes them."""
        return csv_of(site_of(request), identity, kind, partner)

    @router.post(f"{base}/import/check", tags=tags)
    def check_import(request: Request, identity: Operator, content: _Content) -> Saved:
        """What `import` would do; nothing is changed."""
        return _told(save(site_of(request), identity, kind, *_read(kind, content), dry_run=True))

    def import_rows(request: Request, identity: Operator, content: _Content) -> Saved:
        """Take the rows of a CSV file: all of them, or none if anything is wrong."""
        return _told(save(site_of(request), identity, kind, *_read(kind, content)))

    router.add_api_route(
        f"{base}/import", import_rows, methods=["POST"], tags=tags, route_class_override=Once
    )

    def add(request: Request, response: Response, identity: Operator, row: _Given) -> Any:
        """Add a row. Documents that wait for it go on by themselves."""
        rows, wrong = _given(kind, row)
        save(site_of(request), identity, kind, rows, wrong, new=True)
        made = shown_row(kind, rows[0][1], {})
        response.headers["Location"] = f"/api/v1{base}/{made['id']}"
        return made

    router.add_api_route(
        base,
        add,
        methods=["POST"],
        tags=tags,
        status_code=201,
        response_model=shown,
        openapi_extra=body,
        route_class_override=Once,
    )

    @router.get(f"{base}/{{row_id}}", tags=tags, response_model=shown)
    def show(request: Request, response: Response, identity: Reader, row_id: str) -> Any:
        """One row."""
        found = row_of(site_of(request), identity, kind, row_id)
        return with_etag(request, response, shown_row(kind, found, {}))

    @router.put(f"{base}/{{row_id}}", tags=tags, response_model=shown, openapi_extra=body)
    def change(request: Request, response: Response, identity: Operator, row_id: str, row: _Given) -> Any:
        """Change a row; what is left out is emptied. Partner, number and first day stay as they are."""
        site = site_of(request)
        before = row_of(site, identity, kind, row_id)
        unchanged(request, lambda: shown_row(kind, before, {}))
        same = {one: before[one] for one in ("partner", kind.own, "since")}
        if any(row.get(one, value) != value for one, value in same.items()):
            raise ApiError(422, f"The partner, {kind.own} and first day of a row stay; add another row.")
        rows, wrong = _given(kind, row | same)
        save(site, identity, kind, rows, wrong)
        return with_etag(request, response, shown_row(kind, rows[0][1], {}))

    @router.delete(f"{base}/{{row_id}}", tags=tags, status_code=204, response_class=Response)
    def delete(request: Request, identity: Operator, row_id: str) -> None:
        """Remove a row; what was delivered stays as it is."""
        site = site_of(request)
        before = row_of(site, identity, kind, row_id)
        unchanged(request, lambda: shown_row(kind, before, {}))
        remove(site, identity, kind, before)


for _kind in KINDS.values():
    _routes(_kind)
