"""Which rules hold for a partner: those of a profile, changed by what the partner's file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from gateway.partners.agreement import setting
from gateway.rules.own import OwnRule, checked_pattern
from gateway.rules.rule import OFF, SEVERITIES, Applied, Rule

MOST = 1_000_000
"""The largest number a parameter may have."""


@setting
class RuleProfile:
    """``config/rules/<name>.yaml``: rules that differ from what they are by themselves, and rules of its own."""

    description: str
    rules: dict[str, Any] = field(default_factory=dict)
    own: tuple[OwnRule, ...] = ()


def _flag(value: Any) -> bool:
    if value not in (True, False):
        raise ValueError("write true or false")
    return bool(value)


def _number(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 <= found <= MOST):
        raise ValueError(f"write a number from 0 to {MOST}")
    return found


def _whole(value: Any) -> int:
    if (found := _number(value)) != int(found):
        raise ValueError("write a whole number")
    return int(found)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("write a text")
    return value


def _list(one: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def made(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError("write a list, as [a, b]")
        return tuple(map(one, value))

    return made


def _table(one: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def made(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("write a list for each name, as {US: [a, b]}")
        return {str(name): one(below) for name, below in value.items()}

    return made


_TYPES: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    bool: ("true or false", _flag),
    int: ("whole number", _whole),
    Decimal: ("number", _number),
    str: ("text", _text),
    tuple[str, ...]: ("list of texts", _list(_text)),
    tuple[int, ...]: ("list of whole numbers", _list(_whole)),
    dict[str, str]: ("text by name", _table(_text)),
    dict[str, tuple[str, ...]]: ("list of texts by name", _table(_list(_text))),
}
"""Types of parameters: in words, and how one is read."""


def type_name(kind: Any) -> str:
    """The type of a parameter in words."""
    return _TYPES[kind][0]


def resolved(
    table: Mapping[str, Rule],
    profile: RuleProfile | None,
    changed: Mapping[str, Any],
    own: Iterable[OwnRule],
    tell: Callable[[str], None],
) -> tuple[Applied, ...]:
    """The rules as they hold; without a profile only those that ``changed`` names. What is wrong is told."""
    found = {name: Applied(one, one.severity if profile else OFF) for name, one in table.items()}
    for said in (profile.rules if profile else {}, changed):
        for name, words in said.items():
            if name not in found:
                near = next(iter(get_close_matches(name, found, n=1)), None)
                tell(
                    f"{name} is no rule.{f' Did you mean {near}?' if near else ''} `edigw rule list` has all"
                )
            else:
                start = found[name] if profile else Applied(table[name], table[name].severity)
                found[name] = _changed(start, words, tell)
    mine = [*(profile.own if profile else ()), *own]
    found |= {one.id: one.applied() for one in mine}
    return tuple(found.values())


def _changed(one: Applied, said: Any, tell: Callable[[str], None]) -> Applied:
    """A rule with what settings say of it: a severity, or that and parameters by name."""
    given = {"severity": said} if isinstance(said, str) else said
    known = {name: kind for name, (kind, _) in one.rule.parameters.items()}
    if not isinstance(given, dict):
        tell(f"{one.rule.id}: write {', '.join(SEVERITIES)}, or settings in braces")
        return one
    severity, override, parameters = one.severity, one.override, dict(one.parameters)
    for name, value in given.items():
        try:
            if name == "severity":
                severity = _text(value)
                if value not in SEVERITIES:
                    raise ValueError(f"choose one of {', '.join(SEVERITIES)}")
            elif name == "override":
                override = _flag(value)
            elif name in known:
                parameters[name] = _TYPES[known[name]][1](value)
                if name in ("pattern", "tax_id"):
                    for text in value.values() if isinstance(value, dict) else [value]:
                        checked_pattern(text)
            else:
                raise ValueError(f"is no parameter; known are {', '.join(('severity', 'override', *known))}")
        except ValueError as error:
            tell(f"{one.rule.id}.{name} {value!r}: {error}")
    return Applied(one.rule, severity, override, parameters)
