"""Which rules hold for a partner: those of a profile, changed by what the partner's file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from gateway.partners.setting import adapter, setting
from gateway.rules.own import OwnRule, checked_pattern
from gateway.rules.rule import OFF, SEVERITIES, Applied, Rule

MOST = 1_000_000
"""The largest number a parameter may have."""


@setting
class RuleProfile:
    """``config/rules/<name>.yaml``. description: for people. rules: what differs, as ``rules.change``."""

    description: str
    rules: dict[str, Any] = field(default_factory=dict)
    own: tuple[OwnRule, ...] = ()


_TYPES: dict[Any, str] = {
    bool: "true or false",
    int: f"a whole number from 0 to {MOST}",
    Decimal: f"a number from 0 to {MOST}",
    str: "a text",
    tuple[str, ...]: "a list of texts, as [a, b]",
    tuple[int, ...]: "a list of whole numbers, as [30, 60]",
    dict[str, str]: "a text for each name, as {US: a}",
    dict[str, tuple[str, ...]]: "a list for each name, as {US: [a, b]}",
}
"""What to write for a parameter, by its type."""


def _read(kind: Any, value: Any) -> Any:
    """A parameter of a type. Raises ValueError."""
    try:
        found = adapter(kind).validate_python(value)
    except ValidationError:
        raise ValueError(f"write {_TYPES[kind]}") from None
    if kind in (int, Decimal) and not 0 <= found <= MOST:
        raise ValueError(f"write {_TYPES[kind]}")
    return found


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
                severity = str(value)
                if value not in SEVERITIES:
                    raise ValueError(f"choose one of {', '.join(SEVERITIES)}")
            elif name == "override":
                override = _read(bool, value)
            elif name in known:
                parameters[name] = _read(known[name], value)
                if name in ("pattern", "tax_id"):
                    for text in value.values() if isinstance(value, dict) else [value]:
                        checked_pattern(text)
            else:
                raise ValueError(f"is no parameter; known are {', '.join(('severity', 'override', *known))}")
        except ValueError as error:
            tell(f"{one.rule.id}.{name} {value!r}: {error}")
    return Applied(one.rule, severity, override, parameters)
