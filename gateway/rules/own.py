"""Rules of a customer's own, as a profile or a partner's file states them: a field, an operator, a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field
from decimal import Decimal
from typing import Any

from gateway.documents import KINDS
from gateway.partners.agreement import setting
from gateway.rules.amounts import number, said, total
from gateway.rules.rule import BLOCK, SEVERITIES, Applied, Case, Found, Node, Rule

MAX_VALUES = 10_000
"""Values that a path may lead to in a document; further ones are not looked at."""

_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*(?:\[\])?"
_PATH = rf"{_NAME}(?:\.{_NAME})*"
_FIELD = re.compile(rf"(?:(sum|count)\(({_PATH})\)|({_PATH}))")
_DECIMAL = re.compile(r"-?(\d+\.?\d*|\.\d+)")
MAX_PATTERN = 200


def values(document: Node, path: str) -> Iterator[tuple[str, Any]]:
    """What a path such as ``lines[].ids.upc`` leads to, each with its JSON pointer; None where nothing is."""
    left: list[tuple[str, Any, list[str]]] = [("", document, path.split("."))]
    count = 0
    while left and count < MAX_VALUES:
        at, value, names = left.pop()
        if not names:
            count += 1
            yield at, value
            continue
        name, rest = names[0].removesuffix("[]"), names[1:]
        below = value.get(name) if isinstance(value, dict) else None
        if names[0].endswith("[]"):
            some = below if isinstance(below, list | tuple) else ()
            left += [(f"{at}/{name}/{place}", one, rest) for place, one in enumerate(some)][::-1]
        elif below is None:
            count += 1
            yield "/".join((at, name, *(one.removesuffix("[]") for one in rest))), None
        else:
            left.append((f"{at}/{name}", below, rest))


def _numbers(one: Any, other: Any) -> tuple[Decimal, Decimal] | None:
    texts = str(one), str(other)
    if not all(_DECIMAL.fullmatch(text) and len(text) <= 40 for text in texts):
        return None
    return Decimal(texts[0]), Decimal(texts[1])


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """As numbers where both are, else as texts; dates compare as they should."""

    def compared(one: Any, other: Any) -> bool:
        return one is not None and test(*(_numbers(one, other) or (str(one), str(other))))

    return compared


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": _compared(lambda one, other: one == other),
    "!=": _compared(lambda one, other: one != other),
    "<": _compared(lambda one, other: one < other),
    "<=": _compared(lambda one, other: one <= other),
    ">": _compared(lambda one, other: one > other),
    ">=": _compared(lambda one, other: one >= other),
    "in": lambda one, other: str(one) in map(str, other),
    "matches": lambda one, other: one is not None and bool(re.fullmatch(str(other), str(one)[:MAX_PATTERN])),
    "exists": lambda one, _: one is not None,
    "missing": lambda one, _: one is None,
}
_ALONE = ("exists", "missing")


@setting
class Condition:
    """What must be so: of every value the field leads to.

    Attributes:
        field: a path such as ``lines[].quantity.value``, or ``sum(...)`` or ``count(...)`` of one.
        operator: ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``in``, ``matches``, ``exists``, ``missing``.
        value: text, or a list for ``in``. value_of: a path in place of a value.
    """

    field: str
    operator: str
    value: str | tuple[str, ...] = ""
    value_of: str = ""

    def __post_init__(self) -> None:
        if not all(map(_FIELD.fullmatch, filter(None, (self.field, self.value_of)))):
            words = "a path such as lines[].ids.upc, or sum(...) or count(...) of one"
            raise ValueError(f"field {self.field!r} {self.value_of!r}: write {words}")
        if self.operator not in OPERATORS:
            raise ValueError(f"operator {self.operator!r}: choose one of {', '.join(OPERATORS)}")
        if (self.operator in _ALONE) == bool(self.value or self.value_of):
            raise ValueError(f"operator {self.operator!r}: {_wants(self.operator)}")
        if (self.operator == "in") != isinstance(self.value, tuple):
            raise ValueError("value: a list goes with the operator in, and a single value with the others")
        if self.operator == "matches":
            checked_pattern(str(self.value))

    def read(self, document: Node, path: str) -> list[tuple[str, Any]]:
        """The values of a field with their pointers."""
        function, inside, plain = _FIELD.fullmatch(path).group(1, 2, 3)  # type: ignore[union-attr]
        found = list(values(document, inside or plain))
        if function:
            some = [one for _, one in found if one is not None]
            result = Decimal(len(some)) if function == "count" else total(filter(None, map(number, some)))
            return [("/" + inside.partition("[]")[0].replace(".", "/"), said(result))]
        return found

    def broken(self, document: Node) -> Iterator[tuple[str, Any]]:
        """Values for which it is not so."""
        value: Any = self.value
        if self.value_of:
            value = next((one for _, one in self.read(document, self.value_of)), None)
        test = OPERATORS[self.operator]
        yield from (one for one in self.read(document, self.field) if not test(one[1], value))


def _wants(operator: str) -> str:
    return "goes without a value" if operator in _ALONE else "needs a value, or value_of"


def checked_pattern(pattern: str) -> str:
    """A regular expression; the administrator writes it, and what it is tried on is short. Raises
    ValueError.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern {pattern!r}: {error}") from None
    return pattern


@setting
class OwnRule:
    """A rule of one's own.

    Attributes:
        id: begins with ``X-``. document: the type it is for. when: conditions that must hold, or it does
            not apply.
        must: what must be so. severity: ``block``, ``warn`` or ``off``. message, hint, why: for who reads
            the problem. override: whether a person may let a document pass that breaks it.
    """

    id: str
    document: str
    must: Condition
    message: str
    when: tuple[Condition, ...] = ()
    severity: str = BLOCK
    override: bool = False
    hint: str = "Correct the field."
    why: str = field(default="A rule of your own.")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"X-[A-Z0-9-]{1,40}", self.id):
            raise ValueError(f"id {self.id!r}: write X- and capitals, digits or -, as X-DEPARTMENT")
        if self.document not in KINDS:
            raise ValueError(f"document {self.document!r}: choose one of {', '.join(KINDS)}")
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity {self.severity!r}: choose one of {', '.join(SEVERITIES)}")

    def applied(self) -> Applied:
        """The same as a rule like all others."""

        def check(case: Case) -> Iterator[Found]:
            if not any(True for one in self.when for _ in one.broken(case.document)):
                for pointer, value in self.must.broken(case.document):
                    yield Found(pointer, value, self.message)

        check.__doc__ = self.message
        made = Rule(self.id, (self.document,), self.severity, check, self.why, "your settings", self.hint)
        return Applied(made, self.severity, self.override)
