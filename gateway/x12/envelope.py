"""What a reader of X12 tells: interchanges, functional groups, transaction sets, in the order of the file.

Each event has ``problems``; what is wrong with a header stands in those of its trailer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from gateway.errors import Problem
from gateway.x12.delimiters import Delimiters


class Verdict(StrEnum):
    """The outcome for a file, interchange, group or transaction set."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_ERRORS = "accepted_with_errors"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class PartyId:
    """Qualifier and identifier of an interchange's sender or receiver, without padding."""

    qualifier: str
    id: str

    def to_dict(self) -> dict[str, str]:
        return {"qualifier": self.qualifier, "id": self.id}


@dataclass(frozen=True, slots=True)
class InterchangeHeader:
    """An ISA segment. All fields are empty for sets that came without one.

    Attributes:
        version: ISA12. usage: ISA15, ``P`` or ``T``. date: ISA09, YYMMDD. time: ISA10, HHMM.
        elements: ``("ISA", ISA01, …)`` as they stand in the file. offset: bytes before them.
    """

    control_number: str
    sender: PartyId
    receiver: PartyId
    version: str
    usage: str
    date: str
    time: str
    ack_requested: bool
    delimiters: Delimiters
    elements: tuple[str, ...]
    offset: int
    problems: ClassVar[tuple[Problem, ...]] = ()


@dataclass(frozen=True, slots=True)
class GroupHeader:
    """A GS segment; ``version`` is GS08, ``agency`` GS07, ``date`` CCYYMMDD."""

    functional_id: str
    sender: str
    receiver: str
    date: str
    time: str
    control_number: str
    agency: str
    version: str
    elements: tuple[str, ...]
    offset: int
    interchange: InterchangeHeader
    problems: ClassVar[tuple[Problem, ...]] = ()


@dataclass(frozen=True, slots=True)
class TransactionSet:
    """One transaction set, checked.

    Attributes:
        set_id: ST01. control_number: ST02. segments: how many, ST and SE included.
        guide: name of the guide it was checked with, None without one.
        document: the internal document, where documents were asked for and no error was found.
        text: the set as it stands in the file (Latin-1), without the last terminator.
        group: None outside of one. implementation: ST03, the guide it follows; empty before 005010.
    """

    set_id: str
    control_number: str
    segments: int
    guide: str | None
    verdict: Verdict
    problems: tuple[Problem, ...]
    document: dict[str, Any] | None
    text: str
    offset: int
    line: int
    group: GroupHeader | None
    interchange: InterchangeHeader
    implementation: str = ""


@dataclass(frozen=True, slots=True)
class GroupTrailer:
    """The end of a functional group: what was declared (GE01), received and accepted."""

    header: GroupHeader
    verdict: Verdict
    problems: tuple[Problem, ...]
    declared: int | None
    received: int
    accepted: int


@dataclass(frozen=True, slots=True)
class InterchangeAcknowledgment:
    """A TA1 segment: ``("TA1", TA101, …)``, what is wrong with it and, where asked for, its document."""

    elements: tuple[str, ...]
    offset: int
    interchange: InterchangeHeader
    problems: tuple[Problem, ...] = ()
    document: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class InterchangeTrailer:
    """The end of an interchange; ``groups`` counts its functional groups."""

    header: InterchangeHeader
    verdict: Verdict
    problems: tuple[Problem, ...]
    groups: int


@dataclass(frozen=True, slots=True)
class FileProblem:
    """Something to be said about the file itself."""

    problem: Problem

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (self.problem,)


Event = (
    InterchangeHeader
    | GroupHeader
    | TransactionSet
    | GroupTrailer
    | InterchangeAcknowledgment
    | InterchangeTrailer
    | FileProblem
)
