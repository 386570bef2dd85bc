"""Lists in pages, and edits of what was read: cursors, ``Link``, ``fields``, ``ETag``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from gateway.api.problems import ApiError
from gateway.store.queries import Page, Row, Wanted

MAX_LIMIT = 1000
MAX_CURSOR = 2**62
_TEXT = 200


def _moment(given: Any) -> datetime:
    """A time in UTC, which is meant without a zone. Raises ValueError: it is none, or no year that can be."""
    if isinstance(given, str) and given[4:5] == "-":  # a number is no time
        given = datetime.fromisoformat(given)
    if not isinstance(made := given, datetime):
        raise ValueError("a time in ISO 8601 is needed, as 2026-11-26T10:30:00Z")
    if not 1900 <= made.year <= 9000:
        raise ValueError("a year from 1900 to 9000")
    return made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)


def _whole(given: Any) -> Any:
    """A number as it stands in an address. Raises ValueError for one in another form, as 5.0 or 1_000."""
    if isinstance(given, str) and not re.fullmatch("-?[0-9]{1,20}", given):
        raise ValueError("a whole number in digits is needed")
    return given


Moment = Annotated[datetime, BeforeValidator(_moment)]
Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[Whole, Path(ge=1, le=2**53, description="of its row")]
Text = Annotated[str, Query(max_length=_TEXT)]
Limit = Annotated[Whole, Query(ge=1, le=MAX_LIMIT, description="rows of a page")]
Cursor = Annotated[Whole | None, Query(ge=0, le=MAX_CURSOR, description="where the page before ended")]
Fields = Annotated[str, Query(max_length=1000, description="only these fields, with commas between")]


def wanted(
    text: Annotated[
        Text, Query(description="a number, control number, id, partner, or part of a file name")
    ] = "",
    partner: Text = "",
    direction: Annotated[str, Query(pattern="^(in|out)?$")] = "",
    since: Annotated[Moment | None, Query(description="from this time on")] = None,
    until: Annotated[Moment | None, Query(description="before this time")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Wanted:
    """What all lists of messages and documents can be asked for."""
    return Wanted(
        text=plain(text),
        partner=plain(partner),
        direction=direction,
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )


def plain(text: str) -> str:
    """A text that a database can be asked for: PostgreSQL knows no NUL."""
    return text.replace("\0", "")


def listed(request: Request, response: Response, name: str, page: Page, fields: str = "") -> Response:
    """A page as JSON, with a link to the next one; ``response`` has the headers it is to have as well."""
    if page.cursor is not None:
        again = request.url.include_query_params(cursor=page.cursor)
        response.headers["Link"] = f'<{again.path}?{again.query}>; rel="next"'
    found = {name: [chosen(row, fields) for row in page.rows], "cursor": page.cursor}
    body = orjson.dumps(found, default=str)  # no model: `fields` leaves out what a model would want
    return Response(body, headers=dict(response.headers), media_type="application/json")


def chosen(row: Row, fields: str) -> Row:
    """A row with the fields that are asked for; of unknown ones nothing."""
    names = {one.strip() for one in fields.split(",") if one.strip()}
    return {name: value for name, value in row.items() if name in names} if names else row


def etag(value: Any) -> str:
    """A strong ETag (RFC 9110, 8.8.3) of a value as JSON."""
    packed = (
        value if isinstance(value, bytes) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    )
    return f'"{hashlib.sha256(packed).hexdigest()[:32]}"'


def with_etag(request: Request, response: Response, value: Any) -> Any:
    """The value with its ETag; 304 without it for who has it already."""
    tag = etag(value)
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return value


def unchanged(request: Request, current: Callable[[], Any]) -> None:
    """Refuses an edit of what was changed since it was read. Raises ApiError (412, 428)."""
    given = request.headers.get("if-match", "")
    if not given:
        raise ApiError(428)
    if given.strip() != "*" and etag(current()) not in _tags(given):
        raise ApiError(412)


def _tags(header: str) -> Sequence[str]:
    return [one.strip().removeprefix("W/") for one in header.split(",")]
