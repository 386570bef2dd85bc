"""What was agreed with a partner, for each direction and transaction set."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any

from gateway.partners.calendar import When, checked_zone
from gateway.partners.setting import setting as setting  # noqa: PLC0414 - others take it from here
from gateway.x12.acknowledgment import Form
from gateway.x12.delimiters import Delimiters


def checked_name(name: str) -> str:
    """The name, if it can serve as a folder name on any system.

    Raises:
        ValueError: it cannot.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise ValueError(f"{name!r} is no usable name: take a-z, 0-9 and -, at most 41 characters")
    return name


def checked_marker(marker: str) -> str:
    """The end of names of marker files, such as ``.done``, empty for none. Raises ValueError."""
    if marker and not re.fullmatch(r"\.[A-Za-z0-9._-]{1,20}", marker):
        raise ValueError(f"marker {marker!r}: write a dot and an ending, such as .done or .ok")
    return marker


def _set_id(value: str) -> None:
    if not re.fullmatch(r"\d{3}", value):
        raise ValueError(f"{value!r} is no transaction set: write three digits, for example 850")


BY = ("content", "interchange", "group", "set", "number")
THEN = ("quarantine", "reject", "pass", "answer_again")


@setting
class Duplicates:
    """By what something is known that came before, and what is done with it.

    Attributes:
        by: ``content`` (the same bytes), ``interchange`` (sender, receiver, usage and ISA13), ``group`` (and
            GS06), ``set`` (and ST02), ``number`` (an original document with the number of an earlier one).
        then: ``quarantine`` (not processed; a person looks), ``reject`` (not processed, and the sender is
            told), ``answer_again`` (not processed; the first acknowledgment is sent again), ``pass``
            (processed as if it were new).
    """

    by: tuple[str, ...] = ("content", "interchange", "number")
    then: str = "quarantine"

    def __post_init__(self) -> None:
        if wrong := [one for one in self.by if one not in BY]:
            raise ValueError(f"duplicates by {wrong[0]!r}: choose of {', '.join(BY)}")
        if self.then not in THEN:
            raise ValueError(f"duplicates then {self.then!r}: choose one of {', '.join(THEN)}")


@setting
class Batch:
    """When documents that wait are sent together, as one functional group: whatever is reached first.

    Attributes:
        count: as soon as so many wait. size_kb: as soon as their JSON has so many kilobytes; 0 for any.
        seconds: when the first of them has waited for so long.
        close: at these times, in place of ``seconds``.
    """

    count: int = 100
    size_kb: int = 0
    seconds: int = 300
    close: When | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 10_000 or self.size_kb < 0 or not 1 <= self.seconds <= 7 * 86400:
            raise ValueError("batch: count is 1 to 10000, size_kb not negative, seconds 1 to 604800")


@setting
class Receive:
    """A transaction set this partner may send us.

    Attributes:
        set: ST01, for example ``850``.
        acknowledge: with what its functional groups are answered: ``997``, ``999``, false for nothing; true
            is ``997``.
        duplicates: where it differs from what holds for the partner; by ``group``, ``set`` and ``number``.
    """

    set: str
    acknowledge: bool | str = True
    duplicates: Duplicates | None = None

    def __post_init__(self) -> None:
        _set_id(self.set)
        if self.acknowledge not in (True, False, "997", "999"):
            raise ValueError(f"acknowledge {self.acknowledge!r}: write 997, 999 or false (true is 997)")

    @property
    def answer(self) -> Form | None:
        """The transaction set that answers, None for no answer."""
        if not self.acknowledge:
            return None
        return "999" if self.acknowledge == "999" else "997"


FILE_NAMED = ("set", "number", "control", "date", "time", "partner")
"""What a name of files for a partner can say: ST01, the number of the document (of several how many there
are), ISA13, day and time (UTC), and the partner's id."""


@setting
class Send:
    """A transaction set we may send to this partner.

    Attributes:
        set: ST01, for example ``850``.
        version: GS08, which chooses the guide.
        usage: ISA15, ``P`` for production or ``T`` for test.
        acknowledged: whether a 997 is expected back. acknowledged_within_hours: until when.
        batch: documents wait for each other; without it each has an interchange of its own.
        file_name: of its files, with any of {set}, {number}, {control}, {date}, {time}, {partner}.
    """

    set: str
    version: str = "004010"
    usage: str = "P"
    acknowledged: bool = True
    acknowledged_within_hours: float = 24
    batch: Batch | None = None
    file_name: str = "{set}_{number}_{control}.edi"

    def __post_init__(self) -> None:
        _set_id(self.set)
        said = re.findall(r"\{([^{}]*)\}", self.file_name)
        if wrong := [one for one in said if one not in FILE_NAMED]:
            raise ValueError(f"file_name: there is no {{{wrong[0]}}}; known: {', '.join(FILE_NAMED)}")
        if re.search(r"[{}/]", re.sub(r"\{[^{}]*\}", "", self.file_name)) or "control" not in said:
            raise ValueError("file_name: write a name without folders, with {control} in it")
        if self.usage not in ("P", "T"):
            raise ValueError(f"usage {self.usage!r}: write P (production) or T (test)")
        if not 0 < self.acknowledged_within_hours <= 8760:
            raise ValueError("acknowledged_within_hours: more than 0, at most 8760 (a year)")


@setting
class Writing:
    """How the partner wants X12 written.

    Attributes:
        interchange_version: ISA12; empty for 00401, or 00501 with sets of 005010.
        element, component, segment: the three separators, one character each.
        newline: whether every segment ends with a line feed after its terminator.
    """

    interchange_version: str = ""
    element: str = "*"
    component: str = ">"
    segment: str = "~"
    newline: bool = False

    def __post_init__(self) -> None:
        separators = {self.element, self.component, self.segment}
        if len(separators) < 3 or any(len(one) != 1 or one.isalnum() or one == " " for one in separators):
            raise ValueError("element, component and segment must be three different signs of one character")
        if not re.fullmatch(r"(\d{5})?", self.interchange_version):
            raise ValueError(f"interchange_version {self.interchange_version!r}: write five digits, as 00401")

    @property
    def delimiters(self) -> Delimiters:
        """The separators as the X12 core wants them."""
        newline = "\n" if self.newline else ""
        return Delimiters(self.element, self.component, self.segment, newline=newline)


DUE = ("order_acknowledgment", "ship_notice", "invoice", "payment", "acknowledgment", "receipt")
"""Kinds of what is due."""


@setting
class Deadlines:
    """What must be done until when; 0 or false where nobody looks.

    Attributes:
        order_acknowledgment_hours: from an order's arrival to its acknowledgment, if an 855 is agreed.
        ship_notice: whether one must be there ``departure_minutes`` after the departure at the latest, and
            ``appointment_hours`` before the appointment, whichever is sooner.
        departure_minutes, appointment_hours: for ship_notice.
        invoice_hours: from the ship notice to the invoice.
        payment: whether invoices must be paid by their terms.
        near_hours: so long before the end it is told that it comes.
        calendar: in whose working hours the hours for acknowledgment and invoice count; empty for all hours.
        zone: where times in documents are meant; empty for that of the calendar, or UTC.
        costs: what it costs to miss one, in words by its kind.
    """

    order_acknowledgment_hours: float = 24
    ship_notice: bool = False
    departure_minutes: float = 30
    appointment_hours: float = 6
    invoice_hours: float = 0
    payment: bool = False
    near_hours: tuple[float, ...] = (4, 1)
    calendar: str = ""
    zone: str = ""
    costs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if wrong := [one for one in self.costs if one not in DUE]:
            raise ValueError(f"costs: {wrong[0]!r} is no deadline; known: {', '.join(DUE)}")
        for name in ("order_acknowledgment_hours", "departure_minutes", "appointment_hours", "invoice_hours"):
            if not 0 <= getattr(self, name) <= 8760:
                raise ValueError(f"{name}: 0 to 8760")
        if len(self.near_hours) > 8 or not all(0 < one <= 8760 for one in self.near_hours):
            raise ValueError("near_hours: at most eight, each more than 0 and at most 8760")
        if self.zone:
            checked_zone(self.zone)


MODES = ("off", "fill", "require")


def _mode(value: str) -> None:
    if value not in MODES:
        raise ValueError(f"mode {value!r}: choose one of {', '.join(MODES)}")


@setting
class Items:
    """Whether the names of items are looked up in the item table.

    Attributes:
        mode: ``off``; ``fill`` (numbers that are known are filled in); ``require`` (and a document with an
            item nobody knows waits, or goes to quarantine if it is ours).
    """

    mode: str = "off"

    def __post_init__(self) -> None:
        _mode(self.mode)


@setting
class Locations:
    """The same of the places of parties, of which the ship-to is required.

    Attributes:
        mode: as for items.
        send: by what the partner wants to be told a place: ``code``, ``san`` or ``gln``.
    """

    mode: str = "off"
    send: str = "code"

    def __post_init__(self) -> None:
        _mode(self.mode)
        if self.send not in ("code", "san", "gln"):
            raise ValueError(f"send {self.send!r}: choose one of code, san, gln")


@setting
class Rules:
    """Which rules of vendors hold; what is in them is checked with the rules themselves.

    Attributes:
        profile: those of ``config/rules/<profile>.yaml``; empty for none but what ``change`` names.
        change: by the name of a rule what differs: a severity, or that and parameters.
        own: rules of one's own.
    """

    profile: str = ""
    change: dict[str, Any] = field(default_factory=dict)
    own: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.profile:
            checked_name(self.profile)


LAYOUTS = ("generic", "amazon")


@setting
class Labels:
    """SSCCs and labels of cartons and pallets.

    Attributes:
        sscc: ``given`` (those in the ship notice; where it says ``auto``, a new one), or ``fill`` (a new one
            for each carton and pallet without one, too).
        gs1_prefix: which of company.gs1_prefixes new ones are of; empty for the first.
        layout: how labels look.
        to_erp: ``pdf`` or ``zpl``: a file with the labels of each ship notice, for the channel of our own
            system that it came from; empty for none.
    """

    sscc: str = "given"
    gs1_prefix: str = ""
    layout: str = "generic"
    to_erp: str = ""

    def __post_init__(self) -> None:
        if self.sscc not in ("given", "fill"):
            raise ValueError(f"sscc {self.sscc!r}: choose given or fill")
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout {self.layout!r}: choose one of {', '.join(LAYOUTS)}")
        if self.to_erp not in ("", "pdf", "zpl"):
            raise ValueError(f"to_erp {self.to_erp!r}: choose pdf or zpl")
