"""Tests that stand beside a mapping in ``<mapping>.test.yaml``: what goes in, and what must come out.

A file holds ``tests``, a list of ``{name, input, expected}``. The input is a document, or X12 text: a
transaction set (with or without its ST and SE) or a whole interchange. Expected is a document, X12 text, or
``problems`` with a list of codes. Which way the mapping is used follows from the two: X12 to X12 is there and
back again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from gateway.errors import DocumentError, MappingError, Problem, Severity
from gateway.mapping.library import SCHEMA_VERSION, Library
from gateway.mapping.reader import Origin, trace
from gateway.mapping.statement import MAX_LENGTH
from gateway.mapping.writer import body, differences, write_set
from gateway.x12.diagnose import diagnose
from gateway.x12.envelope import PartyId, TransactionSet
from gateway.x12.parser import GROUP_OF_SET, Parser
from gateway.x12.source import source_of
from gateway.x12.writer import Envelope, interchange

Side = dict[str, Any] | str
"""A document, X12 text, or ``{"problems": [...]}``."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One test of a mapping."""

    name: str
    input: Side
    expected: Side


@dataclass(frozen=True, slots=True)
class Difference:
    """Where something else came out: a JSON pointer or a segment, and both values; None for nothing."""

    place: str
    expected: str | None
    found: str | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def parse_trials(text: bytes) -> list[Trial]:
    """Reads a file of tests.

    Texts are texts, also where they look like a date or a number with a point; ``true`` and whole numbers
    without leading zeros are not.

    Raises:
        MappingError: the file is not such a list.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as PyYAML has it

    for kind, pattern in (("bool", "(true|false)$"), ("int", "(0|[1-9][0-9]*)$")):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list("tf0123456789"))
    try:
        rows = yaml.load(text.decode("utf-8-sig")[:MAX_LENGTH], Loader)  # nosec B506  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise MappingError(f"The tests are not YAML: {' '.join(str(error).split())}") from None
    listed = rows.get("tests") if isinstance(rows, dict) else None
    trials = []
    for number, row in enumerate(listed if isinstance(listed, list) else [None], 1):
        if not isinstance(row, dict) or row.keys() != {"name", "input", "expected"}:
            raise MappingError("'tests:' with a list of objects of name, input and expected is needed.")
        if not all(isinstance(row[side], dict | str) for side in ("input", "expected")):
            raise MappingError(f"Test {number}: input and expected are a document or X12 text.")
        trials.append(Trial(str(row["name"]), row["input"], row["expected"]))
    return trials


def run_trial(trial: Trial, library: Library, guide: str, document_type: str) -> list[Difference]:
    """The differences from what is expected; the mapping has a guide such as ``x12/004010/850``."""
    _, release, set_id = guide.split("/")
    expected, around = trial.expected, replace(_ENVELOPE, release=release)
    document, segments, problems = None, list[str](), list[Problem]()

    def write(given: dict[str, Any]) -> list[str]:
        engine = library.engine(release, set_id, documents=True)
        assert engine is not None
        return write_set(engine, given, around.delimiters)

    try:
        text = trial.input
        if isinstance(text, dict):
            segments = write({"document_type": document_type, "schema_version": SCHEMA_VERSION} | text)
            text = "~".join(segments)
        document, problems = _read(text, library, set_id, around)
        if document is not None and isinstance(trial.input, str) and isinstance(expected, str):
            segments = write(document)
    except DocumentError as error:
        document, problems = None, list(error.problems)
    if isinstance(expected, dict) and expected.keys() == {"problems"}:
        codes = [one.code for one in problems if one.severity is not Severity.INFO]
        return _compared(sorted(expected["problems"] or ()), sorted(codes), "/problems")
    if document is None:
        refused = " ".join(f"{one.code}: {one.message}" for one in problems if one.is_error)
        return [Difference("", None, f"nothing: {refused or 'there is no transaction set'}")]
    if isinstance(expected, dict):
        return _compared(body(expected), body(document))
    return list(_segments([one.rstrip("*") for one in _body(expected)], segments))


_ENVELOPE = Envelope(
    PartyId("ZZ", "SENDER"), PartyId("ZZ", "RECEIVER"), "SENDER", "RECEIVER", date="20260101", time="0000"
)

DELIMITERS = _ENVELOPE.delimiters
"""Of what is written here."""


def _read(
    text: str, library: Library, set_id: str, around: Envelope
) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The document of the first transaction set, and everything that is told."""
    if not text.lstrip().startswith("ISA"):
        text = enveloped(text, f"x12/{around.release}/{set_id}")
    parser = Parser(library, documents=True)
    events = [*parser.feed(text.encode("latin-1", "replace")), *parser.close()]
    problems = [problem for event in events for problem in getattr(event, "problems", ())]
    found = (one.document for one in events if isinstance(one, TransactionSet) and one.document is not None)
    document = next(found, None)
    return document and json.loads(json.dumps(document)), problems


def enveloped(text: str, guide: str) -> str:
    """A transaction set, with or without its ST and SE, as an interchange."""
    _, release, set_id = guide.split("/")
    around = replace(_ENVELOPE, release=release)
    return "".join(interchange(around, GROUP_OF_SET.get(set_id, ""), [(set_id, _body(text))]))


def _body(text: str) -> list[str]:
    """The segments between ST and SE; they end with ``~``, or with the line where there is none."""
    segments = [segment.strip() for segment in (text.split("~") if "~" in text else text.splitlines())]
    return [segment for segment in segments if segment and segment.partition("*")[0] not in ("ST", "SE")]


def _compared(expected: Any, found: Any, place: str = "") -> list[Difference]:
    differing = differences(expected, found, place)
    return [Difference(pointer, _json(one), _json(other)) for pointer, one, other in differing]


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _segments(expected: list[str], found: list[str]) -> Iterator[Difference]:
    """Differing segments, by the place of what was found; ST is 1."""
    for kind, first, last, at, end in SequenceMatcher(None, expected, found, autojunk=False).get_opcodes():
        if kind != "equal":
            wanted, there = (
                " ".join(f"{one}~" for one in listed) for listed in (expected[first:last], found[at:end])
            )
            yield Difference(f"segment {at + 2}", wanted or None, there or None)


def origins(event: TransactionSet, library: Library) -> tuple[list[Origin], str]:
    """The origins of a set's values, or why it has none."""
    plan = library.plan(event.group.version if event.group else "", event.set_id)
    if event.guide is None:
        return [], "there is no guide for it"
    if any(problem.is_error for problem in event.problems):
        return [], "it has errors and is not translated; `edigw x12 validate` shows them"
    if plan is None:
        return [], "there is no mapping for it"
    delimiters = event.interchange.delimiters
    steps = diagnose(plan.table, source_of(event).segments, delimiters).steps
    return trace(plan, steps, delimiters)[1], ""
