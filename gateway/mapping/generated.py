"""What the makers of functions share: the names of generated code, its indentation, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_MOST = 20_000
"""Values remembered; real traffic repeats a few hundred."""


class Memo(dict[Key, Value]):
    """Values by key, made on first sight; a memo equals only itself."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self, make: Callable[[Key], Value]) -> None:
        super().__init__()
        self.make = make

    def __eq__(self, other: object) -> bool:
        return self is other

    def __missing__(self, key: Key) -> Value:
        if len(self) > _MOST:
            self.clear()
        value = self[key] = self.make(key)
        return value


def bound(names: dict[str, Any], prefix: str, value: Any) -> str:
    """A name for an object in generated code; equals of a class share it, so that equal code is seen."""
    for known, other in names.items():
        if other is value or (other.__class__ is value.__class__ and other == value):
            return known
    made = f"{prefix}{len(names)}"
    names[made] = value
    return made


def indented(lines: Iterable[str]) -> list[str]:
    """Statements as they stand below an ``if``."""
    return [f"    {line}" for line in lines]
