"""What can go wrong, as values and as exceptions.

A fault found in data is a :class:`Problem`: a value that is collected, shown, acknowledged and stored. An
exception, always an :class:`EdiError`, means that the caller cannot go on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a problem weighs: an error rejects, a warning is told, an info is a remark."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Level(StrEnum):
    """The part of an interchange a problem belongs to (X12.5, X12.6 control structure)."""

    FILE = "file"
    INTERCHANGE = "interchange"
    GROUP = "group"
    TRANSACTION_SET = "transaction_set"
    SEGMENT = "segment"
    ELEMENT = "element"


class Fault(StrEnum):
    """Whose move it is."""

    PARTNER = "partner"
    US = "us"
    CONFIGURATION = "configuration"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a problem is, in X12 terms and in bytes.

    Attributes:
        interchange, group, transaction_set: control numbers: ISA13, GS06, ST02.
        segment: position in the transaction set, ST = 1.
        segment_id: for example ``PO1``.
        element, component, repetition: positions in the segment, a composite, a repeating element, from 1.
        offset: bytes before it in the file, from 0.
        line: line of the file, from 1.
        pointer: JSON pointer (RFC 6901) into the document, where there is one.
        loop: path of the loops around the segment, for example ``PO1/N1``.
    """

    interchange: str | None = None
    group: str | None = None
    transaction_set: str | None = None
    segment: int | None = None
    segment_id: str | None = None
    element: int | None = None
    component: int | None = None
    repetition: int | None = None
    offset: int | None = None
    line: int | None = None
    pointer: str | None = None
    loop: str | None = None

    @property
    def address(self) -> str:
        """The X12 address, for example ``PO104`` or ``CTP05-1``; empty above segments."""
        if self.segment_id is None:
            return ""
        element = "" if self.element is None else f"{self.element:02d}"
        return self.segment_id + element + ("" if self.component is None else f"-{self.component}")

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: all keys, ``null`` where unknown."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Ack:
    """The codes with which an acknowledgment reports a problem.

    Attributes:
        ta1: TA105. ak3: AK304. ak4: AK403. ak5: AK502. ak9: AK905.
        ik: what a 999 says in the place of ak4, else of ak3: IK403 or IK304 for a rule that is none of the
            standard but of the guide alone.
    """

    ta1: str | None = None
    ak3: str | None = None
    ak4: str | None = None
    ak5: str | None = None
    ak9: str | None = None
    ik: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """The JSON form, of the codes of TA1 and 997: ``null`` where the problem has no such code."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "ik"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in data: what, where, the value, whose move it is and what to do.

    Attributes:
        code: stable name, explained by ``edigw explain CODE``.
        message: one sentence for a person.
        hint: what to do about it.
        value: the offending text, shortened to 200 characters.
        data_element: X12 data element number of the element, for AK402.
    """

    code: str
    severity: Severity
    level: Level
    message: str
    hint: str = ""
    value: str | None = None
    location: Location = field(default_factory=Location)
    ack: Ack = field(default_factory=Ack)
    fault: Fault = Fault.PARTNER
    data_element: str | None = None

    def at(self, **changes: Any) -> Problem:
        """The same problem with parts of its location filled in."""
        return replace(self, location=replace(self.location, **changes))

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def to_dict(self) -> dict[str, Any]:
        """The JSON form used by every command and by the REST interface."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "level": self.level.value,
            "message": self.message,
            "hint": self.hint,
            "value": self.value,
            "location": self.location.to_dict(),
            "ack": self.ack.to_dict(),
            "fault": self.fault.value,
        }


class EdiError(Exception):
    """An error without a name of its own; its message says more.

    Args:
        message: one sentence for a person.
        code: stable name, explained by ``edigw explain CODE``.
        problems: everything found, where more than one thing is wrong.

    Attributes:
        hint: what to do about an error of this class.
    """

    code = "EDIGW-ERROR"
    hint = "Read the message."

    def __init__(self, message: str, *, code: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems
        if code is not None:
            self.code = code


class ConfigurationError(EdiError):
    """A setting, a guide, a mapping or a partner file is wrong; the message names the file and the key."""

    code = "CONFIG"
    hint = "Correct the file; `edigw` checks all of them before it does anything."


class GuideError(ConfigurationError):
    """A guide (schemas/x12/...) cannot be read or contradicts itself."""

    code = "GUIDE"
    hint = "Correct the guide, or remove it so that the one that came with edigw is used."


class MappingError(ConfigurationError):
    """A mapping (mappings/x12/...) cannot be read or does not fit its guide."""

    code = "MAPPING"
    hint = "Run `edigw map check`, which names every fault with its line."


class DocumentError(EdiError):
    """A document cannot be written as X12; each reason is told with its place in the document."""

    code = "DOCUMENT"
    hint = "Correct the fields that are named."


class NotFoundError(EdiError):
    """What was asked for does not exist."""

    code = "NOT-FOUND"
    hint = "Check the name."


class RefusedError(EdiError):
    """The state of a message, or an earlier one like it, forbids the action. Nothing was changed."""

    code = "REFUSED"
    hint = "Read the reason; what was sent once is not sent again in silence."


class TooLongError(EdiError):
    """What somebody tries takes more time or memory than a try may have. Nothing was changed."""

    code = "TOO-LONG"
    hint = "Try it with less at once, or by `edigw`, which takes the time it needs."


class LogInError(EdiError):
    """Whoever asks is not known, or may not log in now.

    Attributes:
        seconds: how long no further attempt counts; 0 for at once.
    """

    code = "LOG-IN"
    hint = "Check name and password, or ask an administrator for a new password."
    seconds = 0


class ForbiddenError(EdiError):
    """Whoever asks may not do that, or not for this partner. Nothing was changed."""

    code = "FORBIDDEN"
    hint = "An administrator can give you the role."


class TransportError(EdiError):
    """The other side or the network failed."""

    code = "TRANSPORT"
    hint = "Try again; if it stays, ask whom it belongs to."
