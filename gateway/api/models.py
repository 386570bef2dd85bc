"""What the REST interface answers, for its description: rows of the store, by their tables."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy import Table

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


class Why(BaseModel):
    """Why something is done."""

    reason: Reason


class _Row(BaseModel):
    """A row; what is computed besides its columns stands in it as well."""

    model_config = ConfigDict(extra="allow")


def row_of(name: str, table: Table, *omitted: str, **more: Any) -> type[BaseModel]:
    """The model of rows of a table. ``more``: what else stands in them, as pydantic fields."""
    fields: dict[str, Any] = {}
    for column in table.columns:
        if column.name not in omitted:
            kind: Any = column.type.python_type
            # `fields` chooses, so none is required
            fields[column.name] = (kind | None if column.nullable else kind, Field(default=None))
    return create_model(name, __base__=_Row, **fields, **more)


def page_of(name: str, rows: str, row: type[BaseModel]) -> type[BaseModel]:
    """The model of a page of a list."""
    cursor = (int | None, Field(description="of the next page; null at the end"))
    return create_model(name, **{rows: (list[row], ...), "cursor": cursor})  # type: ignore[call-overload,no-any-return,valid-type]


Message = row_of("Message", t.messages)
Document = row_of("Document", t.documents, "body")


class Finding(BaseModel):
    """What is wrong: what, where, the value, whose move it is, what to do."""

    code: str
    severity: str
    level: str
    message: str
    hint: str
    value: str | None
    location: dict[str, Any] = Field(description="X12 address, byte offset, line, JSON pointer")
    ack: dict[str, Any] = Field(description="codes of TA1, 997 and 999")
    fault: str = Field(description="whose move it is: partner, us, configuration or network")


def raw(description: str, *kinds: str) -> dict[str, Any]:
    """The description of a body that is taken as it is, of any type; these are usual."""
    schema = {"type": "string", "format": "binary"}
    content = {one: {"schema": {} if one == JSON else schema} for one in (*kinds, "application/octet-stream")}
    return {"requestBody": {"required": True, "description": description, "content": content}}


JSON, X12 = "application/json", "application/edi-x12"
