"""What a rule is, what it is given, and what comes of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, get_type_hints

from gateway.errors import Fault, Level, Location, Problem, Severity
from gateway.rules.reasons import REASONS

BLOCK, WARN, OFF = "block", "warn", "off"
SEVERITIES = (BLOCK, WARN, OFF)
"""What a rule does: stops a document for good, stops it until a person approves it, nothing."""

MAX_VALUE = 200
MAX_FOUND = 100
"""Problems that one rule tells of a document."""

Node = Mapping[str, Any]


class Past(NamedTuple):
    """A document that came or was sent before: when, and what its receiver said of it (997)."""

    document: Node
    at: datetime
    status: str = "not_expected"


class Known(Protocol):
    """What is known beside a document; asked for only when a rule needs it."""

    def documents(self, kind: str, number: str) -> Sequence[Past]:
        """Documents of the partner and usage that name a number, oldest first; none that was rejected.

        Args:
            kind: ``po``, ``shipment``, ``invoice``, ``sscc`` or ``bol``.
        """

    def accepted(self, document_type: str, enough: int) -> int:
        """How many documents of a type the partner's system has taken, counted up to ``enough``."""

    def items(self, ids: Node) -> Sequence[Node]:
        """Rows of the item table for these numbers, today."""

    def places(self, party: Node) -> Sequence[Node]:
        """Rows of the table of places for a party, today."""


class Found(NamedTuple):
    """What a rule finds: where (JSON pointer), the value, what is wrong, and what to do if not as the rule
    says.
    """

    pointer: str
    value: object
    words: str
    hint: str = ""


@dataclass(slots=True)
class Case:
    """What is checked. ``memory`` keeps what several rules ask for."""

    document: Node
    known: Known
    now: datetime
    memory: dict[Any, Any] = field(default_factory=dict)


Check = Callable[..., Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One check.

    Attributes:
        kinds: types of documents. severity: unless a profile says otherwise. check: takes a :class:`Case`
            and the parameters by name; its docstring says what is checked.
        why: what goes wrong without it. source: who says so. hint: what to do.
        elsewhere: the part of the gateway that does it for every partner; then ``check`` finds nothing.
        fault: whose move it is.
    """

    id: str
    kinds: tuple[str, ...]
    severity: str
    check: Check
    why: str
    source: str
    hint: str
    elsewhere: str = ""
    fault: Fault = Fault.US

    @property
    def code(self) -> str:
        return f"RULE-{self.id}"

    @property
    def what(self) -> str:
        """What is checked, in a sentence or two."""
        return " ".join((self.check.__doc__ or "").split())

    @property
    def parameters(self) -> dict[str, tuple[Any, Any]]:
        """Type and default of each parameter."""
        hints = get_type_hints(self.check)
        made = list(inspect.signature(self.check).parameters.items())[1:]
        return {name: (hints[name], one.default) for name, one in made}


RULES: dict[str, Rule] = {}
"""All rules by their ids, in the order of documents: any, orders, acknowledgments, ship notices, invoices."""

ORDERS = ("purchase_order", "purchase_order_change")
ANSWERS = ("purchase_order_acknowledgment", "purchase_order_change_acknowledgment")
SENT = (*ANSWERS, "ship_notice", "invoice")


def rule(name: str, kinds: Sequence[str], severity: str, **more: Any) -> Callable[[Check], Check]:
    """Makes a function a rule of the table."""

    def made(check: Check) -> Check:
        RULES[name] = Rule(name, tuple(kinds), severity, check, *REASONS[name], **more)
        return check

    return made


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule as it holds for a partner. ``override``: whether a person may let a document pass that it
    blocks.
    """

    rule: Rule
    severity: str
    override: bool = False
    parameters: Node = field(default_factory=dict)

    def problems(self, case: Case) -> Iterator[Problem]:
        """What is wrong by this rule."""
        if self.severity == OFF or case.document.get("document_type") not in self.rule.kinds:
            return
        weight = Severity.ERROR if self.severity == BLOCK else Severity.WARNING
        for number, one in enumerate(self.rule.check(case, **self.parameters)):
            if number == MAX_FOUND:
                return
            value = None if one.value in (None, "") else str(one.value)[:MAX_VALUE]
            hint, fault = one.hint or self.rule.hint, self.rule.fault
            where = Location(pointer=one.pointer)
            yield Problem(
                self.rule.code, weight, Level.TRANSACTION_SET, one.words, hint, value, where, fault=fault
            )


def check(document: Node, known: Known, now: datetime, rules: Iterable[Applied]) -> list[Problem]:
    """Everything that is wrong with a document that is right by its model."""
    case = Case(document, known, now)
    return [found for one in rules for found in one.problems(case)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known, as plain data: past documents, and rows of both tables."""

    past: tuple[Past, ...] = ()
    item_rows: tuple[Node, ...] = ()
    place_rows: tuple[Node, ...] = ()

    def documents(self, kind: str, number: str) -> Sequence[Past]:
        from gateway.documents import keys_of

        return [one for one in self.past if (kind, number) in set(keys_of(one.document))]

    def accepted(self, document_type: str, enough: int) -> int:  # noqa: ARG002 - as the protocol has it
        return sum(
            one.document["document_type"] == document_type and one.status.startswith("accepted")
            for one in self.past
        )

    def items(self, ids: Node) -> Sequence[Node]:
        return [row for row in self.item_rows if any(row.get(name) == value for name, value in ids.items())]

    def places(self, party: Node) -> Sequence[Node]:
        wanted = party.get("id")
        return [row for row in self.place_rows if wanted in (row.get("code"), row.get("san"), row.get("gln"))]
