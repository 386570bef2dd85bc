"""Rows and columns, read and written by a shape file: CSV and fixed width.

Without tags a row is an entry of the list ``each`` names, and what stands around that list is repeated in
each of its rows: a new document, or entry of a list between, begins where such a column (one with ``key``,
if there are any) changes. With tags a row belongs to the rows before it.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, pairwise
from typing import Any, BinaryIO

from gateway.documents.validation import explain
from gateway.errors import DocumentError, Fault, Level, Problem, Severity
from gateway.shapes.cells import read_cell, write_cell
from gateway.shapes.form import EXPLANATIONS, Problems, nearest_place, pointer
from gateway.shapes.model import Record, Shape
from gateway.shapes.place import Place, Scope

MAX_ROW = 1024 * 1024
"""Bytes of a line; a file of another kind may have no line ends at all."""

_CHUNK = 64 * 1024

Row = dict[str, str]
"""The cells of a row by the name of their column."""

_ENVELOPE = ("document_type", "schema_version", "control", "raw", "document_id", "partner_id", "channel")


# --- rows ------------------------------------------------------------------------------------------------


def _rows(
    shape: Shape, lines: Iterator[str], problems: Problems, begin: int
) -> Iterator[tuple[int, Record, Row]]:
    """Line, record and cells of every row that has the form of one; ``begin`` is the number of the first."""
    by_tag = {one.tag: one for one in shape.records}
    split, header = _fixed if shape.shape == "fixed" else _separated, list[str]()
    for line, tag, cells in split(shape, lines, problems):
        line += begin - 1
        if shape.spreadsheet and header:
            cells = _without_strays(header, cells, line, problems)
        if (record := by_tag.get(tag)) is None:
            _tell(problems, line, f"there is no record type {tag!r}.")
        elif shape.is_headed and not header:
            header = [cell.strip(" \xa0\t") for cell in cells]
            if shape.spreadsheet:
                header = "\0".join(header).rstrip("\0").split("\0")
            if not _is_header(shape, header, line, problems):
                return
        elif len(cells) != (wanted := len(header or record.columns)):
            _tell(problems, line, f"the row has {len(cells)} cells, not {wanted}.")
        else:
            row = zip(header or record.columns, cells, strict=True)
            yield line, record, dict.fromkeys(record.columns, "") | dict(row)


def _without_strays(header: list[str], cells: list[str], line: int, problems: Problems) -> list[str]:
    """The cells below the header; what stands beside it, or below no name, is told."""
    for number, cell in enumerate(cells, 1):
        if cell.strip(" \xa0") and (number > len(header) or not header[number - 1]):
            _tell(problems, line, f"cell {number} holds {cell[:60]!r}, and its column has no name.")
    return cells[: len(header)]


def _lines(shape: Shape, source: BinaryIO, problems: Problems) -> Iterator[str]:
    data, known = source.readline(MAX_ROW), ""
    encoding: str = "utf-8-sig" if shape.encoding == "utf-8" else shape.encoding
    if shape.spreadsheet and data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        yield from _utf16(data, source, problems)
        return
    guesses = shape.spreadsheet and shape.encoding == "utf-8"
    if shape.spreadsheet and data.startswith(codecs.BOM_UTF8):
        encoding, guesses = "utf-8-sig", False
    while data:
        if guesses and not data.isascii():  # either UTF-8 or Windows, but not both in one file
            found = _encoding_of(data)
            known = known or found
            yield data.decode(known if found == known else "ascii", "surrogateescape")
        else:
            yield data.decode(encoding, "surrogateescape")
        encoding = encoding.removesuffix("-sig")
        data = source.readline(MAX_ROW)


def _encoding_of(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _utf16(data: bytes, source: BinaryIO, problems: Problems) -> Iterator[str]:
    decoder, text = codecs.getincrementaldecoder("utf-16")(), ""
    try:
        while data or text:
            text += decoder.decode(data, final=not data)
            *lines, text = re.split(r"(?<=\n)", text) if data else (text, "")
            if len(text) > MAX_ROW:
                lines, text = [*lines, text], ""
            yield from filter(None, lines)
            data = source.read(_CHUNK)
    except UnicodeDecodeError as error:
        problems.tell("SHAPE-ROW", "", f"The file is no whole UTF-16: {error.reason}.")


def _dialect(shape: Shape, lines: Iterator[str]) -> tuple[Shape, Iterator[str], int]:
    """The shape with the separator that a spreadsheet used, the lines, and the number of the first."""
    first = next(lines, "")
    stated = re.match(r'"?sep=([;,|\t])', first, re.IGNORECASE)
    if stated:
        return shape.model_copy(update={"delimiter": stated[1]}), lines, 2

    def known(delimiter: str) -> int:
        return sum(cell.strip(' "\xa0\r\n') in shape.records[0].columns for cell in first.split(delimiter))

    used = max((shape.delimiter, ";", ",", "\t"), key=known) if shape.is_headed else shape.delimiter
    return shape.model_copy(update={"delimiter": used}), chain((first,), lines), 1


def _fixed(shape: Shape, lines: Iterator[str], problems: Problems) -> Iterator[tuple[int, str, list[str]]]:
    """Line, tag and cells of rows of fixed width; those that are cut off or too long are told."""
    lengths = {one.tag: [column.length or 0 for column in one.columns.values()] for one in shape.records}
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n").rstrip("\x1a")
        tag = text[: shape.width].rstrip()
        ends = [*accumulate(lengths.get(tag, ()), initial=shape.width)]
        is_cut, is_long = len(text) < ends[-1] and not shape.trimmed, len(text.rstrip(" ")) > ends[-1]
        if tag in lengths and text.strip() and (is_cut or is_long):
            _tell(problems, number, f"the row has {len(text)} characters, not {ends[-1]}.")
        elif text.strip():
            yield number, tag, [text[start:end] for start, end in pairwise(ends)]


def _separated(
    shape: Shape, lines: Iterator[str], problems: Problems
) -> Iterator[tuple[int, str, list[str]]]:
    """Line, tag and cells of rows of CSV."""
    quoting: Any = csv.QUOTE_MINIMAL if shape.quote else csv.QUOTE_NONE
    rows = csv.reader(
        lines, delimiter=shape.delimiter, quotechar=shape.quote or None, quoting=quoting, strict=True
    )
    line = 1
    try:
        for cells in rows:
            if any(cell.strip() for cell in cells):
                yield line, cells.pop(0).strip() if shape.records[0].tag else "", cells
            line = rows.line_num + 1
    except csv.Error as error:
        _tell(problems, line, f"the row cannot be read: {error}.")


def _is_header(shape: Shape, header: list[str], line: int, problems: Problems) -> bool:
    """Whether a header row has the columns of the shape; what it has not is told."""
    record = shape.records[0]
    needed = {name for name, one in record.columns.items() if one.required or one.value is not None}
    wrong = [f"there is no column {name!r} in the shape." for name in header if name not in record.columns]
    if shape.spreadsheet:
        wrong = [
            f"there is no column {name!r} in the shape."
            for name in header
            if name and name not in record.columns
        ]
    wrong += [f"the column {name!r} stands twice." for name in record.columns if header.count(name) > 1]
    wrong += [f"the column {name!r} is missing." for name in record.columns if name in needed - {*header}]
    for what in wrong:
        _tell(problems, line, what)
    return not wrong


def _where(line: int, name: str) -> str:
    return f"Line {line}" + (f", column {name}" if name else "")


def _tell(problems: Problems, line: int, what: str, name: str = "", value: object = None) -> None:
    problems.tell("SHAPE-VALUE" if name else "SHAPE-ROW", _where(line, name), what, value, line=line)


# --- reading ---------------------------------------------------------------------------------------------


def read(shape: Shape, source: BinaryIO) -> Iterator[dict[str, Any]]:
    """The documents of a file, one in memory at a time; none is given on after one that is wrong.

    Raises:
        DocumentError: at the end, with everything that is wrong, each with its line and column.
    """
    problems = Problems("The rows are not right")
    lines, begin, is_foreign = _lines(shape, source, problems), 1, False
    if shape.spreadsheet:
        used, lines, begin = _dialect(shape, lines)
        shape, is_foreign = used, used.delimiter != shape.delimiter
    draft = _Draft(shape, problems, is_foreign)
    for line, record, row in _rows(shape, lines, problems, begin):
        keep = draft.continued(record, row)
        if keep is None:
            _tell(problems, line, f"the row ({record.tag}) stands without the one it belongs to.")
            continue
        if not keep:
            yield from draft.finish()
            draft = _Draft(shape, problems, is_foreign)
        draft.add(line, record, row, keep)
    yield from draft.finish()
    problems.check()


@dataclass(slots=True)
class _Open:
    """An object that is being read; ``key`` says whether a row without tag belongs to it."""

    value: dict[str, Any]
    at: str
    scope: Scope
    key: list[str]


@dataclass(slots=True)
class _Draft:
    """A document that is being read.

    Attributes:
        open: the document and the last entry of each list around the last row.
        places: line and column by JSON pointer.
        failed: pointers of texts that stand for no value, which is told.
        rows: how many there are of each tag. counts: line, column, tag and number that the file states.
    """

    shape: Shape
    problems: Problems
    is_foreign: bool
    open: list[_Open] = field(default_factory=list)
    places: dict[str, tuple[int, str]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    rows: Counter[str] = field(default_factory=Counter)
    counts: list[tuple[int, str, str, str]] = field(default_factory=list)

    def continued(self, record: Record, row: Row) -> int | None:
        """How many of the open objects a row goes on with; None if those it belongs to are not open."""
        depth, keep = len(record.scope), 0
        if record.tag:
            keep = depth + (record.within is not None)
        else:
            while keep < min(depth, len(self.open)) and self.open[keep].key == record.key(row, keep):
                keep += 1
        is_open = not keep or (
            keep <= len(self.open) and self.open[keep - 1].scope == record.scope[: keep - 1]
        )
        return keep if is_open else None

    def add(self, line: int, record: Record, row: Row, keep: int) -> None:
        """Takes the values of a row into the objects it goes on with, and into new ones."""
        del self.open[keep:]
        self.rows[record.tag] += 1
        values: dict[str, Any] = {}
        wrong = set()
        for name, column in record.columns.items():
            try:
                values[name] = read_cell(self.shape, column, row[name], is_foreign=self.is_foreign)
            except ValueError as error:
                _tell(self.problems, line, f"{error}.", name, row[name])
                values[name] = row[name]
                wrong.add(name)
        deepest = max([0, *(one.level for name, one in record.columns.items() if values[name] is not None)])
        for level in range(keep, min(len(record.scope), deepest) + 1):
            self.begin(record.scope[:level], record.key(row, level), line)
        for name, column in record.columns.items():
            if column.count is not None:
                self.counts.append((line, name, column.count, row[name].strip()))
            elif column.path and values[name] is not None:
                place, owner = column.path, self.open[column.level]
                self.put(owner, place, values[name], line, name, is_right=name not in wrong)

    def begin(self, scope: Scope, key: list[str], line: int) -> None:
        """Opens the document, or an entry of a list."""
        value: dict[str, Any] = {}
        at = ""
        if scope:
            around, name = self.open[-1], scope[-1]
            entries = around.value.setdefault(name, [])
            at = pointer(pointer(around.at, name), len(entries))
            entries.append(value)
        else:
            value |= {"document_type": self.shape.document, "schema_version": "1"}
        self.open.append(_Open(value, at, scope, key))
        self.places[at] = line, ""
        for place, constant in self.shape.fixed.items():
            if place.scope == scope:
                place.put(value, constant)

    def put(self, owner: _Open, place: Place, value: Any, line: int, name: str, *, is_right: bool) -> None:
        """Sets a value, or compares it with what an earlier row said; what is wrong holds the place only."""
        known, (*_, at) = place.find(owner.value, owner.at)
        if known is None:
            place.put(owner.value, value)
            *_, at = place.find(owner.value, owner.at)[1]
            self.places[at] = line, name
        elif known != value and is_right:
            what = f"{value!r} contradicts {known!r} in line {nearest_place(self.places, at)[0]}."
            _tell(self.problems, line, what, name, value)
        if not is_right:
            self.failed.add(at)

    def finish(self) -> Iterator[dict[str, Any]]:
        """The document, if all is right so far."""
        if not self.open:
            return
        for line, name, tag, text in self.counts:
            there = self.rows.total() if tag == "rows" else self.rows[tag]
            if text.lstrip("0") != (str(there) if there else ""):
                what = f"{text!r} rows{'' if tag == 'rows' else f' {tag}'} are stated, and {there} are there."
                _tell(self.problems, line, what, name, text)
        columns: dict[str, str] = {}
        for record in self.shape.records:
            columns |= {_plain(one.path.text): name for name, one in record.columns.items() if one.path}
            if record.required and not self.rows[record.tag]:
                _tell(self.problems, self.places[""][0], f"the document has no row {record.tag}.")

        def where(at: str) -> tuple[str, int | None]:
            line, name = nearest_place(self.places, at)
            return _where(line, name or columns.get(_plain(at), "")), line

        document = self.open[0].value
        found = [one for one in explain(document) if one.location.pointer not in self.failed]
        self.problems.model(found, where)
        if not self.problems.found:
            yield document


def _plain(text: str) -> str:
    """A path or pointer by its names alone: ``/lines/0/quantity`` and ``lines[].quantity`` are the same."""
    return re.sub(r"\[[^\]]*\]|(?<=/)\d+(/|$)", "", text.replace(".", "/")).strip("/")


# --- writing ---------------------------------------------------------------------------------------------


def write(
    shape: Shape, documents: Iterable[dict[str, Any]], tell: Callable[[Problem], None] = lambda _: None
) -> Iterator[bytes]:
    """Documents as rows, piece by piece.

    Args:
        tell: is given remarks: what of a document stands in no column.

    Raises:
        DocumentError: at the end; values that do not fit, with their JSON pointer and column.
    """
    problems = Problems("The documents cannot be written")
    if shape.encoding == "utf-8-sig":
        yield b"\xef\xbb\xbf"
    if shape.is_headed:
        yield _joined(shape, list(shape.records[0].columns))
    number = 0
    for number, document in enumerate(documents, 1):
        writing = _Writing(shape, problems, f"Document {number}")
        rows = list(writing.rows((), [(document, "")]))
        counts = Counter(record.tag for record, _ in rows)
        counts["rows"] = len(rows)
        yield from (writing.row(record, chain, counts) for record, chain in rows)
        if remark := writing.remark(document):
            tell(remark)
    if not number:
        raise DocumentError("There is no document to write.")
    problems.check()


Chain = list[tuple[Any, str]]
"""The document and the entries of lists around a row, each with its pointer."""


@dataclass(slots=True)
class _Writing:
    """A document that is written; ``used`` has the pointers of what stands in a column."""

    shape: Shape
    problems: Problems
    name: str
    used: set[str] = field(default_factory=set)

    def rows(self, scope: Scope, chain: Chain) -> Iterator[tuple[Record, Chain]]:
        """The rows of an object and of what is in it, in the order of the records."""
        owner, at = chain[-1]
        for place, constant in self.shape.fixed.items():
            value, (*_, where) = place.find(owner, at)
            if place.scope == scope and value is not None:
                self.used.add(where)
                if value != constant:
                    what = f"{value!r} is not {constant!r}, all that this shape knows."
                    self.problems.tell("SHAPE-VALUE", self.name, what, value, pointer=where)
        done: set[str] = set()
        for record in self.shape.records:
            if record.scope == scope:
                if record.within is None or record.required or self.says(record, chain):
                    yield record, chain
            elif record.scope[: len(scope)] == scope and (name := record.scope[len(scope)]) not in done:
                done.add(name)
                entries = owner.get(name) or ()
                for index, entry in enumerate(entries):
                    inner = entry, pointer(pointer(at, name), index)
                    yield from self.rows((*scope, name), [*chain, inner])
                if not entries and not record.tag:
                    yield record, chain

    def says(self, record: Record, chain: Chain) -> bool:
        """Whether there is a value for a row that only adds to another."""
        paths = [column.path for column in record.columns.values() if column.path]
        return not paths or any(path.find(*chain[len(path.scope)])[0] is not None for path in paths)

    def row(self, record: Record, chain: Chain, counts: Counter[str]) -> bytes:
        """One row; what does not fit is told and left empty."""
        line, cells = record.tag.ljust(self.shape.width), [record.tag] if record.tag else []
        for name, column in record.columns.items():
            value: Any = None if column.count is None else counts[column.count]
            at = ""
            if column.path and column.level < len(chain):
                value, pointers = column.path.find(*chain[column.level])
                at = pointers[-1]
                self.used.update(pointers if value is not None else ())
            try:
                text = write_cell(self.shape, column, value)
            except ValueError as error:
                where = f"{self.name}, column {name}"
                self.problems.tell("SHAPE-VALUE", where, f"{error}.", value, pointer=at)
                text = ""
            fill = str.rjust if column.align == "right" else str.ljust
            # Where there is no value it is not filled up with zeros.
            line += fill(text, column.length or 0, " " if value is None else column.pad)
            cells.append(text)
        if self.shape.shape == "fixed":
            cells = [line.rstrip(" ") if self.shape.trimmed else line]
        return _joined(self.shape, cells)

    def remark(self, document: dict[str, Any]) -> Problem | None:
        """What stands in no column and is not left out on purpose: also that a document is but a test."""
        ignored = {_plain(one) for one in (*_ENVELOPE, *self.shape.ignore)}

        def left(value: Any, at: str) -> Iterator[str]:
            name = _plain(at)
            if name in ignored or (name == "test" and value is False):
                return
            if isinstance(value, dict | list | tuple):
                for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                    yield from left(inner, pointer(at, key))
            elif at not in self.used:
                yield name.replace("/", ".")

        found = list(dict.fromkeys(left(document, "")))
        if not found:
            return None
        listed = ", ".join(found[:12]) + (f" and {len(found) - 12} more" if len(found) > 12 else "")
        code, message = "SHAPE-UNWRITTEN", f"{self.name}: no column takes {listed}."
        hint = EXPLANATIONS[code][1]
        return Problem(code, Severity.INFO, Level.ELEMENT, message, hint, fault=Fault.CONFIGURATION)


def _joined(shape: Shape, cells: list[str]) -> bytes:
    """A row with its line end, in the encoding of the file; what that lacks was told before."""
    special, quote = f"{shape.delimiter}{shape.quote}\r\n", shape.quote
    if shape.shape == "csv" and quote:
        cells = [
            f"{quote}{cell.replace(quote, quote * 2)}{quote}" if any(c in cell for c in special) else cell
            for cell in cells
        ]
    end = "\r\n" if shape.newline == "crlf" else "\n"
    return (shape.delimiter.join(cells) + end).encode(shape.encoding.removesuffix("-sig"), "replace")
