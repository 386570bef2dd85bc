"""Files of our own system: by which channel and form a document goes, and by which form a file is read.

Both rules are alike: the first that takes it, in the order of the settings. A document goes to the first
channel that has a form for its type; a file is read by the first form of its channel whose ``files`` matches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, Self, get_args

import orjson

from gateway import engine
from gateway.documents import KINDS
from gateway.errors import ConfigurationError, DocumentError, Fault, NotFoundError, Problem
from gateway.gateway_settings import Erp, ErpChannel, ErpForm
from gateway.mapping.library import Library
from gateway.partners.partner import Partners
from gateway.services.problems import problem
from gateway.shapes.model import Encoding, Shape
from gateway.transports.folder import harmless
from gateway.x12.envelope import InterchangeHeader, TransactionSet, Verdict
from gateway.x12.rewrite import alone

ANSWERS = "functional_acknowledgment"
"""The type that is no business of the ERP: the gateway itself acknowledges what comes."""

MADE = "made"
"""The way of a document that was made here by a command, in place of our own system: JSON in any channel."""

_ENDS = {"csv": "csv", "fixed": "txt", "jsonata": "json", "xslt": "xml", "x12": "edi"}


@dataclass(frozen=True, slots=True)
class FileForm:
    """A form of files in a channel; ``shape`` is that of a shape file, None for what needs none."""

    channel: ErpChannel
    rule: ErpForm
    shape: Shape | None

    @property
    def is_sure(self) -> bool:
        """Whether any document can be written so."""
        return self.shape is None and self.rule.shape != "xml"

    def takes(self, kind: str, way: str) -> bool:
        """Whether documents of a type can be in such files; ``way`` is ``read`` or ``write``."""
        if self.shape and self.shape.shape in ("jsonata", "xslt") and not getattr(self.shape, way):
            return False
        own = (self.shape.document,) if self.shape and self.shape.document else ()
        return kind != ANSWERS and kind in (self.rule.documents or own or KINDS)

    def write(
        self, document: dict[str, Any], received: TransactionSet | None, tell: Callable[[Problem], None]
    ) -> bytes | None:
        """The file of a document; None for what is kept already: this gateway's JSON, or X12 written before.

        Args:
            received: what it was read from, for X12 as it came; None for one whose file was written before.

        Raises:
            DocumentError: it cannot be written so; ``problems`` says why.
        """
        if self.shape:
            return b"".join(engine.write_shape(self.shape, [document], tell))
        if self.rule.shape == "xml":
            from gateway.shapes import xml

            return b"".join(xml.write([document]))
        return alone(received).encode("latin-1") if received and self.rule.shape == "x12" else None

    def name(self, document: dict[str, Any], now: datetime, counter: Callable[[], int]) -> str:
        """The name of the file of a document."""
        kind = str(document["document_type"])
        end = _ENDS.get(self.shape.shape if self.shape else self.rule.shape, self.rule.shape)
        values: dict[str, Callable[[], object]] = {
            "number": lambda: (
                document.get(KINDS[kind].number) or document.get("control", {}).get("transaction")
            ),
            "partner": lambda: document["partner_id"],
            "id": lambda: str(document["document_id"])[:8],
            "date": lambda: f"{now:%Y%m%d}",
            "time": lambda: f"{now:%H%M%S}",
            "counter": counter,
        }

        def value(found: re.Match[str]) -> str:
            said = values[found[1]]() if found[1] in values else document.get(found[1])
            return "" if said is None else str(said)

        wanted = self.rule.name or f"{{document_type}}_{{number}}_{{id}}.{end}"
        return harmless(re.sub(r"\{(\w+)\}", value, wanted))

    def read(self, file: BinaryIO, guides: Library, partners: Partners) -> list[dict[str, Any]]:
        """The documents in a file.

        Raises:
            DocumentError: something is wrong, as ``problems`` say; nothing of it is to be sent.
        """
        if self.shape:
            found = list(engine.read_shape(self.shape, file))
        elif self.rule.shape == "xml":
            from gateway.shapes import xml

            found = list(xml.read(file))
        else:
            found = list(_sets(file, guides, partners) if self.rule.shape == "x12" else _json(file))
        for number, document in enumerate(found, 1):
            kind = document.get("document_type")
            if not self.takes(str(kind), "read"):
                which = f"document {number} of the file: " if len(found) > 1 else ""
                known = ", ".join(one for one in KINDS if self.takes(one, "read"))
                what = (
                    f"document_type is {kind!r}; this form takes {known}"
                    if kind
                    else "it has no document_type"
                )
                value = None if kind is None else str(kind)
                raise _wrong(problem("HOME-NOT-A-DOCUMENT", what=which + what, value=value))
            control = document.get("control")
            told = {"partner", "partner_id"} & document.keys() or (
                isinstance(control, dict) and "receiver" in control
            )
            if self.channel.partner and not told:
                document["partner_id"] = self.channel.partner
        return found


def _wrong(*problems: Problem) -> DocumentError:
    return DocumentError("The file cannot be used.", problems=problems)


def _json(file: BinaryIO) -> Iterator[dict[str, Any]]:
    try:
        found = orjson.loads(file.read())
    except orjson.JSONDecodeError as error:
        raise _wrong(problem("HOME-NOT-JSON", what=str(error))) from None
    listed = found if isinstance(found, list) and found else [found]
    for one in listed:
        if not isinstance(one, dict):
            raise _wrong(problem("HOME-NOT-A-DOCUMENT", what="it is not an object in braces"))
        yield one


def _sets(file: BinaryIO, guides: Library, partners: Partners) -> Iterator[dict[str, Any]]:
    """The documents of the transaction sets of our own system, which say to whom they go."""

    def profile_of(header: InterchangeHeader) -> str:
        partner = partners.by_party.get(header.receiver)
        return partner.overlay if partner else ""

    wrong: list[Problem] = []
    number = 0
    for event in engine.read(file, guides=guides, profile_of=profile_of):
        wrong += (replace(one, fault=Fault.US) for one in event.problems if one.is_error)
        if not isinstance(event, TransactionSet):
            continue
        number += 1
        if event.document is not None:
            yield event.document
        elif event.verdict is not Verdict.REJECTED:
            version = event.group.version if event.group else ""
            wrong.append(problem("HOME-NO-DOCUMENT", value=event.set_id, set=event.set_id, version=version))
    if wrong or not number:
        raise _wrong(*(wrong or [problem("HOME-NOT-A-DOCUMENT", what="it holds no transaction set")]))


@dataclass(frozen=True, slots=True)
class Forms:
    """All channels and forms of our own system, in the order of the settings."""

    channels: dict[str, ErpChannel]
    forms: tuple[FileForm, ...] = ()

    @classmethod
    def load(cls, erp: Erp, overrides: tuple[Path, ...] = ()) -> Self:
        """With their shape files.

        Raises:
            ConfigurationError: shape files are wrong or missing; ``problems`` says all that is.
        """
        found: list[FileForm] = []
        problems: list[Problem] = []
        for channel in erp.channels:
            for rule in channel.forms:
                try:
                    found.append(FileForm(channel, rule, _shape(rule, overrides)))
                except (ConfigurationError, NotFoundError) as error:
                    known = error.problems or (
                        problem("HOME-NO-SHAPE", channel=channel.channel, what=str(error)),
                    )
                    problems += known
        if problems:
            raise ConfigurationError("The forms of the ERP's files are not usable.", problems=tuple(problems))
        return cls({one.channel: one for one in erp.channels}, tuple(found))

    def outlet(self, kind: str, test: bool) -> FileForm | None:
        """Where a document for our own system goes, and how; a test to a channel for tests if it can."""
        for wanted in (True, False) if test else (False,):
            for one in self.forms:
                channel = one.channel
                is_open = channel.direction != "from_erp" and channel.test == wanted
                if is_open and one.takes(kind, "write"):
                    return one
        return None

    def inlet(self, channel: str, file: str) -> FileForm | None:
        """How a file of our own system is read."""
        for one in self.forms:
            if one.channel.channel == channel and one.channel.direction != "to_erp":
                readable = any(one.takes(kind, "read") for kind in KINDS)
                if readable and fnmatchcase(file.lower(), one.rule.files.lower()):
                    return one
        return None

    def made(self, channel: str) -> FileForm:
        """How a document is read that was made here."""
        return FileForm(self.channels[channel], ErpForm(), None)


def _shape(rule: ErpForm, overrides: tuple[Path, ...]) -> Shape | None:
    if rule.encoding and (rule.shape in ("json", "xml", "x12") or rule.encoding not in get_args(Encoding)):
        known = ", ".join(get_args(Encoding))
        raise ConfigurationError(f"encoding {rule.encoding!r}: for shape files, of {known}.", code="SHAPE")
    if rule.shape in ("json", "xml", "x12"):
        return None
    found = engine.shape(rule.shape, overrides)
    return found.model_copy(update={"encoding": rule.encoding}) if rule.encoding else found
