"""The engine as functions: check, read and write X12 with the guides and mappings that are installed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gateway import resources
from gateway.errors import ConfigurationError, DocumentError, NotFoundError, Problem
from gateway.mapping.library import Library
from gateway.x12.envelope import Event, InterchangeAcknowledgment, InterchangeHeader, TransactionSet
from gateway.x12.parser import Parser
from gateway.x12.report import Tally, report

if TYPE_CHECKING:
    from gateway.shapes.model import Shape
    from gateway.x12.writer import Envelope

CHUNK = 64 * 1024
"""Bytes read at a time; larger chunks are no faster."""

Source = bytes | Path | BinaryIO
"""What can be read: the bytes themselves, a file by its path, or an open binary file."""


@lru_cache(maxsize=8)
def library(overrides: tuple[Path, ...] = (), edition: str = "") -> Library:
    """The guides and mappings that are installed, compiled once in a process.

    Args:
        overrides: directories searched first, for example those of a home.
        edition: what their content is known by, where it may change while the process lives: then it is read
            now, and what becomes of the files later does not matter.
    """
    kept = {
        f"{folder.name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for folder in reversed(overrides if edition else ())
        for path in folder.rglob("*")
        if path.is_file()
    }

    def load(relative: str) -> bytes:
        found = kept.get(relative)
        return resources.find(relative, () if edition else overrides).read_bytes() if found is None else found

    return Library(load)


def shape(name: str, overrides: tuple[Path, ...] = ()) -> Shape:
    """The shape of that name in ``mappings/erp``, or in a file (``.yaml``).

    Args:
        overrides: directories searched first, for example ``mappings`` of a home.

    Raises:
        ConfigurationError: the file is wrong; ``problems`` holds everything that is.
        NotFoundError: there is no such shape.
    """
    from gateway.shapes.model import parse_shape

    path = Path(name)
    if path.suffix != ".yaml":
        path = resources.find(f"mappings/erp/{name}.yaml", overrides)
    try:
        found = parse_shape(path.read_text("utf-8"), path.name)
        if found.shape != "xslt":
            return found
        named = {key: getattr(found, key) for key in ("read", "write", "schema_text")}
        beside = {key: path.with_name(file).read_text("utf-8") for key, file in named.items() if file}
        return found.model_copy(update=beside)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise NotFoundError(
            f"There is no shape {name}."
            if missing == path.name
            else f"The shape {name} needs {missing} beside it."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"The shape {name} is not UTF-8.", code="SHAPE") from None


def read_shape(shape: Shape, source: BinaryIO) -> Iterator[dict[str, Any]]:
    """The documents of a file of a shape; none after one that is wrong, and then DocumentError at the end."""
    if shape.shape == "xslt":
        from gateway.shapes import xslt

        return xslt.read(shape, source)
    if shape.shape == "jsonata":
        from gateway.shapes import jsonata

        return jsonata.read(shape, json_values(source))
    from gateway.shapes import columns

    return columns.read(shape, source)


def write_shape(
    shape: Shape, documents: Iterable[dict[str, Any]], tell: Callable[[Problem], None] = lambda _: None
) -> Iterator[bytes]:
    """Documents as a file of a shape, piece by piece; ``tell`` is given what stands in no column.

    Raises:
        DocumentError: at the end, with everything that cannot be written.
    """
    if shape.shape == "xslt":
        from gateway.shapes import xslt

        return xslt.write(shape, documents)
    if shape.shape == "jsonata":
        from orjson import dumps

        from gateway.shapes import jsonata

        return (dumps(one) + b"\n" for one in jsonata.write(shape, documents))
    from gateway.shapes import columns

    return columns.write(shape, documents, tell)


def read_bodies(
    source: BinaryIO, guides: Library | None = None, tell: Callable[[Problem], None] = lambda _: None
) -> Iterator[dict[str, Any]]:
    """The documents of a request or answer of the SP-API; ``tell`` is given what is odd in it.

    Raises:
        DocumentError: it is none, or at the end, if a document is not right.
    """
    from gateway.mapping.body import decode
    from gateway.sp_api import kind_of, read_body

    try:
        body = decode(source.read())
    except ValueError as error:
        raise DocumentError(f"The input is not JSON: {error}.") from None
    kind = kind_of(body)
    if not kind:
        raise DocumentError("The input is no body of the SP-API that is known.", code="BODY-KIND")
    found = read_body(kind, body, guides or library())
    for remark in found.problems:
        if not remark.is_error:
            tell(remark)
    yield from found.documents
    if wrong := tuple(one for one in found.problems if one.is_error):
        raise DocumentError("The body is not right.", problems=wrong)


def write_bodies(
    documents: Iterable[dict[str, Any]],
    guides: Library | None = None,
    tell: Callable[[Problem], None] = lambda _: None,
) -> Iterator[bytes]:
    """Documents as requests to the SP-API, one on a line; ``tell`` is given what is not sent.

    Raises:
        DocumentError: at the end, with everything for which one may not be sent.
        NotFoundError: no body carries a document.
    """
    from gateway.mapping.body import encode
    from gateway.sp_api import write_body

    wrong: list[Problem] = []
    for document in documents:
        written = write_body(document, guides or library())
        for one in written.problems:
            wrong.append(one) if one.is_error else tell(one)
        yield encode(written.body).encode() + b"\n"
    if wrong:
        raise DocumentError("The documents cannot be sent.", problems=tuple(wrong))


def json_values(source: BinaryIO) -> Iterator[Any]:
    """The values of JSON lines, one by one; those of a JSON list, or a single one, at once.

    Raises:
        DocumentError: there is something that is not JSON; what stood before it was given.
    """
    from orjson import JSONDecodeError, loads

    first = True
    for number, line in enumerate(source, 1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        try:
            value = loads(text)
        except JSONDecodeError as error:
            if not first:
                raise DocumentError(f"Line {number} of the input is not JSON: {error}.") from None
            try:
                value = loads(text + b"\n" + source.read())
            except JSONDecodeError as whole:
                raise DocumentError(f"The input is not JSON: {whole}.") from None
        first = False
        yield from value if isinstance(value, list) else (value,)


def read(
    source: Source,
    *,
    documents: bool = True,
    guides: Library | None = None,
    profile_of: Callable[[InterchangeHeader], str] | None = None,
) -> Iterator[Event]:
    """The events of an X12 file, each as soon as it is complete; one transaction set in memory at a time.

    Args:
        source: bytes, a path or an open binary file.
        documents: make the internal document of each accepted set.
        guides: another library than the installed one.
        profile_of: the partner whose guidelines and mappings hold for an interchange, empty for none.

    Raises:
        OSError: the file cannot be read. Bad data never raises.
    """
    base = guides or library()

    def guides_of(header: InterchangeHeader) -> Library:
        return base.of(profile_of(header)) if profile_of is not None else base

    parser = Parser(base, documents=documents, guides_of=guides_of)
    data = io.BytesIO(source) if isinstance(source, bytes) else source
    with data.open("rb") if isinstance(data, Path) else nullcontext(data) as file:
        while chunk := file.read(CHUNK):
            yield from parser.feed(chunk)
        yield from parser.close()


def validate(source: Source, *, path: str = "-", guides: Library | None = None) -> dict[str, Any]:
    """Checks a file and reports on it, as ``edigw x12 validate --json`` does in an entry of ``files``.

    Args:
        path: the name under which the report shows the file.
    """
    from orjson import loads

    events = read(source, documents=False, guides=guides)
    found: dict[str, Any] = loads(b"".join(report(path, events, Tally(), io.BytesIO(), {})))
    return found


def translate(source: Source, *, guides: Library | None = None) -> Iterator[dict[str, Any]]:
    """The documents of all accepted transaction sets of a file; problems are not told, see :func:`read`."""
    for event in read(source, guides=guides):
        if isinstance(event, TransactionSet | InterchangeAcknowledgment) and event.document is not None:
            yield event.document


def write(
    documents: dict[str, Any] | Iterable[dict[str, Any]],
    *,
    envelope: Envelope | None = None,
    guides: Library | None = None,
    now: datetime | None = None,
) -> bytes:
    """Documents as X12: one interchange, or several one after another where the documents name several.

    Args:
        documents: one document or several. Those of one type that say the same about sender, receiver and
            control numbers go into one functional group, in their order.
        envelope: what to write around them; without it the ``control`` of each document says it, and missing
            control numbers begin at 1.
        guides: another library than the installed one.
        now: date and time of the envelope where ``envelope`` is not given; by default the clock.

    Raises:
        DocumentError: a document cannot be written; ``problems`` holds every reason of all of them.
        NotFoundError: there is no mapping for a document.
    """
    return b"".join(written(documents, envelope=envelope, guides=guides, now=now))


def explain(document: dict[str, Any], *, guides: Library | None = None) -> tuple[Problem, ...]:
    """Everything that is wrong with a document that is to be written, with JSON pointer and X12 address."""
    from gateway.documents import validation
    from gateway.mapping.writer import is_technical

    control = document.get("control")
    named = control.get("version") if isinstance(control, dict) else None
    version = "" if is_technical(document) else str(named or "004010")
    try:
        plan = (guides or library()).mapping_for(str(document.get("document_type")), version)
    except NotFoundError:
        return validation.explain(document)
    return validation.explain(document, plan.addresses)


def written(
    documents: dict[str, Any] | Iterable[dict[str, Any]],
    *,
    envelope: Envelope | None = None,
    guides: Library | None = None,
    now: datetime | None = None,
    checked: bool = False,
) -> Iterator[bytes]:
    """As :func:`write`, piece by piece, one document in memory at a time.

    If it raises, which may be at the end, the pieces before are of no use.

    Args:
        checked: hold documents against their models as well. What was written and read back the same is
            right: so the model, which costs more than all the rest, is asked only of what cannot be written,
            and of fields that are not written.
    """
    # Reading starts without it.
    from gateway.documents import document_types
    from gateway.mapping.writer import envelope_of, is_technical, write_interchange

    moment = now or datetime.now().astimezone()
    problems: list[Problem] = []

    def explained(document: dict[str, Any]) -> tuple[Problem, ...]:
        known = document.get("document_type") in (None, *document_types())
        return explain(document, guides=guides) if checked and known else ()

    def addressed() -> Iterator[tuple[Envelope, str, dict[str, Any]]]:
        listed = [documents] if isinstance(documents, dict) else documents
        for number, document in enumerate(listed, 1):
            name = "" if isinstance(documents, dict) else f"Document {number}: "
            wrong = explained(document) if checked and not _is_plain(document) else ()
            if not wrong:
                try:
                    around = envelope or envelope_of(document, moment)
                except DocumentError as error:
                    wrong = error.problems
            if wrong:
                problems.extend(replace(one, message=name + one.message) for one in wrong)
                continue
            yield replace(around, release="") if is_technical(document) else around, name, document

    def together(one: tuple[Envelope, str, dict[str, Any]]) -> object:
        """What is the same for documents of one interchange; only the numbers of their sets differ."""
        return envelope or (replace(one[0], control_set=1), one[2].get("document_type"))

    first = None
    for _, members in groupby(addressed(), together):
        first = next(members)
        named = ((name, document) for _, name, document in chain((first,), members))
        yield from write_interchange(named, first[0], guides or library(), problems, explained)
    if problems:
        raise DocumentError("The documents cannot be written.", problems=tuple(problems))
    if first is None:
        raise DocumentError("There is no document to write.")


_UNWRITTEN = {"document_id", "partner_id", "channel", "raw"}
_CONTROL = {
    "interchange", "group", "transaction", "version", "implementation", "sender", "receiver", "group_sender",
    "group_receiver",
}  # fmt: skip


def _is_plain(document: dict[str, Any]) -> bool:
    """Whether all values are filled texts, counts and answers, and the fields that no mapping writes right.

    For such a document writing and reading back is check enough; it does not see, say, an empty list.
    """
    control = document.get("control", {})
    if not isinstance(control, dict) or control.keys() - _CONTROL or document.keys() & _UNWRITTEN:
        return False
    texts = []
    for name, value in control.items():
        if name not in ("sender", "receiver"):
            texts.append(value)
        elif isinstance(value, dict) and "id" in value and value.keys() <= {"id", "qualifier"}:
            texts += value.values()
        else:
            return False
    if document.get("schema_version") != "1" or not isinstance(document.get("test", False), bool):
        return False
    others = (value for name, value in document.items() if name not in ("test", "control"))
    return all(isinstance(text, str) and text for text in texts) and all(map(_is_filled, others))


def _is_filled(value: Any) -> bool:
    kind = value.__class__
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return value != "" if kind is str else kind is bool or (kind is int and value >= 0)
    return bool(value) and all(map(_is_filled, value))
