"""What the REST interface takes and answers, where several routes have it: one term for one thing.

What a name means stands in ``schemas/api/terms.json``; a field says so itself where it means something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy import Table

from gateway.errors import Location
from gateway.store import tables as t

Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00]*[^\s\x00][^\x00]*$",
        description="why; it is kept in the audit",
    ),
]
"""What a person says; its constraints also keep out what is no Unicode, as half of a surrogate pair."""


class Given(BaseModel):
    """A body. It is taken as it is meant: no value for one of another type, and no name that nothing has."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Why(Given):
    """Why something is done."""

    reason: Reason


class Done(BaseModel):
    """What was done."""

    id: str = Field(description="of what it was done with")
    done: str = Field(description="the verb of the address")
    words: str = Field(default="", description="more about it, in a sentence")
    files: list[str] = Field(default=[], description="names of files that are delivered again")
    made: str | None = Field(default=None, description="id of the message that was made")


class _Row(BaseModel):
    """A row; what is computed besides its columns stands in it as well."""

    model_config = ConfigDict(extra="allow")


def of(name: str, words: str, /, *given: str | Mapping[str, Any], **more: Any) -> Any:
    """The model of an answer, whose fields are always there.

    Args:
        words: what it is. given: names of texts, with ``?`` those that may be null, or fields with types.
    """
    found: dict[str, Any] = {}
    for one in (*given, more):
        named = one.split() if isinstance(one, str) else ()
        found |= {each.rstrip("?"): str | None if "?" in each else str for each in named}
        found |= {} if isinstance(one, str) else one
    return create_model(
        name, __base__=_Row, __doc__=words, **{key: (kind, ...) for key, kind in found.items()}
    )  # type: ignore[call-overload]


def many(row: Any) -> Any:
    """The type of a list of rows that :func:`of` made."""
    return list[row]


def by_name(row: Any) -> Any:
    """The type of rows by their names."""
    return dict[str, row]


def row_of(name: str, table: Table, *omitted: str, **more: Any) -> type[BaseModel]:
    """The model of rows of a table. ``more``: what else stands in them, as pydantic fields."""
    fields: dict[str, Any] = {}
    for column in table.columns:
        if column.name not in omitted:
            kind: Any = column.type.python_type
            # `fields` chooses, so none is required
            fields[column.name] = (kind | None if column.nullable else kind, Field(default=None))
    return create_model(name, __base__=_Row, **fields, **more)


def page_of(name: str, rows: str, row: Any) -> Any:
    """The model of a page of a list."""
    return of(name, "A page of a list.", **{rows: many(row), "cursor": int | None})


Message = row_of("Message", t.messages)
Document = row_of("Document", t.documents, "body")
Acknowledgment = row_of("AcknowledgmentRow", t.acknowledgments)


class Finding(BaseModel):
    """What is wrong: what, where, the value, whose move it is, what to do."""

    code: str
    severity: str
    level: str
    message: str
    hint: str
    value: str | None
    location: Location
    ack: dict[str, str | None]
    fault: str


_findings: Any = list[Finding]
Party = of("Party", "An identifier of an interchange.", "qualifier id")
Key = of("Key", "A number that a document is found by.", "kind value")
_Cell = of(
    "Cell",
    "An element, or a component or repetition of one.",
    "ref name value meaning usage",
    {"repetition": int | None, "problems": _findings},
)
Segment = of(
    "Segment",
    "A segment with names and meanings.",
    "segment_id name usage loop text",
    {
        "number": int | None,
        "depth": int,
        "known": bool,
        "offset": int,
        "elements": many(_Cell),
        "problems": _findings,
    },
)
Origin = of(
    "Origin",
    "Where a value of a document comes from.",
    "kind source text pointer rule reason",
    {"segment": int | None, "value": Any},
)


def raw(description: str, *kinds: str) -> dict[str, Any]:
    """The description of a body that is taken as it is, of any type; these are usual."""
    schema = {"type": "string", "format": "binary"}
    content = {one: {"schema": {} if one == JSON else schema} for one in (*kinds, "application/octet-stream")}
    return {"requestBody": {"required": True, "description": description, "content": content}}


JSON, X12 = "application/json", "application/edi-x12"
