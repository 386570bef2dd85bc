"""The file that describes a shape: ``mappings/erp/<name>.yaml``; docs/reference/shapes.md tells its keys.

It is data for both directions: a column and the path of its value in the document are stated once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from gateway.documents import document_types
from gateway.errors import ConfigurationError, Fault, Level, Problem, Severity
from gateway.shapes.form import nearest
from gateway.shapes.place import Place, Scope

MAX_LENGTH = 1_000_000
"""Characters of a shape file."""


def _scope(text: str) -> Scope:
    place = Place.parse(text)
    if place.steps and text != "document":
        raise ValueError(f"{text!r} is no list such as lines[]")
    return place.scope


def _path(text: str) -> Place:
    place = Place.parse(text)
    if not place.steps:
        raise ValueError(f"{text} is no single value")
    return place


def _columns(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("'NAME: path' pairs are needed")
    fillers: dict[Any, Any] = {"": {}, "~": {}}
    return {
        name: fillers.get(one, {"path": one}) if isinstance(one, str) else one for name, one in value.items()
    }


Encoding = Literal["utf-8", "utf-8-sig", "ascii", "latin-1", "iso8859-15", "cp1250", "cp1252", "cp850"]
Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]
Positive = Annotated[int, Field(ge=1, le=100_000)]


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Column(_Stated):
    """A column and its value; without ``path``, ``value`` and ``count`` a filler."""

    path: Annotated[Place | None, BeforeValidator(_path)] = None
    value: str | None = None
    count: str | None = None
    required: bool = False
    key: bool = False
    length: Positive | None = None
    align: Literal["left", "right"] = "left"
    pad: Character = " "
    format: str = ""
    mark: Character = "."
    places: Annotated[int, Field(ge=0, le=9)] | None = None
    implied: bool = False
    sign: Literal["leading", "trailing"] = "leading"
    codes: dict[str, str] = {}
    others: Literal["refuse", "keep"] = "refuse"
    empty: str = ""

    @cached_property
    def names(self) -> dict[str, str]:
        """The code table for reading."""
        return {theirs: ours for ours, theirs in self.codes.items()}

    @property
    def level(self) -> int:
        """Of how many lists the value is inside; -1 for a column that has none in the document."""
        return len(self.path.scope) if self.path else -1


class Record(_Stated):
    """A kind of row.

    Attributes:
        tag: what such a row begins with, where there are several kinds.
        each: the list in which a row is an entry; without it a row begins a document.
        within: the list to whose last entry, or ``document``, a row adds.
        required: every document has such a row.
    """

    tag: str = ""
    each: Annotated[Scope, BeforeValidator(_scope)] = ()
    within: Annotated[Scope | None, BeforeValidator(_scope)] = Field(None, alias="in")
    required: bool = False
    columns: Annotated[dict[str, Column], BeforeValidator(_columns)]

    @property
    def scope(self) -> Scope:
        return self.each if self.within is None else self.within

    def key(self, row: dict[str, str], level: int) -> list[str]:
        """The cells whose change begins another object inside so many lists."""
        stated = [(name, column.key) for name, column in self.columns.items() if column.level == level]
        return [row[name] for name, is_key in stated if is_key] or [row[name] for name, _ in stated]


class Shape(_Stated):
    """A shape file."""

    shape: Literal["csv", "fixed", "jsonata", "xslt"]
    document: str = ""
    description: str = ""
    encoding: Encoding = "utf-8"
    newline: Literal["lf", "crlf"] = "lf"
    delimiter: Character = ","
    quote: Annotated[str, StringConstraints(max_length=1)] = '"'
    header: bool = True
    trimmed: bool = False
    tag_length: Positive | None = None
    constants: dict[str, str] = {}
    ignore: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    spreadsheet: bool = False
    read: str = ""
    write: str = ""
    schema_text: str = Field(default="", alias="schema")

    @property
    def width(self) -> int:
        """Characters the tag takes at the beginning of a row of fixed width."""
        return self.tag_length or max(len(one.tag) for one in self.records)

    @property
    def is_headed(self) -> bool:
        """Whether the first row has the names of the columns."""
        return self.shape == "csv" and self.header and not self.records[0].tag

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What each path holds: string, decimal, date, datetime, integer or boolean."""
        columns = [column for one in self.records for column in one.columns.values()]
        return {one.path.text: one.path.kind(self.document) for one in columns if one.path}

    @cached_property
    def fixed(self) -> dict[Place, Any]:
        """The constants as values, by their place."""
        return {
            place: json.loads(text) if place.kind(self.document) in ("integer", "boolean") else text
            for place, text in ((Place.parse(path), text) for path, text in self.constants.items())
        }


class _Loader(yaml.BaseLoader):
    """Every value is text; no key stands twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        found = super().construct_mapping(node, deep=deep)
        for key, count in Counter(key.value for key, _ in node.value).items():
            if count > 1:
                raise yaml.YAMLError(f"{key!r} is given twice below line {node.start_mark.line + 1}")
        return found


def parse_shape(text: str, name: str) -> Shape:
    """The shape in the text of its file.

    Raises:
        ConfigurationError: the file is wrong; ``problems`` holds everything that is.
    """
    try:
        if len(text) > MAX_LENGTH:
            raise yaml.YAMLError(f"more than {MAX_LENGTH:,} characters")
        data = yaml.load(text, Loader=_Loader)  # nosec B506  # noqa: S506 -- it makes nothing but text
        if isinstance(data, dict) and "columns" in data:
            # The short form of a single record.
            record = {key: data.pop(key) for key in ("each", "columns") if key in data}
            data["records"] = [record, *data.get("records", ())]
        shape = Shape.model_validate(data)
        found = list(_faults(shape))
    except (yaml.YAMLError, RecursionError) as error:
        found = [f"{' '.join(str(error).split())}."]
    except ValidationError as error:
        found = [_explained(one) for one in error.errors(include_url=False)]
    if found:
        see = "Correct the file; docs/reference/shapes.md has its keys."
        problems = (
            Problem("SHAPE", Severity.ERROR, Level.FILE, f"{name}: {what}", see, fault=Fault.CONFIGURATION)
            for what in found
        )
        raise ConfigurationError(f"The shape {name} is not usable.", code="SHAPE", problems=tuple(problems))
    return shape


def _explained(error: Any) -> str:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = {*Shape.model_fields, *Record.model_fields, *Column.model_fields, "in", "schema"}
        known -= {"within", "schema_text"}
        return f"there is no key {where}.{nearest(str(error['loc'][-1]), known)}"
    return f"{where or 'the file'}: {error['msg'].removeprefix('Value error, ')}."


def _faults(shape: Shape) -> Iterator[str]:
    """What is wrong with a shape beyond its form."""
    if (shape.shape in ("jsonata", "xslt")) != bool(shape.read or shape.write):
        yield "read: and write: belong to jsonata and xslt alone, which need one of them."
    if (shape.shape in ("jsonata", "xslt")) == bool(shape.records):
        yield "columns: or records: belong to csv and fixed, which need one of them."
    if shape.shape == "xslt" and any("/" in one for one in (shape.read, shape.write, shape.schema_text)):
        yield "read:, write: and schema: are names of files beside the shape file."
    if shape.schema_text and shape.shape != "xslt":
        yield "schema: belongs to xslt alone."
    if shape.spreadsheet and shape.shape != "csv":
        yield "spreadsheet: belongs to csv alone."
    if shape.shape == "xslt" and not shape.document:
        return  # what stylesheets make says itself what it is
    if shape.document not in document_types():
        yield f"there is no document type {shape.document!r}.{nearest(shape.document, document_types())}"
        return
    tags = [one.tag for one in shape.records]
    for number, record in enumerate(shape.records, 1):
        name = f"records.{number}"
        if len(tags) > 1 and (not record.tag or tags.count(record.tag) > 1):
            yield f"{name} needs a tag of its own, by which its rows are told."
        if number == 1 and (record.within is not None or (record.scope and record.tag)):
            yield f"{name} begins no document; the first of several records does, without each: or in:."
        if record.scope and (wrong := Place("each or in", record.scope, ()).fault(shape.document)):
            yield f"{name}: {wrong}"
            continue
        for title, column in record.columns.items():
            yield from (f"{name}.{title}: {what}" for what in _wrong(shape, record, column))
    try:
        assert shape.fixed is not None
    except ValueError as error:
        yield f"constants: {error}"


def _wrong(shape: Shape, record: Record, column: Column) -> Iterator[str]:
    if shape.shape == "fixed" and column.length is None:
        yield "a column of fixed width needs a length."
    if column.length and len(column.value or column.empty) > column.length:
        yield "its text is longer than the column."
    if (column.path is not None) + (column.value is not None) + (column.count is not None) > 1:
        yield "it has several of path, value and count."
    if column.count not in (None, "rows", *(one.tag for one in shape.records)):
        yield f"there is no record {column.count!r} to count."
    if len(column.names) != len(column.codes):
        yield "a code stands for two values; it could not be read back."
    if column.path is None:
        return
    if wrong := column.path.fault(shape.document):
        yield wrong
    elif record.scope[: column.level] != column.path.scope:
        yield f"{column.path.text} is not around the rows of this record."
    elif column.format:
        if column.path.kind(shape.document) not in ("date", "datetime"):
            yield f"{column.path.text} is no date, so it has no format."
        if not all(part in column.format for part in ("YY", "MM", "DD")):
            yield f"the format {column.format} names no day: YYYY or YY, MM and DD."
