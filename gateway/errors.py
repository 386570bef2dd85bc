"""What can go wrong, as values and as exceptions.

A fault found in data is a :class:`Problem`: a value that is collected, shown, acknowledged and stored.
An exception means that the caller cannot go on::

    EdiError
    ├── ConfigurationError      something of ours is wrong: a setting, a guide, a mapping, a partner file
    │   ├── GuideError
    │   └── MappingError
    ├── DocumentError           a document cannot be written as X12; carries all problems
    ├── NotFoundError
    ├── RefusedError            the state or a duplicate forbids it
    ├── TransportError          the other side or the network failed; try again
    └── InternalError           a broken promise of ours; please report it
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
        interchange: ISA13 of the interchange.
        group: GS06 of the functional group.
        transaction_set: ST02 of the transaction set.
        segment: position in the transaction set, ST = 1.
        segment_id: for example ``PO1``.
        element: position of the element in the segment, from 1.
        component: position in a composite element, from 1.
        repetition: occurrence of a repeating element, from 1.
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
        ta1: TA105 interchange note code.
        ak3: AK304 segment syntax error code.
        ak4: AK403 data element syntax error code.
        ak5: AK502 transaction set syntax error code.
        ak9: AK905 functional group syntax error code.
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
    """Base of all errors of this package.

    Args:
        message: one sentence for a person.
        code: stable name, explained by ``edigw explain CODE``.
        problems: everything found, where more than one thing is wrong.
    """

    code = "EDIGW-ERROR"

    def __init__(self, message: str, *, code: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems
        if code is not None:
            self.code = code


class ConfigurationError(EdiError):
    """A setting, guide, mapping or partner file of ours is wrong."""

    code = "CONFIG"


class GuideError(ConfigurationError):
    """A guide cannot be read or contradicts itself."""

    code = "GUIDE"


class MappingError(ConfigurationError):
    """A mapping cannot be read or does not fit its guide."""

    code = "MAPPING"


class DocumentError(EdiError):
    """A document cannot be written as X12; ``problems`` holds every reason."""

    code = "DOCUMENT"


class NotFoundError(EdiError):
    """What was asked for does not exist."""

    code = "NOT-FOUND"


class RefusedError(EdiError):
    """The state of a message, or an earlier one like it, forbids the action."""

    code = "REFUSED"


class TransportError(EdiError):
    """The other side or the network failed; trying again may help."""

    code = "TRANSPORT"


class InternalError(EdiError):
    """A promise of this software is broken. Please report it with the input."""

    code = "INTERNAL"
