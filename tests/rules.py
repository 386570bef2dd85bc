"""Examples of rules: a story of one order that is right by every rule, and for each rule what breaks it.

``tests/data/rules/story`` has the order, a change of it, its acknowledgment, ship notice and invoice. Each
file beside that folder has the examples of one rule: ``passes`` and ``fails`` are lists of changes to a
document of the story (``document``), by JSON pointer; None takes a field away, ``/-`` adds to a list. A
change under ``order:``, ``change:``, ``acknowledgment:``, ``ship_notice:`` or ``invoice:`` makes a document
that came or was sent before other than in the story; what the story knows before each document is its
beginning. ``finds`` are the words that must be told.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import Problem
from gateway.partners.agreement import Rules
from gateway.partners.partner import Identifier, Partner
from gateway.rules.profile import resolved
from gateway.rules.rule import RULES, Applied, Facts, Past, check

PROFILES = ("amazon-na", "amazon-eu", "amazon-jp", "retailer")
DATA = Path(__file__).resolve().parent / "data" / "rules"
TIMES = {
    "order": datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
    "acknowledgment": datetime(2026, 3, 2, 15, 0, tzinfo=UTC),
    "change": datetime(2026, 3, 4, 8, 0, tzinfo=UTC),
    "ship_notice": datetime(2026, 3, 12, 16, 30, tzinfo=UTC),
    "invoice": datetime(2026, 3, 13, 10, 0, tzinfo=UTC),
}
BEFORE = {
    "order": (),
    "change": ("order", "acknowledgment"),
    "acknowledgment": ("order",),
    "ship_notice": ("order", "acknowledgment"),
    "invoice": ("order", "acknowledgment", "ship_notice"),
}


@cache
def _story(name: str) -> Any:
    return json.loads((DATA / "story" / f"{name}.json").read_text("utf-8"))


def story(name: str) -> dict[str, Any]:
    """A document of the story."""
    found: dict[str, Any] = copy.deepcopy(_story(name))
    return found


def put(document: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The document with changes by JSON pointer."""
    for pointer, value in changes.items():
        node: Any = document
        *path, last = pointer.split("/")[1:]
        for part in path:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        if last == "-":
            node.append(copy.deepcopy(value))
        elif value is None:
            del node[int(last) if isinstance(node, list) else last]
        else:
            node[int(last) if isinstance(node, list) else last] = copy.deepcopy(value)
    return document


@dataclass(frozen=True)
class Example:
    """One document, what is known, and what a rule must find."""

    rule: str
    passes: bool
    number: int
    said: Mapping[str, Any]
    kind: str

    def __str__(self) -> str:
        return f"{self.rule}-{'passes' if self.passes else 'fails'}-{self.number}"

    @property
    def document(self) -> dict[str, Any]:
        return put(story(self.kind), {k: v for k, v in self.said.items() if k.startswith("/")})

    @property
    def known(self) -> Facts:
        past: list[tuple[str, Past]] = []
        for name in (*BEFORE[self.kind], *(one for one in TIMES if one in self.said)):
            changes = self.said.get(name, {})
            if changes == "none":
                past = [one for one in past if one[0] != name]
                continue
            at = TIMES[name] - timedelta(hours=changes.get("hours_before", 0))
            status = changes.get("status", "accepted")
            made = put(story(name), {k: v for k, v in changes.items() if k.startswith("/")})
            past = [one for one in past if one[0] != name or changes.get("again")]
            past.append((name, Past(made, at, status)))
        rows = (tuple(self.said.get(one, ())) for one in ("items", "places"))
        return Facts(tuple(one for _, one in sorted(past, key=lambda one: one[1].at)), *rows)

    @property
    def now(self) -> datetime:
        return TIMES[self.kind] + timedelta(hours=self.said.get("hours_later", 0))

    def applied(self) -> list[Applied]:
        """The rule, with the parameters of the example."""
        told: list[str] = []
        severity = {"severity": RULES[self.rule].severity}
        found = resolved(
            RULES, None, {self.rule: severity | self.said.get("parameters", {})}, (), told.append
        )
        assert told == []
        return [one for one in found if one.rule.id == self.rule]

    def found(self) -> list[Problem]:
        """What the rule says."""
        return check(self.document, self.known, self.now, self.applied())

    def assert_told(self) -> None:
        """That the rule says what the example says, and no more."""
        found = self.found()
        words = [one.message for one in found]
        if self.passes:
            assert words == []
            return
        wanted = [self.said["finds"]] if isinstance(self.said["finds"], str) else self.said["finds"]
        assert len(words) == len(wanted), words
        for part, told in zip(wanted, words, strict=True):
            assert part in told, (part, told)


def examples() -> Iterator[Example]:
    """All examples."""
    for path in sorted(DATA.glob("*.yaml")):
        told = yaml.safe_load(path.read_text("utf-8"))
        shared = {"parameters": told["parameters"]} if "parameters" in told else {}
        for passes in (True, False):
            for number, one in enumerate(told.get("passes" if passes else "fails", ()), 1):
                said = shared | (one or {})
                yield Example(path.stem, passes, number, said, said.get("document", told["document"]))


def partner(profile: str, **change: Any) -> Partner:
    """A partner with a profile of rules."""
    mine = (Identifier(qualifier="ZZ", id="SOMEBODY"),)
    return Partner(
        id="somebody", name="Somebody", identifiers=mine, rules=Rules(profile=profile, change=change)
    )
