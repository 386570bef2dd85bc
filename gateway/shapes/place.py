"""Where a value stands in a document: a path such as ``parties[role=ship_to].address.lines[1]``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

from gateway.documents import schema
from gateway.shapes.form import nearest, pointer

Scope = tuple[str, ...]
"""The lists around a value whose entries are rows: ``lines[].schedule[]``."""

_STEP = re.compile(r"([A-Za-z0-9_]+)(\[(?:([a-z_]+)=([^\]]+)|([1-9][0-9]?)|)\])?(?:\.(?!\Z)|\Z)")


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path; in a list the entry whose ``key`` is ``value``, or number ``index`` from 0."""

    name: str
    key: str = ""
    value: str = ""
    index: int | None = None

    @property
    def is_entry(self) -> bool:
        return bool(self.key) or self.index is not None

    def entry(self, entries: Any) -> int | None:
        """Which entry of a list it is, if it is there."""
        if self.index is not None:
            return self.index if self.index < len(entries) else None
        return next((n for n, one in enumerate(entries) if one.get(self.key) == self.value), None)


@dataclass(frozen=True, slots=True)
class Place:
    """A path, for example ``lines[].quantity.value``.

    Attributes:
        scope: the lists whose entries are rows.
        steps: the way from an entry of the last of them, or from the document.
    """

    text: str
    scope: Scope
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a path.

        Raises:
            ValueError: the text is no path.
        """
        scope: list[str] = []
        steps: list[Step] = []
        # A condition may hold a dot, so the text is matched step by step and not split.
        end = 0
        while end < len(text) or not text:
            match = _STEP.match(text, end)
            if match is None:
                raise ValueError(f"{text!r} is no path such as lines[].quantity.value")
            end = match.end()
            name, bracket, key, value, number = match.groups()
            if bracket != "[]":
                steps.append(Step(name, key or "", value or "", int(number) - 1 if number else None))
            elif steps:
                raise ValueError(f"{text!r}: [] stands in front, as in lines[].schedule[].at")
            else:
                scope.append(name)
        return cls(text, tuple(scope), tuple(steps))

    def find(self, owner: Any, at: str) -> tuple[Any, list[str]]:
        """The value in an object, None if it is not there.

        Args:
            at: JSON pointer to the object.

        Returns:
            The value, and the pointers of what chose the entries on the way and, last, of the value.
        """
        chosen: list[str] = []
        for step in self.steps:
            owner, at = owner.get(step.name) if isinstance(owner, dict) else None, pointer(at, step.name)
            if step.is_entry:
                index = step.entry(owner or ())
                if index is None:
                    return None, [*chosen, at]
                owner, at = owner[index], pointer(at, index)
                if step.key:
                    chosen.append(pointer(at, step.key))
        return owner, [*chosen, at]

    def put(self, owner: dict[str, Any], value: Any) -> None:
        """Sets the value in an object, with the objects and entries around it."""
        for step in self.steps:
            is_last = step is self.steps[-1]
            if not step.is_entry:
                inner = owner.setdefault(step.name, value if is_last else {})
            else:
                entries = owner.setdefault(step.name, [])
                index = step.entry(entries)
                if index is None:
                    index = len(entries)
                    entries.append(value if is_last else {step.key: step.value} if step.key else {})
                inner = entries[index]
            owner = inner

    def kind(self, document_type: str) -> str:
        """What stands there in documents of a type: string, decimal, date, datetime, integer or boolean.

        A path without steps names a list, whose entries are of the kind object.

        Raises:
            ValueError: the type has no such place; the message says why.
        """
        form = node = schema.form(document_type)
        names = [*((name, True) for name in self.scope), *((one.name, one.is_entry) for one in self.steps)]
        for name, many in names:
            fields = node.get("properties", {})
            keys = node.get("patternProperties", {})
            inner = fields.get(name) or next((keys[one] for one in keys if re.match(one, name)), None)
            if inner is None:
                near = nearest(name, fields) or f" Fields here: {', '.join(fields)}."
                raise ValueError(f"there is no field {name} in {self.text}.{near}")
            node = schema.resolved(form, inner)
            is_list = schema.kind(node) == "array"
            if many and not is_list:
                raise ValueError(f"{name} in {self.text} is no list.")
            if many:
                node = schema.resolved(form, node["items"])
            elif is_list:
                advice = "which has [] for rows, [1] or [role=ship_to] for an entry"
                raise ValueError(f"{name} in {self.text} is a list, {advice}.")
        kind = schema.kind(node)
        if (kind == "object") is bool(self.steps) or kind == "None":
            raise ValueError(f"{self.text} is no {'single value' if self.steps else 'list of objects'}.")
        return kind

    def fault(self, document_type: str) -> str:
        """Why documents of a type have no such place; empty if they have."""
        try:
            self.kind(document_type)
        except ValueError as error:
            return str(error)
        return ""
