"""The file that describes a shape: ``mappings/erp/<name>.yaml``; docs/reference/shapes.md tells its keys.

It is data for both directions: a column and the path of its value in the document are stated once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from gateway.documents import document_types
from gateway.documents.common import DATE, DATETIME, DECIMAL
from gateway.errors import ConfigurationError, Fault, Level, Problem, Severity
from gateway.shapes.form import Node, form, resolved

MAX_LENGTH = 1_000_000
"""Characters of a shape file."""

Scope = tuple[tuple[str, ...], ...]
"""The lists around a value, each with the names that lead to it: ``lines[].schedule[]``."""

_KINDS = {DECIMAL: "decimal", DATE: "date", DATETIME: "datetime"}
_STEP = re.compile(r"([A-Za-z0-9_]+)(\[(?:([a-z_]+)=([^\]]+)|([1-9][0-9]?)|)\])?")


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path; in a list the entry whose ``key`` is ``value``, or number ``index`` from 0."""

    name: str
    key: str = ""
    value: str = ""
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in a document, for example ``lines[].quantity.value``.

    Attributes:
        scope: the lists whose entries are rows.
        steps: the way from an entry of the last of them, or from the document.
    """

    text: str
    scope: Scope
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a path.

        Raises:
            ValueError: the text is no path.
        """
        scope: list[tuple[str, ...]] = []
        steps: list[Step] = []
        # A condition may hold a dot, so the text is matched step by step and not split.
        end = 0
        while end < len(text) or not text:
            match = _STEP.match(text, end)
            if match is None or (match.end() < len(text) and text[match.end()] != "."):
                raise ValueError(f"{text!r} is no path such as lines[].quantity.value")
            end = match.end() + 1
            name, bracket, key, value, number = match.groups()
            steps.append(Step(name, key or "", value or "", int(number) - 1 if number else None))
            if bracket == "[]":
                if any(one.key or one.index is not None for one in steps):
                    raise ValueError(f"{text!r}: [] does not stand behind another bracket")
                scope.append(tuple(one.name for one in steps))
                steps = []
        return cls(text, tuple(scope), tuple(steps))


def _listed(value: Any) -> Any:
    return [Place.parse(one) for one in ([value] if isinstance(value, str) else value)]


def _scope(text: str) -> Scope:
    place = Place.parse(text)
    if place.steps and text != "document":
        raise ValueError(f"{text!r} is no list such as lines[]")
    return place.scope


def _columns(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("'NAME: path' pairs are needed")
    return {
        name: one if isinstance(one, dict) else {"path": one} if one else {} for name, one in value.items()
    }


Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]
Positive = Annotated[int, Field(ge=1, le=100_000)]
Places = Annotated[tuple[Place, ...], BeforeValidator(_listed)]


class _Stated(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Column(_Stated):
    """A column and its value; without ``path``, ``value`` and ``count`` a filler."""

    path: Places = ()
    value: str | None = None
    count: str | None = None
    required: bool = False
    key: bool = False
    start: Positive | None = None
    length: Positive | None = None
    align: Literal["left", "right"] = "left"
    pad: Character = " "
    format: str | None = None
    mark: Character = "."
    places: Annotated[int, Field(ge=0, le=9)] | None = None
    implied: bool = False
    sign: Literal["leading", "trailing"] = "leading"
    codes: dict[str, str] = {}
    others: Literal["refuse", "keep"] = "refuse"
    empty: str = ""
    default: str | None = None

    @cached_property
    def names(self) -> dict[str, str]:
        """The code table for reading."""
        return {theirs: ours for ours, theirs in self.codes.items()}


class Record(_Stated):
    """A kind of row.

    Attributes:
        tag: what such a row begins with, where there are several kinds.
        each: the list in which a row is an entry; without it a row begins a document.
        within: the list to whose last entry, or ``document``, a row adds.
        file: in which file such rows stand, with ``*`` for what the names of the files share.
        required: every document has such a row.
    """

    tag: str = ""
    each: Annotated[Scope, BeforeValidator(_scope)] = ()
    within: Annotated[Scope | None, BeforeValidator(_scope)] = Field(None, alias="in")
    file: str = ""
    required: bool = False
    columns: Annotated[dict[str, Column], BeforeValidator(_columns)]

    @property
    def scope(self) -> Scope:
        return self.each if self.within is None else self.within


class Shape(_Stated):
    """A shape file."""

    shape: Literal["csv", "fixed", "jsonata"]
    document: str
    description: str = ""
    encoding: Literal[
        "utf-8", "utf-8-sig", "ascii", "latin-1", "iso8859-15", "cp1250", "cp1252", "cp437", "cp850"
    ] = "utf-8"
    newline: Literal["lf", "crlf"] = "lf"
    delimiter: Character = ","
    quote: Annotated[str, StringConstraints(max_length=1)] = '"'
    header: bool = True
    trimmed: bool = False
    tag_length: Positive | None = None
    constants: dict[str, str] = {}
    ignore: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    read: str = ""
    write: str = ""

    @property
    def width(self) -> int:
        """Characters the tag takes at the beginning of a row of fixed width."""
        return self.tag_length or max(len(one.tag) for one in self.records)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What each path holds: text, decimal, date, datetime, integer or boolean."""
        places = [place for one in self.records for column in one.columns.values() for place in column.path]
        return {place.text: _kind(self.document, place) for place in (*places, *self.fixed)}

    @cached_property
    def fixed(self) -> dict[Place, str]:
        """The constants by their place."""
        return {Place.parse(text): value for text, value in self.constants.items()}


class _Loader(yaml.BaseLoader):
    """Every value is text; no aliases, no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(key.value)
            if getattr(value, "value", None) == "~" and value.style is None:
                value.value = ""
        return super().construct_mapping(node, deep=deep)


def parse_shape(text: str, name: str) -> Shape:
    """The shape in the text of its file.

    Raises:
        ConfigurationError: the file is wrong; ``problems`` holds everything that is.
    """
    try:
        if len(text) > MAX_LENGTH:
            raise yaml.YAMLError(f"more than {MAX_LENGTH:,} characters")
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 -- it makes nothing but text
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
        known = {*Shape.model_fields, *Record.model_fields, *Column.model_fields, "in"} - {"within"}
        return f"there is no key {where}.{_nearest(str(error['loc'][-1]), known)}"
    return f"{where or 'the file'}: {error['msg'].removeprefix('Value error, ')}."


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _faults(shape: Shape) -> Iterator[str]:
    """What is wrong with a shape beyond its form."""
    if shape.document not in document_types():
        yield f"there is no document type {shape.document!r}.{_nearest(shape.document, document_types())}"
        return
    if (shape.shape == "jsonata") != bool(shape.read or shape.write):
        yield "read: and write: belong to jsonata alone, which needs one of them."
    if (shape.shape == "jsonata") == bool(shape.records):
        yield "columns: or records: belong to csv and fixed, which need one of them."
    for number, record in enumerate(shape.records, 1):
        name = f"records.{number}"
        alike = [one.tag for one in shape.records if one.file == record.file]
        if len(alike) > 1 and (not record.tag or alike.count(record.tag) > 1):
            yield f"{name} needs a tag of its own, by which its rows are told."
        if number == 1 and (record.within is not None or (record.scope and len(shape.records) > 1)):
            yield f"{name} begins no document; the first of several records does, without each: or in:."
        taken: list[tuple[int, int]] = []
        try:
            if "properties" not in _node(shape.document, Place("each or in", record.scope, ())):
                raise ValueError("each: names a list of plain values.")
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        for title, column in record.columns.items():
            yield from (f"{name}.{title}: {what}" for what in _wrong(shape, record, column))
            if shape.shape == "fixed" and column.length is not None:
                start, end = _span(shape, column, taken)
                if any(start < other and end > begin for begin, other in taken):
                    yield f"{name}.{title} overlaps another column."
                taken.append((start, end))
    for place in shape.fixed:
        yield from (f"constants.{place.text}: {what}" for what in _unfit(shape.document, place))


def _wrong(shape: Shape, record: Record, column: Column) -> Iterator[str]:
    if shape.shape == "fixed" and column.length is None:
        yield "a column of fixed width needs a length."
    if bool(column.path) + (column.value is not None) + (column.count is not None) > 1:
        yield "it has several of path, value and count."
    if column.count not in (None, "rows", *(one.tag for one in shape.records)):
        yield f"there is no record {column.count!r} to count."
    if len(column.names) != len(column.codes):
        yield "a code stands for two values; it could not be read back."
    for place in column.path:
        unfit = list(_unfit(shape.document, place))
        yield from unfit
        if not unfit and record.scope[: len(place.scope)] != place.scope:
            yield f"{place.text} is not around the rows of this record."
        elif not unfit and column.format:
            if _kind(shape.document, place) not in ("date", "datetime"):
                yield f"{place.text} is no date, so it has no format."
            if not all(part in column.format for part in ("YY", "MM", "DD")):
                yield f"the format {column.format} names no day: YYYY or YY, MM and DD."


def _span(shape: Shape, column: Column, taken: list[tuple[int, int]]) -> tuple[int, int]:
    """From where to where a column stands, from 0; without ``start`` behind the one before."""
    start = column.start - 1 if column.start else taken[-1][1] if taken else shape.width
    return start, start + (column.length or 0)


def spans(shape: Shape, record: Record) -> list[tuple[int, int]]:
    """The places of the columns of a record of fixed width."""
    found: list[tuple[int, int]] = []
    for column in record.columns.values():
        found.append(_span(shape, column, found))
    return found


def _node(document_type: str, place: Place) -> Node:
    """The part of the schema at a path; ValueError says why there is none."""
    schema = node = form(document_type)
    names = [(name, n == len(one)) for one in place.scope for n, name in enumerate(one, 1)]
    names += [(one.name, bool(one.key) or one.index is not None) for one in place.steps]
    for name, many in names:
        fields = node.get("properties", {})
        others = (inner for keys, inner in node.get("patternProperties", {}).items() if re.match(keys, name))
        inner = fields.get(name) or next(others, None)
        if inner is None:
            known = _nearest(name, fields) or f" Fields here: {', '.join(fields)}."
            raise ValueError(f"there is no field {name} in {place.text}.{known}")
        node = resolved(schema, inner)
        if (node.get("type") == "array") != many:
            what = (
                "is no list"
                if many
                else "is a list, which has [] for rows, [1] or [role=ship_to] for an entry"
            )
            raise ValueError(f"{name} in {place.text} {what}.")
        node = resolved(schema, node["items"]) if many else node
    return node


def _unfit(document_type: str, place: Place) -> Iterator[str]:
    """Why a column cannot have this path, if it cannot."""
    try:
        if _node(document_type, place).get("type") not in ("string", "integer", "boolean"):
            yield f"{place.text} is no single value."
    except ValueError as error:
        yield str(error)


def _kind(document_type: str, place: Place) -> str:
    node = _node(document_type, place)
    return str(_KINDS.get(node.get("pattern", ""), "text") if node["type"] == "string" else node["type"])
