"""Rows and columns, read and written by a shape file: CSV and fixed width.

Without tags a row is an entry of the list ``each`` names, and what stands around that list is repeated in
each of its rows: a new document, or entry of a list between, begins where such a column (one with ``key``,
if there are any) changes. With tags a row belongs to the rows before it. The rows of a second file find
their documents by the columns that repeat what stands there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from gateway.documents.validation import explain
from gateway.errors import DocumentError, Fault, Problem, Severity
from gateway.shapes.convert import read_value, write_value
from gateway.shapes.form import Problems, nearest_place, pointer, problem
from gateway.shapes.model import Column, Place, Record, Scope, Shape, spans

MAX_ROW = 1024 * 1024
"""Bytes of a line; a file of another kind may have no line ends at all."""

_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ENVELOPE = ("document_type", "schema_version", "control", "raw", "document_id", "partner_id", "channel")


@dataclass(slots=True)
class _Open:
    """An object of a document that is being read; ``key`` says whether a row without tag belongs to it."""

    value: dict[str, Any]
    at: str
    key: list[str]
    line: int


@dataclass(slots=True)
class _Draft:
    """A document that is being read.

    Attributes:
        open: the document and the last entry of each list around the last row.
        places: line and column by JSON pointer.
        failed: paths of values that were told already.
        counts: line, column, tag and stated number of rows.
    """

    open: list[_Open] = field(default_factory=list)
    places: dict[str, tuple[int, str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)
    counts: list[tuple[int, str, str, str]] = field(default_factory=list)


# --- reading ---------------------------------------------------------------------------------------------


def read(shape: Shape, source: BinaryIO | Mapping[str, BinaryIO]) -> Iterator[dict[str, Any]]:
    """The documents of a file; none is given on after one that is wrong.

    Args:
        source: the file, which is read document by document; or those of a shape of several files, by the
            ``file`` of its records, which are read as a whole.

    Raises:
        DocumentError: at the end, with everything that is wrong, each with its line and column.
    """
    problems = Problems("The rows are not right")
    reading = _Reading(shape, problems, is_single=not isinstance(source, Mapping))
    sources = source if isinstance(source, Mapping) else {shape.records[0].file: source}
    for file, one in sources.items():
        for line, record, cells in _rows(shape, [r for r in shape.records if r.file == file], one, problems):
            finished = reading.take(line, record, cells)
            yield from reading.finish(finished)
    for draft in reading.drafts:
        yield from reading.finish(draft)
    problems.check()


@dataclass(slots=True)
class _Reading:
    shape: Shape
    problems: Problems
    is_single: bool
    drafts: list[_Draft] = field(default_factory=list)
    owners: dict[str, dict[tuple[Any, ...], _Draft]] = field(default_factory=dict)

    def take(self, line: int, record: Record, cells: list[str]) -> _Draft | None:
        """Adds a row; gives the document before when the row begins a new one."""
        columns = list(record.columns.items())
        levels = [len(column.path[0].scope) if column.path else -1 for _, column in columns]
        failed: set[str] = set()
        values = [
            self.value(line, name, column, text, failed)
            for (name, column), text in zip(columns, cells, strict=True)
        ]
        is_linked = record.file != self.shape.records[0].file
        draft = self.drafts[-1] if self.drafts else None
        if is_linked:
            draft = self.owner(
                record, [(c, v) for (_, c), v, level in zip(columns, values, levels) if not level]
            )
        around, depth = draft.open if draft else [], len(record.scope)

        def key(level: int) -> list[str]:
            of_level = [n for n, found in enumerate(levels) if found == level]
            return [cells[n] for n in [n for n in of_level if columns[n][1].key] or of_level]

        keep = depth + (record.within is not None) if record.tag else int(is_linked)
        while not record.tag and keep < min(depth, len(around)) and around[keep].key == key(keep):
            keep += 1
        if keep > len(around) or [one.at.rpartition("/")[0] for one in around[1:keep]] != [
            _list_at(around[n], names) for n, names in enumerate(record.scope[: keep - 1 if keep else 0])
        ]:
            what = "belongs to no document" if is_linked else "stands without the one it belongs to"
            self.wrong("SHAPE-ROW", line, "", f"the row ({record.tag or record.file}) {what}.", cells[0])
            return None
        finished = None
        if not keep or draft is None:
            finished = self.drafts.pop() if self.is_single and self.drafts else None
            draft = _Draft()
            self.drafts.append(draft)
        del draft.open[keep:]
        deepest = max((level for level, value in zip(levels, values) if value is not None), default=0)
        for level in range(keep, min(depth, deepest) + 1):
            self.begin(draft, record.scope[:level], key(level), line)
        draft.failed |= failed
        draft.rows[record.tag] = draft.rows.get(record.tag, 0) + 1
        for (name, column), value, text in zip(columns, values, cells):
            if column.count is not None:
                draft.counts.append((line, name, column.count, text.strip()))
            elif value is not None:
                for place in column.path:
                    self.put(draft, draft.open[len(place.scope)], place, value, (line, name))
        return finished

    def owner(self, record: Record, links: list[tuple[Column, Any]]) -> _Draft | None:
        """The document whose values a row of another file repeats."""
        if record.file not in self.owners:
            places = [column.path[0] for column, _ in links]
            self.owners[record.file] = {
                tuple(_get(draft.open[0].value, place)[0] for place in places): draft for draft in self.drafts
            }
        return self.owners[record.file].get(tuple(value for _, value in links))

    def value(self, line: int, name: str, column: Column, text: str, failed: set[str]) -> Any:
        """What a cell says; None where it says nothing, or nothing right."""

        def wrong(code: str, what: str) -> None:
            self.wrong(code, line, name, what, text)
            failed.update(_plain(place.text) for place in column.path)

        if bad := _BAD.search(text):
            shown = f"byte 0x{ord(bad[0]) & 0xFF:02X}"
            what = f"{shown} is no character of {self.shape.encoding}, or a control character."
            return wrong("SHAPE-CHARACTER", what)
        pad = column.pad if column.pad != "0" else " "
        text = text.strip(f" {pad}") if column.align == "left" else text.rstrip(" ").lstrip(f" {pad}")
        if text == column.empty or not text:
            if column.required:
                wrong("SHAPE-MISSING", "the column is empty, and must be filled.")
            text = column.default or ""
        if not text or column.count is not None:
            return None
        if column.value is not None and text != column.value:
            return wrong("SHAPE-VALUE", f"{text!r} is not {column.value!r}, all that is known here.")
        try:
            return read_value(column, self.shape.kinds[column.path[0].text], text) if column.path else None
        except ValueError as error:
            return wrong("SHAPE-VALUE", f"{text!r} {error}.")

    def begin(self, draft: _Draft, scope: Scope, key: list[str], line: int) -> None:
        """Opens a document or an entry of a list."""
        value: dict[str, Any] = {}
        at = ""
        if scope:
            holder, at = draft.open[-1].value, draft.open[-1].at
            for name in scope[-1][:-1]:
                holder, at = holder.setdefault(name, {}), pointer(at, name)
            entries = holder.setdefault(scope[-1][-1], [])
            at = pointer(pointer(at, scope[-1][-1]), len(entries))
            entries.append(value)
        else:
            value |= {"document_type": self.shape.document, "schema_version": "1"}
        draft.open.append(_Open(value, at, key, line))
        draft.places[at] = line, ""
        for place, constant in self.shape.fixed.items():
            if place.scope == scope:
                read = read_value(Column(), self.shape.kinds[place.text], constant)
                self.put(draft, draft.open[-1], place, read, (line, ""))

    def put(self, draft: _Draft, owner: _Open, place: Place, value: Any, where: tuple[int, str]) -> None:
        """Sets a value, or compares it with what an earlier row said."""
        known, at = _get(owner.value, place)
        if known is None:
            draft.places[owner.at + _put(owner.value, place, value)] = where
        elif known != value:
            earlier = nearest_place(draft.places, owner.at + at)[0]
            what = f"{value!r} contradicts {known!r} in line {earlier}."
            self.wrong("SHAPE-VALUE", *where, what, value)

    def finish(self, draft: _Draft | None) -> Iterator[dict[str, Any]]:
        """A document that is complete, if all is right so far."""
        if draft is None:
            return
        document = draft.open[0].value
        for line, name, tag, text in draft.counts:
            there = _counted(draft.rows, tag)
            if text.lstrip("0") != (str(there) if there else ""):
                what = f"{text!r} rows{'' if tag == 'rows' else f' {tag}'} are stated, and {there} are there."
                self.wrong("SHAPE-COUNT", line, name, what, text)
        for record in self.shape.records:
            if record.required and record.tag not in draft.rows:
                self.wrong("SHAPE-ROW", draft.open[0].line, "", f"the document has no row {record.tag}.")
        columns = {
            _plain(place.text): name
            for record in self.shape.records
            for name, column in record.columns.items()
            for place in column.path
        }

        def where(at: str) -> tuple[str, int | None]:
            line, name = nearest_place(draft.places, at)
            name = name or columns.get(_plain(at), "")
            return f"Line {line}" + (f", column {name}" if name else ""), line

        # What has no value because its cell is wrong was told.
        around = {failed.rsplit("/", n)[0] for failed in draft.failed for n in range(failed.count("/") + 1)}
        found = [one for one in explain(document) if _plain(one.location.pointer or "") not in around]
        self.problems.model(found, where)
        if not self.problems.found:
            yield document

    def wrong(self, code: str, line: int, name: str, what: str, value: object = None) -> None:
        where = f"Line {line}" + (f", column {name}" if name else "")
        self.problems.add(problem(code, where, what, value, line=line))


def _counted(rows: dict[str, int], tag: str) -> int:
    return sum(rows.values()) if tag == "rows" else rows.get(tag, 0)


def _list_at(owner: _Open, names: tuple[str, ...]) -> str:
    at = owner.at
    for name in names:
        at = pointer(at, name)
    return at


def _plain(text: str) -> str:
    """A path or pointer by its names alone: ``/lines/0/quantity`` and ``lines[].quantity`` are the same."""
    return re.sub(r"\[[^\]]*\]|(?<=/)\d+(/|$)", "", text.replace(".", "/")).strip("/")


# --- rows ------------------------------------------------------------------------------------------------


def _rows(
    shape: Shape, records: list[Record], source: BinaryIO, problems: Problems
) -> Iterator[tuple[int, Record, list[str]]]:
    """Line, record and cells of every row that has the form of one."""

    def wrong(line: int, what: str, hint: str = "", code: str = "SHAPE-ROW") -> None:
        problems.add(problem(code, f"Line {line}", what, hint=hint, line=line))

    def lines() -> Iterator[str]:
        encoding: str = "utf-8-sig" if shape.encoding == "utf-8" else shape.encoding
        while data := source.readline(MAX_ROW):
            yield data.decode(encoding, "surrogateescape")
            encoding = shape.encoding.removesuffix("-sig")

    by_tag = {one.tag: one for one in records}
    known = f"Known are {', '.join(by_tag)}."
    if shape.shape == "fixed":
        width, ends = shape.width, {one.tag: spans(shape, one) for one in records}
        for number, text in enumerate(lines(), 1):
            text = text.rstrip("\r\n").rstrip("\x1a")
            record = by_tag.get(text[:width].rstrip())
            if not text.strip():
                continue
            if record is None:
                wrong(number, f"there is no record type {text[:width].rstrip()!r}.", known)
                continue
            longest = max((end for _, end in ends[record.tag]), default=width)
            if len(text.rstrip(" ")) > longest or (len(text) < longest and not shape.trimmed):
                hint = "A row that was cut off is not read. trimmed: true allows blanks to be left off."
                wrong(number, f"the row has {len(text)} characters, not {longest}.", hint)
                continue
            yield number, record, [text[start:end] for start, end in ends[record.tag]]
        return
    quoting: Any = csv.QUOTE_MINIMAL if shape.quote else csv.QUOTE_NONE
    rows = csv.reader(
        lines(), delimiter=shape.delimiter, quotechar=shape.quote or None, quoting=quoting, strict=True
    )
    order: list[int | None] = []
    has_header = shape.header and not any(by_tag)
    line, size = 1, 0
    try:
        for cells in rows:
            line, first = rows.line_num + 1, line
            if not any(cell.strip() for cell in cells):
                continue
            tag = "" if not any(by_tag) else cells.pop(0).strip()
            record = by_tag.get(tag)
            if record is None:
                wrong(first, f"there is no record type {tag!r}.", known)
            elif has_header:
                has_header = False
                told = len(problems.found)
                order = _order(record, [cell.strip() for cell in cells], problems)
                size = len(cells)
                if len(problems.found) > told:
                    return
            else:
                wanted = size if order else len(record.columns)
                if len(cells) != wanted:
                    what = f"the row has {len(cells)} cells, not {wanted}."
                    wrong(first, what, "Is a separator missing, or does a value hold one without quotes?")
                    continue
                places = order or range(len(cells))
                yield first, record, ["" if place is None else cells[place] for place in places]
    except csv.Error as error:
        wrong(
            line, f"the row cannot be read: {error}.", "Are quotes closed, and line ends as they should be?"
        )


def _order(record: Record, header: list[str], problems: Problems) -> list[int | None]:
    """Where the columns of a record stand, by the header row; None for one that is not there."""
    wrong = [f"there is no column {name!r} in the shape." for name in header if name not in record.columns]
    wrong += [f"the column {name!r} stands twice." for name in record.columns if header.count(name) > 1]
    for name, column in record.columns.items():
        if name not in header and (column.required or column.value is not None):
            wrong.append(f"the column {name!r} is missing.")
    for what in wrong:
        problems.add(problem("SHAPE-COLUMN", "Line 1", what, line=1))
    return [header.index(name) if name in header else None for name in record.columns]


# --- values of a document --------------------------------------------------------------------------------


def _get(owner: Any, place: Place, keys: list[str] | None = None) -> tuple[Any, str]:
    """The value at a path and its pointer, None if it is not there; ``keys`` is given what chose an entry."""
    at = ""
    for step in place.steps:
        owner, at = owner.get(step.name) if isinstance(owner, dict) else None, pointer(at, step.name)
        if step.key or step.index is not None:
            entries = owner or []
            chosen = [step.index] if step.index is not None else range(len(entries))
            for index in chosen:
                if index < len(entries) and (not step.key or entries[index].get(step.key) == step.value):
                    owner, at = entries[index], pointer(at, index)
                    if keys is not None and step.key:
                        keys.append(pointer(at, step.key))
                    break
            else:
                return None, at
    return owner, at


def _put(owner: dict[str, Any], place: Place, value: Any) -> str:
    """Sets the value at a path, with the objects around it; gives its pointer."""
    at = ""
    for number, step in enumerate(place.steps, 1):
        is_last, at = number == len(place.steps), pointer(at, step.name)
        if not step.key and step.index is None:
            if is_last:
                owner[step.name] = value
            else:
                owner = owner.setdefault(step.name, {})
            continue
        entries = owner.setdefault(step.name, [])
        found = next(
            (n for n, one in enumerate(entries) if step.key and one.get(step.key) == step.value), step.index
        )
        if found is None or found >= len(entries):
            found = len(entries)
            entries.append(value if is_last else {step.key: step.value} if step.key else {})
        owner, at = entries[found], pointer(at, found)
    return at


# --- writing ---------------------------------------------------------------------------------------------


def write(
    shape: Shape, documents: Iterable[dict[str, Any]], tell: Callable[[Problem], None] = lambda _: None
) -> Iterator[tuple[str, bytes]]:
    """Documents as rows, piece by piece, each with the ``file`` of its record.

    Args:
        tell: is given remarks: what of a document stands in no column.

    Raises:
        DocumentError: at the end; values that do not fit, with their JSON pointer and column.
    """
    problems = Problems("The documents cannot be written")
    if shape.encoding == "utf-8-sig":
        yield from ((file, b"\xef\xbb\xbf") for file in dict.fromkeys(one.file for one in shape.records))
    if shape.shape == "csv" and shape.header and not any(one.tag for one in shape.records):
        for record in shape.records:
            yield record.file, _line(shape, list(record.columns))
    counted = any(column.count for one in shape.records for column in one.columns.values())
    number = 0
    for number, document in enumerate(documents, 1):
        writing = _Writing(shape, problems, f"Document {number}", document)
        if counted:
            draft = _Writing(shape, Problems(""), "", document)
            sum(1 for _ in draft.level((), [(document, "")]))
            writing.totals = draft.rows
        yield from writing.level((), [(document, "")])
        if remark := writing.remark():
            tell(remark)
    if not number:
        raise DocumentError("There is no document to write.")
    problems.check()


@dataclass(slots=True)
class _Writing:
    shape: Shape
    problems: Problems
    name: str
    document: dict[str, Any]
    totals: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)

    def level(self, scope: Scope, chain: list[tuple[Any, str]]) -> Iterator[tuple[str, bytes]]:
        """The rows of an object and of what is in it, in the order of the records."""
        owner, at = chain[-1]
        for place, constant in self.shape.fixed.items():
            value, where = _get(owner, place)
            if place.scope == scope and value is not None:
                self.used.add(at + where)
                if write_value(Column(), self.shape.kinds[place.text], value) != constant:
                    what = f"{value!r} is not {constant!r}, all that this shape knows."
                    self.wrong("SHAPE-VALUE", "", what, at + where, value)
        done: set[Scope] = set()
        for record in self.shape.records:
            inner = record.scope[: len(scope) + 1]
            if record.scope == scope:
                if record.within is None or record.required or self.says(record, chain):
                    yield self.row(record, chain)
            elif record.scope[: len(scope)] == scope and inner not in done:
                done.add(inner)
                entries, where = owner, at
                for name in inner[-1]:
                    entries, where = (entries or {}).get(name), pointer(where, name)
                for index, entry in enumerate(entries or ()):
                    yield from self.level(inner, [*chain, (entry, pointer(where, index))])
                if not entries and not record.tag and not record.file:
                    yield self.row(record, chain)

    def says(self, record: Record, chain: list[tuple[Any, str]]) -> bool:
        """Whether there is a value for a row that only adds to another."""
        places = [place for column in record.columns.values() for place in column.path]
        return not places or any(_get(chain[len(one.scope)][0], one)[0] is not None for one in places)

    def row(self, record: Record, chain: list[tuple[Any, str]]) -> tuple[str, bytes]:
        """One row; what does not fit is told and left empty."""
        self.rows[record.tag] = self.rows.get(record.tag, 0) + 1
        cells = [self.cell(name, column, chain) for name, column in record.columns.items()]
        if self.shape.shape == "csv":
            return record.file, _line(self.shape, [record.tag, *cells] if record.tag else cells)
        line = record.tag.ljust(self.shape.width)
        for text, column, (start, end) in zip(cells, record.columns.values(), spans(self.shape, record)):
            fill = str.rjust if column.align == "right" else str.ljust
            line = line[:start].ljust(start) + fill(text, end - start, column.pad) + line[end:]
        return record.file, _line(self.shape, [line.rstrip(" ") if self.shape.trimmed else line])

    def cell(self, name: str, column: Column, chain: list[tuple[Any, str]]) -> str:
        """The text of a column."""
        value, at = None, ""
        for place in column.path:
            if len(place.scope) < len(chain):
                owner, around = chain[len(place.scope)]
                keys: list[str] = []
                found, where = _get(owner, place, keys)
                if found is not None and value in (None, found):
                    value, at = found, around + where
                    self.used |= {at, *(around + key for key in keys)}
        if column.count is not None:
            text = str(_counted(self.totals, column.count))
        elif value is None:
            if column.required and column.path:
                self.wrong("SHAPE-MISSING", name, "there is no value, and one is needed.", at)
            blanks = column.length or 0 if self.shape.shape == "fixed" else 0
            return (column.value or column.empty).ljust(blanks)
        else:
            try:
                text = write_value(column, self.shape.kinds[column.path[0].text], value)
            except ValueError as error:
                self.wrong("SHAPE-VALUE", name, f"{value!r} {error}.", at, value)
                return ""
        if column.length is not None and len(text) > column.length:
            what = f"{text!r} has {len(text)} characters; there is room for {column.length}."
            self.wrong("SHAPE-LENGTH", name, what, at, value)
            return ""
        if what := self.unwritable(text):
            self.wrong("SHAPE-CHARACTER", name, what, at, value)
        return text

    def unwritable(self, text: str) -> str:
        """What a row cannot hold of a text."""
        breaks = "\r\n" if self.shape.shape == "fixed" else f"\r\n{self.shape.delimiter}"
        is_quoted = self.shape.shape == "csv" and self.shape.quote
        if _BAD.search(text) or (not is_quoted and any(one in text for one in breaks)):
            return f"{text!r} holds a control character, a line end or a separator."
        try:
            text.encode(self.shape.encoding)
        except UnicodeEncodeError as error:
            return f"{text[error.start]!r} is no character of {self.shape.encoding}."
        return ""

    def wrong(self, code: str, name: str, what: str, at: str, value: object = None) -> None:
        where = self.name + (f", column {name}" if name else "")
        self.problems.add(problem(code, where, what, value, pointer=at))

    def remark(self) -> Problem | None:
        """What stands in no column and is not left out on purpose: also that a document is but a test."""
        ignored = {_plain(one) for one in (*_ENVELOPE, *self.shape.ignore)}

        def left(value: Any, at: str) -> Iterator[str]:
            name = _plain(at)
            if name in ignored or (name == "test" and value is False):
                return
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield from left(inner, pointer(at, key))
            elif isinstance(value, list | tuple):
                for index, inner in enumerate(value):
                    yield from left(inner, pointer(at, index))
            elif at not in self.used:
                yield name.replace("/", ".")

        found = list(dict.fromkeys(left(self.document, "")))
        if not found:
            return None
        listed = ", ".join(found[:12]) + (f" and {len(found) - 12} more" if len(found) > 12 else "")
        told = problem("SHAPE-UNWRITTEN", self.name, f"no column takes {listed}.")
        return replace(told, severity=Severity.INFO, fault=Fault.CONFIGURATION)


def _line(shape: Shape, cells: list[str]) -> bytes:
    """A row with its line end, in the encoding of the file; what that lacks was told before."""
    special = f"{shape.delimiter}{shape.quote}\r\n"
    if shape.shape == "csv" and shape.quote:
        quote = shape.quote
        cells = [
            f"{quote}{cell.replace(quote, quote * 2)}{quote}" if any(c in cell for c in special) else cell
            for cell in cells
        ]
    end = "\r\n" if shape.newline == "crlf" else "\n"
    return (shape.delimiter.join(cells) + end).encode(shape.encoding.removesuffix("-sig"), "replace")
